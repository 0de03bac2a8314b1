/* Words whose reading an engine gets wrong, and how they are said: longest match, pinyin with tone numbers.
 *
 * A file is lines "word<TAB>yin2 hang2<TAB>note"; # begins a comment. A word may be in several files: the last one counts.
 * Latin letters may be words too (WiFi, CT); letters that are in no word are spelled one by one.
 *
 *   lexicon_new -> lexicon_load … -> lexicon_apply -> lexicon_free
 */
#ifndef TOCSIN_PLAYER_LEXICON_H
#define TOCSIN_PLAYER_LEXICON_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

struct lexicon;
struct lexicon *lexicon_new(void);
struct lexicon *lexicon_free(struct lexicon *l); /* returns NULL; takes NULL */

enum relay_err lexicon_load(struct lexicon *l, const char *path, struct reason *why) MUST_CHECK;
/* Characters with more than one reading, one a line: "行<TAB>xing2 hang2". For lexicon_unsure. */
enum relay_err lexicon_load_polyphones(struct lexicon *l, const char *path, struct reason *why) MUST_CHECK;

size_t lexicon_words(const struct lexicon *l);
uint64_t
lexicon_hash(const struct lexicon *l); /* of all words and readings: part of the key of a cached WAV */

/* Appends the text with every known word replaced by its pinyin, syllables apart. Numbers are spelled before. */
void lexicon_apply(const struct lexicon *l, const char *text, struct buf *out);

/* The first character at or after *at_byte that has more than one reading and stands in no word of the lexicon; its
 * readings go to *ret_readings. Moves *at_byte past it. False: none left. */
bool lexicon_unsure(const struct lexicon *l, const char *text, size_t *at_byte, char ret_char[static 8],
                    const char **ret_readings);

#endif
