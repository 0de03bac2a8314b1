/* Due rows -> one send each, a digest, or a snapshot -> the channel's word -> the next state. */
#include "dispatch.h"

#include "alerts.h"
#include "base/crashpoint.h"
#include "base/hash.h"
#include "base/i18n.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "decide.h"

enum {
    CLAIM_ROWS = 256,
    DIGEST_MAX = 100,
    SNAPSHOT_MAX = 200,
    ACK_ROWS = 64,
    RESERVE_FOR_RED = 5,
    REMINDERS = 3
};
#define BACKOFF_FIRST (1 * SECOND_MS)
#define BACKOFF_MOST  (60 * SECOND_MS)
#define GRACE         (120 * SECOND_MS) /* in which a failed playback is tried again */

struct send { /* one operation under way */
    struct send *next, *prev;
    struct relay *relay;
    struct targets *held; /* keeps target alive over a reload */
    struct relay_target *target;
    int64_t *rows;       /* delivery row ids; the first carries a digest */
    size_t *row_message; /* the message of each row */
    size_t n_rows;
    struct message *messages;
    size_t n_messages;
    struct snapshot snapshot;
    struct arena arena;
    int64_t started; /* wall */
    bool done;
    struct send_outcome outcome;
};

struct pending_report {
    struct pending_report *next;
    struct report r;
    bool applied; /* in the open transaction */
};

struct dispatch {
    struct send *claimed; /* in the open transaction, not started */
    struct send *running; /* handed to adapters; done ones wait here for collect */
    struct send *applied; /* outcome written in the open transaction */
    struct pending_report *reports, **reports_end;
    int in_flight;
    bool again; /* more was due than one claim takes */
};

static void list_push(struct send **list, struct send *s)
{
    s->prev = NULL;
    s->next = *list;
    if (*list) (*list)->prev = s;
    *list = s;
}

static void list_remove(struct send **list, struct send *s)
{
    if (s->prev)
        s->prev->next = s->next;
    else
        *list = s->next;
    if (s->next) s->next->prev = s->prev;
}

/* The first of the list, taken off it; NULL when it is empty. */
static struct send *list_pop(struct send **list)
{
    struct send *s = *list;
    if (!s) return NULL;
    *list = s->next;
    if (s->next) s->next->prev = NULL;
    s->next = NULL;
    return s;
}

static void send_free(struct send *s)
{
    targets_release(s->held);
    arena_release(&s->arena);
    free(s->rows);
    free(s->row_message);
    free(s->messages);
    free(s);
}

struct dispatch *dispatch_new(struct relay *r)
{
    (void)r;
    struct dispatch *d = xcalloc(1, sizeof(*d));
    d->reports_end = &d->reports;
    return d;
}

struct dispatch *dispatch_free(struct dispatch *d)
{
    if (!d) return NULL;
    struct send **lists[] = {&d->claimed, &d->running, &d->applied};
    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        for (struct send *s; (s = list_pop(lists[i]));) send_free(s);
    }
    while (d->reports) {
        struct pending_report *p = d->reports;
        d->reports = p->next;
        free(p);
    }
    free(d);
    return NULL;
}

int dispatch_in_flight(const struct dispatch *d)
{
    return d->in_flight;
}

/* -- building messages -------------------------------------------------------------------------------------------- */

static char *with_id(struct arena *a, const char *text, const char *id)
{
    const char *at = strstr(text, "{{id}}");
    if (!at) return arena_strdup(a, text);
    return arena_printf(a, "%.*s%s%s", (int)(at - text), text, id, at + 6);
}

static const char *body_text(struct arena *a, const cJSON *body, const char *name, const char *id)
{
    const char *v = json_str_or(body, name, NULL);
    return v ? with_id(a, v, id) : NULL;
}

