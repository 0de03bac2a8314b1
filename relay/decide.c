/* Rule, fingerprint, threshold, certainty, holds: pure questions and answers. */
#include "decide.h"

#include "base/hash.h"
#include "base/mem.h"

enum { LIKELY_FACTOR = 5 };

const struct rule *decide_rule(const struct rule_hit *hits, size_t n)
{
    const struct rule_hit *best = NULL;
    for (size_t i = 0; i < n; i++) {
        const struct rule_hit *h = &hits[i];
        enum rule_status status = h->rule->status;
        if (h->verdict != MATCH || (status != RULE_STABLE && status != RULE_TEST)) continue;
        /* A rule in test must not take an alert away from one that speaks. */
        bool first = !best || (status == RULE_STABLE && best->rule->status == RULE_TEST) ||
                     (status == best->rule->status && rule_hit_before(h, best));
        if (first) best = h;
    }
    return best ? best->rule : NULL;
}

enum cap_status decide_status(const struct rule *r, const struct event *e)
{
    return r->status == RULE_TEST && e->status == STATUS_ACTUAL ? STATUS_EXERCISE : e->status;
}

int64_t decide_expiry(const struct rule *r, const struct event *e)
{
    return sooner(e->expires_at, e->observed_at + r->expires_ms);
}

static void area_part(struct buf *b, const char *label, const char *area, size_t digits)
{
    size_t n = strlen(area);
    buf_printf(b, " %s=%.*s", label, (int)(n < digits ? n : digits), area);
}

void decide_fingerprint(unsigned group_labels, const struct rule *r, const struct event *e, const char *feed,
                        const char *site, struct buf *ret)
{
    buf_printf(ret, "status=%s", cap_status_name(decide_status(r, e)));
    for (int label = 0; label < LABEL_COUNT; label++) {
        if (!(group_labels & (1u << label))) continue;
        const char *name = label_name((enum label)label);
        switch ((enum label)label) {
        case LABEL_RULE: buf_printf(ret, " %s=%s", name, r->id); break;
        case LABEL_CATEGORY: buf_printf(ret, " %s=%s", name, r->category); break;
        case LABEL_LEVEL: buf_printf(ret, " %s=%s", name, level_name(r->level)); break;
        case LABEL_AREA2: area_part(ret, name, e->area, 2); break;
        case LABEL_AREA4: area_part(ret, name, e->area, 4); break;
        case LABEL_AREA6: area_part(ret, name, e->area, 6); break;
        case LABEL_FEED: buf_printf(ret, " %s=%s", name, feed); break;
        case LABEL_SITE: buf_printf(ret, " %s=%s", name, site); break;
        case LABEL_KIND: buf_printf(ret, " %s=%s", name, event_kind_name(e->kind)); break;
        default: break; /* certainty changes within a group; status is there already */
        }
    }
}

int64_t decide_value(const struct rule *r, const struct event *e, const uint8_t key[static 16])
{
    switch (r->threshold_same) {
    case SAME_NONE: break;
    case SAME_NUMBER: return e->suspect;
    case SAME_PAYEE: return e->payee;
    case SAME_DOMAIN:
    case SAME_CAPTURE: {
        CLEANUP(buf_release) struct buf text = BUF_INIT(EVENT_TEXT_MAX);
        if (rule_value(r, e->text, e->text_len, &text)) return hash_keyed(key, 'c', text.data, text.len);
        break;
    }
    }
    return 0;
}

/* What counts for the rule: all of the group, or only what has the same value. */
static struct tally counted(const struct rule *r, const struct group_state *g)
{
    if (rule_correlates(r)) return g->same;
    return (struct tally){.count = g->count, .feeds = g->feeds, .verified_feeds = g->verified_feeds};
}

/* Possible at the threshold; Likely at a second independent feed or at five times the threshold; Observed by a person. */
static enum certainty certainty_of(const struct rule *r, const struct group_state *g, bool confirmed)
{
    struct tally t = counted(r, g);
    if (confirmed) return CERTAINTY_OBSERVED;
    if (t.feeds >= 2 || t.count >= (int64_t)LIKELY_FACTOR * r->threshold_count) return CERTAINTY_LIKELY;
    return CERTAINTY_POSSIBLE;
}

/* The count within the window, or a second independent feed; a report alone stays unverified. A rule that correlates says
 * itself what it needs, all of it: a second feed does not stand for the rest. */
static bool threshold_reached(const struct rule *r, const struct group_state *g)
{
    struct tally t = counted(r, g);
    if (!rule_correlates(r) && t.feeds >= 2 && t.feeds >= r->threshold_feeds) return true;
    return t.verified_feeds >= 1 && t.feeds >= r->threshold_feeds && t.count >= r->threshold_count &&
           t.victims >= r->threshold_victims;
}

