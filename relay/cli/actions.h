/* Verbs that have verbs of their own, such as `alerts list`, as a table: one row what each needs and does. */
#ifndef TOCSIN_RELAY_CLI_ACTIONS_H
#define TOCSIN_RELAY_CLI_ACTIONS_H

#include "cli/client.h"

/* A row reads (print), changes (done, or print for what the answer says), or is a function of its own (run). With --json
 * the daemon's answer is printed as it came. */
struct action {
    const char *name;
    int n_args; /* 2: they go out as one id, "A B" */
    const char *path;
    client_offline_fn offline; /* reads only; NULL: wants the daemon. Without a path: never asks it */
    void (*print)(const cJSON *);
    const char *done; /* N_(): what to say after a change */
    bool post;        /* a change whose answer is printed */
    const char *
        reloads; /* N_(): the relay reads its rules anew for it; what to say before why it did not, "" nothing */
    int (*run)(const struct client *c, const struct action *a, const char *id);
};

/* Finds the row for the arguments and runs it; the usage and EXIT_USAGE when there is none. */
int actions_run(int argc, char **argv, const struct action *actions, size_t n, const char *usage);

int action_show(const struct client *c, const struct action *a, const char *id);
/* Waits for the reload that a change begins; false, with why on stderr, when the relay goes on without it. */
bool action_in_force(const struct client *c, const struct action *a);
int action_change(const struct client *c, const struct action *a, const char *id);

#endif
