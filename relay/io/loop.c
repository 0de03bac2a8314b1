/* The one wait of a turn, and the one helper thread. */
#include "io/loop.h"

#include <errno.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/i18n.h"
#include "base/mem.h"

enum { EVENTS_A_WAIT = 256 };

struct job {
    struct job *next;
    void (*work)(void *arg);
    void (*done)(void *arg, bool cancelled);
    void *arg;
};

struct loop {
    int epoll_fd, wake_fd;
    struct watch **ready; /* marked in the last wait */
    size_t n_ready;
    /* Helper thread: todo -> (work) -> finished, both under the lock. */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t more;
    struct job *todo, **todo_end, *finished, **finished_end;
    bool thread_runs, stop;
};

enum relay_err loop_new(struct loop **ret, struct reason *why)
{
    struct loop *l = xcalloc(1, sizeof(*l));
    l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    l->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    l->ready = xcalloc(EVENTS_A_WAIT, sizeof(*l->ready));
    pthread_mutex_init(&l->lock, NULL);
    pthread_cond_init(&l->more, NULL);
    l->todo_end = &l->todo;
    l->finished_end = &l->finished;
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = NULL}; /* NULL marks the wake descriptor */
    if (l->epoll_fd < 0 || l->wake_fd < 0 || epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, l->wake_fd, &e) != 0) {
        enum relay_err err = fail(why, RELAY_IO, _("cannot make an event loop: %s"), strerror(errno));
        loop_free(l);
        return err;
    }
    *ret = l;
    return RELAY_OK;
}

/* What has finished and was not looked at yet. */
static void tell_finished(struct loop *l, bool cancelled)
{
    pthread_mutex_lock(&l->lock);
    struct job *j = l->finished;
    l->finished = NULL;
    l->finished_end = &l->finished;
    pthread_mutex_unlock(&l->lock);
    while (j) {
        struct job *next = j->next;
        j->done(j->arg, cancelled);
        free(j);
        j = next;
    }
}

struct loop *loop_free(struct loop *l)
{
    if (!l) return NULL;
    if (l->thread_runs) {
        pthread_mutex_lock(&l->lock);
        l->stop = true;
        pthread_cond_signal(&l->more);
        pthread_mutex_unlock(&l->lock);
        pthread_join(l->thread, NULL);
    }
    tell_finished(l, true);
    while (l->todo) {
        struct job *j = l->todo;
        l->todo = j->next;
        j->done(j->arg, true);
        free(j);
    }
    if (l->epoll_fd >= 0) close(l->epoll_fd);
    if (l->wake_fd >= 0) close(l->wake_fd);
    pthread_mutex_destroy(&l->lock);
    pthread_cond_destroy(&l->more);
    free(l->ready);
    free(l);
    return NULL;
}

enum relay_err watch_set(struct loop *l, struct watch *w, int fd, unsigned wanted)
{
    if (w->fd == fd && w->wanted == wanted) return RELAY_OK;
    if (w->fd >= 0 && w->fd != fd) {
        (void)epoll_ctl(l->epoll_fd, EPOLL_CTL_DEL, w->fd, NULL); /* closed already: gone by itself */
        w->fd = -1;
    }
    if (fd < 0) {
        w->ready = 0;
        w->wanted = 0;
        for (size_t i = 0; i < l->n_ready; i++)
            if (l->ready[i] == w) l->ready[i] = NULL;
        return RELAY_OK;
    }
    struct epoll_event e = {.data.ptr = w};
    if (wanted & WATCH_READ) e.events |= EPOLLIN;
    if (wanted & WATCH_WRITE) e.events |= EPOLLOUT;
    int op = w->fd == fd ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
    if (epoll_ctl(l->epoll_fd, op, fd, &e) != 0) return RELAY_IO;
    w->fd = fd;
    w->wanted = wanted;
    return RELAY_OK;
}

struct now loop_wait(struct loop *l, int64_t due_mono)
{
    for (size_t i = 0; i < l->n_ready; i++)
        if (l->ready[i]) l->ready[i]->ready = 0;
    l->n_ready = 0;

    int timeout = -1;
    if (due_mono != INT64_MAX) {
        int64_t left = due_mono - clock_now().mono;
        timeout = left <= 0 ? 0 : left > 60000 ? 60000 : (int)left;
    }
    struct epoll_event events[EVENTS_A_WAIT];
    int n = epoll_wait(l->epoll_fd, events, EVENTS_A_WAIT, timeout);
    for (int i = 0; i < n; i++) {
        struct watch *w = events[i].data.ptr;
        if (!w) {
            uint64_t count;
            (void)!read(l->wake_fd, &count, sizeof(count)); /* only to make it quiet */
            continue;
        }
        if (events[i].events & EPOLLIN) w->ready |= WATCH_READ;
        if (events[i].events & EPOLLOUT) w->ready |= WATCH_WRITE;
        if (events[i].events & (EPOLLERR | EPOLLHUP)) w->ready |= WATCH_ERROR;
        l->ready[l->n_ready++] = w;
    }
    return clock_now();
}

void loop_wake(struct loop *l)
{
    uint64_t one = 1;
    (void)!write(l->wake_fd, &one, sizeof(one)); /* full means that it is awake already */
}

static void *helper(void *arg)
{
    struct loop *l = arg;
    pthread_mutex_lock(&l->lock);
    while (!l->stop) {
        struct job *j = l->todo;
        if (!j) {
            pthread_cond_wait(&l->more, &l->lock);
            continue;
        }
        l->todo = j->next;
        if (!l->todo) l->todo_end = &l->todo;
        pthread_mutex_unlock(&l->lock);
        j->work(j->arg);
        pthread_mutex_lock(&l->lock);
        j->next = NULL;
        *l->finished_end = j;
        l->finished_end = &j->next;
        loop_wake(l);
    }
    pthread_mutex_unlock(&l->lock);
    return NULL;
}

void loop_offload(struct loop *l, void (*work)(void *arg), void (*done)(void *arg, bool cancelled), void *arg)
{
    struct job *j = xcalloc(1, sizeof(*j));
    *j = (struct job){.work = work, .done = done, .arg = arg};
    pthread_mutex_lock(&l->lock);
    if (!l->thread_runs) l->thread_runs = pthread_create(&l->thread, NULL, helper, l) == 0;
    bool runs = l->thread_runs;
    if (runs) {
        *l->todo_end = j;
        l->todo_end = &j->next;
        pthread_cond_signal(&l->more);
    }
    pthread_mutex_unlock(&l->lock);
    if (runs) return;
    /* No thread to be had: do it here, late is better than never. */
    work(arg);
    pthread_mutex_lock(&l->lock);
    *l->finished_end = j;
    l->finished_end = &j->next;
    pthread_mutex_unlock(&l->lock);
    loop_wake(l);
}

void loop_run_done(struct loop *l)
{
    tell_finished(l, false);
}
