/* RTP streams, paced by absolute deadlines on a thread of their own, so that neither a commit nor anything else of the loop
 * makes a packet late. The thread reads the WAV, changes its rate, encodes and sends, one packet at a time a stream.
 *
 *   rtp_pacer_new -> rtp_start … -> each turn rtp_collect (calls done) -> rtp_pacer_free (ends every stream)
 */
#ifndef TOCSIN_PLAYER_RTP_H
#define TOCSIN_PLAYER_RTP_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "io/loop.h"

enum rtp_codec { RTP_PCMA, RTP_PCMU, RTP_G722, RTP_L16, RTP_CODEC_COUNT };
extern const char *const rtp_codec_names[]; /* "pcma" …, NULL */

struct rtp_format {
    enum rtp_codec codec;
    int rate;         /* of L16; the others have their own */
    int payload_type; /* -1: the codec's static one (L16: 11 at 44100, else 96) */
    int packet_ms;    /* 0: 20, L16 over 32 kHz 10 */
    /* Encrypts each packet where it stands, on the pacing thread; returns its new length, at most RTP_SEAL_ROOM more; 0: it
     * cannot, and the stream ends. NULL: as it is. */
    size_t (*seal)(void *arg, uint8_t *packet, size_t n, size_t room);
    void *seal_arg;
};
enum { RTP_SEAL_ROOM = 64 };
/* Fills in what is 0 or -1. RELAY_INVALID when a packet would not fit an Ethernet frame. */
enum relay_err rtp_format_complete(struct rtp_format *f, struct reason *why) MUST_CHECK;

struct rtp_pacer;
struct rtp_stream;

enum relay_err rtp_pacer_new(struct loop *l, struct rtp_pacer **ret, struct reason *why) MUST_CHECK;
struct rtp_pacer *rtp_pacer_free(struct rtp_pacer *p); /* calls no done; returns NULL; takes NULL */

struct rtp_end {
    bool stopped;          /* by rtp_stop */
    int error;             /* errno of the first packet that could not be sent; 0: none */
    int64_t packets, late; /* late: left more than 10 ms after its time */
    int64_t worst_us;
};
typedef void (*rtp_done_fn)(void *arg, const struct rtp_end *end); /* exactly once, inside rtp_collect */

/* Begins at once. fd and `to` are the caller's and stay until done. */
enum relay_err rtp_start(struct rtp_pacer *p, int fd, const struct sockaddr_in *to,
                         const struct rtp_format *f, const char *wav, rtp_done_fn done, void *arg,
                         struct rtp_stream **ret, struct reason *why) MUST_CHECK;
void rtp_stop(struct rtp_pacer *p,
              struct rtp_stream *s); /* not a packet more after the one that is leaving */
void rtp_collect(struct rtp_pacer *p);

/* G.711, for whoever wants to compare. */
uint8_t rtp_alaw(int16_t sample);
uint8_t rtp_ulaw(int16_t sample);

#endif
