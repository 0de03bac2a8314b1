/* Lists of a pack: what many patterns have in common, said once. `lists.yaml` beside the rules, and `lists_….yaml` after it in
 * the order of their names, give each a name:
 *
 *   illness: ['手术|抢救', '住院']           a pattern, or several of which one is enough
 *   ask_pay: '{{pay}}.{0,8}(?:费|钱)'        may use the lists above it
 *
 * and '{{illness}}' in a pattern of all, any or none of a rule in the same folder stands for (?:手术|抢救|住院).
 *
 *   rule_lists_read -> rule_lists_fill …   everything lives in the arena
 */
#ifndef TOCSIN_RULES_LISTS_H
#define TOCSIN_RULES_LISTS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/mem.h"

#define RULE_LISTS_FILE "lists.yaml"
#define RULE_LISTS_MORE "lists_*.yaml"

struct rule_problems;

struct rule_list {
    const char *name, *pattern; /* the pattern is filled already */
};
struct rule_lists {
    const char *folder; /* whose lists these are; NULL: none were read */
    int files;
    bool incomplete; /* a whole file of them could not be read */
    struct rule_list *items;
    size_t n;
    struct rule_missed *missed; /* names that were used and are no list */
};
/* Where a pattern stands. */
struct rule_use {
    const char *file, *rule, *key; /* rule: NULL in a list */
    int line;
};

bool rule_lists_is_file(const char *path); /* is it one of them, by its name? */

/* The lists beside the rule file `path`, read anew only for another folder. No such file: no lists. What is wrong with a
 * list is a problem, and the list is left out. */
void rule_lists_read(struct rule_lists *l, const char *path, struct arena *a, struct rule_problems *problems);

/* *ret: the pattern with each {{name}} filled in; `text` itself when it has none. RELAY_NOT_FOUND, without a
 * reason, for an unknown name: rule_lists_miss tells it. */
enum relay_err rule_lists_fill(const struct rule_lists *l, const char *text, struct arena *a,
                               const char **ret, struct reason *why) MUST_CHECK;

/* A name in `text` that no list has becomes one problem, at its first use, that counts the places of the others; all names
 * together become one when the files of lists are not there or cannot be read. What only follows from a fault that has been
 * told is counted there. */
void rule_lists_miss(struct rule_lists *l, const char *text, const struct rule_use *at, struct arena *a,
                     struct rule_problems *problems);

#endif
