/* SPDX-License-Identifier: MIT */
/*
 * Robust futexes: what threads held when they ended, by hand-made lists and by the C library's
 * mutexes, with and without priority inheritance.
 */

#include <stddef.h>

#include "futexes.h"

struct entry {
    struct robust_list node;
    _Atomic uint32_t word;
};

static struct robust_list_head head;
static struct entry entries[4];
static _Atomic uint32_t owner;
static atomic_int step;

static void use_list(struct robust_list *pending)
{
    head.futex_offset = offsetof(struct entry, word);
    head.list_op_pending = pending;
    CHECK(syscall(SYS_set_robust_list, &head, sizeof head) == 0);
}

static void link_all(void)
{
    head.list.next = &entries[0].node;
    for (int i = 0; i < 3; i++)
        entries[i].node.next = &entries[i + 1].node;
    entries[3].node.next = &head.list;
}

/* Held with and without waiters, another's, free. */
static void *end_with_list(void *arg)
{
    uint32_t me = owner = tid();
    link_all();
    entries[0].word = me;
    entries[1].word = me | FUTEX_WAITERS;
    entries[2].word = 77;
    entries[3].word = 0;
    use_list(NULL);
    return arg;
}

static void lists(void)
{
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, end_with_list, NULL) == 0);
    JOIN(thread);
    CHECK(entries[0].word == FUTEX_OWNER_DIED);
    CHECK(entries[1].word == (FUTEX_OWNER_DIED | FUTEX_WAITERS));
    CHECK(entries[2].word == 77);
    CHECK(entries[3].word == 0);
}

/* Lists that are broken or have no end stop somewhere. */
static void *end_with_bad_list(void *arg)
{
    uint32_t me = tid();
    intptr_t how = (intptr_t)arg;
    link_all();
    for (int i = 0; i < 4; i++)
        entries[i].word = me;
    if (how == 0)
        entries[1].node.next = (void *)16; /* nothing is there; but its own word counts */
    else if (how == 1)
        entries[3].node.next = &entries[0].node; /* no end */
    else
        entries[1].node.next = (void *)((char *)&entries[2].node + 2); /* not aligned */
    use_list(how == 3 ? &entries[3].node : NULL);
    return NULL;
}

static void bad_lists(void)
{
    static const uint32_t died[3] = {2, 4, 2};
    for (intptr_t how = 0; how < 3; how++) {
        pthread_t thread;
        CHECK(pthread_create(&thread, NULL, end_with_bad_list, (void *)how) == 0);
        JOIN(thread);
        for (uint32_t i = 0; i < 4; i++)
            CHECK((entries[i].word == FUTEX_OWNER_DIED) == (i < died[how]));
    }
}

/* One that it was about to take: not in the list, and perhaps already left. */
static void *end_with_pending(void *arg)
{
    entries[0].word = arg ? tid() : 0;
    head.list.next = &head.list;
    use_list(&entries[0].node);
    step = 1;
    UNTIL(step == 2);
    return NULL;
}

static void *wait_for_death(void *arg)
{
    step = 2; /* the other ends once this waits, most likely */
    while (futex(&entries[0].word, FUTEX_WAIT, (uint32_t)(uintptr_t)arg, NULL, NULL, 0) < 0 &&
           errno == EINTR)
        ;
    return NULL;
}

static void pending(void)
{
    pthread_t thread, waiter;
    step = 0;
    CHECK(pthread_create(&thread, NULL, end_with_pending, &owner) == 0);
    UNTIL(step == 1);
    step = 2;
    JOIN(thread);
    CHECK(entries[0].word == FUTEX_OWNER_DIED);

    step = 0; /* free, and nobody was woken */
    CHECK(pthread_create(&thread, NULL, end_with_pending, NULL) == 0);
    UNTIL(step == 1);
    CHECK(pthread_create(&waiter, NULL, wait_for_death, NULL) == 0);
    JOIN(thread);
    sleep_ms(20);
    entries[0].word = 1;
    futex(&entries[0].word, FUTEX_WAKE, 1, NULL, NULL, 0); /* if it came too late */
    JOIN(waiter);
}

static void arguments(void)
{
    void *list = NULL;
    size_t size = 0;
    CHECK_ERROR(syscall(SYS_set_robust_list, &head, sizeof head - 1), EINVAL);
    CHECK(syscall(SYS_get_robust_list, 0, &list, &size) == 0);
    CHECK(list != NULL && size == sizeof head); /* the C library's */
    CHECK_ERROR(syscall(SYS_get_robust_list, 0, (void *)8, &size), EFAULT);
    CHECK_ERROR(syscall(SYS_get_robust_list, 0x3ffffff0, &list, &size), ESRCH);
}

static pthread_mutex_t mutex;

static void *lock_and_end(void *arg)
{
    CHECK(pthread_mutex_lock(&mutex) == 0);
    step = 1;
    if (arg)
        UNTIL(step == 2);
    return NULL;
}

static void *outlive(void *arg)
{
    step = 3;
    CHECK(pthread_mutex_lock(&mutex) == EOWNERDEAD);
    CHECK(pthread_mutex_consistent(&mutex) == 0);
    CHECK(pthread_mutex_unlock(&mutex) == 0);
    return arg;
}

/* The owner ends before anyone waits, and while somebody does. */
static void mutexes(int protocol)
{
    pthread_mutexattr_t attributes;
    pthread_t thread, waiter;
    pthread_mutexattr_init(&attributes);
    CHECK(pthread_mutexattr_setprotocol(&attributes, protocol) == 0);
    CHECK(pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST) == 0);
    CHECK(pthread_mutex_init(&mutex, &attributes) == 0);

    CHECK(pthread_create(&thread, NULL, lock_and_end, NULL) == 0);
    JOIN(thread);
    CHECK(pthread_mutex_trylock(&mutex) == EOWNERDEAD);
    CHECK(pthread_mutex_consistent(&mutex) == 0);
    CHECK(pthread_mutex_unlock(&mutex) == 0);
    CHECK(pthread_mutex_lock(&mutex) == 0);
    CHECK(pthread_mutex_unlock(&mutex) == 0);

    step = 0;
    CHECK(pthread_create(&thread, NULL, lock_and_end, &mutex) == 0);
    UNTIL(step == 1);
    CHECK(pthread_create(&waiter, NULL, outlive, NULL) == 0);
    UNTIL(step == 3);
    sleep_ms(20);
    step = 2;
    JOIN(thread);
    JOIN(waiter);

    CHECK(pthread_create(&thread, NULL, lock_and_end, NULL) == 0);
    JOIN(thread);
    CHECK(pthread_mutex_lock(&mutex) == EOWNERDEAD);
    CHECK(pthread_mutex_unlock(&mutex) == 0); /* not made consistent: of no use from now on */
    CHECK(pthread_mutex_lock(&mutex) == ENOTRECOVERABLE);
    CHECK(pthread_mutex_destroy(&mutex) == 0);
}

int main(void)
{
    arguments();
    lists();
    bad_lists();
    pending();
    mutexes(PTHREAD_PRIO_NONE);
    mutexes(PTHREAD_PRIO_INHERIT);
    return guest_result();
}
