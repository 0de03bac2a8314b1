/* The A4 poster of a rule. */
#include "adapters/draw/poster.h"

#include "adapters/draw/canvas.h"
#include "base/clock.h"
#include "base/i18n.h"
#include "base/mem.h"

/* Points. */
#define PAGE_W 595.276
#define PAGE_H 841.89
#define SIDE   46.0

/* -- what the rule says already ------------------------------------------------------------------------------------ */

static size_t starts(const char *s, const char *const *words)
{
    for (; *words; words++)
        if (strncmp(s, *words, strlen(*words)) == 0) return strlen(*words);
    return 0;
}

/* What is forbidden without the word that forbids it. */
static const char *core_of(const char *dont)
{
    static const char *const words[] = {"不要先", "不要", "别先", "别", "不先", "不", NULL};
    return dont + starts(dont, words);
}

static bool says_the_same(const char *a, const char *b)
{
    return strstr(core_of(a), core_of(b)) || strstr(core_of(b), core_of(a));
}

static bool forbids(const char *text)
{
    static const char *const first[] = {"不要", "别", "不", NULL};
    static const char *const within[] = {"不离手", "不外借", "不卖"};
    if (starts(text, first)) return !strstr(text, "他"); /* of whom nothing has been said here */
    for (size_t i = 0; i < ARRAY_LEN(within); i++)
        if (strstr(text, within[i])) return true;
    return false;
}

static void take(const char *s, size_t n, struct arena *mem, const char *ret[static POSTER_DONTS],
                 size_t *count)
{
    char text[128];
    if (*count == POSTER_DONTS || n < 6 || n >= sizeof(text)) return;
    memcpy(text, s, n);
    text[n] = '\0';
    if (!forbids(text)) return;
    for (size_t i = 0; i < *count; i++)
        if (says_the_same(ret[i], text)) return;
    ret[(*count)++] = arena_strdup(mem, text);
}

static void take_parts(const char *text, const char *const *ends, struct arena *mem,
                       const char *ret[static POSTER_DONTS], size_t *count)
{
    const char *from = text;
    for (const char *p = text;; p++) {
        size_t end = *p ? starts(p, ends) : 1;
        if (!end) continue;
        take(from, (size_t)(p - from), mem, ret, count);
        if (!*p) return;
        from = p + end;
        p = from - 1;
    }
}

void poster_donts(const char *const *lines, int n_lines, const char *voice, struct arena *mem,
                  const char *ret[static POSTER_DONTS])
{
    static const char *const spaces[] = {" ", "　", NULL}, *const stops[] = {"。", "，", "；", NULL};
    static const char *const always[POSTER_DONTS] = {"不要转账", "不要说验证码", "不要点陌生链接"};
    size_t n = 0;
    for (int i = 0; i < n_lines; i++) take_parts(lines[i], spaces, mem, ret, &n);
    if (voice) take_parts(voice, stops, mem, ret, &n);
    for (size_t i = 0; i < POSTER_DONTS; i++) take(always[i], strlen(always[i]), mem, ret, &n);
    for (size_t i = 0; n < POSTER_DONTS; i++) ret[n++] = always[i];
}

void poster_story(const char *voice, struct buf *out)
{
    static const char greeting[] = "防骗提醒。", stop[] = "。";
    if (!voice) return;
    if (strncmp(voice, greeting, strlen(greeting)) == 0) voice += strlen(greeting);
    const char *lie = strstr(voice, "骗子");
    const char *end = lie ? strstr(lie, stop) : NULL;
    if (!end) return;
    end += strlen(stop);
    const char *last = voice; /* the sentence that calls it a fraud has a line of its own */
    for (const char *p = voice; (p = strstr(p, stop)) && p < lie;) last = p += strlen(stop);
    buf_add(out, voice, (size_t)(last - voice));
    if (last > voice) buf_char(out, '\n');
    buf_add(out, last, (size_t)(end - last));
}

/* -- the page ------------------------------------------------------------------------------------------------------ */

