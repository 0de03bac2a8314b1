/* Who speaks, who waits, who gives way. */
#include "unit.h"

#include "player/queue.h"

struct scene {
    struct zone_queue q;
    struct conditions c;
    struct queue_item items[8];
    int n;
};

static void scene(struct scene *s)
{
    *s = (struct scene){.c = {.now = {.wall = 1, .mono = 1000000},
                              .clock_trusted = true,
                              .until_quiet_ms = INT64_MAX,
                              .free_since = 0,
                              .room_ms = 90000,
                              .busy_gap_ms = 3000,
                              .grace_ms = 120000}};
}

static struct queue_item *item(struct scene *s, enum item_kind kind, enum priority p)
{
    struct queue_item *i = &s->items[s->n++];
    *i = (struct queue_item){.order = (uint64_t)s->n,
                             .kind = kind,
                             .priority = p,
                             .state = ITEM_WAITING,
                             .expires = INT64_MAX,
                             .give_up = INT64_MAX,
                             .length_ms = 20000,
                             .resumes = kind == ITEM_ANNOUNCE,
                             .added = s->c.now.mono};
    assert_int_equal(queue_add(&s->q, i), RELAY_OK);
    return i;
}

static void expect(struct scene *s, enum queue_act act, const struct queue_item *which, enum why why)
{
    struct queue_verdict v = queue_decide(&s->q, &s->c);
    assert_int_equal(v.act, act);
    if (act == QUEUE_NOTHING) return;
    assert_ptr_equal(v.item, which);
    if (act != QUEUE_START) assert_string_equal(why_code(v.why), why_code(why));
}

static void the_graver_goes_first_and_of_equals_the_first_come(void **state)
{
    (void)state;
    struct scene s;
    scene(&s);
    struct queue_item *slot = item(&s, ITEM_SLOT, PRIORITY_SLOT),
                      *a = item(&s, ITEM_ANNOUNCE, PRIORITY_ANNOUNCE),
                      *b = item(&s, ITEM_ANNOUNCE, PRIORITY_ANNOUNCE);
    expect(&s, QUEUE_START, a, 0);
    expect(&s, QUEUE_WAITS, b, WHY_HIGHER);
    expect(&s, QUEUE_WAITS, slot, WHY_HIGHER);
    expect(&s, QUEUE_NOTHING, NULL, 0);
    queue_remove(&s.q, a);
    expect(&s, QUEUE_START, b, 0);
}

static void a_graver_item_takes_the_loudspeaker_and_a_slot_is_then_dropped(void **state)
{
    (void)state;
    struct scene s;
    scene(&s);
    struct queue_item *slot = item(&s, ITEM_SLOT, PRIORITY_SLOT);
    expect(&s, QUEUE_START, slot, 0);
    struct queue_item *a = item(&s, ITEM_ANNOUNCE, PRIORITY_ANNOUNCE);
    expect(&s, QUEUE_STOP, slot, WHY_HIGHER);
    expect(&s, QUEUE_WAITS, a, WHY_HIGHER); /* until it is silent */
    expect(&s, QUEUE_NOTHING, NULL, 0);
    assert_false(queue_stopped(slot));
    queue_remove(&s.q, slot);
    expect(&s, QUEUE_START, a, 0);
}

static void fire_silences_an_announcement_which_begins_again_afterwards(void **state)
{
    (void)state;
    struct scene s;
    scene(&s);
    struct queue_item *a = item(&s, ITEM_ANNOUNCE, PRIORITY_ANNOUNCE);
    expect(&s, QUEUE_START, a, 0);
    s.c.hold = PRIORITY_FIRE;
    expect(&s, QUEUE_STOP, a, WHY_HOLD);
    assert_true(queue_stopped(a));
    expect(&s, QUEUE_NOTHING, NULL, 0);
    s.c.hold = PRIORITY_NONE;
    expect(&s, QUEUE_START, a, 0);
}

static void an_operators_words_wait_for_fire_too(void **state)
{
    (void)state;
    struct scene s;
    scene(&s);
    struct queue_item *say = item(&s, ITEM_SAY, PRIORITY_OPERATOR);
    s.c.hold = PRIORITY_CLINICAL;
    expect(&s, QUEUE_WAITS, say, WHY_HOLD);
    expect(&s, QUEUE_NOTHING, NULL, 0);
}

