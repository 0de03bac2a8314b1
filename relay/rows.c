/* From columns to members. */
#include "rows.h"

#include "areas.h"
#include "base/alert.h"
#include "base/clock.h"
#include "base/delivery.h"
#include "base/hash.h"
#include "base/mem.h"
#include "rules/rules.h"

enum { PLACES_MAX = 4096 };

static void add_time(struct buf *b, const char *name, struct stmt *q, int i)
{
    buf_json_member_time(b, name, col_int(q, i));
}

static void add_bool(struct buf *b, const char *name, struct stmt *q, int i)
{
    buf_json_member_bool(b, name, col_int(q, i) != 0);
}

static void add_json(struct buf *b, const char *name, struct stmt *q, int i)
{
    buf_json_key(b, name);
    buf_str(b, col_text(q, i));
}

static void add_after(struct buf *b, const char *name, struct stmt *q, int i)
{
    char text[24];
    buf_json_member(b, name, duration_format(col_int(q, i), text));
}

/* "雁塔区、碑林区" */
static void add_places(struct buf *b, const char *name, struct stmt *q, int i)
{
    CLEANUP(buf_release) struct buf names = BUF_INIT(PLACES_MAX);
    const char *codes = col_text(q, i);
    char code[AREA_LEN + 1];
    while (area_next(&codes, code)) buf_printf(&names, "%s%s", names.len ? "、" : "", area_name(code));
    buf_json_member(b, name, buf_cstr(&names));
}

static void add_short(struct buf *b, const char *name, struct stmt *q, int i)
{
    char id[SHORT_ID_LEN];
    short_id(col_text(q, i), id);
    buf_json_member(b, name, id);
}

#define ADD_WORD(what, type, word)                                                                           \
    static void add_##what(struct buf *b, const char *name, struct stmt *q, int i)                           \
    {                                                                                                        \
        buf_json_member(b, name, word((type)col_int(q, i)));                                                 \
    }
ADD_WORD(level, enum level, level_name)
ADD_WORD(certainty, enum certainty, certainty_name)
ADD_WORD(status, enum cap_status, cap_status_name)
ADD_WORD(message, enum msg_type, msg_type_name)
ADD_WORD(state, enum delivery_state, delivery_state_name)

static const struct {
    const char *name;
    void (*add)(struct buf *b, const char *name, struct stmt *q, int i);
} kinds[] = {{"time", add_time},           {"bool", add_bool},      {"json", add_json},
             {"after", add_after},         {"places", add_places},  {"short", add_short},
             {"level", add_level},         {"status", add_status},  {"state", add_state},
             {"certainty", add_certainty}, {"message", add_message}};

static void add_plain(struct buf *b, const char *name, struct stmt *q, int i)
{
    if (sqlite3_column_type(q->handle, i) == SQLITE_INTEGER)
        buf_json_member_int(b, name, col_int(q, i));
    else
        buf_json_member(b, name, col_text(q, i));
}

static void add_column(struct buf *b, struct stmt *q, int i)
{
    const char *column = sqlite3_column_name(q->handle, i), *colon = strchr(column, ':');
    char name[64];
    (void)snprintf(name, sizeof(name), "%.*s", (int)(colon ? colon - column : (int)strlen(column)), column);
    void (*add)(struct buf * b, const char *name, struct stmt *q, int i) = add_plain;
    for (size_t k = 0; colon && k < ARRAY_LEN(kinds); k++)
        if (strcmp(kinds[k].name, colon + 1) == 0) add = kinds[k].add;
    if (strcmp(column, "-") != 0 && (add == add_time || !col_null(q, i))) add(b, name, q, i);
}

void row_members(struct buf *b, struct stmt *q)
{
    for (int i = 0; i < sqlite3_column_count(q->handle); i++) add_column(b, q, i);
}

enum relay_err rows_json(struct buf *b, struct stmt *q, row_more_fn *more, struct reason *why)
{
    enum relay_err err;
    buf_char(b, '[');
    for (bool first = true; (err = stmt_step(q, why)) == RELAY_OK; first = false) {
        buf_str(b, first ? "{" : ",{");
        row_members(b, q);
        if (more && (err = more(b, q, why)) != RELAY_OK) return err;
        buf_char(b, '}');
    }
    buf_char(b, ']');
    return err == RELAY_NOT_FOUND ? RELAY_OK : err;
}
