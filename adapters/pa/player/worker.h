/* A helper thread for what takes milliseconds of computing: loudness, other rates, putting a WAV together. The loop's own
 * helper may hang in a name look-up for as long as the line is down, and speech must not wait for that.
 *
 *   worker_new -> worker_do … -> each turn worker_run_done -> worker_free (waits for the running job, cancels the others)
 */
#ifndef TOCSIN_PLAYER_WORKER_H
#define TOCSIN_PLAYER_WORKER_H

#include <stdbool.h>

#include "base/err.h"
#include "io/loop.h"

struct worker;
enum relay_err worker_new(struct loop *l, struct worker **ret, struct reason *why) MUST_CHECK;
struct worker *worker_free(struct worker *w); /* returns NULL; takes NULL */

/* `work` runs on the thread, `done` inside worker_run_done on the loop's, exactly once; cancelled: inside worker_free, where
 * work may have run or not.
 * Urgent jobs go before the others. */
void worker_do(struct worker *w, bool urgent, void (*work)(void *arg),
               void (*done)(void *arg, bool cancelled), void *arg);
void worker_run_done(struct worker *w);

#endif
