/* Bytes of a feed -> parsed, known or new, matched, decided: rows in the turn's transaction and a result for the receipt. */
#ifndef TOCSIN_RELAY_INTAKE_H
#define TOCSIN_RELAY_INTAKE_H

#include "feeds.h"

struct intake; /* scratch memory; one a relay */

void intake_event(struct relay *r, struct feed_state *f, const char *bytes, size_t n);
void intake_release(void);

#endif
