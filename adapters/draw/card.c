/* The picture card of a warning. */
#include "adapters/draw/card.h"

#include <string.h>

#include "adapters/draw/canvas.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/i18n.h"
#include "base/mem.h"

enum {
    SIDE = 64, /* margin */
    BAND = 148,
    STRIPE = 36,
    FOOT = 196, /* the hotline and who says it */
    ICON = 104,
    /* In every key: a change of the drawing makes new pictures. */
    DRAWING = 2
};

static void when(int64_t wall, char *out, size_t n)
{
    struct local_time t = clock_local(wall);
    (void)snprintf(out, n, "%d月%d日 %02d:%02d", t.month, t.day, t.hour, t.minute);
}

void card_key(const struct card *c, char ret[static CARD_KEY_LEN])
{
    CLEANUP(buf_release) struct buf b = BUF_INIT(64 * 1024);
    uint8_t hash[HASH_LEN];
    buf_printf(&b, "%d %d %d %d %lld %lld", DRAWING, (int)c->level, (int)c->msg_type, (int)c->status,
               (long long)c->sent, (long long)c->expires);
    buf_json_str(&b, c->headline);
    for (int i = 0; i < c->n_lines; i++) buf_json_str(&b, c->lines[i]);
    buf_json_str(&b, c->issuer);
    buf_json_str(&b, c->id);
    hash_sha256(buf_cstr(&b), b.len, hash);
    hash_hex(hash, (CARD_KEY_LEN - 1) / 2, ret);
}

void card_alt(const struct card *c, struct buf *out)
{
    char until[40];
    if (look_drill(c->status)) buf_printf(out, "【%s】", look_drill(c->status));
    buf_printf(out, "%s：%s。", look_of(c->level, c->msg_type)->word, look_unmarked(c->headline));
    for (int i = 0; i < c->n_lines; i++)
        buf_printf(out, "%s%s", c->lines[i], i + 1 < c->n_lines ? "；" : "。");
    buf_str(out, "拿不准，打 96110。");
    when(c->expires, until, sizeof(until));
    if (c->issuer) buf_printf(out, "%s，", c->issuer);
    buf_printf(out, "%s 前有效，编号 %s。", until, c->id ? c->id : "-");
}

static void draw_band(struct canvas *v, const struct card *c, double y)
{
    const struct look *look = look_of(c->level, c->msg_type);
    const char *drill = look_drill(c->status);
    char title[96];
    (void)snprintf(title, sizeof(title), "%s%s%s", drill ? "【" : "", drill ? drill : "防骗提醒",
                   drill ? "】这不是真的" : "");
    canvas_fill(v, look->ground, 0, y, CARD_WIDTH, BAND);
    canvas_shape(v, look->shape, look->ink, look->ground, SIDE, y + (BAND - ICON) / 2.0, ICON);
    double left = SIDE + ICON + 36, right = CARD_WIDTH - SIDE;
    double word = canvas_measure(v, look->word, 52, true);
    (void)canvas_words(v, &(struct words){.text = title,
                                          .colour = look->ink,
                                          .x = left,
                                          .y = y,
                                          .w = right - left - word - 30,
                                          .h = BAND,
                                          .most = 72,
                                          .least = 30,
                                          .lines = 1,
                                          .bold = true,
                                          .middle = true});
    (void)canvas_words(v, &(struct words){.text = look->word,
                                          .colour = look->ink,
                                          .x = right - word - 4,
                                          .y = y,
                                          .w = word + 4,
                                          .h = BAND,
                                          .most = 52,
                                          .least = 30,
                                          .lines = 1,
                                          .bold = true,
                                          .right = true,
                                          .middle = true});
}

