/* Between config.c (tables, loading) and config_check.c (what a table cannot say). Nobody else includes it. */
#ifndef TOCSIN_RELAY_CONFIG_INTERNAL_H
#define TOCSIN_RELAY_CONFIG_INTERNAL_H

#include "config.h"

/* Completes what was loaded (adapters' own keys, inherited values, areas without trailing 00, compiled matchers) and adds
 * every problem that it finds. Takes a configuration that was loaded with mistakes: absent strings are NULL then. */
void config_check(struct relay_config *c, struct opt_problems *problems);

#endif