/* Everything an adapter may know of a delivery, from the committed rows. */
static bool build_message(struct relay *r, struct send *op, const struct delivery_row *d,
                          const struct alert_row *alert, const struct revision_row *rev, struct message *m)
{
    CLEANUP(buf_release) struct buf body = BUF_INIT(256 * 1024);
    CLEANUP(json_free_ptr) cJSON *j = NULL;
    if (!store_rendering_get(r->store, d->rendering, &body)) return false;
    struct json_limits limits = {256 * 1024, 8};
    struct reason why;
    if (json_parse(buf_cstr(&body), body.len, &limits, &j, &why) != RELAY_OK) {
        log_error("rendering=%lld cannot be read: %s; its delivery is rejected", (long long)d->rendering,
                  why.text);
        return false;
    }
    struct arena *a = &op->arena;
    char short_text[SHORT_ID_LEN];
    *m = (struct message){.delivery = arena_printf(a, "%s.%d/%s", alert->id, d->rev, op->target->pub.id),
                          .alert = arena_strdup(a, alert->id),
                          .rev = d->rev,
                          .identifier = arena_printf(a, "%s.%d", alert->id, d->rev),
                          .status = alert->status,
                          .msg_type = rev->msg_type,
                          .level = rev->level,
                          .certainty = rev->certainty,
                          .rule = arena_strdup(a, alert->rule),
                          .category = arena_strdup(a, alert->category),
                          .sent = rev->sent,
                          .since = alert->created,
                          .expires = d->expires,
                          .count = (int)(alert->count > INT32_MAX ? INT32_MAX : alert->count),
                          .attempt = d->attempt,
                          .may_be_repeat = d->maybe};
    short_id(m->delivery, short_text);
    m->short_id = arena_strdup(a, short_text);
    CLEANUP(buf_release) struct buf refs = BUF_INIT(4096);
    for (int i = 1; i < d->rev; i++) buf_printf(&refs, "%s%s.%d", i > 1 ? " " : "", alert->id, i);
    m->references = arena_strdup(a, buf_cstr(&refs));
    m->voice = body_text(a, j, "voice", m->short_id);
    m->voice_short = body_text(a, j, "voice_short", m->short_id);
    m->rhyme = body_text(a, j, "rhyme", m->short_id);
    m->headline = body_text(a, j, "headline", m->short_id);
    m->chat = body_text(a, j, "chat", m->short_id);
    m->issuer = body_text(a, j, "issuer", m->short_id);
    const cJSON *line;
    cJSON_ArrayForEach(line, cJSON_GetObjectItemCaseSensitive(j, "lines"))
    {
        if (m->n_lines < 3 && cJSON_IsString(line))
            m->lines[m->n_lines++] = with_id(a, line->valuestring, m->short_id);
    }
    return true;
}

static struct send *op_new(struct relay *r, struct relay_target *t, size_t rows)
{
    struct send *op = xcalloc(1, sizeof(*op));
    op->relay = r;
    op->held = r->targets;
    targets_hold(r->targets);
    op->target = t;
    op->rows = xcalloc(rows ? rows : 1, sizeof(*op->rows));
    op->row_message = xcalloc(rows ? rows : 1, sizeof(*op->row_message));
    op->messages = xcalloc(rows ? rows : 1, sizeof(*op->messages));
    op->started = r->now.wall;
    op->snapshot.now = r->now;
    return op;
}

/* -- claiming ----------------------------------------------------------------------------------------------------- */

static void move(struct relay *r, struct delivery_row *d, enum delivery_state to, const char *reason,
                 int64_t due)
{
    if (store_delivery_move(r->store, d, to, reason, due, r->now.wall)) r->counters.deliveries[to]++;
}

