/* SPDX-License-Identifier: MIT */
/* The tree of processes: beginnings, ends, and what parents hear of them. */

#include "shim/process.h"

#include <stdatomic.h>

#include "core/arena.h"
#include "core/mem.h"
#include "lx/errno.h"
#include "lx/prctl.h"
#include "lx/sched.h"
#include "lx/signal.h"
#include "lx/wait.h"
#include "plat/plat.h"
#include "shim/cpu_clock.h"
#include "shim/host.h"
#include "shim/limit.h"
#include "shim/memory.h"
#include "shim/program.h"
#include "shim/signal.h"
#include "shim/task.h"
#include "shim/terminal.h"
#include "vfs/fdtable.h"
#include "vfs/path.h"
#include "vfs/pidfd.h"
#include "vfs/tty.h"

#define NS_PER_TICK 10000000ull /* si_utime counts 100 to a second */

static struct shim_process *process_alloc(void)
{
    struct shim_process *p = core_arena_alloc(sizeof *p);
    if (!p)
        return NULL;
    core_lock_init(&p->signal_lock, CORE_LOCK_SIGNALS);
    core_lock_init(&p->lock, CORE_LOCK_PROCESS);
    core_list_init(&p->tasks);
    core_list_init(&p->pending.queue);
    core_list_init(&p->children);
    core_list_init(&p->sibling);
    core_list_init(&p->in_table);
    shim_timers_init(p);
    core_waitq_init(&p->child_wait);
    p->start_ns = plat_clock_now(PLAT_CLOCK_MONOTONIC);
    return p;
}

static void process_free(struct shim_process *p)
{
    shim_signal_flush_process(p);
    vfs_pidfd_tell(p->pidfd, VFS_PIDFD_ENDED | VFS_PIDFD_GONE);
    vfs_pidfd_put(p->pidfd);
    vfs_tty_put(p->tty);
    shim_cred_free(p);
    core_arena_free(p, sizeof *p);
}

static struct shim_process **bucket_of(struct shim_container *c, int32_t pid)
{
    return &c->pids[(uint32_t)pid % SHIM_PID_BUCKETS];
}

static void enter_table_locked(struct shim_container *c, struct shim_process *p)
{
    struct shim_process **bucket = bucket_of(c, p->pid);
    p->next_pid = *bucket;
    *bucket = p;
    core_list_add(&c->processes, &p->in_table);
    c->process_count++;
    c->processes_begun++;
}

static void leave_table_locked(struct shim_container *c, struct shim_process *p)
{
    struct shim_process **link = bucket_of(c, p->pid);
    while (*link != p)
        link = &(*link)->next_pid;
    *link = p->next_pid;
    core_list_remove(&p->in_table);
    c->process_count--;
}

struct shim_process *shim_process_find_locked(int32_t pid)
{
    struct shim_process *p = *bucket_of(shim_container(), pid);
    while (p && p->pid != pid)
        p = p->next_pid;
    return p;
}

int shim_process_lives(int32_t pid)
{
    struct shim_container *c = shim_container();
    core_lock_acquire(&c->lock);
    const struct shim_process *p = shim_process_find_locked(pid);
    int lives = p && !p->is_zombie;
    shim_container_release(c);
    return lives;
}

uint32_t shim_process_kill_others(void)
{
    struct shim_container *c = shim_container();
    struct lx_siginfo info;
    uint32_t left = 0;
    memset(&info, 0, sizeof info);
    info.si_signo = LX_SIGKILL;
    info.si_code = LX_SI_KERNEL;
    core_lock_acquire(&c->lock);
    CORE_LIST_FOR_EACH(node, &c->processes)
    {
        struct shim_process *p = CORE_LIST_ENTRY(node, struct shim_process, in_table);
        if (p->pid == 1 || p->is_zombie)
            continue;
        left++;
        if (shim_signal_send_process_locked(p, &info) < 0)
            continue; /* no memory: the next time */
    }
    shim_container_release(c);
    return left;
}

