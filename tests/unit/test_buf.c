/* buf.c: the string type, its limit and its JSON and HTML forms. */
#include "base/buf.h"

#include "base/clock.h"
#include "base/mem.h"
#include "unit.h"

static void it_grows_and_stays_nul_terminated(void **state)
{
    (void)state;
    CLEANUP(buf_release) struct buf b = BUF_INIT(100000);
    assert_string_equal(buf_cstr(&b), "");
    for (int i = 0; i < 10000; i++) buf_printf(&b, "%04d", i);
    assert_int_equal(b.len, 40000);
    assert_int_equal(strlen(buf_cstr(&b)), 40000);
    assert_memory_equal(b.data + 39996, "9999", 5);
    assert_false(buf_failed(&b));
}

static void over_its_limit_it_keeps_what_it_had(void **state)
{
    (void)state;
    CLEANUP(buf_release) struct buf b = BUF_INIT(8);
    buf_str(&b, "12345678");
    assert_false(buf_failed(&b));
    buf_char(&b, '9');
    assert_true(buf_failed(&b));
    buf_str(&b, "");
    buf_printf(&b, "%s", "x");
    assert_string_equal(buf_cstr(&b), "12345678");
    buf_clear(&b);
    assert_false(buf_failed(&b));
    buf_printf(&b, "%s", "123456789");
    assert_true(buf_failed(&b));
    assert_string_equal(buf_cstr(&b), "");
}

static void taking_leaves_it_empty_and_usable(void **state)
{
    (void)state;
    CLEANUP(buf_release) struct buf b = BUF_INIT(8);
    CLEANUP(free_ptr) char *none = buf_take(&b);
    assert_string_equal(none, "");
    buf_str(&b, "one");
    CLEANUP(free_ptr) char *one = buf_take(&b);
    assert_string_equal(one, "one");
    buf_str(&b, "two");
    assert_string_equal(buf_cstr(&b), "two");
}

static void whole_numbers_are_written_to_both_ends(void **state)
{
    (void)state;
    CLEANUP(buf_release) struct buf b = BUF_INIT(200);
    buf_int(&b, 0);
    buf_char(&b, ' ');
    buf_int(&b, INT64_MAX);
    buf_char(&b, ' ');
    buf_int(&b, INT64_MIN);
    assert_string_equal(buf_cstr(&b), "0 9223372036854775807 -9223372036854775808");
}

static void json_strings_are_escaped(void **state)
{
    (void)state;
    CLEANUP(buf_release) struct buf b = BUF_INIT(200);
    buf_json_str(&b, "a\"b\\c\n\r\t\x01\x1f医/");
    assert_string_equal(buf_cstr(&b), "\"a\\\"b\\\\c\\n\\r\\t\\u0001\\u001f医/\"");
    buf_clear(&b);
    buf_json_str(&b, NULL);
    assert_string_equal(buf_cstr(&b), "null");
}

static void members_put_their_own_commas(void **state)
{
    (void)state;
    struct reason why;
    assert_int_equal(clock_set_zone("Asia/Shanghai", &why), RELAY_OK);
    CLEANUP(buf_release) struct buf b = BUF_INIT(400);
    buf_char(&b, '{');
    buf_json_member(&b, "a", "x");
    buf_json_member_int(&b, "b", -7);
    buf_json_member_bool(&b, "c", true);
    buf_json_member(&b, "d", NULL);
    buf_json_member_time(&b, "e", 1795343635007);
    buf_json_member_time(&b, "f", 0);
    buf_json_key(&b, "g");
    buf_str(&b, "[{");
    buf_json_member(&b, "h", "");
    buf_str(&b, "}]}");
    assert_string_equal(buf_cstr(&b),
                        "{\"a\":\"x\",\"b\":-7,\"c\":true,\"d\":null,\"e\":\"2026-11-22T18:33:55.007+08:00\","
                        "\"f\":null,\"g\":[{\"h\":\"\"}]}");
}

static void html_is_escaped(void **state)
{
    (void)state;
    CLEANUP(buf_release) struct buf b = BUF_INIT(200);
    buf_html(&b, "<a href=\"x\">'&'</a>");
    assert_string_equal(buf_cstr(&b), "&lt;a href=&quot;x&quot;&gt;&#39;&amp;&#39;&lt;/a&gt;");
}

static void what_an_address_does_not_bear_is_percent_encoded(void **state)
{
    (void)state;
    CLEANUP(buf_release) struct buf b = BUF_INIT(200);
    buf_url(&b, "aZ0-._~ +&=/\"骗");
    assert_string_equal(buf_cstr(&b), "aZ0-._~%20%2B%26%3D%2F%22%E9%AA%97");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_grows_and_stays_nul_terminated),
        cmocka_unit_test(over_its_limit_it_keeps_what_it_had),
        cmocka_unit_test(taking_leaves_it_empty_and_usable),
        cmocka_unit_test(whole_numbers_are_written_to_both_ends),
        cmocka_unit_test(json_strings_are_escaped),
        cmocka_unit_test(members_put_their_own_commas),
        cmocka_unit_test(html_is_escaped),
        cmocka_unit_test(what_an_address_does_not_bear_is_percent_encoded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
