/* The board of a ward: what board.c publishes for devices and screen.c shows in browsers. */
#ifndef TOCSIN_ADAPTERS_BOARD_H
#define TOCSIN_ADAPTERS_BOARD_H

#include "adapters/adapter.h"
#include "base/buf.h"

enum takeover { TAKEOVER_NONE, TAKEOVER_BANNER, TAKEOVER_FULL };

/* What target->options of a ward points to: the core fills it from the site and the ward. */
struct board_options {
    const char *site_name;
    const char *issuer, *help; /* may be NULL */
    enum takeover takeover;
    struct opt_windows quiet;
    struct opt_strs reminders; /* the hospital's own */
};

/* A ward may put its board away for a while: until then it shows nothing but a red warning that is newer. */
struct board_hide {
    int64_t since, until; /* wall ms; until 0: not hidden */
};
bool board_hides(const struct board_hide *h, const struct message *m, int64_t wall);

/* One item as it stands in a board. */
void board_item_json(const struct message *m, struct buf *b);
extern const struct adapter_ops board_ops; /* "board:<site>/<ward>" */

#endif
