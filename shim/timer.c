/* SPDX-License-Identifier: MIT */
/*
 * Timers that send signals.  A timer that repeats does not expire again before its signal was
 * taken; then it goes on, and its overruns are counted from the clock.
 */

#include "shim/timer.h"

#include "core/arena.h"
#include "core/mem.h"
#include "core/wait.h"
#include "lx/errno.h"
#include "lx/resource.h"
#include "lx/signal.h"
#include "lx/time.h"
#include "plat/plat.h"
#include "shim/cpu_clock.h"
#include "shim/signal.h"
#include "shim/task.h"
#include "shim/time.h"
#include "shim/user.h"

#define NS_PER_S 1000000000ull
#define FOREVER ((uint64_t)PLAT_FOREVER)

/* One of timer_create(2). */
struct shim_timer {
    struct core_list node; /* in the process's list */
    int32_t id;            /* constant, as are the next four */
    int32_t clock;
    int32_t notify; /* LX_SIGEV_* */
    int32_t tid;    /* of LX_SIGEV_THREAD_ID */
    uint32_t counts_cpu;
    struct shim_cpu_clock cpu; /* if it does */

    uint64_t next_ns;     /* deadline on PLAT_CLOCK_MONOTONIC, or of processor time; 0: not armed */
    uint64_t interval_ns; /* 0: once */
    uint32_t waits;       /* 1: it has expired, and its signal is queued */
    int64_t overrun;      /* expiries that the last signal taken did not stand for, less one */
    int64_t last_overrun;
    struct shim_sigqueue entry;
    struct shim_pending *queue; /* where the entry is, if it is queued */
};

/*
 * The thread outlives the process for a moment, so what it needs is its own.  It holds the lock
 * while it has to do with the process.
 */
struct timer_thread {
    struct core_lock lock;        /* guards process */
    struct shim_process *process; /* NULL: there is nothing left to do */
    struct core_sleeper sleeper;
    struct shim_cpu_pace pace; /* own */
    uint64_t wake_ns;          /* guarded by process->signal_lock: when it looks again */
    uint32_t cpus;             /* constant */
};

static uint64_t now_ns(void)
{
    return plat_clock_now(PLAT_CLOCK_MONOTONIC);
}

static uint64_t sum(uint64_t a, uint64_t b)
{
    return a < FOREVER - b ? a + b : FOREVER;
}

/* ---- What the clocks say ---- */

/* The time on a timer's clock; -LX_ESRCH: it does not go any more. */
static int timer_now(const struct shim_timer *timer, uint64_t *now)
{
    if (timer->counts_cpu)
        return shim_cpu_clock_now(&timer->cpu, now);
    *now = now_ns();
    return 0;
}

static uint64_t itimer_now(const struct shim_process *p, uint32_t which)
{
    if (which == LX_ITIMER_REAL)
        return now_ns();
    struct shim_cpu_clock c = {
        .which = which == LX_ITIMER_VIRTUAL ? LX_CPUCLOCK_VIRT : LX_CPUCLOCK_SCHED,
        .host_id = p->host_id,
        .base_user_ns = p->cpu_base_user_ns,
        .base_system_ns = p->cpu_base_system_ns,
    };
    uint64_t now;
    int err = shim_cpu_clock_now(&c, &now);
    (void)err; /* it is this process: it has not ended */
    return now;
}

/* Move an expiry that is past on, by whole intervals; returns by how many. */
static uint64_t forward(uint64_t *next_ns, uint64_t interval_ns, uint64_t now)
{
    if (!interval_ns || *next_ns > now)
        return 0;
    uint64_t times = (now - *next_ns) / interval_ns + 1;
    *next_ns = sum(*next_ns + (times - 1) * interval_ns, interval_ns);
    return times;
}

/* ---- Expiry ---- */

