/* Where the sound of a text comes from, and putting an item's WAV together. */
#include "player/speech.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/hash.h"
#include "base/i18n.h"
#include "base/mem.h"
#include "io/file.h"
#include "player/clip.h"
#include "player/lexicon.h"
#include "player/memory.h"
#include "player/programme.h"
#include "player/reading.h"

enum { ENGINES_MAX = 2, ENTRIES_MAX = 4096, TEXT_MAX = 4096, RETRY_MS = 30000, CHIME_UNDER_DB = 6 };

enum entry_state { ENTRY_IDLE, ENTRY_WANTED, ENTRY_RUNNING, ENTRY_PROCESSING, ENTRY_READY, ENTRY_FAILED };

/* One text and the engine's sound of it. Clips are looked for at each use. */
struct entry {
    struct entry *next;
    struct speech *speech;
    uint64_t key;
    char *text, *path, *raw, *input; /* cached WAV; the engine's output and input files */
    enum entry_state state;
    bool urgent;
    unsigned turn; /* of its recorded clips */
    int64_t length_ms, retry_at;
    struct reason why;
    enum relay_err err; /* of the worker's job */
};

struct piece {
    enum part_kind kind;
    enum chime chime;
    int64_t gap_ms;
    struct entry *entry; /* of a text that the engine says; NULL: clip or nothing */
    char *path;          /* what to load; NULL: no sound */
    bool clip;
};

struct render {
    struct render *next;
    struct speech *speech;
    struct piece pieces[SCRIPT_MAX];
    size_t n;
    int volume;
    bool urgent, assembling;
    char *out_path;
    rendered_fn done;
    void *arg;
    struct rendered result;
};

struct speech {
    const struct speech_settings *settings;
    struct child_set *children;
    struct worker *worker;
    struct lexicon *lexicon;
    struct entry *entries;
    size_t n_entries;
    struct render *renders;
    int running; /* engines */
    struct now now;
};

void script_chime(struct script *s, enum chime kind)
{
    if (s->n < SCRIPT_MAX) s->parts[s->n++] = (struct script_part){.kind = PART_CHIME, .chime = kind};
}

void script_text(struct script *s, const char *text)
{
    if (s->n < SCRIPT_MAX) s->parts[s->n++] = (struct script_part){.kind = PART_TEXT, .text = text};
}

void script_gap(struct script *s, int64_t ms)
{
    if (s->n < SCRIPT_MAX) s->parts[s->n++] = (struct script_part){.kind = PART_GAP, .gap_ms = ms};
}

enum relay_err speech_lexicon(const struct speech_settings *s, struct lexicon **ret, struct reason *why)
{
    struct lexicon *l = lexicon_new();
    enum relay_err err = RELAY_OK;
    for (size_t i = 0; err == RELAY_OK && i < s->lexicon.n; i++)
        err = lexicon_load(l, s->lexicon.items[i], why);
    if (err == RELAY_OK)
        *ret = l;
    else
        lexicon_free(l);
    return err;
}

enum relay_err speech_new(const struct speech_settings *settings, struct child_set *children,
                          struct worker *w, struct speech **ret, struct reason *why)
{
    struct speech *s = xcalloc(1, sizeof(*s));
    s->settings = settings;
    s->children = children;
    s->worker = w;
    enum relay_err err = speech_lexicon(settings, &s->lexicon, why);
    if (err == RELAY_OK && settings->cache_dir) err = folder_make(settings->cache_dir, 0750, why);
    if (err != RELAY_OK) {
        speech_free(s);
        return err;
    }
    *ret = s;
    return RELAY_OK;
}

static void render_free(struct render *r)
{
    for (size_t i = 0; i < r->n; i++) free(r->pieces[i].path);
    free(r->out_path);
    free(r);
}

/* The worker and the children may still hold jobs of ours: their owners must have been freed before, and have called
 * done with `cancelled`. */
struct speech *speech_free(struct speech *s)
{
    if (!s) return NULL;
    while (s->renders) {
        struct render *r = s->renders;
        s->renders = r->next;
        r->result.err = fail(&r->result.why, RELAY_OFFLINE, _("the player stops"));
        r->done(r->arg, &r->result);
        render_free(r);
    }
    while (s->entries) {
        struct entry *e = s->entries;
        s->entries = e->next;
        free(e->text);
        free(e->path);
        free(e->raw);
        free(e->input);
        free(e);
    }
    lexicon_free(s->lexicon);
    free(s);
    return NULL;
}

