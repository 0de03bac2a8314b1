/* The turn, and what it is made of. */
#include "pipeline.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "alerts.h"
#include "base/crashpoint.h"
#include "base/hash.h"
#include "base/i18n.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "control.h"
#include "dispatch.h"
#include "drill_plan.h"
#include "escalate.h"
#include "feeds.h"
#include "intake.h"
#include "io/address.h"
#include "outlink.h"
#include "overview.h"
#include "pages.h"
#include "players.h"
#include "review.h"
#include "rulebook.h"
#include "silence.h"
#include "told.h"

#define CLOCK_STEP      (2 * SECOND_MS)
#define DISK_LOOK       (5 * SECOND_MS)
#define DISK_LOOK_AGAIN (1 * SECOND_MS) /* while feeds wait for room */
#define PROBE_EVERY     (1 * SECOND_MS)
#define PRUNE_EVERY     HOUR_MS
#define PRUNE_PACE      20 /* ms from slice to slice, however often the loop turns */
#define WAL_IDLE_PAGES  250
#define WAL_MOST_PAGES  16000
#define STOP_MOST       (5 * SECOND_MS) /* for the answers of chats that are under way at a stop */
/* Besides the streams of screens: their beats and words of what they show, probes, metrics. */
enum { OTHER_CONNECTIONS = 500 };

struct reply {
    struct reply *next;
    struct http_exchange *x;
    int status;
    char *json;
};

/* What only the pipeline needs to know. */
struct pipeline {
    struct relay relay;        /* first: the stages' view */
    struct counters committed; /* what the counters go back to when the commit fails */
    struct reply *replies, **replies_end;
    int64_t wall_base, mono_base; /* the clocks at the last look */
    int64_t disk_at, probe_at, prune_at, slice_at;
    int64_t prune_anyway; /* without a word of any feed */
    bool pruning;
    bool vouched; /* for the clock, by a person in this turn's transaction */
    bool stepped; /* the clock: dues are clamped until a commit has kept it */
    bool reload_runs, reload_again;
    bool reload_waits; /* for the store to work again */
    bool reload_new;   /* what follows from it is in this turn's transaction */
};

static volatile sig_atomic_t stop_signals, hangup;
static struct loop *signal_loop;

static struct pipeline *of(struct relay *r)
{
    return (struct pipeline *)r;
}

/* -- adapters' view of the core ----------------------------------------------------------------------------------- */

static struct now env_now(void *core)
{
    return ((struct relay *)core)->now;
}

static void env_publish(void *core, const char *topic, const char *payload, size_t n, bool retain,
                        int64_t expiry_ms, struct send *op)
{
    outlink_publish(core, topic, payload, n, retain, expiry_ms, op);
}

static void env_on_topic(void *core, const char *filter,
                         void (*fn)(void *ctx, const char *topic, const char *payload, size_t n), void *ctx)
{
    outlink_on_topic(core, filter, fn, ctx);
}

static void env_on_http(void *core, const char *method, const char *path, http_handler_fn fn, void *ctx)
{
    struct relay *r = core;
    for (size_t i = 0; i < r->n_pages; i++) http_server_on(r->pages[i], method, path, fn, ctx);
}

static void env_report(void *core, const struct report *report)
{
    dispatch_report(core, report);
}

static const struct target *env_find_target(void *core, const char *id)
{
    struct relay_target *t = targets_by_id(((struct relay *)core)->targets, id);
    return t ? &t->pub : NULL;
}

static void env_refresh(void *core, const char *target, int64_t at)
{
    dispatch_refresh(core, target, at);
}

static bool env_broker_up(void *core)
{
    return outlink_up(core);
}

static const struct target *env_target_at(void *core, const char *adapter, size_t i)
{
    struct targets *t = ((struct relay *)core)->targets;
    for (size_t k = 0; k < t->n; k++)
        if (strcmp(t->items[k].ops->name, adapter) == 0 && i-- == 0) return &t->items[k].pub;
    return NULL;
}

static const char *env_public_address(void *core)
{
    return ((struct relay *)core)->config->http.public_address;
}

