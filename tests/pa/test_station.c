/* The scheduler with a fake clock: slots, announcements, quiet hours, restarts. What clocks do to it: test_station_clock.c. */
#include "stage.h"

#include "player/tell.h"

#define WARNING "电话是骗子打的，别转账。"

static const char *const hall[] = {"hall", NULL};
static const char *const one_red[] = {"w1|red|" WARNING, NULL};

static void a_slot_sounds_on_the_minute_and_once(void **state)
{
    (void)state;
    struct stage s;
    stage_open(&s, "2026-11-23T08:30:00", hall);
    stage_bulletin(&s, 1, 24, one_red);
    stage_run(&s, "2026-11-23T09:59:00");
    assert_int_equal(s.n_sounds, 1);
    assert_int_equal(s.sounds[0].wall, stage_wall("2026-11-23T09:00:00"));
    assert_string_equal(stage_log(&s, 0, "slot:2026-11-23T09:00"), "playing played");
    assert_string_equal(stage_log(&s, 0, "w1"), "playing played");
    stage_close(&s);
}

static void an_announcement_is_spoken_at_once_and_its_repeats_are_not(void **state)
{
    (void)state;
    struct stage s;
    stage_open(&s, "2026-11-23T09:10:00", hall);
    stage_turn(&s);
    for (int i = 0; i < 4; i++) { /* as the relay does until it hears `accepted` */
        stage_announce(&s, 0, "a1.1/pa", "a1", 1, WARNING, HOUR_MS, "");
        stage_run_to(&s, s.now.wall + 5000);
    }
    stage_run_to(&s, s.now.wall + 60000);
    stage_announce(&s, 0, "a1.1/pa", "a1", 1, WARNING, HOUR_MS, "");
    stage_run_to(&s, s.now.wall + 60000);
    assert_int_equal(s.n_sounds, 1);
    assert_in_range(s.sounds[0].wall - stage_wall("2026-11-23T09:10:00"), 0, 50);
    assert_string_equal(stage_log(&s, 0, "a1.1/pa"), "accepted playing played");
    stage_close(&s);
}

static void what_failed_or_was_skipped_is_tried_anew_when_a_person_sends_it_once_more(void **state)
{
    (void)state;
    struct stage s;
    struct reason why;
    int n = 0;
    stage_open(&s, "2026-11-23T09:10:00", hall);
    stage_turn(&s);
    s.broken_output = true;
    stage_announce(&s, 0, "a1.1/pa", "a1", 1, WARNING, HOUR_MS, "");
    stage_run(&s, "2026-11-23T09:13:00");
    size_t tries = s.n_sounds;
    s.broken_output = false; /* mended; the relay's own repeats change nothing */
    stage_announce(&s, 0, "a1.1/pa", "a1", 1, WARNING, HOUR_MS, "");
    stage_run(&s, "2026-11-23T09:14:00");
    assert_int_equal(s.n_sounds, tries);
    for (int i = 0; i < 2; i++) { /* said once for each time that a person has sent it */
        stage_announce(&s, 0, "a1.1/pa", "a1", 1, WARNING, HOUR_MS, ",\"again\":1");
        stage_run_to(&s, s.now.wall + MINUTE_MS);
    }
    assert_int_equal(s.n_sounds, tries + 1);
    const char *log = stage_log(&s, 0, "a1.1/pa");
    assert_non_null(strstr(log, "failed:output accepted playing played"));
    stage_announce(&s, 0, "a1.1/pa", "a1", 1, WARNING, HOUR_MS, ",\"again\":2"); /* it was heard */
    stage_run_to(&s, s.now.wall + MINUTE_MS);
    assert_int_equal(s.n_sounds, tries + 1);
    assert_int_equal(station_mute(s.station, s.now, "hall", HOUR_MS, "王", "会议", &n, &why), RELAY_OK);
    stage_announce(&s, 0, "a2.1/pa", "a2", 1, WARNING, HOUR_MS, "");
    stage_announce(&s, 0, "a2.1/pa", "a2", 1, WARNING, HOUR_MS, ",\"again\":1");
    stage_run_to(&s, s.now.wall + MINUTE_MS);
    assert_string_equal(stage_log(&s, 0, "a2.1/pa"), "skipped:mute skipped:mute");
    assert_int_equal(station_mute(s.station, s.now, "hall", 0, "王", NULL, &n, &why), RELAY_OK);
    stage_announce(&s, 0, "a2.1/pa", "a2", 1, WARNING, HOUR_MS, ",\"again\":2");
    stage_run_to(&s, s.now.wall + MINUTE_MS);
    assert_string_equal(stage_log(&s, 0, "a2.1/pa"), "skipped:mute skipped:mute accepted playing played");
    stage_close(&s);
}

static void nothing_begins_after_it_expired(void **state)
{
    (void)state;
    struct stage s;
    stage_open(&s, "2026-11-23T09:10:00", hall);
    stage_turn(&s);
    stage_announce(&s, 0, "a1.1/pa", "a1", 1, WARNING, 0, "");
    station_hold(s.station, s.now, "command", PRIORITY_FIRE, "test");
    stage_announce(&s, 0, "a2.1/pa", "a2", 1, WARNING, 60000, "");
    stage_run_to(&s, s.now.wall + 60000);
    station_hold(s.station, s.now, "command", PRIORITY_NONE, "test");
    stage_run_to(&s, s.now.wall + 60000);
    assert_int_equal(s.n_sounds, 0);
    assert_string_equal(stage_log(&s, 0, "a1.1/pa"), "skipped:expired");
    assert_string_equal(stage_log(&s, 0, "a2.1/pa"), "accepted queued:external_hold skipped:expired");
    stage_close(&s);
}

