/* What should sound in a zone at a slot, and why the rest should not. Pure: everything that counts is in the input.
 *
 * A slot is one house reminder and at most two warnings: corrections, then the gravest, then the most frequent. A text is
 * said at most `times_a_day` times a day in a zone, spread over its slots, and never in two slots running; the zone's
 * seconds an hour and the slot's longest time are kept. Room goes to the first warning, then the reminder, then the second
 * warning, then rhymes; spoken are first the reminder, then the warnings, each rhyme after its plain sentence.
 */
#ifndef TOCSIN_PLAYER_PROGRAMME_H
#define TOCSIN_PLAYER_PROGRAMME_H

#include "base/alert.h"
#include "base/event.h"
#include "player/calendar.h"
#include "player/ical.h"
#include "player/memory.h"
#include "player/why.h"
#include "player/zones.h"

/* The hospital's own: rules, valuables, visiting hours. */
struct reminder {
    const char *id, *text;
    struct opt_strs days;      /* of day_type_names; empty: all */
    struct opt_windows hours;  /* empty: all */
    struct opt_strs zones;     /* zone ids, groups, classes or names; empty: all */
    struct house_entry *entry; /* of a calendar, which says when; NULL: none */
};

/* One item of the bulletin. */
struct warning {
    const char *id, *alert; /* delivery id, alert id */
    enum cap_status status;
    enum level level;
    int64_t since;
    int64_t expires_mono; /* nothing begins after it */
    int count;
    const char *text, *rhyme; /* NULL: never spoken */
    bool correction;          /* takes back what was said: the next two slots, before all others */
};

struct programme_limits {
    int64_t slot_ms, announce_ms; /* the longest slot, the longest announcement */
    int64_t chime_ms;             /* lead and chime */
    int64_t gap_ms;               /* between two texts */
    int64_t warnings, times_a_day, correction_slots;
    bool fast_hour; /* for a demonstration: every minute counts as an hour's slot */
};

struct plan_line {
    bool is_reminder;
    size_t index;      /* into reminders or warnings */
    enum why why;      /* WHY_SOUNDS or the reason */
    bool rhyme;        /* the rhyme follows */
    int place;         /* 0, 1, … in the order of speech; -1: does not sound */
    int64_t length_ms; /* as far as known */
};
struct plan {
    enum why why; /* of the slot as a whole; the lines say it of each item */
    struct plan_line *lines;
    size_t n;
    int sounding;
    int64_t length_ms;
};

struct programme_input {
    const struct zone *zone;
    int64_t minute; /* nominal civil minute */
    struct now now; /* when it would begin */
    struct day_kind day;
    const struct reminder *reminders;
    size_t n_reminders;
    const struct warning *warnings;
    size_t n_warnings;
    const struct memory *memory;
    const struct programme_limits *limits;
    /* How long a text takes in this zone; -1: it cannot be spoken there. */
    int64_t (*length)(void *arg, const struct zone *z, const char *text);
    void *length_arg;
};

void programme_plan(const struct programme_input *in, struct plan *ret);
void plan_release(struct plan *p);

/* The line that sounds at a place; NULL: none. */
const struct plan_line *plan_at(const struct plan *p, int place);

/* A slot falls on this minute. */
bool programme_has_slot(const struct programme_limits *l, const struct zone *z, int64_t minute,
                        enum day_type day);

/* What a text takes when nobody has spoken it yet: 3.2 characters a second. */
int64_t text_length_guess(const char *text);

/* Plans the slots of a day that are still to come one after another, as if each sounded, from a copy of the memory; calls fn
 * for each. What has been is in the log.
 * in->minute and in->now are set for each slot; now.mono is carried on from the input's. */
void programme_day(const struct programme_input *in, int64_t day,
                   void (*fn)(void *arg, const struct programme_input *at, const struct plan *plan),
                   void *arg);

#endif
