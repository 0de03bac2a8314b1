/* Looking into the station from pages, topics and the command line. */
#include "player/station_internal.h"

static int64_t next_slot(const struct station *s, size_t zone, struct now now)
{
    int64_t minute = civil_minute(now.wall);
    for (int64_t m = minute + 1; m < minute + 2 * MINUTES_A_DAY; m++) {
        struct day_kind day = calendar_day(s->set.calendar, m / MINUTES_A_DAY);
        const struct zone *z = s->zones[zone].zone;
        if (!programme_has_slot(&s->set.limits, z, m, day.type)) continue;
        if (!zone_is_quiet(z, civil_to_wall(m), NULL)) return m;
    }
    return -1;
}

void station_view(struct station *s, struct now now, size_t zone, struct zone_view *ret)
{
    const struct zone_state *z = &s->zones[zone];
    struct zone_view v = {.zone = z->zone,
                          .quiet = z->zone->silent || zone_is_quiet(z->zone, now.wall, NULL),
                          .busy = z->busy,
                          .spoken_ms = memory_spoken_ms(&z->memory, now.mono, HOUR_MS),
                          .next_slot = next_slot(s, zone, now)};
    const struct queue_item *q = queue_playing(&z->queue);
    if (q) {
        const struct item *i = q->owner;
        v.playing = i->id;
        v.playing_kind = item_kind_name(q->kind);
        v.playing_text = i->n_lines ? i->lines[0].text : NULL;
        v.playing_ms = now.mono - i->started;
        v.playing_of_ms = q->length_ms;
    }
    v.waiting = z->queue.n - (q != NULL);
    for (const struct item *i = s->items; i; i = i->next) v.held += i->held && i->zone == zone;
    if (z->mute_until > now.mono) {
        v.muted_until = z->mute_until_wall;
        v.muted_by = z->mute_by;
        v.mute_reason = z->mute_reason;
        v.mute_ends_soon = z->mute_until - now.mono <= 10 * MINUTE_MS;
    }
    if (z->override_until > now.mono) v.overridden_until = z->override_until_wall;
    *ret = v;
}

size_t station_zones(const struct station *s)
{
    return s->set.n_zones;
}

bool station_sounds(const struct station *s)
{
    for (size_t z = 0; z < s->set.n_zones; z++)
        if (queue_playing(&s->zones[z].queue)) return true;
    return false;
}

enum priority station_holding(const struct station *s, const char **ret_by, const char **ret_source)
{
    for (int i = 0; i < HOLD_SOURCES && s->hold != PRIORITY_NONE; i++) {
        if (s->holds[i].hold != s->hold) continue;
        *ret_by = s->holds[i].by;
        *ret_source = s->holds[i].name;
    }
    return s->hold;
}

bool station_trusts_clock(const struct station *s)
{
    return s->trusted;
}

int station_missing_holidays(const struct station *s, struct now now)
{
    return calendar_missing_year(s->set.calendar, now.wall);
}

const struct bulletin *station_bulletin_now(const struct station *s)
{
    return &s->bulletin;
}

struct day_kind station_day(const struct station *s, int64_t day)
{
    return calendar_day(s->set.calendar, day);
}

void station_programme(struct station *s, struct now now, int64_t day,
                       void (*fn)(void *arg, const struct programme_input *at, const struct plan *plan),
                       void *arg)
{
    for (size_t z = 0; z < s->set.n_zones; z++) {
        struct programme_input in = station_input(s, z, civil_minute(now.wall), now);
        in.day = calendar_day(s->set.calendar, day);
        programme_day(&in, day, fn, arg);
    }
}
