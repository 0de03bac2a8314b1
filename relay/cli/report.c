/* tocsin report: the month-end form, the half-monthly meeting, and what a trial would have said. */
#include "report.h"

#include "base/i18n.h"
#include "base/json.h"
#include "base/mem.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/verbs.h"
#include "store.h"

enum { REPORT_MAX = 64 * 1024 * 1024 };

/* What each section shows, in this order; CSV has the members' names, so that a sheet does not change with the language. */
static const struct part {
    const char *name, *title;
    struct column columns[9];
} parts[] = {
    {"events",
     N_("Events"),
     {{"feed", N_("FEED")}, {"kind", N_("KIND")}, {"verdict", N_("VERDICT")}, {"events", N_("EVENTS")}}},
    {"refused", N_("Refused events"), {{"feed", N_("FEED")}, {"events", N_("EVENTS")}}},
    {"alerts",
     N_("Alerts"),
     {{"rule", N_("RULE")},
      {"level", N_("LEVEL")},
      {"alerts", N_("ALERTS")},
      {"taken_back", N_("TAKEN BACK")},
      {"reports", N_("COUNT")},
      {"title", N_("TITLE")}}},
    {"outcomes",
     N_("What came of them"),
     {{"rule", N_("RULE")}, {"outcome", N_("OUTCOME")}, {"times", N_("TIMES")}}},
    {"feedback",
     N_("What groups said"),
     {{"rule", N_("RULE")},
      {"target", N_("TARGET")},
      {"seen", N_("SEEN HERE TOO")},
      {"false_alarm", N_("FALSE ALARM")},
      {"acknowledged", N_("ACKNOWLEDGED")},
      {"deterred", N_("DETERRED")}}},
    {"deliveries",
     N_("Deliveries"),
     {{"target", N_("TARGET")}, {"state", N_("STATE")}, {"deliveries", N_("DELIVERIES")}}},
    {"times",
     N_("Times from the alert on"),
     {{"channel", N_("CHANNEL")},
      {"step", N_("STEP")},
      {"deliveries", N_("DELIVERIES")},
      {"p50_ms", N_("P50 MS")},
      {"p95_ms", N_("P95 MS")}}},
    {"silences",
     N_("Silences"),
     {{"id", N_("ID")},
      {"by", N_("BY")},
      {"created_at", N_("CREATED")},
      {"ended_at", N_("ENDED")},
      {"suppressed", N_("SUPPRESSED")},
      {"matchers", N_("SILENT")},
      {"reason", N_("WHY")}}},
    {"drills",
     N_("Drills"),
     {{"id", N_("ID")},
      {"by", N_("BY")},
      {"site", N_("SITE")},
      {"created_at", N_("CREATED")},
      {"ended_at", N_("ENDED")},
      {"alerts", N_("ALERTS")}}},
    {"people", N_("People"), {{"by", N_("BY")}, {"action", N_("ACTION")}, {"times", N_("TIMES")}}},
    {"trial",
     N_("What the trial held back"),
     {{"at", N_("AT")},
      {"target", N_("TARGET")},
      {"rule", N_("RULE")},
      {"alert", N_("ALERT")},
      {"seconds", N_("SECONDS")},
      {"words", N_("WORDS")}}},
};

static size_t columns_of(const struct part *p)
{
    size_t n = 0;
    while (n < ARRAY_LEN(p->columns) && p->columns[n].member) n++;
    return n;
}

static void print_text(const cJSON *j)
{
    char from[24], to[24];
    (void)printf("%s – %s", client_time(j, "from", from), client_time(j, "to", to));
    if (json_str_or(j, "site", NULL)) (void)printf("  %s", json_str_or(j, "site", ""));
    (void)putchar('\n');
    bool any = false;
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        const cJSON *rows = cJSON_GetObjectItemCaseSensitive(j, parts[i].name);
        if (!cJSON_GetArraySize(rows)) continue;
        any = true;
        (void)printf("\n%s\n", _(parts[i].title));
        client_print_table(rows, parts[i].columns, columns_of(&parts[i]));
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
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        const cJSON *rows = cJSON_GetObjectItemCaseSensitive(j, parts[i].name), *row;
        size_t n = columns_of(&parts[i]);
        if (!cJSON_GetArraySize(rows)) continue;
        (void)fputs("section", stdout);
        for (size_t k = 0; k < n; k++) (void)printf(",%s", parts[i].columns[k].member);
        (void)fputs("\r\n", stdout);
        cJSON_ArrayForEach(row, rows)
        {
            (void)fputs(parts[i].name, stdout);
            for (size_t k = 0; k < n; k++) {
                const cJSON *v = cJSON_GetObjectItemCaseSensitive(row, parts[i].columns[k].member);
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
    struct report_span span;
    struct db db;
    enum relay_err err = span_of(c, &span, why);
    if (err != RELAY_OK) return err;
    bool known = !c->site;
    const struct site_config *sites = c->config->sites.items;
    for (size_t i = 0; i < c->config->sites.n && !known; i++) known = strcmp(sites[i].id, c->site) == 0;
    if (!known)
        return fail(why, RELAY_NOT_FOUND, _("there is no site `%s`; `tocsin site list` shows them"), c->site);
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

int cli_report(int argc, char **argv)
{
    const char *usage =
        _("Usage: tocsin report [--month 2026-11 | --half 2026-11a | --from DAY --to DAY] [--site S]\n"
          "                     [--csv | --json]\n"
          "       tocsin report --trial [--from DAY --to DAY] [--site S] [--csv | --json]\n"
          "Without days: this month. Read from the store; the relay need not run. Events that matched are "
          "kept\n"
          "for 30 days and others for 7, unless the configuration says more: ask for a month in time.\n"
          "--trial: what would have been spoken, shown or posted, when, with which words, and how long one\n"
          "pass takes at 3.2 characters a second.\n");
    struct client c;
    int code = client_open(&c, argc, argv, usage);
    if (code >= 0) return code;
    struct reason why = {""};
    CLEANUP(json_free_ptr) cJSON *j = NULL;
    if (c.n_rest) {
        (void)fputs(usage, stderr);
        code = EXIT_USAGE;
    } else if (read_report(&c, &j, &why) != RELAY_OK)
        code = client_failed(&why);
    else {
        if (c.json)
            client_print_json(j);
        else if (c.csv)
            print_csv(j);
        else
            print_text(j);
        code = EXIT_DONE;
    }
    client_close(&c);
    return code;
}
