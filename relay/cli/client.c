/* Asking the daemon, and showing what it says. */
#include "cli/client.h"

#include <getopt.h>

#include "base/i18n.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"
#include "cli/cli.h"
#include "control.h"
#include "io/http_client.h"
#include "store.h"

enum { ANSWER_MAX = 16 * 1024 * 1024, CELL_MAX = 200 };

static const struct option long_options[] = {{"config", required_argument, NULL, 'c'},
                                             {"json", no_argument, NULL, 'j'},
                                             {"by", required_argument, NULL, 'b'},
                                             {"reason", required_argument, NULL, 'r'},
                                             {"limit", required_argument, NULL, 'n'},
                                             {"active", no_argument, NULL, 'a'},
                                             {"review", no_argument, NULL, 'v'},
                                             {"state", required_argument, NULL, 's'},
                                             {"target", required_argument, NULL, 't'},
                                             {"alert", required_argument, NULL, 'l'},
                                             {"for", required_argument, NULL, 'f'},
                                             {"site", required_argument, NULL, 'i'},
                                             {"matcher", required_argument, NULL, 'm'},
                                             {"yes", no_argument, NULL, 'y'},
                                             {"month", required_argument, NULL, 'M'},
                                             {"half", required_argument, NULL, 'H'},
                                             {"from", required_argument, NULL, 'F'},
                                             {"to", required_argument, NULL, 'T'},
                                             {"since", required_argument, NULL, 'S'},
                                             {"csv", no_argument, NULL, 'C'},
                                             {"html", no_argument, NULL, 'W'},
                                             {"trial", no_argument, NULL, 'R'},
                                             {"qr", no_argument, NULL, 'q'},
                                             {"port", required_argument, NULL, 'p'},
                                             {"keep", required_argument, NULL, 'k'},
                                             {"output", required_argument, NULL, 'o'},
                                             {"help", no_argument, NULL, 'h'},
                                             {NULL, 0, NULL, 0}};

int client_open(struct client *c, int argc, char **argv, const char *usage)
{
    *c = (struct client){.filter = {.now = clock_now().wall}};
    optind = 0; /* glibc: begin anew */
    for (int o; (o = getopt_long(argc, argv, "c:jo:", long_options, NULL)) != -1;) {
        switch (o) {
        case 'c': c->config_path = optarg; break;
        case 'j': c->json = true; break;
        case 'b': c->by = optarg; break;
        case 'r': c->reason = optarg; break;
        case 'n':
            if (!text_number(optarg, &c->filter.limit) || c->filter.limit < 1) {
                (void)fprintf(stderr, _("tocsin: --limit is a number of rows, not `%s`\n"), optarg);
                return EXIT_USAGE;
            }
            break;
        case 'a': c->filter.active = true; break;
        case 'v': c->review = true; break;
        case 's': c->filter.state = optarg; break;
        case 't': c->filter.target = optarg; break;
        case 'q': c->qr = true; break;
        case 'p': c->port = optarg; break;
        case 'k': c->keep = optarg; break;
        case 'o': c->output = optarg; break;
        case 'l': c->filter.alert = optarg; break;
        case 'f': c->lasts = optarg; break;
        case 'i': c->site = optarg; break;
        case 'M': c->month = optarg; break;
        case 'H': c->half = optarg; break;
        case 'F': c->from = optarg; break;
        case 'T': c->to = optarg; break;
        case 'S': c->since = optarg; break;
        case 'C': c->csv = true; break;
        case 'W': c->html = true; break;
        case 'R': c->trial = true; break;
        case 'y': c->yes = true; break;
        case 'm':
            if (c->n_matchers == ARRAY_LEN(c->matchers)) {
                (void)fprintf(stderr, _("tocsin: at most %d matchers; join them with commas\n"),
                              (int)ARRAY_LEN(c->matchers));
                return EXIT_USAGE;
            }
            c->matchers[c->n_matchers++] = optarg;
            break;
        case 'h': (void)fputs(usage, stdout); return EXIT_DONE;
        default: (void)fputs(usage, stderr); return EXIT_USAGE;
        }
    }
    c->rest = argv + optind;
    c->n_rest = argc - optind;
    struct opt_problems problems = {0};
    if (config_load(config_path(c->config_path), &c->config, &problems) == RELAY_OK) {
        struct reason why;
        (void)!clock_set_zone(c->config->relay.timezone, &why); /* checked at load */
        i18n_init(config_language(c->config));
        return -1;
    }
    opt_problems_print(&problems);
    return EXIT_FAILED;
}

