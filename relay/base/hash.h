/* Hashes (libcrypto). Correlation keys and content digests in the store are HMACs under the key in state_dir,
 * so that a stolen database cannot be searched for a known number. */
#ifndef TOCSIN_BASE_HASH_H
#define TOCSIN_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/err.h"

#define HASH_LEN 32

void hash_sha256(const void *data, size_t n, uint8_t ret[static HASH_LEN]);
void hash_hmac_sha256(const void *key, size_t key_len, const void *data, size_t n,
                      uint8_t ret[static HASH_LEN]);
/* Keyed 128-bit digest for the hot path (SipHash-2-4, 16-byte output): key is 16 bytes. */
void hash_sip128(const uint8_t key[static 16], const void *data, size_t n, uint8_t ret[static 16]);

/* Of a value for one use ('v' …): equal values of different uses differ. Never 0. */
int64_t hash_keyed(const uint8_t key[static 16], char use, const void *data, size_t n);

/* For tables in memory whose keys nobody chooses against us: eight bytes at a step (Knuth's multiplicative hash). */
static inline uint64_t hash_quick(const void *data, size_t n)
{
    const uint64_t factor = 0x9e3779b97f4a7c15; /* 2^64 over the golden ratio */
    const uint8_t *p = data;
    uint64_t h = n, word;
    for (; n >= sizeof word; p += sizeof word, n -= sizeof word) {
        memcpy(&word, p, sizeof word);
        h = (h ^ word) * factor;
        h ^= h >> 32; /* a product carries upwards only */
    }
    for (word = 0; n > 0; n--) word = word << 8 | *p++;
    h = (h ^ word) * factor;
    return h ^ (h >> 32);
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
