/* Runs one rule over one text: words by position, patterns by PCRE2, three values all the way. */
#include "rules/compile.h"

#include "base/text.h"

enum { JIT_STACK_MIN = 32 * 1024, JIT_STACK_MAX = 1024 * 1024 };

void runner_init(struct runner *r, size_t n_units)
{
    *r = (struct runner){0};
    if (n_units) {
        r->memos = xcalloc(n_units, sizeof(*r->memos));
        r->asked = xcalloc(n_units, sizeof(*r->asked));
    }
    r->data = pcre2_match_data_create(1, NULL);
    r->context = pcre2_match_context_create(NULL);
    r->stack = pcre2_jit_stack_create(JIT_STACK_MIN, JIT_STACK_MAX, NULL);
    if (!r->data || !r->context) abort();
    (void)pcre2_set_match_limit(r->context, MATCH_LIMIT); /* these four cannot fail */
    (void)pcre2_set_depth_limit(r->context, DEPTH_LIMIT);
    (void)pcre2_set_heap_limit(r->context, HEAP_LIMIT_KIB);
    if (r->stack) pcre2_jit_stack_assign(r->context, NULL, r->stack);
}

void runner_release(struct runner *r)
{
    pcre2_match_data_free(r->data);
    pcre2_match_context_free(r->context);
    pcre2_jit_stack_free(r->stack);
    free(r->found);
    free(r->memos);
    free(r->asked);
    for (size_t i = 0; i < r->n_whole; i++) pcre2_code_free(r->whole[i].re);
    free(r->whole);
    for (size_t i = 0; i < r->n_likes; i++) likeness_of_release(&r->likes[i].of);
    free(r->likes);
    *r = (struct runner){0};
}

/* ---- patterns ---- */

static size_t char_start(const char *text, size_t at)
{
    while (at > 0 && ((unsigned char)text[at] & 0xc0) == 0x80) at--;
    return at;
}

/* PCRE2's answer for matches that begin in [start, …) of the first n bytes. */
static int pcre2_run(const struct code *c, struct runner *r, const char *text, size_t n, size_t start,
                     bool cut)
{
    uint32_t options = PCRE2_NO_UTF_CHECK | (cut ? PCRE2_NOTEOL : 0);
    if (c->jit) return pcre2_jit_match(c->re, (PCRE2_SPTR)text, n, start, options, r->data, r->context);
    return pcre2_match(c->re, (PCRE2_SPTR)text, n, start, options, r->data, r->context);
}

static enum verdict run_code(const struct code *c, struct runner *r, const char *text, size_t n,
                             struct span *ret)
{
    enum verdict answer = NO_MATCH;
    for (size_t start = 0;;) {
        bool last = n - start <= WINDOW_BYTES;
        size_t end = last ? n : char_start(text, start + WINDOW_BYTES);
        size_t next = last ? n : char_start(text, start + WINDOW_STEP);
        int rc = pcre2_run(c, r, text, end, start, !last);
        if (rc >= 0) {
            const PCRE2_SIZE *at = pcre2_get_ovector_pointer(r->data);
            if (last || at[0] < next) {
                *ret = (struct span){(uint32_t)at[0], (uint32_t)at[1]};
                return MATCH;
            }
        } else if (rc != PCRE2_ERROR_NOMATCH) {
            answer = UNSURE; /* a limit; a later piece may still say yes */
        }
        if (last) return answer;
        start = next;
    }
}

enum verdict unit_run(const struct unit *u, struct runner *r, const char *text, size_t n, struct span *ret)
{
    if (u->code.re) return run_code(&u->code, r, text, n, ret);
    if (u->index >= r->n_whole) {
        size_t cap = u->index * 2 + 64;
        r->whole = xreallocarray(r->whole, cap, sizeof(*r->whole));
        memset(r->whole + r->n_whole, 0, (cap - r->n_whole) * sizeof(*r->whole));
        r->n_whole = cap;
    }
    struct code *whole = &r->whole[u->index];
    if (!whole->re) unit_compile_whole(u, whole);
    return whole->re ? run_code(whole, r, text, n, ret) : UNSURE;
}

/* ---- words ---- */

static void occurrence_add(struct runner *r, size_t *n, struct occurrence o)
{
    if (*n == r->cap) {
        r->cap = r->cap ? r->cap * 2 : 64;
        r->found = xreallocarray(r->found, r->cap, sizeof(*r->found));
    }
    r->found[(*n)++] = o;
}

static int by_start(const void *a, const void *b)
{
    const struct occurrence *x = a, *y = b;
    return (x->from > y->from) - (x->from < y->from);
}

