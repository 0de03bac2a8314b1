/* What a careful colleague would say about a rule before it goes out: schema (the loader's own problems), literals, cost,
 * patterns that can be made to run for ever, the wording of what patients hear and read, samples.
 *
 *   lint_set -> struct lint -> lint_release
 *
 * An error keeps a rule from being `stable`; a warning is advice. Nothing is changed.
 */
#ifndef TOCSIN_RULES_LINT_H
#define TOCSIN_RULES_LINT_H

#include "rules/set.h"

struct lint_finding {
    char file[256];
    int line;
    char rule[64];
    const char *code; /* "speech_length": stable, for tools */
    bool error;
    char text[480];
};
struct lint {
    struct lint_finding *items;
    size_t n, errors;
};
void lint_release(struct lint *l);

/* set: built with keep_failing from what problems were noted in. Findings stand in order of file and line. */
void lint_set(const struct rule_set *set, const struct rule_problems *problems, struct lint *ret);

/* The kinds of scam that reports and statistics know. */
struct rule_category {
    const char *id, *title_zh;
};
extern const struct rule_category rule_categories[]; /* ends with a NULL id */

#endif
