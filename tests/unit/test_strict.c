/* strict.c: a stable rule that is not fit is left out at load, named with its line and what to do. */
#include "rules/strict.h"

#include "base/text.h"
#include "fit_rule.h"
#include "rules/lint.h"
#include "unit.h"

static const char *const fit[] = {fit_head, fit_match, fit_say, fit_rest};

static struct rule_set *build(const char *yaml, enum set_strictness strict, struct rule_problems *problems)
{
    *problems = (struct rule_problems){0};
    return rule_set_of_text("t.yaml", yaml, strlen(yaml), &(struct set_options){.strict = strict}, problems);
}

/* The fit rule with the first `from` made `to`. */
static void change(const char *from, const char *to, struct buf *ret)
{
    CLEANUP(buf_release) struct buf whole = BUF_INIT(65536);
    for (size_t i = 0; i < COUNT(fit); i++) buf_str(&whole, fit[i]);
    const char *text = buf_cstr(&whole), *at = strstr(text, from);
    assert_non_null(at);
    buf_add(ret, text, (size_t)(at - text));
    buf_printf(ret, "%s%s", to, at + strlen(from));
}

static const struct {
    const char *from, *to;
    int line;
    const char *says;
} flaws[] = {
    {"  caught: 已经点了", "#  caught: 已经点了", 1, "caught"},
    {"  voice: 防骗提醒", "#  voice: 防骗提醒", 1, "voice"},
    {"不要填密码，", "不要下木马，", 10, "木马"},
    {"不点链接，不填", "看 http://a.cn 不填", 14, "links"},
    {"或打 96110", "或打 12381", 14, "12381"},
    {"有人发短信，说您的医保卡停用了，让您点链接。这是骗子。", "医保卡现已停用。请点链接。", 10, "lie"},
    {"是骗子, lines", "都是骗子干的坏事, lines", 13, "screen"},
    {"samples:\n  match:", "samples:\n  unlike:", 0, ""},
    {"医保(?:卡|账户).{0,12}(?:停用|冻结)", "医保(?:.{0,12}卡?)*(?:停用|冻结)", 8, "does not end"},
};

static void a_stable_rule_with_a_flaw_is_refused_and_told_what_to_do(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(flaws); i++) {
        CLEANUP(buf_release) struct buf yaml = BUF_INIT(65536);
        change(flaws[i].from, flaws[i].to, &yaml);
        struct rule_problems problems;
        struct rule_set *s = build(buf_cstr(&yaml), STRICT_REFUSE, &problems);
        assert_int_equal(rule_set_size(s), 0);
        assert_true(problems.n >= 1);
        const struct rule_problem *p = &problems.items[problems.n - 1];
        assert_false(p->warning);
        if (flaws[i].line) {
            assert_string_equal(p->file, "t.yaml");
            assert_string_equal(p->rule, "medins_test");
            if (p->line != flaws[i].line || !strstr(p->why.text, flaws[i].says) ||
                !strstr(p->why.text, "status: test"))
                fail_msg("%zu: line %d: %s", i, p->line, p->why.text);
        }
        rule_set_free(s);
        rule_problems_release(&problems);
    }
}

static void what_the_loader_refuses_lint_calls_an_error_and_the_other_way_round(void **state)
{
    (void)state;
    for (size_t i = 0; i <= COUNT(flaws); i++) {
        CLEANUP(buf_release) struct buf yaml = BUF_INIT(65536);
        if (i < COUNT(flaws))
            change(flaws[i].from, flaws[i].to, &yaml);
        else
            change("rev: 1", "rev: 2", &yaml);
        struct rule_problems problems, noted;
        CLEANUP(lint_release) struct lint lint;
        struct rule_set *s = build(buf_cstr(&yaml), STRICT_REFUSE, &problems);
        struct rule_set *all = build(buf_cstr(&yaml), STRICT_NOT, &noted);
        lint_set(all, &noted, &lint);
        assert_int_equal(rule_set_size(s) == 0, lint.errors > 0);
        rule_set_free(s);
        rule_set_free(all);
        rule_problems_release(&problems);
        rule_problems_release(&noted);
    }
}

