/* SPDX-License-Identifier: MIT */
#ifndef LX_SCHED_H
#define LX_SCHED_H

/*
 * Threads and scheduling.
 *
 * Source  clone(2), sched_setscheduler(2), sched_setattr(2).
 */

#include <stdint.h>

/* clone(2) */
#define LX_CLONE_NEWTIME 0x80
#define LX_CLONE_VM 0x100
#define LX_CLONE_FS 0x200
#define LX_CLONE_FILES 0x400
#define LX_CLONE_SIGHAND 0x800
#define LX_CLONE_PIDFD 0x1000
#define LX_CLONE_PTRACE 0x2000
#define LX_CLONE_VFORK 0x4000
#define LX_CLONE_PARENT 0x8000
#define LX_CLONE_THREAD 0x10000
#define LX_CLONE_NEWNS 0x20000
#define LX_CLONE_SYSVSEM 0x40000
#define LX_CLONE_SETTLS 0x80000
#define LX_CLONE_PARENT_SETTID 0x100000
#define LX_CLONE_CHILD_CLEARTID 0x200000
#define LX_CLONE_DETACHED 0x400000
#define LX_CLONE_UNTRACED 0x800000
#define LX_CLONE_CHILD_SETTID 0x1000000
#define LX_CLONE_NEWCGROUP 0x2000000
#define LX_CLONE_NEWUTS 0x4000000
#define LX_CLONE_NEWIPC 0x8000000
#define LX_CLONE_NEWUSER 0x10000000
#define LX_CLONE_NEWPID 0x20000000
#define LX_CLONE_NEWNET 0x40000000
#define LX_CLONE_IO 0x80000000u
#define LX_CLONE_CLEAR_SIGHAND 0x100000000ull
#define LX_CLONE_INTO_CGROUP 0x200000000ull

/* sched_setscheduler(2) */
#define LX_SCHED_NORMAL 0
#define LX_SCHED_FIFO 1
#define LX_SCHED_RR 2
#define LX_SCHED_BATCH 3
#define LX_SCHED_IDLE 5
#define LX_SCHED_DEADLINE 6
#define LX_SCHED_RESET_ON_FORK 1073741824

/* sched_setattr(2) */
#define LX_SCHED_FLAG_RESET_ON_FORK 0x1
#define LX_SCHED_FLAG_RECLAIM 0x2
#define LX_SCHED_FLAG_DL_OVERRUN 0x4
#define LX_SCHED_FLAG_KEEP_POLICY 0x8
#define LX_SCHED_FLAG_KEEP_PARAMS 0x10
#define LX_SCHED_FLAG_UTIL_CLAMP_MIN 0x20
#define LX_SCHED_FLAG_UTIL_CLAMP_MAX 0x40
#define LX_SCHED_ATTR_SIZE_VER0 48
#define LX_SCHED_ATTR_SIZE_VER1 56

#define LX_CSIGNAL 0xff /* clone(2): the signal sent at its end */

/* clone3(2) */
struct lx_clone_args {
    uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
    uint64_t set_tid, set_tid_size, cgroup;
};
#define LX_CLONE_ARGS_SIZE_VER0 64
#define LX_CLONE_ARGS_SIZE_VER2 88
_Static_assert(sizeof(struct lx_clone_args) == LX_CLONE_ARGS_SIZE_VER2, "ABI");

struct lx_sched_attr {
    uint32_t size, sched_policy;
    uint64_t sched_flags;
    int32_t sched_nice;
    uint32_t sched_priority;
    uint64_t sched_runtime, sched_deadline, sched_period;
    uint32_t sched_util_min, sched_util_max;
};
_Static_assert(sizeof(struct lx_sched_attr) == 56, "ABI");

#endif
