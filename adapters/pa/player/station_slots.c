/* Slots: prepared shortly before their minute, recorded when it comes, listed when it was missed. */
#include "base/log.h"
#include "player/station_internal.h"

enum { LOOK_BACK_DAYS = 7 /* missed slots are listed so far back */ };

void station_slot_id(int64_t minute, char out[static SLOT_ID_LEN])
{
    char text[CIVIL_TEXT_LEN];
    (void)snprintf(out, SLOT_ID_LEN, "slot:%s", civil_format(minute, text));
}

static int64_t plan_length(void *arg, const struct zone *z, const char *text)
{
    const struct station *s = arg;
    for (size_t i = 0; i < s->set.n_zones; i++)
        if (s->zones[i].zone == z) return station_length_of(s, i, text);
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
    char id[SLOT_ID_LEN];
    station_slot_id(minute, id);
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
void station_prepare_slots(struct station *s, struct now now)
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
    char id[SLOT_ID_LEN];
    if (!programme_has_slot(&s->set.limits, z->zone, minute, in.day.type)) return;
    if (book_has_slot(s->book, z->zone->id, minute))
        return; /* a clock was set back, or the zone was changed */
    station_slot_id(minute, id);
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

void station_scan_slots(struct station *s, struct now now)
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
