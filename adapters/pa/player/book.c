/* SQLite beneath the player. */
#include "player/book.h"

#include "base/clock.h"
#include "base/i18n.h"
#include "base/mem.h"

enum { PRUNE_ROWS = 300, WAL_PAGES = 500 };

static const char *const upgrades[] = {
    "CREATE TABLE fact(key TEXT PRIMARY KEY, value) WITHOUT ROWID;"
    "CREATE TABLE slot(zone TEXT NOT NULL, minute INTEGER NOT NULL, at INTEGER NOT NULL, state TEXT NOT NULL,"
    " reason TEXT NOT NULL, PRIMARY KEY(zone, minute)) WITHOUT ROWID;"
    "CREATE INDEX slot_open ON slot(state) WHERE state IN ('queued', 'playing');"
    "CREATE TABLE announce(zone TEXT NOT NULL, id TEXT NOT NULL, alert TEXT NOT NULL, rev INTEGER NOT NULL,"
    " status TEXT NOT NULL, level TEXT NOT NULL, correction INTEGER NOT NULL, text TEXT NOT NULL, rhyme TEXT,"
    " repeat INTEGER NOT NULL, received INTEGER NOT NULL, expires INTEGER NOT NULL, state TEXT NOT NULL,"
    " reason TEXT NOT NULL, PRIMARY KEY(zone, id)) WITHOUT ROWID;"
    "CREATE INDEX announce_alert ON announce(zone, alert);"
    "CREATE INDEX announce_open ON announce(received) WHERE state IN ('queued', 'playing', 'held');"
    "CREATE TABLE bulletin(one INTEGER PRIMARY KEY CHECK(one = 1), rev INTEGER NOT NULL, now INTEGER NOT "
    "NULL,"
    " received INTEGER NOT NULL, payload TEXT NOT NULL);"
    "CREATE TABLE said(id INTEGER PRIMARY KEY, zone TEXT NOT NULL, item INTEGER NOT NULL, text INTEGER NOT "
    "NULL,"
    " minute INTEGER NOT NULL, at INTEGER NOT NULL, length INTEGER NOT NULL, slot INTEGER NOT NULL);"
    "CREATE INDEX said_zone ON said(zone, at);"
    "CREATE INDEX said_item ON said(item);"
    "CREATE TABLE log(seq INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, zone TEXT NOT NULL, item "
    "TEXT NOT NULL,"
    " kind TEXT NOT NULL, state TEXT NOT NULL, why TEXT NOT NULL, detail TEXT NOT NULL, volume INTEGER NOT "
    "NULL,"
    " length INTEGER NOT NULL, sent INTEGER NOT NULL);"
    "CREATE INDEX log_unsent ON log(seq) WHERE sent = 0;"
    "CREATE INDEX log_at ON log(at);"
    "CREATE INDEX log_item ON log(item, zone);"
    "CREATE TABLE mute(zone TEXT PRIMARY KEY, since INTEGER NOT NULL, until INTEGER NOT NULL, by TEXT NOT "
    "NULL,"
    " second TEXT, reason TEXT NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE override(zone TEXT PRIMARY KEY, since INTEGER NOT NULL, until INTEGER NOT NULL, by TEXT "
    "NOT NULL,"
    " second TEXT, reason TEXT NOT NULL) WITHOUT ROWID;",
    "CREATE TABLE say(zone TEXT NOT NULL, id TEXT NOT NULL, text TEXT, until INTEGER NOT NULL,"
    " PRIMARY KEY(zone, id)) WITHOUT ROWID;",
    "ALTER TABLE announce ADD COLUMN again INTEGER NOT NULL DEFAULT 0;",
};

