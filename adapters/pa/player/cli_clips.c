/* tocsin-pa clips: recordings of the spoken texts, and what the engine makes of them. Works without a player. */
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/datadir.h"
#include "base/i18n.h"
#include "base/text.h"
#include "io/file.h"
#include "player/cli.h"
#include "player/lexicon.h"
#include "player/player.h"
#include "player/reading.h"
#include "player/texts.h"

enum { SAID_SLOWEST = 3 /* times the usual length */, ANSWER_MAX = 4 * 1024 * 1024 };

/* Packs, reminders and the stored bulletin. NULL with the reason on standard error. */
static struct texts *collect(struct settings *s, const struct words *w)
{
    struct texts *t = texts_new();
    struct reason why;
    CLEANUP(free_ptr) char *own = xasprintf("%s/packs/medical", data_dir());
    const char *folder = w->packs ? w->packs : own;
    for (size_t i = 0; i < s->n_reminders; i++) {
        CLEANUP(free_ptr) char *id = xasprintf("reminder.%s", s->reminders[i].id);
        texts_add(t, id, s->reminders[i].text);
    }
    if (texts_add_pack(t, folder, s->player.name, s->player.help, &why) != RELAY_OK) {
        (void)fprintf(stderr, _("%s\nname the folder of the relay's rules with --packs DIR\n"), why.text);
        return texts_free(t);
    }
    CLEANUP(free_ptr) char *db = settings_path(s, "pa.db");
    struct book *book;
    if (access(db, R_OK) != 0 || book_open(db, DB_READ_ONLY, &book, &why) != RELAY_OK)
        return t; /* no bulletin yet */
    CLEANUP(arena_release) struct arena arena = {0};
    CLEANUP(free_ptr) char *payload = NULL;
    int64_t rev, now, received;
    struct bulletin b = {0};
    if (book_bulletin(book, &rev, &now, &received, &payload) &&
        inbox_bulletin(payload, strlen(payload), clock_now(), true, received, &arena, &b, &why) == RELAY_OK)
        for (size_t i = 0; i < b.n; i++)
            if (b.items[i].text) texts_add(t, b.items[i].id, b.items[i].text);
    book_close(book);
    return t;
}

static size_t count_clips(const struct settings *s, const char *id)
{
    char *found[CLIP_WAYS_MAX];
    size_t n = clip_find(s->speech.clips_dir, id, found);
    for (size_t i = 0; i < n; i++) free(found[i]);
    return n;
}

static double usual_seconds(const char *text)
{
    return (double)text_length_guess(text) / 1000.0;
}

/* One page for the announcer. */
static int list(const struct settings *s, const struct texts *t, const struct words *w)
{
    size_t shown = 0, recorded = 0;
    double seconds = 0;
    CLEANUP(buf_release) struct buf json = BUF_INIT(ANSWER_MAX);
    buf_char(&json, '[');
    for (size_t i = 0; i < texts_count(t); i++) {
        const struct spoken_text *x = texts_at(t, i);
        size_t clips = count_clips(s, x->clip);
        recorded += clips > 0;
        if (w->missing && clips) continue;
        shown++;
        seconds += usual_seconds(x->text);
        if (w->json) {
            buf_str(&json, shown > 1 ? ",{" : "{");
            buf_json_member(&json, "clip", x->clip);
            buf_json_member(&json, "id", x->id);
            buf_json_member(&json, "text", x->text);
            buf_json_member_int(&json, "clips", (int64_t)clips);
            buf_json_member_int(&json, "usual_ms", text_length_guess(x->text));
            buf_char(&json, '}');
        } else {
            (void)printf("%s  %s  %.0f s%s\n    %s\n\n", x->clip, x->id, usual_seconds(x->text),
                         clips > 1 ? _("  (several clips)")
                         : clips   ? _("  (recorded)")
                                   : "",
                         x->text);
        }
    }
    buf_char(&json, ']');
    if (w->json)
        (void)puts(buf_cstr(&json));
    else
        (void)printf(
            _("%zu texts, some %.0f minutes of speech; %zu of %zu are recorded. Record each as WAV, then: "
              "tocsin-pa clips add FILE.wav --for ID --by NAME\n"),
            shown, seconds / 60 + 0.5, recorded, texts_count(t));
    return EXIT_DONE;
}

