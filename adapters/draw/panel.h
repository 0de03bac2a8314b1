/* A warning as one picture for a panel that shows pictures and thinks little: e-paper, a small LED sign, an old tablet. At the
 * panel's own size and palette, so that it need not scale or dither. */
#ifndef TOCSIN_ADAPTERS_PANEL_H
#define TOCSIN_ADAPTERS_PANEL_H

#include "base/alert.h"
#include "base/buf.h"
#include "base/event.h"

enum panel_palette { PANEL_BW, PANEL_BWR, PANEL_GRAY, PANEL_RGB };
bool panel_palette_parse(const char *s, enum panel_palette *ret); /* "bw", "bwr", "gray", "rgb" */

enum {
    PANEL_WIDTH_MIN = 96,
    PANEL_HEIGHT_MIN = 16,
    PANEL_SIDE_MAX = 1600,
    PANEL_BYTES_MAX = 1024 * 1024,
    PANEL_KEY_LEN = 32 + 1
};

struct panel {
    int width, height;
    enum panel_palette palette;
    bool dark; /* light on dark, for what shines by itself */
    /* The warning; headline NULL: none is in force, and `idle` is shown. */
    const char *headline;
    const char *lines[3];
    int n_lines;
    enum level level;
    enum cap_status status;
    bool correction;
    int64_t expires;  /* wall ms */
    size_t at, of;    /* the second of three: 1, 3 */
    const char *idle; /* the house's own reminder; NULL: the hotline alone */
};

/* 32 hex digits: equal pictures have equal keys. */
void panel_key(const struct panel *p, char ret[static PANEL_KEY_LEN]);
/* Appends the PNG: 1 bit a pixel for bw, 2 for bwr, 8 for gray, a palette of its own for rgb. RELAY_INVALID: a size that is none, or too small for
 * the words. */
enum relay_err panel_png(const struct panel *p, struct buf *out, struct reason *why) MUST_CHECK;

#endif
