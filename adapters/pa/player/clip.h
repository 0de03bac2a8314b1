/* Recorded clips: <id>.wav, <id>.2.wav … in one folder, a file for each way of saying a text. They are looked for at each use:
 * whoever puts one there is heard from then on. */
#ifndef TOCSIN_PLAYER_CLIP_H
#define TOCSIN_PLAYER_CLIP_H

#include <stddef.h>
#include <stdint.h>

#define CLIP_ID_LEN 9
enum { CLIP_WAYS_MAX = 9 };

/* Eight base32 characters by which a text's clips are called. */
void clip_id(const char *text, char out[static CLIP_ID_LEN]);
/* Of the first, second … way; the caller frees it. */
char *clip_path(const char *dir, const char *id, int way);

/* Those that can be read, in their order; the caller frees each. */
size_t clip_find(const char *dir, const char *id, char *found[static CLIP_WAYS_MAX]);
/* Milliseconds of the longest clip of this text: nobody knows yet whose turn it will be. -1: there is none. */
int64_t clip_length(const char *dir, const char *text);

#endif
