/* SPDX-License-Identifier: MIT */
/* poll(2), ppoll(2), select(2), pselect(2). */

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
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void *write_later(void *arg)
{
    nanosleep(&(struct timespec){0, 20000000}, NULL);
    CHECK(write(*(int *)arg, "12345678", 8) == 8);
    return NULL;
}

static void polls(void)
{
    int fds[2];
    char buf[8];
    pthread_t thread;
    CHECK(pipe(fds) == 0);
    int file = open("poll.tmp", O_RDWR | O_CREAT, 0600);
    struct pollfd p[4] = {
        {fds[0], POLLIN, 0x7f}, {file, POLLIN | POLLOUT, 0}, {-1, POLLIN, 0x7f}, {999, POLLIN, 0}};
    CHECK(poll(p, 4, -1) == 2); /* a file is always ready, a closed descriptor is too */
    CHECK(p[0].revents == 0 && p[1].revents == (POLLIN | POLLOUT));
    CHECK(p[2].revents == 0 && p[3].revents == POLLNVAL);
    CHECK(poll(p, 1, 0) == 0);
    int64_t start = now_ms();
    CHECK(poll(p, 1, 20) == 0 && now_ms() - start >= 20);
    CHECK(poll(NULL, 0, 5) == 0);

    CHECK(pthread_create(&thread, NULL, write_later, &fds[1]) == 0);
    CHECK(poll(p, 1, 10000) == 1 && p[0].revents == POLLIN);
    pthread_join(thread, NULL);
    CHECK(poll(p, 1, -1) == 1 && read(fds[0], buf, 8) == 8);

    int event = eventfd(0, 0);
    p[1] = (struct pollfd){event, POLLIN, 0};
    CHECK(pthread_create(&thread, NULL, write_later, &event) == 0);
    CHECK(poll(p, 2, 10000) == 1 && p[0].revents == 0 && p[1].revents == POLLIN);
    pthread_join(thread, NULL);
    close(event);

    struct timespec short_time = {0, 10000000}, bad = {0, -1};
    CHECK(ppoll(p, 1, &short_time, NULL) == 0);
    CHECK_ERROR(ppoll(p, 1, &bad, NULL), EINVAL);
    CHECK_ERROR(syscall(SYS_poll, 8, 1, 0), EFAULT);
    struct rlimit limit;
    CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    CHECK_ERROR(syscall(SYS_poll, p, limit.rlim_cur + 1, 0), EINVAL);
    close(file);
    CHECK(unlink("poll.tmp") == 0);
    close(fds[0]);
    close(fds[1]);
}

static volatile sig_atomic_t caught;

static void handle(int sig)
{
    (void)sig;
    caught++;
}

/* The mask of ppoll() and pselect() lets a pending signal in. */
static void signal_masks(void)
{
    sigset_t usr1, none, now;
    struct sigaction action = {.sa_handler = handle, .sa_flags = SA_RESTART};
    struct timespec wait = {10, 0};
    sigemptyset(&none);
    sigemptyset(&usr1);
    sigaddset(&usr1, SIGUSR1);
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    CHECK(sigprocmask(SIG_BLOCK, &usr1, NULL) == 0);
    raise(SIGUSR1);
    CHECK(caught == 0);
    CHECK_ERROR(ppoll(NULL, 0, &wait, &none), EINTR);
    CHECK(caught == 1);
    raise(SIGUSR1);
    CHECK_ERROR(pselect(0, NULL, NULL, NULL, &wait, &none), EINTR);
    CHECK(caught == 2);
    CHECK(sigprocmask(SIG_UNBLOCK, &usr1, &now) == 0 && sigismember(&now, SIGUSR1));
}

static void selects(void)
{
    int fds[2];
    fd_set in, out;
    pthread_t thread;
    CHECK(pipe(fds) == 0);
    struct timeval zero = {0, 0}, soon = {0, 20000}, long_time = {10, 0};
    FD_ZERO(&in);
    FD_ZERO(&out);
    FD_SET(fds[0], &in);
    FD_SET(fds[1], &out);
    CHECK(select(fds[1] + 1, &in, &out, NULL, &zero) == 1);
    CHECK(!FD_ISSET(fds[0], &in) && FD_ISSET(fds[1], &out));
    FD_SET(fds[0], &in);
    int64_t start = now_ms();
    CHECK(select(fds[0] + 1, &in, NULL, NULL, &soon) == 0 && now_ms() - start >= 20);
    CHECK(soon.tv_sec == 0 && soon.tv_usec == 0); /* Linux writes what is left */

    FD_SET(fds[0], &in);
    CHECK(pthread_create(&thread, NULL, write_later, &fds[1]) == 0);
    CHECK(select(fds[0] + 1, &in, NULL, NULL, &long_time) == 1 && FD_ISSET(fds[0], &in));
    CHECK(long_time.tv_sec <= 9);
    pthread_join(thread, NULL);

    /* One that was just open: Linux ignores numbers beyond its table, which has room for 64. */
    int closed = dup(fds[0]);
    close(closed);
    FD_SET(closed, &in);
    CHECK_ERROR(select(closed + 1, &in, NULL, NULL, &zero), EBADF);
    CHECK_ERROR(select(-1, NULL, NULL, NULL, &zero), EINVAL);
    zero.tv_sec = -1;
    CHECK_ERROR(select(0, NULL, NULL, NULL, &zero), EINVAL);
    CHECK_ERROR(syscall(SYS_select, 64, 8, NULL, NULL, NULL), EFAULT);
    close(fds[0]);
    close(fds[1]);
}

int main(void)
{
    polls();
    signal_masks();
    selects();
    return guest_result();
}
