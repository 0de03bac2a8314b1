/* One thread, two lists. */
#include "player/worker.h"

#include <pthread.h>

#include "base/i18n.h"
#include "base/mem.h"

struct job {
    struct job *next;
    void (*work)(void *arg);
    void (*done)(void *arg, bool cancelled);
    void *arg;
};

struct worker {
    struct loop *loop;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t more;
    struct job *urgent, *todo, *finished; /* under the lock, each in order */
    bool stop;
};

static void append(struct job **list, struct job *j)
{
    while (*list) list = &(*list)->next;
    j->next = NULL;
    *list = j;
}

static void *run(void *arg)
{
    struct worker *w = arg;
    pthread_mutex_lock(&w->lock);
    while (!w->stop) {
        struct job **from = w->urgent ? &w->urgent : &w->todo, *j = *from;
        if (!j) {
            pthread_cond_wait(&w->more, &w->lock);
            continue;
        }
        *from = j->next;
        pthread_mutex_unlock(&w->lock);
        j->work(j->arg);
        pthread_mutex_lock(&w->lock);
        append(&w->finished, j);
        loop_wake(w->loop);
    }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

enum relay_err worker_new(struct loop *l, struct worker **ret, struct reason *why)
{
    struct worker *w = xcalloc(1, sizeof(*w));
    w->loop = l;
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->more, NULL);
    int error = pthread_create(&w->thread, NULL, run, w);
    if (error) {
        pthread_mutex_destroy(&w->lock);
        pthread_cond_destroy(&w->more);
        free(w);
        return fail(why, RELAY_IO, _("cannot start a helper thread: %s"), strerror(error));
    }
    *ret = w;
    return RELAY_OK;
}

static void tell(struct job *j, bool cancelled)
{
    while (j) {
        struct job *next = j->next;
        j->done(j->arg, cancelled);
        free(j);
        j = next;
    }
}

struct worker *worker_free(struct worker *w)
{
    if (!w) return NULL;
    pthread_mutex_lock(&w->lock);
    w->stop = true;
    pthread_cond_signal(&w->more);
    pthread_mutex_unlock(&w->lock);
    pthread_join(w->thread, NULL);
    tell(w->finished, true); /* nobody looks at it any more */
    tell(w->urgent, true);
    tell(w->todo, true);
    pthread_mutex_destroy(&w->lock);
    pthread_cond_destroy(&w->more);
    free(w);
    return NULL;
}

void worker_do(struct worker *w, bool urgent, void (*work)(void *arg),
               void (*done)(void *arg, bool cancelled), void *arg)
{
    struct job *j = xcalloc(1, sizeof(*j));
    *j = (struct job){.work = work, .done = done, .arg = arg};
    pthread_mutex_lock(&w->lock);
    append(urgent ? &w->urgent : &w->todo, j);
    pthread_cond_signal(&w->more);
    pthread_mutex_unlock(&w->lock);
}

void worker_run_done(struct worker *w)
{
    pthread_mutex_lock(&w->lock);
    struct job *j = w->finished;
    w->finished = NULL;
    pthread_mutex_unlock(&w->lock);
    tell(j, false);
}
