/* SPDX-License-Identifier: MIT */
/* Making, removing and linking names. */

#include "vfs/tree.h"

#include "inode_ops.h"
#include "internal.h"
#include "lx/capability.h"
#include "lx/errno.h"
#include "lx/fcntl.h"
#include "lx/unistd.h"
#include "mounts.h"
#include "notify.h"

int tree_may_change(const struct vfs_fs *fs, struct vfs_inode *dir)
{
    return vfs_may(&fs->cred, dir, LX_W_OK | LX_X_OK);
}

/* In a sticky directory only the owners of file and directory may remove: path_resolution(7). */
int tree_may_remove(const struct vfs_fs *fs, struct vfs_inode *dir, struct vfs_inode *inode)
{
    int err = tree_may_change(fs, dir);
    if (err < 0)
        return err;
    if (dir->mode & LX_S_ISVTX && !vfs_owns(&fs->cred, inode) && !vfs_owns(&fs->cred, dir))
        return -LX_EPERM;
    return 0;
}

void tree_touch_locked(struct vfs_inode *dir, int links)
{
    core_lock_acquire(&dir->lock);
    inode_touch(dir);
    INODE_SET(dir->nlink, dir->nlink + (uint32_t)links);
    core_lock_release(&dir->lock);
}

void tree_drop_link(struct vfs_inode *inode)
{
    core_lock_acquire(&inode->lock);
    uint32_t left = VFS_IS_DIR(inode) || inode->nlink == 0 ? 0 : inode->nlink - 1;
    INODE_SET(inode->nlink, left);
    inode_touch_attributes(inode);
    core_lock_release(&inode->lock);
    if (left == 0)
        inode_forget(inode);
}

/* ---- Making ---- */

void tree_inherit_group(const struct vfs_fs *fs, const struct vfs_inode *dir, uint32_t *mode,
                        uint32_t *gid)
{
    *gid = fs->cred.gid;
    if (!(dir->mode & LX_S_ISGID))
        return;
    *gid = dir->gid;
    if ((*mode & LX_S_IFMT) == LX_S_IFDIR)
        *mode |= LX_S_ISGID;
    else if ((*mode & (LX_S_ISGID | LX_S_IXGRP)) == (LX_S_ISGID | LX_S_IXGRP) &&
             !vfs_has(&fs->cred, LX_CAP_FSETID) && !vfs_in_group(&fs->cred, *gid))
        *mode &= ~(uint32_t)LX_S_ISGID;
}

int tree_add_new(struct vfs_inode *dir, const struct vfs_last *last, struct vfs_inode *inode)
{
    struct name_key key;
    struct vfs_inode *there;
    name_key_init(&key, dir->ino, last->name, last->size);
    core_lock_acquire(&dir->dir_lock);
    int err = dir->nlink ? dir_lookup_locked(dir, &key, &there) : -LX_ENOENT;
    if (err == 0) {
        vfs_inode_put(there);
        err = -LX_EEXIST;
    } else if (err == -LX_ENOENT && dir->nlink) {  /* else the directory was removed */
        INODE_SET(inode->nlink, inode->nlink + 1); /* nobody else knows the inode: no lock */
        err = dir_add_locked(dir, &key, inode);
        if (err == 0) {
            tree_touch_locked(dir, VFS_IS_DIR(inode));
            notify_created(dir, last, inode);
        }
    }
    core_lock_release(&dir->dir_lock);
    return err;
}

int tree_new_inode(struct vfs_fs *fs, struct vfs_inode *dir, uint32_t mode, uint32_t rdev,
                   const char *target, struct vfs_inode **out)
{
    uint32_t gid;
    tree_inherit_group(fs, dir, &mode, &gid);
    int err = vfs_inode_new(dir->super, mode, fs->cred.uid, gid, rdev, target, out);
    if (err < 0)
        return err;
    if (VFS_IS_DIR(*out))
        (*out)->parent = vfs_inode_get(dir);
    err = acl_inherit(dir, *out, fs->umask);
    if (err < 0) {
        vfs_inode_put(*out);
        *out = NULL;
    }
    return err;
}

