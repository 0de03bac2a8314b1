/* gettext, told what language to use by configuration and not by the shell's locale. */
#include "base/i18n.h"

#include <locale.h>
#include <stdbool.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"

enum { PATH_ROOM = 1024, PARENTS = 4 };

/* A catalogue in this folder? Only Chinese has one: the source is English. */
static bool has_catalogue(const char *dir)
{
    char path[PATH_ROOM + 64];
    (void)snprintf(path, sizeof(path), "%s/zh_CN/LC_MESSAGES/tocsin.mo", dir);
    return access(path, R_OK) == 0;
}

/* Beside the program: <prefix>/share/locale where it is installed, <build>/locale in a build tree, whose programs lie up to
 * four folders deep. Moved installations and fresh builds find their own this way, never an older one in the system. */
static bool find_beside_program(char ret[static PATH_ROOM])
{
    char folder[PATH_ROOM - 16];
    ssize_t n = readlink("/proc/self/exe", folder, sizeof(folder) - 1);
    if (n <= 0) return false;
    folder[n] = '\0';
    for (int i = 0; i < PARENTS; i++) {
        char *slash = strrchr(folder, '/');
        if (!slash || slash == folder) return false;
        *slash = '\0';
        (void)snprintf(ret, PATH_ROOM, "%s/share/locale", folder);
        if (i == 1 && has_catalogue(ret)) return true;
        (void)snprintf(ret, PATH_ROOM, "%s/locale", folder);
        if (has_catalogue(ret)) return true;
    }
    return false;
}

void i18n_init(const char *language)
{
    const char *wish = getenv("TOCSIN_LANG");
    if (!wish || !*wish) wish = language ? language : "zh-CN";
    /* Any UTF-8 locale but "C" lets LANGUAGE decide; C.UTF-8 is always there. */
    if (!setlocale(LC_CTYPE, "C.UTF-8") || !setlocale(LC_MESSAGES, "C.UTF-8")) return;
    (void)setenv("LANGUAGE", strncmp(wish, "zh", 2) == 0 ? "zh_CN" : "en", 1);
    char beside[PATH_ROOM];
    const char *dir = getenv("TOCSIN_LOCALEDIR");
    if (!dir || !*dir) dir = find_beside_program(beside) ? beside : TOCSIN_LOCALEDIR;
    bindtextdomain("tocsin", dir);
    bind_textdomain_codeset("tocsin", "UTF-8");
    textdomain("tocsin");
}

const char *i18n_chinese(const char *message)
{
    const char *now = getenv("LANGUAGE");
    CLEANUP(free_ptr) char *before = now ? xstrdup(now) : NULL;
    (void)setenv("LANGUAGE", "zh_CN", 1); /* textdomain makes gettext look again */
    textdomain("tocsin");
    const char *chinese = gettext(message);
    if (before)
        (void)setenv("LANGUAGE", before, 1);
    else
        (void)unsetenv("LANGUAGE");
    textdomain("tocsin");
    return chinese;
}
