/* The store's ground: one writer, readers beside it, and every failure a clean error with what to do. */
#include "io/db.h"

#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"

#include <cmocka.h> /* after ours: it has a macro `fail` */

static char dir[64], path[80];
static struct reason why;

static const char *const schema[] = {
    "CREATE TABLE t(id INTEGER PRIMARY KEY, name TEXT UNIQUE, data BLOB) STRICT",
    "CREATE TABLE u(x INTEGER); INSERT INTO u VALUES (1)",
};

static int in_new_folder(void **state)
{
    (void)state;
    (void)snprintf(dir, sizeof(dir), "/tmp/test-db-XXXXXX");
    if (!mkdtemp(dir)) return -1;
    (void)snprintf(path, sizeof(path), "%s/x.db", dir);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    static const char *const names[] = {"x.db",    "x.db-wal",     "x.db-shm", "x.db.lock",   "x.db-journal",
                                        "copy.db", "copy.db.part", "other.db", "copy.db-wal", "copy.db-shm"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        CLEANUP(free_ptr) char *file = xasprintf("%s/%s", dir, names[i]);
        (void)unlink(file);
    }
    return rmdir(dir);
}

static void ok(enum relay_err err)
{
    if (err) fail_msg("%s: %s", relay_err_name(err), why.text);
}

static void open_writer(struct db *db)
{
    ok(db_open(db, path, DB_READ_WRITE, &why));
    ok(db_upgrade(db, schema, 2, &why));
}

static enum relay_err insert(struct stmt *q, int64_t id, const char *name)
{
    stmt_int(q, 1, id);
    stmt_text(q, 2, name);
    stmt_null(q, 3);
    return stmt_run(q, &why);
}

static int64_t count(struct db *db)
{
    struct stmt q;
    ok(db_prepare(db, &q, "SELECT count(*) FROM t", &why));
    ok(stmt_step(&q, &why));
    int64_t n = col_int(&q, 0);
    stmt_release(&q);
    return n;
}

static int64_t pragma(struct db *db, const char *sql)
{
    struct stmt q;
    ok(db_prepare(db, &q, sql, &why));
    ok(stmt_step(&q, &why));
    int64_t n = col_int(&q, 0);
    stmt_release(&q);
    return n;
}

static void the_writer_is_durable_and_never_checkpoints_by_itself(void **state)
{
    (void)state;
    struct db db;
    open_writer(&db);
    assert_int_equal(pragma(&db, "PRAGMA synchronous"), 2);
    assert_int_equal(pragma(&db, "PRAGMA wal_autocheckpoint"), 0);
    assert_int_equal(pragma(&db, "PRAGMA mmap_size"), 0);
    assert_int_equal(pragma(&db, "PRAGMA user_version"), 2);
    assert_int_equal(pragma(&db, "PRAGMA application_id"), 0x5443534E);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07007, 0);
    db_close(&db);
    db_close(&db); /* twice is once */
}

static void values_go_in_and_come_out(void **state)
{
    (void)state;
    struct db db;
    open_writer(&db);
    struct stmt in, out;
    ok(db_prepare(&db, &in, "INSERT INTO t VALUES (?,?,?)", &why));
    ok(db_prepare(&db, &out, "SELECT id, name, data FROM t ORDER BY id", &why));
    ok(db_begin(&db, &why));
    ok(db_begin(&db, &why)); /* nothing when one is open */
    stmt_int(&in, 1, INT64_MAX);
    stmt_textn(&in, 2, "医院extra", strlen("医院"));
    stmt_blob(&in, 3, "\0\1\2", 3);
    ok(stmt_run(&in, &why));
    assert_int_equal(db_changes(&db), 1);
    assert_true(db_last_id(&db) == INT64_MAX);
    ok(insert(&in, 1, NULL));
    ok(db_commit(&db, &why));
    ok(db_commit(&db, &why)); /* nothing to commit is no error */

    ok(stmt_step(&out, &why));
    assert_int_equal(col_int(&out, 0), 1);
    assert_true(col_null(&out, 1));
    assert_string_equal(col_text(&out, 1), "");
    ok(stmt_step(&out, &why));
    assert_string_equal(col_text(&out, 1), "医院");
    size_t n = 0;
    const void *blob = col_blob(&out, 2, &n);
    assert_int_equal(n, 3);
    assert_memory_equal(blob, "\0\1\2", 3);
    assert_int_equal(stmt_step(&out, &why), RELAY_NOT_FOUND);
    stmt_reset(&out);
    stmt_release(&in);
    stmt_release(&out);
    stmt_release(&out);
    db_close(&db);
}

