/* SQLite, set up for one durable writer, with errors that say what to do. */
#include "io/db.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/i18n.h"
#include "base/mem.h"

enum {
    APPLICATION_ID =
        0x5443534E, /* "TCSN" in the file's header: the database of another program is never touched */
    WRITER_CACHE_KIB = 32 * 1024,
    READER_CACHE_KIB = 2 * 1024,
    WAL_KEPT_BYTES =
        64 * 1024 * 1024, /* a WAL that a burst made larger shrinks to this when it starts again */
    WAL_HEADER = 32,
    WAL_FRAME_HEADER = 24,
    OPEN_WAIT_MS = 5000, /* somebody else may be recovering the WAL after a power cut */
};

/* --- errors --- */

static enum relay_err corrupt(const char *path, const char *detail, struct reason *why)
{
    return fail(
        why, RELAY_CORRUPT,
        _("%s: the database is damaged (%s). Nothing was changed. Stop tocsin, copy the file and its -wal "
          "away, then put the newest backup in its place"),
        path, detail);
}

static enum relay_err full(const char *path, struct reason *why)
{
    return fail(why, RELAY_FULL,
                _("%s: no room on the disk: free some space there. Nothing that was accepted is lost"), path);
}

/* What a SQLite code means to the relay; system_errno is what the system said, where it is known. */
static enum relay_err explain(const char *path, int code, int system_errno, const char *message,
                              struct reason *why)
{
    switch (code & 0xFF) {
    case SQLITE_FULL: return full(path, why);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: return corrupt(path, message, why);
    case SQLITE_CONSTRAINT: return fail(why, RELAY_CONFLICT, "%s: %s", path, message);
    case SQLITE_TOOBIG: return fail(why, RELAY_LIMIT, "%s: %s", path, message);
    case SQLITE_READONLY:
        return fail(why, RELAY_DENIED,
                    _("%s: cannot be written: check the owner and mode of the folder and its files, and that "
                      "the file "
                      "system is not mounted read-only"),
                    path);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return fail(why, RELAY_IO,
                    _("%s: another process has locked the database: close every program that has it open for "
                      "writing"),
                    path);
    case SQLITE_PERM:
    case SQLITE_CANTOPEN:
        if (system_errno == EACCES || system_errno == EPERM || system_errno == EROFS)
            return fail(why, RELAY_DENIED, _("%s: may not be opened by this user"), path);
        if (system_errno == ENOENT) return fail(why, RELAY_NOT_FOUND, _("%s: no such file"), path);
        break;
    case SQLITE_IOERR:
        if (system_errno == ENOSPC || system_errno == EDQUOT) return full(path, why);
        return fail(why, RELAY_IO,
                    _("%s: the disk refused to read or write (%s): check cable, disk and system log"), path,
                    system_errno ? strerror(system_errno) : message);
    default: break;
    }
    return fail(why, RELAY_IO, "%s: %s (%d)", path, message, code);
}

static enum relay_err db_error(const struct db *db, int code, struct reason *why)
{
    /* The handle's message belongs to its last failed call; for an injected code there was none. */
    const char *message =
        sqlite3_errcode(db->handle) == (code & 0xFF) || sqlite3_extended_errcode(db->handle) == code
            ? sqlite3_errmsg(db->handle)
            : sqlite3_errstr(code);
    return explain(db->path, code, sqlite3_system_errno(db->handle), message, why);
}

void db_fail_after(struct db *db, int nth, int sqlite_code)
{
    db->fail_after = nth;
    db->fail_code = sqlite_code;
}

/* SQLITE_OK, or the code that a test wants this call to fail with. */
static int injected(struct db *db)
{
    if (!db->fail_after || --db->fail_after) return SQLITE_OK;
    int primary = db->fail_code & 0xFF;
    if ((primary == SQLITE_FULL || primary == SQLITE_IOERR) && !sqlite3_get_autocommit(db->handle))
        (void)sqlite3_exec(db->handle, "ROLLBACK", NULL, NULL, NULL); /* what SQLite may do in this case */
    return db->fail_code;
}

