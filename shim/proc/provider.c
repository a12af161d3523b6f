/* SPDX-License-Identifier: MIT */
/* Processes, threads and descriptors for /proc, and who may look at them. */

#include "shim/proc.h"

#include <stdatomic.h>

#include "core/mem.h"
#include "lx/capability.h"
#include "lx/errno.h"
#include "lx/fcntl.h"
#include "plat/plat.h"
#include "proc/proc.h"
#include "shim/cpu_clock.h"
#include "shim/dispatch.h"
#include "shim/memory.h"
#include "shim/process.h"
#include "vfs/cred.h"
#include "vfs/fdtable.h"
#include "vfs/file.h"
#include "vfs/inode.h"
#include "vfs/path.h"
#include "vfs/tty.h"

/* ---- Finding them ---- */

/* A thread of a process whose first one has ended; NULL: it has none. */
static struct shim_task *any_task_locked(const struct shim_process *p)
{
    CORE_LIST_FOR_EACH(node, &shim_container()->tasks)
    {
        struct shim_task *t = CORE_LIST_ENTRY(node, struct shim_task, in_table);
        if (t->process == p)
            return t;
    }
    return NULL;
}

/* The number of any thread names its process, too, though only the first one's is listed. */
struct proc_found proc_find_locked(const struct vfs_proc_id *id)
{
    struct shim_task *t = shim_task_find_locked(id->tid ? id->tid : id->pid);
    if (id->tid && t && t->process->pid != id->pid && t->tid != id->pid)
        t = NULL; /* a thread of another process */
    struct shim_process *p = t ? t->process : NULL;
    if (!id->tid && !p) {
        p = shim_process_find_locked(id->pid);
        t = p ? any_task_locked(p) : NULL;
    }
    return (struct proc_found){p, t};
}

static int32_t next_process(int32_t from)
{
    struct shim_container *c = shim_container();
    int32_t best = 0;
    core_lock_acquire(&c->lock);
    CORE_LIST_FOR_EACH(node, &c->processes)
    {
        const struct shim_process *p = CORE_LIST_ENTRY(node, struct shim_process, in_table);
        if (p->pid >= from && (!best || p->pid < best))
            best = p->pid;
    }
    shim_container_release(c);
    return best;
}

static int32_t next_task(int32_t pid, int32_t from)
{
    struct shim_container *c = shim_container();
    int32_t best = 0;
    core_lock_acquire(&c->lock);
    CORE_LIST_FOR_EACH(node, &c->tasks)
    {
        const struct shim_task *t = CORE_LIST_ENTRY(node, struct shim_task, in_table);
        if (t->process->pid == pid && t->tid >= from && (!best || t->tid < best))
            best = t->tid;
    }
    shim_container_release(c);
    return best;
}

static int32_t next(int32_t pid, int32_t from)
{
    return pid ? next_task(pid, from) : next_process(from);
}

static int self(struct vfs_proc_id *id, struct vfs_fs **fs)
{
    const struct shim_task *t = shim_task_self();
    if (!t)
        return -LX_ENOENT;
    *id = (struct vfs_proc_id){t->process->pid, t->tid, 0};
    *fs = t->process->fs;
    return 0;
}

/* ---- Facts ---- */

/* R, S and so on: what the thread does now. */
static char state_of(const struct shim_task *t)
{
    if (t->process->stop_signal && t->has_stopped)
        return 'T';
    if (t == shim_task_self())
        return 'R';
    return atomic_load(&t->sleeper.word) == PLAT_PARK_SLEEPING ? 'S' : 'R';
}

static void copy_signals(struct shim_process *p, const struct shim_task *t, struct proc_facts *f)
{
    core_lock_acquire(&p->signal_lock);
    f->pending = t->pending.set;
    f->shared_pending = p->pending.set;
    f->blocked = t->sigmask;
    for (uint32_t i = 0; i < SHIM_SIGNAL_COUNT; i++) {
        uint64_t handler = p->actions[i].sa_handler;
        f->ignored |= (uint64_t)(handler == LX_SIG_IGN) << i;
        f->caught |= (uint64_t)(handler != LX_SIG_IGN && handler != LX_SIG_DFL) << i;
    }
    core_lock_release(&p->signal_lock);
}

