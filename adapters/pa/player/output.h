/* A way to a loudspeaker. Start here; output_file.c is the smallest.
 *
 * Life cycle, all on the loop's thread:
 *   open   with its options read; may fail, and says why: then the player goes on without it, and each play tries again.
 *          Also run by `tocsin-pa check`.
 *   start  begins one play; every play that was started ends exactly once by output_ended, now or later. Borrows the play
 *          until then. A failure here is the play's end: output_ended is not called.
 *   stop   silences it now; output_ended(PLAY_STOPPED) follows within 200 ms.
 *   turn   once a loop turn: moves what waits for a time.
 *   close  idempotent; takes a half-open state; plays still open end without a word.
 *
 * An output says PLAY_DONE only when it knows that the sound was played to its end. It never retries or schedules: the
 * station does, and air.c while another output of the zone plays. PLAY_REFUSED is for what no second try can help: a wrong
 * password, an address that is nobody's. One that can do one thing at a time refuses a second play with RELAY_CONFLICT.
 */
#ifndef TOCSIN_PLAYER_OUTPUT_H
#define TOCSIN_PLAYER_OUTPUT_H

#include "base/buf.h"
#include "io/http_client.h"
#include "io/options.h"
#include "player/child.h"
#include "player/rtp.h"
#include "player/station.h"

struct output;

/* What an output may use. */
struct output_env {
    struct loop *loop;
    struct child_set *children;
    struct rtp_pacer *pacer;
    struct http_client *http;
    const char *site;
};

/* One play on one output. */
struct output_play {
    struct output *output;
    const struct play *play;
    const char *zone, *zone_name;
    void *state; /* ops->play_size bytes, zeroed */
    void *owner; /* air.c's */
};

struct output_ops {
    const char *name;              /* as `type:` says it */
    const struct opt_row *options; /* of its block, beside id and type; NULL: none */
    size_t options_size, state_size, play_size;
    /* Writes what no second output may go to: the card, the number, the folder. True: one sound at a time there, so zones
     * that have this output in common take turns. NULL: any number of sounds, wherever they go. */
    bool (*place)(const void *options, struct buf *out);
    enum relay_err (*open)(struct output *o, struct reason *why);
    enum relay_err (*start)(struct output *o, struct output_play *p, struct now now, struct reason *why);
    void (*stop)(struct output *o, struct output_play *p, struct now now);
    void (*turn)(struct output *o, struct now now); /* NULL: nothing waits */
    int64_t (*next_due)(const struct output *o);    /* mono; NULL: never */
    void (*close)(struct output *o);
};

struct output {
    const char *id;
    const struct yaml_node *at; /* where it was written */
    const struct output_ops *ops;
    const void *options;
    void *state;
    const struct output_env *env;
    bool single; /* as place says */
    bool is_open;
};

/* Exactly once a started play; p is gone after. detail: a few words, without anything secret; may be NULL. */
void output_ended(struct output_play *p, struct now now, enum play_end end, const char *detail);

/* Nothing when it is open. What a failed open leaves is closed, and it can be tried again. */
enum relay_err output_open(struct output *o, struct reason *why) MUST_CHECK;
void output_close(struct output *o);

extern const struct output_ops *const output_list[]; /* output_list.c; NULL at the end */
const struct output_ops *output_find(const char *name);

#endif
