/* SPDX-License-Identifier: MIT */
/* Access control lists: their form, what they allow, and how new files get theirs. */

#include "vfs/acl.h"

#include "core/mem.h"
#include "internal.h"
#include "lx/acl.h"
#include "lx/errno.h"
#include "lx/unistd.h"
#include "plat/thread.h"
#include "vfs/cred.h"

#define HEADER_SIZE sizeof(struct lx_posix_acl_xattr_header)
#define ENTRY_SIZE sizeof(struct lx_posix_acl_xattr_entry)
#define PERMISSIONS 0777u

static const struct {
    const char *name;
    uint32_t which;
} names[] = {
    {LX_XATTR_NAME_POSIX_ACL_ACCESS, VFS_ACL_ACCESS},
    {LX_XATTR_NAME_POSIX_ACL_DEFAULT, VFS_ACL_DEFAULT},
};

uint32_t vfs_acl_of(const char *name, uint64_t name_size)
{
    for (uint32_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (core_str_length(names[i].name) == name_size &&
            memcmp(names[i].name, name, name_size) == 0)
            return names[i].which;
    }
    return 0;
}

static const char *name_of(uint32_t which)
{
    return names[which == VFS_ACL_DEFAULT].name;
}

/* ---- Their form ---- */

/* A list's entries, at any address. */
struct list {
    const uint8_t *entries;
    uint64_t count;
};

static struct lx_posix_acl_xattr_entry entry_of(const struct list *list, uint64_t n)
{
    struct lx_posix_acl_xattr_entry e;
    memcpy(&e, list->entries + n * ENTRY_SIZE, sizeof e);
    return e;
}

static struct list list_of(const void *value, uint64_t size)
{
    return (struct list){(const uint8_t *)value + HEADER_SIZE, (size - HEADER_SIZE) / ENTRY_SIZE};
}

static int is_tag(uint32_t tag)
{
    return tag <= LX_ACL_OTHER && tag && (tag & (tag - 1)) == 0;
}

static int has_id(uint32_t tag)
{
    return tag == LX_ACL_USER || tag == LX_ACL_GROUP;
}

/* posix_acl_from_xattr() in Linux; a value without entries is no list. */
static int read_list(const void *value, uint64_t size, struct list *out)
{
    struct lx_posix_acl_xattr_header header;
    *out = (struct list){NULL, 0};
    if (size == 0)
        return 0;
    if (size < HEADER_SIZE)
        return -LX_EINVAL;
    memcpy(&header, value, sizeof header);
    if (header.a_version != LX_POSIX_ACL_XATTR_VERSION)
        return -LX_EOPNOTSUPP;
    if ((size - HEADER_SIZE) % ENTRY_SIZE)
        return -LX_EINVAL;
    *out = list_of(value, size);
    for (uint64_t i = 0; i < out->count; i++) {
        struct lx_posix_acl_xattr_entry e = entry_of(out, i);
        if (!is_tag(e.e_tag) || (has_id(e.e_tag) && e.e_id == (uint32_t)LX_ACL_UNDEFINED_ID))
            return -LX_EINVAL;
    }
    return 0;
}

/* What an entry may come after, in a list that has had `seen`. */
static uint32_t predecessors_of(uint32_t tag, uint32_t seen)
{
    switch (tag) {
    case LX_ACL_USER:
    case LX_ACL_GROUP_OBJ:
        return LX_ACL_USER_OBJ | LX_ACL_USER;
    case LX_ACL_GROUP:
    case LX_ACL_MASK:
        return LX_ACL_GROUP_OBJ | LX_ACL_GROUP;
    case LX_ACL_OTHER: /* other users and groups need a mask */
        return LX_ACL_MASK | (seen & LX_ACL_USER ? 0 : LX_ACL_GROUP_OBJ);
    default: /* the owner is the first */
        return 0;
    }
}

/* posix_acl_valid() in Linux. */
static int is_valid(const struct list *list)
{
    uint32_t last = 0, seen = 0;
    for (uint64_t i = 0; i < list->count; i++) {
        struct lx_posix_acl_xattr_entry e = entry_of(list, i);
        int fits = i ? predecessors_of(e.e_tag, seen) & last : e.e_tag == LX_ACL_USER_OBJ;
        if (!fits || e.e_perm & ~7u)
            return 0;
        last = e.e_tag;
        seen |= last;
    }
    return last == LX_ACL_OTHER;
}

