/* An MQTT 5 session over libmosquitto in threaded-external mode: the whole state machine from name to PUBACK. */
#include "io/mqtt.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <mosquitto.h>
#include <mqtt_protocol.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/i18n.h"
#include "base/mem.h"
#include "io/file.h"

enum {
    HANDSHAKE_MS = 10 * 1000, /* TCP, TLS and CONNACK together */
    BACKOFF_FIRST_MS = 1000,
    BACKOFF_LAST_MS = 60 * 1000,
    SETTLED_MS = 10 * 1000, /* up for this long: the next loss begins at the first backoff again */
    GOODBYE_MS = 2000,      /* mqtt_disconnect may wait this long for the socket to take the last bytes */
    CORK_PACKETS = 4,
    REASON_NO_SUBSCRIBER = 16 /* success that reaches nobody */
};

/* One connection or attempt: a libmosquitto handle of its own, and all that the helper thread needs to connect it.
 * While offloaded it belongs to that thread; an owner that goes away meanwhile leaves NULL behind. */
struct link {
    struct mosquitto *handle;
    struct mqtt *owner;
    char *host;
    int port, keepalive_s;
    const char *bind; /* "0.0.0.0": IPv4 only */
    int rc, error;    /* of connecting */
    bool lost;        /* said by on_disconnect */
    int lost_code;
    char log[160]; /* the library's first error line: what OpenSSL said */
};

struct subscription {
    char *filter;
    int qos, mid;
};

struct outgoing {
    int mid; /* 0: free */
    uint64_t token;
};

/* A message that came outside mqtt_read: with TLS the library reads on to the end of the record that held CONNACK. */
struct early {
    struct early *next;
    struct mqtt_message message;
};

struct mqtt {
    struct loop *loop;
    struct mqtt_options options; /* strings are ours */
    struct mqtt_callbacks cb;
    enum mqtt_state state;
    struct link *link;
    struct watch watch;
    struct now now; /* of the last mqtt_service */

    struct subscription *subscriptions;
    size_t n_subscriptions;
    struct outgoing *outgoing; /* max_inflight_out of them */
    int n_outgoing, out_limit; /* the smaller of ours and the broker's */
    int out_first;             /* where the oldest is likely to be */

    int64_t
        due; /* IDLE: the next attempt; HANDSHAKE: the end of patience (0: not set yet); UP: the next keepalive look */
    int64_t up_since, wrote_at;
    int keepalive_s; /* the broker may have set another */
    int failures;    /* in a row, for the backoff */
    bool numeric;    /* an address or a path: nothing to resolve */
    bool ipv4_only;  /* this attempt; the first address of a name may be one that nobody listens on */
    bool stopped, reading;
    bool session_ends;    /* with the next DISCONNECT */
    bool tcp_open;        /* in HANDSHAKE: the socket was writable once */
    bool blocked;         /* the socket took no more: wait for WATCH_WRITE */
    bool read_since_misc; /* the library's idea of "last heard" is fresh */
    int unreleased;       /* QoS 1 messages handed up whose PUBACK waits for mqtt_write */
    int in_call;          /* inside the library, maybe in a callback */
    bool in_read;         /* inside mqtt_read: messages may be handed up */
    int handed;           /* messages and acknowledgements handed up in this mqtt_read */
    bool drop_wanted;     /* mqtt_drop from a callback */
    char drop_why[200], first_why[200];
    struct early *early, **early_end;
};

static void attempt_done(void *arg, bool cancelled);

/* ---- life ---- */

static void library_init(void)
{
    static bool done; /* only the loop's thread makes sessions; the library is never unloaded */
    if (!done) done = mosquitto_lib_init() == MOSQ_ERR_SUCCESS;
}

static char *copy(const char *s)
{
    return s ? xstrdup(s) : NULL;
}

static bool is_numeric(const char *host)
{
    unsigned char address[sizeof(struct in6_addr)];
    return host[0] == '/' || inet_pton(AF_INET, host, address) == 1 ||
           inet_pton(AF_INET6, host, address) == 1;
}

static enum relay_err check_file(const char *path, const char *what, struct reason *why)
{
    enum relay_err err = path ? file_check(path, true, why) : RELAY_OK;
    return err ? fail_in(why, RELAY_INVALID, "%s", what) : RELAY_OK;
}

