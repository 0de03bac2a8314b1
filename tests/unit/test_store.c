/* The store: keys, windows, alerts, the states of deliveries, what a screen shows, and failing commits. */
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "store.h"

#include "folder.h"

static struct store *store;

static int open_store(void **state)
{
    struct reason why;
    return folder_begin(state) || store_open(folder, &store, &why) != RELAY_OK;
}

static int close_store(void **state)
{
    store = store_close(store);
    return folder_end(state);
}

static void reopen(void)
{
    struct reason why;
    store = store_close(store);
    assert_int_equal(store_open(folder, &store, &why), RELAY_OK);
}

static void commit(void)
{
    struct reason why = {""};
    if (store_commit(store, &why) != RELAY_OK) fail_msg("%s", why.text);
}

static struct event event_of(const char *id, uint8_t digest)
{
    struct event e = {.event_id = id,
                      .seq = -1,
                      .area = "610113",
                      .count = 1,
                      .body = "{}",
                      .body_len = 2,
                      .text = "",
                      .verified = true};
    e.digest[0] = digest;
    return e;
}

static void the_same_bytes_again_are_a_duplicate_and_others_a_conflict(void **state)
{
    (void)state;
    int64_t feed = store_feed(store, "sn-cmcc"), alert = -1;
    struct event a = event_of("e1", 1), b = event_of("e1", 2);
    assert_int_equal(store_key_add(store, feed, &a, 1000, &alert), KEY_NEW);
    store_key_alert(store, feed, "e1", 7);
    commit();
    reopen();
    feed = store_feed(store, "sn-cmcc");
    assert_int_equal(store_key_add(store, feed, &a, 2000, &alert), KEY_SAME);
    assert_int_equal(alert, 7);
    assert_int_equal(store_key_add(store, feed, &b, 2000, &alert), KEY_CONFLICT);
    assert_int_equal(store_key_add(store, store_feed(store, "other"), &b, 2000, &alert), KEY_NEW);
}

static void a_failed_commit_leaves_nothing_behind(void **state)
{
    (void)state;
    int64_t feed = store_feed(store, "f"), alert;
    commit();
    struct event e = event_of("e1", 1);
    assert_int_equal(store_key_add(store, feed, &e, 1, &alert), KEY_NEW);
    db_fail_after(store_db(store), 1, 13 /* SQLITE_FULL */);
    struct reason why = {""};
    assert_int_not_equal(store_commit(store, &why), RELAY_OK);
    db_fail_after(store_db(store), 0, 0);
    assert_true(why.text[0]);
    assert_false(store_dirty(store));
    assert_int_equal(store_key_add(store, feed, &e, 1, &alert), KEY_NEW);
    commit();
}

/* Every statement of an accepted event fails once, at each place in turn: what is stored is all or nothing. */
static void whichever_statement_fails_the_event_is_stored_whole_or_not_at_all(void **state)
{
    (void)state;
    int64_t feed = store_feed(store, "f"), alert;
    commit();
    for (int nth = 1; nth < 60; nth++) {
        char id[16];
        (void)snprintf(id, sizeof(id), "e%d", nth);
        struct event e = event_of(id, 1);
        db_fail_after(store_db(store), nth, 10 /* SQLITE_IOERR */);
        enum key_result key = store_key_add(store, feed, &e, 1, &alert);
        int64_t grp = store_group(store, "rule=x", "x");
        store_window_add(store, grp, feed, 1000, HOUR_MS, 1, true);
        struct event_row row = {.feed = feed,
                                .received = 1,
                                .grp = grp,
                                .verdict = 1,
                                .rules = "x.1",
                                .set_hash = "h",
                                .note = "candidate"};
        store_event(store, &e, &row);
        struct reason why;
        bool ok = store_commit(store, &why) == RELAY_OK;
        db_fail_after(store_db(store), 0, 0);
        struct stmt q = {NULL};
        assert_int_equal(
            db_prepare(store_db(store), &q,
                       "SELECT (SELECT count(*) FROM event_key WHERE event_id = ?1), (SELECT count(*) "
                       "FROM event WHERE event_id = ?1)",
                       &why),
            RELAY_OK);
        stmt_text(&q, 1, id);
        assert_int_equal(stmt_step(&q, &why), RELAY_OK);
        assert_int_equal(col_int(&q, 0), ok);
        assert_int_equal(col_int(&q, 1), ok);
        stmt_release(&q);
        if (ok && key == KEY_NEW) return; /* this run injected nothing: every place was tried */
    }
    fail_msg("the fault was injected for ever");
}

