/* Groups become alerts, alerts become revisions, revisions become deliveries. */
#include "alerts_internal.h"

#include "base/i18n.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "dispatch.h"
#include "drill.h"
#include "escalate.h"
#include "pace.h"
#include "route.h"
#include "silence.h"
#include "words.h"

enum { BODY_MAX = 64 * 1024 };

void actor_did(struct relay *r, const struct actor *by, const char *verb, const char *object,
               const char *detail)
{
    store_action(r->store, r->now.wall, verb, object, by->name, by->uid, by->reason, detail);
}

/* -- deliveries --------------------------------------------------------------------------------------------------- */

struct delivery_facts alerts_facts(struct relay *r, const struct edition *ed, const struct relay_target *t,
                                   const struct selection *sel, const struct delivery_row *before)
{
    const struct relay_options *o = &r->config->relay;
    int64_t now = r->now.wall;
    struct delivery_facts f = {.now = now,
                               .expires = ed->expires,
                               .class = t->class,
                               .msg_type = ed->type,
                               .level = ed->alert->level,
                               .certainty = ed->alert->certainty,
                               .mode = t->chat ? ed->boldest : target_mode(t),
                               .audience = t->pub.audience,
                               .fresh = ed->fresh,
                               .needs_person = ed->needs_person,
                               .approved = ed->approved,
                               .silence = *ed->silence ? ed->silence : NULL,
                               .approve = sel ? sel->approve : APPROVE_NONE,
                               .approval_timeout = o->approval_timeout,
                               .quiet_until = target_quiet_until(t, ed->alert->level, now)};
    if (f.class == TO_CHAT && ed->alert->status == STATUS_ACTUAL && !ed->reminder) {
        f.pace = pace_of(t->chat, f.level, f.certainty);
        if (f.pace == PACE_DAILY || f.pace == PACE_WEEKLY)
            f.digest_at = pace_digest_at(t->chat, t->pub.id, now, f.pace == PACE_WEEKLY);
    }
    /* What all groups are told at the same minute is spread over the next ones. */
    if (f.class == TO_CHAT && f.quiet_until) f.quiet_until += pace_spread(t->pub.id);
    if (ed->drill_over && (f.class == TO_SPEECH || f.class == TO_BULLETIN)) f.silence = "real alert";
    if (ed->alert->status != STATUS_ACTUAL) f.mode = SITE_LIVE; /* only drill targets were selected */
    if (ed->approvals >= (f.approve == APPROVE_TWO ? 2 : 1)) f.approved = true;
    /* What is spoken in a drill does not use up what may be said for real. */
    if (f.class == TO_SPEECH && ed->type != MSG_CANCEL && f.level == LEVEL_RED &&
        ed->alert->status == STATUS_ACTUAL) {
        f.spoken_again = store_spoken_since(r->store, t->pub.site, ed->alert->rule, ed->alert->areas,
                                            now - o->announce_again);
        struct local_time midnight = clock_local(now);
        midnight.hour = midnight.minute = midnight.second = 0;
        f.spoken_enough =
            store_spoken_count(r->store, t->pub.site, clock_local_to_wall(midnight)) >= o->announce_per_day;
    }
    if (sel && ed->type != MSG_CANCEL) {
        f.not_before = now + sel->group_wait;
        /* Red does not wait for its interval: money is going now. */
        if (before && before->sent_at && f.level != LEVEL_RED &&
            before->sent_at + sel->group_interval > f.not_before) {
            f.not_before = before->sent_at + sel->group_interval;
            f.interval = true;
        }
    }
    return f;
}

void alerts_supersede(struct relay *r, const struct relay_target *t, int rev, bool cancel,
                      struct delivery_row *before)
{
    char why[80];
    (void)snprintf(why, sizeof(why), "%ssuperseded by revision %d",
                   delivery_held_for(before, "trial") ? "trial: " : "", rev);
    if (cancel && before->state == DELIVERY_SENDING) return; /* dispatch finds that it was taken back */
    if (!dispatch_end_unsent(r, before, why)) (void)dispatch_end_repeats(r, t, before, why);
}

