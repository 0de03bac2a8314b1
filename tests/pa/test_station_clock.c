/* The scheduler and the clock: set back and forward, ahead for days, not to be trusted; time zones, hours that come twice. */
#include "stage.h"

#define WARNING "电话是骗子打的，别转账。"

static const char *const hall[] = {"hall", NULL};
static const char *const one_red[] = {"w1|red|" WARNING, NULL};

/* A Monday on which one warning, good for so many hours, was heard at nine. */
static void open_and_hear_nine(struct stage *s, int hours)
{
    stage_open(s, "2026-11-23T08:30:00", hall);
    stage_bulletin(s, 1, hours, one_red);
    stage_run(s, "2026-11-23T09:05:00");
    assert_int_equal(s->n_sounds, 1);
}

static void a_clock_set_back_repeats_no_slot_and_set_forward_lists_the_lost_one(void **state)
{
    (void)state;
    struct stage s;
    open_and_hear_nine(&s, 48);
    s.now.wall -= 10 * MINUTE_MS; /* 08:55 again */
    stage_run(&s, "2026-11-23T09:30:00");
    assert_int_equal(s.n_sounds, 1);
    s.now.wall += HOUR_MS; /* 10:30: past the grace of 10:00 */
    stage_run(&s, "2026-11-23T10:40:00");
    assert_int_equal(s.n_sounds, 1);
    assert_string_equal(stage_log(&s, 0, "slot:2026-11-23T10:00"), "skipped:missed");
    stage_run(&s, "2026-11-23T11:05:00");
    assert_int_equal(s.n_sounds, 2);
    stage_close(&s);
}

static void days_that_a_wrong_clock_went_ahead_are_not_silent_when_they_come(void **state)
{
    (void)state;
    struct stage s;
    open_and_hear_nine(&s, 96);
    s.now.wall += 2 * DAY_MS; /* a time server that is wrong: the slots between are listed as missed */
    stage_run(&s, "2026-11-25T10:05:00");
    assert_int_equal(s.n_sounds, 2);
    assert_string_equal(stage_log(&s, 0, "slot:2026-11-24T10:00"), "skipped:missed");
    s.now.wall -= 2 * DAY_MS; /* mended */
    stage_run(&s, "2026-11-23T11:05:00");
    assert_int_equal(s.n_sounds, 2); /* not so soon after the last time */
    stage_kill(&s);                  /* and from the book */
    stage_start(&s);
    stage_run(&s, "2026-11-24T10:05:00");
    assert_string_equal(stage_log(&s, 0, "slot:2026-11-24T10:00"), "skipped:missed playing played");
    stage_run(&s, "2026-11-25T12:05:00");
    assert_string_equal(stage_log(&s, 0, "slot:2026-11-25T10:00"),
                        "playing played"); /* it has had its time */
    stage_close(&s);
}

static void another_time_zone_neither_repeats_nor_loses_a_slot(void **state)
{
    (void)state;
    struct stage s;
    open_and_hear_nine(&s, 48);
    stage_kill(&s);
    assert_int_equal(clock_set_zone("Asia/Tokyo", NULL), RELAY_OK); /* 10:05 there */
    stage_start(&s);
    stage_run(&s, "2026-11-23T09:06:00");
    assert_string_equal(stage_log(&s, 0, "slot:2026-11-23T10:00"), "skipped:missed");
    stage_kill(&s);
    assert_int_equal(clock_set_zone("Asia/Shanghai", NULL), RELAY_OK);
    stage_start(&s);
    stage_run(&s, "2026-11-23T10:30:00"); /* 10:00 is on record */
    assert_int_equal(s.n_sounds, 1);
    stage_run(&s, "2026-11-23T11:05:00");
    assert_int_equal(s.n_sounds, 2);
    stage_close(&s);
}

