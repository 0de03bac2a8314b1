/* The slots {{…}} of a rule's texts: which there are, and which may stand where. Filled by relay/render.c; checked here,
 * so that a rule with a wrong slot is refused when it loads and not when it is needed. */
#ifndef TOCSIN_BASE_SLOTS_H
#define TOCSIN_BASE_SLOTS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

enum slot {
    SLOT_SITE,   /* the hospital's name */
    SLOT_HELP,   /* the place to ask, with a person there */
    SLOT_AREA,   /* 雁塔区、碑林区 */
    SLOT_COUNT,  /* 多起, 1260起 */
    SLOT_ISSUER, /* who says it */
    SLOT_TIME,   /* 11月22日 18:34 */
    SLOT_VALID,  /* until when, as SLOT_TIME */
    SLOT_ID,     /* the short id that people read out */
    SLOT_NAMES   /* how many there are */
};

/* What a text may hold: what is spoken can be recorded once for a site, so nothing in it changes. */
#define SLOTS_SPOKEN  (1u << SLOT_SITE | 1u << SLOT_HELP)
#define SLOTS_WRITTEN ((1u << SLOT_NAMES) - 1)

const char *slot_name(enum slot s); /* "site" */

/* One step through a text: the plain part before a slot, and the slot. A text ends with a part without one. */
struct slot_part {
    const char *plain;
    size_t plain_len;
    bool has_slot;
    enum slot slot;
};
/* Moves *text on; false at the end, or with `why` filled at a slot that is none. */
bool slot_next(const char **text, struct slot_part *ret, struct reason *why);

/* RELAY_INVALID: a slot that does not exist or is not in `allowed`, braces that do not close, or a count in one
 * sentence with the site (a small number there could point at somebody). */
enum relay_err slots_check(const char *text, unsigned allowed, struct reason *why) MUST_CHECK;

/* Whether it stands in a text (NULL: no). */
bool slot_stands_in(enum slot s, const char *text);

#endif
