/* tocsin feed check: what a feed needs at the broker, tried out one by one. */
#include <stdarg.h>

#include "base/i18n.h"
#include "base/json.h"
#include "base/mem.h"
#include "cli/cli.h"
#include "cli/feed_client.h"

enum { CONNECT_MS = 15 * 1000, ANSWER_MS = 5 * 1000, STATE_MS = 500, MAX_ATTEMPTS = 2 };

/* Not an id that anybody has; its heartbeat is refused, or goes nowhere. */
#define STRANGER "tocsin-feed-check"

enum step { OWN = 1, OTHER = 2 }; /* tokens */

struct check {
    const struct feed_client *c;
    struct loop *loop;
    struct mqtt *mqtt;
    struct now now;
    char *receipts, *states;
    int granted[2]; /* receipts, states; -1: no answer yet */
    int answered[3];
    int ups, downs, failed;
    char down_why[300], relay_id[64], relay_state[16], relay_version[32];
};

static void line(struct check *k, const char *sign, const char *fmt, va_list args)
{
    (void)k;
    (void)printf("%s ", sign);
    (void)vprintf(fmt, args);
    (void)putchar('\n');
}

static void good(struct check *k, const char *fmt, ...) PRINTF(2, 3);
static void good(struct check *k, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    line(k, _("[ ok ]"), fmt, args);
    va_end(args);
}

static void note(struct check *k, const char *fmt, ...) PRINTF(2, 3);
static void note(struct check *k, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    line(k, _("[note]"), fmt, args);
    va_end(args);
}

static void bad(struct check *k, const char *fmt, ...) PRINTF(2, 3);
static void bad(struct check *k, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    line(k, _("[FAIL]"), fmt, args);
    va_end(args);
    k->failed++;
}

static void on_message(void *arg, const struct mqtt_message *m)
{
    struct check *k = arg;
    CLEANUP(json_free_ptr) cJSON *j = NULL;
    const struct json_limits limits = {64 * 1024, 8};
    size_t head = strlen(k->states) - strlen("+/state");
    struct reason why;
    if (k->relay_id[0] || strncmp(m->topic, k->states, head) != 0) return;
    if (json_parse(m->payload, m->payload_len, &limits, &j, &why) != RELAY_OK) return;
    size_t n = strcspn(m->topic + head, "/");
    (void)snprintf(k->relay_id, sizeof(k->relay_id), "%.*s", (int)n, m->topic + head);
    (void)snprintf(k->relay_state, sizeof(k->relay_state), "%s", json_str_or(j, "state", "?"));
    (void)snprintf(k->relay_version, sizeof(k->relay_version), "%s", json_str_or(j, "version", ""));
}

static void on_published(void *arg, uint64_t token, int reason)
{
    struct check *k = arg;
    if (token == OWN || token == OTHER) k->answered[token] = reason;
}

static void on_up(void *arg, bool session_present)
{
    (void)session_present;
    struct check *k = arg;
    k->ups++;
}

static void on_down(void *arg, const char *why)
{
    struct check *k = arg;
    k->downs++;
    (void)snprintf(k->down_why, sizeof(k->down_why), "%s", why);
}

static void on_subscribed(void *arg, const char *filter, int reason)
{
    struct check *k = arg;
    k->granted[strcmp(filter, k->receipts) != 0] = reason;
}

/* Turns until *what is no longer `from`, or the connection is lost, or ms passed. */
static void turn_until(struct check *k, const int *what, int from, int ms)
{
    int downs = k->downs;
    int64_t end = k->now.mono + ms;
    while (*what == from && k->downs < downs + MAX_ATTEMPTS && k->now.mono < end) {
        int64_t due = mqtt_next_due(k->mqtt);
        k->now = loop_wait(k->loop, due < end ? due : end);
        loop_run_done(k->loop);
        mqtt_service(k->mqtt, k->now);
        (void)mqtt_read(k->mqtt, 100);
        mqtt_write(k->mqtt);
        if (what != &k->ups && k->downs > downs) return;
    }
}

static void check_connection(struct check *k)
{
    turn_until(k, &k->ups, 0, CONNECT_MS);
    if (k->ups)
        good(k, _("connected with MQTT 5%s"), k->c->tls_ca ? _(", TLS, certificate checked") : "");
    else
        bad(k,
            _("%s; look at --host, --port, --username, --password-file and --tls-ca, and whether the broker "
              "runs"),
            k->downs ? k->down_why : _("no answer from the broker"));
    if (k->ups && !k->c->tls_ca && !k->c->unix_path && strncmp(k->c->host, "127.", 4) != 0 &&
        strcmp(k->c->host, "localhost") != 0 && strcmp(k->c->host, "::1") != 0)
        note(k, _("the connection is not encrypted, and it leaves this machine: use --tls-ca"));
}

