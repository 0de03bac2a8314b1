/* The player's own store: what it has been told, what it has played, and what it has still to tell the relay. SQLite, one
 * writer, everything of a turn in one transaction.
 *
 *   book_open -> { reads and writes … -> book_commit } … -> book_close
 *
 * Writes answer nothing: the first that fails is kept, every later one does nothing, and book_commit rolls back and says
 * why. Whoever sees a commit fail throws away what it has in memory and starts again from the book.
 * Times are wall milliseconds of this machine. Strings handed to callbacks live for the call.
 */
#ifndef TOCSIN_PLAYER_BOOK_H
#define TOCSIN_PLAYER_BOOK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/alert.h"
#include "base/event.h"
#include "io/db.h"

struct book;

enum relay_err book_open(const char *path, enum db_mode mode, struct book **ret,
                         struct reason *why) MUST_CHECK;
struct book *book_close(struct book *b); /* rolls back what is open; returns NULL; takes NULL */
struct db *book_db(struct book *b);      /* for tests that make it fail */

bool book_dirty(const struct book *b);
enum relay_err book_commit(struct book *b, struct reason *why) MUST_CHECK;

/* Small facts by name. */
bool book_fact(struct book *b, const char *key, int64_t *ret);
void book_set_fact(struct book *b, const char *key, int64_t value);

/* Slots, keyed by zone and nominal civil minute. One that was missed has not had its time: when a clock that went ahead is set
 * back, its minute comes after all. */
bool book_has_slot(struct book *b, const char *zone, int64_t minute);
void book_put_slot(struct book *b, const char *zone, int64_t minute, int64_t at, const char *state,
                   const char *reason);
/* Those that a stopped player left in the middle. */
void book_open_slots(struct book *b, void (*fn)(void *arg, const char *zone, int64_t minute), void *arg);

/* Announcements. `state` is that of the log: queued, held, playing; or the end: played, skipped, failed. */
struct announcement {
    const char *zone, *id, *alert;
    int64_t rev;
    enum cap_status status;
    enum level level;
    bool correction;
    const char *text, *rhyme;
    int64_t repeat;
    int64_t again; /* how often a person has sent it once more */
    bool held;     /* of book_open_announces: it was told that it waits for the end of quiet hours */
    int64_t received, expires; /* both by this machine's wall clock */
};
bool book_announce_state(struct book *b, const char *zone, const char *id, char ret_state[static 16],
                         int64_t *ret_again);
/* The highest revision of an alert that a zone was told; -1: none. */
int64_t book_announce_rev(struct book *b, const char *zone, const char *alert);
void book_put_announce(struct book *b, const struct announcement *a, const char *state, const char *reason);
void book_move_announce(struct book *b, const char *zone, const char *id, const char *state,
                        const char *reason);
/* What is not at its end, oldest first. */
void book_open_announces(struct book *b, void (*fn)(void *arg, const struct announcement *a), void *arg);

/* What a person asked to be heard, until it has ended; text NULL: a test tone. `until`: by this machine's wall clock. */
void book_put_say(struct book *b, const char *zone, const char *id, const char *text, int64_t until);
void book_end_say(struct book *b, const char *zone, const char *id);
void book_each_say(struct book *b,
                   void (*fn)(void *arg, const char *zone, const char *id, const char *text, int64_t until),
                   void *arg);

/* The last bulletin as it came. */
void book_put_bulletin(struct book *b, int64_t rev, int64_t now, int64_t received, const char *payload,
                       size_t n);
bool book_bulletin(struct book *b, int64_t *ret_rev, int64_t *ret_now, int64_t *ret_received,
                   char **ret_payload);

/* What was said: memory.h on disk. `item` joins the rows of one play. */
void book_put_said(struct book *b, const char *zone, int64_t item, uint64_t text, int64_t minute, int64_t at,
                   int64_t length_ms, bool slot);
/* The play was broken off: what had not begun by then was not said. */
void book_cut_said(struct book *b, int64_t item, int64_t at);
void book_each_said(struct book *b, const char *zone, int64_t since,
                    void (*fn)(void *arg, uint64_t text, int64_t minute, int64_t at, int64_t length_ms,
                               bool slot),
                    void *arg);

/* The log. */
struct log_row {
    int64_t seq, at;
    const char *zone, *item, *kind, *state, *why, *detail;
    int64_t volume, length_ms;
};
void book_log(struct book *b, const struct log_row *row); /* seq is given by the book */
void book_unsent(struct book *b, int64_t after_seq, int max, void (*fn)(void *arg, const struct log_row *row),
                 void *arg);
/* The last row of an item goes to the relay once more. */
void book_tell_again(struct book *b, const char *zone, const char *item);
void book_mark_sent(struct book *b, int64_t seq);
int64_t book_count_unsent(struct book *b);
/* Newest first; zone NULL: all; from, to: wall times. */
void book_each_log(struct book *b, const char *zone, int64_t from, int64_t to, int max,
                   void (*fn)(void *arg, const struct log_row *row), void *arg);

/* Mutes and overrides, one a zone. */
struct grant {
    const char *zone, *by, *second, *reason; /* second: the other person of an override; NULL */
    int64_t from, until;
};
void book_put_mute(struct book *b, const struct grant *g);
void book_end_mute(struct book *b, const char *zone);
void book_each_mute(struct book *b, void (*fn)(void *arg, const struct grant *g), void *arg);
void book_put_override(struct book *b, const struct grant *g);
void book_end_override(struct book *b, const char *zone);
void book_each_override(struct book *b, void (*fn)(void *arg, const struct grant *g), void *arg);

/* Forgets what nobody asks for any more: announcements and what was said after weeks, the log after three years. At most
 * some hundred rows a call. */
void book_prune(struct book *b, int64_t wall);
/* Moves the write-ahead log into the database; when idle. */
void book_tidy(struct book *b);

#endif
