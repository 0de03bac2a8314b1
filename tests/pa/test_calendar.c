/* Civil minutes and holidays. */
#include "unit.h"

#include <unistd.h>

#include "base/clock.h"
#include "player/calendar.h"

static void days_count_over_leap_years_and_back(void **state)
{
    (void)state;
    assert_int_equal(civil_day(1970, 1, 1), 0);
    assert_int_equal(civil_day(2000, 3, 1), 11017);
    for (int64_t d = -800000; d < 800000; d += 37) {
        int y, m, day;
        civil_day_split(d, &y, &m, &day);
        assert_int_equal(civil_day(y, m, day), d);
    }
    assert_int_equal(civil_weekday(civil_day(2026, 11, 23)), 1);
}

static void a_civil_minute_is_what_the_wall_clock_shows(void **state)
{
    (void)state;
    int64_t wall;
    char text[CIVIL_TEXT_LEN];
    assert_int_equal(clock_parse("2026-11-23T09:00:30+08:00", &wall), RELAY_OK);
    assert_string_equal(civil_format(civil_minute(wall), text), "2026-11-23T09:00");
    assert_int_equal(civil_to_wall(civil_minute(wall)), wall - 30 * SECOND_MS);
    assert_int_equal(civil_ms(wall + 7) % MINUTE_MS, 30007);
}

static void dates_that_do_not_exist_are_refused(void **state)
{
    (void)state;
    int64_t day = 4711;
    static const char *const bad[] = {"2026-02-29", "2026-13-01", "2026-1-1",  "2026-11-31",
                                      "2026/11/23", "",           "20261123ab"};
    for (size_t i = 0; i < COUNT(bad); i++) assert_int_equal(civil_parse_day(bad[i], &day), RELAY_INVALID);
    assert_int_equal(day, 4711);
    assert_int_equal(civil_parse_day("2028-02-29", &day), RELAY_OK);
}

#define NEW_YEAR(year) "{\"name\":\"元旦\",\"date\":\"" year "-01-01\",\"isOffDay\":true}"

static struct calendar *with(const char *json)
{
    char path[] = "/tmp/pa_calendar.XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, json, strlen(json)), (ssize_t)strlen(json));
    close(fd);
    struct calendar *c = calendar_new();
    struct reason why = {0};
    if (calendar_load(c, path, &why) != RELAY_OK) {
        assert_non_null(strstr(why.text, path));
        c = calendar_free(c);
    }
    unlink(path);
    return c;
}

static void holidays_and_make_up_workdays_come_from_the_file(void **state)
{
    (void)state;
    struct calendar *c = with("{\"year\":2026,\"papers\":[],\"days\":[" NEW_YEAR(
        "2026") ","
                "{\"name\":\"国庆节\",\"date\":\"2026-10-01\",\"isOffDay\":true},"
                "{\"name\":\"国庆节\",\"date\":\"2026-10-10\",\"isOffDay\":false}]}");
    struct day_kind off = calendar_day(c, civil_day(2026, 10, 1)),
                    work = calendar_day(c, civil_day(2026, 10, 10));
    assert_int_equal(off.type, DAY_HOLIDAY);
    assert_string_equal(off.name, "国庆节");
    assert_int_equal(work.type, DAY_WEEKDAY); /* a Saturday */
    assert_true(work.made_up);
    assert_int_equal(calendar_day(c, civil_day(2026, 10, 11)).type, DAY_WEEKEND);
    assert_true(calendar_day(c, civil_day(2026, 5, 5)).known);
    calendar_free(c);
}

static void a_few_days_do_not_make_a_year_known(void **state)
{
    (void)state;
    struct calendar *c = with("{\"year\":2027,\"days\":[{\"date\":\"2027-03-01\",\"isOffDay\":true}]}");
    assert_int_equal(calendar_day(c, civil_day(2027, 3, 1)).type, DAY_HOLIDAY);
    assert_false(calendar_knows_year(c, 2027));
    calendar_free(c);
    /* Last year's file, and only its year was changed. */
    assert_null(with("{\"year\":2027,\"days\":[" NEW_YEAR("2026") "]}"));
}

static void a_year_without_data_is_unknown_and_has_plain_weekends(void **state)
{
    (void)state;
    struct calendar *c = with("{\"year\":2027,\"days\":[]}");
    assert_non_null(c);
    struct day_kind k = calendar_day(c, civil_day(2027, 1, 1)); /* a Friday */
    assert_false(k.known);
    assert_int_equal(k.type, DAY_WEEKDAY);
    assert_int_equal(calendar_day(c, civil_day(2027, 1, 2)).type, DAY_WEEKEND);
    calendar_free(c);
}

static void the_next_year_is_missed_from_december_on(void **state)
{
    (void)state;
    static const struct {
        const char *json, *time;
        int missing;
    } cases[] = {
        {"{\"year\":2026,\"days\":[" NEW_YEAR("2026") "]}", "2026-11-30T23:59:59+08:00", 0},
        {"{\"year\":2026,\"days\":[" NEW_YEAR("2026") "]}", "2026-12-01T00:00:00+08:00", 2027},
        {"{\"year\":2026,\"days\":[" NEW_YEAR("2026") "]}", "2027-01-01T00:00:00+08:00", 2027},
        {"{\"year\":2027,\"days\":[" NEW_YEAR("2027") "]}", "2026-12-31T23:00:00+08:00", 2026},
        {"{\"year\":2027,\"days\":[]}", "2027-06-01T00:00:00+08:00", 2027},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        int64_t wall;
        struct calendar *c = with(cases[i].json);
        assert_int_equal(clock_parse(cases[i].time, &wall), RELAY_OK);
        assert_int_equal(calendar_missing_year(c, wall), cases[i].missing);
        calendar_free(c);
    }
}

static void a_broken_holiday_file_is_refused_by_name(void **state)
{
    (void)state;
    assert_null(with("{\"year\":2026,\"days\":[{\"date\":\"2026-02-30\",\"isOffDay\":true}]}"));
    assert_null(with("{\"year\":2026,\"days\":[{\"date\":\"2026-02-03\",\"isOffDay\":1}]}"));
    assert_null(with("{\"days\":[]}"));
    assert_null(with("{\"year\":2026}"));
    assert_null(with("{"));
}

int main(void)
{
    assert_int_equal(clock_set_zone("Asia/Shanghai", NULL), RELAY_OK);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(days_count_over_leap_years_and_back),
        cmocka_unit_test(a_civil_minute_is_what_the_wall_clock_shows),
        cmocka_unit_test(dates_that_do_not_exist_are_refused),
        cmocka_unit_test(holidays_and_make_up_workdays_come_from_the_file),
        cmocka_unit_test(a_few_days_do_not_make_a_year_known),
        cmocka_unit_test(a_year_without_data_is_unknown_and_has_plain_weekends),
        cmocka_unit_test(the_next_year_is_missed_from_december_on),
        cmocka_unit_test(a_broken_holiday_file_is_refused_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
