/* What the files of the station share, and nobody else: station.c (time, from the book and back), station_items.c (one thing to
 * be played), station_slots.c (the programme's minutes), station_sound.c (the queue's word), station_inputs.c (relay, house,
 * people), station_view.c. */
#ifndef TOCSIN_PLAYER_STATION_INTERNAL_H
#define TOCSIN_PLAYER_STATION_INTERNAL_H

#include "base/mem.h"
#include "player/station.h"

enum { ITEM_LINES_MAX = 8, HOLD_SOURCES = 4, NAME_MAX_LEN = 64, REASON_MAX_LEN = 160 };

/* One text of an item. */
struct item_line {
    char *text, *rhyme; /* rhyme: follows it; NULL */
    char *name;         /* the reminder's, the bulletin item's or the announcement's id */
    bool told;          /* the relay waits to hear of it: a bulletin item */
    bool drill;
    int64_t length_ms; /* with its rhyme, as far as known */
};

/* One thing to be played in one zone. On the list of all items; in its zone's queue or held or prepared. */
struct item {
    struct queue_item q; /* first: the queue hands it back */
    struct item *next;
    size_t zone;
    char *id, *wav;
    struct announcement announce; /* ITEM_ANNOUNCE and the children of a digest; strings in `strings` */
    struct arena strings;
    struct item_line lines[ITEM_LINES_MAX];
    size_t n_lines;
    int64_t minute; /* ITEM_SLOT */
    bool told_held; /* that it waits for the end of quiet hours */
    bool queued, held, rendering, rendered, to_start, on_air;
    int passes, volume, tries;
    int64_t started, fail_until; /* mono */
    int64_t ends_wall;     /* of one from the book: its expiry, or the end of its grace; 0: it came since */
    struct item *children; /* of a digest, by their next; one with a q.stop_why ends when it comes apart */
    bool apart;            /* a digest that comes apart when it is silent */
};

struct zone_state {
    const struct zone *zone;
    struct zone_queue queue;
    struct memory memory;
    int64_t mute_until, override_until; /* mono; 0: not */
    int64_t mute_until_wall, override_until_wall;
    char mute_by[NAME_MAX_LEN], mute_reason[REASON_MAX_LEN];
    bool mute_warned;
    bool mute_loaded, override_loaded; /* from the book: by its wall time */
    bool busy;
    int64_t busy_since, free_since; /* mono */
    bool was_quiet, caught_up;
    struct item *prepared; /* rendered ahead for the slot at its minute */
    int64_t prepared_minute;
};

struct hold_source {
    char name[16], by[NAME_MAX_LEN];
    enum priority hold;
};

struct station {
    struct station_settings set;
    struct station_env env;
    struct book *book;
    struct zone_state *zones;
    struct item *items;
    uint64_t next_item, next_item_reserved;
    struct arena bulletin_arena;
    struct bulletin bulletin;
    struct hold_source holds[HOLD_SOURCES];
    enum priority hold;
    bool trusted, said_untrusted, has_scanned;
    struct now counted;                     /* by which the book's wall times were last turned into mono */
    bool bulletin_loaded;                   /* it is the book's */
    struct now last;                        /* of the turn before */
    int64_t last_wall;                      /* newest wall time in the book */
    int64_t scanned;                        /* civil minute up to which slots were looked at */
    int64_t next_prune;                     /* mono */
    int holidays_missing, holidays_told_in; /* years: that without data which was last told, and when */
};

#define DRILL_MARK "这是演练"

struct item *item_new(struct station *s, size_t zone, enum item_kind kind, const char *id, struct now now);
void item_free(struct station *s, struct item *i); /* off every list */
struct item *item_find(struct station *s, uint64_t number);
void item_add_line(struct item *i, const char *text, const char *rhyme, const char *name, bool told,
                   bool drill);
/* Says once that it waits for the end of quiet hours. */
void item_tell_held(struct station *s, struct item *i, struct now now);
void item_enqueue(struct station *s, struct item *i, struct now now);
/* Ends it for good: logs, moves the book's rows, frees. */
void item_end(struct station *s, struct item *i, struct now now, const char *state, enum why why,
              const char *detail);
void item_release(struct item *i); /* one that is on no list */
void item_unlink(struct station *s, struct item *i);
int item_volume(const struct station *s, const struct item *i, struct now now); /* percent */
void item_render(struct station *s, struct item *i, struct now now);
void item_note(struct station *s, const struct item *i, struct now now, const char *state, enum why why,
               const char *detail);
/* The parts that others wait for: a digest's announcements, a slot's bulletin items. */
void item_note_parts(struct station *s, const struct item *i, struct now now, const char *state, enum why why,
                     const char *detail);
/* The book's row of an item moves with it: what the relay waits for, and what a restart looks at. */
void item_move_rows(struct station *s, const struct item *i, struct now now, const char *state,
                    const char *why);

void station_note(struct station *s, struct now now, size_t zone, const char *id, const char *kind,
                  const char *state, enum why why, const char *detail, int volume, int64_t length_ms);
void station_note_all(struct station *s, struct now now, const char *id, const char *kind, const char *state,
                      const char *detail);
struct item *station_new_announce(struct station *s, size_t zone, const struct announcement *a,
                                  struct now now);
/* A person's words; text NULL: a tone. left_ms: of its grace; at most all of it. */
struct item *station_new_say(struct station *s, size_t zone, const char *id, const char *text,
                             int64_t left_ms, struct now now);
/* What could not be made a while ago. */
void station_render_again(struct station *s, struct now now);
void station_queue_zone(struct station *s, size_t zone, struct now now);
bool station_robot(const struct station *s, size_t zone);
bool station_overridden(const struct station *s, size_t zone, struct now now);
int64_t station_room(const struct station *s, size_t zone, struct now now);
struct programme_input station_input(struct station *s, size_t zone, int64_t minute, struct now at);
bool station_find_zone(const struct station *s, const char *id, size_t *ret);
int64_t station_length_of(const struct station *s, size_t zone, const char *text); /* see speech_length */
struct conditions station_conditions(const struct station *s, size_t zone, struct now now);
/* Those of its announcements that were given a stop_why end; the others are released anew. What sounds falls silent first. */
void station_part_digest(struct station *s, struct item *digest, struct now now);
void station_release_held(struct station *s, size_t zone, struct now now);
enum { SLOT_ID_LEN = CIVIL_TEXT_LEN + 8 };
void station_slot_id(int64_t minute, char out[static SLOT_ID_LEN]);
void station_prepare_slots(struct station *s, struct now now);
void station_scan_slots(struct station *s, struct now now);
void station_warm_all(struct station *s);

#endif
