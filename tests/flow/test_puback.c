/* The contract that the promise stands on, held on the wire: a PUBACK leaves in mqtt_write and nowhere else. If an
 * update of libmosquitto changes that, this fails, and not a hospital. Design section 3, point 1. */
#include "fake_broker.h"
#include "turn.h"

#include "unit.h"

static struct seen seen;

static struct fake_broker *start(void)
{
    struct fake_broker *b = fake_broker_start();
    assert_non_null(b);
    struct mqtt_options o = turn_options("127.0.0.1", fake_broker_port(b), "relay.in.feed");
    turn_open(&seen, &o);
    mqtt_subscribe(seen.m, "t/feeds/a/events", 1);
    assert_true(turn_until(&seen, &seen.subscribed, 1, 2000));
    return b;
}

static void stop(struct fake_broker *b)
{
    turn_close(&seen);
    fake_broker_stop(b);
}

static void with_the_commit_held_no_byte_leaves_for_two_seconds_and_then_the_puback(void **state)
{
    (void)state;
    struct fake_broker *b = start();
    size_t before = fake_broker_bytes(b);
    seen.hold = true;
    fake_broker_publish(b, "t/feeds/a/events", "{\"event_id\":\"1\"}");
    assert_true(turn_until(&seen, &seen.messages, 1, 2000));
    int64_t read_at = clock_now().mono;
    int turns = seen.turns;
    turn_for(&seen, 2000);
    assert_int_equal(fake_broker_count(b, FAKE_PUBACK), 0);
    assert_int_equal(fake_broker_bytes(b), before);
    assert_in_range(seen.turns - turns, 0, 20); /* and the loop sleeps meanwhile */

    seen.hold = false;
    turn_for(&seen, 20);
    assert_int_equal(fake_broker_wait(b, FAKE_PUBACK, 1, 1000), 1);
    struct fake_packet ack;
    assert_true(fake_broker_packet(b, FAKE_PUBACK, 0, &ack));
    assert_true(ack.at - read_at >= 2000);
    stop(b);
}

static void a_batch_read_together_is_acknowledged_together(void **state)
{
    (void)state;
    struct fake_broker *b = start();
    seen.hold = true;
    for (int i = 0; i < 50; i++) fake_broker_publish(b, "t/feeds/a/events", "{}");
    assert_true(turn_until(&seen, &seen.messages, 50, 2000));
    turn_for(&seen, 200);
    assert_int_equal(fake_broker_count(b, FAKE_PUBACK), 0);
    mqtt_write(seen.m);
    assert_int_equal(fake_broker_wait(b, FAKE_PUBACK, 50, 1000), 50);
    stop(b);
}

static void after_a_failed_commit_the_message_comes_again(void **state)
{
    (void)state;
    struct fake_broker *b = start();
    seen.hold = true;
    fake_broker_publish(b, "t/feeds/a/events", "{\"event_id\":\"7\"}");
    assert_true(turn_until(&seen, &seen.messages, 1, 2000));
    size_t before = fake_broker_bytes(b);
    mqtt_drop(seen.m, "the commit failed");
    assert_int_equal(seen.downs, 1);
    assert_string_equal(seen.down_why, "the commit failed");
    turn_for(&seen, 200);
    assert_int_equal(fake_broker_bytes(b), before); /* neither PUBACK nor DISCONNECT */

    seen.hold = false;
    assert_true(turn_until(&seen, &seen.messages, 2, 5000));
    turn_for(&seen, 50);
    assert_string_equal(seen.payloads[1], "{\"event_id\":\"7\"}");
    assert_true(seen.session_present);
    assert_int_equal(fake_broker_connections(b), 2);
    assert_int_equal(fake_broker_wait(b, FAKE_PUBACK, 1, 1000), 1);
    struct fake_packet ack;
    assert_true(fake_broker_packet(b, FAKE_PUBACK, 0, &ack));
    assert_int_equal(ack.connection, 2);
    assert_int_equal(fake_broker_count(b, FAKE_DISCONNECT), 0);
    stop(b);
}

static void every_connect_carries_session_expiry_and_subscribes_again(void **state)
{
    (void)state;
    struct fake_broker *b = start();
    fake_broker_cut(b);
    assert_true(turn_until(&seen, &seen.ups, 2, 5000));
    turn_for(&seen, 50);
    assert_int_equal(fake_broker_wait(b, FAKE_SUBSCRIBE, 2, 1000), 2);
    for (int i = 0; i < 2; i++) {
        struct fake_packet p;
        assert_true(fake_broker_packet(b, FAKE_CONNECT, i, &p));
        assert_int_equal(p.connection, i + 1);
        assert_memory_equal(p.bytes + 2, "\0\4MQTT\5", 7);
        assert_int_equal(p.bytes[9] & 2, 0); /* not a clean start */
        const unsigned char expiry[] = {0x11, 0, 0, 600 >> 8, 600 & 0xff};
        const unsigned char window[] = {0x21, 0, 100};
        const unsigned char largest[] = {0x27, 0, 0x10, 0, 0};
        assert_non_null(memmem(p.bytes, p.n, expiry, sizeof(expiry)));
        assert_non_null(memmem(p.bytes, p.n, window, sizeof(window)));
        assert_non_null(memmem(p.bytes, p.n, largest, sizeof(largest)));
    }
    stop(b);
}

static void service_writes_nothing_while_a_commit_is_held(void **state)
{
    (void)state;
    struct fake_broker *b = start();
    seen.hold = true;
    fake_broker_publish(b, "t/feeds/a/events", "{}");
    size_t before = fake_broker_bytes(b);
    assert_true(turn_until(&seen, &seen.messages, 1, 2000));
    struct now later = clock_now();
    for (int i = 0; i < 40; i++) { /* the loop's clock runs ahead; the library's own does not */
        later.mono += 1000;
        mqtt_service(seen.m, later);
        (void)mqtt_read(seen.m, 500);
    }
    assert_int_equal(mqtt_state(seen.m), MQTT_UP);
    turn_for(&seen, 50);
    assert_int_equal(fake_broker_bytes(b), before);
    mqtt_write(seen.m);
    assert_int_equal(fake_broker_wait(b, FAKE_PUBACK, 1, 1000), 1);
    stop(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(with_the_commit_held_no_byte_leaves_for_two_seconds_and_then_the_puback),
        cmocka_unit_test(a_batch_read_together_is_acknowledged_together),
        cmocka_unit_test(after_a_failed_commit_the_message_comes_again),
        cmocka_unit_test(every_connect_carries_session_expiry_and_subscribes_again),
        cmocka_unit_test(service_writes_nothing_while_a_commit_is_held),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
