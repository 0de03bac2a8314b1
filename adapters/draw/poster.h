/* One A4 page about one scam, to hang up: the lie, the rhyme, three things not to do, where to ask, the hotline. No QR code and
 * no link: a warning must not teach people to scan. */
#ifndef TOCSIN_ADAPTERS_POSTER_H
#define TOCSIN_ADAPTERS_POSTER_H

#include "base/alert.h"
#include "base/buf.h"
#include "base/mem.h"

enum { POSTER_BYTES_MAX = 8 * 1024 * 1024, POSTER_DONTS = 3 };

struct poster {
    enum level level;
    const char *headline;
    const char *story; /* the lie, and that it is one; NULL: none */
    const char *rhyme; /* NULL: none */
    const char *donts[POSTER_DONTS];
    const char *caught;               /* what to do when it has happened; NULL: none */
    const char *site, *help, *issuer; /* NULL: none is named */
    const char *rule;                 /* "id.rev": small, for whoever replaces it */
    int64_t printed;                  /* wall ms */
};

/* Appends the PDF. RELAY_UNSUPPORTED without a Chinese font, RELAY_INVALID when a text is too long for the page. */
enum relay_err poster_pdf(const struct poster *p, struct buf *out, struct reason *why) MUST_CHECK;

/* Three things not to do, from what the rule says anyway: lines of its screen first (别点短信里的链接), then sentences of its voice
 * (不要转账), then what holds for every scam. Strings live in `mem`. */
void poster_donts(const char *const *lines, int n_lines, const char *voice, struct arena *mem,
                  const char *ret[static POSTER_DONTS]);
/* The sentences of the voice up to the one that calls it a fraud; nothing when there is none. That one is a line of its own. */
void poster_story(const char *voice, struct buf *out);

#endif
