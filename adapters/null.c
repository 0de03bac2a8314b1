/* Accepts everything and does nothing: the smallest adapter, for load tests and as a first example. */
#include "adapters/adapter.h"

static void null_send(void *ctx, const struct target *t, const struct message *m, size_t n,
                      const struct snapshot *s, struct send *op)
{
    (void)ctx;
    (void)t;
    (void)m;
    (void)n;
    (void)s;
    send_done(op, &(struct send_outcome){.result = SEND_SENT});
}

const struct adapter_ops null_ops = {
    .name = "null",
    .kind = TARGET_MESSAGE,
    .programs = true,
    .send = null_send,
};
