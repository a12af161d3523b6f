/* SPDX-License-Identifier: MIT */
#ifndef LX_SOCKET_H
#define LX_SOCKET_H

/*
 * Sockets: families, types, options, messages and their layouts.
 *
 * Source  socket(2), socket(7), unix(7), send(2), recv(2), cmsg(3); linux/socket.h,
 *         asm-generic/socket.h, linux/un.h, linux/sockios.h.
 */

#include <stdint.h>

#define LX_AF_UNSPEC 0
#define LX_AF_UNIX 1
#define LX_AF_INET 2
#define LX_AF_INET6 10
#define LX_AF_NETLINK 16
#define LX_AF_PACKET 17
#define LX_AF_MAX 46

#define LX_SOCK_STREAM 1
#define LX_SOCK_DGRAM 2
#define LX_SOCK_RAW 3
#define LX_SOCK_SEQPACKET 5
#define LX_SOCK_MAX 11
#define LX_SOCK_TYPE_MASK 0xf
#define LX_SOCK_NONBLOCK 04000
#define LX_SOCK_CLOEXEC 02000000

#define LX_SHUT_RD 0
#define LX_SHUT_WR 1
#define LX_SHUT_RDWR 2

#define LX_SOMAXCONN 4096

#define LX_SO_ACCEPTCON 0x10000u /* a flag in /proc/net/unix, whose states follow */
#define LX_SS_UNCONNECTED 1u
#define LX_SS_CONNECTING 2u
#define LX_SS_CONNECTED 3u
#define LX_SS_DISCONNECTING 4u

#define LX_MSG_OOB 0x1u
#define LX_MSG_PEEK 0x2u
#define LX_MSG_CTRUNC 0x8u
#define LX_MSG_TRUNC 0x20u
#define LX_MSG_DONTWAIT 0x40u
#define LX_MSG_EOR 0x80u
#define LX_MSG_WAITALL 0x100u
#define LX_MSG_ERRQUEUE 0x2000u
#define LX_MSG_NOSIGNAL 0x4000u
#define LX_MSG_MORE 0x8000u
#define LX_MSG_WAITFORONE 0x10000u
#define LX_MSG_FASTOPEN 0x20000000u
#define LX_MSG_CMSG_CLOEXEC 0x40000000u

/* getsockopt(2) */
#define LX_SOL_SOCKET 1
#define LX_SO_DEBUG 1
#define LX_SO_REUSEADDR 2
#define LX_SO_TYPE 3
#define LX_SO_ERROR 4
#define LX_SO_DONTROUTE 5
#define LX_SO_BROADCAST 6
#define LX_SO_SNDBUF 7
#define LX_SO_RCVBUF 8
#define LX_SO_KEEPALIVE 9
#define LX_SO_OOBINLINE 10
#define LX_SO_NO_CHECK 11
#define LX_SO_PRIORITY 12
#define LX_SO_LINGER 13
#define LX_SO_BSDCOMPAT 14
#define LX_SO_REUSEPORT 15
#define LX_SO_PASSCRED 16
#define LX_SO_PEERCRED 17
#define LX_SO_RCVLOWAT 18
#define LX_SO_SNDLOWAT 19
#define LX_SO_RCVTIMEO 20
#define LX_SO_SNDTIMEO 21
#define LX_SO_BINDTODEVICE 25
#define LX_SO_TIMESTAMP 29
#define LX_SO_ACCEPTCONN 30
#define LX_SO_PASSSEC 34
#define LX_SO_TIMESTAMPNS 35
#define LX_SO_MARK 36
#define LX_SO_PROTOCOL 38
#define LX_SO_DOMAIN 39
#define LX_SO_RXQ_OVFL 40
#define LX_SO_PEEK_OFF 42
#define LX_SO_BUSY_POLL 46
#define LX_SO_MAX_PACING_RATE 47
#define LX_SO_INCOMING_CPU 49
#define LX_SO_COOKIE 57
#define LX_SO_ZEROCOPY 60
#define LX_SO_RCVTIMEO_NEW 66
#define LX_SO_SNDTIMEO_NEW 67
#define LX_SO_PEERPIDFD 77

/* Control messages of SOL_SOCKET. */
#define LX_SCM_RIGHTS 1
#define LX_SCM_CREDENTIALS 2
#define LX_SCM_MAX_FD 253u

#define LX_SIOCOUTQ 0x5411

#define LX_SOCKADDR_MAX 128u /* sizeof(struct sockaddr_storage) */
#define LX_UNIX_PATH_MAX 108u

struct lx_sockaddr_un {
    uint16_t sun_family;
    char sun_path[LX_UNIX_PATH_MAX];
};
_Static_assert(sizeof(struct lx_sockaddr_un) == 110, "ABI");

struct lx_msghdr {
    uint64_t msg_name;
    int32_t msg_namelen, pad;
    uint64_t msg_iov, msg_iovlen;
    uint64_t msg_control, msg_controllen;
    uint32_t msg_flags, pad2;
};
_Static_assert(sizeof(struct lx_msghdr) == 56, "ABI");

struct lx_mmsghdr {
    struct lx_msghdr msg_hdr;
    uint32_t msg_len, pad;
};
_Static_assert(sizeof(struct lx_mmsghdr) == 64, "ABI");

struct lx_cmsghdr {
    uint64_t cmsg_len; /* with this header, without what aligns the next */
    int32_t cmsg_level, cmsg_type;
};
_Static_assert(sizeof(struct lx_cmsghdr) == 16, "ABI");

struct lx_ucred {
    int32_t pid;
    uint32_t uid, gid;
};
_Static_assert(sizeof(struct lx_ucred) == 12, "ABI");

struct lx_linger {
    int32_t l_onoff, l_linger;
};

#endif
