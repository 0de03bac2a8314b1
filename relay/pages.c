/* Probes, metrics, and the page behind links of duty messages, on the TCP listeners. */
#include "pages.h"

#include "base/mem.h"
#include "feedback.h"
#include "status.h"

static void get_metrics(void *arg, struct http_exchange *x)
{
    CLEANUP(buf_release) struct buf b = BUF_INIT(4 * 1024 * 1024);
    status_metrics(arg, &b);
    http_reply(x, 200, "text/plain; version=0.0.4; charset=utf-8", buf_cstr(&b), b.len);
}

/* Alive: the loop turns. */
static void get_health(void *arg, struct http_exchange *x)
{
    struct relay *r = arg;
    http_reply_json(x, r->store_ok ? 200 : 503,
                    r->store_ok ? "{\"ok\":true}" : "{\"ok\":false,\"why\":\"store\"}");
}

/* Ready: it does all of its work. */
static void get_ready(void *arg, struct http_exchange *x)
{
    const char *trouble = status_trouble(arg);
    CLEANUP(buf_release) struct buf b = BUF_INIT(2048);
    buf_char(&b, '{');
    buf_json_member_bool(&b, "ready", !*trouble);
    if (*trouble) buf_json_member(&b, "why", trouble);
    buf_char(&b, '}');
    http_reply_json(x, *trouble ? 503 : 200, buf_cstr(&b));
}

/* "/cards/<key>.png": for chats that fetch a warning's picture by its address. The key is told with it and to nobody else, and
 * what is in the picture was said to that chat anyway. */
static void get_card(void *arg, struct http_exchange *x)
{
    struct relay *r = arg;
    CLEANUP(buf_release) struct buf png = BUF_INIT(CARD_BYTES_MAX);
    char key[CARD_KEY_LEN];
    const char *name = strrchr(http_path(x), '/') + 1, *dot = strchr(name, '.');
    if (!dot || strcmp(dot, ".png") != 0 || dot - name != CARD_KEY_LEN - 1) {
        http_reply_json(x, 404, "{\"error\":\"no such address\"}");
        return;
    }
    (void)snprintf(key, sizeof(key), "%.*s", CARD_KEY_LEN - 1, name);
    if (!cards_read(r->cards, key, &png)) {
        http_reply_json(x, 404, "{\"error\":\"no such card (any more)\"}");
        return;
    }
    http_reply_header(x, "Cache-Control", "private, max-age=604800, immutable");
    http_reply(x, 200, "image/png", png.data, png.len);
}

void pages_serve(struct relay *r, struct http_server *s)
{
    http_server_on(s, "GET", "/metrics", get_metrics, r);
    http_server_on(s, "GET", "/healthz", get_health, r);
    http_server_on(s, "GET", "/readyz", get_ready, r);
    http_server_on(s, "GET", "/cards/*", get_card, r);
    feedback_serve(r, s);
}
