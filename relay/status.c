/* Status and metrics: read-only views of what the stages count. */
#include "status.h"

#include "base/i18n.h"
#include "dispatch.h"
#include "feedback.h"
#include "feeds.h"
#include "list.h"
#include "outlink.h"
#include "pipeline.h"
#include "players.h"

const char *status_trouble(struct relay *r)
{
    if (!r->store_ok) return r->trouble;
    if (!r->intake_open)
        return _(
            "disk nearly full: intake stopped, deliveries go on; make room on the disk of relay.state_dir");
    if (!r->clock_trusted)
        return _("clock not trusted: events are accepted, nothing is sent; set the time and check NTP; if "
                 "this is the time: tocsin clock trust --by NAME");
    if (feeds_doubt_clock(r))
        return _(
            "events are refused because this machine's clock and their feed's are far apart, and no feed "
            "shows this one to be right: compare them (timedatectl), and set the one that is wrong; the "
            "feeds send again what was refused");
    if (!outlink_up(r))
        return _("broker not connected: start it, or correct broker.host and broker.port; the log says what "
                 "it answered");
    return "";
}

/* Why nothing comes of what it sends, or not at once. */
static void add_why(const struct relay *r, const struct feed_state *f, struct buf *b)
{
    char room[24], why[200];
    int64_t apart = feeds_is_apart(r, f);
    if (*f->why) {
        buf_json_member(b, "why", f->why);
    } else if (apart) {
        (void)snprintf(
            why, sizeof(why),
            apart > 0 ? _("its events are %s behind this machine's clock: refused until the clocks agree")
                      : _("its events are %s ahead of this machine's clock: refused until the clocks agree"),
            feeds_apart_text(apart, room));
        buf_json_member(b, "why", why);
    } else if (f->late) {
        (void)snprintf(
            why, sizeof(why),
            _("its newest event was %s old by this machine's clock, so it was not said at once; if "
              "it was sent just now, compare the two clocks"),
            feeds_apart_text(f->late, room));
        buf_json_member(b, "why", why);
    }
}

static void feeds_json(struct relay *r, struct buf *b)
{
    buf_json_key(b, "feeds");
    buf_char(b, '[');
    for (size_t i = 0; i < r->feeds->n; i++) {
        const struct feed_state *f = r->feeds->items[i];
        if (i) buf_char(b, ',');
        buf_char(b, '{');
        buf_json_member(b, "id", f->feed.config->id);
        buf_json_member(b, "mode", f->feed.config->mode == FEED_SANDBOX ? "sandbox" : "live");
        buf_json_member_bool(b, "up", f->up);
        add_why(r, f, b);
        buf_json_member_bool(b, "silent", f->silent);
        buf_json_member_time(b, "heard", f->heard);
        buf_json_member_int(b, "missing", feeds_missing(f));
        buf_json_member_int(b, "accepted", (int64_t)f->counts.accepted);
        buf_json_member_int(b, "duplicate", (int64_t)f->counts.duplicate);
        buf_json_member_int(b, "rejected", (int64_t)f->counts.rejected);
        buf_json_member_int(b, "unknown_members", (int64_t)f->counts.unknown_members);
        buf_json_member_int(b, "odd", (int64_t)f->odd);
        buf_char(b, '}');
    }
    buf_char(b, ']');
}

static const char *target_state(const struct relay *r, const struct relay_target *t)
{
    if (t->broken) return "broken";
    if (t->row.paused < 0) return "disabled";
    return t->row.paused > r->now.wall ? "paused" : "ok";
}

static void targets_json(struct relay *r, struct buf *b)
{
    buf_json_key(b, "targets");
    buf_char(b, '[');
    for (size_t i = 0; i < r->targets->n; i++) {
        const struct relay_target *t = &r->targets->items[i];
        if (i) buf_char(b, ',');
        buf_char(b, '{');
        buf_json_member(b, "id", t->pub.id);
        buf_json_member(b, "name", t->pub.name);
        buf_json_member(b, "state", target_state(r, t));
        const char *why = t->broken ? t->why : t->row.why;
        if (*why) buf_json_member(b, "why", why);
        buf_char(b, '}');
    }
    buf_char(b, ']');
}

