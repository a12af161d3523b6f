/* SPDX-License-Identifier: MIT */
/*
 * What takes no more than a system call: memory's protection, and sleeping and waking by futex in
 * the arena, for which the slot is not needed.  The kernel keeps FS base and vector registers,
 * so these need no gate.
 *
 * Source  mprotect(2), mmap(2), madvise(2), futex(2), sched_yield(2), write(2).
 */

#include <linux/futex.h>
#include <linux/mman.h>
#include <sys/syscall.h>

#include "bare.h"
#include "host.h"
#include "lx/errno.h"

#define SECOND_NS 1000000000ll

int linux_doorbell = -1;

static int64_t call(uint64_t number, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e,
                    uint64_t f)
{
    register uint64_t r10 __asm__("r10") = d, r8 __asm__("r8") = e, r9 __asm__("r9") = f;
    int64_t result = (int64_t)number;
    __asm__ volatile("syscall"
                     : "+a"(result)
                     : "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result; /* the host's error numbers are LX_E* */
}

/* ---- Memory ---- */

int linux_prot(uint32_t prot)
{
    return (prot & PLAT_READ ? PROT_READ : 0) | (prot & PLAT_WRITE ? PROT_WRITE : 0) |
           (prot & PLAT_EXEC ? PROT_EXEC : 0);
}

int plat_host_mem_protect(uint64_t addr, uint64_t size, uint32_t prot)
{
    return (int)call(SYS_mprotect, addr, size, (uint64_t)linux_prot(prot), 0, 0, 0);
}

/* Reserved pages read as zeros once they are accessible: the kernel backs them when touched. */
int plat_host_mem_commit(uint64_t addr, uint64_t size, uint32_t prot)
{
    return plat_host_mem_protect(addr, size, prot);
}

int plat_host_mem_clean(uint64_t addr, uint64_t size, uint32_t prot)
{
    (void)prot;
    return (int)call(SYS_madvise, addr, size, MADV_DONTNEED, 0, 0, 0);
}

/* As it was reserved.  Out of mappings that fails; the pages are gone and zero all the same. */
void plat_host_mem_decommit(uint64_t addr, uint64_t size)
{
    uint64_t flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED;
    if (call(SYS_mmap, addr, size, PROT_NONE, flags, UINT64_MAX, 0) < 0)
        call(SYS_madvise, addr, size, MADV_DONTNEED, 0, 0, 0);
}

/* ---- Sleeping ---- */

struct timespec64 {
    int64_t s, ns;
};

static int sleep_on_word(_Atomic uint32_t *word, int64_t deadline_ns)
{
    int64_t ns = deadline_ns > 0 ? deadline_ns : 0;
    struct timespec64 deadline = {ns / SECOND_NS, ns % SECOND_NS};
    uint64_t until = deadline_ns == PLAT_FOREVER ? 0 : (uint64_t)(uintptr_t)&deadline;
    int64_t result = call(SYS_futex, (uint64_t)(uintptr_t)word, FUTEX_WAIT_BITSET,
                          PLAT_PARK_SLEEPING, until, 0, FUTEX_BITSET_MATCH_ANY);
    return result == -LX_ETIMEDOUT ? -LX_ETIMEDOUT : 0;
}

int plat_host_thread_sleep(uint32_t slot, _Atomic uint32_t *word, uint32_t streams,
                           int64_t deadline_ns)
{
    (void)slot;
    if (!streams)
        return sleep_on_word(word, deadline_ns);
    plat_gate();
    return linux_sleep_on_streams(word, streams, deadline_ns);
}

/* Whoever is not found on the futex waits for streams, too, and hears the doorbell. */
void plat_host_thread_wake(uint32_t slot, _Atomic uint32_t *word)
{
    static const uint64_t one = 1;
    (void)slot;
    if (call(SYS_futex, (uint64_t)(uintptr_t)word, FUTEX_WAKE, 1, 0, 0, 0) > 0)
        return;
    if (linux_doorbell >= 0) /* it can only be full, and then it has rung */
        call(SYS_write, (uint64_t)linux_doorbell, (uint64_t)(uintptr_t)&one, sizeof one, 0, 0, 0);
}

void plat_host_thread_yield(uint64_t ns)
{
    if (ns == 0) {
        call(SYS_sched_yield, 0, 0, 0, 0, 0, 0);
        return;
    }
    plat_gate();
    linux_sleep_for(ns);
}
