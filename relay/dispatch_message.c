/* The committed rows of a delivery -> what its adapter formats from. */
#include "dispatch_internal.h"

#include "base/hash.h"
#include "base/json.h"
#include "base/log.h"
#include "feedback.h"
#include "render.h"

enum { BODY_MAX = 256 * 1024 };

bool dispatch_source(struct relay *r, const struct delivery_row *d, struct source *ret)
{
    struct dispatch *x = r->dispatch;
    if (!x->last.known || x->last.alert.n != d->alert || x->last.rev != d->rev) {
        x->last.known = store_alert_get(r->store, d->alert, &x->last.alert) &&
                        store_revision_get(r->store, d->alert, d->rev, &x->last.revision);
        x->last.rev = d->rev;
    }
    *ret = (struct source){&x->last.alert, &x->last.revision};
    return x->last.known;
}

static char *stored(struct arena *a, const char *text, const char *id, int reminder)
{
    if (!reminder && !strstr(text, "{{")) return arena_strdup(a, text);
    CLEANUP(buf_release) struct buf b = BUF_INIT(BODY_MAX);
    render_stored(text, id, reminder, &b);
    return arena_strdup(a, buf_cstr(&b));
}

static const char *body_text(struct arena *a, const cJSON *body, const char *name, const char *id)
{
    const char *v = json_str_or(body, name, NULL);
    return v ? stored(a, v, id, 0) : NULL;
}

/* A committed text, parsed; kept for the next delivery with the same one. NULL: it cannot be read. */
static const cJSON *rendering(struct relay *r, int64_t id)
{
    struct rendering *kept = &r->dispatch->renderings[id % RENDERINGS];
    if (kept->id == id) return kept->body;
    CLEANUP(buf_release) struct buf body = BUF_INIT(BODY_MAX);
    if (!store_rendering_get(r->store, id, &body)) return NULL;
    struct json_limits limits = {BODY_MAX, 8};
    struct reason why;
    cJSON *j = NULL;
    if (json_parse(buf_cstr(&body), body.len, &limits, &j, &why) != RELAY_OK) {
        log_error("rendering=%lld cannot be read: %s; its delivery is rejected", (long long)id, why.text);
        return NULL;
    }
    cJSON_Delete(kept->body);
    *kept = (struct rendering){id, j};
    return j;
}

void dispatch_forget_texts(struct dispatch *d)
{
    for (size_t i = 0; i < RENDERINGS; i++) {
        cJSON_Delete(d->renderings[i].body);
        d->renderings[i] = (struct rendering){0, NULL};
    }
    d->last.known = false;
}

/* The page that takes the group's answer: the address is this delivery's alone. */
static const char *with_link(const struct relay *r, struct arena *a, const struct delivery_row *d,
                             const struct alert_row *alert, const char *text)
{
    CLEANUP(buf_release) struct buf b = BUF_INIT(BODY_MAX);
    buf_printf(&b, "%s\n收到、本地也有、误报，请点：", text);
    size_t before = b.len;
    feedback_address(r, d, feedback_words_of(alert->status), &b);
    return b.len > before ? arena_strdup(a, buf_cstr(&b)) : text;
}

/* Everything an adapter may know of a delivery, from the committed rows. */
bool dispatch_message(struct relay *r, struct send *op, const struct delivery_row *d,
                      const struct alert_row *alert, const struct revision_row *rev, struct message *m)
{
    const cJSON *j = rendering(r, d->rendering);
    if (!j) return false;
    struct arena *a = &op->arena;
    char short_text[SHORT_ID_LEN];
    *m = (struct message){.delivery = arena_printf(a, "%s.%d/%s", alert->id, d->rev, op->target->pub.id),
                          .alert = arena_strdup(a, alert->id),
                          .rev = d->rev,
                          .identifier = arena_printf(a, "%s.%d", alert->id, d->rev),
                          .status = alert->status,
                          .msg_type = rev->msg_type,
                          .level = rev->level,
                          .certainty = rev->certainty,
                          .rule = arena_strdup(a, alert->rule),
                          .category = arena_strdup(a, alert->category),
                          .sent = rev->sent,
                          .since = alert->created,
                          .expires = d->expires,
                          .count = (int)(alert->count > INT32_MAX ? INT32_MAX : alert->count),
                          .attempt = d->attempt,
                          .replays = d->replays,
                          .said_before = d->repeats > 0 || d->maybe,
                          .may_be_repeat = d->maybe};
    short_id(m->delivery, short_text);
    m->short_id = arena_strdup(a, short_text);
    CLEANUP(buf_release) struct buf refs = BUF_INIT(4096);
    for (int i = 1; i < d->rev; i++) buf_printf(&refs, "%s%s.%d", i > 1 ? " " : "", alert->id, i);
    m->references = arena_strdup(a, buf_cstr(&refs));
    m->voice = body_text(a, j, "voice", m->short_id);
    m->voice_short = body_text(a, j, "voice_short", m->short_id);
    m->rhyme = body_text(a, j, "rhyme", m->short_id);
    m->headline = body_text(a, j, "headline", m->short_id);
    const char *chat = json_str_or(j, "chat", NULL);
    if (chat) m->chat = stored(a, chat, m->short_id, op->target->chat ? d->reminder + d->repeats : 0);
    bool link = false;
    if (chat && json_bool(j, "link", &link) == RELAY_OK && link) m->chat = with_link(r, a, d, alert, m->chat);
    m->issuer = body_text(a, j, "issuer", m->short_id);
    const cJSON *line;
    cJSON_ArrayForEach(line, cJSON_GetObjectItemCaseSensitive(j, "lines"))
    {
        if (m->n_lines < 3 && cJSON_IsString(line))
            m->lines[m->n_lines++] = stored(a, line->valuestring, m->short_id, 0);
    }
    return true;
}
