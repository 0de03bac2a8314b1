/* A small, strict reader of the regular expressions that rules may use, so that the engine knows what a pattern needs
 * before PCRE2 ever runs it.
 *
 *   pattern_split -> pattern_parse (checks and normalises the literals) -> pattern_shape, pattern_needs (what a match contains)
 *                                                                       -> node_regex (for PCRE2)
 *                                                                       -> pattern_witness, pattern_attacks (for lint)
 *
 * Normalised text has one kind of digits, so \d is 0-9 here. It reads the useful part of PCRE2: literals, escapes, classes, groups, alternation, quantifiers, lookarounds, ^ $ \b.
 * What it does not read (back-references, recursion, conditions, verbs, \K, \Q…\E, x flag …) is refused with what to
 * write instead: nothing reaches PCRE2 that this file did not understand. What pattern_shape cannot be sure of it leaves
 * out, so a needed literal is never one too many.
 *
 * Everything lives in the arena. Stateless, any thread.
 */
#ifndef TOCSIN_RULES_PATTERN_H
#define TOCSIN_RULES_PATTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"

enum { PATTERN_BYTES_MAX = 12000, PATTERN_DEPTH_MAX = 40 };

enum node_kind {
    NODE_LITERAL, /* text: one or more code points in normal form */
    NODE_SET,     /* one character; members listed when few, else text only */
    NODE_EMPTY,   /* takes no character: ^ $ \b, flags, nothing */
    NODE_CONCAT,
    NODE_ALT,
    NODE_REPEAT, /* kids[0], min..max */
    NODE_GROUP,  /* kids[0] */
    NODE_LOOK    /* kids[0], takes no character */
};

struct node {
    enum node_kind kind;
    const char
        *text; /* LITERAL: UTF-8; SET and EMPTY: as PCRE2 reads it; GROUP and LOOK: how it opens, "(?:" */
    const char *inside; /* GROUP: what is in it, as written; n_inside bytes of the pattern's source */
    size_t n_inside;
    struct node **kids;
    size_t n_kids;
    const char **members; /* SET: each as UTF-8; n_members 0 when there are too many to list */
    size_t n_members;
    int min, max;       /* REPEAT; max -1: no end */
    const char *greedy; /* REPEAT: "", "?" or "+" */
    bool negative;      /* LOOK */
    bool digit;         /* SET: 0-9 and nothing else */
    const char *sample; /* SET: one character that it takes, as far as can be told */
};

struct pattern {
    const char *source; /* as written */
    struct node *root;
};

/* RELAY_INVALID with what to write instead. A literal character that can never appear in normalised text is such an error,
 * and the reason shows the right form; a run of literals that normalises to another (hxxp, 加 微 信) is replaced. */
enum relay_err pattern_parse(const char *text, size_t n, struct arena *a, struct pattern **ret,
                             struct reason *why) MUST_CHECK;

bool node_has_flags(const struct node *n); /* (?m) or (?s:…) in it: what is round a part says what it means */

/* As PCRE2 gets it: literals in normal form. */
const char *node_regex(const struct node *n, struct arena *a);

/* A part of a choice. bracket: an alternative that is one (?:…), whose inside it is, as a list of the pack when it is filled
 * in; else the alternatives between two such. */
struct piece {
    const char *text; /* of the pattern's, not terminated */
    size_t n;
    bool bracket;
};
enum { PIECES_MAX = 256 };
/* The pieces, of which one is enough for a match of the pattern; they mean the same alone. 0: the pattern is to be read as a
 * whole. Only brackets are looked at: whether a piece is right, pattern_parse says. */
size_t pattern_split(const char *text, size_t n, struct piece ret[static PIECES_MAX]);

/* Strings of which at least one must be in the text. */
struct clause {
    const char **items; /* UTF-8, none contains another */
    size_t n;
    double odds; /* a guess of how likely a text contains one */
};
/* All of these must hold. n 0: nothing is known to be needed. */
struct needs {
    struct clause *items;
    size_t n;
};
/* One string of the clause, and then within `reach` bytes, from beginning to beginning, one of the next link's. */
struct link {
    struct clause clause;
    size_t reach; /* SIZE_MAX: anywhere behind */
};
/* One way to match: an alternative of the top level. */
struct branch {
    struct node *node;
    struct needs needs;
    struct link *links; /* in the order in which they must come; fewer than 2 say nothing */
    size_t n_links;
    size_t digits; /* that many digits in a row must be there, somewhere */
};
/* What can be said of a pattern without running it. */
struct shape {
    struct clause
        plain; /* alternatives that are plain strings: where one of them is, the pattern matches. n 0: none */
    struct branch
        *branches; /* the other alternatives: where each one's needs or order fail, it does not match */
    size_t n_branches;
};
struct shape pattern_shape(const struct pattern *p, struct arena *a);
struct needs pattern_needs(const struct pattern *p, struct arena *a); /* of the whole */

/* Drops from the clause what contains another of its strings, and those too short to look for make the whole clause
 * useless: false then. Sorts, and fills odds. */
bool clause_settle(struct clause *c);

/* As people read it, appended: its first alternatives and how many more there are, gaps as …, what need not be there left
 * out. At most some 200 bytes. */
void pattern_brief(const struct pattern *p, struct buf *out);
bool pattern_is_choice(const struct pattern *p); /* a|b|c */

/* At most so many steps from one place of a text of `bytes`, and at most EFFORT_MAX is told. It reads the shape alone, so it
 * is quick and never too low, but may be far too high: a pattern over a limit wants to be tried. */
#define EFFORT_MAX 1e12
double pattern_effort(const struct pattern *p, size_t bytes);

/* A text that the pattern probably matches: the shortest way through. */
void pattern_witness(const struct pattern *p, struct buf *out);

/* Texts made to be slow for this pattern: each repetition pumped up to `bytes` and then broken, and so on. Calls fn for
 * each. */
void pattern_attacks(const struct pattern *p, size_t bytes, void (*fn)(void *arg, const char *text, size_t n),
                     void *arg);

#endif
