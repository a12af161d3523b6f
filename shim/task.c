/* SPDX-License-Identifier: MIT */
/* The container and its tasks: their records in the arena, their beginning and end. */

#include "shim/task.h"

#include <stdatomic.h>

#include "core/arena.h"
#include "core/mem.h"
#include "lx/errno.h"
#include "plat/plat.h"
#include "plat/thread.h"
#include "shim/dispatch.h"
#include "shim/futex.h"
#include "shim/host.h"
#include "shim/memory.h"
#include "shim/mqueue.h"
#include "shim/process.h"
#include "shim/signal.h"
#include "shim/terminal.h"
#include "shim/user.h"
#include "vfs/fdtable.h"
#include "vfs/pidfd.h"

int shim_container_init(void)
{
    struct shim_container *c = core_arena_alloc(sizeof *c);
    if (!c)
        return -LX_ENOMEM;
    core_lock_init(&c->lock, CORE_LOCK_TASKS);
    core_list_init(&c->tasks);
    core_list_init(&c->processes);
    c->next_tid = 1;
    for (uint32_t i = 0; i < SHIM_SIGNAL_WAITQS; i++)
        core_waitq_init(&c->signal_waitqs[i]);
    core_arena_set_root(CORE_ROOT_SHIM, c);
    shim_terminal_init(); /* the launcher closes files of guest hosts that are lost */
    int err = shim_pool_init();
    return err < 0 ? err : shim_futex_init();
}

struct shim_container *shim_container(void)
{
    return core_arena_root(CORE_ROOT_SHIM);
}

void shim_container_release(struct shim_container *c)
{
    struct core_wakes wakes;
    wakes.count = c->wakes.count;
    if (wakes.count) {
        wakes = c->wakes;
        c->wakes.count = 0;
    }
    core_lock_release(&c->lock);
    core_wakes_send(&wakes);
}

/* A slot for a thread to sleep on; -LX_EAGAIN when there are too many threads. */
static int32_t slot_new(struct shim_container *c)
{
    int32_t slot = -LX_EAGAIN;
    core_lock_acquire(&c->lock);
    for (uint32_t i = 0; i < SHIM_SLOT_COUNT / 64; i++) {
        if (c->slots[i] != ~0ull) {
            uint32_t bit = (uint32_t)__builtin_ctzll(~c->slots[i]);
            c->slots[i] |= 1ull << bit;
            slot = (int32_t)(i * 64 + bit);
            break;
        }
    }
    shim_container_release(c);
    return slot;
}

static void slot_free_locked(struct shim_container *c, uint32_t slot)
{
    c->slots[slot / 64] &= ~(1ull << (slot % 64));
}

static int sleeper_new(struct core_sleeper *s, int is_guest)
{
    int32_t slot = slot_new(shim_container());
    if (slot < 0)
        return slot;
    core_sleeper_init(s, (uint32_t)slot, is_guest);
    return 0;
}

int shim_sleeper_new(struct core_sleeper *s)
{
    return sleeper_new(s, 0);
}

void shim_sleeper_free(struct core_sleeper *s)
{
    struct shim_container *c = shim_container();
    core_lock_acquire(&c->lock);
    slot_free_locked(c, s->slot);
    core_sleeper_fini(s);
    shim_container_release(c);
}

/* ---- Ids ---- */

static struct shim_task **bucket_of(struct shim_container *c, int32_t tid)
{
    return &c->tids[(uint32_t)tid % SHIM_PID_BUCKETS];
}

static void hash_locked(struct shim_container *c, struct shim_task *t)
{
    struct shim_task **bucket = bucket_of(c, t->tid);
    t->next_tid = *bucket;
    *bucket = t;
}

static void unhash_locked(struct shim_container *c, struct shim_task *t)
{
    struct shim_task **link = bucket_of(c, t->tid);
    while (*link != t)
        link = &(*link)->next_tid;
    *link = t->next_tid;
}

