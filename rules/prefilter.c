/* The literal scan: pairs of characters, a bitmap, a hash table; and what is asked only when a rule comes near. */
#include "rules/prefilter.h"

#include <endian.h>

#include "base/hash.h"
#include "base/text.h"

enum {
    PAIR_BITS = 17,
    SINGLE_BITS = 12,
    SORT_MAX = 64,
    JOINED_MAX = 512,
    TRIES_FREE = 256,
    CHARACTERS = 0x10000,
    NONE = UINT32_MAX
};

/* What the scan looks at. */
struct literal {
    uint32_t at;    /* into bytes */
    uint8_t len;    /* bytes */
    uint8_t anchor; /* where its pair begins */
    uint8_t pair;   /* bytes of the pair; the whole literal when that is one character */
    uint8_t lazy;   /* a single character that the first pass leaves out */
};

/* And what only building and clauses look at. */
struct filed {
    uint64_t key;
    uint32_t character; /* code point of a literal of one character, else 0 */
    uint32_t was;       /* its number while building */
};

/* Literals with the same key stand together. */
struct slot {
    uint64_t key; /* 0: empty */
    uint32_t first, n;
};

/* While building: strings and clauses by content. */
struct builder {
    uint32_t *literal_table, *clause_table; /* open addressing, NONE is empty */
    size_t literal_slots, clause_slots;
    size_t cap_ids, cap_clauses, cap_literals, cap_bytes;
};

struct prefilter {
    struct literal *literals;
    struct filed *filed;
    size_t n_literals, n_clauses;
    char *bytes;
    size_t n_bytes;
    struct clause_ref *clauses;
    double *odds;
    uint32_t *ids;           /* of the literals of clauses */
    uint32_t *holders;       /* the other way round: the clauses of each literal of the first pass */
    uint32_t *holders_first; /* where those of a literal begin */
    uint32_t *characters;    /* code points of what the first pass leaves out, clause by clause */
    uint32_t *characters_first;
    size_t n_ids;
    struct slot *slots;
    unsigned slot_bits;
    bool has_lazy, has_eager;
    uint64_t pairs[(1U << PAIR_BITS) / 64];
    uint64_t singles[(1U << SINGLE_BITS) / 64], eager[(1U << SINGLE_BITS) / 64];
    struct builder b;
};

static const uint8_t lengths[16] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 3, 4};
static const uint64_t masks[9] = {
    0, 0xff, 0xffff, 0xffffff, 0xffffffff, 0xffffffffff, 0xffffffffffff, 0xffffffffffffff, UINT64_MAX};

static inline uint64_t load(const char *p)
{
    uint64_t w;
    memcpy(&w, p, sizeof(w));
    return le64toh(w);
}

static inline uint64_t mix(uint64_t key)
{
    return key * 0x9e3779b97f4a7c15ULL;
}

static inline unsigned char_length(const char *p)
{
    return lengths[(unsigned char)*p >> 4];
}

/* ---- building ---- */

struct prefilter *prefilter_new(void)
{
    return xcalloc(1, sizeof(struct prefilter));
}

static void builder_release(struct builder *b)
{
    free(b->literal_table);
    free(b->clause_table);
    *b = (struct builder){0};
}

struct prefilter *prefilter_free(struct prefilter *p)
{
    if (!p) return NULL;
    builder_release(&p->b);
    free(p->literals);
    free(p->bytes);
    free(p->clauses);
    free(p->odds);
    free(p->ids);
    free(p->holders);
    free(p->holders_first);
    free(p->characters);
    free(p->characters_first);
    free(p->filed);
    free(p->slots);
    free(p);
    return NULL;
}

static void *grown(void *items, size_t *cap, size_t wanted, size_t size)
{
    if (wanted <= *cap) return items;
    *cap = *cap ? *cap * 2 : 64;
    while (*cap < wanted) *cap *= 2;
    return xreallocarray(items, *cap, size);
}

static uint64_t literal_hash(const struct prefilter *p, uint32_t id)
{
    return hash_quick(p->bytes + p->literals[id].at, p->literals[id].len);
}

