/* Screens of a ward over real sockets: what each address answers, and what the core hears of it. */
#include "send_double.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "adapters/display/screen.h"
#include "base/mem.h"
#include "io/loop.h"

static struct loop *loop;
static struct http_server *server;
static void *ctx;
static struct target ward, ward2;
static struct board_options options;
static struct snapshot snap;
static char token[SCREEN_TOKEN_LEN];
static const uint8_t secret[16] = "0123456789abcde";

/* What the core was told. */
static struct now now;
static bool broker;
static int published, reports;
static char *board, reported[8][80];
static int64_t refreshed[4];
static int n_refreshed;
static void (*device_ack)(void *ctx, const char *topic, const char *payload, size_t n);

static struct now the_now(void *core)
{
    (void)core;
    return now;
}
static void publish(void *core, const char *topic, const char *payload, size_t n, bool retain,
                    int64_t expiry_ms, struct send *op)
{
    (void)core;
    (void)expiry_ms;
    assert_true(retain);
    assert_string_equal(topic, "displays/xjtu-1/w3/board");
    free(board);
    board = xstrndup(payload, n);
    published++;
    const struct send_outcome out = {.result = broker ? SEND_SENT : SEND_RETRY};
    send_done(op, &out);
}
static void on_topic(void *core, const char *filter, void (*fn)(void *, const char *, const char *, size_t),
                     void *arg)
{
    (void)core;
    (void)arg;
    assert_string_equal(filter, "displays/+/+/ack");
    device_ack = fn;
}
static void on_http(void *core, const char *method, const char *path, http_handler_fn fn, void *arg)
{
    (void)core;
    http_server_on(server, method, path, fn, arg);
}
static void report(void *core, const struct report *r)
{
    (void)core;
    assert_string_equal(r->target, "board:xjtu-1/w3");
    assert_string_equal(r->state, "displayed");
    (void)snprintf(reported[reports++ % COUNT(reported)], 80, "%s", r->delivery ? r->delivery : "by rev");
}
static void refresh(void *core, const char *target, int64_t at)
{
    (void)core;
    assert_string_equal(target, "board:xjtu-1/w3");
    refreshed[n_refreshed++ % COUNT(refreshed)] = at;
}
static bool broker_up(void *core)
{
    (void)core;
    return broker;
}

static int setup(void **state)
{
    (void)state;
    struct reason why = {""};
    const struct http_server_options o = {.host = "127.0.0.1"};
    assert_int_equal(loop_new(&loop, &why), RELAY_OK);
    assert_int_equal(http_server_new(loop, &o, &server, &why), RELAY_OK);
    now = clock_now();
    now.wall = 1795343700000;
    broker = true;
    published = reports = n_refreshed = 0;
    const struct adapter_env env = {.prefix = "tocsin/v1",
                                    .relay_id = "yanta-1",
                                    .now = the_now,
                                    .publish = publish,
                                    .on_topic = on_topic,
                                    .on_http = on_http,
                                    .report = report,
                                    .refresh = refresh,
                                    .broker_up = broker_up,
                                    .secret = secret,
                                    .max_streams = 20};
    ctx = xcalloc(1, board_ops.ctx_size);
    assert_int_equal(board_ops.open(ctx, &env, &why), RELAY_OK);
    static const char *reminders[] = {"探视时间 15:00 至 17:00"};
    options = (struct board_options){
        .site_name = "交大一附院", .takeover = TAKEOVER_FULL, .reminders = {reminders, 1}};
    ward = (struct target){
        .id = "board:xjtu-1/w3", .site = "xjtu-1", .place = "w3", .name = "三病区", .options = &options};
    assert_int_equal(board_ops.check(ctx, &ward, &why), RELAY_OK);
    screens_token(secret, "xjtu-1", "w3", token);
    snap = (struct snapshot){.rev = 7, .now = now};
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    if (ward.state) board_ops.forget(ctx, &ward);
    board_ops.close(ctx);
    free(ctx);
    server = http_server_free(server);
    loop = loop_free(loop);
    free(board);
    board = NULL;
    return 0;
}

