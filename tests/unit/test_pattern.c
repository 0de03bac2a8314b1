/* pattern.c and needs.c: what is read, what is refused and how, and what a pattern needs. */
#include "rules/pattern.h"

#include "unit.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "rule_gen.h"

static struct arena arena;

static int arena_down(void **state)
{
    (void)state;
    arena_release(&arena);
    return 0;
}

static struct pattern *parsed(const char *text)
{
    struct pattern *p = NULL;
    struct reason why = {0};
    if (pattern_parse(text, strlen(text), &arena, &p, &why)) fail_msg("%s: %s", text, why.text);
    return p;
}

static const char *regex(const char *text)
{
    return node_regex(parsed(text)->root, &arena);
}

static void assert_refused(const char *text, const char *says)
{
    struct pattern *p = NULL;
    struct reason why = {0};
    assert_int_equal(pattern_parse(text, strlen(text), &arena, &p, &why), RELAY_INVALID);
    assert_null(p);
    if (!strstr(why.text, says)) fail_msg("%s: \"%s\" does not say \"%s\"", text, why.text, says);
}

static void what_is_written_comes_out_the_same(void **state)
{
    (void)state;
    static const char *const same[] = {"医保(?:卡|账户|凭证).{0,12}(?:停用|冻结)",
                                       "谨防|提醒您.{0,20}诈骗",
                                       "(?<![a-z0-9])[a-z0-9\\-]{2,30}\\.(?:top|xyz)(?![a-z])",
                                       "^a.+?b*+c{2,}d{3,5}?$",
                                       "\\w\\s\\p{Han}\\PL\\bx\\B",
                                       "(?<name>x)(?>y)(?=z)(?!q)(?<=r)(?m)^(?s:.)",
                                       "[^,。]{1,3}[\\D一-龥[:alpha:]\\-\\]]",
                                       "a\\.b\\*\\(\\)\\[\\{\\\\"};
    for (size_t i = 0; i < ARRAY_LEN(same); i++) assert_string_equal(regex(same[i]), same[i]);
}

static void shorthands_are_written_out_plainly(void **state)
{
    (void)state;
    assert_string_equal(regex("(医保)"), "(?:医保)"); /* nothing refers back */
    assert_string_equal(regex("(?i)vip(?#note)x"), "vipx");
    assert_string_equal(regex("(?im)x"), "(?m)x");
    assert_string_equal(regex("\\x{533b}\\u4fdd\\x61"), "医保a");
    assert_string_equal(regex("x{2}y{,z"), "x{2,2}y\\{,z");
    assert_string_equal(regex("(?P<who>x)"), "(?<who>x)");
    assert_string_equal(regex("[]a]"), "[\\]a]");
    assert_string_equal(regex("\\d\\D[\\dx]"), "[0-9][^0-9][0-9x]");
}

static void what_it_does_not_read_is_refused_with_what_to_write(void **state)
{
    (void)state;
    static const struct {
        const char *text, *says;
    } bad[] = {{"", "empty"},
               {"(a)\\1", "back-references"},
               {"(?R)", "(?:"},
               {"(?1)", "(?:"},
               {"(?(1)a|b)", "(?:"},
               {"(?x) a", "flags"},
               {"(*ACCEPT)", "\\*"},
               {"a\\K", "\\K"},
               {"\\Qa\\E", "\\Q"},
               {"a\\z", "$"},
               {"a\\", "backslash"},
               {"*a", "nothing to repeat"},
               {"a**", "nothing to repeat"},
               {"^*", "nothing to repeat"},
               {"(a", ")"},
               {"a)", "\\)"},
               {"[a", "\\["},
               {"[z-a]", "backwards"},
               {"[a-\\d]", "both ends"},
               {"a{5,3}", "n <= m"},
               {"a{1,9999}", "2000"},
               {"a{,3}", "{0,m}"},
               {"\\x{110000}", "\\x{4e00}"},
               {"\\p{Han", "\\p{Han}"},
               {"(?<9>a)", "name"},
               {"[[:alpha]", "\\["}};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) assert_refused(bad[i].text, bad[i].says);

    char deep[600] = {0};
    memset(deep, '(', 300);
    assert_refused(deep, "nested too deep");
}

static void an_impossible_character_is_refused_and_the_right_form_shown(void **state)
{
    (void)state;
    assert_refused("下载APP安装", "write \"a\"");
    assert_refused("下载APP安装", "'下载app安装'");
    assert_refused("ｖ信", "write \"v\"");
    assert_refused("[A-Z]{2}", "[a-z]{2,2}");
    assert_refused("加[ＶV]", "write \"v\"");
    assert_refused("医\\x{200b}保", "leave it out");
    assert_string_equal(regex("[^A-Z]"), "[^A-Z]"); /* harmless: it takes what it takes */
}

/* "a b | c" for two clauses. */
static const char *needs_text(const char *pattern, struct buf *b)
{
    struct needs n = pattern_needs(parsed(pattern), &arena);
    buf_clear(b);
    for (size_t i = 0; i < n.n; i++) {
        if (i) buf_str(b, " | ");
        for (size_t k = 0; k < n.items[i].n; k++) buf_printf(b, "%s%s", k ? " " : "", n.items[i].items[k]);
    }
    return buf_cstr(b);
}

