/* The picture card of a delivery, for whoever passes its warning on by hand: drawn by the program that was asked, from what
 * the relay says of the delivery, and byte for byte the card that its group was sent. */
#ifndef TOCSIN_RELAY_CLI_CARD_H
#define TOCSIN_RELAY_CLI_CARD_H

#include <cjson/cJSON.h>

#include "base/buf.h"
#include "base/err.h"

/* delivery: as list_delivery writes it. Appends the PNG, and what it says in words.
 * RELAY_CONFLICT: its warning is over, and what is no longer true is not passed on; or it was kept back. RELAY_INVALID: it
 * has nothing to show. RELAY_UNSUPPORTED: no Chinese font. */
enum relay_err delivery_card(const cJSON *delivery, int64_t now, struct buf *ret_png, struct buf *ret_alt,
                             struct reason *why) MUST_CHECK;

#endif
