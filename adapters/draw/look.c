/* Colours, shapes and words of the levels. */
#include "adapters/draw/look.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"

const struct look *look_of(enum level level, enum msg_type msg_type)
{
    static const struct look looks[LEVEL_COUNT] = {
        [LEVEL_BLUE] = {{0x12, 0x3f, 0x86}, PAPER, SHAPE_CIRCLE, "防骗常识"},
        [LEVEL_YELLOW] = {{0xff, 0xdc, 0x4a}, INK, SHAPE_DIAMOND, "提个醒"},
        [LEVEL_ORANGE] = {{0xff, 0xa6, 0x3d}, INK, SHAPE_TRIANGLE, "请留意"},
        [LEVEL_RED] = {{0xa3, 0x12, 0x1c}, PAPER, SHAPE_OCTAGON, "请马上留意"},
    };
    static const struct look correction = {{0x0b, 0x57, 0x3a}, PAPER, SHAPE_TICK, "更正"};
    return msg_type == MSG_CANCEL ? &correction : &looks[level];
}

static double channel(uint8_t v)
{
    double c = v / 255.0;
    return c <= 0.04045 ? c / 12.92 : pow((c + 0.055) / 1.055, 2.4);
}

static double luminance(struct colour c)
{
    return 0.2126 * channel(c.r) + 0.7152 * channel(c.g) + 0.0722 * channel(c.b);
}

double look_contrast(struct colour a, struct colour b)
{
    double la = luminance(a), lb = luminance(b);
    return la > lb ? (la + 0.05) / (lb + 0.05) : (lb + 0.05) / (la + 0.05);
}

const char *look_drill(enum cap_status status)
{
    return status == STATUS_EXERCISE ? "演练" : status == STATUS_TEST ? "测试" : NULL;
}

const char *look_unmarked(const char *headline)
{
    static const char *const marks[] = {"【演练】", "【测试】", "更正："};
    for (size_t i = 0; i < ARRAY_LEN(marks); i++)
        if (strncmp(headline, marks[i], strlen(marks[i])) == 0) headline += strlen(marks[i]);
    return headline;
}
