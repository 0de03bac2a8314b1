/* Finds the folder of installed data, beside the program before anywhere else. */
#include "base/datadir.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"

enum { PATH_ROOM = 1024 };

const char *data_dir(void)
{
    static char path[PATH_ROOM + 16];
    const char *given = getenv("TOCSIN_DATADIR");
    if (given && *given) return given;
    if (path[0]) return path;
    ssize_t n = readlink("/proc/self/exe", path, PATH_ROOM - 1);
    path[n > 0 ? n : 0] = '\0';
    for (int i = 0; i < 2; i++) { /* the program's name, then bin */
        char *slash = strrchr(path, '/');
        if (slash) *slash = '\0';
    }
    (void)snprintf(path + strlen(path), sizeof(path) - strlen(path), "/share/tocsin");
    if (access(path, R_OK | X_OK) != 0) (void)snprintf(path, sizeof(path), "%s", TOCSIN_DATADIR);
    return path;
}
