/* The rule engine: what is true of a text. What to do about it is decide.c's.
 *
 *   rule_set_load -> { matcher_new -> rules_match … -> matcher_free } -> rule_set_free
 *
 * A rule set is immutable after loading; a reload builds a new one aside (on a helper thread) and swaps it between two
 * turns. A matcher is the scratch memory of one thread. The answer is the same as running every pattern of every rule:
 * tests/unit/test_match.c holds that.
 */
#ifndef TOCSIN_RULES_RULES_H
#define TOCSIN_RULES_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/alert.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/event.h"

enum verdict {
    NO_MATCH,
    MATCH,
    UNSURE
}; /* UNSURE: a PCRE2 limit was met, or the text is like nothing that was learned; goes to a person, never to "no match" */
const char *verdict_name(enum verdict v); /* "no_match", "match", "unsure" */

enum rule_status { RULE_EXPERIMENTAL, RULE_TEST, RULE_STABLE, RULE_DEPRECATED };
const char *rule_status_name(enum rule_status s);

/* What goes out. NULL where a rule does not say it; slots {{…}} are filled by relay/render.c. */
struct rule_say {
    const char *voice, *voice_short, *rhyme;
    const char *headline;
    const char *lines[3];
    int n_lines;
    const char *chat, *duty, *caught, *correction;
};

/* By what events count together, besides the group that alerts are made for. The value is kept as a keyed hash. */
enum rule_same {
    SAME_NONE,
    SAME_NUMBER, /* suspect.number */
    SAME_PAYEE,  /* txn.payee_acct */
    SAME_DOMAIN, /* the first address in the text */
    SAME_CAPTURE /* a named group (?<name>…) of a pattern of all or any */
};

struct rule {
    const char *id;
    int rev;
    enum rule_status status;
    const char *title, *category;
    enum level level;
    unsigned kinds;      /* bit 1u << enum event_kind */
    int like_enough;     /* percent of likeness to learned texts that is enough (likeness.h); 0: none is */
    int threshold_count; /* default 1 */
    int64_t threshold_within_ms;
    int threshold_feeds;
    int threshold_victims; /* different victims; 0: not asked */
    enum rule_same threshold_same;
    const char *threshold_same_name; /* as written; the group's name of SAME_CAPTURE; NULL with SAME_NONE */
    int64_t expires_ms;
    struct rule_say say;
    const char *file; /* where it came from */
    int line;
    const char *const *samples_match, *const *samples_pass, *const *falsepositives, *const *references;
    size_t n_samples_match, n_samples_pass, n_falsepositives, n_references;
    int index;              /* in the set */
    struct rule_code *code; /* compiled; match.c only */
};

struct rule_set;

/* What was wrong with a file or rule; the others load. */
struct rule_problem {
    char file[256];
    int line;
    char rule[64]; /* "" when the file itself is at fault */
    struct reason why;
    bool warning; /* lint's advice; the rule loads */
};
struct rule_problems {
    struct rule_problem *items;
    size_t n;
};
void rule_problems_release(struct rule_problems *p);

/* Reads *.yaml of every directory in name order, compiles, runs each rule's own samples, and holds stable rules to what
 * strict.h asks. RELAY_OK also when some rules were left out (see problems); an error only when nothing could be read at
 * all. */
enum relay_err rule_set_load(const char *const *dirs, size_t n_dirs, struct rule_set **ret,
                             struct rule_problems *problems, struct reason *why) MUST_CHECK;
struct rule_set *rule_set_free(struct rule_set *s);

size_t rule_set_size(const struct rule_set *s);
const struct rule *rule_set_at(const struct rule_set *s, size_t i);
const struct rule *rule_set_find(const struct rule_set *s, const char *id);
const char *
rule_set_hash(const struct rule_set *s); /* 16 hex digits over all rules and the normaliser's version */

struct rule_hit {
    const struct rule *rule;
    enum verdict verdict; /* MATCH or UNSURE */
    bool only_like;       /* by likeness, not by what the rule says */
    uint32_t from, to;    /* the first decisive span in the text given; 0,0 for UNSURE */
};

/* Which of two rules that match a text makes the alert: what a rule says goes before what a text is only like, then the higher
 * level, then the lower id. */
static inline bool rule_hit_before(const struct rule_hit *a, const struct rule_hit *b)
{
    if (a->only_like != b->only_like) return b->only_like;
    if (a->rule->level != b->rule->level) return a->rule->level > b->rule->level;
    return strcmp(a->rule->id, b->rule->id) < 0;
}

/* True when counting alone is not enough: victims are counted, or a value must be the same. */
static inline bool rule_correlates(const struct rule *r)
{
    return r->threshold_victims > 0 || r->threshold_same != SAME_NONE;
}

/* The value by which events of this rule count together, where it stands in the text (SAME_DOMAIN, SAME_CAPTURE);
 * appended to ret. False when the text has none; what the mask has replaced is no value. */
bool rule_value(const struct rule *r, const char *text, size_t n, struct buf *ret);

struct matcher;
struct matcher *matcher_new(const struct rule_set *s);
struct matcher *matcher_free(struct matcher *m);

/* `text` is normalised and masked (event.text). Hits in rule id order; the array belongs to the matcher and lasts until the
 * next call. kind < 0: rules of every kind. Deprecated and experimental rules are not run unless `all`. */
size_t rules_match(struct matcher *m, const char *text, size_t n, int kind, bool all,
                   const struct rule_hit **ret);

#endif
