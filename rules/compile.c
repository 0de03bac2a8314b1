/* Patterns to PCRE2 code, words to their normal form, and what the prefilter must find for each. */
#include "rules/compile.h"

#include "base/hash.h"
#include "base/i18n.h"
#include "base/normalise.h"
#include "base/text.h"

enum { PARENS_MAX = 100, DIGITS_MIN = 3 };

void compiler_init(struct compiler *c, struct arena *a, struct arena *hot, bool jit)
{
    *c = (struct compiler){.arena = a, .hot = hot, .jit = jit};
    c->context = pcre2_compile_context_create(NULL);
    if (!c->context) abort();
    (void)pcre2_set_newline(c->context, PCRE2_NEWLINE_LF); /* cannot fail with a constant of its own */
    (void)pcre2_set_parens_nest_limit(c->context, PARENS_MAX);
}

void compiler_release(struct compiler *c)
{
    pcre2_compile_context_free(c->context);
    free(c->table);
    c->context = NULL;
    c->table = NULL;
}

void units_free(struct unit **units, size_t n)
{
    for (size_t i = 0; i < n; i++) pcre2_code_free(units[i]->code.re);
    free(units);
}

static enum relay_err compile_regex(const struct compiler *c, const char *regex, pcre2_code **ret,
                                    struct reason *why)
{
    int code = 0;
    PCRE2_SIZE at = 0;
    pcre2_code *re = pcre2_compile((PCRE2_SPTR)regex, strlen(regex),
                                   PCRE2_UTF | PCRE2_UCP | PCRE2_NO_UTF_CHECK | PCRE2_NEVER_BACKSLASH_C,
                                   &code, &at, c->context);
    if (!re) {
        PCRE2_UCHAR text[160] = {0};
        (void)pcre2_get_error_message(code, text, sizeof(text)); /* a cut message is better than none */
        return fail(why, RELAY_INVALID, _("pattern, near character %zu: %s"), text_chars(regex, at) + 1,
                    (const char *)text);
    }
    *ret = re;
    return RELAY_OK;
}

/* False where the system gives no executable memory. */
static bool compile_jit(struct code *c)
{
    size_t size = 0;
    int rc = pcre2_jit_compile(c->re, PCRE2_JIT_COMPLETE);
    if (rc == PCRE2_ERROR_NOMEMORY || rc == PCRE2_ERROR_JIT_BADOPTION) return false;
    /* A pattern alone may be too large for it: then it is interpreted. */
    c->jit = rc == 0 && pcre2_pattern_info(c->re, PCRE2_INFO_JITSIZE, &size) == 0 && size > 0;
    return true;
}

void unit_compile_whole(const struct unit *u, struct code *ret)
{
    struct compiler c;
    struct arena a = {0};
    compiler_init(&c, &a, &a, true);
    if (compile_regex(&c, node_regex(u->pattern->root, &a), &ret->re, NULL) == RELAY_OK)
        (void)compile_jit(ret);
    compiler_release(&c);
    arena_release(&a);
}

const char *unit_excerpt(const struct unit *u, char room[static 128])
{
    const char *s = u->pattern->source;
    size_t n = text_cut(s, strlen(s), 120);
    (void)snprintf(room, 128, "%.*s%s", (int)n, s, s[n] ? "…" : "");
    return room;
}

/* Where a unit of this text is in the table, or may be put. */
static size_t table_place(const struct compiler *c, const char *text, size_t n)
{
    size_t at = hash_quick(text, n) & (c->slots - 1);
    for (; c->table[at] != UINT32_MAX; at = (at + 1) & (c->slots - 1)) {
        const char *known = c->units[c->table[at]]->pattern->source;
        if (strncmp(known, text, n) == 0 && known[n] == '\0') break;
    }
    return at;
}