/* Opens every kind that some target uses and that is not open yet. */
static enum relay_err open_adapters(struct relay *r, const struct targets *t, struct reason *why)
{
    for (size_t i = 0; i < t->n; i++) {
        const struct adapter_ops *ops = t->items[i].ops;
        bool open = false;
        for (size_t k = 0; k < r->n_slots; k++) open = open || r->slots[k].ops == ops;
        if (open) continue;
        if (r->n_slots == ARRAY_LEN(r->slots))
            return fail(why, RELAY_LIMIT, _("more kinds of target than this build has room for"));
        struct adapter_slot *slot = &r->slots[r->n_slots++];
        slot->ops = ops;
        slot->ctx = xcalloc(1, ops->ctx_size ? ops->ctx_size : 1);
        struct adapter_env env = {.http = r->http,
                                  .prefix = r->config->broker.prefix,
                                  .relay_id = r->config->relay.id,
                                  .core = r,
                                  .now = env_now,
                                  .publish = env_publish,
                                  .on_topic = env_on_topic,
                                  .on_http = env_on_http,
                                  .report = env_report,
                                  .find_target = env_find_target,
                                  .refresh = env_refresh,
                                  .broker_up = env_broker_up,
                                  .secret = r->page_secret,
                                  .max_streams = (size_t)r->config->limits.streams,
                                  .target_at = env_target_at,
                                  .cards = r->cards,
                                  .public_address = env_public_address};
        if (!ops->open) continue;
        enum relay_err err = ops->open(slot->ctx, &env, why);
        if (err != RELAY_OK) return fail_in(why, err, _("adapter %s"), ops->name);
    }
    return RELAY_OK;
}

/* -- start and end ------------------------------------------------------------------------------------------------ */

/* A bad rule is named. At the start the others load without it; a reload has a better set to keep, and is refused whole. */
static enum relay_err load_rules(const struct relay_config *c, bool reload, struct rule_set **ret,
                                 struct reason *why)
{
    struct rule_problems problems = {0};
    struct rule_set *set = NULL;
    enum relay_err err = rulebook_load(c, &set, &problems, why);
    const struct rule_problem *first = NULL;
    int bad = 0;
    for (size_t i = 0; i < problems.n; i++) {
        const struct rule_problem *p = &problems.items[i];
        if (p->warning) continue;
        if (!bad++) first = p;
        log_error("%s:%d: rule %s %s: %s", p->file, p->line, *p->rule ? p->rule : "-",
                  reload ? "is not right" : "left out", p->why.text);
    }
    char line[16] = "";
    if (first && first->line) (void)snprintf(line, sizeof(line), ":%d", first->line);
    if (err == RELAY_OK && reload && bad)
        err =
            fail(why, RELAY_INVALID,
                 _("rules with errors: %d; mend them (`tocsin check` names them all) and reload. The first: "
                   "%s%s: %s"),
                 bad, first->file, line, first->why.text);
    rule_problems_release(&problems);
    if (err == RELAY_OK)
        *ret = set;
    else
        rule_set_free(set);
    return err;
}

static enum relay_err open_pages(struct relay *r, struct reason *why)
{
    const struct http_options *h = &r->config->http;
    for (size_t i = 0; i < h->listen.n && i < ARRAY_LEN(r->pages); i++) {
        char host[46];
        int port;
        if (!address_listen(h->listen.items[i], host, &port))
            return fail(why, RELAY_INVALID, _("http.listen: %s"), h->listen.items[i]);
        struct http_server_options o = {.host = host,
                                        .port = port,
                                        .tls_cert_file = h->tls.cert,
                                        .tls_key_file = h->tls.key,
                                        .max_connections =
                                            (int)r->config->limits.streams + OTHER_CONNECTIONS};
        enum relay_err err = http_server_new(r->loop, &o, &r->pages[i], why);
        if (err != RELAY_OK) return fail_in(why, err, "http.listen %s", h->listen.items[i]);
        r->n_pages = i + 1;
        pages_serve(r, r->pages[i]);
    }
    return RELAY_OK;
}

