/* Runs every part of every rule over one text and writes down what held and what did not. */
#include "rules/explain.h"

#include "base/i18n.h"
#include "base/mask.h"

enum {
    SPANS_MAX = 64,
    SHOWN_WORDS = 6,
    SHOWN_PATTERNS = 3,
    SHOWN_PARTS = 8, /* of what makes a text like others */
    MISSING_MAX = 32,
    MISSING_BYTES = 512 * 1024
};

/* ---- the way back to the original ---- */

void prepare(const char *original, size_t n, struct prepared *ret)
{
    *ret = (struct prepared){.shown = BUF_INIT(SIZE_MAX / 2)};
    mask_text(original, n, &ret->text, NULL, &ret->shown);
}

void prepared_release(struct prepared *p)
{
    norm_text_release(&p->text);
    buf_release(&p->shown);
    *p = (struct prepared){0};
}

/* ---- what a rule saw ---- */

struct finding {
    const struct rule *rule;
    enum verdict verdict;
    struct span spans[SPANS_MAX];
    size_t n_spans;
    size_t have, lack; /* conditions that hold, that do not */
    struct buf missing[MISSING_MAX];
    size_t n_missing;
    struct buf surplus; /* takes nothing */
    bool blocked;       /* only `none` stood in the way */
    bool only_like;     /* it matches by likeness alone */
    bool unlike;        /* it would match, but is like nothing that was learned */
    bool nearly_like;   /* it is half as like as would be enough */
    int like;           /* percent, when the rule goes by it */
};

struct view {
    struct runner *runner;
    const char *text;
    size_t n;
    bool whole; /* what is missing is told in full, for programs */
    struct arena *arena;
};

static void add_span(struct finding *f, struct span s)
{
    if (f->n_spans < SPANS_MAX && s.to > s.from) f->spans[f->n_spans++] = s;
}

static struct buf *add_missing(struct finding *f)
{
    if (f->n_missing == MISSING_MAX) return &f->surplus;
    f->missing[f->n_missing] = BUF_INIT(MISSING_BYTES);
    return &f->missing[f->n_missing++];
}

static void list_words(struct buf *b, const struct view *v, const char *const *items, size_t n)
{
    size_t shown = v->whole || n <= SHOWN_WORDS ? n : SHOWN_WORDS;
    for (size_t i = 0; i < shown; i++) buf_printf(b, "%s%s", i ? " / " : "", items[i]);
    if (shown < n) buf_printf(b, " … (+%zu)", n - shown);
}

static void add_pattern(struct buf *b, const struct view *v, const struct unit *u)
{
    if (v->whole)
        buf_printf(b, "'%s'", u->pattern->source);
    else
        pattern_brief(u->pattern, b);
}

static bool word_in(const struct view *v, const struct word_list *l, struct span within, struct finding *f)
{
    bool found = false;
    for (size_t i = 0; i < l->n; i++) {
        const char *at =
            memmem(v->text + within.from, within.to - within.from, l->items[i], strlen(l->items[i]));
        if (!at) continue;
        found = true;
        if (f)
            add_span(f, (struct span){(uint32_t)(at - v->text),
                                      (uint32_t)(at - v->text + (long)strlen(l->items[i]))});
    }
    return found;
}

static void look_at_words(const struct rule_code *c, const struct view *v, struct finding *f)
{
    if (c->n_lists == 0) return;
    struct span whole = {0, (uint32_t)v->n}, window = {0};
    size_t present = 0;
    for (size_t i = 0; i < c->n_lists; i++) {
        if (word_in(v, &c->lists[i], whole, NULL)) {
            present++;
            continue;
        }
        f->lack++;
        struct buf *b = add_missing(f);
        buf_str(b, _("one of the words: "));
        list_words(b, v, c->lists[i].items, c->lists[i].n);
    }
    f->have += present;
    if (present < c->n_lists) return;
    if (words_run(c, v->runner, v->text, v->n, c->near, &window) == MATCH) {
        for (size_t i = 0; i < c->n_lists; i++) (void)word_in(v, &c->lists[i], window, f);
        return;
    }
    f->lack++;
    buf_printf(add_missing(f), _("the words are there, but not within %d characters of each other"), c->near);
}