struct newer {
    struct relay *r;
    const struct relay_target *t;
    int rev;
    bool cancel;
};

static void supersede(void *arg, struct delivery_row *before)
{
    const struct newer *new = arg;
    alerts_supersede(new->r, new->t, new->rev, new->cancel, before);
}

void alerts_add_delivery(struct relay *r, struct edition *ed, struct relay_target *t,
                         const struct selection *sel)
{
    if ((t->class == TO_SPEECH && !ed->say->voice) || (t->class == TO_BULLETIN && !ed->say->voice_short))
        return; /* never spoken */
    struct delivery_row before;
    bool had = ed->alert->rev > 1 && store_delivery_of(r->store, ed->alert->n, t->row.id, &before);
    struct delivery_facts facts = alerts_facts(r, ed, t, sel, had ? &before : NULL);
    struct delivery_plan p = decide_delivery(&facts);
    if (!p.wanted) return;
    /* What is not to be said here leaves alone what is about to be said for the first time, unless a person wants silence. */
    struct newer new = {.r = r, .t = t, .rev = ed->alert->rev, .cancel = ed->type == MSG_CANCEL};
    if (had && (p.state != DELIVERY_SUPPRESSED || *ed->silence))
        store_deliveries_before(r->store, ed->alert->n, t->row.id, new.rev, supersede, &new);
    struct delivery_row d = {.alert = ed->alert->n,
                             .rev = ed->alert->rev,
                             .target = t->row.id,
                             .lane = t->chat ? LANE_CHATS : LANE_DEVICES,
                             .state = p.state,
                             .level = ed->alert->level,
                             .due = p.due,
                             .created = r->now.wall,
                             .expires = ed->expires,
                             .fold = p.fold,
                             .reminder = ed->reminder,
                             .repeat_ms =
                                 sel && t->chat && t->pub.audience == AUDIENCE_DUTY && ed->type != MSG_CANCEL
                                     ? sel->repeat_interval
                                     : 0,
                             .rendering = edition_rendering(r, ed, t)};
    (void)snprintf(d.reason, sizeof(d.reason), "%s", p.reason);
    /* A snapshot takes what is queued for a state target (dispatch_queued): only its expiry is to be waited for. */
    if (d.state == DELIVERY_QUEUED && t->ops->kind == TARGET_STATE) d.due = d.expires;
    d.id = store_delivery_add(r->store, &d);
    r->counters.deliveries[d.state]++;
    if (d.state == DELIVERY_QUEUED) dispatch_queued(r, t, &d);
}

/* Two or more waits of one site's zones are one speech: it is counted once a revision. */
static void note_speech(struct relay *r, const struct edition *ed, const struct selection *sel, size_t n)
{
    if (ed->alert->status != STATUS_ACTUAL) return;
    for (size_t i = 0; i < n; i++) {
        struct relay_target *t = sel[i].target;
        struct delivery_row d;
        if (t->class != TO_SPEECH || !store_delivery_of(r->store, ed->alert->n, t->row.id, &d)) continue;
        if (d.rev == ed->alert->rev && d.state == DELIVERY_QUEUED)
            store_spoken(r->store, t->pub.site, ed->alert->rule, ed->alert->areas, r->now.wall, ed->alert->n);
    }
}

static bool has_delivery(struct relay *r, int64_t alert, const struct relay_target *t)
{
    struct delivery_row d;
    return store_delivery_of(r->store, alert, t->row.id, &d);
}