static enum relay_err check_options(const struct mqtt_options *o, struct reason *why)
{
    if (!o->host || !*o->host) return fail(why, RELAY_INVALID, _("no broker host is given"));
    if (o->host[0] != '/' && (o->port < 1 || o->port > 65535))
        return fail(why, RELAY_INVALID, _("broker port %d is not within 1..65535"), o->port);
    if (!o->client_id || !*o->client_id)
        return fail(why, RELAY_INVALID, _("an MQTT session needs a client id"));
    if (o->keepalive_s != 0 && o->keepalive_s < 5)
        return fail(why, RELAY_INVALID, _("broker keepalive %d s is too short: 0, or 5 and more"),
                    o->keepalive_s);
    if (o->receive_maximum == 0 || o->max_inflight_out < 1 || o->max_inflight_out > 65535)
        return fail(why, RELAY_INVALID, _("an MQTT window must be within 1..65535"));
    if (o->tls_ca && o->host[0] == '/')
        return fail(why, RELAY_INVALID, _("the broker is a unix socket (%s): leave out its TLS settings"),
                    o->host);
    if (!o->tls_ca && (o->tls_cert || o->tls_key))
        return fail(why, RELAY_INVALID, _("a client certificate for the broker needs a CA file as well"));
    if (!o->tls_cert != !o->tls_key)
        return fail(why, RELAY_INVALID,
                    _("a client certificate for the broker needs both certificate and key"));
    enum relay_err err = check_file(o->tls_ca, _("CA"), why);
    if (!err) err = check_file(o->tls_cert, _("certificate"), why);
    if (!err) err = check_file(o->tls_key, _("key"), why);
    return err;
}

enum relay_err mqtt_new(struct loop *l, const struct mqtt_options *o, const struct mqtt_callbacks *cb,
                        struct mqtt **ret, struct reason *why)
{
    enum relay_err err = check_options(o, why);
    if (err) return err;
    library_init();
    struct mqtt *m = xcalloc(1, sizeof(*m));
    m->loop = l;
    m->cb = *cb;
    m->options = *o;
    m->options.host = copy(o->host);
    m->options.username = copy(o->username);
    m->options.password = copy(o->password);
    m->options.tls_ca = copy(o->tls_ca);
    m->options.tls_cert = copy(o->tls_cert);
    m->options.tls_key = copy(o->tls_key);
    m->options.client_id = copy(o->client_id);
    m->options.will_topic = copy(o->will_topic);
    m->options.will_payload = copy(o->will_payload);
    m->numeric = is_numeric(o->host);
    m->watch.fd = -1;
    m->reading = true;
    m->outgoing = xcalloc((size_t)o->max_inflight_out, sizeof(*m->outgoing));
    m->early_end = &m->early;
    *ret = m;
    return RELAY_OK;
}

static void link_free(struct link *k)
{
    if (!k) return;
    if (k->handle) {
        /* Nothing may leave any more, not even TLS's close_notify or what TLS has buffered. */
        int fd = mosquitto_socket(k->handle);
        if (fd >= 0) (void)shutdown(fd, SHUT_RDWR);
        mosquitto_destroy(k->handle);
    }
    free(k->host);
    free(k);
}

static void forget_early(struct mqtt *m)
{
    while (m->early) {
        struct early *e = m->early;
        m->early = e->next;
        free(e);
    }
    m->early_end = &m->early;
}

/* Back to IDLE without a word to anybody. */
static void disconnect_now(struct mqtt *m)
{
    (void)!watch_set(m->loop, &m->watch, -1, 0); /* forgetting cannot fail */
    if (m->state == MQTT_CONNECTING)
        m->link->owner = NULL; /* attempt_done frees it */
    else
        link_free(m->link);
    m->link = NULL;
    m->state = MQTT_IDLE;
    m->blocked = m->tcp_open = m->drop_wanted = false;
    m->unreleased = 0;
    for (int i = 0; i < m->options.max_inflight_out; i++) m->outgoing[i].mid = 0;
    m->n_outgoing = m->out_first = 0;
    forget_early(m);
}

struct mqtt *mqtt_free(struct mqtt *m)
{
    if (!m) return NULL;
    disconnect_now(m);
    for (size_t i = 0; i < m->n_subscriptions; i++) free(m->subscriptions[i].filter);
    free(m->subscriptions);
    free(m->outgoing);
    const char *strings[] = {m->options.host,      m->options.username,   m->options.password,
                             m->options.tls_ca,    m->options.tls_cert,   m->options.tls_key,
                             m->options.client_id, m->options.will_topic, m->options.will_payload};
    for (size_t i = 0; i < ARRAY_LEN(strings); i++)
        free((void *)(uintptr_t)strings[i]); /* ours since mqtt_new */
    free(m);
    return NULL;
}

/* ---- losing a connection ---- */

static int64_t backoff(struct mqtt *m)
{
    int64_t ms = BACKOFF_FIRST_MS;
    for (int i = 0; i < m->failures && ms < BACKOFF_LAST_MS; i++) ms *= 2;
    if (ms > BACKOFF_LAST_MS) ms = BACKOFF_LAST_MS;
    m->failures++;
    /* Half is fixed, half is chance: many sessions do not come back in the same instant. */
    return ms / 2 + (int64_t)arc4random_uniform((uint32_t)(ms / 2 + 1));
}

