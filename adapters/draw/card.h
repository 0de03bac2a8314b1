/* A warning as one picture for chats that take pictures: headline, at most three lines, the hotline, who says it and until
 * when; the level by colour, shape and words. 1200 by 800 pixels, legible on a phone. Neither link nor QR code.
 *
 * The words of the picture are Chinese like the rules' own texts, whatever the relay's language is.
 */
#ifndef TOCSIN_ADAPTERS_CARD_H
#define TOCSIN_ADAPTERS_CARD_H

#include "base/alert.h"
#include "base/buf.h"
#include "base/event.h"

enum {
    CARD_WIDTH = 1200,
    CARD_HEIGHT = 800,
    CARD_BYTES_MAX = 1024 * 1024,
    CARD_ALT_MAX = 16 * 1024,
    CARD_KEY_LEN = 32 + 1
};

struct card {
    enum level level;
    enum msg_type msg_type;
    enum cap_status status;
    const char *headline;
    const char *lines[3];
    int n_lines;
    const char *issuer;    /* NULL: nobody is named */
    int64_t sent, expires; /* wall ms */
    const char *id;        /* of the alert: a card is the same for all who get it */
};

/* 32 hex digits of everything that is in the picture: equal cards have equal keys. */
void card_key(const struct card *c, char ret[static CARD_KEY_LEN]);
/* What the picture says, in one paragraph. It is in the picture's own Description, too. */
void card_alt(const struct card *c, struct buf *out);
/* Appends the PNG. RELAY_UNSUPPORTED without a Chinese font; RELAY_INVALID without a headline. */
enum relay_err card_png(const struct card *c, struct buf *out, struct reason *why) MUST_CHECK;

#endif