/* The clock runs from the first revision whose route has one, until a named person has seen the alert. */
static void start_clock(struct relay *r, const struct edition *ed, const struct labels *labels)
{
    const struct alert_row *a = ed->alert;
    const struct route_config *route = *a->acked_by ? NULL : route_escalation(r->config, labels);
    if (!route || store_steps_known(r->store, a->n)) return;
    const struct step_config *steps = route->escalate.items;
    for (size_t i = 0; i < route->escalate.n; i++) {
        CLEANUP(buf_release) struct buf chats = BUF_INIT(BODY_MAX);
        for (size_t k = 0; k < steps[i].chats.n; k++)
            buf_printf(&chats, "%s%s", k ? " " : "", steps[i].chats.items[k]);
        struct step_row row = {.alert = a->n,
                               .step = (int)i + 1,
                               .after = steps[i].after,
                               .due = ed->sent + steps[i].after,
                               .chats = buf_cstr(&chats)};
        store_step_add(r->store, &row);
    }
}

void alerts_new_revision(struct relay *r, const struct edition *ed, size_t n, const char *note)
{
    struct alert_row *a = ed->alert;
    a->rev++;
    store_alert_update(r->store, a);
    store_revision(r->store, a, ed->type, ed->sent, ed->expires, note);
    words_keep(r, a, ed->say);
    r->counters.revisions++;
    log_info("%s.%d: %s rule=%s level=%s certainty=%s areas=%s count=%lld targets=%zu (%s)", a->id, a->rev,
             msg_type_name(ed->type), a->rule, level_name(a->level), certainty_name(a->certainty), a->areas,
             (long long)a->count, n, note);
}

void alerts_revise(struct relay *r, struct edition *ed, const struct selection *sel, size_t n,
                   const char *note)
{
    alerts_new_revision(r, ed, n, note);
    for (size_t i = 0; i < n; i++) alerts_add_delivery(r, ed, sel[i].target, &sel[i]);
}

/* -- other areas -------------------------------------------------------------------------------------------------- */

struct rewording {
    struct relay *r;
    struct edition *ed;
    struct delivery_row *rows; /* the newest of each target whose text names them */
    size_t n, cap;
};

static void newest_of_target(void *arg, struct delivery_row *d)
{
    struct rewording *w = arg;
    struct relay_target *t = targets_by_row(w->r->targets, d->target);
    if (d->state == DELIVERY_SUPPRESSED) return; /* what is not said leaves alone what waits */
    if (!t || !target_in_areas(t, w->ed->alert->areas) || !edition_names_areas(w->ed, t)) return;
    if (w->n && w->rows[w->n - 1].target == d->target) w->n--; /* rows come by target, the oldest first */
    if (w->n == w->cap) {
        w->cap = w->cap ? w->cap * 2 : 64;
        w->rows = xreallocarray(w->rows, w->cap, sizeof(*w->rows));
    }
    w->rows[w->n++] = *d;
}

/* What is shown, or waits to be, and what a group has not had yet. What it had, or may have had, was said. */
static bool may_be_reworded(struct relay *r, const struct relay_target *t, const struct delivery_row *d)
{
    struct revision_row v;
    if (store_revision_get(r->store, d->alert, d->rev, &v) && v.msg_type == MSG_CANCEL) return false;
    if (t->ops->kind == TARGET_STATE)
        return d->state == DELIVERY_HELD || store_shows(r->store, d->target, d->alert);
    return delivery_is_waiting(d->state) && d->state != DELIVERY_SENDING && !d->maybe &&
           !delivery_held_for(d, "trial");
}

/* The alert has other areas now: whoever shows it, or has it still to come, gets the words of today where they name areas.
 * It is let through, or waits, as what it replaces. Nobody hears a second message. */
