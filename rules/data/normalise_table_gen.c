/* Makes normalise_table.c at build time: one entry per code point, from Unicode, OpenCC and our own variants.
 *
 *   normalise_table_gen VARIANTS.TSV OPENCC_VERSION > normalise_table.c
 *
 * For each code point, until nothing changes any more: NFKC_Casefold without default-ignorables (utf8proc), our
 * one-character variants, traditional to simplified (OpenCC's t2s, character by character; characters outside GB 2312
 * first through jp2t, so that 発 and 薬 become 发 and 药). Characters within GB 2312 do not go through jp2t: it would turn
 * the name 芸 into 艺. The head of what is written names the versions.
 */
#include <errno.h>
#include <iconv.h>
#include <opencc/opencc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

#include "base/normalise_table.h"
#include "base/text.h"

#define CP_MAX  0x110000u
#define SEQ_MAX 32

struct seq {
    uint32_t cp[SEQ_MAX];
    int n;
};

struct multi { /* a variant of several characters, as the file has it and as the machine will meet it */
    int line;
    struct seq from, to;
};

static const char *variants_path;
static opencc_t t2s, jp2t;
static iconv_t gb2312;

static struct seq *single; /* per code point: our variant, where has_single is set */
static bool *has_single;
static struct multi multis[512];
static int n_multis;
static bool *is_hold, *is_last, *is_second;
static struct seq *mapped; /* per code point: the final form */
static struct nt_pair pairs[8192];
static unsigned n_pairs;

static void __attribute__((format(printf, 2, 3), noreturn)) die(int line, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    if (line)
        (void)fprintf(stderr, "%s:%d: ", variants_path, line);
    else
        (void)fprintf(stderr, "normalise_table_gen: ");
    (void)vfprintf(stderr, fmt, ap);
    (void)fputc('\n', stderr);
    va_end(ap);
    exit(1);
}

static void add(struct seq *s, uint32_t cp, int line)
{
    if (s->n == SEQ_MAX) die(line, "more than %d characters", SEQ_MAX);
    s->cp[s->n++] = cp;
}

static bool same(const struct seq *a, const struct seq *b)
{
    return a->n == b->n && !memcmp(a->cp, b->cp, (size_t)a->n * sizeof a->cp[0]);
}

static int encode_seq(const struct seq *s, char *out)
{
    int n = 0;
    for (int i = 0; i < s->n; i++) n += text_put(s->cp[i], out + n);
    out[n] = '\0';
    return n;
}

static void decode_seq(const char *text, struct seq *ret)
{
    ret->n = 0;
    for (const char *p = text; *p;) {
        uint32_t cp;
        p += text_next(p, strlen(p), &cp);
        add(ret, cp, 0);
    }
}

/* Text of the file, or U+XXXX [U+XXXX …]. */
static void parse_side(const char *text, int line, struct seq *ret)
{
    ret->n = 0;
    if (strncmp(text, "U+", 2) != 0) {
        for (const char *p = text; *p;) {
            utf8proc_int32_t cp;
            utf8proc_ssize_t n = utf8proc_iterate((const utf8proc_uint8_t *)p, -1, &cp);
            if (n < 0) die(line, "not UTF-8");
            add(ret, (uint32_t)cp, line);
            p += n;
        }
        return;
    }
    for (const char *p = text; *p;) {
        if (strncmp(p, "U+", 2) != 0) die(line, "expected U+XXXX in `%s`", text);
        char *end;
        unsigned long cp = strtoul(p + 2, &end, 16);
        if (end == p + 2 || cp == 0 || cp >= CP_MAX) die(line, "no code point in `%s`", text);
        add(ret, (uint32_t)cp, line);
        p = end;
        while (*p == ' ') p++;
    }
}

