/* Columns become members as their names say. */
#include "relay/rows.h"

#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "unit.h"

static struct db db;
static char path[] = "/tmp/tocsin-rows-XXXXXX";

static int set_up(void **state)
{
    (void)state;
    struct reason why;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(close(fd), 0);
    assert_int_equal(unlink(path), 0); /* only its name was wanted */
    assert_int_equal(clock_set_zone("Asia/Shanghai", &why), RELAY_OK);
    return db_open(&db, path, DB_READ_WRITE, &why) == RELAY_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    db_close(&db);
    return unlink(path);
}

static void says(const char *sql, row_more_fn *more, const char *json)
{
    struct reason why = {""};
    struct stmt q = {NULL};
    CLEANUP(buf_release) struct buf b = BUF_INIT(4096);
    assert_int_equal(db_prepare(&db, &q, sql, &why), RELAY_OK);
    assert_int_equal(rows_json(&b, &q, more, &why), RELAY_OK);
    assert_string_equal(buf_cstr(&b), json);
    stmt_release(&q);
}

static void a_plain_column_is_a_number_or_a_text_and_null_is_left_out(void **state)
{
    (void)state;
    says("SELECT 7 AS n, 'a\"b' AS t, NULL AS absent, '' AS empty", NULL,
         "[{\"n\":7,\"t\":\"a\\\"b\",\"empty\":\"\"}]");
    says("SELECT 1 AS n UNION ALL SELECT 2", NULL, "[{\"n\":1},{\"n\":2}]");
    says("SELECT 1 AS n LIMIT 0", NULL, "[]");
}

static void a_kind_says_what_a_column_holds(void **state)
{
    (void)state;
    says("SELECT 3 AS [l:level], 1 AS [c:certainty], 1 AS [s:status], 2 AS [m:message], 11 AS [d:state]",
         NULL, "[{\"l\":\"red\",\"c\":\"Likely\",\"s\":\"Exercise\",\"m\":\"Cancel\",\"d\":\"suppressed\"}]");
    says("SELECT 0 AS [no:bool], 5 AS [yes:bool], '{\"x\":[1]}' AS [body:json], 120000 AS [after:after]",
         NULL, "[{\"no\":false,\"yes\":true,\"body\":{\"x\":[1]},\"after\":\"2m\"}]");
    says("SELECT 1795342200000 AS [at:time], NULL AS [never:time], NULL AS [level:level]", NULL,
         "[{\"at\":\"2026-11-22T18:10:00.000+08:00\",\"never\":null}]");
    says("SELECT '610113 610103' AS [places:places], '' AS [none:places]", NULL,
         "[{\"places\":\"雁塔区、碑林区\",\"none\":\"\"}]");
    says("SELECT 'a-20261122-1.1/file:log' AS [short:short]", NULL, "[{\"short\":\"7A5MX\"}]");
}

static void a_kind_that_nobody_knows_is_shown_plain(void **state)
{
    (void)state;
    says("SELECT 3 AS [l:levle]", NULL, "[{\"l\":3}]");
}

static enum relay_err more_of(struct buf *b, struct stmt *q, struct reason *why)
{
    if (col_int(q, 0) > 2) return fail(why, RELAY_INVALID, "three");
    buf_json_member_int(b, "more", col_int(q, 0) * 10);
    return RELAY_OK;
}

static void what_is_for_the_caller_only_is_not_shown(void **state)
{
    (void)state;
    says("SELECT 1 AS [-], 'x' AS t UNION ALL SELECT 2, 'y'", more_of,
         "[{\"t\":\"x\",\"more\":10},{\"t\":\"y\",\"more\":20}]");
    struct reason why = {""};
    struct stmt q = {NULL};
    CLEANUP(buf_release) struct buf b = BUF_INIT(4096);
    assert_int_equal(db_prepare(&db, &q, "SELECT 3 AS [-]", &why), RELAY_OK);
    assert_int_equal(rows_json(&b, &q, more_of, &why), RELAY_INVALID);
    stmt_release(&q);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plain_column_is_a_number_or_a_text_and_null_is_left_out),
        cmocka_unit_test(a_kind_says_what_a_column_holds),
        cmocka_unit_test(a_kind_that_nobody_knows_is_shown_plain),
        cmocka_unit_test(what_is_for_the_caller_only_is_not_shown),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
