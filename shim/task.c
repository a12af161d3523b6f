/* SPDX-License-Identifier: MIT */
/* Processes and threads: their records in the arena, their beginning and end. */

#include "shim/task.h"

#include <stdatomic.h>

#include "core/arena.h"
#include "core/mem.h"
#include "lx/errno.h"
#include "lx/resource.h"
#include "plat/plat.h"
#include "plat/thread.h"
#include "shim/dispatch.h"
#include "shim/futex.h"
#include "shim/memory.h"
#include "shim/signal.h"
#include "shim/user.h"
#include "vfs/fdtable.h"
#include "vfs/path.h"

#define STACK_LIMIT (8ull << 20)
#define FILES_LIMIT 1048576 /* as docker's default */

_Static_assert(sizeof((struct shim_process *)0)->groups == sizeof((struct vfs_cred *)0)->groups,
               "copied as they are");

int shim_container_init(void)
{
    struct shim_container *c = core_arena_alloc(sizeof *c);
    if (!c)
        return -LX_ENOMEM;
    core_lock_init(&c->lock, CORE_LOCK_TASKS);
    core_list_init(&c->tasks);
    c->next_tid = 1;
    core_arena_set_root(CORE_ROOT_SHIM, c);
    return shim_futex_init();
}

struct shim_container *shim_container(void)
{
    return core_arena_root(CORE_ROOT_SHIM);
}

static void set_default_limits(struct shim_process *p)
{
    for (uint32_t i = 0; i < SHIM_RLIMIT_COUNT; i++)
        p->limits[i] = (struct lx_rlimit64){LX_RLIM64_INFINITY, LX_RLIM64_INFINITY};
    p->limits[LX_RLIMIT_STACK].rlim_cur = STACK_LIMIT;
    p->limits[LX_RLIMIT_CORE].rlim_cur = 0;
    p->limits[LX_RLIMIT_NOFILE] = (struct lx_rlimit64){FILES_LIMIT, FILES_LIMIT};
    p->limits[LX_RLIMIT_MEMLOCK] = (struct lx_rlimit64){8u << 20, 8u << 20};
    p->limits[LX_RLIMIT_MSGQUEUE] = (struct lx_rlimit64){819200, 819200};
    p->limits[LX_RLIMIT_NICE] = (struct lx_rlimit64){0, 0};
    p->limits[LX_RLIMIT_RTPRIO] = (struct lx_rlimit64){0, 0};
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
    core_lock_release(&c->lock);
    return slot;
}

static void slot_free_locked(struct shim_container *c, uint32_t slot)
{
    c->slots[slot / 64] &= ~(1ull << (slot % 64));
}

int shim_sleeper_new(struct core_sleeper *s)
{
    int32_t slot = slot_new(shim_container());
    if (slot < 0)
        return slot;
    core_sleeper_init(s, (uint32_t)slot);
    return 0;
}

int shim_task_new(struct shim_process *p, struct shim_task **out)
{
    struct shim_container *c = shim_container();
    struct shim_task *t = core_arena_alloc(sizeof *t);
    *out = NULL;
    if (!t)
        return -LX_EAGAIN;
    int err = shim_sleeper_new(&t->sleeper);
    if (err < 0) {
        core_arena_free(t, sizeof *t);
        return err;
    }
    t->process = p;
    core_list_init(&t->in_process);
    core_list_init(&t->pending.queue);
    t->syscall = SHIM_NO_SYSCALL;
    t->altstack.ss_flags = LX_SS_DISABLE;

    core_lock_acquire(&c->lock);
    t->tid = c->next_tid++;
    core_list_add(&c->tasks, &t->in_table);
    core_lock_release(&c->lock);

    core_lock_acquire(&p->lock);
    core_list_add(&p->tasks, &t->in_process);
    p->task_count++;
    core_lock_release(&p->lock);
    vfs_fdtable_add_user(p->fds);
    t->trace = c->strace;
    *out = t;
    return 0;
}

