/* What browsers ask of the screens: the page, its stream, its beat, what it has displayed, and the key that puts it away. */
#include "adapters/display/screen_internal.h"

#include "base/hash.h"
#include "base/i18n.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "screen_page.h" /* made from page/ by the build: screen_page, wall_page */

enum { NAME_MAX_LEN = 32, PATH_PARTS = 3, RETRY_MOST = 4000, RETRY_LEAST = 1000 };
#define HIDE_FOR (2 * HOUR_MS)

static const char html[] = "text/html; charset=utf-8";

/* -- who asks for what -------------------------------------------------------------------------------------------- */

/* "/screen/<site>/<ward>[/<what>]" or "/wall/<site>[/<what>]": the parts after the first, "" where there is none. */
static bool split_path(const char *path, size_t least, char parts[PATH_PARTS][NAME_MAX_LEN + 1])
{
    size_t n = 0;
    memset(parts, 0, PATH_PARTS * sizeof(*parts));
    const char *p = strchr(path + 1, '/');
    while (p && *p == '/') {
        size_t len = strcspn(++p, "/");
        if (n == PATH_PARTS || !len || len > NAME_MAX_LEN) return false;
        memcpy(parts[n++], p, len);
        p += len;
    }
    return n >= least;
}

static bool token_is(const struct screens *s, struct http_exchange *x, const char *site, const char *place)
{
    char right[SCREEN_TOKEN_LEN];
    const char *given = http_query(x, "t");
    screens_token(s->secret, site, place, right);
    return given && strlen(given) == sizeof(right) - 1 && hash_equal(given, right, sizeof(right) - 1);
}

/* The ward of these parts, when the token is its own. */
static struct ward *ward_of(const struct screens *s, struct http_exchange *x, const char *site,
                            const char *place)
{
    struct ward *w;
    char id[NAME_MAX_LEN * 2 + 8];
    (void)snprintf(id, sizeof(id), "board:%s/%s", site, place);
    HASH_FIND_STR(s->wards, id, w);
    return w && token_is(s, x, site, place) ? w : NULL;
}

/* The same answer to a wrong token and to a ward that does not exist: nobody can try names. */
static void refuse(struct http_exchange *x, bool page)
{
    if (!page) {
        http_reply_json(x, 403, "{\"error\":\"wrong token\"}");
        return;
    }
    CLEANUP(buf_release) struct buf b = BUF_INIT(4096);
    buf_str(&b, "<!doctype html><html lang=\"zh-CN\"><meta charset=\"utf-8\">"
                "<meta name=\"viewport\" content=\"width=device-width\"><title>");
    buf_html(&b, _("Address not valid"));
    buf_str(&b, "</title><style>body{font:28px/1.7 sans-serif;max-width:24em;margin:15vh auto;padding:0 1em;"
                "color:#12161c;background:#fff}</style><main><h1>");
    buf_html(&b, _("This address is not valid"));
    buf_str(&b, "</h1><p>");
    buf_html(&b, _("Ask the administrator for this screen's address; `tocsin wards list` prints it."));
    buf_str(&b, "</p></main></html>\n");
    http_reply(x, 403, html, buf_cstr(&b), b.len);
}

static void reply_page(struct http_exchange *x, const unsigned char *page, size_t n)
{
    /* Kept by the browser, so that a screen that is switched on while the relay is away still has its page. The page asks for
     * a new one by itself when the relay's is another. */
    http_reply_header(x, "Cache-Control", "private, max-age=604800");
    http_reply(x, 200, html, page, n);
}

static void
no_keeping(struct http_exchange *x) /* thousands of screens: one kept connection each, their stream */
{
    http_reply_header(x, "Connection", "close");
}

/* -- one screen --------------------------------------------------------------------------------------------------- */

static void get_page(struct screens *s, struct ward *w, struct http_exchange *x)
{
    (void)s;
    (void)w;
    reply_page(x, screen_page, sizeof(screen_page));
}

static void view_drop(struct screens *s, struct view *v)
{
    *v->link = v->next;
    if (v->next) v->next->link = v->link;
    v->ward->n_views--;
    s->n_views--;
    free(v);
}

