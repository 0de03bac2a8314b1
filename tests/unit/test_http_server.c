/* Incoming HTTP: raw sockets and the real client, on one loop with the server. */
#include "io/http_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "io/http_client.h"

#include <cmocka.h> /* last: it takes the name `fail` */

static struct loop *loop;
static struct http_server *server;
static char socket_path[64];

/* What the handlers saw and did. */
static int asked;
static struct http_exchange *held;
static struct http_stream *stream, *many[300];
static int n_many, gone, uid, pid;
static enum relay_err peer_result;
static char seen[512];

static void setup_with(const struct http_server_options *o)
{
    struct reason why = {.text = ""};
    enum relay_err err = http_server_new(loop, o, &server, &why);
    if (err != RELAY_OK) fail_msg("%s", why.text);
    asked = n_many = gone = 0;
    held = NULL;
    stream = NULL;
}

static int setup(void **state)
{
    (void)state;
    struct reason why;
    assert_int_equal(loop_new(&loop, &why), RELAY_OK);
    setup_with(&(struct http_server_options){
        .host = "127.0.0.1", .request_ms = 400, .ping_ms = 60000, .stall_ms = 60000, .max_body = 4096});
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    server = http_server_free(server);
    loop = loop_free(loop);
    return 0;
}

static void wait_a_little(int64_t ms)
{
    int64_t end = clock_now().mono + ms, due = http_server_next_due(server);
    loop_wait(loop, due < end ? due : end);
    http_server_run(server);
}

static void turn(void)
{
    wait_a_little(20);
    http_server_release(server);
}

static void turns(int64_t ms)
{
    int64_t end = clock_now().mono + ms;
    while (clock_now().mono < end) turn();
}

/* ---- A raw client --------------------------------------------------------------------------------------------------- */

static int dial(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                            .sin_port = htons((uint16_t)http_server_port(server))};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
    assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    return fd;
}

static int dial_unix(void)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    (void)snprintf(a.sun_path, sizeof(a.sun_path), "%s", socket_path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
    assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    return fd;
}

static void say(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* What there is to read now, added to `text`. False at the end of the connection. */
static bool hear(int fd, char *text, size_t size)
{
    size_t n = strlen(text);
    ssize_t got = read(fd, text + n, size - 1 - n);
    if (got > 0) text[n + (size_t)got] = '\0';
    return got > 0 || (got < 0 && errno == EAGAIN);
}

/* Turns until `what` has come, or the end of the connection for NULL. */
static void hear_until(int fd, char *text, size_t size, const char *what)
{
    int64_t end = clock_now().mono + 3000;
    while (clock_now().mono < end) {
        bool open = hear(fd, text, size);
        if (what ? strstr(text, what) != NULL : !open) return;
        if (!open) break;
        turn();
    }
    fail_msg("%s did not come after: %s", what ? what : "the end", text);
}

/* ---- Handlers -------------------------------------------------------------------------------------------------------- */

static void on_hello(void *arg, struct http_exchange *x)
{
    asked++;
    http_reply(x, 200, "text/plain", arg, strlen(arg));
}

static void on_hold(void *arg, struct http_exchange *x)
{
    (void)arg;
    asked++;
    held = x;
}

static void on_echo(void *arg, struct http_exchange *x)
{
    (void)arg;
    size_t n;
    const char *body = http_body(x, &n), *q = http_query(x, "名"), *h = http_header(x, "x-test");
    assert_int_equal(body[n], 0);
    (void)snprintf(seen, sizeof(seen), "%s %s q=%s h=%s b=%s", http_method(x), http_path(x), q ? q : "-",
                   h ? h : "-", body);
    http_reply_header(x, "Content-Security-Policy", "default-src 'self'");
    http_reply_json(x, 200, "{\"ok\":true}");
}

static void on_form(void *arg, struct http_exchange *x)
{
    static const char *const names[] = {"name", "do", "me", "long"};
    size_t n = 0;
    (void)arg;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        char form[16], cookie[16];
        http_form(x, names[i], form, sizeof(form));
        http_cookie(x, names[i], cookie, sizeof(cookie));
        n += (size_t)snprintf(seen + n, sizeof(seen) - n, "%s=%s,%s;", names[i], form, cookie);
    }
    http_reply_json(x, 200, "{\"ok\":true}");
}

static void on_peer(void *arg, struct http_exchange *x)
{
    (void)arg;
    peer_result = http_peer(x, &uid, &pid);
    http_reply(x, 204, "text/plain", "", 0);
}