/* A slot at 02:30 in a house whose clocks change; times of the stage are Shanghai's, six or seven hours ahead. */
static void an_hour_that_comes_twice_has_its_slot_once_and_one_that_is_left_out_is_listed(void **state)
{
    (void)state;
    static const struct {
        const char *from, *to, *log;
        size_t sounds;
    } nights[] = {
        {"2026-10-25T07:50:00", "2026-10-25T11:00:00", "playing played", 1},
        {"2026-03-29T08:50:00", "2026-03-29T11:00:00", "skipped:missed", 0},
    };
    for (size_t i = 0; i < COUNT(nights); i++) {
        struct stage s;
        char id[40];
        assert_int_equal(clock_set_zone("Europe/Berlin", NULL), RELAY_OK);
        stage_open(&s, nights[i].from, hall);
        s.zones[0].n_quiet = 0;
        memset(&s.zones[0].slots, 0, sizeof(s.zones[0].slots));
        s.zones[0].slots.bits[150 / 8] = 1U << (150 % 8);
        stage_bulletin(&s, 1, 24, one_red);
        stage_run(&s, nights[i].to);
        (void)snprintf(id, sizeof(id), "slot:%.10sT02:30", nights[i].from);
        assert_string_equal(stage_log(&s, 0, id), nights[i].log);
        assert_int_equal(s.n_sounds, nights[i].sounds);
        stage_close(&s);
        assert_int_equal(clock_set_zone("Asia/Shanghai", NULL), RELAY_OK);
    }
}

static void nothing_is_spoken_before_the_clock_is_trusted(void **state)
{
    (void)state;
    struct stage s;
    stage_open(&s, "2026-11-23T08:30:00", hall);
    stage_bulletin(&s, 1, 48, one_red);
    stage_run(&s, "2026-11-23T08:40:00");
    stage_kill(&s);
    s.now.wall = stage_wall("2026-11-23T07:59:00"); /* behind the newest row */
    stage_start(&s);
    stage_announce(&s, 0, "a1.1/pa", "a1", 1, WARNING, HOUR_MS, "");
    stage_run(&s, "2026-11-23T08:05:00");
    assert_int_equal(s.n_sounds, 0);
    assert_false(station_trusts_clock(s.station));
    s.now.wall = stage_wall("2026-11-23T09:10:00"); /* the time server answers */
    stage_run(&s, "2026-11-23T09:12:00");
    assert_int_equal(s.n_sounds, 1);
    stage_close(&s);
}

/* A machine without a battery for its clock: it was off, begins with a time long gone, and hears the right one later. */
static void off_and_on_again(struct stage *s, const char *boots, const char *then)
{
    stage_kill(s);
    s->now = (struct now){.wall = stage_wall(boots), .mono = 60000};
    stage_start(s);
    stage_run_to(s, s->now.wall + 30000);
    assert_false(station_trusts_clock(s->station));
    s->now.wall = stage_wall(then);
}

static void what_is_over_when_the_clock_comes_right_is_not_spoken(void **state)
{
    (void)state;
    static const char *const zones[] = {"hall", "icu", NULL};
    struct stage s;
    struct reason why;
    int n = 0;
    stage_open(&s, "2026-11-23T09:10:00", zones);
    stage_turn(&s);
    stage_bulletin(&s, 1, 2, one_red); /* until 11:10 */
    station_hold(s.station, s.now, "topic", PRIORITY_FIRE, "panel");
    stage_announce(&s, 0, "a1.1/pa", "a1", 1, "一号骗子。", 30 * MINUTE_MS, "");
    stage_announce(&s, 0, "a2.1/pa", "a2", 1, "二号骗子。", 6 * HOUR_MS, "");
    assert_int_equal(station_say(s.station, s.now, "hall", "请车主挪车。", "前台", &n, &why), RELAY_OK);
    assert_int_equal(station_override(s.station, s.now, "icu", HOUR_MS, "李", "张", "疏散", &n, &why),
                     RELAY_OK);
    stage_turn(&s);
    off_and_on_again(&s, "2026-11-23T08:00:00", "2026-11-23T11:30:00");
    stage_run(&s, "2026-11-23T11:31:00");
    assert_string_equal(stage_log(&s, 0, "a1.1/pa"), "accepted queued:external_hold skipped:expired");
    assert_string_equal(stage_log(&s, 0, "a2.1/pa"), "accepted queued:external_hold playing played");
    stage_announce(&s, 1, "a3.1/pa", "a3", 1, WARNING, HOUR_MS, ""); /* its hour is over */
    stage_run(&s, "2026-11-23T12:10:00");
    assert_int_equal(s.n_sounds, 1);
    assert_string_equal(stage_log(&s, 1, "a3.1/pa"), "skipped:silent_zone");
    assert_string_equal(stage_log(&s, 0, "slot:2026-11-23T12:00"), "skipped:nothing_to_say");
    stage_close(&s);
}

