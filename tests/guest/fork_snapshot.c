/* SPDX-License-Identifier: MIT */
/*
 * What a child gets of memory that other threads write to during fork(2): all they had written
 * until some moment, and nothing later, whether they run, come from a system call or handle
 * signals.
 */

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>

#include "guest_process.h"

#define APART (2ul << 20) /* bytes, all of which travel, between what a thread writes */
#define WRITERS 3

/* A thread counts on both pages, first on the first: they differ by 1 at most. */
struct writer {
    volatile uint64_t *first, *second;
    void (*between)(void);
    pthread_t thread;
};

static struct writer g_writers[WRITERS];
static volatile sig_atomic_t handled;

static void on_signal(int number)
{
    (void)number;
    handled = 1;
}

static void nothing(void)
{
}

static void call(void)
{
    sched_yield();
}

static void signal_self(void)
{
    raise(SIGUSR1);
}

static void *write_for_ever(void *arg)
{
    struct writer *w = arg;
    for (;;) {
        ++*w->first;
        atomic_signal_fence(memory_order_seq_cst);
        ++*w->second;
        atomic_signal_fence(memory_order_seq_cst);
        w->between();
    }
    return NULL;
}

static int look(void *arg)
{
    (void)arg;
    for (int i = 0; i < WRITERS; i++) {
        uint64_t first = *g_writers[i].first, second = *g_writers[i].second;
        CHECK(first == second || first == second + 1);
    }
    return 3;
}

int main(void)
{
    static void (*const between[WRITERS])(void) = {nothing, call, signal_self};
    char *memory =
        mmap(NULL, APART + 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(memory != MAP_FAILED);
    signal(SIGUSR1, on_signal);
    memset(memory, 1, APART + 4096);
    for (int i = 0; i < WRITERS; i++) {
        struct writer *w = &g_writers[i];
        w->first = (uint64_t *)(memory + i * 8);
        w->second = (uint64_t *)(memory + APART + i * 8);
        if (i % 2) { /* the copy is made from one end to the other: both ways */
            volatile uint64_t *other = w->first;
            w->first = w->second;
            w->second = other;
        }
        w->between = between[i];
        CHECK(pthread_create(&w->thread, NULL, write_for_ever, w) == 0);
    }
    for (long i = 0, n = guest_count(30, 1000); i < n; i++)
        CHECK_EXIT(run(look, NULL), 3);
    puts("each copy was of one moment");
    return guest_result();
}