static uint64_t clause_hash(const struct prefilter *p, uint32_t id)
{
    return hash_quick(p->ids + p->clauses[id].first, p->clauses[id].n * sizeof(uint32_t));
}

/* Doubles an index that is half full. */
static void index_room(const struct prefilter *p, uint32_t **table, size_t *slots, size_t used,
                       uint64_t (*hash)(const struct prefilter *p, uint32_t id))
{
    if (used * 2 < *slots) return;
    size_t n = *slots ? *slots * 2 : 256;
    uint32_t *t = xreallocarray(NULL, n, sizeof(*t));
    for (size_t i = 0; i < n; i++) t[i] = NONE;
    for (uint32_t id = 0; id < used; id++) {
        size_t at = hash(p, id) & (n - 1);
        while (t[at] != NONE) at = (at + 1) & (n - 1);
        t[at] = id;
    }
    free(*table);
    *table = t;
    *slots = n;
}

static uint32_t intern_literal(struct prefilter *p, const char *s)
{
    struct builder *b = &p->b;
    size_t len = strlen(s);
    index_room(p, &b->literal_table, &b->literal_slots, p->n_literals, literal_hash);
    size_t at = hash_quick(s, len) & (b->literal_slots - 1);
    for (; b->literal_table[at] != NONE; at = (at + 1) & (b->literal_slots - 1)) {
        const struct literal *l = &p->literals[b->literal_table[at]];
        if (l->len == len && memcmp(p->bytes + l->at, s, len) == 0) return b->literal_table[at];
    }
    p->literals = grown(p->literals, &b->cap_literals, p->n_literals + 1, sizeof(*p->literals));
    p->bytes = grown(p->bytes, &b->cap_bytes, p->n_bytes + len + 1, 1);
    memcpy(p->bytes + p->n_bytes, s, len + 1);
    p->literals[p->n_literals] = (struct literal){.at = (uint32_t)p->n_bytes, .len = (uint8_t)len};
    p->n_bytes += len + 1;
    b->literal_table[at] = (uint32_t)p->n_literals;
    return (uint32_t)p->n_literals++;
}

