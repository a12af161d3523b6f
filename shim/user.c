/* SPDX-License-Identifier: MIT */
/* Guest memory, copied in and out. */

#include "shim/user.h"

#include "core/mem.h"
#include "lx/errno.h"
#include "plat/thread.h"

int shim_user_ok(lx_uptr addr, uint64_t size)
{
    static const struct {
        uint64_t begin, end;
    } windows[] = {
        {CORE_LOW_BASE, CORE_LOW_END},
        {CORE_PIE_BASE, CORE_PIE_END},
        {CORE_MMAP_BASE, CORE_MMAP_END},
        {CORE_STACK_BASE, CORE_STACK_END},
    };
    for (uint32_t i = 0; i < sizeof windows / sizeof windows[0]; i++) {
        if (addr >= windows[i].begin && addr < windows[i].end)
            return size <= windows[i].end - addr;
    }
    return 0;
}

int shim_copy_in(void *to, lx_uptr from, uint64_t size)
{
    if (!shim_user_ok(from, size))
        return size ? -LX_EFAULT : 0;
    return plat_copy_guest(to, (const void *)from, size) ? -LX_EFAULT : 0;
}

int shim_copy_out(lx_uptr to, const void *from, uint64_t size)
{
    if (!shim_user_ok(to, size))
        return size ? -LX_EFAULT : 0;
    return plat_copy_guest((void *)to, from, size) ? -LX_EFAULT : 0;
}

int shim_zero_out(lx_uptr to, uint64_t size)
{
    static const unsigned char zeros[CORE_PAGE_SIZE];
    while (size) {
        uint64_t part = size < sizeof zeros ? size : sizeof zeros;
        int err = shim_copy_out(to, zeros, part);
        if (err < 0)
            return err;
        to += part;
        size -= part;
    }
    return 0;
}

#define LOW_BITS 0x0101010101010101ull

/* The index of the first zero byte of a word; 8: none is zero. */
static uint32_t first_zero(uint64_t word)
{
    uint64_t zeros = (word - LOW_BITS) & ~word & LOW_BITS << 7;
    return zeros ? (uint32_t)__builtin_ctzll(zeros) / 8 : 8;
}

/* Where a string ends within so many bytes; `size`: not there. */
static uint64_t string_end(const char *text, uint64_t size)
{
    uint64_t at = 0, word;
    for (; at + sizeof word <= size; at += sizeof word) {
        memcpy(&word, text + at, sizeof word);
        uint32_t zero = first_zero(word);
        if (zero < sizeof word)
            return at + zero;
    }
    while (at < size && text[at])
        at++;
    return at;
}

/*
 * In steps that do not cross a page, because what follows the string may not be
 * mapped.
 */
int64_t shim_copy_string(char *to, lx_uptr from, uint64_t size)
{
    uint64_t done = 0;
    while (done < size) {
        uint64_t part = 64 - ((from + done) & 63);
        if (part > size - done)
            part = size - done;
        int err = shim_copy_in(to + done, from + done, part);
        if (err < 0)
            return err;
        uint64_t end = string_end(to + done, part);
        if (end < part)
            return (int64_t)(done + end);
        done += part;
    }
    return -LX_ENAMETOOLONG;
}

int64_t shim_copy_path(char to[SHIM_PATH_MAX], lx_uptr from)
{
    return shim_copy_string(to, from, SHIM_PATH_MAX);
}

int shim_copy_iovec(struct lx_iovec *to, lx_uptr from, uint64_t count, uint64_t *total)
{
    *total = 0;
    if (count > SHIM_IOV_MAX)
        return -LX_EINVAL;
    int err = shim_copy_in(to, from, count * sizeof *to);
    if (err < 0)
        return err;
    for (uint64_t i = 0; i < count; i++) {
        if (to[i].iov_len > (uint64_t)INT64_MAX - *total)
            return -LX_EINVAL;
        *total += to[i].iov_len;
    }
    return 0;
}
