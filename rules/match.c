/* One text against a whole set: scan once, look only at the rules whose literals are there. */
#include "rules/set.h"

struct matcher {
    const struct rule_set *set;
    struct runner runner;
    struct scan scan;
    uint64_t *is_candidate;
    uint32_t *candidates;
    size_t n_candidates;
    const struct trigger **passing; /* of one literal */
    struct rule_hit *hits;
    size_t n_hits, cap;
};

struct matcher *matcher_new(const struct rule_set *s)
{
    struct matcher *m = xcalloc(1, sizeof(*m));
    m->set = s;
    runner_init(&m->runner, s->n_units);
    scan_init(&m->scan, s->prefilter);
    m->is_candidate = xcalloc(s->n / 64 + 1, sizeof(uint64_t));
    m->candidates = xcalloc(s->n + 1, sizeof(uint32_t));
    m->passing = xcalloc(s->triggers_most + 1, sizeof(*m->passing));
    return m;
}

struct matcher *matcher_free(struct matcher *m)
{
    if (!m) return NULL;
    runner_release(&m->runner);
    scan_release(&m->scan);
    free(m->is_candidate);
    free(m->candidates);
    free(m->passing);
    free(m->hits);
    free(m);
    return NULL;
}

static void mark(struct matcher *m, uint32_t rule)
{
    uint64_t *word = &m->is_candidate[rule >> 6], bit = 1ULL << (rule & 63);
    if (*word & bit) return;
    *word |= bit;
    m->candidates[m->n_candidates++] = rule;
}

static bool may_enter(const struct rule_set *set, struct scan *scan, const struct trigger *t)
{
    const struct entry *e = &set->entries[t->rule];
    if (t->digits && !scan_has_digits(scan, t->digits)) return false;
    for (uint32_t i = 0; i < e->n; i++) {
        if (!scan_has(scan, e->clauses[i])) return false;
    }
    return true;
}

static int by_number(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* The triggers of a literal whose masks fit. Most do not, some do: a branch for each would be guessed wrong too often. */
static size_t find_passing(struct matcher *m, uint32_t literal, uint64_t mask)
{
    const struct trigger *t = m->set->triggers + m->set->trigger_first[literal];
    const struct trigger *end = m->set->triggers + m->set->trigger_first[literal + 1];
    size_t n = 0;
    for (; t < end; t++) {
        m->passing[n] = t;
        n += (size_t)((t->second & mask) != 0) & (size_t)((t->third & mask) != 0);
    }
    return n;
}

static void find_candidates(struct matcher *m, const char *text, size_t n_text)
{
    const struct rule_set *set = m->set;
    while (m->n_candidates) m->is_candidate[m->candidates[--m->n_candidates] >> 6] = 0;
    for (size_t i = 0; i < set->n_always; i++) mark(m, set->always[i]);
    for (size_t i = 0; i < set->n_likes; i++) {
        const struct rule_code *code = set->codes[set->likes[i]];
        const struct likeness_of *o = like_run(code, &m->runner, &m->scan, text, n_text);
        if (likeness_points(o, code->like_kind) >= code->like_enough) mark(m, set->likes[i]);
    }
    uint64_t mask = 0;
    size_t n = m->scan.n_literals; /* of the first pass: nothing is filed under the others */
    for (size_t i = 0; i < n; i++) mask |= literal_bit(m->scan.literals[i]);
    for (size_t i = 0; i < n; i++) {
        size_t passing = find_passing(m, m->scan.literals[i], mask);
        for (size_t k = 0; k < passing; k++)
            if (may_enter(set, &m->scan, m->passing[k])) mark(m, m->passing[k]->rule);
    }
    if (m->n_candidates > 1) qsort(m->candidates, m->n_candidates, sizeof(uint32_t), by_number);
}

static void add_hit(struct matcher *m, const struct rule *rule, enum verdict v, struct span span)
{
    if (m->n_hits == m->cap) {
        m->cap = m->cap ? m->cap * 2 : 16;
        m->hits = xreallocarray(m->hits, m->cap, sizeof(*m->hits));
    }
    m->hits[m->n_hits++] = (struct rule_hit){.rule = rule,
                                             .verdict = v,
                                             .only_like = v == MATCH && m->runner.only_like,
                                             .from = span.from,
                                             .to = span.to};
}

size_t rules_match(struct matcher *m, const char *text, size_t n, int kind, bool all,
                   const struct rule_hit **ret)
{
    m->n_hits = 0;
    prefilter_scan(&m->scan, text, n);
    find_candidates(m, text, n);
    unsigned wanted = (kind < 0 ? (1U << KIND_COUNT) - 1 : 1U << kind);
    for (size_t c = 0; c < m->n_candidates; c++) {
        uint32_t i = m->candidates[c];
        if (!(m->set->kinds[i] & wanted) || (!all && !(m->set->kinds[i] & KIND_RUNS))) continue;
        struct span span = {0};
        enum verdict v = rule_run(m->set->codes[i], &m->runner, &m->scan, text, n, &span);
        if (v != NO_MATCH) add_hit(m, &m->set->rules[i]->rule, v, v == MATCH ? span : (struct span){0});
    }
    *ret = m->hits;
    return m->n_hits;
}
