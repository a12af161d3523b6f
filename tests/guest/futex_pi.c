/* SPDX-License-Identifier: MIT */
/*
 * Priority-inheritance futexes: the word, errors, order, time-outs, owners that end, deadlocks,
 * requeueing, and the C library's mutexes on top.
 */

#include <signal.h>

#include "futexes.h"

#define THREADS 4

static _Atomic uint32_t word, other, cond;
static atomic_int step, results[THREADS], order[THREADS], taken;
static _Atomic uint32_t tids[THREADS];

static long lock_pi(void *at)
{
    return futex(at, FUTEX_LOCK_PI_PRIVATE, 0, NULL, NULL, 0);
}

static long unlock_pi(void *at)
{
    return futex(at, FUTEX_UNLOCK_PI_PRIVATE, 0, NULL, NULL, 0);
}

static long trylock_pi(void *at)
{
    return futex(at, FUTEX_TRYLOCK_PI_PRIVATE, 0, NULL, NULL, 0);
}

static void errors(void)
{
    word = 0;
    CHECK(lock_pi(&word) == 0);
    CHECK(word == tid()); /* alone: no waiters */
    CHECK_ERROR(lock_pi(&word), EDEADLK);
    CHECK_ERROR(trylock_pi(&word), EDEADLK);
    CHECK(unlock_pi(&word) == 0);
    CHECK(word == 0);
    CHECK_ERROR(unlock_pi(&word), EPERM);
    CHECK(trylock_pi(&word) == 0 && word == tid());
    CHECK(unlock_pi(&word) == 0);

    word = FUTEX_OWNER_DIED; /* is kept for the new owner to see */
    CHECK(lock_pi(&word) == 0);
    CHECK(word == (tid() | FUTEX_OWNER_DIED));
    CHECK(unlock_pi(&word) == 0 && word == 0);

    word = 0x3ffffff0; /* nobody has this id */
    CHECK_ERROR(lock_pi(&word), ESRCH);
    CHECK(word == (0x3ffffff0 | FUTEX_WAITERS));
    word = 0x3ffffff0;
    CHECK_ERROR(trylock_pi(&word), ESRCH);
    CHECK_ERROR(unlock_pi(&word), EPERM);

    word = 0;
    CHECK_ERROR(lock_pi((char *)&word + 1), EINVAL);
    CHECK_ERROR(lock_pi((void *)8), EFAULT);
    CHECK_ERROR(unlock_pi((void *)8), EFAULT);
    CHECK_ERROR(futex((void *)8, FUTEX_LOCK_PI, 0, NULL, NULL, 0), EFAULT);
    struct timespec bad = {0, 1000000000}, good = {0, 0};
    CHECK_ERROR(futex(&word, FUTEX_LOCK_PI_PRIVATE, 0, &bad, NULL, 0), EINVAL);
    CHECK(futex(&word, FUTEX_LOCK_PI_PRIVATE, 0, &good, NULL, 0) == 0); /* it is free */
    CHECK(unlock_pi(&word) == 0);
    CHECK_ERROR(futex(&word, FUTEX_LOCK_PI_PRIVATE | FUTEX_CLOCK_REALTIME, 0, NULL, NULL, 0),
                ENOSYS);
    CHECK_ERROR(futex(&word, FUTEX_WAIT_PRIVATE | FUTEX_CLOCK_REALTIME, 1, NULL, NULL, 0), ENOSYS);
    CHECK(futex(&word, FUTEX_LOCK_PI2 | FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME, 0, NULL, NULL,
                0) == 0);
    CHECK(futex(&word, FUTEX_UNLOCK_PI_PRIVATE, 0, NULL, NULL, 0) == 0);

    CHECK_ERROR(futex(&word, FUTEX_CMP_REQUEUE_PI_PRIVATE, 1, (void *)1, &word, 0), EINVAL);
    CHECK_ERROR(futex(&word, FUTEX_CMP_REQUEUE_PI_PRIVATE, 2, (void *)1, &other, 0), EINVAL);
    CHECK_ERROR(futex(&word, FUTEX_CMP_REQUEUE_PI_PRIVATE, 1, (void *)-1l, &other, 0), EINVAL);
    CHECK_ERROR(futex(&word, FUTEX_CMP_REQUEUE_PI_PRIVATE, 1, (void *)1, &other, 1), EAGAIN);
    CHECK(futex(&word, FUTEX_CMP_REQUEUE_PI_PRIVATE, 1, (void *)1, &other, 0) == 0);
    CHECK_ERROR(futex(&word, FUTEX_WAIT_REQUEUE_PI_PRIVATE, 0, NULL, &word, 0), EINVAL);
    CHECK_ERROR(futex(&word, FUTEX_WAIT_REQUEUE_PI_PRIVATE, 1, NULL, &other, 0), EAGAIN);
}