static bool holds(const struct view *v, const struct clause *c)
{
    for (size_t k = 0; k < c->n; k++)
        if (memmem(v->text, v->n, c->items[k], strlen(c->items[k]))) return true;
    return false;
}

/* What a pattern that did not match lacks; counts its clauses as conditions. The clauses of a choice are all about the one
 * thing that it asks for, so it is told as a whole. */
static void look_why_not(const struct unit *u, const struct view *v, struct finding *f)
{
    const struct needs needs = pattern_needs(u->pattern, v->arena);
    size_t held = 0;
    for (size_t i = 0; i < needs.n; i++) held += holds(v, &needs.items[i]);
    f->have += held;
    bool choice = pattern_is_choice(u->pattern);
    if (held == needs.n || choice) {
        f->lack++;
        struct buf *b = add_missing(f);
        if (held < needs.n)
            buf_str(b, _("one of: "));
        else if (held)
            buf_str(b, _("its words are there, but not in the order or distance of "));
        add_pattern(b, v, u);
        return;
    }
    for (size_t i = 0; i < needs.n; i++) {
        if (holds(v, &needs.items[i])) continue;
        f->lack++;
        struct buf *b = add_missing(f);
        buf_str(b, _("one of: "));
        list_words(b, v, needs.items[i].items, needs.items[i].n);
    }
}

static void add_entry(struct buf *b, const struct view *v, const struct rule_code *c,
                      const struct entry_of_any *e)
{
    for (uint32_t k = 0; k < e->n; k++) {
        if (k) buf_str(b, " + ");
        add_pattern(b, v, c->units[e->first + k]);
    }
}

/* How many patterns of the entry match, their spans into *s; *ret_unsure when one met a limit. */
static size_t entry_held(const struct rule_code *c, const struct entry_of_any *e, const struct view *v,
                         struct span *s, bool *ret_unsure)
{
    size_t held = 0;
    for (uint32_t k = 0; k < e->n; k++) {
        enum verdict a = unit_run(c->units[e->first + k], v->runner, v->text, v->n, &s[held]);
        if (a == MATCH) held++;
        if (a == UNSURE) *ret_unsure = true;
    }
    return held;
}

/* Where no entry holds, the one that lacks least tells what it lacks, if some of it is there at all. */
static void look_at_any(const struct rule_code *c, const struct view *v, struct finding *f)
{
    if (c->n_entries == 0) return;
    struct span s[RULE_PATTERNS_MAX];
    const struct entry_of_any *nearest = NULL;
    size_t nearest_held = 0;
    bool found = false, unsure = false;
    for (size_t i = 0; i < c->n_entries; i++) {
        const struct entry_of_any *e = &c->entries[i];
        size_t held = entry_held(c, e, v, s, &unsure);
        for (size_t k = 0; held == e->n && k < held; k++) add_span(f, s[k]);
        found = found || held == e->n;
        if (held == 0 || (nearest && e->n - held >= nearest->n - nearest_held)) continue;
        nearest = e;
        nearest_held = held;
    }
    if (found) {
        f->have++;
        return;
    }
    if (nearest && !unsure) {
        f->have += nearest_held;
        for (uint32_t k = 0; k < nearest->n; k++)
            if (unit_run(c->units[nearest->first + k], v->runner, v->text, v->n, s) != MATCH)
                look_why_not(c->units[nearest->first + k], v, f);
        return;
    }
    f->lack++;
    struct buf *b = add_missing(f);
    buf_str(b, unsure ? _("a pattern was given up at its limit: ") : _("one of the patterns: "));
    size_t shown = v->whole || c->n_entries <= SHOWN_PATTERNS ? c->n_entries : SHOWN_PATTERNS;
    for (size_t i = 0; i < shown; i++) {
        if (i) buf_str(b, "; ");
        add_entry(b, v, c, &c->entries[i]);
    }
    if (shown < c->n_entries) buf_printf(b, " … (+%zu)", c->n_entries - shown);
}

