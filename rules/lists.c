/* Reads a pack's named lists and fills them into patterns. */
#include "rules/lists.h"

#include <dirent.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/i18n.h"
#include "base/text.h"
#include "rules/parse.h"
#include "rules/pattern.h"

#define NAME_CHARS "abcdefghijklmnopqrstuvwxyz0123456789_"

static const char *folder_of(const char *path, struct arena *a)
{
    const char *slash = strrchr(path, '/');
    return slash ? arena_strndup(a, path, (size_t)(slash - path) + 1) : "";
}

bool rule_lists_is_file(const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    return strcmp(name, RULE_LISTS_FILE) == 0 || fnmatch(RULE_LISTS_MORE, name, 0) == 0;
}

static const struct rule_list *find(const struct rule_lists *l, const char *name, size_t n)
{
    for (size_t i = 0; i < l->n; i++)
        if (strlen(l->items[i].name) == n && memcmp(l->items[i].name, name, n) == 0) return &l->items[i];
    return NULL;
}

enum relay_err rule_lists_fill(const struct rule_lists *l, const char *text, struct arena *a,
                               const char **ret, struct reason *why)
{
    const char *open = strstr(text, "{{"), *rest = text;
    if (!open) {
        *ret = text;
        return RELAY_OK;
    }
    CLEANUP(buf_release) struct buf b = BUF_INIT(2 * PATTERN_BYTES_MAX);
    for (; open; open = strstr(rest, "{{")) {
        const char *name = open + 2;
        size_t n = strspn(name, NAME_CHARS);
        const struct rule_list *list = find(l, name, n);
        if (n == 0 || strncmp(name + n, "}}", 2) != 0)
            return fail(why, RELAY_INVALID, _("{{ begins the name of a list of %s, such as {{illness}}"),
                        RULE_LISTS_FILE);
        if (!list) return RELAY_NOT_FOUND; /* rule_lists_miss has the words for it */
        buf_add(&b, rest, (size_t)(open - rest));
        buf_str(&b, "(?:");
        buf_str(&b, list->pattern);
        buf_str(&b, ")");
        rest = name + n + 2;
    }
    buf_str(&b, rest);
    if (buf_failed(&b))
        return fail(why, RELAY_LIMIT, _("the pattern is over %d bytes with its lists filled in: use fewer"),
                    PATTERN_BYTES_MAX);
    *ret = arena_strndup(a, buf_cstr(&b), b.len);
    return RELAY_OK;
}

/* ---- names that are no list ---- */

struct rule_missed {
    struct rule_missed *next;
    const char *name;          /* "": all, because there is no file of them, or one that cannot be read */
    struct rule_missed *cause; /* a list that is left out because it uses this one */
    const char *text;          /* of the problem, without the count */
    size_t problem, places;
    bool told; /* the problem is the list's own, not its first use */
};

static struct rule_missed *missed(struct rule_lists *l, const char *name, size_t n, struct arena *a)
{
    struct rule_missed *m = l->missed;
    if (l->incomplete || (l->folder && !l->files)) n = 0;
    while (m && (strlen(m->name) != n || memcmp(m->name, name, n) != 0)) m = m->next;
    if (!m) {
        m = arena_alloc(a, sizeof(*m));
        *m = (struct rule_missed){.next = l->missed, .name = arena_strndup(a, name, n)};
        l->missed = m;
    }
    while (m->cause) m = m->cause;
    return m;
}

static const char *what_to_do(const struct rule_lists *l, const struct rule_use *at)
{
    if (!l->folder) return _("a rule that is installed on its own has no lists: write the words out");
    if (l->incomplete)
        return _("a file of lists beside it cannot be read, as its own error says: mend that first");
    if (!l->files)
        return _("there is no lists.yaml beside this file: bring the pack's list files here, or write the "
                 "words out");
    if (!at->rule)
        return _("a list may use those above it, and those of list files before its own: bring back the file "
                 "that had it, or correct the name");
    return _("no lists.yaml or lists_….yaml beside this file has it: bring back the file that had it, or "
             "correct the name");
}

/* The first of the names in `text` that no list has. */
static struct rule_missed *note(struct rule_lists *l, const char *text, const struct rule_use *at,
                                struct arena *a, struct rule_problems *problems)
{
    struct rule_missed *first = NULL;
    for (const char *open = strstr(text, "{{"); open; open = strstr(open + 2, "{{")) {
        const char *name = open + 2;
        size_t n = strspn(name, NAME_CHARS);
        if (n == 0 || strncmp(name + n, "}}", 2) != 0 || find(l, name, n)) continue;
        struct rule_missed *m = missed(l, name, n, a);
        if (!first) first = m;
        m->places++;
        if (!m->text) {
            m->text = arena_printf(a, _("%s: no list is called %.*s: %s"), at->key, (int)n, name,
                                   what_to_do(l, at));
            m->problem = problems->n;
            rule_problem_add(problems, false, at->file, at->line, at->rule, "%s", m->text);
            continue;
        }
        (void)fail(&problems->items[m->problem].why, RELAY_NOT_FOUND,
                   m->told    ? _("%s (%zu patterns use it)")
                   : *m->name ? _("%s (the first of %zu places that need it)")
                              : _("%s (the first of %zu places that need a list)"),
                   m->text, m->places);
    }
    return first;
}

