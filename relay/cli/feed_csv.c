/* Rows of a CSV file as events: bytes -> UTF-8 (iconv) -> cells (libcsv) -> members of an event, by the mapping. */
#include "cli/feed_csv.h"

#include <csv.h>
#include <errno.h>
#include <iconv.h>
#include <time.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/i18n.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"
#include "io/options.h"

enum {
    CELL_MAX = 64 * 1024, /* an event may not be longer */
    COLUMNS_MAX = 500,
    MEMBERS_MAX = 60,
    CHUNK = 16 * 1024,
    ID_HEX = 40 /* of the hash of a row without an id of its own */
};

enum cell_type { CELL_STRING, CELL_NUMBER, CELL_BOOLEAN, CELL_TIME, CELL_MEMBER };
static const char *const type_names[] = {"string", "number", "boolean", "time", "auto", NULL};

/* What one member of the event is made of. */
struct source {
    const char *member; /* "txn.amount" */
    const char *from;   /* the column's name in the head */
    const char *value;  /* or the same for every row */
    const char *prefix, *format;
    int type; /* enum cell_type; CELL_MEMBER: by the member */
    bool required;
    const struct yaml_node *map; /* cell -> what stands for it */
    const struct yaml_node *at;
    size_t column;
};

struct mapping {
    const char *encoding, *delimiter, *timezone;
    struct opt_blocks members;
};

#define AT(type, member) .offset = offsetof(type, member)
/* clang-format off */
static const struct opt_row source_rows[] = {
    {.name = "member", .type = OPT_STR, AT(struct source, member), .required = true,
     .help = N_("the event's member, such as event_id, sent_at, text or txn.memo")},
    {.name = "from", .type = OPT_STR, AT(struct source, from), .help = N_("the column's name in the file's first row")},
    {.name = "value", .type = OPT_STR, AT(struct source, value), .help = N_("or a value that is the same in every row")},
    {.name = "type", .type = OPT_ENUM, AT(struct source, type), .names = type_names, .deflt = "auto",
     .help = N_("auto: time for …_at, number for seq, count and txn.amount, boolean for txn.payee_new, else string")},
    {.name = "format", .type = OPT_STR, AT(struct source, format),
     .help = N_("of a time, as strptime writes it: '%Y%m%d %H%M%S'; the usual ones are known without it")},
    {.name = "prefix", .type = OPT_STR, AT(struct source, prefix), .deflt = "",
     .help = N_("put before the cell: for numbers that are unique only in your own system")},
    {.name = "map", .type = OPT_NODE, AT(struct source, map),
     .help = N_("cell: what is sent for it, such as {雁塔支行: '610113'}; a cell that is not in it refuses the row")},
    {.name = "required", .type = OPT_BOOL, AT(struct source, required), .deflt = "false",
     .help = N_("an empty cell refuses the row; otherwise the member is left out")},
    {.name = "", .type = OPT_SELF, AT(struct source, at)},
    {0},
};
static const struct opt_row mapping_rows[] = {
    {.name = "encoding", .type = OPT_STR, AT(struct mapping, encoding), .deflt = "UTF-8",
     .help = N_("of the file: UTF-8, GB18030 (also for GBK and GB2312) or another that iconv knows")},
    {.name = "delimiter", .type = OPT_STR, AT(struct mapping, delimiter), .deflt = ",",
     .help = N_("between cells: one character, or tab")},
    {.name = "timezone", .type = OPT_STR, AT(struct mapping, timezone), .deflt = "Asia/Shanghai",
     .help = N_("of times that do not name theirs")},
    {.name = "members", .type = OPT_BLOCKS, AT(struct mapping, members), .sub = source_rows,
     .sub_size = sizeof(struct source), .min = 2, .max = MEMBERS_MAX, .required = true,
     .help = N_("what each member of the event is made of")},
    {0},
};
/* clang-format on */

struct feed_csv {
    struct feed_csv_sink sink;
    struct arena arena;
    struct mapping m;
    iconv_t to_utf8;
    struct csv_parser parser;
    char left[16]; /* the beginning of a character whose end is in the next piece */
    size_t n_left;
    bool begun; /* past the byte order mark */
    bool head;  /* the first row is read */
    int64_t row;
    char *cells[COLUMNS_MAX];
    size_t n_cells, n_columns;
    bool too_many, too_long;
    struct reason fatal;
};

/* ---- the mapping ---- */

