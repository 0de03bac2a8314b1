/* A broker asked in one go, for the command line: may this name log in, what does it allow, what is refused. Blocks; every
 * step has its time-out. The relay itself speaks through mqtt.h.
 *
 *   broker_probe_open -> broker_probe_publish, broker_probe_retained … -> broker_probe_free
 */
#ifndef TOCSIN_IO_BROKER_PROBE_H
#define TOCSIN_IO_BROKER_PROBE_H

#include "io/mqtt.h"

struct broker_probe;

/* What the broker said of itself in CONNACK; -1 where it set no limit. */
struct broker_limits {
    int receive_maximum; /* how many of our messages it takes before it has confirmed them */
    int64_t max_packet;  /* bytes */
    int64_t session_expiry_s;
    bool retain;
    int max_qos;
};

/* RELAY_OFFLINE: nobody there. RELAY_DENIED: the login is refused. The session ends with the probe. */
enum relay_err broker_probe_open(const struct mqtt_options *o, int timeout_ms, struct broker_probe **ret,
                                 struct reason *why) MUST_CHECK;
const struct broker_limits *broker_probe_limits(const struct broker_probe *p);
/* QoS 1, not retained; the reason code of the PUBACK: 0, 16 (nobody listens), 135 (not authorised) … */
enum relay_err broker_probe_publish(struct broker_probe *p, const char *topic, const char *payload,
                                    int *ret_code, struct reason *why) MUST_CHECK;
/* Calls fn for each message of the filter that is there already or comes within wait_ms; it returns true when it has heard
 * enough. */
enum relay_err broker_probe_retained(struct broker_probe *p, const char *filter, int wait_ms,
                                     bool (*fn)(void *arg, const struct mqtt_message *m), void *arg,
                                     struct reason *why) MUST_CHECK;
struct broker_probe *broker_probe_free(struct broker_probe *p); /* takes NULL, returns NULL */

/* Resolves and connects within the time, and closes again. */
enum relay_err tcp_reach(const char *host, int port, int timeout_ms, struct reason *why) MUST_CHECK;
enum relay_err name_resolves(const char *host, struct reason *why) MUST_CHECK;

#endif