int shim_process_new(struct shim_process **out, struct shim_task **task)
{
    *task = NULL;
    struct shim_process *p = core_arena_alloc(sizeof *p);
    *out = p;
    if (!p)
        return -LX_ENOMEM;
    core_lock_init(&p->signal_lock, CORE_LOCK_SIGNALS);
    core_lock_init(&p->lock, CORE_LOCK_PROCESS);
    core_list_init(&p->tasks);
    core_list_init(&p->pending.queue);
    p->dumpable = 1;
    set_default_limits(p);

    int err = shim_mm_new(&p->mm);
    if (err == 0)
        err = vfs_fdtable_new(FILES_LIMIT, &p->fds);
    if (err == 0)
        err = shim_task_new(p, task);
    if (err < 0) {
        vfs_fdtable_free(p->fds);
        shim_mm_free(p->mm);
        core_arena_free(p, sizeof *p);
        *out = NULL;
        return err;
    }
    p->pid = p->pgid = p->sid = (*task)->tid;
    return 0;
}

void shim_process_publish_credentials(struct shim_process *p)
{
    struct vfs_cred *cred = &p->fs->cred;
    cred->uid = p->fsuid;
    cred->gid = p->fsgid;
    cred->group_count = p->group_count;
    memcpy(cred->groups, p->groups, sizeof cred->groups);
}

int shim_task_free(struct shim_task *t)
{
    struct shim_container *c = shim_container();
    struct shim_process *p = t->process;

    core_lock_acquire(&c->lock);
    core_list_remove(&t->in_table);
    slot_free_locked(c, t->sleeper.slot);
    c->fast_calls += t->fast_calls;
    c->slow_calls += t->slow_calls;
    core_lock_release(&c->lock);

    core_lock_acquire(&p->lock);
    core_list_remove(&t->in_process);
    int last = --p->task_count == 0;
    core_lock_release(&p->lock);
    vfs_fdtable_remove_user(p->fds);
    shim_signal_flush(t);
    core_arena_free(t, sizeof *t);
    return last;
}

struct shim_task *shim_task_find_locked(int32_t tid)
{
    CORE_LIST_FOR_EACH(node, &shim_container()->tasks)
    {
        struct shim_task *t = CORE_LIST_ENTRY(node, struct shim_task, in_table);
        if (t->tid == tid)
            return t;
    }
    return NULL;
}

struct shim_task *shim_task_of_process_locked(int32_t pid)
{
    CORE_LIST_FOR_EACH(node, &shim_container()->tasks)
    {
        struct shim_task *t = CORE_LIST_ENTRY(node, struct shim_task, in_table);
        if (t->process->pid == pid)
            return t;
    }
    return NULL;
}

void shim_task_notify(struct shim_task *t)
{
    atomic_store(&t->attention, 1);
    core_sleeper_interrupt(&t->sleeper);
}

/* The container's result; the launcher waits for the guest host's end, then reads it. */
static NORETURN void finish_container(struct shim_process *p)
{
    struct shim_container *c = shim_container();
    c->status = p->exit_code;
    atomic_store(&c->done, 1);
    plat_exit(0);
}

void shim_task_exit(struct shim_task *t, uint32_t status)
{
    struct shim_process *p = t->process;
    shim_futex_exit(t);
    if (t->clear_child_tid) {
        uint32_t zero = 0;
        if (shim_copy_out(t->clear_child_tid, &zero, sizeof zero) == 0)
            shim_futex_wake(t->clear_child_tid, 1);
    }

    uint32_t running = 0;
    if (shim_task_free(t)) {
        if (atomic_compare_exchange_strong(&p->exiting, &running, 1))
            p->exit_code = status;
        finish_container(p);
    }
    plat_thread_exit();
}

/*
 * The other threads share this host process, so they end with it: nothing of
 * theirs is in the arena but locks, which they hold only for moments.
 */
void shim_process_exit(struct shim_task *t, uint32_t status)
{
    struct shim_process *p = t->process;
    uint32_t running = 0;
    if (!atomic_compare_exchange_strong(&p->exiting, &running, 1))
        shim_task_exit(t, status); /* another thread ends the process */
    p->exit_code = status;

    struct shim_container *c = shim_container();
    core_lock_acquire(&c->lock);
    CORE_LIST_FOR_EACH(node, &c->tasks)
    {
        struct shim_task *other = CORE_LIST_ENTRY(node, struct shim_task, in_table);
        c->fast_calls += other->fast_calls;
        c->slow_calls += other->slow_calls;
        other->fast_calls = other->slow_calls = 0;
    }
    core_lock_release(&c->lock);
    finish_container(p);
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

void shim_task_run(struct shim_task *t)
{
    struct plat_thread *plat = t->plat;
    plat->owner = t;
    plat->on_syscall = shim_container()->chaos ? dispatch_and_clear_fs : shim_dispatch;
    plat->on_fault = shim_fault;
    plat_resume(plat);
}
