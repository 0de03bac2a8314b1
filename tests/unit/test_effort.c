/* effort.c: what a shape promises is never less than what PCRE2 counts. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "rules/pattern.h"

#include "unit.h"

#include "rule_gen.h"

static struct arena arena;

static int arena_down(void **state)
{
    (void)state;
    arena_release(&arena);
    return 0;
}

static const struct pattern *parsed(const char *text)
{
    struct pattern *p = NULL;
    struct reason why = {0};
    if (pattern_parse(text, strlen(text), &arena, &p, &why)) fail_msg("%s: %s", text, why.text);
    return p;
}

static void shapes_are_told_apart(void **state)
{
    (void)state;
    static const struct {
        const char *pattern;
        double least, most;
    } cases[] = {{"医保", 1, 2},
                 {"医保.{0,9}停用", 10, 50},
                 {"(?:医保|社保|医社保).{0,9}停用", 10, 80},
                 {".*停用", 1000, 5000},
                 {".{0,30}x.{0,30}x.{0,30}x", 29791, 200000},
                 {".*.*x", 1e6, 1e7},
                 {"(?:a+)+x", EFFORT_MAX, EFFORT_MAX},
                 {"(?:a|aa)+x", EFFORT_MAX, EFFORT_MAX},
                 {"(?:.{0,3}x){4}", 256, 5000},
                 {"(?>(?:[a-z]{1,3}){3}).{0,9}x", 10, 200},
                 {"(?:[a-z]{2}-)+x", 300, 5000},
                 {"(?=.{0,9}x).{0,9}y", 10, 50}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        double e = pattern_effort(parsed(cases[i].pattern), 1000);
        if (e < cases[i].least || e > cases[i].most) fail_msg("%s: %g", cases[i].pattern, e);
    }
}

struct trial {
    const struct pattern *pattern;
    pcre2_code *code;
    pcre2_match_data *data;
    pcre2_match_context *context;
    unsigned runs;
};

static void run(void *arg, const char *text, size_t n)
{
    struct trial *t = arg;
    int rc = pcre2_match(t->code, (PCRE2_SPTR)text, n, 0, PCRE2_NO_JIT, t->data, t->context);
    if (rc < PCRE2_ERROR_NOMATCH)
        fail_msg("%s: more steps than told (%d) in %s", t->pattern->source, rc, text);
    t->runs++;
}

/* PCRE2 counts a step for each group and alternative that it enters, a few for what is one here. */
static void no_text_costs_more_steps_than_the_shape_tells(void **state)
{
    (void)state;
    enum { BYTES = 200, STEPS_EACH = 4, STEPS_MORE = 100 };
    struct gen g = {77};
    unsigned tried = 0, runs = 0;
    for (unsigned i = 0; i < 3000; i++) {
        CLEANUP(buf_release) struct buf b = BUF_INIT(1u << 16);
        struct pattern *p = NULL;
        gen_pattern(&g, 2, &b);
        if (pattern_parse(buf_cstr(&b), b.len, &arena, &p, NULL)) continue;
        double effort = pattern_effort(p, 2 * BYTES + 4096);
        int code = 0;
        PCRE2_SIZE at = 0;
        struct trial t = {.pattern = p};
        t.code = pcre2_compile((PCRE2_SPTR)node_regex(p->root, &arena), PCRE2_ZERO_TERMINATED,
                               PCRE2_UTF | PCRE2_UCP, &code, &at, NULL);
        if (!t.code) continue;
        if (effort < 1e7) {
            t.data = pcre2_match_data_create(1, NULL);
            t.context = pcre2_match_context_create(NULL);
            (void)pcre2_set_match_limit(t.context, (uint32_t)(effort * STEPS_EACH) + STEPS_MORE);
            pattern_attacks(p, BYTES, run, &t);
            for (unsigned k = 0; k < 10; k++) {
                CLEANUP(buf_release) struct buf text = BUF_INIT(1u << 16);
                gen_text(&g, 20, 60, &text);
                run(&t, buf_cstr(&text), text.len);
            }
            pcre2_match_data_free(t.data);
            pcre2_match_context_free(t.context);
            tried++;
            runs += t.runs;
        }
        pcre2_code_free(t.code);
    }
    assert_true(tried > 500 && runs > 5000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(shapes_are_told_apart, arena_down),
        cmocka_unit_test_teardown(no_text_costs_more_steps_than_the_shape_tells, arena_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
