/* tocsin feed push: line -> spool -> broker -> receipt. An event is gone from the spool only when the relay has answered; an
 * answer that is `later` leaves it there. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/event.h"
#include "base/i18n.h"
#include "base/json.h"
#include "base/mem.h"
#include "cli/cli.h"
#include "cli/feed_client.h"
#include "cli/feed_csv.h"
#include "cli/spool.h"

enum {
    WINDOW = 2000,  /* sent, and not answered yet */
    INFLIGHT = 500, /* publishes that the broker has not acknowledged */
    BUCKETS = 4096, /* of the window, by event id */
    AHEAD = 10000,  /* lines in the spool beyond which no more input is read */
    LINE_MAX_BYTES = 1 << 20,
    RECEIPT_MAX_BYTES = 8 << 20,
    CHUNK = 64 * 1024,
    REFUSED_KEPT = 1000, /* for --json */
    HEARTBEAT_MS = 30 * 1000,
    PROGRESS_MS = 5 * 1000,
    PROGRESS_TTY_MS = 200,
    RETRY_MS = 20,
    PROBE_MS = 5 * 1000,
    GOODBYE_MS = 2000 /* for the last heartbeat's acknowledgement */
};

#define HEARTBEAT_TOKEN UINT64_MAX

static const int64_t resend_after[] = {5 * SECOND_MS, 15 * SECOND_MS, 60 * SECOND_MS, 5 * MINUTE_MS};

/* One event between its first sending and its receipt. */
struct sent {
    struct sent *next; /* of its bucket */
    int slot;
    int64_t n, seq;
    char *event_id, *bytes;
    size_t len;
    int attempts;
    int64_t due;    /* mono: of the next attempt */
    bool in_flight; /* at libmosquitto, not acknowledged by the broker */
    bool put_off;   /* the last answer was: later */
    char *refusal;  /* for --json, of one that was put off once */
};

struct push {
    const struct feed_client *c;
    struct loop *loop;
    struct mqtt *mqtt;
    struct spool spool;
    struct now now;
    char *events, *heartbeat, *receipts; /* topics */

    int in_fd;
    const char *in_name;
    struct watch in_watch;
    bool in_always; /* a file on disk: it cannot be waited for, and never keeps us waiting */
    bool in_end, in_skip;
    struct buf line; /* the beginning of a line whose end is not read yet */
    int64_t line_no;
    struct feed_csv *csv; /* NULL: the input is JSON lines */

    struct sent *slots[WINDOW];
    struct sent *buckets[BUCKETS];
    int window, first_free;
    int put_off;    /* of the window */
    int64_t loaded; /* the last line taken from the spool into the window */
    bool more;      /* the spool may hold lines after it */
    int64_t next_resend;

    double tokens;
    int64_t tokens_at, started, heartbeat_at, progress_at, deadline;
    int64_t last_seq, goodbye_by;
    int64_t probe_at; /* while nobody listens one event goes now and then, to see */
    bool nobody;
    int64_t
        answered_then; /* when all that was left had been put off, and was sent once more; -1: it was not yet */
    bool subscribed, goodbye_sent, goodbye_heard, tty, line_open, said_nobody, gave_up;
    int said_code;

    int64_t leftover, events_read, bad_lines, published, accepted, duplicate, refused, left, later;
    struct buf refused_json;
    struct reason fatal; /* text "" while there is none */
};

static volatile sig_atomic_t interrupted;
static struct loop *loop_to_wake;

static void on_signal(int signal)
{
    (void)signal;
    interrupted = 1;
    if (loop_to_wake) loop_wake(loop_to_wake);
}

/* ---- words ---- */

/* Lines about single things interrupt the progress line. */
static void say(struct push *p, const char *fmt, ...) PRINTF(2, 3);
static void say(struct push *p, const char *fmt, ...)
{
    if (p->line_open) (void)fputs("\r\033[K", stderr);
    p->line_open = false;
    va_list args;
    va_start(args, fmt);
    (void)vfprintf(stderr, fmt, args);
    va_end(args);
    (void)fputc('\n', stderr);
}

