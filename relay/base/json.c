/* Strict JSON: a scanner that refuses all that cJSON forgives, then cJSON to build the tree. */
#include "base/json.h"

#include <math.h>

#include "base/clock.h"
#include "base/i18n.h"
#include "base/mem.h"
#include "base/text.h"

enum { NUMBER_MAX_BYTES = 63 }; /* cJSON's own buffer */

struct frame {
    bool object;
    size_t key, key_len; /* of an object's latest member: its bytes between the quotes */
    size_t index;        /* of an array's latest element */
};

struct scan {
    const char *s;
    size_t n, at;
    int depth, max_depth;
    struct frame frames[JSON_DEPTH_MAX];
    enum json_fault_kind kind;
};

/* Member names come from outside: only what looks like a name is shown, and no run of digits that could be a number of
 * somebody. */
static void path_add_name(char *path, size_t size, const char *name, size_t n)
{
    size_t len = strlen(path), digits = 0;
    bool plain = n > 0 && n <= 32;
    for (size_t i = 0; plain && i < n; i++) {
        bool digit = name[i] >= '0' && name[i] <= '9';
        bool letter = (name[i] >= 'a' && name[i] <= 'z') || (name[i] >= 'A' && name[i] <= 'Z');
        digits = digit ? digits + 1 : 0;
        plain = digits < 5 && (digit || letter || name[i] == '_' || name[i] == '-');
    }
    (void)snprintf(path + len, size - len, "%s%.*s", len ? "." : "", plain ? (int)n : 1, plain ? name : "?");
}

static void path_add_index(char *path, size_t size, size_t index)
{
    size_t len = strlen(path);
    (void)snprintf(path + len, size - len, "[%zu]", index);
}

static bool refuse(struct scan *sc, enum json_fault_kind kind)
{
    sc->kind = kind;
    return false;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

/* The four digits of a \u escape, the place being on the first; -1 when they are not there. */
static int take_unit(struct scan *sc)
{
    int unit = 0;
    if (sc->n - sc->at < 4) return -1;
    for (int i = 0; i < 4; i++) {
        int v = hex_value(sc->s[sc->at + (size_t)i]);
        if (v < 0) return -1;
        unit = unit * 16 + v;
    }
    sc->at += 4;
    return unit;
}

static bool take_escape(struct scan *sc)
{
    size_t start = sc->at++;
    if (sc->at >= sc->n) return refuse(sc, JSON_SYNTAX);
    char c = sc->s[sc->at++];
    if (c != 'u') {
        if (c != '\0' && strchr("\"\\/bfnrt", c)) return true;
        sc->at = start;
        return refuse(sc, JSON_ESCAPE);
    }
    int unit = take_unit(sc);
    bool fine = unit >= 0 && (unit < 0xdc00 || unit > 0xdfff);
    if (fine && unit >= 0xd800 && unit <= 0xdbff) {
        fine = sc->n - sc->at >= 2 && sc->s[sc->at] == '\\' && sc->s[sc->at + 1] == 'u';
        sc->at += fine ? 2 : 0;
        int low = fine ? take_unit(sc) : -1;
        fine = low >= 0xdc00 && low <= 0xdfff;
    }
    if (fine && unit != 0) return true;
    sc->at = start;
    return refuse(sc, fine ? JSON_NUL : JSON_ESCAPE);
}

/* Bytes that end a plain run in a string: controls, the quote, the backslash. */
static const bool stops_run[256] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,         1,
                                    1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, ['"'] = 1, ['\\'] = 1};

/* The place is on the opening quote, and after the closing one then. */
static bool take_string(struct scan *sc)
{
    size_t at = sc->at + 1;
    for (;;) {
        while (at < sc->n && !stops_run[(unsigned char)sc->s[at]]) at++;
        sc->at = at;
        if (at >= sc->n) return refuse(sc, JSON_SYNTAX);
        if (sc->s[at] == '"') {
            sc->at++;
            return true;
        }
        if (sc->s[at] != '\\') return refuse(sc, JSON_CONTROL);
        if (!take_escape(sc)) return false;
        at = sc->at;
    }
}

static size_t take_digits(struct scan *sc)
{
    size_t from = sc->at;
    while (sc->at < sc->n && sc->s[sc->at] >= '0' && sc->s[sc->at] <= '9') sc->at++;
    return sc->at - from;
}

static bool at_char(const struct scan *sc, char a, char b)
{
    return sc->at < sc->n && (sc->s[sc->at] == a || sc->s[sc->at] == b);
}

