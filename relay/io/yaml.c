/* Builds the node tree from libyaml's events, refusing what makes a file mean something else than it shows. */
#include "io/yaml.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <yaml.h>

#include "base/i18n.h"
#include "base/text.h"
#include "io/file.h"

enum { MAX_BYTES = 4 * 1024 * 1024, MAX_DEPTH = 32 };

/* A list or map that is still open. */
struct frame {
    struct yaml_node *node;
    struct yaml_node **keys, **items;
    struct yaml_node *key; /* read, its value not yet */
    size_t n, cap;
};

struct builder {
    const char *name;
    const char *text; /* the whole file: to show what stands at a place */
    size_t len;
    struct arena *arena;
    struct frame open[MAX_DEPTH];
    int depth;
    struct yaml_node *root;
};

static struct yaml_node *node_new(struct builder *b, enum yaml_kind kind, const yaml_event_t *e)
{
    struct yaml_node *node = arena_alloc(b->arena, sizeof(*node));
    node->kind = kind;
    node->line = (int)e->start_mark.line + 1;
    node->column = (int)e->start_mark.column + 1;
    node->file = b->name;
    return node;
}

static enum relay_err refuse(const struct builder *b, const yaml_mark_t *at, struct reason *why,
                             const char *text)
{
    return fail(why, RELAY_INVALID, "%s:%zu:%zu: %s", b->name, at->line + 1, at->column + 1, text);
}

/* The line that a mark is in, without its end. */
static const char *line_at(const struct builder *b, const yaml_mark_t *at, size_t *ret_len)
{
    const char *p = b->text, *end = b->text + b->len;
    for (size_t i = 0; i < at->line && p < end; i++) {
        const char *nl = memchr(p, '\n', (size_t)(end - p));
        p = nl ? nl + 1 : end;
    }
    const char *nl = memchr(p, '\n', (size_t)(end - p));
    *ret_len = (size_t)((nl ? nl : end) - p);
    return p;
}

static char char_at(const struct builder *b, const yaml_mark_t *at)
{
    size_t n;
    const char *line = line_at(b, at, &n);
    size_t i = 0;
    for (size_t column = 0; i < n; i++) {
        if (((unsigned char)line[i] & 0xC0) == 0x80) continue; /* inside a code point */
        if (column++ == at->column) return line[i];
    }
    return '\0';
}

/* Typed with a Chinese input method: the line has a full-width colon and none that counts. */
static bool full_width_colon(const struct builder *b, const yaml_mark_t *at)
{
    size_t n;
    const char *line = line_at(b, at, &n);
    return memmem(line, n, "：", strlen("：")) && !memchr(line, ':', n);
}

/* libyaml speaks of tokens; this says what to type instead. */
static enum relay_err explain(const struct builder *b, const yaml_parser_t *p, struct reason *why)
{
    const char *problem = p->problem ? p->problem : "";
    const char *context = p->context ? p->context : "";
    const yaml_mark_t *at = &p->problem_mark;
    char c = char_at(b, at);

