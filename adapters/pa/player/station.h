/* The scheduler: what came in and what is due becomes sound in zones, at most once a slot, at least once an announcement,
 * and nothing where it must be silent. It owns the queues and the memory of what was said; it writes into the book; it
 * renders and plays through `env`, so that a test runs a week in seconds.
 *
 *   station_new -> { station_clock, inputs …, station_turn -> (the book is committed) -> station_release } … -> station_free
 *
 * Inputs and turn decide and write; station_release begins what was decided, and is called after the commit only: a slot is
 * recorded before it sounds. Silencing does not wait for anything. When a commit fails the station is thrown away and made
 * anew from the book.
 */
#ifndef TOCSIN_PLAYER_STATION_H
#define TOCSIN_PLAYER_STATION_H

#include "player/book.h"
#include "player/inbox.h"
#include "player/programme.h"
#include "player/queue.h"
#include "player/speech.h"

struct station;

struct station_settings {
    const struct zone *zones;
    size_t n_zones;
    const struct reminder *reminders;
    size_t n_reminders;
    const struct calendar *calendar;
    struct programme_limits limits;
    int64_t grace_ms, busy_gap_ms, busy_max_ms, prepare_ms, announce_gap_ms;
    int64_t build_ms;      /* a clock before it is not trusted */
    bool robot_everywhere; /* trial: the engine may be heard in every zone */
    const char *spool_dir; /* where items' WAVs are put together */
};

struct play {
    uint64_t item;
    size_t zone; /* index into zones */
    const char *id, *kind, *wav;
    int64_t length_ms, expires_wall;
    int64_t retry_until; /* mono: its grace; what fails is not tried again after it */
    int volume;
};
enum play_end {
    PLAY_DONE,
    PLAY_STOPPED, /* we asked for it */
    PLAY_TAKEN,   /* the device gave its loudspeaker to something graver */
    PLAY_FAILED,  /* it may go better in a while */
    PLAY_REFUSED  /* it will not: not tried again */
};

struct station_env {
    void *arg;
    int64_t (*length)(void *arg, const char *text, bool allow_robot); /* see speech_length */
    void (*warm)(void *arg, const char *text);
    void (*render)(void *arg, uint64_t item, const struct script *s,
                   const char *wav);               /* -> station_rendered */
    void (*play)(void *arg, const struct play *p); /* -> station_ended */
    void (*silence)(void *arg, uint64_t item);     /* at once; -> station_ended(PLAY_STOPPED) */
    void (*changed)(void *arg); /* mutes, holds, overrides: the state topic is to be told */
};

enum relay_err station_new(const struct station_settings *s, const struct station_env *env, struct book *b,
                           struct now now, struct station **ret, struct reason *why) MUST_CHECK;
struct station *
station_free(struct station *s); /* silences nothing: env is not called; returns NULL; takes NULL */

/* From the relay. Bad payloads are logged and dropped. */
void station_announce(struct station *s, struct now now, const char *zone, const char *payload, size_t n);
void station_bulletin(struct station *s, struct now now, const char *payload, size_t n, bool retained);

/* From the house. A source is a word: "topic", "file", "command"; NONE lets go. */
void station_hold(struct station *s, struct now now, const char *source, enum priority hold, const char *by);
void station_busy(struct station *s, struct now now, size_t zone, bool busy);

/* From people. Each names a zone, a group or "all"; RELAY_NOT_FOUND when nobody answers to it. ret_n: how many zones. */
enum relay_err station_stop(struct station *s, struct now now, const char *where, const char *by, int *ret_n,
                            struct reason *why) MUST_CHECK;
enum relay_err station_mute(struct station *s, struct now now, const char *where, int64_t for_ms,
                            const char *by, const char *reason, int *ret_n,
                            struct reason *why) MUST_CHECK; /* for_ms 0: ends it */
/* Opens silent zones and quiet hours; two different names, an hour at most. for_ms 0: ends it. */
enum relay_err station_override(struct station *s, struct now now, const char *where, int64_t for_ms,
                                const char *by, const char *second, const char *reason, int *ret_n,
                                struct reason *why) MUST_CHECK;
/* A person's own words, or a test tone when text is NULL. */
enum relay_err station_say(struct station *s, struct now now, const char *where, const char *text,
                           const char *by, int *ret_n, struct reason *why) MUST_CHECK;
/* A person says that the clock is right after all. */
void station_trust_clock(struct station *s, struct now now);

void station_rendered(struct station *s, struct now now, uint64_t item, const struct rendered *r);
void station_ended(struct station *s, struct now now, uint64_t item, enum play_end end, const char *detail);

/* Before anything else of a turn: sees that the clock was set, and whether it can be trusted. */
void station_clock(struct station *s, struct now now);
void station_turn(struct station *s, struct now now);
void station_release(struct station *s, struct now now);
int64_t station_next_due(const struct station *s, struct now now);

/* What a zone does now, for pages and topics. Strings are valid until the next turn. */
struct zone_view {
    const struct zone *zone;
    const char *playing, *playing_kind, *playing_text; /* NULL: silence; text NULL: a tone */
    int64_t playing_ms, playing_of_ms;
    size_t waiting, held;
    bool quiet, busy;
    int64_t muted_until, overridden_until; /* wall; 0: not */
    const char *muted_by, *mute_reason;
    bool mute_ends_soon;
    int64_t spoken_ms; /* in the last hour */
    int64_t next_slot; /* civil minute; -1: none within two days */
};
void station_view(struct station *s, struct now now, size_t zone, struct zone_view *ret);
size_t station_zones(const struct station *s);
bool station_sounds(const struct station *s); /* in any zone */
/* The gravest; by whom, and the source as station_hold was told it. */
enum priority station_holding(const struct station *s, const char **ret_by, const char **ret_source);
bool station_trusts_clock(const struct station *s);
int station_missing_holidays(const struct station *s, struct now now); /* as calendar_missing_year */
const struct bulletin *station_bulletin_now(const struct station *s);

struct day_kind station_day(const struct station *s, int64_t day);
/* The programme of a day as it stands: calls fn slot by slot, zone by zone. */
void station_programme(struct station *s, struct now now, int64_t day,
                       void (*fn)(void *arg, const struct programme_input *at, const struct plan *plan),
                       void *arg);

#endif