static int by_number(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* The clause of the n literals behind the last id, in order. */
static uint32_t intern_clause(struct prefilter *p, size_t n, double odds)
{
    struct builder *b = &p->b;
    const uint32_t *ids = p->ids + p->n_ids;
    index_room(p, &b->clause_table, &b->clause_slots, p->n_clauses, clause_hash);
    size_t at = hash_quick(ids, n * sizeof(*ids)) & (b->clause_slots - 1);
    for (; b->clause_table[at] != NONE; at = (at + 1) & (b->clause_slots - 1)) {
        const struct clause_ref *known = &p->clauses[b->clause_table[at]];
        if (known->n == n && memcmp(p->ids + known->first, ids, n * sizeof(*ids)) == 0)
            return b->clause_table[at];
    }
    size_t cap = b->cap_clauses;
    p->odds = grown(p->odds, &cap, p->n_clauses + 1, sizeof(*p->odds));
    p->odds[p->n_clauses] = odds;
    p->clauses = grown(p->clauses, &b->cap_clauses, p->n_clauses + 1, sizeof(*p->clauses));
    p->clauses[p->n_clauses] = (struct clause_ref){(uint32_t)p->n_ids, (uint32_t)n};
    p->n_ids += n;
    b->clause_table[at] = (uint32_t)p->n_clauses;
    return (uint32_t)p->n_clauses++;
}

uint32_t prefilter_clause(struct prefilter *p, const struct clause *c)
{
    p->ids = grown(p->ids, &p->b.cap_ids, p->n_ids + c->n, sizeof(uint32_t));
    uint32_t *ids = p->ids + p->n_ids;
    for (size_t i = 0; i < c->n; i++) ids[i] = intern_literal(p, c->items[i]);
    qsort(ids, c->n, sizeof(*ids), by_number);
    return intern_clause(p, c->n, c->odds);
}

bool prefilter_join(struct prefilter *p, const uint32_t *clauses, size_t n, uint32_t *ret)
{
    size_t total = 0, kept = 0;
    double odds = 0;
    for (size_t i = 0; i < n; i++) {
        total += p->clauses[clauses[i]].n;
        odds += p->odds[clauses[i]];
    }
    if (total > JOINED_MAX) return false;
    p->ids = grown(p->ids, &p->b.cap_ids, p->n_ids + total, sizeof(uint32_t));
    uint32_t *ids = p->ids + p->n_ids, *end = ids;
    for (size_t i = 0; i < n; i++) {
        const struct clause_ref *c = &p->clauses[clauses[i]];
        memcpy(end, p->ids + c->first, c->n * sizeof(*ids));
        end += c->n;
    }
    qsort(ids, total, sizeof(*ids), by_number);
    for (size_t i = 0; i < total; i++)
        if (kept == 0 || ids[kept - 1] != ids[i]) ids[kept++] = ids[i];
    *ret = intern_clause(p, kept, odds);
    return true;
}

/* Literals have been sorted: clauses name them by their new numbers, in order. */
static void renumber(struct prefilter *p)
{
    uint32_t *now = xcalloc(p->n_literals + 1, sizeof(*now));
    for (uint32_t i = 0; i < p->n_literals; i++) now[p->filed[i].was] = i;
    for (size_t i = 0; i < p->n_ids; i++) p->ids[i] = now[p->ids[i]];
    for (size_t c = 0; c < p->n_clauses; c++)
        qsort(p->ids + p->clauses[c].first, p->clauses[c].n, sizeof(*p->ids), by_number);
    free(now);
}

static int by_key(const void *a, const void *b)
{
    const struct filed *x = a, *y = b;
    if (x->key != y->key) return x->key < y->key ? -1 : 1;
    return (x->was > y->was) - (x->was < y->was);
}

/* In the order of their keys, so that those of one key stand together. */
static void sort_literals(struct prefilter *p)
{
    struct literal *sorted = xcalloc(p->n_literals + 1, sizeof(*sorted));
    if (p->n_literals) qsort(p->filed, p->n_literals, sizeof(*p->filed), by_key);
    for (size_t i = 0; i < p->n_literals; i++) sorted[i] = p->literals[p->filed[i].was];
    free(p->literals);
    p->literals = sorted;
}

/* How many literals hold a pair, at a rough count by hash: the anchor is the pair with the fewest. */
enum { CROWD_BITS = 16 };

static size_t pair_slot(const char *s, unsigned len)
{
    char padded[8] = {0};
    memcpy(padded, s, len);
    return mix(load(padded)) >> (64 - CROWD_BITS);
}

static void for_each_pair(const struct prefilter *p, struct literal *l, uint16_t *crowd, bool choose)
{
    const char *s = p->bytes + l->at;
    uint16_t best = UINT16_MAX;
    for (unsigned at = 0, len = char_length(s); at + len < l->len; at += len, len = char_length(s + at)) {
        unsigned both = len + char_length(s + at + len);
        size_t slot = pair_slot(s + at, both);
        if (!choose) {
            if (crowd[slot] < UINT16_MAX) crowd[slot]++;
        } else if (crowd[slot] < best) {
            best = crowd[slot];
            l->anchor = (uint8_t)at;
            l->pair = (uint8_t)both;
        }
    }
}

static void choose_anchors(struct prefilter *p)
{
    uint16_t *crowd = xcalloc((size_t)1 << CROWD_BITS, sizeof(*crowd));
    p->filed = xcalloc(p->n_literals + 1, sizeof(*p->filed));
    for (size_t i = 0; i < p->n_literals; i++) for_each_pair(p, &p->literals[i], crowd, false);
    for (size_t i = 0; i < p->n_literals; i++) {
        struct literal *l = &p->literals[i];
        const char *s = p->bytes + l->at;
        p->filed[i].was = (uint32_t)i;
        if (char_length(s) >= l->len) {
            l->pair = l->len;
            (void)text_next(s, l->len, &p->filed[i].character);
            l->lazy = p->filed[i].character < CHARACTERS;
            p->has_lazy = p->has_lazy || l->lazy;
            p->has_eager = p->has_eager || !l->lazy;
        } else {
            for_each_pair(p, l, crowd, true);
        }
        char padded[8] = {0};
        memcpy(padded, s + l->anchor, l->pair);
        p->filed[i].key = load(padded);
    }
    free(crowd);
}

static void set_bit(uint64_t *bits, uint64_t bit)
{
    bits[bit >> 6] |= 1ULL << (bit & 63);
}

static void fill_tables(struct prefilter *p)
{
    p->slot_bits = 4;
    while (((size_t)1 << p->slot_bits) < p->n_literals * 2) p->slot_bits++;
    size_t n = (size_t)1 << p->slot_bits;
    p->slots = xcalloc(n, sizeof(*p->slots));
    for (uint32_t i = 0; i < p->n_literals; i++) {
        uint64_t key = p->filed[i].key, h = mix(key);
        if (!p->filed[i].character) {
            set_bit(p->pairs, h >> (64 - PAIR_BITS));
        } else {
            set_bit(p->singles, h >> (64 - SINGLE_BITS));
            if (!p->literals[i].lazy) set_bit(p->eager, h >> (64 - SINGLE_BITS));
        }
        size_t at = h >> (64 - p->slot_bits);
        while (p->slots[at].key && p->slots[at].key != key) at = (at + 1) & (n - 1);
        if (!p->slots[at].key) p->slots[at] = (struct slot){.key = key, .first = i};
        p->slots[at].n++;
    }
}

void prefilter_build(struct prefilter *p)
{
    builder_release(&p->b);
    choose_anchors(p);
    sort_literals(p);
    renumber(p);
    fill_tables(p);
    prefilter_finish(p);
}

void prefilter_make_eager(struct prefilter *p, uint32_t literal)
{
    if (!p->literals[literal].lazy) return;
    p->literals[literal].lazy = false;
    p->has_eager = true;
    set_bit(p->eager, mix(p->filed[literal].key) >> (64 - SINGLE_BITS));
}

/* Of each clause, what is asked for one by one. */
static void list_characters(struct prefilter *p)
{
    uint32_t n = 0;
    p->characters = xreallocarray(p->characters, p->n_ids + 1, sizeof(uint32_t));
    p->characters_first = xreallocarray(p->characters_first, p->n_clauses + 1, sizeof(uint32_t));
    for (size_t c = 0; c < p->n_clauses; c++) {
        const struct clause_ref *clause = &p->clauses[c];
        p->characters_first[c] = n;
        for (uint32_t i = clause->first; i < clause->first + clause->n; i++)
            if (p->literals[p->ids[i]].lazy) p->characters[n++] = p->filed[p->ids[i]].character;
    }
    p->characters_first[p->n_clauses] = n;
}

/* Of each literal, which clauses hold where it is. */
static void list_holders(struct prefilter *p)
{
    p->holders = xreallocarray(p->holders, p->n_ids + 1, sizeof(uint32_t));
    p->holders_first = xreallocarray(p->holders_first, p->n_literals + 1, sizeof(uint32_t));
    uint32_t *end = xcalloc(p->n_literals + 1, sizeof(*end));
    for (size_t i = 0; i < p->n_ids; i++) end[p->ids[i]] += !p->literals[p->ids[i]].lazy;
    for (uint32_t l = 0, at = 0; l <= p->n_literals; l++) {
        uint32_t n = end[l];
        p->holders_first[l] = end[l] = at;
        at += n;
    }
    for (uint32_t c = 0; c < p->n_clauses; c++) {
        const struct clause_ref *clause = &p->clauses[c];
        for (uint32_t i = clause->first; i < clause->first + clause->n; i++)
            if (!p->literals[p->ids[i]].lazy) p->holders[end[p->ids[i]]++] = c;
    }
    free(end);
}

void prefilter_finish(struct prefilter *p)
{
    list_characters(p);
    list_holders(p);
}

bool prefilter_is_eager(const struct prefilter *p, uint32_t clause)
{
    const struct clause_ref *c = &p->clauses[clause];
    for (uint32_t i = 0; i < c->n; i++)
        if (p->literals[p->ids[c->first + i]].lazy) return false;
    return true;
}

size_t prefilter_clauses(const struct prefilter *p)
{
    return p->n_clauses;
}

size_t prefilter_literals(const struct prefilter *p)
{
    return p->n_literals;
}

size_t prefilter_bytes(const struct prefilter *p)
{
    return sizeof(*p) + p->n_literals * (sizeof(struct literal) + sizeof(struct filed)) + p->n_bytes +
           p->n_ids * 3 * sizeof(uint32_t) + p->n_clauses * (sizeof(struct clause_ref) + sizeof(double)) +
           ((size_t)1 << p->slot_bits) * sizeof(struct slot);
}

double prefilter_odds(const struct prefilter *p, uint32_t clause)
{
    return p->odds[clause];
}

void prefilter_set_odds(struct prefilter *p, uint32_t clause, double odds)
{
    p->odds[clause] = odds;
}

uint32_t prefilter_length(const struct prefilter *p, uint32_t literal)
{
    return p->literals[literal].len;
}

const uint32_t *prefilter_clause_literals(const struct prefilter *p, uint32_t clause, size_t *ret_n)
{
    *ret_n = p->clauses[clause].n;
    return p->ids + p->clauses[clause].first;
}

/* ---- scanning ---- */

void scan_init(struct scan *s, const struct prefilter *p)
{
    *s = (struct scan){.prefilter = p, .clauses = p->clauses, .ids = p->ids};
    s->literal_bits = xcalloc(p->n_literals / 64 + 1, sizeof(uint64_t));
    s->literals = xcalloc(p->n_literals + 1, sizeof(uint32_t));
    s->known = xcalloc(p->n_clauses + 1, 1);
    s->touched = xcalloc(p->n_clauses + 1, sizeof(uint32_t));
    s->characters = xcalloc(CHARACTERS / 64, sizeof(uint64_t));
    s->words = xcalloc(CHARACTERS / 64, sizeof(uint16_t));
}

void scan_release(struct scan *s)
{
    free(s->literal_bits);
    free(s->literals);
    free(s->hits);
    free(s->known);
    free(s->touched);
    free(s->characters);
    free(s->words);
    *s = (struct scan){0};
}

static void scan_take(struct scan *s, const char *text, size_t n)
{
    for (size_t i = 0; i < s->n_literals; i++) s->literal_bits[s->literals[i] >> 6] = 0;
    for (size_t i = 0; i < s->n_touched; i++) s->known[s->touched[i]] = KNOWN_NOTHING;
    for (size_t i = 0; i < s->n_words; i++) s->characters[s->words[i]] = 0;
    s->n_literals = s->n_hits = s->n_touched = s->n_words = s->tried = 0;
    s->tries_worth = TRIES_FREE;
    s->has_holders = s->has_characters = s->has_singles = s->sorted = s->checked = s->valid = false;
    s->digits = -1;
    s->text = text;
    s->len = n;
    s->serial++;
}

static int by_place(const void *a, const void *b)
{
    const struct literal_hit *x = a, *y = b;
    return (x->from > y->from) - (x->from < y->from);
}

/* Each pass finds them in the order of their anchors, which is nearly that of their beginnings. */
static void scan_sort(struct scan *s)
{
    if (s->sorted) return;
    s->sorted = true;
    if (s->n_hits > SORT_MAX) {
        qsort(s->hits, s->n_hits, sizeof(*s->hits), by_place);
        return;
    }
    for (size_t i = 1; i < s->n_hits; i++) {
        struct literal_hit h = s->hits[i];
        size_t at = i;
        for (; at > 0 && s->hits[at - 1].from > h.from; at--) s->hits[at] = s->hits[at - 1];
        s->hits[at] = h;
    }
}

int scan_count_digits(struct scan *s)
{
    const uint64_t threes = 0x3030303030303030ULL, high = 0xf0f0f0f0f0f0f0f0ULL, ones = 0x0101010101010101ULL;
    int longest = 0, run = 0;
    for (size_t i = 0; i < s->len;) {
        if (run == 0 && i + sizeof(uint64_t) <= s->len) { /* eight bytes of which none begins with 3 */
            uint64_t w = (load(s->text + i) ^ threes) & high;
            if (((w - ones) & ~w & 0x8080808080808080ULL) == 0) {
                i += sizeof(uint64_t);
                continue;
            }
        }
        char c = s->text[i++];
        run = c >= '0' && c <= '9' ? run + 1 : 0;
        if (run > longest) longest = run;
    }
    return s->digits = longest;
}

static void found(struct scan *s, uint32_t id, uint32_t from)
{
    if (s->n_hits == s->cap_hits) {
        s->cap_hits = s->cap_hits ? s->cap_hits * 2 : 64;
        s->hits = xreallocarray(s->hits, s->cap_hits, sizeof(*s->hits));
    }
    s->hits[s->n_hits++] = (struct literal_hit){id, from};
    uint64_t bit = 1ULL << (id & 63);
    if (s->literal_bits[id >> 6] & bit) return;
    s->literal_bits[id >> 6] |= bit;
    s->literals[s->n_literals++] = id;
}

enum pass { PASS_FIRST, PASS_SECOND };

/* The bitmap said perhaps: look the key up, and compare what stands around it. at: byte of the text. */
static void __attribute__((noinline))
look_up(const struct prefilter *p, struct scan *s, size_t at, uint64_t key, enum pass pass)
{
    size_t n_slots = (size_t)1 << p->slot_bits;
    size_t i = mix(key) >> (64 - p->slot_bits);
    while (p->slots[i].key != key) {
        if (!p->slots[i].key) return;
        i = (i + 1) & (n_slots - 1);
    }
    const struct slot *slot = &p->slots[i];
    for (uint32_t id = slot->first; id < slot->first + slot->n; id++) {
        const struct literal *l = &p->literals[id];
        if (at < l->anchor || l->lazy != (pass == PASS_SECOND)) continue;
        size_t from = at - l->anchor;
        if (l->len > l->pair &&
            (from + l->len > s->len || memcmp(s->text + from, p->bytes + l->at, l->len) != 0))
            continue;
        found(s, id, (uint32_t)from);
    }
}

static inline bool has_bit(const uint64_t *bits, uint64_t bit)
{
    return bits[bit >> 6] >> (bit & 63) & 1;
}

/* The character that begins with the low byte of w, with the one after it; returns its length. */
static inline size_t look_at_pair(const struct prefilter *p, struct scan *s, size_t at, uint64_t w)
{
    const uint64_t three_mask = 0xf00000f0,
                   three_bytes = 0xe00000e0; /* two of three bytes each: nearly always */
    unsigned len = 3;
    uint64_t key = w & masks[6];
    if ((w & three_mask) != three_bytes) {
        len = lengths[w >> 4 & 0xf];
        key = w & masks[len + lengths[w >> (8 * len + 4) & 0xf]];
    }
    if (has_bit(p->pairs, mix(key) >> (64 - PAIR_BITS))) look_up(p, s, at, key, PASS_FIRST);
    if (p->has_eager) {
        key = w & masks[len];
        if (has_bit(p->eager, mix(key) >> (64 - SINGLE_BITS))) look_up(p, s, at, key, PASS_FIRST);
    }
    return len;
}

static inline size_t look_at_single(const struct prefilter *p, struct scan *s, size_t at, uint64_t w)
{
    unsigned len = lengths[w >> 4 & 0xf];
    uint64_t key = w & masks[len];
    if (has_bit(p->singles, mix(key) >> (64 - SINGLE_BITS))) look_up(p, s, at, key, PASS_SECOND);
    return len;
}

/* Calls look for each character of the text; the last few bytes are read from where zeros follow them. */
static inline void each_character(const struct prefilter *p, struct scan *s,
                                  size_t (*look)(const struct prefilter *p, struct scan *s, size_t at,
                                                 uint64_t w))
{
    enum { WORD = sizeof(uint64_t) };
    size_t at = 0, n = s->len;
    while (at + WORD <= n) at += look(p, s, at, load(s->text + at));
    char end[2 * WORD] = {0};
    size_t from = at;
    for (size_t i = at; i < n; i++) end[i - from] = s->text[i];
    while (at < n) at += look(p, s, at, load(end + (at - from)));
}

void prefilter_scan(struct scan *s, const char *text, size_t n)
{
    scan_take(s, text, n);
    if (s->prefilter->n_literals) each_character(s->prefilter, s, look_at_pair);
}

static inline size_t note_character(const struct prefilter *p, struct scan *s, size_t at, uint64_t w)
{
    (void)p, (void)at;
    unsigned len = lengths[w >> 4 & 0xf];
    uint32_t cp = len == 3   ? (uint32_t)((w & 0xf) << 12 | (w >> 8 & 0x3f) << 6 | (w >> 16 & 0x3f))
                  : len == 2 ? (uint32_t)((w & 0x1f) << 6 | (w >> 8 & 0x3f))
                             : (uint32_t)(w & 0x7f);
    if (len == 4) return len;
    if (!s->characters[cp >> 6]) s->words[s->n_words++] = (uint16_t)(cp >> 6);
    s->characters[cp >> 6] |= 1ULL << (cp & 63);
    return len;
}

static bool has_character(struct scan *s, uint32_t clause)
{
    const struct prefilter *p = s->prefilter;
    uint32_t i = p->characters_first[clause], end = p->characters_first[clause + 1];
    if (i < end && !s->has_characters) {
        s->has_characters = true;
        each_character(p, s, note_character);
    }
    for (; i < end; i++)
        if (has_bit(s->characters, p->characters[i])) return true;
    return false;
}

static void know(struct scan *s, uint32_t clause, uint8_t what)
{
    s->known[clause] = what;
    s->touched[s->n_touched++] = clause;
}

/* The clauses of all literals that are there, in one go. */
static void know_holders(struct scan *s)
{
    const struct prefilter *p = s->prefilter;
    s->has_holders = true;
    for (size_t i = 0; i < s->n_literals; i++) {
        uint32_t literal = s->literals[i];
        for (uint32_t h = p->holders_first[literal]; h < p->holders_first[literal + 1]; h++)
            if (s->known[p->holders[h]] == KNOWN_NOTHING) know(s, p->holders[h], KNOWN_THERE);
    }
}

static bool has_literal(struct scan *s, const struct clause_ref *c)
{
    for (uint32_t i = c->first; i < c->first + c->n; i++)
        if (has_bit(s->literal_bits, s->ids[i])) return true;
    return false;
}

/* A plain text is asked for a few clauses, whose literals are tried. One that comes near to large rules is asked for
 * hundreds, of which few hold: then it is quicker to go from its literals to their clauses. That is done when the tries have
 * cost as much. */
static bool try_literals(struct scan *s)
{
    if (s->tried < s->tries_worth) return true;
    if (s->has_holders) return false;
    const uint32_t *first = s->prefilter->holders_first;
    size_t holders = 0;
    for (size_t i = 0; i < s->n_literals; i++) holders += first[s->literals[i] + 1] - first[s->literals[i]];
    s->tries_worth = holders;
    if (s->tried < holders) return true;
    know_holders(s);
    return false;
}

bool scan_ask(struct scan *s, uint32_t clause)
{
    const struct clause_ref *c = &s->clauses[clause];
    bool there = false;
    if (try_literals(s)) {
        s->tried += c->n;
        there = has_literal(s, c);
    } else {
        if (s->known[clause] == KNOWN_THERE) return true;
        if (s->prefilter->characters_first[clause] == s->prefilter->characters_first[clause + 1])
            return false;
    }
    there = there || has_character(s, clause);
    know(s, clause, there ? KNOWN_THERE : KNOWN_ABSENT);
    return there;
}

void scan_places(struct scan *s, bool singles)
{
    if (singles && !s->has_singles && s->prefilter->has_lazy) {
        s->has_singles = true;
        s->sorted = false;
        each_character(s->prefilter, s, look_at_single);
    }
    scan_sort(s);
}
