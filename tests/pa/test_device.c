/* Plays that take several requests: what each answer means, silence beside a request that waits, and tidying up that nobody
 * hears of. The HTTP client is a stand-in that keeps the one request and answers it when the test says so. */
#include "unit.h"

#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "player/device.h"

/* ---- Stand-ins ---- */

static struct {
    int sent;
    char method[8], url[128], header[128], userpwd[64];
    http_done_fn done;
    void *arg;
    bool refuses;
} wire;

enum relay_err http_client_send(struct http_client *c, const struct http_request *r, http_done_fn done,
                                void *arg, struct reason *why)
{
    (void)c;
    if (wire.refuses) return fail(why, RELAY_LIMIT, "too many requests");
    wire.sent++;
    (void)snprintf(wire.method, sizeof(wire.method), "%s", r->method);
    (void)snprintf(wire.url, sizeof(wire.url), "%s", r->url);
    (void)snprintf(wire.header, sizeof(wire.header), "%s", r->headers && r->headers[0] ? r->headers[0] : "");
    (void)snprintf(wire.userpwd, sizeof(wire.userpwd), "%s", r->userpwd ? r->userpwd : "");
    wire.done = done;
    wire.arg = arg;
    return RELAY_OK;
}

static void answer(enum http_end end, int status)
{
    const struct http_answer a = {.end = end, .status = status, .body = "", .error = "no route"};
    wire.done(wire.arg, &a);
}

static struct {
    int times;
    enum play_end end;
    char detail[400];
} told;

void output_ended(struct output_play *p, struct now now, enum play_end end, const char *detail)
{
    (void)p;
    (void)now;
    told.times++;
    told.end = end;
    (void)snprintf(told.detail, sizeof(told.detail), "%s", detail ? detail : "");
}

/* ---- A profile that notes what it is asked ---- */

static struct {
    int answered, due, stopped, forgotten, status;
} seen;

static void on_answer(struct device_call *c, const struct http_answer *a, struct now now)
{
    (void)now;
    seen.answered++;
    seen.status = a->status;
    if (c->stopped) device_forget(c);
}

static void on_due(struct device_call *c, struct now now)
{
    seen.due++;
    device_tell(c, now, PLAY_DONE, NULL);
    device_forget(c);
}

static void on_stop(struct device_call *c, struct now now)
{
    struct reason why;
    const struct device_request r = {.method = "DELETE", .path = "/x"};
    (void)now;
    seen.stopped++;
    assert_int_equal(device_ask(c, &r, &why), RELAY_OK);
}

static void on_forgotten(struct device_call *c)
{
    (void)c;
    seen.forgotten++;
}

static struct device_profile profile;

struct bench {
    char dir[40], file[64];
    struct device device;
    struct device_options set;
    struct output_env env;
    struct output out;
    struct play play;
    struct output_play run;
};

static const struct now NOW = {.mono = 1000, .wall = 1795482000000};

static void no_log(enum log_level level, const char *line, void *arg)
{
    (void)level;
    (void)line;
    (void)arg;
}

static int setup(void **state)
{
    struct bench *b = xcalloc(1, sizeof(*b));
    memset(&wire, 0, sizeof(wire));
    memset(&told, 0, sizeof(told));
    memset(&seen, 0, sizeof(seen));
    log_capture(no_log, NULL);
    (void)snprintf(b->dir, sizeof(b->dir), "/tmp/pa_device.XXXXXX");
    assert_non_null(mkdtemp(b->dir));
    (void)snprintf(b->file, sizeof(b->file), "%s/password", b->dir);
    FILE *f = fopen(b->file, "we");
    assert_non_null(f);
    assert_true(fputs("secret\n", f) >= 0 && fclose(f) == 0);
    assert_int_equal(chmod(b->file, 0600), 0);
    profile = (struct device_profile){
        .answered = on_answer, .due = on_due, .stop = on_stop, .forgotten = on_forgotten};
    b->set = (struct device_options){.url = "https://10.1.2.3/api//", .timeout = 5000};
    b->out = (struct output){.id = "horn", .state = &b->device, .env = &b->env, .is_open = true};
    b->play = (struct play){.item = 7, .id = "x", .kind = "say", .wav = b->file, .length_ms = 100};
    b->run = (struct output_play){.output = &b->out, .play = &b->play, .zone = "hall"};
    *state = b;
    return 0;
}

