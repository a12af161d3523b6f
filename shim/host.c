/* SPDX-License-Identifier: MIT */
/* The pool of guest hosts, and what each of them does all its life. */

#include "shim/host.h"

#include <stdatomic.h>

#include "birth.h"
#include "core/arena.h"
#include "core/mem.h"
#include "core/segment.h"
#include "core/shared.h"
#include "lx/errno.h"
#include "lx/signal.h"
#include "plat/plat.h"
#include "shim/dispatch.h"
#include "shim/exec.h"
#include "shim/futex.h"
#include "shim/memory.h"
#include "shim/poll.h"
#include "shim/process.h"
#include "shim/signal.h"
#include "shim/task.h"
#include "shim/user.h"
#include "vfs/lock.h"
#include "vfs/mount.h"
#include "vfs/mqueue.h"

#define WANT_FIRST 2u /* idle hosts from the first fork on */
#define WANT_MAX 16u  /* and at most, as forks find none */
#define IDLE_MAX 64u  /* more of them than that go home */
#define TRIM_NS 1000000000ull

/* This process's; written once, by the main thread before others run. */
static struct {
    struct shim_host *host;
    struct plat_thread *main;
    uint64_t user_ns, system_ns; /* own: processor time when it was last idle */
} g_self;

int shim_pool_init(void)
{
    struct shim_pool *pool = core_arena_alloc(sizeof *pool);
    if (!pool)
        return -LX_ENOMEM;
    core_list_init(&pool->idle);
    core_waitq_init(&pool->wait);
    shim_container()->pool = pool;
    return shim_sleeper_new(&pool->supervisor);
}

struct shim_pool *shim_pool(void)
{
    return shim_container()->pool;
}

static void free_record_locked(struct shim_host *h)
{
    h->state = SHIM_HOST_NONE;
    shim_pool()->total--;
}

/* ---- The launcher ---- */

static struct shim_host *host_new(struct shim_pool *pool, uint32_t index)
{
    struct shim_host *h = pool->hosts[index];
    if (!h) {
        h = core_arena_alloc(sizeof *h);
        if (!h)
            return NULL;
        h->index = index;
        core_list_init(&h->node);
        if (shim_sleeper_new(&h->sleeper) < 0 || shim_interrupter_new(&h->interrupter) < 0) {
            core_arena_free(h, sizeof *h);
            return NULL;
        }
        pool->hosts[index] = h;
    }
    return h;
}

/* Are more idle hosts wanted than there are, and are to be soon? */
static int is_needed_locked(const struct shim_pool *pool)
{
    uint32_t coming = pool->idle_count + pool->starting_count;
    return pool->total < SHIM_HOST_MAX && (pool->total == 0 || coming < pool->want ||
                                           coming + pool->cleaning_count < pool->waiting_count);
}

int shim_pool_add(void)
{
    struct shim_container *c = shim_container();
    struct shim_pool *pool = c->pool;
    core_lock_acquire(&c->lock);
    uint32_t index = 0;
    int needed = is_needed_locked(pool);
    if (needed) {
        while (pool->hosts[index] && pool->hosts[index]->state != SHIM_HOST_NONE)
            index++;
        pool->starting_count++;
        pool->total++;
        pool->started++;
        if (pool->peak < pool->total)
            pool->peak = pool->total;
    }
    shim_container_release(c);
    if (!needed)
        return -LX_EAGAIN;
    struct shim_host *h = host_new(pool, index); /* only the launcher makes them */
    core_lock_acquire(&c->lock);
    if (h) {
        h->state = SHIM_HOST_STARTING;
    } else {
        pool->starting_count--;
        pool->total--;
    }
    shim_container_release(c);
    return h ? (int)index : -LX_EAGAIN;
}

/* An idle host is to be used, or is gone. */
static void remove_idle_locked(struct shim_pool *pool, struct shim_host *h)
{
    core_list_remove(&h->node);
    pool->idle_count--;
    if (pool->idle_low > pool->idle_count)
        pool->idle_low = pool->idle_count;
}