static bool take_number(struct scan *sc)
{
    size_t start = sc->at;
    if (sc->s[sc->at] == '-') sc->at++;
    bool zero = at_char(sc, '0', '0');
    size_t whole = take_digits(sc);
    bool fine = whole > 0 && !(zero && whole > 1);
    if (fine && at_char(sc, '.', '.')) {
        sc->at++;
        fine = take_digits(sc) > 0;
    }
    if (fine && at_char(sc, 'e', 'E')) {
        sc->at++;
        if (at_char(sc, '+', '-')) sc->at++;
        fine = take_digits(sc) > 0;
    }
    if (fine && sc->at - start <= NUMBER_MAX_BYTES) return true;
    sc->at = start;
    return refuse(sc, JSON_NUMBER);
}

static bool take_word(struct scan *sc, const char *word)
{
    size_t n = strlen(word);
    if (sc->n - sc->at < n || memcmp(sc->s + sc->at, word, n) != 0) return refuse(sc, JSON_SYNTAX);
    sc->at += n;
    return true;
}

static void skip_space(struct scan *sc)
{
    while (sc->at < sc->n) {
        char c = sc->s[sc->at];
        if (c != ' ' && c != '\n' && c != '\t' && c != '\r') return;
        sc->at++;
    }
}

/* A member's name and its colon. */
static bool take_key(struct scan *sc)
{
    struct frame *f = &sc->frames[sc->depth - 1];
    if (!at_char(sc, '"', '"')) return refuse(sc, JSON_SYNTAX);
    f->key = sc->at + 1;
    f->key_len = 0;
    if (!take_string(sc)) return false;
    f->key_len = sc->at - 1 - f->key;
    skip_space(sc);
    if (!at_char(sc, ':', ':')) return refuse(sc, JSON_SYNTAX);
    sc->at++;
    skip_space(sc);
    return true;
}

static bool open_frame(struct scan *sc, bool object)
{
    if (sc->depth >= sc->max_depth) return refuse(sc, JSON_DEPTH);
    sc->frames[sc->depth++] = (struct frame){.object = object};
    sc->at++;
    skip_space(sc);
    return true;
}

/* A value that is no container; containers are opened by the caller. */
static bool take_scalar(struct scan *sc, char c)
{
    switch (c) {
    case '"': return take_string(sc);
    case 't': return take_word(sc, "true");
    case 'f': return take_word(sc, "false");
    case 'n': return take_word(sc, "null");
    default: break;
    }
    if (c == '-' || (c >= '0' && c <= '9')) return take_number(sc);
    return refuse(sc, JSON_SYNTAX);
}

/* Closes what ends here and steps over a comma. *ret_done once the outermost value is complete. */
static bool after_value(struct scan *sc, bool *ret_done)
{
    for (;;) {
        skip_space(sc);
        *ret_done = sc->depth == 0;
        if (*ret_done) return true;
        struct frame *f = &sc->frames[sc->depth - 1];
        char close = f->object ? '}' : ']';
        if (at_char(sc, close, close)) {
            sc->depth--;
            sc->at++;
            continue;
        }
        if (!at_char(sc, ',', ',')) return refuse(sc, JSON_SYNTAX);
        sc->at++;
        skip_space(sc);
        if (!f->object) f->index++;
        return !f->object || take_key(sc);
    }
}

static bool scan_value(struct scan *sc)
{
    skip_space(sc);
    if (sc->at >= sc->n) return refuse(sc, JSON_EMPTY);
    for (bool done = false; !done;) {
        if (sc->at >= sc->n) return refuse(sc, JSON_SYNTAX);
        char c = sc->s[sc->at];
        if (c == '{' || c == '[') {
            if (!open_frame(sc, c == '{')) return false;
            char close = c == '{' ? '}' : ']';
            if (!at_char(sc, close, close)) {
                if (c == '{' && !take_key(sc)) return false;
                continue;
            }
        } else if (!take_scalar(sc, c)) {
            return false;
        }
        if (!after_value(sc, &done)) return false;
    }
    return sc->at == sc->n || refuse(sc, JSON_TRAILING);
}

