/* UTF-8 text (utf8proc beneath). Lengths are bytes unless a name says chars. */
#ifndef TOCSIN_BASE_TEXT_H
#define TOCSIN_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/err.h"

bool text_valid_utf8(const char *s, size_t n);     /* strict: no overlong, no surrogates; U+0000 is refused */
size_t text_valid_prefix(const char *s, size_t n); /* bytes before the first that text_valid_utf8 refuses */
void text_mend(char *s); /* what is no valid UTF-8 goes, such as a character that was cut */
size_t text_chars(const char *s, size_t n); /* code points */
/* Largest cut <= max bytes that ends at a grapheme's end. */
size_t text_cut(const char *s, size_t n, size_t max);
/* Like text_cut but prefers the last sentence end (。！？；\n), then comma, then space in the last half. */
size_t text_cut_sentence(const char *s, size_t n, size_t max);
size_t text_columns(const char *s); /* that a terminal needs for it: 2 for 汉 */
bool text_is_han(uint32_t cp);

static inline bool text_same(const char *a, const char *b) /* NULL is like NULL only */
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

bool text_has_word(const char *words, const char *word); /* it is one of those with spaces between */
/* Adds it to those in a room of `size`; false when it stands there, is empty, or does not fit. */
bool text_add_word(char *words, size_t size, const char *word);
bool text_is_id(const char *s);                /* [a-z0-9][a-z0-9-]{0,31} */
bool text_number(const char *s, int64_t *ret); /* digits and nothing else, that fit */

/* One code point; returns bytes used (1..4); 0, and U+0000, at the end. Input must be valid. */
static inline int text_next(const char *s, size_t n, uint32_t *ret_cp)
{
    const unsigned char *p = (const unsigned char *)s;
    if (n == 0) {
        *ret_cp = 0;
        return 0;
    }
    if (p[0] < 0x80 || n == 1) { /* n: never past the end, also when the input is not valid */
        *ret_cp = p[0];
        return 1;
    }
    if (p[0] < 0xe0 || n == 2) {
        *ret_cp = (p[0] & 0x1fu) << 6 | (p[1] & 0x3fu);
        return 2;
    }
    if (p[0] < 0xf0 || n == 3) {
        *ret_cp = (p[0] & 0x0fu) << 12 | (p[1] & 0x3fu) << 6 | (p[2] & 0x3fu);
        return 3;
    }
    *ret_cp = (p[0] & 0x07u) << 18 | (p[1] & 0x3fu) << 12 | (p[2] & 0x3fu) << 6 | (p[3] & 0x3fu);
    return 4;
}

static inline int text_put(uint32_t cp, char out[static 4]) /* bytes written */
{
    if (cp < 0x80) {
        out[0] = (char)cp;
        return 1;
    }
    if (cp < 0x800) {
        out[0] = (char)(0xc0 | cp >> 6);
        out[1] = (char)(0x80 | (cp & 0x3f));
        return 2;
    }
    if (cp < 0x10000) {
        out[0] = (char)(0xe0 | cp >> 12);
        out[1] = (char)(0x80 | (cp >> 6 & 0x3f));
        out[2] = (char)(0x80 | (cp & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | cp >> 18);
    out[1] = (char)(0x80 | (cp >> 12 & 0x3f));
    out[2] = (char)(0x80 | (cp >> 6 & 0x3f));
    out[3] = (char)(0x80 | (cp & 0x3f));
    return 4;
}

#endif
