/* Words of the relay's own, which no event has made: to those on duty, that a silence stands, a drill is planned, a mute of
 * loudspeakers ends soon; and a person's test of one target. Each is an alert without a group and goes out as ordinary
 * deliveries, so that it is retried, survives a restart, and is listed; reports leave it out.
 */
#ifndef TOCSIN_RELAY_NOTICE_H
#define TOCSIN_RELAY_NOTICE_H

#include "alerts.h"

struct notice {
    enum cap_status status;
    const char *about; /* a word for records */
    const char *area;  /* to the duty groups there; "": everywhere */
    const char *title, *text;
    int64_t lasts; /* not sent any more after so many ms */
};
/* In the open transaction, outside the quiet hours of each group. Without a duty group to tell, the log is told. */
void notice_duty(struct relay *r, const struct notice *n);

/* A message of ours for one target, marked Test: `tocsin target test`. Returns the delivery's row. RELAY_NOT_FOUND,
 * RELAY_CONFLICT. */
enum relay_err notice_test(struct relay *r, const char *target, const struct actor *by, int64_t *ret_delivery,
                           struct reason *why) MUST_CHECK;

#endif
