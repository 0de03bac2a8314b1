/* Hikvision loudspeakers and cameras, by the two-way audio of ISAPI; a program of its own (hikvision/main.c). */
#include <stddef.h>

#include "base/i18n.h"
#include "base/mem.h"
#include "player/device.h"
#include "player/helper.h"

enum { GOODBYE_MS = 2500, EXTRA_MS = 15000 /* answers, and a device that takes the sound slowly */ };

struct hikvision_options {
    struct device_options device;
    int64_t channel;
    int codec;
};
struct hikvision_state {
    struct helper helper; /* first */
};

static const char *const codecs[] = {"pcmu", "pcma", NULL};

static const struct opt_row rows[] = {
    DEVICE_ROWS(hikvision_options),
    OPT_ROW("channel", OPT_INT, hikvision_options, channel, .min = 1, .max = 64, .deflt = "1",
            .help = N_("the two-way audio channel")),
    OPT_ROW("codec", OPT_ENUM, hikvision_options, codec, .names = codecs, .deflt = "pcmu",
            .help = N_("as the device's two-way audio is set: G.711ulaw is pcmu, G.711alaw is pcma")),
    {0},
};

static bool hikvision_place(const void *options, struct buf *out)
{
    const struct hikvision_options *set = options;
    buf_printf(out, "%s %lld", set->device.url, (long long)set->channel);
    return true;
}

static enum relay_err hikvision_open(struct output *o, struct reason *why)
{
    const struct hikvision_options *set = o->options;
    struct hikvision_state *st = o->state;
    enum relay_err err = device_check(&set->device, why);
    return err == RELAY_OK ? helper_find(&st->helper, "tocsin-pa-hikvision", why) : err;
}

static enum relay_err hikvision_start(struct output *o, struct output_play *p, struct now now,
                                      struct reason *why)
{
    const struct hikvision_options *set = o->options;
    struct hikvision_state *st = o->state;
    struct helper_args a = {.n = 0};
    char channel[24], timeout[24];
    (void)snprintf(channel, sizeof(channel), "%lld", (long long)set->channel);
    helper_add(&a, "--url", set->device.url);
    helper_add(&a, "--wav", p->play->wav);
    helper_add(&a, "--channel", channel);
    helper_add(&a, "--codec", codecs[set->codec]);
    helper_add(&a, "--user", set->device.user);
    helper_add(&a, "--password-file", set->device.password_file);
    helper_add(&a, "--ca", set->device.ca);
    helper_add(&a, "--timeout", duration_format(set->device.timeout, timeout));
    if (set->device.allow_insecure) helper_flag(&a, "--allow-insecure");
    return helper_start(&st->helper, o, p, &a, set->device.timeout + p->play->length_ms + EXTRA_MS,
                        GOODBYE_MS, now, why);
}

static void hikvision_stop(struct output *o, struct output_play *p, struct now now)
{
    struct hikvision_state *st = o->state;
    helper_stop(&st->helper, p, now);
}

static void hikvision_close(struct output *o)
{
    struct hikvision_state *st = o->state;
    helper_release(&st->helper);
}

const struct output_ops output_hikvision = {
    .name = "hikvision",
    .options = rows,
    .options_size = sizeof(struct hikvision_options),
    .state_size = sizeof(struct hikvision_state),
    .play_size = 1,
    .place = hikvision_place,
    .open = hikvision_open,
    .start = hikvision_start,
    .stop = hikvision_stop,
    .close = hikvision_close,
};
