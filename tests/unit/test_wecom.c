/* The WeCom adapter against the stand-in: what it sends, and what each answer means. */
#include "base/json.h"
#include "base/text.h"
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

/* A target of the stand-in with these options besides the address. */
static void target(enum audience audience, const char *more)
{
    char yaml[512];
    (void)snprintf(yaml, sizeof(yaml), "url_file: %s\nallow_insecure: true\n%s", c.url_file, more);
    if (chat_target(&c, audience, yaml) != RELAY_OK) fail_msg("%s", c.why.text);
}

static void address(const char *key)
{
    char url[200];
    (void)snprintf(url, sizeof(url), "http://127.0.0.1:%d/cgi-bin/webhook/send?key=%s\n",
                   wecom_standin_port(standin), key);
    chat_write_secret(c.url_file, "url", url);
    target(AUDIENCE_PUBLIC, "");
}

static int setup(void **state)
{
    (void)state;
    chat_start(&c, "wecom");
    const struct wecom_standin_options o = {.keep = true, .keys = "redgoose,ward3"};
    assert_int_equal(wecom_standin_new(c.loop, &o, &standin, &c.why), RELAY_OK);
    c.turn = standin_turn;
    c.due = standin_due;
    c.arg = standin;
    address("redgoose");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    standin = wecom_standin_free(standin);
    chat_stop(&c);
    return 0;
}

static const struct wecom_post *last(void)
{
    const struct wecom_post *p = wecom_standin_post(standin, wecom_standin_count(standin) - 1);
    assert_non_null(p);
    return p;
}

static struct send_outcome send_one(void)
{
    struct message m = a_message();
    struct send_outcome out = chat_send(&c, &m, 1);
    assert_null(strstr(out.reason, "redgoose")); /* the key */
    assert_null(strstr(out.reason, "医保"));     /* the text */
    return out;
}

static void a_warning_arrives_as_text(void **state)
{
    (void)state;
    assert_int_equal(send_one().result, SEND_SENT);
    assert_int_equal(wecom_standin_count(standin), 1);
    assert_string_equal(last()->key, "redgoose");
    assert_string_equal(last()->msgtype, "text");
    assert_string_equal(last()->content, a_message().chat);
    assert_string_equal(last()->mentions, "");
}

static void people_are_mentioned_in_text_and_markdown(void **state)
{
    (void)state;
    target(AUDIENCE_DUTY, "mention: ['@all', zhang]");
    assert_int_equal(send_one().result, SEND_SENT);
    assert_string_equal(last()->mentions, "[\"@all\",\"zhang\"]");
    target(AUDIENCE_DUTY, "mention: [zhang]\nformat: markdown");
    assert_int_equal(send_one().result, SEND_SENT);
    assert_string_equal(last()->msgtype, "markdown");
    assert_non_null(strstr(last()->content, "<@zhang>"));
    assert_memory_equal(last()->content, "<font color=\"warning\">【防骗提醒】", 22 + 18);
}

static void a_cancel_is_green_in_markdown(void **state)
{
    (void)state;
    struct message m = a_message();
    m.msg_type = MSG_CANCEL;
    target(AUDIENCE_DUTY, "format: markdown");
    assert_int_equal(chat_send(&c, &m, 1).result, SEND_SENT);
    assert_memory_equal(last()->content, "<font color=\"info\">", 19);
}

static void several_deliveries_are_one_message(void **state)
{
    (void)state;
    struct message m[3] = {a_message(), a_message(), a_message()};
    assert_int_equal(chat_send(&c, m, 3).result, SEND_SENT);
    assert_int_equal(wecom_standin_count(standin), 1);
    assert_non_null(strstr(last()->content, "共 3 条"));
}

/* A text of n bytes in sentences of 30. */
static char *long_text(size_t n)
{
    char *s = xcalloc(1, n + 1);
    for (size_t i = 0; i + 30 <= n; i += 30) (void)snprintf(s + i, n + 1 - i, "不点链接，不填密码。");
    return s;
}

