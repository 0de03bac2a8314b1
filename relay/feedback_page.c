/* The small page behind the link of a duty message. Looking at it changes nothing, because previews of links look too; a
 * button posts one word. Without script, for any phone. */
#include "base/hash.h"
#include "base/i18n.h"
#include "base/json.h"
#include "base/mem.h"
#include "feedback.h"
#include "render.h"

enum { NAME_ROOM = 200, PAGE_MAX = 64 * 1024, COOKIE_DAYS = 90 };

static const char style[] =
    "*{box-sizing:border-box;margin:0;padding:0}"
    "body{font:18px/1.6 'Noto Sans SC','PingFang SC','Microsoft YaHei','WenQuanYi Zen Hei',sans-serif;"
    "background:#eef1f5;color:#131a22;-webkit-text-size-adjust:100%}"
    "main{max-width:30em;margin:0 auto;padding:16px 16px 48px}"
    ".top{border-radius:14px;padding:16px 18px;background:#fff;border:1px solid #cfd6df;border-top:10px "
    "solid "
    "#0b3d82}"
    ".red{border-top-color:#a1101c}.orange{border-top-color:#ffa01c}.yellow{border-top-color:#ffd93b}"
    ".drill{border-top-color:#4b1a78}"
    "h1{font-size:22px;line-height:1.35;margin:2px 0 8px;overflow-wrap:anywhere}"
    "h1,b,label,button{-webkit-text-stroke:.02em currentColor}"
    ".soft{color:#3d4752;font-size:16px}"
    ".said{margin:16px 0;padding:14px "
    "18px;border-radius:14px;background:#d9f0e3;color:#06361f;font-size:20px;"
    "font-weight:bold}"
    ".wrong{background:#fdeceb;color:#7c0a12}"
    "label{display:block;font-weight:bold;margin:20px 0 6px}"
    "input{font:inherit;width:100%;min-height:52px;padding:8px 14px;border:2px solid "
    "#5d6873;border-radius:12px;"
    "background:#fff;color:inherit}"
    "button{font:inherit;font-size:20px;font-weight:bold;width:100%;min-height:64px;margin-top:14px;"
    "border-radius:14px;border:3px solid #0b3d82;background:#fff;color:#0b3d82;text-align:left;padding:8px "
    "18px}"
    "button small{display:block;font-size:15px;font-weight:normal;color:#3d4752;-webkit-text-stroke:0}"
    "button.acknowledged{background:#0b3d82;color:#fff}button.acknowledged small{color:#fff}"
    "button.false_alarm{border-color:#a1101c;color:#a1101c}"
    "button.deterred{border-color:#0b5637;color:#0b5637}"
    "button:focus,input:focus{outline:4px solid #e08a00;outline-offset:2px}"
    ".counts{margin-top:22px}";

static const struct {
    enum feedback_word word;
    const char *help;
} buttons[] = {
    {FEEDBACK_ACKNOWLEDGED, N_("I have read it and see to it; reminders stop")},
    {FEEDBACK_SEEN, N_("the same has been seen here")},
    {FEEDBACK_DETERRED, N_("somebody was kept from paying")},
    {FEEDBACK_FALSE_ALARM, N_("this is not fraud; too many of these and the rule is looked at")},
};

/* -- names -------------------------------------------------------------------------------------------------------- */

static void trim(char *name)
{
    size_t n = strlen(name);
    while (n && name[n - 1] == ' ') name[--n] = '\0';
}

/* The next message need not ask this phone for the name again. */
static void keep_name(struct http_exchange *x, const char *name)
{
    CLEANUP(buf_release) struct buf b = BUF_INIT(1024);
    buf_str(&b, "tocsin_name=");
    buf_url(&b, name);
    buf_printf(&b, "; Path=/f/; Max-Age=%d; HttpOnly; SameSite=Lax", COOKIE_DAYS * 24 * 3600);
    http_reply_header(x, "Set-Cookie", buf_cstr(&b));
}

/* -- pages -------------------------------------------------------------------------------------------------------- */

static void begin(struct buf *b, const char *title)
{
    buf_str(b, "<!doctype html><html lang=\"zh-CN\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
               "content=\"width=device-width,initial-scale=1\"><meta name=\"robots\" "
               "content=\"noindex\"><link rel=\"icon\" href=\"data:,\"><title>");
    buf_html(b, title);
    buf_printf(b, "</title><style>%s</style></head><body><main>", style);
}

static void reply(struct http_exchange *x, int status, struct buf *b)
{
    buf_str(b, "</main></body></html>\n");
    http_reply(x, status, "text/html; charset=utf-8", buf_cstr(b), b->len);
}

static void refuse(struct http_exchange *x, enum relay_err err)
{
    CLEANUP(buf_release) struct buf b = BUF_INIT(PAGE_MAX);
    const char *title = err == RELAY_TIMEOUT ? _("This link has expired") : _("This link is not valid");
    begin(&b, title);
    buf_str(&b, "<div class=\"top\"><h1>");
    buf_html(&b, title);
    buf_str(&b, "</h1><p>");
    buf_html(&b, err == RELAY_TIMEOUT || err == RELAY_NOT_FOUND
                     ? _("The message is too old to be answered here. Tell the duty officer its number.")
                     : _("Open it from the message in the group again, or tell the duty officer the number "
                         "of the message."));
    buf_str(&b, "</p></div>");
    reply(x, err == RELAY_DENIED ? 403 : 410, &b);
}

