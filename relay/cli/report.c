/* tocsin report: the month-end form, the half-monthly meeting, and what a trial would have said. */
#include "cli/report_forms.h"

#include "base/i18n.h"
#include "base/json.h"
#include "base/mem.h"
#include "cli/cli.h"
#include "cli/verbs.h"
#include "store.h"

enum { REPORT_MAX = 64 * 1024 * 1024 };

const struct report_part report_parts[] = {
    {"days",
     N_("Day by day"),
     false,
     {{"day", N_("DAY")},
      {"matched", N_("MATCHED")},
      {"unsure", N_("UNSURE")},
      {"others", N_("OTHERS")},
      {"refused", N_("REFUSED")}}},
    {"events",
     N_("Events"),
     true,
     {{"feed", N_("FEED")},
      {"kind", N_("KIND")},
      {"verdict", N_("VERDICT")},
      {"level", N_("LEVEL")},
      {"note", N_("NOTE")},
      {"events", N_("EVENTS")},
      {"reports", N_("COUNT")}}},
    {"districts",
     N_("Events by district"),
     true,
     {{"area", N_("AREA")},
      {"district", N_("DISTRICT")},
      {"matched", N_("MATCHED")},
      {"unsure", N_("UNSURE")},
      {"others", N_("OTHERS")}}},
    {"refused",
     N_("Refused events"),
     true,
     {{"feed", N_("FEED")}, {"code", N_("CODE")}, {"events", N_("EVENTS")}}},
    {"alerts",
     N_("Alerts"),
     true,
     {{"rule", N_("RULE")},
      {"level", N_("LEVEL")},
      {"alerts", N_("ALERTS")},
      {"taken_back", N_("TAKEN BACK")},
      {"reports", N_("COUNT")},
      {"title", N_("TITLE")}}},
    {"outcomes",
     N_("What came of them"),
     true,
     {{"rule", N_("RULE")}, {"outcome", N_("OUTCOME")}, {"times", N_("TIMES")}, {"title", N_("TITLE")}}},
    {"feedback",
     N_("What groups said"),
     true,
     {{"rule", N_("RULE")},
      {"target", N_("TARGET")},
      {"seen", N_("SEEN HERE TOO")},
      {"false_alarm", N_("FALSE ALARM")},
      {"acknowledged", N_("ACKNOWLEDGED")},
      {"deterred", N_("DETERRED")}}},
    {"deliveries",
     N_("Deliveries"),
     true,
     {{"target", N_("TARGET")}, {"state", N_("STATE")}, {"deliveries", N_("DELIVERIES")}}},
    {"times",
     N_("Times from the alert on"),
     true,
     {{"channel", N_("CHANNEL")},
      {"step", N_("STEP")},
      {"deliveries", N_("DELIVERIES")},
      {"p50_ms", N_("P50 MS")},
      {"p95_ms", N_("P95 MS")}}},
    {"silences",
     N_("Silences"),
     true,
     {{"id", N_("ID")},
      {"by", N_("BY")},
      {"created_at", N_("CREATED")},
      {"ended_at", N_("ENDED")},
      {"suppressed", N_("SUPPRESSED")},
      {"matchers", N_("SILENT")},
      {"reason", N_("WHY")}}},
    {"mutes",
     N_("Kept from loudspeakers that were muted"),
     true,
     {{"target", N_("TARGET")},
      {"first_at", N_("FIRST")},
      {"last_at", N_("LAST")},
      {"suppressed", N_("SUPPRESSED")},
      {"reason", N_("WHY")}}},
    {"drills",
     N_("Drills"),
     true,
     {{"id", N_("ID")},
      {"by", N_("BY")},
      {"site", N_("SITE")},
      {"created_at", N_("CREATED")},
      {"ended_at", N_("ENDED")},
      {"alerts", N_("ALERTS")}}},
    {"people", N_("People"), true, {{"by", N_("BY")}, {"action", N_("ACTION")}, {"times", N_("TIMES")}}},
    {"trial",
     N_("What the trial held back"),
     false,
     {{"at", N_("AT")},
      {"target", N_("TARGET")},
      {"rule", N_("RULE")},
      {"alert", N_("ALERT")},
      {"seconds", N_("SECONDS")},
      {"words", N_("WORDS")}}},
    {.name = NULL},
};

size_t report_columns(const struct report_part *p)
{
    size_t n = 0;
    while (n < ARRAY_LEN(p->columns) && p->columns[n].member) n++;
    return n;
}

