/* SPDX-License-Identifier: MIT */
/* Waiting at pseudo-terminals: VMIN and VTIME, full buffers, poll, select, epoll, signals, hangups. */

#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/uio.h>
#include <time.h>

#include "tty.h"

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Someone who acts at the other end after a while. */
struct later {
    pthread_t thread;
    int fd;
    const char *text; /* NULL: it closes the descriptor */
    int times;        /* that it types the text, 50 ms apart */
};

static void *act(void *arg)
{
    struct later *l = arg;
    usleep(100000);
    if (!l->text)
        close(l->fd);
    for (int i = 0; l->text && i < l->times; i++) {
        CHECK(tty_types(l->fd, l->text));
        usleep(50000);
    }
    return NULL;
}

static void do_later(struct later *l, int fd, const char *text, int times)
{
    *l = (struct later){.fd = fd, .text = text, .times = times};
    CHECK(pthread_create(&l->thread, NULL, act, l) == 0);
}

/* ---- VMIN and VTIME ---- */

static void least_bytes(void)
{
    struct pair p = tty_pair(0);
    struct later l;
    char bytes[32];
    tty_raw(p.slave, 5, 0);
    do_later(&l, p.master, "ab", 3);
    CHECK(read(p.slave, bytes, sizeof bytes) >= 5);
    pthread_join(l.thread, NULL);
    tcflush(p.slave, TCIFLUSH);
    do_later(&l, p.master, "ab", 2);
    CHECK(read(p.slave, bytes, 3) == 3); /* fewer are asked for than that */
    pthread_join(l.thread, NULL);
    CHECK(tty_now(p.slave) == POLLOUT);
    CHECK(fcntl(p.slave, F_SETFL, O_NONBLOCK) == 0);
    CHECK(read(p.slave, bytes, sizeof bytes) == 1); /* not waiting, it takes what there is */
    CHECK_ERROR(read(p.slave, bytes, sizeof bytes), EAGAIN);
    tty_close(p);
}

static void between_bytes(void)
{
    struct pair p = tty_pair(0);
    struct later l;
    char bytes[32];
    tty_raw(p.slave, 20, 3);
    do_later(&l, p.master, "a", 4);
    CHECK(read(p.slave, bytes, sizeof bytes) == 4); /* 300 ms after the last one */
    pthread_join(l.thread, NULL);
    CHECK(tty_types(p.master, "xyz") && tty_ready(p.slave, POLLIN));
    CHECK(read(p.slave, bytes, sizeof bytes) == 3);
    tty_close(p);
}

static void some_time(void)
{
    struct pair p = tty_pair(0);
    struct later l;
    char bytes[32];
    tty_raw(p.slave, 0, 2);
    double begin = now();
    CHECK(read(p.slave, bytes, sizeof bytes) == 0);
    CHECK(now() - begin > 0.15);
    tty_raw(p.slave, 0, 50);
    do_later(&l, p.master, "q", 1);
    CHECK(read(p.slave, bytes, sizeof bytes) == 1);
    pthread_join(l.thread, NULL);
    CHECK(fcntl(p.slave, F_SETFL, O_NONBLOCK) == 0);
    CHECK_ERROR(read(p.slave, bytes, sizeof bytes), EAGAIN);
    tty_raw(p.slave, 0, 0);
    CHECK(read(p.slave, bytes, sizeof bytes) == 0); /* it does not wait: that is no EAGAIN */
    CHECK(fcntl(p.slave, F_SETFL, 0) == 0);
    CHECK(read(p.slave, bytes, sizeof bytes) == 0);
    tty_close(p);
}

/* ---- Lines ---- */

static void lines(void)
{
    struct pair p = tty_pair(0);
    struct later l;
    char bytes[32];
    CHECK(tty_types(p.master, "no line yet"));
    CHECK(tty_reads(p.master, "no line yet"));
    CHECK(tty_now(p.slave) == POLLOUT);
    do_later(&l, p.master, "\n", 1);
    CHECK(read(p.slave, bytes, 3) == 3 && !memcmp(bytes, "no ", 3));
    CHECK(read(p.slave, bytes, sizeof bytes) == 9);
    pthread_join(l.thread, NULL);
    CHECK(tty_types(p.master, "ab\004") && tty_ready(p.slave, POLLIN));
    CHECK(read(p.slave, bytes, 2) == 2);
    CHECK(tty_now(p.slave) == POLLOUT); /* the end of file belonged to it */
    CHECK(tty_types(p.master, "\004") && tty_ready(p.slave, POLLIN));
    CHECK(read(p.slave, bytes, sizeof bytes) == 0);
    CHECK(tty_types(p.master, "one\ntwo\n") && tty_ready(p.slave, POLLIN));
    struct iovec v[2] = {{bytes, 2}, {bytes + 2, 30}};
    CHECK(readv(p.slave, v, 2) > 0);
    tty_close(p);
}

