/* The words behind mask.c. mask_table.c is generated at build time by rules/data/mask_table_gen.c from
 * rules/data/personal.txt and rules/data/hotlines.txt; only mask.c, mask_text.c and their test include this header. */
#ifndef TOCSIN_BASE_MASK_TABLE_H
#define TOCSIN_BASE_MASK_TABLE_H

#include <stdint.h>

/* What a character may be for the mask. Where one class follows another, the second is twice the first. */
#define MT_ANNOUNCE_END 0x0001 /* last of a word that announces a name, … */
#define MT_NAME_BEGIN   0x0002 /* … then a surname, or a mark or word between the two */
#define MT_TITLE_FIRST  0x0004 /* first of a title, … */
#define MT_TITLE_SECOND 0x0008 /* … then its second */
#define MT_STOP         0x0010 /* 0-9 @ 床 房 室 */
#define MT_SURNAME      0x0020
#define MT_NOT_GIVEN    0x0040
#define MT_FOLLOW       0x0080
#define MT_LEFT         0x0100
#define MT_CODE_END     0x0200 /* last of a word that announces a code or handle, … */
#define MT_CODE_BEGIN   0x0400 /* … then a letter, or a mark or word between the two */
#define MT_PLATE_FIRST  0x0800 /* a province as number plates have it, … */
#define MT_PLATE_SECOND 0x1000 /* … then a letter */
#define MT_SPELLED_OUT  0x2000
#define MT_ADDRESS_END  0x4000 /* last of a word after which somebody lives */

struct mt_word {
    uint16_t key; /* its first character, in the lists of announcing words its last */
    uint8_t len;
    char text[29];
};

struct mt_words { /* sorted by key, then the longest first */
    unsigned n;
    const struct mt_word *word;
};

struct mt_hotline {
    uint8_t len, may_be_given; /* may_be_given: in texts for patients */
    char digits[30];           /* x is any digit */
};

extern const uint16_t mt_index[0x10000 >> 6]; /* code point >> 6 -> block */
extern const uint16_t mt_class[][64];

/* Its classes; 0 beyond the basic plane. */
static inline unsigned mt_class_of(uint32_t cp)
{
    return cp > 0xffff ? 0 : mt_class[mt_index[cp >> 6]][cp & 63];
}

extern const struct mt_words mt_announce, mt_announce_weak, mt_titles, mt_staff_titles, mt_compound_surnames,
    mt_not_names, mt_tel_words, mt_card_words, mt_id_words, mt_amounts, mt_ways, mt_bed_words, mt_door_ways,
    mt_address_words, mt_handle_words;
extern const struct mt_hotline mt_hotlines[];
extern const unsigned mt_n_hotlines;

#endif