/* Tokens of pages must not tell anything of the key that hides numbers in the store. */
static void derive_page_secret(struct relay *r)
{
    static const char purpose[] = "screen";
    uint8_t mac[HASH_LEN];
    hash_hmac_sha256(store_key(r->store), 16, purpose, sizeof(purpose) - 1, mac);
    memcpy(r->page_secret, mac, sizeof(r->page_secret));
}

static enum relay_err start(struct relay *r, struct reason *why)
{
    const struct relay_config *c = r->config;
    log_set_named_level(c->relay.log_level);
    enum relay_err err = clock_set_zone(c->relay.timezone, why);
    if (err == RELAY_OK) err = loop_new(&r->loop, why);
    r->now = clock_now();
    r->started = r->now.wall;
    if (err == RELAY_OK) err = store_open(c->relay.state_dir, &r->store, why);
    if (err == RELAY_OK) err = rulebook_write(r->store, c->relay.state_dir, why);
    if (err == RELAY_OK) err = load_rules(c, false, &r->rules, why);
    if (err != RELAY_OK) return err;
    r->matcher = matcher_new(r->rules);
    r->dispatch = dispatch_new();
    derive_page_secret(r);
    r->newest = store_newest(r->store);
    err = http_client_new(r->loop, (int)c->limits.http, &r->http, why);
    if (err == RELAY_OK) http_client_bound_answers(r->http, (size_t)c->limits.answer);
    if (err == RELAY_OK) err = outlink_new(r, &r->out, why);
    r->cards = cards_new(r->loop, c->relay.state_dir);
    if (err == RELAY_OK) r->players = players_new(r);
    if (err == RELAY_OK) err = open_pages(r, why);
    if (err == RELAY_OK) err = control_open(r, why);
    if (err != RELAY_OK) return err;
    r->targets = targets_new(r->config);
    err = open_adapters(r, r->targets, why);
    if (err != RELAY_OK) return err;
    targets_bind(r->targets, r->store, r->slots, r->n_slots);
    told_load(r);
    dispatch_targets_changed(r, NULL);
    int resumed = store_resume(r->store, r->now.wall);
    if (resumed)
        log_info("resumed=%d deliveries that were under way at the stop: they are tried again, marked",
                 resumed);
    review_follow_modes(r);
    err = feeds_new(r, NULL, &r->feeds, why);
    if (err == RELAY_OK) err = store_commit(r->store, why);
    return err;
}

static void on_signal(int number)
{
    if (number == SIGHUP) {
        hangup = 1;
    } else {
        if (++stop_signals > 1) _exit(1);
    }
    if (signal_loop) loop_wake(signal_loop);
}

