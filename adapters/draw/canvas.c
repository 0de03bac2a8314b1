/* Cairo and pango behind a few verbs, and libpng for what cairo's own writer cannot say: palettes and texts. */
#include "adapters/draw/canvas.h"

#include <math.h>
#include <png.h>
#include <string.h>

#include "base/i18n.h"
#include "base/mem.h"

/* The first that is installed; the last one takes whatever has the glyphs. */
#define FAMILIES "Noto Sans CJK SC, Source Han Sans SC, WenQuanYi Zen Hei, WenQuanYi Micro Hei, sans-serif"

enum { SIDE_MAX = 4096 };

static enum relay_err begin(struct canvas *c, struct reason *why)
{
    c->cr = cairo_create(c->surface);
    if (cairo_status(c->cr) != CAIRO_STATUS_SUCCESS) {
        enum relay_err err =
            fail(why, RELAY_IO, _("cannot draw: %s"), cairo_status_to_string(cairo_status(c->cr)));
        canvas_release(c);
        return err;
    }
    c->layout = pango_cairo_create_layout(c->cr);
    PangoContext *context = pango_layout_get_context(c->layout);
    pango_context_set_language(context, pango_language_from_string("zh-cn"));
    pango_cairo_context_set_resolution(context, 72);
    /* The same bytes on every machine, whatever its screen likes. */
    cairo_font_options_t *o = cairo_font_options_create();
    cairo_font_options_set_antialias(o, CAIRO_ANTIALIAS_GRAY);
    cairo_font_options_set_hint_style(o, CAIRO_HINT_STYLE_NONE);
    cairo_font_options_set_hint_metrics(o, CAIRO_HINT_METRICS_OFF);
    pango_cairo_context_set_font_options(context, o);
    cairo_font_options_destroy(o);
    return RELAY_OK;
}

enum relay_err canvas_picture(struct canvas *c, int width, int height, struct reason *why)
{
    *c = (struct canvas){.width = width, .height = height};
    if (width < 1 || height < 1 || width > SIDE_MAX || height > SIDE_MAX)
        return fail(why, RELAY_INVALID, _("a picture has 1 to %d pixels on a side"), SIDE_MAX);
    c->surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, width, height);
    enum relay_err err = begin(c, why);
    if (err != RELAY_OK) return err;
    cairo_set_antialias(c->cr, CAIRO_ANTIALIAS_BEST);
    canvas_fill(c, PAPER, 0, 0, width, height);
    return RELAY_OK;
}

static cairo_status_t add_bytes(void *arg, const unsigned char *data, unsigned n)
{
    struct buf *out = arg;
    buf_add(out, data, n);
    return buf_failed(out) ? CAIRO_STATUS_WRITE_ERROR : CAIRO_STATUS_SUCCESS;
}

enum relay_err canvas_page(struct canvas *c, double width, double height, const char *title, const char *made,
                           struct buf *out, struct reason *why)
{
    *c = (struct canvas){.width = (int)width, .height = (int)height};
    c->surface = cairo_pdf_surface_create_for_stream(add_bytes, out, width, height);
    enum relay_err err = begin(c, why);
    if (err != RELAY_OK) return err;
    cairo_pdf_surface_set_metadata(c->surface, CAIRO_PDF_METADATA_TITLE, title);
    cairo_pdf_surface_set_metadata(c->surface, CAIRO_PDF_METADATA_CREATOR, "tocsin " TOCSIN_VERSION);
    cairo_pdf_surface_set_metadata(c->surface, CAIRO_PDF_METADATA_CREATE_DATE, made);
    return RELAY_OK;
}

void canvas_release(struct canvas *c)
{
    if (c->layout) g_object_unref(c->layout);
    if (c->cr) cairo_destroy(c->cr);
    if (c->surface) cairo_surface_destroy(c->surface);
    *c = (struct canvas){0};
}

#ifdef __SANITIZE_ADDRESS__
/* cairo and fontconfig keep their caches to the end; to free them by force aborts where a font is still in one. */
const char *__lsan_default_suppressions(void); // NOLINT(bugprone-reserved-identifier)
const char *__lsan_default_suppressions(void)  // NOLINT(bugprone-reserved-identifier)
{
    return "leak:libcairo\nleak:libfontconfig\nleak:libpango";
}

