/* The texts that may ever be spoken here: of the rule packs, the house's reminders, and the bulletin that is in force. For
 * recording them, rendering them ahead, and looking for words with more than one reading.
 *
 *   texts_new -> texts_add_pack, texts_add … -> texts_at -> texts_free
 */
#ifndef TOCSIN_PLAYER_TEXTS_H
#define TOCSIN_PLAYER_TEXTS_H

#include <stddef.h>

#include "base/err.h"
#include "player/clip.h"

struct spoken_text {
    const char *id; /* "medins_card_suspended.voice", "reminder.valuables": what people call it */
    const char *text;
    char clip[CLIP_ID_LEN]; /* what its recording is called */
};

struct texts;
struct texts *texts_new(void);
struct texts *texts_free(struct texts *t); /* returns NULL; takes NULL */

/* Every voice, voice_short, rhyme and correction in the folder's *.yaml. `site` and `help` stand for {{site}} and {{help}}.
 * A file that cannot be read is an error that names it. */
enum relay_err texts_add_pack(struct texts *t, const char *folder, const char *site, const char *help,
                              struct reason *why) MUST_CHECK;
/* A text that is there already keeps its first name. */
void texts_add(struct texts *t, const char *id, const char *text);

size_t texts_count(const struct texts *t);
const struct spoken_text *texts_at(const struct texts *t, size_t i);
/* By its name or its clip's; NULL: there is none. */
const struct spoken_text *texts_find(const struct texts *t, const char *name);

#endif