enum query {
    Q_FACT,
    Q_SET_FACT,
    Q_HAS_SLOT,
    Q_PUT_SLOT,
    Q_OPEN_SLOTS,
    Q_ANNOUNCE_STATE,
    Q_ANNOUNCE_REV,
    Q_PUT_ANNOUNCE,
    Q_MOVE_ANNOUNCE,
    Q_OPEN_ANNOUNCES,
    Q_PUT_SAY,
    Q_END_SAY,
    Q_EACH_SAY,
    Q_PUT_BULLETIN,
    Q_BULLETIN,
    Q_PUT_SAID,
    Q_CUT_SAID,
    Q_SHORTEN_SAID,
    Q_EACH_SAID,
    Q_LOG,
    Q_UNSENT,
    Q_TELL_AGAIN,
    Q_MARK_SENT,
    Q_COUNT_UNSENT,
    Q_EACH_LOG,
    Q_PUT_MUTE,
    Q_END_MUTE,
    Q_EACH_MUTE,
    Q_PUT_OVERRIDE,
    Q_END_OVERRIDE,
    Q_EACH_OVERRIDE,
    Q_PRUNE_FIRST,
    Q_PRUNE_SLOT = Q_PRUNE_FIRST,
    Q_PRUNE_ANNOUNCE,
    Q_PRUNE_SAID,
    Q_PRUNE_LOG,
    Q_PRUNE_UNSENT,
    Q_COUNT
};