static bool has_like_none(const struct rule_code *c, const struct view *v)
{
    struct span s;
    for (size_t i = 0; i < c->n_like_none; i++)
        if (unit_run(unit_like_none(c, i), v->runner, v->text, v->n, &s) == MATCH) return true;
    return false;
}

/* What weighs most in a text that matches for it is marked. */
static void look_at_like(const struct rule *r, const struct view *v, struct finding *f)
{
    struct likeness_part parts[SHOWN_PARTS];
    const struct rule_code *c = r->code;
    if (c->like_enough == INT64_MAX) return;
    const struct likeness_of *o = like_run(c, v->runner, NULL, v->text, v->n);
    f->like = (int)likeness_percent(likeness_points(o, c->like_kind));
    if (f->only_like) {
        size_t n = likeness_parts(c->like, c->like_kind, v->text, v->n, parts, SHOWN_PARTS);
        for (size_t i = 0; i < n; i++)
            add_span(f, (struct span){(uint32_t)parts[i].from, (uint32_t)parts[i].to});
    } else if (f->verdict == NO_MATCH && 2 * f->like >= r->like_enough && !has_like_none(c, v)) {
        f->nearly_like = true;
        buf_printf(add_missing(f),
                   _("learned: it is %d %% like what was learned of this kind, and %d %% would be enough"),
                   f->like, r->like_enough);
    }
}

static void look_at(const struct rule *r, const struct view *v, struct finding *f)
{
    const struct rule_code *c = r->code;
    struct span s = {0};
    struct buf *limit;
    *f = (struct finding){.rule = r};
    f->verdict = rule_run(c, v->runner, NULL, v->text, v->n, &s);
    f->only_like = f->verdict == MATCH && v->runner->only_like;
    f->unlike = f->verdict == UNSURE && v->runner->unlike;
    if (f->only_like) {
        look_at_like(r, v, f);
        return;
    }
    look_at_words(c, v, f);
    for (size_t i = 0; i < c->n_all; i++) {
        switch (unit_run(unit_all(c, i), v->runner, v->text, v->n, &s)) {
        case MATCH:
            f->have += 1 + pattern_needs(unit_all(c, i)->pattern, v->arena).n;
            add_span(f, s);
            break;
        case UNSURE:
            f->lack++;
            limit = add_missing(f);
            buf_str(limit, _("a pattern was given up at its limit: "));
            add_pattern(limit, v, unit_all(c, i));
            break;
        case NO_MATCH: look_why_not(unit_all(c, i), v, f); break;
        }
    }
    look_at_any(c, v, f);
    f->blocked = f->verdict == NO_MATCH && f->lack == 0;
    for (size_t i = 0; f->blocked && i < c->n_none; i++)
        if (unit_run(unit_none(c, i), v->runner, v->text, v->n, &s) == MATCH)
            buf_printf(add_missing(f), _("\"%.*s\" is there, which this rule takes for harmless"),
                       (int)(s.to - s.from), v->text + s.from);
    look_at_like(r, v, f);
}

/* Near: only `none` is in the way, or one condition is missing, or a third of them at most. */
static bool is_near(const struct finding *f)
{
    return f->blocked || f->nearly_like || (f->have >= 1 && (f->lack <= 1 || f->have >= 2 * f->lack));
}

static int nearest_first(const void *a, const void *b)
{
    const struct finding *const *x = a, *const *y = b;
    if ((*x)->lack != (*y)->lack) return (*x)->lack < (*y)->lack ? -1 : 1;
    if ((*x)->have != (*y)->have) return (*x)->have > (*y)->have ? -1 : 1;
    return strcmp((*x)->rule->id, (*y)->rule->id);
}

/* ---- writing ---- */

static int by_from(const void *a, const void *b)
{
    const struct span *x = a, *y = b;
    return (x->from > y->from) - (x->from < y->from);
}

