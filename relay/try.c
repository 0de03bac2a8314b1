/* Runs one rule over stored events and decides, group by group, as the pipeline would have. */
#include "try.h"

#include "areas.h"
#include "base/hash.h"
#include "base/i18n.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"
#include "decide.h"
#include "event_parse.h"
#include "route.h"
#include "targets.h"

enum {
    FINGERPRINT_MAX = 1024,
    SHOWN_BYTES = 240,
    SHOWN_BEFORE = 60,
    GROUPS_MAX = 100000,
    WINDOW_MOST = 5000
};

/* Values are only compared with each other here. */
static const uint8_t no_key[16] = {0};

/* What one event adds to its group. */
struct entry {
    int64_t at, feed, id, victim, value; /* id: of its event_id */
    int count;
    bool verified;
};

struct try_group {
    char *fingerprint;
    struct entry *entries; /* oldest first; those before `from` are out of the window */
    size_t n, cap, from;
    int64_t alert_until; /* the alert that it has, 0 none */
};

struct area_count {
    char area[AREA_LEN + 1];
    int alerts;
};

struct example {
    int64_t at;
    char area[AREA_LEN + 1];
    enum event_kind kind;
    bool alert;
    char text[SHOWN_BYTES + 8];
    size_t from, to;
};

struct trial {
    struct relay_config *config;
    struct targets *targets;
    const struct rule *rule;
    struct matcher *matcher;
    struct arena arena;
    struct event_scratch scratch;
    struct try_group *groups;
    size_t n_groups;
    struct area_count *areas;
    size_t n_areas;
    int64_t events, unreadable, found, fresh, unsure, alerts;
    int64_t unmatched_from; /* the oldest event that no rule had found; 0 none */
    struct example alerting[TRY_EXAMPLES], others[TRY_EXAMPLES];
    size_t n_alerting, n_others;
};

/* -- reading both tables in order of time ------------------------------------------------------------------------- */

static const char events_sql[] = "SELECT e.received, e.kind, e.area, e.guessed, e.feed, f.name, e.victim, "
                                 "e.suspect, e.payee, e.body, e.note FROM event e "
                                 "JOIN feed f ON f.id = e.feed WHERE e.received >= ?1 ORDER BY e.id";
static const char others_sql[] = "SELECT o.received, o.kind, o.area, 0, o.feed, f.name, o.victim, o.suspect, "
                                 "o.payee, o.body, '' FROM event_other o "
                                 "JOIN feed f ON f.id = o.feed WHERE o.received >= ?1 ORDER BY o.id";

struct cursor {
    struct stmt q;
    bool has;
};

static enum relay_err step(struct cursor *c, struct reason *why)
{
    enum relay_err err = stmt_step(&c->q, why);
    c->has = err == RELAY_OK;
    return err == RELAY_NOT_FOUND ? RELAY_OK : err;
}

static enum relay_err open_cursor(struct db *db, struct cursor *c, const char *sql, int64_t since,
                                  struct reason *why)
{
    enum relay_err err = db_prepare(db, &c->q, sql, why);
    if (err != RELAY_OK) return err;
    stmt_int(&c->q, 1, since);
    return step(c, why);
}

/* -- groups ------------------------------------------------------------------------------------------------------- */

static struct try_group *group_of(struct trial *t, const char *fingerprint)
{
    for (size_t i = 0; i < t->n_groups; i++)
        if (strcmp(t->groups[i].fingerprint, fingerprint) == 0) return &t->groups[i];
    if (t->n_groups == GROUPS_MAX) return NULL;
    if ((t->n_groups & (t->n_groups - 1)) == 0)
        t->groups = xreallocarray(t->groups, t->n_groups ? t->n_groups * 2 : 1, sizeof(*t->groups));
    struct try_group *g = &t->groups[t->n_groups++];
    *g = (struct try_group){.fingerprint = xstrdup(fingerprint)};
    return g;
}