static void progress(struct push *p)
{
    if (p->c->json || p->now.mono < p->progress_at) return;
    p->progress_at = p->now.mono + (p->tty ? PROGRESS_TTY_MS : PROGRESS_MS);
    char text[200];
    (void)snprintf(text, sizeof(text),
                   _("%" PRId64 " events: %" PRId64 " accepted, %" PRId64 " duplicate, %" PRId64
                     " refused, %" PRId64 " waiting%s"),
                   p->leftover + p->events_read, p->accepted, p->duplicate, p->refused, p->spool.waiting,
                   mqtt_state(p->mqtt) == MQTT_UP ? "" : _(" (not connected)"));
    if (!p->tty) {
        (void)fprintf(stderr, "%s\n", text);
        return;
    }
    (void)fprintf(stderr, "\r\033[K%s", text);
    p->line_open = true;
}

static void stop_for(struct push *p, const char *fmt, ...) PRINTF(2, 3);
static void stop_for(struct push *p, const char *fmt, ...)
{
    if (p->fatal.text[0]) return;
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(p->fatal.text, sizeof(p->fatal.text), fmt, args);
    va_end(args);
}

/* ---- input ---- */

static bool is_event_id(const char *id)
{
    size_t n = strlen(id);
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:-";
    return n >= 1 && n <= EVENT_ID_MAX && strspn(id, allowed) == n;
}

static void bad_line(struct push *p, const char *what)
{
    p->bad_lines++;
    say(p, _("%s:%" PRId64 ": %s; this line is not sent"), p->in_name, p->line_no, what);
}

/* Only what the spool needs to know is looked at: whether the event is a good one is the relay's to say. */
static void take_line(struct push *p, const char *bytes, size_t n)
{
    p->line_no++;
    if (n > 0 && bytes[n - 1] == '\r') n--;
    if (n == 0 || strspn(bytes, " \t") >= n) return;
    CLEANUP(json_free_ptr) cJSON *j = NULL;
    struct reason why = {{0}};
    const struct json_limits limits = {LINE_MAX_BYTES, JSON_DEPTH_MAX};
    const char *id;
    if (json_parse(bytes, n, &limits, &j, &why) != RELAY_OK) {
        bad_line(p, why.text);
        return;
    }
    if (!cJSON_IsObject(j)) {
        bad_line(p, _("an event is a JSON object, {…}"));
        return;
    }
    if (json_str(j, "event_id", &id) != RELAY_OK || !is_event_id(id)) {
        bad_line(p, _("event_id is missing, or is not 1 to 64 of A-Z a-z 0-9 . _ : -, as a string"));
        return;
    }
    struct spool_line line = {.event_id = id, .seq = -1, .bytes = bytes, .len = n};
    (void)!json_int(j, "seq", &line.seq); /* absent: it has none */
    if (spool_add(&p->spool, &line, &why) != RELAY_OK) {
        stop_for(p, "%s", why.text);
        return;
    }
    p->events_read++;
    p->more = true;
}

static void take_row(void *arg, int64_t row, const char *json, size_t n)
{
    struct push *p = arg;
    p->line_no = row - 1;
    take_line(p, json, n);
}

static void bad_row(void *arg, int64_t row, const char *what)
{
    struct push *p = arg;
    p->line_no = row;
    bad_line(p, what);
}

static void take_bytes(struct push *p, const char *bytes, size_t n)
{
    struct reason why = {{0}};
    if (p->csv) {
        if (feed_csv_read(p->csv, bytes, n, &why) != RELAY_OK) stop_for(p, "%s: %s", p->in_name, why.text);
        return;
    }
    while (n > 0) {
        const char *end = memchr(bytes, '\n', n);
        size_t part = end ? (size_t)(end - bytes) : n;
        if (!p->in_skip) buf_add(&p->line, bytes, part);
        if (buf_failed(&p->line)) {
            p->in_skip = true;
            buf_clear(&p->line);
        }
        if (end) {
            if (p->in_skip) {
                p->line_no++;
                bad_line(p, _("longer than 1 MiB"));
            } else {
                take_line(p, buf_cstr(&p->line), p->line.len);
            }
            p->in_skip = false;
            buf_clear(&p->line);
            part++;
        }
        bytes += part;
        n -= part;
    }
}

