/* SPDX-License-Identifier: MIT */
/* Making, removing and linking names. */

#include "vfs/tree.h"

#include <stdatomic.h>

#include "core/arena.h"
#include "core/mem.h"
#include "internal.h"
#include "lx/errno.h"
#include "lx/fcntl.h"
#include "lx/unistd.h"

#define NAME_IS_DOT(last) ((last)->size == 1 && (last)->name[0] == '.')
#define NAME_IS_DOTDOT(last) \
    ((last)->size == 2 && (last)->name[0] == '.' && (last)->name[1] == '.')

/* May the process change this directory's entries? */
static int may_change(const struct vfs_fs *fs, struct vfs_inode *dir)
{
    return vfs_may(&fs->cred, dir, LX_W_OK | LX_X_OK);
}

/* In a sticky directory only the owners of file and directory may remove: path_resolution(7). */
static int may_remove(const struct vfs_fs *fs, struct vfs_inode *dir, struct vfs_inode *inode)
{
    int err = may_change(fs, dir);
    if (err < 0)
        return err;
    if (dir->mode & LX_S_ISVTX && !vfs_owns(&fs->cred, inode) && !vfs_owns(&fs->cred, dir))
        return -LX_EPERM;
    return 0;
}

static void touch(struct vfs_inode *dir, int links)
{
    core_lock_acquire(&dir->lock);
    dir->mtime_ns = dir->ctime_ns = vfs_now();
    dir->nlink += (uint32_t)links;
    core_lock_release(&dir->lock);
}

/* A directory that was removed takes no new names. */
static int is_dead(const struct vfs_inode *dir)
{
    return dir->nlink == 0;
}

/* Add a name that is not there; the directory's lock is held. */
static int add_name_locked(struct vfs_inode *dir, const struct vfs_last *last,
                           struct vfs_inode *inode)
{
    int err = is_dead(dir) ? -LX_ENOENT : dir_own_locked(dir);
    if (err == 0 && dir_find_locked(dir, last->name, last->size))
        err = -LX_EEXIST;
    return err < 0 ? err : dir_add_locked(dir, last->name, last->size, inode);
}

/*
 * Make a new inode under a name.
 *   out  a reference to it, or NULL if it is not wanted.
 */
static int create(struct vfs_fs *fs, struct vfs_inode *dir, const struct vfs_last *last,
                  uint32_t mode, uint32_t rdev, const char *target, struct vfs_inode **out)
{
    int err = may_change(fs, dir);
    if (err < 0)
        return err;
    uint32_t gid = fs->cred.gid;
    if (dir->mode & LX_S_ISGID) { /* inode(7): the group is inherited, by directories the bit too */
        gid = dir->gid;
        if ((mode & LX_S_IFMT) == LX_S_IFDIR)
            mode |= LX_S_ISGID;
    }
    struct vfs_inode *inode;
    err = vfs_inode_new(mode, fs->cred.uid, gid, rdev, target, &inode);
    if (err < 0)
        return err;
    int is_dir = VFS_IS_DIR(inode);
    if (is_dir)
        inode->parent = vfs_inode_get(dir);
    core_lock_acquire(&dir->dir_lock);
    err = add_name_locked(dir, last, inode);
    if (err == 0)
        atomic_fetch_add(&inode->nlink, 1);
    core_lock_release(&dir->dir_lock);
    if (err == 0) {
        touch(dir, is_dir);
        if (out)
            *out = vfs_inode_get(inode);
    }
    vfs_inode_put(inode);
    return err;
}

/* Walk to the parent of a name that is to be made; EEXIST comes before the rest. */
static int walk_to_new(struct vfs_fs *fs, struct vfs_inode *from, const char *path, int is_dir,
                       struct vfs_inode **dir, struct vfs_last *last)
{
    int err = vfs_walk_parent(fs, from, path, 0, dir, last);
    if (err < 0)
        return err;
    struct vfs_inode *there;
    if (!last->size || NAME_IS_DOT(last) || NAME_IS_DOTDOT(last)) {
        err = -LX_EEXIST;
    } else if (vfs_tree_lookup(*dir, last->name, last->size, &there) == 0) {
        vfs_inode_put(there);
        err = -LX_EEXIST;
    } else if (last->slashes && !is_dir) {
        err = -LX_ENOENT;
    }
    if (err < 0) {
        vfs_inode_put(*dir);
        *dir = NULL;
    }
    return err;
}