static const char *const sql[Q_COUNT] = {
    [Q_FACT] = "SELECT value FROM fact WHERE key = ?1",
    [Q_SET_FACT] = "INSERT OR REPLACE INTO fact VALUES(?1, ?2)",
    [Q_HAS_SLOT] = "SELECT 1 FROM slot WHERE zone = ?1 AND minute = ?2 AND reason <> 'missed'",
    [Q_PUT_SLOT] = "INSERT INTO slot VALUES(?1, ?2, ?3, ?4, ?5)"
                   " ON CONFLICT(zone, minute) DO UPDATE SET state = ?4, reason = ?5",
    [Q_OPEN_SLOTS] =
        "SELECT zone, minute FROM slot WHERE state IN ('queued', 'playing') ORDER BY minute, zone",
    [Q_ANNOUNCE_STATE] = "SELECT state, again FROM announce WHERE zone = ?1 AND id = ?2",
    [Q_ANNOUNCE_REV] = "SELECT max(rev) FROM announce WHERE zone = ?1 AND alert = ?2",
    [Q_PUT_ANNOUNCE] = "INSERT OR REPLACE INTO announce VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, "
                       "?12, ?13, ?14, ?15)",
    [Q_MOVE_ANNOUNCE] = "UPDATE announce SET state = ?3, reason = ?4 WHERE zone = ?1 AND id = ?2",
    [Q_OPEN_ANNOUNCES] = "SELECT zone, id, alert, rev, status, level, correction, text, rhyme, repeat, "
                         "received, expires, again, state = 'held'"
                         " FROM announce WHERE state IN ('queued', 'playing', 'held') ORDER BY received, id",
    [Q_PUT_SAY] = "INSERT OR REPLACE INTO say VALUES(?1, ?2, ?3, ?4)",
    [Q_END_SAY] = "DELETE FROM say WHERE zone = ?1 AND id = ?2",
    [Q_EACH_SAY] = "SELECT zone, id, text, until FROM say ORDER BY id, zone",
    [Q_PUT_BULLETIN] = "INSERT OR REPLACE INTO bulletin VALUES(1, ?1, ?2, ?3, ?4)",
    [Q_BULLETIN] = "SELECT rev, now, received, payload FROM bulletin",
    [Q_PUT_SAID] =
        "INSERT INTO said(zone, item, text, minute, at, length, slot) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    [Q_CUT_SAID] = "DELETE FROM said WHERE item = ?1 AND at >= ?2",
    [Q_SHORTEN_SAID] = "UPDATE said SET length = ?2 - at WHERE item = ?1 AND at + length > ?2",
    [Q_EACH_SAID] =
        "SELECT text, minute, at, length, slot FROM said WHERE zone = ?1 AND at >= ?2 ORDER BY at, id",
    [Q_LOG] = "INSERT INTO log(at, zone, item, kind, state, why, detail, volume, length, sent)"
              " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 0)",
    [Q_UNSENT] = "SELECT seq, at, zone, item, kind, state, why, detail, volume, length FROM log"
                 " WHERE sent = 0 AND seq > ?1 ORDER BY seq LIMIT ?2",
    [Q_TELL_AGAIN] =
        "UPDATE log SET sent = 0 WHERE seq = (SELECT max(seq) FROM log WHERE item = ?2 AND zone = ?1)",
    [Q_MARK_SENT] = "UPDATE log SET sent = 1 WHERE seq = ?1",
    [Q_COUNT_UNSENT] = "SELECT count(*) FROM log WHERE sent = 0",
    [Q_EACH_LOG] = "SELECT seq, at, zone, item, kind, state, why, detail, volume, length FROM log"
                   " WHERE (?1 IS NULL OR zone = ?1) AND at >= ?2 AND at < ?3 ORDER BY seq DESC LIMIT ?4",
    [Q_PUT_MUTE] = "INSERT OR REPLACE INTO mute VALUES(?1, ?2, ?3, ?4, ?5, ?6)",
    [Q_END_MUTE] = "DELETE FROM mute WHERE zone = ?1",
    [Q_EACH_MUTE] = "SELECT zone, since, until, by, second, reason FROM mute ORDER BY zone",
    [Q_PUT_OVERRIDE] = "INSERT OR REPLACE INTO override VALUES(?1, ?2, ?3, ?4, ?5, ?6)",
    [Q_END_OVERRIDE] = "DELETE FROM override WHERE zone = ?1",
    [Q_EACH_OVERRIDE] = "SELECT zone, since, until, by, second, reason FROM override ORDER BY zone",
    /* Slots are kept for more than a year, so that a clock that was a year ahead repeats none. */
    [Q_PRUNE_SLOT] = "DELETE FROM slot WHERE (zone, minute) IN (SELECT zone, minute FROM slot WHERE at < ?1 "
                     "- 400 * 86400000"
                     " LIMIT ?2)",
    [Q_PRUNE_ANNOUNCE] = "DELETE FROM announce WHERE (zone, id) IN (SELECT zone, id FROM announce"
                         " WHERE received < ?1 - 30 * 86400000 AND (state NOT IN ('queued', 'playing', "
                         "'held') OR expires < ?1)"
                         " LIMIT ?2)",
    [Q_PRUNE_SAID] =
        "DELETE FROM said WHERE id IN (SELECT id FROM said WHERE at < ?1 - 30 * 86400000 LIMIT ?2)",
    [Q_PRUNE_LOG] = "DELETE FROM log WHERE seq IN (SELECT seq FROM log WHERE at < ?1 - 1100 * 86400000 ORDER "
                    "BY seq LIMIT ?2)",
    /* What nobody fetched for a week is not news any more; it stays in the log. */
    [Q_PRUNE_UNSENT] =
        "UPDATE log SET sent = 2 WHERE seq IN (SELECT seq FROM log WHERE sent = 0 AND at < ?1 - 7 * 86400000"
        " LIMIT ?2)",
};

struct book {
    struct db db;
    struct stmt q[Q_COUNT];
    enum relay_err err; /* of the first write that failed since the last commit */
    struct reason why;
};

enum relay_err book_open(const char *path, enum db_mode mode, struct book **ret, struct reason *why)
{
    struct book *b = xcalloc(1, sizeof(*b));
    enum relay_err err = db_open(&b->db, path, mode, why);
    if (err != RELAY_OK) {
        free(b);
        return err;
    }
    err = db_upgrade(&b->db, upgrades, ARRAY_LEN(upgrades), why);
    for (int i = 0; err == RELAY_OK && i < Q_COUNT; i++) err = db_prepare(&b->db, &b->q[i], sql[i], why);
    if (err != RELAY_OK) {
        book_close(b);
        return err;
    }
    *ret = b;
    return RELAY_OK;
}