int shim_process_new(struct shim_process **out, struct shim_task **task)
{
    struct shim_container *c = shim_container();
    struct shim_process *p = process_alloc();
    *task = NULL;
    *out = p;
    if (!p)
        return -LX_ENOMEM;
    p->dumpable = 1;
    p->mce_kill = LX_PR_MCE_KILL_DEFAULT;
    shim_cred_init(&p->cred);
    shim_limits_init(p->limits);
    int err = shim_mm_new(&p->mm);
    if (err == 0)
        err = vfs_fdtable_new(SHIM_FILES_MAX, &p->fds);
    if (err == 0)
        err = shim_task_new(p, task);
    if (err < 0) {
        vfs_fdtable_free(p->fds);
        shim_mm_put(p->mm);
        process_free(p);
        *out = NULL;
        return err;
    }
    p->pid = (*task)->tid;
    p->pgid = p->pid;
    p->sid = p->pid;
    core_lock_acquire(&c->lock);
    enter_table_locked(c, p);
    shim_container_release(c);
    return 0;
}

/* ---- fork ---- */

static void inherit_actions(struct shim_process *child, struct shim_process *p)
{
    core_lock_acquire(&p->signal_lock);
    memcpy(child->actions, p->actions, sizeof child->actions);
    core_lock_release(&p->signal_lock);
}

/* What a child has from its parent by value. */
static void inherit(struct shim_process *child, struct shim_process *p)
{
    shim_cred_copy(child, p);
    core_lock_acquire(&p->lock);
    memcpy(child->exe, p->exe, sizeof child->exe);
    child->vdso_has_clock = p->vdso_has_clock;
    core_lock_release(&p->lock);

    inherit_actions(child, p);
}

/* clone(2), CLONE_CLEAR_SIGHAND: handlers are gone, what is ignored stays so. */
static void clear_handlers(struct shim_process *p)
{
    for (uint32_t i = 0; i < SHIM_SIGNAL_COUNT; i++) {
        if (p->actions[i].sa_handler != LX_SIG_IGN)
            memset(&p->actions[i], 0, sizeof p->actions[i]);
    }
}

/* Tables that are copied, or shared with CLONE_FILES, CLONE_FS, CLONE_VM. */
static int inherit_tables(struct shim_process *child, struct shim_process *p, uint64_t flags)
{
    int err = 0;
    if (flags & LX_CLONE_FILES)
        child->fds = p->fds;
    else
        err = vfs_fdtable_clone(p->fds, &child->fds);
    if (err == 0 && flags & LX_CLONE_FS)
        child->fs = vfs_fs_get(p->fs);
    else if (err == 0)
        err = vfs_fs_clone(p->fs, &child->fs);
    if (err == 0 && flags & LX_CLONE_VM)
        child->mm = shim_mm_get(p->mm);
    return err;
}

static void drop_tables(struct shim_process *p, const struct vfs_fdtable *shared)
{
    if (p->fds != shared)
        vfs_fdtable_free(p->fds);
    vfs_fs_put(p->fs);
    shim_mm_put(p->mm);
    shim_program_drop(p);
}

int shim_process_fork(struct shim_task *t, uint64_t flags, uint32_t exit_signal,
                      struct shim_task **child)
{
    struct shim_process *parent = t->process, *p = process_alloc();
    *child = NULL;
    if (!p)
        return -LX_ENOMEM;
    inherit(p, parent);
    p->oom_score_adj = parent->oom_score_adj;
    shim_program_share(p, parent);
    if (flags & LX_CLONE_CLEAR_SIGHAND)
        clear_handlers(p);
    if (flags & LX_CLONE_SIGHAND) {
        uint64_t none = 0;
        atomic_compare_exchange_strong(&parent->shares_actions, &none, core_arena_unique());
        p->shares_actions = parent->shares_actions;
    }
    p->exit_signal = exit_signal;
    int err = inherit_tables(p, parent, flags);
    if (err == 0)
        err = shim_task_new(p, child);
    if (err < 0) {
        drop_tables(p, parent->fds);
        process_free(p);
        return err;
    }
    p->pid = (*child)->tid;
    shim_limit_inherit(*child, t);
    memcpy((*child)->comm, t->comm, sizeof t->comm);
    (*child)->sigmask = t->sigmask;
    if (!(flags & LX_CLONE_VM) || flags & LX_CLONE_VFORK)
        (*child)->altstack = t->altstack;
    return 0;
}

/* As Linux, without saying who sent them. */
static void take_group_signals_locked(struct shim_process *child, uint64_t set)
{
    for (; set; set &= set - 1) {
        struct lx_siginfo info;
        memset(&info, 0, sizeof info);
        info.si_signo = __builtin_ctzll(set) + 1;
        int err = shim_signal_send_process_locked(child, &info);
        (void)err; /* a real-time one may be lost */
    }
}

