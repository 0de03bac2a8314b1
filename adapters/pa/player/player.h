/* Everything wired together, in the order of a turn. player.c is the diagram; read it first.
 *
 *   player_new -> player_run (until service_stop or service_reload, from a signal) -> player_next -> player_free
 *
 * A reload reads the configuration aside. A bad one is told in the log and the old one goes on; with a good one the run ends
 * as soon as nothing sounds (or after a minute), and the caller makes a new player of it, from the same book and in the same
 * service.
 */
#ifndef TOCSIN_PLAYER_PLAYER_H
#define TOCSIN_PLAYER_PLAYER_H

#include <signal.h>

#include "base/buf.h"
#include "player/air.h"
#include "player/settings.h"
#include "player/station.h"

struct player;

struct heard_busy {
    char *topic;
    bool busy;
    struct now at;
};
/* What outlives the players that follow each other at reloads: signals, the control socket and the page, which nobody is to find gone,
 * and what was last heard of those who say it once, which the next player would never learn. Begins as zeros. */
struct service {
    struct loop *loop;
    struct control *control;
    struct page *page; /* NULL: not wanted */
    enum priority topic_hold;
    struct heard_busy *busy;
    size_t n_busy;
    volatile sig_atomic_t stop, reload;
};
void service_stop(struct service *s);   /* from a signal handler: ends the run after this turn */
void service_reload(struct service *s); /* from a signal handler */
void service_release(struct service *s);

struct player_options {
    bool fast_hour;   /* every minute counts as an hour's slot */
    bool trust_clock; /* a person says that the clock is right */
    struct settings *(*reload)(
        void *arg); /* reads the configuration anew; NULL: it is bad, and that was logged */
    void *reload_arg;
};

/* Borrows settings and service. */
enum relay_err player_new(struct settings *s, struct service *service, const struct player_options *o,
                          struct player **ret, struct reason *why) MUST_CHECK;
struct player *player_free(struct player *p); /* returns NULL; takes NULL */

void player_run(struct player *p);
/* After the run: what to go on with, now the caller's; NULL: it was stopped. */
struct settings *player_next(struct player *p);

/* For the control socket and the page. NULL while the store cannot be written. */
struct station *player_station(struct player *p);
struct book *player_book(struct player *p);
const struct settings *player_settings_of(const struct player *p);
struct now player_now(const struct player *p);
bool player_link_up(const struct player *p);
const struct air *player_air(const struct player *p);

#endif
