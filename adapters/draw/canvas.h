/* What cards, panels and posters draw on: cairo and pango behind a few verbs, so that no other file sees them.
 *
 *   canvas_picture | canvas_page -> fill, shape, text … -> canvas_png | canvas_finish -> canvas_release
 *
 * The same calls with the same fonts give the same bytes. A character that no installed font has is an error of the
 * last step: nobody gets a picture of empty boxes. Lengths are pixels, or points of a page. Any thread may
 * draw, one at a time.
 */
#ifndef TOCSIN_ADAPTERS_CANVAS_H
#define TOCSIN_ADAPTERS_CANVAS_H

#include <cairo-pdf.h>
#include <pango/pangocairo.h>

#include "adapters/draw/look.h"
#include "base/buf.h"

struct canvas {
    cairo_surface_t *surface;
    cairo_t *cr;
    PangoLayout *layout;
    int width, height; /* of a picture */
    int missing;       /* characters without a glyph so far */
};

enum relay_err canvas_picture(struct canvas *c, int width, int height, struct reason *why) MUST_CHECK;
/* A PDF page that is written into `out`, which must outlive the canvas. `made` is its date, "2026-11-22T18:33:55+08:00". */
enum relay_err canvas_page(struct canvas *c, double width, double height, const char *title, const char *made,
                           struct buf *out, struct reason *why) MUST_CHECK;
void canvas_release(struct canvas *c);

void canvas_fill(struct canvas *c, struct colour colour, double x, double y, double w, double h);
void canvas_round(struct canvas *c, struct colour colour, double x, double y, double w, double h, double r);
void canvas_stripes(struct canvas *c, struct colour a, struct colour b, double x, double y, double w,
                    double h);
/* A shape of the height `size` with its sign in it: the shape in `ink`, the sign in `ground`. */
void canvas_shape(struct canvas *c, enum shape shape, struct colour ink, struct colour ground, double x,
                  double y, double size);
/* A cross as before what must not be done. */
void canvas_cross(struct canvas *c, struct colour colour, double x, double y, double size);

struct words {
    const char *text;
    struct colour colour;
    double x, y, w, h;                 /* the box */
    double most, least;                /* size: the largest at which all fits */
    int lines;                         /* at most; 0: as many as fit */
    bool bold, centred, right, middle; /* middle: in the box's height */
    bool tight;                        /* the ink alone must fit: for signs of few rows */
};
/* False when it does not fit at the least size: nothing is drawn. */
bool canvas_words(struct canvas *c, const struct words *w);
/* The width of one line at this size. */
double canvas_measure(struct canvas *c, const char *text, double size, bool bold);
/* At most `most`: the size at which each of these lines has room. */
double canvas_one_size(struct canvas *c, const char *const *lines, size_t n, double most, double room,
                       bool bold);

/* RELAY_UNSUPPORTED: a font is missing. */
enum relay_err canvas_finish(struct canvas *c, struct reason *why) MUST_CHECK;

/* PNG_FEW finds a palette by itself, of at most 256 colours that are near enough for text on plain ground. PNG_INDEXED takes
 * the nearest of `colours`. `title` and `alt` go in as text for those who read pictures by ear; both may be NULL. */
enum png_form { PNG_GRAY, PNG_FEW, PNG_INDEXED };
struct png_how {
    enum png_form form;
    const struct colour *colours;
    size_t n_colours;
    const char *title, *alt;
};
enum relay_err canvas_png(struct canvas *c, const struct png_how *how, struct buf *out,
                          struct reason *why) MUST_CHECK;

#endif
