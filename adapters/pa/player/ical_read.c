/* House reminders from a calendar file. */
#include <libical/ical.h>

#include "base/clock.h"
#include "base/i18n.h"
#include "base/mem.h"
#include "base/text.h"
#include "io/file.h"
#include "player/calendar.h"
#include "player/clip.h"
#include "player/ical.h"
#include "player/inbox.h"

enum { FILE_MAX = 4 * 1024 * 1024, ENTRIES_MAX = 2000, SPANS_MAX = 64, PLACES_MAX = 32 };

struct span {
    int64_t from, to; /* civil minutes; to: the first that is not in it */
};

struct entry {
    struct house_entry shown; /* first: the caller hands it back */
    const struct house_calendar *calendar;
    icalcomponent *event;
    const char *uid;
    bool floating;   /* no zone: what every wall clock shows */
    int64_t minutes; /* how long it lasts; libical makes spans of whole days a day too long */
    int64_t day;     /* of the spans; -1: not asked yet */
    struct span spans[SPANS_MAX];
    size_t n_spans;
};

/* An occurrence that was moved or cancelled: it stands in an entry of its own. */
struct exception {
    const char *uid;
    int64_t minute;
};

struct house_calendar {
    struct arena arena;
    icalcomponent *root;
    struct entry *entries;
    size_t n;
    struct exception *exceptions;
    size_t n_exceptions;
};

static char *next_line(char *s, size_t size, void *arg)
{
    const char **at = arg;
    size_t n = strcspn(*at, "\n");
    if (**at == '\0') return NULL;
    if (n < size - 1 && (*at)[n] == '\n') n++;
    if (n > size - 1) n = size - 1;
    memcpy(s, *at, n);
    s[n] = '\0';
    *at += n;
    return s;
}

static int64_t civil_of(struct icaltimetype t)
{
    return civil_day(t.year, t.month, t.day) * MINUTES_A_DAY + (t.is_date ? 0 : t.hour * 60 + t.minute);
}

/* What this hospital's wall clock shows at a time of the file. */
static int64_t minute_of(struct icaltimetype t)
{
    if (t.is_date || (!icaltime_is_utc(t) && !t.zone)) return civil_of(t);
    return civil_minute((int64_t)icaltime_as_timet_with_zone(t, t.zone) * SECOND_MS);
}

static void add_span(icalcomponent *event, struct icaltime_span *span, void *arg)
{
    struct entry *e = arg;
    (void)event;
    if (e->n_spans == SPANS_MAX) return; /* more often a day than anybody listens */
    int64_t from = e->floating ? span->start / 60 : civil_minute((int64_t)span->start * SECOND_MS);
    const struct house_calendar *c = e->calendar;
    for (size_t i = 0; i < c->n_exceptions; i++)
        if (c->exceptions[i].minute == from && strcmp(c->exceptions[i].uid, e->uid) == 0) return;
    e->spans[e->n_spans++] = (struct span){from, from + e->minutes};
}

bool house_entry_says(struct house_entry *shown, int64_t minute)
{
    struct entry *e = (struct entry *)(void *)shown; /* it is the first member */
    int64_t day = minute / MINUTES_A_DAY;
    if (e->day != day) {
        /* Two days on either side: whatever the zone, and whatever began the day before, is in it. */
        struct icaltimetype from = icaltime_null_time();
        civil_day_split(day - 2, &from.year, &from.month, &from.day);
        struct icaltimetype to = from;
        icaltime_adjust(&to, 5, 0, 0, 0);
        from.zone = to.zone = icaltimezone_get_utc_timezone();
        e->n_spans = 0;
        e->day = day;
        icalcomponent_foreach_recurrence(e->event, from, to, add_span, e);
    }
    for (size_t i = 0; i < e->n_spans; i++)
        if (minute >= e->spans[i].from && minute < e->spans[i].to) return true;
    return false;
}

/* Lines become one: what is said has no lines. */
static char *said_text(struct arena *a, const char *text)
{
    CLEANUP(buf_release) struct buf b = BUF_INIT(INBOX_TEXT_MAX + 16);
    for (const char *c = text; *c; c++) {
        if (*c != '\n' && *c != '\r' && *c != '\t')
            buf_char(&b, *c);
        else if (b.len && b.data[b.len - 1] != ' ')
            buf_char(&b, ' ');
    }
    while (b.len && b.data[b.len - 1] == ' ') b.len--;
    return arena_strdup(a, buf_cstr(&b));
}

static bool is_separator(const char *at, size_t *ret_len)
{
    static const char *const separators[] = {",", ";", "，", "、", "；"};
    for (size_t i = 0; i < ARRAY_LEN(separators); i++) {
        *ret_len = strlen(separators[i]);
        if (strncmp(at, separators[i], *ret_len) == 0) return true;
    }
    return false;
}

static void split_places(struct entry *e, struct arena *a, const char *location)
{
    const char **places = arena_alloc(a, (PLACES_MAX + 1) * sizeof(*places));
    e->shown.places = places;
    const char *begin = location;
    for (const char *at = location; e->shown.n_places < PLACES_MAX; at++) {
        size_t skip = 1;
        bool end = *at == '\0';
        if (!end && !is_separator(at, &skip)) continue;
        while (*begin == ' ') begin++;
        size_t n = at > begin ? (size_t)(at - begin) : 0;
        while (n && begin[n - 1] == ' ') n--;
        if (n) places[e->shown.n_places++] = arena_printf(a, "%.*s", (int)n, begin);
        if (end) return;
        begin = at + skip;
        at += skip - 1;
    }
}

