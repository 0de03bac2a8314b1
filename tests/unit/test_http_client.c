/* Outgoing HTTP against a peer that says exactly what a test wants, over loopback. */
#include "io/http_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"

#include <cmocka.h> /* last: it takes the name `fail` */

/* ---- The peer: one thread, one connection at a time ---------------------------------------------------------------- */

struct peer;
/* Serves one connection; false closes it with a reset. */
typedef bool (*serve_fn)(struct peer *p, int fd);

struct peer {
    int listener, port;
    serve_fn serve;
    const char *answer; /* for `says` */
    pthread_t thread;
    atomic_int connections, requests;
    atomic_bool stop;
    char last[4096]; /* the last request; read after it was answered */
    char path[64];   /* of a unix socket */
};

/* Reads one request with its body. False at the end of the connection. */
static bool read_request(struct peer *p, int fd)
{
    size_t n = 0;
    for (;;) {
        struct pollfd f = {.fd = fd, .events = POLLIN};
        while (poll(&f, 1, 20) == 0)
            if (p->stop) return false;
        ssize_t got = read(fd, p->last + n, sizeof(p->last) - 1 - n);
        if (got <= 0) return false;
        n += (size_t)got;
        p->last[n] = '\0';
        char *end = strstr(p->last, "\r\n\r\n");
        if (!end) continue;
        const char *length = strstr(p->last, "Content-Length: ");
        size_t body = length ? strtoul(length + 16, NULL, 10) : 0;
        if (n >= (size_t)(end + 4 - p->last) + body) break;
    }
    p->requests++;
    return true;
}

static void say(int fd, const char *text)
{
    (void)!send(fd, text, strlen(text), MSG_NOSIGNAL);
}

static bool says(struct peer *p, int fd)
{
    while (read_request(p, fd)) say(fd, p->answer);
    return true;
}

static void *peer_run(void *arg)
{
    struct peer *p = arg;
    while (!p->stop) {
        struct pollfd f = {.fd = p->listener, .events = POLLIN};
        if (poll(&f, 1, 20) <= 0) continue;
        int fd = accept(p->listener, NULL, NULL);
        if (fd < 0) continue;
        p->connections++;
        if (!p->serve(p, fd)) {
            struct linger hard = {.l_onoff = 1};
            (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
        }
        close(fd);
    }
    return NULL;
}

static void peer_start(struct peer *p, serve_fn serve, const char *answer)
{
    *p = (struct peer){.serve = serve, .answer = answer};
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof(a);
    p->listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(p->listener, (struct sockaddr *)&a, sizeof(a)), 0);
    assert_int_equal(listen(p->listener, 64), 0);
    assert_int_equal(getsockname(p->listener, (struct sockaddr *)&a, &n), 0);
    p->port = ntohs(a.sin_port);
    assert_int_equal(pthread_create(&p->thread, NULL, peer_run, p), 0);
}

static void peer_stop(struct peer *p)
{
    p->stop = true;
    pthread_join(p->thread, NULL);
    close(p->listener);
}

#define OK_ANSWER   "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
#define LAST_ANSWER "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"

/* ---- The client under test --------------------------------------------------------------------------------------- */

struct result {
    int calls;
    struct http_answer a;
    char body[256], error[256];
};

static struct loop *loop;
static struct http_client *client;
static struct peer peer;
static char url[64];
static bool inside; /* a function that must not call back is running */

static void keep(void *arg, const struct http_answer *a)
{
    struct result *r = arg;
    assert_false(inside);
    r->calls++;
    r->a = *a;
    (void)snprintf(r->body, sizeof(r->body), "%s", a->body ? a->body : "");
    (void)snprintf(r->error, sizeof(r->error), "%s", a->error ? a->error : "");
}

static int setup(void **state)
{
    (void)state;
    struct reason why;
    assert_int_equal(loop_new(&loop, &why), RELAY_OK);
    assert_int_equal(http_client_new(loop, 32, &client, &why), RELAY_OK);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    client = http_client_free(client);
    loop = loop_free(loop);
    return 0;
}

static void with_peer(serve_fn serve, const char *answer)
{
    peer_start(&peer, serve, answer);
    (void)snprintf(url, sizeof(url), "http://127.0.0.1:%d/hook?key=SECRETKEY", peer.port);
}

