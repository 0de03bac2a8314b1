/* parse.c: rule files, and what is said about bad ones. */
#include "rules/parse.h"

#include "unit.h"

struct result {
    struct arena arena;
    struct rule_sources sources;
    struct rule_problems problems;
};

static void result_release(struct result *r)
{
    rule_sources_release(&r->sources);
    rule_problems_release(&r->problems);
    arena_release(&r->arena);
}

static void parse(struct result *r, const char *text)
{
    *r = (struct result){0};
    (void)!rules_parse_text("a.yaml", text, strlen(text), &r->arena, &r->sources, &r->problems);
}

static const char whole_rule[] = "id: medins_card_suspended\n"
                                 "rev: 3\n"
                                 "status: stable\n"
                                 "title: 冒充医保局发“医保停用”短信\n"
                                 "category: medins_phishing_sms\n"
                                 "level: 橙\n"
                                 "kinds: [短信, call]\n"
                                 "match:\n"
                                 "  words: [[医保, 医疗保险], [停用, 冻结]]\n"
                                 "  near: 40\n"
                                 "  all: ['a', \"b\"]\n"
                                 "  any: ['c', ['d', 'e']]\n"
                                 "  none: ['谨防']\n"
                                 "threshold: {count: 20, within: 2h, feeds: 2}\n"
                                 "expires: 12h\n"
                                 "say:\n"
                                 "  voice: 防骗提醒。\n"
                                 "  voice_short: 短\n"
                                 "  rhyme: 顺\n"
                                 "  screen: {headline: 头, lines: [一, 二, 三]}\n"
                                 "  chat: 群\n"
                                 "  duty: 值\n"
                                 "  caught: 已\n"
                                 "  correction: 更正\n"
                                 "samples: {match: ['医保停用'], pass: ['x', 'y']}\n"
                                 "falsepositives: ['窗口通知']\n"
                                 "references: ['甲', '乙']\n";

static void every_key_of_a_rule_arrives(void **state)
{
    (void)state;
    CLEANUP(result_release) struct result r;
    parse(&r, whole_rule);
    for (size_t i = 0; i < r.problems.n; i++) fail_msg("%s", r.problems.items[i].why.text);
    assert_int_equal(r.sources.n, 1);
    const struct rule_source *s = r.sources.items[0];
    const struct rule *rule = &s->rule;
    assert_string_equal(rule->id, "medins_card_suspended");
    assert_int_equal(rule->rev, 3);
    assert_int_equal(rule->status, RULE_STABLE);
    assert_string_equal(rule->category, "medins_phishing_sms");
    assert_int_equal(rule->level, LEVEL_ORANGE);
    assert_int_equal(rule->kinds, 1u << KIND_SMS | 1u << KIND_CALL);
    assert_int_equal(rule->threshold_count, 20);
    assert_int_equal(rule->threshold_within_ms, 2 * HOUR_MS);
    assert_int_equal(rule->threshold_feeds, 2);
    assert_int_equal(rule->expires_ms, 12 * HOUR_MS);
    assert_string_equal(rule->say.voice, "防骗提醒。");
    assert_string_equal(rule->say.headline, "头");
    assert_int_equal(rule->say.n_lines, 3);
    assert_string_equal(rule->say.lines[2], "三");
    assert_string_equal(rule->say.correction, "更正");
    assert_int_equal(rule->n_samples_pass, 2);
    assert_string_equal(rule->samples_pass[1], "y");
    assert_int_equal(rule->n_references, 2);
    assert_string_equal(rule->file, "a.yaml");
    assert_int_equal(rule->line, 1);
    assert_int_equal(s->match.n_words, 2);
    assert_string_equal(s->match.words[1].items[0].text, "停用");
    assert_int_equal(s->match.near, 40);
    assert_int_equal(s->match.all.n, 2);
    assert_int_equal(s->match.all.items[0].line, 11);
    assert_int_equal(s->match.any.n, 3);
    assert_false(s->match.any.items[1].joined);
    assert_true(s->match.any.items[2].joined);
}

static void what_is_absent_has_a_default(void **state)
{
    (void)state;
    CLEANUP(result_release) struct result r;
    parse(&r, "- {id: ab, rev: 1, title: t, category: c1, level: blue, match: {words: [医保, 社保]}}\n");
    assert_int_equal(r.problems.n, 0);
    const struct rule *rule = &r.sources.items[0]->rule;
    assert_int_equal(rule->status, RULE_EXPERIMENTAL);
    assert_int_equal(rule->kinds, (1u << KIND_COUNT) - 1);
    assert_int_equal(rule->threshold_count, 1);
    assert_int_equal(rule->threshold_feeds, 1);
    assert_int_equal(rule->expires_ms, 72 * HOUR_MS);
    assert_int_equal(r.sources.items[0]->match.n_words, 1); /* [a, b] is one list of words */
    assert_int_equal(r.sources.items[0]->match.near, 60);
}

