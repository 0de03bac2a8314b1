/* The table behind normalise.c: what each code point becomes, and what the run rules must know of it.
 *
 * normalise_table.c is generated at build time by rules/data/normalise_table_gen.c; its head says from which versions
 * of which sources. Only normalise.c, the generator and the test include this header.
 *
 * An entry is, from the lowest bit:
 *
 *   24 bits   NT_EXPANDS: place in nt_pool; else what turns the source into the target by XOR: of their UTF-8 bytes,
 *             first byte lowest, where the source has up to three, of the code points where it has four
 *   NT_HOLD   last but one of a variant of several characters: look when the next one comes
 *   NT_LAST   last of one
 *   4 bits    class of the target, as the run rules see it
 *   2 bits    length of the target in bytes, where the source has up to three
 */
#ifndef TOCSIN_BASE_NORMALISE_TABLE_H
#define TOCSIN_BASE_NORMALISE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum nt_class {
    NT_PLAIN,
    NT_HAN,
    NT_SEP,     /* goes between two Han characters and in spaced digits */
    NT_DIGIT,   /* 0-9 */
    NT_SPELLED, /* a Han digit, which may become one */
    NT_DROPPED, /* becomes nothing; has NT_HOLD, because what held before it still does */
    NT_MARK,    /* may join the letter before it */
    NT_EXPANDS, /* becomes several code points, or a longer one */
};

#define NT_XOR            0xffffffu
#define NT_HOLD           (1u << 24)
#define NT_LAST           (1u << 25)
#define NT_CLASS(entry)   ((entry) >> 26 & 15)
#define NT_CLASS_BITS(cl) ((uint32_t)(cl) << 26)
#define NT_LENGTH(entry)  ((entry) >> 30)
#define NT_LENGTH_BITS(n) ((uint32_t)(n) << 30)
#define NT_STEP(entry)    ((entry) >> 26) /* class and length */
#define NT_STEPS          64

#define NT_VARIANT_MAX 24 /* bytes of a variant of several characters */

struct nt_variant { /* sorted by the last character of `from` */
    uint32_t last;
    uint8_t from_len, to_len;
    char from[NT_VARIANT_MAX], to[NT_VARIANT_MAX];
};

struct nt_pair { /* sorted by first, then second */
    uint32_t first, second, joined;
};

extern const uint32_t nt_low[0x800];           /* by code point: those of one or two bytes */
extern const uint32_t nt_bmp[0x10000];         /* by nt_place: those of three, and the same again */
extern const uint16_t nt_index[0x100000 >> 6]; /* (code point - 0x10000) >> 6 -> block */
extern const uint32_t nt_block[][64];
extern const uint32_t nt_pool[]; /* at each place: how many code points, then these */
extern const struct nt_variant nt_variants[];
extern const unsigned nt_n_variants;
extern const struct nt_pair nt_pairs[];
extern const unsigned nt_n_pairs;

/* The place of a code point of the basic plane, from what is its UTF-8 when it has three bytes, first byte lowest: each has
 * one of its own, and it takes a single multiplication to come by. */
static inline uint32_t nt_place(uint32_t utf8)
{
    return ((utf8 & 0x3f3f0f) * 0x01000401u) >> 16;
}

static inline uint32_t nt_entry(uint32_t cp)
{
    return cp < 0x800     ? nt_low[cp]
           : cp < 0x10000 ? nt_bmp[nt_place(cp >> 12 | (cp >> 6 & 63) << 8 | (cp & 63) << 16)]
                          : nt_block[nt_index[(cp - 0x10000) >> 6]][cp & 63];
}

/* Han for the separator rule: ideographs of all planes, 々 and 〇. */
static inline bool nt_is_han(uint32_t cp)
{
    return (cp >= 0x3400 && cp <= 0x4dbf) || (cp >= 0x4e00 && cp <= 0x9fff) || cp == 0x3005 || cp == 0x3007 ||
           (cp >= 0xf900 && cp <= 0xfaff) || (cp >= 0x20000 && cp <= 0x3ffff);
}

/* -1, or the value of a digit: 0-9, 零〇一二三四五六七八九幺, 壹贰叁肆伍陆柒捌玖. */
static inline int nt_digit_value(uint32_t cp)
{
    if (cp >= '0' && cp <= '9') return (int)cp - '0';
    switch (cp) {
    case 0x96f6: /* 零 */
    case 0x3007: /* 〇 */ return 0;
    case 0x4e00: /* 一 */
    case 0x5e7a: /* 幺 */
    case 0x58f9: /* 壹 */ return 1;
    case 0x4e8c: /* 二 */
    case 0x8d30: /* 贰 */ return 2;
    case 0x4e09: /* 三 */
    case 0x53c1: /* 叁 */ return 3;
    case 0x56db: /* 四 */
    case 0x8086: /* 肆 */ return 4;
    case 0x4e94: /* 五 */
    case 0x4f0d: /* 伍 */ return 5;
    case 0x516d: /* 六 */
    case 0x9646: /* 陆 */ return 6;
    case 0x4e03: /* 七 */
    case 0x67d2: /* 柒 */ return 7;
    case 0x516b: /* 八 */
    case 0x634c: /* 捌 */ return 8;
    case 0x4e5d: /* 九 */
    case 0x7396: /* 玖 */ return 9;
    default: return -1;
    }
}

/* 十百千万亿 and their formal and short forms: beside them a spelled number is a quantity and stays. */
static inline bool nt_is_unit(uint32_t cp)
{
    switch (cp) {
    case 0x5341: /* 十 */
    case 0x767e: /* 百 */
    case 0x5343: /* 千 */
    case 0x4e07: /* 万 */
    case 0x4ebf: /* 亿 */
    case 0x62fe: /* 拾 */
    case 0x4f70: /* 佰 */
    case 0x4edf: /* 仟 */
    case 0x5eff: /* 廿 */
    case 0x5345: /* 卅 */ return true;
    default: return false;
    }
}

/* Marks that join their letter or else are noise: strokes and heaps of accents laid over other text. */
static inline bool nt_is_droppable_mark(uint32_t cp)
{
    return (cp >= 0x300 && cp <= 0x36f) || (cp >= 0x483 && cp <= 0x489) || (cp >= 0x1ab0 && cp <= 0x1aff) ||
           (cp >= 0x1dc0 && cp <= 0x1dff) || (cp >= 0x20d0 && cp <= 0x20ff) || (cp >= 0xfe20 && cp <= 0xfe2f);
}

struct norm_text;

/* normalise() by its careful way alone. Only the test asks, to hold that both ways come to the same. */
void normalise_carefully(const char *in, size_t n, struct norm_text *out);

#endif
