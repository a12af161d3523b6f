/* SPDX-License-Identifier: MIT */
#ifndef SHIM_TASK_H
#define SHIM_TASK_H

/*
 * Processes and threads as Linux has them.  A process is the thread group; a
 * task is one thread, and what a system-call handler is given.  Both lie in the
 * arena, so that every guest host of the container sees them.
 *
 * Source  credentials(7), clone(2), signal(7), proc(5).
 * Threads fields say who writes them; "own" is the task's own thread, without a
 *         lock; others may read those marked atomic.
 * Errors  0 or an amount, else -LX_E*.
 */

#include <stdint.h>

#include "core/list.h"
#include "core/lock.h"
#include "core/wait.h"
#include "lx/compiler.h"
#include "lx/signal.h"
#include "lx/types.h"
#include "shim/time.h"

struct plat_thread;
struct vfs_fdtable;
struct vfs_fs;

#define SHIM_RLIMIT_COUNT 16
#define SHIM_SIGNAL_COUNT 64
#define SHIM_COMM_SIZE 16
#define SHIM_SLOT_COUNT 32768

/* One queued signal; allocated from the arena, or the process's preallocated one. */
struct shim_sigqueue {
    struct core_list node;
    struct lx_siginfo info;
};

/* Signals that wait for delivery, to a process or to a task. */
struct shim_pending {
    _Atomic uint64_t set;   /* bit n-1: signal n is pending */
    struct core_list queue; /* of struct shim_sigqueue, oldest first */
};

struct futex_table;
struct shim_mm;

struct shim_process {
    int32_t pid; /* constant */
    int32_t ppid, pgid, sid;

    struct core_lock signal_lock;                   /* guards actions, pending, alarm */
    struct lx_sigaction actions[SHIM_SIGNAL_COUNT]; /* of signal n at n-1 */
    struct shim_pending pending;

    struct core_lock lock;  /* guards tasks, the identities and the limits below */
    struct core_list tasks; /* of struct shim_task.in_process */
    uint32_t task_count;
    uint32_t uid, euid, suid, fsuid;
    uint32_t gid, egid, sgid, fsgid;
    uint32_t group_count;
    uint32_t groups[32];
    struct lx_rlimit64 limits[SHIM_RLIMIT_COUNT];
    int32_t dumpable, death_signal, nice;
    uint32_t no_new_privs;
    char exe[256]; /* guest path, cut; for messages */

    _Atomic uint32_t exiting;   /* 1: exit_group or a fatal signal has begun */
    _Atomic uint32_t exit_code; /* as wait4(2) reports it */

    uint64_t alarm_ns; /* ITIMER_REAL's next expiry, a deadline, or 0 */
    uint64_t alarm_interval_ns;
    uint32_t alarm_running;            /* its thread exists */
    struct core_sleeper alarm_sleeper; /* its thread's */

    struct shim_mm *mm;              /* own lock */
    _Atomic uint32_t vdso_has_clock; /* 1: it was told of the clock; see sys_clock_gettime() */
    struct vfs_fdtable *fds;         /* own lock */
    struct vfs_fs *fs; /* root, working directory, umask, credentials for checks; own lock */
};

/* What a thread waits for in futex(2); guarded by the lock of the futex's bucket. */
struct shim_futex_waiter {
    struct core_list node;
    _Atomic lx_uptr word;
    uint32_t bitset;
    _Atomic uint32_t queued;
};

struct shim_task {
    int32_t tid;                  /* constant */
    struct shim_process *process; /* constant */
    struct core_list in_process;  /* guarded by process->lock */
    struct core_list in_table;    /* guarded by the container's lock */
    struct core_sleeper sleeper;  /* what this thread sleeps on */
    struct plat_thread *plat;     /* own; good in its guest host only */
    char comm[SHIM_COMM_SIZE];    /* prctl(PR_SET_NAME) */

