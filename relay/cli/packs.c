/* Where rule packs are, for verbs that need no daemon. */
#include "cli/packs.h"

#include <sys/stat.h>
#include <unistd.h>

#include "base/datadir.h"
#include "base/i18n.h"
#include "config.h"
#include "io/yaml.h"
#include "rulebook.h"

enum { PATH_BYTES = 4096 };

/* In a build tree the program stands in build/<preset>/relay, three levels below the sources. */
static const char *source_pack(char out[static PATH_BYTES])
{
    char exe[PATH_BYTES];
    ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
    if (n <= 0) return NULL;
    exe[n] = '\0';
    for (int up = 0; up < 4; up++) {
        char *slash = strrchr(exe, '/');
        if (!slash || slash == exe) return NULL;
        *slash = '\0';
    }
    struct stat st;
    if (snprintf(out, PATH_BYTES, "%s/rules/packs/medical", exe) >= PATH_BYTES || stat(out, &st) != 0)
        return NULL;
    return out;
}

/* As the configuration's own loader reads it: from the folder that the file is in. */
static const char *from_file(struct arena *a, const char *file, const char *path)
{
    const char *slash = strrchr(file, '/');
    if (path[0] == '/' || !slash) return arena_strdup(a, path);
    return arena_printf(a, "%.*s/%s", (int)(slash - file), file, path);
}

/* The configuration's tree; NULL when there is none, which only a file that was asked for must not be. */
static enum relay_err open_config(const char *given, struct arena *a, struct yaml_node **ret,
                                  struct reason *why)
{
    const char *path = config_path(given);
    *ret = NULL;
    if (!given && access(path, F_OK) != 0) return RELAY_OK;
    if (!given && access(path, R_OK) != 0) {
        (void)fprintf(
            stderr, _("%s cannot be read by you: the installed pack is looked at; others with --packs DIR\n"),
            path);
        return RELAY_OK;
    }
    return yaml_load(path, a, ret, why);
}

/* rules.packs of the configuration, or nothing. *ret_installed: the folder of rules that people have installed, NULL when
 * there is none. */
static size_t packs_of_config(const struct yaml_node *root, const char *path, struct arena *a,
                              const char *out[static PACKS_MAX], const char **ret_installed)
{
    if (!root) return 0;
    const struct yaml_node *packs = yaml_get(yaml_get(root, "rules"), "packs");
    size_t n = 0;
    if (packs && packs->kind == YAML_SCALAR) out[n++] = from_file(a, path, packs->text);
    for (size_t i = 0; packs && packs->kind == YAML_LIST && i < packs->n && n < PACKS_MAX - 1; i++)
        if (packs->items[i]->kind == YAML_SCALAR) out[n++] = from_file(a, path, packs->items[i]->text);
    const struct yaml_node *state = yaml_get(yaml_get(root, "relay"), "state_dir");
    const char *dir =
        state && state->kind == YAML_SCALAR ? from_file(a, path, state->text) : "/var/lib/tocsin";
    CLEANUP(free_ptr) char *folder = rulebook_folder(dir);
    if (folder) *ret_installed = arena_strdup(a, folder);
    return n;
}

size_t packs_find(const char *const *given, size_t n_given, const char *config, struct arena *arena,
                  const char *ret[static PACKS_MAX])
{
    if (n_given) {
        memcpy(ret, given, n_given * sizeof(*ret));
        return n_given;
    }
    const char *people = NULL;
    struct yaml_node *root = NULL;
    struct reason why = {""};
    if (open_config(config, arena, &root, &why) != RELAY_OK) {
        (void)fprintf(stderr, _("%s; mend it, or name the rules with --packs DIR\n"), why.text);
        return 0;
    }
    size_t n = packs_of_config(root, config_path(config), arena, ret, &people);
    if (!n) {
        struct stat st;
        char path[PATH_BYTES];
        const char *installed = arena_printf(arena, "%s/packs/medical", data_dir());
        if (stat(installed, &st) != 0 && source_pack(path)) installed = arena_strdup(arena, path);
        ret[n++] = installed;
    }
    if (people) ret[n++] = people;
    return n;
}

size_t packs_print_problems(const struct rule_problems *p)
{
    size_t errors = 0;
    for (size_t i = 0; i < p->n; i++) {
        const struct rule_problem *q = &p->items[i];
        if (q->file[0]) (void)fprintf(stderr, "%s:", q->file);
        if (q->line) (void)fprintf(stderr, "%d:", q->line);
        (void)fprintf(stderr, "%s%s%s%s %s\n", q->file[0] ? " " : "", q->rule, q->rule[0] ? ": " : "",
                      q->warning ? _("warning:") : _("error:"), q->why.text);
        errors += !q->warning;
    }
    return errors;
}
