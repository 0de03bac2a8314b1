/* likeness.c: points for rows of characters, and rules that a text which is like enough meets. */
#include "rules/likeness.h"

#include <math.h>
#include <sys/stat.h>

#include "folder.h"
#include "rules/set.h"

static const struct likeness *parsed(const char *text, struct arena *a)
{
    struct likeness *l = NULL;
    struct reason why = {0};
    if (likeness_parse("l.tsv", text, strlen(text), a, &l, &why)) fail_msg("%s", why.text);
    return l;
}

static int64_t points_of(const struct likeness *l, const char *text)
{
    struct likeness_of o = {0};
    likeness_look(&o, l, text, strlen(text));
    int64_t points = likeness_points(&o, 0);
    likeness_of_release(&o);
    return points;
}

static void each_row_counts_once_and_digits_are_one_character(void **state)
{
    (void)state;
    CLEANUP(arena_release) struct arena a = {0};
    const struct likeness *l = parsed("# a comment\n"
                                      "k\t-1000\t\n"
                                      "k\t1\t手\n"
                                      "k\t10\t手术\n"
                                      "k\t100\t手术费\n"
                                      "k\t1000\t费0元\n"
                                      "other\t5\t手术\n",
                                      &a);
    static const struct {
        const char *text;
        int64_t points;
    } cases[] = {{"", -1000},          {"天气", -1000},       {"手", -999},
                 {"手术", -989},       {"手术费", -889},      {"手术费,手术费,手术费", -889},
                 {"手术 费", -989}, /* a space stands between */
                 {"手\n术", -999},     {"手术费8000元", 111}, {"手术费1元", 111},
                 {"手术费12*元", 111}, {"手术费1 2元", -889}};
    assert_int_equal(likeness_kind(l, "other"), 1);
    assert_int_equal(likeness_kind(l, "none"), -1);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        if (points_of(l, cases[i].text) != cases[i].points)
            fail_msg("%s: %lld", cases[i].text, (long long)points_of(l, cases[i].text));
}

static void one_scratch_serves_text_after_text(void **state)
{
    (void)state;
    CLEANUP(arena_release) struct arena a = {0};
    const struct likeness *first = parsed("k\t7\t手术\n", &a), *second = parsed("k\t9\t手术\nk\t1\t费\n", &a);
    struct likeness_of o = {0};
    for (int i = 0; i < 3; i++) {
        likeness_look(&o, first, "手术费", strlen("手术费"));
        assert_int_equal(likeness_points(&o, 0), 7);
        likeness_look(&o, second, "手术费", strlen("手术费"));
        assert_int_equal(likeness_points(&o, 0), 10);
        likeness_look(&o, second, "天", strlen("天"));
        assert_int_equal(likeness_points(&o, 0), 0);
    }
    likeness_of_release(&o);
}

static void percent_and_points_are_each_others_inverse(void **state)
{
    (void)state;
    assert_int_equal(likeness_least(50), 0);
    for (int p = 1; p < 100; p++) assert_true(fabs(likeness_percent(likeness_least(p)) - p) < 0.1);
    assert_true(likeness_percent(-9000) < 0.1);
    assert_true(likeness_percent(9000) > 99.9);
}

static void the_weightiest_parts_come_first(void **state)
{
    (void)state;
    CLEANUP(arena_release) struct arena a = {0};
    const struct likeness *l = parsed("k\t5\t手术\nk\t90\t转账\nk\t-70\t窗口\nk\t20\t急\n", &a);
    static const char text[] = "急手术,转账,窗口,转账";
    struct likeness_part parts[2];
    assert_int_equal(likeness_parts(l, 0, text, strlen(text), parts, ARRAY_LEN(parts)), 2);
    assert_memory_equal(text + parts[0].from, "转账", parts[0].to - parts[0].from);
    assert_memory_equal(text + parts[1].from, "急", parts[1].to - parts[1].from);
    assert_int_equal(parts[0].points, 90);
}

static void what_is_wrong_in_the_file_is_named_by_line(void **state)
{
    (void)state;
    static const struct {
        const char *text, *said;
    } cases[] = {{"k\t1\t手\nkein Tab\n", "l.tsv:2: wants `kind, points, characters`"},
                 {"k\t1 手\n", "l.tsv:1: wants `kind, points, characters`"},
                 {"k\tviel\t手\n", "l.tsv:1: points are whole thousandths"},
                 {"k\t\t手\n", "l.tsv:1: points are whole thousandths"},
                 {"k\t-9223372036854775808\t手\n", "l.tsv:1: points are whole thousandths"},
                 {"k\t9999999\t手\n", "l.tsv:1: points are whole thousandths"},
                 {"\t5\t手\n", "l.tsv:1: wants a kind of scam first"},
                 {"k\t5\t手术费用\n", "l.tsv:1: wants at most 3 characters"},
                 {"k\t5\t手 术\n", "l.tsv:1: wants at most 3 characters, without spaces"},
                 {"k\t5\t\xff\n", "l.tsv: is no UTF-8 text"}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(arena_release) struct arena a = {0};
        struct likeness *l = NULL;
        struct reason why = {0};
        assert_int_equal(likeness_parse("l.tsv", cases[i].text, strlen(cases[i].text), &a, &l, &why),
                         RELAY_INVALID);
        if (!strstr(why.text, cases[i].said)) fail_msg("%s: %s", cases[i].text, why.text);
    }
}

