/* What every match of a pattern must contain: a few clauses, each a set of strings of which one must be there; and in what
 * order, and how far apart.
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
    CLAUSE_MAX = 512,     /* strings of a clause */
    NEEDS_MAX = 6,        /* clauses of a pattern */
    LITERAL_MIN = 2,      /* bytes: shorter ones are everywhere */
    LINKS_MAX = 6,
    JOIN_BELOW = 6 /* bytes: two strings as long as this are better looked for one by one */
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
    bool faithful;      /* exact, and it takes every string of the set wherever that stands */
    struct strings set; /* when exact */
    struct clauses needs;
    size_t digits; /* in a row, at least */
};

/* The links of a concatenation, while it is being folded. */
struct chain {
    struct link items[LINKS_MAX];
    size_t widths[LINKS_MAX]; /* bytes that the piece can take, its string being somewhere in it */
    size_t n, gap;            /* gap: bytes that can stand between the last link and what comes */
    bool full;
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
    size_t shorter = 0,
           len = 0; /* strings of one length hold each other only when they are equal, and so neighbours */
    for (size_t i = 0; i < c->n; i++) {
        if (strlen(c->items[i]) > len) {
            len = strlen(c->items[i]);
            shorter = kept;
        }
        bool redundant = kept > shorter && strcmp(c->items[i], c->items[kept - 1]) == 0;
        for (size_t j = 0; j < shorter && !redundant; j++)
            redundant = strstr(c->items[i], c->items[j]) != NULL;
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

static bool clause_of_set(const struct strings *set, struct arena *a, struct clause *ret)
{
    *ret = (struct clause){.items = arena_alloc(a, set->n * sizeof(char *) + 1), .n = set->n};
    for (size_t i = 0; i < set->n; i++) ret->items[i] = set->items[i];
    return clause_settle(ret);
}

static void clauses_add_set(struct clauses *l, const struct strings *set, struct arena *a)
{
    struct clause c;
    if (clause_of_set(set, a, &c)) clauses_add(l, &c);
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

/* ---- order and distance ---- */

static size_t add_widths(size_t a, size_t b)
{
    return a > SIZE_MAX - b ? SIZE_MAX : a + b;
}

/* The most bytes that a node can take. */
static size_t max_width(const struct node *n)
{
    size_t sum = 0;
    switch (n->kind) {
    case NODE_LITERAL: return strlen(n->text);
    case NODE_SET: return 4;
    case NODE_EMPTY:
    case NODE_LOOK: return 0;
    case NODE_GROUP: return max_width(n->kids[0]);
    case NODE_CONCAT:
        for (size_t i = 0; i < n->n_kids; i++) sum = add_widths(sum, max_width(n->kids[i]));
        return sum;
    case NODE_ALT:
        for (size_t i = 0; i < n->n_kids; i++)
            if (max_width(n->kids[i]) > sum) sum = max_width(n->kids[i]);
        return sum;
    case NODE_REPEAT: break;
    }
    size_t once = max_width(n->kids[0]);
    if (once == 0) return 0;
    if (n->max < 0 || once > SIZE_MAX / 4096) return SIZE_MAX;
    return once * (size_t)n->max;
}

static bool has_kind(const struct node *n, enum node_kind kind)
{
    if (n->kind == kind) return true;
    for (size_t i = 0; i < n->n_kids; i++)
        if (has_kind(n->kids[i], kind)) return true;
    return false;
}

/* A piece of at most `width` bytes that holds one of the clause. A string begins before the next one's does, and at most
 * both pieces and what stands between them further on. */
static void chain_link(struct chain *c, const struct clause *clause, size_t width)
{
    if (!c || c->full) return;
    if (c->n > 0) c->items[c->n - 1].reach = add_widths(add_widths(c->widths[c->n - 1], c->gap), width);
    if (c->n == LINKS_MAX) {
        c->items[c->n - 1].reach = SIZE_MAX;
        c->full = true;
        return;
    }
    c->items[c->n] = (struct link){*clause, SIZE_MAX};
    c->widths[c->n++] = width;
    c->gap = 0;
}

static void chain_gap(struct chain *c, size_t width)
{
    if (c) c->gap = add_widths(c->gap, width);
}

static void fold(const struct node *n, struct arena *a, struct info *ret);

/* The set that has been gathered so far becomes a clause, where it says anything. */
static void flush(struct info *ret, struct chain *chain, struct arena *a)
{
    struct clause c;
    if (clause_of_set(&ret->set, a, &c)) {
        clauses_add(&ret->needs, &c);
        chain_link(chain, &c, longest(&ret->set));
    } else {
        chain_gap(chain, longest(&ret->set));
    }
}

static void fold_concat(const struct node *n, struct arena *a, struct info *ret, struct chain *chain)
{
    ret->set = one_string("", a);
    ret->faithful = true;
    bool exact = true; /* of the whole so far; set is what touches the next piece */
    for (size_t i = 0; i < n->n_kids; i++) {
        struct info kid = {0};
        fold(n->kids[i], a, &kid);
        clauses_add_all(&ret->needs, &kid.needs);
        ret->faithful = ret->faithful && kid.faithful;
        if (kid.digits > ret->digits) ret->digits = kid.digits;
        if (!kid.exact) {
            flush(ret, chain, a);
            ret->set = one_string("", a);
            exact = false;
            /* What a lookaround needs may be anywhere. */
            if (kid.needs.n && !has_kind(n->kids[i], NODE_LOOK))
                chain_link(chain, &kid.needs.items[0], max_width(n->kids[i]));
            else
                chain_gap(chain, max_width(n->kids[i]));
            continue;
        }
        bool short_enough = shortest(&ret->set) < JOIN_BELOW || shortest(&kid.set) < JOIN_BELOW;
        if (fits(&ret->set, &kid.set) && short_enough) {
            ret->set = set_product(&ret->set, &kid.set, a);
            continue;
        }
        flush(ret, chain, a);
        ret->set = kid.set;
        exact = false;
    }
    ret->exact = exact;
    ret->faithful = ret->faithful && exact;
    if (!exact || chain) flush(ret, chain, a);
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

static void join_alt(struct info *kids, size_t n, struct arena *a, struct info *ret)
{
    size_t total = 0;
    ret->exact = ret->faithful = true;
    for (size_t i = 0; i < n; i++) {
        ret->exact = ret->exact && kids[i].exact;
        ret->faithful = ret->faithful && kids[i].faithful;
        if (i == 0 || kids[i].digits < ret->digits) ret->digits = kids[i].digits;
        total += kids[i].set.n;
    }
    ret->exact = ret->exact && total <= CLAUSE_MAX;
    ret->faithful = ret->faithful && ret->exact;
    if (ret->exact) {
        ret->set.items = arena_alloc(a, total * sizeof(char *) + 1);
        for (size_t i = 0; i < n; i++)
            for (size_t k = 0; k < kids[i].set.n; k++) ret->set.items[ret->set.n++] = kids[i].set.items[k];
        return;
    }
    for (size_t i = 0; i < n; i++)
        if (kids[i].exact) clauses_add_set(&kids[i].needs, &kids[i].set, a);
    alt_needs(kids, n, a, &ret->needs);
}

static void fold_alt(const struct node *n, struct arena *a, struct info *ret)
{
    struct info *kids = arena_alloc(a, n->n_kids * sizeof(*kids));
    for (size_t i = 0; i < n->n_kids; i++) fold(n->kids[i], a, &kids[i]);
    join_alt(kids, n->n_kids, a, ret);
}

static void fold_repeat(const struct node *n, struct arena *a, struct info *ret)
{
    struct info kid = {0};
    fold(n->kids[0], a, &kid);
    if (n->min == 0) {
        if (n->max != 1 || !kid.exact || kid.set.n >= EXACT_MAX) return;
        struct strings nothing = one_string("", a);
        ret->exact = true;
        ret->faithful = kid.faithful && n->greedy[0] != '+';
        ret->set = set_union(&nothing, &kid.set, a);
        return;
    }
    ret->needs = kid.needs;
    ret->digits = n->kids[0]->digit ? (size_t)n->min : kid.digits;
    if (!kid.exact) return;
    ret->set = kid.set;
    int times = 1;
    while (times < n->min && fits(&ret->set, &kid.set)) {
        ret->set = set_product(&ret->set, &kid.set, a);
        times++;
    }
    ret->exact = n->max == times; /* then min is too */
    ret->faithful = ret->exact && kid.faithful && n->greedy[0] != '+';
    if (!ret->exact) clauses_add_set(&ret->needs, &ret->set, a);
}

static void fold(const struct node *n, struct arena *a, struct info *ret)
{
    switch (n->kind) {
    case NODE_LITERAL:
        ret->set = one_string(n->text, a);
        ret->exact = ret->faithful = strlen(n->text) <= EXACT_BYTES_MAX;
        if (!ret->exact) clauses_add_set(&ret->needs, &ret->set, a);
        return;
    case NODE_SET:
        ret->exact = ret->faithful = n->n_members > 0;
        ret->digits = n->digit;
        ret->set = (struct strings){n->members, n->n_members};
        return;
    case NODE_EMPTY:
        ret->exact = true;
        ret->faithful = n->text[0] == '\0';
        ret->set = one_string("", a);
        return;
    case NODE_LOOK: {
        struct info kid = {0};
        if (!n->negative) {
            fold(n->kids[0], a, &kid);
            if (kid.exact) clauses_add_set(&kid.needs, &kid.set, a);
            ret->needs = kid.needs;
            ret->digits = kid.digits;
        }
        ret->exact = true;
        ret->set = one_string("", a);
        return;
    }
    case NODE_GROUP:
        fold(n->kids[0], a, ret);
        /* An atomic one gives nothing back, and a name wants to know where it stood. */
        ret->faithful = ret->faithful && strncmp(n->text, "(?>", 3) != 0 && strncmp(n->text, "(?<", 3) != 0;
        return;
    case NODE_CONCAT: fold_concat(n, a, ret, NULL); return;
    case NODE_ALT: fold_alt(n, a, ret); return;
    case NODE_REPEAT: fold_repeat(n, a, ret); return;
    }
}

/* ---- the whole ---- */

static struct needs keep_needs(const struct clauses *c, struct arena *a)
{
    struct needs out = {arena_alloc(a, c->n * sizeof(struct clause) + 1), c->n};
    for (size_t i = 0; i < c->n; i++) out.items[i] = c->items[i];
    return out;
}

static void fold_branch(struct node *n, struct arena *a, struct info *ret, struct branch *ret_branch)
{
    struct chain chain = {0};
    *ret_branch = (struct branch){.node = n};
    if (n->kind == NODE_CONCAT)
        fold_concat(n, a, ret, &chain);
    else
        fold(n, a, ret);
    if (ret->exact) clauses_add_set(&ret->needs, &ret->set, a);
    ret_branch->needs = keep_needs(&ret->needs, a);
    ret_branch->digits = ret->digits;
    ret_branch->n_links = chain.n;
    ret_branch->links = arena_alloc(a, chain.n * sizeof(struct link) + 1);
    for (size_t i = 0; i < chain.n; i++) ret_branch->links[i] = chain.items[i];
}

/* Whether the set can stand for itself in the scan: nothing empty, nothing too short to look for. */
static bool is_plain(const struct info *i)
{
    return i->exact && i->faithful && i->set.n > 0 && shortest(&i->set) >= LITERAL_MIN;
}

/* The pattern less the brackets round it. */
static struct node *inside(const struct pattern *p)
{
    struct node *root = p->root;
    while (root->kind == NODE_GROUP && strcmp(root->text, "(?:") == 0) root = root->kids[0];
    return root;
}

struct shape pattern_shape(const struct pattern *p, struct arena *a)
{
    struct shape out = {0};
    struct node *root = inside(p);
    bool split = root->kind == NODE_ALT &&
                 !node_has_flags(root); /* a flag reaches into the alternatives that follow */
    size_t n = split ? root->n_kids : 1, n_sets = 0, strings = 0;
    struct strings *sets = arena_alloc(a, n * sizeof(*sets));
    out.branches = arena_alloc(a, n * sizeof(struct branch));
    for (size_t i = 0; i < n; i++) {
        struct info info = {0};
        fold_branch(split ? root->kids[i] : root, a, &info, &out.branches[out.n_branches]);
        if (!is_plain(&info)) {
            out.n_branches++;
            continue;
        }
        strings += info.set.n;
        sets[n_sets++] = info.set;
    }
    if (strings == 0) return out;
    out.plain.items = arena_alloc(a, strings * sizeof(char *));
    for (size_t i = 0; i < n_sets; out.plain.n += sets[i++].n)
        memcpy(out.plain.items + out.plain.n, sets[i].items, sets[i].n * sizeof(char *));
    (void)clause_settle(&out.plain); /* all are long enough */
    return out;
}

struct needs pattern_needs(const struct pattern *p, struct arena *a)
{
    struct info info = {0};
    fold(p->root, a, &info);
    if (info.exact) clauses_add_set(&info.needs, &info.set, a);
    return keep_needs(&info.needs, a);
}