static int teardown(void **state)
{
    struct bench *b = *state;
    device_close(&b->out);
    log_capture(NULL, NULL);
    assert_int_equal(unlink(b->file), 0);
    assert_int_equal(rmdir(b->dir), 0);
    free(b);
    return 0;
}

static struct device_call *begin(struct bench *b, bool token)
{
    static const char *const headers[] = {"Content-Type: audio/wav", NULL};
    const struct device_request r = {.method = "PUT", .path = "/x", .headers = token ? NULL : headers};
    struct reason why;
    if (!b->device.set && device_open(&b->out, &b->set, &profile, token ? b->file : NULL, &why) != RELAY_OK)
        fail_msg("%s", why.text);
    struct device_call *c = device_begin(&b->out, &b->run, NOW);
    assert_int_equal(device_ask(c, &r, &why), RELAY_OK);
    return c;
}

static void options_that_do_not_fit_are_refused_by_name(void **state)
{
    struct bench *b = *state;
    const struct {
        struct device_options set;
        const char *token, *says;
    } wrong[] = {
        {{.url = "ftp://10.1.2.3"}, NULL, "url"},
        {{.url = "http://10.1.2.3"}, NULL, "url"},
        {{.url = "https://d", .user = "page"}, NULL, "user and password_file"},
        {{.url = "https://d", .password_file = b->file}, NULL, "user and password_file"},
        {{.url = "https://d", .user = "a:b", .password_file = b->file}, NULL, "colon"},
        {{.url = "https://d", .user = "page", .password_file = "/nowhere/at-all"}, NULL, "/nowhere/at-all"},
        {{.url = "https://d", .user = "page", .password_file = b->file}, b->file, "not both"},
    };
    for (size_t i = 0; i < COUNT(wrong); i++) {
        struct reason why = {0};
        assert_int_not_equal(device_open(&b->out, &wrong[i].set, &profile, wrong[i].token, &why), RELAY_OK);
        if (!strstr(why.text, wrong[i].says)) fail_msg("%zu: %s", i, why.text);
        assert_null(strstr(why.text, "secret"));
        device_close(&b->out);
    }
}

static void a_request_carries_address_headers_and_who_we_are(void **state)
{
    struct bench *b = *state;
    b->set.user = "page";
    b->set.password_file = b->file;
    begin(b, false);
    assert_string_equal(wire.method, "PUT");
    assert_string_equal(wire.url, "https://10.1.2.3/api/x");
    assert_string_equal(wire.header, "Content-Type: audio/wav");
    assert_string_equal(wire.userpwd, "page:secret");
}

static void a_token_goes_as_bearer(void **state)
{
    struct bench *b = *state;
    begin(b, true);
    assert_string_equal(wire.header, "Authorization: Bearer secret");
    assert_string_equal(wire.userpwd, "");
}

static void an_answer_that_is_no_success_ends_the_play(void **state)
{
    static const struct {
        enum http_end end;
        int status;
        enum play_end means;
        const char *detail;
    } answers[] = {
        {HTTP_ANSWERED, 401, PLAY_REFUSED, "password"}, {HTTP_ANSWERED, 403, PLAY_REFUSED, "password"},
        {HTTP_ANSWERED, 404, PLAY_REFUSED, "HTTP 404"}, {HTTP_ANSWERED, 413, PLAY_REFUSED, "HTTP 413"},
        {HTTP_ANSWERED, 408, PLAY_FAILED, "HTTP 408"},  {HTTP_ANSWERED, 429, PLAY_FAILED, "HTTP 429"},
        {HTTP_ANSWERED, 503, PLAY_FAILED, "HTTP 503"},  {HTTP_ANSWERED, 302, PLAY_FAILED, "HTTP 302"},
        {HTTP_NOT_SENT, 0, PLAY_FAILED, "no route"},    {HTTP_AMBIGUOUS, 0, PLAY_FAILED, "no route"},
        {HTTP_TOO_LARGE, 200, PLAY_FAILED, "no route"},
    };
    struct bench *b = *state;
    for (size_t i = 0; i < COUNT(answers); i++) {
        begin(b, false);
        answer(answers[i].end, answers[i].status);
        assert_int_equal(told.times, i + 1);
        if (told.end != answers[i].means || !strstr(told.detail, answers[i].detail))
            fail_msg("%d: %d %s", answers[i].status, (int)told.end, told.detail);
        assert_null(b->device.calls);
    }
    assert_int_equal(seen.answered, 0);
}