static int64_t sooner(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

void dispatch_queued(struct relay *r, struct relay_target *t, const struct delivery_row *row)
{
    (void)r;
    if (t->ops->kind != TARGET_STATE) return;
    store_show(r->store, row);
    t->snapshot_due = true;
}

static enum target_class class_of(const struct relay_target *t)
{
    if (t->chat) return TO_CHAT;
    if (strcmp(t->ops->name, "pa") == 0) return TO_SPEECH;
    return strcmp(t->ops->name, "bulletin") == 0 ? TO_BULLETIN : TO_BOARD;
}

/* A held row whose hour has come. */
static void release_held(struct relay *r, struct relay_target *t, struct delivery_row *d)
{
    if (strncmp(d->reason, "approval", 8) == 0) {
        struct delivery_plan p = decide_approval_over(class_of(t), r->now.wall, d->expires);
        if (p.state == DELIVERY_HELD) {
            d->due = p.due;
            store_delivery_save(r->store, d);
            return;
        }
        move(r, d, p.state, p.reason, p.due);
    } else {
        move(r, d, DELIVERY_QUEUED, "", r->now.wall);
    }
    if (d->state == DELIVERY_QUEUED) dispatch_queued(r, t, d);
}

/* A sent row that is due: said again until somebody has taken it, or over. */
static void sent_is_due(struct relay *r, struct relay_target *t, struct delivery_row *d)
{
    struct alert_row a;
    bool over = d->expires <= r->now.wall;
    bool reminder = t->chat && !t->ops->confirms; /* its `sent` is the end: this would only say it again */
    if (reminder && (over || !store_alert_get(r->store, d->alert, &a) || *a.acked_by)) {
        d->due = NO_DUE;
        store_delivery_save(r->store, d);
        return;
    }
    if (over) {
        move(r, d, DELIVERY_UNCONFIRMED, "not confirmed before it expired", NO_DUE);
        return;
    }
    if (t->ops->kind == TARGET_STATE || d->accepted) { /* only its expiry is left to wait for */
        d->due = d->expires;
        store_delivery_save(r->store, d);
        return;
    }
    d->repeats++;
    move(r, d, DELIVERY_RETRY, reminder ? "not acknowledged yet: a reminder" : "not accepted yet: said again",
         r->now.wall);
}

/* Messages of one target: how many of its due rows go out, and whether as a digest. 0: later, and when. */
static size_t fold_or_not(struct relay *r, struct relay_target *t, const struct delivery_row *rows, size_t n,
                          bool *ret_digest, int64_t *ret_later)
{
    int64_t now = r->now.wall, ready = target_ready_at(t, now);
    *ret_digest = false;
    if (ready > now) {
        *ret_later = ready;
        return 0;
    }
    double tokens = target_tokens(t, now);
    bool red = rows[0].level == LEVEL_RED;
    double spare = t->rate_ms > 0 && !red ? tokens - RESERVE_FOR_RED : tokens;
    if (spare < 1) {
        *ret_later = now + (int64_t)((RESERVE_FOR_RED + 1 - tokens) / t->rate_ms) + 1;
        return 0;
    }
    bool waited = false;
    for (size_t i = 0; i < n; i++) waited = waited || rows[i].fold;
    if (n == 1 || !t->chat) return 1;
    *ret_digest = waited || spare < (double)n;
    return *ret_digest ? n : 1;
}

static void postpone(struct relay *r, struct delivery_row *rows, size_t n, int64_t until, const char *reason)
{
    for (size_t i = 0; i < n; i++) {
        rows[i].due = sooner(until, rows[i].expires);
        if (reason && *reason) (void)snprintf(rows[i].reason, sizeof(rows[i].reason), "%s", reason);
        store_delivery_save(r->store, &rows[i]);
    }
}

static void reject_all(struct relay *r, struct delivery_row *rows, size_t n, const char *why)
{
    for (size_t i = 0; i < n; i++) move(r, &rows[i], DELIVERY_REJECTED, why, NO_DUE);
}

/* One send (or digest) of a message target. False when nothing could go now; its rows were given a later due. */
static bool claim_messages(struct relay *r, struct relay_target *t)
{
    struct delivery_row rows[DIGEST_MAX];
    size_t n = store_due_of(r->store, t->row.id, r->now.wall, rows, DIGEST_MAX);
    if (!n) return false;
    if (t->broken) {
        reject_all(r, rows, n, t->why);
        return false;
    }
    if (t->in_flight >= r->config->limits.http_target || r->dispatch->in_flight >= r->config->limits.http) {
        postpone(r, rows, n, r->now.wall + 20, ""); /* a finished one wakes the loop anyway */
        return false;
    }
    bool digest;
    int64_t later;
    size_t take = fold_or_not(r, t, rows, n, &digest, &later);
    if (!take) {
        postpone(r, rows, n, later, t->row.why);
        return false;
    }
    struct send *op = op_new(r, t, take);
    for (size_t i = 0; i < take; i++) {
        struct alert_row alert;
        struct revision_row rev;
        rows[i].fold = digest;
        move(r, &rows[i], DELIVERY_SENDING, "", NO_DUE);
        if (!store_alert_get(r->store, rows[i].alert, &alert) ||
            !store_revision_get(r->store, rows[i].alert, rows[i].rev, &rev) ||
            !build_message(r, op, &rows[i], &alert, &rev, &op->messages[op->n_messages])) {
            move(r, &rows[i], DELIVERY_REJECTED, "its texts cannot be read", NO_DUE);
            continue;
        }
        op->row_message[op->n_messages] = op->n_messages;
        op->rows[op->n_messages++] = rows[i].id;
    }
    op->n_rows = op->n_messages;
    if (!op->n_messages) {
        send_free(op);
        return true;
    }
    target_take(t, r->now.wall, 1);
    if (t->rate_ms > 0) store_target_save(r->store, &t->row);
    t->in_flight++;
    r->dispatch->in_flight++;
    list_push(&r->dispatch->claimed, op);
    return true;
}

struct snapshot_build {
    struct relay *r;
    struct send *op;
    struct delivery_row *sending;
    size_t n, cap;
};

static void snapshot_item(void *arg, const struct shown_item *i)
{
    struct snapshot_build *b = arg;
    if (i->delivery.expires <= b->r->now.wall || b->op->n_messages == SNAPSHOT_MAX)
        return; /* the gravest came first */
    struct send *op = b->op;
    if (op->n_messages == b->cap) {
        b->cap = b->cap ? b->cap * 2 : 8;
        op->messages = xreallocarray(op->messages, b->cap, sizeof(*op->messages));
        b->sending = xreallocarray(b->sending, b->cap, sizeof(*b->sending));
    }
    if (!build_message(b->r, op, &i->delivery, &i->alert, &i->revision, &op->messages[op->n_messages]))
        return;
    b->sending[op->n_messages++] = i->delivery;
}

/* The snapshot of all that is in force at a board or bulletin. */
static void claim_snapshot(struct relay *r, struct relay_target *t)
{
    if (t->in_flight) return; /* the newer one goes when this one is done */
    t->snapshot_due = false;
    struct send *op = op_new(r, t, 0);
    struct snapshot_build b = {.r = r, .op = op};
    store_showing(r->store, t->row.id, snapshot_item, &b);
    t->row.snap_rev++;
    store_target_save(r->store, &t->row);
    op->snapshot.rev = t->row.snap_rev;
    free(op->rows);
    op->rows = xcalloc(op->n_messages + 1, sizeof(*op->rows));
    op->row_message = xreallocarray(op->row_message, op->n_messages + 1, sizeof(*op->row_message));
    for (size_t i = 0; i < op->n_messages; i++) {
        struct delivery_row *d = &b.sending[i];
        if (d->state != DELIVERY_QUEUED && d->state != DELIVERY_RETRY) continue;
        d->snap_rev = op->snapshot.rev;
        move(r, d, DELIVERY_SENDING, "", NO_DUE);
        op->row_message[op->n_rows] = i;
        op->rows[op->n_rows++] = d->id;
    }
    free(b.sending);
    t->in_flight++;
    list_push(&r->dispatch->claimed, op);
}

static void showing_expired(void *arg, int64_t target)
{
    struct relay *r = arg;
    struct relay_target *t = targets_by_row(r->targets, target);
    if (t) t->snapshot_due = true;
}

/* One due row whose target is known: moves what only time decides, and says whether a send is to be tried. */
static bool due_row(struct relay *r, struct relay_target *t, struct delivery_row *d)
{
    bool over = d->expires <= r->now.wall;
    if (d->state == DELIVERY_SENT) {
        sent_is_due(r, t, d);
        return d->state == DELIVERY_RETRY;
    }
    if (over) {
        bool trial = strcmp(d->reason, "trial") == 0; /* the report of a trial finds it by this word */
        move(r, d, DELIVERY_EXPIRED,
             trial                       ? "trial: expired while held"
             : d->state == DELIVERY_HELD ? "expired while held"
                                         : "expired before it could be sent",
             NO_DUE);
        if (t->ops->kind == TARGET_STATE) {
            store_unshow(r->store, t->row.id, d->alert);
            t->snapshot_due = true;
        }
        return false;
    }
    if (d->state == DELIVERY_HELD) {
        release_held(r, t, d);
        return d->state == DELIVERY_QUEUED;
    }
    return true;
}

/* One due row: what only time decides is done; a message goes out if its target can take it. */
static void claim_row(struct relay *r, const struct delivery_row *found)
{
    struct relay_target *t = targets_by_row(r->targets, found->target);
    struct delivery_row row = *found;
    if (!t) {
        move(r, &row, DELIVERY_CANCELLED, "target removed", NO_DUE);
        return;
    }
    /* An earlier row of this batch may have taken this one along. */
    if (!store_delivery_get(r->store, found->id, &row) || row.due == NO_DUE || row.due > r->now.wall) return;
    if (!due_row(r, t, &row)) return;
    if (t->ops->kind == TARGET_STATE)
        t->snapshot_due = true;
    else
        (void)claim_messages(r, t);
}

/* A row that its target's snapshot did not take: the one before is under way, or there are SNAPSHOT_MAX graver ones. */
static void postpone_unshown(struct relay *r, const struct delivery_row *found)
{
    struct relay_target *t = targets_by_row(r->targets, found->target);
    struct delivery_row row;
    if (!t || t->ops->kind != TARGET_STATE || !store_delivery_get(r->store, found->id, &row)) return;
    if ((row.state != DELIVERY_QUEUED && row.state != DELIVERY_RETRY) || row.due > r->now.wall) return;
    bool full = !t->snapshot_due;
    postpone(r, &row, 1, r->now.wall + (full ? MINUTE_MS : 50), full ? "graver ones fill the screen" : "");
}

/* At most CLAIM_ROWS snapshots; true when more are due. */
static bool claim_snapshots(struct relay *r)
{
    int n = 0;
    for (size_t i = 0; i < r->targets->n; i++) {
        struct relay_target *t = &r->targets->items[i];
        if (t->refresh_at && t->refresh_at <= r->now.wall) {
            t->refresh_at = 0;
            t->snapshot_due = true;
        }
        if (!t->snapshot_due || t->in_flight || t->row.paused > r->now.wall) continue;
        if (++n > CLAIM_ROWS) return true;
        claim_snapshot(r, t);
    }
    return false;
}

void dispatch_claim(struct relay *r)
{
    struct dispatch *d = r->dispatch;
    d->again = false;
    if (!r->store_ok || !r->clock_trusted) return;
    if (store_showing_next_expiry(r->store) <= r->now.wall)
        d->again = store_showing_expire(r->store, r->now.wall, CLAIM_ROWS, showing_expired, r) == CLAIM_ROWS;
    if (store_alerts_next_expiry(r->store) <= r->now.wall)
        (void)store_alerts_expire(r->store, r->now.wall, CLAIM_ROWS);
    struct delivery_row *rows = NULL;
    size_t n = 0;
    if (store_next_due(r->store) <= r->now.wall) {
        rows = xcalloc(CLAIM_ROWS, sizeof(*rows));
        n = store_due(r->store, r->now.wall, rows, CLAIM_ROWS);
        for (size_t i = 0; i < n; i++) claim_row(r, &rows[i]);
    }
    bool more = claim_snapshots(r);
    for (size_t i = 0; i < n; i++) postpone_unshown(r, &rows[i]);
    d->again = d->again || more || n == CLAIM_ROWS;
    free(rows);
}

void dispatch_start(struct relay *r)
{
    struct dispatch *d = r->dispatch;
    for (struct send *op; (op = list_pop(&d->claimed));) {
        list_push(&d->running, op);
        struct relay_target *t = op->target;
        t->ops->send(t->ctx, &t->pub, op->messages, op->n_messages,
                     t->ops->kind == TARGET_STATE ? &op->snapshot : NULL, op);
    }
}

void dispatch_forget(struct relay *r)
{
    struct dispatch *d = r->dispatch;
    for (struct send *op; (op = list_pop(&d->claimed));) {
        op->target->in_flight--;
        if (op->target->ops->kind == TARGET_STATE)
            op->target->snapshot_due = true;
        else
            d->in_flight--;
        send_free(op);
    }
    /* What was applied was not taken: it waits in `running`, done, for the next collect. */
    for (struct send *op; (op = list_pop(&d->applied));) {
        list_push(&d->running, op);
    }
    for (struct pending_report *p = d->reports; p; p = p->next) p->applied = false;
}

void dispatch_committed(struct relay *r)
{
    struct dispatch *d = r->dispatch;
    for (struct send *op; (op = list_pop(&d->applied));) {
        op->target->in_flight--;
        if (op->target->ops->kind != TARGET_STATE) d->in_flight--;
        send_free(op);
    }
    while (d->reports && d->reports->applied) {
        struct pending_report *p = d->reports;
        d->reports = p->next;
        if (!d->reports) d->reports_end = &d->reports;
        free(p);
    }
}

int64_t dispatch_next_due(struct relay *r)
{
    if (!r->store_ok || !r->clock_trusted) return INT64_MAX;
    if (r->dispatch->again) return r->now.wall;
    for (struct send *op = r->dispatch->running; op; op = op->next)
        if (op->done) return r->now.wall;
    int64_t due = sooner(store_next_due(r->store), store_showing_next_expiry(r->store));
    due = sooner(due, store_alerts_next_expiry(r->store));
    for (size_t i = 0; i < r->targets->n; i++) {
        const struct relay_target *t = &r->targets->items[i];
        if (t->snapshot_due && !t->in_flight)
            due = sooner(due, t->row.paused > r->now.wall ? t->row.paused : r->now.wall);
        if (t->refresh_at) due = sooner(due, t->refresh_at);
    }
    return due;
}

/* -- outcomes ----------------------------------------------------------------------------------------------------- */

void send_done(struct send *op, const struct send_outcome *outcome)
{
    op->outcome = *outcome;
    op->done = true;
    loop_wake(op->relay->loop);
}

/* 1 s, 2 s, 4 s … 60 s, three quarters to five quarters of it, by the delivery so that targets do not march in step. */
static int64_t backoff(const struct delivery_row *d)
{
    int shift = d->attempt > 1 ? (d->attempt < 8 ? d->attempt - 1 : 7) : 0;
    int64_t base = sooner(BACKOFF_FIRST << shift, BACKOFF_MOST);
    uint32_t spread = (uint32_t)(d->id * 2654435761u + (uint32_t)d->attempt * 40503u) >> 16;
    return base * 3 / 4 + base / 2 * (int64_t)(spread % 1000) / 1000;
}

/* When a sent row must be looked at again: to be repeated until accepted, to remind a duty chat, or at its expiry. */
static int64_t after_sent(struct relay *r, const struct relay_target *t, const struct delivery_row *d)
{
    if (t->chat && d->repeat_ms > 0 && d->repeats < REMINDERS)
        return sooner(r->now.wall + d->repeat_ms, d->expires);
    if (!t->ops->confirms) return NO_DUE;
    int64_t wait = t->ops->kind == TARGET_STATE || d->accepted ? -1 : adapter_again(t->ops, d->repeats);
    return wait < 0 ? d->expires : sooner(r->now.wall + wait, d->expires);
}

static void log_attempt(const struct relay *r, const struct send *op, const struct delivery_row *d,
                        const char *delivery)
{
    char id[SHORT_ID_LEN];
    short_id(delivery, id);
    log_info("%s: delivery=%s target=%s attempt=%d queued=%.3fs sent=%.3fs status=%s%s%s%s", id, delivery,
             op->target->pub.id, d->attempt, (double)(op->started - d->created) / 1000,
             (double)(r->now.wall - op->started) / 1000, delivery_state_name(d->state),
             *d->reason ? " (" : "", d->reason, *d->reason ? ")" : "");
}

static void settle(struct relay *r, struct send *op, size_t i, struct delivery_row *d)
{
    const struct send_outcome *o = &op->outcome;
    int64_t now = r->now.wall;
    bool digest = op->n_rows > 1 && op->target->ops->kind == TARGET_MESSAGE;
    switch (o->result) {
    case SEND_SENT:
        if (digest && i > 0) {
            char why[120];
            (void)snprintf(why, sizeof(why), "folded into %s", op->messages[0].short_id);
            move(r, d, DELIVERY_SUPPRESSED, why, NO_DUE);
        } else {
            move(r, d, DELIVERY_SENT, o->reason, after_sent(r, op->target, d));
        }
        return;
    case SEND_RETRY: {
        int64_t due = now + (o->retry_after_ms > 0 ? o->retry_after_ms : backoff(d));
        if (due >= d->expires)
            move(r, d, DELIVERY_EXPIRED, o->reason, NO_DUE);
        else
            move(r, d, DELIVERY_RETRY, o->reason, due);
        return;
    }
    case SEND_REJECTED: move(r, d, DELIVERY_REJECTED, o->reason, NO_DUE); return;
    case SEND_UNKNOWN:
        if (d->maybe) {
            move(r, d, DELIVERY_UNCONFIRMED, o->reason, NO_DUE);
        } else {
            d->maybe = true;
            move(r, d, DELIVERY_RETRY, o->reason, sooner(now + backoff(d), d->expires));
        }
        return;
    }
}

static void apply_effect(struct relay *r, struct send *op)
{
    struct relay_target *t = op->target;
    const struct send_outcome *o = &op->outcome;
    if (o->effect == TARGET_GOES_ON && !(t->row.paused && o->result == SEND_SENT)) return;
    if (o->effect == TARGET_GOES_ON) {
        t->row.paused = 0;
        t->row.why[0] = '\0';
    } else if (o->effect == TARGET_PAUSE) {
        t->row.paused = r->now.wall + (o->retry_after_ms > 0 ? o->retry_after_ms : BACKOFF_MOST);
        (void)snprintf(t->row.why, sizeof(t->row.why), "paused: %s", o->reason);
        log_warning("target=%s paused: %s; going on in %lld s", t->pub.id, o->reason,
                    (long long)(t->row.paused - r->now.wall) / 1000);
    } else {
        t->row.paused = -1;
        (void)snprintf(t->row.why, sizeof(t->row.why), "disabled: %s", o->reason);
        log_error("target=%s disabled: %s; mend it and reload", t->pub.id, o->reason);
    }
    store_target_save(r->store, &t->row);
}

static void apply_outcome(struct relay *r, struct send *op)
{
    bool state_target = op->target->ops->kind == TARGET_STATE;
    for (size_t i = 0; i < op->n_rows; i++) {
        struct delivery_row d;
        if (!store_delivery_get(r->store, op->rows[i], &d)) continue;
        if (d.state == DELIVERY_SENDING) settle(r, op, i, &d);
        log_attempt(r, op, &d, op->messages[op->row_message[i]].delivery);
        if (state_target && (d.state == DELIVERY_REJECTED || d.state == DELIVERY_EXPIRED))
            store_unshow(r->store, d.target, d.alert);
    }
    /* A snapshot without waiting rows (an item left the board) must arrive too. */
    if (state_target && op->outcome.result != SEND_SENT && op->outcome.result != SEND_REJECTED) {
        op->target->snapshot_due = true;
        int64_t wait = op->outcome.retry_after_ms > 0 ? op->outcome.retry_after_ms : BACKOFF_FIRST;
        op->target->row.paused = r->now.wall + wait;
    } else if (state_target && op->target->row.paused > 0) {
        op->target->row.paused = 0;
    }
    if (!state_target) apply_effect(r, op);
}

/* -- reports ------------------------------------------------------------------------------------------------------ */

void dispatch_report(struct relay *r, const struct report *report)
{
    struct pending_report *p =
        xcalloc(1, sizeof(*p) + strlen(report->target) + (report->delivery ? strlen(report->delivery) : 0) +
                       strlen(report->state) + (report->detail ? strlen(report->detail) : 0) + 4);
    char *at = (char *)(p + 1);
    p->r = *report;
    const char **fields[] = {&p->r.target, &p->r.delivery, &p->r.state, &p->r.detail};
    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        if (!*fields[i]) continue;
        size_t n = strlen(*fields[i]) + 1;
        memcpy(at, *fields[i], n);
        *fields[i] = at;
        at += n;
    }
    *r->dispatch->reports_end = p;
    r->dispatch->reports_end = &p->next;
    loop_wake(r->loop);
}

