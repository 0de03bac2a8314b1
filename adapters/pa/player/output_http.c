/* Our own way over HTTP, for a PA server that the hospital's programmers adapt. The whole of it:
 *
 *   PUT URL/NAME      the WAV; headers Tocsin-Zone, -Kind, -Id, -Length (ms), -Expires. NAME is the same for each try.
 *   GET URL/NAME      how it goes
 *   DELETE URL/NAME   silence, at once
 *
 * Each is answered by {"state": "accepted|queued|playing|played|preempted|stopped|busy|failed|refused", "reason": "…"}.
 */
#include <stddef.h>

#include "base/i18n.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "io/file.h"
#include "player/device.h"

enum { STOP_TRIES = 3, STOP_PAUSE_MS = 500, ANSWER_MAX = 64 * 1024 };

struct http_options {
    struct device_options device;
    const char *token_file;
    int64_t ask, patience;
};

static const struct opt_row rows[] = {
    DEVICE_ROWS(http_options),
    OPT_ROW("token_file", OPT_PATH, http_options, token_file,
            .help = N_("a file with a Bearer token, mode 0600; instead of user and password_file")),
    OPT_ROW("ask", OPT_DURATION, http_options, ask, .min = 100, .max = 60000, .deflt = "1s",
            .help = N_("when the sound should be over the server is asked so often whether it is")),
    OPT_ROW("patience", OPT_DURATION, http_options, patience, .max = 600000, .deflt = "10s",
            .help = N_("so long after the sound's length it must have been played, or it has failed")),
    {0},
};

/* What the server can say. ends false: it is asked again. */
static const struct {
    const char *name;
    bool ends;
    enum play_end end;
} states[] = {
    {"accepted", false, PLAY_DONE}, {"queued", false, PLAY_DONE},    {"playing", false, PLAY_DONE},
    {"played", true, PLAY_DONE},    {"preempted", true, PLAY_TAKEN}, {"stopped", true, PLAY_FAILED},
    {"busy", true, PLAY_FAILED},    {"failed", true, PLAY_FAILED},   {"refused", true, PLAY_REFUSED},
};

static void stop(struct device_call *c, struct now now)
{
    struct reason why;
    const struct device_request r = {.method = "DELETE", .path = c->name};
    (void)now;
    c->tries++;
    if (device_ask(c, &r, &why) == RELAY_OK) return;
    log_warning("%s: silence was not asked for (%s)", c->output->id, why.text);
    device_forget(c);
}

static void ask(struct device_call *c, struct now now)
{
    struct reason why;
    const struct device_request r = {.method = "GET", .path = c->name};
    if (device_ask(c, &r, &why) == RELAY_OK) return;
    device_tell(c, now, PLAY_FAILED, why.text);
    device_forget(c);
}

static void due(struct device_call *c, struct now now)
{
    if (c->stopped)
        stop(c, now);
    else
        ask(c, now);
}

/* Silence is asked for until the server has said that it has heard it. 404: it had nothing to silence. */
static void stop_answered(struct device_call *c, const struct http_answer *a, struct now now)
{
    bool heard = c->tries > 0 && a->end == HTTP_ANSWERED &&
                 ((a->status >= 200 && a->status < 300) || a->status == 404);
    if (!heard && c->tries < STOP_TRIES) {
        device_wait(c, c->tries ? now.mono + STOP_PAUSE_MS : now.mono);
        return;
    }
    if (!heard)
        log_error("%s: the server did not answer to silence (%s %d)", c->output->id, a->error, a->status);
    device_forget(c);
}

static void answered(struct device_call *c, const struct http_answer *a, struct now now)
{
    const struct http_options *set = c->output->options;
    const struct json_limits limits = {ANSWER_MAX, 8};
    CLEANUP(json_free_ptr) cJSON *json = NULL;
    struct reason why;
    char detail[200];
    if (c->stopped) {
        stop_answered(c, a, now);
        return;
    }
    size_t i = 0;
    const char *state = "", *reason = "";
    if (json_parse(a->body, a->body_len, &limits, &json, &why) == RELAY_OK) {
        state = json_str_or(json, "state", "");
        reason = json_str_or(json, "reason", "");
    }
    while (i < ARRAY_LEN(states) && strcmp(states[i].name, state) != 0) i++;
    if (i < ARRAY_LEN(states) && !states[i].ends && now.mono < c->give_up) {
        int64_t over = c->started + c->length_ms;
        device_wait(c, over > now.mono ? over : now.mono + set->ask);
        return;
    }
    if (i == ARRAY_LEN(states)) {
        device_tell(c, now, PLAY_FAILED, _("the server's answer is not understood"));
    } else if (!states[i].ends) {
        device_tell(c, now, PLAY_FAILED, _("the server does not say that it was played"));
    } else {
        (void)snprintf(detail, sizeof(detail), *reason ? "%s: %s" : "%s", state, reason);
        device_tell(c, now, states[i].end, states[i].end == PLAY_DONE ? NULL : detail);
    }
    device_forget(c);
}

static const struct device_profile profile = {
    .answered = answered, .due = due, .stop = stop, .stop_at_once = true};

static enum relay_err http_open(struct output *o, struct reason *why)
{
    const struct http_options *set = o->options;
    return device_open(o, &set->device, &profile, set->token_file, why);
}

static enum relay_err http_start(struct output *o, struct output_play *p, struct now now, struct reason *why)
{
    const struct http_options *set = o->options;
    CLEANUP(buf_release) struct buf wav = BUF_INIT(DEVICE_WAV_MAX);
    char zone[96], kind[64], id[256], length[64], expires[96], time[TIME_TEXT_LEN];
    enum relay_err err = file_read(p->play->wav, &wav, why);
    if (err != RELAY_OK) return err;
    struct device_call *c = device_begin(o, p, now);
    c->give_up = now.mono + p->play->length_ms + set->patience;
    (void)snprintf(c->name, sizeof(c->name), "/%s-%s-%llu", o->env->site, p->zone,
                   (unsigned long long)p->play->item);
    (void)snprintf(zone, sizeof(zone), "Tocsin-Zone: %s", p->zone);
    (void)snprintf(kind, sizeof(kind), "Tocsin-Kind: %s", p->play->kind);
    (void)snprintf(id, sizeof(id), "Tocsin-Id: %s", p->play->id);
    (void)snprintf(length, sizeof(length), "Tocsin-Length: %lld", (long long)p->play->length_ms);
    (void)snprintf(expires, sizeof(expires), "Tocsin-Expires: %s",
                   clock_format(p->play->expires_wall, false, time));
    const char *const headers[] = {
        "Content-Type: audio/wav", zone, kind, id, length, p->play->expires_wall ? expires : NULL, NULL};
    const struct device_request r = {
        .method = "PUT", .path = c->name, .headers = headers, .body = buf_cstr(&wav), .n = wav.len};
    err = device_ask(c, &r, why);
    if (err != RELAY_OK) {
        c->p = NULL;
        device_forget(c);
    }
    return err;
}

const struct output_ops output_http = {
    .name = "http",
    .options = rows,
    .options_size = sizeof(struct http_options),
    .state_size = sizeof(struct device),
    .play_size = 1,
    .open = http_open,
    .start = http_start,
    .stop = device_stop,
    .turn = device_turn,
    .next_due = device_next_due,
    .close = device_close,
};