static void a_wrong_parameter_is_an_error_and_not_a_null(void **state)
{
    (void)state;
    struct db db;
    open_writer(&db);
    struct stmt in;
    ok(db_prepare(&db, &in, "INSERT INTO t(id) VALUES (?)", &why));
    stmt_int(&in, 1, 1);
    stmt_int(&in, 2, 1);
    assert_int_equal(stmt_run(&in, &why), RELAY_IO);
    stmt_int(&in, 1, 1);
    ok(stmt_run(&in, &why));
    assert_int_equal(stmt_run(&in, &why), RELAY_OK); /* bindings were cleared: a new NULL key */
    assert_int_equal(count(&db), 2);
    stmt_release(&in);
    assert_int_equal(db_prepare(&db, &in, "SELEKT", &why), RELAY_IO);
    stmt_release(&in);
    db_close(&db);
}

static void an_existing_key_is_a_conflict(void **state)
{
    (void)state;
    struct db db;
    open_writer(&db);
    struct stmt in;
    ok(db_prepare(&db, &in, "INSERT INTO t VALUES (?,?,?)", &why));
    ok(insert(&in, 1, "a"));
    assert_int_equal(insert(&in, 2, "a"), RELAY_CONFLICT);
    ok(insert(&in, 2, "b"));
    stmt_release(&in);
    db_close(&db);
}

static void a_second_writer_is_refused_and_a_reader_is_not(void **state)
{
    (void)state;
    struct db db, second, reader;
    open_writer(&db);
    assert_int_equal(db_open(&second, path, DB_READ_WRITE, &why), RELAY_CONFLICT);
    assert_non_null(strstr(why.text, "another tocsin"));
    db_close(&second);

    ok(db_open(&reader, path, DB_READ_ONLY, &why));
    ok(db_upgrade(&reader, schema, 2, &why));
    ok(db_begin(&db, &why));
    struct stmt in;
    ok(db_prepare(&db, &in, "INSERT INTO t VALUES (?,?,?)", &why));
    ok(insert(&in, 1, "a"));
    assert_int_equal(count(&reader), 0); /* not committed yet */
    ok(db_commit(&db, &why));
    assert_int_equal(count(&reader), 1);
    assert_int_equal(db_exec(&reader, "DELETE FROM t", &why), RELAY_DENIED);
    assert_int_equal(db_begin(&reader, &why), RELAY_IO);
    stmt_release(&in);
    db_close(&db);
    assert_int_equal(count(&reader), 1); /* the writer's close leaves the WAL */
    db_close(&reader);

    ok(db_open(&db, path, DB_READ_WRITE, &why)); /* the lock is free again */
    assert_true(db_wal_pages(&db) > 0);
    db_close(&db);
}

static void a_reader_neither_makes_nor_upgrades_a_database(void **state)
{
    (void)state;
    struct db db;
    assert_int_equal(db_open(&db, path, DB_READ_ONLY, &why), RELAY_NOT_FOUND);
    assert_int_equal(access(path, F_OK), -1);
    ok(db_open(&db, path, DB_READ_WRITE, &why));
    ok(db_upgrade(&db, schema, 1, &why));
    db_close(&db);
    ok(db_open(&db, path, DB_READ_ONLY, &why));
    assert_int_equal(db_upgrade(&db, schema, 2, &why), RELAY_UNSUPPORTED);
    db_close(&db);
}

static void schemas_go_up_step_by_step_and_a_newer_one_is_refused(void **state)
{
    (void)state;
    static const char *const broken[] = {"", "", "CREATE TABLE v(x); CREATE TABLE nonsense("};
    struct db db;
    ok(db_open(&db, path, DB_READ_WRITE, &why));
    ok(db_upgrade(&db, schema, 1, &why));
    assert_int_equal(pragma(&db, "PRAGMA user_version"), 1);
    ok(db_upgrade(&db, schema, 2, &why));
    ok(db_upgrade(&db, schema, 2, &why)); /* nothing to do */
    assert_int_equal(pragma(&db, "SELECT count(*) FROM u"), 1);
    assert_int_equal(db_upgrade(&db, schema, 1, &why), RELAY_UNSUPPORTED);
    assert_non_null(strstr(why.text, "newer tocsin (schema 2, this one knows 1)"));
    assert_int_equal(db_upgrade(&db, broken, 3, &why), RELAY_IO);
    assert_non_null(strstr(why.text, "schema 3: "));
    assert_int_equal(pragma(&db, "PRAGMA user_version"), 2);
    assert_int_equal(pragma(&db, "SELECT count(*) FROM sqlite_schema WHERE name = 'v'"), 0);
    db_close(&db);
}

