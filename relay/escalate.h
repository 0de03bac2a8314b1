/* The 1-2-3-minute clock: a route's steps, each a row with a due time, until a named person has seen the alert.
 *
 * alerts.c writes the rows with the first revision whose route has steps; escalate_due takes those whose time has come, in
 * the turn's transaction; escalate_seen stops them. Several steps that are overdue together, after a stop of the relay, are
 * said once, as the last of them, to the chats of all.
 */
#ifndef TOCSIN_RELAY_ESCALATE_H
#define TOCSIN_RELAY_ESCALATE_H

#include "alerts.h"

void escalate_due(struct relay *r);
int64_t escalate_next_due(struct relay *r); /* wall ms; INT64_MAX none */

/* A named person has acknowledged, confirmed, approved or rejected: no more steps, no more reminders. */
void escalate_seen(struct relay *r, const struct alert_row *a, const struct actor *by);

#endif
