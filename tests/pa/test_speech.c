/* Clip, cache, engine, chime. */
#include "unit.h"

#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "player/clip.h"
#include "player/speech.h"

struct bench {
    char dir[64], cache[96], clips[96], out[96], log[96];
    struct loop *loop;
    struct child_set *children;
    struct worker *worker;
    struct speech *speech;
    struct speech_settings set;
    const char *engine[4];
    struct rendered got;
    int times;
};

/* An engine that nobody here wrote gives the tone: sox. It notes each call, so that the cache can be seen working. */
static void open_speech(struct bench *b, const char *engine)
{
    b->engine[0] = "sh";
    b->engine[1] = "-c";
    b->engine[2] = engine;
    b->set.engine = (struct opt_strs){b->engine, engine ? 3 : 0};
    assert_int_equal(speech_new(&b->set, b->children, b->worker, &b->speech, NULL), RELAY_OK);
}

static int setup(void **state)
{
    struct bench *b = xcalloc(1, sizeof(*b));
    (void)snprintf(b->dir, sizeof(b->dir), "/tmp/pa_speech.XXXXXX");
    assert_non_null(mkdtemp(b->dir));
    (void)snprintf(b->cache, sizeof(b->cache), "%s/cache", b->dir);
    (void)snprintf(b->clips, sizeof(b->clips), "%s/clips", b->dir);
    (void)snprintf(b->out, sizeof(b->out), "%s/out.wav", b->dir);
    (void)snprintf(b->log, sizeof(b->log), "%s/log", b->dir);
    assert_int_equal(setenv("PA_SPEECH_LOG", b->log, 1), 0);
    assert_int_equal(mkdir(b->clips, 0700), 0);
    b->set = (struct speech_settings){.voice = "test",
                                      .clips_dir = b->clips,
                                      .cache_dir = b->cache,
                                      .timeout_ms = 5000,
                                      .rate = 16000,
                                      .loudness = -20,
                                      .lead_ms = 300};
    assert_int_equal(loop_new(&b->loop, NULL), RELAY_OK);
    assert_int_equal(child_set_new(b->loop, &b->children, NULL), RELAY_OK);
    assert_int_equal(worker_new(b->loop, &b->worker, NULL), RELAY_OK);
    *state = b;
    return 0;
}

static int teardown(void **state)
{
    struct bench *b = *state;
    char command[128];
    child_set_free(b->children);
    worker_free(b->worker);
    speech_free(b->speech);
    loop_free(b->loop);
    (void)snprintf(command, sizeof(command), "rm -rf %s", b->dir);
    assert_int_equal(system(command), 0);
    free(b);
    return 0;
}

static void rendered(void *arg, const struct rendered *r)
{
    struct bench *b = arg;
    b->got = *r;
    b->times++;
}

static void render(struct bench *b, const char *text, bool robot)
{
    struct script s = {.volume = 100, .allow_robot = robot};
    b->times = 0;
    script_chime(&s, CHIME_WARNING);
    script_text(&s, text);
    speech_render(b->speech, &s, b->out, clock_now(), rendered, b);
    for (int i = 0; i < 2000 && !b->times; i++) {
        child_set_run(b->children, clock_now());
        speech_run(b->speech, clock_now());
        if (!b->times) (void)loop_wait(b->loop, clock_now().mono + 20);
    }
    assert_int_equal(b->times, 1);
}

static long log_size(const struct bench *b)
{
    struct stat st;
    return stat(b->log, &st) == 0 ? (long)st.st_size : 0;
}

#define TONE                                                                                                 \
    "echo x >> $PA_SPEECH_LOG; cat >/dev/null; sox -q -n -r 22050 -b 16 -t wav - synth 1.0 sine 400 vol 0.3"

