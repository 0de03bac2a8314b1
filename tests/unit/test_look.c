/* Tests for look.h: what tells the levels apart, and whether it can be read. */
#include "adapters/draw/look.h"

#include "unit.h"

static void contrast_is_counted_as_wcag_counts_it(void **state)
{
    (void)state;
    const struct colour black = {0, 0, 0}, white = PAPER, grey = {0x77, 0x77, 0x77};
    assert_float_equal(look_contrast(black, white), 21, 0.001);
    assert_float_equal(look_contrast(grey, white), 4.48, 0.01);
    assert_float_equal(look_contrast(white, white), 1, 0.001);
}

static void every_level_is_legible_on_its_ground(void **state)
{
    (void)state;
    for (int cancel = 0; cancel < 2; cancel++) {
        for (int l = 0; l < LEVEL_COUNT; l++) {
            const struct look *k = look_of((enum level)l, cancel ? MSG_CANCEL : MSG_ALERT);
            double c = look_contrast(k->ground, k->ink);
            if (c < 7) fail_msg("%s: contrast %.2f", level_name((enum level)l), c);
        }
    }
}

static void what_is_written_elsewhere_is_legible_too(void **state)
{
    (void)state;
    const struct colour pairs[][2] = {{INK, PAPER},        {PAPER, FOOT_GROUND}, {FOOT_SOFT, FOOT_GROUND},
                                      {INK, RHYME_GROUND}, {STORY_INK, PAPER},   {CAUGHT_INK, PAPER}};
    for (size_t i = 0; i < COUNT(pairs); i++) {
        double c = look_contrast(pairs[i][0], pairs[i][1]);
        if (c < 7) fail_msg("pair %zu: contrast %.2f", i, c);
    }
}

static void no_two_levels_share_a_shape_or_a_word(void **state)
{
    (void)state;
    for (int a = 0; a < LEVEL_COUNT; a++) {
        for (int b = 0; b < a; b++) {
            const struct look *x = look_of((enum level)a, MSG_ALERT), *y = look_of((enum level)b, MSG_ALERT);
            assert_int_not_equal(x->shape, y->shape);
            assert_string_not_equal(x->word, y->word);
        }
        assert_int_not_equal(look_of((enum level)a, MSG_ALERT)->shape, SHAPE_TICK);
        assert_int_equal(look_of((enum level)a, MSG_CANCEL)->shape, SHAPE_TICK);
    }
}

static void a_headline_loses_the_mark_that_the_picture_makes(void **state)
{
    (void)state;
    assert_string_equal(look_unmarked("【演练】短信"), "短信");
    assert_string_equal(look_unmarked("更正：前面的提醒有误"), "前面的提醒有误");
    assert_string_equal(look_unmarked("【测试】更正：前面的提醒有误"), "前面的提醒有误");
    assert_string_equal(look_unmarked("短信【演练】"), "短信【演练】");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(contrast_is_counted_as_wcag_counts_it),
        cmocka_unit_test(every_level_is_legible_on_its_ground),
        cmocka_unit_test(what_is_written_elsewhere_is_legible_too),
        cmocka_unit_test(no_two_levels_share_a_shape_or_a_word),
        cmocka_unit_test(a_headline_loses_the_mark_that_the_picture_makes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