/* "<alert>.<rev>/<target>" -> its row. */
static bool find_delivery(struct relay *r, const char *id, struct relay_target **ret_target,
                          struct delivery_row *ret)
{
    const char *slash = strchr(id, '/');
    if (!slash) return false;
    char alert_id[80];
    (void)snprintf(alert_id, sizeof(alert_id), "%.*s", (int)(slash - id), id);
    char *dot = strrchr(alert_id, '.');
    struct alert_row a;
    if (!dot) return false;
    *dot = '\0';
    *ret_target = targets_by_id(r->targets, slash + 1);
    return *ret_target && store_alert_by_id(r->store, alert_id, &a) &&
           store_delivery_of(r->store, a.n, (*ret_target)->row.id, ret) &&
           ret->rev == (int)strtol(dot + 1, NULL, 10);
}

static void apply_to(struct relay *r, const struct relay_target *t, struct delivery_row *d,
                     const struct report *p)
{
    const char *detail = p->detail ? p->detail : "";
    int64_t now = r->now.wall;
    if (delivery_is_end(d->state) && d->state != DELIVERY_UNCONFIRMED) return; /* said before, or over */
    bool taken = strcmp(p->state, "accepted") == 0 || strcmp(p->state, "queued") == 0 ||
                 strcmp(p->state, "playing") == 0 || strcmp(p->state, "preempted") == 0;
    if (taken) {
        if (!d->accepted) d->accepted = now;
        if (d->state == DELIVERY_SENT) d->due = d->expires;
        (void)snprintf(d->reason, sizeof(d->reason), "%s %s", p->state, detail);
        store_delivery_save(r->store, d);
    } else if (strcmp(p->state, "skipped") == 0) {
        move(r, d, DELIVERY_SUPPRESSED, *detail ? detail : "skipped", NO_DUE);
    } else if (strcmp(p->state, "failed") == 0) {
        if (now - d->created < GRACE && t->ops->kind == TARGET_MESSAGE)
            move(r, d, DELIVERY_RETRY, *detail ? detail : "failed", sooner(now + backoff(d), d->expires));
        else if (t->ops->kind == TARGET_MESSAGE)
            move(r, d, DELIVERY_REJECTED, *detail ? detail : "failed", NO_DUE);
    } else {
        enum delivery_state to;
        if (!delivery_state_parse(p->state, &to)) {
            log_warning("target=%s reports the unknown state %.20s; ignored", p->target, p->state);
            return;
        }
        move(r, d, to, detail, NO_DUE);
    }
    log_info("target=%s reported=%s delivery=%lld.%d status=%s", p->target, p->state, (long long)d->alert,
             d->rev, delivery_state_name(d->state));
}

