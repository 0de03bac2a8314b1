/* Drawings of cards and where they are kept. */
#include "adapters/cards.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/i18n.h"
#include "base/log.h"
#include "base/mem.h"

enum { IN_MEMORY = 8, PATH_LEN = 4096 };

struct waiter {
    struct waiter *next;
    card_fn fn;
    void *arg;
};

struct drawing { /* on its way to or from the helper thread */
    struct drawing *next;
    struct cards *cards; /* NULL when they are gone */
    struct arena arena;
    struct card card;
    char key[CARD_KEY_LEN];
    const char *folder;
    struct buf png;
    enum relay_err err;
    struct reason why;
    struct waiter *waiters, **end;
};

struct kept { /* in memory */
    struct picture picture;
    char key[CARD_KEY_LEN];
    char *png, *base64;
    uint64_t used;
};

struct cards {
    struct loop *loop;
    char *folder; /* NULL: none */
    struct kept kept[IN_MEMORY];
    uint64_t uses;
    struct drawing *drawings;
};

/* -- files -------------------------------------------------------------------------------------------------------- */

static bool is_key(const char *s, size_t n)
{
    return n == CARD_KEY_LEN - 1 && strspn(s, "0123456789abcdef") >= n;
}

/* What was cut by a power failure does not end as a PNG ends. */
static bool is_whole(const struct buf *b)
{
    static const char begin[] = "\x89PNG\r\n\x1a\n", end[] = "IEND\xae\x42\x60\x82";
    return b->len > sizeof(begin) + sizeof(end) && memcmp(b->data, begin, sizeof(begin) - 1) == 0 &&
           memcmp(b->data + b->len - (sizeof(end) - 1), end, sizeof(end) - 1) == 0;
}

static bool file_read(const char *folder, const char *key, struct buf *out)
{
    char path[PATH_LEN], block[16 * 1024];
    (void)snprintf(path, sizeof(path), "%s/%s.png", folder, key);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return false;
    ssize_t n;
    while ((n = read(fd, block, sizeof(block))) > 0) buf_add(out, block, (size_t)n);
    (void)close(fd);
    return n == 0 && !buf_failed(out) && is_whole(out);
}

/* A cache: what cannot be written is drawn again another time. */
static void file_write(const char *folder, const char *key, const struct buf *png)
{
    char path[PATH_LEN], part[PATH_LEN];
    (void)snprintf(path, sizeof(path), "%s/%s.png", folder, key);
    (void)snprintf(part, sizeof(part), "%s/%s.part", folder, key);
    (void)mkdir(folder, 0750);
    int fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    if (fd < 0) return;
    bool ok = write(fd, png->data, png->len) == (ssize_t)png->len;
    ok = close(fd) == 0 && ok;
    if (!ok || rename(part, path) != 0) (void)unlink(part);
}

struct aged {
    char name[CARD_KEY_LEN + 4];
    struct timespec at;
};

static int older(const void *a, const void *b)
{
    const struct timespec *x = &((const struct aged *)a)->at, *y = &((const struct aged *)b)->at;
    if (x->tv_sec != y->tv_sec) return x->tv_sec < y->tv_sec ? -1 : 1;
    return x->tv_nsec < y->tv_nsec ? -1 : x->tv_nsec > y->tv_nsec;
}

static void prune(const char *folder)
{
    DIR *d = opendir(folder);
    size_t n = 0, room = 0;
    CLEANUP(free_ptr) struct aged *files = NULL;
    if (!d) return;
    for (const struct dirent *e; (e = readdir(d));) {
        struct stat st;
        const char *dot = strchr(e->d_name, '.');
        if (!dot || !is_key(e->d_name, (size_t)(dot - e->d_name)) || strcmp(dot, ".png") != 0) continue;
        if (fstatat(dirfd(d), e->d_name, &st, 0) != 0) continue;
        if (n == room) {
            room = room ? room * 2 : 2 * CARDS_KEPT;
            files = xreallocarray(files, room, sizeof(*files));
        }
        (void)snprintf(files[n].name, sizeof(files[n].name), "%s", e->d_name);
        files[n++].at = st.st_mtim;
    }
    if (n > CARDS_KEPT) qsort(files, n, sizeof(*files), older);
    for (size_t i = 0; i + CARDS_KEPT < n; i++) (void)unlinkat(dirfd(d), files[i].name, 0);
    (void)closedir(d);
}

/* -- drawing ------------------------------------------------------------------------------------------------------- */

static void draw(void *arg) /* on the helper thread */
{
    struct drawing *d = arg;
    if (d->folder && file_read(d->folder, d->key, &d->png)) return;
    buf_clear(&d->png);
    d->err = card_png(&d->card, &d->png, &d->why);
    if (d->err != RELAY_OK || !d->folder) return;
    file_write(d->folder, d->key, &d->png);
    prune(d->folder);
}