static void read_variants(void)
{
    FILE *f = fopen(variants_path, "r");
    if (!f) die(0, "%s: %s", variants_path, strerror(errno));
    char text[1024];
    for (int line = 1; fgets(text, sizeof text, f); line++) {
        text[strcspn(text, "\r\n")] = '\0';
        if (!text[0] || text[0] == '#') continue;
        char *tab = strchr(text, '\t');
        if (!tab) die(line, "no TAB between what is written and what it becomes");
        *tab = '\0';
        char *to = tab + 1;
        to[strcspn(to, "\t")] = '\0';
        struct multi m = {.line = line};
        parse_side(text, line, &m.from);
        parse_side(to, line, &m.to);
        if (m.from.n == 0) die(line, "nothing before the TAB");
        if (m.from.n == 1) {
            if (has_single[m.from.cp[0]]) die(line, "`%s` stands here twice", text);
            has_single[m.from.cp[0]] = true;
            single[m.from.cp[0]] = m.to;
        } else {
            if (n_multis == (int)(sizeof multis / sizeof multis[0])) die(line, "too many variants");
            multis[n_multis++] = m;
        }
    }
    (void)fclose(f);
}

static bool in_gb2312(uint32_t cp)
{
    char in[4], out[8], *src = in, *dst = out;
    size_t left = (size_t)text_put(cp, in), room = sizeof out;
    (void)iconv(gb2312, NULL, NULL, NULL, NULL);
    return iconv(gb2312, &src, &left, &dst, &room) == 0;
}

/* One character through one of OpenCC's conversions; characters that would become several stay. */
static uint32_t convert(opencc_t how, uint32_t cp)
{
    char in[4];
    int n = text_put(cp, in);
    char *out = opencc_convert_utf8(how, in, (size_t)n);
    if (!out) die(0, "OpenCC: %s", opencc_error());
    struct seq s;
    decode_seq(out, &s);
    opencc_convert_utf8_free(out);
    return s.n == 1 ? s.cp[0] : cp;
}

static bool is_emoji(uint32_t cp)
{
    const utf8proc_property_t *p = utf8proc_get_property((utf8proc_int32_t)cp);
    return cp >= 0x80 && (p->boundclass == UTF8PROC_BOUNDCLASS_EXTENDED_PICTOGRAPHIC ||
                          p->boundclass == UTF8PROC_BOUNDCLASS_REGIONAL_INDICATOR ||
                          (cp >= 0x1f3fb && cp <= 0x1f3ff)); /* skin tones */
}

static bool is_separator(uint32_t cp)
{
    return (cp < 0x80 && cp && strchr(" .-_*|~/", (int)cp)) || cp == 0xb7 || is_emoji(cp);
}

static uint32_t layout(uint32_t cp, bool *ret_drop)
{
    utf8proc_category_t c = utf8proc_category((utf8proc_int32_t)cp);
    *ret_drop = false;
    if (cp == '\n') return cp;
    if (cp == '\t' || c == UTF8PROC_CATEGORY_ZS) return ' ';
    if ((cp >= 0x0b && cp <= 0x0d) || cp == 0x85 || c == UTF8PROC_CATEGORY_ZL || c == UTF8PROC_CATEGORY_ZP)
        return '\n';
    *ret_drop = c == UTF8PROC_CATEGORY_CC || (cp >= 0xfff9 && cp <= 0xfffb);
    return cp;
}

static void unicode(struct seq *s, int options)
{
    char in[SEQ_MAX * 4 + 1];
    utf8proc_uint8_t *out;
    int n = encode_seq(s, in);
    utf8proc_ssize_t rc = utf8proc_map((const utf8proc_uint8_t *)in, n, &out, options);
    if (rc < 0) die(0, "utf8proc: %s", utf8proc_errmsg(rc));
    decode_seq((const char *)out, s);
    free(out);
}

/* Our variants, layout characters and the two scripts, once over a decomposed sequence. */
static void fold(struct seq *s)
{
    struct seq out = {.n = 0};
    for (int i = 0; i < s->n; i++) {
        uint32_t cp = s->cp[i];
        bool drop;
        if (has_single[cp]) {
            for (int j = 0; j < single[cp].n; j++) add(&out, single[cp].cp[j], 0);
            continue;
        }
        cp = layout(cp, &drop);
        if (drop) continue;
        if (nt_is_han(cp)) {
            uint32_t simple = convert(t2s, cp);
            if (simple == cp && !in_gb2312(cp)) simple = convert(t2s, convert(jp2t, cp));
            cp = simple;
        }
        add(&out, cp, 0);
    }
    *s = out;
}