static void check_receipts(struct check *k)
{
    turn_until(k, &k->granted[0], -1, ANSWER_MS);
    if (k->granted[0] == 1)
        good(k, _("may subscribe to its receipts, %s"), k->receipts);
    else if (k->granted[0] == 0)
        bad(k, _("the broker gives receipts with QoS 0 only, which can lose them: allow QoS 1 on %s"),
            k->receipts);
    else
        bad(k, _("may not subscribe to its receipts, %s (%s): allow this user to read it"), k->receipts,
            k->granted[0] < 0 ? _("no answer") : mqtt_reason(k->granted[0]));
}

static int try_heartbeat(struct check *k, const char *feed, enum step step)
{
    CLEANUP(free_ptr) char *topic = feed_client_topic(k->c, feed, "heartbeat");
    static const char text[] = "{\"last_seq\":0}";
    k->answered[step] = -1;
    if (mqtt_publish(k->mqtt, topic, text, sizeof(text) - 1, false, 0, step) != RELAY_OK) return -1;
    turn_until(k, &k->answered[step], -1, ANSWER_MS);
    return k->answered[step];
}

static void check_own_topic(struct check *k)
{
    int reason = try_heartbeat(k, k->c->feed, OWN);
    if (reason == 0)
        good(k, _("may publish as %s, and somebody listens"), k->c->feed);
    else if (reason == 16)
        bad(k,
            _("may publish as %s, but nobody listens: start the relay, and put this feed into its "
              "configuration"),
            k->c->feed);
    else
        bad(k, _("may not publish as %s (%s): allow this user to write %s/feeds/%s/#"), k->c->feed,
            reason < 0 ? (k->downs ? k->down_why : _("no answer")) : mqtt_reason(reason), k->c->prefix,
            k->c->feed);
}

/* Some brokers answer a forbidden publish by hanging up: that is a refusal too. */
static void check_other_topic(struct check *k)
{
    int downs = k->downs, reason = try_heartbeat(k, STRANGER, OTHER);
    if (reason == 135 || k->downs > downs)
        good(k, _("may not publish as another feed"));
    else if (reason == 0 || reason == 16)
        bad(k,
            _("may publish as any other feed, so anybody with this password can: the broker lacks an access "
              "list; give each "
              "feed a user of its own and allow it only `topic write %s/feeds/%s/#` and `topic read "
              "%s/receipts/%s`"),
            k->c->prefix, k->c->feed, k->c->prefix, k->c->feed);
    else
        note(k, _("whether it may publish as another feed could not be seen (%s)"),
             reason < 0 ? _("no answer") : mqtt_reason(reason));
}

/* A courtesy: an access list may well keep the relay's state from feeds. */
static void show_relay(struct check *k)
{
    int none = 0;
    if (!k->relay_id[0]) turn_until(k, &none, 0, STATE_MS);
    if (k->relay_id[0])
        note(k, _("relay %s is %s%s%s"), k->relay_id, k->relay_state,
             k->relay_version[0] ? _(", version ") : "", k->relay_version);
}

int feed_check(const struct feed_client *c)
{
    struct check k = {.c = c, .granted = {-1, -1}, .now = clock_now()};
    struct reason why = {{0}};
    const struct mqtt_callbacks cb = {.message = on_message,
                                      .published = on_published,
                                      .up = on_up,
                                      .down = on_down,
                                      .subscribed = on_subscribed,
                                      .arg = &k};
    k.receipts = feed_client_receipts(c);
    k.states = xasprintf("%s/relay/+/state", c->prefix);
    enum relay_err err = loop_new(&k.loop, &why);
    if (!err) err = feed_client_connect(c, "check", 10, k.loop, &cb, &k.mqtt, &why);
    if (err) {
        (void)fprintf(stderr, "tocsin feed check: %s\n", why.text);
    } else {
        mqtt_subscribe(k.mqtt, k.receipts, 1);
        mqtt_subscribe(k.mqtt, k.states, 1);
        check_connection(&k);
        if (k.ups) {
            check_receipts(&k);
            check_own_topic(&k);
            check_other_topic(&k);
            show_relay(&k);
        }
        mqtt_disconnect(k.mqtt, false);
    }
    mqtt_free(k.mqtt);
    loop_free(k.loop);
    free(k.receipts);
    free(k.states);
    return err || k.failed ? EXIT_FAILED : EXIT_DONE;
}
