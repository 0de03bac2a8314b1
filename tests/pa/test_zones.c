/* The class table and a zone's hours. */
#include "unit.h"

#include "base/clock.h"
#include "base/zone_class.h"
#include "player/zones.h"

static int64_t at(const char *time)
{
    int64_t wall = 0;
    char text[64];
    (void)snprintf(text, sizeof(text), "2026-11-23T%s+08:00", time);
    assert_int_equal(clock_parse(text, &wall), RELAY_OK);
    return wall;
}

static struct zone zone(const char *class)
{
    struct zone z;
    struct reason why = {0};
    struct zone_settings c = {
        .id = "z", .class_name = class, .seconds_an_hour = -1, .volume_day = 100, .volume_night = 60};
    if (zone_init(&z, &c, &why) != RELAY_OK) fail_msg("%s: %s", class, why.text);
    return z;
}

static bool slot(const struct zone *z, const char *time)
{
    return zone_has_slot(z, civil_minute(at(time)), DAY_WEEKDAY);
}

static void every_class_has_its_hours(void **state)
{
    (void)state;
    static const struct {
        const char *class;
        int slots, seconds;
        bool immediate, silent;
    } want[] = {
        {"hall", 10, 90, true, false},
        {"registration", 10, 90, true, false},
        {"cashier", 10, 90, true, false},
        {"pharmacy", 11, 60, true, false},
        {"inpatient_lobby", 11, 60, true, false},
        {"canteen", 11, 60, true, false},
        {"family_waiting", 4, 40, true, false},
        {"infusion", 4, 40, true, false},
        {"clinic", 10, 15, false, false},
        {"emergency", 2, 20, false, false},
        {"ward", 2, 20, false, false},
        {"icu", 0, 0, false, true},
        {"nicu", 0, 0, false, true},
        {"operating", 0, 0, false, true},
        {"delivery", 0, 0, false, true},
        {"palliative", 0, 0, false, true},
        {"psychiatric", 0, 0, false, true},
        {"imaging", 0, 0, false, true},
        {"staff_rest", 0, 0, false, true},
    };
    size_t n = 0;
    while (zone_classes[n].name) n++;
    assert_int_equal(n, COUNT(want));
    for (size_t i = 0; i < COUNT(want); i++) {
        struct zone z = zone(want[i].class);
        assert_int_equal(slot_marks_count(&z.slots), want[i].slots);
        assert_int_equal(z.ms_an_hour, want[i].seconds * SECOND_MS);
        assert_int_equal(z.immediate, want[i].immediate);
        assert_int_equal(z.silent, want[i].silent);
        if (z.silent)
            for (int m = 0; m < MINUTES_A_DAY; m++)
                assert_true(zone_is_quiet(&z, at("00:00:00") + m * MINUTE_MS, NULL));
    }
}

static void slots_and_quiet_hours_follow_the_table(void **state)
{
    (void)state;
    struct zone hall = zone("hall"), wait = zone("family_waiting"), ward = zone("ward"),
                clinic = zone("clinic");
    assert_true(slot(&hall, "08:00:00") && slot(&hall, "17:00:00"));
    assert_false(slot(&hall, "18:00:00") || slot(&hall, "07:00:00") || slot(&hall, "09:30:00"));
    assert_false(zone_is_quiet(&hall, at("08:00:00"), NULL));
    assert_true(zone_is_quiet(&hall, at("18:00:00"), NULL) && zone_is_quiet(&hall, at("07:59:59"), NULL));
    assert_true(zone_is_quiet(&wait, at("12:00:00"), NULL) && zone_is_quiet(&wait, at("14:29:59"), NULL));
    assert_false(zone_is_quiet(&wait, at("14:30:00"), NULL));
    assert_true(slot(&ward, "10:30:00") && slot(&ward, "16:00:00") && !slot(&ward, "10:00:00"));
    assert_true(ward.slots_only);
    assert_true(zone_is_quiet(&clinic, at("12:00:00"), NULL) &&
                !zone_is_quiet(&clinic, at("14:00:00"), NULL));
}

static void quiet_hours_end_where_the_window_ends(void **state)
{
    (void)state;
    struct zone hall = zone("hall");
    int64_t end = 0;
    assert_true(zone_is_quiet(&hall, at("23:00:00"), &end));
    assert_int_equal(end, at("08:00:00") + DAY_MS);
    assert_true(zone_is_quiet(&hall, at("02:00:00"), &end));
    assert_int_equal(end, at("08:00:00"));
}

static void what_would_run_into_quiet_hours_counts_as_quiet(void **state)
{
    (void)state;
    struct zone hall = zone("hall");
    assert_true(zone_is_quiet_within(&hall, at("17:59:40"), 30 * SECOND_MS));
    assert_false(zone_is_quiet_within(&hall, at("17:59:20"), 30 * SECOND_MS));
}

