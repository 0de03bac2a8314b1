/* One text through ICU; bytes written, 0 on failure. */
#ifndef TOCSIN_TESTS_BENCH_NORMALISE_ICU_H
#define TOCSIN_TESTS_BENCH_NORMALISE_ICU_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif
size_t icu_utf8(const char *in, size_t n, char *out, size_t room);
size_t icu_utf16(const char *in, size_t n, char *out, size_t room);
#ifdef __cplusplus
}
#endif

#endif
