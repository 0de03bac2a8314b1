/* The pacing thread. */
#include "player/rtp.h"

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <pthread.h>
#include <samplerate.h>
#include <sched.h>
#include <sndfile.h>
#include <spandsp.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/i18n.h"
#include "base/log.h"
#include "base/mem.h"
#include "player/audio.h"

enum {
    HEADER = 12,
    PACKET_MAX = 1400, /* bytes of sound: fits an Ethernet frame with every header */
    SAMPLES_MAX = 2048,
    LATE_US = 10000,
    PRIORITY = 20 /* of SCHED_FIFO, where that is allowed */
};

const char *const rtp_codec_names[] = {"pcma", "pcmu", "g722", "l16", NULL};

struct rtp_stream {
    struct rtp_stream *next;
    int fd;
    const struct sockaddr_in *to;
    struct rtp_format format;
    int out_rate, samples; /* of one packet, at out_rate */
    int timestamp_step;
    SNDFILE *file;
    int in_rate, channels;
    SRC_STATE *resampler; /* NULL: the rates are the same */
    float *in;            /* what was read and not yet used */
    long n_in, cap_in;
    bool file_ended, drained;
    g722_encode_state_t *g722;
    uint16_t seq;
    uint32_t timestamp, ssrc;
    int64_t next_us;  /* monotonic: when the next packet is to leave */
    bool first, stop; /* stop: under the lock */
    struct rtp_end end;
    rtp_done_fn done;
    void *arg;
};

struct rtp_pacer {
    struct loop *loop;
    pthread_t thread;
    pthread_mutex_t lock;
    int wake_fd, timer_fd;
    struct rtp_stream *added, *finished; /* under the lock */
    struct rtp_stream *running;          /* the thread's own */
    bool quit;                           /* under the lock */
};

/* ---- Formats ---- */

enum relay_err rtp_format_complete(struct rtp_format *f, struct reason *why)
{
    static const int types[] = {8, 0, 9, -1};
    if (f->codec == RTP_L16) {
        if (!f->rate) f->rate = 44100;
        if (f->payload_type < 0) f->payload_type = f->rate == 44100 ? 11 : 96;
        if (!f->packet_ms) f->packet_ms = f->rate > 32000 ? 10 : 20;
    } else {
        f->rate = 8000; /* of the RTP clock; G.722 samples at twice that */
        if (f->payload_type < 0) f->payload_type = types[f->codec];
        if (!f->packet_ms) f->packet_ms = 20;
    }
    int bytes = f->codec == RTP_L16 ? f->rate * f->packet_ms / 1000 * 2 : 8 * f->packet_ms;
    if (bytes > PACKET_MAX || f->rate * f->packet_ms % 1000 != 0)
        return fail(why, RELAY_INVALID,
                    _("packets of %d ms at %d Hz have %d bytes; at most %d, and whole samples"), f->packet_ms,
                    f->rate, bytes, PACKET_MAX);
    return RELAY_OK;
}

/* ITU-T G.711: the segment is the position of the highest bit, the quantisation the four bits after it. */
uint8_t rtp_alaw(int16_t sample)
{
    int mask = 0xD5, v = sample >> 3;
    if (v < 0) {
        mask = 0x55;
        v = -v - 1;
    }
    int segment = 0;
    for (int end = 0x1F; segment < 8 && v > end; end = end << 1 | 1) segment++;
    if (segment >= 8) return (uint8_t)(0x7F ^ mask);
    int code = segment << 4 | (segment < 2 ? (v >> 1 & 0xF) : (v >> segment & 0xF));
    return (uint8_t)(code ^ mask);
}

uint8_t rtp_ulaw(int16_t sample)
{
    enum { BIAS = 0x21, CLIP = 8159 };
    int mask = 0xFF, v = sample >> 2;
    if (v < 0) {
        mask = 0x7F;
        v = -v;
    }
    if (v > CLIP) v = CLIP;
    v += BIAS;
    int segment = 0;
    for (int end = 0x3F; segment < 8 && v > end; end = end << 1 | 1) segment++;
    if (segment >= 8) return (uint8_t)(0x7F ^ mask);
    return (uint8_t)((segment << 4 | (v >> (segment + 1) & 0xF)) ^ mask);
}

/* ---- One packet ---- */

