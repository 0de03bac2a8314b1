/* What a push keeps on disk until it is answered. */
#include "cli/spool.h"

#include <sys/stat.h>
#include <unistd.h>

#include "folder.h"

static char deep[96], path[128];
static struct reason why;

static int begin(void **state)
{
    if (folder_begin(state)) return -1;
    (void)snprintf(deep, sizeof(deep), "%s/not/there/yet", folder);
    (void)snprintf(path, sizeof(path), "%s/bank.spool", deep);
    return 0;
}

static void add(struct spool *s, const char *id, const char *bytes)
{
    struct spool_line line = {.event_id = id, .seq = 7, .bytes = bytes, .len = strlen(bytes)};
    assert_int_equal(spool_add(s, &line, &why), RELAY_OK);
}

static void lines_come_back_in_order_until_they_are_done(void **state)
{
    (void)state;
    struct spool s;
    assert_int_equal(spool_open(&s, deep, "bank", &why), RELAY_OK);
    add(&s, "a", "{\"event_id\":\"a\"}");
    add(&s, "b", "{}");
    assert_int_equal(spool_commit(&s, &why), RELAY_OK);
    assert_int_equal(s.waiting, 2);
    struct spool_line first, second;
    assert_int_equal(spool_next(&s, 0, &first, &why), RELAY_OK);
    assert_string_equal(first.event_id, "a");
    assert_string_equal(first.bytes, "{\"event_id\":\"a\"}");
    assert_int_equal(first.len, 16);
    assert_int_equal(first.seq, 7);
    assert_int_equal(spool_next(&s, first.n, &second, &why), RELAY_OK);
    assert_string_equal(second.event_id, "b");
    assert_int_equal(spool_next(&s, second.n, &second, &why), RELAY_NOT_FOUND);
    assert_int_equal(spool_done(&s, first.n, &why), RELAY_OK);
    assert_int_equal(spool_done(&s, first.n, &why), RELAY_OK); /* twice is once */
    assert_int_equal(s.waiting, 1);
    assert_int_equal(spool_commit(&s, &why), RELAY_OK);
    spool_line_release(&first);
    spool_line_release(&second);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 077, 0);
    spool_close(&s);

    assert_int_equal(spool_open(&s, deep, "bank", &why), RELAY_OK);
    assert_int_equal(s.waiting, 1);
    assert_int_equal(spool_next(&s, 0, &second, &why), RELAY_OK);
    assert_string_equal(second.event_id, "b");
    assert_int_equal(spool_done(&s, second.n, &why), RELAY_OK);
    assert_int_equal(spool_commit(&s, &why), RELAY_OK);
    spool_line_release(&second);
    spool_close(&s);
    assert_int_not_equal(stat(path, &st), 0); /* nothing in it, nothing left */
}

static void what_was_not_committed_is_not_in_it(void **state)
{
    (void)state;
    struct spool s;
    assert_int_equal(spool_open(&s, deep, "bank", &why), RELAY_OK);
    add(&s, "a", "{}");
    assert_int_equal(spool_commit(&s, &why), RELAY_OK);
    add(&s, "b", "{}");
    spool_close(&s);
    assert_int_equal(spool_open(&s, deep, "bank", &why), RELAY_OK);
    assert_int_equal(s.waiting, 1);
    spool_close(&s);
}

static void a_second_one_is_refused_and_takes_nothing_away(void **state)
{
    (void)state;
    struct spool s, other;
    assert_int_equal(spool_open(&s, deep, "carrier", &why), RELAY_OK);
    add(&s, "a", "{}");
    assert_int_equal(spool_commit(&s, &why), RELAY_OK);
    assert_int_equal(spool_open(&other, deep, "carrier", &why), RELAY_CONFLICT);
    assert_int_equal(spool_open(&other, deep, "desk", &why), RELAY_OK); /* another feed's is another file */
    spool_close(&other);
    struct spool_line line;
    assert_int_equal(spool_next(&s, 0, &line, &why), RELAY_OK);
    spool_line_release(&line);
    spool_close(&s);
}

static void a_folder_that_cannot_be_made_is_named(void **state)
{
    (void)state;
    struct spool s;
    assert_int_not_equal(spool_open(&s, "/dev/null/x", "bank", &why), RELAY_OK);
    assert_non_null(strstr(why.text, "/dev/null"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_come_back_in_order_until_they_are_done),
        cmocka_unit_test(what_was_not_committed_is_not_in_it),
        cmocka_unit_test(a_second_one_is_refused_and_takes_nothing_away),
        cmocka_unit_test(a_folder_that_cannot_be_made_is_named),
    };
    return cmocka_run_group_tests(tests, begin, folder_end);
}
