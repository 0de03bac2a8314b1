/* tocsin-pa-sip: one page by SIP. Calls, waits until the other side answers, plays one WAV by RTP, hangs up.
 *
 * A program of its own, run by tocsin-pa once a page: libre has a loop of its own, and what a strange telephone sends
 * is taken apart outside of the process that must go on speaking elsewhere. It ends with a code of helper_end.h and a few words
 * on standard error. SIGTERM stops the sound at once and then hangs up.
 */
#include <re.h>

#define DEBUG_MODULE "page" /* it wants to be told */
#define DEBUG_LEVEL  3
#include <re_dbg.h>

#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "io/options.h"
#include "player/helper_end.h"
#include "player/rtp.h"
#include "sip/secure.h"

enum {
    COLLECT_MS = 10,   /* how often the pacing thread is asked whether it has ended */
    TAIL_MS = 200,     /* what still waits in the other side's jitter buffer */
    FLUSH_MS = 20,     /* an ACK still leaves */
    GOODBYE_MS = 2000, /* for the answer to BYE or CANCEL: two repeats are in it */
    HASH_SIZE = 16,    /* of libre's tables: there is one call */
    HEADERS_MAX = 512
};

struct options {
    const char *to, *from, *name, *user, *password_file, *proxy, *local, *alert_info, *codecs, *wav, *tls_ca,
        *tls_name;
    int64_t answer_ms, connect_ms;
    int dscp;
    bool no_auto, srtp;
};

struct call {
    struct options set;
    char *password;
    struct sip *sip;
    struct sipsess_sock *sock;
    struct sipsess *sess;
    struct sdp_session *sdp;
    struct sdp_media *media;
    struct dnsc *dns;
    struct tls *tls; /* NULL: anybody on the way may listen */
    struct secure_sound *sealed;
    struct sa local;
    int rtp_fd;
    struct loop *loop;
    struct rtp_pacer *pacer;
    struct rtp_stream *stream;
    struct sockaddr_in rtp_to;
    struct tmr patience, collect, goodbye;
    bool heard;       /* any answer came */
    bool described;   /* one of them had a session description that fits */
    bool established; /* the other side is on the line */
    bool taken;       /* its BYE said that something graver needs the line */
    bool bye_sent, bye_answered, ending;
    int tries_to_authenticate;
    enum helper_end end;
    char words[200];
};

static struct call call;

/* ---- The end ---- */

static void all_done(void *arg)
{
    (void)arg;
    re_cancel();
}

static void say_why(enum helper_end end, const char *words)
{
    if (call.ending) return; /* the first reason is the one to tell */
    call.end = end;
    (void)snprintf(call.words, sizeof(call.words), "%s", words ? words : "");
}

/* Hangs up, or takes the call back; the loop ends when the other side has said that it knows, or after GOODBYE_MS. */
static void finish(enum helper_end end, const char *words)
{
    say_why(end, words);
    if (call.ending) return;
    call.ending = true;
    tmr_cancel(&call.patience);
    tmr_cancel(&call.collect);
    if (call.stream) rtp_stop(call.pacer, call.stream);
    call.bye_sent = call.sess && (call.established || call.heard);
    call.sess = mem_deref(call.sess); /* BYE or CANCEL, which live on in the stack */
    tmr_start(&call.goodbye, call.bye_sent ? GOODBYE_MS : FLUSH_MS, all_done, NULL);
}

static void stopped(int sig)
{
    (void)sig;
    finish(END_STOPPED, "stopped");
}

/* ---- The sound ---- */

static void hang_up(void *arg)
{
    (void)arg;
    finish(END_PLAYED, NULL);
}

static void sound_ended(void *arg, const struct rtp_end *end)
{
    (void)arg;
    call.stream = NULL;
    if (call.ending) return;
    tmr_cancel(&call.collect);
    if (end->error)
        finish(END_FAULT, strerror(end->error));
    else
        tmr_start(&call.collect, TAIL_MS, hang_up, NULL);
}

static void collect(void *arg)
{
    tmr_start(&call.collect, COLLECT_MS, collect, arg); /* sound_ended may set it anew */
    rtp_collect(call.pacer);
}

