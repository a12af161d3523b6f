/* SPDX-License-Identifier: MIT */
/* pidfd_open(2), pidfd_getfd(2); what other handlers want of pidfds. */

#include "lx/pidfd.h"

#include "lx/capability.h"
#include "lx/errno.h"
#include "shim/cred.h"
#include "shim/process.h"
#include "shim/syscall.h"
#include "sys/file.h"
#include "sys/pidfd.h"
#include "vfs/proc.h"

int sys_pidfd_get(struct shim_task *t, int32_t fd, struct vfs_file **out)
{
    int err = vfs_fdtable_get(t->process->fds, fd, out);
    if (err == 0 && (*out)->kind != VFS_FILE_PIDFD) {
        vfs_file_put(*out);
        *out = NULL;
        err = -LX_EBADF;
    }
    return err;
}

struct sys_pidfd_target sys_pidfd_find_locked(const struct vfs_pidfd *p)
{
    struct sys_pidfd_target found = {NULL, NULL};
    if (p->state & VFS_PIDFD_GONE)
        return found; /* its id may be another's */
    found.task = shim_task_find_locked(p->id);
    found.process = found.task ? found.task->process : shim_process_find_locked(p->id);
    return found;
}

/* A file of a process or a thread, which the lock keeps meanwhile. */
static int open_locked(struct shim_process *p, struct shim_task *t, uint32_t flags,
                       struct vfs_file **out)
{
    struct vfs_pidfd *record = shim_process_pidfd_locked(p, t);
    return record ? vfs_pidfd_open(record, flags, out) : -LX_ENOMEM;
}

int sys_pidfd_get_any(struct shim_task *t, int32_t fd, struct vfs_file **out)
{
    struct shim_container *c = shim_container();
    struct vfs_file *file;
    int err = vfs_fdtable_get(t->process->fds, fd, &file);
    *out = file;
    if (err < 0 || file->kind == VFS_FILE_PIDFD)
        return err;
    int32_t pid = vfs_proc_process(file);
    vfs_file_put(file);
    *out = NULL;
    if (!pid)
        return -LX_EBADF;
    core_lock_acquire(&c->lock);
    struct shim_process *p = shim_process_find_locked(pid);
    err = p ? open_locked(p, NULL, 0, out) : -LX_ESRCH;
    shim_container_release(c);
    return err;
}

int64_t sys_pidfd_open(struct shim_task *t, int32_t pid, uint32_t flags)
{
    struct shim_container *c = shim_container();
    struct vfs_file *file;
    if (flags & ~(uint32_t)(LX_PIDFD_NONBLOCK | LX_PIDFD_THREAD) || pid <= 0)
        return -LX_EINVAL;
    int err = -LX_ESRCH;
    core_lock_acquire(&c->lock);
    struct shim_process *p = shim_process_find_locked(pid);
    struct shim_task *thread = p ? NULL : shim_task_find_locked(pid);
    if (p)
        err = open_locked(p, NULL, flags, &file);
    else if (thread && flags & LX_PIDFD_THREAD)
        err = open_locked(thread->process, thread, flags, &file);
    else if (thread)
        err = -LX_EINVAL; /* Linux 6.12; ENOENT since 6.15 */
    shim_container_release(c);
    return err < 0 ? err : sys_install(t, file, VFS_FD_CLOEXEC);
}

int64_t sys_pidfd_of_child(struct shim_task *t, struct shim_task *child, int is_thread, lx_uptr to)
{
    struct shim_container *c = shim_container();
    struct vfs_file *file;
    core_lock_acquire(&c->lock);
    int err = open_locked(child->process, child, is_thread ? LX_PIDFD_THREAD : 0, &file);
    shim_container_release(c);
    if (err < 0)
        return err;
    int64_t result = sys_install(t, file, VFS_FD_CLOEXEC);
    int32_t fd = (int32_t)result;
    if (result >= 0)
        err = shim_copy_out(to, &fd, sizeof fd);
    if (err == 0)
        return result;
    sys_take_back(t, result);
    return err;
}

/* ptrace(2), "Ptrace access mode checking", PTRACE_MODE_ATTACH_REALCREDS. */
static int may_attach(const struct shim_process *from, const struct shim_process *to)
{
    const struct shim_cred *a = &from->cred, *b = &to->cred;
    if (from == to || shim_process_capable(from, LX_CAP_SYS_PTRACE))
        return 1;
    return a->uid == b->euid && a->uid == b->suid && a->uid == b->uid && a->gid == b->egid &&
           a->gid == b->sgid && a->gid == b->gid && (to->dumpable || to->is_zombie) &&
           !(b->permitted & ~a->permitted);
}

static int get_file_locked(const struct shim_process *self, const struct vfs_pidfd *of, int32_t fd,
                           struct vfs_file **out)
{
    struct shim_process *p = sys_pidfd_find_locked(of).process;
    *out = NULL;
    if (!p)
        return -LX_ESRCH;
    if (!may_attach(self, p))
        return -LX_EPERM;
    return p->fds ? vfs_fdtable_get(p->fds, fd, out) : -LX_ESRCH;
}

int64_t sys_pidfd_getfd(struct shim_task *t, int32_t pidfd, int32_t fd, uint32_t flags)
{
    struct shim_container *c = shim_container();
    struct vfs_file *file, *of;
    if (flags)
        return -LX_EINVAL;
    int err = sys_pidfd_get(t, pidfd, &of);
    if (err < 0)
        return err;
    core_lock_acquire(&c->lock);
    err = get_file_locked(t->process, of->pidfd, fd, &file);
    shim_container_release(c);
    vfs_file_put(of);
    return err < 0 ? err : sys_install(t, file, VFS_FD_CLOEXEC);
}
