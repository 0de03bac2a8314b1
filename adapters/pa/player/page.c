/* Login, the page, its QR code. */
#include "player/page.h"

#include <qrencode.h>
#include <sys/stat.h>

#include "base/hash.h"
#include "base/i18n.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "io/address.h"
#include "player/control.h"

enum {
    SESSION_LEN = 2 * HASH_LEN,
    TOKEN_MIN = 12,
    TOKEN_MAX = 200, /* fits a QR code that a phone can read */
    WRONG_MAX = 5,
    PAGE_MAX = 256 * 1024,
    SVG_MAX = 256 * 1024
};
#define COOKIE "tocsin-pa"

extern const char page_html[]; /* page.html, by CMake */

struct page {
    struct player *player;
    struct http_server *server;
    struct control *control;
    char *made_of; /* the address, and the files of the certificate */
    char *token;
    char session[SESSION_LEN + 1]; /* what the cookie holds: nobody can make a token of it */
    int wrong;
    int64_t wrong_since; /* mono */
};

/* ---- Who is there ---- */

static bool has_session(const struct page *p, const struct http_exchange *x)
{
    char session[SESSION_LEN + 1];
    http_cookie(x, COOKIE, session, sizeof(session));
    return strlen(session) == SESSION_LEN && hash_equal(session, p->session, SESSION_LEN);
}

static bool is_other_site(const struct http_exchange *x)
{
    const char *site = http_header(x, "Sec-Fetch-Site");
    return site && strcmp(site, "same-origin") != 0 && strcmp(site, "none") != 0;
}

static bool need_session(struct page *p, struct http_exchange *x)
{
    if (has_session(p, x)) return true;
    http_reply_json(x, 401, "{\"error\":\"denied\"}");
    return false;
}

/* For the control's questions and actions: the name that the person gave on the page. */
static const char *page_person(void *arg, struct http_exchange *x, const char *by, char *out, size_t size)
{
    struct page *p = arg;
    if (!need_session(p, x)) return NULL;
    if (strcmp(http_method(x), "GET") != 0 && is_other_site(x)) {
        http_reply_json(x, 403, "{\"error\":\"denied\"}");
        return NULL;
    }
    (void)snprintf(out, size, "%.*s", (int)text_cut(by, strlen(by), size - 1), by);
    return out;
}

static const char *language(const struct page *p)
{
    return settings_language(player_settings_of(p->player));
}

/* Whether browsers come by https: to us, or to the proxy before us. */
static bool is_https(const struct page *p)
{
    const struct http_settings *h = &player_settings_of(p->player)->http;
    return h->cert || h->behind_proxy;
}

static void send_login_page(const struct page *p, struct http_exchange *x, int status, const char *words)
{
    CLEANUP(buf_release) struct buf b = BUF_INIT(16 * 1024);
    buf_printf(&b, "<!doctype html><html lang=%s><meta charset=utf-8>", language(p));
    buf_str(&b, "<meta name=viewport content=\"width=device-width, initial-scale=1\">"
                "<title>tocsin-pa</title><style>body{font:18px/1.5 "
                "system-ui,sans-serif;max-width:24rem;margin:15vh auto;"
                "padding:1rem}input,button{font:inherit;min-height:3rem;width:100%;margin:.4rem "
                "0;padding:.3rem .7rem;"
                "box-sizing:border-box}</style><main><h1>tocsin-pa</h1><form method=post "
                "action=/login><label for=t>");
    buf_html(&b, words);
    buf_str(&b, "</label><input id=t name=t type=password autocomplete=current-password autofocus><button>");
    buf_html(&b, _("Log in"));
    buf_str(&b, "</button></form></main>");
    http_reply(x, status, "text/html; charset=utf-8", buf_cstr(&b), b.len);
}

