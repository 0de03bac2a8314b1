/* One table per kind of block: loading, bounds, defaults, error messages with file and line, --print-config and the
 * manual come from it. Defaults are text and pass through the same parser as what people write.
 *
 *   struct chat { const char *id; int64_t timeout; bool night; };
 *   static const struct opt_row chat_rows[] = {
 *       {.name = "id", .type = OPT_ID, .offset = offsetof(struct chat, id), .required = true, .help = N_("…")},
 *       {.name = "timeout", .type = OPT_DURATION, .offset = …, .min = 100, .max = 60000, .deflt = "15s", .help = …},
 *       {0}};
 */
#ifndef TOCSIN_IO_OPTIONS_H
#define TOCSIN_IO_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "io/yaml.h"

enum opt_type {               /* C type at offset */
                OPT_STR,      /* const char *; NULL when absent and no default */
                OPT_ID,       /* const char *; [a-z0-9][a-z0-9-]{0,31} */
                OPT_PATH,     /* const char *; relative to the file that names it */
                OPT_INT,      /* int64_t */
                OPT_BOOL,     /* bool; true/false, yes/no, on/off, 是/否 */
                OPT_DURATION, /* int64_t ms; "90s" "72h" "7d" */
                OPT_SIZE,     /* int64_t bytes; "64KiB" "2GiB" or digits */
                OPT_RATE,     /* double per second; "2000/s" "20/m" */
                OPT_ENUM,     /* int: index into .names; .names_zh[i] is read as well where given */
                OPT_STRS,     /* struct opt_strs; a list, or one scalar */
                OPT_PATHS,    /* struct opt_strs; each as OPT_PATH */
                OPT_WINDOWS,  /* struct opt_windows; list of "21:30-07:30" */
                OPT_BLOCK,    /* a nested struct at offset, by .sub */
                OPT_BLOCKS,   /* struct opt_blocks of structs of .sub_size, by .sub */
                OPT_NODE,     /* const struct yaml_node *; read by somebody else later */
                OPT_SELF, /* const struct yaml_node *; .name is "": the block itself, for checks that come after */
                OPT_EXTRA /* struct opt_extra; .name is "": the block's other keys, by options_load_extra */
};

struct opt_strs {
    const char **items;
    size_t n;
};
bool opt_strs_has(const struct opt_strs *list, const char *word);
struct opt_windows {
    struct day_window *items;
    size_t n;
};
struct opt_blocks {
    void *items; /* array of sub_size each */
    size_t n;
};

/* Keys of a second table that stand in the same block, such as an adapter's own beside a chat's. options_load fills map
 * and known, leaves the keys that it does not know alone, and options_load_extra reads them. */
struct opt_extra {
    const struct yaml_node *map;
    const struct opt_row *known; /* the first table */
    const struct opt_row *rows;  /* the second; NULL until it is loaded */
    void *values;                /* filled by rows */
};

/* Lists are followed by a NULL item that n does not count. Bounds of OPT_RATE are per second. */
struct opt_row {
    const char *name;
    enum opt_type type;
    bool required;
    size_t offset;
    int64_t min, max;         /* numbers: bounds in the C unit; lists: how many; both 0: none */
    const char *deflt;        /* as a person would write it, lists as "[a, b]"; NULL: zero value */
    const char *const *names; /* OPT_ENUM; NULL-terminated */
    const char *const *names_zh;
    const struct opt_row *sub;
    size_t sub_size;
    const char *unit; /* for the manual: "ms", "bytes", "messages" */
    const char *help; /* one line, N_() */
};
/* A row whose value is this member of that struct. */
#define OPT_ROW(name_, type_, struct_, member_, ...)                                                         \
    {                                                                                                        \
        .name = (name_), .type = (type_), .offset = offsetof(struct struct_, member_), __VA_ARGS__           \
    }

/* Fills the struct at `out` (already zeroed) from `map` (NULL: only defaults, nothing is missing). Strings are copied
 * into the arena. Unknown keys are refused with the nearest known one. All problems are collected, one a line, up to 20;
 * returns RELAY_INVALID if this call found any. */
struct opt_problems {
    size_t n;
    bool more; /* there were others, not kept */
    struct reason items[20];
};
enum relay_err options_load(const struct opt_row *rows, const struct yaml_node *map, void *out,
                            struct arena *a, struct opt_problems *problems) MUST_CHECK;
/* x was filled by options_load. rows may be NULL: every key that the first table does not know is unknown. */
enum relay_err options_load_extra(struct opt_extra *x, const struct opt_row *rows, size_t size,
                                  struct arena *a, struct opt_problems *problems) MUST_CHECK;
void opt_problems_print(const struct opt_problems *p); /* one a line, on standard error */
/* For checks that a table cannot say: "file:line: key: text". node may be NULL. */
void opt_problem(struct opt_problems *p, const struct yaml_node *node, const char *fmt, ...) PRINTF(3, 4);

struct buf;
/* As YAML that options_load reads again; values of keys whose names end in password, key, token, secret or url are shown
 * as ***, paths excepted. */
void options_print(const struct opt_row *rows, const void *values, int indent, struct buf *out);
void options_manual(const struct opt_row *rows, int indent,
                    struct buf *out); /* name, type, unit, bounds, default, help */

/* A secret in a file of its own: first line, at most 4 KiB; refused when others than the owner and group can read it. A
 * process that has read one writes no core file any more. */
enum relay_err secret_read(const char *path, char **ret, struct reason *why) MUST_CHECK;
void secret_free(char *secret);      /* wipes it first; takes NULL */
void secret_free_ptr(char **secret); /* CLEANUP(secret_free_ptr) char *password = NULL; */

#endif
