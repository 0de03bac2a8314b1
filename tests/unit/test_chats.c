/* DingTalk, Feishu, ntfy and Standard Webhooks: what arrives, how it is signed, and what each answer means. */
#include <openssl/evp.h>

#include "adapters/chat/webhook.h"
#include "base/hash.h"
#include "chat_double.h"
#include "http_peer.h"

static struct chat c;
static struct http_peer peer;
static const char *public_address;
static int64_t wall; /* what the adapters take for now; 0: the real one */

static struct now fixed_now(void *core)
{
    struct now n = double_now(core);
    if (wall) n.wall = wall;
    return n;
}

/* The address ends in what the service's own addresses end in. */
static void start(const char *adapter, const char *address)
{
    char url[200];
    chat_start(&c, adapter);
    const struct adapter_env env = {.http = c.http,
                                    .now = fixed_now,
                                    .cards = c.cards,
                                    .core = (void *)(uintptr_t)public_address,
                                    .public_address = chat_public_address};
    assert_int_equal(c.ops->open(c.ctx, &env, &c.why), RELAY_OK);
    http_peer_start(&peer, c.loop);
    c.turn = http_peer_turn;
    c.due = http_peer_due;
    c.arg = &peer;
    (void)snprintf(url, sizeof(url), "http://127.0.0.1:%d%s\n", http_server_port(peer.server), address);
    chat_write_secret(c.url_file, "url", url);
    wall = 0;
}

static int stop(void **state)
{
    (void)state;
    http_peer_stop(&peer);
    chat_stop(&c);
    return 0;
}

static void target(enum audience audience, const char *secret, const char *more)
{
    char yaml[512], secret_line[100] = "";
    if (secret) {
        chat_write_secret(c.secret_file, "secret", secret);
        (void)snprintf(secret_line, sizeof(secret_line), "secret_file: %s\n", c.secret_file);
    }
    (void)snprintf(yaml, sizeof(yaml), "url_file: %s\nallow_insecure: true\n%s%s", c.url_file, secret_line,
                   more);
    if (chat_target(&c, audience, yaml) != RELAY_OK) fail_msg("%s", c.why.text);
}

static struct send_outcome send_one(void)
{
    struct message m = a_message();
    return chat_send(&c, &m, 1);
}

struct meaning {
    int64_t code;
    enum send_result result;
    enum target_effect effect;
};

static void each_code_means(const char *member, const struct meaning *cases, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char body[100];
        (void)snprintf(body, sizeof(body), "{\"%s\":%lld}", member, (long long)cases[i].code);
        peer.body = body;
        struct message m = a_message();
        m.chat = "短"; /* too short to be cut again */
        struct send_outcome out = chat_send(&c, &m, 1);
        if (out.result != cases[i].result || out.effect != cases[i].effect)
            fail_msg("%lld: result %d, effect %d, \"%s\"", (long long)cases[i].code, (int)out.result,
                     (int)out.effect, out.reason);
    }
    peer.body = "ok";
    assert_int_equal(send_one().result, SEND_UNKNOWN); /* HTTP 200 alone is nothing */
    peer.body = "{}";
    assert_int_equal(send_one().result, SEND_UNKNOWN);
}

/* ---- DingTalk -------------------------------------------------------------------------------------------------------- */

static int start_dingtalk(void **state)
{
    (void)state;
    start("dingtalk", "/robot/send?access_token=TOKEN");
    peer.body = "{\"errcode\":0,\"errmsg\":\"ok\"}";
    return 0;
}

static void dingtalk_is_signed_in_the_address(void **state)
{
    (void)state;
    peer.wanted[0] = "timestamp";
    peer.wanted[1] = "sign";
    peer.wanted[2] = "access_token";
    wall = 1700000000000;
    target(AUDIENCE_DUTY, "SECtest", "");
    assert_int_equal(send_one().result, SEND_SENT);
    assert_string_equal(peer.seen[0], "1700000000000");
    assert_string_equal(peer.seen[1], "aZLLrriXgn05YbwaGR7knYsLeJADjr9NwLaNNKpxh4g="); /* decoded once */
    assert_string_equal(peer.seen[2], "TOKEN");
}

