/* SPDX-License-Identifier: MIT */
#ifndef VFS_NETLINK_H
#define VFS_NETLINK_H

/*
 * Datagrams that the kernel itself sends to a netlink socket, when the time has come.  Private to
 * vfs.
 *
 * Source   netlink(7); netlink_attachskb() and netlink_sendskb() of Linux.
 * Threads  any.
 * Errors   0 or -LX_E*.
 */

#include <stdint.h>

#include "lx/compiler.h"

struct netlink_notice;
struct vfs_file;

/*
 * Make one, so that sending it cannot fail.
 *   size     of `data`; at most NETLINK_NOTICE_MAX.
 *   out      owned by the caller: send it.
 *   returns  -LX_ENOTSOCK, -LX_EINVAL: the file is no netlink socket; -LX_ENOMEM.
 */
#define NETLINK_NOTICE_MAX 64u
MUST_USE int netlink_notice_new(struct vfs_file *socket, const void *data, uint32_t size,
                                struct netlink_notice **out);

/* Let the socket have it, with another last byte; nothing if the socket is closed. */
void netlink_notice_send(struct netlink_notice *n, uint8_t last);

/* Or not; NULL is ignored. */
void netlink_notice_free(struct netlink_notice *n);

#endif
