/* SPDX-License-Identifier: MIT */
/* epoll(7): level, edge and one shot, nesting, closing, errors in their order, waiting threads. */

#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <time.h>

#include "guest.h"

static int control(int ep, int op, int fd, uint32_t events)
{
    struct epoll_event e = {.events = events, .data.u64 = 0x123456789abcull + (unsigned)fd};
    return epoll_ctl(ep, op, fd, &e);
}

/* The events of the one ready descriptor, which must be `fd`; 0 if none. */
static uint32_t one(int ep, int fd)
{
    struct epoll_event e[4];
    int n = epoll_wait(ep, e, 4, 0);
    if (n == 0)
        return 0;
    CHECK(n == 1 && e[0].data.u64 == 0x123456789abcull + (unsigned)fd);
    return e[0].events;
}

static void errors(void)
{
    int ep = epoll_create1(EPOLL_CLOEXEC), p[2], file = open("file", O_RDWR | O_CREAT, 0600);
    int place = open("file", O_PATH);
    struct epoll_event e;
    CHECK(ep >= 0 && fcntl(ep, F_GETFD) == FD_CLOEXEC && pipe(p) == 0);
    CHECK_ERROR(epoll_create1(1), EINVAL);
    CHECK_ERROR(epoll_create(0), EINVAL);
    CHECK_ERROR(control(ep, EPOLL_CTL_ADD, 900, EPOLLIN), EBADF);
    CHECK_ERROR(control(900, EPOLL_CTL_ADD, p[0], EPOLLIN), EBADF);
    CHECK_ERROR(control(p[1], EPOLL_CTL_ADD, p[0], EPOLLIN), EINVAL);
    CHECK_ERROR(control(p[1], EPOLL_CTL_ADD, file, EPOLLIN), EPERM);
    CHECK_ERROR(control(ep, EPOLL_CTL_ADD, ep, EPOLLIN), EINVAL);
    CHECK_ERROR(control(ep, EPOLL_CTL_ADD, file, EPOLLIN), EPERM);
    CHECK_ERROR(control(ep, EPOLL_CTL_ADD, place, EPOLLIN), EBADF);
    CHECK_ERROR(control(ep, EPOLL_CTL_MOD, p[0], EPOLLIN), ENOENT);
    CHECK_ERROR(control(ep, EPOLL_CTL_DEL, p[0], EPOLLIN), ENOENT);
    CHECK_ERROR(control(ep, 9, p[0], EPOLLIN), EINVAL);
    CHECK(control(ep, EPOLL_CTL_ADD, p[0], EPOLLIN) == 0);
    CHECK_ERROR(control(ep, EPOLL_CTL_ADD, p[0], EPOLLIN), EEXIST);
    int copy = dup(p[0]); /* another name of the same file is another entry */
    CHECK(control(ep, EPOLL_CTL_ADD, copy, EPOLLIN) == 0);
    CHECK(epoll_ctl(ep, EPOLL_CTL_DEL, copy, NULL) == 0);
    CHECK_ERROR(epoll_wait(ep, &e, 0, 0), EINVAL);
    CHECK_ERROR(syscall(SYS_epoll_wait, ep, &e, -1, 0), EINVAL);
    CHECK_ERROR(syscall(SYS_epoll_wait, ep, &e, INT32_MAX, 0), EINVAL);
    CHECK_ERROR(epoll_wait(p[0], &e, 1, 0), EINVAL);
    CHECK_ERROR(epoll_wait(900, &e, 1, 0), EBADF);
    char c;
    CHECK_ERROR(read(ep, &c, 1), EINVAL);
    CHECK_ERROR(write(ep, &c, 1), EINVAL);
    close(place);
    close(file);
    unlink("file");
    close(p[0]);
    close(p[1]);
    close(copy);
    close(ep);
}

