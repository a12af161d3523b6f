/* SPDX-License-Identifier: MIT */
/* poll(2), ppoll(2), select(2), pselect6(2): readiness, timeouts, wakes, signal masks. */

#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <time.h>

#include "guest.h"

static int64_t now_ms(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static short ready(int fd, short events)
{
    struct pollfd p = {fd, events, -1};
    int n = poll(&p, 1, 0);
    CHECK(n == (p.revents != 0));
    return p.revents;
}

static void readiness(void)
{
    int p[2], file = open("file", O_RDWR | O_CREAT, 0600), dir = open(".", O_RDONLY);
    int place = open("file", O_PATH), event = eventfd(0, 0);
    char block[65536];
    const short all = POLLIN | POLLOUT | POLLPRI | POLLRDNORM | POLLWRNORM;
    memset(block, 0, sizeof block);
    CHECK(pipe(p) == 0);
    CHECK(ready(p[0], all) == 0 && ready(p[1], all) == (POLLOUT | POLLWRNORM));
    CHECK(write(p[1], "x", 1) == 1 && ready(p[0], all) == (POLLIN | POLLRDNORM));
    CHECK(ready(p[0], POLLIN) == POLLIN && ready(p[0], POLLOUT) == 0);
    CHECK(fcntl(p[1], F_SETFL, O_NONBLOCK) == 0 && write(p[1], block, sizeof block) > 0);
    CHECK(ready(p[1], all) == 0);
    CHECK(ready(file, all) == (POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM));
    CHECK(ready(dir, POLLIN) == POLLIN);
    CHECK(ready(place, POLLIN) == POLLNVAL && ready(900, POLLIN) == POLLNVAL);
    CHECK(ready(-1, POLLIN) == 0);
    CHECK(ready(event, POLLIN | POLLOUT) == POLLOUT);
    close(p[1]);
    CHECK((ready(p[0], 0) & POLLHUP) == POLLHUP);
    close(p[0]);
    CHECK(pipe(p) == 0);
    close(p[0]);
    CHECK((ready(p[1], 0) & POLLERR) == POLLERR);
    close(p[1]);
    close(file);
    close(dir);
    close(place);
    close(event);
    unlink("file");
}

static void timeouts(void)
{
    int p[2];
    CHECK(pipe(p) == 0);
    struct pollfd f = {p[0], POLLIN, 0};
    int64_t begin = now_ms();
    CHECK(poll(&f, 1, 60) == 0 && now_ms() - begin >= 59);
    begin = now_ms();
    CHECK(poll(NULL, 0, 30) == 0 && now_ms() - begin >= 29);
    begin = now_ms();
    CHECK(ppoll(&f, 1, &(struct timespec){0, 40000000}, NULL) == 0 && now_ms() - begin >= 39);
    struct timeval tv = {0, 50000};
    fd_set in;
    FD_ZERO(&in);
    FD_SET(p[0], &in);
    begin = now_ms();
    CHECK(syscall(SYS_select, p[0] + 1, &in, NULL, NULL, &tv) == 0 && now_ms() - begin >= 49);
    CHECK(!FD_ISSET(p[0], &in) && tv.tv_sec == 0 && tv.tv_usec == 0);
    begin = now_ms();
    CHECK(select(0, NULL, NULL, NULL, &(struct timeval){0, 20000}) == 0 && now_ms() - begin >= 19);
    struct timespec ts = {5, 0};
    CHECK(write(p[1], "x", 1) == 1);
    FD_SET(p[0], &in);
    CHECK(syscall(SYS_pselect6, p[0] + 1, &in, NULL, NULL, &ts, NULL) == 1 && FD_ISSET(p[0], &in));
    CHECK(ts.tv_sec == 4 && ts.tv_nsec > 0);
    CHECK_ERROR(ppoll(&f, 1, &(struct timespec){-1, 0}, NULL), EINVAL);
    CHECK_ERROR(ppoll(&f, 1, &(struct timespec){0, 1000000000}, NULL), EINVAL);
    CHECK_ERROR(syscall(SYS_select, -1, NULL, NULL, NULL, NULL), EINVAL);
    CHECK_ERROR(syscall(SYS_select, 0, NULL, NULL, NULL, &(struct timeval){-1, 0}), EINVAL);
    sigset_t set;
    sigemptyset(&set);
    CHECK_ERROR(syscall(SYS_ppoll, &f, 1, NULL, &set, 4), EINVAL);
    struct rlimit limit = {8, 8}, old;
    struct pollfd many[9];
    memset(many, -1, sizeof many);
    CHECK(getrlimit(RLIMIT_NOFILE, &old) == 0);
    limit.rlim_max = old.rlim_max;
    CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    CHECK_ERROR(poll(many, 9, 0), EINVAL);
    CHECK(poll(many, 8, 0) == 0);
    CHECK(setrlimit(RLIMIT_NOFILE, &old) == 0);
    close(p[0]);
    close(p[1]);
}

static void sets(void)
{
    int p[2], q[2];
    fd_set in, out, ex;
    CHECK(pipe(p) == 0 && pipe(q) == 0 && write(q[1], "x", 1) == 1);
    FD_ZERO(&in);
    FD_ZERO(&out);
    FD_ZERO(&ex);
    FD_SET(p[0], &in);
    FD_SET(q[0], &in);
    FD_SET(p[1], &out);
    FD_SET(q[0], &ex);
    CHECK(select(q[1] + 1, &in, &out, &ex, NULL) == 2);
    CHECK(!FD_ISSET(p[0], &in) && FD_ISSET(q[0], &in) && FD_ISSET(p[1], &out));
    CHECK(!FD_ISSET(q[0], &ex));
    close(q[0]);
    FD_SET(q[0], &in);
    CHECK_ERROR(select(q[1] + 1, &in, NULL, NULL, NULL), EBADF);
    close(q[1]);
    close(p[1]);
    FD_ZERO(&in);
    FD_SET(p[0], &in);
    CHECK(select(p[0] + 1, &in, NULL, NULL, NULL) == 1 && FD_ISSET(p[0], &in)); /* its end */
    close(p[0]);
}

static void *write_later(void *arg)
{
    nanosleep(&(struct timespec){0, 50000000}, NULL);
    CHECK(write((int)(intptr_t)arg, "12345678", 8) == 8);
    return NULL;
}

static void wakes(void)
{
    int p[2], q[2], event = eventfd(0, 0);
    pthread_t t;
    CHECK(pipe(p) == 0 && pipe(q) == 0);
    struct pollfd f[] = {{p[0], POLLIN, 0}, {-1, POLLIN, 0}, {q[0], POLLIN, 0}, {event, POLLIN, 0}};
    CHECK(pthread_create(&t, NULL, write_later, (void *)(intptr_t)q[1]) == 0);
    CHECK(poll(f, 4, -1) == 1 && f[2].revents == POLLIN && !f[0].revents && !f[3].revents);
    pthread_join(t, NULL);
    f[2].fd = -1;
    CHECK(pthread_create(&t, NULL, write_later, (void *)(intptr_t)event) == 0);
    CHECK(poll(f, 4, 10000) == 1 && f[3].revents == POLLIN);
    pthread_join(t, NULL);
    for (int i = 0; i < 2; i++) {
        close(p[i]);
        close(q[i]);
    }
    close(event);
}

static volatile sig_atomic_t signals;

static void count_signal(int number)
{
    (void)number;
    signals = signals + 1;
}

/* A signal that is blocked but for the wait. */
static void masks(void)
{
    sigset_t blocked, none, now;
    int p[2];
    struct sigaction action = {.sa_handler = count_signal, .sa_flags = SA_RESTART};
    CHECK(pipe(p) == 0 && sigaction(SIGUSR1, &action, NULL) == 0);
    sigaction(SIGALRM, &action, NULL);
    sigemptyset(&none);
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR1);
    CHECK(sigprocmask(SIG_BLOCK, &blocked, NULL) == 0 && raise(SIGUSR1) == 0 && signals == 0);
    struct pollfd f = {p[0], POLLIN, 0};
    CHECK(poll(&f, 1, 10) == 0 && signals == 0);
    CHECK_ERROR(ppoll(&f, 1, NULL, &none), EINTR);
    CHECK(signals == 1);
    CHECK(sigprocmask(SIG_BLOCK, NULL, &now) == 0 && sigismember(&now, SIGUSR1) == 1);
    raise(SIGUSR1);
    fd_set in;
    FD_ZERO(&in);
    FD_SET(p[0], &in);
    CHECK_ERROR(pselect(p[0] + 1, &in, NULL, NULL, NULL, &none), EINTR);
    CHECK(signals == 2);
    CHECK(sigprocmask(SIG_BLOCK, NULL, &now) == 0 && sigismember(&now, SIGUSR1) == 1);
    CHECK(write(p[1], "x", 1) == 1 && ppoll(&f, 1, NULL, &none) == 1);
    CHECK(sigprocmask(SIG_BLOCK, NULL, &now) == 0 && sigismember(&now, SIGUSR1) == 1);

    char c;
    CHECK(read(p[0], &c, 1) == 1);
    alarm(1);
    CHECK_ERROR(poll(&f, 1, -1), EINTR); /* never restarted, whatever SA_RESTART says */
    CHECK(signals == 3);
    close(p[0]);
    close(p[1]);
}

int main(void)
{
    readiness();
    timeouts();
    sets();
    wakes();
    masks();
    return guest_result();
}
