/* The relay's own MQTT session, <relay.id>.out: receipts, announcements, boards, state go out; device logs and
 * acknowledgements come in, under the same rule as events: PUBACK only after the commit that records them.
 *
 * In a turn: service and read in step 2, release or refuse after the commit, then publish. Publishes wait in order while
 * limits.mqtt are in flight, and are answered RETRY when the link goes down: the store sends them again.
 */
#ifndef TOCSIN_RELAY_OUTLINK_H
#define TOCSIN_RELAY_OUTLINK_H

#include "relay.h"

struct outlink;

enum relay_err outlink_new(struct relay *r, struct outlink **ret, struct reason *why) MUST_CHECK;
struct outlink *outlink_free(struct outlink *o); /* says `down` in the retained state first, if it can */

void outlink_service(struct relay *r);
void outlink_read(struct relay *r);
void outlink_release(struct relay *r);
void outlink_refuse(struct relay *r, const char *why);
int64_t outlink_next_due(const struct relay *r); /* mono */
bool outlink_up(const struct relay *r);
int64_t
outlink_broker_dropped(const struct relay *r); /* $SYS: messages the broker has dropped; -1 not told */

/* topic without the prefix. op may be NULL. Nothing leaves before outlink_release. */
void outlink_publish(struct relay *r, const char *topic, const char *payload, size_t n, bool retain,
                     int64_t expiry_ms, struct send *op);
/* filter without the prefix, with + and #. */
void outlink_on_topic(struct relay *r, const char *filter,
                      void (*fn)(void *ctx, const char *topic, const char *payload, size_t n), void *ctx);

#endif