void shim_process_publish_locked(struct shim_task *parent, struct shim_task *child, uint64_t flags)
{
    struct shim_process *p = child->process, *of = parent->process;
    p->parent_tid = parent->tid;
    if (flags & LX_CLONE_PARENT && of->parent) {
        p->parent_tid = of->parent_tid;
        p->exit_signal = of->exit_signal; /* whatever was asked for: copy_process() in Linux */
        of = of->parent;
    }
    p->pgid = parent->process->pgid;
    p->sid = parent->process->sid;
    shim_terminal_share_locked(p, parent->process);
    p->parent = of;
    p->ppid = of->pid;
    core_list_add(&of->children, &p->sibling);
    enter_table_locked(shim_container(), p);
    if (p->shares_actions)
        inherit_actions(p, parent->process); /* as they are from now on */
    take_group_signals_locked(p, parent->group_signals);
}

int shim_process_unshare_files(struct shim_process *p)
{
    struct shim_container *c = shim_container();
    struct vfs_fdtable *own, *old = p->fds;
    if (vfs_fdtable_users(old) == 1)
        return 0;
    int err = vfs_fdtable_clone(old, &own);
    if (err < 0)
        return err;
    vfs_fdtable_add_user(own);
    core_lock_acquire(&c->lock);
    p->fds = own;
    if (vfs_fdtable_remove_user(old))
        old = NULL;
    shim_container_release(c);
    vfs_fdtable_free(old); /* the others have left it meanwhile */
    return 0;
}

struct vfs_pidfd *shim_process_pidfd_locked(struct shim_process *p, struct shim_task *t)
{
    int is_thread = t && t->tid != p->pid;
    struct vfs_pidfd **at = is_thread ? &t->pidfd : &p->pidfd;
    if (!*at) {
        *at = vfs_pidfd_new(is_thread ? t->tid : p->pid);
        if (*at && !is_thread && p->is_zombie)
            vfs_pidfd_tell(*at, VFS_PIDFD_ENDED);
    }
    return *at;
}

/* The parent's thread in vfork(2), if it still waits, goes on. */
static void end_vfork_locked(struct shim_process *p)
{
    struct shim_task *t = p->vfork_tid ? shim_task_find_locked(p->vfork_tid) : NULL;
    p->vfork_tid = 0;
    if (t) {
        atomic_store(&t->in_vfork, 0);
        core_sleeper_wake_later(&t->sleeper, &shim_container()->wakes);
    }
}

void shim_process_retract(struct shim_task *child)
{
    struct shim_container *c = shim_container();
    struct shim_process *p = child->process;
    core_lock_acquire(&c->lock);
    leave_table_locked(c, p);
    core_list_remove(&p->sibling);
    end_vfork_locked(p);
    shim_container_release(c);
    shim_process_abandon(child);
}

void shim_process_abandon(struct shim_task *child)
{
    struct shim_container *c = shim_container();
    struct shim_process *p = child->process;
    shim_task_abandon(child);
    shim_program_drop(p);
    vfs_fs_put(p->fs);
    shim_mm_put(p->mm);
    core_lock_acquire(&c->lock);
    c->task_count--;
    shim_container_release(c);
    process_free(p);
}

/* ---- The end ---- */

/* Differs from Linux: memory that was reserved counts as used, for to ask the host costs more. */
static void note_peak(struct shim_process *p)
{
    uint64_t peak = p->mm ? shim_mm_peak(p->mm) : 0;
    if (p->usage.peak_size < peak)
        p->usage.peak_size = peak;
}

static void note_usage(struct shim_process *p)
{
    uint64_t lived = plat_clock_now(PLAT_CLOCK_MONOTONIC) - p->start_ns;
    if (lived < plat_process_tick() / 8) /* the host would say 0, or a tick */
        p->usage.user_ns = lived;
    else
        shim_cpu_times(p, &p->usage.user_ns, &p->usage.system_ns);
    note_peak(p);
}

void shim_process_drop_mm(struct shim_process *p)
{
    struct shim_container *c = shim_container();
    struct shim_mm *mm = p->mm;
    note_peak(p);
    shim_mm_end_views(mm);
    core_lock_acquire(&c->lock);
    p->mm = NULL;
    end_vfork_locked(p);
    shim_container_release(c);
    shim_mm_put(mm);
}

/* Who gets the children of `p`: the nearest subreaper that lives, else the first process. */
static struct shim_process *reaper_of_locked(const struct shim_process *p)
{
    struct shim_process *r = p->parent;
    while (r && !(r->subreaper && !r->is_zombie && !r->exiting))
        r = r->parent;
    return r ? r : shim_process_find_locked(1);
}

