/* inotify, or looking often. */
#include "player/filewatch.h"

#include <sys/inotify.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"

enum { LOOK_MS = 100, LOOK_ANYWAY_MS = 5000 };

struct watched {
    char *path;
    void (*fn)(void *arg, bool exists);
    void *arg;
    bool known, exists;
};

struct filewatch {
    struct loop *loop;
    struct watch watch;
    int fd;     /* -1: no inotify */
    bool often; /* some folder cannot be watched */
    struct watched *files;
    size_t n;
    int64_t next; /* mono */
};

struct filewatch *filewatch_new(struct loop *l)
{
    struct filewatch *w = xcalloc(1, sizeof(*w));
    w->loop = l;
    w->watch.fd = -1;
    w->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (w->fd >= 0 && watch_set(l, &w->watch, w->fd, WATCH_READ) != RELAY_OK) {
        (void)close(w->fd); /* nothing was asked of it */
        w->fd = -1;
    }
    return w;
}

struct filewatch *filewatch_free(struct filewatch *w)
{
    if (!w) return NULL;
    (void)!watch_set(w->loop, &w->watch, -1, 0); /* forgetting cannot fail */
    if (w->fd >= 0) (void)close(w->fd);          /* nothing to lose */
    for (size_t i = 0; i < w->n; i++) free(w->files[i].path);
    free(w->files);
    free(w);
    return NULL;
}

void filewatch_add(struct filewatch *w, const char *path, void (*fn)(void *arg, bool exists), void *arg)
{
    CLEANUP(free_ptr) char *dir = xstrdup(path);
    char *slash = strrchr(dir, '/');
    if (slash) *slash = '\0';
    const char *folder = !slash ? "." : *dir ? dir : "/";
    w->files = xreallocarray(w->files, w->n + 1, sizeof(*w->files));
    w->files[w->n++] = (struct watched){.path = xstrdup(path), .fn = fn, .arg = arg};
    const uint32_t events = IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO;
    if (w->fd < 0 || inotify_add_watch(w->fd, folder, events) < 0) {
        if (!w->often)
            log_warning("%s: its folder cannot be watched; it is looked for ten times a second", path);
        w->often = true;
    }
}

void filewatch_run(struct filewatch *w, struct now now)
{
    char events[4096];
    bool look = now.mono >= w->next;
    if (w->watch.ready) {
        while (read(w->fd, events, sizeof(events)) > 0) {
        } /* which file it was does not matter */
        look = true;
    }
    if (!look) return;
    w->next = now.mono + (w->often ? LOOK_MS : LOOK_ANYWAY_MS);
    for (size_t i = 0; i < w->n; i++) {
        struct watched *f = &w->files[i];
        bool exists = access(f->path, F_OK) == 0;
        if (f->known && f->exists == exists) continue;
        f->known = true;
        f->exists = exists;
        f->fn(f->arg, exists);
    }
}

int64_t filewatch_next_due(const struct filewatch *w)
{
    return w->n ? w->next : INT64_MAX;
}
