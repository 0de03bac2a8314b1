/* err.c: reasons are filled, prefixed and cut, never overrun. */
#include "base/err.h"

#include "unit.h"

static void a_reason_is_prefixed_on_the_way_up(void **state)
{
    (void)state;
    struct reason why;
    assert_int_equal(fail(&why, RELAY_INVALID, "line %d", 7), RELAY_INVALID);
    assert_int_equal(fail_in(&why, RELAY_IO, "file %s", "a.yaml"), RELAY_IO);
    assert_string_equal(why.text, "file a.yaml: line 7");
}

static void nobody_need_ask_for_a_reason(void **state)
{
    (void)state;
    assert_int_equal(fail(NULL, RELAY_FULL, "%s", "x"), RELAY_FULL);
    assert_int_equal(fail_in(NULL, RELAY_FULL, "%s", "x"), RELAY_FULL);
}

static void a_long_reason_is_cut(void **state)
{
    (void)state;
    struct {
        struct reason why;
        char guard;
    } r = {.guard = 'g'};
    char longer[1000];
    memset(longer, 'x', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = '\0';
    (void)fail(&r.why, RELAY_INVALID, "%s", longer);
    assert_int_equal(strlen(r.why.text), sizeof(r.why.text) - 1);
    (void)fail_in(&r.why, RELAY_INVALID, "%s", "prefix");
    assert_int_equal(strlen(r.why.text), sizeof(r.why.text) - 1);
    assert_memory_equal(r.why.text, "prefix: xxx", 11);
    (void)fail_in(&r.why, RELAY_INVALID, "%s", longer);
    assert_int_equal(r.guard, 'g');
}

static void every_error_has_its_own_name(void **state)
{
    (void)state;
    for (int i = RELAY_OK; i <= RELAY_UNSUPPORTED; i++) {
        assert_string_not_equal(relay_err_name((enum relay_err)i), "unknown");
        for (int k = RELAY_OK; k < i; k++)
            assert_string_not_equal(relay_err_name((enum relay_err)i), relay_err_name((enum relay_err)k));
    }
    assert_string_equal(relay_err_name((enum relay_err)99), "unknown");
}

static void a_reason_that_is_cut_stays_utf8(void **state)
{
    (void)state;
    struct reason why;
    (void)fail(&why, RELAY_INVALID, "`%.4s` \xD2\xBD\xB1 and %.2s", "医院", "药");
    assert_string_equal(why.text, "`医` \xD2\xBD and ");
    char many[sizeof(why.text)] = "";
    for (size_t n = 1; n + 4 < sizeof(many); n += 3) memcpy(many + n, "医", 4);
    many[0] = 'x';
    (void)fail(&why, RELAY_INVALID, "%s", many);
    (void)fail_in(&why, RELAY_INVALID, "%s", "f");
    assert_true(strlen(why.text) > sizeof(why.text) - 5);
    assert_memory_equal(why.text + strlen(why.text) - 3, "医", 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reason_is_prefixed_on_the_way_up),
        cmocka_unit_test(nobody_need_ask_for_a_reason),
        cmocka_unit_test(a_long_reason_is_cut),
        cmocka_unit_test(every_error_has_its_own_name),
        cmocka_unit_test(a_reason_that_is_cut_stays_utf8),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
