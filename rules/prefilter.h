/* Finds the literals which rules need in a text, and so the clauses that hold. Design section 7.
 *
 *   prefilter_new -> prefilter_clause … -> prefilter_build -> prefilter_make_eager … -> prefilter_finish
 *                 -> { scan_init -> { prefilter_scan, scan_has … } -> scan_release } -> prefilter_free
 *
 * A literal is filed under one pair of neighbouring characters in it, the pair that the fewest others are filed under. One
 * pass looks each pair of the text up in a bitmap that fits the first-level cache, and only then in a hash table. Literals
 * of one character are in nearly every text: those are asked for only when a rule comes near, first whether they are there
 * at all (a bitmap of the text's characters), and where they are only when order matters.
 * After building it is immutable and any thread may scan; a scan is one thread's. Pure; no library call on the hot path.
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
/* The one that holds where one of these does. False when that would be too many strings to be worth it. */
bool prefilter_join(struct prefilter *p, const uint32_t *clauses, size_t n, uint32_t *ret);
void prefilter_build(
    struct prefilter *p); /* numbers of literals hold from here on, those of clauses did before */

/* Rules are filed under this literal: it is looked for in the first pass even when it is a single character. */
void prefilter_make_eager(struct prefilter *p, uint32_t literal);
void prefilter_finish(struct prefilter *p); /* after the last of them */
/* Whether the first pass alone can say that the clause holds. */
bool prefilter_is_eager(const struct prefilter *p, uint32_t clause);

size_t prefilter_clauses(const struct prefilter *p);
size_t prefilter_literals(const struct prefilter *p);
size_t prefilter_bytes(const struct prefilter *p); /* memory held */
double prefilter_odds(const struct prefilter *p, uint32_t clause);
/* A better guess of how many texts hold a clause than its length. */
void prefilter_set_odds(struct prefilter *p, uint32_t clause, double odds);
uint32_t prefilter_length(const struct prefilter *p, uint32_t literal);

/* The literals of a clause, by number. */
struct clause_ref {
    uint32_t first, n; /* into ids */
};

struct literal_hit {
    uint32_t literal, from; /* byte of the text */
};

/* What one text holds; reused from text to text. Larger answers are found when they are asked for. */
struct scan {
    const struct prefilter *prefilter;
    const struct clause_ref *clauses; /* the prefilter's */
    const uint32_t *ids;
    const char *text; /* the caller's */
    size_t len;
    uint64_t serial;        /* how many texts there have been */
    uint64_t *literal_bits; /* literals of the first pass that are there */
    uint32_t *literals;     /* those whose bits are set, in the order found */
    size_t n_literals;
    struct literal_hit *hits; /* every place of every literal; in order of place after scan_places */
    size_t n_hits, cap_hits;
    uint8_t *known;    /* what is known of a clause */
    uint32_t *touched; /* clauses of which something is known */
    size_t n_touched;
    size_t tried;         /* literals of clauses, one by one */
    size_t tries_worth;   /* up to so many */
    uint64_t *characters; /* a bit for each of the text's, of the basic plane */
    uint16_t *words;      /* which words of characters are not 0 */
    size_t n_words;
    bool has_holders, has_characters, has_singles, sorted;
    bool checked, valid; /* UTF-8: asked only when PCRE2 is about to see the text */
    int digits;          /* the longest row of digits; -1 until asked */
};
void scan_init(struct scan *s, const struct prefilter *p);
void scan_release(struct scan *s);

/* The first pass. Any bytes; only whole matches of literals count. The text must stay until what was found has been used. */
void prefilter_scan(struct scan *s, const char *text, size_t n);

/* What is known of a clause. */
enum { KNOWN_NOTHING, KNOWN_ABSENT, KNOWN_THERE };

bool scan_ask(struct scan *s, uint32_t clause);
static inline bool scan_has(struct scan *s, uint32_t clause)
{
    return s->known[clause] == KNOWN_NOTHING ? scan_ask(s, clause) : s->known[clause] == KNOWN_THERE;
}

/* The hits in order of place. singles: with those of one character that the first pass left out. */
void scan_places(struct scan *s, bool singles);

int scan_count_digits(struct scan *s);
/* Whether so many digits stand in a row. */
static inline bool scan_has_digits(struct scan *s, int n)
{
    return n <= (s->digits < 0 ? scan_count_digits(s) : s->digits);
}

/* One of 64 bits, for masks that stand for sets of literals. */
static inline uint64_t literal_bit(uint32_t literal)
{
    return 1ULL << (literal * 0x9e3779b1U >> 26);
}

/* Whether a literal is one of a clause's. */
static inline bool clause_has(const struct scan *s, uint32_t clause, uint32_t literal)
{
    const uint32_t *ids = s->ids + s->clauses[clause].first;
    uint32_t from = 0, to = s->clauses[clause].n;
    while (from < to) {
        uint32_t mid = from + (to - from) / 2;
        if (ids[mid] == literal) return true;
        if (ids[mid] < literal)
            from = mid + 1;
        else
            to = mid;
    }
    return false;
}

/* The literals of a clause, for filing: numbers, ascending. */
const uint32_t *prefilter_clause_literals(const struct prefilter *p, uint32_t clause, size_t *ret_n);

#endif
