/* SPDX-License-Identifier: MIT */
/*
 * Owners of open files: fcntl(2), F_SETOWN and what belongs to it.
 * Differs from Linux: an owner is known by his number, which may be another's after him.
 */

#include "vfs/owner.h"
#include "lx/errno.h"
#include "lx/fcntl.h"
#include "shim/process.h"
#include "shim/syscall.h"
#include "sys/file.h"
#include "vfs/tty.h"

/* Is there a task, process or group of this number? */
static int exists(int32_t id)
{
    struct shim_container *c = shim_container();
    core_lock_acquire(&c->lock);
    int found = shim_task_find_locked(id) || shim_process_find_locked(id);
    CORE_LIST_FOR_EACH(node, &c->processes)
    {
        found |= CORE_LIST_ENTRY(node, struct shim_process, in_table)->pgid == id;
    }
    shim_container_release(c);
    return found;
}

static void put_owner(struct shim_task *t, struct vfs_file *file, uint8_t type, int32_t id)
{
    vfs_owner_set(file, &(struct vfs_owner){.id = id,
                                            .type = type,
                                            .uid = t->process->cred.uid,
                                            .euid = t->process->cred.euid});
}

static int64_t set_owner(struct shim_task *t, struct vfs_file *file, uint8_t type, int32_t id)
{
    if (id && !exists(id))
        return -LX_ESRCH;
    put_owner(t, file, type, id);
    return 0;
}

/* Unless it has one. */
static void set_first_owner(struct shim_task *t, struct vfs_file *file, uint8_t type, int32_t id)
{
    if (!file->owner)
        put_owner(t, file, type, id);
}

/* Who is gone owns nothing. */
static int32_t owner_of(const struct vfs_file *file)
{
    int32_t id = file->owner;
    return id && exists(id) ? id : 0;
}

int64_t sys_owner_control(struct shim_task *t, struct vfs_file *file, int32_t command, uint64_t arg)
{
    struct lx_f_owner_ex ex;
    int32_t id = (int32_t)arg;
    int err;
    switch (command) {
    case LX_F_SETOWN:
        if (id == INT32_MIN)
            return -LX_EINVAL;
        return set_owner(t, file, id < 0 ? LX_F_OWNER_PGRP : LX_F_OWNER_PID, id < 0 ? -id : id);
    case LX_F_GETOWN:
        return file->owner_type == LX_F_OWNER_PGRP ? -owner_of(file) : owner_of(file);
    case LX_F_SETOWN_EX:
        err = shim_copy_in(&ex, arg, sizeof ex);
        if (err == 0 && (ex.type < LX_F_OWNER_TID || ex.type > LX_F_OWNER_PGRP))
            err = -LX_EINVAL;
        return err < 0 ? err : set_owner(t, file, (uint8_t)ex.type, ex.pid);
    case LX_F_GETOWN_EX:
        ex = (struct lx_f_owner_ex){file->owner_type, owner_of(file)};
        return shim_copy_out(arg, &ex, sizeof ex);
    case LX_F_SETSIG:
        if (arg > SHIM_SIGNAL_COUNT)
            return -LX_EINVAL;
        file->signal = (uint8_t)arg;
        return 0;
    default: /* LX_F_GETSIG */
        return file->signal;
    }
}

/* A terminal's is the foreground group, if nobody says something else: __tty_fasync() in Linux. */
int sys_owner_async(struct shim_task *t, int32_t fd, struct vfs_file *file, int on)
{
    int is_master;
    struct vfs_tty *tty = vfs_file_tty(file, &is_master);
    int err = vfs_async_set(file, fd, on);
    if (err < 0 || !on || !tty)
        return err;
    int32_t group = is_master ? 0 : vfs_tty_owner(tty)->group;
    set_first_owner(t, file, group ? LX_F_OWNER_PGRP : LX_F_OWNER_PID,
                    group ? group : t->process->pid);
    return 0;
}

int64_t sys_owner_notify(struct shim_task *t, int32_t fd, struct vfs_file *file, uint32_t events)
{
    const struct vfs_fdtable *fds = t->process->fds;
    if (!(events & ~(uint32_t)LX_DN_MULTISHOT)) {
        vfs_dnotify_forget(file, fds);
        return 0;
    }
    int err = vfs_dnotify_add(file, fds, fd, events);
    if (err < 0)
        return err;
    if (sys_fd_is(t, fd, file) == 1)
        set_first_owner(t, file, LX_F_OWNER_PID, t->process->pid);
    else
        vfs_dnotify_forget(file, fds); /* nobody else would: it was closed meanwhile */
    return 0;
}
