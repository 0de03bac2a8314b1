/* The words behind mask.c. mask_table.c is generated at build time by rules/data/mask_table_gen.c from
 * rules/data/personal.txt and rules/data/hotlines.txt; only mask.c and its test include this header. */
#ifndef TOCSIN_BASE_MASK_TABLE_H
#define TOCSIN_BASE_MASK_TABLE_H

#include <stdint.h>

/* What a character may be for the mask. */
#define MT_ANNOUNCE_END 0x01 /* last of a word that announces a name */
#define MT_TITLE_START  0x02 /* first of a title */
#define MT_ROOM         0x04 /* 床 房 室 */
#define MT_TRIGGER      0x07 /* where the scan stops to look */
#define MT_SURNAME      0x08
#define MT_NOT_GIVEN    0x10
#define MT_FOLLOW       0x20
#define MT_LEFT         0x40

struct mt_word {
    uint8_t len;
    char text[31];
};

struct mt_words { /* the longest first */
    unsigned n;
    const struct mt_word *word;
};

struct mt_hotline {
    uint8_t len, may_be_given; /* may_be_given: in texts for patients */
    char digits[30];           /* x is any digit */
};

extern const uint8_t mt_index[0x10000 >> 6]; /* code point >> 6 -> block */
extern const uint8_t mt_class[][64];
extern const struct mt_words mt_announce, mt_announce_weak, mt_titles, mt_staff_titles, mt_compound_surnames,
    mt_not_names, mt_tel_words, mt_card_words, mt_id_words, mt_amounts;
extern const struct mt_hotline mt_hotlines[];
extern const unsigned mt_n_hotlines;

#endif
