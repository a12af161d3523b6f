/* SPDX-License-Identifier: MIT */
#ifndef SHIM_SIGNAL_H
#define SHIM_SIGNAL_H

/*
 * Signals: queueing, choosing, delivering.
 *
 * A sender queues and notifies; the receiving thread delivers to itself on its
 * way back to guest code, or is woken from its wait first.  A fault of the
 * guest arrives on its own thread and is delivered at once.
 *
 * Source  signal(7), sigaction(2), rt_sigqueueinfo(2), sigaltstack(2); the frame
 *         is struct rt_sigframe of Linux' arch/x86.
 * Threads any; process->signal_lock guards actions and queues.
 * Errors  -LX_EAGAIN: too many queued; -LX_ESRCH.
 *
 * Restart codes, as the kernel has them internally; handlers return them and
 * shim_signal_deliver() turns them into a restarted call or -LX_EINTR.  They
 * never reach the guest.
 */

#include <stdint.h>

#include "lx/compiler.h"
#include "lx/signal.h"

#define SHIM_ERESTARTSYS 512           /* restart if the handler has SA_RESTART, or if none runs */
#define SHIM_ERESTARTNOINTR 513        /* restart always */
#define SHIM_ERESTARTNOHAND 514        /* restart if no handler runs */
#define SHIM_ERESTART_RESTARTBLOCK 516 /* as NOHAND, through restart_syscall(2) */

#define SHIM_SIGNAL_BIT(sig) (1ull << ((sig)-1))
#define SHIM_SIGNAL_UNBLOCKABLE (SHIM_SIGNAL_BIT(LX_SIGKILL) | SHIM_SIGNAL_BIT(LX_SIGSTOP))

struct shim_pending;
struct core_waitq;
struct shim_process;
struct shim_sigqueue;
struct shim_task;
struct plat_thread;

/*
 * Queue for a process (any thread may take it) or for one task.  _locked: the container's lock is
 * held, as it has to be for those of others, lest they go away.
 */
MUST_USE int shim_signal_send_process(struct shim_process *p, const struct lx_siginfo *info);
MUST_USE int shim_signal_send_task(struct shim_task *t, const struct lx_siginfo *info);
MUST_USE int shim_signal_send_process_locked(struct shim_process *p, const struct lx_siginfo *info);
MUST_USE int shim_signal_send_task_locked(struct shim_task *t, const struct lx_siginfo *info);

/* Send the caller itself a standard signal, about what it has just done. */
void shim_signal_raise(struct shim_task *t, int32_t sig);

/*
 * Queue a timer's signal, for the process or (not NULL) one task of it.  process->lock and
 * signal_lock are held.
 *   in       where it is queued.
 *   returns  0: it is ignored, and not queued.
 */
int shim_signal_queue_timer_locked(struct shim_process *p, struct shim_task *t,
                                   struct shim_sigqueue *entry, struct shim_pending **in);

/* Take it off that queue again, if it is still there; signal_lock is held. */
void shim_signal_unqueue_locked(struct shim_pending *in, struct shim_sigqueue *entry);

/* What is said of a signal that the kernel itself sends, and that has nothing more to tell. */
void shim_signal_of_kernel(struct lx_siginfo *info, int32_t sig);

/*
 * Queue a signal that the thread itself has caused; blocked or ignored, it kills
 * (force_sig in Linux).
 */
void shim_signal_force(struct shim_task *t, const struct lx_siginfo *info);

/* The same of a SIGSEGV that tells no address: a signal's frame is bad, or has no room. */
void shim_signal_force_segv(struct shim_task *t);

/*
 * Set the action of a signal.  What is pending is forgotten if it is ignored now: sigaction(2).
 *   old  the action before.
 */
void shim_signal_set_action(struct shim_process *p, uint32_t sig, const struct lx_sigaction *action,
                            struct lx_sigaction *old);

/* Take a pending signal of `set` off the queues; returns its number, or 0. */
uint32_t shim_signal_take(struct shim_task *t, uint64_t set, struct lx_siginfo *info);

/* 1 if an unblocked signal is pending for the task. */
int shim_signal_pending(struct shim_task *t);

/* Is woken when a signal is queued for the process or one of its tasks; others may share it. */
struct core_waitq *shim_signal_waitq(const struct shim_process *p);

/*
 * Send what waits for the owners of files, see vfs/owner.h: now, when no lock is held, or before
 * the calling thread returns to the guest.
 */
void shim_signal_owners(void);
void shim_signal_owners_later(void);

/* Let vfs find this guest host's signals: vfs/signalfd.h.  Idempotent. */
void shim_signalfd_init(void);

/*
 * Deliver what is pending, before the return to the guest: builds frames on the
 * guest's stack in t->plat->regs, or ends the process.
 *   call     1 if a system call is ending: regs.rax is its result, for the restart rules.
 *   returns  1 if that call is to be made again: its number is in regs.rax.
 */
int shim_signal_deliver(struct shim_task *t, int call);

/* A fault of guest code, from the platform: the signal it means, or a repair. */
void shim_fault(struct plat_thread *p);

/* An interrupt of guest code, from the platform: attend to what there is. */
void shim_interrupt(struct plat_thread *p);

/* While the task's process is stopped, wait; then it was continued, or is to end. */
void shim_signal_stop(struct shim_task *t);

/* 1 if the task is to end, whatever it waits for. */
int shim_signal_is_killed(const struct shim_task *t);

/* A signal goes to `p` as one of several processes: those that it is about to fork get it, too. */
void shim_signal_note_group_locked(struct shim_process *p, uint32_t sig);

/* 1 if the whole process is to end. */
int shim_signal_is_ending(const struct shim_process *p);

/* A task begins: it stops, or ends, with the others, if they do; process->lock is held. */
void shim_signal_join_locked(struct shim_task *t);

/* A task ends: forget what is pending for it, and do not wait for it to stop. */
void shim_signal_leave_locked(struct shim_task *t);

/*
 * A task does not take signals `set` of its process any more, and may have been told of some: now
 * others are.  process->lock is held.
 */
void shim_signal_pass_on_locked(const struct shim_task *t, uint64_t set);

/* Forget what is pending for a process. */
void shim_signal_flush_process(struct shim_process *p);

/* execve(2): handlers are gone. */
void shim_signal_reset_handlers(struct shim_process *p);

/* Set the blocked signals; look at what became unblocked, and pass on what became blocked. */
void shim_signal_set_mask(struct shim_task *t, uint64_t mask);

#endif
