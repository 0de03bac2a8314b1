/* Everything wired together, in the order of a turn. player.c is the diagram; read it first.
 *
 *   player_new -> player_run (until player_stop or player_reload, from a signal) -> player_next -> player_free
 *
 * A reload reads the configuration aside. A bad one is told in the log and the old one goes on; with a good one the run ends
 * as soon as nothing sounds (or after a minute), and the caller makes a new player of it, from the same book.
 */
#ifndef TOCSIN_PLAYER_PLAYER_H
#define TOCSIN_PLAYER_PLAYER_H

#include "base/buf.h"
#include "player/air.h"
#include "player/settings.h"
#include "player/station.h"

struct player;

/* What was last heard of those who say it once: the player that follows, after a reload, would never learn it. */
struct heard_busy {
    char *topic;
    bool busy;
    struct now at;
};
struct heard {
    enum priority topic_hold;
    struct heard_busy *busy;
    size_t n_busy;
};
void heard_release(struct heard *h);

struct player_options {
    bool fast_hour;     /* every minute counts as an hour's slot */
    bool trust_clock;   /* a person says that the clock is right */
    struct heard heard; /* by the player before */
    struct settings *(*reload)(
        void *arg); /* reads the configuration anew; NULL: it is bad, and that was logged */
    void *reload_arg;
};

/* Borrows the settings. */
enum relay_err player_new(struct settings *s, const struct player_options *o, struct player **ret,
                          struct reason *why) MUST_CHECK;
struct player *player_free(struct player *p); /* returns NULL; takes NULL */

enum relay_err player_run(struct player *p, struct reason *why) MUST_CHECK;
void player_stop(struct player *p);   /* from a signal handler: ends the run after this turn */
void player_reload(struct player *p); /* from a signal handler */
/* After the run: what to go on with, now the caller's; NULL: it was stopped. Replaces what is in *heard. */
struct settings *player_next(struct player *p, struct heard *heard);

/* For the control socket and the page. NULL while the store cannot be written. */
struct station *player_station(struct player *p);
struct book *player_book(struct player *p);
const struct settings *player_settings_of(const struct player *p);
struct now player_now(const struct player *p);
bool player_link_up(const struct player *p);
const struct air *player_air(const struct player *p);

#endif
