/* A call that nobody on the way may read or bend: TLS under the words of SIP, with the other side's certificate checked, and
 * SRTP for the sound, by a key in the description (SDES), which TLS keeps secret.
 *
 * One call a process, so what is to be checked stands in the TLS context itself and holds for every connection.
 */
#ifndef TOCSIN_PLAYER_SIP_SECURE_H
#define TOCSIN_PLAYER_SIP_SECURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tls;

/* ca: a file of certificates, NULL: the system's. name: a host name or an IP address that the certificate must be for.
 * It stays the caller's, and must live on. An errno, with words; *ret is libre's, for mem_deref. */
int secure_tls(const char *ca, const char *name, struct tls **ret, const char **ret_words);
/* What was wrong with the other side's certificate; "" while nothing was. */
const char *secure_tls_fault(void);

struct secure_sound;
int secure_sound_new(struct secure_sound **ret); /* an errno */
struct secure_sound *secure_sound_free(struct secure_sound *s);
/* The value of the attribute `crypto` in the offer. */
const char *secure_sound_offer(const struct secure_sound *s);
/* Whether this is the answer's `crypto` to it; NULL: it has none. */
bool secure_sound_taken(const char *answer);
/* As rtp.h wants it; on its thread. */
size_t secure_sound_seal(void *arg, uint8_t *packet, size_t n, size_t room);

#endif
