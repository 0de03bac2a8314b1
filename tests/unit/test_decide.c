/* Rule, fingerprint, threshold, certainty, holds. */
#include "decide.h"

#include "unit.h"

static const struct rule orange = {.id = "b_orange",
                                   .status = RULE_STABLE,
                                   .level = LEVEL_ORANGE,
                                   .category = "medins_phishing_sms",
                                   .threshold_count = 20,
                                   .threshold_within_ms = 2 * HOUR_MS,
                                   .threshold_feeds = 1,
                                   .expires_ms = 72 * HOUR_MS};
static const struct rule red = {.id = "z_red",
                                .status = RULE_STABLE,
                                .level = LEVEL_RED,
                                .category = "medins_safe_account",
                                .threshold_count = 3,
                                .threshold_within_ms = 2 * HOUR_MS,
                                .threshold_feeds = 1,
                                .expires_ms = 24 * HOUR_MS};
static const struct rule red_first = {.id = "a_red", .status = RULE_STABLE, .level = LEVEL_RED};
static const struct rule red_test = {.id = "a_test", .status = RULE_TEST, .level = LEVEL_RED};

static void the_highest_level_then_the_lowest_id_makes_the_alert(void **state)
{
    (void)state;
    struct rule_hit hits[] = {{.rule = &orange, .verdict = MATCH},
                              {.rule = &red, .verdict = MATCH},
                              {.rule = &red_first, .verdict = MATCH}};
    assert_ptr_equal(decide_rule(hits, 2), &red);
    assert_ptr_equal(decide_rule(hits, 3), &red_first);
    assert_null(decide_rule(hits, 0));
}

static void what_a_rule_says_goes_before_what_a_text_is_only_like(void **state)
{
    (void)state;
    struct rule_hit hits[] = {{.rule = &red_first, .verdict = MATCH, .only_like = true},
                              {.rule = &orange, .verdict = MATCH},
                              {.rule = &red, .verdict = MATCH, .only_like = true}};
    assert_ptr_equal(decide_rule(hits, 3), &orange);
    hits[1].verdict = NO_MATCH;
    assert_ptr_equal(decide_rule(hits, 3), &red_first);
}

static void an_unsure_match_makes_no_alert(void **state)
{
    (void)state;
    struct rule_hit hits[] = {{.rule = &red, .verdict = UNSURE}, {.rule = &orange, .verdict = MATCH}};
    assert_ptr_equal(decide_rule(hits, 2), &orange);
    assert_null(decide_rule(hits, 1));
}

static void a_rule_in_test_never_takes_the_alert_from_a_stable_one(void **state)
{
    (void)state;
    struct rule_hit hits[] = {{.rule = &red_test, .verdict = MATCH}, {.rule = &orange, .verdict = MATCH}};
    assert_ptr_equal(decide_rule(hits, 2), &orange);
    assert_ptr_equal(decide_rule(hits, 1), &red_test);
}

static void a_rule_in_test_makes_exercises_only(void **state)
{
    (void)state;
    struct event e = {.status = STATUS_ACTUAL};
    assert_int_equal(decide_status(&red_test, &e), STATUS_EXERCISE);
    assert_int_equal(decide_status(&red, &e), STATUS_ACTUAL);
    e.status = STATUS_TEST;
    assert_int_equal(decide_status(&red_test, &e), STATUS_TEST);
}

static void expiry_is_the_sooner_of_the_events_and_the_rules(void **state)
{
    (void)state;
    struct event e = {.sent_at = 1000000, .observed_at = 900000, .expires_at = INT64_MAX};
    assert_int_equal(decide_expiry(&red, &e), 900000 + 24 * HOUR_MS);
    e.expires_at = 2000000;
    assert_int_equal(decide_expiry(&red, &e), 2000000);
    e.observed_at = -24 * HOUR_MS; /* the first second of 1970 is a time like any other */
    assert_int_equal(decide_expiry(&red, &e), 0);
    e.observed_at = e.expires_at = 0;
    assert_int_equal(decide_expiry(&red, &e), 0);
}

