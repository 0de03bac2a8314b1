/* Text as rules see it: a table per code point, then the run rules over the output's tail. */
#include "base/normalise.h"

#include <endian.h>

#include "base/mem.h"
#include "base/normalise_table.h"

/* A run of digits longer than this (bytes) is left as it is: nobody dictates it, and it bounds what an end of a run
 * costs. */
#define RUN_MAX 256

/* Separators between two digits of a spaced number. */
#define GAP_MAX 3

/* Bytes that one input code point may add beyond its own (U+FDFA becomes 33), with room for the wide stores. */
#define SLACK 80

/* What the output's tail is part of. Everything here is a function of the output alone, which is what makes a second
 * pass find nothing to do; it is kept so that nobody has to look back. */
struct tail {
    bool run_open; /* a run of digits [run_start, …) with separators in it, maybe after it */
    bool
        run_rich; /* it holds a separator between digits or a spelled digit: something may have to be joined */
    bool sep_open;   /* separators [sep_start, len) after a Han character or a digit */
    bool sep_on_han; /* … after a Han character */
    size_t run_start, sep_start;
};

struct machine {
    char *text;
    uint32_t *origin;
    size_t len;
    bool hold; /* the last character may be followed by the end of a variant */
    struct tail tail;
    /* The tail that the character at left_at ended; comes back when that character turns out to be part of a variant. */
    struct tail left;
    size_t left_at;
};

static inline uint32_t entry_of(uint32_t cp)
{
    return nt_block[nt_index[cp >> 6]][cp & 63];
}

/* The last code point of the output, 0 when there is none; its length to ret_n. */
static uint32_t last_of(const struct machine *m, int *ret_n)
{
    uint32_t cp = 0;
    size_t i = m->len;
    *ret_n = 0;
    if (i == 0) return 0;
    do i--;
    while (((uint8_t)m->text[i] & 0xc0) == 0x80);
    *ret_n = nt_decode(m->text + i, &cp);
    return cp;
}

static void emit(struct machine *m, uint32_t cp, uint32_t origin)
{
    int n = nt_encode(cp, m->text + m->len);
    for (int i = 0; i < n; i++) m->origin[m->len + (size_t)i] = origin;
    m->len += (size_t)n;
}

/* Cuts the output and finds out what its last character asks for. */
static void cut(struct machine *m, size_t len)
{
    int n;
    m->len = len;
    uint32_t last = last_of(m, &n);
    m->hold = n && (entry_of(last) & NT_HOLD);
}

/* One digit group of a run: digits side by side, and the separators before it. */
struct group {
    size_t at;          /* of its first digit */
    unsigned digits;    /* how many */
    unsigned spelled;   /* … that are not 0-9 */
    unsigned in_a_row;  /* longest row of spelled ones */
    unsigned gap;       /* separators before it */
    bool dotted;        /* one of them is . or /, as in 3.5, 1/2 and addresses */
    bool spell, closed; /* decided: spelled digits become 0-9; the gap before it goes */
};

static unsigned split_run(const struct machine *m, size_t from, size_t to, struct group *groups)
{
    unsigned n = 0, row = 0;
    bool in_gap = true;
    unsigned gap = 0;
    bool dotted = false;
    for (size_t i = from; i < to;) {
        uint32_t cp;
        size_t at = i;
        i += (size_t)nt_decode(m->text + i, &cp);
        if (nt_digit_value(cp) < 0) {
            in_gap = true;
            gap++;
            dotted |= cp == '.' || cp == '/';
            continue;
        }
        if (in_gap) {
            groups[n++] = (struct group){.at = at, .gap = gap, .dotted = dotted};
            in_gap = dotted = false;
            gap = row = 0;
        }
        struct group *g = &groups[n - 1];
        g->digits++;
        row = cp < 0x80 ? 0 : row + 1;
        g->spelled += cp >= 0x80;
        if (row > g->in_a_row) g->in_a_row = row;
    }
    return n;
}

/* Three or more single digits, set apart: 1 3 8 0 0. Seven when one is spelled or the gap could mean something. */
static void join_singles(struct group *groups, unsigned n)
{
    for (unsigned i = 0, end; i < n; i = end) {
        bool doubtful = groups[i].spelled > 0;
        end = i + 1;
        if (groups[i].digits != 1) continue;
        while (end < n && groups[end].digits == 1 && groups[end].gap <= GAP_MAX) {
            doubtful |= groups[end].spelled > 0 || groups[end].dotted;
            end++;
        }
        if (end - i < (doubtful ? 7u : 3u)) continue;
        for (unsigned j = i; j < end; j++) {
            groups[j].spell = true;
            groups[j].closed = j > i;
        }
    }
}

