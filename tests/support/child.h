/* A program of ours as a child of a test: what it is given, what it said, and how it ended.
 *
 *   struct child c = child_start((const char *[]){child_tocsin, "feed", "push", …, NULL}, "/dev/null");
 *   while (!child_ended(&c)) …;
 *   assert_int_equal(c.code, 0); … c.out, c.err …
 *   child_release(&c);
 */
#ifndef TOCSIN_TESTS_CHILD_H
#define TOCSIN_TESTS_CHILD_H

#include <stdbool.h>
#include <sys/types.h>

extern const char *const child_tocsin; /* the path of our program */

struct child {
    pid_t pid;
    int code;        /* exit code; 128 + signal */
    int in;          /* its standard input when stdin_path was NULL: write here, then close and set -1 */
    char *out, *err; /* all it wrote; set when it has ended */
    char out_path[40], err_path[40];
};

/* English, dies with the test. stdin_path NULL: a pipe. */
struct child child_start(const char *const *argv, const char *stdin_path);
bool child_ended(struct child *c); /* does not wait */
void child_kill(struct child *c, int signal);
void child_release(struct child *c); /* ends it by SIGKILL when it runs */

#endif