static int64_t now_us(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t); /* exists on every Linux */
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* Mono floats from the file until `want` are there or it ends. */
static void fill_input(struct rtp_stream *s, long want)
{
    float block[2 * 1024];
    while (!s->file_ended && s->n_in < want) {
        sf_count_t room = (sf_count_t)(sizeof(block) / sizeof(*block)) / s->channels;
        sf_count_t n = sf_readf_float(s->file, block, room);
        if (n <= 0) {
            s->file_ended = true;
            break;
        }
        if (s->n_in + n > s->cap_in) {
            s->cap_in = (s->n_in + n) * 2;
            s->in = xreallocarray(s->in, (size_t)s->cap_in, sizeof(*s->in));
        }
        for (sf_count_t i = 0; i < n; i++) {
            float sum = 0;
            for (int c = 0; c < s->channels; c++) sum += block[i * s->channels + c];
            s->in[s->n_in++] = sum / (float)s->channels;
        }
    }
}

static void drop_input(struct rtp_stream *s, long n)
{
    memmove(s->in, s->in + n, (size_t)(s->n_in - n) * sizeof(*s->in));
    s->n_in -= n;
}

/* Exactly s->samples at the codec's rate, silence after the end. False: there was nothing left. */
static bool next_samples(struct rtp_stream *s, float *out)
{
    int got = 0;
    while (got < s->samples && !s->drained) {
        fill_input(s, SAMPLES_MAX);
        if (!s->resampler) {
            long n = s->n_in < s->samples - got ? s->n_in : s->samples - got;
            if (n) memcpy(out + got, s->in, (size_t)n * sizeof(*out));
            drop_input(s, n);
            got += (int)n;
            s->drained = s->file_ended && s->n_in == 0;
            continue;
        }
        SRC_DATA d = {.data_in = s->in,
                      .input_frames = s->n_in,
                      .data_out = out + got,
                      .output_frames = s->samples - got,
                      .src_ratio = (double)s->out_rate / s->in_rate,
                      .end_of_input = s->file_ended};
        if (src_process(s->resampler, &d) != 0) break;
        drop_input(s, d.input_frames_used);
        got += (int)d.output_frames_gen;
        s->drained = s->file_ended && d.output_frames_gen == 0 && d.input_frames_used == 0;
    }
    if (got == 0) return false;
    for (int i = got; i < s->samples; i++) out[i] = 0;
    return true;
}

static size_t encode(struct rtp_stream *s, const float *samples, uint8_t *out)
{
    int16_t pcm[SAMPLES_MAX];
    for (int i = 0; i < s->samples; i++) pcm[i] = audio_16_bit(samples[i]);
    switch (s->format.codec) {
    case RTP_PCMA:
        for (int i = 0; i < s->samples; i++) out[i] = rtp_alaw(pcm[i]);
        return (size_t)s->samples;
    case RTP_PCMU:
        for (int i = 0; i < s->samples; i++) out[i] = rtp_ulaw(pcm[i]);
        return (size_t)s->samples;
    case RTP_G722: return (size_t)g722_encode(s->g722, out, pcm, s->samples);
    case RTP_L16:
    default:
        for (int i = 0; i < s->samples; i++) {
            out[2 * i] = (uint8_t)((uint16_t)pcm[i] >> 8);
            out[2 * i + 1] = (uint8_t)pcm[i];
        }
        return (size_t)s->samples * 2;
    }
}

static void put32(uint8_t *at, uint32_t v)
{
    at[0] = (uint8_t)(v >> 24);
    at[1] = (uint8_t)(v >> 16);
    at[2] = (uint8_t)(v >> 8);
    at[3] = (uint8_t)v;
}

