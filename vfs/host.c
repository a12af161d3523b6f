/* SPDX-License-Identifier: MIT */
/* Host folders: which inode is which file, names and attributes. */

#include "host.h"

#include <stdatomic.h>

#include "core/arena.h"
#include "core/hash.h"
#include "core/mem.h"
#include "inode_ops.h"
#include "lx/errno.h"
#include "lx/fcntl.h"
#include "lx/unistd.h"
#include "vfs/file.h"
#include "vfs/mount.h"

#define TABLE_SIZE 4096u /* buckets of a mount's files */
#define DEVICE_MAJOR 256u

static const uint32_t types[] = {
    [PLAT_FILE_REGULAR] = LX_S_IFREG,
    [PLAT_FILE_DIRECTORY] = LX_S_IFDIR,
    [PLAT_FILE_SYMLINK] = LX_S_IFLNK,
    [PLAT_FILE_OTHER] = LX_S_IFSOCK, /* nothing that a guest could open */
};

static struct plat_file *folder_of(const struct vfs_inode *inode)
{
    return host_folder(inode->host->super);
}

/* ---- Places ---- */

/* The path of a place, built from its end; LOCK_TREE is held. */
static int path_locked(const struct vfs_inode *at, const char *name, uint32_t size,
                       struct host_path *out)
{
    char *p = out->room + sizeof out->room - 1;
    *p = 0;
    for (;;) {
        if (size) {
            uint32_t slash = *p != 0;
            if ((uint64_t)(p - out->room) < size + slash)
                return -LX_ENAMETOOLONG;
            if (slash)
                *--p = '/';
            p -= size;
            memcpy(p, name, size);
        }
        if (!at)
            break;
        name = at->host->name;
        size = at->host->name_size;
        at = at == at->super->root ? NULL : at->parent;
    }
    out->text = p;
    return 0;
}

int host_path_in(struct vfs_inode *dir, const char *name, uint32_t size, struct host_path *out)
{
    struct vfs_state *s = vfs_state();
    if (!dir->nlink)
        return -LX_ENOENT;
    core_lock_acquire(&s->tree_lock);
    int err = path_locked(dir, name, size, out);
    core_lock_release(&s->tree_lock);
    return err;
}

int host_path(struct vfs_inode *inode, struct host_path *out)
{
    return host_path_in(inode, NULL, 0, out);
}

/* Is `dir` the directory `inode` or below it?  LOCK_TREE is held. */
static int is_below(const struct vfs_inode *dir, const struct vfs_inode *inode)
{
    for (; dir != dir->super->root; dir = dir->parent) {
        if (dir == inode)
            return 1;
    }
    return dir == inode;
}

/*
 * An inode is now known by this name in this directory; LOCK_TREE is held.
 *   old      the directory it was in: a reference, to be put when nothing is locked.
 *   returns  -LX_ENOMEM; -LX_ESTALE: the host moved directories while we walked them.
 */
static int set_place_locked(struct vfs_inode *inode, struct vfs_inode *dir, const char *name,
                            uint32_t size, struct vfs_inode **old)
{
    struct vfs_host *h = inode->host;
    *old = NULL;
    if (inode->parent == dir && h->name_size == size && memcmp(h->name, name, size) == 0)
        return 0;
    if (VFS_IS_DIR(inode) && is_below(dir, inode))
        return -LX_ESTALE;
    char *copy = core_arena_alloc(size);
    if (!copy)
        return -LX_ENOMEM;
    memcpy(copy, name, size);
    core_arena_free(h->name, h->name_size);
    h->name = copy;
    h->name_size = size;
    *old = inode->parent;
    inode->parent = vfs_inode_get(dir);
    return 0;
}

static int set_place(struct vfs_inode *inode, struct vfs_inode *dir, const char *name,
                     uint32_t size)
{
    struct vfs_state *s = vfs_state();
    struct vfs_inode *old;
    core_lock_acquire(&s->tree_lock);
    int err = set_place_locked(inode, dir, name, size, &old);
    core_lock_release(&s->tree_lock);
    vfs_inode_put(old);
    return err;
}

/* ---- Identity ---- */

static struct vfs_inode **bucket_of(const struct host_super *m, uint64_t device, uint64_t id)
{
    return &m->files[core_hash_u64(device ^ core_hash_u64(id)) % TABLE_SIZE];
}

