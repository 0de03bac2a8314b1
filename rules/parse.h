/* Rule files: YAML to struct rule and what it matches by, through one option table. Nothing is compiled here.
 *
 *   rules_parse_file | rules_parse_text -> struct rule_source … (all in the arena)
 *
 * One file holds one rule (a map) or a list of rules; its patterns may use the lists beside it (lists.h). What is wrong with a rule becomes a problem with file, line and
 * reason, and the others are read.
 */
#ifndef TOCSIN_RULES_PARSE_H
#define TOCSIN_RULES_PARSE_H

#include "base/mem.h"
#include "io/options.h"
#include "rules/likeness.h"
#include "rules/lists.h"
#include "rules/rules.h"

enum {
    RULE_WORD_LISTS_MAX = 12, /* lists of words in a rule */
    RULE_WORDS_MAX = 100,     /* words in a list */
    RULE_PATTERNS_MAX = 64,   /* patterns in each of all, any, none */
    RULE_SAMPLES_MAX = 200,
    RULE_NEAR_MAX = 2000 /* characters */
};

struct rule_text {
    const char *text;
    int line;
    bool quoted;
    bool joined; /* of any: stands in one list with the pattern before it, so both must be there */
};
struct rule_texts {
    struct rule_text *items;
    size_t n;
};

/* `match:` as written. words: one of each list within `near` characters, in any order. An entry of any is a pattern, or a
 * list of patterns that must all be there. learned: a text that is so much like what was learned of the rule's category, and
 * has none of like_none, matches whatever else is said here. */
struct rule_match {
    struct rule_texts words[RULE_WORD_LISTS_MAX];
    size_t n_words;
    int near;
    struct rule_texts all, any, none;
    const struct likeness *like; /* NULL: not asked */
    int like_kind;
    bool like_doubt; /* a text that is like no kind that was learned is for a person to judge */
    struct rule_texts like_none;
};

struct rule_source {
    struct rule rule; /* code and index are not set yet */
    struct rule_match match;
    struct rule_texts samples_match, samples_pass; /* the same as in rule, with their lines */
    const struct yaml_node *node;                  /* for lint */
};

struct rule_sources {
    struct rule_source **items;
    size_t n, cap;
    struct rule_lists lists;   /* of the folder that is being read */
    struct likeness *likeness; /* of it too, once a rule has asked; NULL: none */
    const char *likeness_folder;
};
void rule_sources_release(struct rule_sources *s); /* the list; the rules are the arena's */

extern const struct opt_row rule_rows[];

enum relay_err rules_parse_file(const char *path, struct arena *a, struct rule_sources *out,
                                struct rule_problems *problems) MUST_CHECK;
enum relay_err rules_parse_text(const char *name, const char *text, size_t n, struct arena *a,
                                struct rule_sources *out, struct rule_problems *problems) MUST_CHECK;

/* Appends; rule may be NULL or "". */
void rule_problem_add(struct rule_problems *p, bool warning, const char *file, int line, const char *rule,
                      const char *fmt, ...) PRINTF(6, 7);

/* The line of say.<key>, or of say.<block>.<key> when block is not NULL; the rule's own where there is none. */
int rule_say_line(const struct rule_source *s, const char *block, const char *key);

bool rule_id_valid(const char *s); /* [a-z][a-z0-9_]{1,62} */

#endif
