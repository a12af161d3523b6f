/* SPDX-License-Identifier: MIT */
#ifndef VFS_DEVICE_H
#define VFS_DEVICE_H

/*
 * The memory devices, major number 1: null(4), zero, full(4), random(4), urandom.
 * Private to vfs.
 *
 * Threads  any.  Errors  -LX_ENOSPC (full), -LX_EFAULT.
 */

#include <stdint.h>

#include "lx/compiler.h"

#define DEVICE_NULL 3
#define DEVICE_ZERO 5
#define DEVICE_FULL 7
#define DEVICE_RANDOM 8
#define DEVICE_URANDOM 9

/* 1 if a device with this number is there. */
int device_exists(uint64_t rdev);

MUST_USE int64_t device_read(uint8_t minor, void *buf, uint64_t size);
MUST_USE int64_t device_write(uint8_t minor, uint64_t size);

#endif