static void dingtalk_takes_text_and_markdown(void **state)
{
    (void)state;
    target(AUDIENCE_DUTY, NULL, "mention: [zhang, '@all']");
    assert_int_equal(send_one().result, SEND_SENT);
    cJSON *j = http_peer_json(&peer);
    assert_string_equal(http_peer_string(j, "msgtype"), "text");
    assert_string_equal(http_peer_string(j, "text.content"), a_message().chat);
    assert_string_equal(http_peer_string(j, "at.atUserIds.0"), "zhang");
    assert_true(cJSON_IsTrue(cJSON_GetObjectItem(cJSON_GetObjectItem(j, "at"), "isAtAll")));
    cJSON_Delete(j);
    target(AUDIENCE_DUTY, NULL, "format: markdown\nkeyword: 反诈");
    assert_int_equal(send_one().result, SEND_SENT);
    j = http_peer_json(&peer);
    assert_string_equal(http_peer_string(j, "msgtype"), "markdown");
    assert_string_equal(http_peer_string(j, "markdown.title"), a_message().headline);
    assert_non_null(strstr(http_peer_string(j, "markdown.text"), "这是诈骗。\n\n不点链接"));
    assert_non_null(strstr(http_peer_string(j, "markdown.text"), "（反诈）"));
    cJSON_Delete(j);
    target(AUDIENCE_DUTY, NULL, "format: markdown\nmention: [zhang, '@all']");
    assert_int_equal(send_one().result, SEND_SENT);
    j = http_peer_json(&peer);
    assert_non_null(strstr(http_peer_string(j, "markdown.text"), " @zhang @所有人"));
    cJSON_Delete(j);
}

static int start_dingtalk_public(void **state)
{
    public_address = "https://warnings.example";
    int failed = start_dingtalk(state);
    public_address = NULL;
    return failed;
}

static void dingtalk_action_cards_show_the_picture_to_duty_groups(void **state)
{
    (void)state;
    target(AUDIENCE_DUTY, NULL, "format: action_card");
    assert_int_equal(send_one().result, SEND_SENT);
    cJSON *j = http_peer_json(&peer);
    assert_string_equal(http_peer_string(j, "msgtype"), "actionCard");
    assert_string_equal(http_peer_string(j, "actionCard.title"), a_message().headline);
    const char *url = http_peer_string(j, "actionCard.singleURL");
    assert_int_equal(strncmp(url, "https://warnings.example/cards/", 31), 0);
    assert_non_null(
        strstr(http_peer_string(j, "actionCard.text"), "![请马上留意](https://warnings.example/cards/"));
    assert_non_null(strstr(http_peer_string(j, "actionCard.text"), "这是诈骗。"));
    cJSON_Delete(j);
    struct message two[2] = {a_message(), a_message()}; /* a digest has no card, and stays markdown */
    assert_int_equal(chat_send(&c, two, 2).result, SEND_SENT);
    j = http_peer_json(&peer);
    assert_string_equal(http_peer_string(j, "msgtype"), "markdown");
    cJSON_Delete(j);
    char yaml[300];
    (void)snprintf(yaml, sizeof(yaml), "url_file: %s\nallow_insecure: true\nformat: action_card\n",
                   c.url_file);
    assert_int_equal(chat_target(&c, AUDIENCE_VOLUNTEER, yaml), RELAY_INVALID);
}

static void dingtalk_action_cards_need_an_address(void **state)
{
    (void)state;
    target(AUDIENCE_DUTY, NULL, "format: action_card");
    assert_int_equal(send_one().result, SEND_SENT);
    cJSON *j = http_peer_json(&peer);
    assert_string_equal(http_peer_string(j, "msgtype"), "markdown");
    assert_null(strstr(http_peer_string(j, "markdown.text"), "http"));
    cJSON_Delete(j);
}

