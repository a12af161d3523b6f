/* SPDX-License-Identifier: MIT */
#ifndef VFS_LOCK_H
#define VFS_LOCK_H

/*
 * Locks on files: record locks of processes, record locks of open files ("OFD"), and those
 * of flock(2).  They are among the container's processes only: the host knows none of them.
 *
 * Source   fcntl(2), flock(2); fs/locks.c of Linux.
 * Threads  any, of any process.
 * Errors   -LX_EAGAIN: somebody else has it; -LX_EDEADLK; -LX_EINTR; -LX_ENOLCK: no memory.
 */

#include <stdint.h>

#include "core/wait.h"
#include "lx/compiler.h"

struct vfs_fdtable;
struct vfs_file;

enum vfs_lock_kind {
    VFS_LOCK_PROCESS, /* the owner is a descriptor table, as in Linux */
    VFS_LOCK_FILE,    /* record locks of an open file */
    VFS_LOCK_FLOCK,   /* the other name space: all of the file, of an open file */
};

/* A lock that is wanted, or that is in the way. */
struct vfs_lock {
    uint8_t kind;        /* VFS_LOCK_PROCESS and _FILE exclude each other, _FLOCK is apart */
    int16_t type;        /* LX_F_RDLCK, LX_F_WRLCK, LX_F_UNLCK */
    int32_t pid;         /* for F_GETLK; -1 of an open file */
    const void *owner;   /* the struct vfs_fdtable or vfs_file */
    uint64_t begin, end; /* bytes, both included; UINT64_MAX / 2 is the end of all files */
};

#define VFS_LOCK_END ((uint64_t)INT64_MAX)

/*
 * Set, change or (LX_F_UNLCK) remove a lock.
 *   waits    1 to sleep until it can be had.
 */
MUST_USE int vfs_lock_set(struct vfs_file *file, const struct vfs_lock *lock, int waits,
                          struct core_sleeper *self);

/* What is in the way of a lock: `type` is LX_F_UNLCK if nothing is. */
void vfs_lock_test(struct vfs_file *file, struct vfs_lock *lock);

/* A process has closed a descriptor of the file: its record locks on it are gone. */
void vfs_lock_forget_process(struct vfs_file *file, const struct vfs_fdtable *fds);

/* The open file is closed: its own locks are gone. */
void vfs_lock_forget_file(struct vfs_file *file);

/* Forget that this sleeper waits for a lock: its thread is gone without ending its call. */
void vfs_lock_forget_sleeper(const struct core_sleeper *sleeper);

#endif
