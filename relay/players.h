/* What the hospitals' PA players say of themselves on pa/<site>/state, retained: whether they are there, a hold, mutes, a
 * clock or holidays they do not know. Kept in memory: the broker tells it again after each connect. Of a mute that ends soon
 * the duty chats are told once; each mute, with who asked for it, is among the actions.
 *
 *   players_new -> (messages come in during outlink_read) -> players_json … -> players_free
 */
#ifndef TOCSIN_RELAY_PLAYERS_H
#define TOCSIN_RELAY_PLAYERS_H

#include "base/buf.h"
#include "relay.h"

struct players;

struct players *players_new(struct relay *r);    /* registers its topic with the link */
struct players *players_free(struct players *p); /* returns NULL; takes NULL */

/* A list, one object a site that has been heard: {"site","up","at","hold","hold_by","clock","holidays_known",
 * "holidays_missing","mutes":[…]}. */
void players_json(const struct players *p, int64_t now, struct buf *out);

#endif
