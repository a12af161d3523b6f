/* SPDX-License-Identifier: MIT */
/*
 * The container's shared memory: two memfds, one for the arena and one, sparse,
 * for all segments, and the doorbell of park.c.  A guest host inherits all three.
 *
 * Source  memfd_create(2), fallocate(2), eventfd(2).
 */

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "internal.h"
#include "lx/errno.h"

#define PAGE_SIZE 4096u

static int map_arena(uint64_t addr, uint64_t size)
{
    g_linux.arena_base = addr;
    return linux_map_at(addr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE,
                        g_linux.arena);
}

static void close_all(void)
{
    int *fds[] = {&g_linux.arena, &g_linux.segments, &linux_doorbell};
    for (int i = 0; i < 3; i++) {
        if (*fds[i] >= 0)
            close(*fds[i]);
        *fds[i] = -1;
    }
}

int plat_host_arena_create(uint64_t addr, uint64_t size)
{
    g_linux.arena = memfd_create("tarbox-arena", MFD_CLOEXEC);
    g_linux.segments = memfd_create("tarbox-segments", MFD_CLOEXEC);
    linux_doorbell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int err = 0;
    if (g_linux.arena < 0 || g_linux.segments < 0 || linux_doorbell < 0)
        err = linux_error();
    if (!err)
        err = map_arena(addr, size);
    if (err)
        close_all();
    return err;
}

/* The launcher's mapping came with the copy of it that this is. */
int plat_host_arena_attach(uint64_t addr, uint64_t size)
{
    (void)size;
    if (!g_linux.is_guest || g_linux.arena_base != addr)
        return -LX_EINVAL;
    return plat_host_mem_reserve(PLAT_LOW_BASE, PLAT_LOW_END - PLAT_LOW_BASE);
}

/*
 * fallocate() grows a file and never shrinks it, whoever else grows it too, and
 * says at once when memory is short.
 */
static int commit(int fd, uint64_t offset, uint64_t size)
{
    while (fallocate(fd, 0, (off_t)offset, (off_t)size) < 0) {
        if (errno != EINTR)
            return errno == ENOSPC ? -LX_ENOMEM : linux_error();
    }
    return 0;
}

/* The last page makes the file long enough; those before it come when they are touched. */
static int commit_last(int fd, uint64_t end, uint64_t size)
{
    if (size < PAGE_SIZE)
        return size ? -LX_EINVAL : 0;
    return commit(fd, end - PAGE_SIZE, PAGE_SIZE);
}

int plat_host_arena_commit(uint64_t addr, uint64_t size)
{
    return commit_last(g_linux.arena, addr - g_linux.arena_base + size, size);
}

int plat_host_segment_map(uint32_t index, uint32_t keeper, void **out)
{
    (void)keeper; /* all are in one file, which every process has */
    *out = NULL;
    if (index >= PLAT_SEGMENT_MAX)
        return -LX_ENOMEM;
    void *view = mmap(NULL, PLAT_SEGMENT_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE,
                      g_linux.segments, (off_t)index * PLAT_SEGMENT_SIZE);
    if (view == MAP_FAILED)
        return linux_error();
    *out = view;
    return 0;
}

void plat_host_segment_unmap(uint32_t index, void *view)
{
    (void)index;
    munmap(view, PLAT_SEGMENT_SIZE);
}

/* Pages that were discarded stay away. */
int plat_host_segment_commit(uint32_t index, void *view, uint64_t size)
{
    (void)view;
    return commit_last(g_linux.segments, (uint64_t)index * PLAT_SEGMENT_SIZE + size, size);
}

void plat_host_segment_discard(uint32_t index, void *view, uint64_t offset, uint64_t size)
{
    (void)view;
    fallocate(g_linux.segments, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
              (off_t)index * PLAT_SEGMENT_SIZE + (off_t)offset, (off_t)size);
}