static void apply_report(struct relay *r, const struct report *p)
{
    struct delivery_row d;
    struct relay_target *t;
    if (p->delivery) {
        if (find_delivery(r, p->delivery, &t, &d))
            apply_to(r, t, &d, p);
        else
            log_warning("target=%s reports on a delivery that is not known; ignored", p->target);
        return;
    }
    t = targets_by_id(r->targets, p->target);
    if (!t) return;
    struct delivery_row rows[ACK_ROWS];
    size_t n;
    do {
        n = store_showing_unconfirmed(r->store, t->row.id, p->rev, rows, ACK_ROWS);
        for (size_t i = 0; i < n; i++) apply_to(r, t, &rows[i], p);
    } while (n == ACK_ROWS && rows[0].state != DELIVERY_SENT);
}

void dispatch_collect(struct relay *r)
{
    struct dispatch *d = r->dispatch;
    if (!r->store_ok) return; /* what came stays in memory until a commit works again */
    for (struct send *op = d->running, *next; op; op = next) {
        next = op->next;
        if (!op->done) continue;
        list_remove(&d->running, op);
        crashpoint("before_outcome");
        apply_outcome(r, op);
        list_push(&d->applied, op);
    }
    for (struct pending_report *p = d->reports; p; p = p->next) {
        if (p->applied) continue;
        apply_report(r, &p->r);
        p->applied = true;
    }
}

