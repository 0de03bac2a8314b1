/* Sessions with brokers that refuse, hang, vanish or are none: the cases that take seconds. */
#include "io/mqtt.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "broker.h"
#include "child.h"
#include "fake_broker.h"
#include "turn.h"
#include "unit.h"

static struct broker *real;
static struct seen seen, other;

static int start_real(void **state)
{
    (void)state;
    real = broker_start(&(struct broker_setup){.tls = true, .unix_socket = true});
    return 0;
}

static int stop_real(void **state)
{
    (void)state;
    broker_stop(real);
    real = NULL;
    return 0;
}

static void open_real(struct seen *s, const char *client_id)
{
    struct mqtt_options o = turn_options("127.0.0.1", broker_port(real), client_id);
    turn_open(s, &o);
}

static void open_and_wait(struct seen *s, const char *client_id)
{
    open_real(s, client_id);
    assert_true(turn_until(s, &s->ups, 1, 3000));
}

static void what_was_read_but_not_committed_comes_again(void **state)
{
    (void)state;
    open_real(&seen, "redelivery");
    mqtt_subscribe(seen.m, "r/#", 1);
    assert_true(turn_until(&seen, &seen.subscribed, 1, 3000));
    open_and_wait(&other, "publisher");
    turn_publish(&other, "r/x", 30);
    seen.hold = true;
    assert_true(turn_until(&seen, &seen.messages, 30, 3000));
    mqtt_drop(seen.m, "commit failed");
    seen.hold = false;
    assert_true(turn_until(&seen, &seen.messages, 60, 5000));
    assert_string_equal(seen.payloads[30], "0");
    assert_string_equal(seen.payloads[59], "29");
    turn_for(&seen, 50);
    mqtt_drop(seen.m, "and now it was committed");
    assert_true(turn_until(&seen, &seen.ups, 3, 5000));
    turn_for(&seen, 200);
    assert_int_equal(seen.messages, 60);
    turn_close(&other);
    turn_close(&seen);
}

static void a_goodbye_acknowledges_nothing_that_is_not_committed(void **state)
{
    (void)state;
    open_real(&seen, "goodbye");
    mqtt_subscribe(seen.m, "g/#", 1);
    assert_true(turn_until(&seen, &seen.subscribed, 1, 3000));
    open_and_wait(&other, "publisher");
    turn_publish(&other, "g/x", 30);
    seen.hold = true;
    assert_true(turn_until(&seen, &seen.messages, 30, 3000));
    mqtt_disconnect(seen.m, false);
    turn_close(&seen);
    open_real(&seen, "goodbye");
    assert_true(turn_until(&seen, &seen.messages, 30, 5000));
    turn_for(&seen, 50);
    turn_close(&other);
    turn_close(&seen);
}

static void outstanding_publishes_are_forgotten_with_the_connection(void **state)
{
    (void)state;
    struct fake_broker *b = fake_broker_start();
    struct mqtt_options o = turn_options("127.0.0.1", fake_broker_port(b), "out");
    turn_open(&seen, &o);
    assert_true(turn_until(&seen, &seen.ups, 1, 3000));
    for (uint64_t i = 1; i <= 3; i++)
        assert_int_equal(mqtt_publish(seen.m, "t", "x", 1, false, 0, i), RELAY_OK);
    assert_int_equal(mqtt_inflight(seen.m), 3);
    mqtt_drop(seen.m, "test");
    assert_int_equal(mqtt_inflight(seen.m), 0);
    assert_true(turn_until(&seen, &seen.ups, 2, 3000));
    turn_for(&seen, 100);
    assert_int_equal(fake_broker_count(b, FAKE_PUBLISH), 0); /* the library kept none of them */
    assert_int_equal(seen.published, 0);
    turn_close(&seen);
    fake_broker_stop(b);
}