/* Half of those that nobody has needed since the last time leave, but for WANT_FIRST. */
static void trim_locked(struct shim_pool *pool)
{
    uint32_t count = pool->idle_low > WANT_FIRST ? (pool->idle_low - WANT_FIRST + 1) / 2 : 0;
    pool->want = pool->want > WANT_FIRST + count ? pool->want - count : WANT_FIRST;
    while (count--) {
        struct shim_host *h = CORE_LIST_ENTRY(pool->idle.prev, struct shim_host, node);
        remove_idle_locked(pool, h);
        h->state = SHIM_HOST_LEAVING;
        core_sleeper_wake(&h->sleeper);
    }
    pool->idle_low = pool->idle_count;
}

int64_t shim_pool_trim(void)
{
    struct shim_container *c = shim_container();
    struct shim_pool *pool = c->pool;
    uint64_t now_ns = plat_clock_now(PLAT_CLOCK_MONOTONIC);
    core_lock_acquire(&c->lock);
    int is_due = pool->trim_ns && now_ns >= pool->trim_ns;
    if (is_due) {
        trim_locked(pool);
        pool->trim_ns = 0;
    }
    shim_container_release(c);
    int has_more = is_due && core_chunks_trim();
    core_lock_acquire(&c->lock);
    if (!pool->trim_ns && (has_more || pool->idle_count > WANT_FIRST)) {
        pool->idle_low = pool->idle_count;
        pool->trim_ns = now_ns + TRIM_NS;
    }
    uint64_t next_ns = pool->trim_ns;
    shim_container_release(c);
    return next_ns ? (int64_t)next_ns : PLAT_FOREVER;
}

/* A process's memory went with its host. */
static void lose_memory(struct shim_process *p)
{
    struct shim_container *c = shim_container();
    if (shim_mm_lose(p->mm))
        return;
    core_lock_acquire(&c->lock);
    p->mm = NULL;
    shim_container_release(c);
}

/* A task is gone, wherever it was: take it out of what it was in. */
static void drop_task(struct shim_task *t)
{
    struct core_waiter *w = &t->sleeper.waiter;
    struct core_waitq *q = w->queue;
    core_waitq_remove(w);
    if (q) /* it may have been woken in place of another */
        core_waitq_wake(q, ~0u, UINT32_MAX);
    shim_poll_drop(t);
    vfs_lock_forget_sleeper(&t->sleeper);
    vfs_mqueue_forget_sleeper(&t->sleeper);
    shim_futex_drop(t);
    lose_memory(t->process);
}

/* Everything that ran in the host is gone, as if killed. */
static void bury(struct shim_host *h, uint32_t signal)
{
    struct shim_container *c = shim_container();
    for (;;) {
        struct shim_task *t = NULL;
        int is_published = 1;
        core_lock_acquire(&c->lock);
        CORE_LIST_FOR_EACH(node, &c->tasks)
        {
            struct shim_task *other = CORE_LIST_ENTRY(node, struct shim_task, in_table);
            if (other->host == h) {
                t = other;
                break;
            }
        }
        if (t) {
            is_published = t->process->parent || t->process->pid == 1;
            c->pool->waiting_count -= t->waits_for_host;
            t->waits_for_host = 0;
        }
        shim_container_release(c);
        if (!t)
            return;
        struct shim_process *p = t->process;
        drop_task(t);
        if (!is_published) { /* its parent was about to fork it */
            shim_process_abandon(t);
            continue;
        }
        if (!shim_task_free(t))
            continue;
        if (p->pid == 1) {
            p->is_zombie = 1; /* the container ends */
            p->ending = NULL;
        } else {
            p->exiting = 1;
            p->exit_code = signal;
            shim_process_end(p);
        }
    }
}

/* Processes that had ended, and that the host had yet to make zombies. */
static void bury_ending(struct shim_host *h)
{
    struct shim_container *c = shim_container();
    for (;;) {
        struct shim_process *p = NULL;
        core_lock_acquire(&c->lock);
        CORE_LIST_FOR_EACH(node, &c->processes)
        {
            struct shim_process *other = CORE_LIST_ENTRY(node, struct shim_process, in_table);
            if (other->ending == h) {
                p = other;
                break;
            }
        }
        if (p)
            p->ending = NULL;
        shim_container_release(c);
        if (!p)
            return;
        lose_memory(p);
        shim_process_settle_code(p);
        if (p->pid == 1) {
            c->status = p->exit_code;
            atomic_store(&c->done, 1);
        } else {
            shim_process_end(p);
        }
    }
}

