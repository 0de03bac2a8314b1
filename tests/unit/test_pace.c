#include "relay/pace.h"

#include "unit.h"

static const struct adapter_ops for_people = {.name = "people"},
                                for_programs = {.name = "p", .programs = true};
#define ZERO_HOUR 1795276800000LL /* 2026-11-22 00:00 in Shanghai, a Sunday */

static struct chat_config chat(enum audience audience)
{
    return (struct chat_config){.audience = audience,
                                .adapter = &for_people,
                                .pace = {.a_day = -1,
                                         .a_rule = -1,
                                         .digest_minute = 600,
                                         .digest_day = 1,
                                         .digest_spread = 10 * MINUTE_MS}};
}

static void the_table_is_by_audience_and_level(void **state)
{
    (void)state;
    static const struct {
        enum audience audience;
        enum level level;
        enum certainty certainty;
        enum pace wanted;
    } cases[] = {
        {AUDIENCE_PUBLIC, LEVEL_RED, CERTAINTY_LIKELY, PACE_AT_ONCE},
        {AUDIENCE_PUBLIC, LEVEL_RED, CERTAINTY_POSSIBLE, PACE_APPROVAL},
        {AUDIENCE_PUBLIC, LEVEL_ORANGE, CERTAINTY_OBSERVED, PACE_DAILY},
        {AUDIENCE_VOLUNTEER, LEVEL_YELLOW, CERTAINTY_LIKELY, PACE_WEEKLY},
        {AUDIENCE_PUBLIC, LEVEL_BLUE, CERTAINTY_LIKELY, PACE_NEVER},
        {AUDIENCE_DUTY, LEVEL_RED, CERTAINTY_POSSIBLE, PACE_AT_ONCE},
        {AUDIENCE_DUTY, LEVEL_ORANGE, CERTAINTY_POSSIBLE, PACE_AT_ONCE},
        {AUDIENCE_DUTY, LEVEL_YELLOW, CERTAINTY_LIKELY, PACE_DAILY},
        {AUDIENCE_DUTY, LEVEL_BLUE, CERTAINTY_LIKELY, PACE_NEVER},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct chat_config c = chat(cases[i].audience);
        assert_int_equal(pace_of(&c, cases[i].level, cases[i].certainty), cases[i].wanted);
        c.adapter = &for_programs;
        assert_int_equal(pace_of(&c, cases[i].level, cases[i].certainty), PACE_AT_ONCE);
    }
    struct chat_config own = chat(AUDIENCE_PUBLIC);
    own.pace.orange = PACE_AT_ONCE;
    assert_int_equal(pace_of(&own, LEVEL_ORANGE, CERTAINTY_POSSIBLE), PACE_AT_ONCE);
}

static void digests_are_spread_round_their_hour_and_never_in_the_past(void **state)
{
    (void)state;
    struct chat_config c = chat(AUDIENCE_PUBLIC);
    int64_t first = 0;
    bool differ = false;
    for (int i = 0; i < 200; i++) {
        char id[32];
        (void)snprintf(id, sizeof(id), "wecom:g%d", i);
        int64_t at = pace_digest_at(&c, id, ZERO_HOUR, false);
        assert_in_range(at, ZERO_HOUR + 590 * MINUTE_MS, ZERO_HOUR + 610 * MINUTE_MS);
        assert_int_equal(at, pace_digest_at(&c, id, ZERO_HOUR + HOUR_MS, false)); /* the same all day */
        assert_int_equal(pace_digest_at(&c, id, at, false), at + DAY_MS);
        assert_int_equal(clock_local(pace_digest_at(&c, id, at, true)).weekday, 1);
        if (i == 0) first = at;
        differ = differ || at != first;
    }
    assert_true(differ);
}

static void no_digest_falls_into_quiet_hours(void **state)
{
    (void)state;
    struct chat_config c = chat(AUDIENCE_PUBLIC);
    struct day_window morning = {.from = 9 * 60, .to = 12 * 60}, night = {.from = 1290, .to = 450};
    struct day_window both[] = {morning, night};
    c.quiet = (struct opt_windows){both, 2};
    int64_t at = pace_digest_at(&c, "wecom:a", ZERO_HOUR, false);
    assert_in_range(at, ZERO_HOUR + 12 * HOUR_MS, ZERO_HOUR + 12 * HOUR_MS + 10 * MINUTE_MS);
    at = pace_tomorrow(&c, "wecom:a", ZERO_HOUR + 15 * HOUR_MS);
    assert_in_range(at, ZERO_HOUR + DAY_MS + 450 * MINUTE_MS, ZERO_HOUR + DAY_MS + 460 * MINUTE_MS);
    at = pace_hour_at(&c, "wecom:a", ZERO_HOUR + 15 * HOUR_MS + 1);
    assert_in_range(at, ZERO_HOUR + 16 * HOUR_MS, ZERO_HOUR + 16 * HOUR_MS + 10 * MINUTE_MS);
}

static void the_last_message_of_a_day_is_kept_for_a_digest(void **state)
{
    (void)state;
    struct chat_config c = chat(AUDIENCE_PUBLIC);
    char a[] = "a", b[] = "b", digests[] = "";
    struct told_rule rules[] = {{a, 3}, {b, 2}, {digests, 6}};
    struct told t = {.day = 20261122, .total = 11, .rules = rules, .n = 3};
    assert_false(pace_allows(&c, &t, 20261122, "b"));
    assert_true(pace_allows_digest(&c, &t, 20261122));
    t.total = 12;
    assert_false(pace_allows_digest(&c, &t, 20261122));
    t.total = 5;
    assert_true(pace_allows(&c, &t, 20261122, "b"));
    assert_false(pace_allows(&c, &t, 20261122, "a")); /* its own three */
    assert_true(pace_allows(&c, &t, 20261123, "a"));  /* another day */
    c.pace.a_rule = 0;
    assert_true(pace_allows(&c, &t, 20261122, "a"));
    c.pace.a_day = 1; /* its only message need not be a digest */
    t.total = 0;
    assert_true(pace_allows(&c, &t, 20261122, "a"));
}

static void programs_have_no_limit_unless_they_ask_for_one(void **state)
{
    (void)state;
    struct chat_config c = chat(AUDIENCE_DUTY);
    c.adapter = &for_programs;
    assert_int_equal(pace_a_day(&c), 0);
    assert_int_equal(pace_a_rule(&c), 0);
    c.pace.a_day = 7;
    assert_int_equal(pace_a_day(&c), 7);
}

int main(void)
{
    struct reason why;
    if (clock_set_zone("Asia/Shanghai", &why) != RELAY_OK) return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_is_by_audience_and_level),
        cmocka_unit_test(digests_are_spread_round_their_hour_and_never_in_the_past),
        cmocka_unit_test(no_digest_falls_into_quiet_hours),
        cmocka_unit_test(the_last_message_of_a_day_is_kept_for_a_digest),
        cmocka_unit_test(programs_have_no_limit_unless_they_ask_for_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
