/* Rows of the store as JSON objects, for everybody who looks. A column is named as its member, and says after a colon what it
 * holds when that is no plain number or text:
 *
 *   SELECT a.id, a.level AS [level:level], a.created AS [created:time], x.body AS [body:json], a.n AS [-] …
 *
 * time: null without one; bool; json: as it stands; after: ms as "2m"; places: the names of area codes; short: of a delivery's
 * id; and the words of the enums level, certainty, status, message, state. NULL is left out, but for a time.
 * A column `-` is for the caller only.
 */
#ifndef TOCSIN_RELAY_ROWS_H
#define TOCSIN_RELAY_ROWS_H

#include "base/buf.h"
#include "base/err.h"
#include "io/db.h"

/* The members of the row at which q stands; the caller puts the braces. */
void row_members(struct buf *b, struct stmt *q);

/* All rows of q, whose parameters are bound, as an array. more: adds further members to each, or is NULL. */
typedef enum relay_err row_more_fn(struct buf *b, struct stmt *q, struct reason *why);
enum relay_err rows_json(struct buf *b, struct stmt *q, row_more_fn *more, struct reason *why) MUST_CHECK;

#endif