/* `network`: nobody listened at that address, so another address of the same name is worth a try at once. */
static void lost(struct mqtt *m, bool network, const char *why)
{
    char words[200];
    (void)snprintf(words, sizeof(words), "%s", why); /* it may live in the link that goes away now */
    bool was_up = m->state == MQTT_UP;
    bool other_family = network && !m->numeric && !m->ipv4_only;
    disconnect_now(m);
    if (was_up && m->now.mono - m->up_since >= SETTLED_MS) m->failures = 0;
    if (other_family) {
        m->ipv4_only = true;
        m->due = m->now.mono;
        (void)snprintf(m->first_why, sizeof(m->first_why), "%s", words);
        return;
    }
    if (network && m->ipv4_only) (void)snprintf(words, sizeof(words), "%s", m->first_why);
    m->ipv4_only = false;
    m->due = m->now.mono + backoff(m);
    m->cb.down(m->cb.arg, words);
}

static const char *where(const struct mqtt *m, char *out, size_t size)
{
    if (m->options.host[0] == '/')
        (void)snprintf(out, size, "%s", m->options.host);
    else
        (void)snprintf(out, size, "%s:%d", m->options.host, m->options.port);
    return out;
}

static void lost_connecting(struct mqtt *m, int rc, int error)
{
    char place[160], words[400];
    where(m, place, sizeof(place));
    if (rc == MOSQ_ERR_EAI)
        (void)snprintf(words, sizeof(words), _("cannot find the broker %s: %s"), place, gai_strerror(error));
    else if (rc == MOSQ_ERR_TLS && m->link->log[0])
        (void)snprintf(words, sizeof(words), _("TLS with the broker %s failed: %s"), place, m->link->log);
    else if (rc == MOSQ_ERR_ERRNO)
        (void)snprintf(words, sizeof(words), _("cannot reach the broker %s: %s"), place, strerror(error));
    else
        (void)snprintf(words, sizeof(words), _("cannot connect to the broker %s: %s"), place,
                       mosquitto_strerror(rc));
    lost(m, rc == MOSQ_ERR_ERRNO, words);
}

/* Why a library call failed, or why on_disconnect was called, in words. */
static void lost_up(struct mqtt *m, int rc, int error)
{
    char words[200];
    if (m->link->lost && m->link->lost_code >= 128)
        (void)snprintf(words, sizeof(words), _("the broker ended the session: %s"),
                       mqtt_reason(m->link->lost_code));
    else if (rc == MOSQ_ERR_KEEPALIVE)
        (void)snprintf(words, sizeof(words), "%s", _("the broker stopped answering"));
    else if (rc == MOSQ_ERR_ERRNO && error == EPROTO)
        (void)snprintf(words, sizeof(words), _("TLS failed: %s"), m->link->log);
    else if (rc == MOSQ_ERR_ERRNO)
        (void)snprintf(words, sizeof(words), _("connection lost: %s"), strerror(error));
    else if (rc == MOSQ_ERR_PROTOCOL)
        (void)snprintf(words, sizeof(words), "%s", _("the broker sent something that is not MQTT 5"));
    else /* mosquitto does not say that another client took the session over, so the hint stands here always */
        (void)snprintf(words, sizeof(words),
                       _("the broker closed the connection; it ended, or another program uses client id %s"),
                       m->options.client_id);
    lost(m, false, words);
}

/* After every library call: one place where a lost connection is noticed. True: the session is still there. */
static bool settle(struct mqtt *m, int rc, int error)
{
    if (m->drop_wanted && m->stopped) { /* mqtt_disconnect from a callback */
        disconnect_now(m);
        return false;
    }
    if (m->drop_wanted) {
        char words[sizeof(m->drop_why)];
        (void)snprintf(words, sizeof(words), "%s", m->drop_why);
        lost(m, false, words);
        return false;
    }
    if (rc == MOSQ_ERR_SUCCESS && !m->link->lost && mosquitto_socket(m->link->handle) >= 0) return true;
    if (m->link->lost && rc == MOSQ_ERR_SUCCESS) rc = m->link->lost_code < 128 ? m->link->lost_code : 0;
    if (m->state == MQTT_HANDSHAKE && (rc == MOSQ_ERR_TLS || (rc == MOSQ_ERR_ERRNO && !m->tcp_open)))
        lost_connecting(m, rc, error);
    else
        lost_up(m, rc, error);
    return false;
}

static bool update_watch(struct mqtt *m)
{
    unsigned wanted;
    if (m->state == MQTT_HANDSHAKE)
        /* Handshakes are short: once open, the socket takes all that we send in one. (The library's own want_write
         * stays true through a TLS handshake and would keep the loop awake.) */
        wanted = WATCH_READ | (m->tcp_open ? 0 : WATCH_WRITE);
    else
        wanted = (m->reading ? WATCH_READ : 0) | (m->blocked && m->unreleased == 0 ? WATCH_WRITE : 0);
    if (watch_set(m->loop, &m->watch, mosquitto_socket(m->link->handle), wanted) == RELAY_OK) return true;
    lost(m, false, _("the event loop does not take the broker's socket"));
    return false;
}

