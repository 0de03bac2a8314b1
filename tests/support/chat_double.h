/* A chat adapter as the core drives it, beside a stand-in on the same loop. Included by one source of a program. */
#ifndef TOCSIN_TESTS_CHAT_DOUBLE_H
#define TOCSIN_TESTS_CHAT_DOUBLE_H

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "adapters/cards.h"
#include "send_double.h"

struct chat {
    const struct adapter_ops *ops;
    struct loop *loop;
    struct http_client *http;
    struct cards *cards;
    void *ctx;
    struct arena arena;
    struct target target;
    void (*turn)(void *arg); /* the stand-in's */
    int64_t (*due)(void *arg);
    void *arg;
    char url_file[64], secret_file[64];
    struct reason why;
};

static inline void chat_write_secret(char path[static 64], const char *name, const char *text)
{
    (void)snprintf(path, 64, "/tmp/tocsin-%s-%d", name, (int)getpid());
    unlink(path);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(chmod(path, 0600), 0);
    (void)fputs(text, f);
    (void)fclose(f);
}

static inline const char *chat_public_address(void *core)
{
    return core ? core : NULL;
}

/* Opens the adapter anew, as if the relay's public address were this one (NULL: none). */
static inline void chat_open(struct chat *c, const char *public_address)
{
    struct adapter_env env = {.http = c->http,
                              .now = double_now,
                              .prefix = "tocsin/v1",
                              .relay_id = "yanta-1",
                              .cards = c->cards,
                              .core = (void *)(uintptr_t)public_address,
                              .public_address = chat_public_address};
    assert_int_equal(c->ops->open(c->ctx, &env, &c->why), RELAY_OK);
}

/* Starts loop, client and adapter. Make the stand-in on c->loop, then call chat_target. */
static inline void chat_start(struct chat *c, const char *adapter)
{
    *c = (struct chat){.ops = adapter_find(adapter)};
    assert_non_null(c->ops);
    assert_int_equal(loop_new(&c->loop, &c->why), RELAY_OK);
    assert_int_equal(http_client_new(c->loop, 16, &c->http, &c->why), RELAY_OK);
    c->ctx = calloc(1, c->ops->ctx_size);
    c->cards = cards_new(c->loop, NULL);
    chat_open(c, NULL);
}

/* A target as the configuration would make it from this YAML map. Returns what check says, or INVALID from the options. */
static inline enum relay_err chat_target(struct chat *c, enum audience audience, const char *yaml)
{
    struct yaml_node *map;
    struct opt_problems problems = {0};
    if (c->target.options && c->ops->forget) c->ops->forget(c->ctx, &c->target);
    void *options = arena_alloc(&c->arena, c->ops->options_size);
    c->target = (struct target){.id = "chat:test", .name = "test", .audience = audience, .options = options};
    if (yaml_load_text("test", yaml, strlen(yaml), &c->arena, &map, &c->why) != RELAY_OK)
        fail_msg("%s", c->why.text);
    if (options_load(c->ops->options, map, options, &c->arena, &problems) != RELAY_OK) {
        c->why = problems.items[0];
        return RELAY_INVALID;
    }
    return c->ops->check(c->ctx, &c->target, &c->why);
}

static inline struct send_outcome chat_send(struct chat *c, const struct message *m, size_t n)
{
    struct send op = {0};
    c->ops->send(c->ctx, &c->target, m, n, NULL, &op);
    int64_t end = clock_now().mono + 5000;
    while (!op.done && clock_now().mono < end) {
        http_client_start(c->http);
        int64_t due = http_client_next_due(c->http), other = c->due ? c->due(c->arg) : INT64_MAX;
        if (other < due) due = other;
        loop_wait(c->loop, due < end ? due : end);
        loop_run_done(c->loop);
        if (c->turn) c->turn(c->arg);
        http_client_collect(c->http);
    }
    assert_int_equal(op.done, 1);
    return op.out;
}

static inline void chat_stop(struct chat *c)
{
    if (c->target.options && c->ops->forget) c->ops->forget(c->ctx, &c->target);
    if (c->ops->close) c->ops->close(c->ctx);
    free(c->ctx);
    http_client_free(c->http);
    cards_free(c->cards);
    loop_free(c->loop);
    arena_release(&c->arena);
    if (*c->url_file) unlink(c->url_file);
    if (*c->secret_file) unlink(c->secret_file);
}

#endif
