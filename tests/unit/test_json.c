/* json.c: what is refused, and that the place is named. */
#include "base/json.h"

#include "base/buf.h"
#include "base/mem.h"
#include "unit.h"

static const struct json_limits limits = {.max_bytes = 4096, .max_depth = 8};

static void what_cjson_forgives_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        enum json_fault_kind kind;
        size_t offset;
        const char *path;
    } bad[] = {
        {"", JSON_EMPTY, 0, ""},
        {" \n", JSON_EMPTY, 2, ""},
        {"{", JSON_SYNTAX, 1, ""},
        {"{\"a\"", JSON_SYNTAX, 4, "a"},
        {"{\"a\":", JSON_SYNTAX, 5, "a"},
        {"{\"a\":1", JSON_SYNTAX, 6, "a"},
        {"{\"a\":1,}", JSON_SYNTAX, 7, "a"},
        {"{a:1}", JSON_SYNTAX, 1, ""},
        {"[1,]", JSON_SYNTAX, 3, "[1]"},
        {"[1 2]", JSON_SYNTAX, 3, "[0]"},
        {"{\"a\":[1,{\"b\":tru}]}", JSON_SYNTAX, 13, "a[1].b"},
        {"{\"a\":1}x", JSON_TRAILING, 7, ""},
        {"{} {}", JSON_TRAILING, 3, ""},
        {"\xef\xbb\xbf{}", JSON_SYNTAX, 0, ""},
        {"{\"a\":\"\xff\"}", JSON_NOT_UTF8, 6, "a"},
        {"{\"a\":[1,{\"b\":\"\xff\"}]}", JSON_NOT_UTF8, 14, "a[1].b"},
        {"{\"a\":1}\xff", JSON_NOT_UTF8, 7, ""},
        {"{\"a\":x\xff", JSON_NOT_UTF8, 6, ""},
        {"{\"a\":\"\xed\xa0\x80\"}", JSON_NOT_UTF8, 6, "a"},
        {"{\"a\":\"\\u0000\"}", JSON_NUL, 6, "a"},
        {"{\"\\u0000\":1}", JSON_NUL, 2, ""},
        {"{\"a\":\"\\ud800\"}", JSON_ESCAPE, 6, "a"},
        {"{\"a\":\"\\ud800\\u0041\"}", JSON_ESCAPE, 6, "a"},
        {"{\"a\":\"\\udc00\"}", JSON_ESCAPE, 6, "a"},
        {"{\"a\":\"\\x\"}", JSON_ESCAPE, 6, "a"},
        {"{\"a\":\"\\u12g4\"}", JSON_ESCAPE, 6, "a"},
        {"{\"a\":\"\\u12", JSON_ESCAPE, 6, "a"},
        {"{\"a\":\"\\", JSON_SYNTAX, 7, "a"},
        {"{\"a\":\"b", JSON_SYNTAX, 7, "a"},
        {"{\"a\":\"b\nc\"}", JSON_CONTROL, 7, "a"},
        {"\x01{}", JSON_SYNTAX, 0, ""},
        {"01", JSON_NUMBER, 0, ""},
        {"{\"n\":-}", JSON_NUMBER, 5, "n"},
        {"{\"n\":1.}", JSON_NUMBER, 5, "n"},
        {"{\"n\":1e}", JSON_NUMBER, 5, "n"},
        {"{\"n\":.5}", JSON_SYNTAX, 5, "n"},
        {"{\"n\":+5}", JSON_SYNTAX, 5, "n"},
        {"{\"n\":NaN}", JSON_SYNTAX, 5, "n"},
        {"{\"m\":{\"n\":1e999}}", JSON_NUMBER, 0, "m.n"},
        {"[1234567890123456789012345678901234567890123456789012345678901234]", JSON_NUMBER, 1, "[0]"},
        {"[[[[[[[[[1]]]]]]]]]", JSON_DEPTH, 8, "[0][0][0][0][0][0][0][0]"},
        {"{\"a\":1,\"b\":{\"c\":1,\"d\":2,\"c\":3}}", JSON_DUPLICATE, 0, "b.c"},
        {"[0,{\"x\":1,\"\\u0078\":2}]", JSON_DUPLICATE, 0, "[1].x"},
        {"{\"\":1,\"\":2}", JSON_DUPLICATE, 0, "?"},
    };
    for (size_t i = 0; i < COUNT(bad); i++) {
        const cJSON *j = NULL;
        CLEANUP(arena_release) struct arena a = {0};
        struct json_fault f = {.kind = JSON_FINE};
        enum relay_err err = json_parse_arena(bad[i].json, strlen(bad[i].json), &limits, &a, &j, &f);
        if (err == RELAY_OK || f.kind != bad[i].kind || f.offset != bad[i].offset ||
            strcmp(f.path, bad[i].path) != 0)
            fail_msg("%s: err %s kind %d offset %zu path `%s`", bad[i].json, relay_err_name(err), (int)f.kind,
                     f.offset, f.path);
        assert_null(j);
    }
}