/* The run has ended, before a unit (十百千…) or not: joins what is to be joined, in place. */
static void settle_run(struct machine *m, bool unit_follows)
{
    struct tail *t = &m->tail;
    size_t from = t->run_start, to = t->sep_open ? t->sep_start : m->len;
    struct group groups[RUN_MAX + 1];
    if (!t->run_rich || to - from > RUN_MAX) return;

    unsigned n = split_run(m, from, to, groups);
    size_t whole = m->len;
    int unused;
    m->len = from;
    bool unit_before = nt_is_unit(last_of(m, &unused));
    for (unsigned i = 0; i < n; i++) {
        struct group *g = &groups[i];
        bool quantity = (i == 0 && unit_before) || (i + 1 == n && !t->sep_open && unit_follows);
        g->spell = (g->in_a_row >= 3 && !quantity) || (g->spelled && g->digits >= 7);
    }
    join_singles(groups, n);

    /* Rewrite: the place read is never before the place written. */
    unsigned g = 0;
    for (size_t i = from; i < whole;) {
        uint32_t cp, origin = m->origin[i];
        while (g + 1 < n && groups[g + 1].at <= i) g++;
        int len = nt_decode(m->text + i, &cp);
        bool digit = i < to && nt_digit_value(cp) >= 0;
        bool dropped = i < to && !digit && g + 1 < n && groups[g + 1].closed;
        i += (size_t)len;
        if (t->sep_open && i - (size_t)len == t->sep_start) t->sep_start = m->len;
        if (digit && groups[g].spell)
            emit(m, (uint32_t)('0' + nt_digit_value(cp)), origin);
        else if (!dropped)
            emit(m, cp, origin);
    }
    t->run_rich = false;
    if (t->sep_open) {
        size_t end = m->len;
        m->len = t->sep_start;
        t->sep_on_han = nt_is_han(last_of(m, &unused));
        m->len = end;
    }
}

static uint32_t joined(uint32_t first, uint32_t second)
{
    if (first >= 0x1100 && first <= 0x1112 && second >= 0x1161 && second <= 0x1175)
        return 0xac00 + ((first - 0x1100) * 21 + (second - 0x1161)) * 28;
    if (first >= 0xac00 && first <= 0xd7a3 && (first - 0xac00) % 28 == 0 && second >= 0x11a8 &&
        second <= 0x11c2)
        return first + second - 0x11a7;
    unsigned low = 0, high = nt_n_pairs;
    while (low < high) {
        unsigned mid = (low + high) / 2;
        const struct nt_pair *p = &nt_pairs[mid];
        if (p->first == first && p->second == second) return p->joined;
        if (p->first < first || (p->first == first && p->second < second))
            low = mid + 1;
        else
            high = mid;
    }
    return 0;
}

/* A mark joins the letter before it or, of the kinds that are laid over other text to break it up, goes.
 * False: it is a letter like others here. */
static bool put_mark(struct machine *m, uint32_t cp)
{
    int n;
    uint32_t base = last_of(m, &n), whole = n ? joined(base, cp) : 0;
    if (whole) {
        uint32_t origin = m->origin[m->len - 1];
        m->len -= (size_t)n;
        emit(m, whole, origin);
        m->hold = false;
        return true;
    }
    return nt_is_droppable_mark(cp);
}

static const struct nt_variant *variant_at_end(const struct machine *m, uint32_t last)
{
    unsigned low = 0, high = nt_n_variants;
    while (low < high) {
        unsigned mid = (low + high) / 2;
        if (nt_variants[mid].last < last)
            low = mid + 1;
        else
            high = mid;
    }
    for (; low < nt_n_variants && nt_variants[low].last == last; low++) {
        const struct nt_variant *v = &nt_variants[low];
        if (m->len >= v->from_len && !memcmp(m->text + m->len - v->from_len, v->from, v->from_len)) return v;
    }
    return NULL;
}

static void put(struct machine *m, uint32_t cp, uint32_t flags, uint32_t origin);

static void put_variant(struct machine *m, const struct nt_variant *v)
{
    size_t start = m->len - v->from_len;
    uint32_t origin = m->origin[start];
    cut(m, start);
    if (m->left_at == start) m->tail = m->left;
    if (m->left_at >= start) m->left_at = SIZE_MAX;
    for (int i = 0; i < v->to_len;) {
        uint32_t cp;
        i += nt_decode(v->to + i, &cp);
        put(m, cp, entry_of(cp), origin);
    }
}

