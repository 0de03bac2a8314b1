/* Time, queues and sound: the heart of the player. */
#include "base/buf.h"
#include "base/i18n.h"
#include "base/log.h"
#include "player/station_internal.h"

enum {
    STEP_MS = 2000,     /* wall and monotonic time have parted: the clock was set */
    LOOK_BACK_DAYS = 7, /* missed slots are listed so far back */
    RESERVE_NUMBERS = 1000,
    TOUCH_MS = 60 * 1000, /* the book's newest time is never older */
    PRUNE_MS = 3600 * 1000,
    OVERRIDE_ROOM_MS = 60 * 1000, /* of speech an hour where two persons opened a zone that has none */
    SOON_MS = 10 * 60 * 1000
};

/* ---- Notes ---- */

void station_note(struct station *s, struct now now, size_t zone, const char *id, const char *kind,
                  const char *state, enum why why, const char *detail, int volume, int64_t length_ms)
{
    const struct log_row row = {.at = now.wall,
                                .zone = s->zones[zone].zone->id,
                                .item = id,
                                .kind = kind,
                                .state = state,
                                .why = why == WHY_SOUNDS ? "" : why_code(why),
                                .detail = detail ? detail : "",
                                .volume = volume,
                                .length_ms = length_ms};
    book_log(s->book, &row);
    log_info("%s: zone=%s kind=%s state=%s%s%s", id, row.zone, kind, state, *row.why ? " why=" : "", row.why);
}

void station_note_all(struct station *s, struct now now, const char *id, const char *kind, const char *state,
                      const char *detail)
{
    const struct log_row row = {.at = now.wall,
                                .zone = "*",
                                .item = id,
                                .kind = kind,
                                .state = state,
                                .why = "",
                                .detail = detail ? detail : ""};
    book_log(s->book, &row);
    log_info("%s: kind=%s state=%s (%s)", id, kind, state, row.detail);
}

static void note_item(struct station *s, const struct item *i, struct now now, const char *state,
                      enum why why, const char *detail)
{
    station_note(s, now, i->zone, i->id, item_kind_name(i->q.kind), state, why, detail, i->volume,
                 i->q.length_ms);
}

/* ---- Items ---- */

static uint64_t take_number(struct station *s)
{
    if (s->next_item >= s->next_item_reserved) {
        s->next_item_reserved = s->next_item + RESERVE_NUMBERS;
        book_set_fact(s->book, "next_item", (int64_t)s->next_item_reserved);
    }
    return s->next_item++;
}

struct item *item_new(struct station *s, size_t zone, enum item_kind kind, const char *id, struct now now)
{
    struct item *i = xcalloc(1, sizeof(*i));
    i->q = (struct queue_item){.order = take_number(s),
                               .kind = kind,
                               .expires = INT64_MAX,
                               .give_up = INT64_MAX,
                               .added = now.mono,
                               .owner = i};
    i->zone = zone;
    i->id = xstrdup(id);
    i->wav = xasprintf("%s/%llu.wav", s->set.spool_dir, (unsigned long long)i->q.order);
    i->next = s->items;
    s->items = i;
    return i;
}

static void lines_release(struct item *i)
{
    for (size_t l = 0; l < i->n_lines; l++) {
        free(i->lines[l].text);
        free(i->lines[l].rhyme);
        free(i->lines[l].name);
    }
    i->n_lines = 0;
}

static void item_release(struct item *i)
{
    lines_release(i);
    while (i->children) {
        struct item *c = i->children;
        i->children = c->next;
        item_release(c);
    }
    arena_release(&i->strings);
    free(i->id);
    free(i->wav);
    free(i);
}

static void item_unlink(struct station *s, struct item *i)
{
    for (struct item **at = &s->items; *at; at = &(*at)->next) {
        if (*at != i) continue;
        *at = i->next;
        i->next = NULL;
        return;
    }
}

void item_free(struct station *s, struct item *i)
{
    struct zone_state *z = &s->zones[i->zone];
    if (i->queued) queue_remove(&z->queue, &i->q);
    if (z->prepared == i) z->prepared = NULL;
    item_unlink(s, i);
    if (i->rendering) s->env.forget(s->env.arg, i->q.order);
    if (i->rendered) (void)remove(i->wav); /* only a copy */
    item_release(i);
}

struct item *item_find(struct station *s, uint64_t number)
{
    for (struct item *i = s->items; i; i = i->next)
        if (i->q.order == number) return i;
    return NULL;
}

