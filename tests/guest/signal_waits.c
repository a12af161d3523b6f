/* SPDX-License-Identifier: MIT */
/* Signals and waiting: EINTR, SA_RESTART, sigsuspend(2), sigtimedwait(2), pause(2), threads. */

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>

#include "guest.h"

static atomic_int caught, caught_by;

static void handle(int sig)
{
    (void)sig;
    caught_by = (int)syscall(SYS_gettid);
    caught++;
}

static void install(int sig, int flags)
{
    struct sigaction action = {.sa_handler = handle, .sa_flags = flags};
    CHECK(sigaction(sig, &action, NULL) == 0);
    caught = 0;
}

static sigset_t set_of(int sig)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, sig);
    return set;
}

/* SIGALRM after some milliseconds, and again as often (a signal may come before the wait). */
static void alarm_ms(long ms)
{
    struct itimerval t = {.it_value = {0, ms * 1000}, .it_interval = {0, ms * 1000}};
    CHECK(setitimer(ITIMER_REAL, &t, NULL) == 0);
}

static void interrupted(void)
{
    int fds[2];
    char c;
    struct timespec left = {0, 0};
    install(SIGALRM, 0);
    CHECK(pipe(fds) == 0);
    alarm_ms(20);
    CHECK_ERROR(read(fds[0], &c, 1), EINTR);
    CHECK_ERROR(nanosleep(&(struct timespec){100, 0}, &left), EINTR);
    CHECK(left.tv_sec >= 90 && left.tv_sec < 100);
    CHECK(clock_nanosleep(CLOCK_MONOTONIC, 0, &(struct timespec){100, 0}, NULL) == EINTR);
    CHECK_ERROR(poll(&(struct pollfd){fds[0], POLLIN, 0}, 1, -1), EINTR);
    CHECK_ERROR(pause(), EINTR);
    install(SIGALRM, SA_RESTART);
    CHECK_ERROR(poll(&(struct pollfd){fds[0], POLLIN, 0}, 1, -1), EINTR); /* never restarted */
    CHECK_ERROR(nanosleep(&(struct timespec){100, 0}, &left), EINTR);
    alarm_ms(0);
    CHECK(caught >= 2);
    close(fds[0]);
    close(fds[1]);
}

static void *write_later(void *arg)
{
    while (caught < 3)
        nanosleep(&(struct timespec){0, 1000000}, NULL);
    CHECK(write(*(int *)arg, "x", 1) == 1);
    return NULL;
}

static void restarted(void)
{
    int fds[2];
    char c = 0;
    pthread_t thread;
    install(SIGALRM, SA_RESTART);
    CHECK(pipe(fds) == 0);
    CHECK(pthread_create(&thread, NULL, write_later, &fds[1]) == 0);
    alarm_ms(10);
    CHECK(read(fds[0], &c, 1) == 1 && c == 'x'); /* over some alarms */
    alarm_ms(0);
    CHECK(pthread_join(thread, NULL) == 0);
    CHECK(caught >= 3);
    close(fds[0]);
    close(fds[1]);
}

static void suspended(void)
{
    sigset_t usr1 = set_of(SIGUSR1), alrm = set_of(SIGALRM), none, now;
    sigemptyset(&none);
    install(SIGUSR1, 0);
    CHECK(sigprocmask(SIG_BLOCK, &usr1, NULL) == 0);
    raise(SIGUSR1);
    CHECK(caught == 0);
    CHECK_ERROR(sigsuspend(&none), EINTR); /* lets the pending one in */
    CHECK(caught == 1);
    CHECK(sigprocmask(SIG_UNBLOCK, &usr1, &now) == 0 && sigismember(&now, SIGUSR1));

    install(SIGALRM, 0);
    CHECK(sigprocmask(SIG_BLOCK, &alrm, NULL) == 0);
    alarm_ms(20);
    CHECK_ERROR(sigsuspend(&none), EINTR);
    alarm_ms(0);
    CHECK(caught == 1);
    CHECK(sigtimedwait(&alrm, NULL, &(struct timespec){0, 0}) == SIGALRM || errno == EAGAIN);
    CHECK(sigprocmask(SIG_UNBLOCK, &alrm, NULL) == 0);
}

static void waited_for(void)
{
    sigset_t usr1 = set_of(SIGUSR1), alrm = set_of(SIGALRM);
    siginfo_t info;
    install(SIGUSR1, 0);
    install(SIGALRM, 0);
    CHECK(sigprocmask(SIG_BLOCK, &usr1, NULL) == 0);
    CHECK_ERROR(sigtimedwait(&usr1, &info, &(struct timespec){0, 0}), EAGAIN);
    CHECK_ERROR(sigtimedwait(&usr1, &info, &(struct timespec){0, 20000000}), EAGAIN);
    CHECK_ERROR(sigtimedwait(&usr1, &info, &(struct timespec){0, -1}), EINVAL);
    kill(getpid(), SIGUSR1);
    CHECK(sigtimedwait(&usr1, &info, &(struct timespec){10, 0}) == SIGUSR1);
    CHECK(info.si_signo == SIGUSR1 && info.si_code == SI_USER && info.si_pid == getpid());
    CHECK(caught == 0); /* taken, not handled */
    alarm_ms(20);
    CHECK_ERROR(sigwaitinfo(&usr1, &info), EINTR); /* another one is handled */
    alarm_ms(0);
    CHECK(caught >= 1);
    CHECK(sigprocmask(SIG_UNBLOCK, &usr1, NULL) == 0);

    CHECK(sigprocmask(SIG_BLOCK, &alrm, NULL) == 0);
    alarm_ms(20);
    int sig = 0;
    CHECK(sigwait(&alrm, &sig) == 0 && sig == SIGALRM);
    alarm_ms(0);
    CHECK(sigtimedwait(&alrm, NULL, &(struct timespec){0, 0}) == SIGALRM || errno == EAGAIN);
    CHECK(sigprocmask(SIG_UNBLOCK, &alrm, NULL) == 0);
}

static atomic_int other_tid;

static void *wait_in_read(void *arg)
{
    char c;
    other_tid = (int)syscall(SYS_gettid);
    long n = read(*(int *)arg, &c, 1);
    return (void *)(intptr_t)(n < 0 ? -errno : n);
}

/* A signal to a thread that waits wakes that thread; one to the process goes to who does not
   block it. */
static void to_threads(void)
{
    int fds[2];
    pthread_t thread;
    void *result = NULL;
    install(SIGUSR1, 0);
    CHECK(pipe(fds) == 0);
    for (int round = 0; round < 2; round++) {
        caught = other_tid = 0;
        sigset_t usr1 = set_of(SIGUSR1);
        CHECK(pthread_create(&thread, NULL, wait_in_read, &fds[0]) == 0);
        while (!other_tid)
            nanosleep(&(struct timespec){0, 1000000}, NULL);
        nanosleep(&(struct timespec){0, 20000000}, NULL); /* now it reads */
        pthread_sigmask(SIG_BLOCK, &usr1, NULL);
        if (round == 0)
            CHECK(syscall(SYS_tgkill, getpid(), other_tid, SIGUSR1) == 0);
        else
            CHECK(kill(getpid(), SIGUSR1) == 0);
        CHECK(pthread_join(thread, &result) == 0);
        CHECK((intptr_t)result == -EINTR);
        CHECK(caught == 1 && caught_by == other_tid);
        pthread_sigmask(SIG_UNBLOCK, &usr1, NULL);
    }
    close(fds[0]);
    close(fds[1]);
}

int main(void)
{
    interrupted();
    restarted();
    suspended();
    waited_for();
    to_threads();
    return guest_result();
}
