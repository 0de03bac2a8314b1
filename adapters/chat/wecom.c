/* WeCom (企业微信) group bot: text or markdown, and a picture or card after it; 20 messages a minute, success is errcode 0.
 *
 *   chats: [{id: redgoose, type: wecom, audience: volunteer, url_file: /etc/tocsin/redgoose.url, card: image, mention: ['@all']}]
 *
 * The words always go as text, which everybody can read aloud, copy and search: the card comes after them as a second message.
 * A template card opens an address when it is touched, so it is for duty groups alone.
 *
 * Limits count bytes of the decoded text. The key in the address is the only secret. Reaches internal groups only.
 */
#include "adapters/chat/wecom.h"

#include "adapters/draw/look.h"
#include "adapters/http_post.h"
#include "base/clock.h"
#include "base/i18n.h"
#include "base/text.h"

enum { TEXT_BYTES = 2048, MARKDOWN_BYTES = 4096, FIRST_LINE_MAX = 300, COLOUR_BYTES = 40 };
enum wecom_format { FORMAT_TEXT, FORMAT_MARKDOWN };
enum wecom_card { WECOM_CARD_NONE, WECOM_CARD_IMAGE, WECOM_CARD_TEMPLATE };
enum { TITLE_CHARS = 26 };

struct wecom_options {
    struct post_options post;
    int format;
    struct opt_strs mention, mention_phones;
    int card;
};

static const char *const formats[] = {"text", "markdown", NULL};
static const char *const card_kinds[] = {"none", "image", "template", NULL};

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
    {.name = "mention_phones",
     .type = OPT_STRS,
     .offset = offsetof(struct wecom_options, mention_phones),
     .max = 20,
     .unit = "numbers",
     .help = N_("people to mention by the number that WeCom knows them by, in text only")},
    {.name = "card",
     .type = OPT_ENUM,
     .offset = offsetof(struct wecom_options, card),
     .names = card_kinds,
     .deflt = "none",
     .help = N_(
         "after the text: image, the warning as a picture; or template, a card with that picture, for duty "
         "groups and with http.public_address (without it: image)")},
    {0},
};

