/* SPDX-License-Identifier: MIT */
/* Where an inode is: the path of the working directory, and of any open file. */

#include "core/arena.h"
#include "core/mem.h"
#include "inode_ops.h"
#include "internal.h"
#include "lx/errno.h"
#include "lx/unistd.h"
#include "made.h"
#include "mounts.h"

void place_move(struct vfs_place *place, struct vfs_inode *dir, const char *name, uint32_t size)
{
    place_put(place);
    place->dir = dir;
    place->size = size;
    memcpy(place->name, name, size);
}

void place_set(struct vfs_place *place, struct vfs_inode *dir, const char *name, uint32_t size)
{
    place_move(place, vfs_inode_get(dir), name, size);
}

void place_put(struct vfs_place *place)
{
    vfs_inode_put(place->dir);
    place->dir = NULL;
    place->size = 0;
}

/* ---- The working directory's path ---- */

/* A path that grows at its front. */
struct backwards {
    char *begin, *end; /* of what is there; `begin` moves down to `limit` */
    char *limit;
};

static int prepend(struct backwards *b, const char *text, uint64_t size)
{
    if ((uint64_t)(b->begin - b->limit) < size)
        return -LX_ENAMETOOLONG;
    b->begin -= size;
    memcpy(b->begin, text, size);
    return 0;
}

/* The name that a file of a host folder, or a directory, has in its parent; LOCK_TREE is held. */
static int own_name_locked(struct vfs_inode *inode, char name[LX_NAME_MAX + 1], uint32_t *size)
{
    struct vfs_inode *parent = inode->parent;
    const char *there;
    if (inode->owner) {
        *size = (uint32_t)inode_ops(inode)->name_locked(inode, name);
        return 0;
    }
    core_lock_acquire(&parent->dir_lock);
    int err = dir_name_locked(parent, inode->ino, &there, size);
    if (err == 0)
        memcpy(name, there, *size);
    core_lock_release(&parent->dir_lock);
    return err;
}

/* Put a name before the path. */
static int prepend_name(struct backwards *b, const char *name, uint32_t size)
{
    int err = prepend(b, name, size);
    return err < 0 ? err : prepend(b, "/", 1);
}

static int prepend_name_of(struct backwards *b, struct vfs_inode *dir)
{
    char name[LX_NAME_MAX + 1];
    uint32_t size;
    int err = own_name_locked(dir, name, &size);
    return err < 0 ? err : prepend_name(b, name, size);
}

/*
 * Put a directory's path before what is there, or that of a mount's root; LOCK_TREE and LOCK_MOUNTS
 * are held.
 *   end      where the path ends: b->begin, or behind a name in the directory.
 *   root     where the path begins.
 *   returns  UNREACHABLE: it does not, but where there is nothing above.
 */
#define UNREACHABLE 1
static int prepend_path_of(struct backwards *b, char *end, const struct vfs_path *root,
                           const struct vfs_mount *mount, struct vfs_inode *at)
{
    int err = 0;
    while (err == 0 && (mount != root->mount || at != root->inode)) {
        if (mount && at == mount->root) {
            const struct mount_spot *on = &mount->on;
            int is_root = on->parent == root->mount && on->covers == root->inode;
            if (!on->parent)
                err = UNREACHABLE;
            else if (on->at.dir && !is_root)
                err = prepend_name(b, on->at.name, on->at.size);
            at = on->at.dir && !is_root ? on->at.dir : on->covers;
            mount = on->parent;
        } else if (!at->parent || at->parent == at) {
            err = UNREACHABLE;
            if (mount) { /* it was moved out of what the mount shows: nothing is told of it */
                b->begin = end;
                break;
            }
        } else {
            err = prepend_name_of(b, at);
            at = at->parent;
        }
    }
    int is_nothing = b->begin == end && (end == b->end || (err == UNREACHABLE && mount));
    if (err >= 0 && is_nothing && prepend(b, "/", 1) < 0)
        err = -LX_ENAMETOOLONG;
    return err;
}