static int make(struct vfs_fs *fs, struct vfs_inode *from, const char *path, uint32_t mode,
                uint32_t rdev, const char *target)
{
    struct vfs_inode *dir;
    struct vfs_last last;
    int err = walk_to_new(fs, from, path, (mode & LX_S_IFMT) == LX_S_IFDIR, &dir, &last);
    if (err < 0)
        return err;
    err = create(fs, dir, &last, mode, rdev, target, NULL);
    vfs_inode_put(dir);
    return err;
}

int vfs_tree_mkdir(struct vfs_fs *fs, struct vfs_inode *from, const char *path, uint32_t mode)
{
    mode = (mode & 01777 & ~fs->umask) | LX_S_IFDIR;
    return make(fs, from, path, mode, 0, NULL);
}

int vfs_tree_mknod(struct vfs_fs *fs, struct vfs_inode *from, const char *path, uint32_t mode,
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
        break;
    case LX_S_IFCHR:
    case LX_S_IFBLK:
        if (fs->cred.uid != 0)
            return -LX_EPERM;
        break;
    case LX_S_IFDIR:
        return -LX_EPERM;
    default:
        return -LX_EINVAL;
    }
    return make(fs, from, path, type | (mode & 07777 & ~fs->umask), rdev, NULL);
}

int vfs_tree_symlink(struct vfs_fs *fs, struct vfs_inode *from, const char *path,
                     const char *target)
{
    if (!*target)
        return -LX_ENOENT;
    return make(fs, from, path, LX_S_IFLNK | 0777, 0, target);
}

int vfs_tree_link(struct vfs_fs *fs, struct vfs_inode *inode, struct vfs_inode *from,
                  const char *path)
{
    struct vfs_inode *dir;
    struct vfs_last last;
    int err = walk_to_new(fs, from, path, 0, &dir, &last);
    if (err < 0)
        return err;
    err = may_change(fs, dir);
    if (err == 0 && VFS_IS_DIR(inode))
        err = -LX_EPERM;
    if (err == 0) {
        core_lock_acquire(&dir->dir_lock);
        err = add_name_locked(dir, &last, inode);
        core_lock_release(&dir->dir_lock);
    }
    if (err == 0) {
        touch(dir, 0);
        core_lock_acquire(&inode->lock);
        inode->nlink++;
        inode->ctime_ns = vfs_now();
        core_lock_release(&inode->lock);
    }
    vfs_inode_put(dir);
    return err;
}

/* One name of the inode is gone; `gone` directories have no name left at all. */
static void drop_link(struct vfs_inode *inode, int gone)
{
    core_lock_acquire(&inode->lock);
    inode->nlink = gone ? 0 : inode->nlink - 1;
    inode->ctime_ns = vfs_now();
    core_lock_release(&inode->lock);
}

/* Remove one entry whose directory is `dir`; a directory must be empty. */
static int remove_name(struct vfs_fs *fs, struct vfs_inode *dir, const struct vfs_last *last,
                       int want_dir)
{
    struct vfs_inode *inode = NULL;
    core_lock_acquire(&dir->dir_lock);
    int err = dir_own_locked(dir);
    struct vfs_entry *e = err == 0 ? dir_find_locked(dir, last->name, last->size) : NULL;
    if (err == 0)
        err = e ? dir_entry_inode_locked(dir, e, &inode) : -LX_ENOENT;
    if (err == 0)
        err = may_remove(fs, dir, inode);
    if (err == 0 && want_dir && !VFS_IS_DIR(inode))
        err = -LX_ENOTDIR;
    if (err == 0 && !want_dir && VFS_IS_DIR(inode))
        err = -LX_EISDIR;
    if (err == 0 && !want_dir && last->slashes)
        err = -LX_ENOTDIR;
    if (err == 0 && want_dir) {
        core_lock_acquire(&inode->dir_lock);
        if (!dir_is_empty_locked(inode))
            err = -LX_ENOTEMPTY;
        else
            drop_link(inode, 1); /* under its lock: nothing can be added from here on */
        core_lock_release(&inode->dir_lock);
    }
    if (err == 0)
        dir_remove_locked(dir, e); /* its reference is ours now */
    core_lock_release(&dir->dir_lock);
    if (err < 0)
        return err;
    if (!want_dir)
        drop_link(inode, 0);
    touch(dir, want_dir ? -1 : 0);
    vfs_inode_put(inode);
    return 0;
}

