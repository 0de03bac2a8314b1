/* Ward screens and signs: the retained board of a ward, and the acknowledgement of the device that shows it.
 * Topics and payloads: design section 5. */
#include "adapters/display/board.h"

#include "base/json.h"
#include "base/log.h"

enum { PAYLOAD_MAX = 256 * 1024, TOPIC_MAX = 160 };
#define EMPTY_LIFE (10 * MINUTE_MS) /* an empty board need not wait for late joiners: nothing means nothing */

void board_json(const struct message *m, size_t n, const struct snapshot *s, struct buf *b,
                int64_t *ret_latest)
{
    int64_t latest = s->now.wall + EMPTY_LIFE;
    buf_char(b, '{');
    buf_json_member_int(b, "rev", s->rev);
    buf_json_member_time(b, "now", s->now.wall);
    buf_json_key(b, "items");
    buf_char(b, '[');
    for (size_t i = 0; i < n; i++) {
        if (i) buf_char(b, ',');
        buf_char(b, '{');
        buf_json_member(b, "id", m[i].delivery);
        buf_json_member(b, "alert", m[i].alert);
        buf_json_member(b, "status", cap_status_name(m[i].status));
        buf_json_member(b, "msgType", msg_type_name(m[i].msg_type));
        buf_json_member(b, "level", level_name(m[i].level));
        buf_json_member_time(b, "since", m[i].since);
        buf_json_member_time(b, "sent", m[i].sent);
        buf_json_member_time(b, "expires", m[i].expires);
        if (m[i].issuer) buf_json_member(b, "issuer", m[i].issuer);
        buf_json_member(b, "headline", m[i].headline);
        buf_json_key(b, "lines");
        buf_char(b, '[');
        for (int k = 0; k < m[i].n_lines; k++) {
            if (k) buf_char(b, ',');
            buf_json_str(b, m[i].lines[k]);
        }
        buf_str(b, "]}");
        if (m[i].expires > latest) latest = m[i].expires;
    }
    buf_str(b, "]}");
    if (ret_latest) *ret_latest = latest;
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
    ctx->env.report(ctx->env.core, &r);
}

static enum relay_err board_open(void *arg, const struct adapter_env *env, struct reason *why)
{
    (void)why;
    struct board_ctx *ctx = arg;
    ctx->env = *env;
    env->on_topic(env->core, "displays/+/+/ack", on_ack, ctx);
    return RELAY_OK;
}

static void board_send(void *arg, const struct target *t, const struct message *m, size_t n,
                       const struct snapshot *s, struct send *op)
{
    struct board_ctx *ctx = arg;
    CLEANUP(buf_release) struct buf b = BUF_INIT(PAYLOAD_MAX);
    int64_t latest;
    board_json(m, n, s, &b, &latest);
    char topic[TOPIC_MAX];
    (void)snprintf(topic, sizeof(topic), "displays/%s/%s/board", t->site, t->place);
    ctx->env.publish(ctx->env.core, topic, buf_cstr(&b), b.len, true, latest - s->now.wall, op);
}

const struct adapter_ops board_ops = {
    .name = "board",
    .kind = TARGET_STATE,
    .confirms = true,
    .ctx_size = sizeof(struct board_ctx),
    .open = board_open,
    .send = board_send,
};
