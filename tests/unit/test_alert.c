/* alert.c: CAP words and areas. */
#include "base/alert.h"

#include "base/mem.h"

#include <stdio.h>

#include "unit.h"

static void a_level_sets_urgency_and_severity(void **state)
{
    (void)state;
    static const struct {
        enum level level;
        const char *name, *zh, *urgency, *severity;
    } want[] = {{LEVEL_RED, "red", "红", "Immediate", "Extreme"},
                {LEVEL_ORANGE, "orange", "橙", "Expected", "Severe"},
                {LEVEL_YELLOW, "yellow", "黄", "Expected", "Moderate"},
                {LEVEL_BLUE, "blue", "蓝", "Future", "Minor"}};
    for (size_t i = 0; i < COUNT(want); i++) {
        enum level l = LEVEL_COUNT;
        assert_string_equal(level_name(want[i].level), want[i].name);
        assert_string_equal(level_name_zh(want[i].level), want[i].zh);
        assert_string_equal(level_urgency(want[i].level), want[i].urgency);
        assert_string_equal(level_severity(want[i].level), want[i].severity);
        assert_true(level_parse(want[i].name, &l));
        assert_int_equal(l, want[i].level);
        l = LEVEL_COUNT;
        assert_true(level_parse(want[i].zh, &l));
        assert_int_equal(l, want[i].level);
    }
    enum level l = LEVEL_BLUE;
    assert_false(level_parse("Red", &l));
    assert_int_equal(l, LEVEL_BLUE);
}

static void graver_levels_are_higher_numbers(void **state)
{
    (void)state;
    assert_true(LEVEL_RED > LEVEL_ORANGE && LEVEL_ORANGE > LEVEL_YELLOW && LEVEL_YELLOW > LEVEL_BLUE);
    assert_true(CERTAINTY_OBSERVED > CERTAINTY_LIKELY && CERTAINTY_LIKELY > CERTAINTY_POSSIBLE);
}

static void words_go_there_and_back(void **state)
{
    (void)state;
    for (int i = 0; i < CERTAINTY_COUNT; i++) {
        enum certainty c;
        assert_true(certainty_parse(certainty_name((enum certainty)i), &c));
        assert_int_equal(c, i);
    }
    for (int i = MSG_ALERT; i <= MSG_CANCEL; i++) {
        enum msg_type m;
        assert_true(msg_type_parse(msg_type_name((enum msg_type)i), &m));
        assert_int_equal(m, i);
    }
    for (int i = 0; i < AUDIENCE_COUNT; i++) {
        enum audience a;
        assert_true(audience_parse(audience_name((enum audience)i), &a));
        assert_int_equal(a, i);
    }
    enum certainty c;
    enum msg_type m;
    enum audience a;
    assert_false(certainty_parse("likely", &c));
    assert_false(msg_type_parse("", &m));
    assert_false(audience_parse("everyone", &a));
}

static void areas_overlap_when_one_is_the_others_prefix(void **state)
{
    (void)state;
    assert_true(areas_overlap("610113", "610113"));
    assert_true(areas_overlap("6101", "610113"));
    assert_true(areas_overlap("610113", "61"));
    assert_false(areas_overlap("610113", "610112"));
    assert_false(areas_overlap("6101", "6102"));
    assert_false(areas_overlap("6101", "62"));
}

static void a_list_of_areas_is_walked_code_by_code(void **state)
{
    (void)state;
    const char *codes = "610113  6102 62";
    char code[AREA_LEN + 1];
    assert_true(area_next(&codes, code));
    assert_string_equal(code, "610113");
    assert_true(area_next(&codes, code));
    assert_string_equal(code, "6102");
    assert_true(area_next(&codes, code));
    assert_string_equal(code, "62");
    assert_false(area_next(&codes, code));
    assert_false(area_next(&codes, code));
    assert_true(areas_overlap("610113 6102", "6101"));
    assert_true(areas_overlap("610113 6102", "610205"));
    assert_false(areas_overlap("610113 6102", "610112"));
    assert_false(areas_overlap("", "61"));
    assert_true(areas_overlap("62 63  6101", "610113"));
    assert_false(areas_overlap("62 63  6101", "64"));
}

static void more_areas_than_a_list_should_hold_become_wider_ones(void **state)
{
    (void)state;
    char codes[512] = "", code[AREA_LEN + 1];
    assert_true(areas_add(codes, sizeof(codes), "610113"));
    assert_false(areas_add(codes, sizeof(codes), "610113"));
    assert_true(areas_add(codes, sizeof(codes), "6102"));
    assert_string_equal(codes, "610113 6102");
    for (int i = 1; i < AREAS_MAX; i++) {
        (void)snprintf(code, sizeof(code), "6301%02d", i);
        assert_true(areas_add(codes, sizeof(codes), code));
    }
    assert_string_equal(codes, "6101 6102 6301");
    for (int i = 10; i < 100; i++) {
        (void)snprintf(code, sizeof(code), "%d01", i);
        (void)areas_add(codes, sizeof(codes), code);
    }
    for (int i = 10; i < 100; i++) {
        (void)snprintf(code, sizeof(code), "%d0101", i);
        assert_true(areas_overlap(codes, code)); /* none is lost */
    }
}

static void area_codes_lose_their_trailing_zeros(void **state)
{
    (void)state;
    static const struct {
        const char *code, *want;
    } cases[] = {{"610113", "610113"}, {"610100", "6101"}, {"610000", "61"}, {"6101", "6101"},
                 {"6100", "61"},       {"61", "61"},       {"110000", "11"}, {"610110", "610110"},
                 {"", NULL},           {"6", NULL},        {"610", NULL},    {"61011", NULL},
                 {"6101130", NULL},    {"61011300", NULL}, {"00", NULL},     {"000000", NULL},
                 {"610013", NULL},     {"006101", NULL},   {"61a113", NULL}, {" 61", NULL},
                 {"-1", NULL}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        char out[AREA_LEN + 1] = "same";
        bool fine = area_normalise(cases[i].code, out);
        if (fine != (cases[i].want != NULL)) fail_msg("`%s`", cases[i].code);
        assert_string_equal(out, fine ? cases[i].want : "same");
    }
}

static void a_correction_does_not_say_how_long_ago_it_was(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"更正。刚才播的提醒，经核实有误。", "更正。之前播的提醒，经核实有误。"},
        {"刚才，刚才刚", "之前，之前刚"},
        {"更正。", "更正。"},
        {"", ""}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        CLEANUP(buf_release) struct buf b = BUF_INIT(1000);
        correction_heard(cases[i][0], &b);
        assert_string_equal(buf_cstr(&b), cases[i][1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_level_sets_urgency_and_severity),
        cmocka_unit_test(graver_levels_are_higher_numbers),
        cmocka_unit_test(words_go_there_and_back),
        cmocka_unit_test(areas_overlap_when_one_is_the_others_prefix),
        cmocka_unit_test(a_list_of_areas_is_walked_code_by_code),
        cmocka_unit_test(more_areas_than_a_list_should_hold_become_wider_ones),
        cmocka_unit_test(a_correction_does_not_say_how_long_ago_it_was),
        cmocka_unit_test(area_codes_lose_their_trailing_zeros),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
