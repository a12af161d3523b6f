/* SPDX-License-Identifier: MIT */
/* futex_waitv(2), and futex_wait(2), futex_wake(2), futex_requeue(2) of Linux 6.7. */

#include <signal.h>

#include "futexes.h"

#define PRIVATE (FUTEX2_SIZE_U32_ | FUTEX_PRIVATE_FLAG)
#define FUTEX2_SIZE_U32_ 2
#define NR_FUTEX_WAITV 449
#define NR_FUTEX_WAKE 454
#define NR_FUTEX_WAIT 455
#define NR_FUTEX_REQUEUE 456
#define COUNT 128

struct waitv {
    uint64_t val, uaddr;
    uint32_t flags, reserved;
};

static _Atomic uint32_t words[COUNT];
static struct waitv vector[COUNT + 1];
static atomic_int step, woken;
static atomic_long result;

static long waitv(const void *v, unsigned count, unsigned flags, const void *timeout, int clock)
{
    return syscall(NR_FUTEX_WAITV, v, count, flags, timeout, clock);
}

static long wake(void *at, uint64_t mask, int count, unsigned flags)
{
    return syscall(NR_FUTEX_WAKE, at, mask, count, flags);
}

static long wait(void *at, uint64_t value, uint64_t mask, unsigned flags, const void *timeout,
                 int clock)
{
    return syscall(NR_FUTEX_WAIT, at, value, mask, flags, timeout, clock);
}

static void fill(void)
{
    for (int i = 0; i < COUNT; i++) {
        words[i] = 0;
        vector[i] = (struct waitv){0, (uintptr_t)&words[i], PRIVATE, 0};
    }
}

static void waitv_errors(void)
{
    struct timespec soon = in_ms(CLOCK_MONOTONIC, 10), bad = {0, -1};
    fill();
    CHECK_ERROR(waitv(vector, 1, 1, NULL, 0), EINVAL);
    CHECK_ERROR(waitv(vector, 0, 0, NULL, 0), EINVAL);
    CHECK_ERROR(waitv(vector, COUNT + 1, 0, NULL, 0), EINVAL);
    CHECK_ERROR(waitv(NULL, 1, 0, NULL, 0), EINVAL);
    CHECK_ERROR(waitv((void *)8, 1, 0, NULL, 0), EFAULT);
    CHECK_ERROR(waitv(vector, 1, 0, &soon, 9), EINVAL);
    CHECK_ERROR(waitv(vector, 1, 0, &bad, CLOCK_MONOTONIC), EINVAL);
    CHECK_ERROR(waitv(vector, 1, 0, (void *)8, CLOCK_MONOTONIC), EFAULT);
    CHECK_ERROR(waitv(vector, COUNT, 0, &soon, CLOCK_MONOTONIC), ETIMEDOUT);
    soon = in_ms(CLOCK_REALTIME, 10);
    CHECK_ERROR(waitv(vector, COUNT, 0, &soon, CLOCK_REALTIME), ETIMEDOUT);

    vector[3].val = 1;
    CHECK_ERROR(waitv(vector, 4, 0, NULL, 0), EAGAIN);
    vector[3].val = 1ull << 32;
    CHECK_ERROR(waitv(vector, 4, 0, NULL, 0), EINVAL);
    vector[3].val = 0;
    vector[3].reserved = 1;
    CHECK_ERROR(waitv(vector, 4, 0, NULL, 0), EINVAL);
    vector[3].reserved = 0;
    static const uint32_t flags[] = {0, 1, 3, 0x40, 0x82 | 0x10};
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
        vector[3].flags = flags[i];
        CHECK_ERROR(waitv(vector, 4, 0, NULL, 0), EINVAL);
    }
    vector[3].flags = PRIVATE;
    vector[3].uaddr = (uintptr_t)&words[3] + 1;
    CHECK_ERROR(waitv(vector, 4, 0, NULL, 0), EINVAL);
    vector[3].uaddr = 8;
    CHECK_ERROR(waitv(vector, 4, 0, NULL, 0), EFAULT);
}