static void table_room(struct compiler *c)
{
    if (c->n_units * 2 < c->slots) return;
    c->slots = c->slots ? c->slots * 2 : 256;
    free(c->table);
    c->table = xreallocarray(NULL, c->slots, sizeof(*c->table));
    for (size_t i = 0; i < c->slots; i++) c->table[i] = UINT32_MAX;
    for (size_t i = 0; i < c->n_units; i++) {
        const char *text = c->units[i]->pattern->source;
        c->table[table_place(c, text, strlen(text))] = (uint32_t)i;
    }
}

static struct unit *find_unit(struct compiler *c, const char *text, size_t n)
{
    table_room(c);
    uint32_t known = c->table[table_place(c, text, n)];
    return known == UINT32_MAX ? NULL : c->units[known];
}

static void keep_unit(struct compiler *c, struct unit *u)
{
    const char *text = u->pattern->source;
    table_room(c);
    if (c->n_units == c->cap) {
        c->cap = c->cap ? c->cap * 2 : 64;
        c->units = xreallocarray(c->units, c->cap, sizeof(struct unit *));
    }
    c->table[table_place(c, text, strlen(text))] = u->index = (uint32_t)c->n_units;
    c->units[c->n_units++] = u;
}

static enum relay_err compile_unit(struct compiler *c, const char *text, size_t n, int depth,
                                   struct unit **ret, struct reason *why);

/* Choices of which each match of the node holds one. Where the scan alone can tell that, the gate does. */
static void collect_musts(struct compiler *c, const struct node *n, struct unit *u)
{
    struct unit *must = NULL;
    if (u->n_parts == UNIT_MUSTS_MAX) return;
    if (n->kind == NODE_GROUP && n->kids[0]->kind == NODE_ALT) {
        /* What fails here fails as a part of the whole, too. */
        if (strcmp(n->text, "(?:") == 0 && n->n_inside &&
            compile_unit(c, n->inside, n->n_inside, 0, &must, NULL) == RELAY_OK && must->n_parts)
            u->parts[u->n_parts++] = must;
        return;
    }
    if (n->kind == NODE_REPEAT ? n->min == 0 : n->kind == NODE_ALT || (n->kind == NODE_LOOK && n->negative))
        return;
    for (size_t i = 0; i < n->n_kids; i++) collect_musts(c, n->kids[i], u);
}

/* One way to match, as it is put to PCRE2. */
static enum relay_err compile_branch(struct compiler *c, const struct branch *b, struct unit **ret,
                                     struct reason *why)
{
    const char *regex = node_regex(b->node, c->arena);
    *ret = find_unit(c, regex, strlen(regex));
    if (*ret) return RELAY_OK;
    struct unit *u = arena_alloc(c->hot, sizeof(*u));
    enum relay_err err = compile_regex(c, regex, &u->code.re, why);
    if (err) return err;
    if (c->jit && !c->jit_denied) c->jit_denied = !compile_jit(&u->code);
    struct pattern *p = arena_alloc(c->arena, sizeof(*p));
    *p = (struct pattern){regex, b->node};
    u->pattern = p;
    u->branch = b;
    u->parts = arena_alloc(c->hot, UNIT_MUSTS_MAX * sizeof(struct unit *));
    if (!node_has_flags(b->node)) collect_musts(c, b->node, u);
    keep_unit(c, u);
    *ret = u;
    return RELAY_OK;
}

/* A pattern that is to be read: its plain strings, and a part for each other alternative. */
static enum relay_err compile_text(struct compiler *c, const char *text, size_t n, struct unit **ret,
                                   struct reason *why)
{
    struct pattern *p = NULL;
    enum relay_err err = pattern_parse(text, n, c->arena, &p, why);
    if (err) return err;
    struct shape *shape = arena_alloc(c->arena, sizeof(*shape));
    *shape = pattern_shape(p, c->arena);
    struct unit *u = arena_alloc(c->hot, sizeof(*u));
    u->pattern = p;
    u->plain = shape->plain.n ? &shape->plain : NULL;
    u->parts = arena_alloc(c->hot, shape->n_branches * sizeof(struct unit *) + 1);
    for (; u->n_parts < shape->n_branches; u->n_parts++) {
        err = compile_branch(c, &shape->branches[u->n_parts], &u->parts[u->n_parts], why);
        if (err) return err;
    }
    *ret = find_unit(c, text,
                     n); /* a pattern of one branch, when it is written as PCRE2 gets it, is that branch */
    if (*ret) return RELAY_OK;
    keep_unit(c, u);
    *ret = u;
    return RELAY_OK;
}