/* Before anybody can see that the relay is there: a SIGHUP that comes between would otherwise end it. */
static void catch_signals(void)
{
    struct sigaction a = {.sa_handler = on_signal};
    sigemptyset(&a.sa_mask);
    (void)sigaction(SIGTERM, &a, NULL);
    (void)sigaction(SIGINT, &a, NULL);
    (void)sigaction(SIGHUP, &a, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    stop_signals = hangup = 0;
}

enum relay_err pipeline_new(struct relay_config *c, struct relay **ret, struct reason *why)
{
    struct pipeline *p = xcalloc(1, sizeof(*p));
    struct relay *r = &p->relay;
    r->config = c;
    r->store_ok = r->intake_open = r->clock_trusted = true;
    r->sweeping = true; /* unless the store says that all is done */
    p->replies_end = &p->replies;
    crashpoint_init();
    catch_signals();
    enum relay_err err = start(r, why);
    if (err != RELAY_OK) {
        pipeline_free(r);
        return err;
    }
    p->wall_base = r->now.wall;
    p->mono_base = r->now.mono;
    p->prune_at = r->now.mono + 2 * SECOND_MS;
    p->prune_anyway = r->now.mono + HOUR_MS;
    *ret = r;
    return RELAY_OK;
}

struct relay *pipeline_free(struct relay *r)
{
    if (!r) return NULL;
    struct pipeline *p = of(r);
    r->feeds = feeds_free(r->feeds);
    r->http = http_client_free(r->http);
    r->cards = cards_free(r->cards);
    r->out = outlink_free(r->out);
    r->dispatch = dispatch_free(r->dispatch);
    targets_release(r->targets);
    for (size_t i = 0; i < r->n_slots; i++) {
        if (r->slots[i].ops->close) r->slots[i].ops->close(r->slots[i].ctx);
        free(r->slots[i].ctx);
    }
    while (p->replies) {
        struct reply *reply = p->replies;
        p->replies = reply->next;
        free(reply->json);
        free(reply);
    }
    for (size_t i = 0; i < r->n_pages; i++) http_server_free(r->pages[i]);
    http_server_free(r->control);
    silences_free(r->silences);
    players_free(r->players);
    overview_free(r->overview);
    matcher_free(r->matcher);
    rule_set_free(r->rules);
    store_close(r->store);
    loop_free(r->loop);
    config_free(r->config);
    intake_release();
    free(p);
    return NULL;
}

static bool commit(struct relay *r)
{
    if (!store_dirty(r->store)) return r->store_ok;
    crashpoint("before_commit");
    struct reason why = {""};
    if (store_commit(r->store, &why) == RELAY_OK) {
        crashpoint("after_commit");
        return true;
    }
    r->commits_failed++;
    if (r->store_ok || strcmp(why.text, r->trouble) != 0)
        log_error("store: %s; nothing is acknowledged or sent until a commit works, feeds keep their events",
                  why.text);
    (void)snprintf(r->trouble, sizeof(r->trouble), "%s", why.text);
    r->store_ok = false;
    of(r)->probe_at = r->now.mono + PROBE_EVERY;
    return false;
}

/* -- reload ------------------------------------------------------------------------------------------------------- */

struct reload {
    struct relay *relay;
    char *path;
    struct relay_config *config;
    struct rule_set *rules;
    struct opt_problems problems;
    struct reason why;
    bool ok;
};

static void reload_work(void *arg) /* on the helper thread: builds, touches nothing of the relay's */
{
    struct reload *l = arg;
    if (config_load(l->path, &l->config, &l->problems) == RELAY_OK)
        l->ok = load_rules(l->config, true, &l->rules, &l->why) == RELAY_OK;
    else
        (void)fail(&l->why, RELAY_INVALID,
                   _("problems in the configuration: %zu; mend them (`tocsin check` names them all) and "
                     "reload. The first: %s"),
                   l->problems.n, l->problems.n ? l->problems.items[0].text : l->path);
}

/* What a reload cannot change while the process runs: it was used at the start, and is not looked at again. */
static const struct {
    const char *name;
    enum { TEXT, NUMBER, CHOICE } type;
    size_t at;
} fixed[] = {
#define FIXED(type, member)                                                                                  \
    {                                                                                                        \
#member, type, offsetof(struct relay_config, member)                                                 \
    }
    FIXED(TEXT, relay.id),           FIXED(TEXT, relay.state_dir),      FIXED(TEXT, relay.timezone),
    FIXED(CHOICE, relay.language),   FIXED(TEXT, broker.host),          FIXED(NUMBER, broker.port),
    FIXED(TEXT, broker.username),    FIXED(TEXT, broker.password_file), FIXED(TEXT, broker.prefix),
    FIXED(TEXT, broker.tls.ca),      FIXED(TEXT, broker.tls.cert),      FIXED(TEXT, broker.tls.key),
    FIXED(NUMBER, broker.keepalive), FIXED(TEXT, http.tls.cert),        FIXED(TEXT, http.tls.key),
    FIXED(NUMBER, limits.http),      FIXED(NUMBER, limits.mqtt),        FIXED(NUMBER, limits.streams),
    FIXED(NUMBER, limits.answer),
#undef FIXED
};

static bool same_option(size_t i, const struct relay_config *a, const struct relay_config *b)
{
    const void *x = (const char *)a + fixed[i].at, *y = (const char *)b + fixed[i].at;
    switch (fixed[i].type) {
    case NUMBER: return *(const int64_t *)x == *(const int64_t *)y;
    case CHOICE: return *(const int *)x == *(const int *)y;
    case TEXT: break;
    }
    return text_same(*(const char *const *)x, *(const char *const *)y);
}

/* The first of those that differ; NULL: none. */
static const char *needs_restart(const struct relay_config *a, const struct relay_config *b)
{
    for (size_t i = 0; i < ARRAY_LEN(fixed); i++)
        if (!same_option(i, a, b)) return fixed[i].name;
    bool same = a->http.listen.n == b->http.listen.n;
    for (size_t i = 0; same && i < a->http.listen.n; i++)
        same = text_same(a->http.listen.items[i], b->http.listen.items[i]);
    return same ? NULL : "http.listen";
}

/* What runs stays. */
static void refuse_reload(struct relay *r, const char *why)
{
    (void)fail(&r->reload_refused, RELAY_INVALID, "%s", why);
    log_error("reload refused: %s; the old rules and configuration stay", why);
}

static void drop_reload(struct reload *l, struct targets *fresh)
{
    if (fresh) targets_release(fresh);
    rule_set_free(l->rules);
    config_free(l->config);
}

/* What is new has its row before memory knows the row's number: a number of a commit that failed is given again. */
static bool make_rows(struct relay *r, const struct relay_config *c, const struct targets *fresh)
{
    const struct feed_config *feeds = c->feeds.items;
    struct target_row row;
    for (size_t i = 0; i < fresh->n; i++) store_target(r->store, fresh->items[i].pub.id, &row);
    for (size_t i = 0; i < c->feeds.n; i++) (void)store_feed(r->store, feeds[i].id); /* the commit tells */
    return commit(r);
}

static void swap_in(struct relay *r, struct reload *l)
{
    struct reason why = {""};
    struct targets *fresh = targets_new(l->config);
    if (open_adapters(r, fresh, &why) != RELAY_OK) {
        refuse_reload(r, why.text);
        drop_reload(l, fresh);
        return;
    }
    if (!make_rows(r, l->config, fresh)) {
        log_warning(
            "reload waits until the store works again; the old rules and configuration stay until then");
        of(r)->reload_waits = true;
        drop_reload(l, fresh);
        return;
    }
    struct relay_config *old_config = r->config;
    struct targets *old = r->targets;
    r->config = l->config;
    if (feeds_new(r, r->feeds, &r->feeds, &why) != RELAY_OK) {
        refuse_reload(r, why.text);
        r->config = old_config;
        drop_reload(l, fresh);
        return;
    }
    r->targets = fresh;
    targets_bind(fresh, r->store, r->slots, r->n_slots);
    told_load(r);
    matcher_free(r->matcher);
    rule_set_free(r->rules);
    r->rules = l->rules;
    r->matcher = matcher_new(r->rules);
    dispatch_targets_changed(r, old);
    log_set_named_level(r->config->relay.log_level);
    targets_keep_config(old, old_config); /* operations under way may still read it */
    targets_release(old);
    review_follow_modes(r);
    of(r)->reload_new = true;
    r->reload_refused.text[0] = '\0';
    crashpoint("in_reload");
    log_info("reloaded %s: rules=%zu set=%s targets=%zu", r->config->file, rule_set_size(r->rules),
             rule_set_hash(r->rules), fresh->n);
}

static void reload_done(void *arg, bool cancelled)
{
    struct reload *l = arg;
    struct relay *r = l->relay;
    const char *restart = l->ok && !cancelled ? needs_restart(r->config, l->config) : NULL;
    if (l->ok && !cancelled && !restart) {
        swap_in(r, l);
    } else {
        for (size_t i = 0; i < l->problems.n && !cancelled; i++) log_error("%s", l->problems.items[i].text);
        if (restart)
            (void)fail(&l->why, RELAY_INVALID,
                       _("%s cannot change without a restart: restart the relay, or write what it was"),
                       restart);
        if (!cancelled) refuse_reload(r, l->why.text);
        drop_reload(l, NULL);
    }
    of(r)->reload_runs = false;
    free(l->path);
    free(l);
}

bool pipeline_reloading(const struct relay *r)
{
    const struct pipeline *p = (const struct pipeline *)r;
    return p->reload_runs || p->reload_again || p->reload_waits;
}

void pipeline_reload(struct relay *r)
{
    if (of(r)->reload_runs) {
        of(r)->reload_again = true;
        return;
    }
    of(r)->reload_runs = true;
    struct reload *l = xcalloc(1, sizeof(*l));
    l->relay = r;
    l->path = xstrdup(r->config->file);
    loop_offload(r->loop, reload_work, reload_done, l);
}

/* -- the turn ----------------------------------------------------------------------------------------------------- */

/* What a clock that is ahead calls old may be of today: a feed's event shows that it is right. Where none comes for an hour
 * there is no doubt either. */
static bool may_prune(struct relay *r)
{
    const struct pipeline *p = of(r);
    if (!p->pruning || !r->store_ok) return false;
    return feeds_show_clock(r) || (r->now.mono >= p->prune_anyway && !feeds_doubt_clock(r));
}

static int64_t next_due(struct relay *r)
{
    struct pipeline *p = of(r);
    int64_t due = r->now.mono + MINUTE_MS; /* silence and clock are looked at once a minute at least */
    int64_t wall = dispatch_next_due(r);
    wall = sooner(wall, escalate_next_due(r));
    if (wall != INT64_MAX) due = sooner(due, r->now.mono + (wall - r->now.wall));
    due = sooner(due, feeds_next_due(r));
    due = sooner(due, outlink_next_due(r));
    due = sooner(due, http_client_next_due(r->http));
    for (size_t i = 0; i < r->n_pages; i++) due = sooner(due, http_server_next_due(r->pages[i]));
    due = sooner(due, http_server_next_due(r->control));
    if (!r->store_ok) due = sooner(due, p->probe_at);
    due = sooner(due, may_prune(r) ? p->slice_at : p->pruning ? INT64_MAX : p->prune_at);
    due = sooner(due, p->disk_at);
    bool slices = r->fitting || r->following || (r->sweeping && r->clock_trusted);
    if ((slices && r->store_ok) || overview_counts(r)) due = r->now.mono;
    return due;
}

/* A clock behind what is stored, or before the build, is not believed: accept, send nothing, say so. */
static void watch_clock(struct relay *r)
{
    struct pipeline *p = of(r);
    int64_t drift = (r->now.wall - p->wall_base) - (r->now.mono - p->mono_base);
    if (drift > CLOCK_STEP || drift < -CLOCK_STEP) {
        log_warning("clock stepped by %lld ms: dues are counted anew from now", (long long)drift);
        p->wall_base = r->now.wall;
        p->mono_base = r->now.mono;
        p->stepped = true;
    }
    if (p->stepped) store_clamp_dues(r->store, r->now.wall, MINUTE_MS);
    bool trusted = r->now.wall >= clock_build_ms() && r->now.wall >= r->newest - CLOCK_STEP;
    if (trusted != r->clock_trusted) {
        if (trusted)
            log_info("clock is trusted again: sending goes on");
        else
            log_error("clock is not trusted (it is before the newest stored record): events are accepted, "
                      "nothing is sent; set the time and check NTP; if this is the time, and it was the "
                      "record's that was wrong: tocsin clock trust --by NAME");
        r->clock_trusted = trusted;
    }
    if (trusted && r->now.wall > r->newest) r->newest = r->now.wall;
}

enum relay_err pipeline_trust_clock(struct relay *r, struct reason *why)
{
    if (r->clock_trusted) return fail(why, RELAY_CONFLICT, _("the clock is trusted already: nothing to do"));
    char now[TIME_TEXT_LEN];
    if (r->now.wall < clock_build_ms())
        return fail(why, RELAY_INVALID,
                    _("it cannot be %s: this program is newer; set the time and check NTP"),
                    clock_format(r->now.wall, false, now));
    store_not_newer(r->store, r->now.wall);
    store_clamp_dues(r->store, r->now.wall, MINUTE_MS); /* the step may have been while we were away */
    of(r)->vouched = true;
    return RELAY_OK;
}

/* What is looked at every few seconds: free room, and how many alerts are in force. */
static void watch_room(struct relay *r)
{
    struct pipeline *p = of(r);
    if (r->now.mono < p->disk_at) return;
    r->alerts_in_force = store_alerts_in_force(r->store, r->now.wall);
    int64_t room = db_free_bytes(r->config->relay.state_dir);
    bool open = room < 0 || room >= r->config->relay.reserve;
    if (open != r->intake_open) {
        if (open)
            log_info("disk has room again: intake goes on");
        else
            log_error("disk nearly full (%lld MiB free, relay.reserve is %lld): intake stops, deliveries go "
                      "on; make room in %s",
                      (long long)room >> 20, (long long)r->config->relay.reserve >> 20,
                      r->config->relay.state_dir);
    }
    r->intake_open = open;
    p->disk_at = r->now.mono + (open ? DISK_LOOK : DISK_LOOK_AGAIN);
}

/* While commits fail nothing is read or sent; a small commit is tried until one works. */
static void probe_store(struct relay *r)
{
    struct pipeline *p = of(r);
    if (r->store_ok || r->now.mono < p->probe_at) return;
    p->probe_at = r->now.mono + PROBE_EVERY;
    struct reason why;
    if (store_probe(r->store, r->now.wall, &why) != RELAY_OK) {
        (void)snprintf(r->trouble, sizeof(r->trouble), "%s", why.text);
        return;
    }
    r->store_ok = true;
    r->trouble[0] = '\0';
    log_info("store works again: intake and sending go on");
    if (!p->reload_waits) return;
    p->reload_waits = false;
    pipeline_reload(r);
}

/* Once a minute: what the duty groups are to be told of silences and of the month's drill. */
static void look_at_notices(struct relay *r)
{
    if (!r->store_ok || !r->clock_trusted || r->now.mono < r->notices_at) return;
    r->notices_at = r->now.mono + MINUTE_MS;
    silence_look(r);
    drill_plan_look(r);
}

static void read_everything(struct relay *r)
{
    feeds_service(r);
    outlink_service(r);
    feeds_read(r);
    outlink_read(r);
    http_client_collect(r->http);
    http_server_run(r->control);
    for (size_t i = 0; i < r->n_pages; i++) http_server_run(r->pages[i]);
    dispatch_collect(r);
    escalate_due(r);
    review_follow_on(r);
    alerts_fit_on(r);
    overview_count_on(r);
    look_at_notices(r);
    silence_sweep_on(r);
    dispatch_claim(r);
}

static void send_replies(struct relay *r, bool committed)
{
    struct pipeline *p = of(r);
    while (p->replies) {
        struct reply *reply = p->replies;
        p->replies = reply->next;
        if (committed)
            http_reply_json(reply->x, reply->status, reply->json);
        else
            http_reply_json(
                reply->x, 503,
                "{\"error\":\"the store does not work: nothing was changed; see tocsin status\"}");
        free(reply->json);
        free(reply);
    }
    p->replies_end = &p->replies;
}

void pipeline_reply(struct relay *r, struct http_exchange *x, int status, const char *json)
{
    struct pipeline *p = of(r);
    struct reply *reply = xcalloc(1, sizeof(*reply));
    *reply = (struct reply){.x = x, .status = status, .json = xstrdup(json)};
    *p->replies_end = reply;
    p->replies_end = &reply->next;
}

static void release_everything(struct relay *r)
{
    of(r)->committed = r->counters;
    of(r)->stepped = of(r)->reload_new = false;
    if (of(r)->vouched) r->newest = r->now.wall;
    of(r)->vouched = false;
    if (r->modes_changed) targets_modes_settle(r->targets, true);
    dispatch_committed(r);
    feeds_release(r);
    crashpoint("after_puback");
    dispatch_start(r);
    outlink_release(r);
    http_client_start(r->http);
    crashpoint("after_send");
    rulebook_committed(r);
    if (r->reload_asked) pipeline_reload(r);
    r->modes_changed = r->reload_asked = false;
    send_replies(r, true);
}

static void refuse_everything(struct relay *r)
{
    r->counters = of(r)->committed;
    of(r)->reload_waits = of(r)->reload_waits || of(r)->reload_new; /* what follows from it is done again */
    of(r)->reload_new = of(r)->vouched = false;
    if (r->modes_changed) targets_modes_settle(r->targets, false);
    r->modes_changed = r->reload_asked = r->rulebook_changed = false;
    r->fitting = r->sweeping = true; /* the last slice may be undone */
    review_follow_modes(r);
    dispatch_forget(r);
    feeds_refuse(r, r->trouble);
    outlink_refuse(r, r->trouble);
    send_replies(r, false);
}

/* Checkpoints and pruning wait for a quiet moment, but not for ever. */
static void housekeeping(struct relay *r)
{
    struct pipeline *p = of(r);
    bool idle = r->feeds->read_now == 0;
    int64_t wal = store_wal_pages(r->store);
    struct reason why;
    if ((idle && wal > WAL_IDLE_PAGES) || wal > WAL_MOST_PAGES) {
        crashpoint("before_checkpoint");
        if (store_checkpoint(r->store, &why) != RELAY_OK)
            log_warning("checkpoint: %s; trying again", why.text);
        crashpoint("after_checkpoint");
    }
    if (!p->pruning && r->now.mono >= p->prune_at) {
        p->pruning = true;
        p->prune_at = r->now.mono + PRUNE_EVERY;
    }
    if (may_prune(r) && r->now.mono >= p->slice_at) {
        p->slice_at = r->now.mono + PRUNE_PACE;
        const struct relay_options *o = &r->config->relay;
        struct keep k = {.keys = o->keep_keys,
                         .matched = o->keep_matched,
                         .unmatched = o->keep_unmatched,
                         .deliveries = o->keep_deliveries,
                         .unmatched_bytes = o->keep_unmatched_bytes,
                         .refusals = o->keep_refusals};
        p->pruning = store_prune(r->store, r->now.wall, &k);
        crashpoint("in_pruning");
    }
}

void pipeline_turn(struct relay *r, int64_t max_wait_ms)
{
    int64_t due = sooner(next_due(r), r->now.mono + max_wait_ms);
    r->now = loop_wait(r->loop, due);
    r->turns++;
    loop_run_done(r->loop);
    watch_clock(r);
    watch_room(r);
    probe_store(r);
    read_everything(r);
    bool committed = commit(r);
    if (committed)
        release_everything(r);
    else
        refuse_everything(r);
    http_server_release(r->control);
    for (size_t i = 0; i < r->n_pages; i++)
        (committed ? http_server_release : http_server_refuse)(r->pages[i]);
    housekeeping(r);
}

/* -- running ------------------------------------------------------------------------------------------------------ */

/* What is under way may end: a chat whose answer nobody hears would get the same message again after the restart. Nothing
 * new begins, and a group that does not answer is not waited for long. */
static void finish_sends(struct relay *r)
{
    int64_t until = r->now.mono + STOP_MOST;
    r->stopping = true;
    while (dispatch_unsettled(r->dispatch) && r->store_ok && r->now.mono < until)
        pipeline_turn(r, until - r->now.mono);
}

int pipeline_run(struct relay *r)
{
    signal_loop = r->loop;
    while (!stop_signals) {
        if (hangup || of(r)->reload_again) {
            if (hangup) log_info("reloading %s", r->config->file);
            hangup = 0;
            of(r)->reload_again = false;
            pipeline_reload(r);
        }
        pipeline_turn(r, MINUTE_MS);
    }
    finish_sends(r);
    log_info("stopping: what was accepted is in the store");
    signal_loop = NULL;
    return 0;
}
