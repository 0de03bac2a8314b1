/* Where a text's recordings are. */
#include "player/clip.h"

#include <string.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/mem.h"
#include "player/audio.h"

void clip_id(const char *text, char out[static CLIP_ID_LEN])
{
    uint8_t digest[HASH_LEN];
    char letters[HASH_LEN * 2];
    hash_sha256(text, strlen(text), digest);
    hash_base32(digest, 5, letters, sizeof(letters));
    for (int i = 0; i < CLIP_ID_LEN - 1; i++)
        out[i] = (char)(letters[i] >= 'A' && letters[i] <= 'Z' ? letters[i] + 32 : letters[i]);
    out[CLIP_ID_LEN - 1] = '\0';
}

char *clip_path(const char *dir, const char *id, int way)
{
    return way == 1 ? xasprintf("%s/%s.wav", dir, id) : xasprintf("%s/%s.%d.wav", dir, id, way);
}

size_t clip_find(const char *dir, const char *id, char *found[static CLIP_WAYS_MAX])
{
    size_t n = 0;
    for (int way = 1; way <= CLIP_WAYS_MAX; way++) {
        char *path = clip_path(dir, id, way);
        if (access(path, R_OK) == 0)
            found[n++] = path;
        else
            free(path);
    }
    return n;
}

int64_t clip_length(const char *dir, const char *text)
{
    char id[CLIP_ID_LEN], *found[CLIP_WAYS_MAX];
    int64_t longest = -1, ms;
    clip_id(text, id);
    size_t n = clip_find(dir, id, found);
    for (size_t i = 0; i < n; i++) {
        if (audio_file_ms(found[i], &ms, NULL) == RELAY_OK && ms > longest) longest = ms;
        free(found[i]);
    }
    return longest;
}
