/* tocsin silence, drill: what people lay over the alerts for a time. */
#include <unistd.h>

#include "base/i18n.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"
#include "cli/actions.h"
#include "cli/cli.h"
#include "cli/verbs.h"

static enum relay_err read_silences(struct db *db, const struct client *c, const char *id, struct buf *ret,
                                    struct reason *why)
{
    (void)id;
    return list_silences(db, &c->filter, ret, why);
}

static void print_silences(const cJSON *j)
{
    static const struct column columns[] = {
        {"id", N_("ID")}, {"state", N_("STATE")}, {"created", N_("CREATED")}, {"expires", N_("EXPIRES")},
        {"by", N_("BY")}, {"broad", N_("BROAD")}, {"matchers", N_("SILENT")}, {"reason", N_("WHY")}};
    client_print_table(j, columns, ARRAY_LEN(columns));
}

static void print_new_silence(const cJSON *j)
{
    char until[24];
    bool broad = false;
    (void)!json_bool(j, "broad", &broad);
    if (broad)
        (void)fprintf(stderr, "%s\n",
                      _("warning: this silence is broad: it names no rule, category, site or area; real "
                        "warnings everywhere stay unheard until it ends"));
    const cJSON *id = cJSON_GetObjectItemCaseSensitive(j, "silence");
    (void)printf(_("silence %d until %s; `tocsin silence expire %d --by NAME` ends it sooner\n"),
                 id ? id->valueint : 0, client_time(j, "expires", until), id ? id->valueint : 0);
}

int cli_silence(int argc, char **argv)
{
    static const struct action actions[] = {
        {.name = "list", .path = "/v1/silences", .offline = read_silences, .print = print_silences},
        {.name = "add", .path = "/v1/silence/add", .post = true, .print = print_new_silence},
        {.name = "expire",
         .n_args = 1,
         .path = "/v1/silence/expire",
         .done =
             N_("ended: screens and the hourly slot have what is in force; groups hear the next revisions")},
    };
    return actions_run(
        argc, argv, actions, ARRAY_LEN(actions),
        _("Usage: tocsin silence add --matcher 'rule=\"…\"' [--matcher …] --for 2h --by NAME --reason WHY\n"
          "       tocsin silence list [--active] [--json]\n"
          "       tocsin silence expire ID --by NAME\n"
          "Alerts that match all matchers are neither spoken, shown nor posted until it ends (30d at most).\n"
          "Labels: rule, category, level, area2, area4, area6, feed, site, certainty, status, kind.\n"
          "Corrections pass. At its end screens and the hourly slot have what is in force; groups are not "
          "told late.\n"));
}

/* -- drills ------------------------------------------------------------------------------------------------------- */

static enum relay_err read_drills(struct db *db, const struct client *c, const char *id, struct buf *ret,
                                  struct reason *why)
{
    (void)id;
    return list_drills(db, &c->filter, ret, why);
}

static void print_drills(const cJSON *j)
{
    static const struct column columns[] = {
        {"id", N_("ID")}, {"state", N_("STATE")},   {"created", N_("CREATED")}, {"ended", N_("ENDED")},
        {"by", N_("BY")}, {"alerts", N_("ALERTS")}, {"site", N_("SITE")},       {"reason", N_("WHY")}};
    client_print_table(j, columns, ARRAY_LEN(columns));
}

