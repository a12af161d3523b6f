/* SPDX-License-Identifier: MIT */
/* ITIMER_REAL: one thread per process that uses it. */

#include "shim/alarm.h"

#include "core/mem.h"
#include "core/wait.h"
#include "lx/errno.h"
#include "lx/signal.h"
#include "plat/plat.h"
#include "shim/signal.h"
#include "shim/task.h"

static uint64_t now_ns(void)
{
    return plat_clock_now(PLAT_CLOCK_MONOTONIC);
}

/* The next expiry, having moved it on if it is past; `expired` says so. */
static uint64_t advance(struct shim_process *p, int *expired)
{
    core_lock_acquire(&p->signal_lock);
    uint64_t now = now_ns();
    *expired = p->alarm_ns && p->alarm_ns <= now;
    if (*expired) {
        uint64_t interval = p->alarm_interval_ns;
        p->alarm_ns = interval ? p->alarm_ns + interval : 0;
        if (interval && p->alarm_ns <= now) /* late by more than one: they are not made up for */
            p->alarm_ns = now + interval;
    }
    uint64_t next = p->alarm_ns;
    core_lock_release(&p->signal_lock);
    return next;
}

static void run(void *arg, struct plat_thread *thread)
{
    struct shim_process *p = arg;
    (void)thread;
    for (;;) {
        int expired;
        uint64_t next = advance(p, &expired);
        if (expired) {
            struct lx_siginfo info;
            memset(&info, 0, sizeof info);
            info.si_signo = LX_SIGALRM;
            info.si_code = LX_SI_KERNEL;
            int err = shim_signal_send_process(p, &info);
            (void)err; /* SIGALRM is never refused: see enqueue_locked() */
            continue;
        }
        int err = core_sleep(&p->alarm_sleeper, 0, next ? (int64_t)next : PLAT_FOREVER);
        (void)err; /* whatever woke it, it looks again */
    }
}

void shim_alarm_get(struct shim_task *t, uint64_t *value_ns, uint64_t *interval_ns)
{
    struct shim_process *p = t->process;
    core_lock_acquire(&p->signal_lock);
    uint64_t now = now_ns();
    *interval_ns = p->alarm_interval_ns;
    *value_ns = !p->alarm_ns ? 0 : p->alarm_ns > now ? p->alarm_ns - now : 1;
    core_lock_release(&p->signal_lock);
}

int shim_alarm_set(struct shim_task *t, uint64_t value_ns, uint64_t interval_ns,
                   uint64_t *old_value_ns, uint64_t *old_interval_ns)
{
    struct shim_process *p = t->process;
    shim_alarm_get(t, old_value_ns, old_interval_ns);

    core_lock_acquire(&p->signal_lock);
    uint64_t now = now_ns();
    int start = value_ns && !p->alarm_running;
    p->alarm_ns = !value_ns ? 0 : value_ns < INT64_MAX - now ? now + value_ns : INT64_MAX;
    p->alarm_interval_ns = value_ns ? interval_ns : 0;
    if (start)
        p->alarm_running = 1;
    int running = p->alarm_running;
    core_lock_release(&p->signal_lock);

    if (start) {
        int err = shim_sleeper_new(&p->alarm_sleeper);
        if (err == 0)
            err = plat_thread_start(run, p);
        if (err < 0) {
            core_lock_acquire(&p->signal_lock);
            p->alarm_running = 0;
            p->alarm_ns = 0;
            core_lock_release(&p->signal_lock);
            return err;
        }
    } else if (running) {
        core_sleeper_wake(&p->alarm_sleeper);
    }
    return 0;
}
