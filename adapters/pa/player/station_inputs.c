/* What comes into the station: from the relay, from the house, from people. */
#include "base/i18n.h"
#include "base/log.h"
#include "base/text.h"
#include "player/station_internal.h"

enum { SAY_GRACE_MS = 10 * 60 * 1000, TONE_GRACE_MS = 30 * 1000, OVERRIDE_MAX_MS = 3600 * 1000 };

/* ---- The relay ---- */

/* Why the zone will never take this announcement, whatever the hour; quiet hours are the queue's business. */
static enum why refuse(const struct station *s, size_t z, const struct announcement *a, struct now now)
{
    const struct zone *zone = s->zones[z].zone;
    if (a->expires <= now.wall) return WHY_EXPIRED;
    if (a->status != STATUS_ACTUAL && !zone->drills) return WHY_NO_DRILLS;
    if (s->zones[z].mute_until > now.mono) return WHY_MUTED;
    if (station_overridden(s, z, now)) return WHY_SOUNDS;
    if (zone->silent) return WHY_SILENT_ZONE;
    if (zone->slots_only) return WHY_SLOTS_ONLY;
    if (!zone->immediate) return WHY_NOT_AT_ONCE;
    return WHY_SOUNDS;
}

/* Over for good, whatever it is doing: one that sounds falls silent first. */
static void end_announce(struct station *s, struct item *i, struct now now, enum why why)
{
    bool sounds = i->q.state == ITEM_PLAYING || i->q.state == ITEM_STOPPING;
    if (!sounds || !i->on_air) {
        item_end(s, i, now, "skipped", why, NULL);
        return;
    }
    bool stopping = i->q.state == ITEM_STOPPING;
    i->q.state = ITEM_STOPPING;
    i->q.stop_why = why; /* none after which it would begin again */
    if (!stopping) s->env.silence(s->env.arg, i->q.order);
}

/* Takes out of the digests of a zone what is over: announcements of this alert, or all drills when alert is NULL. */
static void part_digests(struct station *s, size_t z, const char *alert, bool also_playing, struct now now)
{
    struct item *next;
    for (struct item *d = s->items; d; d = next) {
        bool any = false;
        next = d->next;
        if (d->zone != z || d->q.kind != ITEM_DIGEST || (d->on_air && !also_playing)) continue;
        for (struct item *c = d->children; c; c = c->next) {
            bool over = alert ? strcmp(c->announce.alert, alert) == 0 : c->announce.status != STATUS_ACTUAL;
            if (over) c->q.stop_why = alert ? WHY_SUPERSEDED : WHY_REAL_ALERT;
            any |= over;
        }
        if (!any) continue;
        bool waits = !d->on_air;
        station_part_digest(s, d, now);
        if (waits) next = s->items; /* its parts are items of their own now */
    }
}

/* A newer revision ends what still waits of the older ones; a correction also what plays. */
static void supersede(struct station *s, size_t z, const struct announcement *a, struct now now)
{
    struct item *next;
    for (struct item *i = s->items; i; i = next) {
        next = i->next;
        if (i->zone != z || i->q.kind != ITEM_ANNOUNCE || strcmp(i->announce.alert, a->alert) != 0) continue;
        if (!i->on_air || a->correction) end_announce(s, i, now, WHY_SUPERSEDED);
    }
    part_digests(s, z, a->alert, a->correction, now);
}

/* Nobody may take the real alert for a part of the drill: in every zone its announcements end, also those that wait. */
static void end_drills(struct station *s, struct now now)
{
    struct item *next;
    for (struct item *i = s->items; i; i = next) {
        next = i->next;
        if (i->q.kind == ITEM_ANNOUNCE && i->announce.status != STATUS_ACTUAL)
            end_announce(s, i, now, WHY_REAL_ALERT);
    }
    for (size_t z = 0; z < s->set.n_zones; z++) part_digests(s, z, NULL, true, now);
}

