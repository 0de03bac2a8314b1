/* Reads what people give to a command. */
#include "cli/input.h"

#include <stdio.h>

#include "base/i18n.h"
#include "base/text.h"
#include "io/file.h"

bool input_read(const char *path, struct buf *ret)
{
    struct reason why;
    if (strcmp(path, "-") == 0 ? file_read_open(stdin, path, ret, &why) : file_read(path, ret, &why)) {
        (void)fprintf(stderr, "%s\n", why.text);
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
