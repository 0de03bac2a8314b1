/* Every kind of output: one row each. */
#include "player/output.h"

extern const struct output_ops output_file, output_command, output_rtp, output_sip;

const struct output_ops *const output_list[] = {
    &output_file, &output_command, &output_rtp, &output_sip, NULL,
};

const struct output_ops *output_find(const char *name)
{
    for (const struct output_ops *const *o = output_list; *o; o++)
        if (strcmp((*o)->name, name) == 0) return *o;
    return NULL;
}
