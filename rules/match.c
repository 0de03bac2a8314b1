/* One text against a whole set: scan once, look only at the rules whose literals are there. */
#include "rules/set.h"

struct matcher {
    const struct rule_set *set;
    struct runner runner;
    struct scan scan;
    uint64_t *candidates;
    struct rule_hit *hits;
    size_t n_hits, cap;
};

struct matcher *matcher_new(const struct rule_set *s)
{
    struct matcher *m = xcalloc(1, sizeof(*m));
    m->set = s;
    runner_init(&m->runner, s->n_units);
    scan_init(&m->scan, s->prefilter);
    m->candidates = xcalloc(s->n / 64 + 1, sizeof(uint64_t));
    return m;
}

struct matcher *matcher_free(struct matcher *m)
{
    if (!m) return NULL;
    runner_release(&m->runner);
    scan_release(&m->scan);
    free(m->candidates);
    free(m->hits);
    free(m);
    return NULL;
}

static void mark(struct matcher *m, uint32_t rule)
{
    m->candidates[rule >> 6] |= 1ULL << (rule & 63);
}

static bool may_enter(const struct rule_set *set, struct scan *scan, uint32_t rule)
{
    const struct entry *e = &set->entries[rule];
    for (uint32_t i = 0; i < e->n; i++) {
        if (!scan_has(scan, e->clauses[i])) return false;
    }
    return true;
}

static void find_candidates(struct matcher *m)
{
    const struct rule_set *set = m->set;
    memset(m->candidates, 0, (set->n / 64 + 1) * sizeof(uint64_t));
    for (size_t i = 0; i < set->n_always; i++) mark(m, set->always[i]);
    uint64_t mask = 0;
    size_t n = m->scan.n_literals; /* of the first pass: nothing is filed under the others */
    for (size_t i = 0; i < n; i++) mask |= literal_bit(m->scan.literals[i]);
    for (size_t i = 0; i < n; i++) {
        uint32_t literal = m->scan.literals[i];
        for (uint32_t t = set->trigger_first[literal]; t < set->trigger_first[literal + 1]; t++) {
            const struct trigger *trigger = &set->triggers[t];
            if ((trigger->second & mask) && (trigger->third & mask) &&
                may_enter(set, &m->scan, trigger->rule))
                mark(m, trigger->rule);
        }
    }
}

static void add_hit(struct matcher *m, const struct rule *rule, enum verdict v, struct span span)
{
    if (m->n_hits == m->cap) {
        m->cap = m->cap ? m->cap * 2 : 16;
        m->hits = xreallocarray(m->hits, m->cap, sizeof(*m->hits));
    }
    m->hits[m->n_hits++] = (struct rule_hit){rule, v, span.from, span.to};
}

size_t rules_match(struct matcher *m, const char *text, size_t n, int kind, bool all,
                   const struct rule_hit **ret)
{
    m->n_hits = 0;
    prefilter_scan(&m->scan, text, n);
    find_candidates(m);
    unsigned wanted = (kind < 0 ? (1U << KIND_COUNT) - 1 : 1U << kind);
    for (size_t w = 0; w <= m->set->n / 64; w++) {
        for (uint64_t bits = m->candidates[w]; bits; bits &= bits - 1) {
            size_t i = w * 64 + (size_t)__builtin_ctzll(bits);
            if (!(m->set->kinds[i] & wanted) || (!all && !(m->set->kinds[i] & KIND_RUNS))) continue;
            struct span span = {0};
            enum verdict v = rule_run(m->set->codes[i], &m->runner, &m->scan, text, n, &span);
            if (v != NO_MATCH) add_hit(m, &m->set->rules[i]->rule, v, v == MATCH ? span : (struct span){0});
        }
    }
    *ret = m->hits;
    return m->n_hits;
}
