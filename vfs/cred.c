/* SPDX-License-Identifier: MIT */
/* Permissions. */

#include "vfs/cred.h"

#include <stdatomic.h>

#include "core/arena.h"
#include "core/mem.h"
#include "inode_ops.h"
#include "internal.h"
#include "lx/capability.h"
#include "lx/errno.h"
#include "lx/unistd.h"
#include "vfs/acl.h"

/* ---- Groups ---- */

static uint64_t groups_size(uint32_t count)
{
    return sizeof(struct vfs_groups) + count * sizeof(uint32_t);
}

static void sift_down(uint32_t *ids, uint32_t at, uint32_t count)
{
    for (uint32_t child; (child = 2 * at + 1) < count; at = child) {
        if (child + 1 < count && ids[child + 1] > ids[child])
            child++;
        if (ids[at] >= ids[child])
            return;
        uint32_t id = ids[at];
        ids[at] = ids[child];
        ids[child] = id;
    }
}

/* Heap sort: no list is slow, and a guest chooses the list. */
static void sort(uint32_t *ids, uint32_t count)
{
    for (uint32_t i = count / 2; i-- > 0;)
        sift_down(ids, i, count);
    while (count > 1) {
        uint32_t largest = ids[0];
        ids[0] = ids[--count];
        ids[count] = largest;
        sift_down(ids, 0, count);
    }
}

int vfs_groups_new(const uint32_t *ids, uint32_t count, struct vfs_groups **out)
{
    *out = NULL;
    if (!count)
        return 0;
    struct vfs_groups *g = core_arena_alloc(groups_size(count));
    if (!g)
        return -LX_ENOMEM;
    atomic_init(&g->refs, 1);
    g->count = count;
    memcpy(g->ids, ids, count * sizeof *ids);
    sort(g->ids, count);
    *out = g;
    return 0;
}

struct vfs_groups *vfs_groups_get(struct vfs_groups *groups)
{
    if (groups)
        atomic_fetch_add_explicit(&groups->refs, 1, memory_order_relaxed);
    return groups;
}

void vfs_groups_put(struct vfs_groups *groups)
{
    if (groups && atomic_fetch_sub(&groups->refs, 1) == 1)
        core_arena_free(groups, groups_size(groups->count));
}

static int contains(const struct vfs_groups *groups, uint32_t gid)
{
    uint32_t low = 0, high = groups ? groups->count : 0;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (groups->ids[middle] == gid)
            return 1;
        if (groups->ids[middle] < gid)
            low = middle + 1;
        else
            high = middle;
    }
    return 0;
}

int vfs_in_group(const struct vfs_cred *cred, uint32_t gid)
{
    if (cred->gid == gid)
        return 1;
    if (!cred->groups)
        return 0;
    core_lock_acquire(&cred->groups->lock);
    int found = contains(cred->groups->list, gid);
    core_lock_release(&cred->groups->lock);
    return found;
}

/* ---- Checks ---- */

/*
 * What the permission bits refuse, capabilities may allow: generic_permission() in Linux.
 * None makes a file executable that has no such bit.
 */
static int overrides(const struct vfs_cred *cred, uint32_t mode, uint32_t want)
{
    int is_dir = (mode & LX_S_IFMT) == LX_S_IFDIR;
    if (vfs_has(cred, LX_CAP_DAC_OVERRIDE) && (is_dir || !(want & LX_X_OK) || mode & 0111))
        return 1;
    return vfs_has(cred, LX_CAP_DAC_READ_SEARCH) && (is_dir ? !(want & LX_W_OK) : want == LX_R_OK);
}

int cred_may(const struct vfs_cred *cred, uint32_t mode, uint32_t uid, uint32_t gid, uint32_t want)
{
    if (overrides(cred, mode, want)) /* first: it needs no groups */
        return 0;
    uint32_t shift = cred->uid == uid ? 6 : vfs_in_group(cred, gid) ? 3 : 0;
    return want & ~(mode >> shift) & 7 ? -LX_EACCES : 0;
}

/* The list of one that has any: acl_permission_check() in Linux. */
static int may_by_list(const struct vfs_cred *cred, struct vfs_inode *inode, uint32_t want)
{
    uint32_t mode = inode->mode;
    if (cred->uid == inode->uid || !(mode & 070) || overrides(cred, mode, want))
        return ACL_NONE;
    return acl_may(cred, inode, want);
}

/* A device, fifo or socket may be written to where nothing may be changed: sb_permission(). */
static int is_stored(const struct vfs_inode *inode)
{
    return VFS_IS_REG(inode) || VFS_IS_DIR(inode) || VFS_IS_LNK(inode);
}

int vfs_may(const struct vfs_cred *cred, struct vfs_inode *inode, uint32_t want)
{
    if (want & LX_W_OK && inode->super->read_only && is_stored(inode))
        return -LX_EROFS;
    int err = inode->owner && inode_ops(inode)->may ? inode_ops(inode)->may(inode, want) : 0;
    if (err)
        return err < 0 ? err : 0;
    err = inode->acls & VFS_ACL_ACCESS ? may_by_list(cred, inode, want) : ACL_NONE;
    return err == ACL_NONE ? cred_may(cred, inode->mode, inode->uid, inode->gid, want) : err;
}

int vfs_owns(const struct vfs_cred *cred, struct vfs_inode *inode)
{
    return cred->uid == inode->uid || vfs_has(cred, LX_CAP_FOWNER);
}

/* setattr_should_drop_suidgid() in Linux. */
static uint32_t set_id_bits_to_drop(const struct vfs_cred *cred, const struct vfs_inode *inode)
{
    uint32_t bits = inode->mode & (LX_S_ISUID | LX_S_ISGID);
    if (!bits || vfs_has(cred, LX_CAP_FSETID))
        return 0;
    if (!(inode->mode & LX_S_IXGRP) && vfs_in_group(cred, inode->gid))
        bits &= ~(uint32_t)LX_S_ISGID;
    return bits;
}

int vfs_drop_privileges(const struct vfs_cred *cred, struct vfs_inode *inode)
{
    uint32_t bits = set_id_bits_to_drop(cred, inode);
    if (inode->owner) { /* a host may take the writer for one who is allowed to keep them */
        int changed = bits ? vfs_inode_chmod(inode, inode->mode & ~bits & 07777) : 0;
        return changed == -LX_EPERM ? 0 : changed; /* who is not the owner there: it takes them */
    }
    if (bits) {
        core_lock_acquire(&inode->lock);
        inode->mode &= ~bits;
        core_lock_release(&inode->lock);
    }
    if (!inode->own_xattrs && inode->image_index == VFS_NO_IMAGE)
        return 0;
    int err = vfs_inode_removexattr(inode, LX_XATTR_NAME_CAPS);
    return err == -LX_ENOSPC ? err : 0; /* else it had none */
}