/* Sigma's event_count and value_count: everything that the rule asks for, of one value; a second feed alone is not enough. */
static void a_rule_that_correlates_needs_all_it_asks_for_of_one_value(void **state)
{
    (void)state;
    struct rule r = red;
    r.threshold_same = SAME_NUMBER;
    r.threshold_victims = 2;
    r.threshold_feeds = 2;
    static const struct {
        struct tally same;
        enum decision what;
        enum certainty certainty;
    } cases[] = {{{3, 2, 1, 2}, DECIDE_ALERT, CERTAINTY_LIKELY},
                 {{2, 2, 2, 2}, DECIDE_CANDIDATE, CERTAINTY_LIKELY},
                 {{3, 1, 1, 2}, DECIDE_CANDIDATE, CERTAINTY_POSSIBLE},
                 {{3, 2, 2, 1}, DECIDE_CANDIDATE, CERTAINTY_LIKELY},
                 {{3, 2, 0, 2}, DECIDE_CANDIDATE, CERTAINTY_LIKELY},
                 {{0, 0, 0, 0}, DECIDE_CANDIDATE, CERTAINTY_POSSIBLE}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        /* The whole group has far more than enough, which is of other values. */
        struct group_state g = {.count = 500, .feeds = 5, .verified_feeds = 5, .same = cases[i].same};
        struct judgement j = decide_group(&r, &g, NULL, false);
        if (j.what != cases[i].what || j.certainty != cases[i].certainty) fail_msg("case %zu", i);
    }
    struct group_state g = {.count = 1};
    assert_int_equal(decide_group(&r, &g, NULL, true).what, DECIDE_ALERT); /* a person needs no count */
    /* With an alert in force: another value counts for it when it has met the rule, and does not make it more certain before. */
    struct alert_row active = {.level = LEVEL_RED, .certainty = CERTAINTY_POSSIBLE};
    g = (struct group_state){.count = 500, .same = {2, 2, 2, 2}};
    assert_int_equal(decide_group(&r, &g, &active, false).what, DECIDE_CANDIDATE);
    g.stands = true;
    assert_int_equal(decide_group(&r, &g, &active, false).what, DECIDE_UPDATE);
    g = (struct group_state){.count = 500, .same = {3, 1, 1, 2}};
    active.certainty = CERTAINTY_LIKELY;
    r.threshold_feeds = 1;
    assert_int_equal(decide_group(&r, &g, &active, false).what, DECIDE_COUNT);
}

static void victims_alone_may_be_counted(void **state)
{
    (void)state;
    struct rule r = red;
    r.threshold_count = 1;
    r.threshold_victims = 3;
    struct group_state g = {.count = 9, .feeds = 2, .verified_feeds = 2, .same = {9, 2, 2, 2}};
    assert_int_equal(decide_group(&r, &g, NULL, false).what, DECIDE_CANDIDATE);
    g.same.victims = 3;
    assert_int_equal(decide_group(&r, &g, NULL, false).what, DECIDE_ALERT);
}

static void the_fingerprint_holds_the_labels_of_group_by(void **state)
{
    (void)state;
    struct event e = {.area = "610113", .kind = KIND_SMS};
    CLEANUP(buf_release) struct buf b = BUF_INIT(256);
    decide_fingerprint(1u << LABEL_RULE | 1u << LABEL_AREA4, &red, &e, "sn-cmcc", "", &b);
    assert_string_equal(buf_cstr(&b), "status=Actual rule=z_red area4=6101");
}

static void below_its_threshold_a_group_is_a_candidate(void **state)
{
    (void)state;
    struct group_state g = {.count = 19, .feeds = 1, .verified_feeds = 1};
    assert_int_equal(decide_group(&orange, &g, NULL, false).what, DECIDE_CANDIDATE);
    g.count = 20;
    struct judgement j = decide_group(&orange, &g, NULL, false);
    assert_int_equal(j.what, DECIDE_ALERT);
    assert_int_equal(j.certainty, CERTAINTY_POSSIBLE);
}

