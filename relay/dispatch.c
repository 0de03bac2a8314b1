/* Due rows -> one send each, a digest, or a snapshot -> the channel's word -> the next state. */
#include "dispatch.h"

#include "alerts.h"
#include "base/crashpoint.h"
#include "base/log.h"
#include "decide.h"
#include "dispatch_internal.h"
#include "pace.h"
#include "review.h"
#include "silence.h"
#include "told.h"

enum {
    DIGEST_MAX = 100,
    SNAPSHOT_MAX = 200,
    SNAPSHOT_ITEMS = 2048, /* of all snapshots of a turn; the last may have more */
    RESERVE_FOR_RED = 5,
    FORGETTABLE = 3,
    CHATS_A_TURN = 128, /* where answers come at once, the next ones find connections that stand already */
    OUTCOMES_A_COMMIT = 128,
    OUTCOMES_WAIT = 4 /* ms */
};

void sends_push(struct send_list *l, struct send *s)
{
    s->next = NULL;
    s->prev = l->last;
    if (l->last)
        l->last->next = s;
    else
        l->first = s;
    l->last = s;
}

void sends_remove(struct send_list *l, struct send *s)
{
    if (s->prev)
        s->prev->next = s->next;
    else
        l->first = s->next;
    if (s->next)
        s->next->prev = s->prev;
    else
        l->last = s->prev;
    s->next = s->prev = NULL;
}

/* The first of the list, taken off it; NULL when it is empty. */
static struct send *sends_pop(struct send_list *l)
{
    struct send *s = l->first;
    if (!s) return NULL;
    l->first = s->next;
    if (l->first)
        l->first->prev = NULL;
    else
        l->last = NULL;
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

struct dispatch *dispatch_new(void)
{
    struct dispatch *d = xcalloc(1, sizeof(*d));
    d->reports_end = &d->reports;
    return d;
}

struct dispatch *dispatch_free(struct dispatch *d)
{
    if (!d) return NULL;
    struct send_list *lists[] = {&d->claimed, &d->running, &d->done, &d->applied};
    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        for (struct send *s; (s = sends_pop(lists[i]));) send_free(s);
    }
    while (d->reports) {
        struct pending_report *p = d->reports;
        d->reports = p->next;
        free(p);
    }
    dispatch_forget_texts(d);
    free(d->woken);
    free(d);
    return NULL;
}

int dispatch_in_flight(const struct dispatch *d)
{
    return d->in_flight;
}

bool dispatch_unsettled(const struct dispatch *d)
{
    return d->in_flight > 0 || d->done.first;
}

/* rows: 0 when they are not known yet. */
static struct send *op_new(struct relay *r, struct relay_target *t, size_t rows)
{
    struct send *op = xcalloc(1, sizeof(*op));
    op->relay = r;
    op->held = r->targets;
    targets_hold(r->targets);
    op->target = t;
    if (rows) {
        op->rows = xcalloc(rows, sizeof(*op->rows));
        op->row_message = xcalloc(rows, sizeof(*op->row_message));
        op->messages = xcalloc(rows, sizeof(*op->messages));
    }
    op->started = r->now.wall;
    op->snapshot.now = r->now;
    return op;
}

/* -- claiming ----------------------------------------------------------------------------------------------------- */

bool dispatch_move(struct relay *r, struct delivery_row *d, enum delivery_state to, const char *reason,
                   int64_t due)
{
    if (!store_delivery_move(r->store, d, to, reason, due, r->now.wall)) return false;
    r->counters.deliveries[to]++;
    return true;
}

bool dispatch_end_unsent(struct relay *r, struct delivery_row *d, const char *why)
{
    if (!delivery_is_waiting(d->state)) return false;
    if (d->state != DELIVERY_SENDING) return dispatch_move(r, d, DELIVERY_SUPPRESSED, why, NO_DUE);
    (void)snprintf(d->reason, sizeof(d->reason), "%s", why);
    store_delivery_save(r->store, d);
    return true;
}

