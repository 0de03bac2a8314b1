/* A report as one page to print on A4 and to mail: figures at the top, plots, tables below, a line to sign. Nothing in it is
 * fetched from anywhere, and no script runs. */
#include "cli/report_forms.h"

#include "base/clock.h"
#include "base/i18n.h"
#include "base/json.h"
#include "base/mem.h"
#include "cli/plot.h"

enum { TOP_ROWS = 10, ROWS_MAX = 400, SHORT_TABLE = 12 };

static const char style[] =
    "@page{size:A4;margin:14mm 13mm 15mm}*{box-sizing:border-box}"
    "body{margin:0 auto;max-width:920px;padding:28px;color:#10141a;background:#fff;"
    "font:16px/1.6 'Noto Sans CJK SC','Source Han Sans SC','PingFang SC','Microsoft YaHei','WenQuanYi Zen "
    "Hei',"
    "sans-serif}"
    "header{border-bottom:3px solid #123f86;padding-bottom:12px;margin-bottom:20px}"
    "h1{margin:0 0 4px;font-size:30px;line-height:1.3}header p{margin:0;color:#303a47}"
    "h2{margin:30px 0 10px;font-size:20px;line-height:1.4;break-after:avoid}"
    ".figures{display:grid;grid-template-columns:repeat(3,1fr);gap:10px;margin:0;padding:0;list-style:none}"
    ".figures li{border:1px solid #c6ced8;border-radius:6px;padding:10px 14px;break-inside:avoid}"
    ".figures b{display:block;font-size:28px;line-height:1.25;font-variant-numeric:tabular-nums}"
    ".figures span{color:#303a47}.figures small{display:block;color:#4a5565;font-size:13px}"
    "figure{margin:0;break-inside:avoid}svg{display:block;width:100%;height:auto}"
    "section.plot{break-inside:avoid}"
    "table{border-collapse:collapse;width:100%;font-size:14px;font-variant-numeric:tabular-nums}"
    "th,td{border-bottom:1px solid #d5dbe3;padding:5px 8px;text-align:left;vertical-align:top}"
    "th{border-bottom:2px solid #5b6675;background:#f1f4f8;font-weight:600}"
    "td.n,th.n{text-align:right;white-space:nowrap}thead{display:table-header-group}tr{break-inside:avoid}"
    "table.short{break-inside:avoid}td.s{white-space:nowrap}td.id{overflow-wrap:anywhere;color:#303a47}"
    "p.note{border-left:4px solid #b26a00;background:#fff6e5;padding:8px 12px}p.none{color:#4a5565}"
    ".sign{display:flex;gap:24px;margin-top:40px;break-inside:avoid}.sign span{flex:1;border-bottom:1px "
    "solid #10141a;"
    "padding-bottom:2px;min-height:34px}"
    "@media screen and (min-width:2600px){body{zoom:1.75}}"
    "@media(max-width:640px){body{padding:14px}.figures{grid-template-columns:repeat(2,1fr)}"
    "table{display:block;overflow-x:auto}}"
    "@media "
    "print{body{padding:0;max-width:none;font-size:10.5pt}h1{font-size:20pt}h2{font-size:13pt;margin-top:"
    "16pt}"
    ".figures "
    "b{font-size:18pt}table{font-size:9pt}*{-webkit-print-color-adjust:exact;print-color-adjust:exact}}";

/* -- what the rows say ---------------------------------------------------------------------------------------------- */

static const cJSON *rows_of(const cJSON *report, const char *section)
{
    return cJSON_GetObjectItemCaseSensitive(report, section);
}

static double number(const cJSON *row, const char *member)
{
    const cJSON *v = cJSON_GetObjectItemCaseSensitive(row, member);
    return cJSON_IsNumber(v) ? v->valuedouble : 0;
}

/* The sum of a member, over rows whose `where` is one of the space-separated words; NULL: over all. */
static double sum(const cJSON *rows, const char *member, const char *where, const char *words)
{
    double total = 0;
    const cJSON *row;
    cJSON_ArrayForEach(row, rows)
    {
        const char *v = where ? json_str_or(row, where, "") : NULL;
        if (v && !report_word_in(v, words)) continue;
        if (*json_str_or(row, "note", "")) continue; /* an exercise, a feed in the sandbox */
        total += number(row, member);
    }
    return total;
}

