/* run.c: a text longer than one piece is looked at in pieces that overlap, and the answer is that of the whole text. */
#include "rules/compile.h"

#include "unit.h"

#include "rules/set.h"

enum { TEXT_BYTES = 5 * WINDOW_STEP, AROUND = 8 };

#define HEAD(id) "- {id: " id ", rev: 1, status: stable, title: t, category: c1, level: red, match: "

static struct rule_set *set;
static struct matcher *matcher;
static struct runner runner;

static void set_up(const char *yaml, bool no_jit)
{
    struct rule_problems problems = {0};
    set = rule_set_of_text("t.yaml", yaml, strlen(yaml), &(struct set_options){.no_jit = no_jit}, &problems);
    for (size_t i = 0; i < problems.n; i++)
        if (!problems.items[i].warning) fail_msg("%s", problems.items[i].why.text);
    rule_problems_release(&problems);
    matcher = matcher_new(set);
    runner_init(&runner, 0);
}

static void tear_down(void)
{
    runner_release(&runner);
    matcher = matcher_free(matcher);
    set = rule_set_free(set);
}

/* A long text of letters that no rule here looks for, so that a place can be any byte. */
struct canvas {
    char text[TEXT_BYTES + 1];
};

static void blank(struct canvas *c)
{
    memset(c->text, 'x', TEXT_BYTES);
    c->text[TEXT_BYTES] = '\0';
}

static void put(struct canvas *c, size_t at, const char *s)
{
    assert_true(at + strlen(s) <= TEXT_BYTES);
    memcpy(c->text + at, s, strlen(s));
}

/* Found once by the rule of this id, at this place, both by the scan's way and by running every pattern. */
static void assert_found(const struct canvas *c, const char *id, size_t from, size_t to)
{
    const struct rule_hit *hits = NULL;
    size_t n = rules_match(matcher, c->text, TEXT_BYTES, -1, false, &hits), found = 0;
    for (size_t i = 0; i < n; i++) {
        if (strcmp(hits[i].rule->id, id) != 0) continue;
        found++;
        if (hits[i].verdict != MATCH || hits[i].from != from || hits[i].to != to)
            fail_msg("%s: %s %u to %u, not %zu to %zu", id, verdict_name(hits[i].verdict), hits[i].from,
                     hits[i].to, from, to);
    }
    if (found != 1) fail_msg("%s: found %zu times, from %zu to %zu", id, found, from, to);
    struct span span = {0};
    const struct rule *rule = rule_set_find(set, id);
    assert_int_equal(rule_run(rule->code, &runner, NULL, c->text, TEXT_BYTES, &span), MATCH);
    assert_int_equal(span.from, from);
    assert_int_equal(span.to, to);
}

static enum verdict verdict_of(const struct canvas *c, const char *id)
{
    const struct rule_hit *hits = NULL;
    size_t n = rules_match(matcher, c->text, TEXT_BYTES, -1, false, &hits);
    struct span span = {0};
    enum verdict alone = rule_run(rule_set_find(set, id)->code, &runner, NULL, c->text, TEXT_BYTES, &span);
    enum verdict ours = NO_MATCH;
    for (size_t i = 0; i < n; i++)
        if (strcmp(hits[i].rule->id, id) == 0) ours = hits[i].verdict;
    assert_int_equal(ours, alone);
    return ours;
}

/* Where a piece begins, and all but the last where one ends: at each of its multiples. */
static void at_every_offset_near_an_edge(void (*check)(struct canvas *c, size_t at), size_t length)
{
    struct canvas *c = xmalloc(sizeof(*c));
    blank(c);
    for (size_t edge = WINDOW_STEP; edge < TEXT_BYTES; edge += WINDOW_STEP)
        for (size_t at = edge - length - AROUND; at <= edge + AROUND && at + length <= TEXT_BYTES; at++)
            check(c, at);
    free(c);
}