static void dingtalk_codes_have_their_meaning(void **state)
{
    (void)state;
    static const struct meaning cases[] = {
        {0, SEND_SENT, TARGET_GOES_ON},          {-1, SEND_RETRY, TARGET_GOES_ON},
        {130101, SEND_RETRY, TARGET_PAUSE},      {310000, SEND_RETRY, TARGET_DISABLE},
        {300005, SEND_RETRY, TARGET_DISABLE},    {460101, SEND_REJECTED, TARGET_GOES_ON},
        {101002, SEND_REJECTED, TARGET_GOES_ON}, {40035, SEND_REJECTED, TARGET_GOES_ON},
        {99999, SEND_RETRY, TARGET_GOES_ON},     {410100, SEND_RETRY, TARGET_PAUSE},
        {660026, SEND_RETRY, TARGET_PAUSE},      {300001, SEND_RETRY, TARGET_DISABLE},
        {400101, SEND_RETRY, TARGET_DISABLE},    {400102, SEND_RETRY, TARGET_DISABLE},
        {400106, SEND_RETRY, TARGET_DISABLE},    {400013, SEND_RETRY, TARGET_DISABLE},
        {430101, SEND_REJECTED, TARGET_GOES_ON}, {430102, SEND_REJECTED, TARGET_GOES_ON},
        {430103, SEND_REJECTED, TARGET_GOES_ON}, {430104, SEND_REJECTED, TARGET_GOES_ON},
    };
    target(AUDIENCE_DUTY, NULL, "");
    each_code_means("errcode", cases, COUNT(cases));
    peer.body = "{\"errcode\":130101}";
    assert_int_equal(send_one().retry_after_ms, 600000);
    peer.body = "{\"errcode\":410100}";
    assert_int_equal(send_one().retry_after_ms, 600000);
}

/* ---- Feishu ------------------------------------------------------------------------------------------------------------ */

static int start_feishu(void **state)
{
    (void)state;
    start("feishu", "/open-apis/bot/v2/hook/ID");
    peer.body = "{\"code\":0,\"msg\":\"success\"}";
    return 0;
}

static void feishu_is_signed_in_the_body(void **state)
{
    (void)state;
    wall = 1700000000000;
    target(AUDIENCE_DUTY, "SECtest", "mention_all: true");
    assert_int_equal(send_one().result, SEND_SENT);
    cJSON *j = http_peer_json(&peer);
    assert_string_equal(http_peer_string(j, "timestamp"), "1700000000");
    assert_string_equal(http_peer_string(j, "sign"), "G7XpBpG8NgG02fJOAhX6FRAObIljmFoxVReo8I62pEk=");
    assert_string_equal(http_peer_string(j, "msg_type"), "text");
    assert_non_null(strstr(http_peer_string(j, "content.text"), a_message().chat));
    assert_non_null(strstr(http_peer_string(j, "content.text"), "<at user_id=\"all\">"));
    cJSON_Delete(j);
}

static void feishu_takes_a_card_in_the_levels_colour(void **state)
{
    (void)state;
    target(AUDIENCE_DUTY, NULL, "format: card\nkeyword: 防骗");
    assert_int_equal(send_one().result, SEND_SENT);
    cJSON *j = http_peer_json(&peer);
    assert_string_equal(http_peer_string(j, "msg_type"), "interactive");
    assert_string_equal(http_peer_string(j, "card.header.template"), "red");
    assert_string_equal(http_peer_string(j, "card.header.title.content"),
                        "请马上留意｜短信说医保停用，是骗子");
    assert_string_equal(http_peer_string(j, "card.elements.0.text.content"),
                        a_message().chat); /* has the word */
    cJSON_Delete(j);
    struct message m = a_message();
    m.msg_type = MSG_CANCEL;
    assert_int_equal(chat_send(&c, &m, 1).result, SEND_SENT);
    j = http_peer_json(&peer);
    assert_string_equal(http_peer_string(j, "card.header.template"), "green");
    cJSON_Delete(j);
}

static void feishu_cards_can_mention_everybody(void **state)
{
    (void)state;
    target(AUDIENCE_DUTY, NULL, "format: card\nmention_all: true");
    assert_int_equal(send_one().result, SEND_SENT);
    cJSON *j = http_peer_json(&peer);
    assert_string_equal(http_peer_string(j, "card.elements.1.text.content"), "<at id=all></at>");
    cJSON_Delete(j);
}

