/* The wording rules, text by text. Compiled into the page of `rules page` as well: nothing here but base's text and slots. */
#include "rules/wording.h"

#include <stdarg.h>

#include "base/i18n.h"
#include "base/mask.h"
#include "base/mask_table.h"
#include "base/mem.h"
#include "base/slots.h"
#include "base/text.h"

/* Limits of the wording (all in one place; hospitals will want to change some). */
enum {
    VOICE_SECONDS = 20,
    SHORT_SECONDS = 13, /* a slot of 40 s is one house reminder and two of these */
    RHYME_SECONDS = 12,
    BREATH_CHARS = 12, /* between two stops */
    SCREEN_CHARS = 15,
    SLOT_CHARS = 6, /* {{site}}, {{help}} when spoken */
    SLOT_BYTES = 30,
    CHAR_SECONDS_TENTHS = 32 /* 3.2 characters a second */
};

enum { SPOKEN = 1, PUBLIC = 2, OPENING = 4, ACTION = 8, SCREEN = 16, FEW_SLOTS = 32, RHYMED = 64 };

static const struct kind {
    const char *name;
    unsigned traits;
    int seconds;
} kinds[] = {{"voice", SPOKEN | PUBLIC | OPENING | ACTION | FEW_SLOTS, VOICE_SECONDS},
             {"voice_short", SPOKEN | PUBLIC | OPENING | ACTION | FEW_SLOTS, SHORT_SECONDS},
             {"rhyme", SPOKEN | PUBLIC | FEW_SLOTS | RHYMED, RHYME_SECONDS},
             {"correction", SPOKEN | PUBLIC | FEW_SLOTS, VOICE_SECONDS},
             {"chat", PUBLIC | OPENING, 0},
             {"caught", PUBLIC, 0},
             {"duty", 0, 0},
             {"headline", PUBLIC | SCREEN, 0},
             {"lines", PUBLIC | SCREEN, 0}};

static struct kind kind_of(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
        if (strcmp(kinds[i].name, name) == 0) return kinds[i];
    return (struct kind){.name = name};
}

/* What is looked at, and who is told. */
struct wording {
    const char *name;
    unsigned traits;
    int seconds;
    wording_find_fn *fn;
    void *arg;
};

static void PRINTF(4, 5) find(const struct wording *w, bool error, const char *code, const char *fmt, ...)
{
    char text[WORDING_TEXT_MAX];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    w->fn(w->arg, error, code, text);
}

static bool has_one_of(const char *text, const char *const *words, size_t n, const char **ret_word)
{
    for (size_t i = 0; i < n; i++) {
        if (!strstr(text, words[i])) continue;
        if (ret_word) *ret_word = words[i];
        return true;
    }
    return false;
}

/* Length of the slot {{…}} at s, 0 when there is none. */
size_t wording_slot_length(const char *s)
{
    if (strncmp(s, "{{", 2) != 0) return 0;
    const char *end = strstr(s, "}}");
    return end ? (size_t)(end - s) + 2 : 0;
}

static bool is_stop(uint32_t cp)
{
    static const uint32_t stops[] = {0xff0c, 0x3002, 0x3001, 0xff1f, 0xff01, 0xff1b, 0xff1a, ',',
                                     '.',    '!',    '?',    ';',    ':',    '\n',   0x2026};
    for (size_t i = 0; i < ARRAY_LEN(stops); i++)
        if (cp == stops[i]) return true;
    return false;
}

static bool is_heard(uint32_t cp)
{
    return text_is_han(cp) || (cp >= '0' && cp <= '9') || (cp >= 'a' && cp <= 'z') ||
           (cp >= 'A' && cp <= 'Z');
}

/* Walks over what is heard: fn(arg, cp) for each character, cp 0 for one of a slot. */
static void each_heard(const char *s, void (*fn)(void *arg, uint32_t cp), void *arg)
{
    for (size_t n = strlen(s), i = 0; i < n;) {
        size_t slot = wording_slot_length(s + i);
        if (slot) {
            for (int k = 0; k < SLOT_CHARS; k++) fn(arg, 0);
            i += slot;
            continue;
        }
        uint32_t cp = 0;
        i += (size_t)text_next(s + i, n - i, &cp);
        fn(arg, cp);
    }
}

struct breath {
    size_t heard, now, longest;
};

static void count_heard(void *arg, uint32_t cp)
{
    struct breath *b = arg;
    if (cp != 0 && is_stop(cp)) {
        b->now = 0;
    } else if (cp == 0 || is_heard(cp)) {
        b->heard++;
        if (++b->now > b->longest) b->longest = b->now;
    }
}

static struct breath measure(const char *text)
{
    struct breath b = {0};
    each_heard(text, count_heard, &b);
    return b;
}

size_t wording_spoken_chars(const char *text)
{
    return measure(text).heard;
}