/* ---- callbacks of the library ---- */

static void on_log(struct mosquitto *handle, void *arg, int level, const char *line)
{
    (void)handle;
    struct link *k = arg;
    /* The first says most: what follows is OpenSSL's echo of it. */
    if (level == MOSQ_LOG_ERR && !k->log[0]) (void)snprintf(k->log, sizeof(k->log), "%s", line);
}

static void send_subscription(struct mqtt *m, struct subscription *s)
{
    /* A failure here is a lost socket, which settle sees; the next connection subscribes again. */
    (void)mosquitto_subscribe_v5(m->link->handle, &s->mid, s->filter, s->qos, 0, NULL);
}

static void on_connect(struct mosquitto *handle, void *arg, int reason, int flags,
                       const mosquitto_property *props)
{
    (void)handle;
    struct link *k = arg;
    struct mqtt *m = k->owner;
    if (reason != 0) {
        char place[160];
        m->drop_wanted = true;
        (void)snprintf(m->drop_why, sizeof(m->drop_why), _("the broker %s refuses %s: %s"),
                       where(m, place, sizeof(place)), m->options.client_id, mqtt_reason(reason));
        return;
    }
    uint16_t limit = UINT16_MAX, keepalive = m->options.keepalive_s;
    mosquitto_property_read_int16(props, MQTT_PROP_RECEIVE_MAXIMUM, &limit, false);
    mosquitto_property_read_int16(props, MQTT_PROP_SERVER_KEEP_ALIVE, &keepalive, false);
    m->out_limit = limit < m->options.max_inflight_out ? limit : m->options.max_inflight_out;
    m->keepalive_s = keepalive;
    m->state = MQTT_UP;
    m->up_since = m->wrote_at = m->now.mono;
    m->due = m->now.mono;
    m->ipv4_only = false;
    k->log[0] = '\0';
    for (size_t i = 0; i < m->n_subscriptions; i++) send_subscription(m, &m->subscriptions[i]);
    m->cb.up(m->cb.arg, flags & 1);
}

static void on_disconnect(struct mosquitto *handle, void *arg, int code, const mosquitto_property *props)
{
    (void)handle;
    (void)props;
    struct link *k = arg;
    k->lost = true;
    k->lost_code = code;
}

static void hand_up(struct mqtt *m, const struct mqtt_message *message)
{
    m->handed++;
    m->cb.message(m->cb.arg, message);
}

static void on_message(struct mosquitto *handle, void *arg, const struct mosquitto_message *msg,
                       const mosquitto_property *props)
{
    (void)handle;
    (void)props;
    struct link *k = arg;
    struct mqtt *m = k->owner;
    if (m->drop_wanted) return; /* it comes again on the next connection */
    if (msg->qos > 0) m->unreleased++;
    struct mqtt_message message = {.topic = msg->topic,
                                   .payload = msg->payload ? msg->payload : "",
                                   .payload_len = (size_t)msg->payloadlen,
                                   .qos = msg->qos,
                                   .retain = msg->retain};
    if (m->in_read) {
        hand_up(m, &message);
        return;
    }
    size_t topic_size = strlen(message.topic) + 1;
    struct early *e = xmalloc(sizeof(*e) + topic_size + message.payload_len);
    char *bytes = (char *)(e + 1);
    memcpy(bytes, message.topic, topic_size);
    if (message.payload_len) memcpy(bytes + topic_size, message.payload, message.payload_len);
    *e = (struct early){.message = message};
    e->message.topic = bytes;
    e->message.payload = bytes + topic_size;
    *m->early_end = e;
    m->early_end = &e->next;
}

static void on_publish(struct mosquitto *handle, void *arg, int mid, int reason,
                       const mosquitto_property *props)
{
    (void)handle;
    (void)props;
    struct link *k = arg;
    struct mqtt *m = k->owner;
    int n = m->options.max_inflight_out;
    for (int i = 0; i < n; i++) { /* acknowledgements come in order: the first look nearly always finds it */
        int at = (m->out_first + i) % n;
        if (m->outgoing[at].mid != mid) continue;
        uint64_t token = m->outgoing[at].token;
        m->outgoing[at].mid = 0;
        m->n_outgoing--;
        m->out_first = (at + 1) % n;
        m->handed++;
        if (token) m->cb.published(m->cb.arg, token, reason);
        return;
    }
}

static void on_subscribe(struct mosquitto *handle, void *arg, int mid, int n, const int *granted,
                         const mosquitto_property *props)
{
    (void)handle;
    (void)props;
    struct link *k = arg;
    struct mqtt *m = k->owner;
    if (n < 1 || !m->cb.subscribed) return;
    for (size_t i = 0; i < m->n_subscriptions; i++)
        if (m->subscriptions[i].mid == mid) {
            m->cb.subscribed(m->cb.arg, m->subscriptions[i].filter, granted[0]);
            return;
        }
}

