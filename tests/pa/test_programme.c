/* What a slot is made of. */
#include "unit.h"

#include "base/clock.h"
#include "base/mem.h"
#include "player/programme.h"

static const struct programme_limits limits = {.slot_ms = 40000,
                                               .announce_ms = 45000,
                                               .chime_ms = 1500,
                                               .gap_ms = 800,
                                               .warnings = 2,
                                               .times_a_day = 4,
                                               .correction_slots = 2};

struct scene {
    struct zone zone;
    struct reminder reminders[4];
    struct warning warnings[8];
    struct memory memory;
    struct programme_input in;
    int64_t fixed_length; /* 0: guess */
};

static int64_t length(void *arg, const struct zone *z, const char *text)
{
    (void)z;
    const struct scene *s = arg;
    if (strstr(text, "no voice")) return -1;
    return s->fixed_length ? s->fixed_length : text_length_guess(text);
}

static int64_t minute(const char *time)
{
    int64_t wall = 0;
    char text[64];
    (void)snprintf(text, sizeof(text), "2026-11-23T%s:00+08:00", time);
    assert_int_equal(clock_parse(text, &wall), RELAY_OK);
    return civil_minute(wall);
}

static void set_time(struct scene *s, const char *time)
{
    s->in.minute = minute(time);
    s->in.now.wall = civil_to_wall(s->in.minute);
    s->in.now.mono = s->in.now.wall - civil_to_wall(minute("00:00")) + 100 * HOUR_MS;
}

static void scene(struct scene *s, const char *class)
{
    *s = (struct scene){0};
    struct zone_settings c = {.id = "z", .class_name = class, .seconds_an_hour = -1};
    assert_int_equal(zone_init(&s->zone, &c, NULL), RELAY_OK);
    s->in = (struct programme_input){.zone = &s->zone,
                                     .day = {.type = DAY_WEEKDAY, .known = true},
                                     .reminders = s->reminders,
                                     .warnings = s->warnings,
                                     .memory = &s->memory,
                                     .limits = &limits,
                                     .length = length,
                                     .length_arg = s};
    set_time(s, "09:00");
}

static struct warning *warn(struct scene *s, const char *id, enum level level, int count, const char *text)
{
    struct warning *w = &s->warnings[s->in.n_warnings++];
    *w = (struct warning){
        .id = id, .alert = id, .level = level, .count = count, .text = text, .expires_mono = INT64_MAX};
    return w;
}

static void remind(struct scene *s, const char *id, const char *text)
{
    s->reminders[s->in.n_reminders++] = (struct reminder){.id = id, .text = text};
}

/* "r1 w2 w1", with + after what has its rhyme. */
static const char *spoken(struct scene *s, const struct plan *p)
{
    static char out[256];
    out[0] = '\0';
    for (int i = 0; i < p->sounding; i++) {
        const struct plan_line *l = plan_at(p, i);
        size_t n = strlen(out);
        (void)snprintf(out + n, sizeof(out) - n, "%s%s%s", n ? " " : "",
                       l->is_reminder ? s->reminders[l->index].id : s->warnings[l->index].id,
                       l->rhyme ? "+" : "");
    }
    return out;
}

static enum why why_not(struct scene *s, const struct plan *p, const char *id)
{
    for (size_t i = 0; i < p->n; i++) {
        const struct plan_line *l = &p->lines[i];
        if (strcmp(id, l->is_reminder ? s->reminders[l->index].id : s->warnings[l->index].id) == 0)
            return l->why;
    }
    fail_msg("no item %s", id);
    return WHY_SOUNDS;
}

#define EXPECT(s, words)                                                                                     \
    do {                                                                                                     \
        struct plan plan_;                                                                                   \
        programme_plan(&(s)->in, &plan_);                                                                    \
        assert_string_equal(spoken((s), &plan_), words);                                                     \
        plan_release(&plan_);                                                                                \
    } while (0)
#define EXPECT_WHY(s, id, reason)                                                                            \
    do {                                                                                                     \
        struct plan plan_;                                                                                   \
        programme_plan(&(s)->in, &plan_);                                                                    \
        assert_string_equal(why_code(why_not((s), &plan_, id)), why_code(reason));                           \
        plan_release(&plan_);                                                                                \
    } while (0)