/* -- people and reloads ------------------------------------------------------------------------------------------- */

static void cancel_row(void *arg, struct delivery_row *d)
{
    move(arg, d, DELIVERY_CANCELLED, "target removed", NO_DUE);
}

static void cancel_removed(void *arg, int64_t target, const char *name)
{
    struct relay *r = arg;
    if (targets_by_row(r->targets, target)) return;
    log_info("target=%s removed: its waiting deliveries are cancelled", name);
    store_deliveries_waiting(r->store, target, cancel_row, r);
}

static void wake_row(void *arg, struct delivery_row *d)
{
    struct relay *r = arg;
    if (d->state == DELIVERY_HELD) return;
    d->due = r->now.wall;
    store_delivery_save(r->store, d);
}

void dispatch_targets_changed(struct relay *r, struct targets *old)
{
    store_targets_waiting(r->store, cancel_removed, r);
    for (size_t i = 0; i < r->targets->n; i++) {
        struct relay_target *t = &r->targets->items[i];
        struct relay_target *was = old ? targets_by_id(old, t->pub.id) : NULL;
        if (was && (was->row.paused < 0 || was->broken))
            store_deliveries_waiting(r->store, t->row.id, wake_row, r);
        if (was) t->in_flight = was->in_flight;
    }
}

void dispatch_refresh_states(struct relay *r)
{
    for (size_t i = 0; i < r->targets->n; i++) {
        struct relay_target *t = &r->targets->items[i];
        if (t->ops->kind != TARGET_STATE) continue;
        t->snapshot_due = true;
        if (t->row.paused > 0) t->row.paused = 0;
    }
}

