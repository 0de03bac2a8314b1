/* What every match of a pattern must contain: a few clauses, each a set of strings of which one must be there.
 *
 * The tree is folded from the leaves. A node is `exact` when what it takes is one of a short list of strings; neighbours
 * that are exact are multiplied out while that stays small, and become a clause where it stops. All is on the safe side:
 * a string that might be absent from a match never enters, and a clause that would have to hold more than a few strings
 * is dropped. (The way RE2 builds its prefilter; the limits are ours.)
 */
#include "rules/pattern.h"

#include "base/text.h"

enum {
    EXACT_MAX = 64,       /* strings of an exact node */
    EXACT_BYTES_MAX = 36, /* of each */
    CLAUSE_MAX = 256,     /* strings of a clause */
    NEEDS_MAX = 6,        /* clauses of a pattern */
    LITERAL_MIN = 2,      /* bytes: shorter ones are everywhere */
    JOIN_BELOW = 6        /* bytes: two strings as long as this are better looked for one by one */
};

struct strings {
    const char **items;
    size_t n;
};

struct clauses {
    struct clause items[NEEDS_MAX * 2];
    size_t n;
};

struct info {
    bool exact;
    struct strings set; /* when exact */
    struct clauses needs;
};

/* A guess from length alone: the second character of a Chinese word says much more than the first. */
static double string_odds(const char *s)
{
    size_t n = strlen(s), chars = text_chars(s, n);
    if (n == chars) { /* ASCII */
        static const double by_length[] = {1, 0.6, 0.2, 0.08};
        return n < ARRAY_LEN(by_length) ? by_length[n] : 0.04;
    }
    static const double by_chars[] = {1, 0.12, 0.012, 0.003};
    return chars < ARRAY_LEN(by_chars) ? by_chars[chars] : 0.001;
}

static int by_length_then_bytes(const void *a, const void *b)
{
    const char *const *x = a, *const *y = b;
    size_t nx = strlen(*x), ny = strlen(*y);
    if (nx != ny) return nx < ny ? -1 : 1;
    return strcmp(*x, *y);
}

bool clause_settle(struct clause *c)
{
    if (c->n == 0) return false;
    qsort(c->items, c->n, sizeof(*c->items), by_length_then_bytes);
    if (strlen(c->items[0]) < LITERAL_MIN) return false;
    size_t kept = 0;
    c->odds = 0;
    for (size_t i = 0; i < c->n; i++) {
        bool redundant = false;
        for (size_t j = 0; j < kept && !redundant; j++) redundant = strstr(c->items[i], c->items[j]) != NULL;
        if (redundant) continue;
        c->items[kept++] = c->items[i];
        c->odds += string_odds(c->items[i]);
    }
    c->n = kept;
    return true;
}

/* a says at least as much as b: whoever has one of a's strings has one of b's. */
static bool implies(const struct clause *a, const struct clause *b)
{
    for (size_t i = 0; i < a->n; i++) {
        bool held = false;
        for (size_t j = 0; j < b->n && !held; j++) held = strstr(a->items[i], b->items[j]) != NULL;
        if (!held) return false;
    }
    return true;
}

/* Keeps the best NEEDS_MAX, rarest first, none implied by another. */
static void clauses_add(struct clauses *l, const struct clause *c)
{
    for (size_t i = 0; i < l->n; i++)
        if (implies(&l->items[i], c)) return;
    size_t kept = 0;
    for (size_t i = 0; i < l->n; i++)
        if (!implies(c, &l->items[i])) l->items[kept++] = l->items[i];
    l->n = kept;
    size_t at = l->n;
    while (at > 0 && l->items[at - 1].odds > c->odds) at--;
    memmove(&l->items[at + 1], &l->items[at], (l->n - at) * sizeof(*l->items));
    l->items[at] = *c;
    l->n++;
    if (l->n > NEEDS_MAX) l->n = NEEDS_MAX;
}

