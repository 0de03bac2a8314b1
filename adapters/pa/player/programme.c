/* Composes a slot. */
#include "player/programme.h"

#include "base/mem.h"
#include "base/text.h"

int64_t text_length_guess(const char *text)
{
    return (int64_t)text_chars(text, strlen(text)) * SECOND_MS * 10 / 32;
}

/* Negative when a comes before b. */
static int warning_compare(const struct warning *a, const struct warning *b)
{
    if (a->correction != b->correction) return a->correction ? -1 : 1;
    if (a->level != b->level) return a->level > b->level ? -1 : 1;
    if (a->count != b->count) return a->count > b->count ? -1 : 1;
    if (a->since != b->since) return a->since > b->since ? -1 : 1;
    return strcmp(a->id, b->id);
}

bool programme_has_slot(const struct programme_limits *l, const struct zone *z, int64_t minute,
                        enum day_type day)
{
    if (z->silent) return false;
    if (l->fast_hour) return slot_marks_count(&z->slots) > 0;
    return zone_has_slot(z, minute, day);
}

/* How many slots of the zone's day lie after `from` up to and with `to`. */
static int slots_between(const struct programme_input *in, int64_t from, int64_t to)
{
    if (to - from >= MINUTES_A_DAY) return MINUTES_A_DAY;
    if (in->limits->fast_hour) return (int)(to - from);
    int n = 0;
    for (int64_t m = from + 1; m <= to; m++) n += slot_marks_has(&in->zone->slots, (int)(m % MINUTES_A_DAY));
    return n;
}

static enum why judge_reminder(const struct programme_input *in, const struct reminder *r)
{
    if (r->zones.n) {
        bool here = opt_strs_has(&r->zones, in->zone->class->name);
        for (size_t i = 0; i < r->zones.n && !here; i++)
            here = zone_answers_to(in->zone, r->zones.items[i]) ||
                   strcmp(in->zone->name, r->zones.items[i]) == 0;
        if (!here) return WHY_OTHER_ZONE;
    }
    if (r->days.n && !opt_strs_has(&r->days, day_type_names[in->day.type]) &&
        !opt_strs_has(&r->days, day_type_names_zh[in->day.type]))
        return WHY_OTHER_DAYS;
    if (r->hours.n) {
        bool hour = false;
        for (size_t i = 0; i < r->hours.n; i++) {
            const struct day_window *w = &r->hours.items[i];
            int64_t m = in->minute % MINUTES_A_DAY;
            hour |= w->from <= w->to ? m >= w->from && m < w->to : m >= w->from || m < w->to;
        }
        if (!hour) return WHY_OTHER_HOURS;
    }
    if (r->entry && !house_entry_says(r->entry, in->minute)) return WHY_OTHER_HOURS;
    return WHY_SOUNDS;
}

/* The minute at which it was said, as this slot's clock counts. A minute that is still to come was that of a clock which has
 * been set back since: how long ago it was is told by the other clock. */
static int64_t said_at(const struct programme_input *in, const struct said *s)
{
    int64_t ago = (in->now.mono - s->mono) / MINUTE_MS;
    return s->minute <= in->minute ? s->minute : in->minute - (ago > 0 ? ago : 0);
}

/* What the memory says against a text, whoever asks for it. */
static enum why judge_text(const struct programme_input *in, const char *text, bool spread)
{
    uint64_t key = text_key(text);
    int times = memory_times_on_day(in->memory, key, in->minute / MINUTES_A_DAY);
    if (times >= in->limits->times_a_day) return WHY_TIMES_A_DAY;
    const struct said *last = memory_last(in->memory), *last_of = memory_last_of(in->memory, key);
    if (last && last->text == key && slots_between(in, said_at(in, last), in->minute) <= 1)
        return WHY_TWICE_RUNNING;
    if (spread && times > 0 && last_of) {
        int apart = slot_marks_count(&in->zone->slots) / (int)in->limits->times_a_day;
        if (slots_between(in, said_at(in, last_of), in->minute) < apart) return WHY_SPREAD;
    }
    return WHY_SOUNDS;
}

static enum why judge_warning(const struct programme_input *in, const struct warning *w)
{
    if (!w->text) return WHY_NEVER_SPOKEN;
    if (w->expires_mono <= in->now.mono) return WHY_EXPIRED;
    if (w->status != STATUS_ACTUAL && !in->zone->drills) return WHY_NO_DRILLS;
    if (!w->correction) return judge_text(in, w->text, true);
    int slots = 0;
    for (size_t i = 0; i < in->memory->n; i++)
        slots += in->memory->items[i].slot && in->memory->items[i].text == text_key(w->text);
    return slots >= in->limits->correction_slots ? WHY_CORRECTED : WHY_SOUNDS;
}