static struct shim_task *task_locked(struct shim_process *p, int32_t tid)
{
    CORE_LIST_FOR_EACH(node, &p->tasks)
    {
        struct shim_task *t = CORE_LIST_ENTRY(node, struct shim_task, in_process);
        if (t->tid == tid)
            return t;
    }
    return NULL;
}

static void expire_locked(struct shim_process *p, struct shim_timer *timer, uint64_t now)
{
    struct shim_task *to = NULL;
    if (timer->notify & LX_SIGEV_THREAD_ID && !(to = task_locked(p, timer->tid))) {
        timer->next_ns = 0; /* as in Linux, it does not go on without the thread */
        return;
    }
    int queued = shim_signal_queue_timer_locked(p, to, &timer->entry, &timer->queue);
    if (!timer->interval_ns)
        timer->next_ns = 0;
    else if (queued)
        timer->waits = 1;
    else
        timer->overrun += (int64_t)forward(&timer->next_ns, timer->interval_ns, now);
}

/* Threads that may count on a timer's clock at once. */
static uint32_t threads_of(const struct timer_thread *th, const struct shim_process *p, int of_task)
{
    return of_task ? 1 : p->task_count < th->cpus ? p->task_count : th->cpus;
}

/* When a clock that says `now` may have come to `next`, as a deadline. */
static uint64_t deadline_of(const struct timer_thread *th, const struct shim_process *p,
                            int counts_cpu, int of_task, uint64_t next, uint64_t now)
{
    if (!counts_cpu)
        return next;
    return sum(th->pace.now_ns, shim_cpu_wait(&th->pace, next - now, threads_of(th, p, of_task)));
}

/* Let a timer expire if it is time; returns when to look at it again. */
static uint64_t look_at_timer_locked(struct timer_thread *th, struct shim_process *p,
                                     struct shim_timer *timer)
{
    uint64_t now;
    if (!timer->next_ns || timer->notify == LX_SIGEV_NONE || timer_now(timer, &now) < 0)
        return FOREVER;
    if (!timer->waits && timer->next_ns <= now)
        expire_locked(p, timer, now);
    if (!timer->next_ns)
        return FOREVER;
    /* If its signal is taken meanwhile, this is when it expires next. */
    uint64_t next = timer->waits ? sum(timer->next_ns, timer->interval_ns) : timer->next_ns;
    return next <= now ? FOREVER
                       : deadline_of(th, p, (int)timer->counts_cpu, timer->cpu.tid, next, now);
}

static uint64_t look_at_itimer_locked(struct timer_thread *th, struct shim_process *p,
                                      uint32_t which, uint32_t *expired)
{
    uint64_t *next = &p->timers.intervals[which].next_ns;
    uint64_t interval = p->timers.intervals[which].interval_ns;
    if (!*next)
        return FOREVER;
    uint64_t now = itimer_now(p, which);
    if (*next <= now) {
        *expired |= 1u << which;
        if (!forward(next, interval, now)) {
            *next = 0;
            return FOREVER;
        }
    }
    return deadline_of(th, p, which != LX_ITIMER_REAL, 0, *next, now);
}

static int has_cpu_limit_locked(const struct shim_process *p)
{
    return p->limits[LX_RLIMIT_CPU].rlim_cur != LX_RLIM64_INFINITY;
}

/* RLIMIT_CPU: a signal each second from the soft limit on, which moves; the end at the hard one. */
static uint64_t look_at_limit_locked(struct timer_thread *th, struct shim_process *p, int32_t *sig)
{
    struct lx_rlimit64 *limit = &p->limits[LX_RLIMIT_CPU];
    *sig = 0;
    if (!has_cpu_limit_locked(p))
        return FOREVER;
    uint64_t now = itimer_now(p, LX_ITIMER_PROF);
    if (now / NS_PER_S >= limit->rlim_max) {
        *sig = LX_SIGKILL;
        return FOREVER;
    }
    if (now / NS_PER_S >= limit->rlim_cur) {
        *sig = LX_SIGXCPU;
        limit->rlim_cur++;
    }
    uint64_t next = limit->rlim_cur < FOREVER / NS_PER_S ? limit->rlim_cur * NS_PER_S : FOREVER;
    return next <= now ? now_ns() : deadline_of(th, p, 1, 0, next, now);
}

