/* Ward screens and signs: the retained board of a ward for devices, the same for browsers (screen.c), and the
 * acknowledgement of whoever shows it. Topics and payloads: design section 5. */
#include "adapters/display/board.h"

#include "adapters/display/screen.h"
#include "base/json.h"
#include "base/log.h"

enum { PAYLOAD_MAX = 256 * 1024, TOPIC_MAX = 160 };
#define EMPTY_LIFE (10 * MINUTE_MS) /* an empty board need not wait for late joiners: nothing means nothing */

struct board_ctx {
    struct adapter_env env;
    struct screens *screens;
};

bool board_hides(const struct board_hide *h, const struct message *m, int64_t wall)
{
    bool red_and_new = m->level == LEVEL_RED && m->msg_type != MSG_CANCEL && m->sent >= h->since;
    return wall < h->until && !red_and_new;
}

void board_item_json(const struct message *m, struct buf *b)
{
    buf_char(b, '{');
    buf_json_member(b, "id", m->delivery);
    buf_json_member(b, "alert", m->alert);
    buf_json_member(b, "status", cap_status_name(m->status));
    buf_json_member(b, "msgType", msg_type_name(m->msg_type));
    buf_json_member(b, "level", level_name(m->level));
    buf_json_member_time(b, "since", m->since);
    buf_json_member_time(b, "sent", m->sent);
    buf_json_member_time(b, "expires", m->expires);
    if (m->issuer) buf_json_member(b, "issuer", m->issuer);
    buf_json_member(b, "headline", m->headline);
    buf_json_key(b, "lines");
    buf_char(b, '[');
    for (int k = 0; k < m->n_lines; k++) {
        if (k) buf_char(b, ',');
        buf_json_str(b, m->lines[k]);
    }
    buf_str(b, "]}");
}

/* {"rev","now","items":[…]} of what h does not hide; returns when the last item expires. */
static int64_t board_json(const struct message *m, size_t n, const struct snapshot *s,
                          const struct board_hide *h, struct buf *b)
{
    int64_t latest = s->now.wall + EMPTY_LIFE;
    bool first = true;
    buf_char(b, '{');
    buf_json_member_int(b, "rev", s->rev);
    buf_json_member_time(b, "now", s->now.wall);
    buf_json_key(b, "items");
    buf_char(b, '[');
    for (size_t i = 0; i < n; i++) {
        if (board_hides(h, &m[i], s->now.wall)) continue;
        if (!first) buf_char(b, ',');
        first = false;
        board_item_json(&m[i], b);
        if (m[i].expires > latest) latest = m[i].expires;
    }
    buf_str(b, "]}");
    return latest;
}

/* "displays/xjtu-1/w3/ack" */
static void on_ack(void *arg, const char *topic, const char *payload, size_t n)
{
    struct board_ctx *ctx = arg;
    CLEANUP(json_free_ptr) cJSON *j = NULL;
    struct json_limits limits = {4096, 4};
    struct reason why;
    const char *state, *at = strchr(topic, '/');
    const char *end = strrchr(topic, '/');
    struct report r = {.delivery = NULL};
    char target[TOPIC_MAX];
    if (!at || json_parse(payload, n, &limits, &j, &why) != RELAY_OK ||
        json_int(j, "rev", &r.rev) != RELAY_OK || json_str(j, "state", &state) != RELAY_OK) {
        log_warning("topic=%s ack refused: it must be {\"rev\",\"state\",\"at\"}; ignored", topic);
        return;
    }
    (void)snprintf(target, sizeof(target), "board:%.*s", (int)(end - at - 1), at + 1);
    r.target = target;
    r.state = state;
    if (json_time(j, "at", &r.at) != RELAY_OK) r.at = 0;
    if (strcmp(state, "displayed") == 0 && screens_device_ack(ctx->screens, target, r.rev, r.at)) return;
    ctx->env.report(ctx->env.core, &r);
}

static enum relay_err board_open(void *arg, const struct adapter_env *env, struct reason *why)
{
    (void)why;
    struct board_ctx *ctx = arg;
    ctx->env = *env;
    ctx->screens = screens_new(env);
    env->on_topic(env->core, "displays/+/+/ack", on_ack, ctx);
    return RELAY_OK;
}

static enum relay_err board_check(void *arg, struct target *t, struct reason *why)
{
    (void)why;
    struct board_ctx *ctx = arg;
    screens_join(ctx->screens, t);
    return RELAY_OK;
}

static void board_forget(void *arg, struct target *t)
{
    struct board_ctx *ctx = arg;
    screens_leave(ctx->screens, t);
}

/* The broker's word finishes the operation. While the broker is away a screen that took the snapshot is enough: when it is
 * back the core sends every board again. */
static void board_send(void *arg, const struct target *t, const struct message *m, size_t n,
                       const struct snapshot *s, struct send *op)
{
    struct board_ctx *ctx = arg;
    CLEANUP(buf_release) struct buf b = BUF_INIT(PAYLOAD_MAX);
    size_t screens = screens_show(ctx->screens, t, m, n, s);
    if (screens && !ctx->env.broker_up(ctx->env.core)) {
        const struct send_outcome taken = {.result = SEND_SENT, .reason = "by screens alone, no broker"};
        send_done(op, &taken);
        return;
    }
    int64_t latest = board_json(m, n, s, screens_hide(t), &b);
    char topic[TOPIC_MAX];
    (void)snprintf(topic, sizeof(topic), "displays/%s/%s/board", t->site, t->place);
    ctx->env.publish(ctx->env.core, topic, buf_cstr(&b), b.len, true, latest - s->now.wall, op);
}

static void board_close(void *arg)
{
    struct board_ctx *ctx = arg;
    ctx->screens = screens_free(ctx->screens);
}

const struct adapter_ops board_ops = {
    .name = "board",
    .kind = TARGET_STATE,
    .confirms = true,
    .ctx_size = sizeof(struct board_ctx),
    .open = board_open,
    .check = board_check,
    .forget = board_forget,
    .send = board_send,
    .close = board_close,
};
