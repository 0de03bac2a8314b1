/* The store: alerts, targets, deliveries, and what screens show. */
#include <limits.h>

#include "base/log.h"
#include "base/mem.h"
#include "store_internal.h"

/* -- alerts ------------------------------------------------------------------------------------------------------- */

void store_alert_new(struct store *s, const char *relay_id, int day, struct alert_row *a)
{
    int64_t n = store_begin(s) ? store_one(s, store_ask(s, Q_META_COUNT, TEXT("alert_n")), 0) : 0;
    (void)snprintf(a->id, sizeof(a->id), "%s-%d-%lld", relay_id, day, (long long)n);
    a->n = store_add(s, Q_ALERT_ADD, TEXT(a->id), INT(a->grp), TEXT(a->rule), INT(a->rule_rev),
                     TEXT(a->set_hash), TEXT(a->category), TEXT(a->title), INT(a->status), INT(a->level),
                     INT(a->certainty), INT(a->created), INT(a->expires), INT(a->rev), TEXT(a->areas),
                     INT(a->guessed), INT(a->count), TEXT(a->feeds));
}

enum { ALERT_COLUMN_COUNT = 21, DELIVERY_COLUMN_COUNT = 22 };

static void read_alert(struct stmt *q, int at, struct alert_row *a)
{
    a->n = col_int(q, at);
    COPY_TEXT(a->id, q, at + 1);
    a->grp = col_int(q, at + 2);
    COPY_TEXT(a->rule, q, at + 3);
    a->rule_rev = (int)col_int(q, at + 4);
    COPY_TEXT(a->set_hash, q, at + 5);
    COPY_TEXT(a->category, q, at + 6);
    COPY_TEXT(a->title, q, at + 7);
    a->status = (enum cap_status)col_int(q, at + 8);
    a->level = (enum level)col_int(q, at + 9);
    a->certainty = (enum certainty)col_int(q, at + 10);
    a->created = col_int(q, at + 11);
    a->expires = col_int(q, at + 12);
    a->rev = (int)col_int(q, at + 13);
    COPY_TEXT(a->areas, q, at + 14);
    a->guessed = col_int(q, at + 15) != 0;
    a->count = col_int(q, at + 16);
    COPY_TEXT(a->feeds, q, at + 17);
    a->ended = col_int(q, at + 18);
    COPY_TEXT(a->acked_by, q, at + 19);
    a->withdrawn = col_int(q, at + 20) != 0;
}

static bool get_alert(struct store *s, struct stmt *q, struct alert_row *ret)
{
    bool found = store_row(s, q);
    if (found) read_alert(q, 0, ret);
    stmt_reset(q);
    return found;
}

bool store_alert_get(struct store *s, int64_t n, struct alert_row *ret)
{
    return get_alert(s, store_ask(s, Q_ALERT_GET, INT(n)), ret);
}

void store_alerts_now(struct store *s, int64_t now, void (*fn)(void *arg, const struct alert_row *a),
                      void *arg)
{
    struct stmt *q = store_ask(s, Q_ALERTS_NOW, INT(now));
    struct alert_row a;
    while (store_row(s, q)) {
        read_alert(q, 0, &a);
        fn(arg, &a);
    }
}

size_t store_alerts_before(struct store *s, int64_t before, int64_t now, int64_t *ret, size_t max)
{
    struct stmt *q = store_ask(s, Q_ALERTS_BEFORE, INT(before), INT(now), INT((int64_t)max));
    size_t n = 0;
    while (n < max && store_row(s, q)) ret[n++] = col_int(q, 0);
    stmt_reset(q);
    return n;
}

int64_t store_alert_created_before(struct store *s, int64_t before, int64_t since)
{
    return store_one(s, store_ask(s, Q_ALERT_CREATED_BEFORE, INT(before), INT(since)), 0);
}

bool store_alert_by_id(struct store *s, const char *id, struct alert_row *ret)
{
    return get_alert(s, store_ask(s, Q_ALERT_BY_ID, TEXT(id)), ret);
}

int64_t store_alert_active(struct store *s, int64_t grp, int64_t now)
{
    return store_one(s, store_ask(s, Q_ALERT_ACTIVE, INT(grp), INT(now)), 0);
}

void store_alert_update(struct store *s, const struct alert_row *a)
{
    store_do(s, Q_ALERT_SET, INT(a->n), INT(a->level), INT(a->certainty), INT(a->expires), INT(a->rev),
             TEXT(a->areas), INT(a->guessed), INT(a->count), TEXT(a->feeds), INT(a->withdrawn));
}

