/* SPDX-License-Identifier: MIT */
/* Timers that are files: timerfd_create(2), and waiting for them. */

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>

#include "guest_clock.h"

static int set(int fd, int64_t value, int64_t interval)
{
    struct itimerspec it = setting(value, interval);
    return timerfd_settime(fd, 0, &it, NULL);
}

static int new_timer(int flags)
{
    int fd = timerfd_create(CLOCK_MONOTONIC, flags);
    CHECK(fd >= 0);
    return fd;
}

/* What a read gives, or its error. */
static int64_t expiries(int fd)
{
    uint64_t n = 0;
    ssize_t size = read(fd, &n, sizeof n);
    return size == sizeof n ? (int64_t)n : -errno;
}

static void errors(void)
{
    struct itimerspec it = setting(0, 0), old;
    CHECK_ERROR(timerfd_create(CLOCK_MONOTONIC, 1), EINVAL);
    CHECK_ERROR(timerfd_create(CLOCK_PROCESS_CPUTIME_ID, 0), EINVAL);
    CHECK_ERROR(timerfd_create(CLOCK_MONOTONIC_RAW, 0), EINVAL);
    CHECK_ERROR(timerfd_create(77, 0), EINVAL);
    int fd = new_timer(TFD_NONBLOCK | TFD_CLOEXEC);
    CHECK(fcntl(fd, F_GETFD) == FD_CLOEXEC);
    CHECK(fcntl(fd, F_GETFL) == (O_RDWR | O_NONBLOCK));
    CHECK_ERROR(timerfd_settime(fd, 8, &it, NULL), EINVAL);
    CHECK_ERROR(timerfd_settime(-1, 8, &it, NULL), EINVAL);
    CHECK_ERROR(timerfd_settime(-1, 8, NULL, NULL), EFAULT);
    CHECK_ERROR(timerfd_settime(-1, 0, &it, NULL), EBADF);
    CHECK_ERROR(timerfd_settime(1, 0, &it, NULL), EINVAL);
    CHECK_ERROR(timerfd_gettime(1, &it), EINVAL);
    CHECK_ERROR(timerfd_gettime(99, &it), EBADF);
    CHECK_ERROR(syscall(SYS_timerfd_gettime, fd, 1), EFAULT);
    it = setting(1, 0);
    it.it_value.tv_nsec = SECOND;
    CHECK_ERROR(timerfd_settime(fd, 0, &it, NULL), EINVAL);
    it = setting(1, 0);
    it.it_interval.tv_nsec = -1;
    CHECK_ERROR(timerfd_settime(fd, 0, &it, NULL), EINVAL);
    it = setting(1, 0);
    it.it_value.tv_sec = -1;
    CHECK_ERROR(timerfd_settime(fd, 0, &it, NULL), EINVAL);
    uint64_t n;
    CHECK_ERROR(read(fd, &n, 7), EINVAL);
    CHECK_ERROR(read(fd, &n, 8), EAGAIN);
    CHECK_ERROR(write(fd, &n, 8), EINVAL);
    CHECK_ERROR(pread(fd, &n, 8, 0), ESPIPE);
    CHECK(lseek(fd, 5, SEEK_SET) == 0);
    CHECK(timerfd_gettime(fd, &old) == 0 && old.it_value.tv_sec == 0 && old.it_value.tv_nsec == 0);
    struct stat st;
    CHECK(fstat(fd, &st) == 0 && (st.st_mode & S_IFMT) == 0);
    CHECK(timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &it, NULL) == -1);
    it = setting(1, 0);
    CHECK(set(fd, 1, 0) == 0);
    nap(MS);
    CHECK_ERROR(read(fd, (void *)1, 8), EFAULT);
    CHECK(close(fd) == 0);
}