static void entry_add(struct try_group *g, const struct entry *e)
{
    if (g->n == g->cap) {
        g->cap = g->cap ? g->cap * 2 : 16;
        g->entries = xreallocarray(g->entries, g->cap, sizeof(*g->entries));
    }
    g->entries[g->n++] = *e;
    if (g->n - g->from > WINDOW_MOST)
        g->from = g->n - WINDOW_MOST; /* far above any threshold that is still open */
}

static int64_t id_hash(const char *event_id)
{
    return hash_keyed(no_key, 'e', event_id, strlen(event_id));
}

/* What its feed takes back, or replaces, counts no more. */
static void entries_take(struct trial *t, int64_t feed, const struct event *e)
{
    for (size_t k = 0; k < e->n_references; k++) {
        int64_t id = id_hash(e->references[k]);
        for (size_t i = 0; i < t->n_groups; i++) {
            struct try_group *g = &t->groups[i];
            size_t n = g->from;
            for (size_t j = g->from; j < g->n; j++)
                if (g->entries[j].feed != feed || g->entries[j].id != id) g->entries[n++] = g->entries[j];
            g->n = n;
        }
    }
}

enum { APART = 100 }; /* no rule asks for more feeds or victims */

static bool is_new(int64_t seen[static APART], int n, int64_t one)
{
    if (n == APART) return false;
    for (int i = 0; i < n; i++)
        if (seen[i] == one) return false;
    seen[n] = one;
    return true;
}

/* value 0: everything in the window. */
static struct tally tally_of(const struct try_group *g, int64_t value)
{
    int64_t feeds[APART], verified[APART], victims[APART];
    struct tally t = {0};
    for (size_t i = g->from; i < g->n; i++) {
        const struct entry *e = &g->entries[i];
        if (value && e->value != value) continue;
        t.count += e->count;
        t.feeds += is_new(feeds, t.feeds, e->feed);
        t.verified_feeds += e->verified && is_new(verified, t.verified_feeds, e->feed);
        t.victims += e->victim != 0 && is_new(victims, t.victims, e->victim);
    }
    return t;
}

static void count_area(struct trial *t, const char *area)
{
    size_t i = 0;
    while (i < t->n_areas && strcmp(t->areas[i].area, area) != 0) i++;
    if (i == t->n_areas) {
        t->areas = xreallocarray(t->areas, t->n_areas + 1, sizeof(*t->areas));
        t->areas[t->n_areas] = (struct area_count){.alerts = 0};
        (void)snprintf(t->areas[t->n_areas++].area, sizeof(t->areas->area), "%s", area);
    }
    t->areas[i].alerts++;
}

/* What raises no alert whatever its text: an exercise, a test, and what a sandbox sent. */
static bool is_apart(const struct feed_config *feed, const struct event *e, const char *note)
{
    return e->status != STATUS_ACTUAL || strcmp(note, "sandbox") == 0 || (feed && feed->mode == FEED_SANDBOX);
}

static const struct feed_config *feed_of(const struct relay_config *c, const char *id)
{
    const struct feed_config *feeds = c->feeds.items;
    for (size_t i = 0; i < c->feeds.n; i++)
        if (strcmp(feeds[i].id, id) == 0) return &feeds[i];
    return NULL;
}

