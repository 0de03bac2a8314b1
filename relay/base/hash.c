/* Digests and their spellings: SHA-256 and HMAC by libcrypto, SipHash-2-4 by hand because libcrypto's costs a fetch a call. */
#include "base/hash.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <pthread.h>
#include <sys/random.h>

#include "base/i18n.h"

/* Looked up once: EVP_sha256() would be looked up by every digest anew. */
static const EVP_MD *sha256;

static void fetch_sha256(void)
{
    sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    if (!sha256) abort(); /* a broken libcrypto */
}

void hash_sha256(const void *data, size_t n, uint8_t ret[static HASH_LEN])
{
    static const uint8_t nothing;
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, fetch_sha256); /* fails for no reason that there is */
    if (EVP_Digest(n ? data : &nothing, n, ret, NULL, sha256, NULL) != 1)
        abort(); /* no memory or a broken libcrypto */
}

void hash_hmac_sha256(const void *key, size_t key_len, const void *data, size_t n,
                      uint8_t ret[static HASH_LEN])
{
    static const uint8_t nothing;
    unsigned len = HASH_LEN;
    if (!HMAC(EVP_sha256(), key_len ? key : &nothing, (int)key_len, n ? data : &nothing, n, ret, &len))
        abort();
}

static uint64_t load64(const uint8_t *p)
{
    uint64_t v = 0;
    for (int i = 0; i < 8; i++) v |= (uint64_t)p[i] << (8 * i);
    return v;
}

static void store64(uint8_t *p, uint64_t v)
{
    for (int i = 0; i < 8; i++) p[i] = (uint8_t)(v >> (8 * i));
}

static uint64_t rotl(uint64_t x, int b)
{
    return (x << b) | (x >> (64 - b));
}

struct sip {
    uint64_t v0, v1, v2, v3;
};

static void sip_rounds(struct sip *s, int n)
{
    for (int i = 0; i < n; i++) {
        s->v0 += s->v1;
        s->v1 = rotl(s->v1, 13) ^ s->v0;
        s->v0 = rotl(s->v0, 32);
        s->v2 += s->v3;
        s->v3 = rotl(s->v3, 16) ^ s->v2;
        s->v0 += s->v3;
        s->v3 = rotl(s->v3, 21) ^ s->v0;
        s->v2 += s->v1;
        s->v1 = rotl(s->v1, 17) ^ s->v2;
        s->v2 = rotl(s->v2, 32);
    }
}

/* Aumasson and Bernstein's reference algorithm in its 128-bit form. */
void hash_sip128(const uint8_t key[static 16], const void *data, size_t n, uint8_t ret[static 16])
{
    const uint8_t *p = data;
    uint64_t k0 = load64(key), k1 = load64(key + 8);
    struct sip s = {0x736f6d6570736575ULL ^ k0, 0x646f72616e646f6dULL ^ k1 ^ 0xee, 0x6c7967656e657261ULL ^ k0,
                    0x7465646279746573ULL ^ k1};
    for (size_t left = n; left >= 8; left -= 8, p += 8) {
        uint64_t m = load64(p);
        s.v3 ^= m;
        sip_rounds(&s, 2);
        s.v0 ^= m;
    }
    uint64_t last = (uint64_t)n << 56;
    for (size_t i = 0; i < n % 8; i++) last |= (uint64_t)p[i] << (8 * i);
    s.v3 ^= last;
    sip_rounds(&s, 2);
    s.v0 ^= last;
    s.v2 ^= 0xee;
    sip_rounds(&s, 4);
    store64(ret, s.v0 ^ s.v1 ^ s.v2 ^ s.v3);
    s.v1 ^= 0xdd;
    sip_rounds(&s, 4);
    store64(ret + 8, s.v0 ^ s.v1 ^ s.v2 ^ s.v3);
}

int64_t hash_keyed(const uint8_t key[static 16], char use, const void *data, size_t n)
{
    uint8_t own[16], full[16];
    int64_t keyed;
    memcpy(own, key, sizeof(own));
    own[0] ^= (uint8_t)use;
    hash_sip128(own, data, n, full);
    memcpy(&keyed, full, sizeof(keyed));
    return keyed ? keyed : 1;
}

void hash_hex(const uint8_t *bytes, size_t n, char *ret)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < n; i++) {
        ret[2 * i] = digits[bytes[i] >> 4];
        ret[2 * i + 1] = digits[bytes[i] & 15];
    }
    ret[2 * n] = '\0';
}

void hash_base32(const uint8_t *bytes, size_t n, char *ret, size_t ret_size)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    size_t out = 0, bits = 0;
    unsigned acc = 0;
    for (size_t i = 0; i < n; i++) {
        acc = (acc << 8 | bytes[i]) & 0xffff;
        bits += 8;
        for (; bits >= 5 && out + 1 < ret_size; bits -= 5) ret[out++] = digits[acc >> (bits - 5) & 31];
        if (out + 1 >= ret_size) break;
    }
    if (bits > 0 && bits < 5 && out + 1 < ret_size) ret[out++] = digits[acc << (5 - bits) & 31];
    if (ret_size) ret[out] = '\0';
}

void hash_base64(const uint8_t *bytes, size_t n, char *ret, size_t ret_size)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t out = 0;
    for (size_t i = 0; i < n && out + 4 < ret_size; i += 3) {
        size_t have = n - i < 3 ? n - i : 3;
        uint32_t v = (uint32_t)bytes[i] << 16;
        if (have > 1) v |= (uint32_t)bytes[i + 1] << 8;
        if (have > 2) v |= bytes[i + 2];
        ret[out++] = digits[v >> 18];
        ret[out++] = digits[v >> 12 & 63];
        ret[out++] = have > 1 ? digits[v >> 6 & 63] : '=';
        ret[out++] = have > 2 ? digits[v & 63] : '=';
    }
    if (ret_size) ret[out] = '\0';
}

enum relay_err hash_random(void *out, size_t n, struct reason *why)
{
    uint8_t *p = out;
    while (n > 0) {
        ssize_t got = getrandom(p, n, 0);
        if (got <= 0) return fail(why, RELAY_IO, _("the system gives no random numbers"));
        p += got;
        n -= (size_t)got;
    }
    return RELAY_OK;
}

void short_id(const char *delivery_id, char ret[static SHORT_ID_LEN])
{
    uint8_t digest[HASH_LEN];
    hash_sha256(delivery_id, strlen(delivery_id), digest);
    hash_base32(digest, sizeof(digest), ret, SHORT_ID_LEN);
}

int hash_equal(const void *a, const void *b, size_t n)
{
    return CRYPTO_memcmp(a, b, n) == 0;
}
