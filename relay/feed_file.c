/* A feed from a file of event lines, growing or a FIFO, for replay and tests. It remembers nothing between runs: reading
 * a file again gives duplicates, which the store knows. Receipts go, a line a commit, to <path>.receipts. */
#include "feed.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/i18n.h"
#include "base/mem.h"

enum {
    CHUNK = 64 * 1024,
    LINE_MAX_BYTES = 1 << 20,
    POLL_MS = 1000,
    SETTLED_POLLS = 2 /* a last line without its line feed counts when nothing was added to it for so long */
};

struct feed_file {
    int fd, receipts_fd;
    struct stat stat; /* of what fd is */
    off_t position;   /* bytes read from fd */
    char *bytes;      /* read and not released yet */
    size_t n, cap;
    size_t taken;   /* of them: handed up */
    bool skipping;  /* inside a line that is too long: */
    size_t skip_at; /* where in `bytes` the rest of it comes */
    bool at_end, reading, up;
    int idle_polls;
    int64_t poll_at;  /* mono */
    int64_t retry_at; /* mono; after a refusal */
    int64_t now;      /* mono, of the last service */
};

static void feed_file_close(struct feed *f)
{
    struct feed_file *c = f->ctx;
    if (!c) return;
    if (c->fd >= 0) close(c->fd);
    if (c->receipts_fd >= 0) close(c->receipts_fd);
    free(c->bytes);
    free(c);
    f->ctx = NULL;
}

static enum relay_err feed_file_open(struct feed *f, struct loop *l, struct reason *why)
{
    (void)l; /* a regular file cannot be waited for: it is looked at once a second */
    if (!f->config->path || !*f->config->path)
        return fail(why, RELAY_INVALID, _("feed %s: source file needs a path"), f->config->id);
    struct feed_file *c = xcalloc(1, sizeof(*c));
    c->fd = c->receipts_fd = -1;
    c->reading = true;
    f->ctx = c;
    return RELAY_OK;
}

static void say(struct feed *f, bool up, const char *why)
{
    struct feed_file *c = f->ctx;
    if (c->up == up && (up || c->poll_at)) return; /* a missing file is said once */
    c->up = up;
    f->sink->link(f->sink->arg, f, up, why);
}

static void try_open(struct feed *f)
{
    struct feed_file *c = f->ctx;
    int fd = open(f->config->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &c->stat) != 0 || S_ISDIR(c->stat.st_mode)) {
        char why[400];
        (void)snprintf(why, sizeof(why), _("cannot read %s: %s; looking again each second"), f->config->path,
                       strerror(fd < 0 ? errno : EISDIR));
        if (fd >= 0) close(fd);
        say(f, false, why);
        return;
    }
    c->fd = fd;
    c->position = 0;
    c->at_end = false;
    c->idle_polls = 0;
    say(f, true, f->config->path);
}

static void make_room(struct feed_file *c, size_t n)
{
    if (c->cap - c->n >= n) return;
    c->cap = c->n + n;
    c->bytes = xrealloc(c->bytes, c->cap);
}

static void fill(struct feed_file *c)
{
    make_room(c, CHUNK);
    ssize_t got;
    do got = read(c->fd, c->bytes + c->n, CHUNK);
    while (got < 0 && errno == EINTR);
    if (got <= 0) { /* EAGAIN: a FIFO whose writer waits */
        c->at_end = true;
        return;
    }
    c->n += (size_t)got;
    c->position += got;
    c->idle_polls = 0;
}

/* Another file under the name, or this one cut short: begin again. What was handed up and not released stays. */
static void look_for_another(struct feed *f)
{
    struct feed_file *c = f->ctx;
    struct stat now, old;
    if (S_ISFIFO(c->stat.st_mode) || stat(f->config->path, &now) != 0) return;
    if (now.st_ino == c->stat.st_ino && now.st_dev == c->stat.st_dev && now.st_size >= c->position) return;
    if (fstat(c->fd, &old) == 0 && old.st_size > c->position)
        return; /* written before the other took its name */
    close(c->fd);
    c->fd = -1;
    if (c->skipping) c->n = c->skip_at; /* a line that was too long has ended with it */
    c->skipping = false;
    if (c->n > c->taken &&
        c->bytes[c->n - 1] != '\n') { /* what the old file ended with is a line of its own */
        make_room(c, 1);
        c->bytes[c->n++] = '\n';
    }
    try_open(f);
}

