/* event.c: names go there and back. */
#include "base/event.h"

#include <string.h>

#include "unit.h"

static void kinds_are_read_in_both_languages(void **state)
{
    (void)state;
    for (int k = 0; k < KIND_COUNT; k++) {
        enum event_kind back = KIND_COUNT;
        assert_true(event_kind_parse(event_kind_name((enum event_kind)k), &back));
        assert_int_equal(back, k);
    }
    enum event_kind k = KIND_BUTTON;
    assert_true(event_kind_parse("短信", &k));
    assert_int_equal(k, KIND_SMS);
    assert_false(event_kind_parse("SMS", &k));
    assert_false(event_kind_parse("", &k));
    assert_int_equal(k, KIND_SMS);
}

static void statuses_and_message_kinds_go_there_and_back(void **state)
{
    (void)state;
    for (int s = STATUS_ACTUAL; s <= STATUS_TEST; s++) {
        enum cap_status back;
        assert_true(cap_status_parse(cap_status_name((enum cap_status)s), &back));
        assert_int_equal(back, s);
    }
    for (int m = EVENT_ALERT; m <= EVENT_CANCEL; m++) {
        enum event_msg back;
        assert_true(event_msg_parse(event_msg_name((enum event_msg)m), &back));
        assert_int_equal(back, m);
    }
    enum cap_status s;
    enum event_msg m;
    assert_false(cap_status_parse("actual", &s));
    assert_false(event_msg_parse("Alert", &m));
    assert_string_equal(cap_status_name((enum cap_status)99), "unknown");
}

static void every_refusal_has_a_name_and_says_what_to_do(void **state)
{
    (void)state;
    for (int r = 1; r < REFUSAL_COUNT; r++) {
        const char *retry = refusal_retry((enum refusal)r);
        assert_string_not_equal(refusal_name((enum refusal)r), "unknown");
        assert_true(strcmp(retry, "never") == 0 || strcmp(retry, "later") == 0 ||
                    strcmp(retry, "same_id") == 0);
    }
    assert_string_equal(refusal_name(REFUSAL_NOT_AUTHORISED), "not_authorised");
    assert_string_equal(refusal_retry(REFUSAL_CLOCK_AHEAD), "later");
    assert_string_equal(refusal_retry(REFUSAL_ID_CONFLICT), "never");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kinds_are_read_in_both_languages),
        cmocka_unit_test(statuses_and_message_kinds_go_there_and_back),
        cmocka_unit_test(every_refusal_has_a_name_and_says_what_to_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
