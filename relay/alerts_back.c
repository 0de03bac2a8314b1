/* What is taken back: by its feed, of which the alert may go on, or by a person; and the correction to those who had it. */
#include "alerts_internal.h"

#include "base/i18n.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "dispatch.h"
#include "notice.h"
#include "route.h"
#include "words.h"

#define CANCEL_LIFE (72 * HOUR_MS)

struct taking_back {
    struct relay *r;
    const char *before,
        *still;      /* the alert's areas until now, and where it goes on; NULL: it ends everywhere */
    const char *why; /* what waits ends */
    int64_t *told;   /* targets that had an earlier revision, and no correction since */
    size_t n, cap;
};

/* It was sent, alone or in a digest, or may have been; what a device has confirmed was, even if the answer was lost. */
static bool had_it(const struct delivery_row *d)
{
    return d->sent_at || d->maybe || d->accepted || d->state == DELIVERY_SENDING ||
           d->state == DELIVERY_PLAYED || d->state == DELIVERY_DISPLAYED || d->state == DELIVERY_ACKNOWLEDGED;
}

bool alerts_is_correction(struct relay *r, const struct delivery_row *d)
{
    struct revision_row v;
    return store_revision_get(r->store, d->alert, d->rev, &v) && v.msg_type == MSG_CANCEL;
}

void alerts_end_row(struct relay *r, const struct relay_target *t, struct delivery_row *d, const char *reason)
{
    char why[80];
    (void)snprintf(why, sizeof(why), "%s%s", delivery_held_for(d, "trial") ? "trial: " : "", reason);
    if (delivery_is_waiting(d->state) && d->state != DELIVERY_SENDING)
        dispatch_move(r, d, DELIVERY_CANCELLED, why, NO_DUE);
    (void)dispatch_end_repeats(r, t, d, reason);
}

/* Ends what waits of a row, and notes its target when it is to be corrected. Rows come by target, the oldest first. */
static void take_from(void *arg, struct delivery_row *d)
{
    struct taking_back *c = arg;
    struct relay_target *t = targets_by_row(c->r->targets, d->target);
    if (c->still && (!t || !target_in_areas(t, c->before) || target_in_areas(t, c->still))) return;
    bool told = c->n && c->told[c->n - 1] == d->target;
    if (alerts_is_correction(c->r,
                             d)) { /* of an area: it knows, unless the area came back before it was said */
        if (told && d->state != DELIVERY_SUPPRESSED) c->n--;
        return;
    }
    if (had_it(d) && !told) {
        if (c->n == c->cap) {
            c->cap = c->cap ? c->cap * 2 : 64;
            c->told = xreallocarray(c->told, c->cap, sizeof(*c->told));
        }
        c->told[c->n++] = d->target;
    }
    alerts_end_row(c->r, t, d, c->why);
    if (c->still && t && t->ops->kind == TARGET_STATE) {
        store_unshow(c->r->store, d->target, d->alert);
        target_show(t);
    }
}

/* The revision that takes an alert back, in the areas of `a`: to exactly those who had an earlier one, whatever the limits. */
static void correct(struct relay *r, struct alert_row *a, const struct taking_back *c, const char *note)
{
    CLEANUP(words_release) struct words words = {.kept = NULL};
    static const struct rule_say plain = {
        .correction = "更正。之前的防骗提醒，经核实有误，请您不必担心。有疑问，请到服务台。"};
    struct rule_say say = words_of(r, a, &words) && words.say.correction ? words.say : plain;
    say.voice = say.voice_short = say.correction;
    struct edition ed = {.alert = a,
                         .say = &say,
                         .rule_title = a->title,
                         .type = MSG_CANCEL,
                         .sent = r->now.wall,
                         .expires = r->now.wall + CANCEL_LIFE,
                         .fresh = true,
                         .approved = true};
    (void)route_sites(r->targets, a->areas, &ed.boldest);
    store_revision(r->store, a, MSG_CANCEL, ed.sent, ed.expires, note);
    for (size_t i = 0; i < c->n; i++) {
        struct relay_target *t = targets_by_row(r->targets, c->told[i]);
        if (t) alerts_add_delivery(r, &ed, t, NULL);
    }
    r->counters.revisions++;
    log_info("%s.%d: Cancel areas=%s targets=%zu (%s)", a->id, a->rev, a->areas, c->n, note);
    edition_release(&ed);
}

void alerts_take_back(struct relay *r, struct alert_row *a, const char *note)
{
    struct taking_back c = {.r = r, .why = "alert cancelled"};
    store_deliveries_ever(r->store, a->n, take_from, &c);
    store_unshow_alert(r->store, a->n, targets_show_row, r->targets);
    a->rev++;
    store_alert_update(r->store, a);
    correct(r, a, &c, note);
    store_alert_end(r->store, a->n, r->now.wall, note);
    store_window_clear(r->store, a->grp); /* what was counted was wrong: it begins anew */
    free(c.told);
}

