/* From the configuration to places: one entry a zone, ward, bulletin and chat. */
#include "targets.h"

#include <uthash.h>

#include "adapters/display/board.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/zone_class.h"

struct entry {
    UT_hash_handle by_id;
    struct relay_target *target;
};

struct targets_index {
    struct entry *entries; /* one a target */
    struct entry *ids;
    struct relay_target **rows; /* by the number of the row: the store counts them up */
    size_t n_rows;
};

static struct relay_target *add(struct targets *t, enum target_class class, const char *kind, const char *id)
{
    struct relay_target *r = &t->items[t->n++];
    r->list = t;
    r->class = class;
    r->pub.id = id;
    r->ops = adapter_find(kind);
    return r;
}

static void site_fields(struct relay_target *r, const struct site_config *s)
{
    r->site = s;
    r->pub.site = s->id;
    r->issuer = s->issuer;
    r->help = s->help;
    r->areas = (const char *const *)&s->area; /* config_load has normalised and checked it */
    r->n_areas = 1;
}

static void add_site(struct targets *t, const struct site_config *s)
{
    const struct zone_config *zones = s->zones.items;
    for (size_t i = 0; i < s->zones.n; i++) {
        if (!zone_class_immediate(zones[i].class)) continue;
        struct relay_target *r =
            add(t, TO_SPEECH, "pa", arena_printf(&t->arena, "pa:%s/%s", s->id, zones[i].id));
        site_fields(r, s);
        r->pub.place = zones[i].id;
        r->pub.name = zones[i].name ? zones[i].name : zones[i].id;
        r->drills = zones[i].drills;
        r->night = true; /* its own quiet hours belong to the PA scheduler */
    }
    if (s->zones.n) {
        struct relay_target *r =
            add(t, TO_BULLETIN, "bulletin", arena_printf(&t->arena, "bulletin:%s", s->id));
        site_fields(r, s);
        r->pub.name = s->name;
        r->night = true;
        for (size_t i = 0; i < s->zones.n; i++) r->drills = r->drills || zones[i].drills;
    }
    const struct ward_config *wards = s->wards.items;
    for (size_t i = 0; i < s->wards.n; i++) {
        struct relay_target *r =
            add(t, TO_BOARD, "board", arena_printf(&t->arena, "board:%s/%s", s->id, wards[i].id));
        site_fields(r, s);
        r->pub.place = wards[i].id;
        r->pub.name = wards[i].name ? wards[i].name : wards[i].id;
        struct board_options *o = arena_alloc(&t->arena, sizeof(*o));
        *o = (struct board_options){.site_name = s->name,
                                    .issuer = s->issuer,
                                    .help = s->help,
                                    .takeover = (enum takeover)wards[i].takeover,
                                    .quiet = wards[i].quiet,
                                    .reminders = s->reminders};
        r->pub.options = o;
        r->drills = wards[i].drills;
        r->night = wards[i].night;
        r->quiet = wards[i].quiet;
    }
}

static void add_chat(struct targets *t, const struct chat_config *c)
{
    struct relay_target *r = add(t, TO_CHAT, c->type, arena_printf(&t->arena, "%s:%s", c->type, c->id));
    r->chat = c;
    r->pub.place = c->id;
    r->pub.name = c->name ? c->name : c->id;
    r->pub.audience = (enum audience)c->audience;
    r->pub.options = c->own.values;
    r->issuer = c->issuer ? c->issuer : t->config->relay.issuer;
    r->help = t->config->relay.help;
    r->drills = c->drills;
    r->night = c->night;
    r->quiet = c->quiet;
    r->areas = c->areas.items;
    r->n_areas = c->areas.n;
    double a_minute = c->rate > 0 ? c->rate * 60 : r->ops->rate_per_minute;
    if (r->ops->messages) a_minute /= r->ops->messages(r->pub.options);
    r->rate_ms = a_minute / 60000;
    r->burst = a_minute;
}