static void feishu_codes_have_their_meaning(void **state)
{
    (void)state;
    static const struct meaning cases[] = {
        {0, SEND_SENT, TARGET_GOES_ON},         {11232, SEND_RETRY, TARGET_PAUSE},
        {9499, SEND_REJECTED, TARGET_GOES_ON},  {19001, SEND_RETRY, TARGET_DISABLE},
        {19021, SEND_RETRY, TARGET_DISABLE},    {19022, SEND_RETRY, TARGET_DISABLE},
        {19024, SEND_RETRY, TARGET_DISABLE},    {19036, SEND_REJECTED, TARGET_GOES_ON},
        {1, SEND_RETRY, TARGET_GOES_ON},        {99991400, SEND_RETRY, TARGET_PAUSE},
        {19002, SEND_REJECTED, TARGET_GOES_ON},
    };
    target(AUDIENCE_DUTY, NULL, "");
    each_code_means("code", cases, COUNT(cases));
    peer.body = "{\"StatusCode\":0}"; /* the old form */
    assert_int_equal(send_one().result, SEND_SENT);
}

static void a_known_code_counts_before_the_status_that_carries_it(void **state)
{
    (void)state;
    target(AUDIENCE_DUTY, NULL, "");
    peer.status = 400; /* alone it would end the warning */
    peer.body = "{\"code\":99991400,\"msg\":\"request trigger frequency limit\"}";
    struct send_outcome out = send_one();
    assert_int_equal(out.result, SEND_RETRY);
    assert_int_equal(out.effect, TARGET_PAUSE);
    assert_non_null(strstr(out.reason, "99991400"));
    peer.body = "{\"code\":0}";
    assert_int_equal(send_one().result, SEND_REJECTED); /* no success beside a refusal */
    peer.body = "<html>";
    assert_int_equal(send_one().result, SEND_REJECTED);
    peer.status = 500;
    peer.body = "{\"code\":7}";
    assert_non_null(strstr(send_one().reason, "HTTP 500"));
}

/* ---- ntfy -------------------------------------------------------------------------------------------------------------- */

static int start_ntfy(void **state)
{
    (void)state;
    start("ntfy", "/");
    return 0;
}

static void ntfy_rings_by_level_and_carries_its_token(void **state)
{
    (void)state;
    static const int priorities[LEVEL_COUNT] = {2, 3, 4, 5};
    peer.wanted[0] = "Authorization";
    target(AUDIENCE_DUTY, "tk_secret", "topic: fraud");
    for (int level = 0; level < LEVEL_COUNT; level++) {
        struct message m = a_message();
        m.level = (enum level)level;
        assert_int_equal(chat_send(&c, &m, 1).result, SEND_SENT);
        cJSON *j = http_peer_json(&peer);
        int64_t priority = 0;
        assert_int_equal(json_int(j, "priority", &priority), RELAY_OK);
        assert_int_equal(priority, priorities[level]);
        assert_string_equal(http_peer_string(j, "topic"), "fraud");
        assert_string_equal(http_peer_string(j, "title"), m.headline);
        assert_string_equal(http_peer_string(j, "message"), m.chat);
        cJSON_Delete(j);
    }
    assert_string_equal(peer.seen[0], "Bearer tk_secret");
    peer.body = "<!DOCTYPE html><title>Log in</title>"; /* of a proxy: ntfy has not seen it */
    assert_int_equal(send_one().result, SEND_RETRY);
    peer.body = "{}";
    peer.status = 401;
    assert_int_equal(send_one().effect, TARGET_DISABLE);
    peer.status = 507;
    assert_int_equal(send_one().result, SEND_RETRY);
    assert_int_equal(chat_target(&c, AUDIENCE_DUTY, "url: 'https://e/'\nallow_insecure: true\ntopic: 'a/b'"),
                     RELAY_INVALID);
}

static int start_ntfy_public(void **state)
{
    public_address = "https://warnings.example";
    int failed = start_ntfy(state);
    public_address = NULL;
    return failed;
}

static void ntfy_attaches_the_picture_by_its_address(void **state)
{
    (void)state;
    target(AUDIENCE_DUTY, NULL, "topic: fraud\ncard: true");
    assert_int_equal(send_one().result, SEND_SENT);
    cJSON *j = http_peer_json(&peer);
    assert_int_equal(strncmp(http_peer_string(j, "attach"), "https://warnings.example/cards/", 31), 0);
    cJSON_Delete(j);
}

/* ---- Standard Webhooks -------------------------------------------------------------------------------------------------- */

#define SPEC_KEY "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
#define TWO_KEYS (SPEC_KEY " nonsense")

static int start_webhook(void **state)
{
    (void)state;
    start("webhook", "/hooks/in");
    return 0;
}

