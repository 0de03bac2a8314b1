/* posix_spawn, pidfd, process groups. */
#include "player/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/i18n.h"
#include "base/mem.h"
#include "base/text.h"

enum {
    KILL_AFTER_MS = 100,
    WORDS_MAX = 300,
    WORDS_TOO_MANY = 16 * 1024 * 1024, /* on standard error, which lies in memory: it is broken */
    LOOK_AT_WORDS_MS = 100
};

struct child {
    struct child *next;
    struct watch watch;
    pid_t pid;
    int stderr_fd;
    int64_t started, deadline, kill_at; /* mono; kill_at INT64_MAX: not being killed */
    int64_t kill_ms;
    enum child_end end; /* what its death will mean */
    child_done_fn done;
    void *arg;
};

struct child_set {
    struct loop *loop;
    struct child *children;
    int64_t look; /* mono; at how much they have written */
};

enum relay_err child_set_new(struct loop *l, struct child_set **ret, struct reason *why)
{
    (void)why; /* nothing can fail yet; the shape is that of every _new */
    struct child_set *s = xcalloc(1, sizeof(*s));
    s->loop = l;
    *ret = s;
    return RELAY_OK;
}

static void close_if_open(int fd)
{
    if (fd >= 0) (void)close(fd); /* read-only or ours alone: nothing to lose */
}

/* The last bytes of standard error as one line. */
static void read_words(int fd, char out[static WORDS_MAX + 1])
{
    out[0] = '\0';
    off_t size = lseek(fd, 0, SEEK_END);
    if (size <= 0) return;
    off_t from = size > WORDS_MAX ? size - WORDS_MAX : 0;
    ssize_t n = pread(fd, out, WORDS_MAX, from);
    if (n <= 0) return;
    while (n > 0 && (out[n - 1] == '\n' || out[n - 1] == ' ')) n--;
    out[n] = '\0';
    for (ssize_t i = 0; i < n; i++)
        if ((unsigned char)out[i] < 0x20) out[i] = ' ';
    text_mend(out); /* it may begin in the middle of a character, and says what another's program said */
}

/* The child is dead and reaped: tell and forget. */
static void finish(struct child_set *s, struct child *c, int status, bool exited, struct now now)
{
    char words[WORDS_MAX + 1];
    read_words(c->stderr_fd, words);
    struct child_outcome o = {
        .end = c->end, .status = status, .ran_ms = now.mono - c->started, .words = words};
    if (c->end == CHILD_EXITED && !exited) o.end = CHILD_SIGNALLED;
    for (struct child **at = &s->children; *at; at = &(*at)->next) {
        if (*at != c) continue;
        *at = c->next;
        break;
    }
    int pidfd = c->watch.fd;
    (void)!watch_set(s->loop, &c->watch, -1, 0); /* forgetting cannot fail */
    close_if_open(pidfd);
    close_if_open(c->stderr_fd);
    c->done(c->arg, &o);
    free(c);
}

struct child_set *child_set_free(struct child_set *s)
{
    if (!s) return NULL;
    while (s->children) {
        struct child *c = s->children;
        int status = 0;
        (void)kill(-c->pid, SIGKILL); /* gone already: ESRCH */
        while (waitpid(c->pid, &status, 0) < 0 && errno == EINTR) {
        }
        c->end = CHILD_KILLED;
        finish(s, c, WTERMSIG(status), false, clock_now());
    }
    free(s);
    return NULL;
}

static enum relay_err spawn(const struct child_options *o, int stderr_fd, pid_t *ret, struct reason *why)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attr;
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawn_file_actions_init(&files);
    posix_spawnattr_init(&attr);
    const char *in = o->stdin_path ? o->stdin_path : "/dev/null",
               *out = o->stdout_path ? o->stdout_path : "/dev/null";
    posix_spawn_file_actions_addopen(&files, 0, in, O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&files, 1, out, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    posix_spawn_file_actions_adddup2(&files, stderr_fd, 2);
    posix_spawn_file_actions_addclosefrom_np(&files, 3);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setpgroup(&attr, 0);
    posix_spawnattr_setsigmask(&attr, &none);
    posix_spawnattr_setsigdefault(&attr, &all);
    /* posix_spawn's argv is not const by history only */
    int error = posix_spawnp(ret, o->argv[0], &files, &attr, (char *const *)(uintptr_t)o->argv, environ);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attr);
    if (error)
        return fail(why, error == ENOENT ? RELAY_NOT_FOUND : RELAY_IO, _("%s: cannot be run: %s"), o->argv[0],
                    strerror(error));
    return RELAY_OK;
}