static void a_broker_that_dies_while_the_session_is_paused_does_not_spin(void **state)
{
    (void)state;
    open_and_wait(&seen, "paused");
    mqtt_set_reading(seen.m, false);
    turn_for(&seen, 20);
    broker_kill(real);
    double cpu = turn_cpu_ms();
    turn_for(&seen, 1000);
    assert_true(turn_cpu_ms() - cpu < 50);
    mqtt_set_reading(seen.m, true);
    assert_true(turn_until(&seen, &seen.downs, 1, 1000));
    broker_start_again(real);
    turn_close(&seen);
}

static void a_name_that_does_not_exist_is_said(void **state)
{
    (void)state;
    struct mqtt_options o = turn_options("no-such-host.invalid", 1883, "name");
    turn_open(&seen, &o);
    if (turn_until(&seen, &seen.downs, 1, 5000)) /* a resolver without network may take longer to say so */
        assert_non_null(strstr(seen.down_why, "no-such-host.invalid"));
    turn_close(&seen);
}

static void tls_refuses_a_stranger_and_a_wrong_name(void **state)
{
    (void)state;
    struct mqtt_options o = turn_options("localhost", broker_tls_port(real), "tls");
    o.tls_ca = "/etc/ssl/certs/ca-certificates.crt"; /* does not know our CA */
    if (access(o.tls_ca, R_OK) == 0) {
        turn_open(&seen, &o);
        assert_true(turn_until(&seen, &seen.downs, 1, 5000));
        assert_non_null(strstr(seen.down_why, "TLS"));
        assert_int_equal(seen.ups, 0);
        turn_close(&seen);
    }
    o.host = "127.0.0.2"; /* the certificate says localhost and 127.0.0.1 */
    o.tls_ca = broker_ca(real);
    o.port = broker_tls_port(real);
    turn_open(&seen, &o);
    assert_true(turn_until(&seen, &seen.downs, 1, 5000));
    assert_int_equal(seen.ups, 0);
    turn_close(&seen);
}

static void a_plain_port_is_no_tls_port(void **state)
{
    (void)state;
    struct mqtt_options o = turn_options("127.0.0.1", broker_port(real), "tls");
    o.tls_ca = broker_ca(real);
    turn_open(&seen, &o);
    double cpu = turn_cpu_ms();
    (void)turn_until(&seen, &seen.downs, 1, 500);
    assert_int_equal(seen.ups, 0);
    assert_true(turn_cpu_ms() - cpu < 200);
    turn_close(&seen);
}

static void the_last_will_is_published_on_a_drop_and_on_request_only(void **state)
{
    (void)state;
    open_real(&other, "watcher");
    mqtt_subscribe(other.m, "w/#", 1);
    assert_true(turn_until(&other, &other.subscribed, 1, 3000));
    for (int round = 0; round < 3; round++) {
        struct mqtt_options o = turn_options("127.0.0.1", broker_port(real), "willing");
        o.will_topic = "w/state";
        o.will_payload = "down";
        turn_open(&seen, &o);
        assert_true(turn_until(&seen, &seen.ups, 1, 3000));
        assert_int_equal(mqtt_publish(seen.m, "w/last", "bye", 3, false, 0, 0), RELAY_OK);
        if (round == 0)
            mqtt_drop(seen.m, "test");
        else
            mqtt_disconnect(seen.m, round == 1);
        assert_int_equal(mqtt_state(seen.m), MQTT_IDLE);
        int messages = other.messages;
        turn_for(&other, 200);
        if (round == 0) {
            assert_int_equal(other.messages, messages + 1);
            assert_string_equal(other.payloads[messages], "down");
        } else {
            assert_int_equal(other.messages, messages + (round == 1 ? 2 : 1));
            assert_string_equal(other.payloads[messages],
                                "bye"); /* what was queued left before the goodbye */
        }
        turn_for(&seen, 20);
        if (round) assert_int_equal(mqtt_state(seen.m), MQTT_IDLE); /* it stays away */
        turn_close(&seen);
    }
    turn_close(&other);
}