void station_announce(struct station *s, struct now now, const char *zone, const char *payload, size_t n)
{
    CLEANUP(arena_release) struct arena arena = {0};
    struct announcement a;
    struct reason why;
    size_t z;
    if (!station_find_zone(s, zone, &z)) {
        log_warning("announce: there is no zone %s here; compare the relay's zones with `tocsin-pa check`",
                    zone);
        return;
    }
    if (inbox_announce(payload, n, now, &arena, &a, &why) != RELAY_OK) {
        log_warning("announce: zone=%s dropped (%s)", zone, why.text);
        return;
    }
    a.zone = zone;
    char state[16];
    int64_t again;
    bool known = book_announce_state(s->book, zone, a.id, state, &again);
    bool unsaid = known && (strcmp(state, "skipped") == 0 || strcmp(state, "failed") == 0);
    if (known && !(unsaid && a.again > again)) { /* else a person has mended what was in its way */
        book_tell_again(s->book, zone, a.id);    /* the relay repeats until it has heard us */
        return;
    }
    enum why not = refuse(s, z, &a, now);
    if (not == WHY_SOUNDS && book_announce_rev(s->book, zone, a.alert) > a.rev) not = WHY_SUPERSEDED;
    if (not != WHY_SOUNDS) {
        book_put_announce(s->book, &a, "skipped", why_code(not ));
        station_note(s, now, z, a.id, item_kind_name(ITEM_ANNOUNCE), "skipped", not, NULL, 0, 0);
        return;
    }
    supersede(s, z, &a, now);
    if (a.status == STATUS_ACTUAL) end_drills(s, now);
    book_put_announce(s->book, &a, "queued", "");
    struct item *i = station_new_announce(s, z, &a, now);
    station_note(s, now, z, a.id, item_kind_name(ITEM_ANNOUNCE), "accepted", WHY_SOUNDS, NULL, 0, 0);
    item_enqueue(s, i, now);
}

void station_bulletin(struct station *s, struct now now, const char *payload, size_t n, bool retained)
{
    struct arena arena = {0};
    struct bulletin b;
    struct reason why = {0};
    if (inbox_bulletin(payload, n, now, retained, 0, &arena, &b, &why) != RELAY_OK) {
        log_warning("bulletin: dropped, the one before stays in force (%s)", why.text);
        arena_release(&arena);
        return;
    }
    /* A relay that began anew counts from the beginning, but its clock does not. */
    if (n > 0 && b.rev < s->bulletin.rev && b.now <= s->bulletin.now) {
        log_warning("bulletin: rev %lld is older than rev %lld and is dropped", (long long)b.rev,
                    (long long)s->bulletin.rev);
        arena_release(&arena);
        return;
    }
    if (b.refused)
        log_warning("bulletin: rev %lld: %d items dropped (%s)", (long long)b.rev, b.refused, why.text);
    arena_release(&s->bulletin_arena);
    s->bulletin_arena = arena;
    s->bulletin = b;
    s->bulletin_loaded = false;
    book_put_bulletin(s->book, b.rev, b.now, b.received, payload, n);
    log_info("bulletin: rev %lld with %zu items", (long long)b.rev, b.n);
    station_warm_all(s);
    for (size_t z = 0; z < s->set.n_zones; z++)
        s->zones[z].prepared_minute = -1; /* plan again what is prepared */
}

/* ---- The house ---- */

void station_hold(struct station *s, struct now now, const char *source, enum priority hold, const char *by)
{
    struct hold_source *at = NULL;
    for (int i = 0; i < HOLD_SOURCES && !at; i++)
        if (strcmp(s->holds[i].name, source) == 0) at = &s->holds[i];
    for (int i = 0; i < HOLD_SOURCES && !at; i++)
        if (!s->holds[i].name[0]) at = &s->holds[i];
    if (!at || at->hold == hold) return;
    (void)snprintf(at->name, sizeof(at->name), "%s", source);
    (void)snprintf(at->by, sizeof(at->by), "%s", by);
    at->hold = hold;
    enum priority before = s->hold;
    s->hold = PRIORITY_NONE;
    for (int i = 0; i < HOLD_SOURCES; i++)
        if (s->holds[i].hold > s->hold) s->hold = s->holds[i].hold;
    char id[32], detail[NAME_MAX_LEN + 32];
    (void)snprintf(id, sizeof(id), "hold:%s", source);
    (void)snprintf(detail, sizeof(detail), "%s %s", priority_name(hold), by);
    /* Silence first, words later; but the end of a hold is told before what begins again. */
    if (hold == PRIORITY_NONE) station_note_all(s, now, id, "hold", "off", detail);
    for (size_t z = 0; z < s->set.n_zones; z++) station_queue_zone(s, z, now);
    if (hold != PRIORITY_NONE) station_note_all(s, now, id, "hold", "on", detail);
    if (strcmp(source, "command") == 0) book_set_fact(s->book, "hold_command", hold);
    if (s->hold != before) s->env.changed(s->env.arg);
}

void station_busy(struct station *s, struct now now, size_t zone, bool busy)
{
    struct zone_state *z = &s->zones[zone];
    if (busy) z->busy_since = now.mono; /* said again: still alive */
    if (z->busy == busy) return;
    z->busy = busy;
    if (!busy) z->free_since = now.mono;
    station_queue_zone(s, zone, now);
}

/* ---- People ---- */