static struct node *node_over(struct compiler *c, enum node_kind kind, const char *text, size_t n_kids)
{
    struct node *node = arena_alloc(c->arena, sizeof(*node));
    *node = (struct node){.kind = kind, .text = text, .greedy = "", .n_kids = n_kids};
    node->kids = arena_alloc(c->arena, n_kids * sizeof(struct node *));
    return node;
}

static enum relay_err compile_pieces(struct compiler *c, const char *text, size_t n,
                                     const struct piece *pieces, size_t n_pieces, int depth,
                                     struct unit **ret, struct reason *why)
{
    struct unit *u = arena_alloc(c->hot, sizeof(*u));
    struct node *root = node_over(c, NODE_ALT, "", n_pieces);
    u->parts = arena_alloc(c->hot, n_pieces * sizeof(struct unit *));
    for (; u->n_parts < n_pieces; u->n_parts++) {
        const struct piece *p = &pieces[u->n_parts];
        enum relay_err err = compile_unit(c, p->text, p->n, depth + 1, &u->parts[u->n_parts], why);
        if (err) return err;
        struct unit *part = u->parts[u->n_parts];
        struct node *kid = part->pattern->root;
        if (p->bracket) {
            struct node *whole = kid;
            kid = node_over(c, NODE_GROUP, "(?:", 1);
            kid->kids[0] = whole;
        }
        root->kids[u->n_parts] = kid;
        if (part->n_parts == 1 && !part->plain && !part->code.re) u->parts[u->n_parts] = part->parts[0];
    }
    struct pattern *p = arena_alloc(c->arena, sizeof(*p));
    *p = (struct pattern){arena_strndup(c->arena, text, n), root};
    u->pattern = p;
    keep_unit(c, u);
    *ret = u;
    return RELAY_OK;
}

static enum relay_err compile_unit(struct compiler *c, const char *text, size_t n, int depth,
                                   struct unit **ret, struct reason *why)
{
    struct piece pieces[PIECES_MAX];
    *ret = find_unit(c, text, n);
    if (*ret) return RELAY_OK;
    size_t k = n <= PATTERN_BYTES_MAX && depth < PATTERN_DEPTH_MAX ? pattern_split(text, n, pieces) : 0;
    if (k > 1) return compile_pieces(c, text, n, pieces, k, depth, ret, why);
    if (k == 1 && pieces[0].bracket) return compile_unit(c, pieces[0].text, pieces[0].n, depth + 1, ret, why);
    return compile_text(c, text, n, ret, why);
}

/* What is wrong is told of the whole, so that the place is one in what is written. */
static enum relay_err compile_pattern(struct compiler *c, const char *text, struct unit **ret,
                                      struct reason *why)
{
    enum relay_err err = compile_unit(c, text, strlen(text), 0, ret, why), whole;
    struct pattern *p = NULL;
    pcre2_code *re = NULL;
    if (err == RELAY_OK) return RELAY_OK;
    whole = pattern_parse(text, strlen(text), c->arena, &p, why);
    if (whole) return whole;
    whole = compile_regex(c, node_regex(p->root, c->arena), &re, why);
    pcre2_code_free(re);
    return whole ? whole : err;
}

static enum relay_err compile_units(struct compiler *c, const struct rule_texts *texts, struct unit **units,
                                    int *lines, int *ret_line, struct reason *why)
{
    for (size_t i = 0; i < texts->n; i++) {
        lines[i] = *ret_line = texts->items[i].line;
        enum relay_err err = compile_pattern(c, texts->items[i].text, &units[i], why);
        if (err) return err;
    }
    return RELAY_OK;
}