bool client_more_words(const struct client *c, const char *usage)
{
    if (c->n_rest) (void)fputs(usage, stderr);
    return c->n_rest != 0;
}

void client_close(struct client *c)
{
    c->config = config_free(c->config);
}

/* One exchange; an answer that is not 2xx becomes a reason. */
static enum relay_err ask(const struct client *c, const char *path, const char *body, cJSON **ret,
                          struct reason *why)
{
    CLEANUP(free_ptr) char *socket = xasprintf("%s/" CONTROL_SOCKET, c->config->relay.state_dir);
    CLEANUP(free_ptr) char *url = xasprintf("http://relay%s", path);
    CLEANUP(free_ptr) char *answer = NULL;
    struct http_request q = {.url = url,
                             .unix_socket = socket,
                             .allow_insecure = true,
                             .max_answer = ANSWER_MAX,
                             .timeout_ms = 30000};
    if (body) {
        q.body = body;
        q.body_len = strlen(body);
    }
    int status;
    struct reason inner = {""};
    if (http_fetch(&q, &status, &answer, &inner) != RELAY_OK)
        return fail(why, RELAY_OFFLINE,
                    _("relay is not running (%s does not answer); start it with systemctl or `tocsin run`"),
                    socket);
    struct json_limits limits = {ANSWER_MAX, 16};
    CLEANUP(json_free_ptr) cJSON *j = NULL;
    enum relay_err err = json_parse(answer, strlen(answer), &limits, &j, why);
    if (err != RELAY_OK) return fail_in(why, err, _("the relay's answer"));
    if (status / 100 != 2)
        return fail(why, status == 404 ? RELAY_NOT_FOUND : RELAY_CONFLICT, "%s",
                    json_str_or(j, "error", _("refused without a reason")));
    *ret = j;
    j = NULL;
    return RELAY_OK;
}

static void add_query(struct buf *b, const char *name, const char *value)
{
    if (!value) return;
    buf_printf(b, "%s%s=", strchr(buf_cstr(b), '?') ? "&" : "?", name);
    buf_url(b, value);
}

enum relay_err client_get(const struct client *c, const char *path, const char *id, cJSON **ret,
                          struct reason *why)
{
    CLEANUP(buf_release) struct buf url = BUF_INIT(4096);
    char limit[24];
    buf_str(&url, path);
    add_query(&url, "id", id);
    add_query(&url, "state", c->filter.state);
    add_query(&url, "target", c->filter.target);
    add_query(&url, "alert", c->filter.alert);
    if (c->filter.active) add_query(&url, "active", "1");
    if (c->review) add_query(&url, "review", "1");
    (void)snprintf(limit, sizeof(limit), "%lld", (long long)c->filter.limit);
    if (c->filter.limit) add_query(&url, "limit", limit);
    return ask(c, buf_cstr(&url), NULL, ret, why);
}

enum relay_err client_post(const struct client *c, const char *path, const char *id, cJSON **ret,
                           struct reason *why)
{
    CLEANUP(buf_release) struct buf b = BUF_INIT(256 * 1024);
    buf_char(&b, '{');
    if (c->text) buf_json_member(&b, "text", c->text);
    if (id) buf_json_member(&b, "id", id);
    if (c->by) buf_json_member(&b, "by", c->by);
    if (c->reason) buf_json_member(&b, "reason", c->reason);
    if (c->lasts) buf_json_member(&b, "for", c->lasts);
    if (c->site) buf_json_member(&b, "site", c->site);
    if (c->n_matchers) {
        CLEANUP(buf_release) struct buf all = BUF_INIT(64 * 1024);
        for (int i = 0; i < c->n_matchers; i++) buf_printf(&all, "%s%s", i ? ", " : "", c->matchers[i]);
        buf_json_member(&b, "matchers", buf_cstr(&all));
    }
    buf_char(&b, '}');
    return ask(c, path, buf_cstr(&b), ret, why);
}