static void what_is_json_is_taken(void **state)
{
    (void)state;
    static const char *const good[] = {"{}",
                                       " [ ] ",
                                       "0",
                                       "-0.5e-3",
                                       "\"\"",
                                       "null",
                                       "true",
                                       "\t{\"a\":[1,2,{\"b\":null}],\"c\":{}}\r\n",
                                       "{\"a\":\"\\ud83d\\ude00 \\\"\\\\\\/\\b\\f\\n\\r\\t\\u4e2d\"}",
                                       "{\"a\":1,\"A\":2}",
                                       "[[[[[[[[]]]]]]]]",
                                       "{\"医保\":\"停用\"}"};
    for (size_t i = 0; i < COUNT(good); i++) {
        CLEANUP(json_free_ptr) cJSON *j = NULL;
        struct reason why = {{0}};
        if (json_parse(good[i], strlen(good[i]), &limits, &j, &why) != RELAY_OK)
            fail_msg("%s: %s", good[i], why.text);
    }
}

static void a_nul_byte_ends_nothing(void **state)
{
    (void)state;
    cJSON *j = NULL;
    struct reason why;
    assert_int_equal(json_parse("{}\0{}", 5, &limits, &j, &why), RELAY_INVALID);
    assert_int_equal(json_parse("{\"a\":\"\0\"}", 9, &limits, &j, &why), RELAY_INVALID);
    assert_null(j);
}

static void the_bytes_need_no_nul_behind_them(void **state)
{
    (void)state;
    static const char *const texts[] = {"{\"a\":12}", "12", "true", "\"x\"", "[1]"};
    for (size_t i = 0; i < COUNT(texts); i++) {
        size_t n = strlen(texts[i]);
        CLEANUP(free_ptr) char *exact = xmalloc(n); /* asan sees a byte read too many */
        memcpy(exact, texts[i], n);
        CLEANUP(json_free_ptr) cJSON *j = NULL;
        assert_int_equal(json_parse(exact, n, &limits, &j, NULL), RELAY_OK);
    }
}

static void the_reason_names_member_and_byte(void **state)
{
    (void)state;
    cJSON *j = NULL;
    struct reason why;
    const char *json = "{\"txn\":{\"memo\":\"\\u0000\"}}";
    assert_int_equal(json_parse(json, strlen(json), &limits, &j, &why), RELAY_INVALID);
    assert_non_null(strstr(why.text, "txn.memo"));
    assert_non_null(strstr(why.text, "16"));
}

static void a_member_name_that_may_be_a_number_of_somebody_is_not_shown(void **state)
{
    (void)state;
    const cJSON *j = NULL;
    CLEANUP(arena_release) struct arena a = {0};
    struct json_fault f;
    const char *json = "{\"13812345678\":{\"张三\":01}}";
    assert_int_equal(json_parse_arena(json, strlen(json), &limits, &a, &j, &f), RELAY_INVALID);
    assert_string_equal(f.path, "?.?");
}

static void a_byte_too_many_is_refused_unread(void **state)
{
    (void)state;
    cJSON *j = NULL;
    struct reason why;
    char big[4097];
    memset(big, ' ', sizeof(big));
    big[0] = '1';
    assert_int_equal(json_parse(big, sizeof(big), &limits, &j, &why), RELAY_LIMIT);
    assert_int_equal(json_parse(big, sizeof(big) - 1, &limits, &j, &why), RELAY_OK);
    json_free_ptr(&j);
}

