/* MQTT topics to calls, and log rows to MQTT. */
#include "player/link.h"

#include "base/i18n.h"
#include "base/log.h"
#include "base/mem.h"

enum {
    READ_BATCH = 100,
    IN_FLIGHT = 50,
    TOPIC_MAX = 300,
    NOBODY_PAUSE_MS = 60000, /* nobody has subscribed to the log: ask again then */
    MAX_PACKET = 1024 * 1024
};

struct link {
    const struct settings *set;
    struct link_env env;
    struct mqtt *mqtt;
    char *announce_head, *bulletin, *hold, *state; /* topics; announce_head: up to the zone */
    int64_t in_flight[IN_FLIGHT];
    size_t n_in_flight;
    int64_t acked[IN_FLIGHT]; /* to be marked in the next transaction */
    size_t n_acked;
    int64_t pause_until; /* mono */
    bool look;           /* there may be rows to send */
    bool tell_state, was_up;
    struct now now;
};

static void on_message(void *arg, const struct mqtt_message *m)
{
    struct link *l = arg;
    size_t head = strlen(l->announce_head);
    if (strcmp(m->topic, l->bulletin) == 0) {
        l->env.bulletin(l->env.arg, m->payload, m->payload_len, m->retain);
        return;
    }
    CLEANUP(free_ptr) char *payload = xstrndup(m->payload_len ? m->payload : "", m->payload_len);
    if (strcmp(m->topic, l->hold) == 0) {
        l->env.hold(l->env.arg, payload);
        return;
    }
    for (size_t z = 0; z < l->set->n_zones; z++) {
        const char *topic = l->set->zones[z].busy_topic;
        if (!topic || strcmp(m->topic, topic) != 0) continue;
        bool busy = *payload && strcmp(payload, "0") != 0 && strcmp(payload, "false") != 0 &&
                    strcmp(payload, "off") != 0;
        l->env.busy(l->env.arg, z, busy);
    }
    const char *tail = strrchr(m->topic, '/');
    if (strncmp(m->topic, l->announce_head, head) != 0 || !tail || strcmp(tail, "/announce") != 0) return;
    if (m->retain) {
        log_warning("announce: a retained one is ignored; announcements must not be retained");
        return;
    }
    CLEANUP(free_ptr) char *zone = xstrndup(m->topic + head, (size_t)(tail - m->topic) - head);
    l->env.announce(l->env.arg, zone, m->payload, m->payload_len);
}

static void on_published(void *arg, uint64_t token, int reason_code)
{
    struct link *l = arg;
    for (size_t i = 0; i < l->n_in_flight; i++) {
        if (l->in_flight[i] != (int64_t)token) continue;
        l->in_flight[i] = l->in_flight[--l->n_in_flight];
        if (reason_code < 128 && reason_code != 16)
            l->acked[l->n_acked++] = (int64_t)token; /* never more than were in flight */
        else
            l->pause_until = l->now.mono + NOBODY_PAUSE_MS;
        if (reason_code >= 128)
            log_warning("log: the broker refuses it (%s); retrying in 60 s", mqtt_reason(reason_code));
        l->look = true;
        return;
    }
}

static void on_up(void *arg, bool session_present)
{
    struct link *l = arg;
    log_info("broker: connected%s", session_present ? ", session resumed" : "");
    l->tell_state = l->look = l->was_up = true;
    l->pause_until = 0;
}

static void on_down(void *arg, const char *why)
{
    struct link *l = arg;
    if (l->was_up) log_warning("broker: gone (%s); the programme goes on, reconnecting", why);
    l->was_up = false;
    l->n_in_flight = 0;
}

static void on_subscribed(void *arg, const char *filter, int reason_code)
{
    (void)arg;
    if (reason_code >= 128)
        log_error("broker: subscribing to %s was refused (%s); see its ACL", filter,
                  mqtt_reason(reason_code));
}

