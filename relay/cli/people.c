/* tocsin silence, drill: what people lay over the alerts for a time. */
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