static void holidays_that_nobody_knows_are_missed_in_december_and_again_in_the_year(void **state)
{
    (void)state;
    static const struct {
        const char *before, *after, *said;
    } nights[] = {
        {"2026-11-30T23:59:00", "2026-12-01T00:01:00", "\"holidays_known\":true,\"holidays_missing\":2027"},
        {"2026-12-31T23:59:00", "2027-01-01T00:01:00", "\"holidays_known\":false,\"holidays_missing\":2027"},
    };
    static const char *const icu[] = {"icu", NULL};
    for (size_t i = 0; i < COUNT(nights); i++) {
        struct stage s;
        struct reason why;
        CLEANUP(buf_release) struct buf b = BUF_INIT(16 * 1024);
        stage_open(&s, nights[i].before, icu);
        assert_int_equal(
            calendar_load(s.calendar, TOCSIN_SOURCE_DIR "/adapters/pa/player/data/holidays/2026.json", &why),
            RELAY_OK);
        stage_run_to(&s, s.now.wall + 30000);
        int changes = s.changes;
        stage_run(&s, nights[i].after);
        assert_int_equal(s.changes, changes + 1);
        tell_state(&b, s.station, s.now, "live");
        assert_non_null(strstr(buf_cstr(&b), nights[i].said));
        stage_close(&s);
    }
}

static void classes_that_take_nothing_at_once_say_so(void **state)
{
    (void)state;
    static const char *const classes[] = {"clinic", "emergency", "ward", "icu", NULL};
    static const char *const why[] = {"skipped:not_at_once", "skipped:not_at_once", "skipped:slots_only",
                                      "skipped:silent_zone"};
    struct stage s;
    stage_open(&s, "2026-11-23T09:10:00", classes);
    stage_turn(&s);
    for (size_t z = 0; z < 4; z++) stage_announce(&s, z, "a1.1/pa", "a1", 1, WARNING, HOUR_MS, "");
    stage_run_to(&s, s.now.wall + 60000);
    for (size_t z = 0; z < 4; z++) assert_string_equal(stage_log(&s, z, "a1.1/pa"), why[z]);
    assert_int_equal(s.n_sounds, 0);
    stage_close(&s);
}

static void what_comes_in_quiet_hours_is_one_digest_when_they_end(void **state)
{
    (void)state;
    static const char *const wait[] = {"family_waiting", NULL}; /* quiet 12:00-14:30, next slot 15:00 */
    struct stage s;
    stage_open(&s, "2026-11-23T13:00:00", wait);
    stage_turn(&s);
    stage_announce(&s, 0, "a1.1/pa", "a1", 1, "电话是骗子打的。", 6 * HOUR_MS, "");
    stage_announce(&s, 0, "a2.1/pa", "a2", 1, "短信是骗子发的。", 6 * HOUR_MS, "");
    stage_announce(&s, 0, "a3.1/pa", "a3", 1, "专家号是假的。", 30 * MINUTE_MS, "");
    stage_run(&s, "2026-11-23T14:59:00");
    assert_int_equal(s.n_sounds, 1);
    assert_int_equal(s.sounds[0].wall / 1000, stage_wall("2026-11-23T14:30:00") / 1000);
    assert_string_equal(stage_log(&s, 0, "a1.1/pa"), "accepted queued:quiet_hours playing played");
    assert_string_equal(stage_log(&s, 0, "a2.1/pa"), "accepted queued:quiet_hours playing played");
    assert_string_equal(stage_log(&s, 0, "a3.1/pa"), "accepted queued:quiet_hours skipped:expired");
    stage_close(&s);
}

static void what_was_corrected_is_not_said_by_the_digest(void **state)
{
    (void)state;
    static const char *const wait[] = {"family_waiting", NULL};
    for (int playing = 0; playing < 2; playing++) {
        struct stage s;
        stage_open(&s, "2026-11-23T13:00:00", wait);
        s.zones[0].ms_an_hour = 90000;
        stage_turn(&s);
        stage_announce(&s, 0, "a1.1/pa", "a1", 1, "电话是骗子打的。", 6 * HOUR_MS, "");
        stage_announce(&s, 0, "a2.1/pa", "a2", 1, "短信是骗子发的。", 6 * HOUR_MS, "");
        stage_run(&s, "2026-11-23T14:29:59");
        station_busy(s.station, s.now, 0, !playing);
        stage_run(&s, "2026-11-23T14:30:03");
        assert_int_equal(s.n_sounds, playing);
        stage_announce(&s, 0, "a1.2/pa", "a1", 2, "更正。刚才的提醒有误。", 6 * HOUR_MS,
                       ",\"msgType\":\"Cancel\"");
        station_busy(s.station, s.now, 0, false);
        stage_run(&s, "2026-11-23T14:32:00");
        assert_int_equal(s.n_sounds, playing + 2);
        if (playing) assert_true(s.sounds[0].stopped_ms >= 0);
        assert_non_null(strstr(stage_log(&s, 0, "a1.2/pa"), "playing played"));
        const char *log = stage_log(&s, 0, "a1.1/pa");
        assert_string_equal(log + strlen(log) - strlen("skipped:superseded"), "skipped:superseded");
        log = stage_log(&s, 0, "a2.1/pa");
        assert_string_equal(log + strlen(log) - strlen("playing played"), "playing played");
        stage_kill(&s); /* and not after a restart */
        stage_start(&s);
        stage_run(&s, "2026-11-23T14:40:00");
        assert_int_equal(s.n_sounds, playing + 2);
        stage_close(&s);
    }
}

static void what_is_kept_for_a_zone_that_closed_again_ends_when_it_expires(void **state)
{
    (void)state;
    static const char *const zones[] = {"icu", "hall", NULL};
    struct stage s;
    struct reason why;
    struct zone_view v;
    int n = 0;
    stage_open(&s, "2026-11-23T17:00:00", zones);
    stage_turn(&s);
    assert_int_equal(station_override(s.station, s.now, "icu", 5 * MINUTE_MS, "李", "张", "疏散", &n, &why),
                     RELAY_OK);
    station_busy(s.station, s.now, 0, true);
    stage_announce(&s, 0, "a1.1/pa", "a1", 1, WARNING, HOUR_MS, "");
    for (int minute = 0; minute < 6; minute++) {
        station_busy(s.station, s.now, 0, true);
        stage_run_to(&s, s.now.wall + MINUTE_MS);
    }
    stage_run(&s, "2026-11-23T18:30:00");
    stage_announce(&s, 1, "a2.1/pa", "a2", 1, WARNING, HOUR_MS, "");
    stage_run(&s, "2026-11-23T20:00:00");
    for (size_t z = 0; z < 2; z++) {
        station_view(s.station, s.now, z, &v);
        assert_int_equal(v.held, 0);
    }
    assert_non_null(strstr(stage_log(&s, 0, "a1.1/pa"), "skipped:"));
    assert_string_equal(stage_log(&s, 1, "a2.1/pa"), "accepted queued:quiet_hours skipped:expired");
    assert_int_equal(s.n_sounds, 0);
    stage_close(&s);
}

