/* No statement of the daemon walks a table that grows: one turn must not wait for two million keys. */
#include <sqlite3.h>

#include "store_internal.h"
#include "unit.h"

/* Walked on purpose, or of few rows, and why. Everything else must find its rows by a whole key. */
static const struct {
    enum statement which;
    const char *why;
} may_walk[] = {
    {Q_RESUME, "once, at the start"},
    {Q_CLAMP, "only what has a due time, after a step of the clock"},
    {Q_TARGETS_WAITING, "targets are few"},
    {Q_PRUNE_EVENTS, "the oldest rows, LIMIT"},
    {Q_PRUNE_OTHER, "the oldest rows, LIMIT"},
    {Q_OTHER_SIZE, "first, last and the newest 200 rows"},
    {Q_PRUNE_REFUSALS, "the oldest rows, LIMIT"},
    {Q_PRUNE_WINDOWS, "once an hour; windows are few"},
    {Q_PRUNE_ALERTS, "from the oldest alert on, LIMIT 1"},
    {Q_PRUNE_ACTIONS, "the oldest rows, LIMIT"},
    {Q_PRUNE_SILENCES, "once an hour; people make them by hand"},
    {Q_PRUNE_DRILLS, "once an hour; people make them by hand"},
    {Q_PRUNE_SPOKEN, "once an hour; three a site and day"},
    {Q_SILENCES, "persons make silences"},
    {Q_RULES, "persons install rules"},
    {Q_DRILL_OPEN, "persons make drills"},
};

static bool allowed(enum statement which)
{
    for (size_t i = 0; i < COUNT(may_walk); i++)
        if (may_walk[i].which == which) return true;
    return false;
}

static sqlite3 *with_schema(void)
{
    sqlite3 *db = NULL;
    assert_int_equal(SQLITE_OK, sqlite3_open(":memory:", &db));
    for (size_t i = 0; store_schema[i]; i++)
        assert_int_equal(SQLITE_OK, sqlite3_exec(db, store_schema[i], NULL, NULL, NULL));
    return db;
}

/* A step of SQLite's plan that reads more rows than asked for: a scan, or a seek by the feed alone. */
static bool walks(const char *step)
{
    if (strncmp(step, "SCAN ", 5) == 0)
        return !strstr(step, "CONSTANT ROW") && !strstr(step, "(subquery") && strcmp(step, "SCAN c") != 0;
    return strstr(step, "event_key") && strstr(step, "(feed=?)");
}

static int walking_steps(sqlite3 *db, const char *sql, bool say)
{
    char *plan = sqlite3_mprintf("EXPLAIN QUERY PLAN %s", sql);
    sqlite3_stmt *q = NULL;
    assert_int_equal(SQLITE_OK, sqlite3_prepare_v2(db, plan, -1, &q, NULL));
    int n = 0;
    while (sqlite3_step(q) == SQLITE_ROW) {
        const char *step = (const char *)sqlite3_column_text(q, 3);
        if (!walks(step)) continue;
        n++;
        if (say) print_error("%s\n    %s\n", sql, step);
    }
    sqlite3_finalize(q);
    sqlite3_free(plan);
    return n;
}

static void every_statement_finds_its_rows_by_a_key(void **state)
{
    (void)state;
    sqlite3 *db = with_schema();
    int walking = 0;
    for (int i = 0; i < Q_COUNT; i++)
        if (!allowed((enum statement)i)) walking += walking_steps(db, store_sql[i], true);
    assert_int_equal(0, walking);
    sqlite3_close(db);
}

static void a_walk_is_recognised(void **state)
{
    (void)state;
    sqlite3 *db = with_schema();
    assert_int_equal(1, walking_steps(db, "SELECT * FROM event_key WHERE received < 5", false));
    assert_int_equal(1, walking_steps(db,
                                      "UPDATE event_key SET alert = ?2 WHERE (feed, event_id) IN "
                                      "(SELECT feed, event_id FROM event WHERE grp = ?1 AND alert IS NULL "
                                      "AND reviewed IS NULL)",
                                      false));
    sqlite3_close(db);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_statement_finds_its_rows_by_a_key),
        cmocka_unit_test(a_walk_is_recognised),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
