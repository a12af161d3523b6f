/* SPDX-License-Identifier: MIT */
/* open(2): finding or making the file, and the checks on it. */

#include "core/mem.h"
#include "internal.h"
#include "lx/errno.h"
#include "lx/fcntl.h"
#include "lx/unistd.h"
#include "mounts.h"
#include "notify.h"
#include "vfs/file.h"
#include "vfs/tree.h"

#define STALE_TRIES 10 /* when a host moves names while they are looked up */

static uint32_t access_of(uint32_t flags)
{
    static const uint32_t want[] = {LX_R_OK, LX_W_OK, LX_R_OK | LX_W_OK, LX_R_OK | LX_W_OK};
    return want[flags & LX_O_ACCMODE] | (flags & LX_O_TRUNC ? LX_W_OK : 0);
}

/* The checks on a file that is there: do_open() and may_open() in Linux. */
static int check_open(struct vfs_fs *fs, const struct vfs_path *where, uint32_t flags)
{
    struct vfs_inode *inode = where->inode;
    uint32_t want = access_of(flags);
    if (flags & LX_O_CREAT && VFS_IS_DIR(inode))
        return -LX_EISDIR;
    if (flags & LX_O_DIRECTORY && !VFS_IS_DIR(inode))
        return -LX_ENOTDIR;
    if (VFS_IS_LNK(inode))
        return -LX_ELOOP;
    if (VFS_IS_DIR(inode) && want & LX_W_OK)
        return -LX_EISDIR;
    uint32_t type = inode->mode & LX_S_IFMT;
    int is_stored = type == LX_S_IFREG || type == LX_S_IFDIR;
    if ((type == LX_S_IFCHR || type == LX_S_IFBLK) &&
        vfs_mount_flags(where->mount) & VFS_MOUNT_NODEV)
        return -LX_EACCES;
    int err = flags & LX_O_TRUNC && is_stored ? vfs_may_write(where) : 0;
    if (err == 0)
        err = vfs_may(&fs->cred, inode, want);
    if (err == 0 && want & LX_W_OK && is_stored)
        err = vfs_may_write(where);
    if (err < 0)
        return err;
    if (flags & LX_O_NOATIME && !vfs_owns(&fs->cred, inode))
        return -LX_EPERM;
    return type == LX_S_IFSOCK ? -LX_ENXIO : 0;
}

/* O_TMPFILE: a file without a name, in the directory's file system. */
static int open_nameless(struct vfs_fs *fs, const struct vfs_path *from, const char *path,
                         const struct vfs_open *how, uint32_t walk, struct vfs_path *out,
                         struct vfs_place *place)
{
    struct vfs_path where;
    int err = vfs_walk_path(fs, from, path, walk | VFS_WALK_DIRECTORY, &where);
    if (err < 0)
        return err;
    struct vfs_inode *dir = where.inode, *inode = NULL;
    err = vfs_may_write(&where);
    if (err == 0)
        err = dir->owner || super_is_mqueue(dir->super) ? -LX_EOPNOTSUPP : tree_may_change(fs, dir);
    if (err == 0)
        err = tree_new_inode(fs, dir, LX_S_IFREG | (how->mode & 07777), 0, NULL, &inode);
    if (err == 0)
        inode->may_link = !(how->flags & LX_O_EXCL); /* open(2): O_EXCL keeps it nameless */
    if (err == 0 && place) {
        char name[24] = "#"; /* as Linux calls it */
        core_str_u64(name + 1, inode->ino);
        place_set(place, dir, name, (uint32_t)core_str_length(name));
    }
    if (err < 0) {
        vfs_path_put(&where);
        return err;
    }
    vfs_inode_put(dir);
    *out = (struct vfs_path){where.mount, inode};
    return 0;
}

/*
 * O_CREAT: walk as far as there is something; what is missing is made where the walk
 * ended, so also where a link to nowhere leads.
 *   created  1 if it is new.
 *   returns  -LX_EEXIST also if the name appeared just now.
 */
static int find_or_create(struct vfs_fs *fs, const struct vfs_path *from, const char *path,
                          const struct vfs_open *how, uint32_t flags, struct vfs_path *out,
                          struct vfs_place *place, int *created)
{
    struct walk w;
    struct vfs_last last;
    int err = walk_begin(&w, fs, from, path, flags | WALK_CREATE);
    w.place = place;
    if (err == 0)
        err = walk_to_last(&w, &last);
    if (err == 0)
        err = walk_last(&w, &last);
    if (err == -LX_ENOENT && w.missing) {
        uint32_t mode = LX_S_IFREG | (how->mode & 07777);
        struct vfs_inode *inode;
        err = vfs_may_write(&w.at);
        if (err == 0)
            err = tree_create(fs, w.at.inode, &last, mode, 0, NULL, &inode);
        *created = err == 0;
        if (err == 0 && place)
            place_set(place, w.at.inode, last.name, last.size);
        if (err == 0) {
            vfs_inode_put(w.at.inode);
            w.at.inode = inode;
        }
    }
    if (err == 0) {
        *out = w.at;
        w.at = (struct vfs_path){NULL, NULL};
    }
    walk_end(&w);
    return err;
}

