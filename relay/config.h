/* The configuration: design section 12, through one option table (config.c). Everything lives in the configuration's own
 * arena; a reload loads a new one aside and swaps it. Sites may also stand in sites.d beside the file.
 */
#ifndef TOCSIN_RELAY_CONFIG_H
#define TOCSIN_RELAY_CONFIG_H

#include "base/alert.h"
#include "base/err.h"
#include "base/mem.h"
#include "io/mqtt.h"
#include "io/options.h"
#include "matcher.h"

extern const char *const config_site_modes[]; /* "trial" …; NULL at the end */
enum site_mode { SITE_TRIAL, SITE_SCREENS, SITE_LIVE };
enum feed_mode { FEED_SANDBOX, FEED_LIVE };
enum feed_type {
    FEED_BANK,
    FEED_CARRIER,
    FEED_DESK,
    FEED_HUB
}; /* desk: a reporting desk; ward or volunteer */
enum approve { APPROVE_NONE, APPROVE_ONE, APPROVE_TWO };
enum pace { /* when a chat hears of an alert; usual: by audience and level, see pace.c */
            PACE_USUAL,
            PACE_AT_ONCE,
            PACE_APPROVAL,
            PACE_DAILY,
            PACE_WEEKLY,
            PACE_NEVER
};
enum { PACE_A_DAY = 12, PACE_A_RULE = 3 }; /* messages to people; what programs read has no such limit */

struct adapter_ops;

struct relay_options {
    const char *id, *state_dir, *timezone;
    const char *issuer, *help; /* of sites that name none; may be NULL */
    int language;              /* 0 zh-CN, 1 en */
    int log_level;             /* enum log_level by index: 0 error 1 warning 2 info 3 debug */
    int64_t reserve;           /* bytes of disk kept free; below it intake stops */
    int64_t keep_keys, keep_matched, keep_unmatched, keep_deliveries; /* ms; keep_keys also refusals */
    int64_t keep_unmatched_bytes;
    int64_t keep_refusals; /* rows a feed */
    int64_t fresh, announce_again, announce_per_day, approval_timeout, wide_sites;
    int64_t silence_reminder; /* 0: never */
    const struct yaml_node *at;
};
struct tls_files {
    const char *ca, *cert, *key; /* NULL where not given */
};
struct broker_options {
    const char *host; /* a path of a unix socket begins with / */
    const char *username, *password_file, *prefix;
    int64_t port, keepalive; /* keepalive ms */
    struct tls_files tls;    /* all NULL: no TLS */
    const struct yaml_node *at;
};
/* The part of a session's options that the configuration decides; the rest is the session's own. */
static inline struct mqtt_options broker_session(const struct broker_options *b, const char *username,
                                                 const char *password)
{
    return (struct mqtt_options){.host = b->host,
                                 .port = (int)b->port,
                                 .username = username,
                                 .password = password,
                                 .tls_ca = b->tls.ca,
                                 .tls_cert = b->tls.cert,
                                 .tls_key = b->tls.key,
                                 .keepalive_s = (uint16_t)(b->keepalive / SECOND_MS)};
}
struct http_options {
    struct opt_strs listen; /* "127.0.0.1:8480", "[::1]:8480"; see address_listen */
    struct tls_files tls;   /* cert and key, or neither; ca unused */
    bool behind_proxy;
    const char *public_address; /* "https://…" without a slash at the end; NULL: the first of listen */
    const struct yaml_node *at;
};
struct rules_options {
    struct opt_strs packs; /* folders */
    const struct yaml_node *at;
};
struct drill_options {        /* the month's proficiency drill */
    int64_t day;              /* of the month; 0: none is planned */
    struct opt_windows hours; /* one */
    int64_t remind;           /* the duty groups are told so long before */
    const struct yaml_node *at;
};
struct limit_options { /* design section 13 */
    int64_t turn_events, http, http_target, mqtt, streams, rules, alerts, targets, feeds, waiting, answer;
};
struct feed_config {
    const char *id, *name;
    int type;         /* enum feed_type */
    int source;       /* 0 mqtt, 1 file */
    const char *path; /* source: file */
    struct opt_strs
        areas;      /* codes without trailing 00; an event outside is refused; the first is the guess */
    double rate;    /* events a second */
    int64_t window; /* Receive Maximum, 1..500 */
    int mode;       /* enum feed_mode */
    bool may_broadcast;
    int64_t silent_after; /* ms without event or heartbeat before the alarm; 0: never */
    const struct yaml_node *at;
};
struct zone_config {
    const char *id, *class, *name;
    bool drills;
    const struct yaml_node *at;
};
struct ward_config {
    const char *id, *name;
    bool drills, night;
    int takeover; /* enum takeover */
    struct opt_windows quiet;
    const struct yaml_node *at;
};
struct site_config {
    const char *id, *name;
    const char *area;          /* without trailing 00 */
    const char *issuer, *help; /* relay's where the site names none; may be NULL */
    int mode;                  /* enum site_mode */
    struct opt_strs reminders; /* the hospital's own, for its screens */
    struct opt_blocks zones;   /* struct zone_config */
    struct opt_blocks wards;   /* struct ward_config */
    const struct yaml_node *at;
};
struct pace_options {
    int red, red_possible, orange, yellow, blue; /* enum pace */
    int64_t a_day, a_rule;                       /* messages a day; 0: no limit; -1: usual */
    const char *digest_at;                       /* "10:00" */
    int digest_minute;                           /* … since midnight */
    int digest_day;                              /* of the weekly one: 0 Sunday … 6 */
    int64_t digest_spread;                       /* ms sooner or later, by a hash of the target */
};
struct chat_config {
    const char *id, *type, *name, *issuer;
    int audience;          /* enum audience */
    struct opt_strs areas; /* empty: everywhere; without trailing 00 */
    struct opt_windows quiet;
    bool night, drills;
    double rate; /* messages a second; 0: the channel's own */
    struct pace_options pace;
    const struct adapter_ops *adapter; /* of type */
    struct opt_extra own;              /* own.values: by adapter->options, what target->options is */
    const struct yaml_node *at;
};
struct step_config {       /* one step of the clock that runs until a named person acknowledges */
    int64_t after;         /* since the alert was accepted */
    struct opt_strs chats; /* all, or audiences, or ids */
    const struct yaml_node *at;
};
struct route_config { /* Alertmanager's words */
    const char *receiver;
    struct opt_strs matchers; /* as written */
    struct label_matchers compiled;
    struct opt_strs group_by; /* the root's only */
    unsigned group_labels;    /* group_by: bit 1u << enum label */
    bool continue_;
    int approve;                                         /* enum approve */
    int64_t group_wait, group_interval, repeat_interval; /* the enclosing route's where not given; 0: none */
    struct opt_blocks escalate;                          /* struct step_config; the enclosing route's too */
    struct opt_blocks routes;                            /* struct route_config */
    const struct receiver_config *to;                    /* of receiver */
    const struct yaml_node *at;
};
struct receiver_config {
    const char *name;
    struct opt_strs pa;       /* announce, bulletin */
    struct opt_strs displays; /* all, or sites, or site/ward */
    struct opt_strs chats;    /* all, or audiences, or ids */
    const struct yaml_node *at;
};
struct relay_config {
    struct arena arena;
    const char *file;
    struct relay_options relay;
    struct broker_options broker;
    struct http_options http;
    struct rules_options rules;
    struct limit_options limits;
    struct drill_options drill;
    struct opt_blocks feeds, sites, chats, receivers;
    struct route_config route;
};

