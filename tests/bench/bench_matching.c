/* Matching, at 50, 200 and 2,000 rules: ours against a loop over PCRE2 JIT patterns, RE2::Set and Hyperscan with the full
 * patterns where they are installed, and the literal scan alone as the floor. Same rules, same texts, engines by turns in
 * one run; all must find the same. Also what it takes to get ready: seconds and memory, each in a process of its own. */
#include <sys/wait.h>
#include <unistd.h>

#include "bench_matching.h"
#include "matching_load.h"
#include "rules/set.h"
#include "timing.h"
#if HAVE_HS
#include <hs.h>
#endif

enum { TEXTS = 8000, ROUNDS = 15, SLICE_MS = 130, RULES_MAX = 2000, CHECKED_TEXTS = 400 };

struct load {
    char **patterns;
    size_t n_rules;
    char **texts;
    size_t *lengths;
    size_t n_texts, bytes;
    char *yaml;
};

/* One way to do it. run: how many rules the text matches. */
struct engine {
    const char *name;
    void *(*make)(const struct load *l);
    size_t (*run)(void *e, const char *text, size_t n);
    void (*free)(void *e);
    bool is_scan; /* finds literals, not rules */
};

/* ---- ours ---- */

struct ours {
    struct rule_set *set;
    struct matcher *matcher;
    struct scan scan;
};

static void *ours_make(const struct load *l)
{
    struct ours *o = xcalloc(1, sizeof(*o));
    struct rule_problems problems = {0};
    o->set = rule_set_of_text("load", l->yaml, strlen(l->yaml), &(struct set_options){0}, &problems);
    if (rule_set_size(o->set) != l->n_rules) abort();
    rule_problems_release(&problems);
    o->matcher = matcher_new(o->set);
    scan_init(&o->scan, o->set->prefilter);
    return o;
}

static size_t ours_run(void *e, const char *text, size_t n)
{
    const struct rule_hit *hits;
    return rules_match(((struct ours *)e)->matcher, text, n, -1, false, &hits);
}

static size_t scan_run(void *e, const char *text, size_t n)
{
    struct ours *o = e;
    prefilter_scan(&o->scan, text, n);
    return o->scan.n_literals;
}

static void ours_free(void *e)
{
    struct ours *o = e;
    matcher_free(o->matcher);
    scan_release(&o->scan);
    rule_set_free(o->set);
    free(o);
}

/* ---- the loop ---- */

struct loop {
    pcre2_code **codes;
    size_t n;
    pcre2_match_data *data;
    pcre2_match_context *context;
    pcre2_jit_stack *stack;
};

static void *loop_make(const struct load *l)
{
    struct loop *o = xcalloc(1, sizeof(*o));
    o->n = l->n_rules;
    o->codes = xcalloc(o->n, sizeof(pcre2_code *));
    for (size_t i = 0; i < o->n; i++) {
        int error;
        PCRE2_SIZE at;
        o->codes[i] = pcre2_compile((PCRE2_SPTR)l->patterns[i], PCRE2_ZERO_TERMINATED, PCRE2_UTF | PCRE2_UCP,
                                    &error, &at, NULL);
        if (!o->codes[i] || pcre2_jit_compile(o->codes[i], PCRE2_JIT_COMPLETE)) abort();
    }
    o->data = pcre2_match_data_create(1, NULL);
    o->context = pcre2_match_context_create(NULL);
    o->stack = pcre2_jit_stack_create(32 * 1024, 1024 * 1024, NULL);
    pcre2_jit_stack_assign(o->context, NULL, o->stack);
    return o;
}

static size_t loop_run(void *e, const char *text, size_t n)
{
    struct loop *o = e;
    size_t found = 0;
    for (size_t i = 0; i < o->n; i++)
        found += pcre2_jit_match(o->codes[i], (PCRE2_SPTR)text, n, 0, PCRE2_NO_UTF_CHECK, o->data,
                                 o->context) >= 0;
    return found;
}

static void loop_free(void *e)
{
    struct loop *o = e;
    for (size_t i = 0; i < o->n; i++) pcre2_code_free(o->codes[i]);
    free(o->codes);
    pcre2_match_data_free(o->data);
    pcre2_match_context_free(o->context);
    pcre2_jit_stack_free(o->stack);
    free(o);
}

/* ---- RE2::Set ---- */

#if HAVE_RE2
static void *re2_make(const struct load *l)
{
    void *e = re2_set_new((const char *const *)l->patterns, l->n_rules);
    if (!e) (void)fprintf(stderr, "bench_matching: RE2::Set does not take %zu rules\n", l->n_rules);
    return e;
}
#endif

/* ---- Hyperscan ---- */

#if HAVE_HS
struct hyper {
    hs_database_t *db;
    hs_scratch_t *scratch;
    uint8_t *seen;
    unsigned *hit;
    size_t n_hit;
};

