/* Normalised text: the case table, and what must hold for every text. */
#include "base/normalise.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <utf8proc.h>

#include "base/normalise_table.h"
#include "cases.h"

static struct norm_text once, twice;

static int put(uint32_t cp, char *out)
{
    return (int)utf8proc_encode_char((utf8proc_int32_t)cp, (utf8proc_uint8_t *)out);
}

/* What holds for every valid text; false with a word on stderr. */
static bool sound(const char *in, size_t n)
{
    normalise(in, n, &once);
    if (once.text[once.len] || once.origin[once.len] != n) return false;
    for (size_t i = 0; i < once.len; i++) {
        if (once.origin[i] >= n || once.origin[i] > once.origin[i + 1]) {
            (void)fprintf(stderr, "origin goes astray at %zu in `%.*s`\n", i, (int)n, in);
            return false;
        }
        if (((uint8_t)in[once.origin[i]] & 0xc0) == 0x80) {
            (void)fprintf(stderr, "origin is within a character at %zu in `%.*s`\n", i, (int)n, in);
            return false;
        }
    }
    for (const char *p = once.text; p < once.text + once.len;) {
        utf8proc_int32_t cp;
        utf8proc_ssize_t k = utf8proc_iterate((const utf8proc_uint8_t *)p, once.text + once.len - p, &cp);
        if (k < 1) {
            (void)fprintf(stderr, "not UTF-8 after `%.*s`\n", (int)n, in);
            return false;
        }
        p += k;
    }
    normalise_carefully(in, n, &twice);
    if (twice.len != once.len || memcmp(twice.text, once.text, once.len) != 0 ||
        memcmp(twice.origin, once.origin, (once.len + 1) * sizeof once.origin[0]) != 0) {
        (void)fprintf(stderr, "`%.*s`: fast      `%s`\n carefully `%s`\n", (int)n, in, once.text, twice.text);
        return false;
    }
    normalise(once.text, once.len, &twice);
    if (twice.len != once.len || memcmp(twice.text, once.text, once.len) != 0) {
        (void)fprintf(stderr, "`%.*s`: once  `%s`\n twice `%s`\n", (int)n, in, once.text, twice.text);
        return false;
    }
    return true;
}

static bool one_case(int line, const char *in, const char *out)
{
    bool good = sound(in, strlen(in));
    if (strcmp(once.text, out) == 0) return good;
    (void)fprintf(stderr, "normalise.txt:%d: `%s` gives `%s`, expected `%s`\n", line, in, once.text, out);
    return false;
}

static void every_case_of_the_table(void **state)
{
    (void)state;
    int n = 0;
    assert_int_equal(cases_run(TOCSIN_SOURCE_DIR "/tests/cases/normalise.txt", one_case, &n), 0);
    assert_true(n > 120);
}

static void every_code_point_comes_to_rest_after_any_neighbour(void **state)
{
    (void)state;
    static const char *const before[] = {"",  "微", "微 ", "一",  "一二", "1", "1 2 ",
                                         "e", "[.", "亻",  "hxx", "万",   "威"};
    static const char *const after[] = {"",     "信", " 信", "三", " 3", "3",     "\u0301",
                                        "\x5d", "言", "p",   "万", "\n", "\u3099"};
    for (uint32_t cp = 1; cp < 0x110000; cp++) {
        if (cp >= 0xd800 && cp <= 0xdfff) continue;
        char text[32];
        size_t b = cp * 7 % 13, a = cp % 13;
        int n = snprintf(text, sizeof text, "%s", before[b]);
        n += put(cp, text + n);
        n += snprintf(text + n, sizeof text - (size_t)n, "%s", after[a]);
        if (!sound(text, (size_t)n)) fail_msg("U+%04X", cp);
    }
}