static struct tally correlated(int64_t value, int64_t victim, int64_t feed, int64_t now)
{
    struct correlated c = {
        .grp = 1, .value = value, .feed = feed, .victim = victim, .count = 1, .verified = feed != 9};
    struct tally t;
    store_correlate(store, &c, now, 2 * HOUR_MS, &t);
    return t;
}

static void a_correlation_counts_one_value_and_outlives_a_restart(void **state)
{
    (void)state;
    int64_t now = 100 * DAY_MS;
    (void)correlated(7, 501, 1, now);
    (void)correlated(7, 501, 1, now + MINUTE_MS); /* the same victim again */
    (void)correlated(8, 502, 1, now + MINUTE_MS); /* another value */
    commit();
    reopen();
    struct tally t = correlated(7, 503, 9, now + HOUR_MS);
    assert_int_equal(t.count, 3);
    assert_int_equal(t.feeds, 2);
    assert_int_equal(t.verified_feeds, 1);
    assert_int_equal(t.victims, 2);
    t = correlated(
        7, 0, 1, now + 3 * HOUR_MS - 30 * MINUTE_MS); /* the first two are too old, and this has no victim */
    assert_int_equal(t.count, 2);
    assert_int_equal(t.victims, 1);
}

static void stored(int64_t feed, const char *id, int count, struct event_row row)
{
    struct event e = event_of(id, 1);
    e.count = count;
    row.feed = feed;
    row.grp = 1;
    row.rules = "x.1";
    row.set_hash = "h";
    store_event(store, &e, &row);
}

static void what_a_feed_takes_back_stands_nowhere_and_counts_nowhere(void **state)
{
    (void)state;
    int64_t now = 100 * DAY_MS;
    struct withdrawn w;
    stored(1, "a", 2, (struct event_row){.alert = 5, .note = ""});
    stored(2, "a", 1, (struct event_row){.alert = 5, .note = ""});
    stored(1, "b", 1, (struct event_row){.received = now, .value = 7, .note = "candidate"});
    assert_false(store_event_withdraw(store, 1, "c", &w));
    assert_true(store_event_withdraw(store, 1, "a", &w));
    assert_int_equal(w.alert, 5);
    assert_int_equal(w.count, 2);
    assert_false(store_event_withdraw(store, 1, "a", &w)); /* once */
    assert_true(store_alert_stands(store, 5));
    assert_true(store_event_withdraw(store, 2, "a", &w));
    assert_false(store_alert_stands(store, 5));

    (void)correlated(8, 0, 1, now);
    (void)correlated(7, 0, 1, now);
    store_window_add(store, 1, 1, now, 2 * HOUR_MS, 2, true);
    assert_true(store_event_withdraw(store, 1, "b", &w));
    assert_int_equal(w.alert, 0);
    store_window_take(store, &w);
    struct group_state g;
    store_window_read(store, 1, now, 2 * HOUR_MS, &g);
    assert_int_equal(g.count, 1);
    assert_int_equal(correlated(7, 0, 1, now).count, 1);
    assert_int_equal(correlated(8, 0, 1, now).count, 2);
    store_window_clear(store, 1);
    assert_int_equal(correlated(8, 0, 1, now).count, 1);
}

static void name_place(void *arg, const char *area, const char *feed, bool guessed)
{
    char *all = arg;
    size_t n = strlen(all);
    (void)snprintf(all + n, 200 - n, "%s/%s/%d ", area, feed, guessed);
}

