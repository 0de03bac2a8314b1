/* match.c, run.c, compile.c: the answer is the same as running every pattern of every rule. */
#include "rules/rules.h"

#include "unit.h"

#include "rule_gen.h"
#include "rules/set.h"

static struct rule_set *set_from(const char *yaml, const struct set_options *o,
                                 struct rule_problems *problems)
{
    return rule_set_of_text("test.yaml", yaml, strlen(yaml), o, problems);
}

static struct rule_set *good_set(const char *yaml)
{
    struct rule_problems problems = {0};
    struct rule_set *s = set_from(yaml, &(struct set_options){0}, &problems);
    for (size_t i = 0; i < problems.n; i++)
        if (!problems.items[i].warning) fail_msg("%s", problems.items[i].why.text);
    rule_problems_release(&problems);
    return s;
}

#define HEAD(id) "- {id: " id ", rev: 1, status: stable, title: t, category: c1, level: red, match: "

/* Differential: the set's answers against each rule run with no prefilter at all. Where that meets a limit, the set may
 * know more, because a literal is missing. */
static void compare(uint64_t seed, unsigned sets, unsigned rules, unsigned texts, bool no_jit)
{
    struct gen g = {seed};
    struct rule_problems problems = {0};
    unsigned hits_seen = 0, passed = 0, unsure = 0;
    for (unsigned s = 0; s < sets; s++) {
        CLEANUP(buf_release) struct buf yaml = BUF_INIT(64u << 20);
        for (unsigned i = 0; i < rules; i++) gen_rule(&g, i, &yaml);
        struct rule_set *set = set_from(buf_cstr(&yaml), &(struct set_options){.no_jit = no_jit}, &problems);
        assert_true(rule_set_size(set) > rules / 2);
        struct matcher *m = matcher_new(set);
        struct runner r;
        runner_init(&r, 0);
        for (unsigned t = 0; t < texts; t++) {
            CLEANUP(buf_release) struct buf text = BUF_INIT(1u << 20);
            gen_text(&g, t % 50 == 49 ? 6000 : 3 + gen_below(&g, 60), 5 + gen_below(&g, 60), &text);
            const struct rule_hit *hits = NULL;
            size_t n = rules_match(m, buf_cstr(&text), text.len, -1, false, &hits), at = 0;
            for (size_t i = 0; i < rule_set_size(set); i++) {
                const struct rule *rule = rule_set_at(set, i);
                struct span span = {0};
                enum verdict naive = rule_run(rule->code, &r, NULL, buf_cstr(&text), text.len, &span);
                enum verdict ours = at < n && hits[at].rule == rule ? hits[at].verdict : NO_MATCH;
                unsure += naive == UNSURE;
                if (ours != naive && naive != UNSURE) {
                    fail_msg("seed %llu set %u rule %s: %s instead of %s in: %s", (unsigned long long)seed, s,
                             rule->id, verdict_name(ours), verdict_name(naive), buf_cstr(&text));
                }
                if (ours == MATCH) {
                    assert_true(hits[at].from <= hits[at].to && hits[at].to <= text.len);
                    hits_seen++;
                } else {
                    passed++;
                }
                at += ours != NO_MATCH;
            }
            assert_int_equal(at, n);
        }
        runner_release(&r);
        matcher_free(m);
        rule_set_free(set);
    }
    rule_problems_release(&problems);
    assert_true(hits_seen > sets * texts / 4 && passed > sets * texts / 4);
    assert_true(unsure < passed / 100);
}

static void the_answer_is_that_of_running_every_pattern(void **state)
{
    (void)state;
    const char *many = getenv("TOCSIN_TEST_SETS"); /* the full run sets it */
    unsigned sets = many ? (unsigned)strtoul(many, NULL, 10) : 6;
    compare(1, sets, 60, 150, false);
    compare(2, 1, 40, 60, true);
    compare(3, many ? 4 : 1, 600, 40, false);
}

