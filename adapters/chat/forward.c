/* Ordinary WeChat groups, which no bot reaches: a duty group's WeCom bot gets the list of groups and, as messages of their
 * own, the text and the picture card to forward by hand. The delivery stays open until somebody reports it done.
 *
 *   chats: [{id: street, type: forward, audience: public, url_file: …, groups: [高新路社区群, 三桥老人群]}]
 *
 * `audience` is that of the groups, not of the people who forward.
 */
#include "adapters/chat/wecom.h"
#include "adapters/http_post.h"
#include "base/i18n.h"

enum { TEXT_BYTES = 2048, GROUPS_BYTES = 1500 };

struct forward_options {
    struct post_options post;
    struct opt_strs groups;
    bool card;
};

static const struct opt_row forward_rows[] = {
    POST_ROWS(struct forward_options),
    {.name = "groups",
     .type = OPT_STRS,
     .offset = offsetof(struct forward_options, groups),
     .required = true,
     .min = 1,
     .max = 100,
     .unit = "names",
     .help = N_("ordinary WeChat groups to forward to by hand, as people call them")},
    {.name = "card",
     .type = OPT_BOOL,
     .offset = offsetof(struct forward_options, card),
     .deflt = "true",
     .help = N_("the warning as a picture as well, to be forwarded with the text or in its place")},
    {0},
};

static size_t forward_room(const struct target *t)
{
    (void)t;
    return TEXT_BYTES;
}

static void forward_preface(const struct target *t, const struct message *m, size_t n, struct buf *out)
{
    const struct forward_options *o = t->options;
    buf_printf(out, "【请转发】把下一条消息%s原样转发到这 %zu 个微信群：",
               o->card && n == 1 ? "（和后面的图片）" : "", o->groups.n);
    for (size_t i = 0; i < o->groups.n; i++) buf_printf(out, "\n%zu. %s", i + 1, o->groups.items[i]);
    buf_str(out, "\n全部转完，请告诉值班员，编号");
    for (size_t i = 0; i < n && i < 10; i++) buf_printf(out, " %s", m[i].short_id);
    buf_str(out, m[0].said_before ? "。（再次提醒；已经转过的不用再转。）" : "。");
}

static void forward_build(const struct post_part *p, struct post_request *r)
{
    post_header(r, "Content-Type: application/json");
    if (p->card) {
        wecom_image(p->card, &r->body);
        return;
    }
    buf_str(&r->body, "{\"msgtype\":\"text\",\"text\":{");
    buf_json_member(&r->body, "content", p->text);
    buf_str(&r->body, "}}");
}

static enum post_card forward_card(const struct target *t)
{
    const struct forward_options *o = t->options;
    return o->card ? CARD_AFTER : CARD_NONE;
}

static int forward_messages(const void *options)
{
    const struct forward_options *o = options;
    return o->card ? 3 : 2;
}

static const struct post_kind forward_kind = {.room = forward_room,
                                              .card = forward_card,
                                              .preface = forward_preface,
                                              .build = forward_build,
                                              .code_member = "errcode",
                                              .codes = wecom_codes};

static enum relay_err forward_check(void *ctx, struct target *t, struct reason *why)
{
    const struct forward_options *o = t->options;
    size_t bytes = 0;
    for (size_t i = 0; i < o->groups.n; i++) {
        const char *name = o->groups.items[i];
        bytes += strlen(name) + 5;
        for (const char *c = name; *c; c++)
            if ((unsigned char)*c < ' ')
                return fail(why, RELAY_INVALID, "%s", _("groups: a name holds a line break"));
    }
    if (bytes > GROUPS_BYTES)
        return fail(why, RELAY_INVALID,
                    _("groups: the names are over %d bytes together; make two targets of them"),
                    GROUPS_BYTES);
    return post_check(ctx, t, why);
}

static void forward_send(void *ctx, const struct target *t, const struct message *m, size_t n,
                         const struct snapshot *s, struct send *op)
{
    (void)s;
    post_send(ctx, &forward_kind, t, m, n, op);
}

/* One reminder; after that it stays open until somebody reports it done, or it expires unconfirmed. */
static const int64_t again[] = {10 * MINUTE_MS, 0};

const struct adapter_ops forward_ops = {
    .name = "forward",
    .kind = TARGET_MESSAGE,
    .confirms = true,
    .again = again,
    .options = forward_rows,
    .options_size = sizeof(struct forward_options),
    .ctx_size = sizeof(struct post_ctx),
    .rate_per_minute = 20,
    .messages = forward_messages,
    .open = post_open,
    .check = forward_check,
    .forget = post_forget,
    .send = forward_send,
};
