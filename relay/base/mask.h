/* Finds personal data in normalised text and replaces it by tokens. Design section 6.
 *
 *   ‹tel›   mobile and landline numbers, with or without +86; abroad: 00 or + and 7 to 15 digits; 7 digits and more after
 *           电话, 微信, qq …; names of letters and digits after 微信 and the like
 *   ‹id›    identity numbers (GB 11643 check digit, or the old 15 digits); what follows 身份证, 护照, 住院号 …; number plates
 *   ‹card›  bank cards (Luhn); what follows 卡号, 账号 …
 *   ‹mail›  mail addresses
 *   ‹name›  full names after a word that announces one or after a bed, before a title (王建国先生; 张医生 stays), a number
 *           or an age; names from abroad with a dot between their parts
 *   ‹bed›   beds and rooms: 3床, 5楼12床, 302病房, 2单元1203; where somebody lives, after 家住, 住址 …
 *
 * Hotlines (rules/data/hotlines.txt: 96110, 95xxx, 400 …), amounts, dates and times are not personal; what has stars
 * is masked already. The words are in rules/data/personal.txt, what comes of them in tests/cases/mask.txt.
 * One helper for everything: events, logs, the command line.
 */
#ifndef TOCSIN_BASE_MASK_H
#define TOCSIN_BASE_MASK_H

#include <stdbool.h>
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
 * the offset map) to ret_original. Either may be NULL. The first is the normal form of the second, and
 * masking either again changes nothing. scratch is reused; afterwards it holds the first, with offsets into the second. */
void mask_text(const char *in, size_t n, struct norm_text *scratch, struct buf *ret_norm,
               struct buf *ret_original);

/* Appends `in`, which is valid UTF-8, masked: for a text here and there that rules do not look at. */
void mask_original(const char *in, struct buf *ret);

/* Is there something of these kinds (MASK_BIT(…) | …) in the text? The first one's kind, and its words appended to ret_words unless
 * that is NULL. For texts that are refused, not masked. */
#define MASK_BIT(kind) (1u << (kind))
#define MASK_ANY       (~0u)
bool mask_first(const char *text, unsigned kinds, enum mask_kind *ret, struct buf *ret_words);

/* Numbers of rules/data/hotlines.txt, digits only: nobody's own; and those that texts for patients may give. */
bool mask_is_hotline(const char *digits, size_t n);
bool mask_may_be_given(const char *digits, size_t n);

#endif