static void every_group_gives_one_clause(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *needs;
    } cases[] = {
        {"(?:医保|社保).{0,30}(?:停用|冻结).{0,30}(?:点击|链接)", "医保 社保 | 停用 冻结 | 点击 链接"},
        {"医[保疗]卡", "医保卡 医疗卡"},
        {"医保(?:卡|账户)?停用", "医保 | 停用"},
        {"(?:医保停用)?", ""},
        {"医保|.停", "停 医保"},
        {"医保|[^x]", ""},
        {"(?:医保.{0,3}停用|社保)卡", "医保 社保 | 停用 社保 | 卡"},
        {"(?=.*医保)停用", "医保 | 停用"},
        {"(?!医保)停用", "停用"},
        {"(?<=医)保", "医 | 保"},
        {"(?<!医)保", "保"},
        {"(?:医保){2}", "医保医保"},
        {"(?:医保){2,}x?", "医保医保"},
        {"(?:医保)*", ""},
        {"(?:医保)+", "医保"},
        {"\\d{3}", ""},
        {"1", ""},
        {"新?医保", "医保"},
        {"医保\\b停用", "医保 | 停用"},
        {"(?>医保|医)停", "医停 医保停"},
    };
    CLEANUP(buf_release) struct buf b = BUF_INIT(4096);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *got = needs_text(cases[i].pattern, &b);
        if (strcmp(got, cases[i].needs) != 0)
            fail_msg("%s needs \"%s\", not \"%s\"", cases[i].pattern, got, cases[i].needs);
    }
}

static bool holds(const struct needs *n, const char *text)
{
    for (size_t i = 0; i < n->n; i++) {
        bool one = false;
        for (size_t k = 0; k < n->items[i].n && !one; k++) one = strstr(text, n->items[i].items[k]) != NULL;
        if (!one) return false;
    }
    return true;
}

/* The heart of it: whenever PCRE2 finds the pattern, everything that it is said to need is in the text. */
static void no_match_lacks_what_its_pattern_needs(void **state)
{
    (void)state;
    struct gen g = {20261122};
    pcre2_match_data *data = pcre2_match_data_create(8, NULL);
    pcre2_match_context *context = pcre2_match_context_create(NULL);
    (void)pcre2_set_match_limit(context, 20000); /* some random patterns would run for minutes */
    unsigned matches = 0, useful = 0;
    for (unsigned i = 0; i < 3000; i++) {
        CLEANUP(buf_release) struct buf text = BUF_INIT(4096), pattern = BUF_INIT(4096);
        gen_pattern(&g, 2, &pattern);
        struct pattern *p = NULL;
        struct reason why;
        if (pattern_parse(pattern.data, pattern.len, &arena, &p, &why)) continue;
        int code = 0;
        PCRE2_SIZE at = 0;
        const char *written = node_regex(p->root, &arena);
        pcre2_code *re = pcre2_compile((PCRE2_SPTR)written, PCRE2_ZERO_TERMINATED, PCRE2_UTF | PCRE2_UCP,
                                       &code, &at, NULL);
        if (!re) fail_msg("%s: PCRE2 error %d", written, code);
        struct needs n = pattern_needs(p, &arena);
        useful += n.n > 0;
        for (unsigned k = 0; k < 12; k++) {
            buf_clear(&text);
            gen_text(&g, 20, 60, &text);
            if (pcre2_match(re, (PCRE2_SPTR)buf_cstr(&text), text.len, 0, 0, data, context) < 0) continue;
            matches++;
            if (!holds(&n, buf_cstr(&text))) fail_msg("%s found in %s", written, text.data);
        }
        pcre2_code_free(re);
        if (i % 100 == 99) arena_reset(&arena);
    }
    pcre2_match_data_free(data);
    pcre2_match_context_free(context);
    assert_true(matches > 2000); /* else nothing was shown */
    assert_true(useful > 1000);
}

static void a_witness_is_found_by_its_pattern(void **state)
{
    (void)state;
    static const char *const patterns[] = {"医保(?:卡|账户).{0,12}停用", "a{3}\\d[x-z](?:p|q)?", "[^,]停.用"};
    for (size_t i = 0; i < ARRAY_LEN(patterns); i++) {
        CLEANUP(buf_release) struct buf b = BUF_INIT(4096);
        pattern_witness(parsed(patterns[i]), &b);
        int code = 0;
        PCRE2_SIZE at = 0;
        pcre2_code *re =
            pcre2_compile((PCRE2_SPTR)regex(patterns[i]), PCRE2_ZERO_TERMINATED, PCRE2_UTF, &code, &at, NULL);
        assert_non_null(re);
        pcre2_match_data *data = pcre2_match_data_create(1, NULL);
        assert_true(pcre2_match(re, (PCRE2_SPTR)buf_cstr(&b), b.len, 0, 0, data, NULL) >= 0);
        pcre2_match_data_free(data);
        pcre2_code_free(re);
    }
}

struct seen {
    size_t n, longest;
};

static void count_attack(void *arg, const char *text, size_t n)
{
    struct seen *s = arg;
    (void)text;
    s->n++;
    if (n > s->longest) s->longest = n;
}

static void attacks_pump_every_open_repetition(void **state)
{
    (void)state;
    struct seen s = {0};
    pattern_attacks(parsed("x(?:a+)+y"), 1000, count_attack, &s);
    assert_true(s.n >= 4);
    assert_true(s.longest >= 900);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(what_is_written_comes_out_the_same, arena_down),
        cmocka_unit_test_teardown(shorthands_are_written_out_plainly, arena_down),
        cmocka_unit_test_teardown(what_it_does_not_read_is_refused_with_what_to_write, arena_down),
        cmocka_unit_test_teardown(an_impossible_character_is_refused_and_the_right_form_shown, arena_down),
        cmocka_unit_test_teardown(every_group_gives_one_clause, arena_down),
        cmocka_unit_test_teardown(no_match_lacks_what_its_pattern_needs, arena_down),
        cmocka_unit_test_teardown(a_witness_is_found_by_its_pattern, arena_down),
        cmocka_unit_test_teardown(attacks_pump_every_open_repetition, arena_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
