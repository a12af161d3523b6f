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
#include "shim/cred.h"
#include "shim/futex.h"
#include "shim/time.h"
#include "shim/timer.h"

struct plat_thread;
struct shim_host;
struct vfs_fdtable;
struct vfs_fs;
struct vfs_pidfd;
struct vfs_tty;

#define SHIM_RLIMIT_COUNT 16
#define SHIM_SIGNAL_COUNT 64
#define SHIM_COMM_SIZE 16
#define SHIM_SLOT_COUNT 32768
#define SHIM_SIGNAL_WAITQS 64

/* One queued signal; allocated from the arena, or a timer's own. */
struct shim_sigqueue {
    struct core_list node;
    uint32_t of_timer; /* constant: 1 if it is a timer's, which is told and not freed */
    struct lx_siginfo info;
};

/* Signals that wait for delivery, to a process or to a task. */
struct shim_pending {
    _Atomic uint64_t set;   /* bit n-1: signal n is pending */
    struct core_list queue; /* of struct shim_sigqueue, oldest first */
};

struct futex_table;
struct shim_mm;
struct shim_watched;
struct shim_program;

/* What a process has used, and its children that were waited for; in ns and bytes. */
struct shim_usage {
    uint64_t user_ns, system_ns, peak_size;
};

struct shim_process {
    int32_t pid; /* constant */

    /* The tree of processes: guarded by the container's lock; the ids are read without. */
    _Atomic int32_t ppid, pgid, sid;
    struct shim_process *parent;   /* NULL: of the first, and in a process that ended unseen */
    int32_t parent_tid;            /* whose child it is, of the parent's threads */
    struct core_list children;     /* of struct shim_process.sibling */
    struct core_list sibling;      /* in parent->children */
    struct core_list in_table;     /* in the container's processes */
    struct shim_process *next_pid; /* in its hash bucket */
    uint32_t is_zombie;            /* 1: ended, and waits for wait(2) */
    struct shim_host *ending;      /* its last thread has ended, and this host has yet to make it a
                                      zombie; else NULL */
    uint32_t exit_signal;          /* that the parent gets at the end; 0: none */
    uint32_t exec_count;     /* execve(2)s that have succeeded: setpgid(2) and mq_notify(2) ask */
    uint32_t news;           /* SHIM_NEWS_*: what wait(2) has not reported yet */
    struct shim_usage usage; /* of a zombie; before, the peak of memory it has left */
    struct core_waitq child_wait; /* threads in wait(2); own lock */
    struct vfs_pidfd *pidfd;      /* a reference; NULL: nobody asked for one */
    struct vfs_tty *_Atomic tty;  /* a reference: its controlling terminal, or NULL */
    int32_t hung_up_group;        /* of a session leader whose terminal was hung up: what was its
                                      foreground group, told of it again at his end; 0: none */

    struct core_lock signal_lock;                   /* guards all to the blank line */
    struct lx_sigaction actions[SHIM_SIGNAL_COUNT]; /* of signal n at n-1 */
    _Atomic uint64_t shares_actions; /* processes with the same number have the same actions:
                                        CLONE_SIGHAND; 0: none has */
    struct shim_pending pending;
    _Atomic uint32_t queued;      /* signals in its queues and its tasks'; limit.h asks */
    _Atomic uint32_t stop_signal; /* nonzero: it stops, or has stopped, because of this */
    uint32_t running_count;       /* tasks that have yet to stop for it */

    struct core_lock lock;  /* guards tasks, the identities and the limits below */
    struct core_list tasks; /* of struct shim_task.in_process */
    uint32_t task_count;
    struct shim_cred cred;
    struct lx_rlimit64 limits[SHIM_RLIMIT_COUNT];
    int32_t dumpable, death_signal;
    uint32_t no_new_privs, personality, subreaper, thp_disabled, mce_kill;
    char exe[256];                /* guest path, cut; for messages */
    struct shim_program *program; /* a reference: what it was started with; NULL: not yet */
    int32_t oom_score_adj;        /* guarded by the container's lock; only shown */

    struct shim_task *_Atomic execing; /* in execve(2): all other threads have to end */
    _Atomic uint32_t exiting;          /* 1: exit_group or a fatal signal has begun */
    _Atomic uint32_t exit_code;        /* as wait4(2) reports it */
    _Atomic uint32_t leader_status;    /* of exit(2) by the first thread */

    struct shim_timers timers; /* guarded by signal_lock */

    /* Processor time: what the host had counted when the process began, and of waited-for children. */
    uint64_t cpu_base_user_ns, cpu_base_system_ns;
    uint64_t children_user_ns, children_system_ns;
    int64_t children_maxrss; /* KiB, of the largest */
    uint32_t host_id;        /* plat_process_id() of its guest host; 0 before it runs */

