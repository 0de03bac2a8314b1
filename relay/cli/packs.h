/* Where rule packs are, for verbs that need no daemon: --packs, else the configuration's, else the installed pack, else that
 * of the sources the program was built from; and without --packs the rules that people have installed. */
#ifndef TOCSIN_RELAY_CLI_PACKS_H
#define TOCSIN_RELAY_CLI_PACKS_H

#include <stddef.h>

#include "base/mem.h"
#include "rules/rules.h"

enum { PACKS_MAX = 1024 }; /* files may be named one by one */

/* `config` as given on the command line, or NULL. Strings live in the arena or where they were given. Returns how many; 0, with
 * why on standard error, when there is a configuration and it cannot be understood. */
size_t packs_find(const char *const *given, size_t n_given, const char *config, struct arena *arena,
                  const char *ret[static PACKS_MAX]);

/* One line each, on standard error: file, line, rule and what to do. Returns how many are errors. */
size_t packs_print_problems(const struct rule_problems *p);

#endif
