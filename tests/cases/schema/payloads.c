/* Prints what the MQTT adapters publish and what a webhook gets, a line NAME<TAB>PAYLOAD each, for check.py --lines. */
#include "send_double.h"

#include "adapters/chat/webhook.h"
#include "adapters/display/board.h"
#include "adapters/pa/pa.h"

static const char *schema;

static void print_payload(void *core, const char *topic, const char *payload, size_t n, bool retain,
                          int64_t expiry_ms, struct send *op)
{
    (void)core;
    (void)topic;
    (void)retain;
    (void)expiry_ms;
    (void)printf("%s\t%.*s\n", schema, (int)n, payload);
    send_done(op, &(struct send_outcome){.result = SEND_SENT});
}

static void no_topic(void *core, const char *filter, void (*fn)(void *, const char *, const char *, size_t),
                     void *ctx)
{
    (void)core;
    (void)filter;
    (void)fn;
    (void)ctx;
}

static void no_http(void *core, const char *method, const char *path, http_handler_fn fn, void *arg)
{
    (void)core;
    (void)method;
    (void)path;
    (void)fn;
    (void)arg;
}

static void publish(const struct adapter_ops *ops, const char *name, const struct message *m, size_t n)
{
    struct reason why = {0};
    CLEANUP(free_ptr) void *ctx = xcalloc(1, ops->ctx_size);
    static const uint8_t secret[16];
    const struct adapter_env env = {.secret = secret,
                                    .on_http = no_http,
                                    .prefix = "tocsin/v1",
                                    .relay_id = "yanta-1",
                                    .now = double_now,
                                    .publish = print_payload,
                                    .on_topic = no_topic};
    const struct target t = {.id = "x", .site = "xjtu-1", .place = "hall", .name = "门诊大厅"};
    const struct snapshot s = {.rev = 7, .now = clock_now()};
    struct send op = {0};
    schema = name;
    if (ops->open(ctx, &env, &why) != RELAY_OK) {
        (void)fprintf(stderr, "%s\n", why.text);
        exit(1);
    }
    ops->send(ctx, &t, m, n, &s, &op);
    if (ops->close) ops->close(ctx);
}

int main(void)
{
    struct message full = a_message(), bare = a_message();
    full.voice = full.voice_short = "防骗提醒。有人发短信，说您的医保卡停用了。这是骗子。";
    full.rhyme = "短信说你医保停，链接一点钱归零。";
    bare.voice = bare.voice_short = full.voice;
    bare.rhyme = bare.issuer = NULL;
    bare.n_lines = 0;
    bare.count = 0;
    bare.msg_type = MSG_CANCEL;
    bare.status = STATUS_EXERCISE;
    const struct message both[] = {full, bare};
    for (size_t i = 0; i < ARRAY_LEN(both); i++) publish(&pa_ops, "announce", &both[i], 1);
    for (size_t n = 0; n <= ARRAY_LEN(both); n++) {
        publish(&bulletin_ops, "bulletin", both, n);
        publish(&board_ops, "board", both, n);
    }
    for (size_t n = 1; n <= ARRAY_LEN(both); n++) {
        CLEANUP(buf_release) struct buf body = BUF_INIT(64 * 1024);
        webhook_body("webhook:city-desk", both, n, &body);
        (void)printf("webhook\t%s\n", buf_cstr(&body));
    }
    return 0;
}