/* Spans of the normalised text to spans of the original, sorted, overlaps joined. */
static size_t to_original(const struct prepared *p, struct finding *f)
{
    for (size_t i = 0; i < f->n_spans; i++)
        f->spans[i] = (struct span){p->text.origin[f->spans[i].from], p->text.origin[f->spans[i].to]};
    if (f->n_spans) qsort(f->spans, f->n_spans, sizeof(f->spans[0]), by_from);
    size_t kept = 0;
    for (size_t i = 0; i < f->n_spans; i++) {
        if (kept && f->spans[i].from <= f->spans[kept - 1].to) {
            if (f->spans[i].to > f->spans[kept - 1].to) f->spans[kept - 1].to = f->spans[i].to;
        } else {
            f->spans[kept++] = f->spans[i];
        }
    }
    return f->n_spans = kept;
}

static void write_marked(const struct finding *f, const struct prepared *p, struct buf *out)
{
    const char *shown = buf_cstr(&p->shown);
    size_t at = 0, n = p->shown.len;
    buf_str(out, "    ");
    for (size_t i = 0; i < f->n_spans; i++) {
        buf_add(out, shown + at, f->spans[i].from - at);
        buf_str(out, "⟦");
        buf_add(out, shown + f->spans[i].from, f->spans[i].to - f->spans[i].from);
        buf_str(out, "⟧");
        at = f->spans[i].to;
    }
    buf_add(out, shown + at, n - at);
    buf_char(out, '\n');
}

/* By what this text would count together with others; value may stay empty. Returns the word for it, or NULL. */
static const char *same_of(const struct rule *r, const struct prepared *p, struct buf *value)
{
    switch (r->threshold_same) {
    case SAME_NONE: return NULL;
    case SAME_NUMBER: return "suspect.number";
    case SAME_PAYEE: return "txn.payee_acct";
    case SAME_DOMAIN:
    case SAME_CAPTURE: break;
    }
    if (!rule_value(r, p->text.text, p->text.len, value)) buf_clear(value);
    return r->threshold_same_name;
}

static void write_same(const struct rule *r, const struct prepared *p, struct buf *out)
{
    CLEANUP(buf_release) struct buf value = BUF_INIT(EVENT_TEXT_MAX);
    const char *name = same_of(r, p, &value);
    if (!name) return;
    if (r->threshold_same == SAME_NUMBER || r->threshold_same == SAME_PAYEE)
        buf_printf(out, _("    counts together with events of the same %s\n"), name);
    else if (value.len)
        buf_printf(out, _("    counts together with events of the same %s: %s\n"), name, buf_cstr(&value));
    else
        buf_printf(out, _("    counts for nothing: this text has no %s\n"), name);
}

static void write_rule_line(const struct rule *r, struct buf *out)
{
    buf_printf(out, "%s  %s  %s  (%s, %s)\n", r->id, level_name_zh(r->level), r->title, r->category,
               rule_status_name(r->status));
}

static void write_text(const struct finding *hits, size_t n_hits, struct finding *const *near, size_t n_near,
                       const struct prepared *p, struct buf *out)
{
    buf_printf(out, _("As rules see it:\n    %s\n"), p->text.text);
    if (n_hits == 0) buf_str(out, _("\nNo rule finds it.\n"));
    for (size_t i = 0; i < n_hits; i++) {
        buf_str(out, hits[i].verdict == MATCH ? _("\nFound by ")
                     : hits[i].unlike         ? _("\nNot sure (it is like nothing that was learned): ")
                                              : _("\nNot sure (a pattern met its limit): "));
        write_rule_line(hits[i].rule, out);
        write_marked(&hits[i], p, out);
        if (hits[i].only_like) {
            buf_str(out, "    ");
            buf_printf(out, _("learned: it is %d %% like what was learned of this kind"), hits[i].like);
            buf_char(out, '\n');
        }
        write_same(hits[i].rule, p, out);
    }
    for (size_t i = 0; i < n_near; i++) {
        buf_str(out, near[i]->blocked ? _("\nNot found by ") : _("\nNearly found by "));
        write_rule_line(near[i]->rule, out);
        for (size_t k = 0; k < near[i]->n_missing; k++)
            buf_printf(out, near[i]->blocked ? _("    because %s\n") : _("    missing: %s\n"),
                       buf_cstr(&near[i]->missing[k]));
    }
}