void alerts_reword(struct relay *r, struct alert_row *a, const char *before)
{
    CLEANUP(words_release) struct words words = {.kept = NULL};
    if (edition_areas_alike(a->areas, before) || !words_of(r, a, &words)) return;
    struct edition ed = {.alert = a,
                         .say = &words.say,
                         .rule_title = words.title,
                         .type = MSG_UPDATE,
                         .sent = r->now.wall,
                         .expires = a->expires};
    struct rewording w = {.r = r, .ed = &ed};
    (void)route_sites(r->targets, a->areas, &ed.boldest);
    store_deliveries_ever(r->store, a->n, newest_of_target, &w);
    size_t n = 0;
    for (size_t i = 0; i < w.n; i++)
        if (may_be_reworded(r, targets_by_row(r->targets, w.rows[i].target), &w.rows[i]))
            w.rows[n++] = w.rows[i];
    if (n) alerts_new_revision(r, &ed, n, "other areas");
    for (size_t i = 0; i < n; i++) {
        struct delivery_row *old = &w.rows[i], d = *old;
        struct relay_target *t = targets_by_row(r->targets, old->target);
        alerts_supersede(r, t, a->rev, false, old);
        d.rev = a->rev;
        d.lane = t->chat ? LANE_CHATS : LANE_DEVICES;
        d.rendering = edition_rendering(r, &ed, t);
        d.created = r->now.wall;
        d.expires = ed.expires;
        if (d.state != DELIVERY_HELD) d.state = DELIVERY_QUEUED;
        if (d.state == DELIVERY_QUEUED && t->ops->kind == TARGET_STATE) {
            d.due = d.expires;
            d.reason[0] = '\0';
        }
        d.id = store_delivery_add(r->store, &d);
        r->counters.deliveries[d.state]++;
        if (d.state == DELIVERY_QUEUED) dispatch_queued(r, t, &d);
    }
    edition_release(&ed);
    free(w.rows);
}

/* -- publishing --------------------------------------------------------------------------------------------------- */

size_t alerts_select(struct relay *r, struct edition *ed, struct label_room *room, struct labels *labels,
                     struct selection **ret)
{
    const struct alert_row *a = ed->alert;
    bool any;
    ed->approvals = a->rev ? store_action_people(r->store, "alert.approve", a->id, "", &any) : 0;
    size_t sites = route_sites(r->targets, a->areas, &ed->boldest);
    ed->needs_person = a->guessed || (int64_t)sites > r->config->relay.wide_sites;

    route_labels(a, r->targets, room, labels);
    int64_t silence = silence_of(r, labels);
    if (silence) (void)snprintf(ed->silence, sizeof(ed->silence), "silence %lld", (long long)silence);
    struct drill_row window;
    bool drill = a->status != STATUS_ACTUAL && drill_open(r, &window);
    struct selection *sel;
    size_t n = route_select(r->config, r->targets, labels, a->areas, a->status, drill, &sel);
    if (drill) {
        size_t kept = 0;
        for (size_t i = 0; i < n; i++)
            if (sel[i].target->drills || drill_reaches(&window, sel[i].target)) sel[kept++] = sel[i];
        n = kept;
        ed->drill_over = window.real_alert != 0;
    }
    *ret = sel;
    return n;
}

/* Writes the revision, renders, routes. before: the areas until now, where one was added: only targets that are new hear of
 * it. NULL: all do. */
static void publish(struct relay *r, struct edition *ed, const char *note, const char *before)
{
    struct alert_row *a = ed->alert;
    struct label_room *room = xcalloc(1, sizeof(*room));
    struct labels labels;
    struct selection *sel;
    ed->sent = r->now.wall;
    size_t n = alerts_select(r, ed, room, &labels, &sel);
    if (before) {
        size_t kept = 0;
        for (size_t i = 0; i < n; i++)
            if (!target_in_areas(sel[i].target, before) || !has_delivery(r, a->n, sel[i].target))
                sel[kept++] = sel[i];
        n = kept;
    }
    if (n || !before) {
        alerts_revise(r, ed, sel, n, note);
        note_speech(r, ed, sel, n);
        start_clock(r, ed, &labels);
        bool speech = false;
        for (size_t i = 0; i < n; i++) speech = speech || sel[i].target->class < TO_BOARD;
        if (a->status == STATUS_ACTUAL && speech) drill_real_alert(r, a);
    }
    free(sel);
    free(room);
    edition_release(ed);
}

/* -- groups ------------------------------------------------------------------------------------------------------- */

/* Where one more event was seen, and by whom. True when its area is new. */
static bool take_in(struct alert_row *a, const char *area, const char *feed, bool guessed)
{
    (void)text_add_word(a->feeds, sizeof(a->feeds), feed);
    a->guessed = a->guessed && guessed;
    return areas_add(a->areas, sizeof(a->areas), area);
}