int64_t vfs_acl_check(const void *value, uint64_t size)
{
    struct list list;
    int err = read_list(value, size, &list);
    if (err < 0)
        return err;
    return is_valid(&list) ? (int64_t)list.count : -LX_EINVAL;
}

/* posix_acl_equiv_mode() in Linux: the permission bits that go with a list; 1 if it has more. */
static int is_extended(const struct list *list, uint32_t *bits)
{
    int more = 0;
    *bits = 0;
    for (uint64_t i = 0; i < list->count; i++) {
        struct lx_posix_acl_xattr_entry e = entry_of(list, i);
        if (e.e_tag == LX_ACL_USER_OBJ)
            *bits |= e.e_perm << 6;
        else if (e.e_tag == LX_ACL_GROUP_OBJ)
            *bits |= e.e_perm << 3;
        else if (e.e_tag == LX_ACL_OTHER)
            *bits |= e.e_perm;
        else
            more = 1;
        if (e.e_tag == LX_ACL_MASK)
            *bits = (*bits & ~070u) | e.e_perm << 3;
    }
    return more;
}

int vfs_acl_is_extended(const void *value, uint64_t size, uint32_t *mode)
{
    struct list list = list_of(value, size);
    return is_extended(&list, mode);
}

/* ---- A file's lists ---- */

/* A list that is there: 1. */
static int find_locked(const struct vfs_inode *inode, uint32_t which, struct xattr_found *f)
{
    return inode->acls & which && xattr_find_locked(inode, name_of(which), f);
}

uint32_t acl_of_image(const struct vfs_inode *inode)
{
    struct xattr_found f;
    uint32_t found = 0;
    for (uint32_t i = 0; i < sizeof names / sizeof *names && !VFS_IS_LNK(inode); i++) {
        if ((names[i].which != VFS_ACL_DEFAULT || VFS_IS_DIR(inode)) &&
            xattr_find_locked(inode, names[i].name, &f) && vfs_acl_check(f.value, f.value_size) > 0)
            found |= names[i].which;
    }
    return found;
}

/* The permissions that an entry of an access list has: some are the mode's. */
static uint32_t permissions_of(const struct lx_posix_acl_xattr_entry *e, uint32_t mode)
{
    switch (e->e_tag) {
    case LX_ACL_USER_OBJ:
        return mode >> 6 & 7;
    case LX_ACL_MASK:
        return mode >> 3 & 7;
    case LX_ACL_OTHER:
        return mode & 7;
    default:
        return e->e_perm;
    }
}

int acl_copy_locked(const struct vfs_inode *inode, uint32_t which, const struct xattr_found *f,
                    uint8_t *buf)
{
    struct list list = list_of(f->value, f->value_size);
    if (plat_copy_guest(buf, f->value, HEADER_SIZE))
        return -LX_EFAULT;
    for (uint64_t i = 0; i < list.count; i++) {
        struct lx_posix_acl_xattr_entry e = entry_of(&list, i);
        if (which == VFS_ACL_ACCESS)
            e.e_perm = (uint16_t)permissions_of(&e, inode->mode);
        if (!has_id(e.e_tag))
            e.e_id = (uint32_t)LX_ACL_UNDEFINED_ID;
        if (plat_copy_guest(buf + HEADER_SIZE + i * ENTRY_SIZE, &e, sizeof e))
            return -LX_EFAULT;
    }
    return 0;
}

static int replace_locked(struct vfs_inode *inode, uint32_t which, const void *value, uint64_t size)
{
    if (!value && !(inode->acls & which)) {
        inode_touch_attributes(inode);
        return 0;
    }
    int err = xattr_put_locked(inode, name_of(which), value, (uint32_t)size);
    if (err == 0)
        INODE_SET(inode->acls, (uint8_t)(value ? inode->acls | which : inode->acls & ~which));
    return err;
}

/* An access list sets the mode, which is all that there is of a short one: posix_acl_update_mode(). */
static int set_access_locked(const struct vfs_cred *cred, struct vfs_inode *inode,
                             const struct list *list, const void *value, uint64_t size)
{
    uint32_t mode = inode->mode, bits;
    int extended = is_extended(list, &bits);
    if (list->count)
        mode = (mode & ~PERMISSIONS) | bits;
    if (!vfs_in_group(cred, inode->gid) && !vfs_has(cred, LX_CAP_FSETID))
        mode &= ~(uint32_t)LX_S_ISGID;
    int err = replace_locked(inode, VFS_ACL_ACCESS, extended ? value : NULL, size);
    if (err == 0)
        INODE_SET(inode->mode, mode);
    return err;
}