static void what_is_no_mqtt_is_said_and_left(void **state)
{
    (void)state;
    struct fake_broker *b = fake_broker_start();
    fake_broker_manner(b, FAKE_GARBAGE);
    struct mqtt_options o = turn_options("127.0.0.1", fake_broker_port(b), "x");
    turn_open(&seen, &o);
    double cpu = turn_cpu_ms();
    (void)turn_until(&seen, &seen.downs, 1, 500);
    assert_int_equal(seen.ups, 0);
    assert_true(turn_cpu_ms() - cpu < 200);
    turn_close(&seen);
    fake_broker_stop(b);
}

static void refusals_come_in_words(void **state)
{
    (void)state;
    struct fake_broker *b = fake_broker_start();
    struct mqtt_options o = turn_options("127.0.0.1", fake_broker_port(b), "x");
    turn_open(&seen, &o);
    fake_broker_answer(b, 135, 0, 0);
    assert_true(turn_until(&seen, &seen.downs, 1, 2000));
    assert_non_null(strstr(seen.down_why, "not authorised"));
    fake_broker_answer(b, 0, 135, 151);
    mqtt_subscribe(seen.m, "t", 1);
    assert_true(turn_until(&seen, &seen.subscribed, 1, 5000));
    assert_int_equal(seen.granted[0], 135);
    assert_int_equal(mqtt_publish(seen.m, "t", "x", 1, false, 0, 9), RELAY_OK);
    assert_true(turn_until(&seen, &seen.published, 1, 2000));
    assert_int_equal(seen.reasons[0], 151);
    fake_broker_end(b, 139);
    assert_true(turn_until(&seen, &seen.downs, 2, 2000));
    assert_non_null(strstr(seen.down_why, "shutting down"));
    assert_true(turn_until(&seen, &seen.ups, 2, 5000));
    fake_broker_end(b, 142);
    assert_true(turn_until(&seen, &seen.downs, 3, 2000));
    assert_non_null(strstr(seen.down_why, "another client took over"));
    turn_close(&seen);
    fake_broker_stop(b);
}

/* libmosquitto closes the socket itself; a copy in a child once kept it in the epoll set. */
static void a_child_started_meanwhile_does_not_keep_a_dead_connection(void **state)
{
    (void)state;
    struct fake_broker *b = fake_broker_start();
    struct mqtt_options o = turn_options("127.0.0.1", fake_broker_port(b), "parent");
    turn_open(&seen, &o);
    assert_true(turn_until(&seen, &seen.ups, 1, 3000));
    struct child child = child_start((const char *[]){"/bin/sleep", "30", NULL}, "/dev/null");
    fake_broker_cut(b);
    assert_true(turn_until(&seen, &seen.downs, 1, 1000));
    double cpu = turn_cpu_ms();
    assert_true(turn_until(&seen, &seen.ups, 2, 3000));
    turn_for(&seen, 500);
    assert_true(turn_cpu_ms() - cpu < 50);
    assert_int_equal(seen.downs, 1);
    child_release(&child);
    turn_close(&seen);
    fake_broker_stop(b);
}

static void a_broker_that_hangs_is_left_within_two_keepalives(void **state)
{
    (void)state;
    struct mqtt_options o = turn_options("127.0.0.1", broker_port(real), "half-open");
    o.keepalive_s = 5;
    turn_open(&seen, &o);
    assert_true(turn_until(&seen, &seen.ups, 1, 3000));
    broker_freeze(real);
    int64_t from = clock_now().mono;
    bool noticed = turn_until(&seen, &seen.downs, 1, 20000);
    int64_t took = clock_now().mono - from;
    broker_thaw(real);
    assert_true(noticed);
    assert_in_range(took, 4000, 13000);
    assert_string_equal(seen.down_why, "the broker stopped answering");
    assert_true(seen.turns < 200);
    turn_close(&seen);
}