struct room {
    int64_t slot, hour; /* what is left of each */
};

/* Takes room for the line, or says why it has none. */
static enum why take_room(struct room *room, int64_t ms)
{
    if (ms < 0) return WHY_NO_VOICE;
    if (ms > room->slot) return WHY_SLOT_FULL;
    if (ms > room->hour) return WHY_HOUR_FULL;
    room->slot -= ms;
    room->hour -= ms;
    return WHY_SOUNDS;
}

static int64_t length_of(const struct programme_input *in, const char *text)
{
    int64_t ms = in->length(in->length_arg, in->zone, text);
    return ms < 0 ? ms : ms + in->limits->gap_ms;
}

/* Gives room to the next warning in order, skipping those that cannot sound. Returns true when one was placed. */
static bool place_warning(const struct programme_input *in, struct plan *p, const size_t *order,
                          struct room *room)
{
    for (size_t i = 0; i < in->n_warnings; i++) {
        struct plan_line *line = &p->lines[order[i]];
        const struct warning *w = &in->warnings[line->index];
        if (line->why != WHY_SOUNDS || line->place >= 0) continue;
        for (size_t j = 0; j < p->n; j++) {
            const struct plan_line *other = &p->lines[j];
            if (other->place < 0) continue;
            const char *words =
                other->is_reminder ? in->reminders[other->index].text : in->warnings[other->index].text;
            if (strcmp(words, w->text) == 0) line->why = WHY_SAME_WORDS;
        }
        if (line->why != WHY_SOUNDS) continue;
        line->length_ms = length_of(in, w->text);
        line->why = take_room(room, line->length_ms);
        if (line->why != WHY_SOUNDS) continue;
        line->place = 0;
        return true;
    }
    return false;
}

/* The reminder that was said longest ago; the first configured of equals. */
static struct plan_line *place_reminder(const struct programme_input *in, struct plan *p, struct room *room)
{
    for (;;) {
        struct plan_line *best = NULL;
        int64_t best_last = INT64_MAX;
        for (size_t i = 0; i < in->n_reminders; i++) {
            struct plan_line *line = &p->lines[i];
            if (line->why != WHY_SOUNDS) continue;
            const struct said *said = memory_last_of(in->memory, text_key(in->reminders[i].text));
            int64_t last = said ? said_at(in, said) : -1;
            if (last < best_last) {
                best = line;
                best_last = last;
            }
        }
        if (!best) return NULL;
        best->length_ms = length_of(in, in->reminders[best->index].text);
        best->why = take_room(room, best->length_ms);
        if (best->why == WHY_SOUNDS) {
            best->place = 0;
            return best;
        }
    }
}

static void place_rhymes(const struct programme_input *in, struct plan *p, const size_t *order,
                         struct room *room)
{
    if (!zone_wants_rhyme(in->zone, in->now.wall)) return;
    for (size_t i = 0; i < in->n_warnings; i++) {
        struct plan_line *line = &p->lines[order[i]];
        const char *rhyme = in->warnings[line->index].rhyme;
        if (line->place < 0 || !rhyme) continue;
        int64_t ms = length_of(in, rhyme);
        if (take_room(room, ms) != WHY_SOUNDS) continue;
        line->rhyme = true;
        line->length_ms += ms;
    }
}

static void sort_warnings(const struct programme_input *in, size_t *order)
{
    for (size_t i = 0; i < in->n_warnings; i++) { /* a handful: insertion */
        size_t at = i;
        while (at > 0 &&
               warning_compare(&in->warnings[i], &in->warnings[order[at - 1] - in->n_reminders]) < 0) {
            order[at] = order[at - 1];
            at--;
        }
        order[at] = in->n_reminders + i;
    }
}

