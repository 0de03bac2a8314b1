/* set.c: loading directories, samples at load, ids, the hash. */
#include "rules/rules.h"

#include "folder.h"

#include <sys/stat.h>
#include <unistd.h>

static struct rule_set *load(struct rule_problems *problems)
{
    const char *dirs[] = {folder};
    struct rule_set *s = NULL;
    struct reason why = {0};
    *problems = (struct rule_problems){0};
    if (rule_set_load(dirs, 1, &s, problems, &why)) fail_msg("%s", why.text);
    return s;
}

#define RULE(id, rest) "- {id: " id ", rev: 1, status: test, title: t, category: c1, level: red, " rest "}\n"

static void files_are_read_in_name_order_and_rules_found_by_id(void **state)
{
    (void)state;
    folder_put("b.yaml", RULE("zz", "match: {any: ['x']}"));
    folder_put("a.yaml", RULE("yy", "match: {any: ['x']}") RULE("bb", "match: {any: ['x']}"));
    folder_put("c.txt", "no yaml at all: [");
    folder_put(".d.yaml", "nor this: [");
    struct rule_problems problems;
    struct rule_set *s = load(&problems);
    assert_int_equal(problems.n, 0);
    assert_int_equal(rule_set_size(s), 3);
    assert_string_equal(rule_set_at(s, 0)->id, "bb");
    assert_int_equal(rule_set_at(s, 2)->index, 2);
    assert_null(rule_set_at(s, 3));
    assert_ptr_equal(rule_set_find(s, "yy"), rule_set_at(s, 1));
    assert_null(rule_set_find(s, "xx"));
    assert_int_equal(strlen(rule_set_hash(s)), 16);
    rule_set_free(s);
    rule_problems_release(&problems);
}

static void a_repeated_id_keeps_the_first_and_names_both(void **state)
{
    (void)state;
    folder_put("a.yaml", "# first\n" RULE("aa", "match: {any: ['x']}"));
    folder_put("b.yaml", RULE("aa", "match: {any: ['y']}"));
    struct rule_problems problems;
    struct rule_set *s = load(&problems);
    assert_int_equal(rule_set_size(s), 1);
    assert_int_equal(rule_set_at(s, 0)->line, 2);
    assert_int_equal(problems.n, 1);
    assert_non_null(strstr(problems.items[0].file, "b.yaml"));
    assert_non_null(strstr(problems.items[0].why.text, "a.yaml, line 2"));
    rule_set_free(s);
    rule_problems_release(&problems);
}

static void a_rule_that_fails_its_own_samples_is_left_out(void **state)
{
    (void)state;
    folder_put("a.yaml",
               "- id: aa\n  rev: 1\n  title: t\n  category: c1\n  level: red\n  match: {any: ['医保']}\n"
               "  samples:\n    match:\n      - '您的医保停用'\n      - '社保停用'\n    pass:\n      - "
               "'新医保政策'\n");
    folder_put("b.yaml", RULE("bb", "match: {any: ['医保']}, samples: {match: ['医保'], pass: ['社保']}"));
    struct rule_problems problems;
    struct rule_set *s = load(&problems);
    assert_int_equal(rule_set_size(s), 1);
    assert_int_equal(problems.n, 2);
    assert_int_equal(problems.items[0].line, 10);
    assert_non_null(strstr(problems.items[0].why.text, "社保停用"));
    assert_int_equal(problems.items[1].line, 12);
    assert_string_equal(problems.items[1].rule, "aa");
    rule_set_free(s);
    rule_problems_release(&problems);
}

