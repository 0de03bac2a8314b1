/* lists.c: a pack's named lists, filled into the patterns of their own folder, and named when they are wrong. */
#include "rules/lists.h"

#include <dirent.h>
#include <unistd.h>

#include "folder.h"
#include "io/file.h"
#include "rules/set.h"

static const char *path_of(const char *name)
{
    static char path[128];
    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    return path;
}

static void put_rule(const char *pattern)
{
    char text[512];
    (void)snprintf(
        text, sizeof(text),
        "id: one\nrev: 1\nstatus: test\ntitle: t\ncategory: cat\nlevel: red\nmatch:\n  all: ['%s']\n",
        pattern);
    folder_put("r.yaml", text);
}

static struct rule_set *load(struct rule_problems *problems)
{
    const char *dirs[] = {folder};
    struct rule_set *set = NULL;
    struct reason why;
    *problems = (struct rule_problems){0};
    assert_int_equal(rule_set_load(dirs, 1, &set, problems, &why), RELAY_OK);
    return set;
}

static bool finds(const struct rule_set *set, const char *text)
{
    struct runner r;
    struct span span;
    runner_init(&r, 0);
    enum verdict v = rule_run(rule_set_at(set, 0)->code, &r, NULL, text, strlen(text), &span);
    runner_release(&r);
    return v == MATCH;
}

static void a_list_stands_for_its_alternatives_and_may_use_those_above(void **state)
{
    (void)state;
    struct rule_problems problems;
    folder_put("lists.yaml", "ill: ['手术|抢救', '住院']\nill_pay: '{{ill}}.{0,4}(?:费|押金)'\n");
    put_rule("儿子{{ill_pay}}");
    struct rule_set *set = load(&problems);
    assert_int_equal(problems.n, 0);
    assert_int_equal(rule_set_size(set), 1);
    assert_true(finds(set, "您儿子住院要押金"));
    assert_true(finds(set, "您儿子抢救费"));
    assert_false(finds(set, "您儿子上学费用"));
    rule_problems_release(&problems);
    rule_set_free(set);
}

static void lists_may_stand_in_several_files(void **state)
{
    (void)state;
    struct rule_problems problems;
    folder_put("lists.yaml", "ill: '手术|抢救'\n");
    folder_put("lists_more.yaml", "ill_pay: '{{ill}}.{0,4}(?:费|押金)'\n");
    folder_put("lists_some.yaml", "ill: '住院'\nkin: '儿子'\n");
    put_rule("{{kin}}{{ill_pay}}");
    struct rule_set *set = load(&problems);
    assert_true(finds(set, "您儿子抢救费"));
    assert_false(finds(set, "您儿子住院费"));
    assert_int_equal(problems.n, 1);
    assert_string_equal(problems.items[0].file, path_of("lists_some.yaml"));
    assert_non_null(strstr(problems.items[0].why.text, "ill: another file has a list of that name"));
    rule_problems_release(&problems);
    rule_set_free(set);
}

static void a_change_of_a_list_changes_the_hash_of_the_set(void **state)
{
    (void)state;
    struct rule_problems problems;
    char before[17];
    put_rule("{{ill}}");
    folder_put("lists.yaml", "ill: '手术'\n");
    struct rule_set *set = load(&problems);
    (void)snprintf(before, sizeof(before), "%s", rule_set_hash(set));
    rule_set_free(set);
    folder_put("lists.yaml", "ill: '手术|住院'\n");
    set = load(&problems);
    assert_string_not_equal(rule_set_hash(set), before);
    rule_problems_release(&problems);
    rule_set_free(set);
}

static void what_is_wrong_is_named_by_file_and_line(void **state)
{
    (void)state;
    static const struct {
        const char *lists, *pattern, *file, *said;
        int line;
    } cases[] = {
        {"ill: '手术'\n", "{{sick}}", "r.yaml", "no list is called sick", 8},
        {"ill: '手术'\n", "{{ill}", "r.yaml", "begins the name of a list", 8},
        {"a: '手术'\nb: '(医院'\n", "手术", "lists.yaml", "b: ", 2},
        {"a: '{{b}}'\nb: '医院'\n", "手术", "lists.yaml", "no list is called b", 1},
        {"a: {b: c}\n", "手术", "lists.yaml", "wants a pattern", 1},
        {"甲: '医院'\n", "手术", "lists.yaml", "a-z", 1},
        {"- '医院'\n", "手术", "lists.yaml", "name: pattern", 1},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct rule_problems problems;
        folder_put("lists.yaml", cases[i].lists);
        put_rule(cases[i].pattern);
        struct rule_set *set = load(&problems);
        assert_int_equal(problems.n, 1);
        assert_string_equal(problems.items[0].file, path_of(cases[i].file));
        assert_int_equal(problems.items[0].line, cases[i].line);
        assert_non_null(strstr(problems.items[0].why.text, cases[i].said));
        rule_problems_release(&problems);
        rule_set_free(set);
    }
}