static void reads(void)
{
    int fd = new_timer(0);
    struct itimerspec it, old;

    /* Once. */
    int64_t start = now(CLOCK_MONOTONIC);
    CHECK(set(fd, 20 * MS, 0) == 0);
    CHECK(timerfd_gettime(fd, &it) == 0 && it.it_value.tv_sec == 0);
    CHECK(it.it_value.tv_nsec > 0 && it.it_value.tv_nsec <= 20 * MS);
    CHECK(expiries(fd) == 1 && now(CLOCK_MONOTONIC) - start >= 20 * MS - 1000);
    CHECK(timerfd_gettime(fd, &it) == 0 && it.it_value.tv_nsec == 0);
    CHECK(fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
    CHECK(expiries(fd) == -EAGAIN);

    /* Again and again: what was not read adds up, and no expiry is counted twice or lost. */
    start = now(CLOCK_MONOTONIC);
    CHECK(set(fd, 10 * MS, 5 * MS) == 0);
    int64_t begun = now(CLOCK_MONOTONIC), sum = 0;
    for (int i = 0; i < 6; i++) {
        nap((i % 3) * 7 * MS);
        int64_t n = expiries(fd);
        sum += n > 0 ? n : 0;
    }
    nap(7 * MS);
    int64_t before = now(CLOCK_MONOTONIC);
    sum += expiries(fd);
    CHECK(sum <= (now(CLOCK_MONOTONIC) - start - 10 * MS) / (5 * MS) + 1);
    CHECK(sum >= (before - begun - 10 * MS) / (5 * MS));
    CHECK(timerfd_gettime(fd, &it) == 0);
    CHECK(it.it_interval.tv_nsec == 5 * MS && it.it_value.tv_nsec <= 5 * MS);

    /* Setting it forgets what it counted, and tells the old setting; an interval stays. */
    it = setting(0, 7 * MS);
    nap(12 * MS);
    CHECK(timerfd_settime(fd, 0, &it, &old) == 0 && old.it_interval.tv_nsec == 5 * MS);
    CHECK(old.it_value.tv_nsec > 0 && old.it_value.tv_nsec <= 5 * MS);
    CHECK(expiries(fd) == -EAGAIN);
    CHECK(timerfd_gettime(fd, &it) == 0);
    CHECK(it.it_interval.tv_nsec == 7 * MS && it.it_value.tv_nsec == 0);

    /* Looking at the setting lets it go on, and keeps the count. */
    CHECK(set(fd, MS, 2 * SECOND) == 0);
    nap(3 * MS);
    CHECK(timerfd_gettime(fd, &it) == 0 && it.it_value.tv_sec == 1);
    CHECK(expiries(fd) == 1 && expiries(fd) == -EAGAIN);

    /* So long that it never comes. */
    it.it_value.tv_sec = INT64_MAX;
    CHECK(timerfd_settime(fd, 0, &it, NULL) == 0);
    CHECK(expiries(fd) == -EAGAIN);
    close(fd);
}

static void absolute(void)
{
    static const clockid_t clocks[] = {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME};
    for (int i = 0; i < 3; i++) {
        int fd = timerfd_create(clocks[i], 0);
        int64_t at = now(clocks[i]) + 15 * MS;
        struct itimerspec it = setting(at, 0);
        int flags = TFD_TIMER_ABSTIME | (i == 0 ? TFD_TIMER_CANCEL_ON_SET : 0);
        CHECK(timerfd_settime(fd, flags, &it, NULL) == 0);
        CHECK(expiries(fd) == 1 && now(clocks[i]) >= at - 20000);
        it = setting(at - 10 * SECOND, SECOND); /* long past: all of them */
        CHECK(timerfd_settime(fd, flags, &it, NULL) == 0);
        int64_t n = expiries(fd);
        CHECK(n >= 11 && n < 60);
        CHECK(timerfd_gettime(fd, &it) == 0 && it.it_value.tv_sec == 0);
        it = setting(1, 0);
        CHECK(timerfd_settime(fd, flags, &it, NULL) == 0 && expiries(fd) == 1);
        close(fd);
    }
}

static void polls(void)
{
    int fd = new_timer(TFD_NONBLOCK), idle = new_timer(TFD_NONBLOCK);
    struct pollfd p[] = {{.fd = fd, .events = POLLIN}, {.fd = idle, .events = POLLIN | POLLOUT}};
    CHECK(poll(p, 2, 0) == 0);
    CHECK(set(fd, 10 * MS, 0) == 0);
    int64_t start = now(CLOCK_MONOTONIC);
    CHECK(poll(p, 2, 30000) == 1 && p[0].revents == POLLIN && p[1].revents == 0);
    CHECK(now(CLOCK_MONOTONIC) - start >= 9 * MS && now(CLOCK_MONOTONIC) - start < 10 * SECOND);
    CHECK(poll(p, 2, -1) == 1); /* until it is read */
    CHECK(expiries(fd) == 1 && poll(p, 2, 5) == 0);

    /* The earlier deadline of the two counts. */
    CHECK(set(fd, 20 * SECOND, 0) == 0);
    CHECK(poll(p, 2, 5) == 0);
    CHECK(set(fd, 10 * MS, 0) == 0);
    fd_set in;
    FD_ZERO(&in);
    FD_SET(fd, &in);
    FD_SET(idle, &in);
    CHECK(select(idle + 1 > fd ? idle + 1 : fd + 1, &in, NULL, NULL, NULL) == 1);
    CHECK(FD_ISSET(fd, &in) && !FD_ISSET(idle, &in));
    close(fd);
    close(idle);
}

static int wait_ms(int ep, int ms)
{
    struct epoll_event e;
    return epoll_wait(ep, &e, 1, ms);
}

static void epolls(void)
{
    int fd = new_timer(TFD_NONBLOCK), ep = epoll_create1(0), outer = epoll_create1(0);
    struct epoll_event e = {.events = EPOLLIN};
    CHECK(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e) == 0);
    CHECK(epoll_ctl(outer, EPOLL_CTL_ADD, ep, &e) == 0);

    CHECK(set(fd, 10 * MS, 0) == 0);
    CHECK(wait_ms(ep, 30000) == 1 && wait_ms(ep, -1) == 1);
    CHECK(wait_ms(outer, 30000) == 1);
    CHECK(expiries(fd) == 1 && wait_ms(ep, 3) == 0 && wait_ms(outer, 3) == 0);
    CHECK(set(fd, 10 * MS, 0) == 0);
    CHECK(wait_ms(outer, -1) == 1); /* an epoll in an epoll sleeps until then, too */
    CHECK(expiries(fd) == 1);

    /* Edges: one for each arming, and after each read of one that repeats. */
    e.events = EPOLLIN | EPOLLET;
    CHECK(epoll_ctl(ep, EPOLL_CTL_MOD, fd, &e) == 0);
    CHECK(wait_ms(ep, 0) == 0);
    CHECK(set(fd, 5 * MS, 0) == 0);
    CHECK(wait_ms(ep, -1) == 1 && wait_ms(ep, 12) == 0);
    CHECK(set(fd, 5 * MS, 0) == 0);
    CHECK(wait_ms(ep, -1) == 1 && wait_ms(ep, 12) == 0);
    CHECK(set(fd, 5 * MS, 5 * MS) == 0);
    CHECK(wait_ms(ep, -1) == 1 && wait_ms(ep, 12) == 0); /* not read: no new edge */
    for (int i = 0; i < 5; i++) {
        CHECK(expiries(fd) >= 1);
        CHECK(wait_ms(ep, -1) == 1);
    }
    struct itimerspec it;
    CHECK(timerfd_gettime(fd, &it) == 0); /* lets it go on as well */
    CHECK(wait_ms(ep, -1) == 1);

    /* Edges through two epolls. */
    CHECK(set(fd, 0, 0) == 0);
    CHECK(epoll_ctl(outer, EPOLL_CTL_MOD, ep, &e) == 0);
    e.events = EPOLLIN;
    CHECK(epoll_ctl(ep, EPOLL_CTL_MOD, fd, &e) == 0);
    CHECK(wait_ms(outer, 0) == 0);
    CHECK(set(fd, 5 * MS, 0) == 0);
    CHECK(wait_ms(outer, -1) == 1 && wait_ms(outer, 8) == 0);

    /* Once only. */
    e.events = EPOLLIN | EPOLLONESHOT;
    CHECK(set(fd, 5 * MS, 5 * MS) == 0);
    CHECK(epoll_ctl(ep, EPOLL_CTL_MOD, fd, &e) == 0);
    CHECK(wait_ms(ep, -1) == 1 && expiries(fd) >= 1 && wait_ms(ep, 12) == 0);
    close(outer);
    close(ep);
    close(fd);
}