static const char across[] = "医保账户已于今日停用";
enum { ACROSS = sizeof(across) - 1 };

static void check_across(struct canvas *c, size_t at)
{
    put(c, at, across);
    assert_found(c, "one", at, at + ACROSS);
    assert_found(c, "words", at, at + ACROSS);
    memset(c->text + at, 'x', ACROSS);
    assert_int_equal(verdict_of(c, "one"), NO_MATCH);
}

static void a_match_across_an_edge_is_found_at_every_offset(void **state)
{
    (void)state;
    for (int no_jit = 0; no_jit < 2; no_jit++) {
        set_up(HEAD("one") "{all: ['医保.{0,12}停用']}}\n" HEAD(
                   "words") "{words: [[医保], [停用]], near: 20}}\n",
               no_jit);
        at_every_offset_near_an_edge(check_across, ACROSS);
        tear_down();
    }
}

/* The length that is promised: a piece less the step. */
enum { LONGEST = WINDOW_BYTES - WINDOW_STEP };

static void check_longest(struct canvas *c, size_t at)
{
    put(c, at, "医保");
    put(c, at + LONGEST - 6, "停用");
    assert_found(c, "long", at, at + LONGEST);
    memset(c->text + at, 'x', LONGEST);
}

static void a_match_as_long_as_the_overlap_is_found_at_every_offset(void **state)
{
    (void)state;
    set_up(HEAD("long") "{all: ['医保[^停]*停用']}}\n", false);
    struct canvas *c = xmalloc(sizeof(*c));
    blank(c);
    for (size_t edge = WINDOW_STEP; edge + LONGEST <= TEXT_BYTES; edge += WINDOW_STEP)
        for (size_t at = edge - AROUND; at <= edge + AROUND && at + LONGEST <= TEXT_BYTES; at++)
            check_longest(c, at);
    free(c);
    tear_down();
}

/* In the overlap both pieces see it. */
static void what_two_pieces_see_is_one_hit_and_the_first_place_counts(void **state)
{
    (void)state;
    set_up(
        HEAD("one") "{all: ['医保.{0,12}停用']}}\n" HEAD("two") "{all: ['医保'], any: ['停用', '账户']}}\n",
        false);
    struct canvas *c = xmalloc(sizeof(*c));
    blank(c);
    put(c, WINDOW_STEP + 100, across);
    assert_found(c, "one", WINDOW_STEP + 100, WINDOW_STEP + 100 + ACROSS);
    put(c, 2 * WINDOW_STEP + 100, across);
    put(c, 4 * WINDOW_STEP - 5, across);
    assert_found(c, "one", WINDOW_STEP + 100, WINDOW_STEP + 100 + ACROSS);
    assert_found(c, "two", WINDOW_STEP + 100, WINDOW_STEP + 106);
    const struct rule_hit *hits = NULL;
    assert_int_equal(rules_match(matcher, c->text, TEXT_BYTES, -1, false, &hits), 2);
    free(c);
    tear_down();
}

/* A rule is about the text, not about a piece of it: `all` adds up over the pieces, `none` forbids in any of them. */
static void the_parts_of_a_rule_may_lie_in_different_pieces(void **state)
{
    (void)state;
    set_up(HEAD("parts") "{all: ['医.保', '停.用'], any: ['点.击', '打.开'], none: ['谨.防']}}\n" HEAD(
               "words") "{words: [[医保], [停用]], near: 60}}\n",
           false);
    struct canvas *c = xmalloc(sizeof(*c));
    blank(c);
    static const size_t last = TEXT_BYTES - 20;
    put(c, last, "医卡保");
    assert_int_equal(verdict_of(c, "parts"), NO_MATCH);
    put(c, 10, "停不用");
    assert_int_equal(verdict_of(c, "parts"), NO_MATCH);
    put(c, 2 * WINDOW_STEP - 4, "点一击");
    assert_found(c, "parts", last, last + 9);
    put(c, 3 * WINDOW_STEP - 1, "谨严防");
    assert_int_equal(verdict_of(c, "parts"), NO_MATCH);
    put(c, 100, "医保");
    put(c, WINDOW_STEP + 100, "停用");
    assert_int_equal(verdict_of(c, "words"), NO_MATCH); /* too far apart, in whatever pieces */
    free(c);
    tear_down();
}