static const char *const known_members[] = {
    "event_id", "seq",        "msg_kind", "status", "observed_at", "sent_at", "expires_at",
    "kind",     "text",       "area",     "count",  "references",  "level",   "confidence",
    "suspect",  "fraud_type", "victim",   "txn",    "disposition", "handling"};

static bool is_known(const char *member)
{
    size_t n = strcspn(member, ".");
    for (size_t i = 0; i < ARRAY_LEN(known_members); i++)
        if (strlen(known_members[i]) == n && strncmp(known_members[i], member, n) == 0) return true;
    return false;
}

static int type_of(const struct source *s)
{
    static const struct {
        const char *member;
        enum cell_type type;
    } others[] = {{"seq", CELL_NUMBER},
                  {"count", CELL_NUMBER},
                  {"txn.amount", CELL_NUMBER},
                  {"txn.payee_new", CELL_BOOLEAN},
                  {"handling.may_broadcast", CELL_BOOLEAN}};
    if (s->type != CELL_MEMBER) return s->type;
    size_t n = strlen(s->member);
    if (n > 3 && strcmp(s->member + n - 3, "_at") == 0) return CELL_TIME;
    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        if (strcmp(others[i].member, s->member) == 0) return others[i].type;
    return CELL_STRING;
}

static void check_source(struct source *s, struct opt_problems *problems)
{
    if (!is_known(s->member) || strspn(s->member, "abcdefghijklmnopqrstuvwxyz_.") != strlen(s->member) ||
        strstr(s->member, "..") || s->member[strlen(s->member) - 1] == '.')
        opt_problem(problems, s->at, _("an event has no member `%.60s`"), s->member);
    if (!s->from == !s->value)
        opt_problem(problems, s->at, _("%.60s: needs either `from` (a column) or `value`"), s->member);
    if (s->map && (s->map->kind != YAML_MAP || s->map->n == 0))
        opt_problem(problems, s->map, _("map must say {cell: value, …}"));
    s->type = type_of(s);
    if (s->format && s->type != CELL_TIME)
        opt_problem(problems, s->at, _("%.60s: only times have a format"), s->member);
}

static bool has_member(const struct mapping *m, const char *member)
{
    const struct source *all = m->members.items;
    for (size_t i = 0; i < m->members.n; i++)
        if (strcmp(all[i].member, member) == 0) return true;
    return false;
}

static void check_mapping(struct mapping *m, const struct yaml_node *at, struct opt_problems *problems)
{
    struct source *all = m->members.items;
    struct reason why;
    for (size_t i = 0; i < m->members.n; i++) {
        check_source(&all[i], problems);
        for (size_t k = 0; k < i; k++)
            if (strcmp(all[i].member, all[k].member) == 0)
                opt_problem(problems, all[i].at, _("%.60s is there already"), all[i].member);
        if (strcmp(all[i].member, "event_id") == 0 || strcmp(all[i].member, "sent_at") == 0)
            all[i].required = true;
    }
    /* The time of now would make another event of the same row tomorrow. */
    if (!has_member(m, "sent_at"))
        opt_problem(problems, at,
                    _("members: sent_at is missing; name the column with the time of the record"));
    if (!has_member(m, "text") && !has_member(m, "text.body") && !has_member(m, "txn.memo"))
        opt_problem(problems, at, _("members: needs text, or txn.memo: the words that rules read"));
    if (strcmp(m->delimiter, "tab") == 0) m->delimiter = "\t";
    if (strlen(m->delimiter) != 1 || strchr("\"\r\n ", *m->delimiter))
        opt_problem(problems, at, _("delimiter must be one character, or tab"));
    if (clock_check_zone(m->timezone, &why) != RELAY_OK) opt_problem(problems, at, "timezone: %s", why.text);
}

static enum relay_err load_mapping(struct feed_csv *c, const char *path, struct reason *why)
{
    struct yaml_node *root;
    struct opt_problems problems = {0};
    enum relay_err err = yaml_load(path, &c->arena, &root, why);
    if (err) return err;
    if (root->kind != YAML_MAP) return fail(why, RELAY_INVALID, _("%s: is no mapping of keys"), path);
    if (options_load(mapping_rows, root, &c->m, &c->arena, &problems) == RELAY_OK)
        check_mapping(&c->m, root, &problems);
    if (problems.n) return fail(why, RELAY_INVALID, "%s", problems.items[0].text);
    if ((err = clock_set_zone(c->m.timezone, why)) != RELAY_OK) return err;
    c->to_utf8 = iconv_open("UTF-8", c->m.encoding);
    if (c->to_utf8 != (iconv_t)-1) return RELAY_OK;
    return fail(why, RELAY_INVALID, _("%s: encoding %.40s is not known; UTF-8 and GB18030 are"), path,
                c->m.encoding);
}