static struct http_request post(void)
{
    return (struct http_request){
        .url = url, .body = "{}", .body_len = 2, .allow_insecure = true, .timeout_ms = 3000};
}

static void turn(int64_t until)
{
    int64_t due = http_client_next_due(client);
    loop_wait(loop, due < until ? due : until);
    http_client_collect(client);
    inside = true;
    http_client_start(client);
    inside = false;
}

static void wait_for(const struct result *r, int calls)
{
    int64_t end = clock_now().mono + 10 * SECOND_MS;
    while (r->calls < calls && clock_now().mono < end) turn(end);
    assert_int_equal(r->calls, calls);
}

static enum relay_err send_it(const struct http_request *r, struct result *result)
{
    struct reason why;
    inside = true;
    enum relay_err err = http_client_send(client, r, keep, result, &why);
    http_client_start(client);
    inside = false;
    return err;
}

static struct result one(const struct http_request *r)
{
    struct result result = {0};
    assert_int_equal(send_it(r, &result), RELAY_OK);
    wait_for(&result, 1);
    assert_null(strstr(result.error, "SECRETKEY"));
    return result;
}

/* ---- Tests --------------------------------------------------------------------------------------------------------- */

static void the_bound_of_answers_holds_for_requests_that_name_none(void **state)
{
    (void)state;
    http_client_bound_answers(client, 1);
    with_peer(says, OK_ANSWER);
    struct http_request r = post();
    struct result got = one(&r);
    assert_int_not_equal(got.a.end, HTTP_ANSWERED);
    r.max_answer = 2;
    got = one(&r);
    assert_int_equal(got.a.end, HTTP_ANSWERED);
    peer_stop(&peer);
}

static void an_answer_comes_whole(void **state)
{
    (void)state;
    with_peer(says, OK_ANSWER);
    static const char *const headers[] = {"Content-Type: application/json", NULL};
    struct http_request r = post();
    r.headers = headers;
    struct result got = one(&r);
    assert_int_equal(got.a.end, HTTP_ANSWERED);
    assert_int_equal(got.a.status, 200);
    assert_int_equal(got.a.body_len, 2);
    assert_string_equal(got.body, "ok");
    assert_int_equal(got.a.retry_after_ms, -1);
    peer_stop(&peer);
    assert_non_null(strstr(peer.last, "POST /hook?key=SECRETKEY HTTP/1.1\r\n"));
    assert_non_null(strstr(peer.last, "Content-Type: application/json\r\n"));
    assert_null(strstr(peer.last, "Expect:"));
    assert_non_null(strstr(peer.last, "\r\n\r\n{}"));
}

static void nothing_leaves_before_start(void **state)
{
    (void)state;
    with_peer(says, OK_ANSWER);
    struct http_request r = post();
    struct result got = {0};
    struct reason why;
    assert_int_equal(http_client_send(client, &r, keep, &got, &why), RELAY_OK);
    for (int i = 0; i < 5; i++) {
        loop_wait(loop, clock_now().mono + 20);
        http_client_collect(client);
    }
    assert_int_equal(peer.connections, 0);
    assert_int_equal(got.calls, 0);
    assert_int_equal(http_client_in_flight(client), 1);
    http_client_start(client);
    wait_for(&got, 1);
    assert_int_equal(got.a.end, HTTP_ANSWERED);
    assert_int_equal(http_client_in_flight(client), 0);
    peer_stop(&peer);
}

static void a_redirect_is_an_answer_and_is_not_followed(void **state)
{
    (void)state;
    char answer[200] = "";
    with_peer(says, answer);
    (void)snprintf(answer, sizeof(answer),
                   "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:%d/other\r\nContent-Length: 0\r\n\r\n",
                   peer.port);
    struct http_request r = post();
    struct result got = one(&r);
    assert_int_equal(got.a.end, HTTP_ANSWERED);
    assert_int_equal(got.a.status, 302);
    peer_stop(&peer);
    assert_int_equal(peer.requests, 1);
}

