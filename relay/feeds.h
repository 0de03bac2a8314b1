/* All feeds of the configuration: read in rotating order, each within its rate; receipts, gaps, silence.
 *
 *   feeds_new -> each turn { feeds_service; feeds_read -> intake … commit -> feeds_release | feeds_refuse } -> feeds_free
 */
#ifndef TOCSIN_RELAY_FEEDS_H
#define TOCSIN_RELAY_FEEDS_H

#include "feed.h"
#include "relay.h"
#include "store.h"

struct feed_counts { /* of what is in the store, since the start */
    int64_t missing; /* sequence numbers not seen yet */
    uint64_t accepted, duplicate, rejected, unknown_members;
};

struct feed_state { /* one a feed */
    struct feed feed;
    struct relay *relay;
    struct feed_seen seen;
    bool seen_changed;
    bool up;
    bool silent;        /* the alarm is on */
    struct buf results; /* of the receipt of this turn: "{…},{…}" */
    size_t n_results;
    struct feed_counts counts, committed; /* committed: what counts goes back to when the commit fails */
    uint64_t odd;
    int64_t odd_logged;
    char why[160]; /* why it is not up */
};

struct feeds {
    struct feed_state *items;
    size_t n, next; /* next: where this turn's rotation begins */
    int read_now;   /* events in this turn */
    struct feed_sink sink;
};

enum relay_err feeds_new(struct relay *r, struct feeds **ret, struct reason *why) MUST_CHECK;
struct feeds *feeds_free(struct feeds *f);

void feeds_service(struct relay *r);
void feeds_read(struct relay *r);
void feeds_release(struct relay *r);
void feeds_refuse(struct relay *r, const char *why);
int64_t feeds_next_due(struct relay *r); /* mono */

/* Called by intake for each event of the turn. retry is refusal_retry's; alert may be "". */
void feeds_result(struct feed_state *f, const char *event_id, const uint8_t digest[static 16],
                  const char *status, enum refusal code, const char *member, const char *message,
                  const char *alert);

#endif
