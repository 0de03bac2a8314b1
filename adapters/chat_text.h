/* The words of a chat message. One warning goes out as its rule wrote it; several become a digest, gravest first; what is
 * longer than a channel takes is cut at sentence ends into numbered parts.
 *
 * What is added here is read by the public and stands beside the rules' own Chinese texts, so it is Chinese whatever the
 * language of the relay's own messages is.
 */
#ifndef TOCSIN_ADAPTERS_CHAT_TEXT_H
#define TOCSIN_ADAPTERS_CHAT_TEXT_H

#include "adapters/adapter.h"
#include "base/buf.h"

enum {
    CHAT_PARTS_MAX = 9,
    CHAT_MARK_LEN = 6 /* "(1/3) " */
};

/* Appends the text for m[0..n), n >= 1. A digest (n > 1) takes at most room bytes and says how many it does not list; a
 * single warning may be longer, see chat_split. Control characters are gone; nothing is appended when there is
 * no text for this audience or it is not UTF-8. */
void chat_text(const struct message *m, size_t n, enum audience audience, size_t room, struct buf *out);

struct chat_part {
    size_t from, len; /* bytes of the text; white space around cuts is left out */
};

/* Parts of at most room bytes each, their marks counted in when there is more than one. 0 when there would be more than
 * CHAT_PARTS_MAX. */
size_t chat_split(const char *text, size_t n, size_t room, struct chat_part ret_parts[static CHAT_PARTS_MAX]);

#endif
