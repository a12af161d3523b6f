/* SPDX-License-Identifier: MIT */
#ifndef SHIM_SYS_FILE_H
#define SHIM_SYS_FILE_H

/*
 * What the handlers of file calls share: arguments looked up.  Private to
 * shim/sys.
 *
 * Threads  the task's own.  Errors  -LX_E*; out-parameters are then NULL.
 */

#include <stdint.h>

#include "lx/compiler.h"
#include "lx/types.h"
#include "shim/task.h"
#include "shim/user.h"
#include "vfs/fdtable.h"
#include "vfs/file.h"
#include "vfs/path.h"

/* A path argument with the directory it starts from. */
struct sys_path {
    const struct vfs_path *from; /* `where`, or NULL: the working directory */
    struct vfs_path where;       /* borrowed from `dir` */
    struct vfs_borrowed dir;     /* the descriptor's file, if it was looked up */
    char text[SHIM_PATH_MAX];
};

/*
 * Copy in a path and look up its directory descriptor, which does not matter for
 * an absolute path.  sys_path_put() afterwards, also on failure.
 */
MUST_USE int sys_path_get(struct shim_task *t, int32_t dirfd, lx_uptr path, struct sys_path *out);
void sys_path_put(struct sys_path *p);

/* 1 if a path is empty, or not there at all, which with AT_EMPTY_PATH is the same. */
int sys_path_is_empty(lx_uptr path);

/* Look up the directory descriptor of an absolute path, for openat2(2), RESOLVE_IN_ROOT. */
MUST_USE int sys_path_from(struct shim_task *t, int32_t dirfd, struct sys_path *out);

/*
 * What (dirfd, path, flags) name, for calls with AT_SYMLINK_NOFOLLOW and AT_EMPTY_PATH.
 *   file  with AT_EMPTY_PATH and an empty path, the open file, a reference; else NULL.
 *   out   references; both NULL if the file has no inode.
 */
MUST_USE int sys_find(struct shim_task *t, int32_t dirfd, lx_uptr path, uint32_t at_flags,
                      struct vfs_path *out, struct vfs_file **file);

/* The place that they name, as an open file that is only that; NULL: there is none. */
void sys_find_place(struct shim_task *t, int32_t dirfd, lx_uptr path, uint32_t at_flags,
                    struct vfs_file **out);

/* What is behind a descriptor: references, or NULL; -LX_EBADF, also for O_PATH if `real`. */
MUST_USE int sys_fd_path(struct shim_task *t, int32_t fd, int real, struct vfs_path *out);

/* Give a file a descriptor and put it; returns the descriptor. */
int64_t sys_install(struct shim_task *t, struct vfs_file *file, uint32_t fd_flags);

/* Take one back that the guest has not been told of; negative: there is none. */
void sys_take_back(struct shim_task *t, int64_t fd);

/* fcntl(2)'s commands for record locks. */
int64_t sys_lock_control(struct shim_task *t, int32_t fd, struct vfs_file *file, int32_t command,
                         lx_uptr arg);

/* fcntl(2)'s commands for the owner of a file. */
int64_t sys_owner_control(struct shim_task *t, struct vfs_file *file, int32_t command,
                          uint64_t arg);

/* ioctl(2) on a terminal or a master. */
int64_t sys_tty_control(struct shim_task *t, struct vfs_file *file, uint32_t request, lx_uptr arg);

/* Set or clear O_ASYNC, where it is known: -LX_ENOTTY, -LX_ENOMEM. */
MUST_USE int sys_owner_async(struct shim_task *t, int32_t fd, struct vfs_file *file, int on);

/* fcntl(2), F_NOTIFY. */
int64_t sys_owner_notify(struct shim_task *t, int32_t fd, struct vfs_file *file, uint32_t events);

/* 1 if the descriptor is of this file; 0; -LX_EBADF. */
MUST_USE int64_t sys_fd_is(struct shim_task *t, int32_t fd, const struct vfs_file *file);

/* What an interrupted call returns: it is started again if the handler allows. */
int64_t sys_interrupted(int64_t result);

#endif