static void copy_identity(struct shim_process *p, struct proc_facts *f)
{
    core_lock_acquire(&p->lock);
    f->cred = p->cred;
    f->cred.groups = NULL;
    f->personality = p->personality;
    memcpy(f->limits, p->limits, sizeof f->limits);
    f->threads = p->task_count;
    f->dumpable = p->dumpable;
    f->no_new_privs = p->no_new_privs;
    core_lock_release(&p->lock);
}

/* What is left of a process without threads; its name is cut from its program's path. */
static void copy_zombie(const struct shim_process *p, struct proc_facts *f)
{
    const char *base = p->exe;
    for (const char *c = base; *c; c++) {
        if (*c == '/' && c[1])
            base = c + 1;
    }
    core_str_copy(f->comm, sizeof f->comm, base);
    f->state = 'Z';
    f->start_ns = plat_uptime_s() * 1000000000ull;
    uint64_t age = plat_clock_now(PLAT_CLOCK_MONOTONIC) - p->start_ns;
    f->start_ns -= age < f->start_ns ? age : f->start_ns;
    f->threads = 1; /* as which it waits */
}

static void copy_task(const struct shim_task *t, struct proc_facts *f)
{
    memcpy(f->comm, t->comm, sizeof f->comm - 1);
    f->state = state_of(t);
    f->start_ns = t->start_ns;
    f->nice = t->nice;
}

static void copy_terminal(struct shim_process *p, struct proc_facts *f)
{
    struct vfs_tty *tty = p->tty;
    f->tty = tty ? (uint32_t)vfs_tty_device(tty) : 0;
    f->tty_group = tty ? vfs_tty_owner(tty)->group : -1;
}

int proc_facts(const struct vfs_proc_id *id, struct proc_facts *f)
{
    struct shim_container *c = shim_container();
    memset(f, 0, sizeof *f);
    core_lock_acquire(&c->lock);
    struct proc_found found = proc_find_locked(id);
    struct shim_process *p = found.process;
    if (p) {
        f->pid = p->pid;
        f->tid = id->tid ? id->tid : id->pid;
        f->ppid = p->ppid;
        f->pgid = p->pgid;
        f->sid = p->sid;
        copy_terminal(p, f);
        const struct vfs_fs *fs = p->fs; /* they go at its end, then with the lock taken */
        struct shim_mm *mm = p->mm;
        f->umask = fs ? fs->umask : 0;
        copy_identity(p, f);
        if (found.task) {
            copy_task(found.task, f);
            copy_signals(p, found.task, f);
        } else {
            copy_zombie(p, f);
        }
        if (mm)
            shim_mm_usage(mm, &f->mapped, &f->committed);
    }
    shim_container_release(c);
    return p ? 0 : -LX_ESRCH;
}

int proc_times(const struct vfs_proc_id *id, struct proc_times *out)
{
    struct shim_container *c = shim_container();
    memset(out, 0, sizeof *out);
    core_lock_acquire(&c->lock); /* the process stays as long */
    struct proc_found found = proc_find_locked(id);
    const struct shim_process *p = found.process;
    if (p) {
        out->children_user_ns = p->children_user_ns;
        out->children_system_ns = p->children_system_ns;
    }
    if (p && p->is_zombie) {
        out->user_ns = p->usage.user_ns;
        out->system_ns = p->usage.system_ns;
    } else if (p && p->host_id && !id->tid) {
        shim_cpu_times(p, &out->user_ns, &out->system_ns);
    } else if (p && p->host_id == plat_process_id() && found.task->host_id) {
        /* Differs from Linux: in another guest host they are known of all threads together. */
        shim_cpu_times_of_task(found.task, &out->user_ns, &out->system_ns);
    }
    shim_container_release(c);
    return p ? 0 : -LX_ESRCH;
}

