/* Alertmanager's matchers over an alert's labels. */
#include "matcher.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"

#include <cmocka.h> /* after ours: it has a macro `fail` */

static const char *const areas[] = {"610113", "610102"};
static const struct labels alert = {.values = {
                                        [LABEL_RULE] = {.one = "medins_card_suspended"},
                                        [LABEL_CATEGORY] = {.one = "medins_phishing_sms"},
                                        [LABEL_LEVEL] = {.one = "red"},
                                        [LABEL_AREA2] = {.one = "61"},
                                        [LABEL_AREA4] = {.one = "6101"},
                                        [LABEL_AREA6] = {.many = areas, .n = 2},
                                        [LABEL_FEED] = {.one = "sn-cmcc"},
                                        [LABEL_CERTAINTY] = {.one = "Likely"},
                                        [LABEL_STATUS] = {.one = "Actual"},
                                    }};

static bool matches(const char *text)
{
    struct label_matchers ms = {0};
    struct reason why = {0};
    if (label_matchers_add(&ms, text, &why)) fail_msg("%s: %s", text, why.text);
    bool yes = label_matchers_match(&ms, &alert);
    label_matchers_release(&ms);
    return yes;
}

static void equality_and_patterns_are_alertmanagers(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool yes;
    } cases[] = {
        {"level=\"red\"", true},
        {"level=\"orange\"", false},
        {"level!=\"red\"", false},
        {"level!=\"orange\"", true},
        {" level = red ", true},
        {"level=\"红\"", true},
        {"certainty=~\"Likely|Observed\"", true},
        {"certainty!~\"Likely|Observed\"", false},
        {"certainty=~\"Like\"", false}, /* anchored at both ends */
        {"certainty=~\"ikely\"", false},
        {"certainty=~\"Like|Likely\"", true},
        {"category=~\"medins_.*\"", true},
        {"category!~\"medins_.*\"", false},
        {"rule=~\"\\\\w+\"", true},
        {"rule=~\"\\w+\"", true}, /* any other backslash is itself */
        {"area4=\"610100\"", true},
        {"kind=\"\"", true}, /* no value is the empty one */
        {"kind=~\".*\"", true},
        {"kind=~\".+\"", false},
        {"kind!=sms", true},
        {"{level=\"red\", area4=\"6101\"}", true},
        {"level=\"red\",certainty=\"Possible\"", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        if (matches(cases[i].text) != cases[i].yes) fail_msg("%s", cases[i].text);
}

static void one_of_several_values_is_enough_and_none_of_them_is_not_equal(void **state)
{
    (void)state;
    assert_true(matches("area6=\"610113\""));
    assert_true(matches("area6=\"610102\""));
    assert_false(matches("area6=\"610103\""));
    assert_false(matches("area6!=\"610113\""));
    assert_true(matches("area6!=\"610103\""));
    assert_true(matches("area6=~\"61010.\""));
    assert_false(matches("area6!~\"61010.\""));
}

static void what_cannot_be_meant_is_refused_with_what_is_allowed(void **state)
{
    (void)state;
    static const struct {
        const char *text, *expected;
    } cases[] = {
        {"", "is no label"},
        {"{}", "is no label"},
        {"severity=\"red\"", "`severity` is no label; there are rule,"},
        {"level", "after `level` one of = != =~ !~"},
        {"level==\"red\"", "after `level` one of"},
        {"level=", "a value in double quotes is expected"},
        {"level='red'", "a value in double quotes is expected at `'red'`"},
        {"level=\"red", "the double quote is not closed"},
        {"level=\"purple\"", "level is never \"purple\", allowed: red, orange"},
        {"certainty=\"likely\"", "allowed: Possible, Likely, Observed"},
        {"status=\"Draft\"", "allowed: Actual, Exercise, Test"},
        {"kind=\"fax\"", "allowed: sms, call"},
        {"area4=\"61\"", "area4 is never \"61\", allowed: 4 digits"},
        {"area2=\"陕西\"", "allowed: 2 digits"},
        {"certainty=~\"Likely|(\"", "is not one: missing closing parenthesis at character"},
        {"level=\"red\" site=\"a\"", "a comma is expected before `site"},
        {"{level=\"red\"", "the brace { is not closed"},
        {"level=\"red\"}", "a comma is expected before `}`"},
        {"level=\"red\",", "is no label"},
    };
    struct label_matchers ms = {0};
    struct reason why = {0};
    assert_int_equal(label_matchers_add(&ms, "level=\"red\"", &why), RELAY_OK);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        if (label_matchers_add(&ms, cases[i].text, &why) == RELAY_OK) fail_msg("was read: %s", cases[i].text);
        if (!strstr(why.text, cases[i].expected)) fail_msg("%s: %s", cases[i].text, why.text);
        assert_int_equal(ms.n, 1); /* nothing was added */
    }
    label_matchers_release(&ms);
}

static void a_pattern_that_meets_its_limit_does_not_match_in_either_sense(void **state)
{
    (void)state;
    struct labels labels = {.values = {[LABEL_SITE] = {.one = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!"}}};
    static const char *const texts[] = {"site=~\"(a+)+\"", "site!~\"(a+)+\""};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct label_matchers ms = {0};
        struct reason why = {0};
        assert_int_equal(label_matchers_add(&ms, texts[i], &why), RELAY_OK);
        assert_false(label_matchers_match(&ms, &labels));
        label_matchers_release(&ms);
    }
}

static void no_matchers_match_everything(void **state)
{
    (void)state;
    struct label_matchers none = {0};
    assert_true(label_matchers_match(&none, &alert));
    label_matchers_release(&none);
}

static void what_names_a_rule_or_a_place_is_narrow(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool narrow;
    } cases[] = {
        {"level=\"red\"", false}, {"rule=\"a\"", true},        {"level=\"red\",area4=\"6101\"", true},
        {"site!=\"s1\"", false},  {"category=~\".*\"", false}, {"site=~\"s.\"", true},
        {"feed=\"bank\"", false}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct label_matchers ms = {0};
        struct reason why = {0};
        assert_int_equal(label_matchers_add(&ms, cases[i].text, &why), RELAY_OK);
        assert_int_equal(label_matchers_narrow(&ms), cases[i].narrow);
        label_matchers_release(&ms);
    }
}

static void labels_have_names(void **state)
{
    (void)state;
    for (enum label l = 0; l < LABEL_COUNT; l++) {
        enum label again;
        assert_true(label_parse(label_name(l), &again));
        assert_int_equal(again, l);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equality_and_patterns_are_alertmanagers),
        cmocka_unit_test(one_of_several_values_is_enough_and_none_of_them_is_not_equal),
        cmocka_unit_test(what_cannot_be_meant_is_refused_with_what_is_allowed),
        cmocka_unit_test(a_pattern_that_meets_its_limit_does_not_match_in_either_sense),
        cmocka_unit_test(no_matchers_match_everything),
        cmocka_unit_test(what_names_a_rule_or_a_place_is_narrow),
        cmocka_unit_test(labels_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