static void *hyper_make(const struct load *l)
{
    struct hyper *h = xcalloc(1, sizeof(*h));
    unsigned *ids = xcalloc(l->n_rules, sizeof(*ids)), *flags = xcalloc(l->n_rules, sizeof(*flags));
    for (size_t i = 0; i < l->n_rules; i++) {
        ids[i] = (unsigned)i;
        flags[i] = HS_FLAG_UTF8 | HS_FLAG_UCP | HS_FLAG_SINGLEMATCH;
    }
    hs_compile_error_t *error = NULL;
    if (hs_compile_multi((const char *const *)l->patterns, flags, ids, (unsigned)l->n_rules, HS_MODE_BLOCK,
                         NULL, &h->db, &error) != HS_SUCCESS) {
        (void)fprintf(stderr, "bench_matching: Hyperscan: %s\n", error->message);
        hs_free_compile_error(error);
        free(h);
        h = NULL;
    } else if (hs_alloc_scratch(h->db, &h->scratch) != HS_SUCCESS) {
        abort();
    }
    free(ids);
    free(flags);
    return h;
}

static int hyper_hit(unsigned id, unsigned long long from, unsigned long long to, unsigned flags, void *arg)
{
    (void)id, (void)from, (void)to, (void)flags;
    ++*(size_t *)arg;
    return 0;
}

static size_t hyper_run(void *e, const char *text, size_t n)
{
    struct hyper *h = e;
    size_t found = 0;
    (void)hs_scan(h->db, text, (unsigned)n, 0, h->scratch, hyper_hit, &found);
    return found;
}

static void hyper_free(void *e)
{
    struct hyper *h = e;
    hs_free_scratch(h->scratch);
    hs_free_database(h->db);
    free(h);
}
#endif

static const struct engine engines[] = {
    {"ours", ours_make, ours_run, ours_free, false},
    {"literal-scan", ours_make, scan_run, ours_free, true},
    {"pcre2-loop", loop_make, loop_run, loop_free, false},
#if HAVE_RE2
    {"re2-set", re2_make, re2_set_run, re2_set_free, false},
#endif
#if HAVE_HS
    {"hyperscan", hyper_make, hyper_run, hyper_free, false},
#endif
};
enum { ENGINES = ARRAY_LEN(engines) };

/* ---- the load ---- */

static void load_make(struct load *l, size_t n_rules)
{
    *l = (struct load){.n_rules = n_rules, .n_texts = TEXTS};
    struct gen g = {42};
    struct buf yaml = BUF_INIT(64u << 20);
    l->patterns = xcalloc(n_rules, sizeof(char *));
    for (size_t i = 0; i < n_rules; i++) {
        struct buf p = BUF_INIT(65536);
        load_pattern(&g, &p);
        l->patterns[i] = buf_take(&p);
        buf_printf(
            &yaml,
            "- id: rule_%05zu\n  rev: 1\n  status: stable\n  title: t\n  category: c1\n  level: orange\n"
            "  match:\n    all:\n      - '%s'\n",
            i, l->patterns[i]);
    }
    l->yaml = buf_take(&yaml);
    g.state = 43; /* the same texts for every number of rules */
    l->texts = xcalloc(TEXTS, sizeof(char *));
    l->lengths = xcalloc(TEXTS, sizeof(size_t));
    for (size_t i = 0; i < TEXTS; i++) {
        struct buf t = BUF_INIT(65536);
        load_text(&g, &t);
        l->lengths[i] = t.len;
        l->bytes += t.len;
        l->texts[i] = buf_take(&t);
    }
}

static void load_release(struct load *l)
{
    for (size_t i = 0; i < l->n_rules; i++) free(l->patterns[i]);
    for (size_t i = 0; i < l->n_texts; i++) free(l->texts[i]);
    free(l->patterns);
    free(l->texts);
    free(l->lengths);
    free(l->yaml);
}

/* ---- measuring ---- */

/* Of our own work, so that what else the machine does counts for nobody. */
static double now_s(void)
{
    return seconds_by(CLOCK_PROCESS_CPUTIME_ID);
}

static double resident_mb(void)
{
    char line[128] = "", *resident = NULL;
    FILE *f = fopen("/proc/self/statm", "re");
    if (f && fgets(line, sizeof(line), f)) resident = strchr(line, ' '); /* size, resident, … in pages */
    if (f) (void)fclose(f);
    return resident ? strtod(resident, NULL) * (double)sysconf(_SC_PAGESIZE) / 1e6 : 0;
}

struct ready {
    double seconds, mb;
};

