/* What each chat has heard today, for pace.h. Counted when a send is claimed. */
#ifndef TOCSIN_RELAY_TOLD_H
#define TOCSIN_RELAY_TOLD_H

#include "targets.h"

struct relay;

/* Reads today's counts of every target from the store: at a start, a reload and after a failed commit. */
void told_load(struct relay *r);
/* One more message; written in the open transaction. */
void told_add(struct relay *r, struct relay_target *t, const char *rule);

#endif
