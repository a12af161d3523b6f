/* SPDX-License-Identifier: MIT */
/* Mounts: putting a host folder's root over a place of the tree. */

#include "vfs/mount.h"

#include <stdatomic.h>

#include "core/arena.h"
#include "core/mem.h"
#include "host.h"
#include "lx/errno.h"
#include "lx/fcntl.h"
#include "lx/unistd.h"
#include "vfs/tree.h"

/* Make what a path names, with the directories that lead there. */
static int make_place(struct vfs_fs *fs, const char *at, int is_dir)
{
    char path[LX_PATH_MAX];
    int err = 0;
    if (core_str_copy(path, sizeof path, at) >= sizeof path)
        return -LX_ENAMETOOLONG;
    for (char *slash = path + 1; err == 0 && *slash; slash++) {
        if (*slash != '/')
            continue;
        *slash = 0;
        err = vfs_tree_mkdir(fs, NULL, path, 0755);
        *slash = '/';
        err = err == -LX_EEXIST ? 0 : err;
    }
    if (err < 0)
        return err;
    err = is_dir ? vfs_tree_mkdir(fs, NULL, path, 0755)
                 : vfs_tree_mknod(fs, NULL, path, LX_S_IFREG | 0755, 0);
    return err == -LX_EEXIST ? 0 : err;
}

/* Let `root` be seen where `place` is. */
static int cover(struct vfs_inode *place, struct vfs_inode *root)
{
    struct vfs_state *s = vfs_state();
    if (place == s->root)
        return -LX_EBUSY;
    if (VFS_IS_DIR(place) != VFS_IS_DIR(root))
        return VFS_IS_DIR(place) ? -LX_EISDIR : -LX_ENOTDIR;
    core_lock_acquire(&s->tree_lock);
    root->covers = vfs_inode_get(place); /* both stay as long as the container */
    if (VFS_IS_DIR(root))
        root->parent = vfs_inode_get(place->parent);
    atomic_store_explicit(&place->mounted, vfs_inode_get(root), memory_order_release);
    core_lock_release(&s->tree_lock);
    return 0;
}

int vfs_mount_folder(struct vfs_fs *fs, uint32_t number, const char *name, const char *at,
                     const struct vfs_mount_options *options)
{
    struct vfs_mount *mount = core_arena_alloc(sizeof *mount);
    struct vfs_inode *root, *place = NULL;
    if (!mount)
        return -LX_ENOMEM;
    mount->number = number;
    mount->flags = options->flags;
    mount->uid = options->uid;
    mount->gid = options->gid;
    int err = host_root(mount, name, &root);
    if (err < 0)
        return err;
    err = make_place(fs, at, VFS_IS_DIR(root));
    if (err == 0)
        err = vfs_walk(fs, NULL, at, 0, &place);
    if (err == 0)
        err = cover(place, root);
    vfs_inode_put(place);
    vfs_inode_put(root);
    return err;
}
