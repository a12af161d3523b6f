/* SPDX-License-Identifier: MIT */
#ifndef PLATFORM_LINUX_INTERNAL_H
#define PLATFORM_LINUX_INTERNAL_H

/* What the files of this host share. */

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <time.h>
#include <ucontext.h>

#include "bare.h"
#include "host.h"

/* rt_sigaction(2) as the kernel takes it, whatever the C library or a sanitizer puts before it. */
struct linux_action {
    void *handler;
    uint64_t flags;
    void *restorer;
    uint64_t mask;
};

#define LINUX_FAULT_COUNT 5 /* signals that processor exceptions become */

/* A reading of the time-stamp counter, and the clock at that moment. */
struct linux_instant {
    uint64_t tsc, ns;
};

struct linux_state {
    const char *start_error;
    /* What our handlers replaced. */
    struct linux_action faults_before[LINUX_FAULT_COUNT];
    struct linux_instant started; /* on PLAT_CLOCK_MONOTONIC */
    cpu_set_t cpus;               /* that this process may use */
    uint32_t is_guest;            /* 1: a guest host */
    _Atomic uint32_t is_starting; /* 1: a thread of ours is, and may hold locks of the runtime */
    int files[PLAT_INHERIT_MAX];  /* in a guest host: what it was given; -1: nothing */
    /* Descriptors, -1 before the arena is there, and its address. */
    int arena, segments;
    uint64_t arena_base;
    int keeper;            /* socket to the keeper of files; -1: there is none */
    int watched;           /* the launcher's epoll instance for ends of guest hosts; -1: none yet */
    _Atomic uint64_t peak; /* plat_process_peak()'s largest answer */
};

/*
 * Constant, but for `peak` and `is_starting`, once plat_start() and plat_arena_create() or
 * _attach() have run.
 */
extern struct linux_state g_linux;

/* The last host error as -LX_E*. */
int linux_error(void);

/* The same for -1 and errno, as most calls report; else `result`. */
int64_t linux_result(int64_t result);

/*
 * Map pages at exactly `addr`; as mmap(2) otherwise.
 *   returns  -LX_EEXIST: something is there, or the kernel forbids the address.
 */
MUST_USE int linux_map_at(uint64_t addr, uint64_t size, int prot, int flags, int fd);

/* Time left until a deadline of plat.h, for relative timeouts; NULL for PLAT_FOREVER. */
const struct timespec *linux_time_left(int64_t deadline_ns, struct timespec *out);

/* Fill in `cpus`. */
void linux_cpus_find(void);

/* Read the time-stamp counter and `clock` within a few nanoseconds of each other. */
struct linux_instant linux_instant(enum plat_clock clock);

/*
 * The signals that threads of a guest host keep blocked: all but processor
 * exceptions, interrupts and the terminal's stop signals.  Those stop launcher and guest
 * host together, as their process group, without running any handler.
 */
void linux_guest_mask(sigset_t *out);

/* Send processor exceptions to plat_fault_redirect(), interrupts to linux_interrupted(). */
void linux_faults_install(void);

/*
 * The signal by which a guest thread is interrupted, not used by the C library.  It comes to
 * host calls, too: those that it ends with EINTR are begun again, by SA_RESTART or their caller.
 */
#define LINUX_INTERRUPT_SIGNAL 60

/* It came: plat_interrupt_redirect() in its handler. */
void linux_interrupted(greg_t *gregs);

/* The thread's id on this host. */
pid_t linux_thread_id(const struct plat_thread *t);

/* How many interrupts it has handled. */
_Atomic uint32_t *linux_thread_interrupts(struct plat_thread *t);

/* Point the calling thread's %gs slots at zeros: it carries no guest, and plat_gate() sees so. */
void linux_slots_none(void);

/* The calling thread's block, or NULL. */
struct plat_thread *linux_thread_self(void);

#endif
