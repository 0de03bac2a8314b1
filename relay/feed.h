/* The seam to where events come from: read a batch, release its acknowledgements. Design sections 4, 5 and 14.
 *
 *   feed_open -> each turn { feed_service; feed_read -> sink … (commit) feed_release | feed_refuse } -> feed_close
 *
 * feed_mqtt.c: one durable session a feed. feed_file.c: a file of event lines, for replay and tests.
 */
#ifndef TOCSIN_RELAY_FEED_H
#define TOCSIN_RELAY_FEED_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "config.h"
#include "io/loop.h"

struct feed;

/* What a feed hands up, inside feed_read. Bytes are borrowed for the call. */
struct feed_sink {
    void (*event)(void *arg, struct feed *f, const char *bytes, size_t n);
    void (*heartbeat)(void *arg, struct feed *f, const char *bytes, size_t n);
    /* qos 0, retained, or a topic that is none of ours: counted, and the reason logged once a minute */
    void (*odd)(void *arg, struct feed *f, const char *what);
    void (*link)(void *arg, struct feed *f, int up, const char *why); /* connected, lost */
    void *arg;
};

struct feed_ops {
    const char *name; /* "mqtt", "file" */
    enum relay_err (*open)(struct feed *f, struct loop *l, struct reason *why);
    void (*service)(struct feed *f, struct now now); /* connect, keep alive; never acknowledges */
    int (*read)(struct feed *f, int max);            /* at most max events; returns how many */
    void (*release)(struct feed *f);                 /* committed: acknowledgements may leave */
    void (*refuse)(struct feed *f,
                   const char *why); /* not committed: all since the last release come again */
    void (*set_reading)(struct feed *f, int reading);
    int64_t (*next_due)(const struct feed *f);
    /* The receipts of this commit, one message. NULL, or when it fails: the relay's out session sends it. */
    enum relay_err (*receipt)(struct feed *f, const char *json, size_t n);
    /* Before close, when the configuration has the feed no more: nothing is to be kept for us. NULL: nothing ever is. */
    void (*leave)(struct feed *f);
    void (*close)(struct feed *f);
};

/* Core state of a feed; one per configured feed, owned by feeds.c. */
struct feed {
    const struct feed_ops *ops;
    const struct feed_config *config;
    const struct relay_config *relay;
    const struct feed_sink *sink;
    void *ctx;         /* the kind's own */
    double tokens;     /* of the rate; a feed without any is not read */
    int64_t tokens_at; /* mono */
    int index;
    int64_t db_id; /* row in the feed table */
};

extern const struct feed_ops feed_mqtt_ops;
extern const struct feed_ops feed_file_ops;

#endif