static void end_input(struct push *p)
{
    struct reason why = {{0}};
    if (p->in_skip || p->line.len) take_bytes(p, "\n", 1); /* the last line may lack its end */
    if (p->csv && feed_csv_end(p->csv, &why) != RELAY_OK) stop_for(p, "%s: %s", p->in_name, why.text);
    p->in_end = true;
    (void)!watch_set(p->loop, &p->in_watch, -1, 0); /* forgetting cannot fail */
}

static void take_input(struct push *p)
{
    if (p->in_end) return;
    bool room = p->spool.waiting < AHEAD;
    if (!p->in_always) {
        bool ready = p->in_watch.ready != 0;
        /* Without room the descriptor is forgotten: a writer that has hung up would keep the loop awake. */
        if (watch_set(p->loop, &p->in_watch, room ? p->in_fd : -1, WATCH_READ) != RELAY_OK)
            p->in_always = true;
        if (!ready && !p->in_always) return;
    }
    if (!room) return;
    char chunk[CHUNK];
    ssize_t n = read(p->in_fd, chunk, sizeof(chunk));
    if (n > 0)
        take_bytes(p, chunk, (size_t)n);
    else if (n == 0)
        end_input(p);
    else if (errno != EINTR && errno != EAGAIN)
        stop_for(p, _("cannot read %s: %s"), p->in_name, strerror(errno));
}

/* ---- the window ---- */

static unsigned bucket_of(const char *id)
{
    uint32_t h = 2166136261U; /* FNV-1a */
    for (; *id; id++) h = (h ^ (unsigned char)*id) * 16777619U;
    return h % BUCKETS;
}

static struct sent *find(struct push *p, const char *id)
{
    struct sent *s = p->buckets[bucket_of(id)];
    while (s && strcmp(s->event_id, id) != 0) s = s->next;
    return s;
}

static void forget(struct push *p, struct sent *s)
{
    struct sent **at = &p->buckets[bucket_of(s->event_id)];
    while (*at != s) at = &(*at)->next;
    *at = s->next;
    p->slots[s->slot] = NULL;
    if (s->slot < p->first_free) p->first_free = s->slot;
    p->window--;
    p->put_off -= s->put_off;
    free(s->refusal);
    free(s->event_id);
    free(s->bytes);
    free(s);
}

/* The token says slot and line, so that a late acknowledgement of an event that is done already is not taken for the one
 * that has its place now. */
static uint64_t token_of(const struct sent *s)
{
    return (uint64_t)s->n << 12 | (unsigned)s->slot;
}

static bool send_event(struct push *p, struct sent *s)
{
    switch (mqtt_publish(p->mqtt, p->events, s->bytes, s->len, false, 0, token_of(s))) {
    case RELAY_OK: break;
    case RELAY_INVALID:
        stop_for(p, _("event %s is too large for the broker, or --prefix is no topic"), s->event_id);
        return false;
    default: return false; /* offline or full: later */
    }
    size_t last = sizeof(resend_after) / sizeof(resend_after[0]) - 1;
    size_t wait = (size_t)s->attempts < last ? (size_t)s->attempts : last;
    s->attempts++;
    s->in_flight = true;
    p->put_off -= s->put_off;
    s->put_off = false;
    s->due = p->now.mono + resend_after[wait];
    if (s->due < p->next_resend) p->next_resend = s->due;
    if (s->seq > p->last_seq) p->last_seq = s->seq;
    p->published++;
    p->tokens -= 1;
    if (p->nobody) p->probe_at = p->now.mono + PROBE_MS;
    return true;
}

