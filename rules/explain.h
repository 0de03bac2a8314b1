/* Why a text is found, and why another is not: what each rule saw, marked in the original, and what was missing for those
 * that came near. Pure: writes into a buffer, for people or as JSON.
 */
#ifndef TOCSIN_RULES_EXPLAIN_H
#define TOCSIN_RULES_EXPLAIN_H

#include "base/normalise.h"
#include "rules/set.h"

/* A text as rules see it, with the way back to what may be shown of the original: personal data is tokens in both. */
struct prepared {
    struct norm_text
        text;         /* normalised and masked, by the same mask_text as events; its offsets are into shown */
    struct buf shown; /* the original, masked */
};
void prepare(const char *original, size_t n, struct prepared *ret);
void prepared_release(struct prepared *p);

enum { EXPLAIN_NEAR_MAX = 5 };

/* What is missing is told in a short form, and in whole with json. */
void explain(const struct rule_set *set, const char *original, size_t n, bool json, struct buf *out);

#endif