char *speech_engine_text(const struct speech *s, const char *text)
{
    CLEANUP(buf_release) struct buf spelled = BUF_INIT(16 * TEXT_MAX);
    struct buf out = BUF_INIT(64 * TEXT_MAX);
    reading_spell(text, &spelled);
    if (s->settings->pinyin)
        lexicon_apply(s->lexicon, buf_cstr(&spelled), &out);
    else
        buf_str(&out, buf_cstr(&spelled));
    return buf_take(&out);
}

/* Engine, voice, lexicon, rate and loudness: whatever changes the sound changes the name. */
static char *cache_path(const struct speech *s, const char *text, const char *suffix)
{
    CLEANUP(buf_release) struct buf b = BUF_INIT(64 * 1024);
    uint8_t digest[HASH_LEN];
    char hex[2 * HASH_LEN + 1];
    for (size_t i = 0; i < s->settings->engine.n; i++) {
        buf_str(&b, s->settings->engine.items[i]);
        buf_char(&b, '\n');
    }
    buf_printf(&b, "%s\n%d %llx %lld %.1f\n", s->settings->voice ? s->settings->voice : "",
               s->settings->pinyin, (unsigned long long)lexicon_hash(s->lexicon),
               (long long)s->settings->rate, s->settings->loudness);
    buf_str(&b, text);
    hash_sha256(buf_cstr(&b), b.len, digest);
    hash_hex(digest, HASH_LEN, hex);
    return xasprintf("%s/%.40s%s", s->settings->cache_dir, hex, suffix);
}

static struct entry *find_entry(struct speech *s, const char *text)
{
    uint64_t key = text_key(text);
    for (struct entry *e = s->entries; e; e = e->next)
        if (e->key == key && strcmp(e->text, text) == 0) return e;
    if (s->n_entries >= ENTRIES_MAX) return NULL; /* texts come from rules: thousands are a fault elsewhere */
    struct entry *e = xcalloc(1, sizeof(*e));
    e->speech = s;
    e->key = key;
    e->text = xstrdup(text);
    e->path = cache_path(s, text, ".wav");
    e->raw = cache_path(s, text, ".raw");
    e->input = cache_path(s, text, ".txt");
    if (audio_file_ms(e->path, &e->length_ms, NULL) == RELAY_OK) e->state = ENTRY_READY;
    e->next = s->entries;
    s->entries = e;
    s->n_entries++;
    return e;
}

/* The clip whose turn it is; NULL: there is none. */
static char *next_clip(struct speech *s, const char *text)
{
    char id[CLIP_ID_LEN], *found[CLIP_WAYS_MAX];
    clip_id(text, id);
    size_t n = clip_find(s->settings->clips_dir, id, found);
    struct entry *e = n > 1 ? find_entry(s, text) : NULL;
    size_t pick = e ? e->turn++ % n : 0;
    for (size_t i = 0; i < n; i++)
        if (i != pick) free(found[i]);
    return n ? found[pick] : NULL;
}

static bool has_engine(const struct speech *s)
{
    return s->settings->engine.n > 0 && s->settings->cache_dir;
}

int64_t speech_length(struct speech *s, const char *text, bool allow_robot)
{
    int64_t clip = clip_length(s->settings->clips_dir, text);
    if (clip >= 0) return clip;
    if (!allow_robot || !has_engine(s)) return -1;
    struct entry *e = find_entry(s, text);
    if (e && e->state == ENTRY_READY) return e->length_ms;
    return text_length_guess(text);
}

static void want(struct entry *e, bool urgent, struct now now)
{
    if (e->state == ENTRY_IDLE || (e->state == ENTRY_FAILED && now.mono >= e->retry_at))
        e->state = ENTRY_WANTED;
    if (urgent) e->urgent = true;
}

void speech_warm(struct speech *s, const char *text, struct now now)
{
    if (!has_engine(s) || strlen(text) > TEXT_MAX) return;
    struct entry *e = find_entry(s, text);
    if (e) want(e, false, now);
}

/* On the worker: the engine's file into the cache. */
static void process(void *arg)
{
    struct entry *e = arg;
    const struct speech_settings *set = e->speech->settings;
    CLEANUP(audio_release) struct audio a = {0};
    e->err = audio_load(&a, e->raw, &e->why);
    if (e->err == RELAY_OK) e->err = audio_check(&a, &e->why);
    if (e->err == RELAY_OK) {
        audio_trim(&a);
        e->err = audio_resample(&a, (int)set->rate, &e->why);
    }
    if (e->err != RELAY_OK) return;
    audio_normalise(&a, set->loudness);
    e->length_ms = audio_ms(&a);
    e->err = audio_save(&a, e->path, &e->why);
}