static void a_rule_that_misses_many_lists_of_a_broken_file_says_so_once(void **state)
{
    (void)state;
    struct rule_problems problems;
    folder_put("lists.yaml", "a: '手术'\n<<<\nb: '医院'\n");
    put_rule("{{a}}{{b}}', '{{b}}', '{{a}}");
    struct rule_set *set = load(&problems);
    assert_int_equal(problems.n, 2);
    assert_string_equal(problems.items[0].file, path_of("lists.yaml"));
    assert_string_equal(problems.items[1].file, path_of("r.yaml"));
    rule_problems_release(&problems);
    rule_set_free(set);
}

static void a_missing_list_is_one_problem_at_its_first_use_that_counts_the_others(void **state)
{
    (void)state;
    static const struct {
        const char *lists, *text, *file, *said, *also;
        int line;
        size_t problems;
    } cases[] = {
        {"lists.yaml", "a: '手术'\n", "r.yaml",
         "all: no list is called b: ", "(the first of 3 places that need it)", 8, 1},
        {"none.txt", "", "r.yaml", "there is no lists.yaml beside this file",
         "(the first of 5 places that need a list)", 8, 1},
        /* A list that uses a missing one takes along those that use it; other faults of lists are counted there too. */
        {"lists_x.yaml", "a: '医'\nb: '{{far}}'\nc: '{{b}}'\n", "lists_x.yaml", "b: no list is called far",
         "(the first of 5 places that need it)", 2, 1},
        {"lists.yaml", "a: '医院'\nb: '(医院'\n", "lists.yaml", "b: ", "(3 patterns use it)", 2, 1},
        {"lists.yaml", "c: '医院'\n", "r.yaml", "all: no list is called a",
         "(the first of 2 places that need it)", 8, 2},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct rule_problems problems;
        folder_put(cases[i].lists, cases[i].text);
        put_rule("{{a}}{{b}}', '{{b}}', '{{a}}{{b}}");
        struct rule_set *set = load(&problems);
        const struct rule_problem *p = &problems.items[0];
        if (problems.n != cases[i].problems || !strstr(p->why.text, cases[i].said) ||
            !strstr(p->why.text, cases[i].also))
            fail_msg("%zu: %zu problems, %s", i, problems.n, p->why.text);
        assert_string_equal(p->file, path_of(cases[i].file));
        assert_int_equal(p->line, cases[i].line);
        assert_int_equal(rule_set_size(set), 0);
        rule_problems_release(&problems);
        rule_set_free(set);
        (void)unlink(path_of(cases[i].lists));
    }
}

static void without_lists_a_name_is_unknown_and_other_rules_load(void **state)
{
    (void)state;
    struct rule_problems problems;
    put_rule("{{ill}}");
    struct rule_set *set = load(&problems);
    assert_int_equal(rule_set_size(set), 0);
    assert_int_equal(problems.n, 1);
    rule_problems_release(&problems);
    rule_set_free(set);
}

/* A list that nothing names any more is noise for whoever looks for a word to change. */
static void every_list_of_the_shipped_pack_is_used(void **state)
{
    (void)state;
    static const char pack[] = TOCSIN_SOURCE_DIR "/rules/packs/medical/";
    struct arena arena = {0};
    struct rule_lists lists = {0};
    struct rule_problems problems = {0};
    struct dirent **names = NULL;
    CLEANUP(buf_release) struct buf all = BUF_INIT(16 * 1024 * 1024);
    rule_lists_read(&lists, pack, &arena, &problems);
    assert_int_equal(problems.n, 0);
    assert_true(lists.n > 0);
    int n = scandir(pack, &names, NULL, alphasort);
    assert_true(n > 2);
    for (int i = 0; i < n; i++) {
        char path[400];
        (void)snprintf(path, sizeof(path), "%s%s", pack, names[i]->d_name);
        struct reason why;
        if (names[i]->d_type == DT_REG) assert_int_equal(file_read(path, &all, &why), RELAY_OK);
        free(names[i]);
    }
    free(names);
    for (size_t i = 0; i < lists.n; i++) {
        char use[80];
        (void)snprintf(use, sizeof(use), "{{%s}}", lists.items[i].name);
        if (!strstr(buf_cstr(&all), use)) fail_msg("no pattern names %s", use);
    }
    arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_list_stands_for_its_alternatives_and_may_use_those_above,
                                        folder_begin, folder_end),
        cmocka_unit_test_setup_teardown(lists_may_stand_in_several_files, folder_begin, folder_end),
        cmocka_unit_test_setup_teardown(a_change_of_a_list_changes_the_hash_of_the_set, folder_begin,
                                        folder_end),
        cmocka_unit_test_setup_teardown(what_is_wrong_is_named_by_file_and_line, folder_begin, folder_end),
        cmocka_unit_test(every_list_of_the_shipped_pack_is_used),
        cmocka_unit_test_setup_teardown(a_rule_that_misses_many_lists_of_a_broken_file_says_so_once,
                                        folder_begin, folder_end),
        cmocka_unit_test_setup_teardown(a_missing_list_is_one_problem_at_its_first_use_that_counts_the_others,
                                        folder_begin, folder_end),
        cmocka_unit_test_setup_teardown(without_lists_a_name_is_unknown_and_other_rules_load, folder_begin,
                                        folder_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
