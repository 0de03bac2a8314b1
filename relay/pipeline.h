/* The daemon: read this first.
 *
 *   feed -> event_parse -> normalise+mask -> rules_match -> decide -> store -> dispatch -> adapter -> PA | chat | display
 *    ^                                                                  |  ^                   |
 *    +---------------- PUBACK, receipt: only after commit --------------+  +----- outcome -----+
 *
 * One thread. A turn waits once, reads everything into one open transaction, commits, and only then lets anything leave.
 */
#ifndef TOCSIN_RELAY_PIPELINE_H
#define TOCSIN_RELAY_PIPELINE_H

#include "relay.h"

/* Takes the configuration. On failure everything is released and `why` says what to do. */
enum relay_err pipeline_new(struct relay_config *c, struct relay **ret, struct reason *why) MUST_CHECK;
/* Until SIGTERM or SIGINT (a second one: at once). SIGHUP reloads rules and configuration. Returns the exit code. */
int pipeline_run(struct relay *r);
struct relay *pipeline_free(struct relay *r);

/* One turn that waits at most max_wait_ms: for tests. */
void pipeline_turn(struct relay *r, int64_t max_wait_ms);

/* Builds a new rule set and configuration aside and swaps them between two turns, or keeps the old ones and says why. */
void pipeline_reload(struct relay *r);
bool pipeline_reloading(const struct relay *r); /* r->reload_refused then says how it went */

/* A person says that this is the time, whatever the store says: what a clock that was ahead has stored is moved to now. In
 * force after the commit. RELAY_CONFLICT when the clock is trusted already, RELAY_INVALID when it cannot be right. */
enum relay_err pipeline_trust_clock(struct relay *r, struct reason *why) MUST_CHECK;

/* The answer to a request that changes rows: it leaves after the commit, or becomes 503 when that failed. */
void pipeline_reply(struct relay *r, struct http_exchange *x, int status, const char *json);

#endif
