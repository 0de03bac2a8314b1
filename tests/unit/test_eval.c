/* eval.c: the JSON lines contract, and the report's sums. */
#include "rules/eval.h"

#include "unit.h"

#include "base/json.h"

#define HEAD(id, category, level)                                                                            \
    "- {id: " id ", rev: 1, status: stable, title: t, category: " category ", level: " level ", match: "

static const char rules[] = HEAD("b_card", "cat_card", "red") "{all: ['医保', '停用']}}\n" HEAD(
    "a_card", "cat_other",
    "orange") "{all: ['医保']}}\n" HEAD("c_call", "cat_card",
                                        "red") "{all: ['停用']}, kinds: [call]}\n" HEAD("d_slow", "cat_slow",
                                                                                        "red") "{all: "
                                                                                               "['(?:x+)+!$']"
                                                                                               "}}\n"
                                                                                               "- {id: "
                                                                                               "e_new, rev: "
                                                                                               "1, title: t, "
                                                                                               "category: "
                                                                                               "cat_card, "
                                                                                               "level: red, "
                                                                                               "match: {all: "
                                                                                               "['新词']}}\n";

static struct rule_set *set;
static struct eval e;

static int up(void **state)
{
    (void)state;
    struct rule_problems problems = {0};
    set = rule_set_of_text("t.yaml", rules, strlen(rules), &(struct set_options){0}, &problems);
    int bad = (int)problems.n;
    rule_problems_release(&problems);
    eval_init(&e, set, false);
    return rule_set_size(set) == 5 ? bad : -1;
}

static int down(void **state)
{
    (void)state;
    eval_release(&e);
    set = rule_set_free(set);
    return 0;
}

static void assert_answer(const char *line, const char *wanted)
{
    CLEANUP(buf_release) struct buf out = BUF_INIT(65536);
    struct reason why = {0};
    if (eval_line(&e, line, strlen(line), &out, &why)) fail_msg("%s: %s", line, why.text);
    assert_string_equal(buf_cstr(&out), wanted);
}

static void a_line_is_answered_highest_level_first(void **state)
{
    (void)state;
    assert_answer(
        "{\"id\":\"1\",\"text\":\"您的医保卡停用\",\"kind\":\"sms\"}",
        "{\"id\":\"1\",\"verdict\":\"match\",\"matches\":[{\"rule\":\"b_card\",\"category\":\"cat_card\","
        "\"level\":\"red\"},{\"rule\":\"a_card\",\"category\":\"cat_other\",\"level\":\"orange\"}]}\n");
    assert_answer("{\"id\":\"2\",\"text\":\"你好\"}",
                  "{\"id\":\"2\",\"verdict\":\"no_match\",\"matches\":[]}\n");
    assert_answer("{\"id\":\"\\n\\\"\",\"text\":\"\"}",
                  "{\"id\":\"\\n\\\"\",\"verdict\":\"no_match\",\"matches\":[]}\n");
}

static void the_text_is_normalised_and_joined_with_the_memo(void **state)
{
    (void)state;
    assert_answer(
        "{\"id\":\"1\",\"text\":\"醫 保\",\"memo\":\"停用\",\"kind\":\"sms\"}",
        "{\"id\":\"1\",\"verdict\":\"match\",\"matches\":[{\"rule\":\"b_card\",\"category\":\"cat_card\","
        "\"level\":\"red\"},{\"rule\":\"a_card\",\"category\":\"cat_other\",\"level\":\"orange\"}]}\n");
    assert_answer("{\"id\":\"1\",\"memo\":\"停用\",\"kind\":\"sms\"}",
                  "{\"id\":\"1\",\"verdict\":\"no_match\",\"matches\":[]}\n");
}

static void a_kind_is_honoured_and_an_unknown_one_means_all(void **state)
{
    (void)state;
    static const char found[] =
        "{\"id\":\"1\",\"verdict\":\"match\",\"matches\":[{\"rule\":\"c_call\",\"category\":"
        "\"cat_card\",\"level\":\"red\"}]}\n";
    assert_answer("{\"id\":\"1\",\"text\":\"停用\",\"kind\":\"call\"}", found);
    assert_answer("{\"id\":\"1\",\"text\":\"停用\",\"kind\":\"电话\"}", found);
    assert_answer("{\"id\":\"1\",\"text\":\"停用\",\"kind\":\"narrative\"}", found);
    assert_answer("{\"id\":\"1\",\"text\":\"停用\"}", found);
    assert_answer("{\"id\":\"1\",\"text\":\"停用\",\"kind\":\"sms\"}",
                  "{\"id\":\"1\",\"verdict\":\"no_match\",\"matches\":[]}\n");
}

