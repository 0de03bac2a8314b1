/* tocsin feed push and check against a real broker, with a relay that answers as the test says. */
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

static void when_all_is_accepted_it_ends_with_0_and_leaves_nothing(void **state)
{
    (void)state;
    relay_start();
    write_events(1500, "");
    struct child c = push(NULL, NULL, file);
    until_ended(&c, 10000);
    assert_says(c.out, "1500 events");
    assert_says(c.out, "1500 accepted, 0 duplicate, 0 refused");
    assert_int_equal(c.code, 0);
    assert_false(spool_exists());
    assert_string_equal(relay.seen.topics[0], "tocsin/v1/feeds/bank/heartbeat");
    int last = relay.seen.messages - 1;
    assert_string_equal(relay.seen.payloads[last], "{\"last_seq\":1500}");
    child_release(&c);

    c = push(NULL, NULL, file); /* again: the relay knows them */
    until_ended(&c, 10000);
    assert_says(c.out, "0 accepted, 1500 duplicate, 0 refused");
    assert_int_equal(c.code, 0);
    child_release(&c);
    fake_relay_stop(&relay);
}

static void refused_events_are_named_with_what_to_do(void **state)
{
    (void)state;
    relay_start();
    relay.deny = "e1";
    write_events(3, "");
    struct child c = push(NULL, NULL, file);
    until_ended(&c, 5000);
    assert_int_equal(c.code, 1);
    assert_says(c.err, "refused e1: area_not_allowed area: 区域不在本来源之内");
    assert_says(c.err, "to do: correct the area");
    assert_says(c.out, "2 accepted, 0 duplicate, 1 refused");
    assert_false(spool_exists()); /* refused is answered */
    child_release(&c);
    fake_relay_stop(&relay);
}

static void what_may_be_taken_later_stays_in_the_spool(void **state)
{
    (void)state;
    relay_start();
    relay.put_off = "e1";
    relay.put_offs = 2; /* when it has waited for the others, and once more: nothing has changed */
    write_events(3, "");
    struct child c = push(NULL, NULL, file);
    until_ended(&c, 5000);
    assert_int_equal(c.code, 1);
    assert_says(c.err, "refused e1: unknown_reference references: 引用的事件没有收到过");
    assert_says(c.out, "2 accepted, 0 duplicate, 1 refused");
    assert_says(c.out, "1 of them may be taken later; they wait in");
    assert_int_equal(relay.receipts, 4);
    assert_true(spool_exists());
    child_release(&c);
    write_events(0, "");
    c = push(NULL, NULL, file);
    until_ended(&c, 5000);
    assert_int_equal(c.code, 0);
    assert_says(c.out, "1 accepted, 0 duplicate, 0 refused");
    assert_false(spool_exists());
    child_release(&c);
    fake_relay_stop(&relay);
}

static void one_that_waits_for_another_is_taken_in_the_same_push(void **state)
{
    (void)state;
    relay_start();
    relay.put_off = "e";
    relay.put_offs = 3;
    write_events(3, "");
    struct child c = push(NULL, NULL, file);
    until_ended(&c, 5000);
    assert_int_equal(c.code, 0);
    assert_says(c.out, "3 accepted, 0 duplicate, 0 refused");
    assert_false(spool_exists());
    child_release(&c);
    fake_relay_stop(&relay);
}

static void lines_that_are_no_events_are_named_and_the_others_are_sent(void **state)
{
    (void)state;
    relay_start();
    write_events(2, "\n{\"event_id\":\n[1]\n{\"event_id\":\"a b\"}\n{\"no\":1}\n{\"event_id\":\"last\"}");
    struct child c = push(NULL, NULL, file);
    until_ended(&c, 5000);
    assert_int_equal(c.code, 1);
    assert_says(c.err, "events:4: ");
    assert_says(c.err, "events:5: an event is a JSON object");
    assert_says(c.err, "events:6: event_id is missing");
    assert_says(c.err, "events:7: event_id is missing");
    assert_says(c.out, "3 accepted");
    assert_says(c.out, "4 lines were not sent");
    child_release(&c);
    fake_relay_stop(&relay);
}

static void the_same_id_twice_is_sent_one_after_the_other(void **state)
{
    (void)state;
    relay_start();
    write_events(1, "{\"event_id\":\"e0\",\"x\":1}\n{\"event_id\":\"e0\",\"x\":2}\n{\"event_id\":\"z\"}\n");
    struct child c = push(NULL, NULL, file);
    until_ended(&c, 5000);
    assert_int_equal(c.code, 0);
    assert_says(c.out, "2 accepted, 2 duplicate, 0 refused");
    child_release(&c);
    fake_relay_stop(&relay);
}