static void the_engine_speaks_once_and_the_cache_from_then_on(void **state)
{
    struct bench *b = *state;
    open_speech(b, TONE);
    render(b, "短信是骗子发的。", true);
    assert_int_equal(b->got.err, RELAY_OK);
    assert_int_equal(b->got.spoken, 1);
    assert_in_range(b->got.length_ms, 2900, 3000); /* lead 300, chime 1200, 300, text 1000, tail 150 */
    assert_int_equal(log_size(b), 2);
    render(b, "短信是骗子发的。", true);
    assert_int_equal(log_size(b), 2);
    speech_free(b->speech);
    open_speech(b, TONE); /* a restart */
    assert_in_range(speech_length(b->speech, "短信是骗子发的。", true), 995, 1005);
    render(b, "短信是骗子发的。", true);
    assert_int_equal(log_size(b), 2);
    render(b, "另一句。", true);
    assert_int_equal(log_size(b), 4);
}

/* An announcement once waited for whatever woke the loop next. */
static void what_is_in_the_cache_waits_for_no_further_turn(void **state)
{
    struct bench *b = *state;
    struct script s = {.volume = 100, .allow_robot = true};
    open_speech(b, TONE);
    render(b, "短信是骗子发的。", true);
    assert_int_equal(unlink(b->out), 0);
    script_text(&s, "短信是骗子发的。");
    b->times = 0;
    speech_render(b->speech, &s, b->out, clock_now(), rendered, b);
    (void)loop_wait(b->loop, clock_now().mono + 5000); /* the worker's word, and nothing else, ends this */
    assert_int_equal(access(b->out, R_OK), 0);
    speech_run(b->speech, clock_now());
    assert_int_equal(b->times, 1);
}

static void another_voice_does_not_take_the_old_ones_cache(void **state)
{
    struct bench *b = *state;
    open_speech(b, TONE);
    render(b, "短信是骗子发的。", true);
    speech_free(b->speech);
    b->set.voice = "other";
    open_speech(b, TONE);
    render(b, "短信是骗子发的。", true);
    assert_int_equal(log_size(b), 4);
}

static void a_recorded_clip_goes_before_the_engine(void **state)
{
    struct bench *b = *state;
    char id[CLIP_ID_LEN], command[256];
    open_speech(b, TONE);
    clip_id("短信是骗子发的。", id);
    (void)snprintf(command, sizeof(command), "sox -q -n -r 44100 -c 2 %s/%s.wav synth 2.5 sine 300 vol 0.2",
                   b->clips, id);
    assert_int_equal(system(command), 0);
    render(b, "短信是骗子发的。", false); /* where the robot is not allowed */
    assert_int_equal(b->got.spoken, 1);
    assert_in_range(b->got.length_ms, 4400, 4500);
    assert_int_equal(log_size(b), 0);
}

static void several_clips_of_a_text_take_turns_whatever_else_is_said(void **state)
{
    static const char *const texts[] = {"短信是骗子发的。", "电话是骗子打的。"};
    struct bench *b = *state;
    char id[CLIP_ID_LEN], command[256];
    open_speech(b, TONE);
    for (size_t t = 0; t < COUNT(texts); t++) {
        clip_id(texts[t], id);
        (void)snprintf(command, sizeof(command),
                       "for n in '' .2; do sox -q -n -r 16000 %s/%s$n.wav synth 1$n sine 300 vol 0.2; done",
                       b->clips, id);
        assert_int_equal(system(command), 0);
    }
    for (int round = 0; round < 4; round++) {
        for (size_t t = 0; t < COUNT(texts); t++) {
            assert_int_equal(speech_length(b->speech, texts[t], false), 1200); /* the longer one counts */
            render(b, texts[t], false);
            int64_t bare = b->got.length_ms - 300 - 1200 - 300 - 150; /* lead, chime, rest, tail */
            assert_in_range(bare, round % 2 ? 1190 : 990, round % 2 ? 1210 : 1010);
        }
    }
}

