/* RE2::Set for a C program; bench_matching_re2.cc. */
#ifndef TOCSIN_BENCH_MATCHING_H
#define TOCSIN_BENCH_MATCHING_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

void *re2_set_new(const char *const *patterns, size_t n); /* NULL when RE2 does not take them */
size_t re2_set_run(void *set, const char *text, size_t n);
void re2_set_free(void *set);

#ifdef __cplusplus
}
#endif
#endif
