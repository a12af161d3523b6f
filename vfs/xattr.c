/* SPDX-License-Identifier: MIT */
/* Extended attributes: the image's until one is set, then a list of the inode's own. */

#include "core/arena.h"
#include "core/mem.h"
#include "inode_ops.h"
#include "internal.h"
#include "lx/errno.h"
#include "lx/unistd.h"
#include "plat/thread.h"
#include "vfs/acl.h"
#include "vfs/image.h"
#include "vfs/inode.h"

struct vfs_xattr {
    struct vfs_xattr *next;
    uint32_t name_size, value_size;
    uint8_t bytes[]; /* name, value */
};

static uint64_t block_size(const struct vfs_xattr *x)
{
    return sizeof *x + x->name_size + x->value_size;
}

/* Attribute number n; 0 after the last. */
static int nth(const struct vfs_inode *inode, uint32_t n, struct xattr_found *f)
{
    if (inode->own_xattrs) {
        const struct vfs_xattr *x = inode->xattrs;
        while (x && n--)
            x = x->next;
        if (!x)
            return 0;
        *f = (struct xattr_found){(const char *)x->bytes, x->bytes + x->name_size, x->name_size,
                                  x->value_size};
        return 1;
    }
    const struct vfs_image *image = vfs_image_attached();
    const struct vfs_image_inode *i =
        inode->image_index == VFS_NO_IMAGE ? NULL : vfs_image_inode(image, inode->image_index);
    const struct vfs_image_xattr *x = i ? vfs_image_xattr(image, i, n, &f->name, &f->value) : NULL;
    if (!x)
        return 0;
    f->name_size = x->name_size;
    f->value_size = x->value_size;
    return 1;
}

int xattr_find_locked(const struct vfs_inode *inode, const char *name, struct xattr_found *f)
{
    uint32_t size = (uint32_t)core_str_length(name);
    for (uint32_t n = 0; nth(inode, n, f); n++) {
        if (f->name_size == size && memcmp(f->name, name, size) == 0)
            return 1;
    }
    return 0;
}

/* A list that the image has, but that is none, does not show; nor do lists where there are none. */
static int is_shown(const struct vfs_inode *inode, const struct xattr_found *f)
{
    uint32_t list = vfs_acl_of(f->name, f->name_size);
    return !list || inode->acls & list;
}

/* Copy a value out; 1 if `buf` is not there. */
static int copy(const struct vfs_inode *inode, const struct xattr_found *f, void *buf)
{
    uint32_t list = vfs_acl_of(f->name, f->name_size);
    return list ? acl_copy_locked(inode, list, f, buf) < 0
                : plat_copy_guest(buf, f->value, f->value_size) != 0;
}

/* Files of the host's and made ones, and message queues. */
static int has_none(const struct vfs_inode *inode)
{
    return inode->owner || super_is_mqueue(inode->super);
}

int64_t vfs_inode_getxattr(struct vfs_inode *inode, const char *name, void *buf, uint64_t size)
{
    struct xattr_found f;
    int64_t result = -LX_ENODATA;
    if (inode->owner && inode_ops(inode)->getxattr)
        return inode_ops(inode)->getxattr(inode, name, buf, size);
    if (has_none(inode))
        return -LX_EOPNOTSUPP;
    core_lock_acquire(&inode->lock);
    if (xattr_find_locked(inode, name, &f) && is_shown(inode, &f)) {
        result = f.value_size;
        if (size && size < f.value_size)
            result = -LX_ERANGE;
        else if (size && copy(inode, &f, buf))
            result = -LX_EFAULT;
    }
    core_lock_release(&inode->lock);
    return result;
}

int64_t vfs_inode_listxattr(struct vfs_inode *inode, char *buf, uint64_t size)
{
    struct xattr_found f;
    uint64_t used = 0;
    int64_t err = 0;
    if (inode->owner && inode_ops(inode)->listxattr)
        return inode_ops(inode)->listxattr(inode, buf, size);
    core_lock_acquire(&inode->lock);
    for (uint32_t n = 0; err == 0 && nth(inode, n, &f); n++) {
        uint64_t end = used + f.name_size + 1;
        if (!is_shown(inode, &f))
            continue;
        if (size && end > size)
            err = -LX_ERANGE;
        else if (size && (plat_copy_guest(buf + used, f.name, f.name_size) ||
                          plat_copy_guest(buf + end - 1, "", 1)))
            err = -LX_EFAULT;
        used = end;
    }
    core_lock_release(&inode->lock);
    return err < 0 ? err : (int64_t)used;
}