/* When rate and a listening relay allow the next event; now or earlier: at once. */
static int64_t ready_at(const struct push *p)
{
    int64_t at = p->now.mono;
    if (p->c->rate > 0 && p->tokens < 1) at += (int64_t)((1 - p->tokens) / p->c->rate * 1000) + 1;
    return p->nobody && p->probe_at > at ? p->probe_at : at;
}

static bool may_send(const struct push *p)
{
    return p->subscribed && mqtt_room(p->mqtt) > 0 && ready_at(p) <= p->now.mono && !p->fatal.text[0];
}

static void resend(struct push *p)
{
    if (p->now.mono < p->next_resend) return;
    int64_t next = INT64_MAX;
    for (int i = 0; i < WINDOW; i++) {
        struct sent *s = p->slots[i];
        if (!s) continue;
        if (s->due <= p->now.mono && !s->in_flight) {
            if (!may_send(p)) {
                next = s->due; /* next_due knows when it may */
                break;
            }
            if (!send_event(p, s)) {
                next = p->now.mono + RETRY_MS;
                break;
            }
        }
        if (s->due < next && !(s->in_flight && s->due <= p->now.mono)) next = s->due;
    }
    p->next_resend = next;
}

/* Two events of one id are never on their way together: their receipts could not be told apart. */
static bool load_next(struct push *p)
{
    struct spool_line line;
    struct reason why = {{0}};
    enum relay_err err = spool_next(&p->spool, p->loaded, &line, &why);
    if (err == RELAY_NOT_FOUND) {
        p->more = false;
        return false;
    }
    if (err) {
        stop_for(p, "%s", why.text);
        return false;
    }
    if (find(p, line.event_id)) {
        spool_line_release(&line);
        return false;
    }
    struct sent *s = xcalloc(1, sizeof(*s));
    s->n = line.n;
    s->seq = line.seq;
    s->len = line.len;
    s->event_id = (char *)(uintptr_t)line.event_id; /* the copies are ours now */
    s->bytes = (char *)(uintptr_t)line.bytes;
    s->slot = p->first_free;
    while (p->slots[s->slot]) s->slot++;
    p->slots[s->slot] = s;
    p->first_free = s->slot + 1;
    p->window++;
    p->loaded = line.n;
    struct sent **bucket = &p->buckets[bucket_of(s->event_id)];
    s->next = *bucket;
    *bucket = s;
    if (!send_event(p, s)) {
        s->due = p->now.mono;
        p->next_resend = p->now.mono;
        return false;
    }
    return true;
}

static void send_some(struct push *p)
{
    if (p->c->rate > 0) {
        double most = p->c->rate / 10 > 1 ? p->c->rate / 10 : 1;
        p->tokens += (double)(p->now.mono - p->tokens_at) / 1000 * p->c->rate;
        if (p->tokens > most) p->tokens = most;
    }
    p->tokens_at = p->now.mono;
    resend(p);
    while (p->more && p->window < WINDOW && may_send(p))
        if (!load_next(p)) break;
}

/* ---- receipts ---- */

static const char *advice(const char *code, const char *retry)
{
    static const struct {
        const char *code, *words;
    } words[] = {
        {"area_not_allowed",
         N_("correct the area, or ask the relay's operator to add it to this feed's areas")},
        {"not_authorised", N_("ask the relay's operator what this feed may send")},
        {"clock_ahead", N_("set the clock of the machine that writes sent_at, then send it again")},
        {"too_old", N_("nothing: it is too late for this event; look why it took so long")},
        {"id_conflict",
         N_("give a changed event an id of its own, or send an update that names the earlier one")},
        {"unknown_reference", N_("send the event that it refers to first, then send it again")},
    };
    if (strcmp(code, "too_old") == 0 && strcmp(retry, "never") != 0)
        return _("compare the clock of the machine that writes sent_at with the relay's, then send it again");
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (strcmp(words[i].code, code) == 0) return _(words[i].words);
    if (strcmp(retry, "same_id") == 0) return _("correct it and send it again under the same id");
    if (strcmp(retry, "later") == 0) return _("send it again later");
    return _("nothing: this event will not be accepted");
}

