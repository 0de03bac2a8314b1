/* Body and signatures of Standard Webhooks 1.0. */
#ifndef TOCSIN_ADAPTERS_WEBHOOK_H
#define TOCSIN_ADAPTERS_WEBHOOK_H

#include <stddef.h>
#include <stdint.h>

#include "adapters/adapter.h"
#include "base/buf.h"
#include "base/err.h"

/* Appends one signature for each key, separated by spaces: "v1,…" for whsec_… (HMAC-SHA256), "v1a,…" for whsk_… (Ed25519).
 * Keys are separated by spaces, the newest first; several let a receiver change keys without a gap. id has no '.'. */
enum relay_err webhook_sign(const char *keys, const char *id, int64_t seconds, const void *body, size_t n,
                            struct buf *out, struct reason *why) MUST_CHECK;

/* What is signed and posted: packaging/doc/schema/webhook.schema.json. n >= 1. */
void webhook_body(const char *target, const struct message *m, size_t n, struct buf *out);

#endif