/* ---- connecting ---- */

/* OpenSSL would ask the terminal for the passphrase of an encrypted key, and a daemon would wait for ever. */
static int no_passphrase(char *buf, int size, int rwflag, void *userdata)
{
    (void)buf, (void)size, (void)rwflag, (void)userdata;
    return 0;
}

/* Session expiry and packet size have to be in every CONNECT, but only the blocking connect takes properties, and a
 * blocking connect to a dead address lasts two minutes. The library remembers the properties before it looks at the
 * port, so a call with a port that cannot be leaves them set and does nothing else. tests/flow/test_puback.c looks for
 * the session expiry on the wire, in the first CONNECT and in the second. */
static int remember_properties(struct mosquitto *handle, const struct mqtt_options *o)
{
    mosquitto_property *props = NULL;
    int rc = mosquitto_property_add_int32(&props, MQTT_PROP_SESSION_EXPIRY_INTERVAL, o->session_expiry_s);
    if (!rc && o->max_packet)
        rc = mosquitto_property_add_int32(&props, MQTT_PROP_MAXIMUM_PACKET_SIZE, o->max_packet);
    if (!rc) {
        rc = mosquitto_connect_bind_v5(handle, o->host, -1, o->keepalive_s, NULL, props);
        rc = rc == MOSQ_ERR_INVAL ? MOSQ_ERR_SUCCESS : MOSQ_ERR_NOT_SUPPORTED;
    }
    mosquitto_property_free_all(&props);
    return rc;
}

static int configure(struct mosquitto *handle, const struct mqtt_options *o)
{
    int rc =
        mosquitto_threaded_set(handle, true); /* without it a PUBACK would leave before the message is read */
    if (!rc) rc = mosquitto_int_option(handle, MOSQ_OPT_PROTOCOL_VERSION, MQTT_PROTOCOL_V5);
    if (!rc) rc = mosquitto_int_option(handle, MOSQ_OPT_RECEIVE_MAXIMUM, o->receive_maximum);
    if (!rc) rc = mosquitto_int_option(handle, MOSQ_OPT_SEND_MAXIMUM, o->max_inflight_out);
    if (!rc && o->host[0] != '/') rc = mosquitto_int_option(handle, MOSQ_OPT_TCP_NODELAY, 1);
    if (!rc && o->username) rc = mosquitto_username_pw_set(handle, o->username, o->password);
    if (!rc && o->will_topic) {
        int n = o->will_payload ? (int)strlen(o->will_payload) : 0;
        rc = mosquitto_will_set_v5(handle, o->will_topic, n, o->will_payload, 1, true, NULL);
    }
    if (!rc && o->tls_ca) {
        rc = mosquitto_tls_set(handle, o->tls_ca, NULL, o->tls_cert, o->tls_key, no_passphrase);
        if (!rc) rc = mosquitto_tls_opts_set(handle, 1, "tlsv1.2", NULL); /* or later */
    }
    if (!rc) rc = remember_properties(handle, o);
    mosquitto_log_callback_set(handle, on_log);
    mosquitto_connect_v5_callback_set(handle, on_connect);
    mosquitto_disconnect_v5_callback_set(handle, on_disconnect);
    mosquitto_message_v5_callback_set(handle, on_message);
    mosquitto_publish_v5_callback_set(handle, on_publish);
    mosquitto_subscribe_v5_callback_set(handle, on_subscribe);
    return rc;
}

/* On the helper thread, or here when nothing can block. */
static void attempt_work(void *arg)
{
    struct link *k = arg;
    errno = 0;
    k->rc = mosquitto_connect_bind_async(k->handle, k->host, k->port, k->keepalive_s, k->bind);
    k->error = errno;
    if (k->rc == MOSQ_ERR_CONN_PENDING) k->rc = MOSQ_ERR_SUCCESS;
}

static void attempt(struct mqtt *m)
{
    const struct mqtt_options *o = &m->options;
    struct link *k = xcalloc(1, sizeof(*k));
    k->owner = m;
    k->host = xstrdup(o->host);
    k->port = o->host[0] == '/' ? 0 : o->port; /* 0 is how the library is told of a unix socket */
    k->keepalive_s = o->keepalive_s;
    k->bind = m->ipv4_only ? "0.0.0.0" : NULL;
    m->link = k;
    m->state = MQTT_HANDSHAKE;
    k->handle = mosquitto_new(o->client_id, o->clean_start, k);
    int rc = k->handle ? configure(k->handle, o) : MOSQ_ERR_NOMEM;
    if (rc != MOSQ_ERR_SUCCESS) {
        lost_connecting(m, rc, errno);
        return;
    }
    m->state = MQTT_CONNECTING;
    if (m->numeric &&
        !o->tls_ca) { /* nothing to resolve, no CA to load: need not wait behind another's job */
        attempt_work(k);
        attempt_done(k, false);
    } else {
        loop_offload(m->loop, attempt_work, attempt_done, k);
    }
}

