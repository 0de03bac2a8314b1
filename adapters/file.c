/* Appends each delivery as one JSON line to a file: a record, a hand-over to a program that reads lines, and a test's
 * witness. The file is opened for every send, so that it may be moved away at any time.
 *
 *   chats: [{id: journal, type: file, audience: duty, path: /var/lib/tocsin/journal.jsonl}]
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "adapters/adapter.h"
#include "base/buf.h"
#include "base/i18n.h"

enum { LINES_MAX = 4 * 1024 * 1024 };

struct file_options {
    const char *path;
};

static const struct opt_row file_rows[] = {
    {.name = "path",
     .type = OPT_PATH,
     .offset = offsetof(struct file_options, path),
     .required = true,
     .help = N_("file to which one JSON line a delivery is appended")},
    {0},
};

struct file_ctx {
    struct adapter_env env;
};

static enum relay_err file_start(void *ctx, const struct adapter_env *env, struct reason *why)
{
    struct file_ctx *f = ctx;
    (void)why;
    f->env = *env;
    return RELAY_OK;
}

static int file_append(const struct target *t)
{
    const struct file_options *o = t->options;
    return open(o->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
}

static enum relay_err file_check(void *ctx, struct target *t, struct reason *why)
{
    const struct file_options *o = t->options;
    (void)ctx;
    struct stat st;
    if (stat(o->path, &st) == 0 && S_ISDIR(st.st_mode))
        return fail(why, RELAY_INVALID, _("%s: is a folder: name a file in it"), o->path);
    /* Not opened, because that would make it, perhaps as another user's. */
    const char *slash = strrchr(o->path, '/');
    CLEANUP(free_ptr) char *folder = slash ? xstrndup(o->path, (size_t)(slash - o->path) + 1) : xstrdup(".");
    if (access(o->path, W_OK) == 0 || (errno == ENOENT && access(folder, W_OK | X_OK) == 0)) return RELAY_OK;
    return fail(why, RELAY_IO, _("cannot append to %s: %s"), o->path, strerror(errno));
}

static void file_line(const struct target *t, const struct message *m, int64_t now, struct buf *out)
{
    buf_char(out, '{');
    buf_json_member_time(out, "time", now);
    buf_json_member(out, "target", t->id);
    buf_json_member(out, "delivery", m->delivery);
    buf_json_member(out, "short_id", m->short_id);
    buf_json_member(out, "alert", m->alert);
    buf_json_member_int(out, "rev", m->rev);
    buf_json_member(out, "identifier", m->identifier);
    buf_json_member(out, "references", m->references);
    buf_json_member(out, "status", cap_status_name(m->status));
    buf_json_member(out, "msgType", msg_type_name(m->msg_type));
    buf_json_member(out, "level", level_name(m->level));
    buf_json_member(out, "certainty", certainty_name(m->certainty));
    buf_json_member(out, "rule", m->rule);
    buf_json_member(out, "category", m->category);
    buf_json_member_time(out, "sent", m->sent);
    buf_json_member_time(out, "expires", m->expires);
    buf_json_member_int(out, "count", m->count);
    buf_json_member(out, "headline", m->headline);
    buf_json_member(out, "chat", m->chat);
    buf_json_member(out, "issuer", m->issuer);
    buf_json_member_int(out, "attempt", m->attempt);
    buf_json_member_bool(out, "may_be_repeat", m->may_be_repeat);
    buf_str(out, "}\n");
}

/* All lines or none: what a full disk cut is taken back, so that no reader ever meets half a line. */
static int file_write(int fd, const struct buf *lines)
{
    struct stat before;
    if (fstat(fd, &before) != 0) return errno;
    ssize_t n = write(fd, lines->data, lines->len);
    if (n == (ssize_t)lines->len) return 0;
    int error = n < 0 ? errno : ENOSPC;
    if (n > 0 && ftruncate(fd, before.st_size) != 0) return errno;
    return error;
}

static void file_send(void *ctx, const struct target *t, const struct message *m, size_t n,
                      const struct snapshot *s, struct send *op)
{
    struct file_ctx *f = ctx;
    (void)s;
    CLEANUP(buf_release) struct buf lines = BUF_INIT(LINES_MAX);
    int64_t now = f->env.now(f->env.core).wall;
    for (size_t i = 0; i < n; i++) file_line(t, &m[i], now, &lines);
    struct send_outcome out = {.result = SEND_SENT};
    if (buf_failed(&lines)) {
        out.result = SEND_REJECTED;
        (void)snprintf(out.reason, sizeof(out.reason), "%s", _("the messages are too large for one write"));
        send_done(op, &out);
        return;
    }
    int fd = file_append(t), error = fd < 0 ? errno : n ? file_write(fd, &lines) : 0;
    if (fd >= 0) close(fd);
    if (error) {
        out.result = SEND_RETRY;
        (void)snprintf(out.reason, sizeof(out.reason), "%s", strerror(error));
    }
    send_done(op, &out);
}

const struct adapter_ops file_ops = {
    .name = "file",
    .kind = TARGET_MESSAGE,
    .programs = true,
    .options = file_rows,
    .options_size = sizeof(struct file_options),
    .ctx_size = sizeof(struct file_ctx),
    .open = file_start,
    .check = file_check,
    .send = file_send,
};