void item_add_line(struct item *i, const char *text, const char *rhyme, const char *name, bool told,
                   bool drill)
{
    if (i->n_lines == ITEM_LINES_MAX) return;
    i->lines[i->n_lines++] = (struct item_line){.text = xstrdup(text),
                                                .rhyme = rhyme ? xstrdup(rhyme) : NULL,
                                                .name = xstrdup(name),
                                                .told = told,
                                                .drill = drill};
}

/* The book's row of an item moves with it: what the relay waits for, and what a restart looks at. */
static void move_rows(struct station *s, const struct item *i, struct now now, const char *state,
                      const char *why)
{
    const char *zone = s->zones[i->zone].zone->id;
    switch (i->q.kind) {
    case ITEM_SLOT: book_put_slot(s->book, zone, i->minute, now.wall, state, why); break;
    case ITEM_ANNOUNCE: book_move_announce(s->book, zone, i->id, state, why); break;
    case ITEM_DIGEST:
        for (const struct item *c = i->children; c; c = c->next)
            book_move_announce(s->book, zone, c->id, state, why);
        break;
    case ITEM_SAY:
    case ITEM_TONE: break;
    }
}

/* The parts that others wait for: a digest's announcements, a slot's bulletin items. `ends`: only those that sounded. */
static void note_parts(struct station *s, const struct item *i, struct now now, const char *state,
                       enum why why, const char *detail)
{
    for (const struct item *c = i->children; c; c = c->next)
        station_note(s, now, i->zone, c->id, item_kind_name(ITEM_ANNOUNCE), state, why, detail, i->volume, 0);
    if (i->q.kind != ITEM_SLOT) return;
    bool sounded = strcmp(state, "playing") == 0 || strcmp(state, "played") == 0;
    for (size_t l = 0; l < i->n_lines && sounded; l++)
        if (i->lines[l].told)
            station_note(s, now, i->zone, i->lines[l].name, "bulletin", state, why, i->id, i->volume,
                         i->lines[l].length_ms);
}

void item_end(struct station *s, struct item *i, struct now now, const char *state, enum why why,
              const char *detail)
{
    note_item(s, i, now, state, why, detail);
    note_parts(s, i, now, state, why, detail);
    move_rows(s, i, now, state, why == WHY_SOUNDS ? "" : why_code(why));
    item_free(s, i);
}

bool station_robot(const struct station *s, size_t zone)
{
    return s->set.robot_everywhere || s->zones[zone].zone->allow_robot_voice;
}

bool station_overridden(const struct station *s, size_t zone, struct now now)
{
    return s->zones[zone].override_until > now.mono;
}

/* What is left of the zone's speech this hour. */
int64_t station_room(const struct station *s, size_t zone, struct now now)
{
    const struct zone_state *z = &s->zones[zone];
    int64_t limit = z->zone->ms_an_hour;
    if (station_overridden(s, zone, now) && limit < OVERRIDE_ROOM_MS) limit = OVERRIDE_ROOM_MS;
    return limit - memory_spoken_ms(&z->memory, now.mono, HOUR_MS);
}

static int64_t length_of(const struct station *s, size_t zone, const char *text)
{
    return s->env.length(s->env.arg, text, station_robot(s, zone));
}

/* ---- Rendering ---- */

static bool begins_with(const char *text, const char *mark)
{
    return strncmp(text, mark, strlen(mark)) == 0;
}

static bool ends_with_mark(const char *text)
{
    static const char *const ends[] = {DRILL_MARK, DRILL_MARK "。"};
    size_t n = strlen(text);
    for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
        size_t m = strlen(ends[i]);
        if (n >= m && strcmp(text + n - m, ends[i]) == 0) return true;
    }
    return false;
}

/* A drill says so first and last, whoever wrote the text. */
static void script_line(struct script *script, const struct item_line *l, int64_t gap_ms)
{
    if (l->drill && !begins_with(l->text, DRILL_MARK)) script_text(script, DRILL_MARK "。");
    script_text(script, l->text);
    if (l->rhyme) {
        script_gap(script, gap_ms);
        script_text(script, l->rhyme);
    }
    const char *last = l->rhyme ? l->rhyme : l->text;
    if (l->drill && !ends_with_mark(last)) script_text(script, DRILL_MARK "。");
}

