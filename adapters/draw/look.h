/* How a level looks: a colour, a shape with a sign in it, and words. Never the colour alone: who sees none reads the shape
 * and the words. Every pair of colours that text stands in has a contrast of at least 7:1 (test_look.c), but for the red ink of
 * panels, which is what it is. */
#ifndef TOCSIN_ADAPTERS_LOOK_H
#define TOCSIN_ADAPTERS_LOOK_H

#include "base/alert.h"
#include "base/event.h"

struct colour {
    uint8_t r, g, b;
};

enum shape { SHAPE_OCTAGON, SHAPE_TRIANGLE, SHAPE_DIAMOND, SHAPE_CIRCLE, SHAPE_TICK };

struct look {
    struct colour ground, ink; /* a band in the level's colour, and what is written on it */
    enum shape shape;
    const char *word; /* for the public, which hears of no levels: 请马上留意 */
};

#define INK   ((struct colour){0x10, 0x14, 0x1a})
#define PAPER ((struct colour){0xff, 0xff, 0xff})
/* Whom to ask, in PAPER, and who says it, in FOOT_SOFT. */
#define FOOT_GROUND ((struct colour){0x16, 0x1d, 0x28})
#define FOOT_SOFT   ((struct colour){0xd9, 0xdf, 0xe8})
/* Of posters. */
#define STORY_INK    ((struct colour){0x3a, 0x43, 0x50}) /* on PAPER */
#define CAUGHT_INK   ((struct colour){0x8a, 0x0f, 0x18}) /* on PAPER */
#define RHYME_GROUND ((struct colour){0xff, 0xf4, 0xda}) /* under INK */

const struct look *look_of(enum level level, enum msg_type msg_type);

/* As WCAG 2 counts it: 1 to 21. */
double look_contrast(struct colour a, struct colour b);

/* "演练", "测试"; NULL: it is meant. */
const char *look_drill(enum cap_status status);

/* "【演练】", "【测试】" and "更正：" at the beginning of a headline go: a picture says it larger. */
const char *look_unmarked(const char *headline);

#endif
