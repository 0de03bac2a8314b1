/* Any text that a rule might have, and any bytes that a chat service might answer: what goes out is whole characters within
 * the channel's limit, and nothing but the channel's own yes counts as sent. */
#include "adapters/http_post.h"
#include "base/json.h"
#include "base/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HOLDS(x) ((x) ? (void)0 : (fprintf(stderr, "broken: %s\n", #x), abort()))

/* Nothing is sent here; the adapters ask for it all the same. */
void send_done(struct send *op, const struct send_outcome *outcome)
{
    (void)op;
    (void)outcome;
    abort();
}

static void check_split(const char *text, size_t n, size_t room)
{
    struct chat_part parts[CHAT_PARTS_MAX];
    size_t count = chat_split(text, n, room, parts), at = 0;
    HOLDS(count <= CHAT_PARTS_MAX);
    for (size_t i = 0; i < count; i++) {
        HOLDS(parts[i].from >= at && parts[i].from + parts[i].len <= n);
        for (; at < parts[i].from; at++) HOLDS(text[at] == ' ' || text[at] == '\n');
        HOLDS(parts[i].len + (count > 1 ? CHAT_MARK_LEN : 0) <= room);
        HOLDS(text_valid_utf8(text + at, parts[i].len));
        at += parts[i].len;
    }
    for (; count && at < n; at++) HOLDS(text[at] == ' ' || text[at] == '\n');
}

static void check_text(const char *text, size_t room, unsigned choice)
{
    struct message m[3];
    for (size_t i = 0; i < ARRAY_LEN(m); i++)
        m[i] = (struct message){.short_id = "A3F7Q",
                                .level = (enum level)((choice + i) % LEVEL_COUNT),
                                .sent = (int64_t)i,
                                .status = (enum cap_status)((choice >> 2) % 3),
                                .msg_type = (enum msg_type)((choice >> 4) % 3),
                                .headline = choice & 64 ? text : NULL,
                                .chat = text,
                                .may_be_repeat = choice & 128};
    for (size_t n = 1; n <= ARRAY_LEN(m); n++) {
        CLEANUP(buf_release) struct buf out = BUF_INIT(1 << 20);
        chat_text(m, n, (enum audience)(choice % AUDIENCE_COUNT), room, &out);
        if (!out.len) continue;
        HOLDS(text_valid_utf8(out.data, out.len));
        if (n > 1) HOLDS(out.len <= room);
        for (size_t i = 0; i < out.len; i++) HOLDS((unsigned char)out.data[i] >= ' ' || out.data[i] == '\n');
        check_split(out.data, out.len, room);
    }
}

static const struct post_code codes[] = {
    {.code = 45009, .result = SEND_RETRY, .effect = TARGET_PAUSE, .words = "too many"},
    {.code = 40058, .result = SEND_REJECTED, .too_long = true, .words = "too long"},
    {0},
};

static void check_answer(const char *body, size_t n)
{
    static const struct post_kind kind = {.code_member = "errcode", .codes = codes};
    const struct http_answer a = {
        .end = HTTP_ANSWERED, .status = 200, .body = body, .body_len = n, .retry_after_ms = -1};
    struct send_outcome out;
    bool too_long;
    post_judge(&kind, &a, &out, &too_long);
    HOLDS(strlen(out.reason) < sizeof(out.reason));
    HOLDS(text_valid_utf8(out.reason, strlen(out.reason)));
    HOLDS(!too_long || out.result == SEND_REJECTED);
    if (out.result == SEND_SENT) HOLDS(memmem(body, n, "errcode", 7) && memchr(body, '0', n));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) return 0;
    size_t room = 300 + data[0] * 16u, n = size - 2;
    CLEANUP(free_ptr) char *text = xstrndup((const char *)data + 2, n);
    check_answer(text, n);
    check_text(text, room, data[1]);
    n = strlen(text);
    if (text_valid_utf8(text, n)) check_split(text, n, room);
    return 0;
}
