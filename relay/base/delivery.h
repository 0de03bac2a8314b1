/* One alert revision for one target, and the states it passes. Design section 2.
 *
 *   held -> queued -> sending -> sent -> played | displayed | acknowledged
 *             ^          |         \-> unconfirmed (a confirming kind still `sent` at expires)
 *             +- retry <-+-> rejected | unconfirmed
 *   any state before `sent` -> expired | rejected | cancelled | suppressed
 *   sent -> retry | rejected | suppressed by a device's word (failed, skipped)
 *   rejected | suppressed | unconfirmed -> queued by a person's replay, and in no other way
 *
 * delivery_may_move is the only statement of what may follow what; store_delivery_move is the only mover.
 */
#ifndef TOCSIN_BASE_DELIVERY_H
#define TOCSIN_BASE_DELIVERY_H

#include <stdbool.h>
#include <stddef.h>

enum delivery_state {
    DELIVERY_HELD,    /* waits for a person or an hour; reason approval, quiet_hours, trial, hold */
    DELIVERY_QUEUED,  /* waits for its due time: found by the due query */
    DELIVERY_SENDING, /* committed before a byte leaves; becomes retry, marked, after a restart */
    DELIVERY_SENT,    /* the end for a channel that cannot confirm more */
    DELIVERY_PLAYED,  /* ends confirmed by device or person */
    DELIVERY_DISPLAYED,
    DELIVERY_ACKNOWLEDGED,
    DELIVERY_RETRY,   /* waits for its next attempt: found by the due query */
    DELIVERY_EXPIRED, /* ends, each with a reason */
    DELIVERY_REJECTED,
    DELIVERY_CANCELLED,
    DELIVERY_SUPPRESSED,
    DELIVERY_UNCONFIRMED, /* an end: it may have arrived */
    DELIVERY_STATE_COUNT
};

const char *delivery_state_name(enum delivery_state s);
bool delivery_state_parse(const char *s, enum delivery_state *ret);
bool delivery_may_move(enum delivery_state from, enum delivery_state to);
bool delivery_is_waiting(enum delivery_state s); /* held, queued, sending, retry */
bool delivery_is_end(enum delivery_state s);     /* nothing more will happen, `sent` aside */

#define DELIVERY_ID_MAX 160 /* "<alert>.<rev>/<target>" */

#endif