/* Every event is named once, however often it is put off. Returns whether it may come again. */
static const char *on_refused(struct push *p, struct sent *s, const cJSON *result)
{
    const char *code = json_str_or(result, "code", "?"), *member = json_str_or(result, "member", "");
    const char *message = json_str_or(result, "message", ""), *retry = json_str_or(result, "retry", "never");
    if (s->refusal) return retry;
    say(p, _("refused %s: %s%s%s: %s\n  to do: %s"), s->event_id, code, *member ? " " : "", member, message,
        advice(code, retry));
    CLEANUP(buf_release) struct buf b = BUF_INIT(RECEIPT_MAX_BYTES);
    buf_char(&b, '{');
    buf_json_member(&b, "event_id", s->event_id);
    buf_json_member(&b, "code", code);
    buf_json_member(&b, "member", member);
    buf_json_member(&b, "message", message);
    buf_json_member(&b, "retry", retry);
    buf_char(&b, '}');
    s->refusal = xstrdup(buf_cstr(&b));
    return retry;
}

static void count_refused(struct push *p, const struct sent *s)
{
    p->refused++;
    if (!p->c->json || p->refused > REFUSED_KEPT) return;
    if (p->refused_json.len) buf_char(&p->refused_json, ',');
    buf_str(&p->refused_json, s->refusal);
}

/* It may be taken another time, as it is: it stays in the spool and in the window. */
static void put_off(struct push *p, struct sent *s)
{
    p->put_off += !s->put_off;
    s->put_off = true;
    s->due = p->now.mono + resend_after[ARRAY_LEN(resend_after) - 1];
    if (s->due < p->next_resend) p->next_resend = s->due;
}

/* What is left was put off. It may have waited for others that are there now, so it is sent once more; and when that has
 * brought nothing on, the next push goes on with it. False: there is nothing more to do. */
static bool try_put_off(struct push *p)
{
    if (!p->in_end || !p->window || p->put_off < p->window || !may_send(p)) return true;
    if (p->answered_then == p->accepted + p->duplicate) return false;
    p->answered_then = p->accepted + p->duplicate;
    for (int i = 0; i < WINDOW; i++) {
        struct sent *s = p->slots[i];
        if (!s) continue;
        s->put_off = false;
        s->due = p->now.mono;
        s->attempts = 0;
    }
    p->put_off = 0;
    p->next_resend = p->now.mono;
    return true;
}

static void on_result(struct push *p, const cJSON *result)
{
    const char *id, *status;
    if (json_str(result, "event_id", &id) != RELAY_OK || json_str(result, "status", &status) != RELAY_OK)
        return;
    struct sent *s = find(p, id);
    if (!s) return; /* the second receipt of an event that was sent twice, or somebody else's */
    if (strcmp(status, "accepted") == 0)
        p->accepted++;
    else if (strcmp(status, "duplicate") == 0)
        p->duplicate++;
    else if (strcmp(status, "rejected") != 0)
        return; /* a later version's word: not an answer that we can count on */
    else if (strcmp(on_refused(p, s, result), "later") == 0) {
        put_off(p, s);
        return;
    } else {
        count_refused(p, s);
    }
    struct reason why = {{0}};
    if (spool_done(&p->spool, s->n, &why) != RELAY_OK) stop_for(p, "%s", why.text);
    forget(p, s);
}

static void on_message(void *arg, const struct mqtt_message *m)
{
    struct push *p = arg;
    CLEANUP(json_free_ptr) cJSON *j = NULL;
    struct reason why = {{0}};
    const struct json_limits limits = {RECEIPT_MAX_BYTES, 8};
    if (strcmp(m->topic, p->receipts) != 0) return;
    if (json_parse(m->payload, m->payload_len, &limits, &j, &why) != RELAY_OK) {
        say(p, _("a receipt cannot be read: %s; waiting for the next"), why.text);
        return;
    }
    const cJSON *result;
    cJSON_ArrayForEach(result, cJSON_GetObjectItemCaseSensitive(j, "results")) on_result(p, result);
}

/* ---- the session ---- */

