/* The numbers by which a feed counts its events: which have not come, and where a count begins anew. Pure, and small
 * enough to be copied: who may have to take back what a turn has changed keeps a copy.
 *
 *   sequence_load -> { sequence_event | sequence_told | sequence_await }, sequence_missing -> sequence_holes for the store
 *
 * A number in a hole fills it, however late it comes. A number that was here before, under a new event id and with a later
 * time, is of a count that began anew; the same number with an earlier time is only late. Which of two counts an event
 * belongs to is settled by the one that it goes on from: a single wrong number, or a second program under the same feed,
 * does not hide the gaps of the first.
 */
#ifndef TOCSIN_RELAY_SEQUENCE_H
#define TOCSIN_RELAY_SEQUENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SEQUENCE_AHEAD 1000000 /* further on than any gap reaches: counted anew from there */

enum { SEQUENCE_RANGES = 32, SEQUENCE_TEXT = SEQUENCE_RANGES * 40 + 40 };

struct seq_ranges { /* ascending, never touching */
    struct seq_range {
        int64_t first, last;
    } items[SEQUENCE_RANGES];
    size_t n;
};

struct seq_count {
    int64_t last, at; /* the highest number, -1 none; and the newest time of its events */
    int64_t began; /* the time of its first event, when another count was left for it; 0: it was the first */
    struct seq_ranges holes;
    int64_t forgotten; /* numbers of holes for which there was no room */
};

struct sequence {
    struct seq_count now, before; /* before: the count that was left for this one */
    struct seq_ranges refused;    /* numbers of refused events: they have come, and may come again */
    int64_t told, awaited;        /* by the last heartbeat; and what of it should have come by now; -1 none */
};

/* From the store; last and told -1: nothing yet. */
void sequence_load(struct sequence *s, int64_t last, int64_t at, int64_t told, const char *holes);
/* The holes of this count as text; "" mostly. */
const char *sequence_holes(const struct sequence *s, char ret[static SEQUENCE_TEXT]);

enum sequence_news { SEQUENCE_ON, SEQUENCE_ANEW };
/* An event that is not a duplicate; seq -1: it has no number. at: when it was sent. Tells whether a count begins with it. */
enum sequence_news sequence_event(struct sequence *s, int64_t seq, int64_t at, bool accepted);

/* A heartbeat. It may overtake the events that it counts, so nothing of it is missing yet; true: there is something to
 * wait for. */
bool sequence_told(struct sequence *s, int64_t last);
bool sequence_waits(const struct sequence *s); /* for what a heartbeat has told */
/* … and it has not come in the time that it may take. */
void sequence_await(struct sequence *s);

int64_t sequence_missing(const struct sequence *s);

#endif
