/* SPDX-License-Identifier: MIT */
/*
 * Files, and the epolls that watch them, closed by several threads at the same moment; and an
 * entry that outlives its descriptor but not its file.
 */

#include <fcntl.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include "guest.h"

static int add(int ep, int fd, uint32_t events)
{
    struct epoll_event e = {.events = events, .data.fd = fd};
    return epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e);
}

static void entry_ends_with_its_file(void)
{
    int ep = epoll_create1(0), p[2];
    struct epoll_event e;
    CHECK(pipe(p) == 0 && write(p[1], "x", 1) == 1);
    int copy = dup(p[0]);
    CHECK(add(ep, p[0], EPOLLIN) == 0);
    close(p[0]);
    CHECK(epoll_wait(ep, &e, 1, 0) == 1 && e.data.fd == p[0]);
    CHECK_ERROR(epoll_ctl(ep, EPOLL_CTL_DEL, p[0], NULL), EBADF);
    close(copy);
    CHECK(epoll_wait(ep, &e, 1, 0) == 0);
    close(ep);
    close(p[1]);
}

/* What another reader takes is no news for a reader of edges, what a writer adds is. */
static void edges_of_both_directions(void)
{
    int ep = epoll_create1(0), p[2];
    struct epoll_event e;
    char c;
    CHECK(pipe(p) == 0 && write(p[1], "ab", 2) == 2 && add(ep, p[0], EPOLLIN | EPOLLET) == 0);
    CHECK(epoll_wait(ep, &e, 1, 0) == 1 && epoll_wait(ep, &e, 1, 0) == 0);
    CHECK(read(p[0], &c, 1) == 1 && epoll_wait(ep, &e, 1, 0) == 0);
    CHECK(write(p[1], "c", 1) == 1 && epoll_wait(ep, &e, 1, 0) == 1);
    close(p[0]);
    close(p[1]);
    close(ep);
}

static void *add_and_close(void *arg)
{
    const int *ep = arg;
    for (int i = 0; i < 300; i++) {
        int event = eventfd(1, EFD_NONBLOCK), p[2];
        CHECK(event >= 0 && pipe(p) == 0);
        add(*ep, event, EPOLLIN | EPOLLET); /* the epoll may be closed already */
        add(*ep, p[0], EPOLLIN);
        close(event);
        close(p[0]);
        close(p[1]);
    }
    return NULL;
}

static void all_at_once(void)
{
    for (long round = 0; round < guest_count(20, 500); round++) {
        int ep = epoll_create1(0);
        pthread_t t[3];
        struct epoll_event e[4];
        for (int i = 0; i < 3; i++)
            CHECK(pthread_create(&t[i], NULL, add_and_close, &ep) == 0);
        for (int i = 0; i < 50; i++)
            CHECK(epoll_wait(ep, e, 4, 0) >= 0);
        int watched = eventfd(0, 0);
        CHECK(add(ep, watched, EPOLLIN) == 0);
        close(ep);
        close(watched);
        for (int i = 0; i < 3; i++)
            pthread_join(t[i], NULL);
    }
}

int main(void)
{
    entry_ends_with_its_file();
    edges_of_both_directions();
    all_at_once();
    return guest_result();
}
