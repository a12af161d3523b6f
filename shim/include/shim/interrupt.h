/* SPDX-License-Identifier: MIT */
#ifndef SHIM_INTERRUPT_H
#define SHIM_INTERRUPT_H

/*
 * The interrupter of a guest host: the thread that makes others of its process look at their
 * attention while they run guest code.  A sender, in whatever process, sets a task's attention and
 * wakes the task, or else the interrupter of its host: nobody touches the threads of another
 * process.
 *
 * Source   docs/decisions/0009-interrupts.md.
 * Threads  shim_interrupter_poke() any, of any process; the others in the guest host itself.
 * Errors   -LX_EAGAIN: no slot to sleep on.
 */

#include <stdint.h>

#include "core/list.h"
#include "core/lock.h"
#include "core/wait.h"
#include "lx/compiler.h"

struct shim_task;

struct shim_interrupter {
    struct core_sleeper sleeper; /* its thread's; a wake means: look at all tasks */
    struct core_lock lock;       /* guards the rest */
    struct core_list tasks;      /* of struct shim_task.in_host: those that run guest code here */
    uint32_t has_thread;
    _Atomic uint32_t refits;  /* 1: see shim_mm_refit_here() */
    _Atomic uint32_t is_held; /* 1: they wait, all but who holds them */
};

/* Once for a record; then whenever a process begins to use it. */
MUST_USE int shim_interrupter_new(struct shim_interrupter *i);
void shim_interrupter_begin(struct shim_interrupter *i);

/*
 * A task begins to run guest code in t->host, on its `plat`, or ends to; neither changes anything
 * when done twice.  The first one starts the thread.
 */
void shim_interrupter_enter(struct shim_task *t);
void shim_interrupter_leave(struct shim_task *t);

/* A task has attention set, and was not asleep. */
void shim_interrupter_poke(struct shim_interrupter *i);

/*
 * Keep all tasks of the caller's guest host but its own from running guest code until released.
 * Who is in the shim goes on there, and waits on its way out, in shim_interrupter_wait().  One
 * holds at a time: who has the lock of the address space.
 *   holder   NULL: it is the interrupter's own thread.
 */
void shim_interrupter_hold(struct shim_interrupter *i, struct shim_task *holder);
void shim_interrupter_release(struct shim_interrupter *i, struct shim_task *holder);
void shim_interrupter_wait(struct shim_task *t);

#endif
