/* What devices and people say of deliveries, and what a reload does to them. */
#include "alerts.h"
#include "base/i18n.h"
#include "base/log.h"
#include "base/mem.h"
#include "dispatch_internal.h"
#include "pace.h"

enum { ACK_ROWS = 64 };
#define GRACE (120 * SECOND_MS) /* since its device first tried, in which a failed playback is tried again */

/* -- devices ------------------------------------------------------------------------------------------------------ */

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
    /* A newer one that is not spoken once more leaves the one that is. */
    int rev = (int)strtol(dot + 1, NULL, 10);
    return *ret_target && store_alert_by_id(r->store, alert_id, &a) &&
           store_delivery_until(r->store, a.n, (*ret_target)->row.id, rev, ret) && ret->rev == rev;
}

/* What a device says that it does with a message, by which its grace counts: from the first try, and anew when it only keeps
 * it, because the hour is quiet or something graver plays. That is no fault, and may last the whole night. */
static void count_grace(struct delivery_row *d, const char *state, const char *detail, int64_t now)
{
    static const char *const kept[] = {"quiet_hours", "external_hold", "higher",
                                       "busy",        "shared",        "hour_full"};
    bool keeps = strcmp(state, "preempted") == 0;
    for (size_t i = 0; i < ARRAY_LEN(kept) && !keeps; i++)
        keeps = strcmp(state, "queued") == 0 && strncmp(detail, kept[i], strlen(kept[i])) == 0;
    if (keeps)
        d->tried = 0;
    else if (!d->tried && (strcmp(state, "playing") == 0 || strcmp(state, "failed") == 0))
        d->tried = now;
}

static void apply_to(struct relay *r, const struct relay_target *t, struct delivery_row *d,
                     const struct report *p)
{
    const char *detail = p->detail ? p->detail : "";
    int64_t now = r->now.wall;
    if (delivery_is_end(d->state) && d->state != DELIVERY_UNCONFIRMED) return; /* said before, or over */
    count_grace(d, p->state, detail, now);
    bool taken = strcmp(p->state, "accepted") == 0 || strcmp(p->state, "queued") == 0 ||
                 strcmp(p->state, "playing") == 0 || strcmp(p->state, "preempted") == 0;
    if (taken) {
        if (!d->accepted) d->accepted = now;
        if (d->state == DELIVERY_SENT) d->due = d->expires;
        if (d->state != DELIVERY_SENDING) /* there it would end the row: dispatch_end_unsent */
            (void)snprintf(d->reason, sizeof(d->reason), "%s %s", p->state, detail);
        store_delivery_save(r->store, d);
    } else if (strcmp(p->state, "skipped") == 0) {
        dispatch_move(r, d, DELIVERY_SUPPRESSED, *detail ? detail : "skipped", NO_DUE);
    } else if (strcmp(p->state, "failed") == 0) {
        if (now - d->tried < GRACE && t->ops->kind == TARGET_MESSAGE)
            dispatch_move(r, d, DELIVERY_RETRY, *detail ? detail : "failed",
                          sooner(now + dispatch_backoff(d), d->expires));
        else if (t->ops->kind == TARGET_MESSAGE)
            dispatch_move(r, d, DELIVERY_REJECTED, *detail ? detail : "failed", NO_DUE);
    } else {
        enum delivery_state to;
        if (!delivery_state_parse(p->state, &to)) {
            log_warning("target=%s reports the unknown state %.20s; ignored", p->target, p->state);
            return;
        }
        dispatch_move(r, d, to, detail, NO_DUE);
    }
    log_info("target=%s reported=%s delivery=%lld.%d status=%s", p->target, p->state, (long long)d->alert,
             d->rev, delivery_state_name(d->state));
}

void dispatch_apply_report(struct relay *r, const struct report *p)
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

/* -- people and reloads ------------------------------------------------------------------------------------------- */

static void cancel_row(void *arg, struct delivery_row *d)
{
    /* The report of a trial finds it by its first word. */
    dispatch_move(arg, d, DELIVERY_CANCELLED,
                  delivery_held_for(d, "trial") ? "trial: target removed" : "target removed", NO_DUE);
}

static void cancel_removed(void *arg, int64_t target, const char *name)
{
    struct relay *r = arg;
    if (targets_by_row(r->targets, target)) return;
    log_info("target=%s removed: its waiting deliveries are cancelled", name);
    store_deliveries_waiting(r->store, target, cancel_row, r);
}

/* What waits for its hour goes on waiting for it. */
static void wake_row(void *arg, struct delivery_row *d)
{
    struct relay *r = arg;
    if (strncmp(d->reason, DISABLED, strlen(DISABLED)) != 0) return;
    d->due = r->now.wall;
    store_delivery_save(r->store, d);
}

void dispatch_wake_disabled(struct relay *r, const struct relay_target *t)
{
    store_deliveries_waiting(r->store, t->row.id, wake_row, r);
}