static void map_code_point(uint32_t cp, struct seq *ret)
{
    struct seq s = {.cp = {cp}, .n = 1};
    for (int round = 0; round < 16; round++) {
        struct seq before = s;
        fold(&s);
        unicode(&s,
                UTF8PROC_STABLE | UTF8PROC_COMPAT | UTF8PROC_DECOMPOSE | UTF8PROC_CASEFOLD | UTF8PROC_IGNORE);
        fold(&s);
        unicode(&s, UTF8PROC_STABLE | UTF8PROC_COMPOSE);
        if (same(&s, &before)) {
            *ret = s;
            return;
        }
    }
    die(0, "U+%04X does not come to rest; look for a circle in %s", cp, variants_path);
}

static void map_all(void)
{
    for (uint32_t cp = 0; cp < CP_MAX; cp++) {
        mapped[cp] = (struct seq){.cp = {cp}, .n = 1};
        if (cp >= 0xd800 && cp <= 0xdfff) continue;
        const utf8proc_property_t *p = utf8proc_get_property((utf8proc_int32_t)cp);
        if (p->category == UTF8PROC_CATEGORY_CN && !p->ignorable && !has_single[cp] && !nt_is_han(cp))
            continue;
        if (cp == 0)
            mapped[cp].n = 0; /* never in valid text */
        else
            map_code_point(cp, &mapped[cp]);
    }
    for (uint32_t cp = 0; cp < CP_MAX; cp++) {
        for (int i = 0; i < mapped[cp].n; i++) {
            const struct seq *again = &mapped[mapped[cp].cp[i]];
            if (again->n != 1 || again->cp[0] != mapped[cp].cp[i])
                die(0, "U+%04X becomes U+%04X, which changes again", cp, mapped[cp].cp[i]);
        }
    }
}

static bool stays(uint32_t cp)
{
    return mapped[cp].n == 1 && mapped[cp].cp[0] == cp;
}

static void add_pair(uint32_t first, uint32_t second)
{
    struct seq s = {.cp = {first, second}, .n = 2};
    /* What belongs to the run rules stays what it is (the arrow ↔ is an emoji, and a separator). */
    if (nt_is_han(first) || nt_digit_value(first) >= 0 || is_separator(first)) return;
    unicode(&s, UTF8PROC_STABLE | UTF8PROC_COMPOSE);
    if (s.n != 1 || mapped[s.cp[0]].n != 1) return;
    if (n_pairs == sizeof pairs / sizeof pairs[0]) die(0, "too many pairs that compose");
    pairs[n_pairs++] = (struct nt_pair){first, second, mapped[s.cp[0]].cp[0]};
    is_second[second] = true;
}

static int by_pair(const void *a, const void *b)
{
    const struct nt_pair *x = a, *y = b;
    if (x->first != y->first) return x->first < y->first ? -1 : 1;
    return (x->second > y->second) - (x->second < y->second);
}

/* All pairs of a letter in final form and a mark that compose into one code point, also when the marks come in another
 * than the canonical order (ê and a dot below make ệ). Hangul is computed, see normalise.c. */