/* ---- rules ---- */

#define RULE(id, more)                                                                                       \
    "- {id: " id ", rev: 1, status: stable, title: t, category: cat, level: red, match: {" more "}}\n"

/* In test, so that it needs no texts to load. */
#define HIDDEN(id)                                                                                              \
    "- {id: " id ", rev: 1, status: test, title: t, category: cat, level: red, match: {all: ['没有的话'], " \
    "learned: {enough: 80}}}\n"

static struct rule_set *load(struct rule_problems *problems)
{
    const char *dirs[] = {folder};
    struct rule_set *set = NULL;
    CLEANUP(arena_release) struct arena a = {0};
    struct rule_sources sources = {0};
    struct reason why;
    *problems = (struct rule_problems){0};
    assert_int_equal(rule_sources_read(dirs, 1, &a, &sources, problems, &why), RELAY_OK);
    set = rule_set_build(&a, &sources, &(struct set_options){0}, problems);
    return set;
}

static size_t hits_of(const struct rule_set *set, const char *text, struct rule_hit *ret, size_t max)
{
    struct matcher *m = matcher_new(set);
    const struct rule_hit *hits = NULL;
    size_t n = rules_match(m, text, strlen(text), -1, false, &hits);
    assert_true(n <= max);
    if (n) memcpy(ret, hits, n * sizeof(*hits));
    matcher_free(m);
    return n;
}

static void a_text_that_is_like_enough_matches_whatever_else_the_rule_says(void **state)
{
    (void)state;
    struct rule_problems problems;
    struct rule_hit hits[4];
    folder_put("likeness.tsv", "cat\t-1000\t\ncat\t3000\t手术\nfor_one\t-1000\t\nfor_one\t3000\t疫苗\n");
    folder_put("r.yaml",
               RULE("by_kind", "all: ['医保'], none: ['窗口'], learned: {enough: 80, none: ['谨防']}")
                   RULE("for_one", "all: ['医保'], learned: {enough: 80}") RULE("zz_says", "all: ['手术']"));
    struct rule_set *set = load(&problems);
    assert_int_equal(problems.n, 0);
    assert_int_equal(hits_of(set, "天气", hits, 4), 0);
    assert_int_equal(hits_of(set, "到窗口手术", hits, 4), 2); /* 2000 points are 88 % */
    assert_string_equal(hits[0].rule->id, "by_kind");
    assert_true(hits[0].only_like);
    assert_false(hits[1].only_like);
    assert_true(rule_hit_before(&hits[1], &hits[0])); /* what a rule says goes first */
    assert_int_equal(hits_of(set, "谨防到窗口手术", hits, 4), 1);
    assert_string_equal(hits[0].rule->id, "zz_says");
    assert_int_equal(hits_of(set, "打疫苗", hits, 4), 1);
    assert_string_equal(hits[0].rule->id, "for_one");
    assert_int_equal(hits_of(set, "医保", hits, 4), 2);
    assert_false(hits[0].only_like);
    assert_int_equal(hits_of(set, "医保窗口", hits, 4), 1);
    rule_problems_release(&problems);
    rule_set_free(set);
}

static void a_match_that_is_like_nothing_that_was_learned_is_for_a_person(void **state)
{
    (void)state;
    struct rule_problems problems;
    struct rule_hit hits[4];
    folder_put("likeness.tsv", "cat\t-9000\t\ncat\t3000\t手术\nother\t-9000\t\nother\t4000\t疫苗\n");
    folder_put("r.yaml", RULE("doubts", "all: ['医保'], learned: {doubt: true}")
                             RULE("trusts", "all: ['医保'], learned: {enough: 80}"));
    struct rule_set *set = load(&problems);
    assert_int_equal(problems.n, 0);
    assert_int_equal(hits_of(set, "医保", hits, 4), 2);
    assert_int_equal(hits[0].verdict, UNSURE);
    assert_int_equal(hits[1].verdict, MATCH);
    assert_int_equal(hits_of(set, "医保手术", hits, 4), 2); /* -6000 points are under half a percent */
    assert_int_equal(hits[0].verdict, UNSURE);
    assert_int_equal(hits_of(set, "医保疫苗", hits, 4), 2); /* like another kind */
    assert_int_equal(hits[0].verdict, MATCH);
    assert_int_equal(hits_of(set, "疫苗", hits, 4), 0);
    rule_problems_release(&problems);
    rule_set_free(set);
}