struct judgement decide_group(const struct rule *r, const struct group_state *g,
                              const struct alert_row *active, bool confirmed)
{
    struct judgement j = {
        .what = DECIDE_CANDIDATE, .certainty = certainty_of(r, g, confirmed), .level = r->level};
    if (!active) {
        if (confirmed || threshold_reached(r, g)) j.what = DECIDE_ALERT;
        return j;
    }
    if (rule_correlates(r) && !g->stands && !threshold_reached(r, g)) return j;
    /* What was once said is not unsaid by a quieter hour: level and certainty only rise. */
    if (active->level > j.level) j.level = active->level;
    if (active->certainty > j.certainty) j.certainty = active->certainty;
    j.what = j.level > active->level || j.certainty > active->certainty ? DECIDE_UPDATE : DECIDE_COUNT;
    return j;
}

static struct delivery_plan held(const char *reason, int64_t due, const struct delivery_facts *f)
{
    return (struct delivery_plan){
        .wanted = true, .state = DELIVERY_HELD, .reason = reason, .due = sooner(due, f->expires)};
}

static struct delivery_plan suppressed(const char *reason)
{
    return (struct delivery_plan){
        .wanted = true, .state = DELIVERY_SUPPRESSED, .reason = reason, .due = NO_DUE};
}

/* Trial: everything but duty chats is recorded and not sent. Screens: boards too. */
static bool in_trial(const struct delivery_facts *f)
{
    if (f->mode == SITE_LIVE) return false;
    if (f->class == TO_CHAT) return f->audience != AUDIENCE_DUTY;
    return !(f->mode == SITE_SCREENS && f->class == TO_BOARD);
}

/* A board or bulletin is released when its site goes on, and what its route wants a person's word for waits for that then. */
static const char *why_in_trial(const struct delivery_facts *f)
{
    if (f->class != TO_BOARD && f->class != TO_BULLETIN) return "trial";
    if (f->approved || f->approve == APPROVE_NONE) return "trial";
    return f->approve == APPROVE_TWO ? "trial, then approval two" : "trial, then approval";
}

struct delivery_plan decide_delivery(const struct delivery_facts *f)
{
    bool at_once = f->class == TO_SPEECH || f->class == TO_CHAT; /* what reaches ears and telephones */
    struct delivery_plan go = {.wanted = true, .state = DELIVERY_QUEUED, .reason = "", .due = f->now};

    if (f->msg_type == MSG_CANCEL) { /* limits do not hold back a correction; sleep does */
        if (f->quiet_until > f->now) return held("quiet_hours", f->quiet_until, f);
        return go;
    }
    if (f->class == TO_SPEECH && (f->level != LEVEL_RED || f->certainty < CERTAINTY_LIKELY))
        return (struct delivery_plan){.wanted = false};
    if (f->silence) return suppressed(f->silence);
    if (at_once && !f->fresh) return suppressed(DECIDED_TOO_OLD);
    if (f->pace == PACE_NEVER) return suppressed("pace: this group does not hear of this level");
    if (in_trial(f)) return held(why_in_trial(f), f->expires, f);
    if (f->class == TO_SPEECH && f->spoken_again)
        return suppressed(DECIDED_LIMIT "again: spoken here before, see the bulletin");
    if (f->class == TO_SPEECH && f->spoken_enough)
        return suppressed(DECIDED_LIMIT "per_day: enough for today, see the bulletin");
    if (!f->approved &&
        (f->approve != APPROVE_NONE || f->pace == PACE_APPROVAL || (at_once && f->needs_person)))
        return held(f->approve == APPROVE_TWO ? "approval two" : "approval", f->now + f->approval_timeout, f);
    if (f->pace == PACE_DAILY || f->pace == PACE_WEEKLY) {
        go.due = sooner(f->digest_at, f->expires);
        go.reason = "waits for the digest";
        go.fold = true;
        return go;
    }
    if (f->quiet_until > f->now) {
        struct delivery_plan p = held("quiet_hours", f->quiet_until, f);
        p.fold = true;
        return p;
    }
    if (f->not_before > f->now) {
        go.due = sooner(f->not_before, f->expires);
        go.reason = f->interval ? "group_interval" : "group_wait"; /* store_clamp_dues knows these two */
    }
    return go;
}

struct delivery_plan decide_approval_over(enum target_class class, int64_t now, int64_t expires)
{
    switch (class) {
    case TO_BULLETIN:
    case TO_BOARD:
        return (struct delivery_plan){
            .wanted = true, .state = DELIVERY_QUEUED, .reason = "nobody answered in time", .due = now};
    case TO_SPEECH: return suppressed("nobody approved in time: bulletin and screens only");
    case TO_CHAT: break;
    }
    /* A chat may still be approved until the alert is over. */
    return (struct delivery_plan){.wanted = true, .state = DELIVERY_HELD, .reason = NULL, .due = expires};
}
