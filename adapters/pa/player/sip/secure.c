/* TLS with a check of the certificate, and SRTP: what libre leaves to its caller. */
#include "sip/secure.h"

#include <re.h>

#include <errno.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"

enum {
    KEY_LEN = 30, /* of the suite: 16 of key, 14 of salt */
    PACKET_ROOM = 2048,
    TEXT_LEN = 80
};

#define SUITE "AES_CM_128_HMAC_SHA1_80"

/* ---- The words ---- */

static char fault[300];
static const char *wanted_name;

static int checked(int good, X509_STORE_CTX *chain)
{
    if (good || fault[0]) return good; /* the first fault is the one to tell */
    int error = X509_STORE_CTX_get_error(chain);
    if (error == X509_V_ERR_HOSTNAME_MISMATCH || error == X509_V_ERR_IP_ADDRESS_MISMATCH)
        (void)snprintf(fault, sizeof(fault), "it is not for %.200s", wanted_name);
    else
        (void)snprintf(fault, sizeof(fault), "%s", X509_verify_cert_error_string(error));
    return good;
}

int secure_tls(const char *ca, const char *name, struct tls **ret, const char **ret_words)
{
    struct tls *tls = NULL;
    int err = tls_alloc(&tls, TLS_METHOD_SSLV23, NULL, NULL);
    *ret_words = "TLS does not start";
    if (err) return err;
    SSL_CTX *ctx = tls_openssl_context(tls);
    X509_VERIFY_PARAM *wanted = SSL_CTX_get0_param(ctx);
    bool good = SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) == 1;
    if (good) {
        *ret_words = ca ? ca : "the system's certificates";
        good = ca ? SSL_CTX_load_verify_locations(ctx, ca, NULL) == 1
                  : SSL_CTX_set_default_verify_paths(ctx) == 1;
    }
    if (good) {
        *ret_words = name;
        good = X509_VERIFY_PARAM_set1_ip_asc(wanted, name) == 1 ||
               X509_VERIFY_PARAM_set1_host(wanted, name, 0) == 1;
    }
    if (!good) {
        mem_deref(tls);
        return EINVAL;
    }
    wanted_name = name;
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, checked);
    *ret = tls;
    return 0;
}

const char *secure_tls_fault(void)
{
    return fault;
}

/* ---- The sound ---- */

struct secure_sound {
    struct srtp *srtp;
    struct mbuf *packet;
    char offer[TEXT_LEN];
};

int secure_sound_new(struct secure_sound **ret)
{
    struct secure_sound *s = xcalloc(1, sizeof(*s));
    uint8_t key[KEY_LEN];
    char text[TEXT_LEN];
    size_t n = sizeof(text);
    struct reason why;
    int err = hash_random(key, sizeof(key), &why) == RELAY_OK ? 0 : EIO;
    if (!err) err = base64_encode(key, sizeof(key), text, &n);
    if (!err) err = srtp_alloc(&s->srtp, SRTP_AES_CM_128_HMAC_SHA1_80, key, sizeof(key), 0);
    if (!err && !(s->packet = mbuf_alloc(PACKET_ROOM))) err = ENOMEM;
    if (!err) (void)snprintf(s->offer, sizeof(s->offer), "1 " SUITE " inline:%.*s", (int)n, text);
    explicit_bzero(key, sizeof(key));
    explicit_bzero(text, sizeof(text));
    if (err) {
        secure_sound_free(s);
        return err;
    }
    *ret = s;
    return 0;
}

struct secure_sound *secure_sound_free(struct secure_sound *s)
{
    if (!s) return NULL;
    mem_deref(s->srtp);
    mem_deref(s->packet);
    explicit_bzero(s->offer, sizeof(s->offer));
    free(s);
    return NULL;
}

const char *secure_sound_offer(const struct secure_sound *s)
{
    return s->offer;
}

bool secure_sound_taken(const char *answer)
{
    static const char ours[] = "1 " SUITE " ";
    return answer && strncmp(answer, ours, sizeof(ours) - 1) == 0;
}

size_t secure_sound_seal(void *arg, uint8_t *packet, size_t n, size_t room)
{
    struct secure_sound *s = arg;
    mbuf_rewind(s->packet);
    if (mbuf_write_mem(s->packet, packet, n) != 0) return 0;
    mbuf_set_pos(s->packet, 0);
    if (srtp_encrypt(s->srtp, s->packet) != 0 || s->packet->end > room) return 0;
    memcpy(packet, s->packet->buf, s->packet->end);
    return s->packet->end;
}
