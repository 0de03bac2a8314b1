/* What a revision says: to loudspeakers and screens of a site, to chats of an audience. */
#include "edition.h"

#include "base/log.h"
#include "base/mem.h"
#include "render.h"

enum { BODY_MAX = 64 * 1024, AREA_WORDS_MAX = 199 };

/* "雁塔区、碑林区、莲湖区等地" */
static void area_words(const char *areas, struct buf *b)
{
    char code[AREA_LEN + 1];
    for (int n = 0; n < 3 && area_next(&areas, code); n++) {
        if (n) buf_str(b, "、");
        buf_str(b, area_name(code));
    }
    if (area_next(&areas, code)) buf_str(b, "等地");
}

struct slot_texts {
    char area[AREA_WORDS_MAX + 1], count[RENDER_WORD_LEN], time[RENDER_WORD_LEN], valid[RENDER_WORD_LEN];
};

/* What every text of this revision may say; site, help and issuer are the target's. */
static struct render_slots slots_fill(struct slot_texts *t, const struct edition *ed,
                                      const struct relay_target *to)
{
    CLEANUP(buf_release) struct buf area = BUF_INIT(AREA_WORDS_MAX);
    area_words(ed->alert->areas, &area);
    (void)snprintf(t->area, sizeof(t->area), "%s", buf_cstr(&area));
    return (struct render_slots){.site = to->site ? to->site->name : NULL,
                                 .help = to->help,
                                 .area = t->area,
                                 /* A number never stands beside a site or ward. */
                                 .count = render_count(to->site ? 0 : ed->alert->count, t->count),
                                 .issuer = to->issuer,
                                 .time = render_time(ed->sent, t->time),
                                 .valid = render_time(ed->expires, t->valid),
                                 .id = "{{id}}"}; /* dispatch puts the delivery's own */
}

/* Drills and tests are marked at the head of every text, and spoken first and last. */
static const char *mark_of(const struct edition *ed, bool trial)
{
    if (ed->alert->status == STATUS_EXERCISE) return "【演练】";
    if (ed->alert->status == STATUS_TEST) return "【测试】";
    return trial ? "【试运行】" : "";
}

/* `around` stands before it and, when it is spoken, after it. */
static void add_text(struct buf *body, const char *name, const char *around, bool spoken,
                     const char *template, const struct render_slots *slots)
{
    if (!template) return;
    CLEANUP(buf_release) struct buf text = BUF_INIT(BODY_MAX);
    buf_str(&text, around);
    struct reason why;
    if (render(template, slots, &text, &why) !=
        RELAY_OK) { /* the rule's lint has refused this: be loud and say what is left */
        log_error("text=%s not rendered: %s; it is left out", name, why.text);
        return;
    }
    if (spoken) buf_str(&text, around);
    buf_json_member(body, name, buf_cstr(&text));
}

static void add_spoken(struct buf *body, const char *name, const struct edition *ed, const char *template,
                       const struct render_slots *slots)
{
    const char *around = ed->alert->status == STATUS_EXERCISE ? "这是演练。"
                         : ed->alert->status == STATUS_TEST   ? "这是测试。"
                                                              : "";
    add_text(body, name, around, true, template, slots);
}

static void add_lines(struct buf *body, const char *const *lines, int n, const struct render_slots *slots)
{
    buf_json_key(body, "lines");
    buf_char(body, '[');
    for (int i = 0; i < n; i++) {
        CLEANUP(buf_release) struct buf line = BUF_INIT(BODY_MAX);
        struct reason why;
        if (render(lines[i], slots, &line, &why) != RELAY_OK) continue; /* refused by lint before */
        if (body->data[body->len - 1] != '[') buf_char(body, ',');
        buf_json_str(body, buf_cstr(&line));
    }
    buf_char(body, ']');
}

/* A correction on a screen: lines of its own, because its sentences are longer than a line of a screen. */
static void add_correction_lines(struct buf *body, const char *mark, const struct render_slots *slots)
{
    static const char *const lines[] = {"请您不必担心", "有疑问请到服务台", "或者打 96110"};
    CLEANUP(buf_release) struct buf head = BUF_INIT(128);
    buf_printf(&head, "%s更正：前面的提醒有误", mark);
    buf_json_member(body, "headline", buf_cstr(&head));
    add_lines(body, lines, ARRAY_LEN(lines), slots);
}

static void site_body(const struct edition *ed, const struct relay_target *t, struct buf *body)
{
    struct slot_texts texts;
    struct render_slots slots = slots_fill(&texts, ed, t);
    const struct rule_say *say = ed->say;
    const char *mark = mark_of(ed, false);
    buf_char(body, '{');
    buf_json_member(body, "issuer", t->issuer);
    if (ed->type == MSG_CANCEL) {
        CLEANUP(buf_release) struct buf heard = BUF_INIT(BODY_MAX);
        correction_heard(say->correction, &heard);
        add_spoken(body, "voice", ed, buf_cstr(&heard), &slots);
        add_spoken(body, "voice_short", ed, buf_cstr(&heard), &slots);
        add_correction_lines(body, mark, &slots);
    } else {
        add_spoken(body, "voice", ed, say->voice, &slots);
        add_spoken(body, "voice_short", ed, say->voice_short, &slots);
        add_text(body, "rhyme", "", false, say->rhyme, &slots);
        add_text(body, "headline", mark, false, say->headline, &slots);
        add_lines(body, say->lines, say->n_lines, &slots);
    }
    buf_char(body, '}');
}

