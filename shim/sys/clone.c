/* SPDX-License-Identifier: MIT */
/* clone(2), clone3(2): threads. New processes come with a later version. */

#include "core/mem.h"
#include "lx/errno.h"
#include "lx/sched.h"
#include "plat/plat.h"
#include "plat/thread.h"
#include "shim/syscall.h"
#include "shim/task.h"
#include "shim/user.h"

#define THREAD_FLAGS \
    (LX_CLONE_VM | LX_CLONE_FS | LX_CLONE_FILES | LX_CLONE_SIGHAND | LX_CLONE_THREAD)
#define OPTIONAL_FLAGS                                                                       \
    (LX_CLONE_SYSVSEM | LX_CLONE_SETTLS | LX_CLONE_PARENT_SETTID | LX_CLONE_CHILD_CLEARTID | \
     LX_CLONE_CHILD_SETTID | LX_CLONE_DETACHED | LX_CLONE_UNTRACED | LX_CLONE_PTRACE |       \
     LX_CLONE_IO)

/* What the new thread starts with; lives in the parent's frame until it has taken it. */
struct start {
    struct shim_task *child;
    struct plat_regs regs;
    uint64_t flags, tls;
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
        core_sleeper_wake(&parent->sleeper);
    core_lock_release(&c->lock);
}

static void run(void *arg, struct plat_thread *thread)
{
    struct start *s = arg;
    struct shim_task *t = s->child;
    t->plat = thread;
    thread->regs = s->regs;
    thread->fs_mode = s->fs_mode;
    thread->exit_work = 1;
    plat_thread_copy_vectors(thread, s->parent);
    shim_task_set_tp(t, s->tls);
    lx_uptr child_tid = s->flags & LX_CLONE_CHILD_SETTID ? s->child_tid : 0;
    let_go(s);

    if (child_tid) {
        int err = shim_copy_out(child_tid, &t->tid, sizeof t->tid);
        (void)err; /* as Linux: the thread lives on */
    }
    shim_task_run(t);
}

/* The flags that make a thread, and nothing that is not there yet. */
static int check_flags(uint64_t flags)
{
    if (flags & LX_CLONE_SIGHAND && !(flags & LX_CLONE_VM))
        return -LX_EINVAL;
    if (flags & LX_CLONE_THREAD && !(flags & LX_CLONE_SIGHAND))
        return -LX_EINVAL;
    if ((flags & THREAD_FLAGS) != THREAD_FLAGS)
        return -LX_ENOSYS;
    return flags & ~(uint64_t)(THREAD_FLAGS | OPTIONAL_FLAGS) ? -LX_EINVAL : 0;
}

static int64_t clone_thread(struct shim_task *t, uint64_t flags, lx_uptr stack, lx_uptr parent_tid,
                            lx_uptr child_tid, uint64_t tls)
{
    int err = check_flags(flags);
    if (err < 0)
        return err;
    if (!stack)
        return -LX_EINVAL;
    if (flags & LX_CLONE_SETTLS && tls >> 47)
        return -LX_EPERM; /* as arch_prctl(2): no thread pointer lies there */

    struct shim_task *child;
    err = shim_task_new(t->process, &child);
    if (err < 0)
        return err;
    memcpy(child->comm, t->comm, sizeof child->comm);
    child->sigmask = t->sigmask;
    if (flags & LX_CLONE_CHILD_CLEARTID)
        child->clear_child_tid = child_tid;
    int32_t tid = child->tid;
    if (flags & LX_CLONE_PARENT_SETTID) {
        err = shim_copy_out(parent_tid, &tid, sizeof tid);
        if (err < 0)
            goto failed;
    }

    plat_gate(); /* the child starts with the parent's vector state */
    struct start s = {
        .child = child,
        .regs = t->plat->regs,
        .flags = flags,
        .tls = flags & LX_CLONE_SETTLS ? tls : t->plat->guest_fs,
        .child_tid = child_tid,
        .fs_mode = t->plat->fs_mode,
        .parent = t->plat,
        .parent_tid = t->tid,
    };
    s.regs.rax = 0;
    s.regs.rsp = stack;
    err = plat_thread_start(run, &s);
    if (err < 0)
        goto failed;
    while (!s.taken) {
        /* A signal may come in between: it is delivered when the call ends. */
        if (core_sleep(&t->sleeper, 0, PLAT_FOREVER) == -LX_EINTR)
            plat_thread_yield(0);
    }
    return tid;

failed:
    shim_task_free(child);
    return err;
}

int64_t sys_clone(struct shim_task *t, uint64_t flags, lx_uptr stack, lx_uptr parent_tid,
                  lx_uptr child_tid, uint64_t tls)
{
    return clone_thread(t, flags & ~(uint64_t)LX_CSIGNAL, stack, parent_tid, child_tid, tls);
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
    if (a.flags & (LX_CSIGNAL | LX_CLONE_DETACHED) || a.exit_signal > LX_CSIGNAL ||
        (a.flags & LX_CLONE_THREAD && a.exit_signal) || !a.stack != !a.stack_size)
        return -LX_EINVAL;
    if (a.set_tid_size)
        return -LX_EPERM;
    return clone_thread(t, a.flags, a.stack + a.stack_size, a.parent_tid, a.child_tid, a.tls);
}