static void an_alert_is_known_to_stand_where_its_events_do(void **state)
{
    (void)state;
    int64_t bank = store_feed(store, "bank"), carrier = store_feed(store, "carrier");
    static const struct {
        const char *id, *area, *note;
        bool second, guessed;
    } events[] = {{"a", "610113", "", false, false},         {"b", "610104", "", false, false},
                  {"c", "610104", "", true, false},          {"d", "610104", "", true, true},
                  {"e", "610102", "candidate", true, false}, {"f", "610104", "", true, false}};
    for (size_t i = 0; i < COUNT(events); i++) {
        struct event e = event_of(events[i].id, 1);
        (void)snprintf(e.area, sizeof(e.area), "%s", events[i].area);
        e.area_guessed = events[i].guessed;
        struct event_row row = {.feed = events[i].second ? carrier : bank,
                                .alert = 5,
                                .rules = "x.1",
                                .set_hash = "h",
                                .note = events[i].note};
        store_event(store, &e, &row);
    }
    char all[200] = "";
    store_standing(store, 5, name_place, all);
    assert_string_equal(all, "610113/bank/0 610104/bank/0 610104/carrier/0 610104/carrier/1 ");
    struct withdrawn w;
    assert_true(store_event_withdraw(store, carrier, "c", &w));
    assert_false(w.alone); /* f is alike */
    assert_true(store_event_withdraw(store, carrier, "f", &w));
    assert_true(w.alone);
    assert_true(store_event_withdraw(store, carrier, "e", &w));
    assert_int_equal(w.alert, 0); /* it had no part in it */
    all[0] = '\0';
    store_standing(store, 5, name_place, all);
    assert_string_equal(all, "610113/bank/0 610104/bank/0 610104/carrier/1 ");
}

static int64_t rows_of(const char *sql)
{
    struct stmt q = {NULL};
    struct reason why;
    assert_int_equal(db_prepare(store_db(store), &q, sql, &why), RELAY_OK);
    assert_int_equal(stmt_step(&q, &why), RELAY_OK);
    int64_t n = col_int(&q, 0);
    stmt_release(&q);
    return n;
}

static void correlations_are_bounded_and_go_when_they_no_longer_count(void **state)
{
    (void)state;
    int64_t now = 100 * DAY_MS;
    struct tally t = {0};
    for (int victim = 1; victim <= 1000; victim++) t = correlated(7, victim, 1, now);
    assert_int_equal(t.count, 1000);
    assert_true(t.victims >= 100 && t.victims <= 200);
    commit();
    assert_true(rows_of("SELECT count(*) FROM correlated") <= 201);
    struct keep keep = {.keys = DAY_MS,
                        .matched = DAY_MS,
                        .unmatched = DAY_MS,
                        .deliveries = DAY_MS,
                        .unmatched_bytes = 1 << 20,
                        .refusals = 10};
    (void)correlated(8, 1, 1, now + 5 * HOUR_MS);
    while (store_prune(store, now + 5 * HOUR_MS, &keep)) commit();
    commit();
    assert_int_equal(rows_of("SELECT count(*) FROM correlated"), 1);
}

static void a_window_forgets_what_is_older_than_it(void **state)
{
    (void)state;
    int64_t grp = store_group(store, "rule=x area4=6101", "x");
    assert_int_equal(store_group(store, "rule=x area4=6101", "x"), grp);
    int64_t now = 10 * DAY_MS;
    store_window_add(store, grp, 1, now, 2 * HOUR_MS, 12, true);
    store_window_add(store, grp, 2, now + HOUR_MS, 2 * HOUR_MS, 3, false);
    struct group_state g;
    store_window_read(store, grp, now + HOUR_MS, 2 * HOUR_MS, &g);
    assert_int_equal(g.count, 15);
    assert_int_equal(g.feeds, 2);
    assert_int_equal(g.verified_feeds, 1);
    store_window_read(store, grp, now + 2 * HOUR_MS + 10 * MINUTE_MS, 2 * HOUR_MS, &g);
    assert_int_equal(g.count, 3);
    assert_int_equal(g.feeds, 1);
}

