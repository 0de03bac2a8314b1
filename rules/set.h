/* A rule set from the inside: rules in id order, their prefilter, and which literals make which rule worth looking at.
 *
 *   rule_set_build takes the sources (and the arena they live in) and leaves out what does not compile, is there twice,
 *   fails its own samples or, when strict, is stable and not fit to be; each such rule is a problem.
 */
#ifndef TOCSIN_RULES_SET_H
#define TOCSIN_RULES_SET_H

#include "rules/compile.h"

enum { ENTRY_MAX = 7, KIND_RUNS = 1 << 15 };

/* A rule worth a look when the literal under which it is filed is there. Each mask has a bit for every literal of one more
 * clause that must hold; literals share bits, so this only sorts out most of what would fail at the entry. */
struct trigger {
    uint64_t second, third;
    uint32_t rule;
    int digits; /* in a row, at least */
};

/* What else has to hold for a rule, in one place: of words and of every pattern of `all`, less the clause that the triggers
 * stand for. */
struct entry {
    uint32_t n; /* those that the first pass of the scan can tell come first */
    uint32_t clauses[ENTRY_MAX];
};

struct rule_set {
    struct arena arena, hot;
    struct rule_source **rules; /* by id */
    size_t n;
    struct entry *entries; /* one a rule, what follows too */
    struct rule_code **codes;
    uint16_t *kinds;     /* bits of enum event_kind, and KIND_RUNS when its status lets it run */
    struct unit **units; /* every pattern once */
    size_t n_units;
    struct prefilter *prefilter;
    struct trigger *triggers;
    uint32_t *trigger_first; /* literal -> triggers[first[l] .. first[l + 1]) */
    size_t triggers_most;    /* of one literal */
    uint32_t *always;        /* rules without a usable literal */
    size_t n_always;
    uint32_t *likes; /* rules that go by likeness */
    size_t n_likes;
    bool jit_denied;
    char hash[17];
};

/* What becomes of a stable rule that is not fit to be (strict.h): nothing; a warning, where rules are only looked at; it is
 * left out, as in the relay. */
enum set_strictness { STRICT_NOT, STRICT_WARN, STRICT_REFUSE };

struct set_options {
    bool no_jit;
    enum set_strictness strict;
    bool keep_failing; /* rules that fail their own samples stay in: lint and test report them themselves */
};

/* Reads the files of directories in name order; a path may also be one file. RELAY_NOT_FOUND when nothing can be read. */
enum relay_err rule_sources_read(const char *const *paths, size_t n_paths, struct arena *a,
                                 struct rule_sources *out, struct rule_problems *problems,
                                 struct reason *why) MUST_CHECK;

/* Takes over *a and *sources. Never fails: a set may be empty. */
struct rule_set *rule_set_build(struct arena *a, struct rule_sources *sources, const struct set_options *o,
                                struct rule_problems *problems);

/* The rules of one text, read and built. name: as problems call it. */
struct rule_set *rule_set_of_text(const char *name, const char *text, size_t n, const struct set_options *o,
                                  struct rule_problems *problems);

/* Runs the rule's own samples; false, with a problem each, when one does not come out as it should. scan: of the rule's set,
 * which makes it quicker, or NULL. */
bool rule_try_samples(const struct rule_source *s, struct runner *r, struct scan *scan,
                      struct rule_problems *problems);

/* The text as rules see it, appended to out: normalised and masked. */
void rule_text_prepare(const char *text, size_t n, struct buf *out);

#endif
