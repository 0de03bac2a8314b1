/* Time: the clock, the turn, and the way from the book and back. */
#include "base/i18n.h"
#include "base/log.h"
#include "player/station_internal.h"

enum {
    STEP_MS = 2000,       /* wall and monotonic time have parted: the clock was set */
    TOUCH_MS = 60 * 1000, /* the book's newest time is never older */
    PRUNE_MS = 3600 * 1000,
    SOON_MS = 10 * 60 * 1000
};

/* ---- The turn ---- */

static void count_anew(struct station *s, struct now now);

/* At a start the wall clock must not be behind what is written, nor before the build. While running it may be set: the
 * monotonic clock tells that it was a step and not a wrong start. */
static void watch_clock(struct station *s, struct now now)
{
    if (s->last.mono) {
        int64_t parted = (now.wall - s->last.wall) - (now.mono - s->last.mono);
        if (parted > STEP_MS || parted < -STEP_MS) {
            char detail[64];
            (void)snprintf(detail, sizeof(detail), "%+lld ms", (long long)parted);
            station_note_all(s, now, "clock", "clock", "stepped", detail);
            if (s->trusted) s->last_wall = now.wall;
        }
    }
    bool right = now.wall >= s->set.build_ms && (s->trusted || now.wall >= s->last_wall - STEP_MS);
    if (right == s->trusted && s->said_untrusted == !right) return;
    if (right && !s->trusted) count_anew(s, now);
    s->trusted = right;
    s->said_untrusted = !right;
    if (right)
        station_note_all(s, now, "clock", "clock", "trusted", NULL);
    else
        log_error("clock: it is behind what was stored or before this program was built; nothing is spoken "
                  "until it is set "
                  "(or `tocsin-pa run --trust-clock`)");
}

static void end_grants(struct station *s, struct now now)
{
    for (size_t z = 0; z < s->set.n_zones; z++) {
        struct zone_state *state = &s->zones[z];
        if (state->mute_until && state->mute_until <= now.mono) {
            state->mute_until = 0;
            book_end_mute(s->book, state->zone->id);
            station_note(s, now, z, "mute", "mute", "ended", WHY_SOUNDS, state->mute_by, 0, 0);
            s->env.changed(s->env.arg);
        } else if (state->mute_until && !state->mute_warned && state->mute_until - now.mono <= SOON_MS) {
            state->mute_warned = true;
            station_note(s, now, z, "mute", "mute", "ends_soon", WHY_SOUNDS, state->mute_by, 0, 0);
            s->env.changed(s->env.arg);
        }
        if (state->override_until && state->override_until <= now.mono) {
            state->override_until = 0;
            book_end_override(s->book, state->zone->id);
            station_note(s, now, z, "override", "override", "ended", WHY_SOUNDS, NULL, 0, 0);
            s->env.changed(s->env.arg);
        }
        /* An input that is stuck would silence the zone for good. */
        if (state->busy && now.mono - state->busy_since > s->set.busy_max_ms) {
            state->busy = false;
            state->free_since = now.mono;
            station_note(s, now, z, "busy", "busy", "stuck", WHY_SOUNDS, NULL, 0, 0);
        }
    }
}

static void quiet_ends(struct station *s, struct now now)
{
    if (!s->trusted) return;
    for (size_t z = 0; z < s->set.n_zones; z++) {
        struct zone_state *state = &s->zones[z];
        bool quiet = zone_is_quiet(state->zone, now.wall, NULL) && !station_overridden(s, z, now);
        if (state->was_quiet && !quiet) station_release_held(s, z, now);
        state->was_quiet = quiet;
    }
    /* What nobody will hear any more does not wait until the morning; a silent zone has none. */
    for (struct item *i = s->items, *next; i; i = next) {
        next = i->next;
        if (!i->held) continue;
        if (i->q.expires <= now.mono)
            item_end(s, i, now, "skipped", WHY_EXPIRED, NULL);
        else
            item_tell_held(s, i, now); /* the player stopped in between */
    }
}

/* Told in December of the year before, and again when the year has come. */
static void miss_holidays(struct station *s, struct now now)
{
    int missing = station_missing_holidays(s, now), year = clock_local(now.wall).year;
    if (!s->trusted || !missing || (s->holidays_missing == missing && s->holidays_told_in == year)) return;
    s->holidays_missing = missing;
    s->holidays_told_in = year;
    log_warning(
        "holidays: there is no data for %d; weekdays and weekends are taken as they fall until a file in "
        "player.holidays says otherwise",
        missing);
    s->env.changed(s->env.arg);
}

void station_clock(struct station *s, struct now now)
{
    watch_clock(s, now);
    s->last = now;
}

