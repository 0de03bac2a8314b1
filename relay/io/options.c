/* The table-driven reader of every block: one parser a type, for what people write and for defaults alike. */
#include "io/options.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdarg.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/i18n.h"
#include "base/text.h"
#include "io/file.h"

enum { SECRET_MAX = 4096, NAME_MAX_COMPARED = 64 };

struct load {
    struct arena *arena;
    struct opt_problems *problems;
    bool bad;
};

bool opt_strs_has(const struct opt_strs *list, const char *word)
{
    for (size_t i = 0; i < list->n; i++)
        if (strcmp(list->items[i], word) == 0) return true;
    return false;
}

void opt_problem(struct opt_problems *p, const struct yaml_node *node, const char *fmt, ...)
{
    if (p->n == ARRAY_LEN(p->items)) {
        p->more = true;
        return;
    }
    struct reason *r = &p->items[p->n++];
    int n = node ? snprintf(r->text, sizeof(r->text), "%s:%d: ", node->file, node->line) : 0;
    if (n < 0 || (size_t)n >= sizeof(r->text)) return;
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(r->text + n, sizeof(r->text) - (size_t)n, fmt, ap);
    va_end(ap);
    reason_mend(r);
}

void opt_problems_print(const struct opt_problems *p)
{
    for (size_t i = 0; i < p->n; i++) (void)fprintf(stderr, "%s\n", p->items[i].text);
    if (p->more) (void)fprintf(stderr, "%s\n", _("There are more; correct these first."));
}

#define PROBLEM(l, node, ...) ((l)->bad = true, opt_problem((l)->problems, node, __VA_ARGS__))

static bool is_string(enum opt_type type)
{
    return type == OPT_STR || type == OPT_ID || type == OPT_PATH;
}

static bool is_list(enum opt_type type)
{
    return type == OPT_STRS || type == OPT_PATHS || type == OPT_WINDOWS;
}

/* What a row's values look like, for messages and the manual. */
static const char *type_name(enum opt_type type)
{
    switch (type) {
    case OPT_STR: return _("text");
    case OPT_ID: return _("id (a-z, 0-9 and -, at most 32)");
    case OPT_PATH: return _("path");
    case OPT_INT: return _("whole number");
    case OPT_BOOL: return _("true or false");
    case OPT_DURATION: return _("duration such as 90s, 2h or 7d");
    case OPT_SIZE: return _("size such as 64KiB or 2GiB");
    case OPT_RATE: return _("rate such as 2000/s or 20/m");
    case OPT_ENUM: return _("one of");
    case OPT_STRS: return _("list");
    case OPT_PATHS: return _("list of paths");
    case OPT_WINDOWS: return _("list of hours such as '21:30-07:30'");
    case OPT_BLOCK:
    case OPT_NODE:
    case OPT_SELF:
    case OPT_EXTRA: return _("block");
    case OPT_BLOCKS: return _("list of blocks");
    }
    return "";
}

/* --- numbers with units --- */

static bool parse_int(const char *s, int64_t *ret)
{
    const char *digits = *s == '-' ? s + 1 : s;
    if (!*digits || strspn(digits, "0123456789") != strlen(digits)) return false;
    errno = 0;
    long long v = strtoll(s, NULL, 10);
    if (errno) return false;
    *ret = v;
    return true;
}

static const struct {
    const char *name;
    int64_t bytes;
} size_units[] = {
    {"TiB", 1LL << 40}, {"GiB", 1LL << 30}, {"MiB", 1LL << 20}, {"KiB", 1LL << 10}, {"TB", 1000000000000LL},
    {"GB", 1000000000}, {"MB", 1000000},    {"KB", 1000},       {"B", 1},           {"", 1},
};

static bool parse_size(const char *s, int64_t *ret)
{
    size_t digits = strspn(s, "0123456789");
    if (!digits) return false;
    errno = 0;
    int64_t n = strtoll(s, NULL, 10);
    if (errno) return false;
    const char *unit = s + digits + strspn(s + digits, " ");
    for (size_t i = 0; i < ARRAY_LEN(size_units); i++)
        if (strcasecmp(unit, size_units[i].name) == 0)
            return !__builtin_mul_overflow(n, size_units[i].bytes, ret);
    return false;
}