static const char *const codec_sdp[RTP_CODEC_COUNT] = {"PCMA", "PCMU", "G722", NULL};

static void begin_sound(void)
{
    const struct sdp_format *chosen = sdp_media_rformat(call.media, NULL);
    const struct sa *to = sdp_media_raddr(call.media);
    struct rtp_format format = {.payload_type = -1};
    struct reason why;
    if (!call.described || !chosen || !sa_isset(to, SA_ALL) || sa_af(to) != AF_INET) {
        finish(END_NO_CODEC, "the answer describes no sound that we can send");
        return;
    }
    for (int c = 0; c < RTP_CODEC_COUNT; c++)
        if (codec_sdp[c] && str_casecmp(codec_sdp[c], chosen->name) == 0) format.codec = (enum rtp_codec)c;
    format.payload_type = chosen->pt;
    call.rtp_to = to->u.in;
    if (call.sealed && !secure_sound_taken(sdp_media_rattr(call.media, "crypto"))) {
        finish(END_NO_CODEC, "the answer does not encrypt the sound");
        return;
    }
    if (call.sealed) {
        format.seal = secure_sound_seal;
        format.seal_arg = call.sealed;
    }
    if (rtp_format_complete(&format, &why) != RELAY_OK ||
        rtp_start(call.pacer, call.rtp_fd, &call.rtp_to, &format, call.set.wav, sound_ended, NULL,
                  &call.stream, &why) != RELAY_OK) {
        finish(END_FAULT, why.text);
        return;
    }
    tmr_start(&call.collect, COLLECT_MS, collect, NULL);
}

/* ---- What libre tells ---- */

static void no_patience(void *arg)
{
    (void)arg;
    finish(call.heard ? END_NO_ANSWER : END_UNREACHABLE, call.heard ? "no answer" : "not a word came back");
}

/* A description may come early, with ringing (183); nothing is sent before the call is answered. */
static int answered(const struct sip_msg *msg, void *arg)
{
    (void)arg;
    if (mbuf_get_left(msg->mb) == 0) return 0;
    int err = sdp_decode(call.sdp, msg->mb, false);
    if (err == 0) call.described = true;
    return err;
}

/* The other side is there: from now on it may ring for as long as we were told to let it. */
static void progress(const struct sip_msg *msg, void *arg)
{
    (void)answered(msg, arg); /* a description that does not fit may be followed by one that does */
    if (call.heard) return;
    call.heard = true;
    tmr_start(&call.patience, (uint64_t)call.set.answer_ms, no_patience, NULL);
}

static void established(const struct sip_msg *msg, void *arg)
{
    (void)msg;
    (void)arg;
    call.heard = call.established = true;
    tmr_cancel(&call.patience);
    if (!call.stream && !call.ending) begin_sound();
}

/* A description in the middle of the call, such as a refresh. The sound goes on to where it went. */
static int offered(struct mbuf **ret, const struct sip_msg *msg, void *arg)
{
    (void)arg;
    if (mbuf_get_left(msg->mb) > 0) {
        int err = sdp_decode(call.sdp, msg->mb, true);
        if (err) return err;
    }
    return sdp_encode(ret, call.sdp, mbuf_get_left(msg->mb) == 0);
}

static const struct {
    uint16_t status;
    enum helper_end end;
} statuses[] = {
    {486, END_BUSY},      {600, END_BUSY},     {408, END_NO_ANSWER}, {480, END_NO_ANSWER},
    {487, END_NO_ANSWER}, {603, END_DECLINED}, {403, END_DECLINED},  {401, END_AUTH},
    {407, END_AUTH},      {404, END_NO_SUCH},  {410, END_NO_SUCH},   {484, END_NO_SUCH},
    {485, END_NO_SUCH},   {604, END_NO_SUCH},  {416, END_NO_SUCH},   {488, END_NO_CODEC},
    {606, END_NO_CODEC},  {415, END_NO_CODEC},
};

