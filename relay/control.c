/* The control socket: lists for everybody who may open it, verbs with a name. */
#include "control.h"

#include <unistd.h>

#include "adapters/display/screen.h"
#include "alerts.h"
#include "base/i18n.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mask.h"
#include "base/mem.h"
#include "base/text.h"
#include "dispatch.h"
#include "drill.h"
#include "feedback.h"
#include "io/address.h"
#include "list.h"
#include "notice.h"
#include "overview.h"
#include "pipeline.h"
#include "review.h"
#include "rulebook.h"
#include "silence.h"
#include "status.h"

enum { ANSWER_MAX = 8 * 1024 * 1024 };

static void reply_error(struct relay *r, struct http_exchange *x, enum relay_err err,
                        const struct reason *why)
{
    CLEANUP(buf_release) struct buf b = BUF_INIT(4096);
    buf_char(&b, '{');
    buf_json_member(&b, "error", why->text);
    buf_json_member(&b, "code", relay_err_name(err));
    buf_char(&b, '}');
    int status = err == RELAY_NOT_FOUND  ? 404
                 : err == RELAY_CONFLICT ? 409
                 : err == RELAY_INVALID  ? 400
                                         : 500;
    pipeline_reply(r, x, status, buf_cstr(&b));
}

/* -- views: what is asked for, appended to `ret` ------------------------------------------------------------------- */

struct view {
    const char *path;
    enum relay_err (*show)(struct relay *r, struct http_exchange *x, struct buf *ret, struct reason *why);
    /* or a list that takes a filter */
    enum relay_err (*list)(struct db *db, const struct list_filter *f, struct buf *ret, struct reason *why);
};

static enum relay_err show_list(struct relay *r, struct http_exchange *x, const struct view *v,
                                struct buf *ret, struct reason *why)
{
    const char *limit = http_query(x, "limit");
    struct list_filter f = {.active = http_query(x, "active") != NULL,
                            .state = http_query(x, "state"),
                            .target = http_query(x, "target"),
                            .alert = http_query(x, "alert"),
                            .now = r->now.wall,
                            .limit = limit ? strtoll(limit, NULL, 10) : 0};
    bool review = v->list == list_alerts && http_query(x, "review");
    return (review ? list_review : v->list)(store_db(r->store), &f, ret, why);
}

static enum relay_err show_status(struct relay *r, struct http_exchange *x, struct buf *ret,
                                  struct reason *why)
{
    (void)x;
    (void)why;
    status_json(r, ret);
    return RELAY_OK;
}

static enum relay_err show_alert(struct relay *r, struct http_exchange *x, struct buf *ret,
                                 struct reason *why)
{
    const char *id = http_query(x, "id");
    return list_alert(store_db(r->store), id ? id : "", ret, why);
}

static enum relay_err show_sites(struct relay *r, struct http_exchange *x, struct buf *ret,
                                 struct reason *why)
{
    (void)x;
    (void)why;
    overview_sites(r, ret);
    return RELAY_OK;
}

static enum relay_err show_overview(struct relay *r, struct http_exchange *x, struct buf *ret,
                                    struct reason *why)
{
    (void)x;
    return overview_json(r, ret, why);
}

static enum relay_err show_feedback(struct relay *r, struct http_exchange *x, struct buf *ret,
                                    struct reason *why)
{
    (void)x;
    return feedback_json(store_db(r->store), r->now.wall, ret, why);
}

static enum relay_err show_delivery(struct relay *r, struct http_exchange *x, struct buf *ret,
                                    struct reason *why)
{
    const char *id = http_query(x, "id");
    return list_delivery(store_db(r->store), id ? id : "", ret, NULL, why);
}

/* Where screens find their pages: what people type into them, so a name rather than 0.0.0.0. */
static void pages_base(const struct relay *r, struct buf *b)
{
    char host[46], name[256] = "";
    int port;
    const struct http_options *h = &r->config->http;
    if (h->public_address) {
        buf_str(b, h->public_address);
        return;
    }
    if (!r->n_pages || !address_listen(h->listen.items[0], host, &port)) return;
    bool any = strcmp(host, "0.0.0.0") == 0 || strcmp(host, "::") == 0;
    if (any && gethostname(name, sizeof(name) - 1) != 0) any = false;
    buf_printf(b, "%s://", h->tls.cert ? "https" : "http");
    buf_printf(b, !any && strchr(host, ':') ? "[%s]" : "%s", any ? name : host);
    buf_printf(b, ":%d", http_server_port(r->pages[0]));
}

