/* Longest match over a sorted table of words. */
#include "player/lexicon.h"

#include <ctype.h>
#include <errno.h>

#include "base/i18n.h"
#include "base/mem.h"
#include "base/text.h"
#include "io/file.h"
#include "player/memory.h"

enum { LINE_MAX_BYTES = 512, WORDS_MAX = 100000 };

struct word {
    char *text, *reading;
    size_t len;
};

struct lexicon {
    struct word *words; /* sorted by text; a longer word follows its beginning */
    size_t n_words;
    struct word *polyphones;
    size_t n_polyphones;
    size_t longest;
};

/* A to Z as they are said in Mandarin. */
static const char *const letters[26] = {
    "ei1",     "bi4",  "xi1",     "di4",     "yi4",          "ai2 fu5",     "ji4",  "ai1 chi5", "ai4",
    "zhei4",   "kei4", "ai2 le5", "ai2 mu5", "en1",          "ou1",         "pi4",  "kiu1",     "a4 er5",
    "ai2 si5", "ti4",  "you1",    "wei1",    "da2 bu5 liu5", "ai2 ke5 si5", "wai4", "zei4"};

struct lexicon *lexicon_new(void)
{
    return xcalloc(1, sizeof(struct lexicon));
}

static void free_words(struct word *words, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        free(words[i].text);
        free(words[i].reading);
    }
    free(words);
}

struct lexicon *lexicon_free(struct lexicon *l)
{
    if (!l) return NULL;
    free_words(l->words, l->n_words);
    free_words(l->polyphones, l->n_polyphones);
    free(l);
    return NULL;
}

/* Where the word is or would be. */
static size_t find(const struct word *words, size_t n, const char *text, size_t len, bool *ret_found)
{
    size_t low = 0, high = n;
    while (low < high) {
        size_t mid = (low + high) / 2;
        size_t shorter = words[mid].len < len ? words[mid].len : len;
        int order = memcmp(words[mid].text, text, shorter);
        if (order == 0) order = words[mid].len < len ? -1 : words[mid].len > len;
        if (order == 0) {
            *ret_found = true;
            return mid;
        }
        if (order < 0)
            low = mid + 1;
        else
            high = mid;
    }
    *ret_found = false;
    return low;
}

static void put_word(struct word **words, size_t *n, const char *text, const char *reading)
{
    bool found;
    size_t at = find(*words, *n, text, strlen(text), &found);
    if (found) {
        free((*words)[at].reading);
        (*words)[at].reading = xstrdup(reading);
        return;
    }
    *words = xreallocarray(*words, *n + 1, sizeof(**words));
    memmove(&(*words)[at + 1], &(*words)[at], (*n - at) * sizeof(**words));
    (*words)[at] = (struct word){.text = xstrdup(text), .reading = xstrdup(reading), .len = strlen(text)};
    (*n)++;
}

/* "yin2 hang2": syllables of lower-case letters with a tone from 1 to 5, one space between. */
static bool is_pinyin(const char *s)
{
    while (*s) {
        size_t n = 0;
        while (s[n] >= 'a' && s[n] <= 'z') n++;
        if (n == 0 || n > 6 || s[n] < '1' || s[n] > '5') return false;
        s += n + 1;
        if (*s == ' ' && s[1])
            s++;
        else if (*s)
            return false;
    }
    return true;
}