static void compose(const struct programme_input *in, struct plan *p)
{
    CLEANUP(free_ptr) size_t *order = xcalloc(in->n_warnings, sizeof(*order));
    sort_warnings(in, order);
    for (size_t i = 0; i < in->n_reminders; i++) {
        struct plan_line *line = &p->lines[i];
        line->why = judge_reminder(in, &in->reminders[i]);
        if (line->why == WHY_SOUNDS) line->why = judge_text(in, in->reminders[i].text, false);
    }
    for (size_t i = 0; i < in->n_warnings; i++)
        p->lines[in->n_reminders + i].why = judge_warning(in, &in->warnings[i]);

    struct room room = {.slot = in->limits->slot_ms - in->limits->chime_ms,
                        .hour = in->zone->ms_an_hour - in->limits->chime_ms -
                                memory_spoken_ms(in->memory, in->now.mono, HOUR_MS)};
    int64_t had = room.slot;
    int placed = place_warning(in, p, order, &room) ? 1 : 0;
    struct plan_line *reminder = place_reminder(in, p, &room);
    while (placed && placed < in->limits->warnings && place_warning(in, p, order, &room)) placed++;
    place_rhymes(in, p, order, &room);

    if (reminder) reminder->place = p->sounding++;
    for (size_t i = 0; i < in->n_warnings; i++)
        if (p->lines[order[i]].place >= 0) p->lines[order[i]].place = p->sounding++;
    for (size_t i = 0; i < p->n; i++)
        if (p->lines[i].why == WHY_SOUNDS && p->lines[i].place < 0) p->lines[i].why = WHY_ENOUGH;
    p->why = p->sounding ? WHY_SOUNDS : WHY_NOTHING_TO_SAY;
    p->length_ms = p->sounding ? in->limits->chime_ms + had - room.slot : 0;
}

void programme_plan(const struct programme_input *in, struct plan *ret)
{
    struct plan p = {.n = in->n_reminders + in->n_warnings};
    p.lines = xcalloc(p.n, sizeof(*p.lines));
    for (size_t i = 0; i < p.n; i++) {
        p.lines[i].is_reminder = i < in->n_reminders;
        p.lines[i].index = p.lines[i].is_reminder ? i : i - in->n_reminders;
        p.lines[i].place = -1;
    }
    if (in->zone->silent)
        p.why = WHY_SILENT_ZONE;
    else if (zone_is_quiet(in->zone, in->now.wall, NULL))
        p.why = WHY_QUIET_HOURS;
    else if (!programme_has_slot(in->limits, in->zone, in->minute, in->day.type))
        p.why = WHY_NO_SLOT_TODAY;
    if (p.why == WHY_SOUNDS)
        compose(in, &p);
    else
        for (size_t i = 0; i < p.n; i++) p.lines[i].why = p.why;
    if (p.sounding && zone_is_quiet_within(in->zone, in->now.wall, p.length_ms)) {
        /* It would run into quiet hours: the slot gives way as a whole. */
        p.why = WHY_QUIET_HOURS;
        p.sounding = 0;
        for (size_t i = 0; i < p.n; i++) {
            if (p.lines[i].place >= 0) p.lines[i].why = WHY_QUIET_HOURS;
            p.lines[i].place = -1;
        }
    }
    *ret = p;
}

void plan_release(struct plan *p)
{
    free(p->lines);
    *p = (struct plan){0};
}

const struct plan_line *plan_at(const struct plan *p, int place)
{
    for (size_t i = 0; i < p->n; i++)
        if (p->lines[i].place == place) return &p->lines[i];
    return NULL;
}

void programme_day(const struct programme_input *in, int64_t day,
                   void (*fn)(void *arg, const struct programme_input *at, const struct plan *plan),
                   void *arg)
{
    struct memory memory;
    struct programme_input at = *in;
    memory_copy(in->memory, &memory);
    at.memory = &memory;
    int64_t from = day * MINUTES_A_DAY, past = civil_minute(in->now.wall);
    for (int64_t m = past >= from ? past + 1 : from; m < (day + 1) * MINUTES_A_DAY; m++) {
        if (!slot_marks_has(&in->zone->slots, (int)(m % MINUTES_A_DAY))) continue;
        at.minute = m;
        at.now.wall = civil_to_wall(m);
        at.now.mono = in->now.mono + (at.now.wall - in->now.wall);
        struct plan plan;
        programme_plan(&at, &plan);
        fn(arg, &at, &plan);
        for (int place = 0; place < plan.sounding; place++) {
            const struct plan_line *line = plan_at(&plan, place);
            const char *text =
                line->is_reminder ? in->reminders[line->index].text : in->warnings[line->index].text;
            memory_add(&memory,
                       (struct said){.text = text_key(text),
                                     .minute = m,
                                     .mono = at.now.mono,
                                     .length_ms = line->length_ms + (place ? 0 : in->limits->chime_ms),
                                     .slot = true});
        }
        plan_release(&plan);
    }
    memory_release(&memory);
}
