/* Starts, stops and hurts a real mosquitto. */
#include "broker.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"

#include "unit.h"

struct broker {
    pid_t pid;
    int port, tls_port;
    char dir[64], config[96], ca[96], socket_path[96];
};

static int free_port(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(a);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, size), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &size), 0);
    close(fd);
    return ntohs(a.sin_port);
}

static bool answers(int port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in a = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons((uint16_t)port)};
    bool open = connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0;
    close(fd);
    return open;
}

static void shell(const char *format, ...)
{
    char command[1024];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(command, sizeof(command), format, args);
    va_end(args);
    if (system(command) != 0) fail_msg("failed: %s", command); // NOLINT(cert-env33-c): a test's own words
}

static void make_certificates(const struct broker *b)
{
    shell(
        "cd %s && exec 2>/dev/null && "
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=test-ca "
        "-keyout ca.key -out ca.pem && "
        "openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=localhost "
        "-keyout server.key -out server.csr && "
        "printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\\n' > san && "
        "openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile san "
        "-out server.pem",
        b->dir);
}

static void write_config(struct broker *b, const struct broker_setup *s)
{
    FILE *f = fopen(b->config, "we");
    assert_non_null(f);
    if (geteuid() == 0) (void)fprintf(f, "user root\n");
    (void)fprintf(f, "listener %d 127.0.0.1\n", b->port);
    if (s->unix_socket) (void)fprintf(f, "listener 0 %s\n", b->socket_path);
    if (s->tls)
        (void)fprintf(f, "listener %d 127.0.0.1\ncertfile %s/server.pem\nkeyfile %s/server.key\n",
                      b->tls_port, b->dir, b->dir);
    (void)fprintf(f, "max_queued_messages 100000\nmax_inflight_messages 1000\nset_tcp_nodelay true\n");
    (void)fprintf(f, "log_dest file %s/log\nlog_type error\nlog_type warning\nlog_type notice\n", b->dir);
    if (s->acl) {
        (void)fprintf(f, "allow_anonymous false\nacl_file %s/acl\npassword_file %s/passwords\n", b->dir,
                      b->dir);
        char path[128];
        (void)snprintf(path, sizeof(path), "%s/acl", b->dir);
        FILE *acl = fopen(path, "we");
        assert_non_null(acl);
        (void)fputs(s->acl, acl);
        (void)fclose(acl);
        shell("touch %s/passwords && chmod 600 %s/passwords", b->dir, b->dir);
        for (const char *const *user = s->users; user && *user; user++)
            shell("mosquitto_passwd -b %s/passwords %s %s 2>/dev/null", b->dir, *user, *user);
    } else {
        (void)fprintf(f, "allow_anonymous true\n");
    }
    if (s->extra) (void)fputs(s->extra, f);
    (void)fclose(f);
}

void broker_start_again(struct broker *b)
{
    pid_t parent = getpid();
    b->pid = fork();
    if (b->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent) _exit(1);
        (void)!freopen("/dev/null", "w", stderr); /* it warns of root; the log has all */
        execlp("mosquitto", "mosquitto", "-c", b->config, (char *)NULL);
        execl("/usr/sbin/mosquitto", "mosquitto", "-c", b->config, (char *)NULL);
        _exit(127);
    }
    int64_t end = clock_now().mono + 5000;
    while (!answers(b->port)) {
        int status;
        if (waitpid(b->pid, &status, WNOHANG) == b->pid || clock_now().mono > end)
            fail_msg("mosquitto did not start, see %s/log", b->dir);
        (void)poll(NULL, 0, 5);
    }
}

struct broker *broker_start(const struct broker_setup *setup)
{
    if (access("/usr/sbin/mosquitto", X_OK) != 0) {
        print_message("skipped: mosquitto is not installed\n");
        skip();
    }
    struct broker *b = xcalloc(1, sizeof(*b));
    (void)snprintf(b->dir, sizeof(b->dir), "/tmp/tocsin-broker-XXXXXX");
    assert_non_null(mkdtemp(b->dir));
    (void)snprintf(b->config, sizeof(b->config), "%s/mosquitto.conf", b->dir);
    (void)snprintf(b->ca, sizeof(b->ca), "%s/ca.pem", b->dir);
    (void)snprintf(b->socket_path, sizeof(b->socket_path), "%s/socket", b->dir);
    b->port = free_port();
    if (setup->tls) {
        b->tls_port = free_port();
        make_certificates(b);
    }
    write_config(b, setup);
    broker_start_again(b);
    return b;
}

static void end(struct broker *b, int signal)
{
    if (b->pid <= 0) return;
    (void)kill(b->pid, SIGCONT);
    (void)kill(b->pid, signal);
    (void)waitpid(b->pid, NULL, 0);
    b->pid = 0;
}

void broker_kill(struct broker *b)
{
    end(b, SIGKILL);
}

void broker_freeze(struct broker *b)
{
    (void)kill(b->pid, SIGSTOP);
}

void broker_thaw(struct broker *b)
{
    (void)kill(b->pid, SIGCONT);
}

void broker_stop(struct broker *b)
{
    if (!b) return;
    end(b, SIGTERM);
    shell("rm -rf %s", b->dir);
    free(b);
}

int broker_port(const struct broker *b)
{
    return b->port;
}

int broker_tls_port(const struct broker *b)
{
    return b->tls_port;
}

const char *broker_unix_path(const struct broker *b)
{
    return b->socket_path;
}

const char *broker_ca(const struct broker *b)
{
    return b->ca;
}

const char *broker_dir(const struct broker *b)
{
    return b->dir;
}
