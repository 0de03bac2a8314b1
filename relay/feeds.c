/* Who is read, when, and what they are told. */
#include "feeds.h"

#include "base/hash.h"
#include "base/i18n.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "event_parse.h"
#include "intake.h"
#include "outlink.h"

enum {
    READ_AT_ONCE = 200,
    RECEIPT_MAX = 512 * 1024,
    APART_MS =
        60 * 60 * 1000,  /* a feed sends what was refused again within minutes: heard no more, it is mended */
    AWAIT_MS = 20 * 1000 /* without any event, when a heartbeat told of more: they are not just behind it */
};

static void hears(struct relay *r, struct feed_state *f)
{
    f->heard = r->now.wall;
    f->heard_mono = r->now.mono;
    f->spoke = f->changed = true;
}

int64_t feeds_missing(const struct feed_state *f)
{
    return sequence_missing(&f->counts.numbers);
}

bool feeds_may_say(const struct relay *r, struct said *s, uint64_t *ret_unsaid)
{
    *ret_unsaid = 0;
    if (!s->since || r->now.mono - s->since >= MINUTE_MS) {
        *ret_unsaid = s->unsaid;
        *s = (struct said){.since = r->now.mono};
    }
    if (s->n == LINES_A_MINUTE) {
        s->unsaid++;
        return false;
    }
    s->n++;
    return true;
}

/* After a change: a gap is an alarm, and so is its end. Not each of a feed whose events overtake one another all the time:
 * `missing` in the status is always right. */
static void say_gap(const struct relay *r, struct feed_state *f, int64_t before)
{
    int64_t missing = feeds_missing(f), last = f->counts.numbers.now.last;
    uint64_t unsaid;
    bool closed = before > 0 && missing == 0;
    if ((missing <= before && !closed) || !feeds_may_say(r, &f->gaps_said, &unsaid)) return;
    if (missing > before)
        log_error("feed=%s gap: %lld numbers before %lld are missing; waiting for it to resend",
                  f->feed.config->id, (long long)missing, (long long)last);
    else
        log_info("feed=%s the missing numbers have come", f->feed.config->id);
}

void feeds_number(struct relay *r, struct feed_state *f, int64_t seq, int64_t at, bool accepted)
{
    struct sequence *s = &f->counts.numbers;
    int64_t missing = feeds_missing(f), last = s->now.last;
    uint64_t unsaid;
    if (sequence_event(s, seq, at, accepted) == SEQUENCE_ON)
        say_gap(r, f, missing);
    else if (feeds_may_say(r, &f->gaps_said, &unsaid))
        log_error("feed=%s numbers go on at %lld after %lld: counted anew from there; ask its operator what "
                  "is missing",
                  f->feed.config->id, (long long)seq, (long long)last);
}

/* -- its clock and ours -- */

int64_t feeds_shown(const struct relay *r, const struct feed_state *f)
{
    return f->shown ? f->shown + r->now.mono : 0;
}

int64_t feeds_is_apart(const struct relay *r, const struct feed_state *f)
{
    int64_t apart =
        r->now.wall - (f->apart + r->now.mono); /* as the clocks are now: ours may have been set */
    if (!f->apart_mono || r->now.mono - f->apart_mono >= APART_MS) return 0;
    return apart > EVENT_AGE_MAX_MS || apart < -EVENT_AHEAD_MAX_MS ? apart : 0;
}

const char *feeds_apart_text(int64_t apart, char ret[static 24])
{
    int64_t ms = apart < 0 ? -apart : apart;
    int64_t unit = ms < 2 * HOUR_MS ? MINUTE_MS : ms < 2 * DAY_MS ? HOUR_MS : DAY_MS;
    return duration_format(ms / unit * unit, ret);
}

void feeds_agrees(const struct relay *r, struct feed_state *f, const struct event *e)
{
    char room[24];
    uint64_t unsaid;
    if (!r->clock_trusted) return; /* its time was not judged */
    int64_t shown = sooner(e->sent_at, r->now.wall) - r->now.mono;
    if (!f->shown || shown >= f->shown) {
        f->shown = shown;
        f->shown_seq = e->seq;
    }
    if (f->apart_mono && feeds_may_say(r, &f->apart_said, &unsaid))
        log_info("feed=%s its clock and this machine's agree again", f->feed.config->id);
    f->apart_mono = 0;
    /* A backlog is followed by what is new. A clock that is ahead by hours makes all of it old, and nobody is told at once. */
    int64_t age = r->now.wall - feeds_shown(r, f);
    bool late = age > r->config->relay.fresh;
    if (late && !f->late && feeds_may_say(r, &f->apart_said, &unsaid))
        log_warning("feed=%s its newest event is %s old by this machine's clock: not said at once; if it was "
                    "sent just now, compare the two clocks (timedatectl here)",
                    f->feed.config->id, feeds_apart_text(age, room));
    f->late = late ? age : 0;
}

