/* The month's proficiency drill: on a day of each month the duty groups are told beforehand, called at its hour, and told when
 * nobody has held it. A person starts it (`tocsin drill start`), and that drill is recorded as the month's.
 */
#ifndef TOCSIN_RELAY_DRILL_PLAN_H
#define TOCSIN_RELAY_DRILL_PLAN_H

#include "relay.h"

/* Plans the next one and says what is due; to be called about once a minute. */
void drill_plan_look(struct relay *r);
/* A drill has been started: it is the month's when it was announced already. */
void drill_plan_started(struct relay *r, int64_t drill);

/* The plan after this moment of a month like 202611; pure. */
struct plan_row drill_plan_of(const struct drill_options *o, int month, int64_t now);

#endif
