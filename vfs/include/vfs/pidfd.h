/* SPDX-License-Identifier: MIT */
#ifndef VFS_PIDFD_H
#define VFS_PIDFD_H

/*
 * Processes and threads as files: who one is, by a record that its files share with it, and
 * that it has ended.  What one is for is the shim's: pidfd_send_signal(2), waitid(2) ..
 *
 * Source   pidfd_open(2); fs/pidfs.c (poll).
 * Threads  any, of any process.
 * Errors   -LX_ENFILE.
 */

#include <stdint.h>

#include "core/wait.h"
#include "lx/compiler.h"

struct vfs_file;

/* Bits of struct vfs_pidfd.state. */
#define VFS_PIDFD_ENDED 1u /* nothing of it runs any more */
#define VFS_PIDFD_GONE 2u  /* it was waited for: its id may become another's */

struct vfs_pidfd {
    _Atomic uint32_t refs;
    _Atomic uint32_t state; /* VFS_PIDFD_*; bits are only added */
    int32_t id;             /* constant: of the process or thread */
    struct core_waitq waitq;
};

/* The record of one that lives, with one reference; NULL: no memory. */
struct vfs_pidfd *vfs_pidfd_new(int32_t id);
struct vfs_pidfd *vfs_pidfd_get(struct vfs_pidfd *p);
void vfs_pidfd_put(struct vfs_pidfd *p); /* NULL is ignored */

/* Tell those who wait; NULL is ignored: nobody asked. */
void vfs_pidfd_tell(struct vfs_pidfd *p, uint32_t state);

/*
 * A file of it.
 *   flags  LX_O_NONBLOCK, LX_PIDFD_THREAD.
 *   p      borrowed: the file takes its own reference.
 */
MUST_USE int vfs_pidfd_open(struct vfs_pidfd *p, uint32_t flags, struct vfs_file **out);

/* The calls of vfs/file.h on one. */
void vfs_pidfd_close(struct vfs_file *file);
uint32_t vfs_pidfd_poll(struct vfs_file *file);
struct core_waitq *vfs_pidfd_waitq(struct vfs_file *file);

#endif
