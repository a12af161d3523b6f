/* SPDX-License-Identifier: MIT */
/*
 * clone(2), clone3(2), fork(2), vfork(2), unshare(2).
 *
 * A child with memory of its own takes a guest host from the pool.  One that shares its parent's
 * (a thread, and a process in vfork(2)) runs on another thread of the same guest host.
 */

#include <stdatomic.h>

#include "birth.h"
#include "core/arena.h"
#include "core/mem.h"
#include "lx/errno.h"
#include "lx/sched.h"
#include "lx/signal.h"
#include "plat/plat.h"
#include "plat/thread.h"
#include "shim/host.h"
#include "shim/limit.h"
#include "shim/memory.h"
#include "shim/process.h"
#include "shim/signal.h"
#include "shim/syscall.h"
#include "shim/task.h"
#include "shim/user.h"
#include "sys/file.h"
#include "sys/pidfd.h"
#include "vfs/fdtable.h"
#include "vfs/path.h"

#define MAX_PID_LEVELS 32 /* MAX_PID_NS_LEVEL in Linux */
#define THREAD_FLAGS \
    (LX_CLONE_VM | LX_CLONE_FS | LX_CLONE_FILES | LX_CLONE_SIGHAND | LX_CLONE_THREAD)
#define NAMESPACE_FLAGS                                                                           \
    (LX_CLONE_NEWNS | LX_CLONE_NEWCGROUP | LX_CLONE_NEWUTS | LX_CLONE_NEWIPC | LX_CLONE_NEWUSER | \
     LX_CLONE_NEWPID | LX_CLONE_NEWNET | LX_CLONE_NEWTIME)
#define KNOWN_FLAGS                                                                               \
    (THREAD_FLAGS | NAMESPACE_FLAGS | LX_CLONE_VFORK | LX_CLONE_PARENT | LX_CLONE_SYSVSEM |       \
     LX_CLONE_SETTLS | LX_CLONE_PARENT_SETTID | LX_CLONE_CHILD_CLEARTID | LX_CLONE_CHILD_SETTID | \
     LX_CLONE_DETACHED | LX_CLONE_UNTRACED | LX_CLONE_PTRACE | LX_CLONE_IO |                      \
     LX_CLONE_CLEAR_SIGHAND | LX_CLONE_PIDFD)

/* What all four calls come down to. */
struct request {
    uint64_t flags; /* LX_CLONE_*, without a signal */
    uint32_t exit_signal;
    lx_uptr stack; /* its top, or 0: the parent's */
    lx_uptr parent_tid, child_tid;
    lx_uptr pidfd; /* where CLONE_PIDFD puts it */
    uint64_t tls;
    lx_uptr set_tid; /* the number that it wants, or 0 */
};

/* ---- On another thread of this guest host ---- */

/* What the new thread starts with; lives in the parent's frame until it has taken it. */
struct start {
    struct shim_task *child;
    struct plat_regs regs;
    uint64_t tp;
    lx_uptr child_tid;
    uint32_t fs_mode;
    const struct plat_thread *parent;
    int32_t parent_tid;
    _Atomic uint32_t taken;
};

/* The parent may go on, and even end, as soon as it sees that its frame is not needed. */
static void let_go(struct start *s)
{
    struct shim_container *c = shim_container();
    int32_t tid = s->parent_tid;
    s->taken = 1; /* `s` is gone from here on */
    core_lock_acquire(&c->lock);
    struct shim_task *parent = shim_task_find_locked(tid);
    if (parent)
        core_sleeper_wake_later(&parent->sleeper, &c->wakes);
    shim_container_release(c);
}

static void run(void *arg, struct plat_thread *thread)
{
    struct start *s = arg;
    struct shim_task *t = s->child;
    t->plat = thread;
    thread->regs = s->regs;
    thread->fs_mode = s->fs_mode;
    thread->exit_work = 1;
    atomic_thread_fence(memory_order_seq_cst); /* from here on it is told: follow_code() */
    if (shim_mm_needs_fs(t->process->mm))
        plat_thread_use_fs(thread);
    plat_thread_copy_vectors(thread, s->parent);
    shim_task_set_tp(t, s->tp);
    lx_uptr child_tid = s->child_tid;
    let_go(s);

    if (child_tid) {
        int err = shim_copy_out(child_tid, &t->tid, sizeof t->tid);
        (void)err; /* as Linux: the thread lives on */
    }
    shim_task_run(t);
}

/* Sleep until `word` is `value`; a signal that comes meanwhile is delivered when the call ends. */
static void wait_until(struct shim_task *t, const _Atomic uint32_t *word, uint32_t value,
                       int killable)
{
    while (*word != value && !(killable && shim_signal_is_killed(t))) {
        if (core_sleep(&t->sleeper, 0, PLAT_FOREVER) == -LX_EINTR)
            atomic_store(&t->sleeper.interrupt, 0);
    }
    if (t->attention)
        atomic_store(&t->sleeper.interrupt, 1);
}

