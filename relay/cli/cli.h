/* The command line: one table of verbs, one function a verb. Exit codes: 0 done, 1 refused or failed (the reason on
 * standard error), 2 usage. */
#ifndef TOCSIN_RELAY_CLI_H
#define TOCSIN_RELAY_CLI_H

#include "base/buf.h"
#include "base/err.h"

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

struct cli_verb {
    const char *name;                  /* "rules" */
    int (*run)(int argc, char **argv); /* argv[0] is "tocsin VERB" */
    const char *summary;               /* one line, N_() */
};

extern const struct cli_verb cli_verbs[]; /* verbs.c; .name NULL at the end */

int cli_main(int argc, char **argv);

/* The bytes as a file; "-": to standard output. */
enum relay_err cli_write(const char *path, const struct buf *b, struct reason *why) MUST_CHECK;
/* The same, but never over a file that is there. */
enum relay_err cli_write_new(const char *path, const struct buf *b, struct reason *why) MUST_CHECK;

/* `%s` is one word too many for `tocsin VERB WORD`. */
void cli_too_many(const char *verb, const char *word);

#endif
