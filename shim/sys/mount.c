/* SPDX-License-Identifier: MIT */
/*
 * mount(2), umount2(2), pivot_root(2); open_tree(2), move_mount(2), fsopen(2), fsconfig(2),
 * fsmount(2), fspick(2), mount_setattr(2).
 */

#include "vfs/mount.h"

#include "core/arena.h"
#include "lx/capability.h"
#include "lx/errno.h"
#include "lx/mount.h"
#include "shim/cred.h"
#include "shim/syscall.h"
#include "shim/user.h"
#include "sys/file.h"

#define OPTIONS_MAX 4096u /* a page */

/* What mount(2) is told. */
struct arguments {
    char source[SHIM_PATH_MAX], type[SHIM_PATH_MAX];
    char at[SHIM_PATH_MAX];
    char options[OPTIONS_MAX];
};

/* copy_mount_string() in Linux; out: NULL if there is none. */
static int copy_text(char room[SHIM_PATH_MAX], lx_uptr from, const char **out)
{
    *out = NULL;
    if (!from)
        return 0;
    int64_t length = shim_copy_string(room, from, SHIM_PATH_MAX);
    if (length == -LX_ENAMETOOLONG)
        return -LX_EINVAL;
    *out = room;
    return length < 0 ? (int)length : 0;
}

/* copy_mount_options() in Linux: as much of a page as is there. */
static int copy_options(char room[OPTIONS_MAX], lx_uptr from, const char **out)
{
    uint64_t size = 0;
    *out = NULL;
    if (!from)
        return 0;
    while (size < OPTIONS_MAX - 1 && shim_copy_in(room + size, from + size, 1) == 0 && room[size])
        size++;
    if (!size && shim_copy_in(room, from, 1) < 0)
        return -LX_EFAULT;
    room[size] = 0;
    *out = room;
    return 0;
}

static int64_t do_mount(struct shim_task *t, struct arguments *a, lx_uptr source, lx_uptr target,
                        lx_uptr type, uint32_t flags, lx_uptr data)
{
    struct vfs_mount_request r = {.flags = flags,
                                  .is_privileged = shim_capable(t, LX_CAP_SYS_ADMIN)};
    int err = copy_text(a->type, type, &r.type);
    if (err == 0)
        err = copy_text(a->source, source, &r.source);
    if (err == 0)
        err = copy_options(a->options, data, &r.options);
    int64_t length = err == 0 ? shim_copy_path(a->at, target) : err;
    return length < 0 ? length : vfs_mount(t->process->fs, a->at, &r);
}

int64_t sys_mount(struct shim_task *t, lx_uptr source, lx_uptr target, lx_uptr type, uint64_t flags,
                  lx_uptr data)
{
    struct arguments *a = core_arena_alloc(sizeof *a);
    if (!a)
        return -LX_ENOMEM;
    int64_t result = do_mount(t, a, source, target, type, (uint32_t)flags, data);
    core_arena_free(a, sizeof *a);
    return result;
}

int64_t sys_umount2(struct shim_task *t, lx_uptr target, uint32_t flags)
{
    char at[SHIM_PATH_MAX];
    if (flags & ~(LX_MNT_FORCE | LX_MNT_DETACH | LX_MNT_EXPIRE | LX_UMOUNT_NOFOLLOW))
        return -LX_EINVAL;
    int64_t length = shim_copy_path(at, target);
    return length < 0 ? length
                      : vfs_umount(t->process->fs, at, flags, shim_capable(t, LX_CAP_SYS_ADMIN));
}

int64_t sys_pivot_root(struct shim_task *t, lx_uptr new_root, lx_uptr put_old)
{
    char new_text[SHIM_PATH_MAX], old_text[SHIM_PATH_MAX];
    if (!shim_capable(t, LX_CAP_SYS_ADMIN))
        return -LX_EPERM;
    int64_t length = shim_copy_path(new_text, new_root);
    if (length >= 0)
        length = shim_copy_path(old_text, put_old);
    return length < 0 ? length : vfs_pivot_root(t->process->fs, new_text, old_text);
}

/*
 * The calls of the newer interface: without privilege as docker's filter has them, with it as an
 * older kernel, so that mount(8) and its like go back to mount(2).
 */
static int64_t not_there(const struct shim_task *t)
{
    return shim_capable(t, LX_CAP_SYS_ADMIN) ? -LX_ENOSYS : -LX_EPERM;
}

int64_t sys_open_tree(struct shim_task *t)
{
    return not_there(t);
}

int64_t sys_move_mount(struct shim_task *t)
{
    return not_there(t);
}

int64_t sys_fsopen(struct shim_task *t)
{
    return not_there(t);
}

int64_t sys_fsconfig(struct shim_task *t)
{
    return not_there(t);
}

int64_t sys_fsmount(struct shim_task *t)
{
    return not_there(t);
}

int64_t sys_fspick(struct shim_task *t)
{
    return not_there(t);
}

int64_t sys_mount_setattr(struct shim_task *t)
{
    return not_there(t);
}