enum relay_err child_start(struct child_set *s, const struct child_options *o, struct now now,
                           struct child **ret, struct reason *why)
{
    pid_t pid = 0;
    int pidfd = -1, stderr_fd = memfd_create("stderr", MFD_CLOEXEC);
    if (stderr_fd < 0) return fail(why, RELAY_IO, _("%s: cannot be run: %s"), o->argv[0], strerror(errno));
    enum relay_err err = spawn(o, stderr_fd, &pid, why);
    if (err != RELAY_OK) goto out;
    struct child *c = xcalloc(1, sizeof(*c));
    pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    c->watch.fd = -1;
    if (pidfd < 0 || watch_set(s->loop, &c->watch, pidfd, WATCH_READ) != RELAY_OK) {
        err = fail(why, RELAY_IO, _("%s: its end cannot be watched: %s"), o->argv[0], strerror(errno));
        (void)kill(-pid, SIGKILL);
        (void)waitpid(pid, NULL, 0);
        free(c);
        goto out;
    }
    c->pid = pid;
    c->stderr_fd = stderr_fd;
    c->started = now.mono;
    c->deadline = now.mono + o->timeout_ms;
    c->kill_at = INT64_MAX;
    c->kill_ms = o->kill_ms ? o->kill_ms : KILL_AFTER_MS;
    c->done = o->done;
    c->arg = o->arg;
    c->next = s->children;
    s->children = c;
    if (ret) *ret = c;
    return RELAY_OK;
out:
    close_if_open(pidfd);
    close_if_open(stderr_fd);
    return err;
}

enum relay_err child_program(const char *name, struct reason *why)
{
    const char *path = getenv("PATH");
    if (strchr(name, '/')) {
        if (access(name, X_OK) == 0) return RELAY_OK;
        return fail(why, RELAY_NOT_FOUND, _("%s: cannot be run: %s"), name, strerror(errno));
    }
    for (const char *at = path ? path : "/usr/bin:/bin"; *at;) {
        size_t n = strcspn(at, ":");
        CLEANUP(free_ptr) char *file = xasprintf("%.*s/%s", (int)n, at, name);
        if (access(file, X_OK) == 0) return RELAY_OK;
        at += n + (at[n] == ':');
    }
    return fail(why, RELAY_NOT_FOUND, _("%s: cannot be run: %s"), name, strerror(ENOENT));
}

static void end_it(struct child *c, enum child_end end, struct now now)
{
    if (c->end != CHILD_EXITED) return; /* dying already */
    c->end = end;
    c->kill_at = now.mono + c->kill_ms;
    (void)kill(-c->pid, SIGTERM); /* ESRCH: it is gone, which is what we want */
}

void child_kill(struct child *c, struct now now)
{
    end_it(c, CHILD_KILLED, now);
}

void child_set_run(struct child_set *s, struct now now)
{
    struct child *next;
    s->look = now.mono + LOOK_AT_WORDS_MS;
    for (struct child *c = s->children; c; c = next) {
        siginfo_t info = {0};
        next = c->next;
        if (waitid(P_PID, (id_t)c->pid, &info, WEXITED | WNOHANG) == 0 && info.si_pid == c->pid) {
            finish(s, c, info.si_status, info.si_code == CLD_EXITED, now);
            next = s->children; /* done may have started or ended others: begin again */
            continue;
        }
        struct stat words;
        if (fstat(c->stderr_fd, &words) == 0 && words.st_size > WORDS_TOO_MANY)
            end_it(c, CHILD_SIGNALLED, now);
        if (now.mono >= c->deadline) end_it(c, CHILD_TIMED_OUT, now);
        if (now.mono >= c->kill_at) {
            (void)kill(-c->pid, SIGKILL);
            c->kill_at = INT64_MAX;
        }
    }
}

int64_t child_set_next_due(const struct child_set *s)
{
    int64_t due = s->children ? s->look : INT64_MAX;
    for (const struct child *c = s->children; c; c = c->next) {
        if (c->kill_at < due) due = c->kill_at;
        if (c->end == CHILD_EXITED && c->deadline < due) due = c->deadline;
    }
    return due;
}

static enum relay_err fill(const char *template, const struct child_word *words, size_t n_words,
                           struct buf *out, struct reason *why)
{
    const char *p = template;
    while (*p) {
        const char *open = strchr(p, '{'), *close = open ? strchr(open, '}') : NULL;
        if (!close) break;
        buf_add(out, p, (size_t)(open - p));
        size_t n = (size_t)(close - open) - 1, i = 0;
        while (i < n_words && (strlen(words[i].name) != n || memcmp(words[i].name, open + 1, n) != 0)) i++;
        if (i == n_words)
            return fail(why, RELAY_INVALID, _("{%.*s} in a command stands for nothing here"), (int)n,
                        open + 1);
        buf_str(out, words[i].value);
        p = close + 1;
    }
    buf_str(out, p);
    return RELAY_OK;
}

enum relay_err child_argv(const char *const *template, size_t n, const struct child_word *words,
                          size_t n_words, char ***ret, struct reason *why)
{
    char **argv = xcalloc(n + 1, sizeof(*argv));
    for (size_t i = 0; i < n; i++) {
        struct buf b = BUF_INIT(64 * 1024);
        enum relay_err err = fill(template[i], words, n_words, &b, why);
        argv[i] = buf_take(&b);
        if (err == RELAY_OK) continue;
        child_argv_free(argv);
        return err;
    }
    *ret = argv;
    return RELAY_OK;
}

void child_argv_free(char **argv)
{
    if (!argv) return;
    for (char **a = argv; *a; a++) free(*a);
    free(argv);
}
