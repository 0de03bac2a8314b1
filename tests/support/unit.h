/* What every cmocka program includes, in the order in which cmocka wants it. */
#ifndef TOCSIN_TESTS_UNIT_H
#define TOCSIN_TESTS_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* cmocka's fail() would take the name of ours (base/err.h); a test fails by fail_msg("...", …). */
#undef fail
#undef fail_msg
#define fail_msg(...) (print_error(__VA_ARGS__), print_error("\n"), _fail(__FILE__, __LINE__))

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

#endif
