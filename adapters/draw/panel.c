/* Pictures for panels. */
#include "adapters/draw/panel.h"

#include <string.h>

#include "adapters/draw/canvas.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/i18n.h"
#include "base/mem.h"

enum {
    DRAWING = 2,
    SMALL_HEIGHT = 72,
    LINES_HEIGHT = 120,
    FOOT_HEIGHT = 200,
    LEAST = 11,
    TIGHT_HEIGHT = 24,
    NARROW = 260
};

static const char *const palettes[] = {"bw", "bwr", "gray", "rgb"};

bool panel_palette_parse(const char *s, enum panel_palette *ret)
{
    for (size_t i = 0; i < ARRAY_LEN(palettes); i++) {
        if (strcmp(palettes[i], s) != 0) continue;
        *ret = (enum panel_palette)i;
        return true;
    }
    return false;
}

void panel_key(const struct panel *p, char ret[static PANEL_KEY_LEN])
{
    CLEANUP(buf_release) struct buf b = BUF_INIT(64 * 1024);
    uint8_t hash[HASH_LEN];
    buf_printf(&b, "%d %d %d %d %d", DRAWING, p->width, p->height, (int)p->palette, p->dark);
    if (p->headline) {
        buf_printf(&b, " %d %d %d %lld %zu %zu", (int)p->level, (int)p->status, p->correction,
                   (long long)(p->expires / MINUTE_MS), p->at, p->of);
        buf_json_str(&b, p->headline);
        for (int i = 0; i < p->n_lines; i++) buf_json_str(&b, p->lines[i]);
    } else {
        buf_json_str(&b, p->idle);
    }
    hash_sha256(buf_cstr(&b), b.len, hash);
    hash_hex(hash, (PANEL_KEY_LEN - 1) / 2, ret);
}

/* What is written, on what; and the band at the top. Where there are no colours, shapes and words carry the level alone. */
struct inks {
    struct colour ink, paper, band, band_ink;
};

static struct inks inks_of(const struct panel *p)
{
    static const struct colour black = {0, 0, 0}, white = {255, 255, 255}, red = {200, 0, 0};
    struct inks k = {.ink = p->dark ? white : black, .paper = p->dark ? black : white};
    const struct look *look = look_of(p->level, p->correction ? MSG_CANCEL : MSG_ALERT);
    k.band = k.ink;
    k.band_ink = k.paper;
    if (p->palette == PANEL_RGB) {
        k.band = look->ground;
        k.band_ink = look->ink;
    } else if (p->palette == PANEL_BWR && p->level == LEVEL_RED && !p->correction) {
        k.band = red;
        k.band_ink = white;
    }
    return k;
}

/* Draws text into a box at the largest size; false when even the least is too large. */
static bool put(struct canvas *v, const char *text, struct colour ink, bool bold, int lines, double x,
                double y, double w, double h)
{
    double most = h / (lines > 1 ? 1.2 : 1.15), least = most < LEAST ? most : LEAST;
    bool tight = h < TIGHT_HEIGHT * lines;
    return canvas_words(v, &(struct words){.text = text,
                                           .colour = ink,
                                           .x = x,
                                           .y = y,
                                           .w = w,
                                           .h = h,
                                           .most = most,
                                           .least = least,
                                           .lines = lines,
                                           .bold = bold,
                                           .middle = true,
                                           .tight = tight});
}

/* A sign of a few rows: the shape, and the headline in one or two lines. Drill and correction say so in the first word. */
static bool draw_small(struct canvas *v, const struct panel *p, const struct inks *k)
{
    CLEANUP(buf_release) struct buf text = BUF_INIT(4096);
    const double h = p->height, pad = h < 40 ? 0 : 2;
    double icon = p->width >= 4 * p->height ? h - 2 * pad : 0, left = icon > 0 ? icon + 2 * pad + 2 : pad;
    const char *mark = look_drill(p->status);
    if (mark) buf_printf(&text, "【%s】", mark);
    if (p->correction) buf_str(&text, "更正：");
    buf_str(&text, look_unmarked(p->headline));
    const struct look *look = look_of(p->level, p->correction ? MSG_CANCEL : MSG_ALERT);
    if (icon > 0) {
        canvas_fill(v, k->band, 0, 0, left - 1, h);
        canvas_shape(v, look->shape, k->band_ink, k->band, pad + icon * 0.08, pad + icon * 0.08, icon * 0.84);
    }
    int lines = h >= 2 * 14 ? (h >= 3 * 14 ? 3 : 2) : 1;
    return canvas_words(v, &(struct words){.text = buf_cstr(&text),
                                           .colour = k->ink,
                                           .x = left,
                                           .y = pad,
                                           .w = p->width - left - pad,
                                           .h = h - 2 * pad,
                                           .most = h,
                                           .least = LEAST,
                                           .lines = lines,
                                           .bold = h >= 40,
                                           .middle = true,
                                           .tight = true});
}

