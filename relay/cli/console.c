/* tocsin console: a page for one person, from this machine only.
 *
 * The page is served by the command itself, on a loopback port and for as long as it runs; the relay's own listeners offer
 * nothing of it. What the page asks goes to the control socket, so who acts is whoever ran the command, by the name given
 * with --by. An address is good for one visit. The visit sets a cookie that scripts cannot read, and hands the page a key
 * that other ports of this machine cannot: cookies are shared between ports, so either alone opens nothing.
 */
#include <unistd.h>

#include "adapters/draw/card.h"
#include "base/hash.h"
#include "base/i18n.h"
#include "base/json.h"
#include "base/mem.h"
#include "cli/card.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/verbs.h"
#include "console_page.h" /* made from page/ by the build: console_page */
#include "io/http_server.h"

enum { SECRET_BYTES = 20, SECRET_LEN = 32 + 1, LINE_MAX_LEN = 256 };
#define ADDRESS_LIFE (5 * MINUTE_MS)
#define LASTS        (8 * HOUR_MS)
#define LASTS_MOST   (24 * HOUR_MS)
#define UNSEEN_MOST  (30 * MINUTE_MS) /* a page that is closed asks for nothing any more */

struct console {
    struct client *client;
    struct http_server *server;
    struct now now;
    char address[SECRET_LEN]; /* of the one visit; "": used up */
    char cookie[SECRET_LEN], key[SECRET_LEN];
    char cookie_name[32];
    int64_t address_until, seen, over; /* mono */
    bool failed;
};

static const char html[] = "text/html; charset=utf-8";

static bool secret(char ret[static SECRET_LEN])
{
    uint8_t bytes[SECRET_BYTES];
    struct reason why;
    if (hash_random(bytes, sizeof(bytes), &why) != RELAY_OK) {
        (void)client_failed(&why);
        return false;
    }
    hash_base32(bytes, sizeof(bytes), ret, SECRET_LEN);
    return true;
}

static bool same(const char *given, const char *right)
{
    size_t n = strlen(right);
    return given && n && strlen(given) == n && hash_equal(given, right, n);
}

static void new_address(struct console *k)
{
    if (!secret(k->address)) {
        k->failed = true;
        return;
    }
    k->address_until = k->now.mono + ADDRESS_LIFE;
    (void)printf("  http://127.0.0.1:%d/enter?k=%s\n", http_server_port(k->server), k->address);
    (void)fflush(stdout);
}

/* -- who may ask -------------------------------------------------------------------------------------------------- */

/* A page from elsewhere whose name has been made to lead here carries its own name. */
static bool host_is_ours(const struct console *k, struct http_exchange *x)
{
    static const char *const names[] = {"127.0.0.1", "localhost"};
    const char *host = http_header(x, "Host");
    char right[64];
    for (size_t i = 0; host && i < ARRAY_LEN(names); i++) {
        (void)snprintf(right, sizeof(right), "%s:%d", names[i], http_server_port(k->server));
        if (strcmp(host, right) == 0) return true;
    }
    return false;
}

static bool has_cookie(const struct console *k, const struct http_exchange *x)
{
    char value[SECRET_LEN];
    http_cookie(x, k->cookie_name, value, sizeof(value));
    return same(value, k->cookie);
}

/* The page's own script asks: it alone has the key. */
static bool may_ask(struct console *k, struct http_exchange *x)
{
    const char *site = http_header(x, "Sec-Fetch-Site");
    if (!host_is_ours(k, x) || (site && strcmp(site, "same-origin") != 0)) return false;
    if (k->now.mono - k->seen > UNSEEN_MOST) k->cookie[0] = '\0';
    if (!has_cookie(k, x) || !same(http_header(x, "X-Tocsin-Key"), k->key)) return false;
    k->seen = k->now.mono;
    return true;
}

/* -- pages -------------------------------------------------------------------------------------------------------- */

/* Our script and style by a number of this answer only; nothing else runs, and nobody frames it. */
static void reply_page(struct http_exchange *x, int status, const char *text, size_t n)
{
    char nonce[SECRET_LEN], policy[400];
    static const char mark[] = "{nonce}";
    CLEANUP(buf_release) struct buf b = BUF_INIT(1024 * 1024);
    if (!secret(nonce)) nonce[0] = '\0';
    for (const char *p = text, *end = text + n; p < end;) {
        const char *at = memmem(p, (size_t)(end - p), mark, sizeof(mark) - 1);
        buf_add(&b, p, (size_t)((at ? at : end) - p));
        if (!at) break;
        buf_str(&b, nonce);
        p = at + sizeof(mark) - 1;
    }
    (void)snprintf(policy, sizeof(policy),
                   "default-src 'none'; script-src 'nonce-%s'; style-src 'nonce-%s'; img-src data:; "
                   "connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'",
                   nonce, nonce);
    http_reply_header(x, "Content-Security-Policy", policy);
    http_reply_header(x, "Cross-Origin-Opener-Policy", "same-origin");
    http_reply_header(x, "Cross-Origin-Resource-Policy", "same-origin");
    http_reply(x, status, html, buf_cstr(&b), b.len);
}

