/* House reminders from a calendar, and the programme as one, read back by libical. */
#include "unit.h"

#include <libical/ical.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "player/calendar.h"
#include "player/ical.h"

static struct house_calendar *house(void)
{
    struct house_calendar *c = NULL;
    struct reason why;
    if (house_calendar_load(TOCSIN_SOURCE_DIR "/tests/pa/data/house.ics", &c, &why) != RELAY_OK)
        fail_msg("%s", why.text);
    return c;
}

static int64_t at(int month, int day, int hour, int minute)
{
    return civil_day(2026, month, day) * MINUTES_A_DAY + hour * 60 + minute;
}

static void an_entry_is_said_while_it_lasts_on_the_days_of_its_rule(void **state)
{
    (void)state;
    struct house_calendar *c = house();
    struct house_entry *visits = house_calendar_at(c, 0);
    assert_string_equal(visits->text, "现在是探视时间,请到护士站登记。 下午五点结束。");
    assert_true(house_entry_says(visits, at(11, 23, 15, 0)));
    assert_true(house_entry_says(visits, at(11, 23, 16, 59)));
    assert_false(house_entry_says(visits, at(11, 23, 17, 0)));
    assert_false(house_entry_says(visits, at(11, 23, 14, 59)));
    assert_false(house_entry_says(visits, at(11, 24, 15, 0))); /* a Tuesday */
    assert_false(house_entry_says(visits, at(11, 27, 15, 0))); /* taken out */
    assert_true(house_entry_says(visits, at(11, 30, 15, 0)));
    house_calendar_free(c);
}

static void a_moved_occurrence_is_said_at_its_new_time_only(void **state)
{
    (void)state;
    struct house_calendar *c = house();
    struct house_entry *visits = house_calendar_at(c, 0), *moved = house_calendar_at(c, 1);
    assert_false(house_entry_says(visits, at(11, 25, 15, 0)));
    assert_true(house_entry_says(moved, at(11, 25, 10, 0)));
    assert_false(house_entry_says(moved, at(11, 25, 15, 0)));
    assert_string_not_equal(visits->id, moved->id);
    house_calendar_free(c);
}

static void times_of_other_zones_and_whole_days_are_understood(void **state)
{
    (void)state;
    struct house_calendar *c = house();
    assert_int_equal(house_calendar_count(c), 4); /* the cancelled one is not there */
    struct house_entry *vaccines = house_calendar_at(c, 2), *water = house_calendar_at(c, 3);
    assert_true(house_entry_says(vaccines, at(11, 24, 8, 0))); /* midnight in UTC */
    assert_false(house_entry_says(vaccines, at(11, 24, 10, 0)));
    assert_true(house_entry_says(water, at(11, 23, 0, 0)));
    assert_true(house_entry_says(water, at(11, 23, 23, 59)));
    assert_false(house_entry_says(water, at(11, 24, 0, 0)));
    assert_false(house_entry_says(water, at(11, 22, 23, 59)));
    house_calendar_free(c);
}

static void places_are_split_at_every_kind_of_comma(void **state)
{
    (void)state;
    struct house_calendar *c = house();
    const struct house_entry *visits = house_calendar_at(c, 0);
    assert_int_equal(visits->n_places, 2);
    assert_string_equal(visits->places[0], "三病区");
    assert_string_equal(visits->places[1], "门诊大厅");
    assert_int_equal(house_calendar_at(c, 2)->n_places, 0);
    house_calendar_free(c);
}

