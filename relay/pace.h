/* How often a group is spoken to, and when: at once or in a digest, by audience and level; at most so many messages a day,
 * of all rules and of one. What is over a limit waits for the next digest, which lists it. Pure; told.h counts.
 *
 * The table of defaults stands in pace.c. Programs (adapter_ops.programs) hear everything at once unless their options say
 * otherwise. Exercises, tests, Cancels and the steps of a route's clock know no pace and no limit.
 */
#ifndef TOCSIN_RELAY_PACE_H
#define TOCSIN_RELAY_PACE_H

#include "config.h"
#include "targets.h"

/* Never PACE_USUAL. */
enum pace pace_of(const struct chat_config *c, enum level level, enum certainty certainty);

/* The next digest of the day or week after `now`: digest_at, more or less digest_spread by a hash of the target; never in
 * the chat's quiet hours. */
int64_t pace_digest_at(const struct chat_config *c, const char *target, int64_t now, bool weekly);
/* The next full hour and up to digest_spread by a hash of the target; never in quiet hours. For red over a limit. */
int64_t pace_hour_at(const struct chat_config *c, const char *target, int64_t now);
/* The beginning of the day after `now` and the same spread; never in quiet hours. */
int64_t pace_tomorrow(const struct chat_config *c, const char *target, int64_t now);
/* So long after a time that many share: 0 to 90 s by a hash of the target. */
int64_t pace_spread(const char *target);

/* 0: none. */
int64_t pace_a_day(const struct chat_config *c);
int64_t pace_a_rule(const struct chat_config *c);
/* Whether one more message of this rule may go today. The last message of a day is kept for a digest. */
bool pace_allows(const struct chat_config *c, const struct told *t, int day, const char *rule);
bool pace_allows_digest(const struct chat_config *c, const struct told *t, int day);

#endif
