/* The channel's word on a send -> the next state of its rows, and of its target. */
#include "dispatch_internal.h"

#include "base/hash.h"
#include "base/log.h"

enum { REMINDERS = 3 };

void send_done(struct send *op, const struct send_outcome *outcome)
{
    struct dispatch *d = op->relay->dispatch;
    op->outcome = *outcome;
    sends_remove(&d->running, op);
    if (op->target->chat) d->in_flight--;
    if (d->n_done++ == 0) d->done_at = op->relay->now.wall;
    sends_push(&d->done, op); /* dispatch_next_due says "now" */
}

/* 1 s, 2 s, 4 s … 60 s, three quarters to five quarters of it, by the delivery so that targets do not march in step. */
int64_t dispatch_backoff(const struct delivery_row *d)
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
    if (!log_enabled(LOG_LEVEL_INFO)) return;
    short_id(delivery, id);
    log_info("%s: delivery=%s target=%s attempt=%d queued=%.3fs sent=%.3fs status=%s%s%s%s", id, delivery,
             op->target->pub.id, d->attempt, (double)(op->started - d->created) / 1000,
             (double)(r->now.wall - op->started) / 1000, delivery_state_name(d->state),
             *d->reason ? " (" : "", d->reason, *d->reason ? ")" : "");
}

/* What was to end while it was under way (dispatch_end_unsent): it is neither tried nor said again. */
static void settle_ended(struct relay *r, const struct send *op, struct delivery_row *d)
{
    char why[sizeof(d->reason)];
    memcpy(why, d->reason, sizeof(why));
    bool sent = op->outcome.result == SEND_SENT, chat = op->target->chat && !op->target->ops->confirms;
    d->maybe = d->maybe || op->outcome.result == SEND_UNKNOWN; /* then a correction goes there too */
    if (sent) dispatch_move(r, d, DELIVERY_SENT, op->outcome.reason, NO_DUE);
    if (!sent || !chat) dispatch_move(r, d, DELIVERY_SUPPRESSED, why, NO_DUE);
}

/* `again`: the same wait for all rows of a digest, so that it stays one. */
static void settle(struct relay *r, struct send *op, size_t i, struct delivery_row *d, int64_t again)
{
    const struct send_outcome *o = &op->outcome;
    int64_t now = r->now.wall;
    bool digest = op->n_rows > 1 && op->target->ops->kind == TARGET_MESSAGE;
    if (*d->reason && !(digest && i > 0 && o->result == SEND_SENT)) {
        settle_ended(r, op, d);
        return;
    }
    switch (o->result) {
    case SEND_SENT:
        if (digest && i > 0) {
            char why[120];
            (void)snprintf(why, sizeof(why), "folded into %s", op->messages[0].short_id);
            d->sent_at = now; /* the digest lists it: a correction goes to this chat too */
            dispatch_move(r, d, DELIVERY_SUPPRESSED, why, NO_DUE);
        } else {
            dispatch_move(r, d, DELIVERY_SENT, o->reason, after_sent(r, op->target, d));
        }
        return;
    case SEND_RETRY: {
        int64_t due = now + (o->retry_after_ms > 0 ? o->retry_after_ms : again);
        if (due >= d->expires)
            dispatch_move(r, d, DELIVERY_EXPIRED, o->reason, NO_DUE);
        else
            dispatch_move(r, d, DELIVERY_RETRY, o->reason, due);
        return;
    }
    case SEND_REJECTED: dispatch_move(r, d, DELIVERY_REJECTED, o->reason, NO_DUE); return;
    case SEND_UNKNOWN:
        if (d->maybe) {
            dispatch_move(r, d, DELIVERY_UNCONFIRMED, o->reason, NO_DUE);
        } else {
            d->maybe = true;
            dispatch_move(r, d, DELIVERY_RETRY, o->reason, sooner(now + again, d->expires));
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
        if (t->row.paused < 0) dispatch_wake_disabled(r, t);
        t->row.paused = 0;
        t->row.why[0] = '\0';
    } else if (o->effect == TARGET_PAUSE) {
        t->row.paused = r->now.wall + (o->retry_after_ms > 0 ? o->retry_after_ms : BACKOFF_MOST);
        (void)snprintf(t->row.why, sizeof(t->row.why), "paused: %s", o->reason);
        log_warning("target=%s paused: %s; going on in %lld s", t->pub.id, o->reason,
                    (long long)(t->row.paused - r->now.wall) / 1000);
    } else {
        t->row.paused = -1;
        (void)snprintf(t->row.why, sizeof(t->row.why), DISABLED "%s", o->reason);
        log_error("target=%s disabled: %s; mend it and reload", t->pub.id, o->reason);
    }
    store_target_save(r->store, &t->row);
}

/* A chat that took its message, with no reminder to come: only the state of its row changes. */
static bool sent_at_once(struct relay *r, struct send *op)
{
    const struct relay_target *t = op->target;
    struct delivery_row d = op->first;
    if (op->outcome.result != SEND_SENT || !t->chat || t->ops->confirms || op->n_rows != 1 || t->row.paused ||
        after_sent(r, t, &d) != NO_DUE ||
        !store_delivery_sent(r->store, d.id, op->outcome.reason, r->now.wall))
        return false;
    r->counters.deliveries[DELIVERY_SENT]++;
    d.state = DELIVERY_SENT;
    d.reason[0] = '\0';
    log_attempt(r, op, &d, op->messages[0].delivery);
    return true;
}

void dispatch_apply_outcome(struct relay *r, struct send *op)
{
    bool state_target = op->target->ops->kind == TARGET_STATE;
    int64_t again = BACKOFF_FIRST;
    if (sent_at_once(r, op)) return;
    for (size_t i = 0; i < op->n_rows; i++) {
        struct delivery_row d;
        if (!store_delivery_get(r->store, op->rows[i], &d)) continue;
        if (i == 0) again = dispatch_backoff(&d);
        if (d.state == DELIVERY_SENDING) settle(r, op, i, &d, again);
        log_attempt(r, op, &d, op->messages[op->row_message[i]].delivery);
        if (state_target && (d.state == DELIVERY_REJECTED || d.state == DELIVERY_EXPIRED))
            store_unshow(r->store, d.target, d.alert);
    }
    /* A snapshot without waiting rows (an item left the board) must arrive too. */
    if (state_target && op->outcome.result != SEND_SENT && op->outcome.result != SEND_REJECTED) {
        target_show(op->target);
        int64_t wait = op->outcome.retry_after_ms > 0 ? op->outcome.retry_after_ms : BACKOFF_FIRST;
        op->target->row.paused = r->now.wall + wait;
    } else if (state_target && op->target->row.paused > 0) {
        op->target->row.paused = 0;
    }
    if (!state_target) apply_effect(r, op);
}
