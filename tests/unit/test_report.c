/* Tests for report.h: which days a report is about, and how long words take. */
#include "report.h"

#include "base/clock.h"
#include "base/mem.h"
#include "unit.h"

static void a_half_ends_where_the_other_begins_and_both_make_the_month(void **state)
{
    (void)state;
    struct reason why;
    assert_int_equal(clock_set_zone("Asia/Shanghai", &why), RELAY_OK);
    static const char *const months[] = {"2026-11", "2024-02", "2026-12"};
    for (size_t i = 0; i < ARRAY_LEN(months); i++) {
        struct report_span month = {0}, a = {0}, b = {0};
        char half[16];
        assert_int_equal(report_month(months[i], &month, &why), RELAY_OK);
        (void)snprintf(half, sizeof(half), "%sa", months[i]);
        assert_int_equal(report_half(half, &a, &why), RELAY_OK);
        (void)snprintf(half, sizeof(half), "%sb", months[i]);
        assert_int_equal(report_half(half, &b, &why), RELAY_OK);
        assert_true(month.from == a.from && a.to == b.from && b.to == month.to);
        assert_int_equal(a.to - a.from, 15 * DAY_MS);
    }
    struct report_span leap = {0};
    assert_int_equal(report_month("2024-02", &leap, &why), RELAY_OK);
    assert_int_equal(leap.to - leap.from, 29 * DAY_MS);
}

static void the_last_day_is_counted_in_whatever_its_length(void **state)
{
    (void)state;
    struct reason why;
    struct report_span s = {0};
    assert_int_equal(clock_set_zone("Europe/Berlin", &why), RELAY_OK);
    assert_int_equal(report_days("2026-10-25", "2026-10-25", &s, &why), RELAY_OK);
    assert_int_equal(s.to - s.from, 25 * HOUR_MS);
    assert_int_equal(report_days("2026-03-29", "2026-03-29", &s, &why), RELAY_OK);
    assert_int_equal(s.to - s.from, 23 * HOUR_MS);
    assert_int_equal(clock_set_zone("Asia/Shanghai", &why), RELAY_OK);
}

static void what_is_no_day_is_refused(void **state)
{
    (void)state;
    struct reason why;
    struct report_span s = {.from = 7, .to = 8};
    static const char *const days[] = {"2026-02-29",  "2026-11-31", "2026-11-0",
                                       "2026-11-01x", "",           "2026/11/01"};
    for (size_t i = 0; i < ARRAY_LEN(days); i++)
        assert_int_equal(report_days(days[i], "2026-12-01", &s, &why), RELAY_INVALID);
    assert_int_equal(report_days("2026-11-02", "2026-11-01", &s, &why), RELAY_INVALID);
    assert_int_equal(report_month("2026-00", &s, &why), RELAY_INVALID);
    assert_int_equal(report_month("2026-11a", &s, &why), RELAY_INVALID);
    assert_int_equal(report_half("2026-11c", &s, &why), RELAY_INVALID);
    assert_true(s.from == 7 && s.to == 8);
}

static void punctuation_is_not_read(void **state)
{
    (void)state;
    assert_float_equal(report_seconds("防骗提醒。有人打电话，"), 9 / 3.2, 0.001);
    assert_float_equal(report_seconds("打 110！"), 4 / 3.2, 0.001);
    assert_float_equal(report_seconds(""), 0, 0.001);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_half_ends_where_the_other_begins_and_both_make_the_month),
        cmocka_unit_test(the_last_day_is_counted_in_whatever_its_length),
        cmocka_unit_test(what_is_no_day_is_refused),
        cmocka_unit_test(punctuation_is_not_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