/* A recording is checked as a listener would: is it the whole text, is it loud enough, is it clean. */
static enum relay_err check_clip(struct audio *a, const struct spoken_text *x, struct reason *why)
{
    enum relay_err err = audio_check(a, why);
    if (err != RELAY_OK) return err;
    double loudness = audio_loudness(a);
    if (loudness < -40)
        return fail(why, RELAY_INVALID,
                    _("it is too soft (%.0f LUFS; at least -40): noise would come up with it"), loudness);
    audio_trim(a);
    double got = (double)audio_ms(a) / 1000, usual = usual_seconds(x->text);
    if (got < usual / SAID_SLOWEST || got > usual * SAID_SLOWEST)
        return fail(
            why, RELAY_INVALID,
            _("it takes %.1f s; this text of %zu characters takes about %.0f s: is it the right one?"), got,
            text_chars(x->text, strlen(x->text)), usual);
    return RELAY_OK;
}

/* Who recorded what, for the record: one line a clip in clips.tsv. */
static void note_clip(const struct settings *s, const char *file, const struct spoken_text *x, const char *by)
{
    char at[TIME_TEXT_LEN];
    CLEANUP(free_ptr) char *path = xasprintf("%s/clips.tsv", s->speech.clips_dir);
    FILE *f = fopen(path, "ae");
    if (!f || fprintf(f, "%s\t%s\t%s\t%s\n", clock_format(clock_now().wall, false, at), file, by, x->id) < 0)
        (void)fprintf(stderr, _("%s: cannot be written: %s\n"), path, strerror(errno));
    if (f && fclose(f) != 0) (void)fprintf(stderr, _("%s: cannot be written: %s\n"), path, strerror(errno));
}

static int add(const struct settings *s, const struct texts *t, const struct words *w)
{
    struct reason why;
    CLEANUP(audio_release) struct audio a = {0};
    if (w->n != 2 || !w->for_text || !w->by || !*w->by) {
        (void)fprintf(stderr, _("usage: tocsin-pa clips add FILE.wav --for ID --by NAME\n"));
        return EXIT_USAGE;
    }
    const struct spoken_text *x = texts_find(t, w->for_text);
    if (!x) {
        (void)fprintf(stderr, _("there is no text `%s`; `tocsin-pa clips list` shows them\n"), w->for_text);
        return EXIT_FAILED;
    }
    enum relay_err err = audio_load(&a, w->at[1], &why);
    if (err == RELAY_OK) err = check_clip(&a, x, &why);
    if (err == RELAY_OK) err = audio_resample(&a, (int)s->speech.rate, &why);
    (void)mkdir(s->player.state_dir,
                0750); /* where clips are by default; what fails shows in the next line */
    if (err == RELAY_OK) err = folder_make(s->speech.clips_dir, 0755, &why);
    if (err != RELAY_OK) {
        (void)fprintf(stderr, "%s: %s\n", w->at[1], why.text);
        return EXIT_FAILED;
    }
    audio_normalise(&a, s->speech.loudness);
    for (int way = 1; way <= CLIP_WAYS_MAX; way++) {
        CLEANUP(free_ptr) char *path = clip_path(s->speech.clips_dir, x->clip, way);
        if (access(path, F_OK) == 0) continue;
        if (audio_save(&a, path, &why) != RELAY_OK) {
            (void)fprintf(stderr, "%s\n", why.text);
            return EXIT_FAILED;
        }
        note_clip(s, strrchr(path, '/') + 1, x, w->by);
        (void)printf(_("%s: %.1f s, way %d of saying %s\n"), path, (double)audio_ms(&a) / 1000, way, x->id);
        return EXIT_DONE;
    }
    (void)fprintf(stderr, _("%s has %d clips already; remove one from %s\n"), x->id, CLIP_WAYS_MAX,
                  s->speech.clips_dir);
    return EXIT_FAILED;
}

/* ---- What the engine makes of every text ---- */

struct rendering {
    bool done;
    struct rendered r;
};

static void rendered(void *arg, const struct rendered *r)
{
    struct rendering *x = arg;
    x->r = *r;
    x->done = true;
}

static bool render_one(struct speech *speech, struct child_set *children, struct loop *loop, const char *text,
                       const char *path, struct rendered *ret)
{
    struct script script = {.volume = 100, .allow_robot = true, .urgent = true};
    struct rendering x = {0};
    script_text(&script, text);
    speech_render(speech, &script, path, clock_now(), rendered, &x);
    while (!x.done) {
        child_set_run(children, clock_now());
        speech_run(speech, clock_now());
        if (!x.done) (void)loop_wait(loop, clock_now().mono + 100);
    }
    *ret = x.r;
    return x.r.err == RELAY_OK && x.r.spoken == 1;
}

