/* Times the whole set, the scan alone, and each rule by itself over the same texts. */
#include "rules/measure.h"

#include <time.h>

enum { SET_MS = 400, RULE_ROUNDS = 3, PREPARED_MAX = 4 * EVENT_TEXT_MAX };

static double now_s(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t); /* cannot fail */
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

struct text {
    char *bytes;
    size_t n;
    struct scan scan;
};

static void time_set(const struct rule_set *set, const struct text *texts, size_t n, struct measure *m)
{
    struct matcher *matcher = matcher_new(set);
    const struct rule_hit *hits = NULL;
    size_t events = 0;
    double from = now_s(), s = 0;
    while (s < SET_MS / 1000.0) {
        for (size_t i = 0; i < n; i++)
            m->found += rules_match(matcher, texts[i].bytes, texts[i].n, -1, false, &hits);
        events += n;
        s = now_s() - from;
    }
    m->events_per_s = (double)events / s;
    m->found = events ? m->found * n / events : 0;
    matcher_free(matcher);
}

static void time_scan(const struct rule_set *set, const struct text *texts, size_t n, struct measure *m)
{
    struct scan scan;
    scan_init(&scan, set->prefilter);
    size_t events = 0;
    double from = now_s(), s = 0;
    while (s < SET_MS / 2000.0) {
        for (size_t i = 0; i < n; i++) prefilter_scan(&scan, texts[i].bytes, texts[i].n);
        events += n;
        s = now_s() - from;
    }
    m->scan_per_s = (double)events / s;
    scan_release(&scan);
}

/* All rules share it. */
static void time_likeness(const struct rule_set *set, struct text *texts, size_t n, struct measure *m)
{
    struct runner runner;
    runner_init(&runner, set->n_units);
    for (int round = 0; set->n_likes && round < RULE_ROUNDS; round++) {
        double from = now_s();
        for (size_t t = 0; t < n; t++)
            for (size_t i = 0; i < set->n_likes; i++)
                (void)like_run(set->codes[set->likes[i]], &runner, &texts[t].scan, texts[t].bytes,
                               texts[t].n);
        double ns = (now_s() - from) * 1e9 / (double)n;
        if (round == 0 || ns < m->like_ns) m->like_ns = ns;
    }
    runner_release(&runner);
}

static int dearest_first(const void *a, const void *b)
{
    const struct rule_cost *x = a, *y = b;
    if (x->ns > y->ns) return -1;
    if (x->ns < y->ns) return 1;
    return strcmp(x->rule->id, y->rule->id);
}

static void time_rules(const struct rule_set *set, struct text *texts, size_t n, struct measure *m)
{
    struct runner runner;
    runner_init(&runner, set->n_units);
    for (size_t i = 0; i < set->n; i++) {
        struct rule_cost *c = &m->rules[i];
        c->rule = &set->rules[i]->rule;
        for (size_t k = 0; k < set->n_always && !c->always; k++) c->always = set->always[k] == i;
        double best = 0;
        for (int round = 0; round < RULE_ROUNDS; round++) {
            c->candidates = c->found = 0;
            double from = now_s();
            for (size_t t = 0; t < n; t++) {
                if (!rule_possible(c->rule->code, &texts[t].scan)) continue;
                struct span span;
                c->candidates++;
                c->found += rule_says(c->rule->code, &runner, &texts[t].scan, texts[t].bytes, texts[t].n,
                                      &span) == MATCH;
            }
            double s = now_s() - from;
            if (round == 0 || s < best) best = s;
        }
        c->ns = best * 1e9 / (double)n;
        m->candidates += c->candidates;
    }
    runner_release(&runner);
    if (set->n) qsort(m->rules, set->n, sizeof(*m->rules), dearest_first);
}

void rules_measure(const struct rule_set *set, const char *const *texts, size_t n, struct measure *ret)
{
    *ret = (struct measure){.texts = n};
    ret->rules = xcalloc(set->n + 1, sizeof(*ret->rules));
    ret->literals = prefilter_literals(set->prefilter);
    ret->clauses = prefilter_clauses(set->prefilter);
    ret->prefilter_bytes = prefilter_bytes(set->prefilter);
    struct text *prepared = xcalloc(n, sizeof(*prepared));
    for (size_t i = 0; i < n; i++) {
        struct buf b = BUF_INIT(PREPARED_MAX);
        rule_text_prepare(texts[i], strlen(texts[i]), &b);
        prepared[i].n = b.len;
        prepared[i].bytes = buf_take(&b);
        ret->bytes += prepared[i].n;
        scan_init(&prepared[i].scan, set->prefilter);
        prefilter_scan(&prepared[i].scan, prepared[i].bytes, prepared[i].n);
    }
    time_set(set, prepared, n, ret);
    time_scan(set, prepared, n, ret);
    time_likeness(set, prepared, n, ret);
    time_rules(set, prepared, n, ret);
    for (size_t i = 0; i < n; i++) {
        scan_release(&prepared[i].scan);
        free(prepared[i].bytes);
    }
    free(prepared);
}

void measure_release(struct measure *m)
{
    free(m->rules);
    *m = (struct measure){0};
}