static void say(struct scene *s, const char *time, const char *text)
{
    int64_t m = minute(time);
    memory_add(&s->memory, (struct said){.text = text_key(text),
                                         .minute = m,
                                         .mono = (m - minute("00:00")) * MINUTE_MS + 100 * HOUR_MS,
                                         .length_ms = 5000,
                                         .slot = true});
}

static void a_slot_is_one_reminder_and_the_two_gravest_warnings(void **state)
{
    (void)state;
    struct scene s;
    scene(&s, "registration");
    remind(&s, "r1", "请看管好随身物品。");
    remind(&s, "r2", "院内禁止吸烟。");
    warn(&s, "w1", LEVEL_ORANGE, 900, "短信是骗子发的。");
    warn(&s, "w2", LEVEL_RED, 1, "电话是骗子打的。");
    warn(&s, "w3", LEVEL_ORANGE, 1000, "专家号是假的。");
    EXPECT(&s, "r1 w2 w3");
    EXPECT_WHY(&s, "w1", WHY_ENOUGH);
    EXPECT_WHY(&s, "r2", WHY_ENOUGH);
    memory_release(&s.memory);
}

static void yellow_items_without_words_stay_silent(void **state)
{
    (void)state;
    struct scene s;
    scene(&s, "hall");
    warn(&s, "w1", LEVEL_YELLOW, 5, NULL);
    EXPECT(&s, "");
    EXPECT_WHY(&s, "w1", WHY_NEVER_SPOKEN);
    memory_release(&s.memory);
}

static void nothing_is_said_after_it_expired(void **state)
{
    (void)state;
    struct scene s;
    scene(&s, "hall");
    warn(&s, "w1", LEVEL_RED, 5, "电话是骗子打的。")->expires_mono = s.in.now.mono;
    EXPECT_WHY(&s, "w1", WHY_EXPIRED);
    s.warnings[0].expires_mono++;
    EXPECT(&s, "w1");
    memory_release(&s.memory);
}

static void a_text_is_never_said_in_two_slots_running(void **state)
{
    (void)state;
    struct scene s;
    scene(&s, "family_waiting"); /* 09, 11, 15, 17: four slots, so spreading asks nothing */
    warn(&s, "w1", LEVEL_RED, 5, "电话是骗子打的。");
    say(&s, "09:00", "电话是骗子打的。");
    set_time(&s, "11:00");
    EXPECT_WHY(&s, "w1", WHY_TWICE_RUNNING);
    set_time(&s, "15:00");
    EXPECT(&s, "w1");
    memory_release(&s.memory);
}

static void two_alerts_with_the_same_words_are_said_once(void **state)
{
    (void)state;
    struct scene s;
    scene(&s, "registration");
    warn(&s, "w1", LEVEL_RED, 5, "电话是骗子打的。");
    warn(&s, "w2", LEVEL_RED, 4, "电话是骗子打的。");
    EXPECT(&s, "w1");
    EXPECT_WHY(&s, "w2", WHY_SAME_WORDS);
    memory_release(&s.memory);
}

static void a_text_is_said_four_times_a_day_spread_over_the_slots(void **state)
{
    (void)state;
    struct scene s;
    scene(&s, "hall");
    warn(&s, "w1", LEVEL_RED, 5, "电话是骗子打的。");
    char sounded[64] = "";
    for (int h = 8; h <= 17; h++) {
        char time[8];
        struct plan p;
        (void)snprintf(time, sizeof(time), "%02d:00", h);
        set_time(&s, time);
        programme_plan(&s.in, &p);
        if (p.sounding) {
            (void)snprintf(sounded + strlen(sounded), sizeof(sounded) - strlen(sounded), "%d ", h);
            say(&s, time, s.warnings[0].text);
        }
        plan_release(&p);
    }
    assert_string_equal(sounded, "8 10 12 14 ");
    set_time(&s, "17:00");
    EXPECT_WHY(&s, "w1", WHY_TIMES_A_DAY);
    memory_release(&s.memory);
}

static void the_seconds_an_hour_are_kept(void **state)
{
    (void)state;
    struct scene s;
    scene(&s, "clinic"); /* 15 s */
    remind(&s, "r1", "请看管好随身物品。");
    warn(&s, "w1", LEVEL_RED, 5, "电话是骗子打的。");
    s.fixed_length = 10000;
    EXPECT(&s, "w1"); /* the warning goes before the reminder when there is room for one */
    EXPECT_WHY(&s, "r1", WHY_HOUR_FULL);
    memory_add(&s.memory, (struct said){.text = 1,
                                        .minute = s.in.minute - 30,
                                        .mono = s.in.now.mono - 1800000,
                                        .length_ms = 4000});
    EXPECT_WHY(&s, "w1", WHY_HOUR_FULL);
    memory_release(&s.memory);
}