static void loopback_is_refused_without_permission(void **state)
{
    (void)state;
    with_peer(says, OK_ANSWER);
    /* A literal, a name that resolves to it, and the ways to write it that only the resolver understands. */
    static const char *const hosts[] = {"127.0.0.1",  "localhost", "127.1", "0x7f000001",
                                        "2130706433", "0.0.0.0",   "[::1]", "[::ffff:127.0.0.1]"};
    for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
        char u[100];
        (void)snprintf(u, sizeof(u), "https://%s:%d/", hosts[i], peer.port);
        struct http_request r = {.url = u, .timeout_ms = 3000};
        struct result got = one(&r);
        assert_int_equal(got.a.end, HTTP_NOT_SENT);
        if (!strstr(got.error, "allow_insecure")) fail_msg("%s: %s", hosts[i], got.error);
    }
    peer_stop(&peer);
    assert_int_equal(peer.connections, 0);
}

static void addresses_that_may_not_be_used_are_refused_at_once(void **state)
{
    (void)state;
    static const char *const bad[] = {"http://example.com/",
                                      "ftp://example.com/",
                                      "file:///etc/passwd",
                                      "https://",
                                      "https:///path",
                                      "https://user:pw@example.com/",
                                      "https://example.com/a\r\nb",
                                      "https://exa mple/",
                                      "https:\\\\example.com",
                                      "example.com",
                                      ""};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct http_request r = {.url = bad[i]};
        struct result got = {0};
        if (send_it(&r, &got) != RELAY_INVALID) fail_msg("%s was taken", bad[i]);
    }
    struct http_request r = post();
    static const char *const headers[] = {"X-A: 1\r\nX-B: 2", NULL};
    (void)snprintf(url, sizeof(url), "https://example.com/");
    r.headers = headers;
    struct result got = {0};
    assert_int_equal(send_it(&r, &got), RELAY_INVALID);
    r.headers = NULL;
    r.method = "PO ST";
    assert_int_equal(send_it(&r, &got), RELAY_INVALID);
    assert_int_equal(http_client_in_flight(client), 0);
}

static void a_refused_connection_is_not_sent(void **state)
{
    (void)state;
    with_peer(says, OK_ANSWER);
    peer_stop(&peer);
    struct http_request r = post();
    struct result got = one(&r);
    assert_int_equal(got.a.end, HTTP_NOT_SENT);
    assert_int_equal(got.a.status, 0);
    assert_non_null(strstr(got.error, "refused"));
}

static void a_name_that_does_not_resolve_fails_for_all_who_wait(void **state)
{
    (void)state;
    /* A label of 64 characters is refused before any name server is asked. */
    char u[100] = "https://";
    memset(u + 8, 'a', 64);
    memcpy(u + 72, ".test/", 7);
    struct http_request r = {.url = u, .timeout_ms = 3000};
    struct result got = {0};
    for (int i = 0; i < 10; i++) assert_int_equal(send_it(&r, &got), RELAY_OK);
    wait_for(&got, 10);
    assert_int_equal(got.a.end, HTTP_NOT_SENT);
    assert_non_null(strstr(got.error, "resolve"));
}

static void many_to_one_name_all_arrive(void **state)
{
    (void)state;
    with_peer(says, LAST_ANSWER);
    (void)snprintf(url, sizeof(url), "http://localhost:%d/", peer.port);
    struct http_request r = post();
    struct result got = {0};
    for (int i = 0; i < 30; i++) assert_int_equal(send_it(&r, &got), RELAY_OK);
    wait_for(&got, 30);
    assert_int_equal(got.a.end, HTTP_ANSWERED);
    peer_stop(&peer);
    assert_int_equal(peer.requests, 30);
}

static bool reads_and_resets(struct peer *p, int fd)
{
    (void)read_request(p, fd);
    return false;
}

static void a_reset_after_the_request_is_ambiguous(void **state)
{
    (void)state;
    with_peer(reads_and_resets, NULL);
    struct http_request r = post();
    struct result got = one(&r);
    assert_int_equal(got.a.end, HTTP_AMBIGUOUS);
    peer_stop(&peer);
    assert_int_equal(peer.requests, 1);
}

static bool answers_once_then_reads_and_closes(struct peer *p, int fd)
{
    if (read_request(p, fd)) say(fd, OK_ANSWER);
    (void)read_request(p, fd);
    return true;
}

static void a_request_on_a_pooled_connection_is_never_sent_twice(void **state)
{
    (void)state;
    with_peer(answers_once_then_reads_and_closes, NULL);
    struct http_request r = post();
    assert_int_equal(one(&r).a.end, HTTP_ANSWERED);
    struct result got = one(&r);
    assert_int_equal(got.a.end, HTTP_AMBIGUOUS);
    assert_non_null(strstr(got.error, "without an answer"));
    peer_stop(&peer);
    assert_int_equal(peer.requests, 2);
}