    struct shim_mm *mm;              /* own lock; a reference, as are the next two; changed with
                                        the container's lock */
    int32_t vfork_tid;               /* who waits until it gives up its parent's memory, or 0;
                                        guarded by the container's lock */
    uint64_t start_ns;               /* when it began, monotonic */
    _Atomic uint32_t membarriers;    /* MEMBARRIER_CMD_REGISTER_*: what was registered */
    _Atomic uint32_t vdso_has_clock; /* 1: it was told of the clock; see sys_clock_gettime() */
    struct vfs_fdtable *fds;         /* own lock; others read it under the container's */
    struct vfs_fs *fs; /* root, working directory, umask, credentials for checks; own lock */
};

/* Scheduling, as the program asked for it; the host schedules as it likes. */
#define SHIM_CPU_WORDS 16 /* 1024 processors */
struct shim_sched {
    uint32_t policy; /* SCHED_NORMAL, _BATCH or _IDLE */
    uint32_t reset_on_fork;
    uint64_t cpus[SHIM_CPU_WORDS]; /* bit: it may run there; none: anywhere */
};

struct shim_task {
    int32_t tid;                  /* constant, but for execve(2) by another than the first thread */
    struct shim_process *process; /* constant */
    struct core_list in_process;  /* guarded by process->lock */
    struct core_list in_table;    /* guarded by the container's lock, as is the next */
    struct shim_task *next_tid;   /* in its hash bucket */
    struct vfs_pidfd *pidfd;      /* as of a process; of its first thread: NULL, it has that one */
    struct shim_host *host;       /* that it runs in */
    uint32_t waits_for_host;      /* 1: in fork(2) or execve(2); guarded by the container's lock */
    uint32_t watched_count;       /* own, as is the next: what poll(2) waits for; see shim/poll.h */
    struct shim_watched *watched;
    uint32_t has_stopped;        /* guarded by process->signal_lock */
    uint32_t took_stop;          /* likewise; 1: took a stop signal that nothing has undone */
    _Atomic uint32_t in_vfork;   /* 1: until the child has memory of its own */
    struct core_sleeper sleeper; /* what this thread sleeps on */
    struct plat_thread *plat;    /* own; good in its guest host only */
    struct core_list in_host;    /* guarded by the interrupter's lock */
    uint32_t is_in_host;         /* likewise; 1: in_host is in its list */
    char comm[SHIM_COMM_SIZE];   /* prctl(PR_SET_NAME) */

    struct shim_pending pending;    /* guarded by process->signal_lock; set is atomic */
    _Atomic uint64_t sigmask;       /* own; bit n-1: signal n is blocked */
    _Atomic uint64_t waits_for;     /* own; what sigwait(3) waits for: blocked, yet it wakes */
    _Atomic uint64_t group_signals; /* sent to several processes since its last fork(2) began */
    uint64_t saved_sigmask;         /* own; restored after sigsuspend, ppoll .. */
    uint32_t restore_sigmask;       /* own; 1: saved_sigmask is to be restored */
    struct lx_stack altstack;       /* own */

    /*
     * Nonzero: something is to be done before the next return to the guest.
     * Written by anyone; the exit path tests it.
     */
    _Atomic uint32_t attention;

    uint32_t host_id; /* plat_thread_id() of its host thread; 0 before it runs */
    uint64_t cpu_base_user_ns, cpu_base_system_ns; /* what that had used when the task began */
    uint64_t start_ns; /* constant: on the clock that counts from the host's start */

    struct shim_futex_task futex;
    struct shim_sched sched; /* guarded by the container's lock */
    lx_uptr clear_child_tid; /* own; set_tid_address(2) */
    lx_uptr robust_list;     /* own; set_robust_list(2) */
    lx_uptr rseq;            /* own; registered rseq area or 0 */
    uint64_t syscall;        /* own; number of the call in progress, ~0 in none */
    int32_t nice;            /* atomic enough: getpriority(2); set by anyone who may */
    uint32_t ioprio;         /* likewise: ioprio_get(2) */
    uint64_t timer_slack_ns; /* own; 0: the default; prctl(PR_SET_TIMERSLACK) */
    uint64_t restart_ns;     /* own; deadline of an interrupted sleep, see restart_syscall(2) */

    uint64_t refits_seen;            /* own; see shim_mm_fault() */
    uint32_t refits;                 /* own; 1: shim_mm_mappings_apply() before the next return */
    uint32_t trace;                  /* constant: 1 prints this task's system calls */
    uint64_t fast_calls, slow_calls; /* own; for --stats */
};

/* Bits of struct shim_process.news. */
#define SHIM_NEWS_STOPPED 1u
#define SHIM_NEWS_CONTINUED 2u

#define SHIM_PID_MAX 32768 /* /proc/sys/kernel/pid_max: ids are below */
#define SHIM_PID_BUCKETS 1024u