/* --- opening and closing --- */

/* Never 0, 1 or 2, so that 0 can stand for none. Mode 0640: the store holds masked texts, which are nobody else's business. */
static int open_file(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
    if (fd < 0 || fd > 2) return fd;
    int higher = fcntl(fd, F_DUPFD_CLOEXEC, 3), saved = errno;
    (void)close(fd); /* nothing was written to it */
    errno = saved;
    return higher;
}

/* The lock that keeps a second daemon out. It is not the database's own: that must stay open to readers. */
static enum relay_err take_lock(struct db *db, struct reason *why)
{
    CLEANUP(free_ptr) char *path = xasprintf("%s.lock", db->path);
    int fd = open_file(path);
    if (fd < 0) {
        if (errno == ENOENT) {
            return fail(why, RELAY_NOT_FOUND, _("%s: its folder does not exist: create it (relay.state_dir)"),
                        db->path);
        }
        if (errno == ENOSPC || errno == EDQUOT) return full(path, why);
        return explain(db->path, errno == EACCES || errno == EROFS ? SQLITE_READONLY : SQLITE_CANTOPEN, errno,
                       strerror(errno), why);
    }
    if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
        db->lock_fd = fd;
        return RELAY_OK;
    }
    enum relay_err err =
        errno == EWOULDBLOCK
            ? fail(why, RELAY_CONFLICT, _("%s: another tocsin is running with this folder: stop it first"),
                   db->path)
            : fail(why, RELAY_IO, "%s: %s", path, strerror(errno));
    (void)close(fd); /* nothing was written to it */
    return err;
}

static int count_wal_pages(void *arg, sqlite3 *handle, const char *name, int pages)
{
    (void)handle;
    (void)name;
    ((struct db *)arg)->wal_pages = pages;
    return SQLITE_OK;
}

enum relay_err db_exec(struct db *db, const char *sql, struct reason *why)
{
    int code = sqlite3_exec(db->handle, sql, NULL, NULL, NULL);
    return code == SQLITE_OK ? RELAY_OK : db_error(db, code, why);
}

/* A PRAGMA's single number. */
static enum relay_err read_int(struct db *db, const char *sql, int64_t *ret, struct reason *why)
{
    struct stmt q;
    enum relay_err err = db_prepare(db, &q, sql, why);
    if (err) return err;
    err = stmt_step(&q, why);
    if (!err) *ret = col_int(&q, 0);
    stmt_release(&q);
    return err;
}

/* Ours, or new, or somebody else's. Nothing is written before this is known. */
static enum relay_err check_owner(struct db *db, struct reason *why)
{
    int64_t pages = 0, id = 0;
    enum relay_err err = read_int(db, "PRAGMA page_count", &pages, why);
    if (!err) err = read_int(db, "PRAGMA application_id", &id, why);
    if (err) return err;
    if (pages && id != APPLICATION_ID) {
        return fail(why, RELAY_CORRUPT,
                    _("%s: this is not a database of tocsin: name another folder (relay.state_dir), or move "
                      "the file"),
                    db->path);
    }
    if (pages) return RELAY_OK;
    if (db->mode == DB_READ_ONLY)
        return fail(why, RELAY_NOT_FOUND, _("%s: is empty: start the relay first"), db->path);
    char sql[64];
    (void)snprintf(sql, sizeof(sql), "PRAGMA application_id = %d", APPLICATION_ID);
    return db_exec(db, sql, why);
}

