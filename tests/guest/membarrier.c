/* SPDX-License-Identifier: MIT */
/* membarrier(2): the commands that need no extra hardware, registration, errors, and the effect. */

#include <linux/membarrier.h>

#include "futexes.h"

static long membarrier(int command, unsigned flags, int cpu)
{
    return syscall(SYS_membarrier, command, flags, cpu);
}

static void commands(void)
{
    const long want = MEMBARRIER_CMD_GLOBAL | MEMBARRIER_CMD_GLOBAL_EXPEDITED |
                      MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED | MEMBARRIER_CMD_PRIVATE_EXPEDITED |
                      MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED |
                      MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE |
                      MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE;
    CHECK((membarrier(MEMBARRIER_CMD_QUERY, 0, 0) & want) == want);
    CHECK_ERROR(membarrier(MEMBARRIER_CMD_QUERY, 1, 0), EINVAL);
    CHECK_ERROR(membarrier(1 << 30, 0, 0), EINVAL);
    CHECK_ERROR(membarrier(3, 0, 0), EINVAL);
    CHECK_ERROR(membarrier(MEMBARRIER_CMD_GLOBAL, 1, 0), EINVAL);

    CHECK_ERROR(membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0), EPERM);
    CHECK_ERROR(membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE, 0, 0), EPERM);
    CHECK(membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) == 0);
    CHECK(membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0) == 0);
    CHECK_ERROR(membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE, 0, 0), EPERM);
    CHECK(membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE, 0, 0) == 0);
    CHECK(membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE, 0, 0) == 0);
    CHECK(membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) == 0); /* again */

    CHECK(membarrier(MEMBARRIER_CMD_GLOBAL, 0, 0) == 0);
    CHECK(membarrier(MEMBARRIER_CMD_GLOBAL_EXPEDITED, 0, 0) == 0); /* needs none for the caller */
    CHECK(membarrier(MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED, 0, 0) == 0);
}

/*
 * Dekker's: each writes its own flag and reads the other's.  The fast side has no fence, which
 * on x86 lets both read 0; the slow side's membarrier must forbid that.
 */
static atomic_int fast_flag, slow_flag, fast_saw, finished;
static atomic_long round_now;

static void *fast(void *arg)
{
    long rounds = *(long *)arg;
    for (long i = 1; i <= rounds; i++) {
        while (atomic_load_explicit(&round_now, memory_order_acquire) != i)
            ;
        atomic_store_explicit(&fast_flag, 1, memory_order_relaxed);
        __asm__ volatile("" : : : "memory");
        int saw = atomic_load_explicit(&slow_flag, memory_order_relaxed);
        atomic_store_explicit(&fast_saw, saw, memory_order_relaxed);
        atomic_store_explicit(&finished, 1, memory_order_release);
    }
    return NULL;
}

static void effect(void)
{
    long rounds = guest_count(500, 20000), both = 0;
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, fast, &rounds) == 0);
    for (long i = 1; i <= rounds; i++) {
        fast_flag = slow_flag = finished = 0;
        atomic_store_explicit(&round_now, i, memory_order_release);
        for (volatile long k = 0; k < i % 64; k++)
            ;
        atomic_store_explicit(&slow_flag, 1, memory_order_relaxed);
        CHECK(membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0) == 0);
        int saw = atomic_load_explicit(&fast_flag, memory_order_relaxed);
        while (!atomic_load_explicit(&finished, memory_order_acquire))
            ;
        both += !saw && !fast_saw;
    }
    JOIN(thread);
    CHECK(both == 0);
}

int main(void)
{
    commands();
    effect();
    return guest_result();
}