/* Is it gone from the host as well, like a directory that is removed? */
static int is_lost(const struct vfs_inode *inode)
{
    return inode->host->is_gone && !inode->host->opens;
}

/*
 * The inode of a file, if it has one: a reference.  Of one that is gone and not open on the
 * host another file may have the identity by now.
 */
static struct vfs_inode *find_locked(const struct host_super *m, const struct plat_stat *st)
{
    struct vfs_inode *i = *bucket_of(m, st->device, st->id);
    for (; i; i = i->host->next) {
        if (i->host->id == st->id && i->host->device == st->device && !is_lost(i) &&
            (i->mode & LX_S_IFMT) == types[st->type] && inode_get_live(i))
            return i;
    }
    return NULL;
}

static void insert_locked(struct vfs_inode *inode)
{
    struct vfs_host *h = inode->host;
    struct vfs_inode **bucket = bucket_of(h->super, h->device, h->id);
    h->next = *bucket;
    *bucket = inode;
}

void host_free(struct vfs_inode *inode)
{
    struct vfs_host *h = inode->host;
    core_lock_acquire(&h->super->lock);
    struct vfs_inode **link = bucket_of(h->super, h->device, h->id);
    while (*link && *link != inode)
        link = &(*link)->host->next;
    if (*link)
        *link = h->next;
    core_lock_release(&h->super->lock);
    host_close_all(inode);
    core_arena_free(h->name, h->name_size);
    core_arena_free(h, sizeof *h);
}

/*
 * What the host said, as the guest is to see it.
 *   named    1: it was found by a name just now.
 */
static void fill(struct vfs_inode *inode, const struct plat_stat *st, int named)
{
    struct vfs_host *h = inode->host;
    const struct host_super *m = h->super;
    core_lock_acquire(&inode->lock);
    if (named)
        h->is_gone = 0;
    inode->mode = (inode->mode & LX_S_IFMT) | (h->kept & KEPT_MODE ? h->mode : st->mode);
    inode->uid = h->kept & KEPT_UID ? h->uid : st->own & PLAT_OWN_USER ? m->uid : st->uid;
    inode->gid = h->kept & KEPT_GID ? h->gid : st->own & PLAT_OWN_GROUP ? m->gid : st->gid;
    inode->nlink = h->is_gone ? 0 : st->nlink;
    inode->atime_ns = st->atime_ns;
    inode->mtime_ns = st->mtime_ns;
    inode->ctime_ns = st->ctime_ns;
    if (VFS_IS_LNK(inode)) /* its size is its target's length, which does not change */
        inode->mode = LX_S_IFLNK | 0777;
    else if (inode->size != st->size) {
        mapping_resized_locked(inode, inode->size, st->size);
        inode->size = st->size;
    }
    h->allocated = st->allocated;
    core_lock_release(&inode->lock);
}

/* A link's target, for vfs_inode_new(). */
static int read_target(const struct host_super *m, const char *path, struct host_path *target)
{
    int64_t n = plat_at_readlink(host_folder(m), path, target->room, sizeof target->room);
    target->text = target->room;
    if (n < 0)
        return (int)n;
    if (n == sizeof target->room)
        return -LX_ENAMETOOLONG;
    target->room[n] = 0;
    return 0;
}

static int make_inode(struct host_super *m, const char *path, const struct plat_stat *st,
                      struct vfs_inode **out)
{
    struct host_path target;
    int err = 0;
    *out = NULL;
    if (st->type == PLAT_FILE_SYMLINK)
        err = read_target(m, path, &target);
    struct vfs_host *h = err == 0 ? core_arena_alloc(sizeof *h) : NULL;
    if (!h)
        return err < 0 ? err : -LX_ENOMEM;
    err = vfs_inode_new(&m->super, types[st->type], 0, 0, 0,
                        st->type == PLAT_FILE_SYMLINK ? target.text : NULL, out);
    if (err < 0) {
        core_arena_free(h, sizeof *h);
        return -LX_ENOMEM;
    }
    h->super = m;
    h->device = st->device;
    h->id = st->id;
    (*out)->owner = VFS_OF_HOST;
    (*out)->host = h;
    return 0;
}

