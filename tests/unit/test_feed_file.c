/* A file of event lines as a feed. */
#include "feed.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

#include "unit.h"

static char dir[] = "/tmp/tocsin-feed-XXXXXX";
static char path[64];

static struct {
    int events, odds, ups, downs;
    char lines[64][64];
    char why[400];
} seen;

static void on_event(void *arg, struct feed *f, const char *bytes, size_t n)
{
    (void)arg, (void)f;
    (void)snprintf(seen.lines[seen.events++ % 64], sizeof(seen.lines[0]), "%.*s", (int)n, bytes);
}

static void on_other(void *arg, struct feed *f, const char *bytes, size_t n)
{
    (void)arg, (void)f, (void)bytes, (void)n;
    fail_msg("a file has no heartbeats");
}

static void on_odd(void *arg, struct feed *f, const char *what)
{
    (void)arg, (void)f, (void)what;
    seen.odds++;
}

static void on_link(void *arg, struct feed *f, int up, const char *why)
{
    (void)arg, (void)f;
    *(up ? &seen.ups : &seen.downs) += 1;
    (void)snprintf(seen.why, sizeof(seen.why), "%s", why);
}

static struct feed_sink sink = {.event = on_event, .heartbeat = on_other, .odd = on_odd, .link = on_link};
static struct feed_config config = {.id = "replay", .source = 1};
static struct relay_config relay;
static struct now now = {.mono = 1};

static struct feed start(void)
{
    memset(&seen, 0, sizeof(seen));
    config.path = path;
    struct feed f = {.ops = &feed_file_ops, .config = &config, .relay = &relay, .sink = &sink};
    struct reason why;
    assert_int_equal(f.ops->open(&f, NULL, &why), RELAY_OK);
    f.ops->service(&f, now);
    return f;
}

static void second(struct feed *f)
{
    now.mono += 1000;
    f->ops->service(f, now);
}

