/* CAP 1.2 words for what goes out. Design section 2. */
#ifndef TOCSIN_BASE_ALERT_H
#define TOCSIN_BASE_ALERT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/event.h"

/* Ordered: a higher number is graver. Stored and sent by name. */
enum level { LEVEL_BLUE, LEVEL_YELLOW, LEVEL_ORANGE, LEVEL_RED, LEVEL_COUNT };
enum certainty { CERTAINTY_POSSIBLE, CERTAINTY_LIKELY, CERTAINTY_OBSERVED, CERTAINTY_COUNT };
enum msg_type { MSG_ALERT, MSG_UPDATE, MSG_CANCEL }; /* CAP msgType */

const char *level_name(enum level l);             /* "red" */
const char *level_name_zh(enum level l);          /* "红" */
bool level_parse(const char *s, enum level *ret); /* either */
const char *certainty_name(enum certainty c);     /* "Likely" */
bool certainty_parse(const char *s, enum certainty *ret);
const char *msg_type_name(enum msg_type m); /* "Alert" */
bool msg_type_parse(const char *s, enum msg_type *ret);
/* CAP urgency and severity that a level stands for: red Immediate/Extreme … blue Future/Minor. */
const char *level_urgency(enum level l);
const char *level_severity(enum level l);

/* The next of codes with spaces between them; *codes moves on. False at the end. */
bool area_next(const char **codes, char ret[static AREA_LEN + 1]);
/* One of the codes and `area` are equal, or one is the other's prefix: "6101" covers "610113" and the other way round. A fan-out
 * asks it of every target. */
bool areas_overlap(const char *codes, const char *area);
/* Adds one to codes in a room of `size`, 400 or more. More than AREAS_MAX become their prefectures, and more of those their
 * provinces: wider, never narrower. False when it stood there. */
enum { AREAS_MAX = 60 };
bool areas_add(char *codes, size_t size, const char *area);
/* Strips trailing "00" pairs; false unless 2, 4 or 6 digits. */
bool area_normalise(const char *code, char ret[static AREA_LEN + 1]);

/* A correction is heard in the next slots, which may be tomorrow's, and its recording is made before anything happens: it
 * cannot know how long ago it was. 刚才 becomes 之前, which is true whenever it is said. */
void correction_heard(const char *text, struct buf *out);

/* The audience for which a text was written. */
enum audience { AUDIENCE_PUBLIC, AUDIENCE_VOLUNTEER, AUDIENCE_DUTY, AUDIENCE_COUNT };
const char *audience_name(enum audience a);
bool audience_parse(const char *s, enum audience *ret);

#endif
