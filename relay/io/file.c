/* A file as a whole; a folder. */
#include "io/file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/i18n.h"
#include "base/mem.h"

enum {
    PEM_BEGINS = 64 * 1024
}; /* so far is its first certificate looked for, behind what else is written there */

enum relay_err file_why(int error, struct reason *why)
{
    switch (error) {
    case ENOENT:
        return fail(why, RELAY_NOT_FOUND, _("there is no such file: put it there, or correct the path"));
    case EACCES:
        return fail(
            why, RELAY_DENIED,
            _("may not be read by this user: let the user see the folder and read the file (chown, chmod)"));
    case EISDIR: return fail(why, RELAY_INVALID, _("is a folder: name the file in it"));
    default: return fail(why, RELAY_IO, _("cannot be read: %s"), strerror(error));
    }
}

enum relay_err file_refused(const char *path, int error, struct reason *why)
{
    return fail_in(why, file_why(error, why), "%s", path);
}

enum relay_err file_check(const char *path, bool pem, struct reason *why)
{
    struct stat st;
    if (stat(path, &st) != 0) return file_refused(path, errno, why);
    if (S_ISDIR(st.st_mode)) return file_refused(path, EISDIR, why);
    if (access(path, R_OK) != 0) return file_refused(path, errno, why);
    if (!pem) return RELAY_OK;
    if (!st.st_size) return fail(why, RELAY_INVALID, _("%s: is empty: put it there again"), path);
    char text[PEM_BEGINS];
    size_t n = 0;
    ssize_t got = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    while (fd >= 0 && n < sizeof(text) && (got = read(fd, text + n, sizeof(text) - n)) > 0) n += (size_t)got;
    int error = fd < 0 || got < 0 ? errno : 0;
    if (fd >= 0) (void)close(fd); /* only read */
    bool found = memmem(text, n, "-----BEGIN ", 11) != NULL;
    explicit_bzero(text, n); /* perhaps a key */
    if (error) return file_refused(path, error, why);
    if (found) return RELAY_OK;
    return fail(
        why, RELAY_INVALID,
        _("%s: holds no -----BEGIN line, so it is no PEM file: `openssl x509 -inform der -in FILE -out "
          "NEW` makes one of a .cer or .der file, `openssl pkey` of a key"),
        path);
}

enum relay_err file_read_open(FILE *f, const char *name, struct buf *out, struct reason *why)
{
    char block[16 * 1024];
    size_t n;
    while ((n = fread(block, 1, sizeof(block), f)) > 0 && !buf_failed(out)) buf_add(out, block, n);
    if (ferror(f)) return file_refused(name, errno, why);
    if (buf_failed(out)) return fail(why, RELAY_LIMIT, _("%s: is over %zu KiB"), name, out->limit / 1024);
    return RELAY_OK;
}

enum relay_err file_read(const char *path, struct buf *out, struct reason *why)
{
    FILE *f = fopen(path, "re");
    if (!f) return file_refused(path, errno, why);
    enum relay_err err = file_read_open(f, path, out, why);
    (void)fclose(f); /* only read */
    return err;
}

static bool write_all(int fd, const char *bytes, size_t n)
{
    while (n) {
        ssize_t some = write(fd, bytes, n);
        if (some < 0 && errno != EINTR) return false;
        if (some <= 0) continue;
        bytes += some;
        n -= (size_t)some;
    }
    return true;
}

/* The name of a renamed file is as durable as its folder. */
static bool sync_folder(const char *path)
{
    CLEANUP(free_ptr) char *folder = xstrdup(path);
    char *slash = strrchr(folder, '/');
    if (slash) slash[slash == folder] = '\0';
    int fd = open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = fd >= 0 && fsync(fd) == 0;
    int error = errno;
    if (fd >= 0) (void)close(fd); /* only read */
    errno = error;
    return ok;
}

enum relay_err file_replace(const char *path, const void *bytes, size_t n, unsigned mode, struct reason *why)
{
    CLEANUP(free_ptr) char *aside = xasprintf("%s.new", path);
    int fd = open(aside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, (mode_t)mode);
    bool ok = fd >= 0 && write_all(fd, bytes, n) && fsync(fd) == 0;
    int error = errno;
    if (fd >= 0 && close(fd) != 0 && ok) {
        ok = false;
        error = errno;
    }
    if (ok && rename(aside, path) == 0 && sync_folder(path)) return RELAY_OK;
    if (ok) error = errno;
    if (fd >= 0) (void)unlink(aside); /* gone already when it was renamed */
    return fail(why, error == ENOSPC ? RELAY_FULL : RELAY_IO, _("%s: cannot be written: %s"), path,
                strerror(error));
}

enum relay_err file_rename(const char *from, const char *to, struct reason *why)
{
    if (rename(from, to) == 0 && sync_folder(to)) return RELAY_OK;
    return fail(why, RELAY_IO, _("%s: cannot become %s: %s"), from, to, strerror(errno));
}

enum relay_err folder_make(const char *path, mode_t mode, struct reason *why)
{
    struct stat st;
    if (mkdir(path, mode) == 0) return RELAY_OK;
    if (errno == EEXIST && stat(path, &st) == 0 && S_ISDIR(st.st_mode)) return RELAY_OK;
    if (errno == EEXIST)
        return fail(why, RELAY_CONFLICT, _("%s: is no folder, and a folder is needed: give another name"),
                    path);
    return fail(why, RELAY_IO, _("%s: cannot be made: %s"), path, strerror(errno));
}
