/* Looks up area names in the table made from rules/data/areas.tsv. */
#include "areas.h"

#include <stdio.h>
#include <string.h>

#include "areas_table.h" /* static const struct { const char *code, *name; } areas[], sorted by code */
#include "base/mem.h"

static const char *find(const char *code, size_t n)
{
    size_t low = 0, high = ARRAY_LEN(areas);
    while (low < high) {
        size_t mid = (low + high) / 2;
        int order = strncmp(code, areas[mid].code, n);
        if (order == 0 && areas[mid].code[n]) order = -1; /* ours is its prefix, and stands before it */
        if (order == 0) return areas[mid].name;
        if (order < 0)
            high = mid;
        else
            low = mid + 1;
    }
    return NULL;
}

const char *area_name(const char *code)
{
    for (size_t n = strlen(code); n >= 2; n -= n % 2 ? 1 : 2) {
        const char *name = find(code, n);
        if (name) return name;
    }
    return "本地";
}

/* The name with or without the word for its kind at the end. */
static bool is_called(const char *full, const char *name)
{
    static const char *const kinds[] = {"",           "区",         "县",          "市",     "省",
                                        "旗",         "盟",         "地区",        "新区",   "林区",
                                        "自治县",     "自治旗",     "自治州",      "自治区", "特别行政区",
                                        "壮族自治区", "回族自治区", "维吾尔自治区"};
    size_t n = strlen(name);
    if (n < 2 * strlen("雁") || strncmp(full, name, n) != 0) return false;
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (strcmp(full + n, kinds[i]) == 0) return true;
    return false;
}

/* "西安" before "雁塔区": each word is what some area around the code is called. */
static bool lies_in(const char *code, const char *words, size_t n)
{
    char larger[AREA_LEN + 1], word[64];
    while (n) {
        size_t len = strcspn(words, " ");
        if (len > n) len = n;
        bool found = !len;
        (void)snprintf(word, sizeof(word), "%.*s", (int)len, words);
        for (size_t digits = 2; digits < strlen(code) && !found; digits += 2) {
            (void)snprintf(larger, sizeof(larger), "%.*s", (int)digits, code);
            const char *full = find(larger, digits);
            found = full && is_called(full, word);
        }
        if (!found) return false;
        words += len;
        n -= len;
        while (n && *words == ' ') words++, n--;
    }
    return true;
}

size_t area_codes(const char *name, char ret[][AREA_LEN + 1], size_t max)
{
    const char *space = strrchr(name, ' '), *last = space ? space + 1 : name;
    size_t n = 0;
    for (size_t i = 0; i < ARRAY_LEN(areas); i++) {
        if (!is_called(areas[i].name, last) || !lies_in(areas[i].code, name, (size_t)(last - name))) continue;
        if (n < max) memcpy(ret[n], areas[i].code, strlen(areas[i].code) + 1);
        n++;
    }
    return n;
}

bool area_code(const char *name, char ret[static AREA_LEN + 1])
{
    char found[1][AREA_LEN + 1];
    if (area_codes(name, found, 1) != 1) return false;
    memcpy(ret, found[0], sizeof(found[0]));
    return true;
}
