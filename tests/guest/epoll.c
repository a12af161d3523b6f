/* SPDX-License-Identifier: MIT */
/* epoll(7): level and edge triggered, one shot, nested, waited for by many. */

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <time.h>

#include "guest.h"

static int add(int ep, int fd, uint32_t events, uint64_t data)
{
    struct epoll_event e = {.events = events, .data.u64 = data};
    return epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e);
}

static int change(int ep, int fd, uint32_t events, uint64_t data)
{
    struct epoll_event e = {.events = events, .data.u64 = data};
    return epoll_ctl(ep, EPOLL_CTL_MOD, fd, &e);
}

/* The events of the only ready descriptor; 0: none is. */
static uint32_t look(int ep, uint64_t data)
{
    struct epoll_event e[4];
    int n = epoll_wait(ep, e, 4, 0);
    CHECK(n == 0 || (n == 1 && e[0].data.u64 == data));
    return n > 0 ? e[0].events : 0;
}

static void level(void)
{
    int fds[2], ep = epoll_create1(EPOLL_CLOEXEC);
    char c[8];
    CHECK(ep >= 0 && (fcntl(ep, F_GETFD) & FD_CLOEXEC));
    CHECK(pipe(fds) == 0);
    CHECK(add(ep, fds[0], EPOLLIN, 11) == 0);
    CHECK(look(ep, 11) == 0);
    CHECK(write(fds[1], "ab", 2) == 2);
    CHECK(look(ep, 11) == EPOLLIN && look(ep, 11) == EPOLLIN);
    CHECK(read(fds[0], c, 8) == 2 && look(ep, 11) == 0);
    CHECK(add(ep, fds[1], EPOLLOUT, 22) == 0);
    CHECK(look(ep, 22) == EPOLLOUT);
    CHECK(change(ep, fds[1], 0, 23) == 0 && look(ep, 0) == 0);
    CHECK(change(ep, fds[1], EPOLLOUT, 24) == 0 && look(ep, 24) == EPOLLOUT);
    CHECK(epoll_ctl(ep, EPOLL_CTL_DEL, fds[1], NULL) == 0 && look(ep, 0) == 0);
    close(fds[1]);
    CHECK(look(ep, 11) == EPOLLHUP); /* not asked for, always told */
    close(fds[0]);
    CHECK(look(ep, 0) == 0); /* gone with its file */
    close(ep);
}

static void edge(void)
{
    int fds[2], ep = epoll_create(1);
    char c[8];
    CHECK(pipe(fds) == 0);
    CHECK(add(ep, fds[0], EPOLLIN | EPOLLET, 1) == 0);
    CHECK(write(fds[1], "ab", 2) == 2);
    CHECK(look(ep, 1) == EPOLLIN && look(ep, 1) == 0);
    CHECK(read(fds[0], c, 1) == 1 && look(ep, 1) == 0); /* the rest is no news */
    CHECK(write(fds[1], "c", 1) == 1 && look(ep, 1) == EPOLLIN);
    CHECK(change(ep, fds[0], EPOLLIN | EPOLLET, 2) == 0);
    CHECK(look(ep, 2) == EPOLLIN && look(ep, 2) == 0); /* a change looks again */

    CHECK(change(ep, fds[0], EPOLLIN | EPOLLONESHOT, 3) == 0);
    CHECK(look(ep, 3) == EPOLLIN && look(ep, 3) == 0);
    CHECK(write(fds[1], "d", 1) == 1 && look(ep, 3) == 0);
    CHECK(change(ep, fds[0], EPOLLIN | EPOLLONESHOT, 4) == 0 && look(ep, 4) == EPOLLIN);
    close(fds[0]);
    close(fds[1]);
    close(ep);
}

static void nested(void)
{
    int outer = epoll_create1(0), inner = epoll_create1(0), event = eventfd(0, EFD_NONBLOCK);
    uint64_t value = 1;
    CHECK(add(inner, event, EPOLLIN, 1) == 0);
    CHECK(add(outer, inner, EPOLLIN, 2) == 0);
    CHECK(look(outer, 2) == 0);
    CHECK(write(event, &value, 8) == 8);
    CHECK(look(outer, 2) == EPOLLIN && look(inner, 1) == EPOLLIN);
    struct pollfd p = {outer, POLLIN, 0};
    CHECK(poll(&p, 1, 0) == 1 && p.revents == POLLIN);
    CHECK(read(event, &value, 8) == 8 && look(outer, 2) == 0);
    CHECK_ERROR(add(inner, outer, EPOLLIN, 3), ELOOP);
    CHECK_ERROR(add(inner, inner, EPOLLIN, 3), EINVAL);
    close(event);
    close(inner);
    close(outer);
}

/* A long chain: how long it may be differs between kernels, but looking at it always ends. */
static void chain(void)
{
    int first = epoll_create1(0), above = first, below, links = 0;
    while (links < 900 && (below = epoll_create1(0)) >= 0) {
        if (add(above, below, EPOLLIN, 1) < 0)
            break;
        above = below;
        links++;
    }
    CHECK(links >= 4);
    struct pollfd p = {first, POLLIN, 0};
    CHECK(poll(&p, 1, 0) == 0);
    for (int fd = first; fd <= above + 1; fd++)
        close(fd);
}

