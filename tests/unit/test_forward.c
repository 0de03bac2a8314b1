/* What people get who forward by hand. */
#include "base/buf.h"
#include "chat_double.h"
#include "wecom_standin.h"

static struct chat c;
static struct wecom_standin *standin;

static void standin_turn(void *arg)
{
    wecom_standin_turn(arg);
}

static int64_t standin_due(void *arg)
{
    return wecom_standin_next_due(arg);
}

static enum relay_err target(const char *groups)
{
    char yaml[4096];
    (void)snprintf(yaml, sizeof(yaml), "url_file: %s\nallow_insecure: true\n%s", c.url_file, groups);
    return chat_target(&c, AUDIENCE_PUBLIC, yaml);
}

static int setup(void **state)
{
    (void)state;
    chat_start(&c, "forward");
    const struct wecom_standin_options o = {.keep = true};
    assert_int_equal(wecom_standin_new(c.loop, &o, &standin, &c.why), RELAY_OK);
    c.turn = standin_turn;
    c.due = standin_due;
    c.arg = standin;
    char url[200];
    (void)snprintf(url, sizeof(url), "http://127.0.0.1:%d/cgi-bin/webhook/send?key=duty\n",
                   wecom_standin_port(standin));
    chat_write_secret(c.url_file, "url", url);
    assert_int_equal(target("card: false\ngroups: [高新路社区群, 三桥老人群]"), RELAY_OK);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    standin = wecom_standin_free(standin);
    chat_stop(&c);
    return 0;
}

static const char *said(size_t i)
{
    const struct wecom_post *p = wecom_standin_post(standin, i);
    assert_non_null(p);
    return p->content;
}

static void the_list_of_groups_comes_first_and_the_text_alone_after_it(void **state)
{
    (void)state;
    struct message m = a_message();
    assert_int_equal(chat_send(&c, &m, 1).result, SEND_SENT);
    assert_int_equal(wecom_standin_count(standin), 2);
    assert_string_equal(said(0),
                        "【请转发】把下一条消息原样转发到这 2 个微信群：\n1. 高新路社区群\n2. 三桥老人群\n"
                        "全部转完，请告诉值班员，编号 A3F7Q。");
    assert_string_equal(said(1), m.chat);
}

static void the_picture_comes_last(void **state)
{
    (void)state;
    struct message m = a_message();
    assert_int_equal(target("groups: [高新路社区群]"), RELAY_OK);
    assert_int_equal(chat_send(&c, &m, 1).result, SEND_SENT);
    assert_int_equal(wecom_standin_count(standin), 3);
    assert_non_null(strstr(said(0), "把下一条消息（和后面的图片）原样转发"));
    assert_string_equal(said(1), m.chat);
    assert_string_equal(wecom_standin_post(standin, 2)->msgtype, "image");
    assert_int_equal(wecom_standin_post(standin, 2)->errcode, 0);
}

static void a_reminder_says_that_it_is_one(void **state)
{
    (void)state;
    struct message m = a_message();
    m.attempt = 2;
    m.said_before = true;
    assert_int_equal(chat_send(&c, &m, 1).result, SEND_SENT);
    assert_non_null(strstr(said(0), "再次提醒"));
    assert_string_equal(said(1), m.chat);
}

static void what_has_only_now_got_through_is_no_reminder(void **state)
{
    (void)state;
    struct message m = a_message();
    m.attempt = 5; /* the service was away: nobody has seen it */
    assert_int_equal(chat_send(&c, &m, 1).result, SEND_SENT);
    assert_null(strstr(said(0), "再次提醒"));
}

static void long_text_is_numbered_without_the_list(void **state)
{
    (void)state;
    struct message m = a_message();
    CLEANUP(free_ptr) char *text = xcalloc(1, 3001);
    memset(text, 'x', 3000);
    m.chat = text;
    assert_int_equal(chat_send(&c, &m, 1).result, SEND_SENT);
    assert_int_equal(wecom_standin_count(standin), 3);
    assert_memory_equal(said(1), "(1/2) ", 6);
    assert_memory_equal(said(2), "(2/2) ", 6);
}

static void nothing_is_sent_when_there_is_nothing_to_forward(void **state)
{
    (void)state;
    struct message m = a_message();
    m.chat = NULL;
    assert_int_equal(chat_send(&c, &m, 1).result, SEND_REJECTED);
    assert_int_equal(wecom_standin_count(standin), 0);
}

static void groups_that_do_not_fit_into_one_message_are_refused(void **state)
{
    (void)state;
    CLEANUP(buf_release) struct buf groups = BUF_INIT(4096);
    buf_str(&groups, "groups: [");
    for (int i = 0; i < 90; i++) buf_printf(&groups, "%s第%d居民小区群", i ? ", " : "", i);
    buf_char(&groups, ']');
    assert_int_equal(target(buf_cstr(&groups)), RELAY_INVALID);
    assert_non_null(strstr(c.why.text, "groups"));
    assert_int_equal(target("groups: []"), RELAY_INVALID);
    assert_int_equal(target(""), RELAY_INVALID);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_list_of_groups_comes_first_and_the_text_alone_after_it),
        TEST(the_picture_comes_last),
        TEST(a_reminder_says_that_it_is_one),
        TEST(what_has_only_now_got_through_is_no_reminder),
        TEST(long_text_is_numbered_without_the_list),
        TEST(nothing_is_sent_when_there_is_nothing_to_forward),
        TEST(groups_that_do_not_fit_into_one_message_are_refused),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return failed;
}