/* The inode of a file that the host has just described; it may be known already. */
static int inode_of(struct host_super *m, const char *path, const struct plat_stat *st,
                    struct vfs_inode **out)
{
    core_lock_acquire(&m->lock);
    *out = find_locked(m, st);
    core_lock_release(&m->lock);
    if (!*out) {
        struct vfs_inode *fresh;
        int err = make_inode(m, path, st, &fresh);
        if (err < 0)
            return err;
        core_lock_acquire(&m->lock);
        *out = find_locked(m, st); /* another thread may have been faster */
        if (!*out) {
            *out = vfs_inode_get(fresh);
            insert_locked(fresh);
        }
        core_lock_release(&m->lock);
        vfs_inode_put(fresh);
    }
    fill(*out, st, 1);
    return 0;
}

/* The inode of a name that the host has just described. */
static int inode_at(struct vfs_inode *dir, const struct vfs_last *last, const char *path,
                    const struct plat_stat *st, struct vfs_inode **out)
{
    int err = inode_of(dir->host->super, path, st, out);
    if (err == 0)
        err = set_place(*out, dir, last->name, last->size);
    if (err < 0) {
        vfs_inode_put(*out);
        *out = NULL;
    }
    return err;
}

int host_root(struct host_super *super, const char *name, struct vfs_inode **out)
{
    struct plat_stat st;
    uint32_t size = (uint32_t)core_str_length(name);
    *out = NULL;
    int err = plat_at_stat(host_folder(super), name, &st);
    if (err < 0)
        return err;
    super->files = core_arena_alloc(TABLE_SIZE * sizeof(struct vfs_inode *));
    char *copy = size ? core_arena_alloc(size) : NULL;
    if (!super->files || (size && !copy))
        return -LX_ENOMEM;
    core_lock_init(&super->lock, CORE_LOCK_DENTRY);
    err = inode_of(super, name, &st, out);
    if (err < 0)
        return err;
    super->super.root = vfs_inode_get(*out);
    if (VFS_IS_DIR(*out))
        (*out)->parent = *out;
    if (size) {
        memcpy(copy, name, size);
        (*out)->host->name = copy;
        (*out)->host->name_size = size;
    }
    return 0;
}

int host_lookup(struct vfs_inode *dir, const char *name, uint32_t size, struct vfs_inode **out)
{
    struct host_path path;
    struct plat_stat st;
    const struct vfs_last last = {name, size, 0};
    *out = NULL;
    int err = host_path_in(dir, name, size, &path);
    if (err == 0)
        err = plat_at_stat(folder_of(dir), path.text, &st);
    if (err == 0)
        err = inode_at(dir, &last, path.text, &st, out);
    /* What was found is where `dir` was: `dir` itself does not hold what it is in. */
    return err == -LX_ESTALE ? -LX_ENOENT : err;
}

/* ---- Attributes ---- */

void host_usage(const struct vfs_super *super, struct vfs_usage *out)
{
    struct plat_space space;
    const struct host_super *m = (const struct host_super *)(const void *)super;
    if (plat_folder_space(host_folder(m), &space) < 0)
        return;
    out->blocks = space.size / out->block_size;
    out->free_blocks = space.free / out->block_size;
    out->usable_blocks = space.usable / out->block_size;
    out->inodes = space.files;
    out->free_inodes = space.free_files;
}

uint64_t host_device(const struct vfs_inode *inode)
{
    const struct vfs_host *h = inode->host;
    return LX_MAKEDEV(DEVICE_MAJOR + h->super->number, core_hash_u64(h->device) & 0xfffff);
}

static int ask(struct vfs_inode *inode, struct plat_stat *st)
{
    struct host_path path;
    struct plat_file *file = host_hold(inode);
    if (file) {
        int result = plat_file_stat(file, st);
        host_close(inode);
        return result;
    }
    int err = host_path(inode, &path);
    if (err == 0)
        err = plat_at_stat(folder_of(inode), path.text, st);
    /* The host may have put something else there. */
    int same = err < 0 || (st->id == inode->host->id && st->device == inode->host->device);
    return same ? err : -LX_ENOENT;
}

void host_refresh(struct vfs_inode *inode)
{
    struct plat_stat st;
    if (ask(inode, &st) == 0)
        fill(inode, &st, 0);
}

/* An open file is changed itself, whatever has its name; a handle may not be allowed to. */
static int change(struct vfs_inode *inode, struct plat_change *c)
{
    struct host_path path;
    struct plat_file *file = host_hold(inode);
    if (file) {
        int result = plat_file_change(file, c);
        host_close(inode);
        if (result != -LX_EACCES)
            return result;
    }
    c->device = inode->host->device;
    c->id = inode->host->id;
    int err = host_path(inode, &path);
    return err < 0 ? err : plat_at_change(folder_of(inode), path.text, c);
}

