/* Masks whole texts: what mask.c finds in the normal form is replaced in the original too. */
#include "base/mask.h"
#include "base/mask_table.h"
#include "base/mem.h"
#include "base/text.h"

struct spans {
    struct mask_span *span;
    size_t n, cap;
};

/* All spans of t, widened to whole characters of the original: what is a part of ½ there cannot be taken out here. */
static void find_all(const struct norm_text *t, struct spans *ret)
{
    ret->n = mask_find(t->text, t->len, ret->span, ret->cap);
    if (ret->n > ret->cap) {
        ret->cap = ret->n;
        ret->span = xreallocarray(ret->span, ret->cap, sizeof ret->span[0]);
        ret->n = mask_find(t->text, t->len, ret->span, ret->cap);
    }
    size_t low = 0;
    for (size_t k = 0; k < ret->n; k++) {
        struct mask_span *span = &ret->span[k];
        size_t high = k + 1 < ret->n ? span[1].from : t->len;
        while (span->from > low && t->origin[span->from - 1] == t->origin[span->from]) span->from--;
        while (span->to < high && t->origin[span->to] == t->origin[span->to - 1]) span->to++;
        low = span->to;
    }
}

/* `in`, of which t is the normal form, with the spans of t replaced by their tokens. */
static void replace(const char *in, size_t n, const struct norm_text *t, const struct spans *spans,
                    struct buf *ret)
{
    size_t i = 0;
    for (size_t k = 0; k < spans->n; k++) {
        const struct mask_span *span = &spans->span[k];
        buf_add(ret, in + i, t->origin[span->from] - i);
        buf_str(ret, mask_token(span->kind));
        i = t->origin[span->to];
    }
    buf_add(ret, in + i, n - i);
}

/* The bytes of a dot between the parts of a name from abroad; 0: none is at i. */
static size_t dot_at(const char *in, size_t n, size_t i)
{
    static const char *const dots[] = {"·", "•", "‧", "・", "･", "∙", "⋅", "．", "."};
    for (size_t k = 0; k < ARRAY_LEN(dots); k++) {
        size_t len = strlen(dots[k]);
        if (n - i >= len && !memcmp(in + i, dots[k], len)) return len;
    }
    return 0;
}

static bool is_spelled_out(const char *in, size_t n, size_t i)
{
    uint32_t cp;
    return i + 3 <= n && ((uint8_t)in[i] & 0xf0) == 0xe0 && text_next(in + i, n - i, &cp) == 3 &&
           (mt_class_of(cp) & MT_SPELLED_OUT);
}

enum { PART_MIN = 2 * 3, PART_MAX = 8 * 3, DOTTED_MIN = 4 * 3 + 3 }; /* bytes, three a character */

/* 约翰·史密斯, 阿不都热依木·买买提: normal forms have no dot between the parts, so these are looked for before. Appends `in`
 * with them replaced; false, with nothing appended, when there are none. */
static bool replace_dotted(const char *in, size_t n, struct buf *ret)
{
    size_t done = 0;
    for (size_t i = 0; i < n;) {
        uint8_t c = (uint8_t)in[i];
        size_t dot = c == '.' || c == 0xc2 || c == 0xe2 || c == 0xe3 || c == 0xef ? dot_at(in, n, i) : 0;
        if (!dot) {
            i++;
            continue;
        }
        size_t from = i, to = i, first = dot;
        while (from >= done + 3 && i - from < PART_MAX && is_spelled_out(in, n, from - 3)) from -= 3;
        while ((dot = dot_at(in, n, to))) {
            size_t end = to + dot;
            while (end - to - dot < PART_MAX && is_spelled_out(in, n, end)) end += 3;
            if (end - to - dot < PART_MIN) break;
            to = end;
        }
        if (i - from >= PART_MIN && to > i && to - from >= DOTTED_MIN) {
            buf_add(ret, in + done, from - done);
            buf_str(ret, mask_token(MASK_NAME));
            i = done = to;
        } else {
            i += first;
        }
    }
    if (done) buf_add(ret, in + done, n - done);
    return done > 0;
}

void mask_text(const char *in, size_t n, struct norm_text *scratch, struct buf *ret_norm,
               struct buf *ret_original)
{
    /* Each round takes away digits, a name or a place, and may leave something side by side that was apart; the last one
     * finds nothing. Most texts have one round, nearly all others two. */
    struct buf text[2] = {BUF_INIT(SIZE_MAX / 2), BUF_INIT(SIZE_MAX / 2)};
    struct spans spans = {0};
    if (replace_dotted(in, n, &text[1])) {
        in = text[1].data;
        n = text[1].len;
    }
    normalise(in, n, scratch);
    for (unsigned round = 0; mask_find(scratch->text, scratch->len, NULL, 0); round++) {
        struct buf *next = &text[round & 1];
        find_all(scratch, &spans);
        buf_clear(next);
        replace(in, n, scratch, &spans, next);
        in = next->data;
        n = next->len;
        normalise(in, n, scratch);
    }
    if (ret_norm) buf_add(ret_norm, scratch->text, scratch->len);
    if (ret_original) buf_add(ret_original, in, n);
    free(spans.span);
    buf_release(&text[0]);
    buf_release(&text[1]);
}

void mask_original(const char *in, struct buf *ret)
{
    struct norm_text scratch = {0};
    mask_text(in, strlen(in), &scratch, NULL, ret);
    norm_text_release(&scratch);
}

bool mask_first(const char *text, unsigned kinds, enum mask_kind *ret, struct buf *ret_words)
{
    struct norm_text normal = {0};
    struct spans spans = {0};
    size_t i = 0;
    normalise(text, strlen(text), &normal);
    find_all(&normal, &spans);
    while (i < spans.n && !(kinds & MASK_BIT(spans.span[i].kind))) i++;
    bool found = i < spans.n;
    if (found) {
        *ret = spans.span[i].kind;
        if (ret_words)
            buf_add(ret_words, normal.text + spans.span[i].from, spans.span[i].to - spans.span[i].from);
    }
    free(spans.span);
    norm_text_release(&normal);
    return found;
}
