/* SPDX-License-Identifier: MIT */
#ifndef VFS_ASYNC_H
#define VFS_ASYNC_H

/*
 * Noting signals for the owners of files: vfs/owner.h.  What can tell of itself has a list of its
 * files that have O_ASYNC set: while that is empty, telling costs a load and a branch.
 *
 * Source   kill_fasync(), send_sigio() and send_sigurg() in Linux.
 * Threads  any; LOCK_ASYNC guards lists and notes, and locks of lower ranks may be held.
 */

#include <stdatomic.h>
#include <stdint.h>

#include "core/wait.h"
#include "internal.h"
#include "vfs/owner.h"

struct vfs_file;

/* A file that has O_ASYNC set. */
struct async {
    struct async *next;
    struct vfs_file *file; /* no reference: it is taken out before the file ends */
    int32_t fd;
};

void async_note(struct async *_Atomic *list, int32_t code);

/* Something has happened to what has this list; code: an LX_POLL_*. */
static inline void async_tell(struct async *_Atomic *list, int32_t code)
{
    if (UNLIKELY(atomic_load_explicit(list, memory_order_relaxed) != NULL))
        async_note(list, code);
}

/* Tell the file's owner of an event in the directory; fd: as vfs_dnotify_add(). */
void async_tell_event(const struct vfs_file *file, int32_t fd);

/* Urgent bytes have come to its socket: SIGURG. */
void async_tell_urgent(struct vfs_file *file);

/* The file ends, or all files of what has this list have lost it. */
void async_forget(struct vfs_file *file);
void async_forget_all(struct async *_Atomic *list);

/*
 * Before a thread sleeps that may have told something: whom it waits for may wait for that.
 * No lock is held.
 */
void async_send(void);

static inline int async_sleep(struct core_sleeper *self, int64_t deadline_ns)
{
    if (UNLIKELY(vfs_owner_signals_wait()))
        async_send();
    return core_sleep(self, 0, deadline_ns);
}

#endif
