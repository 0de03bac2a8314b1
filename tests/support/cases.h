/* Reads the case files of tests/cases: "what is written, TAB, what comes out", with \n \t \r \\ and \u{XXXX}. */
#ifndef TOCSIN_TESTS_CASES_H
#define TOCSIN_TESTS_CASES_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* In place; what is written is never longer than its escape. */
static inline void case_unescape(char *s)
{
    char *out = s;
    while (*s) {
        if (s[0] != '\\') {
            *out++ = *s++;
        } else if (s[1] == 'u' && s[2] == '{') {
            uint32_t cp = (uint32_t)strtoul(s + 3, &s, 16);
            if (*s == '}') s++;
            if (cp < 0x80) {
                *out++ = (char)cp;
            } else if (cp < 0x800) {
                *out++ = (char)(0xc0 | cp >> 6);
                *out++ = (char)(0x80 | (cp & 0x3f));
            } else if (cp < 0x10000) {
                *out++ = (char)(0xe0 | cp >> 12);
                *out++ = (char)(0x80 | (cp >> 6 & 0x3f));
                *out++ = (char)(0x80 | (cp & 0x3f));
            } else {
                *out++ = (char)(0xf0 | cp >> 18);
                *out++ = (char)(0x80 | (cp >> 12 & 0x3f));
                *out++ = (char)(0x80 | (cp >> 6 & 0x3f));
                *out++ = (char)(0x80 | (cp & 0x3f));
            }
        } else {
            *out++ = s[1] == 'n' ? '\n' : s[1] == 't' ? '\t' : s[1] == 'r' ? '\r' : s[1];
            s += s[1] ? 2 : 1;
        }
    }
    *out = '\0';
}

/* Calls fn(line, in, out) for each case; returns how many it refused (-1: the file cannot be read). */
static inline int cases_run(const char *path, bool (*fn)(int line, const char *in, const char *out),
                            int *ret_cases)
{
    char text[4096];
    int wrong = 0;
    FILE *f = fopen(path, "r");
    if (!f) return -1;
    *ret_cases = 0;
    for (int line = 1; fgets(text, sizeof text, f); line++) {
        text[strcspn(text, "\n")] = '\0';
        if (!text[0] || text[0] == '#') continue;
        char *tab = strchr(text, '\t');
        if (!tab) {
            (void)fprintf(stderr, "%s:%d: no TAB\n", path, line);
            wrong++;
            continue;
        }
        *tab = '\0';
        case_unescape(text);
        case_unescape(tab + 1);
        ++*ret_cases;
        if (!fn(line, text, tab + 1)) wrong++;
    }
    (void)fclose(f);
    return wrong;
}

#endif