/* All places of all words, in order; 0 when a list has none. */
static size_t find_words(const struct rule_code *code, struct runner *r, const char *text, size_t n)
{
    size_t total = 0;
    for (size_t l = 0; l < code->n_lists; l++) {
        size_t before = total;
        for (size_t i = 0; i < code->lists[l].n; i++) {
            const char *word = code->lists[l].items[i];
            size_t len = strlen(word);
            for (const char *at = text; (at = memmem(at, n - (size_t)(at - text), word, len)) != NULL; at++) {
                uint32_t from = (uint32_t)(at - text);
                occurrence_add(r, &total, (struct occurrence){from, from + (uint32_t)len, (uint32_t)l});
            }
        }
        if (total == before) return 0;
    }
    qsort(r->found, total, sizeof(*r->found), by_start);
    return total;
}

static bool within_chars(const char *text, uint32_t from, uint32_t to, int near)
{
    if (to - from <= (uint32_t)near) return true;
    if (to - from > (uint32_t)near * 4) return false;
    int chars = 0;
    for (uint32_t i = from; i < to; i++) chars += ((unsigned char)text[i] & 0xc0) != 0x80;
    return chars <= near;
}

/* The same from what the scan has found already. */
static size_t take_words(const struct rule_code *code, struct runner *r, struct scan *scan)
{
    size_t total = 0;
    scan_places(scan, code->words_lazy);
    for (size_t i = 0; i < scan->n_hits; i++)
        for (size_t l = 0; l < code->n_lists; l++) {
            struct literal_hit h = scan->hits[i];
            if (!clause_has(scan, code->lists[l].clause, h.literal)) continue;
            uint32_t to = h.from + prefilter_length(scan->prefilter, h.literal);
            occurrence_add(r, &total, (struct occurrence){h.from, to, (uint32_t)l});
        }
    return total;
}

/* From the right: the nearest end of a word of each list at or after this place. The first place from which all lists end
 * within `near` is the answer. */
static enum verdict within_near(const struct rule_code *code, const struct runner *r, size_t total,
                                const char *text, int near, struct span *ret)
{
    uint32_t nearest[RULE_WORD_LISTS_MAX];
    for (size_t l = 0; l < code->n_lists; l++) nearest[l] = UINT32_MAX;
    bool found = false;
    for (size_t i = total; i-- > 0;) {
        const struct occurrence *o = &r->found[i];
        if (o->to < nearest[o->list]) nearest[o->list] = o->to;
        uint32_t furthest = 0;
        for (size_t l = 0; l < code->n_lists; l++)
            if (nearest[l] > furthest) furthest = nearest[l];
        if (furthest == UINT32_MAX || !within_chars(text, o->from, furthest, near)) continue;
        found = true;
        *ret = (struct span){o->from, furthest};
    }
    return found ? MATCH : NO_MATCH;
}

enum verdict words_run(const struct rule_code *code, struct runner *r, const char *text, size_t n, int near,
                       struct span *ret)
{
    return within_near(code, r, find_words(code, r, text, n), text, near, ret);
}

/* ---- rules ---- */

static bool gate_open(const struct gate *g, struct scan *scan)
{
    if (!scan) return true;
    for (unsigned i = 0; i < g->n; i++)
        if (!scan_has(scan, g->clauses[i])) return false;
    return true;
}

/* Whether the strings of the steps come in their order and not too far apart. For each step the latest place that can be
 * reached is kept, which is the best for the one that follows. */
static bool steps_hold(const struct unit *u, struct scan *scan)
{
    enum { STEPS_MAX = 8 };
    size_t latest[STEPS_MAX];
    bool reached[STEPS_MAX] = {false};
    size_t n = u->n_steps < STEPS_MAX ? u->n_steps : STEPS_MAX;
    scan_places(scan, u->lazy);
    for (size_t i = 0; i < scan->n_hits; i++) {
        struct literal_hit h = scan->hits[i];
        for (size_t s = n; s-- > 0;) {
            if (s > 0 && (!reached[s - 1] || h.from - latest[s - 1] > u->steps[s - 1].reach)) continue;
            if (!clause_has(scan, u->steps[s].clause, h.literal)) continue;
            if (s == n - 1) return true;
            reached[s] = true;
            latest[s] = h.from;
        }
    }
    return false;
}

static bool has_plain(const struct unit *u, struct scan *scan)
{
    for (uint32_t i = 0; i < u->n_plains; i++)
        if (scan_has(scan, u->plains[i])) return true;
    return false;
}

