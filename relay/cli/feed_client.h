/* What `tocsin feed push` and `tocsin feed check` share: who is speaking, to which broker. They are the carrier's side:
 * they know MQTT and the topics, and nothing of a relay's configuration or store. */
#ifndef TOCSIN_RELAY_CLI_FEED_CLIENT_H
#define TOCSIN_RELAY_CLI_FEED_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "io/loop.h"
#include "io/mqtt.h"

struct feed_client {
    const char *feed;
    const char *host, *unix_path; /* unix_path wins */
    int port;                     /* 0: 1883, with TLS 8883 */
    const char *username, *password_file, *tls_ca, *tls_cert, *tls_key;
    const char *prefix;
    /* push */
    const char *input; /* NULL: standard input */
    const char *csv;   /* the mapping of a CSV file; NULL: the input is JSON lines */
    const char *spool;
    double rate;        /* a second; 0: as fast as it goes */
    int64_t timeout_ms; /* 0: none */
    bool json;
};

/* A session of the feed's own; nothing of it stays at the broker. */
enum relay_err feed_client_connect(const struct feed_client *c, const char *role, int max_inflight,
                                   struct loop *l, const struct mqtt_callbacks *cb, struct mqtt **ret,
                                   struct reason *why) MUST_CHECK;
/* "<prefix>/feeds/<feed>/<last>"; the caller frees. */
char *feed_client_topic(const struct feed_client *c, const char *feed, const char *last);
char *feed_client_receipts(const struct feed_client *c);

int feed_push(const struct feed_client *c); /* exit codes */
int feed_check(const struct feed_client *c);

/* feed_sample.c: prints events with the times of now; no broker, no feed. argv[0] is "sample". */
int feed_sample(int argc, char **argv);

#endif
