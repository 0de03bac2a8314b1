/* When the month's drill is, and when the duty groups are told. */
#include "drill_plan.h"

#include "unit.h"

static struct day_window afternoon = {.from = 15 * 60, .to = 15 * 60 + 30};
static const struct drill_options monthly = {
    .day = 15, .hours = {.items = &afternoon, .n = 1}, .remind = DAY_MS};

static int64_t at(const char *text)
{
    int64_t ms;
    assert_int_equal(clock_parse(text, &ms), RELAY_OK);
    return ms;
}

static void a_plan_is_told_a_day_before_its_hour(void **state)
{
    (void)state;
    struct plan_row p = drill_plan_of(&monthly, 202611, at("2026-11-01T00:00:00+08:00"));
    assert_int_equal(p.month, 202611);
    assert_int_equal(p.at, at("2026-11-15T15:00:00+08:00"));
    assert_int_equal(p.until, at("2026-11-15T15:30:00+08:00"));
    assert_int_equal(p.next, at("2026-11-14T15:00:00+08:00"));
    assert_int_equal(p.step, PLAN_MADE);
    assert_int_equal(p.drill, 0);
}

static void a_plan_made_late_is_told_at_once(void **state)
{
    (void)state;
    int64_t now = at("2026-11-15T09:00:00+08:00");
    assert_int_equal(drill_plan_of(&monthly, 202611, now).next, now);
}

static int set_zone(void **state)
{
    (void)state;
    struct reason why;
    return clock_set_zone("Asia/Shanghai", &why) != RELAY_OK;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plan_is_told_a_day_before_its_hour),
        cmocka_unit_test(a_plan_made_late_is_told_at_once),
    };
    return cmocka_run_group_tests(tests, set_zone, NULL);
}
