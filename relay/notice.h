/* A word to those on duty that is no alert: that a mute of loudspeakers ends soon. It goes to the duty chats of an area as an
 * ordinary delivery, so that it is retried, survives a restart, and is listed; reports and alert lists leave it out.
 */
#ifndef TOCSIN_RELAY_NOTICE_H
#define TOCSIN_RELAY_NOTICE_H

#include "relay.h"

/* In the open transaction. `area` "": everywhere. Not sent any more after `lasts` ms. Returns to how many chats it goes. */
int notice_duty(struct relay *r, const char *area, const char *title, const char *text, int64_t lasts);

#endif