/* One drill of the list, by target. */
static int show_drill(const struct client *c, const struct action *a, const char *id)
{
    static const struct column targets[] = {
        {"target", N_("TARGET")},          {"deliveries", N_("DELIVERIES")},      {"sent", N_("SENT")},
        {"confirmed", N_("CONFIRMED")},    {"suppressed", N_("SUPPRESSED")},      {"sent_ms", N_("SENT MS")},
        {"confirmed_ms", N_("ANSWER MS")}, {"confirmed_ms_worst", N_("WORST MS")}};
    struct reason why = {""};
    CLEANUP(json_free_ptr) cJSON *j = NULL;
    if (client_read(c, a->path, NULL, a->offline, &j, &why) != RELAY_OK) return client_failed(&why);
    const cJSON *one = NULL, *row;
    int64_t wanted;
    bool number = text_number(id, &wanted);
    cJSON_ArrayForEach(row, j)
    {
        const cJSON *n = cJSON_GetObjectItemCaseSensitive(row, "id");
        if (n && number && n->valueint == wanted) one = row;
    }
    if (!one) {
        (void)fail(&why, RELAY_NOT_FOUND, _("there is no drill `%s`; `tocsin drill list` shows them"), id);
        return client_failed(&why);
    }
    if (c->json)
        client_print_json(one);
    else
        client_print_table(cJSON_GetObjectItemCaseSensitive(one, "targets"), targets, ARRAY_LEN(targets));
    return EXIT_DONE;
}

static enum relay_err read_plans(struct db *db, const struct client *c, const char *id, struct buf *ret,
                                 struct reason *why)
{
    (void)id;
    return list_plans(db, &c->filter, ret, why);
}

static void print_plans(const cJSON *j)
{
    static const struct column columns[] = {{"month", N_("MONTH")},
                                            {"state", N_("STATE")},
                                            {"at", N_("FROM")},
                                            {"until", N_("UNTIL")},
                                            {"drill", N_("DRILL")}};
    client_print_table(j, columns, ARRAY_LEN(columns));
}

/* Nothing that is done for real asks for this word, so that a hand that is used to the one does not do the other. */
#define DRILL_WORD "演练"

static bool drill_meant(const struct client *c)
{
    if (c->yes) return true;
    if (!isatty(STDIN_FILENO)) {
        (void)fprintf(stderr, "tocsin: %s\n", _("a drill speaks on every loudspeaker; add --yes to mean it"));
        return false;
    }
    char line[64] = "";
    (void)fprintf(stderr,
                  _("This is a DRILL: loudspeakers, screens and chats will say so, for %s. Type %s: "),
                  c->lasts ? c->lasts : "?", DRILL_WORD);
    if (!fgets(line, sizeof(line), stdin)) line[0] = '\0';
    line[strcspn(line, "\r\n")] = '\0';
    if (strcmp(line, DRILL_WORD) == 0) return true;
    (void)fprintf(stderr, "tocsin: %s\n", _("not started"));
    return false;
}

static int begin_drill(const struct client *c, const struct action *a, const char *id)
{
    return drill_meant(c) ? action_change(c, a, id) : EXIT_FAILED;
}

static void print_new_drill(const cJSON *j)
{
    char until[24];
    (void)printf(_("the drill is open until %s; Exercise and Test alerts reach everybody\n"),
                 client_time(j, "expires", until));
}

int cli_drill(int argc, char **argv)
{
    static const struct action actions[] = {
        {.name = "list", .path = "/v1/drills", .offline = read_drills, .print = print_drills},
        {.name = "show", .n_args = 1, .path = "/v1/drills", .offline = read_drills, .run = show_drill},
        {.name = "plan", .path = "/v1/drill/plan", .offline = read_plans, .print = print_plans},
        {.name = "start", .path = "/v1/drill/start", .print = print_new_drill, .run = begin_drill},
        {.name = "stop",
         .path = "/v1/drill/stop",
         .done = N_("the drill is over, and its exercises with it")},
    };
    return actions_run(
        argc, argv, actions, ARRAY_LEN(actions),
        _("Usage: tocsin drill start --for 30m --by NAME [--site S] [--reason WHY] [--yes]\n"
          "       tocsin drill stop --by NAME\n"
          "       tocsin drill list [--json]\n"
          "       tocsin drill show ID [--json]   (times by target)\n"
          "       tocsin drill plan [--json]      (the drill of each month: told, called, done, missed)\n"
          "While it is open, alerts with status Exercise or Test reach all targets, each marked as a drill.\n"
          "A real alert ends the drill's speech. The window ends by itself, and its exercises with it.\n"));
}
