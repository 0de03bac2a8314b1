/* Installed rules: versions in the store, files for the loader. */
#include "rulebook.h"

#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/i18n.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mask.h"
#include "base/mem.h"
#include "base/text.h"
#include "io/file.h"
#include "io/yaml.h"
#include "pipeline.h"
#include "rows.h"
#include "rules/set.h"

/* -- one rule's text ---------------------------------------------------------------------------------------------- */

/* The map of the only rule in the file. */
static enum relay_err only_rule(const char *name, const char *text, struct arena *a,
                                const struct yaml_node **ret, struct reason *why)
{
    struct yaml_node *root = NULL;
    enum relay_err err = yaml_load_text(name, text, strlen(text), a, &root, why);
    if (err != RELAY_OK) return err;
    const struct yaml_node *rule = root;
    if (root->kind == YAML_LIST && root->n == 1) rule = root->items[0];
    if (rule->kind != YAML_MAP)
        return fail(why, RELAY_INVALID,
                    _("%s: a file to install holds one rule; put each in a file of its own"), name);
    *ret = rule;
    return RELAY_OK;
}

enum relay_err rulebook_with_status(const char *name, const char *text, const char *status, struct buf *ret,
                                    struct reason *why)
{
    struct arena a = {0};
    const struct yaml_node *rule = NULL;
    enum relay_err err = only_rule(name, text, &a, &rule, why);
    if (err == RELAY_OK) {
        const struct yaml_node *node = yaml_get(rule, "status");
        const char *line = text;
        for (int n = 1; node && n < node->line && line; n++) {
            line = strchr(line, '\n');
            if (line) line++;
        }
        const char *key = node && line ? strstr(line, "status:") : NULL;
        const char *end = key ? key + strcspn(key, "\n") : NULL;
        bool alone = key != NULL;
        for (const char *p = line; alone && p < key; p++) alone = *p == ' ' || *p == '-';
        if (alone) {
            buf_add(ret, text, (size_t)(key - text));
            buf_printf(ret, "status: %s%s", status, end);
        } else {
            err = fail(why, RELAY_INVALID, _("%s: the rule wants a line of its own that says `status: test`"),
                       name);
        }
    }
    arena_release(&a);
    return err;
}

struct known {
    char id[64], file[256];
    int rev;
};

/* The file is kept for good: its samples must be nobody's. A bed alone tells nothing of who lies in it. */
static enum relay_err check_samples(const char *const *samples, size_t n, struct reason *why)
{
    enum mask_kind kind;
    for (size_t i = 0; i < n; i++)
        if (mask_first(samples[i], MASK_ANY & ~MASK_BIT(MASK_BED), &kind, NULL))
            return fail(why, RELAY_INVALID,
                        _("sample %zu has what looks like somebody's own: write %s in its place, as rules "
                          "see it"),
                        i + 1, mask_token(kind));
    return RELAY_OK;
}

/* The rule as the relay would load it: patterns, texts' slots, samples. */
static enum relay_err check(const char *text, struct known *ret, struct reason *why)
{
    struct rule_problems problems = {0};
    struct rule_set *set = rule_set_of_text("rule", text, strlen(text),
                                            &(struct set_options){.strict = STRICT_REFUSE}, &problems);
    enum relay_err err = RELAY_OK;
    for (size_t i = 0; i < problems.n && err == RELAY_OK; i++)
        if (!problems.items[i].warning)
            err = fail(why, RELAY_INVALID, _("line %d: %s"), problems.items[i].line,
                       problems.items[i].why.text);
    if (err == RELAY_OK && rule_set_size(set) != 1)
        err = fail(why, RELAY_INVALID,
                   _("%s: a file to install holds one rule; put each in a file of its own"), "rule");
    if (err == RELAY_OK) {
        const struct rule *rule = rule_set_at(set, 0);
        (void)snprintf(ret->id, sizeof(ret->id), "%s", rule->id);
        ret->rev = rule->rev;
        err = check_samples(rule->samples_match, rule->n_samples_match, why);
        if (err == RELAY_OK) err = check_samples(rule->samples_pass, rule->n_samples_pass, why);
    }
    rule_problems_release(&problems);
    rule_set_free(set);
    return err;
}