static void make_alert(struct alert_row *a, int64_t expires)
{
    *a = (struct alert_row){.grp = 1,
                            .level = LEVEL_RED,
                            .certainty = CERTAINTY_LIKELY,
                            .created = 1000,
                            .expires = expires,
                            .count = 3,
                            .rule = "r",
                            .category = "c",
                            .title = "t",
                            .set_hash = "h",
                            .areas = "610113",
                            .feeds = "f"};
    store_alert_new(store, "yanta-1", 20261122, a);
    a->rev = 1;
    store_alert_update(store, a);
    store_revision(store, a, MSG_ALERT, 1000, expires, "threshold");
}

static void alert_numbers_go_on_over_a_restart(void **state)
{
    (void)state;
    struct alert_row a, b;
    make_alert(&a, 5000);
    assert_string_equal(a.id, "yanta-1-20261122-1");
    commit();
    reopen();
    make_alert(&b, 5000);
    assert_string_equal(b.id, "yanta-1-20261122-2");
    assert_int_equal(store_alert_active(store, 1, 2000), b.n);
    assert_int_equal(store_alert_active(store, 1, 6000), 0);
    assert_int_equal(store_alerts_next_expiry(store), 5000);
    assert_int_equal(store_alerts_expire(store, 5000, 10), 2);
    assert_int_equal(store_alerts_next_expiry(store), INT64_MAX);
}

static struct delivery_row add(const struct alert_row *a, int64_t target, enum level level, int64_t due)
{
    struct delivery_row d = {.alert = a->n,
                             .rev = 1,
                             .target = target,
                             .state = DELIVERY_QUEUED,
                             .level = level,
                             .due = due,
                             .created = 1000,
                             .expires = a->expires};
    d.id = store_delivery_add(store, &d);
    return d;
}

static void the_gravest_goes_first_and_then_the_oldest(void **state)
{
    (void)state;
    struct alert_row a;
    make_alert(&a, 100000);
    add(&a, 1, LEVEL_BLUE, 10);
    add(&a, 2, LEVEL_RED, 30);
    add(&a, 3, LEVEL_RED, 20);
    add(&a, 4, LEVEL_RED, 5000);
    assert_int_equal(store_next_due(store, LANE_DEVICES), 10);
    struct delivery_row rows[8];
    assert_int_equal(store_due(store, LANE_DEVICES, 100, rows, 8), 3);
    assert_int_equal(rows[0].target, 3);
    assert_int_equal(rows[1].target, 2);
    assert_int_equal(rows[2].target, 1);
}

static void what_has_expired_is_not_taken_along(void **state)
{
    (void)state;
    struct alert_row a;
    struct delivery_row rows[8];
    make_alert(&a, 5000);
    (void)add(&a, 1, LEVEL_RED, 10);
    a.expires = 100000;
    a.n++;
    struct delivery_row still = add(&a, 1, LEVEL_BLUE, 20);
    assert_int_equal(store_due_of(store, 1, 4999, rows, 8), 2);
    assert_int_equal(store_due_of(store, 1, 5000, rows, 8), 1);
    assert_int_equal(rows[0].id, still.id);
}

static int64_t due_of(int64_t id)
{
    struct delivery_row d;
    assert_true(store_delivery_get(store, id, &d));
    return d.due;
}

