/* SPDX-License-Identifier: MIT */
#ifndef SHIM_SYS_SOCKET_H
#define SHIM_SYS_SOCKET_H

/*
 * What the handlers of socket calls share.  Private to shim/sys.
 *
 * Source   socket(2), send(2), recv(2); net/socket.c of Linux for the order of checks.
 * Threads  the task's own.  Errors  -LX_E*.
 */

#include <stdint.h>

#include "lx/compiler.h"
#include "lx/socket.h"
#include "lx/types.h"
#include "shim/task.h"
#include "vfs/fdtable.h"
#include "vfs/socket.h"

struct vfs_file;

struct vfs_socket_caller sys_socket_caller(struct shim_task *t);

/* The socket behind a descriptor; give it back, also on failure.  -LX_EBADF, -LX_ENOTSOCK. */
MUST_USE int sys_socket_borrow(struct shim_task *t, int32_t fd, struct vfs_borrowed *out);

/* An address from the guest: -LX_EINVAL, -LX_EFAULT.  A size of 0 is none. */
MUST_USE int sys_sockaddr_in(lx_uptr from, int32_t size, struct vfs_sockaddr *out);

/* An address to the guest, cut to the size that stands at `size_at`, where its own then is. */
MUST_USE int sys_sockaddr_out(lx_uptr to, lx_uptr size_at, const struct vfs_sockaddr *name);

/* A call has ended; sends: whose timeout its waits have. */
int64_t sys_socket_ended(const struct vfs_file *socket, int sends, int64_t result);

/* read(2), write(2) and their kin on a socket; the results are ready for the guest. */
int64_t sys_socket_buffer(struct shim_task *t, struct vfs_file *socket, int sends, lx_uptr buf,
                          uint64_t size);
int64_t sys_socket_vector(struct shim_task *t, struct vfs_file *socket, int sends, lx_uptr iov,
                          uint64_t count);

/* ioctl(2) about network interfaces (interface.c): -LX_ENODEV, -LX_ENOTTY, -LX_EFAULT. */
int64_t sys_interface_control(uint32_t family, uint32_t request, lx_uptr arg);

/* ---- Control messages (socket_control.c) ---- */

/*
 * What sendmsg(2) sends besides bytes, into `m`; its files are to be freed, also on failure.
 *   returns  -LX_EINVAL, -LX_EBADF, -LX_EPERM, -LX_ENOBUFS, -LX_EFAULT.
 */
MUST_USE int sys_control_in(struct shim_task *t, const struct lx_msghdr *h, struct vfs_message *m);

/*
 * What recvmsg(2) gives besides bytes: descriptors, credentials.
 *   h        its place; what is left of it afterwards.
 *   returns  LX_MSG_CTRUNC if something did not fit, or 0.
 */
uint32_t sys_control_out(struct shim_task *t, const struct vfs_file *socket,
                         const struct vfs_message *m, struct lx_msghdr *h);

#endif
