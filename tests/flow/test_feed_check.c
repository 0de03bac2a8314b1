/* tocsin feed check, and push, at brokers with an access list, with TLS, over a unix socket. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "broker.h"
#include "child.h"
#include "fake_relay.h"
#include "unit.h"

static const char *const users[] = {"relay", "bank", "mute", "deaf", NULL};
static const char acl[] = "user relay\n"
                          "topic readwrite tocsin/v1/#\n"
                          "user bank\n"
                          "topic write tocsin/v1/feeds/bank/#\n"
                          "topic read tocsin/v1/receipts/bank\n"
                          "topic read tocsin/v1/relay/+/state\n"
                          "user mute\n"
                          "topic read tocsin/v1/receipts/bank\n";

static struct broker *strict, *open_one;
static struct fake_relay relay;
static struct child child;
static char dir[] = "/tmp/tocsin-check-XXXXXX";
static char file[64], port[8], tls_port[8], open_port[8];

static void write_file(const char *name, const char *text, mode_t mode)
{
    char path[96];
    (void)snprintf(path, sizeof(path), "%s/%s", dir, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

static int begin(void **state)
{
    (void)state;
    if (!mkdtemp(dir)) return -1;
    for (const char *const *user = users; *user; user++) write_file(*user, *user, 0600);
    write_file("wrong", "wrong", 0600);
    write_file("events", "{\"event_id\":\"a\"}\n{\"event_id\":\"b\"}\n", 0600);
    (void)snprintf(file, sizeof(file), "%s/events", dir);
    strict =
        broker_start(&(struct broker_setup){.tls = true, .unix_socket = true, .acl = acl, .users = users});
    open_one = broker_start(&(struct broker_setup){0});
    (void)snprintf(port, sizeof(port), "%d", broker_port(strict));
    (void)snprintf(tls_port, sizeof(tls_port), "%d", broker_tls_port(strict));
    (void)snprintf(open_port, sizeof(open_port), "%d", broker_port(open_one));
    return 0;
}

static int end(void **state)
{
    (void)state;
    broker_stop(strict);
    broker_stop(open_one);
    char command[80];
    (void)snprintf(command, sizeof(command), "rm -rf %s", dir);
    return system(command); // NOLINT(cert-env33-c): our own folder
}

static void relay_start(struct broker *b)
{
    struct mqtt_options o = turn_options("127.0.0.1", broker_port(b), "relay");
    o.clean_start = true;
    o.session_expiry_s = 0;
    o.username = o.password = "relay";
    fake_relay_start(&relay, "bank", &o);
}

static int stop(void **state)
{
    (void)state;
    child_release(&child);
    if (relay.seen.m) fake_relay_stop(&relay);
    return 0;
}

/* `tocsin feed VERB --feed bank` with more; --password-file of the user when there is one. */
static void run(const char *verb, const char *user, const char *a, const char *b, const char *c,
                const char *d, const char *e)
{
    char password[96];
    const char *argv[24] = {child_tocsin, "feed", verb, "--feed", "bank"};
    int n = 5;
    if (user) {
        bool wrong = strcmp(user, "wrong") == 0;
        (void)snprintf(password, sizeof(password), "%s/%s", dir, user);
        argv[n++] = "--username";
        argv[n++] = wrong ? "bank" : user;
        argv[n++] = "--password-file";
        argv[n++] = password;
    }
    const char *more[] = {a, b, c, d, e};
    for (size_t i = 0; i < COUNT(more) && more[i]; i++) argv[n++] = more[i];
    child = child_start(argv, "/dev/null");
    int64_t until = clock_now().mono + 10000;
    while (!child_ended(&child) && clock_now().mono < until)
        if (relay.seen.m)
            fake_relay_turn(&relay, 5);
        else
            (void)usleep(5000);
    if (child.pid) fail_msg("it did not end");
}

static void assert_says(const char *words)
{
    if (!strstr(child.out, words) && !strstr(child.err, words))
        fail_msg("\"%s\" is not in:\n%s%s", words, child.out, child.err);
}

