/* The numbers of a feed. */
#include "sequence.h"

#include <string.h>

#include "base/mem.h"

#include "unit.h"

static struct sequence s;
static int64_t clock_ms; /* each event is sent a second after the one before */

static int begin(void **state)
{
    (void)state;
    clock_ms = 1000000;
    sequence_load(&s, -1, 0, -1, "");
    return 0;
}

static enum sequence_news comes(int64_t seq)
{
    clock_ms += 1000;
    return sequence_event(&s, seq, clock_ms, true);
}

static enum sequence_news comes_late(int64_t seq, int64_t sent)
{
    return sequence_event(&s, seq, sent, true);
}

static enum sequence_news is_refused(int64_t seq)
{
    clock_ms += 1000;
    return sequence_event(&s, seq, clock_ms, false);
}

static void come(int64_t first, int64_t last)
{
    for (int64_t i = first; i <= last; i++) assert_int_equal(comes(i), SEQUENCE_ON);
}

static void assert_missing(int64_t n, const char *holes)
{
    char text[SEQUENCE_TEXT];
    assert_int_equal(sequence_missing(&s), n);
    assert_string_equal(sequence_holes(&s, text), holes);
}

static void a_hole_is_filled_by_its_own_numbers_only(void **state)
{
    (void)state;
    come(5000, 5001);
    assert_missing(0, ""); /* what was before we listened is nobody's gap */
    comes(5010);
    assert_missing(8, "5002-5009");
    int64_t sent = clock_ms - 500;
    comes_late(5005, sent);
    assert_missing(7, "5002-5004 5006-5009");
    comes_late(5005, sent); /* under another id */
    comes_late(5001, sent);
    comes_late(4999, sent);
    assert_missing(7, "5002-5004 5006-5009");
    comes_late(5002, sent);
    comes_late(5009, sent);
    comes_late(5004, sent);
    assert_missing(4, "5003 5006-5008");
    come(5011, 5012);
    for (int64_t i = 5008; i >= 5003; i--) comes_late(i, sent);
    assert_missing(0, "");
    assert_int_equal(comes(-1), SEQUENCE_ON);
    assert_int_equal(s.now.last, 5012);
}

static void a_count_that_starts_again_a_little_back_is_seen(void **state)
{
    (void)state;
    come(0, 20);
    assert_int_equal(comes(0), SEQUENCE_ANEW);
    comes(2);
    assert_missing(1, "1");
    comes(1);
    come(3, 9);
    assert_int_equal(comes(7), SEQUENCE_ANEW); /* and again */
    come(8, 40);
    assert_missing(0, "");
}

static void what_was_missing_before_is_not_missing_in_the_new_count(void **state)
{
    (void)state;
    come(0, 9);
    comes(20);
    assert_missing(10, "10-19");
    assert_int_equal(comes(3), SEQUENCE_ANEW);
    assert_missing(0, "");
}

static void an_old_number_with_an_old_time_is_only_late(void **state)
{
    (void)state;
    come(5000, 5003);
    assert_int_equal(comes_late(100, clock_ms - 60000), SEQUENCE_ON);
    assert_int_equal(comes_late(5001, clock_ms), SEQUENCE_ON); /* at the time of the newest: not later */
    comes(5005);
    assert_missing(1, "5004");
}

static void late_events_of_the_old_count_make_no_gap_in_the_new_one(void **state)
{
    (void)state;
    come(0, 500);
    int64_t sent = clock_ms;
    assert_int_equal(comes(0), SEQUENCE_ANEW);
    assert_int_equal(comes_late(450, sent - 50000), SEQUENCE_ON);
    comes_late(501, sent); /* the last that it had not sent */
    assert_int_equal(comes(1), SEQUENCE_ON);
    assert_int_equal(comes_late(449, sent - 51000), SEQUENCE_ON);
    comes(2);
    assert_missing(0, "");
    comes(4);
    assert_missing(1, "3");
}

