/* The literal scan: pairs of characters, a bitmap, a hash table, and what the literals stand for. */
#include "rules/prefilter.h"

#include <endian.h>

enum { PAIR_BITS = 17, SINGLE_BITS = 12, NONE = UINT32_MAX };

struct literal {
    uint32_t at;     /* into bytes */
    uint16_t len;    /* bytes */
    uint16_t anchor; /* where its pair begins */
    uint16_t pair;   /* bytes of the pair; the whole literal when that is one character */
    bool single;
    uint64_t key;
    uint32_t clauses, n_clauses; /* into clause_ids */
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
    uint32_t *clause_first, *clause_n; /* clause -> literal ids in clause_literals */
    uint32_t *clause_literals;
    size_t n_clause_literals, cap_clause_literals, cap_clauses, cap_literals, cap_bytes;
};

struct prefilter {
    struct literal *literals;
    size_t n_literals, n_clauses;
    char *bytes;
    size_t n_bytes;
    uint32_t *clause_ids;
    size_t n_clause_ids;
    struct slot *slots;
    unsigned slot_bits;
    bool has_single;
    uint64_t pairs[(1U << PAIR_BITS) / 64];
    uint64_t singles[(1U << SINGLE_BITS) / 64];
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
    free(b->clause_first);
    free(b->clause_n);
    free(b->clause_literals);
    *b = (struct builder){0};
}

struct prefilter *prefilter_free(struct prefilter *p)
{
    if (!p) return NULL;
    builder_release(&p->b);
    free(p->literals);
    free(p->bytes);
    free(p->clause_ids);
    free(p->slots);
    free(p);
    return NULL;
}

static uint64_t hash_bytes(const void *data, size_t n)
{
    const unsigned char *p = data;
    uint64_t h = 1469598103934665603ULL;
    for (size_t i = 0; i < n; i++) h = (h ^ p[i]) * 1099511628211ULL;
    return h ^ (h >> 29);
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
    return hash_bytes(p->bytes + p->literals[id].at, p->literals[id].len);
}

static uint64_t clause_hash(const struct prefilter *p, uint32_t id)
{
    return hash_bytes(p->b.clause_literals + p->b.clause_first[id], p->b.clause_n[id] * sizeof(uint32_t));
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
    size_t at = hash_bytes(s, len) & (b->literal_slots - 1);
    for (; b->literal_table[at] != NONE; at = (at + 1) & (b->literal_slots - 1)) {
        const struct literal *l = &p->literals[b->literal_table[at]];
        if (l->len == len && memcmp(p->bytes + l->at, s, len) == 0) return b->literal_table[at];
    }
    p->literals = grown(p->literals, &b->cap_literals, p->n_literals + 1, sizeof(*p->literals));
    p->bytes = grown(p->bytes, &b->cap_bytes, p->n_bytes + len + 1, 1);
    memcpy(p->bytes + p->n_bytes, s, len + 1);
    p->literals[p->n_literals] = (struct literal){.at = (uint32_t)p->n_bytes, .len = (uint16_t)len};
    p->n_bytes += len + 1;
    b->literal_table[at] = (uint32_t)p->n_literals;
    return (uint32_t)p->n_literals++;
}

