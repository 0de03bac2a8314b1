/* What every bench measures with: the time of a clock, and the middle one of several figures. */
#ifndef TOCSIN_BENCH_TIMING_H
#define TOCSIN_BENCH_TIMING_H

#include <stdlib.h>
#include <time.h>

/* Seconds by a clock: CLOCK_MONOTONIC for what somebody waits, CLOCK_PROCESS_CPUTIME_ID for what it costs. */
static inline double seconds_by(clockid_t clock)
{
    struct timespec t;
    (void)clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static inline int timing_by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Sorts the n figures. */
static inline double median(double *figures, size_t n)
{
    qsort(figures, n, sizeof figures[0], timing_by_size);
    return figures[n / 2];
}

#endif
