/* The store: alerts, targets, deliveries, and what screens show. */
#include "base/log.h"
#include "base/mem.h"
#include "store_internal.h"

static void copy_text(char *to, size_t size, const char *from)
{
    (void)snprintf(to, size, "%s", from);
}

/* -- alerts ------------------------------------------------------------------------------------------------------- */

void store_alert_new(struct store *s, const char *relay_id, int day, struct alert_row *a)
{
    struct stmt *q = store_q(s, Q_META_COUNT);
    stmt_text(q, 1, "alert_n");
    struct reason why;
    if (db_begin(&s->db, &why) != RELAY_OK && !s->failed) {
        s->failed = true;
        s->failure = why;
    }
    int64_t n = !s->failed && store_row(s, q) ? col_int(q, 0) : 0;
    stmt_reset(q);
    (void)snprintf(a->id, sizeof(a->id), "%s-%d-%lld", relay_id, day, (long long)n);
    q = store_q(s, Q_ALERT_ADD);
    stmt_text(q, 1, a->id);
    stmt_int(q, 2, a->grp);
    stmt_text(q, 3, a->rule);
    stmt_int(q, 4, a->rule_rev);
    stmt_text(q, 5, a->set_hash);
    stmt_text(q, 6, a->category);
    stmt_text(q, 7, a->title);
    stmt_int(q, 8, a->status);
    stmt_int(q, 9, a->level);
    stmt_int(q, 10, a->certainty);
    stmt_int(q, 11, a->created);
    stmt_int(q, 12, a->expires);
    stmt_int(q, 13, a->rev);
    stmt_text(q, 14, a->areas);
    stmt_int(q, 15, a->guessed);
    stmt_int(q, 16, a->count);
    stmt_text(q, 17, a->feeds);
    a->n = store_run(s, q) ? db_last_id(&s->db) : 0;
}

enum { ALERT_COLUMN_COUNT = 20, DELIVERY_COLUMN_COUNT = 20 };

static void read_alert(struct stmt *q, int at, struct alert_row *a)
{
    a->n = col_int(q, at);
    copy_text(a->id, sizeof(a->id), col_text(q, at + 1));
    a->grp = col_int(q, at + 2);
    copy_text(a->rule, sizeof(a->rule), col_text(q, at + 3));
    a->rule_rev = (int)col_int(q, at + 4);
    copy_text(a->set_hash, sizeof(a->set_hash), col_text(q, at + 5));
    copy_text(a->category, sizeof(a->category), col_text(q, at + 6));
    copy_text(a->title, sizeof(a->title), col_text(q, at + 7));
    a->status = (enum cap_status)col_int(q, at + 8);
    a->level = (enum level)col_int(q, at + 9);
    a->certainty = (enum certainty)col_int(q, at + 10);
    a->created = col_int(q, at + 11);
    a->expires = col_int(q, at + 12);
    a->rev = (int)col_int(q, at + 13);
    copy_text(a->areas, sizeof(a->areas), col_text(q, at + 14));
    a->guessed = col_int(q, at + 15) != 0;
    a->count = col_int(q, at + 16);
    copy_text(a->feeds, sizeof(a->feeds), col_text(q, at + 17));
    a->ended = col_int(q, at + 18);
    copy_text(a->acked_by, sizeof(a->acked_by), col_text(q, at + 19));
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
    struct stmt *q = store_q(s, Q_ALERT_GET);
    stmt_int(q, 1, n);
    return get_alert(s, q, ret);
}

void store_alerts_now(struct store *s, int64_t now, void (*fn)(void *arg, const struct alert_row *a),
                      void *arg)
{
    struct stmt *q = store_q(s, Q_ALERTS_NOW);
    stmt_int(q, 1, now);
    struct alert_row a;
    while (store_row(s, q)) {
        read_alert(q, 0, &a);
        fn(arg, &a);
    }
}

bool store_alert_by_id(struct store *s, const char *id, struct alert_row *ret)
{
    struct stmt *q = store_q(s, Q_ALERT_BY_ID);
    stmt_text(q, 1, id);
    return get_alert(s, q, ret);
}

/* One number from a reading statement whose parameters are bound; `none` when there is no row or NULL. */
static int64_t one_int(struct store *s, struct stmt *q, int64_t none)
{
    int64_t v = store_row(s, q) && !col_null(q, 0) ? col_int(q, 0) : none;
    stmt_reset(q);
    return v;
}