static void level_edge_once(void)
{
    int ep = epoll_create1(0), p[2];
    char c[8];
    CHECK(pipe(p) == 0 && control(ep, EPOLL_CTL_ADD, p[0], EPOLLIN) == 0);
    CHECK(one(ep, p[0]) == 0);
    CHECK(write(p[1], "ab", 2) == 2);
    CHECK(one(ep, p[0]) == EPOLLIN && one(ep, p[0]) == EPOLLIN);
    CHECK(read(p[0], c, 1) == 1 && one(ep, p[0]) == EPOLLIN);
    CHECK(read(p[0], c, 1) == 1 && one(ep, p[0]) == 0);

    CHECK(write(p[1], "ab", 2) == 2);
    CHECK(control(ep, EPOLL_CTL_MOD, p[0], EPOLLIN | EPOLLET) == 0);
    CHECK(one(ep, p[0]) == EPOLLIN && one(ep, p[0]) == 0);
    CHECK(read(p[0], c, 1) == 1 && one(ep, p[0]) == 0); /* what is left is no news */
    CHECK(write(p[1], "c", 1) == 1 && one(ep, p[0]) == EPOLLIN && one(ep, p[0]) == 0);
    CHECK(read(p[0], c, 8) == 2 && one(ep, p[0]) == 0);

    CHECK(control(ep, EPOLL_CTL_MOD, p[0], EPOLLIN | EPOLLONESHOT) == 0);
    CHECK(write(p[1], "d", 1) == 1 && one(ep, p[0]) == EPOLLIN && one(ep, p[0]) == 0);
    CHECK(write(p[1], "e", 1) == 1 && one(ep, p[0]) == 0);
    CHECK(control(ep, EPOLL_CTL_MOD, p[0], EPOLLIN | EPOLLONESHOT) == 0);
    CHECK(one(ep, p[0]) == EPOLLIN && one(ep, p[0]) == 0);

    CHECK(control(ep, EPOLL_CTL_MOD, p[0], 0) == 0 && one(ep, p[0]) == 0);
    close(p[1]);
    CHECK(one(ep, p[0]) == EPOLLHUP); /* is not asked for */
    close(p[0]);
    CHECK(one(ep, p[0]) == 0);

    CHECK(pipe(p) == 0 && control(ep, EPOLL_CTL_ADD, p[1], EPOLLOUT | EPOLLET) == 0);
    CHECK(one(ep, p[1]) == EPOLLOUT && one(ep, p[1]) == 0);
    close(p[0]);
    CHECK(one(ep, p[1]) & EPOLLERR);
    close(p[1]);
    close(ep);
}

static void closing(void)
{
    int ep = epoll_create1(0), p[2];
    CHECK(pipe(p) == 0 && write(p[1], "x", 1) == 1);
    int copy = dup(p[0]);
    CHECK(control(ep, EPOLL_CTL_ADD, p[0], EPOLLIN) == 0);
    close(p[0]);
    CHECK(one(ep, p[0]) == EPOLLIN); /* the file is open still */
    close(copy);
    CHECK(one(ep, p[0]) == 0);
    close(ep);
    close(p[1]);
}

static void nesting(void)
{
    int inner = epoll_create1(0), outer = epoll_create1(0), event = eventfd(0, 0);
    CHECK(control(inner, EPOLL_CTL_ADD, event, EPOLLIN) == 0);
    CHECK(control(outer, EPOLL_CTL_ADD, inner, EPOLLIN) == 0);
    CHECK_ERROR(control(inner, EPOLL_CTL_ADD, outer, EPOLLIN), ELOOP);
    struct pollfd f = {outer, POLLIN, 0};
    CHECK(one(outer, inner) == 0 && poll(&f, 1, 0) == 0);
    uint64_t v = 1;
    CHECK(write(event, &v, sizeof v) == 8);
    CHECK(one(outer, inner) == EPOLLIN && poll(&f, 1, 0) == 1 && one(inner, event) == EPOLLIN);
    CHECK(read(event, &v, sizeof v) == 8 && one(outer, inner) == 0);

    int chain[7];
    chain[0] = inner;
    int made = 1, result = 0;
    while (made < 7 && result == 0) {
        chain[made] = epoll_create1(0);
        result = control(chain[made], EPOLL_CTL_ADD, chain[made - 1], EPOLLIN);
        made++;
    }
    CHECK(result == -1 && errno == ELOOP && made == 6);
    for (int i = 1; i < made; i++)
        close(chain[i]);
    close(inner);
    close(outer);
    close(event);
}

/* Many ready: each wait goes on where the last one ended. */
static void many(void)
{
    enum { COUNT = 20 };
    int ep = epoll_create1(0), fd[COUNT], hits[COUNT] = {0};
    struct epoll_event e[3];
    for (int i = 0; i < COUNT; i++) {
        fd[i] = eventfd(1, 0);
        CHECK(control(ep, EPOLL_CTL_ADD, fd[i], EPOLLIN) == 0);
    }
    for (int round = 0; round < COUNT; round++) {
        int n = epoll_wait(ep, e, 3, 0);
        CHECK(n == 3);
        for (int k = 0; k < n; k++) {
            for (int i = 0; i < COUNT; i++)
                hits[i] += e[k].data.u64 == 0x123456789abcull + (unsigned)fd[i];
        }
    }
    int fair = 1;
    for (int i = 0; i < COUNT; i++) {
        fair &= hits[i] == 3;
        close(fd[i]);
    }
    CHECK(fair);
    close(ep);
}