static enum relay_err show_wards(struct relay *r, struct http_exchange *x, struct buf *ret,
                                 struct reason *why)
{
    (void)why;
    CLEANUP(buf_release) struct buf base = BUF_INIT(512), url = BUF_INIT(1024);
    char token[SCREEN_TOKEN_LEN];
    const char *only = http_query(x, "id");
    const struct site_config *sites = r->config->sites.items;
    pages_base(r, &base);
    buf_str(ret, "{\"wards\":[");
    for (size_t i = 0; i < r->targets->n; i++) {
        const struct relay_target *t = &r->targets->items[i];
        if (t->ops != &board_ops || (only && strcmp(only, t->pub.site) != 0)) continue;
        if (ret->data[ret->len - 1] != '[') buf_char(ret, ',');
        screens_token(r->page_secret, t->pub.site, t->pub.place, token);
        buf_clear(&url);
        buf_printf(&url, "%s/screen/%s/%s?t=%s", buf_cstr(&base), t->pub.site, t->pub.place, token);
        buf_char(ret, '{');
        buf_json_member(ret, "target", t->pub.id);
        buf_json_member(ret, "site", t->site->name);
        buf_json_member(ret, "name", t->pub.name);
        buf_json_member_int(ret, "screens", (int64_t)screens_connected(&t->pub));
        buf_json_member(ret, "address", buf_cstr(&url));
        buf_char(ret, '}');
    }
    buf_str(ret, "],\"walls\":[");
    for (size_t i = 0; i < r->config->sites.n; i++) {
        if (!sites[i].wards.n || (only && strcmp(only, sites[i].id) != 0)) continue;
        if (ret->data[ret->len - 1] != '[') buf_char(ret, ',');
        screens_token(r->page_secret, sites[i].id, NULL, token);
        buf_clear(&url);
        buf_printf(&url, "%s/wall/%s?t=%s", buf_cstr(&base), sites[i].id, token);
        buf_char(ret, '{');
        buf_json_member(ret, "site", sites[i].id);
        buf_json_member(ret, "name", sites[i].name);
        buf_json_member(ret, "address", buf_cstr(&url));
        buf_char(ret, '}');
    }
    buf_str(ret, "]}");
    return RELAY_OK;
}

static const struct view views[] = {
    {"/v1/status", show_status, NULL},         {"/v1/alert", show_alert, NULL},
    {"/v1/delivery", show_delivery, NULL},     {"/v1/sites", show_sites, NULL},
    {"/v1/wards", show_wards, NULL},           {"/v1/overview", show_overview, NULL},
    {"/v1/feedback", show_feedback, NULL},     {"/v1/alerts", NULL, list_alerts},
    {"/v1/deliveries", NULL, list_deliveries}, {"/v1/silences", NULL, list_silences},
    {"/v1/drills", NULL, list_drills},         {"/v1/drill/plan", NULL, list_plans},
};

static void get_view(void *arg, struct http_exchange *x)
{
    struct relay *r = arg;
    CLEANUP(buf_release) struct buf b = BUF_INIT(ANSWER_MAX);
    struct reason why = {""};
    const struct view *v = views;
    while (strcmp(v->path, http_path(x)) != 0) v++; /* it is registered for these only */
    enum relay_err err = v->list ? show_list(r, x, v, &b, &why) : v->show(r, x, &b, &why);
    if (err == RELAY_OK && buf_failed(&b))
        err = fail(&why, RELAY_LIMIT, _("the answer is larger than %d MiB; ask for less"), ANSWER_MAX >> 20);
    if (err != RELAY_OK)
        reply_error(r, x, err, &why);
    else
        http_reply_json(x, 200, buf_cstr(&b));
}

/* -- verbs: one row each, with who and why ------------------------------------------------------------------------ */

struct verb {
    const char *path;
    bool names_person; /* --by is required */
    /* Appends members of the answer to `ret` after {"ok":true */
    enum relay_err (*run)(struct relay *r, const char *id, const struct actor *by, struct buf *ret,
                          struct reason *why);
    /* or has none to append */
    enum relay_err (*act)(struct relay *r, const char *id, const struct actor *by, struct reason *why);
};