static void find_pairs(void)
{
    static uint32_t seconds[512], firsts[16384];
    int n_seconds = 0, n_firsts = 0;
    bool *seen_first = calloc(CP_MAX, 1), *seen_second = calloc(CP_MAX, 1);
    if (!seen_first || !seen_second) die(0, "out of memory");
    for (uint32_t cp = 0x80; cp < CP_MAX; cp++) {
        if (cp >= 0xac00 && cp <= 0xdfff) continue;
        utf8proc_int32_t d[8];
        int boundclass = 0;
        utf8proc_ssize_t n =
            utf8proc_decompose_char((utf8proc_int32_t)cp, d, 8, UTF8PROC_DECOMPOSE, &boundclass);
        if (n < 2 || n > 8) continue;
        for (int i = 0; i < n; i++) {
            bool *seen = i ? seen_second : seen_first;
            if (seen[d[i]]) continue;
            seen[d[i]] = true;
            if (i)
                seconds[n_seconds++] = (uint32_t)d[i];
            else if (stays((uint32_t)d[i]))
                firsts[n_firsts++] = (uint32_t)d[i];
        }
        if (stays(cp) && !seen_first[cp]) {
            seen_first[cp] = true;
            firsts[n_firsts++] = cp;
        }
    }
    for (int i = 0; i < n_firsts; i++)
        for (int j = 0; j < n_seconds; j++)
            if (stays(seconds[j])) add_pair(firsts[i], seconds[j]);
    qsort(pairs, n_pairs, sizeof pairs[0], by_pair);
    free(seen_first);
    free(seen_second);
}

static void fold_multi(struct multi *m, struct seq *s)
{
    struct seq out = {.n = 0};
    for (int i = 0; i < s->n; i++)
        for (int j = 0; j < mapped[s->cp[i]].n; j++) add(&out, mapped[s->cp[i]].cp[j], m->line);
    *s = out;
    for (int i = 0; i < s->n; i++) {
        uint32_t cp = s->cp[i];
        if (nt_digit_value(cp) >= 0 || nt_is_unit(cp))
            die(m->line, "digits and 十百千万亿 have their own rules");
        if (nt_is_droppable_mark(cp) || is_second[cp]) die(m->line, "a combining mark cannot stand here");
        if (i && nt_is_han(s->cp[i - 1]) && is_separator(cp))
            die(m->line, "a separator after a Han character is taken out before this line is looked at");
    }
}

/* Does b come to stand at the end of text while a's replacement is put in? Then a leads to b. */
static bool leads_to(const struct multi *a, const struct multi *b)
{
    for (int end = 0; end < a->to.n; end++) {
        bool fits = true;
        for (int k = 0; fits && k <= end && k < b->from.n; k++)
            fits = a->to.cp[end - k] == b->from.cp[b->from.n - 1 - k];
        if (fits) return true;
    }
    return false;
}

static void walk(int i, int *state)
{
    state[i] = 1;
    for (int j = 0; j < n_multis; j++) {
        if (!leads_to(&multis[i], &multis[j])) continue;
        if (state[j] == 1)
            die(multis[i].line, "this line and line %d lead to each other without end", multis[j].line);
        if (!state[j]) walk(j, state);
    }
    state[i] = 2;
}

static int by_last(const void *a, const void *b)
{
    const struct multi *x = a, *y = b;
    uint32_t lx = x->from.cp[x->from.n - 1], ly = y->from.cp[y->from.n - 1];
    if (lx != ly) return lx < ly ? -1 : 1;
    return y->from.n - x->from.n; /* the longest first */
}

static void prepare_multis(void)
{
    for (int i = 0; i < n_multis; i++) {
        struct multi *m = &multis[i];
        char bytes[SEQ_MAX * 4 + 1];
        fold_multi(m, &m->from);
        fold_multi(m, &m->to);
        int from = encode_seq(&m->from, bytes), to = encode_seq(&m->to, bytes);
        if (m->from.n < 2) die(m->line, "what is written is a single character in normal form");
        if (m->to.n < 1 || to > from) die(m->line, "the replacement must not be empty or longer");
        if (from > NT_VARIANT_MAX) die(m->line, "longer than %d bytes", NT_VARIANT_MAX);
        if (is_separator(m->from.cp[0]) || is_separator(m->from.cp[m->from.n - 1]))
            die(m->line, "begins or ends with a separator");
        is_hold[m->from.cp[m->from.n - 2]] = is_last[m->from.cp[m->from.n - 1]] = true;
        for (int j = 0; j < i; j++)
            if (same(&multis[j].from, &m->from)) die(m->line, "the same as line %d", multis[j].line);
    }
    int state[sizeof multis / sizeof multis[0]] = {0};
    for (int i = 0; i < n_multis; i++)
        if (!state[i]) walk(i, state);
    qsort(multis, (size_t)n_multis, sizeof multis[0], by_last);
}