/* Pieces of the pack's own samples, put together anew: texts that come near. */
static void splice(struct gen *g, const struct rule_set *set, struct buf *out)
{
    CLEANUP(buf_release) struct buf raw = BUF_INIT(1u << 20);
    for (unsigned k = 1 + gen_below(g, 4); k-- > 0;) {
        const struct rule *r = rule_set_at(set, gen_below(g, (uint32_t)rule_set_size(set)));
        bool match = gen_below(g, 3) != 0;
        const char *sample = match ? r->samples_match[gen_below(g, (uint32_t)r->n_samples_match)]
                                   : r->samples_pass[gen_below(g, (uint32_t)r->n_samples_pass)];
        size_t n = strlen(sample), from = gen_below(g, (uint32_t)n),
               to = from + gen_below(g, (uint32_t)(n - from) + 1);
        if (gen_below(g, 3) == 0) from = 0, to = n;
        while (from > 0 && ((unsigned char)sample[from] & 0xc0) == 0x80) from--;
        while (to < n && ((unsigned char)sample[to] & 0xc0) == 0x80) to++;
        buf_add(&raw, sample + from, to - from);
        if (gen_below(g, 2)) gen_filler(g, &raw);
    }
    rule_text_prepare(buf_cstr(&raw), raw.len, out);
}

static void the_shipped_pack_answers_as_if_every_pattern_ran(void **state)
{
    (void)state;
    static const char *const packs[] = {TOCSIN_SOURCE_DIR "/rules/packs/medical"};
    struct rule_problems problems = {0};
    struct rule_set *set = NULL;
    struct reason why = {0};
    if (rule_set_load(packs, 1, &set, &problems, &why)) fail_msg("%s", why.text);
    assert_true(rule_set_size(set) >= 20);
    unsigned texts = getenv("TOCSIN_TEST_SETS") ? 20000 : 400, found = 0;
    struct matcher *m = matcher_new(set);
    struct runner r;
    runner_init(&r, 0);
    struct gen g = {5};
    for (unsigned t = 0; t < texts; t++) {
        CLEANUP(buf_release) struct buf text = BUF_INIT(1u << 20);
        splice(&g, set, &text);
        const struct rule_hit *hits = NULL;
        size_t n = rules_match(m, buf_cstr(&text), text.len, -1, true, &hits), at = 0;
        for (size_t i = 0; i < rule_set_size(set); i++) {
            const struct rule *rule = rule_set_at(set, i);
            struct span span;
            enum verdict naive = rule_run(rule->code, &r, NULL, buf_cstr(&text), text.len, &span);
            enum verdict ours = at < n && hits[at].rule == rule ? hits[at].verdict : NO_MATCH;
            if (ours != naive && naive != UNSURE) fail_msg("rule %s in: %s", rule->id, buf_cstr(&text));
            at += ours != NO_MATCH;
            found += ours == MATCH;
        }
    }
    assert_true(found > texts / 10);
    runner_release(&r);
    matcher_free(m);
    rule_set_free(set);
    rule_problems_release(&problems);
}

static void words_match_in_any_order_within_the_distance(void **state)
{
    (void)state;
    struct rule_set *s = good_set(HEAD("w1") "{words: [[医保, 社保], [停用, 冻结]], near: 8}}\n");
    struct matcher *m = matcher_new(s);
    const struct rule_hit *h = NULL;
    static const struct {
        const char *text;
        size_t hits;
        uint32_t from, to;
    } cases[] = {
        {"您的医保已停用", 1, 6, 21},
        {"停用了的社保", 1, 0, 18},
        {"医保一二三四停用", 1, 0, 24},
        {"医保一二三四五停用", 0, 0, 0},
        {"医保很远很远很远很远很远社保冻结", 1, 36, 48},
        {"医保", 0, 0, 0},
        {"医保\n停用", 1, 0, 13},
        {"", 0, 0, 0},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        size_t n = rules_match(m, cases[i].text, strlen(cases[i].text), -1, false, &h);
        if (n != cases[i].hits) fail_msg("%s", cases[i].text);
        if (n) {
            assert_int_equal(h[0].from, cases[i].from);
            assert_int_equal(h[0].to, cases[i].to);
        }
    }
    matcher_free(m);
    rule_set_free(s);
}

