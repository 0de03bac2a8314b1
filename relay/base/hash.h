/* Hashes (libcrypto). Correlation keys and content digests in the store are HMACs under the key in state_dir,
 * so that a stolen database cannot be searched for a known number. */
#ifndef TOCSIN_BASE_HASH_H
#define TOCSIN_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define HASH_LEN 32

void hash_sha256(const void *data, size_t n, uint8_t ret[static HASH_LEN]);
void hash_hmac_sha256(const void *key, size_t key_len, const void *data, size_t n,
                      uint8_t ret[static HASH_LEN]);
/* Keyed 128-bit digest for the hot path (SipHash-2-4, 16-byte output): key is 16 bytes. */
void hash_sip128(const uint8_t key[static 16], const void *data, size_t n, uint8_t ret[static 16]);

/* Of a value for one use ('v' …): equal values of different uses differ. Never 0. */
int64_t hash_keyed(const uint8_t key[static 16], char use, const void *data, size_t n);

/* For tables in memory whose keys nobody chooses against us (FNV-1a). */
static inline uint64_t hash_quick(const void *data, size_t n)
{
    const uint8_t *p = data;
    uint64_t h = 14695981039346656037ULL;
    for (size_t i = 0; i < n; i++) h = (h ^ p[i]) * 1099511628211ULL;
    return h ^ (h >> 29);
}

void hash_hex(const uint8_t *bytes, size_t n, char *ret /* 2n+1 */);
/* RFC 4648 base32, upper case, no padding. */
void hash_base32(const uint8_t *bytes, size_t n, char *ret, size_t ret_size);
void hash_base64(const uint8_t *bytes, size_t n, char *ret, size_t ret_size); /* with padding */

enum relay_err hash_random(void *out, size_t n, struct reason *why) MUST_CHECK;

#define SHORT_ID_LEN 6
/* The first 5 base32 characters of the delivery id's SHA-256: what people read out and logs begin with. */
void short_id(const char *delivery_id, char ret[static SHORT_ID_LEN]);

int hash_equal(const void *a, const void *b, size_t n); /* constant time; 1 when equal */

#endif
