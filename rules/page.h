/* One self-contained page for a computer that is not connected: paste a text, see which rules find it, write one's own.
 * The engine in it is our own normalising, masking and wording, compiled to WebAssembly when the program was built.
 */
#ifndef TOCSIN_RULES_PAGE_H
#define TOCSIN_RULES_PAGE_H

#include "rules/set.h"

/* In Chinese and English, whatever the language in force. RELAY_UNSUPPORTED when the program was built without clang and lld. Rules that do not run are left out. */
enum relay_err rules_page(const struct rule_set *set, const char *version, struct buf *out,
                          struct reason *why) MUST_CHECK;

#endif