/* True when this event would have raised an alert. */
static bool decide(struct trial *t, const struct event *e, const char *feed, const struct entry *entry)
{
    const struct rule *rule = t->rule;
    CLEANUP(buf_release) struct buf name = BUF_INIT(FINGERPRINT_MAX);
    int64_t expires = decide_expiry(rule, e);
    if (e->stale || expires <= entry->at || !e->may_broadcast) return false;
    decide_fingerprint(t->config->route.group_labels, rule, e, feed, route_site(t->targets, e->area), &name);
    struct try_group *g = group_of(t, buf_cstr(&name));
    if (!g) return false;
    if (g->alert_until >
        entry->at) { /* one more for the alert that there is; it counts in the window all the same */
        if (g->alert_until - entry->at < rule->threshold_within_ms) entry_add(g, entry);
        return false;
    }
    while (g->from < g->n && g->entries[g->from].at < entry->at - rule->threshold_within_ms) g->from++;
    entry_add(g, entry);
    struct group_state state = {.id = 1};
    struct tally all = tally_of(g, 0);
    state.count = all.count;
    state.feeds = all.feeds;
    state.verified_feeds = all.verified_feeds;
    if (rule->threshold_same == SAME_NONE)
        state.same = all;
    else if (entry->value)
        state.same = tally_of(g, entry->value);
    if (decide_group(rule, &state, NULL, false).what != DECIDE_ALERT) return false;
    g->alert_until = expires;
    t->alerts++;
    count_area(t, e->area);
    return true;
}

/* -- one event ---------------------------------------------------------------------------------------------------- */

/* The text round the place that decided, cut to what fits a few lines. */
static void keep_example(struct trial *t, const struct event *e, int64_t at, const struct rule_hit *hit,
                         bool alert)
{
    size_t *n = alert ? &t->n_alerting : &t->n_others;
    if (*n == TRY_EXAMPLES) return;
    struct example *x = alert ? &t->alerting[(*n)++] : &t->others[(*n)++];
    *x = (struct example){.at = at, .kind = e->kind, .alert = alert};
    memcpy(x->area, e->area, sizeof(x->area));
    size_t begin = hit->from > SHOWN_BEFORE && e->text_len > SHOWN_BYTES ? hit->from - SHOWN_BEFORE : 0;
    while (begin > 0 && ((unsigned char)e->text[begin] & 0xc0) == 0x80) begin--;
    size_t len = text_cut(e->text + begin, e->text_len - begin, SHOWN_BYTES);
    memcpy(x->text, e->text + begin, len);
    x->text[len] = '\0';
    for (char *p = x->text; *p; p++)
        if (*p == '\n') *p = ' ';
    x->from = hit->from - begin;
    x->to = hit->to - begin < len ? hit->to - begin : len;
    if (x->from > x->to) x->from = x->to = 0;
}

static void try_event(struct trial *t, struct stmt *q, bool fresh)
{
    int64_t received = col_int(q, 0);
    const char *body = col_text(q, 9);
    const struct feed_config *feed = feed_of(t->config, col_text(q, 5)); /* NULL: it has gone since */
    struct event_context ctx = {.now = {.wall = received},
                                .may_broadcast = !feed || feed->may_broadcast,
                                .key = no_key,
                                .scratch = &t->scratch};
    struct event e;
    struct refused refused;
    arena_reset(&t->arena);
    t->events++;
    if (fresh && !t->unmatched_from) t->unmatched_from = received;
    if (event_parse(body, strlen(body), &ctx, &t->arena, &e, &refused) != REFUSAL_NONE) {
        t->unreadable++;
        return;
    }
    if (e.msg != EVENT_ALERT) entries_take(t, col_int(q, 4), &e);
    if (e.msg == EVENT_CANCEL) return;
    (void)snprintf(e.area, sizeof(e.area), "%s", col_text(q, 2));
    e.kind = (enum event_kind)col_int(q, 1);
    e.suspect = col_int(q, 7); /* as hashed before it was masked */
    e.payee = col_int(q, 8);
    const struct rule_hit *hits;
    size_t n = rules_match(t->matcher, e.text, e.text_len, e.kind, true, &hits);
    if (n == 0) return;
    if (hits[0].verdict == UNSURE) {
        t->unsure++;
        return;
    }
    struct rule_hit hit = hits[0];
    t->found++;
    t->fresh += fresh;
    struct entry entry = {.at = received,
                          .feed = col_int(q, 4),
                          .id = id_hash(e.event_id),
                          .victim = col_int(q, 6),
                          .value = decide_value(t->rule, &e, no_key),
                          .count = e.count,
                          .verified = e.verified};
    bool alert = !is_apart(feed, &e, col_text(q, 10)) && decide(t, &e, col_text(q, 5), &entry);
    keep_example(t, &e, received, &hit, alert);
}

