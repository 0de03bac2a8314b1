/* Personal data: the case table, and what must hold for every text. */
#include "base/mask.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/mask_table.h"
#include "base/mem.h"
#include "base/text.h"
#include "cases.h"

static struct norm_text scratch;
static struct buf norm = BUF_INIT(1 << 20), original = BUF_INIT(1 << 20), again = BUF_INIT(1 << 20),
                  again_original = BUF_INIT(1 << 20);

static void mask(const char *in)
{
    buf_clear(&norm);
    buf_clear(&original);
    mask_text(in, strlen(in), &scratch, &norm, &original);
}

static bool sound(const char *in)
{
    mask(in);
    bool valid =
        text_valid_utf8(buf_cstr(&norm), norm.len) && text_valid_utf8(buf_cstr(&original), original.len);
    if (!valid) (void)fprintf(stderr, "`%s`: not UTF-8\n", in);
    buf_clear(&again);
    buf_clear(&again_original);
    mask_text(norm.data, norm.len, &scratch, &again, &again_original);
    bool once = strcmp(buf_cstr(&norm), buf_cstr(&again)) == 0 &&
                strcmp(buf_cstr(&norm), buf_cstr(&again_original)) == 0;
    if (!once)
        (void)fprintf(stderr, "`%s`\n once  `%s`\n twice `%s`\n", in, buf_cstr(&norm), buf_cstr(&again));
    buf_clear(&again);
    buf_clear(&again_original);
    mask_text(original.data, original.len, &scratch, &again, &again_original);
    bool same = strcmp(buf_cstr(&original), buf_cstr(&again_original)) == 0;
    if (!same)
        (void)fprintf(stderr, "`%s`\n original once  `%s`\n original twice `%s`\n", in, buf_cstr(&original),
                      buf_cstr(&again_original));
    return valid && once && same;
}

static bool one_case(int line, const char *in, const char *out)
{
    bool good = sound(in);
    if (strcmp(buf_cstr(&norm), out) == 0) return good;
    (void)fprintf(stderr, "mask.txt:%d: `%s` gives `%s`, expected `%s`\n", line, in, buf_cstr(&norm), out);
    return false;
}

static void every_case_of_the_table(void **state)
{
    (void)state;
    int n = 0;
    assert_int_equal(cases_run(TOCSIN_SOURCE_DIR "/tests/cases/mask.txt", one_case, &n), 0);
    assert_true(n > 300);
}

static void the_original_keeps_all_but_what_was_found(void **state)
{
    (void)state;
    mask("ＡＢ，請打１３８\u200B００１３８０００，找王建國先生 ⑫床");
    assert_string_equal(buf_cstr(&original), "ＡＢ，請打‹tel›，找‹name›先生 ‹bed›");
    assert_string_equal(buf_cstr(&norm), "ab,请打‹tel›,找‹name›先生 ‹bed›");
    mask("没有ＡＢ");
    assert_string_equal(buf_cstr(&original), "没有ＡＢ");
    buf_clear(&norm);
    mask_text("", 0, &scratch, &norm, NULL);
    assert_int_equal(norm.len, 0);
    mask_text("3床", strlen("3床"), &scratch, NULL, NULL);
}

static void spans_are_counted_beyond_the_room_for_them(void **state)
{
    (void)state;
    struct mask_span span[2] = {{0, 0, MASK_MAIL}, {7, 7, MASK_MAIL}};
    const char *text = "13800138000,13900139000,3床";
    assert_int_equal(mask_find(text, strlen(text), span, 1), 3);
    assert_int_equal(span[0].from, 0);
    assert_int_equal(span[0].to, 11);
    assert_int_equal(span[0].kind, MASK_TEL);
    assert_int_equal(span[1].from, 7);
    assert_int_equal(mask_find(text, strlen(text), NULL, 0), 3);
}

static void many_finds_in_one_text_are_all_masked(void **state)
{
    (void)state;
    CLEANUP(buf_release) struct buf in = BUF_INIT(1 << 16), out = BUF_INIT(1 << 16);
    for (int i = 0; i < 100; i++) {
        buf_printf(&in, "电话138001380%02d，", i);
        buf_str(&out, "电话‹tel›,");
    }
    mask(buf_cstr(&in));
    assert_string_equal(buf_cstr(&norm), buf_cstr(&out));
}

static void hotlines_are_known_and_few_may_be_given(void **state)
{
    (void)state;
    assert_true(mask_is_hotline("96110", 5));
    assert_true(mask_is_hotline("4008001234", 10));
    assert_false(mask_is_hotline("13800138000", 11));
    assert_false(mask_is_hotline("", 0));
    assert_true(mask_may_be_given("96110", 5));
    assert_true(mask_may_be_given("12393", 5));
    assert_true(mask_may_be_given("110", 3));
    assert_true(mask_may_be_given("120", 3));
    assert_false(mask_may_be_given("12381", 5));
    assert_false(mask_may_be_given("95588", 5));
}

static void words_of_the_lists_are_in_normal_form(void **state)
{
    (void)state;
    const struct mt_words *const lists[] = {
        &mt_announce,  &mt_announce_weak, &mt_titles,     &mt_staff_titles, &mt_compound_surnames,
        &mt_not_names, &mt_tel_words,     &mt_card_words, &mt_id_words,     &mt_amounts};
    struct norm_text t = {0};
    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        for (unsigned k = 0; k < lists[i]->n; k++) {
            normalise(lists[i]->word[k].text, lists[i]->word[k].len, &t);
            assert_string_equal(t.text, lists[i]->word[k].text);
        }
    }
    norm_text_release(&t);
}