static void long_text_arrives_in_numbered_parts(void **state)
{
    (void)state;
    static const char *const formats[] = {"", "format: markdown\nmention: [zhang]"};
    static const size_t limits[] = {2048, 4096};
    for (size_t f = 0; f < COUNT(formats); f++) {
        struct message m = a_message();
        CLEANUP(free_ptr) char *text = long_text(limits[f] * 2 + 900);
        m.chat = text;
        target(AUDIENCE_DUTY, formats[f]);
        size_t before = wecom_standin_count(standin);
        struct send_outcome out = chat_send(&c, &m, 1);
        if (out.result != SEND_SENT) fail_msg("%s", out.reason);
        assert_int_equal(wecom_standin_count(standin), before + 3);
        for (size_t i = 0; i < 3; i++) {
            const struct wecom_post *p = wecom_standin_post(standin, before + i);
            char mark[16];
            (void)snprintf(mark, sizeof(mark), "(%zu/3) ", i + 1);
            assert_non_null(strstr(p->content, mark));
            assert_true(strlen(p->content) <= limits[f]);
            assert_true(strlen(p->content) > limits[f] / 2 || i == 2);
            assert_true(text_valid_utf8(p->content, strlen(p->content)));
        }
    }
}

static void text_exactly_at_the_limit_is_one_message(void **state)
{
    (void)state;
    struct message m = a_message();
    CLEANUP(free_ptr) char *text = xcalloc(1, 2049);
    memset(text, 'x', 2048);
    m.chat = text;
    assert_int_equal(chat_send(&c, &m, 1).result, SEND_SENT);
    assert_int_equal(wecom_standin_count(standin), 1);
}

static void each_answer_has_its_meaning(void **state)
{
    (void)state;
    static const struct {
        const char *script;
        int attempt;
        enum send_result result;
        enum target_effect effect;
        int64_t retry_after_ms;
        const char *reason;
    } cases[] = {
        {"0", 1, SEND_SENT, TARGET_GOES_ON, 0, ""},
        {"-1", 1, SEND_RETRY, TARGET_GOES_ON, 0, "errcode -1"},
        {"-1", 3, SEND_RETRY, TARGET_GOES_ON, 0, "errcode -1"},
        {"-1", 99, SEND_RETRY, TARGET_GOES_ON, 0,
         "errcode -1"}, /* the attempts of an outage before it count too */
        {"45002", 1, SEND_REJECTED, TARGET_GOES_ON, 0, "errcode 45002"},
        {"45009", 1, SEND_RETRY, TARGET_PAUSE, 65000, "errcode 45009"},
        {"45009", 99, SEND_RETRY, TARGET_PAUSE, 65000, "errcode 45009"},
        {"93000", 1, SEND_RETRY, TARGET_DISABLE, 0, "errcode 93000"},
        {"93004", 1, SEND_RETRY, TARGET_DISABLE, 0, "errcode 93004"},
        {"93008", 1, SEND_RETRY, TARGET_DISABLE, 0, "errcode 93008"},
        {"40008", 1, SEND_REJECTED, TARGET_GOES_ON, 0, "errcode 40008"},
        {"40033", 1, SEND_REJECTED, TARGET_GOES_ON, 0, "errcode 40033"},
        {"44004", 1, SEND_REJECTED, TARGET_GOES_ON, 0, "errcode 44004"},
        {"40007", 1, SEND_REJECTED, TARGET_GOES_ON, 0, "errcode 40007"},
        {"12345", 1, SEND_RETRY, TARGET_GOES_ON, 0, "errcode 12345"},
        {"page", 1, SEND_RETRY, TARGET_GOES_ON, 0, "HTTP 200 with a web page"},
        {"garbage", 1, SEND_UNKNOWN, TARGET_GOES_ON, 0, "without errcode"},
        {"nocode", 1, SEND_UNKNOWN, TARGET_GOES_ON, 0, "without errcode"},
        {"http204", 1, SEND_UNKNOWN, TARGET_GOES_ON, 0, "without errcode"},
        {"http302", 1, SEND_RETRY, TARGET_GOES_ON, 0, "HTTP 302"},
        {"http400", 1, SEND_REJECTED, TARGET_GOES_ON, 0, "HTTP 400"},
        {"http404", 1, SEND_RETRY, TARGET_DISABLE, 0, "HTTP 404"},
        {"http429", 1, SEND_RETRY, TARGET_PAUSE, 65000, "HTTP 429"},
        {"http429:7", 1, SEND_RETRY, TARGET_PAUSE, 7000, "HTTP 429"},
        {"http500", 1, SEND_RETRY, TARGET_GOES_ON, 0, "HTTP 500"},
        {"http502", 1, SEND_RETRY, TARGET_GOES_ON, 0, "HTTP 502"},
        {"http503", 1, SEND_RETRY, TARGET_GOES_ON, 0, "HTTP 503"},
        {"http503:30", 1, SEND_RETRY, TARGET_PAUSE, 30000, "HTTP 503"},
        {"http504", 1, SEND_UNKNOWN, TARGET_GOES_ON, 0, "HTTP 504"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct message m = a_message();
        m.attempt = cases[i].attempt;
        wecom_standin_script(standin, cases[i].script);
        struct send_outcome out = chat_send(&c, &m, 1);
        if (out.result != cases[i].result || out.effect != cases[i].effect ||
            out.retry_after_ms != cases[i].retry_after_ms || !strstr(out.reason, cases[i].reason))
            fail_msg("%s: result %d, effect %d, after %lld, \"%s\"", cases[i].script, (int)out.result,
                     (int)out.effect, (long long)out.retry_after_ms, out.reason);
    }
}

static void a_part_that_is_too_long_is_cut_once_more(void **state)
{
    (void)state;
    struct message m = a_message();
    CLEANUP(free_ptr) char *text = long_text(1500);
    m.chat = text;
    wecom_standin_script(standin, "40058");
    assert_int_equal(chat_send(&c, &m, 1).result, SEND_SENT);
    assert_int_equal(wecom_standin_count(standin), 3); /* the whole, then two halves */
    assert_memory_equal(wecom_standin_post(standin, 1)->content, "(1/2) ", 6);
    assert_memory_equal(wecom_standin_post(standin, 2)->content, "(2/2) ", 6);
    wecom_standin_script(standin, "40058,40058");
    assert_int_equal(chat_send(&c, &m, 1).result, SEND_REJECTED);
    m.chat = "短";
    wecom_standin_script(standin, "40058");
    assert_int_equal(chat_send(&c, &m, 1).result, SEND_REJECTED);
}

static void a_failure_after_the_first_part_is_unknown(void **state)
{
    (void)state;
    struct message m = a_message();
    CLEANUP(free_ptr) char *text = long_text(3000);
    m.chat = text;
    wecom_standin_script(standin, "0,45009");
    struct send_outcome out = chat_send(&c, &m, 1);
    assert_int_equal(out.result, SEND_UNKNOWN);
    assert_int_equal(out.effect, TARGET_PAUSE);
    assert_non_null(strstr(out.reason, "45009"));
}

static void the_standin_keeps_the_services_own_rules(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++) assert_int_equal(send_one().result, SEND_SENT);
    assert_non_null(strstr(send_one().reason, "45009"));
    address("stranger");
    assert_non_null(strstr(send_one().reason, "93000"));
    assert_int_equal(last()->errcode, 93000);
}

