/* An HTTP server on the test's loop that remembers the last request and says what it is told. For adapters whose service
 * needs no stand-in of its own. */
#ifndef TOCSIN_TESTS_HTTP_PEER_H
#define TOCSIN_TESTS_HTTP_PEER_H

#include "base/json.h"
#include "base/mem.h"
#include "io/http_server.h"
#include "unit.h"

struct http_peer {
    struct http_server *server;
    int status;
    const char *body;      /* of the answer */
    const char *wanted[4]; /* headers and query arguments to remember … */
    char *seen[4];         /* … and what they were, or NULL */
    char *last;            /* the last request's body */
    int requests;
};

static inline void http_peer_handle(void *arg, struct http_exchange *x)
{
    struct http_peer *p = arg;
    size_t n;
    free(p->last);
    p->last = xstrdup(http_body(x, &n));
    p->requests++;
    for (size_t i = 0; i < COUNT(p->wanted) && p->wanted[i]; i++) {
        const char *v = http_header(x, p->wanted[i]);
        if (!v) v = http_query(x, p->wanted[i]);
        free(p->seen[i]);
        p->seen[i] = v ? xstrdup(v) : NULL;
    }
    http_reply(x, p->status, "application/json", p->body, strlen(p->body));
}

static inline void http_peer_start(struct http_peer *p, struct loop *loop)
{
    struct reason why;
    const struct http_server_options o = {.host = "127.0.0.1"};
    *p = (struct http_peer){.status = 200, .body = "{}"};
    assert_int_equal(http_server_new(loop, &o, &p->server, &why), RELAY_OK);
    http_server_on(p->server, "POST", "/*", http_peer_handle, p);
}

static inline void http_peer_turn(void *arg)
{
    struct http_peer *p = arg;
    http_server_run(p->server);
    http_server_release(p->server);
}

static inline int64_t http_peer_due(void *arg)
{
    struct http_peer *p = arg;
    return http_server_next_due(p->server);
}

static inline void http_peer_stop(struct http_peer *p)
{
    http_server_free(p->server);
    for (size_t i = 0; i < COUNT(p->seen); i++) free(p->seen[i]);
    free(p->last);
}

/* The last request's body as JSON; the caller frees it. */
static inline cJSON *http_peer_json(const struct http_peer *p)
{
    const struct json_limits limits = {256 * 1024, 16};
    struct reason why;
    cJSON *j = NULL;
    if (json_parse(p->last, strlen(p->last), &limits, &j, &why) != RELAY_OK)
        fail_msg("%s: %s", why.text, p->last);
    return j;
}

/* A string by its path, "text.content"; "" when there is none. */
static inline const char *http_peer_string(const cJSON *j, const char *path)
{
    char name[64];
    for (size_t n; j && *path; path += n + (path[n] == '.')) {
        n = strcspn(path, ".");
        (void)snprintf(name, sizeof(name), "%.*s", (int)n, path);
        j = cJSON_IsArray(j) ? cJSON_GetArrayItem(j, (int)strtol(name, NULL, 10))
                             : cJSON_GetObjectItemCaseSensitive(j, name);
    }
    return j && cJSON_IsString(j) ? j->valuestring : "";
}

#endif