static uint32_t seed = 7;
static uint32_t dice(uint32_t sides)
{
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % sides;
}

static void masking_twice_changes_nothing(void **state)
{
    (void)state;
    static const char *const bits[] = {"13800138000",
                                       "138",
                                       "0013",
                                       "8000",
                                       "029",
                                       "88886666",
                                       "86",
                                       "+",
                                       "0",
                                       "1",
                                       "8",
                                       "6217998841123459",
                                       "6217",
                                       "610113195507081238",
                                       "6101131955070812",
                                       "38",
                                       "x",
                                       "11010519491231002",
                                       "7",
                                       "(",
                                       ")",
                                       "-",
                                       " ",
                                       "*",
                                       ",",
                                       "。",
                                       "\n",
                                       "@",
                                       "qq.com",
                                       "a",
                                       ".",
                                       "cn",
                                       "电话",
                                       "微信",
                                       "qq",
                                       "账号",
                                       "身份证",
                                       "号",
                                       "姓名",
                                       ":",
                                       "患者",
                                       "家属",
                                       "我叫",
                                       "联系人",
                                       "尊敬的",
                                       "是",
                                       "王",
                                       "建国",
                                       "李",
                                       "秀英",
                                       "欧阳",
                                       "千",
                                       "万",
                                       "一",
                                       "三",
                                       "十",
                                       "二",
                                       "零",
                                       "先生",
                                       "女士",
                                       "医生",
                                       "主任",
                                       "的",
                                       "请",
                                       "床",
                                       "楼",
                                       "第",
                                       "病区",
                                       "病房",
                                       "室",
                                       "房",
                                       "号楼",
                                       "座",
                                       "元",
                                       "‹tel›",
                                       "‹name›",
                                       "因",
                                       "住",
                                       "高",
                                       "烧",
                                       "\u200B",
                                       "⑫",
                                       "㏫",
                                       "½",
                                       "…",
                                       "亻",
                                       "言",
                                       "96110",
                                       "4008001234",
                                       "1[.]2",
                                       "微信",
                                       "wang_88",
                                       "护照",
                                       "ab1234",
                                       "陕",
                                       "a12345",
                                       "床号",
                                       "单元",
                                       "家住",
                                       "路",
                                       "院",
                                       "男",
                                       "岁",
                                       "、",
                                       "约翰",
                                       "史密斯",
                                       "王建国",
                                       "12床",
                                       "‹bed›",
                                       "秀英住院",
                                       ".",
                                       "·"};
    for (int round = 0; round < 60000; round++) {
        char text[1024];
        int n = 0;
        uint32_t parts = 1 + dice(round % 100 ? 10 : 60), only = dice(3) ? 0 : dice(ARRAY_LEN(bits) - 8) + 1;
        for (uint32_t i = 0; i < parts; i++) {
            uint32_t k = only && dice(3) ? only + dice(8) : dice(ARRAY_LEN(bits));
            n += snprintf(text + n, sizeof text - (size_t)n, "%s", bits[k]);
        }
        if (!sound(text)) fail_msg("round %d", round);
    }
}

static void a_hostile_text_costs_no_more_than_its_length(void **state)
{
    (void)state;
    static const char *const units[] = {
        "1",      "1 ",         "1-",      "13800138000 ", "138001380 ", "a1",
        "a",      "1@",         "a@",      "@a",           ".",          "@",
        "患者王", "王",         "姓",      "1区",          "第1区",      "1楼",
        "姓名:",  "王建国先生", "家属的",  "三",           "十",         "3床",
        "½床",    "电话1",      "(029)8",  "号",           "微信a",      "护照e1",
        "陕a",    "家住",       "家住1号", "约翰·史密",    "约翰·",      "姓名:王建国、",
        "1单元",  "患者阿",     "床号1",   "男5岁"};
    for (size_t u = 0; u < ARRAY_LEN(units); u++) {
        size_t unit = strlen(units[u]), n = 256 * 1024 / unit * unit;
        CLEANUP(free_ptr) char *text = xmalloc(n);
        for (size_t i = 0; i < n; i += unit) memcpy(text + i, units[u], unit);
        struct timespec t0, t1;
        buf_clear(&norm);
        assert_int_equal(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t0), 0);
        mask_text(text, n, &scratch, &norm, NULL);
        assert_int_equal(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t1), 0);
        double ms = (double)(t1.tv_sec - t0.tv_sec) * 1e3 + (double)(t1.tv_nsec - t0.tv_nsec) / 1e6;
        if (ms > 500) fail_msg("`%s`: %.0f ms for 256 KiB", units[u], ms);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_case_of_the_table),
        cmocka_unit_test(the_original_keeps_all_but_what_was_found),
        cmocka_unit_test(spans_are_counted_beyond_the_room_for_them),
        cmocka_unit_test(many_finds_in_one_text_are_all_masked),
        cmocka_unit_test(hotlines_are_known_and_few_may_be_given),
        cmocka_unit_test(words_of_the_lists_are_in_normal_form),
        cmocka_unit_test(masking_twice_changes_nothing),
        cmocka_unit_test(a_hostile_text_costs_no_more_than_its_length),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    norm_text_release(&scratch);
    buf_release(&norm);
    buf_release(&original);
    buf_release(&again);
    buf_release(&again_original);
    return failed;
}
