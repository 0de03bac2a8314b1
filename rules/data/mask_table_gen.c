/* Makes mask_table.c at build time from the readable lists.
 *
 *   mask_table_gen PERSONAL.TXT HOTLINES.TXT > mask_table.c
 */
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mask_table.h"
#include "base/text.h"

#define WORDS_MAX 2048

struct section {
    const char *heading, *variable;     /* variable NULL: only the characters' classes are needed */
    uint16_t each, first, second, last; /* classes of every, the first, second, last character */
    bool by_last;                       /* looked for backwards */
    struct mt_word word[WORDS_MAX];
    unsigned n;
};

static struct section sections[] = {
    {.heading = "surnames", .each = MT_SURNAME | MT_NAME_BEGIN},
    {.heading = "compound-surnames", .first = MT_NAME_BEGIN, .variable = "mt_compound_surnames"},
    {.heading = "announce", .by_last = true, .variable = "mt_announce", .last = MT_ANNOUNCE_END},
    {.heading = "announce-weak", .by_last = true, .variable = "mt_announce_weak", .last = MT_ANNOUNCE_END},
    {.heading = "follow", .each = MT_FOLLOW},
    {.heading = "titles", .variable = "mt_titles", .first = MT_TITLE_FIRST, .second = MT_TITLE_SECOND},
    {.heading = "staff-titles",
     .variable = "mt_staff_titles",
     .first = MT_TITLE_FIRST,
     .second = MT_TITLE_SECOND},
    {.heading = "not-given", .each = MT_NOT_GIVEN},
    {.heading = "left", .each = MT_LEFT},
    {.heading = "not-names", .variable = "mt_not_names"},
    {.heading = "ways", .by_last = true, .variable = "mt_ways"},
    {.heading = "bed-words", .by_last = true, .variable = "mt_bed_words"},
    {.heading = "door-ways", .by_last = true, .variable = "mt_door_ways"},
    {.heading = "address-words", .by_last = true, .variable = "mt_address_words", .last = MT_ADDRESS_END},
    {.heading = "spelled-out", .each = MT_SPELLED_OUT},
    {.heading = "handle-words", .by_last = true, .variable = "mt_handle_words", .last = MT_CODE_END},
    {.heading = "tel-words", .by_last = true, .variable = "mt_tel_words"},
    {.heading = "card-words", .by_last = true, .variable = "mt_card_words", .last = MT_CODE_END},
    {.heading = "id-words", .by_last = true, .variable = "mt_id_words", .last = MT_CODE_END},
    {.heading = "amounts", .variable = "mt_amounts"},
};
#define N_SECTIONS (sizeof sections / sizeof sections[0])

static uint16_t classes[0x10000];
static struct mt_hotline hotlines[WORDS_MAX];
static unsigned n_hotlines;

static void __attribute__((format(printf, 3, 4), noreturn))
die(const char *path, int line, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    (void)fprintf(stderr, "%s:%d: ", path, line);
    (void)vfprintf(stderr, fmt, ap);
    (void)fputc('\n', stderr);
    va_end(ap);
    exit(1);
}

static FILE *open_list(const char *path)
{
    FILE *f = fopen(path, "r");
    if (!f) die(path, 0, "%s", strerror(errno));
    return f;
}

static void add_word(struct section *s, const char *path, int line, const char *text)
{
    size_t len = strlen(text);
    if (s->n == WORDS_MAX) die(path, line, "more than %d words in [%s]", WORDS_MAX, s->heading);
    if (len >= sizeof s->word[0].text) die(path, line, "`%s` is too long", text);
    struct mt_word *w = &s->word[s->n++];
    w->len = (uint8_t)len;
    memcpy(w->text, text, len + 1);
    uint32_t cp = 0;
    unsigned place = 0;
    for (size_t i = 0; i < len; place++) {
        i += (size_t)text_next(text + i, len - i, &cp);
        if (place == 0 || s->by_last) w->key = (uint16_t)cp;
        if (cp > 0xffff) die(path, line, "`%s`: characters beyond the basic plane are not looked for", text);
        classes[cp] |= s->each | (place == 0 ? s->first : place == 1 ? s->second : 0);
    }
    if (s->second && place < 2) die(path, line, "`%s`: a title has two characters at least", text);
    classes[cp] |= s->last;
}

static void read_personal(const char *path)
{
    FILE *f = open_list(path);
    char text[4096];
    struct section *s = NULL;
    for (int line = 1; fgets(text, sizeof text, f); line++) {
        text[strcspn(text, "\r\n")] = '\0';
        if (!text[0] || text[0] == '#') continue;
        if (text[0] == '[') {
            text[strcspn(text, "]")] = '\0';
            s = NULL;
            for (size_t i = 0; i < N_SECTIONS; i++)
                if (strcmp(sections[i].heading, text + 1) == 0) s = &sections[i];
            if (!s) die(path, line, "unknown heading [%s]", text + 1);
            continue;
        }
        if (!s) die(path, line, "words before the first heading");
        for (char *p = text, *word; (word = strsep(&p, " \t"));)
            if (*word) add_word(s, path, line, word);
    }
    (void)fclose(f);
    for (size_t i = 0; i < N_SECTIONS; i++)
        if (!sections[i].n) die(path, 0, "[%s] is missing or empty", sections[i].heading);
}