/* The first word of "yanta-1-20261122-17 误报", and what comes after it, or "". */
static const char *two_words(const char *id, char *ret_first, size_t size)
{
    size_t n = strcspn(id, " ");
    (void)snprintf(ret_first, size, "%.*s", (int)n, id);
    return id[n] ? id + n + 1 : "";
}

/* {"for":"2h"}; 0 when it is not there or is no duration: the verb says what it wants. */
static int64_t asked_duration(const struct actor *by)
{
    int64_t lasts;
    return duration_parse(json_str_or(by->ask, "for", ""), &lasts) == RELAY_OK ? lasts : 0;
}

static enum relay_err verb_cancel(struct relay *r, const char *id, const struct actor *by, struct reason *why)
{
    return alerts_cancel(r, id, json_str_or(by->ask, "site", ""), by, why);
}

static enum relay_err verb_confirm(struct relay *r, const char *id, const struct actor *by, struct buf *ret,
                                   struct reason *why)
{
    int64_t event;
    if (!text_number(id, &event)) return alerts_confirm(r, id, by, why);
    char alert[80];
    enum relay_err err = alerts_confirm_event(r, event, by, alert, why);
    if (err == RELAY_OK) buf_json_member(ret, "alert", alert);
    return err;
}

static enum relay_err verb_approve(struct relay *r, const char *id, const struct actor *by, struct buf *ret,
                                   struct reason *why)
{
    bool waiting;
    enum relay_err err = review_approve(r, id, by, &waiting, why);
    if (err == RELAY_OK) buf_json_member_bool(ret, "waiting", waiting);
    return err;
}

static enum relay_err verb_dismiss(struct relay *r, const char *id, const struct actor *by,
                                   struct reason *why)
{
    int64_t event;
    if (!text_number(id, &event))
        return fail(why, RELAY_NOT_FOUND,
                    _("there is no event `%s`; `tocsin alerts list --review` shows them"), id);
    return review_dismiss(r, event, by, why);
}

/* "yanta-1-20261122-17 误报" */
static enum relay_err verb_outcome(struct relay *r, const char *id, const struct actor *by,
                                   struct reason *why)
{
    char alert[80];
    const char *outcome = two_words(id, alert, sizeof(alert));
    return review_outcome(r, alert, outcome, by, why);
}

/* "xjtu-1 live" */
static enum relay_err verb_site_mode(struct relay *r, const char *id, const struct actor *by,
                                     struct reason *why)
{
    char site[40];
    const char *mode = two_words(id, site, sizeof(site));
    return review_site_mode(r, site, mode, by, why);
}

/* A delivery by whatever names it: its row, and its whole id for the record of what was done. */
static enum relay_err find_delivery(struct relay *r, const char *id, int64_t *ret_row,
                                    char ret_id[static DELIVERY_ID_MAX], struct reason *why)
{
    CLEANUP(buf_release) struct buf shown = BUF_INIT(ANSWER_MAX);
    CLEANUP(json_free_ptr) cJSON *j = NULL;
    struct json_limits limits = {ANSWER_MAX, 8};
    enum relay_err err = list_delivery(store_db(r->store), id, &shown, ret_row, why);
    if (err == RELAY_OK) err = json_parse(buf_cstr(&shown), shown.len, &limits, &j, why);
    if (err == RELAY_OK) (void)snprintf(ret_id, DELIVERY_ID_MAX, "%s", json_str_or(j, "id", id));
    return err;
}

static enum relay_err verb_replay(struct relay *r, const char *id, const struct actor *by, struct buf *ret,
                                  struct reason *why)
{
    char whole[DELIVERY_ID_MAX];
    int64_t row;
    enum relay_err err = find_delivery(r, id, &row, whole, why);
    if (err == RELAY_OK) err = dispatch_replay(r, row, why);
    if (err != RELAY_OK) return err;
    actor_did(r, by, "delivery.replay", whole, "");
    buf_json_member_int(ret, "row", row);
    return RELAY_OK;
}

static enum relay_err verb_done(struct relay *r, const char *id, const struct actor *by, struct buf *ret,
                                struct reason *why)
{
    char whole[DELIVERY_ID_MAX];
    int64_t row;
    enum relay_err err = find_delivery(r, id, &row, whole, why);
    if (err == RELAY_OK) err = dispatch_done(r, row, by->name, why);
    if (err != RELAY_OK) return err;
    actor_did(r, by, "delivery.done", whole, "");
    buf_json_member_int(ret, "row", row);
    return RELAY_OK;
}