static void lock_all(void)
{
    core_lock_acquire(&vfs_state()->tree_lock);
    core_lock_acquire(&vfs_state()->mount_lock);
}

static void unlock_all(void)
{
    core_lock_release(&vfs_state()->mount_lock);
    core_lock_release(&vfs_state()->tree_lock);
}

/* Source: getcwd(2). */
static int build_cwd(struct backwards *b, const struct vfs_path *root, const struct vfs_path *cwd)
{
    if (!cwd->inode->nlink)
        return -LX_ENOENT;
    lock_all();
    int err = prepend_path_of(b, b->begin, root, cwd->mount, cwd->inode);
    unlock_all();
    return err == UNREACHABLE ? prepend(b, "(unreachable)", 13) : err;
}

/* ---- Any file's path ---- */

/*
 * The name of a file in a directory: the one it was found by, as long as that is the file's, else
 * another one.  -LX_ENOENT: it has none there.
 */
static int name_in(struct vfs_inode *dir, struct vfs_inode *inode, const struct vfs_place *place,
                   char out[LX_NAME_MAX + 1], uint32_t *size)
{
    struct vfs_inode *there = NULL;
    const char *name = place->name;
    struct name_key key;
    *size = place->size;
    if (dir->owner) { /* such names do not change; a host folder's inodes know theirs */
        memcpy(out, name, *size);
        return dir->owner != VFS_OF_HOST && inode->nlink ? 0 : -LX_ENOENT;
    }
    int err = 0;
    name_key_init(&key, dir->ino, name, *size);
    core_lock_acquire(&dir->dir_lock);
    if (dir_lookup_locked(dir, &key, &there) < 0 || there != inode)
        err = inode->nlink ? dir_name_locked(dir, inode->ino, &name, size) : -LX_ENOENT;
    if (err == 0)
        memcpy(out, name, *size);
    core_lock_release(&dir->dir_lock);
    vfs_inode_put(there);
    return err;
}

/*
 * Where a file is now that was found at a place; LOCK_TREE is held.
 *   dir, name, size  filled; as in `place` if it has no name any more: -LX_ENOENT.
 *
 * Differs from Linux: of a file that was renamed and then deleted, that is the name it was found by.
 */
static int find_now_locked(struct vfs_inode *inode, const struct vfs_place *place,
                           struct vfs_inode **dir, char name[LX_NAME_MAX + 1], uint32_t *size)
{
    *dir = place->dir;
    int err = name_in(place->dir, inode, place, name, size);
    if (err == -LX_ENOENT && inode->parent && inode->parent != place->dir) { /* it was moved */
        *dir = inode->parent;
        err = name_in(inode->parent, inode, place, name, size);
    }
    if (err == -LX_ENOENT) {
        *dir = place->dir;
        *size = place->size;
        memcpy(name, place->name, place->size);
    }
    return err;
}

/* As prepend_path_of(), of a file that was found at a place. */
static int prepend_file(struct backwards *b, const struct vfs_path *root,
                        const struct vfs_path *where, const struct vfs_place *place)
{
    struct vfs_inode *dir;
    char name[LX_NAME_MAX + 1];
    uint32_t size;
    int err = find_now_locked(where->inode, place, &dir, name, &size);
    if (err == -LX_ENOENT)
        err = prepend(b, " (deleted)", 10);
    char *end = b->begin;
    if (err == 0)
        err = prepend_name(b, name, size);
    return err < 0 ? err : prepend_path_of(b, end, root, where->mount, dir);
}

/* 1 if an inode knows its place itself. */
static int has_own_place(const struct vfs_inode *inode)
{
    return inode->nlink && (VFS_IS_DIR(inode) || (inode->owner == VFS_OF_HOST && inode->parent));
}

