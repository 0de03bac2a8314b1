/* What survives a power cut: SQLite behind verbs. The other seam of design section 14.
 *
 *   store_open -> each turn { store_begin on the first change … store_commit | (failed: all is rolled back) } -> store_close
 *
 * Only the daemon opens it for writing. Every verb that changes rows opens the turn's transaction by itself; nothing is
 * durable before store_commit has returned RELAY_OK. After a failed commit the database is as it was after the last good
 * one, and memory must not know better: that is why windows, alerts and due times live here and nowhere else.
 * Errors of single statements are kept: a verb that fails makes the commit fail, so callers need not ask each one.
 */
#ifndef TOCSIN_RELAY_STORE_H
#define TOCSIN_RELAY_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/alert.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/delivery.h"
#include "base/err.h"
#include "base/event.h"
#include "io/db.h"
#include "sequence.h"

struct store;

enum relay_err store_open(const char *state_dir, struct store **ret, struct reason *why) MUST_CHECK;
struct store *store_close(struct store *s);
struct db *store_db(struct store *s); /* for status: reading only */
/* Opens the file beside a daemon, or without one, for lists. */
enum relay_err store_open_reader(const char *state_dir, struct db *ret, struct reason *why) MUST_CHECK;
#define STORE_FILE     "tocsin.db"
#define STORE_KEY_FILE "hmac.key"

bool store_dirty(const struct store *s);
enum relay_err store_commit(struct store *s,
                            struct reason *why) MUST_CHECK; /* RELAY_OK when nothing was dirty */
void store_rollback(struct store *s);
/* A number under a word of its own, in the store's small facts; 0: none. */
int64_t store_mark(struct store *s, const char *key);
void store_set_mark(struct store *s, const char *key, int64_t value);
/* A row and a commit, to see whether writing works (again). */
enum relay_err store_probe(struct store *s, int64_t wall, struct reason *why) MUST_CHECK;
enum relay_err store_checkpoint(struct store *s, struct reason *why) MUST_CHECK;
int64_t store_wal_pages(struct store *s);
uint64_t store_commits(const struct store *s);

/* The key under which digests, victims and suspects are hashed: made once, in the file `hmac.key` beside the database. */
const uint8_t *store_key(const struct store *s); /* 16 bytes */
/* The newest wall time in the store: a clock behind it is not trusted. */
int64_t store_newest(struct store *s);
/* Nothing is newer than `now`: for a person who says that this is the time. Walks the events, which may take seconds. */
void store_not_newer(struct store *s, int64_t now);

/* -- events ------------------------------------------------------------------------------------------------------- */

int64_t store_feed(struct store *s, const char *name); /* its row, made if needed; 0 on failure */
struct feed_seen {
    int64_t last_seq, last_at, told_seq, heard;
    char missing[SEQUENCE_TEXT];
};
void store_feed_seen(struct store *s, int64_t feed, struct feed_seen *ret);
void store_feed_heard(struct store *s, int64_t feed, const struct feed_seen *seen);

enum key_result { KEY_NEW, KEY_SAME, KEY_CONFLICT, KEY_FAILED };
/* Puts the key; KEY_SAME gives the alert of the first time (0 none). */
enum key_result store_key_add(struct store *s, int64_t feed, const struct event *e, int64_t now,
                              int64_t *ret_alert);
void store_key_alert(struct store *s, int64_t feed, const char *event_id, int64_t alert);
/* False: never accepted, or too long ago. */
bool store_key_known(struct store *s, int64_t feed, const char *event_id, enum cap_status *ret_status);
void store_refusal(struct store *s, int64_t feed, int64_t now, const char *event_id, enum refusal code,
                   const char *member);

struct event_row {
    int64_t feed, received, alert, grp;
    int64_t value; /* by which it was correlated, 0 none */
    int verdict;
    const char *rules, *set_hash, *note;
};
void store_event(struct store *s, const struct event *e, const struct event_row *r);
void store_event_other(struct store *s, const struct event *e, int64_t feed, int64_t now);
/* A feed takes its event back: it stands in no alert and waits for no person any more. False when nothing of that id was
 * found by a rule, or it was taken back before. */
