/* SPDX-License-Identifier: MIT */
#ifndef VFS_NOTIFY_H
#define VFS_NOTIFY_H

/*
 * Who is told of what happens to files.  What changes the tree or moves bytes calls these after
 * it has succeeded; while nobody watches anything they cost a load and a branch.  Private to vfs.
 *
 * Source   inotify(7), fcntl(2) (F_NOTIFY); the order of events is that of Linux' fsnotify.
 * Threads  any; a directory's lock may be held.  Errors  none: an event that cannot be kept
 *          shows as IN_Q_OVERFLOW.
 */

#include <stdatomic.h>
#include <stdint.h>

#include "internal.h"
#include "lx/inotify.h"
#include "vfs/file.h"

struct async;
struct vfs_inotify;

/* An instance's interest in an inode, or by F_NOTIFY an open file's; guarded by LOCK_NOTIFY. */
struct watch {
    struct core_list node;       /* in its instance's */
    struct watch *next;          /* in its inode's; once it has ended: in a list of such */
    struct vfs_inotify *owner;   /* NULL: it is by F_NOTIFY */
    struct vfs_inode *inode;     /* a reference, unless it is the container's own: that ends it */
    uint32_t mask;               /* LX_IN_*, NOTIFY_RENAMED */
    int32_t number;              /* that its owner knows it by; by F_NOTIFY: the descriptor */
    const struct vfs_file *file; /* by F_NOTIFY, as the next: no references, see vfs/owner.h */
    const struct vfs_fdtable *fds;
};

/* Besides LX_IN_*: something got another name in the same directory; only F_NOTIFY tells. */
#define NOTIFY_RENAMED 0x1000u

static inline int notify_is_on(void)
{
    return atomic_load_explicit(&vfs_state()->watch_count, memory_order_relaxed) != 0;
}

static inline int notify_is_watched(const struct vfs_inode *inode)
{
    return atomic_load_explicit(&inode->watches, memory_order_acquire) != NULL;
}

/* A directory has a new name: of a new inode, of one that has others. */
void notify_created(struct vfs_inode *dir, const struct vfs_last *last, struct vfs_inode *inode);
void notify_linked(struct vfs_inode *dir, const struct vfs_last *last, struct vfs_inode *inode);

/* It has one less; the caller holds a reference to the inode. */
void notify_removed(struct vfs_inode *dir, const struct vfs_last *last, struct vfs_inode *inode);

/* target: what was replaced, or NULL. */
void notify_renamed(struct vfs_inode *inode, struct vfs_inode *dir, const struct vfs_last *last,
                    struct vfs_inode *to_dir, const struct vfs_last *to_last,
                    struct vfs_inode *target);

/* An inode that was found at a place. */
void notify_place(struct vfs_inode *inode, const struct vfs_place *place, uint32_t event);

/* An open file. */
void notify_file(struct vfs_file *file, uint32_t event);

/* The same if bytes were moved; returns `done`, their number or an error. */
static inline int64_t notify_moved(struct vfs_file *file, uint32_t event, int64_t done)
{
    if (done > 0 && file->inode && notify_is_on())
        notify_file(file, event);
    return done;
}

/* The inode ends, and its watches with it. */
void notify_end(struct vfs_inode *inode);

/* Its file system ends. */
void notify_unmounted(struct vfs_inode *inode);

/* ---- Watches; LOCK_NOTIFY is held ---- */

/* A new one in the inode's list; NULL: no memory. */
struct watch *watch_new_locked(struct vfs_inotify *owner, struct vfs_inode *inode);

/*
 * Take a watch from its owner and its inode.
 *   ended  the head of the list that it joins, for watch_free() when nothing is locked.
 */
void watch_end_locked(struct watch *w, struct watch **ended);
void watch_free(struct watch *ended);

/* ---- Instances (inotify.c); LOCK_NOTIFY is held ---- */

/* Let an event wait to be read. */
void inotify_queue_locked(const struct watch *w, uint32_t event, uint32_t cookie, const char *name,
                          uint32_t size);

struct async *_Atomic *inotify_async(struct vfs_inotify *n);

#endif
