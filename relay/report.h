/* Reports for the month's end, the half-monthly meeting and the end of a trial: read from the store, which nobody needs
 * to be running for. Each section is an array of rows with English member names; reports are JSON first, and tables or
 * CSV of it. Times are those of the rows: a delivery counts from the commit that made it. */
#ifndef TOCSIN_RELAY_REPORT_H
#define TOCSIN_RELAY_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "io/db.h"

struct report_span {
    int64_t from, to;  /* from <= t < to, wall ms */
    const char *site;  /* NULL: all. Events know no site: they are those of all. */
    int64_t kept_from; /* older alerts and deliveries have been pruned; 0: not asked */
};

/* "2026-11"; "2026-11a" (to the 15th) or "2026-11b"; two days "2026-11-01" (`to` is counted in). In the set zone. */
enum relay_err report_month(const char *text, struct report_span *ret, struct reason *why) MUST_CHECK;
enum relay_err report_half(const char *text, struct report_span *ret, struct reason *why) MUST_CHECK;
enum relay_err report_days(const char *from, const char *to, struct report_span *ret,
                           struct reason *why) MUST_CHECK;

/* {"from","to","site","kept_from","days":[…],"events":[…],"districts":[…],"refused":[…],"alerts":[…],"outcomes":[…],
 *  "deliveries":[…],"times":[…],"silences":[…],"mutes":[…],"drills":[…],"people":[…]}
 * What is said of events comes from the statistics, by whole days, and is whole however long ago it was. */
enum relay_err report_json(struct db *db, const struct report_span *s, struct buf *ret,
                           struct reason *why) MUST_CHECK;

/* {"from","to","site","trial":[{"at","site","target","rule","title","words","seconds"}]}: what was held because a site was
 * in trial, as it was rendered then. Seconds are there for what is spoken: one pass at 3.2 characters a second. */
enum relay_err report_trial(struct db *db, const struct report_span *s, struct buf *ret,
                            struct reason *why) MUST_CHECK;

/* One statement a section: report_sql.c; .name NULL at the end. */
struct report_section {
    const char *name, *sql;
};
extern const struct report_section report_sections[];
extern const char report_trial_sql[];

/* One pass of these words: punctuation is not read. */
double report_seconds(const char *words);

/* Words that people may say of an alert afterwards: 劝阻成功, 已受骗, 误报; NULL at the end. */
extern const char *const report_outcomes[];

#endif