struct withdrawn {
    int64_t alert; /* that it stood in; 0 none */
    int64_t grp;   /* 0 none */
    int64_t feed, received, value, victim, count;
    bool alone; /* no other event of its feed and area stands in the alert */
};
bool store_event_withdraw(struct store *s, int64_t feed, const char *event_id, struct withdrawn *ret);
/* … and its occurrences leave the windows that they were counted in. */
void store_window_take(struct store *s, const struct withdrawn *w);
bool store_alert_stands(struct store *s, int64_t alert); /* on an event that nobody has taken back */
/* Each area and feed of the events on which an alert stands, the oldest first. */
void store_standing(struct store *s, int64_t alert,
                    void (*fn)(void *arg, const char *area, const char *feed, bool guessed), void *arg);
/* The areas that the alert had when a person confirmed it; false: nobody has. */
bool store_confirmed_areas(struct store *s, int64_t alert, char *ret, size_t size);

/* A stored event that waits for a person. */
struct event_seen {
    int64_t grp, alert;
    int64_t value;                   /* by which it was correlated, 0 none */
    int64_t observed_at, expires_at; /* as its feed says; when it does not: received, INT64_MAX */
    char area[AREA_LEN + 1];
    bool guessed, reviewed;
    enum event_kind kind;
    enum cap_status status;
    int count;
    char rule[64]; /* the first of its rules, without revision */
    char feed[40], note[32];
};
bool store_event_get(struct store *s, int64_t row, struct event_seen *ret);
/* Takes it, and the other candidates of its group, off the review list. */
void store_event_review(struct store *s, int64_t row, const char *who);
void store_event_join(struct store *s, int64_t row, int64_t alert, const char *who);

/* -- groups ------------------------------------------------------------------------------------------------------- */

/* Occurrences within a window. */
struct tally {
    int64_t count;
    int feeds, verified_feeds, victims;
};
struct group_state {
    int64_t id;
    int64_t count;      /* occurrences within the window, this event included */
    int feeds;          /* different feeds within it */
    int verified_feeds; /* … with at least one that is more than a report */
    int64_t alert;      /* the active one, 0 none */
    int64_t value;      /* of this event, by which a rule that correlates counts; 0 none */
    struct tally same;  /* … and what it counts together with it */
    bool stands;        /* the active alert is for this event's value */
};
int64_t store_group(struct store *s, const char *fingerprint, const char *rule);
/* Adds occurrences to the slice of `now` and reads the window back. */
void store_window_add(struct store *s, int64_t grp, int64_t feed, int64_t now, int64_t within, int count,
                      bool verified);
void store_window_read(struct store *s, int64_t grp, int64_t now, int64_t within, struct group_state *ret);
/* For a rule that correlates: adds occurrences of one value (0: any) and reads back what has that value. */
struct correlated {
    int64_t grp, value, feed, victim; /* keyed hashes; victim 0: unknown */
    int count;
    bool verified;
};
void store_correlate(struct store *s, const struct correlated *c, int64_t now, int64_t within,
                     struct tally *ret);
void store_correlated(struct store *s, const struct correlated *c, int64_t now, int64_t within,
                      struct tally *ret); /* reads only */
/* The rule of an alert has been met for this value. */
void store_alert_value(struct store *s, int64_t alert, int64_t value);
bool store_alert_has_value(struct store *s, int64_t alert, int64_t value);
void store_window_clear(struct store *s, int64_t grp);
/* Those of exercises and tests, whatever became of them. */
void store_windows_clear(struct store *s);
/* Events of the group that were stored as candidates become the alert's, of one value; NULL: whatever theirs is. It stands on
 * those since `since`; older ones only leave the review list. */