static void md5_hex(const char *data, size_t n, char ret[static CARD_MD5_LEN])
{
    uint8_t hash[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    /* The chat's own check of what arrived, no secret: MD5 will do. */
    if (EVP_Digest(data, n, hash, &len, EVP_md5(), NULL) != 1) len = 0;
    hash_hex(hash, len, ret);
}

static const struct picture *keep(struct cards *c, const char *key, struct buf *png)
{
    struct kept *k = &c->kept[0];
    for (size_t i = 1; i < IN_MEMORY; i++)
        if (c->kept[i].used < k->used) k = &c->kept[i];
    free(k->png);
    free(k->base64);
    size_t n = png->len, room = (n + 2) / 3 * 4 + 1;
    *k = (struct kept){.png = buf_take(png), .base64 = xmalloc(room), .used = ++c->uses};
    hash_base64((const uint8_t *)k->png, n, k->base64, room);
    memcpy(k->key, key, CARD_KEY_LEN);
    k->picture = (struct picture){.key = k->key, .png = k->png, .n = n, .base64 = k->base64};
    md5_hex(k->png, n, k->picture.md5);
    return &k->picture;
}

static void tell(struct drawing *d, enum card_end end, const struct picture *p)
{
    struct waiter *w = d->waiters;
    d->waiters = NULL;
    while (w) {
        struct waiter *next = w->next;
        w->fn(w->arg, end, p, d->why.text);
        free(w);
        w = next;
    }
}

static void drawing_free(struct drawing *d)
{
    buf_release(&d->png);
    arena_release(&d->arena);
    free(d);
}

static void drawn(void *arg, bool cancelled)
{
    struct drawing *d = arg;
    struct cards *c = d->cards;
    if (c) {
        struct drawing **p = &c->drawings;
        while (*p != d) p = &(*p)->next;
        *p = d->next;
        if (d->err != RELAY_OK) log_warning("card not drawn: %s; its text goes out without it", d->why.text);
        if (cancelled)
            tell(d, CARD_CANCELLED, NULL);
        else if (d->err == RELAY_OK)
            tell(d, CARD_DRAWN, keep(c, d->key, &d->png));
        else
            tell(d, CARD_FAILED, NULL);
    }
    drawing_free(d);
}

static const char *copy(struct arena *a, const char *s)
{
    return s ? arena_strdup(a, s) : NULL;
}

static struct drawing *drawing_new(struct cards *c, const struct card *card, const char *key)
{
    struct drawing *d = xcalloc(1, sizeof(*d));
    *d = (struct drawing){.next = c->drawings, .cards = c, .card = *card, .png = BUF_INIT(CARD_BYTES_MAX)};
    memcpy(d->key, key, CARD_KEY_LEN);
    d->end = &d->waiters;
    d->folder = copy(&d->arena, c->folder);
    d->card.headline = copy(&d->arena, card->headline);
    for (int i = 0; i < card->n_lines; i++) d->card.lines[i] = copy(&d->arena, card->lines[i]);
    d->card.issuer = copy(&d->arena, card->issuer);
    d->card.id = copy(&d->arena, card->id);
    c->drawings = d;
    return d;
}

void cards_ask(struct cards *c, const struct card *card, card_fn fn, void *arg)
{
    char key[CARD_KEY_LEN];
    card_key(card, key);
    for (size_t i = 0; i < IN_MEMORY; i++) {
        struct kept *k = &c->kept[i];
        if (strcmp(k->key, key) != 0) continue;
        k->used = ++c->uses;
        fn(arg, CARD_DRAWN, &k->picture, "");
        return;
    }
    struct drawing *d = c->drawings;
    while (d && strcmp(d->key, key) != 0) d = d->next;
    bool new = !d;
    if (new) d = drawing_new(c, card, key);
    struct waiter *w = xcalloc(1, sizeof(*w));
    *w = (struct waiter){.fn = fn, .arg = arg};
    *d->end = w;
    d->end = &w->next;
    if (new) loop_offload(c->loop, draw, drawn, d);
}

bool card_of(const struct message *m, struct card *ret)
{
    *ret = (struct card){.level = m->level,
                         .msg_type = m->msg_type,
                         .status = m->status,
                         .headline = m->headline,
                         .n_lines = m->n_lines,
                         .issuer = m->issuer,
                         .sent = m->sent,
                         .expires = m->expires,
                         .id = m->alert};
    memcpy(ret->lines, m->lines, sizeof(ret->lines));
    if (m->msg_type == MSG_CANCEL && !m->headline) {
        ret->headline = "更正：前面的提醒有误";
        ret->lines[0] = "请您不必担心";
        ret->lines[1] = "有疑问请到服务台";
        ret->n_lines = 2;
    }
    return ret->headline && *ret->headline;
}

bool cards_read(const struct cards *c, const char *key, struct buf *out)
{
    return c->folder && is_key(key, strlen(key)) && file_read(c->folder, key, out);
}

struct cards *cards_new(struct loop *loop, const char *state_dir)
{
    struct cards *c = xcalloc(1, sizeof(*c));
    c->loop = loop;
    c->folder = state_dir ? xasprintf("%s/cards", state_dir) : NULL;
    return c;
}

struct cards *cards_free(struct cards *c)
{
    if (!c) return NULL;
    for (struct drawing *d = c->drawings; d; d = d->next) {
        d->cards = NULL; /* its helper ends by itself */
        tell(d, CARD_CANCELLED, NULL);
    }
    for (size_t i = 0; i < IN_MEMORY; i++) {
        free(c->kept[i].png);
        free(c->kept[i].base64);
    }
    free(c->folder);
    free(c);
    return NULL;
}