static void attempt_done(void *arg, bool cancelled)
{
    struct link *k = arg;
    struct mqtt *m = k->owner;
    if (!m) {
        link_free(k);
        return;
    }
    if (cancelled) return; /* the loop is going away, mqtt_free comes */
    m->state = MQTT_HANDSHAKE;
    m->due = 0;
    m->tcp_open = false;
    if (k->rc != MOSQ_ERR_SUCCESS) {
        lost_connecting(m, k->rc, k->error);
        return;
    }
    int fd = mosquitto_socket(k->handle);
    /* The library closes the socket by itself. A copy of it in a child of ours would keep it in the epoll set, which
     * would then report it for ever, to a watch that may be gone. */
    (void)fcntl(fd, F_SETFD, FD_CLOEXEC); /* it cannot fail on an open descriptor */
    if (m->options.host[0] != '/' && k->keepalive_s) {
        /* A half-open connection shows also while we only write. */
        unsigned ms = 2U * 1000U * (unsigned)k->keepalive_s;
        (void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof(ms)); /* a refinement, not a need */
    }
    (void)update_watch(m);
}

static void handshake(struct mqtt *m)
{
    if (m->due == 0) m->due = m->now.mono + HANDSHAKE_MS;
    unsigned ready = m->watch.ready;
    if (!m->tcp_open && (ready & (WATCH_WRITE | WATCH_ERROR))) {
        int error = 0;
        socklen_t size = sizeof(error);
        (void)getsockopt(m->watch.fd, SOL_SOCKET, SO_ERROR, &error, &size);
        /* OpenSSL may have tried to write already, and taken the error away. */
        struct sockaddr_storage peer;
        size = sizeof(peer);
        if (!error && getpeername(m->watch.fd, (struct sockaddr *)&peer, &size) < 0) error = ECONNREFUSED;
        if (error) {
            lost_connecting(m, MOSQ_ERR_ERRNO, error);
            return;
        }
        m->tcp_open = true;
    }
    if (m->tcp_open && ready) {
        m->in_call++;
        errno = 0;
        int rc = MOSQ_ERR_SUCCESS;
        /* With TLS it is reading that carries the handshake on, also where it has to write. */
        if ((ready & (WATCH_READ | WATCH_ERROR)) || m->options.tls_ca)
            rc = mosquitto_loop_read(m->link->handle, 1);
        if (!rc && !m->link->lost && m->unreleased == 0) rc = mosquitto_loop_write(m->link->handle, 1);
        int error = errno;
        m->in_call--;
        if (!settle(m, rc, error)) return;
        if ((ready & WATCH_ERROR) && m->state == MQTT_HANDSHAKE) {
            /* libmosquitto takes some TLS errors for "not yet": the socket would be ready for ever. */
            lost_connecting(m, MOSQ_ERR_CONN_LOST, 0);
            return;
        }
        if (!update_watch(m) || m->state == MQTT_UP) return;
    }
    if (m->now.mono >= m->due) {
        char place[160], words[300];
        where(m, place, sizeof(place));
        (void)snprintf(words, sizeof(words),
                       m->tcp_open ? _("the broker %s accepted the connection and then said nothing for %d s")
                                   : _("the broker %s did not answer within %d s"),
                       place, HANDSHAKE_MS / 1000);
        lost(m, !m->tcp_open, words);
    }
}

/* ---- being connected ---- */

/* The library writes each packet by itself. Many small ones go out together, which spares both ends most of the work. */
static void cork(struct mqtt *m, bool on)
{
    int value = on;
    (void)setsockopt(m->watch.fd, IPPROTO_TCP, TCP_CORK, &value,
                     sizeof(value)); /* a refinement, not a need */
}

static void flush(struct mqtt *m, int packets)
{
    bool wanted = mosquitto_want_write(m->link->handle);
    if (wanted) {
        bool many = packets >= CORK_PACKETS && m->options.host[0] != '/';
        m->in_call++;
        if (many) cork(m, true);
        errno = 0;
        int rc = mosquitto_loop_write(m->link->handle, 1);
        int error = errno;
        if (many && mosquitto_socket(m->link->handle) >= 0) cork(m, false);
        m->in_call--;
        m->wrote_at = m->now.mono;
        if (!settle(m, rc, error)) return;
    }
    m->blocked = wanted && mosquitto_want_write(m->link->handle);
    (void)update_watch(m);
}

static bool data_waits(const struct mqtt *m)
{
    struct pollfd p = {.fd = m->watch.fd, .events = POLLIN};
    return poll(&p, 1, 0) == 1;
}