static int render_all(const struct settings *s, const struct texts *t)
{
    struct loop *loop = NULL;
    struct child_set *children = NULL;
    struct worker *worker = NULL;
    struct speech *speech = NULL;
    struct reason why;
    size_t good = 0;
    CLEANUP(free_ptr) char *path = xasprintf("%s/render.wav", s->speech.cache_dir);
    if (folder_make(s->player.state_dir, 0750, &why) != RELAY_OK || loop_new(&loop, &why) != RELAY_OK ||
        child_set_new(loop, &children, &why) != RELAY_OK || worker_new(loop, &worker, &why) != RELAY_OK ||
        speech_new(&s->speech, children, worker, &speech, &why) != RELAY_OK) {
        (void)fprintf(stderr, "%s\n", why.text);
        goto out;
    }
    for (size_t i = 0; i < texts_count(t); i++) {
        const struct spoken_text *x = texts_at(t, i);
        struct rendered r;
        bool is_good = render_one(speech, children, loop, x->text, path, &r);
        good += is_good;
        if (is_good)
            (void)printf("%6.1f s  %s\n", (double)speech_length(speech, x->text, true) / 1000, x->id);
        else
            (void)printf("  FAILED  %s: %s\n", x->id, r.why.text);
    }
    (void)unlink(path);
    (void)printf(_("%zu of %zu texts render\n"), good, texts_count(t));
out:
    child_set_free(children);
    worker_free(worker);
    speech_free(speech);
    loop_free(loop);
    return texts_count(t) && good == texts_count(t) ? EXIT_DONE : EXIT_FAILED;
}

/* ---- Words with more than one reading ---- */

static struct lexicon *load_lexicon(const struct settings *s)
{
    struct lexicon *l = NULL;
    struct reason why;
    enum relay_err err = speech_lexicon(&s->speech, &l, &why);
    if (err == RELAY_OK) {
        CLEANUP(free_ptr) char *path = xstrdup(s->speech.lexicon.items[0]);
        char *slash = strrchr(path, '/');
        if (slash) *slash = '\0';
        CLEANUP(free_ptr) char *beside = xasprintf("%s/polyphones.tsv", slash ? path : ".");
        err = lexicon_load_polyphones(l, beside, &why);
    }
    if (err == RELAY_OK) return l;
    (void)fprintf(stderr, "%s\n", why.text);
    return lexicon_free(l);
}

static int readings(const struct settings *s, const struct texts *t)
{
    struct lexicon *l = load_lexicon(s);
    size_t found = 0;
    if (!l) return EXIT_FAILED;
    for (size_t i = 0; i < texts_count(t); i++) {
        const struct spoken_text *x = texts_at(t, i);
        CLEANUP(buf_release) struct buf spelled = BUF_INIT(64 * 1024);
        reading_spell(x->text, &spelled);
        size_t at = 0;
        char c[8];
        const char *ways;
        while (lexicon_unsure(l, buf_cstr(&spelled), &at, c, &ways)) {
            found++;
            (void)printf("%s  %s  (%s)  %s\n", x->id, c, ways, x->text);
        }
    }
    (void)printf(_("%zu texts, %zu words in the lexicon, %zu characters that could be said in two ways\n"),
                 texts_count(t), lexicon_words(l), found);
    lexicon_free(l);
    return found ? EXIT_FAILED : EXIT_DONE;
}

int cli_clips(const struct words *w)
{
    struct settings *s = cli_settings(w);
    if (!s) return EXIT_FAILED;
    struct texts *t = collect(s, w);
    int code = EXIT_USAGE;
    if (!t)
        code = EXIT_FAILED;
    else if (strcmp(w->at[0], "list") == 0)
        code = list(s, t, w);
    else if (strcmp(w->at[0], "add") == 0)
        code = add(s, t, w);
    else if (strcmp(w->at[0], "render") == 0)
        code = render_all(s, t);
    else if (strcmp(w->at[0], "readings") == 0)
        code = readings(s, t);
    else
        (void)fprintf(stderr, _("clips: say list, add, render or readings\n"));
    texts_free(t);
    settings_free(s);
    return code;
}
