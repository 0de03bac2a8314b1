/* What is said once more: reminders of what nobody has acknowledged, and what a person replays. */
#include "alerts_internal.h"

#include "base/i18n.h"
#include "base/mem.h"
#include "drill.h"
#include "pace.h"
#include "silence.h"
#include "words.h"

/* -- reminding ---------------------------------------------------------------------------------------------------- */

static void count_approvals(void *arg, struct delivery_row *d)
{
    int *waiting = arg;
    *waiting += delivery_held_for(d, "approval");
}

/* Those of the step's chats that may hear of it: the duty groups always, the others nothing that waits for approval. */
static size_t select_step(struct relay *r, const struct alert_row *a, const char *chats,
                          struct selection *sel)
{
    struct drill_row window;
    bool drill = a->status != STATUS_ACTUAL && drill_open(r, &window);
    int approvals = 0;
    store_deliveries_of_alert(r->store, a->n, true, count_approvals, &approvals);
    size_t n = 0;
    for (size_t i = 0; i < r->targets->n; i++) {
        struct relay_target *t = &r->targets->items[i];
        struct delivery_row d;
        if (!route_chat_named(chats, t) || !target_in_areas(t, a->areas)) continue;
        if (a->status != STATUS_ACTUAL && !t->drills && !(drill && drill_reaches(&window, t))) continue;
        if (t->pub.audience != AUDIENCE_DUTY && approvals) continue;
        bool had = store_delivery_of(r->store, a->n, t->row.id, &d);
        if (had && delivery_is_waiting(d.state) && !delivery_held_for(&d, "approval"))
            continue; /* what is on its way is not overtaken */
        sel[n++] = (struct selection){
            .target = t, .approve = APPROVE_NONE, .repeat_interval = had ? d.repeat_ms : 0};
    }
    return n;
}

size_t alerts_remind(struct relay *r, struct alert_row *a, int step, const char *chats,
                     char ret_why[static 80])
{
    CLEANUP(words_release) struct words words = {.kept = NULL};
    if (!words_of(r, a, &words)) {
        (void)snprintf(ret_why, 80, "its texts cannot be read");
        return 0;
    }
    struct label_room *room = xcalloc(1, sizeof(*room));
    struct selection *sel = xcalloc(r->targets->n, sizeof(*sel));
    struct labels labels;
    route_labels(a, r->targets, room, &labels);
    int64_t silence = silence_of(r, &labels);
    size_t n = silence ? 0 : select_step(r, a, chats, sel);
    if (n) {
        struct edition ed = {.alert = a,
                             .say = &words.say,
                             .rule_title = words.title,
                             .type = MSG_UPDATE,
                             .sent = r->now.wall,
                             .expires = a->expires,
                             .fresh = true, /* it was when the clock began */
                             .approved = true,
                             .reminder = step};
        (void)route_sites(r->targets, a->areas, &ed.boldest);
        char note[80];
        (void)snprintf(note, sizeof(note), "reminder %d: nobody has acknowledged", step);
        alerts_revise(r, &ed, sel, n, note);
        edition_release(&ed);
    } else if (silence) {
        (void)snprintf(ret_why, 80, "silence %lld", (long long)silence);
    } else {
        (void)snprintf(ret_why, 80, "no chat that may hear of it");
    }
    free(sel);
    free(room);
    return n;
}

/* -- the reminders of a route ------------------------------------------------------------------------------------- */

int64_t alerts_reminder_waits(struct relay *r, const struct relay_target *t, const struct delivery_row *d)
{
    int64_t now = r->now.wall, quiet = target_quiet_until(t, d->level, now);
    struct alert_row a;
    if (quiet > now) return quiet + pace_spread(t->pub.id);
    if (!store_alert_get(r->store, d->alert, &a) || !a.grp) return 0;
    struct label_room *room = xcalloc(1, sizeof(*room));
    struct labels labels;
    route_labels(&a, r->targets, room, &labels);
    int64_t silence = silence_of(r, &labels);
    free(room);
    return silence ? now + (d->repeat_ms > 0 ? d->repeat_ms : HOUR_MS) : 0;
}

struct reminded {
    struct relay *r;
    const struct edition *ed;
    struct delivery_row *rows;
    size_t n, cap;
};

/* What a group is about to be reminded of: those that are due soon go along, so that they are one revision. */
static void collect_reminded(void *arg, struct delivery_row *d)
{
    struct reminded *m = arg;
    const struct relay_target *t = targets_by_row(m->r->targets, d->target);
    if (!t || !t->chat || d->state != DELIVERY_SENT) return;
    if (d->due > m->r->now.wall + MINUTE_MS || d->due >= d->expires) return;
    if (!edition_names_areas(m->ed, t) || target_quiet_until(t, d->level, m->r->now.wall)) return;
    if (!pace_allows_digest(t->chat, &t->told, clock_local_day(m->r->now.wall))) return;
    if (m->n == m->cap) {
        m->cap = m->cap ? m->cap * 2 : 16;
        m->rows = xreallocarray(m->rows, m->cap, sizeof(*m->rows));
    }
    m->rows[m->n++] = *d;
}

static void remind_anew(struct relay *r, struct edition *ed, struct delivery_row *old)
{
    struct relay_target *t = targets_by_row(r->targets, old->target);
    struct delivery_row d = {.alert = old->alert,
                             .rev = ed->alert->rev,
                             .target = old->target,
                             .lane = LANE_CHATS,
                             .state = DELIVERY_QUEUED,
                             .level = ed->alert->level,
                             .due = r->now.wall,
                             .created = r->now.wall,
                             .expires = ed->expires,
                             .repeat_ms = old->repeat_ms,
                             .reminder = old->reminder,
                             .rendering = edition_rendering(r, ed, t)};
    alerts_supersede(r, t, d.rev, false, old);
    d.id = store_delivery_add(r->store, &d);
    d.repeats = old->repeats + 1;
    store_delivery_save(r->store, &d);
    r->counters.deliveries[d.state]++;
}