static void a_step_of_the_clock_shortens_no_wait_that_a_route_asks_for(void **state)
{
    (void)state;
    struct alert_row a;
    make_alert(&a, 100 * HOUR_MS);
    int64_t now = 10 * HOUR_MS;
    struct waiting {
        struct delivery_row d;
        int64_t after; /* its due, from now */
    } rows[] = {
        {{.state = DELIVERY_QUEUED, .due = now + 6 * HOUR_MS, .created = now, .reason = "group_interval"},
         6 * HOUR_MS},
        {{.state = DELIVERY_QUEUED,
          .due = now + 3 * HOUR_MS,
          .created = now + HOUR_MS,
          .reason = "group_wait"},
         2 * HOUR_MS},
        {{.state = DELIVERY_QUEUED,
          .due = now + 3 * HOUR_MS,
          .created = now,
          .reason = "waits for the digest",
          .fold = true},
         3 * HOUR_MS},
        {{.state = DELIVERY_HELD, .due = now + 8 * HOUR_MS, .created = now, .reason = "quiet_hours"},
         8 * HOUR_MS},
        {{.state = DELIVERY_RETRY, .due = now + HOUR_MS, .created = now, .reason = "connection refused"},
         MINUTE_MS},
        {{.state = DELIVERY_RETRY, .due = now + SECOND_MS, .created = now, .reason = "connection refused"},
         SECOND_MS},
        {{.state = DELIVERY_QUEUED, .due = now + HOUR_MS, .created = now, .reason = "paused: busy"},
         MINUTE_MS},
        {{.state = DELIVERY_QUEUED,
          .due = now + 90 * DAY_MS,
          .created = now,
          .reason = "of a clock that was ahead"},
         MINUTE_MS},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct delivery_row *d = &rows[i].d;
        d->alert = a.n;
        d->rev = 1;
        d->target = (int64_t)i + 1;
        d->expires = a.expires;
        d->id = store_delivery_add(store, d);
    }
    store_clamp_dues(store, now, MINUTE_MS);
    for (size_t i = 0; i < COUNT(rows); i++) assert_int_equal(due_of(rows[i].d.id) - now, rows[i].after);
}

static void under_way_at_the_stop_is_tried_again_and_marked(void **state)
{
    (void)state;
    struct alert_row a;
    make_alert(&a, 100000);
    struct delivery_row d = add(&a, 1, LEVEL_RED, 10);
    assert_true(store_delivery_move(store, &d, DELIVERY_SENDING, "", NO_DUE, 20));
    commit();
    reopen();
    assert_int_equal(store_resume(store, 500), 1);
    struct delivery_row after;
    assert_true(store_delivery_get(store, d.id, &after));
    assert_int_equal(after.state, DELIVERY_RETRY);
    assert_true(after.maybe);
    assert_int_equal(after.due, 500);
    assert_int_equal(after.attempt, 1);
}

static void quiet(enum log_level level, const char *line, void *arg)
{
    (void)level;
    (void)line;
    (void)arg;
}

static void what_has_ended_does_not_move_again(void **state)
{
    (void)state;
    struct alert_row a;
    make_alert(&a, 100000);
    struct delivery_row d = add(&a, 1, LEVEL_RED, 10);
    assert_true(store_delivery_move(store, &d, DELIVERY_CANCELLED, "alert cancelled", NO_DUE, 20));
    log_capture(quiet, NULL);
    assert_false(store_delivery_move(store, &d, DELIVERY_SENDING, "", NO_DUE, 30));
    log_capture(NULL, NULL);
    struct delivery_row after;
    assert_true(store_delivery_get(store, d.id, &after));
    assert_int_equal(after.state, DELIVERY_CANCELLED);
    assert_int_equal(after.due, NO_DUE);
}

static void the_areas_of_a_confirmed_alert_are_those_of_its_first_confirmed_revision(void **state)
{
    (void)state;
    struct alert_row a;
    char areas[512] = "none";
    make_alert(&a, 5000);
    assert_false(store_confirmed_areas(store, a.n, areas, sizeof(areas)));
    assert_string_equal(areas, "none");
    a.certainty = CERTAINTY_OBSERVED;
    for (a.rev = 2; a.rev < 4; a.rev++) {
        store_revision(store, &a, MSG_UPDATE, 2000, 5000, "confirmed by x");
        (void)areas_add(a.areas, sizeof(a.areas), "610104");
    }
    assert_true(store_confirmed_areas(store, a.n, areas, sizeof(areas)));
    assert_string_equal(areas, "610113");
}

static void note_target(void *arg, int64_t target)
{
    *(int64_t *)arg = target;
}

static void count_item(void *arg, const struct shown_item *i)
{
    assert_int_equal(i->alert.n, i->delivery.alert);
    ++*(int *)arg;
}

