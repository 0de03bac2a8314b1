/* Any file as a rule file: what is wrong is a problem with a reason, what is right compiles, matches and is linted. */
#include "rules/lint.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HOLDS(x) ((x) ? (void)0 : (fprintf(stderr, "broken: %s\n", #x), abort()))

/* What compiled must be written so that it is read again as the same. */
static void check_pattern(const struct unit *u)
{
    struct arena a = {0};
    struct pattern *again = NULL;
    struct reason why = {0};
    const char *regex = node_regex(u->pattern->root, &a);
    if (pattern_parse(regex, strlen(regex), &a, &again, &why)) {
        HOLDS(strlen(regex) > PATTERN_BYTES_MAX); /* it may have grown: {3} is written {3,3} */
    } else {
        HOLDS(strcmp(node_regex(again->root, &a), regex) == 0);
    }
    arena_release(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 16384) return 0; /* larger ones are only slower */
    struct arena a = {0};
    struct rule_sources sources = {0};
    struct rule_problems problems = {0};
    enum relay_err err = rules_parse_text("fuzz.yaml", (const char *)data, size, &a, &sources, &problems);
    HOLDS(!err || problems.n > 0);
    struct rule_set *set =
        rule_set_build(&a, &sources, &(struct set_options){.keep_failing = true}, &problems);
    for (size_t i = 0; i < problems.n; i++) HOLDS(*problems.items[i].why.text);
    HOLDS(strlen(rule_set_hash(set)) == 16);
    struct matcher *m = matcher_new(set);
    for (size_t i = 0; i < rule_set_size(set); i++) {
        const struct rule *r = rule_set_at(set, i);
        HOLDS(rule_set_find(set, r->id) == r && r->index == (int)i);
        for (size_t u = 0; u < r->code->n_all + r->code->n_any + r->code->n_none; u++)
            check_pattern(r->code->units[u]);
        for (size_t k = 0; k < r->n_samples_match; k++) {
            const struct rule_hit *hits;
            (void)rules_match(m, r->samples_match[k], strlen(r->samples_match[k]), -1, true, &hits);
        }
    }
    matcher_free(m);
    rule_set_free(set);
    rule_problems_release(&problems);
    return 0;
}