enum relay_err client_wait_reload(const struct client *c, struct reason *why)
{
    enum { PATIENCE = 300 };
    for (int i = 0; i < PATIENCE; i++) {
        CLEANUP(json_free_ptr) cJSON *j = NULL;
        bool reloading = false;
        enum relay_err err = client_get(c, "/v1/status", NULL, &j, why);
        if (err != RELAY_OK) return err;
        (void)!json_bool(j, "reloading", &reloading); /* false when absent */
        const char *refused = json_str_or(j, "reload_refused", "");
        if (!reloading && !*refused) return RELAY_OK;
        if (!reloading)
            return fail(why, RELAY_CONFLICT,
                        _("the relay goes on with the rules and configuration that it had: %s"), refused);
        (void)nanosleep(&(struct timespec){.tv_nsec = 100 * 1000 * 1000}, NULL); /* early is no harm */
    }
    return fail(
        why, RELAY_CONFLICT,
        _("after 30 s the relay is still reading its rules anew; `tocsin status` says what became of it"));
}

enum relay_err client_read_store(const struct client *c, const char *id, client_offline_fn read, cJSON **ret,
                                 struct reason *why)
{
    struct db db;
    enum relay_err err = store_open_reader(c->config->relay.state_dir, &db, why);
    if (err != RELAY_OK) return err;
    CLEANUP(buf_release) struct buf b = BUF_INIT(ANSWER_MAX);
    struct json_limits limits = {ANSWER_MAX, 16};
    err = read(&db, c, id, &b, why);
    db_close(&db);
    return err == RELAY_OK ? json_parse(buf_cstr(&b), b.len, &limits, ret, why) : err;
}

enum relay_err client_read(const struct client *c, const char *path, const char *id,
                           client_offline_fn offline, cJSON **ret, struct reason *why)
{
    enum relay_err err = client_get(c, path, id, ret, why);
    if (err != RELAY_OFFLINE) return err;
    err = client_read_store(c, id, offline, ret, why);
    if (err == RELAY_OK) (void)fprintf(stderr, "%s\n", _("(relay is not running: read from its store)"));
    return err;
}

int client_failed(const struct reason *why)
{
    (void)fprintf(stderr, "tocsin: %s\n", why->text);
    return EXIT_FAILED;
}

void client_print_json(const cJSON *j)
{
    char *text = cJSON_PrintUnformatted(j);
    if (text) (void)printf("%s\n", text);
    cJSON_free(text);
}

const char *client_time(const cJSON *row, const char *member, char out[static 24])
{
    int64_t at;
    if (json_time(row, member, &at) != RELAY_OK) return "-";
    struct local_time t = clock_local(at);
    if (clock_local_day(at) == clock_local_day(clock_now().wall))
        (void)snprintf(out, 24, "%02d:%02d:%02d", t.hour, t.minute, t.second);
    else if (t.year != clock_local(clock_now().wall).year)
        (void)snprintf(out, 24, "%04d-%02d-%02d %02d:%02d", t.year, t.month, t.day, t.hour, t.minute);
    else
        (void)snprintf(out, 24, "%02d-%02d %02d:%02d", t.month, t.day, t.hour, t.minute);
    return out;
}

static const char *cell(const cJSON *row, const char *member, char room[static CELL_MAX])
{
    const cJSON *v = cJSON_GetObjectItemCaseSensitive(row, member);
    int64_t at;
    if (cJSON_IsString(v) && clock_parse(v->valuestring, &at) == RELAY_OK)
        return client_time(row, member, room);
    if (cJSON_IsString(v)) return v->valuestring;
    if (cJSON_IsNumber(v)) {
        (void)snprintf(room, CELL_MAX, "%.0f", v->valuedouble);
        return room;
    }
    if (cJSON_IsBool(v)) return cJSON_IsTrue(v) ? _("yes") : _("no");
    return "-";
}

static void print_cell(const char *text, int width, bool last)
{
    (void)fputs(text, stdout);
    if (last) {
        (void)putchar('\n');
        return;
    }
    for (int i = (int)text_columns(text); i < width + 2; i++) (void)putchar(' ');
}

void client_print_table(const cJSON *rows, const struct column *columns, size_t n)
{
    char room[CELL_MAX];
    int *widths = xcalloc(n, sizeof(*widths));
    const cJSON *row;
    for (size_t i = 0; i < n; i++) {
        widths[i] = (int)text_columns(_(columns[i].title));
        cJSON_ArrayForEach(row, rows)
        {
            int w = (int)text_columns(cell(row, columns[i].member, room));
            if (w > widths[i]) widths[i] = w;
        }
    }
    for (size_t i = 0; i < n; i++) print_cell(_(columns[i].title), widths[i], i + 1 == n);
    cJSON_ArrayForEach(row, rows)
    {
        for (size_t i = 0; i < n; i++) print_cell(cell(row, columns[i].member, room), widths[i], i + 1 == n);
    }
    free(widths);
}
