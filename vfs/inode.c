/* SPDX-License-Identifier: MIT */
/* Inodes: their making and end, and their attributes. */

#include "vfs/inode.h"

#include <stdatomic.h>

#include "core/arena.h"
#include "core/layout.h"
#include "core/mem.h"
#include "inode_ops.h"
#include "internal.h"
#include "lx/errno.h"
#include "lx/fcntl.h"
#include "lx/unistd.h"
#include "mounts.h"
#include "notify.h"
#include "plat/plat.h"
#include "vfs/image.h"
#include "vfs/memfd.h"
#include "vfs/super.h"

#define NS_PER_S 1000000000ll

struct vfs_state *vfs_state(void)
{
    return core_arena_root(CORE_ROOT_VFS);
}

int64_t vfs_now(void)
{
    return (int64_t)(g_providers.now ? g_providers.now() : plat_clock_now(PLAT_CLOCK_REALTIME));
}

void vfs_set_clock(uint64_t (*now_ns)(void))
{
    g_providers.now = now_ns;
}

int64_t vfs_damaged(void)
{
    const struct vfs_state *s = vfs_state();
    uint32_t damaged = s ? atomic_load(&s->damaged) : 0;
    return damaged ? (int64_t)damaged - 1 : -LX_ENOENT;
}

struct vfs_inode *vfs_root(void)
{
    return vfs_state()->root;
}

int vfs_init(void)
{
    struct vfs_state *s = core_arena_alloc(sizeof *s);
    if (!s)
        return -LX_ENOMEM;
    core_lock_init(&s->tree_lock, CORE_LOCK_TREE);
    core_lock_init(&s->nest_lock, CORE_LOCK_EPOLL_NEST);
    core_lock_init(&s->lock_wait_lock, CORE_LOCK_FILE_WAITS);
    core_lock_init(&s->stream_lock, CORE_LOCK_STREAMS);
    core_lock_init(&s->notify_lock, CORE_LOCK_NOTIFY);
    core_lock_init(&s->async_lock, CORE_LOCK_ASYNC);
    core_list_init(&s->async_notes);
    core_lock_init(&s->tty_lock, CORE_LOCK_TTYS);
    core_list_init(&s->terminals);
    core_lock_init(&s->socket_lock, CORE_LOCK_SOCKET_NAMES);
    core_lock_init(&s->mqueue_lock, CORE_LOCK_MQUEUES);
    core_list_init(&s->mqueues);
    core_list_init(&s->sockets_in_flight);
    core_list_init(&s->unix_sockets);
    core_list_init(&s->inet_waits_by_time);
    core_list_init(&s->lock_waits);
    core_lock_init(&s->mount_lock, CORE_LOCK_MOUNTS);
    core_list_init(&s->mounts);
    core_lock_init(&s->fs_lock, CORE_LOCK_FS_LIST);
    core_list_init(&s->processes);
    core_lock_init(&s->lock, CORE_LOCK_DENTRY);
    cache_init(s);
    uint32_t count = vfs_image_inode_count(vfs_image_attached());
    s->inode_chunks = (count + INODE_CHUNK - 1) / INODE_CHUNK;
    s->inodes = core_arena_alloc(s->inode_chunks * sizeof *s->inodes);
    s->checked = core_arena_alloc((count + 7) / 8);
    if (!s->inodes || !s->checked)
        return -LX_ENOMEM;
    vfs_super_init(&s->root_super, VFS_SUPER_ROOT, ROOT_MINOR);
    vfs_super_init(&s->files_super, VFS_SUPER_FILES, FILES_MINOR);
    core_arena_set_root(CORE_ROOT_VFS, s);
    int err = vfs_inode_from_image(0, NULL, &s->root);
    if (err < 0)
        return err;
    s->root_super.root = s->root;
    return mount_top(s->root);
}

/*
 * An inode with all fields 0 but its locks, and without a reference yet.  Inodes that
 * end are kept to become inodes again: whoever still holds a pointer without a
 * reference (cache.c) finds atomic fields there, and `refs` counts what it says.
 */
