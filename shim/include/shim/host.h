/* SPDX-License-Identifier: MIT */
#ifndef SHIM_HOST_H
#define SHIM_HOST_H

/*
 * Guest hosts: processes of the host's, each of which carries one address space and the Linux
 * processes that share it.  They are started ahead, wait in a pool, take what a fork(2) or
 * execve(2) hands them, and go back when its last thread has ended.
 *
 * The launcher starts them and notices those that die: it sleeps on the pool's supervisor.
 *
 * Source   docs/decisions/0010-processes.md.
 * Threads  as each function says.
 * Errors   0 or -LX_E*.
 */

#include <stdint.h>

#include "core/list.h"
#include "core/wait.h"
#include "lx/compiler.h"
#include "lx/types.h"
#include "shim/interrupt.h"

struct plat_thread;
struct shim_birth;
struct shim_task;

#define SHIM_HOST_MAX 4096u

enum shim_host_state {
    SHIM_HOST_NONE,     /* no process */
    SHIM_HOST_STARTING, /* the launcher has started it */
    SHIM_HOST_IDLE,     /* in the pool */
    SHIM_HOST_RESERVED, /* taken out of the pool by one who is about to hand it something */
    SHIM_HOST_GONE,     /* its process has ended before it was handed anything */
    SHIM_HOST_TAKEN,    /* it has something to run */
    SHIM_HOST_CLEANING, /* what it had has ended; it will be idle in some microseconds */
    SHIM_HOST_LEAVING,  /* one too many: it ends by itself */
};

/* Constant contents that a host keeps in its memory; see shim/memory/keep.h. */
struct shim_text {
    uint64_t begin, end, id;
};
#define SHIM_HOST_TEXTS 24u

struct shim_host {
    uint32_t index;                   /* constant: its place in the pool's table */
    uint32_t state;                   /* enum shim_host_state; guarded by the container's lock */
    struct core_list node;            /* in the pool's idle hosts; likewise */
    _Atomic uint32_t task_count;      /* tasks that run in it, or are on their way there */
    struct shim_birth *_Atomic birth; /* handed over, and not yet taken */
    struct core_sleeper sleeper;      /* of its main thread, between two births */
    struct shim_interrupter interrupter;
    _Atomic uint64_t kept_size; /* its part of the pool's */
    uint32_t text_count;        /* own while it runs, its taker's while it waits */
    struct shim_text texts[SHIM_HOST_TEXTS];
};

/* Guarded by the container's lock, but for the sleepers and the wait queue. */
struct shim_pool {
    struct shim_host *hosts[SHIM_HOST_MAX]; /* by index; made when first used */
    struct core_list idle;
    uint32_t idle_count, starting_count, cleaning_count;
    uint32_t waiting_count;     /* tasks that wait for a host */
    uint32_t want;              /* idle hosts there are to be */
    uint32_t idle_low;          /* the fewest idle ones since the last look at that */
    _Atomic uint64_t kept_size; /* bytes of large areas that idle hosts have left dirty */
    uint64_t trim_ns;           /* when the launcher looks again; 0: there are not too many */
    uint32_t total;             /* that run now */
    uint32_t has_begun;         /* 1: the first one has been told that it is */
    uint32_t lost_count;        /* that have ended by themselves, and not because they were to */
    uint64_t started, peak;     /* for --stats */
    struct core_waitq wait;     /* threads that wait for a host */
    struct core_sleeper supervisor; /* the launcher */
};

MUST_USE int shim_pool_init(void);
struct shim_pool *shim_pool(void);

/* ---- The launcher ---- */

/* Prepare for one more host, if one is needed; its index, or -LX_EAGAIN: none is. */
MUST_USE int shim_pool_add(void);

/*
 * A host's process has ended, or could not be started.
 *   returns  1 if it had tasks: they are gone, as if killed by `signal`.
 */
int shim_pool_lost(uint32_t index, uint32_t signal);

/*
 * Send hosts home that have been idle for a while; whenever the launcher wakes.
 *   returns  when to call this again, on PLAT_CLOCK_MONOTONIC; or PLAT_FOREVER.
 */
MUST_USE int64_t shim_pool_trim(void);

/* ---- Guest hosts ---- */

/*
 * The process's main thread, adopted, is a guest host now, and then begins to serve.
 *   returns  1 if it is the container's first, which has its first process to begin.
 */
int shim_host_begin(uint32_t index);

/* Wait for something to run, and run it, for ever. */
NORETURN void shim_host_serve(struct plat_thread *thread);

/* The calling thread's task is gone: end the thread, or, if it is the main one, serve. */
NORETURN void shim_host_leave(struct shim_host *host);

/* This process's. */
struct shim_host *shim_host_self(void);

/* The calling thread's process ends: if it is the host's last, the host is soon to be had again. */
void shim_host_clean_locked(void);

/*
 * Take a host out of the pool, for the caller to hand something over; waits for one.
 *   program  that it is best to have kept, see shim_mm_program(); 0: none.
 *   returns  -LX_EINTR; -LX_EAGAIN: there are SHIM_HOST_MAX.
 */
MUST_USE int shim_host_take(struct shim_task *t, uint64_t program, struct shim_host **out);

/* Take one that has kept the program, if there is such; else NULL. */
struct shim_host *shim_host_take_with(uint64_t program);
void shim_host_give_back(struct shim_host *host);

/*
 * Hand something to a host that was taken, the first two with the container's lock held in between:
 *
 *     err = shim_host_claim_locked(host, task);
 *     if (err == 0)
 *         shim_host_hand_over_locked(host, birth);
 *     ..
 *     shim_host_wake(host);
 *
 * A claimed host has the task: if its process ends, so does the task.  `birth` (shim/birth.h) moves
 * to the host, which runs it.
 *   returns  -LX_ESRCH: its process has ended; it is not the caller's any more.
 */
MUST_USE int shim_host_claim_locked(struct shim_host *host, struct shim_task *t);
void shim_host_hand_over_locked(struct shim_host *host, struct shim_birth *birth);
void shim_host_wake(struct shim_host *host);

#endif