static int counts_cpu_locked(const struct shim_process *p)
{
    int found = p->timers.intervals[LX_ITIMER_VIRTUAL].next_ns ||
                p->timers.intervals[LX_ITIMER_PROF].next_ns || has_cpu_limit_locked(p);
    CORE_LIST_FOR_EACH(node, &p->timers.list)
    {
        const struct shim_timer *timer = CORE_LIST_ENTRY(node, struct shim_timer, node);
        found |= timer->counts_cpu && timer->next_ns;
    }
    return found;
}

static void send(struct shim_process *p, int32_t sig)
{
    struct lx_siginfo info;
    shim_signal_of_kernel(&info, sig);
    int err = shim_signal_send_process(p, &info);
    (void)err; /* a standard signal is never refused: see enqueue_locked() */
}

/* Let expire what is due; returns the deadline of the next look. */
static uint64_t look(struct timer_thread *th, struct shim_process *p)
{
    static const int32_t signals[] = {LX_SIGALRM, LX_SIGVTALRM, LX_SIGPROF};
    uint32_t expired = 0;
    int32_t limit_signal;
    core_lock_acquire(&p->lock);
    core_lock_acquire(&p->signal_lock);
    if (counts_cpu_locked(p))
        shim_cpu_pace(&th->pace, now_ns());
    uint64_t next = look_at_limit_locked(th, p, &limit_signal);
    CORE_LIST_FOR_EACH(node, &p->timers.list)
    {
        uint64_t at = look_at_timer_locked(th, p, CORE_LIST_ENTRY(node, struct shim_timer, node));
        next = at < next ? at : next;
    }
    for (uint32_t which = 0; which < SHIM_ITIMER_COUNT; which++) {
        uint64_t at = look_at_itimer_locked(th, p, which, &expired);
        next = at < next ? at : next;
    }
    th->wake_ns = next;
    p->timers.is_sending = expired != 0;
    core_lock_release(&p->signal_lock);
    core_lock_release(&p->lock);

    if (limit_signal)
        send(p, limit_signal);
    for (uint32_t which = 0; which < SHIM_ITIMER_COUNT; which++) {
        if (expired & 1u << which)
            send(p, signals[which]);
    }
    if (expired) {
        core_lock_acquire(&p->signal_lock);
        p->timers.is_sending = 0;
        core_lock_release(&p->signal_lock);
    }
    return next;
}

/* ---- The thread ---- */

static void thread_free(struct timer_thread *th)
{
    shim_sleeper_free(&th->sleeper);
    core_arena_free(th, sizeof *th);
}

static void run(void *arg, struct plat_thread *thread)
{
    struct timer_thread *th = arg;
    (void)thread;
    for (;;) {
        core_lock_acquire(&th->lock);
        uint64_t next = th->process ? look(th, th->process) : 0;
        int over = !th->process;
        core_lock_release(&th->lock);
        if (over)
            break;
        int err = core_sleep(&th->sleeper, 0, (int64_t)next);
        (void)err; /* whatever woke it, it looks again */
    }
    thread_free(th);
    plat_thread_exit();
}

static int thread_new(struct shim_process *p, struct timer_thread **out)
{
    struct timer_thread *th = core_arena_alloc(sizeof *th);
    *out = NULL;
    if (!th)
        return -LX_EAGAIN;
    int err = shim_sleeper_new(&th->sleeper);
    if (err < 0) {
        core_arena_free(th, sizeof *th);
        return err;
    }
    core_lock_init(&th->lock, CORE_LOCK_TIMERS);
    th->process = p;
    th->cpus = plat_cpu_count();
    *out = th;
    return 0;
}

