/* What the TCP listeners serve beside the adapters' own pages: /metrics, /healthz, /readyz, which change no row, and
 * /f/<token> for whoever holds the link of a duty message (feedback.h). */
#ifndef TOCSIN_RELAY_PAGES_H
#define TOCSIN_RELAY_PAGES_H

#include "relay.h"

void pages_serve(struct relay *r, struct http_server *s);

#endif