/* A line that is too long still ends. */
static void long_line(void)
{
    struct pair p = tty_pair(O_NONBLOCK);
    static char out[6000], in[6000];
    memset(out, 'x', sizeof out);
    struct termios t;
    tcgetattr(p.slave, &t);
    t.c_lflag &= ~(tcflag_t)ECHO;
    tcsetattr(p.slave, TCSANOW, &t);
    CHECK(write(p.master, out, sizeof out) == sizeof out);
    CHECK(write(p.master, "!\n", 2) == 2);
    CHECK(tty_ready(p.slave, POLLIN));
    usleep(50000);
    ssize_t n = read(p.slave, in, sizeof in);
    CHECK(n == 4096 && in[4094] == 'x' && in[4095] == '\n');
    tty_close(p);
}

/* ---- Full buffers ---- */

static void *take(void *arg)
{
    static char bytes[8192];
    int fd = *(int *)arg;
    long sum = 0;
    usleep(50000);
    for (ssize_t n; sum < 100000 && (n = read(fd, bytes, sizeof bytes)) > 0; sum += n) {
        for (ssize_t i = 0; i < n; i++)
            if (bytes[i] != (char)((sum + i) % 251)) {
                CHECK(bytes[i] == (char)((sum + i) % 251));
                return NULL;
            }
    }
    CHECK(sum == 100000);
    return NULL;
}

/* 100000 bytes go through, in order, whichever end writes them. */
static void through(int from_master)
{
    struct pair p = tty_pair(0);
    static char bytes[100000];
    pthread_t thread;
    tty_raw(p.slave, 1, 0);
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)(i % 251);
    CHECK(pthread_create(&thread, NULL, take, from_master ? &p.slave : &p.master) == 0);
    CHECK(write(from_master ? p.master : p.slave, bytes, sizeof bytes) == sizeof bytes);
    pthread_join(thread, NULL);
    tty_close(p);
}

static void full(void)
{
    struct pair p = tty_pair(O_NONBLOCK);
    static char bytes[65536];
    long sum = 0;
    ssize_t n;
    int waits;
    tty_raw(p.slave, 1, 0);
    for (int i = 0; i < 50; i++, usleep(1000))
        while ((n = write(p.slave, bytes, sizeof bytes)) > 0)
            sum += n;
    CHECK(n == -1 && errno == EAGAIN && sum > 8192 && sum < 65536);
    CHECK(!(tty_now(p.slave) & POLLOUT));
    CHECK(ioctl(p.master, FIONREAD, &waits) == 0 && waits == 4095);
    CHECK(read(p.master, bytes, sizeof bytes) == 4095);
    while (sum > 0 && tty_ready(p.master, POLLIN)) {
        n = read(p.master, bytes, sizeof bytes);
        if (n < 0)
            break;
        sum -= n;
        usleep(1000);
    }
    CHECK(sum == 4095);
    CHECK(tty_ready(p.slave, POLLOUT) & POLLOUT);
    tty_close(p);
}

/* ---- Stopped output ---- */

static void stopped(void)
{
    struct pair p = tty_pair(0);
    struct later l;
    char bytes[32];
    CHECK(tcflow(p.slave, TCOOFF) == 0);
    CHECK(!(tty_now(p.slave) & POLLOUT));
    CHECK(tty_types(p.master, "\021")); /* START does not undo that */
    usleep(20000);
    CHECK(!(tty_now(p.slave) & POLLOUT));
    CHECK(tcflow(p.slave, TCOON) == 0 && tty_now(p.slave) & POLLOUT);
    CHECK(tty_types(p.master, "\023")); /* STOP */
    SOON(!(tty_now(p.slave) & POLLOUT));
    do_later(&l, p.master, "\021", 1);
    CHECK(tty_types(p.slave, "on"));
    pthread_join(l.thread, NULL);
    CHECK(read(p.master, bytes, sizeof bytes) == 2);
    CHECK(tcflow(p.slave, TCIOFF) == 0 && tcflow(p.slave, TCION) == 0);
    CHECK(tty_reads(p.master, "\023\021"));
    tty_close(p);
}

/* ---- poll, select, epoll ---- */

