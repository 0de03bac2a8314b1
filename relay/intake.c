/* One event on its way in. Everything it changes is in the turn's transaction, or nowhere. */
#include "intake.h"

#include "alerts.h"
#include "base/crashpoint.h"
#include "base/log.h"
#include "base/mem.h"
#include "decide.h"
#include "event_parse.h"

/* Memory that is used again for each event. */
static struct arena arena;
static struct event_scratch scratch;

void intake_release(void)
{
    arena_release(&arena);
    event_scratch_release(&scratch);
}

/* When what comes now is said to have come: a clock that is behind would make it old as soon as it is right again, and what
 * is old is pruned. */
static int64_t received_at(const struct relay *r)
{
    if (r->clock_trusted) return r->now.wall;
    int64_t least = r->newest > clock_build_ms() ? r->newest : clock_build_ms();
    return r->now.wall > least ? r->now.wall : least;
}

/* Why an event is none of the day's business; "" for most. */
static const char *apart(const struct feed_state *f, const struct event *e)
{
    if (e->status == STATUS_EXERCISE) return "exercise";
    if (e->status == STATUS_TEST) return "test";
    return f->feed.config->mode == FEED_SANDBOX ? "sandbox" : "";
}

/* For the statistics, which are kept when the event itself is not any more. */
static void count_event(struct relay *r, const struct feed_state *f, const struct event *e,
                        const char *verdict, const struct rule *rule)
{
    char key[256];
    int day = clock_local_day(r->now.wall);
    (void)snprintf(key, sizeof(key), "[\"%s\",\"%s\",\"%s\",\"%s\",\"%s\"]", f->feed.config->id,
                   event_kind_name(e->kind), verdict, rule ? level_name(rule->level) : "", apart(f, e));
    store_tally(r->store, day, "event", key, 1);
    store_tally(r->store, day, "reports", key, e->count);
    if (*apart(f, e)) return;
    (void)snprintf(key, sizeof(key), "[\"%s\",\"%s\"]", e->area, verdict);
    store_tally(r->store, day, "district", key, 1);
}

/* Each has its receipt. A feed that does everything wrong at thousands a second must not fill the disk with lines. */
static void say_refused(struct relay *r, struct feed_state *f, const struct refused *why)
{
    const char *feed = f->feed.config->id;
    uint64_t unsaid;
    bool may = feeds_may_say(r, &f->refusals_said, &unsaid);
    if (unsaid)
        log_warning("feed=%s %llu more events were rejected since the last line; their receipts say why",
                    feed, (unsigned long long)unsaid);
    if (!may) return;
    log_info("feed=%s event=%s rejected code=%s member=%s%s", feed, *why->event_id ? why->event_id : "-",
             refusal_name(why->code), *why->member ? why->member : "-",
             f->refusals_said.n == LINES_A_MINUTE ? "; more of this minute are only counted" : "");
}

static void refuse(struct relay *r, struct feed_state *f, const struct refused *why)
{
    char key[128];
    feeds_number(r, f, why->seq, r->now.wall, false);
    f->counts.rejected++;
    r->counters.events[2]++;
    r->counters.refusals[why->code]++;
    store_refusal(r->store, f->feed.db_id, received_at(r), why->event_id, why->code, why->member);
    (void)snprintf(key, sizeof(key), "[\"%s\",\"%s\"]", f->feed.config->id, refusal_name(why->code));
    store_tally(r->store, clock_local_day(r->now.wall), "refused", key, 1);
    if (why->apart) feeds_apart(r, f, why->apart);
    feeds_refused(f, why);
    say_refused(r, f, why);
}

static void refuse_event(struct relay *r, struct feed_state *f, enum refusal code, const struct event *e,
                         const char *member)
{
    struct refused why;
    refused_set(&why, code, e, member);
    refuse(r, f, &why);
}

/* An update or cancel names events of its own feed that were accepted, and are of its own status: an exercise never takes
 * back what is real, nor the other way round. */
static bool references_right(struct relay *r, const struct feed_state *f, const struct event *e,
                             struct refused *why)
{
    for (size_t i = 0; i < e->n_references; i++) {
        enum cap_status status;
        if (!store_key_known(r->store, f->feed.db_id, e->references[i], &status)) {
            refused_set(why, REFUSAL_UNKNOWN_REFERENCE, e, "references");
            return false;
        }
        if (status == e->status) continue;
        refused_set(why, REFUSAL_BAD_TYPE, e, "status");
        (void)snprintf(why->message, sizeof(why->message),
                       "status 应为 %s，与 references 里的 %s 相同；请改正后用原编号重发",
                       cap_status_name(status), e->references[i]);
        return false;
    }
    return true;
}