static void nothing_begins_after_it_expired(void **state)
{
    (void)state;
    struct scene s;
    scene(&s);
    struct queue_item *a = item(&s, ITEM_ANNOUNCE, PRIORITY_ANNOUNCE);
    a->expires = s.c.now.mono;
    expect(&s, QUEUE_SKIP, a, WHY_EXPIRED);
}

static void a_slot_gives_up_after_its_grace_and_says_what_kept_it(void **state)
{
    (void)state;
    struct scene s;
    scene(&s);
    struct queue_item *slot = item(&s, ITEM_SLOT, PRIORITY_SLOT);
    slot->give_up = s.c.now.mono + 120000;
    s.c.hold = PRIORITY_FIRE;
    expect(&s, QUEUE_WAITS, slot, WHY_HOLD);
    s.c.now.mono += 119999;
    expect(&s, QUEUE_NOTHING, NULL, 0);
    assert_int_equal(queue_next_due(&s.q, &s.c), s.c.now.mono + 1);
    s.c.now.mono += 1;
    expect(&s, QUEUE_SKIP, slot, WHY_HOLD);
}

static void queue_calling_is_waited_for_until_a_gap_of_three_seconds(void **state)
{
    (void)state;
    struct scene s;
    scene(&s);
    struct queue_item *slot = item(&s, ITEM_SLOT, PRIORITY_SLOT);
    s.c.busy = true;
    expect(&s, QUEUE_WAITS, slot, WHY_BUSY);
    s.c.busy = false;
    s.c.free_since = s.c.now.mono;
    s.c.now.mono += 2999;
    expect(&s, QUEUE_NOTHING, NULL, 0);
    assert_int_equal(queue_next_due(&s.q, &s.c), s.c.now.mono + 1);
    s.c.now.mono += 1;
    expect(&s, QUEUE_START, slot, 0);
    s.c.busy = true;
    expect(&s, QUEUE_STOP, slot, WHY_BUSY);
}

static void an_announcement_that_never_finds_a_gap_is_skipped_as_busy(void **state)
{
    (void)state;
    struct scene s;
    scene(&s);
    struct queue_item *a = item(&s, ITEM_ANNOUNCE, PRIORITY_ANNOUNCE);
    s.c.busy = true;
    expect(&s, QUEUE_WAITS, a, WHY_BUSY);
    s.c.now.mono += 119999;
    expect(&s, QUEUE_NOTHING, NULL, 0);
    s.c.now.mono += 1;
    expect(&s, QUEUE_SKIP, a, WHY_BUSY);
}

static void a_mute_ends_what_plays_and_what_waits(void **state)
{
    (void)state;
    struct scene s;
    scene(&s);
    struct queue_item *a = item(&s, ITEM_ANNOUNCE, PRIORITY_ANNOUNCE);
    expect(&s, QUEUE_START, a, 0);
    struct queue_item *b = item(&s, ITEM_ANNOUNCE, PRIORITY_ANNOUNCE);
    s.c.muted = true;
    expect(&s, QUEUE_STOP, a, WHY_MUTED);
    assert_false(queue_stopped(a));
    expect(&s, QUEUE_SKIP, b, WHY_MUTED);
}

static void quiet_hours_keep_announcements_back_and_skip_the_rest(void **state)
{
    (void)state;
    struct scene s;
    scene(&s);
    s.c.quiet = true;
    struct queue_item *a = item(&s, ITEM_ANNOUNCE, PRIORITY_ANNOUNCE),
                      *say = item(&s, ITEM_SAY, PRIORITY_OPERATOR);
    expect(&s, QUEUE_SKIP, say, WHY_QUIET_HOURS);
    queue_remove(&s.q, say);
    expect(&s, QUEUE_KEEP_BACK, a, WHY_QUIET_HOURS);
    s.c.overridden = true;
    expect(&s, QUEUE_START, a, 0);
}

static void what_would_run_into_quiet_hours_does_not_begin(void **state)
{
    (void)state;
    struct scene s;
    scene(&s);
    struct queue_item *slot = item(&s, ITEM_SLOT, PRIORITY_SLOT);
    s.c.until_quiet_ms = 19999;
    expect(&s, QUEUE_SKIP, slot, WHY_QUIET_HOURS);
    s.c.until_quiet_ms = 20000;
    expect(&s, QUEUE_START, slot, 0);
}

