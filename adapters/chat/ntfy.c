/* ntfy: a message to a topic of a server, one's own as a rule. The HTTP status decides.
 *
 *   chats: [{id: phones, type: ntfy, audience: duty, url_file: …, topic: fraud, secret_file: …}]
 *
 * The address is the server's root; a token in secret_file goes as Bearer.
 */
#include "adapters/http_post.h"
#include "base/i18n.h"

enum { MESSAGE_BYTES = 4096 /* a longer one becomes an attachment */ };

struct ntfy_options {
    struct post_options post;
    const char *topic;
    bool card;
};

static const struct opt_row ntfy_rows[] = {
    POST_ROWS(struct ntfy_options),
    POST_SECRET_ROW(struct ntfy_options, N_("file with an access token, tk_…")),
    {.name = "topic",
     .type = OPT_STR,
     .offset = offsetof(struct ntfy_options, topic),
     .required = true,
     .help = N_("topic to publish to: letters, digits, - and _")},
    {.name = "card",
     .type = OPT_BOOL,
     .offset = offsetof(struct ntfy_options, card),
     .help = N_("attach the warning's picture, which phones fetch from http.public_address")},
    {0},
};

static size_t ntfy_room(const struct target *t)
{
    (void)t;
    return MESSAGE_BYTES;
}

/* 5 rings through a silenced phone, 3 is the usual, 2 makes no sound. */
static int priority(const struct message *m)
{
    static const int by_level[LEVEL_COUNT] = {2, 3, 4, 5};
    return m->msg_type == MSG_CANCEL || m->status != STATUS_ACTUAL ? 3 : by_level[m->level];
}

static void ntfy_build(const struct post_part *p, struct post_request *r)
{
    const struct ntfy_options *o = p->target->options;
    int most = 1;
    for (size_t i = 0; i < p->n; i++)
        if (priority(&p->messages[i]) > most) most = priority(&p->messages[i]);
    post_header(r, "Content-Type: application/json");
    if (p->secret) post_header(r, "Authorization: Bearer %s", p->secret);
    buf_char(&r->body, '{');
    buf_json_member(&r->body, "topic", o->topic);
    if (p->n == 1 && p->messages[0].headline) buf_json_member(&r->body, "title", p->messages[0].headline);
    buf_json_member(&r->body, "message", p->text);
    buf_json_member_int(&r->body, "priority", most);
    if (p->card_url && p->index == 0) buf_json_member(&r->body, "attach", p->card_url);
    buf_json_key(&r->body, "tags");
    buf_printf(&r->body, "[\"%s\"]}", p->messages[0].msg_type == MSG_CANCEL ? "white_check_mark" : "warning");
}

static enum post_card ntfy_card(const struct target *t)
{
    const struct ntfy_options *o = t->options;
    return o->card ? CARD_ALONG : CARD_NONE;
}

static const struct post_kind ntfy_kind = {
    .room = ntfy_room, .build = ntfy_build, .card = ntfy_card, .answers_json = true};

static enum relay_err ntfy_check(void *ctx, struct target *t, struct reason *why)
{
    const struct ntfy_options *o = t->options;
    size_t n = strlen(o->topic);
    if (n < 1 || n > 64 ||
        strspn(o->topic, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") != n)
        return fail(why, RELAY_INVALID, "%s", _("topic: 1 to 64 letters, digits, - and _"));
    return post_check(ctx, t, why);
}

static void ntfy_send(void *ctx, const struct target *t, const struct message *m, size_t n,
                      const struct snapshot *s, struct send *op)
{
    (void)s;
    post_send(ctx, &ntfy_kind, t, m, n, op);
}

const struct adapter_ops ntfy_ops = {
    .name = "ntfy",
    .kind = TARGET_MESSAGE,
    .options = ntfy_rows,
    .options_size = sizeof(struct ntfy_options),
    .ctx_size = sizeof(struct post_ctx),
    .rate_per_minute = 60,
    .open = post_open,
    .check = ntfy_check,
    .forget = post_forget,
    .send = ntfy_send,
};