int64_t store_alert_active(struct store *s, int64_t grp, int64_t now)
{
    struct stmt *q = store_q(s, Q_ALERT_ACTIVE);
    stmt_int(q, 1, grp);
    stmt_int(q, 2, now);
    return one_int(s, q, 0);
}

void store_alert_update(struct store *s, const struct alert_row *a)
{
    struct stmt *q = store_q(s, Q_ALERT_SET);
    stmt_int(q, 1, a->n);
    stmt_int(q, 2, a->level);
    stmt_int(q, 3, a->certainty);
    stmt_int(q, 4, a->expires);
    stmt_int(q, 5, a->rev);
    stmt_text(q, 6, a->areas);
    stmt_int(q, 7, a->guessed);
    stmt_int(q, 8, a->count);
    stmt_text(q, 9, a->feeds);
    (void)store_run(s, q);
}

void store_alert_end(struct store *s, int64_t n, int64_t now, const char *note)
{
    struct stmt *q = store_q(s, Q_ALERT_END);
    stmt_int(q, 1, n);
    stmt_int(q, 2, now);
    stmt_text(q, 3, note);
    (void)store_run(s, q);
    store_steps_stop(s, n, now, note);
}

void store_revision(struct store *s, const struct alert_row *a, enum msg_type type, int64_t sent,
                    int64_t expires, const char *note)
{
    struct stmt *q = store_q(s, Q_REVISION_ADD);
    stmt_int(q, 1, a->n);
    stmt_int(q, 2, a->rev);
    stmt_int(q, 3, type);
    stmt_int(q, 4, a->level);
    stmt_int(q, 5, a->certainty);
    stmt_int(q, 6, sent);
    stmt_int(q, 7, expires);
    stmt_text(q, 8, a->areas);
    stmt_int(q, 9, a->count);
    stmt_text(q, 10, note);
    (void)store_run(s, q);
}

static void read_revision(struct stmt *q, int at, struct revision_row *r)
{
    *r = (struct revision_row){.msg_type = (enum msg_type)col_int(q, at),
                               .level = (enum level)col_int(q, at + 1),
                               .certainty = (enum certainty)col_int(q, at + 2),
                               .sent = col_int(q, at + 3),
                               .expires = col_int(q, at + 4)};
}

bool store_revision_get(struct store *s, int64_t alert, int rev, struct revision_row *ret)
{
    struct stmt *q = store_q(s, Q_REVISION_GET);
    stmt_int(q, 1, alert);
    stmt_int(q, 2, rev);
    bool found = store_row(s, q);
    if (found) read_revision(q, 0, ret);
    stmt_reset(q);
    return found;
}

int64_t store_rendering(struct store *s, int64_t alert, int rev, const char *variant, const char *body)
{
    struct stmt *q = store_q(s, Q_RENDERING_ADD);
    stmt_int(q, 1, alert);
    stmt_int(q, 2, rev);
    stmt_text(q, 3, variant);
    stmt_text(q, 4, body);
    return store_run(s, q) ? db_last_id(&s->db) : 0;
}

bool store_rendering_get(struct store *s, int64_t id, struct buf *ret)
{
    struct stmt *q = store_q(s, Q_RENDERING_GET);
    stmt_int(q, 1, id);
    bool found = store_row(s, q);
    if (found) buf_str(ret, col_text(q, 0));
    stmt_reset(q);
    return found;
}

void store_alert_ack(struct store *s, int64_t n, const char *who, int64_t now)
{
    struct stmt *q = store_q(s, Q_ALERT_ACK);
    stmt_int(q, 1, n);
    stmt_text(q, 2, who);
    stmt_int(q, 3, now);
    (void)store_run(s, q);
}

int store_alerts_in_force(struct store *s, int64_t now)
{
    struct stmt *q = store_q(s, Q_ALERTS_IN_FORCE);
    stmt_int(q, 1, now);
    return (int)one_int(s, q, 0);
}

int store_alerts_expire(struct store *s, int64_t now, int max)
{
    struct stmt *q = store_q(s, Q_ALERTS_DUE);
    stmt_int(q, 1, now);
    stmt_int(q, 2, max);
    return store_run(s, q) ? db_changes(&s->db) : 0;
}

int64_t store_alerts_next_expiry(struct store *s)
{
    return one_int(s, store_q(s, Q_ALERTS_NEXT), INT64_MAX);
}

/* -- speech at once ----------------------------------------------------------------------------------------------- */