/* What was taken back runs until the reload that follows. */
static bool was_installed(const struct relay *r, const char *file)
{
    CLEANUP(free_ptr) char *folder = xasprintf("%s/" RULEBOOK_FOLDER "/", r->config->relay.state_dir);
    return strncmp(file, folder, strlen(folder)) == 0;
}

/* -- changes ------------------------------------------------------------------------------------------------------ */

static enum relay_err enter(struct relay *r, const char *id, const char *verb, const char *text,
                            const struct actor *by, struct reason *why)
{
    struct rule_change c = {.at = r->now.wall, .rule = id, .verb = verb, .actor = by->name, .text = text};
    if (!store_rule_change(r->store, &c)) return fail(why, RELAY_IO, _("the store does not take it"));
    char name[32];
    (void)snprintf(name, sizeof(name), "rule.%s", verb);
    actor_did(r, by, name, id, "");
    r->rulebook_changed = true;
    return RELAY_OK;
}

enum relay_err rulebook_install(struct relay *r, const char *text, const struct actor *by,
                                char ret_id[static 64], bool *ret_replaces_stable, struct reason *why)
{
    struct known rule = {.rev = 0}, before = {.rev = 0};
    if (strlen(text) > RULEBOOK_TEXT_MAX)
        return fail(why, RELAY_LIMIT, _("the file is larger than %d KiB"), RULEBOOK_TEXT_MAX / 1024);
    if (!text_valid_utf8(text, strlen(text)))
        return fail(why, RELAY_INVALID, _("the file is not valid UTF-8"));
    CLEANUP(buf_release) struct buf entered = BUF_INIT(2 * RULEBOOK_TEXT_MAX);
    enum relay_err err = rulebook_with_status("rule", text, "test", &entered, why);
    if (err == RELAY_OK) err = check(buf_cstr(&entered), &rule, why);
    if (err != RELAY_OK) return err;
    CLEANUP(buf_release) struct buf old = BUF_INIT(2 * RULEBOOK_TEXT_MAX);
    struct rule_standing standing;
    bool stable = false;
    if (store_rule_standing(r->store, rule.id, &standing, &old)) {
        stable = strcmp(standing.verb, "stable") == 0;
        if (check(buf_cstr(&old), &before, NULL) == RELAY_OK && rule.rev <= before.rev)
            return fail(why, RELAY_CONFLICT, _("revision %d of %s is installed already: write rev: %d"),
                        before.rev, rule.id, before.rev + 1);
    } else {
        const struct rule *other = rule_set_find(r->rules, rule.id);
        if (other && !was_installed(r, other->file))
            return fail(why, RELAY_CONFLICT,
                        _("the id %s belongs to a rule of the packs (%s): give yours another"), rule.id,
                        other->file);
    }
    memcpy(ret_id, rule.id, sizeof(rule.id));
    *ret_replaces_stable = stable;
    return enter(r, rule.id, "install", buf_cstr(&entered), by, why);
}

enum relay_err rulebook_stable(struct relay *r, const char *id, const struct actor *by, struct reason *why)
{
    struct rule_standing standing;
    struct known rule;
    CLEANUP(buf_release) struct buf old = BUF_INIT(2 * RULEBOOK_TEXT_MAX);
    CLEANUP(buf_release) struct buf text = BUF_INIT(2 * RULEBOOK_TEXT_MAX);
    if (!store_rule_standing(r->store, id, &standing, &old))
        return fail(why, RELAY_NOT_FOUND,
                    _("no rule %s has been installed here; `tocsin rules list` shows them"), id);
    if (strcmp(standing.verb, "install") != 0)
        return fail(why, RELAY_CONFLICT, _("%s is stable already, since %s said so"), id, standing.actor);
    if (strcmp(standing.actor, by->name) == 0)
        return fail(why, RELAY_CONFLICT, _("%s installed it; a second person makes it stable"), by->name);
    enum relay_err err = rulebook_with_status(id, buf_cstr(&old), "stable", &text, why);
    if (err == RELAY_OK) err = check(buf_cstr(&text), &rule, why);
    return err == RELAY_OK ? enter(r, id, "stable", buf_cstr(&text), by, why) : err;
}