int place_now(struct vfs_inode *inode, const struct vfs_place *place, struct vfs_place *now)
{
    struct vfs_state *s = vfs_state();
    int err = 0;
    *now = (struct vfs_place){.dir = NULL};
    core_lock_acquire(&s->tree_lock);
    if (has_own_place(inode)) {
        now->dir = inode->parent == inode ? NULL : inode->parent;
        if (now->dir)
            err = own_name_locked(inode, now->name, &now->size);
    } else if (place->dir) {
        err = find_now_locked(inode, place, &now->dir, now->name, &now->size);
    }
    if (now->dir)
        vfs_inode_get(now->dir);
    core_lock_release(&s->tree_lock);
    return err == 0;
}

/* As prepend_path_of(), of anything. */
static int prepend_where(struct backwards *b, const struct vfs_path *root,
                         const struct vfs_path *where, const struct vfs_place *place)
{
    if (has_own_place(where->inode) || (where->mount && where->inode == where->mount->root))
        return prepend_path_of(b, b->begin, root, where->mount, where->inode);
    return place->dir ? prepend_file(b, root, where, place) : prepend(b, "/ (deleted)", 11);
}

int64_t place_path(struct vfs_fs *fs, const struct vfs_path *where, const struct vfs_place *place,
                   char *buf, uint64_t size)
{
    struct vfs_path root;
    char *path = core_arena_alloc(LX_PATH_MAX);
    int64_t result = -LX_ENOMEM;
    vfs_fs_current(fs, &fs->root, &root);
    if (path) {
        struct backwards b = {path + LX_PATH_MAX, path + LX_PATH_MAX, path};
        lock_all();
        result = prepend_where(&b, &root, where, place);
        unlock_all();
        if (result >= 0) {
            result = b.end - b.begin;
            if ((uint64_t)result > size)
                result = (int64_t)size; /* readlink(2): cut */
            memcpy(buf, b.begin, (uint64_t)result);
        }
    }
    core_arena_free(path, LX_PATH_MAX);
    vfs_path_put(&root);
    return result;
}

/* Begin a path at the end of a room, for its terminating zero. */
static struct backwards begin_at(char *room, uint64_t size)
{
    room[size - 1] = 0;
    return (struct backwards){room + size - 1, room + size - 1, room};
}

int mount_paths_locked(const struct vfs_mount *mount, const struct vfs_path *root,
                       struct mount_paths *out)
{
    const struct vfs_path nowhere = {NULL, NULL}, within = {NULL, mount->root};
    struct backwards b = begin_at(out->room, LX_PATH_MAX);
    int err = mount->found.dir ? prepend_file(&b, &nowhere, &within, &mount->found)
              : VFS_IS_DIR(mount->root)
                  ? prepend_path_of(&b, b.begin, &nowhere, NULL, mount->root)
                  : prepend(&b, "/", 1); /* one of the host's is all there is */
    if (err == -LX_ENOENT) {             /* it was removed: what it was called is not known */
        b = begin_at(out->room, LX_PATH_MAX);
        err = prepend(&b, "//deleted", 9);
    }
    out->within = b.begin;
    if (err < 0)
        return err;
    b = begin_at(out->room + LX_PATH_MAX, LX_PATH_MAX);
    err = prepend_path_of(&b, b.begin, root, mount, mount->root);
    out->at = b.begin;
    return err == UNREACHABLE ? -LX_ENOENT : err;
}

int64_t vfs_fs_getcwd(struct vfs_fs *fs, char *buf, uint64_t size)
{
    struct vfs_path root, cwd;
    char *path = core_arena_alloc(LX_PATH_MAX);
    int64_t result = -LX_ENOMEM;
    vfs_fs_current(fs, &fs->root, &root);
    vfs_fs_current(fs, &fs->cwd, &cwd);
    if (path) {
        struct backwards b = begin_at(path, LX_PATH_MAX);
        result = build_cwd(&b, &root, &cwd);
        if (result == 0) {
            result = b.end - b.begin;
            if ((uint64_t)result + 1 > size)
                result = -LX_ERANGE;
            else
                memcpy(buf, b.begin, (uint64_t)result + 1);
        }
    }
    core_arena_free(path, LX_PATH_MAX);
    vfs_path_put(&cwd);
    vfs_path_put(&root);
    return result;
}