void feeds_apart(const struct relay *r, struct feed_state *f, int64_t apart)
{
    char room[24];
    uint64_t unsaid;
    bool news = !feeds_is_apart(r, f);
    f->apart = r->now.wall - apart - r->now.mono;
    f->apart_mono = r->now.mono;
    if (!news || !feeds_may_say(r, &f->apart_said, &unsaid)) return;
    log_error(
        "feed=%s its events are %s %s this machine's clock: refused, and to be sent again; compare the two "
        "clocks (timedatectl here), and set the one that is wrong",
        f->feed.config->id, feeds_apart_text(apart, room), apart > 0 ? "behind" : "ahead of");
}

/* Events were never sent in the future: what they show must have passed by our clock, and not long ago. */
static bool shows_ours_right(const struct relay *r, const struct feed_state *f)
{
    int64_t behind = r->now.wall - feeds_shown(r, f);
    return f->shown && !feeds_is_apart(r, f) && behind <= EVENT_AGE_MAX_MS && behind >= -EVENT_AHEAD_MAX_MS;
}

bool feeds_show_clock(const struct relay *r)
{
    for (size_t i = 0; i < r->feeds->n; i++)
        if (shows_ours_right(r, r->feeds->items[i])) return true;
    return false;
}

bool feeds_doubt_clock(const struct relay *r)
{
    bool against = false;
    for (size_t i = 0; i < r->feeds->n; i++) {
        const struct feed_state *f = r->feeds->items[i];
        against = against || f->shown || feeds_is_apart(r, f);
    }
    return against && !feeds_show_clock(r);
}

static void on_event(void *arg, struct feed *feed, const char *bytes, size_t n)
{
    struct relay *r = arg;
    struct feed_state *f = r->feeds->items[feed->index];
    feed->tokens -= 1;
    r->feeds->read_now++;
    hears(r, f);
    intake_event(r, f, bytes, n);
    if (f->await_at) f->await_at = sequence_waits(&f->counts.numbers) ? r->now.mono + AWAIT_MS : 0;
}

static void on_odd(void *arg, struct feed *feed, const char *what)
{
    struct relay *r = arg;
    struct feed_state *f = r->feeds->items[feed->index];
    f->odd++;
    if (f->odd_logged && r->now.mono - f->odd_logged < MINUTE_MS) return;
    f->odd_logged = r->now.mono;
    log_warning("feed=%s odd message: %s; %llu so far, ignored", feed->config->id, what,
                (unsigned long long)f->odd);
}

/* The feed says how far it has counted. */
static void on_heartbeat(void *arg, struct feed *feed, const char *bytes, size_t n)
{
    struct relay *r = arg;
    struct feed_state *f = r->feeds->items[feed->index];
    CLEANUP(json_free_ptr) cJSON *j = NULL;
    struct json_limits limits = {1024, 4};
    struct reason why;
    int64_t last;
    hears(r, f);
    if (json_parse(bytes, n, &limits, &j, &why) != RELAY_OK || json_int(j, "last_seq", &last) != RELAY_OK ||
        last < 0) {
        on_odd(arg, feed, _("a heartbeat that is not {\"last_seq\":N}: the feed counts as alive"));
        return;
    }
    bool waits = sequence_told(&f->counts.numbers, last);
    if (!waits)
        f->await_at = 0;
    else if (!f->await_at)
        f->await_at = r->now.mono + AWAIT_MS;
}

static void on_link(void *arg, struct feed *feed, int up, const char *why)
{
    struct relay *r = arg;
    struct feed_state *f = r->feeds->items[feed->index];
    if (f->up == (up != 0) && up) return;
    f->up = up != 0;
    if (up && f->await_at) f->await_at = r->now.mono + AWAIT_MS; /* what is told may wait at the broker */
    (void)snprintf(f->why, sizeof(f->why), "%s", up ? "" : why);
    if (up)
        log_info("feed=%s connected: %s", feed->config->id, why);
    else
        log_warning("feed=%s not connected: %s; trying again", feed->config->id, why);
}

/* The feed of this name; NULL: there is none. */
static struct feed_state *feed_named(const struct feeds *f, const char *id)
{
    for (size_t i = 0; f && i < f->n; i++)
        if (strcmp(f->items[i]->feed.config->id, id) == 0) return f->items[i];
    return NULL;
}

/* What a session was opened with; the broker itself does not change without a restart. */
static bool same_session(const struct feed_config *a, const struct feed_config *b)
{
    return a->source == b->source && a->window == b->window && text_same(a->path, b->path);
}

