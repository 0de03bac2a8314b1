/* One session for everything that goes out by MQTT, and for what devices answer. */
#include "outlink.h"

#include "base/buf.h"
#include "base/i18n.h"
#include "base/log.h"
#include "base/mem.h"
#include "dispatch.h"
#include "io/mqtt.h"

enum { READ_A_TURN = 200, KEPT_RECEIPTS = 2000, KEPT_RECEIPT_BYTES = 4 << 20 };
#define DROPPED_TOPIC "$SYS/broker/publish/messages/dropped"

struct publish {
    struct publish *next;
    uint64_t token;
    struct send *op;
    bool retain;
    uint32_t expiry_s;
    size_t n;
    char *payload;
    char topic[];
};

struct listener {
    char *filter; /* with prefix */
    void (*fn)(void *ctx, const char *topic, const char *payload, size_t n);
    void *ctx;
};

struct outlink {
    struct relay *relay;
    struct mqtt *mqtt;
    struct publish *waiting, **waiting_end; /* not handed over yet */
    struct publish *flying;                 /* handed over, no word yet */
    size_t n_waiting;
    size_t receipt_bytes; /* of the receipts among them */
    uint64_t next_token;
    struct listener *listeners;
    size_t n_listeners;
    int unreleased; /* messages read since the last release */
    int64_t dropped;
};

static void publish_free(struct publish *p)
{
    free(p->payload);
    free(p);
}

static void answer(struct publish *p, enum send_result result, int64_t retry_after_ms, const char *reason)
{
    if (!p->op) return;
    struct send_outcome o = {.result = result, .retry_after_ms = retry_after_ms};
    (void)snprintf(o.reason, sizeof(o.reason), "%s", reason);
    send_done(p->op, &o);
}

static void on_published(void *arg, uint64_t token, int reason_code)
{
    struct outlink *o = arg;
    for (struct publish **at = &o->flying; *at; at = &(*at)->next) {
        struct publish *p = *at;
        if (p->token != token) continue;
        *at = p->next;
        /* 16: nobody subscribes. A retained message waits for them; an announcement must be said again. */
        if (reason_code < 128 && (reason_code != 16 || p->retain))
            answer(p, SEND_SENT, 0, "");
        else if (reason_code == 16)
            answer(p, SEND_RETRY, 5 * SECOND_MS, "no subscriber at the broker");
        else
            answer(p, SEND_RETRY, 30 * SECOND_MS, mqtt_reason(reason_code));
        publish_free(p);
        return;
    }
}

/* What nobody asks for again: a receipt tells its feed that it may forget. It waits over a lost connection, all others
 * come again by themselves. */
static bool is_receipt(const struct publish *p)
{
    return !p->op && !p->retain;
}

static void wait_in_line(struct outlink *o, struct publish *p)
{
    p->next = NULL;
    *o->waiting_end = p;
    o->waiting_end = &p->next;
    o->n_waiting++;
    if (is_receipt(p)) o->receipt_bytes += p->n;
}

static void fail_all(struct outlink *o, const char *why, bool stops)
{
    struct publish *lists[] = {o->flying, o->waiting};
    o->flying = o->waiting = NULL;
    o->waiting_end = &o->waiting;
    o->n_waiting = o->receipt_bytes = 0;
    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        while (lists[i]) {
            struct publish *p = lists[i];
            lists[i] = p->next;
            if (!stops && is_receipt(p)) {
                wait_in_line(o, p);
                continue;
            }
            answer(p, SEND_RETRY, 0, why);
            publish_free(p);
        }
    }
}

static void state_json(const struct outlink *o, const char *state, struct buf *b)
{
    const struct relay *r = o->relay;
    buf_str(b, "{\"v\":1");
    buf_json_member(b, "relay", r->config->relay.id);
    buf_json_member(b, "state", state);
    buf_json_member_time(b, "at", clock_now().wall);
    buf_json_member(b, "version", TOCSIN_VERSION);
    if (r->rules) buf_json_member(b, "rules", rule_set_hash(r->rules));
    buf_char(b, '}');
}

