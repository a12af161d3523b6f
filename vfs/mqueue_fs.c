/* SPDX-License-Identifier: MIT */
/*
 * The file system of message queues: one directory, of files that have queues in place of
 * contents.  Names are made and removed as in a tmpfs.
 *
 * Differs from Linux: the directory's size does not tell how many there are.
 */

#include "vfs/mqueue.h"

#include "core/mem.h"
#include "internal.h"
#include "lx/errno.h"
#include "lx/fcntl.h"
#include "lx/unistd.h"
#include "mounts.h"
#include "notify.h"
#include "vfs/file.h"

int vfs_mqueue_mount(struct vfs_fs *fs, const char *at)
{
    const struct vfs_tmpfs_options options = {
        .mode = 01777, .size = UINT64_MAX, .inodes = UINT64_MAX};
    struct vfs_state *s = vfs_state();
    struct vfs_super *super;
    int err = super_in_memory(VFS_SUPER_MQUEUE, &options, &super);
    if (err == 0)
        err = mount_new(super->root, NULL, "mqueue", 0, &s->mqueue_mount);
    if (err < 0)
        return err;
    s->singles[VFS_SUPER_MQUEUE] = super;
    return mount_root(fs, at, super, "mqueue",
                      VFS_MOUNT_NOSUID | VFS_MOUNT_NODEV | VFS_MOUNT_NOEXEC);
}

int mqueue_create(struct vfs_fs *fs, struct vfs_inode *dir, uint32_t mode,
                  const struct lx_mq_attr *attr, struct vfs_inode **out)
{
    *out = NULL;
    if ((mode & LX_S_IFMT) != LX_S_IFREG)
        return -LX_EPERM;
    int err = vfs_inode_new(dir->super, mode, fs->cred.uid, fs->cred.gid, 0, NULL, out);
    if (err == 0)
        err = mqueue_new(*out, attr);
    if (err < 0) {
        vfs_inode_put(*out);
        *out = NULL;
    }
    return err;
}

/* lookup_one_len() in Linux 6.12: a name that is no plain one cannot be looked up at all. */
static int check_name(struct vfs_fs *fs, struct vfs_inode *root, const char *name, uint32_t size)
{
    if (!size)
        return -LX_ENOENT;
    for (uint32_t i = 0; i < size; i++) {
        if (name[i] == '/')
            return -LX_EACCES;
    }
    if (name_is_dot(name, size) || name_is_dotdot(name, size))
        return -LX_EACCES;
    return vfs_may(&fs->cred, root, LX_X_OK);
}

static int create(struct vfs_fs *fs, struct vfs_inode *root, const struct vfs_last *last,
                  uint32_t mode, const struct lx_mq_attr *attr, struct vfs_inode **out)
{
    *out = NULL;
    int err = tree_may_create(fs, root);
    if (err == 0)
        err = mqueue_create(fs, root, LX_S_IFREG | (mode & 07777 & ~fs->umask), attr, out);
    if (err == 0)
        err = tree_add_new(root, last, *out);
    if (err < 0) {
        vfs_inode_put(*out);
        *out = NULL;
    }
    return err;
}

/* prepare_open() in Linux, of a queue that is there. */
static int check_open(struct vfs_fs *fs, struct vfs_inode *inode, uint32_t flags)
{
    static const uint32_t want[] = {LX_R_OK, LX_W_OK, LX_R_OK | LX_W_OK};
    uint32_t access = flags & LX_O_ACCMODE;
    if (flags & LX_O_CREAT && flags & LX_O_EXCL)
        return -LX_EEXIST;
    if (access >= sizeof want / sizeof want[0])
        return -LX_EINVAL;
    return vfs_may(&fs->cred, inode, want[access]);
}

static int find_or_create(struct vfs_fs *fs, struct vfs_inode *root, const struct vfs_last *last,
                          uint32_t flags, uint32_t mode, const struct lx_mq_attr *attr,
                          struct vfs_inode **out)
{
    int err;
    do {
        err = vfs_tree_lookup(root, last->name, last->size, out);
        if (err == 0)
            return check_open(fs, *out, flags);
        if (err == -LX_ENOENT && flags & LX_O_CREAT)
            err = create(fs, root, last, mode, attr, out);
    } while (err == -LX_EEXIST); /* it has come meanwhile */
    return err;
}

int vfs_mqueue_open(struct vfs_fs *fs, const char *name, uint32_t flags, uint32_t mode,
                    const struct lx_mq_attr *attr, struct vfs_file **out)
{
    struct vfs_mount *mount = vfs_state()->mqueue_mount;
    struct vfs_inode *root = mount->root, *inode = NULL;
    const struct vfs_last last = {.name = name, .size = (uint32_t)core_str_length(name)};
    *out = NULL;
    int err = check_name(fs, root, last.name, last.size);
    if (err == 0)
        err = find_or_create(fs, root, &last, flags, mode, attr, &inode);
    if (err == 0)
        err = vfs_file_open(inode, flags, NULL, out);
    if (err == 0) {
        struct vfs_place place;
        place.dir = NULL;
        place_set(&place, root, last.name, last.size);
        file_set_place(*out, mount, &place);
        place_put(&place);
        if (!(flags & LX_O_PATH))
            notify_file(*out, LX_IN_OPEN);
    }
    vfs_inode_put(inode);
    return err;
}

int vfs_mqueue_unlink(struct vfs_fs *fs, const char *name)
{
    struct vfs_mount *mount = vfs_state()->mqueue_mount;
    const struct vfs_path root = {mount, mount->root};
    int err = check_name(fs, mount->root, name, (uint32_t)core_str_length(name));
    return err < 0 ? err : vfs_tree_unlink(fs, &root, name);
}
