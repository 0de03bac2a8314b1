/* Every verb: one row each, in the order in which `tocsin help` shows them. */
#include <stddef.h>

#include "cli/cli.h"

const struct cli_verb cli_verbs[] = {
    {NULL, NULL, NULL},
};
