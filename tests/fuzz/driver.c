/* Runs a corpus through a fuzz target without libFuzzer: every file whole, and cut short at some places, each time in
 * memory of exactly its size, so that a sanitizer sees a byte read too many. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { CUTS = 16, FILE_MAX_BYTES = 1 << 20 };

static void run(const uint8_t *bytes, size_t n)
{
    uint8_t *exact = malloc(n ? n : 1);
    if (!exact) abort();
    memcpy(exact, bytes, n);
    (void)LLVMFuzzerTestOneInput(exact, n);
    free(exact);
}

static int run_file(const char *dir, const char *name)
{
    static uint8_t bytes[FILE_MAX_BYTES];
    char path[4096];
    (void)snprintf(path, sizeof(path), "%s/%s", dir, name);
    FILE *f = fopen(path, "rb");
    if (!f) {
        perror(path);
        return 0;
    }
    size_t n = fread(bytes, 1, sizeof(bytes), f);
    (void)fclose(f);
    run(bytes, n);
    for (size_t i = 1; i <= CUTS && n > 0; i++) run(bytes, (n - 1) * i / CUTS);
    return 1;
}

int main(int argc, char **argv)
{
    int files = 0;
    for (int i = 1; i < argc; i++) {
        DIR *d = opendir(argv[i]);
        if (!d) {
            perror(argv[i]);
            return 1;
        }
        for (struct dirent *e; (e = readdir(d));) {
            if (e->d_name[0] == '.') continue;
            if (!run_file(argv[i], e->d_name)) return 1;
            files++;
        }
        (void)closedir(d);
    }
    (void)printf("%d files\n", files);
    return files > 0 ? 0 : 1; /* an empty corpus proves nothing */
}
