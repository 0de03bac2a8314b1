/* A rule over the events of the last days: how many alerts it would have raised, where, and what it would have found.
 * Reads the store, changes nothing, needs no daemon. Thresholds, correlation and expiry are decided by decide.c, as in use.
 */
#ifndef TOCSIN_RELAY_TRY_H
#define TOCSIN_RELAY_TRY_H

#include "config.h"
#include "rules/rules.h"
#include "store.h"

enum { TRY_EXAMPLES = 10 };

/* set: of one rule. Appends one JSON object:
 * {"rule","since","events","unmatched_from","unreadable","found","new","unsure","alerts","areas":[{"area","name","alerts"}],
 *  "examples":[{"at","area","kind","alert","text","from","to"}]}; "new": found in events that no rule had found;
 * "unsure": a pattern met its limit, or it is like nothing that was learned, so that a person would have been asked. */
enum relay_err rule_try(struct db *db, struct relay_config *config, const struct rule_set *set, int64_t since,
                        struct buf *ret, struct reason *why) MUST_CHECK;

#endif