/* How often an announcement is said, and whether its rhyme follows: as much as its limit and the hour's room allow. */
static void fit_announce(struct station *s, struct item *i, struct now now)
{
    struct item_line *l = &i->lines[0];
    int64_t limit = s->set.limits.announce_ms, room = station_room(s, i->zone, now),
            one = length_of(s, i->zone, l->text);
    if (room < limit) limit = room;
    if (i->q.kind == ITEM_DIGEST || i->announce.repeat < 1) i->announce.repeat = 1;
    i->passes = (int)i->announce.repeat;
    if (one < 0) one = 0; /* only the chime */
    while (i->passes > 1 &&
           s->set.limits.chime_ms + i->passes * one + (i->passes - 1) * s->set.announce_gap_ms > limit)
        i->passes--;
    int64_t used = s->set.limits.chime_ms + i->passes * one + (i->passes - 1) * s->set.announce_gap_ms;
    bool may_rhyme = i->announce.rhyme && one > 0 && zone_wants_rhyme(s->zones[i->zone].zone, now.wall);
    int64_t rhyme = may_rhyme ? length_of(s, i->zone, i->announce.rhyme) : -1;
    free(l->rhyme);
    l->rhyme = rhyme >= 0 && used + s->set.limits.gap_ms + rhyme <= limit ? xstrdup(i->announce.rhyme) : NULL;
}

static void item_render(struct station *s, struct item *i, struct now now)
{
    struct script script = {.volume = zone_volume(s->zones[i->zone].zone, now.wall),
                            .allow_robot = station_robot(s, i->zone),
                            .urgent = i->q.priority >= PRIORITY_DRILL};
    bool drill = i->n_lines > 0 && i->lines[0].drill;
    i->volume = script.volume;
    if (i->q.kind == ITEM_TONE) {
        script_chime(&script, CHIME_TONE);
    } else {
        script_chime(&script, drill ? CHIME_DRILL : CHIME_WARNING);
        if (i->q.kind == ITEM_ANNOUNCE) {
            fit_announce(s, i, now);
            struct item_line plain = i->lines[0];
            plain.rhyme = NULL;
            for (int pass = 1; pass < i->passes; pass++) {
                script_line(&script, &plain, s->set.limits.gap_ms);
                script_gap(&script, s->set.announce_gap_ms);
            }
            script_line(&script, &i->lines[0], s->set.limits.gap_ms);
        } else {
            for (size_t l = 0; l < i->n_lines; l++) {
                if (l) script_gap(&script, s->set.limits.gap_ms);
                if (l && i->lines[l].drill && !i->lines[l - 1].drill) script_chime(&script, CHIME_DRILL);
                script_line(&script, &i->lines[l], s->set.limits.gap_ms);
            }
        }
    }
    i->q.state = ITEM_PREPARING;
    i->rendering = true;
    s->env.render(s->env.arg, i->q.order, &script, i->wav);
}

/* What each line takes of the whole, for the memory: the first carries chime and rests. */
static void share_length(const struct station *s, struct item *i)
{
    int64_t rest = i->q.length_ms;
    for (size_t l = i->n_lines; l-- > 1;) {
        struct item_line *line = &i->lines[l];
        int64_t ms = length_of(s, i->zone, line->text),
                rhyme = line->rhyme ? length_of(s, i->zone, line->rhyme) : 0;
        line->length_ms = (ms > 0 ? ms : 0) + (rhyme > 0 ? rhyme : 0) + s->set.limits.gap_ms;
        rest -= line->length_ms;
    }
    if (i->n_lines) i->lines[0].length_ms = rest > 0 ? rest : 0;
}

void station_rendered(struct station *s, struct now now, uint64_t number, const struct rendered *r)
{
    struct item *i = item_find(s, number);
    if (!i || !i->rendering) return;
    i->rendering = false;
    i->rendered = r->err == RELAY_OK;
    if (r->err != RELAY_OK || (r->texts > 0 && r->spoken == 0 && i->q.kind != ITEM_ANNOUNCE)) {
        /* An announcement without a voice is still a chime: look at the screen. Anything else is nothing. */
        if (s->zones[i->zone].prepared == i)
            item_free(s, i);
        else
            item_end(s, i, now, "failed", WHY_SPEECH, r->why.text);
        return;
    }
    i->q.length_ms = r->length_ms;
    int64_t limit = i->q.kind == ITEM_ANNOUNCE ? s->set.limits.announce_ms : s->set.limits.slot_ms;
    if (i->q.length_ms > limit && i->q.kind == ITEM_ANNOUNCE && i->tries == 0 &&
        (i->passes > 1 || i->lines[0].rhyme)) {
        i->tries++; /* its lengths were guessed: now they are known */
        item_render(s, i, now);
        return;
    }
    i->tries = 0;
    if (r->texts > 0 && r->spoken == 0) { /* the chime alone: nothing of it counts as said */
        note_item(s, i, now, "queued", WHY_NO_VOICE, r->why.text);
        lines_release(i);
    }
    share_length(s, i);
    i->q.state = ITEM_WAITING;
}

