/* Drills: a window, at most one at a time, in which Exercise and Test alerts reach all targets (of one site, or of all),
 * each text marked as such. It ends by itself, and the exercises made in it end with it. A real alert on a site's
 * loudspeakers ends the drill's speech: exercise announcements and bulletins are suppressed there and then, and for the
 * rest of the window; screens and chats go on, marked.
 */
#ifndef TOCSIN_RELAY_DRILL_H
#define TOCSIN_RELAY_DRILL_H

#include "alerts.h"

#define DRILL_MOST (8 * HOUR_MS)

/* The window that is open now. */
bool drill_open(struct relay *r, struct drill_row *ret);
bool drill_reaches(const struct drill_row *d, const struct relay_target *t);

/* `a` is Actual and goes to loudspeakers: an open drill falls silent. */
void drill_real_alert(struct relay *r, const struct alert_row *a);

/* RELAY_NOT_FOUND: no such site; RELAY_CONFLICT: one is open (start), none is (stop). `site` "" for all. */
enum relay_err drill_start(struct relay *r, const char *site, int64_t lasts, const struct actor *by,
                           int64_t *ret_id, struct reason *why) MUST_CHECK;
enum relay_err drill_stop(struct relay *r, const struct actor *by, struct reason *why) MUST_CHECK;

#endif
