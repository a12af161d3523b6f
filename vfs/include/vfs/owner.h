/* SPDX-License-Identifier: MIT */
#ifndef VFS_OWNER_H
#define VFS_OWNER_H

/*
 * Signals for the owners of open files: O_ASYNC, F_NOTIFY, and SIGURG.
 *
 * What they are about happens while locks are held that come after those of signals.  So they are
 * noted, and the thread that noted one sends it when it holds none: decisions/0026.
 *
 * Source   fcntl(2), ioctl(2) (FIOASYNC); fs/fcntl.c and fs/notify/dnotify of Linux.
 * Threads  any.
 * Errors   -LX_E*.  A signal that there is no memory to note is lost.
 */

#include <stdint.h>

#include "lx/compiler.h"

struct vfs_fdtable;
struct vfs_file;

/* Whom a file's signals are for: F_SETOWN. */
struct vfs_owner {
    int32_t id;         /* 0: nobody */
    uint32_t type;      /* LX_F_OWNER_* */
    uint32_t uid, euid; /* of who said so */
};

struct vfs_owner_signal {
    struct vfs_owner owner;
    int32_t number;
    int32_t code,
        fd; /* LX_POLL_* and the descriptor, if F_SETSIG asks for them; code 0: it does not */
};

/* Name the owner of a file. */
void vfs_owner_set(struct vfs_file *file, const struct vfs_owner *owner);

/* 1 if a file can have O_ASYNC set. */
int vfs_async_is_known(const struct vfs_file *file);

/*
 * Set or clear O_ASYNC.
 *   fd       that the signals tell.
 *   returns  -LX_ENOTTY: a terminal that was hung up; -LX_ENOMEM.
 */
MUST_USE int vfs_async_set(struct vfs_file *file, int32_t fd, int on);

/*
 * Tell the owner of a directory's file once, or with LX_DN_MULTISHOT each time, of events.
 *   fds      whose the descriptor is: when it closes the file, that is over.
 *   events   LX_DN_*, at least one; they add to those that were asked for.
 *   returns  -LX_ENOTDIR, -LX_ENOMEM.
 */
MUST_USE int vfs_dnotify_add(struct vfs_file *file, const struct vfs_fdtable *fds, int32_t fd,
                             uint32_t events);
void vfs_dnotify_forget(const struct vfs_file *file, const struct vfs_fdtable *fds);

/* 1 if there are signals that were noted and not sent yet, perhaps by another thread just now. */
int vfs_owner_signals_wait(void);

/* Have those sent, the oldest first, by one thread at a time. */
void vfs_owner_signals_send(void (*send)(const struct vfs_owner_signal *signal));

#endif
