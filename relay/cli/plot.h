/* Plots for reports as inline SVG: described here, drawn by gnuplot, which must be installed. What comes back holds no script, no
 * font and no address, so that it can be mailed and printed anywhere. */
#ifndef TOCSIN_RELAY_CLI_PLOT_H
#define TOCSIN_RELAY_CLI_PLOT_H

#include "base/buf.h"
#include "base/err.h"

enum { PLOT_SERIES_MAX = 6, PLOT_LABEL_MAX = 64 };

enum plot_kind {
    PLOT_COLUMNS, /* upright and stacked: days */
    PLOT_BARS,    /* lying and stacked, the first row on top: rules, targets, districts */
    PLOT_SPANS    /* lying, from the first series to the second, on a logarithmic axis of milliseconds */
};

struct plot_series {
    const char *title, *colour; /* "#a3121c" */
};

struct plot_row {
    char label[PLOT_LABEL_MAX];
    double values[PLOT_SERIES_MAX];
};

struct plot {
    enum plot_kind kind;
    const char *name; /* letters: begins every id in the SVG */
    const char *says; /* what it shows, for those who hear it read out */
    struct plot_series series[PLOT_SERIES_MAX];
    size_t n_series;
    const struct plot_row *rows;
    size_t n_rows;
};

/* A label of a row, cut to what has room beside a plot. */
void plot_label(struct plot_row *r, const char *text);

/* Appends <svg …>…</svg>. RELAY_UNSUPPORTED when there is no gnuplot. */
enum relay_err plot_svg(const struct plot *p, struct buf *out, struct reason *why) MUST_CHECK;

#endif