static void only_the_text_itself_has_a_beginning_and_an_end(void **state)
{
    (void)state;
    set_up(HEAD("begin") "{all: ['^医.保']}}\n" HEAD("end") "{all: ['停.用$']}}\n" HEAD(
               "behind") "{all: ['(?<=甲)医.保']}}\n",
           false);
    struct canvas *c = xmalloc(sizeof(*c));
    for (size_t edge = WINDOW_STEP; edge < TEXT_BYTES; edge += WINDOW_STEP) {
        blank(c);
        put(c, edge, "医卡保");
        put(c, edge - 9, "停不用"); /* ends where a piece does */
        assert_int_equal(verdict_of(c, "begin"), NO_MATCH);
        assert_int_equal(verdict_of(c, "end"), NO_MATCH);
        put(c, edge - 3, "甲"); /* what stands before the piece is seen from it */
        assert_found(c, "behind", edge, edge + 9);
    }
    blank(c);
    put(c, 0, "医卡保");
    put(c, TEXT_BYTES - 9, "停不用");
    assert_found(c, "begin", 0, 9);
    assert_found(c, "end", TEXT_BYTES - 9, TEXT_BYTES);
    free(c);
    tear_down();
}

/* A piece that ends does not show what follows, so only a match from its first half counts. */
static void what_follows_behind_the_end_of_a_piece_is_looked_at(void **state)
{
    (void)state;
    set_up(HEAD("unless") "{all: ['医.保(?!的谣言)']}}\n" HEAD("greedy") "{all: ['停.用x*']}}\n", false);
    struct canvas *c = xmalloc(sizeof(*c));
    for (size_t at = WINDOW_BYTES - 9 - AROUND; at < WINDOW_BYTES + AROUND; at++) {
        blank(c);
        put(c, at, "医卡保的谣言");
        assert_int_equal(verdict_of(c, "unless"), NO_MATCH);
        put(c, at, "停不用xxxxxxxxx");
        put(c, at + 1000, "y");
        assert_found(c, "greedy", at, at + 1000);
    }
    free(c);
    tear_down();
}

static void a_limit_met_in_one_piece_does_not_hide_a_match_in_another(void **state)
{
    (void)state;
    for (int no_jit = 0; no_jit < 2; no_jit++) {
        set_up(HEAD("limit") "{all: ['b(?:a+)+!']}}\n", no_jit);
        struct canvas *c = xmalloc(sizeof(*c));
        blank(c);
        put(c, 100, "baaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
        assert_int_equal(verdict_of(c, "limit"), NO_MATCH); /* no ! anywhere: PCRE2 sees it at once */
        put(c, 2000, "!");
        assert_int_equal(verdict_of(c, "limit"), UNSURE);
        put(c, 3 * WINDOW_STEP + 7, "ba!");
        assert_found(c, "limit", 3 * WINDOW_STEP + 7, 3 * WINDOW_STEP + 10);
        free(c);
        tear_down();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_match_across_an_edge_is_found_at_every_offset),
        cmocka_unit_test(a_match_as_long_as_the_overlap_is_found_at_every_offset),
        cmocka_unit_test(what_two_pieces_see_is_one_hit_and_the_first_place_counts),
        cmocka_unit_test(the_parts_of_a_rule_may_lie_in_different_pieces),
        cmocka_unit_test(only_the_text_itself_has_a_beginning_and_an_end),
        cmocka_unit_test(what_follows_behind_the_end_of_a_piece_is_looked_at),
        cmocka_unit_test(a_limit_met_in_one_piece_does_not_hide_a_match_in_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
