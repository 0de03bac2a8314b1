/* tocsin feed push | check: the carrier's side. */
#include <argp.h>
#include <errno.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/i18n.h"
#include "base/mem.h"
#include "base/text.h"
#include "cli/cli.h"
#include "cli/feed_client.h"
#include "cli/feed_csv.h"
#include "cli/verbs.h"
#include "io/options.h"

enum {
    KEY_UNIX = 256,
    KEY_USERNAME,
    KEY_PASSWORD_FILE,
    KEY_CA,
    KEY_CERT,
    KEY_KEY,
    KEY_PREFIX,
    KEY_SPOOL,
    KEY_RATE,
    KEY_TIMEOUT,
    KEY_JSON,
    KEY_CSV,
    KEY_CSV_HELP
};

static const struct argp_option client_options[] = {
    {"feed", 'f', "ID", 0, N_("the feed's id, as in the relay's configuration"), 0},
    {"host", 'h', "NAME", 0, N_("the broker (default 127.0.0.1)"), 0},
    {"port", 'p', "N", 0, N_("its port (default 1883, with TLS 8883)"), 0},
    {"unix", KEY_UNIX, "PATH", 0, N_("the broker's unix socket instead"), 0},
    {"username", KEY_USERNAME, "NAME", 0, N_("user name at the broker"), 0},
    {"password-file", KEY_PASSWORD_FILE, "FILE", 0,
     N_("its password: the first line of a file that only you can read"), 0},
    {"tls-ca", KEY_CA, "FILE", 0, N_("speak TLS, and trust this CA"), 0},
    {"tls-cert", KEY_CERT, "FILE", 0, N_("the client certificate"), 0},
    {"tls-key", KEY_KEY, "FILE", 0, N_("and its key, without a passphrase"), 0},
    {"prefix", KEY_PREFIX, "TOPIC", 0, N_("where the topics begin (default tocsin/v1)"), 0},
    {0}};

static const struct argp_option push_options[] = {
    {"spool", KEY_SPOOL, "DIR", 0,
     N_("where events wait on disk for their receipt (default: tocsin/spool in XDG_STATE_HOME, /var/lib for "
        "root)"),
     0},
    {"rate", KEY_RATE, "N/s", 0, N_("send no faster than this"), 0},
    {"timeout", KEY_TIMEOUT, "TIME", 0,
     N_("end after this time, such as 90s or 10m, whatever is still waiting"), 0},
    {"json", KEY_JSON, NULL, 0, N_("print the summary as one JSON object"), 0},
    {"csv", KEY_CSV, "MAPPING", 0,
     N_("the input is a CSV file; MAPPING, in YAML, says which columns make which members"), 0},
    {"csv-help", KEY_CSV_HELP, NULL, 0, N_("print what a mapping can say"), 0},
    {0}};

static error_t parse_client(int key, char *arg, struct argp_state *state)
{
    struct feed_client *c = state->input;
    char *end;
    switch (key) {
    case 'f': c->feed = arg; break;
    case 'h': c->host = arg; break;
    case 'p':
        c->port = (int)strtol(arg, &end, 10);
        if (*end || c->port < 1 || c->port > 65535)
            argp_error(state, _("--port %s is not within 1..65535"), arg);
        break;
    case KEY_UNIX: c->unix_path = arg; break;
    case KEY_USERNAME: c->username = arg; break;
    case KEY_PASSWORD_FILE: c->password_file = arg; break;
    case KEY_CA: c->tls_ca = arg; break;
    case KEY_CERT: c->tls_cert = arg; break;
    case KEY_KEY: c->tls_key = arg; break;
    case KEY_PREFIX: c->prefix = arg; break;
    case ARGP_KEY_END:
        if (!c->feed)
            argp_error(state, _("--feed is missing: the feed's id, as in the relay's configuration"));
        if (c->feed && !text_is_id(c->feed))
            argp_error(state, _("--feed %s is no id: small letters, digits and -, at most 32"), c->feed);
        if (c->unix_path && c->unix_path[0] != '/')
            argp_error(state, _("--unix needs a path that begins with /"));
        break;
    default: return ARGP_ERR_UNKNOWN;
    }
    return 0;
}

static bool parse_rate(const char *text, double *ret)
{
    char *end;
    errno = 0;
    double rate = strtod(text, &end);
    if (end == text || errno || !(rate > 0) || rate > 1e7) return false;
    if (strcmp(end, "/m") == 0)
        rate /= 60;
    else if (*end && strcmp(end, "/s") != 0)
        return false;
    *ret = rate;
    return true;
}

static error_t parse_push(int key, char *arg, struct argp_state *state)
{
    struct feed_client *c = state->input;
    switch (key) {
    case ARGP_KEY_INIT: state->child_inputs[0] = c; break;
    case KEY_SPOOL: c->spool = arg; break;
    case KEY_RATE:
        if (!parse_rate(arg, &c->rate))
            argp_error(state, _("--rate %s is no rate: such as 200/s or 30/m"), arg);
        break;
    case KEY_TIMEOUT:
        if (duration_parse(arg, &c->timeout_ms) != RELAY_OK || c->timeout_ms <= 0)
            argp_error(state, _("--timeout %s is no time: such as 90s, 10m or 2h"), arg);
        break;
    case KEY_JSON: c->json = true; break;
    case KEY_CSV: c->csv = arg; break;
    case KEY_CSV_HELP: feed_csv_manual(); exit(EXIT_DONE);
    case ARGP_KEY_ARG:
        if (c->input) argp_error(state, _("one file at a time"));
        c->input = strcmp(arg, "-") == 0 ? NULL : arg;
        break;
    default: return ARGP_ERR_UNKNOWN;
    }
    return 0;
}

