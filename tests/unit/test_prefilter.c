/* prefilter.c: the scan finds what strstr finds. */
#include "rules/prefilter.h"

#include "unit.h"

#include "rule_gen.h"

enum { CLAUSES = 300, ITEMS_MAX = 6 };

static const char *copy_word(struct gen *g, struct arena *a)
{
    CLEANUP(buf_release) struct buf b = BUF_INIT(256);
    switch (gen_below(g, 4)) {
    case 0: buf_printf(&b, "%s%s", gen_word(g), gen_word(g)); break;
    case 1:
        buf_str(&b, gen_word(g));
        gen_filler(g, &b);
        break;
    default: buf_str(&b, gen_word(g)); break;
    }
    return arena_strndup(a, buf_cstr(&b), b.len);
}

static void the_scan_finds_exactly_the_clauses_that_strstr_finds(void **state)
{
    (void)state;
    struct gen g = {7};
    struct arena a = {0};
    struct clause clauses[CLAUSES];
    uint32_t ids[CLAUSES];
    size_t n = 0;
    struct prefilter *p = prefilter_new();
    while (n < CLAUSES) {
        struct clause *c = &clauses[n];
        *c = (struct clause){.items = arena_alloc(&a, ITEMS_MAX * sizeof(char *))};
        for (size_t k = 0, items = 1 + gen_below(&g, ITEMS_MAX); k < items; k++)
            c->items[c->n++] = copy_word(&g, &a);
        if (clause_settle(c)) ids[n] = prefilter_clause(p, c), n++;
    }
    prefilter_build(p);
    struct scan s;
    scan_init(&s, p);
    unsigned held = 0;
    for (unsigned t = 0; t < 2000; t++) {
        CLEANUP(buf_release) struct buf text = BUF_INIT(8192);
        gen_text(&g, gen_below(&g, 60), gen_below(&g, 60), &text);
        prefilter_scan(&s, buf_cstr(&text), text.len);
        for (size_t c = 0; c < CLAUSES; c++) {
            bool wanted = false;
            for (size_t k = 0; k < clauses[c].n && !wanted; k++)
                wanted = strstr(buf_cstr(&text), clauses[c].items[k]) != NULL;
            held += wanted;
            assert_int_equal(scan_has(&s, ids[c]), wanted);
        }
    }
    assert_true(held > 10000);
    scan_release(&s);
    prefilter_free(p);
    arena_release(&a);
}

static uint32_t enter(struct prefilter *p, const char *one, const char *two)
{
    const char *items[] = {one, two};
    struct clause c = {.items = items, .n = two ? 2 : 1};
    assert_true(clause_settle(&c));
    return prefilter_clause(p, &c);
}

static void equal_clauses_are_one(void **state)
{
    (void)state;
    struct prefilter *p = prefilter_new();
    uint32_t a = enter(p, "医保", "社保"), b = enter(p, "社保", "医保"), c = enter(p, "医保", NULL);
    assert_int_equal(a, b);
    assert_int_not_equal(a, c);
    assert_int_equal(prefilter_clauses(p), 2);
    assert_int_equal(prefilter_literals(p), 2);
    prefilter_build(p);
    assert_true(prefilter_bytes(p) > 0);
    prefilter_free(p);
}

static void literals_at_the_very_ends_are_found_and_nothing_beyond(void **state)
{
    (void)state;
    struct prefilter *p = prefilter_new();
    uint32_t one = enter(p, "医", NULL), pair = enter(p, "停用", NULL), vx = enter(p, "vx", NULL),
             four = enter(p, "𠀀𠀁", NULL), longer = enter(p, "停用卡", NULL);
    prefilter_build(p);
    struct scan s;
    scan_init(&s, p);
    prefilter_scan(&s, "停用vx𠀀𠀁医", strlen("停用vx𠀀𠀁医"));
    assert_true(scan_has(&s, one) && scan_has(&s, pair) && scan_has(&s, vx) && scan_has(&s, four));
    assert_false(scan_has(&s, longer));
    prefilter_scan(&s, "停用卡", 6); /* the third character is not part of the text */
    assert_true(scan_has(&s, pair));
    assert_false(scan_has(&s, longer) || scan_has(&s, vx));
    prefilter_scan(&s, "", 0);
    assert_int_equal(s.n_literals + s.n_hits, 0);
    scan_release(&s);
    prefilter_free(p);
}

static void a_clause_with_a_string_too_short_to_look_for_is_useless(void **state)
{
    (void)state;
    const char *items[] = {"医保", "1"};
    struct clause c = {.items = items, .n = 2};
    assert_false(clause_settle(&c));
    const char *more[] = {"新医保", "医保", "医保"};
    c = (struct clause){.items = more, .n = 3};
    assert_true(clause_settle(&c));
    assert_int_equal(c.n, 1);
    assert_string_equal(c.items[0], "医保");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_scan_finds_exactly_the_clauses_that_strstr_finds),
        cmocka_unit_test(equal_clauses_are_one),
        cmocka_unit_test(literals_at_the_very_ends_are_found_and_nothing_beyond),
        cmocka_unit_test(a_clause_with_a_string_too_short_to_look_for_is_useless),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