/* ---- cells ---- */

static bool time_of(const struct source *s, const char *cell, int64_t *ret)
{
    static const char *const usual[] = {"%Y-%m-%d %H:%M:%S", "%Y/%m/%d %H:%M:%S", "%Y%m%d%H%M%S",
                                        "%Y%m%d %H%M%S",     "%Y-%m-%d %H:%M",    "%Y/%m/%d %H:%M"};
    if (!s->format && clock_parse(cell, ret) == RELAY_OK) return true;
    size_t n = s->format ? 1 : ARRAY_LEN(usual);
    for (size_t i = 0; i < n; i++) {
        struct tm t = {0};
        const char *end = strptime(cell, s->format ? s->format : usual[i], &t);
        if (!end || *end) continue;
        *ret = clock_local_to_wall((struct local_time){.year = t.tm_year + 1900,
                                                       .month = t.tm_mon + 1,
                                                       .day = t.tm_mday,
                                                       .hour = t.tm_hour,
                                                       .minute = t.tm_min,
                                                       .second = t.tm_sec});
        return true;
    }
    return false;
}

/* "72,000.00" and " 3 " as JSON writes them. */
static bool number_of(const char *cell, char *ret, size_t size)
{
    size_t n = 0;
    for (const char *p = cell; *p; p++) {
        if (*p == ',') continue;
        if (n + 1 >= size) return false;
        ret[n++] = *p;
    }
    ret[n] = '\0';
    size_t at = ret[0] == '-';
    size_t whole = strspn(ret + at, "0123456789"), dot = ret[at + whole] == '.';
    size_t part = dot ? strspn(ret + at + whole + 1, "0123456789") : 0;
    if (!whole || (dot && !part) || at + whole + dot + part != n) return false;
    while (whole > 1 && ret[at] == '0') { /* JSON knows no leading zeros */
        memmove(ret + at, ret + at + 1, n - at);
        n--;
        whole--;
    }
    return true;
}

static bool boolean_of(const char *cell, bool *ret)
{
    static const char *const yes[] = {"1", "true", "yes", "y", "是", "Y", "TRUE", "True"};
    static const char *const no[] = {"0", "false", "no", "n", "否", "N", "FALSE", "False"};
    for (size_t i = 0; i < ARRAY_LEN(yes); i++) {
        if (strcmp(cell, yes[i]) != 0 && strcmp(cell, no[i]) != 0) continue;
        *ret = strcmp(cell, yes[i]) == 0;
        return true;
    }
    return false;
}

static const char *mapped(const struct yaml_node *map, const char *cell)
{
    const struct yaml_node *to = yaml_get(map, cell);
    return to && to->kind == YAML_SCALAR ? to->text : NULL;
}

/* The value of one member, or NULL with the reason in `what`. */
static cJSON *value_of(const struct source *s, const char *cell, char *what, size_t size)
{
    int64_t at;
    bool truth;
    char text[TIME_TEXT_LEN], number[64];
    switch ((enum cell_type)s->type) {
    case CELL_TIME:
        if (time_of(s, cell, &at)) return cJSON_CreateString(clock_format(at, false, text));
        (void)snprintf(what, size, _("%s is no time that is known: write `format`"), s->member);
        return NULL;
    case CELL_NUMBER:
        if (number_of(cell, number, sizeof(number))) return cJSON_CreateRaw(number);
        (void)snprintf(what, size, _("%s is no number"), s->member);
        return NULL;
    case CELL_BOOLEAN:
        if (boolean_of(cell, &truth)) return cJSON_CreateBool(truth);
        (void)snprintf(what, size, _("%s is neither yes nor no (是/否, 1/0)"), s->member);
        return NULL;
    case CELL_STRING:
    case CELL_MEMBER: break;
    }
    CLEANUP(free_ptr) char *joined = xasprintf("%s%s", s->prefix, cell);
    return cJSON_CreateString(joined);
}

