/* The configuration: design section 12, through one option table (config.c). Everything lives in the configuration's own
 * arena; a reload loads a new one aside and swaps it. Sites may also stand in sites.d beside the file.
 */
#ifndef TOCSIN_RELAY_CONFIG_H
#define TOCSIN_RELAY_CONFIG_H

#include "base/alert.h"
#include "base/err.h"
#include "base/mem.h"
#include "io/options.h"

enum site_mode { SITE_TRIAL, SITE_SCREENS, SITE_LIVE };
enum feed_mode { FEED_SANDBOX, FEED_LIVE };
enum feed_type {
    FEED_BANK,
    FEED_CARRIER,
    FEED_DESK,
    FEED_HUB
}; /* desk: a reporting desk; ward or volunteer */
enum approve { APPROVE_NONE, APPROVE_ONE, APPROVE_TWO };

struct relay_options {
    const char *id, *state_dir, *timezone, *issuer, *help;
    int language;    /* 0 zh-CN, 1 en */
    int64_t reserve; /* bytes of disk kept free; below it intake stops */
    int64_t keep_keys, keep_matched, keep_unmatched, keep_deliveries; /* ms */
    int64_t keep_unmatched_bytes;
    int64_t keep_refusals; /* rows a feed */
    int64_t fresh, announce_again, announce_per_day, approval_timeout, wide_sites;
    int log_level; /* 0 error 1 warning 2 info 3 debug */
};
struct broker_options {
    const char *host, *username, *password_file, *prefix, *tls_ca, *tls_cert, *tls_key;
    int64_t port, keepalive; /* keepalive ms */
};
struct http_options {
    struct opt_strs listen; /* "127.0.0.1:8480" */
    const char *tls_cert, *tls_key;
    bool behind_proxy;
    int64_t max_in_flight, max_sse;
};
struct rules_options {
    struct opt_strs packs;
};
struct feed_config {
    const char *id, *name;
    int type;              /* enum feed_type */
    int source;            /* 0 mqtt, 1 file */
    const char *path;      /* source: file */
    struct opt_strs areas; /* codes; an event outside is refused; the first is the guess */
    double rate;           /* events a second */
    int64_t window;        /* Receive Maximum, 1..500 */
    int mode;              /* enum feed_mode */
    bool may_broadcast;
    int64_t silent_after; /* ms without event or heartbeat before the alarm; 0: never */
};
struct zone_config {
    const char *id, *class, *name;
    bool drills;
};
struct ward_config {
    const char *id, *name;
    bool drills, night;
    int takeover; /* 0 none 1 banner 2 full */
    struct opt_windows quiet;
};
struct site_config {
    const char *id, *name, *area, *issuer, *help;
    int mode;                /* enum site_mode */
    struct opt_blocks zones; /* struct zone_config */
    struct opt_blocks wards; /* struct ward_config */
};
struct chat_config {
    const char *id, *type, *name, *issuer;
    int audience;          /* enum audience */
    struct opt_strs areas; /* empty: everywhere */
    struct opt_windows quiet;
    bool night, drills;
    double rate;                  /* messages a second; 0: the channel's own */
    const struct yaml_node *node; /* the adapter's own options are read from the same block */
};
struct route_config { /* Alertmanager's words */
    const char *receiver;
    struct opt_strs matchers, group_by;
    bool continue_;
    int approve; /* enum approve */
    int64_t group_wait, group_interval, repeat_interval;
    struct opt_blocks routes; /* struct route_config */
};
struct receiver_config {
    const char *name;
    struct opt_strs pa;       /* announce, bulletin */
    struct opt_strs displays; /* all, or sites, or site/ward */
    struct opt_strs chats;    /* all, or audiences, or ids */
};
struct relay_config {
    struct arena arena;
    const char *file;
    struct relay_options relay;
    struct broker_options broker;
    struct http_options http;
    struct rules_options rules;
    struct opt_blocks feeds, sites, chats, receivers;
    struct route_config route;
};

extern const struct opt_row relay_config_rows[];

/* Loads and checks: ids unique, receivers exist, areas are codes, matchers parse, beyond loopback needs TLS or a proxy,
 * http chats need allow_insecure. Every problem is one line "file:line: key: what, and what to do". */
enum relay_err config_load(const char *path, struct relay_config **ret,
                           struct opt_problems *problems) MUST_CHECK;
struct relay_config *config_free(struct relay_config *c);

#endif