/* What a host was handed, and has not taken. */
static void drop_birth(struct shim_birth *b)
{
    if (b && b->exec)
        shim_exec_free(b->exec);
    shim_birth_free(b);
}

/*
 * A host that was killed may have been about to wake somebody, or to say why.  So everybody looks
 * again at what they wait for.
 */
static void rouse_all(struct shim_container *c)
{
    core_lock_acquire(&c->lock);
    CORE_LIST_FOR_EACH(node, &c->tasks)
    {
        struct shim_task *t = CORE_LIST_ENTRY(node, struct shim_task, in_table);
        atomic_store(&t->attention, 1);
        if (shim_signal_pending(t))
            atomic_store(&t->sleeper.interrupt, 1);
        core_sleeper_rouse(&t->sleeper);
    }
    for (uint32_t i = 0; i < SHIM_HOST_MAX; i++) {
        struct shim_host *h = c->pool->hosts[i];
        if (!h || h->state == SHIM_HOST_NONE)
            continue;
        core_sleeper_rouse(&h->sleeper);
        core_sleeper_rouse(&h->interrupter.sleeper);
    }
    shim_container_release(c);
}

int shim_pool_lost(uint32_t index, uint32_t signal)
{
    struct shim_container *c = shim_container();
    struct shim_pool *pool = c->pool;
    struct shim_host *h = pool->hosts[index];
    core_lock_acquire(&c->lock);
    uint32_t state = h->state;
    if (state == SHIM_HOST_STARTING)
        pool->starting_count--;
    if (state == SHIM_HOST_CLEANING)
        pool->cleaning_count--;
    if (state == SHIM_HOST_IDLE)
        remove_idle_locked(pool, h);
    if (state == SHIM_HOST_RESERVED) /* its taker is told, and frees the record */
        h->state = SHIM_HOST_GONE;
    if (state != SHIM_HOST_LEAVING)
        pool->lost_count++;
    shim_container_release(c);
    atomic_fetch_sub(&pool->kept_size, atomic_exchange(&h->kept_size, 0));
    int lost = state == SHIM_HOST_TAKEN || state == SHIM_HOST_CLEANING;
    if (state == SHIM_HOST_RESERVED)
        return lost;
    if (lost) {
        bury(h, signal);
        bury_ending(h);
        drop_birth(atomic_exchange(&h->birth, NULL));
    }
    core_lock_acquire(&c->lock);
    h->task_count = 0;
    free_record_locked(h);
    shim_container_release(c);
    if (state != SHIM_HOST_LEAVING)
        rouse_all(c);
    return lost;
}

/* ---- Taking one ---- */

static int has_program(const struct shim_host *h, uint64_t program)
{
    for (uint32_t i = 0; i < h->text_count; i++) {
        if (h->texts[i].id == program)
            return 1;
    }
    return 0;
}

/* The idle host that has kept this program; NULL: none has. */
static struct shim_host *find_locked(const struct shim_pool *pool, uint64_t program)
{
    CORE_LIST_FOR_EACH(node, &pool->idle)
    {
        struct shim_host *h = CORE_LIST_ENTRY(node, struct shim_host, node);
        if (program ? has_program(h, program) : !h->text_count)
            return h;
    }
    return NULL;
}

/* One with the program, else one that would lose none by taking it, else the one that came last. */
static struct shim_host *choose_locked(const struct shim_pool *pool, uint64_t program)
{
    struct shim_host *h = program ? find_locked(pool, program) : NULL;
    if (!h)
        h = find_locked(pool, 0);
    return h ? h : CORE_LIST_ENTRY(pool->idle.next, struct shim_host, node);
}

static struct shim_host *pop_locked(struct shim_pool *pool, struct shim_host *h)
{
    remove_idle_locked(pool, h);
    h->state = SHIM_HOST_RESERVED;
    return h;
}

/* One try; what is wanted grows when there is none, and none comes by itself at once. */
static struct shim_host *try_take(struct shim_task *t, uint64_t program)
{
    struct shim_container *c = shim_container();
    struct shim_pool *pool = c->pool;
    core_lock_acquire(&c->lock);
    struct shim_host *h = NULL;
    if (!core_list_is_empty(&pool->idle))
        h = pop_locked(pool, choose_locked(pool, program));
    if (!h && !t->waits_for_host) {
        if (!pool->want)
            pool->want = WANT_FIRST;
        else if (pool->want < WANT_MAX && pool->waiting_count >= pool->cleaning_count)
            pool->want++;
        pool->waiting_count++;
        t->waits_for_host = 1;
    } else if (h && t->waits_for_host) {
        pool->waiting_count--;
        t->waits_for_host = 0;
    }
    int low = is_needed_locked(pool);
    shim_container_release(c);
    if (low)
        core_sleeper_wake(&pool->supervisor);
    return h;
}