/* Is an id in use, also as a group's or a session's? */
static int is_taken_locked(struct shim_container *c, int32_t id)
{
    if (shim_task_find_locked(id) || shim_process_find_locked(id))
        return 1;
    CORE_LIST_FOR_EACH(node, &c->processes)
    {
        const struct shim_process *p = CORE_LIST_ENTRY(node, struct shim_process, in_table);
        if (p->pgid == id || p->sid == id)
            return 1;
    }
    return 0;
}

#define FIRST_REUSED 300 /* as Linux: low ids are given out once */

static int32_t new_tid_locked(struct shim_container *c)
{
    int32_t id;
    do {
        id = c->next_tid++;
        if (c->next_tid >= SHIM_PID_MAX) {
            c->next_tid = FIRST_REUSED;
            c->ids_wrapped = 1;
        }
    } while (c->ids_wrapped && is_taken_locked(c, id));
    return id;
}

struct shim_task *shim_task_find_locked(int32_t tid)
{
    struct shim_task *t = *bucket_of(shim_container(), tid);
    while (t && t->tid != tid)
        t = t->next_tid;
    return t;
}

void shim_task_set_tid(struct shim_task *t, int32_t tid)
{
    struct shim_container *c = shim_container();
    core_lock_acquire(&c->lock);
    unhash_locked(c, t);
    CORE_LIST_FOR_EACH(node, &t->process->children)
    {
        struct shim_process *child = CORE_LIST_ENTRY(node, struct shim_process, sibling);
        if (child->parent_tid == t->tid)
            child->parent_tid = tid;
    }
    vfs_pidfd_tell(t->pidfd, VFS_PIDFD_ENDED | VFS_PIDFD_GONE); /* the old id is nobody's */
    vfs_pidfd_put(t->pidfd);
    t->pidfd = NULL;
    t->tid = tid;
    hash_locked(c, t);
    shim_container_release(c);
}

/* ---- Tasks ---- */

/* Let a task have an id and be found by it; -LX_EAGAIN: there are too many. */
static int enter_table(struct shim_container *c, struct shim_task *t)
{
    int err = 0;
    core_lock_acquire(&c->lock);
    if (c->task_count >= SHIM_PID_MAX / 2 || (c->pids_limit && c->task_count >= c->pids_limit)) {
        err = -LX_EAGAIN;
    } else {
        c->task_count++;
        c->tasks_begun++;
        t->tid = new_tid_locked(c);
        hash_locked(c, t);
        core_list_add(&c->tasks, &t->in_table);
    }
    shim_container_release(c);
    return err;
}

int shim_task_new(struct shim_process *p, struct shim_task **out)
{
    struct shim_container *c = shim_container();
    struct shim_task *t = core_arena_alloc(sizeof *t);
    *out = NULL;
    if (!t)
        return -LX_EAGAIN;
    int err = sleeper_new(&t->sleeper, 1);
    if (err < 0) {
        core_arena_free(t, sizeof *t);
        return err;
    }
    t->process = p;
    core_list_init(&t->in_process);
    core_list_init(&t->pending.queue);
    t->syscall = SHIM_NO_SYSCALL;
    t->start_ns = plat_uptime_s() * 1000000000ull;
    t->altstack.ss_flags = LX_SS_DISABLE;
    err = enter_table(c, t);
    if (err < 0) {
        shim_sleeper_free(&t->sleeper);
        core_arena_free(t, sizeof *t);
        return err;
    }
    t->host = shim_host_self();
    atomic_fetch_add(&t->host->task_count, 1);
    core_lock_acquire(&p->lock);
    core_list_add(&p->tasks, &t->in_process);
    p->task_count++;
    shim_signal_join_locked(t);
    core_lock_release(&p->lock);
    vfs_fdtable_add_user(p->fds);
    t->trace = c->strace;
    *out = t;
    return 0;
}