static void success_is_the_profiles_to_read_and_its_time_comes(void **state)
{
    struct bench *b = *state;
    struct device_call *c = begin(b, false);
    assert_true(device_next_due(&b->out) == INT64_MAX); /* in flight */
    answer(HTTP_ANSWERED, 204);
    assert_int_equal(seen.status, 204);
    device_wait(c, NOW.mono + 500);
    assert_true(device_next_due(&b->out) == NOW.mono + 500);
    device_turn(&b->out, (struct now){.mono = NOW.mono + 499});
    assert_int_equal(seen.due, 0);
    device_turn(&b->out, (struct now){.mono = NOW.mono + 500});
    assert_int_equal(told.end, PLAY_DONE);
    assert_null(b->device.calls);
}

static void a_stop_between_requests_asks_for_silence_at_once(void **state)
{
    struct bench *b = *state;
    device_wait(begin(b, false), NOW.mono + 500);
    answer(HTTP_ANSWERED, 200);
    device_stop(&b->out, &b->run, NOW);
    assert_int_equal(told.end, PLAY_STOPPED);
    assert_int_equal(seen.stopped, 1);
    assert_string_equal(wire.method, "DELETE");
    answer(HTTP_ANSWERED, 500); /* whatever it says, the play was told once */
    assert_int_equal(told.times, 1);
    assert_null(b->device.calls);
}

static void a_stop_beside_a_request_waits_for_its_answer_unless_the_profile_can_do_both(void **state)
{
    struct bench *b = *state;
    begin(b, false);
    device_stop(&b->out, &b->run, NOW);
    assert_int_equal(told.end, PLAY_STOPPED);
    assert_int_equal(seen.stopped, 0);
    assert_int_equal(wire.sent, 1);
    answer(HTTP_NOT_SENT, 0); /* the profile hears of it, failed or not */
    assert_int_equal(seen.answered, 1);

    profile.stop_at_once = true;
    begin(b, false);
    http_done_fn first = wire.done;
    void *first_arg = wire.arg;
    device_stop(&b->out, &b->run, NOW);
    assert_int_equal(seen.stopped, 1);
    assert_int_equal(wire.sent, 3);
    answer(HTTP_ANSWERED, 200);
    const struct http_answer late = {.end = HTTP_ANSWERED, .status = 200, .body = ""};
    first(first_arg, &late);
    assert_int_equal(told.times, 2);
    assert_null(b->device.calls);
}

static void tidying_up_that_fails_is_nobodys_failure(void **state)
{
    struct bench *b = *state;
    struct reason why;
    const struct device_request r = {.method = "GET", .path = "/remove"};
    struct device_call *c = begin(b, false);
    answer(HTTP_ANSWERED, 200);
    device_tell(c, NOW, PLAY_DONE, NULL);
    assert_int_equal(device_ask(c, &r, &why), RELAY_OK);
    answer(HTTP_ANSWERED, 500);
    assert_int_equal(told.times, 1);
    assert_int_equal(told.end, PLAY_DONE);
    assert_int_equal(seen.forgotten, 1);
}

static void a_request_that_cannot_leave_is_said_by_the_return_value(void **state)
{
    struct bench *b = *state;
    struct reason why;
    const struct device_request r = {.method = "GET", .path = "/x"};
    struct device_call *c = begin(b, false);
    answer(HTTP_ANSWERED, 200);
    wire.refuses = true;
    assert_int_equal(device_ask(c, &r, &why), RELAY_LIMIT);
    assert_false(c->in_flight);
    assert_int_equal(told.times, 0);
}

static void closing_forgets_every_call_without_a_word(void **state)
{
    struct bench *b = *state;
    begin(b, false);
    begin(b, false);
    answer(HTTP_CANCELLED, 0); /* as the client says when the player stops */
    device_close(&b->out);
    assert_int_equal(seen.forgotten, 2);
    assert_int_equal(told.times, 0);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(options_that_do_not_fit_are_refused_by_name),
        T(a_request_carries_address_headers_and_who_we_are),
        T(a_token_goes_as_bearer),
        T(an_answer_that_is_no_success_ends_the_play),
        T(success_is_the_profiles_to_read_and_its_time_comes),
        T(a_stop_between_requests_asks_for_silence_at_once),
        T(a_stop_beside_a_request_waits_for_its_answer_unless_the_profile_can_do_both),
        T(tidying_up_that_fails_is_nobodys_failure),
        T(a_request_that_cannot_leave_is_said_by_the_return_value),
        T(closing_forgets_every_call_without_a_word),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
