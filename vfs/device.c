/* SPDX-License-Identifier: MIT */
/* null, zero, full, random and urandom. */

#include "device.h"

#include "lx/errno.h"
#include "lx/stat.h"
#include "lx/unistd.h"
#include "plat/plat.h"
#include "plat/thread.h"

#define MAJOR_MEMORY 1

int device_exists(uint64_t rdev)
{
    uint32_t minor = LX_MINOR(rdev);
    return LX_MAJOR(rdev) == MAJOR_MEMORY &&
           (minor == DEVICE_NULL || minor == DEVICE_ZERO || minor == DEVICE_FULL ||
            minor == DEVICE_RANDOM || minor == DEVICE_URANDOM);
}

static int64_t read_zeros(uint8_t *buf, uint64_t size)
{
    static const uint8_t zeros[4096];
    uint64_t done = 0;
    while (done < size) {
        uint64_t part = size - done < sizeof zeros ? size - done : sizeof zeros;
        uint64_t left = plat_copy_guest(buf + done, zeros, part);
        done += part - left;
        if (left)
            return done ? (int64_t)done : -LX_EFAULT;
    }
    return (int64_t)done;
}

static int64_t read_random(uint8_t *buf, uint64_t size)
{
    uint8_t bytes[512];
    uint64_t done = 0;
    while (done < size) {
        uint64_t part = size - done < sizeof bytes ? size - done : sizeof bytes;
        plat_random(bytes, part);
        uint64_t left = plat_copy_guest(buf + done, bytes, part);
        done += part - left;
        if (left)
            return done ? (int64_t)done : -LX_EFAULT;
    }
    return (int64_t)done;
}

int64_t device_read(uint8_t minor, void *buf, uint64_t size)
{
    if (size > LX_RW_MAX)
        size = LX_RW_MAX;
    switch (minor) {
    case DEVICE_NULL:
        return 0;
    case DEVICE_RANDOM:
    case DEVICE_URANDOM:
        return read_random(buf, size);
    default:
        return read_zeros(buf, size);
    }
}

int64_t device_write(uint8_t minor, uint64_t size)
{
    if (minor == DEVICE_FULL)
        return -LX_ENOSPC;
    return size > LX_RW_MAX ? LX_RW_MAX : (int64_t)size;
}
