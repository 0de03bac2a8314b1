/* Messages are written in English in the source and shown in relay.language (default zh-CN) by gettext;
 * packaging/po/zh_CN.po must be complete (a test holds it). JSON keys, states, metrics and log keys stay English. */
#ifndef TOCSIN_BASE_I18N_H
#define TOCSIN_BASE_I18N_H

#include <libintl.h>

#define _(s)  gettext(s)
#define N_(s) (s)

/* "zh-CN" or "en". TOCSIN_LANG wins over what is passed; NULL means the default. Safe to call again.
 * Catalogues are looked for in TOCSIN_LOCALEDIR, then beside the program, then where the build would install them. */
void i18n_init(const char *language);

/* The message in Chinese, whatever the language in force, for what carries both. Not while other threads speak. */
const char *i18n_chinese(const char *message);

#endif
