/* SPDX-License-Identifier: MIT */
/* The thread that interrupts others of its guest host, and what holds them all. */

#include "shim/interrupt.h"

#include <stdatomic.h>

#include "lx/errno.h"
#include "plat/plat.h"
#include "plat/thread.h"
#include "shim/host.h"
#include "shim/memory.h"
#include "shim/task.h"

#define REFIT_AGAIN_NS 50000 /* who has the address space's lock does not tell when he is done */

int shim_interrupter_new(struct shim_interrupter *i)
{
    return shim_sleeper_new(&i->sleeper);
}

/* A process that was killed may have left anything here. */
void shim_interrupter_begin(struct shim_interrupter *i)
{
    core_lock_init(&i->lock, CORE_LOCK_HOST);
    core_list_init(&i->tasks);
    i->has_thread = 0;
    i->is_held = 0; /* `refits` stays: it may be of the process that begins */
}

/* With the lock: a task in the list has a host thread that does not end. */
static void interrupt_all(struct shim_interrupter *i)
{
    core_lock_acquire(&i->lock);
    CORE_LIST_FOR_EACH(node, &i->tasks)
    {
        struct shim_task *t = CORE_LIST_ENTRY(node, struct shim_task, in_host);
        if (atomic_load(&t->attention))
            plat_thread_interrupt(t->plat);
    }
    core_lock_release(&i->lock);
}

static void run(void *arg)
{
    struct shim_interrupter *i = arg;
    for (;;) {
        int is_done = shim_mm_refit_here();
        interrupt_all(i);
        int64_t again = (int64_t)plat_clock_now(PLAT_CLOCK_MONOTONIC) + REFIT_AGAIN_NS;
        int err = core_sleep(&i->sleeper, 0, is_done ? PLAT_FOREVER : again);
        (void)err; /* whatever woke it, it looks */
    }
}

/* Without a thread for it, signals wait for the next system call; the next task tries again. */
static void start_thread(struct shim_interrupter *i)
{
    struct plat_worker *worker;
    if (plat_worker_start(run, i, &worker) == 0)
        return; /* it lives as long as the process */
    core_lock_acquire(&i->lock);
    i->has_thread = 0;
    core_lock_release(&i->lock);
}

void shim_interrupter_enter(struct shim_task *t)
{
    struct shim_interrupter *i = &t->host->interrupter;
    core_lock_acquire(&i->lock);
    if (!t->is_in_host)
        core_list_add(&i->tasks, &t->in_host);
    t->is_in_host = 1;
    if (i->is_held)
        atomic_store(&t->attention, 1);
    int start = !i->has_thread;
    i->has_thread = 1;
    core_lock_release(&i->lock);
    if (start)
        start_thread(i);
}

void shim_interrupter_leave(struct shim_task *t)
{
    struct shim_interrupter *i = &t->host->interrupter;
    core_lock_acquire(&i->lock);
    if (t->is_in_host)
        core_list_remove(&t->in_host);
    t->is_in_host = 0;
    core_lock_release(&i->lock);
}

void shim_interrupter_poke(struct shim_interrupter *i)
{
    core_sleeper_wake(&i->sleeper);
}

/*
 * Attention comes first: a task that sleeps, or is found in the shim, sees it on its way out.
 * Those that sleep need not be interrupted for that.
 */
void shim_interrupter_hold(struct shim_interrupter *i, struct shim_task *holder)
{
    core_lock_acquire(&i->lock);
    atomic_store(&i->is_held, 1);
    CORE_LIST_FOR_EACH(node, &i->tasks)
    {
        struct shim_task *t = CORE_LIST_ENTRY(node, struct shim_task, in_host);
        if (t == holder)
            continue;
        atomic_store(&t->attention, 1);
        if (!core_sleeper_is_asleep(&t->sleeper))
            plat_thread_interrupt(t->plat);
    }
    core_lock_release(&i->lock);
}

void shim_interrupter_release(struct shim_interrupter *i, struct shim_task *holder)
{
    core_lock_acquire(&i->lock);
    atomic_store(&i->is_held, 0);
    CORE_LIST_FOR_EACH(node, &i->tasks)
    {
        struct shim_task *t = CORE_LIST_ENTRY(node, struct shim_task, in_host);
        if (t != holder)
            core_sleeper_wake(&t->sleeper);
    }
    core_lock_release(&i->lock);
}

/* Signals that come meanwhile are looked at afterwards. */
void shim_interrupter_wait(struct shim_task *t)
{
    while (atomic_load(&t->host->interrupter.is_held)) {
        if (core_sleep(&t->sleeper, 0, PLAT_FOREVER) == -LX_EINTR)
            atomic_store(&t->sleeper.interrupt, 0);
    }
}