bool dispatch_end_repeats(struct relay *r, const struct relay_target *t, struct delivery_row *d,
                          const char *why)
{
    if (d->state != DELIVERY_SENT || d->due == NO_DUE) return false;
    if (!t || !t->chat || t->ops->confirms) return dispatch_move(r, d, DELIVERY_SUPPRESSED, why, NO_DUE);
    d->due = NO_DUE;
    store_delivery_save(r->store, d);
    return true;
}

void dispatch_queued(struct relay *r, struct relay_target *t, const struct delivery_row *row)
{
    if (t->ops->kind != TARGET_STATE) return;
    store_show(r->store, row);
    if (row->level == LEVEL_RED)
        target_show_red(t);
    else
        target_show(t);
}

/* The hour of one held row of a chat is that of others as well: they go out together. */
static void release_with_it(void *arg, struct delivery_row *d)
{
    struct relay *r = arg;
    if (delivery_held_for(d, "quiet_hours") && d->due <= r->now.wall && d->expires > r->now.wall)
        dispatch_move(r, d, DELIVERY_QUEUED, "", r->now.wall);
}

bool dispatch_hold_quiet(struct relay *r, const struct relay_target *t, struct delivery_row *d)
{
    int64_t until = target_quiet_until(t, d->level, r->now.wall);
    if (d->state != DELIVERY_HELD || until <= r->now.wall) return false;
    if (t->chat) until += pace_spread(t->pub.id);
    (void)snprintf(d->reason, sizeof(d->reason), "quiet_hours");
    d->due = sooner(until, d->expires);
    d->fold = true;
    store_delivery_save(r->store, d);
    return true;
}

/* A held row whose hour has come. */
static void release_held(struct relay *r, struct relay_target *t, struct delivery_row *d)
{
    if (delivery_held_for(d, "approval")) {
        struct delivery_plan p = decide_approval_over(t->class, r->now.wall, d->expires);
        if (p.state == DELIVERY_HELD) {
            d->due = p.due;
            store_delivery_save(r->store, d);
            return;
        }
        if (p.state == DELIVERY_QUEUED && dispatch_hold_quiet(r, t, d)) return;
        dispatch_move(r, d, p.state, p.reason, p.due);
    } else {
        dispatch_move(r, d, DELIVERY_QUEUED, "", r->now.wall);
        if (t->chat) store_deliveries_waiting(r->store, t->row.id, release_with_it, r);
    }
    if (d->state == DELIVERY_QUEUED) dispatch_queued(r, t, d);
}

/* Its alert has ended; or what was tried here before has been corrected since, though the alert goes on elsewhere. */
static bool taken_back(struct relay *r, const struct delivery_row *d, const struct alert_row *a)
{
    struct delivery_row newest;
    struct revision_row rev;
    if (a->ended) return true;
    return d->attempt > 0 && store_delivery_of(r->store, d->alert, d->target, &newest) &&
           newest.rev > d->rev && store_revision_get(r->store, d->alert, newest.rev, &rev) &&
           rev.msg_type == MSG_CANCEL;
}

/* A sent row that is due: said again until somebody has taken it, or over. */
static void sent_is_due(struct relay *r, struct relay_target *t, struct delivery_row *d)
{
    struct alert_row a;
    bool over = d->expires <= r->now.wall;
    bool reminder = t->chat && !t->ops->confirms; /* its `sent` is the end: this would only say it again */
    bool enough = reminder && !pace_allows_digest(t->chat, &t->told, clock_local_day(r->now.wall));
    if (reminder &&
        (over || enough || !store_alert_get(r->store, d->alert, &a) || *a.acked_by || taken_back(r, d, &a))) {
        d->due = NO_DUE; /* a day's limit is not spent on saying it again */
        store_delivery_save(r->store, d);
        return;
    }
    if (over) {
        dispatch_move(r, d, DELIVERY_UNCONFIRMED, "not confirmed before it expired", NO_DUE);
        return;
    }
    if (t->ops->kind == TARGET_STATE || d->accepted) { /* only its expiry is left to wait for */
        d->due = d->expires;
        store_delivery_save(r->store, d);
        return;
    }
    int64_t later = t->chat ? alerts_reminder_waits(r, t, d) : 0;
    if (later) {
        d->due = sooner(later, d->expires);
        store_delivery_save(r->store, d);
        return;
    }
    if (t->chat && alerts_remind_anew(r, t, d)) return;
    d->repeats++;
    dispatch_move(r, d, DELIVERY_RETRY,
                  reminder ? "not acknowledged yet: a reminder" : "not accepted yet: said again",
                  r->now.wall);
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
    for (size_t i = 0; i < n; i++) dispatch_move(r, &rows[i], DELIVERY_REJECTED, why, NO_DUE);
}