void status_json(struct relay *r, struct buf *b)
{
    const char *trouble = status_trouble(r);
    buf_char(b, '{');
    buf_json_member(b, "relay", r->config->relay.id);
    buf_json_member(b, "version", TOCSIN_VERSION);
    buf_json_member_bool(b, "ok", !*trouble);
    if (*trouble) buf_json_member(b, "trouble", trouble);
    buf_json_member_time(b, "now", r->now.wall);
    buf_json_member_time(b, "started", r->started);
    buf_json_member_bool(b, "broker", outlink_up(r));
    buf_json_member_int(b, "broker_dropped", outlink_broker_dropped(r));
    buf_json_member_int(b, "rules", (int64_t)rule_set_size(r->rules));
    buf_json_member(b, "rule_set", rule_set_hash(r->rules));
    buf_json_member_bool(b, "reloading", pipeline_reloading(r));
    if (*r->reload_refused.text) buf_json_member(b, "reload_refused", r->reload_refused.text);
    buf_json_member_int(b, "alerts_in_force", store_alerts_in_force(r->store, r->now.wall));
    buf_json_member_int(b, "accepted", (int64_t)r->counters.events[0]);
    buf_json_member_int(b, "duplicate", (int64_t)r->counters.events[1]);
    buf_json_member_int(b, "rejected", (int64_t)r->counters.events[2]);
    buf_json_member_int(b, "in_flight", dispatch_in_flight(r->dispatch));
    feeds_json(r, b);
    targets_json(r, b);
    struct reason why;
    struct list_filter in_force = {.active = true, .now = r->now.wall};
    struct drill_row drill;
    if (store_drill_open(r->store, r->now.wall, &drill)) {
        buf_json_key(b, "drill");
        buf_char(b, '{');
        buf_json_member(b, "site", drill.site);
        buf_json_member(b, "by", drill.author);
        buf_json_member_time(b, "expires", drill.expires);
        buf_char(b, '}');
    }
    buf_json_key(b, "players");
    players_json(r->players, r->now.wall, b);
    buf_json_key(b, "silences");
    if (list_silences(store_db(r->store), &in_force, b, &why) != RELAY_OK) buf_str(b, "null");
    buf_json_key(b, "demote");
    if (feedback_demote(store_db(r->store), r->now.wall, b, &why) != RELAY_OK) buf_str(b, "null");
    buf_char(b, '}');
}

static void metric(struct buf *b, const char *name, const char *type, const char *help)
{
    buf_printf(b, "# HELP tocsin_%s %s\n# TYPE tocsin_%s %s\n", name, help, name, type);
}

static void feed_metrics(struct relay *r, struct buf *b)
{
    metric(b, "feed_up", "gauge", "1 while the feed's session is connected.");
    for (size_t i = 0; i < r->feeds->n; i++)
        buf_printf(b, "tocsin_feed_up{feed=\"%s\"} %d\n", r->feeds->items[i]->feed.config->id,
                   r->feeds->items[i]->up);
    metric(b, "feed_missing", "gauge", "Sequence numbers not seen yet.");
    for (size_t i = 0; i < r->feeds->n; i++)
        buf_printf(b, "tocsin_feed_missing{feed=\"%s\"} %lld\n", r->feeds->items[i]->feed.config->id,
                   (long long)feeds_missing(r->feeds->items[i]));
    metric(b, "feed_silent", "gauge", "1 while the silence alarm is on.");
    for (size_t i = 0; i < r->feeds->n; i++)
        buf_printf(b, "tocsin_feed_silent{feed=\"%s\"} %d\n", r->feeds->items[i]->feed.config->id,
                   r->feeds->items[i]->silent);
    static const char *const results[] = {"accepted", "duplicate", "rejected"};
    metric(b, "feed_events_total", "counter", "Events by feed and the status of their receipts.");
    for (size_t i = 0; i < r->feeds->n; i++) {
        const struct feed_state *f = r->feeds->items[i];
        const uint64_t n[] = {f->counts.accepted, f->counts.duplicate, f->counts.rejected};
        for (size_t k = 0; k < 3; k++)
            buf_printf(b, "tocsin_feed_events_total{feed=\"%s\",status=\"%s\"} %llu\n", f->feed.config->id,
                       results[k], (unsigned long long)n[k]);
    }
    metric(b, "feed_unknown_members_total", "counter", "Members of accepted events that nobody here knows.");
    for (size_t i = 0; i < r->feeds->n; i++)
        buf_printf(b, "tocsin_feed_unknown_members_total{feed=\"%s\"} %llu\n",
                   r->feeds->items[i]->feed.config->id,
                   (unsigned long long)r->feeds->items[i]->counts.unknown_members);
    metric(b, "feed_odd_messages_total", "counter",
           "Messages that were no event: retained, QoS 0, another topic, a broken heartbeat.");
    for (size_t i = 0; i < r->feeds->n; i++)
        buf_printf(b, "tocsin_feed_odd_messages_total{feed=\"%s\"} %llu\n",
                   r->feeds->items[i]->feed.config->id, (unsigned long long)r->feeds->items[i]->odd);
}

