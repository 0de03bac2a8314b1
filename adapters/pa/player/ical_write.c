/* A day's programme as a calendar. */
#include <libical/ical.h>

#include "base/clock.h"
#include "base/i18n.h"
#include "base/mem.h"
#include "player/calendar.h"
#include "player/ical.h"

static struct icaltimetype civil_time(int64_t minute)
{
    struct icaltimetype t = icaltime_null_time();
    civil_day_split(minute / MINUTES_A_DAY, &t.year, &t.month, &t.day);
    t.hour = (int)(minute % MINUTES_A_DAY) / 60;
    t.minute = (int)(minute % 60);
    return t;
}

/* "2026-11-23T09:00" */
static enum relay_err parse_minute(const char *text, int64_t *ret)
{
    int64_t day;
    int hour, minute;
    CLEANUP(free_ptr) char *date = xstrndup(text, strlen(text) < 10 ? strlen(text) : 10);
    enum relay_err err = civil_parse_day(date, &day);
    if (err != RELAY_OK) return err;
    // NOLINTNEXTLINE(cert-err34-c): our own text, of two digits each
    if (sscanf(text + 10, "T%2d:%2d", &hour, &minute) != 2) return RELAY_INVALID;
    *ret = day * MINUTES_A_DAY + hour * 60 + minute;
    return RELAY_OK;
}

/* What sounds, and for everything else why it does not. */
static void describe(const cJSON *slot, bool sounds, struct buf *said, struct buf *first)
{
    if (!sounds) buf_printf(said, _("Will not sound: %s\n"), json_str_or(slot, "why_text", ""));
    const cJSON *item;
    cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(slot, "items"))
    {
        bool says = false;
        (void)!json_bool(item, "sounds", &says); /* our own answer has it */
        const char *text = json_str_or(item, "text", ""), *id = json_str_or(item, "id", "");
        if (says) {
            buf_printf(said, "%s\n", text);
            if (first->len == 0) buf_str(first, text);
        } else if (sounds) {
            buf_printf(said, "(%s: %s)\n", id, json_str_or(item, "why_text", ""));
        }
    }
}

static enum relay_err add_slot(icalcomponent *calendar, const cJSON *slot, const char *site, int64_t now,
                               struct reason *why)
{
    const char *minute = json_str_or(slot, "minute", ""), *zone = json_str_or(slot, "zone", "");
    int64_t at, ms = 0;
    bool sounds = false;
    if (parse_minute(minute, &at) != RELAY_OK) return fail(why, RELAY_INVALID, "%s", minute);
    (void)!json_bool(slot, "sounds", &sounds); /* our own answer has both */
    (void)!json_int(slot, "length_ms", &ms);
    CLEANUP(buf_release) struct buf said = BUF_INIT(256 * 1024);
    CLEANUP(buf_release) struct buf first = BUF_INIT(16 * 1024);
    describe(slot, sounds, &said, &first);
    CLEANUP(free_ptr) char *uid = xasprintf("slot-%s-%s@%s.tocsin-pa", minute, zone, site);
    CLEANUP(free_ptr)
    char *summary = xasprintf("%s: %s", json_str_or(slot, "name", zone),
                              first.len ? buf_cstr(&first) : json_str_or(slot, "why_text", ""));
    struct icaldurationtype length =
        icaldurationtype_from_int(sounds && ms > 0 ? (int)((ms + 999) / 1000) : 60);
    icalcomponent *event =
        icalcomponent_vanew(ICAL_VEVENT_COMPONENT, icalproperty_new_uid(uid),
                            icalproperty_new_dtstamp(icaltime_from_timet_with_zone(
                                now / SECOND_MS, 0, icaltimezone_get_utc_timezone())),
                            icalproperty_new_dtstart(civil_time(at)), icalproperty_new_duration(length),
                            icalproperty_new_summary(summary), icalproperty_new_description(buf_cstr(&said)),
                            icalproperty_new_location(json_str_or(slot, "name", zone)),
                            icalproperty_new_status(sounds ? ICAL_STATUS_CONFIRMED : ICAL_STATUS_CANCELLED),
                            icalproperty_new_transp(ICAL_TRANSP_TRANSPARENT), NULL);
    icalcomponent_add_component(calendar, event);
    return RELAY_OK;
}

enum relay_err ical_programme(const cJSON *day, const char *site, const char *zone, int64_t now,
                              struct buf *out, struct reason *why)
{
    CLEANUP(free_ptr)
    char *name = xasprintf(_("PA programme %s %s"), site, json_str_or(day, "date", ""));
    icalproperty *title = icalproperty_new_x(name);
    icalproperty_set_x_name(title, "X-WR-CALNAME");
    icalcomponent *calendar = icalcomponent_vanew(
        ICAL_VCALENDAR_COMPONENT, icalproperty_new_version("2.0"),
        icalproperty_new_prodid("-//tocsin//tocsin-pa " TOCSIN_VERSION "//ZH"), title, NULL);
    enum relay_err err = RELAY_OK;
    const cJSON *slot;
    cJSON_ArrayForEach(slot, cJSON_GetObjectItemCaseSensitive(day, "slots"))
    {
        if (zone && strcmp(json_str_or(slot, "zone", ""), zone) != 0) continue;
        if (err == RELAY_OK) err = add_slot(calendar, slot, site, now, why);
    }
    if (err == RELAY_OK) {
        char *text = icalcomponent_as_ical_string_r(calendar);
        buf_str(out, text);
        icalmemory_free_buffer(text);
    }
    icalcomponent_free(calendar);
    return err;
}
