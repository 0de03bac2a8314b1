/* DingTalk (钉钉) custom bot: text, markdown or an ActionCard, guarded by a signature, a word or an address list; success is errcode 0.
 *
 *   chats: [{id: desk, type: dingtalk, audience: duty, url_file: …, secret_file: …}]
 *
 * An ActionCard needs a button with an address, so it is for duty groups alone: its button opens the warning's picture. Without
 * http.public_address it goes out as markdown.
 *
 * Over 20 messages a minute the bot is blocked for 10 minutes, so the pause is as long.
 */
#include "adapters/draw/look.h"
#include "adapters/http_post.h"
#include "base/hash.h"
#include "base/i18n.h"

enum { ROOM = 9000 /* of a body of 20,000 bytes, quotes and line feeds doubled */, PAUSE_MS = 600000 };
enum dingtalk_format { FORMAT_TEXT, FORMAT_MARKDOWN, FORMAT_ACTION_CARD };

struct dingtalk_options {
    struct post_options post;
    int format;
    const char *keyword;
    struct opt_strs mention;
};

static const char *const formats[] = {"text", "markdown", "action_card", NULL};
static const char *const types[] = {"text", "markdown", "actionCard"}; /* as the service calls them */

static const struct opt_row dingtalk_rows[] = {
    POST_ROWS(struct dingtalk_options),
    POST_SECRET_ROW(struct dingtalk_options, N_("file with the secret of the signature guard, SEC…")),
    {.name = "format",
     .type = OPT_ENUM,
     .offset = offsetof(struct dingtalk_options, format),
     .names = formats,
     .deflt = "text",
     .help = N_("text; markdown with the headline as its title; or action_card, which adds the warning's "
                "picture and a button "
                "to it, for duty groups and with http.public_address")},
    {.name = "keyword",
     .type = OPT_STR,
     .offset = offsetof(struct dingtalk_options, keyword),
     .help = N_("the guard word that the bot demands; added to a text that lacks it")},
    {.name = "mention",
     .type = OPT_STRS,
     .offset = offsetof(struct dingtalk_options, mention),
     .max = 20,
     .unit = "names",
     .help = N_("user ids to mention; '@all' mentions everybody")},
    {0},
};

static const struct post_code dingtalk_codes[] = {
    {.code = -1, .result = SEND_RETRY, .words = N_("the service is busy")},
    {.code = 130101,
     .result = SEND_RETRY,
     .effect = TARGET_PAUSE,
     .retry_after_ms = PAUSE_MS,
     .words = N_("more than 20 messages in a minute")},
    {.code = 410100,
     .result = SEND_RETRY,
     .effect = TARGET_PAUSE,
     .retry_after_ms = PAUSE_MS,
     .words = N_("more than 20 messages in a minute")},
    {.code = 660026,
     .result = SEND_RETRY,
     .effect = TARGET_PAUSE,
     .retry_after_ms = PAUSE_MS,
     .words = N_("too many messages")},
    {.code = 310000,
     .result = SEND_RETRY,
     .effect = TARGET_DISABLE,
     .words = N_("the bot's guard refuses: signature, clock, keyword or address")},
    {.code = 300005, .result = SEND_RETRY, .effect = TARGET_DISABLE, .words = N_("the token is not known")},
    {.code = 300001, .result = SEND_RETRY, .effect = TARGET_DISABLE, .words = N_("the token is not known")},
    {.code = 400101, .result = SEND_RETRY, .effect = TARGET_DISABLE, .words = N_("the token is not known")},
    {.code = 400102, .result = SEND_RETRY, .effect = TARGET_DISABLE, .words = N_("the bot was stopped")},
    {.code = 400106,
     .result = SEND_RETRY,
     .effect = TARGET_DISABLE,
     .words = N_("the bot is not in the group")},
    {.code = 400013,
     .result = SEND_RETRY,
     .effect = TARGET_DISABLE,
     .words = N_("the group has been dissolved")},
    {.code = 430101, .result = SEND_REJECTED, .words = N_("the service calls a link in the text unsafe")},
    {.code = 430102, .result = SEND_REJECTED, .words = N_("the service's censor refuses the text")},
    {.code = 430103, .result = SEND_REJECTED, .words = N_("the service's censor refuses the picture")},
    {.code = 430104, .result = SEND_REJECTED, .words = N_("the service's censor refuses the text")},
    {.code = 460101,
     .result = SEND_REJECTED,
     .too_long = true,
     .words = N_("the request is over 20,000 bytes")},
    {.code = 101002, .result = SEND_REJECTED, .too_long = true, .words = N_("the text is too long")},
    {.code = 40035, .result = SEND_REJECTED, .words = N_("the request is no valid JSON")},
    {0},
};

static size_t dingtalk_room(const struct target *t)
{
    const struct dingtalk_options *o = t->options;
    return ROOM - (o->keyword ? strlen(o->keyword) + 6 : 0);
}