static void write_file(const char *file, const char *bytes, size_t n)
{
    int fd = open(file, O_WRONLY | O_CREAT, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, n), n);
    assert_int_equal(close(fd), 0);
}

static void a_damaged_or_foreign_file_is_left_alone(void **state)
{
    (void)state;
    struct db db;
    char junk[8192];
    memset(junk, 'j', sizeof(junk));
    write_file(path, junk, sizeof(junk));
    assert_int_equal(db_open(&db, path, DB_READ_WRITE, &why), RELAY_CORRUPT);
    assert_non_null(strstr(why.text, "newest backup"));
    assert_int_equal(db_open(&db, path, DB_READ_ONLY, &why), RELAY_CORRUPT);
    char now[sizeof(junk)];
    int fd = open(path, O_RDONLY);
    assert_int_equal(read(fd, now, sizeof(now)), sizeof(now));
    (void)close(fd);
    assert_memory_equal(now, junk, sizeof(junk));
    assert_int_equal(unlink(path), 0);

    sqlite3 *other;
    assert_int_equal(sqlite3_open(path, &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "CREATE TABLE mine(x)", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(other), SQLITE_OK);
    assert_int_equal(db_open(&db, path, DB_READ_WRITE, &why), RELAY_CORRUPT);
    assert_non_null(strstr(why.text, "not a database of tocsin"));
}

static void a_damaged_page_is_found_when_it_is_read(void **state)
{
    (void)state;
    struct db db;
    open_writer(&db);
    struct stmt in;
    ok(db_prepare(&db, &in, "INSERT INTO t(data) VALUES (?)", &why));
    char bytes[3000] = "x";
    for (int i = 0; i < 50; i++) {
        stmt_blob(&in, 1, bytes, sizeof(bytes));
        ok(stmt_run(&in, &why));
    }
    stmt_release(&in);
    bool all = false;
    ok(db_checkpoint(&db, &all, &why));
    assert_true(all);
    db_close(&db);
    char junk[4096];
    memset(junk, 'j', sizeof(junk));
    int fd = open(path, O_WRONLY);
    assert_int_equal(pwrite(fd, junk, sizeof(junk), 4096L * 10), sizeof(junk));
    (void)close(fd);
    CLEANUP(free_ptr) char *wal = xasprintf("%s-wal", path); /* it still holds every page */
    assert_int_equal(unlink(wal), 0);

    CLEANUP(free_ptr) char *copy = xasprintf("%s/copy.db", dir);
    assert_int_equal(db_backup(path, copy, &why), RELAY_CORRUPT);
    assert_int_equal(access(copy, F_OK), -1); /* a bad copy never takes the place of a good one */
    ok(db_open(&db, path, DB_READ_WRITE, &why));
    struct stmt q;
    ok(db_prepare(&db, &q, "SELECT sum(length(data)) FROM t NOT INDEXED", &why));
    assert_int_equal(stmt_step(&q, &why), RELAY_CORRUPT);
    stmt_release(&q);
    db_close(&db);
}

static void a_checkpoint_empties_the_wal_unless_a_reader_needs_it(void **state)
{
    (void)state;
    struct db db, reader;
    open_writer(&db);
    struct stmt in, look;
    ok(db_prepare(&db, &in, "INSERT INTO t VALUES (?,?,?)", &why));
    ok(insert(&in, 1, "a"));
    assert_true(db_wal_pages(&db) > 0);
    bool all = false;
    ok(db_checkpoint(&db, &all, &why));
    assert_true(all);
    assert_int_equal(db_wal_pages(&db), 0);

    ok(insert(&in, 2, "b"));
    ok(db_open(&reader, path, DB_READ_ONLY, &why));
    ok(db_prepare(&reader, &look, "SELECT * FROM t", &why));
    ok(stmt_step(&look, &why)); /* holds its snapshot */
    ok(insert(&in, 3, "c"));
    ok(db_checkpoint(&db, &all, &why));
    assert_false(all);
    assert_true(db_wal_pages(&db) > 0);
    stmt_release(&look);
    ok(db_checkpoint(&db, &all, &why));
    assert_true(all);
    db_close(&reader);
    stmt_release(&in);
    db_close(&db);
}

static void a_backup_beside_the_writer_is_whole(void **state)
{
    (void)state;
    CLEANUP(free_ptr) char *copy = xasprintf("%s/copy.db", dir);
    CLEANUP(free_ptr) char *nowhere = xasprintf("%s/none/copy.db", dir);
    struct db db, other;
    open_writer(&db);
    struct stmt in;
    ok(db_prepare(&db, &in, "INSERT INTO t VALUES (?,?,?)", &why));
    for (int i = 0; i < 100; i++) ok(insert(&in, i, NULL));
    ok(db_begin(&db, &why));
    ok(insert(&in, 1000, NULL)); /* not committed: not in the copy */
    ok(db_backup(path, copy, &why));
    ok(db_backup(path, copy, &why)); /* over an older one */
    ok(db_commit(&db, &why));
    ok(db_open(&other, copy, DB_READ_ONLY, &why));
    assert_int_equal(count(&other), 100);
    db_close(&other);
    assert_int_equal(db_backup(path, nowhere, &why), RELAY_NOT_FOUND);
    assert_int_equal(db_backup(nowhere, copy, &why), RELAY_NOT_FOUND);
    stmt_release(&in);
    db_close(&db);
}

/* One piece of work: either all three rows, or an error and none. */
static enum relay_err three_rows(struct db *db, int64_t from)
{
    struct stmt in = {0};
    enum relay_err err = db_prepare(db, &in, "INSERT INTO t VALUES (?,?,?)", &why);
    if (!err) err = db_begin(db, &why);
    for (int i = 0; i < 3 && !err; i++) err = insert(&in, from + i, NULL);
    if (!err)
        err = db_commit(db, &why);
    else
        db_rollback(db);
    stmt_release(&in);
    return err;
}

static void each_failing_call_leaves_all_or_nothing(void **state)
{
    (void)state;
    static const struct {
        int code;
        enum relay_err err;
    } kinds[] = {
        {SQLITE_FULL, RELAY_FULL}, {SQLITE_IOERR_FSYNC, RELAY_IO},  {SQLITE_BUSY, RELAY_IO},
        {SQLITE_NOMEM, RELAY_IO},  {SQLITE_CORRUPT, RELAY_CORRUPT},
    };
    struct db db;
    open_writer(&db);
    int64_t expected = 0;
    for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
        int nth = 1;
        for (bool injected = true; injected; nth++) {
            db_fail_after(&db, nth, kinds[k].code);
            enum relay_err err = three_rows(&db, expected);
            injected = db.fail_after == 0;
            db_fail_after(&db, 0, 0);
            if (injected)
                assert_int_equal(err, kinds[k].err);
            else
                ok(err);
            expected += injected ? 0 : 3;
            assert_int_equal(count(&db), expected);
            assert_false(db.in_transaction);
            assert_true(sqlite3_get_autocommit(db.handle));
        }
        assert_int_equal(nth, 6); /* three inserts, the commit, and the run that met no failure */
    }
    db_close(&db);
}

