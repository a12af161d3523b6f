/* SPDX-License-Identifier: MIT */
/* rename(2), renameat2(2).  One rename at a time: LOCK_TREE keeps the tree's shape. */

#include "core/mem.h"
#include "inode_ops.h"
#include "internal.h"
#include "lx/errno.h"
#include "lx/unistd.h"
#include "notify.h"
#include "vfs/tree.h"

struct rename {
    struct vfs_fs *fs;
    struct vfs_inode *dir, *to_dir; /* borrowed */
    struct vfs_last last, to_last;
    struct name_key key, to_key;
    uint32_t flags;
    struct vfs_inode *inode, *target; /* references: what is renamed; what has the new name */
};

/* 1 if `dir` is `ancestor` or lies below it; LOCK_TREE is held. */
static int is_below(const struct vfs_inode *dir, const struct vfs_inode *ancestor)
{
    for (;; dir = dir->parent) {
        if (dir == ancestor)
            return 1;
        if (dir == dir->parent)
            return 0;
    }
}

/*
 * Both directories, in the order of the rank's comment: the upper one first, as rmdir(2)
 * takes them, else by inode number.
 */
static void lock_dirs(struct rename *r)
{
    struct vfs_inode *first = r->dir, *second = r->to_dir;
    if (!is_below(second, first) && (is_below(first, second) || second->ino < first->ino)) {
        first = r->to_dir;
        second = r->dir;
    }
    core_lock_acquire(&first->dir_lock);
    if (first != second)
        core_lock_acquire(&second->dir_lock);
}

static void unlock_dirs(struct rename *r)
{
    core_lock_release(&r->dir->dir_lock);
    if (r->dir != r->to_dir)
        core_lock_release(&r->to_dir->dir_lock);
}

static int is_dir(const struct vfs_inode *inode)
{
    return inode && VFS_IS_DIR(inode);
}

/* What the names say together: do_renameat2() in Linux. */
static int check_names(const struct rename *r)
{
    int exchange = (r->flags & LX_RENAME_EXCHANGE) != 0;
    if (r->target && r->flags & LX_RENAME_NOREPLACE)
        return -LX_EEXIST;
    if (exchange && !r->target)
        return -LX_ENOENT;
    if (exchange && !is_dir(r->target) && r->to_last.slashes)
        return -LX_ENOTDIR;
    if (!is_dir(r->inode) && (r->last.slashes || (!exchange && r->to_last.slashes)))
        return -LX_ENOTDIR;
    if (is_dir(r->inode) && is_below(r->to_dir, r->inode))
        return -LX_EINVAL;
    if (is_dir(r->target) && is_below(r->dir, r->target))
        return exchange ? -LX_EINVAL : -LX_ENOTEMPTY;
    return 0;
}

/* Who may do it: vfs_rename() in Linux. */
static int check_access(const struct rename *r)
{
    const struct vfs_cred *cred = &r->fs->cred;
    int exchange = (r->flags & LX_RENAME_EXCHANGE) != 0;
    if (r->inode->mounted || (r->target && r->target->mounted))
        return -LX_EBUSY;
    int err = tree_may_remove(r->fs, r->dir, r->inode);
    if (err == 0 && !r->target)
        err = r->to_dir->nlink ? tree_may_change(r->fs, r->to_dir) : -LX_ENOENT;
    else if (err == 0)
        err = tree_may_remove(r->fs, r->to_dir, r->target);
    if (err == 0 && r->target && !exchange && is_dir(r->inode) != is_dir(r->target))
        err = is_dir(r->inode) ? -LX_ENOTDIR : -LX_EISDIR;
    if (err < 0 || r->dir == r->to_dir)
        return err;
    /* A directory's ".." changes with its parent, which is a write to it. */
    if (is_dir(r->inode))
        err = vfs_may(cred, r->inode, LX_W_OK);
    if (err == 0 && exchange && is_dir(r->target))
        err = vfs_may(cred, r->target, LX_W_OK);
    return err;
}

static void set_parent(struct vfs_inode *inode, struct vfs_inode *parent)
{
    struct vfs_inode *old = inode->parent;
    inode->parent = vfs_inode_get(parent);
    vfs_inode_put(old); /* the rename itself holds it, too */
}

static void touch_inode(struct vfs_inode *inode)
{
    core_lock_acquire(&inode->lock);
    inode_touch_attributes(inode);
    core_lock_release(&inode->lock);
}

