/* An MQTT 5 session over libmosquitto in threaded-external mode: reading never writes.
 *
 * libmosquitto queues a QoS 1 PUBACK before it calls back, but in this mode the byte leaves only in
 * mosquitto_loop_write, that is in mqtt_write. So: mqtt_read a batch, commit, mqtt_write; and a commit that fails
 * means mqtt_drop, which closes the socket without writing, so that the broker sends the batch again.
 * This is behaviour and not contract of the library: tests/flow/test_puback.c holds it on the wire.
 *
 *   mqtt_new -> mqtt_subscribe … -> mqtt_service once a turn { mqtt_read -> (commit) -> mqtt_write } -> mqtt_free
 *
 * All callbacks run inside mqtt_read, mqtt_write or mqtt_service on the loop's thread; `message` only inside mqtt_read.
 * From a callback every call is allowed but mqtt_free; mqtt_read and mqtt_write do nothing there. Connecting (with name
 * resolution) runs by loop_offload; meanwhile the session is MQTT_CONNECTING and every call is safe.
 * While not MQTT_UP nothing is handed to libmosquitto: mqtt_publish answers RELAY_OFFLINE.
 * A new connection is a new libmosquitto handle, so that nothing of an old one is ever sent by itself.
 */
#ifndef TOCSIN_IO_MQTT_H
#define TOCSIN_IO_MQTT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "io/loop.h"

struct mqtt;

enum mqtt_state { MQTT_IDLE, MQTT_CONNECTING, MQTT_HANDSHAKE, MQTT_UP };

struct mqtt_options {
    const char *host; /* name, address, or the path of a unix socket (begins with /) */
    int port;
    const char *username; /* NULL: none */
    const char *password;
    const char *tls_ca; /* NULL: no TLS. TLS 1.2 or later, the name is checked */
    const char *tls_cert, *tls_key;
    const char *client_id;
    bool clean_start;
    uint32_t session_expiry_s; /* sent in every CONNECT */
    uint16_t receive_maximum;  /* 1..65535: how many unacknowledged messages the broker may send */
    uint32_t max_packet;       /* bytes; 0: the library's */
    uint16_t keepalive_s;      /* 0, or 5 and more */
    const char *will_topic, *will_payload; /* retained, QoS 1; NULL: none */
    int max_inflight_out; /* outgoing QoS 1 messages not yet acknowledged; over it RELAY_LIMIT */
};

struct mqtt_message {
    const char *topic;
    const char *payload; /* not NUL-terminated */
    size_t payload_len;
    int qos;
    bool retain;
};

struct mqtt_callbacks {
    void (*message)(void *arg, const struct mqtt_message *m);
    /* The broker's word on a publish: reason code < 128 and not 16 is delivered to someone; see mqtt_reason. */
    void (*published)(void *arg, uint64_t token, int reason_code);
    void (*up)(void *arg, bool session_present); /* subscriptions were sent again before this */
    /* The connection is gone, or an attempt failed; the next one is at mqtt_next_due. Every outstanding publish is
     * forgotten: send it again. Not called for mqtt_disconnect and mqtt_free. */
    void (*down)(void *arg, const char *why);
    /* The broker's answer to a subscription: the granted QoS, or a reason code >= 128. NULL: not wanted. */
    void (*subscribed)(void *arg, const char *filter, int reason_code);
    void *arg;
};

enum relay_err mqtt_new(struct loop *l, const struct mqtt_options *o, const struct mqtt_callbacks *cb,
                        struct mqtt **ret, struct reason *why) MUST_CHECK; /* copies the options */
struct mqtt *mqtt_free(struct mqtt *m); /* drops the connection without a DISCONNECT; takes NULL */

/* Remembered and sent on every connect, and at once when up. */
void mqtt_subscribe(struct mqtt *m, const char *filter, int qos);

enum mqtt_state mqtt_state(const struct mqtt *m);
int64_t mqtt_next_due(const struct mqtt *m); /* mono: reconnect or keepalive; INT64_MAX while connecting */

/* Connects and reconnects (1 s doubling to 60 s, jittered), keeps alive, sees time-outs. Writes nothing to the socket
 * that acknowledges anything: while messages wait for mqtt_write or mqtt_drop, it writes nothing at all. */
void mqtt_service(struct mqtt *m, struct now now);

/* Pausing leaves the socket unread; the broker stops at receive_maximum. The session stays alive. Default: reading. */
void mqtt_set_reading(struct mqtt *m, bool reading);

/* Reads what the last loop_wait found, at most max packets (with TLS up to one record more). Calls message and
 * published, and returns how many of them. Never writes. */
int mqtt_read(struct mqtt *m, int max);

/* Writes what is queued: PUBACKs of committed messages, publishes, pings. */
void mqtt_write(struct mqtt *m);

/* Closes the socket without a byte: everything unacknowledged comes again after the reconnect. */
void mqtt_drop(struct mqtt *m, const char *why);
/* The next mqtt_disconnect ends the session at the broker as well: nothing is kept for it any more. */
void mqtt_end_session(struct mqtt *m);
/* Writes what is queued, then DISCONNECT (with_will: reason 0x04, so that the last will is published). Like mqtt_drop, and
 * with the last will, while messages are read for which mqtt_write was not called: they are not acknowledged. */
void mqtt_disconnect(struct mqtt *m, bool with_will);

/* QoS 1. token is handed back in published; 0: not wanted (still counted in flight). expiry_s 0: none.
 * RELAY_OFFLINE, RELAY_LIMIT (try after the next published), RELAY_INVALID (a topic or size that no try will mend),
 * RELAY_IO. The payload is copied. It leaves in mqtt_write, or in the next mqtt_service. */
enum relay_err mqtt_publish(struct mqtt *m, const char *topic, const void *payload, size_t n, bool retain,
                            uint32_t expiry_s, uint64_t token) MUST_CHECK;
int mqtt_inflight(const struct mqtt *m);
int mqtt_room(
    const struct mqtt *m); /* how many more mqtt_publish would take now; the broker may allow fewer than we */

bool mqtt_topic_matches(const char *filter, const char *topic); /* with + and # */
const char *mqtt_reason(int reason_code); /* words for a v5 reason code; 16 is "no subscriber" */

#endif