/* Lock, note in which order, unlock. */
static void *take(void *arg)
{
    int n = (int)(intptr_t)arg;
    tids[n] = tid();
    results[n] = (int)lock_pi(&word);
    order[n] = taken++;
    if (unlock_pi(&word) < 0)
        results[n] = -2;
    return NULL;
}

/* Threads queue up one by one, which their number of context switches cannot tell, but time can. */
static void start_in_order(pthread_t *threads, int count)
{
    taken = 0;
    for (int i = 0; i < count; i++) {
        tids[i] = 0;
        CHECK(pthread_create(&threads[i], NULL, take, (void *)(intptr_t)i) == 0);
        UNTIL(tids[i] != 0 && word & FUTEX_WAITERS);
        sleep_ms(40);
    }
}

static void handing_over(void)
{
    pthread_t threads[THREADS];
    word = 0;
    CHECK(lock_pi(&word) == 0);
    start_in_order(threads, THREADS);
    CHECK(word == (tid() | FUTEX_WAITERS));
    CHECK_ERROR(futex(&word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0), EINVAL);
    CHECK_ERROR(futex(&word, FUTEX_REQUEUE_PRIVATE, 1, (void *)1, &other, 0), EINVAL);
    CHECK(unlock_pi(&word) == 0);
    CHECK((word & FUTEX_TID_MASK) != tid());
    for (int i = 0; i < THREADS; i++) {
        JOIN(threads[i]);
        CHECK(results[i] == 0 && order[i] == i);
    }
    CHECK(word == 0);
}

static void *hold(void *arg)
{
    word = 0;
    CHECK(lock_pi(&word) == 0);
    step = 1;
    UNTIL(step == 2);
    CHECK(unlock_pi(&word) == 0);
    return arg;
}

static void timeouts(void)
{
    pthread_t thread;
    step = 0;
    CHECK(pthread_create(&thread, NULL, hold, NULL) == 0);
    UNTIL(step == 1);
    struct timespec real = in_ms(CLOCK_REALTIME, 20), mono = in_ms(CLOCK_MONOTONIC, 20);
    CHECK_ERROR(futex(&word, FUTEX_LOCK_PI_PRIVATE, 0, &real, NULL, 0), ETIMEDOUT);
    CHECK_ERROR(futex(&word, FUTEX_LOCK_PI2 | FUTEX_PRIVATE_FLAG, 0, &mono, NULL, 0), ETIMEDOUT);
    CHECK_ERROR(futex(&word, FUTEX_LOCK_PI_PRIVATE, 0, (&(struct timespec){1, 0}), NULL, 0),
                ETIMEDOUT);
    CHECK_ERROR(trylock_pi(&word), EAGAIN);
    CHECK(word & FUTEX_WAITERS);
    CHECK_ERROR(unlock_pi(&word), EPERM);
    step = 2;
    JOIN(thread);
    CHECK(word == 0);
}

static atomic_int handled;

static void note(int sig)
{
    (void)sig;
    handled++;
}

/* A wait for the lock goes on after a signal, whatever the handler's flags. */
static void signals(void)
{
    pthread_t thread;
    struct sigaction action = {.sa_handler = note};
    sigaction(SIGUSR1, &action, NULL);
    word = 0;
    handled = 0;
    CHECK(lock_pi(&word) == 0);
    start_in_order(&thread, 1);
    pthread_kill(thread, SIGUSR1);
    UNTIL(handled == 1);
    CHECK(unlock_pi(&word) == 0);
    JOIN(thread);
    CHECK(results[0] == 0);
}

/* An owner that ends, with waiters and without. */
static void *lock_and_end(void *arg)
{
    CHECK(lock_pi(&word) == 0);
    step = 1;
    if (arg)
        UNTIL(word & FUTEX_WAITERS && step == 2);
    return NULL;
}

static void *inherit(void *arg)
{
    tids[0] = tid();
    CHECK(lock_pi(&word) == 0);
    CHECK((word & FUTEX_TID_MASK) == tid());
    CHECK(word & FUTEX_OWNER_DIED);
    CHECK(word & FUTEX_WAITERS);
    CHECK(unlock_pi(&word) == 0);
    CHECK(word == 0);
    return arg;
}

static void dead_owners(void)
{
    pthread_t owner, heir;
    word = 0;
    step = 0;
    CHECK(pthread_create(&owner, NULL, lock_and_end, NULL) == 0);
    JOIN(owner);
    CHECK(word != 0);
    CHECK_ERROR(lock_pi(&word), ESRCH); /* too late to wait for it */

    word = 0;
    step = 0;
    CHECK(pthread_create(&owner, NULL, lock_and_end, &word) == 0);
    UNTIL(step == 1);
    CHECK(pthread_create(&heir, NULL, inherit, NULL) == 0);
    UNTIL(word & FUTEX_WAITERS);
    sleep_ms(20);
    step = 2;
    JOIN(owner);
    JOIN(heir);
}