static void what_a_restart_finds_waiting_in_a_quiet_zone_is_told_to_be_kept(void **state)
{
    (void)state;
    struct stage s;
    stage_open(&s, "2026-11-23T17:58:00", hall);
    stage_turn(&s);
    station_hold(s.station, s.now, "topic", PRIORITY_FIRE, "panel");
    stage_announce(&s, 0, "a1.1/pa", "a1", 1, WARNING, 20 * HOUR_MS, "");
    stage_turn(&s);
    stage_kill(&s);
    s.now.wall += 5 * MINUTE_MS;
    s.now.mono += 5 * MINUTE_MS;
    for (int i = 0; i < 2; i++) { /* once, however often it starts */
        stage_start(&s);
        stage_run_to(&s, s.now.wall + MINUTE_MS);
        stage_kill(&s);
    }
    stage_start(&s);
    assert_string_equal(stage_log(&s, 0, "a1.1/pa"), "accepted queued:external_hold queued:quiet_hours");
    stage_run(&s, "2026-11-24T08:01:00");
    assert_string_equal(stage_log(&s, 0, "a1.1/pa"),
                        "accepted queued:external_hold queued:quiet_hours playing played");
    stage_close(&s);
}

static void fire_silences_at_once_and_speech_comes_back(void **state)
{
    (void)state;
    struct stage s;
    stage_open(&s, "2026-11-23T09:10:00", hall);
    stage_turn(&s);
    stage_announce(&s, 0, "a1.1/pa", "a1", 1, WARNING, HOUR_MS, "");
    stage_run_to(&s, s.now.wall + 3000);
    s.changes = 0;
    station_hold(s.station, s.now, "topic", PRIORITY_FIRE, "panel");
    assert_int_equal(s.changes, 1);
    assert_true(s.sounds[0].stopped_ms >= 0);
    stage_run_to(&s, s.now.wall + 300000);
    assert_int_equal(s.n_sounds, 1);
    station_hold(s.station, s.now, "topic", PRIORITY_NONE, "panel");
    stage_run_to(&s, s.now.wall + 60000);
    assert_int_equal(s.n_sounds, 2);
    assert_string_equal(stage_log(&s, 0, "a1.1/pa"),
                        "accepted playing preempted:external_hold playing played");
    stage_close(&s);
}

static void a_slot_in_a_long_hold_is_skipped_with_its_reason(void **state)
{
    (void)state;
    struct stage s;
    stage_open(&s, "2026-11-23T08:30:00", hall);
    stage_bulletin(&s, 1, 24, one_red);
    station_hold(s.station, s.now, "file", PRIORITY_CLINICAL, "code blue");
    stage_run(&s, "2026-11-23T09:30:00");
    station_hold(s.station, s.now, "file", PRIORITY_NONE, "code blue");
    stage_run(&s, "2026-11-23T09:50:00");
    assert_int_equal(s.n_sounds, 0);
    assert_string_equal(stage_log(&s, 0, "slot:2026-11-23T09:00"),
                        "queued:external_hold skipped:external_hold");
    stage_close(&s);
}

static void a_correction_ends_what_it_corrects(void **state)
{
    (void)state;
    struct stage s;
    stage_open(&s, "2026-11-23T09:10:00", hall);
    stage_turn(&s);
    stage_announce(&s, 0, "a1.1/pa", "a1", 1, WARNING, HOUR_MS, "");
    stage_run_to(&s, s.now.wall + 3000);
    stage_announce(&s, 0, "a1.2/pa", "a1", 2, "更正。刚才的提醒有误。", HOUR_MS, ",\"msgType\":\"Cancel\"");
    stage_run_to(&s, s.now.wall + 60000);
    stage_announce(&s, 0, "a1.1/again", "a1", 1, WARNING, HOUR_MS, "");
    stage_run_to(&s, s.now.wall + 60000);
    assert_string_equal(stage_log(&s, 0, "a1.1/pa"), "accepted playing skipped:superseded");
    assert_string_equal(stage_log(&s, 0, "a1.1/again"), "skipped:superseded");
    assert_int_equal(s.n_sounds, 2);
    stage_close(&s);
}

static void an_interrupted_slot_is_logged_and_not_repeated_but_an_announcement_is(void **state)
{
    (void)state;
    struct stage s;
    stage_open(&s, "2026-11-23T08:59:50", hall);
    stage_bulletin(&s, 1, 24, one_red);
    stage_run(&s, "2026-11-23T09:00:03");
    assert_int_equal(s.n_sounds, 1);
    stage_kill(&s);
    stage_start(&s);
    stage_run(&s, "2026-11-23T09:10:00");
    assert_int_equal(s.n_sounds, 1);
    assert_string_equal(stage_log(&s, 0, "slot:2026-11-23T09:00"), "playing failed:interrupted");
    stage_announce(&s, 0, "a1.1/pa", "a1", 1, WARNING, HOUR_MS, "");
    stage_run(&s, "2026-11-23T09:10:03");
    stage_kill(&s);
    stage_start(&s);
    stage_run(&s, "2026-11-23T09:15:00");
    assert_int_equal(s.n_sounds, 3);
    assert_string_equal(stage_log(&s, 0, "a1.1/pa"), "accepted playing playing played");
    stage_close(&s);
}

static void after_a_restart_one_item_catches_up(void **state)
{
    (void)state;
    struct stage s;
    stage_open(&s, "2026-11-23T08:58:00", hall);
    stage_bulletin(&s, 1, 24, one_red);
    station_hold(s.station, s.now, "topic", PRIORITY_FIRE, "panel");
    stage_announce(&s, 0, "a1.1/pa", "a1", 1, "一号骗子。", HOUR_MS, "");
    stage_announce(&s, 0, "a2.1/pa", "a2", 1, "二号骗子。", HOUR_MS, "");
    stage_run(&s, "2026-11-23T08:59:00");
    stage_kill(&s);
    s.now.wall += 90 * SECOND_MS; /* 09:00:30: the slot is within its grace */
    s.now.mono += 90 * SECOND_MS;
    stage_start(&s);
    stage_run(&s, "2026-11-23T09:30:00");
    assert_int_equal(s.n_sounds, 1);
    assert_true(strncmp(s.sounds[0].id, "digest:", 7) == 0);
    assert_string_equal(stage_log(&s, 0, "slot:2026-11-23T09:00"), "skipped:catch_up");
    assert_string_equal(stage_log(&s, 0, "a2.1/pa"), "accepted queued:external_hold playing played");
    stage_close(&s);
}