static void a_screen_shows_the_newest_revision_until_it_expires(void **state)
{
    (void)state;
    struct alert_row a;
    make_alert(&a, 5000);
    struct delivery_row d = add(&a, 9, LEVEL_RED, 10);
    store_show(store, &d);
    store_show(store, &d);
    int n = 0;
    store_showing(store, 9, count_item, &n);
    assert_int_equal(n, 1);
    assert_int_equal(store_showing_next_expiry(store), 5000);
    int64_t told = 0;
    assert_int_equal(store_showing_expire(store, 4999, 10, note_target, &told), 0);
    assert_int_equal(store_showing_expire(store, 5000, 10, note_target, &told), 1);
    assert_int_equal(told, 9);
    n = 0;
    store_showing(store, 9, count_item, &n);
    assert_int_equal(n, 0);
}

static void a_correction_stays_on_its_screen_when_the_alert_leaves_the_others(void **state)
{
    (void)state;
    struct alert_row a;
    make_alert(&a, 5000);
    struct delivery_row first = add(&a, 8, LEVEL_RED, 10);
    store_show(store, &first);
    struct delivery_row correction = {.alert = a.n, .rev = 2, .target = 9, .expires = 9000};
    a.rev = 2;
    store_revision(store, &a, MSG_CANCEL, 2000, 9000, "area withdrawn by its feed");
    correction.id = store_delivery_add(store, &correction);
    store_show(store, &correction);
    int64_t told = 0;
    store_unshow_alert(store, a.n, note_target, &told);
    int n = 0;
    store_showing(store, 9, count_item, &n);
    assert_int_equal(n, 1);
    store_showing(store, 8, count_item, &n);
    assert_int_equal(n, 1);
    assert_int_equal(store_showing_next_expiry(store), 9000);
}

static void speech_in_a_wider_area_counts_for_the_district(void **state)
{
    (void)state;
    store_spoken(store, "s", "r", "6101 6103", 1000, 1);
    assert_true(store_spoken_since(store, "s", "r", "610113", 0));
    assert_false(store_spoken_since(store, "s", "r", "610113", 1000));
    assert_false(store_spoken_since(store, "s", "other", "610113", 0));
    assert_false(store_spoken_since(store, "s", "r", "6105", 0));
    assert_int_equal(store_spoken_count(store, "s", 0), 1);
}

static void a_backup_of_a_store_that_has_spoken_is_whole(void **state)
{
    (void)state;
    struct reason why = {""};
    store_spoken(store, "s", "r", "6101", 1000, 1);
    commit();
    CLEANUP(free_ptr) char *from = folder_path(STORE_FILE);
    CLEANUP(free_ptr) char *to = folder_path("backup.db");
    if (db_backup(from, to, &why) != RELAY_OK) fail_msg("%s", why.text);
}

static void prune_all(int64_t now, int64_t deliveries)
{
    struct keep k = {.keys = 14 * DAY_MS,
                     .matched = 30 * DAY_MS,
                     .unmatched = 7 * DAY_MS,
                     .deliveries = deliveries,
                     .unmatched_bytes = INT64_C(1) << 31,
                     .refusals = 10000};
    int slices = 0;
    while (store_prune(store, now, &k)) {
        commit();
        assert_true(++slices < 5000);
    }
    commit();
}

static void pruning_takes_what_is_old_and_leaves_the_rest(void **state)
{
    (void)state;
    int64_t feed = store_feed(store, "f"), alert, now = 100 * DAY_MS;
    for (int i = 0; i < 1200; i++) {
        char id[24];
        (void)snprintf(id, sizeof(id), "e%06d", i);
        struct event e = event_of(id, 1);
        int64_t at = i % 2 ? now : now - 20 * DAY_MS;
        assert_int_equal(store_key_add(store, feed, &e, at, &alert), KEY_NEW);
        store_event_other(store, &e, feed, i < 600 ? now - 20 * DAY_MS : now);
    }
    commit();
    prune_all(now, 1000 * DAY_MS);
    struct stmt q = {NULL};
    struct reason why;
    assert_int_equal(db_prepare(store_db(store), &q,
                                "SELECT (SELECT count(*) FROM event_key), (SELECT count(*) FROM event_other)",
                                &why),
                     RELAY_OK);
    assert_int_equal(stmt_step(&q, &why), RELAY_OK);
    assert_int_equal(col_int(&q, 0), 600);
    assert_int_equal(col_int(&q, 1), 600);
    stmt_release(&q);
}