/* I wait for you, who wait for me. */
static void *cross(void *arg)
{
    CHECK(lock_pi(&other) == 0);
    step = 1;
    UNTIL(step == 2);
    CHECK(lock_pi(&word) == 0); /* main has it, and gives up first */
    CHECK(unlock_pi(&word) == 0);
    CHECK(unlock_pi(&other) == 0);
    return arg;
}

static void deadlock(void)
{
    pthread_t thread;
    word = other = 0;
    step = 0;
    CHECK(lock_pi(&word) == 0);
    CHECK(pthread_create(&thread, NULL, cross, NULL) == 0);
    UNTIL(step == 1);
    step = 2;
    UNTIL(word & FUTEX_WAITERS);
    sleep_ms(20);
    CHECK_ERROR(lock_pi(&other), EDEADLK);
    CHECK(unlock_pi(&word) == 0);
    JOIN(thread);
    CHECK(other == 0 || other == FUTEX_WAITERS);
}

/* Plain waiters and PI calls do not mix. */
static void *wait_plain(void *arg)
{
    step = 1;
    while (futex(&word, FUTEX_WAIT_PRIVATE, (uint32_t)(uintptr_t)arg, NULL, NULL, 0) < 0 &&
           errno == EINTR)
        ;
    return NULL;
}

static void wake_plain(pthread_t thread)
{
    long woken;
    while ((woken = futex(&word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0)) == 0)
        sleep_ms(1);
    CHECK(woken == 1);
    JOIN(thread);
}

static void mixed(void)
{
    pthread_t thread;
    word = 0;
    step = 0;
    CHECK(pthread_create(&thread, NULL, wait_plain, NULL) == 0);
    UNTIL(step == 1);
    sleep_ms(20);
    CHECK_ERROR(lock_pi(&word), EINVAL);
    CHECK_ERROR(futex(&word, FUTEX_CMP_REQUEUE_PI_PRIVATE, 1, (void *)1, &other, 0), EINVAL);
    wake_plain(thread);
}

static void *give_up(void *arg)
{
    struct timespec soon = in_ms(CLOCK_REALTIME, 300);
    CHECK_ERROR(futex(&word, FUTEX_LOCK_PI_PRIVATE, 0, &soon, NULL, 0), ETIMEDOUT);
    return arg;
}

static void *inherit_past_plain(void *arg)
{
    tids[0] = tid();
    CHECK(lock_pi(&word) == 0);
    CHECK((word & ~FUTEX_WAITERS) == (tid() | FUTEX_OWNER_DIED));
    CHECK_ERROR(unlock_pi(&word), EINVAL); /* the plain waiter is the first now */
    return arg;
}

/* A plain waiter came between two others, of which the first gives up: the second inherits. */
static void plain_between(void)
{
    pthread_t owner, first, plain, heir;
    word = tids[0] = 0;
    step = 0;
    CHECK(pthread_create(&owner, NULL, lock_and_end, &word) == 0);
    UNTIL(step == 1);
    step = 0;
    CHECK(pthread_create(&first, NULL, give_up, NULL) == 0);
    UNTIL(word & FUTEX_WAITERS);
    sleep_ms(20);
    CHECK(pthread_create(&plain, NULL, wait_plain, (void *)(uintptr_t)word) == 0);
    UNTIL(step == 1);
    sleep_ms(20);
    CHECK(pthread_create(&heir, NULL, inherit_past_plain, NULL) == 0);
    UNTIL(tids[0] != 0);
    sleep_ms(20);
    JOIN(first);
    step = 2;
    JOIN(owner);
    JOIN(heir);
    wake_plain(plain);
}

/* A condition variable's waiters, moved to its mutex. */
static void *wait_for_cond(void *arg)
{
    int n = (int)(intptr_t)arg;
    tids[n] = tid();
    results[n] = (int)futex(&cond, FUTEX_WAIT_REQUEUE_PI_PRIVATE, 0, NULL, &word, 0);
    if (results[n] < 0)
        results[n] = -errno;
    else if ((word & FUTEX_TID_MASK) != tid())
        results[n] = 1;
    order[n] = taken++;
    if (results[n] == 0)
        CHECK(unlock_pi(&word) == 0);
    return NULL;
}

static void start_for_cond(pthread_t *threads)
{
    cond = word = 0;
    taken = 0;
    for (int i = 0; i < THREADS; i++) {
        tids[i] = 0;
        CHECK(pthread_create(&threads[i], NULL, wait_for_cond, (void *)(intptr_t)i) == 0);
        UNTIL(tids[i] != 0);
        sleep_ms(40);
    }
}