int vfs_acl_set(const struct vfs_cred *cred, struct vfs_inode *inode, uint32_t which,
                const void *value, uint64_t size)
{
    struct list list;
    int err = read_list(value, size, &list);
    if (err < 0)
        return err;
    if (inode->owner || super_is_mqueue(inode->super) || VFS_IS_LNK(inode))
        return -LX_EOPNOTSUPP;
    if (which == VFS_ACL_DEFAULT && !VFS_IS_DIR(inode))
        return list.count ? -LX_EACCES : 0;
    if (!vfs_owns(cred, inode))
        return -LX_EPERM;
    if (list.count && !is_valid(&list))
        return -LX_EINVAL;
    core_lock_acquire(&inode->lock);
    err = which == VFS_ACL_ACCESS
              ? set_access_locked(cred, inode, &list, value, size)
              : replace_locked(inode, VFS_ACL_DEFAULT, list.count ? value : NULL, size);
    core_lock_release(&inode->lock);
    return err;
}

/* ---- What they allow ---- */

/* posix_acl_permission() in Linux, of whoever is not the owner. */
static int check(const struct vfs_cred *cred, const struct vfs_inode *inode,
                 const struct list *list, uint32_t want)
{
    uint32_t mode = inode->mode, mask = mode >> 3 & 7;
    int is_member = 0;
    for (uint64_t i = 0; i < list->count; i++) {
        struct lx_posix_acl_xattr_entry e = entry_of(list, i);
        if (e.e_tag == LX_ACL_USER && e.e_id == cred->uid)
            return want & ~(e.e_perm & mask) ? -LX_EACCES : 0;
        if (e.e_tag != LX_ACL_GROUP_OBJ && e.e_tag != LX_ACL_GROUP)
            continue;
        if (!vfs_in_group(cred, e.e_tag == LX_ACL_GROUP ? e.e_id : inode->gid))
            continue;
        if (!(want & ~(uint32_t)e.e_perm)) /* the first group that allows it all counts */
            return want & ~mask ? -LX_EACCES : 0;
        is_member = 1;
    }
    return is_member || want & ~mode & 7 ? -LX_EACCES : 0;
}

int acl_may(const struct vfs_cred *cred, struct vfs_inode *inode, uint32_t want)
{
    struct xattr_found f;
    int result = ACL_NONE;
    want &= 7;
    core_lock_acquire(&inode->lock);
    if (find_locked(inode, VFS_ACL_ACCESS, &f)) {
        struct list list = list_of(f.value, f.value_size);
        result = check(cred, inode, &list, want);
    }
    core_lock_release(&inode->lock);
    return result;
}

/* ---- New files ---- */

/*
 * What a directory's default list makes of a new file in it: posix_acl_create() in Linux.  The list
 * becomes the file's, if the mode cannot say as much.
 */
static int inherit_locked(struct vfs_inode *inode, const struct xattr_found *f)
{
    struct list list = list_of(f->value, f->value_size);
    uint32_t bits;
    int err = 0;
    if (is_extended(&list, &bits))
        err = replace_locked(inode, VFS_ACL_ACCESS, f->value, f->value_size);
    if (err == 0 && VFS_IS_DIR(inode))
        err = replace_locked(inode, VFS_ACL_DEFAULT, f->value, f->value_size);
    inode->mode &= bits | ~PERMISSIONS;
    return err;
}

int acl_inherit(struct vfs_inode *dir, struct vfs_inode *inode, uint32_t umask)
{
    struct xattr_found f;
    int inherits = 0, err = 0;
    if (VFS_IS_LNK(inode))
        return 0;
    if (dir->acls & VFS_ACL_DEFAULT) {
        core_lock_acquire(&dir->lock);
        inherits = find_locked(dir, VFS_ACL_DEFAULT, &f);
        if (inherits)
            err = inherit_locked(inode, &f);
        core_lock_release(&dir->lock);
    }
    if (!inherits)
        inode->mode &= ~umask;
    return err;
}