static void on_gone(void *arg)
{
    (void)arg;
    gone++;
}

static void on_stream(void *arg, struct http_exchange *x)
{
    (void)arg;
    stream = http_stream_open(x, "text/event-stream", on_gone, NULL);
    http_stream_set(stream, "data: first\n\n", 13);
}

static void on_many(void *arg, struct http_exchange *x)
{
    (void)arg;
    many[n_many++] = http_stream_open(x, "text/event-stream", on_gone, NULL);
}

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"

/* ---- Requests and answers ------------------------------------------------------------------------------------------ */

static void no_answer_leaves_before_release(void **state)
{
    (void)state;
    char text[4096] = "", hello[] = "hello";
    http_server_on(server, "GET", "/hello", on_hello, hello);
    int fd = dial();
    say(fd, GET("/hello"));
    for (int i = 0; i < 10; i++) wait_a_little(20);
    assert_int_equal(asked, 1);
    assert_true(hear(fd, text, sizeof(text)));
    assert_string_equal(text, "");
    http_server_release(server);
    hear_until(fd, text, sizeof(text), "hello");
    assert_int_equal(memcmp(text, "HTTP/1.1 200 ", 13), 0);
    close(fd);
}

static void an_answer_may_come_turns_later(void **state)
{
    (void)state;
    char text[4096] = "";
    http_server_on(server, "POST", "/hold", on_hold, NULL);
    int fd = dial();
    say(fd, "POST /hold HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
    turns(100);
    assert_non_null(held);
    assert_string_equal(text, "");
    http_reply(held, 200, "text/plain", "late", 4);
    hear_until(fd, text, sizeof(text), "late");
    assert_int_equal(asked, 1);
    close(fd);
}

static void a_handler_sees_the_whole_request_decoded(void **state)
{
    (void)state;
    char text[4096] = "";
    http_server_on(server, "PUT", "/screen/*", on_echo, NULL);
    int fd = dial();
    say(fd, "PUT /screen/%E4%BA%A4?%E5%90%8D=%E9%99%A2+1 HTTP/1.1\r\nHost: a\r\nX-Test: "
            "yes\r\nContent-Length: 6\r\n\r\nbo");
    turns(40);
    say(fd, "dy--");
    hear_until(fd, text, sizeof(text), "{\"ok\":true}");
    assert_string_equal(seen, "PUT /screen/交 q=院 1 h=yes b=body--");
    assert_non_null(strstr(text, "Content-Type: application/json\r\n"));
    assert_non_null(strstr(text, "X-Content-Type-Options: nosniff\r\n"));
    assert_non_null(strstr(text, "Referrer-Policy: no-referrer\r\n"));
    assert_non_null(
        strstr(text, "Content-Security-Policy: default-src 'self'\r\n")); /* the handler's own, alone */
    assert_null(strstr(text, "default-src 'none'"));
    close(fd);
}

static void forms_and_cookies_are_decoded(void **state)
{
    (void)state;
    char text[4096] = "";
    http_server_on(server, "POST", "/form", on_form, NULL);
    int fd = dial();
    say(fd, "POST /form HTTP/1.1\r\nHost: a\r\nCookie: rename=x; name=%E7%8E%8B%; do=\r\nContent-Length: "
            "48\r\n\r\n"
            "rename=x&name=a+b%2bc&do&long=1234567890123456&=");
    hear_until(fd, text, sizeof(text), "{\"ok\":true}");
    assert_string_equal(seen, "name=a b+c,王%;do=,;me=,;long=,;");
    close(fd);
}

static void unknown_paths_and_methods_are_told_so(void **state)
{
    (void)state;
    char text[8192] = "", hello[] = "hello";
    http_server_on(server, "GET", "/hello", on_hello, hello);
    http_server_on(server, "POST", "/hello", on_hello, hello);
    int fd = dial();
    say(fd, GET("/hell"));
    hear_until(fd, text, sizeof(text), "not found\n");
    assert_non_null(strstr(text, "HTTP/1.1 404 "));
    assert_non_null(strstr(text, "default-src 'none'"));
    say(fd, "DELETE /hello HTTP/1.1\r\nHost: a\r\n\r\n"); /* on the same connection */
    hear_until(fd, text, sizeof(text), "method not allowed\n");
    assert_non_null(strstr(text, "HTTP/1.1 405 "));
    assert_non_null(strstr(text, "Allow: GET, POST\r\n"));
    assert_int_equal(asked, 0);
    close(fd);
}

static void head_is_get_without_a_body(void **state)
{
    (void)state;
    char text[4096] = "", hello[] = "hello";
    http_server_on(server, "GET", "/hello", on_hello, hello);
    int fd = dial();
    say(fd, "HEAD /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    hear_until(fd, text, sizeof(text), NULL);
    assert_int_equal(asked, 1);
    assert_non_null(strstr(text, "Content-Length: 5\r\n"));
    assert_string_equal(strstr(text, "\r\n\r\n"), "\r\n\r\n");
    close(fd);
}

static void a_body_over_the_bound_gets_413(void **state)
{
    (void)state;
    static const char *const heads[] = {
        "POST /hold HTTP/1.1\r\nHost: a\r\nContent-Length: 4097\r\n\r\n",
        "POST /hold HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"};
    http_server_on(server, "POST", "/hold", on_hold, NULL);
    for (size_t i = 0; i < ARRAY_LEN(heads); i++) {
        char text[4096] = "", chunk[1100];
        int fd = dial();
        say(fd, heads[i]);
        (void)snprintf(chunk, sizeof(chunk), "400\r\n%01024d", 0);
        memcpy(chunk + 5 + 1024, "\r\n", 3);
        for (int k = 0; k < 5; k++) {
            if (i == 1) say(fd, chunk);
            turn();
        }
        if (i == 1) say(fd, "0\r\n\r\n");
        hear_until(fd, text, sizeof(text), "HTTP/1.1 413 ");
        close(fd);
    }
    assert_int_equal(asked, 0);
}

static void a_request_that_dribbles_is_cut_off(void **state)
{
    (void)state;
    static const char *const begins[] = {"", "GET /hello HT",
                                         "POST /hold HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nx"};
    int fd[ARRAY_LEN(begins)];
    http_server_on(server, "POST", "/hold", on_hold, NULL);
    for (size_t i = 0; i < ARRAY_LEN(begins); i++) {
        fd[i] = dial();
        if (*begins[i]) say(fd[i], begins[i]);
    }
    int64_t begin = clock_now().mono, next_drop = begin;
    for (size_t i = 0; i < ARRAY_LEN(begins); i++) {
        char text[512] = "";
        while (hear(fd[i], text, sizeof(text)) && clock_now().mono < begin + 4000) {
            if (i && clock_now().mono >= next_drop) {
                (void)!send(fd[i], "x", 1, MSG_NOSIGNAL); /* it is there, and never done */
                next_drop = clock_now().mono + 100;
            }
            turn();
        }
        close(fd[i]);
    }
    assert_in_range(clock_now().mono - begin, 350, 1500); /* request_ms is 400 */
    assert_int_equal(asked, 0);
}

static void a_failed_commit_takes_back_what_says_that_something_changed(void **state)
{
    (void)state;
    char written[4096] = "", read[4096] = "", streamed[4096] = "", hello[] = "hello";
    http_server_on(server, "GET", "/hello", on_hello, hello);
    http_server_on(server, "POST", "/hello", on_hello, hello);
    http_server_on(server, "GET", "/stream", on_stream, NULL);
    int writer = dial(), reader = dial(), screen = dial();
    say(writer, "POST /hello HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
    say(reader, GET("/hello"));
    say(screen, GET("/stream"));
    while (asked < 2 || !stream) wait_a_little(20);
    http_server_refuse(server);
    hear_until(writer, written, sizeof(written), "nothing was changed");
    assert_int_equal(memcmp(written, "HTTP/1.1 503 ", 13), 0);
    assert_null(strstr(written, "hello"));
    hear_until(reader, read, sizeof(read), "hello");
    hear_until(screen, streamed, sizeof(streamed), "data: first\n\n");
    say(writer, "POST /hello HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
    hear_until(writer, written, sizeof(written), "hello");
    close(writer);
    close(reader);
    close(screen);
}

/* ---- Streams --------------------------------------------------------------------------------------------------------- */

static void set(const char *event)
{
    http_stream_set(stream, event, strlen(event));
}

static int open_stream(char *text, size_t size)
{
    http_server_on(server, "GET", "/stream", on_stream, NULL);
    int fd = dial();
    say(fd, GET("/stream"));
    hear_until(fd, text, size, "data: first\n\n");
    assert_non_null(strstr(text, "Content-Type: text/event-stream\r\n"));
    assert_int_equal(http_server_streams(server), 1);
    return fd;
}

static void a_stream_sends_the_newest_snapshot_after_release(void **state)
{
    (void)state;
    char text[4096] = "";
    int fd = open_stream(text, sizeof(text));
    set("data: stale\n\n");
    set("data: second\n\n");
    for (int i = 0; i < 5; i++) wait_a_little(20); /* no release */
    assert_true(hear(fd, text, sizeof(text)));
    assert_null(strstr(text, "second"));
    hear_until(fd, text, sizeof(text), "data: second\n\n");
    set("data: third\n\n");
    hear_until(fd, text, sizeof(text), "data: third\n\n");
    assert_null(strstr(text, "stale"));
    close(fd);
    turns(60);
    assert_int_equal(gone, 1);
    assert_int_equal(http_server_streams(server), 0);
}

static void a_closed_stream_ends_after_its_last_snapshot(void **state)
{
    (void)state;
    char text[4096] = "";
    int fd = open_stream(text, sizeof(text));
    set("data: last\n\n");
    http_stream_close(stream);
    hear_until(fd, text, sizeof(text), "data: last\n\n");
    hear_until(fd, text, sizeof(text), "\r\n0\r\n\r\n");
    turns(40);
    assert_int_equal(gone, 0);
    assert_int_equal(http_server_streams(server), 0);
    close(fd);
}

static void a_departed_stream_may_still_be_set_and_closed(void **state)
{
    (void)state;
    char text[4096] = "";
    int fd = open_stream(text, sizeof(text));
    close(fd);
    /* It is known as gone only in the run after that in which its end was seen; until then it may be used. */
    for (int i = 0; i < 10 && !gone; i++) {
        set("data: nobody\n\n");
        http_server_release(server);
        wait_a_little(20);
    }
    assert_int_equal(gone, 1);
    text[0] = '\0';
    fd = open_stream(text, sizeof(text));
    http_stream_close(stream);
    close(fd);
    turns(60);
    assert_int_equal(gone, 1);
}

static void a_quiet_stream_gets_comments(void **state)
{
    (void)state;
    char text[4096] = "";
    server = http_server_free(server);
    setup_with(&(struct http_server_options){.host = "127.0.0.1", .ping_ms = 100});
    int fd = open_stream(text, sizeof(text));
    hear_until(fd, text, sizeof(text), "\r\n: \n\n");
    close(fd);
}

static void a_reader_that_takes_nothing_is_cut_off_and_counted(void **state)
{
    (void)state;
    char text[4096] = "";
    server = http_server_free(server);
    setup_with(&(struct http_server_options){.host = "127.0.0.1", .stall_ms = 300});
    int fd = open_stream(text, sizeof(text));
    CLEANUP(buf_release) struct buf big = BUF_INIT(1 << 20);
    buf_str(&big, "data: ");
    for (int i = 0; i < 60000; i++) buf_char(&big, 'x');
    buf_str(&big, "\n\n");
    int64_t end = clock_now().mono + 5000;
    while (!gone && clock_now().mono < end) {
        big.data[10] = (char)('a' + clock_now().mono % 20); /* new bytes each time */
        http_stream_set(stream, big.data, big.len);
        turn();
    }
    assert_int_equal(gone, 1);
    assert_int_equal(http_server_cut_off(server), 1);
    close(fd);
}

static void many_streams_all_get_a_snapshot_bigger_than_a_chunk(void **state)
{
    (void)state;
    struct rlimit files;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &files), 0);
    files.rlim_cur = files.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &files), 0);
    int fd[ARRAY_LEN(many)];
    http_server_on(server, "GET", "/many", on_many, NULL);
    for (size_t i = 0; i < ARRAY_LEN(many); i++) {
        fd[i] = dial();
        say(fd[i], GET("/many"));
        if (i % 50 == 49) turn();
    }
    while (n_many < (int)ARRAY_LEN(many)) turn();
    CLEANUP(buf_release) struct buf event = BUF_INIT(1 << 20);
    buf_str(&event, "data: ");
    for (int i = 0; i < 12000; i++) buf_char(&event, 'x');
    buf_str(&event, "END\n\n");
    for (int i = 0; i < n_many; i++) http_stream_set(many[i], event.data, event.len);
    CLEANUP(free_ptr) char *text = xmalloc(32 * 1024);
    for (size_t i = 0; i < ARRAY_LEN(many); i++) {
        text[0] = '\0';
        hear_until(fd[i], text, 32 * 1024, "xEND\n\n");
        close(fd[i]);
    }
    turns(100);
    assert_int_equal(gone, n_many);
}

