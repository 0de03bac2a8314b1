/* ICU's normaliser over UTF-8 for bench_normalise.c (C++ alone has that): with our table and offsets; with its own
 * NFKC_Casefold, with and without offsets; and then its own way from traditional to simplified. */
#include <cstdlib>

#include <unicode/bytestream.h>
#include <unicode/edits.h>
#include <unicode/normalizer2.h>
#include <unicode/stringpiece.h>
#include <unicode/translit.h>

#include "bench_normalise_icu.h"

static const icu::Normalizer2 *our_table()
{
    UErrorCode error = U_ZERO_ERROR;
    static const icu::Normalizer2 *table =
        icu::Normalizer2::getInstance(ICU_TABLE_DIR, "tocsin", UNORM2_COMPOSE, error);
    if (U_FAILURE(error)) abort();
    return table;
}

static const icu::Normalizer2 *casefold()
{
    UErrorCode error = U_ZERO_ERROR;
    static const icu::Normalizer2 *table = icu::Normalizer2::getNFKCCasefoldInstance(error);
    if (U_FAILURE(error)) abort();
    return table;
}

static int32_t run(const icu::Normalizer2 *table, const char *in, size_t n, char *out, size_t room,
                   icu::Edits *edits)
{
    UErrorCode error = U_ZERO_ERROR;
    icu::CheckedArrayByteSink sink(out, static_cast<int32_t>(room));
    table->normalizeUTF8(0, icu::StringPiece(in, static_cast<int32_t>(n)), sink, edits, error);
    return U_FAILURE(error) ? 0 : sink.NumberOfBytesWritten();
}

size_t icu_alone(const char *in, size_t n, char *out, size_t room)
{
    return static_cast<size_t>(run(casefold(), in, n, out, room, nullptr));
}

/* Edits are runs; what reads the text wants the place of a byte, as ours has it. */
static size_t with_offsets(const icu::Normalizer2 *table, const char *in, size_t n, char *out, size_t room,
                           uint32_t *origin)
{
    static icu::Edits edits;
    UErrorCode error = U_ZERO_ERROR;
    edits.reset();
    int32_t len = run(table, in, n, out, room, &edits);
    uint32_t *to = origin;
    for (icu::Edits::Iterator it = edits.getFineIterator(); it.next(error);) {
        uint32_t from = static_cast<uint32_t>(it.sourceIndex());
        int32_t made = it.newLength();
        if (it.hasChange())
            for (int32_t i = 0; i < made; i++) *to++ = from;
        else
            for (int32_t i = 0; i < made; i++) *to++ = from++;
    }
    *to = static_cast<uint32_t>(n);
    return U_FAILURE(error) ? 0 : static_cast<size_t>(len);
}

size_t icu_same(const char *in, size_t n, char *out, size_t room, uint32_t *origin)
{
    return with_offsets(our_table(), in, n, out, room, origin);
}

size_t icu_offsets(const char *in, size_t n, char *out, size_t room, uint32_t *origin)
{
    return with_offsets(casefold(), in, n, out, room, origin);
}

size_t icu_simplified(const char *in, size_t n, char *out, size_t room)
{
    UErrorCode error = U_ZERO_ERROR;
    static const icu::Transliterator *simplify =
        icu::Transliterator::createInstance("Hant-Hans", UTRANS_FORWARD, error);
    if (U_FAILURE(error)) return 0;
    int32_t len = run(casefold(), in, n, out, room, nullptr);
    icu::UnicodeString text = icu::UnicodeString::fromUTF8(icu::StringPiece(out, len));
    simplify->transliterate(text);
    icu::CheckedArrayByteSink sink(out, static_cast<int32_t>(room));
    text.toUTF8(sink);
    return static_cast<size_t>(sink.NumberOfBytesWritten());
}