static void slots_missed_while_off_are_listed_and_not_played(void **state)
{
    (void)state;
    struct stage s;
    stage_open(&s, "2026-11-23T08:30:00", hall);
    stage_bulletin(&s, 1, 48, one_red);
    stage_run(&s, "2026-11-23T08:31:00");
    stage_kill(&s);
    s.now.wall = stage_wall("2026-11-23T11:30:00");
    s.now.mono += 3 * HOUR_MS;
    stage_start(&s);
    stage_run(&s, "2026-11-23T11:31:00");
    assert_int_equal(s.n_sounds, 0);
    for (int h = 9; h <= 11; h++) {
        char id[40];
        (void)snprintf(id, sizeof(id), "slot:2026-11-23T%02d:00", h);
        assert_string_equal(stage_log(&s, 0, id), "skipped:missed");
    }
    stage_close(&s);
}

static void a_bulletin_outlives_the_broker_and_a_restart_until_it_expires(void **state)
{
    (void)state;
    struct stage s;
    stage_open(&s, "2026-11-23T07:30:00", hall);
    stage_bulletin(&s, 1, 4, one_red); /* until 11:30 */
    stage_run(&s, "2026-11-23T09:30:00");
    assert_int_equal(s.n_sounds, 1); /* 08:00 */
    stage_kill(&s);
    stage_start(&s);
    stage_run(&s, "2026-11-23T14:30:00");
    assert_int_equal(s.n_sounds, 2); /* 10:00; 12:00 and 14:00 come too late */
    assert_int_equal(s.sounds[1].wall, stage_wall("2026-11-23T10:00:00"));
    stage_close(&s);
}

static void a_mute_silences_and_returns_by_itself(void **state)
{
    (void)state;
    struct stage s;
    struct reason why;
    int n = 0;
    stage_open(&s, "2026-11-23T08:59:50", hall);
    stage_bulletin(&s, 1, 48, one_red);
    stage_run(&s, "2026-11-23T09:00:02");
    s.changes = 0;
    assert_int_equal(station_mute(s.station, s.now, "hall", 90 * MINUTE_MS, "王护士长", "会议", &n, &why),
                     RELAY_OK);
    assert_int_equal(n, 1);
    assert_int_equal(s.changes, 1);
    assert_true(s.sounds[0].stopped_ms >= 0);
    stage_announce(&s, 0, "a1.1/pa", "a1", 1, WARNING, HOUR_MS, "");
    stage_turn(&s);
    stage_kill(&s); /* a mute outlives the player */
    stage_start(&s);
    stage_run(&s, "2026-11-23T10:29:00");
    assert_int_equal(s.n_sounds, 1);
    assert_string_equal(stage_log(&s, 0, "mute"), "on ends_soon");
    s.changes = 0;
    stage_run(&s, "2026-11-23T11:05:00");
    assert_string_equal(stage_log(&s, 0, "mute"), "on ends_soon ended");
    assert_int_equal(s.changes, 1);
    assert_int_equal(s.n_sounds, 2);
    assert_int_equal(station_mute(s.station, s.now, "hall", 25 * HOUR_MS, "王护士长", NULL, &n, &why),
                     RELAY_INVALID);
    assert_int_equal(station_mute(s.station, s.now, "hall", HOUR_MS, "", NULL, &n, &why), RELAY_INVALID);
    assert_int_equal(station_mute(s.station, s.now, "nowhere", HOUR_MS, "x", NULL, &n, &why),
                     RELAY_NOT_FOUND);
    stage_close(&s);
}

static void a_stop_ends_what_plays_and_the_next_slot_comes(void **state)
{
    (void)state;
    struct stage s;
    struct reason why;
    int n = 0;
    stage_open(&s, "2026-11-23T08:59:50", hall);
    stage_bulletin(&s, 1, 48, one_red);
    stage_run(&s, "2026-11-23T09:00:02");
    assert_int_equal(station_stop(s.station, s.now, "all", "保安", &n, &why), RELAY_OK);
    assert_int_equal(n, 1);
    stage_run(&s, "2026-11-23T09:01:00");
    assert_string_equal(stage_log(&s, 0, "slot:2026-11-23T09:00"), "playing skipped:stopped");
    stage_run(&s, "2026-11-23T11:01:00");
    assert_int_equal(s.n_sounds, 2);
    stage_close(&s);
}

static void two_named_persons_open_a_silent_zone_for_an_hour(void **state)
{
    (void)state;
    static const char *const icu[] = {"icu", NULL};
    struct stage s;
    struct reason why;
    int n = 0;
    stage_open(&s, "2026-11-23T09:00:00", icu);
    stage_turn(&s);
    assert_int_equal(station_override(s.station, s.now, "icu", HOUR_MS, "李", NULL, "", &n, &why),
                     RELAY_DENIED);
    assert_int_equal(station_override(s.station, s.now, "icu", HOUR_MS, "李", "李", "", &n, &why),
                     RELAY_DENIED);
    assert_int_equal(station_override(s.station, s.now, "icu", 2 * HOUR_MS, "李", "张", "", &n, &why),
                     RELAY_INVALID);
    assert_int_equal(station_override(s.station, s.now, "icu", HOUR_MS, "李", "张", "疏散", &n, &why),
                     RELAY_OK);
    stage_announce(&s, 0, "a1.1/pa", "a1", 1, WARNING, 6 * HOUR_MS, "");
    stage_run(&s, "2026-11-23T10:30:00");
    assert_int_equal(s.n_sounds, 1);
    stage_announce(&s, 0, "a2.1/pa", "a2", 1, WARNING, 6 * HOUR_MS, "");
    stage_run(&s, "2026-11-23T10:40:00");
    assert_int_equal(s.n_sounds, 1);
    assert_string_equal(stage_log(&s, 0, "override"), "on ended");
    stage_close(&s);
}