double wording_seconds(const char *text)
{
    return (double)measure(text).heard * 10 / CHAR_SECONDS_TENTHS;
}

static void check_speech(const struct wording *w, const char *text)
{
    struct breath b = measure(text);
    double seconds = (double)b.heard * 10 / CHAR_SECONDS_TENTHS;
    if (seconds > w->seconds)
        find(w, true, "speech_length", _("%s: %zu characters take %.1f s; at most %d s"), w->name, b.heard,
             seconds, w->seconds);
    if (b.longest > BREATH_CHARS && !(w->traits & RHYMED))
        find(w, false, "long_phrase", _("%s: %zu characters without a stop; at most %d are easy to follow"),
             w->name, b.longest, BREATH_CHARS);
    if (!(w->traits & RHYMED) && strstr(text, "你"))
        find(w, false, "polite", _("%s: says 你; patients are 您"), w->name);
}

static void check_slots(const struct wording *w, const char *text)
{
    struct reason why;
    if (slots_check(text, wording_slots(w->name), &why)) find(w, true, "slot", "%s: %s", w->name, why.text);
}

/* The digit that a character stands for in a spoken number, or -1. */
static int digit_of(uint32_t cp)
{
    static const struct {
        uint32_t cp;
        int digit;
    } spoken[] = {{0x96f6, 0}, {0x3007, 0}, {0x4e00, 1}, {0x5e7a, 1}, {0x4e8c, 2}, {0x4e09, 3},
                  {0x56db, 4}, {0x4e94, 5}, {0x516d, 6}, {0x4e03, 7}, {0x516b, 8}, {0x4e5d, 9}};
    if (cp >= '0' && cp <= '9') return (int)cp - '0';
    if (cp >= 0xff10 && cp <= 0xff19) return (int)(cp - 0xff10);
    for (size_t i = 0; i < ARRAY_LEN(spoken); i++)
        if (spoken[i].cp == cp) return spoken[i].digit;
    return -1;
}

static bool may_be_given(const char *digits)
{
    size_t n = strlen(digits);
    for (unsigned i = 0; i < mt_n_hotlines; i++)
        if (mt_hotlines[i].may_be_given && mt_hotlines[i].len == n &&
            memcmp(mt_hotlines[i].digits, digits, n) == 0)
            return true;
    return false;
}

static void check_numbers(const struct wording *w, const char *text)
{
    enum { SHORTEST = 3, LONGEST = 24 };
    char digits[LONGEST + 1];
    size_t run = 0;
    for (size_t n = strlen(text), i = 0; i <= n;) {
        uint32_t cp = 0;
        size_t slot = i < n ? wording_slot_length(text + i) : 0;
        size_t len = i < n ? (size_t)text_next(text + i, n - i, &cp) : 1;
        int digit = i < n && !slot ? digit_of(cp) : -1;
        if (digit >= 0) {
            if (run < LONGEST) digits[run++] = (char)('0' + digit);
        } else {
            digits[run] = '\0';
            if (run >= SHORTEST && !may_be_given(digits))
                find(w, true, "number",
                     _("%s: %s is not a number to give; rules/data/hotlines.txt has 96110, 110, 120, 12393"),
                     w->name, digits);
            run = 0;
        }
        i += slot ? slot : len;
    }
}

static bool is_ascii_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* http, www, or letters.letters */
static bool holds_link(const char *text)
{
    static const char *const marks[] = {"http", "www.", "://"};
    if (has_one_of(text, marks, ARRAY_LEN(marks), NULL)) return true;
    for (const char *dot = text; (dot = strchr(dot, '.')) != NULL; dot++)
        if (dot > text && (is_ascii_letter(dot[-1]) || (dot[-1] >= '0' && dot[-1] <= '9')) &&
            is_ascii_letter(dot[1]) && is_ascii_letter(dot[2]))
            return true;
    return false;
}

/* A word that may only stand after a "do not". */
static bool unforbidden(const char *text, const char *word)
{
    static const char *const nots[] = {"不", "别", "勿", "莫", "骗", "假", "让", "叫", "要"};
    for (const char *at = text; (at = strstr(at, word)) != NULL; at += strlen(word)) {
        const char *from = text; /* of the sentence that the word stands in */
        for (const char *p = text; p < at; p++)
            if (*p == '\n' || strncmp(p, "。", strlen("。")) == 0) from = p + 1;
        CLEANUP(free_ptr) char *before = xstrndup(from, (size_t)(at - from));
        if (!has_one_of(before, nots, ARRAY_LEN(nots), NULL)) return true;
    }
    return false;
}