void alerts_take_in(void *arg, const char *area, const char *feed, bool guessed)
{
    (void)take_in(arg, area, feed, guessed);
}

/* What was made in a drill ends with it, and began with it. */
static void keep_in_drill(struct relay *r, enum cap_status status, int64_t *expires, int64_t *since)
{
    struct drill_row window;
    if (status == STATUS_ACTUAL || !drill_open(r, &window)) return;
    if (window.expires < *expires) *expires = window.expires;
    if (window.created > *since) *since = window.created - 1;
}

/* The candidates that count together with this event become the alert's. */
static void join_candidates(struct relay *r, const struct rule *rule, const struct group_state *g,
                            int64_t since, int64_t alert)
{
    const int64_t *value = rule->threshold_same == SAME_NONE ? NULL : &g->value;
    store_candidates_join(r->store, g->id, since, value, alert);
    if (value) store_alert_value(r->store, alert, g->value);
}

/* Where they were seen, and by whom. */
static void take_in_candidates(struct relay *r, const struct rule *rule, const struct group_state *g,
                               int64_t since, struct alert_row *a)
{
    store_candidates(r->store, g->id, since, rule->threshold_same == SAME_NONE ? NULL : &g->value,
                     alerts_take_in, a);
}

static void new_alert(struct relay *r, const struct event *e, const char *feed, const struct rule *rule,
                      const struct group_state *g, const struct judgement *j, struct alert_row *a)
{
    *a = (struct alert_row){.grp = g->id,
                            .rule_rev = rule->rev,
                            .status = decide_status(rule, e),
                            .level = j->level,
                            .certainty = j->certainty,
                            .created = r->now.wall,
                            .expires = decide_expiry(rule, e),
                            .count = rule_correlates(rule) ? g->same.count : g->count,
                            .guessed = true};
    int64_t since = r->now.wall - rule->threshold_within_ms;
    keep_in_drill(r, a->status, &a->expires, &since);
    (void)snprintf(a->rule, sizeof(a->rule), "%s", rule->id);
    (void)snprintf(a->category, sizeof(a->category), "%s", rule->category);
    (void)snprintf(a->title, sizeof(a->title), "%s", rule->title);
    (void)snprintf(a->set_hash, sizeof(a->set_hash), "%s", rule_set_hash(r->rules));
    (void)take_in(a, e->area, feed, e->area_guessed);
    take_in_candidates(r, rule, g, since, a);
    store_alert_new(r->store, r->config->relay.id, clock_local_day(r->now.wall), a);
    join_candidates(r, rule, g, since, a->n);
    r->counters.alerts++;
    r->alerts_in_force++;
    store_stat(r->store, clock_local_day(r->now.wall), "alert", rule->id, 1);
}

/* A clock that is not trusted does not say what is over: the event's own time stands for it. */
static int64_t time_by(const struct relay *r, const struct event *e)
{
    return r->clock_trusted ? r->now.wall : e->sent_at;
}

static bool is_fresh(const struct relay *r, const struct event *e)
{
    return time_by(r, e) - e->observed_at <= r->config->relay.fresh;
}

/* Fills g for a rule that correlates. What has no value counts for nothing: a person may still confirm it. */
static void correlate(struct relay *r, const struct event *e, const struct rule *rule, struct event_row *row,
                      struct group_state *g)
{
    if (!rule_correlates(rule)) return;
    row->value = g->value = decide_value(rule, e, store_key(r->store));
    g->stands = rule->threshold_same == SAME_NONE ||
                (g->alert && store_alert_has_value(r->store, g->alert, g->value));
    struct correlated c = {.grp = g->id,
                           .value = row->value,
                           .feed = row->feed,
                           .victim = e->victim,
                           .count = e->count,
                           .verified = e->verified};
    if (rule->threshold_same != SAME_NONE && c.value == 0) return;
    store_correlate(r->store, &c, row->received, rule->threshold_within_ms, &g->same);
}

