/* Rules made ready to run: patterns through PCRE2 (UTF, UCP, JIT where the system allows it), words put into normal form,
 * and of both what must be in a text before it is worth looking. Inside the engine only.
 *
 *   compiler_init -> rule_compile … -> compiler_release;   runner_init -> rule_run … -> runner_release
 *
 * A struct rule_code is immutable once its set is built. A runner is the scratch memory of one thread.
 */
#ifndef TOCSIN_RULES_COMPILE_H
#define TOCSIN_RULES_COMPILE_H

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "rules/parse.h"
#include "rules/pattern.h"
#include "rules/prefilter.h"

enum {
    UNIT_CLAUSES_MAX = 6,
    UNIT_MUSTS_MAX = 8,
    MATCH_LIMIT = 100000, /* steps from one place in the text */
    DEPTH_LIMIT = 20000,
    HEAP_LIMIT_KIB = 4096,
    WINDOW_BYTES = 8192, /* a pattern looks at a longer text in pieces of this size … */
    WINDOW_STEP = 4096   /* … that begin this far apart, so a match of up to the difference is never cut.
                            A rule is about the whole text: its patterns may hold in different pieces, one of `none`
                            in any of them forbids it, and `near` counts across them. */
};

/* A few numbers of clauses that must all hold; n 0: nothing is known, so it has to be run. */
struct gate {
    uint32_t clauses[UNIT_CLAUSES_MAX]; /* rarest first */
    unsigned n;
    float odds; /* a guess of how often all of them hold */
};

/* struct link with the number of its strings. */
struct step {
    uint32_t clause;
    size_t reach;
};

struct code {
    pcre2_code *re;
    bool jit;
};

/* A pattern, or a part of one. What is written the same is one unit, whichever patterns it is a part of: it is compiled once,
 * and asked once of a text.
 *
 * A choice matches where one of its plain strings is, which the scan alone can tell, or where one of its parts does. What is
 * no choice has code, which is not run unless the gate is open, the digits are there, the steps come in their order, and
 * each of its parts matches somewhere: they are the choices that stand in it. */
struct unit {
    struct gate gate; /* of the whole */
    struct unit **parts;
    struct code code;
    struct step *steps;
    uint32_t *plains;                            /* its own plain strings, and those of its parts */
    uint32_t n_parts, n_code, n_steps, n_plains; /* the first n_code parts are more than plain strings */
    int digits; /* that stand in a row in every match, where they are enough to tell something */
    bool lazy;  /* a step or a plain string is a single character, whose places are not in the first pass */
    bool filed;
    uint32_t index; /* in the set */
    const struct pattern *pattern;
    const struct clause *plain;  /* NULL: has none of its own */
    const struct branch *branch; /* of code */
};

struct word_list {
    const char **items; /* in normal form; once filed, none contains another */
    size_t n;
    bool clause_known;
    uint32_t clause;
};

/* An entry of any: these units must all match. */
struct entry_of_any {
    uint32_t first, n; /* in units */
};

struct rule_code {
    struct unit **units; /* all, then those of any, then none, then those of learned */
    const int *lines;    /* of each */
    size_t n_all, n_any, n_none, n_like_none;
    struct entry_of_any *entries;
    size_t n_entries;
    struct word_list *lists;
    size_t n_lists;
    int near;
    const struct likeness *like; /* NULL: not asked */
    int like_kind;
    int64_t like_enough; /* points; INT64_MAX: no likeness is enough */
    int64_t like_doubt;  /* under so many points of every kind a match is UNSURE; INT64_MIN: never */
    struct gate words;
    bool words_lazy;
    bool words_known; /* the scan finds the words of every list */
};

static inline const struct unit *unit_all(const struct rule_code *c, size_t i)
{
    return c->units[i];
}
static inline const struct unit *unit_none(const struct rule_code *c, size_t i)
{
    return c->units[c->n_all + c->n_any + i];
}

static inline const struct unit *unit_like_none(const struct rule_code *c, size_t i)
{
    return c->units[c->n_all + c->n_any + c->n_none + i];
}
static inline size_t rule_units(const struct rule_code *c)
{
    return c->n_all + c->n_any + c->n_none + c->n_like_none;
}

