/* Silences: for a time that ends by itself, alerts with these labels are neither spoken, shown nor posted.
 *
 * A silence is a row of the store; memory only keeps compiled matchers and looks the rows up each time, so a commit that
 * failed leaves nothing behind here. While one is in force every new revision it matches ends as `suppressed`, with the
 * reason `silence <id>`; adding one also ends what still waits, and takes the alerts off bulletins and boards. Cancels
 * pass: who had the alert is told that it was wrong. When it ends, by itself or by a person, screens and bulletins show again
 * what of it is in force, so that the hourly slot says it; whoever only hears, a group or an announcement, is not told late.
 *
 * Ten thousand alerts take seconds, in which events go on: each turn does a slice of both, and the silence's row keeps how far
 * it has come. Until a new silence has come to all of them dispatch asks it about whatever is to go out.
 */
#ifndef TOCSIN_RELAY_SILENCE_H
#define TOCSIN_RELAY_SILENCE_H

#include "alerts.h"
#include "matcher.h"

#define SILENCE_MOST (30 * DAY_MS)

struct silences;

/* The silence in force that matches these labels, the oldest first; 0 when none. */
int64_t silence_of(struct relay *r, const struct labels *labels);
int64_t silence_of_alert(struct relay *r, const struct alert_row *a);

/* `matchers` is one text with commas. *ret_broad: none of the matchers names a rule, category, site or area.
 * RELAY_INVALID with why. */
enum relay_err silence_add(struct relay *r, const char *matchers, int64_t lasts, const struct actor *by,
                           int64_t *ret_id, bool *ret_broad, struct reason *why) MUST_CHECK;
/* RELAY_NOT_FOUND when it is not in force. */
enum relay_err silence_expire(struct relay *r, int64_t id, const struct actor *by,
                              struct reason *why) MUST_CHECK;

/* Tells the duty groups of silences that have been on for relay.silence_reminder, and again after each; of broad ones four
 * times as often; and brings back what those kept away that have ended by themselves. To be called about once a minute. */
void silence_look(struct relay *r);

/* The next slice of what silences that have begun or ended still have to look at, while r->sweeping; also after a restart. */
void silence_sweep_on(struct relay *r);

struct silences *silences_free(struct silences *s);

#endif