static void feed_file_service(struct feed *f, struct now now)
{
    struct feed_file *c = f->ctx;
    c->now = now.mono;
    if (now.mono < c->poll_at) return;
    if (c->fd < 0) {
        try_open(f);
    } else if (c->at_end) {
        c->idle_polls++;
        look_for_another(f);
        c->at_end = false; /* the next read looks for more */
    }
    c->poll_at = now.mono + POLL_MS;
}

/* The next line after `taken`; its length without the line feed, or -1. *ret_next: where the one after it begins. */
static ssize_t next_line(const struct feed_file *c, size_t *ret_next)
{
    const char *from = c->bytes + c->taken;
    size_t left = c->n - c->taken;
    const char *end = left ? memchr(from, '\n', left) : NULL;
    if (end) {
        *ret_next = c->taken + (size_t)(end - from) + 1;
        return end - from;
    }
    if (left && c->at_end && c->idle_polls >= SETTLED_POLLS) {
        *ret_next = c->n;
        return (ssize_t)left;
    }
    return -1;
}

/* Of a line without end nothing is kept but that it goes on. */
static void drop_long_line(struct feed *f)
{
    struct feed_file *c = f->ctx;
    if (c->n - c->taken <= LINE_MAX_BYTES) return;
    if (!c->skipping) f->sink->odd(f->sink->arg, f, _("a line longer than 1 MiB"));
    c->skipping = true;
    c->n = c->skip_at = c->taken;
}

static int feed_file_read(struct feed *f, int max)
{
    struct feed_file *c = f->ctx;
    int events = 0;
    if (!c->reading || c->fd < 0 || c->now < c->retry_at) return 0;
    while (events < max) {
        size_t next;
        ssize_t n = next_line(c, &next);
        if (n < 0) {
            if (c->at_end) break;
            drop_long_line(f);
            fill(c);
            continue;
        }
        const char *line = c->bytes + c->taken;
        if (c->skipping && c->taken == c->skip_at) { /* its last part, which nobody has to release */
            c->skipping = false;
            c->n -= next - c->taken;
            memmove(c->bytes + c->taken, c->bytes + next, c->n - c->taken);
            continue;
        }
        c->taken = next;
        if (n > 0 && line[n - 1] == '\r') n--;
        if (n == 0) continue;
        events++;
        f->sink->event(f->sink->arg, f, line, (size_t)n);
    }
    return events;
}

static void feed_file_release(struct feed *f)
{
    struct feed_file *c = f->ctx;
    if (!c->taken) return;
    c->n -= c->taken;
    memmove(c->bytes, c->bytes + c->taken, c->n);
    if (c->skipping) c->skip_at -= c->taken;
    c->taken = 0;
}

static void feed_file_refuse(struct feed *f, const char *why)
{
    struct feed_file *c = f->ctx;
    (void)why; /* there is no other end that should hear it */
    c->taken = 0;
    c->retry_at = c->now + POLL_MS; /* the same lines at once would meet the same failure */
}

static void feed_file_set_reading(struct feed *f, int reading)
{
    struct feed_file *c = f->ctx;
    c->reading = reading != 0;
}

static int64_t feed_file_next_due(const struct feed *f)
{
    const struct feed_file *c = f->ctx;
    size_t next;
    if (c->fd < 0 || !c->reading || (c->at_end && next_line(c, &next) < 0)) return c->poll_at;
    return c->now < c->retry_at ? c->retry_at : c->now;
}

static enum relay_err feed_file_receipt(struct feed *f, const char *json, size_t n)
{
    struct feed_file *c = f->ctx;
    if (c->receipts_fd < 0) {
        CLEANUP(free_ptr) char *path = xasprintf("%s.receipts", f->config->path);
        c->receipts_fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
        if (c->receipts_fd < 0) return RELAY_IO;
    }
    CLEANUP(buf_release) struct buf line = BUF_INIT(n + 2);
    buf_add(&line, json, n);
    buf_char(&line, '\n');
    return write(c->receipts_fd, line.data, line.len) == (ssize_t)line.len ? RELAY_OK : RELAY_IO;
}

const struct feed_ops feed_file_ops = {
    .name = "file",
    .open = feed_file_open,
    .service = feed_file_service,
    .read = feed_file_read,
    .release = feed_file_release,
    .refuse = feed_file_refuse,
    .set_reading = feed_file_set_reading,
    .next_due = feed_file_next_due,
    .receipt = feed_file_receipt,
    .close = feed_file_close,
};