static void on_up(void *arg, bool session_present)
{
    struct outlink *o = arg;
    log_info("broker=%s:%lld connected session=%s", o->relay->config->broker.host,
             (long long)o->relay->config->broker.port, session_present ? "kept" : "new");
    CLEANUP(buf_release) struct buf state = BUF_INIT(1024);
    state_json(o, "up", &state);
    char topic[96];
    (void)snprintf(topic, sizeof(topic), "relay/%s/state", o->relay->config->relay.id);
    outlink_publish(o->relay, topic, buf_cstr(&state), state.len, true, 0, NULL);
    dispatch_refresh_states(o->relay);
}

static void on_down(void *arg, const char *why)
{
    struct outlink *o = arg;
    log_warning("broker=%s lost: %s; reconnecting", o->relay->config->broker.host, why);
    fail_all(o, "the broker is not connected", false);
    o->unreleased = 0;
}

static void on_dropped(struct outlink *o, const struct mqtt_message *m)
{
    char text[24];
    (void)snprintf(text, sizeof(text), "%.*s", (int)(m->payload_len < 20 ? m->payload_len : 20), m->payload);
    int64_t n = strtoll(text, NULL, 10);
    if (o->dropped >= 0 && n > o->dropped)
        log_error("broker dropped %lld messages: its queues are too short for the relay's absence; feeds "
                  "resend what has no "
                  "receipt; raise max_queued_messages",
                  (long long)(n - o->dropped));
    o->dropped = n;
}

static void on_message(void *arg, const struct mqtt_message *m)
{
    struct outlink *o = arg;
    if (strcmp(m->topic, DROPPED_TOPIC) == 0) {
        on_dropped(o, m);
        return;
    }
    o->unreleased++;
    for (size_t i = 0; i < o->n_listeners; i++)
        if (mqtt_topic_matches(o->listeners[i].filter, m->topic))
            o->listeners[i].fn(o->listeners[i].ctx, m->topic + strlen(o->relay->config->broker.prefix) + 1,
                               m->payload, m->payload_len);
}

enum relay_err outlink_new(struct relay *r, struct outlink **ret, struct reason *why)
{
    const struct broker_options *b = &r->config->broker;
    struct outlink *o = xcalloc(1, sizeof(*o));
    o->relay = r;
    o->waiting_end = &o->waiting;
    o->dropped = -1;
    CLEANUP(secret_free_ptr) char *password = NULL;
    enum relay_err err = b->password_file ? secret_read(b->password_file, &password, why) : RELAY_OK;
    CLEANUP(free_ptr) char *client = xasprintf("%s.out", r->config->relay.id);
    CLEANUP(free_ptr) char *will_topic = xasprintf("%s/relay/%s/state", b->prefix, r->config->relay.id);
    CLEANUP(buf_release) struct buf will = BUF_INIT(1024);
    state_json(o, "down", &will);
    if (err == RELAY_OK) {
        struct mqtt_options mo = broker_session(b, b->username, password);
        mo.client_id = client;
        mo.session_expiry_s = 7 * 24 * 3600;
        mo.receive_maximum = 200;
        mo.max_packet = 256 * 1024;
        mo.will_topic = will_topic;
        mo.will_payload = buf_cstr(&will);
        mo.max_inflight_out = (int)r->config->limits.mqtt;
        struct mqtt_callbacks cb = {
            .message = on_message, .published = on_published, .up = on_up, .down = on_down, .arg = o};
        err = mqtt_new(r->loop, &mo, &cb, &o->mqtt, why);
    }
    if (err != RELAY_OK) {
        outlink_free(o);
        return err;
    }
    mqtt_subscribe(o->mqtt, DROPPED_TOPIC, 0);
    *ret = o;
    return RELAY_OK;
}