static void exchange_locked(struct rename *r, struct vfs_entry *from, struct vfs_entry *to)
{
    int moves = r->dir != r->to_dir;
    int change = moves ? is_dir(r->target) - is_dir(r->inode) : 0;
    vfs_inode_put(dir_set_locked(r->dir, from, r->target));
    vfs_inode_put(dir_set_locked(r->to_dir, to, r->inode));
    if (moves) {
        set_parent(r->inode, r->to_dir);
        set_parent(r->target, r->dir);
    }
    tree_touch_locked(r->dir, change);
    tree_touch_locked(r->to_dir, -change);
    touch_inode(r->inode);
    touch_inode(r->target);
}

/* Tell who watches. */
static void notify(const struct rename *r)
{
    int exchange = (r->flags & LX_RENAME_EXCHANGE) != 0;
    notify_renamed(r->inode, r->dir, &r->last, r->to_dir, &r->to_last, exchange ? NULL : r->target);
    if (exchange)
        notify_renamed(r->target, r->to_dir, &r->to_last, r->dir, &r->last, NULL);
}

/* Take the link of what is replaced; a directory must be empty. */
static int end_target(struct vfs_inode *target)
{
    int err = 0;
    if (!is_dir(target)) {
        tree_drop_link(target);
        return 0;
    }
    core_lock_acquire(&target->dir_lock);
    if (dir_is_empty_locked(target))
        tree_drop_link(target);
    else
        err = -LX_ENOTEMPTY;
    core_lock_release(&target->dir_lock);
    return err;
}

/* RENAME_WHITEOUT: what is to have the old name. */
static int make_whiteout(struct rename *r, struct vfs_inode **out)
{
    *out = NULL;
    int err =
        r->flags & LX_RENAME_WHITEOUT ? tree_new_inode(r->fs, r->dir, LX_S_IFCHR, 0, NULL, out) : 0;
    if (*out)
        (*out)->nlink = 1; /* nobody else knows it yet */
    return err;
}

static int move_locked(struct rename *r, struct vfs_entry *from, struct vfs_entry *to)
{
    int moves = r->dir != r->to_dir;
    struct vfs_inode *whiteout;
    int err = make_whiteout(r, &whiteout);
    if (err == 0)
        err = to ? end_target(r->target) : dir_add_locked(r->to_dir, &r->to_key, r->inode);
    if (err < 0)
        goto out;
    if (to)
        vfs_inode_put(dir_set_locked(r->to_dir, to, r->inode));
    vfs_inode_put(dir_set_locked(r->dir, from, whiteout));
    if (moves)
        set_parent(r->inode, r->to_dir);
    tree_touch_locked(r->dir, moves ? -is_dir(r->inode) : -is_dir(r->target));
    if (moves)
        tree_touch_locked(r->to_dir, is_dir(r->inode) - is_dir(r->target));
    touch_inode(r->inode);
out:
    vfs_inode_put(whiteout);
    return err;
}

static int rename_locked(struct rename *r)
{
    struct vfs_entry *from, *to = NULL;
    int err = dir_lookup_locked(r->dir, &r->key, &r->inode);
    if (err == 0 && r->to_last.size > LX_NAME_MAX)
        err = -LX_ENAMETOOLONG;
    if (err < 0)
        return err;
    err = dir_lookup_locked(r->to_dir, &r->to_key, &r->target);
    if (err < 0 && err != -LX_ENOENT)
        return err;
    err = check_names(r);
    if (err < 0 || r->inode == r->target) /* rename(2): two names of one file stay */
        return err;
    err = check_access(r);
    if (err == 0 && super_is_mqueue(r->dir->super))
        err = -LX_EPERM;
    if (err == 0)
        err = dir_entry_locked(r->dir, &r->key, &from);
    if (err == 0 && r->target)
        err = dir_entry_locked(r->to_dir, &r->to_key, &to);
    if (err < 0)
        return err;
    if (r->flags & LX_RENAME_EXCHANGE)
        exchange_locked(r, from, to);
    else
        err = move_locked(r, from, to);
    if (err == 0)
        notify(r);
    return err;
}

static int is_same_name(const struct rename *r)
{
    return r->dir == r->to_dir && r->last.size == r->to_last.size &&
           memcmp(r->last.name, r->to_last.name, r->last.size) == 0;
}