static double draw_head(struct canvas *v, const struct poster *p)
{
    const struct look *look = look_of(p->level, MSG_ALERT);
    const double height = 112;
    canvas_fill(v, look->ground, 0, 0, PAGE_W, height);
    canvas_shape(v, look->shape, look->ink, look->ground, SIDE, 26, 62);
    (void)canvas_words(v, &(struct words){.text = "防骗提醒",
                                          .colour = look->ink,
                                          .x = SIDE + 82,
                                          .y = 20,
                                          .w = 260,
                                          .h = 74,
                                          .most = 50,
                                          .least = 20,
                                          .lines = 1,
                                          .bold = true,
                                          .middle = true});
    if (p->site)
        (void)canvas_words(v, &(struct words){.text = p->site,
                                              .colour = look->ink,
                                              .x = SIDE + 300,
                                              .y = 20,
                                              .w = PAGE_W - 2 * SIDE - 300,
                                              .h = 74,
                                              .most = 20,
                                              .least = 8,
                                              .lines = 1,
                                              .bold = true,
                                              .right = true,
                                              .middle = true});
    return height;
}

/* "一二三，四五六；七八九，十。" in lines of one phrase each. */
static void rhyme_lines(const char *rhyme, struct buf *out)
{
    static const char *const ends[] = {"，", "；", "。", "！", NULL};
    for (const char *p = rhyme; *p;) {
        size_t n = starts(p, ends);
        if (!n) {
            buf_char(out, *p++);
            continue;
        }
        buf_add(out, p, n);
        p += n;
        if (*p) buf_char(out, '\n');
    }
}

static bool draw_rhyme(struct canvas *v, const struct poster *p, double y, double h)
{
    CLEANUP(buf_release) struct buf text = BUF_INIT(4096);
    rhyme_lines(p->rhyme, &text);
    canvas_round(v, RHYME_GROUND, SIDE, y, PAGE_W - 2 * SIDE, h, 10);
    return canvas_words(v, &(struct words){.text = buf_cstr(&text),
                                           .colour = INK,
                                           .x = SIDE + 12,
                                           .y = y + 10,
                                           .w = PAGE_W - 2 * SIDE - 24,
                                           .h = h - 20,
                                           .most = 44,
                                           .least = 14,
                                           .bold = true,
                                           .centred = true,
                                           .middle = true});
}

static bool draw_donts(struct canvas *v, const struct poster *p, double y, double row)
{
    static const struct colour cross = {0xa3, 0x12, 0x1c};
    const double left = SIDE + 66, room = PAGE_W - SIDE - left;
    double size = canvas_one_size(v, p->donts, POSTER_DONTS, 36, room, true);
    for (size_t i = 0; i < POSTER_DONTS; i++, y += row) {
        canvas_cross(v, cross, SIDE + 10, y + row / 2 - 17, 34);
        if (!canvas_words(v, &(struct words){.text = p->donts[i],
                                             .colour = INK,
                                             .x = left,
                                             .y = y,
                                             .w = room + 1,
                                             .h = row,
                                             .most = size,
                                             .least = size < 14 ? size : 14,
                                             .lines = 1,
                                             .bold = true,
                                             .middle = true}))
            return false;
    }
    return true;
}