static void with_a_good_access_list_everything_is_ok(void **state)
{
    (void)state;
    relay_start(strict);
    static const char up[] = "{\"v\":1,\"state\":\"up\",\"version\":\"0.1.0\"}";
    assert_int_equal(mqtt_publish(relay.seen.m, "tocsin/v1/relay/yanta-1/state", up, strlen(up), true, 0, 0),
                     RELAY_OK);
    fake_relay_turn(&relay, 20);
    run("check", "bank", "--port", port, NULL, NULL, NULL);
    assert_says("[ ok ] connected with MQTT 5\n");
    assert_says("[ ok ] may subscribe to its receipts, tocsin/v1/receipts/bank");
    assert_says("[ ok ] may publish as bank, and somebody listens");
    assert_says("[ ok ] may not publish as another feed");
    assert_says("[note] relay yanta-1 is up, version 0.1.0");
    assert_int_equal(child.code, 0);
}

static void a_missing_access_list_is_said_with_the_lines_to_write(void **state)
{
    (void)state;
    relay_start(open_one);
    run("check", NULL, "--port", open_port, NULL, NULL, NULL);
    assert_says("[FAIL] may publish as any other feed");
    assert_says("topic write tocsin/v1/feeds/bank/#");
    assert_int_equal(child.code, 1);
}

static void a_relay_that_does_not_listen_is_said(void **state)
{
    (void)state;
    run("check", "bank", "--port", port, NULL, NULL, NULL);
    assert_says("[FAIL] may publish as bank, but nobody listens");
    assert_int_equal(child.code, 1);
}

static void a_user_that_may_not_write_is_told_what_to_allow(void **state)
{
    (void)state;
    relay_start(strict);
    run("check", "mute", "--port", port, NULL, NULL, NULL);
    assert_says("[FAIL] may not publish as bank");
    assert_says("allow this user to write tocsin/v1/feeds/bank/#");
    assert_int_equal(child.code, 1);
    child_release(&child);

    char spool[96];
    (void)snprintf(spool, sizeof(spool), "%s/spool", dir);
    run("push", "mute", "--port", port, "--spool", spool, file);
    assert_says("the broker does not let this user publish to tocsin/v1/feeds/bank/events");
    assert_int_equal(child.code, 1);
    child_release(&child);
    run("push", "bank", "--port", port, "--spool", spool, NULL); /* what waited goes under the right user */
    assert_says("2 accepted");
    assert_int_equal(child.code, 0);
}

static void a_wrong_password_and_an_absent_broker_are_told_apart(void **state)
{
    (void)state;
    run("check", "wrong", "--port", port, NULL, NULL, NULL);
    assert_says("[FAIL] the broker 127.0.0.1:");
    assert_says("refuses bank.check.");
    assert_int_equal(child.code, 1);
    child_release(&child);
    run("check", NULL, "--port", "1", NULL, NULL, NULL);
    assert_says("Connection refused");
    assert_int_equal(child.code, 1);
}

static void tls_and_unix_sockets_work_for_both(void **state)
{
    (void)state;
    relay_start(strict);
    run("check", "bank", "--port", tls_port, "--tls-ca", broker_ca(strict), NULL);
    assert_says("[ ok ] connected with MQTT 5, TLS, certificate checked");
    assert_int_equal(child.code, 0);
    child_release(&child);
    char spool[96];
    (void)snprintf(spool, sizeof(spool), "%s/spool", dir);
    run("push", "bank", "--unix", broker_unix_path(strict), "--spool", spool, file);
    assert_says("2 accepted");
    assert_int_equal(child.code, 0);
}

static void a_password_that_others_can_read_is_refused(void **state)
{
    (void)state;
    write_file("loose", "x", 0644);
    char path[96];
    (void)snprintf(path, sizeof(path), "%s/loose", dir);
    assert_int_equal(chmod(path, 0644), 0);
    run("check", "loose", "--port", port, NULL, NULL, NULL);
    assert_says("loose");
    assert_int_equal(child.code, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(with_a_good_access_list_everything_is_ok, stop),
        cmocka_unit_test_teardown(a_missing_access_list_is_said_with_the_lines_to_write, stop),
        cmocka_unit_test_teardown(a_relay_that_does_not_listen_is_said, stop),
        cmocka_unit_test_teardown(a_user_that_may_not_write_is_told_what_to_allow, stop),
        cmocka_unit_test_teardown(a_wrong_password_and_an_absent_broker_are_told_apart, stop),
        cmocka_unit_test_teardown(tls_and_unix_sockets_work_for_both, stop),
        cmocka_unit_test_teardown(a_password_that_others_can_read_is_refused, stop),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