/* The thread runs, and will look at what is armed after this. */
static int thread_start(struct shim_process *p)
{
    core_lock_acquire(&p->signal_lock);
    int runs = p->timers.thread != NULL;
    core_lock_release(&p->signal_lock);
    if (runs)
        return 0;

    struct timer_thread *th;
    int err = thread_new(p, &th);
    if (err < 0)
        return err;
    core_lock_acquire(&p->signal_lock);
    runs = p->timers.thread != NULL; /* another thread of the process was first */
    if (!runs)
        p->timers.thread = th;
    core_lock_release(&p->signal_lock);
    if (!runs)
        err = plat_thread_start(run, th);
    if (!runs && err < 0) {
        core_lock_acquire(&p->signal_lock);
        p->timers.thread = NULL;
        core_lock_release(&p->signal_lock);
    }
    if (runs || err < 0)
        thread_free(th);
    return err;
}

/* A timer expires at this deadline, or (0) when only the thread can tell. */
static void wake_locked(struct shim_process *p, uint64_t deadline_ns)
{
    struct timer_thread *th = p->timers.thread;
    if (th && deadline_ns < th->wake_ns)
        core_sleeper_wake(&th->sleeper);
}

static void wake_for_locked(struct shim_process *p, const struct shim_timer *timer)
{
    if (timer->next_ns && timer->notify != LX_SIGEV_NONE)
        wake_locked(p, timer->counts_cpu ? 0 : timer->next_ns);
}

void shim_timers_init(struct shim_process *p)
{
    memset(&p->timers, 0, sizeof p->timers);
    core_list_init(&p->timers.list);
}

void shim_timers_stop(struct shim_process *p)
{
    core_lock_acquire(&p->signal_lock);
    struct timer_thread *th = p->timers.thread;
    p->timers.thread = NULL; /* nobody else wakes it any more */
    core_lock_release(&p->signal_lock);
    if (!th)
        return;
    core_lock_acquire(&th->lock);
    th->process = NULL;
    core_sleeper_wake(&th->sleeper);
    core_lock_release(&th->lock); /* it frees itself as soon as it has this lock */
}

int shim_timers_resume(struct shim_process *p)
{
    core_lock_acquire(&p->lock);
    core_lock_acquire(&p->signal_lock);
    int armed = has_cpu_limit_locked(p);
    for (uint32_t which = 0; which < SHIM_ITIMER_COUNT; which++)
        armed |= p->timers.intervals[which].next_ns != 0;
    CORE_LIST_FOR_EACH(node, &p->timers.list)
    {
        armed |= CORE_LIST_ENTRY(node, struct shim_timer, node)->next_ns != 0;
    }
    core_lock_release(&p->signal_lock);
    core_lock_release(&p->lock);
    return armed ? thread_start(p) : 0;
}

static void delete_locked(struct shim_timer *timer)
{
    shim_signal_unqueue_locked(timer->queue, &timer->entry);
    core_list_remove(&timer->node);
    core_arena_free(timer, sizeof *timer);
}

void shim_timers_exec(struct shim_process *p)
{
    core_lock_acquire(&p->signal_lock);
    CORE_LIST_FOR_EACH_SAFE(node, &p->timers.list)
    {
        delete_locked(CORE_LIST_ENTRY(node, struct shim_timer, node));
    }
    core_lock_release(&p->signal_lock);
}

void shim_timers_fini(struct shim_process *p)
{
    shim_timers_stop(p);
    shim_timers_exec(p);
    core_lock_acquire(&p->signal_lock);
    memset(p->timers.intervals, 0, sizeof p->timers.intervals);
    core_lock_release(&p->signal_lock);
}

int shim_timers_limit(struct shim_process *p)
{
    int err = thread_start(p);
    core_lock_acquire(&p->signal_lock);
    wake_locked(p, 0);
    core_lock_release(&p->signal_lock);
    return err;
}

