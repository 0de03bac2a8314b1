/* One pass over a text that finds every literal which any rule needs, and so the clauses that hold. Design section 7.
 *
 *   prefilter_new -> prefilter_clause … -> prefilter_build -> { scan_init -> prefilter_scan, scan_has … -> scan_release }
 *                 -> prefilter_free
 *
 * A literal is filed under one pair of neighbouring characters in it, the pair that the fewest others are filed under. The
 * scan looks each pair of the text up in a bitmap that fits the first-level cache, and only then in a hash table.
 * After building it is immutable and any thread may scan; the scan is one thread's. Pure; no library call on the hot path.
 */
#ifndef TOCSIN_RULES_PREFILTER_H
#define TOCSIN_RULES_PREFILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "rules/pattern.h"

struct prefilter;

struct prefilter *prefilter_new(void);
struct prefilter *prefilter_free(struct prefilter *p); /* returns NULL; takes NULL and half-built */

/* The number of this clause (settled); the same set of strings gets the same number. Strings are copied. */
uint32_t prefilter_clause(struct prefilter *p, const struct clause *c);
void prefilter_build(struct prefilter *p);

size_t prefilter_clauses(const struct prefilter *p);
size_t prefilter_literals(const struct prefilter *p);
size_t prefilter_bytes(const struct prefilter *p); /* memory held */

/* What one text holds; reused from text to text. */
struct scan {
    uint64_t *literal_bits, *clause_bits;
    uint32_t *literals, *clauses; /* those whose bits are set, in the order found */
    size_t n_literals, n_clauses;
    char *text; /* copy of the text with room behind it, so that eight bytes can be read anywhere */
    size_t len, cap;
};
void scan_init(struct scan *s, const struct prefilter *p);
void scan_release(struct scan *s);

enum { SCAN_PADDING = 16 };

/* Any bytes; only whole matches of literals count. */
void prefilter_scan(const struct prefilter *p, struct scan *s, const char *text, size_t n);

static inline bool scan_has(const struct scan *s, uint32_t clause)
{
    return s->clause_bits[clause >> 6] >> (clause & 63) & 1;
}

#endif