static void a_second_feed_or_five_times_the_threshold_is_likely(void **state)
{
    (void)state;
    struct group_state g = {.count = 2, .feeds = 2, .verified_feeds = 2};
    struct judgement j = decide_group(&orange, &g, NULL, false);
    assert_int_equal(j.what, DECIDE_ALERT);
    assert_int_equal(j.certainty, CERTAINTY_LIKELY);
    g = (struct group_state){.count = 100, .feeds = 1, .verified_feeds = 1};
    assert_int_equal(decide_group(&orange, &g, NULL, false).certainty, CERTAINTY_LIKELY);
}

static void reports_alone_stay_unverified_whatever_their_number(void **state)
{
    (void)state;
    struct group_state g = {.count = 500, .feeds = 1, .verified_feeds = 0};
    assert_int_equal(decide_group(&orange, &g, NULL, false).what, DECIDE_CANDIDATE);
    struct judgement j = decide_group(&orange, &g, NULL, true);
    assert_int_equal(j.what, DECIDE_ALERT);
    assert_int_equal(j.certainty, CERTAINTY_OBSERVED);
}

static void a_higher_count_alone_never_notifies(void **state)
{
    (void)state;
    struct group_state g = {.count = 21, .feeds = 1, .verified_feeds = 1};
    struct alert_row active = {.level = LEVEL_ORANGE, .certainty = CERTAINTY_POSSIBLE};
    assert_int_equal(decide_group(&orange, &g, &active, false).what, DECIDE_COUNT);
    g.count = 100;
    assert_int_equal(decide_group(&orange, &g, &active, false).what, DECIDE_UPDATE);
    active.certainty = CERTAINTY_OBSERVED;
    assert_int_equal(decide_group(&orange, &g, &active, false).what, DECIDE_COUNT);
}

static const struct delivery_facts grave = {.now = 1000,
                                            .expires = 1000000,
                                            .class = TO_SPEECH,
                                            .level = LEVEL_RED,
                                            .certainty = CERTAINTY_LIKELY,
                                            .mode = SITE_LIVE,
                                            .fresh = true};

static void speech_at_once_needs_red_and_likely(void **state)
{
    (void)state;
    struct delivery_facts f = grave;
    assert_int_equal(decide_delivery(&f).state, DELIVERY_QUEUED);
    f.certainty = CERTAINTY_POSSIBLE;
    assert_false(decide_delivery(&f).wanted);
    f = grave;
    f.level = LEVEL_ORANGE;
    assert_false(decide_delivery(&f).wanted);
}

static void what_was_spoken_lately_goes_to_the_bulletin_only(void **state)
{
    (void)state;
    struct delivery_facts f = grave;
    f.spoken_again = true;
    assert_int_equal(decide_delivery(&f).state, DELIVERY_SUPPRESSED);
    f = grave;
    f.spoken_enough = true;
    assert_int_equal(decide_delivery(&f).state, DELIVERY_SUPPRESSED);
    f.class = TO_BULLETIN;
    assert_int_equal(decide_delivery(&f).state, DELIVERY_QUEUED);
}

static void an_old_event_is_neither_spoken_at_once_nor_posted(void **state)
{
    (void)state;
    struct delivery_facts f = grave;
    f.fresh = false;
    assert_int_equal(decide_delivery(&f).state, DELIVERY_SUPPRESSED);
    f.class = TO_CHAT;
    assert_int_equal(decide_delivery(&f).state, DELIVERY_SUPPRESSED);
    f.class = TO_BOARD;
    assert_int_equal(decide_delivery(&f).state, DELIVERY_QUEUED);
}

static void a_guessed_area_waits_for_a_person_before_speech_and_chats(void **state)
{
    (void)state;
    struct delivery_facts f = grave;
    f.needs_person = true;
    f.approval_timeout = 600;
    struct delivery_plan p = decide_delivery(&f);
    assert_int_equal(p.state, DELIVERY_HELD);
    assert_string_equal(p.reason, "approval");
    assert_int_equal(p.due, 1600);
    f.class = TO_BOARD;
    assert_int_equal(decide_delivery(&f).state, DELIVERY_QUEUED);
    f.class = TO_CHAT;
    assert_int_equal(decide_delivery(&f).state, DELIVERY_HELD);
    f.approved = true;
    assert_int_equal(decide_delivery(&f).state, DELIVERY_QUEUED);
}

