/* Wards and their boards: what each shows, who is connected, what has been displayed, what is put away. */
#include "adapters/display/screen_internal.h"

#include "base/hash.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"

struct now ward_now(const struct screens *s)
{
    return s->env.now(s->env.core);
}

void screens_token(const uint8_t secret[static 16], const char *site, const char *place,
                   char ret[static SCREEN_TOKEN_LEN])
{
    uint8_t mac[HASH_LEN];
    CLEANUP(free_ptr)
    char *what = place ? xasprintf("screen/%s/%s", site, place) : xasprintf("wall/%s", site);
    hash_hmac_sha256(secret, 16, what, strlen(what), mac);
    hash_base32(mac, HASH_LEN, ret, SCREEN_TOKEN_LEN);
    for (char *p = ret; *p; p++)
        if (*p >= 'A' && *p <= 'Z') *p = (char)(*p - 'A' + 'a');
}

/* -- items -------------------------------------------------------------------------------------------------------- */

static void items_release(struct ward *w)
{
    for (size_t i = 0; i < w->n_items; i++) {
        free(w->items[i].id);
        free(w->items[i].headline);
        for (int k = 0; k < w->items[i].n_lines; k++) free(w->items[i].lines[k]);
    }
    w->n_items = 0;
}

/* The snapshot becomes the ward's items; what was there before keeps what is known of it. */
static void items_take(struct ward *w, const struct message *m, size_t n, const struct snapshot *snap)
{
    struct item fresh[SCREEN_ITEMS];
    uint32_t shown[CLIENTS] = {0};
    size_t keep = n < SCREEN_ITEMS ? n : SCREEN_ITEMS;
    CLEANUP(buf_release) struct buf json = BUF_INIT(EVENT_MAX / 2);
    size_t taken = 0;
    for (size_t i = 0; i < keep; i++) {
        size_t before = json.len;
        if (i) buf_char(&json, ',');
        board_item_json(&m[i], &json);
        if (buf_failed(&json)) { /* texts longer than any rule may have: the gravest are in */
            json.len = before;
            json.data[before] = '\0';
            json.failed = false;
            break;
        }
        struct item *f = &fresh[taken++];
        *f = (struct item){.id = xstrdup(m[i].delivery),
                           .headline = xstrdup(m[i].headline ? m[i].headline : ""),
                           .level = m[i].level,
                           .status = m[i].status,
                           .correction = m[i].msg_type == MSG_CANCEL,
                           .expires = m[i].expires,
                           .first_rev = snap->rev,
                           .hidden = board_hides(&w->hide, &m[i], snap->now.wall)};
        for (; f->n_lines < m[i].n_lines; f->n_lines++)
            f->lines[f->n_lines] = xstrdup(m[i].lines[f->n_lines]);
        for (size_t k = 0; k < w->n_items; k++) {
            if (strcmp(w->items[k].id, f->id) != 0) continue;
            f->first_rev = w->items[k].first_rev;
            f->displayed = w->items[k].displayed;
            for (size_t c = 0; c < CLIENTS; c++)
                if (w->clients[c].shown & (1u << k)) shown[c] |= 1u << i;
            break;
        }
    }
    items_release(w);
    memcpy(w->items, fresh, taken * sizeof(*fresh));
    w->n_items = taken;
    w->more = n - taken;
    for (size_t c = 0; c < CLIENTS; c++) w->clients[c].shown = shown[c];
    free(w->items_json);
    w->items_json = buf_take(&json);
}

/* -- wards -------------------------------------------------------------------------------------------------------- */

struct screens *screens_new(const struct adapter_env *env)
{
    struct screens *s = xcalloc(1, sizeof(*s));
    s->env = *env;
    memcpy(s->secret, env->secret, sizeof(s->secret));
    s->boot = ward_now(s).wall;
    screens_serve(s);
    return s;
}

static void ward_free(struct screens *s, struct ward *w)
{
    while (w->views) {
        struct view *v = w->views;
        w->views = v->next;
        http_stream_close(v->stream);
        free(v);
        s->n_views--;
    }
    HASH_DEL(s->wards, w);
    items_release(w);
    free(w->items_json);
    free(w->id);
    free(w);
}

struct screens *screens_free(struct screens *s)
{
    if (!s) return NULL;
    struct ward *w, *next;
    HASH_ITER(hh, s->wards, w, next) ward_free(s, w);
    panels_release(s);
    explicit_bzero(s->secret, sizeof(s->secret));
    free(s);
    return NULL;
}

void screens_join(struct screens *s, struct target *t)
{
    struct ward *w;
    HASH_FIND_STR(s->wards, t->id, w);
    if (!w) {
        w = xcalloc(1, sizeof(*w));
        w->id = xstrdup(t->id);
        HASH_ADD_KEYPTR(hh, s->wards, w->id, strlen(w->id), w);
    }
    w->target = t;
    w->refs++;
    w->change++; /* its names and hours may be others now; the snapshot that follows tells */
    t->state = w;
    if (w->hide.until) s->env.refresh(s->env.core, w->id, w->hide.until);
}

void screens_leave(struct screens *s, struct target *t)
{
    struct ward *w = t->state;
    t->state = NULL;
    if (w && --w->refs == 0) ward_free(s, w);
}

const char *ward_tag(const struct ward *w, char out[static TAG_LEN])
{
    (void)snprintf(out, TAG_LEN, "%lld.%u", (long long)w->rev, w->change);
    return out;
}

static void add_windows(struct buf *b, const struct opt_windows *quiet)
{
    buf_json_key(b, "quiet");
    buf_char(b, '[');
    for (size_t i = 0; i < quiet->n; i++)
        buf_printf(b, "%s[%d,%d]", i ? "," : "", quiet->items[i].from, quiet->items[i].to);
    buf_char(b, ']');
}

