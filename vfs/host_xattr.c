/* SPDX-License-Identifier: MIT */
/*
 * Host folders: extended attributes.  Those of the class "user." are the host's; the others say
 * something to the host's kernel, and are not there.
 */

#include "core/arena.h"
#include "core/mem.h"
#include "host.h"
#include "lx/errno.h"
#include "lx/unistd.h"
#include "plat/thread.h"

_Static_assert(PLAT_XATTR_CREATE == LX_XATTR_CREATE && PLAT_XATTR_REPLACE == LX_XATTR_REPLACE,
               "flags of setxattr(2)");

static int is_user(const char *name)
{
    return memcmp(name, "user.", sizeof "user." - 1) == 0;
}

/* By the file's handle, if it is open; else by its path. */
static int64_t call(struct vfs_inode *inode, struct plat_xattr *x)
{
    struct host_path path;
    struct plat_file *file = host_hold(inode);
    if (file) {
        int64_t result = plat_file_xattr(file, x);
        host_close(inode);
        return result;
    }
    x->device = inode->host->device;
    x->id = inode->host->id;
    int err = host_path(inode, &path);
    return err < 0 ? err : plat_at_xattr(host_folder(inode->host->super), path.text, x);
}

int64_t host_getxattr(struct vfs_inode *inode, const char *name, void *buf, uint64_t size)
{
    struct plat_xattr x = {.call = PLAT_XATTR_GET, .name = name};
    if (!is_user(name))
        return -LX_EOPNOTSUPP;
    if (!size)
        return call(inode, &x);
    x.size = size < LX_XATTR_SIZE_MAX ? size : LX_XATTR_SIZE_MAX;
    x.value = core_arena_alloc_dirty(x.size);
    if (!x.value)
        return -LX_ENOMEM;
    int64_t n = call(inode, &x);
    if (n > 0 && plat_copy_guest(buf, x.value, (uint64_t)n))
        n = -LX_EFAULT;
    core_arena_free(x.value, x.size);
    return n;
}

/* Keep the names that are shown, in their place; returns their size. */
static int64_t choose(char *names, int64_t size)
{
    int64_t kept = 0;
    for (int64_t at = 0; at < size;) {
        int64_t length = (int64_t)core_str_length(names + at) + 1;
        if (is_user(names + at)) {
            memmove(names + kept, names + at, (uint64_t)length);
            kept += length;
        }
        at += length;
    }
    return kept;
}

int64_t host_listxattr(struct vfs_inode *inode, char *buf, uint64_t size)
{
    struct plat_xattr x = {.call = PLAT_XATTR_LIST, .size = LX_XATTR_LIST_MAX};
    char *names = core_arena_alloc_dirty(x.size + sizeof "user.");
    if (!names)
        return -LX_ENOMEM;
    x.value = names;
    int64_t n = call(inode, &x);
    if (n > 0) {
        memset(names + n, 0, sizeof "user."); /* is_user() may look so far */
        n = choose(names, n);
    }
    if (n > 0 && size && size < (uint64_t)n)
        n = -LX_ERANGE;
    else if (n > 0 && size && plat_copy_guest(buf, names, (uint64_t)n))
        n = -LX_EFAULT;
    core_arena_free(names, x.size + sizeof "user.");
    return n == -LX_EOPNOTSUPP ? 0 : n; /* vfs_listxattr() in Linux: then there are just none */
}

int host_setxattr(struct vfs_inode *inode, const char *name, const void *value, uint64_t size,
                  uint32_t flags)
{
    struct plat_xattr x = {.call = PLAT_XATTR_SET,
                           .name = name,
                           .value = (void *)value, /* which is only read */
                           .size = size,
                           .flags = flags};
    return is_user(name) ? (int)call(inode, &x) : -LX_EOPNOTSUPP;
}

int host_removexattr(struct vfs_inode *inode, const char *name)
{
    struct plat_xattr x = {.call = PLAT_XATTR_REMOVE, .name = name};
    return is_user(name) ? (int)call(inode, &x) : -LX_EOPNOTSUPP;
}