const char *__lsan_default_options(void); // NOLINT(bugprone-reserved-identifier)
const char *__lsan_default_options(void)  // NOLINT(bugprone-reserved-identifier)
{
    return "print_suppressions=0";
}
#endif

/* -- areas -------------------------------------------------------------------------------------------------------- */

static void ink(struct canvas *c, struct colour v)
{
    cairo_set_source_rgb(c->cr, v.r / 255.0, v.g / 255.0, v.b / 255.0);
}

void canvas_fill(struct canvas *c, struct colour colour, double x, double y, double w, double h)
{
    ink(c, colour);
    cairo_rectangle(c->cr, x, y, w, h);
    cairo_fill(c->cr);
}

void canvas_round(struct canvas *c, struct colour colour, double x, double y, double w, double h, double r)
{
    ink(c, colour);
    cairo_new_sub_path(c->cr);
    cairo_arc(c->cr, x + w - r, y + r, r, -M_PI / 2, 0);
    cairo_arc(c->cr, x + w - r, y + h - r, r, 0, M_PI / 2);
    cairo_arc(c->cr, x + r, y + h - r, r, M_PI / 2, M_PI);
    cairo_arc(c->cr, x + r, y + r, r, M_PI, 3 * M_PI / 2);
    cairo_close_path(c->cr);
    cairo_fill(c->cr);
}

void canvas_stripes(struct canvas *c, struct colour a, struct colour b, double x, double y, double w,
                    double h)
{
    canvas_fill(c, a, x, y, w, h);
    cairo_save(c->cr);
    cairo_rectangle(c->cr, x, y, w, h);
    cairo_clip(c->cr);
    ink(c, b);
    int n = (int)(w / (2 * h)) + 2;
    for (int i = 0; i < n; i++) {
        double at = x - h + 2 * h * i;
        cairo_move_to(c->cr, at, y + h);
        cairo_line_to(c->cr, at + h, y);
        cairo_line_to(c->cr, at + 2 * h, y);
        cairo_line_to(c->cr, at + h, y + h);
        cairo_close_path(c->cr);
        cairo_fill(c->cr);
    }
    cairo_restore(c->cr);
}

static void polygon(struct canvas *c, int corners, double turn, double x, double y, double radius)
{
    for (int i = 0; i < corners; i++) {
        double angle = turn + 2 * M_PI * i / corners;
        cairo_line_to(c->cr, x + radius * cos(angle), y + radius * sin(angle));
    }
    cairo_close_path(c->cr);
    cairo_fill(c->cr);
}

/* "!" of this height around the middle; upside down it is an "i". */
static void exclamation(struct canvas *c, double x, double y, double h, bool inverted)
{
    double w = h * 0.17, sign = inverted ? -1 : 1, top = y - sign * h / 2;
    cairo_move_to(c->cr, x - w / 2 * 1.25, top);
    cairo_line_to(c->cr, x + w / 2 * 1.25, top);
    cairo_line_to(c->cr, x + w / 2 * 0.8, top + sign * h * 0.68);
    cairo_line_to(c->cr, x - w / 2 * 0.8, top + sign * h * 0.68);
    cairo_close_path(c->cr);
    cairo_fill(c->cr);
    cairo_arc(c->cr, x, top + sign * h * 0.9, w * 0.62, 0, 2 * M_PI);
    cairo_fill(c->cr);
}

void canvas_shape(struct canvas *c, enum shape shape, struct colour colour, struct colour ground, double x,
                  double y, double size)
{
    double cx = x + size / 2, cy = y + size / 2, r = size / 2;
    ink(c, colour);
    switch (shape) {
    case SHAPE_OCTAGON: polygon(c, 8, M_PI / 8, cx, cy, r / cos(M_PI / 8)); break;
    case SHAPE_DIAMOND: polygon(c, 4, 0, cx, cy, r * 1.08); break;
    case SHAPE_TRIANGLE: polygon(c, 3, -M_PI / 2, cx, cy + r * 0.22, r * 1.2); break;
    case SHAPE_CIRCLE:
    case SHAPE_TICK:
        cairo_arc(c->cr, cx, cy, r, 0, 2 * M_PI);
        cairo_fill(c->cr);
        break;
    }
    ink(c, ground);
    switch (shape) {
    case SHAPE_OCTAGON: exclamation(c, cx, cy, size * 0.62, false); break;
    case SHAPE_DIAMOND: exclamation(c, cx, cy, size * 0.54, false); break;
    case SHAPE_TRIANGLE: exclamation(c, cx, cy + size * 0.1, size * 0.5, false); break;
    case SHAPE_CIRCLE: exclamation(c, cx, cy, size * 0.58, true); break;
    case SHAPE_TICK:
        cairo_set_line_width(c->cr, size * 0.13);
        cairo_move_to(c->cr, cx - size * 0.22, cy + size * 0.02);
        cairo_line_to(c->cr, cx - size * 0.06, cy + size * 0.18);
        cairo_line_to(c->cr, cx + size * 0.24, cy - size * 0.18);
        cairo_stroke(c->cr);
        break;
    }
}

