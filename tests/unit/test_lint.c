/* lint.c: each check speaks where it should, and only there. */
#include "rules/lint.h"
#include "rules/wording.h"

#include "unit.h"

#include "fit_rule.h"

static void lint_text(const char *yaml, struct lint *l)
{
    struct rule_problems problems = {0};
    struct rule_set *s = rule_set_of_text("t.yaml", yaml, strlen(yaml),
                                          &(struct set_options){.keep_failing = true}, &problems);
    lint_set(s, &problems, l);
    rule_set_free(s);
    rule_problems_release(&problems);
}

static void lint_parts(const char *h, const char *m, const char *s, const char *r, struct lint *l)
{
    CLEANUP(buf_release) struct buf b = BUF_INIT(65536);
    buf_printf(&b, "%s%s%s%s", h, m, s, r);
    lint_text(buf_cstr(&b), l);
}

static void the_sample_rule_of_the_wording_guide_is_clean(void **state)
{
    (void)state;
    CLEANUP(lint_release) struct lint l;
    lint_parts(fit_head, fit_match, fit_say, fit_rest, &l);
    for (size_t i = 0; i < l.n; i++)
        fail_msg("%s:%d %s %s", l.items[i].rule, l.items[i].line, l.items[i].code, l.items[i].text);
}

static const struct lint_finding *found(const struct lint *l, const char *code)
{
    for (size_t i = 0; i < l->n; i++)
        if (strcmp(l->items[i].code, code) == 0) return &l->items[i];
    return NULL;
}

/* `from` in the good texts replaced by `to` must give exactly this finding on this line, and an error or not. */
static void assert_change(const char *from, const char *to, const char *code, bool error, int line)
{
    const char *at = strstr(fit_say, from);
    assert_non_null(at);
    CLEANUP(buf_release) struct buf b = BUF_INIT(65536);
    buf_add(&b, fit_say, (size_t)(at - fit_say));
    buf_printf(&b, "%s%s", to, at + strlen(from));
    CLEANUP(lint_release) struct lint l;
    lint_parts(fit_head, fit_match, buf_cstr(&b), fit_rest, &l);
    const struct lint_finding *f = found(&l, code);
    if (!f) {
        fail_msg("\"%s\": no %s among %zu findings", to, code, l.n);
        return;
    }
    assert_int_equal(f->error, error);
    if (line) assert_int_equal(f->line, line);
    assert_string_equal(f->rule, "medins_test");
    for (size_t i = 0; i < l.n; i++)
        if (strcmp(l.items[i].code, code) != 0)
            fail_msg("\"%s\" also gives %s: %s", to, l.items[i].code, l.items[i].text);
}

static void every_wording_rule_is_held(void **state)
{
    (void)state;
    assert_change("防骗提醒。有人发短信，说您的医保卡停用了", "注意。有人发短信，您的医保卡停用了", "opening",
                  true, 10);
    assert_change("不要填密码，", "不要下木马，", "forbidden_word", true, 10);
    assert_change("不填密码和", "不装APP和", "forbidden_word", true, 14);
    assert_change("九六一一零", "一三八零零", "number", true, 10);
    assert_change("或打 96110", "或打 12381", "number", true, 14);
    assert_change("不点链接，不填", "看 http://a.cn 不填", "link", true, 14);
    assert_change("{{valid}} 前有效", "扫码看，{{valid}} 前有效", "contact", true, 14);
    assert_change("防骗提醒。有人发短信", "防骗提醒。有人冒充王建国医生发短信", "person", true, 10);
    assert_change("先问护士", "先问3楼12床的护士", "person", true, 10);
    assert_change("不要点，不要填密码", "不要点不要填密码也不要告诉他", "long_phrase", false, 10);
    assert_change("让您点链接。这是", "让你点链接。这是", "polite", false, 10);
    assert_change("先问护士、保安，或者拨打九六一一零", "多想一想，不着急", "action", false, 10);
    assert_change("是骗子, lines", "都是骗子干的坏事, lines", "screen_length", true, 13);
    assert_change("别点短信里的链接,", "别点短信里的链接也别打电话过去了,", "screen_length", true, 13);
    assert_change("到{{help}}问", "到{{where}}问", "slot", true, 14);
    assert_change("请到医保窗口", "请到{{area}}窗口", "slot", true, 22);
    assert_change("{{id}}", "{{id", "slot", true, 14);
    assert_change("{{id}}", "{{id}}……", "gap", true, 14);
    assert_change("更正。之前", "之前", "opening", false, 22);
    assert_change("更正。之前", "更正。刚才", "just_now", false, 22);
    assert_change("有人发短信，说您的医保卡停用了，让您点链接。这是骗子。", "医保卡现已停用。请点链接。",
                  "claim", true, 10);
    assert_change("先问护士、保安", "先问護士、保安", "no_reading", false, 10);
    assert_change("  caught: 已经点了", "#  caught: 已经点了", "text_missing", true, 1);
    assert_change("不要转账。拿不准",
                  "不要转账。不要相信他。不要告诉他。不要理他。不要着急。不要害怕。不要上当。拿不准",
                  "speech_length", true, 10);
}