static const char *format_size(int64_t v, char out[static 32])
{
    for (size_t i = 0; i < 4; i++) {
        if (v && v % size_units[i].bytes == 0) {
            (void)snprintf(out, 32, "%lld%s", (long long)(v / size_units[i].bytes), size_units[i].name);
            return out;
        }
    }
    (void)snprintf(out, 32, "%lld", (long long)v);
    return out;
}

static bool parse_rate(const char *s, double *ret)
{
    size_t len = strspn(s, "0123456789.");
    char *end;
    if (!len) return false;
    double n = strtod(s, &end);
    if (end != s + len || !isfinite(n)) return false;
    if (strcmp(end, "/s") == 0)
        *ret = n;
    else if (strcmp(end, "/m") == 0 || strcmp(end, "/min") == 0)
        *ret = n / 60;
    else if (strcmp(end, "/h") == 0)
        *ret = n / 3600;
    else if (!*end && n == 0)
        *ret = 0;
    else
        return false;
    return true;
}

/* In the unit in which it is a whole number, so that it reads back as the same. */
static const char *format_rate(double v, char out[static 32])
{
    static const struct {
        double seconds;
        const char *name;
    } units[] = {{1, "/s"}, {60, "/m"}, {3600, "/h"}};
    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        double n = round(v * units[i].seconds);
        if (n / units[i].seconds != v) continue;
        (void)snprintf(out, 32, "%.0f%s", n, units[i].name);
        return out;
    }
    (void)snprintf(out, 32, "%.17g/s", v);
    return out;
}

static const char *format_number(enum opt_type type, int64_t v, char out[static 32])
{
    if (type == OPT_DURATION) return duration_format(v, out);
    if (type == OPT_SIZE) return format_size(v, out);
    (void)snprintf(out, 32, type == OPT_RATE ? "%lld/s" : "%lld", (long long)v);
    return out;
}

static void check_bounds(struct load *l, const struct opt_row *row, const struct yaml_node *at, double v,
                         const char *given)
{
    if ((!row->min && !row->max) || (v >= (double)row->min && v <= (double)row->max)) return;
    char from[32], to[32];
    PROBLEM(l, at, _("%s: %.40s is out of bounds, allowed %s to %s"), row->name, given,
            format_number(row->type, row->min, from), format_number(row->type, row->max, to));
}

/* --- one scalar --- */

static void problem_enum(struct load *l, const struct opt_row *row, const struct yaml_node *node)
{
    char allowed[256] = "";
    size_t used = 0;
    for (int i = 0; row->names[i] && used < sizeof(allowed); i++) {
        int n = snprintf(allowed + used, sizeof(allowed) - used, "%s%s", i ? ", " : "", row->names[i]);
        used += n > 0 ? (size_t)n : 0;
    }
    PROBLEM(l, node, _("%s: `%.40s` is not possible, allowed: %s"), row->name, node->text, allowed);
}

static bool parse_enum(const struct opt_row *row, const char *text, int *ret)
{
    for (int i = 0; row->names[i]; i++) {
        if (strcmp(row->names[i], text) != 0 && (!row->names_zh || strcmp(row->names_zh[i], text) != 0))
            continue;
        *ret = i;
        return true;
    }
    return false;
}

static bool parse_bool(const char *s, bool *ret)
{
    static const char *const yes[] = {"true", "yes", "on", "是"}, *const no[] = {"false", "no", "off", "否"};
    for (size_t i = 0; i < ARRAY_LEN(yes); i++) {
        if (strcasecmp(s, yes[i]) != 0 && strcasecmp(s, no[i]) != 0) continue;
        *ret = strcasecmp(s, yes[i]) == 0;
        return true;
    }
    return false;
}