const char *report_words(const char *name)
{
    static const char *const words[][2] = {
        {"match", N_("matched a rule")},
        {"no_match", N_("nothing found")},
        {"unsure", N_("for a person to judge")},
        {"withdrawal", N_("withdrawal by the feed")},
        {"red", N_("level red")},
        {"orange", N_("level orange")},
        {"yellow", N_("level yellow")},
        {"blue", N_("level blue")},
        {"exercise", N_("exercise")},
        {"test", N_("test")},
        {"sandbox", N_("feed in the sandbox")},
        {"sms", N_("text message")},
        {"call", N_("telephone call")},
        {"transaction", N_("transaction")},
        {"app", N_("app")},
        {"web", N_("web page")},
        {"report", N_("report by a person")},
        {"button", N_("alarm button")},
        {"held", N_("held")},
        {"queued", N_("waiting to be sent")},
        {"sending", N_("being sent")},
        {"sent", N_("sent")},
        {"played", N_("played")},
        {"displayed", N_("displayed")},
        {"acknowledged", N_("acknowledged")},
        {"accepted", N_("taken by the device")},
        {"person", N_("people on duty")},
        {"retry", N_("to be tried again")},
        {"expired", N_("expired")},
        {"rejected", N_("rejected")},
        {"cancelled", N_("cancelled")},
        {"suppressed", N_("suppressed")},
        {"unconfirmed", N_("unconfirmed")},
        {"pa", N_("loudspeakers, at once")},
        {"bulletin", N_("loudspeakers, on the hour")},
        {"board", N_("ward screens")},
        {"wecom", N_("WeCom groups")},
        {"dingtalk", N_("DingTalk groups")},
        {"feishu", N_("Feishu groups")},
        {"forward", N_("forwarded by hand")},
        {"ntfy", N_("phones (ntfy)")},
        {"webhook", N_("other programs")},
        {"file", N_("files")},
        {"null", N_("nowhere")},
    };
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (strcmp(words[i][0], name) == 0) return _(words[i][1]);
    return name;
}

static void print_text(const cJSON *j)
{
    char from[24], to[24];
    (void)printf("%s – %s", client_time(j, "from", from), client_time(j, "to", to));
    if (json_str_or(j, "site", NULL)) (void)printf("  %s", json_str_or(j, "site", ""));
    (void)putchar('\n');
    if (json_str_or(j, "kept_from", NULL)) {
        (void)printf(
            _("Alerts and deliveries from before %s are no longer kept: those figures are not whole.\n"),
            client_time(j, "kept_from", from));
    }
    bool any = false;
    for (const struct report_part *p = report_parts; p->name; p++) {
        const cJSON *rows = cJSON_GetObjectItemCaseSensitive(j, p->name);
        if (!cJSON_GetArraySize(rows)) continue;
        any = true;
        (void)printf("\n%s\n", _(p->title));
        client_print_table(rows, p->columns, report_columns(p));
    }
    if (!any) (void)printf("%s\n", _("nothing in these days"));
}

/* A cell of a sheet: quoted, and never a formula. */
static void print_csv_text(const char *s)
{
    (void)putchar('"');
    if (*s && strchr("=+-@\t", *s)) (void)putchar('\'');
    for (; *s; s++) {
        if (*s == '"') (void)putchar('"');
        (void)putchar(*s);
    }
    (void)putchar('"');
}

static void print_csv(const cJSON *j)
{
    for (const struct report_part *p = report_parts; p->name; p++) {
        const cJSON *rows = cJSON_GetObjectItemCaseSensitive(j, p->name), *row;
        size_t n = report_columns(p);
        if (!cJSON_GetArraySize(rows)) continue;
        (void)fputs("section", stdout);
        for (size_t k = 0; k < n; k++) (void)printf(",%s", p->columns[k].member);
        (void)fputs("\r\n", stdout);
        cJSON_ArrayForEach(row, rows)
        {
            (void)fputs(p->name, stdout);
            for (size_t k = 0; k < n; k++) {
                const cJSON *v = cJSON_GetObjectItemCaseSensitive(row, p->columns[k].member);
                (void)putchar(',');
                if (cJSON_IsNumber(v))
                    (void)printf("%.10g", v->valuedouble);
                else if (cJSON_IsString(v))
                    print_csv_text(v->valuestring);
            }
            (void)fputs("\r\n", stdout);
        }
    }
}