void rule_lists_miss(struct rule_lists *l, const char *text, const struct rule_use *at, struct arena *a,
                     struct rule_problems *problems)
{
    (void)note(l, text, at, a, problems);
}

/* The list `name` is left out because of `cause`, or, when that is NULL, of the problem that was told last. */
static void leave_out(struct rule_lists *l, const char *name, struct rule_missed *cause, struct arena *a,
                      const struct rule_problems *problems)
{
    struct rule_missed *m = missed(l, name, strlen(name), a);
    if (m->text || m == cause) return;
    m->cause = cause;
    m->told = true;
    m->problem = problems->n - 1;
    m->text = arena_strdup(a, problems->items[m->problem].why.text);
}

/* ---- reading ---- */

/* One pattern, or several of which one is enough. */
static bool join(const struct yaml_node *node, struct buf *b)
{
    if (node->kind == YAML_SCALAR) buf_add(b, node->text, node->text_len);
    for (size_t i = 0; node->kind == YAML_LIST && i < node->n; i++) {
        if (node->items[i]->kind != YAML_SCALAR) return false;
        if (i) buf_char(b, '|');
        buf_add(b, node->items[i]->text, node->items[i]->text_len);
    }
    return node->kind != YAML_MAP && b->len > 0;
}

/* *ret_text: the pattern as written, once it is known. */
static enum relay_err read_list(const struct rule_lists *l, const struct yaml_node *key,
                                const struct yaml_node *node, struct arena *a, struct rule_list *ret,
                                const char **ret_text, struct reason *why)
{
    CLEANUP(buf_release) struct buf b = BUF_INIT(2 * PATTERN_BYTES_MAX);
    if (key->text_len == 0 || strspn(key->text, NAME_CHARS) != key->text_len)
        return fail(why, RELAY_INVALID, _("%s: the name of a list wants a-z, 0-9 and _"), key->text);
    if (!join(node, &b))
        return fail(why, RELAY_INVALID, _("%s: wants a pattern, or a list of patterns"), key->text);
    *ret_text = arena_strndup(a, buf_cstr(&b), b.len);
    enum relay_err err = rule_lists_fill(l, *ret_text, a, &ret->pattern, why);
    struct pattern *parsed = NULL;
    if (err == RELAY_OK) err = pattern_parse(ret->pattern, strlen(ret->pattern), a, &parsed, why);
    if (err != RELAY_OK) return fail_in(why, err, "%s", key->text);
    ret->name = arena_strdup(a, key->text);
    return RELAY_OK;
}

static void read_file(struct rule_lists *l, const char *file, struct arena *a, struct rule_problems *problems)
{
    struct yaml_node *root = NULL;
    struct reason why = {0};
    if (yaml_load(file, a, &root, &why) != RELAY_OK) {
        l->incomplete = true;
        rule_problem_add(problems, false, file, 0, NULL, "%s", why.text);
        return;
    }
    if (root->kind != YAML_MAP) {
        l->incomplete = true;
        rule_problem_add(problems, false, file, root->line, NULL, _("wants `name: pattern` lines"));
        return;
    }
    struct rule_list *before = l->items;
    l->items = arena_alloc(a, (l->n + root->n) * sizeof(*l->items) + 1);
    if (l->n) memcpy(l->items, before, l->n * sizeof(*before));
    for (size_t i = 0; i < root->n; i++) {
        const struct yaml_node *key = root->keys[i];
        const char *text = "";
        enum relay_err err = RELAY_OK;
        if (find(l, key->text, key->text_len))
            err = fail(&why, RELAY_CONFLICT, _("%s: another file has a list of that name"), key->text);
        if (err == RELAY_OK) err = read_list(l, key, root->items[i], a, &l->items[l->n], &text, &why);
        const struct rule_use at = {.file = file, .key = key->text, .line = root->items[i]->line};
        struct rule_missed *cause = NULL;
        if (err == RELAY_OK)
            l->n++;
        else if (err == RELAY_NOT_FOUND)
            cause = note(l, text, &at, a, problems);
        else
            rule_problem_add(problems, false, at.file, at.line, NULL, "%s", why.text);
        if (err != RELAY_OK && err != RELAY_CONFLICT) leave_out(l, key->text, cause, a, problems);
    }
}

static int is_list_file(const struct dirent *entry)
{
    return rule_lists_is_file(entry->d_name);
}

void rule_lists_read(struct rule_lists *l, const char *path, struct arena *a, struct rule_problems *problems)
{
    const char *folder = folder_of(path, a);
    struct dirent **files = NULL;
    if (l->folder && strcmp(l->folder, folder) == 0) return;
    *l = (struct rule_lists){.folder = folder};
    int n = scandir(*folder ? folder : ".", &files, is_list_file, versionsort); /* '.' is before '_' */
    l->files = n > 0 ? n : 0;
    for (int i = 0; i < n; i++) {
        read_file(l, arena_printf(a, "%s%s", folder, files[i]->d_name), a, problems);
        free(files[i]);
    }
    free(files);
}