static char *resolve_path(struct arena *a, const struct yaml_node *node)
{
    const char *slash = node->file ? strrchr(node->file, '/') : NULL;
    if (!slash || node->text[0] == '/') return arena_strdup(a, node->text);
    return arena_printf(a, "%.*s/%s", (int)(slash - node->file), node->file, node->text);
}

/* `key:` with nothing after it, or with every line below commented out. */
static bool is_nothing(const struct yaml_node *node)
{
    return node->kind == YAML_SCALAR && !node->text_len && !node->quoted;
}

static void load_scalar(struct load *l, const struct opt_row *row, const struct yaml_node *node, void *dest)
{
    const char *text = node->text;
    int64_t whole = 0;
    bool ok = true;
    if (is_nothing(node)) {
        PROBLEM(l, node, _("%s: has no value: write one, or take the key out"), row->name);
        return;
    }
    switch (row->type) {
    case OPT_STR: *(const char **)dest = arena_strndup(l->arena, text, node->text_len); return;
    case OPT_PATH: *(const char **)dest = resolve_path(l->arena, node); return;
    case OPT_ID:
        ok = text_is_id(text);
        if (ok) *(const char **)dest = arena_strdup(l->arena, text);
        break;
    case OPT_BOOL: ok = parse_bool(text, dest); break;
    case OPT_ENUM:
        if (!parse_enum(row, text, dest)) problem_enum(l, row, node);
        return;
    case OPT_RATE:
        ok = parse_rate(text, dest);
        if (ok) check_bounds(l, row, node, *(double *)dest, text);
        break;
    case OPT_INT:
    case OPT_DURATION:
    case OPT_SIZE:
        ok = row->type == OPT_INT    ? parse_int(text, &whole)
             : row->type == OPT_SIZE ? parse_size(text, &whole)
                                     : duration_parse(text, &whole) == RELAY_OK;
        if (ok) {
            *(int64_t *)dest = whole;
            check_bounds(l, row, node, (double)whole, text);
        }
        break;
    default: ok = false; /* lists and blocks do not come here */
    }
    if (!ok)
        PROBLEM(l, node, _("%s: `%.40s` is not possible, allowed: %s"), row->name, text,
                type_name(row->type));
}

/* --- lists and blocks --- */

static void check_count(struct load *l, const struct opt_row *row, const struct yaml_node *at, size_t n)
{
    if ((!row->min && !row->max) || ((int64_t)n >= row->min && (int64_t)n <= row->max)) return;
    PROBLEM(l, at, _("%s: has %zu items, allowed %lld to %lld"), row->name, n, (long long)row->min,
            (long long)row->max);
}

/* A list's items; a lone scalar is a list of one; `key:` with nothing after it is an empty list. */
static size_t list_items(const struct yaml_node *node, struct yaml_node *const **ret, struct yaml_node **one)
{
    if (node->kind == YAML_LIST) {
        *ret = node->items;
        return node->n;
    }
    *ret = one;
    return is_nothing(node) ? 0 : 1;
}

/* False when the item is no value of this list. */
static bool load_item(struct load *l, const struct opt_row *row, const struct yaml_node *item, void *dest,
                      size_t i)
{
    struct opt_strs *strs = dest;
    struct opt_windows *windows = dest;
    switch (row->type) {
    case OPT_STRS: strs->items[i] = arena_strndup(l->arena, item->text, item->text_len); return true;
    case OPT_PATHS: strs->items[i] = resolve_path(l->arena, item); return true;
    default: return day_window_parse(item->text, &windows->items[i]) == RELAY_OK;
    }
}

