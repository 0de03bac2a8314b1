/* One thing to be played: its texts, its sound, its rows in the book and the log. */
#include "base/buf.h"
#include "base/i18n.h"
#include "base/log.h"
#include "player/station_internal.h"

enum {
    RENDER_AGAIN_MS = 5000, /* after a disk was full */
    RESERVE_NUMBERS = 1000,
    TEST_VOLUME = 60,            /* percent, at most, of a target's test */
    OVERRIDE_ROOM_MS = 60 * 1000 /* of speech an hour where two persons opened a zone that has none */
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

void item_note(struct station *s, const struct item *i, struct now now, const char *state, enum why why,
               const char *detail)
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

static char *spool_path(const struct station *s, uint64_t number)
{
    return xasprintf("%s/%llu.wav", s->set.spool_dir, (unsigned long long)number);
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
    i->wav = spool_path(s, i->q.order);
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
        i->lines[l] = (struct item_line){0};
    }
    i->n_lines = 0;
}

void item_release(struct item *i)
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

void item_unlink(struct station *s, struct item *i)
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
void item_move_rows(struct station *s, const struct item *i, struct now now, const char *state,
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
    case ITEM_TONE: break; /* its row goes with it: item_end */
    }
}

/* The parts that others wait for: a digest's announcements, a slot's bulletin items. `ends`: only those that sounded. */
void item_note_parts(struct station *s, const struct item *i, struct now now, const char *state, enum why why,
                     const char *detail)
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
    item_note(s, i, now, state, why, detail);
    item_note_parts(s, i, now, state, why, detail);
    item_move_rows(s, i, now, state, why == WHY_SOUNDS ? "" : why_code(why));
    if (i->q.kind == ITEM_SAY || i->q.kind == ITEM_TONE)
        book_end_say(s->book, s->zones[i->zone].zone->id, i->id);
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

int64_t station_length_of(const struct station *s, size_t zone, const char *text)
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
            one = station_length_of(s, i->zone, l->text);
    if (room < limit) limit = room;
    bool test = i->q.kind == ITEM_ANNOUNCE && i->announce.status == STATUS_TEST;
    if (i->q.kind == ITEM_DIGEST || i->announce.repeat < 1 || test) i->announce.repeat = 1;
    i->passes = (int)i->announce.repeat;
    if (one < 0) one = 0; /* only the chime */
    while (i->passes > 1 &&
           s->set.limits.chime_ms + i->passes * one + (i->passes - 1) * s->set.announce_gap_ms > limit)
        i->passes--;
    int64_t used = s->set.limits.chime_ms + i->passes * one + (i->passes - 1) * s->set.announce_gap_ms;
    bool may_rhyme = i->announce.rhyme && one > 0 && zone_wants_rhyme(s->zones[i->zone].zone, now.wall);
    int64_t rhyme = may_rhyme ? station_length_of(s, i->zone, i->announce.rhyme) : -1;
    free(l->rhyme);
    l->rhyme = rhyme >= 0 && used + s->set.limits.gap_ms + rhyme <= limit ? xstrdup(i->announce.rhyme) : NULL;
}

/* An installer's test is heard by those who listen for it, not by the whole hall. */
int item_volume(const struct station *s, const struct item *i, struct now now)
{
    int volume = zone_volume(s->zones[i->zone].zone, now.wall);
    bool test = i->q.kind == ITEM_ANNOUNCE && i->announce.status == STATUS_TEST;
    return test && volume > TEST_VOLUME ? TEST_VOLUME : volume;
}

void item_render(struct station *s, struct item *i, struct now now)
{
    if (i->q.kind == ITEM_ANNOUNCE && !i->n_lines) /* the last time it was only a chime */
        item_add_line(i, i->announce.text, NULL, i->id, false, i->announce.status != STATUS_ACTUAL);
    struct script script = {.volume = item_volume(s, i, now),
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
        int64_t ms = station_length_of(s, i->zone, line->text),
                rhyme = line->rhyme ? station_length_of(s, i->zone, line->rhyme) : 0;
        line->length_ms = (ms > 0 ? ms : 0) + (rhyme > 0 ? rhyme : 0) + s->set.limits.gap_ms;
        rest -= line->length_ms;
    }
    if (i->n_lines) i->lines[0].length_ms = rest > 0 ? rest : 0;
}

/* Its WAV could not be written, which may go better in a while: it is made again within its grace. */
static bool render_later(struct station *s, struct item *i, struct now now, const char *detail)
{
    int64_t again = now.mono + RENDER_AGAIN_MS;
    if (!i->fail_until) i->fail_until = now.mono + s->set.grace_ms;
    if (again >= i->fail_until || again >= i->q.give_up) return false;
    i->q.not_before = again;
    if (i->q.waits_for != WHY_SPEECH) item_note(s, i, now, "queued", WHY_SPEECH, detail);
    i->q.waits_for = WHY_SPEECH;
    return true;
}

void station_render_again(struct station *s, struct now now)
{
    for (struct item *i = s->items; i; i = i->next)
        if (i->queued && i->q.state == ITEM_PREPARING && !i->rendering && now.mono >= i->q.not_before)
            item_render(s, i, now);
}

void station_rendered(struct station *s, struct now now, uint64_t number, const struct rendered *r)
{
    struct item *i = item_find(s, number);
    if (!i) { /* nobody wants it any more */
        CLEANUP(free_ptr) char *wav = spool_path(s, number);
        (void)remove(wav);
    }
    if (!i || !i->rendering) return;
    i->rendering = false;
    i->rendered = r->err == RELAY_OK;
    if (r->err != RELAY_OK || (r->texts > 0 && r->spoken == 0 && i->q.kind != ITEM_ANNOUNCE)) {
        /* An announcement without a voice is still a chime: look at the screen. Anything else is nothing. */
        if (s->zones[i->zone].prepared == i)
            item_free(s, i);
        else if (r->err == RELAY_OK || !render_later(s, i, now, r->why.text))
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
        item_note(s, i, now, "queued", WHY_NO_VOICE, r->why.text);
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
