/* Who is read, when, and what they are told. */
#include "feeds.h"

#include "base/hash.h"
#include "base/i18n.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "intake.h"
#include "outlink.h"

enum { READ_AT_ONCE = 200, RECEIPT_RESULTS = 500, RECEIPT_MAX = 512 * 1024 };

static void on_event(void *arg, struct feed *feed, const char *bytes, size_t n)
{
    struct relay *r = arg;
    struct feed_state *f = &r->feeds->items[feed->index];
    feed->tokens -= 1;
    r->feeds->read_now++;
    intake_event(r, f, bytes, n);
}

/* The feed says how far it has counted: what we have not seen is missing. */
static void on_heartbeat(void *arg, struct feed *feed, const char *bytes, size_t n)
{
    struct relay *r = arg;
    struct feed_state *f = &r->feeds->items[feed->index];
    CLEANUP(json_free_ptr) cJSON *j = NULL;
    struct json_limits limits = {1024, 4};
    struct reason why;
    int64_t last;
    f->seen.heard = r->now.wall;
    f->seen_changed = true;
    if (json_parse(bytes, n, &limits, &j, &why) != RELAY_OK || json_int(j, "last_seq", &last) != RELAY_OK) {
        log_warning("feed=%s heartbeat refused: it must be {\"last_seq\":N}; the feed counts as alive",
                    feed->config->id);
        return;
    }
    f->seen.told_seq = last;
    if (f->seen.last_seq >= 0 && last > f->seen.last_seq && last - f->seen.last_seq > f->counts.missing) {
        f->counts.missing = last - f->seen.last_seq;
        log_error("feed=%s gap: it has sent up to %lld and %lld are missing; waiting for it to resend",
                  feed->config->id, (long long)last, (long long)f->counts.missing);
    }
}

static void on_odd(void *arg, struct feed *feed, const char *what)
{
    struct relay *r = arg;
    struct feed_state *f = &r->feeds->items[feed->index];
    f->odd++;
    if (f->odd_logged && r->now.mono - f->odd_logged < MINUTE_MS) return;
    f->odd_logged = r->now.mono;
    log_warning("feed=%s odd message: %s; %llu so far, ignored", feed->config->id, what,
                (unsigned long long)f->odd);
}

static void on_link(void *arg, struct feed *feed, int up, const char *why)
{
    struct relay *r = arg;
    struct feed_state *f = &r->feeds->items[feed->index];
    if (f->up == (up != 0) && up) return;
    f->up = up != 0;
    (void)snprintf(f->why, sizeof(f->why), "%s", up ? "" : why);
    if (up)
        log_info("feed=%s connected", feed->config->id);
    else
        log_warning("feed=%s not connected: %s; trying again", feed->config->id, why);
}

enum relay_err feeds_new(struct relay *r, struct feeds **ret, struct reason *why)
{
    struct feeds *f = xcalloc(1, sizeof(*f));
    const struct feed_config *configs = r->config->feeds.items;
    f->n = r->config->feeds.n;
    f->items = xcalloc(f->n, sizeof(*f->items));
    f->sink = (struct feed_sink){
        .event = on_event, .heartbeat = on_heartbeat, .odd = on_odd, .link = on_link, .arg = r};
    for (size_t i = 0; i < f->n; i++) {
        struct feed_state *s = &f->items[i];
        s->relay = r;
        s->results = BUF_INIT(RECEIPT_MAX);
        s->feed = (struct feed){.ops = configs[i].source == 1 ? &feed_file_ops : &feed_mqtt_ops,
                                .config = &configs[i],
                                .relay = r->config,
                                .sink = &f->sink,
                                .index = (int)i,
                                .tokens = configs[i].rate,
                                .tokens_at = r->now.mono};
        s->feed.db_id = store_feed(r->store, configs[i].id);
        store_feed_seen(r->store, s->feed.db_id, &s->seen);
        if (!s->seen.heard) s->seen.heard = r->now.wall; /* silence counts from when we began to listen */
        enum relay_err err = s->feed.ops->open(&s->feed, r->loop, why);
        if (err != RELAY_OK) {
            f->n = i;
            feeds_free(f);
            return fail_in(why, err, "feed %s", configs[i].id);
        }
    }
    *ret = f;
    return RELAY_OK;
}

struct feeds *feeds_free(struct feeds *f)
{
    if (!f) return NULL;
    for (size_t i = 0; i < f->n; i++) {
        f->items[i].feed.ops->close(&f->items[i].feed);
        buf_release(&f->items[i].results);
    }
    free(f->items);
    free(f);
    return NULL;
}

static void refill(struct relay *r, struct feed *f)
{
    double most = f->config->rate > READ_AT_ONCE ? f->config->rate : READ_AT_ONCE;
    f->tokens += (double)(r->now.mono - f->tokens_at) / 1000 * f->config->rate;
    if (f->tokens > most) f->tokens = most;
    f->tokens_at = r->now.mono;
}