struct targets *targets_new(struct relay_config *c)
{
    struct targets *t = xcalloc(1, sizeof(*t));
    t->config = c;
    t->holds = 1;
    t->refresh_next = INT64_MAX;
    const struct site_config *sites = c->sites.items;
    const struct chat_config *chats = c->chats.items;
    size_t most = c->chats.n;
    t->sites = xcalloc(c->sites.n, sizeof(*t->sites));
    for (size_t i = 0; i < c->sites.n; i++)
        t->sites[i].mode = t->sites[i].committed = (enum site_mode)sites[i].mode;
    for (size_t i = 0; i < c->sites.n; i++) most += sites[i].zones.n + sites[i].wards.n + 1;
    t->items = xcalloc(most, sizeof(*t->items));
    for (size_t i = 0; i < c->sites.n; i++) add_site(t, &sites[i]);
    for (size_t i = 0; i < c->chats.n; i++) add_chat(t, &chats[i]);

    t->index = xcalloc(1, sizeof(*t->index));
    t->index->entries = xcalloc(t->n, sizeof(*t->index->entries));
    for (size_t i = 0; i < t->n; i++) {
        struct entry *e = &t->index->entries[i];
        e->target = &t->items[i];
        HASH_ADD_KEYPTR(by_id, t->index->ids, e->target->pub.id, strlen(e->target->pub.id), e);
    }
    return t;
}

void targets_hold(struct targets *t)
{
    t->holds++;
}

void targets_keep_config(struct targets *t, struct relay_config *c)
{
    t->owned = c;
}

void targets_release(struct targets *t)
{
    if (!t || --t->holds > 0) return;
    for (size_t i = 0; i < t->n; i++) {
        struct relay_target *r = &t->items[i];
        if (r->ops && r->ops->forget && r->ctx) r->ops->forget(r->ctx, &r->pub);
        told_release(&r->told);
    }
    HASH_CLEAR(by_id, t->index->ids);
    free(t->index->rows);
    free(t->index->entries);
    free(t->index);
    free(t->items);
    free(t->sites);
    arena_release(&t->arena);
    config_free(t->owned);
    free(t);
}

static void index_row(struct targets_index *x, struct relay_target *t)
{
    size_t row = (size_t)t->row.id;
    if (t->row.id <= 0) return; /* the store failed: it says so at the commit */
    if (row >= x->n_rows) {
        size_t n = row * 2 + 64;
        x->rows = xreallocarray(x->rows, n, sizeof(struct relay_target *));
        for (size_t i = x->n_rows; i < n; i++) x->rows[i] = NULL;
        x->n_rows = n;
    }
    x->rows[row] = t;
}

void targets_bind(struct targets *t, struct store *s, struct adapter_slot *slots, size_t n_slots)
{
    const struct site_config *sites = t->config->sites.items;
    for (size_t i = 0; i < t->config->sites.n; i++) {
        int mode = store_site_mode(s, sites[i].id); /* a person's word is over the configuration's */
        if (mode >= 0) t->sites[i].mode = t->sites[i].committed = (enum site_mode)mode;
    }
    for (size_t i = 0; i < t->n; i++) {
        struct relay_target *r = &t->items[i];
        store_target(s, r->pub.id, &r->row);
        r->was_disabled = r->row.paused < 0;
        if (r->was_disabled) r->row.paused = 0; /* a reload or a restart gives it another chance */
        index_row(t->index, r);
        for (size_t k = 0; k < n_slots; k++)
            if (slots[k].ops == r->ops) r->ctx = slots[k].ctx;
        if (r->ops->kind == TARGET_STATE) target_show(r);
        if (!r->ops->check) continue;
        struct reason why = {""};
        if (r->ops->check(r->ctx, &r->pub, &why) == RELAY_OK) continue;
        r->broken = true;
        (void)snprintf(r->why, sizeof(r->why), "%s", why.text);
        log_error("target=%s broken: %s; its deliveries are rejected until it is mended and reloaded",
                  r->pub.id, why.text);
    }
}

static struct site_standing *standing(const struct targets *t, const struct site_config *site)
{
    return &t->sites[site - (const struct site_config *)t->config->sites.items];
}

enum site_mode target_mode(const struct relay_target *t)
{
    return t->site ? standing(t->list, t->site)->mode : SITE_LIVE;
}

void targets_set_mode(struct targets *t, const struct site_config *site, enum site_mode mode)
{
    standing(t, site)->mode = mode;
}