static int by_number(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

uint32_t prefilter_clause(struct prefilter *p, const struct clause *c)
{
    struct builder *b = &p->b;
    b->clause_literals =
        grown(b->clause_literals, &b->cap_clause_literals, b->n_clause_literals + c->n, sizeof(uint32_t));
    uint32_t *ids = b->clause_literals + b->n_clause_literals;
    for (size_t i = 0; i < c->n; i++) ids[i] = intern_literal(p, c->items[i]);
    qsort(ids, c->n, sizeof(*ids), by_number);

    index_room(p, &b->clause_table, &b->clause_slots, p->n_clauses, clause_hash);
    size_t at = hash_bytes(ids, c->n * sizeof(*ids)) & (b->clause_slots - 1);
    for (; b->clause_table[at] != NONE; at = (at + 1) & (b->clause_slots - 1)) {
        uint32_t id = b->clause_table[at];
        if (b->clause_n[id] == c->n &&
            memcmp(b->clause_literals + b->clause_first[id], ids, c->n * sizeof(*ids)) == 0)
            return id;
    }
    size_t cap = b->cap_clauses;
    b->clause_first = grown(b->clause_first, &cap, p->n_clauses + 1, sizeof(uint32_t));
    b->clause_n = grown(b->clause_n, &b->cap_clauses, p->n_clauses + 1, sizeof(uint32_t));
    b->clause_first[p->n_clauses] = (uint32_t)b->n_clause_literals;
    b->clause_n[p->n_clauses] = (uint32_t)c->n;
    b->n_clause_literals += c->n;
    b->clause_table[at] = (uint32_t)p->n_clauses;
    return (uint32_t)p->n_clauses++;
}

/* Literal -> clauses, turned round from clause -> literals. */
static void link_clauses(struct prefilter *p)
{
    const struct builder *b = &p->b;
    p->n_clause_ids = b->n_clause_literals;
    p->clause_ids = xcalloc(p->n_clause_ids + 1, sizeof(uint32_t));
    for (size_t i = 0; i < b->n_clause_literals; i++) p->literals[b->clause_literals[i]].n_clauses++;
    uint32_t at = 0;
    for (size_t i = 0; i < p->n_literals; i++) {
        p->literals[i].clauses = at;
        at += p->literals[i].n_clauses;
        p->literals[i].n_clauses = 0;
    }
    for (uint32_t c = 0; c < p->n_clauses; c++)
        for (uint32_t i = 0; i < b->clause_n[c]; i++) {
            struct literal *l = &p->literals[b->clause_literals[b->clause_first[c] + i]];
            p->clause_ids[l->clauses + l->n_clauses++] = c;
        }
}

static int by_key(const void *a, const void *b)
{
    const struct literal *x = a, *y = b;
    if (x->key != y->key) return x->key < y->key ? -1 : 1;
    return (x->at > y->at) - (x->at < y->at);
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
            l->anchor = (uint16_t)at;
            l->pair = (uint16_t)both;
        }
    }
}

static void choose_anchors(struct prefilter *p)
{
    uint16_t *crowd = xcalloc((size_t)1 << CROWD_BITS, sizeof(*crowd));
    for (size_t i = 0; i < p->n_literals; i++) for_each_pair(p, &p->literals[i], crowd, false);
    for (size_t i = 0; i < p->n_literals; i++) {
        struct literal *l = &p->literals[i];
        const char *s = p->bytes + l->at;
        l->single = char_length(s) >= l->len;
        if (l->single)
            l->pair = l->len;
        else
            for_each_pair(p, l, crowd, true);
        char padded[8] = {0};
        memcpy(padded, s + l->anchor, l->pair);
        l->key = load(padded);
    }
    free(crowd);
}

static void fill_tables(struct prefilter *p)
{
    p->slot_bits = 4;
    while (((size_t)1 << p->slot_bits) < p->n_literals * 4) p->slot_bits++;
    size_t n = (size_t)1 << p->slot_bits;
    p->slots = xcalloc(n, sizeof(*p->slots));
    for (uint32_t i = 0; i < p->n_literals; i++) {
        const struct literal *l = &p->literals[i];
        uint64_t h = mix(l->key);
        if (l->single) {
            p->has_single = true;
            uint64_t bit = h >> (64 - SINGLE_BITS);
            p->singles[bit >> 6] |= 1ULL << (bit & 63);
        } else {
            uint64_t bit = h >> (64 - PAIR_BITS);
            p->pairs[bit >> 6] |= 1ULL << (bit & 63);
        }
        size_t at = h >> (64 - p->slot_bits);
        while (p->slots[at].key && p->slots[at].key != l->key) at = (at + 1) & (n - 1);
        if (!p->slots[at].key) p->slots[at] = (struct slot){.key = l->key, .first = i};
        p->slots[at].n++;
    }
}

