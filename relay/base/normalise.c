/* Text as rules see it. One pass, by two ways that come to the same:
 *
 *   fast      maps character after character and lets a small automaton watch for what could concern a run rule
 *   careful   goes back to where that began and applies the rules, on the tail of what is written
 */
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
    /* The tail that the character at left_at ended; comes back when that character turns out to be part of a variant.
     * It could always be found again by looking back, but not at a cost that is bound. */
    struct tail left;
    size_t left_at;
};

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
    m->hold = n && (nt_entry(last) & NT_HOLD);
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

/* The output ends in a group of several digits, the last one of 0-9: with a separator after it, nothing that comes can
 * join it any more. */
static bool is_shut(struct machine *m)
{
    int n;
    if (!m->len || m->text[m->len - 1] < '0' || m->text[m->len - 1] > '9') return false;
    m->len--;
    uint32_t before = last_of(m, &n);
    m->len++;
    return n && nt_digit_value(before) >= 0;
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
        t->run_open =
            !is_shut(m); /* it may have come to a number of several digits, with separators after it */
        t->sep_open = t->sep_on_han || t->run_open;
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

/* The variant that ends where the text does, at a character of NT_LAST. */
static const struct nt_variant *variant_at_end(const char *text, size_t len, uint32_t last)
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
        if (len >= v->from_len && !memcmp(text + len - v->from_len, v->from, v->from_len)) return v;
    }
    return NULL;
}

/* What the output ends in, by looking back. */
static void look_back(struct machine *m)
{
    struct tail *t = &m->tail;
    size_t whole = m->len, from;
    uint32_t cp;
    int n;
    *t = (struct tail){0};
    while ((cp = last_of(m, &n)) && NT_CLASS(nt_entry(cp)) == NT_SEP) m->len -= (size_t)n;
    bool gap = m->len < whole;
    t->sep_on_han = nt_is_han(cp);
    t->run_open = n && nt_digit_value(cp) >= 0 && !(gap && is_shut(m));
    t->sep_open = gap && (t->sep_on_han || t->run_open);
    t->sep_start = from = m->len;
    for (gap = false; t->run_open && whole - from <= RUN_MAX && (cp = last_of(m, &n)); m->len -= (size_t)n) {
        bool digit = nt_digit_value(cp) >= 0;
        if (!digit && NT_CLASS(nt_entry(cp)) != NT_SEP) break;
        if (digit && gap && is_shut(m)) break;
        gap = !digit;
        if (digit) from = m->len - (size_t)n;
    }
    t->run_start = from;
    t->run_rich = true;
    m->len = whole;
}

static void put(struct machine *m, uint32_t cp, uint32_t entry, uint32_t origin);

static void put_variant(struct machine *m, const struct nt_variant *v)
{
    size_t start = m->len - v->from_len;
    uint32_t origin = m->origin[start];
    cut(m, start);
    if (m->left_at == start)
        m->tail = m->left;
    else
        look_back(m);
    if (m->left_at >= start) m->left_at = SIZE_MAX;
    for (int i = 0; i < v->to_len;) {
        uint32_t cp;
        i += nt_decode(v->to + i, &cp);
        put(m, cp, nt_entry(cp), origin);
    }
}

