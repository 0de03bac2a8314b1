/* How texts for patients, groups and screens may be worded: length, slots, words, numbers, opening, end. Pure.
 * lint asks it for each text of a rule, and so does the page of `tocsin rules page`, which has this file in it.
 */
#ifndef TOCSIN_RULES_WORDING_H
#define TOCSIN_RULES_WORDING_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

enum { WORDING_TEXT_MAX = 480 };

/* code: "speech_length", stable, for tools; text: for people, and only for the time of the call. */
typedef void wording_find_fn(void *arg, bool error, const char *code, const char *text);

/* name: the member of `say` (voice, voice_short, rhyme, correction, chat, caught, duty), or headline, lines. */
void wording_check(const char *name, const char *text, wording_find_fn *fn, void *arg);

/* The slots that may stand in it: SLOTS_SPOKEN or SLOTS_WRITTEN. */
unsigned wording_slots(const char *name);
bool wording_is_public(const char *name);
bool wording_is_spoken(const char *name);
bool wording_is_rhymed(const char *name);

/* How a spoken text is timed: characters that are heard, and seconds at 3.2 a second. */
size_t wording_spoken_chars(const char *text);
double wording_seconds(const char *text);

/* Bytes with its slots filled as long as they get. */
size_t wording_bytes(const char *text);

/* The length of the slot {{…}} that begins here, 0 when none does. */
size_t wording_slot_length(const char *s);

#endif