static const char in_sandbox[] = "sandbox", not_to_be_said[] = "not to be broadcast", too_late[] = "stale";

const char *alerts_kept_out(const struct event *e, const struct feed_config *feed)
{
    if (feed->mode == FEED_SANDBOX) return in_sandbox;
    if (!e->may_broadcast) return not_to_be_said;
    return e->stale ? too_late : NULL;
}

void alerts_event(struct relay *r, const struct event *e, const struct feed_config *feed,
                  const struct rule *rule, struct event_row *row)
{
    int64_t expires = decide_expiry(rule, e);
    const char *kept_out = alerts_kept_out(e, feed);
    if (!kept_out && expires <= time_by(r, e)) kept_out = too_late;
    if (kept_out) {
        row->note = kept_out;
        return;
    }
    CLEANUP(buf_release) struct buf fingerprint = BUF_INIT(512);
    decide_fingerprint(r->config->route.group_labels, rule, e, feed->id, route_site(r->targets, e->area),
                       &fingerprint);
    int64_t grp = store_group(r->store, buf_cstr(&fingerprint), rule->id);
    row->grp = grp;
    store_window_add(r->store, grp, row->feed, row->received, rule->threshold_within_ms, e->count,
                     e->verified);
    struct group_state g;
    store_window_read(r->store, grp, row->received, rule->threshold_within_ms, &g);
    if (!r->clock_trusted) g.alert = store_alert_active(r->store, grp, e->sent_at);
    correlate(r, e, rule, row, &g);

    struct alert_row a = {.n = 0};
    bool active = g.alert && store_alert_get(r->store, g.alert, &a);
    struct judgement j = decide_group(rule, &g, active ? &a : NULL, false);
    struct edition ed = {.alert = &a,
                         .say = &rule->say,
                         .rule_title = rule->title,
                         .type = MSG_ALERT,
                         .fresh = is_fresh(r, e)};
    switch (j.what) {
    case DECIDE_CANDIDATE: row->note = "candidate"; return;
    case DECIDE_ALERT:
        if (r->alerts_in_force >= r->config->limits.alerts) {
            row->note = "candidate"; /* the bound of design section 13: a person sees it in the review list */
            log_error(
                "rule=%s has no alert: limits.alerts are in force already; cancel some or raise the limit",
                rule->id);
            return;
        }
        new_alert(r, e, feed->id, rule, &g, &j, &a);
        ed.expires = a.expires;
        publish(r, &ed, g.feeds >= 2 && !rule_correlates(rule) ? "second feed" : "threshold", NULL);
        break;
    case DECIDE_COUNT:
    case DECIDE_UPDATE: {
        struct alert_row before = a;
        a.withdrawn = false;
        (void)take_in(&a, e->area, feed->id, e->area_guessed);
        if (rule_correlates(rule) && !g.stands) { /* one more value for which the rule is met */
            int64_t since = r->now.wall - rule->threshold_within_ms;
            a.count += g.same.count;
            take_in_candidates(r, rule, &g, since, &a);
            join_candidates(r, rule, &g, since, a.n);
        } else {
            a.count += e->count;
        }
        ed.expires = a.expires;
        if (j.what == DECIDE_UPDATE) {
            bool level_up = j.level > a.level;
            a.level = j.level;
            a.certainty = j.certainty;
            keep_in_drill(r, a.status, &expires, &(int64_t){0});
            if (expires > a.expires) ed.expires = a.expires = expires;
            ed.type = MSG_UPDATE;
            publish(r, &ed, level_up ? "higher level" : "higher certainty", NULL);
        } else {
            store_alert_update(r->store, &a);
            ed.type = MSG_ALERT; /* an Alert to the targets that are new */
            if (strcmp(a.areas, before.areas) != 0) {
                alerts_reword(r, &a, before.areas);
                publish(r, &ed, "new area", before.areas);
            }
        }
        break;
    }
    }
    row->alert = a.n;
}

/* -- what people say ------------------------------------------------------------------------------------------- */

