/* areas.c: names of codes and codes of names. */
#include "areas.h"

#include "unit.h"

static void a_code_has_its_name(void **state)
{
    (void)state;
    assert_string_equal(area_name("61"), "陕西省");
    assert_string_equal(area_name("6101"), "西安市");
    assert_string_equal(area_name("610113"), "雁塔区");
    assert_string_equal(area_name("610102"), "新城区");
    assert_string_equal(area_name("610124"), "周至县");
    assert_string_equal(area_name("330203"), "海曙区");
    assert_string_equal(area_name("310101"), "黄浦区");
    assert_string_equal(area_name("150626"), "乌审旗");
    assert_string_equal(area_name("11"), "北京市");
    assert_string_equal(area_name("82"), "澳门特别行政区");
}

static void an_unknown_code_has_the_name_of_what_it_lies_in(void **state)
{
    (void)state;
    assert_string_equal(area_name("610199"), "西安市");
    assert_string_equal(area_name("610399"), "宝鸡市");
    assert_string_equal(area_name("6199"), "陕西省");
    assert_string_equal(area_name("330299"), "宁波市");
    assert_string_equal(area_name("310199"), "上海市");
    assert_string_equal(area_name("99"), "本地");
    assert_string_equal(area_name("9901"), "本地");
    assert_string_equal(area_name("6"), "本地");
    assert_string_equal(area_name(""), "本地");
}

static void a_name_has_its_code_with_or_without_its_kind(void **state)
{
    (void)state;
    static const struct {
        const char *name, *code;
    } cases[] = {{"雁塔区", "610113"}, {"雁塔", "610113"}, {"咸阳", "6104"}, {"西安市", "6101"},
                 {"陕西", "61"},       {"蓝田", "610122"}, {"内蒙古", "15"}, {"广西", "45"},
                 {"新疆", "65"},       {"香港", "81"}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        char code[AREA_LEN + 1] = "";
        if (!area_code(cases[i].name, code)) fail_msg("%s is unknown", cases[i].name);
        assert_string_equal(code, cases[i].code);
    }
    char code[AREA_LEN + 1] = "same";
    assert_false(area_code("", code));
    assert_false(area_code("雁", code));
    assert_false(area_code("雁塔公", code));
    assert_false(area_code("亚特兰蒂斯", code));
    assert_string_equal(code, "same");
}

static void a_name_of_several_areas_is_none_until_it_says_where(void **state)
{
    (void)state;
    char codes[2][AREA_LEN + 1], code[AREA_LEN + 1];
    assert_true(area_codes("鼓楼区", codes, COUNT(codes)) > COUNT(codes));
    assert_false(area_code("鼓楼区", code));
    assert_true(area_code("福州 鼓楼区", code));
    assert_string_equal(code, "350102");
    assert_false(area_code("西安", code)); /* the city, or a district of Mudanjiang and of Liaoyuan */
    assert_true(area_code("西安 新城", code));
    assert_string_equal(code, "610102");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_code_has_its_name),
        cmocka_unit_test(an_unknown_code_has_the_name_of_what_it_lies_in),
        cmocka_unit_test(a_name_has_its_code_with_or_without_its_kind),
        cmocka_unit_test(a_name_of_several_areas_is_none_until_it_says_where),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
