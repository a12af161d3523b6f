/* SPDX-License-Identifier: MIT */
#ifndef VFS_FDTABLE_H
#define VFS_FDTABLE_H

/*
 * Descriptor table: maps a process's small integers to open files.
 *
 * Source   dup(2), close(2), close_range(2), fcntl(2), getrlimit(2) (RLIMIT_NOFILE).
 * Threads  any function, any thread; the table locks itself (LOCK_FDTABLE).
 * Errors   0 or a descriptor on success, else -LX_E*; out-parameters are then NULL.
 */

#include <stdint.h>

#include "lx/compiler.h"

struct vfs_fdtable;
struct vfs_file;

#define VFS_FD_CLOEXEC 0x1u

/*
 * Create an empty table.
 *   limit    1 + the highest descriptor it will ever hold; > 0, constant for life.
 *   out      owned by the caller: vfs_fdtable_free() it.
 *   returns  -LX_ENOMEM.
 */
MUST_USE int vfs_fdtable_new(int32_t limit, struct vfs_fdtable **out);

/* A table with the same files, as fork(2) makes it; no user yet. */
MUST_USE int vfs_fdtable_clone(struct vfs_fdtable *t, struct vfs_fdtable **out);

/* Close what has VFS_FD_CLOEXEC: execve(2).  The caller's thread alone uses the table. */
void vfs_fdtable_close_exec(struct vfs_fdtable *t);

/* Put every file still open.  No other thread may be using `t`; NULL is ignored. */
void vfs_fdtable_free(struct vfs_fdtable *t);

/*
 * Find the file behind `fd`.
 *   out      a new reference, owned by the caller: vfs_file_put() it.
 *   returns  -LX_EBADF: negative, beyond the limit, or not open.
 */
MUST_USE int vfs_fdtable_get(struct vfs_fdtable *t, int32_t fd, struct vfs_file **out);

/* A file in use by a call. */
struct vfs_borrowed {
    struct vfs_file *file;
    uint32_t counted; /* 1: by a reference of its own */
};

/*
 * Find the file behind `fd` for the length of one call.  While one thread alone uses
 * the table, nothing can close the file under it, and no lock or count is touched;
 * fdget() in Linux.
 *   out      to be given back, also on failure.
 *   returns  -LX_EBADF.
 */
MUST_USE int vfs_fdtable_borrow(struct vfs_fdtable *t, int32_t fd, struct vfs_borrowed *out);
void vfs_give_back(struct vfs_borrowed *b);

/*
 * A thread begins to use the table, before it can; or has ended to: then those that are left
 * come back, and without any the table is to be freed.
 */
void vfs_fdtable_add_user(struct vfs_fdtable *t);
uint32_t vfs_fdtable_remove_user(struct vfs_fdtable *t);
uint32_t vfs_fdtable_users(const struct vfs_fdtable *t);

/*
 * Give `file` the lowest free descriptor from `first` on.
 *   file     borrowed: the table takes its own reference.
 *   limit    the soft RLIMIT_NOFILE.
 *   returns  the descriptor; -LX_EMFILE; -LX_EINVAL: first is not below the limit.
 */
MUST_USE int32_t vfs_fdtable_add(struct vfs_fdtable *t, struct vfs_file *file, uint32_t flags,
                                 int32_t first, uint64_t limit);

/* The same, but the file moves to the table; it is put if that fails. */
MUST_USE int32_t vfs_fdtable_install(struct vfs_fdtable *t, struct vfs_file *file, uint32_t flags,
                                     int32_t first, uint64_t limit);

/* Is there a free descriptor?  0 or -LX_EMFILE; another thread may take it. */
MUST_USE int vfs_fdtable_has_room(struct vfs_fdtable *t, uint64_t limit);

/*
 * Point `fd` at `file` in one step; no other thread can claim `fd` between.
 *   file     borrowed: the table takes its own reference.
 *   flags    0 or VFS_FD_CLOEXEC; replaces the old descriptor's flags.
 *   old      the previous occupant, or NULL.  Ownership moves to the caller,
 *            because the last put may block and no lock may be held then.
 *   returns  -LX_EBADF: out of range; -LX_ENOMEM.
 */
MUST_USE int vfs_fdtable_replace(struct vfs_fdtable *t, int32_t fd, struct vfs_file *file,
                                 uint32_t flags, struct vfs_file **old);

/* Free `fd`; its file moves to the caller.  -LX_EBADF. */
MUST_USE int vfs_fdtable_remove(struct vfs_fdtable *t, int32_t fd, struct vfs_file **old);

MUST_USE int vfs_fdtable_flags(struct vfs_fdtable *t, int32_t fd, uint32_t *flags);
MUST_USE int vfs_fdtable_set_flags(struct vfs_fdtable *t, int32_t fd, uint32_t flags);

/* The lowest open descriptor from `fd` on, or -1. */
int32_t vfs_fdtable_next(struct vfs_fdtable *t, int32_t fd);

#endif