/* The container: what all processes share. */
struct shim_container {
    struct core_lock lock;      /* guards the tables, next_tid, slots, and the processes' tree */
    struct core_wakes wakes;    /* guarded by lock: the host is told when it is released */
    struct core_list tasks;     /* of struct shim_task.in_table, all of the container */
    struct core_list processes; /* of struct shim_process.in_table, zombies, too */
    struct shim_task *tids[SHIM_PID_BUCKETS]; /* hash tables, by id */
    struct shim_process *pids[SHIM_PID_BUCKETS];
    uint32_t task_count, process_count;
    uint64_t tasks_begun, processes_begun; /* for --stats */
    int32_t next_tid;
    uint32_t ids_wrapped;                 /* 1: ids are used again */
    uint64_t slots[SHIM_SLOT_COUNT / 64]; /* bit: a thread sleeps on that slot */
    _Atomic uint32_t queued;              /* signals in queues, of all processes */
    uint32_t strace;                      /* constant: 1 prints system calls to stderr */
    uint32_t chaos;      /* constant: 1 clears FS base at every return to the guest; for tests */
    char hostname[65];   /* constant */
    uint32_t pids_limit; /* constant: most tasks at once; 0: as many as there is room for */
    uint8_t boot_id[16]; /* guarded by lock; 0: not asked for yet */
    struct shim_clock clock;                             /* atomic, then constant */
    struct shim_pool *pool;                              /* constant; see shim/host.h */
    struct futex_table *futexes;                         /* constant */
    struct core_waitq signal_waitqs[SHIM_SIGNAL_WAITQS]; /* own locks; by pid: here, as an epoll
                                                            may outlive a process it waits for */

    _Atomic uint32_t done;           /* 1: status is the container's result */
    uint32_t status;                 /* of the first process, as wait4(2) reports it */
    uint64_t fast_calls, slow_calls; /* guarded by lock; of tasks that ended */
    const void *patches; /* constant: kept patch tables, see shim/patches.h; NULL: none */
    struct shim_patches_new *_Atomic new_patches; /* only added to */
    _Atomic uint64_t patch_sites, patch_unpatched, tls_sites, tls_unpatched;
};

/* Create the container's objects in the arena; the launcher does this once. */
MUST_USE int shim_container_init(void);
struct shim_container *shim_container(void);

/*
 * Release the container's lock, and tell the host whom to wake.  Whoever is woken wants that lock
 * at once: so nobody is woken while it is held.
 */
void shim_container_release(struct shim_container *c);

/* Initialise a sleeper with a slot of its own, for threads that are not tasks; give it back. */
MUST_USE int shim_sleeper_new(struct core_sleeper *s);
void shim_sleeper_free(struct core_sleeper *s);

/*
 * A new task of a process, in the caller's guest host; its thread has yet to be started.
 *   returns  -LX_EAGAIN: --pids-limit, or no memory.
 */
MUST_USE int shim_task_new(struct shim_process *p, struct shim_task **out);

/*
 * Take a task out of all tables and free it.  It must not run any more.
 *   returns  1 if it was the last one of its process, whose descriptors are closed now.
 */
int shim_task_free(struct shim_task *t);

/* Take back a task that shim_task_new() made, and that has not run. */
void shim_task_abandon(struct shim_task *t);

/* The task with this tid, valid while the container's lock is held; or NULL. */
struct shim_task *shim_task_find_locked(int32_t tid);

/* Let a task have another id, which its process's first thread has left. */
void shim_task_set_tid(struct shim_task *t, int32_t tid);

/*
 * End the calling thread: clear_child_tid, robust futexes, and with the last
 * thread the process.  `status` is as wait4(2) reports it.
 */
NORETURN void shim_task_exit(struct shim_task *t, uint32_t status);

/* End the calling thread if its process ends, or another thread is to be its only one: execve(2). */
void shim_task_end_if_told(struct shim_task *t);

/* End the calling thread's whole process; the other threads end at their next attention. */
NORETURN void shim_process_exit(struct shim_task *t, uint32_t status);

/* The part of a task's end that concerns its memory: clear_child_tid, robust futexes. */
void shim_task_leave_memory(struct shim_task *t);

/* The calling thread's; NULL: it is one of ours. */
struct shim_task *shim_task_self(void);

/* Make `t` look at its pending work before it returns to the guest; if it sleeps it is in `wakes`. */
void shim_task_notify(struct shim_task *t, struct core_wakes *wakes);

/* The same for all tasks of a process but `but`, which may be NULL. */
void shim_process_notify(struct shim_process *p, const struct shim_task *but);

/* Set the calling task's thread pointer (FS base) as its guest code sees it. */
void shim_task_set_tp(struct shim_task *t, lx_uptr tp);

/* Run a task on the calling host thread: enter guest code at its `plat->regs`. */
NORETURN void shim_task_run(struct shim_task *t);

#endif