static void clear_tid(struct shim_task *t, struct core_wakes *wakes)
{
    lx_uptr word = t->clear_child_tid;
    uint32_t zero = 0;
    t->clear_child_tid = 0;
    if (word && shim_copy_out(word, &zero, sizeof zero) == 0)
        shim_futex_wake_later(t, word, 1, wakes);
}

/*
 * Take a task out of all tables and free it.
 *   wakes    NULL: it has not run, or is lost.  Else it ends: who waits for that in its memory, which
 *            the locks keep from going away, hears of it when nothing shows the task any more.
 */
static int task_free(struct shim_task *t, struct core_wakes *wakes)
{
    struct shim_container *c = shim_container();
    struct shim_process *p = t->process;

    core_lock_acquire(&c->lock);
    shim_signal_leave_locked(t);
    core_list_remove(&t->in_table);
    unhash_locked(c, t);
    slot_free_locked(c, t->sleeper.slot);
    core_sleeper_fini(&t->sleeper);
    c->fast_calls += t->fast_calls;
    c->slow_calls += t->slow_calls;
    core_lock_acquire(&p->lock);
    core_list_remove(&t->in_process);
    shim_signal_pass_on_locked(t, ~t->sigmask);
    if (wakes)
        clear_tid(t, wakes);
    uint32_t left = --p->task_count;
    struct vfs_fdtable *fds = p->fds;
    if (!left) {
        p->fds = NULL; /* pidfd_getfd(2) finds none any more */
        p->ending = t->host;
    }
    if (vfs_fdtable_remove_user(fds))
        fds = NULL;
    struct shim_task *execing = p->execing;
    if (execing && left == 1)
        core_sleeper_wake_later(&execing->sleeper, &c->wakes);
    core_lock_release(&p->lock);
    if (left) { /* else the process counts until it was waited for */
        c->task_count--;
        shim_process_pass_children_locked(p, t->tid);
    }
    vfs_pidfd_tell(t->pidfd, VFS_PIDFD_ENDED | VFS_PIDFD_GONE);
    shim_container_release(c);
    vfs_pidfd_put(t->pidfd);
    vfs_fdtable_free(fds); /* of the last user: before others hear of the process's end */
    shim_signal_owners();
    if (wakes)
        plat_thread_self()->owner = NULL; /* what it does from now on is no task's */
    core_arena_free(t, sizeof *t);
    return left == 0;
}

int shim_task_free(struct shim_task *t)
{
    return task_free(t, NULL);
}

void shim_task_abandon(struct shim_task *t)
{
    struct shim_host *host = t->host;
    int last = shim_task_free(t);
    (void)last; /* the caller knows */
    atomic_fetch_sub(&host->task_count, 1);
}

struct shim_task *shim_task_self(void)
{
    const struct plat_thread *self = plat_thread_self();
    return self ? self->owner : NULL;
}

/*
 * A thread that did not sleep is in the shim, or in guest code: only its interrupter finds
 * out.  The caller itself is in the shim.
 */
void shim_task_notify(struct shim_task *t, struct core_wakes *wakes)
{
    atomic_store(&t->attention, 1);
    if (!core_sleeper_interrupt_later(&t->sleeper, wakes) && t->host && shim_task_self() != t)
        shim_interrupter_poke(&t->host->interrupter);
}

void shim_process_notify(struct shim_process *p, const struct shim_task *but)
{
    struct core_wakes wakes = {.count = 0};
    core_lock_acquire(&p->lock);
    CORE_LIST_FOR_EACH(node, &p->tasks)
    {
        struct shim_task *t = CORE_LIST_ENTRY(node, struct shim_task, in_process);
        if (t != but)
            shim_task_notify(t, &wakes);
    }
    core_lock_release(&p->lock);
    core_wakes_send(&wakes);
}

/* ---- The end ---- */