void targets_modes_settle(struct targets *t, bool committed)
{
    for (size_t i = 0; i < t->config->sites.n; i++) {
        struct site_standing *s = &t->sites[i];
        if (committed)
            s->committed = s->mode;
        else
            s->mode = s->committed;
    }
}

struct relay_target *targets_by_id(const struct targets *t, const char *id)
{
    struct entry *e;
    HASH_FIND(by_id, t->index->ids, id, strlen(id), e);
    return e ? e->target : NULL;
}

struct relay_target *targets_by_row(const struct targets *t, int64_t row)
{
    return row > 0 && (size_t)row < t->index->n_rows ? t->index->rows[row] : NULL;
}

bool target_in_areas(const struct relay_target *t, const char *areas)
{
    for (size_t i = 0; i < t->n_areas; i++)
        if (areas_overlap(areas, t->areas[i])) return true;
    return t->n_areas == 0;
}

void told_release(struct told *t)
{
    for (size_t i = 0; i < t->n; i++) free(t->rules[i].rule);
    free(t->rules);
    *t = (struct told){.day = 0};
}

static void show_push(struct show_list *l, struct relay_target *t)
{
    t->show_listed = true;
    t->show_next = NULL;
    if (l->last)
        l->last->show_next = t;
    else
        l->first = t;
    l->last = t;
}

/* Takes t out of the list of those that are not red; few look for one there. */
static void show_remove(struct show_list *l, struct relay_target *t)
{
    struct relay_target *before = NULL;
    for (struct relay_target *i = l->first; i != t; i = i->show_next) before = i;
    if (before)
        before->show_next = t->show_next;
    else
        l->first = t->show_next;
    if (l->last == t) l->last = before;
}

void target_show_later(struct relay_target *t)
{
    if (!t->show_listed) show_push(&t->list->show[t->show_grave ? 0 : 1], t);
}

void target_show(struct relay_target *t)
{
    t->show_due = true;
    target_show_later(t);
}

void targets_show_row(void *targets, int64_t row)
{
    struct relay_target *t = targets_by_row(targets, row);
    if (t) target_show(t);
}

void target_show_red(struct relay_target *t)
{
    if (t->show_listed && !t->show_grave) {
        show_remove(&t->list->show[1], t);
        t->show_listed = false;
    }
    t->show_grave = true;
    target_show(t);
}

void target_show_at(struct relay_target *t, int64_t wall)
{
    t->refresh_at = wall;
    if (wall < t->list->refresh_next) t->list->refresh_next = wall;
}

bool targets_shown(const struct targets *t)
{
    return t->show[0].first || t->show[1].first;
}

struct relay_target *targets_take_shown(struct targets *t)
{
    struct show_list *l = &t->show[t->show[0].first ? 0 : 1];
    struct relay_target *r = l->first;
    if (!r) return NULL;
    l->first = r->show_next;
    if (!l->first) l->last = NULL;
    r->show_listed = false;
    return r;
}

int64_t target_quiet_until(const struct relay_target *t, enum level level, int64_t now)
{
    if (t->night && level == LEVEL_RED) return 0;
    int64_t until = day_windows_over(t->quiet.items, t->quiet.n, now);
    return until > now ? until : 0;
}

double target_tokens(struct relay_target *t, int64_t wall)
{
    if (t->rate_ms <= 0) return 1e9;
    int64_t since = wall - t->row.tokens_at;
    double tokens = t->row.tokens_at == 0 || since < 0 ? (t->row.tokens_at ? t->row.tokens : t->burst)
                                                       : t->row.tokens + (double)since * t->rate_ms;
    return tokens > t->burst ? t->burst : tokens;
}

void target_take(struct relay_target *t, int64_t wall, double n)
{
    if (t->rate_ms <= 0) return;
    t->row.tokens = target_tokens(t, wall) - n;
    t->row.tokens_at = wall;
}

int64_t target_ready_at(struct relay_target *t, int64_t wall)
{
    if (t->row.paused < 0) return INT64_MAX;
    int64_t ready = t->row.paused > wall ? t->row.paused : wall;
    double tokens = target_tokens(t, wall);
    if (tokens < 1) {
        int64_t refill = wall + (int64_t)((1 - tokens) / t->rate_ms) + 1;
        if (refill > ready) ready = refill;
    }
    return ready;
}