static void refuse_page(struct http_exchange *x)
{
    CLEANUP(buf_release) struct buf b = BUF_INIT(8192);
    buf_str(&b, "<!doctype html><html lang=\"zh-CN\"><meta charset=\"utf-8\">"
                "<meta name=\"viewport\" content=\"width=device-width\"><title>");
    buf_html(&b, _("Not open"));
    buf_str(&b, "</title><style nonce=\"{nonce}\">body{font:20px/1.7 sans-serif;max-width:26em;"
                "margin:15vh auto;padding:0 1em;color:#12161c;background:#fff}</style><main><h1>");
    buf_html(&b, _("This console is not open here"));
    buf_str(&b, "</h1><p>");
    buf_html(&b, _("An address of the console is good for one visit and five minutes. Press Enter where "
                   "`tocsin console` runs for a new one."));
    buf_str(&b, "</p></main></html>\n");
    reply_page(x, 403, buf_cstr(&b), b.len);
}

/* The one visit. The page moves on by its own script: after a redirect from elsewhere a browser would keep back a cookie
 * that is for this site alone. */
static void get_enter(void *arg, struct http_exchange *x)
{
    struct console *k = arg;
    bool open = *k->address && k->now.mono < k->address_until && same(http_query(x, "k"), k->address);
    if (!host_is_ours(k, x) || strcmp(http_method(x), "GET") != 0 || !open) {
        refuse_page(x);
        return;
    }
    k->address[0] = '\0';
    if (!secret(k->cookie) || !secret(k->key)) {
        k->failed = true;
        refuse_page(x);
        return;
    }
    k->seen = k->now.mono;
    char cookie[160];
    (void)snprintf(cookie, sizeof(cookie), "%s=%s; Path=/; HttpOnly; SameSite=Strict", k->cookie_name,
                   k->cookie);
    http_reply_header(x, "Set-Cookie", cookie);
    CLEANUP(buf_release) struct buf b = BUF_INIT(4096);
    buf_printf(&b,
               "<!doctype html><html lang=\"zh-CN\"><meta charset=\"utf-8\"><title>tocsin</title>"
               "<script nonce=\"{nonce}\">sessionStorage.setItem('tocsin-key','%s');"
               "location.replace('/');</script></html>\n",
               k->key);
    reply_page(x, 200, buf_cstr(&b), b.len);
    (void)printf("%s\n", _("Opened. Press Enter for a new address; the page before it then closes."));
    (void)fflush(stdout);
}

static void get_page(void *arg, struct http_exchange *x)
{
    const struct console *k = arg;
    if (!host_is_ours(k, x) || !has_cookie(k, x))
        refuse_page(x);
    else
        reply_page(x, 200, (const char *)console_page, sizeof(console_page));
}

/* -- what the page asks ------------------------------------------------------------------------------------------- */

static void reply_error(struct http_exchange *x, int status, const char *words)
{
    CLEANUP(buf_release) struct buf b = BUF_INIT(8192);
    buf_char(&b, '{');
    buf_json_member(&b, "error", words);
    buf_char(&b, '}');
    http_reply_json(x, status, buf_cstr(&b));
}

static void reply_answer(struct http_exchange *x, enum relay_err err, const cJSON *j,
                         const struct reason *why)
{
    if (err != RELAY_OK) {
        reply_error(x, err == RELAY_OFFLINE ? 503 : err == RELAY_NOT_FOUND ? 404 : 409, why->text);
        return;
    }
    char *text = cJSON_PrintUnformatted(j);
    http_reply_json(x, text ? 200 : 500, text ? text : "{}");
    cJSON_free(text);
}

/* What the page may read and do; each is a path of the control socket. Switching a site live, or reloading, stays with the
 * command line. */