bool report_word_in(const char *word, const char *words)
{
    size_t n = strlen(word);
    for (const char *p = words; n && *p; p += strcspn(p, " "), p += *p == ' ')
        if (strncmp(p, word, n) == 0 && (p[n] == ' ' || !p[n])) return true;
    return false;
}

#define GOT_THERE "sent played displayed acknowledged"
#define DID_NOT   "expired rejected unconfirmed"
#define KEPT_BACK "suppressed cancelled"
#define STILL     "held queued sending retry"

/* -- figures -------------------------------------------------------------------------------------------------------- */

static void add_figure(struct buf *b, double value, const char *unit, const char *name, const char *more)
{
    buf_printf(b, "<li><b>%.0f%s</b><span>", value, unit);
    buf_html(b, name);
    buf_str(b, "</span>");
    if (more && *more) {
        buf_str(b, "<small>");
        buf_html(b, more);
        buf_str(b, "</small>");
    }
    buf_str(b, "</li>");
}

static void add_figures(struct buf *b, const cJSON *report)
{
    char more[160];
    const cJSON *events = rows_of(report, "events"), *alerts = rows_of(report, "alerts");
    const cJSON *deliveries = rows_of(report, "deliveries"), *outcomes = rows_of(report, "outcomes");
    buf_str(b, "<ul class=\"figures\">");
    (void)snprintf(more, sizeof(more), _("%.0f matched, %.0f for a person to judge, %.0f refused"),
                   sum(events, "events", "verdict", "match"), sum(events, "events", "verdict", "unsure"),
                   sum(rows_of(report, "refused"), "events", NULL, NULL));
    add_figure(b, sum(events, "events", NULL, NULL), "", _("events from banks and carriers"), more);
    (void)snprintf(more, sizeof(more), _("red %.0f, orange %.0f; taken back %.0f"),
                   sum(alerts, "alerts", "level", "red"), sum(alerts, "alerts", "level", "orange"),
                   sum(alerts, "taken_back", NULL, NULL));
    add_figure(b, sum(alerts, "alerts", NULL, NULL), "", _("warnings"), more);
    double there = sum(deliveries, "deliveries", "state", GOT_THERE);
    double not = sum(deliveries, "deliveries", "state", DID_NOT);
    (void)snprintf(more, sizeof(more), _("%.0f arrived, %.0f did not, %.0f kept back"), there, not,
                   sum(deliveries, "deliveries", "state", KEPT_BACK));
    add_figure(b, there + not > 0 ? there * 100 / (there + not ) : 0, there + not > 0 ? "%" : "",
               _("of what was sent arrived"), more);
    add_figure(b, sum(outcomes, "times", "outcome", "劝阻成功"), "", _("people kept from paying"), NULL);
    add_figure(b, sum(outcomes, "times", "outcome", "已受骗"), "", _("people who had paid already"), NULL);
    add_figure(b, sum(outcomes, "times", "outcome", "误报"), "", _("false alarms"), NULL);
    buf_str(b, "</ul>");
}

/* -- plots ---------------------------------------------------------------------------------------------------------- */

/* Rows by label, each the sum over rows of the report. */
struct tally {
    struct plot_row rows[ROWS_MAX];
    size_t n;
};

static struct plot_row *tally_row(struct tally *t, const char *label)
{
    struct plot_row r = {.values = {0}};
    plot_label(&r, label);
    for (size_t i = 0; i < t->n; i++)
        if (strcmp(t->rows[i].label, r.label) == 0) return &t->rows[i];
    if (t->n == ROWS_MAX) return NULL;
    t->rows[t->n] = r;
    return &t->rows[t->n++];
}

/* A row of its own, whatever others are called. */
static struct plot_row *tally_add(struct tally *t, const char *label)
{
    if (t->n == ROWS_MAX) return NULL;
    t->rows[t->n] = (struct plot_row){.values = {0}};
    plot_label(&t->rows[t->n], label);
    return &t->rows[t->n++];
}

static double row_total(const struct plot_row *r)
{
    double n = 0;
    for (size_t i = 0; i < PLOT_SERIES_MAX; i++) n += r->values[i];
    return n;
}

static int larger_first(const void *a, const void *b)
{
    double x = row_total(a), y = row_total(b);
    return x < y   ? 1
           : x > y ? -1
                   : strcmp(((const struct plot_row *)a)->label, ((const struct plot_row *)b)->label);
}