struct book *book_close(struct book *b)
{
    if (!b) return NULL;
    for (int i = 0; i < Q_COUNT; i++) stmt_release(&b->q[i]);
    db_close(&b->db);
    free(b);
    return NULL;
}

struct db *book_db(struct book *b)
{
    return &b->db;
}

bool book_dirty(const struct book *b)
{
    return b->db.in_transaction || b->err != RELAY_OK;
}

enum relay_err book_commit(struct book *b, struct reason *why)
{
    if (b->err != RELAY_OK) {
        enum relay_err err = b->err;
        if (why) *why = b->why;
        db_rollback(&b->db);
        b->err = RELAY_OK;
        return err;
    }
    if (!b->db.in_transaction) return RELAY_OK;
    return db_commit(&b->db, why);
}

/* The statement, ready to bind, in an open transaction; NULL when an earlier write failed. */
static struct stmt *write_with(struct book *b, enum query q)
{
    if (b->err == RELAY_OK) b->err = db_begin(&b->db, &b->why);
    return b->err == RELAY_OK ? &b->q[q] : NULL;
}

static void run(struct book *b, struct stmt *s)
{
    b->err = stmt_run(s, &b->why);
}

/* Reading: an error ends the rows, and is the commit's to tell. */
static bool next_row(struct book *b, struct stmt *s)
{
    struct reason why;
    enum relay_err err = stmt_step(s, &why);
    if (err == RELAY_OK) return true;
    if (err != RELAY_NOT_FOUND && b->err == RELAY_OK) {
        b->err = err;
        b->why = why;
    }
    stmt_reset(s);
    return false;
}

bool book_fact(struct book *b, const char *key, int64_t *ret)
{
    struct stmt *s = &b->q[Q_FACT];
    stmt_text(s, 1, key);
    if (!next_row(b, s)) return false;
    *ret = col_int(s, 0);
    stmt_reset(s);
    return true;
}

void book_set_fact(struct book *b, const char *key, int64_t value)
{
    struct stmt *s = write_with(b, Q_SET_FACT);
    if (!s) return;
    stmt_text(s, 1, key);
    stmt_int(s, 2, value);
    run(b, s);
}

bool book_has_slot(struct book *b, const char *zone, int64_t minute)
{
    struct stmt *s = &b->q[Q_HAS_SLOT];
    stmt_text(s, 1, zone);
    stmt_int(s, 2, minute);
    bool has = next_row(b, s);
    if (has) stmt_reset(s);
    return has;
}

void book_put_slot(struct book *b, const char *zone, int64_t minute, int64_t at, const char *state,
                   const char *reason)
{
    struct stmt *s = write_with(b, Q_PUT_SLOT);
    if (!s) return;
    stmt_text(s, 1, zone);
    stmt_int(s, 2, minute);
    stmt_int(s, 3, at);
    stmt_text(s, 4, state);
    stmt_text(s, 5, reason);
    run(b, s);
}

void book_open_slots(struct book *b, void (*fn)(void *arg, const char *zone, int64_t minute), void *arg)
{
    struct stmt *s = &b->q[Q_OPEN_SLOTS];
    while (next_row(b, s)) fn(arg, col_text(s, 0), col_int(s, 1));
}

bool book_announce_state(struct book *b, const char *zone, const char *id, char ret_state[static 16],
                         int64_t *ret_again)
{
    struct stmt *s = &b->q[Q_ANNOUNCE_STATE];
    stmt_text(s, 1, zone);
    stmt_text(s, 2, id);
    if (!next_row(b, s)) return false;
    (void)snprintf(ret_state, 16, "%s", col_text(s, 0));
    *ret_again = col_int(s, 1);
    stmt_reset(s);
    return true;
}

