/* SPDX-License-Identifier: MIT */
#ifndef SHIM_USER_H
#define SHIM_USER_H

/*
 * Guest memory, as the shim reads and writes it.  A guest address is an integer
 * until it passes through here; a bad one is an error, never a crash.  Addresses
 * outside the guest's windows (the arena, our own code) are refused.
 *
 * Threads  any.  A page that another thread unmaps meanwhile is an error, too.
 * Errors   -LX_EFAULT.
 */

#include <stdint.h>

#include "core/layout.h"
#include "lx/compiler.h"
#include "lx/types.h"

/* 1 if [addr, addr + size) lies inside one of the guest's windows. */
int shim_user_ok(lx_uptr addr, uint64_t size);

MUST_USE int shim_copy_in(void *to, lx_uptr from, uint64_t size);
MUST_USE int shim_copy_out(lx_uptr to, const void *from, uint64_t size);

/* Zero guest memory. */
MUST_USE int shim_zero_out(lx_uptr to, uint64_t size);

/*
 * Copy a terminated string of at most size - 1 bytes.
 *   returns  its length; -LX_EFAULT; -LX_ENAMETOOLONG: no end within `size`.
 */
MUST_USE int64_t shim_copy_string(char *to, lx_uptr from, uint64_t size);

/* A path: as above for PATH_MAX; an empty one is for the caller to judge. */
#define SHIM_PATH_MAX 4096
MUST_USE int64_t shim_copy_path(char to[SHIM_PATH_MAX], lx_uptr from);

/*
 * Copy in an iovec array.
 *   total    sum of the lengths.
 *   returns  -LX_EINVAL: more than 1024, or the sum overflows int64; -LX_EFAULT.
 */
#define SHIM_IOV_MAX 1024
MUST_USE int shim_copy_iovec(struct lx_iovec *to, lx_uptr from, uint64_t count, uint64_t *total);

#endif