/* Sends the packet that is due. False: the stream is over. */
static bool send_packet(struct rtp_stream *s)
{
    float samples[SAMPLES_MAX];
    uint8_t packet[HEADER + PACKET_MAX + RTP_SEAL_ROOM];
    if (!next_samples(s, samples)) return false;
    packet[0] = 0x80; /* version 2 */
    packet[1] = (uint8_t)((s->first ? 0x80 : 0) | s->format.payload_type);
    packet[2] = (uint8_t)(s->seq >> 8);
    packet[3] = (uint8_t)s->seq;
    put32(packet + 4, s->timestamp);
    put32(packet + 8, s->ssrc);
    size_t n = HEADER + encode(s, samples, packet + HEADER);
    if (s->format.seal) n = s->format.seal(s->format.seal_arg, packet, n, sizeof(packet));
    if (n == 0) {
        s->end.error = EPROTO;
        return false;
    }
    int64_t late = now_us() - s->next_us;
    if (late > s->end.worst_us) s->end.worst_us = late;
    if (late > LATE_US) s->end.late++;
    /* A full buffer of the network is a lost packet, as on the wire; anything else is a fault of the output. */
    if (sendto(s->fd, packet, n, MSG_DONTWAIT, (const struct sockaddr *)s->to, sizeof(*s->to)) < 0 &&
        errno != EAGAIN && errno != ENOBUFS && !s->end.error)
        s->end.error = errno;
    s->end.packets++;
    s->first = false;
    s->seq++;
    s->timestamp += (uint32_t)s->timestamp_step;
    s->next_us += (int64_t)s->format.packet_ms * 1000;
    return s->end.error == 0;
}

/* ---- The thread ---- */

static void take_added(struct rtp_pacer *p)
{
    while (p->added) {
        struct rtp_stream *s = p->added;
        p->added = s->next;
        s->next = p->running;
        p->running = s;
    }
}

static void set_timer(const struct rtp_pacer *p)
{
    int64_t due = INT64_MAX;
    for (const struct rtp_stream *s = p->running; s; s = s->next)
        if (s->next_us < due) due = s->next_us;
    struct itimerspec t = {0};
    if (due != INT64_MAX) {
        t.it_value.tv_sec = (time_t)(due / 1000000);
        t.it_value.tv_nsec = (long)(due % 1000000) * 1000 + 1; /* 0 would switch it off */
    }
    (void)timerfd_settime(p->timer_fd, TFD_TIMER_ABSTIME, &t, NULL); /* these arguments cannot be refused */
}

static void *pace(void *arg)
{
    struct rtp_pacer *p = arg;
    for (;;) {
        struct pollfd fds[] = {{.fd = p->wake_fd, .events = POLLIN}, {.fd = p->timer_fd, .events = POLLIN}};
        uint64_t count;
        (void)poll(fds, 2, -1);
        if (fds[0].revents) (void)!read(p->wake_fd, &count, sizeof(count)); /* only to make it quiet */
        if (fds[1].revents) (void)!read(p->timer_fd, &count, sizeof(count));
        pthread_mutex_lock(&p->lock);
        bool quit = p->quit;
        take_added(p);
        pthread_mutex_unlock(&p->lock);
        if (quit) return NULL;
        bool ended = false;
        for (struct rtp_stream **at = &p->running; *at;) {
            struct rtp_stream *s = *at;
            pthread_mutex_lock(&p->lock);
            bool stop = s->stop;
            pthread_mutex_unlock(&p->lock);
            bool goes_on = !stop;
            while (goes_on && now_us() >= s->next_us) goes_on = send_packet(s);
            if (goes_on) {
                at = &s->next;
                continue;
            }
            s->end.stopped = stop;
            *at = s->next;
            pthread_mutex_lock(&p->lock);
            s->next = p->finished;
            p->finished = s;
            pthread_mutex_unlock(&p->lock);
            ended = true;
        }
        set_timer(p);
        if (ended) loop_wake(p->loop);
    }
}

static void wake(struct rtp_pacer *p)
{
    uint64_t one = 1;
    (void)!write(p->wake_fd, &one, sizeof(one)); /* full means that it is awake already */
}

/* ---- The loop's side ---- */

enum relay_err rtp_pacer_new(struct loop *l, struct rtp_pacer **ret, struct reason *why)
{
    struct rtp_pacer *p = xcalloc(1, sizeof(*p));
    p->loop = l;
    p->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    p->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    pthread_mutex_init(&p->lock, NULL);
    int error = p->wake_fd < 0 || p->timer_fd < 0 ? errno : pthread_create(&p->thread, NULL, pace, p);
    if (error) {
        if (p->wake_fd >= 0) (void)close(p->wake_fd); /* nothing was asked of them */
        if (p->timer_fd >= 0) (void)close(p->timer_fd);
        pthread_mutex_destroy(&p->lock);
        free(p);
        return fail(why, RELAY_IO, _("cannot start the thread that paces RTP: %s"), strerror(error));
    }
    const struct sched_param priority = {.sched_priority = PRIORITY};
    if (pthread_setschedparam(p->thread, SCHED_FIFO, &priority) != 0)
        log_info("rtp: no right to real-time priority (LimitRTPRIO=%d); on a busy machine packets leave late",
                 PRIORITY);
    *ret = p;
    return RELAY_OK;
}