static void a_slot_is_no_longer_than_its_limit(void **state)
{
    (void)state;
    struct scene s;
    scene(&s, "registration");
    remind(&s, "r1", "请看管好随身物品。");
    warn(&s, "w1", LEVEL_RED, 5, "电话是骗子打的。");
    warn(&s, "w2", LEVEL_RED, 4, "短信是骗子发的。");
    s.fixed_length = 15000;
    EXPECT(&s, "r1 w1");
    EXPECT_WHY(&s, "w2", WHY_SLOT_FULL);
    memory_release(&s.memory);
}

static void the_rhyme_follows_where_the_elderly_sit_if_there_is_room(void **state)
{
    (void)state;
    struct scene s;
    scene(&s, "pharmacy");
    warn(&s, "w1", LEVEL_RED, 5, "电话是骗子打的。")->rhyme = "陌生电话不要慌。";
    EXPECT(&s, "w1+");
    s.fixed_length = 20000;
    EXPECT(&s, "w1");
    scene(&s, "registration");
    warn(&s, "w1", LEVEL_RED, 5, "电话是骗子打的。")->rhyme = "陌生电话不要慌。";
    EXPECT(&s, "w1");
    memory_release(&s.memory);
}

static void quiet_hours_and_silent_zones_have_no_slots(void **state)
{
    (void)state;
    struct scene s;
    scene(&s, "clinic");
    warn(&s, "w1", LEVEL_RED, 5, "电话是骗子打的。");
    set_time(&s, "12:00");
    EXPECT_WHY(&s, "w1", WHY_QUIET_HOURS);
    set_time(&s, "14:00");
    EXPECT(&s, "w1");
    scene(&s, "icu");
    warn(&s, "w1", LEVEL_RED, 5, "电话是骗子打的。");
    EXPECT_WHY(&s, "w1", WHY_SILENT_ZONE);
    memory_release(&s.memory);
}

static void a_reminder_keeps_to_its_days_hours_and_zones(void **state)
{
    (void)state;
    struct scene s;
    scene(&s, "hall");
    const char *days[] = {"weekend"}, *zones[] = {"pharmacy"};
    struct day_window hours = {14 * 60, 16 * 60};
    remind(&s, "r1", "一。");
    remind(&s, "r2", "二。");
    remind(&s, "r3", "三。");
    s.reminders[0].days = (struct opt_strs){days, 1};
    s.reminders[1].zones = (struct opt_strs){zones, 1};
    s.reminders[2].hours = (struct opt_windows){&hours, 1};
    EXPECT(&s, "");
    EXPECT_WHY(&s, "r1", WHY_OTHER_DAYS);
    EXPECT_WHY(&s, "r2", WHY_OTHER_ZONE);
    EXPECT_WHY(&s, "r3", WHY_OTHER_HOURS);
    set_time(&s, "15:00");
    EXPECT(&s, "r3");
    s.in.day.type = DAY_WEEKEND;
    EXPECT(&s, "r1");
    memory_release(&s.memory);
}

static void reminders_take_turns(void **state)
{
    (void)state;
    struct scene s;
    scene(&s, "hall");
    remind(&s, "r1", "一。");
    remind(&s, "r2", "二。");
    EXPECT(&s, "r1");
    say(&s, "09:00", "一。");
    set_time(&s, "10:00");
    EXPECT(&s, "r2");
    say(&s, "10:00", "二。");
    set_time(&s, "11:00");
    EXPECT(&s, "r1");
    memory_release(&s.memory);
}

static void a_correction_goes_first_into_the_next_two_slots_only(void **state)
{
    (void)state;
    struct scene s;
    scene(&s, "hall");
    warn(&s, "w1", LEVEL_RED, 500, "电话是骗子打的。");
    warn(&s, "w2", LEVEL_ORANGE, 1, "更正。")->correction = true;
    EXPECT(&s, "w2 w1");
    say(&s, "09:00", "更正。");
    set_time(&s, "10:00");
    EXPECT(&s, "w2 w1");
    say(&s, "10:00", "更正。");
    set_time(&s, "11:00");
    EXPECT_WHY(&s, "w2", WHY_CORRECTED);
    memory_release(&s.memory);
}