void store_alert_end(struct store *s, int64_t n, int64_t now, const char *note)
{
    store_do(s, Q_ALERT_END, INT(n), INT(now), TEXT(note));
    store_steps_stop(s, n, now, note);
}

void store_revision(struct store *s, const struct alert_row *a, enum msg_type type, int64_t sent,
                    int64_t expires, const char *note)
{
    store_do(s, Q_REVISION_ADD, INT(a->n), INT(a->rev), INT(type), INT(a->level), INT(a->certainty),
             INT(sent), INT(expires), TEXT(a->areas), INT(a->count), TEXT(note));
}

static void read_revision(struct stmt *q, int at, struct revision_row *r)
{
    *r = (struct revision_row){.msg_type = (enum msg_type)col_int(q, at),
                               .level = (enum level)col_int(q, at + 1),
                               .certainty = (enum certainty)col_int(q, at + 2),
                               .sent = col_int(q, at + 3),
                               .expires = col_int(q, at + 4)};
    COPY_TEXT(r->areas, q, at + 5);
}

bool store_revision_get(struct store *s, int64_t alert, int rev, struct revision_row *ret)
{
    struct stmt *q = store_ask(s, Q_REVISION_GET, INT(alert), INT(rev));
    bool found = store_row(s, q);
    if (found) read_revision(q, 0, ret);
    stmt_reset(q);
    return found;
}

int64_t store_rendering(struct store *s, int64_t alert, int rev, const char *variant, const char *body)
{
    return store_add(s, Q_RENDERING_ADD, INT(alert), INT(rev), TEXT(variant), TEXT(body));
}

static bool get_body(struct store *s, struct stmt *q, struct buf *ret)
{
    bool found = store_row(s, q);
    if (found) buf_str(ret, col_text(q, 0));
    stmt_reset(q);
    return found;
}

bool store_rendering_get(struct store *s, int64_t id, struct buf *ret)
{
    return get_body(s, store_ask(s, Q_RENDERING_GET, INT(id)), ret);
}

bool store_rendering_named(struct store *s, int64_t alert, const char *variant, struct buf *ret)
{
    return get_body(s, store_ask(s, Q_RENDERING_NAMED, INT(alert), TEXT(variant)), ret);
}

void store_alert_ack(struct store *s, int64_t n, const char *who, int64_t now)
{
    store_do(s, Q_ALERT_ACK, INT(n), TEXT(who), INT(now));
}

int store_alerts_in_force(struct store *s, int64_t now)
{
    return (int)store_one(s, store_ask(s, Q_ALERTS_IN_FORCE, INT(now)), 0);
}

int store_alerts_expire(struct store *s, int64_t now, int max)
{
    return store_do(s, Q_ALERTS_DUE, INT(now), INT(max)) ? db_changes(&s->db) : 0;
}

int64_t store_alerts_next_expiry(struct store *s)
{
    return store_one(s, store_q(s, Q_ALERTS_NEXT), INT64_MAX);
}

/* -- speech at once ----------------------------------------------------------------------------------------------- */

/* One row an area. */
void store_spoken(struct store *s, const char *site, const char *rule, const char *areas, int64_t now,
                  int64_t alert)
{
    char area[AREA_LEN + 1];
    while (area_next(&areas, area))
        store_do(s, Q_SPOKEN_ADD, TEXT(site), TEXT(rule), TEXT(area), INT(now), INT(alert));
}

bool store_spoken_since(struct store *s, const char *site, const char *rule, const char *areas, int64_t since)
{
    struct stmt *q = store_ask(s, Q_SPOKEN_SINCE, TEXT(site), TEXT(rule), INT(since));
    bool found = false;
    while (!found && store_row(s, q)) found = areas_overlap(areas, col_text(q, 0));
    stmt_reset(q);
    return found;
}

int store_spoken_count(struct store *s, const char *site, int64_t since)
{
    return (int)store_one(s, store_ask(s, Q_SPOKEN_COUNT, TEXT(site), INT(since)), 0);
}

/* -- targets ------------------------------------------------------------------------------------------------------ */

void store_target(struct store *s, const char *name, struct target_row *ret)
{
    *ret = (struct target_row){.id = 0};
    for (int pass = 0; pass < 2 && !ret->id; pass++) {
        struct stmt *q = store_ask(s, Q_TARGET_GET, TEXT(name));
        if (store_row(s, q)) {
            ret->id = col_int(q, 0);
            ret->tokens = (double)col_int(q, 1) / 1000;
            ret->tokens_at = col_int(q, 2);
            ret->paused = col_int(q, 3);
            ret->snap_rev = col_int(q, 4);
            COPY_TEXT(ret->why, q, 5);
        }
        stmt_reset(q);
        if (ret->id || pass) break;
        if (!store_do(s, Q_TARGET_ADD, TEXT(name))) break;
    }
}