/* Attributes that the host does not keep are ours to keep, as long as the container runs. */
static void keep(struct vfs_inode *inode, uint32_t mode, uint32_t uid, uint32_t gid)
{
    struct vfs_host *h = inode->host;
    host_refresh(inode);
    core_lock_acquire(&inode->lock);
    uint32_t kept = h->kept;
    if (mode != VFS_KEEP && (inode->mode & 07777) != mode) {
        h->mode = mode;
        kept |= KEPT_MODE;
    }
    if (uid != VFS_KEEP && inode->uid != uid) {
        h->uid = uid;
        kept |= KEPT_UID;
    }
    if (gid != VFS_KEEP && inode->gid != gid) {
        h->gid = gid;
        kept |= KEPT_GID;
    }
    if (kept && !h->is_held && !h->is_gone) {
        vfs_inode_get(inode); /* so that it is not forgotten */
        h->is_held = 1;
    }
    h->kept = kept;
    core_lock_release(&inode->lock);
    if (kept)
        host_refresh(inode);
}

/* The file is gone: what is kept of it is for those who have it open. */
static void let_go(struct vfs_inode *inode)
{
    core_lock_acquire(&inode->lock);
    uint32_t is_held = inode->host->is_held;
    inode->host->is_held = 0;
    core_lock_release(&inode->lock);
    if (is_held)
        vfs_inode_put(inode); /* the caller holds another */
}

/* Change what there is still to be seen of a file that is lost. */
static int change_lost(struct vfs_inode *inode, const struct plat_change *c)
{
    core_lock_acquire(&inode->lock);
    if (c->what & PLAT_CHANGE_MODE)
        inode->mode = (inode->mode & LX_S_IFMT) | c->mode;
    if (c->what & PLAT_CHANGE_OWNER && c->uid != VFS_KEEP)
        inode->uid = c->uid;
    if (c->what & PLAT_CHANGE_OWNER && c->gid != VFS_KEEP)
        inode->gid = c->gid;
    if (c->what & PLAT_CHANGE_ATIME)
        inode->atime_ns = c->atime_ns;
    if (c->what & PLAT_CHANGE_MTIME)
        inode->mtime_ns = c->mtime_ns;
    inode->ctime_ns = vfs_now();
    core_lock_release(&inode->lock);
    return 0;
}

int host_chmod(struct vfs_inode *inode, uint32_t mode)
{
    struct plat_change c = {.what = PLAT_CHANGE_MODE, .mode = mode & 07777};
    if (is_lost(inode))
        return change_lost(inode, &c);
    int err = change(inode, &c);
    if (err < 0)
        return err;
    core_lock_acquire(&inode->lock);
    inode->host->mode = mode & 07777; /* if it is one of those that we keep */
    core_lock_release(&inode->lock);
    keep(inode, mode & 07777, VFS_KEEP, VFS_KEEP);
    return 0;
}

/* chown(2): a set-id program does not stay one. */
static uint32_t without_set_id(uint32_t mode)
{
    return mode & ~(LX_S_ISUID | (mode & LX_S_IXGRP ? LX_S_ISGID : 0u));
}

/* What a host is to note of an owner: nothing of those that it would show anyway. */
static void note_owner(const struct vfs_inode *inode, const struct plat_stat *st,
                       struct plat_change *c)
{
    const struct host_super *m = inode->host->super;
    if (c->uid == m->uid)
        c->uid = PLAT_OWNER_MINE;
    if (c->gid == m->gid)
        c->gid = PLAT_OWNER_MINE;
    c->mode = without_set_id(st->mode);
    if (VFS_IS_REG(inode) && c->mode != st->mode)
        c->what |= PLAT_CHANGE_MODE;
}

int host_chown(struct vfs_inode *inode, uint32_t uid, uint32_t gid)
{
    struct plat_change c = {.what = PLAT_CHANGE_OWNER, .uid = uid, .gid = gid};
    struct plat_stat st;
    if (is_lost(inode))
        return change_lost(inode, &c);
    int err = ask(inode, &st);
    if (err == 0 && st.own & PLAT_OWN_NOTED)
        note_owner(inode, &st, &c);
    /* Only the host's root gives files away there. */
    if (err == 0 && (!st.own || st.own & PLAT_OWN_NOTED))
        err = change(inode, &c);
    if (err < 0 && err != -LX_EPERM)
        return err;
    core_lock_acquire(&inode->lock);
    if (uid != VFS_KEEP)
        inode->host->uid = uid;
    if (gid != VFS_KEEP)
        inode->host->gid = gid;
    if (!VFS_IS_DIR(inode))
        inode->host->mode = without_set_id(inode->host->mode);
    core_lock_release(&inode->lock);
    keep(inode, VFS_KEEP, uid, gid);
    return 0;
}