static void *set_soon(void *arg)
{
    int fd = (int)(intptr_t)arg;
    nap(20 * MS);
    CHECK(set(fd, 5 * MS, 0) == 0);
    return NULL;
}

static void *read_one(void *arg)
{
    return (void *)(intptr_t)expiries((int)(intptr_t)arg);
}

/* Who sleeps notices that the timer is set anew, wherever it sleeps. */
static void others_set_it(void)
{
    int fd = new_timer(0), ep = epoll_create1(0), outer = epoll_create1(0);
    struct epoll_event e = {.events = EPOLLIN};
    struct pollfd p = {.fd = fd, .events = POLLIN};
    CHECK(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e) == 0);
    CHECK(epoll_ctl(outer, EPOLL_CTL_ADD, ep, &e) == 0);
    for (int how = 0; how < 8; how++) {
        pthread_t t;
        /* Not armed, and armed for a time that does not come. */
        CHECK(set(fd, how < 4 ? 0 : 1000 * SECOND, 0) == 0);
        CHECK(pthread_create(&t, NULL, set_soon, (void *)(intptr_t)fd) == 0);
        if (how % 4 == 1)
            CHECK(poll(&p, 1, -1) == 1);
        else if (how % 4 == 2)
            CHECK(wait_ms(ep, -1) == 1);
        else if (how % 4 == 3)
            CHECK(wait_ms(outer, -1) == 1);
        CHECK(expiries(fd) == 1);
        pthread_join(t, NULL);
    }

    /* Each expiry goes to one reader. */
    pthread_t readers[4];
    int64_t sum = 0;
    CHECK(set(fd, 5 * MS, 5 * MS) == 0);
    for (int i = 0; i < 4; i++)
        CHECK(pthread_create(&readers[i], NULL, read_one, (void *)(intptr_t)fd) == 0);
    for (int i = 0; i < 4; i++) {
        void *n;
        pthread_join(readers[i], &n);
        CHECK((intptr_t)n >= 1);
        sum += (intptr_t)n;
    }
    CHECK(sum >= 4);

    /* Closing does not disturb a reader. */
    pthread_t reader;
    void *n;
    int copy = dup(fd);
    CHECK(set(fd, 40 * MS, 0) == 0);
    CHECK(pthread_create(&reader, NULL, read_one, (void *)(intptr_t)copy) == 0);
    nap(10 * MS);
    CHECK(close(fd) == 0 && close(copy) == 0);
    pthread_join(reader, &n);
    CHECK((intptr_t)n == 1);
    CHECK(wait_ms(ep, 0) == 0); /* and it is in the epoll no more */
    close(outer);
    close(ep);
}

