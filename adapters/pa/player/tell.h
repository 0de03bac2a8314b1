/* The player's state as JSON, for the control socket, the page, the command line and the state topic: one form for all. */
#ifndef TOCSIN_PLAYER_TELL_H
#define TOCSIN_PLAYER_TELL_H

#include "base/buf.h"
#include "player/air.h"
#include "player/station.h"

/* {"zone","name","minute","sounds","why","length_ms","items":[{"kind","id","text","sounds","place","why",…}]} */
void tell_slot(struct buf *out, const struct programme_input *at, const struct plan *plan);
/* {"date","day","holiday","known","slots":[…]}: opens and closes it; slots go between. */
void tell_day_begin(struct buf *out, int64_t day, const struct day_kind *kind);
void tell_day_end(struct buf *out);

void tell_log_row(struct buf *out, const struct log_row *r);

/* The members of the retained state topic after "state", each with its comma. */
void tell_state(struct buf *out, struct station *s, struct now now, const char *mode);
/* The whole status as one object. */
void tell_status(struct buf *out, struct station *s, struct book *b, struct now now, const char *mode,
                 bool broker, const struct air *air);

#endif
