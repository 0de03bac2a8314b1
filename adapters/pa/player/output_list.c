/* Every kind of output: one row each. */
#include "player/output.h"

extern const struct output_ops output_file, output_command, output_rtp, output_alsa, output_sip, output_http,
    output_axis, output_hikvision;

const struct output_ops *const output_list[] = {
    &output_file, &output_command, &output_rtp,       &output_alsa, &output_sip,
    &output_http, &output_axis,    &output_hikvision, NULL,
};

const struct output_ops *output_find(const char *name)
{
    for (const struct output_ops *const *o = output_list; *o; o++)
        if (strcmp((*o)->name, name) == 0) return *o;
    return NULL;
}

enum relay_err output_open(struct output *o, struct reason *why)
{
    if (o->is_open) return RELAY_OK;
    enum relay_err err = o->ops->open ? o->ops->open(o, why) : RELAY_OK;
    if (err != RELAY_OK && o->ops->close) o->ops->close(o);
    o->is_open = err == RELAY_OK;
    return err;
}

void output_close(struct output *o)
{
    bool was_open = o->is_open;
    o->is_open = false;
    if (was_open && o->ops->close) o->ops->close(o);
}
