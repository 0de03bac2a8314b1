/* The kinds of place a loudspeaker may stand in. Relay and PA scheduler know the same list: what each kind allows (hours,
 * seconds, silence) is the scheduler's, in adapters/pa/player/zones.c. */
#ifndef TOCSIN_BASE_ZONE_CLASS_H
#define TOCSIN_BASE_ZONE_CLASS_H

#include <stdbool.h>

extern const char *const zone_class_names[]; /* NULL at the end */
/* Takes what is said at once; the others hear the bulletin at most. */
bool zone_class_immediate(const char *name);
bool zone_class_known(const char *name);
const char *zone_class_zh(const char *name); /* "门诊大厅"; the name itself when it is no class */
bool zone_class_silent(const char *name);    /* nothing is ever spoken there: it needs no loudspeaker */

#endif