/* The container's result; the launcher then ends all guest hosts. */
static NORETURN void finish_container(struct shim_process *p)
{
    struct shim_container *c = shim_container();
    c->status = p->exit_code;
    atomic_store(&c->done, 1);
    core_sleeper_wake(&shim_pool()->supervisor);
    plat_exit(0);
}

static void leave_futexes(struct shim_task *t)
{
    shim_futex_exit(t);
    t->robust_list = 0;
}

void shim_task_leave_memory(struct shim_task *t)
{
    struct core_wakes wakes = {.count = 0};
    leave_futexes(t);
    clear_tid(t, &wakes);
    core_wakes_send(&wakes);
}

void shim_task_exit(struct shim_task *t, uint32_t status)
{
    struct shim_process *p = t->process;
    struct shim_host *host = t->host;
    struct core_wakes wakes = {.count = 0};
    leave_futexes(t);
    shim_interrupter_leave(t);
    if (t->tid == p->pid)
        p->leader_status = status;
    int last = task_free(t, &wakes);
    core_wakes_send(&wakes);
    if (last) {
        shim_process_settle_code(p);
        if (p->pid == 1)
            finish_container(p);
        shim_process_end(p);
        shim_signal_owners();
    }
    shim_host_leave(host);
}

/* Calls of tasks that end with the container, for --stats. */
static void count_calls(struct shim_container *c)
{
    core_lock_acquire(&c->lock);
    CORE_LIST_FOR_EACH(node, &c->tasks)
    {
        struct shim_task *other = CORE_LIST_ENTRY(node, struct shim_task, in_table);
        c->fast_calls += other->fast_calls;
        c->slow_calls += other->slow_calls;
        other->fast_calls = other->slow_calls = 0;
    }
    shim_container_release(c);
}

void shim_task_end_if_told(struct shim_task *t)
{
    struct shim_process *p = t->process;
    if (atomic_load_explicit(&p->exiting, memory_order_relaxed))
        shim_task_exit(t, p->exit_code);
    if (p->execing && p->execing != t)
        shim_task_exit(t, 0);
}

void shim_process_exit(struct shim_task *t, uint32_t status)
{
    struct shim_process *p = t->process;
    uint32_t running = 0;
    if (atomic_compare_exchange_strong(&p->exiting, &running, 1)) {
        p->exit_code = status;
        if (p->pid == 1) { /* all others end with it: pid_namespaces(7) */
            count_calls(shim_container());
            finish_container(p);
        }
        shim_process_notify(p, t);
    }
    shim_task_exit(t, status);
}

#define CANARY_OFFSET 0x28 /* in the thread control block, on x86-64 */

void shim_task_set_tp(struct shim_task *t, lx_uptr tp)
{
    uint64_t canary = 0;
    if (shim_copy_in(&canary, tp + CANARY_OFFSET, sizeof canary) < 0)
        canary = 0; /* no memory there yet: a store through %fs sets it */
    plat_thread_set_tp(t->plat, tp, canary);
}

/* Chaos: what Windows does to FS base now and then, after every call. */
static void dispatch_and_clear_fs(struct plat_thread *plat)
{
    shim_dispatch(plat);
    plat_thread_clear_fs(plat);
}

static int is_guest_code(uint64_t rip)
{
    return shim_user_ok(rip, 1);
}

void shim_task_run(struct shim_task *t)
{
    struct plat_thread *plat = t->plat;
    plat->owner = t;
    t->host_id = plat_thread_id();
    t->process->host_id = plat_process_id();
    plat->on_syscall = shim_container()->chaos ? dispatch_and_clear_fs : shim_dispatch;
    plat->on_fault = shim_fault;
    shim_signalfd_init();
    shim_mqueue_init();
    shim_terminal_init();
    plat->on_interrupt = shim_interrupt;
    plat->attend = &t->attention;
    plat->is_guest_code = is_guest_code;
    shim_interrupter_enter(t);
    plat_resume(plat);
}