static void ready(void)
{
    struct pair p = tty_pair(0);
    struct later l;
    fd_set in, out;
    struct timeval soon = {2, 0};
    tty_raw(p.slave, 3, 0);
    CHECK(tty_now(p.master) == POLLOUT && tty_now(p.slave) == POLLOUT);
    do_later(&l, p.master, "x", 3);
    CHECK(tty_ready(p.slave, POLLIN) == POLLIN); /* not before VMIN bytes are there */
    int waits = 0;
    CHECK(ioctl(p.slave, FIONREAD, &waits) == 0 && waits == 3);
    pthread_join(l.thread, NULL);
    FD_ZERO(&in);
    FD_ZERO(&out);
    FD_SET(p.slave, &in);
    FD_SET(p.master, &in);
    FD_SET(p.master, &out);
    CHECK(select(FD_SETSIZE, &in, &out, NULL, &soon) == 2);
    CHECK(FD_ISSET(p.slave, &in) && !FD_ISSET(p.master, &in) && FD_ISSET(p.master, &out));
    tty_close(p);
}

static void by_epoll(void)
{
    struct pair p = tty_pair(0);
    struct later l;
    struct epoll_event e = {.events = EPOLLIN | EPOLLET}, got;
    char bytes[8];
    int ep = epoll_create1(0);
    tty_raw(p.slave, 1, 0);
    CHECK(epoll_ctl(ep, EPOLL_CTL_ADD, p.master, &e) == 0);
    CHECK(epoll_wait(ep, &got, 1, 0) == 0);
    do_later(&l, p.slave, "y", 1);
    CHECK(epoll_wait(ep, &got, 1, 2000) == 1 && got.events == EPOLLIN);
    pthread_join(l.thread, NULL);
    CHECK(epoll_wait(ep, &got, 1, 0) == 0); /* told once */
    CHECK(read(p.master, bytes, sizeof bytes) == 1);
    do_later(&l, p.slave, NULL, 0);
    CHECK(epoll_wait(ep, &got, 1, 2000) == 1 && got.events & EPOLLHUP);
    pthread_join(l.thread, NULL);
    close(ep);
    close(p.master);
}

/* ---- Ends that go while somebody waits ---- */

static void goes(void)
{
    struct pair p = tty_pair(0);
    struct later l;
    char bytes[8];
    do_later(&l, p.slave, NULL, 0);
    CHECK_ERROR(read(p.master, bytes, sizeof bytes), EIO);
    pthread_join(l.thread, NULL);
    close(p.master);

    p = tty_pair(0);
    do_later(&l, p.master, NULL, 0);
    CHECK_ERROR(read(p.slave, bytes, sizeof bytes), EIO);
    pthread_join(l.thread, NULL);
    CHECK(read(p.slave, bytes, sizeof bytes) == 0);
    close(p.slave);

    p = tty_pair(0);
    do_later(&l, p.master, NULL, 0);
    CHECK(tcflow(p.slave, TCOOFF) == 0);
    CHECK_ERROR(write(p.slave, "x", 1), EIO);
    pthread_join(l.thread, NULL);
    close(p.slave);
}

/* ---- Signals ---- */

static void on_alarm(int sig)
{
    (void)sig;
}

static void interrupted(void)
{
    struct pair p = tty_pair(0);
    struct sigaction a = {.sa_handler = on_alarm};
    struct itimerspec at = {.it_value = {0, 100000000}};
    timer_t timer;
    char bytes[8];
    CHECK(sigaction(SIGALRM, &a, NULL) == 0);
    CHECK(timer_create(CLOCK_MONOTONIC, NULL, &timer) == 0);
    CHECK(timer_settime(timer, 0, &at, NULL) == 0);
    CHECK_ERROR(read(p.slave, bytes, sizeof bytes), EINTR);
    CHECK(timer_settime(timer, 0, &at, NULL) == 0);
    CHECK_ERROR(read(p.master, bytes, sizeof bytes), EINTR);
    CHECK(tcflow(p.slave, TCOOFF) == 0);
    CHECK(timer_settime(timer, 0, &at, NULL) == 0);
    CHECK_ERROR(write(p.slave, "x", 1), EINTR);
    tty_raw(p.slave, 4, 0);
    CHECK(tty_types(p.master, "ab") && timer_settime(timer, 0, &at, NULL) == 0);
    CHECK(read(p.slave, bytes, sizeof bytes) == 2); /* what it had counts */
    a.sa_flags = SA_RESTART;
    CHECK(sigaction(SIGALRM, &a, NULL) == 0);
    struct later l;
    at.it_value.tv_nsec = 20000000;
    CHECK(timer_settime(timer, 0, &at, NULL) == 0);
    do_later(&l, p.master, "abcd", 1);
    CHECK(read(p.slave, bytes, sizeof bytes) == 4);
    pthread_join(l.thread, NULL);
    timer_delete(timer);
    tty_close(p);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    least_bytes();
    between_bytes();
    some_time();
    lines();
    long_line();
    through(0);
    through(1);
    full();
    stopped();
    ready();
    by_epoll();
    goes();
    interrupted();
    return guest_result();
}
