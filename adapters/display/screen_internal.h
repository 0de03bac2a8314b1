/* What screen.c (wards and their boards) and screen_pages.c (what browsers ask) share. */
#ifndef TOCSIN_ADAPTERS_SCREEN_INTERNAL_H
#define TOCSIN_ADAPTERS_SCREEN_INTERNAL_H

#include <uthash.h>

#include "adapters/display/screen.h"
#include "adapters/draw/panel.h"

enum { CLIENTS = 16, CLIENT_ID_LEN = 12 + 1, TAG_LEN = 48, EVENT_MAX = 64 * 1024 };

struct ward;

/* One browser, by the name that it gave itself. */
struct client {
    char id[CLIENT_ID_LEN];
    int64_t beat;   /* wall ms of its last word; 0: the place is free */
    uint32_t shown; /* bit i: it has shown items[i] */
    int width, height;
};

struct view { /* an open stream */
    struct view *next, **link;
    struct screens *screens;
    struct ward *ward;
    struct http_stream *stream;
    char client[CLIENT_ID_LEN];
};

struct item {
    char *id; /* of the delivery */
    char *headline, *lines[3];
    int n_lines;
    enum level level;
    enum cap_status status;
    bool correction;
    int64_t expires, first_rev;
    int64_t displayed; /* wall ms; 0: not yet */
    bool hidden;       /* from devices, in the board they have */
};

struct ward {
    UT_hash_handle hh;
    char *id;                    /* of the target */
    const struct target *target; /* the newest */
    int refs;
    struct view *views; /* newest first */
    size_t n_views;
    bool has_board;
    int64_t rev;
    unsigned change; /* of anything but rev that screens must hear of */
    struct item items[SCREEN_ITEMS];
    size_t n_items, more;
    char *items_json;
    struct board_hide hide;
    struct client clients[CLIENTS];
};

enum { PANELS_KEPT = 32 };

struct panel_kept { /* a picture for devices, by what is in it */
    char key[PANEL_KEY_LEN];
    char *png;
    size_t n;
    uint64_t used;
};

struct screens {
    struct adapter_env env;
    uint8_t secret[16];
    int64_t boot; /* wall ms of the start: a page that knows another one tells again what it knows */
    struct ward *wards;
    size_t n_views;
    struct panel_kept panels[PANELS_KEPT];
    uint64_t panel_uses;
    int64_t panel_drawn; /* mono of the last drawing */
    const char *page_id; /* another one than a page's own: it gets itself anew */
};

void screens_serve(struct screens *s); /* registers the addresses */
/* "/displays/<site>/<ward>.png", after its token was found right. */
void ward_picture(struct screens *s, const struct ward *w, struct http_exchange *x);
void panels_release(struct screens *s);

struct now ward_now(const struct screens *s);
/* The whole board as JSON with the relay's time. */
void ward_json(const struct screens *s, const struct ward *w, struct buf *b);
const char *ward_tag(const struct ward *w, char out[static TAG_LEN]);
void ward_hide(struct screens *s, struct ward *w, const struct board_hide *h);
/* A browser has shown these deliveries (n 0: all of rev). */
void ward_displayed(struct screens *s, struct ward *w, struct client *c, int64_t rev, const char *const *ids,
                    size_t n, int64_t at);
/* The client of that name, made if need be at the place of the one not heard of for longest. NULL for no name. */
struct client *ward_client(const struct screens *s, struct ward *w, const char *id);

#endif
