/* UTF-8 text (utf8proc beneath). Lengths are bytes unless a name says chars. */
#ifndef TOCSIN_BASE_TEXT_H
#define TOCSIN_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

bool text_valid_utf8(const char *s, size_t n);     /* strict: no overlong, no surrogates; U+0000 is refused */
size_t text_valid_prefix(const char *s, size_t n); /* bytes before the first that text_valid_utf8 refuses */
size_t text_chars(const char *s, size_t n);        /* code points */
/* Largest cut <= max bytes that ends at a grapheme's end. */
size_t text_cut(const char *s, size_t n, size_t max);
/* Like text_cut but prefers the last sentence end (。！？；\n), then comma, then space in the last half. */
size_t text_cut_sentence(const char *s, size_t n, size_t max);
/* One code point; returns bytes used (1..4), 0 at the end. Input must be valid. */
int text_next(const char *s, size_t n, uint32_t *ret_cp);
int text_put(uint32_t cp, char out[static 4]); /* bytes written */
bool text_is_han(uint32_t cp);

bool text_is_id(const char *s); /* [a-z0-9][a-z0-9-]{0,31} */

#endif
