/* The class table, and a zone's own hours. */
#include "player/zones.h"

#include "base/i18n.h"
#include "base/mem.h"

/* Values of the hospital's loudspeakers that nobody has corrected yet. Fraud never pierces quiet hours. */
const struct zone_class zone_classes[] = {
#define OPEN(id, ...)                                                                                        \
    {                                                                                                        \
        .name = (id), .immediate = true, __VA_ARGS__                                                         \
    }
#define SLOTS(id, ...)                                                                                       \
    {                                                                                                        \
        .name = (id), __VA_ARGS__                                                                            \
    }
#define SILENT(id)                                                                                           \
    {                                                                                                        \
        .name = (id), .silent = true, .quiet = { "00:00-24:00" }                                             \
    }
    OPEN("hall", .rhyme = true, .slots = {"08:00-17:00"}, .quiet = {"18:00-08:00"}, .seconds_an_hour = 90),
    OPEN("registration", .slots = {"08:00-17:00"}, .quiet = {"18:00-08:00"}, .seconds_an_hour = 90),
    OPEN("cashier", .slots = {"08:00-17:00"}, .quiet = {"18:00-08:00"}, .seconds_an_hour = 90),
    OPEN("pharmacy", .rhyme = true, .slots = {"08:00-18:00"}, .quiet = {"19:00-08:00"},
         .seconds_an_hour = 60),
    OPEN("inpatient_lobby", .rhyme = true, .slots = {"08:00-18:00"}, .quiet = {"19:00-08:00"},
         .seconds_an_hour = 60),
    OPEN("canteen", .rhyme = true, .slots = {"08:00-18:00"}, .quiet = {"19:00-08:00"}, .seconds_an_hour = 60),
    OPEN("family_waiting", .rhyme = true, .slots = {"09:00", "11:00", "15:00", "17:00"},
         .quiet = {"12:00-14:30", "20:00-08:00"}, .seconds_an_hour = 40),
    OPEN("infusion", .rhyme = true, .slots = {"09:00", "11:00", "15:00", "17:00"},
         .quiet = {"12:00-14:30", "20:00-08:00"}, .seconds_an_hour = 40),
    SLOTS("clinic", .slots = {"08:00-17:00"}, .quiet = {"12:00-13:30", "17:30-08:00"}, .seconds_an_hour = 15),
    SLOTS("emergency", .slots = {"09:00", "15:00"}, .quiet = {"20:00-08:00"}, .seconds_an_hour = 20),
    SLOTS("ward", .slots_only = true, .slots = {"10:30", "16:00"}, .seconds_an_hour = 20),
    SILENT("icu"),
    SILENT("nicu"),
    SILENT("operating"),
    SILENT("delivery"),
    SILENT("palliative"),
    SILENT("psychiatric"),
    SILENT("imaging"),
    SILENT("staff_rest"),
    {0}
#undef OPEN
#undef SLOTS
#undef SILENT
};

const struct zone_class *zone_class_find(const char *name)
{
    for (const struct zone_class *c = zone_classes; c->name; c++)
        if (strcmp(c->name, name) == 0) return c;
    return NULL;
}

/* "HH:MM"; 24:00 is allowed as an end. Returns the minute of the day or -1. */
static int parse_clock(const char *s, bool may_be_24)
{
    for (int i = 0; i < 5; i++)
        if (i == 2 ? s[i] != ':' : (s[i] < '0' || s[i] > '9')) return -1;
    int h = (s[0] - '0') * 10 + s[1] - '0', m = (s[3] - '0') * 10 + s[4] - '0';
    if (m > 59 || h > 24 || (h == 24 && (m != 0 || !may_be_24))) return -1;
    return h * 60 + m;
}

/* Adds to *marks. */
static enum relay_err slot_marks_parse(const char *text, struct slot_marks *marks)
{
    size_t n = strlen(text);
    if (n != 5 && n != 11) return RELAY_INVALID;
    int from = parse_clock(text, false), to = from;
    if (n == 11) to = text[5] == '-' ? parse_clock(text + 6, false) : -1;
    if (from < 0 || to < from || (to - from) % 60 != 0) return RELAY_INVALID;
    for (int m = from; m <= to; m += 60) marks->bits[m / 8] |= (uint8_t)(1U << (m % 8));
    return RELAY_OK;
}

bool slot_marks_has(const struct slot_marks *m, int minute_of_day)
{
    return (m->bits[minute_of_day / 8] >> (minute_of_day % 8)) & 1;
}

