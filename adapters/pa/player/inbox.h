/* What the relay says, from JSON to values: announcements and the bulletin. Pure; unknown members are ignored.
 *
 * `expires - now` of a payload counts from its receipt. A retained message may have lain at the broker for hours, so for it
 * this machine's own clock must agree as well.
 */
#ifndef TOCSIN_PLAYER_INBOX_H
#define TOCSIN_PLAYER_INBOX_H

#include "base/clock.h"
#include "base/mem.h"
#include "player/book.h"
#include "player/programme.h"

enum { INBOX_TEXT_MAX = 2048, INBOX_ITEMS_MAX = 1000, INBOX_REPEAT_MAX = 5 };

/* Strings live in the arena. a->zone is the caller's. a->expires and a->received are by this machine's wall clock. */
enum relay_err inbox_announce(const char *payload, size_t n, struct now now, struct arena *arena,
                              struct announcement *ret, struct reason *why) MUST_CHECK;

struct bulletin {
    int64_t rev, now; /* the relay's */
    int64_t received; /* from which its times count, by this machine's wall clock */
    struct warning *items;
    size_t n;
    int refused; /* items that could not be read; the last reason is in why */
};
/* An empty payload is an empty bulletin (a cleared topic). received: 0 for one that comes in now. */
enum relay_err inbox_bulletin(const char *payload, size_t n, struct now now, bool retained, int64_t received,
                              struct arena *arena, struct bulletin *ret, struct reason *why) MUST_CHECK;

#endif
