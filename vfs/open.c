/* SPDX-License-Identifier: MIT */
/* open(2) up to the inode: finding or making the file, and the checks on it. */

#include "internal.h"
#include "lx/errno.h"
#include "lx/fcntl.h"
#include "lx/unistd.h"
#include "vfs/tree.h"

static uint32_t access_of(uint32_t flags)
{
    static const uint32_t want[] = {LX_R_OK, LX_W_OK, LX_R_OK | LX_W_OK, LX_R_OK | LX_W_OK};
    return want[flags & LX_O_ACCMODE] | (flags & LX_O_TRUNC ? LX_W_OK : 0);
}

/* The checks on a file that is there: do_open() and may_open() in Linux. */
static int check_open(struct vfs_fs *fs, struct vfs_inode *inode, uint32_t flags)
{
    uint32_t want = access_of(flags);
    if (flags & LX_O_CREAT && VFS_IS_DIR(inode))
        return -LX_EISDIR;
    if (flags & LX_O_DIRECTORY && !VFS_IS_DIR(inode))
        return -LX_ENOTDIR;
    if (VFS_IS_LNK(inode))
        return -LX_ELOOP;
    if (VFS_IS_DIR(inode) && want & LX_W_OK)
        return -LX_EISDIR;
    int err = vfs_may(&fs->cred, inode, want);
    if (err < 0)
        return err;
    if (flags & LX_O_NOATIME && !vfs_owns(&fs->cred, inode))
        return -LX_EPERM;
    return (inode->mode & LX_S_IFMT) == LX_S_IFSOCK ? -LX_ENXIO : 0;
}

/* O_TMPFILE: a file without a name, in the directory's file system. */
static int open_nameless(struct vfs_fs *fs, struct vfs_inode *from, const char *path,
                         const struct vfs_open *how, uint32_t walk, struct vfs_inode **out)
{
    struct vfs_inode *dir;
    int err = vfs_walk(fs, from, path, walk | VFS_WALK_DIRECTORY, &dir);
    if (err < 0)
        return err;
    err = dir->host ? -LX_EOPNOTSUPP : tree_may_change(fs, dir);
    if (err == 0)
        err = tree_new_inode(fs, dir, LX_S_IFREG | (how->mode & 07777 & ~fs->umask), 0, NULL, out);
    if (err == 0)
        (*out)->may_link = !(how->flags & LX_O_EXCL); /* open(2): O_EXCL keeps it nameless */
    vfs_inode_put(dir);
    return err;
}

/*
 * O_CREAT: walk as far as there is something; what is missing is made where the walk
 * ended, so also where a link to nowhere leads.
 *   created  1 if it is new.
 *   returns  -LX_EEXIST also if the name appeared just now.
 */
static int find_or_create(struct vfs_fs *fs, struct vfs_inode *from, const char *path,
                          const struct vfs_open *how, uint32_t flags, struct vfs_inode **out,
                          int *created)
{
    struct walk w;
    struct vfs_last last;
    int err = walk_begin(&w, fs, from, path, flags | WALK_CREATE);
    if (err == 0)
        err = walk_to_last(&w, &last);
    if (err == 0)
        err = walk_last(&w, &last);
    if (err == -LX_ENOENT && w.missing) {
        uint32_t mode = LX_S_IFREG | (how->mode & 07777 & ~fs->umask);
        err = tree_create(fs, w.at, &last, mode, 0, NULL, out);
        *created = err == 0;
    } else if (err == 0) {
        *out = vfs_inode_get(w.at);
    }
    walk_end(&w);
    return err;
}

static int open_or_create(struct vfs_fs *fs, struct vfs_inode *from, const char *path,
                          const struct vfs_open *how, uint32_t flags, struct vfs_inode **out,
                          int *created)
{
    int exclusive = (how->flags & LX_O_EXCL) != 0, err;
    if (exclusive)
        flags |= VFS_WALK_NOFOLLOW;
    do
        err = find_or_create(fs, from, path, how, flags, out, created);
    while (err == -LX_EEXIST && !exclusive);
    if (err == 0 && exclusive && !*created) {
        vfs_inode_put(*out);
        *out = NULL;
        return -LX_EEXIST;
    }
    return err;
}

int vfs_tree_open(struct vfs_fs *fs, struct vfs_inode *from, const char *path,
                  const struct vfs_open *how, struct vfs_inode **out)
{
    uint32_t flags = how->flags;
    uint32_t walk = how->resolve << VFS_WALK_RESOLVE_SHIFT;
    int created = 0, err;
    *out = NULL;
    if ((flags & LX_O_TMPFILE) == LX_O_TMPFILE)
        return open_nameless(fs, from, path, how, walk, out);
    if (flags & LX_O_NOFOLLOW)
        walk |= VFS_WALK_NOFOLLOW;
    if (flags & LX_O_PATH)
        return vfs_walk(fs, from, path, walk | (flags & LX_O_DIRECTORY ? VFS_WALK_DIRECTORY : 0),
                        out);
    if (flags & LX_O_CREAT)
        err = open_or_create(fs, from, path, how, walk, out, &created);
    else
        err = vfs_walk(fs, from, path, walk, out);
    if (err < 0 || created)
        return err;
    err = check_open(fs, *out, flags);
    if (err == 0 && flags & LX_O_TRUNC && VFS_IS_REG(*out))
        err = vfs_inode_truncate(*out, 0);
    if (err < 0) {
        vfs_inode_put(*out);
        *out = NULL;
    }
    return err;
}
