/* Sessions against a real mosquitto that keeps sessions, dies, refuses and comes back. */
#include "io/mqtt.h"

#include <poll.h>
#include <unistd.h>

#include "broker.h"
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

static void a_durable_session_keeps_what_came_while_it_was_away(void **state)
{
    (void)state;
    open_real(&seen, "durable");
    mqtt_subscribe(seen.m, "a/#", 1);
    assert_true(turn_until(&seen, &seen.subscribed, 1, 3000));
    assert_false(seen.session_present);
    turn_close(&seen);

    open_and_wait(&other, "publisher");
    turn_publish(&other, "a/b", 20);
    turn_close(&other);

    open_and_wait(&seen, "durable");
    assert_true(seen.session_present);
    assert_true(turn_until(&seen, &seen.messages, 20, 3000));
    assert_string_equal(seen.topics[0], "a/b");
    assert_string_equal(seen.payloads[19], "19");
    turn_close(&seen);
}

static void a_broker_that_dies_is_noticed_and_found_again(void **state)
{
    (void)state;
    open_real(&seen, "survivor");
    mqtt_subscribe(seen.m, "s/#", 1);
    assert_true(turn_until(&seen, &seen.subscribed, 1, 3000));
    broker_kill(real);
    assert_true(turn_until(&seen, &seen.downs, 1, 1000));
    assert_int_equal(mqtt_state(seen.m), MQTT_IDLE);
    assert_int_equal(mqtt_publish(seen.m, "s/1", "x", 1, false, 0, 1), RELAY_OFFLINE);
    assert_int_equal(mqtt_inflight(seen.m), 0);
    assert_true(turn_until(&seen, &seen.downs, 2, 3000));
    assert_non_null(strstr(seen.down_why, "Connection refused"));
    broker_start_again(real);
    assert_true(turn_until(&seen, &seen.subscribed, 2, 10000));
    turn_publish(&seen, "s/1", 1);
    assert_true(turn_until(&seen, &seen.messages, 1, 2000));
    turn_for(&seen, 100);
    assert_int_equal(seen.messages, 1); /* what was refused offline was not kept and sent */
    turn_close(&seen);
}

static void a_session_that_is_not_read_holds_the_broker_back_without_work(void **state)
{
    (void)state;
    open_real(&seen, "slow");
    mqtt_subscribe(seen.m, "slow/#", 1);
    assert_true(turn_until(&seen, &seen.subscribed, 1, 3000));
    mqtt_set_reading(seen.m, false);
    open_and_wait(&other, "publisher");
    turn_publish(&other, "slow/x", 1000);
    turn_close(&other);

    int turns = seen.turns;
    double cpu = turn_cpu_ms();
    turn_for(&seen, 1000);
    assert_true(turn_cpu_ms() - cpu < 50);
    assert_in_range(seen.turns - turns, 0, 20);
    assert_int_equal(seen.messages, 0);

    mqtt_set_reading(seen.m, true);
    seen.hold = true;
    turn_for(&seen, 300);
    assert_int_equal(seen.messages, 100); /* the window: the broker sends no more before the commit */
    seen.hold = false;
    mqtt_write(seen.m);
    assert_true(turn_until(&seen, &seen.messages, 1000, 3000));
    for (int i = 0; i < 1000; i++) assert_int_equal(strtol(seen.payloads[i], NULL, 10), i);
    turn_close(&seen);
}

static void read_takes_at_most_what_was_asked_for(void **state)
{
    (void)state;
    open_real(&seen, "batch");
    mqtt_subscribe(seen.m, "batch/#", 1);
    assert_true(turn_until(&seen, &seen.subscribed, 1, 3000));
    open_and_wait(&other, "publisher");
    turn_publish(&other, "batch/x", 50);
    turn_close(&other);
    struct now now = loop_wait(seen.loop, clock_now().mono + 1000);
    mqtt_service(seen.m, now);
    assert_int_equal(mqtt_read(seen.m, 7), 7);
    assert_int_equal(mqtt_read(seen.m, 7), 7);
    assert_int_equal(mqtt_read(seen.m, 500), 36);
    assert_int_equal(mqtt_read(seen.m, 500), 0);
    mqtt_write(seen.m);
    turn_close(&seen);
}

static void a_unix_socket_is_a_broker_too(void **state)
{
    (void)state;
    struct mqtt_options o = turn_options(broker_unix_path(real), 0, "unix");
    turn_open(&seen, &o);
    mqtt_subscribe(seen.m, "u/#", 1);
    assert_true(turn_until(&seen, &seen.subscribed, 1, 3000));
    turn_publish(&seen, "u/x", 10);
    assert_true(turn_until(&seen, &seen.messages, 10, 2000));
    turn_close(&seen);
}

