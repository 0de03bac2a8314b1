/* What people may ask and do at the control socket, <state_dir>/control.sock (0660): JSON over HTTP. Answers leave after the
 * commit of what they speak of. Every action needs a name; who is at the other end is noted with it.
 *
 *   GET  /v1/status  /v1/programme?day=2026-11-23  /v1/programme.ics?day=&zone=  /v1/log?zone=&hours=&limit=
 *   POST /v1/stop {"where","by"}   /v1/mute {"where","for_ms","by","reason"}   /v1/hold {"level","by"}
 *        /v1/override {"where","for_ms","by","and","reason"}   /v1/say {"where","text","by"}   /v1/tone {"where","by"}
 */
#ifndef TOCSIN_PLAYER_CONTROL_H
#define TOCSIN_PLAYER_CONTROL_H

#include "io/http_server.h"
#include "player/player.h"

struct control;
/* The socket of this player: *c where it is at the right path already, so that who connects during a reload is answered by the
 * player that follows; else a new one instead of *c, which may be NULL and is NULL after a failure. */
enum relay_err control_open(struct player *p, struct loop *l, struct control **c,
                            struct reason *why) MUST_CHECK;
struct control *control_free(struct control *c); /* returns NULL; takes NULL */

void control_read(struct control *c);    /* step 2 of a turn */
void control_release(struct control *c); /* after the commit */
void control_refuse(struct control *c);  /* the commit failed */
int64_t control_next_due(const struct control *c);

/* The members of the state topic after "state". */
void control_put_state(struct player *p, struct buf *out);

/* From now on it asks and tells this player, the one that follows. */
void control_follow(struct control *c, struct player *p);

/* Registers the same questions and actions at another server, whose requests `who` names; NULL from it: refused with what
 * it has replied already. */
typedef const char *(*control_who_fn)(void *arg, struct http_exchange *x, const char *by, char *out,
                                      size_t size);
void control_register(struct player *p, struct http_server *s, control_who_fn who, void *arg,
                      struct control **ret);

#endif