int64_t book_announce_rev(struct book *b, const char *zone, const char *alert)
{
    struct stmt *s = &b->q[Q_ANNOUNCE_REV];
    stmt_text(s, 1, zone);
    stmt_text(s, 2, alert);
    if (!next_row(b, s)) return -1;
    int64_t rev = col_null(s, 0) ? -1 : col_int(s, 0);
    stmt_reset(s);
    return rev;
}

void book_put_announce(struct book *b, const struct announcement *a, const char *state, const char *reason)
{
    struct stmt *s = write_with(b, Q_PUT_ANNOUNCE);
    if (!s) return;
    stmt_text(s, 1, a->zone);
    stmt_text(s, 2, a->id);
    stmt_text(s, 3, a->alert);
    stmt_int(s, 4, a->rev);
    stmt_text(s, 5, cap_status_name(a->status));
    stmt_text(s, 6, level_name(a->level));
    stmt_int(s, 7, a->correction);
    stmt_text(s, 8, a->text);
    stmt_text(s, 9, a->rhyme);
    stmt_int(s, 10, a->repeat);
    stmt_int(s, 11, a->received);
    stmt_int(s, 12, a->expires);
    stmt_text(s, 13, state);
    stmt_text(s, 14, reason);
    stmt_int(s, 15, a->again);
    run(b, s);
}

void book_move_announce(struct book *b, const char *zone, const char *id, const char *state,
                        const char *reason)
{
    struct stmt *s = write_with(b, Q_MOVE_ANNOUNCE);
    if (!s) return;
    stmt_text(s, 1, zone);
    stmt_text(s, 2, id);
    stmt_text(s, 3, state);
    stmt_text(s, 4, reason);
    run(b, s);
}

void book_open_announces(struct book *b, void (*fn)(void *arg, const struct announcement *a), void *arg)
{
    struct stmt *s = &b->q[Q_OPEN_ANNOUNCES];
    while (next_row(b, s)) {
        struct announcement a = {.zone = col_text(s, 0),
                                 .id = col_text(s, 1),
                                 .alert = col_text(s, 2),
                                 .rev = col_int(s, 3),
                                 .correction = col_int(s, 6) != 0,
                                 .text = col_text(s, 7),
                                 .rhyme = col_null(s, 8) ? NULL : col_text(s, 8),
                                 .repeat = col_int(s, 9),
                                 .received = col_int(s, 10),
                                 .expires = col_int(s, 11),
                                 .again = col_int(s, 12),
                                 .held = col_int(s, 13) != 0};
        if (!cap_status_parse(col_text(s, 4), &a.status))
            a.status = STATUS_TEST; /* our own words: cannot be others */
        if (!level_parse(col_text(s, 5), &a.level)) a.level = LEVEL_BLUE;
        fn(arg, &a);
    }
}

void book_put_say(struct book *b, const char *zone, const char *id, const char *text, int64_t until)
{
    struct stmt *s = write_with(b, Q_PUT_SAY);
    if (!s) return;
    stmt_text(s, 1, zone);
    stmt_text(s, 2, id);
    stmt_text(s, 3, text);
    stmt_int(s, 4, until);
    run(b, s);
}

void book_end_say(struct book *b, const char *zone, const char *id)
{
    struct stmt *s = write_with(b, Q_END_SAY);
    if (!s) return;
    stmt_text(s, 1, zone);
    stmt_text(s, 2, id);
    run(b, s);
}

void book_each_say(struct book *b,
                   void (*fn)(void *arg, const char *zone, const char *id, const char *text, int64_t until),
                   void *arg)
{
    struct stmt *s = &b->q[Q_EACH_SAY];
    while (next_row(b, s))
        fn(arg, col_text(s, 0), col_text(s, 1), col_null(s, 2) ? NULL : col_text(s, 2), col_int(s, 3));
}