/* The largest ten, and what is left out in words. */
static size_t tally_top(struct tally *t)
{
    qsort(t->rows, t->n, sizeof(*t->rows), larger_first);
    while (t->n && row_total(&t->rows[t->n - 1]) <= 0) t->n--;
    size_t more = t->n > TOP_ROWS ? t->n - TOP_ROWS : 0;
    t->n -= more;
    return more;
}

static enum relay_err add_plot(struct buf *b, const char *title, struct plot *p, const struct tally *t,
                               size_t more, struct reason *why)
{
    p->says = title;
    p->rows = t->rows;
    p->n_rows = t->n;
    if (!t->n) return RELAY_OK;
    while (p->n_series < PLOT_SERIES_MAX && p->series[p->n_series].title) p->n_series++;
    buf_str(b, "<section class=\"plot\"><h2>");
    buf_html(b, title);
    buf_str(b, "</h2><figure>");
    enum relay_err err = plot_svg(p, b, why);
    buf_str(b, "</figure>");
    if (more) {
        char text[80];
        (void)snprintf(text, sizeof(text), _("and %zu more, in the tables below"), more);
        buf_str(b, "<p class=\"none\">");
        buf_html(b, text);
        buf_str(b, "</p>");
    }
    buf_str(b, "</section>");
    return err;
}

static enum relay_err plot_days(struct buf *b, const cJSON *report, struct tally *t, struct reason *why)
{
    const cJSON *row;
    int days = cJSON_GetArraySize(rows_of(report, "days"));
    t->n = 0;
    cJSON_ArrayForEach(row, rows_of(report, "days"))
    {
        /* Within a month the day alone; over many days only some have room for their name. */
        const char *day = json_str_or(row, "day", "");
        bool bare = strlen(day) == strlen("2026-11-22") && days <= 31;
        char label[24];
        (void)snprintf(label, sizeof(label), "%s",
                       bare ? day + strlen("2026-11-") + (day[8] == '0') : day + 2);
        struct plot_row *r = tally_add(t, days <= 31 || t->n % (size_t)(days / 8 + 1) == 0 ? label : "");
        if (!r) break;
        r->values[0] = number(row, "matched");
        r->values[1] = number(row, "unsure");
        r->values[2] = number(row, "others");
    }
    struct plot p = {.kind = PLOT_COLUMNS,
                     .name = "days",
                     .series = {{_("matched a rule"), "#123f86"},
                                {_("for a person to judge"), "#e07b00"},
                                {_("nothing found"), "#b8c2cf"}}};
    return add_plot(b, _("Events day by day"), &p, t, 0, why);
}

static enum relay_err plot_rules(struct buf *b, const cJSON *report, struct tally *t, struct reason *why)
{
    static const char *const levels[] = {"red", "orange", "yellow", "blue"};
    const cJSON *row;
    t->n = 0;
    cJSON_ArrayForEach(row, rows_of(report, "alerts"))
    {
        struct plot_row *r = tally_row(t, json_str_or(row, "title", json_str_or(row, "rule", "")));
        for (size_t i = 0; r && i < ARRAY_LEN(levels); i++)
            if (strcmp(json_str_or(row, "level", ""), levels[i]) == 0) r->values[i] += number(row, "alerts");
    }
    size_t more = tally_top(t);
    struct plot p = {.kind = PLOT_BARS,
                     .name = "rules",
                     .series = {{_("level red"), "#a3121c"},
                                {_("level orange"), "#f08a24"},
                                {_("level yellow"), "#f2cf3c"},
                                {_("level blue"), "#2b5fb3"}}};
    return add_plot(b, _("Warnings by kind of scam"), &p, t, more, why);
}

static enum relay_err plot_districts(struct buf *b, const cJSON *report, struct tally *t, struct reason *why)
{
    const cJSON *row;
    t->n = 0;
    cJSON_ArrayForEach(row, rows_of(report, "districts"))
    {
        struct plot_row *r = tally_row(t, json_str_or(row, "district", ""));
        if (!r) continue;
        r->values[0] += number(row, "matched");
        r->values[1] += number(row, "unsure");
    }
    size_t more = tally_top(t);
    struct plot p = {.kind = PLOT_BARS,
                     .name = "districts",
                     .series = {{_("matched a rule"), "#123f86"}, {_("for a person to judge"), "#e07b00"}}};
    return add_plot(b, _("Events by district"), &p, t, more, why);
}