static void the_picture_follows_the_text(void **state)
{
    (void)state;
    target(AUDIENCE_PUBLIC, "card: image\n");
    struct message m = a_message();
    struct send_outcome out = chat_send(&c, &m, 1);
    assert_int_equal(out.result, SEND_SENT);
    assert_string_equal(out.reason, "");
    assert_int_equal(wecom_standin_count(standin), 2);
    assert_string_equal(wecom_standin_post(standin, 0)->msgtype, "text");
    assert_string_equal(wecom_standin_post(standin, 0)->content,
                        m.chat);                   /* no number: the picture is no part of it */
    assert_string_equal(last()->msgtype, "image"); /* the stand-in has checked its MD5 */
    assert_int_equal(last()->errcode, 0);
}

static void what_is_not_one_warning_has_no_picture(void **state)
{
    (void)state;
    target(AUDIENCE_PUBLIC, "card: image\n");
    struct message two[2] = {a_message(), a_message()};
    assert_int_equal(chat_send(&c, two, 2).result, SEND_SENT);
    two[0].headline = NULL;
    assert_int_equal(chat_send(&c, two, 1).result, SEND_SENT);
    assert_int_equal(wecom_standin_count(standin), 2);
    two[0].msg_type = MSG_CANCEL; /* a correction has one of its own */
    assert_int_equal(chat_send(&c, two, 1).result, SEND_SENT);
    assert_string_equal(last()->msgtype, "image");
}

static void a_picture_that_fails_does_not_undo_the_text(void **state)
{
    (void)state;
    static const char *const scripts[] = {"0,40009", "0,45009", "0,http500", "0,garbage"};
    target(AUDIENCE_PUBLIC, "card: image\n");
    for (size_t i = 0; i < COUNT(scripts); i++) {
        wecom_standin_script(standin, scripts[i]);
        struct message m = a_message();
        struct send_outcome out = chat_send(&c, &m, 1);
        assert_int_equal(out.result, SEND_SENT);
        assert_non_null(strstr(out.reason, "sent without its card: "));
    }
    struct message m = a_message(); /* and one that cannot be drawn */
    m.headline = "\xf3\xb0\x80\x80";
    struct send_outcome out = chat_send(&c, &m, 1);
    assert_int_equal(out.result, SEND_SENT);
    assert_non_null(strstr(out.reason, "fonts-noto-cjk"));
}