static void list_entries(struct rule_code *code, const struct rule_texts *any, struct arena *a)
{
    code->entries = arena_alloc(a, any->n * sizeof(*code->entries) + 1);
    for (size_t i = 0; i < any->n; i++)
        if (any->items[i].joined)
            code->entries[code->n_entries - 1].n++;
        else
            code->entries[code->n_entries++] = (struct entry_of_any){(uint32_t)(code->n_all + i), 1};
}

static enum relay_err compile_words(struct compiler *c, const struct rule_texts *texts, struct word_list *out,
                                    int *ret_line, struct reason *why)
{
    struct norm_text norm = {0};
    enum relay_err err = RELAY_OK;
    out->items = arena_alloc(c->arena, texts->n * sizeof(char *) + 1);
    for (size_t i = 0; i < texts->n && !err; i++) {
        const char *word = texts->items[i].text;
        *ret_line = texts->items[i].line;
        if (!text_valid_utf8(word, strlen(word))) {
            err = fail(why, RELAY_INVALID, _("words: not valid UTF-8"));
            break;
        }
        normalise(word, strlen(word), &norm);
        if (norm.len == 0)
            err = fail(why, RELAY_INVALID,
                       _("words: nothing is left of \"%s\" in normalised text; leave it out"), word);
        else
            out->items[out->n++] = arena_strndup(c->arena, norm.text, norm.len);
    }
    norm_text_release(&norm);
    return err;
}

static bool unit_has_group(const struct unit *u, const char *name)
{
    if (u->code.re) return pcre2_substring_number_from_name(u->code.re, (PCRE2_SPTR)name) > 0;
    for (uint32_t i = 0; i < u->n_parts; i++)
        if (unit_has_group(u->parts[i], name)) return true;
    return false;
}

static bool has_group(const struct rule_code *code, const char *name)
{
    for (size_t i = 0; i < code->n_all + code->n_any; i++)
        if (unit_has_group(code->units[i], name)) return true;
    return false;
}

enum relay_err rule_compile(struct compiler *c, struct rule_source *s, int *ret_line, struct reason *why)
{
    const struct rule_match *m = &s->match;
    struct rule_code *code = arena_alloc(c->hot, sizeof(*code));
    size_t n = m->all.n + m->any.n + m->none.n + m->like_none.n;
    int *lines = arena_alloc(c->arena, n * sizeof(int) + 1);
    code->units = arena_alloc(c->hot, n * sizeof(struct unit *) + 1);
    code->lines = lines;
    code->lists = arena_alloc(c->arena, m->n_words * sizeof(struct word_list) + 1);
    code->n_all = m->all.n;
    code->n_any = m->any.n;
    code->n_none = m->none.n;
    code->n_like_none = m->like_none.n;
    code->near = m->near;
    code->like = m->like;
    code->like_kind = m->like_kind;
    code->like_enough = s->rule.like_enough ? likeness_least(s->rule.like_enough) : INT64_MAX;
    code->like_doubt = m->like_doubt ? likeness_least(LIKENESS_DOUBT) : INT64_MIN;
    list_entries(code, &m->any, c->hot);
    enum relay_err err = RELAY_OK;
    for (; code->n_lists < m->n_words && !err; code->n_lists++)
        err = compile_words(c, &m->words[code->n_lists], &code->lists[code->n_lists], ret_line, why);
    const struct rule_texts *texts[] = {&m->all, &m->any, &m->none, &m->like_none};
    for (size_t i = 0, at = 0; i < ARRAY_LEN(texts) && !err; at += texts[i++]->n)
        err = compile_units(c, texts[i], code->units + at, lines + at, ret_line, why);
    if (!err && s->rule.threshold_same == SAME_CAPTURE && !has_group(code, s->rule.threshold_same_name)) {
        const struct yaml_node *threshold = yaml_get(s->node, "threshold");
        *ret_line = threshold ? threshold->line : s->rule.line;
        err = fail(
            why, RELAY_INVALID,
            _("threshold.same: no pattern of all or any has a group (?<%s>…); there are also number, payee "
              "and domain"),
            s->rule.threshold_same_name);
    }
    if (!err) s->rule.code = code;
    return err;
}

