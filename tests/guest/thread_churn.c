/* SPDX-License-Identifier: MIT */
/* Threads by the thousand: joined, detached, with state that no later one may see. */

#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include "futexes.h"

#define BATCH 16

static __thread int mine = 41;
static atomic_long ended;

/* A new thread finds what it may expect, and leaves what the next one must not find. */
static void *litter(void *arg)
{
    char name[16];
    stack_t stack;
    sigset_t set;
    CHECK(mine == 41);
    mine = 0;
    uint32_t mxcsr = __builtin_ia32_stmxcsr();
    CHECK(mxcsr == 0x1f80);
    __builtin_ia32_ldmxcsr(mxcsr | 0x4000); /* round up */
    CHECK(sigaltstack(NULL, &stack) == 0 && stack.ss_flags == SS_DISABLE);
    static char room[1 << 16];
    stack = (stack_t){.ss_sp = room, .ss_size = sizeof room};
    CHECK(sigaltstack(&stack, NULL) == 0);
    CHECK(pthread_sigmask(SIG_BLOCK, NULL, &set) == 0 && !sigismember(&set, SIGUSR2));
    sigfillset(&set);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    CHECK(prctl(PR_GET_NAME, name) == 0 && strcmp(name, "thread_churn") == 0);
    prctl(PR_SET_NAME, "other");
    __asm__ volatile("pcmpeqd %%xmm6, %%xmm6\n\tpcmpeqd %%xmm15, %%xmm15" : : : "xmm6", "xmm15");
    ended++;
    return arg;
}

static void joined(long count)
{
    for (long i = 0; i < count; i++) {
        pthread_t thread;
        void *value = NULL;
        CHECK(pthread_create(&thread, NULL, litter, &i) == 0);
        CHECK(pthread_join(thread, &value) == 0 && value == &i);
    }
}

static void in_batches(long count)
{
    for (long i = 0; i < count; i += BATCH) {
        pthread_t threads[BATCH];
        for (int k = 0; k < BATCH; k++)
            CHECK(pthread_create(&threads[k], NULL, litter, NULL) == 0);
        for (int k = 0; k < BATCH; k++)
            JOIN(threads[k]);
    }
}

static void detached(long count)
{
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    ended = 0;
    for (long i = 0; i < count; i++) {
        pthread_t thread;
        while (pthread_create(&thread, &attributes, litter, NULL) != 0)
            sched_yield(); /* too many at once */
        if (i % BATCH == 0)
            UNTIL(ended >= i - BATCH);
    }
    UNTIL(ended == count);
}

static void *have_children(void *arg)
{
    joined((long)(intptr_t)arg);
    return NULL;
}

/* Threads that make threads, all at once. */
static void nested(long count)
{
    pthread_t threads[BATCH];
    for (int k = 0; k < BATCH; k++)
        CHECK(pthread_create(&threads[k], NULL, have_children, (void *)(intptr_t)(count / BATCH)) ==
              0);
    for (int k = 0; k < BATCH; k++)
        JOIN(threads[k]);
}

/* A raw thread ends, and its memory goes at once: nothing may touch it later. */
static _Atomic uint32_t child_tid;

static int end(void *arg)
{
    (void)arg;
    syscall(SYS_exit, 0);
    return 0;
}

static void raw(long count)
{
    const size_t size = 1 << 16;
    for (long i = 0; i < count; i++) {
        char *stack = mmap(NULL, size, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
        CHECK(stack != MAP_FAILED);
        child_tid = 1;
        int flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD |
                    CLONE_SYSVSEM | CLONE_CHILD_CLEARTID;
        CHECK(clone(end, stack + size, flags, NULL, NULL, NULL, &child_tid) > 0);
        uint32_t seen;
        while ((seen = child_tid) != 0)
            futex(&child_tid, FUTEX_WAIT, seen, NULL, NULL, 0);
        CHECK(munmap(stack, size) == 0);
    }
}

/* The process ends while threads begin and end. */
static void *churn_for_ever(void *arg)
{
    for (;;) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, litter, NULL) == 0)
            pthread_join(thread, NULL);
    }
    return arg;
}

int main(void)
{
    long count = guest_count(2000, 10000);
    joined(count);
    in_batches(count);
    detached(count);
    nested(count);
    raw(count);
    int result = guest_result();
    fflush(stdout);
    pthread_t thread;
    for (int k = 0; k < 4; k++)
        pthread_create(&thread, NULL, churn_for_ever, NULL);
    sleep_ms(20);
    _exit(result);
}