/*
 * Nothing is made in a directory that was removed, whoever asks: may_create() in Linux.  Lookups of
 * its proc say ENOENT even before.
 */
int tree_may_create(const struct vfs_fs *fs, struct vfs_inode *dir)
{
    return dir->nlink && dir->owner != VFS_OF_PROC ? tree_may_change(fs, dir) : -LX_ENOENT;
}

int tree_create(struct vfs_fs *fs, struct vfs_inode *dir, const struct vfs_last *last,
                uint32_t mode, uint32_t rdev, const char *target, struct vfs_inode **out)
{
    struct vfs_inode *inode;
    uint32_t type = mode & LX_S_IFMT;
    if (out)
        *out = NULL;
    int err = tree_may_create(fs, dir);
    int device =
        type == LX_S_IFBLK || (type == LX_S_IFCHR && rdev); /* 0, 0 is overlayfs' whiteout */
    if (err == 0 && device && !vfs_has(&fs->cred, LX_CAP_MKNOD))
        err = -LX_EPERM;
    if (err == 0 && dir->owner)
        err = inode_ops(dir)->create(fs, dir, last, type == LX_S_IFLNK ? mode : mode & ~fs->umask,
                                     target, &inode);
    else if (err == 0 && super_is_mqueue(dir->super))
        err = mqueue_create(fs, dir, mode & ~fs->umask, NULL, &inode);
    else if (err == 0)
        err = tree_new_inode(fs, dir, mode, rdev, target, &inode);
    if (err < 0)
        return err;
    if (dir->owner)
        notify_created(dir, last, inode);
    else
        err = tree_add_new(dir, last, inode);
    if (err == 0 && out)
        *out = vfs_inode_get(inode);
    vfs_inode_put(inode);
    return err;
}

/* Walk to the parent of a name that is to be made; EEXIST comes before all that is about it. */
static int walk_to_new(struct vfs_fs *fs, const struct vfs_path *from, const char *path, int is_dir,
                       struct vfs_path *dir, struct vfs_last *last)
{
    struct vfs_inode *there = NULL;
    int err = vfs_walk_parent(fs, from, path, 0, dir, last);
    if (err < 0)
        return err;
    err = last_is_plain(last) ? vfs_tree_lookup(dir->inode, last->name, last->size, &there) : 0;
    vfs_inode_put(there);
    if (err == 0)
        err = -LX_EEXIST;
    else if (err == -LX_ENOENT)
        err = (last->slashes && !is_dir) || dir->inode->owner == VFS_OF_PROC ? -LX_ENOENT
                                                                             : vfs_may_write(dir);
    if (err < 0)
        vfs_path_put(dir);
    return err;
}

/* out: references; NULL if they are not wanted. */
static int make(struct vfs_fs *fs, const struct vfs_path *from, const char *path, uint32_t mode,
                uint32_t rdev, const char *target, struct vfs_path *out)
{
    struct vfs_path dir;
    struct vfs_last last;
    struct vfs_inode *inode;
    int err = walk_to_new(fs, from, path, (mode & LX_S_IFMT) == LX_S_IFDIR, &dir, &last);
    if (err < 0)
        return err;
    err = tree_create(fs, dir.inode, &last, mode, rdev, target, out ? &inode : NULL);
    if (err == 0 && out)
        *out = (struct vfs_path){mount_get(dir.mount), inode};
    vfs_path_put(&dir);
    return err;
}

int vfs_tree_mkdir(struct vfs_fs *fs, const struct vfs_path *from, const char *path, uint32_t mode)
{
    return make(fs, from, path, (mode & 01777) | LX_S_IFDIR, 0, NULL, NULL);
}

