/* Everything wired together, in the order of a turn. player.c is the diagram; read it first.
 *
 *   player_new -> player_run (until player_stop, from a signal) -> player_free
 */
#ifndef TOCSIN_PLAYER_PLAYER_H
#define TOCSIN_PLAYER_PLAYER_H

#include "base/buf.h"
#include "player/settings.h"
#include "player/station.h"

struct player;

struct player_options {
    bool fast_hour;   /* every minute counts as an hour's slot */
    bool trust_clock; /* a person says that the clock is right */
};

/* Borrows the settings. */
enum relay_err player_new(struct settings *s, const struct player_options *o, struct player **ret,
                          struct reason *why) MUST_CHECK;
struct player *player_free(struct player *p); /* returns NULL; takes NULL */

enum relay_err player_run(struct player *p, struct reason *why) MUST_CHECK;
void player_stop(struct player *p); /* from a signal handler: ends the run after this turn */

/* For the control socket and the page. NULL while the store cannot be written. */
struct station *player_station(struct player *p);
struct book *player_book(struct player *p);
const struct settings *player_settings_of(const struct player *p);
struct now player_now(const struct player *p);
bool player_link_up(const struct player *p);

#endif