static void where_the_robot_is_not_allowed_there_is_only_the_chime(void **state)
{
    struct bench *b = *state;
    open_speech(b, TONE);
    assert_int_equal(speech_length(b->speech, "短信是骗子发的。", false), -1);
    render(b, "短信是骗子发的。", false);
    assert_int_equal(b->got.err, RELAY_OK);
    assert_int_equal(b->got.texts, 1);
    assert_int_equal(b->got.spoken, 0);
    assert_int_equal(log_size(b), 0);
    assert_in_range(b->got.length_ms, 1900, 2000);
}

static void what_an_engine_does_wrong_is_said(void **state)
{
    struct bench *b = *state;
    static const struct {
        const char *engine, *word;
    } bad[] = {
        {"echo broken voice >&2; exit 2", "broken voice"},
        {"sox -q -n -r 16000 -b 16 -t wav - trim 0 2", "silent"},
        {"sox -q -n -r 16000 -b 16 -t wav - synth 0.05 sine 400 vol 0.3", "empty"},
        {"sox -q -D -r 16000 -n -b 16 -t wav - synth 1 sine 200 gain 20", "clipped"},
        {"echo no sound", "not a sound file"},
    };
    for (size_t i = 0; i < COUNT(bad); i++) {
        open_speech(b, bad[i].engine);
        render(b, "短信是骗子发的。", true);
        assert_int_equal(b->got.spoken, 0);
        if (!strstr(b->got.why.text, bad[i].word)) fail_msg("%s: %s", bad[i].engine, b->got.why.text);
        b->speech = speech_free(b->speech);
    }
}

static void an_engine_that_hangs_is_ended(void **state)
{
    struct bench *b = *state;
    b->set.timeout_ms = 100;
    open_speech(b, "sleep 30");
    render(b, "短信是骗子发的。", true);
    assert_int_equal(b->got.spoken, 0);
    assert_true(b->got.why.text[0]);
}

static void espeak_reads_the_lexicons_pinyin(void **state)
{
    struct bench *b = *state;
    char lexicon[96];
    const char *files[] = {lexicon};
    (void)snprintf(lexicon, sizeof(lexicon), "%s/lexicon.tsv", b->dir);
    FILE *f = fopen(lexicon, "we");
    assert_non_null(f);
    (void)fprintf(f, "银行\tyin2 hang2\n");
    assert_int_equal(fclose(f), 0);
    b->set.lexicon = (struct opt_strs){files, 1};
    b->set.pinyin = true;
    open_speech(b, "espeak-ng -v cmn-latn-pinyin --stdin --stdout");
    CLEANUP(free_ptr) char *text = speech_engine_text(b->speech, "请打银行电话95588");
    assert_string_equal(text, "请打 yin2 hang2 电话九五五八八");
    render(b, "请打银行电话95588", true);
    assert_int_equal(b->got.spoken, 1);
    assert_in_range(b->got.length_ms, 3500, 6000);
}

static void warming_fills_the_cache_before_it_is_needed(void **state)
{
    struct bench *b = *state;
    open_speech(b, TONE);
    speech_warm(b->speech, "短信是骗子发的。", clock_now());
    for (int i = 0; i < 200 && speech_length(b->speech, "短信是骗子发的。", true) > 1100; i++) {
        child_set_run(b->children, clock_now());
        speech_run(b->speech, clock_now());
        (void)loop_wait(b->loop, clock_now().mono + 20);
    }
    assert_in_range(speech_length(b->speech, "短信是骗子发的。", true), 995, 1005);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(what_is_in_the_cache_waits_for_no_further_turn),
        T(the_engine_speaks_once_and_the_cache_from_then_on),
        T(another_voice_does_not_take_the_old_ones_cache),
        T(a_recorded_clip_goes_before_the_engine),
        T(several_clips_of_a_text_take_turns_whatever_else_is_said),
        T(where_the_robot_is_not_allowed_there_is_only_the_chime),
        T(what_an_engine_does_wrong_is_said),
        T(an_engine_that_hangs_is_ended),
        T(espeak_reads_the_lexicons_pinyin),
        T(warming_fills_the_cache_before_it_is_needed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