void store_target_save(struct store *s, const struct target_row *t)
{
    int64_t thousandths = (int64_t)(t->tokens * 1000);
    store_do(s, Q_TARGET_SET, INT(t->id), INT(thousandths), INT(t->tokens_at), INT(t->paused),
             INT(t->snap_rev), TEXT(t->why));
}

void store_targets_waiting(struct store *s, void (*fn)(void *arg, int64_t target, const char *name),
                           void *arg)
{
    struct stmt *q = store_q(s, Q_TARGETS_WAITING);
    while (store_row(s, q)) fn(arg, col_int(q, 0), col_text(q, 1));
}

void store_told_add(struct store *s, int64_t target, int day, const char *rule)
{
    store_do(s, Q_TOLD_ADD, INT(day), INT(target), TEXT(rule));
}

void store_told(struct store *s, int day, void (*fn)(void *arg, int64_t target, const char *rule, int n),
                void *arg)
{
    struct stmt *q = store_ask(s, Q_TOLD, INT(day));
    while (store_row(s, q)) fn(arg, col_int(q, 0), col_text(q, 1), (int)col_int(q, 2));
}

/* -- deliveries --------------------------------------------------------------------------------------------------- */

static void read_delivery(struct stmt *q, int at, struct delivery_row *d)
{
    *d = (struct delivery_row){.id = col_int(q, at),
                               .alert = col_int(q, at + 1),
                               .rev = (int)col_int(q, at + 2),
                               .target = col_int(q, at + 3),
                               .state = (enum delivery_state)col_int(q, at + 4),
                               .level = (enum level)col_int(q, at + 6),
                               .due = col_null(q, at + 7) ? NO_DUE : col_int(q, at + 7),
                               .created = col_int(q, at + 8),
                               .expires = col_int(q, at + 9),
                               .rendering = col_int(q, at + 10),
                               .attempt = (int)col_int(q, at + 11),
                               .maybe = col_int(q, at + 12) != 0,
                               .fold = col_int(q, at + 13) != 0,
                               .repeats = (int)col_int(q, at + 14),
                               .accepted = col_int(q, at + 15),
                               .sent_at = col_int(q, at + 16),
                               .snap_rev = col_int(q, at + 17),
                               .repeat_ms = col_int(q, at + 18),
                               .reminder = (int)col_int(q, at + 19),
                               .tried = col_int(q, at + 20),
                               .replays = (int)col_int(q, at + 21)};
    COPY_TEXT(d->reason, q, at + 5);
}

bool delivery_held_for(const struct delivery_row *d, const char *what)
{
    return d->state == DELIVERY_HELD && strncmp(d->reason, what, strlen(what)) == 0;
}

int64_t store_delivery_add(struct store *s, const struct delivery_row *d)
{
    return store_add(s, Q_DELIVERY_ADD, INT(d->alert), INT(d->rev), INT(d->target), INT(d->state),
                     TEXT(d->reason), INT(d->level), DUE(d->due), INT(d->created), INT(d->expires),
                     INT(d->rendering), INT(d->fold), INT(d->repeat_ms), INT(d->reminder), INT(d->lane));
}

static bool get_delivery(struct store *s, struct stmt *q, struct delivery_row *ret)
{
    bool found = store_row(s, q);
    if (found) read_delivery(q, 0, ret);
    stmt_reset(q);
    return found;
}

bool store_delivery_get(struct store *s, int64_t id, struct delivery_row *ret)
{
    return get_delivery(s, store_ask(s, Q_DELIVERY_GET, INT(id)), ret);
}

bool store_delivery_of(struct store *s, int64_t alert, int64_t target, struct delivery_row *ret)
{
    return store_delivery_until(s, alert, target, INT_MAX, ret);
}

bool store_delivery_until(struct store *s, int64_t alert, int64_t target, int rev, struct delivery_row *ret)
{
    return get_delivery(s, store_ask(s, Q_DELIVERY_OF, INT(alert), INT(target), INT(rev)), ret);
}