/* HMAC of "<ms>\n<secret>" under the secret, base64, percent-encoded once. */
static void sign(const struct post_part *p, struct buf *url)
{
    uint8_t mac[HASH_LEN];
    char text[64];
    CLEANUP(buf_release) struct buf signed_text = BUF_INIT(8192);
    buf_printf(&signed_text, "%lld\n%s", (long long)p->wall, p->secret);
    hash_hmac_sha256(p->secret, strlen(p->secret), buf_cstr(&signed_text), signed_text.len, mac);
    explicit_bzero(signed_text.data, signed_text.len);
    hash_base64(mac, sizeof(mac), text, sizeof(text));
    buf_printf(url, "&timestamp=%lld&sign=", (long long)p->wall);
    buf_url(url, text);
}

static void add_text(struct buf *body, const char *text, bool markdown, const struct opt_strs *mention)
{
    CLEANUP(buf_release) struct buf b = BUF_INIT(64 * 1024);
    for (const char *c = text; *c; c++) {
        buf_char(&b, *c);
        if (markdown && *c == '\n') buf_char(&b, '\n'); /* one alone is a space */
    }
    for (size_t i = 0; i < mention->n && markdown; i++) {
        bool all = strcmp(mention->items[i], "@all") == 0; /* who is mentioned stands in the text too */
        buf_printf(&b, " @%s", all ? "所有人" : mention->items[i]);
    }
    buf_json_member(body, markdown ? "text" : "content", buf_cstr(&b));
}

static void add_mentions(struct buf *body, const struct opt_strs *mention)
{
    bool all = false;
    buf_json_key(body, "at");
    buf_char(body, '{');
    buf_json_key(body, "atUserIds");
    buf_char(body, '[');
    for (size_t i = 0, n = 0; i < mention->n; i++) {
        if (strcmp(mention->items[i], "@all") == 0) {
            all = true;
            continue;
        }
        if (n++) buf_char(body, ',');
        buf_json_str(body, mention->items[i]);
    }
    buf_char(body, ']');
    buf_json_member_bool(body, "isAtAll", all);
    buf_char(body, '}');
}

static void dingtalk_build(const struct post_part *p, struct post_request *r)
{
    static const struct opt_strs nobody = {NULL, 0};
    const struct dingtalk_options *o = p->target->options;
    const struct opt_strs *mention = p->index ? &nobody : &o->mention;
    const bool action = o->format == FORMAT_ACTION_CARD && p->card_url && p->index == 0;
    const bool markdown = o->format != FORMAT_TEXT;
    const char *type = types[action ? FORMAT_ACTION_CARD : markdown ? FORMAT_MARKDOWN : FORMAT_TEXT];
    const char *title = p->messages[0].headline;
    CLEANUP(buf_release) struct buf text = BUF_INIT(64 * 1024);
    if (action)
        buf_printf(&text, "![%s](%s)\n", look_of(p->messages[0].level, p->messages[0].msg_type)->word,
                   p->card_url);
    post_guard_word(p->text, o->keyword, &text);
    post_header(r, "Content-Type: application/json; charset=utf-8");
    if (p->secret) sign(p, &r->url);
    buf_char(&r->body, '{');
    buf_json_member(&r->body, "msgtype", type);
    buf_json_key(&r->body, type);
    buf_char(&r->body, '{');
    if (markdown) buf_json_member(&r->body, "title", title ? title : "防骗提醒");
    add_text(&r->body, buf_cstr(&text), markdown, mention);
    if (action) {
        buf_json_member(&r->body, "singleTitle", "看图片");
        buf_json_member(&r->body, "singleURL", p->card_url);
    }
    buf_char(&r->body, '}');
    if (mention->n) add_mentions(&r->body, mention);
    buf_char(&r->body, '}');
}

static enum post_card dingtalk_card(const struct target *t)
{
    const struct dingtalk_options *o = t->options;
    return o->format == FORMAT_ACTION_CARD ? CARD_ALONG : CARD_NONE;
}

static enum relay_err dingtalk_check(void *ctx, struct target *t, struct reason *why)
{
    const struct dingtalk_options *o = t->options;
    if (o->format == FORMAT_ACTION_CARD && t->audience != AUDIENCE_DUTY)
        return fail(
            why, RELAY_INVALID, "%s",
            _("format: an action_card carries a link, which the public must not get; use markdown, or "
              "audience: duty"));
    return post_check(ctx, t, why);
}

static const struct post_kind dingtalk_kind = {.room = dingtalk_room,
                                               .build = dingtalk_build,
                                               .card = dingtalk_card,
                                               .code_member = "errcode",
                                               .codes = dingtalk_codes};

static void dingtalk_send(void *ctx, const struct target *t, const struct message *m, size_t n,
                          const struct snapshot *s, struct send *op)
{
    (void)s;
    post_send(ctx, &dingtalk_kind, t, m, n, op);
}

const struct adapter_ops dingtalk_ops = {
    .name = "dingtalk",
    .kind = TARGET_MESSAGE,
    .options = dingtalk_rows,
    .options_size = sizeof(struct dingtalk_options),
    .ctx_size = sizeof(struct post_ctx),
    .rate_per_minute = 20,
    .open = post_open,
    .check = dingtalk_check,
    .forget = post_forget,
    .send = dingtalk_send,
};
