/* Axis loudspeakers, by the media clip interface of VAPIX: the WAV is put on the device, played, and removed. Written from the
 * maker's public documentation, tried against a mock only.
 *
 * What a stopped player left there is removed before the first upload, because a device keeps some ten clips. Nobody tells
 * when the sound is over, so its own length is waited for.
 */
#include <stddef.h>

#include "base/hash.h"
#include "base/i18n.h"
#include "base/log.h"
#include "base/mem.h"
#include "io/file.h"
#include "player/device.h"

#define MANAGE     "/axis-cgi/mediaclip.cgi"
#define OUR_CLIPS  "tocsin-"
#define UPLOAD_MAX (16 * 1024 * 1024)

enum { LEFTOVERS_MAX = 32 };
enum step { STEP_LIST, STEP_SWEEP, STEP_UPLOAD, STEP_PLAY, STEP_SOUNDS, STEP_STOP, STEP_REMOVE };

struct axis_options {
    struct device_options device;
    int64_t device_id, output_id;
};
struct axis_state {
    struct device device; /* first */
    struct device_call *sounding;
    bool swept;
    long leftovers[LEFTOVERS_MAX];
    size_t n_leftovers;
};

static const struct opt_row rows[] = {
    DEVICE_ROWS(axis_options),
    OPT_ROW("audio_device", OPT_INT, axis_options, device_id, .min = -1, .max = 99, .deflt = "-1",
            .help = N_("audiodeviceid of VAPIX; -1: the device's own choice")),
    OPT_ROW("audio_output", OPT_INT, axis_options, output_id, .max = 99,
            .help = N_("audiooutputid of VAPIX, with audio_device")),
    {0},
};

static void over(struct device_call *c)
{
    struct axis_state *st = c->output->state;
    if (st->sounding == c) st->sounding = NULL;
}

/* A clip that could not be removed is swept before the next upload. */
static void forgotten(struct device_call *c)
{
    struct axis_state *st = c->output->state;
    over(c);
    if (c->clip >= 0 && c->step != STEP_REMOVE) st->swept = false;
}

static void give_up(struct device_call *c, struct now now, const char *detail)
{
    device_tell(c, now, PLAY_FAILED, detail);
    device_forget(c);
}

static void get(struct device_call *c, enum step step, const char *path, struct now now)
{
    struct reason why;
    const struct device_request r = {.method = "GET", .path = path};
    c->step = (int)step;
    if (device_ask(c, &r, &why) != RELAY_OK) give_up(c, now, why.text);
}

static void remove_clip(struct device_call *c, enum step step, long clip, struct now now)
{
    char path[96];
    (void)snprintf(path, sizeof(path), MANAGE "?action=remove&clip=%ld", clip);
    get(c, step, path, now);
}

/* multipart/form-data after RFC 1867, as the interface wants it. */
static void upload(struct device_call *c, struct now now)
{
    CLEANUP(buf_release) struct buf wav = BUF_INIT(DEVICE_WAV_MAX), body = BUF_INIT(UPLOAD_MAX);
    struct reason why;
    char path[192], type[128], boundary[40];
    uint64_t random[2];
    c->step = STEP_UPLOAD;
    enum relay_err err = file_read(c->p->play->wav, &wav, &why);
    if (err == RELAY_OK) err = hash_random(random, sizeof(random), &why);
    if (err == RELAY_OK) {
        (void)snprintf(boundary, sizeof(boundary), "%016llx%016llx", (unsigned long long)random[0],
                       (unsigned long long)random[1]);
        (void)snprintf(path, sizeof(path), MANAGE "?action=upload&media=audio&name=%s", c->name);
        (void)snprintf(type, sizeof(type), "Content-Type: multipart/form-data; boundary=%s", boundary);
        buf_printf(&body,
                   "--%s\r\nContent-Disposition: form-data; name=\"%s\"; filename=\"%s.wav\"\r\n"
                   "Content-Type: audio/wav\r\n\r\n",
                   boundary, c->name, c->name);
        buf_add(&body, buf_cstr(&wav), wav.len);
        buf_printf(&body, "\r\n--%s--\r\n", boundary);
        const char *const headers[] = {type, NULL};
        const struct device_request r = {
            .method = "POST", .path = path, .headers = headers, .body = buf_cstr(&body), .n = body.len};
        err = device_ask(c, &r, &why);
    }
    if (err != RELAY_OK) give_up(c, now, why.text);
}

static void play(struct device_call *c, struct now now)
{
    const struct axis_options *set = c->output->options;
    char path[160];
    int n = snprintf(path, sizeof(path), MANAGE "?action=play&clip=%ld", c->clip);
    if (set->device_id >= 0)
        (void)snprintf(path + n, sizeof(path) - (size_t)n, "&audiodeviceid=%lld&audiooutputid=%lld",
                       (long long)set->device_id, (long long)set->output_id);
    get(c, STEP_PLAY, path, now);
}