static void *wait_for_any(void *arg)
{
    step = 1;
    do
        result = waitv(vector, (unsigned)(uintptr_t)arg, 0, NULL, 0);
    while (result < 0 && errno == EINTR);
    woken++;
    return NULL;
}

static void waitv_wakes(void)
{
    static const int which[] = {0, 5, COUNT - 1};
    for (int i = 0; i < 3; i++) {
        pthread_t thread;
        fill();
        step = woken = 0;
        result = -2;
        CHECK(pthread_create(&thread, NULL, wait_for_any, (void *)COUNT) == 0);
        UNTIL(step == 1);
        long n;
        while ((n = futex(&words[which[i]], FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0)) == 0)
            sleep_ms(1);
        CHECK(n == 1);
        JOIN(thread);
        CHECK(result == which[i]);
        for (int k = 0; k < COUNT; k++) /* it waits for none of them any more */
            CHECK(futex(&words[k], FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0) == 0);
    }
}

static atomic_int handled;

static void note(int sig)
{
    (void)sig;
    handled++;
}

static void *wait_interrupted(void *arg)
{
    step = 1;
    long n = waitv(vector, 4, 0, NULL, 0);
    result = n < 0 ? -errno : n;
    return arg;
}

/* A handler with SA_RESTART lets the wait go on; one without ends it. */
static void waitv_signals(void)
{
    for (int restart = 0; restart < 2; restart++) {
        pthread_t thread;
        struct sigaction action = {.sa_handler = note, .sa_flags = restart ? SA_RESTART : 0};
        sigaction(SIGUSR1, &action, NULL);
        fill();
        step = handled = 0;
        result = -2;
        CHECK(pthread_create(&thread, NULL, wait_interrupted, NULL) == 0);
        UNTIL(step == 1);
        sleep_ms(50);
        pthread_kill(thread, SIGUSR1);
        UNTIL(handled == 1);
        sleep_ms(20);
        while (restart && futex(&words[2], FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0) == 0)
            sleep_ms(1);
        JOIN(thread);
        CHECK(result == (restart ? 2 : -EINTR));
    }
}

static void one_each_errors(void)
{
    struct timespec soon = in_ms(CLOCK_MONOTONIC, 10), past = {0, 0}, bad = {0, -1};
    fill();
    CHECK_ERROR(wait(words, 1, ~0u, PRIVATE, NULL, 0), EAGAIN);
    CHECK_ERROR(wait(words, 0, 0, PRIVATE, NULL, 0), EINVAL);
    CHECK_ERROR(wait(words, 1ull << 32, ~0u, PRIVATE, NULL, 0), EINVAL);
    CHECK_ERROR(wait(words, 0, 1ull << 32, PRIVATE, NULL, 0), EINVAL);
    CHECK_ERROR(wait(words, 0, ~0u, FUTEX_PRIVATE_FLAG, NULL, 0), EINVAL);
    CHECK_ERROR(wait(words, 0, ~0u, PRIVATE | 0x100, NULL, 0), EINVAL);
    CHECK_ERROR(wait((char *)words + 2, 0, ~0u, PRIVATE, NULL, 0), EINVAL);
    CHECK_ERROR(wait((void *)8, 0, ~0u, PRIVATE, NULL, 0), EFAULT);
    CHECK_ERROR(wait(words, 0, ~0u, PRIVATE, &soon, CLOCK_BOOTTIME), EINVAL);
    CHECK_ERROR(wait(words, 0, ~0u, PRIVATE, &bad, CLOCK_MONOTONIC), EINVAL);
    CHECK_ERROR(wait(words, 0, ~0u, PRIVATE, &soon, CLOCK_MONOTONIC), ETIMEDOUT);
    CHECK_ERROR(wait(words, 0, ~0u, PRIVATE, &past, CLOCK_REALTIME), ETIMEDOUT);
    CHECK_ERROR(wake(words, 0, 1, PRIVATE), EINVAL);
    CHECK_ERROR(wake(words, 1ull << 32, 1, PRIVATE), EINVAL);
    CHECK_ERROR(wake(words, ~0u, 1, 0), EINVAL);
    CHECK_ERROR(wake((char *)words + 1, ~0u, 1, PRIVATE), EINVAL);
    CHECK(wake((void *)8, ~0u, 1, PRIVATE) == 0);
    CHECK_ERROR(wake((void *)8, ~0u, 1, FUTEX2_SIZE_U32_), EFAULT);
    CHECK(wake(words, ~0u, 0, PRIVATE) == 0);

    CHECK_ERROR(syscall(NR_FUTEX_REQUEUE, vector, 1, 1, 1), EINVAL);
    CHECK_ERROR(syscall(NR_FUTEX_REQUEUE, NULL, 0, 1, 1), EINVAL);
    CHECK_ERROR(syscall(NR_FUTEX_REQUEUE, (void *)8, 0, 1, 1), EFAULT);
    CHECK_ERROR(syscall(NR_FUTEX_REQUEUE, vector, 0, -1, 1), EINVAL);
    CHECK(syscall(NR_FUTEX_REQUEUE, vector, 0, 1, 1) == 0);
    vector[0].val = 1;
    CHECK_ERROR(syscall(NR_FUTEX_REQUEUE, vector, 0, 1, 1), EAGAIN);
}