static void load_list(struct load *l, const struct opt_row *row, const struct yaml_node *node, void *dest)
{
    if (node->kind == YAML_MAP) {
        PROBLEM(l, node, _("%s: a list is expected, not a block"), row->name);
        return;
    }
    struct yaml_node copy = *node, *one = &copy, *const * items;
    size_t n = list_items(node, &items, &one), kept = 0;
    bool windows = row->type == OPT_WINDOWS;
    if (windows)
        ((struct opt_windows *)dest)->items = arena_alloc(l->arena, (n + 1) * sizeof(struct day_window));
    else
        ((struct opt_strs *)dest)->items = arena_alloc(l->arena, (n + 1) * sizeof(char *));
    for (size_t i = 0; i < n; i++) {
        const struct yaml_node *item = items[i];
        if (item->kind != YAML_SCALAR || is_nothing(item)) {
            PROBLEM(l, item, _("%s: item %zu must be one value"), row->name, i + 1);
        } else if (load_item(l, row, item, dest, kept)) {
            kept++;
        } else {
            PROBLEM(l, item, _("%s: `%.40s` is not possible, allowed: hours such as '21:30-07:30'"),
                    row->name, item->text);
        }
    }
    if (windows)
        ((struct opt_windows *)dest)->n = kept;
    else
        ((struct opt_strs *)dest)->n = kept;
    check_count(l, row, node, n);
}

static void load_block(struct load *l, const struct opt_row *rows, const struct opt_row *also,
                       const struct yaml_node *map, void *out);

static void load_blocks(struct load *l, const struct opt_row *row, const struct yaml_node *node,
                        struct opt_blocks *dest)
{
    if (is_nothing(node)) return;
    if (node->kind != YAML_LIST) {
        PROBLEM(l, node, _("%s: a list is expected: begin each item with `- `"), row->name);
        return;
    }
    dest->items = arena_alloc(l->arena, (node->n + 1) * row->sub_size);
    for (size_t i = 0; i < node->n; i++) {
        if (node->items[i]->kind != YAML_MAP) {
            PROBLEM(l, node->items[i], _("%s: item %zu must be a block of `key: value`"), row->name, i + 1);
            continue;
        }
        load_block(l, row->sub, NULL, node->items[i], (char *)dest->items + dest->n * row->sub_size);
        dest->n++;
    }
    check_count(l, row, node, node->n);
}

/* `tls:` with nothing in it is not the same as no tls: what it requires is missing. */
static const struct yaml_node *empty_map(struct arena *a, const struct yaml_node *node)
{
    struct yaml_node *map = arena_alloc(a, sizeof(*map));
    *map =
        (struct yaml_node){.kind = YAML_MAP, .line = node->line, .column = node->column, .file = node->file};
    return map;
}

static void load_value(struct load *l, const struct opt_row *row, const struct yaml_node *node, void *dest)
{
    switch (row->type) {
    case OPT_NODE: *(const struct yaml_node **)dest = node; return;
    case OPT_STRS:
    case OPT_PATHS:
    case OPT_WINDOWS: load_list(l, row, node, dest); return;
    case OPT_BLOCKS: load_blocks(l, row, node, dest); return;
    case OPT_SELF:
    case OPT_EXTRA: return; /* have no key */
    case OPT_BLOCK:
        if (node->kind == YAML_MAP)
            load_block(l, row->sub, NULL, node, dest);
        else if (is_nothing(node))
            load_block(l, row->sub, NULL, empty_map(l->arena, node), dest);
        else
            PROBLEM(l, node, _("%s: a block of `key: value` is expected"), row->name);
        return;
    default:
        if (node->kind == YAML_SCALAR)
            load_scalar(l, row, node, dest);
        else
            PROBLEM(l, node, _("%s: one value is expected, not a list or a block"), row->name);
    }
}

/* Defaults are part of the program: one that does not parse is a mistake of ours, found by the first test that loads. */
static void load_default(struct load *l, const struct opt_row *row, void *dest)
{
    if (row->type == OPT_BLOCK) load_block(l, row->sub, NULL, NULL, dest);
    if (!row->deflt) return;
    struct yaml_node scalar = {.kind = YAML_SCALAR, .quoted = true, .text = row->deflt, .file = ""};
    scalar.text_len = strlen(row->deflt);
    struct yaml_node *node = &scalar;
    struct load own = {.arena = l->arena, .problems = &(struct opt_problems){0}};
    bool parsed = row->deflt[0] != '[' ||
                  yaml_load_text("", row->deflt, scalar.text_len, l->arena, &node, NULL) == RELAY_OK;
    if (parsed) load_value(&own, row, node, dest);
    if (!parsed || own.bad) {
        (void)fprintf(stderr, "<2>option `%s`: its default `%s` is not possible\n", row->name, row->deflt);
        abort();
    }
}