struct outlink *outlink_free(struct outlink *o)
{
    if (!o) return NULL;
    if (o->mqtt && mqtt_state(o->mqtt) == MQTT_UP)
        mqtt_disconnect(o->mqtt, true); /* the last will says `down` */
    o->mqtt = mqtt_free(o->mqtt);
    fail_all(o, "the relay stops", true);
    for (size_t i = 0; i < o->n_listeners; i++) free(o->listeners[i].filter);
    free(o->listeners);
    free(o);
    return NULL;
}

void outlink_service(struct relay *r)
{
    mqtt_service(r->out->mqtt, r->now);
}

void outlink_read(struct relay *r)
{
    mqtt_set_reading(r->out->mqtt, r->store_ok);
    if (r->store_ok) (void)mqtt_read(r->out->mqtt, READ_A_TURN);
}

/* Hands waiting publishes over, in order, as far as the window allows. */
static void hand_over(struct outlink *o)
{
    while (o->waiting && mqtt_state(o->mqtt) == MQTT_UP) {
        struct publish *p = o->waiting;
        p->token = ++o->next_token;
        enum relay_err err =
            mqtt_publish(o->mqtt, p->topic, p->payload, p->n, p->retain, p->expiry_s, p->token);
        if (err == RELAY_LIMIT || err == RELAY_OFFLINE) return;
        o->waiting = p->next;
        if (!o->waiting) o->waiting_end = &o->waiting;
        o->n_waiting--;
        if (is_receipt(p)) o->receipt_bytes -= p->n;
        if (err != RELAY_OK) {
            answer(p, SEND_RETRY, 0, "the MQTT library refused it");
            publish_free(p);
            continue;
        }
        p->next = o->flying;
        o->flying = p;
    }
}

void outlink_release(struct relay *r)
{
    r->out->unreleased = 0;
    hand_over(r->out);
    mqtt_write(r->out->mqtt);
}

void outlink_refuse(struct relay *r, const char *why)
{
    if (r->out->unreleased) mqtt_drop(r->out->mqtt, why);
    r->out->unreleased = 0;
}

int64_t outlink_next_due(const struct relay *r)
{
    return mqtt_next_due(r->out->mqtt);
}

bool outlink_up(const struct relay *r)
{
    return mqtt_state(r->out->mqtt) == MQTT_UP;
}

int64_t outlink_broker_dropped(const struct relay *r)
{
    return r->out->dropped;
}

void outlink_publish(struct relay *r, const char *topic, const char *payload, size_t n, bool retain,
                     int64_t expiry_ms, struct send *op)
{
    struct outlink *o = r->out;
    struct publish tried = {.op = op, .retain = retain};
    bool receipt = is_receipt(&tried);
    if ((mqtt_state(o->mqtt) != MQTT_UP && !receipt) ||
        (receipt && (o->n_waiting > KEPT_RECEIPTS || o->receipt_bytes + n > KEPT_RECEIPT_BYTES))) {
        answer(&tried, SEND_RETRY, 0,
               "the broker is not connected"); /* a receipt that is lost comes again as `duplicate` */
        return;
    }
    size_t len = strlen(r->config->broker.prefix) + strlen(topic) + 2;
    struct publish *p = xcalloc(1, sizeof(*p) + len);
    (void)snprintf(p->topic, len, "%s/%s", r->config->broker.prefix, topic);
    p->payload = xmalloc(n ? n : 1);
    if (n) memcpy(p->payload, payload, n);
    p->n = n;
    p->retain = retain;
    p->expiry_s = expiry_ms > 0 ? (uint32_t)((expiry_ms + 999) / 1000) : 0;
    p->op = op;
    wait_in_line(o, p);
}

void outlink_on_topic(struct relay *r, const char *filter,
                      void (*fn)(void *ctx, const char *topic, const char *payload, size_t n), void *ctx)
{
    struct outlink *o = r->out;
    o->listeners = xreallocarray(o->listeners, o->n_listeners + 1, sizeof(*o->listeners));
    struct listener *l = &o->listeners[o->n_listeners++];
    *l = (struct listener){
        .filter = xasprintf("%s/%s", r->config->broker.prefix, filter), .fn = fn, .ctx = ctx};
    mqtt_subscribe(o->mqtt, l->filter, 1);
}