/* What a chat may not hear today as a message of its own waits for a digest; returns how many rows are left. What was
 * counted before (a retry), corrections, exercises and tests know no limit. */
static size_t within_limits(struct relay *r, struct relay_target *t, struct delivery_row *rows, size_t n)
{
    if (pace_a_day(t->chat) == 0 && pace_a_rule(t->chat) == 0) return n;
    int day = clock_local_day(r->now.wall);
    bool digest = pace_allows_digest(t->chat, &t->told, day);
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        struct source from;
        bool free_of_limits = rows[i].attempt > 0 || rows[i].reminder || rows[i].repeats ||
                              !dispatch_source(r, &rows[i], &from) || from.revision->msg_type == MSG_CANCEL ||
                              from.alert->status != STATUS_ACTUAL;
        bool goes =
            free_of_limits || (rows[i].fold ? digest : pace_allows(t->chat, &t->told, day, from.alert->rule));
        if (goes) {
            rows[kept++] = rows[i];
            continue;
        }
        bool red = rows[i].level == LEVEL_RED;
        int64_t now = r->now.wall, at = red && digest ? pace_hour_at(t->chat, t->pub.id, now)
                                        : red         ? pace_tomorrow(t->chat, t->pub.id, now)
                                                      : pace_digest_at(t->chat, t->pub.id, now, false);
        if (!digest && clock_local_day(at) == day) at = pace_tomorrow(t->chat, t->pub.id, now);
        rows[i].fold = true;
        postpone(r, &rows[i], 1, at, "over the limit of a day: waits for the digest");
    }
    return kept;
}

/* How many of a target's due rows go out in the next message, moved to the front. What waited for a digest goes as one;
 * when the bucket has less than all need, everything does. 0: later, and when. */
static size_t fold_or_not(struct relay *r, struct relay_target *t, struct delivery_row *rows, size_t n,
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
    size_t folded = 0, single = n;
    for (size_t i = n; i-- > 0;) {
        folded += rows[i].fold;
        if (!rows[i].fold) single = i; /* the gravest of them */
    }
    if (n == 1 || !t->chat) return 1;
    bool crowd = (int64_t)n >= r->config->limits.waiting;
    if (crowd || spare < (double)(n - folded + (folded > 0))) {
        *ret_digest = true;
        return n;
    }
    if (single < n) {
        struct delivery_row first = rows[single];
        memmove(rows + 1, rows, single * sizeof(*rows));
        rows[0] = first;
        return 1;
    }
    *ret_digest = true;
    return n;
}

static void count_message(struct relay *r, struct relay_target *t, const struct delivery_row *first,
                          bool digest)
{
    struct source from;
    bool reminder = first->repeats > 0 || first->reminder > 0;
    if ((first->attempt > 0 && !first->repeats) || !dispatch_source(r, first, &from)) return; /* a retry */
    if (from.revision->msg_type == MSG_CANCEL || from.alert->status != STATUS_ACTUAL) return;
    told_add(r, t, digest || reminder ? "" : from.alert->rule);
}

static const char behind_others[] = "waits for messages that are under way";

/* What was under way when its alert was cancelled is not tried again: the correction is not overtaken by what it corrects.
 * Returns how many rows are left. */