/* --- keys --- */

static const struct opt_row *row_find(const struct opt_row *rows, const char *name)
{
    if (!*name) return NULL;
    for (const struct opt_row *row = rows; row && row->name; row++)
        if (strcmp(row->name, name) == 0) return row;
    return NULL;
}

/* Insertions, deletions, replacements and swaps of neighbours, `-` and `_` and case being the same. */
static int edit_distance(const char *a, const char *b)
{
    size_t na = strlen(a), nb = strlen(b);
    if (na > NAME_MAX_COMPARED || nb > NAME_MAX_COMPARED) return NAME_MAX_COMPARED;
    int rows[3][NAME_MAX_COMPARED + 1];
    int *before = rows[0], *last = rows[1], *now = rows[2];
    for (size_t j = 0; j <= nb; j++) last[j] = (int)j;
    for (size_t i = 1; i <= na; i++) {
        now[0] = (int)i;
        for (size_t j = 1; j <= nb; j++) {
            bool dash = (a[i - 1] == '-' || a[i - 1] == '_') && (b[j - 1] == '-' || b[j - 1] == '_');
            int cost = dash || strncasecmp(&a[i - 1], &b[j - 1], 1) == 0 ? 0 : 1;
            int d = last[j - 1] + cost;
            if (last[j] + 1 < d) d = last[j] + 1;
            if (now[j - 1] + 1 < d) d = now[j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && before[j - 2] + 1 < d)
                d = before[j - 2] + 1;
            now[j] = d;
        }
        int *spare = before;
        before = last;
        last = now;
        now = spare;
    }
    return last[nb];
}

static void nearest(const struct opt_row *rows, const char *name, const char **best, int *best_distance)
{
    for (const struct opt_row *row = rows; row && row->name; row++) {
        int d = *row->name ? edit_distance(name, row->name) : NAME_MAX_COMPARED;
        if (d >= *best_distance) continue;
        *best_distance = d;
        *best = row->name;
    }
}

static void problem_unknown(struct load *l, const struct opt_row *rows, const struct opt_row *also,
                            const struct yaml_node *key)
{
    const char *best = NULL;
    int limit = (int)strlen(key->text) / 3 + 2; /* `prot` is port, `foo` is nothing */
    nearest(rows, key->text, &best, &limit);
    nearest(also, key->text, &best, &limit);
    if (best) {
        PROBLEM(l, key, _("%.40s: unknown key, did you mean `%s`?"), key->text, best);
        return;
    }
    char known[256] = "";
    size_t used = 0;
    const struct opt_row *both[] = {rows, also};
    for (size_t t = 0; t < 2; t++) {
        for (const struct opt_row *row = both[t]; row && row->name && used < sizeof(known); row++) {
            if (!*row->name) continue;
            int n = snprintf(known + used, sizeof(known) - used, "%s%s", used ? ", " : "", row->name);
            used += n > 0 ? (size_t)n : 0;
        }
    }
    PROBLEM(l, key, _("%.40s: unknown key, known here: %s"), key->text, known);
}