static void what_was_said_before_the_clock_was_wrong_does_not_fill_this_hour(void **state)
{
    (void)state;
    static const char *const wait[] = {"family_waiting", NULL}; /* 40 s an hour */
    struct stage s;
    stage_open(&s, "2026-11-23T09:10:00", wait);
    for (int i = 0; i < 2; i++) {
        char id[16], alert[16];
        (void)snprintf(id, sizeof(id), "a%d.1/pa", i);
        (void)snprintf(alert, sizeof(alert), "a%d", i);
        stage_announce(&s, 0, id, alert, 1, "有人冒充医保局打电话，说您的医保卡被停用了，这是骗子。", HOUR_MS,
                       "");
        stage_run_to(&s, s.now.wall + 65 * MINUTE_MS);
    }
    assert_int_equal(s.n_sounds, 2);
    off_and_on_again(&s, "2026-11-23T06:00:00", "2026-11-23T15:10:00");
    stage_announce(&s, 0, "b.1/pa", "b", 1, WARNING, HOUR_MS, "");
    stage_run(&s, "2026-11-23T15:12:00");
    assert_string_equal(stage_log(&s, 0, "b.1/pa"), "accepted playing played");
    stage_close(&s);
}

static void what_came_while_the_clock_was_wrong_outlives_a_restart(void **state)
{
    (void)state;
    struct stage s;
    stage_open(&s, "2026-11-23T09:10:00", hall);
    stage_turn(&s);
    off_and_on_again(&s, "2026-11-23T07:00:00", "2026-11-23T07:01:00");
    stage_announce(&s, 0, "a1.1/pa", "a1", 1, WARNING, HOUR_MS, "");
    stage_turn(&s);
    station_hold(s.station, s.now, "topic", PRIORITY_FIRE, "panel");
    s.now.wall = stage_wall("2026-11-23T12:10:00");
    stage_run(&s, "2026-11-23T12:11:00");
    assert_int_equal(s.n_sounds, 0);
    stage_kill(&s);
    stage_start(&s);
    stage_run(&s, "2026-11-23T12:13:00");
    assert_int_equal(s.n_sounds, 1);
    stage_close(&s);
}

static void a_clock_before_the_build_is_not_trusted(void **state)
{
    (void)state;
    struct stage s;
    stage_open(&s, "2026-11-23T08:59:50", hall);
    stage_kill(&s);
    s.set.build_ms = stage_wall("2026-11-24T00:00:00");
    stage_start(&s);
    stage_bulletin(&s, 1, 48, one_red);
    stage_run(&s, "2026-11-23T09:05:00");
    assert_int_equal(s.n_sounds, 0);
    stage_close(&s);
}

static void a_clock_set_back_gives_no_grant_more_time(void **state)
{
    (void)state;
    static const char *const icu[] = {"icu", NULL};
    struct stage s;
    struct reason why;
    int n = 0;
    stage_open(&s, "2026-11-23T12:00:00", icu);
    stage_turn(&s);
    assert_int_equal(station_override(s.station, s.now, "icu", HOUR_MS, "李", "张", "疏散", &n, &why),
                     RELAY_OK);
    s.now.wall -= 3 * HOUR_MS;
    stage_turn(&s);
    stage_kill(&s);
    stage_start(&s);
    stage_run_to(&s, s.now.wall + HOUR_MS + MINUTE_MS);
    stage_announce(&s, 0, "a1.1/pa", "a1", 1, WARNING, 6 * HOUR_MS, "");
    stage_run_to(&s, s.now.wall + MINUTE_MS);
    assert_int_equal(s.n_sounds, 0);
    stage_close(&s);
}

int main(void)
{
    assert_int_equal(clock_set_zone("Asia/Shanghai", NULL), RELAY_OK);
    log_quiet();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_clock_set_back_repeats_no_slot_and_set_forward_lists_the_lost_one),
        cmocka_unit_test(days_that_a_wrong_clock_went_ahead_are_not_silent_when_they_come),
        cmocka_unit_test(another_time_zone_neither_repeats_nor_loses_a_slot),
        cmocka_unit_test(an_hour_that_comes_twice_has_its_slot_once_and_one_that_is_left_out_is_listed),
        cmocka_unit_test(nothing_is_spoken_before_the_clock_is_trusted),
        cmocka_unit_test(what_is_over_when_the_clock_comes_right_is_not_spoken),
        cmocka_unit_test(what_was_said_before_the_clock_was_wrong_does_not_fill_this_hour),
        cmocka_unit_test(what_came_while_the_clock_was_wrong_outlives_a_restart),
        cmocka_unit_test(a_clock_before_the_build_is_not_trusted),
        cmocka_unit_test(a_clock_set_back_gives_no_grant_more_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