void station_turn(struct station *s, struct now now)
{
    station_clock(s, now);
    end_grants(s, now);
    miss_holidays(s, now);
    quiet_ends(s, now);
    if (s->trusted) {
        station_scan_slots(s, now);
        station_prepare_slots(s, now);
    }
    station_render_again(s, now);
    for (int pass = 0; pass < 2; pass++) /* what waits in one zone may end what plays in another */
        for (size_t z = 0; z < s->set.n_zones; z++)
            if (pass == 0 || s->zones[z].zone->n_shares) station_queue_zone(s, z, now);
    if (s->trusted && (now.wall - s->last_wall >= TOUCH_MS || book_dirty(s->book))) {
        s->last_wall = now.wall;
        book_set_fact(s->book, "last_wall", now.wall);
    }
    if (now.mono >= s->next_prune) {
        s->next_prune = now.mono + PRUNE_MS;
        if (s->trusted) book_prune(s->book, now.wall);
        for (size_t z = 0; z < s->set.n_zones; z++)
            memory_prune(&s->zones[z].memory, now.mono, civil_minute(now.wall));
    }
}

void station_release(struct station *s, struct now now)
{
    for (struct item *i = s->items, *next; i; i = next) {
        next = i->next;
        if (!i->to_start) continue;
        i->to_start = false;
        i->on_air = true;
        const struct play p = {.item = i->q.order,
                               .zone = i->zone,
                               .id = i->id,
                               .kind = item_kind_name(i->q.kind),
                               .wav = i->wav,
                               .length_ms = i->q.length_ms,
                               .expires_wall =
                                   i->q.expires == INT64_MAX ? 0 : now.wall + (i->q.expires - now.mono),
                               .retry_until = i->fail_until,
                               .volume = i->volume};
        s->env.play(s->env.arg, &p);
    }
}

int64_t station_next_due(const struct station *s, struct now now)
{
    int64_t into = civil_ms(now.wall) % MINUTE_MS, to_minute = MINUTE_MS - into;
    int64_t due = now.mono + to_minute;
    if (to_minute > s->set.prepare_ms) due -= s->set.prepare_ms;
    for (size_t z = 0; z < s->set.n_zones; z++) {
        const struct zone_state *state = &s->zones[z];
        if (state->mute_until && state->mute_until < due) due = state->mute_until;
        if (state->override_until && state->override_until < due) due = state->override_until;
        if (state->queue.n == 0) continue;
        const struct conditions c = station_conditions(s, z, now);
        int64_t queue = queue_next_due(&state->queue, &c);
        if (queue < due) due = queue;
    }
    return due;
}

/* ---- From the book and back ---- */

struct load {
    struct station *s;
    struct now now;
    size_t zone;
    size_t n_slots, cap_slots;
    struct {
        char *zone;
        int64_t minute;
    } * slots;
};

bool station_find_zone(const struct station *s, const char *id, size_t *ret)
{
    for (size_t z = 0; z < s->set.n_zones; z++) {
        if (strcmp(s->zones[z].zone->id, id) != 0) continue;
        *ret = z;
        return true;
    }
    return false;
}

static void load_said(void *arg, uint64_t text, int64_t minute, int64_t at, int64_t length_ms, bool slot)
{
    struct load *l = arg;
    if (at > l->now.wall) at = l->now.wall - HOUR_MS; /* by a clock that has been set back: some time ago */
    memory_add(&l->s->zones[l->zone].memory, (struct said){.text = text,
                                                           .minute = minute,
                                                           .mono = l->now.mono + (at - l->now.wall),
                                                           .length_ms = length_ms,
                                                           .slot = slot});
}

/* No more than was granted, however the clock was set since. */
static int64_t grant_left(const struct grant *g, struct now now)
{
    int64_t left = g->until - now.wall, all = g->until - g->from;
    return left < all ? left : all;
}

static int64_t grant_until(const struct grant *g, struct now now)
{
    int64_t until = now.mono + grant_left(g, now);
    return until > 0 ? until : 1; /* over: end_grants says so */
}

static void load_mute(void *arg, const struct grant *g)
{
    struct load *l = arg;
    size_t z;
    if (!station_find_zone(l->s, g->zone, &z)) return;
    struct zone_state *state = &l->s->zones[z];
    state->mute_until_wall = g->until;
    state->mute_until = grant_until(g, l->now);
    state->mute_loaded = true;
    (void)snprintf(state->mute_by, sizeof(state->mute_by), "%s", g->by);
    (void)snprintf(state->mute_reason, sizeof(state->mute_reason), "%s", g->reason);
}

