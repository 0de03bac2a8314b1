/* text.c: UTF-8 and cuts. */
#include "base/text.h"

#include "base/mem.h"

#include <utf8proc.h>

#include "unit.h"

static bool valid(const char *s)
{
    return text_valid_utf8(s, strlen(s));
}

static void only_real_utf_8_is_valid(void **state)
{
    (void)state;
    static const char *const good[] = {"",
                                       "a",
                                       "é",
                                       "医保",
                                       "\xf0\xa0\x80\x80",
                                       "\xf4\x8f\xbf\xbf",
                                       "\xed\x9f\xbf",
                                       "\xee\x80\x80",
                                       "\xef\xbf\xbf"};
    static const char *const bad[] = {"\x80",
                                      "\xbf",
                                      "\xc0\x80",
                                      "\xc1\xbf",
                                      "\xc2",
                                      "\xc2\x41",
                                      "\xe0\x80\x80",
                                      "\xe0\x9f\xbf",
                                      "\xed\xa0\x80",
                                      "\xe4\xb8",
                                      "\xe4\xb8\x41",
                                      "\xf0\x80\x80\x80",
                                      "\xf0\x8f\xbf\xbf",
                                      "\xf4\x90\x80\x80",
                                      "\xf5\x80\x80\x80",
                                      "\xff",
                                      "\xfe",
                                      "\xf0\x9f\x98"};
    for (size_t i = 0; i < COUNT(good); i++)
        if (!valid(good[i])) fail_msg("good %zu was refused", i);
    for (size_t i = 0; i < COUNT(bad); i++)
        if (valid(bad[i])) fail_msg("bad %zu was taken", i);
    assert_false(text_valid_utf8("a\0b", 3));
    assert_int_equal(text_valid_prefix("医\xff", 4), 3);
}

static void whatever_could_be_three_bytes_is_judged_as_utf8proc_does(void **state)
{
    (void)state;
    for (uint32_t bits = 0; bits < 1 << 20; bits++) {
        const char text[] = {(char)(0xe0 | bits >> 16), (char)(bits >> 8), (char)bits, 'a', 'a'};
        utf8proc_int32_t cp;
        bool good = utf8proc_iterate((const utf8proc_uint8_t *)text, sizeof text, &cp) == 3;
        if ((text_valid_prefix(text, sizeof text) >= 3) != good) fail_msg("0xe0 and 0x%05x", bits);
    }
}

static void every_code_point_goes_there_and_back(void **state)
{
    (void)state;
    for (uint32_t cp = 1; cp <= 0x10ffff; cp++) {
        if (cp >= 0xd800 && cp <= 0xdfff) continue;
        char out[4];
        uint32_t back = 0;
        int n = text_put(cp, out);
        assert_true(text_valid_utf8(out, (size_t)n));
        if (text_next(out, (size_t)n, &back) != n || back != cp) fail_msg("U+%04X", cp);
    }
    uint32_t cp;
    assert_int_equal(text_next("", 0, &cp), 0);
}

static void characters_are_counted_not_bytes(void **state)
{
    (void)state;
    assert_int_equal(text_chars("医保ab", 8), 4);
}

static void a_cut_leaves_whole_characters(void **state)
{
    (void)state;
    const char *s = "医保卡";
    assert_int_equal(text_cut(s, 9, 9), 9);
    assert_int_equal(text_cut(s, 9, 8), 6);
    assert_int_equal(text_cut(s, 9, 6), 6);
    assert_int_equal(text_cut(s, 9, 2), 0);
    assert_int_equal(text_cut("abc", 3, 0), 0);
    /* e + combining acute, a family of three joined by ZWJ, a flag: one character each for whoever reads */
    const char *accent = "xe\xcc\x81y";
    assert_int_equal(text_cut(accent, 5, 2), 1);
    assert_int_equal(text_cut(accent, 5, 4), 4);
    const char *family = "👨‍👩‍👧";
    assert_int_equal(text_cut(family, strlen(family), strlen(family) - 1), 0);
    const char *flag = "a🇨🇳b";
    assert_int_equal(text_cut(flag, strlen(flag), 5), 1);
    assert_int_equal(text_cut(flag, strlen(flag), 9), 9);
}

static void a_sentence_end_is_preferred_then_a_comma_then_a_space(void **state)
{
    (void)state;
    const char *s = "这是骗子。不要点，不要填密码，不要转账";
    size_t n = strlen(s);
    assert_int_equal(text_cut_sentence(s, n, n), n);
    assert_int_equal(text_cut_sentence(s, n, 25), 15); /* 这是骗子。 */
    assert_int_equal(text_cut_sentence(s, n, 47), 45); /* the comma: the stop is in the first half */
    assert_int_equal(text_cut_sentence("aaaa bbbb cccc", 14, 12), 10);
    assert_int_equal(text_cut_sentence("aaaaaaaaaaaaaa", 14, 12), 12);
    assert_int_equal(text_cut_sentence("a\nbbbbbbbbbbbb", 14, 12), 12);
}