    struct shim_pending pending; /* guarded by process->signal_lock; set is atomic */
    _Atomic uint64_t sigmask;    /* own; bit n-1: signal n is blocked */
    _Atomic uint64_t waits_for;  /* own; what sigwait(3) waits for: blocked, yet it wakes */
    uint64_t saved_sigmask;      /* own; restored after sigsuspend, ppoll .. */
    uint32_t restore_sigmask;    /* own; 1: saved_sigmask is to be restored */
    struct lx_stack altstack;    /* own */

    /*
     * Nonzero: something is to be done before the next return to the guest.
     * Written by anyone; the exit path tests it.
     */
    _Atomic uint32_t attention;

    struct shim_futex_waiter futex;
    lx_uptr clear_child_tid; /* own; set_tid_address(2) */
    lx_uptr robust_list;     /* own; set_robust_list(2) */
    lx_uptr rseq;            /* own; registered rseq area or 0 */
    uint64_t syscall;        /* own; number of the call in progress, ~0 in none */
    uint64_t restart_ns;     /* own; deadline of an interrupted sleep, see restart_syscall(2) */

    uint32_t trace;                  /* constant: 1 prints this task's system calls */
    uint64_t fast_calls, slow_calls; /* own; for --stats */
};

/* The container: what all processes share. */
struct shim_container {
    struct core_lock lock;  /* guards tasks, next_tid, slots */
    struct core_list tasks; /* of struct shim_task.in_table, all of the container */
    int32_t next_tid;
    uint64_t slots[SHIM_SLOT_COUNT / 64]; /* bit: a thread sleeps on that slot */
    uint32_t strace;                      /* constant: 1 prints system calls to stderr */
    uint32_t chaos;    /* constant: 1 clears FS base at every return to the guest; for tests */
    char hostname[65]; /* constant */
    struct shim_clock clock;     /* atomic, then constant */
    struct futex_table *futexes; /* constant */

    _Atomic uint32_t done;           /* 1: status is the container's result */
    uint32_t status;                 /* of the first process, as wait4(2) reports it */
    uint64_t fast_calls, slow_calls; /* guarded by lock; of tasks that ended */
    const void *patches; /* constant: kept patch tables, see shim/patches.h; NULL: none */
    struct shim_patches_new *new_patches;                            /* guarded by lock */
    uint64_t patch_sites, patch_unpatched, tls_sites, tls_unpatched; /* guarded by lock */
};

/* Create the container's objects in the arena; the launcher does this once. */
MUST_USE int shim_container_init(void);
struct shim_container *shim_container(void);

/* Initialise a sleeper with a slot of its own; for threads that are not tasks. */
MUST_USE int shim_sleeper_new(struct core_sleeper *s);

/* A new process with one task, pid = tid; used by the launcher for the first. */
MUST_USE int shim_process_new(struct shim_process **out, struct shim_task **task);

/* Make the file system's checks see the process's identities; process->lock is held. */
void shim_process_publish_credentials(struct shim_process *p);

/* A new task of a process; the caller starts its thread. */
MUST_USE int shim_task_new(struct shim_process *p, struct shim_task **out);

/*
 * Take a task out of all tables and free it.  It must not run any more.
 *   returns  1 if it was the last one of its process.
 */
int shim_task_free(struct shim_task *t);

/* The task with this tid, valid while the container's lock is held; or NULL. */
struct shim_task *shim_task_find_locked(int32_t tid);

/* Likewise one task of a process, whose first thread may have ended. */
struct shim_task *shim_task_of_process_locked(int32_t pid);

/*
 * End the calling thread: clear_child_tid, robust futexes, and with the last
 * thread the process.  `status` is as wait4(2) reports it.
 */
NORETURN void shim_task_exit(struct shim_task *t, uint32_t status);

/* End the calling thread's whole process; the other threads end at their next attention. */
NORETURN void shim_process_exit(struct shim_task *t, uint32_t status);

/* Make `t` look at its pending work before it returns to the guest, waking it if it sleeps. */
void shim_task_notify(struct shim_task *t);

/* Set the calling task's thread pointer (FS base) as its guest code sees it. */
void shim_task_set_tp(struct shim_task *t, lx_uptr tp);

/* Run a task on the calling host thread: enter guest code at its `plat->regs`. */
NORETURN void shim_task_run(struct shim_task *t);

#endif
