/* What a rule must be before it may be stable: its texts there and worded as patients can bear, samples of both kinds, and
 * no pattern that can be made to run without end.
 *
 * lint tells all of it of every rule. The loader leaves out a stable rule that fails (rule_set_load, and the relay with it),
 * by the same checks but for patterns: it tries only those that by their shape could be endless, and after ten that are
 * takes the others for endless too, so that 2,000 rules load within half a second. To try every pattern, also in pieces of
 * 8 KiB as in use, takes some milliseconds each: that is done by `rules lint`, and so before `rules install` and `rules
 * stable` let a rule in.
 */
#ifndef TOCSIN_RULES_STRICT_H
#define TOCSIN_RULES_STRICT_H

#include "rules/set.h"

/* code: "text_missing", stable, for tools. line: in the rule's file. Both texts only for the time of the call. */
typedef void strict_find_fn(void *arg, bool error, int line, const char *code, const char *text);

/* Texts and samples; what only a stable rule must have is an error with one, and advice with the others. Whether the samples
 * come out right is rule_try_samples'. r, scan: of the rule's set. */
void strict_check(const struct rule_source *s, struct runner *r, struct scan *scan, strict_find_fn *fn,
                  void *arg);

/* Every text of `say` that is there. name: "voice" …, and "headline", "lines" for the screen's. */
typedef void strict_text_fn(void *arg, const char *name, const char *text, int line);
void strict_each_text(const struct rule_source *s, strict_text_fn *fn, void *arg);

/* Slots that nothing fills are refused whatever the status is: false then, with a problem each. */
bool strict_slots(const struct rule_source *s, struct rule_problems *problems);

/* The worst that texts made for it do to a pattern. */
struct trial {
    bool endless;
    uint32_t steps; /* from one place; a power of two times 100 that was enough */
    int64_t ms;     /* of a whole piece of a long text, as in use */
};
/* Milliseconds, or some tens of them when there is no end. u: one that has code of its own. */
struct trial strict_try(const struct unit *u);
/* Whether strict_try would say endless, of those whose shape lets one fear it; of the others nothing is run. */
bool strict_runs_away(const struct unit *u);
/* Says so of the rule's pattern i. */
void strict_find_endless(const struct rule_source *s, size_t i, strict_find_fn *fn, void *arg);

/* A problem for each stable rule that fails, which says what to do; when refusing, it is taken out. set: that the rules are
 * compiled for and filed in. */
void strict_sift(const struct rule_set *set, struct rule_sources *rules, bool refuse,
                 struct rule_problems *problems);

#endif