/* Those of the old that did not go over, and that no new one goes on with. */
static void leave_removed(struct feeds *old, const struct feeds *f)
{
    for (size_t i = 0; i < old->n; i++) {
        struct feed_state *s = old->items[i];
        if (!s || !s->feed.ops->leave) continue;
        const struct feed_state *goes_on = feed_named(f, s->feed.config->id);
        if (!goes_on || goes_on->feed.ops != s->feed.ops) s->feed.ops->leave(&s->feed);
    }
}

static struct feed_state *state_free(struct feed_state *f)
{
    if (!f) return NULL;
    f->feed.ops->close(&f->feed);
    buf_release(&f->results);
    free(f);
    return NULL;
}

/* Either opened, or failed and gone. */
static enum relay_err state_new(struct relay *r, struct feeds *all, int index,
                                const struct feed_state *before, struct feed_state **ret, struct reason *why)
{
    const struct feed_config *c = (const struct feed_config *)r->config->feeds.items + index;
    struct feed_state *s = xcalloc(1, sizeof(*s));
    struct feed_seen seen;
    s->results = BUF_INIT(RECEIPT_MAX);
    s->feed = (struct feed){.ops = c->source == 1 ? &feed_file_ops : &feed_mqtt_ops,
                            .config = c,
                            .relay = r->config,
                            .sink = &all->sink,
                            .index = index,
                            .tokens = c->rate,
                            .tokens_at = r->now.mono};
    s->feed.db_id = store_feed(r->store, c->id);
    s->heard_mono = r->now.mono; /* silence counts from when we began to listen */
    if (before) {
        s->heard = before->heard;
        s->heard_mono = before->heard_mono;
        s->await_at = before->await_at;
        s->silent = before->silent;
        s->counts = before->counts;
        s->refusals_said = before->refusals_said;
        s->gaps_said = before->gaps_said;
        s->shown = before->shown;
        s->shown_seq = before->shown_seq;
        s->apart = before->apart;
        s->late = before->late;
        s->apart_mono = before->apart_mono;
        s->apart_said = before->apart_said;
        s->odd = before->odd;
        s->odd_logged = before->odd_logged;
    } else {
        store_feed_seen(r->store, s->feed.db_id, &seen);
        s->heard = seen.heard ? seen.heard : r->now.wall;
        sequence_load(&s->counts.numbers, seen.last_seq, seen.last_at, seen.told_seq, seen.missing);
        if (sequence_waits(&s->counts.numbers)) s->await_at = r->now.mono + AWAIT_MS;
    }
    s->committed = s->counts;
    enum relay_err err = s->feed.ops->open(&s->feed, r->loop, why);
    if (err != RELAY_OK) {
        state_free(s);
        return fail_in(why, err, "feed %s", c->id);
    }
    *ret = s;
    return RELAY_OK;
}

enum relay_err feeds_new(struct relay *r, struct feeds *old, struct feeds **ret, struct reason *why)
{
    struct feeds *f = xcalloc(1, sizeof(*f));
    const struct feed_config *configs = r->config->feeds.items;
    f->n = r->config->feeds.n;
    f->items = xcalloc(f->n, sizeof(struct feed_state *));
    f->sink = (struct feed_sink){
        .event = on_event, .heartbeat = on_heartbeat, .odd = on_odd, .link = on_link, .arg = r};
    for (size_t i = 0; i < f->n; i++) {
        struct feed_state *before = feed_named(old, configs[i].id);
        if (before && same_session(before->feed.config, &configs[i])) continue;
        enum relay_err err = state_new(r, f, (int)i, before, &f->items[i], why);
        if (err == RELAY_OK) continue;
        feeds_free(f);
        return err;
    }
    /* Nothing can fail any more: the sessions that stay come over. */
    for (size_t k = 0; old && k < old->n; k++) {
        struct feed_state *s = old->items[k];
        for (size_t i = 0; i < f->n; i++) {
            if (f->items[i] || strcmp(s->feed.config->id, configs[i].id) != 0) continue;
            s->feed.config = &configs[i];
            s->feed.relay = r->config;
            s->feed.sink = &f->sink;
            s->feed.index = (int)i;
            f->items[i] = s;
            old->items[k] = NULL;
            break;
        }
    }
    if (old) leave_removed(old, f);
    feeds_free(old);
    *ret = f;
    return RELAY_OK;
}

