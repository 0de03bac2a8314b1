/* Reads what people give to a command. */
#include "cli/input.h"

#include <stdio.h>
#include <string.h>

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
    if (good == ret->len) {
        input_drop_mark(ret);
        return true;
    }
    int line = 1;
    for (size_t i = 0; i < good; i++) line += text[i] == '\n';
    (void)fprintf(stderr, _("%s:%d:1: not UTF-8 (GBK or UTF-16?): save the file again as UTF-8"), path, line);
    (void)fputc('\n', stderr);
    return false;
}

void input_drop_mark(struct buf *text)
{
    static const char mark[] = "\xEF\xBB\xBF";
    size_t n = sizeof(mark) - 1;
    if (text->len < n || memcmp(text->data, mark, n) != 0) return;
    text->len -= n;
    memmove(text->data, text->data + n, text->len + 1);
}