static void a_text_that_fails_has_no_picture(void **state)
{
    (void)state;
    target(AUDIENCE_PUBLIC, "card: image\n");
    wecom_standin_script(standin, "93000");
    struct message m = a_message();
    struct send_outcome out = chat_send(&c, &m, 1);
    assert_int_equal(out.effect, TARGET_DISABLE);
    assert_int_equal(wecom_standin_count(standin), 1);
}

static void a_template_card_is_for_duty_groups_and_shows_the_picture(void **state)
{
    (void)state;
    chat_open(&c, "https://warnings.example");
    target(AUDIENCE_DUTY, "card: template\n");
    struct message m = a_message();
    assert_int_equal(chat_send(&c, &m, 1).result, SEND_SENT);
    assert_string_equal(last()->msgtype, "template_card");
    assert_int_equal(last()->errcode, 0);
    CLEANUP(json_free_ptr) cJSON *j = cJSON_Parse(last()->content);
    const char *url = json_str_or(cJSON_GetObjectItem(j, "card_image"), "url", "");
    assert_int_equal(strncmp(url, "https://warnings.example/cards/", 31), 0);
    assert_int_equal(strlen(url), 31 + CARD_KEY_LEN - 1 + 4);
    assert_string_equal(json_str_or(cJSON_GetObjectItem(j, "main_title"), "title", ""), m.headline);
    assert_non_null(strstr(last()->content, "请马上留意")); /* the level in words, not by colour alone */

    chat_open(&c, NULL); /* no address: the picture itself */
    assert_int_equal(chat_send(&c, &m, 1).result, SEND_SENT);
    assert_string_equal(last()->msgtype, "image");

    char yaml[300];
    (void)snprintf(yaml, sizeof(yaml), "url_file: %s\nallow_insecure: true\ncard: template\n", c.url_file);
    assert_int_equal(chat_target(&c, AUDIENCE_PUBLIC, yaml), RELAY_INVALID);
    assert_non_null(strstr(c.why.text, "link"));
}

static void people_are_mentioned_by_number(void **state)
{
    (void)state;
    target(AUDIENCE_PUBLIC, "mention_phones: ['13800001111', '@all']\n");
    struct message m = a_message();
    assert_int_equal(chat_send(&c, &m, 1).result, SEND_SENT);
    assert_string_equal(last()->mentions, "[\"13800001111\",\"@all\"]");
    char yaml[300];
    static const char *const wrong[] = {"mention_phones: ['138 0000']", "mention_phones: [anna]",
                                        "mention_phones: ['13800001111']\nformat: markdown"};
    for (size_t i = 0; i < COUNT(wrong); i++) {
        (void)snprintf(yaml, sizeof(yaml), "url_file: %s\nallow_insecure: true\n%s\n", c.url_file, wrong[i]);
        assert_int_equal(chat_target(&c, AUDIENCE_PUBLIC, yaml), RELAY_INVALID);
    }
}

static void raw_answered(void *arg, const struct http_answer *a)
{
    CLEANUP(json_free_ptr) cJSON *j = a->end == HTTP_ANSWERED ? cJSON_Parse(a->body) : NULL;
    int64_t code = -3;
    (void)!json_int(j, "errcode", &code); /* -3 is none that a test expects */
    *(int64_t *)arg = code;
}

static int64_t post_raw(const char *body)
{
    char url[200];
    int64_t code = -4, end = clock_now().mono + 5000;
    (void)snprintf(url, sizeof(url), "http://127.0.0.1:%d/cgi-bin/webhook/send?key=redgoose",
                   wecom_standin_port(standin));
    const struct http_request q = {
        .method = "POST", .url = url, .body = body, .body_len = strlen(body), .allow_insecure = true};
    assert_int_equal(http_client_send(c.http, &q, raw_answered, &code, &c.why), RELAY_OK);
    while (code == -4 && clock_now().mono < end) {
        http_client_start(c.http);
        loop_wait(c.loop, clock_now().mono + 20);
        standin_turn(standin);
        http_client_collect(c.http);
    }
    return code;
}

