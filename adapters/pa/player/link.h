/* The player's side of the broker: announcements, the bulletin, holds and busy inputs come in, the log and the state go out.
 * One durable session; nothing is acknowledged before what it brought is committed.
 *
 *   link_new -> each turn { link_read -> (commit) -> link_release, or link_drop when it failed } -> link_stop -> link_free
 */
#ifndef TOCSIN_PLAYER_LINK_H
#define TOCSIN_PLAYER_LINK_H

#include "base/buf.h"
#include "io/loop.h"
#include "io/mqtt.h"
#include "player/book.h"
#include "player/settings.h"

enum {
    LINK_SESSION_MS = 24 * 3600 * 1000
}; /* so long the broker keeps what it has for a player that is away */

struct link;

struct link_env {
    void *arg;
    void (*announce)(void *arg, const char *zone, const char *payload, size_t n);
    void (*bulletin)(void *arg, const char *payload, size_t n, bool retained);
    void (*hold)(void *arg, const char *payload); /* NUL-terminated */
    void (*busy)(void *arg, size_t zone, bool busy);
    void (*state)(void *arg,
                  struct buf *out); /* the state topic's members after "state", as `,"name":value…` */
};

enum relay_err link_new(struct loop *l, const struct settings *s, const struct link_env *env,
                        struct link **ret, struct reason *why) MUST_CHECK;
struct link *link_free(struct link *l); /* returns NULL; takes NULL */

void link_read(struct link *l, struct book *b, struct now now);
void link_release(struct link *l, struct book *b, struct now now);
void link_drop(struct link *l, const char *why); /* what was read comes again */
void link_look(struct link *l);                  /* there are new rows in the log */
void link_changed(struct link *l);               /* the state topic is to be told again */
void link_stop(struct link *l, struct now now);  /* says `down` and goes */
int64_t link_next_due(const struct link *l);
bool link_up(const struct link *l);

#endif