static void add_ward(struct buf *b, const struct target *t)
{
    static const char *const takeovers[] = {"none", "banner", "full"};
    const struct board_options *o = t->options;
    buf_json_key(b, "ward");
    buf_char(b, '{');
    buf_json_member(b, "name", t->name);
    buf_json_member(b, "site", o->site_name);
    if (o->issuer) buf_json_member(b, "issuer", o->issuer);
    if (o->help) buf_json_member(b, "help", o->help);
    buf_json_member(b, "takeover", takeovers[o->takeover]);
    add_windows(b, &o->quiet);
    buf_json_key(b, "reminders");
    buf_char(b, '[');
    for (size_t i = 0; i < o->reminders.n; i++) {
        if (i) buf_char(b, ',');
        buf_json_str(b, o->reminders.items[i]);
    }
    buf_str(b, "]}");
}

void ward_json(const struct screens *s, const struct ward *w, struct buf *b)
{
    char tag[TAG_LEN], time[TIME_TEXT_LEN];
    int64_t now = ward_now(s).wall;
    buf_char(b, '{');
    buf_json_member(b, "now", clock_format(now, true, time));
    buf_json_member(b, "tag", ward_tag(w, tag));
    buf_json_member_int(b, "boot", s->boot);
    buf_json_member(b, "page", s->page_id);
    add_ward(b, w->target);
    if (now < w->hide.until) {
        buf_json_key(b, "hide");
        buf_char(b, '{');
        buf_json_member(b, "since", clock_format(w->hide.since, true, time));
        buf_json_member(b, "until", clock_format(w->hide.until, true, time));
        buf_char(b, '}');
    }
    if (w->has_board) { /* without one a screen goes on with what it had */
        buf_json_member_int(b, "rev", w->rev);
        buf_json_member_int(b, "more", (int64_t)w->more);
        buf_json_key(b, "items");
        buf_printf(b, "[%s]", w->items_json);
    }
    buf_char(b, '}');
}

/* To all its streams. */
static void ward_push(struct screens *s, struct ward *w)
{
    if (!w->views) return;
    CLEANUP(buf_release) struct buf b = BUF_INIT(EVENT_MAX);
    buf_str(&b, "data: ");
    ward_json(s, w, &b);
    buf_str(&b, "\n\n");
    for (struct view *v = w->views; v; v = v->next) http_stream_set(v->stream, buf_cstr(&b), b.len);
}

size_t screens_show(struct screens *s, const struct target *t, const struct message *m, size_t n,
                    const struct snapshot *snap)
{
    struct ward *w = t->state;
    if (!w) return 0;
    if (snap->now.wall >= w->hide.until) w->hide = (struct board_hide){0};
    items_take(w, m, n, snap);
    w->rev = snap->rev;
    w->has_board = true;
    ward_push(s, w);
    return w->n_views;
}

size_t screens_connected(const struct target *t)
{
    const struct ward *w = t->state;
    return w ? w->n_views : 0;
}

const struct board_hide *screens_hide(const struct target *t)
{
    static const struct board_hide nothing = {0};
    const struct ward *w = t->state;
    return w ? &w->hide : &nothing;
}

void ward_hide(struct screens *s, struct ward *w, const struct board_hide *h)
{
    w->hide = *h;
    w->change++;
    ward_push(s, w);
    /* Devices hear of it by a new board now, and by another one when it is over. */
    s->env.refresh(s->env.core, w->id, 0);
    if (h->until) s->env.refresh(s->env.core, w->id, h->until);
}

/* -- displayed ---------------------------------------------------------------------------------------------------- */

static void report(struct screens *s, struct ward *w, struct item *i, int64_t at)
{
    if (i->displayed) return;
    i->displayed = ward_now(s).wall;
    s->env.report(s->env.core,
                  &(struct report){.target = w->id, .delivery = i->id, .state = "displayed", .at = at});
}

static bool named(const struct item *i, const char *const *ids, size_t n)
{
    for (size_t k = 0; k < n; k++)
        if (strcmp(ids[k], i->id) == 0) return true;
    return false;
}

void ward_displayed(struct screens *s, struct ward *w, struct client *c, int64_t rev, const char *const *ids,
                    size_t n, int64_t at)
{
    for (size_t i = 0; i < w->n_items; i++) {
        if (n ? !named(&w->items[i], ids, n) : w->items[i].first_rev > rev) continue;
        if (c) c->shown |= 1u << i;
        report(s, w, &w->items[i], at);
    }
}

bool screens_device_ack(struct screens *s, const char *target, int64_t rev, int64_t at)
{
    struct ward *w;
    bool all = true;
    HASH_FIND_STR(s->wards, target, w);
    if (!w || !w->has_board) return false;
    for (size_t i = 0; i < w->n_items; i++) {
        if (w->items[i].hidden) continue; /* its board did not have it */
        if (w->items[i].first_rev <= rev) report(s, w, &w->items[i], at);
    }
    if (w->more && !w->hide.until) all = false;
    return all;
}

struct client *ward_client(const struct screens *s, struct ward *w, const char *id)
{
    if (!id || !*id || strlen(id) >= CLIENT_ID_LEN) return NULL;
    struct client *oldest = &w->clients[0];
    for (size_t i = 0; i < CLIENTS; i++) {
        struct client *c = &w->clients[i];
        if (c->beat && strcmp(c->id, id) == 0) {
            c->beat = ward_now(s).wall;
            return c;
        }
        if (c->beat < oldest->beat) oldest = c;
    }
    *oldest = (struct client){.beat = ward_now(s).wall};
    (void)snprintf(oldest->id, sizeof(oldest->id), "%s", id);
    return oldest;
}
