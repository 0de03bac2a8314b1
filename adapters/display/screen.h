/* Browsers in wards: one page over HTTP that is told of its board by server-sent events, says what it shows, and may be
 * put away for two hours. board.c owns it; everything runs on the loop's thread.
 *
 *   screens_new (registers the addresses below) -> screens_join a target, again with the new one after a reload
 *   -> screens_show at every snapshot -> screens_leave -> screens_free
 *
 *   GET  /screen/<site>/<ward>?t=         the page, the same bytes for all
 *   GET  /screen/<site>/<ward>/events?t=  stream of boards, the current one first
 *   GET  /screen/<site>/<ward>/beat?t=&tag=&shown=&w=&h=   the relay's time, and the board when tag is not its tag
 *   POST /screen/<site>/<ward>/ack?t=     {"rev","state":"displayed","at","items":[…]}
 *   POST /screen/<site>/<ward>/hide?t=    {"on":true}
 *   GET  /displays/<site>/<ward>.png?t=&w=&h=&palette=&item=   a picture for a device, screen_picture.c
 *   GET  /wall/<site>?t=, /wall/<site>/state?t=            all screens of a site
 *
 * A board is {"now","tag","rev","items","more","hide","ward","boot","page"}: items as in board.h, at most SCREEN_ITEMS.
 */
#ifndef TOCSIN_ADAPTERS_SCREEN_H
#define TOCSIN_ADAPTERS_SCREEN_H

#include "adapters/display/board.h"

enum {
    SCREEN_ITEMS = 24,   /* gravest first; at ten seconds each the rest would be seen by nobody */
    SCREEN_STREAMS = 16, /* of one ward; the oldest makes room */
    SCREEN_TOKEN_LEN = 20 + 1
};

struct screens;

struct screens *screens_new(const struct adapter_env *env);
struct screens *screens_free(struct screens *s); /* ends every stream */

/* t->state holds the ward from join to leave. A ward outlives a reload with its streams and its board. */
void screens_join(struct screens *s, struct target *t);
void screens_leave(struct screens *s, struct target *t);

/* Hands a snapshot to all streams of the ward, at once; it is what the next one to connect gets first. Returns how many. */
size_t screens_show(struct screens *s, const struct target *t, const struct message *m, size_t n,
                    const struct snapshot *snap);

/* How many browsers are connected to the ward. */
size_t screens_connected(const struct target *t);

/* What the ward has put away; never NULL. */
const struct board_hide *screens_hide(const struct target *t);

/* A device says by MQTT that it shows rev. True when that settled everything in it. */
bool screens_device_ack(struct screens *s, const char *target, int64_t rev, int64_t at);

/* The token of a ward's page (place) or of a site's wall (place NULL), under the relay's secret. */
void screens_token(const uint8_t secret[static 16], const char *site, const char *place,
                   char ret[static SCREEN_TOKEN_LEN]);

#endif