int vfs_tree_mknod(struct vfs_fs *fs, const struct vfs_path *from, const char *path, uint32_t mode,
                   uint32_t rdev)
{
    uint32_t type = mode & LX_S_IFMT;
    switch (type) {
    case 0:
        type = LX_S_IFREG;
        break;
    case LX_S_IFREG:
    case LX_S_IFIFO:
    case LX_S_IFSOCK:
    case LX_S_IFCHR:
    case LX_S_IFBLK:
        break;
    case LX_S_IFDIR:
        return -LX_EPERM;
    default:
        return -LX_EINVAL;
    }
    return make(fs, from, path, type | (mode & 07777), rdev, NULL, NULL);
}

int tree_make_socket(struct vfs_fs *fs, const char *path, uint32_t mode, struct vfs_path *out)
{
    *out = (struct vfs_path){NULL, NULL}; /* of sockets the umask always counts */
    return make(fs, NULL, path, LX_S_IFSOCK | (mode & 07777 & ~fs->umask), 0, NULL, out);
}

int vfs_tree_symlink(struct vfs_fs *fs, const struct vfs_path *from, const char *path,
                     const char *target)
{
    if (!*target)
        return -LX_ENOENT;
    return make(fs, from, path, LX_S_IFLNK | 0777, 0, target, NULL);
}

/* One more name for an inode; one that has lost its last does not come back. */
static int add_link(struct vfs_inode *inode)
{
    core_lock_acquire(&inode->lock);
    int err = inode->nlink || inode->may_link ? 0 : -LX_ENOENT;
    if (err == 0) {
        INODE_SET(inode->nlink, inode->nlink + 1);
        inode->may_link = 0;
        inode_touch_attributes(inode);
    }
    core_lock_release(&inode->lock);
    return err;
}

/* Add a name for an inode that others know. */
static int link_name(struct vfs_inode *dir, const struct vfs_last *last, struct vfs_inode *inode)
{
    struct name_key key;
    struct vfs_inode *there;
    name_key_init(&key, dir->ino, last->name, last->size);
    core_lock_acquire(&dir->dir_lock);
    int err = dir->nlink ? dir_lookup_locked(dir, &key, &there) : -LX_ENOENT;
    if (err == 0) {
        vfs_inode_put(there);
        err = -LX_EEXIST;
    } else if (err == -LX_ENOENT && dir->nlink) {
        err = add_link(inode);
        if (err == 0) {
            err = dir_add_locked(dir, &key, inode);
            if (err == 0) {
                tree_touch_locked(dir, 0);
                notify_linked(dir, last, inode);
            } else {
                tree_drop_link(inode);
            }
        }
    }
    core_lock_release(&dir->dir_lock);
    return err;
}

static int link_elsewhere(struct vfs_inode *dir, const struct vfs_last *last,
                          struct vfs_inode *inode)
{
    int err = inode_ops(dir)->link(dir, last, inode);
    if (err == 0)
        notify_linked(dir, last, inode);
    return err;
}

int vfs_tree_link(struct vfs_fs *fs, const struct vfs_path *what, const struct vfs_path *from,
                  const char *path)
{
    struct vfs_path where;
    struct vfs_last last;
    struct vfs_inode *inode = what->inode;
    int err = walk_to_new(fs, from, path, 0, &where, &last);
    if (err < 0)
        return err;
    struct vfs_inode *dir = where.inode;
    err = what->mount == where.mount ? tree_may_create(fs, dir) : -LX_EXDEV;
    if (err == 0)
        err = VFS_IS_DIR(inode)             ? -LX_EPERM
              : super_is_mqueue(dir->super) ? -LX_EPERM
              : dir->owner                  ? link_elsewhere(dir, &last, inode)
                                            : link_name(dir, &last, inode);
    vfs_path_put(&where);
    return err;
}

/* ---- Removing ---- */

