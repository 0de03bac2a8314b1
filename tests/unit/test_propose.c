/* propose.c: words that tell scams from harmless texts, and the template. */
#include "rules/propose.h"

#include "unit.h"

static const char *const scams[] = {"您的医保卡已停用,请点击链接恢复", "医保卡异常停用,马上打开链接认证",
                                    "社区通知:医保卡停用,登录网址更新凭证"};
static const char *const harmless[] = {"医保局提醒:链接不要乱点", "请到窗口办理停车卡"};

static bool proposes(const struct proposal *p, const char *word)
{
    for (size_t l = 0; l < p->n_lists; l++)
        for (size_t i = 0; i < p->lists[l].n; i++)
            if (strcmp(p->lists[l].words[i], word) == 0) return true;
    return false;
}

static void words_of_all_scams_and_of_no_harmless_text_are_proposed(void **state)
{
    (void)state;
    struct arena a = {0};
    struct proposal p;
    struct reason why = {0};
    assert_int_equal(propose_words(scams, COUNT(scams), harmless, COUNT(harmless), &a, &p, &why), RELAY_OK);
    assert_true(proposes(&p, "医保卡"));
    assert_true(proposes(&p, "停用"));
    assert_false(proposes(&p, "链接")); /* a harmless text has it */
    assert_false(proposes(&p, "医保"));
    assert_true(p.near >= 10 && p.near <= 60);
    arena_release(&a);
}

static struct rule_set *set_from(const char *yaml, size_t *ret_problems)
{
    struct rule_problems problems = {0};
    struct rule_set *s = rule_set_of_text("t.yaml", yaml, strlen(yaml), &(struct set_options){0}, &problems);
    *ret_problems = problems.n;
    for (size_t i = 0; i < problems.n; i++) print_message("%s\n", problems.items[i].why.text);
    rule_problems_release(&problems);
    return s;
}

static void the_proposed_rule_loads_finds_the_scams_and_passes_the_rest(void **state)
{
    (void)state;
    static const char *const apart[] = {"代抢专家号,先付定金", "帮您抢专家号,押金五百",
                                        "专家号加急,先付定金"};
    static const char *const fair[] = {"专家门诊周三停诊", "请到窗口挂号"};
    struct arena a = {0};
    struct proposal p;
    struct reason why = {0};
    assert_int_equal(propose_words(apart, COUNT(apart), fair, COUNT(fair), &a, &p, &why), RELAY_OK);
    CLEANUP(buf_release) struct buf out = BUF_INIT(65536);
    rule_template("expert_number_9", &p, apart, COUNT(apart), fair, COUNT(fair), &out);
    size_t problems = 0;
    struct rule_set *s =
        set_from(buf_cstr(&out), &problems); /* runs the samples: the texts that were given */
    assert_int_equal(problems, 0);
    assert_int_equal(rule_set_size(s), 1);
    assert_int_equal(rule_set_at(s, 0)->n_samples_match, 3);
    assert_int_equal(rule_set_at(s, 0)->n_samples_pass, 2);
    rule_set_free(s);
    arena_release(&a);
}

/* What officers would write: not three pieces of one phrase, and not the amount. */
static void pieces_of_one_phrase_and_amounts_are_not_proposed(void **state)
{
    (void)state;
    static const char *const cards[] = {"您的医保卡要换成三代卡,请交工本费一百二十元,微信转我就能办",
                                        "医保三代卡换发,请加专员微信,交工本费一百二十元,快递到家",
                                        "老人家,医保卡要换三代卡了,工本费一百二十元,您微信转给我"};
    static const char *const other[] = {"第三代社会保障卡免费换发,不用交钱", "不要向个人微信转账,医保局提醒"};
    struct arena a = {0};
    struct proposal p;
    assert_int_equal(propose_words(cards, 3, other, 2, &a, &p, NULL), RELAY_OK);
    assert_true(p.n_lists >= 2);
    assert_string_equal(p.lists[0].words[0], "三代卡");
    assert_string_equal(p.lists[1].words[0], "工本费");
    arena_release(&a);
}

static void a_bare_template_is_a_rule_file(void **state)
{
    (void)state;
    CLEANUP(buf_release) struct buf out = BUF_INIT(65536);
    rule_template("my_rule", NULL, NULL, 0, NULL, 0, &out);
    struct arena a = {0};
    struct rule_sources sources = {0};
    struct rule_problems problems = {0};
    assert_int_equal(rules_parse_text("t.yaml", buf_cstr(&out), out.len, &a, &sources, &problems), RELAY_OK);
    assert_int_equal(problems.n, 0);
    assert_int_equal(sources.n, 1);
    assert_string_equal(sources.items[0]->rule.id, "my_rule");
    assert_int_equal(sources.items[0]->rule.status, RULE_EXPERIMENTAL);
    rule_sources_release(&sources);
    arena_release(&a);
}

static void a_quote_in_a_sample_stays_a_quote(void **state)
{
    (void)state;
    static const char *const quoted[] = {"医保'停用'了"};
    CLEANUP(buf_release) struct buf out = BUF_INIT(65536);
    rule_template("my_rule", NULL, quoted, 1, quoted, 1, &out);
    assert_non_null(strstr(buf_cstr(&out), "'医保''停用''了'"));
}

static void a_token_is_no_word(void **state)
{
    (void)state;
    static const char *const masked[] = {"‹name›转账到‹tel›", "请‹name›转账‹tel›"};
    struct arena a = {0};
    struct proposal p;
    struct reason why = {0};
    assert_int_equal(propose_words(masked, COUNT(masked), NULL, 0, &a, &p, &why), RELAY_OK);
    assert_int_equal(p.n_lists, 1);
    assert_string_equal(p.lists[0].words[0], "转账");
    arena_release(&a);
}

static void texts_without_anything_in_common_are_refused(void **state)
{
    (void)state;
    static const char *const apart[] = {"医保停用", "快来领奖", "手术费用"};
    struct arena a = {0};
    struct proposal p;
    struct reason why = {0};
    assert_int_equal(propose_words(apart, 1, apart, 1, &a, &p, &why), RELAY_NOT_FOUND);
    assert_int_equal(propose_words(apart, 0, NULL, 0, &a, &p, &why), RELAY_INVALID);
    assert_int_equal(propose_words(apart, COUNT(apart), NULL, 0, &a, &p, &why), RELAY_NOT_FOUND);
    arena_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_of_all_scams_and_of_no_harmless_text_are_proposed),
        cmocka_unit_test(the_proposed_rule_loads_finds_the_scams_and_passes_the_rest),
        cmocka_unit_test(pieces_of_one_phrase_and_amounts_are_not_proposed),
        cmocka_unit_test(a_bare_template_is_a_rule_file),
        cmocka_unit_test(a_quote_in_a_sample_stays_a_quote),
        cmocka_unit_test(a_token_is_no_word),
        cmocka_unit_test(texts_without_anything_in_common_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