static int64_t keepalive_look_ms(const struct mqtt *m)
{
    return m->keepalive_s ? m->keepalive_s * 250LL : MINUTE_MS;
}

/* The library's loop_misc closes a connection whose PINGRESP it has not seen. It must not judge while bytes wait
 * unread: after a long commit or a suspended machine the answer may be among them. */
static bool keep_alive(struct mqtt *m)
{
    if (m->now.mono < m->due) return true;
    int64_t look = keepalive_look_ms(m);
    m->due = (m->now.mono / look + 1) *
             look; /* all sessions look in the same turn: five hundred feeds are one wake */
    if (m->keepalive_s == 0) return true;
    if (!m->reading) {
        /* No answer will be read, so no ping: any packet keeps the session, and this one changes nothing. */
        if (m->now.mono - m->wrote_at >= m->keepalive_s * 750LL && m->unreleased == 0)
            (void)mosquitto_unsubscribe(m->link->handle, NULL,
                                        "tocsin/none"); /* a lost socket shows in flush */
        return true;
    }
    if (!m->read_since_misc && data_waits(m)) return true;
    m->read_since_misc = false;
    m->in_call++;
    errno = 0;
    int rc = mosquitto_loop_misc(m->link->handle);
    int error = errno;
    m->in_call--;
    return settle(m, rc, error);
}

void mqtt_service(struct mqtt *m, struct now now)
{
    m->now = now;
    if (m->in_call) return;
    if (m->state == MQTT_IDLE && !m->stopped && now.mono >= m->due) attempt(m);
    if (m->state == MQTT_HANDSHAKE) handshake(m);
    if (m->state != MQTT_UP) return;
    if (!m->reading && (m->watch.ready & WATCH_ERROR)) {
        lost(m, false, _("the broker closed the connection"));
        return;
    }
    if (!keep_alive(m)) return;
    /* Subscriptions, pings and publishes, but only while no PUBACK is among them. */
    if (m->unreleased == 0 && (!m->blocked || (m->watch.ready & WATCH_WRITE))) flush(m, m->n_outgoing);
}

int64_t mqtt_next_due(const struct mqtt *m)
{
    switch (m->state) {
    case MQTT_IDLE: return m->stopped ? INT64_MAX : m->due;
    case MQTT_CONNECTING: return INT64_MAX;
    case MQTT_HANDSHAKE: return m->due;
    case MQTT_UP: break;
    }
    if (m->early && m->reading) return 0;
    if (m->unreleased == 0 && !m->blocked && mosquitto_want_write(m->link->handle)) return 0;
    return m->due;
}

enum mqtt_state mqtt_state(const struct mqtt *m)
{
    return m->state;
}

void mqtt_set_reading(struct mqtt *m, bool reading)
{
    if (m->reading == reading) return;
    m->reading = reading;
    if (m->state == MQTT_UP && !m->in_call) (void)update_watch(m);
}

/* All of them, however few are asked for: the library has their PUBACKs in one queue with those before, so that nothing
 * could be written until the last is committed. To a slow reader the broker would long be gone by then. */
static void read_early(struct mqtt *m)
{
    while (m->early && !m->drop_wanted) {
        struct early *e = m->early;
        m->early = e->next;
        if (!m->early) m->early_end = &m->early;
        hand_up(m, &e->message);
        free(e);
    }
}

int mqtt_read(struct mqtt *m, int max)
{
    if (m->state != MQTT_UP || !m->reading || m->in_call) return 0;
    if (!m->early && !(m->watch.ready & (WATCH_READ | WATCH_ERROR))) return 0;
    m->in_call++;
    m->in_read = true;
    m->handed = 0;
    read_early(m);
    int rc = MOSQ_ERR_SUCCESS, error = 0;
    /* One call reads one packet; without one it is either half of one, or the end, or a packet that is nothing to our
     * caller. The bound is for a broker that sends only such. */
    for (int calls = 0; m->handed < max && !m->drop_wanted && calls < 4 * max + 16; calls++) {
        int before = m->handed;
        errno = 0;
        rc = mosquitto_loop_read(m->link->handle, 1);
        error = errno;
        if (rc || m->link->lost || m->drop_wanted || mosquitto_socket(m->link->handle) < 0) break;
        if (m->handed == before && (error == EAGAIN || !data_waits(m))) break;
    }
    m->read_since_misc = true;
    m->in_read = false;
    m->in_call--;
    int handed = m->handed;
    if (settle(m, rc, error)) (void)update_watch(m);
    return handed;
}

void mqtt_write(struct mqtt *m)
{
    if (m->state != MQTT_UP || m->in_call) return;
    int packets = m->unreleased + m->n_outgoing;
    m->unreleased = 0;
    for (const struct early *e = m->early; e; e = e->next) m->unreleased += e->message.qos > 0;
    if (m->unreleased) return; /* not handed up yet, so not committed: the next turn does */
    if (m->blocked && !(m->watch.ready & WATCH_WRITE)) {
        (void)update_watch(m); /* wake when it takes more */
        return;
    }
    flush(m, packets);
}