static void a_killed_push_is_taken_up_by_the_next(void **state)
{
    (void)state;
    relay_start();
    relay.mute = true;
    write_events(20, "");
    struct child c = push(NULL, NULL, file);
    int64_t stop = clock_now().mono + 5000;
    while (relay.answered < 21 && clock_now().mono < stop) fake_relay_turn(&relay, 5);
    assert_int_equal(relay.answered, 21); /* and the heartbeat */
    child_release(&c);
    assert_true(spool_exists());
    struct stat st;
    char path[96];
    (void)snprintf(path, sizeof(path), "%s/bank.spool", spool);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 077, 0); /* events are nobody else's to read */

    relay.mute = false;
    c = push(NULL, NULL, NULL); /* nothing new on standard input */
    until_ended(&c, 5000);
    assert_says(c.err, "20 events of an earlier push");
    assert_says(c.out, "20 accepted");
    assert_int_equal(c.code, 0);
    assert_false(spool_exists());
    child_release(&c);
    fake_relay_stop(&relay);
}

static void a_second_push_of_the_same_spool_is_refused(void **state)
{
    (void)state;
    relay_start();
    const char *argv[] = {child_tocsin, "feed", "push",    "--feed", "bank",
                          "--port",     port,   "--spool", spool,    NULL};
    struct child first = child_start(argv, NULL);
    int64_t stop = clock_now().mono + 5000;
    while (relay.answered < 1 && clock_now().mono < stop)
        fake_relay_turn(&relay, 5); /* its first heartbeat */
    struct child second = push(NULL, NULL, file);
    until_ended(&second, 5000);
    assert_int_equal(second.code, 1);
    assert_says(second.err, "another tocsin");

    assert_int_equal(write(first.in, "{\"event_id\":\"late\"}\n{\"event_id\":\"later\"}", 40), 40);
    fake_relay_turn(&relay, 300);
    close(first.in);
    first.in = -1;
    until_ended(&first, 5000);
    assert_says(first.out, "2 accepted");
    assert_int_equal(first.code, 0);
    child_release(&second);
    child_release(&first);
    fake_relay_stop(&relay);
}

static void without_receipts_it_gives_up_at_the_timeout_and_says_what_waits(void **state)
{
    (void)state;
    relay_start();
    relay.mute = true;
    write_events(5, "");
    struct child c = push("--timeout", "700ms", file);
    until_ended(&c, 3000);
    assert_int_equal(c.code, 1);
    assert_says(c.out, "5 have no receipt yet");
    child_release(&c);
    relay.mute = false;
    c = push(NULL, NULL, file); /* five wait, and the same five come again */
    until_ended(&c, 3000);
    assert_int_equal(c.code, 0);
    assert_says(c.out, "5 accepted, 5 duplicate");
    child_release(&c);

    relay.mute = true;
    c = push(NULL, NULL, file);
    fake_relay_turn(&relay, 300);
    child_kill(&c, SIGINT);
    until_ended(&c, 3000);
    assert_int_equal(c.code, 1);
    assert_says(c.out, "5 have no receipt yet");
    child_release(&c);
    relay.mute = false;
    c = push(NULL, NULL, NULL);
    until_ended(&c, 3000);
    assert_int_equal(c.code, 0);
    child_release(&c);
    fake_relay_stop(&relay);
}

static void the_rate_is_kept(void **state)
{
    (void)state;
    relay_start();
    write_events(60, "");
    struct child c = push("--rate", "100/s", file);
    int64_t from = clock_now().mono;
    until_ended(&c, 5000);
    assert_int_equal(c.code, 0);
    assert_in_range(clock_now().mono - from, 450, 2000);
    child_release(&c);
    fake_relay_stop(&relay);
}