static void steps_after_a_lost_transaction_fail_instead_of_committing_alone(void **state)
{
    (void)state;
    struct db db;
    open_writer(&db);
    struct stmt in;
    ok(db_prepare(&db, &in, "INSERT INTO t VALUES (?,?,?)", &why));
    ok(db_begin(&db, &why));
    ok(insert(&in, 1, NULL));
    db_fail_after(&db, 1, SQLITE_FULL);
    assert_int_equal(insert(&in, 2, NULL), RELAY_FULL);
    assert_int_equal(insert(&in, 3, NULL), RELAY_IO);
    assert_non_null(strstr(why.text, "rolled back by an earlier error"));
    assert_int_not_equal(db_commit(&db, &why), RELAY_OK);
    assert_int_equal(count(&db), 0);
    ok(insert(&in, 4, NULL));
    assert_int_equal(count(&db), 1);
    stmt_release(&in);
    db_close(&db);
}

static void a_foreign_write_lock_fails_at_once(void **state)
{
    (void)state;
    struct db db;
    open_writer(&db);
    sqlite3 *foreign;
    assert_int_equal(sqlite3_open(path, &foreign), SQLITE_OK);
    assert_int_equal(sqlite3_exec(foreign, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(db_begin(&db, &why), RELAY_IO);
    assert_non_null(strstr(why.text, "another process has locked"));
    assert_int_equal(sqlite3_exec(foreign, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
    ok(db_begin(&db, &why));
    db_rollback(&db);
    (void)sqlite3_close(foreign);
    db_close(&db);
}

static void a_folder_that_is_missing_is_named_with_its_option(void **state)
{
    (void)state;
    struct db db;
    assert_int_equal(db_open(&db, "/nonexistent/x.db", DB_READ_WRITE, &why), RELAY_NOT_FOUND);
    assert_non_null(strstr(why.text, "relay.state_dir"));
    char longer[400];
    memset(longer, 'x', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = '\0';
    assert_int_equal(db_open(&db, longer, DB_READ_WRITE, &why), RELAY_LIMIT);
    assert_true(db_free_bytes(dir) > 0);
    assert_int_equal(db_free_bytes("/nonexistent"), -1);
}

/* In a mount namespace of its own, which goes with the process. Exit 77: not possible here. */
static int on_a_full_disk(void)
{
    if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
        mount("tmpfs", dir, "tmpfs", 0, "size=1m"))
        return 77;
    struct db db;
    struct stmt in;
    char bytes[3000] = "x";
    if (db_open(&db, path, DB_READ_WRITE, &why) || db_upgrade(&db, schema, 2, &why)) return 1;
    if (db_prepare(&db, &in, "INSERT INTO t(data) VALUES (?)", &why)) return 2;
    int64_t stored = 0;
    enum relay_err err = RELAY_OK;
    for (int i = 0; i < 1000 && !err; i++) {
        if (db_begin(&db, &why)) return 3;
        stmt_blob(&in, 1, bytes, sizeof(bytes));
        err = stmt_run(&in, &why);
        if (!err)
            err = db_commit(&db, &why);
        else
            db_rollback(&db);
        if (!err) stored++;
    }
    if (err != RELAY_FULL || !strstr(why.text, "no room on the disk")) return 4;
    if (count(&db) != stored) return 5;
    CLEANUP(free_ptr) char *copy = xasprintf("%s/copy.db", dir);
    if (db_backup(path, copy, &why) != RELAY_FULL) return 6;
    if (mount("tmpfs", dir, "tmpfs", MS_REMOUNT, "size=8m")) return 7; /* room again: it goes on */
    stmt_blob(&in, 1, bytes, sizeof(bytes));
    if (stmt_run(&in, &why) || count(&db) != stored + 1) return 8;
    stmt_release(&in);

    if (mount("tmpfs", dir, "tmpfs", MS_REMOUNT | MS_RDONLY,
              "size=8m")) { /* busy: files are open for writing */
        db_close(&db);
        if (mount("tmpfs", dir, "tmpfs", MS_REMOUNT | MS_RDONLY, "size=8m")) return 9;
    }
    if (db_open(&db, path, DB_READ_WRITE, &why) != RELAY_DENIED) return 10;
    return 0;
}

static void a_full_disk_loses_nothing_and_a_read_only_one_is_named(void **state)
{
    (void)state;
    if (geteuid() != 0) {
        print_message("skipped: a small tmpfs needs root\n");
        skip();
    }
    pid_t child = fork();
    assert_true(child >= 0);
    if (!child) _exit(on_a_full_disk());
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == 77) {
        print_message("skipped: this system allows no mounts\n");
        skip();
    }
    assert_int_equal(WEXITSTATUS(status), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, in_new_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_writer_is_durable_and_never_checkpoints_by_itself),
        TEST(values_go_in_and_come_out),
        TEST(a_wrong_parameter_is_an_error_and_not_a_null),
        TEST(an_existing_key_is_a_conflict),
        TEST(a_second_writer_is_refused_and_a_reader_is_not),
        TEST(a_reader_neither_makes_nor_upgrades_a_database),
        TEST(schemas_go_up_step_by_step_and_a_newer_one_is_refused),
        TEST(a_damaged_or_foreign_file_is_left_alone),
        TEST(a_damaged_page_is_found_when_it_is_read),
        TEST(a_checkpoint_empties_the_wal_unless_a_reader_needs_it),
        TEST(a_backup_beside_the_writer_is_whole),
        TEST(each_failing_call_leaves_all_or_nothing),
        TEST(steps_after_a_lost_transaction_fail_instead_of_committing_alone),
        TEST(a_foreign_write_lock_fails_at_once),
        TEST(a_folder_that_is_missing_is_named_with_its_option),
        TEST(a_full_disk_loses_nothing_and_a_read_only_one_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