static const char *const views[] = {"/v1/overview", "/v1/alert", "/v1/deliveries", "/v1/delivery"};
static const char *const verbs[] = {"/v1/alerts/approve",  "/v1/alerts/reject",    "/v1/alerts/confirm",
                                    "/v1/alerts/dismiss",  "/v1/alerts/ack",       "/v1/alerts/cancel",
                                    "/v1/alerts/outcome",  "/v1/silence/add",      "/v1/silence/expire",
                                    "/v1/alerts/feedback", "/v1/drill/start",      "/v1/drill/stop",
                                    "/v1/deliveries/done", "/v1/deliveries/replay"};

static const char *known(const char *const *paths, size_t n, const char *path)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(path, paths[i]) == 0) return paths[i];
    return NULL;
}

static bool refused(struct console *k, struct http_exchange *x)
{
    if (may_ask(k, x)) return false;
    reply_error(x, 403, _("this console is not open here"));
    return true;
}

static void get_view(void *arg, struct http_exchange *x)
{
    struct console *k = arg;
    if (refused(k, x)) return;
    const char *path = known(views, ARRAY_LEN(views), http_path(x)), *limit = http_query(x, "limit");
    if (!path) {
        reply_error(x, 404, _("no such address"));
        return;
    }
    struct client c = *k->client;
    c.filter = (struct list_filter){.active = http_query(x, "active") != NULL,
                                    .state = http_query(x, "state"),
                                    .target = http_query(x, "target"),
                                    .alert = http_query(x, "alert"),
                                    .limit = limit ? strtoll(limit, NULL, 10) : 0};
    struct reason why = {""};
    CLEANUP(json_free_ptr) cJSON *j = NULL;
    enum relay_err err = client_get(&c, path, http_query(x, "id"), &j, &why);
    if (err == RELAY_OK && strcmp(path, "/v1/overview") == 0) { /* who acts here */
        (void)cJSON_AddStringToObject(j, "by", c.by);
        (void)cJSON_AddStringToObject(j, "language", config_language(c.config));
    }
    reply_answer(x, err, j, &why);
}

/* A delivery's text and picture for whoever passes them on. */
static void get_card(void *arg, struct http_exchange *x)
{
    struct console *k = arg;
    if (refused(k, x)) return;
    struct reason why = {""};
    CLEANUP(json_free_ptr) cJSON *j = NULL;
    CLEANUP(buf_release) struct buf png = BUF_INIT(CARD_BYTES_MAX), alt = BUF_INIT(CARD_ALT_MAX);
    enum relay_err err = client_get(k->client, "/v1/delivery", http_query(x, "id"), &j, &why);
    if (err == RELAY_OK) err = delivery_card(j, k->now.wall, &png, &alt, &why);
    if (err != RELAY_OK) {
        reply_answer(x, err, NULL, &why);
        return;
    }
    size_t room = (png.len + 2) / 3 * 4 + 1;
    CLEANUP(free_ptr) char *base64 = xmalloc(room);
    hash_base64((const uint8_t *)png.data, png.len, base64, room);
    const cJSON *texts = cJSON_GetObjectItemCaseSensitive(j, "texts");
    CLEANUP(buf_release) struct buf b = BUF_INIT(2 * CARD_BYTES_MAX);
    buf_char(&b, '{');
    buf_json_member(&b, "id", json_str_or(j, "id", ""));
    buf_json_member(&b, "short", json_str_or(j, "short", ""));
    buf_json_member(&b, "text", json_str_or(texts, "chat", NULL));
    buf_json_member(&b, "alt", buf_cstr(&alt));
    buf_json_member(&b, "png", base64);
    buf_char(&b, '}');
    http_reply_json(x, 200, buf_cstr(&b));
}

static void post_verb(void *arg, struct http_exchange *x)
{
    struct console *k = arg;
    if (refused(k, x)) return;
    struct reason why = {""};
    struct json_limits limits = {16 * 1024, 2};
    size_t n;
    const char *bytes = http_body(x, &n), *path = known(verbs, ARRAY_LEN(verbs), http_path(x));
    CLEANUP(json_free_ptr) cJSON *ask = NULL;
    CLEANUP(json_free_ptr) cJSON *j = NULL;
    if (!path || json_parse(bytes, n, &limits, &ask, &why) != RELAY_OK) {
        reply_error(x, path ? 400 : 404, path ? why.text : _("no such address"));
        return;
    }
    struct client c = *k->client; /* by is the command's, whatever the page says */
    c.reason = json_str_or(ask, "reason", NULL);
    c.lasts = json_str_or(ask, "for", NULL);
    c.site = json_str_or(ask, "site", NULL);
    c.matchers[0] = json_str_or(ask, "matchers", NULL);
    c.n_matchers = c.matchers[0] ? 1 : 0;
    enum relay_err err = client_post(&c, path, json_str_or(ask, "id", NULL), &j, &why);
    reply_answer(x, err, j, &why);
}

