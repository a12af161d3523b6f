/* SPDX-License-Identifier: MIT */
#ifndef SHIM_LIMIT_H
#define SHIM_LIMIT_H

/*
 * Resource limits, where they have effect.  Descriptors (RLIMIT_NOFILE) and the stack are
 * looked after where they are made.
 *
 * Source  getrlimit(2), pthreads(7).
 * Threads any; a limit is read without a lock.
 * Errors  0, else -LX_E*.
 */

#include <stdint.h>

#include "lx/compiler.h"
#include "lx/types.h"

struct lx_siginfo;
struct shim_process;
struct shim_task;
struct vfs_file;

#define SHIM_FILES_MAX 1048576 /* fs.nr_open, and docker's limit */

/* What a container starts with: all SHIM_RLIMIT_COUNT of them. */
void shim_limits_init(struct lx_rlimit64 *limits);

/*
 * RLIMIT_NPROC: may the user of `p` have one thread or process more?  Root of the container
 * is not limited, as in docker.
 *   returns  -LX_EAGAIN.
 */
MUST_USE int shim_limit_nproc(const struct shim_process *p);

/*
 * RLIMIT_SIGPENDING: may this signal be queued for `to`, whose user's are counted?  The
 * container's lock is held.  Differs from Linux: those of timers are not counted.
 *   returns  -LX_EAGAIN.
 */
MUST_USE int shim_limit_sigpending_locked(const struct shim_process *to,
                                          const struct lx_siginfo *info);

/*
 * RLIMIT_FSIZE for a write of *size bytes: cut it to what fits.
 *   offset   where, or -1: at the file's position.
 *   returns  -LX_EFBIG, and SIGXFSZ is sent: nothing fits.
 */
MUST_USE int shim_limit_write(struct shim_task *t, struct vfs_file *file, int64_t offset,
                              uint64_t *size);

/* RLIMIT_FSIZE for a file that is to have `size` bytes; likewise. */
MUST_USE int shim_limit_file_size(struct shim_task *t, uint64_t old_size, uint64_t size);

/*
 * RLIMIT_AS and RLIMIT_DATA for `size` bytes more.
 *   is_data  1: they are private and writable.
 *   returns  -LX_ENOMEM.
 */
MUST_USE int shim_limit_memory(struct shim_task *t, uint64_t size, int is_data);

/* A new thread or a fork's child: what threads hand on. */
void shim_limit_inherit(struct shim_task *child, const struct shim_task *parent);

#endif