static size_t without_ended(struct relay *r, struct delivery_row *rows, size_t n)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        struct source from;
        if (dispatch_source(r, &rows[i], &from) && from.revision->msg_type != MSG_CANCEL &&
            taken_back(r, &rows[i], from.alert))
            dispatch_move(r, &rows[i], DELIVERY_CANCELLED, "alert ended", NO_DUE);
        else
            rows[kept++] = rows[i];
    }
    return kept;
}

/* The silence that keeps the revision unsaid, though it may not have come to it yet (silence_sweep_on); 0: none. A snapshot asks
 * about the same alerts as the one before it. */
static int64_t silence_over(struct relay *r, const struct alert_row *a, const struct revision_row *rev)
{
    if (!r->sweeping || !a->grp || rev->msg_type == MSG_CANCEL) return 0;
    size_t i = (size_t)a->n % SILENCES_KNOWN;
    if (r->dispatch->silenced[i].alert != a->n) {
        r->dispatch->silenced[i].silence = silence_of_alert(r, a);
        r->dispatch->silenced[i].alert = a->n;
    }
    return r->dispatch->silenced[i].silence;
}

/* The same of its site's mode (review_follow_on). */
static bool kept_back(struct relay *r, const struct relay_target *t, const struct alert_row *a,
                      const struct revision_row *rev)
{
    return r->following && review_keeps_back(r, t, a, rev);
}

/* Returns how many rows are left. */
static size_t without_unsaid(struct relay *r, const struct relay_target *t, struct delivery_row *rows,
                             size_t n)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        struct source from;
        bool known = dispatch_source(r, &rows[i], &from);
        int64_t silence = known ? silence_over(r, from.alert, from.revision) : 0;
        char why[40] = SITE_WENT_BACK;
        if (silence) (void)snprintf(why, sizeof(why), "silence %lld", (long long)silence);
        if (silence || (known && kept_back(r, t, from.alert, from.revision)))
            dispatch_move(r, &rows[i], DELIVERY_SUPPRESSED, why, NO_DUE);
        else
            rows[kept++] = rows[i];
    }
    return kept;
}

/* The hour is looked at once more when it goes: what a pause, a limit, a dead service or a reminder has carried into the
 * quiet hours waits for their end. Returns how many rows are left. */
static size_t outside_quiet(struct relay *r, struct relay_target *t, struct delivery_row *rows, size_t n)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        struct source from;
        struct delivery_row *d = &rows[i];
        int64_t until = target_quiet_until(t, d->level, r->now.wall);
        bool known = until && dispatch_source(r, d, &from);
        if (!until || (known && from.alert->status == STATUS_TEST)) { /* somebody waits for a test */
            rows[kept++] = *d;
            continue;
        }
        d->fold = d->fold || (known && from.revision->msg_type != MSG_CANCEL);
        dispatch_move(r, d, DELIVERY_HELD, "quiet_hours", sooner(until + pace_spread(t->pub.id), d->expires));
    }
    return kept;
}

/* One send (or digest) of a message target; found: one of its due rows as it is now, or NULL. False when nothing could go
 * now; its rows were given a later due. */