static bool draw_band(struct canvas *v, const struct panel *p, const struct inks *k, double y, double h)
{
    const struct look *look = look_of(p->level, p->correction ? MSG_CANCEL : MSG_ALERT);
    char title[96], page[32] = "";
    double pad = h * 0.14, icon = h - 2 * pad, left = 2 * pad + icon + pad, size = h * 0.5,
           right = p->width - 2 * pad;
    if (p->of > 1) (void)snprintf(page, sizeof(page), "%zu/%zu", p->at + 1, p->of);
    const char *mark = look_drill(p->status);
    if (mark && p->width < NARROW)
        (void)snprintf(title, sizeof(title), "%s", mark);
    else
        (void)snprintf(title, sizeof(title), "%s%s%s", mark ? mark : "", mark ? "·不是真的 " : "",
                       look->word);
    canvas_fill(v, k->band, 0, y, p->width, h);
    canvas_shape(v, look->shape, k->band_ink, k->band, 2 * pad, y + pad, icon);
    if (*page) {
        double w = canvas_measure(v, page, size * 0.9, true);
        if (!put(v, page, k->band_ink, true, 1, right - w, y + h * 0.2, w + 2, h * 0.6)) return false;
        right -= w + pad;
    }
    return put(v, title, k->band_ink, true, 1, left, y, right - left, h * 0.9);
}

static bool draw_large(struct canvas *v, const struct panel *p, const struct inks *k)
{
    const double w = p->width, h = p->height, pad = w * 0.025 + 2;
    double stripe = look_drill(p->status) ? h * 0.05 : 0, top = stripe,
           foot = h >= FOOT_HEIGHT ? h * 0.13 : 0;
    double band = h * (h >= FOOT_HEIGHT ? 0.19 : 0.24);
    if (band > w * 0.2) band = w * 0.2; /* an upright panel */
    if (foot > w * 0.11) foot = w * 0.11;
    double bottom = h - foot - stripe;
    if (stripe > 0) {
        canvas_stripes(v, k->ink, k->paper, 0, 0, w, stripe);
        canvas_stripes(v, k->ink, k->paper, 0, h - stripe, w, stripe);
    }
    if (!draw_band(v, p, k, top, band)) return false;
    top += band;
    bool with_lines = p->n_lines && h >= LINES_HEIGHT;
    double head = (bottom - top) * (with_lines ? 0.44 : 1);
    /* An upright panel is too narrow for a headline in one line. */
    int head_lines = w > 1.2 * h ? (with_lines ? 1 : 2) : 3;
    if (!put(v, look_unmarked(p->headline), k->ink, true, head_lines, pad, top, w - 2 * pad, head))
        return false;
    top += head;
    for (int i = 0; with_lines && i < p->n_lines; i++) {
        double row = (bottom - top) / (p->n_lines - i);
        if (!put(v, p->lines[i], k->ink, false, 1, pad, top, w - 2 * pad, row * 0.94)) return false;
        top += row;
    }
    if (foot <= 0) return true;
    char until[64];
    struct local_time t = clock_local(p->expires);
    if (p->width < NARROW)
        (void)snprintf(until, sizeof(until), "%d日%02d:%02d止", t.day, t.hour, t.minute);
    else
        (void)snprintf(until, sizeof(until), "%d月%d日%02d:%02d前有效", t.month, t.day, t.hour, t.minute);
    CLEANUP(buf_release) struct buf text = BUF_INIT(256);
    buf_printf(&text, "%s%s", p->width < NARROW ? "打96110 " : "拿不准打 96110　", until);
    canvas_fill(v, k->ink, pad, bottom, w - 2 * pad, h < 400 ? 1 : 2);
    return put(v, buf_cstr(&text), k->ink, true, 1, pad, bottom + foot * 0.1, w - 2 * pad, foot * 0.85);
}

static bool draw_idle(struct canvas *v, const struct panel *p, const struct inks *k)
{
    const double w = p->width, h = p->height, pad = w * 0.03;
    if (h < SMALL_HEIGHT || !p->idle) {
        const char *text = p->idle ? p->idle : "反诈专线 96110";
        return put(v, text, k->ink, false, h >= 28 ? 2 : 1, pad, 0, w - 2 * pad,
                   h * (h < SMALL_HEIGHT ? 1 : 0.6));
    }
    return put(v, p->idle, k->ink, false, 3, pad, h * 0.1, w - 2 * pad, h * 0.55) &&
           put(v, "反诈专线 96110", k->ink, true, 1, pad, h * 0.75, w - 2 * pad, h * 0.18);
}

enum relay_err panel_png(const struct panel *p, struct buf *out, struct reason *why)
{
    static const struct colour colours[] = {{255, 255, 255}, {0, 0, 0}, {200, 0, 0}};
    CLEANUP(canvas_release) struct canvas v = {0};
    if (p->width < PANEL_WIDTH_MIN || p->height < PANEL_HEIGHT_MIN || p->width > PANEL_SIDE_MAX ||
        p->height > PANEL_SIDE_MAX)
        return fail(why, RELAY_INVALID, _("a panel has %d to %d by %d to %d pixels"), PANEL_WIDTH_MIN,
                    PANEL_SIDE_MAX, PANEL_HEIGHT_MIN, PANEL_SIDE_MAX);
    enum relay_err err = canvas_picture(&v, p->width, p->height, why);
    if (err != RELAY_OK) return err;
    const struct inks k = inks_of(p);
    canvas_fill(&v, k.paper, 0, 0, p->width, p->height);
    bool fits = !p->headline               ? draw_idle(&v, p, &k)
                : p->height < SMALL_HEIGHT ? draw_small(&v, p, &k)
                                           : draw_large(&v, p, &k);
    if (!fits) return fail(why, RELAY_INVALID, "%s", _("the panel is too small for the words"));
    struct png_how how = {.form = p->palette == PANEL_RGB    ? PNG_FEW
                                  : p->palette == PANEL_GRAY ? PNG_GRAY
                                                             : PNG_INDEXED,
                          .colours = colours,
                          .n_colours = p->palette == PANEL_BWR ? 3 : 2};
    return canvas_png(&v, &how, out, why);
}
