/* i18n.c: the configured language decides, not the shell's. */
#include "base/i18n.h"

#include <stdlib.h>
#include <string.h>

#include "unit.h"

static void the_language_comes_from_configuration_or_one_command(void **state)
{
    (void)state;
    (void)unsetenv("TOCSIN_LANG");
    (void)setenv("LANG", "fr_FR.UTF-8", 1);
    i18n_init(NULL);
    assert_string_equal(getenv("LANGUAGE"), "zh_CN");
    i18n_init("en");
    assert_string_equal(getenv("LANGUAGE"), "en");
    (void)setenv("TOCSIN_LANG", "zh-CN", 1);
    i18n_init("en");
    assert_string_equal(getenv("LANGUAGE"), "zh_CN");
    (void)unsetenv("TOCSIN_LANG");
}

static void a_message_without_translation_is_its_source(void **state)
{
    (void)state;
    i18n_init("en");
    assert_string_equal(_("no such message in any catalogue"), "no such message in any catalogue");
    assert_string_equal(textdomain(NULL), "tocsin");
}

static void programs_of_a_build_tree_find_its_catalogue(void **state)
{
    (void)state;
    (void)unsetenv("TOCSIN_LANG");
    (void)unsetenv("TOCSIN_LOCALEDIR");
    i18n_init("zh-CN");
    assert_string_equal(_("whole number"), "整数");
    i18n_init("en");
    assert_string_equal(_("whole number"), "whole number");
    assert_string_equal(i18n_chinese("whole number"), "整数"); /* for once */
    assert_string_equal(_("whole number"), "whole number");
    assert_string_equal(getenv("LANGUAGE"), "en");
    (void)setenv("TOCSIN_LOCALEDIR", "/nonexistent", 1);
    i18n_init("zh-CN");
    assert_string_equal(_("whole number"), "whole number");
    (void)unsetenv("TOCSIN_LOCALEDIR");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_language_comes_from_configuration_or_one_command),
        cmocka_unit_test(a_message_without_translation_is_its_source),
        cmocka_unit_test(programs_of_a_build_tree_find_its_catalogue),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