static int start_thread(struct shim_task *t, const struct request *r, struct shim_task *child)
{
    plat_gate(); /* the child starts with the parent's vector state */
    struct start s = {
        .child = child,
        .regs = t->plat->regs,
        .tp = r->flags & LX_CLONE_SETTLS ? r->tls : t->plat->guest_fs,
        .child_tid = r->flags & LX_CLONE_CHILD_SETTID ? r->child_tid : 0,
        .fs_mode = t->plat->fs_mode,
        .parent = t->plat,
        .parent_tid = t->tid,
    };
    s.regs.rax = 0;
    if (r->stack)
        s.regs.rsp = r->stack;
    int err = plat_thread_start(run, &s);
    if (err == 0)
        wait_until(t, &s.taken, 1, 0);
    return err;
}

/*
 * What the parent gets of a child that does not run yet.
 *   pidfd    with CLONE_PIDFD the descriptor, for sys_take_back(); else -1.
 *   returns  of CLONE_PIDFD.
 */
static int put_ids(struct shim_task *t, struct shim_task *child, const struct request *r,
                   int32_t *pidfd)
{
    int32_t tid = child->tid;
    *pidfd = -1;
    if (r->flags & LX_CLONE_CHILD_CLEARTID)
        child->clear_child_tid = r->child_tid;
    if (r->flags & LX_CLONE_PIDFD) {
        int64_t fd = sys_pidfd_of_child(t, child, (r->flags & LX_CLONE_THREAD) != 0, r->pidfd);
        if (fd < 0)
            return (int)fd;
        *pidfd = (int32_t)fd;
    }
    if (r->flags & LX_CLONE_PARENT_SETTID) {
        int err = shim_copy_out(r->parent_tid, &tid, sizeof tid);
        (void)err; /* as Linux: the child lives all the same */
    }
    return 0;
}

static int64_t clone_thread(struct shim_task *t, const struct request *r)
{
    struct shim_task *child;
    if ((r->flags & THREAD_FLAGS) != THREAD_FLAGS || !r->stack)
        return -LX_EINVAL; /* Differs from Linux: threads share descriptors and directories */
    int err = shim_limit_nproc(t->process);
    if (err == 0)
        err = shim_task_new(t->process, &child);
    if (err < 0)
        return err;
    shim_limit_inherit(child, t);
    memcpy(child->comm, t->comm, sizeof child->comm);
    child->sigmask = t->sigmask;
    int32_t tid = child->tid;
    int32_t pidfd;
    err = put_ids(t, child, r, &pidfd);
    if (err == 0)
        err = start_thread(t, r, child);
    if (err < 0) {
        sys_take_back(t, pidfd);
        shim_task_abandon(child);
        return err;
    }
    return tid;
}

/* ---- Processes ---- */

static void await_vfork(struct shim_task *t, int32_t child)
{
    struct shim_container *c = shim_container();
    wait_until(t, &t->in_vfork, 0, 1);
    if (!t->in_vfork)
        return;
    core_lock_acquire(&c->lock); /* killed: the child is not to tell another with this id */
    struct shim_process *p = shim_process_find_locked(child);
    if (p && p->vfork_tid == t->tid)
        p->vfork_tid = 0;
    shim_container_release(c);
}

/* A process that shares the parent's memory. */
static int64_t clone_sharing(struct shim_task *t, const struct request *r)
{
    struct shim_task *child;
    int err = shim_process_fork(t, r->flags, r->exit_signal, &child);
    if (err < 0)
        return err;
    int32_t tid = child->tid, pidfd;
    err = put_ids(t, child, r, &pidfd);
    if (err < 0) {
        shim_process_abandon(child);
        return err;
    }
    child->process->host_id = plat_process_id();
    plat_process_times(&child->process->cpu_base_user_ns, &child->process->cpu_base_system_ns);
    if (r->flags & LX_CLONE_VFORK) {
        t->in_vfork = 1;
        child->process->vfork_tid = t->tid;
    }
    struct shim_container *c = shim_container();
    core_lock_acquire(&c->lock);
    shim_process_publish_locked(t, child, r->flags);
    shim_container_release(c);
    err = start_thread(t, r, child);
    if (err < 0) {
        sys_take_back(t, pidfd);
        shim_process_retract(child);
        return err;
    }
    if (r->flags & LX_CLONE_VFORK)
        await_vfork(t, tid);
    return tid;
}