static enum helper_end end_of(uint16_t status)
{
    for (size_t i = 0; i < ARRAY_LEN(statuses); i++)
        if (statuses[i].status == status) return statuses[i].end;
    return status >= 500 && status < 600 ? END_TROUBLE : END_DECLINED;
}

static void closed(int err, const struct sip_msg *msg, void *arg)
{
    char words[120] = "";
    (void)arg;
    if (call.ending) return;
    call.sess = mem_deref(call.sess); /* nothing is left to hang up */
    if (call.established) {
        finish(call.taken ? END_TAKEN : END_HUNG_UP, "the other side hung up");
        return;
    }
    if (msg) {
        char reason[64] = "";
        (void)pl_strcpy(&msg->reason, reason, sizeof(reason)); /* cut or empty: only words */
        (void)snprintf(words, sizeof(words), "%u %s", msg->scode, reason);
        finish(end_of(msg->scode), words);
        return;
    }
    if (*secure_tls_fault())
        finish(END_UNTRUSTED, secure_tls_fault());
    else if (err == EAUTH || err == EACCES)
        finish(END_AUTH, "user or password is not accepted");
    else if (err == ENOSYS || err == EPROTO || err == EBADMSG)
        finish(END_TROUBLE, strerror(err));
    else
        finish(END_UNREACHABLE, strerror(err));
}

/* Asked for each challenge: the second one to the same request means that what we said was wrong. */
static int credentials(char **user, char **password, const char *realm, void *arg)
{
    (void)realm;
    (void)arg;
    if (!call.set.user || !call.password || call.tries_to_authenticate++ > 1) return EACCES;
    int err = str_dup(user, call.set.user);
    return err ? err : str_dup(password, call.password);
}

/* Nobody calls us. */
static void called(const struct sip_msg *msg, void *arg)
{
    (void)arg;
    (void)sip_treply(NULL, call.sip, msg, 486, "Busy Here"); /* lost: it asks again */
}

/* libre keeps to itself why the other side hung up, and that it knows of ours. */
static void traced(bool sent, enum sip_transp tp, const struct sa *from, const struct sa *to,
                   const uint8_t *bytes, size_t n, void *arg)
{
    struct mbuf *mb;
    struct sip_msg *msg = NULL;
    (void)tp;
    (void)from;
    (void)to;
    (void)arg;
    if (sent || !(mb = mbuf_alloc(n))) return;
    if (mbuf_write_mem(mb, bytes, n) == 0) {
        mbuf_set_pos(mb, 0);
        (void)sip_msg_decode(&msg, mb); /* NULL when it is none */
    }
    if (msg && msg->req && pl_strcmp(&msg->met, "BYE") == 0) {
        const struct sip_hdr *reason = sip_msg_xhdr(msg, "Reason");
        call.taken = reason && re_regex(reason->val.p, reason->val.l, "preemption") == 0;
    }
    if (msg && !msg->req && call.ending && msg->scode >= 200 &&
        (pl_strcmp(&msg->cseq.met, "BYE") == 0 || pl_strcmp(&msg->cseq.met, "INVITE") == 0)) {
        call.bye_answered = true;
        tmr_start(&call.goodbye, FLUSH_MS, all_done, NULL);
    }
    mem_deref(msg);
    mem_deref(mb);
}

/* ---- The call ---- */

static int fail_with(enum helper_end end, const char *what, int err)
{
    char words[160];
    (void)snprintf(words, sizeof(words), err ? "%s: %s" : "%s", what, err ? strerror(err) : "");
    say_why(end, words);
    return EINVAL;
}