/* "N2KQH 误报": a short id as it was read out, and the word */
static enum relay_err verb_feedback(struct relay *r, const char *id, const struct actor *by, struct buf *ret,
                                    struct reason *why)
{
    char whole[DELIVERY_ID_MAX], code[DELIVERY_ID_MAX];
    int64_t row;
    enum feedback_word w;
    bool again;
    if (!feedback_word_parse(two_words(id, code, sizeof(code)), &w))
        return fail(why, RELAY_INVALID, _("say what: 本地也有, 误报, 收到 or 劝阻成功"));
    enum relay_err err = find_delivery(r, code, &row, whole, why);
    if (err == RELAY_OK) err = feedback_say(r, row, w, by, &again, why);
    if (err != RELAY_OK) return err;
    buf_json_member(ret, "delivery", whole);
    buf_json_member_bool(ret, "again", again);
    return RELAY_OK;
}

static enum relay_err verb_target_test(struct relay *r, const char *id, const struct actor *by,
                                       struct buf *ret, struct reason *why)
{
    int64_t row;
    enum relay_err err = notice_test(r, id, by, &row, why);
    if (err == RELAY_OK) buf_json_member_int(ret, "row", row);
    return err;
}

static enum relay_err verb_reload(struct relay *r, const char *id, const struct actor *by, struct reason *why)
{
    (void)id;
    (void)why;
    actor_did(r, by, "relay.reload", r->config->relay.id, "");
    r->reload_asked = true;
    return RELAY_OK;
}

static enum relay_err verb_clock_trust(struct relay *r, const char *id, const struct actor *by,
                                       struct reason *why)
{
    (void)id;
    enum relay_err err = pipeline_trust_clock(r, why);
    if (err == RELAY_OK) actor_did(r, by, "clock.trust", r->config->relay.id, "");
    return err;
}

/* {"matchers":"level=\"orange\"","for":"2h"} */
static enum relay_err verb_silence_add(struct relay *r, const char *id, const struct actor *by,
                                       struct buf *ret, struct reason *why)
{
    (void)id;
    int64_t lasts = asked_duration(by), row;
    bool broad;
    enum relay_err err = silence_add(r, json_str_or(by->ask, "matchers", ""), lasts, by, &row, &broad, why);
    if (err != RELAY_OK) return err;
    buf_json_member_int(ret, "silence", row);
    buf_json_member_bool(ret, "broad", broad);
    buf_json_member_time(ret, "expires", r->now.wall + lasts);
    return RELAY_OK;
}

static enum relay_err verb_silence_expire(struct relay *r, const char *id, const struct actor *by,
                                          struct reason *why)
{
    int64_t silence;
    if (!text_number(id, &silence))
        return fail(why, RELAY_NOT_FOUND, _("there is no silence `%s`; `tocsin silence list` shows them"),
                    id);
    return silence_expire(r, silence, by, why);
}

/* {"for":"30m","site":"xjtu-1"} */
static enum relay_err verb_drill_start(struct relay *r, const char *id, const struct actor *by,
                                       struct buf *ret, struct reason *why)
{
    (void)id;
    int64_t lasts = asked_duration(by), row;
    enum relay_err err = drill_start(r, json_str_or(by->ask, "site", ""), lasts, by, &row, why);
    if (err != RELAY_OK) return err;
    buf_json_member_int(ret, "drill", row);
    buf_json_member_time(ret, "expires", r->now.wall + lasts);
    return RELAY_OK;
}

static enum relay_err verb_drill_stop(struct relay *r, const char *id, const struct actor *by,
                                      struct reason *why)
{
    (void)id;
    return drill_stop(r, by, why);
}

/* {"text":"id: …"} */
static enum relay_err verb_rule_install(struct relay *r, const char *id, const struct actor *by,
                                        struct buf *ret, struct reason *why)
{
    char rule[64];
    (void)id; /* it stands in the text */
    bool replaces_stable = false;
    enum relay_err err =
        rulebook_install(r, json_str_or(by->ask, "text", ""), by, rule, &replaces_stable, why);
    if (err != RELAY_OK) return err;
    buf_json_member(ret, "rule", rule);
    buf_json_member_bool(ret, "replaces_stable", replaces_stable);
    return RELAY_OK;
}

