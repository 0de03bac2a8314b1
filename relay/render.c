/* Fills slots, escapes what stands in them, and keeps to a number of bytes. */
#include "render.h"

#include "base/clock.h"
#include "base/i18n.h"
#include "base/mem.h"
#include "base/text.h"

enum { SMALL_COUNT = 5 };

const char *render_count(int64_t count, char out[static RENDER_WORD_LEN])
{
    if (count < SMALL_COUNT)
        (void)snprintf(out, RENDER_WORD_LEN, "多起");
    else
        (void)snprintf(out, RENDER_WORD_LEN, "%lld起", (long long)count);
    return out;
}

const char *render_time(int64_t wall_ms, char out[static RENDER_WORD_LEN])
{
    struct local_time t = clock_local(wall_ms);
    (void)snprintf(out, RENDER_WORD_LEN, "%d月%d日 %02d:%02d", t.month, t.day, t.hour, t.minute);
    return out;
}

void render_stored(const char *text, const char *short_id, int reminder, struct buf *out)
{
    static const char slot[] = "{{id}}";
    if (reminder > 0) buf_printf(out, "【第%d次提醒】尚无人确认。\n", reminder);
    for (const char *at; (at = strstr(text, slot)); text = at + sizeof(slot) - 1) {
        buf_add(out, text, (size_t)(at - text));
        buf_str(out, short_id);
    }
    buf_str(out, text);
}

static const char *slot_value(const struct render_slots *s, enum slot slot)
{
    const struct {
        const char *value, *otherwise;
    } values[SLOT_NAMES] = {
        [SLOT_SITE] = {s->site, "本院"}, [SLOT_HELP] = {s->help, "导诊台或保安"},
        [SLOT_AREA] = {s->area, "本地"}, [SLOT_COUNT] = {s->count, "多起"},
        [SLOT_ISSUER] = {s->issuer, ""}, [SLOT_TIME] = {s->time, ""},
        [SLOT_VALID] = {s->valid, ""},   [SLOT_ID] = {s->id, ""},
    };
    const char *value = values[slot].value;
    return value && *value ? value : values[slot].otherwise;
}

static const char *markdown_twin(char c)
{
    switch (c) {
    case '*': return "＊";
    case '_': return "＿";
    case '`': return "｀";
    case '#': return "＃";
    case '~': return "～";
    case '|': return "｜";
    case '[': return "［";
    case ']': return "］";
    case '(': return "（";
    case ')': return "）";
    case '<': return "＜";
    case '>': return "＞";
    case '\\': return "＼";
    default: return NULL;
    }
}

static void put_value(struct buf *out, const char *value, enum render_form form)
{
    for (; *value; value++) {
        const char *twin = form == RENDER_MARKDOWN ? markdown_twin(*value) : NULL;
        if (twin)
            buf_str(out, twin);
        else
            buf_char(out, (unsigned char)*value < 0x20 || *value == 0x7f ? ' ' : *value);
    }
}

static enum relay_err fill(const char *text, const struct render_slots *s, enum render_form form,
                           struct buf *out, struct reason *why)
{
    struct reason wrong = {{0}};
    struct slot_part part;
    while (slot_next(&text, &part, &wrong)) {
        buf_add(out, part.plain, part.plain_len);
        if (part.has_slot) put_value(out, slot_value(s, part.slot), form);
    }
    if (*wrong.text) {
        if (why) *why = wrong;
        return RELAY_INVALID;
    }
    if (buf_failed(out)) return fail(why, RELAY_LIMIT, _("the text is longer than %zu bytes"), out->limit);
    return RELAY_OK;
}

enum relay_err render_as(const char *text, const struct render_slots *s, enum render_form form,
                         struct buf *out, struct reason *why)
{
    if (form != RENDER_HTML) return fill(text, s, form, out, why);
    CLEANUP(buf_release) struct buf plain = BUF_INIT(out->limit);
    enum relay_err err = fill(text, s, form, &plain, why);
    if (err != RELAY_OK) return err;
    buf_html(out, buf_cstr(&plain));
    return buf_failed(out) ? fail(why, RELAY_LIMIT, _("the text is longer than %zu bytes"), out->limit)
                           : RELAY_OK;
}

enum relay_err render(const char *text, const struct render_slots *s, struct buf *out, struct reason *why)
{
    return render_as(text, s, RENDER_PLAIN, out, why);
}

/* Bytes of the first n of s once they are in their form. */
static size_t form_size(const char *s, size_t n, enum render_form form)
{
    if (form != RENDER_HTML) return n;
    CLEANUP(free_ptr) char *part = xstrndup(s, n);
    CLEANUP(buf_release) struct buf html = BUF_INIT(SIZE_MAX / 2);
    buf_html(&html, part);
    return html.len;
}

enum relay_err render_within(const char *text, const char *tail, const struct render_slots *s,
                             enum render_form form, size_t max, struct buf *out, bool *ret_cut,
                             struct reason *why)
{
    static const char more[] = "…";
    CLEANUP(buf_release) struct buf body = BUF_INIT(out->limit), end = BUF_INIT(out->limit);
    enum relay_err err;
    if ((err = fill(text, s, form, &body, why)) != RELAY_OK) return err;
    if (tail && (err = fill(tail, s, form, &end, why)) != RELAY_OK) return err;
    size_t end_size = form_size(buf_cstr(&end), end.len, form), keep = body.len;
    if (end_size > max)
        return fail(why, RELAY_LIMIT, _("the end of the text alone is longer than %zu bytes"), max);
    bool cut = false;
    for (size_t size;
         (size = form_size(buf_cstr(&body), keep, form) + (cut ? sizeof(more) - 1 : 0)) > max - end_size;) {
        if (keep == 0) { /* not even the mark has room */
            cut = false;
            break;
        }
        /* Escaping makes it longer than it looks: go down by what is too much until it fits. */
        size_t over = size + (cut ? 0 : sizeof(more) - 1) - (max - end_size);
        keep = over < keep ? text_cut_sentence(body.data, keep, keep - over) : 0;
        cut = true;
    }
    bool lost = keep < body.len;
    if (body.data) body.data[keep] = '\0';
    if (form == RENDER_HTML) {
        buf_html(out, buf_cstr(&body));
        buf_str(out, cut ? more : "");
        buf_html(out, buf_cstr(&end));
    } else {
        buf_add(out, buf_cstr(&body), keep);
        buf_str(out, cut ? more : "");
        buf_add(out, buf_cstr(&end), end.len);
    }
    if (buf_failed(out)) return fail(why, RELAY_LIMIT, _("the text is longer than %zu bytes"), out->limit);
    *ret_cut = lost;
    return RELAY_OK;
}