static void a_failing_output_is_tried_again_within_its_grace_and_then_reported(void **state)
{
    (void)state;
    struct stage s;
    stage_open(&s, "2026-11-23T09:10:00", hall);
    stage_turn(&s);
    s.broken_output = true;
    stage_announce(&s, 0, "a1.1/pa", "a1", 1, WARNING, HOUR_MS, "");
    stage_run(&s, "2026-11-23T09:10:04");
    assert_in_range(s.n_sounds, 2, 2);
    stage_run(&s, "2026-11-23T09:20:00");
    const char *log = stage_log(&s, 0, "a1.1/pa");
    assert_non_null(strstr(log, "accepted playing queued:output playing"));
    assert_string_equal(log + strlen(log) - strlen("failed:output"), "failed:output");
    assert_true(s.sounds[s.n_sounds - 1].wall - stage_wall("2026-11-23T09:10:00") <= 120000);
    s.broken_output = false;
    stage_announce(&s, 0, "a2.1/pa", "a2", 1, WARNING, HOUR_MS, "");
    stage_run(&s, "2026-11-23T09:22:00");
    assert_string_equal(stage_log(&s, 0, "a2.1/pa"),
                        "accepted playing played"); /* the fault took no room in the hour */
    stage_close(&s);
}

static void a_disk_that_is_full_for_a_while_loses_no_announcement(void **state)
{
    (void)state;
    struct stage s;
    stage_open(&s, "2026-11-23T09:10:00", hall);
    stage_turn(&s);
    s.full_disk = true;
    stage_announce(&s, 0, "a1.1/pa", "a1", 1, WARNING, HOUR_MS, "");
    stage_run(&s, "2026-11-23T09:10:30");
    assert_int_equal(s.n_sounds, 0);
    s.full_disk = false;
    stage_run(&s, "2026-11-23T09:11:30");
    assert_string_equal(stage_log(&s, 0, "a1.1/pa"), "accepted queued:speech playing played");
    s.full_disk = true;
    stage_announce(&s, 0, "a2.1/pa", "a2", 1, WARNING, HOUR_MS, "");
    stage_run(&s, "2026-11-23T09:13:15");
    assert_string_equal(stage_log(&s, 0, "a2.1/pa"), "accepted queued:speech");
    stage_run(&s, "2026-11-23T09:13:40"); /* its grace is over */
    assert_string_equal(stage_log(&s, 0, "a2.1/pa"), "accepted queued:speech failed:speech");
    stage_close(&s);
}

static void without_a_voice_an_announcement_is_a_chime_and_a_slot_is_skipped(void **state)
{
    (void)state;
    struct stage s;
    stage_open(&s, "2026-11-23T08:59:00", hall);
    s.mute_engine = true;
    stage_bulletin(&s, 1, 24, one_red);
    stage_announce(&s, 0, "a1.1/pa", "a1", 1, WARNING, HOUR_MS, "");
    stage_run(&s, "2026-11-23T09:05:00");
    assert_int_equal(s.n_sounds, 1);
    assert_string_equal(stage_log(&s, 0, "a1.1/pa"), "accepted queued:no_voice playing played");
    assert_string_equal(stage_log(&s, 0, "slot:2026-11-23T09:00"), "skipped:nothing_to_say");
    stage_close(&s);
}

static void what_was_only_a_chime_in_the_evening_is_spoken_in_the_morning(void **state)
{
    (void)state;
    struct stage s;
    stage_open(&s, "2026-11-23T17:59:50", hall);
    s.mute_engine = true;
    stage_turn(&s);
    station_busy(s.station, s.now, 0, true);
    stage_announce(&s, 0, "a1.1/pa", "a1", 1, WARNING, 20 * HOUR_MS, "");
    stage_run(&s, "2026-11-23T18:01:00");
    assert_string_equal(stage_log(&s, 0, "a1.1/pa"),
                        "accepted queued:busy queued:no_voice queued:quiet_hours");
    s.mute_engine = false;
    stage_run(&s, "2026-11-24T08:02:00");
    assert_int_equal(s.n_sounds, 1);
    assert_true(s.sounds[0].length_ms > 5000);
    stage_close(&s);
}

static void what_waits_into_the_night_has_the_volume_of_the_night(void **state)
{
    (void)state;
    struct stage s;
    stage_open(&s, "2026-11-23T18:50:00", hall);
    s.zones[0].n_quiet = 0;
    s.zones[0].night[s.zones[0].n_night++] = (struct day_window){19 * 60, 7 * 60};
    stage_turn(&s);
    station_hold(s.station, s.now, "topic", PRIORITY_FIRE, "panel");
    stage_announce(&s, 0, "a1.1/pa", "a1", 1, WARNING, HOUR_MS, "");
    stage_run(&s, "2026-11-23T19:10:00");
    station_hold(s.station, s.now, "topic", PRIORITY_NONE, "panel");
    stage_run(&s, "2026-11-23T19:12:00");
    assert_int_equal(s.n_sounds, 1);
    assert_int_equal(s.sounds[0].volume, 60);
    stage_close(&s);
}

static void the_hours_seconds_are_kept_by_announcements_too(void **state)
{
    (void)state;
    static const char *const wait[] = {"family_waiting", NULL}; /* 40 s */
    struct stage s;
    stage_open(&s, "2026-11-23T09:10:00", wait);
    stage_turn(&s);
    for (int i = 0; i < 3; i++) {
        char id[16], alert[16];
        (void)snprintf(id, sizeof(id), "a%d.1/pa", i);
        (void)snprintf(alert, sizeof(alert), "a%d", i);
        stage_announce(&s, 0, id, alert, 1, "有人冒充医保局打电话，说您的医保卡被停用了，这是骗子。",
                       6 * HOUR_MS, "");
    }
    stage_run(&s, "2026-11-23T11:55:00");
    assert_int_equal(s.n_sounds, 3);
    for (size_t i = 0; i < s.n_sounds; i++) {
        int64_t sum = 0, from = s.sounds[i].mono + s.sounds[i].length_ms - HOUR_MS;
        for (size_t j = 0; j <= i; j++)
            if (s.sounds[j].mono + s.sounds[j].length_ms > from) sum += s.sounds[j].length_ms;
        assert_true(sum <=
                    40000 + s.sounds[i].length_ms); /* what reaches in from before the hour counts in part */
    }
    assert_non_null(strstr(stage_log(&s, 0, "a2.1/pa"), "queued:hour_full"));
    stage_close(&s);
}

