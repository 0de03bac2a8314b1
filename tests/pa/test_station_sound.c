/* What the outputs say in the end, and what the station makes of it. */
#include "stage.h"

static const char *const hall[] = {"hall", NULL};
#define WARNING "防骗提醒。电话是骗子打的，不要转账。"

/* The one play that sounds ends so, now. */
static void end_play(struct stage *s, enum play_end end, const char *detail)
{
    assert_int_equal(s->n_plays, 1);
    uint64_t item = s->plays[0].item;
    s->n_plays = 0;
    station_ended(s->station, s->now, item, end, detail);
    stage_turn(s);
}

static void open_and_announce(struct stage *s)
{
    stage_open(s, "2026-11-23T09:10:00", hall);
    stage_turn(s);
    stage_announce(s, 0, "a1.1/pa", "a1", 1, WARNING, HOUR_MS, "");
    stage_run(s, "2026-11-23T09:10:02");
    assert_int_equal(s->n_sounds, 1);
}

static void what_no_second_try_can_help_has_failed_at_once(void **state)
{
    (void)state;
    struct stage s;
    open_and_announce(&s);
    end_play(&s, PLAY_REFUSED, "desk: HTTP 401");
    stage_run(&s, "2026-11-23T09:20:00");
    assert_int_equal(s.n_sounds, 1);
    assert_string_equal(stage_log(&s, 0, "a1.1/pa"), "accepted playing failed:output");
    stage_close(&s);
}

static void a_device_that_was_taken_is_asked_again_after_a_while(void **state)
{
    (void)state;
    struct stage s;
    open_and_announce(&s);
    end_play(&s, PLAY_TAKEN, "desk: it needs the line");
    stage_run(&s, "2026-11-23T09:10:11");
    assert_int_equal(s.n_sounds, 1);
    stage_run(&s, "2026-11-23T09:11:30");
    assert_int_equal(s.n_sounds, 2);
    assert_string_equal(stage_log(&s, 0, "a1.1/pa"), "accepted playing preempted:higher playing played");
    stage_close(&s);
}

static void a_device_that_is_always_taken_is_given_up_with_the_grace(void **state)
{
    (void)state;
    struct stage s;
    open_and_announce(&s);
    for (int i = 0; i < 100 && s.n_plays > 0; i++) {
        end_play(&s, PLAY_TAKEN, "desk: it needs the line");
        stage_run_to(&s, s.now.wall + 11000);
    }
    stage_run(&s, "2026-11-23T09:30:00");
    assert_in_range(s.n_sounds, 5, 12); /* 120 s by tens */
    const char *log = stage_log(&s, 0, "a1.1/pa");
    assert_string_equal(log + strlen(log) - strlen("preempted:higher skipped:higher"),
                        "preempted:higher skipped:higher");
    stage_close(&s);
}

static void a_slot_that_was_taken_is_not_said_a_second_time(void **state)
{
    (void)state;
    static const char *const one[] = {"b1|red|" WARNING, NULL};
    struct stage s;
    stage_open(&s, "2026-11-23T08:59:00", hall);
    stage_bulletin(&s, 1, 24, one);
    stage_run(&s, "2026-11-23T09:00:01");
    assert_int_equal(s.n_sounds, 1);
    end_play(&s, PLAY_TAKEN, "desk: it needs the line");
    stage_run(&s, "2026-11-23T09:05:00");
    assert_int_equal(s.n_sounds, 1);
    assert_string_equal(stage_log(&s, 0, "slot:2026-11-23T09:00"), "playing preempted:higher skipped:higher");
    stage_close(&s);
}

int main(void)
{
    if (clock_set_zone("Asia/Shanghai", NULL) != RELAY_OK) return 1;
    log_quiet();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_no_second_try_can_help_has_failed_at_once),
        cmocka_unit_test(a_device_that_was_taken_is_asked_again_after_a_while),
        cmocka_unit_test(a_device_that_is_always_taken_is_given_up_with_the_grace),
        cmocka_unit_test(a_slot_that_was_taken_is_not_said_a_second_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
