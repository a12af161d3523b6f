/* SPDX-License-Identifier: MIT */
/* Files that are mapped, and who is told of their sizes. */

#include "vfs/mapping.h"

#include <stdatomic.h>

#include "internal.h"
#include "plat/plat.h"
#include "vfs/file.h"

#define WAIT_NS 200000
#define WAIT_TRIES 15000u /* three seconds: longer than who is alive keeps mappings away */

void vfs_mapping_set_provider(const struct vfs_mapping_provider *provider)
{
    g_providers.mappings = provider;
}

void vfs_mapping_add(struct vfs_file *file, uint64_t end)
{
    struct vfs_inode *inode = file->inode;
    if (file->kind != VFS_FILE_REGULAR)
        return;
    core_lock_acquire(&inode->lock);
    if (!inode->map_count || inode->map_end < end)
        inode->map_end = end;
    inode->map_count++;
    core_lock_release(&inode->lock);
}

void vfs_mapping_remove(struct vfs_file *file)
{
    if (file->kind != VFS_FILE_REGULAR)
        return;
    core_lock_acquire(&file->inode->lock);
    file->inode->map_count--;
    core_lock_release(&file->inode->lock);
}

int vfs_mapping_is_hidden(const struct vfs_file *file)
{
    return file->kind == VFS_FILE_REGULAR && file->inode->map_hidden;
}

uint64_t vfs_mapping_size(const struct vfs_file *file)
{
    if (file->kind != VFS_FILE_REGULAR)
        return UINT64_MAX;
    return file->inode->map_hidden ? 0 : file->inode->size;
}

void vfs_mapping_refresh(struct vfs_file *file)
{
    if (file->kind != VFS_FILE_REGULAR)
        return;
    for (uint32_t i = 0; vfs_mapping_is_hidden(file); i++) {
        if (i == WAIT_TRIES)
            file->inode->map_hidden = 0; /* who did it has been killed */
        else
            plat_thread_yield(WAIT_NS);
    }
    uint64_t size = vfs_inode_size(file->inode);
    (void)size; /* it is in the inode */
}

void mapping_resized_locked(const struct vfs_inode *inode, uint64_t old, uint64_t size)
{
    uint64_t first = pages_of(old < size ? old : size); /* of those that come or go */
    if (inode->map_count && pages_of(old) != pages_of(size) && first < pages_of(inode->map_end) &&
        g_providers.mappings)
        g_providers.mappings->changed();
}

int mapping_hide(struct vfs_inode *inode)
{
    if (!inode->map_count || !g_providers.mappings)
        return 0;
    atomic_fetch_add(&inode->map_hidden, 1);
    g_providers.mappings->apply();
    return 1;
}

void mapping_show(struct vfs_inode *inode)
{
    uint32_t hiders = inode->map_hidden;
    while (hiders && !atomic_compare_exchange_weak(&inode->map_hidden, &hiders, hiders - 1)) {
    } /* 0: somebody has waited for too long */
    g_providers.mappings->apply();
}