static bool dribbles(struct peer *p, int fd)
{
    if (!read_request(p, fd)) return true;
    say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
    while (!p->stop) {
        if (send(fd, "x", 1, MSG_NOSIGNAL) != 1) break;
        usleep(20000);
    }
    return true;
}

static void a_dribble_ends_at_the_time_out(void **state)
{
    (void)state;
    with_peer(dribbles, NULL);
    struct http_request r = post();
    r.timeout_ms = 300;
    int64_t begin = clock_now().mono;
    struct result got = one(&r);
    assert_int_equal(got.a.end, HTTP_AMBIGUOUS);
    assert_in_range(clock_now().mono - begin, 250, 900);
    peer_stop(&peer);
}

static bool says_and_closes(struct peer *p, int fd)
{
    if (read_request(p, fd)) say(fd, p->answer);
    return true;
}

static void an_answer_cut_short_is_ambiguous(void **state)
{
    (void)state;
    with_peer(says_and_closes, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"errcode\":0");
    struct http_request r = post();
    struct result got = one(&r);
    assert_int_equal(got.a.end, HTTP_AMBIGUOUS);
    peer_stop(&peer);
}

static bool reads_nothing(struct peer *p, int fd)
{
    (void)fd;
    while (!p->stop) usleep(10000);
    return true;
}

static void a_body_that_never_left_whole_is_not_sent(void **state)
{
    (void)state;
    with_peer(reads_nothing, NULL);
    size_t n = 15 << 20;
    CLEANUP(free_ptr) char *big = xcalloc(1, n);
    struct http_request r = post();
    r.body = big;
    r.body_len = n;
    r.timeout_ms = 400;
    struct result got = one(&r);
    assert_int_equal(got.a.end, HTTP_NOT_SENT);
    peer_stop(&peer);
}

static bool floods(struct peer *p, int fd)
{
    char bytes[1024];
    memset(bytes, 'x', sizeof(bytes));
    if (!read_request(p, fd)) return true;
    say(fd, p->answer);
    for (int i = 0; i < 200 && !p->stop; i++)
        if (send(fd, bytes, sizeof(bytes), MSG_NOSIGNAL) <= 0) break;
    return true;
}

static void an_oversized_answer_is_stopped_at_its_bound(void **state)
{
    (void)state;
    static const char *const answers[] = {"HTTP/1.1 200 OK\r\nContent-Length: 204800\r\n\r\n",
                                          "HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 200 OK\r\nX-Long: "};
    for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
        with_peer(floods, answers[i]);
        struct http_request r = post();
        struct result got = one(&r);
        if (i < 2) assert_int_equal(got.a.end, HTTP_TOO_LARGE);
        if (i == 2) assert_true(got.a.end == HTTP_TOO_LARGE || got.a.end == HTTP_AMBIGUOUS);
        assert_true(got.a.body_len <= 64 * 1024);
        peer_stop(&peer);
    }
}

static void retry_after_is_read_in_every_form(void **state)
{
    (void)state;
    char future[64], answer[256];
    time_t later = time(NULL) + 100;
    struct tm tm;
    gmtime_r(&later, &tm);
    (void)strftime(future, sizeof(future), "%a, %d %b %Y %H:%M:%S GMT", &tm);
    const struct {
        const char *value;
        int64_t from, to;
    } cases[] = {
        {"120", 120000, 120000},
        {"0", 0, 0},
        {future, 95000, 101000},
        {"Thu, 01 Jan 2015 00:00:00 GMT", 0, 0},
        {"999999999999999999999", DAY_MS, DAY_MS},
        {"soon", -1, -1},
        {"-5", -1, -1},
        {"", -1, -1},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        (void)snprintf(answer, sizeof(answer),
                       "HTTP/1.1 429 Too Many\r\nretry-After: %s\r\nContent-Length: 0\r\n\r\n",
                       cases[i].value);
        with_peer(says, answer);
        struct http_request r = post();
        struct result got = one(&r);
        assert_int_equal(got.a.status, 429);
        if (got.a.retry_after_ms < cases[i].from || got.a.retry_after_ms > cases[i].to)
            fail_msg("\"%s\" was read as %lld", cases[i].value, (long long)got.a.retry_after_ms);
        peer_stop(&peer);
    }
}

