/* SPDX-License-Identifier: MIT */
/* File systems: their kinds, and what is used of their limits. */

#include "vfs/super.h"

#include <stdatomic.h>

#include "core/layout.h"
#include "core/segment.h"
#include "host.h"
#include "lx/errno.h"
#include "lx/stat.h"
#include "lx/types.h"

static const struct {
    const char *name;
    uint32_t magic;
    uint32_t block_size;
    uint32_t has_pages; /* 1: its files are in pages of ours */
    const char *options;
} types[VFS_SUPER_TYPES] = {
    /* As tmpfs, which it is like. */
    [VFS_SUPER_ROOT] = {"tarbox", LX_TMPFS_MAGIC, CORE_PAGE_SIZE, 1, ""},
    [VFS_SUPER_FILES] = {"tmpfs", LX_TMPFS_MAGIC, CORE_PAGE_SIZE, 1, ""},
    [VFS_SUPER_TMPFS] = {"tmpfs", LX_TMPFS_MAGIC, CORE_PAGE_SIZE, 1, ""},
    [VFS_SUPER_PROC] = {"proc", LX_PROC_SUPER_MAGIC, CORE_PAGE_SIZE, 0, ""},
    [VFS_SUPER_SYS] = {"sysfs", LX_SYSFS_MAGIC, CORE_PAGE_SIZE, 0, ""},
    [VFS_SUPER_CGROUP] = {"cgroup2", LX_CGROUP2_SUPER_MAGIC, CORE_PAGE_SIZE, 0, ""},
    [VFS_SUPER_MQUEUE] = {"mqueue", LX_MQUEUE_MAGIC, CORE_PAGE_SIZE, 0, ""},
    [VFS_SUPER_DEVPTS] = {"devpts", LX_DEVPTS_SUPER_MAGIC, CORE_PAGE_SIZE, 0,
                          ",gid=5,mode=620,ptmxmode=666"},
    /* As other ways to such folders. */
    [VFS_SUPER_HOST] = {"host", LX_V9FS_MAGIC, CORE_PAGE_SIZE, 0, ""},
};

void vfs_super_init(struct vfs_super *super, enum vfs_super_type type, uint32_t minor)
{
    super->type = type;
    super->device = LX_MAKEDEV(0, minor);
    super->read_only = super->is_given_read_only = 0;
    super->mount_count = 0;
    super->covered_count = 0;
    super->page_limit = super->inode_limit = UINT64_MAX;
    super->page_count = super->inode_count = 0;
}

uint64_t vfs_super_page_limit(uint64_t size)
{
    return size == UINT64_MAX ? size : size / CORE_PAGE_SIZE + (size % CORE_PAGE_SIZE != 0);
}

uint64_t vfs_super_size_limit(const struct vfs_super *super)
{
    uint64_t pages = super->page_limit;
    return pages == UINT64_MAX ? pages : pages * CORE_PAGE_SIZE;
}

const char *vfs_super_options(const struct vfs_super *super)
{
    return types[super->type].options;
}

const char *vfs_super_name(const struct vfs_super *super)
{
    return types[super->type].name;
}

static int take(_Atomic uint64_t *counter, uint64_t limit)
{
    if (atomic_fetch_add_explicit(counter, 1, memory_order_relaxed) < limit)
        return 0;
    atomic_fetch_sub_explicit(counter, 1, memory_order_relaxed);
    return -LX_ENOSPC;
}

int vfs_super_take_page(struct vfs_super *super)
{
    return take(&super->page_count, super->page_limit);
}

void vfs_super_give_page(struct vfs_super *super)
{
    atomic_fetch_sub_explicit(&super->page_count, 1, memory_order_relaxed);
}

void vfs_super_add_pages(struct vfs_super *super, int64_t change)
{
    atomic_fetch_add_explicit(&super->page_count, (uint64_t)change, memory_order_relaxed);
}

int vfs_super_take_inode(struct vfs_super *super)
{
    return take(&super->inode_count, super->inode_limit);
}

void vfs_super_give_inode(struct vfs_super *super)
{
    atomic_fetch_sub_explicit(&super->inode_count, 1, memory_order_relaxed);
}

/* What is left of a limit of its own, and of what all share. */
static void count_blocks(const struct vfs_super *super, struct vfs_usage *out)
{
    uint64_t all = core_page_limit(), used = core_page_used(), left = all > used ? all - used : 0;
    out->blocks = out->inodes = all;
    out->free_blocks = out->free_inodes = left;
    if (super->page_limit != UINT64_MAX) {
        uint64_t own = super->page_limit, count = super->page_count;
        out->blocks = own;
        out->free_blocks = own > count && own - count < left ? own - count : own > count ? left : 0;
    }
    out->usable_blocks = out->free_blocks;
    if (super->inode_limit != UINT64_MAX) {
        out->inodes = super->inode_limit;
        out->free_inodes = super->inode_limit - super->inode_count;
    }
}

void vfs_super_usage(const struct vfs_super *super, struct vfs_usage *out)
{
    *out = (struct vfs_usage){.magic = types[super->type].magic,
                              .block_size = types[super->type].block_size};
    if (types[super->type].has_pages)
        count_blocks(super, out);
    else if (super->type == VFS_SUPER_HOST)
        host_usage(super, out);
}
