/* SPDX-License-Identifier: MIT */
/* Threads that wait for pipes: a long stream, the other end's read or close, signals, sizes. */

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>

#include "guest.h"

static char bytes[200000];

static void nap(long ms)
{
    nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
}

struct ends {
    int from, to;
    size_t size;
    uint64_t sum;
};

static void *produce(void *arg)
{
    struct ends *e = arg;
    static unsigned char out[10007];
    for (size_t done = 0; done < e->size;) {
        size_t part = e->size - done < sizeof out ? e->size - done : sizeof out;
        for (size_t i = 0; i < part; i++) {
            out[i] = (unsigned char)((done + i) * 7 + (done + i) / 253);
            e->sum = e->sum * 31 + out[i];
        }
        CHECK(write(e->to, out, part) == (ssize_t)part);
        done += part;
    }
    close(e->to);
    return NULL;
}

static void two_threads(void)
{
    int p[2];
    CHECK(pipe(p) == 0);
    struct ends e = {.to = p[1], .size = (size_t)guest_count(3000000, 100000000)};
    pthread_t t;
    CHECK(pthread_create(&t, NULL, produce, &e) == 0);
    uint64_t sum = 0;
    size_t total = 0;
    ssize_t n;
    unsigned char in[4099];
    while ((n = read(p[0], in, sizeof in)) > 0) {
        total += (size_t)n;
        for (ssize_t i = 0; i < n; i++)
            sum = sum * 31 + in[i];
    }
    pthread_join(t, NULL);
    CHECK(n == 0 && total == e.size && sum == e.sum);
    close(p[0]);
}

static void *close_later(void *arg)
{
    nap(50);
    close((int)(intptr_t)arg);
    return NULL;
}

static void *read_later(void *arg)
{
    nap(50);
    return (void *)(intptr_t)read((int)(intptr_t)arg, bytes, 70000);
}

/* The other end's close, or its read, ends a wait. */
static void waits_end(void)
{
    int p[2];
    pthread_t t;
    char c;
    void *result;
    CHECK(pipe(p) == 0);
    CHECK(pthread_create(&t, NULL, close_later, (void *)(intptr_t)p[1]) == 0);
    CHECK(read(p[0], &c, 1) == 0);
    pthread_join(t, NULL);
    close(p[0]);

    CHECK(pipe(p) == 0 && write(p[1], bytes, 65536) == 65536);
    CHECK(pthread_create(&t, NULL, read_later, (void *)(intptr_t)p[0]) == 0);
    CHECK(write(p[1], bytes, 100) == 100);
    pthread_join(t, &result);
    CHECK((intptr_t)result >= 65536);
    CHECK(fcntl(p[1], F_SETFL, O_NONBLOCK) == 0);
    while (write(p[1], bytes, 1) > 0)
        continue;
    CHECK(fcntl(p[1], F_SETFL, 0) == 0);
    CHECK(pthread_create(&t, NULL, close_later, (void *)(intptr_t)p[0]) == 0);
    CHECK_ERROR(write(p[1], bytes, 100), EPIPE);
    pthread_join(t, NULL);
    close(p[1]);
}

static volatile sig_atomic_t alarms;

static void count_alarm(int number)
{
    (void)number;
    alarms = alarms + 1;
}

static void *wake_after_alarm(void *arg)
{
    while (!alarms)
        nap(10);
    nap(50);
    CHECK(write((int)(intptr_t)arg, "x", 1) == 1);
    return NULL;
}

/* A signal interrupts, or with SA_RESTART the read begins again. */
static void interrupted(void)
{
    int p[2];
    char c;
    pthread_t t;
    struct sigaction action = {.sa_handler = count_alarm};
    CHECK(pipe(p) == 0 && sigaction(SIGALRM, &action, NULL) == 0);
    alarm(1);
    CHECK_ERROR(read(p[0], &c, 1), EINTR);
    CHECK(alarms == 1);
    alarms = 0;
    action.sa_flags = SA_RESTART;
    CHECK(sigaction(SIGALRM, &action, NULL) == 0);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGALRM);
    pthread_sigmask(SIG_BLOCK, &set, NULL); /* the other thread does not take it */
    CHECK(pthread_create(&t, NULL, wake_after_alarm, (void *)(intptr_t)p[1]) == 0);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    alarm(1);
    CHECK(read(p[0], &c, 1) == 1 && alarms == 1);
    pthread_join(t, NULL);
    close(p[0]);
    close(p[1]);
}

static void sizes(void)
{
    int p[2];
    CHECK(pipe2(p, O_NONBLOCK) == 0 && fcntl(p[0], F_GETPIPE_SZ) == 65536);
    CHECK(write(p[1], bytes, sizeof bytes) == 65536);
    CHECK_ERROR(write(p[1], bytes, 1), EAGAIN);
    CHECK_ERROR(fcntl(p[1], F_SETPIPE_SZ, 4096), EBUSY);
    CHECK(read(p[0], bytes, 65536) == 65536);
    CHECK(fcntl(p[1], F_SETPIPE_SZ, 5000) == 8192 && fcntl(p[0], F_GETPIPE_SZ) == 8192);
    CHECK(fcntl(p[1], F_SETPIPE_SZ, 1) == 4096);
    CHECK(write(p[1], bytes, sizeof bytes) == 4096);
    CHECK(fcntl(p[1], F_SETPIPE_SZ, 131072) == 131072);
    CHECK(write(p[1], bytes, sizeof bytes) == 131072 - 4096);
    close(p[0]);
    close(p[1]);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    sizes();
    two_threads();
    waits_end();
    interrupted();
    return guest_result();
}