/* ---- Interval timers ---- */

#define NS_PER_US 1000ull

/* What is left is never 0 of one that is armed: it may be due, and not yet looked at. */
static void itimer_get_locked(struct shim_process *p, uint32_t which, uint64_t *value_ns,
                              uint64_t *interval_ns)
{
    uint64_t next = p->timers.intervals[which].next_ns, now = next ? itimer_now(p, which) : 0;
    *interval_ns = p->timers.intervals[which].interval_ns;
    *value_ns = !next ? 0 : next > now + NS_PER_US ? next - now : NS_PER_US;
}

void shim_itimer_get(struct shim_task *t, uint32_t which, uint64_t *value_ns, uint64_t *interval_ns)
{
    struct shim_process *p = t->process;
    core_lock_acquire(&p->signal_lock);
    itimer_get_locked(p, which, value_ns, interval_ns);
    core_lock_release(&p->signal_lock);
}

int shim_itimer_set(struct shim_task *t, uint32_t which, uint64_t value_ns, uint64_t interval_ns,
                    uint64_t *old_value_ns, uint64_t *old_interval_ns)
{
    struct shim_process *p = t->process;
    *old_value_ns = *old_interval_ns = 0;
    int err = value_ns ? thread_start(p) : 0;
    if (err < 0)
        return err;
    core_lock_acquire(&p->signal_lock);
    while (p->timers.is_sending) { /* no signal comes once its timer has been stopped */
        core_lock_release(&p->signal_lock);
        plat_thread_yield(0);
        core_lock_acquire(&p->signal_lock);
    }
    itimer_get_locked(p, which, old_value_ns, old_interval_ns);
    uint64_t next = value_ns ? sum(itimer_now(p, which), value_ns) : 0;
    p->timers.intervals[which].next_ns = next;
    p->timers.intervals[which].interval_ns = value_ns || which != LX_ITIMER_REAL ? interval_ns : 0;
    if (next)
        wake_locked(p, which == LX_ITIMER_REAL ? next : 0);
    core_lock_release(&p->signal_lock);
    return 0;
}

/* ---- Timers of timer_create(2) ---- */

static struct shim_timer *find_locked(struct shim_process *p, int32_t id)
{
    CORE_LIST_FOR_EACH(node, &p->timers.list)
    {
        struct shim_timer *timer = CORE_LIST_ENTRY(node, struct shim_timer, node);
        if (timer->id == id)
            return timer;
    }
    return NULL;
}

void shim_timer_taken_locked(struct shim_process *p, struct shim_sigqueue *entry,
                             struct lx_siginfo *info)
{
    struct shim_timer *timer = CORE_LIST_ENTRY(entry, struct shim_timer, entry);
    uint64_t now;
    if (!timer->waits)
        return; /* it expired once, or was set anew */
    timer->waits = 0;
    if (timer_now(timer, &now) == 0)
        timer->overrun += (int64_t)forward(&timer->next_ns, timer->interval_ns, now);
    timer->last_overrun = timer->overrun < INT32_MAX ? timer->overrun : INT32_MAX;
    timer->overrun = -1;
    info->si_overrun = (int32_t)timer->last_overrun;
    wake_for_locked(p, timer);
}

/* Linux' order of checks: good_sigevent(). */
static int check_event(struct shim_process *p, const struct lx_sigevent *event)
{
    int found = 1;
    if (event->sigev_notify == LX_SIGEV_THREAD_ID) {
        core_lock_acquire(&p->lock);
        found = task_locked(p, event->sigev_notify_thread_id) != NULL;
        core_lock_release(&p->lock);
    }
    switch (event->sigev_notify) {
    case LX_SIGEV_THREAD_ID:
    case LX_SIGEV_SIGNAL:
    case LX_SIGEV_THREAD:
        return found && event->sigev_signo > 0 && event->sigev_signo <= SHIM_SIGNAL_COUNT
                   ? 0
                   : -LX_EINVAL;
    case LX_SIGEV_NONE:
        return 0;
    default:
        return -LX_EINVAL;
    }
}

