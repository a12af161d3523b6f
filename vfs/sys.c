/* SPDX-License-Identifier: MIT */
/* /sys and /sys/fs/cgroup: their names and attributes. */

#include "vfs/sys.h"

#include "inode_ops.h"
#include "internal.h"
#include "lx/errno.h"
#include "lx/unistd.h"
#include "made.h"
#include "plat/plat.h"

#define ATTRIBUTE_SIZE 4096 /* of every file of sysfs, as stat(2) shows it */

static const struct made_row rows[] = {
#define X(dir, name, mode, what) \
    {VFS_SYS_##dir, VFS_SYS_##what, 0, sizeof name - 1, mode, name, NULL},
#define LINK(dir, name, what, target) \
    {VFS_SYS_##dir, VFS_SYS_##what, 0, sizeof name - 1, LX_S_IFLNK | 0777, name, target},
#define NUMBERED(dir, name, mode, what, target) \
    {VFS_SYS_##dir, VFS_SYS_##what, 1, sizeof name - 1, mode, name, target},
#include "vfs/sys.def"
#undef X
#undef LINK
#undef NUMBERED
};

_Static_assert(VFS_SYS_COUNT < 256, "a byte each");

void vfs_sys_set_provider(vfs_sys_render render)
{
    g_providers.sys = render;
}

/* The first processor cannot be taken away. */
static int is_in(const struct made_row *row, const struct vfs_made *dir)
{
    return row->dir == dir->what && (row->what != VFS_SYS_CPU_ONLINE || dir->id.cpu);
}

static int32_t next(const struct vfs_made *dir, int32_t from)
{
    (void)dir;
    return (uint32_t)from < plat_cpu_count() ? from : -1;
}

static int find(uint32_t what, const union made_id *id, uint32_t *mode)
{
    (void)what;
    (void)mode;
    return (uint32_t)id->cpu < plat_cpu_count() ? 0 : -LX_ENOENT;
}

static int owner(const union made_id *id, uint32_t *uid, uint32_t *gid)
{
    (void)id;
    *uid = *gid = 0;
    return 0;
}

static int render(uint32_t what, const union made_id *id, struct vfs_text *t)
{
    return g_providers.sys ? g_providers.sys((enum vfs_sys_what)what, (uint32_t)id->cpu, t)
                           : -LX_EIO;
}

static void show(struct vfs_inode *inode, struct lx_stat *out)
{
    made_stat(inode, out);
    if (VFS_IS_DIR(inode))
        out->st_nlink = 2 + made_count_dirs(inode);
    else if (VFS_IS_REG(inode) && inode->owner == VFS_OF_SYS)
        out->st_size = ATTRIBUTE_SIZE;
}

/* It is mounted read-only: what is opened is opened for reading. */
static int64_t write(struct vfs_inode *inode, const void *buf, uint64_t size, uint64_t offset)
{
    (void)inode;
    (void)buf;
    (void)size;
    (void)offset;
    return -LX_EROFS;
}

static int64_t append(struct vfs_inode *inode, const void *buf, uint64_t size, uint64_t *end)
{
    *end = 0;
    return write(inode, buf, size, 0);
}

/* ---- The tables ---- */

#define TREE(kind, top)                                                                 \
    {                                                                                   \
        .type = kind, .rows = rows, .root = top, .count = sizeof rows / sizeof rows[0], \
        .is_in = is_in, .next = next, .find = find, .owner = owner, .render = render    \
    }

const struct made_fs sys_fs = TREE(VFS_SUPER_SYS, VFS_SYS_ROOT);
const struct made_fs cgroup_fs = TREE(VFS_SUPER_CGROUP, VFS_SYS_CGROUP);

const struct inode_ops sys_ops = {
    .end = made_end,
    .refresh = made_refresh,
    .stat = show,
    .shown_ino = made_shown_ino,
    .chmod = inode_keeps_mode,
    .chown = inode_keeps_owner,
    .utimes = inode_keeps_times,
    .readlink = made_readlink,
    .read = made_read,
    .write = write,
    .append = append,
    .truncate = inode_keeps_size,
    .allocate = inode_cannot_allocate,
    .lookup = made_lookup,
    .list = made_list,
    .name_locked = made_name_locked,
    .create = made_create,
    .link = made_link,
    .remove = made_remove,
    .rename_locked = made_rename_locked,
};

int vfs_sys_mount(struct vfs_fs *fs)
{
    int err = made_mount(fs, "/sys", VFS_OF_SYS, "sysfs", VFS_MOUNT_READ_ONLY);
    return err < 0 ? err
                   : made_mount(fs, "/sys/fs/cgroup", VFS_OF_CGROUP, "cgroup", VFS_MOUNT_READ_ONLY);
}