void item_enqueue(struct station *s, struct item *i, struct now now)
{
    if (queue_add(&s->zones[i->zone].queue, &i->q) != RELAY_OK) {
        item_end(s, i, now, "failed", WHY_FULL_QUEUE, NULL);
        return;
    }
    i->queued = true;
    i->held = false;
    if (!i->rendering && !i->rendered) item_render(s, i, now);
}

/* ---- Announcements that wait for the end of quiet hours ---- */

void item_keep_back(struct station *s, struct item *i, struct now now)
{
    if (i->queued) queue_remove(&s->zones[i->zone].queue, &i->q);
    i->queued = false;
    if (i->rendering) s->env.forget(s->env.arg, i->q.order);
    if (i->rendered) (void)remove(i->wav); /* made again with the volume of its hour */
    i->rendering = i->rendered = false;
    if (i->q.kind != ITEM_DIGEST) {
        if (!i->held) note_item(s, i, now, "queued", WHY_QUIET_HOURS, NULL);
        i->held = true;
        book_move_announce(s->book, s->zones[i->zone].zone->id, i->id, "held", why_code(WHY_QUIET_HOURS));
        return;
    }
    /* A digest that ran into quiet hours comes apart again. */
    while (i->children) {
        struct item *c = i->children;
        i->children = c->next;
        c->next = s->items;
        s->items = c;
        item_keep_back(s, c, now);
    }
    item_free(s, i);
}

static int gravest_first(const struct item *a, const struct item *b)
{
    if (a->announce.correction != b->announce.correction) return a->announce.correction ? -1 : 1;
    if (a->announce.level != b->announce.level) return a->announce.level > b->announce.level ? -1 : 1;
    if (a->announce.received != b->announce.received)
        return a->announce.received > b->announce.received ? -1 : 1;
    return strcmp(a->id, b->id);
}

/* One item says what was kept back: a single announcement as itself, several as a digest, each once. What has no room is
 * left to the bulletin. */
static void release_held(struct station *s, size_t zone, struct now now)
{
    struct item *list = NULL;
    size_t n = 0;
    for (;;) { /* out of all items, the gravest first */
        struct item *best = NULL;
        for (struct item *i = s->items; i; i = i->next)
            if (i->held && i->zone == zone && (!best || gravest_first(i, best) < 0)) best = i;
        if (!best) break;
        best->held = false;
        if (best->q.expires <= now.mono) {
            item_end(s, best, now, "skipped", WHY_EXPIRED, NULL);
            continue;
        }
        item_unlink(s, best);
        struct item **end = &list;
        while (*end) end = &(*end)->next;
        *end = best;
        n++;
    }
    if (n == 0) return;
    if (n == 1) {
        list->next = s->items;
        s->items = list;
        list->q.added = now.mono;
        book_move_announce(s->book, s->zones[zone].zone->id, list->id, "queued", "");
        item_enqueue(s, list, now);
        return;
    }
    char id[CIVIL_TEXT_LEN + 16], minute[CIVIL_TEXT_LEN];
    (void)snprintf(id, sizeof(id), "digest:%s", civil_format(civil_minute(now.wall), minute));
    struct item *d = item_new(s, zone, ITEM_DIGEST, id, now);
    d->q.priority = PRIORITY_DIGEST;
    d->q.resumes = true;
    int64_t room = s->set.limits.slot_ms - s->set.limits.chime_ms;
    struct item **end = &d->children;
    while (list) {
        struct item *c = list;
        list = c->next;
        c->next = NULL;
        int64_t ms = length_of(s, zone, c->announce.text);
        bool same = false;
        for (size_t l = 0; l < d->n_lines; l++) same |= strcmp(d->lines[l].text, c->announce.text) == 0;
        ms = same ? 0 : (ms < 0 ? 0 : ms) + s->set.limits.gap_ms;
        if (ms > room || (!same && d->n_lines == ITEM_LINES_MAX)) {
            c->next = s->items;
            s->items = c;
            item_end(s, c, now, "skipped", WHY_SLOT_FULL, NULL);
            continue;
        }
        room -= ms;
        if (!same)
            item_add_line(d, c->announce.text, NULL, c->id, false, c->announce.status != STATUS_ACTUAL);
        if (c->q.expires < d->q.expires) d->q.expires = c->q.expires;
        *end = c;
        end = &c->next;
    }
    move_rows(s, d, now, "queued", "");
    item_enqueue(s, d, now);
}