static void an_unanswered_approval_ends_at_bulletin_and_screens(void **state)
{
    (void)state;
    assert_int_equal(decide_approval_over(TO_BULLETIN, 5, 10).state, DELIVERY_QUEUED);
    assert_int_equal(decide_approval_over(TO_BOARD, 5, 10).state, DELIVERY_QUEUED);
    assert_int_equal(decide_approval_over(TO_SPEECH, 5, 10).state, DELIVERY_SUPPRESSED);
    assert_int_equal(decide_approval_over(TO_CHAT, 5, 10).state, DELIVERY_HELD);
}

static void a_site_in_trial_sends_to_duty_chats_only(void **state)
{
    (void)state;
    struct delivery_facts f = grave;
    f.mode = SITE_TRIAL;
    struct delivery_plan p = decide_delivery(&f);
    assert_int_equal(p.state, DELIVERY_HELD);
    assert_string_equal(p.reason, "trial");
    f.class = TO_BOARD;
    assert_int_equal(decide_delivery(&f).state, DELIVERY_HELD);
    f.mode = SITE_SCREENS;
    assert_int_equal(decide_delivery(&f).state, DELIVERY_QUEUED);
    f.class = TO_CHAT;
    f.audience = AUDIENCE_PUBLIC;
    assert_int_equal(decide_delivery(&f).state, DELIVERY_HELD);
    f.audience = AUDIENCE_DUTY;
    assert_int_equal(decide_delivery(&f).state, DELIVERY_QUEUED);
}

static void what_a_trial_holds_keeps_the_approval_it_needs(void **state)
{
    (void)state;
    struct delivery_facts f = grave;
    f.mode = SITE_TRIAL;
    f.class = TO_BOARD;
    f.approve = APPROVE_ONE;
    assert_string_equal(decide_delivery(&f).reason, "trial, then approval");
    f.class = TO_BULLETIN;
    f.approve = APPROVE_TWO;
    assert_string_equal(decide_delivery(&f).reason, "trial, then approval two");
    f.class = TO_SPEECH; /* it is not said late */
    assert_string_equal(decide_delivery(&f).reason, "trial");
    f.class = TO_BULLETIN;
    f.approved = true;
    assert_string_equal(decide_delivery(&f).reason, "trial");
}

static void quiet_hours_hold_until_they_end_and_no_longer_than_the_alert(void **state)
{
    (void)state;
    struct delivery_facts f = grave;
    f.class = TO_CHAT;
    f.quiet_until = 5000;
    struct delivery_plan p = decide_delivery(&f);
    assert_int_equal(p.state, DELIVERY_HELD);
    assert_int_equal(p.due, 5000);
    assert_true(p.fold);
    f.expires = 3000;
    assert_int_equal(decide_delivery(&f).due, 3000);
}

static void what_waits_for_its_route_says_so_and_no_longer_than_the_alert(void **state)
{
    (void)state;
    struct delivery_facts f = grave;
    f.not_before = f.now + 100;
    struct delivery_plan p = decide_delivery(&f);
    assert_int_equal(p.state, DELIVERY_QUEUED);
    assert_int_equal(p.due, f.now + 100);
    assert_string_equal(p.reason, "group_wait");
    f.interval = true;
    f.expires = f.now + 50;
    p = decide_delivery(&f);
    assert_int_equal(p.due, f.expires);
    assert_string_equal(p.reason, "group_interval");
    f.not_before = f.now;
    p = decide_delivery(&f);
    assert_int_equal(p.due, f.now);
    assert_string_equal(p.reason, "");
}

