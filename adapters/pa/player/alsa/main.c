/* tocsin-pa-alsa: one play on a sound card of this machine.
 *
 * A program of its own, run by tocsin-pa once a play: opening a card may hang, and so may what stands behind a name such as
 * "default". It ends with a code of helper_end.h and a few words on standard error. SIGTERM stops the sound at once.
 */
#include <alsa/asoundlib.h>
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <time.h>

#include "base/clock.h"
#include "base/mem.h"
#include "player/audio.h"
#include "player/helper_end.h"

enum {
    WAIT_MS = 20,    /* how long a stop may go unseen */
    STALL_MS = 3000, /* a card that takes nothing for so long is stuck */
    BLOCK_FRAMES = 512,
    CHANNELS_MAX = 2
};

struct options {
    const char *device, *wav;
    int64_t latency_ms;
};

static volatile sig_atomic_t stopped;

static void on_signal(int sig)
{
    (void)sig;
    stopped = 1;
}

static void rest(int64_t ms)
{
    const struct timespec t = {ms / 1000, (ms % 1000) * 1000000};
    (void)nanosleep(&t, NULL); /* a signal ends it, and is looked at */
}

/* The library would write to standard error by itself, several lines for one fault. */
__attribute__((format(printf, 5, 6))) static void
say_nothing(const char *file, int line, const char *function, int err, const char *fmt, ...)
{
    (void)file;
    (void)line;
    (void)function;
    (void)err;
    (void)fmt;
}

static int say(enum helper_end end, const char *words)
{
    if (words && *words) (void)fprintf(stderr, "%s\n", words);
    return (int)end;
}

static int say_error(const char *what, int err)
{
    char words[160];
    enum helper_end end = err == -EBUSY                      ? END_BUSY
                          : err == -ENOENT || err == -ENODEV ? END_UNREACHABLE
                                                             : END_TROUBLE;
    (void)snprintf(words, sizeof(words), "%s: %s", what, snd_strerror(err));
    return say(end, words);
}

/* One channel where the card takes it, else the same on two. */
static int open_card(const struct options *o, int rate, snd_pcm_t **ret, unsigned *ret_channels)
{
    snd_pcm_t *pcm = NULL;
    unsigned channels = 1;
    int err = snd_pcm_open(&pcm, o->device, SND_PCM_STREAM_PLAYBACK, SND_PCM_NONBLOCK);
    if (err < 0) return say_error(o->device, err);
    for (;; channels++) {
        err = snd_pcm_set_params(pcm, SND_PCM_FORMAT_S16, SND_PCM_ACCESS_RW_INTERLEAVED, channels,
                                 (unsigned)rate, 1, (unsigned)o->latency_ms * 1000);
        if (err >= 0 || channels == CHANNELS_MAX) break;
    }
    if (err < 0) {
        (void)snd_pcm_close(pcm); /* nothing was played */
        return say_error("format", err);
    }
    *ret = pcm;
    *ret_channels = channels;
    return END_PLAYED;
}

static void fill(int16_t *out, const float *in, size_t frames, unsigned channels)
{
    for (size_t i = 0; i < frames; i++) {
        int16_t s = audio_16_bit(in[i]);
        for (unsigned c = 0; c < channels; c++) out[i * channels + c] = s;
    }
}

static int write_all(snd_pcm_t *pcm, const struct audio *a, unsigned channels)
{
    int16_t block[BLOCK_FRAMES * CHANNELS_MAX];
    int64_t progress = clock_now().mono;
    for (size_t at = 0; at < a->n && !stopped;) {
        size_t n = a->n - at < BLOCK_FRAMES ? a->n - at : BLOCK_FRAMES;
        fill(block, a->samples + at, n, channels);
        snd_pcm_sframes_t put = snd_pcm_writei(pcm, block, n);
        if (put > 0) {
            at += (size_t)put;
            progress = clock_now().mono;
            continue;
        }
        if (put != -EAGAIN && put != 0) {
            int err = snd_pcm_recover(pcm, (int)put, 1); /* it ran empty, or the machine slept */
            if (err < 0) return say_error("playing", err);
        } else {
            (void)snd_pcm_wait(pcm, WAIT_MS); /* whatever it says, the next write tells */
        }
        if (clock_now().mono - progress > STALL_MS) return say(END_LOST, "the card takes no sound");
    }
    return END_PLAYED;
}

/* What is in the card's buffer still sounds. A card that plays nothing, such as `null`, takes everything at once: the sound's
 * own length is kept to. */
static int wait_for_end(snd_pcm_t *pcm, int64_t began, int64_t length_ms, int64_t latency_ms)
{
    int64_t limit = clock_now().mono + latency_ms + STALL_MS;
    while (!stopped) {
        snd_pcm_sframes_t left = 0;
        snd_pcm_state_t state = snd_pcm_state(pcm);
        bool empty = state != SND_PCM_STATE_RUNNING || snd_pcm_delay(pcm, &left) < 0 || left <= 0;
        if (empty && clock_now().mono - began >= length_ms) return END_PLAYED;
        if (!empty && clock_now().mono > limit) return say(END_LOST, "the card does not come to the end");
        rest(WAIT_MS / 2);
    }
    return END_STOPPED;
}

static int play(const struct options *o, const struct audio *a)
{
    snd_pcm_t *pcm = NULL;
    unsigned channels = 1;
    int end = open_card(o, a->rate, &pcm, &channels);
    if (end != END_PLAYED) return end;
    int64_t began = clock_now().mono;
    end = write_all(pcm, a, channels);
    /* A sound shorter than the buffer does not begin by itself. */
    if (end == END_PLAYED && !stopped && snd_pcm_state(pcm) == SND_PCM_STATE_PREPARED)
        (void)snd_pcm_start(pcm);
    if (end == END_PLAYED && !stopped) end = wait_for_end(pcm, began, audio_ms(a), o->latency_ms);
    (void)snd_pcm_drop(pcm); /* all was played, or is not wanted any more */
    (void)snd_pcm_close(pcm);
    return stopped ? say(END_STOPPED, "stopped") : end;
}

static const struct option longs[] = {{"device", required_argument, NULL, 'd'},
                                      {"wav", required_argument, NULL, 'w'},
                                      {"latency", required_argument, NULL, 'l'},
                                      {0}};

int main(int argc, char **argv)
{
    CLEANUP(audio_release) struct audio a = {0};
    struct options o = {.device = "default", .latency_ms = 200};
    struct reason why;
    const struct sigaction act = {.sa_handler = on_signal};
    bool good = true;
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM); /* nobody is left who could stop us */
    (void)sigaction(SIGTERM, &act, NULL);   /* these arguments cannot be refused */
    (void)sigaction(SIGINT, &act, NULL);
    for (int c; (c = getopt_long(argc, argv, "", longs, NULL)) != -1;) {
        if (c == 'd') o.device = optarg;
        if (c == 'w') o.wav = optarg;
        if (c == 'l')
            good = good && duration_parse(optarg, &o.latency_ms) == RELAY_OK && o.latency_ms <= 2000;
        if (c == '?') good = false;
    }
    if (!good || !o.wav || optind != argc || o.latency_ms < 10)
        return say(END_USAGE, "usage: tocsin-pa-alsa --wav FILE [--device NAME] [--latency 200ms]");
    if (audio_load(&a, o.wav, &why) != RELAY_OK) return say(END_FAULT, why.text);
    (void)snd_lib_error_set_handler(say_nothing);
    int end = play(&o, &a);
    (void)snd_config_update_free_global(); /* so that nothing counts as lost */
    return end;
}