    if (p->error == YAML_MEMORY_ERROR) return fail(why, RELAY_IO, _("%s: out of memory"), b->name);
    if (p->error == YAML_READER_ERROR) {
        const char *upto = memchr(b->text, '\0', p->problem_offset < b->len ? p->problem_offset : b->len);
        size_t n = upto ? (size_t)(upto - b->text) : p->problem_offset < b->len ? p->problem_offset : b->len;
        yaml_mark_t found = {0};
        for (size_t i = 0; i < n; i++) {
            if (b->text[i] == '\n')
                found = (yaml_mark_t){.line = found.line + 1};
            else if (((unsigned char)b->text[i] & 0xC0) != 0x80)
                found.column++;
        }
        return refuse(b, &found, why, _("a control character stands here: take it out"));
    }
    if (strstr(problem, "cannot start any token")) {
        if (c == '\t') return refuse(b, at, why, _("a tab stands here: YAML is indented with spaces only"));
        return refuse(b, at, why, _("a value that begins with this character must stand in single quotes"));
    }
    if (strstr(problem, "tab character")) {
        return refuse(b, at, why, _("a tab stands here: YAML is indented with spaces only"));
    }
    if (strstr(context, "quoted scalar") && strstr(problem, "unexpected")) {
        return refuse(b, &p->context_mark, why, _("the quote that opens here is never closed"));
    }
    if (strstr(problem, "escape character") || strstr(context, "escape")) {
        return refuse(
            b, at, why,
            _("inside double quotes a backslash begins an escape: write the value in single quotes"));
    }
    if (strstr(context, "quoted scalar") || strstr(context, "parsing a quoted"))
        return refuse(b, &p->context_mark, why, _("the quote that opens here is not closed properly"));
    if (strstr(context, "alias") || strstr(context, "anchor") || strstr(context, "tag")) {
        return refuse(b, &p->context_mark, why,
                      _("a value that begins with *, & or ! must stand in single quotes"));
    }
    const yaml_mark_t above = {.line = at->line ? at->line - 1 : 0},
                      *suspects[] = {at, &above, &p->context_mark};
    for (size_t i = 0; i < ARRAY_LEN(suspects); i++) {
        if (full_width_colon(b, suspects[i]))
            return refuse(b, suspects[i], why, _("this line has a full-width colon ：, type : and a space"));
    }
    if (strstr(problem, "could not find expected ':'")) {
        return refuse(b, &p->context_mark, why,
                      _("a key needs `:` and a space after it; a text over several lines must be indented"));
    }
    if (strstr(problem, "mapping values are not allowed")) {
        return refuse(b, at, why,
                      _("`: ` is not possible here: put the value in quotes, or correct the indentation"));
    }
    if (strstr(context, "flow sequence")) {
        return refuse(b, &p->context_mark, why, _("the list that opens with [ here lacks a comma or its ]"));
    }
    if (strstr(context, "flow mapping")) {
        return refuse(b, &p->context_mark, why, _("the block that opens with { here lacks a comma or its }"));
    }
    if (strstr(problem, "did not find expected") || strstr(problem, "not allowed in this context")) {
        return refuse(
            b, at, why,
            _("the indentation does not fit the lines above, or a quote inside a value is not closed"));
    }
    return fail(why, RELAY_INVALID, _("%s:%zu:%zu: not YAML: %s"), b->name, at->line + 1, at->column + 1,
                problem);
}

/* Hands a finished scalar, or a list or map that has just opened, to what encloses it. */
static enum relay_err attach(struct builder *b, struct yaml_node *node, const yaml_event_t *e,
                             struct reason *why)
{
    if (!b->depth) {
        b->root = node;
        return RELAY_OK;
    }
    struct frame *f = &b->open[b->depth - 1];
    if (f->node->kind == YAML_MAP && !f->key) {
        if (node->kind != YAML_SCALAR)
            return refuse(b, &e->start_mark, why, _("a key must be a simple word, not a list or a block"));
        if (!node->quoted && strcmp(node->text, "<<") == 0) {
            return refuse(b, &e->start_mark, why, _("merge keys (<<) are not read: write the values out"));
        }
        f->key = node;
        return RELAY_OK;
    }
    if (f->n == f->cap) {
        f->cap = f->cap ? f->cap * 2 : 8;
        f->items = xreallocarray(f->items, f->cap, sizeof(*f->items));
        if (f->node->kind == YAML_MAP) f->keys = xreallocarray(f->keys, f->cap, sizeof(*f->keys));
    }
    if (f->node->kind == YAML_MAP) f->keys[f->n] = f->key;
    f->items[f->n++] = node;
    f->key = NULL;
    return RELAY_OK;
}

static int by_text_then_place(const void *pa, const void *pb)
{
    const struct yaml_node *const *va = pa, *const *vb = pb;
    const struct yaml_node *a = *va, *b = *vb;
    size_t n = a->text_len < b->text_len ? a->text_len : b->text_len;
    int d = memcmp(a->text, b->text, n);
    if (d) return d;
    if (a->text_len != b->text_len) return a->text_len < b->text_len ? -1 : 1;
    if (a->line != b->line) return a->line < b->line ? -1 : 1;
    return (a->column > b->column) - (a->column < b->column);
}