/* In a child, so that what one engine leaves behind is not counted for the next. */
static struct ready measure_ready(const struct engine *e, const struct load *l)
{
    struct ready r = {-1, -1};
    int ends[2];
    if (pipe(ends) != 0) return r;
    pid_t pid = fork();
    if (pid == 0) {
        double mb = resident_mb(), from = now_s();
        bool made = e->make(l) != NULL;
        struct ready mine = {now_s() - from, resident_mb() - mb};
        _exit(made && write(ends[1], &mine, sizeof(mine)) == sizeof(mine) ? 0 : 1);
    }
    (void)close(ends[1]);
    if (read(ends[0], &r, sizeof(r)) != sizeof(r)) r = (struct ready){-1, -1};
    (void)close(ends[0]);
    if (pid > 0) (void)waitpid(pid, NULL, 0);
    return r;
}

/* Events a second over a slice of time that begins where the last one ended. */
static double slice(const struct engine *e, void *self, const struct load *l, size_t *at)
{
    size_t n = 0;
    double from = now_s(), s = 0;
    volatile size_t found = 0;
    do {
        for (int i = 0; i < 16; i++, n++) {
            found += e->run(self, l->texts[*at], l->lengths[*at]);
            *at = (*at + 1) % l->n_texts;
        }
        s = now_s() - from;
    } while (s < SLICE_MS / 1000.0);
    (void)found;
    return (double)n / s;
}

static bool same_answers(void *const *made, const struct load *l, size_t *ret_found)
{
    bool same = true;
    *ret_found = 0;
    for (size_t t = 0; t < CHECKED_TEXTS; t++) {
        size_t wanted = engines[0].run(made[0], l->texts[t], l->lengths[t]);
        *ret_found += wanted;
        for (int e = 1; e < ENGINES; e++) {
            if (!made[e] || engines[e].is_scan) continue;
            size_t got = engines[e].run(made[e], l->texts[t], l->lengths[t]);
            if (got == wanted) continue;
            (void)fprintf(stderr, "bench_matching: text %zu: %s finds %zu rules, ours %zu\n", t,
                          engines[e].name, got, wanted);
            same = false;
        }
    }
    return same;
}

static bool bench(size_t n_rules, bool json)
{
    struct load l;
    load_make(&l, n_rules);
    struct ready ready[ENGINES];
    void *made[ENGINES];
    double rates[ENGINES][ROUNDS] = {{0}}, rate[ENGINES];
    for (int e = 0; e < ENGINES; e++) ready[e] = measure_ready(&engines[e], &l);
    for (int e = 0; e < ENGINES; e++) made[e] = engines[e].make(&l);
    size_t found = 0, at[ENGINES] = {0};
    bool same = same_answers(made, &l, &found);
    for (int round = 0; round < ROUNDS; round++)
        for (int e = 0; e < ENGINES; e++)
            if (made[e]) rates[e][round] = slice(&engines[e], made[e], &l, &at[e]);
    if (!json)
        (void)printf("\n%zu rules, %d texts of %zu bytes, %.3f matches a text\n%-14s %12s %10s %12s %10s\n",
                     n_rules, TEXTS, l.bytes / TEXTS, (double)found / CHECKED_TEXTS, "engine", "events/s",
                     "ours is", "ready in", "memory");
    for (int e = 0; e < ENGINES; e++) {
        rate[e] = median(rates[e], ROUNDS);
        if (!made[e]) continue;
        if (!json)
            (void)printf("%-14s %12.0f %9.2fx %10.3f s %7.1f MB\n", engines[e].name, rate[e],
                         rate[0] / rate[e], ready[e].seconds, ready[e].mb);
        else if (e > 0)
            (void)printf(
                "{\"bench\":\"matching\",\"case\":\"%s@%zu\",\"ours\":%.0f,\"reference\":%.0f,\"ratio\":%.2f,"
                "\"unit\":\"events/s\"}\n"
                "{\"bench\":\"matching\",\"case\":\"ready "
                "%s@%zu\",\"ours\":%.3f,\"reference\":%.3f,\"ratio\":%.4f,"
                "\"unit\":\"s\",\"ours_mb\":%.1f,\"reference_mb\":%.1f}\n",
                engines[e].name, n_rules, rate[0], rate[e], rate[0] / rate[e], engines[e].name, n_rules,
                ready[0].seconds, ready[e].seconds,
                ready[e].seconds > 0 ? ready[0].seconds / ready[e].seconds : 0, ready[0].mb, ready[e].mb);
        (void)fflush(stdout);
    }
    for (int e = 0; e < ENGINES; e++)
        if (made[e]) engines[e].free(made[e]);
    load_release(&l);
    return same;
}

int main(int argc, char **argv)
{
    static const size_t sizes[] = {50, 200, RULES_MAX};
    bool json = argc > 1 && strcmp(argv[1], "--json") == 0, same = true;
#if !HAVE_RE2
    (void)fputs("bench_matching: built without RE2 (libre2-dev)\n", stderr);
#endif
#if !HAVE_HS
    (void)fputs("bench_matching: built without Hyperscan (libhyperscan-dev)\n", stderr);
#endif
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) same = bench(sizes[i], json) && same;
    return same ? 0 : 1;
}
