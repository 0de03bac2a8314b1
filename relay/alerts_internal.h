/* Shared by the files of alerts: alerts.c (events, revisions, what people say), alerts_back.c (what is taken back),
 * alerts_again.c (what is said again) and alerts_places.c (other places in the configuration). Nobody else. */
#ifndef TOCSIN_RELAY_ALERTS_INTERNAL_H
#define TOCSIN_RELAY_ALERTS_INTERNAL_H

#include "alerts.h"
#include "decide.h"
#include "edition.h"
#include "route.h"

/* A row of this revision for the target. sel: how it was selected; NULL: as a correction. */
void alerts_add_delivery(struct relay *r, struct edition *ed, struct relay_target *t,
                         const struct selection *sel);

/* What decide asks about the revision for one target. before: what the target has of the alert already; NULL: nothing. */
struct delivery_facts alerts_facts(struct relay *r, const struct edition *ed, const struct relay_target *t,
                                   const struct selection *sel, const struct delivery_row *before);

/* Where the alert goes as things are now, and what of its edition hangs on that. The caller frees *ret. */
size_t alerts_select(struct relay *r, struct edition *ed, struct label_room *room, struct labels *labels,
                     struct selection **ret);

/* A newer revision takes the place of one that still waits here, or that nobody has confirmed yet. */
void alerts_supersede(struct relay *r, const struct relay_target *t, int rev, bool cancel,
                      struct delivery_row *before);

/* One more revision, of which n targets hear. */
void alerts_new_revision(struct relay *r, const struct edition *ed, size_t n, const char *note);
/* One more revision, and a row for each of its targets. */
void alerts_revise(struct relay *r, struct edition *ed, const struct selection *sel, size_t n,
                   const char *note);

/* The texts that name areas, where the words for those of `a` are others than for `before`. */
void alerts_reword(struct relay *r, struct alert_row *a, const char *before);

/* Where one more event of a struct alert_row (arg) was seen, and by whom: for the store's lists of events. */
void alerts_take_in(void *arg, const char *area, const char *feed, bool guessed);

/* What waits of a row, or would be said again, ends; but what is under way. t: NULL when it is configured no more. */
void alerts_end_row(struct relay *r, const struct relay_target *t, struct delivery_row *d,
                    const char *reason);

/* The row took the alert back, or its area: whoever has it knows. */
bool alerts_is_correction(struct relay *r, const struct delivery_row *d);

/* Ends the alert everywhere, and corrects it with those who had it. */
void alerts_take_back(struct relay *r, struct alert_row *a, const char *note);

#endif