/* As NormalizationTest.txt has it: all canonical and compatibility forms of a character are one. */
static void all_forms_of_a_character_are_one(void **state)
{
    (void)state;
    int differ = 0;
    for (uint32_t cp = 1; cp < 0x110000; cp++) {
        static const int forms[] = {UTF8PROC_DECOMPOSE, UTF8PROC_COMPOSE,
                                    UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT, UTF8PROC_COMPOSE | UTF8PROC_COMPAT,
                                    UTF8PROC_COMPOSE | UTF8PROC_COMPAT | UTF8PROC_CASEFOLD | UTF8PROC_IGNORE};
        char text[8];
        if (cp >= 0xd800 && cp <= 0xdfff) continue;
        if (utf8proc_category((utf8proc_int32_t)cp) == UTF8PROC_CATEGORY_CN) continue;
        if (cp == 0x21ae)
            continue; /* ↮: ↔ with a stroke; ↔ is an emoji, a separator, and strokes over those go */
        int n = put(cp, text);
        normalise(text, (size_t)n, &once);
        for (size_t i = 0; i < 5; i++) {
            utf8proc_uint8_t *form;
            utf8proc_ssize_t len = utf8proc_map((const utf8proc_uint8_t *)text, n, &form,
                                                (utf8proc_option_t)(forms[i] | UTF8PROC_STABLE));
            assert_true(len >= 0);
            normalise((const char *)form, (size_t)len, &twice);
            if (strcmp(once.text, twice.text) != 0) {
                (void)fprintf(stderr, "U+%04X: `%s`, but its form %zu `%s` gives `%s`\n", cp, once.text, i,
                              (char *)form, twice.text);
                differ++;
            }
            free(form);
        }
    }
    assert_int_equal(differ, 0);
}

/* A fixed sequence, so that a failure can be looked at again. */
static uint32_t seed = 1;
static uint32_t dice(uint32_t sides)
{
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % sides;
}

static void any_mixture_of_what_the_rules_know_comes_to_rest(void **state)
{
    (void)state;
    static const char *const bits[] = {
        "1",      "2",      "3",     "0",      "9",  "138",    "一",     "二",     "三", "零",     "〇",
        "九",     "幺",     "壹",    "十",     "百", "万",     "億",     "两",     "次", "微",     "薇",
        "信",     "亻",     "言",    "扌",     "氐", "威",     "芯",     "維",     "h",  "x",      "p",
        "hx",     "xp",     "[",     ".",      "]",  "(",      ")",      "dot",    "。", "c",      "o",
        "m",      "n",      "点",    " ",      "  ", "-",      "_",      "*",      "|",  "~",      "·",
        "/",      "•",      "😀",     "➕",      "❶",  "①",      "½",      "㈠",     "⑫",  "\u200B", "\uFE0F",
        "\u0301", "\u0336", "e",     "\u3099", "か", "\u1112", "\u1161", "\u11AB", ",",  "，",     "、",
        "\n",     "\r",     "‹tel›", "開",     "发", "嘌",     "漂",     "佳",     "徽", "…",      "ﷺ",
        "丶",     "○",      "{.}",   "[:]"};
    const uint32_t n_bits = sizeof bits / sizeof bits[0];
    for (int round = 0; round < 200000; round++) {
        char text[1024];
        int n = 0;
        uint32_t parts = 1 + dice(round % 50 ? 12 : 90), only = dice(4) ? 0 : dice(n_bits - 6) + 1;
        for (uint32_t i = 0; i < parts; i++) {
            uint32_t k = only && dice(3) ? only + dice(6) : dice(n_bits);
            n += snprintf(text + n, sizeof text - (size_t)n, "%s", bits[k]);
        }
        if (!sound(text, (size_t)n)) fail_msg("round %d", round);
    }
}

static void offsets_lead_back_to_the_original(void **state)
{
    (void)state;
    const char *in = "加Ｖ 威\u200B信：一三八零零";
    normalise(in, strlen(in), &once);
    assert_string_equal(once.text, "加v 微信:13800");
    const char *at = strstr(once.text, "微信");
    assert_non_null(at);
    size_t from = (size_t)(at - once.text);
    assert_ptr_equal(in + once.origin[from], strstr(in, "威"));
    assert_ptr_equal(in + once.origin[from + strlen("微信")], strstr(in, "："));
    at = strstr(once.text, "800");
    assert_non_null(at);
    assert_ptr_equal(in + once.origin[at - once.text], strstr(in, "八"));
}