/* The WAL stays at close, so that a reader who may not write in the folder always finds it. */
static enum relay_err set_up_writer(struct db *db, struct reason *why)
{
    struct stmt q;
    enum relay_err err = db_prepare(db, &q, "PRAGMA journal_mode = WAL", why);
    if (err) return err;
    err = stmt_step(&q, why);
    if (!err && strcmp(col_text(&q, 0), "wal") != 0) {
        err = fail(
            why, RELAY_UNSUPPORTED,
            _("%s: this file system cannot hold a write-ahead log: use a local disk for relay.state_dir"),
            db->path);
    }
    stmt_release(&q);
    int keep = 1;
    if (!err) err = db_exec(db, "PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0", why);
    if (!err)
        (void)sqlite3_file_control(db->handle, "main", SQLITE_FCNTL_PERSIST_WAL, &keep); /* comfort only */
    if (!err) {
        char sql[64];
        (void)snprintf(sql, sizeof(sql), "PRAGMA journal_size_limit = %d", WAL_KEPT_BYTES);
        err = db_exec(db, sql, why);
    }
    if (err) return err;

    CLEANUP(free_ptr) char *wal = xasprintf("%s-wal", db->path);
    struct stat st;
    if (stat(wal, &st) == 0 && st.st_size > WAL_HEADER) {
        int64_t page = 4096;
        err = read_int(db, "PRAGMA page_size", &page, why);
        if (!err) db->wal_pages = (st.st_size - WAL_HEADER) / (page + WAL_FRAME_HEADER);
    }
    (void)sqlite3_wal_hook(db->handle, count_wal_pages, db); /* returns the earlier hook's argument: none */
    return err;
}

static enum relay_err open_handle(struct db *db, struct reason *why)
{
    int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE | SQLITE_OPEN_EXRESCODE;
    flags |= db->mode == DB_READ_WRITE ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY;
    int code = sqlite3_open_v2(db->path, &db->handle, flags, NULL);
    if (!db->handle) return fail(why, RELAY_IO, _("%s: out of memory"), db->path);
    if (code) return db_error(db, code, why);