static void each_pack_goes_by_what_it_has_learned_itself(void **state)
{
    (void)state;
    CLEANUP(free_ptr) char *one = folder_path("one"), *two = folder_path("two");
    const char *dirs[] = {one, two};
    struct rule_problems problems = {0};
    struct rule_set *set = NULL;
    struct reason why;
    struct rule_hit hits[4];
    assert_int_equal(mkdir(one, 0700) + mkdir(two, 0700), 0);
    folder_put("one/likeness.tsv", "cat\t-1000\t\ncat\t3000\t手术\n");
    folder_put("one/r.yaml", HIDDEN("a_one") HIDDEN("c_one"));
    folder_put("two/likeness.tsv", "cat\t-1000\t\ncat\t3000\t疫苗\n");
    folder_put("two/r.yaml", HIDDEN("b_two") HIDDEN("d_two"));
    assert_int_equal(rule_set_load(dirs, 2, &set, &problems, &why), RELAY_OK);
    assert_int_equal(hits_of(set, "手术", hits, 4), 2);
    assert_string_equal(hits[0].rule->id, "a_one");
    assert_string_equal(hits[1].rule->id, "c_one");
    assert_int_equal(hits_of(set, "疫苗", hits, 4), 2);
    assert_string_equal(hits[0].rule->id, "b_two");
    assert_int_equal(hits_of(set, "疫苗手术", hits, 4), 4);
    rule_problems_release(&problems);
    rule_set_free(set);
}

static void what_was_learned_is_part_of_the_sets_hash(void **state)
{
    (void)state;
    struct rule_problems problems;
    char before[17];
    folder_put("r.yaml", RULE("one", "all: ['医保'], learned: {enough: 80}"));
    folder_put("likeness.tsv", "cat\t3000\t手术\n");
    struct rule_set *set = load(&problems);
    (void)snprintf(before, sizeof(before), "%s", rule_set_hash(set));
    rule_set_free(set);
    folder_put("likeness.tsv", "cat\t3001\t手术\n");
    set = load(&problems);
    assert_int_equal(problems.n, 0);
    assert_string_not_equal(rule_set_hash(set), before);
    rule_set_free(set);
}

static void a_rule_that_cannot_ask_says_what_to_do(void **state)
{
    (void)state;
    static const struct {
        const char *learned, *said;
    } cases[] = {{NULL, "likeness.tsv"},
                 {"another\t1\t手\n", "learned: likeness.tsv has nothing of the category cat"},
                 {"broken\n", "likeness.tsv:1: wants `kind, points, characters`"}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct rule_problems problems;
        folder_put("r.yaml",
                   RULE("one", "all: ['医保'], learned: {enough: 80}") RULE("two", "all: ['医保']"));
        if (cases[i].learned) folder_put("likeness.tsv", cases[i].learned);
        struct rule_set *set = load(&problems);
        assert_int_equal(rule_set_size(set), 2); /* each goes by its words */
        assert_int_equal(problems.n, 1);
        assert_string_equal(problems.items[0].rule, "one");
        if (!strstr(problems.items[0].why.text, cases[i].said)) fail_msg("%s", problems.items[0].why.text);
        rule_problems_release(&problems);
        rule_set_free(set);
    }
    struct rule_problems unasked;
    folder_put("r.yaml", RULE("one", "all: ['医保'], learned: {doubt: true, none: ['谨防']}"));
    folder_put("likeness.tsv", "cat\t1\t手\n");
    rule_set_free(load(&unasked));
    assert_non_null(strstr(unasked.items[0].why.text, "learned.none: is asked of nothing without `enough`"));
    rule_problems_release(&unasked);
    struct rule_problems problems = {0};
    static const char alone[] = RULE("one", "all: ['医保'], learned: {enough: 80}");
    struct rule_set *set =
        rule_set_of_text("one.yaml", alone, strlen(alone), &(struct set_options){0}, &problems);
    assert_int_equal(rule_set_size(set), 1);
    assert_non_null(strstr(problems.items[0].why.text, "installed on its own"));
    rule_problems_release(&problems);
    rule_set_free(set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_row_counts_once_and_digits_are_one_character),
        cmocka_unit_test(one_scratch_serves_text_after_text),
        cmocka_unit_test(percent_and_points_are_each_others_inverse),
        cmocka_unit_test(the_weightiest_parts_come_first),
        cmocka_unit_test(what_is_wrong_in_the_file_is_named_by_line),
        cmocka_unit_test_setup_teardown(a_text_that_is_like_enough_matches_whatever_else_the_rule_says,
                                        folder_begin, folder_end),
        cmocka_unit_test_setup_teardown(a_match_that_is_like_nothing_that_was_learned_is_for_a_person,
                                        folder_begin, folder_end),
        cmocka_unit_test_setup_teardown(each_pack_goes_by_what_it_has_learned_itself, folder_begin,
                                        folder_end),
        cmocka_unit_test_setup_teardown(what_was_learned_is_part_of_the_sets_hash, folder_begin, folder_end),
        cmocka_unit_test_setup_teardown(a_rule_that_cannot_ask_says_what_to_do, folder_begin, folder_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
