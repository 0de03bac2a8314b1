/* A feed over MQTT: one durable session of its own, read within its window, acknowledged only on release. */
#include "feed.h"

#include "base/i18n.h"
#include "base/mem.h"
#include "io/mqtt.h"

enum {
    SESSION_EXPIRY_S = 7 * 24 * 3600, /* what waits at the broker for a relay that is away */
    PACKET_MAX = 1 << 20 /* more than an event may have, so that we can say that it is too large */
};

struct feed_mqtt {
    struct mqtt *mqtt;
    char *events, *heartbeat; /* topics */
    int events_read;          /* in this feed_read */
    bool unreleased;          /* read, and neither released nor refused */
    bool met;                 /* the broker has held our session in this run */
};

static void on_message(void *arg, const struct mqtt_message *m)
{
    struct feed *f = arg;
    struct feed_mqtt *c = f->ctx;
    c->unreleased = true;
    bool event = strcmp(m->topic, c->events) == 0;
    if (!event && strcmp(m->topic, c->heartbeat) != 0) {
        f->sink->odd(f->sink->arg, f, _("a message on a topic that is not this feed's"));
    } else if (m->retain) {
        /* The broker would give it to us again at every connection. */
        f->sink->odd(f->sink->arg, f, _("a retained message: the feed must publish without retain"));
    } else if (event && m->qos == 0) {
        f->sink->odd(f->sink->arg, f, _("an event with QoS 0: the feed must publish with QoS 1"));
    } else if (event) {
        c->events_read++;
        f->sink->event(f->sink->arg, f, m->payload, m->payload_len);
    } else {
        f->sink->heartbeat(f->sink->arg, f, m->payload, m->payload_len);
    }
}

static void on_published(void *arg, uint64_t token, int reason_code)
{
    (void)arg, (void)token, (void)reason_code; /* a feed's session publishes nothing */
}

static void on_up(void *arg, bool session_present)
{
    struct feed *f = arg;
    struct feed_mqtt *c = f->ctx;
    const char *how = session_present ? _("the broker kept its session")
                      : c->met
                          ? _("the broker has forgotten its session: what waited there is lost, and the feed "
                              "sends again what has no receipt")
                          : _("a new session");
    c->met = true;
    f->sink->link(f->sink->arg, f, 1, how);
}

static void on_down(void *arg, const char *why)
{
    struct feed *f = arg;
    struct feed_mqtt *c = f->ctx;
    c->unreleased = false;
    f->sink->link(f->sink->arg, f, 0, why);
}

/* A session without its subscription would look healthy and hear nothing for ever. */
static void on_subscribed(void *arg, const char *filter, int reason_code)
{
    struct feed *f = arg;
    struct feed_mqtt *c = f->ctx;
    char why[300];
    if (reason_code == 1) return;
    if (reason_code == 0)
        (void)snprintf(why, sizeof(why),
                       _("the broker gives only QoS 0 on %s, which can lose events: allow QoS 1"), filter);
    else
        (void)snprintf(why, sizeof(why),
                       _("the broker refuses the subscription to %s (%s): allow the relay to read it"),
                       filter, mqtt_reason(reason_code));
    mqtt_drop(c->mqtt, why);
}

/* Else the broker would go on collecting for a reader who never comes, for a week or to the end of its memory. */
static void feed_mqtt_leave(struct feed *f)
{
    struct feed_mqtt *c = f->ctx;
    mqtt_end_session(c->mqtt);
}

static void feed_mqtt_close(struct feed *f)
{
    struct feed_mqtt *c = f->ctx;
    if (!c) return;
    if (c->mqtt) mqtt_disconnect(c->mqtt, false);
    mqtt_free(c->mqtt);
    free(c->events);
    free(c->heartbeat);
    free(c);
    f->ctx = NULL;
}

static enum relay_err feed_mqtt_open(struct feed *f, struct loop *l, struct reason *why)
{
    const struct broker_options *b = &f->relay->broker;
    CLEANUP(secret_free_ptr) char *password = NULL;
    CLEANUP(free_ptr) char *client_id = NULL;
    if (b->password_file) {
        enum relay_err err = secret_read(b->password_file, &password, why);
        if (err) return err;
    }
    struct feed_mqtt *c = xcalloc(1, sizeof(*c));
    f->ctx = c;
    client_id = xasprintf("%s.in.%s", f->relay->relay.id, f->config->id);
    c->events = xasprintf("%s/feeds/%s/events", b->prefix, f->config->id);
    c->heartbeat = xasprintf("%s/feeds/%s/heartbeat", b->prefix, f->config->id);
    struct mqtt_options options = broker_session(b, b->username, password);
    options.client_id = client_id;
    options.session_expiry_s = SESSION_EXPIRY_S;
    options.receive_maximum = (uint16_t)f->config->window;
    options.max_packet = PACKET_MAX;
    options.max_inflight_out = 1;
    struct mqtt_callbacks callbacks = {.message = on_message,
                                       .published = on_published,
                                       .up = on_up,
                                       .down = on_down,
                                       .subscribed = on_subscribed,
                                       .arg = f};
    enum relay_err err = mqtt_new(l, &options, &callbacks, &c->mqtt, why);
    if (err) {
        feed_mqtt_close(f);
        return err;
    }
    mqtt_subscribe(c->mqtt, c->events, 1);
    mqtt_subscribe(c->mqtt, c->heartbeat, 1);
    return RELAY_OK;
}

static void feed_mqtt_service(struct feed *f, struct now now)
{
    struct feed_mqtt *c = f->ctx;
    mqtt_service(c->mqtt, now);
}

static int feed_mqtt_read(struct feed *f, int max)
{
    struct feed_mqtt *c = f->ctx;
    c->events_read = 0;
    (void)mqtt_read(c->mqtt, max); /* it counts heartbeats too, the caller's rate does not */
    return c->events_read;
}

static void feed_mqtt_release(struct feed *f)
{
    struct feed_mqtt *c = f->ctx;
    c->unreleased = false;
    mqtt_write(c->mqtt);
}

static void feed_mqtt_refuse(struct feed *f, const char *why)
{
    struct feed_mqtt *c = f->ctx;
    /* Who has read nothing owes nothing, and is there at once when the store works again. */
    if (c->unreleased) mqtt_drop(c->mqtt, why);
}

static void feed_mqtt_set_reading(struct feed *f, int reading)
{
    struct feed_mqtt *c = f->ctx;
    mqtt_set_reading(c->mqtt, reading != 0);
}

static int64_t feed_mqtt_next_due(const struct feed *f)
{
    const struct feed_mqtt *c = f->ctx;
    return mqtt_next_due(c->mqtt);
}

const struct feed_ops feed_mqtt_ops = {
    .name = "mqtt",
    .open = feed_mqtt_open,
    .service = feed_mqtt_service,
    .read = feed_mqtt_read,
    .release = feed_mqtt_release,
    .refuse = feed_mqtt_refuse,
    .set_reading = feed_mqtt_set_reading,
    .next_due = feed_mqtt_next_due,
    .leave = feed_mqtt_leave,
    .close = feed_mqtt_close,
};