static void connections_are_kept_and_carry_nothing_over(void **state)
{
    (void)state;
    with_peer(says, OK_ANSWER);
    static const char *const headers[] = {"X-Marked: yes", NULL};
    for (int i = 0; i < 20; i++) {
        struct http_request r = post();
        r.headers = i == 0 ? headers : NULL;
        assert_int_equal(one(&r).a.end, HTTP_ANSWERED);
    }
    assert_null(strstr(peer.last, "X-Marked"));
    struct http_request get = {.url = url, .allow_insecure = true};
    assert_int_equal(one(&get).a.end, HTTP_ANSWERED);
    peer_stop(&peer);
    assert_int_equal(memcmp(peer.last, "GET ", 4), 0);
    assert_null(strstr(peer.last, "Content-Length"));
    assert_int_equal(peer.requests, 21);
    assert_int_equal(peer.connections, 1);
}

static bool asks_for_a_password(struct peer *p, int fd)
{
    while (read_request(p, fd))
        say(fd, strstr(p->last, "Authorization: Digest username=\"pa\"")
                    ? OK_ANSWER
                    : "HTTP/1.1 401 No\r\nWWW-Authenticate: Digest realm=\"r\", nonce=\"n\", qop=\"auth\"\r\n"
                      "Content-Length: 0\r\n\r\n");
    return true;
}

static void a_password_is_given_when_asked_and_never_to_others(void **state)
{
    (void)state;
    with_peer(asks_for_a_password, NULL);
    struct http_request r = post();
    r.userpwd = "pa:secret";
    assert_int_equal(one(&r).a.status, 200);
    r.userpwd = NULL;
    struct result got = one(&r);
    assert_int_equal(got.a.status, 401);
    peer_stop(&peer);
    assert_null(strstr(peer.last, "Authorization"));
}

static void the_environments_proxy_is_ignored(void **state)
{
    (void)state;
    assert_int_equal(setenv("http_proxy", "http://127.0.0.1:9", 1), 0);
    assert_int_equal(setenv("ALL_PROXY", "http://127.0.0.1:9", 1), 0);
    with_peer(says, OK_ANSWER);
    struct http_request r = post();
    struct result got = one(&r);
    peer_stop(&peer);
    unsetenv("http_proxy");
    unsetenv("ALL_PROXY");
    assert_int_equal(got.a.end, HTTP_ANSWERED);
}

static void more_than_the_bound_is_refused(void **state)
{
    (void)state;
    with_peer(says, LAST_ANSWER);
    struct http_request r = post();
    struct result got = {0};
    struct reason why;
    for (int i = 0; i < 32; i++) assert_int_equal(http_client_send(client, &r, keep, &got, &why), RELAY_OK);
    assert_int_equal(http_client_send(client, &r, keep, &got, &why), RELAY_LIMIT);
    http_client_start(client);
    wait_for(&got, 32);
    assert_int_equal(got.a.end, HTTP_ANSWERED);
    peer_stop(&peer);
}

static struct http_request next_request;
static struct result next_result;

static void sends_the_next(void *arg, const struct http_answer *a)
{
    struct reason why;
    keep(arg, a);
    assert_int_equal(http_client_send(client, &next_request, keep, &next_result, &why),
                     a->end == HTTP_CANCELLED ? RELAY_OFFLINE : RELAY_OK);
}

static void done_may_send_again(void **state)
{
    (void)state;
    with_peer(says, LAST_ANSWER);
    struct result got = {0};
    struct reason why;
    next_request = post();
    next_result = (struct result){0};
    for (int i = 0; i < 32; i++)
        assert_int_equal(http_client_send(client, &next_request, sends_the_next, &got, &why), RELAY_OK);
    http_client_start(client);
    wait_for(&got, 32);
    wait_for(&next_result, 32);
    assert_int_equal(next_result.a.end, HTTP_ANSWERED);
    peer_stop(&peer);
}

