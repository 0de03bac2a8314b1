/* Sockets that the HTTP server listens on: a file with a group, or a TCP port. */
#include <errno.h>
#include <grp.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/i18n.h"
#include "base/log.h"
#include "base/mem.h"
#include "io/http_server_internal.h"

/* The file of a relay that died is in the way of the next one; that of a living one is not to be touched. */
static enum relay_err clear_stale(const struct sockaddr_un *a, struct reason *why)
{
    struct stat st;
    if (lstat(a->sun_path, &st) != 0) return RELAY_OK;
    if (!S_ISSOCK(st.st_mode))
        return fail(why, RELAY_CONFLICT, _("%s is not a socket; move it away"), a->sun_path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int result = fd < 0 ? -1 : connect(fd, (const struct sockaddr *)a, sizeof(*a)), error = errno;
    if (fd >= 0) close(fd);
    if (result == 0 || error == EAGAIN)
        return fail(why, RELAY_CONFLICT, _("another program listens on %s; stop it first"), a->sun_path);
    if (error != ECONNREFUSED) return fail(why, RELAY_IO, "%s: %s", a->sun_path, strerror(error));
    if (unlink(a->sun_path) != 0) return fail(why, RELAY_IO, "%s: %s", a->sun_path, strerror(errno));
    return RELAY_OK;
}

static void set_group(const char *path, const char *name)
{
    const struct group *g = name ? getgrnam(name) : NULL;
    if (g && chown(path, (uid_t)-1, g->gr_gid) != 0)
        log_warning("http: %s stays without group %s: %s", path, name, strerror(errno));
}

static enum relay_err listen_unix(struct http_server *s, const struct http_server_options *o, int *ret,
                                  struct reason *why)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    if (strlen(o->unix_path) >= sizeof(a.sun_path))
        return fail(why, RELAY_INVALID, _("%s: a socket's path has at most %zu bytes"), o->unix_path,
                    sizeof(a.sun_path) - 1);
    memcpy(a.sun_path, o->unix_path, strlen(o->unix_path) + 1);
    enum relay_err err = clear_stale(&a, why);
    if (err != RELAY_OK) return err;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    mode_t before = umask(0177); /* nobody else gets in before the group is set */
    bool bound = fd >= 0 && bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0;
    int error = errno;
    umask(before);
    if (bound) {
        set_group(o->unix_path, o->unix_group);
        if (chmod(o->unix_path, 0660) == 0 && listen(fd, SOMAXCONN) == 0) {
            s->unix_path = xstrdup(o->unix_path);
            *ret = fd;
            return RELAY_OK;
        }
        error = errno;
        unlink(o->unix_path);
    }
    if (fd >= 0) close(fd);
    return fail(why, RELAY_IO, _("cannot listen on %s: %s"), o->unix_path, strerror(error));
}

static enum relay_err listen_tcp(struct http_server *s, const struct http_server_options *o, int *ret,
                                 struct reason *why)
{
    char service[16];
    const char *host = o->host ? o->host : "127.0.0.1";
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV},
                    *found = NULL;
    (void)snprintf(service, sizeof(service), "%d", o->port);
    int result = getaddrinfo(host, service, &hints, &found);
    if (result != 0)
        return fail(why, RELAY_INVALID, _("cannot listen on %s: %s"), host, gai_strerror(result));
    int on = 1, fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0) {
        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)); /* a wish */
        if (found->ai_family == AF_INET6)
            (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)); /* what is asked for, no more */
    }
    bool ok = fd >= 0 && bind(fd, found->ai_addr, found->ai_addrlen) == 0 && listen(fd, SOMAXCONN) == 0;
    int error = errno;
    freeaddrinfo(found);
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } a = {0};
    socklen_t n = sizeof(a);
    if (ok && getsockname(fd, &a.any, &n) == 0) {
        s->port = ntohs(a.any.sa_family == AF_INET6 ? a.v6.sin6_port : a.v4.sin_port);
        *ret = fd;
        return RELAY_OK;
    }
    if (fd >= 0) close(fd);
    return fail(why, error == EADDRINUSE ? RELAY_CONFLICT : RELAY_IO, _("cannot listen on %s port %d: %s"),
                host, o->port, strerror(error));
}

enum relay_err http_listen(struct http_server *s, const struct http_server_options *o, int *ret_fd,
                           struct reason *why)
{
    return o->unix_path ? listen_unix(s, o, ret_fd, why) : listen_tcp(s, o, ret_fd, why);
}
