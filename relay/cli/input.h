/* Files that people give to a command. */
#ifndef TOCSIN_RELAY_CLI_INPUT_H
#define TOCSIN_RELAY_CLI_INPUT_H

#include "base/buf.h"

/* The whole of it, - for standard input, into ret, whose limit is that of the file. It is valid UTF-8, without the mark that
 * Notepad begins a file with. False when not, with what is wrong and the line told on stderr. */
bool input_read(const char *path, struct buf *ret) MUST_CHECK;
void input_drop_mark(struct buf *text);

#endif
