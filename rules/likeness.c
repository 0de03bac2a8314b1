/* Reads the points of a pack's likeness.tsv, and sums them up over a text. */
#include "rules/likeness.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/i18n.h"
#include "base/text.h"
#include "io/file.h"

enum {
    FILE_BYTES_MAX = 16 * 1024 * 1024,
    POINTS_MAX = 1000000,
    POINT_BITS = 21,
    THOUSAND = 1000,
    MAYBE_BITS = 1 << 16
};

/* What a row gives to a kind. */
struct share {
    int32_t points;
    uint32_t kind;
};

/* A row and its shares [first, first + n). */
struct slot {
    uint64_t key;
    uint32_t first, n; /* n 0: free */
};

struct likeness {
    const char *kinds[LIKENESS_KINDS_MAX];
    int64_t begin[LIKENESS_KINDS_MAX];
    size_t n_kinds;
    struct share *shares; /* those of a row one after the other */
    struct slot *slots;   /* hash table of rows; a power of two */
    size_t mask;
    uint64_t
        maybe[MAYBE_BITS / 64]; /* a bit by the hash of each row: most rows of a text are known to none */
    char digest[17];
};

/* ---- rows of characters ---- */

static bool is_gap(uint32_t cp)
{
    return cp <= ' ' || cp == 0x3000;
}

static bool is_number(uint32_t cp)
{
    return (cp >= '0' && cp <= '9') || cp == '*';
}

/* Takes one more character, digits in a row together; false at the end. */
static inline bool walk_on(struct likeness_walk *w)
{
    while (w->at < w->n) {
        uint32_t cp = 0;
        size_t from = w->at;
        w->at += (size_t)text_next(w->text + w->at, w->n - w->at, &cp);
        if (is_gap(cp)) {
            w->have = 0;
            continue;
        }
        if (is_number(cp)) {
            while (w->at < w->n && is_number((unsigned char)w->text[w->at])) w->at++;
            cp = '0';
        }
        for (int i = LIKENESS_ROW - 1; i > 0; i--) {
            w->points[i] = w->points[i - 1];
            w->places[i] = w->places[i - 1];
        }
        w->points[0] = cp;
        w->places[0] = from;
        if (w->have < LIKENESS_ROW) w->have++;
        w->chars++;
        return true;
    }
    return false;
}

bool likeness_next(struct likeness_walk *w, struct likeness_row *ret)
{
    if (w->give == 0) {
        if (!walk_on(w)) return false;
        w->give = w->have;
    }
    *ret = (struct likeness_row){.from = w->places[w->give - 1], .to = w->at};
    for (int i = w->give; i-- > 0;) ret->key = ret->key << POINT_BITS | w->points[i];
    w->give--;
    return true;
}

size_t likeness_key_text(uint64_t key, char ret[static 4 * LIKENESS_ROW])
{
    size_t n = 0;
    for (int i = LIKENESS_ROW; i-- > 0;) {
        uint32_t cp = key >> (i * POINT_BITS) & ((1U << POINT_BITS) - 1);
        if (cp) n += (size_t)text_put(cp, ret + n);
    }
    return n;
}

static uint64_t hash_of(uint64_t key)
{
    return key * 0x9e3779b97f4a7c15 >> 16; /* 2^64 over the golden ratio */
}

/* The row, or NULL when it is not known. */
static inline const struct slot *row_of(const struct likeness *l, uint64_t key)
{
    uint64_t hash = hash_of(key);
    if (!(l->maybe[hash % MAYBE_BITS / 64] >> hash % 64 & 1)) return NULL;
    for (size_t at = hash & l->mask; l->slots[at].n; at = (at + 1) & l->mask)
        if (l->slots[at].key == key) return &l->slots[at];
    return NULL;
}

/* The same, and NULL when it was met in this text already. */
static inline const struct slot *row_once(struct likeness_of *o, const struct likeness *l, uint64_t key)
{
    const struct slot *row = row_of(l, key);
    if (!row || o->counted[row - l->slots] == o->turn) return NULL;
    o->counted[row - l->slots] = o->turn;
    return row;
}

/* ---- reading ---- */

struct line {
    uint64_t key;
    struct share share;
};

/* The file, line after line. */
struct reading {
    struct likeness *l;
    struct arena *arena;
    struct line *lines; /* those that give points to a row */
    size_t n_lines;
    const char *name;
    size_t number; /* of the line that is read */
};

#define WRONG(r, why, ...)                                                                                   \
    fail_in(why, fail(why, RELAY_INVALID, __VA_ARGS__), "%s:%zu", (r)->name, (r)->number)