/* What the child's guest host needs. */
static struct shim_birth *make_birth(struct shim_task *t, const struct request *r,
                                     struct shim_task *child)
{
    struct plat_thread *plat = t->plat;
    struct shim_birth *b = shim_birth_new(child);
    if (!b)
        return NULL;
    plat_gate(); /* the child starts with the parent's vector state */
    b->vectors_size = plat->xsave_size;
    b->vectors = core_arena_alloc(b->vectors_size);
    if (!b->vectors) {
        shim_birth_free(b);
        return NULL;
    }
    memcpy(b->vectors, plat->xsave, b->vectors_size);
    b->regs = plat->regs;
    b->regs.rax = 0;
    if (r->stack)
        b->regs.rsp = r->stack;
    b->tp = r->flags & LX_CLONE_SETTLS ? r->tls : plat->guest_fs;
    b->fs_mode = plat->fs_mode;
    b->child_tid = r->flags & LX_CLONE_CHILD_SETTID ? r->child_tid : 0;
    return b;
}

/* -LX_ESRCH: the host has ended, and is not the caller's any more. */
static int64_t fork_to(struct shim_task *t, const struct request *r, struct shim_host *host)
{
    struct shim_container *c = shim_container();
    struct shim_task *child;
    int err = shim_process_fork(t, r->flags, r->exit_signal, &child);
    if (err < 0)
        return err;
    int32_t tid = child->tid, pidfd;
    struct shim_birth *b = make_birth(t, r, child);
    err = b ? shim_mm_fork(t, host, &child->process->mm, &b->copy) : -LX_ENOMEM;
    if (err == 0)
        err = put_ids(t, child, r, &pidfd); /* the child's memory does not see them */
    if (err < 0) {
        shim_birth_free(b);
        shim_process_abandon(child);
        return err;
    }
    core_lock_acquire(&c->lock);
    err = shim_host_claim_locked(host, child);
    if (err == 0) {
        atomic_fetch_sub(&t->host->task_count, 1); /* it was counted there so far */
        if (r->flags & LX_CLONE_VFORK) {
            t->in_vfork = 1;
            child->process->vfork_tid = t->tid;
        }
        shim_process_publish_locked(t, child, r->flags);
        shim_host_hand_over_locked(host, b);
    }
    shim_container_release(c);
    if (err < 0) {
        sys_take_back(t, pidfd);
        shim_birth_free(b);
        shim_process_abandon(child);
        return err;
    }
    shim_host_wake(host);
    if (r->flags & LX_CLONE_VFORK)
        await_vfork(t, tid);
    return tid;
}

static int64_t clone_copying(struct shim_task *t, const struct request *r)
{
    struct shim_host *host;
    int64_t result;
    do {
        result = shim_host_take(t, shim_mm_program(t->process->mm), &host);
        if (result < 0)
            return result == -LX_EINTR ? -SHIM_ERESTARTNOINTR : result;
        result = fork_to(t, r, host);
    } while (result == -LX_ESRCH);
    if (result < 0)
        shim_host_give_back(host);
    return result;
}

/* ---- The calls ---- */

static int check_flags(const struct shim_task *t, uint64_t flags)
{
    if (flags & ~(uint64_t)KNOWN_FLAGS)
        return -LX_EINVAL;
    if (flags & LX_CLONE_SIGHAND && (!(flags & LX_CLONE_VM) || flags & LX_CLONE_CLEAR_SIGHAND))
        return -LX_EINVAL;
    if (flags & LX_CLONE_THREAD && !(flags & LX_CLONE_SIGHAND))
        return -LX_EINVAL;
    if (flags & LX_CLONE_FS && flags & (LX_CLONE_NEWNS | LX_CLONE_NEWUSER))
        return -LX_EINVAL;
    if (flags & LX_CLONE_THREAD && flags & (LX_CLONE_NEWUSER | LX_CLONE_NEWPID))
        return -LX_EINVAL;
    if (flags & LX_CLONE_PIDFD && flags & LX_CLONE_DETACHED)
        return -LX_EINVAL;
    if (flags & LX_CLONE_PARENT && t->process->pid == 1)
        return -LX_EINVAL;
    return flags & NAMESPACE_FLAGS ? -LX_EPERM : 0;
}

/* Nobody in a container has the capability to choose: alloc_pid() in Linux. */
static int check_number(lx_uptr from)
{
    int32_t tid;
    int err = shim_copy_in(&tid, from, sizeof tid);
    if (err < 0)
        return err;
    return tid < 1 || tid >= SHIM_PID_MAX ? -LX_EINVAL : -LX_EPERM;
}

