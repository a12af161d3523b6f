/* SPDX-License-Identifier: MIT */
#ifndef TESTS_INET_SOCKETS_H
#define TESTS_INET_SOCKETS_H

/*
 * For tests of internet sockets on the loopback: addresses, and connections made in one go.  The
 * native run uses the machine's own loopback, so ports are given out by the kernel and never
 * printed; what calls do is printed, to be compared.
 */

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "guest.h"

union address {
    struct sockaddr any;
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
    struct sockaddr_storage storage;
};

static volatile sig_atomic_t pipe_signals;

static inline void on_pipe(int sig)
{
    (void)sig;
    pipe_signals++;
}

/* Show what a call gave, its error, and SIGPIPE if that came. */
static inline long shown(const char *what, long result)
{
    int error = errno;
    if (result < 0)
        printf("%s: %s", what, strerrorname_np(error));
    else
        printf("%s: %ld", what, result);
    printf(pipe_signals ? " SIGPIPE\n" : "\n");
    pipe_signals = 0;
    errno = error;
    return result;
}
#define SHOW(call) shown(#call, call)

/* An address by its text: with ':' of IPv6.  Returns its size. */
static inline socklen_t address_set(union address *a, const char *text, int port)
{
    memset(a, 0, sizeof *a);
    if (strchr(text, ':')) {
        a->in6.sin6_family = AF_INET6;
        a->in6.sin6_port = htons((uint16_t)port);
        inet_pton(AF_INET6, text, &a->in6.sin6_addr);
        return sizeof a->in6;
    }
    a->in.sin_family = AF_INET;
    a->in.sin_port = htons((uint16_t)port);
    inet_pton(AF_INET, text, &a->in.sin_addr);
    return sizeof a->in;
}

static inline int port_of(int fd)
{
    union address a;
    socklen_t size = sizeof a;
    return getsockname(fd, &a.any, &size) < 0 ? -1 : ntohs(a.in.sin_port); /* in6: the same place */
}

static inline int bind_to(int fd, const char *text, int port)
{
    union address a;
    socklen_t size = address_set(&a, text, port);
    return bind(fd, &a.any, size);
}

static inline int connect_to(int fd, const char *text, int port)
{
    union address a;
    socklen_t size = address_set(&a, text, port);
    return connect(fd, &a.any, size);
}

/* A name, without its port unless that is 0. */
static inline void show_address(const char *what, const union address *a, socklen_t size)
{
    char text[64] = "";
    if (a->any.sa_family == AF_INET6)
        inet_ntop(AF_INET6, &a->in6.sin6_addr, text, sizeof text);
    else
        inet_ntop(AF_INET, &a->in.sin_addr, text, sizeof text);
    printf("%s: family %d size %d %s %s\n", what, a->any.sa_family, (int)size, text,
           a->in.sin_port ? "port" : "no port");
}

static inline void show_names(const char *what, int fd)
{
    union address a;
    socklen_t size = sizeof a;
    printf("%s ", what);
    if (getsockname(fd, &a.any, &size) == 0)
        show_address("name", &a, size);
    size = sizeof a;
    printf("%s ", what);
    if (getpeername(fd, &a.any, &size) == 0)
        show_address("peer", &a, size);
    else
        printf("peer: %s\n", strerrorname_np(errno));
}

static inline int family_of(const char *text)
{
    return strchr(text, ':') ? AF_INET6 : AF_INET;
}

static inline int socket_at(int type, const char *text)
{
    int fd = socket(family_of(text), type, 0);
    CHECK(fd >= 0);
    CHECK(bind_to(fd, text, 0) == 0);
    return fd;
}

static inline int listen_at(const char *text, int backlog)
{
    int fd = socket_at(SOCK_STREAM, text);
    CHECK(listen(fd, backlog) == 0);
    return fd;
}

/* Two ends of a connection: fds[0] has connected, fds[1] was accepted. */
static inline void connected_pair(const char *text, int fds[2])
{
    int server = listen_at(text, 1);
    fds[0] = socket(family_of(text), SOCK_STREAM, 0);
    CHECK(connect_to(fds[0], text, port_of(server)) == 0);
    fds[1] = accept(server, NULL, NULL);
    CHECK(fds[1] >= 0);
    close(server);
}

static inline void close_both(const int fds[2])
{
    close(fds[0]);
    close(fds[1]);
}

/* What poll(2) says at once, of all that it can say. */
static inline void show_poll(const char *what, int fd)
{
    static const struct {
        int bit;
        const char *name;
    } bits[] = {{POLLIN, "IN"},   {POLLPRI, "PRI"}, {POLLOUT, "OUT"},
                {POLLERR, "ERR"}, {POLLHUP, "HUP"}, {POLLRDHUP, "RDHUP"}};
    struct pollfd p = {fd, POLLIN | POLLOUT | POLLRDHUP | POLLPRI, 0};
    CHECK(poll(&p, 1, 0) >= 0);
    printf("%s polls:", what);
    for (size_t i = 0; i < sizeof bits / sizeof *bits; i++)
        if (p.revents & bits[i].bit)
            printf(" %s", bits[i].name);
    printf("\n");
}

static inline void show_error(const char *what, int fd)
{
    int value = -1;
    socklen_t size = sizeof value;
    CHECK(getsockopt(fd, SOL_SOCKET, SO_ERROR, &value, &size) == 0);
    printf("%s error: %s\n", what, value ? strerrorname_np(value) : "none");
}

/* What is on its way on Linux has come: an answer to what this thread has just sent. */
static inline void settle(void)
{
    usleep(2000);
}

#endif
