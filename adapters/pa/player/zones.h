/* A zone: some loudspeakers that say the same thing, and what may enter them and when.
 *
 * The class gives every value (one table, zones.c); a zone's own settings replace single ones. A silent class stays
 * silent whatever the settings say: only a named override opens it, and that is the queue's business.
 * All functions here are pure; the struct is filled by zone_init and borrowed everywhere else.
 */
#ifndef TOCSIN_PLAYER_ZONES_H
#define TOCSIN_PLAYER_ZONES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "io/options.h"
#include "player/calendar.h"

/* Minutes of the day at which a slot falls. */
struct slot_marks {
    uint8_t bits[MINUTES_A_DAY / 8];
};
bool slot_marks_has(const struct slot_marks *m, int minute_of_day);
int slot_marks_count(const struct slot_marks *m);

struct zone_class {
    const char *name;     /* as configured: "hall"; base/zone_class.h has what people call it */
    const char *slots[4]; /* "09:00", or hourly from the first to the last: "08:00-17:00" */
    const char *quiet[3]; /* "18:00-08:00" */
    int seconds_an_hour;  /* of speech */
    bool silent;          /* nothing enters, ever, but by a named override */
    bool slots_only;      /* silent but for its slots */
    bool immediate;       /* takes announcements at once */
    bool rhyme;           /* the elderly sit here: the rhyme follows the plain sentence */
};
extern const struct zone_class zone_classes[];              /* .name NULL at the end */
const struct zone_class *zone_class_find(const char *name); /* NULL: unknown */

/* One zone as configured; zero or empty members take the class's value. Strings are borrowed. */
struct zone_settings {
    const char *id, *name, *class_name;
    struct opt_strs outputs, groups;
    struct opt_strs slots;    /* as those of a class; ["none"]: no slots */
    struct opt_strs quiet;    /* "21:30-07:30"; ["none"]: no quiet hours */
    struct opt_strs days;     /* "weekday", "weekend", "holiday" on which slots fall; empty: all */
    struct opt_windows rhyme; /* hours in which the rhyme is added; empty: all day where the class wants it */
    int64_t seconds_an_hour;  /* -1: the class's */
    int64_t volume_day, volume_night; /* percent */
    struct opt_windows night;         /* hours of the night volume */
    bool no_rhyme;
    bool allow_robot_voice;
    bool drills;                        /* takes Exercise and Test */
    const char *busy_topic, *busy_file; /* the queue calling's word that it speaks; NULL: none */
};

struct zone {
    const struct zone_class *class;
    const char *id, *name;
    bool silent, slots_only, immediate;
    struct slot_marks slots;
    bool days[DAY_TYPE_COUNT];
    struct day_window quiet[8];
    size_t n_quiet;
    struct day_window rhyme[8]; /* none: never */
    size_t n_rhyme;
    struct day_window night[8];
    size_t n_night;
    int64_t ms_an_hour;
    int volume_day, volume_night; /* percent */
    bool allow_robot_voice, drills;
    struct opt_strs outputs, groups;
    const char *busy_topic, *busy_file;
    size_t *shares; /* places of the zones that have a loudspeaker in common with it; settings.c */
    size_t n_shares;
};

/* RELAY_INVALID with a sentence that names the zone and the setting. */
enum relay_err zone_init(struct zone *z, const struct zone_settings *config, struct reason *why) MUST_CHECK;

/* Quiet at this instant; ret_end: the wall time at which it ends (untouched when not quiet). */
bool zone_is_quiet(const struct zone *z, int64_t wall, int64_t *ret_end);
/* How long until it is quiet; 0: it is, INT64_MAX: never. */
int64_t zone_until_quiet(const struct zone *z, int64_t wall);
/* Something that sounds from `wall` for length_ms would touch a quiet hour. */
bool zone_is_quiet_within(const struct zone *z, int64_t wall, int64_t length_ms);
bool zone_wants_rhyme(const struct zone *z, int64_t wall);
int zone_volume(const struct zone *z, int64_t wall); /* percent */
/* A slot falls on this civil minute, given the kind of day. */
bool zone_has_slot(const struct zone *z, int64_t civil_minute, enum day_type day);
/* The zone itself, one of its groups, or "all". */
bool zone_answers_to(const struct zone *z, const char *name);

#endif