/* The checks of unlink(2) and rmdir(2) on a name that is there, in Linux' order. */
static int check_remove(const struct vfs_fs *fs, struct vfs_inode *dir, struct vfs_inode *inode,
                        const struct vfs_last *last, int want_dir)
{
    if (!want_dir && last->slashes)
        return VFS_IS_DIR(inode) ? -LX_EISDIR : -LX_ENOTDIR;
    int err = tree_may_remove(fs, dir, inode);
    if (err < 0)
        return err;
    if (want_dir && !VFS_IS_DIR(inode))
        return -LX_ENOTDIR;
    if (!want_dir && VFS_IS_DIR(inode))
        return -LX_EISDIR;
    return inode->mounted ? -LX_EBUSY : 0;
}

/* Take a directory's last link, if it is empty: nothing can be put into it from here on. */
static int end_directory(struct vfs_inode *inode)
{
    core_lock_acquire(&inode->dir_lock);
    int err = dir_is_empty_locked(inode) ? 0 : -LX_ENOTEMPTY;
    if (err == 0)
        tree_drop_link(inode);
    core_lock_release(&inode->dir_lock);
    return err;
}

/*
 * Remove an entry; what it meant is in `gone`, for the caller to put when nothing is
 * locked any more.
 */
static int remove_locked(struct vfs_fs *fs, struct vfs_inode *dir, const struct vfs_last *last,
                         int want_dir, struct vfs_inode **gone)
{
    struct name_key key;
    struct vfs_entry *e;
    struct vfs_inode *inode;
    name_key_init(&key, dir->ino, last->name, last->size);
    int err = dir_lookup_locked(dir, &key, gone);
    if (err < 0)
        return err;
    inode = *gone;
    err = check_remove(fs, dir, inode, last, want_dir);
    if (err == 0)
        err = dir_entry_locked(dir, &key, &e);
    if (err == 0 && want_dir)
        err = end_directory(inode);
    if (err < 0)
        return err;
    vfs_inode_put(dir_set_locked(dir, e, NULL)); /* `gone` is another reference */
    if (!want_dir)
        tree_drop_link(inode);
    tree_touch_locked(dir, want_dir ? -1 : 0);
    notify_removed(dir, last, inode);
    return 0;
}

static int remove_name(struct vfs_fs *fs, const struct vfs_path *where, const struct vfs_last *last,
                       int want_dir)
{
    struct vfs_inode *dir = where->inode, *gone = NULL;
    int err = vfs_may_write(where);
    if (err < 0)
        return err;
    if (last->size > LX_NAME_MAX)
        return -LX_ENAMETOOLONG;
    if (dir->owner) {
        err = inode_ops(dir)->lookup(dir, last->name, last->size, &gone);
        if (err == 0)
            err = check_remove(fs, dir, gone, last, want_dir);
        if (err == 0)
            err = inode_ops(dir)->remove(dir, last, gone);
        if (err == 0)
            notify_removed(dir, last, gone);
    } else {
        core_lock_acquire(&dir->dir_lock);
        err = remove_locked(fs, dir, last, want_dir, &gone);
        core_lock_release(&dir->dir_lock);
    }
    vfs_inode_put(gone);
    return err;
}

int vfs_tree_unlink(struct vfs_fs *fs, const struct vfs_path *from, const char *path)
{
    struct vfs_path dir;
    struct vfs_last last;
    int err = vfs_walk_parent(fs, from, path, 0, &dir, &last);
    if (err < 0)
        return err;
    err = last_is_plain(&last) ? remove_name(fs, &dir, &last, 0) : -LX_EISDIR;
    vfs_path_put(&dir);
    return err;
}

int vfs_tree_rmdir(struct vfs_fs *fs, const struct vfs_path *from, const char *path)
{
    struct vfs_path dir;
    struct vfs_last last;
    int err = vfs_walk_parent(fs, from, path, 0, &dir, &last);
    if (err < 0)
        return err;
    if (!last.size)
        err = -LX_EBUSY; /* the root */
    else if (name_is_dot(last.name, last.size))
        err = -LX_EINVAL;
    else if (name_is_dotdot(last.name, last.size))
        err = -LX_ENOTEMPTY;
    else
        err = remove_name(fs, &dir, &last, 1);
    vfs_path_put(&dir);
    return err;
}
