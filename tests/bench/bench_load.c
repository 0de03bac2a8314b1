/* Getting rules ready, from their files to the first text: the shipped pack, 2,000 rules as large as its own, and 2,000 of
 * which no pattern is like another. The reference compiles every pattern as it stands, with JIT, and does nothing else: no
 * files, no samples, no checks. Seconds of CPU, by turns in one run. */
#include "base/text.h"
#include "rules/compile.h"
#include "rules/set.h"
#include "timing.h"

enum { ROUNDS = 5, MANY = 2000, PATHS_MAX = 128 };

static const char pack[] = TOCSIN_SOURCE_DIR "/rules/packs/medical";

struct sources {
    struct arena arena;
    struct rule_sources rules;
};

/* The pack, `copies` times under other ids. */
static bool read_sources(struct sources *s, size_t copies)
{
    const char *paths[PATHS_MAX];
    struct rule_problems problems = {0};
    struct reason why = {0};
    for (size_t i = 0; i < copies; i++) paths[i] = pack;
    *s = (struct sources){0};
    if (rule_sources_read(paths, copies, &s->arena, &s->rules, &problems, &why)) {
        (void)fprintf(stderr, "bench_load: %s\n", why.text);
        return false;
    }
    for (size_t i = 0; i < s->rules.n; i++) {
        struct rule_source *r = s->rules.items[i];
        CLEANUP(buf_release) struct buf id = BUF_INIT(128);
        buf_printf(&id, "%s_%zu", r->rule.id, i);
        r->rule.id = arena_strndup(&s->arena, buf_cstr(&id), id.len);
    }
    rule_problems_release(&problems);
    return true;
}

/* One word more in each pattern, so that it is like no other; what it matches of people's texts stays the same. */
static void tell_apart(struct rule_texts *t, unsigned *n, struct arena *a)
{
    for (size_t i = 0; i < t->n; i++) {
        CLEANUP(buf_release) struct buf b = BUF_INIT(4 * PATTERN_BYTES_MAX);
        buf_printf(&b, "%s|\u72ec%u\u8bcd", t->items[i].text, ++*n);
        t->items[i].text = arena_strndup(a, buf_cstr(&b), b.len);
    }
}

static void tell_all_apart(struct sources *s)
{
    unsigned n = 0;
    for (size_t i = 0; i < s->rules.n; i++) {
        struct rule_match *m = &s->rules.items[i]->match;
        tell_apart(&m->all, &n, &s->arena);
        tell_apart(&m->any, &n, &s->arena);
        tell_apart(&m->none, &n, &s->arena);
    }
}

/* As the relay does it. */
static double time_ours(size_t copies, bool alike, size_t *ret_rules)
{
    struct sources s;
    struct rule_problems problems = {0};
    double from = seconds_by(CLOCK_PROCESS_CPUTIME_ID);
    if (!read_sources(&s, copies)) return -1;
    double read = seconds_by(CLOCK_PROCESS_CPUTIME_ID) - from;
    if (!alike) tell_all_apart(&s);
    from = seconds_by(CLOCK_PROCESS_CPUTIME_ID);
    size_t wanted = s.rules.n;
    struct rule_set *set =
        rule_set_build(&s.arena, &s.rules, &(struct set_options){.strict = STRICT_REFUSE}, &problems);
    double took = read + seconds_by(CLOCK_PROCESS_CPUTIME_ID) - from;
    *ret_rules = rule_set_size(set);
    if (*ret_rules != wanted) {
        (void)fprintf(stderr, "bench_load: %zu of %zu rules are left\n", *ret_rules, wanted);
        took = -1;
    }
    rule_set_free(set);
    rule_problems_release(&problems);
    return took;
}

static bool compile_each(const struct rule_texts *t)
{
    for (size_t i = 0; i < t->n; i++) {
        int code;
        PCRE2_SIZE at;
        pcre2_code *re = pcre2_compile((PCRE2_SPTR)t->items[i].text, PCRE2_ZERO_TERMINATED,
                                       PCRE2_UTF | PCRE2_UCP, &code, &at, NULL);
        if (!re || pcre2_jit_compile(re, PCRE2_JIT_COMPLETE) != 0) return false;
        pcre2_code_free(re);
    }
    return true;
}

static double time_bare(size_t copies, bool alike)
{
    struct sources s;
    bool ok = read_sources(&s, copies);
    if (ok && !alike) tell_all_apart(&s);
    double from = seconds_by(CLOCK_PROCESS_CPUTIME_ID);
    for (size_t i = 0; i < s.rules.n && ok; i++) {
        const struct rule_match *m = &s.rules.items[i]->match;
        ok = compile_each(&m->all) && compile_each(&m->any) && compile_each(&m->none);
    }
    double took = seconds_by(CLOCK_PROCESS_CPUTIME_ID) - from;
    rule_sources_release(&s.rules);
    arena_release(&s.arena);
    return ok ? took : -1;
}

static bool bench(const char *name, size_t copies, bool alike, bool json)
{
    double ours[ROUNDS], bare[ROUNDS];
    size_t rules = 0;
    for (int i = 0; i < ROUNDS; i++) {
        ours[i] = time_ours(copies, alike, &rules);
        bare[i] = time_bare(copies, alike);
        if (ours[i] < 0 || bare[i] < 0) return false;
    }
    double mine = median(ours, ROUNDS), reference = median(bare, ROUNDS);
    if (json)
        (void)printf("{\"bench\":\"load\",\"case\":\"%s\",\"ours\":%.3f,\"reference\":%.3f,\"ratio\":%.3f,"
                     "\"unit\":\"s\",\"rules\":%zu}\n",
                     name, mine, reference, mine / reference, rules);
    else
        (void)printf("%-34s %6zu %10.3f s %10.3f s %8.3f\n", name, rules, mine, reference, mine / reference);
    (void)fflush(stdout);
    return true;
}

int main(int argc, char **argv)
{
    bool json = argc > 1 && strcmp(argv[1], "--json") == 0;
    struct sources one;
    if (!read_sources(&one, 1)) return 1;
    size_t copies = (MANY + one.rules.n - 1) / one.rules.n;
    rule_sources_release(&one.rules);
    arena_release(&one.arena);
    if (copies > PATHS_MAX) copies = PATHS_MAX;
    if (!json) (void)printf("%-34s %6s %12s %12s %8s\n", "load", "rules", "ours", "bare PCRE2", "ratio");
    bool ok = bench("the pack", 1, true, json);
    ok = bench("the pack's rules, many times", copies, true, json) && ok;
    ok = bench("the same, no two patterns alike", copies, false, json) && ok;
    return ok ? 0 : 1;
}
