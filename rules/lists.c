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
        if (!list)
            return fail(why, RELAY_NOT_FOUND,
                        _("no list is called %.*s: lists stand in %s beside the rule's file"), (int)n, name,
                        RULE_LISTS_FILE);
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

static enum relay_err read_list(const struct rule_lists *l, const struct yaml_node *key,
                                const struct yaml_node *node, struct arena *a, struct rule_list *ret,
                                struct reason *why)
{
    CLEANUP(buf_release) struct buf b = BUF_INIT(2 * PATTERN_BYTES_MAX);
    if (key->text_len == 0 || strspn(key->text, NAME_CHARS) != key->text_len)
        return fail(why, RELAY_INVALID, _("%s: the name of a list wants a-z, 0-9 and _"), key->text);
    if (!join(node, &b))
        return fail(why, RELAY_INVALID, _("%s: wants a pattern, or a list of patterns"), key->text);
    enum relay_err err = rule_lists_fill(l, arena_strndup(a, buf_cstr(&b), b.len), a, &ret->pattern, why);
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
        enum relay_err err = RELAY_OK;
        if (find(l, key->text, key->text_len))
            err = fail(&why, RELAY_CONFLICT, _("%s: another file has a list of that name"), key->text);
        if (err == RELAY_OK) err = read_list(l, key, root->items[i], a, &l->items[l->n], &why);
        if (err == RELAY_OK) {
            l->n++;
            continue;
        }
        l->incomplete = true;
        rule_problem_add(problems, false, file, root->items[i]->line, NULL, "%s", why.text);
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
    for (int i = 0; i < n; i++) {
        read_file(l, arena_printf(a, "%s%s", folder, files[i]->d_name), a, problems);
        free(files[i]);
    }
    free(files);
}