/* Adds one code point in final form and applies the run rules. */
static void put(struct machine *m, uint32_t cp, uint32_t flags, uint32_t origin)
{
    struct tail *t = &m->tail;
    if ((flags & NT_MARK) && put_mark(m, cp)) return;

    if (flags & NT_SEP) {
        if (!t->sep_open) {
            int unused;
            t->sep_on_han = nt_is_han(last_of(m, &unused));
            t->sep_open = t->sep_on_han || t->run_open;
            t->sep_start = m->len;
        }
        emit(m, cp, origin);
        m->hold = flags & NT_HOLD;
        return;
    }

    if (t->sep_open && t->sep_on_han && nt_is_han(cp)) {
        cut(m, t->sep_start);
        t->sep_open = false;
    }

    if (flags & NT_DIGIT) {
        if (!t->run_open) {
            t->run_open = true;
            t->run_rich = false;
            t->run_start = m->len;
        } else if (t->sep_open) {
            t->run_rich = true;
        }
        t->run_rich |= cp >= 0x80;
        t->sep_open = false;
        emit(m, cp, origin);
        m->hold = false;
        return;
    }

    if (t->run_open || t->sep_open) {
        if (t->run_open) settle_run(m, nt_is_unit(cp));
        m->left = *t;
        m->left_at = m->len;
        t->run_open = t->sep_open = false;
    }
    emit(m, cp, origin);
    const struct nt_variant *v = m->hold ? variant_at_end(m, cp) : NULL;
    m->hold = flags & NT_HOLD;
    if (v) put_variant(m, v);
}

/* One input code point by the general way. */
static void put_mapped(struct machine *m, uint32_t cp, int n, uint32_t origin)
{
    uint32_t e = entry_of(cp);
    if (e & NT_OTHER) {
        const uint32_t *many = &nt_pool[e & NT_XOR];
        for (uint32_t i = 0; i < many[0]; i++) put(m, many[1 + i], entry_of(many[1 + i]), origin);
        return;
    }
    if (n != 3) {
        cp ^= e & NT_XOR;
    } else if (e & NT_XOR) {
        char bytes[4] = {0};
        (void)nt_encode(cp, bytes);
        for (int i = 0; i < 3; i++) bytes[i] = (char)((uint8_t)bytes[i] ^ (uint8_t)(e >> (8 * i)));
        (void)nt_decode(bytes, &cp);
    }
    put(m, cp, e, origin);
}

static void reserve(struct norm_text *t, struct machine *m, size_t len)
{
    if (t->cap < len) {
        size_t cap = t->cap * 2 > len ? t->cap * 2 : len;
        t->text = xrealloc(t->text, cap);
        t->origin = xreallocarray(t->origin, cap, sizeof t->origin[0]);
        t->cap = cap;
    }
    m->text = t->text;
    m->origin = t->origin;
}

typedef uint32_t four_places __attribute__((vector_size(16), aligned(4), may_alias));

void normalise(const char *in, size_t n, struct norm_text *out)
{
    const uint8_t *const begin = (const uint8_t *)in, *const end = begin + n, *p = begin;
    struct machine m = {.left_at = SIZE_MAX};
    reserve(out, &m, n + SLACK);

    while (p < end) {
        /* Fast: characters that take part in no rule, after a tail that takes part in none. */
        size_t len = m.len;
        while (end - p >= 4) {
            uint32_t w, e, origin = (uint32_t)(p - begin);
            memcpy(&w, p, 4);
            w = le32toh(w);
            if ((w & 0xf0) == 0xe0) {
                e = nt_block[nt_index[(w & 0x0f) << 6 | (w >> 8 & 0x3f)]][w >> 16 & 0x3f];
                if (e & NT_SPECIAL) break;
                w = htole32((w ^ e) & NT_XOR);
                memcpy(m.text + len, &w, 4);
                *(four_places *)(void *)(m.origin + len) = (four_places){origin, origin, origin, origin};
                len += 3 - NT_SHORTER(e);
                p += 3;
            } else if (!(w & 0x80)) {
                e = nt_block[nt_index[w >> 6 & 1]][w & 0x3f];
                if (e & NT_SPECIAL) break;
                m.text[len] = (char)((w ^ e) & 0x7f);
                m.origin[len++] = origin;
                p++;
            } else {
                break;
            }
        }
        m.len = len;

        /* By the general way until the tail is plain again. */
        do {
            uint32_t cp;
            if (out->cap - m.len < (size_t)(end - p) + SLACK)
                reserve(out, &m, m.len + (size_t)(end - p) + SLACK);
            if (p == end) break;
            int used = nt_decode((const char *)p, &cp);
            put_mapped(&m, cp, used, (uint32_t)(p - begin));
            p += used;
        } while (m.tail.run_open || m.tail.sep_open || m.hold);
    }
    if (m.tail.run_open) settle_run(&m, false);
    m.text[m.len] = '\0';
    m.origin[m.len] = (uint32_t)n;
    out->len = m.len;
}

void norm_text_release(struct norm_text *t)
{
    free(t->text);
    free(t->origin);
    *t = (struct norm_text){0};
}

bool normalise_can_appear(uint32_t cp, char ret_form[static 64])
{
    char in[4];
    struct norm_text t = {0};
    ret_form[0] = '\0';
    if (cp == 0 || cp > 0x10ffff || (cp >= 0xd800 && cp <= 0xdfff)) return false;
    int n = nt_encode(cp, in);
    normalise(in, (size_t)n, &t);
    bool same = t.len == (size_t)n && !memcmp(t.text, in, t.len);
    if (!same && t.len < 64) memcpy(ret_form, t.text, t.len + 1);
    norm_text_release(&t);
    return same;
}
