/* A way out: a kind of chat, screen or loudspeaker. Start here; null.c is the smallest, skeleton.c is to be copied.
 *
 * Life cycle, all on the loop's thread:
 *   open   once a kind that some target uses; may fail, and says why. May register on_http and on_topic.
 *   check  once a target at load and reload: reads what the options cannot say (a key file), fills target->state.
 *          `tocsin check` calls it too, with a ctx that was never opened (all zero), and changes nothing by it.
 *   send   finishes `op` exactly once, now or later, by send_done. Borrows target and messages until then.
 *   close  idempotent; takes a half-open ctx; every op still open is finished as SEND_UNKNOWN by the core before.
 *
 * An adapter formats from the messages it is given and nothing else; it never sleeps, schedules, retries or touches
 * the store. The core owns backoff, token buckets, folding, pausing, replay.
 */
#ifndef TOCSIN_ADAPTERS_ADAPTER_H
#define TOCSIN_ADAPTERS_ADAPTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/alert.h"
#include "base/clock.h"
#include "base/delivery.h"
#include "base/err.h"
#include "io/http_client.h"
#include "io/http_server.h"
#include "io/options.h"

enum target_kind {
    TARGET_MESSAGE, /* each delivery is one message (several: a digest that lists them, gravest first) */
    TARGET_STATE    /* send gets the snapshot of all that is in force; n may be 0: show nothing */
};

/* One place in the world: a chat, a zone, a ward, a site's bulletin. Owned by the core; the adapter owns state. */
struct target {
    const char *id;    /* "wecom:redgoose", "pa:xjtu-1/hall", "board:xjtu-1/w3", "bulletin:xjtu-1" */
    const char *site;  /* NULL for chats */
    const char *place; /* zone, ward or chat id; NULL for a bulletin */
    const char *name;  /* as people call it */
    enum audience audience;
    const void *options; /* a struct of ops->options_size, filled by ops->options */
    void *state;         /* the adapter's own, from check; freed by ops->forget */
};

/* One alert revision with its committed texts. NULL where the rule has none. */
struct message {
    const char *delivery; /* "<alert>.<rev>/<target>" */
    const char *short_id; /* 5 characters */
    const char *alert;    /* id without revision */
    int rev;
    const char *identifier; /* "<alert>.<rev>" */
    const char *references; /* earlier identifiers, space-separated; "" */
    enum cap_status status;
    enum msg_type msg_type;
    enum level level;
    enum certainty certainty;
    const char *rule, *category;
    int64_t sent, since, expires; /* wall ms */
    int count;
    const char *voice, *voice_short, *rhyme;
    const char *headline;
    const char *lines[3];
    int n_lines;
    const char *chat; /* for this target's audience, all slots filled, marks for drills included */
    const char *issuer;
    int attempt;        /* 1 for the first; those that never arrived count too */
    int replays;        /* how often a person has sent it once more, after its end */
    bool said_before;   /* one has arrived, or may have */
    bool may_be_repeat; /* an earlier attempt may have arrived: mark with short_id */
};

struct snapshot {
    int64_t rev; /* never goes back for this target */
    struct now now;
};

enum send_result {
    SEND_SENT,     /* the channel's own word: done, or taken (a confirming kind reports the rest later) */
    SEND_RETRY,    /* after retry_after_ms, or the core's backoff when 0 */
    SEND_REJECTED, /* these deliveries can never succeed */
    SEND_UNKNOWN   /* it may have arrived: the core sends one marked retry, then `unconfirmed` */
};
enum target_effect {
    TARGET_GOES_ON,
    TARGET_PAUSE /* for retry_after_ms */,
    TARGET_DISABLE /* until reload or a person */
};

struct send_outcome {
    enum send_result result;
    int64_t retry_after_ms;
    enum target_effect effect;
    char reason[200]; /* "errcode 45009 (api freq out of limit)": no text of messages, no key */
};