static struct vfs_inode *inode_alloc_locked(struct vfs_state *s)
{
    struct vfs_inode *inode = s->unused;
    if (inode)
        s->unused = inode->next_unused;
    else
        inode = core_arena_alloc(sizeof *inode);
    if (!inode)
        return NULL;
    inode->next_unused = NULL;
    core_lock_init(&inode->lock, CORE_LOCK_INODE);
    core_lock_init(&inode->dir_lock, CORE_LOCK_DIRECTORY);
    core_list_init(&inode->entries);
    return inode;
}

static void inode_free(struct vfs_inode *inode)
{
    struct vfs_state *s = vfs_state();
    inode->xattrs = NULL;
    inode->may_link = 0;
    INODE_SET(inode->own_xattrs, 0);
    INODE_SET(inode->acls, 0);
    INODE_SET(inode->chunks, NULL);
    INODE_SET(inode->shared, NULL);
    inode->memfd = NULL;
    inode->map_hidden = 0;
    inode->chunk_count = inode->first_pages = 0;
    INODE_SET(inode->page_count, 0);
    INODE_SET(inode->image_size, 0);
    INODE_SET(inode->size, 0);
    inode->target = NULL;
    inode->table = NULL;
    inode->table_size = inode->table_used = inode->entry_count = 0;
    inode->next_cookie = 0;
    INODE_SET(inode->parent, NULL);
    INODE_SET(inode->pipe, NULL);
    inode->socket = NULL;
    INODE_SET(inode->mounted, NULL);
    inode->owner = VFS_OF_CONTAINER;
    inode->host = NULL; /* `super` stays: whoever looks without a reference reads it */
    core_lock_acquire(&s->lock);
    inode->next_unused = s->unused;
    s->unused = inode;
    core_lock_release(&s->lock);
}

/* An inode with the image's attributes. */
static struct vfs_inode *from_image_locked(struct vfs_state *s, uint32_t index,
                                           struct vfs_inode *parent)
{
    const struct vfs_image_inode *i = vfs_image_inode(vfs_image_attached(), index);
    struct vfs_inode *inode = i ? inode_alloc_locked(s) : NULL;
    if (!inode)
        return NULL;
    INODE_SET(inode->ino, image_ino(index));
    inode->image_index = index;
    inode->rdev = i->rdev;
    inode->super = &s->root_super;
    INODE_SET(inode->mode, i->mode);
    INODE_SET(inode->uid, i->uid);
    INODE_SET(inode->gid, i->gid);
    INODE_SET(inode->nlink, i->nlink);
    INODE_SET(inode->atime_ns, i->mtime_ns);
    INODE_SET(inode->mtime_ns, i->mtime_ns);
    INODE_SET(inode->ctime_ns, i->mtime_ns);
    INODE_SET(inode->size, i->size);
    INODE_SET(inode->image_size, VFS_IS_REG(inode) ? i->size : 0);
    if (i->xattrs)
        INODE_SET(inode->acls, (uint8_t)acl_of_image(inode));
    if (VFS_IS_DIR(inode))
        INODE_SET(inode->parent, parent ? vfs_inode_get(parent) : inode);
    INODE_SET(inode->refs, 1);
    return inode;
}

/* The place of an image inode in the table, or NULL when memory is short. */
static struct vfs_inode **place_locked(struct vfs_state *s, uint32_t index)
{
    struct vfs_inode ***chunk = &s->inodes[index / INODE_CHUNK];
    if (!*chunk)
        *chunk = core_arena_alloc(INODE_CHUNK * sizeof **chunk);
    return *chunk ? &(*chunk)[index % INODE_CHUNK] : NULL;
}

int vfs_inode_from_image(uint32_t index, struct vfs_inode *parent, struct vfs_inode **out)
{
    struct vfs_state *s = vfs_state();
    int err = 0;
    *out = NULL;
    if (index >= vfs_image_inode_count(vfs_image_attached()))
        return -LX_EIO;
    core_lock_acquire(&s->lock);
    struct vfs_inode **place = place_locked(s, index);
    if (place && !*place)
        *place = from_image_locked(s, index, parent); /* the table's reference */
    if (place && *place)
        *out = vfs_inode_get(*place);
    else
        err = -LX_ENOMEM;
    core_lock_release(&s->lock);
    return err;
}