static void add_counts(struct relay *r, const struct feedback_link *l, struct buf *b)
{
    int n[FEEDBACK_WORDS], all = 0;
    feedback_count(r, l->alert.n, n);
    for (int i = 0; i < FEEDBACK_WORDS; i++) all += n[i];
    if (!all) return;
    buf_str(b, "<p class=\"soft counts\">");
    buf_html(b, _("Said so far:"));
    for (int i = 0; i < FEEDBACK_WORDS; i++)
        if (n[i]) buf_printf(b, "　%s %d", feedback_word_zh((enum feedback_word)i), n[i]);
    buf_str(b, "</p>");
}

/* said: what stands above the buttons; NULL: nothing yet. */
static void reply_page(struct relay *r, struct http_exchange *x, const struct feedback_link *l,
                       const char *name, int status, const char *said)
{
    CLEANUP(buf_release) struct buf b = BUF_INIT(PAGE_MAX);
    const struct relay_target *t = targets_by_row(r->targets, l->delivery.target);
    char id[DELIVERY_ID_MAX], small[SHORT_ID_LEN], time[RENDER_WORD_LEN];
    bool drill = l->alert.status != STATUS_ACTUAL;
    (void)snprintf(id, sizeof(id), "%s.%d/%s", l->alert.id, l->delivery.rev, t ? t->pub.id : "?");
    short_id(id, small);
    begin(&b, _("Answer to a warning"));
    buf_printf(&b, "<div class=\"top %s\"><p class=\"soft\"><b>%s%s</b>　",
               drill ? "drill" : level_name(l->alert.level),
               l->alert.status == STATUS_EXERCISE ? "演练　"
               : l->alert.status == STATUS_TEST   ? "测试　"
                                                  : "",
               level_name_zh(l->alert.level));
    buf_html(&b, t ? t->pub.name : "");
    buf_str(&b, "</p><h1>");
    buf_html(&b, l->alert.title);
    buf_printf(&b, "</h1><p class=\"soft\">%s　%s %s</p></div>", render_time(l->delivery.created, time),
               _("no."), small);
    if (said) {
        buf_printf(&b, "<p class=\"said%s\" role=\"%s\">", status == 200 ? "" : " wrong",
                   status == 200 ? "status" : "alert");
        buf_html(&b, said);
        buf_str(&b, "</p>");
    }
    buf_str(&b, "<form method=\"post\"><label for=\"name\">");
    buf_html(&b, _("Your name"));
    buf_str(
        &b,
        "</label><input id=\"name\" name=\"name\" required maxlength=\"20\" autocomplete=\"name\" value=\"");
    buf_html(&b, name);
    buf_str(&b, "\">");
    for (size_t i = 0; i < ARRAY_LEN(buttons); i++) {
        if (!(l->words & 1u << buttons[i].word)) continue;
        const char *word = feedback_word_name(buttons[i].word);
        buf_printf(&b, "<button name=\"do\" value=\"%s\" class=\"%s\">%s<small>", word, word,
                   feedback_word_zh(buttons[i].word));
        buf_html(&b, _(buttons[i].help));
        buf_str(&b, "</small></button>");
    }
    buf_str(&b, "</form>");
    add_counts(r, l, &b);
    reply(x, status, &b);
}

static void on_page(void *arg, struct http_exchange *x)
{
    struct relay *r = arg;
    struct feedback_link l;
    char name[NAME_ROOM];
    enum relay_err err = feedback_open(r, http_path(x) + strlen("/f/"), &l);
    if (err != RELAY_OK) {
        refuse(x, err);
        return;
    }
    if (strcmp(http_method(x), "POST") != 0) {
        http_cookie(x, "tocsin_name", name, sizeof(name));
        reply_page(r, x, &l, name, 200, NULL);
        return;
    }
    char word[32], said[240];
    struct reason why = {""};
    enum feedback_word w;
    bool again = false;
    http_form(x, "name", name, sizeof(name));
    http_form(x, "do", word, sizeof(word));
    trim(name);
    struct actor by = {.name = name, .reason = "", .uid = -1};
    if (!feedback_word_parse(word, &w) || !(l.words & 1u << w))
        err = fail(&why, RELAY_INVALID, _("this message takes no such answer"));
    else
        err = feedback_say(r, l.delivery.id, w, &by, &again, &why);
    if (err != RELAY_OK) {
        reply_page(r, x, &l, name, err == RELAY_LIMIT ? 429 : 400, why.text);
        return;
    }
    keep_name(x, name);
    (void)snprintf(said, sizeof(said), again ? _("You have said so already: %s") : _("Noted, thank you: %s"),
                   feedback_word_zh(w));
    reply_page(r, x, &l, name, 200, said);
}

void feedback_serve(struct relay *r, struct http_server *s)
{
    http_server_on(s, "GET", "/f/*", on_page, r);
    http_server_on(s, "POST", "/f/*", on_page, r);
}
