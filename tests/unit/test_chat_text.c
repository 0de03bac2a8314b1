/* One warning, a digest, or parts. */
#include "adapters/chat_text.h"

#include "base/text.h"
#include "send_double.h"

static struct buf out = {.limit = 64 * 1024};

static const char *text_of(const struct message *m, size_t n, enum audience audience, size_t room)
{
    buf_clear(&out);
    chat_text(m, n, audience, room, &out);
    return buf_cstr(&out);
}

static void one_warning_goes_out_as_its_rule_wrote_it(void **state)
{
    (void)state;
    struct message m = a_message();
    assert_string_equal(text_of(&m, 1, AUDIENCE_PUBLIC, 2048), m.chat);
}

static void control_characters_are_gone(void **state)
{
    (void)state;
    struct message m = a_message();
    m.chat = "甲\x01\x1b[31m\r\n乙\t丙\x7f";
    assert_string_equal(text_of(&m, 1, AUDIENCE_PUBLIC, 2048), "甲[31m\n乙 丙");
}

static void what_may_be_a_repeat_says_so(void **state)
{
    (void)state;
    struct message m[2] = {a_message(), a_message()};
    m[1].may_be_repeat = true;
    assert_null(strstr(text_of(m, 1, AUDIENCE_PUBLIC, 2048), "可能重复"));
    assert_non_null(strstr(text_of(&m[1], 1, AUDIENCE_PUBLIC, 2048), "\n（可能重复，编号 A3F7Q）"));
    assert_non_null(strstr(text_of(m, 2, AUDIENCE_PUBLIC, 2048), "\n（可能重复，编号 A3F7Q）"));
}

static void no_text_or_no_utf8_gives_nothing(void **state)
{
    (void)state;
    struct message m = a_message();
    m.chat = NULL;
    assert_string_equal(text_of(&m, 1, AUDIENCE_PUBLIC, 2048), "");
    m.chat = "\xff\xfe";
    assert_string_equal(text_of(&m, 1, AUDIENCE_PUBLIC, 2048), "");
}

static void a_digest_lists_the_gravest_first(void **state)
{
    (void)state;
    struct message m[4] = {a_message(), a_message(), a_message(), a_message()};
    m[0].level = LEVEL_YELLOW, m[0].headline = "黄的";
    m[1].certainty = CERTAINTY_POSSIBLE, m[1].headline = "红的可能";
    m[2].headline = "红的很可能";
    m[3].headline = "红的更新", m[3].sent += 1000;
    const char *public = text_of(m, 4, AUDIENCE_PUBLIC, 2048);
    assert_string_equal(
        public,
        "【防骗提醒】雁塔公安：共 4 条，要紧的在前。\n1. 红的更新\n2. 红的很可能\n3. 红的可能\n4. 黄的\n"
        "拿不准，先打 96110。");
    const char *duty = text_of(m, 4, AUDIENCE_DUTY, 2048);
    assert_non_null(strstr(duty, "\n1. 〔红〕红的更新（编号 A3F7Q）\n"));
    assert_non_null(strstr(duty, "\n4. 〔黄〕黄的（编号 A3F7Q）\n"));
}

static void a_digest_marks_drills_and_corrections(void **state)
{
    (void)state;
    struct message m[3] = {a_message(), a_message(), a_message()};
    m[0].status = STATUS_EXERCISE;
    m[1].msg_type = MSG_CANCEL;
    m[2].headline = NULL; /* no screen: the text's first line */
    const char *text = text_of(m, 3, AUDIENCE_PUBLIC, 2048);
    assert_non_null(strstr(text, "【演练】短信说医保停用，是骗子"));
    assert_non_null(strstr(text, "更正，这一条已取消：短信说医保停用，是骗子"));
    assert_non_null(strstr(text, "3. 【防骗提醒】有人冒充医保局群发短信"));
}

static void a_digest_keeps_to_its_room_and_says_how_many_more(void **state)
{
    (void)state;
    enum { MANY = 130 };
    static struct message m[MANY];
    for (int i = 0; i < MANY; i++) m[i] = a_message();
    m[0].may_be_repeat = true;
    for (size_t room = 400; room < 4200; room += 371) {
        const char *text = text_of(m, MANY, AUDIENCE_DUTY, room);
        if (strlen(text) > room) fail_msg("%zu bytes in a room of %zu", strlen(text), room);
        int listed = 0, more = 0;
        for (const char *p = text; (p = strstr(p, "〔红〕")); p++) listed++;
        const char *tail = strstr(text, "另有 ");
        assert_non_null(tail);
        more = (int)strtol(tail + strlen("另有 "), NULL, 10);
        assert_int_equal(listed + more, MANY);
        assert_true(listed >= 1);
    }
}

/* Every byte that is not white space at a cut comes back, in order, in whole characters, within the room. */
static void check_split(const char *text, size_t room, size_t expected)
{
    struct chat_part parts[CHAT_PARTS_MAX];
    size_t n = chat_split(text, strlen(text), room, parts), at = 0;
    assert_int_equal(n, expected);
    for (size_t i = 0; i < n; i++) {
        while (at < parts[i].from) assert_non_null(memchr("\n ", text[at++], 2));
        assert_true(parts[i].len > 0);
        assert_true(parts[i].len + (n > 1 ? CHAT_MARK_LEN : 0) <= room);
        assert_true(text_valid_utf8(text + at, parts[i].len));
        at += parts[i].len;
    }
    if (!n) return;
    while (text[at]) assert_non_null(memchr("\n ", text[at++], 2));
}

static void long_text_is_cut_at_sentence_ends(void **state)
{
    (void)state;
    const char *text = "第一句话说完了。第二句话也说完了。\n第三句没有说完，还有";
    struct chat_part parts[CHAT_PARTS_MAX];
    check_split(text, 200, 1);
    check_split(text, 60, 2);
    assert_int_equal(chat_split(text, strlen(text), 60, parts), 2);
    assert_memory_equal(text + parts[0].from + parts[0].len - 3, "。", 3);
    assert_memory_equal(text + parts[1].from, "第三句", 9);
}

static void no_cut_is_inside_a_character(void **state)
{
    (void)state;
    char text[1200] = "";
    for (int i = 0; i < 120; i++)
        (void)snprintf(text + strlen(text), 12, i % 7 ? "骗" : "👨‍👩‍👧");
    for (size_t room = 60; room < 400; room++) {
        struct chat_part parts[CHAT_PARTS_MAX];
        check_split(text, room, chat_split(text, strlen(text), room, parts));
    }
}

static void text_for_more_than_nine_parts_is_refused(void **state)
{
    (void)state;
    char text[3001] = "";
    for (int i = 0; i < 1000; i++) memcpy(text + (ptrdiff_t)i * 3, "骗", 4);
    check_split(text, 3000, 1);
    check_split(text, 400, 8);
    check_split(text, 300, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_warning_goes_out_as_its_rule_wrote_it),
        cmocka_unit_test(control_characters_are_gone),
        cmocka_unit_test(what_may_be_a_repeat_says_so),
        cmocka_unit_test(no_text_or_no_utf8_gives_nothing),
        cmocka_unit_test(a_digest_lists_the_gravest_first),
        cmocka_unit_test(a_digest_marks_drills_and_corrections),
        cmocka_unit_test(a_digest_keeps_to_its_room_and_says_how_many_more),
        cmocka_unit_test(long_text_is_cut_at_sentence_ends),
        cmocka_unit_test(no_cut_is_inside_a_character),
        cmocka_unit_test(text_for_more_than_nine_parts_is_refused),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    buf_release(&out);
    return failed;
}