static uint32_t class_of(uint32_t cp)
{
    if (is_separator(cp)) return NT_SEP;
    if (nt_digit_value(cp) >= 0) return cp < 0x80 ? NT_DIGIT : NT_SPELLED;
    if (nt_is_droppable_mark(cp) || is_second[cp] || (cp >= 0x1161 && cp <= 0x1175) ||
        (cp >= 0x11a8 && cp <= 0x11c2))
        return NT_MARK;
    return nt_is_han(cp) ? NT_HAN : NT_PLAIN;
}

static uint32_t packed(uint32_t cp)
{
    char b[4] = {0};
    (void)text_put(cp, b);
    return (uint32_t)(uint8_t)b[0] | (uint32_t)(uint8_t)b[1] << 8 | (uint32_t)(uint8_t)b[2] << 16;
}

static uint32_t pool[65536];
static uint32_t n_pool;

static uint32_t entry_of(uint32_t cp)
{
    const struct seq *s = &mapped[cp];
    char from[4], to[4];
    int from_len = text_put(cp, from), to_len = s->n == 1 ? text_put(s->cp[0], to) : 0;
    if (s->n == 0) return NT_CLASS_BITS(NT_DROPPED) | NT_HOLD;
    if (s->n > 1 || to_len > from_len) {
        if (n_pool + 1 + (uint32_t)s->n > sizeof pool / sizeof pool[0]) die(0, "too many expansions");
        uint32_t place = n_pool;
        pool[n_pool++] = (uint32_t)s->n;
        for (int i = 0; i < s->n; i++) pool[n_pool++] = s->cp[i];
        return NT_CLASS_BITS(NT_EXPANDS) | place;
    }
    uint32_t target = s->cp[0], entry = NT_CLASS_BITS(class_of(target));
    if (is_hold[target]) entry |= NT_HOLD;
    if (is_last[target]) entry |= NT_LAST;
    if (from_len == 4) return entry | (cp ^ target);
    return entry | NT_LENGTH_BITS(to_len) | (packed(cp) ^ packed(target));
}

static void print_bytes(const char *text)
{
    (void)putchar('"');
    for (const char *p = text; *p; p++) {
        if (*p == '"' || *p == '\\')
            (void)printf("\\%c", *p);
        else
            (void)putchar(*p);
    }
    (void)putchar('"');
}

