/* rulebook.c: the status line of a rule's file; versions, files, and who may do what are in tests/flow/officer.py. */
#include "rulebook.h"

#include "unit.h"

static void assert_status(const char *text, const char *wanted)
{
    struct reason why = {""};
    CLEANUP(buf_release) struct buf b = BUF_INIT(4096);
    enum relay_err err = rulebook_with_status(text, "test", &b, &why);
    if (!wanted) {
        assert_int_equal(err, RELAY_INVALID);
        assert_true(why.text[0]);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_status_is_written_on_its_own_line),
        cmocka_unit_test(what_is_not_one_rule_with_such_a_line_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
