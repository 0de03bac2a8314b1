/* How much of a bare curl_multi loop our client keeps: the same bodies, to the same server, alternating in one run.
 * The server is a process of its own, with answers after 20 ms and at once. */
#include <curl/curl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "io/http_client.h"
#include "wecom_standin.h"

enum { POSTS = 4499, IN_FLIGHT = 256, ROUNDS = 3, TARGETS = 4499, BODY = 400 };

static char url[TARGETS][96];
static char body[BODY];

static volatile sig_atomic_t stop;

static void on_term(int n)
{
    (void)n;
    stop = 1;
}

/* Returns the child's pid; its port comes through a pipe. */
static pid_t serve(int delay_ms, int *ret_port)
{
    int ends[2];
    if (pipe(ends) != 0) return -1;
    pid_t pid = fork();
    if (pid != 0) {
        close(ends[1]);
        if (read(ends[0], ret_port, sizeof(*ret_port)) != sizeof(*ret_port)) *ret_port = 0;
        close(ends[0]);
        return pid;
    }
    (void)signal(SIGTERM, on_term);
    struct loop *loop;
    struct wecom_standin *s;
    struct reason why;
    const struct wecom_standin_options o = {.delay_ms = delay_ms, .rate = -1};
    if (loop_new(&loop, &why) != RELAY_OK || wecom_standin_new(loop, &o, &s, &why) != RELAY_OK) _exit(1);
    int port = wecom_standin_port(s);
    if (write(ends[1], &port, sizeof(port)) != sizeof(port)) _exit(1);
    while (!stop) {
        int64_t due = wecom_standin_next_due(s), limit = clock_now().mono + 100;
        loop_wait(loop, due < limit ? due : limit);
        wecom_standin_turn(s);
    }
    _exit(0);
}

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double cpu_s(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)u.ru_utime.tv_sec + (double)u.ru_stime.tv_sec +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static size_t swallow(char *bytes, size_t size, size_t n, void *arg)
{
    (void)bytes;
    (void)arg;
    return size * n;
}

/* What a programmer in a hurry writes: pooled handles, keep-alive, curl_multi_poll, and nothing else. */
static void bare(void)
{
    CURLM *multi = curl_multi_init();
    CURL *easy[IN_FLIGHT];
    struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
    headers = curl_slist_append(headers, "Expect:");
    curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long)IN_FLIGHT + 16L);
    int sent = 0, done = 0, running, left;
    for (int i = 0; i < IN_FLIGHT; i++) {
        easy[i] = curl_easy_init();
        curl_easy_setopt(easy[i], CURLOPT_HTTPHEADER, headers);
        curl_easy_setopt(easy[i], CURLOPT_POSTFIELDS, body);
        curl_easy_setopt(easy[i], CURLOPT_WRITEFUNCTION, swallow);
        curl_easy_setopt(easy[i], CURLOPT_NOSIGNAL, 1L);
        curl_easy_setopt(easy[i], CURLOPT_URL, url[sent++ % TARGETS]);
        curl_multi_add_handle(multi, easy[i]);
    }
    while (done < POSTS) {
        CURLMsg *m;
        curl_multi_perform(multi, &running);
        while ((m = curl_multi_info_read(multi, &left))) {
            CURL *e = m->easy_handle;
            curl_multi_remove_handle(multi, e);
            done++;
            if (sent >= POSTS) continue;
            curl_easy_setopt(e, CURLOPT_URL, url[sent++ % TARGETS]);
            curl_multi_add_handle(multi, e);
        }
        if (done < POSTS) curl_multi_poll(multi, NULL, 0, 1000, NULL);
    }
    for (int i = 0; i < IN_FLIGHT; i++) curl_easy_cleanup(easy[i]);
    curl_slist_free_all(headers);
    curl_multi_cleanup(multi);
}

static int answered, wrong;

static void on_answer(void *arg, const struct http_answer *a)
{
    (void)arg;
    answered++;
    wrong += a->end != HTTP_ANSWERED || a->status != 200 || !strstr(a->body, "\"errcode\":0");
}

static void ours(void)
{
    struct loop *loop;
    struct http_client *c;
    struct reason why;
    static const char *const headers[] = {"Content-Type: application/json", NULL};
    if (loop_new(&loop, &why) != RELAY_OK || http_client_new(loop, IN_FLIGHT, &c, &why) != RELAY_OK) exit(1);
    int sent = 0;
    answered = 0;
    while (answered < POSTS) {
        while (sent < POSTS) {
            const struct http_request r = {.url = url[sent % TARGETS],
                                           .headers = headers,
                                           .body = body,
                                           .body_len = strlen(body),
                                           .allow_insecure = true};
            if (http_client_send(c, &r, on_answer, NULL, &why) != RELAY_OK) break;
            sent++;
        }
        http_client_start(c);
        loop_wait(loop, http_client_next_due(c));
        http_client_collect(c);
    }
    http_client_free(c);
    loop_free(loop);
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
    (void)snprintf(body, sizeof(body), "{\"msgtype\":\"text\",\"text\":{\"content\":\"%0*d\"}}", BODY - 50,
                   0);
    for (int delay = 20; delay >= 0; delay -= 20) {
        int port = 0;
        pid_t server = serve(delay, &port);
        if (!port) return 1;
        for (int i = 0; i < TARGETS; i++)
            (void)snprintf(url[i], sizeof(url[i]), "http://127.0.0.1:%d/cgi-bin/webhook/send?key=group%d",
                           port, i);
        double rate[2][ROUNDS], cpu[2] = {0, 0};
        for (int i = 0; i < 2 * ROUNDS; i++) {
            double begin = now_s(), used = cpu_s();
            if (i % 2)
                bare();
            else
                ours();
            rate[i % 2][i / 2] = POSTS / (now_s() - begin);
            cpu[i % 2] += cpu_s() - used;
        }
        kill(server, SIGTERM);
        waitpid(server, NULL, 0);
        qsort(rate[0], ROUNDS, sizeof(double), by_size);
        qsort(rate[1], ROUNDS, sizeof(double), by_size);
        (void)printf("{\"bench\":\"http_client %d ms\",\"ours\":%.0f,\"reference\":%.0f,\"ratio\":%.2f,"
                     "\"unit\":\"requests/s\",\"cpu_us\":%.1f,\"reference_cpu_us\":%.1f}\n",
                     delay, rate[0][ROUNDS / 2], rate[1][ROUNDS / 2],
                     rate[0][ROUNDS / 2] / rate[1][ROUNDS / 2], cpu[0] / ROUNDS / POSTS * 1e6,
                     cpu[1] / ROUNDS / POSTS * 1e6);
    }
    return wrong != 0;
}
