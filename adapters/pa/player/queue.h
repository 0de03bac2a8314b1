/* What waits and plays in one zone, and what happens next. Pure: the world is in struct conditions, time is a parameter,
 * and nothing here starts or stops anything; the station (station.h) does what queue_decide says.
 *
 *   queue_add -> { queue_decide -> the station acts } … -> queue_remove
 *
 * An item: PREPARING (no sound yet) -> WAITING -> PLAYING -> (STOPPING) -> gone, or WAITING again when it resumes.
 * Higher priority goes first and takes the loudspeaker from a lower one; of equals the first come. Whatever comes from
 * outside (a queue call, a clinical code, fire) stands above all that is ours.
 */
#ifndef TOCSIN_PLAYER_QUEUE_H
#define TOCSIN_PLAYER_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "player/why.h"

enum priority {
    PRIORITY_NONE,
    PRIORITY_TONE,     /* a test tone */
    PRIORITY_REMINDER, /* a slot with nothing but a house reminder */
    PRIORITY_SLOT,     /* a slot with warnings */
    PRIORITY_DIGEST,   /* what quiet hours kept back */
    PRIORITY_DRILL,
    PRIORITY_CORRECTION,
    PRIORITY_ANNOUNCE, /* the relay's: the lowest of the emergency sources */
    PRIORITY_OPERATOR, /* a person's own words */
    PRIORITY_CALL,     /* from here on not ours: queue calling, */
    PRIORITY_CLINICAL, /* codes of the house, */
    PRIORITY_FIRE
};
const char *priority_name(enum priority p);

enum item_kind { ITEM_TONE, ITEM_SLOT, ITEM_DIGEST, ITEM_ANNOUNCE, ITEM_SAY };
const char *item_kind_name(enum item_kind k);

enum item_state { ITEM_PREPARING, ITEM_WAITING, ITEM_PLAYING, ITEM_STOPPING };

struct queue_item {
    uint64_t order; /* first come; unique in the player's life */
    enum item_kind kind;
    enum priority priority;
    enum item_state state;
    int64_t expires;          /* mono; never begins after it */
    int64_t give_up;          /* mono; its grace: skipped when it has not begun by then */
    int64_t not_before;       /* mono; a failed output is tried again then */
    int64_t length_ms;        /* known from WAITING on */
    bool resumes;             /* taken off the air, it begins again; else it is dropped */
    enum why waits_for;       /* what was last said of it */
    int64_t added, busy_from; /* mono; busy_from 0: has not met a busy line */
    enum why stop_why;        /* while STOPPING */
    void *owner;              /* the station's */
};

enum { QUEUE_MAX = 100 };

struct zone_queue {
    struct queue_item *items[QUEUE_MAX]; /* by priority, then order */
    size_t n;
};

struct conditions {
    struct now now;
    bool clock_trusted;
    enum priority hold; /* NONE, CLINICAL or FIRE */
    bool muted;
    bool quiet;             /* the zone is closed at this hour or always */
    bool overridden;        /* … and two named persons opened it */
    int64_t until_quiet_ms; /* how long until it closes; INT64_MAX: not today */
    bool busy;
    int64_t free_since; /* mono; when it was last busy */
    int64_t room_ms;    /* what is left of the zone's speech this hour */
    int64_t busy_gap_ms, grace_ms;
    /* In the zones that share a loudspeaker with this one: what plays there, else the first that waits for it; NULL. */
    const struct queue_item *rival;
};

enum queue_act {
    QUEUE_NOTHING,
    QUEUE_START,     /* item is PLAYING now: let it sound */
    QUEUE_STOP,      /* item is STOPPING now: silence it, then say how it ended with queue_stopped */
    QUEUE_SKIP,      /* it will not sound: log it, queue_remove */
    QUEUE_KEEP_BACK, /* quiet hours: keep it for the digest, queue_remove */
    QUEUE_WAITS      /* the reason for waiting changed: log it */
};
struct queue_verdict {
    enum queue_act act;
    struct queue_item *item;
    enum why why;
};

/* RELAY_FULL when QUEUE_MAX wait. The queue borrows the item until queue_remove. */
enum relay_err queue_add(struct zone_queue *q, struct queue_item *item) MUST_CHECK;
void queue_remove(struct zone_queue *q, struct queue_item *item);
struct queue_item *queue_playing(const struct zone_queue *q); /* PLAYING or STOPPING; NULL: silence */
bool queue_precedes(const struct queue_item *a,
                    const struct queue_item *b); /* the graver, then the first come */

/* One thing at a time: call again until QUEUE_NOTHING. */
struct queue_verdict queue_decide(struct zone_queue *q, const struct conditions *c);

/* A person says stop: what plays is to be silenced, NULL when nothing plays. */
struct queue_item *queue_stop(struct zone_queue *q, enum why why);

/* A STOPPING item is silent now. True: it waits again; false: it is done, remove it. */
bool queue_stopped(struct queue_item *item);

/* Mono time at which something may change by itself; INT64_MAX: never. */
int64_t queue_next_due(const struct zone_queue *q, const struct conditions *c);

#endif