/* -- the whole ---------------------------------------------------------------------------------------------------- */

static int most_first(const void *a, const void *b)
{
    const struct area_count *x = a, *y = b;
    return x->alerts != y->alerts ? y->alerts - x->alerts : strcmp(x->area, y->area);
}

static void write_examples(const struct trial *t, struct buf *b)
{
    buf_json_key(b, "examples");
    buf_char(b, '[');
    for (size_t i = 0; i < TRY_EXAMPLES && i < t->n_alerting + t->n_others; i++) {
        const struct example *x = i < t->n_alerting ? &t->alerting[i] : &t->others[i - t->n_alerting];
        buf_str(b, i ? ",{" : "{");
        buf_json_member_time(b, "at", x->at);
        buf_json_member(b, "area", x->area);
        buf_json_member(b, "name", area_name(x->area));
        buf_json_member(b, "kind", event_kind_name(x->kind));
        buf_json_member_bool(b, "alert", x->alert);
        buf_json_member(b, "text", x->text);
        buf_json_member_int(b, "from", (int64_t)x->from);
        buf_json_member_int(b, "to", (int64_t)x->to);
        buf_char(b, '}');
    }
    buf_char(b, ']');
}

static void write_all(struct trial *t, int64_t since, struct buf *b)
{
    buf_char(b, '{');
    buf_json_member(b, "rule", t->rule->id);
    buf_json_member_time(b, "since", since);
    buf_json_member_int(b, "events", t->events);
    buf_json_member_time(b, "unmatched_from", t->unmatched_from);
    buf_json_member_int(b, "unreadable", t->unreadable);
    buf_json_member_int(b, "found", t->found);
    buf_json_member_int(b, "new", t->fresh);
    buf_json_member_int(b, "unsure", t->unsure);
    buf_json_member_int(b, "alerts", t->alerts);
    if (t->n_areas) qsort(t->areas, t->n_areas, sizeof(*t->areas), most_first);
    buf_json_key(b, "areas");
    buf_char(b, '[');
    for (size_t i = 0; i < t->n_areas; i++) {
        buf_str(b, i ? ",{" : "{");
        buf_json_member(b, "area", t->areas[i].area);
        buf_json_member(b, "name", area_name(t->areas[i].area));
        buf_json_member_int(b, "alerts", t->areas[i].alerts);
        buf_char(b, '}');
    }
    buf_char(b, ']');
    write_examples(t, b);
    buf_char(b, '}');
}

enum relay_err rule_try(struct db *db, struct relay_config *config, const struct rule_set *set, int64_t since,
                        struct buf *ret, struct reason *why)
{
    struct cursor events = {.has = false}, others = {.has = false};
    struct trial *t = xcalloc(1, sizeof(*t));
    t->config = config;
    t->rule = rule_set_at(set, 0);
    t->matcher = matcher_new(set);
    t->targets = targets_new(config);
    enum relay_err err = open_cursor(db, &events, events_sql, since, why);
    if (err == RELAY_OK) err = open_cursor(db, &others, others_sql, since, why);
    while (err == RELAY_OK && (events.has || others.has)) {
        bool other = !events.has || (others.has && col_int(&others.q, 0) < col_int(&events.q, 0));
        struct cursor *c = other ? &others : &events;
        try_event(t, &c->q, other);
        err = step(c, why);
    }
    if (err == RELAY_OK) write_all(t, since, ret);
    stmt_release(&events.q);
    stmt_release(&others.q);
    for (size_t i = 0; i < t->n_groups; i++) {
        free(t->groups[i].fingerprint);
        free(t->groups[i].entries);
    }
    free(t->groups);
    free(t->areas);
    targets_release(t->targets);
    matcher_free(t->matcher);
    event_scratch_release(&t->scratch);
    arena_release(&t->arena);
    free(t);
    return err;
}