static void save_delivery(struct store *s, const struct delivery_row *d, int64_t ended)
{
    store_do(s, Q_DELIVERY_SET, INT(d->id), INT(d->state), TEXT(d->reason), DUE(d->due), INT(d->attempt),
             INT(d->maybe), INT(d->fold), INT(d->repeats), INT_OR_NULL(d->accepted), INT_OR_NULL(d->sent_at),
             INT_OR_NULL(ended), INT_OR_NULL(d->snap_rev), INT_OR_NULL(d->tried), INT(d->replays));
}

void store_delivery_save(struct store *s, const struct delivery_row *d)
{
    save_delivery(s, d, 0);
}

bool store_delivery_move(struct store *s, struct delivery_row *d, enum delivery_state to, const char *reason,
                         int64_t due, int64_t now)
{
    if (!delivery_may_move(d->state, to)) {
        log_warning("delivery=%lld from=%s to=%s refused: no such move, the row stays as it is",
                    (long long)d->id, delivery_state_name(d->state), delivery_state_name(to));
        return false;
    }
    d->state = to;
    (void)snprintf(d->reason, sizeof(d->reason), "%s", reason ? reason : "");
    d->due = delivery_is_end(to) ? NO_DUE : due;
    if (to == DELIVERY_SENDING) d->attempt++;
    if (to == DELIVERY_SENT && !d->sent_at) d->sent_at = now;
    save_delivery(s, d, delivery_is_end(to) ? now : 0);
    return true;
}

bool store_delivery_sent(struct store *s, int64_t id, const char *reason, int64_t now)
{
    return store_do(s, Q_DELIVERY_SENT, INT(id), TEXT(reason), INT(now)) && db_changes(&s->db) == 1;
}

size_t store_due(struct store *s, enum lane lane, int64_t now, struct delivery_row *rows, size_t max)
{
    size_t n = 0;
    for (int level = LEVEL_COUNT - 1; level >= 0 && n < max; level--) {
        struct stmt *q = store_ask(s, Q_DUE, INT(level), INT(now), INT((int64_t)(max - n)), INT(lane));
        while (n < max && store_row(s, q)) read_delivery(q, 0, &rows[n++]);
        stmt_reset(q);
    }
    return n;
}

int64_t store_next_due(struct store *s, enum lane lane)
{
    int64_t next = INT64_MAX;
    for (int level = 0; level < LEVEL_COUNT; level++) {
        struct stmt *q = store_ask(s, Q_NEXT_DUE, INT(level), INT(lane));
        int64_t due = store_one(s, q, INT64_MAX);
        if (due < next) next = due;
    }
    return next;
}

size_t store_due_of(struct store *s, int64_t target, int64_t now, struct delivery_row *rows, size_t max)
{
    struct stmt *q = store_ask(s, Q_DUE_OF, INT(target), INT(now), INT((int64_t)max));
    size_t n = 0;
    while (n < max && store_row(s, q)) read_delivery(q, 0, &rows[n++]);
    stmt_reset(q);
    return n;
}

bool store_due_alone(struct store *s, const struct delivery_row *d, int64_t now)
{
    struct stmt *q = store_ask(s, Q_DUE_COUNT, INT(d->target), INT(now));
    int n = 0;
    bool itself = false;
    while (n < 2 && store_row(s, q)) {
        n++;
        itself = itself || col_int(q, 0) == d->id;
    }
    stmt_reset(q);
    return n == 1 && itself;
}

int store_waiting_of(struct store *s, int64_t target)
{
    return (int)store_one(s, store_ask(s, Q_WAITING_OF, INT(target)), 0);
}

/* fn may change the rows, so they are read out first. */
static void each_delivery(struct store *s, struct stmt *q, void (*fn)(void *arg, struct delivery_row *d),
                          void *arg)
{
    struct delivery_row *rows = NULL;
    size_t n = 0, cap = 0;
    while (store_row(s, q)) {
        if (n == cap) {
            cap = cap ? cap * 2 : 64;
            rows = xreallocarray(rows, cap, sizeof(*rows));
        }
        read_delivery(q, 0, &rows[n++]);
    }
    for (size_t i = 0; i < n; i++) fn(arg, &rows[i]);
    free(rows);
}

void store_deliveries_of_alert(struct store *s, int64_t alert, bool waiting_only,
                               void (*fn)(void *arg, struct delivery_row *d), void *arg)
{
    struct stmt *q = store_ask(s, Q_OF_ALERT, INT(alert), INT(waiting_only));
    each_delivery(s, q, fn, arg);
}

void store_deliveries_before(struct store *s, int64_t alert, int64_t target, int rev,
                             void (*fn)(void *arg, struct delivery_row *d), void *arg)
{
    struct stmt *q = store_ask(s, Q_BEFORE, INT(alert), INT(target), INT(rev));
    each_delivery(s, q, fn, arg);
}

