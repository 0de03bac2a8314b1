/* The programme as a calendar (iCalendar, by libical): house reminders from a calendar file, and a day's programme as one.
 *
 * Read: each entry of the file is a house reminder. What is said is its DESCRIPTION, or its SUMMARY where it has none; it is
 * said in the slots that fall between its beginning and its end, on the days of its rule (RRULE, RDATE, EXDATE, moved and
 * cancelled single occurrences). LOCATION names zones, groups, classes or zone names, separated by commas; none: everywhere.
 *
 *   house_calendar_load -> house_calendar_at … -> house_calendar_free
 *
 * Written: one entry a slot, cancelled with its reason where the slot will not sound.
 */
#ifndef TOCSIN_PLAYER_ICAL_H
#define TOCSIN_PLAYER_ICAL_H

#include "base/buf.h"
#include "base/json.h"

struct house_calendar;

/* One entry; lives as long as its calendar. */
struct house_entry {
    const char *id; /* of its UID: "cal-3f7a…"; the same as long as the entry is the same */
    const char *text;
    const char **places; /* of LOCATION; NULL at the end */
    size_t n_places;
};

/* RELAY_INVALID names the file, and the entry by its UID. */
enum relay_err house_calendar_load(const char *path, struct house_calendar **ret,
                                   struct reason *why) MUST_CHECK;
struct house_calendar *house_calendar_free(struct house_calendar *c); /* returns NULL; takes NULL */
size_t house_calendar_count(const struct house_calendar *c);
struct house_entry *house_calendar_at(struct house_calendar *c, size_t i);

/* The entry lasts over this civil minute. Remembers the day that it was asked about last. */
bool house_entry_says(struct house_entry *e, int64_t minute);

/* A day as tell.h writes it, as one calendar; zone NULL: all. site: the hospital's id. */
enum relay_err ical_programme(const cJSON *day, const char *site, const char *zone, int64_t now,
                              struct buf *out, struct reason *why) MUST_CHECK;

#endif