int vfs_tree_unlink(struct vfs_fs *fs, struct vfs_inode *from, const char *path)
{
    struct vfs_inode *dir;
    struct vfs_last last;
    int err = vfs_walk_parent(fs, from, path, 0, &dir, &last);
    if (err < 0)
        return err;
    if (!last.size || NAME_IS_DOT(&last) || NAME_IS_DOTDOT(&last))
        err = -LX_EISDIR;
    else
        err = remove_name(fs, dir, &last, 0);
    vfs_inode_put(dir);
    return err;
}

int vfs_tree_rmdir(struct vfs_fs *fs, struct vfs_inode *from, const char *path)
{
    struct vfs_inode *dir;
    struct vfs_last last;
    int err = vfs_walk_parent(fs, from, path, 0, &dir, &last);
    if (err < 0)
        return err;
    if (!last.size)
        err = -LX_EBUSY; /* the root */
    else if (NAME_IS_DOT(&last))
        err = -LX_EINVAL;
    else if (NAME_IS_DOTDOT(&last))
        err = -LX_ENOTEMPTY;
    else
        err = remove_name(fs, dir, &last, 1);
    vfs_inode_put(dir);
    return err;
}

/* ---- rename(2) ---- */

/* 1 if `dir` is `ancestor` or lies below it; LOCK_TREE is held. */
static int is_below(struct vfs_inode *dir, const struct vfs_inode *ancestor)
{
    for (;; dir = dir->parent) {
        if (dir == ancestor)
            return 1;
        if (dir == dir->parent)
            return 0;
    }
}

static void lock_dirs(struct vfs_inode *a, struct vfs_inode *b)
{
    struct vfs_inode *first = a->ino <= b->ino ? a : b;
    core_lock_acquire(&first->dir_lock);
    if (a != b)
        core_lock_acquire(first == a ? &b->dir_lock : &a->dir_lock);
}

static void unlock_dirs(struct vfs_inode *a, struct vfs_inode *b)
{
    core_lock_release(&a->dir_lock);
    if (a != b)
        core_lock_release(&b->dir_lock);
}

struct rename {
    struct vfs_fs *fs;
    struct vfs_inode *dir, *to_dir;
    struct vfs_last last, to_last;
    uint32_t flags;
    struct vfs_inode *inode, *target; /* what is renamed; what is replaced, or NULL */
};

/* Linux' checks, in its order; both directories are locked. */
static int rename_check(struct rename *r, struct vfs_entry *to)
{
    int is_dir = VFS_IS_DIR(r->inode);
    int exchange = (r->flags & LX_RENAME_EXCHANGE) != 0;
    if (to && r->flags & LX_RENAME_NOREPLACE)
        return -LX_EEXIST;
    if (!to && exchange)
        return -LX_ENOENT;
    if (!is_dir && (r->last.slashes || (!exchange && r->to_last.slashes)))
        return -LX_ENOTDIR;
    if (is_dir && is_below(r->to_dir, r->inode))
        return -LX_EINVAL;
    if (r->target && VFS_IS_DIR(r->target) && is_below(r->dir, r->target))
        return exchange ? -LX_EINVAL : -LX_ENOTEMPTY;
    if (r->target == r->inode)
        return 1; /* rename(2): two names of one file, nothing is done */
    int err = may_remove(r->fs, r->dir, r->inode);
    if (err == 0)
        err = r->target ? may_remove(r->fs, r->to_dir, r->target) : may_change(r->fs, r->to_dir);
    if (err < 0 || !r->target || exchange)
        return err;
    if (is_dir && !VFS_IS_DIR(r->target))
        return -LX_ENOTDIR;
    if (!is_dir && VFS_IS_DIR(r->target))
        return -LX_EISDIR;
    return 0;
}

static void set_parent(struct vfs_inode *inode, struct vfs_inode *parent)
{
    struct vfs_inode *old = inode->parent;
    inode->parent = vfs_inode_get(parent);
    vfs_inode_put(old);
}

