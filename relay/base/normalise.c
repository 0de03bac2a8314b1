/* Text as rules see it. One pass, by two ways that come to the same:
 *
 *   fast      maps character after character; a small automaton watches for what could concern a run rule, and closes gaps
 *   careful   goes back to where that began and applies the rules, on the tail of what is written
 */
#include "base/normalise.h"

#include <endian.h>

#include "base/mem.h"
#include "base/normalise_table.h"
#include "base/text.h"

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

/* The last code point of a text, 0 when there is none; its length to ret_n. */
static uint32_t last_code_point(const char *text, size_t len, int *ret_n)
{
    uint32_t cp = 0;
    size_t i = len;
    *ret_n = 0;
    if (i == 0) return 0;
    do i--;
    while (((uint8_t)text[i] & 0xc0) == 0x80);
    *ret_n = text_next(text + i, len - i, &cp);
    return cp;
}

static uint32_t last_of(const struct machine *m, int *ret_n)
{
    return last_code_point(m->text, m->len, ret_n);
}

static void emit(struct machine *m, uint32_t cp, uint32_t origin)
{
    int n = text_put(cp, m->text + m->len);
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
        i += (size_t)text_next(m->text + i, to - i, &cp);
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
        int len = text_next(m->text + i, whole - i, &cp);
        bool digit = i < to && nt_digit_value(cp) >= 0;
        bool dropped = i < to && !digit && g + 1 < n && groups[g + 1].closed;
        i += (size_t)len;
        if (t->sep_open && i - (size_t)len == t->sep_start) t->sep_start = m->len;
        if (digit && g < n && groups[g].spell)
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

/* The variant that ends where the text does. */
static const struct nt_variant *variant_at_end(const char *text, size_t len)
{
    int n;
    uint32_t last = last_code_point(text, len, &n);
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
        i += text_next(v->to + i, (size_t)(v->to_len - i), &cp);
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
    const struct nt_variant *v = m->hold && (entry & NT_LAST) ? variant_at_end(m->text, m->len) : NULL;
    m->hold = entry & NT_HOLD;
    if (v) put_variant(m, v);
}

/* Room for so many bytes, and the place of each. */
static void reserve(struct norm_text *t, size_t len)
{
    if (t->cap >= len) return;
    size_t cap = t->cap * 2 > len ? t->cap * 2 : len;
    t->text = xrealloc(t->text, cap);
    t->origin = xreallocarray(t->origin, cap, sizeof t->origin[0]);
    t->cap = cap;
}

/* One input character by the careful way; returns its length. */
static int put_mapped(struct machine *m, struct norm_text *out, const char *in, size_t left, uint32_t origin)
{
    uint32_t cp;
    int used = text_next(in, left, &cp);
    uint32_t entry = nt_entry(cp), class = NT_CLASS(entry);
    if (class == NT_DROPPED) return used;
    if (class == NT_EXPANDS) {
        const uint32_t *many = &nt_pool[entry & NT_XOR];
        reserve(out, m->len + left + SLACK);
        m->text = out->text;
        m->origin = out->origin;
        for (uint32_t i = 0; i < many[0]; i++) put(m, many[1 + i], nt_entry(many[1 + i]), origin);
        return used;
    }
    if (used == 4) {
        cp ^= entry & NT_XOR;
    } else if (entry & NT_XOR) {
        char target[4] = {0};
        for (int i = 0; i < used; i++) target[i] = (char)((uint8_t)in[i] ^ (uint8_t)(entry >> (8 * i)));
        (void)text_next(target, sizeof target, &cp);
    }
    put(m, cp, entry, origin);
    return used;
}

/* The careful way from p on, beyond `until` and on until nothing is open any more; returns how far it came. */
static const char *carefully(struct machine *m, struct norm_text *out, const char *in, const char *end,
                             const char *p, const char *until)
{
    m->text = out->text;
    m->origin = out->origin;
    m->tail = (struct tail){0};
    m->hold = false;
    while (p < end && (p <= until || m->tail.run_open || m->tail.sep_open || m->hold))
        p += put_mapped(m, out, p, (size_t)(end - p), (uint32_t)(p - in));
    if (p == end && m->tail.run_open) settle_run(m, false);
    return p;
}

/* What the automaton has seen last. A state is the shift that brings its successor down in the row of a class; with seven
 * bits each, nine fit into a row, and a step is one shift. It may cry wolf, but must not miss anything that put() would
 * change: */
enum state {
    OTHER = 0,
    HAN = 7,
    HAN_SEP = 14,       /* separators after a Han character: the next Han character closes the gap */
    ONE_DIGIT = 21,     /* a digit by itself */
    DIGITS = 28,        /* several side by side */
    ONE_DIGIT_SEP = 35, /* … and separators */
    TWO_DIGITS = 42,    /* a second one by itself: the next separator may make it a spaced number */
    SPELLED = 49,       /* one spelled digit; it is Han, too */
    TWO_SPELLED = 56,
    WATCHED = 64, /* no state: a rule may apply, the step is not for the automaton */
};
#define ROW(other, han, han_sep, one, digits, one_sep, two, spelled, two_spelled)                            \
    ((uint64_t)(other) << OTHER | (uint64_t)(han) << HAN | (uint64_t)(han_sep) << HAN_SEP |                  \
     (uint64_t)(one) << ONE_DIGIT | (uint64_t)(digits) << DIGITS | (uint64_t)(one_sep) << ONE_DIGIT_SEP |    \
     (uint64_t)(two) << TWO_DIGITS | (uint64_t)(spelled) << SPELLED |                                        \
     (uint64_t)(two_spelled) << TWO_SPELLED)

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
    uint64_t state; /* enum state in the lowest six bits, leavings above */
    uint32_t holds; /* NT_LAST when the last character has NT_HOLD, among other bits */
    /* Nothing was open before this place of the input, with so much of the output, when the fast way began. */
    const char *begin;
    size_t begin_len;
};

