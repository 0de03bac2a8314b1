/* Reading a file as a whole, making a folder. */
#include "io/file.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/i18n.h"

enum relay_err file_read(const char *path, struct buf *out, struct reason *why)
{
    char block[16 * 1024];
    size_t n;
    FILE *f = fopen(path, "re");
    if (!f) return fail(why, RELAY_IO, _("%s: cannot be read: %s"), path, strerror(errno));
    while ((n = fread(block, 1, sizeof(block), f)) > 0 && !buf_failed(out)) buf_add(out, block, n);
    bool bad = ferror(f) != 0;
    int error = errno;
    (void)fclose(f); /* only read */
    if (bad) return fail(why, RELAY_IO, _("%s: cannot be read: %s"), path, strerror(error));
    if (buf_failed(out)) return fail(why, RELAY_LIMIT, _("%s: is over %zu KiB"), path, out->limit / 1024);
    return RELAY_OK;
}

enum relay_err folder_make(const char *path, mode_t mode, struct reason *why)
{
    if (mkdir(path, mode) == 0 || errno == EEXIST) return RELAY_OK;
    return fail(why, RELAY_IO, _("%s: cannot be made: %s"), path, strerror(errno));
}
