/* SPDX-License-Identifier: MIT */
/*
 * Shared memory: ranges of the segments' memfd, which is sparse, behind all segments.
 *
 * Source  mmap(2), fallocate(2), ftruncate(2).
 */

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "internal.h"
#include "lx/errno.h"

/* Where places begin in the memfd: behind the last segment. */
#define SHARED_BASE ((uint64_t)PLAT_SEGMENT_MAX * PLAT_SEGMENT_SIZE)
#define FILE_END ((uint64_t)INT64_MAX & ~(uint64_t)(PLAT_GRANULE - 1))

static int fallocate_all(int mode, uint64_t offset, uint64_t size)
{
    while (fallocate(g_linux.segments, mode, (off_t)offset, (off_t)size) < 0) {
        if (errno != EINTR)
            return errno == ENOSPC ? -LX_ENOMEM : linux_error();
    }
    return 0;
}

/* The last page makes the file long enough, whoever else does that; it is taken away again. */
int plat_host_shared_new(uint32_t keeper, uint64_t place, uint64_t size, uint64_t *key)
{
    (void)keeper;
    *key = 0;
    if (!size || place > FILE_END - SHARED_BASE || size > FILE_END - SHARED_BASE - place)
        return -LX_ENOMEM;
    uint64_t begin = SHARED_BASE + place, last = begin + size - PLAT_GRANULE;
    int err = fallocate_all(0, last, PLAT_GRANULE);
    if (err == 0)
        err = fallocate_all(FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, last, PLAT_GRANULE);
    if (err == 0)
        *key = begin;
    return err;
}

void plat_host_shared_free(uint32_t keeper, uint64_t key, uint64_t size)
{
    (void)keeper;
    int err = fallocate_all(FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, key, size);
    (void)err; /* it stays as what nobody uses */
}

int plat_host_shared_map(uint32_t keeper, uint64_t key, uint64_t offset, uint64_t addr,
                         uint64_t size, uint32_t prot, void **out)
{
    (void)keeper;
    int flags = MAP_SHARED | MAP_NORESERVE | (addr ? MAP_FIXED_NOREPLACE : 0);
    void *view = mmap((void *)(uintptr_t)addr, size, linux_prot(prot), flags, g_linux.segments,
                      (off_t)(key + offset));
    *out = view == MAP_FAILED ? NULL : view;
    if (*out)
        return 0;
    return errno == EPERM ? -LX_EEXIST : linux_error();
}

void plat_host_shared_unmap(void *view, uint64_t size)
{
    munmap(view, size);
}