static void the_same_rule_may_be_tested_and_is_warned_of_where_rules_are_only_looked_at(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(flaws); i++) {
        if (!flaws[i].line) continue; /* no rule at all */
        CLEANUP(buf_release) struct buf yaml = BUF_INIT(65536);
        change(flaws[i].from, flaws[i].to, &yaml);
        struct rule_problems problems;
        struct rule_set *s = build(buf_cstr(&yaml), STRICT_WARN, &problems);
        assert_int_equal(rule_set_size(s), 1);
        assert_int_equal(problems.n, 1);
        assert_true(problems.items[0].warning);
        rule_set_free(s);
        rule_problems_release(&problems);
        static const char stable[] = "status: stable";
        char *at = strstr(yaml.data, stable);
        *at = '\0';
        CLEANUP(buf_release) struct buf test = BUF_INIT(65536);
        buf_printf(&test, "%sstatus: test%s", yaml.data, at + strlen(stable));
        s = build(buf_cstr(&test), STRICT_REFUSE, &problems);
        assert_int_equal(rule_set_size(s), 1);
        assert_int_equal(problems.n, 0);
        rule_set_free(s);
        rule_problems_release(&problems);
    }
}

/* Stable rules without any text but what the level blue asks for, each with a pattern of its own. */
static void add_rule(struct buf *out, unsigned n, const char *pattern)
{
    buf_printf(out,
               "- id: rule_%u\n  rev: 1\n  status: stable\n  title: t\n  category: medins_phishing_sms\n"
               "  level: blue\n  match: {all: ['医保%u%s']}\n"
               "  say: {screen: {headline: 是骗子, lines: [先问护士]}, duty: 看, correction: 更正。}\n"
               "  samples: {match: ['医保%u停用'], pass: ['x']}\n",
               n, n, pattern, n);
}

static void many_endless_patterns_are_all_refused_and_few_are_tried(void **state)
{
    (void)state;
    CLEANUP(buf_release) struct buf yaml = BUF_INIT(1u << 20);
    for (unsigned i = 0; i < 500; i++) add_rule(&yaml, 100 + i, "(?:.?[a-z]*)*停用");
    add_rule(&yaml, 9000, ".{0,9}停用");
    struct rule_problems problems;
    struct rule_set *s = build(buf_cstr(&yaml), STRICT_REFUSE, &problems);
    assert_int_equal(problems.n, 500);
    assert_non_null(strstr(problems.items[9].why.text, "does not end"));
    assert_non_null(strstr(problems.items[10].why.text, "not tried"));
    assert_int_equal(rule_set_size(s), 1); /* one that cannot be endless is no matter of trying */
    rule_set_free(s);
    rule_problems_release(&problems);
}

static void a_pattern_with_an_end_is_not_refused_for_its_looks(void **state)
{
    (void)state;
    static const char *const good[] = {".*停用",
                                       "[^。]*停用",
                                       ".{0,80}停?.{0,80}停?.{0,80}停用",
                                       "(?:卡|账户|(?:个人)?码)*.{0,60}停用",
                                       "(?:[a-z]{2} ?){0,9}停用",
                                       "(?>(?:[a-z]+ ?)*)停用",
                                       "(?:[a-z]{2,}-)*停用"};
    CLEANUP(buf_release) struct buf yaml = BUF_INIT(1u << 20);
    for (unsigned i = 0; i < COUNT(good); i++) add_rule(&yaml, i, good[i]);
    struct rule_problems problems;
    struct rule_set *s = build(buf_cstr(&yaml), STRICT_REFUSE, &problems);
    for (size_t i = 0; i < problems.n; i++) fail_msg("%s", problems.items[i].why.text);
    assert_int_equal(rule_set_size(s), COUNT(good));
    rule_set_free(s);
    rule_problems_release(&problems);
}

/* ---- the pack ---- */

static const char pack[] = TOCSIN_SOURCE_DIR "/rules/packs/medical";

static void the_shipped_pack_is_fit(void **state)
{
    (void)state;
    static const char *const dirs[] = {pack};
    struct rule_problems problems = {0};
    struct rule_set *s = NULL;
    struct reason why = {0};
    if (rule_set_load(dirs, 1, &s, &problems, &why)) fail_msg("%s", why.text);
    for (size_t i = 0; i < problems.n; i++)
        fail_msg("%s:%d %s", problems.items[i].file, problems.items[i].line, problems.items[i].why.text);
    assert_true(rule_set_size(s) >= 20);
    rule_set_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stable_rule_with_a_flaw_is_refused_and_told_what_to_do),
        cmocka_unit_test(what_the_loader_refuses_lint_calls_an_error_and_the_other_way_round),
        cmocka_unit_test(the_same_rule_may_be_tested_and_is_warned_of_where_rules_are_only_looked_at),
        cmocka_unit_test(many_endless_patterns_are_all_refused_and_few_are_tried),
        cmocka_unit_test(a_pattern_with_an_end_is_not_refused_for_its_looks),
        cmocka_unit_test(the_shipped_pack_is_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