enum relay_err alerts_find(struct relay *r, const char *id, struct alert_row *ret, struct reason *why)
{
    if (store_alert_by_id(r->store, id, ret)) return RELAY_OK;
    return fail(why, RELAY_NOT_FOUND, _("there is no alert `%s`; `tocsin alerts list` shows them"), id);
}

static enum relay_err find_in_force(struct relay *r, const char *id, struct alert_row *a, struct reason *why)
{
    enum relay_err err = alerts_find(r, id, a, why);
    if (err != RELAY_OK) return err;
    if (!a->grp)
        return fail(why, RELAY_CONFLICT,
                    _("`%s` is a message of the relay itself, not a warning: it can be neither confirmed nor "
                      "taken back, and ends by itself"),
                    id);
    if (a->ended || a->expires <= r->now.wall)
        return fail(why, RELAY_CONFLICT, _("alert `%s` has ended already"), id);
    return RELAY_OK;
}

/* A hospital takes back only what has to do with it. */
static enum relay_err may_cancel(struct relay *r, const struct alert_row *a, const char *site,
                                 struct reason *why)
{
    if (!*site) return RELAY_OK;
    const struct site_config *its;
    enum relay_err err = config_site_find(r->config, site, &its, why);
    if (err != RELAY_OK) return err;
    if (route_site_in(its, a->areas)) return RELAY_OK;
    return fail(why, RELAY_CONFLICT, _("alert `%s` is for other areas than site `%s`"), a->id, site);
}

enum relay_err alerts_cancel(struct relay *r, const char *alert_id, const char *site, const struct actor *by,
                             struct reason *why)
{
    struct alert_row a;
    enum relay_err err = find_in_force(r, alert_id, &a, why);
    if (err == RELAY_OK) err = may_cancel(r, &a, site, why);
    if (err != RELAY_OK) return err;
    char note[160];
    (void)snprintf(note, sizeof(note), "cancelled by %s%s%s", by->name, *site ? " of " : "", site);
    alerts_take_back(r, &a, note);
    actor_did(r, by, "alert.cancel", a.id, site);
    return RELAY_OK;
}

/* What a named person stands for goes out; `at`: since when it is known. */
static void publish_confirmed(struct relay *r, struct alert_row *a, const struct words *words,
                              enum msg_type type, int64_t at, const struct actor *by)
{
    (void)snprintf(a->acked_by, sizeof(a->acked_by), "%s", by->name);
    escalate_seen(r, a, by);
    struct edition ed = {.alert = a,
                         .say = &words->say,
                         .rule_title = words->title,
                         .type = type,
                         .expires = a->expires,
                         .fresh = r->now.wall - at <= r->config->relay.fresh,
                         .approved = true};
    char note[160];
    (void)snprintf(note, sizeof(note), "confirmed by %s", by->name);
    publish(r, &ed, note, NULL);
    actor_did(r, by, "alert.confirm", a->id, "");
}

enum relay_err alerts_confirm(struct relay *r, const char *alert_id, const struct actor *by,
                              struct reason *why)
{
    struct alert_row a;
    enum relay_err err = find_in_force(r, alert_id, &a, why);
    if (err != RELAY_OK) return err;
    if (a.withdrawn) { /* nothing new is said: it goes on, and leaves the review list */
        a.withdrawn = false;
        store_alert_update(r->store, &a);
        actor_did(r, by, "alert.confirm", a.id, "");
        return RELAY_OK;
    }
    if (a.certainty == CERTAINTY_OBSERVED)
        return fail(why, RELAY_CONFLICT, _("alert `%s` is confirmed already"), alert_id);
    CLEANUP(words_release) struct words words = {.kept = NULL};
    if (!words_of(r, &a, &words))
        return fail(why, RELAY_CONFLICT, _("rule `%s` is no longer loaded; its texts are needed"), a.rule);
    a.certainty = CERTAINTY_OBSERVED;
    a.guessed = false;
    publish_confirmed(r, &a, &words, MSG_UPDATE, a.created, by);
    return RELAY_OK;
}