/* Exactly one way to say which days; none is this month, and all days for the trial. */
static enum relay_err span_of(const struct client *c, struct report_span *ret, struct reason *why)
{
    int ways = (c->month != NULL) + (c->half != NULL) + (c->from || c->to);
    ret->site = c->site;
    ret->kept_from = c->filter.now - c->config->relay.keep_deliveries;
    if (ways > 1) return fail(why, RELAY_INVALID, _("give one of --month, --half, or --from with --to"));
    if (c->month) return report_month(c->month, ret, why);
    if (c->half) return report_half(c->half, ret, why);
    if (c->from && c->to) return report_days(c->from, c->to, ret, why);
    if (ways) return fail(why, RELAY_INVALID, _("--from and --to go together"));
    if (c->trial) {
        ret->from = 0;
        ret->to = c->filter.now + 1;
        return RELAY_OK;
    }
    char month[16];
    struct local_time t = clock_local(c->filter.now);
    (void)snprintf(month, sizeof(month), "%04d-%02d", t.year, t.month);
    return report_month(month, ret, why);
}

static enum relay_err read_report(const struct client *c, cJSON **ret, struct reason *why)
{
    struct report_span span = {.site = NULL};
    struct db db;
    enum relay_err err = span_of(c, &span, why);
    if (err != RELAY_OK) return err;
    const struct site_config *site;
    if (c->site) err = config_site_find(c->config, c->site, &site, why);
    if (err != RELAY_OK) return err;
    err = store_open_reader(c->config->relay.state_dir, &db, why);
    if (err != RELAY_OK) return err;
    CLEANUP(buf_release) struct buf b = BUF_INIT(REPORT_MAX);
    struct json_limits limits = {REPORT_MAX, 16};
    err = c->trial ? report_trial(&db, &span, &b, why) : report_json(&db, &span, &b, why);
    db_close(&db);
    if (err != RELAY_OK) return err;
    if (buf_failed(&b)) return fail(why, RELAY_LIMIT, _("the report is too large; take fewer days"));
    return json_parse(buf_cstr(&b), b.len, &limits, ret, why);
}

static int print_html(const struct client *c, const cJSON *j, struct reason *why)
{
    CLEANUP(buf_release) struct buf page = BUF_INIT(REPORT_MAX);
    const struct site_config *sites = c->config->sites.items, *site = NULL;
    for (size_t i = 0; i < c->config->sites.n; i++)
        if (c->config->sites.n == 1 || (c->site && strcmp(sites[i].id, c->site) == 0)) site = &sites[i];
    bool days = c->half || c->from;
    const struct report_page p = {.title = c->half ? _("Fraud warnings: half-monthly report")
                                           : days  ? _("Fraud warnings: report")
                                                   : _("Fraud warnings: monthly report"),
                                  .place = site ? site->name : NULL,
                                  .issuer = site && site->issuer ? site->issuer : c->config->relay.issuer,
                                  .made = c->filter.now,
                                  .english = strcmp(config_language(c->config), "en") == 0};
    if (report_html(j, &p, &page, why) != RELAY_OK) return client_failed(why);
    (void)fwrite(page.data, 1, page.len, stdout);
    return EXIT_DONE;
}

int cli_report(int argc, char **argv)
{
    const char *usage = _(
        "Usage: tocsin report [--month 2026-11 | --half 2026-11a | --from DAY --to DAY] [--site S]\n"
        "                     [--csv | --json | --html > FILE]\n"
        "       tocsin report --trial [--from DAY --to DAY] [--site S] [--csv | --json]\n"
        "Without days: this month. Read from the store; the relay need not run. Events are counted for good; "
        "warnings\n"
        "and deliveries are kept for three years, unless the configuration says otherwise.\n"
        "--html: one page with plots, to print on A4 or to mail; gnuplot-nox must be installed.\n"
        "--trial: what would have been spoken, shown or posted, when, with which words, and how long one\n"
        "pass takes at 3.2 characters a second.\n");
    struct client c;
    int code = client_open(&c, argc, argv, usage);
    if (code >= 0) return code;
    struct reason why = {""};
    CLEANUP(json_free_ptr) cJSON *j = NULL;
    if (c.n_rest || c.json + c.csv + c.html > 1 || (c.html && c.trial)) {
        (void)fputs(usage, stderr);
        code = EXIT_USAGE;
    } else if (read_report(&c, &j, &why) != RELAY_OK)
        code = client_failed(&why);
    else {
        code = EXIT_DONE;
        if (c.html)
            code = print_html(&c, j, &why);
        else if (c.json)
            client_print_json(j);
        else if (c.csv)
            print_csv(j);
        else
            print_text(j);
    }
    client_close(&c);
    return code;
}