static void every_feed_keeps_its_newest_refusals_however_many_feeds_there_were(void **state)
{
    (void)state;
    int64_t now = 100 * DAY_MS;
    static const int64_t feeds[] = {1, 600, 601, 602, 40000};
    for (size_t f = 0; f < COUNT(feeds); f++)
        for (int i = 0; i < 10 + (int)f; i++) store_refusal(store, feeds[f], now, "e", REFUSAL_BAD_TYPE, "");
    commit();
    struct keep k = {.keys = DAY_MS,
                     .matched = DAY_MS,
                     .unmatched = DAY_MS,
                     .deliveries = DAY_MS,
                     .unmatched_bytes = 1 << 20,
                     .refusals = 10};
    int slices = 0;
    for (; store_prune(store, now, &k); slices++) commit();
    commit();
    assert_int_equal(rows_of("SELECT count(*) FROM refusal"), 10 * (int)COUNT(feeds));
    assert_int_equal(rows_of("SELECT min(id) FROM refusal WHERE feed = 40000"), 10 + 11 + 12 + 13 + 5);
    assert_true(slices < 30); /* by those that there are, not by their numbers */
}

/* A whole city's had twenty thousand targets, and revisions: it does not go at once. */
static void an_alert_with_many_deliveries_goes_in_slices(void **state)
{
    (void)state;
    static const char left[] = "SELECT (SELECT count(*) FROM delivery) + (SELECT count(*) FROM rendering)";
    int64_t now = 2000 * DAY_MS;
    struct reason why;
    assert_int_equal(
        db_exec(
            store_db(store),
            "WITH RECURSIVE two(n, ended) AS (VALUES (1, 1000), (2, 172000000000)) INSERT INTO alert (n, "
            "id, grp, rule, rule_rev, set_hash, category, title, status, level, certainty, created, "
            "expires, rev, areas, guessed, count, feeds, ended) SELECT n, 'a-' || n, 1, 'r', 1, '', '', "
            "'', 0, 0, 0, 1, 2, 1, '61', 0, 1, 'f', ended FROM two;"
            "WITH RECURSIVE i(n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM i WHERE n < 1700) INSERT INTO "
            "delivery (alert, rev, target, state, reason, lane, level, created, expires, rendering) "
            "SELECT 1 + (n > 1690), 1, n, 3, '', 0, 0, 1, 2, 1 FROM i;"
            "WITH RECURSIVE i(n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM i WHERE n < 700) INSERT INTO "
            "rendering (alert, rev, variant, body) SELECT 1 + (n > 690), 1, 'v' || n, '{}' FROM i",
            &why),
        RELAY_OK);
    commit();
    struct keep k = {.deliveries = 30 * DAY_MS};
    int64_t before = rows_of(left), after;
    for (bool more = true; more; before = after) {
        more = store_prune(store, now, &k);
        commit();
        after = rows_of(left);
        assert_true(before - after <= 700); /* a slice of one kind, and the rest of the other */
    }
    assert_int_equal(before, 20);
    assert_int_equal(rows_of("SELECT count(*) FROM alert"), 1);
}

static void who_did_what_goes_with_the_deliveries(void **state)
{
    (void)state;
    int64_t now = 200 * DAY_MS, old = now - 31 * DAY_MS;
    for (int i = 0; i < 1100; i++)
        store_action(store, i < 700 ? old : now, "alert.ack", "a-1", "王队", 7, "", "");
    commit();
    struct reason why;
    assert_int_equal(
        db_exec(store_db(store),
                "INSERT INTO silence (matchers, broad, author, reason, created, expires, ended) VALUES "
                "('a', 0, '王队', '', 0, 90000000000, 1), ('b', 0, '王队', '', 0, 90000000000, NULL), "
                "('c', 0, '王队', '', 0, 1, NULL);"
                "INSERT INTO drill (site, author, reason, created, expires) VALUES ('', '刘科', '', 0, 1), "
                "('', '刘科', '', 0, 1)",
                &why),
        RELAY_OK);
    commit();
    prune_all(now, 30 * DAY_MS);
    assert_int_equal(rows_of("SELECT count(*) FROM action"), 400);
    assert_int_equal(rows_of("SELECT min(at) FROM action"), now);
    assert_int_equal(rows_of("SELECT count(*) FROM silence"), 2); /* one that is in force, and the last */
    assert_int_equal(rows_of("SELECT min(id) FROM silence"), 2);
    assert_int_equal(rows_of("SELECT count(*) FROM drill"), 1);
}

