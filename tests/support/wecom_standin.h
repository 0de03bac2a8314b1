/* A stand-in for WeCom's group bot API on a loop: answers as the real one does, remembers what groups received, and can
 * be told to fail. A test turns it beside what it tests; wecom_standin_main.c is it as a program.
 *
 *   POST /cgi-bin/webhook/send?key=KEY
 *
 * Takes text, markdown, image (its content here: "picture of N bytes") and template_card (its JSON).
 * In this order: 93000 unknown key, 40008 no JSON or no known msgtype, 44004 no content, 40058 too long, 45009 over the
 * rate of a minute, else 0. A script replaces these for as many requests as it has words.
 */
#ifndef TOCSIN_TESTS_WECOM_STANDIN_H
#define TOCSIN_TESTS_WECOM_STANDIN_H

#include <stdio.h>

#include "io/http_server.h"

struct wecom_standin;

struct wecom_post {
    char *key, *msgtype, *content; /* "" where the request had none */
    char *mentions;                /* mentioned_list, else mentioned_mobile_list, as JSON, or "" */
    int errcode;                   /* what it was told; -2: something that is no errcode */
    int64_t at;                    /* wall ms */
    int64_t at_us;                 /* the same in microseconds */
};

struct wecom_standin_options {
    int port;           /* 0: any free one */
    int delay_ms;       /* before each answer */
    int rate;           /* messages a minute and key; 0: 20, -1: no limit */
    const char *keys;   /* "redgoose,ward3": all others are unknown; NULL: all are known */
    const char *script; /* "0,45009,http503,http429:7,page,garbage,hang": one word a request; NULL: none */
    FILE *journal;      /* one JSON line a request; NULL: none */
    FILE *show;         /* what a group would read; NULL: nowhere */
    bool keep;          /* requests are kept for wecom_standin_post */
};

enum relay_err wecom_standin_new(struct loop *l, const struct wecom_standin_options *o,
                                 struct wecom_standin **ret,
                                 struct reason *why) MUST_CHECK; /* keys and script are copied */
struct wecom_standin *wecom_standin_free(struct wecom_standin *s);
int wecom_standin_port(const struct wecom_standin *s);
void wecom_standin_script(struct wecom_standin *s, const char *script); /* from the next request on */
void wecom_standin_turn(struct wecom_standin *s);                       /* after loop_wait */
int64_t wecom_standin_next_due(const struct wecom_standin *s);
size_t wecom_standin_count(const struct wecom_standin *s); /* requests so far */
const struct wecom_post *wecom_standin_post(const struct wecom_standin *s, size_t i);

#endif
