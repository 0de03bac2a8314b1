/* Reads a rule's regular expression, puts its literals into normal form, and writes it out again for PCRE2. */
#include "rules/pattern.h"

#include "base/i18n.h"
#include "base/normalise.h"
#include "base/text.h"

enum { MEMBERS_MAX = 16, REPEAT_MAX = 2000 };

struct nodes {
    struct node **items;
    size_t n, cap;
};

struct parser {
    const char *text;
    size_t n, at;
    int depth;
    struct arena *arena;
    struct reason *why;
    struct norm_text norm;
    bool impossible; /* a literal that no normalised text holds: the first one, and what to write */
    char bad[8], form[64];
};

static struct node *parse_alt(struct parser *p);

static void nodes_add(struct nodes *l, struct node *item)
{
    if (l->n == l->cap) {
        l->cap = l->cap ? l->cap * 2 : 8;
        l->items = xreallocarray(l->items, l->cap, sizeof(*l->items));
    }
    l->items[l->n++] = item;
}

static void nodes_release(struct nodes *l)
{
    free(l->items);
}

static struct node *node_new(struct parser *p, enum node_kind kind, const char *text)
{
    struct node *n = arena_alloc(p->arena, sizeof(*n));
    n->kind = kind;
    n->text = text ? text : "";
    n->greedy = "";
    return n;
}

static struct node *node_over(struct parser *p, enum node_kind kind, const char *text, struct nodes *kids)
{
    struct node *n = node_new(p, kind, text);
    n->n_kids = kids->n;
    n->kids = arena_alloc(p->arena, kids->n * sizeof(struct node *) + 1);
    if (kids->n) memcpy(n->kids, kids->items, kids->n * sizeof(struct node *));
    return n;
}

/* Every refusal says at which character, because patterns are long and look alike. */
static struct node *refuse(struct parser *p, const char *what)
{
    (void)fail(p->why, RELAY_INVALID, _("pattern, character %zu: %s"), text_chars(p->text, p->at) + 1, what);
    return NULL;
}

static bool at_end(const struct parser *p)
{
    return p->at >= p->n;
}

static char peek(const struct parser *p)
{
    return p->at < p->n ? p->text[p->at] : '\0';
}

static bool looking_at(const struct parser *p, const char *s)
{
    size_t n = strlen(s);
    return p->n - p->at >= n && memcmp(p->text + p->at, s, n) == 0;
}

