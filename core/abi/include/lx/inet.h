/* SPDX-License-Identifier: MIT */
#ifndef LX_INET_H
#define LX_INET_H

/*
 * Internet sockets: addresses, protocols, options.
 *
 * Source  ip(7), ipv6(7), tcp(7), udp(7), netdevice(7); linux/in.h, linux/in6.h, linux/tcp.h,
 *         linux/if.h, linux/sockios.h, net/tcp_states.h.
 */

#include <stdint.h>

#define LX_IPPROTO_IP 0
#define LX_IPPROTO_ICMP 1
#define LX_IPPROTO_TCP 6
#define LX_IPPROTO_UDP 17
#define LX_IPPROTO_IPV6 41
#define LX_IPPROTO_MAX 263 /* with MPTCP */

/* IPPROTO_IP */
#define LX_IP_TOS 1
#define LX_IP_TTL 2
#define LX_IP_HDRINCL 3
#define LX_IP_OPTIONS 4
#define LX_IP_RECVOPTS 6
#define LX_IP_RETOPTS 7
#define LX_IP_PKTINFO 8
#define LX_IP_MTU_DISCOVER 10
#define LX_IP_RECVERR 11
#define LX_IP_RECVTTL 12
#define LX_IP_RECVTOS 13
#define LX_IP_MTU 14
#define LX_IP_FREEBIND 15
#define LX_IP_TRANSPARENT 19
#define LX_IP_RECVORIGDSTADDR 20
#define LX_IP_MINTTL 21
#define LX_IP_BIND_ADDRESS_NO_PORT 24
#define LX_IP_MULTICAST_IF 32
#define LX_IP_MULTICAST_TTL 33
#define LX_IP_MULTICAST_LOOP 34
#define LX_IP_ADD_MEMBERSHIP 35
#define LX_IP_DROP_MEMBERSHIP 36
#define LX_MCAST_JOIN_GROUP 42
#define LX_MCAST_LEAVE_GROUP 45
#define LX_IP_MULTICAST_ALL 49
#define LX_IP_LOCAL_PORT_RANGE 51

/* IPPROTO_IPV6 */
#define LX_IPV6_UNICAST_HOPS 16
#define LX_IPV6_MULTICAST_IF 17
#define LX_IPV6_MULTICAST_HOPS 18
#define LX_IPV6_MULTICAST_LOOP 19
#define LX_IPV6_ADD_MEMBERSHIP 20
#define LX_IPV6_DROP_MEMBERSHIP 21
#define LX_IPV6_MTU_DISCOVER 23
#define LX_IPV6_MTU 24
#define LX_IPV6_RECVERR 25
#define LX_IPV6_V6ONLY 26
#define LX_IPV6_RECVPKTINFO 49
#define LX_IPV6_PKTINFO 50
#define LX_IPV6_RECVHOPLIMIT 51
#define LX_IPV6_HOPLIMIT 52
#define LX_IPV6_RECVTCLASS 66
#define LX_IPV6_TCLASS 67
#define LX_IPV6_FREEBIND 78

#define LX_IP_PMTUDISC_WANT 1

/* IPPROTO_TCP */
#define LX_TCP_NODELAY 1
#define LX_TCP_MAXSEG 2
#define LX_TCP_CORK 3
#define LX_TCP_KEEPIDLE 4
#define LX_TCP_KEEPINTVL 5
#define LX_TCP_KEEPCNT 6
#define LX_TCP_SYNCNT 7
#define LX_TCP_LINGER2 8
#define LX_TCP_DEFER_ACCEPT 9
#define LX_TCP_WINDOW_CLAMP 10
#define LX_TCP_INFO 11
#define LX_TCP_QUICKACK 12
#define LX_TCP_CONGESTION 13
#define LX_TCP_USER_TIMEOUT 18
#define LX_TCP_FASTOPEN 23
#define LX_TCP_NOTSENT_LOWAT 25
#define LX_TCP_FASTOPEN_CONNECT 30

