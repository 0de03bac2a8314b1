/* tocsin feed push with receipts that get lost and a broker that is away: the cases that wait for a resend. */
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "broker.h"
#include "child.h"
#include "fake_relay.h"

#include "base/json.h"
#include "base/mem.h"

#include "unit.h"

static struct broker *broker;
static struct fake_relay relay;
static char dir[] = "/tmp/tocsin-push-XXXXXX";
static char spool[64], file[64], port[8];

static int begin(void **state)
{
    (void)state;
    if (!mkdtemp(dir)) return -1;
    (void)snprintf(spool, sizeof(spool), "%s/a/spool", dir);
    (void)snprintf(file, sizeof(file), "%s/events", dir);
    broker = broker_start(&(struct broker_setup){.unix_socket = true});
    (void)snprintf(port, sizeof(port), "%d", broker_port(broker));
    return 0;
}

static int end(void **state)
{
    (void)state;
    broker_stop(broker);
    char command[80];
    (void)snprintf(command, sizeof(command), "rm -rf %s", dir);
    return system(command); // NOLINT(cert-env33-c): our own folder
}

static void relay_start(void)
{
    struct mqtt_options o = turn_options("127.0.0.1", broker_port(broker), "relay");
    o.clean_start = true; /* and nothing of it stays */
    o.session_expiry_s = 0;
    fake_relay_start(&relay, "bank", &o);
}

/* n events e0, e1 … and then whatever else. */
static void write_events(int n, const char *rest)
{
    FILE *f = fopen(file, "we");
    assert_non_null(f);
    for (int i = 0; i < n; i++)
        (void)fprintf(f, "{\"event_id\":\"e%d\",\"seq\":%d,\"text\":\"短信\"}\n", i, i + 1);
    (void)fputs(rest, f);
    (void)fclose(f);
}

static struct child push(const char *extra, const char *value, const char *input)
{
    const char *argv[] = {child_tocsin, "feed", "push",    "--feed", "bank",
                          "--port",     port,   "--spool", spool,    input ? input : "-",
                          extra,        value,  NULL};
    return child_start(argv, "/dev/null");
}

static void until_ended(struct child *c, int ms)
{
    int64_t stop = clock_now().mono + ms;
    while (!child_ended(c) && clock_now().mono < stop) fake_relay_turn(&relay, 5);
    if (c->pid) fail_msg("it did not end within %d ms", ms);
}

static void assert_says(const char *text, const char *words)
{
    if (!strstr(text, words)) fail_msg("\"%s\" is not in:\n%s", words, text);
}

static bool spool_exists(void)
{
    char path[96];
    (void)snprintf(path, sizeof(path), "%s/bank.spool", spool);
    return access(path, F_OK) == 0;
}

static void an_absent_broker_is_said_and_waited_for(void **state)
{
    (void)state;
    relay_start();
    broker_kill(broker);
    write_events(3, "");
    struct child c = push(NULL, NULL, file);
    fake_relay_turn(&relay, 300);
    assert_false(child_ended(&c));
    broker_start_again(broker);
    until_ended(&c, 8000);
    assert_int_equal(c.code, 0);
    assert_says(c.err, "Connection refused; trying again in");
    child_release(&c);
    fake_relay_stop(&relay);
}

/* Lost receipts: the same bytes again after 5 s, and the second answer counts. */
static void what_gets_no_receipt_is_sent_again_as_it_was(void **state)
{
    (void)state;
    relay_start();
    relay.ignore = 3;
    write_events(10, "");
    struct child c = push("--json", NULL, file);
    int64_t from = clock_now().mono;
    until_ended(&c, 8000);
    assert_int_equal(c.code, 0);
    assert_in_range(clock_now().mono - from, 4900, 7000);
    assert_says(c.out, "\"accepted\":10,\"duplicate\":0");
    assert_says(c.out, "\"sent\":13");
    int events[3] = {0}, n = 0;
    for (int i = 0; i < relay.seen.messages; i++)
        if (strstr(relay.seen.topics[i], "/events") && n < 3) events[n++] = i;
    int last = relay.seen.messages - 1; /* the last heartbeat */
    for (int i = 0; i < 3; i++)
        assert_string_equal(relay.seen.payloads[events[i]], relay.seen.payloads[last - 3 + i]);
    child_release(&c);
    fake_relay_stop(&relay);
}

static void a_broker_that_dies_in_the_middle_loses_nothing(void **state)
{
    (void)state;
    relay_start();
    write_events(3000, "");
    struct child c = push("--rate", "3000/s", file);
    int64_t stop = clock_now().mono + 3000;
    while (relay.answered < 500 && clock_now().mono < stop) fake_relay_turn(&relay, 5);
    broker_kill(broker);
    fake_relay_turn(&relay, 50);
    broker_start_again(broker);
    until_ended(&c, 20000);
    assert_int_equal(c.code, 0);
    assert_says(c.out, "3000 events");
    assert_says(c.out, "0 refused");
    assert_false(spool_exists());
    child_release(&c);
    fake_relay_stop(&relay);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_absent_broker_is_said_and_waited_for),
        cmocka_unit_test(what_gets_no_receipt_is_sent_again_as_it_was),
        cmocka_unit_test(a_broker_that_dies_in_the_middle_loses_nothing),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