void store_candidates_join(struct store *s, int64_t grp, int64_t since, const int64_t *value, int64_t alert);
/* Each area and feed of those candidates. */
void store_candidates(struct store *s, int64_t grp, int64_t since, const int64_t *value,
                      void (*fn)(void *arg, const char *area, const char *feed, bool guessed), void *arg);

/* -- alerts ------------------------------------------------------------------------------------------------------- */

struct alert_row {
    int64_t n, grp;
    char id[80];
    char rule[64], category[64], title[160], set_hash[20];
    int rule_rev, rev;
    enum cap_status status;
    enum level level;
    enum certainty certainty;
    int64_t created, expires, ended, count;
    bool guessed;
    bool withdrawn;    /* the last event, after a person had confirmed it: it waits for a person's word */
    char acked_by[64]; /* "": nobody yet */
    char areas[512];   /* at most 64 codes; wider ones are cut to their common prefix by the caller */
    char feeds[512];
};
/* Takes the next number for the id "<relay>-<day>-<n>"; fills n and id. */
void store_alert_new(struct store *s, const char *relay_id, int day, struct alert_row *a);
bool store_alert_get(struct store *s, int64_t n, struct alert_row *ret);
bool store_alert_by_id(struct store *s, const char *id, struct alert_row *ret);
int64_t store_alert_active(struct store *s, int64_t grp, int64_t now); /* n, or 0 */
void store_alert_update(struct store *s, const struct alert_row *a);
void store_alert_ack(struct store *s, int64_t n, const char *who, int64_t now);  /* the first one stays */
void store_alert_end(struct store *s, int64_t n, int64_t now, const char *note); /* and its clock */
void store_revision(struct store *s, const struct alert_row *a, enum msg_type type, int64_t sent,
                    int64_t expires, const char *note);
struct revision_row {
    enum msg_type msg_type;
    enum level level;
    enum certainty certainty;
    int64_t sent, expires;
    char areas[512];
};
bool store_revision_get(struct store *s, int64_t alert, int rev, struct revision_row *ret);
int64_t store_rendering(struct store *s, int64_t alert, int rev, const char *variant, const char *body);
/* Appends the body of a rendering; false when there is none. */
bool store_rendering_get(struct store *s, int64_t id, struct buf *ret);
/* The newest one of this variant. */
bool store_rendering_named(struct store *s, int64_t alert, const char *variant, struct buf *ret);
int store_alerts_in_force(struct store *s, int64_t now);
/* Each alert in force; fn may change deliveries. */
void store_alerts_now(struct store *s, int64_t now, void (*fn)(void *arg, const struct alert_row *a),
                      void *arg);
/* The numbers of alerts in force below `before`, the newest first; at most max; returns how many. */
size_t store_alerts_before(struct store *s, int64_t before, int64_t now, int64_t *ret, size_t max);
/* The newest alert below `before` that was created since then: its number; 0: none. */
int64_t store_alert_created_before(struct store *s, int64_t before, int64_t since);
/* Ends the alerts whose time has come, at most max; returns how many. */
int store_alerts_expire(struct store *s, int64_t now, int max);
int64_t store_alerts_next_expiry(struct store *s); /* INT64_MAX none */

void store_spoken(struct store *s, const char *site, const char *rule, const char *areas, int64_t now,
                  int64_t alert);
bool store_spoken_since(struct store *s, const char *site, const char *rule, const char *areas,
                        int64_t since);
int store_spoken_count(struct store *s, const char *site, int64_t since);

/* -- targets and deliveries --------------------------------------------------------------------------------------- */

struct target_row {
    int64_t id;
    double tokens;
    int64_t tokens_at, paused, snap_rev;
    char why[160];
};
void store_target(struct store *s, const char *name,
                  struct target_row *ret); /* made if needed; id 0 on failure */
void store_target_save(struct store *s, const struct target_row *t);
/* Names of rows that have waiting deliveries; fn is called for each. For a reload that removes targets. */
void store_targets_waiting(struct store *s, void (*fn)(void *arg, int64_t target, const char *name),
                           void *arg);