static int rename_locked(struct rename *r)
{
    int err = dir_own_locked(r->dir);
    if (err == 0)
        err = dir_own_locked(r->to_dir);
    if (err < 0)
        return err;
    struct vfs_entry *from = dir_find_locked(r->dir, r->last.name, r->last.size);
    struct vfs_entry *to = dir_find_locked(r->to_dir, r->to_last.name, r->to_last.size);
    err = from ? dir_entry_inode_locked(r->dir, from, &r->inode) : -LX_ENOENT;
    if (err == 0 && to)
        err = dir_entry_inode_locked(r->to_dir, to, &r->target);
    if (err == 0 && is_dead(r->to_dir))
        err = -LX_ENOENT;
    if (err == 0)
        err = rename_check(r, to);
    if (err != 0) {
        r->inode = r->target = NULL;
        return err < 0 ? err : 0;
    }

    int is_dir = VFS_IS_DIR(r->inode), to_is_dir = r->target && VFS_IS_DIR(r->target);
    int moves = r->dir != r->to_dir;
    if (r->flags & LX_RENAME_EXCHANGE) {
        cache_drop(r->dir->ino, from->name, from->size, from->hash);
        cache_drop(r->to_dir->ino, to->name, to->size, to->hash);
        from->inode = r->target;
        to->inode = r->inode;
        if (moves && is_dir)
            set_parent(r->inode, r->to_dir);
        if (moves && to_is_dir)
            set_parent(r->target, r->dir);
        int change = moves ? to_is_dir - is_dir : 0;
        touch(r->dir, change);
        touch(r->to_dir, -change);
        r->target = NULL; /* nothing was replaced */
        r->inode = NULL;
        return 0;
    }
    if (to_is_dir) {
        core_lock_acquire(&r->target->dir_lock);
        err = dir_is_empty_locked(r->target) ? 0 : -LX_ENOTEMPTY;
        if (err == 0)
            drop_link(r->target, 1);
        core_lock_release(&r->target->dir_lock);
    }
    if (err == 0 && to) {
        cache_drop(r->to_dir->ino, to->name, to->size, to->hash);
        to->inode = vfs_inode_get(r->inode); /* the old one's reference is ours now */
        if (!to_is_dir)
            drop_link(r->target, 0);
    } else if (err == 0) {
        err = dir_add_locked(r->to_dir, r->to_last.name, r->to_last.size, r->inode);
    }
    if (err < 0) {
        r->inode = r->target = NULL;
        return err;
    }
    dir_remove_locked(r->dir, from);
    if (moves && is_dir)
        set_parent(r->inode, r->to_dir);
    touch(r->dir, -(moves && is_dir) - (!moves && to_is_dir));
    touch(r->to_dir, (moves && is_dir) - (moves && to_is_dir));
    core_lock_acquire(&r->inode->lock);
    r->inode->ctime_ns = vfs_now();
    core_lock_release(&r->inode->lock);
    return 0;
}

static int rename_names(struct rename *r)
{
    if (!r->last.size || NAME_IS_DOT(&r->last) || NAME_IS_DOTDOT(&r->last) || !r->to_last.size ||
        NAME_IS_DOT(&r->to_last) || NAME_IS_DOTDOT(&r->to_last))
        return r->flags & LX_RENAME_NOREPLACE ? -LX_EEXIST : -LX_EBUSY;
    core_lock_acquire(&vfs_state()->tree_lock);
    lock_dirs(r->dir, r->to_dir);
    int err = rename_locked(r);
    unlock_dirs(r->dir, r->to_dir);
    core_lock_release(&vfs_state()->tree_lock);
    vfs_inode_put(r->inode); /* the reference of the entry that is gone */
    vfs_inode_put(r->target);
    return err;
}

int vfs_tree_rename(struct vfs_fs *fs, struct vfs_inode *from, const char *path,
                    struct vfs_inode *to_from, const char *to_path, uint32_t flags)
{
    struct rename r = {.fs = fs, .flags = flags};
    if (flags & ~(uint32_t)(LX_RENAME_NOREPLACE | LX_RENAME_EXCHANGE) ||
        flags == (LX_RENAME_NOREPLACE | LX_RENAME_EXCHANGE))
        return -LX_EINVAL;
    int err = vfs_walk_parent(fs, from, path, 0, &r.dir, &r.last);
    if (err == 0)
        err = vfs_walk_parent(fs, to_from, to_path, 0, &r.to_dir, &r.to_last);
    if (err == 0)
        err = rename_names(&r);
    vfs_inode_put(r.dir);
    vfs_inode_put(r.to_dir);
    return err;
}

/* ---- open(2) ---- */

static uint32_t access_of(uint32_t flags)
{
    static const uint32_t want[] = {LX_R_OK, LX_W_OK, LX_R_OK | LX_W_OK, LX_R_OK | LX_W_OK};
    return want[flags & LX_O_ACCMODE] | (flags & LX_O_TRUNC ? LX_W_OK : 0);
}