static int64_t clone(struct shim_task *t, const struct request *r)
{
    uint64_t both = LX_CLONE_PIDFD | LX_CLONE_PARENT_SETTID;
    int err = check_flags(t, r->flags);
    if (err == 0 && r->set_tid)
        err = check_number(r->set_tid);
    if (err == 0 && (r->flags & both) == both && r->pidfd == r->parent_tid)
        err = -LX_EINVAL;
    if (err < 0)
        return err;
    t->group_signals = 0;
    if (shim_signal_pending(t)) { /* what came before this call does not pass the child by */
        atomic_store(&t->attention, 1);
        return -SHIM_ERESTARTNOINTR;
    }
    if (r->flags & LX_CLONE_SETTLS && r->tls >> 47)
        return -LX_EPERM; /* as arch_prctl(2): no thread pointer lies there */
    if (r->flags & LX_CLONE_THREAD)
        return clone_thread(t, r);
    err = shim_limit_nproc(t->process);
    if (err < 0)
        return err;
    return r->flags & LX_CLONE_VM ? clone_sharing(t, r) : clone_copying(t, r);
}

int64_t sys_clone(struct shim_task *t, uint64_t flags, lx_uptr stack, lx_uptr parent_tid,
                  lx_uptr child_tid, uint64_t tls)
{
    const struct request r = {
        .flags = (uint32_t)flags & ~(uint64_t)LX_CSIGNAL, /* the upper half does not count */
        .exit_signal = (uint32_t)flags & LX_CSIGNAL,
        .stack = stack,
        .parent_tid = parent_tid,
        .child_tid = child_tid,
        .pidfd = parent_tid,
        .tls = tls,
    };
    return clone(t, &r);
}

int64_t sys_clone3(struct shim_task *t, lx_uptr args, uint64_t size)
{
    struct lx_clone_args a;
    memset(&a, 0, sizeof a);
    if (size < LX_CLONE_ARGS_SIZE_VER0)
        return -LX_EINVAL;
    if (size > CORE_PAGE_SIZE)
        return -LX_E2BIG;
    int err = shim_copy_in(&a, args, size < sizeof a ? size : sizeof a);
    for (uint64_t at = sizeof a; err == 0 && at < size; at++) {
        char byte; /* fields that we do not know must be zero */
        err = shim_copy_in(&byte, args + at, 1);
        if (err == 0 && byte)
            err = -LX_E2BIG;
    }
    if (err < 0)
        return err;
    if (!a.set_tid != !a.set_tid_size || a.set_tid_size > MAX_PID_LEVELS)
        return -LX_EINVAL;
    if (a.flags & (LX_CSIGNAL & ~(uint64_t)LX_CLONE_NEWTIME) || a.flags & LX_CLONE_DETACHED ||
        a.exit_signal > SHIM_SIGNAL_COUNT ||
        (a.flags & (LX_CLONE_THREAD | LX_CLONE_PARENT) && a.exit_signal) ||
        !a.stack != !a.stack_size)
        return -LX_EINVAL;
    const struct request r = {
        .set_tid = a.set_tid,
        .flags = a.flags,
        .exit_signal = (uint32_t)a.exit_signal,
        .stack = a.stack + a.stack_size,
        .parent_tid = a.parent_tid,
        .child_tid = a.child_tid,
        .pidfd = a.pidfd,
        .tls = a.tls,
    };
    return clone(t, &r);
}

int64_t sys_fork(struct shim_task *t)
{
    const struct request r = {.exit_signal = LX_SIGCHLD};
    return clone(t, &r);
}

int64_t sys_vfork(struct shim_task *t)
{
    const struct request r = {.flags = LX_CLONE_VM | LX_CLONE_VFORK, .exit_signal = LX_SIGCHLD};
    return clone(t, &r);
}

/* A descriptor table and directories of its own.  Threads share them, so one alone has none. */
static int unshare_tables(struct shim_process *p, uint64_t flags)
{
    int err = 0;
    if (flags & (LX_CLONE_FILES | LX_CLONE_FS) && p->task_count > 1)
        return -LX_EPERM;
    if (flags & LX_CLONE_FS) {
        struct vfs_fs *own, *old = p->fs;
        err = vfs_fs_clone(old, &own);
        if (err == 0) {
            p->fs = own;
            vfs_fs_put(old);
        }
    }
    return err == 0 && flags & LX_CLONE_FILES ? shim_process_unshare_files(p) : err;
}

int64_t sys_unshare(struct shim_task *t, uint64_t flags)
{
    struct shim_process *p = t->process;
    uint64_t alone = LX_CLONE_THREAD | LX_CLONE_SIGHAND | LX_CLONE_VM;
    if (flags & ~(alone | NAMESPACE_FLAGS | LX_CLONE_FS | LX_CLONE_FILES | LX_CLONE_SYSVSEM))
        return -LX_EINVAL;
    /* unshare(2): these are there only to be refused to those who share them. */
    if (flags & alone && p->task_count > 1)
        return -LX_EINVAL;
    if (flags & NAMESPACE_FLAGS)
        return -LX_EPERM;
    return unshare_tables(p, flags);
}