static void one_wrong_number_hides_no_gap(void **state)
{
    (void)state;
    const int64_t wrong[] = {1LL << 53, 3};
    for (size_t i = 0; i < 2; i++) {
        begin(NULL);
        come(5000, 5003);
        assert_int_equal(comes(wrong[i]), SEQUENCE_ANEW);
        assert_int_equal(comes(5005), SEQUENCE_ON);
        assert_missing(1, "5004");
    }
    assert_int_equal(is_refused(1LL << 53), SEQUENCE_ON);
    assert_missing(1, "5004");
}

static void two_programs_under_one_feed_keep_their_own_gaps(void **state)
{
    (void)state;
    come(9000, 9010);
    assert_int_equal(comes(100), SEQUENCE_ANEW);
    for (int64_t i = 1; i < 10; i++) {
        assert_int_equal(comes(9010 + i), SEQUENCE_ON);
        assert_missing(0, "");
        assert_int_equal(comes(100 + i), SEQUENCE_ON);
        assert_missing(0, "");
    }
    comes(9021);
    assert_missing(1, "9020");
}

static void events_that_overtake_one_another_fill_each_others_holes(void **state)
{
    (void)state;
    come(0, 0);
    for (int64_t i = 1; i < 100; i += 2) {
        comes(i + 1);
        comes(i); /* also with a later time */
    }
    assert_missing(0, "");
    /* In both of two counts. */
    begin(NULL);
    come(9000, 9010);
    assert_int_equal(comes(100), SEQUENCE_ANEW);
    for (int64_t i = 1; i < 20; i += 2) {
        int64_t sent = clock_ms;
        comes(9011 + i);
        comes(101 + i);
        comes_late(9010 + i, sent);
        comes_late(100 + i, sent);
    }
    comes(9031);
    assert_missing(0, "");
    comes(121);
    assert_missing(0, "");
}

static void whatever_is_lost_or_late_the_number_of_the_missing_is_right(void **state)
{
    (void)state;
    enum { N = 300, LATEST = 8 };
    for (unsigned seed = 1; seed <= 200; seed++) {
        unsigned random = seed;
        int64_t newest = -1, seen = 0;
        bool came[N] = {false};
        begin(NULL);
        for (int64_t step = 0; step < N + LATEST; step++) {
            for (int64_t i = 0; i < N; i++) { /* each comes at a step of its own, some never and some twice */
                random = random * 1103515245 + 12345;
                unsigned dice = seed * 2654435761U ^ (unsigned)i * 40503U;
                dice ^= dice >> 13;
                int64_t when = i + (i == 0 || dice % 4 ? 0 : dice / 7 % LATEST);
                if (dice % 31 == 0 && i > 0) continue;
                bool again = i > 0 && random % 500 == 0 && came[i];
                if (when != step && !again) continue;
                assert_int_equal(sequence_event(&s, i, 1000 + i, true), SEQUENCE_ON);
                seen += !came[i];
                came[i] = true;
                if (i > newest) newest = i;
                assert_int_equal(sequence_missing(&s), newest + 1 - seen);
            }
        }
    }
}

static void what_was_refused_has_come_and_may_come_again(void **state)
{
    (void)state;
    come(10, 12);
    is_refused(13);
    assert_missing(0, "");
    is_refused(15);
    is_refused(14);
    assert_missing(0, "");
    come(16, 18);
    for (int64_t i = 13; i < 16; i++) assert_int_equal(comes(i), SEQUENCE_ON); /* mended, with a new time */
    come(19, 20);
    assert_missing(0, "");
    assert_int_equal(comes(13), SEQUENCE_ANEW); /* once, not for ever */
}

static void a_heartbeat_is_ahead_of_what_still_waits(void **state)
{
    (void)state;
    assert_false(sequence_told(&s, 7)); /* whether they were before our time nobody knows */
    come(0, 90);
    assert_true(sequence_told(&s, 100));
    assert_missing(0, "");
    come(91, 95);
    assert_true(sequence_waits(&s));
    sequence_await(&s);
    assert_missing(5, "");
    assert_false(sequence_told(&s, 100)); /* said once */
    comes(98);
    assert_missing(4, "96-97");
    come(99, 100);
    assert_missing(2, "96-97");
    assert_false(sequence_told(&s, 100));
    assert_false(sequence_told(&s, 0));
    assert_false(sequence_told(&s, INT64_MAX)); /* no gap is as wide */
    sequence_await(&s);
    assert_missing(2, "96-97");
}

