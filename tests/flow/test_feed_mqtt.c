/* A feed's own session: what it subscribes to, what it hands up, and when it acknowledges. */
#include "feed.h"

#include <unistd.h>

#include "fake_broker.h"

#include "unit.h"

static struct loop *loop;
static struct fake_broker *broker;
static struct relay_config relay;
static struct feed_config config;
static struct feed feed;
static char password_file[] = "/tmp/tocsin-password-XXXXXX";

static struct {
    int events, heartbeats, odds, ups, downs;
    char last[128], odd[128], link[300];
} seen;

static void on_event(void *arg, struct feed *f, const char *bytes, size_t n)
{
    (void)arg;
    assert_ptr_equal(f, &feed);
    seen.events++;
    (void)snprintf(seen.last, sizeof(seen.last), "%.*s", (int)n, bytes);
}

static void on_heartbeat(void *arg, struct feed *f, const char *bytes, size_t n)
{
    (void)arg, (void)f, (void)bytes, (void)n;
    seen.heartbeats++;
}

static void on_odd(void *arg, struct feed *f, const char *what)
{
    (void)arg, (void)f;
    seen.odds++;
    (void)snprintf(seen.odd, sizeof(seen.odd), "%s", what);
}

static void on_link(void *arg, struct feed *f, int up, const char *why)
{
    (void)arg, (void)f;
    *(up ? &seen.ups : &seen.downs) += 1;
    (void)snprintf(seen.link, sizeof(seen.link), "%s", why);
}

static const struct feed_sink sink = {
    .event = on_event, .heartbeat = on_heartbeat, .odd = on_odd, .link = on_link};

static bool until(const int *what, int n, bool release)
{
    int64_t end = clock_now().mono + 4000;
    while (*what < n && clock_now().mono < end) {
        int64_t due = feed.ops->next_due(&feed);
        struct now now = loop_wait(loop, due < end ? due : end);
        loop_run_done(loop);
        feed.ops->service(&feed, now);
        (void)feed.ops->read(&feed, 500);
        if (release) feed.ops->release(&feed);
    }
    return *what >= n;
}

static int begin(void **state)
{
    (void)state;
    struct reason why;
    memset(&seen, 0, sizeof(seen));
    broker = fake_broker_start();
    relay = (struct relay_config){
        .relay = {.id = "yanta-1"},
        .broker = {
            .host = "127.0.0.1", .port = fake_broker_port(broker), .prefix = "t/v1", .keepalive = 10000}};
    config = (struct feed_config){.id = "bank", .window = 50, .rate = 100};
    feed = (struct feed){.ops = &feed_mqtt_ops, .config = &config, .relay = &relay, .sink = &sink};
    if (loop_new(&loop, &why) != RELAY_OK) return -1;
    return 0;
}

static int end(void **state)
{
    (void)state;
    feed.ops->close(&feed);
    feed.ops->close(&feed); /* takes a closed one */
    loop = loop_free(loop);
    fake_broker_stop(broker);
    return 0;
}

static void start(void)
{
    struct reason why;
    assert_int_equal(feed.ops->open(&feed, loop, &why), RELAY_OK);
    assert_true(until(&seen.ups, 1, true));
}

static void it_has_its_own_durable_session_with_its_window(void **state)
{
    (void)state;
    start();
    struct fake_packet p;
    assert_int_equal(fake_broker_wait(broker, FAKE_SUBSCRIBE, 2, 2000), 2);
    assert_true(fake_broker_packet(broker, FAKE_CONNECT, 0, &p));
    assert_int_equal(p.bytes[9] & 2, 0); /* not a clean start */
    assert_non_null(memmem(p.bytes, p.n, "yanta-1.in.bank", 15));
    assert_non_null(memmem(p.bytes, p.n, (unsigned char[]){0x21, 0, 50}, 3));
    assert_non_null(memmem(p.bytes, p.n, (unsigned char[]){0x11, 0, 0x09, 0x3a, 0x80}, 5)); /* 7 d */
    assert_true(fake_broker_packet(broker, FAKE_SUBSCRIBE, 0, &p));
    assert_non_null(memmem(p.bytes, p.n, "t/v1/feeds/bank/events\1", 23)); /* QoS 1 */
    assert_true(fake_broker_packet(broker, FAKE_SUBSCRIBE, 1, &p));
    assert_non_null(memmem(p.bytes, p.n, "t/v1/feeds/bank/heartbeat\1", 26));
}

static void an_event_is_acknowledged_on_release_only(void **state)
{
    (void)state;
    start();
    fake_broker_publish(broker, "t/v1/feeds/bank/events", "{\"event_id\":\"1\"}");
    assert_true(until(&seen.events, 1, false));
    assert_string_equal(seen.last, "{\"event_id\":\"1\"}");
    assert_int_equal(fake_broker_wait(broker, FAKE_PUBACK, 1, 200), 0);
    feed.ops->release(&feed);
    assert_int_equal(fake_broker_wait(broker, FAKE_PUBACK, 1, 1000), 1);
}

static void a_refused_turn_comes_again(void **state)
{
    (void)state;
    start();
    fake_broker_publish(broker, "t/v1/feeds/bank/events", "{}");
    assert_true(until(&seen.events, 1, false));
    feed.ops->refuse(&feed, "the store failed");
    assert_int_equal(seen.downs, 1);
    assert_true(until(&seen.events, 2, true));
    assert_int_equal(fake_broker_wait(broker, FAKE_PUBACK, 1, 1000), 1);
}