/* Puts "txn.amount" where it belongs; the objects on the way are made. */
static void put(cJSON *event, const char *member, cJSON *value)
{
    char name[64];
    for (const char *dot; (dot = strchr(member, '.')); member = dot + 1) {
        (void)snprintf(name, sizeof(name), "%.*s", (int)(dot - member), member);
        cJSON *inner = cJSON_GetObjectItemCaseSensitive(event, name);
        event = inner ? inner : cJSON_AddObjectToObject(event, name);
    }
    (void)cJSON_AddItemToObject(event, member, value);
}

/* ---- rows ---- */

static void bad_row(struct feed_csv *c, const char *what)
{
    c->sink.bad(c->sink.arg, c->row, what);
}

/* The same cells, the same id: a file that is pushed again makes no second event. */
static void add_id(struct feed_csv *c, cJSON *event)
{
    CLEANUP(buf_release) struct buf all = BUF_INIT(COLUMNS_MAX * CELL_MAX);
    uint8_t sum[HASH_LEN];
    char hex[2 * HASH_LEN + 1], id[ID_HEX + 8];
    for (size_t i = 0; i < c->n_cells; i++) {
        buf_str(&all, c->cells[i]);
        buf_char(&all, '\x1f');
    }
    hash_sha256(buf_cstr(&all), all.len, sum);
    hash_hex(sum, sizeof(sum), hex);
    (void)snprintf(id, sizeof(id), "row-%.*s", ID_HEX, hex);
    (void)cJSON_AddStringToObject(event, "event_id", id);
}

static void make_event(struct feed_csv *c)
{
    CLEANUP(json_free_ptr) cJSON *event = cJSON_CreateObject();
    char what[300];
    const struct source *all = c->m.members.items;
    if (!has_member(&c->m, "event_id")) add_id(c, event);
    for (size_t i = 0; i < c->m.members.n; i++) {
        const struct source *s = &all[i];
        const char *cell = s->from ? (s->column < c->n_cells ? c->cells[s->column] : "") : s->value;
        if (!*cell && s->required) {
            (void)snprintf(what, sizeof(what), _("column %.60s is empty"), s->from ? s->from : s->member);
            bad_row(c, what);
            return;
        }
        if (!*cell) continue;
        const char *to = s->map ? mapped(s->map, cell) : cell;
        if (!to) {
            (void)snprintf(what, sizeof(what), _("column %.60s: this cell is not in the mapping's `map`"),
                           s->from);
            bad_row(c, what);
            return;
        }
        cJSON *value = value_of(s, to, what, sizeof(what));
        if (!value) {
            bad_row(c, what);
            return;
        }
        put(event, s->member, value);
    }
    char *json = cJSON_PrintUnformatted(event);
    if (json) c->sink.event(c->sink.arg, c->row, json, strlen(json));
    cJSON_free(json);
}

/* The first row names the columns. */
static void take_head(struct feed_csv *c)
{
    struct source *all = c->m.members.items;
    c->head = true;
    c->n_columns = c->n_cells;
    for (size_t i = 0; i < c->m.members.n; i++) {
        if (!all[i].from) continue;
        size_t k = 0;
        while (k < c->n_cells && strcmp(c->cells[k], all[i].from) != 0) k++;
        if (k == c->n_cells) {
            (void)fail(
                &c->fatal, RELAY_INVALID,
                _("the first row has no column `%.60s` (it has: %.60s%s%.60s …); is the encoding %s right?"),
                all[i].from, c->n_cells ? c->cells[0] : "", c->n_cells > 1 ? ", " : "",
                c->n_cells > 1 ? c->cells[1] : "", c->m.encoding);
            return;
        }
        all[i].column = k;
    }
}

static void forget_cells(struct feed_csv *c)
{
    for (size_t i = 0; i < c->n_cells; i++) free(c->cells[i]);
    c->n_cells = 0;
    c->too_many = c->too_long = false;
}

static void on_cell(void *bytes, size_t n, void *arg)
{
    struct feed_csv *c = arg;
    c->too_many = c->too_many || c->n_cells == COLUMNS_MAX;
    c->too_long = c->too_long || n > CELL_MAX;
    if (c->too_many || c->too_long) return;
    char *cell = xcalloc(1, n + 1);
    if (n) memcpy(cell, bytes, n);
    c->cells[c->n_cells++] = cell;
}

