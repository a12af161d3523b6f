/* SPDX-License-Identifier: MIT */
/* Sleeps that signals interrupt: what is left, and which go on. */

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>

#include "guest_clock.h"

static volatile sig_atomic_t handled;

static void on_signal(int sig)
{
    (void)sig;
    handled = handled + 1;
}

static pthread_t sleeper;
static volatile int stop;
static int64_t interval_ns;

/* Disturb the sleeper again and again. */
static void *send(void *arg)
{
    int sig = (int)(intptr_t)arg;
    while (!stop) {
        nanosleep(&(struct timespec){0, interval_ns}, NULL);
        pthread_kill(sleeper, sig);
    }
    return NULL;
}

static pthread_t begin(int sig, int64_t every_ns)
{
    pthread_t t;
    sleeper = pthread_self();
    interval_ns = every_ns;
    stop = 0;
    handled = 0;
    CHECK(pthread_create(&t, NULL, send, (void *)(intptr_t)sig) == 0);
    return t;
}

static void end(pthread_t t)
{
    stop = 1;
    pthread_join(t, NULL);
}

/*
 * A handler ends them, with SA_RESTART too; a relative one tells what is left, which may be a
 * little more than all of it: the timer's slack.
 */
static void ended(int flags)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = flags};
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    pthread_t t = begin(SIGUSR1, 2 * MS);
    struct timespec left = {-1, -1};
    CHECK_ERROR(nanosleep(&(struct timespec){20, 0}, &left), EINTR);
    CHECK(left.tv_sec == 19 || (left.tv_sec == 20 && left.tv_nsec < MS));
    CHECK(clock_nanosleep(CLOCK_REALTIME, 0, &(struct timespec){20, 0}, &left) == EINTR);
    CHECK(left.tv_sec == 19);
    left = (struct timespec){-1, -1};
    int64_t at = now(CLOCK_MONOTONIC) + 20 * SECOND;
    struct timespec until = {at / SECOND, at % SECOND};
    CHECK(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, &left) == EINTR);
    CHECK(left.tv_sec == -1); /* not touched */
    CHECK_ERROR(syscall(SYS_nanosleep, &(struct timespec){20, 0}, 1), EFAULT);
    CHECK_ERROR(poll(NULL, 0, 20000), EINTR);
    CHECK(handled >= 4);

    /* As C libraries sleep: on with what is left, for as long as it was to be. */
    left = (struct timespec){0, 50 * MS};
    int64_t start = now(CLOCK_MONOTONIC);
    while (nanosleep(&left, &left) < 0 && errno == EINTR)
        ;
    CHECK(now(CLOCK_MONOTONIC) - start >= 50 * MS);
    end(t);
}

/* Without a handler they go on, and no longer than they were to be. */
static void goes_on(int sig)
{
    pthread_t t = begin(sig, 2 * MS);
    int64_t start = now(CLOCK_MONOTONIC);
    CHECK(nanosleep(&(struct timespec){0, 50 * MS}, NULL) == 0);
    CHECK(clock_nanosleep(CLOCK_REALTIME, 0, &(struct timespec){0, 50 * MS}, NULL) == 0);
    int64_t at = now(CLOCK_MONOTONIC) + 50 * MS;
    struct timespec until = {at / SECOND, at % SECOND};
    CHECK(clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == 0);
    CHECK(poll(NULL, 0, 50) == 0);
    int64_t took = now(CLOCK_MONOTONIC) - start;
    CHECK(took >= 199 * MS && took < 10 * SECOND);
    end(t);
    CHECK(handled == 0);
}

/*
 * A sleep in a handler leaves the one that it interrupts alone.  The next signal comes well after
 * the handler, or nothing else would ever run.
 */
static void sleep_too(int sig)
{
    (void)sig;
    nanosleep(&(struct timespec){0, 3 * MS}, NULL);
    handled = handled + 1;
}

static void nested(void)
{
    struct sigaction action = {.sa_handler = sleep_too};
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    pthread_t t = begin(SIGUSR1, 20 * MS);
    struct timespec left;
    for (int i = 0; i < 5; i++) {
        CHECK_ERROR(nanosleep(&(struct timespec){9, 0}, &left), EINTR);
        CHECK(left.tv_sec == 8 || (left.tv_sec == 9 && left.tv_nsec < MS));
    }
    end(t);
}

int main(void)
{
    ended(0);
    ended(SA_RESTART);
    CHECK(signal(SIGUSR2, SIG_IGN) != SIG_ERR);
    goes_on(SIGUSR2);
    goes_on(SIGCONT);
    goes_on(SIGWINCH);
    nested();
    return guest_result();
}