/* A correction is written to be heard; in a group it is read, and after quiet hours not before the morning. */
static void add_correction(struct buf *b, const char *text)
{
    static const char *const heard[] = {"刚才播的", "之前播的", "刚才的"};
    for (size_t i = 0; i < ARRAY_LEN(heard); i++) {
        const char *at = strstr(text, heard[i]);
        if (!at) continue;
        buf_add(b, text, (size_t)(at - text));
        buf_str(b, "前面的");
        text = at + strlen(heard[i]);
        break;
    }
    buf_str(b, text);
}

/* links: duty messages carry the address of the page that takes answers; it is the delivery's own, so dispatch puts it. */
static void chat_body(const struct edition *ed, const struct relay_target *t, bool trial, bool links,
                      struct buf *body)
{
    struct slot_texts texts;
    struct render_slots slots = slots_fill(&texts, ed, t);
    const struct rule_say *say = ed->say;
    const char *mark = mark_of(ed, trial);
    bool duty = t->pub.audience == AUDIENCE_DUTY;
    CLEANUP(buf_release) struct buf whole = BUF_INIT(BODY_MAX);
    if (ed->type == MSG_CANCEL) {
        buf_str(&whole, "【更正】{{issuer}} {{time}}\n");
        add_correction(&whole, say->correction ? say->correction : ed->rule_title);
        buf_str(&whole, "\n编号 {{id}}");
    } else if (ed->plain) {
        buf_printf(&whole, "%s\n{{time}}，编号 {{id}}", say->chat);
    } else if (duty) {
        buf_printf(&whole, "【%s·%s】%s\n%s", level_name_zh(ed->alert->level),
                   ed->alert->certainty >= CERTAINTY_LIKELY ? "多源" : "单源", ed->rule_title,
                   say->duty   ? say->duty
                   : say->chat ? say->chat
                               : ed->rule_title);
        buf_str(&whole, "\n{{time}} 发布，{{valid}} 前有效，编号 {{id}}");
    } else {
        buf_str(&whole, say->chat ? say->chat : ed->rule_title);
        if (say->caught && (!say->chat || !strstr(say->chat, say->caught)))
            buf_printf(&whole, "\n%s", say->caught);
        if (!strstr(buf_cstr(&whole), "{{id}}"))
            buf_str(&whole, "\n{{issuer}} {{time}} 发布，{{valid}} 前有效，编号 {{id}}");
    }
    buf_char(body, '{');
    buf_json_member(body, "issuer", t->issuer);
    add_text(body, "chat", mark, false, buf_cstr(&whole), &slots);
    if (links && duty && ed->type != MSG_CANCEL) buf_json_member_bool(body, "link", true);
    if (say->headline && ed->type != MSG_CANCEL) {
        add_text(body, "headline", mark, false, say->headline, &slots);
        add_lines(body, say->lines, say->n_lines, &slots);
    }
    buf_char(body, '}');
}

int64_t edition_rendering(struct relay *r, struct edition *ed, const struct relay_target *t)
{
    bool trial = t->chat && ed->boldest == SITE_TRIAL && t->pub.audience == AUDIENCE_DUTY;
    char name[160];
    if (t->chat)
        (void)snprintf(name, sizeof(name), "chat:%s:%s:%d", audience_name(t->pub.audience),
                       t->issuer ? t->issuer : "", trial);
    else
        (void)snprintf(name, sizeof(name), "site:%s", t->pub.site);
    for (size_t i = 0; i < ed->n_variants; i++)
        if (strcmp(ed->variants[i].name, name) == 0) return ed->variants[i].row;

    CLEANUP(buf_release) struct buf body = BUF_INIT(BODY_MAX);
    if (t->chat)
        chat_body(ed, t, trial, r->config->http.public_address != NULL, &body);
    else
        site_body(ed, t, &body);
    int64_t row = store_rendering(r->store, ed->alert->n, ed->alert->rev, name, buf_cstr(&body));
    ed->variants = xreallocarray(ed->variants, ed->n_variants + 1, sizeof(*ed->variants));
    struct variant *v = &ed->variants[ed->n_variants++];
    memcpy(v->name, name, sizeof(name));
    v->row = row;
    return row;
}

bool edition_areas_alike(const char *a, const char *b)
{
    CLEANUP(buf_release) struct buf one = BUF_INIT(AREA_WORDS_MAX), other = BUF_INIT(AREA_WORDS_MAX);
    area_words(a, &one);
    area_words(b, &other);
    return strcmp(buf_cstr(&one), buf_cstr(&other)) == 0;
}

bool edition_names_areas(const struct edition *ed, const struct relay_target *t)
{
    if (t->class == TO_SPEECH || t->class == TO_BULLETIN)
        return false; /* recorded once: nothing in it changes */
    const struct rule_say *say = ed->say;
    if (slot_stands_in(SLOT_AREA, say->headline)) return true; /* a group may have a picture of the screen */
    bool duty = t->pub.audience == AUDIENCE_DUTY;
    if (t->chat && slot_stands_in(SLOT_AREA, duty && say->duty ? say->duty : say->chat)) return true;
    if (t->chat && !duty && slot_stands_in(SLOT_AREA, say->caught)) return true;
    for (int i = 0; i < say->n_lines; i++)
        if (slot_stands_in(SLOT_AREA, say->lines[i])) return true;
    return false;
}

void edition_release(struct edition *ed)
{
    free(ed->variants);
    ed->variants = NULL;
    ed->n_variants = 0;
}