static void errors(void)
{
    int ep = epoll_create1(0), event = eventfd(0, 0);
    struct epoll_event e[2];
    int file = open("epoll.tmp", O_RDWR | O_CREAT, 0600);
    CHECK_ERROR(epoll_create(0), EINVAL);
    CHECK_ERROR(epoll_create1(1), EINVAL);
    CHECK_ERROR(add(ep, file, EPOLLIN, 0), EPERM);
    CHECK_ERROR(add(ep, 999, EPOLLIN, 0), EBADF);
    CHECK_ERROR(add(999, event, EPOLLIN, 0), EBADF);
    CHECK_ERROR(add(file, event, EPOLLIN, 0), EINVAL);
    CHECK_ERROR(change(ep, event, EPOLLIN, 0), ENOENT);
    CHECK_ERROR(epoll_ctl(ep, EPOLL_CTL_DEL, event, NULL), ENOENT);
    CHECK(add(ep, event, EPOLLIN, 0) == 0);
    CHECK_ERROR(add(ep, event, EPOLLIN, 0), EEXIST);
    int copy = dup(event);
    CHECK(add(ep, copy, EPOLLIN, 1) == 0); /* another number of the same file */
    CHECK_ERROR(epoll_ctl(ep, 99, event, e), EINVAL);
    CHECK_ERROR(syscall(SYS_epoll_ctl, ep, EPOLL_CTL_MOD, event, 8), EFAULT);
    CHECK_ERROR(epoll_wait(ep, e, 0, 0), EINVAL);
    CHECK_ERROR(epoll_wait(event, e, 2, 0), EINVAL);
    CHECK_ERROR(epoll_wait(999, e, 2, 0), EBADF);
    CHECK(write(event, &(uint64_t){1}, 8) == 8);
    CHECK_ERROR(syscall(SYS_epoll_wait, ep, 8, 2, 0), EFAULT);
    CHECK(epoll_wait(ep, e, 2, 0) == 2);
    close(event);
    CHECK(epoll_wait(ep, e, 2, 0) == 2); /* the file is still open by `copy` */
    close(copy);
    CHECK(epoll_wait(ep, e, 2, 0) == 0);
    close(file);
    close(ep);
    CHECK(unlink("epoll.tmp") == 0);
}

/* Threads that take turns: each event is one number, which one of them gets. */
#define THREADS 4

static int shared_ep, shared_event;
static atomic_long taken;

static void *take(void *arg)
{
    (void)arg;
    struct epoll_event e;
    for (;;) {
        int n = epoll_wait(shared_ep, &e, 1, 10000);
        CHECK(n == 1);
        uint64_t value;
        if (read(shared_event, &value, 8) != 8)
            continue; /* another was faster */
        if (value > 1000000)
            return NULL;
        taken += (long)value;
    }
}

static void many(void)
{
    pthread_t threads[THREADS];
    long rounds = guest_count(500, 20000);
    shared_ep = epoll_create1(0);
    shared_event = eventfd(0, EFD_NONBLOCK | EFD_SEMAPHORE);
    CHECK(add(shared_ep, shared_event, EPOLLIN, 0) == 0);
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_create(&threads[i], NULL, take, NULL) == 0);
    for (long i = 0; i < rounds; i++)
        CHECK(write(shared_event, &(uint64_t){1}, 8) == 8);
    while (taken < rounds)
        nanosleep(&(struct timespec){0, 1000000}, NULL);
    CHECK(taken == rounds);
    close(shared_event);
    shared_event = eventfd(0, EFD_NONBLOCK); /* numbers above a million end the threads */
    CHECK(add(shared_ep, shared_event, EPOLLIN, 0) == 0);
    for (int i = 0; i < THREADS; i++) {
        uint64_t end = 1000001;
        CHECK(write(shared_event, &end, 8) == 8);
        struct pollfd p = {shared_event, POLLIN, 0};
        while (poll(&p, 1, 0) == 1)
            nanosleep(&(struct timespec){0, 1000000}, NULL);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    close(shared_event);
    close(shared_ep);
}

/* As many events at once as there is room for, each file once. */
static void at_once(void)
{
    enum { FILES = 700 };
    static struct epoll_event e[FILES + 100];
    static int fds[FILES], seen[FILES];
    int ep = epoll_create1(0);
    for (int i = 0; i < FILES; i++) {
        fds[i] = eventfd(1, 0);
        CHECK(fds[i] >= 0 && add(ep, fds[i], EPOLLIN | (i % 3 ? 0 : EPOLLET), (uint32_t)i) == 0);
    }
    CHECK(epoll_wait(ep, e, 600, -1) == 600);
    CHECK(epoll_wait(ep, e, FILES + 100, -1) >= FILES - 200);
    for (int i = 0; i < FILES; i++)
        CHECK(write(fds[i], &(uint64_t){1}, 8) == 8);
    CHECK(epoll_wait(ep, e, FILES + 100, 1000) == FILES);
    for (int i = 0; i < FILES; i++)
        CHECK(seen[e[i].data.u32]++ == 0);
    for (int i = 0; i < 300; i++)
        CHECK(read(fds[i], &(uint64_t){0}, 8) == 8);
    CHECK(epoll_wait(ep, e, FILES + 100, 1000) == 266); /* two of three of the others */
    for (int i = 0; i < FILES; i++)
        close(fds[i]);
    CHECK(epoll_wait(ep, e, FILES, 0) == 0);
    close(ep);
}

int main(void)
{
    level();
    edge();
    nested();
    chain();
    at_once();
    errors();
    many();
    return guest_result();
}