static void a_rule_with_a_slot_that_nothing_fills_is_left_out_and_its_line_named(void **state)
{
    (void)state;
    static const char rule[] = "id: %s\nrev: 1\nstatus: test\ntitle: t\ncategory: c1\nlevel: red\n"
                               "match: {any: ['x']}\nsay:\n  voice: 到{{help}}问。\n  chat: '%s'\n"
                               "  screen:\n    headline: '%s'\n";
    static const struct {
        const char *id, *chat, *headline;
        int line;
    } bad[] = {{"unknown", "{{where}}", "好", 10},
               {"open", "{{id", "好", 10},
               {"near_a_site", "{{site}}有{{count}}", "好", 10},
               {"on_screen", "好", "{{nmae}}", 12},
               {"right", "{{area}}{{count}}", "{{area}}", 0}};
    for (size_t i = 0; i < COUNT(bad); i++) {
        char text[512];
        (void)snprintf(text, sizeof(text), rule, bad[i].id, bad[i].chat, bad[i].headline);
        folder_put("a.yaml", text);
        struct rule_problems problems;
        struct rule_set *s = load(&problems);
        assert_int_equal(rule_set_size(s), bad[i].line ? 0 : 1);
        assert_int_equal(problems.n, bad[i].line ? 1 : 0);
        if (bad[i].line) {
            assert_int_equal(problems.items[0].line, bad[i].line);
            assert_string_equal(problems.items[0].rule, bad[i].id);
            assert_non_null(strstr(problems.items[0].file, "a.yaml"));
        }
        rule_set_free(s);
        rule_problems_release(&problems);
    }
    folder_put("a.yaml", RULE("spoken", "match: {any: ['x']}, say: {voice: '{{time}}有骗子。'}"));
    struct rule_problems problems;
    struct rule_set *s = load(&problems);
    assert_int_equal(rule_set_size(s), 0);
    assert_int_equal(problems.n, 1);
    rule_set_free(s);
    rule_problems_release(&problems);
}

static void samples_and_words_are_normalised_as_events_are(void **state)
{
    (void)state;
    folder_put(
        "a.yaml",
        RULE("aa",
             "match: {words: [[醫保], [VIP]]}, samples: {match: ['您的醫 保ｖｉｐ卡'], pass: ['医保']}"));
    struct rule_problems problems;
    struct rule_set *s = load(&problems);
    for (size_t i = 0; i < problems.n; i++) fail_msg("%s", problems.items[i].why.text);
    assert_int_equal(rule_set_size(s), 1);
    rule_set_free(s);
    rule_problems_release(&problems);
}

static void a_pattern_that_does_not_compile_names_its_line(void **state)
{
    (void)state;
    folder_put(
        "a.yaml",
        "- id: aa\n  rev: 1\n  title: t\n  category: c1\n  level: red\n  match:\n    any:\n      - 'ok'\n"
        "      - '(?<=a+)b'\n" RULE("bb", "match: {any: ['医保']}"));
    struct rule_problems problems;
    struct rule_set *s = load(&problems);
    assert_int_equal(rule_set_size(s), 1);
    assert_int_equal(problems.n, 1);
    assert_int_equal(problems.items[0].line, 9);
    assert_non_null(strstr(problems.items[0].why.text, "lookbehind"));
    rule_set_free(s);
    rule_problems_release(&problems);
}

static void the_hash_follows_what_is_found_and_said_and_nothing_else(void **state)
{
    (void)state;
    static const char *const same[] = {RULE("aa", "match: {any: ['x', 'y']}"),
                                       "# a comment\n\n" RULE("aa", "match: {any: [\"x\", 'y']}")};
    static const char *const other[] = {
        RULE("aa", "match: {any: ['x', 'z']}"),
        RULE("aa", "match: {all: ['x', 'y']}"),
        RULE("aa", "match: {any: [['x', 'y']]}"),
        RULE("aa", "match: {any: ['x', 'y']}, say: {voice: v}"),
        RULE("ab", "match: {any: ['x', 'y']}"),
        RULE("aa", "match: {any: ['x', 'y']}, threshold: {count: 2}"),
    };
    char first[17];
    struct rule_problems problems;
    for (size_t i = 0; i < COUNT(same) + COUNT(other); i++) {
        folder_put("a.yaml", i < COUNT(same) ? same[i] : other[i - COUNT(same)]);
        struct rule_set *s = load(&problems);
        assert_int_equal(rule_set_size(s), 1);
        if (i == 0)
            memcpy(first, rule_set_hash(s), sizeof(first));
        else if (i < COUNT(same))
            assert_string_equal(rule_set_hash(s), first);
        else
            assert_string_not_equal(rule_set_hash(s), first);
        rule_set_free(s);
        rule_problems_release(&problems);
    }
}

