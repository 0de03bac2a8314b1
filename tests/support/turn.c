/* The relay's turn in small. */
#include "turn.h"

#include <sys/resource.h>

#include "unit.h"

static void on_message(void *arg, const struct mqtt_message *m)
{
    struct seen *s = arg;
    int i = s->messages++ % SEEN_MAX;
    (void)snprintf(s->topics[i], sizeof(s->topics[i]), "%s", m->topic);
    (void)snprintf(s->payloads[i], sizeof(s->payloads[i]), "%.*s", (int)m->payload_len, m->payload);
    s->qos[i] = m->qos;
    s->retain[i] = m->retain;
}

static void on_published(void *arg, uint64_t token, int reason)
{
    struct seen *s = arg;
    int i = s->published++ % SEEN_MAX;
    s->tokens[i] = token;
    s->reasons[i] = reason;
}

static void on_up(void *arg, bool session_present)
{
    struct seen *s = arg;
    s->ups++;
    s->up_at = clock_now().mono;
    s->session_present = session_present;
}

static void on_down(void *arg, const char *why)
{
    struct seen *s = arg;
    s->downs++;
    (void)snprintf(s->down_why, sizeof(s->down_why), "%s", why);
}

static void on_subscribed(void *arg, const char *filter, int reason)
{
    (void)filter;
    struct seen *s = arg;
    s->granted[s->subscribed++ % 8] = reason;
}

struct mqtt_options turn_options(const char *host, int port, const char *client_id)
{
    return (struct mqtt_options){.host = host,
                                 .port = port,
                                 .client_id = client_id,
                                 .session_expiry_s = 600,
                                 .receive_maximum = 100,
                                 .max_packet = 1 << 20,
                                 .keepalive_s = 10,
                                 .max_inflight_out = 100};
}

void turn_open(struct seen *s, const struct mqtt_options *o)
{
    memset(s, 0, sizeof(*s));
    struct reason why = {{0}};
    assert_int_equal(loop_new(&s->loop, &why), RELAY_OK);
    struct mqtt_callbacks cb = {.message = on_message,
                                .published = on_published,
                                .up = on_up,
                                .down = on_down,
                                .subscribed = on_subscribed,
                                .arg = s};
    if (mqtt_new(s->loop, o, &cb, &s->m, &why) != RELAY_OK) fail_msg("%s", why.text);
}

void turn_close(struct seen *s)
{
    s->m = mqtt_free(s->m);
    s->loop = loop_free(s->loop);
}

static void turn(struct seen *s, int64_t end)
{
    int64_t due = mqtt_next_due(s->m);
    struct now now = loop_wait(s->loop, due < end ? due : end);
    loop_run_done(s->loop);
    s->turns++;
    mqtt_service(s->m, now);
    (void)mqtt_read(s->m, s->batch ? s->batch : 500);
    if (!s->hold) mqtt_write(s->m);
}

void turn_for(struct seen *s, int ms)
{
    int64_t end = clock_now().mono + ms;
    while (clock_now().mono < end) turn(s, end);
}

bool turn_until(struct seen *s, const int *what, int n, int ms)
{
    int64_t end = clock_now().mono + ms;
    while (*what < n && clock_now().mono < end) turn(s, end);
    return *what >= n;
}

void turn_publish(struct seen *s, const char *topic, int n)
{
    int wanted = s->published + n;
    for (int i = 0; i < n;) {
        char payload[32];
        int size = snprintf(payload, sizeof(payload), "%d", i);
        enum relay_err err = mqtt_publish(s->m, topic, payload, (size_t)size, false, 0, (uint64_t)i + 1);
        if (err == RELAY_OK) {
            i++;
        } else {
            assert_int_equal(err, RELAY_LIMIT);
            assert_true(turn_until(s, &s->published, s->published + 1, 3000));
        }
    }
    assert_true(turn_until(s, &s->published, wanted, 5000));
}

double turn_cpu_ms(void)
{
    struct rusage u;
    getrusage(RUSAGE_THREAD, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e3 +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e3;
}