void book_put_bulletin(struct book *b, int64_t rev, int64_t now, int64_t received, const char *payload,
                       size_t n)
{
    struct stmt *s = write_with(b, Q_PUT_BULLETIN);
    if (!s) return;
    stmt_int(s, 1, rev);
    stmt_int(s, 2, now);
    stmt_int(s, 3, received);
    stmt_textn(s, 4, payload, n);
    run(b, s);
}

bool book_bulletin(struct book *b, int64_t *ret_rev, int64_t *ret_now, int64_t *ret_received,
                   char **ret_payload)
{
    struct stmt *s = &b->q[Q_BULLETIN];
    if (!next_row(b, s)) return false;
    *ret_rev = col_int(s, 0);
    *ret_now = col_int(s, 1);
    *ret_received = col_int(s, 2);
    *ret_payload = xstrdup(col_text(s, 3));
    stmt_reset(s);
    return true;
}

void book_put_said(struct book *b, const char *zone, int64_t item, uint64_t text, int64_t minute, int64_t at,
                   int64_t length_ms, bool slot)
{
    struct stmt *s = write_with(b, Q_PUT_SAID);
    if (!s) return;
    stmt_text(s, 1, zone);
    stmt_int(s, 2, item);
    stmt_int(s, 3, (int64_t)text);
    stmt_int(s, 4, minute);
    stmt_int(s, 5, at);
    stmt_int(s, 6, length_ms);
    stmt_int(s, 7, slot);
    run(b, s);
}

void book_cut_said(struct book *b, int64_t item, int64_t at)
{
    static const enum query both[] = {Q_CUT_SAID, Q_SHORTEN_SAID};
    for (size_t i = 0; i < ARRAY_LEN(both); i++) {
        struct stmt *s = write_with(b, both[i]);
        if (!s) return;
        stmt_int(s, 1, item);
        stmt_int(s, 2, at);
        run(b, s);
    }
}

void book_each_said(struct book *b, const char *zone, int64_t since,
                    void (*fn)(void *arg, uint64_t text, int64_t minute, int64_t at, int64_t length_ms,
                               bool slot),
                    void *arg)
{
    struct stmt *s = &b->q[Q_EACH_SAID];
    stmt_text(s, 1, zone);
    stmt_int(s, 2, since);
    while (next_row(b, s))
        fn(arg, (uint64_t)col_int(s, 0), col_int(s, 1), col_int(s, 2), col_int(s, 3), col_int(s, 4) != 0);
}

void book_log(struct book *b, const struct log_row *row)
{
    struct stmt *s = write_with(b, Q_LOG);
    if (!s) return;
    stmt_int(s, 1, row->at);
    stmt_text(s, 2, row->zone);
    stmt_text(s, 3, row->item);
    stmt_text(s, 4, row->kind);
    stmt_text(s, 5, row->state);
    stmt_text(s, 6, row->why);
    stmt_text(s, 7, row->detail);
    stmt_int(s, 8, row->volume);
    stmt_int(s, 9, row->length_ms);
    run(b, s);
}

static struct log_row log_row_of(struct stmt *s)
{
    return (struct log_row){.seq = col_int(s, 0),
                            .at = col_int(s, 1),
                            .zone = col_text(s, 2),
                            .item = col_text(s, 3),
                            .kind = col_text(s, 4),
                            .state = col_text(s, 5),
                            .why = col_text(s, 6),
                            .detail = col_text(s, 7),
                            .volume = col_int(s, 8),
                            .length_ms = col_int(s, 9)};
}

void book_unsent(struct book *b, int64_t after_seq, int max, void (*fn)(void *arg, const struct log_row *row),
                 void *arg)
{
    struct stmt *s = &b->q[Q_UNSENT];
    stmt_int(s, 1, after_seq);
    stmt_int(s, 2, max);
    while (next_row(b, s)) {
        struct log_row row = log_row_of(s);
        fn(arg, &row);
    }
}