static void drills_stay_out_of_zones_that_take_none(void **state)
{
    (void)state;
    struct scene s;
    scene(&s, "hall");
    warn(&s, "w1", LEVEL_RED, 5, "这是演练。")->status = STATUS_EXERCISE;
    EXPECT_WHY(&s, "w1", WHY_NO_DRILLS);
    s.zone.drills = true;
    EXPECT(&s, "w1");
    memory_release(&s.memory);
}

static void what_nobody_can_say_here_is_left_out(void **state)
{
    (void)state;
    struct scene s;
    scene(&s, "hall");
    warn(&s, "w1", LEVEL_RED, 5, "no voice");
    warn(&s, "w2", LEVEL_ORANGE, 5, "短信是骗子发的。");
    EXPECT(&s, "w2");
    EXPECT_WHY(&s, "w1", WHY_NO_VOICE);
    memory_release(&s.memory);
}

static void fast_hour_makes_every_minute_a_slot(void **state)
{
    (void)state;
    struct scene s;
    struct programme_limits fast = limits;
    scene(&s, "hall");
    fast.fast_hour = true;
    s.in.limits = &fast;
    warn(&s, "w1", LEVEL_RED, 5, "电话是骗子打的。");
    set_time(&s, "09:17");
    EXPECT(&s, "w1");
    say(&s, "09:17", s.warnings[0].text);
    set_time(&s, "09:18");
    EXPECT_WHY(&s, "w1", WHY_TWICE_RUNNING);
    set_time(&s, "09:19");
    EXPECT(&s, "w1");
    memory_release(&s.memory);
}

static void count_slots(void *arg, const struct programme_input *at, const struct plan *plan)
{
    int *n = arg;
    (void)at;
    *n += plan->sounding;
}

static void a_day_is_planned_slot_after_slot(void **state)
{
    (void)state;
    struct scene s;
    scene(&s, "hall");
    warn(&s, "w1", LEVEL_RED, 5, "电话是骗子打的。");
    remind(&s, "r1", "一。");
    set_time(&s, "00:00");
    int n = 0;
    programme_day(&s.in, s.in.minute / MINUTES_A_DAY, count_slots, &n);
    assert_int_equal(n, 8); /* four times each */
    assert_int_equal(s.memory.n, 0);
    memory_release(&s.memory);
}

static void what_has_been_is_not_planned_again(void **state)
{
    (void)state;
    struct scene s;
    scene(&s, "hall");
    remind(&s, "r1", "一。");
    say(&s, "08:00", "一。");
    say(&s, "12:00", "一。");
    set_time(&s, "14:30");
    int n = 0;
    programme_day(&s.in, s.in.minute / MINUTES_A_DAY, count_slots, &n);
    assert_int_equal(
        n, 2); /* 15:00 and 17:00: what was said in the morning counts, its slots do not come again */
    memory_release(&s.memory);
}

int main(void)
{
    assert_int_equal(clock_set_zone("Asia/Shanghai", NULL), RELAY_OK);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_slot_is_one_reminder_and_the_two_gravest_warnings),
        cmocka_unit_test(yellow_items_without_words_stay_silent),
        cmocka_unit_test(nothing_is_said_after_it_expired),
        cmocka_unit_test(a_text_is_never_said_in_two_slots_running),
        cmocka_unit_test(two_alerts_with_the_same_words_are_said_once),
        cmocka_unit_test(a_text_is_said_four_times_a_day_spread_over_the_slots),
        cmocka_unit_test(the_seconds_an_hour_are_kept),
        cmocka_unit_test(a_slot_is_no_longer_than_its_limit),
        cmocka_unit_test(the_rhyme_follows_where_the_elderly_sit_if_there_is_room),
        cmocka_unit_test(quiet_hours_and_silent_zones_have_no_slots),
        cmocka_unit_test(a_reminder_keeps_to_its_days_hours_and_zones),
        cmocka_unit_test(reminders_take_turns),
        cmocka_unit_test(a_correction_goes_first_into_the_next_two_slots_only),
        cmocka_unit_test(drills_stay_out_of_zones_that_take_none),
        cmocka_unit_test(what_nobody_can_say_here_is_left_out),
        cmocka_unit_test(fast_hour_makes_every_minute_a_slot),
        cmocka_unit_test(a_day_is_planned_slot_after_slot),
        cmocka_unit_test(what_has_been_is_not_planned_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