/* Silence is an alarm once, and so is its end. */
static void watch_silence(struct relay *r, struct feed_state *f)
{
    int64_t after = f->feed.config->silent_after;
    bool silent = after > 0 && r->now.wall - f->seen.heard > after;
    if (silent == f->silent) return;
    f->silent = silent;
    if (silent)
        log_error("feed=%s silent for %llds: neither event nor heartbeat; ask its operator",
                  f->feed.config->id, (long long)(r->now.wall - f->seen.heard) / 1000);
    else
        log_info("feed=%s is heard again", f->feed.config->id);
}

void feeds_service(struct relay *r)
{
    for (size_t i = 0; i < r->feeds->n; i++) {
        struct feed_state *f = &r->feeds->items[i];
        f->feed.ops->service(&f->feed, r->now);
        watch_silence(r, f);
    }
}

void feeds_read(struct relay *r)
{
    struct feeds *all = r->feeds;
    all->read_now = 0;
    if (!all->n) return;
    int left = (int)r->config->limits.turn_events;
    for (size_t k = 0; k < all->n; k++) {
        struct feed_state *f = &all->items[(all->next + k) % all->n];
        refill(r, &f->feed);
        bool may = r->store_ok && r->intake_open && f->feed.tokens >= 1;
        f->feed.ops->set_reading(&f->feed, may);
        if (!may || left <= 0) continue;
        int most = f->feed.tokens < READ_AT_ONCE ? (int)f->feed.tokens : READ_AT_ONCE;
        left -= f->feed.ops->read(&f->feed, most < left ? most : left);
    }
    all->next = (all->next + 1) % all->n;
    for (size_t i = 0; i < all->n; i++) {
        struct feed_state *f = &all->items[i];
        if (!f->seen_changed) continue;
        f->seen_changed = false;
        store_feed_heard(r->store, f->feed.db_id, &f->seen);
    }
}

void feeds_result(struct feed_state *f, const char *event_id, const uint8_t digest[static 16],
                  const char *status, enum refusal code, const char *member, const char *message,
                  const char *alert)
{
    struct buf *b = &f->results;
    char hex[33];
    hash_hex(digest, 16, hex);
    if (f->n_results++) buf_char(b, ',');
    buf_char(b, '{');
    buf_json_member(b, "event_id", event_id);
    buf_json_member(b, "digest", hex);
    buf_json_member(b, "status", status);
    if (code != REFUSAL_NONE) {
        buf_json_member(b, "code", refusal_name(code));
        if (member && *member) buf_json_member(b, "member", member);
        buf_json_member(b, "message", message);
        buf_json_member(b, "retry", refusal_retry(code));
    }
    if (alert && *alert) {
        buf_json_key(b, "alerts");
        buf_char(b, '[');
        buf_json_str(b, alert);
        buf_char(b, ']');
    }
    buf_char(b, '}');
}

static void send_receipt(struct relay *r, struct feed_state *f)
{
    CLEANUP(buf_release) struct buf b = BUF_INIT(RECEIPT_MAX + 1024);
    buf_char(&b, '{');
    buf_json_member(&b, "relay", r->config->relay.id);
    buf_json_member_time(&b, "time", r->now.wall);
    buf_json_key(&b, "results");
    buf_char(&b, '[');
    buf_add(&b, buf_cstr(&f->results), f->results.len);
    buf_str(&b, "]}");
    buf_clear(&f->results);
    f->n_results = 0;
    if (f->feed.ops->receipt && f->feed.ops->receipt(&f->feed, buf_cstr(&b), b.len) == RELAY_OK) return;
    char topic[64];
    (void)snprintf(topic, sizeof(topic), "receipts/%s", f->feed.config->id);
    outlink_publish(r, topic, buf_cstr(&b), b.len, false, 0, NULL);
}

void feeds_release(struct relay *r)
{
    for (size_t i = 0; i < r->feeds->n; i++) {
        struct feed_state *f = &r->feeds->items[i];
        f->feed.ops->release(&f->feed);
        f->committed = f->counts;
        if (f->n_results) send_receipt(r, f);
    }
}

void feeds_refuse(struct relay *r, const char *why)
{
    for (size_t i = 0; i < r->feeds->n; i++) {
        struct feed_state *f = &r->feeds->items[i];
        buf_clear(&f->results);
        f->n_results = 0;
        f->feed.ops->refuse(&f->feed, why);
        int64_t heard = f->seen.heard; /* that it spoke is true, whatever became of what it said */
        store_feed_seen(r->store, f->feed.db_id, &f->seen);
        f->seen.heard = heard;
        f->counts = f->committed;
    }
}

int64_t feeds_next_due(struct relay *r)
{
    int64_t due = INT64_MAX;
    for (size_t i = 0; i < r->feeds->n; i++) {
        struct feed_state *f = &r->feeds->items[i];
        int64_t d = f->feed.ops->next_due(&f->feed);
        if (r->intake_open && f->feed.tokens < 1) {
            int64_t refilled =
                r->now.mono + (int64_t)((1 - f->feed.tokens) / f->feed.config->rate * 1000) + 1;
            if (refilled < d) d = refilled;
        }
        if (d < due) due = d;
    }
    return due;
}