void book_tell_again(struct book *b, const char *zone, const char *item)
{
    struct stmt *s = write_with(b, Q_TELL_AGAIN);
    if (!s) return;
    stmt_text(s, 1, zone);
    stmt_text(s, 2, item);
    run(b, s);
}

void book_mark_sent(struct book *b, int64_t seq)
{
    struct stmt *s = write_with(b, Q_MARK_SENT);
    if (!s) return;
    stmt_int(s, 1, seq);
    run(b, s);
}

int64_t book_count_unsent(struct book *b)
{
    struct stmt *s = &b->q[Q_COUNT_UNSENT];
    int64_t n = next_row(b, s) ? col_int(s, 0) : 0;
    stmt_reset(s);
    return n;
}

void book_each_log(struct book *b, const char *zone, int64_t from, int64_t to, int max,
                   void (*fn)(void *arg, const struct log_row *row), void *arg)
{
    struct stmt *s = &b->q[Q_EACH_LOG];
    stmt_text(s, 1, zone);
    stmt_int(s, 2, from);
    stmt_int(s, 3, to);
    stmt_int(s, 4, max);
    while (next_row(b, s)) {
        struct log_row row = log_row_of(s);
        fn(arg, &row);
    }
}

static void put_grant(struct book *b, enum query q, const struct grant *g)
{
    struct stmt *s = write_with(b, q);
    if (!s) return;
    stmt_text(s, 1, g->zone);
    stmt_int(s, 2, g->from);
    stmt_int(s, 3, g->until);
    stmt_text(s, 4, g->by);
    stmt_text(s, 5, g->second);
    stmt_text(s, 6, g->reason);
    run(b, s);
}

static void end_grant(struct book *b, enum query q, const char *zone)
{
    struct stmt *s = write_with(b, q);
    if (!s) return;
    stmt_text(s, 1, zone);
    run(b, s);
}

static void each_grant(struct book *b, enum query q, void (*fn)(void *arg, const struct grant *g), void *arg)
{
    struct stmt *s = &b->q[q];
    while (next_row(b, s)) {
        const struct grant g = {.zone = col_text(s, 0),
                                .from = col_int(s, 1),
                                .until = col_int(s, 2),
                                .by = col_text(s, 3),
                                .second = col_null(s, 4) ? NULL : col_text(s, 4),
                                .reason = col_text(s, 5)};
        fn(arg, &g);
    }
}

void book_put_mute(struct book *b, const struct grant *g)
{
    put_grant(b, Q_PUT_MUTE, g);
}

void book_end_mute(struct book *b, const char *zone)
{
    end_grant(b, Q_END_MUTE, zone);
}

void book_each_mute(struct book *b, void (*fn)(void *arg, const struct grant *g), void *arg)
{
    each_grant(b, Q_EACH_MUTE, fn, arg);
}

void book_put_override(struct book *b, const struct grant *g)
{
    put_grant(b, Q_PUT_OVERRIDE, g);
}

void book_end_override(struct book *b, const char *zone)
{
    end_grant(b, Q_END_OVERRIDE, zone);
}

void book_each_override(struct book *b, void (*fn)(void *arg, const struct grant *g), void *arg)
{
    each_grant(b, Q_EACH_OVERRIDE, fn, arg);
}

void book_prune(struct book *b, int64_t wall)
{
    for (int q = Q_PRUNE_FIRST; q < Q_COUNT; q++) {
        struct stmt *s = write_with(b, (enum query)q);
        if (!s) return;
        stmt_int(s, 1, wall);
        stmt_int(s, 2, PRUNE_ROWS);
        run(b, s);
    }
}

void book_tidy(struct book *b)
{
    bool all;
    struct reason why;
    if (!b->db.in_transaction && db_wal_pages(&b->db) > WAL_PAGES)
        (void)!db_checkpoint(&b->db, &all, &why); /* another time then: the log only grows meanwhile */
}
