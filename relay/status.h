/* How the relay is, for people, probes and Prometheus. */
#ifndef TOCSIN_RELAY_STATUS_H
#define TOCSIN_RELAY_STATUS_H

#include "base/buf.h"
#include "relay.h"

void status_json(struct relay *r, struct buf *ret);
void status_metrics(struct relay *r, struct buf *ret); /* Prometheus text format 0.0.4 */
/* Why the relay does not do its work; "" when it does. */
const char *status_trouble(struct relay *r);

#endif