static void load_override(void *arg, const struct grant *g)
{
    struct load *l = arg;
    size_t z;
    if (!station_find_zone(l->s, g->zone, &z)) return;
    l->s->zones[z].override_until_wall = g->until;
    l->s->zones[z].override_until = grant_until(g, l->now);
    l->s->zones[z].override_loaded = true;
}

struct item *station_new_announce(struct station *s, size_t zone, const struct announcement *a,
                                  struct now now)
{
    struct item *i = item_new(s, zone, ITEM_ANNOUNCE, a->id, now);
    i->announce = *a;
    i->announce.zone = s->zones[zone].zone->id;
    i->announce.id = i->id;
    i->announce.alert = arena_strdup(&i->strings, a->alert);
    i->announce.text = arena_strdup(&i->strings, a->text);
    i->announce.rhyme = a->rhyme ? arena_strdup(&i->strings, a->rhyme) : NULL;
    i->q.priority = a->status != STATUS_ACTUAL ? PRIORITY_DRILL
                    : a->correction            ? PRIORITY_CORRECTION
                                               : PRIORITY_ANNOUNCE;
    i->q.resumes = true;
    i->q.expires = now.mono + (a->expires - now.wall);
    item_add_line(i, a->text, NULL, a->id, false, a->status != STATUS_ACTUAL);
    return i;
}

/* What waited or played when the player stopped is held, and comes as one item a zone: at once, or when quiet hours end. */
static void load_announce(void *arg, const struct announcement *a)
{
    struct load *l = arg;
    size_t z;
    if (!station_find_zone(l->s, a->zone, &z)) return;
    struct item *i = station_new_announce(l->s, z, a, l->now);
    i->held = true;
    i->told_held = a->held;
    i->ends_wall = a->expires;
    l->s->zones[z].caught_up = true;
}

/* A person waits for it, not the clock: it goes on where it was, with what is left of its grace. */
static void load_say(void *arg, const char *zone, const char *id, const char *text, int64_t until)
{
    struct load *l = arg;
    size_t z;
    if (!station_find_zone(l->s, zone, &z)) {
        book_end_say(l->s->book, zone, id);
        return;
    }
    struct item *i = station_new_say(l->s, z, id, text, until - l->now.wall, l->now);
    i->ends_wall = until;
    if (until > l->now.wall)
        item_enqueue(l->s, i, l->now);
    else
        item_end(l->s, i, l->now, "skipped", WHY_MISSED, NULL);
}

static void load_open_slot(void *arg, const char *zone, int64_t minute)
{
    struct load *l = arg;
    l->slots = xreallocarray(l->slots, l->n_slots + 1, sizeof(*l->slots));
    l->slots[l->n_slots].zone = xstrdup(zone);
    l->slots[l->n_slots++].minute = minute;
}

static void load_bulletin(struct station *s, struct now now)
{
    int64_t rev, relay_now, received;
    CLEANUP(free_ptr) char *payload = NULL;
    struct reason why;
    if (!book_bulletin(s->book, &rev, &relay_now, &received, &payload)) return;
    s->bulletin_loaded = true;
    if (inbox_bulletin(payload, strlen(payload), now, true, received, &s->bulletin_arena, &s->bulletin,
                       &why) != RELAY_OK)
        log_error("bulletin: the stored one cannot be read (%s); the next one from the relay replaces it",
                  why.text);
}

static void load_all_said(struct load *l)
{
    for (l->zone = 0; l->zone < l->s->set.n_zones; l->zone++) {
        memory_release(&l->s->zones[l->zone].memory);
        book_each_said(l->s->book, l->s->zones[l->zone].zone->id, l->now.wall - 8 * DAY_MS, load_said, l);
    }
}

static void recount_mute(void *arg, const struct grant *g)
{
    struct load *l = arg;
    size_t z;
    if (station_find_zone(l->s, g->zone, &z) && l->s->zones[z].mute_loaded) load_mute(l, g);
}

static void recount_override(void *arg, const struct grant *g)
{
    struct load *l = arg;
    size_t z;
    if (station_find_zone(l->s, g->zone, &z) && l->s->zones[z].override_loaded) load_override(l, g);
}

/* The wall clock is right only now, so what the book says of times was counted wrongly when it was read: without this, what
 * expired while the machine was off would be spoken, and what was said yesterday would fill this hour. What came since has
 * been counted by the other clock; its rows get the right time. */
