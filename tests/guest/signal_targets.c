/* SPDX-License-Identifier: MIT */
/*
 * Who handles a signal, and when: one that a handler held back comes before the call that begins
 * again; one of the process comes to another thread when the one that was to have it blocks it, or
 * ends; one that ppoll(2) held back comes when the process was stopped meanwhile.
 */

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>

#include "guest_clock.h"

static atomic_long handled;
static int ends[2];

static void count(int sig)
{
    (void)sig;
    handled++;
}

static void fill_pipe(int sig)
{
    (void)sig;
    CHECK(write(ends[1], "x", 1) == 1);
}

static void raise_other(int sig)
{
    (void)sig;
    CHECK(raise(SIGUSR2) == 0);
    handled++;
}

static void install(int sig, void (*handler)(int), int blocked)
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    if (blocked)
        sigaddset(&action.sa_mask, blocked);
    CHECK(sigaction(sig, &action, NULL) == 0);
}

static void *send_later(void *arg)
{
    nap(20 * MS);
    pthread_kill(*(pthread_t *)arg, SIGUSR1);
    return NULL;
}

/* The read that begins again would wait for ever for what the second handler writes. */
static void before_restart(void)
{
    pthread_t self = pthread_self(), sender;
    char byte;
    install(SIGUSR1, raise_other, SIGUSR2);
    install(SIGUSR2, fill_pipe, 0);
    CHECK(pipe(ends) == 0);
    CHECK(pthread_create(&sender, NULL, send_later, &self) == 0);
    CHECK(read(ends[0], &byte, 1) == 1);
    pthread_join(sender, NULL);
    CHECK(handled == 1);
    close(ends[0]);
    close(ends[1]);
}

/* What ppoll blocks comes when its mask is gone, though the call begins again. */
static void after_stop(void)
{
    int status;
    CHECK(pipe(ends) == 0);
    install(SIGUSR2, fill_pipe, 0);
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        struct pollfd fd = {ends[0], POLLIN, 0};
        struct timespec time = {20, 0};
        sigset_t mask;
        sigemptyset(&mask);
        sigaddset(&mask, SIGUSR2);
        CHECK(ppoll(&fd, 1, &time, &mask) == 1);
        _exit(guest_failures);
    }
    nap(20 * MS);
    CHECK(kill(pid, SIGUSR2) == 0);
    nap(20 * MS);
    CHECK(kill(pid, SIGSTOP) == 0);
    CHECK(waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status));
    CHECK(kill(pid, SIGCONT) == 0);
    CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    close(ends[0]);
    close(ends[1]);
}

/* ---- Passed on ---- */

static atomic_int stop;

static void *wait_for_stop(void *arg)
{
    sigset_t none;
    (void)arg;
    sigemptyset(&none);
    while (!stop)
        sigsuspend(&none);
    return NULL;
}

static void *send_each(void *arg)
{
    for (long i = 1; i <= (long)(intptr_t)arg; i++) {
        kill(getpid(), SIGUSR1);
        for (long wait = 0; handled < i && wait < 20000; wait++)
            nap(MS);
        if (handled != i) {
            printf("signal %ld was lost\n", i);
            _exit(1);
        }
    }
    stop = 1;
    return NULL;
}

/* The first thread blocks the signal for as long as it takes until another one handles it. */
static void passed_on(void)
{
    pthread_t sender, other;
    sigset_t set, before;
    long rounds = guest_count(3000, 100000);
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    install(SIGUSR1, count, 0);
    CHECK(pthread_sigmask(SIG_BLOCK, &set, &before) == 0);
    handled = stop = 0;
    CHECK(pthread_create(&other, NULL, wait_for_stop, NULL) == 0);
    CHECK(pthread_create(&sender, NULL, send_each, (void *)(intptr_t)rounds) == 0);
    for (long seen = 0; !stop; seen = handled) {
        CHECK(pthread_sigmask(SIG_UNBLOCK, &set, NULL) == 0);
        for (volatile long spin = seen % 500; spin; spin--)
            ;
        CHECK(pthread_sigmask(SIG_BLOCK, &set, NULL) == 0);
        while (handled == seen && !stop)
            sched_yield();
    }
    pthread_join(sender, NULL);
    pthread_kill(other, SIGUSR1);
    pthread_join(other, NULL);
    CHECK(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
}

static pthread_barrier_t both;

static void *end_at_once(void *arg)
{
    CHECK(pthread_sigmask(SIG_UNBLOCK, arg, NULL) == 0);
    pthread_barrier_wait(&both);
    return NULL;
}

static void *wait_for_one(void *arg)
{
    sigset_t none;
    sigemptyset(&none);
    pthread_barrier_wait(&both);
    if (!handled)
        sigsuspend(&none); /* woken at the end, if the other one handled it */
    (void)arg;
    return NULL;
}

/* A thread that may have been chosen ends; a later one waits for the signal. */
static void left_behind(void)
{
    sigset_t set, before;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    install(SIGUSR1, count, 0);
    CHECK(pthread_sigmask(SIG_BLOCK, &set, &before) == 0);
    for (long i = 0; i < guest_count(300, 10000) && !guest_failures; i++) {
        pthread_t first, second;
        handled = 0;
        pthread_barrier_init(&both, NULL, 3);
        CHECK(pthread_create(&first, NULL, end_at_once, &set) == 0);
        CHECK(pthread_create(&second, NULL, wait_for_one, NULL) == 0);
        pthread_barrier_wait(&both);
        for (volatile long spin = i * 17 % 1000; spin; spin--)
            ;
        kill(getpid(), SIGUSR1);
        SOON(handled == 1);
        pthread_join(first, NULL);
        pthread_kill(second, SIGUSR1);
        pthread_join(second, NULL);
        pthread_barrier_destroy(&both);
    }
    CHECK(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
}

int main(void)
{
    before_restart();
    after_stop();
    passed_on();
    left_behind();
    return guest_result();
}