static void the_standin_looks_at_pictures(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        int errcode;
    } cases[] = {
        {"{\"msgtype\":\"image\",\"image\":{\"base64\":\"iVBORw0KGgoAAA==\",\"md5\":\"00\"}}", 301019},
        {"{\"msgtype\":\"image\",\"image\":{\"base64\":\"\",\"md5\":\"\"}}", 44004},
        {"{\"msgtype\":\"template_card\",\"template_card\":{\"card_type\":\"news_notice\"}}", 44004},
    };
    for (size_t i = 0; i < COUNT(cases); i++) assert_int_equal(post_raw(cases[i].body), cases[i].errcode);
}

static void nothing_is_sent_without_a_text(void **state)
{
    (void)state;
    struct message m = a_message();
    m.chat = NULL;
    assert_int_equal(chat_send(&c, &m, 1).result, SEND_REJECTED);
    assert_int_equal(wecom_standin_count(standin), 0);
}

static void a_dead_service_is_a_retry(void **state)
{
    (void)state;
    standin = wecom_standin_free(standin);
    c.turn = NULL;
    c.due = NULL;
    struct send_outcome out = send_one();
    assert_int_equal(out.result, SEND_RETRY);
    assert_int_equal(out.effect, TARGET_GOES_ON);
}

static void an_operation_cut_by_the_end_is_left_to_the_core(void **state)
{
    (void)state;
    struct message m = a_message();
    struct send op = {0};
    c.ops->send(c.ctx, &c.target, &m, 1, NULL, &op);
    http_client_start(c.http);
    c.http = http_client_free(c.http);
    assert_int_equal(op.done, 0);
}

static void bad_options_are_refused_with_a_reason(void **state)
{
    (void)state;
    char open_file[64], http_file[64];
    chat_write_secret(open_file, "open", "https://example.com/?key=SECRET\n");
    assert_int_equal(chmod(open_file, 0644), 0);
    chat_write_secret(http_file, "http", "http://example.com/?key=SECRET\n");
    const struct {
        const char *yaml, *why;
    } cases[] = {
        {"format: text", "url_file"},
        {"url: 'https://example.com/?key=SECRET'", "allow_insecure"},
        {"url: 'https://example.com/'\nallow_insecure: true\nurl_file: /x", "not both"},
        {"url: 'ftp://example.com/'\nallow_insecure: true", "https://"},
        {"url_file: /nonexistent/file", "/nonexistent/file"},
        {open_file, ""},
        {http_file, "http://"},
        {"url: 'https://e/'\nallow_insecure: true\nformat: html", "html"},
        {"url: 'https://e/'\nallow_insecure: true\nformat: markdown\nmention: ['@all']", "@all"},
        {"url: 'https://e/'\nallow_insecure: true\nmention: ['a<b']", "mention"},
        {"url: 'https://e/'\nallow_insecure: true\nmentions: [a]", "mention"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char yaml[256];
        (void)snprintf(yaml, sizeof(yaml), cases[i].yaml[0] == '/' ? "url_file: %s" : "%s", cases[i].yaml);
        if (chat_target(&c, AUDIENCE_PUBLIC, yaml) == RELAY_OK) fail_msg("%s was taken", yaml);
        if (!strstr(c.why.text, cases[i].why)) fail_msg("%s: %s", yaml, c.why.text);
        if (strstr(c.why.text, "SECRET")) fail_msg("%s: the key is in the reason: %s", yaml, c.why.text);
    }
    unlink(open_file);
    unlink(http_file);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_warning_arrives_as_text),
        TEST(people_are_mentioned_in_text_and_markdown),
        TEST(a_cancel_is_green_in_markdown),
        TEST(several_deliveries_are_one_message),
        TEST(long_text_arrives_in_numbered_parts),
        TEST(text_exactly_at_the_limit_is_one_message),
        TEST(each_answer_has_its_meaning),
        TEST(a_part_that_is_too_long_is_cut_once_more),
        TEST(a_failure_after_the_first_part_is_unknown),
        TEST(the_standin_keeps_the_services_own_rules),
        TEST(the_picture_follows_the_text),
        TEST(what_is_not_one_warning_has_no_picture),
        TEST(a_picture_that_fails_does_not_undo_the_text),
        TEST(a_text_that_fails_has_no_picture),
        TEST(a_template_card_is_for_duty_groups_and_shows_the_picture),
        TEST(people_are_mentioned_by_number),
        TEST(the_standin_looks_at_pictures),
        TEST(nothing_is_sent_without_a_text),
        TEST(a_dead_service_is_a_retry),
        TEST(an_operation_cut_by_the_end_is_left_to_the_core),
        TEST(bad_options_are_refused_with_a_reason),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return failed;
}