/* `also` is a second table that reads the same block; its keys are not unknown. */
static void load_block(struct load *l, const struct opt_row *rows, const struct opt_row *also,
                       const struct yaml_node *map, void *out)
{
    bool leave_unknown = false;
    for (const struct opt_row *row = rows; row && row->name; row++) {
        void *dest = (char *)out + row->offset;
        if (row->type == OPT_SELF) {
            *(const struct yaml_node **)dest = map;
            continue;
        }
        if (row->type == OPT_EXTRA) {
            *(struct opt_extra *)dest = (struct opt_extra){.map = map, .known = rows};
            leave_unknown = true;
            continue;
        }
        const struct yaml_node *value = yaml_get(map, row->name);
        load_default(l, row, dest); /* also under a wrong value, so that later checks find something */
        if (value)
            load_value(l, row, value, dest);
        else if (row->required && map)
            PROBLEM(l, map, _("%s: is missing: %s"), row->name,
                    row->help ? _(row->help) : type_name(row->type));
    }
    if (!map || leave_unknown) return;
    for (size_t i = 0; i < map->n; i++) {
        const struct yaml_node *key = map->keys[i];
        if (!row_find(rows, key->text) && !row_find(also, key->text)) problem_unknown(l, rows, also, key);
    }
}

enum relay_err options_load(const struct opt_row *rows, const struct yaml_node *map, void *out,
                            struct arena *a, struct opt_problems *problems)
{
    struct load l = {.arena = a, .problems = problems};
    if (map && map->kind != YAML_MAP)
        PROBLEM(&l, map, _("a block of `key: value` is expected"));
    else
        load_block(&l, rows, NULL, map, out);
    return l.bad ? RELAY_INVALID : RELAY_OK;
}

enum relay_err options_load_extra(struct opt_extra *x, const struct opt_row *rows, size_t size,
                                  struct arena *a, struct opt_problems *problems)
{
    struct load l = {.arena = a, .problems = problems};
    x->rows = rows;
    x->values = arena_alloc(a, size);
    load_block(&l, rows, x->known, x->map, x->values);
    return l.bad ? RELAY_INVALID : RELAY_OK;
}

/* --- printing --- */

static bool is_secret(const struct opt_row *row)
{
    static const char *const endings[] = {"password", "key", "token", "secret", "url"};
    size_t n = strlen(row->name);
    if (row->type == OPT_PATH) return false; /* where a secret lies is none */
    for (size_t i = 0; i < ARRAY_LEN(endings); i++) {
        size_t m = strlen(endings[i]);
        if (n >= m && strcmp(row->name + n - m, endings[i]) == 0) return true;
    }
    return false;
}

/* What YAML reads as a line break, or not at all, when it stands there as itself. */
static bool needs_escape(uint32_t cp)
{
    return cp < 0x20 || (cp >= 0x7F && cp < 0xA0) || cp == 0x2028 || cp == 0x2029 || cp == 0xFEFF ||
           cp == 0xFFFE || cp == 0xFFFF;
}

static void print_escaped(struct buf *out, const char *s, size_t n)
{
    buf_char(out, '"');
    for (uint32_t cp = 0; n;) {
        int used = text_next(s, n, &cp);
        if (needs_escape(cp)) {
            buf_printf(out, "\\u%04X", (unsigned)cp);
        } else {
            if (cp == '"' || cp == '\\') buf_char(out, '\\');
            buf_add(out, s, (size_t)used);
        }
        s += used;
        n -= (size_t)used;
    }
    buf_char(out, '"');
}

/* Plain where that is surely read as the same text, else in quotes. */
static void print_text(struct buf *out, const char *s)
{
    size_t n = strlen(s);
    bool plain = *s && *s != '-' && *s != '.', escape = false;
    uint32_t cp = 0;
    for (size_t i = 0; i < n;) {
        i += (size_t)text_next(s + i, n - i, &cp);
        bool word = (cp >= '0' && cp <= '9') || (cp >= 'a' && cp <= 'z') || (cp >= 'A' && cp <= 'Z') ||
                    text_is_han(cp);
        if (!word && (cp >= 0x80 || !strchr("_-./", (int)cp))) plain = false;
        if (needs_escape(cp)) escape = true;
    }
    if (plain) {
        buf_str(out, s);
    } else if (escape) {
        print_escaped(out, s, n);
    } else {
        buf_char(out, '\'');
        for (; *s; s++) {
            if (*s == '\'') buf_char(out, '\'');
            buf_char(out, *s);
        }
        buf_char(out, '\'');
    }
}

static void print_indent(struct buf *out, int indent)
{
    for (int i = 0; i < indent; i++) buf_char(out, ' ');
}

