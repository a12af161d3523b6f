/* SPDX-License-Identifier: MIT */
/* What a process brings to path walks: its root and working directory, and who it is. */

#include <stdatomic.h>

#include "core/arena.h"
#include "internal.h"
#include "lx/errno.h"
#include "mounts.h"
#include "vfs/path.h"

struct vfs_path vfs_path_get(const struct vfs_path *path)
{
    return (struct vfs_path){mount_get(path->mount), vfs_inode_get(path->inode)};
}

void vfs_path_put(struct vfs_path *path)
{
    vfs_inode_put(path->inode); /* first: the mount keeps its file system */
    mount_put(path->mount);
    *path = (struct vfs_path){NULL, NULL};
}

static void init(struct vfs_current *current, const struct vfs_path *path)
{
    const struct vfs_path own = vfs_path_get(path);
    current->mount = own.mount;
    current->inode = own.inode;
}

static void put(struct vfs_current *current)
{
    struct vfs_path own = {current->mount, current->inode};
    vfs_path_put(&own);
}

static void enlist(struct vfs_fs *fs)
{
    struct vfs_state *s = vfs_state();
    core_lock_acquire(&s->fs_lock);
    core_list_add(&s->processes, &fs->in_list);
    core_lock_release(&s->fs_lock);
}

int vfs_fs_new(struct vfs_fs **out)
{
    struct vfs_fs *fs = core_arena_alloc(sizeof *fs);
    *out = fs;
    if (!fs)
        return -LX_ENOMEM;
    const struct vfs_path root = {vfs_state()->image_mount, vfs_root()};
    fs->refs = 1;
    core_lock_init(&fs->lock, CORE_LOCK_FS);
    init(&fs->root, &root);
    init(&fs->cwd, &root);
    fs->umask = 022;
    core_lock_init(&fs->groups.lock, CORE_LOCK_GROUPS);
    fs->cred = (struct vfs_cred){.capabilities = VFS_CAPABILITIES, .groups = &fs->groups};
    enlist(fs);
    return 0;
}

/* In the list from here on, so that pivot_root(2) finds one of the two, or both. */
static void copy_current(struct vfs_fs *copy, struct vfs_fs *fs)
{
    struct vfs_state *s = vfs_state();
    core_lock_acquire(&s->fs_lock);
    core_lock_acquire(&fs->lock);
    init(&copy->root, &(struct vfs_path){fs->root.mount, fs->root.inode});
    init(&copy->cwd, &(struct vfs_path){fs->cwd.mount, fs->cwd.inode});
    core_lock_release(&fs->lock);
    core_list_add(&s->processes, &copy->in_list);
    core_lock_release(&s->fs_lock);
}

int vfs_fs_clone(struct vfs_fs *fs, struct vfs_fs **out)
{
    struct vfs_fs *copy = core_arena_alloc(sizeof *copy);
    *out = copy;
    if (!copy)
        return -LX_ENOMEM;
    copy->refs = 1;
    core_lock_init(&copy->lock, CORE_LOCK_FS);
    copy_current(copy, fs);
    copy->umask = fs->umask;
    copy->cred = fs->cred;
    copy->cred.groups = &copy->groups;
    core_lock_init(&copy->groups.lock, CORE_LOCK_GROUPS);
    core_lock_acquire(&fs->groups.lock);
    copy->groups.list = vfs_groups_get(fs->groups.list);
    core_lock_release(&fs->groups.lock);
    return 0;
}

struct vfs_fs *vfs_fs_get(struct vfs_fs *fs)
{
    atomic_fetch_add(&fs->refs, 1);
    return fs;
}

void vfs_fs_put(struct vfs_fs *fs)
{
    if (!fs || atomic_fetch_sub(&fs->refs, 1) != 1)
        return;
    struct vfs_state *s = vfs_state();
    core_lock_acquire(&s->fs_lock);
    core_list_remove(&fs->in_list);
    core_lock_release(&s->fs_lock);
    put(&fs->root);
    put(&fs->cwd);
    vfs_groups_put(fs->groups.list);
    core_arena_free(fs, sizeof *fs);
}

/* Take over the references of `path`; it has the old ones then. */
static void replace_locked(struct vfs_fs *fs, struct vfs_current *current, struct vfs_path *path)
{
    const struct vfs_path old = {current->mount, current->inode};
    atomic_fetch_add(&fs->changes, 1);
    current->mount = path->mount;
    current->inode = path->inode;
    atomic_fetch_add(&fs->changes, 1);
    *path = old;
}

static void replace(struct vfs_fs *fs, struct vfs_current *current, const struct vfs_path *path)
{
    struct vfs_path own = vfs_path_get(path);
    core_lock_acquire(&fs->lock);
    replace_locked(fs, current, &own);
    core_lock_release(&fs->lock);
    vfs_path_put(&own);
}

void vfs_fs_set_root(struct vfs_fs *fs, const struct vfs_path *root)
{
    replace(fs, &fs->root, root);
}

void vfs_fs_set_cwd(struct vfs_fs *fs, const struct vfs_path *cwd)
{
    replace(fs, &fs->cwd, cwd);
}

/* Replace it if it is `from`: 1, and the old references are the caller's to put. */
static uint32_t move_locked(struct vfs_fs *fs, struct vfs_current *current,
                            const struct vfs_path *from, const struct vfs_path *to)
{
    if (current->mount != from->mount || current->inode != from->inode)
        return 0;
    struct vfs_path own = vfs_path_get(to);
    replace_locked(fs, current, &own);
    return 1;
}

void fs_move_all(const struct vfs_path *from, const struct vfs_path *to)
{
    struct vfs_state *s = vfs_state();
    uint32_t count = 0;
    core_lock_acquire(&s->fs_lock);
    CORE_LIST_FOR_EACH(node, &s->processes)
    {
        struct vfs_fs *fs = CORE_LIST_ENTRY(node, struct vfs_fs, in_list);
        core_lock_acquire(&fs->lock);
        count += move_locked(fs, &fs->root, from, to) + move_locked(fs, &fs->cwd, from, to);
        core_lock_release(&fs->lock);
    }
    core_lock_release(&s->fs_lock);
    while (count--) {
        struct vfs_path old = *from;
        vfs_path_put(&old);
    }
}

void vfs_fs_set_cred(struct vfs_fs *fs, uint32_t uid, uint32_t gid, uint32_t capabilities,
                     struct vfs_groups *groups)
{
    fs->cred.uid = uid;
    fs->cred.gid = gid;
    fs->cred.capabilities = capabilities & VFS_CAPABILITIES;
    core_lock_acquire(&fs->groups.lock);
    struct vfs_groups *old = fs->groups.list;
    fs->groups.list = vfs_groups_get(groups);
    core_lock_release(&fs->groups.lock);
    vfs_groups_put(old);
}

void vfs_fs_current(struct vfs_fs *fs, const struct vfs_current *current, struct vfs_path *out)
{
    core_lock_acquire(&fs->lock);
    *out = vfs_path_get(&(struct vfs_path){current->mount, current->inode});
    core_lock_release(&fs->lock);
}