/* What Linux' clocks have: all may be asked for, few can be timed by. */
static int check_clock(int32_t clock)
{
    switch (clock) {
    case LX_CLOCK_REALTIME:
    case LX_CLOCK_MONOTONIC:
    case LX_CLOCK_BOOTTIME:
    case LX_CLOCK_TAI:
    case LX_CLOCK_PROCESS_CPUTIME_ID:
    case LX_CLOCK_THREAD_CPUTIME_ID:
    case LX_CLOCK_REALTIME_ALARM:
    case LX_CLOCK_BOOTTIME_ALARM:
        return 0;
    case LX_CLOCK_MONOTONIC_RAW:
    case LX_CLOCK_REALTIME_COARSE:
    case LX_CLOCK_MONOTONIC_COARSE:
        return -LX_EOPNOTSUPP;
    default:
        if (clock >= 0)
            return -LX_EINVAL;
        return LX_CLOCK_IS_FD(clock) ? -LX_EOPNOTSUPP : 0;
    }
}

static int set_up(struct shim_task *t, struct shim_timer *timer, const struct lx_sigevent *event)
{
    struct lx_siginfo *info = &timer->entry.info;
    core_list_init(&timer->node);
    core_list_init(&timer->entry.node);
    timer->entry.of_timer = 1;
    timer->overrun = -1;
    info->si_code = LX_SI_TIMER;
    info->si_timerid = timer->id;
    if (event) {
        int err = check_event(t->process, event);
        if (err < 0)
            return err;
        timer->notify = event->sigev_notify;
        timer->tid = event->sigev_notify_thread_id;
        info->si_signo = event->sigev_signo;
        info->si_value = event->sigev_value;
    } else {
        timer->notify = LX_SIGEV_SIGNAL;
        info->si_signo = LX_SIGALRM;
        info->si_value = (uint32_t)timer->id;
    }
    return 0;
}

int shim_timer_new(struct shim_task *t, int32_t clock, const struct lx_sigevent *event, lx_uptr id)
{
    struct shim_process *p = t->process;
    int err = check_clock(clock);
    if (err < 0)
        return err;
    struct shim_timer *timer = core_arena_alloc(sizeof *timer);
    if (!timer)
        return -LX_EAGAIN;
    core_lock_acquire(&p->signal_lock);
    do
        p->timers.next_id = (int32_t)(((uint32_t)p->timers.next_id + 1) & INT32_MAX);
    while (find_locked(p, timer->id = (p->timers.next_id - 1) & INT32_MAX));
    core_lock_release(&p->signal_lock);
    timer->clock = clock;
    err = set_up(t, timer, event);
    if (err == 0)
        err = shim_copy_out(id, &timer->id, sizeof timer->id);
    if (err == 0 && shim_cpu_clock_is(clock)) {
        timer->counts_cpu = 1;
        err = shim_cpu_clock_find(t, clock, &timer->cpu);
    }
    if (err == 0 && (clock == LX_CLOCK_REALTIME_ALARM || clock == LX_CLOCK_BOOTTIME_ALARM))
        err = -LX_EPERM; /* CAP_WAKE_ALARM, which a container does not have */
    if (err < 0) {
        core_arena_free(timer, sizeof *timer);
        return err;
    }
    core_lock_acquire(&p->signal_lock);
    core_list_add(&p->timers.list, &timer->node);
    core_lock_release(&p->signal_lock);
    return 0;
}

int shim_timer_delete(struct shim_task *t, int32_t id)
{
    struct shim_process *p = t->process;
    core_lock_acquire(&p->signal_lock);
    struct shim_timer *timer = find_locked(p, id);
    if (timer)
        delete_locked(timer);
    core_lock_release(&p->signal_lock);
    return timer ? 0 : -LX_EINVAL;
}

