/* YAML through libyaml's document tree, which keeps each node's line. Aliases, tags, merge keys and duplicate keys are
 * refused; a file over 4 MiB or deeper than 32 is refused. Scalars stay text: `name: no` is "no".
 */
#ifndef TOCSIN_IO_YAML_H
#define TOCSIN_IO_YAML_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/mem.h"

enum yaml_kind { YAML_SCALAR, YAML_LIST, YAML_MAP };

struct yaml_node {
    enum yaml_kind kind;
    int line, column; /* from 1 */
    bool quoted;      /* a scalar in quotes or a block scalar */
    const char *text; /* scalars; NUL-terminated */
    size_t text_len;
    struct yaml_node **items; /* lists: items; maps: values */
    struct yaml_node **keys;  /* maps only: scalar nodes */
    size_t n;
    const char *file;
};

/* Nodes live in the arena. Errors name "file:line:column". */
enum relay_err yaml_load(const char *path, struct arena *a, struct yaml_node **ret,
                         struct reason *why) MUST_CHECK;
enum relay_err yaml_load_text(const char *name, const char *text, size_t n, struct arena *a,
                              struct yaml_node **ret, struct reason *why) MUST_CHECK;
const struct yaml_node *yaml_get(const struct yaml_node *map,
                                 const char *key); /* NULL when absent or no map */

#endif