static enum relay_err verb_rule_revert(struct relay *r, const char *id, const struct actor *by,
                                       struct buf *ret, struct reason *why)
{
    const char *now = "";
    enum relay_err err = rulebook_revert(r, id, by, &now, why);
    if (err != RELAY_OK) return err;
    buf_json_member(ret, "rule", id);
    buf_json_member(ret, "now", now);
    return RELAY_OK;
}

static const struct verb verbs[] = {
    {"/v1/alerts/feedback", true, .run = verb_feedback},
    {"/v1/alerts/outcome", true, .act = verb_outcome},
    {"/v1/alerts/cancel", true, .act = verb_cancel},
    {"/v1/alerts/confirm", true, .run = verb_confirm},
    {"/v1/alerts/approve", true, .run = verb_approve},
    {"/v1/alerts/reject", true, .act = review_reject},
    {"/v1/alerts/ack", true, .act = review_ack},
    {"/v1/alerts/dismiss", true, .act = verb_dismiss},
    {"/v1/deliveries/done", true, .run = verb_done},
    {"/v1/deliveries/replay", true, .run = verb_replay},
    {"/v1/rules/install", true, .run = verb_rule_install},
    {"/v1/rules/stable", true, .act = rulebook_stable},
    {"/v1/rules/revert", true, .run = verb_rule_revert},
    {"/v1/silence/add", true, .run = verb_silence_add},
    {"/v1/silence/expire", true, .act = verb_silence_expire},
    {"/v1/drill/start", true, .run = verb_drill_start},
    {"/v1/drill/stop", true, .act = verb_drill_stop},
    {"/v1/site/mode", true, .act = verb_site_mode},
    {"/v1/target/test", false, .run = verb_target_test},
    {"/v1/reload", false, .act = verb_reload},
    {"/v1/clock/trust", true, .act = verb_clock_trust},
};

static void post_verb(void *arg, struct http_exchange *x)
{
    struct relay *r = arg;
    const struct verb *v = verbs;
    while (strcmp(v->path, http_path(x)) != 0) v++; /* as in get_view */
    struct reason why = {""};
    size_t n;
    const char *bytes = http_body(x, &n);
    struct json_limits limits = {128 * 1024, 4}; /* a rule's file, escaped */
    CLEANUP(json_free_ptr) cJSON *j = NULL;
    int uid = -1, pid = -1;
    enum relay_err err = json_parse(bytes, n, &limits, &j, &why);
    if (err == RELAY_OK) err = http_peer(x, &uid, &pid);
    /* It is kept for years, and groups are told it. Who speaks is his to say, of whom he speaks is not. */
    CLEANUP(buf_release) struct buf reason = BUF_INIT(256 * 1024);
    mask_original(json_str_or(j, "reason", ""), &reason);
    struct actor by = {.name = json_str_or(j, "by", ""), .reason = buf_cstr(&reason), .uid = uid, .ask = j};
    if (err == RELAY_OK && v->names_person && !*by.name)
        err = fail(&why, RELAY_INVALID, _("say who you are: --by NAME"));
    CLEANUP(buf_release) struct buf b = BUF_INIT(64 * 1024);
    buf_str(&b, "{\"ok\":true");
    const char *id = json_str_or(j, "id", "");
    if (err == RELAY_OK) err = v->act ? v->act(r, id, &by, &why) : v->run(r, id, &by, &b, &why);
    buf_char(&b, '}');
    if (err != RELAY_OK) {
        reply_error(r, x, err, &why);
        return;
    }
    log_info("verb=%s object=%s by=%s uid=%d pid=%d", v->path, id, by.name, uid, pid);
    pipeline_reply(r, x, 200, buf_cstr(&b));
}

enum relay_err control_open(struct relay *r, struct reason *why)
{
    CLEANUP(free_ptr) char *path = xasprintf("%s/" CONTROL_SOCKET, r->config->relay.state_dir);
    struct http_server_options o = {.unix_path = path, .unix_group = "tocsin", .max_connections = 64};
    enum relay_err err = http_server_new(r->loop, &o, &r->control, why);
    if (err != RELAY_OK) return fail_in(why, err, _("control socket"));
    for (size_t i = 0; i < ARRAY_LEN(views); i++)
        http_server_on(r->control, "GET", views[i].path, get_view, r);
    for (size_t i = 0; i < ARRAY_LEN(verbs); i++)
        http_server_on(r->control, "POST", verbs[i].path, post_verb, r);
    return RELAY_OK;
}