int slot_marks_count(const struct slot_marks *m)
{
    int n = 0;
    for (int i = 0; i < MINUTES_A_DAY; i++) n += slot_marks_has(m, i);
    return n;
}

/* The windows here are our own reading of "from-to", because 24:00 must be an end. */
static enum relay_err parse_window(const char *text, struct day_window *ret)
{
    if (strlen(text) != 11 || text[5] != '-') return RELAY_INVALID;
    int from = parse_clock(text, false), to = parse_clock(text + 6, true);
    if (from < 0 || to < 0 || from == to) return RELAY_INVALID;
    *ret = (struct day_window){from, to};
    return RELAY_OK;
}

static bool is_none(const struct opt_strs *s)
{
    return s->n == 1 && strcmp(s->items[0], "none") == 0;
}

static enum relay_err copy_windows(const struct zone *z, const char *key, const struct opt_windows *from,
                                   struct day_window *to, size_t *ret_n, struct reason *why)
{
    if (from->n > ARRAY_LEN(z->quiet))
        return fail(why, RELAY_LIMIT, _("zone %s: %s: at most 8 windows"), z->id, key);
    if (from->n) memcpy(to, from->items, from->n * sizeof(*to));
    *ret_n = from->n;
    return RELAY_OK;
}

static enum relay_err set_slots(struct zone *z, const struct zone_settings *config, struct reason *why)
{
    if (z->silent && config->slots.n && !is_none(&config->slots))
        return fail(why, RELAY_INVALID,
                    _("zone %s: slots: nothing is spoken in a zone of class %s; remove this setting"), z->id,
                    z->class->name);
    if (config->slots.n == 0) {
        for (size_t i = 0; i < ARRAY_LEN(z->class->slots) && z->class->slots[i]; i++)
            if (slot_marks_parse(z->class->slots[i], &z->slots) != RELAY_OK)
                return fail(why, RELAY_INVALID, "class %s: slots", z->class->name);
        return RELAY_OK;
    }
    if (is_none(&config->slots)) return RELAY_OK;
    for (size_t i = 0; i < config->slots.n; i++)
        if (slot_marks_parse(config->slots.items[i], &z->slots) != RELAY_OK)
            return fail(why, RELAY_INVALID,
                        _("zone %s: slots: \"%s\" is neither a time like 10:30 nor hours like 08:00-17:00"),
                        z->id, config->slots.items[i]);
    return RELAY_OK;
}

static enum relay_err add_quiet(struct zone *z, const char *text, struct reason *why)
{
    if (z->n_quiet == ARRAY_LEN(z->quiet))
        return fail(why, RELAY_LIMIT, _("zone %s: %s: at most 8 windows"), z->id, "quiet");
    if (parse_window(text, &z->quiet[z->n_quiet]) != RELAY_OK)
        return fail(why, RELAY_INVALID, _("zone %s: quiet: \"%s\" is no window like 18:00-08:00"), z->id,
                    text);
    z->n_quiet++;
    return RELAY_OK;
}

static enum relay_err set_quiet(struct zone *z, const struct zone_settings *config, struct reason *why)
{
    enum relay_err err = RELAY_OK;
    if (config->quiet.n == 0 || z->silent) {
        for (size_t i = 0; err == RELAY_OK && i < ARRAY_LEN(z->class->quiet) && z->class->quiet[i]; i++)
            err = add_quiet(z, z->class->quiet[i], why);
        return err;
    }
    if (is_none(&config->quiet)) return RELAY_OK;
    for (size_t i = 0; err == RELAY_OK && i < config->quiet.n; i++)
        err = add_quiet(z, config->quiet.items[i], why);
    return err;
}

static enum relay_err set_days(struct zone *z, const struct zone_settings *config, struct reason *why)
{
    for (int d = 0; d < DAY_TYPE_COUNT; d++) z->days[d] = config->days.n == 0;
    for (size_t i = 0; i < config->days.n; i++) {
        enum day_type d;
        if (!day_type_parse(config->days.items[i], &d))
            return fail(why, RELAY_INVALID, _("zone %s: days: \"%s\" is none of weekday, weekend, holiday"),
                        z->id, config->days.items[i]);
        z->days[d] = true;
    }
    return RELAY_OK;
}

