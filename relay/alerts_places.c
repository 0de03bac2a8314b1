/* The alerts in force after other words in the configuration: who is to show them now, and who not any more. */
#include "alerts_internal.h"

#include "base/crashpoint.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "dispatch.h"
#include "words.h"

enum { CONFIG_MAX = 64 << 20, SLICE_ALERTS = 64 };

static const char left_area[] = "not in its area any more", no_target[] = "target removed";

struct left {
    int64_t target, rendering;
    const char *why;
};

struct places {
    struct relay *r;
    const struct alert_row *alert;
    struct left *left; /* who showed it, and does so no more */
    size_t n, cap;
    int64_t target; /* whose rows are walked */
    bool corrected, shown;
};

static void take_off(struct places *p, struct relay_target *t, const char *why)
{
    store_unshow(p->r->store, p->target, p->alert->n);
    if (t) target_show(t);
    if (p->n == p->cap) {
        p->cap = p->cap ? p->cap * 2 : 16;
        p->left = xreallocarray(p->left, p->cap, sizeof(*p->left));
    }
    p->left[p->n++] = (struct left){.target = p->target, .why = why};
}

/* A row of a target that the alert has nothing to do with any more: what waits ends, and what is shown goes. It is as true as
 * it was, so nobody is told that it was wrong. Rows come by target, the oldest first. */
static void leave(void *arg, struct delivery_row *d)
{
    struct places *p = arg;
    struct relay *r = p->r;
    struct relay_target *t = targets_by_row(r->targets, d->target);
    const char *why = t ? left_area : no_target;
    if (t && target_in_areas(t, p->alert->areas)) return;
    if (p->target != d->target) { /* the first of its rows */
        struct delivery_row newest;
        p->target = d->target;
        p->corrected =
            store_delivery_of(r->store, d->alert, d->target, &newest) && alerts_is_correction(r, &newest);
        p->shown = !p->corrected && store_shows(r->store, d->target, d->alert);
        if (p->shown) take_off(p, t, why);
    }
    if (p->corrected) return; /* its area was taken back by its feed: it knows */
    if (p->shown) p->left[p->n - 1].rendering = d->rendering;
    if (!t) return; /* dispatch has ended what waited */
    if (d->state == DELIVERY_SENDING)
        (void)dispatch_end_unsent(r, d, why);
    else
        alerts_end_row(r, t, d, why);
}

/* What it had was taken off for a reason that holds no more: a silence that is over, a site that has come back. */
static bool comes_back(struct relay *r, const struct edition *ed, struct selection *sel,
                       const struct delivery_row *d)
{
    bool was_shown = d->state == DELIVERY_SENT || d->state == DELIVERY_UNCONFIRMED ||
                     d->state == DELIVERY_DISPLAYED || d->state == DELIVERY_PLAYED ||
                     d->state == DELIVERY_ACKNOWLEDGED;
    bool kept_off = d->state == DELIVERY_SUPPRESSED &&
                    (strncmp(d->reason, "silence ", 8) == 0 || strcmp(d->reason, SITE_WENT_BACK) == 0);
    if (!was_shown && !kept_off) return false;
    if (d->attempt > 0) sel->approve = APPROVE_NONE; /* it has been let go before */
    struct delivery_facts f = alerts_facts(r, ed, sel->target, sel, NULL);
    struct delivery_plan p = decide_delivery(&f);
    return p.wanted && (p.state == DELIVERY_QUEUED ||
                        (p.state == DELIVERY_HELD && strncmp(p.reason, "trial", strlen("trial")) != 0));
}

/* A screen or bulletin that does not show the alert, and has nothing to wait for. Whoever only hears is not told late; and what
 * a person has rejected is not asked again because there is one more screen. */
static bool is_missing(struct relay *r, const struct edition *ed, bool rejected, struct selection *sel)
{
    const struct relay_target *t = sel->target;
    struct delivery_row d;
    if (t->ops->kind != TARGET_STATE || (t->class == TO_BULLETIN && !ed->say->voice_short)) return false;
    if (store_delivery_of(r->store, ed->alert->n, t->row.id, &d) && d.state != DELIVERY_CANCELLED &&
        !alerts_is_correction(r, &d) &&
        (store_shows(r->store, t->row.id, ed->alert->n) || !comes_back(r, ed, sel, &d)))
        return false;
    return !rejected || sel->approve == APPROVE_NONE || ed->approved ||
           ed->approvals >= (sel->approve == APPROVE_TWO ? 2 : 1);
}

static void add_left(struct relay *r, const struct alert_row *a, const struct left *l)
{
    struct delivery_row d = {.alert = a->n,
                             .rev = a->rev,
                             .target = l->target,
                             .state = DELIVERY_QUEUED,
                             .level = a->level,
                             .due = NO_DUE,
                             .created = r->now.wall,
                             .expires = a->expires,
                             .rendering = l->rendering};
    d.id = store_delivery_add(r->store, &d);
    dispatch_move(r, &d, DELIVERY_CANCELLED, l->why, NO_DUE);
}

