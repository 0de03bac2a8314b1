/* Silences: rows of the store, matchers compiled once. */
#include "silence.h"

#include "base/crashpoint.h"
#include "base/i18n.h"
#include "base/log.h"
#include "base/mem.h"
#include "dispatch.h"
#include "notice.h"
#include "render.h"
#include "route.h"

enum { SILENCES_MOST = 200 };

/* A row's number may come again after a commit that failed, so the text is compared too. */
struct compiled {
    int64_t id;
    char *text;
    struct label_matchers matchers;
};

struct silences {
    struct compiled *items;
    size_t n;
};

struct silences *silences_free(struct silences *s)
{
    if (!s) return NULL;
    for (size_t i = 0; i < s->n; i++) {
        free(s->items[i].text);
        label_matchers_release(&s->items[i].matchers);
    }
    free(s->items);
    free(s);
    return NULL;
}

static const struct label_matchers *compiled_of(struct silences *s, const struct silence_row *row)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->items[i].id == row->id && strcmp(s->items[i].text, row->matchers) == 0)
            return &s->items[i].matchers;
    struct label_matchers matchers = {0};
    struct reason why;
    if (label_matchers_add(&matchers, row->matchers, &why) != RELAY_OK) {
        /* It was parsed when it was added; a newer version may have become stricter. What cannot be read does not silence. */
        log_error("silence=%lld is not applied: %s", (long long)row->id, why.text);
        return NULL;
    }
    s->items = xreallocarray(s->items, s->n + 1, sizeof(*s->items));
    struct compiled *c = &s->items[s->n++];
    *c = (struct compiled){.id = row->id, .text = xstrdup(row->matchers), .matchers = matchers};
    return &c->matchers;
}

struct looking {
    struct relay *r;
    const struct labels *labels;
    int64_t found;
    int in_force;
};

static void look(void *arg, const struct silence_row *row)
{
    struct looking *l = arg;
    l->in_force++;
    if (l->found || !l->labels) return;
    const struct label_matchers *m = compiled_of(l->r->silences, row);
    if (m && label_matchers_match(m, l->labels)) l->found = row->id;
}

int64_t silence_of(struct relay *r, const struct labels *labels)
{
    if (!r->silences) r->silences = xcalloc(1, sizeof(*r->silences));
    struct looking l = {.r = r, .labels = labels};
    store_silences(r->store, r->now.wall, look, &l);
    if (!l.in_force) r->silences = silences_free(r->silences); /* nothing old is kept */
    return l.found;
}

int64_t silence_of_alert(struct relay *r, const struct alert_row *a)
{
    struct label_room *room = xcalloc(1, sizeof(*room));
    struct labels labels;
    route_labels(a, r->targets, room, &labels);
    int64_t id = silence_of(r, &labels);
    free(room);
    return id;
}

/* -- adding and ending -------------------------------------------------------------------------------------------- */

struct sweep {
    struct relay *r;
    struct label_matchers matchers;
    bool over; /* what it kept away comes back */
    char why[40];
};

static void end_delivery(void *arg, struct delivery_row *d)
{
    struct sweep *s = arg;
    struct relay_target *t = targets_by_row(s->r->targets, d->target);
    /* An announcement that no player has taken yet would be said again; a chat has it, and ack stops its reminders. */
    bool open = d->state == DELIVERY_SENT && d->due != NO_DUE && t && !t->chat;
    struct revision_row rev;
    if (!open && !delivery_is_waiting(d->state)) return;
    if (store_revision_get(s->r->store, d->alert, d->rev, &rev) && rev.msg_type == MSG_CANCEL) return;
    if (open)
        dispatch_move(s->r, d, DELIVERY_SUPPRESSED, s->why, NO_DUE);
    else
        (void)dispatch_end_unsent(s->r, d, s->why);
}

static void sweep_alert(void *arg, struct alert_row *a)
{
    struct sweep *s = arg;
    struct label_room *room = xcalloc(1, sizeof(*room));
    struct labels labels;
    route_labels(a, s->r->targets, room, &labels);
    bool match = label_matchers_match(&s->matchers, &labels);
    free(room);
    if (!match) return;
    if (s->over) {
        alerts_show_again(s->r, a, s->why);
        return;
    }
    store_deliveries_of_alert(s->r->store, a->n, false, end_delivery, s);
    store_unshow_alert(s->r->store, a->n, targets_show_row, s->r->targets);
}

/* All alerts in force are looked at from the next slice on. */
static void sweep(struct relay *r, int64_t id)
{
    (void)store_silence_sweep_at(r->store, id, INT64_MAX); /* the commit tells */
    r->sweeping = true;
}