void dispatch_release(struct relay *r, struct delivery_row *d)
{
    struct relay_target *t = targets_by_row(r->targets, d->target);
    if (!t) return;
    move(r, d, DELIVERY_QUEUED, "", r->now.wall);
    if (d->state == DELIVERY_QUEUED) dispatch_queued(r, t, d);
}

enum relay_err dispatch_done(struct relay *r, int64_t delivery, const char *who, struct reason *why)
{
    struct delivery_row d;
    if (!store_delivery_get(r->store, delivery, &d))
        return fail(why, RELAY_NOT_FOUND, _("there is no such delivery"));
    struct relay_target *t = targets_by_row(r->targets, d.target);
    if (!t) return fail(why, RELAY_CONFLICT, _("its target is no longer configured"));
    if (!t->chat || !t->ops->confirms) /* devices answer for themselves, and other chats cannot tell */
        return fail(why, RELAY_CONFLICT,
                    _("only what is passed on by hand is reported as done (type forward)"));
    char note[120];
    (void)snprintf(note, sizeof(note), "passed on by %s", who);
    if (!delivery_may_move(d.state, DELIVERY_ACKNOWLEDGED))
        return fail(why, RELAY_CONFLICT, _("it is %s: nothing to report"), delivery_state_name(d.state));
    move(r, &d, DELIVERY_ACKNOWLEDGED, note, NO_DUE);
    return RELAY_OK;
}

