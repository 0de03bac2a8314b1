/* What people do to what waits for them: approve, reject, acknowledge, dismiss, switch a site's mode. Each is one row in
 * `action` in the commit of its effect. RELAY_NOT_FOUND, RELAY_CONFLICT, RELAY_INVALID with why. */
#ifndef TOCSIN_RELAY_REVIEW_H
#define TOCSIN_RELAY_REVIEW_H

#include "alerts.h"

/* Lets the deliveries of an alert go that are held for approval. Where the route says `two`, the first person's word is
 * recorded and *ret_waiting is true until another person's. */
enum relay_err review_approve(struct relay *r, const char *alert_id, const struct actor *by,
                              bool *ret_waiting, struct reason *why) MUST_CHECK;
/* Ends them as rejected. */
enum relay_err review_reject(struct relay *r, const char *alert_id, const struct actor *by,
                             struct reason *why) MUST_CHECK;
/* Stops the reminders. */
enum relay_err review_ack(struct relay *r, const char *alert_id, const struct actor *by,
                          struct reason *why) MUST_CHECK;
/* Takes an event (by its row) and the other candidates of its group off the review list. */
enum relay_err review_dismiss(struct relay *r, int64_t event, const struct actor *by,
                              struct reason *why) MUST_CHECK;
/* What came of an alert, in one of report_outcomes' words: a row, as often as people say so. */
enum relay_err review_outcome(struct relay *r, const char *alert_id, const char *outcome,
                              const struct actor *by, struct reason *why) MUST_CHECK;
/* "trial", "screens", "live". From trial onwards what is in force is shown at once, also what was shown before the site
 * went back, or waits for the approval that its route asks for; what was not said is not said late. Backwards
 * what the mode no longer allows ends as suppressed and leaves screens and bulletin; so does what waits for groups other than
 * those on duty, where no site of the alert is live any more. */
enum relay_err review_site_mode(struct relay *r, const char *site, const char *mode, const struct actor *by,
                                struct reason *why) MUST_CHECK;
/* The same for modes that the configuration has changed: after a reload, and at the start. Twenty thousand targets take seconds,
 * in which events go on: review_follow_modes begins anew, and while r->following each turn does a slice. Until then dispatch
 * asks review_keeps_back about whatever is to go out. */
void review_follow_modes(struct relay *r);
void review_follow_on(struct relay *r);
/* Whether the revision is not to go to the target because of its site's mode, or a group's sites'. */
bool review_keeps_back(struct relay *r, const struct relay_target *t, const struct alert_row *a,
                       const struct revision_row *rev);

#endif
