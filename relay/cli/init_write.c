/* Puts init's files into place: whole or not at all, never over another one without a word. */
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/i18n.h"
#include "cli/init.h"
#include "io/file.h"

enum { SECRET_BYTES = 20, FILE_MAX = 4 * 1024 * 1024 };

extern char **environ;

static void failed(struct init_writer *w, const char *path)
{
    (void)fprintf(stderr, "%s: %s\n", path, strerror(errno));
    w->failed = true;
}

/* Only root can give files away; a person who tries it out keeps them. */
static void give(struct init_writer *w, const char *path, const char *owner)
{
    const struct passwd *user = geteuid() == 0 && owner ? getpwnam(owner) : NULL;
    if (user && chown(path, user->pw_uid, user->pw_gid) != 0) failed(w, path);
}

void init_folder(struct init_writer *w, const char *path, unsigned mode, const char *owner)
{
    struct stat st;
    if (w->dry || w->failed || stat(path, &st) == 0) return;
    CLEANUP(free_ptr) char *parent = xstrdup(path);
    char *slash = strrchr(parent, '/');
    if (slash && slash != parent) {
        *slash = '\0';
        init_folder(w, parent, 0755, NULL);
        if (w->failed) return;
    }
    if (mkdir(path, mode) == 0) {
        give(w, path, owner);
        return;
    }
    bool denied = errno == EACCES;
    failed(w, path);
    if (denied) (void)fprintf(stderr, "%s\n", _("Run it as root, or choose another folder with --dir."));
}

static bool write_file(struct init_writer *w, const char *path, const char *text, size_t n, unsigned mode,
                       const char *owner)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
    if (fd < 0) {
        failed(w, path);
        return false;
    }
    bool good = fchmod(fd, mode) == 0;
    for (size_t done = 0; good && done < n;) {
        ssize_t some = write(fd, text + done, n - done);
        if (some > 0)
            done += (size_t)some;
        else if (errno != EINTR)
            good = false;
    }
    if (fsync(fd) != 0) good = false;
    if (close(fd) != 0) good = false;
    if (good)
        give(w, path, owner);
    else
        failed(w, path);
    return good;
}

static char *read_file(const char *path)
{
    CLEANUP(buf_release) struct buf b = BUF_INIT(FILE_MAX);
    struct reason why;
    return file_read(path, &b, &why) == RELAY_OK ? buf_take(&b) : NULL;
}

char *init_read(const struct init_writer *w, const char *name)
{
    CLEANUP(free_ptr) char *path = xasprintf("%s/%s", w->dir, name);
    return read_file(path);
}

static void show_difference(const char *old, const char *new)
{
    const char *argv[] = {"diff", "-u", "--label", old, "--label", "new", "--", old, new, NULL};
    pid_t child;
    int status;
    (void)fflush(stdout); /* before the child's words */
    if (posix_spawnp(&child, "diff", NULL, NULL, (char *const *)(uintptr_t)argv, environ) != 0) return;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
}

/* Whether a file may be replaced; asks where somebody can answer. */
static bool may_replace(struct init_writer *w, const char *path)
{
    if (w->dry) return false;
    if (w->yes) return true;
    if (w->ask) {
        (void)printf(_("Replace %s? [y/N] "), path);
        CLEANUP(free_ptr) char *word = w->answer();
        if (word && (*word == 'y' || *word == 'Y' || strncmp(word, "是", strlen("是")) == 0)) return true;
    }
    return false;
}

void init_put(struct init_writer *w, const char *name, const struct buf *text, unsigned mode,
              const char *owner)
{
    CLEANUP(free_ptr) char *path = xasprintf("%s/%s", w->dir, name);
    CLEANUP(free_ptr) char *aside = xasprintf("%s.new", path);
    CLEANUP(free_ptr) char *old = read_file(path);
    const char *fresh = buf_cstr(text);
    if (old && strcmp(old, fresh) == 0) {
        (void)printf(_("  unchanged  %s\n"), path);
        return;
    }
    if (w->dry && !old) {
        (void)printf("\n== %s\n%s", path, fresh);
        return;
    }
    const char *folder = w->dry ? "/tmp" : w->dir;
    if (w->dry) {
        free(aside);
        aside = xasprintf("%s/tocsin-init.%ld", folder, (long)getpid());
    }
    (void)unlink(aside); /* of a run that was interrupted; a failure shows in the open */
    if (!write_file(w, aside, fresh, strlen(fresh), mode, owner)) return;
    if (old) {
        show_difference(path, aside);
        if (!may_replace(w, path)) {
            (void)unlink(aside); /* made a moment ago */
            if (!w->dry) w->kept++;
            (void)printf(_("  kept       %s (it differs, see above)\n"), path);
            return;
        }
    }
    if (rename(aside, path) != 0) {
        failed(w, path);
        return;
    }
    if (w->ask && !old) (void)printf("\n%s\n", fresh);
    (void)printf(_("  written    %s (mode %04o)\n"), path, mode);
}

