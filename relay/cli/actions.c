/* Runs a row of a verb's table: reads and prints, or changes and says so. */
#include "cli/actions.h"

#include <string.h>

#include "base/i18n.h"
#include "base/json.h"
#include "base/mem.h"
#include "cli/cli.h"

int action_show(const struct client *c, const struct action *a, const char *id)
{
    struct reason why = {""};
    CLEANUP(json_free_ptr) cJSON *j = NULL;
    enum relay_err err = !a->offline ? client_get(c, a->path, id, &j, &why)
                         : !a->path  ? client_read_store(c, id, a->offline, &j, &why)
                                     : client_read(c, a->path, id, a->offline, &j, &why);
    if (err != RELAY_OK) return client_failed(&why);
    if (c->json)
        client_print_json(j);
    else
        a->print(j);
    return EXIT_DONE;
}

bool action_in_force(const struct client *c, const struct action *a)
{
    struct reason why = {""};
    enum relay_err err = client_wait_reload(c, &why);
    if (err == RELAY_OK) return true;
    if (*a->reloads) (void)fail_in(&why, err, "%s", _(a->reloads));
    (void)client_failed(&why);
    return false;
}

int action_change(const struct client *c, const struct action *a, const char *id)
{
    struct reason why = {""};
    CLEANUP(json_free_ptr) cJSON *j = NULL;
    if (client_post(c, a->path, id, &j, &why) != RELAY_OK) return client_failed(&why);
    if (a->reloads && !action_in_force(c, a)) return EXIT_FAILED;
    if (c->json)
        client_print_json(j);
    else if (a->print)
        a->print(j);
    else
        (void)printf("%s\n", _(a->done));
    return EXIT_DONE;
}

int actions_run(int argc, char **argv, const struct action *actions, size_t n, const char *usage)
{
    struct client c;
    int code = client_open(&c, argc, argv, usage);
    if (code >= 0) return code;
    code = EXIT_USAGE;
    for (size_t i = 0; i < n && c.n_rest; i++) {
        const struct action *a = &actions[i];
        if (strcmp(a->name, c.rest[0]) != 0) continue;
        if (c.n_rest > 1 + a->n_args) cli_too_many(argv[0] + strlen("tocsin "), c.rest[1 + a->n_args]);
        if (c.n_rest != 1 + a->n_args) continue;
        CLEANUP(free_ptr) char *both = a->n_args == 2 ? xasprintf("%s %s", c.rest[1], c.rest[2]) : NULL;
        const char *id = both ? both : a->n_args ? c.rest[1] : NULL;
        code = a->run               ? a->run(&c, a, id)
               : a->done || a->post ? action_change(&c, a, id)
                                    : action_show(&c, a, id);
        break;
    }
    if (code == EXIT_USAGE) (void)fputs(usage, stderr);
    client_close(&c);
    return code;
}
