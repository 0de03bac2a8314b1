/* A sound card of this machine, by a program of its own (alsa/main.c). */
#include <stddef.h>

#include "base/i18n.h"
#include "base/mem.h"
#include "player/helper.h"

enum { GOODBYE_MS = 150, EXTRA_MS = 10000 /* opening a card, and one that plays slowly */ };

struct alsa_options {
    const char *device;
    int64_t latency;
};
struct alsa_state {
    struct helper helper; /* first */
};

static const struct opt_row rows[] = {
    OPT_ROW("device", OPT_STR, alsa_options, device, .deflt = "default",
            .help = N_("the card as `aplay -L` lists it: default, plughw:1,0, sysdefault:CARD=Device")),
    OPT_ROW("latency", OPT_DURATION, alsa_options, latency, .min = 10, .max = 2000, .deflt = "200ms",
            .help = N_("what the card has in advance; more where the sound breaks up")),
    {0},
};

static bool alsa_place(const void *options, struct buf *out)
{
    const struct alsa_options *set = options;
    buf_str(out, set->device);
    return true;
}

static enum relay_err alsa_open(struct output *o, struct reason *why)
{
    struct alsa_state *st = o->state;
    return helper_find(&st->helper, "tocsin-pa-alsa", why);
}

static enum relay_err alsa_start(struct output *o, struct output_play *p, struct now now, struct reason *why)
{
    const struct alsa_options *set = o->options;
    struct alsa_state *st = o->state;
    struct helper_args a = {.n = 0};
    char latency[24];
    helper_add(&a, "--device", set->device);
    helper_add(&a, "--latency", duration_format(set->latency, latency));
    helper_add(&a, "--wav", p->play->wav);
    return helper_start(&st->helper, o, p, &a, p->play->length_ms + EXTRA_MS, GOODBYE_MS, now, why);
}

static void alsa_stop(struct output *o, struct output_play *p, struct now now)
{
    struct alsa_state *st = o->state;
    helper_stop(&st->helper, p, now);
}

static void alsa_close(struct output *o)
{
    struct alsa_state *st = o->state;
    helper_release(&st->helper);
}

const struct output_ops output_alsa = {
    .name = "alsa",
    .options = rows,
    .options_size = sizeof(struct alsa_options),
    .state_size = sizeof(struct alsa_state),
    .play_size = 1,
    .place = alsa_place,
    .open = alsa_open,
    .start = alsa_start,
    .stop = alsa_stop,
    .close = alsa_close,
};