static void the_summary_is_json_when_asked_for(void **state)
{
    (void)state;
    relay_start();
    relay.deny = "e2";
    write_events(4, "oops\n");
    struct child c = push("--json", NULL, file);
    until_ended(&c, 5000);
    assert_int_equal(c.code, 1);
    CLEANUP(json_free_ptr) cJSON *j = NULL;
    struct reason why;
    const struct json_limits limits = {1 << 20, 8};
    size_t n = strlen(c.out);
    if (json_parse(c.out, n, &limits, &j, &why) != RELAY_OK) fail_msg("%s: %s", why.text, c.out);
    int64_t v;
    bool done = true;
    assert_int_equal(json_bool(j, "done", &done), RELAY_OK);
    assert_false(done);
    assert_int_equal(json_int(j, "accepted", &v), RELAY_OK);
    assert_int_equal(v, 3);
    assert_int_equal(json_int(j, "bad_lines", &v), RELAY_OK);
    assert_int_equal(v, 1);
    const cJSON *refused = cJSON_GetArrayItem(cJSON_GetObjectItem(j, "refused"), 0);
    assert_string_equal(json_str_or(refused, "event_id", ""), "e2");
    assert_string_equal(json_str_or(refused, "code", ""), "area_not_allowed");
    child_release(&c);
    fake_relay_stop(&relay);
}

static void nobody_listening_is_said(void **state)
{
    (void)state;
    write_events(1, "");
    struct child c = push("--timeout", "500ms", file);
    int64_t stop = clock_now().mono + 3000;
    while (!child_ended(&c) && clock_now().mono < stop) (void)usleep(5000);
    assert_int_equal(c.code, 1);
    assert_says(c.err, "nobody listens on tocsin/v1/feeds/bank/events");
    child_release(&c);
    relay_start();
    c = push(NULL, NULL, NULL);
    until_ended(&c, 3000);
    assert_int_equal(c.code, 0);
    child_release(&c);
    fake_relay_stop(&relay);
}

static void an_empty_input_is_done_at_once(void **state)
{
    (void)state;
    struct child c = push("--port", "1", NULL); /* there is not even a broker */
    int64_t stop = clock_now().mono + 2000;
    while (!child_ended(&c) && clock_now().mono < stop) (void)usleep(1000);
    assert_int_equal(c.code, 0);
    child_release(&c);
}

static void run_and_expect(const char *const *argv, int code, const char *words)
{
    struct child c = child_start(argv, "/dev/null");
    int64_t stop = clock_now().mono + 5000;
    while (!child_ended(&c) && clock_now().mono < stop) (void)usleep(1000);
    assert_int_equal(c.code, code);
    assert_says(c.err, words);
    child_release(&c);
}

static void wrong_usage_is_2_and_unreadable_input_is_1(void **state)
{
    (void)state;
    run_and_expect((const char *[]){child_tocsin, "feed", NULL}, 2, "push|check");
    run_and_expect((const char *[]){child_tocsin, "feed", "pull", NULL}, 2, "`pull`");
    run_and_expect((const char *[]){child_tocsin, "feed", "push", NULL}, 2, "--feed is missing");
    run_and_expect((const char *[]){child_tocsin, "feed", "push", "--feed", "A B", NULL}, 2, "is no id");
    run_and_expect((const char *[]){child_tocsin, "feed", "push", "--feed", "a", "--rate", "fast", NULL}, 2,
                   "is no rate");
    run_and_expect((const char *[]){child_tocsin, "feed", "push", "--feed", "a", "--timeout", "soon", NULL},
                   2, "is no time");
    run_and_expect(
        (const char *[]){child_tocsin, "feed", "push", "--feed", "a", "--spool", spool, "/no/such", NULL}, 1,
        "/no/such");
    run_and_expect(
        (const char *[]){child_tocsin, "feed", "push", "--feed", "a", "--spool", "/dev/null/x", NULL}, 1,
        "/dev/null");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(when_all_is_accepted_it_ends_with_0_and_leaves_nothing),
        cmocka_unit_test(refused_events_are_named_with_what_to_do),
        cmocka_unit_test(what_may_be_taken_later_stays_in_the_spool),
        cmocka_unit_test(one_that_waits_for_another_is_taken_in_the_same_push),
        cmocka_unit_test(lines_that_are_no_events_are_named_and_the_others_are_sent),
        cmocka_unit_test(the_same_id_twice_is_sent_one_after_the_other),
        cmocka_unit_test(a_killed_push_is_taken_up_by_the_next),
        cmocka_unit_test(a_second_push_of_the_same_spool_is_refused),
        cmocka_unit_test(without_receipts_it_gives_up_at_the_timeout_and_says_what_waits),
        cmocka_unit_test(the_rate_is_kept),
        cmocka_unit_test(the_summary_is_json_when_asked_for),
        cmocka_unit_test(nobody_listening_is_said),
        cmocka_unit_test(an_empty_input_is_done_at_once),
        cmocka_unit_test(wrong_usage_is_2_and_unreadable_input_is_1),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