/* -- running ------------------------------------------------------------------------------------------------------ */

static void read_terminal(struct console *k, struct loop *l, struct watch *w)
{
    char line[LINE_MAX_LEN];
    if (read(STDIN_FILENO, line, sizeof(line)) > 0)
        new_address(k);
    else
        (void)!watch_set(l, w, -1, 0); /* nobody types any more: it runs on */
}

static int serve(struct console *k, struct loop *l)
{
    static const struct {
        const char *method, *path;
        http_handler_fn fn;
    } routes[] = {{"GET", "/enter", get_enter},
                  {"GET", "/", get_page},
                  {"GET", "/v1/card", get_card},
                  {"GET", "/v1/*", get_view},
                  {"POST", "/v1/*", post_verb}};
    for (size_t i = 0; i < ARRAY_LEN(routes); i++)
        http_server_on(k->server, routes[i].method, routes[i].path, routes[i].fn, k);
    struct watch terminal = {.fd = -1};
    if (isatty(STDIN_FILENO)) (void)!watch_set(l, &terminal, STDIN_FILENO, WATCH_READ);
    (void)printf(
        _("The console of %s, for %s. Open this address on this machine; it is good for one visit:\n"),
        k->client->config->relay.id, k->client->by);
    new_address(k);
    (void)printf("%s\n", _("Ctrl-C closes the console. From elsewhere: ssh -L PORT:127.0.0.1:PORT, and "
                           "--port PORT here."));
    (void)fflush(stdout);
    while (!k->failed && k->now.mono < k->over) {
        int64_t due = http_server_next_due(k->server);
        k->now = loop_wait(l, due < k->over ? due : k->over);
        if (terminal.ready) read_terminal(k, l, &terminal);
        http_server_run(k->server);
        http_server_release(k->server);
    }
    (void)!watch_set(l, &terminal, -1, 0); /* the loop ends here */
    if (!k->failed) (void)printf("%s\n", _("Its time is over: the console is closed."));
    return k->failed ? EXIT_FAILED : EXIT_DONE;
}

static int open_console(struct client *c, int64_t lasts, int port)
{
    struct reason why = {""};
    CLEANUP(json_free_ptr) cJSON *status = NULL;
    if (client_get(c, "/v1/status", NULL, &status, &why) != RELAY_OK) return client_failed(&why);
    struct loop *l = NULL;
    struct console k = {.client = c, .now = clock_now()};
    struct http_server_options o = {.host = "127.0.0.1", .port = port, .max_connections = 32};
    enum relay_err err = loop_new(&l, &why);
    if (err == RELAY_OK) err = http_server_new(l, &o, &k.server, &why);
    int code = EXIT_FAILED;
    if (err == RELAY_OK) {
        (void)snprintf(k.cookie_name, sizeof(k.cookie_name), "tocsin_console_%d", http_server_port(k.server));
        k.over = k.now.mono + lasts;
        code = serve(&k, l);
    } else {
        (void)client_failed(&why);
    }
    http_server_free(k.server);
    loop_free(l);
    explicit_bzero(&k, sizeof(k));
    return code;
}

int cli_console(int argc, char **argv)
{
    const char *usage = _(
        "Usage: tocsin console --by NAME [--for 8h] [--port N]\n"
        "A page in the browser: what is in force, what waits for a decision, deliveries by target,\n"
        "silences, drills, and the story of an alert. It prints an address that is good for one visit from\n"
        "this machine. What is done there is recorded under NAME. It ends with Ctrl-C, or after --for.\n");
    struct client c;
    int code = client_open(&c, argc, argv, usage);
    if (code >= 0) return code;
    int64_t lasts = LASTS;
    char *end = NULL;
    long port = c.port ? strtol(c.port, &end, 10) : 0;
    struct reason why;
    if (c.n_rest || (c.port && (*end || port < 1 || port > 65535))) {
        (void)fputs(usage, stderr);
        code = EXIT_USAGE;
    } else if (!c.by || !*c.by) {
        (void)fail(&why, RELAY_INVALID, _("say who you are: --by NAME"));
        code = client_failed(&why);
    } else if (c.lasts &&
               (duration_parse(c.lasts, &lasts) != RELAY_OK || lasts < MINUTE_MS || lasts > LASTS_MOST)) {
        (void)fail(&why, RELAY_INVALID, _("a console is open from 1m to 24h: --for 8h"));
        code = client_failed(&why);
    } else {
        code = open_console(&c, lasts, (int)port);
    }
    client_close(&c);
    return code;
}