static struct message item(const char *delivery, enum level level, int64_t sent)
{
    struct message m = a_message();
    m.delivery = delivery;
    m.level = level;
    m.sent = sent;
    m.expires = now.wall + HOUR_MS;
    return m;
}

static struct send_outcome show(const struct message *m, size_t n)
{
    struct send op = {0};
    board_ops.send(ctx, &ward, m, n, &snap, &op);
    snap.rev++;
    assert_int_equal(op.done, 1);
    return op.out;
}

/* -- a raw client ------------------------------------------------------------------------------------------------- */

struct peer {
    int fd;
    char text[128 * 1024];
    size_t n;
    bool over;
};

static void turn(struct peer *p)
{
    int64_t end = clock_now().mono + 10, due = http_server_next_due(server);
    loop_wait(loop, due < end ? due : end);
    http_server_run(server);
    http_server_release(server);
    ssize_t got = read(p->fd, p->text + p->n, sizeof(p->text) - 1 - p->n);
    if (got > 0) p->n += (size_t)got;
    if (got == 0 || (got < 0 && errno != EAGAIN)) p->over = true;
    p->text[p->n] = '\0';
}

static void ask(struct peer *p, const char *method, const char *path, const char *body)
{
    *p = (struct peer){.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                            .sin_port = htons((uint16_t)http_server_port(server))};
    assert_int_equal(connect(p->fd, (struct sockaddr *)&a, sizeof(a)), 0);
    assert_int_equal(fcntl(p->fd, F_SETFL, O_NONBLOCK), 0);
    CLEANUP(free_ptr)
    char *head = xasprintf("%s %s HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\nConnection: %s\r\n\r\n%s",
                           method, path, body ? strlen(body) : 0,
                           strstr(path, "/events") ? "keep-alive" : "close", body ? body : "");
    assert_int_equal(send(p->fd, head, strlen(head), MSG_NOSIGNAL), (ssize_t)strlen(head));
}

static void hear(struct peer *p, const char *what)
{
    int64_t end = clock_now().mono + 3000;
    while (clock_now().mono < end) {
        if (what ? strstr(p->text, what) != NULL : p->over) return;
        turn(p);
        if (p->over && what && !strstr(p->text, what)) break;
    }
    fail_msg("%s did not come after: %s", what ? what : "the end", p->text);
}

static void hang_up(struct peer *p)
{
    close(p->fd);
    struct peer nobody = {.fd = -1};
    for (int i = 0; i < 5; i++) turn(&nobody);
}

/* One exchange with the ward's address; the answer is in peer.text. */
static struct peer *fetch(const char *method, const char *what, const char *with, const char *body)
{
    static struct peer p;
    CLEANUP(free_ptr) char *path = xasprintf("/screen/xjtu-1/w3%s?t=%s%s", what, token, with);
    ask(&p, method, path, body);
    hear(&p, NULL);
    close(p.fd);
    return &p;
}

static struct peer *open_stream(struct peer *p)
{
    CLEANUP(free_ptr) char *path = xasprintf("/screen/xjtu-1/w3/events?t=%s&s=abcdefgh", token);
    ask(p, "GET", path, NULL);
    hear(p, "data: ");
    return p;
}

/* -- tests -------------------------------------------------------------------------------------------------------- */

