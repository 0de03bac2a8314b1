/* Tests for panel.h: pictures at a panel's own size and palette. */
#include "adapters/draw/panel.h"

#include "base/clock.h"
#include "base/mem.h"
#include "png_look.h"
#include "unit.h"

static struct panel a_panel(int w, int h, enum panel_palette palette)
{
    return (struct panel){.width = w,
                          .height = h,
                          .palette = palette,
                          .headline = "短信说医保停用，是骗子",
                          .lines = {"别点短信里的链接", "别填密码 别转账", "先问护士或医保窗口"},
                          .n_lines = 3,
                          .level = LEVEL_RED,
                          .expires = 1795602840000,
                          .of = 1};
}

static void draw(const struct panel *p, struct png_look *ret)
{
    struct reason why = {""};
    CLEANUP(buf_release) struct buf b = BUF_INIT(PANEL_BYTES_MAX);
    if (panel_png(p, &b, &why) != RELAY_OK) fail_msg("%d x %d: %s", p->width, p->height, why.text);
    png_look_read(&b, ret);
    assert_int_equal(ret->width, p->width);
    assert_int_equal(ret->height, p->height);
}

static size_t count(const struct png_look *p, uint32_t colour)
{
    size_t n = 0;
    for (int y = 0; y < p->height; y++)
        for (int x = 0; x < p->width; x++) n += png_look_at(p, x, y) == colour;
    return n;
}

static void a_palette_holds_nothing_that_the_panel_cannot_show(void **state)
{
    (void)state;
    struct png_look p;
    struct panel panel = a_panel(296, 128, PANEL_BW);
    draw(&panel, &p);
    assert_int_equal(p.bit_depth, 1);
    assert_int_equal(count(&p, 0xffffff) + count(&p, 0), 296 * 128);
    png_look_release(&p);

    panel.palette = PANEL_BWR;
    draw(&panel, &p);
    assert_int_equal(p.bit_depth, 2);
    size_t red = count(&p, 0xc80000);
    assert_int_equal(count(&p, 0xffffff) + count(&p, 0) + red, 296 * 128);
    assert_true(red > 296 * 20);  /* the band */
    for (int x = 0; x < 296; x++) /* and no letter has a red edge */
        for (int y = 40; y < 128; y++) assert_int_not_equal(png_look_at(&p, x, y), 0xc80000);
    png_look_release(&p);

    panel.level = LEVEL_ORANGE;
    draw(&panel, &p);
    assert_int_equal(count(&p, 0xc80000), 0); /* red is for red */
    png_look_release(&p);

    panel.palette = PANEL_GRAY;
    draw(&panel, &p);
    assert_int_equal(p.colour_type, PNG_COLOR_TYPE_GRAY);
    png_look_release(&p);
}

static void every_size_from_a_small_sign_to_a_large_sheet(void **state)
{
    (void)state;
    static const int sizes[][2] = {{128, 32},  {96, 48},   {128, 64},  {160, 16}, {256, 64},
                                   {296, 128}, {128, 296}, {400, 300}, {480, 800}};
    for (size_t i = 0; i < COUNT(sizes); i++) {
        for (int status = STATUS_ACTUAL; status <= STATUS_TEST; status++) {
            struct png_look p;
            struct panel panel = a_panel(sizes[i][0], sizes[i][1], PANEL_BW);
            panel.status = (enum cap_status)status;
            if (sizes[i][1] < 48 && status) continue; /* the words of a drill need a second line */
            draw(&panel, &p);
            size_t ink = count(&p, 0);
            assert_true(ink > 200 && ink < (size_t)(p.width * p.height) * 3 / 4);
            png_look_release(&p);
        }
    }
}