static enum relay_err plot_deliveries(struct buf *b, const cJSON *report, struct tally *t, struct reason *why)
{
    static const char *const ends[] = {GOT_THERE, DID_NOT, KEPT_BACK, STILL};
    const cJSON *row;
    t->n = 0;
    cJSON_ArrayForEach(row, rows_of(report, "deliveries"))
    {
        char channel[48];
        const char *target = json_str_or(row, "target", "");
        (void)snprintf(channel, sizeof(channel), "%.*s", (int)strcspn(target, ":"), target);
        struct plot_row *r = tally_row(t, report_words(channel));
        for (size_t i = 0; r && i < ARRAY_LEN(ends); i++)
            if (report_word_in(json_str_or(row, "state", ""), ends[i]))
                r->values[i] += number(row, "deliveries");
    }
    size_t more = tally_top(t);
    struct plot p = {.kind = PLOT_BARS,
                     .name = "deliveries",
                     .series = {{_("arrived"), "#0b573a"},
                                {_("did not arrive"), "#a3121c"},
                                {_("held down"), "#8a94a3"},
                                {_("still to come"), "#d5dbe3"}}};
    return add_plot(b, _("Deliveries by way"), &p, t, more, why);
}

static enum relay_err plot_times(struct buf *b, const cJSON *report, struct tally *t, struct reason *why)
{
    const cJSON *row;
    t->n = 0;
    cJSON_ArrayForEach(row, rows_of(report, "times"))
    {
        char label[120];
        (void)snprintf(label, sizeof(label), "%s %s", report_words(json_str_or(row, "channel", "")),
                       report_words(json_str_or(row, "step", "")));
        struct plot_row *r = tally_row(t, label);
        if (!r) break;
        r->values[0] = number(row, "p50_ms");
        r->values[1] = number(row, "p95_ms");
    }
    struct plot p = {
        .kind = PLOT_SPANS,
        .name = "times",
        .series = {{_("half were faster (p50)"), "#123f86"}, {_("95 in 100 were faster (p95)"), "#e07b00"}}};
    return add_plot(b, _("Time from the warning on"), &p, t, 0, why);
}

static enum relay_err plot_outcomes(struct buf *b, const cJSON *report, struct tally *t, struct reason *why)
{
    const cJSON *row;
    t->n = 0;
    cJSON_ArrayForEach(row, rows_of(report, "outcomes"))
    {
        struct plot_row *r = tally_row(t, json_str_or(row, "title", json_str_or(row, "rule", "")));
        for (size_t i = 0; r && report_outcomes[i]; i++)
            if (strcmp(json_str_or(row, "outcome", ""), report_outcomes[i]) == 0)
                r->values[i] += number(row, "times");
    }
    size_t more = tally_top(t);
    struct plot p = {.kind = PLOT_BARS,
                     .name = "outcomes",
                     .series = {{_("people kept from paying"), "#0b573a"},
                                {_("people who had paid already"), "#a3121c"},
                                {_("false alarms"), "#8a94a3"}}};
    return add_plot(b, _("What came of them"), &p, t, more, why);
}

/* -- tables --------------------------------------------------------------------------------------------------------- */

static void add_cell(struct buf *b, const cJSON *row, const char *member)
{
    const cJSON *v = cJSON_GetObjectItemCaseSensitive(row, member);
    int64_t at;
    if (cJSON_IsNumber(v)) {
        buf_printf(b, "<td class=\"n\">%.0f</td>", v->valuedouble);
        return;
    }
    const char *text = cJSON_IsString(v) ? v->valuestring : "";
    if (cJSON_IsString(v) && clock_parse(text, &at) == RELAY_OK) {
        struct local_time t = clock_local(at);
        buf_printf(b, "<td>%02d-%02d %02d:%02d</td>", t.month, t.day, t.hour, t.minute);
        return;
    }
    bool id = report_word_in(member, "rule target matchers");
    bool words = report_word_in(member, "title reason");
    buf_str(b, id ? "<td class=\"id\">" : words ? "<td>" : "<td class=\"s\">");
    buf_html(b, id ? text : report_words(text));
    buf_str(b, "</td>");
}