/* What is loaded and stored at once, of which a character is the beginning. */
enum { WORD = sizeof(uint32_t) };

static inline __attribute__((always_inline)) uint32_t load(const char *p)
{
    uint32_t w;
    memcpy(&w, p, WORD);
    return le32toh(w);
}

static inline __attribute__((always_inline)) four_places all_four(size_t place)
{
    uint32_t p = (uint32_t)place;
    return (four_places){p, p, p, p};
}

/* Writes four bytes and four places, of which only the character's own count. */
static inline __attribute__((always_inline)) void write_wide(struct fast *f, uint32_t w, four_places origin)
{
    w = htole32(w);
    memcpy(f->text + f->len, &w, WORD);
    *(unaligned_places *)(void *)(f->origin + f->len) = (unaligned_places)origin;
}

static inline __attribute__((always_inline)) void follow(struct fast *f, uint64_t next, uint32_t entry)
{
    f->state = next;
    f->holds = entry << 1;
}

/* One character, whose bytes lead those of w; false, and f->holds lost, when it takes more than the automaton. */
static inline __attribute__((always_inline)) bool step(struct fast *f, uint32_t w, uint32_t entry,
                                                       four_places origin)
{
    uint64_t next = successors[NT_STEP(entry)] >> (f->state & 63);
    f->holds &= entry;
    if (__builtin_expect((next & WATCHED) || (f->holds & NT_LAST), 0)) return false;
    write_wide(f, w ^ entry, origin);
    f->len += NT_LENGTH(entry);
    follow(f, next, entry);
    return true;
}

static inline uint32_t four_bytes(uint32_t w)
{
    return (w & 0x07) << 18 | (w << 4 & 0x3f000) | (w >> 10 & 0xfc0) | (w >> 24 & 0x3f);
}

static inline __attribute__((always_inline)) uint32_t entry_of(uint32_t w, unsigned *ret_n)
{
    if (!(w & 0x80)) {
        *ret_n = 1;
        return nt_low[w & 0x7f];
    }
    if ((w & 0xf0) == 0xe0) {
        *ret_n = 3;
        return nt_bmp[nt_place(w)];
    }
    if ((w & 0xe0) == 0xc0) {
        *ret_n = 2;
        return nt_low[(w & 0x1f) << 6 | (w >> 8 & 0x3f)];
    }
    *ret_n = 4;
    return nt_entry(four_bytes(w));
}

/* The same of what is left of a text, with zeros after it. */
static uint32_t load_rest(const char *p, const char *end)
{
    char bytes[WORD] = {0};
    for (size_t i = 0; i < WORD && p + i < end; i++) bytes[i] = p[i];
    return load(bytes);
}

/* The last character of the output. */
static uint32_t entry_at_end(const struct fast *f, size_t *ret_n)
{
    int n;
    uint32_t entry = nt_entry(last_code_point(f->text, f->len, &n));
    *ret_n = (size_t)n;
    return n ? entry : 0;
}

/* One character in final form, whose n bytes lead those of w; false when a rule may apply. */
static bool step_final(struct fast *f, uint32_t w, unsigned n, uint32_t entry, four_places origin)
{
    size_t last_n;
    if ((f->state & 63) == HAN_SEP && NT_CLASS(entry) == NT_HAN) { /* the gap closes */
        while (NT_CLASS(entry_at_end(f, &last_n)) == NT_SEP) f->len -= last_n;
        f->state = HAN;
    }
    uint64_t next = successors[NT_STEP(entry)] >> (f->state & 63);
    if (next & WATCHED) return false;
    bool held = (entry & NT_LAST) && (entry_at_end(f, &last_n) & NT_HOLD);
    write_wide(f, w, origin);
    f->len += n;
    if (held && variant_at_end(f->text, f->len)) return false;
    follow(f, next, entry);
    return true;
}

static bool step_code_point(struct fast *f, uint32_t cp, uint32_t entry, four_places origin)
{
    char bytes[WORD] = {0};
    int n = text_put(cp, bytes);
    return step_final(f, load(bytes), (unsigned)n, entry, origin);
}

