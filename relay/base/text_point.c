/* Code points. Uses no library, so it also runs in the page of `tocsin rules page`. */
#include "base/text.h"

size_t text_chars(const char *s, size_t n)
{
    size_t chars = 0;
    for (size_t i = 0; i < n; i++) chars += ((unsigned char)s[i] & 0xc0) != 0x80;
    return chars;
}

bool text_is_han(uint32_t cp)
{
    if (cp < 0x3400) return cp == 0x3005 || cp == 0x3007 || (cp >= 0x2e80 && cp <= 0x2fd5);
    return cp <= 0x4dbf || (cp >= 0x4e00 && cp <= 0x9fff) || (cp >= 0xf900 && cp <= 0xfaff) ||
           (cp >= 0x20000 && cp <= 0x323af);
}