static void *write_later(void *arg)
{
    nanosleep(&(struct timespec){0, 50000000}, NULL);
    CHECK(write((int)(intptr_t)arg, "12345678", 8) == 8);
    return NULL;
}

static void *close_later(void *arg)
{
    nanosleep(&(struct timespec){0, 50000000}, NULL);
    close((int)(intptr_t)arg);
    return NULL;
}

static volatile sig_atomic_t signals;

static void count_signal(int number)
{
    (void)number;
    signals = signals + 1;
}

static void waiting(void)
{
    int ep = epoll_create1(0), p[2];
    struct epoll_event e;
    struct timespec begin, end;
    pthread_t t;
    CHECK(pipe(p) == 0 && control(ep, EPOLL_CTL_ADD, p[0], EPOLLIN | EPOLLET) == 0);
    clock_gettime(CLOCK_MONOTONIC, &begin);
    CHECK(epoll_wait(ep, &e, 1, 40) == 0);
    clock_gettime(CLOCK_MONOTONIC, &end);
    CHECK((end.tv_sec - begin.tv_sec) * 1000000000 + end.tv_nsec - begin.tv_nsec >= 39000000);
    CHECK(pthread_create(&t, NULL, write_later, (void *)(intptr_t)p[1]) == 0);
    CHECK(epoll_wait(ep, &e, 1, -1) == 1 && e.events == EPOLLIN);
    pthread_join(t, NULL);
    CHECK(pthread_create(&t, NULL, close_later, (void *)(intptr_t)p[1]) == 0);
    CHECK(epoll_wait(ep, &e, 1, 10000) == 1 && e.events == (EPOLLIN | EPOLLHUP));
    pthread_join(t, NULL);

    /* A descriptor that is added while another thread waits. */
    int event = eventfd(0, 0);
    CHECK(control(ep, EPOLL_CTL_ADD, event, EPOLLIN) == 0);
    CHECK(pthread_create(&t, NULL, write_later, (void *)(intptr_t)event) == 0);
    CHECK(syscall(SYS_epoll_pwait2, ep, &e, 1, &(struct timespec){10, 0}, NULL, 0) == 1);
    pthread_join(t, NULL);
    close(p[0]);
    close(event);

    sigset_t blocked, none;
    struct sigaction action = {.sa_handler = count_signal, .sa_flags = SA_RESTART};
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    sigemptyset(&none);
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR1);
    CHECK(sigprocmask(SIG_BLOCK, &blocked, NULL) == 0 && raise(SIGUSR1) == 0);
    CHECK(epoll_wait(ep, &e, 1, 10) == 0 && signals == 0);
    CHECK_ERROR(epoll_pwait(ep, &e, 1, 1000, &none), EINTR);
    CHECK(signals == 1);
    CHECK_ERROR(syscall(SYS_epoll_pwait, ep, &e, 1, 0, &none, 4), EINVAL);
    close(ep);
}

/* Files and epolls that go at the same moment. */
static void *churn(void *arg)
{
    int *ep = arg;
    for (int i = 0; i < 300; i++) {
        int event = eventfd(1, EFD_NONBLOCK);
        control(*ep, EPOLL_CTL_ADD, event, EPOLLIN | EPOLLET);
        close(event);
    }
    return NULL;
}

static void races(void)
{
    for (int round = 0; round < guest_count(20, 500); round++) {
        int ep = epoll_create1(0);
        pthread_t t[3];
        struct epoll_event e[4];
        for (int i = 0; i < 3; i++)
            CHECK(pthread_create(&t[i], NULL, churn, &ep) == 0);
        for (int i = 0; i < 50; i++)
            CHECK(epoll_wait(ep, e, 4, 0) >= 0);
        close(ep);
        for (int i = 0; i < 3; i++)
            pthread_join(t[i], NULL);
    }
}

int main(void)
{
    errors();
    level_edge_once();
    closing();
    nesting();
    many();
    races();
    waiting();
    return guest_result();
}
