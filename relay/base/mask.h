/* Finds personal data in normalised text and replaces it by tokens. Design section 6.
 *
 *   ‹tel› mobile and landline numbers   ‹id› identity numbers (GB 11643 check digit)   ‹card› bank cards (Luhn)
 *   ‹mail› mail addresses   ‹name› names after a word that announces one, or before a title   ‹bed› bed and room numbers
 *
 * Hotlines (96110, 110, 120, 12393 …), 400/800 and 95xxx numbers, money, dates and times are not personal.
 * One helper for everything: events, logs, the command line.
 */
#ifndef TOCSIN_BASE_MASK_H
#define TOCSIN_BASE_MASK_H

#include <stddef.h>

#include "base/buf.h"
#include "base/normalise.h"

enum mask_kind { MASK_TEL, MASK_ID, MASK_CARD, MASK_MAIL, MASK_NAME, MASK_BED };

struct mask_span {
    size_t from, to; /* bytes of the text searched */
    enum mask_kind kind;
};

const char *mask_token(enum mask_kind k); /* "‹tel›" */

/* Spans in order, not overlapping; returns how many were found (at most max are written). */
size_t mask_find(const char *text, size_t n, struct mask_span *spans, size_t max);

/* Normalises `in`, masks, and appends: the masked normalised text to ret_norm, and the masked original (spans led back by
 * the offset map) to ret_original. Either may be NULL. scratch is reused. */
void mask_text(const char *in, size_t n, struct norm_text *scratch, struct buf *ret_norm,
               struct buf *ret_original);

#endif
