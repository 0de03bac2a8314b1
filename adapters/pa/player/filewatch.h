/* Files whose being there means something: a hold, a busy line. Seen within milliseconds by inotify on their folders; where
 * that cannot be had, looked for ten times a second.
 *
 *   filewatch_new -> filewatch_add … -> each turn filewatch_run -> filewatch_free
 */
#ifndef TOCSIN_PLAYER_FILEWATCH_H
#define TOCSIN_PLAYER_FILEWATCH_H

#include <stdbool.h>

#include "io/loop.h"

struct filewatch;
struct filewatch *filewatch_new(struct loop *l);
struct filewatch *filewatch_free(struct filewatch *w); /* returns NULL; takes NULL */

/* fn is told the file's state at the first run and whenever it changes. */
void filewatch_add(struct filewatch *w, const char *path, void (*fn)(void *arg, bool exists), void *arg);
void filewatch_run(struct filewatch *w, struct now now);
int64_t filewatch_next_due(const struct filewatch *w);

#endif
