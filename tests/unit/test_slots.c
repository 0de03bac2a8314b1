/* slots.c: what a rule's text may hold. */
#include "base/slots.h"

#include "unit.h"

static void every_slot_is_known_by_name(void **state)
{
    (void)state;
    static const char *const names[] = {"site", "help", "area", "count", "issuer", "time", "valid", "id"};
    assert_int_equal(COUNT(names), SLOT_NAMES);
    for (int s = 0; s < SLOT_NAMES; s++) {
        char text[32];
        (void)snprintf(text, sizeof(text), "{{%s}}", names[s]);
        const char *at = text;
        struct slot_part part;
        struct reason why;
        assert_true(slot_next(&at, &part, &why));
        assert_true(part.has_slot);
        assert_int_equal(part.slot, s);
        assert_string_equal(slot_name(part.slot), names[s]);
        assert_string_equal(at, "");
    }
}

static void a_text_comes_in_parts(void **state)
{
    (void)state;
    const char *text = "请到{{ help }}问。{单}括号";
    struct slot_part part;
    struct reason why;
    assert_true(slot_next(&text, &part, &why));
    assert_int_equal(part.plain_len, strlen("请到"));
    assert_int_equal(part.slot, SLOT_HELP);
    assert_true(slot_next(&text, &part, &why));
    assert_false(part.has_slot);
    assert_int_equal(part.plain_len, strlen("问。{单}括号"));
    assert_false(slot_next(&text, &part, &why));
    assert_string_equal(why.text, "");
}

static void wrong_slots_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *text, *says;
    } bad[] = {{"{{nmae}}", "{{nmae}}"}, {"{{}}", "{{}}"},         {"a {{site", "{{"},
               {"a site}} b", "}}"},     {"{{Site}}", "{{Site}}"}, {"{{{site}}}", "{{{site}}"},
               {"{{site}}}}", "}}"},     {"{{地点}}", "{{地点}}"}};
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct reason why = {{0}};
        if (slots_check(bad[i].text, SLOTS_WRITTEN, &why) != RELAY_INVALID)
            fail_msg("accepted: %s", bad[i].text);
        if (!strstr(why.text, bad[i].says)) fail_msg("%s: %s", bad[i].text, why.text);
    }
    assert_int_equal(slots_check("{{nmae}}", SLOTS_WRITTEN, NULL), RELAY_INVALID);
}

static void speech_has_no_slot_that_changes(void **state)
{
    (void)state;
    struct reason why;
    assert_int_equal(slots_check("{{site}}提醒您：不懂就到{{help}}问。", SLOTS_SPOKEN, &why), RELAY_OK);
    assert_int_equal(slots_check("{{area}}有骗子。", SLOTS_SPOKEN, &why), RELAY_INVALID);
    assert_non_null(strstr(why.text, "area"));
    assert_int_equal(slots_check("{{area}}有骗子。", SLOTS_WRITTEN, &why), RELAY_OK);
    assert_int_equal(slots_check("没有空位", 0, &why), RELAY_OK);
    assert_int_equal(slots_check("", 0, &why), RELAY_OK);
}

static void a_count_stands_in_no_sentence_with_a_site(void **state)
{
    (void)state;
    struct reason why;
    assert_int_equal(slots_check("{{site}}发生{{count}}。", SLOTS_WRITTEN, &why), RELAY_INVALID);
    assert_int_equal(slots_check("{{count}}，都在{{site}}", SLOTS_WRITTEN, &why), RELAY_INVALID);
    assert_int_equal(slots_check("{{area}}发生{{count}}。{{site}}提醒您。", SLOTS_WRITTEN, &why), RELAY_OK);
    assert_int_equal(slots_check("{{site}}\n{{count}}", SLOTS_WRITTEN, &why), RELAY_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_slot_is_known_by_name),
        cmocka_unit_test(a_text_comes_in_parts),
        cmocka_unit_test(wrong_slots_are_named),
        cmocka_unit_test(speech_has_no_slot_that_changes),
        cmocka_unit_test(a_count_stands_in_no_sentence_with_a_site),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
