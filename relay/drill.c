/* Drill windows, and what ends with them. */
#include "drill.h"

#include "base/i18n.h"
#include "base/log.h"
#include "base/mem.h"
#include "dispatch.h"
#include "drill_plan.h"

bool drill_open(struct relay *r, struct drill_row *ret)
{
    return store_drill_open(r->store, r->now.wall, ret);
}

bool drill_reaches(const struct drill_row *d, const struct relay_target *t)
{
    return !*d->site || (t->site && strcmp(t->site->id, d->site) == 0);
}

/* -- what of an exercise ends early ------------------------------------------------------------------------------- */

struct ending {
    struct relay *r;
    const char *why;
    bool speech_only;
    struct alert_row *alerts; /* copied, because ending one changes what is walked */
    size_t n;
};

static void end_delivery(void *arg, struct delivery_row *d)
{
    struct ending *e = arg;
    struct relay_target *t = targets_by_row(e->r->targets, d->target);
    if (!t || (e->speech_only && t->class > TO_BULLETIN)) return;
    if (!dispatch_end_unsent(e->r, d, e->why)) (void)dispatch_end_repeats(e->r, t, d, e->why);
    if (t->ops->kind == TARGET_STATE) {
        store_unshow(e->r->store, d->target, d->alert);
        target_show(t);
    }
}

static void collect(void *arg, const struct alert_row *a)
{
    struct ending *e = arg;
    if (a->status == STATUS_ACTUAL || !a->grp) return; /* a test of one target is not part of a drill */
    e->alerts = xreallocarray(e->alerts, e->n + 1, sizeof(*e->alerts));
    e->alerts[e->n++] = *a;
}

/* Ends the exercises in force, or only their speech. Returns how many there were. */
static size_t end_exercises(struct relay *r, const char *why, bool speech_only)
{
    struct ending e = {.r = r, .why = why, .speech_only = speech_only};
    store_alerts_now(r->store, r->now.wall, collect, &e);
    for (size_t i = 0; i < e.n; i++) {
        store_deliveries_of_alert(r->store, e.alerts[i].n, false, end_delivery, &e);
        if (!speech_only) store_alert_end(r->store, e.alerts[i].n, r->now.wall, why);
    }
    if (!speech_only) store_windows_clear(r->store); /* the next drill counts its own */
    free(e.alerts);
    return e.n;
}

void drill_real_alert(struct relay *r, const struct alert_row *a)
{
    struct drill_row d;
    if (!drill_open(r, &d) || d.real_alert) return;
    store_drill_real(r->store, d.id, a->n);
    size_t n = end_exercises(r, "real alert", true);
    log_info("drill=%lld falls silent: %s is real; %zu exercises", (long long)d.id, a->id, n);
}

/* -- the window --------------------------------------------------------------------------------------------------- */

enum relay_err drill_start(struct relay *r, const char *site, int64_t lasts, const struct actor *by,
                           int64_t *ret_id, struct reason *why)
{
    struct drill_row d;
    if (lasts < MINUTE_MS || lasts > DRILL_MOST)
        return fail(why, RELAY_INVALID, _("a drill lasts from 1m to 8h: --for 30m"));
    const struct site_config *its;
    enum relay_err err = *site ? config_site_find(r->config, site, &its, why) : RELAY_OK;
    if (err != RELAY_OK) return err;
    if (drill_open(r, &d))
        return fail(why, RELAY_CONFLICT, _("%s's drill is still open; `tocsin drill stop` ends it"),
                    d.author);
    /* Exercises from before would take the drill's events as their own counts. */
    (void)end_exercises(r, "drill started", false);
    d = (struct drill_row){.created = r->now.wall, .expires = r->now.wall + lasts};
    (void)snprintf(d.site, sizeof(d.site), "%s", site);
    (void)snprintf(d.author, sizeof(d.author), "%s", by->name);
    (void)snprintf(d.reason, sizeof(d.reason), "%s", by->reason);
    int64_t id = store_drill_add(r->store, &d);
    char object[40];
    (void)snprintf(object, sizeof(object), "drill:%lld", (long long)id);
    actor_did(r, by, "drill.start", object, site);
    log_info("drill=%lld site=%s by=%s lasts_ms=%lld", (long long)id, *site ? site : "all", by->name,
             (long long)lasts);
    drill_plan_started(r, id);
    *ret_id = id;
    return RELAY_OK;
}

enum relay_err drill_stop(struct relay *r, const struct actor *by, struct reason *why)
{
    struct drill_row d;
    if (!drill_open(r, &d))
        return fail(why, RELAY_CONFLICT, _("no drill is open; `tocsin drill list` shows those that were"));
    (void)end_exercises(r, "drill stopped", false);
    store_drill_end(r->store, d.id, r->now.wall, by->name);
    char object[40];
    (void)snprintf(object, sizeof(object), "drill:%lld", (long long)d.id);
    actor_did(r, by, "drill.stop", object, "");
    log_info("drill=%lld ended by=%s", (long long)d.id, by->name);
    return RELAY_OK;
}