void dispatch_targets_changed(struct relay *r, struct targets *old)
{
    store_targets_waiting(r->store, cancel_removed, r);
    for (size_t i = 0; i < r->targets->n; i++) {
        struct relay_target *t = &r->targets->items[i];
        struct relay_target *was = old ? targets_by_id(old, t->pub.id) : NULL;
        if (t->was_disabled) dispatch_wake_disabled(r, t);
        if (was) {
            t->in_flight = was->in_flight;
            t->rows_wait = was->rows_wait;
        }
    }
    alerts_fit(r);
}

void dispatch_refresh_states(struct relay *r)
{
    for (size_t i = 0; i < r->targets->n; i++) {
        struct relay_target *t = &r->targets->items[i];
        if (t->ops->kind != TARGET_STATE) continue;
        target_show(t);
        if (t->row.paused > 0) t->row.paused = 0;
    }
}

void dispatch_show_left_out(struct relay *r)
{
    for (size_t i = 0; i < r->targets->n; i++)
        if (r->targets->items[i].left_out) target_show(&r->targets->items[i]);
}

/* Speech that a person lets go counts for the limits of its site; a correction knows none. */
static void note_speech(struct relay *r, const struct relay_target *t, const struct delivery_row *d)
{
    struct alert_row a;
    struct revision_row rev;
    if (t->class == TO_SPEECH && store_alert_get(r->store, d->alert, &a) && a.status == STATUS_ACTUAL &&
        a.grp && store_revision_get(r->store, d->alert, d->rev, &rev) && rev.msg_type != MSG_CANCEL)
        store_spoken(r->store, t->pub.site, a.rule, a.areas, r->now.wall, a.n);
}

void dispatch_release(struct relay *r, struct delivery_row *d)
{
    struct relay_target *t = targets_by_row(r->targets, d->target);
    if (!t || dispatch_hold_quiet(r, t, d)) return;
    int64_t due = r->now.wall;
    struct alert_row a;
    if (t->chat && store_alert_get(r->store, d->alert, &a) && a.status == STATUS_ACTUAL) {
        /* To allow it is not to hurry it. */
        enum pace pace = pace_of(t->chat, d->level, a.certainty);
        d->fold = pace == PACE_DAILY || pace == PACE_WEEKLY;
        if (d->fold) due = sooner(pace_digest_at(t->chat, t->pub.id, due, pace == PACE_WEEKLY), d->expires);
    }
    dispatch_move(r, d, DELIVERY_QUEUED, d->fold ? "waits for the digest" : "", due);
    if (d->state != DELIVERY_QUEUED) return;
    dispatch_queued(r, t, d);
    note_speech(r, t, d);
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
    dispatch_move(r, &d, DELIVERY_ACKNOWLEDGED, note, NO_DUE);
    return RELAY_OK;
}

void dispatch_refresh(struct relay *r, const char *target, int64_t at)
{
    struct relay_target *t = targets_by_id(r->targets, target);
    if (!t || t->ops->kind != TARGET_STATE) return;
    if (at)
        target_show_at(t, at);
    else
        target_show(t);
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
    struct alert_row a;
    struct revision_row rev;
    struct delivery_row newest;
    if (store_alert_get(r->store, d.alert, &a) && a.ended &&
        store_revision_get(r->store, d.alert, d.rev, &rev) && rev.msg_type != MSG_CANCEL)
        return fail(why, RELAY_CONFLICT, _("its alert has ended; what was taken back is not said again"));
    if (store_delivery_of(r->store, d.alert, d.target, &newest) && newest.rev > d.rev)
        return fail(why, RELAY_CONFLICT, _("revision %d is newer here; replay that one"), newest.rev);
    if (d.state == DELIVERY_HELD || strncmp(d.reason, "rejected by ", 12) == 0)
        return fail(why, RELAY_CONFLICT, _("it is %s (%s): a replay does not stand for a decision"),
                    delivery_state_name(d.state), d.reason);
    if (d.state == DELIVERY_SENDING)
        return fail(why, RELAY_CONFLICT, _("it is being sent at this moment; wait for its channel's answer"));
    if (!delivery_may_move(d.state, DELIVERY_QUEUED) && !delivery_may_move(d.state, DELIVERY_RETRY))
        return fail(why, RELAY_CONFLICT, _("it is %s: nothing to replay"), delivery_state_name(d.state));
    enum delivery_state to = delivery_may_move(d.state, DELIVERY_QUEUED) ? DELIVERY_QUEUED : DELIVERY_RETRY;
    enum relay_err err = alerts_say_again(r, &d, t, why);
    if (err != RELAY_OK) return err;
    d.replays++;
    d.accepted = d.tried = 0; /* whatever a device did with it is over */
    dispatch_move(r, &d, to, "replayed by a person", r->now.wall);
    dispatch_queued(r, t, &d);
    note_speech(r, t, &d);
    return RELAY_OK;
}
