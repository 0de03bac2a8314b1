/* kill -9 of oneself, for the crash test. */
#include "base/crashpoint.h"

#include <signal.h>
#include <unistd.h>

const char *crashpoint_armed;
static long passes = 1;

void crashpoint_init(void)
{
    const char *wish = getenv("TOCSIN_CRASH");
    if (!wish || !*wish) return;
    crashpoint_armed = wish;
    const char *colon = strchr(wish, ':');
    if (colon) passes = strtol(colon + 1, NULL, 10);
}

void crashpoint_hit(const char *name)
{
    size_t n = strcspn(crashpoint_armed, ":");
    if (strlen(name) != n || strncmp(name, crashpoint_armed, n) != 0 || --passes > 0) return;
    (void)kill(getpid(), SIGKILL);
}