    (void)sqlite3_busy_timeout(db->handle, OPEN_WAIT_MS);
    (void)sqlite3_db_config(db->handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    (void)sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    char sql[160];
    (void)snprintf(sql, sizeof(sql),
                   "PRAGMA trusted_schema = OFF; PRAGMA mmap_size = 0; PRAGMA temp_store = MEMORY;"
                   "PRAGMA cell_size_check = ON; PRAGMA cache_size = -%d",
                   db->mode == DB_READ_WRITE ? WRITER_CACHE_KIB : READER_CACHE_KIB);
    enum relay_err err = db_exec(db, sql, why);
    if (!err) err = check_owner(db, why);
    if (!err && db->mode == DB_READ_WRITE) err = set_up_writer(db, why);
    if (err) return err;
    if (db->mode == DB_READ_ONLY) return RELAY_OK;

    /* Nobody else writes, so nobody is worth waiting for: a foreign lock is a failed commit, and intake stops. */
    (void)sqlite3_busy_timeout(db->handle, 0);
    if (sqlite3_prepare_v3(db->handle, "BEGIN IMMEDIATE", -1, SQLITE_PREPARE_PERSISTENT, &db->begin, NULL) ||
        sqlite3_prepare_v3(db->handle, "COMMIT", -1, SQLITE_PREPARE_PERSISTENT, &db->commit, NULL) ||
        sqlite3_prepare_v3(db->handle, "ROLLBACK", -1, SQLITE_PREPARE_PERSISTENT, &db->rollback, NULL))
        return db_error(db, sqlite3_extended_errcode(db->handle), why);
    return RELAY_OK;
}

/* Made by us and not by SQLite, for its mode. */
static enum relay_err create_file(const char *path, struct reason *why)
{
    int fd = open_file(path);
    if (fd >= 0) {
        (void)close(fd); /* nothing was written to it */
        return RELAY_OK;
    }
    if (errno == ENOSPC || errno == EDQUOT) return full(path, why);
    return explain(path, errno == EACCES || errno == EROFS ? SQLITE_READONLY : SQLITE_CANTOPEN, errno,
                   strerror(errno), why);
}

enum relay_err db_open(struct db *db, const char *path, enum db_mode mode, struct reason *why)
{
    *db = (struct db){.mode = mode};
    if (strlen(path) >= sizeof(db->path) - strlen("-journal"))
        return fail(why, RELAY_LIMIT, _("%s: the path is too long"), path);
    (void)snprintf(db->path, sizeof(db->path), "%s", path);
    enum relay_err err = RELAY_OK;
    if (mode == DB_READ_WRITE) err = take_lock(db, why);
    if (!err && mode == DB_READ_WRITE) err = create_file(path, why);
    if (!err) err = open_handle(db, why);
    if (err) db_close(db);
    return err;
}

void db_close(struct db *db)
{
    if (db->handle) {
        db_rollback(db);
        (void)sqlite3_finalize(db->begin);
        (void)sqlite3_finalize(db->commit);
        (void)sqlite3_finalize(db->rollback);
        (void)sqlite3_close_v2(db->handle); /* waits for statements that are released later */
    }
    if (db->lock_fd) (void)close(db->lock_fd); /* gives the lock back */
    *db = (struct db){0};
}

enum relay_err db_upgrade(struct db *db, const char *const *upgrades, int n, struct reason *why)
{
    int64_t version = 0;
    enum relay_err err = read_int(db, "PRAGMA user_version", &version, why);
    if (err) return err;
    if (version > n) {
        return fail(
            why, RELAY_UNSUPPORTED,
            _("%s: written by a newer tocsin (schema %lld, this one knows %d): install that version again"),
            db->path, (long long)version, n);
    }
    if (version < n && db->mode == DB_READ_ONLY) {
        return fail(why, RELAY_UNSUPPORTED, _("%s: has an older schema: start the relay once, it upgrades"),
                    db->path);
    }
    for (int64_t i = version; i < n && !err; i++) {
        char sql[64];
        (void)snprintf(sql, sizeof(sql), "PRAGMA user_version = %lld", (long long)i + 1);
        err = db_begin(db, why);
        if (!err) err = db_exec(db, upgrades[i], why);
        if (!err) err = db_exec(db, sql, why);
        if (!err)
            err = db_commit(db, why);
        else
            db_rollback(db);
        if (err) err = fail_in(why, err, _("schema %lld"), (long long)i + 1);
    }
    return err;
}

/* --- transactions --- */

static int run_once(sqlite3_stmt *s)
{
    int code = sqlite3_step(s);
    (void)sqlite3_reset(s); /* says the same again */
    return code == SQLITE_DONE ? SQLITE_OK : code;
}

enum relay_err db_begin(struct db *db, struct reason *why)
{
    if (db->in_transaction) return RELAY_OK;
    int code = run_once(db->begin);
    if (code) return db_error(db, code, why);
    db->in_transaction = true;
    return RELAY_OK;
}

enum relay_err db_commit(struct db *db, struct reason *why)
{
    if (!db->in_transaction) return RELAY_OK;
    int code = injected(db);
    if (!code) code = run_once(db->commit);
    if (!code) {
        db->in_transaction = false;
        return RELAY_OK;
    }
    enum relay_err err = db_error(db, code, why);
    db_rollback(db);
    return err;
}

void db_rollback(struct db *db)
{
    db->in_transaction = false;
    if (!db->handle || sqlite3_get_autocommit(db->handle)) return; /* SQLite has done it already */
    if (db->rollback) (void)run_once(db->rollback); /* cannot fail but by having nothing to roll back */
}

/* --- WAL, copies, room --- */

int64_t db_wal_pages(struct db *db)
{
    return db->wal_pages;
}

enum relay_err db_checkpoint(struct db *db, bool *ret_all, struct reason *why)
{
    int in_wal = 0, moved = 0;
    int code = sqlite3_wal_checkpoint_v2(db->handle, "main", SQLITE_CHECKPOINT_PASSIVE, &in_wal, &moved);
    if (code) return db_error(db, code, why);
    bool all = in_wal == moved;
    db->wal_pages = all ? 0 : in_wal;
    if (ret_all) *ret_all = all;
    return RELAY_OK;
}

int64_t db_free_bytes(const char *dir)
{
    struct statvfs st;
    if (statvfs(dir, &st) < 0) return -1;
    return (int64_t)st.f_bavail * (int64_t)st.f_frsize;
}

/* One read transaction over the whole copy: the writer goes on beside it, and only the WAL grows meanwhile. */
static enum relay_err copy_pages(sqlite3 *to, struct db *from, const char *to_path, struct reason *why)
{
    sqlite3_backup *copy = sqlite3_backup_init(to, "main", from->handle, "main");
    if (!copy)
        return explain(to_path, sqlite3_extended_errcode(to), sqlite3_system_errno(to), sqlite3_errmsg(to),
                       why);
    int code = sqlite3_backup_step(copy, -1);
    (void)sqlite3_backup_finish(copy); /* repeats the code of the step */
    if (code == SQLITE_DONE) return RELAY_OK;
    bool reading = sqlite3_extended_errcode(from->handle) == code;
    sqlite3 *at = reading ? from->handle : to;
    return explain(reading ? from->path : to_path, code, sqlite3_system_errno(at), sqlite3_errstr(code), why);
}

static enum relay_err check_copy(sqlite3 *to, const char *path, struct reason *why)
{
    sqlite3_stmt *s = NULL;
    int code = sqlite3_prepare_v2(to, "PRAGMA integrity_check(1)", -1, &s, NULL);
    if (!code) code = sqlite3_step(s);
    enum relay_err err = RELAY_OK;
    if (code != SQLITE_ROW) {
        err = explain(path, code, sqlite3_system_errno(to), sqlite3_errmsg(to), why);
    } else {
        const char *said = (const char *)sqlite3_column_text(s, 0);
        if (!said || strcmp(said, "ok") != 0) err = corrupt(path, said ? said : "?", why);
    }
    (void)sqlite3_finalize(s);
    return err;
}

/* Renames the finished copy into place, and makes the name durable too. */
static enum relay_err put_in_place(const char *part, const char *path, struct reason *why)
{
    if (rename(part, path) < 0) return fail(why, RELAY_IO, "%s: %s", path, strerror(errno));
    const char *slash = strrchr(path, '/');
    CLEANUP(free_ptr) char *dir = slash ? xstrndup(path, (size_t)(slash - path) + 1) : xstrdup(".");
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int failed = fd < 0 || fsync(fd) < 0;
    int saved = errno;
    if (fd >= 0) (void)close(fd); /* only read from */
    return failed ? fail(why, RELAY_IO, "%s: %s", dir, strerror(saved)) : RELAY_OK;
}

enum relay_err db_backup(const char *from_path, const char *to_path, struct reason *why)
{
    struct db from;
    enum relay_err err = db_open(&from, from_path, DB_READ_ONLY, why);
    if (err) return err;
    CLEANUP(free_ptr) char *part = xasprintf("%s.part", to_path);
    (void)unlink(part); /* what an interrupted backup left; usually there is none */
    err = create_file(part, why);
    sqlite3 *to = NULL;
    if (!err) {
        int flags =
            SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE | SQLITE_OPEN_EXRESCODE;
        int code = sqlite3_open_v2(part, &to, flags, NULL);
        if (code) err = explain(part, code, to ? sqlite3_system_errno(to) : 0, sqlite3_errstr(code), why);
    }
    if (!err) err = copy_pages(to, &from, part, why);
    if (!err) err = check_copy(to, part, why);
    if (!err) { /* one file, without a WAL beside it */
        int code = sqlite3_exec(to, "PRAGMA journal_mode = DELETE", NULL, NULL, NULL);
        if (code) err = explain(part, code, sqlite3_system_errno(to), sqlite3_errmsg(to), why);
    }
    (void)sqlite3_close(to); /* every statement is finalized */
    db_close(&from);
    if (!err) err = put_in_place(part, to_path, why);
    if (err) (void)unlink(part); /* perhaps it was never made */
    return err;
}

/* --- statements --- */

enum relay_err db_prepare(struct db *db, struct stmt *s, const char *sql, struct reason *why)
{
    *s = (struct stmt){.db = db};
    int code = sqlite3_prepare_v3(db->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &s->handle, NULL);
    return code == SQLITE_OK ? RELAY_OK : db_error(db, code, why);
}

void stmt_release(struct stmt *s)
{
    (void)sqlite3_finalize(s->handle); /* repeats the last step's code */
    *s = (struct stmt){0};
}

static void bound(struct stmt *s, int code)
{
    if (code && !s->bind_error) s->bind_error = code;
}

void stmt_int(struct stmt *s, int i, int64_t v)
{
    bound(s, sqlite3_bind_int64(s->handle, i, v));
}

void stmt_text(struct stmt *s, int i, const char *v)
{
    bound(s, sqlite3_bind_text(s->handle, i, v, -1, SQLITE_STATIC));
}

void stmt_textn(struct stmt *s, int i, const char *v, size_t n)
{
    bound(s, sqlite3_bind_text64(s->handle, i, v, n, SQLITE_STATIC, SQLITE_UTF8));
}

void stmt_blob(struct stmt *s, int i, const void *v, size_t n)
{
    bound(s, sqlite3_bind_blob64(s->handle, i, v, n, SQLITE_STATIC));
}

void stmt_null(struct stmt *s, int i)
{
    bound(s, sqlite3_bind_null(s->handle, i));
}

enum relay_err stmt_step(struct stmt *s, struct reason *why)
{
    struct db *db = s->db;
    int code = s->bind_error ? s->bind_error : injected(db);
    if (!code && db->in_transaction && sqlite3_get_autocommit(db->handle)) {
        /* Without this, what follows would be committed by itself, piece by piece. */
        return fail(why, RELAY_IO, _("%s: the transaction was rolled back by an earlier error"), db->path);
    }
    if (!code) code = sqlite3_step(s->handle);
    if (code == SQLITE_ROW) return RELAY_OK;
    if (code == SQLITE_DONE) return RELAY_NOT_FOUND;
    enum relay_err err = db_error(db, code, why);
    stmt_reset(s);
    return err;
}

enum relay_err stmt_run(struct stmt *s, struct reason *why)
{
    enum relay_err err;
    do {
        err = stmt_step(s, why);
    } while (err == RELAY_OK);
    stmt_reset(s);
    return err == RELAY_NOT_FOUND ? RELAY_OK : err;
}

void stmt_reset(struct stmt *s)
{
    (void)sqlite3_reset(s->handle);          /* repeats the last step's code */
    (void)sqlite3_clear_bindings(s->handle); /* they point into memory that the caller may free now */
    s->bind_error = SQLITE_OK;
}

int64_t col_int(struct stmt *s, int i)
{
    return sqlite3_column_int64(s->handle, i);
}

const char *col_text(struct stmt *s, int i)
{
    const char *text = (const char *)sqlite3_column_text(s->handle, i);
    return text ? text : "";
}

const void *col_blob(struct stmt *s, int i, size_t *ret_n)
{
    const void *p = sqlite3_column_blob(s->handle, i);
    *ret_n = (size_t)sqlite3_column_bytes(s->handle, i);
    return p;
}

bool col_null(struct stmt *s, int i)
{
    return sqlite3_column_type(s->handle, i) == SQLITE_NULL;
}

int64_t db_last_id(struct db *db)
{
    return sqlite3_last_insert_rowid(db->handle);
}

int db_changes(struct db *db)
{
    return sqlite3_changes(db->handle);
}
