/* delivery.c: the table of moves, read as sentences. */
#include "base/delivery.h"

#include "unit.h"

static const enum delivery_state all[] = {
    DELIVERY_HELD,      DELIVERY_QUEUED,       DELIVERY_SENDING,    DELIVERY_SENT,    DELIVERY_PLAYED,
    DELIVERY_DISPLAYED, DELIVERY_ACKNOWLEDGED, DELIVERY_RETRY,      DELIVERY_EXPIRED, DELIVERY_REJECTED,
    DELIVERY_CANCELLED, DELIVERY_SUPPRESSED,   DELIVERY_UNCONFIRMED};

static void names_go_there_and_back(void **state)
{
    (void)state;
    assert_int_equal(COUNT(all), DELIVERY_STATE_COUNT);
    for (size_t i = 0; i < COUNT(all); i++) {
        enum delivery_state back = DELIVERY_STATE_COUNT;
        assert_true(delivery_state_parse(delivery_state_name(all[i]), &back));
        assert_int_equal(back, all[i]);
    }
    enum delivery_state s = DELIVERY_SENT;
    assert_false(delivery_state_parse("gone", &s));
    assert_int_equal(s, DELIVERY_SENT);
}

static void every_state_can_be_reached_and_every_waiting_one_left(void **state)
{
    (void)state;
    bool reached[DELIVERY_STATE_COUNT] = {[DELIVERY_HELD] = true, [DELIVERY_QUEUED] = true};
    for (size_t i = 0; i < COUNT(all); i++) {
        bool leaves = false;
        for (size_t k = 0; k < COUNT(all); k++) {
            if (!delivery_may_move(all[i], all[k])) continue;
            reached[all[k]] = leaves = true;
        }
        if (delivery_is_waiting(all[i])) assert_true(leaves);
    }
    for (size_t i = 0; i < COUNT(all); i++) assert_true(reached[all[i]]);
}

static void what_waits_can_always_expire_or_be_cancelled(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(all); i++) {
        bool waits = delivery_is_waiting(all[i]);
        assert_int_equal(delivery_may_move(all[i], DELIVERY_EXPIRED), waits);
        assert_int_equal(delivery_may_move(all[i], DELIVERY_CANCELLED), waits);
        if (waits) assert_true(delivery_may_move(all[i], DELIVERY_SUPPRESSED));
        assert_int_equal(
            (waits ? 1 : 0) + (delivery_is_end(all[i]) ? 1 : 0) + (all[i] == DELIVERY_SENT ? 1 : 0), 1);
    }
}

static void nothing_is_sent_that_was_not_committed_as_sending(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(all); i++) {
        bool may = delivery_may_move(all[i], DELIVERY_SENT);
        /* retry: the attempt before was, and arrived after all */
        assert_int_equal(may, all[i] == DELIVERY_SENDING || all[i] == DELIVERY_RETRY);
    }
    assert_false(delivery_may_move(DELIVERY_HELD, DELIVERY_SENDING));
    assert_false(delivery_may_move(DELIVERY_QUEUED, DELIVERY_PLAYED));
}

static void an_end_is_left_only_by_replay(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(all); i++) {
        if (!delivery_is_end(all[i])) continue;
        for (size_t k = 0; k < COUNT(all); k++) {
            bool replayed =
                all[k] == DELIVERY_QUEUED && (all[i] == DELIVERY_REJECTED || all[i] == DELIVERY_SUPPRESSED ||
                                              all[i] == DELIVERY_UNCONFIRMED);
            assert_int_equal(delivery_may_move(all[i], all[k]), replayed);
        }
    }
}

static void a_restart_and_a_failed_playback_lead_to_retry(void **state)
{
    (void)state;
    assert_true(delivery_may_move(DELIVERY_SENDING, DELIVERY_RETRY));
    assert_true(delivery_may_move(DELIVERY_SENT, DELIVERY_RETRY));
    assert_true(delivery_may_move(DELIVERY_SENT, DELIVERY_UNCONFIRMED));
    assert_false(delivery_may_move((enum delivery_state)99, DELIVERY_SENT));
    assert_false(delivery_may_move(DELIVERY_SENT, (enum delivery_state)99));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_go_there_and_back),
        cmocka_unit_test(every_state_can_be_reached_and_every_waiting_one_left),
        cmocka_unit_test(what_waits_can_always_expire_or_be_cancelled),
        cmocka_unit_test(nothing_is_sent_that_was_not_committed_as_sending),
        cmocka_unit_test(an_end_is_left_only_by_replay),
        cmocka_unit_test(a_restart_and_a_failed_playback_lead_to_retry),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