const struct post_code wecom_codes[] = {
    {.code = -1, .result = SEND_RETRY, .words = N_("the service is busy")},
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
    {.code = 45002, .result = SEND_REJECTED, .too_long = true, .words = N_("the text is too long")},
    {.code = 40008,
     .result = SEND_REJECTED,
     .words = N_("the message type is not known, or the request is no JSON")},
    {.code = 40033, .result = SEND_REJECTED, .words = N_("the request holds escaped characters")},
    {.code = 44004, .result = SEND_REJECTED, .words = N_("the text is empty")},
    {.code = 40009, .result = SEND_REJECTED, .words = N_("the picture is too large")},
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

static void add_names(struct buf *b, const char *member, const struct opt_strs *names)
{
    if (!names->n) return;
    buf_json_key(b, member);
    for (size_t i = 0; i < names->n; i++) {
        buf_char(b, i ? ',' : '[');
        buf_json_str(b, names->items[i]);
    }
    buf_char(b, ']');
}

static void add_row(struct buf *b, const char *name, const char *value)
{
    buf_str(b, b->data[b->len - 1] == '[' ? "{" : ",{");
    buf_json_member(b, "keyname", name);
    buf_json_member(b, "value", value);
    buf_char(b, '}');
}

/* The level stands in words beside the picture, which shows it by shape and colour. */
static void template_card(const struct post_part *p, struct buf *b)
{
    const struct message *m = &p->messages[0];
    struct card card;
    char until[32], title[TITLE_CHARS * 4 + 1];
    struct local_time t = clock_local(m->expires);
    (void)card_of(m, &card); /* there is a picture, so there is a card */
    (void)snprintf(until, sizeof(until), "%d月%d日 %02d:%02d", t.month, t.day, t.hour, t.minute);
    size_t n = strlen(card.headline),
           cut = n < sizeof(title) ? n : text_cut(card.headline, n, sizeof(title) - 1);
    (void)snprintf(title, sizeof(title), "%.*s", (int)cut, card.headline);
    buf_str(b, "{\"msgtype\":\"template_card\",\"template_card\":{");
    buf_json_member(b, "card_type", "news_notice");
    if (m->issuer) {
        buf_json_key(b, "source");
        buf_char(b, '{');
        buf_json_member(b, "desc", m->issuer);
        buf_char(b, '}');
    }
    buf_json_key(b, "main_title");
    buf_char(b, '{');
    buf_json_member(b, "title", title);
    buf_json_member(b, "desc", m->msg_type == MSG_CANCEL ? "更正" : look_of(m->level, m->msg_type)->word);
    buf_char(b, '}');
    buf_json_key(b, "card_image");
    buf_char(b, '{');
    buf_json_member(b, "url", p->card_url);
    buf_str(b, ",\"aspect_ratio\":1.5}");
    buf_json_key(b, "horizontal_content_list");
    buf_char(b, '[');
    add_row(b, "级别", level_name_zh(m->level));
    add_row(b, "有效至", until);
    add_row(b, "编号", m->short_id);
    buf_char(b, ']');
    buf_json_key(b, "card_action");
    buf_str(b, "{\"type\":1");
    buf_json_member(b, "url", p->card_url);
    buf_str(b, "}}}");
}

static void card_build(const struct post_part *p, const struct wecom_options *o, struct post_request *r)
{
    if (o->card == WECOM_CARD_TEMPLATE && p->card_url) {
        template_card(p, &r->body);
        return;
    }
    wecom_image(p->card, &r->body);
}

void wecom_image(const struct picture *p, struct buf *body)
{
    buf_str(body, "{\"msgtype\":\"image\",\"image\":{");
    buf_json_member(body, "base64", p->base64);
    buf_json_member(body, "md5", p->md5);
    buf_str(body, "}}");
}

static void wecom_build(const struct post_part *p, struct post_request *r)
{
    const struct wecom_options *o = p->target->options;
    post_header(r, "Content-Type: application/json");
    if (p->card) {
        card_build(p, o, r);
        return;
    }
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
    if (p->index == 0) {
        add_names(&r->body, "mentioned_list", &o->mention);
        add_names(&r->body, "mentioned_mobile_list", &o->mention_phones);
    }
    buf_str(&r->body, "}}");
}

static enum post_card wecom_card(const struct target *t)
{
    const struct wecom_options *o = t->options;
    return o->card == WECOM_CARD_NONE ? CARD_NONE : CARD_AFTER;
}

static int wecom_messages(const void *options)
{
    const struct wecom_options *o = options;
    return o->card == WECOM_CARD_NONE ? 1 : 2;
}

static const struct post_kind wecom_kind = {.room = wecom_room,
                                            .build = wecom_build,
                                            .card = wecom_card,
                                            .code_member = "errcode",
                                            .codes = wecom_codes};

static bool is_phone(const char *s)
{
    size_t n = strlen(s);
    return (n >= 5 && n <= 15 && strspn(s, "0123456789") == n) || strcmp(s, "@all") == 0;
}

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
    if (o->mention_phones.n && o->format == FORMAT_MARKDOWN)
        return fail(why, RELAY_INVALID, "%s",
                    _("mention_phones: WeCom knows them in text only; use format: text"));
    for (size_t i = 0; i < o->mention_phones.n; i++)
        if (!is_phone(o->mention_phones.items[i]))
            return fail(why, RELAY_INVALID, "%s",
                        _("mention_phones: a number has 5 to 15 digits and nothing else (quote it)"));
    if (o->card == WECOM_CARD_TEMPLATE && t->audience != AUDIENCE_DUTY)
        return fail(why, RELAY_INVALID, "%s",
                    _("card: a template card carries a link, which the public must not get; use image, or "
                      "audience: duty"));
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
    .messages = wecom_messages,
    .open = post_open,
    .check = wecom_check,
    .forget = post_forget,
    .send = wecom_send,
};
