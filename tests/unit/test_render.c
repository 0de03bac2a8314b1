/* render.c: slots filled, values escaped, bytes counted. */
#include "render.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "unit.h"

static const struct render_slots slots = {.site = "交大一附院",
                                          .help = "门诊一楼警务室",
                                          .area = "雁塔区",
                                          .count = "1260起",
                                          .issuer = "雁塔公安",
                                          .time = "11月22日 18:34",
                                          .valid = "11月25日 18:34",
                                          .id = "A3F7K"};

static void the_example_of_the_defaults_reads_as_written(void **state)
{
    (void)state;
    CLEANUP(buf_release) struct buf b = BUF_INIT(2048);
    struct reason why;
    assert_int_equal(render("【防骗提醒】{{issuer}} "
                            "{{time}}\n{{area}}有人冒充医保局群发短信，{{count}}。拿不准：到{{help}}问。{{"
                            "valid}} 前有效，编号 {{id}}",
                            &slots, &b, &why),
                     RELAY_OK);
    assert_string_equal(buf_cstr(&b),
                        "【防骗提醒】雁塔公安 11月22日 "
                        "18:34\n雁塔区有人冒充医保局群发短信，1260起。拿不准：到门诊一楼警务室问。"
                        "11月25日 18:34 前有效，编号 A3F7K");
}

static void what_is_not_known_reads_as_a_general_word(void **state)
{
    (void)state;
    const struct render_slots none = {.area = ""};
    CLEANUP(buf_release) struct buf b = BUF_INIT(2048);
    struct reason why;
    assert_int_equal(
        render("{{site}}/{{help}}/{{area}}/{{count}}/{{issuer}}{{time}}{{valid}}{{id}}", &none, &b, &why),
        RELAY_OK);
    assert_string_equal(buf_cstr(&b), "本院/导诊台或保安/本地/多起/");
}

static void a_value_is_not_read_again(void **state)
{
    (void)state;
    const struct render_slots s = {.site = "{{id}}", .id = "A"};
    CLEANUP(buf_release) struct buf b = BUF_INIT(2048);
    assert_int_equal(render("{{site}}", &s, &b, NULL), RELAY_OK);
    assert_string_equal(buf_cstr(&b), "{{id}}");
}

static void an_unknown_slot_is_an_error_and_says_which(void **state)
{
    (void)state;
    CLEANUP(buf_release) struct buf b = BUF_INIT(2048);
    struct reason why;
    assert_int_equal(render("a{{who}}b", &slots, &b, &why), RELAY_INVALID);
    assert_non_null(strstr(why.text, "{{who}}"));
    assert_int_equal(render("a{{who}}b", &slots, &b, NULL), RELAY_INVALID);
}

static void values_are_escaped_for_where_they_go(void **state)
{
    (void)state;
    const struct render_slots s = {.site = "A*[b](c)\n<d>&"};
    CLEANUP(buf_release) struct buf b = BUF_INIT(2048);
    assert_int_equal(render_as("**{{site}}**", &s, RENDER_PLAIN, &b, NULL), RELAY_OK);
    assert_string_equal(buf_cstr(&b), "**A*[b](c) <d>&**");
    buf_clear(&b);
    assert_int_equal(render_as("**{{site}}**", &s, RENDER_MARKDOWN, &b, NULL), RELAY_OK);
    assert_string_equal(buf_cstr(&b), "**A＊［b］（c） ＜d＞&**");
    buf_clear(&b);
    assert_int_equal(render_as("1 < 2, {{site}}", &s, RENDER_HTML, &b, NULL), RELAY_OK);
    assert_string_equal(buf_cstr(&b), "1 &lt; 2, A*[b](c) &lt;d&gt;&amp;");
}

static void too_long_for_the_buffer_is_an_error(void **state)
{
    (void)state;
    CLEANUP(buf_release) struct buf b = BUF_INIT(8);
    struct reason why;
    assert_int_equal(render("{{site}}", &slots, &b, &why), RELAY_LIMIT);
    buf_clear(&b);
    assert_int_equal(render_as("<<<", &slots, RENDER_HTML, &b, &why), RELAY_LIMIT);
}

