/* correlate.c: the value by which events of a rule count together; and what a threshold may ask for. */
#include "rules/explain.h"
#include "rules/lint.h"

#include "unit.h"

static struct rule_set *set_from(const char *yaml, struct rule_problems *problems)
{
    *problems = (struct rule_problems){0};
    return rule_set_of_text("t.yaml", yaml, strlen(yaml), &(struct set_options){0}, problems);
}

#define HEAD "id: r1\nrev: 1\nstatus: stable\ntitle: t\ncategory: c1\nlevel: red\n"

static void assert_value(const char *rule, const char *text, const char *wanted)
{
    struct rule_problems problems;
    struct rule_set *s = set_from(rule, &problems);
    for (size_t i = 0; i < problems.n; i++) fail_msg("%s", problems.items[i].why.text);
    CLEANUP(buf_release) struct buf prepared = BUF_INIT(4096), value = BUF_INIT(4096);
    rule_text_prepare(text, strlen(text), &prepared);
    bool found = rule_value(rule_set_at(s, 0), buf_cstr(&prepared), prepared.len, &value);
    if (found != (wanted != NULL)) fail_msg("%s: %s", text, buf_cstr(&value));
    if (wanted) assert_string_equal(buf_cstr(&value), wanted);
    rule_problems_release(&problems);
    rule_set_free(s);
}

static void the_domain_is_the_part_that_somebody_registered(void **state)
{
    (void)state;
    static const char rule[] =
        HEAD "match: {any: ['医保']}\nthreshold: {count: 3, within: 1h, same: domain}\n";
    assert_value(rule, "医保停用，打开 hxxps://yb.NHSA-xx[.]fyi/k?a=1.2 更新", "nhsa-xx.fyi");
    assert_value(rule, "医保 www.a.example.com.cn/b", "example.com.cn");
    assert_value(rule, "医保 example.fyi", "example.fyi");
    assert_value(rule, "医保 3.5 折，10.30 开始，写信到 help@example.fyi", NULL);
    assert_value(rule, "医保 停用", NULL);
}

static void a_named_group_is_the_value_and_the_mask_is_none(void **state)
{
    (void)state;
    static const char rule[] =
        HEAD "match: {all: ['医保'], any: ['案号(?<case>[0-9a-z]+)', '加(?<case2>.{0,12})好友']}\n"
             "threshold: {count: 3, within: 1h, same: case}\n";
    assert_value(rule, "您的医保，案号Ａ18，请配合", "a18");
    assert_value(rule, "您的医保，加你为好友", NULL);
    static const char masked[] = HEAD "match: {any: ['医保.{0,8}电话(?<who>.{0,20})']}\n"
                                      "threshold: {count: 3, within: 1h, same: who}\n";
    assert_value(masked, "医保停用，电话 13812345678", NULL);
}

static void a_group_that_no_pattern_has_is_refused_with_its_line(void **state)
{
    (void)state;
    static const char *const bad[] = {HEAD "match: {any: ['医保']}\nthreshold: {count: 3, same: case}\n",
                                      HEAD "match: {any: ['医保'], none: ['(?<case>x)']}\n"
                                           "threshold: {count: 3, same: case}\n",
                                      HEAD "match: {any: ['医保']}\nthreshold: {count: 3, same: 'a b'}\n"};
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct rule_problems problems;
        struct rule_set *s = set_from(bad[i], &problems);
        assert_int_equal(rule_set_size(s), 0);
        assert_int_equal(problems.n, 1);
        assert_int_equal(problems.items[0].line, 8);
        rule_problems_release(&problems);
        rule_set_free(s);
    }
}

static void lint_warns_of_same_where_one_event_is_enough(void **state)
{
    (void)state;
    struct rule_problems problems;
    struct rule_set *s =
        set_from(HEAD "match: {any: ['医保']}\nthreshold: {count: 1, within: 1h, same: 号码}\n", &problems);
    struct lint lint;
    lint_set(s, &problems, &lint);
    bool found = false;
    for (size_t i = 0; i < lint.n; i++) found = found || strcmp(lint.items[i].code, "same_alone") == 0;
    assert_true(found);
    assert_int_equal(rule_set_at(s, 0)->threshold_same, SAME_NUMBER);
    lint_release(&lint);
    rule_problems_release(&problems);
    rule_set_free(s);
}

static void explain_says_by_what_a_text_counts(void **state)
{
    (void)state;
    struct rule_problems problems;
    struct rule_set *s =
        set_from(HEAD "match: {any: ['医保']}\nthreshold: {count: 3, within: 1h, same: domain}\n", &problems);
    static const char text[] = "医保 http://a.example.fyi";
    CLEANUP(buf_release) struct buf people = BUF_INIT(1u << 16), json = BUF_INIT(1u << 16);
    explain(s, text, strlen(text), false, &people);
    explain(s, text, strlen(text), true, &json);
    assert_non_null(strstr(buf_cstr(&people), "domain: example.fyi"));
    assert_non_null(strstr(buf_cstr(&json), "\"same\":\"domain\",\"value\":\"example.fyi\""));
    rule_problems_release(&problems);
    rule_set_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_domain_is_the_part_that_somebody_registered),
        cmocka_unit_test(a_named_group_is_the_value_and_the_mask_is_none),
        cmocka_unit_test(a_group_that_no_pattern_has_is_refused_with_its_line),
        cmocka_unit_test(lint_warns_of_same_where_one_event_is_enough),
        cmocka_unit_test(explain_says_by_what_a_text_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
