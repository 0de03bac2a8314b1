/* Event lines that the relay has not answered yet, on disk and in order, so that a push that is killed sends them again.
 *
 *   spool_open -> { spool_add … spool_done … -> spool_commit -> spool_next … } … -> spool_close
 *
 * A line may be sent only after the commit that holds it. The file holds events as the feed wrote them, unmasked: it is
 * made for its owner only, and is removed by spool_close when nothing is left in it.
 */
#ifndef TOCSIN_RELAY_CLI_SPOOL_H
#define TOCSIN_RELAY_CLI_SPOOL_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "io/db.h"

struct spool {
    struct db db;
    struct stmt add, next, done;
    int64_t waiting; /* lines in it; -1: not known */
};

struct spool_line {
    int64_t n; /* rises */
    const char *event_id;
    int64_t seq; /* -1: none */
    const char *bytes;
    size_t len;
};

/* Makes dir as well. RELAY_CONFLICT: another push uses it. */
enum relay_err spool_open(struct spool *s, const char *dir, const char *feed, struct reason *why) MUST_CHECK;
void spool_close(struct spool *s); /* takes a half-open one */

enum relay_err spool_add(struct spool *s, const struct spool_line *line,
                         struct reason *why) MUST_CHECK; /* n is ignored */
enum relay_err spool_done(struct spool *s, int64_t n, struct reason *why) MUST_CHECK;
enum relay_err spool_commit(struct spool *s,
                            struct reason *why) MUST_CHECK; /* nothing when nothing changed */

/* The first line after n, its strings copied: spool_line_release. RELAY_NOT_FOUND: none. Call it after spool_commit. */
void spool_line_release(struct spool_line *line);
enum relay_err spool_next(struct spool *s, int64_t n, struct spool_line *ret, struct reason *why) MUST_CHECK;

#endif