/* Calls for every zone that answers to the name. */
static enum relay_err each_zone(struct station *s, const char *where, int *ret_n, struct reason *why)
{
    int n = 0;
    for (size_t z = 0; z < s->set.n_zones; z++) n += zone_answers_to(s->zones[z].zone, where);
    if (n == 0) return fail(why, RELAY_NOT_FOUND, _("there is no zone or group `%s`"), where);
    if (ret_n) *ret_n = n;
    return RELAY_OK;
}

static enum relay_err need_name(const char *by, struct reason *why)
{
    if (by && *by && strlen(by) < NAME_MAX_LEN && text_valid_utf8(by, strlen(by))) return RELAY_OK;
    return fail(why, RELAY_INVALID, _("say who you are: --by NAME"));
}

enum relay_err station_stop(struct station *s, struct now now, const char *where, const char *by, int *ret_n,
                            struct reason *why)
{
    int n = 0;
    enum relay_err err = need_name(by, why);
    if (err == RELAY_OK) err = each_zone(s, where, NULL, why);
    if (err != RELAY_OK) return err;
    for (size_t z = 0; z < s->set.n_zones; z++) {
        if (!zone_answers_to(s->zones[z].zone, where)) continue;
        struct queue_item *q = queue_stop(&s->zones[z].queue, WHY_STOPPED);
        if (!q) continue;
        struct item *i = q->owner;
        n++;
        station_note(s, now, z, "stop", "stop", "on", WHY_SOUNDS, by, 0, 0);
        if (i->on_air)
            s->env.silence(s->env.arg, q->order);
        else
            item_end(s, i, now, "skipped", WHY_STOPPED, by);
    }
    *ret_n = n;
    return RELAY_OK;
}

enum relay_err station_mute(struct station *s, struct now now, const char *where, int64_t for_ms,
                            const char *by, const char *reason, int *ret_n, struct reason *why)
{
    int n;
    enum relay_err err = need_name(by, why);
    if (err == RELAY_OK) err = each_zone(s, where, &n, why);
    if (err == RELAY_OK && (for_ms < 0 || for_ms > DAY_MS))
        err = fail(why, RELAY_INVALID,
                   _("a zone is muted for 24 h at most; longer is a matter of its configuration"));
    if (err == RELAY_OK && reason && strlen(reason) >= REASON_MAX_LEN)
        err = fail(why, RELAY_INVALID, _("the reason is over %d bytes"), REASON_MAX_LEN - 1);
    if (err != RELAY_OK) return err;
    for (size_t z = 0; z < s->set.n_zones; z++) {
        struct zone_state *state = &s->zones[z];
        if (!zone_answers_to(state->zone, where)) continue;
        if (for_ms == 0) {
            if (!state->mute_until) continue;
            state->mute_until = 0;
            book_end_mute(s->book, state->zone->id);
            station_note(s, now, z, "mute", "mute", "ended", WHY_SOUNDS, by, 0, 0);
            continue;
        }
        state->mute_until = now.mono + for_ms;
        state->mute_loaded = false;
        state->mute_until_wall = now.wall + for_ms;
        state->mute_warned = for_ms <= 15 * MINUTE_MS; /* too short to be told of its end */
        (void)snprintf(state->mute_by, sizeof(state->mute_by), "%s", by);
        (void)snprintf(state->mute_reason, sizeof(state->mute_reason), "%s", reason ? reason : "");
        const struct grant g = {.zone = state->zone->id,
                                .by = state->mute_by,
                                .reason = state->mute_reason,
                                .from = now.wall,
                                .until = state->mute_until_wall};
        book_put_mute(s->book, &g);
        station_queue_zone(s, z, now);
        station_note(s, now, z, "mute", "mute", "on", WHY_SOUNDS, by, 0, for_ms);
    }
    *ret_n = n;
    s->env.changed(s->env.arg);
    return RELAY_OK;
}