static void on_published(void *arg, uint64_t token, int reason)
{
    struct push *p = arg;
    if (token == HEARTBEAT_TOKEN) {
        p->goodbye_heard = p->goodbye_sent;
        return;
    }
    struct sent *s = p->slots[token & 0xfff];
    if (s && token_of(s) != token) s = NULL;
    if (s) {
        s->in_flight = false;
        if (reason == 16) { /* it reached nobody, so there is no receipt to wait for */
            s->due = p->now.mono;
            s->attempts = 0;
        }
        if (s->due < p->next_resend) p->next_resend = s->due;
    }
    if (reason == 0) p->nobody = p->said_nobody = false;
    if (reason == 16) {
        p->nobody = true;
        p->probe_at = p->now.mono + PROBE_MS;
    }
    if (reason == 135) {
        stop_for(p, _("the broker does not let this user publish to %s: its access list must allow it"),
                 p->events);
    } else if (reason == 16 && !p->said_nobody) {
        p->said_nobody = true;
        say(p,
            _("nobody listens on %s: is the relay running, and is this feed in its configuration? Trying "
              "again"),
            p->events);
    } else if (reason >= 128 && reason != p->said_code) {
        p->said_code = reason;
        say(p, _("the broker did not take an event: %s; trying again"), mqtt_reason(reason));
    }
}

static void on_up(void *arg, bool session_present)
{
    (void)session_present; /* ours ends with each connection */
    struct push *p = arg;
    p->heartbeat_at = 0;
}

static void on_down(void *arg, const char *why)
{
    struct push *p = arg;
    p->subscribed = p->goodbye_sent = false;
    for (int i = 0; i < WINDOW; i++) {
        struct sent *s = p->slots[i];
        if (!s || !s->in_flight) continue;
        s->in_flight = false; /* it may or may not have arrived: again, the relay knows duplicates */
        s->due = p->now.mono;
        s->attempts = 0;
        p->next_resend = p->now.mono;
    }
    int64_t wait = mqtt_next_due(p->mqtt) - p->now.mono;
    say(p, _("%s; trying again in %.1f s"), why, (double)(wait > 0 ? wait : 0) / 1000);
}

static void on_subscribed(void *arg, const char *filter, int reason)
{
    struct push *p = arg;
    p->subscribed = reason < 128;
    if (!p->subscribed)
        stop_for(p, _("the broker does not let this user read its receipts on %s: %s"), filter,
                 mqtt_reason(reason));
}

static void heartbeat(struct push *p, bool last)
{
    char text[48];
    int n = snprintf(text, sizeof(text), "{\"last_seq\":%" PRId64 "}", p->last_seq);
    if (mqtt_publish(p->mqtt, p->heartbeat, text, (size_t)n, false, 0, HEARTBEAT_TOKEN) != RELAY_OK) return;
    p->heartbeat_at = p->now.mono + HEARTBEAT_MS;
    p->goodbye_sent = last;
}

/* ---- the run ---- */

static enum relay_err open_input(struct push *p, struct reason *why)
{
    p->in_watch.fd = -1;
    p->in_name = p->c->input ? p->c->input : _("standard input");
    p->in_fd = p->c->input ? open(p->c->input, O_RDONLY | O_CLOEXEC) : STDIN_FILENO;
    struct stat st;
    if (p->in_fd < 0 || fstat(p->in_fd, &st) != 0)
        return fail(why, RELAY_NOT_FOUND, _("cannot read %s: %s"), p->in_name, strerror(errno));
    if (S_ISDIR(st.st_mode)) return fail(why, RELAY_INVALID, _("%s is a folder"), p->in_name);
    p->in_always = S_ISREG(st.st_mode);
    return RELAY_OK;
}