#define R(id, rest) "- {id: " id ", rev: 1, title: t, category: c1, level: red, " rest "}\n"

static void a_bad_rule_is_named_and_the_others_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *yaml, *rule, *says;
        int line;
    } cases[] = {
        {R("aa", "match: {any: ['x']}") R("b-b", "match: {any: ['x']}"), "b-b", "id:", 2},
        {R("aa", "match: {any: ['x']}") R("bb", "match: {none: ['x']}"), "bb", "everything", 2},
        {R("aa", "match: {any: ['x']}") R("bb", "match: {any: {x: y}}"), "bb", "any: wants a list", 2},
        {R("aa", "match: {any: ['x']}") R("bb", "match: {any: ['y', [[x]]]}"), "bb", "entry 2 is not a text",
         2},
        {R("aa", "match: {any: ['x']}") R("bb", "match: {any: ['y', []]}"), "bb", "entry 2 is empty", 2},
        {R("aa", "match: {any: ['x']}") R("bb", "match: {any: ['']}"), "bb", "entry 1 is empty", 2},
        {R("aa", "match: {any: ['x']}") R("bb", "match: {words: [x, [y]]}"), "bb", "entry 1", 2},
        {R("aa", "match: {any: ['x', '“医保”']}") R("bb", "match: {words: [y, ‘医保’]}"), "bb",
         "entry 2 stands in Chinese quotation marks", 2},
        {R("aa", "match: {any: ['x']}") R("bb", "match: {any: ['x']}, kinds: [fax]"), "bb", "fax", 2},
        {R("aa", "match: {any: ['x']}") R("bb", "match: {any: ['x']}, mach: 3"), "bb", "mach", 2},
        {R("aa", "match: {any: ['x']}") R("bb", "match: {any: ['x'], near: 0}"), "bb", "near", 2},
        {R("aa", "match: {any: ['x']}") "- {id: bb, rev: 1, title: t, category: c1, level: pink, match: "
                                        "{any: ['x']}}\n",
         "bb", "level", 2},
        {R("aa", "match: {any: ['x']}") "- {id: bb, rev: 1, title: t, category: c1, level: red}\n", "bb",
         "match", 2},
        {R("aa", "match: {any: ['x']}") "- just text\n", "", "block", 2},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        CLEANUP(result_release) struct result r;
        parse(&r, cases[i].yaml);
        assert_int_equal(r.sources.n, 1);
        assert_string_equal(r.sources.items[0]->rule.id, "aa");
        assert_true(r.problems.n >= 1);
        const struct rule_problem *p = &r.problems.items[0];
        if (!strstr(p->why.text, cases[i].says))
            fail_msg("\"%s\" does not say \"%s\"", p->why.text, cases[i].says);
        assert_string_equal(p->rule, cases[i].rule);
        assert_string_equal(p->file, "a.yaml");
        assert_int_equal(p->line, cases[i].line);
        assert_false(p->warning);
    }
}

static void an_unquoted_pattern_is_warned_about_and_loads(void **state)
{
    (void)state;
    CLEANUP(result_release) struct result r;
    parse(&r, R("aa", "match: {any: [医保, '停用']}"));
    assert_int_equal(r.sources.n, 1);
    assert_int_equal(r.problems.n, 1);
    assert_true(r.problems.items[0].warning);
    assert_non_null(strstr(r.problems.items[0].why.text, "any"));
}

static void a_file_that_is_no_yaml_is_one_problem(void **state)
{
    (void)state;
    CLEANUP(result_release) struct result r;
    parse(&r, "id: [\n");
    assert_int_equal(r.sources.n, 0);
    assert_int_equal(r.problems.n, 1);
    assert_string_equal(r.problems.items[0].rule, "");
}

static void ids_are_snake_case(void **state)
{
    (void)state;
    assert_true(rule_id_valid("medins_card_2"));
    static const char *const bad[] = {
        "",    "a",  "A1",   "1a",
        "a-b", "_a", "医保", "a123456789012345678901234567890123456789012345678901234567890123"};
    for (size_t i = 0; i < COUNT(bad); i++) assert_false(rule_id_valid(bad[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_key_of_a_rule_arrives),
        cmocka_unit_test(what_is_absent_has_a_default),
        cmocka_unit_test(a_bad_rule_is_named_and_the_others_are_read),
        cmocka_unit_test(an_unquoted_pattern_is_warned_about_and_loads),
        cmocka_unit_test(a_file_that_is_no_yaml_is_one_problem),
        cmocka_unit_test(ids_are_snake_case),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
