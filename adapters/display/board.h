/* The board of a ward: what board.c publishes and screens show. */
#ifndef TOCSIN_ADAPTERS_BOARD_H
#define TOCSIN_ADAPTERS_BOARD_H

#include "adapters/adapter.h"
#include "base/buf.h"

struct board_ctx {
    struct adapter_env env;
};

/* {"rev","now","items":[…]}; *ret_latest (may be NULL) is when the last item expires. */
void board_json(const struct message *m, size_t n, const struct snapshot *s, struct buf *b,
                int64_t *ret_latest);

extern const struct adapter_ops board_ops; /* "board:<site>/<ward>" */

#endif
