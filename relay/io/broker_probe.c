/* libmosquitto used the plain, blocking way. */
#include "io/broker_probe.h"

#include <errno.h>
#include <fcntl.h>
#include <mosquitto.h>
#include <mqtt_protocol.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/i18n.h"
#include "base/mem.h"

enum { STEP_MS = 20, ANSWER_MS = 5000, KEEPALIVE_S = 30, WEEK_S = 7 * 24 * 3600 };

struct broker_probe {
    struct mosquitto *handle;
    struct broker_limits limits;
    int connack; /* reason code; -1: none yet */
    int puback, puback_mid;
    bool subscribed;
    int enough;
    bool (*fn)(void *arg, const struct mqtt_message *m);
    void *arg;
};

/* --- the network below --- */

static enum relay_err resolve(const char *host, int port, struct addrinfo **ret, struct reason *why)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_family = AF_UNSPEC};
    char service[16];
    (void)snprintf(service, sizeof(service), "%d", port);
    int rc = getaddrinfo(host, service, &hints, ret);
    if (rc == 0) return RELAY_OK;
    return fail(why, RELAY_OFFLINE, _("the name %.100s cannot be resolved (%s): look at the name and at DNS"),
                host, gai_strerror(rc));
}

enum relay_err name_resolves(const char *host, struct reason *why)
{
    struct addrinfo *list = NULL;
    enum relay_err err = resolve(host, 0, &list, why);
    if (err == RELAY_OK) freeaddrinfo(list);
    return err;
}

static int connect_within(const struct addrinfo *a, int timeout_ms)
{
    int fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, a->ai_protocol);
    int error = 0;
    socklen_t size = sizeof(error);
    if (fd < 0) return errno;
    if (connect(fd, a->ai_addr, a->ai_addrlen) != 0) {
        error = errno;
        if (error == EINPROGRESS) {
            struct pollfd wait = {.fd = fd, .events = POLLOUT};
            error = ETIMEDOUT;
            if (poll(&wait, 1, timeout_ms) == 1 && getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0)
                error = errno;
        }
    }
    (void)close(fd); /* nothing was written */
    return error;
}

enum relay_err tcp_reach(const char *host, int port, int timeout_ms, struct reason *why)
{
    struct addrinfo *list = NULL;
    enum relay_err err = resolve(host, port, &list, why);
    if (err) return err;
    int error = ECONNREFUSED;
    for (const struct addrinfo *a = list; a && error; a = a->ai_next) error = connect_within(a, timeout_ms);
    freeaddrinfo(list);
    if (!error) return RELAY_OK;
    return fail(why, error == ETIMEDOUT ? RELAY_TIMEOUT : RELAY_OFFLINE, "%.100s:%d: %s", host, port,
                strerror(error));
}

/* --- the broker --- */

static int64_t number(const mosquitto_property *props, int id, bool four_bytes)
{
    uint32_t large = 0;
    uint16_t small = 0;
    if (four_bytes) return mosquitto_property_read_int32(props, id, &large, false) ? (int64_t)large : -1;
    return mosquitto_property_read_int16(props, id, &small, false) ? (int64_t)small : -1;
}

static void on_connect(struct mosquitto *handle, void *arg, int rc, int flags,
                       const mosquitto_property *props)
{
    struct broker_probe *p = arg;
    uint8_t byte = 0;
    (void)handle;
    (void)flags;
    p->connack = rc;
    p->limits.receive_maximum = (int)number(props, MQTT_PROP_RECEIVE_MAXIMUM, false);
    p->limits.max_packet = number(props, MQTT_PROP_MAXIMUM_PACKET_SIZE, true);
    p->limits.session_expiry_s = number(props, MQTT_PROP_SESSION_EXPIRY_INTERVAL, true);
    p->limits.retain = !mosquitto_property_read_byte(props, MQTT_PROP_RETAIN_AVAILABLE, &byte, false) || byte;
    p->limits.max_qos = mosquitto_property_read_byte(props, MQTT_PROP_MAXIMUM_QOS, &byte, false) ? byte : 2;
}

static void on_publish(struct mosquitto *handle, void *arg, int mid, int rc, const mosquitto_property *props)
{
    struct broker_probe *p = arg;
    (void)handle;
    (void)props;
    if (mid == p->puback_mid) p->puback = rc;
}

static void on_subscribe(struct mosquitto *handle, void *arg, int mid, int n, const int *granted)
{
    struct broker_probe *p = arg;
    (void)handle;
    (void)mid;
    (void)n;
    (void)granted;
    p->subscribed = true;
}

static void on_message(struct mosquitto *handle, void *arg, const struct mosquitto_message *m)
{
    struct broker_probe *p = arg;
    (void)handle;
    const struct mqtt_message out = {.topic = m->topic,
                                     .payload = m->payload,
                                     .payload_len = (size_t)m->payloadlen,
                                     .qos = m->qos,
                                     .retain = m->retain};
    if (p->fn && p->fn(p->arg, &out)) p->enough = 1;
}

/* The key files of this program have no passphrase; without this the library would ask the terminal. */
static int no_passphrase(char *out, int size, int writing, void *arg)
{
    (void)out;
    (void)size;
    (void)writing;
    (void)arg;
    return 0;
}

