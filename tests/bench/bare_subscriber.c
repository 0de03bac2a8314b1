/* The reference of `bench ingest`: a libmosquitto QoS 1 subscriber that throws messages away, with the same loop and window
 * as the relay's feeds, and nothing else.
 *
 *   bare_subscriber (--port N | --unix PATH) --topic T --count N [--window N] [--ready FILE]
 *
 * Makes FILE when it is subscribed. After N messages it prints one JSON object: time and CPU from the first message on.
 */
#include <getopt.h>
#include <mosquitto.h>
#include <mqtt_protocol.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#include "timing.h"

#include "base/banned.h"

static struct {
    const char *host, *unix_path, *topic, *ready;
    int port, window;
    long count;
} o = {.host = "127.0.0.1", .topic = "", .window = 500};

static long received;
static double first_at, first_cpu;

static void on_connect(struct mosquitto *m, void *arg, int reason)
{
    (void)arg;
    if (reason != 0) {
        (void)fprintf(stderr, "bare_subscriber: refused: %s\n", mosquitto_reason_string(reason));
        exit(1);
    }
    (void)mosquitto_subscribe(m, NULL, o.topic, 1);
}

static void on_subscribe(struct mosquitto *m, void *arg, int mid, int n, const int *granted)
{
    (void)m, (void)arg, (void)mid, (void)n, (void)granted;
    FILE *f = o.ready ? fopen(o.ready, "we") : NULL;
    if (f) (void)fclose(f);
}

static void on_message(struct mosquitto *m, void *arg, const struct mosquitto_message *message)
{
    (void)m, (void)arg, (void)message;
    if (received++ == 0) {
        first_at = seconds_by(CLOCK_MONOTONIC);
        first_cpu = seconds_by(CLOCK_PROCESS_CPUTIME_ID);
    }
}

static bool parse(int argc, char **argv)
{
    static const struct option options[] = {
        {"host", 1, NULL, 'h'},  {"port", 1, NULL, 'p'},   {"unix", 1, NULL, 'u'},  {"topic", 1, NULL, 't'},
        {"count", 1, NULL, 'n'}, {"window", 1, NULL, 'w'}, {"ready", 1, NULL, 'r'}, {NULL, 0, NULL, 0}};
    int c;
    while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) switch (c) {
        case 'h': o.host = optarg; break;
        case 'p': o.port = (int)strtol(optarg, NULL, 10); break;
        case 'u': o.unix_path = optarg; break;
        case 't': o.topic = optarg; break;
        case 'n': o.count = strtol(optarg, NULL, 10); break;
        case 'w': o.window = (int)strtol(optarg, NULL, 10); break;
        case 'r': o.ready = optarg; break;
        default: return false;
        }
    return optind == argc && *o.topic && (o.port || o.unix_path) && o.count > 1;
}

int main(int argc, char **argv)
{
    if (!parse(argc, argv)) {
        (void)fprintf(stderr,
                      "usage: bare_subscriber (--port N | --unix PATH) --topic T --count N [--window N] "
                      "[--ready FILE]\n");
        return 2;
    }
    mosquitto_lib_init();
    struct mosquitto *m = mosquitto_new("bare-subscriber", true, NULL);
    if (!m) return 1;
    mosquitto_threaded_set(m, true);
    mosquitto_int_option(m, MOSQ_OPT_PROTOCOL_VERSION, MQTT_PROTOCOL_V5);
    mosquitto_int_option(m, MOSQ_OPT_RECEIVE_MAXIMUM, o.window);
    if (!o.unix_path) mosquitto_int_option(m, MOSQ_OPT_TCP_NODELAY, 1);
    mosquitto_connect_callback_set(m, on_connect);
    mosquitto_subscribe_callback_set(m, on_subscribe);
    mosquitto_message_callback_set(m, on_message);
    int rc = mosquitto_connect(m, o.unix_path ? o.unix_path : o.host, o.unix_path ? 0 : o.port, 60);
    while (rc == MOSQ_ERR_SUCCESS && received < o.count) {
        struct pollfd p = {.fd = mosquitto_socket(m),
                           .events = (short)(POLLIN | (mosquitto_want_write(m) ? POLLOUT : 0))};
        (void)poll(&p, 1, 1000);
        long batch = received + o.window, before;
        do {
            before = received;
            rc = mosquitto_loop_read(m, 1);
        } while (rc == MOSQ_ERR_SUCCESS && received > before && received < batch);
        if (rc == MOSQ_ERR_SUCCESS) rc = mosquitto_loop_write(m, 1);
        if (rc == MOSQ_ERR_SUCCESS) rc = mosquitto_loop_misc(m);
    }
    if (rc != MOSQ_ERR_SUCCESS) {
        (void)fprintf(stderr, "bare_subscriber: %s after %ld messages\n", mosquitto_strerror(rc), received);
        return 1;
    }
    double seconds = seconds_by(CLOCK_MONOTONIC) - first_at,
           cpu = seconds_by(CLOCK_PROCESS_CPUTIME_ID) - first_cpu;
    (void)printf("{\"received\":%ld,\"seconds\":%.3f,\"rate\":%.0f,\"cpu_us\":%.2f}\n", received, seconds,
                 (double)(received - 1) / seconds, cpu * 1e6 / (double)(received - 1));
    mosquitto_destroy(m);
    mosquitto_lib_cleanup();
    return 0;
}
