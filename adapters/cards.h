/* Picture cards of warnings for chats: drawn on the helper thread, because a drawing takes 20 ms, and kept by content, so that
 * thousands of groups get one drawing: the newest few in memory, KEPT of them in <state_dir>/cards, the oldest first to go.
 *
 *   cards_new -> cards_ask (fn hears once, at once or later on the loop's thread) … -> cards_free (waiters hear of it)
 */
#ifndef TOCSIN_ADAPTERS_CARDS_H
#define TOCSIN_ADAPTERS_CARDS_H

#include "adapters/adapter.h"
#include "adapters/draw/card.h"
#include "io/loop.h"

enum { CARDS_KEPT = 256, CARD_MD5_LEN = 32 + 1 };

struct cards;

/* state_dir NULL: nothing is kept on the disk. */
struct cards *cards_new(struct loop *loop, const char *state_dir);
struct cards *cards_free(struct cards *c);

struct picture {
    const char *key;
    const char *png;
    size_t n;
    const char *base64;     /* of the PNG */
    char md5[CARD_MD5_LEN]; /* of the PNG, in hex */
};

enum card_end {
    CARD_DRAWN,
    CARD_FAILED,   /* why says it */
    CARD_CANCELLED /* the program ends: send nothing any more */
};
/* The picture is there during the call only. */
typedef void (*card_fn)(void *arg, enum card_end end, const struct picture *p, const char *why);
void cards_ask(struct cards *c, const struct card *card, card_fn fn, void *arg);

/* The card of a message for a chat; false when it has nothing to show. A Cancel's is the correction that screens show. */
bool card_of(const struct message *m, struct card *ret);

/* A kept picture by its key, for whoever has been told the key. False when there is none. Appends. */
bool cards_read(const struct cards *c, const char *key, struct buf *out);

#endif