static void log_in(void *arg, struct http_exchange *x)
{
    struct page *p = arg;
    struct now now = player_now(p->player);
    char token[TOKEN_MAX + 2] = ""; /* one that is too long is not the token */
    const char *query = http_query(x, "t");
    if (query) (void)snprintf(token, sizeof(token), "%s", query);
    if (strcmp(http_method(x), "POST") == 0) http_form(x, "t", token, sizeof(token));
    if (!*token) {
        send_login_page(p, x, 200, _("Token"));
        return;
    }
    if (now.mono - p->wrong_since > MINUTE_MS) {
        p->wrong = 0;
        p->wrong_since = now.mono;
    }
    bool right = strlen(token) == strlen(p->token) && hash_equal(token, p->token, strlen(p->token));
    if (p->wrong >= WRONG_MAX) {
        send_login_page(p, x, 429, _("Too many wrong tokens; wait a minute"));
        return;
    }
    if (!right) {
        p->wrong++;
        log_warning("page: a wrong token");
        send_login_page(p, x, 403, _("That is not the token"));
        return;
    }
    char cookie[SESSION_LEN + 128];
    (void)snprintf(cookie, sizeof(cookie), COOKIE "=%s; Path=/; HttpOnly; SameSite=Strict; Max-Age=2592000%s",
                   p->session, is_https(p) ? "; Secure" : "");
    http_reply_header(x, "Set-Cookie", cookie);
    /* A redirect by the page itself: a strict cookie does not come along on the one after a link from elsewhere. */
    static const char go[] = "<!doctype html><meta http-equiv=refresh content=\"0;url=/\">";
    http_reply(x, 200, "text/html; charset=utf-8", go, sizeof(go) - 1);
}

/* ---- The page ---- */

static const struct {
    const char *key, *text;
} words[] = {
    {"who", N_("Your name (noted with everything you do)")},
    {"need_name", N_("First write your name")},
    {"stop_all", N_("Stop all")},
    {"mute_all", N_("Mute all for 2 h")},
    {"speak_all", N_("End all mutes")},
    {"hold_on", N_("FIRE: silence all")},
    {"hold_off", N_("End the hold")},
    {"hold_sure", N_("Silence every zone until the hold is ended?")},
    {"on_hold", N_("HOLD:")},
    {"hold_fire", N_("fire")},
    {"hold_clinical", N_("clinical code")},
    {"hold_from_topic", N_("the fire panel; it ends there")},
    {"hold_from_file", N_("the file of the fire panel; it ends there")},
    {"fault", N_("Loudspeakers do not play:")},
    {"since", N_("since")},
    {"colon", N_(": ")},
    {"spoken", N_("spoken this hour")},
    {"never", N_("silent zone: nothing is spoken here")},
    {"programme", N_("Programme")},
    {"skipped", N_("Not played in the last 24 h")},
    {"phone", N_("This page on a phone")},
    {"ics", N_("Today's programme as a calendar file")},
    {"kind_slot", N_("slot")},
    {"kind_announce", N_("announcement")},
    {"kind_bulletin", N_("warning")},
    {"kind_digest", N_("kept back")},
    {"kind_say", N_("a person's words")},
    {"kind_tone", N_("test tone")},
    {"plays", N_("playing")},
    {"silent", N_("silent")},
    {"quiet", N_("quiet hours")},
    {"busy", N_("queue calling")},
    {"muted_until", N_("muted until")},
    {"opened_until", N_("opened until")},
    {"waiting", N_("waiting")},
    {"kept_back", N_("kept back")},
    {"next", N_("next slot")},
    {"stop", N_("Stop")},
    {"mute", N_("Mute 2 h")},
    {"speak", N_("Speak again")},
    {"tone", N_("Test tone")},
    {"trial", N_("trial")},
    {"broker", N_("broker")},
    {"up", N_("connected")},
    {"down", N_("gone; the programme goes on")},
    {"warnings", N_("warnings in force")},
    {"unsent", N_("log lines to send")},
    {"no_clock", N_("The clock is not trusted: nothing is spoken")},
    {"no_holidays", N_("No holiday data for {year}: tell the administrator")},
    {"lost", N_("The player does not answer: this page is not current")},
    {"nothing", N_("nothing")},
    {"done", N_("Done")},
    {"failed", N_("That did not work")},
};

