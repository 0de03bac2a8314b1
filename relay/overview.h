/* One look at the relay for the people who steer it: what is in force, what waits for them, and what each target has had.
 * Read-only; the console asks for it every few seconds. */
#ifndef TOCSIN_RELAY_OVERVIEW_H
#define TOCSIN_RELAY_OVERVIEW_H

#include "base/buf.h"
#include "relay.h"

/* {"status","sites","alerts","review","targets","silences","drills"}: status as status_json, the lists as in list.h. */
enum relay_err overview_json(struct relay *r, struct buf *ret, struct reason *why) MUST_CHECK;

/* How the deliveries of the alerts of the last day have ended, by target, is counted in slices; "targets" is the last whole count:
 * {"id","deliveries","held","waiting","sent","confirmed","failed","spared","last"}. While overview_counts, each turn goes on. */
void overview_count_on(struct relay *r);
bool overview_counts(const struct relay *r);
struct overview *overview_free(struct overview *o);

/* Every site with the mode that it is in. */
void overview_sites(const struct relay *r, struct buf *ret);

#endif