static void freeing_cancels_what_is_open(void **state)
{
    (void)state;
    with_peer(reads_nothing, NULL);
    struct result started = {0}, queued = {0};
    struct reason why;
    next_request = post();
    assert_int_equal(http_client_send(client, &next_request, sends_the_next, &started, &why), RELAY_OK);
    http_client_start(client);
    turn(clock_now().mono + 50);
    assert_int_equal(http_client_send(client, &next_request, keep, &queued, &why), RELAY_OK);
    client = http_client_free(client);
    assert_int_equal(started.calls, 1);
    assert_int_equal(started.a.end, HTTP_CANCELLED);
    assert_int_equal(queued.calls, 1);
    assert_int_equal(queued.a.end, HTTP_CANCELLED);
    peer_stop(&peer);
}

static void more_destinations_than_handles_take_turns(void **state)
{
    (void)state;
    with_peer(says, LAST_ANSWER);
    for (int i = 0; i < 100; i++) {
        (void)snprintf(url, sizeof(url), "http://127.0.0.%d:%d/", i + 1, peer.port);
        struct http_request r = post();
        struct result got = one(&r);
        assert_true(got.a.end == HTTP_ANSWERED ||
                    got.a.end == HTTP_NOT_SENT); /* it listens on 127.0.0.1 only */
    }
    peer_stop(&peer);
    assert_int_equal(peer.requests, 1);
}

static void fetch_waits_for_one_answer(void **state)
{
    (void)state;
    with_peer(says, "HTTP/1.1 409 Conflict\r\nContent-Length: 3\r\n\r\nbad");
    struct http_request r = post();
    struct reason why;
    int status = 0;
    CLEANUP(free_ptr) char *body = NULL;
    assert_int_equal(http_fetch(&r, &status, &body, &why), RELAY_OK);
    assert_int_equal(status, 409);
    assert_string_equal(body, "bad");
    peer_stop(&peer);
    CLEANUP(free_ptr) char *none = NULL;
    assert_int_equal(http_fetch(&r, &status, &none, &why), RELAY_OFFLINE);
    assert_null(none);
}

static void fetch_speaks_over_a_unix_socket(void **state)
{
    (void)state;
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    (void)snprintf(a.sun_path, sizeof(a.sun_path), "/tmp/tocsin-client-%d.sock", (int)getpid());
    struct http_request r = {.url = "http://relay/status", .unix_socket = a.sun_path};
    struct reason why;
    int status = 0;
    CLEANUP(free_ptr) char *body = NULL;
    assert_int_equal(http_fetch(&r, &status, &body, &why), RELAY_OFFLINE);

    peer = (struct peer){.serve = says, .answer = OK_ANSWER};
    peer.listener = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(peer.listener, (struct sockaddr *)&a, sizeof(a)), 0);
    assert_int_equal(listen(peer.listener, 4), 0);
    assert_int_equal(pthread_create(&peer.thread, NULL, peer_run, &peer), 0);
    enum relay_err err = http_fetch(&r, &status, &body, &why);
    peer_stop(&peer);
    unlink(a.sun_path);
    assert_int_equal(err, RELAY_OK);
    assert_string_equal(body, "ok");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_answer_comes_whole),
        TEST(the_bound_of_answers_holds_for_requests_that_name_none),
        TEST(the_bound_of_answers_holds_for_requests_that_name_none),
        TEST(nothing_leaves_before_start),
        TEST(a_redirect_is_an_answer_and_is_not_followed),
        TEST(loopback_is_refused_without_permission),
        TEST(addresses_that_may_not_be_used_are_refused_at_once),
        TEST(a_refused_connection_is_not_sent),
        TEST(a_name_that_does_not_resolve_fails_for_all_who_wait),
        TEST(many_to_one_name_all_arrive),
        TEST(a_reset_after_the_request_is_ambiguous),
        TEST(a_request_on_a_pooled_connection_is_never_sent_twice),
        TEST(a_dribble_ends_at_the_time_out),
        TEST(an_answer_cut_short_is_ambiguous),
        TEST(a_body_that_never_left_whole_is_not_sent),
        TEST(an_oversized_answer_is_stopped_at_its_bound),
        TEST(retry_after_is_read_in_every_form),
        TEST(connections_are_kept_and_carry_nothing_over),
        TEST(a_password_is_given_when_asked_and_never_to_others),
        TEST(the_environments_proxy_is_ignored),
        TEST(more_than_the_bound_is_refused),
        TEST(done_may_send_again),
        TEST(freeing_cancels_what_is_open),
        TEST(more_destinations_than_handles_take_turns),
        TEST(fetch_waits_for_one_answer),
        TEST(fetch_speaks_over_a_unix_socket),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
