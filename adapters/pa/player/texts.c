/* Collects spoken texts. */
#include "player/texts.h"

#include <dirent.h>
#include <errno.h>

#include "base/alert.h"
#include "base/buf.h"
#include "base/i18n.h"
#include "base/mem.h"
#include "io/yaml.h"

enum { FILES_MAX = 1000, TEXT_BYTES = 8192 };

struct texts {
    struct arena arena;
    struct spoken_text *items;
    size_t n;
};

struct texts *texts_new(void)
{
    return xcalloc(1, sizeof(struct texts));
}

struct texts *texts_free(struct texts *t)
{
    if (!t) return NULL;
    arena_release(&t->arena);
    free(t->items);
    free(t);
    return NULL;
}

void texts_add(struct texts *t, const char *id, const char *text)
{
    for (size_t i = 0; i < t->n; i++)
        if (strcmp(t->items[i].text, text) == 0) return;
    t->items = xreallocarray(t->items, t->n + 1, sizeof(*t->items));
    struct spoken_text *item = &t->items[t->n++];
    item->id = arena_strdup(&t->arena, id);
    item->text = arena_strdup(&t->arena, text);
    clip_id(text, item->clip);
}

static void fill(const char *text, const char *site, const char *help, struct buf *out)
{
    const struct {
        const char *slot, *value;
    } slots[] = {{"{{site}}", site}, {"{{help}}", help}};
    while (*text) {
        size_t i = 0;
        while (i < ARRAY_LEN(slots) && strncmp(text, slots[i].slot, strlen(slots[i].slot)) != 0) i++;
        if (i < ARRAY_LEN(slots)) {
            buf_str(out, slots[i].value);
            text += strlen(slots[i].slot);
        } else {
            buf_char(out, *text++);
        }
    }
}

static void add_rule(struct texts *t, const struct yaml_node *rule, const char *site, const char *help)
{
    static const char *const kinds[] = {"voice", "voice_short", "rhyme", "correction"};
    const struct yaml_node *id = yaml_get(rule, "id"), *say = yaml_get(rule, "say");
    if (!id || id->kind != YAML_SCALAR || !say) return; /* lint of the rules tells it */
    for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
        const struct yaml_node *text = yaml_get(say, kinds[k]);
        if (!text || text->kind != YAML_SCALAR || !text->text_len) continue;
        CLEANUP(free_ptr) char *name = xasprintf("%s.%s", id->text, kinds[k]);
        CLEANUP(buf_release) struct buf said = BUF_INIT(TEXT_BYTES);
        CLEANUP(buf_release) struct buf b = BUF_INIT(TEXT_BYTES);
        if (strcmp(kinds[k], "correction") == 0)
            correction_heard(text->text, &said);
        else
            buf_str(&said, text->text);
        fill(buf_cstr(&said), site, help, &b);
        texts_add(t, name, buf_cstr(&b));
    }
}

static enum relay_err add_file(struct texts *t, const char *path, const char *site, const char *help,
                               struct reason *why)
{
    CLEANUP(arena_release) struct arena arena = {0};
    struct yaml_node *root;
    enum relay_err err = yaml_load(path, &arena, &root, why);
    if (err != RELAY_OK) return err;
    if (root->kind == YAML_MAP) add_rule(t, root, site, help);
    for (size_t i = 0; root->kind == YAML_LIST && i < root->n; i++) add_rule(t, root->items[i], site, help);
    return RELAY_OK;
}

static int yaml_files(const struct dirent *d)
{
    size_t n = strlen(d->d_name);
    return n > 5 && strcmp(d->d_name + n - 5, ".yaml") == 0;
}

enum relay_err texts_add_pack(struct texts *t, const char *folder, const char *site, const char *help,
                              struct reason *why)
{
    struct dirent **files;
    int n = scandir(folder, &files, yaml_files, alphasort);
    if (n < 0) return fail(why, RELAY_IO, _("%s: cannot be read: %s"), folder, strerror(errno));
    enum relay_err err =
        n > FILES_MAX ? fail(why, RELAY_LIMIT, _("%s: more than %d files"), folder, FILES_MAX) : RELAY_OK;
    for (int i = 0; i < n; i++) {
        CLEANUP(free_ptr) char *path = xasprintf("%s/%s", folder, files[i]->d_name);
        if (err == RELAY_OK) err = add_file(t, path, site, help, why);
        free(files[i]);
    }
    free(files);
    return err;
}

size_t texts_count(const struct texts *t)
{
    return t->n;
}

const struct spoken_text *texts_at(const struct texts *t, size_t i)
{
    return &t->items[i];
}

const struct spoken_text *texts_find(const struct texts *t, const char *name)
{
    for (size_t i = 0; i < t->n; i++)
        if (strcmp(t->items[i].id, name) == 0 || strcmp(t->items[i].clip, name) == 0) return &t->items[i];
    return NULL;
}
