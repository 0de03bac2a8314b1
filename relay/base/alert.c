/* CAP 1.2 words, and how area codes cover each other. */
#include "base/alert.h"

#include <string.h>

#include "base/mem.h"
#include "base/text.h"

static const struct {
    const char *name, *zh, *urgency, *severity;
} levels[LEVEL_COUNT] = {
    [LEVEL_BLUE] = {"blue", "蓝", "Future", "Minor"},
    [LEVEL_YELLOW] = {"yellow", "黄", "Expected", "Moderate"},
    [LEVEL_ORANGE] = {"orange", "橙", "Expected", "Severe"},
    [LEVEL_RED] = {"red", "红", "Immediate", "Extreme"},
};

const char *level_name(enum level l)
{
    return (unsigned)l < LEVEL_COUNT ? levels[l].name : "unknown";
}

const char *level_name_zh(enum level l)
{
    return (unsigned)l < LEVEL_COUNT ? levels[l].zh : "未知";
}

bool level_parse(const char *s, enum level *ret)
{
    for (size_t i = 0; i < ARRAY_LEN(levels); i++) {
        if (strcmp(s, levels[i].name) != 0 && strcmp(s, levels[i].zh) != 0) continue;
        *ret = (enum level)i;
        return true;
    }
    return false;
}

const char *level_urgency(enum level l)
{
    return (unsigned)l < LEVEL_COUNT ? levels[l].urgency : "Unknown";
}

const char *level_severity(enum level l)
{
    return (unsigned)l < LEVEL_COUNT ? levels[l].severity : "Unknown";
}

/* Index of s in names, or -1. */
static int find_name(const char *s, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(s, names[i]) == 0) return (int)i;
    return -1;
}

static const char *const certainties[CERTAINTY_COUNT] = {
    [CERTAINTY_POSSIBLE] = "Possible", [CERTAINTY_LIKELY] = "Likely", [CERTAINTY_OBSERVED] = "Observed"};

const char *certainty_name(enum certainty c)
{
    return (unsigned)c < CERTAINTY_COUNT ? certainties[c] : "Unknown";
}

bool certainty_parse(const char *s, enum certainty *ret)
{
    int i = find_name(s, certainties, ARRAY_LEN(certainties));
    if (i >= 0) *ret = (enum certainty)i;
    return i >= 0;
}

static const char *const msg_types[] = {
    [MSG_ALERT] = "Alert", [MSG_UPDATE] = "Update", [MSG_CANCEL] = "Cancel"};

const char *msg_type_name(enum msg_type m)
{
    return (unsigned)m < ARRAY_LEN(msg_types) ? msg_types[m] : "Unknown";
}

bool msg_type_parse(const char *s, enum msg_type *ret)
{
    int i = find_name(s, msg_types, ARRAY_LEN(msg_types));
    if (i >= 0) *ret = (enum msg_type)i;
    return i >= 0;
}

static const char *const audiences[AUDIENCE_COUNT] = {
    [AUDIENCE_PUBLIC] = "public", [AUDIENCE_VOLUNTEER] = "volunteer", [AUDIENCE_DUTY] = "duty"};

const char *audience_name(enum audience a)
{
    return (unsigned)a < AUDIENCE_COUNT ? audiences[a] : "unknown";
}

bool audience_parse(const char *s, enum audience *ret)
{
    int i = find_name(s, audiences, ARRAY_LEN(audiences));
    if (i >= 0) *ret = (enum audience)i;
    return i >= 0;
}

void correction_heard(const char *text, struct buf *out)
{
    static const char just_now[] = "刚才";
    for (const char *at; (at = strstr(text, just_now)); text = at + sizeof(just_now) - 1) {
        buf_add(out, text, (size_t)(at - text));
        buf_str(out, "之前");
    }
    buf_str(out, text);
}

bool area_next(const char **codes, char ret[static AREA_LEN + 1])
{
    const char *from = *codes + strspn(*codes, " ");
    size_t n = strcspn(from, " ");
    *codes = from + n;
    size_t kept = n < AREA_LEN ? n : AREA_LEN;
    memcpy(ret, from, kept);
    ret[kept] = '\0';
    return n > 0;
}

bool areas_overlap(const char *codes, const char *area)
{
    for (const char *p = codes + strspn(codes, " "); *p; p += strspn(p, " ")) {
        const char *a = area;
        while (*a && *a == *p) {
            a++;
            p++;
        }
        if (!*a || !*p || *p == ' ') return true;
        p += strcspn(p, " ");
    }
    return false;
}

bool areas_add(char *codes, size_t size, const char *area)
{
    if (!text_add_word(codes, size, area)) return false;
    for (size_t digits = AREA_LEN - 2; digits >= 2; digits -= 2) {
        size_t n = 1;
        for (const char *p = codes; *p; p++) n += *p == ' ';
        if (n <= AREAS_MAX) break;
        char code[AREA_LEN + 1];
        CLEANUP(free_ptr) char *all = xstrdup(codes);
        codes[0] = '\0';
        for (const char *p = all; area_next(&p, code);) {
            code[digits] = '\0';
            (void)text_add_word(codes, size, code);
        }
    }
    return true;
}

bool area_normalise(const char *code, char ret[static AREA_LEN + 1])
{
    size_t n = strspn(code, "0123456789");
    if (code[n] || n < 2 || n > AREA_LEN || n % 2) return false;
    while (n >= 2 && code[n - 1] == '0' && code[n - 2] == '0') n -= 2;
    /* Only the tail may be open: "0061" and "610013" name nothing. */
    if (n == 0) return false;
    for (size_t i = 0; i < n; i += 2)
        if (code[i] == '0' && code[i + 1] == '0') return false;
    memcpy(ret, code, n);
    ret[n] = '\0';
    return true;
}