static bool claim_messages(struct relay *r, struct relay_target *t, const struct delivery_row *found)
{
    struct delivery_row rows[DIGEST_MAX];
    size_t n = 1;
    if (found && store_due_alone(r->store, found, r->now.wall))
        rows[0] = *found;
    else
        n = store_due_of(r->store, t->row.id, r->now.wall, rows, DIGEST_MAX);
    if (!n) return false;
    n = without_ended(r, rows, n);
    if (r->sweeping || r->following) n = without_unsaid(r, t, rows, n);
    if (!n) return false;
    if (t->broken) {
        reject_all(r, rows, n, t->why);
        return false;
    }
    if (t->chat && t->in_flight >= r->config->limits.http_target) {
        t->rows_wait = true; /* the next one that finishes wakes them */
        postpone(r, rows, n, r->now.wall + MINUTE_MS, behind_others);
        return false;
    }
    if (t->chat) n = outside_quiet(r, t, rows, n);
    if (t->chat && n) n = within_limits(r, t, rows, n);
    if (!n) return false;
    bool digest;
    int64_t later;
    size_t take = fold_or_not(r, t, rows, n, &digest, &later);
    if (!take) {
        postpone(r, rows, n, later, t->row.why);
        return false;
    }
    if (t->chat) count_message(r, t, &rows[0], digest);
    struct send *op = op_new(r, t, take);
    for (size_t i = 0; i < take; i++) {
        struct source from;
        rows[i].fold = digest;
        dispatch_move(r, &rows[i], DELIVERY_SENDING, "", NO_DUE);
        if (!dispatch_source(r, &rows[i], &from) ||
            !dispatch_message(r, op, &rows[i], from.alert, from.revision, &op->messages[op->n_messages])) {
            dispatch_move(r, &rows[i], DELIVERY_REJECTED, "its texts cannot be read", NO_DUE);
            continue;
        }
        if (!op->n_messages) op->first = rows[i];
        op->row_message[op->n_messages] = op->n_messages;
        op->rows[op->n_messages++] = rows[i].id;
    }
    op->n_rows = op->n_messages;
    if (!op->n_messages) {
        send_free(op);
        return true;
    }
    target_take(t, r->now.wall, 1);
    /* A crash may forget a few messages of a full bucket, not more: the channel's own limit stands behind it. */
    if (t->rate_ms > 0 && target_tokens(t, r->now.wall) < t->burst - FORGETTABLE)
        store_target_save(r->store, &t->row);
    t->in_flight++;
    if (t->chat) r->dispatch->in_flight++;
    sends_push(&r->dispatch->claimed, op);
    return true;
}

struct snapshot_build {
    struct relay *r;
    struct send *op;
    struct delivery_row *sending;
    size_t n, cap;
    bool left_out;
};

static void snapshot_item(void *arg, const struct shown_item *i)
{
    struct snapshot_build *b = arg;
    if (i->delivery.expires <= b->r->now.wall || b->op->n_messages == SNAPSHOT_MAX)
        return; /* the gravest came first */
    if (silence_over(b->r, &i->alert, &i->revision) ||
        kept_back(b->r, b->op->target, &i->alert, &i->revision)) {
        b->left_out = true;
        return;
    }
    struct send *op = b->op;
    if (op->n_messages == b->cap) {
        b->cap = b->cap ? b->cap * 2 : 8;
        op->messages = xreallocarray(op->messages, b->cap, sizeof(*op->messages));
        b->sending = xreallocarray(b->sending, b->cap, sizeof(*b->sending));
    }
    if (!dispatch_message(b->r, op, &i->delivery, &i->alert, &i->revision, &op->messages[op->n_messages]))
        return;
    b->sending[op->n_messages++] = i->delivery;
}

/* The snapshot of all that is in force at a board or bulletin; returns how many items it has. */
static size_t claim_snapshot(struct relay *r, struct relay_target *t)
{
    t->show_due = t->show_grave = false;
    struct send *op = op_new(r, t, 0);
    struct snapshot_build b = {.r = r, .op = op};
    store_showing(r->store, t->row.id, snapshot_item, &b);
    t->left_out = b.left_out;
    t->row.snap_rev++;
    store_target_save(r->store, &t->row);
    op->snapshot.rev = t->row.snap_rev;
    op->rows = xcalloc(op->n_messages, sizeof(*op->rows));
    op->row_message = xcalloc(op->n_messages, sizeof(*op->row_message));
    for (size_t i = 0; i < op->n_messages; i++) {
        struct delivery_row *d = &b.sending[i];
        if (d->state != DELIVERY_QUEUED && d->state != DELIVERY_RETRY) continue;
        d->snap_rev = op->snapshot.rev;
        dispatch_move(r, d, DELIVERY_SENDING, "", NO_DUE);
        op->row_message[op->n_rows] = i;
        op->rows[op->n_rows++] = d->id;
    }
    free(b.sending);
    t->in_flight++;
    sends_push(&r->dispatch->claimed, op);
    return op->n_messages;
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
        dispatch_move(r, d, DELIVERY_EXPIRED, /* the report of a trial finds it by its first word */
                      delivery_held_for(d, "trial") ? "trial: expired while held"
                      : d->state == DELIVERY_HELD   ? "expired while held"
                                                    : "expired before it could be sent",
                      NO_DUE);
        if (t->ops->kind == TARGET_STATE) {
            store_unshow(r->store, t->row.id, d->alert);
            target_show(t);
        }
        return false;
    }
    if (!without_ended(r, d, 1)) return false;
    if (d->state == DELIVERY_HELD) {
        release_held(r, t, d);
        return d->state == DELIVERY_QUEUED;
    }
    return true;
}

