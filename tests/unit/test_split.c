/* split.c: the pieces of a choice, and that they are told apart as the reader of patterns does. */
#include "rules/pattern.h"

#include "unit.h"

#include "rule_gen.h"

/* "(a|b) c|d" for a bracket and a run of others. */
static const char *pieces_text(const char *pattern, struct buf *b)
{
    struct piece pieces[PIECES_MAX];
    size_t n = pattern_split(pattern, strlen(pattern), pieces);
    buf_clear(b);
    for (size_t i = 0; i < n; i++)
        buf_printf(b, pieces[i].bracket ? "%s(%.*s)" : "%s%.*s", i ? " " : "", (int)pieces[i].n,
                   pieces[i].text);
    return buf_cstr(b);
}

static void a_choice_comes_apart_at_its_brackets(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *pieces;
    } cases[] = {
        {"医保", "医保"},
        {"a|b|c", "a|b|c"},
        {"(?:a|b)", "(a|b)"},
        {"(?:a|b)|c|d|(?:e)", "(a|b) c|d (e)"},
        {"c|(?:a|b)x|d", "c (?:a|b)x d"},
        {"(?:a|b)?|c", "(?:a|b)? c"},
        {"(?:a)(?:b)|c", "(?:a)(?:b) c"},
        {"(?:a|(?:b|c))|(?:(?:d))", "(a|(?:b|c)) ((?:d))"},
        {"(?=a|b)|c", "(?=a|b) c"},
        {"[|(]|\\||(?:x)", "[|(]|\\| (x)"},
        {"[]|]|[^]|]|[[:alpha:]|]|(?:x)", "[]|]|[^]|]|[[:alpha:]|] (x)"},
        {"(?#a|b(|)c|d", "(?#a|b(|)c|d"},
        {"(?:(?m)a|b)|c", "((?m)a|b) c"},
        /* to be read as a whole: a flag, an empty alternative, what has no end */
        {"(?m)a|b", ""},
        {"a|(?s)b", ""},
        {"a||b", ""},
        {"a|", ""},
        {"(?:a|b", ""},
        {"a)|(b", ""},
        {"a|[b", ""},
        {"a|\\", ""},
    };
    CLEANUP(buf_release) struct buf b = BUF_INIT(4096);
    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *got = pieces_text(cases[i].pattern, &b);
        if (strcmp(got, cases[i].pieces) != 0)
            fail_msg("%s: \"%s\", not \"%s\"", cases[i].pattern, got, cases[i].pieces);
    }
}

static void the_pieces_are_alternatives_to_the_reader_too(void **state)
{
    (void)state;
    struct gen g = {31};
    unsigned split = 0;
    for (unsigned i = 0; i < 3000; i++) {
        CLEANUP(buf_release) struct buf text = BUF_INIT(1u << 16), joined = BUF_INIT(1u << 16);
        CLEANUP(arena_release) struct arena a = {0};
        struct piece pieces[PIECES_MAX];
        struct pattern *whole = NULL, *part = NULL;
        gen_choice(&g, &text);
        assert_int_equal(pattern_parse(buf_cstr(&text), text.len, &a, &whole, NULL), RELAY_OK);
        size_t n = pattern_split(buf_cstr(&text), text.len, pieces);
        assert_true(n > 0);
        split += n > 1;
        for (size_t k = 0; k < n; k++) {
            assert_int_equal(pattern_parse(pieces[k].text, pieces[k].n, &a, &part, NULL), RELAY_OK);
            const char *regex = node_regex(part->root, &a);
            buf_printf(&joined, pieces[k].bracket ? "%s(?:%s)" : "%s%s", k ? "|" : "", regex);
        }
        assert_string_equal(buf_cstr(&joined), node_regex(whole->root, &a));
    }
    assert_true(split > 300);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_choice_comes_apart_at_its_brackets),
        cmocka_unit_test(the_pieces_are_alternatives_to_the_reader_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