static void the_specifications_own_vector_is_met(void **state)
{
    (void)state;
    CLEANUP(buf_release) struct buf out = BUF_INIT(1024);
    struct reason why;
    const char *body = "{\"test\": 2432232314}";
    assert_int_equal(
        webhook_sign(SPEC_KEY, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body, strlen(body), &out, &why),
        RELAY_OK);
    assert_string_equal(buf_cstr(&out), "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

static void ed25519_signatures_verify(void **state)
{
    (void)state;
    /* RFC 8032, section 7.1, test 2: seed and public key. */
    static const uint8_t seed[32] = {0x4c, 0xcd, 0x08, 0x9b, 0x28, 0xff, 0x96, 0xda, 0x9d, 0xb6, 0xc3,
                                     0x46, 0xec, 0x11, 0x4e, 0x0f, 0x5b, 0x8a, 0x31, 0x9f, 0x35, 0xab,
                                     0xa6, 0x24, 0xda, 0x8c, 0xf6, 0xed, 0x4f, 0xb8, 0xa6, 0xfb};
    static const uint8_t public[32] = {0x3d, 0x40, 0x17, 0xc3, 0xe8, 0x43, 0x89, 0x5a, 0x92, 0xb7, 0x0a,
                                       0xa7, 0x4d, 0x1b, 0x7e, 0xbc, 0x9c, 0x98, 0x2c, 0xcf, 0x2e, 0xc4,
                                       0x96, 0x8c, 0xc0, 0xcd, 0x55, 0xf1, 0x2a, 0xf4, 0x66, 0x0c};
    CLEANUP(buf_release) struct buf out = BUF_INIT(1024);
    char key[100] = "whsk_";
    uint8_t signature[100];
    struct reason why;
    hash_base64(seed, sizeof(seed), key + 5, sizeof(key) - 5);
    assert_int_equal(webhook_sign(key, "msg_1", 1700000000, "{}", 2, &out, &why), RELAY_OK);
    assert_memory_equal(buf_cstr(&out), "v1a,", 4);
    assert_int_equal(EVP_DecodeBlock(signature, (const unsigned char *)buf_cstr(&out) + 4, (int)out.len - 4),
                     66);
    EVP_PKEY *k = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, public, sizeof(public));
    EVP_MD_CTX *v = EVP_MD_CTX_new();
    const char *text = "msg_1.1700000000.{}";
    assert_int_equal(EVP_DigestVerifyInit(v, NULL, NULL, NULL, k), 1);
    assert_int_equal(EVP_DigestVerify(v, signature, 64, (const unsigned char *)text, strlen(text)), 1);
    EVP_MD_CTX_free(v);
    EVP_PKEY_free(k);
}

static void a_webhook_is_signed_with_every_key_and_keeps_its_id(void **state)
{
    (void)state;
    static const char *const headers[] = {"webhook-id", "webhook-timestamp", "webhook-signature"};
    for (size_t i = 0; i < COUNT(headers); i++) peer.wanted[i] = headers[i];
    wall = 1700000000000;
    target(AUDIENCE_DUTY, SPEC_KEY " whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "");
    assert_int_equal(send_one().result, SEND_SENT);
    CLEANUP(free_ptr) char *first_id = xstrdup(peer.seen[0]);
    CLEANUP(buf_release) struct buf expected = BUF_INIT(1024);
    assert_null(strchr(first_id, '.'));
    assert_string_equal(peer.seen[1], "1700000000");
    assert_int_equal(webhook_sign(SPEC_KEY " whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", first_id, 1700000000,
                                  peer.last, strlen(peer.last), &expected, &c.why),
                     RELAY_OK);
    assert_string_equal(peer.seen[2], buf_cstr(&expected));
    cJSON *j = http_peer_json(&peer);
    assert_string_equal(http_peer_string(j, "type"), "tocsin.warnings");
    assert_string_equal(http_peer_string(j, "data.deliveries.0.identifier"), a_message().identifier);
    assert_string_equal(http_peer_string(j, "data.deliveries.0.severity"), "Extreme");
    assert_string_equal(http_peer_string(j, "data.deliveries.0.text"), a_message().chat);
    cJSON_Delete(j);
    wall += 60000;
    assert_int_equal(send_one().result, SEND_SENT);
    assert_string_equal(peer.seen[0], first_id);
    assert_string_equal(peer.seen[1], "1700000060");
}

static void a_webhook_goes_by_the_status(void **state)
{
    (void)state;
    static const struct {
        int status;
        enum send_result result;
        enum target_effect effect;
    } cases[] = {
        {200, SEND_SENT, TARGET_GOES_ON},
        {204, SEND_SENT, TARGET_GOES_ON},
        {301, SEND_RETRY, TARGET_GOES_ON},
        {400, SEND_REJECTED, TARGET_GOES_ON},
        {410, SEND_RETRY, TARGET_DISABLE},
        {429, SEND_RETRY, TARGET_PAUSE},
        {500, SEND_RETRY, TARGET_GOES_ON},
        {504, SEND_RETRY, TARGET_GOES_ON}, /* its id makes a repeat harmless */
    };
    target(AUDIENCE_DUTY, SPEC_KEY, "");
    for (size_t i = 0; i < COUNT(cases); i++) {
        peer.status = cases[i].status;
        struct send_outcome out = send_one();
        if (out.result != cases[i].result || out.effect != cases[i].effect)
            fail_msg("%d: %s", cases[i].status, out.reason);
    }
}

static void a_webhook_of_many_warnings_stays_small(void **state)
{
    (void)state;
    static struct message m[100];
    for (size_t i = 0; i < COUNT(m); i++) m[i] = a_message();
    target(AUDIENCE_DUTY, SPEC_KEY, "");
    assert_int_equal(chat_send(&c, m, COUNT(m)).result, SEND_SENT);
    cJSON *j = http_peer_json(&peer);
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(cJSON_GetObjectItem(j, "data"), "deliveries")),
                     100);
    cJSON_Delete(j);
    assert_true(strlen(peer.last) < 64 * 1024);
}