static void scan_path(const struct scan *sc, char *path, size_t size)
{
    path[0] = '\0';
    for (int i = 0; i < sc->depth; i++) {
        const struct frame *f = &sc->frames[i];
        if (!f->object)
            path_add_index(path, size, f->index);
        else if (f->key_len)
            path_add_name(path, size, sc->s + f->key, f->key_len);
    }
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

enum { FEW_NAMES = 32 };

/* Names are told apart by a cheap hash first; `hashes` are those before m, n of them. */
static const char *same_name_before(const cJSON *object, const cJSON *m, const uint32_t *hashes, size_t n,
                                    uint32_t h)
{
    const cJSON *o = object->child;
    for (size_t i = 0; i < n; i++, o = o->next)
        if (hashes[i] == h && strcmp(o->string, m->string) == 0) return m->string;
    return NULL;
}

/* The first name that stands twice, or NULL. A large object is sorted, so that a hostile one costs no square of its
 * size. */
static const char *duplicate_name(const cJSON *object)
{
    uint32_t hashes[FEW_NAMES];
    size_t n = 0;
    for (const cJSON *m = object->child; m; m = m->next, n++) {
        if (n >= FEW_NAMES) continue;
        size_t len = strlen(m->string);
        const unsigned char *p = (const unsigned char *)m->string;
        hashes[n] = (uint32_t)(len << 24 | (unsigned)p[0] << 16 | (unsigned)p[len / 2] << 8 |
                               (len ? p[len - 1] : 0u));
        if (same_name_before(object, m, hashes, n, hashes[n])) return m->string;
    }
    if (n <= FEW_NAMES) return NULL;
    CLEANUP(free_ptr) const char **names = xreallocarray(NULL, n, sizeof(*names));
    size_t i = 0;
    for (const cJSON *m = object->child; m; m = m->next) names[i++] = m->string;
    qsort(names, n, sizeof(*names), compare_names);
    for (i = 1; i < n; i++)
        if (strcmp(names[i - 1], names[i]) == 0) return names[i];
    return NULL;
}

/* What only the tree can tell: names that are the same once unescaped, numbers beyond a double. The recursion is bounded
 * by the depth that the scanner has allowed; the path is written on the way back. */
static bool check_tree(const cJSON *node, const cJSON **chain, int depth, struct json_fault *fault)
{
    const char *twice = NULL;
    chain[depth] = node;
    if (cJSON_IsNumber(node) && !isfinite(node->valuedouble)) {
        fault->kind = JSON_NUMBER;
    } else if (cJSON_IsObject(node) && (twice = duplicate_name(node))) {
        fault->kind = JSON_DUPLICATE;
    } else {
        for (const cJSON *m = node->child; m; m = m->next)
            if (!check_tree(m, chain, depth + 1, fault)) return false;
        return true;
    }
    for (int i = 1; i <= depth; i++) {
        size_t index = 0;
        for (const cJSON *m = chain[i - 1]->child; m && m != chain[i]; m = m->next) index++;
        if (chain[i]->string)
            path_add_name(fault->path, sizeof(fault->path), chain[i]->string, strlen(chain[i]->string));
        else
            path_add_index(fault->path, sizeof(fault->path), index);
    }
    if (twice) path_add_name(fault->path, sizeof(fault->path), twice, strlen(twice));
    return false;
}

/* Where cJSON takes memory while a tree is built in an arena. Other threads, and other trees, have the heap. */
static _Thread_local struct arena *building;

static void *node_alloc(size_t size)
{
    return building ? arena_alloc(building, size) : malloc(size);
}

static void node_free(void *p)
{
    if (!building) free(p);
}

static enum relay_err scan_and_build(const char *bytes, size_t n, const struct json_limits *limits,
                                     cJSON **ret, struct json_fault *ret_fault)
{
    if (n > limits->max_bytes) {
        *ret_fault = (struct json_fault){.kind = JSON_TOO_LARGE, .offset = limits->max_bytes};
        return RELAY_LIMIT;
    }
    struct scan sc; /* not cleared as a whole: the frames are large, and each is set when it opens */
    sc.s = bytes;
    sc.n = text_valid_prefix(bytes, n);
    sc.at = 0;
    sc.depth = 0;
    sc.max_depth = limits->max_depth < JSON_DEPTH_MAX ? limits->max_depth : JSON_DEPTH_MAX;
    bool text = sc.n == n, good = scan_value(&sc);
    if (!text) {
        struct json_fault fault = {.kind = JSON_NOT_UTF8, .offset = sc.n};
        if (!good && sc.at == sc.n) scan_path(&sc, fault.path, sizeof(fault.path)); /* what is open there */
        *ret_fault = fault;
        return RELAY_INVALID;
    }
    if (!good) {
        struct json_fault fault = {.kind = sc.kind, .offset = sc.at};
        scan_path(&sc, fault.path, sizeof(fault.path));
        *ret_fault = fault;
        return sc.kind == JSON_DEPTH ? RELAY_LIMIT : RELAY_INVALID;
    }
    cJSON *root = cJSON_ParseWithLengthOpts(bytes, n, NULL, false);
    const cJSON *chain[JSON_DEPTH_MAX + 2];
    struct json_fault fault = {.kind = JSON_MEMORY};
    if (root && check_tree(root, chain, 0, &fault)) {
        *ret = root;
        return RELAY_OK;
    }
    *ret_fault = fault;
    cJSON_Delete(root);
    return fault.kind == JSON_MEMORY ? RELAY_LIMIT : RELAY_INVALID;
}

enum relay_err json_parse_arena(const char *bytes, size_t n, const struct json_limits *limits,
                                struct arena *a, const cJSON **ret, struct json_fault *ret_fault)
{
    static bool hooked;
    if (!hooked) { /* the hooks fall back to malloc and free, so trees made before them may still be freed after */
        cJSON_InitHooks(&(cJSON_Hooks){.malloc_fn = node_alloc, .free_fn = node_free});
        hooked = true;
    }
    cJSON *root;
    building = a;
    enum relay_err err = scan_and_build(bytes, n, limits, &root, ret_fault);
    building = NULL;
    if (err == RELAY_OK) *ret = root;
    return err;
}

static const char *fault_text(enum json_fault_kind kind)
{
    switch (kind) {
    case JSON_FINE: break;
    case JSON_TOO_LARGE: return _("more bytes than are allowed");
    case JSON_NOT_UTF8: return _("not UTF-8; send UTF-8 without NUL bytes");
    case JSON_EMPTY: return _("there is nothing; send one JSON value");
    case JSON_SYNTAX: return _("not JSON, or cut short");
    case JSON_CONTROL: return _("a control byte in a string; write it as \\n, \\t or \\u00XX");
    case JSON_ESCAPE: return _("an escape that JSON does not have, or half of a surrogate pair");
    case JSON_NUL: return _("\\u0000 is not allowed in a string");
    case JSON_NUMBER:
        return _("not a number as JSON writes it, or too large; long numbers belong in strings");
    case JSON_DEPTH: return _("nested too deeply");
    case JSON_TRAILING: return _("more bytes after the end of the value");
    case JSON_DUPLICATE: return _("this name stands twice in its object");
    case JSON_MEMORY: return _("no memory to read it");
    }
    return _("not JSON");
}

enum relay_err json_parse(const char *bytes, size_t n, const struct json_limits *limits, cJSON **ret,
                          struct reason *why)
{
    struct json_fault fault;
    enum relay_err err = scan_and_build(bytes, n, limits, ret, &fault);
    if (err == RELAY_OK) return err;
    (void)fail(why, err, "%s", fault_text(fault.kind));
    if (fault.kind == JSON_TOO_LARGE)
        return fail_in(why, err, _("%zu bytes, at most %zu"), n, limits->max_bytes);
    if (fault.kind != JSON_DUPLICATE) (void)fail_in(why, err, _("byte %zu"), fault.offset);
    return fault.path[0] ? fail_in(why, err, _("member %s"), fault.path) : err;
}

void json_free_ptr(cJSON **pp)
{
    cJSON_Delete(*pp);
    *pp = NULL;
}

enum relay_err json_str(const cJSON *obj, const char *name, const char **ret)
{
    const cJSON *m = cJSON_GetObjectItemCaseSensitive(obj, name);
    if (!m) return RELAY_NOT_FOUND;
    if (!cJSON_IsString(m)) return RELAY_INVALID;
    *ret = m->valuestring;
    return RELAY_OK;
}

enum relay_err json_int(const cJSON *obj, const char *name, int64_t *ret)
{
    const cJSON *m = cJSON_GetObjectItemCaseSensitive(obj, name);
    if (!m) return RELAY_NOT_FOUND;
    const double exact = 9007199254740992.0; /* 2^53: beyond it doubles skip whole numbers */
    if (!cJSON_IsNumber(m) || !(fabs(m->valuedouble) <= exact) || m->valuedouble != floor(m->valuedouble))
        return RELAY_INVALID;
    *ret = (int64_t)m->valuedouble;
    return RELAY_OK;
}

enum relay_err json_bool(const cJSON *obj, const char *name, bool *ret)
{
    const cJSON *m = cJSON_GetObjectItemCaseSensitive(obj, name);
    if (!m) return RELAY_NOT_FOUND;
    if (!cJSON_IsBool(m)) return RELAY_INVALID;
    *ret = cJSON_IsTrue(m);
    return RELAY_OK;
}

enum relay_err json_time(const cJSON *obj, const char *name, int64_t *ret_wall_ms)
{
    const char *text;
    enum relay_err err = json_str(obj, name, &text);
    return err == RELAY_OK ? clock_parse(text, ret_wall_ms) : err;
}

const char *json_str_or(const cJSON *obj, const char *name, const char *otherwise)
{
    const char *s;
    return json_str(obj, name, &s) == RELAY_OK ? s : otherwise;
}