static void a_large_object_finds_its_duplicate_quickly(void **state)
{
    (void)state;
    const struct json_limits large = {.max_bytes = 1 << 22, .max_depth = 8};
    CLEANUP(buf_release) struct buf b = BUF_INIT(1 << 22);
    for (int round = 0; round < 2; round++) {
        buf_clear(&b);
        buf_char(&b, '{');
        for (int i = 0; i < 100000; i++) buf_printf(&b, "\"m%d\":1,", i);
        buf_str(&b, round ? "\"m4711\":2}" : "\"last\":2}");
        const cJSON *j = NULL;
        CLEANUP(arena_release) struct arena a = {0};
        struct json_fault f = {.kind = JSON_FINE};
        enum relay_err err = json_parse_arena(b.data, b.len, &large, &a, &j, &f);
        assert_int_equal(err, round ? RELAY_INVALID : RELAY_OK);
        assert_int_equal(f.kind, round ? JSON_DUPLICATE : JSON_FINE);
        assert_string_equal(f.path, round ? "m4711" : "");
    }
}

static void a_tree_in_an_arena_leaves_the_heap_to_the_others(void **state)
{
    (void)state;
    CLEANUP(arena_release) struct arena a = {0};
    CLEANUP(json_free_ptr) cJSON *before = NULL;
    CLEANUP(json_free_ptr) cJSON *after = NULL;
    const cJSON *between = NULL;
    struct json_fault f;
    assert_int_equal(json_parse("[1,{\"a\":\"b\"}]", 13, &limits, &before, NULL), RELAY_OK);
    size_t total = a.total;
    assert_int_equal(json_parse_arena("{\"c\":[2]}", 9, &limits, &a, &between, &f), RELAY_OK);
    assert_true(a.total > total);
    total = a.total;
    assert_int_equal(json_parse("[1,{\"a\":\"b\"}]", 13, &limits, &after, NULL), RELAY_OK);
    assert_int_equal(a.total, total);
    assert_true(cJSON_Compare(before, after, true));
    assert_int_equal(cJSON_GetArrayItem(cJSON_GetObjectItem(between, "c"), 0)->valueint, 2);
}

static void members_are_read_by_type(void **state)
{
    (void)state;
    const char *json = "{\"s\":\"x\",\"n\":7,\"big\":9007199254740993,\"half\":0.5,\"neg\":-3,\"b\":true,"
                       "\"t\":\"2026-11-22T18:33:55+08:00\",\"z\":null,\"huge\":1e300}";
    CLEANUP(json_free_ptr) cJSON *j = NULL;
    assert_int_equal(json_parse(json, strlen(json), &limits, &j, NULL), RELAY_OK);
    const char *s = "untouched";
    int64_t n = 42;
    bool b = false;
    assert_int_equal(json_str(j, "s", &s), RELAY_OK);
    assert_string_equal(s, "x");
    assert_int_equal(json_str(j, "n", &s), RELAY_INVALID);
    assert_int_equal(json_str(j, "S", &s), RELAY_NOT_FOUND);
    assert_string_equal(s, "x");
    assert_int_equal(json_int(j, "half", &n), RELAY_INVALID);
    assert_int_equal(json_int(j, "huge", &n), RELAY_INVALID);
    assert_int_equal(json_int(j, "s", &n), RELAY_INVALID);
    assert_int_equal(json_int(j, "none", &n), RELAY_NOT_FOUND);
    assert_int_equal(n, 42);
    assert_int_equal(json_int(j, "neg", &n), RELAY_OK);
    assert_int_equal(n, -3);
    assert_int_equal(json_bool(j, "b", &b), RELAY_OK);
    assert_true(b);
    assert_int_equal(json_bool(j, "z", &b), RELAY_INVALID);
    assert_int_equal(json_time(j, "t", &n), RELAY_OK);
    assert_int_equal(n, 1795343635000);
    assert_int_equal(json_time(j, "s", &n), RELAY_INVALID);
    assert_string_equal(json_str_or(j, "none", "otherwise"), "otherwise");
    assert_string_equal(json_str_or(j, "s", "otherwise"), "x");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_cjson_forgives_is_refused),
        cmocka_unit_test(what_is_json_is_taken),
        cmocka_unit_test(a_nul_byte_ends_nothing),
        cmocka_unit_test(the_bytes_need_no_nul_behind_them),
        cmocka_unit_test(the_reason_names_member_and_byte),
        cmocka_unit_test(a_member_name_that_may_be_a_number_of_somebody_is_not_shown),
        cmocka_unit_test(a_byte_too_many_is_refused_unread),
        cmocka_unit_test(a_large_object_finds_its_duplicate_quickly),
        cmocka_unit_test(a_tree_in_an_arena_leaves_the_heap_to_the_others),
        cmocka_unit_test(members_are_read_by_type),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