static void print_scalar(const struct opt_row *row, const void *value, struct buf *out)
{
    char text[32];
    if (is_secret(row)) {
        buf_str(out, "'***'");
        return;
    }
    switch (row->type) {
    case OPT_STR:
    case OPT_ID:
    case OPT_PATH: print_text(out, *(const char *const *)value); break;
    case OPT_BOOL: buf_str(out, *(const bool *)value ? "true" : "false"); break;
    case OPT_ENUM: buf_str(out, row->names[*(const int *)value]); break;
    case OPT_RATE: buf_str(out, format_rate(*(const double *)value, text)); break;
    case OPT_INT:
    case OPT_DURATION:
    case OPT_SIZE: buf_str(out, format_number(row->type, *(const int64_t *)value, text)); break;
    default: break;
    }
}

static void print_list(const struct opt_row *row, const void *value, struct buf *out)
{
    const struct opt_strs *strs = value;
    const struct opt_windows *windows = value;
    buf_char(out, '[');
    for (size_t i = 0; row->type != OPT_WINDOWS && i < strs->n; i++) {
        if (i) buf_str(out, ", ");
        if (is_secret(row))
            buf_str(out, "'***'");
        else
            print_text(out, strs->items[i]);
    }
    for (size_t i = 0; row->type == OPT_WINDOWS && i < windows->n; i++) {
        const struct day_window *w = &windows->items[i];
        buf_printf(out, "%s'%02d:%02d-%02d:%02d'", i ? ", " : "", w->from / 60, w->from % 60, w->to / 60,
                   w->to % 60);
    }
    buf_char(out, ']');
}

static void print_rows(const struct opt_row *rows, const void *values, int indent, bool *dash,
                       struct buf *out);

static void print_blocks(const struct opt_row *row, const struct opt_blocks *blocks, int indent,
                         struct buf *out)
{
    if (!blocks->n) {
        buf_str(out, " []\n");
        return;
    }
    buf_char(out, '\n');
    for (size_t i = 0; i < blocks->n; i++) {
        bool dash = true;
        print_rows(row->sub, (const char *)blocks->items + i * row->sub_size, indent + 2, &dash, out);
        if (!dash) continue;
        print_indent(out, indent);
        buf_str(out, "- {}\n");
    }
}

/* A block that lacks what it requires was not written at all. */
static bool was_absent(const struct opt_row *rows, const void *values)
{
    for (const struct opt_row *row = rows; row && row->name; row++) {
        if (row->required && is_string(row->type) &&
            !*(const char *const *)(const void *)((const char *)values + row->offset))
            return true;
    }
    return false;
}

/* *dash: the next key is the first of a list item. */
static void print_rows(const struct opt_row *rows, const void *values, int indent, bool *dash,
                       struct buf *out)
{
    for (const struct opt_row *row = rows; row && row->name; row++) {
        const void *value = (const char *)values + row->offset;
        bool absent = is_string(row->type) && !*(const char *const *)value;
        if (row->type == OPT_EXTRA) {
            const struct opt_extra *x = value;
            if (x->values) print_rows(x->rows, x->values, indent, dash, out);
            continue;
        }
        if (row->type == OPT_BLOCK && was_absent(row->sub, value)) continue;
        if (absent || row->type == OPT_NODE || row->type == OPT_SELF) continue;
        size_t before = out->len;
        bool had_dash = *dash;
        print_indent(out, *dash ? indent - 2 : indent);
        buf_printf(out, "%s%s:", *dash ? "- " : "", row->name);
        *dash = false;
        if (row->type == OPT_BLOCK) {
            bool nested = false;
            buf_char(out, '\n');
            size_t empty = out->len;
            print_rows(row->sub, value, indent + 2, &nested, out);
            if (out->len == empty && !buf_failed(out)) { /* nothing in it: as if it were not there */
                out->len = before;
                out->data[before] = '\0';
                *dash = had_dash;
            }
        } else if (row->type == OPT_BLOCKS) {
            print_blocks(row, value, indent + 2, out);
        } else {
            buf_char(out, ' ');
            if (is_list(row->type))
                print_list(row, value, out);
            else
                print_scalar(row, value, out);
            buf_char(out, '\n');
        }
    }
}

