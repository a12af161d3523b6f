/* SPDX-License-Identifier: MIT */
#ifndef LX_NETLINK_H
#define LX_NETLINK_H

/*
 * Netlink, and its messages about interfaces and addresses.
 *
 * Source  netlink(7), rtnetlink(7); linux/netlink.h, linux/rtnetlink.h, linux/if_link.h,
 *         linux/if_addr.h.
 */

#include <stdint.h>

#define LX_NETLINK_ROUTE 0
#define LX_MAX_LINKS 32
#define LX_SOL_NETLINK 270
#define LX_NETLINK_GET_STRICT_CHK 12

#define LX_NLM_F_REQUEST 0x1
#define LX_NLM_F_MULTI 0x2
#define LX_NLM_F_ACK 0x4
#define LX_NLM_F_DUMP 0x300

#define LX_NLMSG_ERROR 2
#define LX_NLMSG_DONE 3

#define LX_RTM_NEWLINK 16
#define LX_RTM_GETLINK 18
#define LX_RTM_NEWADDR 20
#define LX_RTM_GETADDR 22
#define LX_RTM_LAST 127 /* at most, of Linux 6.12 */

#define LX_IFLA_ADDRESS 1
#define LX_IFLA_BROADCAST 2
#define LX_IFLA_IFNAME 3
#define LX_IFLA_MTU 4
#define LX_IFLA_TXQLEN 13
#define LX_IFLA_OPERSTATE 16

#define LX_IFA_ADDRESS 1
#define LX_IFA_LOCAL 2
#define LX_IFA_LABEL 3
#define LX_IFA_FLAGS 8
#define LX_IFA_F_PERMANENT 0x80

#define LX_RT_SCOPE_HOST 254

struct lx_sockaddr_nl {
    uint16_t nl_family, nl_pad;
    uint32_t nl_pid, nl_groups;
};
_Static_assert(sizeof(struct lx_sockaddr_nl) == 12, "ABI");

struct lx_nlmsghdr {
    uint32_t nlmsg_len; /* with this header, without what aligns the next */
    uint16_t nlmsg_type, nlmsg_flags;
    uint32_t nlmsg_seq, nlmsg_pid;
};
_Static_assert(sizeof(struct lx_nlmsghdr) == 16, "ABI");

struct lx_rtattr {
    uint16_t rta_len, rta_type;
};

struct lx_ifinfomsg {
    uint8_t ifi_family, pad;
    uint16_t ifi_type;
    int32_t ifi_index;
    uint32_t ifi_flags, ifi_change;
};
_Static_assert(sizeof(struct lx_ifinfomsg) == 16, "ABI");

struct lx_ifaddrmsg {
    uint8_t ifa_family, ifa_prefixlen, ifa_flags, ifa_scope;
    uint32_t ifa_index;
};
_Static_assert(sizeof(struct lx_ifaddrmsg) == 8, "ABI");

#endif