static void a_full_hour_makes_an_announcement_wait_and_lesser_ones_behind_it(void **state)
{
    (void)state;
    struct scene s;
    scene(&s);
    struct queue_item *a = item(&s, ITEM_ANNOUNCE, PRIORITY_ANNOUNCE),
                      *slot = item(&s, ITEM_SLOT, PRIORITY_SLOT);
    slot->length_ms = 5000;
    s.c.room_ms = 10000;
    expect(&s, QUEUE_WAITS, a, WHY_HOUR_FULL);
    expect(&s, QUEUE_WAITS, slot, WHY_HIGHER);
    expect(&s, QUEUE_NOTHING, NULL, 0);
    s.c.room_ms = 20000;
    expect(&s, QUEUE_START, a, 0);
}

static void a_graver_item_in_preparation_is_waited_for_but_not_for_ever(void **state)
{
    (void)state;
    struct scene s;
    scene(&s);
    struct queue_item *a = item(&s, ITEM_ANNOUNCE, PRIORITY_ANNOUNCE),
                      *slot = item(&s, ITEM_SLOT, PRIORITY_SLOT);
    a->state = ITEM_PREPARING;
    expect(&s, QUEUE_WAITS, slot, WHY_HIGHER);
    expect(&s, QUEUE_NOTHING, NULL, 0);
    s.c.now.mono += 3000;
    expect(&s, QUEUE_START, slot, 0);
}

static void nothing_speaks_before_the_clock_is_trusted(void **state)
{
    (void)state;
    struct scene s;
    scene(&s);
    struct queue_item *a = item(&s, ITEM_ANNOUNCE, PRIORITY_ANNOUNCE);
    s.c.clock_trusted = false;
    expect(&s, QUEUE_WAITS, a, WHY_CLOCK);
    expect(&s, QUEUE_NOTHING, NULL, 0);
    s.c.clock_trusted = true;
    expect(&s, QUEUE_START, a, 0);
}

static void a_person_stops_what_plays_and_it_does_not_come_back(void **state)
{
    (void)state;
    struct scene s;
    scene(&s);
    assert_null(queue_stop(&s.q, WHY_STOPPED));
    struct queue_item *a = item(&s, ITEM_ANNOUNCE, PRIORITY_ANNOUNCE);
    expect(&s, QUEUE_START, a, 0);
    assert_ptr_equal(queue_stop(&s.q, WHY_STOPPED), a);
    assert_null(queue_stop(&s.q, WHY_STOPPED));
    assert_false(queue_stopped(a));
}

static void a_full_queue_refuses(void **state)
{
    (void)state;
    static struct queue_item many[QUEUE_MAX + 1];
    struct zone_queue q = {0};
    for (int i = 0; i < QUEUE_MAX; i++) assert_int_equal(queue_add(&q, &many[i]), RELAY_OK);
    assert_int_equal(queue_add(&q, &many[QUEUE_MAX]), RELAY_FULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_graver_goes_first_and_of_equals_the_first_come),
        cmocka_unit_test(a_graver_item_takes_the_loudspeaker_and_a_slot_is_then_dropped),
        cmocka_unit_test(fire_silences_an_announcement_which_begins_again_afterwards),
        cmocka_unit_test(an_operators_words_wait_for_fire_too),
        cmocka_unit_test(nothing_begins_after_it_expired),
        cmocka_unit_test(a_slot_gives_up_after_its_grace_and_says_what_kept_it),
        cmocka_unit_test(queue_calling_is_waited_for_until_a_gap_of_three_seconds),
        cmocka_unit_test(an_announcement_that_never_finds_a_gap_is_skipped_as_busy),
        cmocka_unit_test(a_mute_ends_what_plays_and_what_waits),
        cmocka_unit_test(quiet_hours_keep_announcements_back_and_skip_the_rest),
        cmocka_unit_test(what_would_run_into_quiet_hours_does_not_begin),
        cmocka_unit_test(a_full_hour_makes_an_announcement_wait_and_lesser_ones_behind_it),
        cmocka_unit_test(a_graver_item_in_preparation_is_waited_for_but_not_for_ever),
        cmocka_unit_test(nothing_speaks_before_the_clock_is_trusted),
        cmocka_unit_test(a_person_stops_what_plays_and_it_does_not_come_back),
        cmocka_unit_test(a_full_queue_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