/* Rarest first. When it is full the likeliest is left out, which is safe: the rule is looked at a little more often. */
static void gate_add(struct gate *g, const struct prefilter *p, uint32_t id)
{
    for (unsigned i = 0; i < g->n; i++)
        if (g->clauses[i] == id) return;
    unsigned at = g->n;
    while (at > 0 && prefilter_odds(p, g->clauses[at - 1]) > prefilter_odds(p, id)) at--;
    if (at == UNIT_CLAUSES_MAX) return;
    unsigned moved = (g->n < UNIT_CLAUSES_MAX ? g->n : UNIT_CLAUSES_MAX - 1) - at;
    memmove(&g->clauses[at + 1], &g->clauses[at], moved * sizeof(g->clauses[0]));
    g->clauses[at] = id;
    if (g->n < UNIT_CLAUSES_MAX) g->n++;
}

static float gate_odds(const struct gate *g, const struct prefilter *p)
{
    double odds = 1;
    for (unsigned i = 0; i < g->n; i++)
        if (prefilter_odds(p, g->clauses[i]) < 1) odds *= prefilter_odds(p, g->clauses[i]);
    return (float)odds;
}

static void file_branch(struct unit *u, struct prefilter *p, struct arena *hot)
{
    const struct branch *b = u->branch;
    for (size_t i = 0; i < b->needs.n; i++) gate_add(&u->gate, p, prefilter_clause(p, &b->needs.items[i]));
    u->digits = b->digits >= DIGITS_MIN && b->digits < INT_MAX ? (int)b->digits : 0;
    if (b->n_links < 2) return;
    u->steps = arena_alloc(hot, b->n_links * sizeof(struct step));
    for (; u->n_steps < b->n_links; u->n_steps++) {
        const struct link *l = &b->links[u->n_steps];
        u->steps[u->n_steps] = (struct step){prefilter_clause(p, &l->clause), l->reach};
    }
}

/* (A1 and A2) or (B1 and B2) needs (A1 or B1) and (A2 or B2). */
static void join_gates(struct unit *u, struct prefilter *p)
{
    uint32_t *clauses = xcalloc(u->n_parts + 1, sizeof(*clauses));
    for (unsigned rank = 0; rank < 2; rank++) {
        size_t n = 0;
        bool known = true;
        if (u->plain) clauses[n++] = u->plains[0];
        for (uint32_t i = 0; i < u->n_parts && known; i++) {
            const struct gate *g = &u->parts[i]->gate;
            known = g->n > 0;
            if (known) clauses[n++] = g->clauses[rank < g->n ? rank : 0];
        }
        uint32_t joined;
        if (known && prefilter_join(p, clauses, n, &joined)) gate_add(&u->gate, p, joined);
    }
    free(clauses);
}

/* Parts that are plain strings alone go to the end: the whole's own list has their strings. */
static void put_code_first(struct unit *u)
{
    for (uint32_t i = 0; i < u->n_parts; i++) {
        struct unit *part = u->parts[i];
        if (!part->code.re && part->n_parts == 0) continue;
        u->parts[i] = u->parts[u->n_code];
        u->parts[u->n_code++] = part;
    }
}

