/* Where installed data are looked for. */
#include "base/datadir.h"

#include <stdlib.h>
#include <string.h>

#include "unit.h"

static void the_environment_names_it(void **state)
{
    (void)state;
    assert_int_equal(setenv("TOCSIN_DATADIR", "/srv/tocsin", 1), 0);
    assert_string_equal(data_dir(), "/srv/tocsin");
}

static void an_empty_variable_says_nothing(void **state)
{
    (void)state;
    assert_int_equal(setenv("TOCSIN_DATADIR", "", 1), 0);
    const char *dir = data_dir();
    assert_int_equal(dir[0], '/');
    assert_string_equal(strrchr(dir, '/'), "/tocsin");
    assert_ptr_equal(data_dir(), dir); /* found once */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_environment_names_it),
        cmocka_unit_test(an_empty_variable_says_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