static void nothing_to_read_is_an_error(void **state)
{
    (void)state;
    struct rule_set *s = NULL;
    struct rule_problems problems = {0};
    struct reason why = {0};
    const char *dirs[] = {folder, "/nonexistent"};
    assert_int_equal(rule_set_load(dirs, 2, &s, &problems, &why), RELAY_NOT_FOUND);
    assert_null(s);
    assert_int_equal(problems.n, 1);
    assert_string_equal(problems.items[0].file, "/nonexistent");
    assert_non_null(strstr(problems.items[0].why.text, "there is no such file"));
    rule_problems_release(&problems);
}

static void a_folder_of_packs_is_told_apart_from_a_pack_and_the_packs_are_named(void **state)
{
    (void)state;
    static const char *const made[] = {"aa", "bb", "bb/deep", "cc", "cc/none", ".git"};
    for (size_t i = 0; i < ARRAY_LEN(made); i++) {
        CLEANUP(free_ptr) char *path = folder_path(made[i]);
        assert_int_equal(mkdir(path, 0700), 0);
    }
    folder_put("README.md", "x");
    folder_put("aa/a.yaml", RULE("aa", "match: {any: ['x']}"));
    folder_put("bb/deep/b.yaml", RULE("bb", "match: {any: ['x']}"));
    folder_put(".git/c.yaml", "x");
    CLEANUP(free_ptr) char *first = folder_path("aa"), *both = xasprintf("%s/aa, %s/bb/deep", folder, folder);
    const char *dirs[] = {folder, first};
    struct rule_set *s = NULL;
    struct rule_problems problems = {0};
    struct reason why = {0};
    assert_int_equal(rule_set_load(dirs, 1, &s, &problems, &why), RELAY_NOT_FOUND);
    assert_int_equal(problems.n, 1);
    assert_string_equal(problems.items[0].file, folder);
    const char *named = strrchr(problems.items[0].why.text, ':');
    assert_non_null(named);
    assert_string_equal(named + 2, both);
    rule_problems_release(&problems);
    /* Beside a folder with rules it is a mistake all the same. */
    assert_int_equal(rule_set_load(dirs, 2, &s, &problems, &why), RELAY_OK);
    assert_int_equal(rule_set_size(s), 1);
    assert_int_equal(problems.n, 1);
    rule_set_free(s);
    rule_problems_release(&problems);
    /* More than can be taken in at a look. */
    for (int i = 0; i < 9; i++) {
        char name[8], file[16];
        (void)snprintf(name, sizeof(name), "d%d", i);
        (void)snprintf(file, sizeof(file), "d%d/r.yaml", i);
        CLEANUP(free_ptr) char *path = folder_path(name);
        assert_int_equal(mkdir(path, 0700), 0);
        folder_put(file, "x");
    }
    assert_int_equal(rule_set_load(dirs, 1, &s, &problems, &why), RELAY_NOT_FOUND);
    assert_non_null(strstr(problems.items[0].why.text, "/d2, …"));
    assert_null(strstr(problems.items[0].why.text, "/d3"));
    rule_problems_release(&problems);
}

static void a_directory_of_bad_files_is_an_empty_set_with_problems(void **state)
{
    (void)state;
    folder_put("a.yaml", "id: [\n");
    struct rule_problems problems;
    struct rule_set *s = load(&problems);
    assert_int_equal(rule_set_size(s), 0);
    assert_int_equal(problems.n, 1);
    struct matcher *m = matcher_new(s);
    const struct rule_hit *h = NULL;
    assert_int_equal(rules_match(m, "x", 1, -1, true, &h), 0);
    matcher_free(m);
    rule_set_free(s);
    rule_problems_release(&problems);
}

#define T(f) cmocka_unit_test_setup_teardown(f, folder_begin, folder_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(files_are_read_in_name_order_and_rules_found_by_id),
        T(a_repeated_id_keeps_the_first_and_names_both),
        T(a_rule_that_fails_its_own_samples_is_left_out),
        T(a_rule_with_a_slot_that_nothing_fills_is_left_out_and_its_line_named),
        T(samples_and_words_are_normalised_as_events_are),
        T(a_pattern_that_does_not_compile_names_its_line),
        T(the_hash_follows_what_is_found_and_said_and_nothing_else),
        T(nothing_to_read_is_an_error),
        T(a_folder_of_packs_is_told_apart_from_a_pack_and_the_packs_are_named),
        T(a_directory_of_bad_files_is_an_empty_set_with_problems),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
