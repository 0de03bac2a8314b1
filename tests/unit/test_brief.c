/* brief.c: a pattern as people read it. */
#include "rules/pattern.h"

#include "unit.h"

static void the_first_alternatives_are_shown_and_the_others_counted(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *brief;
    } cases[] = {{"医保", "医保"},
                 {"(?:医保|社保)", "医保 / 社保"},
                 {"医保(?:卡|账户)?.{0,12}(?:停用|冻结)", "医保…(停用/冻结)"},
                 {"一|二|三|四|五|六", "一 / 二 / 三 / 四 / 五 / 六"},
                 {"一|二|三|四|五|六|七|八", "一 / 二 / 三 / 四 / 五 / 六 … (+2)"},
                 {"转(?:一|二|三|四|五)", "转(一/二/三…+2)"},
                 {"转(?:一|二|三|四)", "转(一/二/三…+1)"},
                 {"(?:(?:一|二)|三)|(?:四|五)", "一 / 二 / 三 / 四 / 五"},
                 {"(?<!谨)防(?!骗).*.{1,3}", "防…"},
                 {"[一二三四五六]万", "(一/二/三…+3)万"},
                 {"\\d{3,}元", "[0-9]元"},
                 {"^(?:吗|呢)$", "(吗/呢)"},
                 {"(?=医保)", "(?=医保)"},
                 {"(?:^|\\n|卡)医保(?:停用|)", "医保"},
                 {"(?:骗(?:走|光)|(?:转|汇)账)了", "(骗(走/光)/(转/汇)账)了"},
                 {"转(?:(?:一|二)|(?:三|四|五))", "转(一/二/三…+2)"}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct arena a = {0};
        struct pattern *p = NULL;
        CLEANUP(buf_release) struct buf b = BUF_INIT(1024);
        assert_int_equal(pattern_parse(cases[i].pattern, strlen(cases[i].pattern), &a, &p, NULL), RELAY_OK);
        pattern_brief(p, &b);
        if (strcmp(buf_cstr(&b), cases[i].brief) != 0)
            fail_msg("%s: %s, not %s", cases[i].pattern, buf_cstr(&b), cases[i].brief);
        arena_release(&a);
    }
}

static void however_long_the_pattern_it_stays_short(void **state)
{
    (void)state;
    for (unsigned shape = 0; shape < 3; shape++) {
        struct arena a = {0};
        struct pattern *p = NULL;
        CLEANUP(buf_release) struct buf text = BUF_INIT(PATTERN_BYTES_MAX), b = BUF_INIT(4096);
        while (text.len < PATTERN_BYTES_MAX - 100)
            buf_str(&text, shape == 0   ? "(?:医保|社保|新农合|合作医疗|大病).{0,9}"
                           : shape == 1 ? "很长的一段话"
                                        : "很长的一段话|");
        if (shape == 2) buf_str(&text, "完");
        assert_int_equal(pattern_parse(buf_cstr(&text), text.len, &a, &p, NULL), RELAY_OK);
        pattern_brief(p, &b);
        assert_in_range(b.len, 20, 220);
        assert_non_null(strstr(buf_cstr(&b), "…"));
        arena_release(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_alternatives_are_shown_and_the_others_counted),
        cmocka_unit_test(however_long_the_pattern_it_stays_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
