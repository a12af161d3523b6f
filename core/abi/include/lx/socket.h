/* SPDX-License-Identifier: MIT */
#ifndef LX_SOCKET_H
#define LX_SOCKET_H

/*
 * What of sockets is named without any: families and types.
 *
 * Source  socket(2).
 */

#define LX_AF_UNSPEC 0
#define LX_AF_UNIX 1
#define LX_AF_INET 2
#define LX_AF_INET6 10
#define LX_AF_NETLINK 16
#define LX_AF_PACKET 17

#endif