/* Headline and lines, in what is between band and foot. False when a text is too long for any size. */
static bool draw_text(struct canvas *v, const struct card *c, double top, double bottom)
{
    const struct look *look = look_of(c->level, c->msg_type);
    double width = CARD_WIDTH - 2 * SIDE, share = c->n_lines ? 0.36 : 1, head = (bottom - top) * share;
    if (!canvas_words(v, &(struct words){.text = look_unmarked(c->headline),
                                         .colour = INK,
                                         .x = SIDE,
                                         .y = top,
                                         .w = width,
                                         .h = head,
                                         .most = 104,
                                         .least = 36,
                                         .lines = c->n_lines ? 1 : 3,
                                         .bold = true,
                                         .middle = true}))
        return false;
    if (!c->n_lines) return true;
    double row = (bottom - top - head - 12) / 3, y = top + head;
    y += (3 - c->n_lines) * row / 2;
    double size = canvas_one_size(v, c->lines, (size_t)c->n_lines, 66, width - 56, false);
    for (int i = 0; i < c->n_lines; i++, y += row) {
        canvas_round(v, look->ground, SIDE + 4, y + row / 2 - size * 0.36, 14, size * 0.72, 7);
        if (!canvas_words(v, &(struct words){.text = c->lines[i],
                                             .colour = INK,
                                             .x = SIDE + 48,
                                             .y = y,
                                             .w = width - 48,
                                             .h = row,
                                             .most = size,
                                             .least = size < 24 ? size : 24,
                                             .lines = 1,
                                             .middle = true}))
            return false;
    }
    return true;
}

static void draw_foot(struct canvas *v, const struct card *c, double top)
{
    char sent[40], until[40];
    CLEANUP(buf_release) struct buf small = BUF_INIT(8192);
    double width = CARD_WIDTH - 2 * SIDE;
    when(c->sent, sent, sizeof(sent));
    when(c->expires, until, sizeof(until));
    if (c->issuer) buf_printf(&small, "%s　", c->issuer);
    buf_printf(&small, "%s 发布　%s 前有效", sent, until);
    if (c->id) buf_printf(&small, "　编号 %s", c->id);
    canvas_fill(v, FOOT_GROUND, 0, top, CARD_WIDTH, FOOT);
    double at = SIDE, ask = canvas_measure(v, "拿不准，先打", 56, true);
    struct words w = {.text = "拿不准，先打",
                      .colour = PAPER,
                      .x = at,
                      .y = top + 14,
                      .w = ask + 8,
                      .h = 112,
                      .most = 56,
                      .least = 30,
                      .lines = 1,
                      .bold = true,
                      .middle = true};
    (void)canvas_words(v, &w);
    w.text = "96110";
    w.x = at + ask + 28;
    w.w = width - ask - 28;
    w.most = 76;
    (void)canvas_words(v, &w);
    double number = canvas_measure(v, "96110", 76, true);
    w.text = "反诈专线";
    w.x += number + 32;
    w.w = CARD_WIDTH - SIDE - w.x;
    w.most = 40;
    w.bold = false;
    w.colour = FOOT_SOFT;
    (void)canvas_words(v, &w);
    (void)canvas_words(v, &(struct words){.text = buf_cstr(&small),
                                          .colour = FOOT_SOFT,
                                          .x = SIDE,
                                          .y = top + 120,
                                          .w = width,
                                          .h = 56,
                                          .most = 32,
                                          .least = 14,
                                          .lines = 1,
                                          .middle = true});
}

enum relay_err card_png(const struct card *c, struct buf *out, struct reason *why)
{
    CLEANUP(canvas_release) struct canvas v = {0};
    if (!c->headline || !*c->headline)
        return fail(why, RELAY_INVALID, "%s", _("the rule has no headline for a card"));
    enum relay_err err = canvas_picture(&v, CARD_WIDTH, CARD_HEIGHT, why);
    if (err != RELAY_OK) return err;
    double top = 0, bottom = CARD_HEIGHT - FOOT;
    if (look_drill(
            c->status)) { /* a drill is framed, so that it is seen even where only the middle is shown */
        static const struct colour yellow = {0xff, 0xe0, 0x3a};
        canvas_stripes(&v, INK, yellow, 0, 0, CARD_WIDTH, STRIPE);
        canvas_stripes(&v, INK, yellow, 0, bottom - STRIPE, CARD_WIDTH, STRIPE);
        top = STRIPE;
        bottom -= STRIPE;
    }
    draw_band(&v, c, top);
    if (!draw_text(&v, c, top + BAND, bottom))
        return fail(why, RELAY_INVALID, "%s", _("the headline or a line is too long for a card"));
    draw_foot(&v, c, CARD_HEIGHT - FOOT);
    CLEANUP(buf_release) struct buf alt = BUF_INIT(CARD_ALT_MAX);
    card_alt(c, &alt);
    const struct png_how how = {.form = PNG_FEW, .title = look_unmarked(c->headline), .alt = buf_cstr(&alt)};
    return canvas_png(&v, &how, out, why);
}