void canvas_cross(struct canvas *c, struct colour colour, double x, double y, double size)
{
    ink(c, colour);
    cairo_set_line_width(c->cr, size * 0.2);
    cairo_set_line_cap(c->cr, CAIRO_LINE_CAP_ROUND);
    double a = size * 0.14, b = size * 0.86;
    cairo_move_to(c->cr, x + a, y + a);
    cairo_line_to(c->cr, x + b, y + b);
    cairo_move_to(c->cr, x + b, y + a);
    cairo_line_to(c->cr, x + a, y + b);
    cairo_stroke(c->cr);
}

/* -- words -------------------------------------------------------------------------------------------------------- */

static void set_words(struct canvas *c, const char *text, double size, bool bold)
{
    PangoFontDescription *f = pango_font_description_from_string(FAMILIES);
    pango_font_description_set_absolute_size(f, size * PANGO_SCALE);
    pango_font_description_set_weight(f, bold ? PANGO_WEIGHT_BOLD : PANGO_WEIGHT_NORMAL);
    pango_layout_set_font_description(c->layout, f);
    pango_font_description_free(f);
    pango_layout_set_text(c->layout, text, -1);
}

/* Pango's factor of the font's own line height, which leaves much white around Han: for signs of few rows. */
#define TIGHT_LINES 0.72F

static bool fits(struct canvas *c, const struct words *w, double size, PangoRectangle *ret)
{
    PangoRectangle inked, logical;
    set_words(c, w->text, size, w->bold);
    pango_layout_set_width(c->layout, w->lines == 1 ? -1 : (int)(w->w * PANGO_SCALE));
    pango_layout_set_wrap(c->layout, PANGO_WRAP_WORD_CHAR);
    pango_layout_set_line_spacing(c->layout, w->tight ? TIGHT_LINES : 0);
    pango_layout_get_extents(c->layout, &inked, &logical);
    *ret = w->tight ? inked : logical;
    if (w->lines && pango_layout_get_line_count(c->layout) > w->lines) return false;
    return logical.width <= w->w * PANGO_SCALE && ret->height <= w->h * PANGO_SCALE;
}

/* The largest size that fits, to half a unit; the layout is left at it. */
static bool fit(struct canvas *c, const struct words *w, PangoRectangle *ret)
{
    double low = w->least, high = w->most;
    if (fits(c, w, high, ret)) return true;
    if (!fits(c, w, low, ret)) return false;
    while (high - low > 0.5) {
        double middle = (low + high) / 2;
        if (fits(c, w, middle, ret))
            low = middle;
        else
            high = middle;
    }
    return fits(c, w, low, ret);
}

bool canvas_words(struct canvas *c, const struct words *w)
{
    PangoRectangle size = {0};
    if (!fit(c, w, &size)) return false;
    c->missing += pango_layout_get_unknown_glyphs_count(c->layout);
    double x = w->x, y = w->y, height = size.height / (double)PANGO_SCALE,
           width = size.width / (double)PANGO_SCALE;
    if (w->tight) y -= size.y / (double)PANGO_SCALE;
    if (w->lines == 1 || !w->centred) {
        if (w->centred) x += (w->w - width) / 2;
        if (w->right) x += w->w - width;
        pango_layout_set_alignment(c->layout, PANGO_ALIGN_LEFT);
    } else {
        pango_layout_set_alignment(c->layout, PANGO_ALIGN_CENTER);
    }
    if (w->middle) y += (w->h - height) / 2;
    ink(c, w->colour);
    cairo_move_to(c->cr, x, y);
    pango_cairo_show_layout(c->cr, c->layout);
    return true;
}