static void on_gone(void *arg)
{
    struct view *v = arg;
    view_drop(v->screens, v);
}

static void get_events(struct screens *s, struct ward *w, struct http_exchange *x)
{
    if (strcmp(http_method(x), "GET") != 0) {
        http_reply(x, 405, "text/plain; charset=utf-8", "GET only\n", 9);
        return;
    }
    if (w->n_views >= SCREEN_STREAMS) { /* most likely one whose end has not been noticed yet */
        struct view *oldest = w->views;
        while (oldest->next) oldest = oldest->next;
        http_stream_close(oldest->stream);
        view_drop(s, oldest);
    }
    if (s->n_views >= s->env.max_streams) {
        log_warning("target=%s screen refused: limits.streams (%zu) are connected", w->id, s->n_views);
        http_reply_header(x, "Retry-After", "30");
        http_reply_json(x, 503, "{\"error\":\"too many screens\"}");
        return;
    }
    struct view *v = xcalloc(1, sizeof(*v));
    const struct client *c = ward_client(s, w, http_query(x, "s"));
    if (c) (void)snprintf(v->client, sizeof(v->client), "%s", c->id);
    v->screens = s;
    v->ward = w;
    v->next = w->views;
    v->link = &w->views;
    if (v->next) v->next->link = &v->next;
    w->views = v;
    w->n_views++;
    s->n_views++;
    v->stream = http_stream_open(x, "text/event-stream", on_gone, v);
    /* When the relay has been away, screens do not all come back at the same moment. */
    CLEANUP(buf_release) struct buf b = BUF_INIT(EVENT_MAX + 64);
    uint32_t mix = (uint32_t)(ward_now(s).mono * 2654435761u) ^ (uint32_t)((uintptr_t)v >> 4) * 40503u;
    buf_printf(&b, "retry: %u\ndata: ", RETRY_LEAST + mix % (RETRY_MOST - RETRY_LEAST));
    ward_json(s, w, &b);
    buf_str(&b, "\n\n");
    http_stream_set(v->stream, buf_cstr(&b), b.len);
}

static int query_int(struct http_exchange *x, const char *name)
{
    const char *v = http_query(x, name);
    long n = v ? strtol(v, NULL, 10) : 0;
    return n > 0 && n < 100000 ? (int)n : 0;
}

static void get_beat(struct screens *s, struct ward *w, struct http_exchange *x)
{
    char tag[TAG_LEN], time[TIME_TEXT_LEN];
    const char *has = http_query(x, "tag");
    struct client *c = ward_client(s, w, http_query(x, "s"));
    if (c) {
        c->width = query_int(x, "w");
        c->height = query_int(x, "h");
    }
    CLEANUP(buf_release) struct buf b = BUF_INIT(EVENT_MAX);
    if (has && strcmp(has, ward_tag(w, tag)) == 0) {
        buf_char(&b, '{');
        buf_json_member(&b, "now", clock_format(ward_now(s).wall, true, time));
        buf_json_member(&b, "tag", tag);
        buf_json_member(&b, "page", screen_page_id);
        buf_char(&b, '}');
    } else { /* its stream is broken, or held back by something in between */
        ward_json(s, w, &b);
    }
    no_keeping(x);
    http_reply_json(x, 200, buf_cstr(&b));
}

static bool read_body(struct http_exchange *x, cJSON **ret, struct reason *why)
{
    size_t n;
    const char *bytes = http_body(x, &n);
    struct json_limits limits = {16 * 1024, 4};
    return json_parse(bytes, n, &limits, ret, why) == RELAY_OK;
}

static void bad_body(struct http_exchange *x, const char *what)
{
    CLEANUP(buf_release) struct buf b = BUF_INIT(1024);
    buf_char(&b, '{');
    buf_json_member(&b, "error", what);
    buf_char(&b, '}');
    no_keeping(x);
    http_reply_json(x, 400, buf_cstr(&b));
}