enum relay_err alerts_find_candidate(struct relay *r, int64_t event, struct event_seen *ret,
                                     struct reason *why)
{
    if (!store_event_get(r->store, event, ret))
        return fail(why, RELAY_NOT_FOUND, _("there is no event %lld in the review list"), (long long)event);
    if (ret->alert || ret->reviewed)
        return fail(why, RELAY_CONFLICT, _("event %lld has been decided already"), (long long)event);
    if (strcmp(ret->note, in_sandbox) == 0)
        return fail(why, RELAY_CONFLICT,
                    _("event %lld came while its feed was in sandbox: it is a trial of the feed, and nothing "
                      "of it is "
                      "broadcast"),
                    (long long)event);
    if (strcmp(ret->note, not_to_be_said) == 0)
        return fail(
            why, RELAY_CONFLICT,
            _("event %lld is not to be broadcast: its feed has said so (handling). Ask the feed for one that "
              "may be"),
            (long long)event);
    if (strcmp(ret->note, too_late) == 0)
        return fail(why, RELAY_CONFLICT,
                    _("event %lld came when it was over already: it is counted, and nothing of it is "
                      "broadcast"),
                    (long long)event);
    return RELAY_OK;
}

enum relay_err alerts_confirm_event(struct relay *r, int64_t event, const struct actor *by,
                                    char ret_alert[static 80], struct reason *why)
{
    struct event_seen seen;
    enum relay_err err = alerts_find_candidate(r, event, &seen, why);
    if (err != RELAY_OK) return err;
    const struct rule *rule = rule_set_find(r->rules, seen.rule);
    if (!rule)
        return fail(why, RELAY_CONFLICT, _("rule `%s` is no longer loaded; its texts are needed"), seen.rule);
    struct event e = {.kind = seen.kind,
                      .status = seen.status,
                      .observed_at = seen.observed_at,
                      .expires_at = seen.expires_at,
                      .area_guessed = false,
                      .count = seen.count,
                      .verified = true,
                      .may_broadcast = true};
    memcpy(e.area, seen.area, sizeof(e.area));
    if (decide_expiry(rule, &e) <= r->now.wall)
        return fail(
            why, RELAY_CONFLICT,
            _("it is over: a warning lasts as long as its feed says, and at most as long as its rule's "
              "warnings do"));
    struct group_state g = {.count = seen.count, .feeds = 1, .value = seen.value};
    if (seen.grp) {
        store_window_read(r->store, seen.grp, r->now.wall, rule->threshold_within_ms, &g);
        g.value = seen.value;
        struct correlated c = {.grp = seen.grp, .value = seen.value};
        if (rule->threshold_same == SAME_NONE || seen.value)
            store_correlated(r->store, &c, r->now.wall, rule->threshold_within_ms, &g.same);
    } else {
        CLEANUP(buf_release) struct buf fingerprint = BUF_INIT(512);
        decide_fingerprint(r->config->route.group_labels, rule, &e, seen.feed, route_site(r->targets, e.area),
                           &fingerprint);
        seen.grp = store_group(r->store, buf_cstr(&fingerprint), rule->id);
        g.alert = store_alert_active(r->store, seen.grp, r->now.wall);
    }
    if (g.alert) return fail(why, RELAY_CONFLICT, _("its group has an alert in force; confirm that one"));
    if (g.count < seen.count) g.count = seen.count;
    if (g.same.count < seen.count) g.same.count = seen.count;
    struct judgement j = decide_group(rule, &g, NULL, true);
    struct alert_row a;
    g.id = seen.grp;
    new_alert(r, &e, seen.feed, rule, &g, &j, &a);
    store_event_join(r->store, event, a.n, by->name);
    struct words words = {.say = rule->say, .title = rule->title};
    publish_confirmed(r, &a, &words, MSG_ALERT, seen.observed_at, by);
    (void)snprintf(ret_alert, 80, "%s", a.id);
    return RELAY_OK;
}
