/* A command that plays a WAV: aplay, pw-play, or a script of the house. */
#include <stddef.h>

#include "base/i18n.h"
#include "base/mem.h"
#include "player/output.h"

enum { RETURNS_AT_END, RETURNS_AT_ONCE };

struct command_options {
    struct opt_strs run;
    int returns;
    int64_t extra; /* ms beyond the sound's length before it counts as hanging */
};
struct command_state {
    struct command_play *plays;
};
struct command_play {
    struct command_play *next;
    struct output *output;
    struct output_play *p;
    struct child *child; /* NULL: it has returned, and the sound's length is waited for */
    int64_t end;         /* mono */
    bool stopping;
};

static const char *const returns_names[] = {"at-end", "at-once", NULL};

static const struct opt_row rows[] = {
    OPT_ROW("run", OPT_STRS, command_options, run, .required = true, .min = 1, .max = 64,
            .help = N_("program and arguments; {wav} {zone} {id} {kind} {seconds} {volume} are filled in")),
    OPT_ROW("returns", OPT_ENUM, command_options, returns, .names = returns_names, .deflt = "at-end",
            .help = N_(
                "at-end: exit code 0 means that the sound was played, sooner than its length is a failure; "
                "at-once: the "
                "command hands the sound on, and its length is waited for")),
    OPT_ROW("extra", OPT_DURATION, command_options, extra, .min = 500, .max = 300000, .deflt = "10s",
            .help = N_("a command that runs so much longer than the sound is ended and has failed")),
    {0},
};

static enum relay_err fill(const struct command_options *set, const struct play *play, const char *zone,
                           char ***ret, struct reason *why)
{
    char seconds[32], volume[16];
    (void)snprintf(seconds, sizeof(seconds), "%lld.%03lld", (long long)(play->length_ms / 1000),
                   (long long)(play->length_ms % 1000));
    (void)snprintf(volume, sizeof(volume), "%d", play->volume);
    const struct child_word words[] = {{"wav", play->wav},   {"zone", zone},       {"id", play->id},
                                       {"kind", play->kind}, {"seconds", seconds}, {"volume", volume}};
    return child_argv(set->run.items, set->run.n, words, ARRAY_LEN(words), ret, why);
}

/* One that is not told the zone plays for all of them in the same place. */
static bool command_place(const void *options, struct buf *out)
{
    const struct command_options *set = options;
    for (size_t i = 0; i < set->run.n; i++)
        if (strstr(set->run.items[i], "{zone}")) return false;
    for (size_t i = 0; i < set->run.n; i++) buf_printf(out, "%s%s", i ? " " : "", set->run.items[i]);
    return true;
}

/* Whether there is such a program, and whether its arguments can be filled in, shows before anything is to be played. */
static enum relay_err command_open(struct output *o, struct reason *why)
{
    const struct play sample = {.wav = "x", .id = "x", .kind = "slot"};
    char **argv = NULL;
    enum relay_err err = fill(o->options, &sample, "x", &argv, why);
    if (err == RELAY_OK) err = child_program(argv[0], why);
    child_argv_free(argv);
    return err;
}

static void end(struct command_play *c, struct now now, enum play_end how, const char *detail)
{
    struct command_state *st = c->output->state;
    for (struct command_play **at = &st->plays; *at; at = &(*at)->next) {
        if (*at != c) continue;
        *at = c->next;
        break;
    }
    output_ended(c->p, now, how, detail);
}

static void exited(void *arg, const struct child_outcome *o)
{
    struct command_play *c = arg;
    const struct command_options *set = c->output->options;
    int64_t length = c->p->play->length_ms;
    struct now now = clock_now();
    char detail[400];
    c->child = NULL;
    if (!c->output->is_open) return; /* the player stops */
    if (c->stopping) {
        end(c, now, PLAY_STOPPED, NULL);
    } else if (o->end == CHILD_TIMED_OUT) {
        end(c, now, PLAY_FAILED, _("the command ran much longer than the sound and was ended"));
    } else if (o->end != CHILD_EXITED || o->status != 0) {
        (void)snprintf(detail, sizeof(detail), "%s %d: %s", o->end == CHILD_EXITED ? "exit" : "signal",
                       o->status, o->words);
        end(c, now, PLAY_FAILED, detail);
    } else if (set->returns == RETURNS_AT_ONCE && now.mono < c->end) {
        return; /* command_turn ends it when the sound is over */
    } else if (set->returns == RETURNS_AT_END && o->ran_ms < length * 8 / 10) {
        (void)snprintf(detail, sizeof(detail), _("the command ended after %lld ms of a sound of %lld ms"),
                       (long long)o->ran_ms, (long long)length);
        end(c, now, PLAY_FAILED, detail);
    } else {
        end(c, now, PLAY_DONE, NULL);
    }
}

static enum relay_err command_start(struct output *o, struct output_play *p, struct now now,
                                    struct reason *why)
{
    const struct command_options *set = o->options;
    struct command_state *st = o->state;
    struct command_play *c = p->state;
    char **argv = NULL;
    enum relay_err err = fill(set, p->play, p->zone, &argv, why);
    if (err != RELAY_OK) return err;
    c->output = o;
    c->p = p;
    c->end = now.mono + p->play->length_ms;
    const struct child_options child = {.argv = (const char *const *)argv,
                                        .timeout_ms = p->play->length_ms + set->extra,
                                        .done = exited,
                                        .arg = c};
    err = child_start(o->env->children, &child, now, &c->child, why);
    child_argv_free(argv);
    if (err != RELAY_OK) return err;
    c->next = st->plays;
    st->plays = c;
    return RELAY_OK;
}

static void command_stop(struct output *o, struct output_play *p, struct now now)
{
    struct command_play *c = p->state;
    (void)o;
    c->stopping = true;
    if (c->child)
        child_kill(c->child, now);
    else
        end(c, now, PLAY_STOPPED, NULL);
}

static void command_turn(struct output *o, struct now now)
{
    struct command_state *st = o->state;
    struct command_play *next;
    for (struct command_play *c = st->plays; c; c = next) {
        next = c->next;
        if (c->child || now.mono < c->end) continue;
        end(c, now, PLAY_DONE, NULL);
        next = st->plays; /* what follows a play's end may be another play */
    }
}

static int64_t command_next_due(const struct output *o)
{
    const struct command_state *st = o->state;
    int64_t due = INT64_MAX;
    for (const struct command_play *c = st->plays; c; c = c->next)
        if (!c->child && c->end < due) due = c->end;
    return due;
}

static void command_close(struct output *o)
{
    struct command_state *st = o->state;
    st->plays = NULL; /* the children's owner ends them */
}

const struct output_ops output_command = {
    .name = "command",
    .options = rows,
    .options_size = sizeof(struct command_options),
    .state_size = sizeof(struct command_state),
    .play_size = sizeof(struct command_play),
    .place = command_place,
    .open = command_open,
    .start = command_start,
    .stop = command_stop,
    .turn = command_turn,
    .next_due = command_next_due,
    .close = command_close,
};