/* `areas` is space-separated: one row each. */
void store_spoken(struct store *s, const char *site, const char *rule, const char *areas, int64_t now,
                  int64_t alert)
{
    for (const char *p = areas; *p;) {
        size_t n = strcspn(p, " ");
        struct stmt *q = store_q(s, Q_SPOKEN_ADD);
        stmt_text(q, 1, site);
        stmt_text(q, 2, rule);
        stmt_textn(q, 3, p, n);
        stmt_int(q, 4, now);
        stmt_int(q, 5, alert);
        (void)store_run(s, q);
        p += n;
        p += strspn(p, " ");
    }
}

bool store_spoken_since(struct store *s, const char *site, const char *rule, const char *areas, int64_t since)
{
    struct stmt *q = store_q(s, Q_SPOKEN_SINCE);
    stmt_text(q, 1, site);
    stmt_text(q, 2, rule);
    stmt_int(q, 3, since);
    bool found = false;
    while (!found && store_row(s, q)) {
        char area[AREA_LEN + 1];
        for (const char *p = areas; *p && !found;) {
            size_t n = strcspn(p, " ");
            (void)snprintf(area, sizeof(area), "%.*s", (int)n, p);
            found = area_overlaps(col_text(q, 0), area);
            p += n;
            p += strspn(p, " ");
        }
    }
    stmt_reset(q);
    return found;
}

int store_spoken_count(struct store *s, const char *site, int64_t since)
{
    struct stmt *q = store_q(s, Q_SPOKEN_COUNT);
    stmt_text(q, 1, site);
    stmt_int(q, 2, since);
    return (int)one_int(s, q, 0);
}

/* -- targets ------------------------------------------------------------------------------------------------------ */

void store_target(struct store *s, const char *name, struct target_row *ret)
{
    *ret = (struct target_row){.id = 0};
    for (int pass = 0; pass < 2 && !ret->id; pass++) {
        struct stmt *q = store_q(s, Q_TARGET_GET);
        stmt_text(q, 1, name);
        if (store_row(s, q)) {
            ret->id = col_int(q, 0);
            ret->tokens = (double)col_int(q, 1) / 1000;
            ret->tokens_at = col_int(q, 2);
            ret->paused = col_int(q, 3);
            ret->snap_rev = col_int(q, 4);
            copy_text(ret->why, sizeof(ret->why), col_text(q, 5));
        }
        stmt_reset(q);
        if (ret->id || pass) break;
        q = store_q(s, Q_TARGET_ADD);
        stmt_text(q, 1, name);
        if (!store_run(s, q)) break;
    }
}

void store_target_save(struct store *s, const struct target_row *t)
{
    struct stmt *q = store_q(s, Q_TARGET_SET);
    stmt_int(q, 1, t->id);
    stmt_int(q, 2, (int64_t)(t->tokens * 1000)); /* thousandths */
    stmt_int(q, 3, t->tokens_at);
    stmt_int(q, 4, t->paused);
    stmt_int(q, 5, t->snap_rev);
    stmt_text(q, 6, t->why);
    (void)store_run(s, q);
}

void store_targets_waiting(struct store *s, void (*fn)(void *arg, int64_t target, const char *name),
                           void *arg)
{
    struct stmt *q = store_q(s, Q_TARGETS_WAITING);
    while (store_row(s, q)) fn(arg, col_int(q, 0), col_text(q, 1));
}

void store_told_add(struct store *s, int64_t target, int day, const char *rule)
{
    struct stmt *q = store_q(s, Q_TOLD_ADD);
    stmt_int(q, 1, day);
    stmt_int(q, 2, target);
    stmt_text(q, 3, rule);
    (void)store_run(s, q);
}

void store_told(struct store *s, int day, void (*fn)(void *arg, int64_t target, const char *rule, int n),
                void *arg)
{
    struct stmt *q = store_q(s, Q_TOLD);
    stmt_int(q, 1, day);
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
                               .reminder = (int)col_int(q, at + 19)};
    copy_text(d->reason, sizeof(d->reason), col_text(q, at + 5));
}

static void bind_due(struct stmt *q, int i, int64_t due)
{
    if (due == NO_DUE)
        stmt_null(q, i);
    else
        stmt_int(q, i, due);
}

static void bind_time(struct stmt *q, int i, int64_t at)
{
    if (at)
        stmt_int(q, i, at);
    else
        stmt_null(q, i);
}