static void on_row(int end, void *arg)
{
    (void)end;
    struct feed_csv *c = arg;
    char what[200];
    c->row++;
    bool blank = c->head && c->n_cells == 1 && !*c->cells[0]; /* often at the end */
    if (c->fatal.text[0] || blank) {
        /* Not looked at. */
    } else if (c->too_many || c->too_long) {
        (void)snprintf(what, sizeof(what),
                       _("more than %d cells, or one over %d bytes: is a quote not closed?"), COLUMNS_MAX,
                       CELL_MAX);
        bad_row(c, what);
    } else if (!c->head) {
        take_head(c);
    } else if (c->n_cells != c->n_columns) {
        (void)snprintf(what, sizeof(what), _("%zu cells, the first row has %zu"), c->n_cells, c->n_columns);
        bad_row(c, what);
    } else {
        make_event(c);
    }
    forget_cells(c);
}

/* ---- bytes ---- */

static enum relay_err take_utf8(struct feed_csv *c, const char *bytes, size_t n, struct reason *why)
{
    if (!c->begun && n >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0) {
        bytes += 3;
        n -= 3;
    }
    c->begun = c->begun || n > 0;
    if (csv_parse(&c->parser, bytes, n, on_cell, on_row, c) != n)
        return fail(why, RELAY_INVALID, _("row %lld: %s"), (long long)c->row + 1,
                    csv_strerror(csv_error(&c->parser)));
    if (c->fatal.text[0]) return fail(why, RELAY_INVALID, "%s", c->fatal.text);
    return RELAY_OK;
}

enum relay_err feed_csv_read(struct feed_csv *c, const char *bytes, size_t n, struct reason *why)
{
    char in[CHUNK + sizeof(c->left)], out[4 * (CHUNK + sizeof(c->left))];
    while (n > 0) {
        size_t part = n < CHUNK ? n : CHUNK;
        memcpy(in, c->left, c->n_left);
        memcpy(in + c->n_left, bytes, part);
        char *from = in, *to = out;
        size_t in_left = c->n_left + part, out_left = sizeof(out);
        bytes += part;
        n -= part;
        bool whole = iconv(c->to_utf8, &from, &in_left, &to, &out_left) != (size_t)-1;
        bool cut = !whole && errno == EINVAL && in_left < sizeof(c->left);
        enum relay_err err = take_utf8(c, out, sizeof(out) - out_left, why);
        if (err) return err;
        if (!whole && !cut)
            return fail(why, RELAY_INVALID,
                        _("after row %lld: bytes that are not %s; set `encoding` of the mapping"),
                        (long long)c->row, c->m.encoding);
        c->n_left = cut ? in_left : 0;
        memcpy(c->left, from, c->n_left);
    }
    return RELAY_OK;
}

enum relay_err feed_csv_end(struct feed_csv *c, struct reason *why)
{
    if (c->n_left)
        return fail(why, RELAY_INVALID, _("the file ends in the middle of a character; is it whole?"));
    if (csv_fini(&c->parser, on_cell, on_row, c) != 0)
        return fail(why, RELAY_INVALID, _("a quote of the last row is not closed; is the file whole?"));
    if (c->fatal.text[0]) return fail(why, RELAY_INVALID, "%s", c->fatal.text);
    if (!c->head)
        return fail(why, RELAY_INVALID, _("the file is empty: the first row must name the columns"));
    return RELAY_OK;
}

/* ---- life ---- */

enum relay_err feed_csv_new(const char *mapping, const struct feed_csv_sink *sink, struct feed_csv **ret,
                            struct reason *why)
{
    struct feed_csv *c = xcalloc(1, sizeof(*c));
    c->sink = *sink;
    c->to_utf8 = (iconv_t)-1;
    if (csv_init(&c->parser, CSV_STRICT | CSV_STRICT_FINI) != 0)
        abort(); /* it only fails for a NULL parser */
    enum relay_err err = load_mapping(c, mapping, why);
    if (err) {
        feed_csv_free(c);
        return err;
    }
    csv_set_delim(&c->parser, (unsigned char)*c->m.delimiter);
    *ret = c;
    return RELAY_OK;
}

struct feed_csv *feed_csv_free(struct feed_csv *c)
{
    if (!c) return NULL;
    forget_cells(c);
    csv_free(&c->parser);
    if (c->to_utf8 != (iconv_t)-1) (void)iconv_close(c->to_utf8);
    arena_release(&c->arena);
    free(c);
    return NULL;
}

void feed_csv_manual(void)
{
    CLEANUP(buf_release) struct buf b = BUF_INIT(64 * 1024);
    options_manual(mapping_rows, 0, &b);
    (void)fputs(buf_cstr(&b), stdout);
}
