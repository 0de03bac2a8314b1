/* Programs run on the side: speech engines and output commands. Nothing here blocks the loop: the end is seen through a
 * pidfd, a time-out or a kill goes to the child's whole process group.
 *
 *   child_set_new -> child_start … -> each turn child_set_run (calls done) -> child_set_free (kills what still runs)
 *
 * A child gets no descriptor of ours but standard input, output and error; its standard error is kept (the last 300 bytes)
 * for the reason. One that writes 16 MiB there is ended. `done` is called exactly once, inside child_set_run or child_set_free.
 */
#ifndef TOCSIN_PLAYER_CHILD_H
#define TOCSIN_PLAYER_CHILD_H

#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "io/loop.h"

struct child_set;
struct child;

enum child_end { CHILD_EXITED, CHILD_SIGNALLED, CHILD_TIMED_OUT, CHILD_KILLED };

struct child_outcome {
    enum child_end end;
    int status; /* exit code or signal */
    int64_t ran_ms;
    const char *words; /* what it last wrote to standard error, one line, cut; "" */
};

typedef void (*child_done_fn)(void *arg, const struct child_outcome *o);

struct child_options {
    const char *const *argv; /* argv[0] is looked for in PATH */
    const char *stdin_path;  /* NULL: /dev/null */
    const char *stdout_path; /* NULL: /dev/null; created or emptied */
    int64_t timeout_ms;
    int64_t kill_ms; /* how long it has after SIGTERM; 0: 100 */
    child_done_fn done;
    void *arg;
};

enum relay_err child_set_new(struct loop *l, struct child_set **ret, struct reason *why) MUST_CHECK;
struct child_set *child_set_free(struct child_set *s); /* returns NULL; takes NULL */

/* RELAY_NOT_FOUND: no such program. *ret (may be NULL) is valid until done. */
enum relay_err child_start(struct child_set *s, const struct child_options *o, struct now now,
                           struct child **ret, struct reason *why) MUST_CHECK;
/* RELAY_NOT_FOUND: nothing that can be run by this name, looked for as child_start does. */
enum relay_err child_program(const char *name, struct reason *why) MUST_CHECK;
/* SIGTERM to the group, SIGKILL kill_ms later. done follows with CHILD_KILLED. */
void child_kill(struct child *c, struct now now);

void child_set_run(struct child_set *s, struct now now);
int64_t child_set_next_due(const struct child_set *s);

/* Replaces {name} in every argument by a value; unknown names are refused. The result is freed by child_argv_free. */
struct child_word {
    const char *name, *value;
};
enum relay_err child_argv(const char *const *template, size_t n, const struct child_word *words,
                          size_t n_words, char ***ret, struct reason *why) MUST_CHECK;
void child_argv_free(char **argv);

#endif