static void a_drill_is_no_warning(void **state)
{
    (void)state;
    struct png_look real, drill;
    struct panel panel = a_panel(400, 300, PANEL_BW);
    draw(&panel, &real);
    panel.status = STATUS_EXERCISE;
    draw(&panel, &drill);
    int changes[2] = {0, 0};
    for (int x = 1; x < 400; x++) {
        changes[0] += png_look_at(&real, x, 7) != png_look_at(&real, x - 1, 7);
        changes[1] += png_look_at(&drill, x, 7) != png_look_at(&drill, x - 1, 7);
    }
    assert_true(changes[1] > 15 && changes[0] < 4); /* stripes */
    png_look_release(&real);
    png_look_release(&drill);
}

static void what_shines_by_itself_is_dark_with_light_words(void **state)
{
    (void)state;
    struct png_look p;
    struct panel panel = a_panel(256, 64, PANEL_BW);
    panel.dark = true;
    draw(&panel, &p);
    assert_true(count(&p, 0) > 256 * 64 / 2);
    png_look_release(&p);
}

static void without_a_warning_there_is_the_houses_own(void **state)
{
    (void)state;
    struct png_look p;
    char with[PANEL_KEY_LEN], without[PANEL_KEY_LEN];
    struct panel panel = a_panel(296, 128, PANEL_BW);
    panel.headline = NULL;
    panel.idle = "探视时间 15:00 至 17:00";
    draw(&panel, &p);
    assert_true(count(&p, 0) > 500);
    png_look_release(&p);
    panel_key(&panel, with);
    panel.idle = NULL;
    panel_key(&panel, without);
    assert_string_not_equal(with, without);
    draw(&panel, &p);
    png_look_release(&p);
}

static void keys_differ_when_pictures_do(void **state)
{
    (void)state;
    char base[PANEL_KEY_LEN], other[PANEL_KEY_LEN];
    struct panel panel = a_panel(296, 128, PANEL_BW);
    panel_key(&panel, base);
    for (int i = 0; i < 8; i++) {
        struct panel p = a_panel(296, 128, PANEL_BW);
        switch (i) {
        case 0: p.width++; break;
        case 1: p.palette = PANEL_BWR; break;
        case 2: p.dark = true; break;
        case 3: p.status = STATUS_EXERCISE; break;
        case 4: p.correction = true; break;
        case 5: p.of = 2; break;
        case 6: p.lines[1] = "别的"; break;
        default: p.expires += MINUTE_MS; break;
        }
        panel_key(&p, other);
        if (strcmp(base, other) == 0) fail_msg("case %d", i);
    }
}

static void sizes_that_are_none_are_refused(void **state)
{
    (void)state;
    static const int sizes[][2] = {{0, 0}, {95, 64}, {128, 15}, {1601, 100}, {100, 100000}, {-5, 64}};
    CLEANUP(buf_release) struct buf b = BUF_INIT(PANEL_BYTES_MAX);
    struct reason why;
    for (size_t i = 0; i < COUNT(sizes); i++) {
        struct panel p = a_panel(sizes[i][0], sizes[i][1], PANEL_BW);
        assert_int_equal(panel_png(&p, &b, &why), RELAY_INVALID);
    }
    struct panel p = a_panel(96, 16, PANEL_BW); /* the words do not fit: said, not cut */
    p.headline = "这一句实在太长了十六行高的小屏怎么也放不下";
    assert_int_equal(panel_png(&p, &b, &why), RELAY_INVALID);
    enum panel_palette palette;
    assert_false(panel_palette_parse("cmyk", &palette));
    assert_true(panel_palette_parse("bwr", &palette) && palette == PANEL_BWR);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_palette_holds_nothing_that_the_panel_cannot_show),
        cmocka_unit_test(every_size_from_a_small_sign_to_a_large_sheet),
        cmocka_unit_test(a_drill_is_no_warning),
        cmocka_unit_test(what_shines_by_itself_is_dark_with_light_words),
        cmocka_unit_test(without_a_warning_there_is_the_houses_own),
        cmocka_unit_test(keys_differ_when_pictures_do),
        cmocka_unit_test(sizes_that_are_none_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
