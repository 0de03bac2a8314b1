/* Named places at which the crash test stops the process: TOCSIN_CRASH="after_commit" or "after_commit:3" (the third
 * time). Costs one comparison of a pointer when the variable is not set. */
#ifndef TOCSIN_BASE_CRASHPOINT_H
#define TOCSIN_BASE_CRASHPOINT_H

#include "base/err.h"

extern const char *crashpoint_armed; /* NULL unless TOCSIN_CRASH is set; read once by crashpoint_init */

void crashpoint_init(void);
void crashpoint_hit(const char *name);

static inline void crashpoint(const char *name)
{
    if (crashpoint_armed) crashpoint_hit(name);
}

#endif
