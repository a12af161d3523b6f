/* SPDX-License-Identifier: MIT */
#ifndef SHIM_CPU_CLOCK_H
#define SHIM_CPU_CLOCK_H

/*
 * Clocks that count processor time: of a process or of a thread, any of the container's.
 *
 * Source  clock_gettime(2), clock_getcpuclockid(3); kernel/time/posix-cpu-timers.c of Linux
 *         for whose clock may be asked for.
 * Threads any.
 * Errors  -LX_EINVAL: no such clock; -LX_ESRCH: what it counts for has ended.
 */

#include <stdint.h>

#include "lx/compiler.h"
#include "lx/time.h"

struct shim_process;
struct shim_task;

/* A clock once it was found: good for ever, also when what it counts for has gone. */
struct shim_cpu_clock {
    uint32_t which;   /* LX_CPUCLOCK_* */
    int32_t tid;      /* of a thread of the process that asked; 0: a process's clock */
    uint32_t host_id; /* the host's, of the thread or the process */
    uint64_t base_user_ns, base_system_ns; /* what the host had counted when it began */
};

static inline int shim_cpu_clock_is(int32_t clock)
{
    return clock < 0 || clock == LX_CLOCK_PROCESS_CPUTIME_ID || clock == LX_CLOCK_THREAD_CPUTIME_ID;
}

/* Find the clock with this id, as `t` may name it. */
MUST_USE int shim_cpu_clock_find(struct shim_task *t, int32_t clock, struct shim_cpu_clock *out);

/* Its time in ns. */
MUST_USE int shim_cpu_clock_now(const struct shim_cpu_clock *c, uint64_t *ns);

/* Processor time of a process and of the calling task, in ns. */
void shim_cpu_times(const struct shim_process *p, uint64_t *user_ns, uint64_t *system_ns);
void shim_cpu_times_of_task(const struct shim_task *t, uint64_t *user_ns, uint64_t *system_ns);

/*
 * How long to sleep before a clock may have counted `left_ns` more, when so many threads run at
 * most.  It counts only while somebody runs: a clock that did not come forward is looked at
 * ever more seldom.
 */
struct shim_cpu_pace {
    uint64_t now_ns, cpu_ns, idle_ns; /* zero at first */
};
void shim_cpu_pace(struct shim_cpu_pace *pace, uint64_t now_ns); /* at each look */
uint64_t shim_cpu_wait(const struct shim_cpu_pace *pace, uint64_t left_ns, uint32_t threads);

#endif