static void a_session_paused_for_long_stays_alive(void **state)
{
    (void)state;
    struct mqtt_options o = turn_options("127.0.0.1", broker_port(real), "patient");
    o.keepalive_s = 5;
    turn_open(&seen, &o);
    mqtt_subscribe(seen.m, "patient/#", 1);
    assert_true(turn_until(&seen, &seen.subscribed, 1, 3000));
    mqtt_set_reading(seen.m, false);
    open_and_wait(&other, "publisher");
    turn_publish(&other, "patient/x", 300);
    turn_close(&other);
    double cpu = turn_cpu_ms();
    turn_for(&seen, 18000);
    assert_true(turn_cpu_ms() - cpu < 100);
    assert_int_equal(seen.downs, 0);
    mqtt_set_reading(seen.m, true);
    assert_true(turn_until(&seen, &seen.messages, 300, 3000));
    turn_for(&seen, 6000);
    assert_int_equal(seen.downs, 0);
    turn_close(&seen);
}

/* A port whose queue of connections is full drops what comes: a broker behind a silent firewall. */
static int black_hole(int *ret_port, int fillers[static 4])
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(a);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, size), 0);
    assert_int_equal(listen(fd, 0), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &size), 0);
    for (int i = 0; i < 4; i++) {
        fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        (void)connect(fillers[i], (struct sockaddr *)&a, size);
    }
    *ret_port = ntohs(a.sin_port);
    return fd;
}

static void one_that_accepts_and_one_that_does_not_are_left_after_ten_seconds(void **state)
{
    (void)state;
    int port, fillers[4], hole = black_hole(&port, fillers);
    struct fake_broker *b = fake_broker_start();
    fake_broker_manner(b, FAKE_SILENT);
    struct mqtt_options o = turn_options("127.0.0.1", fake_broker_port(b), "silent");
    turn_open(&seen, &o);
    o.port = port;
    turn_open(&other, &o);
    double cpu = turn_cpu_ms();
    int64_t from = clock_now().mono;
    while ((!seen.downs || !other.downs) && clock_now().mono < from + 15000) {
        turn_for(&seen, 100);
        turn_for(&other, 100);
    }
    assert_in_range(clock_now().mono - from, 9500, 12000);
    assert_true(turn_cpu_ms() - cpu < 200);
    assert_int_equal(seen.downs, 1);
    assert_non_null(strstr(seen.down_why, "said nothing"));
    assert_int_equal(other.downs, 1);
    assert_non_null(strstr(other.down_why, "did not answer"));
    turn_close(&other);
    turn_close(&seen);
    fake_broker_stop(b);
    for (int i = 0; i < 4; i++) close(fillers[i]);
    close(hole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_read_but_not_committed_comes_again),
        cmocka_unit_test(a_goodbye_acknowledges_nothing_that_is_not_committed),
        cmocka_unit_test(outstanding_publishes_are_forgotten_with_the_connection),
        cmocka_unit_test(a_broker_that_dies_while_the_session_is_paused_does_not_spin),
        cmocka_unit_test(a_name_that_does_not_exist_is_said),
        cmocka_unit_test(tls_refuses_a_stranger_and_a_wrong_name),
        cmocka_unit_test(a_plain_port_is_no_tls_port),
        cmocka_unit_test(the_last_will_is_published_on_a_drop_and_on_request_only),
        cmocka_unit_test(what_is_no_mqtt_is_said_and_left),
        cmocka_unit_test(refusals_come_in_words),
        cmocka_unit_test(a_child_started_meanwhile_does_not_keep_a_dead_connection),
        cmocka_unit_test(a_broker_that_hangs_is_left_within_two_keepalives),
        cmocka_unit_test(a_session_paused_for_long_stays_alive),
        cmocka_unit_test(one_that_accepts_and_one_that_does_not_are_left_after_ten_seconds),
    };
    return cmocka_run_group_tests(tests, start_real, stop_real);
}