double canvas_measure(struct canvas *c, const char *text, double size, bool bold)
{
    PangoRectangle logical;
    set_words(c, text, size, bold);
    pango_layout_set_width(c->layout, -1);
    pango_layout_get_extents(c->layout, NULL, &logical);
    return logical.width / (double)PANGO_SCALE;
}

double canvas_one_size(struct canvas *c, const char *const *lines, size_t n, double most, double room,
                       bool bold)
{
    for (size_t i = 0; i < n; i++) {
        double width = canvas_measure(c, lines[i], most, bold);
        if (width > room) most *= room / width;
    }
    return most;
}

/* -- the end ------------------------------------------------------------------------------------------------------ */

enum relay_err canvas_finish(struct canvas *c, struct reason *why)
{
    if (c->missing)
        return fail(why, RELAY_UNSUPPORTED, "%s",
                    _("no installed font has these characters: install fonts-noto-cjk or fonts-wqy-zenhei"));
    cairo_surface_finish(c->surface);
    cairo_status_t status = cairo_surface_status(c->surface);
    if (status == CAIRO_STATUS_SUCCESS) return RELAY_OK;
    return fail(why, status == CAIRO_STATUS_WRITE_ERROR ? RELAY_LIMIT : RELAY_IO, _("cannot draw: %s"),
                cairo_status_to_string(status));
}

static void png_add(png_structp png, png_bytep data, size_t n)
{
    struct buf *out = png_get_io_ptr(png);
    buf_add(out, data, n);
    if (buf_failed(out)) png_error(png, "too large");
}

static void png_flushed(png_structp png)
{
    (void)png;
}

/* -- palettes ----------------------------------------------------------------------------------------------------- */

struct palette {
    struct colour colours[256];
    size_t n;
    bool inks;     /* the panel's own: there are no others */
    uint32_t last; /* the pixel asked for before: most are like their neighbour */
    unsigned last_index;
};

static struct colour colour_at(uint32_t pixel)
{
    return (struct colour){(uint8_t)(pixel >> 16), (uint8_t)(pixel >> 8), (uint8_t)pixel};
}

static bool is_grey(struct colour v)
{
    int high = v.r > v.g ? v.r : v.g, low = v.r < v.g ? v.r : v.g;
    if (v.b > high) high = v.b;
    if (v.b < low) low = v.b;
    return high - low < 48;
}

static unsigned nearest(struct palette *p, uint32_t pixel)
{
    struct colour v = colour_at(pixel);
    int least = INT32_MAX;
    if (pixel == p->last && p->last_index < p->n) return p->last_index;
    p->last = pixel;
    bool grey = is_grey(v); /* the edge of a black letter is no red */
    for (size_t i = 0; i < p->n; i++) {
        if (grey && p->inks && !is_grey(p->colours[i])) continue;
        int r = v.r - p->colours[i].r, g = v.g - p->colours[i].g, b = v.b - p->colours[i].b;
        int far = 2 * r * r + 4 * g * g + 3 * b * b;
        if (far >= least) continue;
        least = far;
        p->last_index = (unsigned)i;
    }
    return p->last_index;
}

static const uint32_t *row_of(const struct canvas *c, int y)
{
    const uint8_t *data = cairo_image_surface_get_data(c->surface);
    return (const uint32_t *)(const void *)(data +
                                            (size_t)y * (size_t)cairo_image_surface_get_stride(c->surface));
}

enum { PLAIN_RUN = 8 }; /* as many equal pixels side by side are ground, not the edge of a letter */

/* One colour stands for all that share its leading bits: that of a ground where there is one. False when 256 are too few. */
static bool palette_find(const struct canvas *c, int bits, struct palette *p)
{
    CLEANUP(free_ptr) uint8_t *seen = xcalloc((size_t)1 << (3 * bits), 1);
    *p = (struct palette){.last_index = UINT32_MAX};
    for (int pass = 0; pass < 2; pass++) {
        for (int y = 0; y < c->height; y++) {
            const uint32_t *row = row_of(c, y);
            for (int x = 0, run = 1; x < c->width; x++) {
                run = x && row[x] == row[x - 1] ? run + 1 : 1;
                if (run != (pass ? 1 : PLAIN_RUN)) continue;
                struct colour v = colour_at(row[x]);
                size_t cell = (size_t)(v.r >> (8 - bits)) << (2 * bits) |
                              (size_t)(v.g >> (8 - bits)) << bits | (size_t)(v.b >> (8 - bits));
                if (seen[cell]) continue;
                if (p->n == ARRAY_LEN(p->colours)) return false;
                seen[cell] = 1;
                p->colours[p->n++] = v;
            }
        }
    }
    return true;
}