int shim_host_take(struct shim_task *t, uint64_t program, struct shim_host **out)
{
    struct shim_container *c = shim_container();
    struct shim_pool *pool = c->pool;
    struct core_waiter *w = &t->sleeper.waiter;
    int err = 0;
    *out = try_take(t, program);
    if (*out)
        return 0;
    core_waitq_add(&pool->wait, w, &t->sleeper, ~0u);
    while (!(*out = try_take(t, program)) && err == 0)
        err = core_sleep(&t->sleeper, 0, PLAT_FOREVER);
    core_waitq_remove(w);
    if (t->waits_for_host) {
        core_lock_acquire(&c->lock);
        pool->waiting_count--;
        t->waits_for_host = 0;
        shim_container_release(c);
    }
    return *out ? 0 : err;
}

struct shim_host *shim_host_take_with(uint64_t program)
{
    struct shim_container *c = shim_container();
    core_lock_acquire(&c->lock);
    struct shim_host *h = program ? find_locked(c->pool, program) : NULL;
    if (h)
        h = pop_locked(c->pool, h);
    shim_container_release(c);
    return h;
}

/* Let an idle host be found; `wake` its own thread is not needed: it sleeps. */
static void put_idle(struct shim_host *h)
{
    struct shim_container *c = shim_container();
    struct shim_pool *pool = c->pool;
    core_lock_acquire(&c->lock);
    if (h->state == SHIM_HOST_STARTING)
        pool->starting_count--;
    if (h->state == SHIM_HOST_CLEANING)
        pool->cleaning_count--;
    int is_gone = h->state == SHIM_HOST_GONE;
    int is_self = h == g_self.host; /* else it sleeps already, and nobody could tell it to leave */
    int leave = is_self && pool->idle_count >= IDLE_MAX && !pool->waiting_count;
    if (is_gone) {
        free_record_locked(h);
    } else if (leave) {
        h->state = SHIM_HOST_LEAVING;
    } else {
        h->state = SHIM_HOST_IDLE;
        core_list_add_first(&pool->idle, &h->node); /* what ran last is warm, and perhaps awake */
        pool->idle_count++;
    }
    int many = pool->idle_count > WANT_FIRST && !pool->trim_ns;
    shim_container_release(c);
    if (many)
        core_sleeper_wake(&pool->supervisor);
    if (leave)
        plat_exit(0);
    if (is_gone)
        return;
    core_waitq_wake(&pool->wait, ~0u, UINT32_MAX); /* one may have got another host meanwhile */
}

void shim_host_give_back(struct shim_host *host)
{
    put_idle(host);
}

int shim_host_claim_locked(struct shim_host *host, struct shim_task *t)
{
    if (host->state == SHIM_HOST_GONE) {
        free_record_locked(host);
        return -LX_ESRCH;
    }
    host->state = SHIM_HOST_TAKEN;
    t->host = host;
    atomic_fetch_add(&host->task_count, 1);
    return 0;
}

void shim_host_hand_over_locked(struct shim_host *host, struct shim_birth *birth)
{
    atomic_store(&host->birth, birth);
}

/* Without the lock: a host that is killed while it holds that takes the container with it. */
void shim_host_wake(struct shim_host *host)
{
    core_sleeper_wake(&host->sleeper);
}

struct shim_birth *shim_birth_new(struct shim_task *t)
{
    struct shim_birth *b = core_arena_alloc(sizeof *b);
    if (b)
        b->task = t;
    return b;
}

void shim_birth_free(struct shim_birth *b)
{
    if (!b)
        return;
    shim_mm_copy_free(b->copy);
    core_arena_free(b->vectors, b->vectors_size);
    core_arena_free(b, sizeof *b);
}

/* ---- A guest host's life ---- */

struct shim_host *shim_host_self(void)
{
    return g_self.host;
}