extern const struct opt_row relay_config_rows[];

/* -c FILE's, else TOCSIN_CONFIG's, else /etc/tocsin/tocsin.yaml. given may be NULL. */
const char *config_path(const char *given);

/* Loads and checks: ids unique, receivers exist, areas are codes, matchers parse, beyond loopback needs TLS or a proxy.
 * Every problem is one line "file:line: key: what, and what to do". Reads *.yaml of sites.d beside the file as well.
 * Opens no secret, so that every user of the command line can load it. */
enum relay_err config_load(const char *path, struct relay_config **ret,
                           struct opt_problems *problems) MUST_CHECK;
/* The same from memory, without sites.d: for tests. */
enum relay_err config_load_text(const char *name, const char *text, size_t n, struct relay_config **ret,
                                struct opt_problems *problems) MUST_CHECK;
/* What only the daemon's user can see: secrets and certificates can be read, and by nobody else; folders exist. */
enum relay_err config_check_files(const struct relay_config *c, struct opt_problems *problems) MUST_CHECK;
struct relay_config *config_free(struct relay_config *c);

const char *config_language(const struct relay_config *c); /* for i18n_init */

const struct site_config *config_site(const struct relay_config *c, const char *id); /* NULL: none */
/* RELAY_NOT_FOUND with where to look. */
enum relay_err config_site_find(const struct relay_config *c, const char *id, const struct site_config **ret,
                                struct reason *why) MUST_CHECK;

#endif