static void a_wrong_token_and_an_unknown_ward_get_the_same_answer(void **state)
{
    (void)state;
    static const char *const paths[] = {"/screen/xjtu-1/w3",
                                        "/screen/xjtu-1/w3?t=aaaaaaaaaaaaaaaaaaaa",
                                        "/screen/xjtu-1/nowhere?t=%s",
                                        "/screen/xjtu-1/w3/?t=%s",
                                        "/screen/xjtu-1",
                                        "/wall/xjtu-1?t=%s"};
    static char first[4096];
    for (size_t i = 0; i < COUNT(paths); i++) {
        static struct peer p;
        CLEANUP(free_ptr)
        char *path = strchr(paths[i], '%') ? xasprintf("%.*s%s", (int)strcspn(paths[i], "%"), paths[i], token)
                                           : xstrdup(paths[i]);
        ask(&p, "GET", path, NULL);
        hear(&p, NULL);
        close(p.fd);
        assert_memory_equal(p.text, "HTTP/1.1 403", 12);
        assert_null(strstr(p.text, "xjtu"));
        const char *body = strstr(p.text, "\r\n\r\n");
        assert_non_null(body);
        if (i == 0)
            (void)snprintf(first, sizeof(first), "%s", body);
        else
            assert_string_equal(body, first);
    }
    static struct peer p;
    ask(&p, "GET", "/screen/xjtu-1/w3/beat?t=no", NULL);
    hear(&p, NULL);
    close(p.fd);
    assert_non_null(strstr(p.text, "HTTP/1.1 403"));
    assert_non_null(strstr(p.text, "application/json"));
}

static void tokens_differ_by_ward_site_and_secret(void **state)
{
    (void)state;
    char a[SCREEN_TOKEN_LEN], b[SCREEN_TOKEN_LEN];
    static const uint8_t other[16] = {1};
    assert_int_equal(strlen(token), SCREEN_TOKEN_LEN - 1);
    screens_token(secret, "xjtu-1", "w4", a);
    assert_string_not_equal(a, token);
    screens_token(secret, "xjtu-1", NULL, b);
    assert_string_not_equal(a, b);
    screens_token(other, "xjtu-1", "w3", a);
    assert_string_not_equal(a, token);
    screens_token(secret, "xjtu-1", "w3", a);
    assert_string_equal(a, token);
}

static void the_page_is_one_file_that_browsers_keep(void **state)
{
    (void)state;
    const struct peer *p = fetch("GET", "", "", NULL);
    assert_memory_equal(p->text, "HTTP/1.1 200", 12);
    assert_non_null(strstr(p->text, "max-age="));
    assert_non_null(strstr(p->text, "lang=\"zh-CN\""));
    assert_null(strstr(p->text, "{page}"));
    assert_null(strstr(p->text, "{script}"));
    assert_null(strstr(p->text, "src="));
    assert_true(p->n < 300 * 1024);
}

static void a_screen_gets_the_current_board_at_once_and_every_next_one(void **state)
{
    (void)state;
    struct message m = item("a.1/board:xjtu-1/w3", LEVEL_RED, now.wall);
    (void)show(&m, 1);
    static struct peer p;
    open_stream(&p);
    assert_non_null(strstr(p.text, "text/event-stream"));
    assert_non_null(strstr(p.text, "retry: "));
    hear(&p, "\"rev\":7");
    hear(&p, "a.1/board");
    assert_non_null(strstr(p.text, "\"takeover\":\"full\""));
    assert_non_null(strstr(p.text, "探视时间"));
    assert_int_equal(screens_connected(&ward), 1);
    p.text[p.n = 0] = '\0';
    (void)show(NULL, 0);
    hear(&p, "\"rev\":8,\"more\":0,\"items\":[]");
    hang_up(&p);
    assert_int_equal(screens_connected(&ward), 0);
}

static void the_brokers_word_counts_unless_it_is_away_and_a_screen_is_there(void **state)
{
    (void)state;
    struct message m = item("a.1/board:xjtu-1/w3", LEVEL_RED, now.wall);
    assert_int_equal(show(&m, 1).result, SEND_SENT);
    broker = false;
    assert_int_equal(show(&m, 1).result, SEND_RETRY);
    assert_int_equal(published, 2);
    static struct peer p;
    open_stream(&p);
    assert_int_equal(show(&m, 1).result, SEND_SENT);
    assert_int_equal(published, 2);
    hang_up(&p);
}

