/* Sound in memory. */
#include "unit.h"

#include <math.h>
#include <unistd.h>

#include "base/mem.h"
#include "player/audio.h"

static void sine(struct audio *a, double level, int ms)
{
    a->rate = 16000;
    audio_silence(a, ms);
    for (size_t i = 0; i < a->n; i++)
        a->samples[i] = (float)(level * sin(2 * M_PI * 500 * (double)i / 16000));
}

static void empty_silent_and_clipped_sound_is_refused(void **state)
{
    (void)state;
    struct reason why;
    CLEANUP(audio_release)
    struct audio empty = {.rate = 16000}, silent = {.rate = 16000}, clipped = {0}, good = {0};
    audio_silence(&silent, 2000);
    sine(&clipped, 3.0, 1000);
    for (size_t i = 0; i < clipped.n; i++) clipped.samples[i] = fmaxf(-1, fminf(1, clipped.samples[i]));
    sine(&good, 0.3, 1000);
    assert_int_equal(audio_check(&empty, &why), RELAY_INVALID);
    assert_int_equal(audio_check(&silent, &why), RELAY_INVALID);
    assert_int_equal(audio_check(&clipped, &why), RELAY_INVALID);
    assert_int_equal(audio_check(&good, &why), RELAY_OK);
}

static void silence_at_both_ends_is_trimmed(void **state)
{
    (void)state;
    CLEANUP(audio_release) struct audio a = {.rate = 16000}, tone = {0};
    sine(&tone, 0.3, 1000);
    audio_silence(&a, 700);
    audio_append(&a, &tone);
    audio_silence(&a, 900);
    audio_trim(&a);
    assert_in_range(audio_ms(&a), 1030, 1045);
}

static void loudness_is_set_but_never_over_the_ceiling(void **state)
{
    (void)state;
    CLEANUP(audio_release) struct audio a = {0};
    sine(&a, 0.05, 3000);
    audio_normalise(&a, -20);
    assert_true(fabs(audio_loudness(&a) + 20) < 0.5);
    audio_normalise(&a, 6);
    assert_true(audio_peak(&a) < 0.9);
}

static void the_chime_is_six_decibels_under_speech_and_drills_have_another(void **state)
{
    (void)state;
    CLEANUP(audio_release) struct audio a = {.rate = 16000}, b = {.rate = 16000};
    audio_chime(&a, CHIME_WARNING, -26);
    audio_chime(&b, CHIME_DRILL, -26);
    assert_in_range(audio_ms(&a), 1190, 1210);
    assert_in_range(audio_ms(&b), 1190, 1210);
    assert_true(fabs(audio_loudness(&a) + 26) < 1);
    assert_memory_not_equal(a.samples, b.samples, 4000 * sizeof(float));
}

static void a_file_comes_back_at_another_rate(void **state)
{
    (void)state;
    struct reason why;
    char path[] = "/tmp/pa_audio.XXXXXX";
    close(mkstemp(path));
    CLEANUP(audio_release) struct audio a = {0}, b = {0};
    sine(&a, 0.3, 1000);
    assert_int_equal(audio_save(&a, path, &why), RELAY_OK);
    int64_t ms = 0;
    assert_int_equal(audio_file_ms(path, &ms, &why), RELAY_OK);
    assert_int_equal(ms, 1000);
    assert_int_equal(audio_load(&b, path, &why), RELAY_OK);
    assert_int_equal(audio_resample(&b, 8000, &why), RELAY_OK);
    assert_in_range(audio_ms(&b), 995, 1005);
    assert_true(fabs(audio_loudness(&a) - audio_loudness(&b)) < 0.5);
    unlink(path);
}

static void a_file_that_is_no_sound_is_refused_by_name(void **state)
{
    (void)state;
    struct reason why;
    CLEANUP(audio_release) struct audio a = {0};
    assert_int_equal(audio_load(&a, "/etc/hostname", &why), RELAY_INVALID);
    assert_non_null(strstr(why.text, "/etc/hostname"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(empty_silent_and_clipped_sound_is_refused),
        cmocka_unit_test(silence_at_both_ends_is_trimmed),
        cmocka_unit_test(loudness_is_set_but_never_over_the_ceiling),
        cmocka_unit_test(the_chime_is_six_decibels_under_speech_and_drills_have_another),
        cmocka_unit_test(a_file_comes_back_at_another_rate),
        cmocka_unit_test(a_file_that_is_no_sound_is_refused_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
