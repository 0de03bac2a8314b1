/* The command line of tocsin-pa: one row a verb. Exit codes: 0 done, 1 refused or failed (the reason on standard error),
 * 2 usage. */
#ifndef TOCSIN_PLAYER_CLI_H
#define TOCSIN_PLAYER_CLI_H

#include <stdbool.h>

struct settings;

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };
enum { CLI_WORDS_MAX = 4 };

/* Everything that any verb may be told. */
struct words {
    const char *config, *by, *second, *reason, *day, *for_text, *zone, *hours, *packs;
    bool json, ics, fast_hour, trust_clock, classes, manual, print_config, missing, help;
    const char *at[CLI_WORDS_MAX]; /* what stands without a dash */
    int n;
};

int pa_main(int argc, char **argv);

/* The configuration; NULL with every problem on standard error. */
struct settings *cli_settings(const struct words *w);

int cli_clips(const struct words *w); /* cli_clips.c */

#endif
