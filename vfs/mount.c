/* SPDX-License-Identifier: MIT */
/* Mounts: putting another file system's root over a place of the tree. */

#include "vfs/mount.h"

#include <stdatomic.h>

#include "core/arena.h"
#include "core/layout.h"
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

static const char *arena_copy(const char *text)
{
    uint64_t size = core_str_length(text) + 1;
    char *copy = core_arena_alloc(size);
    return copy ? memcpy(copy, text, size) : NULL;
}

/* Note it for /proc/self/mounts. */
static int note(const char *at, const struct vfs_super *super, const char *source,
                struct vfs_inode *place)
{
    struct vfs_state *s = vfs_state();
    const struct vfs_mounted m = {arena_copy(at), arena_copy(source), super, place};
    if (!m.at || !m.source || s->mount_count == sizeof s->mounts / sizeof s->mounts[0])
        return -LX_ENOMEM;
    s->mounts[s->mount_count++] = m;
    return 0;
}

const struct vfs_mounted *vfs_mount_get(uint32_t n)
{
    const struct vfs_state *s = vfs_state();
    return n < s->mount_count ? &s->mounts[n] : NULL;
}

uint32_t vfs_mount_id(const struct vfs_super *super)
{
    const struct vfs_mounted *m;
    for (uint32_t n = 0; (m = vfs_mount_get(n)); n++) {
        if (m->super == super)
            return n + 1;
    }
    return 0;
}

uint32_t mount_minor(void)
{
    return ROOT_MINOR + vfs_state()->mount_count;
}

int mount_root(struct vfs_fs *fs, const char *at, struct vfs_inode *root, const char *source)
{
    struct vfs_inode *place = NULL;
    int err = make_place(fs, at, VFS_IS_DIR(root));
    if (err == 0)
        err = vfs_walk(fs, NULL, at, 0, &place);
    if (err == 0)
        err = cover(place, root);
    if (err == 0)
        err = note(at, root->super, source, place);
    vfs_inode_put(place);
    return err;
}

int vfs_mount_folder(struct vfs_fs *fs, uint32_t number, const char *name, const char *at,
                     const struct vfs_folder_options *options)
{
    struct vfs_mount *mount = core_arena_alloc(sizeof *mount);
    struct vfs_inode *root;
    if (!mount)
        return -LX_ENOMEM;
    vfs_super_init(&mount->super, VFS_SUPER_HOST, mount_minor());
    mount->super.flags = options->flags;
    mount->number = number;
    mount->uid = options->uid;
    mount->gid = options->gid;
    int err = host_slots_new();
    if (err == 0)
        err = host_root(mount, name, &root);
    if (err < 0)
        return err;
    err = mount_root(fs, at, root, vfs_super_name(&mount->super));
    vfs_inode_put(root);
    return err;
}

int mount_in_memory(struct vfs_fs *fs, const char *at, enum vfs_super_type type,
                    const struct vfs_tmpfs_options *options, struct vfs_inode **out)
{
    struct vfs_super *super = core_arena_alloc(sizeof *super);
    struct vfs_inode *root;
    if (!super)
        return -LX_ENOMEM;
    vfs_super_init(super, type, mount_minor());
    super->flags = options->flags;
    if (options->size != UINT64_MAX)
        super->page_limit = options->size / CORE_PAGE_SIZE + (options->size % CORE_PAGE_SIZE != 0);
    super->inode_limit = options->inodes;
    int err = vfs_inode_new(super, LX_S_IFDIR | options->mode, options->uid, options->gid, 0, NULL,
                            &root);
    if (err < 0)
        return err;
    root->nlink = 2;
    err = mount_root(fs, at, root, options->source);
    if (err == 0 && out)
        *out = vfs_inode_get(root);
    vfs_inode_put(root);
    return err;
}

int vfs_mount_tmpfs(struct vfs_fs *fs, const char *at, const struct vfs_tmpfs_options *options)
{
    return mount_in_memory(fs, at, VFS_SUPER_TMPFS, options, NULL);
}

int mount_init(void)
{
    struct vfs_super *super = &vfs_state()->root_super;
    return note("/", super, vfs_super_name(super), NULL);
}

void vfs_mount_root_read_only(void)
{
    vfs_state()->root_super.flags |= VFS_MOUNT_READ_ONLY;
}