static bool take(struct parser *p, const char *s)
{
    if (!looking_at(p, s)) return false;
    p->at += strlen(s);
    return true;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static void put_cp(struct buf *b, uint32_t cp)
{
    char c[4];
    buf_add(b, c, (size_t)text_put(cp, c));
}

static const char *cp_text(struct parser *p, uint32_t cp)
{
    char c[4];
    return arena_strndup(p->arena, c, (size_t)text_put(cp, c));
}

/* ---- literals ---- */

/* Appends cp, or its normal form when no normalised text can hold cp; the first such is remembered for the error. */
static void add_literal(struct parser *p, struct buf *run, uint32_t cp)
{
    char form[64];
    if (normalise_can_appear(cp, form)) {
        put_cp(run, cp);
        return;
    }
    if (!p->impossible) {
        p->impossible = true;
        p->bad[text_put(cp, p->bad)] = '\0';
        memcpy(p->form, form, sizeof(form));
    }
    buf_str(run, form);
}

/* The run in normal form as one node; NULL when nothing is left of it. */
static struct node *settle_run(struct parser *p, struct buf *run)
{
    if (run->len == 0) return NULL;
    normalise(buf_cstr(run), run->len, &p->norm);
    buf_clear(run);
    if (p->norm.len == 0) return NULL;
    return node_new(p, NODE_LITERAL, arena_strndup(p->arena, p->norm.text, p->norm.len));
}

/* After \x or \u: \xhh, \x{h…}, \uhhhh. */
static bool parse_hex(struct parser *p, bool u, uint32_t *ret)
{
    bool braces = take(p, "{");
    int most = braces ? 6 : u ? 4 : 2;
    uint32_t cp = 0;
    int digits = 0;
    for (; !at_end(p) && digits < most; digits++, p->at++) {
        char c = peek(p);
        int v = is_digit(c)              ? c - '0'
                : (c >= 'a' && c <= 'f') ? c - 'a' + 10
                : (c >= 'A' && c <= 'F') ? c - 'A' + 10
                                         : -1;
        if (v < 0) break;
        cp = cp * 16 + (uint32_t)v;
    }
    if (digits == 0 || (u && !braces && digits < 4) || (braces && !take(p, "}")) || cp == 0 ||
        cp > 0x10ffff || (cp >= 0xd800 && cp <= 0xdfff)) {
        (void)refuse(p, _("\\x wants a code point, as in \\x{4e00}"));
        return false;
    }
    *ret = cp;
    return true;
}

enum escape { ESCAPE_BAD, ESCAPE_LITERAL, ESCAPE_SET, ESCAPE_EMPTY };

/* After the backslash. A literal's code point goes to *ret_cp; of a set and an assertion the text to *ret_text. */
static enum escape parse_escape(struct parser *p, bool in_class, uint32_t *ret_cp, const char **ret_text)
{
    size_t from = p->at;
    if (at_end(p)) {
        (void)refuse(p, _("a backslash at the end: write \\\\ for the character itself"));
        return ESCAPE_BAD;
    }
    uint32_t cp = 0;
    p->at += (size_t)text_next(p->text + p->at, p->n - p->at, &cp);
    static const char sets[] = "wWsShHvV";
    static const struct {
        char name;
        unsigned char value;
    } controls[] = {{'n', '\n'}, {'t', '\t'}, {'r', '\r'}, {'f', '\f'}, {'e', 0x1b}, {'a', 0x07}};

    if (cp == 'd' || cp == 'D') {
        *ret_text = cp == 'd' ? in_class ? "0-9" : "[0-9]" : in_class ? "\\D" : "[^0-9]";
        return ESCAPE_SET;
    }
    if (cp < 0x80 && strchr(sets, (int)cp)) {
        *ret_text = arena_printf(p->arena, "\\%c", (char)cp);
        return ESCAPE_SET;
    }
    if (cp == 'x' || cp == 'u') return parse_hex(p, cp == 'u', ret_cp) ? ESCAPE_LITERAL : ESCAPE_BAD;
    if (cp == 'p' || cp == 'P') {
        size_t end = p->at;
        if (end < p->n && p->text[end] == '{') {
            const char *close = memchr(p->text + end, '}', p->n - end);
            end = close ? (size_t)(close - p->text) + 1 : p->n + 1;
        } else {
            end++;
        }
        if (end > p->n) {
            (void)refuse(p, _("\\p wants a property, as in \\p{Han}"));
            return ESCAPE_BAD;
        }
        p->at = end;
        *ret_text = arena_strndup(p->arena, p->text + from - 1, end - from + 1);
        return ESCAPE_SET;
    }
    if (!in_class && (cp == 'b' || cp == 'B' || cp == 'A')) {
        *ret_text = arena_printf(p->arena, "\\%c", (char)cp);
        return ESCAPE_EMPTY;
    }
    for (size_t i = 0; i < ARRAY_LEN(controls); i++)
        if (cp == (uint32_t)controls[i].name) {
            *ret_cp = controls[i].value;
            return ESCAPE_LITERAL;
        }
    bool alnum = cp < 0x80 && (is_digit((char)cp) || (cp >= 'a' && cp <= 'z') || (cp >= 'A' && cp <= 'Z'));
    if (!alnum) {
        *ret_cp = cp;
        return ESCAPE_LITERAL;
    }
    p->at = from;
    if (cp >= '0' && cp <= '9')
        (void)refuse(p, _("back-references are not used here: write the words out"));
    else if (cp == 'z' || cp == 'Z')
        (void)refuse(p, _("write $ for the end of the text"));
    else if (cp == 'Q')
        (void)refuse(p, _("\\Q is not read here: put a backslash before each sign"));
    else
        (void)fail(p->why, RELAY_INVALID, _("pattern, character %zu: \\%c is not read here"),
                   text_chars(p->text, from), (char)cp);
    return ESCAPE_BAD;
}

/* ---- classes ---- */

struct class_state {
    struct buf text;
    bool negative, listable;
    const char *members[MEMBERS_MAX];
    size_t n;
    const char *sample;
};

static void class_put(struct buf *b, uint32_t cp)
{
    if (cp == '\n') {
        buf_str(b, "\\n");
        return;
    }
    if (cp < 0x80 && strchr("\\]^-[", (int)cp)) buf_char(b, '\\');
    put_cp(b, cp);
}

static void class_member(struct parser *p, struct class_state *c, uint32_t cp)
{
    if (c->n == MEMBERS_MAX) {
        c->listable = false;
        return;
    }
    c->members[c->n++] = cp_text(p, cp);
}

static void class_single(struct parser *p, struct class_state *c, uint32_t cp)
{
    char form[64];
    if (!c->negative && !normalise_can_appear(cp, form)) {
        struct buf skip = BUF_INIT(64);
        add_literal(p, &skip, cp); /* remembers the first impossible one */
        buf_release(&skip);
        buf_str(&c->text, form);
        return;
    }
    class_put(&c->text, cp);
    class_member(p, c, cp);
}

static bool class_range(struct parser *p, struct class_state *c, uint32_t from, uint32_t to)
{
    char form[64], form_to[64];
    if (to < from) {
        (void)refuse(p, _("a range in [ ] runs backwards"));
        return false;
    }
    bool possible = c->negative;
    for (uint32_t cp = from; cp <= to && !possible; cp++) possible = normalise_can_appear(cp, form);
    if (possible) {
        class_put(&c->text, from);
        buf_char(&c->text, '-');
        class_put(&c->text, to);
    } else {
        struct buf skip = BUF_INIT(64);
        add_literal(p, &skip, from);
        buf_release(&skip);
        (void)normalise_can_appear(from, form);
        (void)normalise_can_appear(to, form_to);
        buf_printf(&c->text, "%s-%s", form, form_to);
    }
    for (uint32_t cp = from; cp <= to && c->listable; cp++) class_member(p, c, cp);
    return true;
}

/* One end of a range or a single; *ret_is_set when it was \d or [:alpha:] and has been written out already. */
static bool class_item(struct parser *p, struct class_state *c, uint32_t *ret_cp, bool *ret_is_set)
{
    const char *text = NULL;
    *ret_is_set = false;
    if (looking_at(p, "[:")) {
        const char *close = memmem(p->text + p->at, p->n - p->at, ":]", 2);
        if (!close) {
            (void)refuse(p, _("[: without :]; write \\[ for the sign itself"));
            return false;
        }
        size_t len = (size_t)(close - (p->text + p->at)) + 2;
        buf_add(&c->text, p->text + p->at, len);
        p->at += len;
        c->listable = false;
        *ret_is_set = true;
        return true;
    }
    if (take(p, "\\")) {
        switch (parse_escape(p, true, ret_cp, &text)) {
        case ESCAPE_LITERAL: return true;
        case ESCAPE_SET:
            buf_str(&c->text, text);
            c->listable = false;
            *ret_is_set = true;
            if (!c->sample) c->sample = text[0] == '0' ? "1" : text[1] == 's' ? " " : "a";
            return true;
        case ESCAPE_EMPTY:
        case ESCAPE_BAD: break;
        }
        return false;
    }
    p->at += (size_t)text_next(p->text + p->at, p->n - p->at, ret_cp);
    return true;
}

static bool class_body(struct parser *p, struct class_state *c)
{
    for (bool first = true;; first = false) {
        if (at_end(p)) {
            (void)refuse(p, _("[ without ]; write \\[ for the sign itself"));
            return false;
        }
        if (peek(p) == ']' && !first) {
            p->at++;
            return true;
        }
        uint32_t from = 0, to = 0;
        bool set = false, set_to = false;
        if (!class_item(p, c, &from, &set)) return false;
        bool range = !set && peek(p) == '-' && p->at + 1 < p->n && p->text[p->at + 1] != ']';
        if (!range) {
            if (!set) {
                if (!c->sample) c->sample = cp_text(p, from);
                class_single(p, c, from);
            }
            continue;
        }
        p->at++;
        if (!class_item(p, c, &to, &set_to)) return false;
        if (set_to) {
            (void)refuse(p,
                         _("a range in [ ] wants a character at both ends; write \\- for the sign itself"));
            return false;
        }
        if (!c->sample) c->sample = cp_text(p, from);
        if (!class_range(p, c, from, to)) return false;
    }
}

/* After the opening bracket. */
static struct node *parse_class(struct parser *p)
{
    struct class_state c = {.text = BUF_INIT(4 * PATTERN_BYTES_MAX), .listable = true};
    struct node *node = NULL;
    buf_char(&c.text, '[');
    if (take(p, "^")) {
        c.negative = true;
        c.listable = false;
        buf_char(&c.text, '^');
    }
    if (class_body(p, &c)) {
        buf_char(&c.text, ']');
        node = node_new(p, NODE_SET, arena_strndup(p->arena, c.text.data, c.text.len));
        node->sample = c.negative || !c.sample ? "的" : c.sample;
        node->digit = strcmp(node->text, "[0-9]") == 0;
        if (c.listable && c.n > 0) {
            node->n_members = c.n;
            node->members = arena_alloc(p->arena, c.n * sizeof(char *));
            memcpy(node->members, c.members, c.n * sizeof(char *));
        }
    }
    buf_release(&c.text);
    return node;
}

/* ---- groups ---- */

/* After "(?": flags up to ) or : . Texts are case folded already, so i is read and dropped. */
static struct node *parse_flags(struct parser *p, bool *ret_opens_group)
{
    char kept[8];
    size_t n = 0;
    while (!at_end(p) && peek(p) != ')' && peek(p) != ':') {
        char c = peek(p);
        if (c != 'i' && c != 'm' && c != 's')
            return refuse(p,
                          _("of the (?…) forms only (?: (?= (?! (?<= (?<! (?> (?<name> and the flags i, m, s "
                            "are read here"));
        if (c != 'i' && n < sizeof(kept) - 1 && !memchr(kept, c, n)) kept[n++] = c;
        p->at++;
    }
    if (at_end(p)) return refuse(p, _("( without )"));
    kept[n] = '\0';
    if (peek(p) == ':') {
        p->at++;
        *ret_opens_group = true;
        return node_new(p, NODE_GROUP, arena_printf(p->arena, "(?%s:", kept));
    }
    p->at++;
    return node_new(p, NODE_EMPTY, n ? arena_printf(p->arena, "(?%s)", kept) : "");
}

static struct node *parse_named(struct parser *p, char close)
{
    size_t from = p->at;
    while (!at_end(p) && peek(p) != close) {
        char c = peek(p);
        bool ok =
            c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (is_digit(c) && p->at > from);
        if (!ok) return refuse(p, _("a group's name is made of a-z, 0-9 and _"));
        p->at++;
    }
    size_t len = p->at - from;
    if (at_end(p) || len == 0 || len > 32) return refuse(p, _("a group's name has 1 to 32 characters"));
    p->at++;
    return node_new(p, NODE_GROUP, arena_printf(p->arena, "(?<%.*s>", (int)len, p->text + from));
}

/* After "(": what kind of group it is. *ret_opens is false when the node is complete already (flags, a comment). */
static struct node *group_head(struct parser *p, bool *ret_opens)
{
    static const struct {
        const char *text;
        enum node_kind kind;
        bool negative;
    } heads[] = {
        {"?:", NODE_GROUP, false}, {"?=", NODE_LOOK, false}, {"?!", NODE_LOOK, true},
        {"?<=", NODE_LOOK, false}, {"?<!", NODE_LOOK, true}, {"?>", NODE_GROUP, false},
    };
    *ret_opens = true;
    if (peek(p) == '*') return refuse(p, _("(*…) is not read here; write \\* for the sign itself"));
    if (peek(p) != '?')
        return node_new(p, NODE_GROUP, "(?:"); /* nothing refers back, so nothing is captured */
    for (size_t i = 0; i < ARRAY_LEN(heads); i++)
        if (take(p, heads[i].text)) {
            struct node *n = node_new(p, heads[i].kind, arena_printf(p->arena, "(%s", heads[i].text));
            n->negative = heads[i].negative;
            return n;
        }
    if (take(p, "?<") || take(p, "?P<")) return parse_named(p, '>');
    *ret_opens = false;
    if (take(p, "?#")) {
        const char *close = memchr(p->text + p->at, ')', p->n - p->at);
        if (!close) return refuse(p, _("( without )"));
        p->at = (size_t)(close - p->text) + 1;
        return node_new(p, NODE_EMPTY, "");
    }
    p->at++;
    return parse_flags(p, ret_opens);
}

static struct node *parse_group(struct parser *p)
{
    if (p->depth >= PATTERN_DEPTH_MAX) return refuse(p, _("brackets are nested too deep"));
    bool opens = false;
    struct node *head = group_head(p, &opens);
    if (!head || !opens) return head;
    p->depth++;
    head->inside = p->text + p->at;
    struct node *body = parse_alt(p);
    p->depth--;
    if (!body) return NULL;
    head->n_inside = (size_t)(p->text + p->at - head->inside);
    if (!take(p, ")")) return refuse(p, _("( without )"));
    head->kids = arena_alloc(p->arena, sizeof(struct node *));
    head->kids[0] = body;
    head->n_kids = 1;
    return head;
}

/* ---- quantifiers ---- */

static int parse_number(struct parser *p)
{
    int v = 0;
    while (is_digit(peek(p))) {
        v = v * 10 + (peek(p) - '0');
        if (v > 100000) v = 100000;
        p->at++;
    }
    return v;
}

/* {n} {n,} {n,m}; nothing is taken when the brace is not a quantifier. */
static bool parse_braces(struct parser *p, int *ret_min, int *ret_max)
{
    size_t from = p->at;
    p->at++;
    if (is_digit(peek(p))) {
        *ret_min = *ret_max = parse_number(p);
        if (take(p, ",")) *ret_max = is_digit(peek(p)) ? parse_number(p) : -1;
        if (take(p, "}")) return true;
    }
    p->at = from;
    return false;
}

/* *ret is the atom itself when nothing follows it. */
static bool parse_quantifier(struct parser *p, struct node *atom, struct node **ret)
{
    int min = 0, max = -1;
    *ret = atom;
    if (take(p, "*"))
        ;
    else if (take(p, "+"))
        min = 1;
    else if (take(p, "?"))
        max = 1;
    else if (peek(p) != '{' || !parse_braces(p, &min, &max))
        return true;
    if (min > REPEAT_MAX || max > REPEAT_MAX || (max >= 0 && max < min)) {
        (void)refuse(p, _("{n,m} wants n <= m <= 2000"));
        return false;
    }
    struct node *r = node_new(p, NODE_REPEAT, "");
    r->kids = arena_alloc(p->arena, sizeof(struct node *));
    r->kids[0] = atom;
    r->n_kids = 1;
    r->min = min;
    r->max = max;
    r->greedy = take(p, "?") ? "?" : take(p, "+") ? "+" : "";
    *ret = r;
    return true;
}

static bool quantifier_follows(struct parser *p)
{
    char c = peek(p);
    if (c == '*' || c == '+' || c == '?') return true;
    if (c != '{') return false;
    size_t from = p->at;
    int min, max;
    bool yes = parse_braces(p, &min, &max);
    p->at = from;
    return yes;
}

/* ---- the grammar ---- */

/* One atom that is not a plain literal, or NULL with the reason; *ret_literal when it is one after all. */
static struct node *parse_atom(struct parser *p, bool *ret_literal, uint32_t *ret_cp)
{
    const char *text = NULL;
    struct node *n;
    *ret_literal = false;
    switch (peek(p)) {
    case '(': p->at++; return parse_group(p);
    case '[': p->at++; return parse_class(p);
    case '.':
        p->at++;
        n = node_new(p, NODE_SET, ".");
        n->sample = "的";
        return n;
    case '^': p->at++; return node_new(p, NODE_EMPTY, "^");
    case '$': p->at++; return node_new(p, NODE_EMPTY, "$");
    case '*':
    case '+':
    case '?':
        return refuse(p, _("nothing to repeat before * + or ?; put a backslash before the sign itself"));
    case '\\':
        p->at++;
        switch (parse_escape(p, false, ret_cp, &text)) {
        case ESCAPE_BAD: return NULL;
        case ESCAPE_SET:
            n = node_new(p, NODE_SET, text);
            n->digit = strcmp(text, "[0-9]") == 0;
            n->sample = n->digit ? "1" : text[1] == 's' || text[1] == 'h' ? " " : "的";
            return n;
        case ESCAPE_EMPTY: return node_new(p, NODE_EMPTY, text);
        case ESCAPE_LITERAL: break;
        }
        *ret_literal = true;
        return NULL;
    default: break;
    }
    if (looking_at(p, "{,") && p->at + 2 < p->n && is_digit(p->text[p->at + 2]))
        return refuse(p, _("write {0,m} instead of {,m}"));
    if (quantifier_follows(p))
        return refuse(p, _("nothing to repeat before {; write \\{ for the sign itself"));
    p->at += (size_t)text_next(p->text + p->at, p->n - p->at, ret_cp);
    *ret_literal = true;
    return NULL;
}

static bool concat_items(struct parser *p, struct nodes *kids, struct buf *run)
{
    while (!at_end(p) && peek(p) != '|' && peek(p) != ')') {
        bool literal = false;
        uint32_t cp = 0;
        struct node *atom = parse_atom(p, &literal, &cp);
        if (!atom && !literal) return false;
        bool repeated = quantifier_follows(p);
        if (literal && !repeated) {
            add_literal(p, run, cp);
            continue;
        }
        struct node *before = settle_run(p, run);
        if (before) nodes_add(kids, before);
        if (literal) {
            add_literal(p, run, cp);
            atom = settle_run(p, run);
            if (!atom) atom = node_new(p, NODE_EMPTY, "");
        }
        if (repeated && atom->kind == NODE_EMPTY) {
            (void)refuse(p, _("nothing to repeat before * + ? or {"));
            return false;
        }
        if (!parse_quantifier(p, atom, &atom)) return false;
        nodes_add(kids, atom);
    }
    struct node *last = settle_run(p, run);
    if (last) nodes_add(kids, last);
    return true;
}

static struct node *parse_concat(struct parser *p)
{
    struct nodes kids = {0};
    struct buf run = BUF_INIT(16 * PATTERN_BYTES_MAX);
    struct node *n = NULL;
    if (concat_items(p, &kids, &run)) {
        if (kids.n == 0)
            n = node_new(p, NODE_EMPTY, "");
        else
            n = kids.n == 1 ? kids.items[0] : node_over(p, NODE_CONCAT, "", &kids);
    }
    nodes_release(&kids);
    buf_release(&run);
    return n;
}

static struct node *parse_alt(struct parser *p)
{
    struct nodes kids = {0};
    struct node *n = NULL;
    do {
        n = parse_concat(p);
        if (!n) break;
        nodes_add(&kids, n);
    } while (take(p, "|"));
    if (n && kids.n > 1) n = node_over(p, NODE_ALT, "", &kids);
    nodes_release(&kids);
    return n;
}

bool node_has_flags(const struct node *n)
{
    if ((n->kind == NODE_EMPTY || n->kind == NODE_GROUP) && strncmp(n->text, "(?", 2) == 0 &&
        (n->text[2] == 'm' || n->text[2] == 's'))
        return true;
    for (size_t i = 0; i < n->n_kids; i++)
        if (node_has_flags(n->kids[i])) return true;
    return false;
}

/* ---- writing it out ---- */

static void emit_literal(const char *s, struct buf *out)
{
    for (; *s; s++) {
        if (*s == '\n') {
            buf_str(out, "\\n");
            continue;
        }
        if (strchr("\\^$.[]|()?*+{}", *s)) buf_char(out, '\\');
        buf_char(out, *s);
    }
}

static void emit(const struct node *n, struct buf *out)
{
    switch (n->kind) {
    case NODE_LITERAL: emit_literal(n->text, out); return;
    case NODE_SET:
    case NODE_EMPTY: buf_str(out, n->text); return;
    case NODE_CONCAT:
        for (size_t i = 0; i < n->n_kids; i++) emit(n->kids[i], out);
        return;
    case NODE_ALT:
        for (size_t i = 0; i < n->n_kids; i++) {
            if (i) buf_char(out, '|');
            emit(n->kids[i], out);
        }
        return;
    case NODE_GROUP:
    case NODE_LOOK:
        buf_str(out, n->text);
        emit(n->kids[0], out);
        buf_char(out, ')');
        return;
    case NODE_REPEAT: break;
    }
    const struct node *kid = n->kids[0];
    bool wrap = kid->kind == NODE_LITERAL && text_chars(kid->text, strlen(kid->text)) > 1;
    if (wrap) buf_str(out, "(?:");
    emit(kid, out);
    if (wrap) buf_char(out, ')');
    if (n->max < 0 && n->min <= 1)
        buf_char(out, n->min ? '+' : '*');
    else if (n->min == 0 && n->max == 1)
        buf_char(out, '?');
    else if (n->max < 0)
        buf_printf(out, "{%d,}", n->min);
    else
        buf_printf(out, "{%d,%d}", n->min, n->max);
    buf_str(out, n->greedy);
}

const char *node_regex(const struct node *n, struct arena *a)
{
    CLEANUP(buf_release) struct buf out = BUF_INIT(16 * PATTERN_BYTES_MAX);
    emit(n, &out);
    return arena_strndup(a, buf_cstr(&out), out.len);
}

enum relay_err pattern_parse(const char *text, size_t n, struct arena *a, struct pattern **ret,
                             struct reason *why)
{
    if (n == 0) return fail(why, RELAY_INVALID, _("the pattern is empty"));
    if (n > PATTERN_BYTES_MAX)
        return fail(why, RELAY_LIMIT, _("the pattern has more than %d bytes: split it"), PATTERN_BYTES_MAX);
    if (!text_valid_utf8(text, n)) return fail(why, RELAY_INVALID, _("the pattern is not valid UTF-8"));

    const char *source = arena_strndup(a, text, n);
    struct parser p = {.text = source, .n = n, .arena = a, .why = why};
    struct node *root = parse_alt(&p);
    norm_text_release(&p.norm);
    if (root && !at_end(&p)) root = refuse(&p, _(") without (; write \\) for the sign itself"));
    if (!root) return RELAY_INVALID;

    if (p.impossible) {
        const char *regex = node_regex(root, a);
        if (p.form[0] == '\0')
            return fail(why, RELAY_INVALID,
                        _("\"%s\" never appears in normalised text: leave it out; the pattern would be '%s'"),
                        p.bad, regex);
        return fail(why, RELAY_INVALID,
                    _("\"%s\" never appears in normalised text: write \"%s\"; the pattern would be '%s'"),
                    p.bad, p.form, regex);
    }
    struct pattern *out = arena_alloc(a, sizeof(*out));
    out->source = source;
    out->root = root;
    *ret = out;
    return RELAY_OK;
}
