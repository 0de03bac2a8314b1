/* clock.c: forms of times, zones, durations, windows of the day. */
#include "base/clock.h"

#include "unit.h"

static int64_t at(const char *text)
{
    int64_t ms = 0;
    assert_int_equal(clock_parse(text, &ms), RELAY_OK);
    return ms;
}

static void zone(const char *name)
{
    struct reason why;
    assert_int_equal(clock_set_zone(name, &why), RELAY_OK);
}

static void times_are_read_with_their_offset(void **state)
{
    (void)state;
    assert_int_equal(at("1970-01-01T00:00:00Z"), 0);
    assert_int_equal(at("2026-11-22T18:33:55+08:00"), 1795343635000);
    assert_int_equal(at("2026-11-22T10:33:55Z"), 1795343635000);
    assert_int_equal(at("2026-11-22t10:33:55z"), 1795343635000);
    assert_int_equal(at("2026-11-22T07:03:55-03:30"), 1795343635000);
    assert_int_equal(at("2026-11-22T10:33:55.25Z"), 1795343635250);
    assert_int_equal(at("2026-11-22T10:33:55.1239999Z"), 1795343635123);
    assert_int_equal(at("1969-12-31T23:59:59Z"), -1000);
    assert_int_equal(at("2024-02-29T00:00:00Z"), 1709164800000);
}

static void a_leap_second_reads_as_59(void **state)
{
    (void)state;
    assert_int_equal(at("2016-12-31T23:59:60Z"), at("2016-12-31T23:59:59Z"));
}

static void what_is_not_rfc_3339_is_refused_and_leaves_the_result_alone(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "2026-11-22",
                                      "2026-11-22T18:33:55",
                                      "2026-11-22 18:33:55+08:00",
                                      "2026-11-22T18:33:55+0800",
                                      "2026-11-22T18:33:55+08:00 ",
                                      " 2026-11-22T18:33:55+08:00",
                                      "2026-13-01T00:00:00Z",
                                      "2026-00-01T00:00:00Z",
                                      "2026-02-29T00:00:00Z",
                                      "1900-02-29T00:00:00Z",
                                      "2026-04-31T00:00:00Z",
                                      "2026-11-22T24:00:00Z",
                                      "2026-11-22T23:60:00Z",
                                      "2026-11-22T23:59:61Z",
                                      "2026-11-22T23:59:59.Z",
                                      "2026-11-22T23:59:59+24:00",
                                      "2026-11-22T23:59:59+08:60",
                                      "26-11-22T23:59:59Z",
                                      "2026-11-22T23:59:59X",
                                      "-026-11-22T23:59:59Z"};
    for (size_t i = 0; i < COUNT(bad); i++) {
        int64_t ms = 42;
        if (clock_parse(bad[i], &ms) != RELAY_INVALID) fail_msg("accepted: `%s`", bad[i]);
        assert_int_equal(ms, 42);
    }
}

static void times_are_written_in_the_set_zone(void **state)
{
    (void)state;
    char out[TIME_TEXT_LEN];
    zone("Asia/Shanghai");
    assert_string_equal(clock_format(1795343635007, false, out), "2026-11-22T18:33:55+08:00");
    assert_string_equal(clock_format(1795343635007, true, out), "2026-11-22T18:33:55.007+08:00");
    assert_string_equal(clock_format(-1, true, out), "1970-01-01T07:59:59.999+08:00");
    zone("America/St_Johns");
    assert_string_equal(clock_format(1795343635000, false, out), "2026-11-22T07:03:55-03:30");
    zone("UTC");
    assert_string_equal(clock_format(0, false, out), "1970-01-01T00:00:00+00:00");
}

static void what_is_written_reads_back(void **state)
{
    (void)state;
    char out[TIME_TEXT_LEN];
    zone("Asia/Shanghai");
    for (int64_t t = -1000000000000; t < 5000000000000; t += 86400000LL * 37 + 12345678)
        assert_int_equal(at(clock_format(t, true, out)), t);
}

static void an_unknown_zone_is_refused_with_advice(void **state)
{
    (void)state;
    struct reason why;
    assert_int_equal(clock_set_zone("Asia/Xian", &why), RELAY_NOT_FOUND);
    assert_non_null(strstr(why.text, "Asia/Xian"));
    assert_int_equal(clock_set_zone("../../etc/passwd", &why), RELAY_INVALID);
    assert_int_equal(clock_set_zone("/etc/passwd", &why), RELAY_INVALID);
    assert_int_equal(clock_set_zone("Asia", &why), RELAY_NOT_FOUND);
    assert_int_equal(clock_set_zone("", &why), RELAY_INVALID);
}