static void what_was_on_the_glass_is_reported_once(void **state)
{
    (void)state;
    struct message m[2] = {item("a.1/board:xjtu-1/w3", LEVEL_RED, now.wall),
                           item("b.1/board:xjtu-1/w3", LEVEL_BLUE, now.wall)};
    (void)show(m, 2);
    const char *one =
        "{\"rev\":7,\"state\":\"displayed\",\"at\":\"2026-11-22T18:35:00+08:00\",\"items\":[\"b.1/"
        "board:xjtu-1/w3\",\"somebody else's\"]}";
    assert_memory_equal(fetch("POST", "/ack", "&s=abcdefgh", one)->text, "HTTP/1.1 200", 12);
    assert_int_equal(reports, 1);
    assert_string_equal(reported[0], "b.1/board:xjtu-1/w3");
    (void)fetch("POST", "/ack", "&s=abcdefgh", "{\"rev\":7,\"state\":\"displayed\",\"items\":[]}");
    assert_int_equal(reports, 1);
    (void)fetch("POST", "/ack", "&s=abcdefgh", "{\"rev\":7,\"state\":\"displayed\"}"); /* all of it */
    assert_int_equal(reports, 2);
    assert_string_equal(reported[1], "a.1/board:xjtu-1/w3");
    static const char *const bad[] = {"", "{}", "[]", "{\"rev\":\"7\",\"state\":\"displayed\"}",
                                      "{\"rev\":7,\"state\":\"read\"}"};
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_memory_equal(fetch("POST", "/ack", "", bad[i])->text, "HTTP/1.1 400", 12);
    assert_int_equal(reports, 2);
}

static void an_old_word_says_nothing_of_what_came_later(void **state)
{
    (void)state;
    struct message m[2] = {item("a.1/board:xjtu-1/w3", LEVEL_RED, now.wall),
                           item("b.1/board:xjtu-1/w3", LEVEL_BLUE, now.wall)};
    (void)show(m, 1);
    (void)show(m, 2);
    static const char ack[] = "{\"rev\":7,\"state\":\"displayed\",\"at\":\"2026-11-22T18:35:00+08:00\"}";
    device_ack(ctx, "displays/xjtu-1/w3/ack", ack, sizeof(ack) - 1);
    assert_int_equal(reports, 1);
    assert_string_equal(reported[0], "a.1/board:xjtu-1/w3");
}

static void a_device_that_speaks_before_the_first_board_is_believed_by_its_rev(void **state)
{
    (void)state;
    static const char ack[] = "{\"rev\":7,\"state\":\"displayed\",\"at\":\"2026-11-22T18:35:00+08:00\"}";
    device_ack(ctx, "displays/xjtu-1/w3/ack", ack, sizeof(ack) - 1);
    assert_int_equal(reports, 1);
    assert_string_equal(reported[0], "by rev");
}

static void a_ward_that_is_put_away_shows_only_what_is_red_and_newer(void **state)
{
    (void)state;
    struct message m[3] = {item("a.1/board:xjtu-1/w3", LEVEL_RED, now.wall - MINUTE_MS),
                           item("b.1/board:xjtu-1/w3", LEVEL_RED, now.wall + SECOND_MS),
                           item("c.1/board:xjtu-1/w3", LEVEL_ORANGE, now.wall + SECOND_MS)};
    (void)show(m, 1);
    static struct peer p;
    open_stream(&p);
    assert_memory_equal(fetch("POST", "/hide", "", "{\"on\":true}")->text, "HTTP/1.1 200", 12);
    hear(&p, "\"hide\":{\"since\":");
    assert_int_equal(n_refreshed, 2);
    assert_int_equal(refreshed[0], 0);
    assert_int_equal(refreshed[1], now.wall + 2 * HOUR_MS);
    (void)show(m, 3);
    assert_null(strstr(board, "\"a.1/"));
    assert_non_null(strstr(board, "\"b.1/"));
    assert_null(strstr(board, "\"c.1/"));
    static const char ack[] = "{\"rev\":9,\"state\":\"displayed\",\"at\":\"2026-11-22T18:35:00+08:00\"}";
    device_ack(ctx, "displays/xjtu-1/w3/ack", ack, sizeof(ack) - 1);
    assert_int_equal(reports, 1);
    assert_string_equal(reported[0], "b.1/board:xjtu-1/w3");
    now.wall += 2 * HOUR_MS;
    snap.now = now;
    (void)show(m, 3);
    assert_non_null(strstr(board, "\"a.1/"));
    assert_null(strstr(fetch("GET", "/beat", "", NULL)->text, "\"hide\""));
    hang_up(&p);
}