static void check_contacts(const struct wording *w, const char *text)
{
    static const char *const words[] = {"二维码", "扫码", "扫一扫", "微信号", "加微信", "QQ", "qq群"};
    if (holds_link(text)) find(w, true, "link", _("%s: no links in texts for patients"), w->name);
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (unforbidden(text, words[i]))
            find(w, true, "contact",
                 _("%s: \"%s\" looks like an invitation; no codes and contacts for patients"), w->name,
                 words[i]);
}

static void check_forbidden(const struct wording *w, const char *text)
{
    static const char *const words[] = {"涉诈", "链路", "钓鱼", "木马", "APP",
                                        "App",  "app",  "警报", "预警", "红色"};
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (strstr(text, words[i]))
            find(w, true, "forbidden_word", _("%s: says \"%s\"; patients are not to hear that word"), w->name,
                 words[i]);
}

/* 【防骗提醒】 and 防骗提醒, or the doubt within the first sentence: 说…的, 有人…, 自称…. */
static void check_opening(const struct wording *w, const char *text)
{
    static const char *const doubts[] = {"说", "自称", "冒充", "假"};
    const char *at = text;
    if (strncmp(at, "【", strlen("【")) == 0) at += strlen("【");
    if (strncmp(at, "防骗提醒", strlen("防骗提醒")) == 0) return;
    const char *end = strstr(text, "。");
    size_t n = end ? (size_t)(end - text) : strlen(text);
    CLEANUP(free_ptr) char *first = xstrndup(text, n);
    if (!has_one_of(first, doubts, ARRAY_LEN(doubts), NULL))
        find(w, true, "opening", _("%s: begins neither with 防骗提醒 nor with the doubt (说…的)"), w->name);
}

/* The last sentence sends people to somebody close by. */
static void check_action(const struct wording *w, const char *text)
{
    static const char *const people[] = {"护士",   "保安", "窗口",   "警务", "民警",   "{{help}}", "医生",
                                         "服务台", "导诊", "家人",   "子女", "志愿",   "柜台",     "药师",
                                         "医院",   "门诊", "派出所", "本人", "挂断",   "九六一",   "一一零",
                                         "96110",  "110",  "12393",  "社工", "医保办", "老师"};
    const char *last = text;
    for (const char *at = text; (at = strstr(at, "。")) != NULL; at += strlen("。"))
        if (at[strlen("。")] != '\0') last = at + strlen("。");
    if (!has_one_of(last, people, ARRAY_LEN(people), NULL))
        find(w, false, "action", _("%s: does not end with whom to ask (护士, 保安, 窗口, {{help}}, 96110 …)"),
             w->name);
}

/* It is heard and read by many: nobody is named in it. */
static void check_person(const struct wording *w, const char *text)
{
    CLEANUP(buf_release) struct buf words = BUF_INIT(SIZE_MAX / 2);
    enum mask_kind kind;
    if (mask_first(text, MASK_ANY, &kind, &words))
        find(w, true, "person",
             _("%s: \"%.*s\" looks like somebody's own (%s); nobody is named in what is sent out"), w->name,
             (int)words.len, words.data, mask_token(kind));
}

size_t wording_bytes(const char *text)
{
    size_t total = 0;
    for (size_t i = 0; text && text[i];) {
        size_t slot = wording_slot_length(text + i);
        total += slot ? SLOT_BYTES : 1;
        i += slot ? slot : 1;
    }
    return total;
}

void wording_check(const char *name, const char *text, wording_find_fn *fn, void *arg)
{
    struct kind kind = kind_of(name);
    struct wording w = {.name = name, .traits = kind.traits, .seconds = kind.seconds, .fn = fn, .arg = arg};
    check_slots(&w, text);
    if (strstr(text, "……"))
        find(&w, true, "gap", _("%s: …… is the template's gap; write what belongs there"), name);
    if (!(w.traits & PUBLIC)) return;
    check_person(&w, text);
    check_forbidden(&w, text);
    check_numbers(&w, text);
    check_contacts(&w, text);
    if (w.traits & SPOKEN) check_speech(&w, text);
    if (w.traits & OPENING) check_opening(&w, text);
    if (w.traits & ACTION) check_action(&w, text);
    if (w.traits & SCREEN && text_chars(text, strlen(text)) > SCREEN_CHARS)
        find(&w, true, "screen_length", _("%s: \"%s\" has %zu characters; a screen shows %d"), name, text,
             text_chars(text, strlen(text)), SCREEN_CHARS);
}

unsigned wording_slots(const char *name)
{
    return kind_of(name).traits & FEW_SLOTS ? SLOTS_SPOKEN : SLOTS_WRITTEN;
}

bool wording_is_public(const char *name)
{
    return (kind_of(name).traits & PUBLIC) != 0;
}

bool wording_is_spoken(const char *name)
{
    return (kind_of(name).traits & SPOKEN) != 0;
}

bool wording_is_rhymed(const char *name)
{
    return (kind_of(name).traits & RHYMED) != 0;
}