/* Rename what both names were found to mean. */
static int rename_found(struct rename *r)
{
    struct vfs_state *s = vfs_state();
    core_lock_acquire(&s->tree_lock);
    int err = check_names(r), same = r->inode == r->target; /* as in rename_locked() */
    if (err == 0 && !same)
        err = check_access(r);
    if (err == 0 && !same)
        err = inode_ops(r->dir)->rename_locked(r->dir, &r->last, r->inode, r->to_dir, &r->to_last,
                                               r->target, r->flags);
    if (err == 0 && !same)
        notify(r);
    core_lock_release(&s->tree_lock);
    return err;
}

/* In another file system: both names are looked up first, which takes LOCK_TREE itself. */
static int rename_elsewhere(struct rename *r)
{
    const struct inode_ops *ops = inode_ops(r->dir);
    int err = r->flags & LX_RENAME_WHITEOUT ? -LX_EINVAL : 0;
    if (err == 0)
        err = ops->lookup(r->dir, r->last.name, r->last.size, &r->inode);
    if (err == 0 && r->to_last.size > LX_NAME_MAX)
        err = -LX_ENAMETOOLONG;
    if (err == 0)
        err = ops->lookup(r->to_dir, r->to_last.name, r->to_last.size, &r->target);
    if (err == -LX_ENOENT && r->inode)
        err = 0;
    /* One file with one name, which the host finds by two: they differ in case. */
    if (err == 0 && r->inode == r->target && !is_same_name(r) &&
        (is_dir(r->inode) || r->inode->nlink == 1)) {
        vfs_inode_put(r->target);
        r->target = NULL;
    }
    if (err == 0)
        err = rename_found(r);
    if (err == -LX_EACCES && r->target && mapping_hide(r->target)) { /* see host_remove() */
        err = rename_found(r);
        mapping_show(r->target);
    }
    return err;
}

static int rename_names(struct rename *r, const struct vfs_path *where, const struct vfs_path *to)
{
    struct vfs_state *s = vfs_state();
    if (where->mount != to->mount)
        return -LX_EXDEV;
    if (!last_is_plain(&r->last))
        return -LX_EBUSY;
    if (!last_is_plain(&r->to_last))
        return r->flags & LX_RENAME_NOREPLACE ? -LX_EEXIST : -LX_EBUSY;
    int err = vfs_may_write(where);
    if (err < 0)
        return err;
    if (r->last.size > LX_NAME_MAX)
        return -LX_ENAMETOOLONG;
    if (r->dir->owner) {
        err = rename_elsewhere(r);
        vfs_inode_put(r->inode);
        vfs_inode_put(r->target);
        return err;
    }
    name_key_init(&r->key, r->dir->ino, r->last.name, r->last.size);
    name_key_init(&r->to_key, r->to_dir->ino, r->to_last.name, r->to_last.size);
    core_lock_acquire(&s->tree_lock);
    lock_dirs(r);
    err = rename_locked(r);
    unlock_dirs(r);
    core_lock_release(&s->tree_lock);
    vfs_inode_put(r->inode);
    vfs_inode_put(r->target);
    return err;
}

int vfs_tree_check_rename(uint32_t flags)
{
    const uint32_t others = LX_RENAME_NOREPLACE | LX_RENAME_WHITEOUT;
    return flags & ~(others | LX_RENAME_EXCHANGE) || (flags & LX_RENAME_EXCHANGE && flags & others)
               ? -LX_EINVAL
               : 0;
}

int vfs_tree_rename(struct vfs_fs *fs, const struct vfs_path *from, const char *path,
                    const struct vfs_path *to_from, const char *to_path, uint32_t flags)
{
    struct rename r = {.fs = fs, .flags = flags};
    struct vfs_path where = {NULL, NULL}, to = {NULL, NULL};
    int err = vfs_tree_check_rename(flags);
    if (err == 0)
        err = vfs_walk_parent(fs, from, path, 0, &where, &r.last);
    if (err == 0)
        err = vfs_walk_parent(fs, to_from, to_path, 0, &to, &r.to_last);
    r.dir = where.inode;
    r.to_dir = to.inode;
    if (err == 0)
        err = rename_names(&r, &where, &to);
    vfs_path_put(&where);
    vfs_path_put(&to);
    return err;
}