static void count_anew(struct station *s, struct now now)
{
    struct load l = {.s = s, .now = now};
    int64_t parted = (now.wall - s->counted.wall) - (now.mono - s->counted.mono);
    if (parted <= STEP_MS && parted >= -STEP_MS) return;
    s->counted = now;
    load_all_said(&l);
    for (size_t z = 0; z < s->set.n_zones; z++) {
        s->zones[z].prepared_minute = -1;
    }
    book_each_mute(s->book, recount_mute, &l);
    book_each_override(s->book, recount_override, &l);
    if (s->bulletin_loaded) {
        arena_release(&s->bulletin_arena);
        s->bulletin = (struct bulletin){0};
        load_bulletin(s, now);
    }
    for (struct item *i = s->items; i; i = i->next) {
        int64_t left = i->ends_wall - now.wall;
        if (i->ends_wall && i->q.kind == ITEM_ANNOUNCE) {
            i->q.expires = now.mono + left;
        } else if (i->ends_wall) {
            if (now.mono + left < i->q.give_up) i->q.give_up = now.mono + left;
        } else if (i->q.kind == ITEM_ANNOUNCE) {
            i->announce.received = now.wall;
            i->announce.expires = now.wall + (i->q.expires - now.mono);
            book_put_announce(s->book, &i->announce, i->held ? "held" : "queued", "");
        }
    }
}

static void load(struct station *s, struct now now)
{
    struct load l = {.s = s, .now = now};
    s->counted = now;
    int64_t v;
    s->next_item = book_fact(s->book, "next_item", &v) ? (uint64_t)v : 1;
    s->next_item_reserved = s->next_item;
    s->last_wall = book_fact(s->book, "last_wall", &v) ? v : 0;
    if (book_fact(s->book, "scanned", &v)) {
        s->scanned = v;
    } else {
        s->scanned = civil_minute(now.wall); /* the first start of all: nothing was missed before it */
        book_set_fact(s->book, "scanned", s->scanned);
    }
    load_all_said(&l);
    book_each_mute(s->book, load_mute, &l);
    book_each_override(s->book, load_override, &l);
    load_bulletin(s, now);
    book_open_announces(s->book, load_announce, &l);
    book_each_say(s->book, load_say, &l);
    book_open_slots(s->book, load_open_slot, &l);
    for (size_t i = 0; i < l.n_slots; i++) {
        size_t z;
        char id[SLOT_ID_LEN];
        station_slot_id(l.slots[i].minute, id);
        book_put_slot(s->book, l.slots[i].zone, l.slots[i].minute, now.wall, "failed",
                      why_code(WHY_INTERRUPTED));
        if (station_find_zone(s, l.slots[i].zone, &z))
            station_note(s, now, z, id, item_kind_name(ITEM_SLOT), "failed", WHY_INTERRUPTED, NULL, 0, 0);
        free(l.slots[i].zone);
    }
    free(l.slots);
}

enum relay_err station_new(const struct station_settings *set, const struct station_env *env, struct book *b,
                           struct now now, struct station **ret, struct reason *why)
{
    struct station *s = xcalloc(1, sizeof(*s));
    s->set = *set;
    s->env = *env;
    s->book = b;
    s->zones = xcalloc(set->n_zones, sizeof(*s->zones));
    s->said_untrusted = true; /* so that the first turn says what the clock is worth */
    s->next_prune = now.mono + PRUNE_MS;
    for (size_t z = 0; z < set->n_zones; z++) {
        s->zones[z].zone = &set->zones[z];
        s->zones[z].was_quiet = true; /* what was held comes out in the first turn of an open zone */
        s->zones[z].free_since = now.mono - set->busy_gap_ms;
        s->zones[z].prepared_minute = -1;
    }
    station_note_all(s, now, "player", "player", "started", TOCSIN_VERSION);
    load(s, now);
    enum relay_err err = book_commit(b, why);
    if (err != RELAY_OK) {
        station_free(s);
        return err;
    }
    station_warm_all(s);
    *ret = s;
    return RELAY_OK;
}

struct station *station_free(struct station *s)
{
    if (!s) return NULL;
    while (s->items) {
        struct item *i = s->items;
        s->items = i->next;
        item_release(i);
    }
    for (size_t z = 0; z < s->set.n_zones; z++) memory_release(&s->zones[z].memory);
    arena_release(&s->bulletin_arena);
    free(s->zones);
    free(s);
    return NULL;
}

void station_warm_all(struct station *s)
{
    for (size_t i = 0; i < s->bulletin.n; i++) {
        if (s->bulletin.items[i].text) s->env.warm(s->env.arg, s->bulletin.items[i].text);
        if (s->bulletin.items[i].text && s->bulletin.items[i].rhyme)
            s->env.warm(s->env.arg, s->bulletin.items[i].rhyme);
    }
    for (size_t i = 0; i < s->set.n_reminders; i++) s->env.warm(s->env.arg, s->set.reminders[i].text);
}