void mqtt_drop(struct mqtt *m, const char *why)
{
    if (m->state == MQTT_IDLE) return;
    if (m->in_call) {
        m->drop_wanted = true;
        (void)snprintf(m->drop_why, sizeof(m->drop_why), "%s", why);
        (void)shutdown(mosquitto_socket(m->link->handle), SHUT_RDWR);
        return;
    }
    lost(m, false, why);
}

void mqtt_end_session(struct mqtt *m)
{
    m->session_ends = true;
}

void mqtt_disconnect(struct mqtt *m, bool with_will)
{
    m->stopped = true;
    if (m->in_call) { /* a callback asked: no goodbye from in there */
        m->drop_wanted = true;
        return;
    }
    /* A goodbye would carry the acknowledgements of what nobody has committed. */
    if (m->state == MQTT_UP && m->unreleased == 0) {
        struct mosquitto *handle = m->link->handle;
        mosquitto_property *props = NULL;
        if (m->session_ends) /* without it the broker keeps the session until it expires, no worse */
            (void)mosquitto_property_add_int32(&props, MQTT_PROP_SESSION_EXPIRY_INTERVAL, 0);
        m->in_call++;
        (void)mosquitto_disconnect_v5(handle, with_will ? MQTT_RC_DISCONNECT_WITH_WILL_MSG : 0, props);
        mosquitto_property_free_all(&props);
        for (int waited = 0; waited <= GOODBYE_MS; waited += 50) {
            if (mosquitto_loop_write(handle, 1) || mosquitto_socket(handle) < 0) break;
            struct pollfd p = {.fd = mosquitto_socket(handle), .events = POLLOUT};
            (void)poll(&p, 1, 50);
        }
        m->in_call--;
    }
    disconnect_now(m);
}

/* ---- sending ---- */

void mqtt_subscribe(struct mqtt *m, const char *filter, int qos)
{
    m->subscriptions = xreallocarray(m->subscriptions, m->n_subscriptions + 1, sizeof(*m->subscriptions));
    struct subscription *s = &m->subscriptions[m->n_subscriptions++];
    *s = (struct subscription){.filter = xstrdup(filter),
                               .qos = qos > 0 ? 1 : 0}; /* never 2: facts of a crash */
    if (m->state == MQTT_UP) send_subscription(m, s);
}

enum relay_err mqtt_publish(struct mqtt *m, const char *topic, const void *payload, size_t n, bool retain,
                            uint32_t expiry_s, uint64_t token)
{
    if (m->state != MQTT_UP || m->drop_wanted) return RELAY_OFFLINE;
    if (m->n_outgoing >= m->out_limit) return RELAY_LIMIT;
    if (n > MQTT_MAX_PAYLOAD) return RELAY_INVALID;
    mosquitto_property *props = NULL;
    if (expiry_s && mosquitto_property_add_int32(&props, MQTT_PROP_MESSAGE_EXPIRY_INTERVAL, expiry_s))
        return RELAY_IO;
    int mid = 0;
    int rc = mosquitto_publish_v5(m->link->handle, &mid, topic, (int)n, payload, 1, retain, props);
    mosquitto_property_free_all(&props);
    switch (rc) {
    case MOSQ_ERR_SUCCESS: break;
    case MOSQ_ERR_NO_CONN: return RELAY_OFFLINE; /* the handle goes away with what it kept */
    case MOSQ_ERR_INVAL:
    case MOSQ_ERR_MALFORMED_UTF8:
    case MOSQ_ERR_PAYLOAD_SIZE:
    case MOSQ_ERR_OVERSIZE_PACKET:
    case MOSQ_ERR_QOS_NOT_SUPPORTED: return RELAY_INVALID;
    default: return RELAY_IO;
    }
    int at = m->out_first;
    while (m->outgoing[at].mid)
        at = (at + 1) % m->options.max_inflight_out; /* there is one: n_outgoing < limit */
    m->outgoing[at] = (struct outgoing){.mid = mid, .token = token};
    m->n_outgoing++;
    return RELAY_OK;
}

int mqtt_inflight(const struct mqtt *m)
{
    return m->n_outgoing;
}

int mqtt_room(const struct mqtt *m)
{
    return m->state == MQTT_UP && m->n_outgoing < m->out_limit ? m->out_limit - m->n_outgoing : 0;
}

bool mqtt_topic_matches(const char *filter, const char *topic)
{
    bool matches = false; /* what is no filter or no topic matches nothing */
    return mosquitto_topic_matches_sub(filter, topic, &matches) == MOSQ_ERR_SUCCESS && matches;
}
