/* SPDX-License-Identifier: MIT */
/* File systems: making them, and what is mounted before the first program runs. */

#include "vfs/mount.h"

#include "core/arena.h"
#include "core/layout.h"
#include "core/mem.h"
#include "host.h"
#include "lx/errno.h"
#include "lx/fcntl.h"
#include "lx/unistd.h"
#include "mounts.h"
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

uint32_t vfs_mount_id(const struct vfs_mount *mount)
{
    return mount ? mount->id : 0;
}

int vfs_mount_is_counted(const struct vfs_mount *mount)
{
    return mount && mount->is_counted;
}

uint32_t vfs_mount_flags(const struct vfs_mount *mount)
{
    return mount ? mount->flags : 0;
}

int vfs_may_write(const struct vfs_path *path)
{
    return vfs_mount_flags(path->mount) & VFS_MOUNT_READ_ONLY || path->inode->super->read_only
               ? -LX_EROFS
               : 0;
}

uint32_t mount_minor(void)
{
    return ROOT_MINOR + atomic_fetch_add(&vfs_state()->minor_count, 1) + 1;
}

int mount_root(struct vfs_fs *fs, const char *at, struct vfs_super *super, const char *source,
               uint32_t flags)
{
    struct vfs_path where;
    struct vfs_place place = {.dir = NULL};
    struct vfs_mount *mount;
    int is_dir = VFS_IS_DIR(super->root);
    int err = make_place(fs, at, is_dir);
    if (err < 0)
        return err;
    err = walk_to_place(fs, NULL, at, 0, &where, &place);
    if (err == 0 && where.inode == vfs_root())
        err = -LX_EBUSY;
    else if (err == 0 && VFS_IS_DIR(where.inode) != is_dir)
        err = is_dir ? -LX_ENOTDIR : -LX_EISDIR;
    if (err == 0)
        err = mount_new(super->root, NULL, source, flags, &mount);
    if (err == 0)
        err = mount_graft(mount, &where, &place);
    place_put(&place);
    vfs_path_put(&where);
    return err;
}

int vfs_mount_folder(struct vfs_fs *fs, uint32_t number, const char *name, const char *at,
                     const struct vfs_folder_options *options)
{
    struct host_super *host = core_arena_alloc(sizeof *host);
    struct vfs_inode *root;
    if (!host)
        return -LX_ENOMEM;
    vfs_super_init(&host->super, VFS_SUPER_HOST, mount_minor());
    host->super.is_given_read_only = (options->flags & VFS_MOUNT_READ_ONLY) != 0;
    host->super.read_only = host->super.is_given_read_only;
    host->number = number;
    host->uid = options->uid;
    host->gid = options->gid;
    int err = host_slots_new();
    if (err == 0)
        err = host_root(host, name, &root);
    if (err < 0)
        return err;
    err = mount_root(fs, at, &host->super, vfs_super_name(&host->super), options->flags);
    vfs_inode_put(root);
    return err;
}

int super_in_memory(enum vfs_super_type type, const struct vfs_tmpfs_options *options,
                    struct vfs_super **out)
{
    struct vfs_super *super = core_arena_alloc(sizeof *super);
    *out = NULL;
    if (!super)
        return -LX_ENOMEM;
    vfs_super_init(super, type, mount_minor());
    super->page_limit = vfs_super_page_limit(options->size);
    super->inode_limit = options->inodes;
    int err = vfs_inode_new(super, LX_S_IFDIR | options->mode, options->uid, options->gid, 0, NULL,
                            &super->root);
    if (err < 0) {
        core_arena_free(super, sizeof *super);
        return err;
    }
    super->mode = options->mode;
    super->uid = options->uid;
    super->gid = options->gid;
    super->root->nlink = 2;
    super->root->parent = super->root;
    *out = super;
    return 0;
}

void super_end(struct vfs_super *super)
{
    struct vfs_inode *root = super->root;
    dir_end_all(root);
    vfs_inode_put(root);
    if (super->inode_count == 0) /* else an inode is held that nobody comes to: it stays for that */
        core_arena_free(super, sizeof *super);
}

int vfs_mount_tmpfs(struct vfs_fs *fs, const char *at, const struct vfs_tmpfs_options *options)
{
    struct vfs_super *super;
    int err = super_in_memory(VFS_SUPER_TMPFS, options, &super);
    if (err < 0)
        return err;
    super->read_only = (options->flags & VFS_MOUNT_READ_ONLY) != 0;
    /* If it fails, the container does not start: nothing has to be given back. */
    return mount_root(fs, at, super, options->source, options->flags);
}

void vfs_mount_root_read_only(void)
{
    struct vfs_state *s = vfs_state();
    s->root_super.read_only = 1;
    s->image_mount->flags |= VFS_MOUNT_READ_ONLY;
}
