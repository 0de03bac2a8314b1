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
    uint64_t accepted, duplicate, rejected, unknown_members;
    struct sequence numbers; /* since ever */
};

/* Lines in the log that a feed can cause as often as it likes: the first of a minute, and the number of the others. */
enum { LINES_A_MINUTE = 20 };
struct said {
    int64_t since; /* mono */
    int n;
    uint64_t unsaid;
};

struct feed_state { /* one a feed; it stays where it is as long as the feed does */
    struct feed feed;
    int64_t heard, heard_mono; /* the last event or heartbeat; mono: or since when we listen */
    int64_t
        await_at; /* mono: when what a heartbeat told is missing, unless something comes; 0: nothing is waited for */
    bool spoke;   /* in this turn: a row to write */
    bool changed; /* counts are not what was committed */
    bool up;
    bool silent; /* the alarm is on */
    /* Its clock and ours. shown: the newest time at which an event was sent, less the monotonic time at which we had it;
     * 0 none; and that event's number. apart: the same of an event that was refused for its time, and when;
     * apart_mono 0: its last event was not. late: how old its newest event was by our clock, when that is more
     * than relay.fresh; 0: less. */
    int64_t shown, shown_seq, apart, apart_mono, late;
    struct buf results; /* of the receipt of this turn: "{…},{…}" */
    size_t n_results;
    struct feed_counts counts, committed; /* committed: what counts goes back to when the commit fails */
    uint64_t odd;
    int64_t odd_logged;
    struct said refusals_said, gaps_said, apart_said;
    char why[160]; /* why it is not up */
};

struct feeds {
    struct feed_state **items;
    size_t n, next; /* next: where this turn's rotation begins */
    int read_now;   /* events in this turn */
    struct feed_sink sink;
};

/* The feeds of r->config. old, after a reload: the feeds before, or NULL. What is the same in both goes over with its session
 * and its counts, and old is freed; on failure it is as it was. Between two turns only: nothing may be unreleased. */
enum relay_err feeds_new(struct relay *r, struct feeds *old, struct feeds **ret,
                         struct reason *why) MUST_CHECK;
struct feeds *feeds_free(struct feeds *f);

void feeds_service(struct relay *r);
void feeds_read(struct relay *r);
void feeds_release(struct relay *r);
void feeds_refuse(struct relay *r, const char *why);
int64_t feeds_next_due(struct relay *r); /* mono */

/* Called by intake for each event that is no duplicate: its number (-1 none), and when it was sent. */
void feeds_number(struct relay *r, struct feed_state *f, int64_t seq, int64_t at, bool accepted);
int64_t feeds_missing(const struct feed_state *f);
/* May a line be said? ret_unsaid: how many were not, when with this one a new minute begins. */
bool feeds_may_say(const struct relay *r, struct said *s, uint64_t *ret_unsaid);

/* … and for every one: refused or not; alert may be "". */
struct refused;
void feeds_refused(struct feed_state *f, const struct refused *why);
void feeds_result(struct feed_state *f, const struct event *e, const char *status, const char *alert);

/* An event's time agrees with our clock, or is so far from it that it was refused (apart, as in struct refused). */
void feeds_agrees(const struct relay *r, struct feed_state *f, const struct event *e);
void feeds_apart(const struct relay *r, struct feed_state *f, int64_t apart);
int64_t feeds_shown(const struct relay *r,
                    const struct feed_state *f); /* the time is this at least; 0: not known */
/* What feeds_apart was told within the hour; 0: nothing, or they agree again. */
int64_t feeds_is_apart(const struct relay *r, const struct feed_state *f);
const char *feeds_apart_text(int64_t apart, char ret[static 24]); /* about: "9d" */
/* Some feed's newest event shows that our clock is right; or some speak against it, and none for it. */
bool feeds_show_clock(const struct relay *r);
bool feeds_doubt_clock(const struct relay *r);

#endif