static void put_state_head(struct buf *b, const struct settings *s, const char *word, struct now now)
{
    buf_str(b, "{\"v\":1");
    buf_json_member(b, "state", word);
    buf_json_member_time(b, "at", now.wall);
    buf_json_member(b, "version", TOCSIN_VERSION);
    buf_json_member(b, "site", s->player.site);
}

enum relay_err link_new(struct loop *loop, const struct settings *s, const struct link_env *env,
                        struct link **ret, struct reason *why)
{
    const struct broker_settings *b = &s->broker;
    CLEANUP(secret_free_ptr) char *password = NULL;
    CLEANUP(free_ptr) char *client = xasprintf("%s.pa", s->player.site);
    enum relay_err err = b->password_file ? secret_read(b->password_file, &password, why) : RELAY_OK;
    if (err != RELAY_OK) return err;
    CLEANUP(buf_release) struct buf will = BUF_INIT(1024);
    put_state_head(&will, s, "down", clock_now());
    buf_char(&will, '}');
    struct link *l = xcalloc(1, sizeof(*l));
    l->set = s;
    l->env = *env;
    l->announce_head = xasprintf("%s/pa/%s/", b->prefix, s->player.site);
    l->bulletin = xasprintf("%s/pa/%s/bulletin", b->prefix, s->player.site);
    l->state = xasprintf("%s/pa/%s/state", b->prefix, s->player.site);
    l->hold = s->hold.topic ? xstrdup(s->hold.topic) : xasprintf("%s/pa/%s/hold", b->prefix, s->player.site);
    const struct mqtt_options o = {
        .host = b->host,
        .port = (int)b->port,
        .username = b->username,
        .password = password,
        .tls_ca = b->tls.ca,
        .tls_cert = b->tls.cert,
        .tls_key = b->tls.key,
        .client_id = client,
        .session_expiry_s = LINK_SESSION_MS / SECOND_MS,
        .receive_maximum = READ_BATCH,
        .max_packet = MAX_PACKET,
        .keepalive_s = (uint16_t)(b->keepalive / SECOND_MS),
        .will_topic = l->state,
        .will_payload = buf_cstr(&will),
        .max_inflight_out = IN_FLIGHT + 2,
    };
    const struct mqtt_callbacks cb = {.message = on_message,
                                      .published = on_published,
                                      .up = on_up,
                                      .down = on_down,
                                      .subscribed = on_subscribed,
                                      .arg = l};
    err = mqtt_new(loop, &o, &cb, &l->mqtt, why);
    if (err != RELAY_OK) {
        link_free(l);
        return err;
    }
    char filter[TOPIC_MAX];
    (void)snprintf(filter, sizeof(filter), "%s+/announce", l->announce_head);
    mqtt_subscribe(l->mqtt, filter, 1);
    mqtt_subscribe(l->mqtt, l->bulletin, 1);
    mqtt_subscribe(l->mqtt, l->hold, 1);
    for (size_t z = 0; z < s->n_zones; z++)
        if (s->zones[z].busy_topic) mqtt_subscribe(l->mqtt, s->zones[z].busy_topic, 1);
    *ret = l;
    return RELAY_OK;
}

struct link *link_free(struct link *l)
{
    if (!l) return NULL;
    mqtt_free(l->mqtt);
    free(l->announce_head);
    free(l->bulletin);
    free(l->hold);
    free(l->state);
    free(l);
    return NULL;
}

void link_read(struct link *l, struct book *b, struct now now)
{
    l->now = now;
    mqtt_service(l->mqtt, now);
    (void)mqtt_read(l->mqtt, READ_BATCH); /* how many does not matter: what came was handed on */
    for (size_t i = 0; i < l->n_acked; i++) book_mark_sent(b, l->acked[i]);
    l->n_acked = 0;
}

static bool is_for_the_relay(const struct log_row *r)
{
    static const char *const kinds[] = {"announce", "bulletin", "slot", "digest", "say", "tone"};
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (strcmp(r->kind, kinds[i]) == 0) return true;
    return false;
}