/* The checks on a file that is there: may_open() in Linux. */
static int check_open(struct vfs_fs *fs, struct vfs_inode *inode, uint32_t flags)
{
    if (VFS_IS_LNK(inode))
        return -LX_ELOOP;
    uint32_t want = access_of(flags);
    if (VFS_IS_DIR(inode) && (want & LX_W_OK || flags & LX_O_CREAT))
        return -LX_EISDIR;
    int err = vfs_may(&fs->cred, inode, want);
    if (err < 0)
        return err;
    if ((inode->mode & LX_S_IFMT) == LX_S_IFSOCK)
        return -LX_ENXIO;
    if (flags & LX_O_NOATIME && !vfs_owns(&fs->cred, inode))
        return -LX_EPERM;
    return 0;
}

/* O_TMPFILE: a file without a name in the directory. */
static int open_nameless(struct vfs_fs *fs, struct vfs_inode *from, const char *path,
                         const struct vfs_open *how, uint32_t walk, struct vfs_inode **out)
{
    struct vfs_inode *dir;
    int err = vfs_walk(fs, from, path, walk | VFS_WALK_DIRECTORY, &dir);
    if (err < 0)
        return err;
    err = may_change(fs, dir);
    if (err == 0)
        err = vfs_inode_new(LX_S_IFREG | (how->mode & 07777 & ~fs->umask), fs->cred.uid,
                            fs->cred.gid, 0, NULL, out);
    vfs_inode_put(dir);
    return err;
}

#define AGAIN 1 /* the name appeared or went away meanwhile */

/* O_CREAT where the last component is not a link that is to be followed. */
static int open_or_create(struct vfs_fs *fs, struct vfs_inode *from, const char *path,
                          const struct vfs_open *how, uint32_t walk, struct vfs_inode **out)
{
    struct vfs_inode *dir;
    struct vfs_last last;
    int err = vfs_walk_parent(fs, from, path, walk, &dir, &last);
    if (err < 0)
        return err;
    if (!last.size || NAME_IS_DOT(&last) || NAME_IS_DOTDOT(&last) || last.slashes)
        err = -LX_EISDIR;
    else
        err = create(fs, dir, &last, LX_S_IFREG | (how->mode & 07777 & ~fs->umask), 0, NULL, out);
    vfs_inode_put(dir);
    return err == -LX_EEXIST ? AGAIN : err;
}

static int find_or_create(struct vfs_fs *fs, struct vfs_inode *from, const char *path,
                          const struct vfs_open *how, uint32_t walk, struct vfs_inode **out,
                          int *created)
{
    uint32_t exclusive = how->flags & LX_O_EXCL ? VFS_WALK_NOFOLLOW : 0;
    for (;;) {
        *created = 0;
        int err = vfs_walk(fs, from, path, walk | exclusive, out);
        if (err == 0 && exclusive) {
            vfs_inode_put(*out);
            *out = NULL;
            return -LX_EEXIST;
        }
        if (err != -LX_ENOENT)
            return err;
        *created = 1;
        err = open_or_create(fs, from, path, how, walk, out);
        if (err != AGAIN)
            return err;
        if (exclusive)
            return -LX_EEXIST;
        /* It is there, yet the walk found nothing: a link to nowhere. Make its target. */
        char target[LX_PATH_MAX];
        struct vfs_inode *link;
        err = vfs_walk(fs, from, path, walk | VFS_WALK_NOFOLLOW, &link);
        if (err < 0)
            continue;
        int is_link = VFS_IS_LNK(link);
        int64_t n = is_link ? vfs_inode_readlink(link, target, sizeof target - 1) : 0;
        vfs_inode_put(link);
        if (!is_link)
            continue;
        if (n < 0)
            return (int)n;
        target[n] = 0;
        struct vfs_inode *dir;
        struct vfs_last last;
        err = vfs_walk_parent(fs, from, path, walk, &dir, &last);
        if (err < 0)
            return err;
        err = open_or_create(fs, dir, target, how, walk, out);
        vfs_inode_put(dir);
        return err == AGAIN ? -LX_ELOOP : err; /* Differs from Linux: links to such links are not */
    }
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
    walk |= (flags & LX_O_NOFOLLOW ? VFS_WALK_NOFOLLOW : 0) |
            (flags & LX_O_DIRECTORY ? VFS_WALK_DIRECTORY : 0);
    if (flags & LX_O_PATH)
        return vfs_walk(fs, from, path, walk, out);
    if (flags & LX_O_CREAT)
        err = find_or_create(fs, from, path, how, walk, out, &created);
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
