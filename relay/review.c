/* The named person's part. */
#include "review.h"

#include "base/crashpoint.h"
#include "base/i18n.h"
#include "base/log.h"
#include "base/mem.h"
#include "dispatch.h"
#include "escalate.h"
#include "report.h"
#include "route.h"

enum { FOLLOW_TARGETS = 256 };

struct letting_go {
    struct relay *r;
    const struct actor *by;
    bool two_persons; /* a second word is there */
    bool reject;
    int done, waiting;
};

static void decide_row(void *arg, struct delivery_row *d)
{
    struct letting_go *l = arg;
    if (!delivery_held_for(d, "approval")) return;
    if (l->reject) {
        char why[120];
        (void)snprintf(why, sizeof(why), "rejected by %s", l->by->name);
        dispatch_move(l->r, d, DELIVERY_REJECTED, why, NO_DUE);
        l->done++;
    } else if (strcmp(d->reason, "approval two") == 0 && !l->two_persons) {
        l->waiting++;
    } else {
        dispatch_release(l->r, d);
        l->done++;
    }
}

enum relay_err review_approve(struct relay *r, const char *alert_id, const struct actor *by,
                              bool *ret_waiting, struct reason *why)
{
    struct alert_row a;
    enum relay_err err = alerts_find(r, alert_id, &a, why);
    if (err != RELAY_OK) return err;
    bool again = false;
    int people = store_action_people(r->store, "alert.approve", a.id, by->name, &again);
    if (again)
        return fail(why, RELAY_CONFLICT, _("%s has approved it already; another person must"), by->name);
    struct letting_go l = {.r = r, .by = by, .two_persons = people >= 1};
    store_deliveries_of_alert(r->store, a.n, true, decide_row, &l);
    if (!l.done && !l.waiting)
        return fail(why, RELAY_CONFLICT, _("nothing of alert `%s` waits for approval"), alert_id);
    escalate_seen(r, &a, by);
    actor_did(r, by, "alert.approve", a.id, "");
    *ret_waiting = l.waiting > 0;
    return RELAY_OK;
}

enum relay_err review_reject(struct relay *r, const char *alert_id, const struct actor *by,
                             struct reason *why)
{
    struct alert_row a;
    enum relay_err err = alerts_find(r, alert_id, &a, why);
    if (err != RELAY_OK) return err;
    struct letting_go l = {.r = r, .by = by, .reject = true};
    store_deliveries_of_alert(r->store, a.n, true, decide_row, &l);
    if (!l.done) return fail(why, RELAY_CONFLICT, _("nothing of alert `%s` waits for approval"), alert_id);
    escalate_seen(r, &a, by);
    actor_did(r, by, "alert.reject", a.id, "");
    return RELAY_OK;
}

enum relay_err review_ack(struct relay *r, const char *alert_id, const struct actor *by, struct reason *why)
{
    struct alert_row a;
    enum relay_err err = alerts_find(r, alert_id, &a, why);
    if (err != RELAY_OK) return err;
    char earlier[64];
    store_action_first(r->store, "alert.ack", a.id, earlier);
    if (*earlier) return fail(why, RELAY_CONFLICT, _("%s has acknowledged it already"), earlier);
    escalate_seen(r, &a, by);
    actor_did(r, by, "alert.ack", a.id, "");
    return RELAY_OK;
}

enum relay_err review_outcome(struct relay *r, const char *alert_id, const char *outcome,
                              const struct actor *by, struct reason *why)
{
    struct alert_row a;
    bool known = false;
    for (size_t i = 0; report_outcomes[i]; i++) known = known || strcmp(report_outcomes[i], outcome) == 0;
    if (!known)
        return fail(why, RELAY_INVALID, _("an outcome is 劝阻成功, 已受骗 or 误报, not `%s`"), outcome);
    enum relay_err err = alerts_find(r, alert_id, &a, why);
    if (err != RELAY_OK) return err;
    actor_did(r, by, "alert.outcome", a.id, outcome);
    return RELAY_OK;
}