static enum relay_err start(struct push *p, struct reason *why)
{
    p->line = BUF_INIT(LINE_MAX_BYTES);
    p->refused_json = BUF_INIT(1 << 20);
    p->next_resend = INT64_MAX;
    p->answered_then = -1;
    p->spool.waiting = -1;
    p->now = clock_now();
    p->started = p->tokens_at = p->now.mono;
    p->progress_at = p->now.mono + PROGRESS_TTY_MS;
    p->deadline = p->c->timeout_ms ? p->now.mono + p->c->timeout_ms : INT64_MAX;
    p->tty = isatty(STDERR_FILENO) == 1;
    const struct feed_csv_sink rows = {.event = take_row, .bad = bad_row, .arg = p};
    enum relay_err err = p->c->csv ? feed_csv_new(p->c->csv, &rows, &p->csv, why) : RELAY_OK;
    if (!err) err = open_input(p, why);
    if (err) return err;
    if ((err = loop_new(&p->loop, why)) != RELAY_OK) return err;
    if ((err = spool_open(&p->spool, p->c->spool, p->c->feed, why)) != RELAY_OK) return err;
    p->leftover = p->spool.waiting;
    p->more = p->leftover > 0;
    p->events = feed_client_topic(p->c, p->c->feed, "events");
    p->heartbeat = feed_client_topic(p->c, p->c->feed, "heartbeat");
    p->receipts = feed_client_receipts(p->c);
    const struct mqtt_callbacks cb = {.message = on_message,
                                      .published = on_published,
                                      .up = on_up,
                                      .down = on_down,
                                      .subscribed = on_subscribed,
                                      .arg = p};
    err = feed_client_connect(p->c, "push", INFLIGHT, p->loop, &cb, &p->mqtt, why);
    if (err) return err;
    mqtt_subscribe(p->mqtt, p->receipts, 1);
    if (p->leftover)
        say(p, _("%" PRId64 " events of an earlier push wait in %s; they go first"), p->leftover,
            p->c->spool);
    loop_to_wake = p->loop;
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    for (size_t i = 0; i < ARRAY_LEN(signals); i++) {
        struct sigaction act = {.sa_handler = on_signal};
        (void)sigaction(signals[i], &act, NULL);
    }
    return RELAY_OK;
}

static int64_t next_due(const struct push *p)
{
    int64_t due = sooner(mqtt_next_due(p->mqtt), p->deadline);
    if (!p->in_end && p->in_always && p->spool.waiting < AHEAD) return p->now.mono;
    if (!p->c->json) due = sooner(due, p->progress_at);
    if (p->goodbye_by) due = sooner(due, p->goodbye_by);
    if (mqtt_room(p->mqtt) == 0) return due;
    due = sooner(due, p->heartbeat_at);
    if (!p->subscribed) return due;
    int64_t ready = ready_at(p);
    if (p->next_resend != INT64_MAX) due = sooner(due, p->next_resend > ready ? p->next_resend : ready);
    if (ready > p->now.mono && p->more && p->window < WINDOW) due = sooner(due, ready);
    return due;
}

static bool all_done(const struct push *p)
{
    return p->in_end && p->spool.waiting == 0;
}

/* One turn; false when the push is over. What is read is on the disk before it is sent. */
static bool turn(struct push *p)
{
    struct reason why = {{0}};
    p->now = loop_wait(p->loop, next_due(p));
    loop_run_done(p->loop);
    take_input(p);
    mqtt_service(p->mqtt, p->now);
    (void)mqtt_read(p->mqtt, 500);
    if (!p->fatal.text[0] && spool_commit(&p->spool, &why) != RELAY_OK) stop_for(p, "%s", why.text);
    if (p->fatal.text[0]) return false;
    if (mqtt_room(p->mqtt) > 0 && p->now.mono >= p->heartbeat_at)
        heartbeat(p, false); /* before events take the room */
    send_some(p);
    if (!try_put_off(p)) {
        p->gave_up = true;
        return false;
    }
    if (all_done(p)) {
        if (p->published == 0) return false; /* there was nothing to say */
        if (!p->goodbye_by) p->goodbye_by = p->now.mono + GOODBYE_MS;
        if (!p->goodbye_sent) heartbeat(p, true); /* the last number, so that a hole before it shows */
    }
    mqtt_write(p->mqtt);
    progress(p);
    if (interrupted || p->now.mono >= p->deadline) {
        p->gave_up = true;
        return false;
    }
    return !p->goodbye_by || (!p->goodbye_heard && p->now.mono < p->goodbye_by);
}