enum relay_err rulebook_revert(struct relay *r, const char *id, const struct actor *by, const char **ret_now,
                               struct reason *why)
{
    struct rule_standing standing;
    if (!store_rule_standing(r->store, id, &standing, NULL))
        return fail(why, RELAY_NOT_FOUND,
                    _("no rule %s has been installed here; `tocsin rules list` shows them"), id);
    store_rule_undo(r->store, standing.row);
    actor_did(r, by, "rule.revert", id, standing.verb);
    r->rulebook_changed = true;
    bool left = store_rule_standing(r->store, id, &standing, NULL);
    *ret_now = !left ? "" : strcmp(standing.verb, "stable") == 0 ? "stable" : "test";
    return RELAY_OK;
}

/* -- files -------------------------------------------------------------------------------------------------------- */

char *rulebook_folder(const char *state_dir)
{
    char *path = xasprintf("%s/" RULEBOOK_FOLDER, state_dir);
    struct stat st;
    if (stat(path, &st) == 0 && S_ISDIR(st.st_mode)) return path;
    free(path);
    return NULL;
}

/* Whoever mends the file would have it written over. */
static void say_how_to_mend(const char *folder, struct rule_problem *p)
{
    size_t n = strlen(folder), used = strlen(p->why.text);
    if (strncmp(p->file, folder, n) != 0 || p->file[n] != '/') return;
    (void)snprintf(
        p->why.text + used, sizeof(p->why.text) - used,
        _("; it is installed here: mend your own file, raise its rev and `tocsin rules install` it, "
          "or take it back with `tocsin rules revert %.*s --by NAME`"),
        (int)strcspn(p->file + n + 1, "."), p->file + n + 1);
}

enum relay_err rulebook_load(const struct relay_config *c, struct rule_set **ret,
                             struct rule_problems *problems, struct reason *why)
{
    size_t n = c->rules.packs.n;
    struct rule_set *set = NULL;
    CLEANUP(free_ptr) char *folder = rulebook_folder(c->relay.state_dir);
    CLEANUP(free_ptr) const char **dirs = xcalloc(n + 1, sizeof(*dirs));
    if (n) memcpy(dirs, c->rules.packs.items, n * sizeof(*dirs));
    if (folder) dirs[n++] = folder;
    enum relay_err err = rule_set_load(dirs, n, &set, problems, why);
    for (size_t i = 0; folder && i < problems->n; i++) say_how_to_mend(folder, &problems->items[i]);
    if (err != RELAY_OK) return err;
    if ((int64_t)rule_set_size(set) > c->limits.rules) {
        err = fail(why, RELAY_LIMIT, _("%s: %zu rules, allowed %lld (limits.rules)"), c->file,
                   rule_set_size(set), (long long)c->limits.rules);
        rule_set_free(set);
        return err;
    }
    *ret = set;
    return RELAY_OK;
}

static enum relay_err write_file(const char *folder, const char *id, const char *text, struct reason *why)
{
    CLEANUP(free_ptr) char *path = xasprintf("%s/%s.yaml", folder, id);
    CLEANUP(buf_release) struct buf there = BUF_INIT(2 * RULEBOOK_TEXT_MAX);
    if (file_read(path, &there, why) == RELAY_OK && strcmp(buf_cstr(&there), text) == 0) return RELAY_OK;
    return file_replace(path, text, strlen(text), 0644, why);
}