void prefilter_build(struct prefilter *p)
{
    link_clauses(p);
    builder_release(&p->b);
    choose_anchors(p);
    if (p->n_literals) qsort(p->literals, p->n_literals, sizeof(*p->literals), by_key);
    fill_tables(p);
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
    return sizeof(*p) + p->n_literals * sizeof(struct literal) + p->n_bytes +
           p->n_clause_ids * sizeof(uint32_t) + ((size_t)1 << p->slot_bits) * sizeof(struct slot);
}

/* ---- scanning ---- */

void scan_init(struct scan *s, const struct prefilter *p)
{
    *s = (struct scan){0};
    s->literal_bits = xcalloc(p->n_literals / 64 + 1, sizeof(uint64_t));
    s->clause_bits = xcalloc(p->n_clauses / 64 + 1, sizeof(uint64_t));
    s->literals = xcalloc(p->n_literals + 1, sizeof(uint32_t));
    s->clauses = xcalloc(p->n_clauses + 1, sizeof(uint32_t));
}

void scan_release(struct scan *s)
{
    free(s->literal_bits);
    free(s->clause_bits);
    free(s->literals);
    free(s->clauses);
    free(s->text);
    *s = (struct scan){0};
}

static void scan_take(struct scan *s, const char *text, size_t n)
{
    for (size_t i = 0; i < s->n_literals; i++) s->literal_bits[s->literals[i] >> 6] = 0;
    for (size_t i = 0; i < s->n_clauses; i++) s->clause_bits[s->clauses[i] >> 6] = 0;
    s->n_literals = s->n_clauses = 0;
    if (n + SCAN_PADDING > s->cap) {
        s->cap = (n + SCAN_PADDING) * 2;
        s->text = xrealloc(s->text, s->cap);
    }
    if (n) memcpy(s->text, text, n);
    memset(s->text + n, 0, SCAN_PADDING);
    s->len = n;
}

static void found(const struct prefilter *p, struct scan *s, uint32_t id)
{
    uint64_t bit = 1ULL << (id & 63);
    if (s->literal_bits[id >> 6] & bit) return;
    s->literal_bits[id >> 6] |= bit;
    s->literals[s->n_literals++] = id;
    const struct literal *l = &p->literals[id];
    for (uint32_t i = 0; i < l->n_clauses; i++) {
        uint32_t c = p->clause_ids[l->clauses + i];
        bit = 1ULL << (c & 63);
        if (s->clause_bits[c >> 6] & bit) continue;
        s->clause_bits[c >> 6] |= bit;
        s->clauses[s->n_clauses++] = c;
    }
}

/* The bitmap said perhaps: look the key up, and compare what stands around it. */
static void __attribute__((noinline))
look_up(const struct prefilter *p, struct scan *s, const char *at, uint64_t key)
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
        if (l->len > l->pair) {
            if ((size_t)(at - s->text) < l->anchor) continue;
            const char *from = at - l->anchor;
            if (from + l->len > s->text + s->len) continue;
            if (memcmp(from, p->bytes + l->at, l->len) != 0) continue;
        }
        found(p, s, id);
    }
}

void prefilter_scan(const struct prefilter *p, struct scan *s, const char *text, size_t n)
{
    scan_take(s, text, n);
    if (p->n_literals == 0) return;
    const char *at = s->text, *end = s->text + n;
    const uint64_t three_bytes = 0xe00000e0, three_mask = 0xf00000f0;
    while (at < end) {
        uint64_t w = load(at), key;
        unsigned len;
        if ((w & three_mask) == three_bytes) {
            len = 3;
            key = w & masks[6];
        } else {
            len = lengths[(w & 0xff) >> 4];
            key = w & masks[len + char_length(at + len)];
        }
        uint64_t bit = mix(key) >> (64 - PAIR_BITS);
        if (p->pairs[bit >> 6] >> (bit & 63) & 1) look_up(p, s, at, key);
        if (p->has_single) {
            key = w & masks[len];
            bit = mix(key) >> (64 - SINGLE_BITS);
            if (p->singles[bit >> 6] >> (bit & 63) & 1) look_up(p, s, at, key);
        }
        at += len;
    }
}