static void han_is_what_chinese_is_written_in(void **state)
{
    (void)state;
    assert_true(text_is_han(0x4e00));
    assert_true(text_is_han(0x533b));
    assert_true(text_is_han(0x3007)); /* 〇 */
    assert_true(text_is_han(0x3400));
    assert_true(text_is_han(0x20000));
    assert_true(text_is_han(0x4ebb));  /* 亻 */
    assert_false(text_is_han(0x3002)); /* 。 */
    assert_false(text_is_han(0x3042)); /* あ */
    assert_false(text_is_han(0xac00)); /* 가 */
    assert_false(text_is_han(0xff21)); /* Ａ */
    assert_false(text_is_han('a'));
}

static void a_word_is_found_whole_among_others(void **state)
{
    (void)state;
    assert_true(text_has_word("duty chief", "duty"));
    assert_true(text_has_word("duty chief", "chief"));
    assert_true(text_has_word("aa a", "a"));
    assert_false(text_has_word("duty-1 chief", "duty"));
    assert_false(text_has_word("offduty", "duty"));
    assert_false(text_has_word("", "duty"));
    assert_false(text_has_word("duty", ""));

    char words[12] = "";
    assert_true(text_add_word(words, sizeof(words), "duty"));
    assert_true(text_add_word(words, sizeof(words), "chief"));
    assert_false(text_add_word(words, sizeof(words), "duty"));
    assert_false(text_add_word(words, sizeof(words), ""));
    assert_false(text_add_word(words, sizeof(words), "x"));
    assert_string_equal(words, "duty chief");
}

static void a_number_is_digits_and_nothing_else(void **state)
{
    (void)state;
    int64_t n = -7;
    static const char *const none[] = {"",   "1x", "x1",   " 1",  "1 ",
                                       "-1", "+1", "0x10", "1.5", "9223372036854775808"};
    for (size_t i = 0; i < ARRAY_LEN(none); i++) assert_false(text_number(none[i], &n));
    assert_int_equal(n, -7);
    assert_true(text_number("0", &n) && n == 0);
    assert_true(text_number("0012", &n) && n == 12);
    assert_true(text_number("9223372036854775807", &n) && n == INT64_MAX);
}

static void configured_ids_are_plain(void **state)
{
    (void)state;
    assert_true(text_is_id("xjtu-1"));
    assert_true(text_is_id("7"));
    assert_true(text_is_id("abcdefghijklmnopqrstuvwxyz012345"));
    assert_false(text_is_id("abcdefghijklmnopqrstuvwxyz0123456"));
    assert_false(text_is_id(""));
    assert_false(text_is_id("-a"));
    assert_false(text_is_id("A"));
    assert_false(text_is_id("a b"));
    assert_false(text_is_id("a/b"));
    assert_false(text_is_id("医院"));
}

static void columns_are_those_of_a_terminal(void **state)
{
    (void)state;
    assert_int_equal(text_columns(""), 0);
    assert_int_equal(text_columns("abc"), 3);
    assert_int_equal(text_columns("规则 a，"), 8);
    assert_int_equal(text_columns("e\xcc\x81"), 1); /* a combining mark takes none */
}

static void what_is_no_character_goes(void **state)
{
    (void)state;
    char cut[] = "\x97声卡\xff坏\xe4\xba", good[] = "声卡", none[] = "\xff\xfe";
    text_mend(cut);
    assert_string_equal(cut, "声卡坏");
    text_mend(good);
    assert_string_equal(good, "声卡");
    text_mend(none);
    assert_string_equal(none, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_number_is_digits_and_nothing_else),
        cmocka_unit_test(columns_are_those_of_a_terminal),
        cmocka_unit_test(only_real_utf_8_is_valid),
        cmocka_unit_test(whatever_could_be_three_bytes_is_judged_as_utf8proc_does),
        cmocka_unit_test(every_code_point_goes_there_and_back),
        cmocka_unit_test(characters_are_counted_not_bytes),
        cmocka_unit_test(a_cut_leaves_whole_characters),
        cmocka_unit_test(a_sentence_end_is_preferred_then_a_comma_then_a_space),
        cmocka_unit_test(han_is_what_chinese_is_written_in),
        cmocka_unit_test(a_word_is_found_whole_among_others),
        cmocka_unit_test(configured_ids_are_plain),
        cmocka_unit_test(what_is_no_character_goes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