static enum relay_err take_kind(struct reading *r, const char *s, size_t n, uint32_t *ret, struct reason *why)
{
    struct likeness *l = r->l;
    for (size_t i = 0; i < l->n_kinds; i++)
        if (strlen(l->kinds[i]) == n && memcmp(l->kinds[i], s, n) == 0) {
            *ret = (uint32_t)i;
            return RELAY_OK;
        }
    if (n == 0 || l->n_kinds == LIKENESS_KINDS_MAX)
        return WRONG(r, why, _("wants a kind of scam first, and at most %d of them"), LIKENESS_KINDS_MAX);
    l->kinds[l->n_kinds] = arena_strndup(r->arena, s, n);
    *ret = (uint32_t)l->n_kinds++;
    return RELAY_OK;
}

/* kind TAB points TAB characters */
static enum relay_err take_line(struct reading *r, const char *s, size_t n, struct reason *why)
{
    const char *tab = memchr(s, '\t', n), *end = s + n;
    const char *second = tab ? memchr(tab + 1, '\t', (size_t)(end - tab - 1)) : NULL;
    if (!second)
        return WRONG(r, why,
                     _("wants `kind, points, characters` with tabs between; make the file again "
                       "with packaging/learn"));
    char *stop = NULL;
    long points = strtol(tab + 1, &stop, 10);
    if (stop != second || stop == tab + 1 || points > POINTS_MAX || points < -POINTS_MAX)
        return WRONG(r, why, _("points are whole thousandths from -%d to %d"), POINTS_MAX, POINTS_MAX);
    uint32_t kind = 0;
    enum relay_err err = take_kind(r, s, (size_t)(tab - s), &kind, why);
    if (err) return err;
    if (second + 1 == end) {
        r->l->begin[kind] = points;
        return RELAY_OK;
    }
    struct likeness_walk w = {.text = second + 1, .n = (size_t)(end - second - 1)};
    struct likeness_row row = {0}, whole = {0};
    while (likeness_next(&w, &row))
        if (row.from == 0) whole = row;
    if (w.chars > LIKENESS_ROW || whole.to != w.n)
        return WRONG(r, why, _("wants at most %d characters, without spaces"), LIKENESS_ROW);
    r->lines[r->n_lines++] = (struct line){whole.key, {(int32_t)points, kind}};
    return RELAY_OK;
}

static int by_key(const void *a, const void *b)
{
    const struct line *x = a, *y = b;
    if (x->key != y->key) return x->key < y->key ? -1 : 1;
    return (x->share.kind > y->share.kind) - (x->share.kind < y->share.kind);
}

static void enter_rows(struct reading *r)
{
    struct likeness *l = r->l;
    size_t slots = 16;
    if (r->n_lines) qsort(r->lines, r->n_lines, sizeof(*r->lines), by_key);
    while (slots <= r->n_lines) slots *= 2; /* most rows have several lines, so many stay free */
    l->mask = slots - 1;
    l->slots = arena_alloc(r->arena, slots * sizeof(*l->slots));
    l->shares = arena_alloc(r->arena, r->n_lines * sizeof(*l->shares) + 1);
    struct slot *row = NULL;
    for (size_t i = 0; i < r->n_lines; i++) {
        uint64_t key = r->lines[i].key, hash = hash_of(key);
        l->shares[i] = r->lines[i].share;
        if (!row || row->key != key) {
            size_t at = hash & l->mask;
            while (l->slots[at].n) at = (at + 1) & l->mask;
            row = &l->slots[at];
            *row = (struct slot){.key = key, .first = (uint32_t)i};
            l->maybe[hash % MAYBE_BITS / 64] |= 1ULL << hash % 64;
        }
        row->n++;
    }
}

enum relay_err likeness_parse(const char *name, const char *text, size_t n, struct arena *a,
                              struct likeness **ret, struct reason *why)
{
    struct reading r = {.l = arena_alloc(a, sizeof(*r.l)), .arena = a, .name = name};
    size_t lines = 1;
    uint8_t digest[HASH_LEN];
    if (!text_valid_utf8(text, n)) return fail(why, RELAY_INVALID, _("%s: is no UTF-8 text"), name);
    for (const char *p = text; (p = memchr(p, '\n', n - (size_t)(p - text))) != NULL; p++) lines++;
    r.lines = xcalloc(lines, sizeof(*r.lines));
    enum relay_err err = RELAY_OK;
    for (size_t from = 0; from < n && !err;) {
        const char *end = memchr(text + from, '\n', n - from);
        size_t len = end ? (size_t)(end - text) - from : n - from;
        r.number++;
        if (len && text[from] != '#') err = take_line(&r, text + from, len, why);
        from += len + 1;
    }
    if (!err) {
        enter_rows(&r);
        hash_sha256(text, n, digest);
        hash_hex(digest, sizeof(r.l->digest) / 2, r.l->digest);
        *ret = r.l;
    }
    free(r.lines);
    return err;
}