int64_t store_delivery_add(struct store *s, const struct delivery_row *d)
{
    struct stmt *q = store_q(s, Q_DELIVERY_ADD);
    stmt_int(q, 1, d->alert);
    stmt_int(q, 2, d->rev);
    stmt_int(q, 3, d->target);
    stmt_int(q, 4, d->state);
    stmt_text(q, 5, d->reason);
    stmt_int(q, 6, d->level);
    bind_due(q, 7, d->due);
    stmt_int(q, 8, d->created);
    stmt_int(q, 9, d->expires);
    stmt_int(q, 10, d->rendering);
    stmt_int(q, 11, d->fold);
    stmt_int(q, 12, d->repeat_ms);
    stmt_int(q, 13, d->reminder);
    stmt_int(q, 14, d->lane);
    return store_run(s, q) ? db_last_id(&s->db) : 0;
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
    struct stmt *q = store_q(s, Q_DELIVERY_GET);
    stmt_int(q, 1, id);
    return get_delivery(s, q, ret);
}

bool store_delivery_of(struct store *s, int64_t alert, int64_t target, struct delivery_row *ret)
{
    struct stmt *q = store_q(s, Q_DELIVERY_OF);
    stmt_int(q, 1, alert);
    stmt_int(q, 2, target);
    return get_delivery(s, q, ret);
}

static void save_delivery(struct store *s, const struct delivery_row *d, int64_t ended)
{
    struct stmt *q = store_q(s, Q_DELIVERY_SET);
    stmt_int(q, 1, d->id);
    stmt_int(q, 2, d->state);
    stmt_text(q, 3, d->reason);
    bind_due(q, 4, d->due);
    stmt_int(q, 5, d->attempt);
    stmt_int(q, 6, d->maybe);
    stmt_int(q, 7, d->fold);
    stmt_int(q, 8, d->repeats);
    bind_time(q, 9, d->accepted);
    bind_time(q, 10, d->sent_at);
    bind_time(q, 11, ended);
    bind_time(q, 12, d->snap_rev);
    (void)store_run(s, q);
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
    copy_text(d->reason, sizeof(d->reason), reason ? reason : "");
    d->due = delivery_is_end(to) ? NO_DUE : due;
    if (to == DELIVERY_SENDING) d->attempt++;
    if (to == DELIVERY_SENT && !d->sent_at) d->sent_at = now;
    save_delivery(s, d, delivery_is_end(to) ? now : 0);
    return true;
}

bool store_delivery_sent(struct store *s, int64_t id, const char *reason, int64_t now)
{
    struct stmt *q = store_q(s, Q_DELIVERY_SENT);
    stmt_int(q, 1, id);
    stmt_text(q, 2, reason);
    stmt_int(q, 3, now);
    return store_run(s, q) && db_changes(&s->db) == 1;
}

size_t store_due(struct store *s, enum lane lane, int64_t now, struct delivery_row *rows, size_t max)
{
    size_t n = 0;
    for (int level = LEVEL_COUNT - 1; level >= 0 && n < max; level--) {
        struct stmt *q = store_q(s, Q_DUE);
        stmt_int(q, 1, level);
        stmt_int(q, 2, now);
        stmt_int(q, 3, (int64_t)(max - n));
        stmt_int(q, 4, lane);
        while (n < max && store_row(s, q)) read_delivery(q, 0, &rows[n++]);
        stmt_reset(q);
    }
    return n;
}

int64_t store_next_due(struct store *s, enum lane lane)
{
    int64_t next = INT64_MAX;
    for (int level = 0; level < LEVEL_COUNT; level++) {
        struct stmt *q = store_q(s, Q_NEXT_DUE);
        stmt_int(q, 1, level);
        stmt_int(q, 2, lane);
        int64_t due = one_int(s, q, INT64_MAX);
        if (due < next) next = due;
    }
    return next;
}

size_t store_due_of(struct store *s, int64_t target, int64_t now, struct delivery_row *rows, size_t max)
{
    struct stmt *q = store_q(s, Q_DUE_OF);
    stmt_int(q, 1, target);
    stmt_int(q, 2, now);
    stmt_int(q, 3, (int64_t)max);
    size_t n = 0;
    while (n < max && store_row(s, q)) read_delivery(q, 0, &rows[n++]);
    stmt_reset(q);
    return n;
}