static void a_persons_own_words_go_before_and_closed_zones_refuse_them(void **state)
{
    (void)state;
    static const char *const both[] = {"hall", "icu", NULL};
    struct stage s;
    struct reason why;
    int n = 0;
    stage_open(&s, "2026-11-23T09:10:00", both);
    stage_turn(&s);
    stage_announce(&s, 0, "a1.1/pa", "a1", 1, WARNING, HOUR_MS, "");
    stage_run_to(&s, s.now.wall + 3000);
    assert_int_equal(station_say(s.station, s.now, "all", "请车主挪车。", "前台", &n, &why), RELAY_OK);
    assert_int_equal(n, 1);
    assert_int_equal(station_say(s.station, s.now, "icu", "请车主挪车。", "前台", &n, &why), RELAY_DENIED);
    stage_run_to(&s, s.now.wall + 90000);
    assert_int_equal(s.n_sounds, 3); /* the announcement, the words, the announcement again */
    assert_string_equal(stage_log(&s, 0, "a1.1/pa"), "accepted playing preempted:higher playing played");
    stage_close(&s);
}

static void what_people_said_outlives_a_restart(void **state)
{
    (void)state;
    static const char *const both[] = {"hall", "pharmacy", NULL};
    struct stage s;
    struct reason why;
    int n = 0;
    stage_open(&s, "2026-11-23T09:10:00", both);
    stage_turn(&s);
    station_busy(s.station, s.now, 0, true);
    assert_int_equal(station_say(s.station, s.now, "hall", "请车主挪车。", "前台", &n, &why), RELAY_OK);
    assert_int_equal(station_mute(s.station, s.now, "pharmacy", HOUR_MS, "王", "会议", &n, &why), RELAY_OK);
    stage_run_to(&s, s.now.wall + 5000);
    assert_int_equal(s.n_sounds, 0);
    stage_kill(&s);
    stage_start(&s);
    station_clock(s.station, s.now);
    station_busy(s.station, s.now, 0, true);
    stage_announce(&s, 1, "a1.1/pa", "a1", 1, WARNING, HOUR_MS, "");
    stage_run_to(&s, s.now.wall + 30000);
    assert_string_equal(stage_log(&s, 1, "a1.1/pa"), "skipped:mute");
    assert_int_equal(s.n_sounds, 0);
    station_busy(s.station, s.now, 0, false);
    stage_run_to(&s, s.now.wall + 30000);
    assert_int_equal(s.n_sounds, 1);
    assert_string_equal(stage_log(&s, 0, s.sounds[0].id), "accepted queued:busy queued:busy playing played");
    stage_kill(&s); /* said to its end, it is not said again */
    stage_start(&s);
    stage_run_to(&s, s.now.wall + 30000);
    assert_int_equal(s.n_sounds, 1);
    stage_close(&s);
}

static void what_people_said_has_no_more_grace_after_a_restart(void **state)
{
    (void)state;
    struct stage s;
    struct reason why;
    int n = 0;
    stage_open(&s, "2026-11-23T09:10:00", hall);
    stage_turn(&s);
    station_busy(s.station, s.now, 0, true);
    assert_int_equal(station_say(s.station, s.now, "hall", "请车主挪车。", "前台", &n, &why), RELAY_OK);
    stage_turn(&s);
    char id[64];
    (void)snprintf(id, sizeof(id), "say:%lld", (long long)s.now.wall);
    stage_kill(&s);
    s.now.wall += 11 * MINUTE_MS;
    s.now.mono += 11 * MINUTE_MS;
    stage_start(&s);
    stage_turn(&s);
    assert_string_equal(stage_log(&s, 0, id), "accepted queued:busy skipped:missed");
    assert_int_equal(s.n_sounds, 0);
    stage_close(&s);
}

/* One loudspeaker for all zones of the stage. */
static void share(struct stage *s, size_t *shares)
{
    for (size_t z = 0; z < s->set.n_zones; z++) {
        s->zones[z].shares = &shares[z * s->set.n_zones];
        for (size_t other = 0; other < s->set.n_zones; other++)
            if (other != z) s->zones[z].shares[s->zones[z].n_shares++] = other;
    }
}

static void assert_no_two_at_once(const struct stage *s)
{
    for (size_t i = 1; i < s->n_sounds; i++) {
        const struct stage_sound *a = &s->sounds[i - 1];
        int64_t took = a->stopped_ms < 0 ? a->length_ms : a->stopped_ms;
        assert_true(s->sounds[i].mono >= a->mono + took);
    }
}

static void zones_with_one_loudspeaker_take_turns(void **state)
{
    (void)state;
    static const char *const five[] = {"hall", "registration", "cashier", "pharmacy", "canteen", NULL};
    struct stage s;
    size_t shares[5 * 5];
    stage_open(&s, "2026-11-23T08:59:30", five);
    share(&s, shares);
    stage_bulletin(&s, 1, 24, one_red);
    stage_run(&s, "2026-11-23T09:05:00");
    assert_int_equal(s.n_sounds, 5);
    assert_no_two_at_once(&s);
    assert_string_equal(stage_log(&s, 4, "slot:2026-11-23T09:00"), "queued:shared playing played");
    stage_close(&s);
}

