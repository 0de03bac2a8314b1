/* Sound in memory: one channel of floats from -1 to 1. Files through libsndfile, other rates through libsamplerate,
 * loudness after EBU R 128 through libebur128. No global state: usable on any thread.
 *
 *   CLEANUP(audio_release) struct audio a = {0};   audio_load -> audio_check -> audio_trim … -> audio_save
 */
#ifndef TOCSIN_PLAYER_AUDIO_H
#define TOCSIN_PLAYER_AUDIO_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct audio {
    float *samples;
    size_t n;
    int rate;
};

enum { AUDIO_MAX_SECONDS = 300, AUDIO_RATE_MIN = 8000, AUDIO_RATE_MAX = 192000 }; /* of a file */

/* Any format that libsndfile reads; several channels are mixed into one. Over AUDIO_MAX_SECONDS is refused. */
enum relay_err audio_load(struct audio *a, const char *path, struct reason *why) MUST_CHECK;
/* 16-bit WAV, written aside in the same folder, then renamed. */
enum relay_err audio_save(const struct audio *a, const char *path, struct reason *why) MUST_CHECK;
/* The length of a file without reading it whole. */
enum relay_err audio_file_ms(const char *path, int64_t *ret_ms, struct reason *why) MUST_CHECK;

void audio_release(struct audio *a);
int64_t audio_ms(const struct audio *a);

/* Speech that nobody should hear: empty (under 0.2 s), silent, or clipped (flat tops). Says which. */
enum relay_err audio_check(const struct audio *a, struct reason *why) MUST_CHECK;

void audio_trim(struct audio *a); /* silence at both ends, but 20 ms */
enum relay_err audio_resample(struct audio *a, int rate, struct reason *why) MUST_CHECK;
double audio_loudness(const struct audio *a); /* LUFS; below -70: silence */
/* To this loudness, but never over -1 dBFS at the peak. */
void audio_normalise(struct audio *a, double lufs);
void audio_gain(struct audio *a, double factor);
double audio_peak(const struct audio *a);

int16_t audio_16_bit(float sample);

void audio_append(struct audio *a, const struct audio *more); /* same rate */
void audio_silence(struct audio *a, int64_t ms);              /* appends; a->rate must be set */

enum chime { CHIME_WARNING, CHIME_DRILL, CHIME_TONE };
enum { CHIME_MS = 1200 }; /* of the first two */
/* Appends two soft falling tones; for drills three equal short ones. Never like a siren. CHIME_TONE is a plain
 * test tone of 2 s. */
void audio_chime(struct audio *a, enum chime kind, double lufs);

#endif