static void *wait_one(void *arg)
{
    step++;
    while (wait(words, 0, (uintptr_t)arg, PRIVATE, NULL, 0) < 0 && errno == EINTR)
        ;
    woken++;
    return NULL;
}

static void one_each_wakes(void)
{
    pthread_t threads[3];
    fill();
    step = woken = 0;
    for (int i = 0; i < 3; i++)
        CHECK(pthread_create(&threads[i], NULL, wait_one, (void *)(1ul << i)) == 0);
    UNTIL(step == 3);
    sleep_ms(50);
    CHECK(wake(words, 8, 9, PRIVATE) == 0);
    CHECK(wake(words, ~0u, 0, PRIVATE) == 0);
    while (wake(words, 2, 9, PRIVATE) == 0)
        sleep_ms(1);
    JOIN(threads[1]);
    CHECK(woken == 1);
    CHECK(syscall(NR_FUTEX_REQUEUE, vector, 0, 0, 9) == 2);
    CHECK(wake(words, ~0u, 9, PRIVATE) == 0);
    CHECK(wake(&words[1], 4, 9, PRIVATE) == 1);
    JOIN(threads[2]);
    CHECK(futex(&words[1], FUTEX_WAKE_PRIVATE, 0, NULL, NULL, 0) ==
          1); /* 0 is 1, in the old call */
    JOIN(threads[0]);
    CHECK(woken == 3);
}

/* Private and shared calls do not meet, even in memory that is not shared. */
static void *wait_shared(void *arg)
{
    step++;
    while (wait(words, 0, ~0u, FUTEX2_SIZE_U32_, NULL, 0) < 0 && errno == EINTR)
        ;
    return arg;
}

static void sharing(void)
{
    pthread_t thread;
    fill();
    step = 0;
    CHECK(pthread_create(&thread, NULL, wait_shared, NULL) == 0);
    UNTIL(step == 1);
    sleep_ms(50);
    CHECK(wake(words, ~0u, 1, PRIVATE) == 0);
    while (wake(words, ~0u, 1, FUTEX2_SIZE_U32_) == 0)
        sleep_ms(1);
    JOIN(thread);
}

int main(void)
{
    waitv_errors();
    waitv_wakes();
    waitv_signals();
    one_each_errors();
    one_each_wakes();
    sharing();
    return guest_result();
}