static void a_shared_loudspeaker_goes_to_the_graver_and_comes_back(void **state)
{
    (void)state;
    static const char *const three[] = {"hall", "cashier", "pharmacy", NULL};
    struct stage s;
    struct reason why;
    size_t shares[3 * 3];
    int n = 0;
    stage_open(&s, "2026-11-23T09:10:00", three);
    share(&s, shares);
    stage_turn(&s);
    stage_announce(&s, 1, "a1.1/pa", "a1", 1, WARNING, HOUR_MS, "");
    stage_run_to(&s, s.now.wall + 3000);
    assert_int_equal(station_say(s.station, s.now, "pharmacy", "请车主挪车。", "前台", &n, &why), RELAY_OK);
    stage_announce(&s, 0, "a2.1/pa", "a2", 1, WARNING, HOUR_MS, "");
    stage_run_to(&s, s.now.wall + 200);
    assert_int_equal(s.sounds[s.n_sounds - 1].zone, 2); /* at once */
    stage_run_to(&s, s.now.wall + 180000);
    assert_int_equal(s.n_sounds, 4);
    assert_no_two_at_once(&s);
    assert_string_equal(stage_log(&s, 1, "a1.1/pa"),
                        "accepted playing preempted:higher queued:shared playing played");
    assert_int_equal(s.sounds[2].zone, 1); /* it came first */
    assert_int_equal(s.sounds[3].zone, 0);
    stage_close(&s);
}

static void who_waits_too_long_for_a_shared_loudspeaker_is_told_why(void **state)
{
    (void)state;
    static const char *const two[] = {"hall", "cashier", NULL};
    struct stage s;
    size_t shares[2 * 2];
    stage_open(&s, "2026-11-23T08:59:30", two);
    share(&s, shares);
    s.set.grace_ms = 5000;
    stage_kill(&s);
    stage_start(&s);
    stage_bulletin(&s, 1, 24, one_red);
    stage_run(&s, "2026-11-23T09:05:00");
    assert_int_equal(s.n_sounds, 1);
    assert_string_equal(stage_log(&s, 1, "slot:2026-11-23T09:00"), "queued:shared skipped:shared");
    stage_close(&s);
}

static void queue_calling_is_given_way_to(void **state)
{
    (void)state;
    struct stage s;
    stage_open(&s, "2026-11-23T08:59:50", hall);
    stage_bulletin(&s, 1, 24, one_red);
    station_busy(s.station, s.now, 0, true);
    stage_run(&s, "2026-11-23T09:00:30");
    assert_int_equal(s.n_sounds, 0);
    station_busy(s.station, s.now, 0, false);
    stage_run(&s, "2026-11-23T09:00:40");
    assert_int_equal(s.n_sounds, 1);
    assert_int_equal(s.sounds[0].wall, stage_wall("2026-11-23T09:00:33"));
    stage_close(&s);
}

static void a_busy_input_that_is_stuck_does_not_silence_for_ever(void **state)
{
    (void)state;
    struct stage s;
    stage_open(&s, "2026-11-23T08:50:00", hall);
    stage_bulletin(&s, 1, 24, one_red);
    station_busy(s.station, s.now, 0, true);
    stage_run(&s, "2026-11-23T09:01:00");
    assert_int_equal(s.n_sounds, 1);
    assert_string_equal(stage_log(&s, 0, "busy"), "stuck");
    stage_close(&s);
}

static void bad_payloads_are_dropped_and_the_old_bulletin_stays(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "{}", "[]", "{\"id\":1}", "not json", "{\"rev\":9,\"items\":{}}"};
    struct stage s;
    stage_open(&s, "2026-11-23T08:30:00", hall);
    stage_bulletin(&s, 5, 24, one_red);
    for (size_t i = 0; i < COUNT(bad); i++) {
        station_announce(s.station, s.now, "hall", bad[i], strlen(bad[i]));
        if (*bad[i]) station_bulletin(s.station, s.now, bad[i], strlen(bad[i]), false);
    }
    station_announce(s.station, s.now, "nowhere", "{}", 2);
    assert_int_equal(station_bulletin_now(s.station)->n, 1);
    s.now.wall -= 60000;
    stage_bulletin(&s, 4, 24, (const char *const[]){NULL}); /* older */
    assert_int_equal(station_bulletin_now(s.station)->n, 1);
    s.now.wall += 120000;
    stage_bulletin(&s, 1, 24, (const char *const[]){NULL}); /* a relay that began anew */
    assert_int_equal(station_bulletin_now(s.station)->n, 0);
    stage_close(&s);
}

static void a_commit_that_fails_starts_nothing(void **state)
{
    (void)state;
    struct stage s;
    struct reason why;
    stage_open(&s, "2026-11-23T08:59:30", hall);
    stage_bulletin(&s, 1, 24, one_red);
    stage_run(&s, "2026-11-23T08:59:59");
    s.now.wall += 1000;
    s.now.mono += 1000;
    db_fail_after(book_db(s.book), 1, SQLITE_FULL);
    station_turn(s.station, s.now);
    assert_int_not_equal(book_commit(s.book, &why), RELAY_OK);
    stage_kill(&s); /* as the player does: away with it, and anew */
    assert_int_equal(s.n_sounds, 0);
    stage_start(&s);
    stage_run(&s, "2026-11-23T09:01:00");
    assert_int_equal(s.n_sounds, 1);
    stage_close(&s);
}

static void drills_say_so_and_use_their_own_priority(void **state)
{
    (void)state;
    struct stage s;
    stage_open(&s, "2026-11-23T09:10:00", hall);
    s.zones[0].drills = false;
    stage_turn(&s);
    stage_announce(&s, 0, "a1.1/pa", "a1", 1, WARNING, HOUR_MS, ",\"status2\":1");
    stage_run_to(&s, s.now.wall + 60000);
    const char *drill = "{\"id\":\"d1\",\"alert\":\"d\",\"rev\":1,\"status\":\"Exercise\",\"level\":\"red\","
                        "\"now\":\"2026-11-23T09:11:00+08:00\",\"expires\":\"2026-11-23T10:11:00+08:00\","
                        "\"text\":\"测试。\"}";
    station_announce(s.station, s.now, "hall", drill, strlen(drill));
    assert_string_equal(stage_log(&s, 0, "d1"), "skipped:no_drills");
    stage_close(&s);
}

static void drill(struct stage *s, size_t zone, const char *id)
{
    char payload[512], now[TIME_TEXT_LEN], later[TIME_TEXT_LEN];
    (void)snprintf(
        payload, sizeof(payload),
        "{\"id\":\"%s\",\"alert\":\"%s\",\"rev\":1,\"status\":\"Exercise\",\"level\":\"red\",\"now\":\"%s\","
        "\"expires\":\"%s\",\"text\":\"有人打电话让您转账。这是骗子。\"}",
        id, id, clock_format(s->now.wall, true, now), clock_format(s->now.wall + HOUR_MS, true, later));
    station_announce(s->station, s->now, s->zones[zone].id, payload, strlen(payload));
}