/* Its short lists become one, which is asked in one go; long ones are what other units ask too, and stay. */
static void pack_plains(struct unit *u, struct prefilter *p)
{
    enum { SHORT = 32 };
    uint32_t kept = 0, n = 0, *few = xcalloc(u->n_plains + 1, sizeof(*few));
    for (uint32_t i = 0; i < u->n_plains; i++) {
        size_t strings = 0;
        (void)prefilter_clause_literals(p, u->plains[i], &strings);
        if (strings < SHORT)
            few[n++] = u->plains[i];
        else
            u->plains[kept++] = u->plains[i];
    }
    uint32_t joined;
    if (n > 1 && prefilter_join(p, few, n, &joined)) {
        few[0] = joined;
        n = 1;
    }
    for (uint32_t i = 0; i < n; i++) u->plains[kept++] = few[i];
    u->n_plains = kept;
    free(few);
}

static void file_unit(struct unit *u, struct prefilter *p, struct arena *hot)
{
    if (u->filed) return;
    u->filed = true;
    put_code_first(u);
    if (u->branch) {
        for (uint32_t i = 0; i < u->n_parts; i++) file_unit(u->parts[i], p, hot);
        file_branch(u, p, hot);
        return;
    }
    uint32_t plains = u->plain != NULL;
    for (uint32_t i = 0; i < u->n_parts; i++) {
        file_unit(u->parts[i], p, hot);
        plains += u->parts[i]->n_plains;
    }
    u->plains = arena_alloc(hot, plains * sizeof(uint32_t) + 1);
    if (u->plain) u->plains[u->n_plains++] = prefilter_clause(p, u->plain);
    u->digits = u->plain ? 0 : INT_MAX;
    for (uint32_t i = 0; i < u->n_parts; i++) {
        const struct unit *part = u->parts[i];
        if (part->digits < u->digits) u->digits = part->digits;
        for (uint32_t k = 0; k < part->n_plains; k++) u->plains[u->n_plains++] = part->plains[k];
    }
    join_gates(u, p);
    pack_plains(u, p);
}

void rule_code_file(struct rule_code *code, struct prefilter *p, struct arena *a, struct arena *hot)
{
    for (size_t i = 0; i < rule_units(code); i++) file_unit(code->units[i], p, hot);
    code->words_known = true;
    for (size_t i = 0; i < code->n_lists; i++) {
        struct word_list *l = &code->lists[i];
        struct clause c = {.items = arena_alloc(a, l->n * sizeof(char *) + 1), .n = l->n};
        memcpy(c.items, l->items, l->n * sizeof(char *));
        l->clause_known = clause_settle(&c);
        if (!l->clause_known) {
            code->words_known = false;
            continue;
        }
        /* Where a longer word is, the shorter one in it is too, and nearer to the others: only that one is kept. */
        memcpy(l->items, c.items, c.n * sizeof(char *));
        l->n = c.n;
        l->clause = prefilter_clause(p, &c);
        gate_add(&code->words, p, l->clause);
    }
    code->words.odds = gate_odds(&code->words, p);
}

static void weigh(struct gate *g, const struct prefilter *p)
{
    for (unsigned i = 1; i < g->n; i++) {
        uint32_t id = g->clauses[i];
        unsigned at = i;
        for (; at > 0 && prefilter_odds(p, g->clauses[at - 1]) > prefilter_odds(p, id); at--)
            g->clauses[at] = g->clauses[at - 1];
        g->clauses[at] = id;
    }
    g->odds = gate_odds(g, p);
}

void unit_weigh(struct unit *u, const struct prefilter *p)
{
    weigh(&u->gate, p);
    u->lazy = false;
    for (uint32_t i = 0; i < u->n_steps; i++) u->lazy = u->lazy || !prefilter_is_eager(p, u->steps[i].clause);
    for (uint32_t i = 0; i < u->n_plains; i++) u->lazy = u->lazy || !prefilter_is_eager(p, u->plains[i]);
}

void rule_code_weigh(struct rule_code *code, const struct prefilter *p)
{
    weigh(&code->words, p);
    code->words_lazy = false;
    for (size_t i = 0; i < code->n_lists && code->words_known; i++)
        code->words_lazy = code->words_lazy || !prefilter_is_eager(p, code->lists[i].clause);
}
