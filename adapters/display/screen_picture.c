/* A ward's board as pictures, for devices that show pictures: e-paper, LED signs. One warning a picture; which one the device says.
 *
 *   GET /displays/<site>/<ward>.png?t=TOKEN&w=296&h=128[&palette=bw|bwr|gray|rgb][&item=0][&dark=1][&blank=1]
 *
 * The answer tells in headers what a device needs to know: X-Board-Rev (for its acknowledgement), X-Items (how many warnings
 * there are), X-Item (which this is), X-Valid-Seconds (after which the picture must be gone, by the device's own clock).
 * With If-None-Match a picture that is still right costs 304 and no drawing.
 */
#include "adapters/display/screen_internal.h"

#include "base/i18n.h"
#include "base/json.h"
#include "base/mem.h"

enum { IDLE_SECONDS = 600, DRAW_EVERY_MS = 40 };

void panels_release(struct screens *s)
{
    for (size_t i = 0; i < PANELS_KEPT; i++) free(s->panels[i].png);
}

/* What a device may show now: neither over nor put away. */
static size_t showable(const struct screens *s, const struct ward *w,
                       const struct item *ret[static SCREEN_ITEMS])
{
    size_t n = 0;
    int64_t now = ward_now(s).wall;
    for (size_t i = 0; i < w->n_items; i++)
        if (w->items[i].expires > now && !(w->items[i].hidden && now < w->hide.until))
            ret[n++] = &w->items[i];
    return n;
}

static bool number_of(struct http_exchange *x, const char *name, long deflt, long *ret)
{
    const char *v = http_query(x, name);
    char *end = NULL;
    *ret = v ? strtol(v, &end, 10) : deflt;
    return !v || (*v && !*end && *ret >= 0 && *ret <= 100000);
}

/* False, with the words of what is wrong. */
static bool ask_of(struct http_exchange *x, struct panel *p, long *ret_item, bool *ret_blank,
                   struct reason *why)
{
    long w, h, dark, blank;
    const char *palette = http_query(x, "palette");
    if (!number_of(x, "w", 0, &w) || !number_of(x, "h", 0, &h) || !number_of(x, "item", 0, ret_item) ||
        !number_of(x, "dark", 0, &dark) || !number_of(x, "blank", 0, &blank)) {
        (void)fail(why, RELAY_INVALID, "%s", "w, h, item, dark and blank are whole numbers");
        return false;
    }
    if (palette && !panel_palette_parse(palette, &p->palette)) {
        (void)fail(why, RELAY_INVALID, "%s", "palette is bw, bwr, gray or rgb");
        return false;
    }
    p->width = (int)w;
    p->height = (int)h;
    p->dark = dark;
    *ret_blank = blank;
    return true;
}

static struct panel_kept *kept_of(struct screens *s, const char *key)
{
    for (size_t i = 0; i < PANELS_KEPT; i++)
        if (s->panels[i].png && strcmp(s->panels[i].key, key) == 0) return &s->panels[i];
    return NULL;
}

/* RELAY_LIMIT: another picture was drawn just now; thousands of devices must not stand between a warning and its way out. */
static enum relay_err draw(struct screens *s, const struct panel *p, const char *key, struct panel_kept **ret,
                           struct reason *why)
{
    int64_t now = ward_now(s).mono;
    if (s->panel_drawn && now - s->panel_drawn < DRAW_EVERY_MS)
        return fail(why, RELAY_LIMIT, "%s", "busy drawing for others; ask again in a second");
    CLEANUP(buf_release) struct buf png = BUF_INIT(PANEL_BYTES_MAX);
    enum relay_err err = panel_png(p, &png, why);
    if (err != RELAY_OK) return err;
    s->panel_drawn = now ? now : 1;
    struct panel_kept *k = &s->panels[0];
    for (size_t i = 1; i < PANELS_KEPT; i++)
        if (s->panels[i].used < k->used) k = &s->panels[i];
    free(k->png);
    memcpy(k->key, key, PANEL_KEY_LEN);
    k->n = png.len;
    k->png = buf_take(&png);
    *ret = k;
    return RELAY_OK;
}

static void refuse(struct http_exchange *x, enum relay_err err, const struct reason *why)
{
    CLEANUP(buf_release) struct buf b = BUF_INIT(2048);
    buf_char(&b, '{');
    buf_json_member(&b, "error", why->text);
    buf_char(&b, '}');
    if (err == RELAY_LIMIT) http_reply_header(x, "Retry-After", "1");
    http_reply_json(x, err == RELAY_LIMIT ? 503 : err == RELAY_INVALID ? 400 : 500, buf_cstr(&b));
}

static void header_int(struct http_exchange *x, const char *name, int64_t v)
{
    char text[24];
    (void)snprintf(text, sizeof(text), "%lld", (long long)v);
    http_reply_header(x, name, text);
}

void ward_picture(struct screens *s, const struct ward *w, struct http_exchange *x)
{
    const struct item *items[SCREEN_ITEMS];
    const struct board_options *o = w->target->options;
    struct panel p = {.palette = PANEL_BW};
    struct reason why = {""};
    long item;
    bool blank;
    char key[PANEL_KEY_LEN], tag[PANEL_KEY_LEN + 2];
    if (!ask_of(x, &p, &item, &blank, &why)) {
        refuse(x, RELAY_INVALID, &why);
        return;
    }
    size_t n = blank ? 0 : showable(s, w, items);
    int64_t valid = IDLE_SECONDS;
    if (n) {
        const struct item *i = items[(size_t)item % n];
        p.headline = i->headline;
        memcpy(p.lines, i->lines, sizeof(p.lines));
        p.n_lines = i->n_lines;
        p.level = i->level;
        p.status = i->status;
        p.correction = i->correction;
        p.expires = i->expires;
        p.at = (size_t)item % n;
        p.of = n;
        valid = (i->expires - ward_now(s).wall) / SECOND_MS;
    } else if (!blank && o && o->reminders.n) {
        p.idle = o->reminders.items[(size_t)item % o->reminders.n];
    }
    panel_key(&p, key);
    (void)snprintf(tag, sizeof(tag), "\"%s\"", key);
    const char *has = http_header(x, "If-None-Match");
    bool same = has && strcmp(has, tag) == 0;
    struct panel_kept *k = kept_of(s, key);
    enum relay_err err = k || same ? RELAY_OK : draw(s, &p, key, &k, &why);
    if (err != RELAY_OK) {
        refuse(x, err, &why);
        return;
    }
    if (k) k->used = ++s->panel_uses;
    http_reply_header(x, "ETag", tag);
    http_reply_header(x, "Cache-Control", "no-cache");
    header_int(x, "X-Board-Rev", w->rev);
    header_int(x, "X-Items", (int64_t)n);
    header_int(x, "X-Item", (int64_t)p.at);
    header_int(x, "X-Valid-Seconds", valid);
    if (same || !k) /* the first includes the second */
        http_reply(x, 304, "image/png", "", 0);
    else
        http_reply(x, 200, "image/png", k->png, k->n);
}