static void a_real_alert_ends_the_drills_speech_everywhere(void **state)
{
    (void)state;
    static const char *const two[] = {"hall", "pharmacy", NULL};
    struct stage s;
    stage_open(&s, "2026-11-23T09:10:00", two);
    stage_turn(&s);
    s.zones[0].drills = s.zones[1].drills = true;
    drill(&s, 0, "d1");
    drill(&s, 0, "d2");
    drill(&s, 1, "d3");
    stage_run_to(&s, s.now.wall + 3000);
    stage_announce(&s, 0, "a1.1/pa", "a1", 1, WARNING, HOUR_MS, "");
    stage_run_to(&s, s.now.wall + 90000);
    assert_string_equal(stage_log(&s, 0, "d1"), "accepted playing skipped:real_alert");
    assert_string_equal(stage_log(&s, 0, "d2"), "accepted queued:higher skipped:real_alert");
    assert_string_equal(stage_log(&s, 1, "d3"), "accepted playing skipped:real_alert");
    assert_string_equal(stage_log(&s, 0, "a1.1/pa"), "accepted playing played");
    assert_int_equal(s.n_sounds, 3);
    stage_close(&s);
}

static void a_real_alert_takes_the_drills_out_of_a_digest(void **state)
{
    (void)state;
    static const char *const two[] = {"family_waiting", "hall", NULL};
    struct stage s;
    stage_open(&s, "2026-11-23T13:00:00", two);
    s.zones[0].ms_an_hour = 90000;
    stage_turn(&s);
    drill(&s, 0, "d1");
    drill(&s, 0, "d2");
    s.now.wall += HOUR_MS - MINUTE_MS; /* their hour is not over at the end of the quiet ones */
    s.now.mono += HOUR_MS - MINUTE_MS;
    drill(&s, 0, "d3");
    drill(&s, 0, "d4");
    stage_run(&s, "2026-11-23T14:29:59");
    station_busy(s.station, s.now, 0, true);
    stage_run(&s, "2026-11-23T14:30:05");
    stage_announce(&s, 1, "a1.1/pa", "a1", 1, WARNING, HOUR_MS, "");
    station_busy(s.station, s.now, 0, false);
    stage_run(&s, "2026-11-23T14:40:00");
    assert_int_equal(s.n_sounds, 1);
    assert_string_equal(s.sounds[0].id, "a1.1/pa");
    assert_non_null(strstr(stage_log(&s, 0, "d3"), "skipped:real_alert"));
    stage_close(&s);
}

int main(void)
{
    assert_int_equal(clock_set_zone("Asia/Shanghai", NULL), RELAY_OK);
    log_quiet();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_slot_sounds_on_the_minute_and_once),
        cmocka_unit_test(an_announcement_is_spoken_at_once_and_its_repeats_are_not),
        cmocka_unit_test(what_failed_or_was_skipped_is_tried_anew_when_a_person_sends_it_once_more),
        cmocka_unit_test(nothing_begins_after_it_expired),
        cmocka_unit_test(holidays_that_nobody_knows_are_missed_in_december_and_again_in_the_year),
        cmocka_unit_test(classes_that_take_nothing_at_once_say_so),
        cmocka_unit_test(what_comes_in_quiet_hours_is_one_digest_when_they_end),
        cmocka_unit_test(what_was_corrected_is_not_said_by_the_digest),
        cmocka_unit_test(a_real_alert_takes_the_drills_out_of_a_digest),
        cmocka_unit_test(what_is_kept_for_a_zone_that_closed_again_ends_when_it_expires),
        cmocka_unit_test(what_a_restart_finds_waiting_in_a_quiet_zone_is_told_to_be_kept),
        cmocka_unit_test(fire_silences_at_once_and_speech_comes_back),
        cmocka_unit_test(a_slot_in_a_long_hold_is_skipped_with_its_reason),
        cmocka_unit_test(a_correction_ends_what_it_corrects),
        cmocka_unit_test(an_interrupted_slot_is_logged_and_not_repeated_but_an_announcement_is),
        cmocka_unit_test(after_a_restart_one_item_catches_up),
        cmocka_unit_test(slots_missed_while_off_are_listed_and_not_played),
        cmocka_unit_test(a_bulletin_outlives_the_broker_and_a_restart_until_it_expires),
        cmocka_unit_test(a_mute_silences_and_returns_by_itself),
        cmocka_unit_test(a_stop_ends_what_plays_and_the_next_slot_comes),
        cmocka_unit_test(two_named_persons_open_a_silent_zone_for_an_hour),
        cmocka_unit_test(a_failing_output_is_tried_again_within_its_grace_and_then_reported),
        cmocka_unit_test(a_disk_that_is_full_for_a_while_loses_no_announcement),
        cmocka_unit_test(without_a_voice_an_announcement_is_a_chime_and_a_slot_is_skipped),
        cmocka_unit_test(what_was_only_a_chime_in_the_evening_is_spoken_in_the_morning),
        cmocka_unit_test(what_waits_into_the_night_has_the_volume_of_the_night),
        cmocka_unit_test(the_hours_seconds_are_kept_by_announcements_too),
        cmocka_unit_test(a_persons_own_words_go_before_and_closed_zones_refuse_them),
        cmocka_unit_test(what_people_said_outlives_a_restart),
        cmocka_unit_test(what_people_said_has_no_more_grace_after_a_restart),
        cmocka_unit_test(zones_with_one_loudspeaker_take_turns),
        cmocka_unit_test(a_shared_loudspeaker_goes_to_the_graver_and_comes_back),
        cmocka_unit_test(who_waits_too_long_for_a_shared_loudspeaker_is_told_why),
        cmocka_unit_test(queue_calling_is_given_way_to),
        cmocka_unit_test(a_busy_input_that_is_stuck_does_not_silence_for_ever),
        cmocka_unit_test(bad_payloads_are_dropped_and_the_old_bulletin_stays),
        cmocka_unit_test(a_commit_that_fails_starts_nothing),
        cmocka_unit_test(drills_say_so_and_use_their_own_priority),
        cmocka_unit_test(a_real_alert_ends_the_drills_speech_everywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