static void freeing_ends_everything(void **state)
{
    (void)state;
    char text[4096] = "", hello[] = "hello";
    http_server_on(server, "GET", "/hello", on_hello, hello);
    http_server_on(server, "POST", "/hold", on_hold, NULL);
    int fd = open_stream(text, sizeof(text)), other = dial(), third = dial(), fourth = dial();
    say(other, "POST /hold HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
    say(third, GET("/hello"));
    say(fourth, "GET /hel");
    while (asked < 2) wait_a_little(20);
    server = http_server_free(server);
    assert_int_equal(gone, 1);
    text[0] = '\0';
    assert_false(hear(third, text, sizeof(text)));
    assert_string_equal(text, ""); /* it was never released */
    close(fd);
    close(other);
    close(third);
    close(fourth);
}

/* ---- Sockets ----------------------------------------------------------------------------------------------------------- */

static int setup_unix(void **state)
{
    (void)state;
    struct reason why;
    assert_int_equal(loop_new(&loop, &why), RELAY_OK);
    (void)snprintf(socket_path, sizeof(socket_path), "/tmp/tocsin-server-%d.sock", (int)getpid());
    setup_with(&(struct http_server_options){.unix_path = socket_path, .unix_group = "no-such-group"});
    return 0;
}

static void a_unix_peer_is_known_by_its_credentials(void **state)
{
    (void)state;
    char text[4096] = "";
    struct stat st;
    assert_int_equal(stat(socket_path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0660);
    http_server_on(server, "GET", "/peer", on_peer, NULL);
    int fd = dial_unix();
    say(fd, GET("/peer"));
    hear_until(fd, text, sizeof(text), "HTTP/1.1 204 ");
    assert_int_equal(peer_result, RELAY_OK);
    assert_int_equal(uid, getuid());
    assert_int_equal(pid, getpid());
    close(fd);
    server = http_server_free(server);
    assert_int_equal(stat(socket_path, &st), -1);
}

static void a_tcp_peer_is_nobody(void **state)
{
    (void)state;
    char text[4096] = "";
    http_server_on(server, "GET", "/peer", on_peer, NULL);
    int fd = dial();
    say(fd, GET("/peer"));
    hear_until(fd, text, sizeof(text), "HTTP/1.1 204 ");
    assert_int_equal(peer_result, RELAY_UNSUPPORTED);
    close(fd);
}

static void a_socket_in_use_is_left_alone_and_a_stale_one_is_replaced(void **state)
{
    (void)state;
    struct http_server *second = NULL;
    struct reason why;
    struct stat st;
    const struct http_server_options o = {.unix_path = socket_path};
    assert_int_equal(http_server_new(loop, &o, &second, &why), RELAY_CONFLICT);
    assert_int_equal(stat(socket_path, &st), 0);
    server = http_server_free(server);

    struct sockaddr_un a = {.sun_family = AF_UNIX};
    (void)snprintf(a.sun_path, sizeof(a.sun_path), "%s", socket_path);
    int dead = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(dead, (struct sockaddr *)&a, sizeof(a)), 0);
    close(dead);
    assert_int_equal(http_server_new(loop, &o, &second, &why), RELAY_OK);
    second = http_server_free(second);

    int file = open(socket_path, O_CREAT | O_WRONLY, 0600);
    assert_true(file >= 0);
    close(file);
    assert_int_equal(http_server_new(loop, &o, &second, &why), RELAY_CONFLICT);
    assert_int_equal(stat(socket_path, &st), 0);
    assert_int_equal(unlink(socket_path), 0);
}

static void a_taken_port_is_said_so(void **state)
{
    (void)state;
    struct http_server *second = NULL;
    struct reason why;
    const struct http_server_options o = {.host = "127.0.0.1", .port = http_server_port(server)};
    assert_int_equal(http_server_new(loop, &o, &second, &why), RELAY_CONFLICT);
    assert_non_null(strstr(why.text, "127.0.0.1"));
    const struct http_server_options bad = {.host = "300.1.1.1.1"};
    assert_int_equal(http_server_new(loop, &bad, &second, &why), RELAY_INVALID);
    assert_null(second);
}

/* ---- TLS, with the real client --------------------------------------------------------------------------------------- */

static void make_certificate(const char *cert_path, const char *key_path)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *x = X509_new();
    assert_non_null(key);
    ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
    X509_gmtime_adj(X509_getm_notBefore(x), -3600);
    X509_gmtime_adj(X509_getm_notAfter(x), 3600);
    X509_set_version(x, 2);
    X509_set_pubkey(x, key);
    X509_NAME *name = X509_get_subject_name(x);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"relay", -1, -1, 0);
    X509_set_issuer_name(x, name);
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "IP:127.0.0.1");
    X509_add_ext(x, e, -1);
    X509_EXTENSION_free(e);
    assert_true(X509_sign(x, key, EVP_sha256()) > 0);
    FILE *f = fopen(cert_path, "w");
    assert_int_equal(PEM_write_X509(f, x), 1);
    (void)fclose(f);
    f = fopen(key_path, "w");
    assert_int_equal(PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL), 1);
    (void)fclose(f);
    X509_free(x);
    EVP_PKEY_free(key);
}

