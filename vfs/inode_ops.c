/* SPDX-License-Identifier: MIT */
/* The table of the file systems' operations, and those that do nothing. */

#include "inode_ops.h"

#include "lx/errno.h"

const struct inode_ops *inode_ops(const struct vfs_inode *inode)
{
    static const struct inode_ops *const tables[VFS_OWNER_COUNT] = {
        [VFS_OF_HOST] = &host_ops,  [VFS_OF_PROC] = &proc_ops,     [VFS_OF_SYS] = &sys_ops,
        [VFS_OF_CGROUP] = &sys_ops, [VFS_OF_DEVPTS] = &devpts_ops, [VFS_OF_FILE] = &opened_ops,
    };
    return tables[inode->owner];
}

int inode_keeps_mode(struct vfs_inode *inode, uint32_t mode)
{
    (void)inode;
    (void)mode;
    return -LX_EPERM;
}

int inode_keeps_owner(struct vfs_inode *inode, uint32_t uid, uint32_t gid)
{
    (void)inode;
    (void)uid;
    (void)gid;
    return 0;
}

int inode_keeps_times(struct vfs_inode *inode, int64_t atime_ns, int64_t mtime_ns)
{
    (void)inode;
    (void)atime_ns;
    (void)mtime_ns;
    return 0;
}

int inode_keeps_size(struct vfs_inode *inode, uint64_t size)
{
    (void)inode;
    (void)size;
    return 0;
}

int inode_cannot_allocate(struct vfs_inode *inode, uint32_t mode, uint64_t offset, uint64_t size)
{
    (void)inode;
    (void)mode;
    (void)offset;
    (void)size;
    return -LX_EOPNOTSUPP;
}