static void a_text_over_its_bytes_loses_sentences_and_never_its_end(void **state)
{
    (void)state;
    const char *text = "有人冒充医保局发短信。不点链接，不填密码。到{{help}}问。",
               *tail = "\n已经点了：马上打110。";
    size_t whole = strlen("有人冒充医保局发短信。不点链接，不填密码。到门诊一楼警务室问。") + strlen(tail);
    for (size_t max = 0; max <= whole + 3; max++) {
        CLEANUP(buf_release) struct buf b = BUF_INIT(2048);
        struct reason why;
        bool cut = false;
        enum relay_err err = render_within(text, tail, &slots, RENDER_PLAIN, max, &b, &cut, &why);
        assert_int_equal(err, max < strlen(tail) ? RELAY_LIMIT : RELAY_OK);
        if (err != RELAY_OK) continue;
        assert_true(b.len <= max);
        assert_int_equal(cut, max < whole);
        assert_true(text_valid_utf8(b.data, b.len));
        assert_string_equal(b.data + b.len - strlen(tail), tail);
        if (max == whole - 1)
            assert_string_equal(buf_cstr(&b),
                                "有人冒充医保局发短信。不点链接，不填密码。…\n已经点了：马上打110。");
    }
}

static void an_escaped_text_keeps_to_its_bytes_as_well(void **state)
{
    (void)state;
    for (size_t max = 0; max < 120; max++) {
        CLEANUP(buf_release) struct buf b = BUF_INIT(2048);
        bool cut = false;
        assert_int_equal(
            render_within("<<<<<<<<<<&&&&&&&&&&\"\"\"\"", NULL, &slots, RENDER_HTML, max, &b, &cut, NULL),
            RELAY_OK);
        assert_true(b.len <= max);
        assert_int_equal(cut, max < 10 * 4 + 10 * 5 + 4 * 6);
        assert_true(!b.len || b.data[b.len - 1] == ';' || strcmp(b.data + b.len - strlen("…"), "…") == 0);
    }
}

static void a_small_count_is_no_number(void **state)
{
    (void)state;
    char out[RENDER_WORD_LEN];
    assert_string_equal(render_count(1, out), "多起");
    assert_string_equal(render_count(4, out), "多起");
    assert_string_equal(render_count(5, out), "5起");
    assert_string_equal(render_count(1260, out), "1260起");
}

static void times_are_said_as_people_say_them(void **state)
{
    (void)state;
    char out[RENDER_WORD_LEN];
    struct reason why;
    assert_int_equal(clock_set_zone("Asia/Shanghai", &why), RELAY_OK);
    assert_string_equal(render_time(INT64_C(1795343635000), out), "11月22日 18:33");
}

static void a_stored_text_leaves_with_its_own_id_and_says_when_it_is_a_reminder(void **state)
{
    (void)state;
    CLEANUP(buf_release) struct buf b = BUF_INIT(1024);
    render_stored("编号 {{id}}，再说一遍 {{id}}", "A3F7K", 0, &b);
    assert_string_equal(buf_cstr(&b), "编号 A3F7K，再说一遍 A3F7K");
    buf_clear(&b);
    render_stored("【演练】别转账", "A3F7K", 2, &b);
    assert_string_equal(buf_cstr(&b), "【第2次提醒】尚无人确认。\n【演练】别转账");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_example_of_the_defaults_reads_as_written),
        cmocka_unit_test(what_is_not_known_reads_as_a_general_word),
        cmocka_unit_test(a_value_is_not_read_again),
        cmocka_unit_test(an_unknown_slot_is_an_error_and_says_which),
        cmocka_unit_test(values_are_escaped_for_where_they_go),
        cmocka_unit_test(too_long_for_the_buffer_is_an_error),
        cmocka_unit_test(a_text_over_its_bytes_loses_sentences_and_never_its_end),
        cmocka_unit_test(an_escaped_text_keeps_to_its_bytes_as_well),
        cmocka_unit_test(a_small_count_is_no_number),
        cmocka_unit_test(times_are_said_as_people_say_them),
        cmocka_unit_test(a_stored_text_leaves_with_its_own_id_and_says_when_it_is_a_reminder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
