/* A rule set from the inside: rules in id order, their prefilter, and which clauses make which rule worth looking at.
 *
 *   rule_set_build takes the sources (and the arena they live in) and leaves out what does not compile, is there twice, or
 *   fails its own samples; each such rule is a problem.
 */
#ifndef TOCSIN_RULES_SET_H
#define TOCSIN_RULES_SET_H

#include "rules/compile.h"

/* When the clause under which it is filed holds, and these others too, the rule is a candidate. */
struct trigger {
    uint32_t rule;
    unsigned n;
    uint32_t others[UNIT_CLAUSES_MAX];
};

struct rule_set {
    struct arena arena;
    struct rule_source **rules; /* by id */
    size_t n;
    struct prefilter *prefilter;
    struct trigger *triggers;
    uint32_t *trigger_first; /* clause -> triggers[first[c] .. first[c + 1]) */
    uint32_t *always;        /* rules without a usable literal */
    size_t n_always;
    bool jit_denied;
    char hash[17];
};

struct set_options {
    bool no_jit;
    bool keep_failing; /* rules that fail their own samples stay in: lint and test report them themselves */
};

/* Reads the files of directories in name order; a path may also be one file. RELAY_NOT_FOUND when nothing can be read. */
enum relay_err rule_sources_read(const char *const *paths, size_t n_paths, struct arena *a,
                                 struct rule_sources *out, struct rule_problems *problems,
                                 struct reason *why) MUST_CHECK;

/* Takes over *a and *sources. Never fails: a set may be empty. */
struct rule_set *rule_set_build(struct arena *a, struct rule_sources *sources, const struct set_options *o,
                                struct rule_problems *problems);

/* Runs the rule's own samples; false, with a problem each, when one does not come out as it should. */
bool rule_try_samples(const struct rule_source *s, struct runner *r, struct rule_problems *problems);

/* The text as rules see it, appended to out: normalised and masked. */
void rule_text_prepare(const char *text, size_t n, struct buf *out);

#endif