/* By sorting: a hostile file may have a million keys in one map. */
static enum relay_err refuse_duplicates(const struct builder *b, const struct frame *f, struct reason *why)
{
    if (f->n < 2) return RELAY_OK;
    CLEANUP(free_ptr) struct yaml_node **sorted = xcalloc(f->n, sizeof(*sorted));
    memcpy(sorted, f->keys, f->n * sizeof(*sorted));
    qsort(sorted, f->n, sizeof(*sorted), by_text_then_place);
    for (size_t i = 1; i < f->n; i++) {
        const struct yaml_node *a = sorted[i - 1], *again = sorted[i];
        if (a->text_len != again->text_len || memcmp(a->text, again->text, a->text_len) != 0) continue;
        return fail(why, RELAY_INVALID,
                    _("%s:%d:%d: `%.60s` stands here for the second time, first in line %d: keep one"),
                    b->name, again->line, again->column, again->text, a->line);
    }
    return RELAY_OK;
}

static enum relay_err open_node(struct builder *b, enum yaml_kind kind, const yaml_event_t *e,
                                struct reason *why)
{
    if (b->depth == MAX_DEPTH) {
        return fail(why, RELAY_LIMIT, _("%s:%zu:%zu: nested deeper than %d levels"), b->name,
                    e->start_mark.line + 1, e->start_mark.column + 1, MAX_DEPTH);
    }
    struct yaml_node *node = node_new(b, kind, e);
    enum relay_err err = attach(b, node, e, why);
    if (err) return err;
    b->open[b->depth++] = (struct frame){.node = node};
    return RELAY_OK;
}

static enum relay_err close_node(struct builder *b, struct reason *why)
{
    if (!b->depth) return RELAY_OK; /* libyaml pairs what opens and closes */
    struct frame *f = &b->open[b->depth - 1];
    enum relay_err err = f->node->kind == YAML_MAP ? refuse_duplicates(b, f, why) : RELAY_OK;
    if (err) return err;
    size_t bytes = f->n * sizeof(struct yaml_node *);
    if (f->n) {
        f->node->items = arena_alloc(b->arena, bytes);
        memcpy(f->node->items, f->items, bytes);
    }
    if (f->n && f->node->kind == YAML_MAP) {
        f->node->keys = arena_alloc(b->arena, bytes);
        memcpy(f->node->keys, f->keys, bytes);
    }
    f->node->n = f->n;
    free(f->items);
    free(f->keys);
    b->depth--;
    return RELAY_OK;
}

static enum relay_err add_scalar(struct builder *b, const yaml_event_t *e, struct reason *why)
{
    struct yaml_node *node = node_new(b, YAML_SCALAR, e);
    node->quoted = e->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    node->text_len = e->data.scalar.length;
    if (memchr(e->data.scalar.value, '\0', node->text_len)) /* "\0" in double quotes */
        return refuse(b, &e->start_mark, why, _("a value cannot hold the character U+0000"));
    node->text = arena_strndup(b->arena, (const char *)e->data.scalar.value, node->text_len);
    return attach(b, node, e, why);
}

static enum relay_err take_event(struct builder *b, const yaml_event_t *e, struct reason *why)
{
    const yaml_char_t *anchor = NULL, *tag = NULL;
    switch (e->type) {
    case YAML_SCALAR_EVENT:
        anchor = e->data.scalar.anchor;
        tag = e->data.scalar.tag;
        break;
    case YAML_SEQUENCE_START_EVENT:
        anchor = e->data.sequence_start.anchor;
        tag = e->data.sequence_start.tag;
        break;
    case YAML_MAPPING_START_EVENT:
        anchor = e->data.mapping_start.anchor;
        tag = e->data.mapping_start.tag;
        break;
    default: break;
    }
    if (anchor || e->type == YAML_ALIAS_EVENT) {
        return refuse(b, &e->start_mark, why,
                      _("anchors (&) and aliases (*) are not read: write the value out, or quote it"));
    }
    if (tag) {
        return refuse(b, &e->start_mark, why,
                      _("tags (!) are not read: take the tag out, or put the value in quotes"));
    }
    switch (e->type) {
    case YAML_DOCUMENT_START_EVENT:
        if (b->root)
            return refuse(b, &e->start_mark, why,
                          _("a second document (---) begins here: one file, one document"));
        return RELAY_OK;
    case YAML_SCALAR_EVENT: return add_scalar(b, e, why);
    case YAML_SEQUENCE_START_EVENT: return open_node(b, YAML_LIST, e, why);
    case YAML_MAPPING_START_EVENT: return open_node(b, YAML_MAP, e, why);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT: return close_node(b, why);
    default: return RELAY_OK;
    }
}