struct sending {
    struct link *link;
    struct book *book;
    int64_t skip[IN_FLIGHT * 2]; /* rows that stay here */
    size_t n_skip;
    bool full;
};

static void send_row(void *arg, const struct log_row *r)
{
    struct sending *s = arg;
    struct link *l = s->link;
    if (s->full) return;
    for (size_t i = 0; i < l->n_in_flight; i++)
        if (l->in_flight[i] == r->seq) return;
    if (!is_for_the_relay(r)) {
        if (s->n_skip < ARRAY_LEN(s->skip)) s->skip[s->n_skip++] = r->seq;
        return;
    }
    char topic[TOPIC_MAX];
    CLEANUP(buf_release) struct buf b = BUF_INIT(16 * 1024);
    (void)snprintf(topic, sizeof(topic), "%s%s/log", l->announce_head, r->zone);
    buf_char(&b, '{');
    buf_json_member(&b, "id", r->item);
    buf_json_member(&b, "state", r->state);
    buf_json_member_time(&b, "at", r->at);
    CLEANUP(free_ptr)
    char *reason = xasprintf("%s%s%s", r->why, *r->why && *r->detail ? ": " : "", r->detail);
    if (*reason) buf_json_member(&b, "reason", reason);
    buf_json_member(&b, "kind", r->kind);
    if (r->volume) buf_json_member_int(&b, "volume", r->volume);
    if (r->length_ms) buf_json_member_int(&b, "length_ms", r->length_ms);
    buf_char(&b, '}');
    if (l->n_in_flight == IN_FLIGHT ||
        mqtt_publish(l->mqtt, topic, buf_cstr(&b), b.len, false, 0, (uint64_t)r->seq) != RELAY_OK) {
        s->full = true; /* the next acknowledgement makes room */
        return;
    }
    l->in_flight[l->n_in_flight++] = r->seq;
}

static void send_state(struct link *l, struct now now, const char *word)
{
    CLEANUP(buf_release) struct buf b = BUF_INIT(256 * 1024);
    put_state_head(&b, l->set, word, now);
    if (strcmp(word, "up") == 0) l->env.state(l->env.arg, &b);
    buf_char(&b, '}');
    if (mqtt_publish(l->mqtt, l->state, buf_cstr(&b), b.len, true, 0, 0) == RELAY_OK) l->tell_state = false;
}

void link_release(struct link *l, struct book *b, struct now now)
{
    if (mqtt_state(l->mqtt) == MQTT_UP) {
        if (l->tell_state) send_state(l, now, "up");
        if (l->look && now.mono >= l->pause_until) {
            struct sending s = {.link = l, .book = b};
            l->look = false;
            book_unsent(b, 0, IN_FLIGHT * 2, send_row, &s);
            for (size_t i = 0; i < s.n_skip; i++) book_mark_sent(b, s.skip[i]);
            if (s.n_skip) l->look = true;
        }
    }
    mqtt_write(l->mqtt);
}

void link_look(struct link *l)
{
    l->look = true;
}

void link_changed(struct link *l)
{
    l->tell_state = true;
}

void link_drop(struct link *l, const char *why)
{
    l->n_acked = l->n_in_flight = 0;
    mqtt_drop(l->mqtt, why);
}

void link_stop(struct link *l, struct now now)
{
    if (mqtt_state(l->mqtt) != MQTT_UP) return;
    send_state(l, now, "down");
    mqtt_disconnect(l->mqtt, false);
}

int64_t link_next_due(const struct link *l)
{
    int64_t due = mqtt_next_due(l->mqtt);
    if (l->look && mqtt_state(l->mqtt) == MQTT_UP) {
        int64_t next = l->pause_until > 0 ? l->pause_until : 0;
        if (l->n_in_flight < IN_FLIGHT && next < due) due = next;
    }
    return due;
}

bool link_up(const struct link *l)
{
    return mqtt_state(l->mqtt) == MQTT_UP;
}