static bool draw_foot(struct canvas *v, const struct poster *p, double y)
{
    CLEANUP(buf_release) struct buf ask = BUF_INIT(2048), small = BUF_INIT(2048);
    const double number_w = 196, width = PAGE_W - 2 * SIDE;
    struct local_time day = clock_local(p->printed);
    buf_printf(&ask, "拿不准，先问人：\n%s", p->help ? p->help : "导诊台或保安");
    buf_printf(&small, "%s%s%d年%d月%d日　%s", p->issuer ? p->issuer : "", p->issuer ? "　" : "", day.year,
               day.month, day.day, p->rule);
    canvas_fill(v, FOOT_GROUND, 0, y, PAGE_W, PAGE_H - y);
    bool ok = canvas_words(v, &(struct words){.text = buf_cstr(&ask),
                                              .colour = PAPER,
                                              .x = SIDE,
                                              .y = y + 14,
                                              .w = width - number_w - 14,
                                              .h = 92,
                                              .most = 27,
                                              .least = 11,
                                              .lines = 4,
                                              .bold = true,
                                              .middle = true});
    ok = ok && canvas_words(v, &(struct words){.text = "96110",
                                               .colour = PAPER,
                                               .x = PAGE_W - SIDE - number_w,
                                               .y = y + 8,
                                               .w = number_w,
                                               .h = 72,
                                               .most = 58,
                                               .least = 20,
                                               .lines = 1,
                                               .bold = true,
                                               .right = true,
                                               .middle = true});
    ok = ok && canvas_words(v, &(struct words){.text = "全国反诈专线　报警打 110",
                                               .colour = FOOT_SOFT,
                                               .x = PAGE_W - SIDE - number_w,
                                               .y = y + 78,
                                               .w = number_w,
                                               .h = 24,
                                               .most = 14,
                                               .least = 8,
                                               .lines = 1,
                                               .right = true,
                                               .middle = true});
    return ok && canvas_words(v, &(struct words){.text = buf_cstr(&small),
                                                 .colour = FOOT_SOFT,
                                                 .x = SIDE,
                                                 .y = PAGE_H - 34,
                                                 .w = width,
                                                 .h = 20,
                                                 .most = 10,
                                                 .least = 5,
                                                 .lines = 1,
                                                 .middle = true});
}

static bool draw(struct canvas *v, const struct poster *p)
{
    const double foot = PAGE_H - 152, width = PAGE_W - 2 * SIDE;
    double y = draw_head(v, p) + 22;
    struct words w = {.text = look_unmarked(p->headline),
                      .colour = INK,
                      .x = SIDE,
                      .y = y,
                      .w = width,
                      .h = 62,
                      .most = 46,
                      .least = 18,
                      .lines = 1,
                      .bold = true,
                      .centred = true,
                      .middle = true};
    if (!canvas_words(v, &w)) return false;
    y += 70;
    if (p->story) {
        w = (struct words){.text = p->story,
                           .colour = STORY_INK,
                           .x = SIDE,
                           .y = y,
                           .w = width,
                           .h = 58,
                           .most = 21,
                           .least = 10,
                           .centred = true,
                           .middle = true};
        if (!canvas_words(v, &w)) return false;
        y += 70;
    }
    double caught = p->caught ? 56 : 0, rest = foot - y - caught - 26;
    double rhyme = p->rhyme ? rest * 0.56 : 0;
    if (p->rhyme && !draw_rhyme(v, p, y, rhyme)) return false;
    y += rhyme + 14;
    double row = (rest - rhyme - 4) / POSTER_DONTS;
    if (row > 76) row = 76;
    if (!draw_donts(v, p, y, row)) return false;
    if (p->caught) {
        w = (struct words){.text = p->caught,
                           .colour = CAUGHT_INK,
                           .x = SIDE,
                           .y = foot - caught - 8,
                           .w = width,
                           .h = caught,
                           .most = 19,
                           .least = 9,
                           .bold = true,
                           .middle = true};
        if (!canvas_words(v, &w)) return false;
    }
    return draw_foot(v, p, foot);
}

enum relay_err poster_pdf(const struct poster *p, struct buf *out, struct reason *why)
{
    CLEANUP(canvas_release) struct canvas v = {0};
    char made[TIME_TEXT_LEN];
    enum relay_err err = canvas_page(&v, PAGE_W, PAGE_H, look_unmarked(p->headline),
                                     clock_format(p->printed, false, made), out, why);
    if (err != RELAY_OK) return err;
    if (!draw(&v, p)) return fail(why, RELAY_INVALID, "%s", _("a text is too long for the page"));
    return canvas_finish(&v, why);
}