static void json_rule(const struct rule *r, struct buf *out)
{
    buf_json_member(out, "rule", r->id);
    buf_json_member(out, "title", r->title);
    buf_json_member(out, "category", r->category);
    buf_json_member(out, "level", level_name(r->level));
    buf_json_member(out, "status", rule_status_name(r->status));
}

static void write_json(const struct finding *hits, size_t n_hits, struct finding *const *near, size_t n_near,
                       const struct prepared *p, struct buf *out)
{
    buf_char(out, '{');
    buf_json_member(out, "normalised", p->text.text);
    buf_json_member(out, "shown", buf_cstr(&p->shown));
    buf_str(out, ",\"matches\":[");
    for (size_t i = 0; i < n_hits; i++) {
        if (i) buf_char(out, ',');
        buf_char(out, '{');
        json_rule(hits[i].rule, out);
        buf_json_member(out, "verdict", verdict_name(hits[i].verdict));
        if (hits[i].rule->like_enough) buf_json_member_int(out, "like", hits[i].like);
        if (hits[i].only_like) buf_json_member_bool(out, "only_like", true);
        if (hits[i].unlike) buf_json_member_bool(out, "unlike", true);
        CLEANUP(buf_release) struct buf value = BUF_INIT(EVENT_TEXT_MAX);
        const char *same = same_of(hits[i].rule, p, &value);
        if (same) {
            buf_json_member(out, "same", same);
            buf_json_member(out, "value", value.len ? buf_cstr(&value) : NULL);
        }
        buf_str(out, ",\"spans\":[");
        for (size_t k = 0; k < hits[i].n_spans; k++) {
            struct span s = hits[i].spans[k];
            if (k) buf_char(out, ',');
            buf_char(out, '{');
            buf_json_member_int(out, "from", s.from);
            buf_json_member_int(out, "to", s.to);
            buf_json_key(out, "text");
            buf_json_strn(out, buf_cstr(&p->shown) + s.from, s.to - s.from);
            buf_char(out, '}');
        }
        buf_str(out, "]}");
    }
    buf_str(out, "],\"near\":[");
    for (size_t i = 0; i < n_near; i++) {
        if (i) buf_char(out, ',');
        buf_char(out, '{');
        json_rule(near[i]->rule, out);
        buf_json_member_bool(out, "blocked", near[i]->blocked);
        buf_str(out, ",\"missing\":[");
        for (size_t k = 0; k < near[i]->n_missing; k++) {
            if (k) buf_char(out, ',');
            buf_json_str(out, buf_cstr(&near[i]->missing[k]));
        }
        buf_str(out, "]}");
    }
    buf_str(out, "]}\n");
}

void explain(const struct rule_set *set, const char *original, size_t n, bool json, struct buf *out)
{
    struct prepared p;
    struct runner runner;
    prepare(original, n, &p);
    runner_init(&runner, 0);
    struct arena arena = {0};
    struct view v = {&runner, p.text.text, p.text.len, json, &arena};
    struct finding *all = xcalloc(set->n + 1, sizeof(*all));
    struct finding *hits = xcalloc(set->n + 1, sizeof(*hits));
    struct finding **near = xcalloc(set->n + 1, sizeof(*near));
    size_t n_hits = 0, n_near = 0;
    for (size_t i = 0; i < set->n; i++) {
        look_at(&set->rules[i]->rule, &v, &all[i]);
        (void)to_original(&p, &all[i]);
        if (all[i].verdict != NO_MATCH)
            hits[n_hits++] = all[i];
        else if (is_near(&all[i]))
            near[n_near++] = &all[i];
    }
    if (n_near) qsort(near, n_near, sizeof(*near), nearest_first);
    if (n_near > EXPLAIN_NEAR_MAX) n_near = EXPLAIN_NEAR_MAX;
    if (json)
        write_json(hits, n_hits, near, n_near, &p, out);
    else
        write_text(hits, n_hits, near, n_near, &p, out);
    for (size_t i = 0; i < set->n; i++)
        for (size_t k = 0; k < all[i].n_missing; k++) buf_release(&all[i].missing[k]);
    free(all);
    free(hits);
    free(near);
    arena_release(&arena);
    runner_release(&runner);
    prepared_release(&p);
}