void silence_sweep_on(struct relay *r)
{
    struct silence_row row;
    if (!r->sweeping || !r->store_ok || !r->clock_trusted) return;
    while (store_silence_sweep(r->store, r->now.wall, &row)) {
        crashpoint("in_sweep");
        struct sweep s = {.r = r, .over = row.ended || row.expires <= r->now.wall};
        struct reason why;
        int64_t before = 0;
        (void)snprintf(s.why, sizeof(s.why), s.over ? "silence %lld is over" : "silence %lld",
                       (long long)row.id);
        if (label_matchers_add(&s.matchers, row.matchers, &why) == RELAY_OK) /* else it is not applied */
            before = alerts_slice(r, row.sweep, sweep_alert, &s);
        label_matchers_release(&s.matchers);
        if (!store_silence_sweep_at(r->store, row.id, before) || before) return;
    }
    r->sweeping = false;
    dispatch_show_left_out(r);
}

/* -- reminders ---------------------------------------------------------------------------------------------------- */

/* After now; its end when that is sooner. */
static int64_t next_look(const struct relay *r, const struct silence_row *row)
{
    int64_t wait = r->config->relay.silence_reminder;
    if (row->broad) wait /= 4;
    return wait > 0 ? sooner(r->now.wall + wait, row->expires) : row->expires;
}

void silence_look(struct relay *r)
{
    struct silence_row row;
    for (int i = 0; i < SILENCES_MOST && store_silence_remind(r->store, r->now.wall, &row); i++) {
        bool over = row.expires <= r->now.wall;
        store_silence_remind_at(r->store, row.id, over ? 0 : next_look(r, &row));
        if (over) {
            sweep(r, row.id);
            continue;
        }
        char since[RENDER_WORD_LEN], until[RENDER_WORD_LEN], text[1400];
        (void)snprintf(text, sizeof(text),
                       "【静默提醒】第 %lld 号静默还在生效%s：%s\n%s 于 %s 设置，原因：%s。到 %s "
                       "为止，符合的预警不播、不上屏、"
                       "不发群。\n该结束了就运行：tocsin silence expire %lld --by 姓名",
                       (long long)row.id, row.broad ? "，而且范围很宽" : "", row.matchers, row.author,
                       render_time(row.created, since), row.reason, render_time(row.expires, until),
                       (long long)row.id);
        notice_duty(r, &(struct notice){.status = STATUS_ACTUAL,
                                        .about = "silence-reminder",
                                        .area = "",
                                        .title = "静默提醒",
                                        .text = text,
                                        .lasts = sooner(row.expires - r->now.wall, DAY_MS)});
    }
}

enum relay_err silence_add(struct relay *r, const char *matchers, int64_t lasts, const struct actor *by,
                           int64_t *ret_id, bool *ret_broad, struct reason *why)
{
    struct silence_row row = {.created = r->now.wall, .expires = r->now.wall + lasts};
    if (!*matchers) return fail(why, RELAY_INVALID, _("say what to silence: --matcher 'rule=\"…\"'"));
    if (!*by->reason) return fail(why, RELAY_INVALID, _("say why: --reason WHY"));
    if (lasts < MINUTE_MS || lasts > SILENCE_MOST)
        return fail(why, RELAY_INVALID,
                    _("a silence lasts from 1m to 30d: --for 2h; expire it when it is over"));
    if (strlen(matchers) >= sizeof(row.matchers))
        return fail(why, RELAY_LIMIT, _("the matchers are longer than %zu bytes; make two silences"),
                    sizeof(row.matchers) - 1);
    struct looking others = {.r = r};
    store_silences(r->store, r->now.wall, look, &others);
    if (others.in_force >= SILENCES_MOST)
        return fail(why, RELAY_LIMIT, _("%d silences are in force already; expire some"), SILENCES_MOST);
    struct label_matchers parsed = {0};
    enum relay_err err = label_matchers_add(&parsed, matchers, why);
    if (err != RELAY_OK) return err;
    row.broad = !label_matchers_narrow(&parsed);
    (void)snprintf(row.matchers, sizeof(row.matchers), "%s", matchers);
    (void)snprintf(row.author, sizeof(row.author), "%s", by->name);
    (void)snprintf(row.reason, sizeof(row.reason), "%s", by->reason);
    row.remind = next_look(r, &row);
    int64_t id = store_silence_add(r->store, &row);
    char object[40];
    (void)snprintf(object, sizeof(object), "silence:%lld", (long long)id);
    actor_did(r, by, "silence.add", object, matchers);

    sweep(r, id);
    log_info("silence=%lld by=%s lasts_ms=%lld broad=%d", (long long)id, by->name, (long long)lasts,
             row.broad);
    label_matchers_release(&parsed);
    *ret_id = id;
    *ret_broad = row.broad;
    return RELAY_OK;
}

enum relay_err silence_expire(struct relay *r, int64_t id, const struct actor *by, struct reason *why)
{
    if (!store_silence_end(r->store, id, r->now.wall, by->name))
        return fail(why, RELAY_NOT_FOUND, _("no silence %lld is in force; `tocsin silence list` shows them"),
                    (long long)id);
    char object[40];
    (void)snprintf(object, sizeof(object), "silence:%lld", (long long)id);
    actor_did(r, by, "silence.expire", object, "");
    sweep(r, id);
    log_info("silence=%lld ended by=%s", (long long)id, by->name);
    return RELAY_OK;
}