#define MANY 300

static void many(void)
{
    static int fds[MANY];
    int ep = epoll_create1(0), seen[MANY] = {0}, total = 0, last = -1, disorder = 0;
    for (int i = 0; i < MANY; i++) {
        struct epoll_event e = {.events = EPOLLIN | (i % 2 ? EPOLLET : 0), .data.u32 = (unsigned)i};
        fds[i] = new_timer(TFD_NONBLOCK);
        CHECK(epoll_ctl(ep, EPOLL_CTL_ADD, fds[i], &e) == 0);
    }
    for (int i = 0; i < MANY; i++)
        CHECK(set(fds[i], 20 * MS + i * MS / 10, 0) == 0);
    while (total < MANY) {
        struct epoll_event e[16];
        int n = epoll_wait(ep, e, 16, 10000);
        CHECK(n > 0);
        if (n <= 0)
            break;
        for (int i = 0; i < n; i++) {
            int which = (int)e[i].data.u32;
            CHECK(expiries(fds[which]) == 1);
            seen[which]++;
            disorder += which < last - 200;
            last = which;
        }
        total += n;
    }
    for (int i = 0; i < MANY; i++) {
        CHECK(seen[i] == 1);
        close(fds[i]);
    }
    CHECK(disorder == 0);
    CHECK(wait_ms(ep, 0) == 0);
    close(ep);
}

static volatile int stop;

static void *set_always(void *arg)
{
    int fd = (int)(intptr_t)arg;
    for (int i = 0; !stop; i++)
        CHECK(set(fd, i % 3 ? 1 : 100000, i % 2 ? 0 : 50000) == 0);
    CHECK(set(fd, 1, 0) == 0);
    return NULL;
}

/* Setting and reading at the same time: nobody hangs, and no read gives 0. */
static void races(void)
{
    int fd = new_timer(0);
    pthread_t t;
    CHECK(pthread_create(&t, NULL, set_always, (void *)(intptr_t)fd) == 0);
    long bad = 0;
    for (long i = guest_count(500, 50000); i > 0; i--)
        bad += expiries(fd) < 1;
    stop = 1;
    pthread_join(t, NULL);
    CHECK(bad == 0);
    CHECK(expiries(fd) == 1);
    close(fd);
}

int main(void)
{
    errors();
    reads();
    absolute();
    polls();
    epolls();
    others_set_it();
    many();
    races();
    return guest_result();
}
