/* Texts made from a pattern for lint: one that it matches, and many that make it work as hard as it can. */
#include "rules/pattern.h"

static void witness(const struct node *n, struct buf *out)
{
    switch (n->kind) {
    case NODE_LITERAL: buf_str(out, n->text); return;
    case NODE_SET: buf_str(out, n->n_members ? n->members[0] : n->sample); return;
    case NODE_EMPTY:
    case NODE_LOOK: return;
    case NODE_CONCAT:
        for (size_t i = 0; i < n->n_kids; i++) witness(n->kids[i], out);
        return;
    case NODE_ALT:
    case NODE_GROUP: witness(n->kids[0], out); return;
    case NODE_REPEAT:
        for (int i = 0; i < n->min && !buf_failed(out); i++) witness(n->kids[0], out);
        return;
    }
}

void pattern_witness(const struct pattern *p, struct buf *out)
{
    witness(p->root, out);
}

static bool contains(const struct node *n, const struct node *wanted)
{
    if (n == wanted) return true;
    for (size_t i = 0; i < n->n_kids; i++)
        if (contains(n->kids[i], wanted)) return true;
    return false;
}

/* One turn of the repetition, as filling for `bytes`. */
/* What is repeated, when it is a choice. */
static const struct node *choice_of(const struct node *repeat)
{
    const struct node *n = repeat->kids[0];
    while (n->kind == NODE_GROUP) n = n->kids[0];
    return n->kind == NODE_ALT ? n : NULL;
}

/* each: a turn goes through all of a choice, so that abab is there for (?:a|b|ab)*. */
static void pump(const struct node *repeat, size_t bytes, bool each, struct buf *out)
{
    CLEANUP(buf_release) struct buf turn = BUF_INIT(4096);
    const struct node *choice = each ? choice_of(repeat) : NULL;
    for (size_t i = 0; choice && i < choice->n_kids; i++) witness(choice->kids[i], &turn);
    if (!choice) witness(repeat->kids[0], &turn);
    if (turn.len == 0) buf_char(&turn, '1');
    for (size_t n = 0; n + turn.len <= bytes; n += turn.len) buf_add(out, turn.data, turn.len);
}

/* The shortest way to `target`, then its pump. */
static bool walk_to(const struct node *n, const struct node *target, size_t bytes, bool each, struct buf *out)
{
    if (n == target) {
        pump(n, bytes, each, out);
        return true;
    }
    if (n->kind == NODE_ALT) {
        for (size_t i = 0; i < n->n_kids; i++)
            if (contains(n->kids[i], target)) return walk_to(n->kids[i], target, bytes, each, out);
    }
    if (n->kind == NODE_CONCAT) {
        for (size_t i = 0; i < n->n_kids; i++)
            if (walk_to(n->kids[i], target, bytes, each, out)) return true;
        return false;
    }
    if ((n->kind == NODE_GROUP || n->kind == NODE_REPEAT || n->kind == NODE_LOOK) && contains(n, target))
        return walk_to(n->kids[0], target, bytes, each, out);
    witness(n, out);
    return false;
}

struct attack {
    const struct node *root;
    const char *end; /* the last character of its witness */
    size_t bytes;
    void (*fn)(void *arg, const char *text, size_t n);
    void *arg;
};

/* What has begun well, and each way in which it may fail to end. */
static void attack_ends(const struct attack *t, struct buf *b)
{
    size_t whole = b->len;
    t->fn(t->arg, buf_cstr(b), b->len);
    static const char *const breaks[] = {"✗", "\n"}; /* the second is what . does not take */
    for (size_t i = 0; i < ARRAY_LEN(breaks); i++) {
        b->len = whole;
        buf_str(b, breaks[i]);
        t->fn(t->arg, buf_cstr(b), b->len);
        /* Its last character alone, then all of it: else PCRE2 sees at once that something of the end is missing. */
        size_t broken = b->len;
        buf_str(b, t->end);
        t->fn(t->arg, buf_cstr(b), b->len);
        b->len = broken;
        witness(t->root, b);
        t->fn(t->arg, buf_cstr(b), b->len);
        /* What takes the break as well still has to end where the text does. */
        b->len = whole;
        buf_str(b, t->end);
        buf_str(b, breaks[i]);
        t->fn(t->arg, buf_cstr(b), b->len);
    }
}

static void attack_repeats(const struct attack *t, const struct node *n)
{
    enum { WORTH_PUMPING = 8 };
    if (n->kind == NODE_REPEAT && (n->max < 0 || n->max >= WORTH_PUMPING)) {
        CLEANUP(buf_release) struct buf b = BUF_INIT(t->bytes * 2 + 4096);
        (void)walk_to(t->root, n, t->bytes, false, &b);
        attack_ends(t, &b);
        if (choice_of(n)) {
            buf_clear(&b);
            (void)walk_to(t->root, n, t->bytes, true, &b);
            attack_ends(t, &b);
        }
    }
    for (size_t i = 0; i < n->n_kids; i++) attack_repeats(t, n->kids[i]);
}

/* Each piece of the top concatenation as often as room allows, the last left out: many beginnings, no end. */
static void attack_pieces(const struct attack *t)
{
    const struct node *root = t->root;
    while (root->kind == NODE_GROUP) root = root->kids[0];
    if (root->kind != NODE_CONCAT) return;
    CLEANUP(buf_release) struct buf b = BUF_INIT(t->bytes * 2 + 4096);
    size_t share = t->bytes / root->n_kids;
    for (size_t i = 0; i + 1 < root->n_kids; i++) {
        CLEANUP(buf_release) struct buf piece = BUF_INIT(4096);
        witness(root->kids[i], &piece);
        if (piece.len == 0) continue;
        for (size_t n = 0; n + piece.len <= share; n += piece.len) buf_add(&b, piece.data, piece.len);
    }
    t->fn(t->arg, buf_cstr(&b), b.len);
}

/* A repetition inside a repetition. */
static bool is_nested(const struct node *n, bool inside)
{
    bool repeat = n->kind == NODE_REPEAT && (n->max < 0 || n->max > 1);
    if (repeat && inside) return true;
    for (size_t i = 0; i < n->n_kids; i++)
        if (is_nested(n->kids[i], inside || repeat)) return true;
    return false;
}

void pattern_attacks(const struct pattern *p, size_t bytes, void (*fn)(void *arg, const char *text, size_t n),
                     void *arg)
{
    CLEANUP(buf_release) struct buf whole = BUF_INIT(64 * 1024), b = BUF_INIT(bytes + 4096);
    witness(p->root, &whole);
    size_t last = whole.len;
    while (last > 0 && ((unsigned char)whole.data[--last] & 0xc0) == 0x80)
        ;
    struct attack t = {.root = p->root, .end = buf_cstr(&whole) + last, .bytes = bytes, .fn = fn, .arg = arg};
    attack_repeats(&t, p->root);
    attack_pieces(&t);
    if (whole.len == 0 || whole.len > bytes) return;
    while (b.len + whole.len <= bytes) buf_add(&b, whole.data, whole.len);
    fn(arg, buf_cstr(&b), b.len);
    if (last == 0 || !is_nested(p->root, false)) return;
    /* The same without its last character: an end again and again that is none. */
    CLEANUP(buf_release) struct buf open = BUF_INIT(2 * bytes + 4096);
    while (open.len + last <= bytes) buf_add(&open, whole.data, last);
    attack_ends(&t, &open);
}