static void a_calendar_that_cannot_be_understood_is_refused_by_name(void **state)
{
    static const struct {
        const char *body, *word;
    } bad[] = {
        {"no calendar at all", "no calendar"},
        {"BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:a\nDTSTART:20261123T090000\nEND:VEVENT\nEND:VCALENDAR\n",
         "SUMMARY"},
        {"BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:a\nSUMMARY:x\nEND:VEVENT\nEND:VCALENDAR\n", "DTSTART"},
        {"BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:20261123T090000\nSUMMARY:x\nEND:VEVENT\nEND:VCALENDAR\n",
         "UID"},
        {"BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:rule\nDTSTART:20261123T090000\nRRULE:FREQ=DAILY;BYHOUR="
         "99\nSUMMARY:x\n"
         "END:VEVENT\nEND:VCALENDAR\n",
         "entry rule"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        char path[] = "/tmp/test_ical.XXXXXX";
        int fd = mkstemp(path);
        assert_true(fd >= 0);
        assert_int_equal(write(fd, bad[i].body, strlen(bad[i].body)), strlen(bad[i].body));
        (void)close(fd);
        struct house_calendar *c = NULL;
        struct reason why = {0};
        assert_int_equal(house_calendar_load(path, &c, &why), RELAY_INVALID);
        assert_non_null(strstr(why.text, path));
        if (!strstr(why.text, bad[i].word)) fail_msg("%s: %s", bad[i].word, why.text);
        (void)unlink(path);
    }
}

static void every_slot_is_an_entry_and_the_silent_one_says_why(void **state)
{
    (void)state;
    static const char day[] =
        "{\"date\":\"2026-11-23\",\"slots\":["
        "{\"zone\":\"hall\",\"name\":\"门诊大厅\",\"minute\":\"2026-11-23T09:00\",\"sounds\":true,\"length_"
        "ms\":12400,"
        "\"items\":[{\"id\":\"valuables\",\"text\":\"请看管好您的随身物品；谢谢。\",\"sounds\":true},"
        "{\"id\":\"a-1\",\"text\":\"x\",\"sounds\":false,\"why_text\":\"said often enough today\"}]},"
        "{\"zone\":\"w3\",\"name\":\"三病区\",\"minute\":\"2026-11-23T10:30\",\"sounds\":false,\"why_text\":"
        "\"nothing to "
        "say\",\"items\":[]}]}";
    struct json_limits limits = {.max_bytes = 65536, .max_depth = 8};
    CLEANUP(json_free_ptr) cJSON *j = NULL;
    CLEANUP(buf_release) struct buf b = BUF_INIT(65536);
    struct reason why;
    assert_int_equal(json_parse(day, strlen(day), &limits, &j, &why), RELAY_OK);
    assert_int_equal(ical_programme(j, "xjtu-1", NULL, 1795312800000, &b, &why), RELAY_OK);
    icalcomponent *root = icalparser_parse_string(buf_cstr(&b));
    assert_non_null(root);
    assert_int_equal(icalcomponent_count_errors(root), 0);
    assert_true(icalrestriction_check(root));
    assert_int_equal(icalcomponent_count_components(root, ICAL_VEVENT_COMPONENT), 2);
    icalcomponent *e = icalcomponent_get_first_component(root, ICAL_VEVENT_COMPONENT);
    assert_string_equal(icalcomponent_get_summary(e), "门诊大厅: 请看管好您的随身物品；谢谢。");
    assert_non_null(strstr(icalcomponent_get_description(e), "said often enough today"));
    assert_int_equal(icalcomponent_get_status(e), ICAL_STATUS_CONFIRMED);
    struct icaltimetype begin = icalcomponent_get_dtstart(e), end = icalcomponent_get_dtend(e);
    assert_int_equal(begin.hour, 9);
    assert_int_equal(end.second, 13);
    e = icalcomponent_get_next_component(root, ICAL_VEVENT_COMPONENT);
    assert_int_equal(icalcomponent_get_status(e), ICAL_STATUS_CANCELLED);
    assert_non_null(strstr(icalcomponent_get_summary(e), "nothing to say"));
    icalcomponent_free(root);

    buf_clear(&b);
    assert_int_equal(ical_programme(j, "xjtu-1", "w3", 1795312800000, &b, &why), RELAY_OK);
    assert_null(strstr(buf_cstr(&b), "UID:slot-2026-11-23T09:00"));
    assert_non_null(strstr(buf_cstr(&b), "UID:slot-2026-11-23T10:30-w3@xjtu-1"));
}

int main(void)
{
    struct reason why;
    if (clock_set_zone("Asia/Shanghai", &why) != RELAY_OK) return 2;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_entry_is_said_while_it_lasts_on_the_days_of_its_rule),
        cmocka_unit_test(a_moved_occurrence_is_said_at_its_new_time_only),
        cmocka_unit_test(times_of_other_zones_and_whole_days_are_understood),
        cmocka_unit_test(places_are_split_at_every_kind_of_comma),
        cmocka_unit_test(a_calendar_that_cannot_be_understood_is_refused_by_name),
        cmocka_unit_test(every_slot_is_an_entry_and_the_silent_one_says_why),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