enum relay_err likeness_read(const char *path, struct arena *a, struct likeness **ret, struct reason *why)
{
    CLEANUP(buf_release) struct buf b = BUF_INIT(FILE_BYTES_MAX);
    enum relay_err err = file_read(path, &b, why);
    return err ? err : likeness_parse(path, buf_cstr(&b), b.len, a, ret, why);
}

int likeness_kind(const struct likeness *l, const char *name)
{
    for (size_t i = 0; i < l->n_kinds; i++)
        if (strcmp(l->kinds[i], name) == 0) return (int)i;
    return -1;
}

const char *likeness_digest(const struct likeness *l)
{
    return l->digest;
}

/* ---- looking ---- */

void likeness_look(struct likeness_of *o, const struct likeness *l, const char *text, size_t n)
{
    if (!o->counted || o->l != l || o->turn == UINT32_MAX) {
        likeness_of_release(o);
        o->l = l;
        o->counted = xcalloc(l->mask + 1, sizeof(*o->counted));
    }
    o->turn++;
    memcpy(o->sums, l->begin, sizeof(o->sums));
    struct likeness_walk w = {.text = text, .n = n};
    while (walk_on(&w)) {
        uint64_t key = 0;
        for (int i = 0; i < w.have; i++) {
            key |= (uint64_t)w.points[i] << i * POINT_BITS;
            const struct slot *row = row_once(o, l, key);
            for (uint32_t s = 0; row && s < row->n; s++)
                o->sums[l->shares[row->first + s].kind] += l->shares[row->first + s].points;
        }
    }
}

void likeness_of_release(struct likeness_of *o)
{
    free(o->counted);
    *o = (struct likeness_of){0};
}

double likeness_percent(int64_t points)
{
    return 100 / (1 + exp(-(double)points / THOUSAND));
}

int64_t likeness_least(double percent)
{
    return llround(THOUSAND * log(percent / (100 - percent)));
}

int64_t likeness_most(const struct likeness_of *o)
{
    int64_t most = INT64_MIN;
    for (size_t k = 0; k < o->l->n_kinds; k++)
        if (o->sums[k] > most) most = o->sums[k];
    return most;
}

static bool weighs_more(const struct likeness_part *a, const struct likeness_part *b)
{
    return a->points > b->points || (a->points == b->points && a->from < b->from);
}

size_t likeness_parts(const struct likeness *l, int kind, const char *text, size_t n,
                      struct likeness_part *ret, size_t max)
{
    CLEANUP(likeness_of_release) struct likeness_of o = {0};
    struct likeness_walk w = {.text = text, .n = n};
    struct likeness_row row;
    size_t found = 0;
    likeness_look(&o, l, "", 0); /* nothing is met yet */
    while (likeness_next(&w, &row)) {
        const struct slot *known = row_once(&o, l, row.key);
        for (uint32_t i = 0; known && i < known->n; i++) {
            const struct share *s = &l->shares[known->first + i];
            struct likeness_part part = {row.from, row.to, s->points};
            size_t at = found;
            if ((int)s->kind != kind || s->points <= 0) continue;
            while (at > 0 && weighs_more(&part, &ret[at - 1])) at--;
            if (at == max) continue;
            if (found < max) found++;
            memmove(ret + at + 1, ret + at, (found - at - 1) * sizeof(*ret));
            ret[at] = part;
        }
    }
    return found;
}

/* ---- for the page ---- */

void likeness_json(const struct likeness *l, struct buf *out)
{
    const char *comma = "";
    buf_str(out, "{\"begin\":[");
    for (size_t i = 0; i < l->n_kinds; i++) buf_printf(out, i ? ",%lld" : "%lld", (long long)l->begin[i]);
    buf_str(out, "],\"rows\":{");
    for (size_t at = 0; at <= l->mask; at++) {
        const struct slot *row = &l->slots[at];
        char text[4 * LIKENESS_ROW + 1];
        if (!row->n) continue;
        text[likeness_key_text(row->key, text)] = '\0';
        buf_str(out, comma);
        buf_json_str(out, text);
        for (uint32_t i = 0; i < row->n; i++) {
            const struct share *s = &l->shares[row->first + i];
            buf_printf(out, "%s[%u,%d]", i ? "," : ":[", s->kind, s->points);
        }
        buf_char(out, ']');
        comma = ",";
    }
    buf_str(out, "}}");
}