enum relay_err station_override(struct station *s, struct now now, const char *where, int64_t for_ms,
                                const char *by, const char *second, const char *reason, int *ret_n,
                                struct reason *why)
{
    int n;
    enum relay_err err = need_name(by, why);
    if (err == RELAY_OK) err = each_zone(s, where, &n, why);
    if (err == RELAY_OK && for_ms > 0 &&
        (!second || !*second || strlen(second) >= NAME_MAX_LEN || strcmp(by, second) == 0))
        err = fail(why, RELAY_DENIED, _("two persons must say so: --by NAME --and ANOTHER-NAME"));
    if (err == RELAY_OK && (for_ms < 0 || for_ms > OVERRIDE_MAX_MS))
        err = fail(why, RELAY_INVALID, _("a silent zone is opened for one hour at most"));
    if (err != RELAY_OK) return err;
    for (size_t z = 0; z < s->set.n_zones; z++) {
        struct zone_state *state = &s->zones[z];
        if (!zone_answers_to(state->zone, where)) continue;
        if (for_ms == 0) {
            if (!state->override_until) continue;
            state->override_until = 0;
            book_end_override(s->book, state->zone->id);
            station_note(s, now, z, "override", "override", "ended", WHY_SOUNDS, by, 0, 0);
            continue;
        }
        state->override_until = now.mono + for_ms;
        state->override_loaded = false;
        state->override_until_wall = now.wall + for_ms;
        const struct grant g = {.zone = state->zone->id,
                                .by = by,
                                .second = second,
                                .reason = reason ? reason : "",
                                .from = now.wall,
                                .until = state->override_until_wall};
        book_put_override(s->book, &g);
        char both[2 * NAME_MAX_LEN + 4];
        (void)snprintf(both, sizeof(both), "%s, %s", by, second);
        station_note(s, now, z, "override", "override", "on", WHY_SOUNDS, both, 0, for_ms);
    }
    *ret_n = n;
    s->env.changed(s->env.arg);
    return RELAY_OK;
}

/* Why a person's words may not enter now; the answer is better at once than a silent skip. */
static enum why say_obstacle(const struct station *s, size_t z, struct now now)
{
    const struct zone_state *state = &s->zones[z];
    if (!s->trusted) return WHY_CLOCK;
    if (state->mute_until > now.mono) return WHY_MUTED;
    if (station_overridden(s, z, now)) return WHY_SOUNDS;
    if (state->zone->silent) return WHY_SILENT_ZONE;
    if (state->zone->slots_only) return WHY_SLOTS_ONLY;
    if (zone_is_quiet(state->zone, now.wall, NULL)) return WHY_QUIET_HOURS;
    return WHY_SOUNDS;
}

static int64_t say_grace(const char *text)
{
    return text ? SAY_GRACE_MS : TONE_GRACE_MS;
}

struct item *station_new_say(struct station *s, size_t zone, const char *id, const char *text,
                             int64_t left_ms, struct now now)
{
    int64_t grace = say_grace(text);
    struct item *i = item_new(s, zone, text ? ITEM_SAY : ITEM_TONE, id, now);
    i->q.priority = text ? PRIORITY_OPERATOR : PRIORITY_TONE;
    i->q.resumes = text != NULL;
    i->q.give_up = now.mono + (left_ms < grace ? left_ms : grace); /* no more, however the clock was set */
    if (text) item_add_line(i, text, NULL, id, false, false);
    return i;
}

enum relay_err station_say(struct station *s, struct now now, const char *where, const char *text,
                           const char *by, int *ret_n, struct reason *why)
{
    int n = 0;
    enum relay_err err = need_name(by, why);
    if (err == RELAY_OK) err = each_zone(s, where, NULL, why);
    if (err == RELAY_OK && text &&
        (!*text || strlen(text) > INBOX_TEXT_MAX || !text_valid_utf8(text, strlen(text))))
        err = fail(why, RELAY_INVALID, _("the text is empty, over %d bytes, or not UTF-8"), INBOX_TEXT_MAX);
    if (err != RELAY_OK) return err;
    enum item_kind kind = text ? ITEM_SAY : ITEM_TONE;
    for (size_t z = 0; z < s->set.n_zones; z++) {
        if (!zone_answers_to(s->zones[z].zone, where)) continue;
        enum why obstacle = say_obstacle(s, z, now);
        if (obstacle == WHY_SOUNDS && text && s->env.length(s->env.arg, text, station_robot(s, z)) < 0)
            obstacle = WHY_NO_VOICE;
        if (obstacle != WHY_SOUNDS) {
            (void)fail(why, RELAY_DENIED, "%s: %s", s->zones[z].zone->id, why_text(obstacle));
            continue;
        }
        char id[40];
        (void)snprintf(id, sizeof(id), "%s:%lld", item_kind_name(kind), (long long)now.wall);
        book_put_say(s->book, s->zones[z].zone->id, id, text, now.wall + say_grace(text));
        station_note(s, now, z, id, item_kind_name(kind), "accepted", WHY_SOUNDS, by, 0, 0);
        item_enqueue(s, station_new_say(s, z, id, text, INT64_MAX, now), now);
        n++;
    }
    if (n == 0) return RELAY_DENIED; /* why names the last zone that refused */
    *ret_n = n;
    return RELAY_OK;
}

void station_trust_clock(struct station *s, struct now now)
{
    s->last_wall = now.wall;
    if (s->scanned > civil_minute(now.wall)) s->scanned = civil_minute(now.wall);
    station_note_all(s, now, "clock", "clock", "trusted_by_hand", NULL);
}