void shim_host_clean_locked(void)
{
    struct shim_host *h = g_self.host;
    if (!h || h->state != SHIM_HOST_TAKEN || h->task_count != 1)
        return;
    h->state = SHIM_HOST_CLEANING;
    shim_pool()->cleaning_count++;
}

int shim_host_begin(uint32_t index)
{
    struct shim_container *c = shim_container();
    struct shim_pool *pool = c->pool;
    g_self.host = pool->hosts[index];
    core_arena_choose(index);
    g_self.main = plat_thread_self();
    g_self.host->text_count = 0; /* the record may have been another process's */
    shim_interrupter_begin(&g_self.host->interrupter);
    core_lock_acquire(&c->lock);
    int is_first = !pool->has_begun;
    if (is_first) {
        pool->has_begun = 1;
        g_self.host->state = SHIM_HOST_TAKEN;
        pool->starting_count--;
    }
    shim_container_release(c);
    return is_first;
}

/* What this host had used when its last process had ended, for it has slept since. */
static void start_usage(struct shim_process *p)
{
    p->host_id = plat_process_id();
    p->cpu_base_user_ns = g_self.user_ns;
    p->cpu_base_system_ns = g_self.system_ns;
}

/* A forked child: its memory, then its registers. */
static void begin_fork(struct shim_task *t, struct shim_birth *b, struct plat_thread *thread)
{
    int err = shim_mm_receive(t->process->mm, b->copy);
    if (err == 0) {
        thread->regs = b->regs;
        thread->fs_mode = b->fs_mode;
        plat_thread_load_vectors(thread, b->vectors);
        shim_task_set_tp(t, b->tp);
        if (b->child_tid && shim_copy_out(b->child_tid, &t->tid, sizeof t->tid) < 0)
            b->child_tid = 0; /* as Linux: it lives on */
    }
    shim_birth_free(b);
    if (err < 0)
        shim_process_exit(t, LX_SIGKILL);
}

static NORETURN void run(struct shim_birth *b, struct plat_thread *thread)
{
    struct shim_task *t = b->task;
    t->plat = thread;
    thread->owner = t;
    start_usage(t->process);
    int err = shim_timers_resume(t->process);
    (void)err; /* without a thread nothing expires */
    if (b->exec) {
        struct shim_exec *x = b->exec;
        shim_birth_free(b);
        shim_exec_here(t, x);
    } else {
        begin_fork(t, b, thread);
    }
    /* What came for it before it ran. */
    int again = t->attention ? shim_attend(t, 0) : 0;
    (void)again; /* no system call is ending */
    shim_task_run(t);
}

static void leave_if_told(const struct shim_host *h)
{
    struct shim_container *c = shim_container();
    core_lock_acquire(&c->lock);
    int leave = h->state == SHIM_HOST_LEAVING;
    shim_container_release(c);
    if (leave)
        plat_exit(0);
}

void shim_host_serve(struct plat_thread *thread)
{
    struct shim_host *h = g_self.host;
    int err;
    thread->owner = NULL;
    if (thread->is_bound) /* by the last one's affinity */
        plat_cpu_bind(NULL, 0);
    while (h->task_count) { /* other threads are still at it */
        err = core_sleep(&h->sleeper, 0, PLAT_FOREVER);
        (void)err;
    }
    vfs_mount_rest();
    core_shared_rest();
    plat_process_times(&g_self.user_ns, &g_self.system_ns);
    put_idle(h);
    struct shim_birth *b;
    while (!(b = atomic_exchange(&h->birth, NULL))) {
        int64_t until_ns = PLAT_FOREVER;
        if (h->kept_size)
            until_ns = (int64_t)(plat_clock_now(PLAT_CLOCK_MONOTONIC) + TRIM_NS);
        if (core_sleep(&h->sleeper, 0, until_ns) == -LX_ETIMEDOUT)
            shim_mm_rest();
        leave_if_told(h);
    }
    run(b, thread);
}

void shim_host_leave(struct shim_host *host)
{
    struct plat_thread *thread = plat_thread_self();
    int last = atomic_fetch_sub(&host->task_count, 1) == 1;
    if (thread == g_self.main)
        plat_thread_again(thread, shim_host_serve);
    if (last)
        core_sleeper_wake(&host->sleeper);
    plat_thread_exit();
}
