/* The bytes of a feed become an event, or a refusal with its reason. Design section 6.
 *
 * Generous about what is absent (null counts as absent), strict about what is there. Every string is masked on the way
 * into ret->body, also of members that nobody knows; ret->text is what rules match. Of bytes that do not parse nothing
 * is kept but a digest and, where one could be found, the event_id.
 *
 * Pure: no clock, no store. The pipeline adds id_conflict, unknown_reference and not_authorised, worded by refused_set.
 */
#ifndef TOCSIN_RELAY_EVENT_PARSE_H
#define TOCSIN_RELAY_EVENT_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/event.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/normalise.h"

#define EVENT_DEPTH_MAX      8
#define EVENT_COUNT_MAX      10000
#define EVENT_SEQ_MAX        (1LL << 53)
#define EVENT_REFERENCES_MAX 100
#define EVENT_AGE_MAX_MS     (7 * DAY_MS)
#define EVENT_AHEAD_MAX_MS   (5 * MINUTE_MS)

/* Memory reused from event to event; zero-initialised is empty. */
struct event_scratch {
    struct norm_text norm;
    struct buf body, text, memo, original;
};
void event_scratch_release(struct event_scratch *s);

/* What the feed's configuration and the relay's state say. All pointers are borrowed for the call. */
struct event_context {
    struct now now;
    const char *const *areas; /* the feed's codes: an event outside them is refused, the first is the guess */
    size_t n_areas;           /* 0: every area is allowed, and a guess is "" */
    bool may_broadcast;       /* where the event does not say */
    bool clock_untrusted;     /* the relay's own clock is wrong: the event's own time stands for it */
    /* What the newest event of this feed has shown: the time is this at least, and its number. An event is too old for
     * good by these as well; else it may be the relay's clock that is wrong. 0: nothing yet. */
    int64_t shown, shown_seq;
    const uint8_t *key; /* 16 bytes from state_dir, for digests and correlation */
    struct event_scratch *scratch;
};

/* Why not, for the receipt. */
struct refused {
    enum refusal code;
    const char *retry; /* refusal_retry's, unless more is known */
    int64_t
        apart; /* too_old and clock_ahead, unless it is too old for good: the relay's clock less sent_at */
    uint8_t digest[16];              /* of the bytes as sent, keyed */
    char event_id[EVENT_ID_MAX + 1]; /* best effort; "" when none could be read */
    int64_t seq;                     /* likewise, -1 */
    char member[JSON_PATH_MAX];      /* "txn.memo"; "" when it is about the whole */
    char message[256]; /* in Chinese: what is wrong, and what to do; never a value from the event */
};

/* REFUSAL_NONE: *ret is filled, everything in it lives in the arena. Else *ret is untouched and *ret_refused says why. */
enum refusal event_parse(const char *bytes, size_t n, const struct event_context *ctx, struct arena *a,
                         struct event *ret, struct refused *ret_refused);

/* For refusals that only the store can know: id, member and the code's own words. */
void refused_set(struct refused *r, enum refusal code, const struct event *e, const char *member);

#endif