struct feeds *feeds_free(struct feeds *f)
{
    if (!f) return NULL;
    for (size_t i = 0; i < f->n; i++) state_free(f->items[i]);
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

/* Silence is an alarm once, and so is its end. By the monotonic clock: a step of the other is nobody's silence. */
static void watch_silence(struct relay *r, struct feed_state *f)
{
    int64_t after = f->feed.config->silent_after, passed = r->now.mono - f->heard_mono;
    bool silent = after > 0 && passed > after;
    if (silent == f->silent) return;
    f->silent = silent;
    if (silent)
        log_error("feed=%s silent for %llds: neither event nor heartbeat; ask its operator",
                  f->feed.config->id, (long long)passed / 1000);
    else
        log_info("feed=%s is heard again", f->feed.config->id);
}

static bool may_read(const struct relay *r, const struct feed_state *f)
{
    return r->store_ok && r->intake_open && f->feed.tokens >= 1;
}

/* A heartbeat overtakes the events that wait for the feed's window. What it told is missing when nothing has come for a
 * while although we read. */
static void watch_told(struct relay *r, struct feed_state *f)
{
    if (!f->await_at) return;
    if (!f->up || !may_read(r, f)) {
        f->await_at = r->now.mono + AWAIT_MS;
        return;
    }
    if (r->now.mono < f->await_at) return;
    int64_t before = feeds_missing(f);
    f->await_at = 0;
    sequence_await(&f->counts.numbers);
    f->changed = true;
    say_gap(r, f, before);
}

void feeds_service(struct relay *r)
{
    for (size_t i = 0; i < r->feeds->n; i++) {
        struct feed_state *f = r->feeds->items[i];
        f->feed.ops->service(&f->feed, r->now);
        watch_silence(r, f);
        watch_told(r, f);
    }
}

void feeds_read(struct relay *r)
{
    struct feeds *all = r->feeds;
    all->read_now = 0;
    if (!all->n) return;
    int left = (int)r->config->limits.turn_events;
    for (size_t k = 0; k < all->n; k++) {
        struct feed_state *f = all->items[(all->next + k) % all->n];
        refill(r, &f->feed);
        bool may = may_read(r, f);
        f->feed.ops->set_reading(&f->feed, may);
        if (!may || left <= 0) continue;
        int most = f->feed.tokens < READ_AT_ONCE ? (int)f->feed.tokens : READ_AT_ONCE;
        left -= f->feed.ops->read(&f->feed, most < left ? most : left);
    }
    all->next = (all->next + 1) % all->n;
    for (size_t i = 0; i < all->n; i++) {
        struct feed_state *f = all->items[i];
        if (!f->spoke) continue;
        f->spoke = false;
        const struct sequence *n = &f->counts.numbers;
        struct feed_seen seen = {n->now.last, n->now.at, n->told, f->heard, ""};
        sequence_holes(n, seen.missing);
        store_feed_heard(r->store, f->feed.db_id, &seen);
    }
}

static void open_result(struct feed_state *f, const char *event_id, const uint8_t digest[static 16],
                        const char *status)
{
    struct buf *b = &f->results;
    char hex[33];
    hash_hex(digest, 16, hex);
    if (f->n_results++) buf_char(b, ',');
    buf_char(b, '{');
    buf_json_member(b, "event_id", event_id);
    buf_json_member(b, "digest", hex);
    buf_json_member(b, "status", status);
}

void feeds_refused(struct feed_state *f, const struct refused *why)
{
    struct buf *b = &f->results;
    open_result(f, why->event_id, why->digest, "rejected");
    buf_json_member(b, "code", refusal_name(why->code));
    if (*why->member) buf_json_member(b, "member", why->member);
    buf_json_member(b, "message", why->message);
    buf_json_member(b, "retry", why->retry);
    buf_char(b, '}');
}

void feeds_result(struct feed_state *f, const struct event *e, const char *status, const char *alert)
{
    struct buf *b = &f->results;
    open_result(f, e->event_id, e->digest, status);
    if (*alert) {
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
        struct feed_state *f = r->feeds->items[i];
        f->feed.ops->release(&f->feed);
        if (f->changed) f->committed = f->counts;
        f->changed = false;
        if (f->n_results) send_receipt(r, f);
    }
}

void feeds_refuse(struct relay *r, const char *why)
{
    for (size_t i = 0; i < r->feeds->n; i++) {
        struct feed_state *f = r->feeds->items[i];
        buf_clear(&f->results);
        f->n_results = 0;
        f->feed.ops->refuse(&f->feed, why);
        /* That it spoke is true, whatever became of what it said: heard stays. */
        if (f->changed) f->counts = f->committed;
        f->changed = false;
    }
}

int64_t feeds_next_due(struct relay *r)
{
    int64_t due = INT64_MAX;
    for (size_t i = 0; i < r->feeds->n; i++) {
        struct feed_state *f = r->feeds->items[i];
        int64_t d = f->feed.ops->next_due(&f->feed);
        if (r->intake_open && f->feed.tokens < 1) {
            int64_t refilled =
                r->now.mono + (int64_t)((1 - f->feed.tokens) / f->feed.config->rate * 1000) + 1;
            if (refilled < d) d = refilled;
        }
        if (f->await_at && f->up && f->await_at < d) d = f->await_at;
        if (d < due) due = d;
    }
    return due;
}
