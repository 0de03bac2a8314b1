/* WeCom (企业微信) group bot: text or markdown, 20 messages a minute, success is errcode 0.
 *
 *   chats: [{id: redgoose, type: wecom, audience: volunteer, url_file: /etc/tocsin/redgoose.url, mention: ['@all']}]
 *
 * Limits count bytes of the decoded text. The key in the address is the only secret. Reaches internal groups only.
 */
#include "adapters/chat/wecom.h"

#include "adapters/http_post.h"
#include "base/i18n.h"

enum { TEXT_BYTES = 2048, MARKDOWN_BYTES = 4096, FIRST_LINE_MAX = 300, COLOUR_BYTES = 40 };
enum wecom_format { FORMAT_TEXT, FORMAT_MARKDOWN };

struct wecom_options {
    struct post_options post;
    int format;
    struct opt_strs mention;
};

static const char *const formats[] = {"text", "markdown", NULL};

static const struct opt_row wecom_rows[] = {
    POST_ROWS(struct wecom_options),
    {.name = "format",
     .type = OPT_ENUM,
     .offset = offsetof(struct wecom_options, format),
     .names = formats,
     .deflt = "text",
     .help =
         N_("text (2,048 bytes a message) or markdown (4,096, with the first line in the level's colour)")},
    {.name = "mention",
     .type = OPT_STRS,
     .offset = offsetof(struct wecom_options, mention),
     .max = 20,
     .unit = "names",
     .help = N_("user ids to mention; '@all' mentions everybody, in text only")},
    {0},
};

const struct post_code wecom_codes[] = {
    {.code = -1, .result = SEND_RETRY, .max_attempts = 4, .words = N_("the service is busy")},
    {.code = 45009,
     .result = SEND_RETRY,
     .effect = TARGET_PAUSE,
     .retry_after_ms = 65000,
     .words = N_("more than 20 messages in a minute")},
    {.code = 93000,
     .result = SEND_RETRY,
     .effect = TARGET_DISABLE,
     .words = N_("the key is not valid, or the bot was removed")},
    {.code = 93004, .result = SEND_RETRY, .effect = TARGET_DISABLE, .words = N_("the bot was stopped")},
    {.code = 93008,
     .result = SEND_RETRY,
     .effect = TARGET_DISABLE,
     .words = N_("the bot is not in the group")},
    {.code = 40058, .result = SEND_REJECTED, .too_long = true, .words = N_("the text is too long")},
    {.code = 40008,
     .result = SEND_REJECTED,
     .words = N_("the message type is not known, or the request is no JSON")},
    {.code = 40033, .result = SEND_REJECTED, .words = N_("the request holds escaped characters")},
    {.code = 44004, .result = SEND_REJECTED, .words = N_("the text is empty")},
    {.code = 40007, .result = SEND_REJECTED, .words = N_("the picture or file has expired")},
    {0},
};

static size_t mention_bytes(const struct wecom_options *o)
{
    size_t n = 0;
    for (size_t i = 0; i < o->mention.n; i++) n += strlen(o->mention.items[i]) + strlen("<@>");
    return n;
}

static size_t wecom_room(const struct target *t)
{
    const struct wecom_options *o = t->options;
    return o->format == FORMAT_TEXT ? TEXT_BYTES : MARKDOWN_BYTES - COLOUR_BYTES - mention_bytes(o);
}

static const char *colour(const struct message *m)
{
    if (m->msg_type == MSG_CANCEL) return "info"; /* green */
    return m->level >= LEVEL_ORANGE ? "warning" : "comment";
}

/* The first line in the colour of the level, and the mentions, which markdown wants in the text. */
static void markdown(const struct post_part *p, const struct wecom_options *o, struct buf *out)
{
    size_t first = strcspn(p->text, "\n");
    bool plain = first > FIRST_LINE_MAX || memchr(p->text, '<', first);
    if (!plain) {
        buf_printf(out, "<font color=\"%s\">", colour(&p->messages[0]));
        buf_add(out, p->text, first);
        buf_str(out, "</font>");
    }
    buf_str(out, plain ? p->text : p->text + first);
    for (size_t i = 0; i < o->mention.n && p->index == 0; i++) buf_printf(out, "<@%s>", o->mention.items[i]);
}

static void wecom_build(const struct post_part *p, struct post_request *r)
{
    const struct wecom_options *o = p->target->options;
    post_header(r, "Content-Type: application/json");
    if (o->format == FORMAT_MARKDOWN) {
        CLEANUP(buf_release) struct buf content = BUF_INIT(2 * MARKDOWN_BYTES);
        markdown(p, o, &content);
        buf_str(&r->body, "{\"msgtype\":\"markdown\",\"markdown\":{");
        buf_json_member(&r->body, "content", buf_cstr(&content));
        buf_str(&r->body, "}}");
        return;
    }
    buf_str(&r->body, "{\"msgtype\":\"text\",\"text\":{");
    buf_json_member(&r->body, "content", p->text);
    if (o->mention.n && p->index == 0) {
        buf_json_key(&r->body, "mentioned_list");
        for (size_t i = 0; i < o->mention.n; i++) {
            buf_char(&r->body, i ? ',' : '[');
            buf_json_str(&r->body, o->mention.items[i]);
        }
        buf_char(&r->body, ']');
    }
    buf_str(&r->body, "}}");
}

static const struct post_kind wecom_kind = {
    .room = wecom_room, .build = wecom_build, .code_member = "errcode", .codes = wecom_codes};

static enum relay_err wecom_check(void *ctx, struct target *t, struct reason *why)
{
    const struct wecom_options *o = t->options;
    for (size_t i = 0; i < o->mention.n; i++) {
        if (strpbrk(o->mention.items[i], "<>\"\n") || strlen(o->mention.items[i]) > 64)
            return fail(why, RELAY_INVALID, "%s",
                        _("mention: a user id has at most 64 characters, without < > and quotes"));
        if (o->format == FORMAT_MARKDOWN && strcmp(o->mention.items[i], "@all") == 0)
            return fail(why, RELAY_INVALID, "%s",
                        _("mention: WeCom knows no @all in markdown; use format: text"));
    }
    return post_check(ctx, t, why);
}

static void wecom_send(void *ctx, const struct target *t, const struct message *m, size_t n,
                       const struct snapshot *s, struct send *op)
{
    (void)s;
    post_send(ctx, &wecom_kind, t, m, n, op);
}

const struct adapter_ops wecom_ops = {
    .name = "wecom",
    .kind = TARGET_MESSAGE,
    .options = wecom_rows,
    .options_size = sizeof(struct wecom_options),
    .ctx_size = sizeof(struct post_ctx),
    .rate_per_minute = 20,
    .open = post_open,
    .check = wecom_check,
    .forget = post_forget,
    .send = wecom_send,
};
