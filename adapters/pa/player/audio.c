/* The few things that are done to sound. */
#include "player/audio.h"

#include <ebur128.h>
#include <errno.h>
#include <math.h>
#include <samplerate.h>
#include <sndfile.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/i18n.h"
#include "base/mem.h"

/* Peaks are kept 1 dB under full scale: horns and codecs add to them. */
static const double ceiling = 0.891;
static const double quiet_level = 0.003; /* about -50 dBFS: below it is silence to be trimmed */

enum { TRIM_KEEP_MS = 20, SHORTEST_MS = 200, CLIPPED_RUN = 4 };

void audio_release(struct audio *a)
{
    free(a->samples);
    *a = (struct audio){0};
}

int64_t audio_ms(const struct audio *a)
{
    return a->rate ? (int64_t)a->n * SECOND_MS / a->rate : 0;
}

/* Header lengths of streamed WAV files are wrong, so the frames are counted while reading. */
enum relay_err audio_load(struct audio *a, const char *path, struct reason *why)
{
    SF_INFO info = {0};
    SNDFILE *f = sf_open(path, SFM_READ, &info);
    if (!f) return fail(why, RELAY_INVALID, _("%s: not a sound file: %s"), path, sf_strerror(NULL));
    enum relay_err err = RELAY_OK;
    struct audio got = {.rate = info.samplerate};
    float *frames = NULL;
    if (info.channels < 1 || info.channels > 8 || info.samplerate < AUDIO_RATE_MIN ||
        info.samplerate > AUDIO_RATE_MAX) {
        err =
            fail(why, RELAY_INVALID, _("%s: %d channels at %d Hz; give one or two channels at 8 to 192 kHz"),
                 path, info.channels, info.samplerate);
        goto out;
    }
    enum { BLOCK = 4096 };
    size_t channels = (size_t)info.channels, max = (size_t)AUDIO_MAX_SECONDS * (size_t)info.samplerate,
           cap = 0;
    frames = xcalloc(BLOCK * channels, sizeof(*frames));
    for (;;) {
        sf_count_t n = sf_readf_float(f, frames, BLOCK);
        if (n <= 0) break;
        if (got.n + (size_t)n > max) {
            err = fail(why, RELAY_LIMIT, _("%s: longer than %d seconds"), path, AUDIO_MAX_SECONDS);
            goto out;
        }
        if (got.n + (size_t)n > cap) {
            cap = cap ? cap * 2 : (size_t)BLOCK * 16;
            got.samples = xreallocarray(got.samples, cap, sizeof(*got.samples));
        }
        for (sf_count_t i = 0; i < n; i++) {
            float sum = 0;
            for (size_t c = 0; c < channels; c++) sum += frames[(size_t)i * channels + c];
            got.samples[got.n++] = isfinite(sum) ? sum / (float)channels : 0;
        }
    }
    audio_release(a);
    *a = got;
    got = (struct audio){0};
out:
    sf_close(f);
    free(frames);
    audio_release(&got);
    return err;
}

enum relay_err audio_save(const struct audio *a, const char *path, struct reason *why)
{
    CLEANUP(free_ptr) char *aside = xasprintf("%s.part", path);
    SF_INFO info = {.samplerate = a->rate, .channels = 1, .format = SF_FORMAT_WAV | SF_FORMAT_PCM_16};
    SNDFILE *f = sf_open(aside, SFM_WRITE, &info);
    if (!f) return fail(why, RELAY_IO, _("%s: cannot be written: %s"), path, sf_strerror(NULL));
    sf_command(f, SFC_SET_CLIPPING, NULL, SF_TRUE);
    sf_count_t n = sf_writef_float(f, a->samples, (sf_count_t)a->n);
    bool whole = n == (sf_count_t)a->n;
    if (sf_close(f) != 0 || !whole || rename(aside, path) != 0) {
        int error = errno;
        (void)unlink(aside); /* the reason to tell is the first */
        return fail(why, RELAY_IO, _("%s: cannot be written whole: %s"), path, strerror(error));
    }
    return RELAY_OK;
}

enum relay_err audio_file_ms(const char *path, int64_t *ret_ms, struct reason *why)
{
    SF_INFO info = {0};
    SNDFILE *f = sf_open(path, SFM_READ, &info);
    if (!f) return fail(why, RELAY_INVALID, _("%s: not a sound file: %s"), path, sf_strerror(NULL));
    *ret_ms = info.samplerate > 0 ? info.frames * SECOND_MS / info.samplerate : 0;
    sf_close(f);
    return RELAY_OK;
}

double audio_peak(const struct audio *a)
{
    double peak = 0;
    for (size_t i = 0; i < a->n; i++)
        if (fabs((double)a->samples[i]) > peak) peak = fabs((double)a->samples[i]);
    return peak;
}

enum relay_err audio_check(const struct audio *a, struct reason *why)
{
    if (audio_ms(a) < SHORTEST_MS)
        return fail(why, RELAY_INVALID, _("the sound is empty (%lld ms)"), (long long)audio_ms(a));
    double loudness = audio_loudness(a);
    if (audio_peak(a) < 4 * quiet_level || loudness < -50)
        return fail(why, RELAY_INVALID, _("the sound is silent (%.0f LUFS); record it again, louder"),
                    loudness);
    size_t flat = 0, run = 0;
    for (size_t i = 0; i < a->n; i++) {
        run = fabs((double)a->samples[i]) >= 0.9995 ? run + 1 : 0;
        if (run >= CLIPPED_RUN) flat++;
    }
    if (flat > a->n / 5000 + 2)
        return fail(why, RELAY_INVALID,
                    _("the sound is clipped (%zu samples at full scale); record it again, softer"), flat);
    return RELAY_OK;
}