static void all_any_and_none_combine(void **state)
{
    (void)state;
    struct rule_set *s =
        good_set(HEAD("r1") "{all: ['医保', '停用'], any: ['点击', '打开'], none: ['谨防']}}\n");
    struct matcher *m = matcher_new(s);
    const struct rule_hit *h = NULL;
    static const struct {
        const char *text;
        size_t hits;
    } cases[] = {{"医保停用请点击", 1},
                 {"打开看,停用的医保", 1},
                 {"医保请点击", 0},
                 {"医保停用", 0},
                 {"谨防:医保停用请点击", 0}};
    for (size_t i = 0; i < COUNT(cases); i++)
        if (rules_match(m, cases[i].text, strlen(cases[i].text), -1, false, &h) != cases[i].hits)
            fail_msg("%s", cases[i].text);
    matcher_free(m);
    rule_set_free(s);
}

static void an_entry_of_any_may_be_patterns_that_must_all_be_there(void **state)
{
    (void)state;
    struct rule_set *s = good_set(
        HEAD("r1") "{any: [['医保', '停用|冻结', '点击'], '刷流水', ['看病', '转账']], none: ['谨防']}}\n");
    struct matcher *m = matcher_new(s);
    const struct rule_hit *h = NULL;
    static const struct {
        const char *text;
        size_t hits;
        uint32_t from;
    } cases[] = {{"请点击,医保已冻结", 1, 10}, {"先刷流水", 1, 3}, {"转账看病", 1, 6},
                 {"医保停用", 0, 0},           {"看病点击", 0, 0}, {"谨防:转账看病", 0, 0}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        if (rules_match(m, cases[i].text, strlen(cases[i].text), -1, false, &h) != cases[i].hits)
            fail_msg("%s", cases[i].text);
        if (cases[i].hits) assert_int_equal(h[0].from, cases[i].from);
    }
    matcher_free(m);
    rule_set_free(s);
}

static void hits_come_in_id_order_and_only_of_rules_that_run(void **state)
{
    (void)state;
    struct rule_set *s = good_set(
        "- {id: zz, rev: 1, status: test, title: t, category: c1, level: 红, kinds: [短信], match: {any: "
        "['医保']}}\n"
        "- {id: mm, rev: 1, status: 停用, title: t, category: c1, level: 蓝, match: {any: ['医保']}}\n"
        "- {id: bb, rev: 1, title: t, category: c1, level: 黄, match: {any: ['医保']}}\n"
        "- {id: aa, rev: 1, status: stable, title: t, category: c1, level: 橙, kinds: [call], match: {any: "
        "['医保']}}\n");
    struct matcher *m = matcher_new(s);
    const struct rule_hit *h = NULL;
    assert_int_equal(rules_match(m, "医保", 6, -1, false, &h), 2);
    assert_string_equal(h[0].rule->id, "aa");
    assert_string_equal(h[1].rule->id, "zz");
    assert_int_equal(rules_match(m, "医保", 6, -1, true, &h), 4);
    assert_int_equal(rules_match(m, "医保", 6, KIND_SMS, false, &h), 1);
    assert_string_equal(h[0].rule->id, "zz");
    assert_int_equal(rules_match(m, "医保", 6, KIND_REPORT, false, &h), 0);
    matcher_free(m);
    rule_set_free(s);
}