struct send;                                                         /* one operation, owned by the core */
void send_done(struct send *op, const struct send_outcome *outcome); /* exactly once; op is gone after */

/* What a device or a person says of deliveries; applied in this turn's commit. Strings are copied. */
struct report {
    const char *target;   /* needed */
    const char *delivery; /* one delivery, or NULL with rev: all that were in that snapshot */
    int64_t rev;
    const char
        *state; /* "accepted", "playing", "played", "skipped", "failed", "displayed", "acknowledged" … */
    int64_t at; /* wall ms by the device; 0: now */
    const char *detail;
};

struct cards;

/* What the core offers to an adapter. Valid during open only: an adapter that needs it later keeps a copy. */
struct adapter_env {
    struct http_client *http;
    const char *prefix; /* "tocsin/v1" */
    const char *relay_id;
    void *core; /* handed back to the functions below */
    struct now (*now)(void *core);
    /* Publishes on <relay.id>.out and finishes op with the broker's word (SENT; RETRY while offline or full).
     * op may be NULL: nobody waits. expiry_ms 0: none. */
    void (*publish)(void *core, const char *topic, const char *payload, size_t n, bool retain,
                    int64_t expiry_ms, struct send *op);
    void (*on_topic)(void *core, const char *filter,
                     void (*fn)(void *ctx, const char *topic, const char *payload, size_t n), void *ctx);
    void (*on_http)(void *core, const char *method, const char *path, http_handler_fn fn, void *ctx);
    void (*report)(void *core, const struct report *r);
    const struct target *(*find_target)(void *core, const char *id);
    /* A state target has something else to show, at `at` (wall ms; 0: now): send gets a snapshot then. One time is kept for
     * a target, the latest that was asked for. */
    void (*refresh)(void *core, const char *target, int64_t at);
    bool (*broker_up)(void *core);
    const uint8_t *secret; /* 16 bytes: for the tokens of pages; the same after every restart */
    size_t max_streams;    /* limits.streams */
    /* Every target of one adapter, in configuration order; NULL at the end. */
    const struct target *(*target_at)(void *core, const char *adapter, size_t i);
    struct cards *cards; /* cards.h: the picture cards of warnings; NULL: none are drawn */
    /* http.public_address, under which pictures can be had; NULL (the function or its answer): they cannot. */
    const char *(*public_address)(void *core);
};

enum { AGAIN_FOREVER = -1 };

struct adapter_ops {
    const char *name; /* prefix of target ids: "wecom", "pa", "bulletin", "board", "file", "null" */
    enum target_kind kind;
    bool confirms; /* `sent` is not the end: played, displayed follows */
    bool programs; /* programs read it, not people: it hears everything at once, however much */
    /* Confirming messages: waits before each repeat, until somebody reports it accepted. AGAIN_FOREVER repeats the last
     * wait, 0 ends them. NULL: it is said once. */
    const int64_t *again;
    const struct opt_row *options; /* per target; NULL: none */
    size_t options_size, ctx_size; /* ctx comes zeroed */
    double rate_per_minute;        /* the channel's own limit; 0: none */
    /* All but send may be NULL. */
    /* How many of the channel's messages one delivery to this target takes as a rule; NULL: 1. */
    int (*messages)(const void *options);
    enum relay_err (*open)(void *ctx, const struct adapter_env *env, struct reason *why);
    enum relay_err (*check)(void *ctx, struct target *t, struct reason *why);
    void (*forget)(void *ctx, struct target *t);
    void (*send)(void *ctx, const struct target *t, const struct message *m, size_t n,
                 const struct snapshot *s, struct send *op);
    void (*close)(void *ctx);
};

extern const struct adapter_ops *const adapter_list[]; /* list.c; NULL at the end */
const struct adapter_ops *adapter_find(const char *name);
/* The wait before the next repeat of what was said `repeats` times more than once; -1: no more. */
int64_t adapter_again(const struct adapter_ops *ops, int repeats);

#endif