static void local_times_lead_back(void **state)
{
    (void)state;
    zone("Asia/Shanghai");
    struct local_time t = clock_local(1795343635000);
    assert_int_equal(t.year, 2026);
    assert_int_equal(t.month, 11);
    assert_int_equal(t.day, 22);
    assert_int_equal(t.hour, 18);
    assert_int_equal(t.minute, 33);
    assert_int_equal(t.second, 55);
    assert_int_equal(t.weekday, 0);
    assert_int_equal(clock_local_to_wall(t), 1795343635000);
    assert_int_equal(clock_local_day(1795343635000), 20261122);
    assert_int_equal(clock_local_day(at("2026-11-22T16:00:00Z")), 20261123);
    t.day += 40; /* days beyond the month are counted on */
    assert_int_equal(clock_local_to_wall(t), 1795343635000 + 40 * DAY_MS);
    t = (struct local_time){.year = 2026, .month = 14, .day = 1};
    assert_int_equal(clock_local_to_wall(t), at("2027-02-01T00:00:00+08:00"));
    t = (struct local_time){.year = 2026, .month = 0, .day = 1};
    assert_int_equal(clock_local_to_wall(t), at("2025-12-01T00:00:00+08:00"));
}

static void a_repeated_local_hour_means_the_first(void **state)
{
    (void)state;
    zone("Europe/Berlin");
    struct local_time t = {.year = 2026, .month = 10, .day = 25, .hour = 2, .minute = 30};
    assert_int_equal(clock_local_to_wall(t), at("2026-10-25T02:30:00+02:00"));
    t.hour = 3;
    assert_int_equal(clock_local_to_wall(t), at("2026-10-25T03:30:00+01:00"));
    zone("Asia/Shanghai");
}

static void a_skipped_local_hour_leads_past_the_gap(void **state)
{
    (void)state;
    zone("Europe/Berlin");
    struct local_time t = {.year = 2026, .month = 3, .day = 29, .hour = 2, .minute = 30};
    assert_int_equal(clock_local_to_wall(t), at("2026-03-29T03:30:00+02:00"));
    zone("Asia/Shanghai");
}

static void durations_have_a_unit(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ms;
    } good[] = {{"0", 0},        {"0s", 0},          {"150ms", 150},    {"90s", 90000},
                {"2h", 7200000}, {"72h", 259200000}, {"7d", 604800000}, {"5m", 300000}};
    for (size_t i = 0; i < COUNT(good); i++) {
        int64_t ms = -1;
        assert_int_equal(duration_parse(good[i].text, &ms), RELAY_OK);
        assert_int_equal(ms, good[i].ms);
    }
    static const char *const bad[] = {"",
                                      "s",
                                      "5",
                                      "-5s",
                                      "+5s",
                                      "5 s",
                                      "5s ",
                                      "1.5h",
                                      "5S",
                                      "5w",
                                      "1h30m",
                                      "9223372036854775807d",
                                      "99999999999999999999s"};
    for (size_t i = 0; i < COUNT(bad); i++) {
        int64_t ms = 42;
        if (duration_parse(bad[i], &ms) != RELAY_INVALID) fail_msg("accepted: `%s`", bad[i]);
        assert_int_equal(ms, 42);
    }
}

static void durations_are_written_in_the_largest_whole_unit(void **state)
{
    (void)state;
    char out[24];
    assert_string_equal(duration_format(0, out), "0s");
    assert_string_equal(duration_format(150, out), "150ms");
    assert_string_equal(duration_format(90 * SECOND_MS, out), "90s");
    assert_string_equal(duration_format(2 * HOUR_MS, out), "2h");
    assert_string_equal(duration_format(72 * HOUR_MS, out), "3d");
    assert_string_equal(duration_format(-HOUR_MS, out), "-1h");
    assert_string_equal(duration_format(INT64_MAX, out), "9223372036854775807ms");
}

static void a_window_round_midnight_is_one_window(void **state)
{
    (void)state;
    struct day_window w;
    zone("Asia/Shanghai");
    assert_int_equal(day_window_parse("21:30-07:30", &w), RELAY_OK);
    assert_false(day_window_contains(&w, at("2026-11-22T21:29:59+08:00")));
    assert_true(day_window_contains(&w, at("2026-11-22T21:30:00+08:00")));
    assert_true(day_window_contains(&w, at("2026-11-23T00:00:00+08:00")));
    assert_true(day_window_contains(&w, at("2026-11-23T07:29:59+08:00")));
    assert_false(day_window_contains(&w, at("2026-11-23T07:30:00+08:00")));
    assert_int_equal(day_window_end(&w, at("2026-11-22T21:30:00+08:00")), at("2026-11-23T07:30:00+08:00"));
    assert_int_equal(day_window_end(&w, at("2026-11-23T07:29:59+08:00")), at("2026-11-23T07:30:00+08:00"));
}