static void a_chat_text_that_does_not_fit_is_an_error(void **state)
{
    (void)state;
    CLEANUP(buf_release) struct buf b = BUF_INIT(65536);
    buf_str(&b, fit_say);
    buf_str(&b, "# more\n");
    char *at = strstr(b.data, "caught: ");
    CLEANUP(buf_release) struct buf longer = BUF_INIT(65536);
    buf_add(&longer, b.data, (size_t)(at - b.data) + strlen("caught: "));
    for (int i = 0; i < 200; i++) buf_str(&longer, "不要点，");
    buf_str(&longer, at + strlen("caught: "));
    CLEANUP(lint_release) struct lint l;
    lint_parts(fit_head, fit_match, buf_cstr(&longer), fit_rest, &l);
    assert_non_null(found(&l, "chat_length"));
}

static const char plain_head[] =
    "id: medins_test\nrev: 1\nstatus: %s\ntitle: t\ncategory: medins_phishing_sms\nlevel: yellow\n";

static void lint_pattern(const char *status, const char *pattern, struct lint *l)
{
    CLEANUP(buf_release) struct buf h = BUF_INIT(4096), m = BUF_INIT(4096);
    buf_printf(&h, plain_head, status);
    buf_printf(&m, "match:\n  all: ['%s']\n", pattern);
    lint_parts(buf_cstr(&h), buf_cstr(&m), "", "", l);
}

static void a_catastrophic_pattern_is_refused_in_stable(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "医保(?:a+)+!", "医保(?:[a-z]+)*!", "(?:a|aa)+!", "(?:.*a){12}!", "医(?:.{0,9}院?)*保",
        /* what is repeated takes every break, too; a choice of which one alone is no
                                       * trouble; a gap that is repeated a few times only */
        "(?:[^ ]+)+卡$", "(?:a|b|ab)*c!", "(?:.{0,30}a){6}!"};
    for (size_t i = 0; i < COUNT(bad); i++) {
        CLEANUP(lint_release) struct lint stable, test;
        lint_pattern("stable", bad[i], &stable);
        if (!found(&stable, "catastrophic")) fail_msg("%s is not seen", bad[i]);
        assert_true(found(&stable, "catastrophic")->error);
        assert_int_equal(found(&stable, "catastrophic")->line, 8);
        lint_pattern("test", bad[i], &test);
        assert_false(found(&test, "catastrophic")->error);
    }
    static const char *const good[] = {"(?:医保|社保).{0,30}(?:停用|冻结).{0,30}(?:点击|链接)",
                                       "医保.*停用",
                                       "医保[^。]*停用",
                                       "(?:医保){1,3}a+!",
                                       "(?:医|医保)+!",
                                       "(?:a|b|cd)*e!"};
    for (size_t i = 0; i < COUNT(good); i++) {
        CLEANUP(lint_release) struct lint l;
        lint_pattern("stable", good[i], &l);
        if (found(&l, "catastrophic")) fail_msg("%s is taken for catastrophic", good[i]);
    }
}