static void clauses_add_all(struct clauses *l, const struct clauses *more)
{
    for (size_t i = 0; i < more->n; i++) clauses_add(l, &more->items[i]);
}

static void clauses_add_set(struct clauses *l, const struct strings *set, struct arena *a)
{
    struct clause c = {.items = arena_alloc(a, set->n * sizeof(char *) + 1), .n = set->n};
    for (size_t i = 0; i < set->n; i++) c.items[i] = set->items[i];
    if (clause_settle(&c)) clauses_add(l, &c);
}

static struct strings one_string(const char *s, struct arena *a)
{
    struct strings set = {arena_alloc(a, sizeof(char *)), 1};
    set.items[0] = s;
    return set;
}

static struct strings set_union(const struct strings *a, const struct strings *b, struct arena *arena)
{
    struct strings out = {arena_alloc(arena, (a->n + b->n) * sizeof(char *) + 1), 0};
    for (size_t i = 0; i < a->n; i++) out.items[out.n++] = a->items[i];
    for (size_t i = 0; i < b->n; i++) {
        bool known = false;
        for (size_t j = 0; j < a->n && !known; j++) known = strcmp(a->items[j], b->items[i]) == 0;
        if (!known) out.items[out.n++] = b->items[i];
    }
    return out;
}

static size_t shortest(const struct strings *s)
{
    size_t min = SIZE_MAX;
    for (size_t i = 0; i < s->n; i++)
        if (strlen(s->items[i]) < min) min = strlen(s->items[i]);
    return min;
}

static size_t longest(const struct strings *s)
{
    size_t max = 0;
    for (size_t i = 0; i < s->n; i++)
        if (strlen(s->items[i]) > max) max = strlen(s->items[i]);
    return max;
}

static bool fits(const struct strings *a, const struct strings *b)
{
    return a->n * b->n <= EXACT_MAX && longest(a) + longest(b) <= EXACT_BYTES_MAX;
}

static struct strings set_product(const struct strings *a, const struct strings *b, struct arena *arena)
{
    struct strings out = {arena_alloc(arena, a->n * b->n * sizeof(char *) + 1), 0};
    for (size_t i = 0; i < a->n; i++)
        for (size_t j = 0; j < b->n; j++)
            out.items[out.n++] = arena_printf(arena, "%s%s", a->items[i], b->items[j]);
    return out;
}

static void fold(const struct node *n, struct arena *a, struct info *ret);

static void fold_concat(const struct node *n, struct arena *a, struct info *ret)
{
    ret->set = one_string("", a);
    bool exact = true; /* of the whole so far; set is what touches the next piece */
    for (size_t i = 0; i < n->n_kids; i++) {
        struct info kid = {0};
        fold(n->kids[i], a, &kid);
        clauses_add_all(&ret->needs, &kid.needs);
        if (!kid.exact) {
            clauses_add_set(&ret->needs, &ret->set, a);
            ret->set = one_string("", a);
            exact = false;
            continue;
        }
        bool short_enough = shortest(&ret->set) < JOIN_BELOW || shortest(&kid.set) < JOIN_BELOW;
        if (fits(&ret->set, &kid.set) && short_enough) {
            ret->set = set_product(&ret->set, &kid.set, a);
            continue;
        }
        clauses_add_set(&ret->needs, &ret->set, a);
        ret->set = kid.set;
        exact = false;
    }
    ret->exact = exact;
    if (!exact) clauses_add_set(&ret->needs, &ret->set, a);
}