void status_metrics(struct relay *r, struct buf *b)
{
    const struct counters *c = &r->counters;
    metric(b, "up", "gauge", "1 while the relay does all of its work.");
    buf_printf(b, "tocsin_up %d\n", !*status_trouble(r));
    feed_metrics(r, b);
    metric(b, "verdicts_total", "counter", "Accepted events by verdict.");
    for (int v = NO_MATCH; v <= UNSURE; v++)
        buf_printf(b, "tocsin_verdicts_total{verdict=\"%s\"} %llu\n", verdict_name((enum verdict)v),
                   (unsigned long long)c->verdicts[v]);
    metric(b, "stale_events_total", "counter", "Accepted events that were past their own expiry: no alert.");
    buf_printf(b, "tocsin_stale_events_total %llu\n", (unsigned long long)c->events[3]);
    metric(b, "refusals_total", "counter", "Refused events by code.");
    for (int i = 1; i < REFUSAL_COUNT; i++)
        buf_printf(b, "tocsin_refusals_total{code=\"%s\"} %llu\n", refusal_name((enum refusal)i),
                   (unsigned long long)c->refusals[i]);
    metric(b, "deliveries_total", "counter", "Moves of deliveries into a state.");
    for (int s = 0; s < DELIVERY_STATE_COUNT; s++)
        buf_printf(b, "tocsin_deliveries_total{state=\"%s\"} %llu\n",
                   delivery_state_name((enum delivery_state)s), (unsigned long long)c->deliveries[s]);
    metric(b, "alerts_total", "counter", "Alerts made.");
    buf_printf(b, "tocsin_alerts_total %llu\n", (unsigned long long)c->alerts);
    metric(b, "alerts_in_force", "gauge", "Alerts that have neither expired nor been cancelled.");
    buf_printf(b, "tocsin_alerts_in_force %d\n", store_alerts_in_force(r->store, r->now.wall));
    metric(b, "commits_total", "counter", "Commits of the store.");
    buf_printf(b, "tocsin_commits_total %llu\n", (unsigned long long)store_commits(r->store));
    metric(b, "commits_failed_total", "counter", "Commits that failed and were rolled back.");
    buf_printf(b, "tocsin_commits_failed_total %llu\n", (unsigned long long)r->commits_failed);
    metric(b, "wal_pages", "gauge", "Pages in the write-ahead log.");
    buf_printf(b, "tocsin_wal_pages %lld\n", (long long)store_wal_pages(r->store));
    metric(b, "in_flight", "gauge", "Sends that wait for their channel's word.");
    buf_printf(b, "tocsin_in_flight %d\n", dispatch_in_flight(r->dispatch));
    metric(b, "broker_dropped", "gauge",
           "Messages that the broker says it has dropped; -1 when it does not say.");
    buf_printf(b, "tocsin_broker_dropped %lld\n", (long long)outlink_broker_dropped(r));
    metric(b, "turns_total", "counter", "Turns of the loop.");
    buf_printf(b, "tocsin_turns_total %llu\n", (unsigned long long)r->turns);
}
