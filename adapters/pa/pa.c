/* Loudspeakers: announcements to a zone, the bulletin of a site, and what the PA scheduler says it did.
 * Topics and payloads: design section 5; JSON Schemas in packaging/doc/schema. tocsin-pa or a vendor's scheduler listens. */
#include "adapters/pa/pa.h"

#include "base/buf.h"
#include "base/json.h"
#include "base/log.h"

enum { PAYLOAD_MAX = 256 * 1024, TOPIC_MAX = 160, PASSES = 2 };
#define EMPTY_LIFE                                                                                           \
    (10 * MINUTE_MS) /* an empty bulletin need not wait for late joiners: nothing means nothing */

struct pa_ctx {
    struct adapter_env env;
};

static void add_common(struct buf *b, const struct message *m, const char *text)
{
    buf_json_member(b, "id", m->delivery);
    buf_json_member(b, "alert", m->alert);
    buf_json_member(b, "status", cap_status_name(m->status));
    buf_json_member(b, "level", level_name(m->level));
    buf_json_member(b, "msgType", msg_type_name(m->msg_type));
    buf_json_member_time(b, "expires", m->expires);
    buf_json_member(b, "text", text);
    if (m->rhyme) buf_json_member(b, "rhyme", m->rhyme);
}

/* "yanta-1-20261122-7.1/pa:xjtu-1/hall" -> "pa:xjtu-1/hall" */
static const char *target_of(const char *delivery)
{
    const char *slash = strchr(delivery, '/');
    return slash ? slash + 1 : "";
}

static void on_log(void *arg, const char *topic, const char *payload, size_t n)
{
    struct pa_ctx *ctx = arg;
    CLEANUP(json_free_ptr) cJSON *j = NULL;
    struct json_limits limits = {16 * 1024, 4};
    struct reason why;
    const char *id, *state;
    if (json_parse(payload, n, &limits, &j, &why) != RELAY_OK || json_str(j, "id", &id) != RELAY_OK ||
        json_str(j, "state", &state) != RELAY_OK) {
        log_warning("topic=%s log refused: it must be {\"id\",\"state\",\"at\"}; ignored", topic);
        return;
    }
    struct report r = {
        .target = target_of(id), .delivery = id, .state = state, .detail = json_str_or(j, "reason", NULL)};
    if (json_time(j, "at", &r.at) != RELAY_OK) r.at = 0;
    ctx->env.report(ctx->env.core, &r);
}

static enum relay_err announce_open(void *arg, const struct adapter_env *env, struct reason *why)
{
    (void)why;
    struct pa_ctx *ctx = arg;
    ctx->env = *env;
    env->on_topic(env->core, "pa/+/+/log", on_log, ctx);
    return RELAY_OK;
}

static void announce_send(void *arg, const struct target *t, const struct message *m, size_t n,
                          const struct snapshot *s, struct send *op)
{
    (void)n; /* the core folds only chats */
    (void)s;
    struct pa_ctx *ctx = arg;
    struct now now = ctx->env.now(ctx->env.core);
    CLEANUP(buf_release) struct buf b = BUF_INIT(PAYLOAD_MAX);
    buf_char(&b, '{');
    add_common(&b, m, m->voice);
    buf_json_member_int(&b, "rev", m->rev);
    buf_json_member_time(&b, "now", now.wall);
    buf_json_member_int(&b, "repeat", PASSES);
    if (m->replays) buf_json_member_int(&b, "again", m->replays);
    buf_char(&b, '}');
    char topic[TOPIC_MAX];
    (void)snprintf(topic, sizeof(topic), "pa/%s/%s/announce", t->site, t->place);
    ctx->env.publish(ctx->env.core, topic, buf_cstr(&b), b.len, false, m->expires - now.wall, op);
}

/* A device that was away for a moment is asked again soon, and then each minute. */
static const int64_t again[] = {5 * SECOND_MS, 15 * SECOND_MS, 60 * SECOND_MS, AGAIN_FOREVER};

const struct adapter_ops pa_ops = {
    .name = "pa",
    .kind = TARGET_MESSAGE,
    .confirms = true,
    .again = again,
    .ctx_size = sizeof(struct pa_ctx),
    .open = announce_open,
    .send = announce_send,
};

static enum relay_err bulletin_open(void *arg, const struct adapter_env *env, struct reason *why)
{
    (void)why;
    ((struct pa_ctx *)arg)->env = *env;
    return RELAY_OK;
}

static void bulletin_send(void *arg, const struct target *t, const struct message *m, size_t n,
                          const struct snapshot *s, struct send *op)
{
    struct pa_ctx *ctx = arg;
    int64_t latest = s->now.wall + EMPTY_LIFE;
    CLEANUP(buf_release) struct buf b = BUF_INIT(PAYLOAD_MAX);
    buf_char(&b, '{');
    buf_json_member_int(&b, "rev", s->rev);
    buf_json_member_time(&b, "now", s->now.wall);
    buf_json_key(&b, "items");
    buf_char(&b, '[');
    for (size_t i = 0; i < n; i++) {
        if (i) buf_char(&b, ',');
        buf_char(&b, '{');
        add_common(&b, &m[i], m[i].voice_short);
        buf_json_member_time(&b, "since", m[i].since);
        buf_json_member_int(&b, "count", m[i].count);
        buf_char(&b, '}');
        if (m[i].expires > latest) latest = m[i].expires;
    }
    buf_str(&b, "]}");
    char topic[TOPIC_MAX];
    (void)snprintf(topic, sizeof(topic), "pa/%s/bulletin", t->site);
    ctx->env.publish(ctx->env.core, topic, buf_cstr(&b), b.len, true, latest - s->now.wall, op);
}

const struct adapter_ops bulletin_ops = {
    .name = "bulletin",
    .kind = TARGET_STATE,
    .confirms = true,
    .ctx_size = sizeof(struct pa_ctx),
    .open = bulletin_open,
    .send = bulletin_send,
};
