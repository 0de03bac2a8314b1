/* SQLite for one writer: WAL, synchronous=FULL, no automatic checkpoint, prepared statements by place.
 * The daemon's one connection writes and checkpoints; every other opens with DB_READ_ONLY (mode=ro), which neither
 * checkpoints nor removes the WAL. (Two writers can corrupt a WAL database before SQLite 3.51.3.)
 *
 *   db_open -> db_upgrade -> db_prepare … -> { db_begin -> stmt_* -> db_commit | db_rollback } … -> stmt_release -> db_close
 *
 * After any error inside a transaction the caller rolls back: SQLite may have done so already, and then every step and the
 * commit fail until db_rollback. Errors: RELAY_FULL the disk is full, RELAY_CORRUPT damaged, RELAY_DENIED read-only,
 * RELAY_CONFLICT a constraint (a row with this key exists), RELAY_IO all else; the reason says what to do.
 * One thread a connection.
 */
#ifndef TOCSIN_IO_DB_H
#define TOCSIN_IO_DB_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

enum db_mode { DB_READ_WRITE, DB_READ_ONLY };

struct db {
    sqlite3 *handle;
    bool in_transaction;
    char path[256];
    enum db_mode mode;
    int lock_fd; /* 0 for readers */
    sqlite3_stmt *begin, *commit, *rollback;
    int64_t wal_pages; /* as of the last commit */
    int fail_after;    /* see db_fail_after; 0 once it has failed */
    int fail_code;
};

/* A corrupt or foreign file is RELAY_CORRUPT with what to do, and is never deleted or recreated.
 * DB_READ_WRITE takes an exclusive lock file beside the database: a second daemon gets RELAY_CONFLICT. */
enum relay_err db_open(struct db *db, const char *path, enum db_mode mode, struct reason *why) MUST_CHECK;
void db_close(struct db *db); /* rolls back what is open; takes a half-open db; no checkpoint */

/* upgrades[i] takes the schema from version i to i+1. One transaction a step. A version newer than n is RELAY_UNSUPPORTED;
 * for a reader an older one as well, because only the daemon upgrades. */
enum relay_err db_upgrade(struct db *db, const char *const *upgrades, int n, struct reason *why) MUST_CHECK;

enum relay_err db_begin(struct db *db,
                        struct reason *why) MUST_CHECK; /* IMMEDIATE; nothing when one is open */
enum relay_err db_commit(struct db *db, struct reason *why) MUST_CHECK; /* on failure it has rolled back */
void db_rollback(struct db *db);
enum relay_err db_exec(struct db *db, const char *sql, struct reason *why) MUST_CHECK;

int64_t db_wal_pages(struct db *db);
/* Passive; true when the whole WAL was moved. */
enum relay_err db_checkpoint(struct db *db, bool *ret_all, struct reason *why) MUST_CHECK;
/* Any thread, beside the writer. The copy is checked whole (RELAY_CORRUPT) before it takes to_path's place. */
enum relay_err db_backup(const char *from_path, const char *to_path, struct reason *why) MUST_CHECK;
int64_t db_free_bytes(const char *dir); /* of the file system; -1 when it cannot be told */

/* A statement: prepare once, then bind, step, read, reset.
 *   struct stmt q; db_prepare(db, &q, "SELECT …");
 *   stmt_int(&q, 1, id); while ((r = stmt_step(&q, &why)) == RELAY_OK) … col_int(&q, 0) …; stmt_reset(&q);
 * stmt_step: RELAY_OK a row, RELAY_NOT_FOUND no more rows (done), else an error. */
struct stmt {
    sqlite3_stmt *handle;
    struct db *db;
    int bind_error; /* the first since the last reset; stmt_step reports it */
};
enum relay_err db_prepare(struct db *db, struct stmt *s, const char *sql, struct reason *why) MUST_CHECK;
void stmt_release(struct stmt *s);
void stmt_int(struct stmt *s, int i, int64_t v);
void stmt_text(struct stmt *s, int i, const char *v); /* NULL binds NULL; copied? no: valid until reset */
void stmt_textn(struct stmt *s, int i, const char *v, size_t n);
void stmt_blob(struct stmt *s, int i, const void *v, size_t n);
void stmt_null(struct stmt *s, int i);
enum relay_err stmt_step(struct stmt *s, struct reason *why) MUST_CHECK;
enum relay_err stmt_run(struct stmt *s,
                        struct reason *why) MUST_CHECK; /* step to the end and reset: writes */
void stmt_reset(struct stmt *s);
int64_t col_int(struct stmt *s, int i);
const char *col_text(struct stmt *s, int i); /* "" for NULL; valid until the next step */
const void *col_blob(struct stmt *s, int i, size_t *ret_n);
bool col_null(struct stmt *s, int i);
int64_t db_last_id(struct db *db);
int db_changes(struct db *db);

/* For tests: the nth call from now of commit or step fails with this SQLite code, once; 0 switches off. SQLITE_FULL and
 * SQLITE_IOERR roll the transaction back, as SQLite may. */
void db_fail_after(struct db *db, int nth, int sqlite_code);

#endif