enum relay_err review_dismiss(struct relay *r, int64_t event, const struct actor *by, struct reason *why)
{
    struct event_seen seen;
    enum relay_err err = alerts_find_candidate(r, event, &seen, why);
    if (err != RELAY_OK) return err;
    char object[32];
    (void)snprintf(object, sizeof(object), "event:%lld", (long long)event);
    store_event_review(r->store, event, by->name);
    /* As when an alert is cancelled: what was counted was wrong, and it begins anew. */
    if (seen.grp && !store_alert_active(r->store, seen.grp, r->now.wall))
        store_window_clear(r->store, seen.grp);
    actor_did(r, by, "event.dismiss", object, "");
    return RELAY_OK;
}

/* -- a site's mode ------------------------------------------------------------------------------------------------ */

/* What its route wants a person's word for waits for it from now on, unless that was given or refused in the meantime. */
static bool awaits_approval(struct relay *r, struct delivery_row *d)
{
    static const char then[] = "trial, then ";
    struct alert_row a;
    bool any;
    char by[64], why[120];
    if (!delivery_held_for(d, then) || !store_alert_get(r->store, d->alert, &a)) return false;
    const char *approval = d->reason + strlen(then);
    int people = store_action_people(r->store, "alert.approve", a.id, "", &any);
    if (people >= (strcmp(approval, "approval two") == 0 ? 2 : 1)) return false;
    store_action_first(r->store, "alert.reject", a.id, by);
    if (*by) {
        (void)snprintf(why, sizeof(why), "rejected by %s", by);
        dispatch_move(r, d, DELIVERY_REJECTED, why, NO_DUE);
        return true;
    }
    memmove(d->reason, approval, strlen(approval) + 1);
    d->due = sooner(r->now.wall + r->config->relay.approval_timeout, d->expires);
    store_delivery_save(r->store, d);
    return true;
}

static void show_now(void *arg, struct delivery_row *d)
{
    if (delivery_held_for(d, "trial") && !awaits_approval(arg, d)) dispatch_release(arg, d);
}

struct going_back {
    struct relay *r;
    int64_t *alerts; /* that are shown, or wait, and are not to be */
    size_t n;
};

/* Corrections stay, and drills are not a matter of the mode. */
static bool of_the_mode(struct relay *r, int64_t alert, int rev)
{
    struct alert_row a;
    struct revision_row v;
    return store_alert_get(r->store, alert, &a) && a.status == STATUS_ACTUAL &&
           store_revision_get(r->store, alert, rev, &v) && v.msg_type != MSG_CANCEL;
}

static void take_back(void *arg, struct delivery_row *d)
{
    struct going_back *g = arg;
    static const char why[] = SITE_WENT_BACK;
    if (delivery_held_for(d, "trial") || !of_the_mode(g->r, d->alert, d->rev)) return;
    if (!dispatch_end_unsent(g->r, d, why)) dispatch_move(g->r, d, DELIVERY_SUPPRESSED, why, NO_DUE);
}

static void collect_shown(void *arg, const struct shown_item *i)
{
    struct going_back *g = arg;
    if (i->alert.status != STATUS_ACTUAL || i->revision.msg_type == MSG_CANCEL) return;
    g->alerts = xreallocarray(g->alerts, g->n + 1, sizeof(*g->alerts));
    g->alerts[g->n++] = i->alert.n;
}

/* Nothing more of what the new mode does not allow, and it is taken off screens and bulletin. */
static void go_back(struct relay *r, struct relay_target *t)
{
    struct going_back g = {.r = r};
    store_deliveries_open(r->store, t->row.id, take_back, &g);
    if (t->in_flight) store_deliveries_sending(r->store, t->row.id, take_back, &g);
    if (t->ops->kind != TARGET_STATE) return;
    store_showing(r->store, t->row.id, collect_shown, &g);
    for (size_t i = 0; i < g.n; i++) store_unshow(r->store, t->row.id, g.alerts[i]);
    free(g.alerts);
    if (g.n) target_show(t);
}