static void put_words(struct buf *b)
{
    buf_char(b, '{');
    for (size_t i = 0; i < ARRAY_LEN(words); i++) buf_json_member(b, words[i].key, _(words[i].text));
    for (int w = 0; w < WHY_COUNT; w++) {
        char key[40];
        (void)snprintf(key, sizeof(key), "why_%s", why_code((enum why)w));
        buf_json_member(b, key, why_text((enum why)w));
    }
    buf_char(b, '}');
}

static void send_page(void *arg, struct http_exchange *x)
{
    struct page *p = arg;
    if (!has_session(p, x)) {
        send_login_page(p, x, 401, _("Token"));
        return;
    }
    const struct settings *s = player_settings_of(p->player);
    CLEANUP(buf_release) struct buf b = BUF_INIT(PAGE_MAX);
    for (const char *at = page_html; *at;) {
        const char *open = strstr(at, "{{"), *close = open ? strstr(open, "}}") : NULL;
        if (!close) {
            buf_str(&b, at);
            break;
        }
        buf_add(&b, at, (size_t)(open - at));
        if (strncmp(open, "{{words}}", 9) == 0)
            put_words(&b);
        else if (strncmp(open, "{{site}}", 8) == 0)
            buf_json_str(&b, s->player.name);
        else
            buf_str(&b, language(p));
        at = close + 2;
    }
    http_reply(x, 200, "text/html; charset=utf-8", buf_cstr(&b), b.len);
}

/* The address under which this person came, with the token: for the phone that is to come along. */
static void send_qr(void *arg, struct http_exchange *x)
{
    struct page *p = arg;
    if (!need_session(p, x)) return;
    const char *host = http_header(x, "Host");
    CLEANUP(buf_release) struct buf url = BUF_INIT(4096);
    buf_printf(&url, "%s://%s/login?t=", is_https(p) ? "https" : "http", host ? host : "localhost");
    buf_url(&url, p->token);
    QRcode *qr = QRcode_encodeString(buf_cstr(&url), 0, QR_ECLEVEL_M, QR_MODE_8, 1);
    if (!qr) {
        http_reply_json(x, 500, "{\"error\":\"io\"}");
        return;
    }
    CLEANUP(buf_release) struct buf b = BUF_INIT(SVG_MAX);
    buf_printf(&b,
               "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"-4 -4 %d %d\" "
               "shape-rendering=\"crispEdges\"><path d=\"",
               qr->width + 8, qr->width + 8);
    for (int y = 0; y < qr->width; y++)
        for (int col = 0; col < qr->width; col++)
            if (qr->data[y * qr->width + col] & 1) buf_printf(&b, "M%d %dh1v1h-1z", col, y);
    buf_str(&b, "\"/></svg>");
    QRcode_free(qr);
    http_reply(x, 200, "image/svg+xml", buf_cstr(&b), b.len);
}

/* ---- Making and ending ---- */

enum relay_err page_token(const char *token_file, char **ret, struct reason *why)
{
    CLEANUP(secret_free_ptr) char *token = NULL;
    enum relay_err err = secret_read(token_file, &token, why);
    if (err == RELAY_OK && (strlen(token) < TOKEN_MIN || strlen(token) > TOKEN_MAX))
        err = fail(why, RELAY_INVALID, _("%s: a token has %d to %d characters"), token_file, TOKEN_MIN,
                   TOKEN_MAX);
    if (err != RELAY_OK) return err;
    *ret = token;
    token = NULL;
    return RELAY_OK;
}

enum relay_err page_certificate(const struct http_settings *h, struct reason *why)
{
    const struct http_server_options o = {
        .host = "127.0.0.1", .tls_cert_file = h->cert, .tls_key_file = h->key};
    struct http_server *server = NULL;
    struct loop *l = NULL;
    enum relay_err err = loop_new(&l, why);
    if (err == RELAY_OK) err = http_server_new(l, &o, &server, why);
    http_server_free(server);
    loop_free(l);
    return err;
}

