/* What a programmer in a hurry writes: a libcurl multi loop on epoll that posts one body to many addresses and keeps nothing.
 *
 *   bare_poster URL COUNT IN_FLIGHT [CA] < body     posts to URL0, URL1 … and prints {"requests","seconds","cpu_us"}
 */
#include <curl/curl.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "timing.h"

static char body[64 * 1024];
static CURLM *multi;
static int epoll, sent, done, failed, wanted;
static const char *address;
static long timeout_ms = -1;

static size_t swallow(char *bytes, size_t size, size_t n, void *arg)
{
    (void)bytes;
    (void)arg;
    return size * n;
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *known)
{
    (void)easy;
    (void)arg;
    struct epoll_event e = {.events =
                                (what & CURL_POLL_IN ? EPOLLIN : 0U) | (what & CURL_POLL_OUT ? EPOLLOUT : 0U),
                            .data.fd = fd};
    if (what == CURL_POLL_REMOVE) {
        (void)epoll_ctl(epoll, EPOLL_CTL_DEL, fd, NULL);
        return 0;
    }
    if (epoll_ctl(epoll, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &e) != 0 && errno == EEXIST)
        (void)epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &e);
    if (!known) curl_multi_assign(multi, fd, multi);
    return 0;
}

static int on_timer(CURLM *m, long ms, void *arg)
{
    (void)m;
    (void)arg;
    timeout_ms = ms;
    return 0;
}

static void post_next(CURL *easy)
{
    char url[300];
    (void)snprintf(url, sizeof(url), "%s%d", address, sent++);
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_multi_add_handle(multi, easy);
}

int main(int argc, char **argv)
{
    if (argc < 4) {
        (void)fputs("usage: bare_poster URL COUNT IN_FLIGHT [CA] < body\n", stderr);
        return 2;
    }
    body[fread(body, 1, sizeof(body) - 1, stdin)] = '\0';
    address = argv[1];
    wanted = (int)strtol(argv[2], NULL, 10);
    int in_flight = (int)strtol(argv[3], NULL, 10), running, left;
    curl_global_init(CURL_GLOBAL_DEFAULT);
    epoll = epoll_create1(EPOLL_CLOEXEC);
    multi = curl_multi_init();
    curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timer);
    curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long)in_flight + 16L);
    struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
    headers = curl_slist_append(headers, "Expect:");
    double begin = seconds_by(CLOCK_MONOTONIC), used = seconds_by(CLOCK_PROCESS_CPUTIME_ID);
    CURL **easy = xcalloc((size_t)in_flight, sizeof(CURL *));
    for (int i = 0; i < in_flight && sent < wanted; i++) {
        easy[i] = curl_easy_init();
        curl_easy_setopt(easy[i], CURLOPT_HTTPHEADER, headers);
        curl_easy_setopt(easy[i], CURLOPT_POSTFIELDS, body);
        curl_easy_setopt(easy[i], CURLOPT_WRITEFUNCTION, swallow);
        curl_easy_setopt(easy[i], CURLOPT_NOSIGNAL, 1L);
        if (argc > 4) curl_easy_setopt(easy[i], CURLOPT_CAINFO, argv[4]);
        post_next(easy[i]);
    }
    while (done < wanted) {
        struct epoll_event ready[256];
        int n = timeout_ms == 0 ? 0 : epoll_wait(epoll, ready, 256, timeout_ms < 0 ? 1000 : (int)timeout_ms);
        if (n == 0) {
            timeout_ms = -1;
            curl_multi_socket_action(multi, CURL_SOCKET_TIMEOUT, 0, &running);
        }
        for (int i = 0; i < n; i++)
            curl_multi_socket_action(multi, ready[i].data.fd,
                                     (ready[i].events & EPOLLIN ? CURL_CSELECT_IN : 0) |
                                         (ready[i].events & EPOLLOUT ? CURL_CSELECT_OUT : 0),
                                     &running);
        CURLMsg *m;
        while ((m = curl_multi_info_read(multi, &left))) {
            CURL *e = m->easy_handle;
            failed += m->data.result != CURLE_OK;
            curl_multi_remove_handle(multi, e);
            done++;
            if (sent < wanted) post_next(e);
        }
    }
    (void)printf("{\"requests\":%d,\"failed\":%d,\"seconds\":%.6f,\"cpu_us\":%.1f}\n", done, failed,
                 seconds_by(CLOCK_MONOTONIC) - begin,
                 (seconds_by(CLOCK_PROCESS_CPUTIME_ID) - used) / done * 1e6);
    for (int i = 0; i < in_flight; i++) curl_easy_cleanup(easy[i]);
    free(easy);
    curl_slist_free_all(headers);
    curl_multi_cleanup(multi);
    return failed != 0;
}
