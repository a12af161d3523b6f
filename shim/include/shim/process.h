/* SPDX-License-Identifier: MIT */
#ifndef SHIM_PROCESS_H
#define SHIM_PROCESS_H

/*
 * The tree of processes: who is whose child, what a parent is told, what is left of a process
 * until it was waited for.
 *
 * Source   fork(2), wait(2), exit_group(2), credentials(7), prctl(2) (PR_SET_CHILD_SUBREAPER).
 * Threads  any, of any process.  _locked: the container's lock is held, which also keeps every
 *          process that was found from going away.
 * Errors   0 or -LX_E*.
 */

#include <stdint.h>

#include "lx/compiler.h"
#include "lx/types.h"

struct lx_siginfo;
struct shim_process;
struct shim_task;
struct vfs_pidfd;

/* The container's first process with one task, pid = tid; its address space is empty. */
MUST_USE int shim_process_new(struct shim_process **out, struct shim_task **task);

/*
 * A child as fork(2) makes it, with one task; neither runs, and nobody sees the child yet.
 *   flags    LX_CLONE_*; with LX_CLONE_VM it shares the address space, else `mm` of it is NULL.
 *   returns  -LX_EAGAIN, -LX_ENOMEM.
 */
MUST_USE int shim_process_fork(struct shim_task *t, uint64_t flags, uint32_t exit_signal,
                               struct shim_task **child);

/*
 * Let others see a child that is about to run; signals that were sent to its group since
 * t->group_signals was cleared are its own, too.  shim_process_abandon() instead takes back
 * what shim_process_fork() made.
 */
void shim_process_publish_locked(struct shim_task *parent, struct shim_task *child, uint64_t flags);
void shim_process_abandon(struct shim_task *child);

/* Take back one that was published, and has not run. */
void shim_process_retract(struct shim_task *child);

/* Give a process with one thread a descriptor table of its own, if it shares one: CLONE_FILES. */
MUST_USE int shim_process_unshare_files(struct shim_process *p);

/* Make the file system's checks see the process's identities; process->lock is held. */
void shim_process_publish_credentials(struct shim_process *p);

/* The process with this id, zombies included; or NULL. */
struct shim_process *shim_process_find_locked(int32_t pid);

/* 1 if there is such a process, and it has not ended. */
int shim_process_lives(int32_t pid);

/* Send SIGKILL to all but the first process; how many of them live still. */
uint32_t shim_process_kill_others(void);

/* The last task of `p` has ended by exit(2): that is how the process ends, if nothing else was. */
void shim_process_settle_code(struct shim_process *p);

/*
 * The last task of `p` has ended: what happens to its children and what its parent is told.
 * `p` may be gone afterwards.
 */
void shim_process_end(struct shim_process *p);

/* Give up the address space: a parent in vfork(2) goes on. */
void shim_process_drop_mm(struct shim_process *p);

/* Tell the parent that a child stopped or went on. */
void shim_process_tell_parent_locked(struct shim_process *p, int32_t code, int32_t status);

/* Is its group orphaned, so that nobody in its session could continue it: setpgid(2)? */
int shim_process_is_orphaned_locked(const struct shim_process *p);

/* The thread `tid` of `p` ends, others do not: its children are another one's. */
void shim_process_pass_children_locked(struct shim_process *p, int32_t tid);

/*
 * pidfd_open(2): the record of a process, or of a thread of it.
 *   t        NULL: the process, which its first thread means, too.
 *   returns  borrowed; NULL: no memory.
 */
struct vfs_pidfd *shim_process_pidfd_locked(struct shim_process *p, struct shim_task *t);

/* Free a zombie that was waited for. */
void shim_process_reap_locked(struct shim_process *p);

#endif