/* The other side is called by TLS: its own name or address is what its certificate must say. */
static int prepare_tls(void)
{
    struct pl uri_text, transport;
    struct uri uri;
    static char host[256];
    const char *words;
    pl_set_str(&uri_text, call.set.proxy ? call.set.proxy : call.set.to);
    if (uri_decode(&uri, &uri_text) != 0) return fail_with(END_USAGE, "not an address: sip:name@host", 0);
    bool wanted =
        msg_param_decode(&uri.params, "transport", &transport) == 0 && pl_strcasecmp(&transport, "tls") == 0;
    if (!wanted && (call.set.srtp || call.set.tls_ca || call.set.tls_name))
        return fail_with(END_USAGE, "--srtp, --tls-ca and --tls-name need an address with ;transport=tls", 0);
    if (!wanted) return 0;
    (void)pl_strcpy(&uri.host, host, sizeof(host)); /* cut, it fits no certificate */
    if (secure_tls(call.set.tls_ca, call.set.tls_name ? call.set.tls_name : host, &call.tls, &words) != 0)
        return fail_with(END_FAULT, words, EINVAL);
    return 0;
}

/* The address from which the way to the other side leads. */
static int find_local(void)
{
    struct pl uri_text;
    struct uri uri;
    struct sa peer;
    const char *towards = call.set.proxy ? call.set.proxy : call.set.to;
    pl_set_str(&uri_text, towards);
    if (uri_decode(&uri, &uri_text) != 0) return fail_with(END_USAGE, "not an address: sip:name@host", 0);
    if (call.set.local) {
        if (sa_set_str(&call.local, call.set.local, 0) != 0)
            return fail_with(END_USAGE, "--local: not an IP address", 0);
        return 0;
    }
    if (sa_set(&peer, &uri.host, 5060) != 0) { /* a name: what the default route has */
        int err = net_default_source_addr_get(AF_INET, &call.local);
        return err ? fail_with(END_UNREACHABLE, "no way out of this machine", err) : 0;
    }
    int fd = socket(sa_af(&peer), SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int err = fd < 0 || connect(fd, &peer.u.sa, peer.len) != 0 ? errno : 0;
    call.local.len = sizeof(call.local.u);
    if (!err && getsockname(fd, &call.local.u.sa, &call.local.len) != 0) err = errno;
    if (fd >= 0) (void)close(fd); /* nothing was sent */
    sa_set_port(&call.local, 0);
    return err ? fail_with(END_UNREACHABLE, "no way there", err) : 0;
}

static int open_sound(void)
{
    struct reason why;
    struct sa at = call.local;
    int tos = call.set.dscp << 2;
    if (loop_new(&call.loop, &why) != RELAY_OK || rtp_pacer_new(call.loop, &call.pacer, &why) != RELAY_OK)
        return fail_with(END_FAULT, why.text, 0);
    sa_set_port(&at, 0);
    call.rtp_fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (call.rtp_fd < 0 || bind(call.rtp_fd, &at.u.sa, at.len) != 0 ||
        setsockopt(call.rtp_fd, IPPROTO_IP, IP_TOS, &tos, sizeof(tos)) != 0 ||
        getsockname(call.rtp_fd, &at.u.sa, &at.len) != 0)
        return fail_with(END_FAULT, "no socket for the sound", errno);
    int err = sdp_session_alloc(&call.sdp, &call.local);
    if (!err && call.set.srtp) err = secure_sound_new(&call.sealed);
    if (!err)
        err = sdp_media_add(&call.media, call.sdp, sdp_media_audio, sa_port(&at),
                            call.sealed ? sdp_proto_rtpsavp : sdp_proto_rtpavp);
    if (!err && call.sealed)
        err = sdp_media_set_lattr(call.media, true, "crypto", "%s", secure_sound_offer(call.sealed));
    if (!err) err = sdp_media_set_lattr(call.media, true, "ptime", "%u", 20);
    CLEANUP(free_ptr) char *list = xstrdup(call.set.codecs);
    char *rest = NULL;
    for (char *name = strtok_r(list, ",", &rest); name && !err; name = strtok_r(NULL, ",", &rest)) {
        static const char *const ids[] = {"8", "0", "9"};
        int c = 0;
        while (c < RTP_L16 && strcmp(rtp_codec_names[c], name) != 0) c++;
        if (c == RTP_L16) return fail_with(END_USAGE, "--codecs: pcma, pcmu or g722, with commas", 0);
        err = sdp_format_add(NULL, call.media, false, ids[c], codec_sdp[c], 8000, 1, NULL, NULL, NULL, false,
                             NULL);
    }
    return err ? fail_with(END_FAULT, "no description of the sound", err) : 0;
}

static int open_stack(void)
{
    struct sa servers[4], tcp = call.local;
    uint32_t n = ARRAY_LEN(servers);
    if (dns_srv_get(NULL, 0, servers, &n) != 0) n = 0; /* numeric addresses go without */
    int err = dnsc_alloc(&call.dns, NULL, servers, n);
    if (!err)
        err = sip_alloc(&call.sip, call.dns, HASH_SIZE, HASH_SIZE, HASH_SIZE, "tocsin-pa/" TOCSIN_VERSION,
                        NULL, NULL);
    if (!err) sip_set_trace_handler(call.sip, traced);
    if (!err && call.tls) { /* and nothing else, wherever an answer leads */
        err = sip_transp_add(call.sip, SIP_TRANSP_TLS, &tcp, call.tls);
    } else {
        if (!err) err = sip_transp_add(call.sip, SIP_TRANSP_UDP, &call.local);
        if (!err) err = sip_transp_add(call.sip, SIP_TRANSP_TCP, &tcp);
    }
    if (!err) err = sipsess_listen(&call.sock, call.sip, HASH_SIZE, called, NULL);
    return err ? fail_with(END_FAULT, "SIP does not start", err) : 0;
}

static int invite(void)
{
    struct mbuf *description = NULL;
    char from[128], headers[HEADERS_MAX] = "";
    const char *route[1] = {call.set.proxy};
    (void)re_snprintf(from, sizeof(from), "sip:tocsin@%j", &call.local);
    if (!call.set.no_auto)
        (void)re_snprintf(headers, sizeof(headers),
                          "Call-Info: <sip:%j>;answer-after=0\r\nAlert-Info: %s\r\nAnswer-Mode: Auto\r\n",
                          &call.local, call.set.alert_info);
    int err = sdp_encode(&description, call.sdp, true);
    if (!err)
        err = sipsess_connect(&call.sess, call.sock, call.set.to, call.set.name,
                              call.set.from ? call.set.from : from, "tocsin", route, call.set.proxy ? 1 : 0,
                              "application/sdp", description, credentials, NULL, false, offered, answered,
                              progress, established, NULL, NULL, closed, NULL, "%s", headers);
    mem_deref(description);
    if (err) return fail_with(END_UNREACHABLE, "the call cannot begin", err);
    tmr_start(&call.patience, (uint64_t)call.set.connect_ms, no_patience, NULL);
    return 0;
}

static void release(void)
{
    call.pacer = rtp_pacer_free(call.pacer);
    call.loop = loop_free(call.loop);
    tmr_cancel(&call.patience);
    tmr_cancel(&call.collect);
    tmr_cancel(&call.goodbye);
    call.sess = mem_deref(call.sess);
    if (call.sock) sipsess_close_all(call.sock);
    call.sock = mem_deref(call.sock);
    if (call.sip) sip_close(call.sip, true);
    call.sip = mem_deref(call.sip);
    call.tls = mem_deref(call.tls);
    call.sealed = secure_sound_free(call.sealed); /* the pacer has ended: nobody seals */
    call.sdp = mem_deref(call.sdp);
    call.dns = mem_deref(call.dns);
    if (call.rtp_fd >= 0) (void)close(call.rtp_fd); /* everything was sent */
    secret_free(call.password);
    libre_close();
}

/* ---- The command line ---- */

static const struct option longs[] = {{"to", required_argument, NULL, 't'},
                                      {"from", required_argument, NULL, 'f'},
                                      {"name", required_argument, NULL, 'n'},
                                      {"user", required_argument, NULL, 'u'},
                                      {"password-file", required_argument, NULL, 'p'},
                                      {"proxy", required_argument, NULL, 'x'},
                                      {"local", required_argument, NULL, 'l'},
                                      {"alert-info", required_argument, NULL, 'a'},
                                      {"codecs", required_argument, NULL, 'c'},
                                      {"wav", required_argument, NULL, 'w'},
                                      {"answer-within", required_argument, NULL, 'A'},
                                      {"connect-within", required_argument, NULL, 'C'},
                                      {"dscp", required_argument, NULL, 'd'},
                                      {"no-auto-answer", no_argument, NULL, 'N'},
                                      {"tls-ca", required_argument, NULL, 'T'},
                                      {"tls-name", required_argument, NULL, 'M'},
                                      {"srtp", no_argument, NULL, 'S'},
                                      {0}};

static bool read_dscp(const char *text, int *ret)
{
    char *end;
    long v = strtol(text, &end, 10);
    *ret = (int)v;
    return end != text && !*end && v >= 0 && v <= 63;
}

static bool read_options(int argc, char **argv, struct options *o)
{
    *o = (struct options){.name = "Tocsin",
                          .alert_info = "<sip:tocsin>;info=alert-autoanswer;delay=0",
                          .codecs = "pcma,pcmu,g722",
                          .answer_ms = 10000,
                          .connect_ms = 4000,
                          .dscp = 46};
    const char **const strings[] = {
        ['t'] = &o->to,    ['f'] = &o->from,          ['n'] = &o->name,
        ['u'] = &o->user,  ['p'] = &o->password_file, ['x'] = &o->proxy,
        ['l'] = &o->local, ['a'] = &o->alert_info,    ['c'] = &o->codecs,
        ['w'] = &o->wav,   ['T'] = &o->tls_ca,        ['M'] = &o->tls_name,
    };
    for (int c; (c = getopt_long(argc, argv, "", longs, NULL)) != -1;) {
        int64_t ms = 0;
        bool good = true;
        if (c == 'N')
            o->no_auto = true;
        else if (c == 'S')
            o->srtp = true;
        else if (c == 'd')
            good = read_dscp(optarg, &o->dscp);
        else if (c == 'A' || c == 'C')
            good = duration_parse(optarg, &ms) == RELAY_OK && ms > 0;
        else if (c > 0 && (size_t)c < ARRAY_LEN(strings) && strings[c])
            *strings[c] = optarg;
        else
            good = false;
        if (c == 'A') o->answer_ms = ms;
        if (c == 'C') o->connect_ms = ms;
        if (!good) return false;
    }
    return optind == argc && o->to && o->wav;
}

int main(int argc, char **argv)
{
    struct reason why;
    int err = 0;
    call.rtp_fd = -1;
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM); /* nobody is left who could stop us */
    if (!read_options(argc, argv, &call.set)) {
        (void)fprintf(
            stderr,
            "usage: tocsin-pa-sip --to sip:NAME@HOST --wav FILE [--user U --password-file F] [--proxy URI]\n"
            "  [--from URI] [--name WORDS] [--local IP] [--codecs pcma,pcmu,g722] [--dscp N]\n"
            "  [--connect-within 4s] [--answer-within 10s] [--alert-info VALUE] [--no-auto-answer]\n"
            "  [--tls-ca FILE] [--tls-name HOST] [--srtp]   with sip:NAME@HOST;transport=tls\n");
        return END_USAGE;
    }
    if (call.set.password_file && secret_read(call.set.password_file, &call.password, &why) != RELAY_OK) {
        (void)fprintf(stderr, "%s\n", why.text);
        return END_FAULT;
    }
    if (libre_init() != 0) {
        (void)fprintf(stderr, "libre does not start\n");
        secret_free(call.password);
        return END_FAULT;
    }
    dbg_init(DBG_ERR, DBG_NONE); /* its warnings are not words for a log */
    err = prepare_tls();
    if (!err) err = find_local();
    if (!err) err = open_sound();
    if (!err) err = open_stack();
    if (!err) err = invite();
    if (!err && re_main(stopped) != 0) say_why(END_FAULT, "the loop of libre does not start");
    if (call.end == END_PLAYED && call.bye_sent && !call.bye_answered) {
        call.end = END_LOST;
        (void)snprintf(call.words, sizeof(call.words), "nobody answered our hanging up");
    }
    enum helper_end end = call.end;
    if (call.words[0]) (void)fprintf(stderr, "%s\n", call.words);
    release();
    return (int)end;
}
