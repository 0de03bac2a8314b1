/* What a rule set costs: events a second, and nanoseconds an event of each rule. For `tocsin rules bench` and lint. */
#ifndef TOCSIN_RULES_MEASURE_H
#define TOCSIN_RULES_MEASURE_H

#include "rules/set.h"

struct rule_cost {
    const struct rule *rule;
    double ns;         /* an event, over all texts; without likeness */
    size_t candidates; /* texts for which it was looked at */
    size_t found;      /* by what it says */
    bool always;       /* no literal: looked at for every text */
};

struct measure {
    size_t texts, bytes; /* normalised */
    double events_per_s;
    double scan_per_s; /* the literal scan alone */
    double like_ns;    /* an event: what it is like, for all rules together */
    size_t candidates, found;
    size_t literals, clauses, prefilter_bytes;
    struct rule_cost *rules; /* dearest first; set size of them */
};

/* texts: as people write them. Takes about a second. n > 0. */
void rules_measure(const struct rule_set *set, const char *const *texts, size_t n, struct measure *ret);
void measure_release(struct measure *m);

#endif
