/* How much of a bare libcurl loop (bare_poster) our client keeps: the same bodies, to the same server, alternating in one run.
 * The server is a process of its own, with answers after 20 ms and at once. */
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "io/http_client.h"
#include "timing.h"
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

/* bare_poster stands beside this program. */
static void bare(const char *self, int port, double *ret_rate, double *ret_cpu_us)
{
    const char *slash = strrchr(self, '/');
    CLEANUP(free_ptr)
    char *command = xasprintf(
        "printf %%s '%s' | '%.*sbare_poster' 'http://127.0.0.1:%d/cgi-bin/webhook/send?key=group' %d %d",
        body, slash ? (int)(slash - self) + 1 : 0, self, port, POSTS, IN_FLIGHT);
    FILE *f = popen(command, "re");
    char line[200] = "";
    if (!f || !fgets(line, sizeof(line), f)) exit(1);
    (void)pclose(f);
    const char *seconds = strstr(line, "\"seconds\":"), *cpu = strstr(line, "\"cpu_us\":");
    if (!seconds || !cpu || !strstr(line, "\"failed\":0")) exit(1);
    *ret_rate = POSTS / strtod(seconds + 10, NULL);
    *ret_cpu_us = strtod(cpu + 9, NULL);
}

static int answered, wrong;

static void on_answer(void *arg, const struct http_answer *a)
{
    (void)arg;
    answered++;
    wrong += a->end != HTTP_ANSWERED || a->status != 200 || !strstr(a->body, "\"errcode\":0");
}

static void ours(double *ret_rate, double *ret_cpu_us)
{
    double begin = seconds_by(CLOCK_MONOTONIC), used = seconds_by(CLOCK_PROCESS_CPUTIME_ID);
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
    *ret_rate = POSTS / (seconds_by(CLOCK_MONOTONIC) - begin);
    *ret_cpu_us = (seconds_by(CLOCK_PROCESS_CPUTIME_ID) - used) / POSTS * 1e6;
}

int main(int argc, char **argv)
{
    (void)argc;
    (void)snprintf(body, sizeof(body), "{\"msgtype\":\"text\",\"text\":{\"content\":\"%0*d\"}}", BODY - 50,
                   0);
    for (int delay = 20; delay >= 0; delay -= 20) {
        int port = 0;
        pid_t server = serve(delay, &port);
        if (!port) return 1;
        for (int i = 0; i < TARGETS; i++)
            (void)snprintf(url[i], sizeof(url[i]), "http://127.0.0.1:%d/cgi-bin/webhook/send?key=group%d",
                           port, i);
        double rate[2][ROUNDS], cpu[2][ROUNDS];
        for (int i = 0; i < ROUNDS; i++) {
            ours(&rate[0][i], &cpu[0][i]);
            bare(argv[0], port, &rate[1][i], &cpu[1][i]);
        }
        kill(server, SIGTERM);
        waitpid(server, NULL, 0);
        double mine = median(rate[0], ROUNDS), reference = median(rate[1], ROUNDS);
        (void)printf("{\"bench\":\"http_client %d ms\",\"ours\":%.0f,\"reference\":%.0f,\"ratio\":%.2f,"
                     "\"unit\":\"requests/s\",\"cpu_us\":%.1f,\"reference_cpu_us\":%.1f}\n",
                     delay, mine, reference, mine / reference, median(cpu[0], ROUNDS),
                     median(cpu[1], ROUNDS));
    }
    return wrong != 0;
}
