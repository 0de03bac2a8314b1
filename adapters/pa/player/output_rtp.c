/* RTP, multicast or not: what IP loudspeakers and paging gateways of most makers listen to. */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <stddef.h>
#include <unistd.h>

#include "base/i18n.h"
#include "base/mem.h"
#include "player/output.h"

struct rtp_options {
    const char *address, *interface;
    int64_t port, ttl, dscp, rate, payload_type, packet;
    int codec;
};
struct rtp_state {
    int fd;
    struct sockaddr_in to;
    struct rtp_format format;
    struct output_play *play; /* NULL: silent */
    struct rtp_stream *stream;
    struct now now; /* of the last turn: streams end between turns */
};

static const struct opt_row rows[] = {
    OPT_ROW("address", OPT_STR, rtp_options, address, .required = true,
            .help = N_("IPv4 address, of a group (239.x.x.x) or of one device")),
    OPT_ROW("port", OPT_INT, rtp_options, port, .required = true, .min = 1, .max = 65535,
            .help = N_("UDP port")),
    OPT_ROW("codec", OPT_ENUM, rtp_options, codec, .names = rtp_codec_names, .deflt = "pcma",
            .help =
                N_("pcma: G.711 A-law, the usual one in China; pcmu; g722: wide band; l16: uncompressed")),
    OPT_ROW("rate", OPT_INT, rtp_options, rate, .min = 8000, .max = 48000, .deflt = "44100", .unit = "Hz",
            .help = N_("of l16")),
    OPT_ROW("payload_type", OPT_INT, rtp_options, payload_type, .min = -1, .max = 127, .deflt = "-1",
            .help = N_("-1: the usual one of the codec")),
    OPT_ROW("packet", OPT_INT, rtp_options, packet, .min = 0, .max = 60, .unit = "ms",
            .help = N_("sound in one packet; 0: 20, l16 over 32 kHz 10")),
    OPT_ROW("interface", OPT_STR, rtp_options, interface,
            .help = N_("address of the network card that sends to a group; default: the system's choice")),
    OPT_ROW("ttl", OPT_INT, rtp_options, ttl, .min = 1, .max = 255, .deflt = "4",
            .help = N_("routers that a group's packets may pass")),
    OPT_ROW("dscp", OPT_INT, rtp_options, dscp, .min = 0, .max = 63, .deflt = "46",
            .help = N_("mark for the network's quality of service; 46: expedited forwarding")),
    {0},
};

static enum relay_err set_socket(const struct rtp_options *set, struct rtp_state *st, struct reason *why)
{
    int tos = (int)set->dscp << 2, ttl = (int)set->ttl;
    struct in_addr card;
    bool is_group = IN_MULTICAST(ntohl(st->to.sin_addr.s_addr));
    if (setsockopt(st->fd, IPPROTO_IP, IP_TOS, &tos, sizeof(tos)) != 0)
        return fail(why, RELAY_IO, _("dscp %d: %s"), (int)set->dscp, strerror(errno));
    if (!is_group) return RELAY_OK;
    if (setsockopt(st->fd, IPPROTO_IP, IP_MULTICAST_TTL, &ttl, sizeof(ttl)) != 0)
        return fail(why, RELAY_IO, _("ttl %d: %s"), ttl, strerror(errno));
    if (!set->interface) return RELAY_OK;
    if (inet_pton(AF_INET, set->interface, &card) != 1)
        return fail(why, RELAY_INVALID, _("interface: `%s` is no IPv4 address of a network card"),
                    set->interface);
    if (setsockopt(st->fd, IPPROTO_IP, IP_MULTICAST_IF, &card, sizeof(card)) != 0)
        return fail(why, RELAY_IO, _("interface %s: %s"), set->interface, strerror(errno));
    return RELAY_OK;
}

static bool rtp_place(const void *options, struct buf *out)
{
    const struct rtp_options *set = options;
    buf_printf(out, "%s:%lld %s", set->address, (long long)set->port, set->interface ? set->interface : "");
    return true;
}

static enum relay_err rtp_open(struct output *o, struct reason *why)
{
    const struct rtp_options *set = o->options;
    struct rtp_state *st = o->state;
    *st = (struct rtp_state){.fd = -1,
                             .to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)set->port)},
                             .format = {.codec = (enum rtp_codec)set->codec,
                                        .rate = (int)set->rate,
                                        .payload_type = (int)set->payload_type,
                                        .packet_ms = (int)set->packet}};
    if (inet_pton(AF_INET, set->address, &st->to.sin_addr) != 1)
        return fail(why, RELAY_INVALID, _("address: `%s` is no IPv4 address"), set->address);
    enum relay_err err = rtp_format_complete(&st->format, why);
    if (err != RELAY_OK) return err;
    st->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (st->fd < 0) return fail(why, RELAY_IO, _("no socket: %s"), strerror(errno));
    err = set_socket(set, st, why);
    if (err != RELAY_OK) {
        (void)close(st->fd); /* nothing was sent */
        st->fd = -1;
    }
    return err;
}

static void ended(void *arg, const struct rtp_end *end)
{
    struct output *o = arg;
    struct rtp_state *st = o->state;
    struct output_play *p = st->play;
    char detail[160] = "";
    st->play = NULL;
    st->stream = NULL;
    if (end->late * 100 > end->packets)
        (void)snprintf(detail, sizeof(detail), "%lld/%lld packets late, %lld ms at worst",
                       (long long)end->late, (long long)end->packets, (long long)(end->worst_us / 1000));
    if (end->error) (void)snprintf(detail, sizeof(detail), _("cannot send: %s"), strerror(end->error));
    output_ended(p, st->now, end->stopped ? PLAY_STOPPED : end->error ? PLAY_FAILED : PLAY_DONE, detail);
    if (end->error) output_close(o); /* a card that was unplugged and is back is another one to its socket */
}

static enum relay_err rtp_start_play(struct output *o, struct output_play *p, struct now now,
                                     struct reason *why)
{
    struct rtp_state *st = o->state;
    st->now = now;
    if (st->play)
        return fail(why, RELAY_CONFLICT,
                    _("it plays for another zone; give each zone a group or a port of its own"));
    enum relay_err err =
        rtp_start(o->env->pacer, st->fd, &st->to, &st->format, p->play->wav, ended, o, &st->stream, why);
    if (err == RELAY_OK) st->play = p;
    return err;
}

static void rtp_stop_play(struct output *o, struct output_play *p, struct now now)
{
    struct rtp_state *st = o->state;
    st->now = now;
    if (st->play == p) rtp_stop(o->env->pacer, st->stream);
}

static void rtp_turn(struct output *o, struct now now)
{
    struct rtp_state *st = o->state;
    st->now = now; /* the pacer's own collecting calls ended */
}

static void rtp_close(struct output *o)
{
    struct rtp_state *st = o->state;
    if (st->fd >= 0 && o->options) (void)close(st->fd); /* the pacer has ended before */
    st->fd = -1;
}

const struct output_ops output_rtp = {
    .name = "rtp",
    .options = rows,
    .options_size = sizeof(struct rtp_options),
    .state_size = sizeof(struct rtp_state),
    .play_size = 1,
    .place = rtp_place,
    .open = rtp_open,
    .start = rtp_start_play,
    .stop = rtp_stop_play,
    .turn = rtp_turn,
    .close = rtp_close,
};