static void keep(void *arg, const struct http_answer *a)
{
    struct http_answer *to = arg;
    *to = *a;
    (void)snprintf(seen, sizeof(seen), "%s", a->end == HTTP_ANSWERED ? a->body : a->error);
}

static void tls_is_verified_against_the_given_authority(void **state)
{
    (void)state;
    char cert[64], key[64], url[64], hello[] = "hello";
    (void)snprintf(cert, sizeof(cert), "/tmp/tocsin-cert-%d.pem", (int)getpid());
    (void)snprintf(key, sizeof(key), "/tmp/tocsin-key-%d.pem", (int)getpid());
    make_certificate(cert, key);
    server = http_server_free(server);
    setup_with(
        &(struct http_server_options){.host = "127.0.0.1", .tls_cert_file = cert, .tls_key_file = key});
    http_server_on(server, "GET", "/hello", on_hello, hello);
    struct http_client *client;
    struct reason why;
    assert_int_equal(http_client_new(loop, 4, &client, &why), RELAY_OK);
    (void)snprintf(url, sizeof(url), "https://127.0.0.1:%d/hello", http_server_port(server));
    for (int with_ca = 0; with_ca < 2; with_ca++) {
        struct http_answer a = {.end = HTTP_CANCELLED};
        struct http_request r = {
            .url = url, .allow_insecure = true, .ca_file = with_ca ? cert : NULL, .timeout_ms = 5000};
        assert_int_equal(http_client_send(client, &r, keep, &a, &why), RELAY_OK);
        http_client_start(client);
        for (int64_t end = clock_now().mono + 5000; a.end == HTTP_CANCELLED && clock_now().mono < end;) {
            turn();
            http_client_collect(client);
        }
        assert_int_equal(a.end, with_ca ? HTTP_ANSWERED : HTTP_NOT_SENT);
        assert_non_null(strstr(seen, with_ca ? "hello" : "TLS"));
    }
    http_client_free(client);

    struct http_server *second = NULL;
    const struct http_server_options bad = {.host = "127.0.0.1", .tls_cert_file = key, .tls_key_file = cert};
    assert_int_equal(http_server_new(loop, &bad, &second, &why), RELAY_INVALID);
    unlink(cert);
    unlink(key);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(no_answer_leaves_before_release),
        TEST(an_answer_may_come_turns_later),
        TEST(a_handler_sees_the_whole_request_decoded),
        TEST(forms_and_cookies_are_decoded),
        TEST(unknown_paths_and_methods_are_told_so),
        TEST(head_is_get_without_a_body),
        TEST(a_body_over_the_bound_gets_413),
        TEST(a_request_that_dribbles_is_cut_off),
        TEST(a_failed_commit_takes_back_what_says_that_something_changed),
        TEST(a_stream_sends_the_newest_snapshot_after_release),
        TEST(a_closed_stream_ends_after_its_last_snapshot),
        TEST(a_departed_stream_may_still_be_set_and_closed),
        TEST(a_quiet_stream_gets_comments),
        TEST(a_reader_that_takes_nothing_is_cut_off_and_counted),
        TEST(many_streams_all_get_a_snapshot_bigger_than_a_chunk),
        TEST(freeing_ends_everything),
        cmocka_unit_test_setup_teardown(a_unix_peer_is_known_by_its_credentials, setup_unix, teardown),
        TEST(a_tcp_peer_is_nobody),
        cmocka_unit_test_setup_teardown(a_socket_in_use_is_left_alone_and_a_stale_one_is_replaced, setup_unix,
                                        teardown),
        TEST(a_taken_port_is_said_so),
        TEST(tls_is_verified_against_the_given_authority),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