static void append(const char *text)
{
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

static int begin(void **state)
{
    (void)state;
    if (!mkdtemp(dir)) return -1;
    (void)snprintf(path, sizeof(path), "%s/events", dir);
    return 0;
}

static int clear(void **state)
{
    (void)state;
    char receipts[80];
    (void)snprintf(receipts, sizeof(receipts), "%s.receipts", path);
    (void)unlink(path);
    (void)unlink(receipts);
    return 0;
}

static int end(void **state)
{
    (void)state;
    return rmdir(dir);
}

static void lines_come_in_order_and_at_most_as_many_as_asked_for(void **state)
{
    (void)state;
    append("{\"a\":1}\r\n\n{\"a\":2}\n{\"a\":3}\n");
    struct feed f = start();
    assert_int_equal(seen.ups, 1);
    assert_int_equal(f.ops->next_due(&f), now.mono);
    assert_int_equal(f.ops->read(&f, 2), 2);
    assert_int_equal(f.ops->read(&f, 2), 1);
    assert_int_equal(f.ops->read(&f, 2), 0);
    assert_string_equal(seen.lines[0], "{\"a\":1}");
    assert_string_equal(seen.lines[2], "{\"a\":3}");
    assert_int_equal(f.ops->next_due(&f), now.mono + 1000); /* the end: nothing to do for a second */
    f.ops->close(&f);
}

static void what_was_not_released_comes_again_but_not_at_once(void **state)
{
    (void)state;
    append("1\n2\n3\n");
    struct feed f = start();
    assert_int_equal(f.ops->read(&f, 1), 1);
    f.ops->release(&f);
    assert_int_equal(f.ops->read(&f, 10), 2);
    f.ops->refuse(&f, "commit failed");
    assert_int_equal(f.ops->read(&f, 10), 0);
    assert_int_equal(f.ops->next_due(&f), now.mono + 1000);
    second(&f);
    assert_int_equal(f.ops->read(&f, 10), 2);
    assert_int_equal(seen.events, 5);
    assert_string_equal(seen.lines[3], "2");
    f.ops->close(&f);
}

static void a_growing_file_is_followed_and_its_last_line_waits_for_its_end(void **state)
{
    (void)state;
    append("1\n2");
    struct feed f = start();
    assert_int_equal(f.ops->read(&f, 10), 1);
    append("2\n3");
    second(&f);
    assert_int_equal(f.ops->read(&f, 10), 1);
    assert_string_equal(seen.lines[1], "22");
    for (int i = 0; i < 2; i++) {
        assert_int_equal(f.ops->read(&f, 10), 0);
        second(&f);
    }
    assert_int_equal(f.ops->read(&f, 10), 1); /* nobody added to it: it is whole */
    assert_string_equal(seen.lines[2], "3");
    f.ops->close(&f);
}

static void a_replaced_file_is_read_from_its_beginning(void **state)
{
    (void)state;
    append("1\n2");
    struct feed f = start();
    assert_int_equal(f.ops->read(&f, 10), 1);
    f.ops->release(&f);
    unlink(path);
    append("a\n");
    second(&f);
    assert_int_equal(f.ops->read(&f, 10), 2);
    assert_string_equal(seen.lines[1], "2");
    assert_string_equal(seen.lines[2], "a");
    assert_int_equal(truncate(path, 0), 0);
    second(&f);
    append("b\n");
    second(&f);
    second(&f);
    assert_int_equal(f.ops->read(&f, 10), 1);
    assert_string_equal(seen.lines[3], "b");
    f.ops->close(&f);
}

static void what_was_written_just_before_a_file_was_replaced_is_read(void **state)
{
    (void)state;
    append("1\n");
    struct feed f = start();
    assert_int_equal(f.ops->read(&f, 10), 1); /* to its end */
    f.ops->release(&f);
    append("2\n");
    unlink(path);
    append("a\n");
    for (int i = 0; i < 2; i++) {
        second(&f);
        (void)f.ops->read(&f, 10);
        f.ops->release(&f);
    }
    assert_int_equal(seen.events, 3);
    assert_string_equal(seen.lines[1], "2");
    assert_string_equal(seen.lines[2], "a");
    f.ops->close(&f);
}

static void a_missing_file_is_said_once_and_waited_for(void **state)
{
    (void)state;
    struct feed f = start();
    assert_int_equal(seen.downs, 1);
    assert_non_null(strstr(seen.why, path));
    second(&f);
    second(&f);
    assert_int_equal(seen.downs, 1);
    assert_int_equal(f.ops->read(&f, 10), 0);
    append("1\n");
    second(&f);
    assert_int_equal(seen.ups, 1);
    assert_int_equal(f.ops->read(&f, 10), 1);
    f.ops->close(&f);
}

static void a_fifo_is_a_feed_too(void **state)
{
    (void)state;
    assert_int_equal(mkfifo(path, 0600), 0);
    struct feed f = start();
    assert_int_equal(f.ops->read(&f, 10), 0);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    assert_int_equal(write(fd, "1\n2", 3), 3);
    second(&f);
    assert_int_equal(f.ops->read(&f, 10), 1);
    close(fd);
    append("2\n");
    second(&f);
    assert_int_equal(f.ops->read(&f, 10), 1);
    assert_string_equal(seen.lines[1], "22");
    f.ops->close(&f);
}

static char *endless(void)
{
    char *big = xmalloc((1 << 20) + 100001);
    memset(big, 'x', (1 << 20) + 100000);
    big[(1 << 20) + 100000] = '\0';
    return big;
}

static void what_comes_again_is_not_taken_for_the_end_of_an_endless_line(void **state)
{
    (void)state;
    char *big = endless();
    append("1\n2\n");
    append(big);
    struct feed f = start();
    assert_int_equal(f.ops->read(&f, 10), 2);
    f.ops->refuse(&f, "commit failed");
    second(&f);
    assert_int_equal(f.ops->read(&f, 1), 1);
    assert_string_equal(seen.lines[2], "1");
    f.ops->release(&f);
    append("\n3\n");
    second(&f);
    assert_int_equal(f.ops->read(&f, 10), 2);
    assert_string_equal(seen.lines[3], "2");
    assert_string_equal(seen.lines[4], "3");
    assert_int_equal(seen.odds, 1);
    /* One that another file cuts off. */
    append(big);
    second(&f);
    assert_int_equal(f.ops->read(&f, 10), 0);
    f.ops->release(&f);
    unlink(path);
    append("a\n");
    second(&f);
    assert_int_equal(f.ops->read(&f, 10), 1);
    assert_string_equal(seen.lines[5], "a");
    free(big);
    f.ops->close(&f);
}

static void an_endless_line_is_skipped_and_counted_once(void **state)
{
    (void)state;
    char *big = endless();
    for (int i = 0; i < 3; i++) append(big);
    append("\nafter\n");
    free(big);
    struct feed f = start();
    assert_int_equal(f.ops->read(&f, 10), 1);
    assert_string_equal(seen.lines[0], "after");
    assert_int_equal(seen.odds, 1);
    f.ops->close(&f);
}

static void a_paused_feed_hands_up_nothing_and_asks_for_no_turn(void **state)
{
    (void)state;
    append("1\n");
    struct feed f = start();
    f.ops->set_reading(&f, 0);
    assert_int_equal(f.ops->read(&f, 10), 0);
    assert_true(f.ops->next_due(&f) > now.mono);
    f.ops->set_reading(&f, 1);
    assert_int_equal(f.ops->read(&f, 10), 1);
    f.ops->close(&f);
}

static void receipts_are_lines_beside_the_file(void **state)
{
    (void)state;
    append("1\n");
    struct feed f = start();
    assert_int_equal(f.ops->receipt(&f, "{\"results\":[]}", 14), RELAY_OK);
    assert_int_equal(f.ops->receipt(&f, "{}", 2), RELAY_OK);
    f.ops->close(&f);
    char name[80], text[64] = "";
    (void)snprintf(name, sizeof(name), "%s.receipts", path);
    FILE *in = fopen(name, "re");
    assert_non_null(in);
    assert_int_equal(fread(text, 1, sizeof(text) - 1, in), 18);
    (void)fclose(in);
    assert_string_equal(text, "{\"results\":[]}\n{}\n");
}

static void without_a_path_it_does_not_open(void **state)
{
    (void)state;
    struct feed_config none = {.id = "x"};
    struct feed f = {.ops = &feed_file_ops, .config = &none, .relay = &relay, .sink = &sink};
    struct reason why;
    assert_int_equal(f.ops->open(&f, NULL, &why), RELAY_INVALID);
    assert_non_null(strstr(why.text, "path"));
    f.ops->close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(lines_come_in_order_and_at_most_as_many_as_asked_for, clear),
        cmocka_unit_test_teardown(what_was_not_released_comes_again_but_not_at_once, clear),
        cmocka_unit_test_teardown(a_growing_file_is_followed_and_its_last_line_waits_for_its_end, clear),
        cmocka_unit_test_teardown(a_replaced_file_is_read_from_its_beginning, clear),
        cmocka_unit_test_teardown(what_was_written_just_before_a_file_was_replaced_is_read, clear),
        cmocka_unit_test_teardown(a_missing_file_is_said_once_and_waited_for, clear),
        cmocka_unit_test_teardown(a_fifo_is_a_feed_too, clear),
        cmocka_unit_test_teardown(what_comes_again_is_not_taken_for_the_end_of_an_endless_line, clear),
        cmocka_unit_test_teardown(an_endless_line_is_skipped_and_counted_once, clear),
        cmocka_unit_test_teardown(a_paused_feed_hands_up_nothing_and_asks_for_no_turn, clear),
        cmocka_unit_test_teardown(receipts_are_lines_beside_the_file, clear),
        cmocka_unit_test_teardown(without_a_path_it_does_not_open, clear),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