/* Reads lines "word TAB reading" into a table. */
static enum relay_err load(const char *path, struct word **words, size_t *n, struct reason *why)
{
    FILE *f = fopen(path, "re");
    if (!f) return file_refused(path, errno, why);
    char line[LINE_MAX_BYTES];
    enum relay_err err = RELAY_OK;
    for (int number = 1; err == RELAY_OK && fgets(line, sizeof(line), f); number++) {
        size_t len = strcspn(line, "\r\n");
        if (!line[len] && !feof(f)) {
            err = fail(why, RELAY_LIMIT, _("%s:%d: the line is over 500 bytes"), path, number);
            break;
        }
        line[len] = '\0';
        if (!*line || *line == '#') continue;
        char *tab = strchr(line, '\t');
        if (tab) *tab = '\0';
        char *reading = tab ? tab + 1 : line + len;
        reading[strcspn(reading, "\t")] = '\0';
        if (!tab || !*line || !*reading || !is_pinyin(reading))
            err = fail(why, RELAY_INVALID,
                       _("%s:%d: not `word<TAB>pinyin with tone numbers`, as in 银行<TAB>yin2 hang2"), path,
                       number);
        else if (!text_valid_utf8(line, strlen(line)))
            err = fail(why, RELAY_INVALID, _("%s:%d: not UTF-8"), path, number);
        else if (*n >= WORDS_MAX)
            err = fail(why, RELAY_LIMIT, _("%s:%d: more than %d words"), path, number, WORDS_MAX);
        else
            put_word(words, n, line, reading);
    }
    if (ferror(f)) err = file_refused(path, errno, why);
    (void)fclose(f); /* only read */
    return err;
}

enum relay_err lexicon_load(struct lexicon *l, const char *path, struct reason *why)
{
    enum relay_err err = load(path, &l->words, &l->n_words, why);
    l->longest = 0;
    for (size_t i = 0; i < l->n_words; i++)
        if (l->words[i].len > l->longest) l->longest = l->words[i].len;
    return err;
}

enum relay_err lexicon_load_polyphones(struct lexicon *l, const char *path, struct reason *why)
{
    return load(path, &l->polyphones, &l->n_polyphones, why);
}

size_t lexicon_words(const struct lexicon *l)
{
    return l->n_words;
}

uint64_t lexicon_hash(const struct lexicon *l)
{
    uint64_t h = l->n_words;
    for (size_t i = 0; i < l->n_words; i++)
        h = h * 1099511628211ULL + text_key(l->words[i].text) * 31 + text_key(l->words[i].reading);
    return h;
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* The longest word that stands at `at`; a Latin word must not end in the middle of letters. */
static const struct word *match(const struct lexicon *l, const char *text, size_t n, size_t at)
{
    size_t max = n - at < l->longest ? n - at : l->longest;
    for (size_t len = max; len > 0; len--) {
        if (at + len < n && ((unsigned char)text[at + len] & 0xC0) == 0x80) continue;
        bool found;
        size_t i = find(l->words, l->n_words, text + at, len, &found);
        if (!found) continue;
        if (is_letter(text[at + len - 1]) && at + len < n && is_letter(text[at + len])) continue;
        if (is_letter(text[at]) && at > 0 && is_letter(text[at - 1])) continue;
        return &l->words[i];
    }
    return NULL;
}

static void put_apart(struct buf *out, const char *pinyin)
{
    if (out->len && out->data[out->len - 1] != ' ') buf_char(out, ' ');
    buf_str(out, pinyin);
    buf_char(out, ' ');
}

void lexicon_apply(const struct lexicon *l, const char *text, struct buf *out)
{
    size_t n = strlen(text), at = 0;
    while (at < n) {
        const struct word *w = match(l, text, n, at);
        if (w) {
            put_apart(out, w->reading);
            at += w->len;
        } else if (is_letter(text[at])) {
            put_apart(out, letters[tolower((unsigned char)text[at]) - 'a']);
            at++;
        } else {
            buf_char(out, text[at++]);
        }
    }
}

bool lexicon_unsure(const struct lexicon *l, const char *text, size_t *at_byte, char ret_char[static 8],
                    const char **ret_readings)
{
    size_t n = strlen(text), at = *at_byte;
    while (at < n) {
        const struct word *w = match(l, text, n, at);
        if (w) {
            at += w->len;
            continue;
        }
        uint32_t cp;
        int used = text_next(text + at, n - at, &cp);
        if (used <= 0) break;
        bool found;
        size_t i = find(l->polyphones, l->n_polyphones, text + at, (size_t)used, &found);
        if (found) {
            memcpy(ret_char, text + at, (size_t)used);
            ret_char[used] = '\0';
            *ret_readings = l->polyphones[i].reading;
            *at_byte = at + (size_t)used;
            return true;
        }
        at += (size_t)used;
    }
    *at_byte = n;
    return false;
}
