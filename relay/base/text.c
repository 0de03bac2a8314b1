/* UTF-8: strict validation, counting, and cuts that a reader does not see. */
#include "base/text.h"

#include <endian.h>
#include <errno.h>
#include <utf8proc.h>

/* Bytes of the characters of three that p begins with, by one look at each; the last of a text is not among them, nor what
 * follows one that is overlong or a surrogate. */
static size_t chinese_prefix(const unsigned char *p, size_t n)
{
    size_t i = 0;
    for (uint32_t w; i + sizeof(w) <= n; i += 3) {
        memcpy(&w, p + i, sizeof(w));
        w = le32toh(w);
        uint32_t edge = w & 0x200f; /* E0 80-9F: overlong; ED A0-BF: surrogate */
        if ((w & 0xc0c0f0) != 0x8080e0 || edge == 0x0000 || edge == 0x200d) break;
    }
    return i;
}

size_t text_valid_prefix(const char *s, size_t n)
{
    const unsigned char *p = (const unsigned char *)s, *end = p + n;
    while (p < end) {
        unsigned char c = *p;
        size_t left = (size_t)(end - p);
        if (c < 0x80) {
            uint64_t w; /* eight at once while they are ASCII and none is NUL */
            while (left >= 8 &&
                   (memcpy(&w, p, 8), !((w | (w - 0x0101010101010101ULL)) & 0x8080808080808080ULL))) {
                p += 8;
                left -= 8;
            }
            if (left == 0) break;
            if (*p == 0) break;
            if (*p < 0x80) p++;
        } else if (c >= 0xe0 && c < 0xf0) {
            size_t many = chinese_prefix(p, left);
            if (many) {
                p += many;
                continue;
            }
            if (left < 3 || (p[1] & 0xc0) != 0x80 || (p[2] & 0xc0) != 0x80) break;
            if (c == 0xe0 && p[1] < 0xa0) break;  /* overlong */
            if (c == 0xed && p[1] >= 0xa0) break; /* surrogate */
            p += 3;
        } else if (c >= 0xc2 && c < 0xe0) {
            if (left < 2 || (p[1] & 0xc0) != 0x80) break;
            p += 2;
        } else if (c >= 0xf0 && c < 0xf5) {
            if (left < 4 || (p[1] & 0xc0) != 0x80 || (p[2] & 0xc0) != 0x80 || (p[3] & 0xc0) != 0x80) break;
            if (c == 0xf0 && p[1] < 0x90) break;  /* overlong */
            if (c == 0xf4 && p[1] >= 0x90) break; /* beyond U+10FFFF */
            p += 4;
        } else {
            break;
        }
    }
    return (size_t)(p - (const unsigned char *)s);
}

bool text_valid_utf8(const char *s, size_t n)
{
    return text_valid_prefix(s, n) == n;
}

void text_mend(char *s)
{
    size_t n = strlen(s), kept = 0;
    for (size_t i = 0; i < n;) {
        size_t valid = text_valid_prefix(s + i, n - i);
        memmove(s + kept, s + i, valid);
        kept += valid;
        i += valid + 1; /* without the byte that it stopped at */
    }
    s[kept] = '\0';
}

size_t text_cut(const char *s, size_t n, size_t max)
{
    if (n <= max) return n;
    size_t cut = 0, at = 0;
    uint32_t before = 0, cp;
    utf8proc_int32_t state = 0;
    for (int used; at <= max && (used = text_next(s + at, n - at, &cp)) > 0; at += (size_t)used) {
        if (at == 0 ||
            utf8proc_grapheme_break_stateful((utf8proc_int32_t)before, (utf8proc_int32_t)cp, &state))
            cut = at;
        before = cp;
    }
    return cut;
}

size_t text_cut_sentence(const char *s, size_t n, size_t max)
{
    if (n <= max) return n;
    size_t hard = text_cut(s, n, max), best[3] = {0, 0, 0}; /* after a sentence, a comma, a space */
    uint32_t cp;
    for (size_t at = 0; at < hard;) {
        at += (size_t)text_next(s + at, hard - at, &cp);
        switch (cp) {
        case 0x3002: /* 。 */
        case 0xff01: /* ！ */
        case 0xff1f: /* ？ */
        case 0xff1b: /* ； */
        case '\n': best[0] = at; break;
        case 0xff0c: /* ， */
        case 0x3001: /* 、 */
        case ',': best[1] = at; break;
        case ' ': best[2] = at; break;
        default: break;
        }
    }
    for (int i = 0; i < 3; i++)
        if (best[i] > 0 && best[i] >= max / 2) return best[i];
    return hard;
}

bool text_has_word(const char *words, const char *word)
{
    size_t n = strlen(word);
    for (const char *p = words; n && (p = strstr(p, word)); p += n)
        if ((p == words || p[-1] == ' ') && (p[n] == ' ' || p[n] == '\0')) return true;
    return false;
}

bool text_add_word(char *words, size_t size, const char *word)
{
    size_t n = strlen(word), used = strlen(words);
    if (!n || text_has_word(words, word) || used + n + 2 > size) return false;
    (void)snprintf(words + used, size - used, "%s%s", used ? " " : "", word);
    return true;
}

bool text_number(const char *s, int64_t *ret)
{
    if (!*s || strspn(s, "0123456789") != strlen(s)) return false;
    errno = 0;
    long long n = strtoll(s, NULL, 10);
    if (errno) return false;
    *ret = n;
    return true;
}

bool text_is_id(const char *s)
{
    size_t n = 0;
    for (; s[n]; n++) {
        bool alnum = (s[n] >= 'a' && s[n] <= 'z') || (s[n] >= '0' && s[n] <= '9');
        if (n >= 32 || (!alnum && (s[n] != '-' || n == 0))) return false;
    }
    return n > 0;
}

size_t text_columns(const char *s)
{
    size_t columns = 0;
    for (size_t n = strlen(s), i = 0; i < n;) {
        uint32_t cp = 0;
        i += (size_t)text_next(s + i, n - i, &cp);
        columns += (size_t)utf8proc_charwidth((utf8proc_int32_t)cp);
    }
    return columns;
}
