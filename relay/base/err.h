/* What can go wrong, and the sentence that tells a person what to do about it.
 *
 * Everything that can fail returns enum relay_err and is MUST_CHECK; a deliberate ignore is a cast to void
 * with a reason. Functions in base, rules and pure code fill a struct reason and do not log: the stage logs
 * once. A reason names the file, line or member and what to do; it never holds message text, numbers of
 * people, keys or addresses with keys in them.
 */
#ifndef TOCSIN_BASE_ERR_H
#define TOCSIN_BASE_ERR_H

#include "base/banned.h"

#define MUST_CHECK   __attribute__((warn_unused_result))
#define PRINTF(f, a) __attribute__((format(printf, f, a)))

enum relay_err {
    RELAY_OK = 0,
    RELAY_INVALID, /* the input is wrong and stays wrong */
    RELAY_NOT_FOUND,
    RELAY_CONFLICT, /* exists already, or the state does not allow it */
    RELAY_LIMIT,    /* a bound of design section 13 was met */
    RELAY_FULL,     /* no room on the disk, or free space under the reserve */
    RELAY_IO,       /* the system or a library refused */
    RELAY_CORRUPT,  /* stored data is not what we wrote */
    RELAY_OFFLINE,  /* not connected (any more) */
    RELAY_TIMEOUT,
    RELAY_DENIED,
    RELAY_UNSUPPORTED, /* not built in, or not by this library version */
};

struct reason {
    char text[480];
};

/* Fills `why` (which may be NULL) and returns `err`: `return fail(why, RELAY_INVALID, _("..."), ...);` */
enum relay_err fail(struct reason *why, enum relay_err err, const char *fmt, ...) PRINTF(3, 4);

/* Puts "prefix: " before what `why` says already, to add the file or member on the way up. Returns err. */
enum relay_err fail_in(struct reason *why, enum relay_err err, const char *fmt, ...) PRINTF(3, 4);

/* Drops what a cut in the middle of a character left: reasons go into JSON. fail and fail_in do so themselves. */
void reason_mend(struct reason *why);

const char *relay_err_name(enum relay_err err); /* "invalid", "not_found", …: for logs and JSON */

#endif