/* "id.rev id.rev other.rev?": the deciding rule first, unsure ones with a question mark. */
static void name_rules(const struct rule_hit *hits, size_t n, const struct rule *first, struct buf *b)
{
    if (first) buf_printf(b, "%s.%d", first->id, first->rev);
    for (size_t i = 0; i < n; i++) {
        if (hits[i].rule == first) continue;
        buf_printf(b, "%s%s.%d%s", b->len ? " " : "", hits[i].rule->id, hits[i].rule->rev,
                   hits[i].verdict == UNSURE ? "?" : "");
    }
}

/* Matches, and makes of it what decide says. Returns the alert's row, 0 for none. */
static int64_t match_and_decide(struct relay *r, struct feed_state *f, const struct event *e)
{
    const struct rule_hit *hits;
    size_t n = rules_match(r->matcher, e->text, e->text_len, e->kind, false, &hits);
    enum verdict verdict = NO_MATCH;
    for (size_t i = 0; i < n; i++)
        if (verdict != MATCH) verdict = hits[i].verdict;
    const struct rule *rule = decide_rule(hits, n);
    r->counters.verdicts[verdict]++;
    count_event(r, f, e, verdict_name(verdict), rule);
    if (verdict == NO_MATCH) {
        store_event_other(r->store, e, f->feed.db_id, received_at(r));
        return 0;
    }
    CLEANUP(buf_release) struct buf rules = BUF_INIT(16 * 1024);
    name_rules(hits, n, rule, &rules);
    struct event_row row = {.feed = f->feed.db_id,
                            .received = received_at(r),
                            .verdict = verdict,
                            .rules = buf_cstr(&rules),
                            .set_hash = rule_set_hash(r->rules),
                            .note = "unsure"};
    const char *kept_out = alerts_kept_out(e, f->feed.config);
    if (rule) {
        row.note = "";
        alerts_event(r, e, f->feed.config, rule, &row);
    } else if (kept_out) {
        row.note = kept_out; /* nobody is asked about what must not go out */
    }
    store_event(r->store, e, &row);
    if (row.alert) store_key_alert(r->store, f->feed.db_id, e->event_id, row.alert);
    return row.alert;
}

static const char *alert_name(struct relay *r, int64_t n, struct alert_row *room)
{
    return n && store_alert_get(r->store, n, room) ? room->id : "";
}

void intake_event(struct relay *r, struct feed_state *f, const char *bytes, size_t n)
{
    const struct feed_config *c = f->feed.config;
    struct event_context ctx = {.now = r->now,
                                .areas = c->areas.items,
                                .n_areas = c->areas.n,
                                .may_broadcast = c->may_broadcast,
                                .clock_untrusted = !r->clock_trusted,
                                .shown = feeds_shown(r, f),
                                .shown_seq = f->shown_seq,
                                .key = store_key(r->store),
                                .scratch = &scratch};
    struct event e;
    struct refused why;
    arena_reset(&arena);
    if (event_parse(bytes, n, &ctx, &arena, &e, &why) != REFUSAL_NONE) {
        refuse(r, f, &why);
        return;
    }
    feeds_agrees(r, f, &e);
    crashpoint("after_read");
    /* One that is sent again was right when it came: what it names may be forgotten before it is itself. */
    enum cap_status known_as;
    if (e.msg != EVENT_ALERT && !store_key_known(r->store, f->feed.db_id, e.event_id, &known_as) &&
        !references_right(r, f, &e, &why)) {
        refuse(r, f, &why);
        return;
    }
    struct alert_row a;
    int64_t alert = 0;
    switch (store_key_add(r->store, f->feed.db_id, &e, received_at(r), &alert)) {
    case KEY_NEW: break;
    case KEY_SAME:
        f->counts.duplicate++;
        r->counters.events[1]++;
        feeds_result(f, &e, "duplicate", alert_name(r, alert, &a));
        return;
    case KEY_CONFLICT: refuse_event(r, f, REFUSAL_ID_CONFLICT, &e, "event_id"); return;
    case KEY_FAILED: return; /* the commit will fail, and the feed sends it again */
    }
    feeds_number(r, f, e.seq, sooner(e.sent_at, r->now.wall), true);
    struct losses losses = {0};
    if (e.msg != EVENT_ALERT) alerts_withdraw(r, f->feed.db_id, e.references, e.n_references, &losses);
    if (e.msg == EVENT_CANCEL) {
        store_event_other(r->store, &e, f->feed.db_id, received_at(r));
        count_event(r, f, &e, "withdrawal", NULL);
    } else {
        alert = match_and_decide(r, f, &e);
    }
    alerts_settle(r, c->id, &losses);
    crashpoint("in_transaction");
    f->counts.accepted++;
    f->counts.unknown_members += (uint64_t)e.unknown_members;
    r->counters.events[0]++;
    if (e.stale) r->counters.events[3]++;
    feeds_result(f, &e, "accepted", alert_name(r, alert, &a));
}