static void a_limit_is_unsure_and_names_the_rule(void **state)
{
    (void)state;
    assert_answer("{\"id\":\"1\",\"text\":\"! xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"}",
                  "{\"id\":\"1\",\"verdict\":\"no_match\",\"matches\":[]}\n"); /* no "x!" in it: surely not */
    assert_answer("{\"id\":\"1\",\"text\":\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx!a\"}",
                  "{\"id\":\"1\",\"verdict\":\"unsure\",\"matches\":[],\"unsure\":[\"d_slow\"]}\n");
}

static void a_bad_line_says_what_is_wrong(void **state)
{
    (void)state;
    static const struct {
        const char *line, *says;
    } bad[] = {{"{", ""},
               {"[]", "object"},
               {"{\"text\":\"x\"}", "\"id\""},
               {"{\"id\":1,\"text\":\"x\"}", "\"id\""},
               {"{\"id\":\"1\"}", "\"text\""},
               {"{\"id\":\"1\",\"text\":5}", "\"text\""},
               {"{\"id\":\"1\",\"text\":\"\xff\"}", ""}};
    for (size_t i = 0; i < COUNT(bad); i++) {
        CLEANUP(buf_release) struct buf out = BUF_INIT(65536);
        struct reason why = {0};
        assert_int_not_equal(eval_line(&e, bad[i].line, strlen(bad[i].line), &out, &why), RELAY_OK);
        assert_int_equal(out.len, 0);
        assert_true(why.text[0] != '\0');
        if (!strstr(why.text, bad[i].says)) fail_msg("\"%s\" does not say %s", why.text, bad[i].says);
    }
}

static void the_report_adds_up(void **state)
{
    (void)state;
    struct buf out = BUF_INIT(1u << 20);
    struct reason why = {0};
    assert_int_equal(eval_counted(&e, &why), RELAY_NOT_FOUND);
    static const char *const lines[] = {
        "{\"id\":\"1\",\"text\":\"医保停用\",\"label\":\"medical_scam\",\"category\":\"cat_card\",\"origin\":"
        "\"real\",\"hard\":true}",
        "{\"id\":\"2\",\"text\":\"医保\",\"label\":\"medical_scam\",\"category\":\"cat_card\",\"origin\":"
        "\"real\"}",
        "{\"id\":\"3\",\"text\":\"没有\",\"label\":\"medical_scam\",\"category\":\"cat_card\",\"origin\":"
        "\"told\"}",
        "{\"id\":\"4\",\"text\":\"医保\",\"label\":\"benign\",\"origin\":\"real\",\"hard\":true}",
        "{\"id\":\"5\",\"text\":\"早安\",\"label\":\"benign\",\"origin\":\"real\"}",
        "{\"id\":\"6\",\"text\":\"医保\",\"label\":\"other_scam\",\"origin\":\"real\"}",
        "{\"id\":\"7\",\"text\":\"早安\"}",
        "{\"id\":\"8\",\"text\":\"医保\",\"label\":\"scam\"}"};
    for (size_t i = 0; i < COUNT(lines); i++)
        assert_int_equal(eval_line(&e, lines[i], strlen(lines[i]), &out, &why), 0);
    assert_int_equal(eval_counted(&e, &why), RELAY_OK);
    buf_clear(&out);
    eval_report(&e, &out);
    assert_non_null(
        strstr(buf_cstr(&out), "1 lines whose label is none of the three, the first with the id 8"));
    buf_clear(&out);
    e.json = true;
    eval_report(&e, &out);
    static const char total[] =
        "{\"total\":{\"medical_scam\":3,\"medical_scam_found\":2,\"other_scam\":1,\"other_scam_found\":1,"
        "\"benign\":2,"
        "\"benign_found\":1,\"right_category\":1,\"hard_medical_scam\":1,\"hard_medical_scam_found\":1,"
        "\"hard_other_scam\":0,\"hard_other_scam_found\":0,\"hard_benign\":1,\"hard_benign_found\":1,"
        "\"unsure\":0,\"not_counted\":1,\"not_grouped\":0}";
    if (strncmp(buf_cstr(&out), total, strlen(total)) != 0) fail_msg("%s", buf_cstr(&out));
    assert_non_null(strstr(buf_cstr(&out),
                           "\"cat_other\":{\"medical_scam\":0,\"medical_scam_found\":0,\"other_scam\":0,"
                           "\"other_scam_found\":0,\"benign\":0,\"benign_found\":0,\"right_category\":0,"
                           "\"claimed\":3,\"claimed_right\":0}"));
    buf_clear(&out);
    e.json = false;
    eval_report(&e, &out);
    assert_non_null(strstr(buf_cstr(&out), "2/3 0.667"));
    buf_release(&out);
}