/* One character of any kind; false when it takes the careful way. */
static __attribute__((noinline)) bool step_any(struct fast *f, struct norm_text *out, const char *in,
                                               const char *end)
{
    unsigned n;
    uint32_t w = load_rest(f->p, end), entry = entry_of(w, &n), class = NT_CLASS(entry);
    four_places origin = all_four((size_t)(f->p - in));
    if (class == NT_EXPANDS) {
        const uint32_t *many = &nt_pool[entry & NT_XOR];
        reserve(out, f->len + (size_t)(end - f->p) + SLACK);
        f->text = out->text;
        f->origin = out->origin;
        for (uint32_t i = 0; i < many[0]; i++)
            if (!step_code_point(f, many[1 + i], nt_entry(many[1 + i]), origin)) return false;
    } else if (n == 4 && class != NT_DROPPED) {
        if (!step_code_point(f, four_bytes(w) ^ (entry & NT_XOR), entry, origin)) return false;
    } else {
        if (!step_final(f, w ^ entry, NT_LENGTH(entry), entry, origin)) return false;
    }
    f->p += n;
    return true;
}

/* One character, whose bytes lead those of w; false when it takes more than the automaton. */
static inline __attribute__((always_inline)) bool step_one(struct fast *f, uint32_t w, four_places *origin)
{
    unsigned n;
    uint32_t entry = entry_of(w, &n);
    if (n == 4 || !step(f, w, entry, *origin)) return false;
    f->p += n;
    *origin += n;
    return true;
}

/* To the end, or false: the careful way must take the character at f->p. */
static bool quickly(struct fast *f, struct norm_text *out, const char *in, const char *end)
{
    struct fast g = *f; /* in registers */
    four_places origin = all_four((size_t)(g.p - in));
    const char *until = end - g.p > 2 + WORD ? end - (2 + WORD) : g.p;
    while (g.p < end) {
        while (g.p < until) {
            uint32_t w = load(g.p);
            if ((w & 0xf00000f0) != 0xe00000e0) {
                if (!step_one(&g, w, &origin)) break;
                continue;
            }
            /* two of three bytes: the most frequent case */
            if (!step(&g, w, nt_bmp[nt_place(w)], origin)) break;
            g.p += 3;
            origin += 3;
            w = load(g.p);
            if (!step(&g, w, nt_bmp[nt_place(w)], origin)) break;
            g.p += 3;
            origin += 3;
        }
        while (g.p >= until && g.p < end && step_one(&g, load_rest(g.p, end), &origin)) continue;
        if (g.p == end) break;
        *f = g;
        if (!step_any(f, out, in, end)) return false;
        g = *f;
        origin = all_four((size_t)(g.p - in));
    }
    *f = g;
    return true;
}

/* The last place, of the output and *p of the input, before which nothing is open. What is open is said by the output
 * alone: after a letter or a Han character nothing is, unless a variant waits for what comes. */
static size_t last_sure(const struct fast *f, const char *in, const char **p)
{
    size_t len = f->len;
    int n;
    *p = f->p;
    while (len > f->begin_len) {
        uint32_t entry = nt_entry(last_code_point(f->text, len, &n)), class = NT_CLASS(entry);
        const char *from = in + f->origin[len - 1];
        if ((class == NT_HAN || class == NT_PLAIN) && !(entry & NT_HOLD) && from != *p) return len;
        *p = from;
        len -= (size_t)n;
    }
    *p = f->begin;
    return f->begin_len;
}

static void finish(struct norm_text *out, size_t len, size_t n)
{
    out->len = len;
    out->text[len] = '\0';
    out->origin[len] = (uint32_t)n;
}

void normalise(const char *in, size_t n, struct norm_text *out)
{
    const char *const end = in + n;
    struct machine m = {.left_at = SIZE_MAX};
    reserve(out, n + SLACK);
    struct fast f = {.p = in, .text = out->text, .origin = out->origin, .state = OTHER, .begin = in};

    while (!quickly(&f, out, in, end)) {
        const char *p;
        int unused;
        m.len = last_sure(&f, in, &p);
        p = carefully(&m, out, in, end, p, f.p);
        f = (struct fast){.p = p,
                          .text = m.text,
                          .origin = m.origin,
                          .len = m.len,
                          .state = nt_is_han(last_of(&m, &unused)) ? HAN : OTHER,
                          .begin = p,
                          .begin_len = m.len};
    }
    finish(out, f.len, n);
}

void normalise_carefully(const char *in, size_t n, struct norm_text *out)
{
    struct machine m = {.left_at = SIZE_MAX};
    reserve(out, n + SLACK);
    (void)carefully(&m, out, in, in + n, in, in + n);
    finish(out, m.len, n);
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
    int n = text_put(cp, in);
    normalise(in, (size_t)n, &t);
    bool same = t.len == (size_t)n && !memcmp(t.text, in, t.len);
    if (!same && t.len < 64) memcpy(ret_form, t.text, t.len + 1);
    norm_text_release(&t);
    return same;
}