/* To the areas of the events on which the alert stands, and those in which a person has confirmed it. Who is in them no
 * more is told as if it had ended. */
static void shrink(struct relay *r, struct alert_row *a)
{
    static const char withdrawn[] = "area withdrawn by its feed";
    struct alert_row now = *a, left = *a, *to;
    char code[AREA_LEN + 1], standing[sizeof(now.areas)];
    now.areas[0] = now.feeds[0] = left.areas[0] = '\0';
    now.guessed = !store_confirmed_areas(r->store, a->n, now.areas, sizeof(now.areas));
    store_standing(r->store, a->n, alerts_take_in, &now);
    memcpy(standing, now.areas, sizeof(standing));
    now.areas[0] = '\0'; /* again, in the order that people know: a text names the first ones */
    for (const char *p = a->areas; area_next(&p, code);) {
        to = text_has_word(standing, code) ? &now : &left;
        (void)text_add_word(to->areas, sizeof(to->areas), code);
    }
    for (const char *p = standing; area_next(&p, code);)
        (void)text_add_word(now.areas, sizeof(now.areas), code);
    struct taking_back c = {.r = r, .before = a->areas, .still = now.areas, .why = withdrawn};
    if (*left.areas) store_deliveries_ever(r->store, a->n, take_from, &c);
    if (!*now.feeds) memcpy(now.feeds, a->feeds, sizeof(now.feeds)); /* a person alone stands for it */
    if (c.n) left.rev = ++now.rev;
    store_alert_update(r->store, &now);
    if (c.n) correct(r, &left, &c, withdrawn);
    if (*left.areas) {
        log_info("%s: areas=%s, no more %s", a->id, now.areas, left.areas);
        alerts_reword(r, &now, a->areas);
    }
    *a = now;
    free(c.told);
}

/* A named person's word outranks a feed's change of mind; but a person must hear of it. */
static void tell_confirmed(struct relay *r, const struct alert_row *a, const char *feed)
{
    char who[64];
    store_action_first(r->store, "alert.confirm", a->id, who);
    CLEANUP(free_ptr)
    char *text =
        xasprintf(_("Alert %s (%s), confirmed by %s: its feed %s has taken back the last event of it. It "
                    "stays in force. If it is not true: tocsin alerts cancel %s --by NAME; if it is: tocsin "
                    "alerts confirm %s --by NAME"),
                  a->id, a->title, who, feed, a->id, a->id);
    notice_duty(r, &(struct notice){.status = a->status,
                                    .about = "withdrawn",
                                    .area = a->areas,
                                    .title = _("a feed took back what a person had confirmed"),
                                    .text = text,
                                    .lasts = a->expires - r->now.wall});
}

static void lose(struct relay *r, const struct loss *l, const char *feed)
{
    struct alert_row a;
    if (!store_alert_get(r->store, l->alert, &a) || a.ended || a.expires <= r->now.wall) return;
    /* Some of its events may not be kept any more: what cannot be known to have been taken back stands. */
    bool pruned = r->now.wall - a.created >= r->config->relay.keep_matched;
    bool stands = pruned || store_alert_stands(r->store, a.n);
    if (!stands && a.certainty < CERTAINTY_OBSERVED) {
        alerts_take_back(r, &a, "withdrawn by its feed");
        return;
    }
    a.count = a.count > l->count ? a.count - l->count : 1;
    if (!stands) a.withdrawn = true;
    if (l->alone && !pruned)
        shrink(r, &a);
    else
        store_alert_update(r->store, &a);
    log_info("%s: feed=%s took events back; %s, count=%lld", a.id, feed,
             stands ? "others stand" : "it is confirmed and goes on", (long long)a.count);
    if (!stands) tell_confirmed(r, &a, feed);
}

void alerts_withdraw(struct relay *r, int64_t feed_row, const char *const *event_ids, size_t n,
                     struct losses *ret)
{
    ret->items = xcalloc(n, sizeof(*ret->items));
    for (size_t i = 0; i < n; i++) {
        struct withdrawn w;
        struct alert_row a;
        if (!store_event_withdraw(r->store, feed_row, event_ids[i], &w)) continue;
        bool known = w.alert && store_alert_get(r->store, w.alert, &a);
        bool cancelled = known && a.ended && a.ended < a.expires; /* then its group has begun anew */
        if (w.grp && !cancelled) store_window_take(r->store, &w);
        if (!known) continue;
        size_t k = 0;
        while (k < ret->n && ret->items[k].alert != w.alert) k++;
        if (k == ret->n) ret->items[ret->n++].alert = w.alert;
        ret->items[k].count += w.count;
        ret->items[k].alone = ret->items[k].alone || w.alone;
    }
}

void alerts_settle(struct relay *r, const char *feed, struct losses *l)
{
    for (size_t i = 0; i < l->n; i++) lose(r, &l->items[i], feed);
    free(l->items);
    *l = (struct losses){0};
}
