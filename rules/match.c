/* One text against a whole set: scan once, look only at the rules whose literals are there. */
#include "base/text.h"
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
    runner_init(&m->runner);
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

static void find_candidates(struct matcher *m)
{
    const struct rule_set *set = m->set;
    memset(m->candidates, 0, (set->n / 64 + 1) * sizeof(uint64_t));
    for (size_t i = 0; i < set->n_always; i++) mark(m, set->always[i]);
    for (size_t i = 0; i < m->scan.n_clauses; i++) {
        uint32_t clause = m->scan.clauses[i];
        for (uint32_t t = set->trigger_first[clause]; t < set->trigger_first[clause + 1]; t++) {
            const struct trigger *trigger = &set->triggers[t];
            unsigned k = 0;
            while (k < trigger->n && scan_has(&m->scan, trigger->others[k])) k++;
            if (k == trigger->n) mark(m, trigger->rule);
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

static bool wanted(const struct rule *r, int kind, bool all)
{
    if (kind >= 0 && !(r->kinds & 1U << kind)) return false;
    return all || r->status == RULE_STABLE || r->status == RULE_TEST;
}

size_t rules_match(struct matcher *m, const char *text, size_t n, int kind, bool all,
                   const struct rule_hit **ret)
{
    m->n_hits = 0;
    prefilter_scan(m->set->prefilter, &m->scan, text, n);
    find_candidates(m);
    bool checked = false, valid = true;
    for (size_t w = 0; w <= m->set->n / 64; w++) {
        for (uint64_t bits = m->candidates[w]; bits; bits &= bits - 1) {
            const struct rule *rule = &m->set->rules[w * 64 + (size_t)__builtin_ctzll(bits)]->rule;
            if (!wanted(rule, kind, all)) continue;
            if (!checked) { /* most texts have no candidate; PCRE2 must never see what is not UTF-8 */
                checked = true;
                valid = text_valid_utf8(m->scan.text, n);
            }
            struct span span = {0};
            enum verdict v =
                valid ? rule_run(rule->code, &m->runner, &m->scan, m->scan.text, n, &span) : UNSURE;
            if (v != NO_MATCH) add_hit(m, rule, v, v == MATCH ? span : (struct span){0});
        }
    }
    *ret = m->hits;
    return m->n_hits;
}
