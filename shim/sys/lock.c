/* SPDX-License-Identifier: MIT */
/* Locks on files: flock(2), and fcntl(2)'s F_GETLK, F_SETLK, F_SETLKW and their F_OFD_ kin. */

#include "vfs/lock.h"
#include "lx/errno.h"
#include "lx/fcntl.h"
#include "lx/unistd.h"
#include "plat/plat.h"
#include "shim/syscall.h"
#include "sys/file.h"

static int is_of_file(int32_t command)
{
    return command == LX_F_OFD_GETLK || command == LX_F_OFD_SETLK || command == LX_F_OFD_SETLKW;
}

/* The bytes that are meant: flock64_to_posix_lock() in Linux. */
static int range_of(struct vfs_file *file, const struct lx_flock *l, struct vfs_lock *out)
{
    int64_t begin = 0;
    switch (l->l_whence) {
    case LX_SEEK_SET:
        break;
    case LX_SEEK_CUR:
        begin = (int64_t)file->position;
        break;
    case LX_SEEK_END:
        begin = (int64_t)vfs_file_size(file);
        break;
    default:
        return -LX_EINVAL;
    }
    if (__builtin_add_overflow(begin, l->l_start, &begin))
        return -LX_EOVERFLOW;
    if (begin < 0)
        return -LX_EINVAL;
    int64_t end = INT64_MAX;
    if (l->l_len > 0 && __builtin_add_overflow(begin, l->l_len - 1, &end))
        return -LX_EOVERFLOW;
    if (l->l_len < 0) {
        end = begin - 1;
        begin += l->l_len;
    }
    if (begin < 0)
        return -LX_EINVAL;
    out->begin = (uint64_t)begin;
    out->end = (uint64_t)end;
    return 0;
}

static int lock_of(struct shim_task *t, struct vfs_file *file, int32_t command,
                   const struct lx_flock *l, struct vfs_lock *out)
{
    int of_file = is_of_file(command);
    *out = (struct vfs_lock){
        .kind = of_file ? VFS_LOCK_FILE : VFS_LOCK_PROCESS,
        .type = l->l_type,
        .pid = of_file ? -1 : t->process->pid,
        .owner = of_file ? (const void *)file : (const void *)t->process->fds,
    };
    int err = range_of(file, l, out);
    if (err == 0 && l->l_type != LX_F_RDLCK && l->l_type != LX_F_WRLCK && l->l_type != LX_F_UNLCK)
        err = -LX_EINVAL;
    return err;
}

static int64_t get_lock(struct shim_task *t, struct vfs_file *file, int32_t command, lx_uptr arg)
{
    struct lx_flock l;
    struct vfs_lock lock;
    int err = shim_copy_in(&l, arg, sizeof l);
    if (err == 0 && l.l_type == LX_F_UNLCK && !is_of_file(command))
        err = -LX_EINVAL;
    if (err == 0)
        err = lock_of(t, file, command, &l, &lock);
    if (err == 0 && is_of_file(command) && l.l_pid)
        err = -LX_EINVAL;
    if (err < 0)
        return err;
    vfs_lock_test(file, &lock);
    l.l_type = lock.type;
    if (lock.type != LX_F_UNLCK) {
        l.l_whence = LX_SEEK_SET;
        l.l_start = (int64_t)lock.begin;
        l.l_len = lock.end == VFS_LOCK_END ? 0 : (int64_t)(lock.end - lock.begin + 1);
        l.l_pid = lock.pid;
    }
    return shim_copy_out(arg, &l, sizeof l);
}

/* If the descriptor was closed meanwhile, nobody else would ever remove the lock. */
static int check_still_open(struct shim_task *t, int32_t fd, struct vfs_file *file,
                            struct vfs_lock *lock)
{
    if (sys_fd_is(t, fd, file) == 1)
        return 0;
    lock->type = LX_F_UNLCK;
    int ignored = vfs_lock_set(file, lock, 0, &t->sleeper);
    (void)ignored;
    return -LX_EBADF;
}

static int64_t set_lock(struct shim_task *t, int32_t fd, struct vfs_file *file, int32_t command,
                        lx_uptr arg)
{
    struct lx_flock l;
    struct vfs_lock lock;
    int err = shim_copy_in(&l, arg, sizeof l);
    if (err == 0)
        err = lock_of(t, file, command, &l, &lock);
    if (err < 0)
        return err;
    if ((lock.type == LX_F_RDLCK && !vfs_file_may(file, PLAT_READ)) ||
        (lock.type == LX_F_WRLCK && !vfs_file_may(file, PLAT_WRITE)))
        return -LX_EBADF;
    if (is_of_file(command) && l.l_pid)
        return -LX_EINVAL;
    int waits = command == LX_F_SETLKW || command == LX_F_OFD_SETLKW;
    err = vfs_lock_set(file, &lock, waits, &t->sleeper);
    if (err == 0 && lock.kind == VFS_LOCK_PROCESS && lock.type != LX_F_UNLCK)
        err = check_still_open(t, fd, file, &lock);
    return sys_interrupted(err);
}

int64_t sys_lock_control(struct shim_task *t, int32_t fd, struct vfs_file *file, int32_t command,
                         lx_uptr arg)
{
    return command == LX_F_GETLK || command == LX_F_OFD_GETLK ? get_lock(t, file, command, arg)
                                                              : set_lock(t, fd, file, command, arg);
}

int64_t sys_flock(struct shim_task *t, int32_t fd, int32_t operation)
{
    struct vfs_borrowed b;
    int32_t kind = operation & ~LX_LOCK_NB;
    if (operation & LX_LOCK_MAND)
        return 0; /* as Linux, since 5.15: accepted, and nothing */
    if (kind != LX_LOCK_SH && kind != LX_LOCK_EX && kind != LX_LOCK_UN)
        return -LX_EINVAL;
    int err = vfs_fdtable_borrow(t->process->fds, fd, &b);
    if (err == 0 && b.file->kind == VFS_FILE_PATH)
        err = -LX_EBADF;
    if (err == 0) {
        const struct vfs_lock lock = {
            .kind = VFS_LOCK_FLOCK,
            .type = kind == LX_LOCK_SH   ? LX_F_RDLCK
                    : kind == LX_LOCK_EX ? LX_F_WRLCK
                                         : LX_F_UNLCK,
            .pid = t->process->pid,
            .owner = b.file,
            .end = VFS_LOCK_END,
        };
        err = vfs_lock_set(b.file, &lock, !(operation & LX_LOCK_NB), &t->sleeper);
    }
    vfs_give_back(&b);
    return sys_interrupted(err);
}
