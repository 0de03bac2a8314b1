/* A pattern as people read it: the first alternatives, gaps as …, and how much was left out. */
#include <string.h>

#include "base/text.h"
#include "rules/pattern.h"

enum { TOP_SHOWN = 6, INNER_SHOWN = 3, BRIEF_BYTES = 160, ROOM = 64 * PATTERN_BYTES_MAX };

static void brief(const struct node *n, struct buf *out);

static bool is_any(const struct node *n)
{
    return n->kind == NODE_SET && n->n_members == 0 && strcmp(n->text, ".") == 0;
}

static bool ends_with(const struct buf *b, const char *s)
{
    size_t n = strlen(s);
    return b->len >= n && memcmp(b->data + b->len - n, s, n) == 0;
}

static void gap(struct buf *out)
{
    if (!ends_with(out, "…")) buf_str(out, "…");
}

/* Not longer than fits a line or two. */
static void add_cut(struct buf *out, const struct buf *one)
{
    size_t n = text_cut(buf_cstr(one), one->len, BRIEF_BYTES);
    buf_add(out, buf_cstr(one), n);
    if (n < one->len) gap(out);
}

/* The alternatives of a choice, those of a choice within it among them. */
struct choice {
    struct buf text; /* the first ones */
    const char *between;
    size_t most, bytes; /* to be shown */
    size_t shown, n;
    bool may_be_empty;
};

static void choice_add(struct choice *c, const struct node *n)
{
    while (n->kind == NODE_GROUP) n = n->kids[0];
    if (n->kind == NODE_ALT) {
        for (size_t i = 0; i < n->n_kids; i++) choice_add(c, n->kids[i]);
        return;
    }
    CLEANUP(buf_release) struct buf one = BUF_INIT(ROOM);
    brief(n, &one);
    if (one.len == 0) c->may_be_empty = true;
    if (c->shown == c->n++ && c->shown < c->most && (c->shown == 0 || c->text.len + one.len <= c->bytes)) {
        if (c->shown++) buf_str(&c->text, c->between);
        add_cut(&c->text, &one);
    }
}

static void brief_top(const struct node *n, struct buf *out)
{
    struct choice c = {.text = BUF_INIT(ROOM), .between = " / ", .most = TOP_SHOWN, .bytes = BRIEF_BYTES};
    choice_add(&c, n);
    buf_str(out, buf_cstr(&c.text));
    if (c.shown < c.n) buf_printf(out, " … (+%zu)", c.n - c.shown);
    buf_release(&c.text);
}

/* One of which an alternative may be nothing need not be there either. */
static void brief_choice(const struct node *n, struct buf *out)
{
    struct choice c = {.text = BUF_INIT(ROOM), .between = "/", .most = INNER_SHOWN, .bytes = BRIEF_BYTES};
    choice_add(&c, n);
    if (!c.may_be_empty) {
        buf_printf(out, "(%s", buf_cstr(&c.text));
        if (c.shown < c.n) buf_printf(out, "…+%zu", c.n - c.shown);
        buf_char(out, ')');
    }
    buf_release(&c.text);
}

static void brief_set(const struct node *n, struct buf *out)
{
    if (is_any(n)) {
        gap(out);
    } else if (n->digit || n->n_members == 0) {
        buf_str(out, n->text);
    } else {
        buf_char(out, '(');
        for (size_t i = 0; i < n->n_members && i < INNER_SHOWN; i++)
            buf_printf(out, "%s%s", i ? "/" : "", n->members[i]);
        if (n->n_members > INNER_SHOWN) buf_printf(out, "…+%zu", n->n_members - INNER_SHOWN);
        buf_char(out, ')');
    }
}

/* What need not be there, and what takes no character, is left out. */
static void brief(const struct node *n, struct buf *out)
{
    switch (n->kind) {
    case NODE_LITERAL:
        for (const char *c = n->text; *c; c++)
            if (*c != '\n') buf_char(out, *c);
        return;
    case NODE_SET: brief_set(n, out); return;
    case NODE_EMPTY:
    case NODE_LOOK: return;
    case NODE_CONCAT:
        for (size_t i = 0; i < n->n_kids; i++) brief(n->kids[i], out);
        return;
    case NODE_ALT: brief_choice(n, out); return;
    case NODE_GROUP: brief(n->kids[0], out); return;
    case NODE_REPEAT:
        if (is_any(n->kids[0]))
            gap(out);
        else if (n->min > 0)
            brief(n->kids[0], out);
        return;
    }
}

static const struct node *inside(const struct pattern *p)
{
    const struct node *n = p->root;
    while (n->kind == NODE_GROUP) n = n->kids[0];
    return n;
}

bool pattern_is_choice(const struct pattern *p)
{
    return inside(p)->kind == NODE_ALT;
}

void pattern_brief(const struct pattern *p, struct buf *out)
{
    if (pattern_is_choice(p)) {
        brief_top(inside(p), out);
        return;
    }
    CLEANUP(buf_release) struct buf b = BUF_INIT(ROOM);
    brief(p->root, &b);
    if (b.len == 0) buf_str(&b, p->source); /* of lookarounds alone */
    add_cut(out, &b);
}