void options_print(const struct opt_row *rows, const void *values, int indent, struct buf *out)
{
    bool dash = false;
    print_rows(rows, values, indent, &dash, out);
}

void options_manual(const struct opt_row *rows, int indent, struct buf *out)
{
    for (const struct opt_row *row = rows; row && row->name; row++) {
        char from[32], to[32];
        if (!*row->name) continue;
        print_indent(out, indent);
        buf_printf(out, "%s: %s", row->name, type_name(row->type));
        for (int i = 0; row->type == OPT_ENUM && row->names[i]; i++)
            buf_printf(out, "%s%s", i ? " | " : " ", row->names[i]);
        if (row->unit) buf_printf(out, " (%s)", _(row->unit));
        bool counted = is_list(row->type) || row->type == OPT_BLOCKS;
        if (row->min || row->max) {
            enum opt_type shown = counted ? OPT_INT : row->type;
            buf_printf(out, _(", %s to %s"), format_number(shown, row->min, from),
                       format_number(shown, row->max, to));
        }
        if (row->required) buf_printf(out, _(", required"));
        if (row->deflt) buf_printf(out, _(", default %s"), *row->deflt ? row->deflt : "''");
        buf_char(out, '\n');
        if (row->help) {
            print_indent(out, indent + 6);
            buf_printf(out, "%s\n", _(row->help));
        }
        if (row->sub && row->sub != rows) options_manual(row->sub, indent + 2, out); /* routes hold routes */
    }
}

/* --- secrets --- */

struct secret {
    char text[SECRET_MAX + 2];
};

static void wipe(struct secret *s)
{
    explicit_bzero(s, sizeof(*s));
}

static void close_fd(const int *fd)
{
    if (*fd >= 0) (void)close(*fd); /* only read from: nothing can be lost */
}

enum relay_err secret_read(const char *path, char **ret, struct reason *why)
{
    struct reason ignored;
    (void)!memory_keep_private(&ignored); /* the daemons have said at their start that it does not work */
    CLEANUP(close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return file_refused(path, errno, why);
    struct stat st;
    if (fstat(fd, &st) < 0) return file_refused(path, errno, why);
    if (S_ISDIR(st.st_mode)) return file_refused(path, EISDIR, why);
    if (!S_ISREG(st.st_mode)) return fail(why, RELAY_INVALID, _("%s: must be a file"), path);
    if (st.st_mode & (S_IROTH | S_IWOTH)) {
        return fail(why, RELAY_DENIED, _("%s: anybody on this machine can read or change it: chmod 0600 %s"),
                    path, path);
    }
    CLEANUP(wipe) struct secret secret = {0};
    size_t n = 0;
    for (ssize_t got; n <= SECRET_MAX; n += (size_t)got) {
        got = read(fd, secret.text + n, SECRET_MAX + 1 - n);
        if (got < 0) return file_refused(path, errno, why);
        if (got == 0) break;
    }
    if (n > SECRET_MAX)
        return fail(why, RELAY_LIMIT, _("%s: over %d bytes: that is no secret"), path, SECRET_MAX);
    const char *s = secret.text;
    if (strncmp(s, "\xEF\xBB\xBF", 3) == 0) s += 3; /* Notepad's mark */
    n = strcspn(s, "\r\n");
    while (n && (s[n - 1] == ' ' || s[n - 1] == '\t')) n--;
    if (!n) return fail(why, RELAY_INVALID, _("%s: the first line is empty: put the secret there"), path);
    *ret = xstrndup(s, n);
    return RELAY_OK;
}

void secret_free(char *secret)
{
    if (secret) explicit_bzero(secret, strlen(secret));
    free(secret);
}

void secret_free_ptr(char **secret)
{
    secret_free(*secret);
}