int vfs_inode_new(struct vfs_super *super, uint32_t mode, uint32_t uid, uint32_t gid, uint32_t rdev,
                  const char *target, struct vfs_inode **out)
{
    struct vfs_state *s = vfs_state();
    uint64_t size = target ? core_str_length(target) : 0;
    char *copy = target ? core_arena_alloc(size + 1) : NULL;
    *out = NULL;
    if (target && !copy)
        return -LX_ENOSPC;
    struct vfs_inode *inode = NULL;
    if (vfs_super_take_inode(super) == 0) {
        core_lock_acquire(&s->lock);
        inode = inode_alloc_locked(s);
        core_lock_release(&s->lock);
        if (!inode)
            vfs_super_give_inode(super);
    }
    if (!inode) {
        core_arena_free(copy, size + 1);
        return -LX_ENOSPC;
    }
    inode->super = super;
    INODE_SET(inode->ino, NEW_INO + core_arena_unique());
    inode->image_index = VFS_NO_IMAGE;
    inode->rdev = rdev;
    INODE_SET(inode->mode, mode);
    INODE_SET(inode->uid, uid);
    INODE_SET(inode->gid, gid);
    INODE_SET(inode->nlink, VFS_IS_DIR(inode) ? 1 : 0);
    inode_touch(inode);
    INODE_SET(inode->atime_ns, inode->mtime_ns);
    if (target) {
        memcpy(copy, target, size + 1);
        inode->target = copy;
        INODE_SET(inode->size, size);
    }
    INODE_SET(inode->refs, 1);
    *out = inode;
    return 0;
}

struct vfs_inode *vfs_inode_get(struct vfs_inode *inode)
{
    atomic_fetch_add_explicit(&inode->refs, 1, memory_order_relaxed);
    return inode;
}

int inode_get_live(struct vfs_inode *inode)
{
    uint32_t refs = atomic_load_explicit(&inode->refs, memory_order_relaxed);
    while (refs && !atomic_compare_exchange_weak_explicit(
                       &inode->refs, &refs, refs + 1, memory_order_acquire, memory_order_relaxed))
        ;
    return refs != 0;
}

void inode_forget(struct vfs_inode *inode)
{
    struct vfs_state *s = vfs_state();
    int was_there = 0;
    if (inode->image_index == VFS_NO_IMAGE)
        return;
    core_lock_acquire(&s->lock);
    struct vfs_inode **place = place_locked(s, inode->image_index);
    if (place && *place == inode) {
        *place = NULL;
        was_there = 1;
    }
    core_lock_release(&s->lock);
    if (was_there)
        vfs_inode_put(inode);
}

void vfs_inode_put(struct vfs_inode *inode)
{
    while (inode && atomic_fetch_sub(&inode->refs, 1) == 1) {
        /* An image inode with a name does not come here: the table holds it. */
        struct vfs_inode *parent = inode->parent == inode ? NULL : inode->parent;
        notify_end(inode);
        if (inode->owner)
            inode_ops(inode)->end(inode);
        data_free(inode);
        memfd_free(inode);
        mqueue_free(inode);
        dir_free(inode);
        xattr_free(inode);
        locks_free(inode);
        if (inode->target)
            core_arena_free((char *)inode->target, inode->size + 1);
        if (inode->image_index == VFS_NO_IMAGE)
            vfs_super_give_inode(inode->super);
        inode_free(inode);
        inode = parent; /* which was held */
    }
}

static struct lx_timespec timespec_of(int64_t ns)
{
    int64_t s = ns / NS_PER_S, rest = ns % NS_PER_S;
    if (rest < 0) {
        s--;
        rest += NS_PER_S;
    }
    return (struct lx_timespec){s, rest};
}

/* Pages that a file takes. */
static uint64_t own_pages(const struct vfs_inode *inode)
{
    uint64_t pages = inode->page_count, lower = inode->image_size;
    if (inode->shared) /* as if it had no holes */
        pages = pages_of(inode->size);
    lower = pages_of(lower);
    return VFS_IS_REG(inode) && lower > pages ? lower : pages;
}