bool alerts_remind_anew(struct relay *r, const struct relay_target *t, const struct delivery_row *d)
{
    struct alert_row a;
    struct revision_row rev;
    CLEANUP(words_release) struct words words = {.kept = NULL};
    if (!store_alert_get(r->store, d->alert, &a) || !a.grp ||
        !store_revision_get(r->store, d->alert, d->rev, &rev) || edition_areas_alike(a.areas, rev.areas) ||
        !words_of(r, &a, &words))
        return false;
    struct edition ed = {.alert = &a,
                         .say = &words.say,
                         .rule_title = words.title,
                         .type = MSG_UPDATE,
                         .sent = r->now.wall,
                         .expires = a.expires};
    if (!edition_names_areas(&ed, t)) return false;
    struct reminded m = {.r = r, .ed = &ed};
    (void)route_sites(r->targets, a.areas, &ed.boldest);
    store_deliveries_of_alert(r->store, a.n, false, collect_reminded, &m);
    if (m.n) alerts_new_revision(r, &ed, m.n, "reminder of other areas");
    for (size_t i = 0; i < m.n; i++) remind_anew(r, &ed, &m.rows[i]);
    edition_release(&ed);
    free(m.rows);
    return m.n > 0;
}

/* -- replay ------------------------------------------------------------------------------------------------------- */

static enum relay_err in_quiet_hours(const struct relay *r, const struct relay_target *t,
                                     const struct delivery_row *d, struct reason *why)
{
    char text[TIME_TEXT_LEN];
    int64_t until = target_quiet_until(t, d->level, r->now.wall);
    if (until <= r->now.wall) return RELAY_OK;
    return fail(why, RELAY_CONFLICT, _("its target is in its quiet hours until %s"),
                clock_format(until, false, text));
}

/* Limits are not asked about what was said before: it does not use them up a second time. */
static enum relay_err may_be_said(struct relay *r, const struct edition *ed, const struct relay_target *t,
                                  const struct selection *sel, const struct delivery_row *d,
                                  struct reason *why)
{
    bool limited = strncmp(d->reason, DECIDED_LIMIT, strlen(DECIDED_LIMIT)) == 0;
    struct delivery_facts f = alerts_facts(r, ed, t, sel, NULL);
    f.spoken_again = f.spoken_again && limited;
    f.spoken_enough = f.spoken_enough && limited;
    struct delivery_plan p = decide_delivery(&f);
    if (p.state == DELIVERY_SUPPRESSED && *ed->silence)
        return fail(why, RELAY_CONFLICT, _("%s keeps it unsaid; `tocsin silence expire` ends it"),
                    ed->silence);
    if (p.state == DELIVERY_SUPPRESSED)
        return fail(why, RELAY_CONFLICT, _("what kept it unsaid holds still: %s"), p.reason);
    if (p.state == DELIVERY_HELD && strncmp(p.reason, "trial", 5) == 0)
        return fail(why, RELAY_CONFLICT,
                    _("it is not said in this mode of its site; `tocsin site mode` changes that"));
    if (p.state == DELIVERY_HELD && strncmp(p.reason, "approval", 8) == 0)
        return fail(why, RELAY_CONFLICT,
                    _("it has not been approved; `tocsin alerts approve` or `tocsin alerts confirm` first"));
    return in_quiet_hours(r, t, d, why); /* also of what decide leaves to a digest of the day */
}

enum relay_err alerts_say_again(struct relay *r, const struct delivery_row *d, const struct relay_target *t,
                                struct reason *why)
{
    struct alert_row a;
    struct revision_row rev;
    if (!store_alert_get(r->store, d->alert, &a) || !store_revision_get(r->store, d->alert, d->rev, &rev))
        return fail(why, RELAY_NOT_FOUND, _("its alert cannot be read"));
    struct edition ed = {.alert = &a,
                         .type = rev.msg_type,
                         .expires = d->expires,
                         .fresh = strcmp(d->reason, DECIDED_TOO_OLD) != 0,
                         .approved = d->attempt > 0 || a.certainty == CERTAINTY_OBSERVED,
                         .reminder = d->reminder};
    if (!a.grp || rev.msg_type == MSG_CANCEL)
        return in_quiet_hours(r, t, d,
                              why); /* nothing else holds back a correction, or the relay's own words */
    if (!target_in_areas(t, a.areas))
        return fail(why, RELAY_CONFLICT, _("the alert is for other areas than this target"));
    struct label_room *room = xcalloc(1, sizeof(*room));
    struct labels labels;
    struct selection *sel;
    size_t n = alerts_select(r, &ed, room, &labels, &sel), i = 0;
    while (i < n && sel[i].target != t) i++;
    struct drill_row window;
    enum relay_err err = RELAY_OK;
    if (a.status != STATUS_ACTUAL && !t->drills && !(drill_open(r, &window) && drill_reaches(&window, t)))
        err = fail(why, RELAY_CONFLICT, _("no drill is open that reaches this target"));
    else if (i == n && !d->reminder)
        err = fail(why, RELAY_CONFLICT, _("no route takes the alert to this target any more"));
    else
        err = may_be_said(r, &ed, t, i < n ? &sel[i] : NULL, d, why);
    free(sel);
    free(room);
    return err;
}
