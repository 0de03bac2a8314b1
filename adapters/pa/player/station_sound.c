/* What the queue says, done: beginning, falling silent, waiting for the end of quiet hours. */
#include "base/buf.h"
#include "player/station_internal.h"

enum { TAKEN_PAUSE_MS = 10000 }; /* before asking again a device that something graver plays on */

/* ---- Announcements that wait for the end of quiet hours ---- */

void item_tell_held(struct station *s, struct item *i, struct now now)
{
    if (i->told_held) return;
    i->told_held = true;
    item_note(s, i, now, "queued", WHY_QUIET_HOURS, NULL);
    book_move_announce(s->book, s->zones[i->zone].zone->id, i->id, "held", why_code(WHY_QUIET_HOURS));
}

static void item_keep_back(struct station *s, struct item *i, struct now now)
{
    if (i->queued) queue_remove(&s->zones[i->zone].queue, &i->q);
    i->queued = false;
    if (i->rendered) (void)remove(i->wav); /* made again with the volume of its hour */
    i->rendering = i->rendered = false;
    if (i->q.kind != ITEM_DIGEST) {
        i->held = true;
        i->told_held = false;
        item_tell_held(s, i, now);
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
void station_release_held(struct station *s, size_t zone, struct now now)
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
        int64_t ms = station_length_of(s, zone, c->announce.text);
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
    item_move_rows(s, d, now, "queued", "");
    item_enqueue(s, d, now);
}

/* ---- The queue's word, and what follows from it ---- */

static const struct queue_item *rival(const struct station *s, size_t zone)
{
    const struct zone *z = s->zones[zone].zone;
    const struct queue_item *first = NULL;
    for (size_t i = 0; i < z->n_shares; i++) {
        const struct zone_queue *q = &s->zones[z->shares[i]].queue;
        const struct queue_item *playing = queue_playing(q);
        if (playing) return playing;
        for (size_t k = 0; k < q->n; k++)
            if (q->items[k]->waits_for == WHY_SHARED && (!first || queue_precedes(q->items[k], first)))
                first = q->items[k];
    }
    return first;
}

struct conditions station_conditions(const struct station *s, size_t zone, struct now now)
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
                               .rival = rival(s, zone),
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
    item_note(s, i, now, "playing", WHY_SOUNDS, buf_cstr(&names));
    item_note_parts(s, i, now, "playing", WHY_SOUNDS, NULL);
    item_move_rows(s, i, now, "playing", "");
}

/* It fell silent before its end: what was not said is not remembered as said. */
static void forget_unsaid(struct station *s, struct item *i, struct now now)
{
    memory_cut(&s->zones[i->zone].memory, i->started, now.mono);
    book_cut_said(s->book, (int64_t)i->q.order, now.wall);
}

/* Its announcements wait by themselves again, but for those that are over. */
static void come_apart(struct station *s, struct item *digest, struct now now)
{
    size_t zone = digest->zone;
    struct item *children = digest->children;
    digest->children = NULL;
    item_free(s, digest);
    while (children) {
        struct item *c = children;
        children = c->next;
        c->next = s->items;
        s->items = c;
        c->held = true;
        if (c->q.stop_why != WHY_SOUNDS) item_end(s, c, now, "skipped", c->q.stop_why, NULL);
    }
    if (!zone_is_quiet(s->zones[zone].zone, now.wall, NULL) || station_overridden(s, zone, now))
        station_release_held(s, zone, now);
}

void station_part_digest(struct station *s, struct item *digest, struct now now)
{
    if (!digest->on_air) {
        if (digest->to_start) forget_unsaid(s, digest, now);
        come_apart(s, digest, now);
        return;
    }
    digest->apart = true;
    if (digest->q.state == ITEM_STOPPING) return; /* it falls silent already */
    digest->q.state = ITEM_STOPPING;
    digest->q.stop_why = WHY_SUPERSEDED;
    s->env.silence(s->env.arg, digest->q.order);
}

static void fell_silent(struct station *s, struct item *i, struct now now)
{
    enum why why = i->q.stop_why;
    i->on_air = i->to_start = false;
    forget_unsaid(s, i, now);
    if (i->apart) {
        item_note(s, i, now, "preempted", why, NULL);
        come_apart(s, i, now);
        return;
    }
    if (queue_stopped(&i->q)) {
        item_note(s, i, now, "preempted", why, NULL);
        item_note_parts(s, i, now, "preempted", why, NULL);
        item_move_rows(s, i, now, "queued", why_code(why));
        i->fail_until = 0;
        return;
    }
    bool taken = why == WHY_HOLD || why == WHY_BUSY || why == WHY_HIGHER;
    if (taken) item_note(s, i, now, "preempted", why, NULL);
    item_end(s, i, now, "skipped", why, NULL);
}

void station_queue_zone(struct station *s, size_t zone, struct now now)
{
    for (int guard = 0; guard < 4 * QUEUE_MAX; guard++) {
        const struct conditions c = station_conditions(s, zone, now);
        struct queue_verdict v = queue_decide(&s->zones[zone].queue, &c);
        if (v.act == QUEUE_NOTHING) return;
        struct item *i = v.item->owner;
        switch (v.act) {
        case QUEUE_NOTHING: return;
        case QUEUE_START:
            if (i->volume == item_volume(s, i, now))
                begin(s, i, now);
            else
                item_render(s, i, now); /* it waited into the hours of another volume */
            break;
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
                item_note(s, i, now, "queued", v.why, NULL);
            break;
        }
    }
}

/* The device gave its loudspeaker to something graver that is not ours: as if we had, but its grace goes on. */
static void was_taken(struct station *s, struct item *i, struct now now, const char *detail)
{
    forget_unsaid(s, i, now);
    i->q.not_before = now.mono + TAKEN_PAUSE_MS;
    i->q.waits_for = WHY_OUTPUT; /* as the queue will see it; people are told why */
    i->q.state = ITEM_WAITING;
    item_note(s, i, now, "preempted", WHY_HIGHER, detail);
    item_note_parts(s, i, now, "preempted", WHY_HIGHER, NULL);
    if (!i->q.resumes || i->q.not_before >= i->fail_until || i->q.not_before >= i->q.give_up)
        item_end(s, i, now, "skipped", WHY_HIGHER, detail);
    else
        item_move_rows(s, i, now, "queued", why_code(WHY_HIGHER));
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
    } else if (end == PLAY_TAKEN) {
        was_taken(s, i, now, detail);
    } else if (end == PLAY_REFUSED) {
        forget_unsaid(s, i, now);
        item_end(s, i, now, "failed", WHY_OUTPUT, detail);
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
        item_note(s, i, now, "queued", WHY_OUTPUT, detail);
        item_move_rows(s, i, now, "queued", why_code(WHY_OUTPUT));
    }
}