static enum relay_err add_event(struct house_calendar *c, icalcomponent *event, const char *path,
                                struct reason *why)
{
    const char *uid = icalcomponent_get_uid(event), *summary = icalcomponent_get_summary(event),
               *description = icalcomponent_get_description(event),
               *place = icalcomponent_get_location(event);
    struct icaltimetype start = icalcomponent_get_dtstart(event);
    if (!uid || !*uid) return fail(why, RELAY_INVALID, _("%s: an entry has no UID"), path);
    if (icaltime_is_null_time(start) || !icaltime_is_valid_time(start))
        return fail(why, RELAY_INVALID, _("%s: entry %s: DTSTART is missing or no time"), path, uid);
    if (icalcomponent_count_errors(event) > 0)
        return fail(why, RELAY_INVALID, _("%s: entry %s: a line cannot be read; export the calendar again"),
                    path, uid);
    struct icaltimetype moved = icalcomponent_get_recurrenceid(event);
    if (!icaltime_is_null_time(moved)) {
        c->exceptions = xreallocarray(c->exceptions, c->n_exceptions + 1, sizeof(*c->exceptions));
        c->exceptions[c->n_exceptions++] = (struct exception){arena_strdup(&c->arena, uid), minute_of(moved)};
    }
    if (icalcomponent_get_status(event) == ICAL_STATUS_CANCELLED) return RELAY_OK;
    if (c->n == ENTRIES_MAX) return fail(why, RELAY_LIMIT, _("%s: more than %d entries"), path, ENTRIES_MAX);
    const char *text = description && *description ? description : summary;
    if (!text || !*text || strlen(text) > INBOX_TEXT_MAX || !text_valid_utf8(text, strlen(text)))
        return fail(
            why, RELAY_INVALID,
            _("%s: entry %s: what is to be said (DESCRIPTION, else SUMMARY) is missing, over %d bytes, or "
              "not UTF-8"),
            path, uid, INBOX_TEXT_MAX);
    c->entries = xreallocarray(c->entries, c->n + 1, sizeof(*c->entries));
    struct entry *e = &c->entries[c->n++];
    struct icaltimetype end = icalcomponent_get_dtend(event);
    int64_t minutes = icaltime_is_null_time(end) ? 0 : minute_of(end) - minute_of(start);
    char hash[CLIP_ID_LEN];
    CLEANUP(free_ptr) char *name = xasprintf("%s %lld", uid, (long long)minute_of(moved));
    clip_id(icaltime_is_null_time(moved) ? uid : name, hash);
    *e = (struct entry){
        .shown = {.id = arena_printf(&c->arena, "cal-%s", hash), .text = said_text(&c->arena, text)},
        .event = event,
        .uid = arena_strdup(&c->arena, uid),
        .floating = start.is_date || (!icaltime_is_utc(start) && !start.zone),
        .minutes = minutes > 0 ? minutes : 1, /* one without an end is for that minute */
        .day = -1};
    split_places(e, &c->arena, place ? place : "");
    return RELAY_OK;
}

enum relay_err house_calendar_load(const char *path, struct house_calendar **ret, struct reason *why)
{
    CLEANUP(buf_release) struct buf bytes = BUF_INIT(FILE_MAX);
    enum relay_err err = file_read(path, &bytes, why);
    if (err == RELAY_OK && strlen(buf_cstr(&bytes)) != bytes.len)
        err = fail(why, RELAY_INVALID, _("%s: is no text"), path);
    if (err != RELAY_OK) return err;
    struct house_calendar *c = xcalloc(1, sizeof(*c));
    const char *at = buf_cstr(&bytes);
    icalparser *parser = icalparser_new();
    icalparser_set_gen_data(parser, &at);
    c->root = icalparser_parse(parser, next_line);
    icalparser_free(parser);
    if (!c->root || icalcomponent_isa(c->root) != ICAL_VCALENDAR_COMPONENT)
        err = fail(why, RELAY_INVALID, _("%s: no calendar (BEGIN:VCALENDAR … END:VCALENDAR)"), path);
    icalcomponent *event =
        err == RELAY_OK ? icalcomponent_get_first_component(c->root, ICAL_VEVENT_COMPONENT) : NULL;
    for (; event && err == RELAY_OK; event = icalcomponent_get_next_component(c->root, ICAL_VEVENT_COMPONENT))
        err = add_event(c, event, path, why);
    for (size_t i = 0; i < c->n; i++) c->entries[i].calendar = c;
    if (err != RELAY_OK) {
        house_calendar_free(c);
        return err;
    }
    *ret = c;
    return RELAY_OK;
}

struct house_calendar *house_calendar_free(struct house_calendar *c)
{
    if (!c) return NULL;
    if (c->root) icalcomponent_free(c->root);
    free(c->entries);
    free(c->exceptions);
    arena_release(&c->arena);
    free(c);
    return NULL;
}

size_t house_calendar_count(const struct house_calendar *c)
{
    return c->n;
}

struct house_entry *house_calendar_at(struct house_calendar *c, size_t i)
{
    return &c->entries[i].shown;
}