static void a_name_is_resolved_off_the_loop_and_tried_at_both_families(void **state)
{
    (void)state;
    struct mqtt_options o = turn_options("localhost", broker_port(real), "name"); /* nobody listens at ::1 */
    turn_open(&seen, &o);
    mqtt_service(seen.m, clock_now());
    assert_int_equal(mqtt_state(seen.m), MQTT_CONNECTING);
    assert_int_equal(mqtt_publish(seen.m, "n/x", "x", 1, false, 0, 1), RELAY_OFFLINE);
    assert_true(turn_until(&seen, &seen.ups, 1, 3000));
    assert_int_equal(seen.downs, 0);
    turn_close(&seen);
}

static void a_session_may_go_away_while_it_connects(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++) {
        struct mqtt_options o = turn_options("localhost", broker_port(real), "gone");
        turn_open(&seen, &o);
        mqtt_service(seen.m, clock_now());
        if (i % 2) mqtt_drop(seen.m, "test");
        turn_close(&seen);
    }
}

static void tls_checks_the_broker_and_then_carries_messages(void **state)
{
    (void)state;
    struct mqtt_options o = turn_options("localhost", broker_tls_port(real), "tls");
    o.tls_ca = broker_ca(real);
    turn_open(&seen, &o);
    mqtt_subscribe(seen.m, "tls/#", 1);
    assert_true(turn_until(&seen, &seen.subscribed, 1, 5000));
    turn_publish(&seen, "tls/x", 300);
    assert_true(turn_until(&seen, &seen.messages, 300, 5000));

    seen.hold = true; /* the same promise inside TLS */
    turn_publish(&seen, "none/x", 0);
    int before = seen.messages;
    open_and_wait(&other, "publisher");
    turn_publish(&other, "tls/y", 5);
    assert_true(turn_until(&seen, &seen.messages, before + 5, 3000));
    mqtt_drop(seen.m, "commit failed");
    seen.hold = false;
    assert_true(turn_until(&seen, &seen.messages, before + 10, 5000));
    turn_close(&other);
    turn_close(&seen);
}

static void nobody_listening_and_not_allowed_are_told_apart(void **state)
{
    (void)state;
    static const char *const users[] = {"relay", "bank", NULL};
    struct broker *b = broker_start(&(struct broker_setup){
        .users = users, .acl = "user relay\ntopic readwrite #\nuser bank\ntopic write feeds/bank/#\n"});
    struct mqtt_options o = turn_options("127.0.0.1", broker_port(b), "bank");
    o.username = o.password = "bank";
    turn_open(&seen, &o);
    assert_true(turn_until(&seen, &seen.ups, 1, 3000));
    assert_int_equal(mqtt_publish(seen.m, "feeds/bank/events", "x", 1, false, 0, 7), RELAY_OK);
    assert_int_equal(mqtt_publish(seen.m, "feeds/other/events", "x", 1, false, 0, 8), RELAY_OK);
    assert_true(turn_until(&seen, &seen.published, 2, 3000));
    assert_int_equal(seen.tokens[0], 7);
    assert_int_equal(seen.reasons[0], 16);
    assert_int_equal(seen.tokens[1], 8);
    assert_int_equal(seen.reasons[1], 135);
    assert_int_equal(mqtt_inflight(seen.m), 0);
    turn_close(&seen);

    o.password = "wrong";
    turn_open(&seen, &o);
    assert_true(turn_until(&seen, &seen.downs, 1, 3000));
    assert_non_null(strstr(seen.down_why, "bank"));
    assert_null(strstr(seen.down_why, "wrong "));
    assert_int_equal(seen.ups, 0);
    turn_close(&seen);
    broker_stop(b);
}

static void a_second_client_of_the_same_name_is_hinted_at(void **state)
{
    (void)state;
    open_and_wait(&seen, "twin");
    open_and_wait(&other, "twin");
    assert_true(turn_until(&seen, &seen.downs, 1, 2000));
    assert_non_null(strstr(seen.down_why, "client id twin")); /* mosquitto 2.0 closes without saying more */
    turn_close(&other);
    turn_close(&seen);
}