static void closing_does_not_acknowledge_what_was_not_released(void **state)
{
    (void)state;
    start();
    fake_broker_publish(broker, "t/v1/feeds/bank/events", "{}");
    assert_true(until(&seen.events, 1, false));
    feed.ops->close(&feed);
    assert_int_equal(fake_broker_wait(broker, FAKE_PUBACK, 1, 200), 0);
    assert_int_equal(fake_broker_count(broker, FAKE_DISCONNECT), 0);
}

static void heartbeats_and_odd_messages_are_told_apart(void **state)
{
    (void)state;
    start();
    fake_broker_publish(broker, "t/v1/feeds/bank/heartbeat", "{\"last_seq\":1}");
    assert_true(until(&seen.heartbeats, 1, true));
    fake_broker_publish_qos0(broker, "t/v1/feeds/bank/events", "{}", false);
    assert_true(until(&seen.odds, 1, true));
    assert_non_null(strstr(seen.odd, "QoS 0"));
    fake_broker_publish_qos0(broker, "t/v1/feeds/bank/events", "{}", true);
    assert_true(until(&seen.odds, 2, true));
    assert_non_null(strstr(seen.odd, "retained"));
    fake_broker_publish(broker, "t/v1/feeds/other/events", "{}");
    assert_true(until(&seen.odds, 3, true));
    assert_int_equal(fake_broker_wait(broker, FAKE_PUBACK, 2, 1000), 2); /* odd ones are not seen again */
    assert_int_equal(seen.events, 0);
}

static void a_refused_subscription_is_a_link_that_is_down(void **state)
{
    (void)state;
    fake_broker_answer(broker, 0, 135, 0);
    struct reason why;
    assert_int_equal(feed.ops->open(&feed, loop, &why), RELAY_OK);
    assert_true(until(&seen.downs, 1, true));
    assert_non_null(strstr(seen.link, "feeds/bank/"));
    fake_broker_answer(broker, 0, 1, 0);
    assert_true(until(&seen.ups, 2, true));
}

static void a_broker_that_forgot_the_session_is_told_of(void **state)
{
    (void)state;
    start();
    assert_string_equal(seen.link, "a new session");
    fake_broker_cut(broker);
    assert_true(until(&seen.ups, 2, true));
    assert_string_equal(seen.link, "the broker kept its session");
    fake_broker_forget(broker);
    fake_broker_cut(broker);
    assert_true(until(&seen.ups, 3, true));
    assert_non_null(strstr(seen.link, "forgotten"));
}

static void what_leaves_ends_its_session_and_what_closes_keeps_it(void **state)
{
    (void)state;
    static const unsigned char no_expiry[] = {5, 0x11, 0, 0, 0, 0};
    struct fake_packet p;
    start();
    feed.ops->close(&feed);
    assert_int_equal(fake_broker_wait(broker, FAKE_DISCONNECT, 1, 1000), 1);
    assert_true(fake_broker_packet(broker, FAKE_DISCONNECT, 0, &p));
    assert_null(memmem(p.bytes, p.n, no_expiry, sizeof(no_expiry)));
    seen.ups = 0;
    start();
    feed.ops->leave(&feed);
    feed.ops->close(&feed);
    assert_int_equal(fake_broker_wait(broker, FAKE_DISCONNECT, 2, 1000), 2);
    assert_true(fake_broker_packet(broker, FAKE_DISCONNECT, 1, &p));
    assert_non_null(memmem(p.bytes, p.n, no_expiry, sizeof(no_expiry)));
}

static void a_password_file_that_cannot_be_read_is_named(void **state)
{
    (void)state;
    struct reason why;
    relay.broker.username = "relay";
    relay.broker.password_file = "/no/such/file";
    assert_int_not_equal(feed.ops->open(&feed, loop, &why), RELAY_OK);
    assert_non_null(strstr(why.text, "/no/such/file"));

    int fd = mkstemp(password_file);
    assert_int_equal(write(fd, "geheim\n", 7), 7);
    close(fd);
    relay.broker.password_file = password_file;
    start();
    unlink(password_file);
    struct fake_packet p;
    assert_true(fake_broker_packet(broker, FAKE_CONNECT, 0, &p));
    assert_non_null(memmem(p.bytes, p.n, "\0\5relay\0\6geheim", 15));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(it_has_its_own_durable_session_with_its_window, begin, end),
        cmocka_unit_test_setup_teardown(an_event_is_acknowledged_on_release_only, begin, end),
        cmocka_unit_test_setup_teardown(a_refused_turn_comes_again, begin, end),
        cmocka_unit_test_setup_teardown(closing_does_not_acknowledge_what_was_not_released, begin, end),
        cmocka_unit_test_setup_teardown(heartbeats_and_odd_messages_are_told_apart, begin, end),
        cmocka_unit_test_setup_teardown(a_refused_subscription_is_a_link_that_is_down, begin, end),
        cmocka_unit_test_setup_teardown(a_broker_that_forgot_the_session_is_told_of, begin, end),
        cmocka_unit_test_setup_teardown(what_leaves_ends_its_session_and_what_closes_keeps_it, begin, end),
        cmocka_unit_test_setup_teardown(a_password_file_that_cannot_be_read_is_named, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
