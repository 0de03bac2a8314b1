/* Names of GB/T 2260 areas, from rules/data/areas.tsv, which is built in. Codes as in base/event.h: "61", "6101", "610113". */
#ifndef TOCSIN_RELAY_AREAS_H
#define TOCSIN_RELAY_AREAS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/event.h"

/* "雁塔区"; of a code that the table lacks the nearest larger area that it has; 本地 when there is none. */
const char *area_name(const char *code);

/* Every code of a name as people type it, with or without larger areas before it: 新城区, 西安 新城区. How many there are,
 * of which ret holds at most max. */
size_t area_codes(const char *name, char ret[][AREA_LEN + 1], size_t max);

/* The code of a name as people type it: 雁塔区, 雁塔, 西安. False when it is unknown or stands for several. */
bool area_code(const char *name, char ret[static AREA_LEN + 1]);

#endif