static int64_t counted(int day, const char *key)
{
    struct reason why;
    struct stmt q = {NULL};
    int64_t n = 0;
    assert_int_equal(db_prepare(store_db(store), &q,
                                "SELECT n FROM stat WHERE day = ?1 AND what = 'event' AND key = ?2", &why),
                     RELAY_OK);
    stmt_int(&q, 1, day);
    stmt_text(&q, 2, key);
    if (stmt_step(&q, &why) == RELAY_OK) n = col_int(&q, 0);
    stmt_release(&q);
    return n;
}

static void counts_of_a_turn_are_written_with_it_or_forgotten_with_it(void **state)
{
    (void)state;
    for (int i = 0; i < 500; i++) store_tally(store, 20261122, "event", "[\"a\",\"sms\"]", 1);
    store_tally(store, 20261122, "event", "[\"b c\",\"sms\"]", 7);
    store_tally(store, 20261123, "event", "[\"a\",\"sms\"]", 1);
    assert_int_equal(counted(20261122, "[\"a\",\"sms\"]"), 0);
    commit();
    store_tally(store, 20261122, "event", "[\"a\",\"sms\"]", 1000);
    store_rollback(store);
    commit();
    store_tally(store, 20261122, "event", "[\"a\",\"sms\"]", 2);
    commit();
    reopen();
    assert_int_equal(counted(20261122, "[\"a\",\"sms\"]"), 502);
    assert_int_equal(counted(20261122, "[\"b c\",\"sms\"]"), 7);
    assert_int_equal(counted(20261123, "[\"a\",\"sms\"]"), 1);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, open_store, close_store)
    const struct CMUnitTest tests[] = {
        T(counts_of_a_turn_are_written_with_it_or_forgotten_with_it),
        T(the_same_bytes_again_are_a_duplicate_and_others_a_conflict),
        T(a_failed_commit_leaves_nothing_behind),
        T(whichever_statement_fails_the_event_is_stored_whole_or_not_at_all),
        T(a_window_forgets_what_is_older_than_it),
        T(a_correlation_counts_one_value_and_outlives_a_restart),
        T(what_a_feed_takes_back_stands_nowhere_and_counts_nowhere),
        T(an_alert_is_known_to_stand_where_its_events_do),
        T(the_areas_of_a_confirmed_alert_are_those_of_its_first_confirmed_revision),
        T(a_correction_stays_on_its_screen_when_the_alert_leaves_the_others),
        T(correlations_are_bounded_and_go_when_they_no_longer_count),
        T(alert_numbers_go_on_over_a_restart),
        T(a_step_of_the_clock_shortens_no_wait_that_a_route_asks_for),
        T(the_gravest_goes_first_and_then_the_oldest),
        T(what_has_expired_is_not_taken_along),
        T(under_way_at_the_stop_is_tried_again_and_marked),
        T(what_has_ended_does_not_move_again),
        T(a_screen_shows_the_newest_revision_until_it_expires),
        T(speech_in_a_wider_area_counts_for_the_district),
        T(a_backup_of_a_store_that_has_spoken_is_whole),
        T(pruning_takes_what_is_old_and_leaves_the_rest),
        T(every_feed_keeps_its_newest_refusals_however_many_feeds_there_were),
        T(an_alert_with_many_deliveries_goes_in_slices),
        T(who_did_what_goes_with_the_deliveries),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