/* ---- Slots ---- */

static void slot_id(int64_t minute, char out[static CIVIL_TEXT_LEN + 8])
{
    char text[CIVIL_TEXT_LEN];
    (void)snprintf(out, CIVIL_TEXT_LEN + 8, "slot:%s", civil_format(minute, text));
}

static int64_t plan_length(void *arg, const struct zone *z, const char *text)
{
    const struct station *s = arg;
    for (size_t i = 0; i < s->set.n_zones; i++)
        if (s->zones[i].zone == z) return length_of(s, i, text);
    return -1;
}

struct programme_input station_input(struct station *s, size_t zone, int64_t minute, struct now at)
{
    return (struct programme_input){.zone = s->zones[zone].zone,
                                    .minute = minute,
                                    .now = at,
                                    .day = calendar_day(s->set.calendar, minute / MINUTES_A_DAY),
                                    .reminders = s->set.reminders,
                                    .n_reminders = s->set.n_reminders,
                                    .warnings = s->bulletin.items,
                                    .n_warnings = s->bulletin.n,
                                    .memory = &s->zones[zone].memory,
                                    .limits = &s->set.limits,
                                    .length = plan_length,
                                    .length_arg = s};
}

static struct item *slot_item(struct station *s, size_t zone, int64_t minute, const struct plan *plan,
                              struct now now)
{
    char id[CIVIL_TEXT_LEN + 8];
    slot_id(minute, id);
    struct item *i = item_new(s, zone, ITEM_SLOT, id, now);
    i->minute = minute;
    i->q.priority = PRIORITY_REMINDER;
    for (int place = 0; place < plan->sounding; place++) {
        const struct plan_line *l = plan_at(plan, place);
        if (l->is_reminder) {
            const struct reminder *r = &s->set.reminders[l->index];
            item_add_line(i, r->text, NULL, r->id, false, false);
            continue;
        }
        const struct warning *w = &s->bulletin.items[l->index];
        item_add_line(i, w->text, l->rhyme ? w->rhyme : NULL, w->id, true, w->status != STATUS_ACTUAL);
        i->q.priority = PRIORITY_SLOT;
        if (w->expires_mono < i->q.expires) i->q.expires = w->expires_mono;
    }
    return i;
}

/* The prepared item says exactly what the plan says now. */
static bool still_fits(const struct station *s, const struct item *i, const struct plan *plan)
{
    if (i->n_lines != (size_t)plan->sounding) return false;
    for (int place = 0; place < plan->sounding; place++) {
        const struct plan_line *l = plan_at(plan, place);
        const struct item_line *have = &i->lines[place];
        const char *text =
            l->is_reminder ? s->set.reminders[l->index].text : s->bulletin.items[l->index].text;
        const char *name = l->is_reminder ? s->set.reminders[l->index].id : s->bulletin.items[l->index].id;
        if (strcmp(have->text, text) != 0 || (have->rhyme != NULL) != l->rhyme) return false;
        if (have->told == l->is_reminder || strcmp(name, have->name) != 0) return false;
    }
    return true;
}

/* Renders the next slot shortly before it comes, so that it begins on the minute. */
static void prepare_slots(struct station *s, struct now now)
{
    int64_t ahead = civil_ms(now.wall) + s->set.prepare_ms, minute = ahead / MINUTE_MS;
    if (minute <= civil_minute(now.wall)) return; /* the next minute is not near yet */
    struct now then = {.wall = civil_to_wall(minute)};
    then.mono = now.mono + (then.wall - now.wall);
    for (size_t z = 0; z < s->set.n_zones; z++) {
        struct zone_state *state = &s->zones[z];
        if (state->prepared_minute == minute || state->zone->silent) continue;
        state->prepared_minute = minute;
        if (state->prepared) item_free(s, state->prepared);
        struct programme_input in = station_input(s, z, minute, then);
        if (!programme_has_slot(&s->set.limits, state->zone, minute, in.day.type)) continue;
        struct plan plan;
        programme_plan(&in, &plan);
        if (plan.sounding) {
            state->prepared = slot_item(s, z, minute, &plan, now);
            item_render(s, state->prepared, then);
        }
        plan_release(&plan);
    }
}