/* What waits for a target that is not configured any more. Where it was said it was said, and nobody will confirm it. */
static void target_is_gone(struct relay *r, struct delivery_row *d)
{
    static const char why[] = "target removed";
    if (d->state == DELIVERY_SENT && d->repeat_ms > 0) {
        d->due = NO_DUE;
        store_delivery_save(r->store, d);
    } else {
        dispatch_move(r, d, d->state == DELIVERY_SENT ? DELIVERY_UNCONFIRMED : DELIVERY_CANCELLED, why,
                      NO_DUE);
    }
}

/* One due row: what only time decides is done; a message goes out if its target can take it. */
static void claim_row(struct relay *r, const struct delivery_row *found)
{
    struct relay_target *t = targets_by_row(r->targets, found->target);
    struct delivery_row row = *found;
    if (!t) {
        target_is_gone(r, &row);
        return;
    }
    bool plain = t->ops->kind == TARGET_MESSAGE && row.expires > r->now.wall &&
                 (row.state == DELIVERY_QUEUED || row.state == DELIVERY_RETRY);
    if (plain) { /* it reads the target's due rows, this one among them unless an earlier one took it along */
        (void)claim_messages(r, t, found);
        return;
    }
    /* An earlier row of this batch may have taken this one along. */
    if (!store_delivery_get(r->store, found->id, &row) || row.due == NO_DUE || row.due > r->now.wall) return;
    if (!due_row(r, t, &row)) return;
    if (t->ops->kind == TARGET_STATE)
        target_show(t);
    else
        (void)claim_messages(r, t, NULL);
}

/* A row that its target's snapshot did not take: the one before is under way, or there are SNAPSHOT_MAX graver ones. */
static void postpone_unshown(struct relay *r, const struct delivery_row *found)
{
    struct relay_target *t = targets_by_row(r->targets, found->target);
    struct delivery_row row;
    if (!t || t->ops->kind != TARGET_STATE || !store_delivery_get(r->store, found->id, &row)) return;
    if ((row.state != DELIVERY_QUEUED && row.state != DELIVERY_RETRY) || row.due > r->now.wall) return;
    bool full = !t->show_due;
    postpone(r, &row, 1, r->now.wall + (full ? MINUTE_MS : 50), full ? "graver ones fill the screen" : "");
}

static void refresh_due(struct relay *r)
{
    int64_t now = r->now.wall;
    if (r->targets->refresh_next > now) return;
    r->targets->refresh_next = INT64_MAX;
    for (size_t i = 0; i < r->targets->n; i++) {
        struct relay_target *t = &r->targets->items[i];
        if (!t->refresh_at) continue;
        if (t->refresh_at > now) {
            target_show_at(t, t->refresh_at);
        } else {
            t->refresh_at = 0;
            target_show(t);
        }
    }
}