static void it_is_shown_again_on_request_and_after_a_restart_for_the_rest_only(void **state)
{
    (void)state;
    (void)fetch("POST", "/hide", "", "{\"on\":true}");
    assert_null(strstr(fetch("POST", "/hide", "", "{\"on\":false}")->text, "\"hide\""));
    const char *earlier = "{\"on\":true,\"since\":\"2026-11-22T18:00:00+08:00\"}"; /* 35 minutes ago */
    assert_non_null(
        strstr(fetch("POST", "/hide", "", earlier)->text, "\"until\":\"2026-11-22T20:00:00.000+08:00\""));
    const char *long_ago = "{\"on\":true,\"since\":\"2026-11-22T12:00:00+08:00\"}";
    assert_null(strstr(fetch("POST", "/hide", "", long_ago)->text, "\"hide\""));
    assert_memory_equal(fetch("POST", "/hide", "", "{\"on\":1}")->text, "HTTP/1.1 400", 12);
}

static void a_beat_brings_the_board_only_to_whom_it_is_new(void **state)
{
    (void)state;
    struct message m = item("a.1/board:xjtu-1/w3", LEVEL_RED, now.wall);
    (void)show(&m, 1);
    const struct peer *p = fetch("GET", "/beat", "&tag=7.0", NULL);
    const char *tag = strstr(p->text, "\"tag\":\"");
    assert_non_null(tag);
    assert_non_null(strstr(p->text, "a.1/board"));
    CLEANUP(free_ptr) char *with = xasprintf("&tag=%.*s", (int)strcspn(tag + 7, "\""), tag + 7);
    p = fetch("GET", "/beat", with, NULL);
    assert_non_null(strstr(p->text, "\"now\":\"2026-11-22T18:35:00.000+08:00\""));
    assert_null(strstr(p->text, "a.1/board"));
    assert_non_null(strstr(p->text, "Connection: close"));
}

static void a_ward_keeps_its_screens_over_a_reload_and_loses_them_with_its_target(void **state)
{
    (void)state;
    struct message m = item("a.1/board:xjtu-1/w3", LEVEL_RED, now.wall);
    struct reason why;
    (void)show(&m, 1);
    static struct peer p;
    open_stream(&p);
    ward2 = ward;
    ward2.state = NULL;
    ward2.name = "三病区东";
    assert_int_equal(board_ops.check(ctx, &ward2, &why), RELAY_OK);
    board_ops.forget(ctx, &ward);
    ward = ward2;
    assert_int_equal(screens_connected(&ward), 1);
    (void)show(&m, 1);
    hear(&p, "三病区东");
    board_ops.forget(ctx, &ward);
    hear(&p, "\r\n0\r\n\r\n"); /* the end of the answer */
    close(p.fd);
    assert_non_null(strstr(fetch("GET", "", "", NULL)->text, "HTTP/1.1 403"));
}

static void more_streams_than_a_ward_may_have_end_the_oldest(void **state)
{
    (void)state;
    static struct peer p[SCREEN_STREAMS + 1];
    for (size_t i = 0; i < COUNT(p); i++) open_stream(&p[i]);
    assert_int_equal(screens_connected(&ward), SCREEN_STREAMS);
    hear(&p[0], "\r\n0\r\n\r\n");
    (void)show(NULL, 0);
    hear(&p[SCREEN_STREAMS], "\"rev\":7");
    for (size_t i = 0; i < COUNT(p); i++) hang_up(&p[i]);
    assert_int_equal(screens_connected(&ward), 0);
}