/* A slot's time has come or has passed. It is recorded now, whatever becomes of it. */
static void slot_due(struct station *s, size_t zone, int64_t minute, struct now now)
{
    struct zone_state *z = &s->zones[zone];
    struct programme_input in = station_input(s, zone, minute, now);
    char id[CIVIL_TEXT_LEN + 8];
    if (!programme_has_slot(&s->set.limits, z->zone, minute, in.day.type)) return;
    if (book_has_slot(s->book, z->zone->id, minute))
        return; /* a clock was set back, or the zone was changed */
    slot_id(minute, id);
    int64_t late = civil_ms(now.wall) - minute * MINUTE_MS;
    enum why why = WHY_SOUNDS;
    struct plan plan = {0};
    if (late > s->set.grace_ms) {
        bool was_quiet = zone_is_quiet(z->zone, civil_to_wall(minute), NULL);
        why = was_quiet ? WHY_QUIET_HOURS : WHY_MISSED;
    } else if (z->caught_up && !s->has_scanned) {
        why = WHY_CATCH_UP;
    } else {
        programme_plan(&in, &plan);
        why = plan.why;
    }
    if (why != WHY_SOUNDS) {
        book_put_slot(s->book, z->zone->id, minute, now.wall, "skipped", why_code(why));
        station_note(s, now, zone, id, item_kind_name(ITEM_SLOT), "skipped", why, NULL, 0, 0);
        plan_release(&plan);
        return;
    }
    struct item *i = z->prepared && z->prepared->minute == minute ? z->prepared : NULL;
    if (i && !still_fits(s, i, &plan)) {
        item_free(s, i);
        i = NULL;
    }
    if (!i) i = slot_item(s, zone, minute, &plan, now);
    z->prepared = NULL;
    plan_release(&plan);
    i->q.added = now.mono;
    i->q.give_up = now.mono + s->set.grace_ms - late;
    book_put_slot(s->book, z->zone->id, minute, now.wall, "queued", "");
    item_enqueue(s, i, now);
}

static void scan_slots(struct station *s, struct now now)
{
    int64_t minute = civil_minute(now.wall);
    if (minute < s->scanned) s->scanned = minute - 1; /* set back: what is recorded is not played again */
    if (minute == s->scanned) {
        s->has_scanned = true;
        return;
    }
    int64_t from = s->scanned + 1, earliest = minute - (int64_t)LOOK_BACK_DAYS * MINUTES_A_DAY;
    if (from < earliest) {
        log_warning("slots before the last %d days are not listed as missed", LOOK_BACK_DAYS);
        from = earliest;
    }
    if (s->set.limits.fast_hour && from < minute - 5) from = minute - 5; /* a demonstration has no past */
    for (int64_t m = from; m <= minute; m++)
        for (size_t z = 0; z < s->set.n_zones; z++) slot_due(s, z, m, now);
    s->scanned = minute;
    s->has_scanned = true;
    book_set_fact(s->book, "scanned", minute);
}

/* ---- The queue's word, and what follows from it ---- */

static struct conditions conditions_of(const struct station *s, size_t zone, struct now now)
{
    const struct zone_state *z = &s->zones[zone];
    int64_t until = zone_until_quiet(z->zone, now.wall);
    return (struct conditions){.now = now,
                               .clock_trusted = s->trusted,
                               .hold = s->hold,
                               .muted = z->mute_until > now.mono,
                               .quiet = z->zone->silent || until == 0,
                               .overridden = station_overridden(s, zone, now),
                               .until_quiet_ms = until,
                               .busy = z->busy,
                               .free_since = z->free_since,
                               .room_ms = station_room(s, zone, now),
                               .busy_gap_ms = s->set.busy_gap_ms,
                               .grace_ms = s->set.grace_ms};
}

