/* ICU's NFKC_Casefold for bench_normalise.c: over UTF-8 (C++ only), and over UTF-16 with conversion both ways. */
#include <unicode/bytestream.h>
#include <unicode/normalizer2.h>
#include <unicode/stringpiece.h>
#include <unicode/ustring.h>

#include "bench_normalise_icu.h"

size_t icu_utf8(const char *in, size_t n, char *out, size_t room)
{
    UErrorCode error = U_ZERO_ERROR;
    static const icu::Normalizer2 *nfkc_casefold = icu::Normalizer2::getNFKCCasefoldInstance(error);
    if (U_FAILURE(error)) return 0;
    icu::CheckedArrayByteSink sink(out, static_cast<int32_t>(room));
    nfkc_casefold->normalizeUTF8(0, icu::StringPiece(in, static_cast<int32_t>(n)), sink, nullptr, error);
    return U_FAILURE(error) ? 0 : static_cast<size_t>(sink.NumberOfBytesWritten());
}

size_t icu_utf16(const char *in, size_t n, char *out, size_t room)
{
    static UChar from[65536], to[65536];
    int32_t length = 0, bytes = 0;
    UErrorCode error = U_ZERO_ERROR;
    static const UNormalizer2 *nfkc_casefold = unorm2_getNFKCCasefoldInstance(&error);
    u_strFromUTF8(from, 65536, &length, in, static_cast<int32_t>(n), &error);
    length = unorm2_normalize(nfkc_casefold, from, length, to, 65536, &error);
    u_strToUTF8(out, static_cast<int32_t>(room), &bytes, to, length, &error);
    return U_FAILURE(error) ? 0 : static_cast<size_t>(bytes);
}