int host_utimes(struct vfs_inode *inode, int64_t atime_ns, int64_t mtime_ns)
{
    struct plat_change c = {
        .what = (atime_ns != VFS_TIME_KEEP ? PLAT_CHANGE_ATIME : 0u) |
                (mtime_ns != VFS_TIME_KEEP ? PLAT_CHANGE_MTIME : 0u),
        .atime_ns = atime_ns,
        .mtime_ns = mtime_ns,
    };
    if (is_lost(inode))
        return change_lost(inode, &c);
    int err = change(inode, &c);
    if (err == 0)
        host_refresh(inode);
    return err;
}

/* ---- Changing directories ---- */

/* A new file has the owner and permissions that Linux would give it. */
static void own_new(const struct vfs_fs *fs, uint32_t mode, uint32_t group, struct vfs_inode *inode)
{
    uint32_t uid = fs->cred.uid != inode->uid ? fs->cred.uid : VFS_KEEP;
    uint32_t gid = group != inode->gid ? group : VFS_KEEP;
    if (uid != VFS_KEEP || gid != VFS_KEEP) {
        if (host_chown(inode, uid, gid) < 0)
            return; /* then it is the host's user's, which is true at least */
        if (!VFS_IS_LNK(inode) && (inode->mode & 07777) != (mode & 07777) &&
            host_chmod(inode, mode) == 0)
            return;
    }
    if (!VFS_IS_LNK(inode))
        keep(inode, mode & 07777, VFS_KEEP, VFS_KEEP);
}

/* Make what the name is to stand for; `file` is a new regular file's. */
static int make(struct plat_file *folder, const char *path, uint32_t mode, const char *target,
                struct plat_file **file)
{
    *file = NULL;
    switch (mode & LX_S_IFMT) {
    case LX_S_IFREG:
        return plat_at_open(
            folder, path, PLAT_FILE_READ | PLAT_FILE_WRITE | PLAT_FILE_CREATE | PLAT_FILE_EXCLUSIVE,
            mode & 07777, file);
    case LX_S_IFDIR:
        return plat_at_make_directory(folder, path, mode & 07777);
    case LX_S_IFLNK:
        return plat_at_make_symlink(folder, path, target);
    default:
        return -LX_EPERM; /* mknod(2): not on this file system */
    }
}

int host_create(struct vfs_fs *fs, struct vfs_inode *dir, const struct vfs_last *last,
                uint32_t mode, const char *target, struct vfs_inode **out)
{
    struct host_path path;
    struct plat_file *file = NULL;
    struct plat_stat st;
    struct vfs_inode *inode = NULL;
    uint32_t group;
    tree_inherit_group(fs, dir, &mode, &group);
    int err = host_path_in(dir, last->name, last->size, &path);
    if (err == 0)
        err = make(folder_of(dir), path.text, mode, target, &file);
    if (err < 0)
        return err;
    err = file ? plat_file_stat(file, &st) : plat_at_stat(folder_of(dir), path.text, &st);
    if (err == 0)
        err = inode_at(dir, last, path.text, &st, &inode);
    if (err == 0)
        own_new(fs, mode, group, inode);
    /* The handle is kept: permissions like 0444 do not let the file be opened again. */
    if (err == 0 && out && file) {
        err = host_adopt(inode, file);
        file = NULL;
    }
    plat_file_close(file);
    if (err == 0 && out)
        *out = vfs_inode_get(inode);
    vfs_inode_put(inode);
    return err;
}

int host_link(struct vfs_inode *dir, const struct vfs_last *last, struct vfs_inode *inode)
{
    const struct vfs_host *h = inode->host;
    struct host_path from, to;
    struct plat_file *file;
    int err = host_path(inode, &from);
    if (err == 0)
        err = host_path_in(dir, last->name, last->size, &to);
    if (err < 0)
        return err;
    err = plat_at_link(folder_of(dir), from.text, h->device, h->id, to.text);
    /* It has lost the name that we know, and not the others. */
    if (err == -LX_ENOENT && (file = host_hold(inode))) {
        err = plat_file_link(file, folder_of(dir), to.text);
        host_close(inode);
    }
    if (err == 0)
        host_refresh(inode);
    return err;
}