static void remember(struct station *s, struct item *i, struct now now)
{
    struct zone_state *z = &s->zones[i->zone];
    int64_t at = 0, minute = i->q.kind == ITEM_SLOT ? i->minute : civil_minute(now.wall);
    for (size_t l = 0; l < i->n_lines || l == 0; l++) {
        bool has = l < i->n_lines;
        struct said said = {.text = has ? text_key(i->lines[l].text) : 0,
                            .minute = minute,
                            .mono = now.mono + at,
                            .length_ms = has ? i->lines[l].length_ms : i->q.length_ms,
                            .slot = i->q.kind == ITEM_SLOT};
        memory_add(&z->memory, said);
        book_put_said(s->book, z->zone->id, (int64_t)i->q.order, said.text, minute, now.wall + at,
                      said.length_ms, said.slot);
        at += said.length_ms;
    }
}

static void begin(struct station *s, struct item *i, struct now now)
{
    i->started = now.mono;
    if (!i->fail_until) i->fail_until = now.mono + s->set.grace_ms;
    i->q.busy_from = 0;
    i->q.waits_for = WHY_SOUNDS;
    i->to_start = true;
    remember(s, i, now);
    CLEANUP(buf_release) struct buf names = BUF_INIT(2048);
    for (size_t l = 0; l < i->n_lines && i->q.kind != ITEM_ANNOUNCE; l++)
        buf_printf(&names, "%s%s", l ? " " : "", i->lines[l].name);
    note_item(s, i, now, "playing", WHY_SOUNDS, buf_cstr(&names));
    note_parts(s, i, now, "playing", WHY_SOUNDS, NULL);
    move_rows(s, i, now, "playing", "");
}

/* It fell silent before its end: what was not said is not remembered as said. */
static void forget_unsaid(struct station *s, struct item *i, struct now now)
{
    memory_cut(&s->zones[i->zone].memory, i->started, now.mono);
    book_cut_said(s->book, (int64_t)i->q.order, now.wall);
}

static void fell_silent(struct station *s, struct item *i, struct now now)
{
    enum why why = i->q.stop_why;
    i->on_air = i->to_start = false;
    forget_unsaid(s, i, now);
    if (queue_stopped(&i->q)) {
        note_item(s, i, now, "preempted", why, NULL);
        note_parts(s, i, now, "preempted", why, NULL);
        move_rows(s, i, now, "queued", why_code(why));
        i->fail_until = 0;
        return;
    }
    bool taken = why == WHY_HOLD || why == WHY_BUSY || why == WHY_HIGHER;
    if (taken) note_item(s, i, now, "preempted", why, NULL);
    item_end(s, i, now, "skipped", why, NULL);
}

void station_queue_zone(struct station *s, size_t zone, struct now now)
{
    for (int guard = 0; guard < 4 * QUEUE_MAX; guard++) {
        const struct conditions c = conditions_of(s, zone, now);
        struct queue_verdict v = queue_decide(&s->zones[zone].queue, &c);
        if (v.act == QUEUE_NOTHING) return;
        struct item *i = v.item->owner;
        switch (v.act) {
        case QUEUE_NOTHING: return;
        case QUEUE_START: begin(s, i, now); break;
        case QUEUE_STOP:
            if (i->to_start) /* it had not begun to sound */
                fell_silent(s, i, now);
            else
                s->env.silence(s->env.arg, i->q.order);
            break;
        case QUEUE_SKIP: {
            bool failed = v.why == WHY_OUTPUT || v.why == WHY_PREPARING;
            item_end(s, i, now, failed ? "failed" : "skipped", v.why, NULL);
            break;
        }
        case QUEUE_KEEP_BACK: item_keep_back(s, i, now); break;
        case QUEUE_WAITS:
            if (i->q.kind == ITEM_ANNOUNCE || v.why != WHY_HIGHER)
                note_item(s, i, now, "queued", v.why, NULL);
            break;
        }
    }
}