static void entry_failed(struct entry *e)
{
    e->state = ENTRY_FAILED;
    e->retry_at = e->speech->now.mono + RETRY_MS;
}

static void processed(void *arg, bool cancelled)
{
    struct entry *e = arg;
    (void)unlink(e->raw); /* may be gone: it was only in passing */
    (void)unlink(e->input);
    if (cancelled || e->err != RELAY_OK)
        entry_failed(e);
    else
        e->state = ENTRY_READY;
}

static void engine_done(void *arg, const struct child_outcome *o)
{
    struct entry *e = arg;
    struct speech *s = e->speech;
    s->running--;
    if (o->end == CHILD_EXITED && o->status == 0) {
        e->state = ENTRY_PROCESSING;
        worker_do(s->worker, e->urgent, process, processed, e);
        return;
    }
    if (o->end == CHILD_TIMED_OUT)
        (void)fail(&e->why, RELAY_TIMEOUT, _("the speech engine ran longer than %lld s and was ended"),
                   (long long)(s->settings->timeout_ms / SECOND_MS));
    else
        (void)fail(&e->why, RELAY_IO, _("the speech engine failed (%s %d): %s"),
                   o->end == CHILD_EXITED ? "exit" : "signal", o->status, o->words);
    (void)unlink(e->raw);
    (void)unlink(e->input);
    entry_failed(e);
}

static enum relay_err write_text(const char *path, const char *text, struct reason *why)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    size_t n = strlen(text);
    if (fd < 0) return fail(why, RELAY_IO, _("%s: cannot be written: %s"), path, strerror(errno));
    bool whole = write(fd, text, n) == (ssize_t)n;
    if (close(fd) != 0 || !whole) return fail(why, RELAY_IO, _("%s: cannot be written whole"), path);
    return RELAY_OK;
}

static bool names(const struct opt_strs *argv, const char *word)
{
    for (size_t i = 0; i < argv->n; i++)
        if (strstr(argv->items[i], word)) return true;
    return false;
}

static void run_engine(struct speech *s, struct entry *e, struct now now)
{
    const struct speech_settings *set = s->settings;
    CLEANUP(free_ptr) char *text = speech_engine_text(s, e->text);
    char **argv = NULL;
    const struct child_word words[] = {
        {"text", e->input}, {"wav", e->raw}, {"voice", set->voice ? set->voice : ""}};
    enum relay_err err = write_text(e->input, text, &e->why);
    if (err == RELAY_OK)
        err = child_argv(set->engine.items, set->engine.n, words, ARRAY_LEN(words), &argv, &e->why);
    if (err == RELAY_OK) {
        const struct child_options o = {
            .argv = (const char *const *)argv,
            .stdin_path = names(&set->engine, "{text}") ? NULL : e->input,
            .stdout_path = names(&set->engine, "{wav}") ? NULL : e->raw,
            .timeout_ms = set->timeout_ms,
            .done = engine_done,
            .arg = e,
        };
        err = child_start(s->children, &o, now, NULL, &e->why);
    }
    child_argv_free(argv);
    if (err != RELAY_OK) {
        entry_failed(e);
        return;
    }
    e->state = ENTRY_RUNNING;
    s->running++;
}

static void run_engines(struct speech *s, struct now now)
{
    for (int urgent = 1; urgent >= 0; urgent--)
        for (struct entry *e = s->entries; e && s->running < ENGINES_MAX; e = e->next)
            if (e->state == ENTRY_WANTED && e->urgent == urgent) run_engine(s, e, now);
}

