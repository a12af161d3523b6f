/* SPDX-License-Identifier: MIT */
#ifndef VFS_NOTIFY_H
#define VFS_NOTIFY_H

/*
 * Who is told of what happens to files.  What changes the tree or moves bytes calls these after
 * it has succeeded; while nobody watches anything they cost a load and a branch.  Private to vfs.
 *
 * Source   inotify(7); the order of events is that of Linux' fsnotify.
 * Threads  any; a directory's lock may be held.  Errors  none: an event that cannot be kept
 *          shows as IN_Q_OVERFLOW.
 */

#include <stdatomic.h>
#include <stdint.h>

#include "internal.h"
#include "lx/inotify.h"
#include "vfs/file.h"

struct vfs_inotify;

/* One instance's interest in one inode; guarded by LOCK_NOTIFY. */
struct watch {
    struct core_list node; /* in its instance's */
    struct watch *next;    /* in its inode's; once it has ended: in a list of such */
    struct vfs_inotify *owner;
    struct vfs_inode *inode; /* a reference, unless it is the container's own: that ends it */
    uint32_t mask;           /* LX_IN_* */
    int32_t wd;
};

static inline int notify_is_on(void)
{
    return atomic_load_explicit(&vfs_state()->watch_count, memory_order_relaxed) != 0;
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

/* ---- Watches and queues (inotify.c); LOCK_NOTIFY is held ---- */

/* Let an event wait to be read. */
void inotify_queue_locked(const struct watch *w, uint32_t event, uint32_t cookie, const char *name,
                          uint32_t size);

/*
 * Take a watch from its instance and its inode, and say so.
 *   ended  the head of the list that it joins, for inotify_free() when nothing is locked.
 */
void inotify_end_locked(struct watch *w, struct watch **ended);
void inotify_free(struct watch *ended);

#endif