static void own_settings_replace_single_values(void **state)
{
    (void)state;
    struct zone z;
    struct reason why;
    const char *slots[] = {"10:15", "13:30-15:30"}, *quiet[] = {"none"}, *days[] = {"weekday"};
    struct day_window night = {19 * 60, 8 * 60};
    struct zone_settings c = {.id = "z",
                              .class_name = "hall",
                              .slots = {slots, 2},
                              .quiet = {quiet, 1},
                              .days = {days, 1},
                              .night = {&night, 1},
                              .seconds_an_hour = 30,
                              .volume_day = 90,
                              .volume_night = 40};
    assert_int_equal(zone_init(&z, &c, &why), RELAY_OK);
    assert_int_equal(slot_marks_count(&z.slots), 4);
    assert_false(zone_is_quiet(&z, at("03:00:00"), NULL));
    assert_false(zone_has_slot(&z, civil_minute(at("10:15:00")), DAY_HOLIDAY));
    assert_int_equal(zone_volume(&z, at("07:59:59")), 40);
    assert_int_equal(zone_volume(&z, at("08:00:00")), 90);
    assert_int_equal(z.ms_an_hour, 30 * SECOND_MS);
}

static void wrong_settings_are_refused_with_the_zone_and_the_value(void **state)
{
    (void)state;
    struct zone z;
    struct reason why;
    const char *bad_slot[] = {"25:00"}, *bad_quiet[] = {"8-9"}, *bad_day[] = {"sunday"},
               *slot_in_icu[] = {"09:00"};
    struct zone_settings c = {.id = "z9", .class_name = "lobby", .seconds_an_hour = -1};
    assert_int_equal(zone_init(&z, &c, &why), RELAY_INVALID);
    assert_non_null(strstr(why.text, "lobby"));
    c.class_name = "hall";
    c.slots = (struct opt_strs){bad_slot, 1};
    assert_int_equal(zone_init(&z, &c, &why), RELAY_INVALID);
    assert_non_null(strstr(why.text, "25:00"));
    c.slots = (struct opt_strs){0};
    c.quiet = (struct opt_strs){bad_quiet, 1};
    assert_int_equal(zone_init(&z, &c, &why), RELAY_INVALID);
    c.quiet = (struct opt_strs){0};
    c.days = (struct opt_strs){bad_day, 1};
    assert_int_equal(zone_init(&z, &c, &why), RELAY_INVALID);
    c.days = (struct opt_strs){0};
    c.class_name = "icu";
    c.slots = (struct opt_strs){slot_in_icu, 1};
    assert_int_equal(zone_init(&z, &c, &why), RELAY_INVALID);
    assert_non_null(strstr(why.text, "icu"));
}

static void a_silent_class_cannot_be_opened_by_settings(void **state)
{
    (void)state;
    struct zone z;
    struct reason why;
    const char *none[] = {"none"};
    struct zone_settings c = {.id = "z", .class_name = "icu", .quiet = {none, 1}, .seconds_an_hour = 500};
    assert_int_equal(zone_init(&z, &c, &why), RELAY_OK);
    assert_true(z.silent);
    assert_true(zone_is_quiet(&z, at("12:00:00"), NULL));
}

static void a_zone_answers_to_itself_its_groups_and_all(void **state)
{
    (void)state;
    struct zone z = zone("hall");
    const char *groups[] = {"ground-floor"};
    z.groups = (struct opt_strs){groups, 1};
    assert_true(zone_answers_to(&z, "z") && zone_answers_to(&z, "ground-floor") &&
                zone_answers_to(&z, "all"));
    assert_false(zone_answers_to(&z, "first-floor"));
}

static void relay_and_player_know_the_same_classes(void **state)
{
    (void)state;
    size_t n = 0;
    for (const struct zone_class *c = zone_classes; c->name; c++, n++) assert_true(zone_class_known(c->name));
    for (size_t i = 0; zone_class_names[i]; i++) {
        const struct zone_class *c = zone_class_find(zone_class_names[i]);
        assert_non_null(c);
        assert_int_equal(zone_class_silent(c->name), c->silent);
    }
    assert_null(zone_class_names[n]);
    assert_false(zone_class_known("lobby"));
}

int main(void)
{
    assert_int_equal(clock_set_zone("Asia/Shanghai", NULL), RELAY_OK);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_class_has_its_hours),
        cmocka_unit_test(slots_and_quiet_hours_follow_the_table),
        cmocka_unit_test(quiet_hours_end_where_the_window_ends),
        cmocka_unit_test(what_would_run_into_quiet_hours_counts_as_quiet),
        cmocka_unit_test(own_settings_replace_single_values),
        cmocka_unit_test(wrong_settings_are_refused_with_the_zone_and_the_value),
        cmocka_unit_test(a_silent_class_cannot_be_opened_by_settings),
        cmocka_unit_test(relay_and_player_know_the_same_classes),
        cmocka_unit_test(a_zone_answers_to_itself_its_groups_and_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
