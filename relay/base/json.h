/* Strict JSON over cJSON. What cJSON alone lets through (invalid UTF-8, \u0000, duplicate keys, trailing bytes,
 * any depth to 1000) is refused here, with the member and the place named. */
#ifndef TOCSIN_BASE_JSON_H
#define TOCSIN_BASE_JSON_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct json_limits {
    size_t max_bytes; /* RELAY_LIMIT over it */
    int max_depth;    /* nested objects and arrays; the outermost counts 1; at most JSON_DEPTH_MAX */
};

#define JSON_DEPTH_MAX 64
#define JSON_PATH_MAX  96

enum json_fault_kind {
    JSON_FINE,
    JSON_TOO_LARGE,
    JSON_NOT_UTF8, /* a NUL byte as well */
    JSON_EMPTY,
    JSON_SYNTAX,
    JSON_CONTROL, /* a raw control byte in a string */
    JSON_ESCAPE,  /* an unknown escape, or half a surrogate pair */
    JSON_NUL,     /* \u0000 */
    JSON_NUMBER,  /* not as RFC 8259 writes it, or beyond a double */
    JSON_DEPTH,
    JSON_TRAILING,
    JSON_DUPLICATE,
    JSON_MEMORY
};
struct json_fault {
    enum json_fault_kind kind;
    size_t offset; /* of the byte at fault; not for JSON_DUPLICATE */
    char path
        [JSON_PATH_MAX]; /* "txn.memo", "tags[3].a"; "" at the top. A name that could tell of a person reads `?`. */
};

/* The caller frees *ret with cJSON_Delete. RELAY_LIMIT or RELAY_INVALID with why. */
enum relay_err json_parse(const char *bytes, size_t n, const struct json_limits *limits, cJSON **ret,
                          struct reason *why) MUST_CHECK;
/* The same in an arena, for the hot path: the tree dies with the arena and is never given to cJSON_Delete, nor changed.
 * The caller words faults in its own way. For the loop's thread. */
struct arena;
enum relay_err json_parse_arena(const char *bytes, size_t n, const struct json_limits *limits,
                                struct arena *a, const cJSON **ret, struct json_fault *ret_fault) MUST_CHECK;

void json_free_ptr(cJSON **pp); /* CLEANUP(json_free_ptr) cJSON *j = NULL; */

/* Reading: RELAY_NOT_FOUND when absent, RELAY_INVALID when of another type; *ret untouched then. */
enum relay_err json_str(const cJSON *obj, const char *name, const char **ret) MUST_CHECK;
enum relay_err json_int(const cJSON *obj, const char *name, int64_t *ret) MUST_CHECK; /* whole, |v| <= 2^53 */
enum relay_err json_bool(const cJSON *obj, const char *name, bool *ret) MUST_CHECK;
enum relay_err json_time(const cJSON *obj, const char *name, int64_t *ret_wall_ms) MUST_CHECK;
const char *json_str_or(const cJSON *obj, const char *name, const char *otherwise);

#endif
