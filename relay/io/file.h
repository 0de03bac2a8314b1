/* A small file as a whole, and a folder for files. */
#ifndef TOCSIN_IO_FILE_H
#define TOCSIN_IO_FILE_H

#include <stdio.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"

/* Appends it. Failures name the file; RELAY_LIMIT is the buffer's. */
enum relay_err file_read(const char *path, struct buf *out, struct reason *why) MUST_CHECK;
/* It cannot be opened or read, by `error`: in words, with what to do. RELAY_NOT_FOUND, _DENIED, _INVALID (a folder), _IO. */
enum relay_err file_why(int error, struct reason *why);
/* The same behind its name. */
enum relay_err file_refused(const char *path, int error, struct reason *why);
/* Looks at it before it is needed. pem: it must hold certificates or a key, as text; else it may be empty, and a FIFO. */
enum relay_err file_check(const char *path, bool pem, struct reason *why) MUST_CHECK;
/* What is left of an open one, which the caller closes; name: as reasons call it. */
enum relay_err file_read_open(FILE *f, const char *name, struct buf *out, struct reason *why) MUST_CHECK;

/* Puts it in the place of what is there, whole or not at all, also over a power cut. It is written beside it, as
 * `<path>.new`. RELAY_FULL, RELAY_IO with the file's name. */
enum relay_err file_replace(const char *path, const void *bytes, size_t n, unsigned mode,
                            struct reason *why) MUST_CHECK;

/* Gives a file or folder another name, also over a power cut. RELAY_IO with both names. */
enum relay_err file_rename(const char *from, const char *to, struct reason *why) MUST_CHECK;

/* Makes the folder where nothing of that name is. RELAY_CONFLICT: what is there is none. */
enum relay_err folder_make(const char *path, mode_t mode, struct reason *why) MUST_CHECK;

#endif