/* At most CLAIM_ROWS snapshots, and SNAPSHOT_ITEMS in them. When the next could go: now, or when the first of the paused ones may. */
static int64_t claim_snapshots(struct relay *r)
{
    struct relay_target *t, *paused = NULL;
    int64_t next = INT64_MAX;
    size_t n = 0, items = 0;
    refresh_due(r);
    while (n < CLAIM_ROWS && items < SNAPSHOT_ITEMS && (t = targets_take_shown(r->targets))) {
        if (!t->show_due || t->in_flight) continue; /* the newer one goes when this one is done */
        if (t->row.paused > r->now.wall) {
            next = sooner(next, t->row.paused);
            t->show_next = paused;
            paused = t;
            continue;
        }
        n++;
        items += claim_snapshot(r, t);
    }
    if (targets_shown(r->targets)) next = r->now.wall;
    while (paused) {
        t = paused;
        paused = t->show_next;
        target_show_later(t);
    }
    return next;
}

/* Chats share limits.http: no more of their rows are looked at than may go. While outcomes wait for others of their
 * commit, so do the messages that follow them. */
static size_t free_for_chats(const struct relay *r)
{
    int64_t left = r->config->limits.http - r->dispatch->in_flight;
    if (r->dispatch->done.first || left < 0) return 0;
    return left < CHATS_A_TURN ? (size_t)left : CHATS_A_TURN;
}

/* Up to `max` due rows of a lane; true when there may be more. */
static bool claim_lane(struct relay *r, enum lane lane, size_t max, size_t *ret_n)
{
    struct delivery_row *rows = r->dispatch->rows;
    *ret_n = 0;
    if (!max || store_next_due(r->store, lane) > r->now.wall) return false;
    *ret_n = store_due(r->store, lane, r->now.wall, rows, max);
    for (size_t i = 0; i < *ret_n; i++) {
        if (lane == LANE_CHATS && !free_for_chats(r)) return false; /* a released row takes others along */
        claim_row(r, &rows[i]);
    }
    return *ret_n == max;
}

static void wake_row(void *arg, struct delivery_row *d)
{
    struct relay *r = arg;
    if (strcmp(d->reason, behind_others) != 0) return;
    d->due = r->now.wall;
    d->reason[0] = '\0';
    store_delivery_save(r->store, d);
}

void dispatch_claim(struct relay *r)
{
    struct dispatch *d = r->dispatch;
    d->again = d->last.known = false;
    if (r->sweeping) memset(d->silenced, 0, sizeof(d->silenced));
    d->show_at = INT64_MAX;
    if (!r->store_ok || !r->clock_trusted || r->stopping) return;
    if (store_showing_next_expiry(r->store) <= r->now.wall)
        d->again = store_showing_expire(r->store, r->now.wall, CLAIM_ROWS, targets_show_row, r->targets) ==
                   CLAIM_ROWS;
    if (store_alerts_next_expiry(r->store) <= r->now.wall)
        (void)store_alerts_expire(r->store, r->now.wall, CLAIM_ROWS);
    for (; d->n_woken; d->n_woken--)
        store_deliveries_waiting(r->store, d->woken[d->n_woken - 1], wake_row, r);
    size_t n;
    bool more = claim_lane(r, LANE_CHATS, free_for_chats(r), &n);
    more = claim_lane(r, LANE_DEVICES, CLAIM_ROWS, &n) || more;
    d->show_at = claim_snapshots(r);
    for (size_t i = 0; i < n; i++) postpone_unshown(r, &d->rows[i]);
    d->again = d->again || more;
}

void dispatch_start(struct relay *r)
{
    struct dispatch *d = r->dispatch;
    for (struct send *op; (op = sends_pop(&d->claimed));) {
        sends_push(&d->running, op);
        struct relay_target *t = op->target;
        t->ops->send(t->ctx, &t->pub, op->messages, op->n_messages,
                     t->ops->kind == TARGET_STATE ? &op->snapshot : NULL, op);
    }
}