static void post_ack(struct screens *s, struct ward *w, struct http_exchange *x)
{
    CLEANUP(json_free_ptr) cJSON *j = NULL;
    struct reason why = {"it must be {\"rev\",\"state\":\"displayed\",\"at\",\"items\"}"};
    const char *state, *ids[SCREEN_ITEMS];
    int64_t rev, at = 0;
    size_t n = 0;
    if (!read_body(x, &j, &why) || json_int(j, "rev", &rev) != RELAY_OK ||
        json_str(j, "state", &state) != RELAY_OK || strcmp(state, "displayed") != 0) {
        bad_body(x, why.text);
        return;
    }
    (void)!json_time(j, "at", &at); /* absent: now */
    const cJSON *items = cJSON_GetObjectItemCaseSensitive(j, "items"), *i;
    cJSON_ArrayForEach(i, items)
    {
        if (n < SCREEN_ITEMS && cJSON_IsString(i)) ids[n++] = i->valuestring;
    }
    no_keeping(x);
    if (!cJSON_IsArray(items) || n)
        ward_displayed(s, w, ward_client(s, w, http_query(x, "s")), rev, ids, n, at);
    http_reply_json(x, 200, "{\"ok\":true}");
}

static void post_hide(struct screens *s, struct ward *w, struct http_exchange *x)
{
    CLEANUP(json_free_ptr) cJSON *j = NULL;
    struct reason why = {"it must be {\"on\":true} or {\"on\":false}"};
    bool on;
    if (!read_body(x, &j, &why) || json_bool(j, "on", &on) != RELAY_OK) {
        bad_body(x, why.text);
        return;
    }
    int64_t now = ward_now(s).wall;
    struct board_hide h = {0};
    if (on) {
        int64_t since;
        /* A page that was put away before the relay was started again says since when. */
        if (json_time(j, "since", &since) != RELAY_OK || since > now) since = now;
        if (since + HIDE_FOR > now) h = (struct board_hide){since, since + HIDE_FOR};
    }
    log_info("target=%s %s by its screen%s", w->id, h.until ? "put away for 2 h" : "shown again",
             h.until ? ": only red and newer is shown" : "");
    ward_hide(s, w, &h);
    CLEANUP(buf_release) struct buf b = BUF_INIT(EVENT_MAX);
    ward_json(s, w, &b);
    no_keeping(x);
    http_reply_json(x, 200, buf_cstr(&b));
}

static const struct {
    const char *method, *what;
    void (*fn)(struct screens *s, struct ward *w, struct http_exchange *x);
} verbs[] = {
    {"GET", "", get_page},     {"GET", "events", get_events}, {"GET", "beat", get_beat},
    {"POST", "ack", post_ack}, {"POST", "hide", post_hide},
};

static void on_screen(void *arg, struct http_exchange *x)
{
    struct screens *s = arg;
    char parts[PATH_PARTS][NAME_MAX_LEN + 1];
    const char *method = strcmp(http_method(x), "HEAD") == 0 ? "GET" : http_method(x);
    if (!split_path(http_path(x), 2, parts)) {
        refuse(x, true);
        return;
    }
    struct ward *w = ward_of(s, x, parts[0], parts[1]);
    if (!w) {
        refuse(x, !*parts[2]);
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
        if (strcmp(verbs[i].what, parts[2]) != 0 || strcmp(verbs[i].method, method) != 0) continue;
        verbs[i].fn(s, w, x);
        return;
    }
    http_reply_json(x, 404, "{\"error\":\"no such address\"}");
}

/* "/displays/<site>/<ward>.png" */
static void on_picture(void *arg, struct http_exchange *x)
{
    struct screens *s = arg;
    char parts[PATH_PARTS][NAME_MAX_LEN + 1];
    struct ward *w = NULL;
    bool ok = split_path(http_path(x), 2, parts) && !*parts[2];
    char *dot = ok ? strrchr(parts[1], '.') : NULL;
    if (dot && strcmp(dot, ".png") == 0) {
        *dot = '\0';
        w = ward_of(s, x, parts[0], parts[1]);
    }
    if (!w)
        refuse(x, false);
    else
        ward_picture(s, w, x);
}

/* -- the wall of a site ------------------------------------------------------------------------------------------- */

static void add_time(struct buf *b, const char *name, int64_t at)
{
    if (at) buf_json_member_time(b, name, at);
}