void dispatch_refresh(struct relay *r, const char *target, int64_t at)
{
    struct relay_target *t = targets_by_id(r->targets, target);
    if (!t || t->ops->kind != TARGET_STATE) return;
    if (at)
        t->refresh_at = at;
    else
        t->snapshot_due = true;
    loop_wake(r->loop);
}

enum relay_err dispatch_replay(struct relay *r, int64_t delivery, struct reason *why)
{
    struct delivery_row d;
    if (!store_delivery_get(r->store, delivery, &d))
        return fail(why, RELAY_NOT_FOUND, _("there is no such delivery"));
    if (d.expires <= r->now.wall)
        return fail(why, RELAY_CONFLICT, _("it expired; a warning is not said late"));
    struct relay_target *t = targets_by_row(r->targets, d.target);
    if (!t) return fail(why, RELAY_CONFLICT, _("its target is no longer configured"));
    if (!delivery_may_move(d.state, DELIVERY_QUEUED) && !delivery_may_move(d.state, DELIVERY_RETRY))
        return fail(why, RELAY_CONFLICT, _("it is %s: nothing to replay"), delivery_state_name(d.state));
    enum delivery_state to = delivery_may_move(d.state, DELIVERY_QUEUED) ? DELIVERY_QUEUED : DELIVERY_RETRY;
    move(r, &d, to, "replayed by a person", r->now.wall);
    if (t->ops->kind == TARGET_STATE) dispatch_queued(r, t, &d);
    return RELAY_OK;
}