struct vfs_groups *proc_groups(const struct vfs_proc_id *id)
{
    struct shim_container *c = shim_container();
    struct vfs_groups *groups = NULL;
    core_lock_acquire(&c->lock);
    struct shim_process *p = proc_find_locked(id).process;
    if (p) {
        core_lock_acquire(&p->lock);
        groups = vfs_groups_get(p->cred.groups);
        core_lock_release(&p->lock);
    }
    shim_container_release(c);
    return groups;
}

struct shim_program *proc_program(const struct vfs_proc_id *id)
{
    struct shim_container *c = shim_container();
    core_lock_acquire(&c->lock);
    struct shim_process *p = proc_find_locked(id).process;
    struct shim_program *program = p ? shim_program_get(p) : NULL;
    shim_container_release(c);
    return program;
}

static int owner(const struct vfs_proc_id *id, uint32_t *uid, uint32_t *gid)
{
    struct shim_container *c = shim_container();
    *uid = *gid = 0;
    core_lock_acquire(&c->lock);
    struct shim_process *p = proc_find_locked(id).process;
    if (p && p->dumpable == 1) { /* proc(5): else they are root's */
        *uid = p->cred.euid;
        *gid = p->cred.egid;
    }
    shim_container_release(c);
    return p ? 0 : -LX_ENOENT;
}

/* Source: __ptrace_may_access() in Linux. */
static int may_look(const struct vfs_proc_id *id)
{
    const struct shim_process *me = shim_task_self()->process;
    const struct shim_cred *own = &me->cred;
    struct proc_facts f;
    int err = proc_facts(id, &f);
    if (err < 0)
        return -LX_ENOENT;
    if (f.pid == me->pid || shim_process_capable(me, LX_CAP_SYS_PTRACE))
        return 0;
    const struct shim_cred *its = &f.cred;
    int same = own->fsuid == its->uid && own->fsuid == its->euid && own->fsuid == its->suid &&
               own->fsgid == its->gid && own->fsgid == its->egid && own->fsgid == its->sgid;
    return same && f.dumpable == 1 && !(its->permitted & ~own->effective) ? 0 : -LX_EACCES;
}

/* ---- Files ---- */

static int32_t next_fd(const struct vfs_proc_id *id, int32_t from)
{
    struct shim_container *c = shim_container();
    core_lock_acquire(&c->lock);
    struct shim_process *p = proc_find_locked(id).process;
    struct vfs_fdtable *fds = p ? p->fds : NULL;
    int32_t fd = fds ? vfs_fdtable_next(fds, from) : -1;
    shim_container_release(c);
    return fd;
}

static int file(enum vfs_proc_what what, const struct vfs_proc_id *id, struct vfs_file **out)
{
    struct shim_container *c = shim_container();
    *out = NULL;
    if (what == VFS_PROC_EXE) {
        struct shim_program *program = proc_program(id);
        if (program)
            *out = vfs_file_get(program->exe.file);
        shim_program_put(program);
        return *out ? 0 : -LX_ENOENT;
    }
    core_lock_acquire(&c->lock);
    struct shim_process *p = proc_find_locked(id).process;
    struct vfs_fdtable *fds = p ? p->fds : NULL;
    int err = fds ? vfs_fdtable_get(fds, id->fd, out) : -LX_ENOENT;
    shim_container_release(c);
    return err < 0 ? -LX_ENOENT : 0;
}

static int directory(enum vfs_proc_what what, const struct vfs_proc_id *id, struct vfs_path *out)
{
    struct shim_container *c = shim_container();
    *out = (struct vfs_path){NULL, NULL};
    core_lock_acquire(&c->lock);
    struct shim_process *p = proc_find_locked(id).process;
    struct vfs_fs *fs = p ? p->fs : NULL;
    if (fs)
        vfs_fs_current(fs, what == VFS_PROC_CWD ? &fs->cwd : &fs->root, out);
    shim_container_release(c);
    return out->inode ? 0 : -LX_ENOENT;
}

