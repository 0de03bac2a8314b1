/* The kinds of place a loudspeaker may stand in. Relay and PA scheduler know the same list: what each kind allows (hours,
 * seconds, silence) is the scheduler's, in adapters/pa/player/zones.c. */
#ifndef TOCSIN_BASE_ZONE_CLASS_H
#define TOCSIN_BASE_ZONE_CLASS_H

#include <stdbool.h>

extern const char *const zone_class_names[]; /* NULL at the end */
bool zone_class_known(const char *name);

#endif