/* One operation less at its target, which may be another object since a reload. */
static void leave(struct relay *r, struct send *op)
{
    struct relay_target *now = targets_by_row(r->targets, op->target->row.id);
    struct relay_target *both[] = {op->target, now == op->target ? NULL : now};
    for (size_t i = 0; i < ARRAY_LEN(both); i++) {
        if (!both[i] || both[i]->in_flight == 0) continue;
        both[i]->in_flight--;
        if (!both[i]->show_due) continue;
        target_show_later(both[i]);
        r->dispatch->show_at = r->now.wall;
    }
    if (!now || !now->rows_wait) return;
    now->rows_wait = false;
    struct dispatch *d = r->dispatch;
    if (d->n_woken == d->cap_woken) {
        d->cap_woken = d->cap_woken ? d->cap_woken * 2 : 16;
        d->woken = xreallocarray(d->woken, d->cap_woken, sizeof(*d->woken));
    }
    d->woken[d->n_woken++] = now->row.id;
}

void dispatch_forget(struct relay *r)
{
    struct dispatch *d = r->dispatch;
    for (struct send *op; (op = sends_pop(&d->claimed));) {
        if (op->target->ops->kind == TARGET_STATE) target_show(op->target);
        if (op->target->chat) d->in_flight--;
        leave(r, op);
        send_free(op);
    }
    /* What was applied was not taken: it waits for the next collect. */
    for (struct send *op; (op = sends_pop(&d->applied));) sends_push(&d->done, op);
    d->n_done = OUTCOMES_A_COMMIT;
    for (struct pending_report *p = d->reports; p; p = p->next) p->applied = false;
    dispatch_forget_texts(d);
    told_load(r); /* what was counted was not kept */
}

void dispatch_committed(struct relay *r)
{
    struct dispatch *d = r->dispatch;
    for (struct send *op; (op = sends_pop(&d->applied));) {
        leave(r, op);
        send_free(op);
    }
    while (d->reports && d->reports->applied) {
        struct pending_report *p = d->reports;
        d->reports = p->next;
        if (!d->reports) d->reports_end = &d->reports;
        free(p);
    }
}

/* A fan-out has thousands of outcomes: one commit takes many, unless it is under way anyway or nothing else will come. */
static int64_t outcomes_due(const struct relay *r)
{
    const struct dispatch *d = r->dispatch;
    if (!d->done.first) return INT64_MAX;
    bool enough = d->n_done >= OUTCOMES_A_COMMIT || !d->running.first || store_dirty(r->store);
    return enough ? r->now.wall : sooner(d->done_at, r->now.wall) + OUTCOMES_WAIT;
}

int64_t dispatch_next_due(struct relay *r)
{
    struct dispatch *d = r->dispatch;
    if (!r->store_ok || !r->clock_trusted) return INT64_MAX;
    if (r->stopping) return outcomes_due(r);
    if (d->again || d->n_woken) return r->now.wall;
    int64_t due = sooner(store_next_due(r->store, LANE_DEVICES), store_showing_next_expiry(r->store));
    due = sooner(due, outcomes_due(r));
    if (free_for_chats(r)) due = sooner(due, store_next_due(r->store, LANE_CHATS));
    due = sooner(due, store_alerts_next_expiry(r->store));
    due = sooner(due, r->targets->refresh_next);
    if (!targets_shown(r->targets)) return due;
    /* Named since the last claim (a broker that is back, a key on a screen): now. */
    return sooner(due, d->show_at == INT64_MAX ? r->now.wall : d->show_at);
}

void dispatch_collect(struct relay *r)
{
    struct dispatch *d = r->dispatch;
    if (!r->store_ok) return; /* what came stays in memory until a commit works again */
    if (outcomes_due(r) > r->now.wall && !d->reports) return;
    d->n_done = 0;
    for (struct send *op; (op = sends_pop(&d->done));) {
        crashpoint("before_outcome");
        dispatch_apply_outcome(r, op);
        sends_push(&d->applied, op);
    }
    for (struct pending_report *p = d->reports; p; p = p->next) {
        if (p->applied) continue;
        dispatch_apply_report(r, &p->r);
        p->applied = true;
    }
}
