/* explain.c: spans in the original, and what was missing. */
#include "rules/explain.h"

#include "unit.h"

#include "base/mask.h"
#include "base/normalise.h"
#include "base/text.h"
#include "folder.h"
#include "rule_gen.h"

static struct rule_set *set_from(const char *yaml)
{
    struct rule_problems problems = {0};
    struct rule_set *s = rule_set_of_text("t.yaml", yaml, strlen(yaml), &(struct set_options){0}, &problems);
    for (size_t i = 0; i < problems.n; i++) fail_msg("%s", problems.items[i].why.text);
    rule_problems_release(&problems);
    return s;
}

static void the_prepared_text_is_the_masked_text_of_events(void **state)
{
    (void)state;
    static const char *const personal[] = {"13812345678", "１３８１２３４５６７８",
                                           "张医生",      "6222021234567890128",
                                           "a@b.cn",      "12床",
                                           "ＶＩＰ",      "醫 保",
                                           "110"};
    struct gen g = {11};
    unsigned masked = 0;
    for (unsigned i = 0; i < 500; i++) {
        CLEANUP(buf_release) struct buf in = BUF_INIT(8192), wanted = BUF_INIT(8192);
        for (unsigned k = gen_below(&g, 6); k-- > 0;) {
            gen_text(&g, gen_below(&g, 6), 30, &in);
            buf_str(&in, personal[gen_below(&g, ARRAY_LEN(personal))]);
        }
        struct norm_text scratch = {0};
        mask_text(buf_cstr(&in), in.len, &scratch, &wanted, NULL);
        norm_text_release(&scratch);
        struct prepared p;
        prepare(buf_cstr(&in), in.len, &p);
        assert_string_equal(p.text.text, buf_cstr(&wanted));
        assert_int_equal(p.text.origin[p.text.len], p.shown.len);
        for (size_t k = 1; k <= p.text.len; k++) assert_true(p.text.origin[k] >= p.text.origin[k - 1]);
        masked += strstr(buf_cstr(&wanted), "‹tel›") != NULL;
        prepared_release(&p);
    }
    assert_true(masked > 20);
}

static const char rules[] = "- {id: words_1, rev: 1, status: stable, title: 词, category: c1, level: 橙, "
                            "match: {words: [[医保, 社保], [停用], [点击, 打开]], near: 20}}\n"
                            "- {id: pattern_1, rev: 1, status: stable, title: 式, category: c1, level: 红, "
                            "match: {all: ['医保.{0,4}停用'], none: ['谨防']}}\n"
                            "- {id: entry_1, rev: 1, status: stable, title: 组, category: c1, level: 红, "
                            "match: {any: [['神医', '根治', '付款'], '秘方']}}\n";

static void assert_says(const char *text, bool json, const char *const *says, size_t n)
{
    struct rule_set *s = set_from(rules);
    CLEANUP(buf_release) struct buf out = BUF_INIT(1u << 20);
    explain(s, text, strlen(text), json, &out);
    for (size_t i = 0; i < n; i++)
        if (!strstr(buf_cstr(&out), says[i])) fail_msg("%s\n does not say %s", buf_cstr(&out), says[i]);
    rule_set_free(s);
}

static void matched_spans_are_marked_in_the_original(void **state)
{
    (void)state;
    static const char *const says[] = {"您的⟦醫 保⟧卡⟦停用⟧了请⟦点击⟧看", "您的⟦醫 保卡停用⟧了请点击看",
                                       "医保卡停用"};
    assert_says("您的醫 保卡停用了请点击看", false, says, COUNT(says));
    static const char *const json[] = {"\"normalised\":\"您的医保卡停用了\"",
                                       "\"shown\":\"您的醫 保卡停用了\"",
                                       "\"from\":6,\"to\":22,\"text\":\"醫 保卡停用\""};
    assert_says("您的醫 保卡停用了", true, json, COUNT(json));
}

/* Masking one thing may bring digits together that were apart: only the last round of the mask is what rules see. */
static void personal_data_is_not_shown_and_spans_stay_right(void **state)
{
    (void)state;
    static const char says[] = "电话‹tel›,您的⟦医保卡停用⟧";
    struct rule_set *s = set_from(rules);
    CLEANUP(buf_release) struct buf out = BUF_INIT(1u << 20);
    static const char text[] = "电话１３８ 1234 5678,您的医保卡停用";
    explain(s, text, strlen(text), false, &out);
    if (!strstr(buf_cstr(&out), says)) fail_msg("%s", buf_cstr(&out));
    assert_null(strstr(buf_cstr(&out), "5678"));
    rule_set_free(s);
}