bool store_due_alone(struct store *s, const struct delivery_row *d, int64_t now)
{
    struct stmt *q = store_q(s, Q_DUE_COUNT);
    stmt_int(q, 1, d->target);
    stmt_int(q, 2, now);
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
    struct stmt *q = store_q(s, Q_WAITING_OF);
    stmt_int(q, 1, target);
    return (int)one_int(s, q, 0);
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
    struct stmt *q = store_q(s, Q_OF_ALERT);
    stmt_int(q, 1, alert);
    stmt_int(q, 2, waiting_only);
    each_delivery(s, q, fn, arg);
}

void store_deliveries_ever(struct store *s, int64_t alert, void (*fn)(void *arg, struct delivery_row *d),
                           void *arg)
{
    struct stmt *q = store_q(s, Q_EVER_OF_ALERT);
    stmt_int(q, 1, alert);
    each_delivery(s, q, fn, arg);
}

void store_deliveries_open(struct store *s, int64_t target, void (*fn)(void *arg, struct delivery_row *d),
                           void *arg)
{
    struct stmt *q = store_q(s, Q_OPEN_ROWS);
    stmt_int(q, 1, target);
    each_delivery(s, q, fn, arg);
}

void store_deliveries_waiting(struct store *s, int64_t target, void (*fn)(void *arg, struct delivery_row *d),
                              void *arg)
{
    struct stmt *q = store_q(s, Q_WAITING_ROWS);
    stmt_int(q, 1, target);
    each_delivery(s, q, fn, arg);
}

int store_resume(struct store *s, int64_t now)
{
    struct stmt *q = store_q(s, Q_RESUME);
    stmt_int(q, 1, now);
    return store_run(s, q) ? db_changes(&s->db) : 0;
}

void store_clamp_dues(struct store *s, int64_t now, int64_t most)
{
    struct stmt *q = store_q(s, Q_CLAMP);
    stmt_int(q, 1, now);
    stmt_int(q, 2, most);
    (void)store_run(s, q);
    q = store_q(s, Q_STEP_CLAMP);
    stmt_int(q, 1, now);
    (void)store_run(s, q);
}

/* -- what a state target shows ------------------------------------------------------------------------------------ */

void store_show(struct store *s, const struct delivery_row *d)
{
    struct stmt *q = store_q(s, Q_SHOW_ADD);
    stmt_int(q, 1, d->target);
    stmt_int(q, 2, d->alert);
    stmt_int(q, 3, d->id);
    stmt_int(q, 4, d->expires);
    (void)store_run(s, q);
}

void store_unshow(struct store *s, int64_t target, int64_t alert)
{
    struct stmt *q = store_q(s, Q_SHOW_DEL);
    stmt_int(q, 1, target);
    stmt_int(q, 2, alert);
    (void)store_run(s, q);
}

int store_showing_expire(struct store *s, int64_t now, int max, void (*fn)(void *arg, int64_t target),
                         void *arg)
{
    struct stmt *q = store_q(s, Q_SHOW_DUE);
    stmt_int(q, 1, now);
    stmt_int(q, 2, max);
    struct reason why;
    if (s->failed || db_begin(&s->db, &why) != RELAY_OK) return 0;
    int n = 0;
    while (store_row(s, q)) {
        fn(arg, col_int(q, 0));
        n++;
    }
    return n;
}

int64_t store_showing_next_expiry(struct store *s)
{
    return one_int(s, store_q(s, Q_SHOW_NEXT), INT64_MAX);
}

void store_unshow_alert(struct store *s, int64_t alert, void (*fn)(void *arg, int64_t target), void *arg)
{
    struct stmt *q = store_q(s, Q_SHOW_OF_ALERT);
    stmt_int(q, 1, alert);
    while (store_row(s, q)) fn(arg, col_int(q, 0));
    q = store_q(s, Q_SHOW_DEL_ALERT);
    stmt_int(q, 1, alert);
    (void)store_run(s, q);
}

void store_showing(struct store *s, int64_t target, void (*fn)(void *arg, const struct shown_item *i),
                   void *arg)
{
    struct stmt *q = store_q(s, Q_SHOWING);
    stmt_int(q, 1, target);
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
    struct stmt *q = store_q(s, Q_UNCONFIRMED);
    stmt_int(q, 1, target);
    stmt_int(q, 2, rev);
    stmt_int(q, 3, (int64_t)max);
    size_t n = 0;
    while (n < max && store_row(s, q)) read_delivery(q, 0, &rows[n++]);
    stmt_reset(q);
    return n;
}