static int configure(struct mosquitto *handle, const struct mqtt_options *o)
{
    int rc = mosquitto_int_option(handle, MOSQ_OPT_PROTOCOL_VERSION, MQTT_PROTOCOL_V5);
    if (!rc && o->username) rc = mosquitto_username_pw_set(handle, o->username, o->password);
    if (!rc && o->tls_ca) {
        rc = mosquitto_tls_set(handle, o->tls_ca, NULL, o->tls_cert, o->tls_key, no_passphrase);
        if (!rc) rc = mosquitto_tls_opts_set(handle, 1, "tlsv1.2", NULL); /* or later */
    }
    mosquitto_connect_v5_callback_set(handle, on_connect);
    mosquitto_publish_v5_callback_set(handle, on_publish);
    mosquitto_subscribe_callback_set(handle, on_subscribe);
    mosquitto_message_callback_set(handle, on_message);
    return rc;
}

/* Turns the loop until *flag leaves `before`, or the time is over. */
static enum relay_err turn_until(struct broker_probe *p, const int *flag, int before, int timeout_ms,
                                 struct reason *why)
{
    int64_t end = clock_now().mono + timeout_ms;
    while (*flag == before && clock_now().mono < end) {
        int rc = mosquitto_loop(p->handle, STEP_MS, 1);
        if (rc != MOSQ_ERR_SUCCESS && *flag == before)
            return fail(why, RELAY_OFFLINE, _("the broker closed the connection: %s"),
                        rc == MOSQ_ERR_ERRNO ? strerror(errno) : mosquitto_strerror(rc));
    }
    if (*flag != before) return RELAY_OK;
    return fail(why, RELAY_TIMEOUT, _("the broker did not answer within %d s"), timeout_ms / 1000);
}

static enum relay_err connect_it(struct broker_probe *p, const struct mqtt_options *o, int timeout_ms,
                                 struct reason *why)
{
    mosquitto_property *props = NULL;
    int port = o->host[0] == '/' ? 0 : o->port; /* 0 is how the library is told of a unix socket */
    int rc = configure(p->handle, o);
    if (!rc) rc = mosquitto_property_add_int32(&props, MQTT_PROP_SESSION_EXPIRY_INTERVAL, WEEK_S);
    if (!rc) rc = mosquitto_connect_bind_v5(p->handle, o->host, port, KEEPALIVE_S, NULL, props);
    mosquitto_property_free_all(&props);
    if (rc)
        return fail(why, RELAY_OFFLINE, _("the broker at %.100s cannot be reached: %s"), o->host,
                    rc == MOSQ_ERR_ERRNO ? strerror(errno) : mosquitto_strerror(rc));
    enum relay_err err = turn_until(p, &p->connack, -1, timeout_ms, why);
    if (err) return err;
    if (p->connack == 0) return RELAY_OK;
    return fail(why, RELAY_DENIED, _("the broker refuses the login: %s"), mqtt_reason(p->connack));
}

enum relay_err broker_probe_open(const struct mqtt_options *o, int timeout_ms, struct broker_probe **ret,
                                 struct reason *why)
{
    if (o->host[0] != '/') {
        enum relay_err err =
            tcp_reach(o->host, o->port, timeout_ms, why); /* the library's own wait has no end */
        if (err) return err;
    }
    (void)mosquitto_lib_init(); /* counts its calls; fails never in this version */
    struct broker_probe *p = xcalloc(1, sizeof(*p));
    p->connack = p->puback = -1;
    p->handle = mosquitto_new(o->client_id, true, p);
    enum relay_err err = p->handle ? connect_it(p, o, timeout_ms, why) : fail(why, RELAY_IO, "mosquitto_new");
    if (err)
        broker_probe_free(p);
    else
        *ret = p;
    return err;
}

const struct broker_limits *broker_probe_limits(const struct broker_probe *p)
{
    return &p->limits;
}

enum relay_err broker_probe_publish(struct broker_probe *p, const char *topic, const char *payload,
                                    int *ret_code, struct reason *why)
{
    p->puback = -1;
    int rc =
        mosquitto_publish_v5(p->handle, &p->puback_mid, topic, (int)strlen(payload), payload, 1, false, NULL);
    if (rc) return fail(why, RELAY_OFFLINE, "%s: %s", topic, mosquitto_strerror(rc));
    enum relay_err err = turn_until(p, &p->puback, -1, ANSWER_MS, why);
    if (err == RELAY_OK) *ret_code = p->puback;
    return err;
}

enum relay_err broker_probe_retained(struct broker_probe *p, const char *filter, int wait_ms,
                                     bool (*fn)(void *arg, const struct mqtt_message *m), void *arg,
                                     struct reason *why)
{
    p->fn = fn;
    p->arg = arg;
    p->subscribed = false;
    p->enough = 0;
    int rc = mosquitto_subscribe(p->handle, NULL, filter, 1);
    if (rc) return fail(why, RELAY_OFFLINE, "%s: %s", filter, mosquitto_strerror(rc));
    enum relay_err err = turn_until(p, &p->enough, 0, wait_ms, why); /* retained ones come after SUBACK */
    p->fn = NULL;
    if (err == RELAY_TIMEOUT && p->subscribed) return RELAY_OK;
    return err;
}

struct broker_probe *broker_probe_free(struct broker_probe *p)
{
    if (!p) return NULL;
    if (p->handle) {
        mosquitto_property *props = NULL;
        /* The session is not to stay for the week that was asked for. */
        (void)mosquitto_property_add_int32(&props, MQTT_PROP_SESSION_EXPIRY_INTERVAL, 0);
        (void)mosquitto_disconnect_v5(p->handle, 0, props); /* it goes anyway */
        (void)mosquitto_loop(p->handle, STEP_MS, 1);
        mosquitto_property_free_all(&props);
        mosquitto_destroy(p->handle);
    }
    free(p);
    return NULL;
}
