/* One look at the relay for the people who steer it: what is in force, what waits for them, and what each target has had.
 * Read-only; the console asks for it every few seconds. */
#ifndef TOCSIN_RELAY_OVERVIEW_H
#define TOCSIN_RELAY_OVERVIEW_H

#include "base/buf.h"
#include "relay.h"

/* {"status","sites","alerts","review","targets","silences","drills"}: status as status_json, the lists as in list.h. */
enum relay_err overview_json(struct relay *r, struct buf *ret, struct reason *why) MUST_CHECK;

/* How the deliveries of the alerts of the last day have ended, by target: one array of
 * {"id","deliveries","held","waiting","sent","confirmed","failed","spared","last"}. */
enum relay_err overview_targets(struct db *db, int64_t now, struct buf *ret, struct reason *why) MUST_CHECK;

/* Every site with the mode that it is in. */
void overview_sites(const struct relay *r, struct buf *ret);

#endif