static void finish(struct push *p)
{
    loop_to_wake = NULL;
    if (p->mqtt) mqtt_disconnect(p->mqtt, false);
    p->mqtt = mqtt_free(p->mqtt);
    p->later = p->put_off;
    for (int i = 0; i < WINDOW; i++) {
        if (!p->slots[i]) continue;
        if (p->slots[i]->put_off) count_refused(p, p->slots[i]);
        forget(p, p->slots[i]);
    }
    if (p->loop) (void)!watch_set(p->loop, &p->in_watch, -1, 0); /* forgetting cannot fail */
    p->loop = loop_free(p->loop);
    p->left = p->spool.waiting > 0 ? p->spool.waiting : 0;
    spool_close(&p->spool);
    if (p->c->input && p->in_fd >= 0) close(p->in_fd);
    free(p->events);
    free(p->heartbeat);
    free(p->receipts);
    buf_release(&p->line);
    p->csv = feed_csv_free(p->csv);
}

static void summary_json(struct push *p, bool done)
{
    CLEANUP(buf_release) struct buf b = BUF_INIT(2 << 20);
    buf_char(&b, '{');
    buf_json_member(&b, "feed", p->c->feed);
    buf_json_member_bool(&b, "done", done);
    buf_json_member_int(&b, "events", p->leftover + p->events_read);
    buf_json_member_int(&b, "accepted", p->accepted);
    buf_json_member_int(&b, "duplicate", p->duplicate);
    buf_json_member_int(&b, "rejected", p->refused);
    buf_json_member_int(&b, "bad_lines", p->bad_lines);
    buf_json_member_int(&b, "waiting", p->left);
    buf_json_member_int(&b, "sent", p->published);
    buf_json_member_int(&b, "ms", p->now.mono - p->started);
    buf_json_key(&b, "refused");
    buf_printf(&b, "[%s]}", buf_cstr(&p->refused_json));
    (void)printf("%s\n", buf_cstr(&b));
}

static void summary(struct push *p, bool done)
{
    if (p->line_open) (void)fputs("\r\033[K", stderr);
    if (p->c->json) {
        summary_json(p, done);
        return;
    }
    (void)printf(
        _("%" PRId64 " events in %.1f s: %" PRId64 " accepted, %" PRId64 " duplicate, %" PRId64 " refused\n"),
        p->leftover + p->events_read, (double)(p->now.mono - p->started) / 1000, p->accepted, p->duplicate,
        p->refused);
    if (p->bad_lines) (void)printf(_("%" PRId64 " lines were not sent\n"), p->bad_lines);
    if (p->later)
        (void)printf(_("%" PRId64
                       " of them may be taken later; they wait in %s, and the next push of this feed sends "
                       "them again\n"),
                     p->later, p->c->spool);
    if (p->left > p->later)
        (void)printf(_("%" PRId64
                       " have no receipt yet; they wait in %s, and the next push of this feed sends them\n"),
                     p->left - p->later, p->c->spool);
}

int feed_push(const struct feed_client *c)
{
    struct push *p = xcalloc(1, sizeof(*p));
    struct reason why = {{0}};
    p->c = c;
    p->in_fd = -1;
    bool started = start(p, &why) == RELAY_OK;
    if (started)
        while (turn(p)) {
        }
    finish(p);
    bool done =
        started && !p->fatal.text[0] && !p->gave_up && p->left == 0 && p->refused == 0 && p->bad_lines == 0;
    if (started)
        summary(p, done);
    else
        (void)fprintf(stderr, "tocsin feed push: %s\n", why.text);
    if (p->fatal.text[0]) (void)fprintf(stderr, "tocsin feed push: %s\n", p->fatal.text);
    buf_release(&p->refused_json);
    free(p);
    return done ? EXIT_DONE : EXIT_FAILED;
}