void station_ended(struct station *s, struct now now, uint64_t number, enum play_end end, const char *detail)
{
    static const int64_t pauses[] = {2000, 5000, 10000, 20000};
    struct item *i = item_find(s, number);
    if (!i || !i->on_air) return;
    i->on_air = false;
    if (end == PLAY_DONE) {
        item_end(s, i, now, "played", WHY_SOUNDS, detail);
    } else if (end == PLAY_STOPPED || i->q.state == ITEM_STOPPING) {
        fell_silent(s, i, now);
    } else {
        size_t pause = (size_t)i->tries < ARRAY_LEN(pauses) ? (size_t)i->tries : ARRAY_LEN(pauses) - 1;
        forget_unsaid(s, i, now);
        i->tries++;
        i->q.state = ITEM_WAITING;
        i->q.waits_for = WHY_OUTPUT;
        i->q.not_before = now.mono + pauses[pause];
        if (i->q.not_before >= i->fail_until || i->q.not_before >= i->q.give_up) {
            item_end(s, i, now, "failed", WHY_OUTPUT, detail);
            return;
        }
        note_item(s, i, now, "queued", WHY_OUTPUT, detail);
        move_rows(s, i, now, "queued", why_code(WHY_OUTPUT));
    }
}

/* ---- The turn ---- */

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
        if (state->was_quiet && !quiet) release_held(s, z, now);
        state->was_quiet = quiet;
    }
}

static void holidays_known(struct station *s, struct now now)
{
    int year = clock_local(now.wall).year;
    if (!s->trusted || s->holidays_year == year || calendar_knows_year(s->set.calendar, year)) return;
    s->holidays_year = year;
    log_warning("holidays: there is no data for %d; weekdays and weekends are taken as they fall", year);
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
    holidays_known(s, now);
    quiet_ends(s, now);
    if (s->trusted) {
        scan_slots(s, now);
        prepare_slots(s, now);
    }
    for (size_t z = 0; z < s->set.n_zones; z++) station_queue_zone(s, z, now);
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
        const struct conditions c = conditions_of(s, z, now);
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

static bool find_zone(const struct station *s, const char *id, size_t *ret)
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
    memory_add(&l->s->zones[l->zone].memory, (struct said){.text = text,
                                                           .minute = minute,
                                                           .mono = l->now.mono + (at - l->now.wall),
                                                           .length_ms = length_ms,
                                                           .slot = slot});
}

static void load_mute(void *arg, const struct grant *g)
{
    struct load *l = arg;
    size_t z;
    if (!find_zone(l->s, g->zone, &z)) return;
    struct zone_state *state = &l->s->zones[z];
    state->mute_until_wall = g->until;
    state->mute_until = l->now.mono + (g->until - l->now.wall);
    if (state->mute_until <= 0) state->mute_until = 1; /* over: end_grants says so */
    (void)snprintf(state->mute_by, sizeof(state->mute_by), "%s", g->by);
    (void)snprintf(state->mute_reason, sizeof(state->mute_reason), "%s", g->reason);
}

static void load_override(void *arg, const struct grant *g)
{
    struct load *l = arg;
    size_t z;
    if (!find_zone(l->s, g->zone, &z)) return;
    l->s->zones[z].override_until_wall = g->until;
    l->s->zones[z].override_until = l->now.mono + (g->until - l->now.wall);
    if (l->s->zones[z].override_until <= 0) l->s->zones[z].override_until = 1;
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
static void load_announce(void *arg, const struct announcement *a, const char *state)
{
    struct load *l = arg;
    size_t z;
    (void)state; /* whatever it was doing, it has not ended */
    if (!find_zone(l->s, a->zone, &z)) return;
    station_new_announce(l->s, z, a, l->now)->held = true;
    l->s->zones[z].caught_up = true;
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
    if (inbox_bulletin(payload, strlen(payload), now, true, received, &s->bulletin_arena, &s->bulletin,
                       &why) != RELAY_OK)
        log_error("bulletin: the stored one cannot be read (%s); the next one from the relay replaces it",
                  why.text);
}

static void load(struct station *s, struct now now)
{
    struct load l = {.s = s, .now = now};
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
    for (l.zone = 0; l.zone < s->set.n_zones; l.zone++)
        book_each_said(s->book, s->zones[l.zone].zone->id, now.wall - 8 * DAY_MS, load_said, &l);
    book_each_mute(s->book, load_mute, &l);
    book_each_override(s->book, load_override, &l);
    load_bulletin(s, now);
    book_open_announces(s->book, load_announce, &l);
    book_open_slots(s->book, load_open_slot, &l);
    for (size_t i = 0; i < l.n_slots; i++) {
        size_t z;
        char id[CIVIL_TEXT_LEN + 8];
        slot_id(l.slots[i].minute, id);
        book_put_slot(s->book, l.slots[i].zone, l.slots[i].minute, now.wall, "failed",
                      why_code(WHY_INTERRUPTED));
        if (find_zone(s, l.slots[i].zone, &z))
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