static void get_locked(struct shim_timer *timer, struct lx_itimerspec *setting)
{
    uint64_t left = 0, now;
    memset(setting, 0, sizeof *setting);
    if (timer->next_ns && timer_now(timer, &now) == 0) {
        int silent = timer->notify == LX_SIGEV_NONE;
        if (silent || timer->waits)
            timer->overrun += (int64_t)forward(&timer->next_ns, timer->interval_ns, now);
        /* 0 would mean that it is not armed; that is said of a silent one that is past. */
        left = timer->next_ns > now ? timer->next_ns - now : silent ? 0 : 1;
    }
    setting->it_value = shim_timespec_of(left);
    setting->it_interval = shim_timespec_of(timer->interval_ns);
}

int shim_timer_get(struct shim_task *t, int32_t id, struct lx_itimerspec *setting)
{
    struct shim_process *p = t->process;
    core_lock_acquire(&p->signal_lock);
    struct shim_timer *timer = find_locked(p, id);
    if (timer)
        get_locked(timer, setting);
    core_lock_release(&p->signal_lock);
    return timer ? 0 : -LX_EINVAL;
}

int64_t shim_timer_overrun(struct shim_task *t, int32_t id)
{
    struct shim_process *p = t->process;
    core_lock_acquire(&p->signal_lock);
    struct shim_timer *timer = find_locked(p, id);
    int64_t overrun = timer ? timer->last_overrun : -LX_EINVAL;
    core_lock_release(&p->signal_lock);
    return overrun;
}

static uint64_t ns_of(const struct lx_timespec *ts)
{
    uint64_t s = (uint64_t)ts->tv_sec;
    return s < INT64_MAX / NS_PER_S ? s * NS_PER_S + (uint64_t)ts->tv_nsec : FOREVER;
}

/* The next expiry that a setting means, on the timer's clock; 0: none. */
static int next_of(const struct shim_timer *timer, int absolute, const struct lx_timespec *value,
                   uint64_t *next)
{
    *next = 0;
    if (!value->tv_sec && !value->tv_nsec)
        return 0;
    if (!timer->counts_cpu) {
        int64_t deadline_ns;
        int err = shim_time_deadline_of(value, timer->clock, absolute, &deadline_ns);
        *next = (uint64_t)deadline_ns;
        return err;
    }
    uint64_t now;
    int err = timer_now(timer, &now);
    *next = absolute ? ns_of(value) : sum(now, ns_of(value));
    return err;
}

static int set_locked(struct shim_process *p, int32_t id, int absolute,
                      const struct lx_itimerspec *setting, struct lx_itimerspec *old)
{
    struct shim_timer *timer = find_locked(p, id);
    uint64_t next;
    int err = timer ? next_of(timer, absolute, &setting->it_value, &next) : -LX_EINVAL;
    if (err < 0)
        return err;
    if (old)
        get_locked(timer, old);
    shim_signal_unqueue_locked(timer->queue, &timer->entry); /* of the old setting: not news */
    timer->waits = 0;
    timer->overrun = -1;
    timer->last_overrun = 0;
    timer->entry.info.si_overrun = 0;
    timer->next_ns = next;
    timer->interval_ns = next ? ns_of(&setting->it_interval) : 0;
    wake_for_locked(p, timer);
    return 0;
}

int shim_timer_set(struct shim_task *t, int32_t id, int absolute,
                   const struct lx_itimerspec *setting, struct lx_itimerspec *old)
{
    struct shim_process *p = t->process;
    int armed = setting->it_value.tv_sec || setting->it_value.tv_nsec;
    int err = armed ? thread_start(p) : 0;
    if (err < 0)
        return err;
    core_lock_acquire(&p->signal_lock);
    err = set_locked(p, id, absolute, setting, old);
    core_lock_release(&p->signal_lock);
    return err;
}
