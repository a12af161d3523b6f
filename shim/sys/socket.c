/* SPDX-License-Identifier: MIT */
/*
 * socket(2) and its kin.  There are no sockets yet: none can be made, and no
 * descriptor is one.
 */

#include "lx/errno.h"
#include "shim/syscall.h"
#include "sys/file.h"

int64_t sys_socket(struct shim_task *t, int32_t family, int32_t type, int32_t protocol)
{
    (void)t, (void)family, (void)type, (void)protocol;
    return -LX_EAFNOSUPPORT;
}

int64_t sys_socketpair(struct shim_task *t, int32_t family, int32_t type, int32_t protocol,
                       lx_uptr fds)
{
    (void)t, (void)family, (void)type, (void)protocol, (void)fds;
    return -LX_EAFNOSUPPORT;
}

static int64_t no_socket(struct shim_task *t, int32_t fd)
{
    struct vfs_inode *inode;
    int err = sys_fd_inode(t, fd, 1, &inode);
    vfs_inode_put(inode);
    return err < 0 ? err : -LX_ENOTSOCK;
}

#define NO_SOCKET(name, ...)                                         \
    int64_t sys_##name(struct shim_task *t, int32_t fd, __VA_ARGS__) \
    {                                                                \
        return no_socket(t, fd);                                     \
    }
#define UNUSED __attribute__((unused))
NO_SOCKET(connect, UNUSED lx_uptr a, UNUSED int32_t b)
NO_SOCKET(accept, UNUSED lx_uptr a, UNUSED lx_uptr b)
NO_SOCKET(accept4, UNUSED lx_uptr a, UNUSED lx_uptr b, UNUSED uint32_t c)
NO_SOCKET(sendto, UNUSED lx_uptr a, UNUSED uint64_t b, UNUSED uint32_t c, UNUSED lx_uptr d,
          UNUSED int32_t e)
NO_SOCKET(recvfrom, UNUSED lx_uptr a, UNUSED uint64_t b, UNUSED uint32_t c, UNUSED lx_uptr d,
          UNUSED lx_uptr e)
NO_SOCKET(sendmsg, UNUSED lx_uptr a, UNUSED uint32_t b)
NO_SOCKET(recvmsg, UNUSED lx_uptr a, UNUSED uint32_t b)
NO_SOCKET(recvmmsg, UNUSED lx_uptr a, UNUSED uint32_t b, UNUSED uint32_t c, UNUSED lx_uptr d)
NO_SOCKET(sendmmsg, UNUSED lx_uptr a, UNUSED uint32_t b, UNUSED uint32_t c)
NO_SOCKET(shutdown, UNUSED int32_t a)
NO_SOCKET(bind, UNUSED lx_uptr a, UNUSED int32_t b)
NO_SOCKET(listen, UNUSED int32_t a)
NO_SOCKET(getsockname, UNUSED lx_uptr a, UNUSED lx_uptr b)
NO_SOCKET(getpeername, UNUSED lx_uptr a, UNUSED lx_uptr b)
NO_SOCKET(setsockopt, UNUSED int32_t a, UNUSED int32_t b, UNUSED lx_uptr c, UNUSED int32_t d)
NO_SOCKET(getsockopt, UNUSED int32_t a, UNUSED int32_t b, UNUSED lx_uptr c, UNUSED lx_uptr d)
