/* The command line of tocsin-pa: one row a verb. Exit codes: 0 done, 1 refused or failed (the reason on standard error),
 * 2 usage. */
#ifndef TOCSIN_PLAYER_CLI_H
#define TOCSIN_PLAYER_CLI_H

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

int pa_main(int argc, char **argv);

#endif
