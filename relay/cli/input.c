/* Reads what people give to a command. */
#include "cli/input.h"

#include <errno.h>

#include "base/i18n.h"
#include "base/text.h"

bool input_read(const char *path, struct buf *ret)
{
    FILE *f = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
    if (!f) {
        (void)fprintf(stderr, "%s: %s\n", path, strerror(errno));
        return false;
    }
    char piece[64 * 1024];
    for (size_t n; (n = fread(piece, 1, sizeof(piece), f)) > 0;) buf_add(ret, piece, n);
    bool bad = ferror(f) != 0;
    if (f != stdin) (void)fclose(f); /* only read */
    if (bad || buf_failed(ret)) {
        (void)fprintf(stderr, bad ? _("%s: cannot be read\n") : _("%s: too large\n"), path);
        return false;
    }
    const char *text = buf_cstr(ret);
    size_t good = text_valid_prefix(text, ret->len);
    if (good == ret->len) return true;
    int line = 1;
    for (size_t i = 0; i < good; i++) line += text[i] == '\n';
    (void)fprintf(stderr, _("%s:%d: not valid UTF-8\n"), path, line);
    return false;
}
