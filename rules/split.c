/* A choice taken apart at its brackets, without reading what they hold: rules share lists, and so are they. */
#include <string.h>

#include "rules/pattern.h"

/* Behind one element of a pattern: an escape, a class, a comment, a sign. NULL where its end is missing. */
static const char *past(const char *p, const char *end)
{
    if (*p == '\\') return end - p >= 2 ? p + 2 : NULL;
    if (end - p >= 3 && memcmp(p, "(?#", 3) == 0) {
        p = memchr(p, ')', (size_t)(end - p));
        return p ? p + 1 : NULL;
    }
    if (*p != '[') return p + 1;
    p += end - p >= 2 && p[1] == '^' ? 2 : 1;
    for (bool first = true; p < end && (*p != ']' || first); first = false) {
        if (*p == '\\') {
            if (end - p < 2) return NULL;
            p += 2;
        } else if (end - p >= 2 && memcmp(p, "[:", 2) == 0) {
            p = memmem(p, (size_t)(end - p), ":]", 2);
            if (!p) return NULL;
            p += 2;
        } else {
            p++;
        }
    }
    return p < end ? p + 1 : NULL;
}

/* The end of the alternative that begins here; *ret_shut: where its first bracket closes. NULL: not to be told apart. */
static const char *alternative_end(const char *p, const char *end, const char **ret_shut)
{
    size_t depth = 0;
    *ret_shut = NULL;
    while (p < end && (depth || *p != '|')) {
        const char *next = past(p, end);
        if (!next) return NULL;
        if (*p == '(' && next == p + 1) {
            static const char letters[] = {'i', 'm', 's', ')'};
            bool flags = end - p >= 3 && p[1] == '?' && memchr(letters, p[2], sizeof(letters));
            if (flags && depth == 0) return NULL; /* which reach into the alternatives that follow */
            depth++;
        } else if (*p == ')') {
            if (depth-- == 0) return NULL;
            if (depth == 0 && !*ret_shut) *ret_shut = next;
        }
        p = next;
    }
    return depth ? NULL : p;
}

size_t pattern_split(const char *text, size_t n, struct piece ret[static PIECES_MAX])
{
    enum { OPENING = sizeof("(?:") - 1 };
    const char *end = text + n;
    size_t pieces = 0;
    bool after_short = false;
    for (const char *p = text;; p++) {
        const char *shut, *from = p;
        p = alternative_end(from, end, &shut);
        if (!p || p == from) return 0;
        bool bracket = shut == p && p - from > OPENING + 1 && memcmp(from, "(?:", OPENING) == 0;
        if (!shut && after_short) {
            ret[pieces - 1].n = (size_t)(p - ret[pieces - 1].text);
        } else {
            if (pieces == PIECES_MAX) return 0;
            ret[pieces++] = bracket ? (struct piece){from + OPENING, (size_t)(p - from) - OPENING - 1, true}
                                    : (struct piece){from, (size_t)(p - from), false};
        }
        after_short = !shut;
        if (p == end) return pieces;
    }
}