/* Its mode allows nothing there that is not a drill's or a correction. */
static bool is_back(const struct relay_target *t)
{
    enum site_mode mode = target_mode(t);
    return mode < SITE_LIVE && !(mode == SITE_SCREENS && t->class == TO_BOARD);
}

/* Whatever the mode was before: where nothing has changed there is nothing to do. */
static void follow_mode(struct relay *r, struct relay_target *t)
{
    if (is_back(t))
        go_back(r, t);
    else if (t->ops->kind == TARGET_STATE)
        store_deliveries_waiting(r->store, t->row.id, show_now, r);
}

/* Groups have no site of their own: what waits for them hangs on the boldest of the alert's. */
static void end_for_group(void *arg, struct delivery_row *d)
{
    struct relay *r = arg;
    struct alert_row a;
    enum site_mode boldest;
    if (delivery_held_for(d, "trial") || !of_the_mode(r, d->alert, d->rev) ||
        !store_alert_get(r->store, d->alert, &a) || !a.grp)
        return;
    (void)route_sites(r->targets, a.areas, &boldest);
    if (boldest != SITE_LIVE) (void)dispatch_end_unsent(r, d, SITE_WENT_BACK);
}

static void group_goes_back(struct relay *r, const struct relay_target *t)
{
    if (!t->chat || t->pub.audience == AUDIENCE_DUTY) return;
    store_deliveries_waiting(r->store, t->row.id, end_for_group, r);
    if (t->in_flight) store_deliveries_sending(r->store, t->row.id, end_for_group, r);
}

bool review_keeps_back(struct relay *r, const struct relay_target *t, const struct alert_row *a,
                       const struct revision_row *rev)
{
    enum site_mode boldest;
    if (a->status != STATUS_ACTUAL || rev->msg_type == MSG_CANCEL) return false;
    if (t->site) return is_back(t);
    if (t->pub.audience == AUDIENCE_DUTY || !a->grp) return false;
    (void)route_sites(r->targets, a->areas, &boldest);
    return boldest != SITE_LIVE;
}

void review_follow_modes(struct relay *r)
{
    r->following = true;
    r->followed = 0;
}

void review_follow_on(struct relay *r)
{
    if (!r->following || !r->store_ok) return;
    crashpoint("in_following");
    int64_t until = clock_now().mono + TURN_SLICE_MS;
    for (int n = 0; r->followed < r->targets->n; n++, r->followed++) {
        struct relay_target *t = &r->targets->items[r->followed];
        if (n == FOLLOW_TARGETS || (n && clock_now().mono >= until)) return;
        if (t->site)
            follow_mode(r, t);
        else
            group_goes_back(r, t);
    }
    r->following = false;
    dispatch_show_left_out(r);
}

enum relay_err review_site_mode(struct relay *r, const char *site, const char *mode, const struct actor *by,
                                struct reason *why)
{
    int to = 0;
    while (config_site_modes[to] && strcmp(mode, config_site_modes[to]) != 0) to++;
    if (!config_site_modes[to])
        return fail(why, RELAY_INVALID, _("a site's mode is trial, screens or live, not `%s`"), mode);
    const struct site_config *its;
    enum relay_err err = config_site_find(r->config, site, &its, why);
    if (err != RELAY_OK) return err;
    targets_set_mode(r->targets, its, (enum site_mode)to);
    for (size_t i = 0; i < r->targets->n; i++)
        if (r->targets->items[i].site == its) follow_mode(r, &r->targets->items[i]);
    r->modes_changed = true;
    for (size_t i = 0; i < r->targets->n; i++) group_goes_back(r, &r->targets->items[i]);
    if (to > SITE_TRIAL) alerts_show_at(r, its, "the site goes on");
    store_site_mode_set(r->store, site, to);
    actor_did(r, by, "site.mode", site, mode);
    log_info("site=%s mode=%s by=%s", site, mode, by->name);
    return RELAY_OK;
}