static void a_window_may_end_at_24_00_and_an_empty_one_contains_nothing(void **state)
{
    (void)state;
    struct day_window w;
    zone("Asia/Shanghai");
    assert_int_equal(day_window_parse("18:00-24:00", &w), RELAY_OK);
    assert_true(day_window_contains(&w, at("2026-11-22T23:59:59+08:00")));
    assert_false(day_window_contains(&w, at("2026-11-23T00:00:00+08:00")));
    assert_int_equal(day_window_end(&w, at("2026-11-22T23:59:59+08:00")), at("2026-11-23T00:00:00+08:00"));
    assert_int_equal(day_window_parse("00:00-24:00", &w), RELAY_OK);
    assert_true(day_window_contains(&w, at("2026-11-23T00:00:00+08:00")));
    assert_int_equal(day_window_parse("08:00-08:00", &w), RELAY_OK);
    assert_false(day_window_contains(&w, at("2026-11-22T08:00:00+08:00")));
}

static void windows_that_touch_or_overlap_end_together(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        {"21:30-24:00", "00:00-07:30"}, {"00:00-07:30", "21:30-24:00"}, {"21:30-06:00", "05:00-07:30"}};
    zone("Asia/Shanghai");
    for (size_t i = 0; i < COUNT(pairs); i++) {
        struct day_window w[2];
        for (size_t k = 0; k < 2; k++) assert_int_equal(day_window_parse(pairs[i][k], &w[k]), RELAY_OK);
        assert_int_equal(day_windows_over(w, 2, at("2026-11-22T22:00:00+08:00")),
                         at("2026-11-23T07:30:00+08:00"));
        assert_int_equal(day_windows_over(w, 2, at("2026-11-23T12:00:00+08:00")),
                         at("2026-11-23T12:00:00+08:00"));
    }
    struct day_window whole = {.from = 0, .to = 24 * 60};
    assert_int_equal(day_windows_over(&whole, 1, at("2026-11-22T22:00:00+08:00")),
                     at("2026-11-23T00:00:00+08:00"));
}

static void a_window_in_a_repeated_hour_still_ends_later(void **state)
{
    (void)state;
    struct day_window w;
    zone("Europe/Berlin");
    assert_int_equal(day_window_parse("01:00-02:30", &w), RELAY_OK);
    int64_t second_time_round = at("2026-10-25T02:10:05+01:00");
    assert_true(day_window_contains(&w, second_time_round));
    assert_int_equal(day_window_end(&w, second_time_round), at("2026-10-25T02:30:00+01:00"));
    zone("Asia/Shanghai");
}

static void windows_are_written_strictly(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "21:30",
                                      "21:30-",
                                      "9:00-10:00",
                                      "21:30-25:00",
                                      "21:60-22:00",
                                      "24:01-25:00",
                                      "21:30-07:30 ",
                                      "21:30–07:30"};
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct day_window w = {7, 7};
        if (day_window_parse(bad[i], &w) != RELAY_INVALID) fail_msg("accepted: `%s`", bad[i]);
        assert_int_equal(w.from, 7);
    }
}

static void now_is_after_the_build_and_monotonic_time_does_not_go_back(void **state)
{
    (void)state;
    struct now a = clock_now(), b = clock_now();
    assert_true(b.mono >= a.mono);
    assert_true(clock_build_ms() > at("2026-01-01T00:00:00Z"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_are_read_with_their_offset),
        cmocka_unit_test(a_leap_second_reads_as_59),
        cmocka_unit_test(what_is_not_rfc_3339_is_refused_and_leaves_the_result_alone),
        cmocka_unit_test(times_are_written_in_the_set_zone),
        cmocka_unit_test(what_is_written_reads_back),
        cmocka_unit_test(an_unknown_zone_is_refused_with_advice),
        cmocka_unit_test(local_times_lead_back),
        cmocka_unit_test(a_repeated_local_hour_means_the_first),
        cmocka_unit_test(a_skipped_local_hour_leads_past_the_gap),
        cmocka_unit_test(durations_have_a_unit),
        cmocka_unit_test(durations_are_written_in_the_largest_whole_unit),
        cmocka_unit_test(a_window_round_midnight_is_one_window),
        cmocka_unit_test(a_window_may_end_at_24_00_and_an_empty_one_contains_nothing),
        cmocka_unit_test(windows_that_touch_or_overlap_end_together),
        cmocka_unit_test(a_window_in_a_repeated_hour_still_ends_later),
        cmocka_unit_test(windows_are_written_strictly),
        cmocka_unit_test(now_is_after_the_build_and_monotonic_time_does_not_go_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
