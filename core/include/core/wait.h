/* SPDX-License-Identifier: MIT */
#ifndef CORE_WAIT_H
#define CORE_WAIT_H

/*
 * Waiting: one mechanism for futexes, pipes, poll, child waits and signals.
 * A thread has one sleeper; it registers waiters with the queues of the things
 * it waits for, tests its condition, and sleeps.  Any wake makes it look again.
 *
 *     core_waitq_add(q, &self->waiter, self, events);
 *     while (!condition() && !err)
 *         err = core_sleep(self, 0, deadline_ns);
 *     core_waitq_remove(&self->waiter);
 *
 * All of it lies in the arena (never on a stack), so waker and sleeper may be in different
 * processes.
 *
 * Source   poll(2) for the event bits.
 * Threads  any, of any process; a sleeper sleeps for one thread.
 * Errors   core_sleep(): -LX_ETIMEDOUT, -LX_EINTR.
 */

#include <stdint.h>

#include "core/list.h"
#include "core/lock.h"
#include "lx/compiler.h"

struct core_sleeper;

struct core_waitq {
    struct core_lock lock; /* guards the list */
    struct core_list waiters;
};

struct core_waiter {
    struct core_list node;
    struct core_waitq *queue; /* NULL: in no queue */
    struct core_sleeper *sleeper;
    struct core_waitq *forward; /* instead of the sleeper: who waits for this queue's owner */
    uint32_t events;            /* wakes with none of these bits are not for it */
    uint32_t exclusive;         /* 1: one such waiter is enough for what has come */
    _Atomic uint32_t woken;     /* event bits it was woken with since it was added */
};

struct core_sleeper {
    _Atomic uint32_t word;      /* PLAT_PARK_* */
    uint32_t slot;              /* names the host's event; unique among live threads */
    uint32_t is_guest;          /* constant: 1 counts among those that run or sleep */
    _Atomic uint32_t running;   /* 1: counted among those that do not sleep */
    uint32_t spins_failed;      /* own: lately, in a row; see spin() */
    uint32_t sleeps;            /* own */
    _Atomic uint64_t woken_at;  /* time-stamp counter at the last wake */
    _Atomic uint32_t interrupt; /* nonzero: a signal wants the thread; core_sleep() returns */
    struct core_waiter waiter;  /* for a thread that waits for one thing */
};

/*
 * For a thread that runs, or soon will.
 *   is_guest  0: it is one of ours, which hardly ever runs.
 */
void core_sleeper_init(struct core_sleeper *s, uint32_t slot, int is_guest);

/* The thread has ended, or is lost. */
void core_sleeper_fini(struct core_sleeper *s);

/*
 * Sleep until woken; for some microseconds by looking again and again, if a waker may be
 * running on another processor.  Wakes that came since the last sleep return at once.
 *   streams      also wait for standard streams, as in plat_thread_sleep().
 *   deadline_ns  PLAT_FOREVER, or on PLAT_CLOCK_MONOTONIC.
 *   returns      0 also for no reason; -LX_ETIMEDOUT; -LX_EINTR if `interrupt` is set.
 */
MUST_USE int core_sleep(struct core_sleeper *s, uint32_t streams, int64_t deadline_ns);

/* 1 if the thread waits for the host: what was written before this call, it sees when it wakes. */
int core_sleeper_is_asleep(const struct core_sleeper *s);

/* returns 1 if the thread slept: no other wake has come before. */
int core_sleeper_wake(struct core_sleeper *s);

/* Wake it even if it was woken already: whoever did that may have ended before it told the host. */
void core_sleeper_rouse(struct core_sleeper *s);

/*
 * The same in two parts, for who holds a lock that the sleeper is going to want: what concerns the
 * sleeper at once, what the host does about it when the lock has been released.  The sleeper may
 * be gone by then.
 */
#define CORE_WAKES_MAX 8u
struct core_wakes {
    uint32_t count; /* begins as 0 */
    struct {
        uint32_t slot;
        _Atomic uint32_t *word;
    } items[CORE_WAKES_MAX];
};
int core_sleeper_wake_later(struct core_sleeper *s, struct core_wakes *wakes);
void core_wakes_send(struct core_wakes *wakes);

/* Set `interrupt` and wake; returns 1 if the thread slept. */
int core_sleeper_interrupt_later(struct core_sleeper *s, struct core_wakes *wakes);

/* Guest threads of the container that do not sleep, as far as sleepers know. */
uint32_t core_sleepers_running(void);

void core_waitq_init(struct core_waitq *q);
void core_waitq_add(struct core_waitq *q, struct core_waiter *w, struct core_sleeper *s,
                    uint32_t events);

/*
 * The same for one of several that take from the same thing: core_waitq_wake_some() wakes
 * no more of them than can go on.  Before each look at the thing it says so by
 * core_waiter_look(), and when it goes away and leaves something, it wakes the next.
 */
void core_waitq_add_exclusive(struct core_waitq *q, struct core_waiter *w, struct core_sleeper *s,
                              uint32_t events);
void core_waiter_look(struct core_waiter *w);

/*
 * Pass every wake on to the waiters of `to`: how an epoll watches its files.  No
 * circle may come of it.
 */
void core_waitq_forward(struct core_waitq *q, struct core_waiter *w, struct core_waitq *to);

/* Idempotent.  Afterwards nobody touches `w` any more. */
void core_waitq_remove(struct core_waiter *w);

/*
 * Wake up to `count` waiters that want one of `events`.
 *   returns  how many.
 */
uint32_t core_waitq_wake(struct core_waitq *q, uint32_t events, uint32_t count);
uint32_t core_waitq_wake_later(struct core_waitq *q, uint32_t events, uint32_t count,
                               struct core_wakes *wakes);

/* Wake all that want one of `events`, but of the exclusive ones only `count` more. */
void core_waitq_wake_some(struct core_waitq *q, uint32_t events, uint32_t count);

#endif