/* site: only its places are looked at; NULL: all. gone: places that the alert is not for any more lose it. */
static void fit(struct relay *r, struct alert_row *a, const struct site_config *site, bool gone,
                const char *note)
{
    CLEANUP(words_release) struct words words = {.kept = NULL};
    struct places p = {.r = r, .alert = a};
    if (!words_of(r, a, &words)) return;
    if (gone) store_deliveries_ever(r->store, a->n, leave, &p);
    struct edition ed = {.alert = a,
                         .say = &words.say,
                         .rule_title = words.title,
                         .type = MSG_ALERT,
                         .sent = r->now.wall,
                         .expires = a->expires,
                         .approved = a->certainty == CERTAINTY_OBSERVED};
    struct label_room *room = xcalloc(1, sizeof(*room));
    struct labels labels;
    struct selection *sel;
    size_t n = alerts_select(r, &ed, room, &labels, &sel), new = 0;
    char by[64];
    store_action_first(r->store, "alert.reject", a->id, by);
    for (size_t i = 0; i < n; i++)
        if ((!site || sel[i].target->site == site) && is_missing(r, &ed, *by != '\0', &sel[i]))
            sel[new ++] = sel[i];
    if (new || p.n) alerts_revise(r, &ed, sel, new, note);
    for (size_t i = 0; i < p.n; i++) add_left(r, a, &p.left[i]);
    edition_release(&ed);
    free(sel);
    free(room);
    free(p.left);
}

int64_t alerts_slice(struct relay *r, int64_t before, void (*fn)(void *arg, struct alert_row *a), void *arg)
{
    int64_t until = clock_now().mono + TURN_SLICE_MS, alerts[SLICE_ALERTS];
    size_t n = store_alerts_before(r->store, before, r->now.wall, alerts, SLICE_ALERTS), i = 0;
    for (; i < n && (i == 0 || clock_now().mono < until); i++) {
        struct alert_row a;
        if (store_alert_get(r->store, alerts[i], &a) && a.grp) fn(arg, &a);
    }
    return i < n || n == SLICE_ALERTS ? alerts[i - 1] : 0;
}

static void fit_places(void *arg, struct alert_row *a)
{
    fit(arg, a, NULL, true, "other places in the configuration");
}

/* Where the fitting is: the alerts before this one are still to be looked at; 0: none. The newest go first, and those that came
 * since the configuration changed were made by it. */
static const char fit_mark[] = "fit_before";

void alerts_fit_on(struct relay *r)
{
    if (r->following) return; /* they show then what their sites' modes allow */
    int64_t before = r->fitting && r->store_ok ? store_mark(r->store, fit_mark) : 0;
    if (!before) {
        r->fitting = r->fitting && !r->store_ok;
        return;
    }
    crashpoint("in_fitting");
    before = alerts_slice(r, before, fit_places, r);
    r->fitting = before != 0;
    store_set_mark(r->store, fit_mark, before);
}

struct in_force {
    const struct site_config *site;
    int64_t *alerts;
    size_t n, cap;
};

static void collect_alert(void *arg, const struct alert_row *a)
{
    struct in_force *f = arg;
    if (!a->grp || !route_site_in(f->site, a->areas)) return;
    if (f->n == f->cap) {
        f->cap = f->cap ? f->cap * 2 : 64;
        f->alerts = xreallocarray(f->alerts, f->cap, sizeof(*f->alerts));
    }
    f->alerts[f->n++] = a->n;
}

/* Whether the configuration has other words than when the alerts were last fitted to it. */
static bool changed(struct relay *r)
{
    static const char mark[] = "places";
    CLEANUP(buf_release) struct buf words = BUF_INIT(CONFIG_MAX);
    options_print(relay_config_rows, r->config, 0, &words);
    int64_t now = hash_keyed(store_key(r->store), 'P', words.data, words.len);
    if (store_mark(r->store, mark) == now) return false;
    store_set_mark(r->store, mark, now);
    return true;
}

void alerts_fit(struct relay *r)
{
    if (changed(r)) store_set_mark(r->store, fit_mark, INT64_MAX);
    r->fitting = true; /* unless the mark says that all are fitted */
}

void alerts_show_again(struct relay *r, struct alert_row *a, const char *why)
{
    fit(r, a, NULL, false, why);
}

void alerts_show_at(struct relay *r, const struct site_config *site, const char *why)
{
    struct in_force f = {.site = site};
    store_alerts_now(r->store, r->now.wall, collect_alert, &f);
    for (size_t i = 0; i < f.n; i++) {
        struct alert_row a;
        if (store_alert_get(r->store, f.alerts[i], &a)) fit(r, &a, site, false, why);
    }
    free(f.alerts);
}