static void palette_make(const struct canvas *c, const struct png_how *how, struct palette *p)
{
    *p = (struct palette){.last_index = UINT32_MAX};
    if (how->form == PNG_FEW) {
        for (int bits = 6; bits > 2 && !palette_find(c, bits, p); bits--) continue;
    } else if (how->form == PNG_INDEXED) {
        p->n = how->n_colours < ARRAY_LEN(p->colours) ? how->n_colours : ARRAY_LEN(p->colours);
        memcpy(p->colours, how->colours, p->n * sizeof(*p->colours));
        p->inks = true;
    }
}

static int bits_of(const struct palette *p)
{
    if (!p->n) return 8;
    return p->n <= 2 ? 1 : p->n <= 4 ? 2 : p->n <= 16 ? 4 : 8;
}

static void pack_row(const uint32_t *from, int width, enum png_form form, struct palette *p, uint8_t *row)
{
    int bits = bits_of(p);
    memset(row, 0, (size_t)width);
    for (int x = 0; x < width; x++) {
        struct colour v = colour_at(from[x]);
        if (form == PNG_GRAY)
            row[x] = (uint8_t)((v.r * 299 + v.g * 587 + v.b * 114 + 500) / 1000);
        else
            row[x * bits / 8] |= (uint8_t)(nearest(p, from[x]) << (8 - bits - x * bits % 8));
    }
}

static void add_texts(png_structp png, png_infop info, const struct png_how *how)
{
    png_text texts[2];
    int n = 0;
    memset(texts, 0, sizeof(texts));
    const char *const values[] = {how->title, how->alt};
    static const char *const keys[] = {"Title", "Description"};
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        if (!values[i]) continue;
        texts[n].compression = PNG_ITXT_COMPRESSION_NONE;
        texts[n].key = (png_charp)(uintptr_t)keys[i]; /* libpng only reads them */
        texts[n].text = (png_charp)(uintptr_t)values[i];
        texts[n].lang = (png_charp)(uintptr_t) "zh-CN";
        n++;
    }
    if (n) png_set_text(png, info, texts, n);
}

static void set_palette(png_structp png, png_infop info, const struct palette *p)
{
    png_color colours[256];
    for (size_t i = 0; i < p->n; i++)
        colours[i] = (png_color){p->colours[i].r, p->colours[i].g, p->colours[i].b};
    png_set_PLTE(png, info, colours, (int)p->n);
}

/* libpng leaves a failure by a jump: everything that must be freed was made before it. */
static bool png_write(png_structp png, png_infop info, const struct canvas *c, const struct png_how *how,
                      struct palette *p, struct buf *out, uint8_t *row)
{
    static const int types[] = {PNG_COLOR_TYPE_GRAY, PNG_COLOR_TYPE_PALETTE, PNG_COLOR_TYPE_PALETTE};
    if (setjmp(png_jmpbuf(png))) return false;
    png_set_write_fn(png, out, png_add, png_flushed);
    png_set_IHDR(png, info, (png_uint_32)c->width, (png_uint_32)c->height, bits_of(p), types[how->form],
                 PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    if (p->n) set_palette(png, info, p);
    add_texts(png, info, how);
    png_write_info(png, info);
    for (int y = 0; y < c->height; y++) {
        pack_row(row_of(c, y), c->width, how->form, p, row);
        png_write_row(png, row);
    }
    png_write_end(png, info);
    return true;
}

enum relay_err canvas_png(struct canvas *c, const struct png_how *how, struct buf *out, struct reason *why)
{
    struct palette p;
    if (c->missing) return canvas_finish(c, why);
    cairo_surface_flush(c->surface);
    palette_make(c, how, &p);
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png ? png_create_info_struct(png) : NULL;
    uint8_t *row = xmalloc((size_t)c->width);
    bool ok = info && png_write(png, info, c, how, &p, out, row);
    free(row);
    if (png) png_destroy_write_struct(&png, info ? &info : NULL);
    return ok ? RELAY_OK : fail(why, RELAY_LIMIT, "%s", _("the picture is too large"));
}