static void a_large_board_is_cut_and_says_so(void **state)
{
    (void)state;
    static struct message m[40];
    static char ids[40][40];
    for (size_t i = 0; i < COUNT(m); i++) {
        (void)snprintf(ids[i], sizeof(ids[i]), "a-%zu.1/board:xjtu-1/w3", i);
        m[i] = item(ids[i], LEVEL_RED, now.wall);
    }
    (void)show(m, COUNT(m));
    static struct peer p;
    open_stream(&p);
    hear(&p, "\"more\":16");
    assert_non_null(strstr(p.text, "\"a-23.1/"));
    assert_null(strstr(p.text, "\"a-24.1/"));
    assert_non_null(strstr(board, "\"a-39.1/")); /* devices get it whole */
    static const char ack[] = "{\"rev\":7,\"state\":\"displayed\"}";
    device_ack(ctx, "displays/xjtu-1/w3/ack", ack, sizeof(ack) - 1);
    assert_int_equal(reports, SCREEN_ITEMS + 1);
    assert_string_equal(reported[SCREEN_ITEMS % COUNT(reported)], "by rev");
    hang_up(&p);
}

static void the_wall_tells_who_is_there_and_what_each_has_shown(void **state)
{
    (void)state;
    struct message m[2] = {item("a.1/board:xjtu-1/w3", LEVEL_RED, now.wall),
                           item("b.1/board:xjtu-1/w3", LEVEL_BLUE, now.wall)};
    (void)show(m, 2);
    (void)fetch("GET", "/beat", "&s=zyxwvuts&w=1920&h=1080", NULL);
    (void)fetch("POST", "/ack", "&s=zyxwvuts",
                "{\"rev\":7,\"state\":\"displayed\",\"items\":[\"b.1/board:xjtu-1/w3\"]}");
    char wall[SCREEN_TOKEN_LEN];
    screens_token(secret, "xjtu-1", NULL, wall);
    static struct peer p;
    CLEANUP(free_ptr) char *path = xasprintf("/wall/xjtu-1/state?t=%s", wall);
    ask(&p, "GET", path, NULL);
    hear(&p, NULL);
    close(p.fd);
    assert_non_null(strstr(p.text, "\"site\":\"交大一附院\""));
    assert_non_null(strstr(p.text, "\"id\":\"zyxwvuts\",\"connected\":false"));
    assert_non_null(strstr(p.text, "\"width\":1920,\"height\":1080,\"shown\":[1]"));
    assert_non_null(strstr(p.text, "\"level\":\"blue\",\"status\":\"Actual\",\"expires\":\"2026-11-22T19:35:"
                                   "00.000+08:00\",\"displayed\":"));
    CLEANUP(free_ptr) char *page = xasprintf("/wall/xjtu-1?t=%s", wall);
    ask(&p, "GET", page, NULL);
    hear(&p, NULL);
    close(p.fd);
    assert_non_null(strstr(p.text, "病区屏幕"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        T(a_wrong_token_and_an_unknown_ward_get_the_same_answer),
        T(tokens_differ_by_ward_site_and_secret),
        T(the_page_is_one_file_that_browsers_keep),
        T(a_screen_gets_the_current_board_at_once_and_every_next_one),
        T(the_brokers_word_counts_unless_it_is_away_and_a_screen_is_there),
        T(what_was_on_the_glass_is_reported_once),
        T(an_old_word_says_nothing_of_what_came_later),
        T(a_device_that_speaks_before_the_first_board_is_believed_by_its_rev),
        T(a_ward_that_is_put_away_shows_only_what_is_red_and_newer),
        T(it_is_shown_again_on_request_and_after_a_restart_for_the_rest_only),
        T(a_beat_brings_the_board_only_to_whom_it_is_new),
        T(a_ward_keeps_its_screens_over_a_reload_and_loses_them_with_its_target),
        T(more_streams_than_a_ward_may_have_end_the_oldest),
        T(a_large_board_is_cut_and_says_so),
        T(the_wall_tells_who_is_there_and_what_each_has_shown),
    };
    struct reason why;
    if (clock_set_zone("Asia/Shanghai", &why) != RELAY_OK) return 77;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
