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
    for (size_t i = 0; i < n; i++) pcre2_code_free(units[i]->re);
    free(units);
}

static enum relay_err compile_regex(struct compiler *c, struct unit *u, struct reason *why)
{
    int code = 0;
    PCRE2_SIZE at = 0;
    const char *regex = u->pattern->regex;
    u->re = pcre2_compile((PCRE2_SPTR)regex, strlen(regex),
                          PCRE2_UTF | PCRE2_UCP | PCRE2_NO_UTF_CHECK | PCRE2_NEVER_BACKSLASH_C, &code, &at,
                          c->context);
    if (!u->re) {
        PCRE2_UCHAR text[160] = {0};
        (void)pcre2_get_error_message(code, text, sizeof(text)); /* a cut message is better than none */
        return fail(why, RELAY_INVALID, _("pattern, near character %zu: %s"), text_chars(regex, at) + 1,
                    (const char *)text);
    }
    return RELAY_OK;
}

/* A pattern of plain strings alone is answered by the scan, and machine code for it would hardly ever run. */
static void compile_jit(struct compiler *c, struct unit *u)
{
    if (!c->jit || c->jit_denied || u->shape->n_branches == 0) return;
    int rc = pcre2_jit_compile(u->re, PCRE2_JIT_COMPLETE);
    if (rc == 0) {
        size_t size = 0;
        u->jit = pcre2_pattern_info(u->re, PCRE2_INFO_JITSIZE, &size) == 0 && size > 0;
    } else if (rc == PCRE2_ERROR_NOMEMORY || rc == PCRE2_ERROR_JIT_BADOPTION) {
        c->jit_denied = true; /* this pattern alone being too large for it is as harmless: both run */
    }
}

const char *unit_excerpt(const struct unit *u, char room[static 128])
{
    const char *s = u->pattern->source;
    size_t n = text_cut(s, strlen(s), 120);
    (void)snprintf(room, 128, "%.*s%s", (int)n, s, s[n] ? "…" : "");
    return room;
}

/* Where a pattern of this text is in the table, or may be put. */
static size_t table_place(const struct compiler *c, const char *text)
{
    size_t at = hash_quick(text, strlen(text)) & (c->slots - 1);
    while (c->table[at] != UINT32_MAX && strcmp(c->units[c->table[at]]->pattern->source, text) != 0)
        at = (at + 1) & (c->slots - 1);
    return at;
}

static void table_room(struct compiler *c)
{
    if (c->n_units * 2 < c->slots) return;
    c->slots = c->slots ? c->slots * 2 : 256;
    free(c->table);
    c->table = xreallocarray(NULL, c->slots, sizeof(*c->table));
    for (size_t i = 0; i < c->slots; i++) c->table[i] = UINT32_MAX;
    for (size_t i = 0; i < c->n_units; i++)
        c->table[table_place(c, c->units[i]->pattern->source)] = (uint32_t)i;
}

static enum relay_err compile_unit(struct compiler *c, const char *text, struct unit **ret,
                                   struct reason *why)
{
    table_room(c);
    size_t place = table_place(c, text);
    if (c->table[place] != UINT32_MAX) {
        *ret = c->units[c->table[place]];
        return RELAY_OK;
    }
    struct pattern *p = NULL;
    enum relay_err err = pattern_parse(text, strlen(text), c->arena, &p, why);
    if (err) return err;
    struct unit *u = arena_alloc(c->hot, sizeof(*u));
    u->pattern = p;
    err = compile_regex(c, u, why);
    if (err) return err;
    struct shape *shape = arena_alloc(c->arena, sizeof(*shape));
    *shape = pattern_shape(p, c->arena);
    u->shape = shape;
    u->index = (uint32_t)c->n_units;
    compile_jit(c, u);
    if (c->n_units == c->cap) {
        c->cap = c->cap ? c->cap * 2 : 64;
        c->units = xreallocarray(c->units, c->cap, sizeof(struct unit *));
    }
    c->table[place] = (uint32_t)c->n_units;
    c->units[c->n_units++] = u;
    *ret = u;
    return RELAY_OK;
}

