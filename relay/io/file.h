/* A small file as a whole, and a folder for files. */
#ifndef TOCSIN_IO_FILE_H
#define TOCSIN_IO_FILE_H

#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"

/* Appends it. RELAY_IO and RELAY_LIMIT name the file; the limit is the buffer's. */
enum relay_err file_read(const char *path, struct buf *out, struct reason *why) MUST_CHECK;

/* Makes the folder where nothing of that name is. */
enum relay_err folder_make(const char *path, mode_t mode, struct reason *why) MUST_CHECK;

#endif
