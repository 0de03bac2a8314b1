/* Every verb: one row each, in the order in which `tocsin help` shows them. */
#include <stddef.h>

#include "base/i18n.h"
#include "cli/cli.h"
#include "cli/verbs.h"

const struct cli_verb cli_verbs[] = {
    {"run", cli_run, N_("the relay itself")},
    {NULL, NULL, NULL},
};
