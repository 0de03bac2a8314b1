/* Text to sound: a recorded clip, else a cached WAV, else the engine; else there is only the chime.
 *
 * The engine is a command. {text} in its arguments is a file with the text, {wav} one that it writes; without {text} the text
 * comes on standard input, without {wav} the sound is read from standard output. Before it gets the text numbers are
 * spelled, and words of the lexicon are replaced by pinyin when the engine wants that. What it makes is checked (empty,
 * silent, clipped: refused), trimmed, set to one loudness and kept in the cache under the hash of text, voice and lexicon.
 *
 *   speech_new -> speech_warm …, speech_render … -> each turn speech_run (calls done) -> speech_free
 *
 * Two engines run at a time at most, urgent texts first; sound is put together on the worker thread. Nothing blocks.
 */
#ifndef TOCSIN_PLAYER_SPEECH_H
#define TOCSIN_PLAYER_SPEECH_H

#include <stdbool.h>
#include <stdint.h>

#include "io/options.h"
#include "player/audio.h"
#include "player/child.h"
#include "player/lexicon.h"
#include "player/worker.h"

struct speech;

struct speech_settings {
    struct opt_strs engine; /* empty: no engine, clips only */
    const char *voice;      /* a name for the cache's key: changes when the voice does */
    bool pinyin;            /* the engine reads inline pinyin */
    const char *clips_dir, *cache_dir;
    struct opt_strs lexicon; /* files */
    int64_t timeout_ms;      /* of one run of the engine */
    int64_t rate;            /* Hz of what is played */
    double loudness;         /* LUFS of speech; the chime is 6 dB below */
    int64_t lead_ms;
};

enum { AFTER_CHIME_MS = 300, TAIL_MS = 150 }; /* rests: before the first text, after the last */

enum part_kind { PART_CHIME, PART_TEXT, PART_GAP };
struct script_part {
    enum part_kind kind;
    enum chime chime;
    const char *text; /* borrowed until speech_render returns */
    int64_t gap_ms;
};
enum { SCRIPT_MAX = 24 };
struct script {
    struct script_part parts[SCRIPT_MAX];
    size_t n;
    int volume;       /* percent */
    bool allow_robot; /* the engine's voice may be heard here */
    bool urgent;
};
void script_chime(struct script *s, enum chime kind);
void script_text(struct script *s, const char *text);
void script_gap(struct script *s, int64_t ms);

struct rendered {
    enum relay_err err;
    int64_t length_ms;
    int texts, spoken; /* how many were asked for, how many have sound */
    struct reason why; /* of what has none */
};
/* Exactly once for each render; inside speech_run or speech_free. */
typedef void (*rendered_fn)(void *arg, const struct rendered *r);

/* Every word of the files that the settings name; the caller frees it. */
enum relay_err speech_lexicon(const struct speech_settings *s, struct lexicon **ret,
                              struct reason *why) MUST_CHECK;

enum relay_err speech_new(const struct speech_settings *s, struct child_set *children, struct worker *w,
                          struct speech **ret, struct reason *why) MUST_CHECK; /* borrows the settings */
struct speech *
speech_free(struct speech *s); /* before its children and worker are freed; returns NULL; takes NULL */

/* Writes a WAV to out_path. Texts without sound are left out; with none at all only chimes remain. */
void speech_render(struct speech *s, const struct script *script, const char *out_path, struct now now,
                   rendered_fn done, void *arg);

/* Makes a text ready before it is needed. */
void speech_warm(struct speech *s, const char *text, struct now now);

/* Milliseconds that the text takes; guessed while nobody knows. -1: it has no clip, and the engine may not be heard. */
int64_t speech_length(struct speech *s, const char *text, bool allow_robot);

/* What the engine is given for a text. The caller frees it. */
char *speech_engine_text(const struct speech *s, const char *text);

void speech_run(struct speech *s, struct now now);
int64_t speech_next_due(const struct speech *s);

#endif