/* The part of `match` that pattern i stands in. */
static inline const char *rule_part(const struct rule_code *c, size_t i)
{
    if (i < c->n_all) return "all";
    if (i < c->n_all + c->n_any) return "any";
    return i < c->n_all + c->n_any + c->n_none ? "none" : "learned.none";
}

/* The pattern as written, short enough for a message. */
const char *unit_excerpt(const struct unit *u, char room[static 128]);

struct compiler {
    struct arena *arena, *hot; /* hot: what matching looks at, close together */
    pcre2_compile_context *context;
    struct unit **units; /* every pattern once */
    size_t n_units, cap;
    uint32_t *table; /* by what is written */
    size_t slots;
    bool jit; /* wanted */
    bool
        jit_denied; /* the system gives no executable memory: the interpreter does the work, with the same answers */
};
void compiler_init(struct compiler *c, struct arena *a, struct arena *hot, bool jit);
/* The patterns themselves are the caller's: units_free. */
void compiler_release(struct compiler *c);
void units_free(struct unit **units, size_t n);

/* Sets rule->code. On failure *ret_line is the line at fault. */
enum relay_err rule_compile(struct compiler *c, struct rule_source *s, int *ret_line,
                            struct reason *why) MUST_CHECK;

/* The pattern as it is written, for whoever wants to run it without what the scan found. No code where PCRE2 takes the parts
 * alone. */
void unit_compile_whole(const struct unit *u, struct code *ret);

/* Enters what the rule needs into the prefilter. */
void rule_code_file(struct rule_code *code, struct prefilter *p, struct arena *a, struct arena *hot);

/* Sorts gates anew after odds have changed, and learns what the first pass of the scan leaves out. */
void unit_weigh(struct unit *u, const struct prefilter *p);
void rule_code_weigh(struct rule_code *code, const struct prefilter *p);

struct occurrence {
    uint32_t from, to, list;
};
struct span {
    uint32_t from, to;
};
/* What a pattern said of this text already. */
struct memo {
    uint8_t asked;
    uint8_t verdict;
    struct span span;
};
/* What the text is like. */
struct liked {
    struct likeness_of of;
    bool done; /* of this text */
};
struct runner {
    const struct scan *scan; /* the text that the memos are of */
    uint64_t serial;
    struct liked *likes; /* one for each pack that has learned */
    size_t n_likes;
    bool only_like;     /* the last match was one by likeness alone */
    bool unlike;        /* the last answer was UNSURE for want of likeness */
    struct memo *memos; /* one a unit of the set */
    uint32_t *asked;
    size_t n_asked;
    pcre2_match_data *data;
    pcre2_match_context *context;
    pcre2_jit_stack *stack;
    struct occurrence *found;
    size_t cap;
    struct code *whole; /* of units that have none of their own, when they were run */
    size_t n_whole;
};
void runner_init(struct runner *r, size_t n_units); /* n_units: of the set whose scans are passed, else 0 */
void runner_release(struct runner *r);

/* text: valid UTF-8, normalised. scan: what the prefilter found in the same text, or NULL to run everything.
 * *ret: the first decisive span when it matches; all of the text when only likeness decides. */
enum verdict rule_run(const struct rule_code *code, struct runner *r, struct scan *scan, const char *text,
                      size_t n, struct span *ret);
/* The same without likeness. */
enum verdict rule_says(const struct rule_code *code, struct runner *r, struct scan *scan, const char *text,
                       size_t n, struct span *ret);
/* Whether the literals that the rule needs are there; rule_says asks it first. */
bool rule_possible(const struct rule_code *code, struct scan *scan);
/* Its parts, for explain. */
enum verdict unit_run(const struct unit *u, struct runner *r, const char *text, size_t n, struct span *ret);
/* Of a rule that goes by likeness: what the text is like, found once a text when there is a scan. The runner's. */
const struct likeness_of *like_run(const struct rule_code *code, struct runner *r, struct scan *scan,
                                   const char *text, size_t n);
enum verdict words_run(const struct rule_code *code, struct runner *r, const char *text, size_t n, int near,
                       struct span *ret);

#endif