/* enum of net/tcp_states.h */
#define LX_TCP_ESTABLISHED 1
#define LX_TCP_SYN_SENT 2
#define LX_TCP_FIN_WAIT2 5
#define LX_TCP_TIME_WAIT 6
#define LX_TCP_CLOSE 7
#define LX_TCP_CLOSE_WAIT 8
#define LX_TCP_LISTEN 10

#define LX_TCP_CA_NAME_MAX 16

/* ioctl(2) */
#define LX_FIOSETOWN 0x8901
#define LX_SIOCSPGRP 0x8902
#define LX_FIOGETOWN 0x8903
#define LX_SIOCGPGRP 0x8904
#define LX_SIOCATMARK 0x8905
#define LX_SIOCGIFNAME 0x8910
#define LX_SIOCGIFCONF 0x8912
#define LX_SIOCGIFFLAGS 0x8913
#define LX_SIOCGIFADDR 0x8915
#define LX_SIOCGIFDSTADDR 0x8917
#define LX_SIOCGIFBRDADDR 0x8919
#define LX_SIOCGIFNETMASK 0x891b
#define LX_SIOCGIFMETRIC 0x891d
#define LX_SIOCGIFMTU 0x8921
#define LX_SIOCGIFHWADDR 0x8927
#define LX_SIOCGIFINDEX 0x8933
#define LX_SIOCGIFTXQLEN 0x8942

#define LX_IFNAMSIZ 16
#define LX_IFF_UP 0x1
#define LX_IFF_LOOPBACK 0x8
#define LX_IFF_RUNNING 0x40
#define LX_IFF_LOWER_UP 0x10000
#define LX_ARPHRD_LOOPBACK 772

struct lx_sockaddr_in {
    uint16_t sin_family, sin_port; /* the port in network order */
    uint8_t sin_addr[4];
    uint8_t sin_zero[8];
};
_Static_assert(sizeof(struct lx_sockaddr_in) == 16, "ABI");

struct lx_sockaddr_in6 {
    uint16_t sin6_family, sin6_port;
    uint32_t sin6_flowinfo;
    uint8_t sin6_addr[16];
    uint32_t sin6_scope_id;
};
_Static_assert(sizeof(struct lx_sockaddr_in6) == 28, "ABI");

#define LX_SIN6_LEN_OLD 24u /* without the scope, as RFC 2133 had it */

struct lx_in_pktinfo {
    int32_t ipi_ifindex;
    uint8_t ipi_spec_dst[4], ipi_addr[4];
};

struct lx_in6_pktinfo {
    uint8_t ipi6_addr[16];
    uint32_t ipi6_ifindex;
};

struct lx_tcp_info {
    uint8_t tcpi_state, tcpi_ca_state, tcpi_retransmits, tcpi_probes, tcpi_backoff, tcpi_options;
    uint8_t tcpi_wscale, tcpi_flags;
    uint32_t tcpi_rto, tcpi_ato, tcpi_snd_mss, tcpi_rcv_mss;
    uint32_t tcpi_unacked, tcpi_sacked, tcpi_lost, tcpi_retrans, tcpi_fackets;
    uint32_t tcpi_last_data_sent, tcpi_last_ack_sent, tcpi_last_data_recv, tcpi_last_ack_recv;
    uint32_t tcpi_pmtu, tcpi_rcv_ssthresh, tcpi_rtt, tcpi_rttvar, tcpi_snd_ssthresh, tcpi_snd_cwnd;
    uint32_t tcpi_advmss, tcpi_reordering, tcpi_rcv_rtt, tcpi_rcv_space, tcpi_total_retrans;
    uint8_t tcpi_more[144]; /* what later versions added */
};
_Static_assert(sizeof(struct lx_tcp_info) == 248, "ABI");

struct lx_ifreq {
    char ifr_name[LX_IFNAMSIZ];
    union {
        struct lx_sockaddr_in address;
        int32_t number;
        int16_t flags;
        uint8_t bytes[24];
    };
};
_Static_assert(sizeof(struct lx_ifreq) == 40, "ABI");

struct lx_ifconf {
    int32_t ifc_len, pad;
    uint64_t ifc_req;
};

#endif
