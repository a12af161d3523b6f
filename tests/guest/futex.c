/* SPDX-License-Identifier: MIT */
/* futex(2): wait, wake, bitset, requeue, timeouts and errors. */

#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <time.h>

#include "guest.h"

#define THREADS 4

static _Atomic uint32_t word, other;
static atomic_int waiting, woken;

static long futex(void *at, int op, uint32_t value, const void *timeout, void *at2, uint32_t value3)
{
    return syscall(SYS_futex, at, op, value, timeout, at2, value3);
}

static void sleep_ms(long ms)
{
    nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
}

static int64_t now_ns(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static struct timespec in_ms(clockid_t clock, long ms)
{
    int64_t t = now_ns(clock) + ms * 1000000;
    return (struct timespec){t / 1000000000, t % 1000000000};
}

/* One wake per thread; `arg` is its bitset. */
static void *wait_once(void *arg)
{
    waiting++;
    while (futex(&word, FUTEX_WAIT_BITSET_PRIVATE, 0, NULL, NULL, (uint32_t)(uintptr_t)arg) < 0 &&
           errno == EINTR)
        ;
    woken++;
    return NULL;
}

/* One was woken, which may take a while to be seen, and no other is. */
static int one_woke(void)
{
    for (int i = 0; i < 5000 && woken == 0; i++)
        sleep_ms(1);
    sleep_ms(5);
    return woken == 1;
}

/* Wake until so many were woken in all: a thread may not sleep yet. */
static void wake_until(long count, int op, uint32_t bits)
{
    long total = 0;
    for (int i = 0; i < 5000 && total < count; i++) {
        long n = futex(&word, op, (uint32_t)(count - total), NULL, NULL, bits);
        CHECK(n >= 0);
        total += n;
        if (total < count)
            sleep_ms(1);
    }
    CHECK(total == count);
}

static void start(pthread_t *threads, int count, const uint32_t *bits)
{
    waiting = woken = 0;
    for (int i = 0; i < count; i++)
        CHECK(pthread_create(&threads[i], NULL, wait_once, (void *)(uintptr_t)bits[i]) == 0);
    while (waiting < count)
        sleep_ms(1);
}

static void join(pthread_t *threads, int count)
{
    for (int i = 0; i < count; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    CHECK(woken == count);
}

static void errors(void)
{
    word = 1;
    CHECK_ERROR(futex(&word, FUTEX_WAIT, 0, NULL, NULL, 0), EAGAIN);
    CHECK_ERROR(futex(&word, FUTEX_WAIT_BITSET, 1, NULL, NULL, 0), EINVAL);
    CHECK_ERROR(futex(&word, FUTEX_WAKE_BITSET, 1, NULL, NULL, 0), EINVAL);
    CHECK_ERROR(futex((char *)&word + 1, FUTEX_WAIT, 1, NULL, NULL, 0), EINVAL);
    CHECK_ERROR(futex((char *)&word + 2, FUTEX_WAKE, 1, NULL, NULL, 0), EINVAL);
    CHECK_ERROR(futex((void *)4, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0), EFAULT);
    CHECK_ERROR(futex(&word, FUTEX_WAIT, 1, (void *)1, NULL, 0), EFAULT);
    CHECK_ERROR(futex(&word, FUTEX_WAIT, 1, (&(struct timespec){-1, 0}), NULL, 0), EINVAL);
    CHECK_ERROR(futex(&word, FUTEX_WAIT, 1, (&(struct timespec){0, 1000000000}), NULL, 0), EINVAL);
    CHECK_ERROR(futex(&word, 99, 1, NULL, NULL, 0), ENOSYS);
    CHECK_ERROR(futex(&word, FUTEX_CMP_REQUEUE, 1, (void *)1, &other, 0), EAGAIN);
    CHECK_ERROR(futex(&word, FUTEX_REQUEUE, (uint32_t)-1, (void *)1, &other, 0), EINVAL);
    CHECK(futex(&word, FUTEX_WAKE, 1, NULL, NULL, 0) == 0);
    CHECK(futex((void *)4, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0) == 0);
}

static void timeouts(void)
{
    word = 0;
    int64_t start_ns = now_ns(CLOCK_MONOTONIC);
    CHECK_ERROR(futex(&word, FUTEX_WAIT, 0, (&(struct timespec){0, 20000000}), NULL, 0), ETIMEDOUT);
    CHECK(now_ns(CLOCK_MONOTONIC) - start_ns >= 20000000);
    CHECK_ERROR(futex(&word, FUTEX_WAIT, 0, (&(struct timespec){0, 0}), NULL, 0), ETIMEDOUT);

    struct timespec until = in_ms(CLOCK_MONOTONIC, 20);
    CHECK_ERROR(futex(&word, FUTEX_WAIT_BITSET, 0, &until, NULL, ~0u), ETIMEDOUT);
    CHECK(now_ns(CLOCK_MONOTONIC) >= until.tv_sec * INT64_C(1000000000) + until.tv_nsec);
    CHECK_ERROR(futex(&word, FUTEX_WAIT_BITSET, 0, &until, NULL, ~0u), ETIMEDOUT); /* past */

    until = in_ms(CLOCK_REALTIME, 20);
    CHECK_ERROR(futex(&word, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, 0, &until, NULL, ~0u),
                ETIMEDOUT);
}

static void wakes(void)
{
    static const uint32_t any[THREADS] = {~0u, ~0u, ~0u, ~0u};
    pthread_t threads[THREADS];
    word = 0;
    start(threads, THREADS, any);
    wake_until(1, FUTEX_WAKE_PRIVATE, 0);
    CHECK(one_woke());
    wake_until(THREADS - 1, FUTEX_WAKE_PRIVATE, 0);
    join(threads, THREADS);

    static const uint32_t sets[THREADS] = {1, 2, 4, 6};
    start(threads, THREADS, sets);
    sleep_ms(20); /* they all sleep now, most likely; if not, the counts below are as well right */
    CHECK(futex(&word, FUTEX_WAKE_BITSET_PRIVATE, 100, NULL, NULL, 8) == 0);
    wake_until(1, FUTEX_WAKE_BITSET_PRIVATE, 1);
    wake_until(2, FUTEX_WAKE_BITSET_PRIVATE, 4);
    wake_until(1, FUTEX_WAKE_BITSET_PRIVATE, 2);
    join(threads, THREADS);
}

static void requeue(void)
{
    static const uint32_t any[THREADS] = {~0u, ~0u, ~0u, ~0u};
    pthread_t threads[THREADS];
    word = other = 0;
    start(threads, THREADS, any);
    long moved = 0, awake = 0;
    for (int i = 0; i < 5000 && moved < THREADS; i++) { /* wake one, move the rest */
        long n = futex(&word, FUTEX_CMP_REQUEUE_PRIVATE, awake == 0, (void *)100, &other, 0);
        CHECK(n >= 0);
        awake += awake == 0 && n > 0;
        moved += n;
        sleep_ms(1);
    }
    CHECK(moved == THREADS); /* the count is of those woken and those moved */
    CHECK(futex(&word, FUTEX_WAKE_PRIVATE, 100, NULL, NULL, 0) == 0);
    CHECK(one_woke());
    CHECK(futex(&other, FUTEX_CMP_REQUEUE_PRIVATE, 0, (void *)INT32_MAX, &other, 0) ==
          THREADS - 1); /* where they are */
    CHECK(futex(&other, FUTEX_WAKE_PRIVATE, 100, NULL, NULL, 0) == THREADS - 1);
    join(threads, THREADS);
}

/* Two threads that hand a token back and forth. */
static void *bounce(void *arg)
{
    uint32_t me = (uint32_t)(uintptr_t)arg;
    long rounds = guest_count(1000, 50000);
    for (long i = 0; i < rounds; i++) {
        while (word != me)
            futex(&word, FUTEX_WAIT_PRIVATE, 1 - me, NULL, NULL, 0);
        word = 1 - me;
        futex(&word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
    }
    return NULL;
}

int main(void)
{
    errors();
    timeouts();
    wakes();
    requeue();
    word = 0;
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, bounce, (void *)1) == 0);
    bounce((void *)0);
    CHECK(pthread_join(thread, NULL) == 0);
    return guest_result();
}
