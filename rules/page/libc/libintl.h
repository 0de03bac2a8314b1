/* The page translates: tocsin puts the words of the language into it. */
#ifndef TOCSIN_PAGE_LIBINTL_H
#define TOCSIN_PAGE_LIBINTL_H
char *gettext(const char *s);
#endif
