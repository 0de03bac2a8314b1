/* One text through ICU; bytes written, 0 on failure.
 *
 *   icu_same        our table of code points, and composition; for each byte written, and for the end, the place of what it
 *                   came from, into origin[0 … bytes]
 *   icu_offsets     NFKC_Casefold, and the same
 *   icu_alone       NFKC_Casefold
 *   icu_simplified  NFKC_Casefold, then traditional to simplified by ICU's transliterator; no offsets
 */
#ifndef TOCSIN_TESTS_BENCH_NORMALISE_ICU_H
#define TOCSIN_TESTS_BENCH_NORMALISE_ICU_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
size_t icu_alone(const char *in, size_t n, char *out, size_t room);
size_t icu_same(const char *in, size_t n, char *out, size_t room, uint32_t *origin);
size_t icu_offsets(const char *in, size_t n, char *out, size_t room, uint32_t *origin);
size_t icu_simplified(const char *in, size_t n, char *out, size_t room);
#ifdef __cplusplus
}
#endif

#endif
