/* What the TCP listeners serve beside the adapters' own pages: /metrics, /healthz, /readyz. Nothing here changes a row. */
#ifndef TOCSIN_RELAY_PAGES_H
#define TOCSIN_RELAY_PAGES_H

#include "relay.h"

void pages_serve(struct relay *r, struct http_server *s);

#endif
