/* One wait for everything: an epoll set, and three hand-backs from helper threads. The loop calls nobody: a watch
 * is marked ready, and the turn in pipeline.c asks each part in its own order.
 *
 *   loop_new -> watch_add … -> { loop_wait -> parts look at watch->ready } … -> loop_free
 */
#ifndef TOCSIN_IO_LOOP_H
#define TOCSIN_IO_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"

struct loop;

enum { WATCH_READ = 1, WATCH_WRITE = 2, WATCH_ERROR = 4 };

/* Embedded in its owner. fd -1: not watched. */
struct watch {
    int fd;
    unsigned wanted; /* READ | WRITE */
    unsigned ready;  /* set by loop_wait; level-triggered; cleared at the next loop_wait */
};

enum relay_err loop_new(struct loop **ret, struct reason *why) MUST_CHECK;
struct loop *loop_free(struct loop *l); /* returns NULL; takes NULL */

/* Sets what is watched; the same fd again changes `wanted`. watch_set(l, w, -1, 0) forgets the fd before it closes. */
enum relay_err watch_set(struct loop *l, struct watch *w, int fd, unsigned wanted) MUST_CHECK;

/* Waits until something is ready, a wake arrives, or mono time reaches due_mono (INT64_MAX: no limit).
 * Marks the ready watches, and returns the new now. A signal ends the wait. */
struct now loop_wait(struct loop *l, int64_t due_mono);

/* From any thread, and from a signal handler. */
void loop_wake(struct loop *l);

/* One finished object back from a helper thread: `work` runs on a thread of its own (the pool has one), `done` runs on
 * the loop's thread inside loop_run_done, exactly once, also when the loop is being freed (cancelled true).
 * For name resolution with connect, compiling a rule set, and a backup; nothing else. */
void loop_offload(struct loop *l, void (*work)(void *arg), void (*done)(void *arg, bool cancelled),
                  void *arg);
void loop_run_done(struct loop *l);

#endif