static void each_line_says_whether_it_came_out_wrong(void **state)
{
    (void)state;
    static const struct {
        const char *line, *wrong, *json;
    } lines[] = {
        {"{\"id\":\"1\",\"text\":\"医保停用\",\"label\":\"medical_scam\",\"category\":\"cat_card\"}", "", ""},
        {"{\"id\":\"2\",\"text\":\"医保\",\"label\":\"medical_scam\",\"category\":\"cat_card\"}",
         "other_category\t2\tcat_card\ta_card\n",
         "{\"wrong\":\"other_category\",\"id\":\"2\",\"category\":\"cat_card\",\"rule\":\"a_card\"}\n"},
        {"{\"id\":\"3\",\"text\":\"没有\",\"label\":\"medical_scam\",\"category\":\"cat_card\"}",
         "missed\t3\tcat_card\t-\n", "{\"wrong\":\"missed\",\"id\":\"3\",\"category\":\"cat_card\"}\n"},
        {"{\"id\":\"4\",\"text\":\"医保\",\"label\":\"benign\",\"hard\":true}",
         "false_alarm_hard\t4\t-\ta_card\n",
         "{\"wrong\":\"false_alarm_hard\",\"id\":\"4\",\"rule\":\"a_card\"}\n"},
        {"{\"id\":\"5\",\"text\":\"早安\",\"label\":\"benign\"}", "", ""},
        {"{\"id\":\"6\",\"text\":\"医保\",\"label\":\"other_scam\"}", "other_scam\t6\t-\ta_card\n",
         "{\"wrong\":\"other_scam\",\"id\":\"6\",\"rule\":\"a_card\"}\n"},
        {"{\"id\":\"7\",\"text\":\"医保\"}", "", ""}};
    for (size_t i = 0; i < 2 * COUNT(lines); i++) {
        CLEANUP(buf_release) struct buf out = BUF_INIT(65536);
        struct reason why = {0};
        const char *line = lines[i / 2].line;
        e.json = i % 2;
        assert_int_equal(eval_line(&e, line, strlen(line), &out, &why), RELAY_OK);
        assert_string_equal(buf_cstr(&e.wrong), e.json ? lines[i / 2].json : lines[i / 2].wrong);
    }
}

static void what_is_not_in_the_tables_for_its_many_names_is_said(void **state)
{
    (void)state;
    struct buf out = BUF_INIT(1u << 20);
    struct reason why = {0};
    for (int i = 0; i < 203; i++) {
        char line[128];
        int n = snprintf(line, sizeof(line),
                         "{\"id\":\"%d\",\"text\":\"x\",\"label\":\"benign\",\"origin\":\"%d\"}", i, i);
        assert_int_equal(eval_line(&e, line, (size_t)n, &out, &why), RELAY_OK);
    }
    buf_clear(&out);
    eval_report(&e, &out);
    assert_non_null(strstr(buf_cstr(&out), "not by origin and category: 3 lines"));
    buf_clear(&out);
    e.json = true;
    eval_report(&e, &out);
    assert_non_null(strstr(buf_cstr(&out), "\"not_grouped\":3"));
    buf_release(&out);
}

static void rules_that_do_not_run_are_asked_only_on_demand(void **state)
{
    (void)state;
    assert_answer("{\"id\":\"1\",\"text\":\"新词\"}",
                  "{\"id\":\"1\",\"verdict\":\"no_match\",\"matches\":[]}\n");
    e.all = true;
    assert_answer("{\"id\":\"1\",\"text\":\"新词\"}",
                  "{\"id\":\"1\",\"verdict\":\"match\",\"matches\":[{\"rule\":\"e_new\","
                  "\"category\":\"cat_card\",\"level\":\"red\"}]}\n");
}

#define T(f) cmocka_unit_test_setup_teardown(f, up, down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_line_is_answered_highest_level_first),
        T(the_text_is_normalised_and_joined_with_the_memo),
        T(a_kind_is_honoured_and_an_unknown_one_means_all),
        T(a_limit_is_unsure_and_names_the_rule),
        T(a_bad_line_says_what_is_wrong),
        T(the_report_adds_up),
        T(each_line_says_whether_it_came_out_wrong),
        T(what_is_not_in_the_tables_for_its_many_names_is_said),
        T(rules_that_do_not_run_are_asked_only_on_demand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