static void a_heartbeat_that_takes_back_its_word_heals_the_gap(void **state)
{
    (void)state;
    come(0, 90);
    assert_true(sequence_told(&s, 1000));
    sequence_await(&s);
    assert_missing(910, "");
    assert_false(sequence_told(&s, 90));
    assert_missing(0, "");
}

static void the_store_gives_back_what_it_was_given(void **state)
{
    (void)state;
    come(0, 3);
    comes(5);
    comes(9);
    char text[SEQUENCE_TEXT];
    sequence_holes(&s, text);
    assert_string_equal(text, "4 6-8");
    struct sequence t;
    sequence_load(&t, s.now.last, s.now.at, 12, text);
    assert_int_equal(sequence_missing(&t), 4);
    assert_true(sequence_waits(&t));
    assert_memory_equal(&t.now, &s.now, sizeof(t.now));
    const char *bad[] = {"x", "4-", "-", "+", "4 4", "9", "8-6"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        sequence_load(&t, 9, 0, -1, bad[i]);
        assert_in_range(sequence_missing(&t), 0, 1);
    }
}

static void more_holes_than_there_is_room_for_are_still_counted(void **state)
{
    (void)state;
    int64_t sent = clock_ms;
    for (int64_t i = 0; i <= 200; i += 2) comes(i);
    assert_int_equal(sequence_missing(&s), 100);
    char text[SEQUENCE_TEXT];
    struct sequence t;
    sequence_load(&t, s.now.last, s.now.at, -1, sequence_holes(&s, text));
    assert_int_equal(sequence_missing(&t), 100);
    for (int64_t i = 199; i > 0; i -= 2) comes_late(i, sent);
    assert_missing(0, "");
    /* A wide one that is filled from within. */
    begin(NULL);
    comes(0);
    comes(1001);
    sent = clock_ms;
    for (int64_t i = 2; i < 1000; i += 2) comes_late(i, sent);
    assert_int_equal(sequence_missing(&s), 501);
    for (int64_t i = 1; i <= 999; i += 2) comes_late(i, sent);
    comes_late(1000, sent);
    assert_missing(0, "");
}

static void its_text_has_room_for_the_longest_numbers(void **state)
{
    (void)state;
    int64_t first = (1LL << 53) - 1000;
    comes(first);
    for (int64_t i = 1; i < 200; i++) comes(first + i * 3);
    char text[SEQUENCE_TEXT];
    assert_in_range(strlen(sequence_holes(&s, text)), SEQUENCE_RANGES * 33, SEQUENCE_TEXT - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_hole_is_filled_by_its_own_numbers_only, begin),
        cmocka_unit_test_setup(a_count_that_starts_again_a_little_back_is_seen, begin),
        cmocka_unit_test_setup(what_was_missing_before_is_not_missing_in_the_new_count, begin),
        cmocka_unit_test_setup(an_old_number_with_an_old_time_is_only_late, begin),
        cmocka_unit_test_setup(late_events_of_the_old_count_make_no_gap_in_the_new_one, begin),
        cmocka_unit_test_setup(one_wrong_number_hides_no_gap, begin),
        cmocka_unit_test_setup(two_programs_under_one_feed_keep_their_own_gaps, begin),
        cmocka_unit_test_setup(events_that_overtake_one_another_fill_each_others_holes, begin),
        cmocka_unit_test(whatever_is_lost_or_late_the_number_of_the_missing_is_right),
        cmocka_unit_test_setup(what_was_refused_has_come_and_may_come_again, begin),
        cmocka_unit_test_setup(a_heartbeat_is_ahead_of_what_still_waits, begin),
        cmocka_unit_test_setup(a_heartbeat_that_takes_back_its_word_heals_the_gap, begin),
        cmocka_unit_test_setup(the_store_gives_back_what_it_was_given, begin),
        cmocka_unit_test_setup(more_holes_than_there_is_room_for_are_still_counted, begin),
        cmocka_unit_test_setup(its_text_has_room_for_the_longest_numbers, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
