/* Outputs whose way to the loudspeaker is a program of its own: a library with a loop of its own, or one that may hang or
 * crash, must not take the player with it. One play at a time; the program ends with a code of helper_end.h.
 *
 *   helper_find (in open) -> { helper_start -> helper_stop or its own end } … -> helper_release (in close)
 *
 * The struct stands first in the output's state. output_ended is called as output.h says.
 */
#ifndef TOCSIN_PLAYER_HELPER_H
#define TOCSIN_PLAYER_HELPER_H

#include "player/output.h"

enum { HELPER_ARGS_MAX = 40 };

struct helper {
    char *path;
    struct helper_call *call; /* NULL: silent; one that only says goodbye is nobody's */
};

/* The words behind the program's name; borrowed. */
struct helper_args {
    const char *items[HELPER_ARGS_MAX];
    size_t n;
};
void helper_add(struct helper_args *a, const char *name,
                const char *value); /* a NULL value: nothing is added */
void helper_flag(struct helper_args *a, const char *name);

/* Looks in TOCSIN_LIBEXECDIR of the environment, beside this program (a build tree), and where it was installed. */
enum relay_err helper_find(struct helper *h, const char *name, struct reason *why) MUST_CHECK;
/* longest_ms: after that it hangs. goodbye_ms: how long it has to take its leave when it is stopped. */
enum relay_err helper_start(struct helper *h, struct output *o, struct output_play *p,
                            const struct helper_args *a, int64_t longest_ms, int64_t goodbye_ms,
                            struct now now, struct reason *why) MUST_CHECK;
/* The sound stops with the signal; taking leave goes on without us. */
void helper_stop(struct helper *h, struct output_play *p, struct now now);
void helper_release(
    struct helper *h); /* a call that still runs belongs to the children, whose owner ends it */

#endif