char *init_secret(struct init_writer *w, const char *name, const char *text, const char *owner)
{
    CLEANUP(free_ptr) char *path = xasprintf("%s/%s", w->dir, name);
    struct reason why;
    char *old = NULL;
    bool there = access(path, F_OK) == 0;
    if (there && secret_read(path, &old, &why)) {
        (void)fprintf(stderr, "%s\n", why.text);
        w->failed = true;
        return NULL;
    }
    if (old && (!text || strcmp(old, text) == 0)) {
        (void)printf(_("  kept       %s\n"), path);
        return old;
    }
    if (old) {
        (void)printf(_("%s holds another secret than the one you gave.\n"), path);
        if (!may_replace(w, path)) {
            if (!w->dry) w->kept++;
            (void)printf(_("  kept       %s\n"), path);
            return old;
        }
    }
    free(old);
    char made[64];
    if (!text) {
        unsigned char bytes[SECRET_BYTES];
        if (hash_random(bytes, sizeof(bytes), &why)) {
            (void)fprintf(stderr, "%s\n", why.text);
            w->failed = true;
            return NULL;
        }
        hash_base32(bytes, sizeof(bytes), made, sizeof(made));
        text = made;
    }
    char *result = xstrdup(text);
    if (w->dry) return result;
    CLEANUP(free_ptr) char *aside = xasprintf("%s.new", path);
    CLEANUP(free_ptr) char *line = xasprintf("%s\n", text);
    (void)unlink(aside); /* of a run that was interrupted */
    if (write_file(w, aside, line, strlen(line), 0600, owner)) {
        if (rename(aside, path) != 0)
            failed(w, path);
        else
            (void)printf(_("  written    %s (mode %04o)\n"), path, 0600);
    }
    return result;
}

void init_keep_users(const struct init_writer *w, const char *name, struct buf *acl)
{
    CLEANUP(free_ptr) char *old = init_read(w, name);
    CLEANUP(free_ptr) char *fresh = xstrdup(buf_cstr(acl));
    const char *block = old ? strstr(old, "\nuser ") : NULL;
    while (block) {
        const char *next = strstr(block + 1, "\nuser ");
        size_t n = next ? (size_t)(next - block) : strlen(block);
        CLEANUP(free_ptr)
        char *line = xstrndup(block, strcspn(block + 1, "\n") + 2); /* with both line ends */
        if (!strstr(fresh, line)) buf_printf(acl, "%.*s", (int)n, block);
        block = next;
    }
}

/* The line of `user` in a password file, without its end; NULL when there is none. */
static const char *find_line(const char *text, const char *user, size_t *ret_n)
{
    size_t n = strlen(user);
    while (text && *text) {
        *ret_n = strcspn(text, "\n");
        if (strncmp(text, user, n) == 0 && text[n] == ':') return text;
        text += *ret_n + (text[*ret_n] == '\n');
    }
    return NULL;
}

static void put_login(struct init_writer *w, struct buf *out, const char *old, const struct init_login *l)
{
    size_t n, head = strlen(l->user) + 1;
    const char *line = find_line(old, l->user, &n);
    CLEANUP(free_ptr) char *hash = line ? xstrndup(line + head, n - head) : NULL;
    struct reason why;
    if (!hash || !broker_password_fits(hash, l->password)) {
        free(hash);
        hash = NULL;
        if (broker_password_hash(l->password, &hash, &why)) {
            (void)fprintf(stderr, "%s\n", why.text);
            w->failed = true;
            return;
        }
    }
    buf_printf(out, "%s:%s\n", l->user, hash);
}

void init_logins(struct init_writer *w, const char *name, const struct init_login *logins, size_t n)
{
    CLEANUP(free_ptr) char *path = xasprintf("%s/%s", w->dir, name);
    CLEANUP(free_ptr) char *old = read_file(path);
    CLEANUP(buf_release) struct buf out = BUF_INIT(FILE_MAX);
    if (w->dry) return;
    for (const char *line = old; line && *line;) { /* in their old order; other people's users stay */
        size_t len = strcspn(line, "\n"), user_len = strcspn(line, ":");
        const struct init_login *ours = NULL;
        for (size_t i = 0; i < n; i++)
            if (strlen(logins[i].user) == user_len && strncmp(line, logins[i].user, user_len) == 0)
                ours = &logins[i];
        if (ours && ours->password)
            put_login(w, &out, old, ours);
        else if (!ours && user_len < len)
            buf_printf(&out, "%.*s\n", (int)len, line);
        line += len + (line[len] == '\n');
    }
    size_t room;
    for (size_t i = 0; i < n; i++)
        if (logins[i].password && !find_line(old, logins[i].user, &room))
            put_login(w, &out, NULL, &logins[i]);
    if (old && strcmp(old, buf_cstr(&out)) == 0) {
        (void)printf(_("  unchanged  %s\n"), path);
        return;
    }
    CLEANUP(free_ptr) char *aside = xasprintf("%s.new", path);
    (void)unlink(aside); /* of a run that was interrupted */
    if (!write_file(w, aside, buf_cstr(&out), out.len, 0600, "mosquitto")) return;
    if (rename(aside, path) != 0)
        failed(w, path);
    else
        (void)printf(_("  written    %s (mode %04o)\n"), path, 0600);
}
