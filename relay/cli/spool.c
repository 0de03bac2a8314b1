/* The spool of `tocsin feed push`. */
#include "cli/spool.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/i18n.h"
#include "base/mem.h"

enum { CHECKPOINT_PAGES = 4000 };

static const char *const upgrades[] = {
    "CREATE TABLE line(n INTEGER PRIMARY KEY AUTOINCREMENT, event_id TEXT NOT NULL, seq INTEGER NOT NULL,"
    " bytes BLOB NOT NULL) STRICT",
};

/* mkdir -p, for the owner only. */
static enum relay_err make_dirs(const char *dir, struct reason *why)
{
    CLEANUP(free_ptr) char *path = xstrdup(dir);
    for (char *p = path + 1;; p++) {
        if (*p != '/' && *p != '\0') continue;
        char was = *p;
        *p = '\0';
        if (mkdir(path, 0700) != 0 && errno != EEXIST)
            return fail(why, RELAY_IO, _("cannot make the spool folder %s: %s; choose one with --spool"),
                        path, strerror(errno));
        *p = was;
        if (was == '\0') return RELAY_OK;
    }
}

static enum relay_err count(struct spool *s, struct reason *why)
{
    struct stmt q = {0};
    enum relay_err err = db_prepare(&s->db, &q, "SELECT count(*) FROM line", why);
    if (!err) err = stmt_step(&q, why);
    if (!err) s->waiting = col_int(&q, 0);
    stmt_release(&q);
    return err;
}

enum relay_err spool_open(struct spool *s, const char *dir, const char *feed, struct reason *why)
{
    *s = (struct spool){.waiting = -1};
    enum relay_err err = make_dirs(dir, why);
    if (err) return err;
    CLEANUP(free_ptr) char *path = xasprintf("%s/%s.spool", dir, feed);
    mode_t before = umask(077);
    err = db_open(&s->db, path, DB_READ_WRITE, why);
    if (!err) err = db_upgrade(&s->db, upgrades, ARRAY_LEN(upgrades), why);
    umask(before);
    if (!err)
        err = db_prepare(&s->db, &s->add, "INSERT INTO line(event_id, seq, bytes) VALUES(?1, ?2, ?3)", why);
    if (!err)
        err = db_prepare(&s->db, &s->next,
                         "SELECT n, event_id, seq, bytes FROM line WHERE n > ?1 ORDER BY n LIMIT 1", why);
    if (!err) err = db_prepare(&s->db, &s->done, "DELETE FROM line WHERE n = ?1", why);
    if (!err) err = count(s, why);
    if (err) {
        spool_close(s);
        return fail_in(why, err, "%s", _("spool"));
    }
    return RELAY_OK;
}

void spool_close(struct spool *s)
{
    bool empty = s->waiting == 0;
    stmt_release(&s->add);
    stmt_release(&s->next);
    stmt_release(&s->done);
    if (empty) {
        /* Nothing of anybody's stays on the disk. The lock is still held, so nobody has opened it meanwhile; its own file
         * stays, because removing it would let two in. */
        static const char *const parts[] = {"", "-wal", "-shm"};
        for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
            char path[sizeof(s->db.path) + 8];
            (void)snprintf(path, sizeof(path), "%s%s", s->db.path, parts[i]);
            (void)unlink(path); /* a file that stays is used by the next push */
        }
    }
    db_close(&s->db);
    *s = (struct spool){0};
}

enum relay_err spool_add(struct spool *s, const struct spool_line *line, struct reason *why)
{
    enum relay_err err = db_begin(&s->db, why);
    if (err) return err;
    stmt_text(&s->add, 1, line->event_id);
    stmt_int(&s->add, 2, line->seq);
    stmt_blob(&s->add, 3, line->bytes, line->len);
    err = stmt_run(&s->add, why);
    if (!err) s->waiting++;
    return err;
}

enum relay_err spool_done(struct spool *s, int64_t n, struct reason *why)
{
    enum relay_err err = db_begin(&s->db, why);
    if (err) return err;
    stmt_int(&s->done, 1, n);
    err = stmt_run(&s->done, why);
    if (!err) s->waiting -= db_changes(&s->db);
    return err;
}

enum relay_err spool_commit(struct spool *s, struct reason *why)
{
    if (!s->db.in_transaction) return RELAY_OK;
    enum relay_err err = db_commit(&s->db, why);
    bool all;
    if (!err && db_wal_pages(&s->db) > CHECKPOINT_PAGES) err = db_checkpoint(&s->db, &all, why);
    return err;
}

void spool_line_release(struct spool_line *line)
{
    free((void *)(uintptr_t)line->event_id); /* copies of spool_next */
    free((void *)(uintptr_t)line->bytes);
    *line = (struct spool_line){0};
}

enum relay_err spool_next(struct spool *s, int64_t n, struct spool_line *ret, struct reason *why)
{
    stmt_int(&s->next, 1, n);
    enum relay_err err = stmt_step(&s->next, why);
    if (!err) {
        size_t len;
        const char *bytes = col_blob(&s->next, 3, &len);
        *ret = (struct spool_line){.n = col_int(&s->next, 0),
                                   .event_id = xstrdup(col_text(&s->next, 1)),
                                   .seq = col_int(&s->next, 2),
                                   .bytes = xstrndup(bytes, len),
                                   .len = len};
    }
    stmt_reset(&s->next);
    return err;
}