static void a_chat_hears_at_its_own_pace(void **state)
{
    (void)state;
    struct delivery_facts f = grave;
    f.class = TO_CHAT;
    f.audience = AUDIENCE_PUBLIC;
    f.pace = PACE_DAILY;
    f.digest_at = 5000;
    struct delivery_plan p = decide_delivery(&f);
    assert_int_equal(p.state, DELIVERY_QUEUED);
    assert_int_equal(p.due, 5000);
    assert_true(p.fold);
    f.pace = PACE_NEVER;
    assert_int_equal(decide_delivery(&f).state, DELIVERY_SUPPRESSED);
    f.pace = PACE_APPROVAL;
    p = decide_delivery(&f);
    assert_int_equal(p.state, DELIVERY_HELD);
    assert_string_equal(p.reason, "approval");
    f.approved = true;
    assert_int_equal(decide_delivery(&f).due, f.now);
    f.pace = PACE_NEVER; /* who was told is told that it was wrong */
    f.msg_type = MSG_CANCEL;
    assert_int_equal(decide_delivery(&f).state, DELIVERY_QUEUED);
}

static void a_correction_is_held_back_by_no_limit(void **state)
{
    (void)state;
    struct delivery_facts f = grave;
    f.msg_type = MSG_CANCEL;
    f.spoken_again = f.spoken_enough = f.needs_person = true;
    f.mode = SITE_TRIAL;
    f.fresh = false;
    f.certainty = CERTAINTY_POSSIBLE;
    assert_int_equal(decide_delivery(&f).state, DELIVERY_QUEUED);
}

static void a_silence_keeps_everything_quiet_but_a_correction(void **state)
{
    (void)state;
    struct delivery_facts f = grave;
    f.silence = "silence 3";
    f.approve = APPROVE_ONE; /* nobody is asked about what will not go out */
    static const enum target_class all[] = {TO_SPEECH, TO_BULLETIN, TO_BOARD, TO_CHAT};
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        f.class = all[i];
        struct delivery_plan p = decide_delivery(&f);
        assert_int_equal(p.state, DELIVERY_SUPPRESSED);
        assert_string_equal(p.reason, "silence 3");
    }
    f.msg_type = MSG_CANCEL;
    assert_int_equal(decide_delivery(&f).state, DELIVERY_QUEUED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_highest_level_then_the_lowest_id_makes_the_alert),
        cmocka_unit_test(what_a_rule_says_goes_before_what_a_text_is_only_like),
        cmocka_unit_test(an_unsure_match_makes_no_alert),
        cmocka_unit_test(a_rule_in_test_never_takes_the_alert_from_a_stable_one),
        cmocka_unit_test(a_rule_in_test_makes_exercises_only),
        cmocka_unit_test(expiry_is_the_sooner_of_the_events_and_the_rules),
        cmocka_unit_test(a_rule_that_correlates_needs_all_it_asks_for_of_one_value),
        cmocka_unit_test(victims_alone_may_be_counted),
        cmocka_unit_test(the_fingerprint_holds_the_labels_of_group_by),
        cmocka_unit_test(below_its_threshold_a_group_is_a_candidate),
        cmocka_unit_test(a_second_feed_or_five_times_the_threshold_is_likely),
        cmocka_unit_test(reports_alone_stay_unverified_whatever_their_number),
        cmocka_unit_test(a_higher_count_alone_never_notifies),
        cmocka_unit_test(speech_at_once_needs_red_and_likely),
        cmocka_unit_test(what_was_spoken_lately_goes_to_the_bulletin_only),
        cmocka_unit_test(an_old_event_is_neither_spoken_at_once_nor_posted),
        cmocka_unit_test(a_guessed_area_waits_for_a_person_before_speech_and_chats),
        cmocka_unit_test(an_unanswered_approval_ends_at_bulletin_and_screens),
        cmocka_unit_test(a_site_in_trial_sends_to_duty_chats_only),
        cmocka_unit_test(what_a_trial_holds_keeps_the_approval_it_needs),
        cmocka_unit_test(quiet_hours_hold_until_they_end_and_no_longer_than_the_alert),
        cmocka_unit_test(what_waits_for_its_route_says_so_and_no_longer_than_the_alert),
        cmocka_unit_test(a_chat_hears_at_its_own_pace),
        cmocka_unit_test(a_correction_is_held_back_by_no_limit),
        cmocka_unit_test(a_silence_keeps_everything_quiet_but_a_correction),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
