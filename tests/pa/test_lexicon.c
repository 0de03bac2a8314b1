/* Words with a reading of their own. */
#include "unit.h"

#include <unistd.h>

#include "base/mem.h"
#include "player/lexicon.h"

static struct lexicon *with(const char *words, const char *polyphones, enum relay_err *ret,
                            struct reason *why)
{
    struct lexicon *l = lexicon_new();
    const char *texts[] = {words, polyphones};
    for (int i = 0; i < 2 && texts[i]; i++) {
        char path[] = "/tmp/pa_lexicon.XXXXXX";
        int fd = mkstemp(path);
        assert_true(fd >= 0);
        assert_int_equal(write(fd, texts[i], strlen(texts[i])), (ssize_t)strlen(texts[i]));
        close(fd);
        *ret = i ? lexicon_load_polyphones(l, path, why) : lexicon_load(l, path, why);
        unlink(path);
    }
    return l;
}

static void expect(const struct lexicon *l, const char *in, const char *out)
{
    CLEANUP(buf_release) struct buf b = BUF_INIT(4096);
    lexicon_apply(l, in, &b);
    assert_string_equal(buf_cstr(&b), out);
}

static void the_longest_word_wins(void **state)
{
    (void)state;
    enum relay_err err;
    struct reason why;
    struct lexicon *l =
        with("银行\tyin2 hang2\n银行卡\tyin2 hang2 ka3\n行长\thang2 zhang3\n# 注\n", NULL, &err, &why);
    assert_int_equal(err, RELAY_OK);
    assert_int_equal(lexicon_words(l), 3);
    expect(l, "请到银行卡部", "请到 yin2 hang2 ka3 部");
    expect(l, "银行行长", "yin2 hang2 hang2 zhang3 ");
    expect(l, "没有", "没有");
    lexicon_free(l);
}

static void a_later_file_replaces_a_reading_and_changes_the_hash(void **state)
{
    (void)state;
    enum relay_err err;
    struct reason why;
    struct lexicon *a = with("行\txing2\n", NULL, &err, &why),
                   *b = with("行\txing2\n行\thang2\n", NULL, &err, &why);
    expect(b, "行", "hang2 ");
    assert_true(lexicon_hash(a) != lexicon_hash(b));
    lexicon_free(a);
    lexicon_free(b);
}

static void letters_are_spelled_unless_they_are_a_word(void **state)
{
    (void)state;
    enum relay_err err;
    struct reason why;
    struct lexicon *l = with("WiFi\twai1 fai1\n", NULL, &err, &why);
    expect(l, "WiFi", "wai1 fai1 ");
    expect(l, "CT", "xi1 ti4 ");
    expect(l, "用WiFix", "用 da2 bu5 liu5 ai4 ai2 fu5 ai4 ai2 ke5 si5 ");
    lexicon_free(l);
}

static void a_bad_line_is_named(void **state)
{
    (void)state;
    static const char *const bad[] = {"银行 yin2 hang2\n",  "银行\tyinhang\n", "银行\tyin2  hang2\n",
                                      "银行\tYin2 hang2\n", "\tyin2\n",        "银行\t\n"};
    for (size_t i = 0; i < COUNT(bad); i++) {
        enum relay_err err;
        struct reason why;
        lexicon_free(with(bad[i], NULL, &err, &why));
        assert_int_equal(err, RELAY_INVALID);
        assert_non_null(strstr(why.text, ":1:"));
    }
}

static void characters_with_two_readings_outside_words_are_found(void **state)
{
    (void)state;
    enum relay_err err;
    struct reason why;
    struct lexicon *l = with("银行\tyin2 hang2\n", "行\txing2 hang2\n长\tchang2 zhang3\n", &err, &why);
    assert_int_equal(err, RELAY_OK);
    char c[8];
    const char *readings;
    size_t at = 0;
    assert_true(lexicon_unsure(l, "银行的行长", &at, c, &readings));
    assert_string_equal(c, "行");
    assert_string_equal(readings, "xing2 hang2");
    assert_true(lexicon_unsure(l, "银行的行长", &at, c, &readings));
    assert_string_equal(c, "长");
    assert_false(lexicon_unsure(l, "银行的行长", &at, c, &readings));
    lexicon_free(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_longest_word_wins),
        cmocka_unit_test(a_later_file_replaces_a_reading_and_changes_the_hash),
        cmocka_unit_test(letters_are_spelled_unless_they_are_a_word),
        cmocka_unit_test(a_bad_line_is_named),
        cmocka_unit_test(characters_with_two_readings_outside_words_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