enum lane { LANE_DEVICES, LANE_CHATS }; /* chats share limits.http: theirs may have to wait */

struct delivery_row {
    int64_t id, alert, target, rendering;
    int rev;
    enum lane lane; /* written by store_delivery_add only */
    enum delivery_state state;
    enum level level;
    int64_t due; /* INT64_MAX: NULL */
    int64_t created, expires, sent_at, accepted, snap_rev;
    int64_t tried;     /* since when its device tries to play it; 0: it only keeps it */
    int64_t repeat_ms; /* 0: no reminders */
    int attempt, repeats;
    int replays;  /* how often a person has sent it once more */
    int reminder; /* the step of the clock that made it; 0: none */
    bool maybe, fold;
    char reason[160];
};
#define NO_DUE INT64_MAX
/* "approval" (of one or two), "trial" (and what may come after it), "quiet_hours": what a held row waits for. */
bool delivery_held_for(const struct delivery_row *d, const char *what);

int64_t store_delivery_add(struct store *s, const struct delivery_row *d);
bool store_delivery_get(struct store *s, int64_t id, struct delivery_row *ret);
/* The newest delivery of this alert for this target; false when none. */
bool store_delivery_of(struct store *s, int64_t alert, int64_t target, struct delivery_row *ret);
/* As it was when `rev` was the newest revision. */
bool store_delivery_until(struct store *s, int64_t alert, int64_t target, int rev, struct delivery_row *ret);

/* The only mover: checks delivery_may_move, writes state, reason, due and times, logs one line and counts.
 * `d` is the row as it was read; it is updated in place. A move that is not allowed is logged and ignored (false). */
bool store_delivery_move(struct store *s, struct delivery_row *d, enum delivery_state to, const char *reason,
                         int64_t due, int64_t now);
/* Writes due, attempt, maybe, fold, repeats, accepted, tried, replays, snap_rev, reason without a change of state. */
void store_delivery_save(struct store *s, const struct delivery_row *d);

/* Due rows of a lane, gravest level first, then oldest due; at most max into rows; returns how many. */
size_t store_due(struct store *s, enum lane lane, int64_t now, struct delivery_row *rows, size_t max);
int64_t store_next_due(struct store *s, enum lane lane);
/* Rows of one target that are due by now and could go out with it (queued, retry). */
size_t store_due_of(struct store *s, int64_t target, int64_t now, struct delivery_row *rows, size_t max);
/* Whether this due row is the only one of its target: then there is nothing to fold or to order. */
bool store_due_alone(struct store *s, const struct delivery_row *d, int64_t now);
/* The commonest move: `sending` became `sent`, and nothing is due any more. False when the row is not `sending`. */
bool store_delivery_sent(struct store *s, int64_t id, const char *reason, int64_t now);
int store_waiting_of(struct store *s, int64_t target);
/* Every open delivery of an alert (waiting or sent); fn may move it. */
void store_deliveries_of_alert(struct store *s, int64_t alert, bool waiting_only,
                               void (*fn)(void *arg, struct delivery_row *d), void *arg);
/* Deliveries of the target's earlier revisions that have not ended; fn may move them. */
void store_deliveries_before(struct store *s, int64_t alert, int64_t target, int rev,
                             void (*fn)(void *arg, struct delivery_row *d), void *arg);
/* Every delivery that there has been of an alert, by target and then by revision; fn may move it. */
void store_deliveries_ever(struct store *s, int64_t alert, void (*fn)(void *arg, struct delivery_row *d),
                           void *arg);
/* How each of them stands, and when it was sent (0: not). */
void store_delivery_states(struct store *s, int64_t alert,
                           void (*fn)(void *arg, int64_t target, enum delivery_state state, int64_t sent_at),
                           void *arg);