static struct span plain_span(const struct unit *u, struct scan *scan)
{
    scan_places(scan, u->lazy);
    for (size_t i = 0; i < scan->n_hits; i++) {
        struct literal_hit h = scan->hits[i];
        for (uint32_t k = 0; k < u->n_plains; k++)
            if (clause_has(scan, u->plains[k], h.literal))
                return (struct span){h.from, h.from + prefilter_length(scan->prefilter, h.literal)};
    }
    return (struct span){0};
}

/* PCRE2 must never see what is not UTF-8. */
static bool is_text(struct scan *scan, const char *text, size_t n)
{
    if (!scan->checked) {
        scan->checked = true;
        scan->valid = text_valid_utf8(text, n);
    }
    return scan->valid;
}

static void forget_other_text(struct runner *r, const struct scan *scan)
{
    if (r->scan == scan && r->serial == scan->serial) return;
    for (size_t i = 0; i < r->n_asked; i++) r->memos[r->asked[i]].asked = false;
    r->n_asked = 0;
    r->scan = scan;
    r->serial = scan->serial;
    for (size_t i = 0; i < r->n_likes; i++) r->likes[i].done = false;
}

static enum verdict unit_verdict(const struct unit *u, struct runner *r, struct scan *scan, const char *text,
                                 size_t n, struct span *ret);

/* PCRE2 is the last to be asked. */
static enum verdict unit_ask(const struct unit *u, struct runner *r, struct scan *scan, const char *text,
                             size_t n, struct span *ret)
{
    enum verdict answer = NO_MATCH;
    if (has_plain(u, scan)) return MATCH; /* its place is looked for when somebody wants it */
    if (u->code.re) {
        if (u->digits && !scan_has_digits(scan, u->digits)) return NO_MATCH;
        if (u->n_steps && !steps_hold(u, scan)) return NO_MATCH;
        for (uint32_t i = 0; i < u->n_parts && n <= WINDOW_BYTES; i++)
            if (unit_verdict(u->parts[i], r, scan, text, n, NULL) == NO_MATCH) return NO_MATCH;
        return is_text(scan, text, n) ? run_code(&u->code, r, text, n, ret) : UNSURE;
    }
    for (uint32_t i = 0; i < u->n_code && answer != MATCH; i++) {
        enum verdict v = unit_verdict(u->parts[i], r, scan, text, n, ret);
        if (v != NO_MATCH) answer = v;
    }
    return answer;
}

/* Rules share patterns, and patterns lists (what warnings say, for one): each is asked once a text. ret may be NULL. */
static enum verdict unit_verdict(const struct unit *u, struct runner *r, struct scan *scan, const char *text,
                                 size_t n, struct span *ret)
{
    struct span unwanted;
    if (!scan) return unit_run(u, r, text, n, ret ? ret : &unwanted);
    struct memo *m = &r->memos[u->index];
    if (!m->asked) {
        if (!gate_open(&u->gate, scan)) return NO_MATCH; /* as quick as to remember it */
        *m = (struct memo){.asked = true};
        m->verdict = (uint8_t)unit_ask(u, r, scan, text, n, &m->span);
        r->asked[r->n_asked++] = u->index;
    }
    if (m->verdict == MATCH && ret) {
        if (m->span.to == 0 && has_plain(u, scan)) m->span = plain_span(u, scan);
        *ret = m->span;
    }
    return (enum verdict)m->verdict;
}

static enum verdict words_verdict(const struct rule_code *code, struct runner *r, struct scan *scan,
                                  const char *text, size_t n, struct span *ret)
{
    if (!scan || !code->words_known) return words_run(code, r, text, n, code->near, ret);
    return within_near(code, r, take_words(code, r, scan), text, code->near, ret);
}

static bool entry_open(const struct rule_code *code, size_t i, struct scan *scan)
{
    const struct entry_of_any *e = &code->entries[i];
    for (uint32_t k = 0; k < e->n; k++)
        if (!gate_open(&code->units[e->first + k]->gate, scan)) return false;
    return true;
}

bool rule_possible(const struct rule_code *code, struct scan *scan)
{
    if (!gate_open(&code->words, scan)) return false;
    for (size_t i = 0; i < code->n_all; i++)
        if (!gate_open(&unit_all(code, i)->gate, scan)) return false;
    bool possible = code->n_entries == 0;
    for (size_t i = 0; i < code->n_entries && !possible; i++) possible = entry_open(code, i, scan);
    return possible;
}

