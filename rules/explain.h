/* Why a text is found, and why another is not: what each rule saw, marked in the original, and what was missing for those
 * that came near. Pure: writes into a buffer, for people or as JSON.
 */
#ifndef TOCSIN_RULES_EXPLAIN_H
#define TOCSIN_RULES_EXPLAIN_H

#include "rules/set.h"

/* A text as rules see it, with the way back. */
struct prepared {
    struct buf text; /* normalised and masked */
    uint32_t *
        origin; /* origin[i]: the byte of the original that text[i] came from; origin[len] = original length */
};
void prepare(const char *original, size_t n, struct prepared *ret);
void prepared_release(struct prepared *p);

enum { EXPLAIN_NEAR_MAX = 5 };

void explain(const struct rule_set *set, const char *original, size_t n, bool json, struct buf *out);

#endif
