/* tocsin silence, drill: what people lay over the alerts for a time. */
#include <unistd.h>

#include "base/i18n.h"
#include "base/json.h"
#include "base/mem.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/verbs.h"

static enum relay_err read_silences(struct db *db, const struct client *c, const char *id, struct buf *ret,
                                    struct reason *why)
{
    (void)id;
    return list_silences(db, &c->filter, ret, why);
}

static int silence_list(const struct client *c)
{
    struct reason why = {""};
    CLEANUP(json_free_ptr) cJSON *j = NULL;
    if (client_read(c, "/v1/silences", NULL, read_silences, &j, &why) != RELAY_OK) return client_failed(&why);
    static const struct column columns[] = {
        {"id", N_("ID")}, {"state", N_("STATE")}, {"created", N_("CREATED")}, {"expires", N_("EXPIRES")},
        {"by", N_("BY")}, {"broad", N_("BROAD")}, {"matchers", N_("SILENT")}, {"reason", N_("WHY")}};
    if (c->json)
        client_print_json(j);
    else
        client_print_table(j, columns, ARRAY_LEN(columns));
    return EXIT_DONE;
}

static int silence_add(const struct client *c)
{
    struct reason why = {""};
    char until[24];
    CLEANUP(json_free_ptr) cJSON *j = NULL;
    if (client_post(c, "/v1/silence/add", NULL, &j, &why) != RELAY_OK) return client_failed(&why);
    bool broad = false;
    (void)!json_bool(j, "broad", &broad);
    if (broad)
        (void)fprintf(stderr, "%s\n",
                      _("warning: this silence is broad: it names no rule, category, site or area; real "
                        "warnings everywhere stay unheard until it ends"));
    const cJSON *id = cJSON_GetObjectItemCaseSensitive(j, "silence");
    if (c->json)
        client_print_json(j);
    else
        (void)printf(_("silence %d until %s; `tocsin silence expire %d --by NAME` ends it sooner\n"),
                     id ? id->valueint : 0, client_time(j, "expires", until), id ? id->valueint : 0);
    return EXIT_DONE;
}

static int post(const struct client *c, const char *path, const char *id, const char *done)
{
    struct reason why = {""};
    CLEANUP(json_free_ptr) cJSON *j = NULL;
    if (client_post(c, path, id, &j, &why) != RELAY_OK) return client_failed(&why);
    if (c->json)
        client_print_json(j);
    else
        (void)printf("%s\n", done);
    return EXIT_DONE;
}

int cli_silence(int argc, char **argv)
{
    const char *usage =
        _("Usage: tocsin silence add --matcher 'rule=\"…\"' [--matcher …] --for 2h --by NAME --reason WHY\n"
          "       tocsin silence list [--active] [--json]\n"
          "       tocsin silence expire ID --by NAME\n"
          "Alerts that match all matchers are neither spoken, shown nor posted until it ends (30d at most).\n"
          "Labels: rule, category, level, area2, area4, area6, feed, site, certainty, status, kind.\n"
          "Corrections pass. What was suppressed is not said later.\n");
    struct client c;
    int code = client_open(&c, argc, argv, usage);
    if (code >= 0) return code;
    const char *verb = c.n_rest ? c.rest[0] : "";
    code = EXIT_USAGE;
    if (strcmp(verb, "list") == 0 && c.n_rest == 1)
        code = silence_list(&c);
    else if (strcmp(verb, "add") == 0 && c.n_rest == 1)
        code = silence_add(&c);
    else if (strcmp(verb, "expire") == 0 && c.n_rest == 2)
        code = post(&c, "/v1/silence/expire", c.rest[1], _("ended: the next revisions go out again"));
    if (code == EXIT_USAGE) (void)fputs(usage, stderr);
    client_close(&c);
    return code;
}

/* -- drills ------------------------------------------------------------------------------------------------------- */

static enum relay_err read_drills(struct db *db, const struct client *c, const char *id, struct buf *ret,
                                  struct reason *why)
{
    (void)id;
    return list_drills(db, &c->filter, ret, why);
}

