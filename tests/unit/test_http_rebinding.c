/* A name whose owner answers with another address each time. The name server and connect() are this test's own, so that
 * nothing leaves: what counts is where the client tries to go. */
#include "io/http_client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "base/mem.h"
#include "unit.h"

#define OUTSIDE "93.184.215.14"
#define HOOK    "https://hook.example:8443/send?key=SECRETKEY"

/* ---- The name server and the network -------------------------------------------------------------------------------- */

static const char *const *answers; /* one a look-up, each some addresses with spaces between them */
static atomic_int lookups;
static char tried[256]; /* where connect() was to go */

static struct addrinfo *entry(const char *address, int port, int type)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
    bool six = strchr(address, ':');
    assert_int_equal(
        inet_pton(six ? AF_INET6 : AF_INET, address, six ? (void *)&v6.sin6_addr : (void *)&v4.sin_addr), 1);
    struct addrinfo *a = xcalloc(1, sizeof(*a) + sizeof(v6));
    *a = (struct addrinfo){.ai_family = six ? AF_INET6 : AF_INET,
                           .ai_socktype = type,
                           .ai_addrlen = six ? sizeof(v6) : sizeof(v4),
                           .ai_addr = (struct sockaddr *)(a + 1)};
    memcpy(a->ai_addr, six ? (void *)&v6 : (void *)&v4, a->ai_addrlen);
    return a;
}

/* In place of libc's; libcurl calls it on a thread of its own. */
int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **ret)
{
    char text[256], *rest;
    (void)name;
    (void)snprintf(text, sizeof(text), "%s", answers[lookups++]);
    struct addrinfo **end = ret;
    for (char *word = strtok_r(text, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
        *end = entry(word, service ? (int)strtol(service, NULL, 10) : 0, hints ? hints->ai_socktype : 0);
        end = &(*end)->ai_next;
    }
    return 0;
}

void freeaddrinfo(struct addrinfo *a)
{
    while (a) {
        struct addrinfo *next = a->ai_next;
        free(a);
        a = next;
    }
}

/* In place of libc's: every address refuses. */
int connect(int fd, const struct sockaddr *to, socklen_t n)
{
    char name[INET6_ADDRSTRLEN];
    (void)fd;
    if (getnameinfo(to, n, name, sizeof(name), NULL, 0, NI_NUMERICHOST) != 0) abort();
    size_t used = strlen(tried);
    (void)snprintf(tried + used, sizeof(tried) - used, "%s%s", used ? " " : "", name);
    errno = ECONNREFUSED;
    return -1;
}

static void names_lead_to(const char *const *to)
{
    answers = to;
    lookups = 0;
    tried[0] = '\0';
}

/* ---- The client ------------------------------------------------------------------------------------------------------ */

struct result {
    bool over;
    enum http_end end;
    char error[256];
};

static void keep(void *arg, const struct http_answer *a)
{
    struct result *r = arg;
    r->over = true;
    r->end = a->end;
    (void)snprintf(r->error, sizeof(r->error), "%s", a->error);
}

/* A client of its own each time: one keeps the names that it knows for a minute. */
static struct result post(bool allow_insecure)
{
    struct loop *loop;
    struct http_client *client;
    struct reason why;
    struct result result = {0};
    const struct http_request r = {.url = HOOK,
                                   .body = "{}",
                                   .body_len = 2,
                                   .allow_insecure = allow_insecure,
                                   .connect_timeout_ms = 500};
    assert_int_equal(loop_new(&loop, &why), RELAY_OK);
    assert_int_equal(http_client_new(loop, 4, &client, &why), RELAY_OK);
    assert_int_equal(http_client_send(client, &r, keep, &result, &why), RELAY_OK);
    int64_t end = clock_now().mono + 10 * SECOND_MS;
    while (!result.over && clock_now().mono < end) {
        http_client_start(client);
        int64_t due = http_client_next_due(client);
        loop_wait(loop, due < end ? due : end);
        http_client_collect(client);
    }
    http_client_free(client);
    loop_free(loop);
    assert_true(result.over);
    assert_int_equal(result.end, HTTP_NOT_SENT);
    assert_null(strstr(result.error, "SECRETKEY"));
    return result;
}

static void a_name_that_leads_inside_after_it_was_checked_is_refused(void **state)
{
    (void)state;
    static const char *const turns[] = {OUTSIDE, "127.0.0.1"};
    const struct http_request r = {.url = HOOK};
    struct reason why;
    names_lead_to(turns);
    assert_int_equal(http_reach(&r, &why),
                     RELAY_OFFLINE); /* the look of `doctor`: out there, and nobody at home */
    assert_string_equal(tried, OUTSIDE);
    struct result result = post(false);
    assert_int_equal(lookups, 2);
    assert_string_equal(tried, OUTSIDE);
    assert_non_null(strstr(result.error, "allow_insecure"));
}

static void a_name_that_changes_with_every_request_never_leads_inside(void **state)
{
    (void)state;
    static const char *const turns[] = {OUTSIDE, "192.168.1.1", OUTSIDE,    "169.254.169.254",
                                        "::1",   "fd00::1",     "10.0.0.8", "::ffff:127.0.0.1"};
    names_lead_to(turns);
    for (size_t i = 0; i < ARRAY_LEN(turns); i++) {
        struct result result = post(false);
        assert_int_equal(strstr(result.error, "allow_insecure") != NULL, strcmp(turns[i], OUTSIDE) != 0);
    }
    assert_int_equal(lookups, ARRAY_LEN(turns));
    assert_string_equal(tried, OUTSIDE " " OUTSIDE);
}

static void of_many_addresses_only_those_outside_are_tried(void **state)
{
    (void)state;
    static const char *const turns[] = {"127.0.0.1 ::1 " OUTSIDE " 10.0.0.8 fe80::1 169.254.169.254"};
    names_lead_to(turns);
    (void)post(false);
    assert_string_equal(tried, OUTSIDE);
}

static void with_permission_it_may_lead_inside(void **state)
{
    (void)state;
    static const char *const turns[] = {"127.0.0.1"};
    names_lead_to(turns);
    struct result result = post(true);
    assert_string_equal(tried, "127.0.0.1");
    assert_null(strstr(result.error, "allow_insecure"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_that_leads_inside_after_it_was_checked_is_refused),
        cmocka_unit_test(a_name_that_changes_with_every_request_never_leads_inside),
        cmocka_unit_test(of_many_addresses_only_those_outside_are_tried),
        cmocka_unit_test(with_permission_it_may_lead_inside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