static struct vfs_xattr *make(const char *name, uint32_t name_size, const void *value,
                              uint32_t value_size)
{
    struct vfs_xattr *x = core_arena_alloc(sizeof *x + name_size + value_size);
    if (!x)
        return NULL;
    x->name_size = name_size;
    x->value_size = value_size;
    memcpy(x->bytes, name, name_size);
    memcpy(x->bytes + name_size, value, value_size);
    return x;
}

static void free_list(struct vfs_xattr *x)
{
    while (x) {
        struct vfs_xattr *next = x->next;
        core_arena_free(x, block_size(x));
        x = next;
    }
}

/* Copy the image's attributes, so that they can be changed. */
static int own_locked(struct vfs_inode *inode)
{
    struct vfs_xattr *list = NULL, **end = &list;
    struct xattr_found f;
    if (inode->own_xattrs)
        return 0;
    for (uint32_t n = 0; nth(inode, n, &f); n++) {
        *end = make(f.name, f.name_size, f.value, f.value_size);
        if (!*end) {
            free_list(list);
            return -LX_ENOSPC;
        }
        end = &(*end)->next;
    }
    inode->xattrs = list;
    inode->own_xattrs = 1;
    return 0;
}

/* Take an attribute off the list; it is the caller's then. */
static struct vfs_xattr *take_locked(struct vfs_inode *inode, const char *name, uint32_t size)
{
    for (struct vfs_xattr **x = &inode->xattrs; *x; x = &(*x)->next) {
        struct vfs_xattr *found = *x;
        if (found->name_size == size && memcmp(found->bytes, name, size) == 0) {
            *x = found->next;
            found->next = NULL;
            return found;
        }
    }
    return NULL;
}

int xattr_put_locked(struct vfs_inode *inode, const char *name, const void *value, uint32_t size)
{
    uint32_t name_size = (uint32_t)core_str_length(name);
    struct vfs_xattr *fresh = value ? make(name, name_size, value, size) : NULL;
    int err = value && !fresh ? -LX_ENOSPC : own_locked(inode);
    if (err < 0) {
        free_list(fresh);
        return err;
    }
    free_list(take_locked(inode, name, name_size));
    if (fresh) {
        fresh->next = inode->xattrs;
        inode->xattrs = fresh;
    }
    inode_touch_attributes(inode);
    return 0;
}

int vfs_inode_setxattr(struct vfs_inode *inode, const char *name, const void *value, uint64_t size,
                       uint32_t flags)
{
    struct xattr_found f;
    int err = 0;
    if (inode->owner && inode_ops(inode)->setxattr)
        return inode_ops(inode)->setxattr(inode, name, value, size, flags);
    if (has_none(inode))
        return -LX_EOPNOTSUPP;
    core_lock_acquire(&inode->lock);
    int exists = xattr_find_locked(inode, name, &f);
    if (exists && flags & LX_XATTR_CREATE)
        err = -LX_EEXIST;
    else if (!exists && flags & LX_XATTR_REPLACE)
        err = -LX_ENODATA;
    if (err == 0)
        err = xattr_put_locked(inode, name, value, (uint32_t)size);
    core_lock_release(&inode->lock);
    return err;
}

int vfs_inode_removexattr(struct vfs_inode *inode, const char *name)
{
    struct xattr_found f;
    if (inode->owner && inode_ops(inode)->removexattr)
        return inode_ops(inode)->removexattr(inode, name);
    if (has_none(inode))
        return -LX_EOPNOTSUPP;
    core_lock_acquire(&inode->lock);
    int err =
        xattr_find_locked(inode, name, &f) ? xattr_put_locked(inode, name, NULL, 0) : -LX_ENODATA;
    core_lock_release(&inode->lock);
    return err;
}

void xattr_free(struct vfs_inode *inode)
{
    free_list(inode->xattrs);
}