/* Which file it is and when it was last written: a certificate that was renewed is another one. */
static void put_file(struct buf *b, const char *path)
{
    struct stat st = {0};
    if (path && stat(path, &st) == 0)
        buf_printf(b, " %llu.%lld.%09ld", (unsigned long long)st.st_ino, (long long)st.st_mtim.tv_sec,
                   st.st_mtim.tv_nsec);
}

static enum relay_err listen_for(const struct http_settings *h, struct loop *l, struct http_server **ret,
                                 struct reason *why)
{
    char host[46];
    int port;
    if (!address_listen(h->listen, host, &port))
        return fail(why, RELAY_INVALID, "http: listen: `%s`", h->listen);
    const struct http_server_options o = {
        .host = host, .port = port, .tls_cert_file = h->cert, .tls_key_file = h->key, .max_connections = 200};
    enum relay_err err = http_server_new(l, &o, ret, why);
    if (err == RELAY_OK)
        log_info("page: http%s://%s%s%s:%d/", h->cert ? "s" : "", strchr(host, ':') ? "[" : "", host,
                 strchr(host, ':') ? "]" : "", http_server_port(*ret));
    return err;
}

/* Owns the server from now on. */
static struct page *page_new(struct player *player, struct http_server *server, const char *made_of)
{
    struct page *p = xcalloc(1, sizeof(*p));
    p->server = server;
    p->made_of = xstrdup(made_of);
    http_server_on(p->server, "GET", "/", send_page, p);
    http_server_on(p->server, "GET", "/login", log_in, p);
    http_server_on(p->server, "POST", "/login", log_in, p);
    http_server_on(p->server, "GET", "/qr.svg", send_qr, p);
    control_register(player, p->server, page_person, p, &p->control);
    return p;
}

enum relay_err page_open(struct player *player, struct loop *l, struct page **page, struct reason *why)
{
    const struct http_settings *h = &player_settings_of(player)->http;
    CLEANUP(secret_free_ptr) char *token = NULL;
    CLEANUP(buf_release) struct buf made_of = BUF_INIT(16 * 1024);
    if (!h->token_file) {
        *page = page_free(*page);
        return RELAY_OK;
    }
    enum relay_err err = page_token(h->token_file, &token, why);
    if (err != RELAY_OK) return err;
    buf_str(&made_of, h->listen);
    put_file(&made_of, h->cert);
    put_file(&made_of, h->key);
    if (!*page || strcmp((*page)->made_of, buf_cstr(&made_of)) != 0) {
        struct http_server *server = NULL;
        *page = page_free(*page);
        err = listen_for(h, l, &server, why);
        if (err != RELAY_OK) return err;
        *page = page_new(player, server, buf_cstr(&made_of));
    }
    struct page *p = *page;
    uint8_t digest[HASH_LEN];
    p->player = player;
    control_follow(p->control, player);
    secret_free(p->token);
    p->token = token;
    token = NULL;
    hash_hmac_sha256(p->token, strlen(p->token), "tocsin-pa session", 17, digest);
    hash_hex(digest, HASH_LEN, p->session);
    return RELAY_OK;
}

struct page *page_free(struct page *p)
{
    if (!p) return NULL;
    http_server_free(p->server);
    control_free(p->control);
    free(p->made_of);
    secret_free(p->token);
    free(p);
    return NULL;
}

void page_read(struct page *p)
{
    if (p) http_server_run(p->server);
}

void page_release(struct page *p)
{
    if (p) http_server_release(p->server);
}

void page_refuse(struct page *p)
{
    if (p) http_server_refuse(p->server);
}

int64_t page_next_due(const struct page *p)
{
    return p ? http_server_next_due(p->server) : INT64_MAX;
}
