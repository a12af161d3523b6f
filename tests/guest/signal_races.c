/* SPDX-License-Identifier: MIT */
/*
 * Signals that come at the very moment a thread blocks, unblocks or leaves a call: none is lost,
 * and no call shows the kernel's restart codes.
 */

#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>

#include "guest.h"

static atomic_long handled;
static atomic_int done;
static pthread_t main_thread;
static int ends[2];

static void count(int sig)
{
    (void)sig;
    handled++;
}

/* One signal after the other, each when the one before was handled. */
static void *ping(void *arg)
{
    long rounds = (long)(intptr_t)arg;
    for (long i = 1; i <= rounds; i++) {
        pthread_kill(main_thread, SIGUSR1);
        while (handled < i)
            sched_yield();
    }
    done = 1;
    pthread_kill(main_thread, SIGUSR1);
    return NULL;
}

static void suspended(void)
{
    sigset_t block, none;
    pthread_t thread;
    sigemptyset(&none);
    sigemptyset(&block);
    sigaddset(&block, SIGUSR1);
    CHECK(pthread_sigmask(SIG_BLOCK, &block, NULL) == 0);
    handled = done = 0;
    main_thread = pthread_self();
    CHECK(pthread_create(&thread, NULL, ping, (void *)(intptr_t)guest_count(20000, 1000000)) == 0);
    while (!done)
        CHECK(sigsuspend(&none) == -1 && errno == EINTR);
    pthread_join(thread, NULL);
    CHECK(pthread_sigmask(SIG_UNBLOCK, &block, NULL) == 0);
}

static void *feed(void *arg)
{
    (void)arg;
    int last;
    do { /* once more at the end, for a read that began before it */
        last = done;
        CHECK(write(ends[1], "x", 1) == 1 || errno == EAGAIN);
        sched_yield();
    } while (!last);
    return NULL;
}

static void *annoy(void *arg)
{
    long rounds = (long)(intptr_t)arg;
    for (long i = 0; i < rounds; i++) {
        pthread_kill(main_thread, SIGUSR1);
        for (volatile long spin = i % 300; spin; spin--)
            ;
    }
    done = 1;
    return NULL;
}

/* Reads are restarted (SA_RESTART), whenever the signal comes. */
static void restarted(void)
{
    pthread_t feeder, sender;
    char byte;
    done = 0;
    CHECK(pipe(ends) == 0 && fcntl(ends[1], F_SETFL, O_NONBLOCK) == 0);
    CHECK(pthread_create(&feeder, NULL, feed, NULL) == 0);
    CHECK(pthread_create(&sender, NULL, annoy, (void *)(intptr_t)guest_count(100000, 3000000)) ==
          0);
    while (!done)
        CHECK(read(ends[0], &byte, 1) == 1);
    pthread_join(feeder, NULL);
    pthread_join(sender, NULL);
    close(ends[0]);
    close(ends[1]);
}

/* A timed wait ends, although signals come more often than its time is long. */
static void timed_waits(void)
{
    struct itimerval often = {{0, 20000}, {0, 20000}}, off = {{0, 0}, {0, 0}};
    struct timespec time = {0, 100000000};
    uint32_t word = 0;
    signal(SIGALRM, count); /* SA_RESTART */
    setitimer(ITIMER_REAL, &often, NULL);
    CHECK_ERROR(syscall(SYS_futex, &word, FUTEX_WAIT, 0, &time, NULL, 0), EINTR);
    CHECK_ERROR(syscall(SYS_poll, NULL, 0, 100), EINTR);
    setitimer(ITIMER_REAL, &off, NULL);
}

/* Ones that are ignored by default are there for sigwait, and SIGKILL never is. */
static void waited_for(void)
{
    sigset_t set, old;
    int sig;
    sigfillset(&set);
    sigdelset(&set, SIGALRM);
    CHECK(pthread_sigmask(SIG_BLOCK, &set, &old) == 0);
    CHECK(kill(getpid(), SIGURG) == 0);
    CHECK(sigwait(&set, &sig) == 0 && sig == SIGURG);
    struct timespec none = {0, 0};
    CHECK_ERROR(sigtimedwait(&set, NULL, &none), EAGAIN);

    /* sigaction(2): what is pending is discarded by SIG_IGN. */
    handled = 0;
    signal(SIGUSR2, count);
    CHECK(raise(SIGUSR2) == 0);
    signal(SIGUSR2, SIG_IGN);
    signal(SIGUSR2, count);
    CHECK(pthread_sigmask(SIG_SETMASK, &old, NULL) == 0);
    CHECK(handled == 0);
}

int main(void)
{
    struct sigaction action = {.sa_handler = count, .sa_flags = SA_RESTART};
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    suspended();
    restarted();
    timed_waits();
    waited_for();
    return guest_result();
}