static enum relay_err build(struct builder *b, yaml_parser_t *parser, struct reason *why)
{
    for (bool done = false; !done;) {
        yaml_event_t e;
        if (!yaml_parser_parse(parser, &e)) return explain(b, parser, why);
        enum relay_err err = take_event(b, &e, why);
        done = e.type == YAML_STREAM_END_EVENT;
        yaml_event_delete(&e);
        if (err) return err;
    }
    if (!b->root || (b->root->kind == YAML_SCALAR && !b->root->quoted && !b->root->text_len))
        return fail(why, RELAY_INVALID, _("%s:1:1: the file is empty, or all of it is comments"), b->name);
    return RELAY_OK;
}

/* GBK from an old editor and UTF-16 from a Windows one are what people really bring. */
static enum relay_err check_utf8(const char *name, const char *text, size_t n, struct reason *why)
{
    if (text_valid_utf8(text, n)) return RELAY_OK;
    const char *p = text, *end = text + n;
    int line = 1;
    for (; p < end; line++) {
        const char *nl = memchr(p, '\n', (size_t)(end - p));
        size_t len = (size_t)((nl ? nl + 1 : end) - p);
        if (!text_valid_utf8(p, len)) break;
        p += len;
    }
    return fail(why, RELAY_INVALID, _("%s:%d:1: not UTF-8 (GBK or UTF-16?): save the file again as UTF-8"),
                name, line);
}

enum relay_err yaml_load_text(const char *name, const char *text, size_t n, struct arena *a,
                              struct yaml_node **ret, struct reason *why)
{
    if (n > MAX_BYTES)
        return fail(why, RELAY_LIMIT, _("%s: over %d MiB: split the file"), name, MAX_BYTES / 1024 / 1024);
    if (n >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) { /* Notepad's mark */
        text += 3;
        n -= 3;
    }
    enum relay_err err = check_utf8(name, text, n, why);
    if (err) return err;

    yaml_parser_t parser;
    if (!yaml_parser_initialize(&parser)) return fail(why, RELAY_IO, _("%s: out of memory"), name);
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, n);
    struct builder b = {.name = arena_strdup(a, name), .text = text, .len = n, .arena = a};
    err = build(&b, &parser, why);
    while (b.depth > 0) {
        b.depth--;
        free(b.open[b.depth].items);
        free(b.open[b.depth].keys);
    }
    yaml_parser_delete(&parser);
    if (!err) *ret = b.root;
    return err;
}

static void close_fd(const int *fd)
{
    if (*fd >= 0) (void)close(*fd); /* only read from: nothing can be lost */
}

enum relay_err yaml_load(const char *path, struct arena *a, struct yaml_node **ret, struct reason *why)
{
    CLEANUP(close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return file_refused(path, errno, why);
    struct stat st;
    if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) return file_refused(path, EISDIR, why);

    size_t size = 0, cap = MAX_BYTES + 1;
    CLEANUP(free_ptr) char *text = xmalloc(cap);
    while (size < cap) {
        ssize_t got = read(fd, text + size, cap - size);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return file_refused(path, errno, why);
        if (got == 0) break;
        size += (size_t)got;
    }
    return yaml_load_text(path, text, size, a, ret, why);
}

const struct yaml_node *yaml_get(const struct yaml_node *map, const char *key)
{
    if (!map || map->kind != YAML_MAP) return NULL;
    for (size_t i = 0; i < map->n; i++)
        if (strcmp(map->keys[i]->text, key) == 0) return map->items[i];
    return NULL;
}
