/* SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIX_SOCKETS_H
#define TESTS_UNIX_SOCKETS_H

/* For tests of AF_UNIX sockets: names, pairs, and connections made in one go. */

#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "guest.h"

/* A path, or with '@' in front an abstract name; returns its length for bind(2). */
static inline socklen_t name_set(struct sockaddr_un *name, const char *text)
{
    memset(name, 0, sizeof *name);
    name->sun_family = AF_UNIX;
    size_t size = strlen(text);
    memcpy(name->sun_path, text, size);
    if (*text == '@')
        name->sun_path[0] = 0;
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size + (*text != '@'));
}

static inline int bind_to(int fd, const char *text)
{
    struct sockaddr_un name;
    socklen_t size = name_set(&name, text);
    return bind(fd, (struct sockaddr *)&name, size);
}

static inline int connect_to(int fd, const char *text)
{
    struct sockaddr_un name;
    socklen_t size = name_set(&name, text);
    return connect(fd, (struct sockaddr *)&name, size);
}

static inline int socket_of(int type)
{
    return socket(AF_UNIX, type, 0);
}

static inline int listen_at(int type, const char *text, int backlog)
{
    int fd = socket_of(type);
    CHECK(bind_to(fd, text) == 0);
    CHECK(listen(fd, backlog) == 0);
    return fd;
}

static inline void pair_of(int type, int fds[2])
{
    CHECK(socketpair(AF_UNIX, type, 0, fds) == 0);
}

static inline void close_both(const int fds[2])
{
    close(fds[0]);
    close(fds[1]);
}

/* What poll(2) says at once, of all that it can say. */
static inline int polled(int fd)
{
    struct pollfd p = {fd, POLLIN | POLLOUT | POLLRDHUP | POLLPRI, 0};
    CHECK(poll(&p, 1, 0) >= 0);
    return p.revents;
}

#endif