static void a_near_miss_says_what_was_missing(void **state)
{
    (void)state;
    static const char *const word[] = {"words_1", "打开 / 点击"};
    assert_says("社保已停用", false, word, COUNT(word));
    static const char *const far[] = {"words_1", "20"};
    assert_says("社保已经停用了很久很久很久很久很久很久很久很久很久很久,点击", false, far, COUNT(far));
    static const char *const entry[] = {"entry_1", "one of: 付款"};
    assert_says("神医能根治", false, entry, COUNT(entry));
    static const char *const held[] = {"entry_1", "⟦付款⟧,⟦神医根治⟧"};
    assert_says("付款,神医根治", false, held, COUNT(held));
    static const char *const order[] = {"pattern_1", "of 医保…停用"};
    assert_says("停用的医保", false, order, COUNT(order));
    static const char *const whole[] = {"pattern_1", "of '医保.{0,4}停用'"};
    assert_says("停用的医保", true, whole, COUNT(whole));
    static const char *const blocked[] = {"\"rule\":\"pattern_1\"", "\"blocked\":true", "谨防"};
    assert_says("谨防医保停用", true, blocked, COUNT(blocked));
}

/* A choice of fifty: people read its beginning and how many more there are, programs all of it. */
static void a_long_pattern_is_told_in_short_and_in_whole_to_programs(void **state)
{
    (void)state;
    CLEANUP(buf_release)
    struct buf yaml = BUF_INIT(1u << 16), text = BUF_INIT(1u << 16), json = BUF_INIT(1u << 16);
    buf_str(&yaml, "id: long_1\nrev: 1\nstatus: stable\ntitle: 长\ncategory: c1\nlevel: 红\nmatch:\n  all:\n"
                   "    - '医保'\n    - '骗走(?:了)?.{0,9}");
    for (int i = 0; i < 50; i++) buf_printf(&yaml, "|词%c%c", 'a' + i % 26, 'a' + i / 26);
    buf_str(&yaml, "'\n");
    struct rule_set *s = set_from(buf_cstr(&yaml));
    explain(s, "医保", 6, false, &text);
    explain(s, "医保", 6, true, &json);
    rule_set_free(s);
    if (!strstr(buf_cstr(&text), "one of: 骗走… / 词aa / 词ba / 词ca / 词da / 词ea … (+45)\n"))
        fail_msg("%s", buf_cstr(&text));
    assert_non_null(strstr(buf_cstr(&json), "骗走(?:了)?.{0,9}|词aa|"));
    assert_non_null(strstr(buf_cstr(&json), "|词xb'\""));
}

static void what_a_text_is_like_is_told_and_marked(void **state)
{
    (void)state;
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"动手术", "Found by one  红  t  (cat, stable)\n    动⟦手术⟧\n    learned: it is 95 % like"},
        {"打疫苗", "Nearly found by one"},
        {"打疫苗", "    missing: learned: it is 50 % like what was learned of this kind, and 80 % would be"},
        {"医保", "Not sure (it is like nothing that was learned): one"},
        {"天气", "No rule finds it.\n"}};
    const char *dirs[] = {folder};
    CLEANUP(arena_release) struct arena a = {0};
    struct rule_sources sources = {0};
    struct rule_problems problems = {0};
    struct reason why;
    folder_put("likeness.tsv", "cat\t-6000\t\ncat\t9000\t手术\ncat\t6000\t疫苗\n");
    folder_put("r.yaml",
               "{id: one, rev: 1, status: stable, title: t, category: cat, level: red, match: {all: "
               "['医保'], learned: {enough: 80, doubt: true}}}\n");
    assert_int_equal(rule_sources_read(dirs, 1, &a, &sources, &problems, &why), RELAY_OK);
    struct rule_set *set = rule_set_build(&a, &sources, &(struct set_options){0}, &problems);
    assert_int_equal(problems.n, 0);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(buf_release) struct buf out = BUF_INIT(1u << 20);
        explain(set, cases[i].text, strlen(cases[i].text), false, &out);
        if (!strstr(buf_cstr(&out), cases[i].says)) fail_msg("%s: %s", cases[i].text, buf_cstr(&out));
    }
    rule_set_free(set);
}

static void a_text_of_nothing_is_explained_too(void **state)
{
    (void)state;
    static const char *const json[] = {"{\"normalised\":\"\",\"shown\":\"\",\"matches\":[],\"near\":[]}"};
    assert_says("", true, json, COUNT(json));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_prepared_text_is_the_masked_text_of_events),
        cmocka_unit_test(matched_spans_are_marked_in_the_original),
        cmocka_unit_test(personal_data_is_not_shown_and_spans_stay_right),
        cmocka_unit_test(a_near_miss_says_what_was_missing),
        cmocka_unit_test(a_long_pattern_is_told_in_short_and_in_whole_to_programs),
        cmocka_unit_test_setup_teardown(what_a_text_is_like_is_told_and_marked, folder_begin, folder_end),
        cmocka_unit_test(a_text_of_nothing_is_explained_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