static enum relay_err compile_units(struct compiler *c, const struct rule_texts *texts, struct unit **units,
                                    int *lines, int *ret_line, struct reason *why)
{
    for (size_t i = 0; i < texts->n; i++) {
        lines[i] = *ret_line = texts->items[i].line;
        enum relay_err err = compile_unit(c, texts->items[i].text, &units[i], why);
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

static bool has_group(const struct rule_code *code, const char *name)
{
    for (size_t i = 0; i < code->n_all + code->n_any; i++)
        if (pcre2_substring_number_from_name(code->units[i]->re, (PCRE2_SPTR)name) > 0) return true;
    return false;
}

enum relay_err rule_compile(struct compiler *c, struct rule_source *s, int *ret_line, struct reason *why)
{
    const struct rule_match *m = &s->match;
    struct rule_code *code = arena_alloc(c->hot, sizeof(*code));
    size_t n = m->all.n + m->any.n + m->none.n;
    int *lines = arena_alloc(c->arena, n * sizeof(int) + 1);
    code->units = arena_alloc(c->hot, n * sizeof(struct unit *) + 1);
    code->lines = lines;
    code->lists = arena_alloc(c->arena, m->n_words * sizeof(struct word_list) + 1);
    code->n_all = m->all.n;
    code->n_any = m->any.n;
    code->n_none = m->none.n;
    code->near = m->near;
    list_entries(code, &m->any, c->hot);
    enum relay_err err = RELAY_OK;
    for (; code->n_lists < m->n_words && !err; code->n_lists++)
        err = compile_words(c, &m->words[code->n_lists], &code->lists[code->n_lists], ret_line, why);
    const struct rule_texts *texts[] = {&m->all, &m->any, &m->none};
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

static void file_needs(const struct needs *needs, struct gate *g, struct prefilter *p)
{
    for (size_t i = 0; i < needs->n; i++) gate_add(g, p, prefilter_clause(p, &needs->items[i]));
    g->odds = gate_odds(g, p);
}

static void file_unit(struct unit *u, struct prefilter *p, struct arena *hot)
{
    if (u->filed) return;
    u->filed = true;
    file_needs(&u->shape->needs, &u->gate, p);
    u->has_plain = u->shape->plain.n > 0;
    if (u->has_plain) u->plain = prefilter_clause(p, &u->shape->plain);
    u->ways = arena_alloc(hot, u->shape->n_branches * sizeof(struct way) + 1);
    if (!u->has_plain && u->shape->n_branches) u->digits = INT_MAX;
    for (; u->n_ways < u->shape->n_branches; u->n_ways++) {
        const struct branch *b = &u->shape->branches[u->n_ways];
        struct way *w = &u->ways[u->n_ways];
        file_needs(&b->needs, &w->gate, p);
        w->digits = b->digits >= DIGITS_MIN && b->digits < INT_MAX ? (int)b->digits : 0;
        if (w->digits < u->digits) u->digits = w->digits;
        if (b->n_links < 2) continue;
        w->steps = arena_alloc(hot, b->n_links * sizeof(struct step));
        for (; w->n_steps < b->n_links; w->n_steps++) {
            const struct link *l = &b->links[w->n_steps];
            w->steps[w->n_steps] = (struct step){prefilter_clause(p, &l->clause), l->reach};
        }
    }
}

void rule_code_file(struct rule_code *code, struct prefilter *p, struct arena *a, struct arena *hot)
{
    for (size_t i = 0; i < code->n_all + code->n_any + code->n_none; i++) file_unit(code->units[i], p, hot);
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

void rule_code_weigh(struct rule_code *code, const struct prefilter *p)
{
    weigh(&code->words, p);
    code->words_lazy = false;
    for (size_t i = 0; i < code->n_lists && code->words_known; i++)
        code->words_lazy = code->words_lazy || !prefilter_is_eager(p, code->lists[i].clause);
    for (size_t i = 0; i < code->n_all + code->n_any + code->n_none; i++) {
        struct unit *u = code->units[i];
        weigh(&u->gate, p);
        u->plain_lazy = u->has_plain && !prefilter_is_eager(p, u->plain);
        for (uint32_t k = 0; k < u->n_ways; k++) {
            struct way *w = &u->ways[k];
            weigh(&w->gate, p);
            w->lazy = false;
            for (uint32_t s = 0; s < w->n_steps; s++)
                w->lazy = w->lazy || !prefilter_is_eager(p, w->steps[s].clause);
        }
    }
}