/* The whole list, or with `id` the targets of one drill. */
static int drill_list(const struct client *c, const char *id)
{
    struct reason why = {""};
    CLEANUP(json_free_ptr) cJSON *j = NULL;
    if (client_read(c, "/v1/drills", NULL, read_drills, &j, &why) != RELAY_OK) return client_failed(&why);
    static const struct column columns[] = {
        {"id", N_("ID")}, {"state", N_("STATE")},   {"created", N_("CREATED")}, {"ended", N_("ENDED")},
        {"by", N_("BY")}, {"alerts", N_("ALERTS")}, {"site", N_("SITE")},       {"reason", N_("WHY")}};
    static const struct column targets[] = {
        {"target", N_("TARGET")},          {"deliveries", N_("DELIVERIES")},      {"sent", N_("SENT")},
        {"confirmed", N_("CONFIRMED")},    {"suppressed", N_("SUPPRESSED")},      {"sent_ms", N_("SENT MS")},
        {"confirmed_ms", N_("ANSWER MS")}, {"confirmed_ms_worst", N_("WORST MS")}};
    const cJSON *one = NULL, *row;
    cJSON_ArrayForEach(row, j)
    {
        const cJSON *n = cJSON_GetObjectItemCaseSensitive(row, "id");
        if (id && n && n->valueint == strtol(id, NULL, 10)) one = row;
    }
    if (id && !one) {
        (void)fail(&why, RELAY_NOT_FOUND, _("there is no drill `%s`; `tocsin drill list` shows them"), id);
        return client_failed(&why);
    }
    if (c->json)
        client_print_json(one ? one : j);
    else if (one)
        client_print_table(cJSON_GetObjectItemCaseSensitive(one, "targets"), targets, ARRAY_LEN(targets));
    else
        client_print_table(j, columns, ARRAY_LEN(columns));
    return EXIT_DONE;
}

static enum relay_err read_plans(struct db *db, const struct client *c, const char *id, struct buf *ret,
                                 struct reason *why)
{
    (void)id;
    return list_plans(db, &c->filter, ret, why);
}

static int drill_plan(const struct client *c)
{
    struct reason why = {""};
    CLEANUP(json_free_ptr) cJSON *j = NULL;
    if (client_read(c, "/v1/drill/plan", NULL, read_plans, &j, &why) != RELAY_OK) return client_failed(&why);
    static const struct column columns[] = {{"month", N_("MONTH")},
                                            {"state", N_("STATE")},
                                            {"at", N_("FROM")},
                                            {"until", N_("UNTIL")},
                                            {"drill", N_("DRILL")}};
    if (c->json)
        client_print_json(j);
    else
        client_print_table(j, columns, ARRAY_LEN(columns));
    return EXIT_DONE;
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

static int drill_begin(const struct client *c)
{
    if (!drill_meant(c)) return EXIT_FAILED;
    struct reason why = {""};
    char until[24];
    CLEANUP(json_free_ptr) cJSON *j = NULL;
    if (client_post(c, "/v1/drill/start", NULL, &j, &why) != RELAY_OK) return client_failed(&why);
    if (c->json)
        client_print_json(j);
    else
        (void)printf(_("the drill is open until %s; Exercise and Test alerts reach everybody\n"),
                     client_time(j, "expires", until));
    return EXIT_DONE;
}

int cli_drill(int argc, char **argv)
{
    const char *usage =
        _("Usage: tocsin drill start --for 30m --by NAME [--site S] [--reason WHY] [--yes]\n"
          "       tocsin drill stop --by NAME\n"
          "       tocsin drill list [--json]\n"
          "       tocsin drill show ID [--json]   (times by target)\n"
          "       tocsin drill plan [--json]      (the drill of each month: told, called, done, missed)\n"
          "While it is open, alerts with status Exercise or Test reach all targets, each marked as a drill.\n"
          "A real alert ends the drill's speech. The window ends by itself, and its exercises with it.\n");
    struct client c;
    int code = client_open(&c, argc, argv, usage);
    if (code >= 0) return code;
    const char *verb = c.n_rest ? c.rest[0] : "";
    code = EXIT_USAGE;
    if (strcmp(verb, "list") == 0 && c.n_rest == 1)
        code = drill_list(&c, NULL);
    else if (strcmp(verb, "show") == 0 && c.n_rest == 2)
        code = drill_list(&c, c.rest[1]);
    else if (strcmp(verb, "plan") == 0 && c.n_rest == 1)
        code = drill_plan(&c);
    else if (strcmp(verb, "start") == 0 && c.n_rest == 1)
        code = drill_begin(&c);
    else if (strcmp(verb, "stop") == 0 && c.n_rest == 1)
        code = post(&c, "/v1/drill/stop", NULL, _("the drill is over, and its exercises with it"));
    if (code == EXIT_USAGE) (void)fputs(usage, stderr);
    client_close(&c);
    return code;
}
