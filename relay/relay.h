/* The daemon's state: what the stages share. pipeline.c owns it and wires it; each member belongs to the stage named.
 * Stages take a struct relay * and touch only their own members and the verbs of others. */
#ifndef TOCSIN_RELAY_RELAY_H
#define TOCSIN_RELAY_RELAY_H

#include <stdbool.h>
#include <stdint.h>

#include "adapters/cards.h"
#include "config.h"
#include "io/http_client.h"
#include "io/http_server.h"
#include "io/loop.h"
#include "rules/rules.h"
#include "store.h"
#include "targets.h"

/* Of what is in the store, since the start; /metrics shows them. A failed commit takes them back. */
struct counters {
    uint64_t events[4];   /* accepted, duplicate, rejected, stale */
    uint64_t verdicts[3]; /* no_match, match, unsure */
    uint64_t refusals[REFUSAL_COUNT];
    uint64_t deliveries[DELIVERY_STATE_COUNT]; /* moves into the state */
    uint64_t alerts, revisions;
};

/* What one long work may take of a turn before it gives the loop back and goes on in the next. */
enum { TURN_SLICE_MS = 10 };

struct relay {
    struct now now;              /* of this turn */
    struct loop *loop;           /* pipeline */
    struct relay_config *config; /* pipeline: reload */
    struct targets *targets;     /* pipeline: reload */
    struct rule_set *rules;      /* pipeline: reload */
    struct matcher *matcher;     /* intake */
    struct store *store;
    struct http_client *http;     /* adapters */
    struct cards *cards;          /* adapters */
    struct http_server *control;  /* unix socket */
    struct http_server *pages[4]; /* TCP listeners */
    size_t n_pages;
    struct adapter_slot slots[24]; /* adapters */
    size_t n_slots;
    struct feeds *feeds;       /* feeds.c */
    struct outlink *out;       /* outlink.c */
    struct dispatch *dispatch; /* dispatch.c */
    struct silences *silences; /* silence.c */
    struct players *players;   /* players.c */
    struct overview *overview; /* overview.c */
    struct counters counters;
    uint64_t commits_failed, turns;
    bool store_ok;     /* the last commit worked: sends may start */
    bool intake_open;  /* there is room on the disk */
    char trouble[200]; /* why not, for status and health */
    bool stopping;     /* nothing new is sent */
    bool clock_trusted;
    int64_t newest;        /* wall: the newest in the store, behind which a clock is not trusted */
    bool rulebook_changed; /* in this turn: written and loaded after its commit */
    bool reload_asked;     /* in this turn, by a person: done after its commit */
    struct reason
        reload_refused; /* why what runs is not what the files say; "" when the last reload went well */
    bool
        fitting; /* alerts_places.c: alerts in force, to another configuration; until the store's mark says done */
    bool following; /* review.c: targets after `followed` are still to follow their sites' modes */
    size_t followed;
    bool sweeping;           /* silence.c: silences still to be laid over alerts in force, or lifted */
    bool modes_changed;      /* in this turn, by a person: targets_modes_settle */
    int alerts_in_force;     /* counted every few seconds, and up with each new one */
    int64_t notices_at;      /* mono: when silences and the drill's plan are looked at again */
    int64_t started;         /* wall */
    uint8_t page_secret[16]; /* for the tokens of screens' addresses */
};

#endif
