/* SPDX-License-Identifier: MIT */
/* Compare-and-swap locks in the arena, with their order checked in sanitizer builds. */

#include "core/lock.h"

#include <stdatomic.h>

#include "plat/plat.h"

#define SPINS 200               /* about 10 us: longer than any critical section */
#define YIELDS 50               /* then the holder was descheduled */
#define NAP_NS 200000ull        /* and then it takes its time */
#define STUCK_NS 10000000000ull /* or has ended */

static void (*g_on_stuck)(void); /* this process's; see core_lock_watch() */

#if defined(TARBOX_SANITIZED)
#include <stdio.h>
#include <stdlib.h>

#define HELD_MAX 16
static _Thread_local uint32_t held[HELD_MAX], held_count;

static void note_acquire(uint32_t rank)
{
    for (uint32_t i = 0; i < held_count; i++) {
        /* Two of one rank are ordered by what the rank's comment says. */
        if (held[i] > rank) {
            fprintf(stderr, "tarbox: lock of rank %u taken while one of %u is held\n", rank,
                    held[i]);
            abort();
        }
    }
    if (held_count == HELD_MAX)
        abort();
    held[held_count++] = rank;
}

static void note_release(uint32_t rank)
{
    for (uint32_t i = held_count; i-- > 0;) {
        if (held[i] == rank) {
            held[i] = held[--held_count];
            return;
        }
    }
    abort();
}
#else
static void note_acquire(uint32_t rank)
{
    (void)rank;
}

static void note_release(uint32_t rank)
{
    (void)rank;
}
#endif

static int try_lock(struct core_lock *l)
{
    uint32_t expected = 0;
    return atomic_load_explicit(&l->word, memory_order_relaxed) == 0 &&
           atomic_compare_exchange_strong_explicit(&l->word, &expected, 1, memory_order_acquire,
                                                   memory_order_relaxed);
}

/* How long a nap is, is the host's affair: often more than it was asked for. */
static void wait_long(struct core_lock *l)
{
    uint64_t since = plat_clock_now(PLAT_CLOCK_MONOTONIC);
    while (!try_lock(l)) {
        plat_thread_yield(NAP_NS);
        uint64_t now = plat_clock_now(PLAT_CLOCK_MONOTONIC);
        if (now - since < STUCK_NS)
            continue;
        since = now;
        if (g_on_stuck)
            g_on_stuck();
    }
}

void core_lock_acquire(struct core_lock *l)
{
    note_acquire(l->rank);
    for (uint32_t i = 0; !try_lock(l); i++) {
        if (i < SPINS)
            __builtin_ia32_pause();
        else if (i < SPINS + YIELDS)
            plat_thread_yield(0);
        else {
            wait_long(l);
            return;
        }
    }
}

int core_lock_try(struct core_lock *l)
{
    if (!try_lock(l))
        return 0;
    note_acquire(l->rank);
    return 1;
}

void core_lock_watch(void (*on_stuck)(void))
{
    g_on_stuck = on_stuck;
}

void core_lock_release(struct core_lock *l)
{
    note_release(l->rank);
    atomic_store_explicit(&l->word, 0, memory_order_release);
}

int core_lock_is_held(const struct core_lock *l)
{
    return atomic_load(&l->word) != 0;
}
