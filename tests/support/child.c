/* Children of tests. */
#include "child.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"

#include "unit.h"

const char *const child_tocsin = TOCSIN_BINARY_DIR "/relay/tocsin";

static int temporary(char *path)
{
    int fd = mkostemp(path, O_CLOEXEC);
    assert_true(fd >= 0);
    return fd;
}

struct child child_start(const char *const *argv, const char *stdin_path)
{
    struct child c = {
        .in = -1, .code = -1, .out_path = "/tmp/tocsin-out-XXXXXX", .err_path = "/tmp/tocsin-err-XXXXXX"};
    int out = temporary(c.out_path), err = temporary(c.err_path), in[2] = {-1, -1};
    if (stdin_path)
        in[0] = open(stdin_path, O_RDONLY | O_CLOEXEC);
    else
        assert_int_equal(pipe2(in, O_CLOEXEC), 0);
    assert_true(in[0] >= 0);
    pid_t parent = getpid();
    c.pid = fork();
    assert_true(c.pid >= 0);
    if (c.pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent || dup2(in[0], 0) < 0 || dup2(out, 1) < 0 || dup2(err, 2) < 0) _exit(126);
        setenv("TOCSIN_LANG", "en", 1);
        setenv("LC_ALL", "C.UTF-8", 1);
        execv(argv[0], (char *const *)(uintptr_t)argv); /* execv does not change them */
        _exit(127);
    }
    close(out);
    close(err);
    close(in[0]);
    c.in = in[1];
    return c;
}

static char *whole(const char *path)
{
    FILE *f = fopen(path, "re");
    assert_non_null(f);
    struct stat st;
    assert_int_equal(fstat(fileno(f), &st), 0);
    char *text = xcalloc(1, (size_t)st.st_size + 1);
    assert_int_equal(fread(text, 1, (size_t)st.st_size, f), st.st_size);
    (void)fclose(f);
    (void)unlink(path);
    return text;
}

bool child_ended(struct child *c)
{
    int status;
    if (c->pid <= 0) return true;
    if (waitpid(c->pid, &status, WNOHANG) != c->pid) return false;
    c->pid = 0;
    c->code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    c->out = whole(c->out_path);
    c->err = whole(c->err_path);
    return true;
}

void child_kill(struct child *c, int signal)
{
    if (c->pid > 0) (void)kill(c->pid, signal);
}

void child_release(struct child *c)
{
    child_kill(c, SIGKILL);
    while (!child_ended(c)) (void)usleep(1000);
    if (c->in >= 0) close(c->in);
    free(c->out);
    free(c->err);
    *c = (struct child){.in = -1};
}