static void the_window_of_publishes_is_kept(void **state)
{
    (void)state;
    struct mqtt_options o = turn_options("127.0.0.1", broker_port(real), "limited");
    o.max_inflight_out = 3;
    turn_open(&seen, &o);
    assert_int_equal(mqtt_publish(seen.m, "l/x", "x", 1, false, 0, 1), RELAY_OFFLINE);
    assert_true(turn_until(&seen, &seen.ups, 1, 3000));
    for (uint64_t i = 1; i <= 3; i++)
        assert_int_equal(mqtt_publish(seen.m, "l/x", "x", 1, false, 60, i), RELAY_OK);
    assert_int_equal(mqtt_publish(seen.m, "l/x", "x", 1, false, 0, 4), RELAY_LIMIT);
    assert_int_equal(mqtt_publish(seen.m, "l/#", "x", 1, false, 0, 4), RELAY_LIMIT);
    assert_true(turn_until(&seen, &seen.published, 3, 2000));
    assert_int_equal(mqtt_publish(seen.m, "l/#", "x", 1, false, 0, 4), RELAY_INVALID);
    assert_int_equal(mqtt_publish(seen.m, "l/x", "x", 1, false, 0, 5), RELAY_OK);
    assert_true(turn_until(&seen, &seen.published, 4, 2000));
    assert_int_equal(seen.tokens[3], 5);
    turn_close(&seen);
}

static void retries_go_from_one_second_to_sixty_and_vary(void **state)
{
    (void)state;
    struct mqtt_options o = turn_options("127.0.0.1", 1, "nobody"); /* nobody listens at port 1 */
    turn_open(&seen, &o);
    struct now now = clock_now();
    int64_t longest = 0;
    for (int i = 0; i < 9; i++) {
        while (seen.downs == i) {
            mqtt_service(seen.m, now);
            (void)loop_wait(seen.loop, clock_now().mono + 5);
        }
        int64_t wait = mqtt_next_due(seen.m) - now.mono;
        int64_t top = i < 6 ? 1000LL << i : 60000;
        assert_in_range(wait, top / 2, top);
        mqtt_service(seen.m, (struct now){.mono = now.mono + wait - 1});
        assert_int_equal(mqtt_state(seen.m), MQTT_IDLE);
        now.mono += wait;
        longest = wait;
    }
    assert_in_range(longest, 30000, 60000);
    assert_non_null(strstr(seen.down_why, "127.0.0.1:1"));
    turn_close(&seen);
}

static void wrong_settings_are_named(void **state)
{
    (void)state;
    static const struct {
        struct mqtt_options o;
        const char *word;
    } cases[] = {
        {{.host = "", .port = 1, .client_id = "c"}, "host"},
        {{.host = "h", .port = 0, .client_id = "c"}, "port 0"},
        {{.host = "h", .port = 1, .client_id = ""}, "client id"},
        {{.host = "h", .port = 1, .client_id = "c", .keepalive_s = 2}, "keepalive 2"},
        {{.host = "h", .port = 1, .client_id = "c"}, "window"},
        {{.host = "/s", .client_id = "c", .receive_maximum = 1, .max_inflight_out = 1, .tls_ca = "x"},
         "unix socket"},
        {{.host = "h",
          .port = 1,
          .client_id = "c",
          .receive_maximum = 1,
          .max_inflight_out = 1,
          .tls_ca = "/no/ca"},
         "/no/ca"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct mqtt_callbacks cb = {0};
        struct mqtt *m = NULL;
        struct reason why = {{0}};
        assert_int_equal(mqtt_new(NULL, &cases[i].o, &cb, &m, &why), RELAY_INVALID);
        assert_null(m);
        if (!strstr(why.text, cases[i].word)) fail_msg("case %zu: %s", i, why.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_durable_session_keeps_what_came_while_it_was_away),
        cmocka_unit_test(a_broker_that_dies_is_noticed_and_found_again),
        cmocka_unit_test(a_session_that_is_not_read_holds_the_broker_back_without_work),
        cmocka_unit_test(read_takes_at_most_what_was_asked_for),
        cmocka_unit_test(a_unix_socket_is_a_broker_too),
        cmocka_unit_test(a_name_is_resolved_off_the_loop_and_tried_at_both_families),
        cmocka_unit_test(a_session_may_go_away_while_it_connects),
        cmocka_unit_test(tls_checks_the_broker_and_then_carries_messages),
        cmocka_unit_test(nobody_listening_and_not_allowed_are_told_apart),
        cmocka_unit_test(a_second_client_of_the_same_name_is_hinted_at),
        cmocka_unit_test(the_window_of_publishes_is_kept),
        cmocka_unit_test(retries_go_from_one_second_to_sixty_and_vary),
        cmocka_unit_test(wrong_settings_are_named),
    };
    return cmocka_run_group_tests(tests, start_real, stop_real);
}