static void add_clients(struct buf *b, const struct ward *w)
{
    buf_json_key(b, "screens");
    buf_char(b, '[');
    for (size_t i = 0; i < CLIENTS; i++) {
        const struct client *c = &w->clients[i];
        if (!c->beat) continue;
        bool connected = false;
        for (const struct view *v = w->views; v; v = v->next)
            connected = connected || strcmp(v->client, c->id) == 0;
        if (b->data[b->len - 1] != '[') buf_char(b, ',');
        buf_char(b, '{');
        buf_json_member(b, "id", c->id);
        buf_json_member_bool(b, "connected", connected);
        add_time(b, "beat", c->beat);
        buf_json_member_int(b, "width", c->width);
        buf_json_member_int(b, "height", c->height);
        buf_json_key(b, "shown");
        buf_char(b, '[');
        for (size_t k = 0, some = 0; k < w->n_items; k++)
            if (c->shown & (1u << k)) buf_printf(b, "%s%zu", some++ ? "," : "", k);
        buf_str(b, "]}");
    }
    buf_char(b, ']');
}

static void add_wall_ward(struct buf *b, const struct ward *w, int64_t now)
{
    buf_char(b, '{');
    buf_json_member(b, "id", w->target->place);
    buf_json_member(b, "name", w->target->name);
    buf_json_member_int(b, "streams", (int64_t)w->n_views);
    if (now < w->hide.until) buf_json_member_time(b, "hidden_until", w->hide.until);
    buf_json_member_int(b, "more", (int64_t)w->more);
    buf_json_key(b, "items");
    buf_char(b, '[');
    for (size_t i = 0; i < w->n_items; i++) {
        const struct item *it = &w->items[i];
        buf_str(b, i ? ",{" : "{");
        buf_json_member(b, "headline", it->headline);
        buf_json_member(b, "level", level_name(it->level));
        buf_json_member(b, "status", cap_status_name(it->status));
        if (it->correction) buf_json_member_bool(b, "correction", true);
        buf_json_member_time(b, "expires", it->expires);
        add_time(b, "displayed", it->displayed);
        buf_char(b, '}');
    }
    buf_char(b, ']');
    add_clients(b, w);
    buf_char(b, '}');
}

static void get_wall_state(struct screens *s, const char *site, struct http_exchange *x)
{
    CLEANUP(buf_release) struct buf b = BUF_INIT(8 * 1024 * 1024);
    int64_t now = ward_now(s).wall;
    char time[TIME_TEXT_LEN];
    buf_char(&b, '{');
    buf_json_member(&b, "now", clock_format(now, true, time));
    buf_json_member(&b, "page", wall_page_id);
    bool named = false;
    struct ward *w, *next;
    HASH_ITER(hh, s->wards, w, next) /* in the configuration's order */
    {
        if (strcmp(w->target->site, site) != 0) continue;
        const struct board_options *o = w->target->options;
        if (!named) {
            buf_json_member(&b, "site", o->site_name);
            buf_json_key(&b, "wards");
            buf_char(&b, '[');
        } else {
            buf_char(&b, ',');
        }
        named = true;
        add_wall_ward(&b, w, now);
    }
    buf_str(&b, named ? "]}" : "}");
    no_keeping(x);
    http_reply_json(x, 200, buf_cstr(&b));
}

static void on_wall(void *arg, struct http_exchange *x)
{
    struct screens *s = arg;
    char parts[PATH_PARTS][NAME_MAX_LEN + 1];
    bool ok = split_path(http_path(x), 1, parts);
    if (!ok || !token_is(s, x, parts[0], NULL))
        refuse(x, !ok || !*parts[1]);
    else if (!*parts[1])
        reply_page(x, wall_page, sizeof(wall_page));
    else if (strcmp(parts[1], "state") == 0)
        get_wall_state(s, parts[0], x);
    else
        http_reply_json(x, 404, "{\"error\":\"no such address\"}");
}

void screens_serve(struct screens *s)
{
    s->page_id = screen_page_id;
    s->env.on_http(s->env.core, "GET", "/screen/*", on_screen, s);
    s->env.on_http(s->env.core, "POST", "/screen/*", on_screen, s);
    s->env.on_http(s->env.core, "GET", "/displays/*", on_picture, s);
    s->env.on_http(s->env.core, "GET", "/wall/*", on_wall, s);
}