static void the_longest_expansion_fits(void **state)
{
    (void)state;
    char text[3 * 2000 + 1];
    for (size_t i = 0; i < 2000; i++) memcpy(text + 3 * i, "ﷺ", 3);
    text[sizeof text - 1] = '\0';
    struct norm_text fresh = {0};
    normalise(text, sizeof text - 1, &fresh);
    assert_int_equal(fresh.len, 2000 * 33);
    norm_text_release(&fresh);
    normalise("", 0, &fresh);
    assert_int_equal(fresh.len, 0);
    assert_string_equal(fresh.text, "");
    norm_text_release(&fresh);
}

static void pattern_literals_are_told_their_right_form(void **state)
{
    (void)state;
    char form[64];
    assert_true(normalise_can_appear(0x533b, form)); /* 医 */
    assert_string_equal(form, "");
    assert_true(normalise_can_appear('.', form));
    assert_true(normalise_can_appear('7', form));
    assert_true(normalise_can_appear(0x4e00, form));  /* 一 */
    assert_false(normalise_can_appear(0x91ab, form)); /* 醫 */
    assert_string_equal(form, "医");
    assert_false(normalise_can_appear(0x5e10, form)); /* 帐 */
    assert_string_equal(form, "账");
    assert_false(normalise_can_appear('A', form));
    assert_string_equal(form, "a");
    assert_false(normalise_can_appear(0xff0c, form)); /* ， */
    assert_string_equal(form, ",");
    assert_false(normalise_can_appear(0x200b, form));
    assert_string_equal(form, "");
    assert_false(normalise_can_appear(0xfdfa, form));
    assert_int_equal(strlen(form), 33);
    assert_false(normalise_can_appear(0, form));
    assert_false(normalise_can_appear(0xd800, form));
    assert_false(normalise_can_appear(0x110000, form));
}

/* An end of a run looks at what it ends; a text made of ends must not cost the square of its length. */
static void a_hostile_text_costs_no_more_than_its_length(void **state)
{
    (void)state;
    static const char *const units[] = {"1[.]", "一[.]", "微[.]",         "1 ", "1 一", "微 ", "微…",
                                        "[",    "[.",    "e\u0302\u0323", "亻", "一",   "1一", "亻 言"};
    for (size_t u = 0; u < sizeof units / sizeof units[0]; u++) {
        size_t unit = strlen(units[u]), n = 256 * 1024 / unit * unit;
        char *text = malloc(n);
        assert_non_null(text);
        for (size_t i = 0; i < n; i += unit) memcpy(text + i, units[u], unit);
        struct timespec t0, t1;
        assert_int_equal(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t0), 0);
        normalise(text, n, &once);
        assert_int_equal(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t1), 0);
        double ms = (double)(t1.tv_sec - t0.tv_sec) * 1e3 + (double)(t1.tv_nsec - t0.tv_nsec) / 1e6;
        free(text);
        if (ms > 500) fail_msg("`%s`: %.0f ms for 256 KiB", units[u], ms);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_case_of_the_table),
        cmocka_unit_test(every_code_point_comes_to_rest_after_any_neighbour),
        cmocka_unit_test(all_forms_of_a_character_are_one),
        cmocka_unit_test(any_mixture_of_what_the_rules_know_comes_to_rest),
        cmocka_unit_test(offsets_lead_back_to_the_original),
        cmocka_unit_test(the_longest_expansion_fits),
        cmocka_unit_test(pattern_literals_are_told_their_right_form),
        cmocka_unit_test(a_hostile_text_costs_no_more_than_its_length),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    norm_text_release(&once);
    norm_text_release(&twice);
    return failed;
}