static int open_or_create(struct vfs_fs *fs, const struct vfs_path *from, const char *path,
                          const struct vfs_open *how, uint32_t flags, struct vfs_path *out,
                          struct vfs_place *place, int *created)
{
    int exclusive = (how->flags & LX_O_EXCL) != 0, err;
    if (exclusive)
        flags |= VFS_WALK_NOFOLLOW;
    do
        err = find_or_create(fs, from, path, how, flags, out, place, created);
    while (err == -LX_EEXIST && !exclusive);
    if (err == 0 && exclusive && !*created) {
        vfs_path_put(out);
        return -LX_EEXIST;
    }
    return err;
}

/*
 * vfs_tree_open(), and where it was found.
 *   place    may be NULL.
 *   emptied  1 if there was a file, and O_TRUNC has emptied it.
 */
static int open_place(struct vfs_fs *fs, const struct vfs_path *from, const char *path,
                      const struct vfs_open *how, struct vfs_path *out, struct vfs_place *place,
                      int *emptied)
{
    uint32_t flags = how->flags;
    uint32_t walk = how->resolve << VFS_WALK_RESOLVE_SHIFT;
    int created = 0, err;
    *out = (struct vfs_path){NULL, NULL};
    *emptied = 0;
    if (flags & LX_O_NOFOLLOW)
        walk |= VFS_WALK_NOFOLLOW;
    if ((flags & LX_O_TMPFILE) == LX_O_TMPFILE)
        return open_nameless(fs, from, path, how, walk, out, place);
    if (flags & LX_O_PATH)
        return walk_to_place(fs, from, path,
                             walk | (flags & LX_O_DIRECTORY ? VFS_WALK_DIRECTORY : 0), out, place);
    if (flags & LX_O_CREAT)
        err = open_or_create(fs, from, path, how, walk, out, place, &created);
    else
        err = walk_to_place(fs, from, path, walk, out, place);
    if (err < 0 || created)
        return err;
    err = check_open(fs, out, flags);
    if (err == 0 && flags & LX_O_TRUNC && VFS_IS_REG(out->inode)) {
        err = vfs_drop_privileges(&fs->cred, out->inode);
        if (err == 0)
            err = vfs_inode_truncate(out->inode, 0);
        *emptied = err == 0;
    }
    if (err < 0)
        vfs_path_put(out);
    return err;
}

int vfs_tree_open(struct vfs_fs *fs, const struct vfs_path *from, const char *path,
                  const struct vfs_open *how, struct vfs_inode **out)
{
    struct vfs_path where;
    int emptied;
    int err = open_place(fs, from, path, how, &where, NULL, &emptied);
    *out = where.inode;
    mount_put(where.mount);
    return err;
}

static int open_path(struct vfs_fs *fs, const struct vfs_path *from, const char *path,
                     const struct vfs_open *how, struct core_sleeper *self, struct vfs_file **out)
{
    struct vfs_path where;
    struct vfs_place place;
    int emptied;
    place.dir = NULL;
    *out = NULL;
    int err = open_place(fs, from, path, how, &where, &place, &emptied);
    if (err == 0)
        err = vfs_file_open(where.inode, how->flags, self, out);
    if (err == 0 && (*out)->inode)
        file_set_place(*out, where.mount, &place);
    if (err == 0 && !(how->flags & LX_O_PATH))
        notify_file(*out, LX_IN_OPEN);
    if (err == 0 && emptied)
        notify_file(*out, LX_IN_MODIFY);
    place_put(&place);
    vfs_path_put(&where);
    return err;
}

int vfs_file_open_path(struct vfs_fs *fs, const struct vfs_path *from, const char *path,
                       const struct vfs_open *how, struct core_sleeper *self, struct vfs_file **out)
{
    int err = open_path(fs, from, path, how, self, out);
    for (int i = 0; err == -LX_ESTALE && i < STALE_TRIES; i++)
        err = open_path(fs, from, path, how, self, out);
    return err == -LX_ESTALE ? -LX_ENOENT : err;
}