void store_deliveries_ever(struct store *s, int64_t alert, void (*fn)(void *arg, struct delivery_row *d),
                           void *arg)
{
    struct stmt *q = store_ask(s, Q_EVER_OF_ALERT, INT(alert));
    each_delivery(s, q, fn, arg);
}

void store_delivery_states(struct store *s, int64_t alert,
                           void (*fn)(void *arg, int64_t target, enum delivery_state state, int64_t sent_at),
                           void *arg)
{
    struct stmt *q = store_ask(s, Q_DELIVERY_STATES, INT(alert));
    while (store_row(s, q)) fn(arg, col_int(q, 0), (enum delivery_state)col_int(q, 1), col_int(q, 2));
}

void store_deliveries_open(struct store *s, int64_t target, void (*fn)(void *arg, struct delivery_row *d),
                           void *arg)
{
    struct stmt *q = store_ask(s, Q_OPEN_ROWS, INT(target));
    each_delivery(s, q, fn, arg);
}

void store_deliveries_sending(struct store *s, int64_t target, void (*fn)(void *arg, struct delivery_row *d),
                              void *arg)
{
    struct stmt *q = store_ask(s, Q_SENDING_ROWS, INT(target));
    each_delivery(s, q, fn, arg);
}

void store_deliveries_waiting(struct store *s, int64_t target, void (*fn)(void *arg, struct delivery_row *d),
                              void *arg)
{
    struct stmt *q = store_ask(s, Q_WAITING_ROWS, INT(target));
    each_delivery(s, q, fn, arg);
}

int store_resume(struct store *s, int64_t now)
{
    return store_do(s, Q_RESUME, INT(now)) ? db_changes(&s->db) : 0;
}

void store_clamp_dues(struct store *s, int64_t now, int64_t most)
{
    store_do(s, Q_CLAMP, INT(now), INT(most));
    store_do(s, Q_STEP_CLAMP, INT(now));
}

/* -- what a state target shows ------------------------------------------------------------------------------------ */

void store_show(struct store *s, const struct delivery_row *d)
{
    store_do(s, Q_SHOW_ADD, INT(d->target), INT(d->alert), INT(d->id), INT(d->expires));
}

void store_unshow(struct store *s, int64_t target, int64_t alert)
{
    store_do(s, Q_SHOW_DEL, INT(target), INT(alert));
}

bool store_shows(struct store *s, int64_t target, int64_t alert)
{
    return store_one(s, store_ask(s, Q_SHOWS, INT(target), INT(alert)), 0) != 0;
}

int store_showing_expire(struct store *s, int64_t now, int max, void (*fn)(void *arg, int64_t target),
                         void *arg)
{
    if (!store_begin(s)) return 0;
    struct stmt *q = store_ask(s, Q_SHOW_DUE, INT(now), INT(max));
    int n = 0;
    for (; store_row(s, q); n++) fn(arg, col_int(q, 0));
    return n;
}

int64_t store_showing_next_expiry(struct store *s)
{
    return store_one(s, store_q(s, Q_SHOW_NEXT), INT64_MAX);
}

void store_unshow_alert(struct store *s, int64_t alert, void (*fn)(void *arg, int64_t target), void *arg)
{
    struct stmt *q = store_ask(s, Q_SHOW_OF_ALERT, INT(alert));
    while (store_row(s, q)) fn(arg, col_int(q, 0));
    store_do(s, Q_SHOW_DEL_ALERT, INT(alert), INT(MSG_CANCEL));
}

void store_showing(struct store *s, int64_t target, void (*fn)(void *arg, const struct shown_item *i),
                   void *arg)
{
    struct stmt *q = store_ask(s, Q_SHOWING, INT(target));
    struct shown_item item;
    while (store_row(s, q)) {
        read_delivery(q, 0, &item.delivery);
        read_alert(q, DELIVERY_COLUMN_COUNT, &item.alert);
        read_revision(q, DELIVERY_COLUMN_COUNT + ALERT_COLUMN_COUNT, &item.revision);
        fn(arg, &item);
    }
}

size_t store_showing_unconfirmed(struct store *s, int64_t target, int64_t rev, struct delivery_row *rows,
                                 size_t max)
{
    struct stmt *q = store_ask(s, Q_UNCONFIRMED, INT(target), INT(rev), INT((int64_t)max));
    size_t n = 0;
    while (n < max && store_row(s, q)) read_delivery(q, 0, &rows[n++]);
    stmt_reset(q);
    return n;
}