static void a_flag_holds_for_what_is_in_its_reach_alone(void **state)
{
    (void)state;
    struct rule_set *s = good_set(HEAD("f1") "{all: ['(?s)(?:医保.{1,3}停用|社保.停)卡']}}\n" HEAD(
        "f2") "{all: ['(?s:(?:医保.{1,3}停用|社保.停)卡)']}}\n" HEAD("f3") "{all: "
                                                                           "['(?:(?s)医保.停用|社保.停用)|"
                                                                           "贷款.停']}}\n" HEAD("f4") "{all: "
                                                                                                      "['(?:("
                                                                                                      "?m)^"
                                                                                                      "停用.?"
                                                                                                      "|x)卡'"
                                                                                                      "]}}"
                                                                                                      "\n");
    struct matcher *m = matcher_new(s);
    const struct rule_hit *h = NULL;
    static const struct {
        const char *text, *ids;
    } cases[] = {{"医保\n停用卡", "f1 f2 f3 f4"},
                 {"社保\n停用", "f3"},
                 {"社保a停卡", "f1 f2"},
                 {"贷款\n停", ""},
                 {"贷款a停", "f3"},
                 {"a\n停用卡", "f4"},
                 {"a停用卡", ""}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        CLEANUP(buf_release) struct buf got = BUF_INIT(256);
        size_t n = rules_match(m, cases[i].text, strlen(cases[i].text), -1, false, &h);
        for (size_t k = 0; k < n; k++) buf_printf(&got, "%s%s", k ? " " : "", h[k].rule->id);
        if (strcmp(buf_cstr(&got), cases[i].ids) != 0) fail_msg("%s: %s", cases[i].text, buf_cstr(&got));
    }
    matcher_free(m);
    rule_set_free(s);
}

static void a_limit_is_unsure_and_a_clear_no_still_wins(void **state)
{
    (void)state;
    for (int no_jit = 0; no_jit < 2; no_jit++) {
        struct rule_problems problems = {0};
        struct rule_set *s = set_from(
            HEAD("bad") "{all: ['(?:a+)+!$']}}\n" HEAD("clear") "{all: ['(?:a+)+!$', '医保']}}\n" HEAD(
                "either") "{any: ['(?:a+)+!$', 'b']}}\n",
            &(struct set_options){.no_jit = no_jit}, &problems);
        assert_int_equal(rule_set_size(s), 3);
        struct matcher *m = matcher_new(s);
        const struct rule_hit *h = NULL;
        static const char text[] = "b aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!x";
        assert_int_equal(rules_match(m, text, strlen(text), -1, false, &h), 2);
        assert_string_equal(h[0].rule->id, "bad");
        assert_int_equal(h[0].verdict, UNSURE);
        assert_string_equal(h[1].rule->id, "either");
        assert_int_equal(h[1].verdict, MATCH);
        matcher_free(m);
        rule_set_free(s);
        rule_problems_release(&problems);
    }
}

static void bytes_that_are_no_text_never_reach_a_pattern(void **state)
{
    (void)state;
    struct rule_set *s = good_set(HEAD("r1") "{all: ['医保.停']}}\n");
    struct matcher *m = matcher_new(s);
    const struct rule_hit *h = NULL;
    assert_int_equal(rules_match(m, "\xe5\x8c", 2, -1, false, &h), 0);
    assert_int_equal(rules_match(m, "医保卡停\xff", 13, -1, false, &h), 1);
    assert_int_equal(h[0].verdict, UNSURE);
    matcher_free(m);
    rule_set_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_answer_is_that_of_running_every_pattern),
        cmocka_unit_test(the_shipped_pack_answers_as_if_every_pattern_ran),
        cmocka_unit_test(words_match_in_any_order_within_the_distance),
        cmocka_unit_test(all_any_and_none_combine),
        cmocka_unit_test(an_entry_of_any_may_be_patterns_that_must_all_be_there),
        cmocka_unit_test(hits_come_in_id_order_and_only_of_rules_that_run),
        cmocka_unit_test(a_flag_holds_for_what_is_in_its_reach_alone),
        cmocka_unit_test(a_limit_is_unsure_and_a_clear_no_still_wins),
        cmocka_unit_test(bytes_that_are_no_text_never_reach_a_pattern),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
