/* Patterns, one a line, then an empty line, then a text: the set's answer is that of running every pattern. The first line
 * says how the patterns are used, by its letters: a, o, n (all, any, none), j (any, joined to the one before), w (words). */
#include "base/text.h"
#include "rules/set.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HOLDS(x) ((x) ? (void)0 : (fprintf(stderr, "broken: %s\n", #x), abort()))

enum { PATTERNS_MAX = 8, TEXT_MAX = 3000 };

static bool take_line(const char **at, const char *end, struct rule_text *ret, struct arena *a)
{
    const char *stop = memchr(*at, '\n', (size_t)(end - *at));
    size_t n = (size_t)((stop ? stop : end) - *at);
    *ret = (struct rule_text){.text = arena_strndup(a, *at, n), .line = 1, .quoted = true};
    *at = stop ? stop + 1 : end;
    return n > 0;
}

static void put(struct rule_texts *list, struct rule_text t, struct arena *a)
{
    if (!list->items) list->items = arena_alloc(a, PATTERNS_MAX * sizeof(*list->items));
    list->items[list->n++] = t;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *at = (const char *)data, *end = at + size;
    if (size == 0 || size > TEXT_MAX || !text_valid_utf8(at, size)) return 0;
    struct arena a = {0};
    struct rule_source *s = arena_alloc(&a, sizeof(*s));
    s->rule = (struct rule){
        .id = "fuzz", .title = "", .category = "c1", .file = "", .kinds = 1, .status = RULE_STABLE};
    s->match.near = 20;
    struct rule_text how, line;
    (void)take_line(&at, end, &how, &a);
    for (size_t i = 0; i < PATTERNS_MAX && take_line(&at, end, &line, &a); i++) {
        char letter = i < strlen(how.text) ? how.text[i] : 'a';
        line.joined = letter == 'j' && s->match.any.n > 0;
        if (letter == 'w')
            put(&s->match.words[s->match.n_words++], line, &a);
        else
            put(letter == 'o' || letter == 'j' ? &s->match.any
                : letter == 'n'                ? &s->match.none
                                               : &s->match.all,
                line, &a);
    }
    struct rule_sources sources = {.items = xcalloc(1, sizeof(struct rule_source *)), .n = 1, .cap = 1};
    struct rule_problems problems = {0};
    sources.items[0] = s;
    struct rule_set *set = rule_set_build(&a, &sources, &(struct set_options){0}, &problems);
    if (rule_set_size(set) == 1) {
        struct matcher *m = matcher_new(set);
        struct runner r;
        runner_init(&r, 0);
        const struct rule_hit *hits;
        struct span span = {0};
        size_t n = (size_t)(end - at), found = rules_match(m, at, n, -1, true, &hits);
        enum verdict ours = found ? hits[0].verdict : NO_MATCH;
        enum verdict naive = rule_run(s->rule.code, &r, NULL, at, n, &span);
        HOLDS(ours == naive || naive == UNSURE);
        if (ours == MATCH) HOLDS(hits[0].from <= hits[0].to && hits[0].to <= n);
        runner_release(&r);
        matcher_free(m);
    }
    rule_set_free(set);
    rule_problems_release(&problems);
    return 0;
}