/* Adds one code point in final form, whose entry says its class, and applies the run rules. */
static void put(struct machine *m, uint32_t cp, uint32_t entry, uint32_t origin)
{
    struct tail *t = &m->tail;
    uint32_t class = NT_CLASS(entry);
    if (class == NT_MARK && put_mark(m, cp)) return;

    if (class == NT_SEP) {
        if (!t->sep_open) {
            int unused;
            if (t->run_open && is_shut(m)) {
                settle_run(m, false);
                t->run_open = false;
            }
            t->sep_on_han = nt_is_han(last_of(m, &unused));
            t->sep_open = t->sep_on_han || t->run_open;
            t->sep_start = m->len;
        }
        emit(m, cp, origin);
        m->hold = entry & NT_HOLD;
        return;
    }

    if (t->sep_open && t->sep_on_han && (class == NT_HAN || class == NT_SPELLED)) {
        cut(m, t->sep_start);
        t->sep_open = false;
    }

    if (class == NT_DIGIT || class == NT_SPELLED) {
        if (!t->run_open) {
            t->run_open = true;
            t->run_rich = false;
            t->run_start = m->len;
        } else if (t->sep_open) {
            t->run_rich = true;
        }
        t->run_rich |= class == NT_SPELLED;
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
    const struct nt_variant *v = m->hold && (entry & NT_LAST) ? variant_at_end(m->text, m->len, cp) : NULL;
    m->hold = entry & NT_HOLD;
    if (v) put_variant(m, v);
}

/* One input character by the careful way; returns its length. */
static int put_mapped(struct machine *m, const char *in, uint32_t origin)
{
    uint32_t cp;
    int used = nt_decode(in, &cp);
    uint32_t entry = nt_entry(cp), class = NT_CLASS(entry);
    if (class == NT_DROPPED) return used;
    if (class == NT_EXPANDS) {
        const uint32_t *many = &nt_pool[entry & NT_XOR];
        for (uint32_t i = 0; i < many[0]; i++) put(m, many[1 + i], nt_entry(many[1 + i]), origin);
        return used;
    }
    if (used == 4) {
        cp ^= entry & NT_XOR;
    } else if (entry & NT_XOR) {
        char target[4] = {0};
        for (int i = 0; i < used; i++) target[i] = (char)((uint8_t)in[i] ^ (uint8_t)(entry >> (8 * i)));
        (void)nt_decode(target, &cp);
    }
    put(m, cp, entry, origin);
    return used;
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

/* The careful way from *p on, beyond `until` and on until nothing is open any more. */
static void carefully(struct machine *m, struct norm_text *out, const char *begin, const char *end,
                      const char **p, const char *until)
{
    const char *q = *p;
    m->tail = (struct tail){0};
    m->hold = false;
    while (q < end && (q <= until || m->tail.run_open || m->tail.sep_open || m->hold)) {
        if (out->cap - m->len < (size_t)(end - q) + SLACK)
            reserve(out, m, m->len + (size_t)(end - q) + SLACK);
        q += put_mapped(m, q, (uint32_t)(q - begin));
    }
    if (q == end && m->tail.run_open) settle_run(m, false);
    *p = q;
}

/* What the automaton has seen last. A state is the shift that brings its successor down in the row of a class; with six
 * bits each, ten fit into a row, and a step is one shift. It may cry wolf, but must not miss anything that put() would
 * change: */
enum state {
    OTHER = 0,
    HAN = 6,
    HAN_SEP = 12,       /* separators after a Han character: the next Han character closes the gap */
    ONE_DIGIT = 18,     /* a digit by itself */
    DIGITS = 24,        /* several side by side */
    ONE_DIGIT_SEP = 30, /* … and separators */
    TWO_DIGITS = 36,    /* a second one by itself: the next separator may make it a spaced number */
    SPELLED = 42,       /* one spelled digit; it is Han, too */
    TWO_SPELLED = 48,
    WATCHED = 54, /* a rule may apply: stays until the careful way has been there */
};
#define ROW(other, han, han_sep, one, digits, one_sep, two, spelled, two_spelled)                            \
    ((uint64_t)(other) << OTHER | (uint64_t)(han) << HAN | (uint64_t)(han_sep) << HAN_SEP |                  \
     (uint64_t)(one) << ONE_DIGIT | (uint64_t)(digits) << DIGITS | (uint64_t)(one_sep) << ONE_DIGIT_SEP |    \
     (uint64_t)(two) << TWO_DIGITS | (uint64_t)(spelled) << SPELLED |                                        \
     (uint64_t)(two_spelled) << TWO_SPELLED | (uint64_t)WATCHED << WATCHED)

/* clang-format off */
#define OF(class, row)                                                                              \
    [class] = (row), [(class) + 16] = (row), [(class) + 32] = (row), [(class) + 48] = (row) /* any length */
static const uint64_t successors[NT_STEPS] = {
    /* after:          other      han        han_sep    one digit      digits   one_sep        two         spelled      two spelled */
    OF(NT_PLAIN,   ROW(OTHER,     OTHER,     OTHER,     OTHER,         OTHER,   OTHER,         OTHER,      OTHER,       OTHER)),
    OF(NT_HAN,     ROW(HAN,       HAN,       WATCHED,   HAN,           HAN,     HAN,           HAN,        HAN,         HAN)),
    OF(NT_SEP,     ROW(OTHER,     HAN_SEP,   HAN_SEP,   ONE_DIGIT_SEP, OTHER,   ONE_DIGIT_SEP, WATCHED,    HAN_SEP,     HAN_SEP)),
    OF(NT_DIGIT,   ROW(ONE_DIGIT, ONE_DIGIT, ONE_DIGIT, DIGITS,        DIGITS,  TWO_DIGITS,    DIGITS,     WATCHED,     WATCHED)),
    OF(NT_SPELLED, ROW(SPELLED,   SPELLED,   WATCHED,   WATCHED,       WATCHED, WATCHED,       WATCHED,    TWO_SPELLED, WATCHED)),
    OF(NT_DROPPED, ROW(OTHER,     HAN,       HAN_SEP,   ONE_DIGIT,     DIGITS,  ONE_DIGIT_SEP, TWO_DIGITS, SPELLED,     TWO_SPELLED)),
    OF(NT_MARK,    ROW(WATCHED,   WATCHED,   WATCHED,   WATCHED,       WATCHED, WATCHED,       WATCHED,    WATCHED,     WATCHED)),
    OF(NT_EXPANDS, ROW(WATCHED,   WATCHED,   WATCHED,   WATCHED,       WATCHED, WATCHED,       WATCHED,    WATCHED,     WATCHED)),
};
/* clang-format on */

typedef uint32_t four_places __attribute__((vector_size(16)));
typedef uint32_t unaligned_places __attribute__((vector_size(16), aligned(4), may_alias));

struct fast {
    const char *p;
    char *text;
    uint32_t *origin;
    size_t len;
    uint64_t state;  /* enum state in the lowest six bits, leavings above */
    uint32_t before; /* entry of the last character */
    /* Nothing is open before this place of the input, with so much of the output. */
    const char *sure;
    size_t sure_len;
};

/* How far the fast way goes between two places that are sure. The careful way begins at such a place. */
#define STRETCH 32

/* The fast way reads so much beyond the last character. */
#define BEYOND 4

/* Two characters stand side by side that could be the end of a variant: are they? */
static __attribute__((noinline)) bool is_variant(const char *text, size_t len)
{
    size_t last = len;
    uint32_t cp;
    do last--;
    while (((uint8_t)text[last] & 0xc0) == 0x80);
    (void)nt_decode(text + last, &cp);
    return variant_at_end(text, len, cp) != NULL;
}

static inline __attribute__((always_inline)) uint32_t load(const char *p)
{
    uint32_t w;
    memcpy(&w, p, 4);
    return le32toh(w);
}

static inline __attribute__((always_inline)) uint32_t entry_of_three(uint32_t w)
{
    return nt_bmp[(w & 0x0f) << 12 | (w >> 2 & 0xfc0) | (w >> 16 & 0x3f)];
}

/* One character, whose bytes lead those of w: writes four bytes and four places, of which only the target's count. */
static inline __attribute__((always_inline)) void step(struct fast *f, uint32_t w, uint32_t entry,
                                                       four_places origin)
{
    w = htole32(w ^ entry);
    memcpy(f->text + f->len, &w, 4);
    *(unaligned_places *)(void *)(f->origin + f->len) = (unaligned_places)origin;
    f->len += NT_LENGTH(entry);
    f->state = successors[NT_STEP(entry)] >> (f->state & 63);
    if (__builtin_expect(f->before << 1 & entry & NT_LAST, 0) && is_variant(f->text, f->len))
        f->state = WATCHED;
    f->before = entry;
}

/* The fast way from f->p, which is place `at` of the original, to `until` or a little beyond; false when the careful way
 * must go from f->sure to where f->p is now. */
static bool quickly(struct fast *f, const char *until, uint32_t at)
{
    struct fast g = *f; /* in registers */
    four_places origin = {at, at, at, at};
    while (g.p < until && (g.state & 63) != WATCHED) {
        const char *stretch = until - g.p > STRETCH ? g.p + STRETCH : until;
        if ((g.state & 63) <= HAN && !(g.before & NT_HOLD)) {
            g.sure = g.p;
            g.sure_len = g.len;
        }
        while (g.p < stretch && (g.state & 63) != WATCHED) {
            uint32_t w = load(g.p);
            if ((w & 0xf00000f0) == 0xe00000e0) { /* two of three bytes: the most frequent case */
                step(&g, w, entry_of_three(w), origin);
                origin += 3;
                w = load(g.p + 3);
                step(&g, w, entry_of_three(w), origin);
                origin += 3;
                g.p += 6;
            } else if (!(w & 0x80)) {
                step(&g, w, nt_bmp[w & 0x7f], origin);
                origin += 1;
                g.p += 1;
            } else if ((w & 0xf0) == 0xe0) {
                step(&g, w, entry_of_three(w), origin);
                origin += 3;
                g.p += 3;
            } else if ((w & 0xe0) == 0xc0) {
                step(&g, w, nt_bmp[(w & 0x1f) << 6 | (w >> 8 & 0x3f)], origin);
                origin += 2;
                g.p += 2;
            } else {
                g.state = WATCHED;
            }
        }
    }
    *f = g;
    return (g.state & 63) != WATCHED;
}

void normalise(const char *in, size_t n, struct norm_text *out)
{
    const char *const end = in + n;
    struct machine m = {.left_at = SIZE_MAX};
    reserve(out, &m, n + SLACK);
    struct fast f = {.p = in, .text = m.text, .origin = m.origin, .state = OTHER, .sure = in};

    while (f.p < end) {
        bool plain;
        if (end - f.p >= 3 + BEYOND) {
            plain = quickly(&f, end - (2 + BEYOND), (uint32_t)(f.p - in));
        } else {
            /* The last characters, beyond which there is nothing to read. */
            const char *rest = f.p, *sure = f.sure;
            char last[16] = {0};
            memcpy(last, rest, (size_t)(end - rest));
            f.p = last;
            plain = quickly(&f, last + (end - rest), (uint32_t)(rest - in));
            f.p = rest + (f.p - last);
            f.sure = f.sure == sure ? sure : rest + (f.sure - last);
        }
        if (plain) continue;

        const char *p = f.sure;
        int unused;
        m.len = f.sure_len;
        carefully(&m, out, in, end, &p, f.p);
        f = (struct fast){.p = p,
                          .text = m.text,
                          .origin = m.origin,
                          .len = m.len,
                          .state = nt_is_han(last_of(&m, &unused)) ? HAN : OTHER,
                          .sure = p,
                          .sure_len = m.len};
    }
    out->len = f.len;
    out->text[out->len] = '\0';
    out->origin[out->len] = (uint32_t)n;
}

void normalise_carefully(const char *in, size_t n, struct norm_text *out)
{
    struct machine m = {.left_at = SIZE_MAX};
    const char *p = in;
    reserve(out, &m, n + SLACK);
    carefully(&m, out, in, in + n, &p, in + n);
    out->len = m.len;
    out->text[out->len] = '\0';
    out->origin[out->len] = (uint32_t)n;
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