/* "root.MediaClip.M3.Name=tocsin-…" is ours, of a player that was stopped before it could tidy up. */
static void note_leftovers(struct axis_state *st, const char *body)
{
    static const char mark[] = "MediaClip.M", name[] = ".Name=" OUR_CLIPS;
    st->n_leftovers = 0;
    for (const char *at = body; (at = strstr(at, mark)) && st->n_leftovers < LEFTOVERS_MAX;) {
        char *end;
        at += strlen(mark);
        long clip = strtol(at, &end, 10);
        if (end != at && clip >= 0 && strncmp(end, name, strlen(name)) == 0)
            st->leftovers[st->n_leftovers++] = clip;
    }
}

static void sweep_or_upload(struct device_call *c, struct now now)
{
    struct axis_state *st = c->output->state;
    if (st->n_leftovers > 0) {
        remove_clip(c, STEP_SWEEP, st->leftovers[--st->n_leftovers], now);
        return;
    }
    st->swept = true;
    upload(c, now);
}

/* "OK\nuploaded=3": the number behind the word, -1 when it is not there. */
static long number_after(const char *body, const char *word)
{
    const char *at = strstr(body, word);
    char *end;
    if (!at) return -1;
    at += strlen(word);
    long v = strtol(at, &end, 10);
    return end == at || v < 0 ? -1 : v;
}

static void silence(struct device_call *c, struct now now)
{
    over(c);
    if (c->step == STEP_PLAY || c->step == STEP_SOUNDS)
        get(c, STEP_STOP, MANAGE "?action=stop", now);
    else if (c->clip >= 0 && (c->step == STEP_STOP || c->step == STEP_UPLOAD))
        remove_clip(c, STEP_REMOVE, c->clip, now);
    else
        device_forget(c);
}

static void due(struct device_call *c, struct now now)
{
    over(c);
    device_tell(c, now, PLAY_DONE, NULL);
    remove_clip(c, STEP_REMOVE, c->clip, now);
}

static void answered(struct device_call *c, const struct http_answer *a, struct now now)
{
    struct axis_state *st = c->output->state;
    if (c->step == STEP_UPLOAD) c->clip = a->end == HTTP_ANSWERED ? number_after(a->body, "uploaded=") : -1;
    if (c->stopped) {
        if (c->step == STEP_STOP && (a->end != HTTP_ANSWERED || a->status / 100 != 2))
            log_error("%s: the device did not answer to silence (%s %d)", c->output->id, a->error, a->status);
        silence(c, now);
        return;
    }
    switch ((enum step)c->step) {
    case STEP_LIST:
        note_leftovers(st, a->body);
        sweep_or_upload(c, now);
        return;
    case STEP_SWEEP: sweep_or_upload(c, now); return;
    case STEP_UPLOAD:
        if (c->clip < 0)
            give_up(c, now, _("the device's answer is not understood"));
        else
            play(c, now);
        return;
    case STEP_PLAY:
        if (number_after(a->body, "playing=") != c->clip) {
            give_up(c, now, _("the device's answer is not understood"));
            return;
        }
        c->step = STEP_SOUNDS;
        device_wait(c, now.mono + c->length_ms);
        return;
    case STEP_SOUNDS:
    case STEP_STOP:
    case STEP_REMOVE: break;
    }
    device_forget(c);
}

static const struct device_profile profile = {
    .answered = answered, .due = due, .stop = silence, .forgotten = forgotten};

static bool axis_place(const void *options, struct buf *out)
{
    const struct axis_options *set = options;
    buf_printf(out, "%s %lld %lld", set->device.url, (long long)set->device_id, (long long)set->output_id);
    return true;
}

static enum relay_err axis_open(struct output *o, struct reason *why)
{
    const struct axis_options *set = o->options;
    struct axis_state *st = o->state;
    *st = (struct axis_state){.swept = false};
    return device_open(o, &set->device, &profile, NULL, why);
}

static enum relay_err axis_start(struct output *o, struct output_play *p, struct now now, struct reason *why)
{
    struct axis_state *st = o->state;
    const struct device_request list = {.method = "GET",
                                        .path = "/axis-cgi/param.cgi?action=list&group=MediaClip"};
    if (st->sounding)
        return fail(why, RELAY_CONFLICT,
                    _("it plays for another zone; give each zone an address of its own"));
    struct device_call *c = device_begin(o, p, now);
    c->clip = -1;
    (void)snprintf(c->name, sizeof(c->name), OUR_CLIPS "%llu", (unsigned long long)p->play->item);
    st->sounding = c;
    c->step = STEP_LIST;
    if (st->swept) {
        upload(c, now);
        return RELAY_OK; /* what goes wrong has been told */
    }
    enum relay_err err = device_ask(c, &list, why);
    if (err == RELAY_OK) return err;
    c->p = NULL;
    device_forget(c);
    return err;
}

const struct output_ops output_axis = {
    .name = "axis",
    .options = rows,
    .options_size = sizeof(struct axis_options),
    .state_size = sizeof(struct axis_state),
    .play_size = 1,
    .place = axis_place,
    .open = axis_open,
    .start = axis_start,
    .stop = device_stop,
    .turn = device_turn,
    .next_due = device_next_due,
    .close = device_close,
};
