/* What holds for the normalised and the masked form of every text. */
#include "base/mask.h"
#include "base/mem.h"
#include "base/normalise.h"
#include "base/normalise_table.h"
#include "base/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HOLDS(what)                                                                                          \
    if (!(what)) abort()

/* The valid parts of the bytes, in memory of exactly their size. */
static char *valid_parts(const uint8_t *data, size_t size, size_t *ret_n)
{
    CLEANUP(buf_release) struct buf b = BUF_INIT(1 << 24);
    const char *p = (const char *)data;
    while (size > 0) {
        size_t n = text_valid_prefix(p, size);
        buf_add(&b, p, n);
        size -= n;
        p += n;
        if (size > 0) {
            size--;
            p++;
        }
    }
    char *exact = xmalloc(b.len);
    if (b.len) memcpy(exact, b.data, b.len);
    *ret_n = b.len;
    return exact;
}

static void check_normal(const char *text, size_t n, struct norm_text *a, struct norm_text *b)
{
    normalise(text, n, a);
    HOLDS(a->text[a->len] == '\0' && a->origin[a->len] == n);
    HOLDS(text_valid_utf8(a->text, a->len));
    for (size_t i = 0; i < a->len; i++) {
        HOLDS(a->origin[i] < n && a->origin[i] <= a->origin[i + 1]);
        HOLDS(((uint8_t)text[a->origin[i]] & 0xc0) != 0x80);
    }
    normalise_carefully(text, n, b);
    HOLDS(a->len == b->len && !memcmp(a->text, b->text, a->len));
    HOLDS(!memcmp(a->origin, b->origin, (a->len + 1) * sizeof a->origin[0]));
    normalise(a->text, a->len, b);
    HOLDS(a->len == b->len && !memcmp(a->text, b->text, a->len));
}

static void check_mask(const char *text, size_t n, struct norm_text *scratch)
{
    CLEANUP(buf_release)
    struct buf norm = BUF_INIT(1 << 24), original = BUF_INIT(1 << 24), again = BUF_INIT(1 << 24);
    mask_text(text, n, scratch, &norm, &original);
    HOLDS(!buf_failed(&norm) && !buf_failed(&original));
    HOLDS(text_valid_utf8(buf_cstr(&norm), norm.len) && text_valid_utf8(buf_cstr(&original), original.len));

    mask_text(buf_cstr(&norm), norm.len, scratch, &again, NULL);
    HOLDS(strcmp(buf_cstr(&norm), buf_cstr(&again)) == 0);
    buf_clear(&again);
    mask_text(buf_cstr(&norm), norm.len, scratch, NULL, &again);
    HOLDS(strcmp(buf_cstr(&norm), buf_cstr(&again)) == 0);
    buf_clear(&again);
    mask_text(buf_cstr(&original), original.len, scratch, NULL, &again);
    HOLDS(strcmp(buf_cstr(&original), buf_cstr(&again)) == 0);
    normalise(buf_cstr(&original), original.len, scratch);
    HOLDS(strcmp(buf_cstr(&norm), scratch->text) == 0);

    normalise(text, n, scratch);
    struct mask_span span[64];
    size_t found = mask_find(scratch->text, scratch->len, span, ARRAY_LEN(span)), low = 0;
    for (size_t i = 0; i < found && i < ARRAY_LEN(span); i++) {
        HOLDS(span[i].from >= low && span[i].from < span[i].to && span[i].to <= scratch->len);
        low = span[i].to;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct norm_text a = {0}, b = {0};
    size_t n;
    CLEANUP(free_ptr) char *text = valid_parts(data, size, &n);
    check_normal(text, n, &a, &b);
    check_mask(text, n, &a);
    norm_text_release(&a);
    norm_text_release(&b);
    return 0;
}