static void end_for_cond(pthread_t *threads)
{
    for (int i = 0; i < THREADS; i++) {
        JOIN(threads[i]);
        CHECK(results[i] == 0 && order[i] == i);
    }
    CHECK(word == 0);
}

static void requeue(void)
{
    pthread_t threads[THREADS];
    start_for_cond(threads); /* the mutex is free: the first gets it, the others follow */
    CHECK_ERROR(futex(&cond, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0), EINVAL);
    CHECK_ERROR(futex(&cond, FUTEX_CMP_REQUEUE_PRIVATE, 1, (void *)1, &other, 0), EINVAL);
    CHECK_ERROR(futex(&cond, FUTEX_CMP_REQUEUE_PI_PRIVATE, 1, (void *)1, &other, 0), EINVAL);
    CHECK(futex(&cond, FUTEX_CMP_REQUEUE_PI_PRIVATE, 1, (void *)100, &word, 0) == THREADS);
    end_for_cond(threads);

    start_for_cond(threads); /* it is held: all are moved */
    CHECK(lock_pi(&word) == 0);
    CHECK(futex(&cond, FUTEX_CMP_REQUEUE_PI_PRIVATE, 1, (void *)1, &word, 0) == 2);
    CHECK(taken == 0);
    CHECK(futex(&cond, FUTEX_CMP_REQUEUE_PI_PRIVATE, 1, (void *)100, &word, 0) == 2);
    CHECK(word == (tid() | FUTEX_WAITERS));
    CHECK(unlock_pi(&word) == 0);
    end_for_cond(threads);

    start_for_cond(threads); /* one at a time: no waiters need to be marked */
    for (int i = 0; i < THREADS; i++) {
        CHECK(futex(&cond, FUTEX_CMP_REQUEUE_PI_PRIVATE, 1, NULL, &word, 0) == 1);
        UNTIL(taken == i + 1 && word == 0);
    }
    end_for_cond(threads);

    struct timespec until = in_ms(CLOCK_MONOTONIC, 20);
    CHECK_ERROR(futex(&cond, FUTEX_WAIT_REQUEUE_PI_PRIVATE, 0, &until, &word, 0), ETIMEDOUT);
    until = in_ms(CLOCK_REALTIME, 20);
    CHECK_ERROR(
        futex(&cond, FUTEX_WAIT_REQUEUE_PI_PRIVATE | FUTEX_CLOCK_REALTIME, 0, &until, &word, 0),
        ETIMEDOUT);
}

/* The time is up after it was moved. */
static void *wait_for_cond_a_while(void *arg)
{
    struct timespec until = in_ms(CLOCK_MONOTONIC, 300);
    step = 1;
    CHECK_ERROR(futex(&cond, FUTEX_WAIT_REQUEUE_PI_PRIVATE, 0, &until, &word, 0), ETIMEDOUT);
    return arg;
}

static void requeue_in_vain(void)
{
    pthread_t thread;
    cond = word = 0;
    step = 0;
    CHECK(lock_pi(&word) == 0);
    CHECK(pthread_create(&thread, NULL, wait_for_cond_a_while, NULL) == 0);
    long moved = 0;
    for (int i = 0; i < 250 && !moved; i++) {
        moved = futex(&cond, FUTEX_CMP_REQUEUE_PI_PRIVATE, 1, (void *)1, &word, 0);
        sleep_ms(1);
    }
    CHECK(moved == 1);
    JOIN(thread);
    CHECK(word == (tid() | FUTEX_WAITERS));
    CHECK(unlock_pi(&word) == 0);
    CHECK(word == 0);
}

static pthread_mutex_t mutex;
static long counter;

static void *count(void *arg)
{
    long rounds = guest_count(5000, 200000);
    for (long i = 0; i < rounds; i++) {
        CHECK(pthread_mutex_lock(&mutex) == 0);
        counter++;
        CHECK(pthread_mutex_unlock(&mutex) == 0);
    }
    return arg;
}

static void mutexes(void)
{
    pthread_t threads[THREADS];
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    CHECK(pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_INHERIT) == 0);
    CHECK(pthread_mutex_init(&mutex, &attributes) == 0);
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_create(&threads[i], NULL, count, NULL) == 0);
    for (int i = 0; i < THREADS; i++)
        JOIN(threads[i]);
    CHECK(counter == THREADS * guest_count(5000, 200000));
}

int main(void)
{
    errors();
    handing_over();
    timeouts();
    signals();
    dead_owners();
    deadlock();
    mixed();
    plain_between();
    requeue();
    requeue_in_vain();
    mutexes();
    return guest_result();
}
