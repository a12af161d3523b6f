/* SPDX-License-Identifier: MIT */
/* Eight threads count to a total under one mutex; prints it, and fails if it is wrong. */

#include <pthread.h>
#include <stdio.h>

#define THREAD_COUNT 8
#define ROUND_COUNT 100000

struct counter {
    pthread_mutex_t lock;
    long total; /* guarded by lock */
};

static void *count(void *argument)
{
    struct counter *counter = argument;
    for (int i = 0; i < ROUND_COUNT; i++) {
        pthread_mutex_lock(&counter->lock);
        counter->total++;
        pthread_mutex_unlock(&counter->lock);
    }
    return NULL;
}

int main(void)
{
    struct counter counter = {.lock = PTHREAD_MUTEX_INITIALIZER};
    pthread_t threads[THREAD_COUNT];

    for (int i = 0; i < THREAD_COUNT; i++)
        if (pthread_create(&threads[i], NULL, count, &counter) != 0) {
            fputs("threads: cannot create a thread\n", stderr);
            return 1;
        }
    for (int i = 0; i < THREAD_COUNT; i++)
        pthread_join(threads[i], NULL);

    printf("%d threads counted to %ld\n", THREAD_COUNT, counter.total);
    return counter.total == (long)THREAD_COUNT * ROUND_COUNT ? 0 : 1;
}