void audio_trim(struct audio *a)
{
    size_t from = 0, to = a->n, keep = (size_t)(a->rate * TRIM_KEEP_MS / 1000);
    while (from < to && fabs((double)a->samples[from]) < quiet_level) from++;
    while (to > from && fabs((double)a->samples[to - 1]) < quiet_level) to--;
    from = from > keep ? from - keep : 0;
    to = to + keep < a->n ? to + keep : a->n;
    memmove(a->samples, a->samples + from, (to - from) * sizeof(*a->samples));
    a->n = to - from;
}

enum relay_err audio_resample(struct audio *a, int rate, struct reason *why)
{
    if (rate == a->rate || a->n == 0) {
        a->rate = rate;
        return RELAY_OK;
    }
    double ratio = (double)rate / a->rate;
    size_t room = (size_t)ceil((double)a->n * ratio) + 16;
    float *out = xcalloc(room, sizeof(*out));
    SRC_DATA data = {.data_in = a->samples,
                     .data_out = out,
                     .input_frames = (long)a->n,
                     .output_frames = (long)room,
                     .src_ratio = ratio};
    int error = src_simple(&data, SRC_SINC_FASTEST, 1);
    if (error) {
        free(out);
        return fail(why, RELAY_IO, _("the sound's rate cannot be changed: %s"), src_strerror(error));
    }
    free(a->samples);
    *a = (struct audio){.samples = out, .n = (size_t)data.output_frames_gen, .rate = rate};
    return RELAY_OK;
}

/* Root mean square in dB: what is left for sounds shorter than R 128's window of 400 ms. */
static double rms_db(const struct audio *a)
{
    double sum = 0;
    for (size_t i = 0; i < a->n; i++) sum += (double)a->samples[i] * (double)a->samples[i];
    return sum > 0 ? 10 * log10(sum / (double)a->n) : -HUGE_VAL;
}

double audio_loudness(const struct audio *a)
{
    double lufs = -HUGE_VAL;
    ebur128_state *e = ebur128_init(1, (unsigned long)a->rate, EBUR128_MODE_I);
    if (e) {
        if (ebur128_add_frames_float(e, a->samples, a->n) != EBUR128_SUCCESS ||
            ebur128_loudness_global(e, &lufs) != EBUR128_SUCCESS)
            lufs = -HUGE_VAL;
        ebur128_destroy(&e);
    }
    return isfinite(lufs) ? lufs : rms_db(a);
}

void audio_gain(struct audio *a, double factor)
{
    for (size_t i = 0; i < a->n; i++) a->samples[i] *= (float)factor;
}

void audio_normalise(struct audio *a, double lufs)
{
    double now = audio_loudness(a), peak = audio_peak(a);
    if (!isfinite(now) || peak <= 0) return;
    double factor = pow(10, (lufs - now) / 20);
    if (factor * peak > ceiling) factor = ceiling / peak;
    audio_gain(a, factor);
}

int16_t audio_16_bit(float sample)
{
    long i = lrintf(sample * 32767.0F);
    return (int16_t)(i > 32767 ? 32767 : i < -32768 ? -32768 : i);
}

void audio_append(struct audio *a, const struct audio *more)
{
    if (!more->n) return;
    a->samples = xreallocarray(a->samples, a->n + more->n, sizeof(*a->samples));
    memcpy(a->samples + a->n, more->samples, more->n * sizeof(*a->samples));
    a->n += more->n;
}

void audio_silence(struct audio *a, int64_t ms)
{
    size_t n = (size_t)(ms * a->rate / SECOND_MS);
    if (!n) return;
    a->samples = xreallocarray(a->samples, a->n + n, sizeof(*a->samples));
    memset(a->samples + a->n, 0, n * sizeof(*a->samples));
    a->n += n;
}

/* A struck bar: a fundamental and a soft octave, quick but not abrupt to begin, fading out. */
static void strike(struct audio *a, double hz, int64_t ms, double decay_s)
{
    size_t from = a->n, n = (size_t)(ms * a->rate / SECOND_MS);
    audio_silence(a, ms);
    for (size_t i = 0; i < n; i++) {
        double t = (double)i / a->rate, left = (double)(n - i) / a->rate;
        double rise = t < 0.03 ? 0.5 - 0.5 * cos(M_PI * t / 0.03) : 1;
        double fall = left < 0.04 ? left / 0.04 : 1;
        double tone = sin(2 * M_PI * hz * t) + 0.2 * sin(4 * M_PI * hz * t);
        a->samples[from + i] = (float)(0.4 * rise * fall * exp(-t / decay_s) * tone);
    }
}

void audio_chime(struct audio *a, enum chime kind, double lufs)
{
    CLEANUP(audio_release) struct audio c = {.rate = a->rate};
    switch (kind) {
    case CHIME_WARNING:
        strike(&c, 659.26, CHIME_MS / 2, 0.45);
        strike(&c, 523.25, CHIME_MS / 2, 0.45);
        break;
    case CHIME_DRILL:
        for (int i = 0; i < 3; i++) strike(&c, 440, CHIME_MS / 3, 0.25);
        break;
    case CHIME_TONE: strike(&c, 1000, 2000, 100); break;
    }
    audio_normalise(&c, lufs);
    audio_append(a, &c);
}