/* (A1 and A2) or (B1 and B2) needs (A1 or B1) and (A2 or B2). */
static void alt_needs(const struct info *kids, size_t n, struct arena *a, struct clauses *ret)
{
    for (size_t rank = 0; rank < 2; rank++) {
        size_t total = 0;
        for (size_t i = 0; i < n; i++) {
            if (kids[i].needs.n == 0) return;
            total += kids[i].needs.items[rank < kids[i].needs.n ? rank : 0].n;
        }
        if (total > CLAUSE_MAX) return;
        struct clause c = {.items = arena_alloc(a, total * sizeof(char *) + 1)};
        for (size_t i = 0; i < n; i++) {
            const struct clause *from = &kids[i].needs.items[rank < kids[i].needs.n ? rank : 0];
            memcpy(c.items + c.n, from->items, from->n * sizeof(char *));
            c.n += from->n;
        }
        if (clause_settle(&c)) clauses_add(ret, &c);
    }
}

static void fold_alt(const struct node *n, struct arena *a, struct info *ret)
{
    struct info *kids = arena_alloc(a, n->n_kids * sizeof(*kids));
    bool exact = true;
    struct strings all = {0};
    for (size_t i = 0; i < n->n_kids; i++) {
        fold(n->kids[i], a, &kids[i]);
        exact = exact && kids[i].exact && all.n + kids[i].set.n <= CLAUSE_MAX;
        if (exact) all = set_union(&all, &kids[i].set, a);
    }
    ret->exact = exact;
    if (exact) {
        ret->set = all;
        return;
    }
    for (size_t i = 0; i < n->n_kids; i++)
        if (kids[i].exact) clauses_add_set(&kids[i].needs, &kids[i].set, a);
    alt_needs(kids, n->n_kids, a, &ret->needs);
}

static void fold_repeat(const struct node *n, struct arena *a, struct info *ret)
{
    struct info kid = {0};
    fold(n->kids[0], a, &kid);
    if (n->min == 0) {
        if (n->max != 1 || !kid.exact || kid.set.n >= EXACT_MAX) return;
        struct strings nothing = one_string("", a);
        ret->exact = true;
        ret->set = set_union(&nothing, &kid.set, a);
        return;
    }
    ret->needs = kid.needs;
    if (!kid.exact) return;
    ret->set = kid.set;
    int times = 1;
    while (times < n->min && fits(&ret->set, &kid.set)) {
        ret->set = set_product(&ret->set, &kid.set, a);
        times++;
    }
    ret->exact = n->max == times; /* then min is too */
    if (!ret->exact) clauses_add_set(&ret->needs, &ret->set, a);
}

static void fold(const struct node *n, struct arena *a, struct info *ret)
{
    switch (n->kind) {
    case NODE_LITERAL:
        ret->set = one_string(n->text, a);
        ret->exact = strlen(n->text) <= EXACT_BYTES_MAX;
        if (!ret->exact) clauses_add_set(&ret->needs, &ret->set, a);
        return;
    case NODE_SET:
        ret->exact = n->n_members > 0;
        ret->set = (struct strings){n->members, n->n_members};
        return;
    case NODE_EMPTY:
        ret->exact = true;
        ret->set = one_string("", a);
        return;
    case NODE_LOOK: {
        struct info kid = {0};
        if (!n->negative) {
            fold(n->kids[0], a, &kid);
            if (kid.exact) clauses_add_set(&kid.needs, &kid.set, a);
            ret->needs = kid.needs;
        }
        ret->exact = true;
        ret->set = one_string("", a);
        return;
    }
    case NODE_GROUP: fold(n->kids[0], a, ret); return;
    case NODE_CONCAT: fold_concat(n, a, ret); return;
    case NODE_ALT: fold_alt(n, a, ret); return;
    case NODE_REPEAT: fold_repeat(n, a, ret); return;
    }
}

struct needs pattern_needs(const struct pattern *p, struct arena *a)
{
    struct info top = {0};
    fold(p->root, a, &top);
    if (top.exact) clauses_add_set(&top.needs, &top.set, a);
    struct needs out = {arena_alloc(a, top.needs.n * sizeof(struct clause) + 1), top.needs.n};
    memcpy(out.items, top.needs.items, top.needs.n * sizeof(struct clause));
    return out;
}
