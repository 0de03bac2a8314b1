/* rulebook.c: the status line of a rule's file, and what is loaded; versions, files, and who may do what are in
 * tests/flow/officer.py. */
#include "rulebook.h"

#include <sys/stat.h>

#include "folder.h"

static void assert_status(const char *text, const char *wanted)
{
    struct reason why = {""};
    CLEANUP(buf_release) struct buf b = BUF_INIT(4096);
    enum relay_err err = rulebook_with_status("a.yaml", text, "test", &b, &why);
    if (!wanted) {
        assert_int_equal(err, RELAY_INVALID);
        assert_non_null(strstr(why.text, "a.yaml:"));
        return;
    }
    if (err != RELAY_OK) fail_msg("%s", why.text);
    assert_string_equal(buf_cstr(&b), wanted);
}

static void the_status_is_written_on_its_own_line(void **state)
{
    (void)state;
    assert_status("id: a1\nstatus: stable   # soon\nrev: 1\n", "id: a1\nstatus: test\nrev: 1\n");
    assert_status("# status: no\nid: a1\nstatus: 试验", "# status: no\nid: a1\nstatus: test");
    assert_status("- id: a1\n  status: stable\n  rev: 1\n", "- id: a1\n  status: test\n  rev: 1\n");
    assert_status("- status: stable\n  id: a1\n", "- status: test\n  id: a1\n");
}

static void what_is_not_one_rule_with_such_a_line_is_refused(void **state)
{
    (void)state;
    assert_status("id: a1\nrev: 1\n", NULL);
    assert_status("{id: a1, status: stable}\n", NULL);
    assert_status("- id: a1\n  status: test\n- id: a2\n  status: test\n", NULL);
    assert_status("just words\n", NULL);
    assert_status("id: [\n", NULL);
}

#define RULE(id)                                                                                             \
    "id: " id "\nrev: 1\nstatus: test\ntitle: t\ncategory: cat\nlevel: red\nmatch:\n  any: ['安全账户']\n"

static void what_is_installed_is_loaded_after_the_packs_and_a_fault_in_it_says_how_it_is_mended(void **state)
{
    (void)state;
    CLEANUP(free_ptr) char *pack = folder_path("pack"), *own = folder_path(RULEBOOK_FOLDER);
    assert_int_equal(mkdir(pack, 0700), 0);
    folder_put("pack/a.yaml", RULE("a_pack"));
    const char *packs[] = {pack};
    struct relay_config c = {.file = "tocsin.yaml",
                             .relay.state_dir = folder,
                             .rules.packs = {.items = packs, .n = 1},
                             .limits.rules = 2};
    struct rule_set *set = NULL;
    struct rule_problems problems = {0};
    struct reason why = {""};
    if (rulebook_load(&c, &set, &problems, &why) != RELAY_OK) fail_msg("%s", why.text);
    assert_int_equal(rule_set_size(set), 1);
    rule_set_free(set);
    rule_problems_release(&problems);

    assert_int_equal(mkdir(own, 0700), 0);
    folder_put(RULEBOOK_FOLDER "/a_pack.yaml", RULE("a_pack"));
    folder_put(RULEBOOK_FOLDER "/b_own.yaml", RULE("b_own"));
    if (rulebook_load(&c, &set, &problems, &why) != RELAY_OK) fail_msg("%s", why.text);
    assert_int_equal(rule_set_size(set), 2);
    assert_non_null(rule_set_find(set, "b_own"));
    assert_non_null(strstr(rule_set_find(set, "a_pack")->file, pack));
    size_t i = 0;
    while (i < problems.n && problems.items[i].warning) i++;
    assert_true(i < problems.n);
    const struct rule_problem *twice = &problems.items[i];
    assert_non_null(strstr(twice->file, "/" RULEBOOK_FOLDER "/a_pack.yaml"));
    assert_int_equal(twice->line, 1);
    assert_non_null(strstr(twice->why.text, "`tocsin rules revert a_pack --by NAME`"));
    rule_set_free(set);
    rule_problems_release(&problems);

    c.limits.rules = 1;
    assert_int_equal(rulebook_load(&c, &set, &problems, &why), RELAY_LIMIT);
    rule_problems_release(&problems);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_status_is_written_on_its_own_line),
        cmocka_unit_test(what_is_not_one_rule_with_such_a_line_is_refused),
        cmocka_unit_test_setup_teardown(
            what_is_installed_is_loaded_after_the_packs_and_a_fault_in_it_says_how_it_is_mended, folder_begin,
            folder_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