/*
 * Is every member of a group without a parent outside of it, in the same session?  The container's
 * first process is such a parent: only the machine's own is not.  (A shell may be it.)
 *   but      is not counted: it ends.
 */
static int is_orphaned_locked(int32_t pgid, const struct shim_process *but, int *has_stopped)
{
    struct shim_container *c = shim_container();
    int members = 0;
    *has_stopped = 0;
    CORE_LIST_FOR_EACH(node, &c->processes)
    {
        const struct shim_process *p = CORE_LIST_ENTRY(node, struct shim_process, in_table);
        if (p->pgid != pgid || p == but || p->is_zombie)
            continue;
        members++;
        *has_stopped |= p->stop_signal && !p->running_count;
        const struct shim_process *parent = p->parent;
        if (parent && parent != but && parent->pgid != pgid && parent->sid == p->sid)
            return 0;
    }
    return members > 0;
}

int shim_process_is_orphaned_locked(const struct shim_process *p)
{
    int has_stopped;
    return is_orphaned_locked(p->pgid, NULL, &has_stopped);
}

static void send_kernel_locked(struct shim_process *p, int32_t sig)
{
    struct lx_siginfo info;
    shim_signal_of_kernel(&info, sig);
    int err = shim_signal_send_process_locked(p, &info);
    (void)err; /* no real-time signal is sent so: they are not refused */
}

/*
 * setpgid(2): a group with stopped members that has become orphaned is told to go on, or nobody
 * ever would.  It was none as long as `p`, a member, had a parent in another group of the session.
 *   parent   that it has lost, or that loses it.
 *   but      is not counted: it ends.
 */
static void revive_orphans_locked(const struct shim_process *p, const struct shim_process *parent,
                                  const struct shim_process *but)
{
    struct shim_container *c = shim_container();
    int32_t pgid = p->pgid;
    int has_stopped;
    if (!parent || parent->pgid == pgid || parent->sid != p->sid)
        return;
    if (!is_orphaned_locked(pgid, but, &has_stopped) || !has_stopped)
        return;
    CORE_LIST_FOR_EACH(node, &c->processes)
    {
        struct shim_process *member = CORE_LIST_ENTRY(node, struct shim_process, in_table);
        if (member->pgid != pgid || member == but || member->is_zombie)
            continue;
        send_kernel_locked(member, LX_SIGHUP);
        send_kernel_locked(member, LX_SIGCONT);
    }
}

void shim_process_reap_locked(struct shim_process *p)
{
    struct shim_container *c = shim_container();
    leave_table_locked(c, p);
    core_list_remove(&p->sibling);
    c->task_count--;
    process_free(p);
}

void shim_process_tell_parent_locked(struct shim_process *p, int32_t code, int32_t status)
{
    struct shim_process *parent = p->parent;
    if (!parent)
        return;
    core_lock_acquire(&parent->signal_lock);
    const struct lx_sigaction action = parent->actions[LX_SIGCHLD - 1];
    core_lock_release(&parent->signal_lock);
    int is_end = code == LX_CLD_EXITED || code == LX_CLD_KILLED || code == LX_CLD_DUMPED;
    int32_t sig = is_end ? (int32_t)p->exit_signal : LX_SIGCHLD;
    /* Ignored it is not even pending, blocked or not; as in Linux. */
    int refused = sig == LX_SIGCHLD && (action.sa_handler == LX_SIG_IGN ||
                                        (!is_end && action.sa_flags & LX_SA_NOCLDSTOP));
    if (sig && !refused) {
        struct lx_siginfo info;
        memset(&info, 0, sizeof info);
        info.si_signo = sig;
        info.si_code = code;
        info.si_pid = p->pid;
        info.si_uid = p->cred.uid;
        info.si_status = status;
        info.si_utime = (int64_t)(p->usage.user_ns / NS_PER_TICK);
        info.si_stime = (int64_t)(p->usage.system_ns / NS_PER_TICK);
        int err = shim_signal_send_process_locked(parent, &info);
        (void)err; /* a real-time exit signal may be lost: as Linux */
    }
    core_waitq_wake_later(&parent->child_wait, ~0u, UINT32_MAX, &shim_container()->wakes);
}

