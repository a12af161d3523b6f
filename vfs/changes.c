/* SPDX-License-Identifier: MIT */
/* What a container has changed of its root file system. */

#include "vfs/changes.h"

#include "internal.h"
#include "vfs/image.h"

/* The inode that stands for an image's, if there is one and it has a name. */
static struct vfs_inode *known(uint32_t index)
{
    struct vfs_state *s = vfs_state();
    struct vfs_inode **chunk = s->inodes[index / INODE_CHUNK];
    struct vfs_inode *inode = chunk ? chunk[index % INODE_CHUNK] : NULL;
    return inode && inode->nlink ? inode : NULL;
}

enum vfs_change vfs_changes_of(uint32_t image_index, struct vfs_inode **out)
{
    const struct vfs_image_inode *i = vfs_image_inode(vfs_image_attached(), image_index);
    struct vfs_inode *inode = known(image_index);
    *out = NULL;
    if (!i || !inode)
        return VFS_UNCHANGED;
    int contents = VFS_IS_REG(inode) && (inode->chunks || inode->shared || inode->size != i->size ||
                                         inode->image_size != i->size);
    int attributes = inode->mode != i->mode || inode->uid != i->uid || inode->gid != i->gid ||
                     inode->mtime_ns != i->mtime_ns || inode->own_xattrs || inode->table;
    if (contents || attributes)
        *out = inode;
    return contents ? VFS_CHANGED_CONTENTS : attributes ? VFS_CHANGED_ATTRIBUTES : VFS_UNCHANGED;
}

int vfs_changes_in(struct vfs_inode *dir, vfs_changes_each each, void *arg)
{
    int result = 0;
    CORE_LIST_FOR_EACH(node, &dir->entries)
    {
        const struct vfs_entry *e = CORE_LIST_ENTRY(node, struct vfs_entry, node);
        if (result == 0)
            result = each(arg, e->name, e->size, e->inode);
    }
    return result;
}