static void read_hotlines(const char *path)
{
    FILE *f = open_list(path);
    char text[1024];
    for (int line = 1; fgets(text, sizeof text, f); line++) {
        text[strcspn(text, "\r\n")] = '\0';
        if (!text[0] || text[0] == '#') continue;
        char *rest = text, *number = strsep(&rest, "\t"), *use = strsep(&rest, "\t");
        struct mt_hotline *h = &hotlines[n_hotlines++];
        if (n_hotlines == WORDS_MAX) die(path, line, "too many numbers");
        if (!use || (strcmp(use, "public") != 0 && strcmp(use, "known") != 0))
            die(path, line, "expected: number, TAB, public or known, TAB, whose");
        h->len = (uint8_t)strlen(number);
        if (h->len == 0 || strspn(number, "0123456789x") != strlen(number) || h->len >= sizeof h->digits)
            die(path, line, "`%s` is no number", number);
        memcpy(h->digits, number, h->len);
        h->may_be_given = strcmp(use, "public") == 0;
    }
    (void)fclose(f);
    if (!n_hotlines) die(path, 0, "no numbers");
}

static int by_key_and_length(const void *a, const void *b)
{
    const struct mt_word *x = a, *y = b;
    if (x->key != y->key) return x->key < y->key ? -1 : 1;
    if (x->len != y->len) return y->len - x->len;
    return strcmp(x->text, y->text);
}

/* What does not come from the lists. */
static void add_classes(void)
{
    static const struct {
        uint16_t class;
        const char *list;
    } more[] = {
        {MT_NAME_BEGIN, " :=(,[\"'“‘【为是叫"},
        {MT_STOP, "0123456789@床房室"},
        {MT_CODE_BEGIN, "abcdefghijklmnopqrstuvwxyz :=(@[\"'“‘【号码为是"},
        {MT_PLATE_FIRST, "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"},
        {MT_PLATE_SECOND, "abcdefghjklmnpqrstuvwxyz"},
    };
    uint32_t cp;
    for (size_t i = 0; i < sizeof more / sizeof more[0]; i++) {
        for (const char *p = more[i].list; *p;) {
            p += text_next(p, strlen(p), &cp);
            classes[cp] |= more[i].class;
        }
    }
}

static void print_classes(void)
{
    static uint16_t blocks[0x10000 >> 6][64];
    unsigned n = 0;
    (void)printf("const uint16_t mt_index[0x10000 >> 6] = {");
    for (unsigned b = 0; b < 0x10000 >> 6; b++) {
        unsigned j = 0;
        while (j < n && memcmp(blocks[j], classes + 64 * b, sizeof blocks[0]) != 0) j++;
        if (j == n) memcpy(blocks[n++], classes + 64 * b, sizeof blocks[0]);
        (void)printf("%s%u,", b % 24 ? "" : "\n", j);
    }
    (void)printf("\n};\n\nconst uint16_t mt_class[][64] = {\n");
    for (unsigned b = 0; b < n; b++) {
        (void)printf("{");
        for (unsigned i = 0; i < 64; i++) (void)printf("%u,", blocks[b][i]);
        (void)printf("},\n");
    }
    (void)printf("};\n");
}

int main(int argc, char **argv)
{
    if (argc != 3) die("mask_table_gen", 0, "usage: mask_table_gen PERSONAL.TXT HOTLINES.TXT > mask_table.c");
    read_personal(argv[1]);
    read_hotlines(argv[2]);
    add_classes();

    (void)printf("/* Generated by rules/data/mask_table_gen.c from rules/data/personal.txt and hotlines.txt "
                 "at build time:\n"
                 " * do not edit, do not commit. */\n#include \"base/mask_table.h\"\n\n");
    print_classes();
    for (size_t i = 0; i < N_SECTIONS; i++) {
        struct section *s = &sections[i];
        if (!s->variable) continue;
        qsort(s->word, s->n, sizeof s->word[0], by_key_and_length);
        (void)printf("\nconst struct mt_words %s = {%u, (const struct mt_word[]){\n", s->variable, s->n);
        for (unsigned j = 0; j < s->n; j++)
            (void)printf("{0x%x, %u, \"%s\"},\n", s->word[j].key, s->word[j].len, s->word[j].text);
        (void)printf("}};\n");
    }
    (void)printf("\nconst struct mt_hotline mt_hotlines[] = {\n");
    for (unsigned i = 0; i < n_hotlines; i++)
        (void)printf("{%u, %u, \"%s\"},\n", hotlines[i].len, hotlines[i].may_be_given, hotlines[i].digits);
    (void)printf("};\nconst unsigned mt_n_hotlines = %u;\n", n_hotlines);
    if (fflush(stdout) || ferror(stdout)) die("mask_table_gen", 0, "cannot write the table");
    return 0;
}