/* wait(2): nobody is to wait for it, because the parent said so beforehand. */
static int is_unwanted_locked(struct shim_process *p)
{
    struct shim_process *parent = p->parent;
    if (!parent)
        return 1;
    if (p->exit_signal != LX_SIGCHLD)
        return 0;
    core_lock_acquire(&parent->signal_lock);
    const struct lx_sigaction *a = &parent->actions[LX_SIGCHLD - 1];
    int unwanted = a->sa_handler == LX_SIG_IGN || a->sa_flags & LX_SA_NOCLDWAIT;
    core_lock_release(&parent->signal_lock);
    return unwanted;
}

static void tell_of_end_locked(struct shim_process *p)
{
    uint32_t status = p->exit_code, sig = status & 0x7f;
    int32_t code = !sig ? LX_CLD_EXITED : status & LX_WCOREFLAG ? LX_CLD_DUMPED : LX_CLD_KILLED;
    int unwanted = is_unwanted_locked(p);
    shim_process_tell_parent_locked(p, code, (int32_t)(sig ? sig : status >> 8 & 0xff));
    if (unwanted)
        shim_process_reap_locked(p);
}

/* prctl(2), PR_SET_PDEATHSIG: `from` ends, or a thread of it does. */
static void send_death_signal_locked(struct shim_process *child, const struct shim_process *from)
{
    if (!child->death_signal || child->is_zombie)
        return;
    struct lx_siginfo info;
    memset(&info, 0, sizeof info);
    info.si_signo = child->death_signal;
    info.si_code = LX_SI_USER;
    info.si_pid = from->pid;
    info.si_uid = from->cred.uid;
    int err = shim_signal_send_process_locked(child, &info);
    (void)err; /* a real-time one may be lost: as Linux */
}

/* The tid of a thread that can take children; 0: there is none. */
static int32_t first_tid(struct shim_process *p)
{
    core_lock_acquire(&p->lock);
    int32_t tid = core_list_is_empty(&p->tasks)
                      ? 0
                      : CORE_LIST_ENTRY(p->tasks.next, struct shim_task, in_process)->tid;
    core_lock_release(&p->lock);
    return tid;
}

void shim_process_pass_children_locked(struct shim_process *p, int32_t tid)
{
    int32_t to = first_tid(p);
    CORE_LIST_FOR_EACH(node, &p->children)
    {
        struct shim_process *child = CORE_LIST_ENTRY(node, struct shim_process, sibling);
        if (child->parent_tid != tid)
            continue;
        child->parent_tid = to;
        send_death_signal_locked(child, p);
    }
}

static void give_children_away_locked(struct shim_process *p)
{
    struct shim_process *reaper = reaper_of_locked(p);
    CORE_LIST_FOR_EACH_SAFE(node, &p->children)
    {
        struct shim_process *child = CORE_LIST_ENTRY(node, struct shim_process, sibling);
        core_list_remove(node);
        child->parent = reaper;
        child->ppid = reaper->pid;
        child->parent_tid = first_tid(reaper);
        child->exit_signal = LX_SIGCHLD;
        core_list_add(&reaper->children, node);
        send_death_signal_locked(child, p);
        if (child->is_zombie)
            tell_of_end_locked(child);
        else
            revive_orphans_locked(child, p, p);
    }
}

void shim_process_settle_code(struct shim_process *p)
{
    uint32_t running = 0;
    if (atomic_compare_exchange_strong(&p->exiting, &running, 1))
        p->exit_code = p->leader_status;
}

void shim_process_end(struct shim_process *p)
{
    struct shim_container *c = shim_container();
    struct shim_mm *mm = p->mm;
    struct vfs_fs *fs = p->fs;
    shim_timers_fini(p);
    note_usage(p);
    shim_program_drop(p);
    shim_mm_end_views(mm);
    core_lock_acquire(&c->lock);
    p->mm = NULL;
    p->fs = NULL;
    shim_container_release(c);
    /* What keeps a mount busy goes before anybody hears of the end: umount(2) may follow. */
    vfs_fs_put(fs);
    if (shim_mm_uses_mounts(mm)) {
        shim_mm_put(mm);
        mm = NULL;
    }
    core_lock_acquire(&c->lock);
    end_vfork_locked(p);
    shim_terminal_end_locked(p);
    give_children_away_locked(p);
    revive_orphans_locked(p, p->parent, p);
    p->is_zombie = 1;
    p->ending = NULL;
    p->stop_signal = 0;
    shim_host_clean_locked();
    vfs_pidfd_tell(p->pidfd, VFS_PIDFD_ENDED);
    tell_of_end_locked(p);
    shim_container_release(c);
    shim_mm_put(mm); /* the parent may go on meanwhile */
}