static void keys_that_cannot_sign_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"",           "secret",        "whsec_", "whsec_AAAA",
                                      "whsec_!!!!", "whsk_AAAAAAAA", TWO_KEYS};
    char yaml[256];
    (void)snprintf(yaml, sizeof(yaml), "url_file: %s\nallow_insecure: true\n", c.url_file);
    assert_int_equal(chat_target(&c, AUDIENCE_DUTY, yaml), RELAY_INVALID);
    for (size_t i = 0; i < COUNT(bad); i++) {
        chat_write_secret(c.secret_file, "secret", bad[i]);
        (void)snprintf(yaml, sizeof(yaml), "url_file: %s\nallow_insecure: true\nsecret_file: %s", c.url_file,
                       c.secret_file);
        if (chat_target(&c, AUDIENCE_DUTY, yaml) == RELAY_OK) fail_msg("\"%s\" was taken", bad[i]);
        assert_null(strstr(c.why.text, "nonsense"));
    }
}

#define TEST(f, kind) cmocka_unit_test_setup_teardown(f, start_##kind, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(dingtalk_is_signed_in_the_address, dingtalk),
        TEST(dingtalk_takes_text_and_markdown, dingtalk),
        TEST(dingtalk_action_cards_show_the_picture_to_duty_groups, dingtalk_public),
        TEST(dingtalk_action_cards_need_an_address, dingtalk),
        TEST(dingtalk_codes_have_their_meaning, dingtalk),
        TEST(feishu_is_signed_in_the_body, feishu),
        TEST(feishu_takes_a_card_in_the_levels_colour, feishu),
        TEST(feishu_cards_can_mention_everybody, feishu),
        TEST(feishu_codes_have_their_meaning, feishu),
        TEST(a_known_code_counts_before_the_status_that_carries_it, feishu),
        TEST(ntfy_rings_by_level_and_carries_its_token, ntfy),
        TEST(ntfy_attaches_the_picture_by_its_address, ntfy_public),
        TEST(the_specifications_own_vector_is_met, webhook),
        TEST(ed25519_signatures_verify, webhook),
        TEST(a_webhook_is_signed_with_every_key_and_keeps_its_id, webhook),
        TEST(a_webhook_goes_by_the_status, webhook),
        TEST(a_webhook_of_many_warnings_stays_small, webhook),
        TEST(keys_that_cannot_sign_are_refused, webhook),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return failed;
}