void inode_stat_own(const struct vfs_inode *inode, const struct vfs_super *super,
                    struct lx_stat *out)
{
    /* Field by field: to zero it all first costs half as much again. */
    out->st_dev = super->device;
    out->st_ino = inode->ino;
    out->st_nlink = inode->nlink;
    out->st_mode = inode->mode;
    out->st_uid = inode->uid;
    out->st_gid = inode->gid;
    out->pad = 0;
    out->st_rdev = inode->rdev;
    out->st_size = VFS_IS_DIR(inode) ? CORE_PAGE_SIZE : (int64_t)inode->size;
    out->st_blksize = CORE_PAGE_SIZE;
    out->st_atim = timespec_of(inode->atime_ns);
    out->st_mtim = timespec_of(inode->mtime_ns);
    out->st_ctim = timespec_of(inode->ctime_ns);
    for (uint32_t i = 0; i < sizeof out->unused / sizeof out->unused[0]; i++)
        out->unused[i] = 0;
    out->st_blocks = (int64_t)(own_pages(inode) * (CORE_PAGE_SIZE / 512));
}

void vfs_inode_stat(struct vfs_inode *inode, struct lx_stat *out)
{
    if (inode->owner)
        inode_ops(inode)->refresh(inode);
    inode_stat_own(inode, inode->super, out);
    if (inode->owner)
        inode_ops(inode)->stat(inode, out);
}

uint64_t inode_shown_ino(struct vfs_inode *inode)
{
    return inode->owner ? inode_ops(inode)->shown_ino(inode) : inode->ino;
}

int inode_chmod_own(struct vfs_inode *inode, uint32_t mode)
{
    core_lock_acquire(&inode->lock);
    int sealed =
        inode->memfd && inode->memfd->seals & LX_F_SEAL_EXEC && (inode->mode ^ mode) & 0111;
    if (!sealed) {
        inode->mode = (inode->mode & LX_S_IFMT) | (mode & 07777);
        inode_touch_attributes(inode);
    }
    core_lock_release(&inode->lock);
    return sealed ? -LX_EPERM : 0;
}

int vfs_inode_chmod(struct vfs_inode *inode, uint32_t mode)
{
    return inode->owner ? inode_ops(inode)->chmod(inode, mode) : inode_chmod_own(inode, mode);
}

int inode_chown_own(struct vfs_inode *inode, uint32_t uid, uint32_t gid)
{
    core_lock_acquire(&inode->lock);
    if (uid != VFS_KEEP)
        inode->uid = uid;
    if (gid != VFS_KEEP)
        inode->gid = gid;
    if (!VFS_IS_DIR(inode)) { /* chown(2): a set-id program does not stay one */
        uint32_t drop = LX_S_ISUID | (inode->mode & LX_S_IXGRP ? LX_S_ISGID : 0);
        inode->mode &= ~drop;
    }
    inode_touch_attributes(inode);
    core_lock_release(&inode->lock);
    return 0;
}

int vfs_inode_chown(struct vfs_inode *inode, uint32_t uid, uint32_t gid)
{
    return inode->owner ? inode_ops(inode)->chown(inode, uid, gid)
                        : inode_chown_own(inode, uid, gid);
}

int inode_utimes_own(struct vfs_inode *inode, int64_t atime_ns, int64_t mtime_ns)
{
    core_lock_acquire(&inode->lock);
    if (atime_ns != VFS_TIME_KEEP)
        inode->atime_ns = atime_ns;
    if (mtime_ns != VFS_TIME_KEEP)
        inode->mtime_ns = mtime_ns;
    inode_touch_attributes(inode);
    core_lock_release(&inode->lock);
    return 0;
}

int vfs_inode_utimes(struct vfs_inode *inode, int64_t atime_ns, int64_t mtime_ns)
{
    return inode->owner ? inode_ops(inode)->utimes(inode, atime_ns, mtime_ns)
                        : inode_utimes_own(inode, atime_ns, mtime_ns);
}

int64_t vfs_inode_readlink(struct vfs_inode *inode, char *buf, uint64_t size)
{
    if (inode->owner && inode_ops(inode)->readlink)
        return inode_ops(inode)->readlink(inode, buf, size);
    const char *target = inode->target;
    uint64_t length = inode->size;
    if (!target && inode->image_index != VFS_NO_IMAGE) {
        const struct vfs_image *image = vfs_image_attached();
        const struct vfs_image_inode *i = vfs_image_inode(image, inode->image_index);
        target = i ? vfs_image_target(image, i) : NULL;
    }
    if (!target)
        return -LX_EIO;
    if (length > size)
        length = size;
    memcpy(buf, target, length);
    return (int64_t)length;
}