static int is_private(enum vfs_proc_what what)
{
    return what == VFS_PROC_ENVIRON || what == VFS_PROC_AUXV || what == VFS_PROC_MAPS ||
           what == VFS_PROC_SMAPS || what == VFS_PROC_SMAPS_ROLLUP ||
           what == VFS_PROC_PERSONALITY || what == VFS_PROC_IO || what == VFS_PROC_FDINFO_FILE;
}

static int render(enum vfs_proc_what what, const struct vfs_proc_id *id, struct vfs_text *t)
{
    int err = is_private(what) ? may_look(id) : 0;
    if (err < 0)
        return err == -LX_ENOENT ? -LX_ESRCH : err;
    proc_render make = proc_net_render(what);
    if (!make)
        make = id->pid ? proc_process_render(what) : proc_system_render(what);
    return make ? make(id, t) : -LX_EINVAL;
}

/* ---- Writing ---- */

static int64_t write_comm(const struct vfs_proc_id *id, const char *text, uint64_t size)
{
    struct shim_container *c = shim_container();
    char comm[SHIM_COMM_SIZE] = "";
    uint64_t length = 0;
    while (length < size && length < sizeof comm - 1 && text[length])
        length++; /* with an end of line, if there is one, as Linux does */
    memcpy(comm, text, length);
    core_lock_acquire(&c->lock);
    struct shim_task *t = proc_find_locked(id).task;
    int64_t result = !t ? -LX_ESRCH : t->process == shim_task_self()->process ? 0 : -LX_EINVAL;
    if (result == 0)
        memcpy(t->comm, comm, sizeof comm);
    shim_container_release(c);
    return result;
}

/* A decimal number in [low, high], with an end of line or without. */
static int64_t number_in(const char *text, uint64_t size, int64_t low, int64_t high, int64_t *out)
{
    uint64_t i = 0;
    int negative = i < size && text[i] == '-';
    int64_t n = 0;
    i += (uint64_t)negative;
    if (i == size)
        return -LX_EINVAL;
    for (; i < size && text[i] != '\n' && text[i]; i++) {
        if (text[i] < '0' || text[i] > '9' || n > INT32_MAX)
            return -LX_EINVAL;
        n = n * 10 + (text[i] - '0');
    }
    *out = negative ? -n : n;
    return *out < low || *out > high ? -LX_EINVAL : 0;
}

/* Kept and shown; nobody runs out of memory in an order here. */
static int64_t write_oom(const struct vfs_proc_id *id, const char *text, uint64_t size)
{
    struct shim_container *c = shim_container();
    int64_t n, result = number_in(text, size, -1000, 1000, &n);
    if (result < 0)
        return result;
    core_lock_acquire(&c->lock);
    struct shim_process *p = proc_find_locked(id).process;
    if (!p)
        result = -LX_ESRCH;
    else if (n < p->oom_score_adj && !shim_capable(shim_task_self(), LX_CAP_SYS_RESOURCE))
        result = -LX_EACCES; /* proc(5): CAP_SYS_RESOURCE */
    else
        p->oom_score_adj = (int32_t)n;
    shim_container_release(c);
    return result;
}

static int64_t write(enum vfs_proc_what what, const struct vfs_proc_id *id, const char *text,
                     uint64_t size)
{
    switch (what) {
    case VFS_PROC_COMM:
        return write_comm(id, text, size);
    case VFS_PROC_OOM_SCORE_ADJ:
        return write_oom(id, text, size);
    case VFS_PROC_LOGINUID:
        return -LX_EPERM; /* there is no audit to log in with */
    default:
        return -LX_EINVAL;
    }
}

void shim_proc_init(void)
{
    static const struct vfs_proc_provider provider = {
        .self = self,
        .next = next,
        .next_fd = next_fd,
        .owner = owner,
        .may_look = may_look,
        .file = file,
        .directory = directory,
        .render = render,
        .write = write,
    };
    vfs_proc_set_provider(&provider);
    vfs_set_clock(shim_time_realtime);
    vfs_sys_set_provider(proc_sys_render);
}