static enum verdict entry_run(const struct rule_code *code, size_t i, struct runner *r, struct scan *scan,
                              const char *text, size_t n)
{
    const struct entry_of_any *e = &code->entries[i];
    enum verdict answer = MATCH;
    if (scan && !entry_open(code, i, scan)) return NO_MATCH;
    for (uint32_t k = 0; k < e->n; k++) {
        enum verdict v = unit_verdict(code->units[e->first + k], r, scan, text, n, NULL);
        if (v == NO_MATCH) return NO_MATCH;
        if (v == UNSURE) answer = UNSURE;
    }
    return answer;
}

/* What needs no PCRE2 is asked first, for all of the rule, plain words of `none` among it; then `all` and `any`, where most
 * candidates fail; then the patterns of `none`, which are long lists and matter only to a text that would match. A clear no
 * ends it; UNSURE goes on, because a later no would still be clear. */
enum verdict rule_says(const struct rule_code *code, struct runner *r, struct scan *scan, const char *text,
                       size_t n, struct span *ret)
{
    enum verdict answer = MATCH;
    struct span span = {0};

    if (scan) forget_other_text(r, scan);
    if (!rule_possible(code, scan)) return NO_MATCH;
    if (code->n_lists && words_verdict(code, r, scan, text, n, &span) == NO_MATCH) return NO_MATCH;
    for (size_t i = 0; scan && i < code->n_none; i++)
        if (has_plain(unit_none(code, i), scan)) return NO_MATCH;
    for (size_t i = 0; i < code->n_all; i++) {
        enum verdict v = unit_verdict(unit_all(code, i), r, scan, text, n, NULL);
        if (v == NO_MATCH) return NO_MATCH;
        if (v == UNSURE) answer = UNSURE;
    }
    enum verdict any = code->n_entries ? NO_MATCH : MATCH;
    const struct unit *decisive = code->n_all ? unit_all(code, 0) : NULL;
    for (size_t i = 0; i < code->n_entries && any != MATCH; i++) {
        enum verdict v = entry_run(code, i, r, scan, text, n);
        if (v != NO_MATCH) any = v;
        if (v == MATCH && !decisive) decisive = code->units[code->entries[i].first];
    }
    if (any == NO_MATCH) return NO_MATCH;
    if (any == UNSURE) answer = UNSURE;
    for (size_t i = 0; i < code->n_none; i++) {
        enum verdict v = unit_verdict(unit_none(code, i), r, scan, text, n, NULL);
        if (v == MATCH) return NO_MATCH;
        if (v == UNSURE) answer = UNSURE;
    }
    if (answer != MATCH) return answer;
    if (code->n_lists == 0 && decisive && unit_verdict(decisive, r, scan, text, n, &span) != MATCH)
        return UNSURE;
    *ret = span;
    return MATCH;
}

const struct likeness_of *like_run(const struct rule_code *code, struct runner *r, struct scan *scan,
                                   const char *text, size_t n)
{
    if (scan) forget_other_text(r, scan);
    size_t i = 0;
    while (i < r->n_likes && r->likes[i].of.l != code->like) i++;
    if (i == r->n_likes) {
        r->likes = xreallocarray(r->likes, ++r->n_likes, sizeof(*r->likes));
        r->likes[i] = (struct liked){0};
    }
    struct liked *l = &r->likes[i];
    if (!scan || !l->done) likeness_look(&l->of, code->like, text, n);
    l->done = scan != NULL;
    return &l->of;
}

/* A pattern that met its limit keeps it from nothing: the likeness was enough. */
static bool is_like(const struct rule_code *code, struct runner *r, struct scan *scan, const char *text,
                    size_t n)
{
    struct span span;
    if (code->like_enough == INT64_MAX) return false;
    if (likeness_points(like_run(code, r, scan, text, n), code->like_kind) < code->like_enough) return false;
    for (size_t i = 0; i < code->n_like_none; i++)
        if (unit_verdict(unit_like_none(code, i), r, scan, text, n, &span) == MATCH) return false;
    return true;
}

static bool is_unlike(const struct rule_code *code, struct runner *r, struct scan *scan, const char *text,
                      size_t n)
{
    return code->like_doubt > INT64_MIN && likeness_most(like_run(code, r, scan, text, n)) < code->like_doubt;
}

enum verdict rule_run(const struct rule_code *code, struct runner *r, struct scan *scan, const char *text,
                      size_t n, struct span *ret)
{
    enum verdict answer = rule_says(code, r, scan, text, n, ret);
    r->unlike = answer == MATCH && is_unlike(code, r, scan, text, n);
    r->only_like = answer != MATCH && is_like(code, r, scan, text, n);
    if (r->unlike) return UNSURE;
    if (!r->only_like) return answer;
    *ret = (struct span){0, (uint32_t)n};
    return MATCH;
}
