/* From due rows to sends, and from the channel's word back to rows.
 *
 * In a turn: dispatch_collect applies outcomes and reports to rows (step 2), dispatch_claim turns what is due into
 * `sending` inside the open transaction, and after the commit dispatch_start hands it to the adapters (step 4) or, when
 * the commit failed, dispatch_forget drops it: the rows are `queued` again. Outcomes stay until a commit has taken them.
 */
#ifndef TOCSIN_RELAY_DISPATCH_H
#define TOCSIN_RELAY_DISPATCH_H

#include "relay.h"

struct dispatch;

struct dispatch *dispatch_new(void);
struct dispatch *dispatch_free(struct dispatch *d);

/* A row was inserted as queued (or released): a state target is to show it, and has a snapshot due. */
void dispatch_queued(struct relay *r, struct relay_target *t, const struct delivery_row *row);

/* Moves a row and counts the move. False when the row may not move so. */
bool dispatch_move(struct relay *r, struct delivery_row *d, enum delivery_state to, const char *reason,
                   int64_t due);

/* Ends a row that has not been sent, as suppressed. One that is under way ends when its channel has not taken it; until then
 * the reason stands in its row. False when it has been sent, or has ended. */
bool dispatch_end_unsent(struct relay *r, struct delivery_row *d, const char *why);

/* Ends what was said and would be said again: a chat's message stays sent and is not reminded of, what a device has not taken yet is
 * suppressed. t: NULL when it is configured no more. False when nothing would be said. */
bool dispatch_end_repeats(struct relay *r, const struct relay_target *t, struct delivery_row *d,
                          const char *why);

void dispatch_collect(struct relay *r);
void dispatch_claim(struct relay *r);
void dispatch_start(struct relay *r);
void dispatch_forget(struct relay *r);
void dispatch_committed(struct relay *r);   /* what was applied is durable: outcomes may be dropped */
int64_t dispatch_next_due(struct relay *r); /* wall ms; INT64_MAX none */

void dispatch_report(struct relay *r, const struct report *report); /* env->report */

/* After a reload: rows of targets that are no more end as cancelled, new state targets show what is in
 * force for them. */
void dispatch_targets_changed(struct relay *r, struct targets *old);
/* A state target has something else to show, at `at` (wall ms; 0: now). */
void dispatch_refresh(struct relay *r, const char *target, int64_t at);
/* No silence or mode is still on its way: boards and bulletins whose snapshot left something out for one. */
void dispatch_show_left_out(struct relay *r);
/* Every board and bulletin is to be sent again: after a connect. */
void dispatch_refresh_states(struct relay *r);

/* A held row is let go by a person. */
void dispatch_release(struct relay *r, struct delivery_row *d);

/* A person's word on one delivery: again, now. RELAY_NOT_FOUND, RELAY_CONFLICT. */
enum relay_err dispatch_replay(struct relay *r, int64_t delivery, struct reason *why) MUST_CHECK;

/* A person has passed a forwarded text on: it is acknowledged. RELAY_NOT_FOUND, RELAY_CONFLICT. */
enum relay_err dispatch_done(struct relay *r, int64_t delivery, const char *who,
                             struct reason *why) MUST_CHECK;

int dispatch_in_flight(const struct dispatch *d);
/* A chat has not answered yet, or an answer has not been written down. */
bool dispatch_unsettled(const struct dispatch *d);

#endif