struct writing {
    const char *folder;
    char (*ids)[64];
    size_t n;
    enum relay_err err;
    struct reason *why;
};

static void write_one(void *arg, const char *id, const char *text)
{
    struct writing *w = arg;
    w->ids = xreallocarray(w->ids, w->n + 1, sizeof(*w->ids));
    (void)snprintf(w->ids[w->n++], sizeof(*w->ids), "%s", id);
    if (w->err == RELAY_OK) w->err = write_file(w->folder, id, text, w->why);
}

static void remove_others(const struct writing *w)
{
    DIR *dir = opendir(w->folder);
    const struct dirent *d;
    while (dir && (d = readdir(dir)) != NULL) {
        size_t n = strlen(d->d_name);
        bool known = n <= 5 || strcmp(d->d_name + n - 5, ".yaml") != 0;
        for (size_t i = 0; i < w->n && !known; i++)
            known = strlen(w->ids[i]) == n - 5 && memcmp(w->ids[i], d->d_name, n - 5) == 0;
        if (known) continue;
        CLEANUP(free_ptr) char *path = xasprintf("%s/%s", w->folder, d->d_name);
        if (unlink(path) != 0)
            log_error("%s: %s; the rule in it is loaded although it was taken back", path, strerror(errno));
    }
    if (dir) (void)closedir(dir); /* only read */
}

enum relay_err rulebook_write(struct store *s, const char *state_dir, struct reason *why)
{
    CLEANUP(free_ptr) char *folder = xasprintf("%s/" RULEBOOK_FOLDER, state_dir);
    struct writing w = {.folder = folder, .why = why};
    bool any = store_rules_standing(s, NULL, NULL) > 0;
    struct stat st;
    if (!any && stat(folder, &st) != 0) return RELAY_OK;
    enum relay_err err = folder_make(folder, 0755, why);
    if (err != RELAY_OK) return err;
    (void)store_rules_standing(s, write_one, &w);
    if (w.err == RELAY_OK) remove_others(&w);
    free(w.ids);
    return w.err;
}

void rulebook_committed(struct relay *r)
{
    struct reason why;
    if (!r->rulebook_changed) return;
    r->rulebook_changed = false;
    if (rulebook_write(r->store, r->config->relay.state_dir, &why) != RELAY_OK) {
        (void)fail_in(&why, RELAY_IO, _("the change is kept, and written at the next start"));
        log_error("rules: %s", why.text);
        r->reload_refused = why;
        return;
    }
    pipeline_reload(r);
}

/* -- looking ------------------------------------------------------------------------------------------------------ */

/* q's first column is the rule's text. */
static enum relay_err add_title(struct buf *b, struct stmt *q, struct reason *why)
{
    struct arena a = {0};
    const struct yaml_node *rule = NULL;
    enum relay_err err = only_rule("rule", col_text(q, 0), &a, &rule, why);
    if (err == RELAY_OK) {
        const struct yaml_node *title = yaml_get(rule, "title"), *rev = yaml_get(rule, "rev");
        buf_json_member(b, "title", title ? title->text : NULL);
        buf_json_member_int(b, "rev", rev ? strtoll(rev->text, NULL, 10) : 0);
    }
    arena_release(&a);
    return err;
}

enum relay_err rulebook_list(struct db *db, struct buf *ret, struct reason *why)
{
    CLEANUP(stmt_release) struct stmt q = {NULL};
    enum relay_err err = db_prepare(
        db, &q,
        "SELECT text AS [-], rule, CASE verb WHEN 'stable' THEN 'stable' ELSE 'test' END AS status, "
        "actor AS by, at AS [at:time], max(id) AS [-] FROM rule_change WHERE NOT undone GROUP BY "
        "rule ORDER BY rule",
        why);
    return err == RELAY_OK ? rows_json(ret, &q, add_title, why) : err;
}