enum relay_err zone_init(struct zone *z, const struct zone_settings *config, struct reason *why)
{
    const struct zone_class *class = zone_class_find(config->class_name);
    if (!class)
        return fail(why, RELAY_INVALID,
                    _("zone %s: class: \"%s\" is unknown; `tocsin-pa check --classes` lists them"),
                    config->id, config->class_name);
    *z = (struct zone){
        .class = class,
        .id = config->id,
        .name = config->name ? config->name : config->id,
        .silent = class->silent,
        .immediate = class->immediate,
        .slots_only = class->slots_only,
        .ms_an_hour =
            (config->seconds_an_hour >= 0 ? config->seconds_an_hour : class->seconds_an_hour) * SECOND_MS,
        .volume_day = (int)config->volume_day,
        .volume_night = (int)config->volume_night,
        .allow_robot_voice = config->allow_robot_voice,
        .drills = config->drills,
        .outputs = config->outputs,
        .groups = config->groups,
        .busy_topic = config->busy_topic,
        .busy_file = config->busy_file,
    };
    enum relay_err err = set_slots(z, config, why);
    if (err == RELAY_OK) err = set_quiet(z, config, why);
    if (err == RELAY_OK) err = set_days(z, config, why);
    if (err == RELAY_OK) err = copy_windows(z, "night", &config->night, z->night, &z->n_night, why);
    if (err != RELAY_OK) return err;
    if (config->no_rhyme) return RELAY_OK;
    if (config->rhyme.n) return copy_windows(z, "rhyme", &config->rhyme, z->rhyme, &z->n_rhyme, why);
    if (class->rhyme) z->rhyme[z->n_rhyme++] = (struct day_window){0, MINUTES_A_DAY};
    return RELAY_OK;
}

static bool window_has(const struct day_window *w, int64_t ms_of_day)
{
    int64_t from = w->from * MINUTE_MS, to = w->to * MINUTE_MS;
    if (from <= to) return ms_of_day >= from && ms_of_day < to;
    return ms_of_day >= from || ms_of_day < to;
}

static int64_t ms_of_day(int64_t civil)
{
    int64_t rest = civil % DAY_MS;
    return rest < 0 ? rest + DAY_MS : rest;
}

static bool any_window_has(const struct day_window *w, size_t n, int64_t wall)
{
    int64_t now = ms_of_day(civil_ms(wall));
    for (size_t i = 0; i < n; i++)
        if (window_has(&w[i], now)) return true;
    return false;
}

/* Neighbouring windows make one quiet time, so the end is searched for from end to end. */
bool zone_is_quiet(const struct zone *z, int64_t wall, int64_t *ret_end)
{
    if (!any_window_has(z->quiet, z->n_quiet, wall)) return false;
    int64_t at = civil_ms(wall), limit = at + 8 * DAY_MS;
    bool moved = true;
    while (moved && at < limit) {
        moved = false;
        for (size_t i = 0; i < z->n_quiet; i++) {
            int64_t of_day = ms_of_day(at);
            if (!window_has(&z->quiet[i], of_day)) continue;
            int64_t to = z->quiet[i].to * MINUTE_MS;
            at += to > of_day ? to - of_day : to + DAY_MS - of_day;
            moved = true;
        }
    }
    if (ret_end) *ret_end = wall + (at - civil_ms(wall));
    return true;
}

int64_t zone_until_quiet(const struct zone *z, int64_t wall)
{
    if (any_window_has(z->quiet, z->n_quiet, wall)) return 0;
    int64_t now = ms_of_day(civil_ms(wall)), soonest = INT64_MAX;
    for (size_t i = 0; i < z->n_quiet; i++) {
        int64_t from = z->quiet[i].from * MINUTE_MS;
        int64_t until = from >= now ? from - now : from + DAY_MS - now;
        if (until < soonest) soonest = until;
    }
    return soonest;
}

bool zone_is_quiet_within(const struct zone *z, int64_t wall, int64_t length_ms)
{
    int64_t until = zone_until_quiet(z, wall);
    return until == 0 || until < length_ms;
}

bool zone_wants_rhyme(const struct zone *z, int64_t wall)
{
    return any_window_has(z->rhyme, z->n_rhyme, wall);
}

int zone_volume(const struct zone *z, int64_t wall)
{
    return any_window_has(z->night, z->n_night, wall) ? z->volume_night : z->volume_day;
}

bool zone_has_slot(const struct zone *z, int64_t minute, enum day_type day)
{
    int64_t of_day = minute % MINUTES_A_DAY;
    if (of_day < 0) of_day += MINUTES_A_DAY;
    return z->days[day] && slot_marks_has(&z->slots, (int)of_day);
}

bool zone_answers_to(const struct zone *z, const char *name)
{
    return strcmp(name, z->id) == 0 || strcmp(name, "all") == 0 || opt_strs_has(&z->groups, name);
}