static error_t parse_check(int key, char *arg, struct argp_state *state)
{
    (void)arg;
    if (key == ARGP_KEY_INIT) state->child_inputs[0] = state->input;
    return key == ARGP_KEY_INIT ? 0 : ARGP_ERR_UNKNOWN;
}

static const struct argp client_argp = {client_options, parse_client, NULL, NULL, NULL, NULL, NULL};
static const struct argp_child children[] = {
    {&client_argp, 0, N_("Who is speaking, and to which broker:"), 1}, {0}};
static const struct argp check_argp = {
    NULL,
    parse_check,
    NULL,
    N_("Checks that this feed can connect, is heard, hears its receipts, and cannot speak as another feed."),
    children,
    NULL,
    NULL};

static const char *default_spool(void)
{
    static char path[256];
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    if (state && *state == '/')
        (void)snprintf(path, sizeof(path), "%s/tocsin/spool", state);
    else if (geteuid() == 0 || !home || *home != '/')
        (void)snprintf(path, sizeof(path), "/var/lib/tocsin/spool");
    else
        (void)snprintf(path, sizeof(path), "%s/.local/state/tocsin/spool", home);
    return path;
}

char *feed_client_topic(const struct feed_client *c, const char *feed, const char *last)
{
    return xasprintf("%s/feeds/%s/%s", c->prefix, feed, last);
}

char *feed_client_receipts(const struct feed_client *c)
{
    return xasprintf("%s/receipts/%s", c->prefix, c->feed);
}

enum relay_err feed_client_connect(const struct feed_client *c, const char *role, int max_inflight,
                                   struct loop *l, const struct mqtt_callbacks *cb, struct mqtt **ret,
                                   struct reason *why)
{
    CLEANUP(secret_free_ptr) char *password = NULL;
    /* The process's own, so that two pushes do not take the session from each other for ever. */
    CLEANUP(free_ptr) char *client_id = xasprintf("%s.%s.%ld", c->feed, role, (long)getpid());
    if (c->password_file) {
        enum relay_err err = secret_read(c->password_file, &password, why);
        if (err) return err;
    }
    struct mqtt_options o = {.host = c->unix_path ? c->unix_path : c->host,
                             .port = c->port     ? c->port
                                     : c->tls_ca ? 8883
                                                 : 1883,
                             .username = c->username,
                             .password = password,
                             .tls_ca = c->tls_ca,
                             .tls_cert = c->tls_cert,
                             .tls_key = c->tls_key,
                             .client_id = client_id,
                             .clean_start = true,
                             .receive_maximum = 1000,
                             .keepalive_s = 10,
                             .max_inflight_out = max_inflight};
    return mqtt_new(l, &o, cb, ret, why);
}

static void usage(FILE *out)
{
    (void)fprintf(out, "%s\n\n%s\n%s\n%s\n\n%s\n",
                  _("Usage: tocsin feed push|check --feed ID …, tocsin feed sample"),
                  _("  push    sends events and waits for their receipts"),
                  _("  check   tries out the connection and the broker's access list"),
                  _("  sample  prints events of this moment, for a trial: pipe it into push"),
                  _("`tocsin feed push --help` says more."));
}

int cli_feed(int argc, char **argv)
{
    if (argc >= 2 && strcmp(argv[1], "sample") == 0) return feed_sample(argc - 1, argv + 1);
    if (argc < 2) {
        usage(stderr);
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0) {
        usage(stdout);
        return EXIT_DONE;
    }
    bool push = strcmp(argv[1], "push") == 0;
    if (!push && strcmp(argv[1], "check") != 0) {
        (void)fprintf(stderr, _("tocsin feed: there is no `%s`\n\n"), argv[1]);
        usage(stderr);
        return EXIT_USAGE;
    }
    struct feed_client c = {.host = "127.0.0.1", .prefix = "tocsin/v1"};
    static char push_name[] = "tocsin feed push", check_name[] = "tocsin feed check";
    argv[1] = push ? push_name : check_name; /* what argp calls the program */
    argp_err_exit_status = EXIT_USAGE;
    CLEANUP(free_ptr)
    char *push_doc = xasprintf("%s\v%s",
                               _("Sends the events of FILE or standard input, one JSON object a line, and "
                                 "waits until the relay has answered for "
                                 "each."),
                               _("Events wait on disk until their receipt is there; a push that is ended "
                                 "sends the rest next time. The same event "
                                 "may be sent again at any time: the relay knows it. Ends with 0 only when "
                                 "every event was accepted or is a "
                                 "duplicate."));
    const struct argp push_argp = {push_options, parse_push, "[FILE]", push_doc, children, NULL, NULL};
    if (argp_parse(push ? &push_argp : &check_argp, argc - 1, argv + 1, 0, NULL, &c) != 0) return EXIT_USAGE;
    if (!c.spool) c.spool = default_spool();
    return push ? feed_push(&c) : feed_check(&c);
}