static void print_table(const char *opencc_version)
{
    static uint32_t low[0x800], bmp[0x10000], blocks[0x100000 >> 6][64];
    static uint16_t index[0x100000 >> 6];
    unsigned n_blocks = 0, changed = 0, dropped = 0, several = 0;
    for (uint32_t b = 0; b < CP_MAX >> 6; b++) {
        uint32_t block[64];
        for (uint32_t i = 0; i < 64; i++) {
            uint32_t cp = b << 6 | i;
            block[i] = cp >= 0xd800 && cp <= 0xdfff ? 0 : entry_of(cp);
            changed += !stays(cp);
            dropped += mapped[cp].n == 0;
            several += mapped[cp].n > 1;
        }
        if (b < 0x10000 >> 6) {
            for (uint32_t i = 0; i < 64; i++) bmp[nt_place(b >> 6 | (b & 63) << 8 | i << 16)] = block[i];
            if (b < 0x800 >> 6) memcpy(low + 64 * b, block, sizeof block);
            continue;
        }
        unsigned j = 0;
        while (j < n_blocks && memcmp(blocks[j], block, sizeof block) != 0) j++;
        if (j == n_blocks) memcpy(blocks[n_blocks++], block, sizeof block);
        index[b - (0x10000 >> 6)] = (uint16_t)j;
    }
    (void)printf(
        "/* Generated by rules/data/normalise_table_gen.c at build time: do not edit, do not commit.\n"
        " * Unicode %s (utf8proc %s), OpenCC %s, rules/data/variants.tsv.\n"
        " * %u code points change: %u are dropped, %u become several. %d variants of several characters.\n"
        " */\n#include \"base/normalise_table.h\"\n\n",
        utf8proc_unicode_version(), utf8proc_version(), opencc_version, changed, dropped, several, n_multis);
    (void)printf("const uint32_t nt_low[0x800] = {");
    for (unsigned i = 0; i < 0x800; i++) (void)printf("%s0x%x,", i % 12 ? "" : "\n", low[i]);
    (void)printf("\n};\n\nconst uint32_t nt_bmp[0x10000] = {");
    for (unsigned i = 0; i < 0x10000; i++) (void)printf("%s0x%x,", i % 12 ? "" : "\n", bmp[i]);
    (void)printf("\n};\n\nconst uint16_t nt_index[0x100000 >> 6] = {");
    for (unsigned i = 0; i < 0x100000 >> 6; i++) (void)printf("%s%u,", i % 24 ? "" : "\n", index[i]);
    (void)printf("\n};\n\nconst uint32_t nt_block[][64] = {\n");
    for (unsigned b = 0; b < n_blocks; b++) {
        (void)printf("{");
        for (unsigned i = 0; i < 64; i++) (void)printf("%s0x%x,", i % 12 ? "" : "\n", blocks[b][i]);
        (void)printf("},\n");
    }
    (void)printf("};\n\nconst uint32_t nt_pool[] = {");
    for (unsigned i = 0; i < n_pool; i++) (void)printf("%s0x%x,", i % 16 ? "" : "\n", pool[i]);
    (void)printf("\n};\n\nconst struct nt_variant nt_variants[] = {\n");
    for (int i = 0; i < n_multis; i++) {
        char from[SEQ_MAX * 4 + 1], to[SEQ_MAX * 4 + 1];
        int n = encode_seq(&multis[i].from, from), m = encode_seq(&multis[i].to, to);
        (void)printf("{0x%x, %d, %d, ", multis[i].from.cp[multis[i].from.n - 1], n, m);
        print_bytes(from);
        (void)printf(", ");
        print_bytes(to);
        (void)printf("},\n");
    }
    (void)printf("};\nconst unsigned nt_n_variants = %d;\n\nconst struct nt_pair nt_pairs[] = {\n", n_multis);
    for (unsigned i = 0; i < n_pairs; i++)
        (void)printf("{0x%x, 0x%x, 0x%x},\n", pairs[i].first, pairs[i].second, pairs[i].joined);
    (void)printf("};\nconst unsigned nt_n_pairs = %u;\n", n_pairs);
}

int main(int argc, char **argv)
{
    if (argc != 3) die(0, "usage: normalise_table_gen VARIANTS.TSV OPENCC_VERSION > normalise_table.c");
    variants_path = argv[1];
    t2s = opencc_open("t2s.json");
    jp2t = opencc_open("jp2t.json");
    gb2312 = iconv_open("GB2312", "UTF-8");
    if (t2s == (opencc_t)-1 || jp2t == (opencc_t)-1)
        die(0, "OpenCC's dictionaries are not installed (Debian: libopencc-data): %s", opencc_error());
    if (gb2312 == (iconv_t)-1)
        die(0, "this system's iconv does not know GB2312 (Debian 13: libc-gconv-modules-extra)");
    single = calloc(CP_MAX, sizeof *single);
    has_single = calloc(CP_MAX, sizeof *has_single);
    mapped = calloc(CP_MAX, sizeof *mapped);
    is_hold = calloc(CP_MAX, sizeof *is_hold);
    is_last = calloc(CP_MAX, sizeof *is_last);
    is_second = calloc(CP_MAX, sizeof *is_second);
    if (!single || !has_single || !mapped || !is_hold || !is_last || !is_second) die(0, "out of memory");
    read_variants();
    map_all();
    find_pairs();
    prepare_multis();
    print_table(argv[2]);
    (void)opencc_close(t2s);
    (void)opencc_close(jp2t);
    (void)iconv_close(gb2312);
    if (fflush(stdout) || ferror(stdout)) die(0, "cannot write the table");
    return 0;
}
