/* The two ways to a hospital's loudspeakers; see pa.c. */
#ifndef TOCSIN_ADAPTERS_PA_H
#define TOCSIN_ADAPTERS_PA_H

#include "adapters/adapter.h"

extern const struct adapter_ops pa_ops;       /* "pa:<site>/<zone>": at once, said again until accepted */
extern const struct adapter_ops bulletin_ops; /* "bulletin:<site>": what the hourly slot may say */

#endif