/* One name of the inode is gone. */
static void drop_name(struct vfs_inode *inode)
{
    core_lock_acquire(&inode->lock);
    uint32_t left = VFS_IS_DIR(inode) || inode->nlink == 0 ? 0 : inode->nlink - 1;
    inode->nlink = left;
    inode->host->is_gone = left == 0;
    core_lock_release(&inode->lock);
    if (left == 0)
        let_go(inode);
}

static enum plat_file_type type_of(const struct vfs_inode *inode)
{
    return VFS_IS_DIR(inode)   ? PLAT_FILE_DIRECTORY
           : VFS_IS_REG(inode) ? PLAT_FILE_REGULAR
           : VFS_IS_LNK(inode) ? PLAT_FILE_SYMLINK
                               : PLAT_FILE_OTHER;
}

int host_remove(struct vfs_inode *dir, const struct vfs_last *last, struct vfs_inode *inode)
{
    struct host_path path;
    int err = host_path_in(dir, last->name, last->size, &path);
    if (err == 0)
        err = plat_at_remove(folder_of(dir), path.text, type_of(inode));
    if (err == -LX_EACCES && mapping_hide(inode)) { /* some hosts keep what is mapped */
        err = plat_at_remove(folder_of(dir), path.text, type_of(inode));
        mapping_show(inode);
    }
    if (err == 0)
        drop_name(inode);
    return err;
}

int host_rename_locked(struct vfs_inode *dir, const struct vfs_last *last, struct vfs_inode *inode,
                       struct vfs_inode *to_dir, const struct vfs_last *to_last,
                       struct vfs_inode *target, uint32_t flags)
{
    struct host_path from, to;
    struct vfs_inode *old;
    int exchange = (flags & LX_RENAME_EXCHANGE) != 0;
    uint32_t how = (flags & LX_RENAME_NOREPLACE ? PLAT_RENAME_NOREPLACE : 0u) |
                   (exchange ? PLAT_RENAME_EXCHANGE : 0u);
    int err = path_locked(dir, last->name, last->size, &from);
    if (err == 0)
        err = path_locked(to_dir, to_last->name, to_last->size, &to);
    if (err == 0)
        err = plat_at_rename(folder_of(dir), from.text, to.text, how);
    if (err < 0)
        return err;
    /* The caller holds both directories, so neither ends here.  A place that cannot be noted
       is found again by the next lookup. */
    if (set_place_locked(inode, to_dir, to_last->name, to_last->size, &old) == 0)
        vfs_inode_put(old);
    if (exchange && set_place_locked(target, dir, last->name, last->size, &old) == 0)
        vfs_inode_put(old);
    if (target && !exchange)
        drop_name(target);
    return 0;
}

/* ---- The table ---- */

static uint64_t shown_ino(struct vfs_inode *inode)
{
    return inode->host->id;
}

static void show(struct vfs_inode *inode, struct lx_stat *out)
{
    out->st_dev = host_device(inode);
    out->st_ino = inode->host->id;
    out->st_blocks = (int64_t)((inode->host->allocated + 511) / 512);
}

static uint64_t name_locked(struct vfs_inode *inode, char *name)
{
    memcpy(name, inode->host->name, inode->host->name_size);
    return inode->host->name_size;
}

static int list(struct vfs_file *file, uint64_t cookie, vfs_emit emit, void *arg)
{
    return host_list(file->inode, &file->listing, cookie, emit, arg);
}

const struct inode_ops host_ops = {
    .end = host_free,
    .refresh = host_refresh,
    .stat = show,
    .shown_ino = shown_ino,
    .chmod = host_chmod,
    .chown = host_chown,
    .utimes = host_utimes,
    .getxattr = host_getxattr,
    .listxattr = host_listxattr,
    .setxattr = host_setxattr,
    .removexattr = host_removexattr,
    .read = host_read,
    .write = host_write,
    .append = host_append,
    .truncate = host_truncate,
    .allocate = host_allocate,
    .seek = host_seek,
    .lookup = host_lookup,
    .list = list,
    .name_locked = name_locked,
    .create = host_create,
    .link = host_link,
    .remove = host_remove,
    .rename_locked = host_rename_locked,
};
