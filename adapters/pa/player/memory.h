/* What a zone has said in the last day: the ground for "never twice running", "four times a day" and "so many seconds an
 * hour". Kept in the store row by row (book.h) and here for the rules, which are pure.
 *
 * Entries are in the order in which they sounded. memory_prune drops what no rule looks at any more.
 */
#ifndef TOCSIN_PLAYER_MEMORY_H
#define TOCSIN_PLAYER_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct said {
    uint64_t text;  /* text_key; 0: only a chime */
    int64_t minute; /* civil minute: the slot's nominal one, else when it began */
    int64_t mono;   /* when it began */
    int64_t
        length_ms; /* how much of the item's time it took: chime and gaps are counted with its first text */
    bool slot;
};

struct memory {
    struct said *items;
    size_t n, cap;
};

uint64_t text_key(const char *text); /* FNV-1a of the bytes, never 0 */

void memory_add(struct memory *m, struct said s);
/* What began at or after `from` was broken off at `mono`: later texts were not said, the one in the middle only partly. */
void memory_cut(struct memory *m, int64_t from, int64_t mono);
void memory_copy(const struct memory *from, struct memory *to);
void memory_prune(struct memory *m, int64_t mono, int64_t civil_minute);
void memory_release(struct memory *m);

/* How much of the time from mono - span to mono has been spoken into, and what is playing with it. */
int64_t memory_spoken_ms(const struct memory *m, int64_t mono, int64_t span);
int memory_times_on_day(const struct memory *m, uint64_t text, int64_t day);
/* The last thing said, and the last time that a text was said; NULL: not within memory. */
const struct said *memory_last(const struct memory *m);
const struct said *memory_last_of(const struct memory *m, uint64_t text);

#endif