static void add_table(struct buf *b, const struct report_part *part, const cJSON *rows)
{
    const cJSON *row;
    buf_str(b, "<h2>");
    buf_html(b, _(part->title));
    buf_str(b, "</h2>");
    if (!cJSON_GetArraySize(rows)) {
        buf_str(b, "<p class=\"none\">");
        buf_html(b, _("none"));
        buf_str(b, "</p>");
        return;
    }
    /* A short table goes to the next page whole. */
    buf_str(b, cJSON_GetArraySize(rows) <= SHORT_TABLE ? "<table class=\"short\" tabindex=\"0\"><thead><tr>"
                                                       : "<table tabindex=\"0\"><thead><tr>");
    size_t n = report_columns(part);
    for (size_t i = 0; i < n; i++) {
        const cJSON *first = cJSON_GetObjectItemCaseSensitive(rows->child, part->columns[i].member);
        buf_str(b, cJSON_IsNumber(first) ? "<th class=\"n\" scope=\"col\">" : "<th scope=\"col\">");
        buf_html(b, _(part->columns[i].title));
        buf_str(b, "</th>");
    }
    buf_str(b, "</tr></thead><tbody>");
    cJSON_ArrayForEach(row, rows)
    {
        buf_str(b, "<tr>");
        for (size_t i = 0; i < n; i++) add_cell(b, row, part->columns[i].member);
        buf_str(b, "</tr>");
    }
    buf_str(b, "</tbody></table>");
}

/* -- the page ------------------------------------------------------------------------------------------------------- */

static void add_head(struct buf *b, const cJSON *report, const struct report_page *page)
{
    int64_t from = 0, to = 0;
    (void)!json_time(report, "from", &from); /* written by report_json */
    (void)!json_time(report, "to", &to);
    struct local_time a = clock_local(from), z = clock_local(to - 1), made = clock_local(page->made);
    char days[120], when[120];
    (void)snprintf(days, sizeof(days), _("%d-%02d-%02d to %d-%02d-%02d"), a.year, a.month, a.day, z.year,
                   z.month, z.day);
    (void)snprintf(when, sizeof(when), _("made %d-%02d-%02d %02d:%02d"), made.year, made.month, made.day,
                   made.hour, made.minute);
    buf_str(b, "<header><h1>");
    buf_html(b, page->title);
    buf_str(b, "</h1><p>");
    buf_html(b, days);
    if (page->place) {
        buf_str(b, "　");
        buf_html(b, page->place);
    }
    if (page->issuer) {
        buf_str(b, "　");
        buf_html(b, page->issuer);
    }
    buf_str(b, "　");
    buf_html(b, when);
    buf_str(b, "</p></header>");
    int64_t kept;
    if (json_time(report, "kept_from", &kept) == RELAY_OK && from < kept) {
        struct local_time k = clock_local(kept);
        char text[400];
        (void)snprintf(
            text, sizeof(text),
            _("Warnings and deliveries from before %d-%02d-%02d are no longer kept: those figures are not "
              "whole. Events are counted in full."),
            k.year, k.month, k.day);
        buf_str(b, "<p class=\"note\">");
        buf_html(b, text);
        buf_str(b, "</p>");
    }
}

static void add_sign(struct buf *b)
{
    const char *const names[] = {_("Made by"), _("Checked by"), _("Date")};
    buf_str(b, "<footer class=\"sign\">");
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        buf_str(b, "<span>");
        buf_html(b, names[i]);
        buf_str(b, "</span>");
    }
    buf_str(b, "</footer>");
}

enum relay_err report_html(const cJSON *report, const struct report_page *page, struct buf *out,
                           struct reason *why)
{
    static enum relay_err (*const plots[])(struct buf *, const cJSON *, struct tally *, struct reason *) = {
        plot_days, plot_rules, plot_districts, plot_outcomes, plot_deliveries, plot_times};
    CLEANUP(free_ptr) struct tally *t = xcalloc(1, sizeof(*t));
    buf_printf(out,
               "<!doctype html><html lang=\"%s\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
               "content=\"width=device-width\"><title>",
               page->english ? "en" : "zh-CN");
    buf_html(out, page->title);
    buf_printf(out, "</title><style>%s</style></head><body>", style);
    add_head(out, report, page);
    buf_str(out, "<main>");
    add_figures(out, report);
    enum relay_err err = RELAY_OK;
    for (size_t i = 0; i < ARRAY_LEN(plots) && err == RELAY_OK; i++) err = plots[i](out, report, t, why);
    if (err != RELAY_OK) return err;
    for (const struct report_part *p = report_parts; p->name; p++) {
        const cJSON *rows = rows_of(report, p->name);
        if (rows && p->on_page) add_table(out, p, rows);
    }
    buf_str(out, "</main>");
    add_sign(out);
    buf_str(out, "</body></html>\n");
    return buf_failed(out) ? fail(why, RELAY_LIMIT, "%s", _("the report is too large; take fewer days"))
                           : RELAY_OK;
}