/* Held, queued, retry, or sent and still to be looked at. */
void store_deliveries_open(struct store *s, int64_t target, void (*fn)(void *arg, struct delivery_row *d),
                           void *arg);
/* Those of alerts in force that are being sent: asks every alert in force, so only of a target with something under way. */
void store_deliveries_sending(struct store *s, int64_t target, void (*fn)(void *arg, struct delivery_row *d),
                              void *arg);
void store_deliveries_waiting(struct store *s, int64_t target, void (*fn)(void *arg, struct delivery_row *d),
                              void *arg);
/* After a start: every `sending` becomes `retry`, marked as maybe arrived. Returns how many. */
int store_resume(struct store *s, int64_t now);
/* After a clock step: what waits longer than its own interval waits so long from now on: group_wait and group_interval as
 * they were when the row was made, steps of the clock, `most` for the rest. Expiries stay, and the hours of digests. */
void store_clamp_dues(struct store *s, int64_t now, int64_t most);

void store_show(struct store *s,
                const struct delivery_row *d); /* this revision is what the target shows now */
void store_unshow(struct store *s, int64_t target, int64_t alert);
bool store_shows(struct store *s, int64_t target, int64_t alert);
/* Targets whose items have expired: their rows go, fn is told each target once a row. */
int store_showing_expire(struct store *s, int64_t now, int max, void (*fn)(void *arg, int64_t target),
                         void *arg);
int64_t store_showing_next_expiry(struct store *s);
/* Corrections stay. */
void store_unshow_alert(struct store *s, int64_t alert, void (*fn)(void *arg, int64_t target), void *arg);

struct shown_item {
    struct delivery_row delivery;
    struct alert_row alert;
    struct revision_row revision;
};
/* Ordered by level, certainty, newest, id. fn may not change rows. */
void store_showing(struct store *s, int64_t target, void (*fn)(void *arg, const struct shown_item *i),
                   void *arg);
/* Deliveries of a target that went out with snapshot `rev` or an earlier one and are still unconfirmed. */
size_t store_showing_unconfirmed(struct store *s, int64_t target, int64_t rev, struct delivery_row *rows,
                                 size_t max);

/* One more message of this rule to this target on this day; and all counts of a day. */
void store_told_add(struct store *s, int64_t target, int day, const char *rule);
void store_told(struct store *s, int day, void (*fn)(void *arg, int64_t target, const char *rule, int n),
                void *arg);

/* -- people, counts, age ------------------------------------------------------------------------------------------ */

void store_action(struct store *s, int64_t now, const char *verb, const char *object, const char *actor,
                  int uid, const char *reason, const char *detail);
/* How many different people did `verb` to `object`, and whether `actor` was one of them. */
int store_action_people(struct store *s, const char *verb, const char *object, const char *actor,
                        bool *ret_was_one);
/* Who did it first, or "". */
void store_action_first(struct store *s, const char *verb, const char *object, char ret_actor[static 64]);
void store_site_mode_set(struct store *s, const char *site, int mode);
int store_site_mode(struct store *s, const char *site); /* -1: nobody has said */

struct silence_row {
    int64_t id, created, expires;
    int64_t remind; /* when it is to be looked at; 0: never again */
    int64_t ended;  /* by a person; 0: not */
    int64_t sweep;  /* the alerts before this one are still to be looked at; 0: none */
    bool broad;
    char matchers[512], author[64], reason[200];
};
int64_t store_silence_add(struct store *s, const struct silence_row *row); /* its number; 0 on failure */
/* Those in force, oldest first. fn may not change silences. */
void store_silences(struct store *s, int64_t now, void (*fn)(void *arg, const struct silence_row *row),
                    void *arg);
/* One in force, or run out, that is to be looked at; false when none is. */
bool store_silence_remind(struct store *s, int64_t now, struct silence_row *ret);
/* One with alerts still to be looked at, those in force first; false when none has any. */
bool store_silence_sweep(struct store *s, int64_t now, struct silence_row *ret);
bool store_silence_sweep_at(struct store *s, int64_t id, int64_t before);          /* 0: done */
void store_silence_remind_at(struct store *s, int64_t id, int64_t at);             /* 0: never again */
bool store_silence_end(struct store *s, int64_t id, int64_t now, const char *who); /* false: not in force */

