/* gettext, told what language to use by configuration and not by the shell's locale. */
#include "base/i18n.h"

#include <locale.h>

#include "base/err.h"

#ifndef TOCSIN_LOCALEDIR
#define TOCSIN_LOCALEDIR "/usr/share/locale"
#endif

void i18n_init(const char *language)
{
    const char *wish = getenv("TOCSIN_LANG");
    if (!wish || !*wish) wish = language ? language : "zh-CN";
    /* Any UTF-8 locale but "C" lets LANGUAGE decide; C.UTF-8 is always there. */
    if (!setlocale(LC_CTYPE, "C.UTF-8") || !setlocale(LC_MESSAGES, "C.UTF-8")) return;
    (void)setenv("LANGUAGE", strncmp(wish, "zh", 2) == 0 ? "zh_CN" : "en", 1);
    const char *dir = getenv("TOCSIN_LOCALEDIR");
    bindtextdomain("tocsin", dir && *dir ? dir : TOCSIN_LOCALEDIR);
    bind_textdomain_codeset("tocsin", "UTF-8");
    textdomain("tocsin");
}
