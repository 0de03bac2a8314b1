/* Reading the store for people: each list is one JSON array, each thing one object. Used by the daemon's control socket
 * and, without a daemon, by the command line over a read-only connection. Names in JSON are English and stable. */
#ifndef TOCSIN_RELAY_LIST_H
#define TOCSIN_RELAY_LIST_H

#include "base/buf.h"
#include "base/err.h"
#include "io/db.h"

struct list_filter {
    bool active;        /* alerts: in force only; deliveries: not ended only */
    const char *state;  /* deliveries: of this state */
    const char *target; /* deliveries: of this target */
    const char *alert;  /* deliveries: of this alert id */
    int64_t now, limit; /* limit 0: 100 */
};

enum relay_err list_alerts(struct db *db, const struct list_filter *f, struct buf *ret,
                           struct reason *why) MUST_CHECK;
enum relay_err list_review(struct db *db, const struct list_filter *f, struct buf *ret,
                           struct reason *why) MUST_CHECK;
/* The whole story of one alert: times, revisions, events, deliveries, steps of its clock, what people did. RELAY_NOT_FOUND. */
enum relay_err list_alert(struct db *db, const char *id, struct buf *ret, struct reason *why) MUST_CHECK;
enum relay_err list_deliveries(struct db *db, const struct list_filter *f, struct buf *ret,
                               struct reason *why) MUST_CHECK;
/* By row number, or by its id "<alert>.<rev>/<target>", or by its short id. RELAY_NOT_FOUND; ret_row may be NULL. */
enum relay_err list_delivery(struct db *db, const char *id, struct buf *ret, int64_t *ret_row,
                             struct reason *why) MUST_CHECK;

/* Silences, newest first; active: in force only. */
enum relay_err list_silences(struct db *db, const struct list_filter *f, struct buf *ret,
                             struct reason *why) MUST_CHECK;

/* The plans of the months' drills, newest first. */
enum relay_err list_plans(struct db *db, const struct list_filter *f, struct buf *ret,
                          struct reason *why) MUST_CHECK;

/* Drills, newest first, each with what it reached: counts and times by target. */
enum relay_err list_drills(struct db *db, const struct list_filter *f, struct buf *ret,
                           struct reason *why) MUST_CHECK;

#endif