struct drill_row {
    int64_t id, created, expires;
    int64_t real_alert; /* that ended its speech; 0 none */
    char site[40], author[64], reason[200];
};
int64_t store_drill_add(struct store *s, const struct drill_row *row); /* its number; 0 on failure */
bool store_drill_open(struct store *s, int64_t now, struct drill_row *ret);
void store_drill_real(struct store *s, int64_t id, int64_t alert);
void store_drill_end(struct store *s, int64_t id, int64_t now, const char *who);

enum plan_step { PLAN_MADE, PLAN_TOLD, PLAN_CALLED, PLAN_MISSED, PLAN_DONE };
struct plan_row {
    int month; /* 202611 */
    int64_t at, until;
    enum plan_step step;
    int64_t next;  /* 0: nothing more will be said */
    int64_t drill; /* 0: none */
};
bool store_plan_open(struct store *s, struct plan_row *ret); /* the one with something still to be said */
int store_plan_last(struct store *s);                        /* the latest month there is; 0 none */
void store_plan_put(struct store *s, const struct plan_row *row);

struct feedback_row {
    int64_t at, alert, target, delivery;
    int word; /* enum feedback_word */
    const char *rule, *actor;
};
bool store_feedback_add(struct store *s, const struct feedback_row *row); /* false: it stands there already */
int store_feedback_count(struct store *s, int64_t delivery);

/* The clock of an alert: steps with due times. */
struct step_row {
    int64_t alert, after, due;
    int step;
    const char *chats; /* with spaces between */
};
enum { STEPS_MOST = 8 };
void store_step_add(struct store *s, const struct step_row *row);
bool store_steps_known(struct store *s, int64_t alert); /* it has steps, whatever became of them */
int64_t store_step_next_due(struct store *s);           /* INT64_MAX none */
int64_t store_step_due(struct store *s, int64_t now);   /* an alert with steps that are due; 0 none */
/* The steps of this alert that are due, in order; chats of all of them are appended with spaces between. */
size_t store_steps_due(struct store *s, int64_t alert, int64_t now, int ret_steps[static STEPS_MOST],
                       struct buf *chats);
void store_step_done(struct store *s, int64_t alert, int step, int64_t now, int rev, const char *note);
void store_steps_stop(struct store *s, int64_t alert, int64_t now, const char *note);

/* Installed rules (rulebook.c). False when the statement failed. */
struct rule_change {
    int64_t at;
    const char *rule, *verb, *actor, *text;
};
bool store_rule_change(struct store *s, const struct rule_change *c);
struct rule_standing { /* the newest change of a rule that was not taken back */
    int64_t row;
    char verb[16], actor[64];
};
bool store_rule_standing(struct store *s, const char *rule, struct rule_standing *ret, struct buf *ret_text);
void store_rule_undo(struct store *s, int64_t row);
/* Each rule that stands, with its text; fn may be NULL. Returns how many. */
size_t store_rules_standing(struct store *s, void (*fn)(void *arg, const char *rule, const char *text),
                            void *arg);

void store_stat(struct store *s, int day, const char *what, const char *key, int64_t n);
/* The same with the next commit, together with all that are alike. `key` is a JSON array of words, so that reports can take it
 * apart: ["sn-cmcc","sms","match","orange",""]. */
void store_tally(struct store *s, int day, const char *what, const char *key, int64_t n);

struct keep {
    int64_t keys, matched, unmatched, deliveries; /* ms */
    int64_t unmatched_bytes, refusals;
};
/* One slice of about 5 ms; returns true when there is more to do. Starts over by itself once an hour. */
bool store_prune(struct store *s, int64_t now, const struct keep *k);

#endif
