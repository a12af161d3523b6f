/* SPDX-License-Identifier: MIT */
/* POSIX threads: create, join, detach, and every way for them to wait for each other. */

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <time.h>

#include "guest.h"

#define THREADS 8

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static pthread_barrier_t barrier;
static long counter;
static __thread long local;

/* Start THREADS threads, join them, and sum up what they return. */
static long run(void *(*work)(void *))
{
    pthread_t threads[THREADS];
    long sum = 0;
    for (uintptr_t i = 0; i < THREADS; i++)
        CHECK(pthread_create(&threads[i], NULL, work, (void *)i) == 0);
    for (int i = 0; i < THREADS; i++) {
        void *result = NULL;
        CHECK(pthread_join(threads[i], &result) == 0);
        sum += (long)(uintptr_t)result;
    }
    return sum;
}

static void *count_under_mutex(void *arg)
{
    long rounds = guest_count(20000, 500000);
    (void)arg;
    for (long i = 0; i < rounds; i++) {
        pthread_mutex_lock(&mutex);
        counter++;
        pthread_mutex_unlock(&mutex);
        local++;
    }
    return (void *)local;
}

/* A queue of one number, passed from producers (even threads) to consumers (odd ones). */
static long queue;

static void *pass_numbers(void *arg)
{
    long rounds = guest_count(500, 10000), sum = 0;
    int produce = (uintptr_t)arg % 2 == 0;
    for (long i = 1; i <= rounds; i++) {
        pthread_mutex_lock(&mutex);
        while ((queue == 0) != produce)
            pthread_cond_wait(&cond, &mutex);
        sum += produce ? -i : queue;
        queue = produce ? i : 0;
        pthread_cond_broadcast(&cond);
        pthread_mutex_unlock(&mutex);
    }
    return (void *)sum;
}

static long pair[2];

static void *read_and_write(void *arg)
{
    long rounds = guest_count(2000, 50000), torn = 0;
    for (long i = 0; i < rounds; i++) {
        if ((i + (long)(uintptr_t)arg) % 8 == 0) {
            pthread_rwlock_wrlock(&rwlock);
            pair[0]++;
            pair[1]++;
        } else {
            pthread_rwlock_rdlock(&rwlock);
            torn += pair[0] != pair[1];
        }
        pthread_rwlock_unlock(&rwlock);
    }
    return (void *)torn;
}

static atomic_long arrived;

static void *meet(void *arg)
{
    long rounds = guest_count(100, 2000), early = 0, serial = 0;
    (void)arg;
    for (long i = 1; i <= rounds; i++) {
        arrived++;
        serial += pthread_barrier_wait(&barrier) == PTHREAD_BARRIER_SERIAL_THREAD;
        early += arrived < i * THREADS;
        pthread_barrier_wait(&barrier);
    }
    CHECK(early == 0);
    return (void *)serial;
}

static sem_t finished;
static pthread_key_t key;
static atomic_int destroyed;

static void destroy(void *value)
{
    CHECK(value == (void *)7);
    destroyed++;
}

static void *short_life(void *arg)
{
    (void)arg;
    pthread_setspecific(key, (void *)7);
    sem_post(&finished);
    return NULL;
}

static void detached(void)
{
    pthread_attr_t attr;
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attr, 256 * 1024);
    sem_init(&finished, 0, 0);
    CHECK(pthread_key_create(&key, destroy) == 0);
    long rounds = guest_count(50, 1000);
    for (long i = 0; i < rounds; i++) {
        pthread_t thread;
        CHECK(pthread_create(&thread, &attr, short_life, NULL) == 0);
        while (sem_wait(&finished) < 0)
            ;
    }
    pthread_attr_destroy(&attr);
    for (int i = 0; i < 1000 && destroyed < rounds; i++)
        nanosleep(&(struct timespec){0, 1000000}, NULL);
    CHECK(destroyed == rounds);
}

static void *hold_mutex(void *arg)
{
    pthread_mutex_lock(&mutex);
    pthread_barrier_wait(arg);
    pthread_barrier_wait(arg);
    pthread_mutex_unlock(&mutex);
    return NULL;
}

static void timed_lock(void)
{
    pthread_barrier_t two;
    pthread_t holder;
    struct timespec until;
    pthread_barrier_init(&two, NULL, 2);
    CHECK(pthread_create(&holder, NULL, hold_mutex, &two) == 0);
    pthread_barrier_wait(&two);
    CHECK(pthread_mutex_trylock(&mutex) == EBUSY);
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += 20000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    CHECK(pthread_mutex_timedlock(&mutex, &until) == ETIMEDOUT);
    pthread_barrier_wait(&two);
    CHECK(pthread_join(holder, NULL) == 0);
    CHECK(pthread_mutex_lock(&mutex) == 0);
    CHECK(pthread_cond_timedwait(&cond, &mutex, &until) == ETIMEDOUT);
    pthread_mutex_unlock(&mutex);
}

static void *sleep_until_cancelled(void *arg)
{
    sem_post(arg);
    while (nanosleep(&(struct timespec){10, 0}, NULL) == 0)
        ;
    return NULL;
}

static void cancelled(void)
{
    pthread_t thread;
    sem_t ready;
    void *result = NULL;
    sem_init(&ready, 0, 0);
    CHECK(pthread_create(&thread, NULL, sleep_until_cancelled, &ready) == 0);
    while (sem_wait(&ready) < 0)
        ;
    CHECK(pthread_cancel(thread) == 0);
    CHECK(pthread_join(thread, &result) == 0);
    CHECK(result == PTHREAD_CANCELED);
}

int main(void)
{
    long rounds = guest_count(20000, 500000);
    CHECK(run(count_under_mutex) == THREADS * rounds);
    CHECK(counter == THREADS * rounds);
    CHECK(local == 0);
    CHECK(run(pass_numbers) == 0);
    CHECK(queue == 0);
    CHECK(run(read_and_write) == 0);
    CHECK(pthread_barrier_init(&barrier, NULL, THREADS) == 0);
    CHECK(run(meet) == guest_count(100, 2000));
    detached();
    timed_lock();
    cancelled();
    return guest_result();
}