/* On the worker: the item's WAV. */
static void assemble(void *arg)
{
    struct render *r = arg;
    const struct speech_settings *set = r->speech->settings;
    struct rendered *res = &r->result;
    CLEANUP(audio_release) struct audio out = {.rate = (int)set->rate};
    audio_silence(&out, set->lead_ms);
    bool after_sound = false;
    for (size_t i = 0; i < r->n; i++) {
        const struct piece *p = &r->pieces[i];
        CLEANUP(audio_release) struct audio a = {0};
        if (p->kind == PART_CHIME) {
            audio_chime(&out, p->chime, set->loudness - CHIME_UNDER_DB);
            audio_silence(&out, AFTER_CHIME_MS);
        } else if (p->kind == PART_GAP) {
            if (after_sound) audio_silence(&out, p->gap_ms);
            after_sound = false;
        } else {
            res->texts++;
            struct reason why;
            if (!p->path) continue;
            enum relay_err err = audio_load(&a, p->path, &why);
            if (err == RELAY_OK && p->clip) {
                err = audio_check(&a, &why);
                audio_trim(&a);
            }
            if (err == RELAY_OK) err = audio_resample(&a, out.rate, &why);
            if (err != RELAY_OK) {
                res->why = why;
                continue;
            }
            if (p->clip) audio_normalise(&a, set->loudness);
            audio_append(&out, &a);
            res->spoken++;
            after_sound = true;
        }
    }
    audio_silence(&out, TAIL_MS);
    audio_gain(&out, r->volume / 100.0);
    res->length_ms = audio_ms(&out);
    struct reason why;
    res->err = audio_save(&out, r->out_path, &why);
    if (res->err != RELAY_OK) res->why = why;
}

static void assembled(void *arg, bool cancelled)
{
    struct render *r = arg;
    struct speech *s = r->speech;
    for (struct render **at = &s->renders; *at; at = &(*at)->next) {
        if (*at != r) continue;
        *at = r->next;
        break;
    }
    if (cancelled) r->result.err = fail(&r->result.why, RELAY_OFFLINE, _("the player stops"));
    r->done(r->arg, &r->result);
    render_free(r);
}

/* True when every text of it has sound or never will. Fills in the paths. */
static bool is_complete(struct render *r, struct now now)
{
    for (size_t i = 0; i < r->n; i++) {
        struct piece *p = &r->pieces[i];
        struct entry *e = p->entry;
        if (!e || p->path) continue;
        if (e->state == ENTRY_READY && access(e->path, R_OK) != 0) { /* somebody cleaned the cache */
            e->state = ENTRY_WANTED;
            return false;
        }
        if (e->state == ENTRY_READY) {
            p->path = xstrdup(e->path);
        } else if (e->state == ENTRY_FAILED) {
            r->result.why = e->why;
        } else {
            want(e, r->urgent, now);
            return false;
        }
    }
    return true;
}

/* Hands it to the worker when every text of it is there. */
static void begin_assembling(struct render *r, struct now now)
{
    if (!is_complete(r, now)) return;
    r->assembling = true;
    worker_do(r->speech->worker, r->urgent, assemble, assembled, r);
}

void speech_render(struct speech *s, const struct script *script, const char *out_path, struct now now,
                   rendered_fn done, void *arg)
{
    struct render *r = xcalloc(1, sizeof(*r));
    r->speech = s;
    r->n = script->n;
    r->volume = script->volume;
    r->urgent = script->urgent;
    r->out_path = xstrdup(out_path);
    r->done = done;
    r->arg = arg;
    for (size_t i = 0; i < script->n; i++) {
        const struct script_part *part = &script->parts[i];
        struct piece *piece = &r->pieces[i];
        *piece = (struct piece){.kind = part->kind, .chime = part->chime, .gap_ms = part->gap_ms};
        if (part->kind != PART_TEXT) continue;
        piece->path = next_clip(s, part->text);
        piece->clip = piece->path != NULL;
        if (piece->clip) continue;
        if (script->allow_robot && has_engine(s) && strlen(part->text) <= TEXT_MAX)
            piece->entry = find_entry(s, part->text);
        if (piece->entry)
            want(piece->entry, script->urgent, now);
        else
            (void)fail(&r->result.why, RELAY_NOT_FOUND, "%s", why_text(WHY_NO_VOICE));
    }
    struct render **end = &s->renders;
    while (*end) end = &(*end)->next;
    *end = r;
    begin_assembling(r, now); /* what is in the cache waits for no further turn */
}

void speech_run(struct speech *s, struct now now)
{
    s->now = now;
    worker_run_done(s->worker);
    for (struct render *r = s->renders; r; r = r->next)
        if (!r->assembling) begin_assembling(r, now);
    run_engines(s, now);
}

int64_t speech_next_due(const struct speech *s)
{
    for (const struct entry *e = s->entries; e; e = e->next)
        if (e->state == ENTRY_WANTED && s->running < ENGINES_MAX) return 0;
    return INT64_MAX; /* children and the worker wake the loop */
}