static void costly_and_empty_patterns_are_pointed_out(void **state)
{
    (void)state;
    CLEANUP(lint_release) struct lint l, m;
    lint_pattern("test", "\\d{3,8}", &l);
    assert_non_null(found(&l, "no_literal"));
    assert_non_null(strstr(found(&l, "no_literal")->text, "µs"));
    lint_pattern("test", "(?:医保)?", &m);
    assert_non_null(found(&m, "empty_match"));
}

static void what_the_loader_says_is_passed_on(void **state)
{
    (void)state;
    CLEANUP(lint_release) struct lint l;
    lint_parts(fit_head, "match:\n  all: [APP]\n", "", fit_rest, &l);
    assert_non_null(found(&l, "load"));
    assert_non_null(found(&l, "load_warning"));
    assert_true(l.errors >= 1);
}

static void samples_are_wanted_and_run(void **state)
{
    (void)state;
    CLEANUP(lint_release) struct lint none, wrong, few, plain;
    lint_parts(fit_head, fit_match, fit_say, "", &none);
    assert_true(found(&none, "samples_missing")->error);
    lint_parts(fit_head, fit_match, fit_say, "samples: {match: ['没有'], pass: ['x']}\n", &wrong);
    assert_true(found(&wrong, "sample_fails")->error);
    lint_parts(fit_head, fit_match, fit_say, "samples: {match: ['医保卡停用'], pass: ['x']}\n", &few);
    assert_false(found(&few, "samples_few")->error);
    lint_parts(fit_head, fit_match, fit_say, "samples: {match: [医保卡停用], pass: ['x']}\n", &plain);
    assert_non_null(found(&plain, "unquoted"));
}

static void what_the_template_leaves_open_is_named(void **state)
{
    (void)state;
    static const char rest[] = "samples:\n  match: ['医保卡停用']\n  pass: ['%s']\n"
                               "falsepositives: ['a', '%s']\nreferences: ['%s']\n";
    const char *texts[] = {"x", "y", "z"};
    for (size_t i = 0; i < COUNT(texts); i++) {
        const char *was = texts[i];
        CLEANUP(buf_release) struct buf r = BUF_INIT(4096), good = BUF_INIT(4096);
        CLEANUP(lint_release) struct lint l, clean;
        buf_printf(&good, rest, texts[0], texts[1], texts[2]);
        texts[i] = "……";
        buf_printf(&r, rest, texts[0], texts[1], texts[2]);
        texts[i] = was;
        lint_parts(fit_head, fit_match, fit_say, buf_cstr(&good), &clean);
        assert_null(found(&clean, "gap"));
        lint_parts(fit_head, fit_match, fit_say, buf_cstr(&r), &l);
        const struct lint_finding *f = found(&l, "gap");
        assert_non_null(f);
        assert_true(f->error);
    }
    CLEANUP(lint_release) struct lint title;
    lint_parts("id: medins_test\nrev: 1\ntitle: ……\ncategory: medins_phishing_sms\nlevel: yellow\n",
               fit_match, "", "", &title);
    assert_non_null(strstr(found(&title, "gap")->text, "title"));
    assert_int_equal(found(&title, "gap")->line, 3);
}

static void speech_is_timed_as_it_is_heard(void **state)
{
    (void)state;
    assert_int_equal(wording_spoken_chars("防骗提醒。打 96110，到{{help}}。"), 4 + 1 + 5 + 1 + 6);
    assert_true(wording_seconds("一二三四五六七八九十一二三四五六") == 5.0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_sample_rule_of_the_wording_guide_is_clean),
        cmocka_unit_test(every_wording_rule_is_held),
        cmocka_unit_test(a_chat_text_that_does_not_fit_is_an_error),
        cmocka_unit_test(a_catastrophic_pattern_is_refused_in_stable),
        cmocka_unit_test(costly_and_empty_patterns_are_pointed_out),
        cmocka_unit_test(what_the_loader_says_is_passed_on),
        cmocka_unit_test(samples_are_wanted_and_run),
        cmocka_unit_test(what_the_template_leaves_open_is_named),
        cmocka_unit_test(speech_is_timed_as_it_is_heard),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