static void stream_free(struct rtp_stream *s)
{
    if (s->file) sf_close(s->file);
    if (s->resampler) src_delete(s->resampler);
    if (s->g722) g722_encode_free(s->g722);
    free(s->in);
    free(s);
}

struct rtp_pacer *rtp_pacer_free(struct rtp_pacer *p)
{
    if (!p) return NULL;
    pthread_mutex_lock(&p->lock);
    p->quit = true;
    pthread_mutex_unlock(&p->lock);
    wake(p);
    pthread_join(p->thread, NULL);
    struct rtp_stream *lists[] = {p->added, p->running, p->finished};
    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        while (lists[i]) {
            struct rtp_stream *s = lists[i];
            lists[i] = s->next;
            stream_free(s);
        }
    }
    (void)close(p->wake_fd); /* nothing to lose */
    (void)close(p->timer_fd);
    pthread_mutex_destroy(&p->lock);
    free(p);
    return NULL;
}

enum relay_err rtp_start(struct rtp_pacer *p, int fd, const struct sockaddr_in *to,
                         const struct rtp_format *f, const char *wav, rtp_done_fn done, void *arg,
                         struct rtp_stream **ret, struct reason *why)
{
    struct rtp_stream *s = xcalloc(1, sizeof(*s));
    SF_INFO info = {0};
    int error = 0;
    uint32_t random[3];
    enum relay_err err = hash_random(random, sizeof(random), why);
    s->fd = fd;
    s->to = to;
    s->format = *f;
    s->done = done;
    s->arg = arg;
    s->out_rate = f->codec == RTP_G722 ? 16000 : f->rate;
    s->samples = s->out_rate * f->packet_ms / 1000;
    s->timestamp_step = f->rate * f->packet_ms / 1000;
    s->first = true;
    s->file = sf_open(wav, SFM_READ, &info);
    if (err == RELAY_OK && !s->file)
        err = fail(why, RELAY_IO, _("%s: not a sound file: %s"), wav, sf_strerror(NULL));
    if (err == RELAY_OK && (info.channels < 1 || info.channels > 2 || s->samples > SAMPLES_MAX))
        err = fail(why, RELAY_INVALID, _("%s: %d channels"), wav, info.channels);
    s->in_rate = info.samplerate;
    s->channels = info.channels;
    if (err == RELAY_OK && s->in_rate != s->out_rate) s->resampler = src_new(SRC_SINC_FASTEST, 1, &error);
    if (err == RELAY_OK && s->in_rate != s->out_rate && !s->resampler)
        err = fail(why, RELAY_IO, _("the sound's rate cannot be changed: %s"), src_strerror(error));
    if (err == RELAY_OK && f->codec == RTP_G722) s->g722 = g722_encode_init(NULL, 64000, 0);
    if (err != RELAY_OK) {
        stream_free(s);
        return err;
    }
    s->seq = (uint16_t)random[0];
    s->timestamp = random[1];
    s->ssrc = random[2];
    s->next_us = now_us();
    *ret = s;
    pthread_mutex_lock(&p->lock);
    s->next = p->added;
    p->added = s;
    pthread_mutex_unlock(&p->lock);
    wake(p);
    return RELAY_OK;
}

void rtp_stop(struct rtp_pacer *p, struct rtp_stream *s)
{
    pthread_mutex_lock(&p->lock);
    s->stop = true;
    pthread_mutex_unlock(&p->lock);
    wake(p);
}

void rtp_collect(struct rtp_pacer *p)
{
    pthread_mutex_lock(&p->lock);
    struct rtp_stream *s = p->finished;
    p->finished = NULL;
    pthread_mutex_unlock(&p->lock);
    while (s) {
        struct rtp_stream *next = s->next;
        s->done(s->arg, &s->end);
        stream_free(s);
        s = next;
    }
}
