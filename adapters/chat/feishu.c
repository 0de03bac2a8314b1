/* Feishu (飞书) and Lark custom bot: text, or a card with a heading in the level's colour and words; success is code 0. A custom
 * bot cannot upload pictures, so there is none in its card.
 *
 *   chats: [{id: office, type: feishu, audience: duty, format: card, url_file: …, secret_file: …}]
 */
#include "adapters/draw/look.h"
#include "adapters/http_post.h"
#include "base/hash.h"
#include "base/i18n.h"

enum { ROOM = 9000 /* of a body of 20 KB, quotes and line feeds doubled */ };
enum feishu_format { FORMAT_TEXT, FORMAT_CARD };

struct feishu_options {
    struct post_options post;
    int format;
    const char *keyword;
    bool mention_all;
};

static const char *const formats[] = {"text", "card", NULL};

static const struct opt_row feishu_rows[] = {
    POST_ROWS(struct feishu_options),
    POST_SECRET_ROW(struct feishu_options, N_("file with the secret of the signature guard")),
    {.name = "format",
     .type = OPT_ENUM,
     .offset = offsetof(struct feishu_options, format),
     .names = formats,
     .deflt = "text",
     .help = N_("text, or a card with the headline in the level's colour and words")},
    {.name = "keyword",
     .type = OPT_STR,
     .offset = offsetof(struct feishu_options, keyword),
     .help = N_("the guard word that the bot demands; added to a text that lacks it")},
    {.name = "mention_all",
     .type = OPT_BOOL,
     .offset = offsetof(struct feishu_options, mention_all),
     .help = N_("mention everybody")},
    {0},
};

static const struct post_code feishu_codes[] = {
    {.code = 11232,
     .result = SEND_RETRY,
     .effect = TARGET_PAUSE,
     .retry_after_ms = 65000,
     .words = N_("too many messages")},
    {.code = 99991400,
     .result = SEND_RETRY,
     .effect = TARGET_PAUSE,
     .retry_after_ms = 65000,
     .words = N_("too many messages")},
    {.code = 9499, .result = SEND_REJECTED, .words = N_("the request is not understood")},
    {.code = 19002, .result = SEND_REJECTED, .words = N_("the request is not understood")},
    {.code = 19001,
     .result = SEND_RETRY,
     .effect = TARGET_DISABLE,
     .words = N_("the address is not that of a bot")},
    {.code = 19021,
     .result = SEND_RETRY,
     .effect = TARGET_DISABLE,
     .words = N_("the signature or this machine's clock is wrong")},
    {.code = 19022,
     .result = SEND_RETRY,
     .effect = TARGET_DISABLE,
     .words = N_("this machine's address is not allowed")},
    {.code = 19024, .result = SEND_RETRY, .effect = TARGET_DISABLE, .words = N_("the bot demands a keyword")},
    {.code = 19036, .result = SEND_REJECTED, .too_long = true, .words = N_("the request is too large")},
    {0},
};

static size_t feishu_room(const struct target *t)
{
    const struct feishu_options *o = t->options;
    return ROOM - (o->keyword ? strlen(o->keyword) + 6 : 0);
}

/* HMAC of nothing under "<s>\n<secret>": not DingTalk's way round. */
static void sign(const struct post_part *p, struct buf *body)
{
    uint8_t mac[HASH_LEN];
    char text[64], seconds[24];
    CLEANUP(buf_release) struct buf key = BUF_INIT(8192);
    (void)snprintf(seconds, sizeof(seconds), "%lld", (long long)(p->wall / 1000));
    buf_printf(&key, "%s\n%s", seconds, p->secret);
    hash_hmac_sha256(buf_cstr(&key), key.len, "", 0, mac);
    explicit_bzero(key.data, key.len);
    hash_base64(mac, sizeof(mac), text, sizeof(text));
    buf_json_member(body, "timestamp", seconds);
    buf_json_member(body, "sign", text);
}

static const char *colour(const struct message *m)
{
    static const char *const by_level[LEVEL_COUNT] = {"blue", "yellow", "orange", "red"};
    return m->msg_type == MSG_CANCEL ? "green" : by_level[m->level];
}

static void add_plain(struct buf *body, const char *name, const char *text)
{
    buf_json_key(body, name);
    buf_str(body, "{\"tag\":\"plain_text\"");
    buf_json_member(body, "content", text);
    buf_char(body, '}');
}

static void add_card(const struct post_part *p, const char *text, struct buf *body)
{
    const struct message *m = &p->messages[0];
    buf_json_member(body, "msg_type", "interactive");
    buf_json_key(body, "card");
    buf_str(body, "{\"header\":{");
    CLEANUP(buf_release) struct buf title = BUF_INIT(4096);
    if (p->n == 1) /* the colour's meaning in words, for who sees none */
        buf_printf(&title, "%s｜", look_of(m->level, m->msg_type)->word);
    buf_str(&title, m->headline && p->n == 1 ? m->headline : "防骗提醒");
    add_plain(body, "title", buf_cstr(&title));
    buf_json_member(body, "template", colour(m));
    buf_str(body, "},\"elements\":[{\"tag\":\"div\"");
    add_plain(body, "text", text);
    buf_char(body, '}');
    if (((const struct feishu_options *)p->target->options)->mention_all && p->index == 0) {
        buf_str(body, ",{\"tag\":\"div\",\"text\":{\"tag\":\"lark_md\"");
        buf_json_member(body, "content", "<at id=all></at>");
        buf_str(body, "}}");
    }
    buf_str(body, "]}");
}

static void feishu_build(const struct post_part *p, struct post_request *r)
{
    const struct feishu_options *o = p->target->options;
    CLEANUP(buf_release) struct buf text = BUF_INIT(64 * 1024);
    post_guard_word(p->text, o->keyword, &text);
    post_header(r, "Content-Type: application/json; charset=utf-8");
    buf_char(&r->body, '{');
    if (p->secret) sign(p, &r->body);
    if (o->format == FORMAT_CARD) {
        add_card(p, buf_cstr(&text), &r->body);
    } else {
        if (o->mention_all && p->index == 0) buf_str(&text, "<at user_id=\"all\">所有人</at>");
        buf_json_member(&r->body, "msg_type", "text");
        buf_json_key(&r->body, "content");
        buf_char(&r->body, '{');
        buf_json_member(&r->body, "text", buf_cstr(&text));
        buf_char(&r->body, '}');
    }
    buf_char(&r->body, '}');
}

static const struct post_kind feishu_kind = {.room = feishu_room,
                                             .build = feishu_build,
                                             .code_member = "code",
                                             .old_code_member = "StatusCode",
                                             .codes = feishu_codes};

static void feishu_send(void *ctx, const struct target *t, const struct message *m, size_t n,
                        const struct snapshot *s, struct send *op)
{
    (void)s;
    post_send(ctx, &feishu_kind, t, m, n, op);
}

const struct adapter_ops feishu_ops = {
    .name = "feishu",
    .kind = TARGET_MESSAGE,
    .options = feishu_rows,
    .options_size = sizeof(struct feishu_options),
    .ctx_size = sizeof(struct post_ctx),
    .rate_per_minute = 100,
    .open = post_open,
    .check = post_check,
    .forget = post_forget,
    .send = feishu_send,
};
