/* SPDX-License-Identifier: MIT */
#ifndef VFS_INET_H
#define VFS_INET_H

/*
 * AF_INET and AF_INET6 sockets on the container's loopback, for the files that make them.  There
 * are no packets: a stream's ends put bytes into each other's queue, and datagrams go straight
 * into the receiver's.  What a packet would have told the other end is done to it at once.
 *
 * Source   ip(7), ipv6(7), tcp(7), udp(7); net/ipv4 and net/ipv6 of Linux 6.12.
 * Threads  any; functions called _locked need LOCK_SOCKET_NAMES, unless they say otherwise.
 * Errors   0 or an amount, else -LX_E*.
 */

#include <stdint.h>

#include "core/list.h"
#include "lx/compiler.h"
#include "lx/inet.h"
#include "socket_ops.h"

/* An address; one of IPv4 is ::ffff:a.b.c.d.  All zero: any, of IPv6. */
struct inet_address {
    uint8_t ip[16];
    uint16_t port; /* 0: none */
};

/* Options whose value is a number: the table is in inet_option.c. */
enum inet_value {
#define X(name, ...) INET_##name,
#include "inet_option.def"
#undef X
    INET_VALUE_COUNT,
};

/* How far connect(2) has come with a stream, as Linux' enum socket_state. */
enum inet_phase { INET_UNCONNECTED, INET_CONNECTING, INET_CONNECTED };

/* Buffers of a new stream: /proc/sys/net/ipv4/tcp_wmem, tcp_rmem; what it has once connected. */
#define INET_STREAM_SEND 16384u
#define INET_STREAM_SEND_CONNECTED 2626560u
#define INET_STREAM_RECEIVE 131072u

#define INET_FIXED_ADDRESS 1u /* bits of `fixed`: what bind(2) gave, and outlives connections */
#define INET_FIXED_PORT 2u

struct inet_socket {
    struct vfs_socket base; /* `state` of a datagram socket: CONNECTED if it has a peer */

    /* Guarded by LOCK_SOCKET_NAMES; the addresses are changed with `base.lock` held, too. */
    struct inet_address local, remote;
    struct inet_socket *next, **at; /* in a bucket of ports; at: NULL: it is in none */
    struct core_list syns;          /* who waits until the backlog has room, by `syn` */
    struct core_list syn;
    struct inet_socket *listener; /* in whose `syns` it is: a reference, or NULL */
    uint8_t fixed;
    _Atomic uint32_t syn_count; /* in `syns` */

    /* Guarded by `base.lock`. */
    uint8_t phase;           /* enum inet_phase */
    uint8_t fin_in, fin_out; /* 1: this direction has ended */
    uint8_t fin_first;       /* 1: fin_out came before fin_in, and no reset after */
    uint64_t held;           /* what the datagrams in its queue cost */
    uint64_t urgent_at;      /* bytes to be read before the urgent one */
    uint8_t urgent;          /* enum inet_urgent */
    uint8_t urgent_byte;

    _Atomic uint32_t window;  /* bytes that may wait for the other end, beside `send_limit` */
    _Atomic uint32_t no_room; /* 1: it wants to know when it may send again */
    _Atomic int32_t values[INET_VALUE_COUNT];
    _Atomic uint32_t reno; /* TCP_CONGESTION: 1: "reno", 0: "cubic" */
};

/* Urgent data is one byte: none, there, or taken by MSG_OOB and the mark still ahead. */
enum inet_urgent { INET_URGENT_NONE, INET_URGENT_THERE, INET_URGENT_TAKEN };

static inline struct inet_socket *inet_of(struct vfs_socket *s)
{
    return (struct inet_socket *)s;
}

static inline int inet_is_stream(const struct inet_socket *i)
{
    return i->base.kind == SOCKET_INET_STREAM;
}

/* ---- Addresses (inet.c) ---- */

/* What socket(2) makes of type and protocol: -LX_EPROTONOSUPPORT, -LX_ESOCKTNOSUPPORT, .. */
MUST_USE int inet_kind_of(int32_t type, int32_t protocol, enum socket_kind *kind);

/* A new socket's own fields. */
void inet_init(struct vfs_socket *s);

/* Let an address be none, of the socket's family. */
void inet_forget(const struct inet_socket *i, struct inet_address *a);

int inet_is_ipv4(const struct inet_address *a);
int inet_is_any(const struct inet_address *a);
int inet_is_loopback(const struct inet_address *a);
int inet_is_same(const struct inet_address *a, const struct inet_address *b); /* with the port */
int inet_is_same_ip(const struct inet_address *a, const struct inet_address *b);

/* A name from the guest: -LX_EINVAL: too short; -LX_EAFNOSUPPORT. */
MUST_USE int inet_address_in(const struct vfs_socket *s, const struct vfs_sockaddr *name,
                             struct inet_address *out);

/* The same for whom to send to: an address of IPv4 will do for both families. */
MUST_USE int inet_destination_in(const struct vfs_socket *s, const struct vfs_sockaddr *name,
                                 struct inet_address *out);
void inet_address_out(const struct vfs_socket *s, const struct inet_address *a,
                      struct vfs_sockaddr *out);

/*
 * Where a packet for `to` goes, and from where, should the socket send it: an unspecified
 * destination is the loopback.
 *   from     its own address, perhaps none; then the one it gets.
 *   returns  -LX_ENETUNREACH: it is not the loopback, or not of the socket's family.
 */
MUST_USE int inet_route(const struct inet_socket *i, struct inet_address *to,
                        struct inet_address *from);

MUST_USE int inet_bind(struct vfs_socket *s, const struct vfs_socket_caller *caller,
                       const struct vfs_sockaddr *name);
int inet_name(struct vfs_socket *s, int peer, struct vfs_sockaddr *out);

/* ---- Ports (inet_port.c) ---- */

/* Give the socket a local address, with a free port if it names none: -LX_EADDRINUSE. */
MUST_USE int inet_port_take_locked(struct inet_socket *i, const struct inet_address *local);

/* An ephemeral port if it has none: -LX_EAGAIN. */
MUST_USE int inet_port_auto_locked(struct inet_socket *i);

/* Let it be found as a connection's end, not as one that others can send to. */
void inet_port_connect_locked(struct inet_socket *i);

/* Whether its port may be listened at: -LX_EADDRINUSE. */
MUST_USE int inet_port_may_listen_locked(const struct inet_socket *i);

/* 1 if a connection between these two addresses is there already. */
int inet_port_is_connected_locked(const struct inet_address *local,
                                  const struct inet_address *remote);

/* Give the port back, and forget the address. */
void inet_port_drop_locked(struct inet_socket *i);

/* Forget what only a connection has given: the peer, and what bind(2) did not fix. */
void inet_port_disconnect_locked(struct inet_socket *i);

/* Who listens, or gets datagrams, at `to`: no reference; NULL: nobody. */
struct inet_socket *inet_port_find_locked(enum socket_kind kind, const struct inet_address *to,
                                          const struct inet_address *from);

int inet_is_ipv6_only(const struct inet_socket *i);

/* 1 if an address `own`, of a socket or what it left, stands for `ip`, too. */
int inet_covers(const struct inet_address *own, int ipv6_only, const struct inet_address *ip);

/* ---- TIME_WAIT (inet_wait.c) ---- */

/*
 * A stream is about to be closed: if it ends the connection, and as the first, its port stays
 * taken; if as the second, that begins to end for the other one.
 *   resets   1: the other end is told of an error.
 *   returns  1: it has left something.
 */
int inet_wait_close_locked(struct inet_socket *i, int resets);

/* A stream closes as the second: the first's end of the connection is in TIME_WAIT. */
void inet_wait_end_locked(struct inet_socket *i);

/* Nothing is left of a connection: it was reset, or there is a new one. */
void inet_wait_forget_locked(const struct inet_address *local, const struct inet_address *remote);

/* The same for both ends; no lock is held. */
void inet_wait_reset(const struct inet_socket *i);

/* 1 if bind(2) or listen(2) of a stream has to fail. */
int inet_wait_conflicts_locked(const struct inet_socket *i, const struct inet_address *local);

/* 1 if a port is better not given to who did not ask for it. */
int inet_wait_has_port_locked(uint16_t port);

/* As vfs_inet_list(). */
void inet_wait_list_locked(void (*each)(void *arg, const struct vfs_inet_row *row), void *arg);

/* ---- Connections (inet_stream.c, inet_connect.c) ---- */

MUST_USE int inet_connect(struct vfs_socket *s, const struct vfs_socket_caller *caller,
                          const struct vfs_sockaddr *name, int waits);
MUST_USE int inet_listen(struct vfs_socket *s, const struct vfs_socket_caller *caller,
                         uint32_t backlog);
MUST_USE int inet_accept(struct vfs_socket *s, const struct vfs_socket_caller *caller, int waits,
                         struct vfs_socket **out);

/* Nobody listens any more: the line before it is refused.  One of the line goes. */
void inet_line_end_locked(struct inet_socket *listener);
void inet_line_leave_locked(struct inet_socket *i);

/* The connection is gone, as a packet with RST says it; the socket's lock is held. */
void inet_reset_locked(struct inet_socket *i);

MUST_USE int inet_stream_shutdown(struct vfs_socket *s, uint32_t how);
void inet_stream_close(struct vfs_socket *s, struct core_list *rest);

/* connect(2) with AF_UNSPEC: as new, but for what bind(2) did. */
void inet_stream_disconnect(struct vfs_socket *s);

/* The peer: a reference, or NULL. */
struct inet_socket *inet_peer(struct inet_socket *i);

/* LX_TCP_*: what TCP_INFO and /proc/net/tcp show. */
uint8_t inet_stream_state(const struct inet_socket *i);

/* ---- Bytes of a stream (inet_bytes.c) ---- */

int64_t inet_stream_send(struct vfs_socket *s, const struct vfs_socket_caller *caller,
                         struct vfs_message *m, int waits);
int64_t inet_stream_receive(struct vfs_socket *s, const struct vfs_socket_caller *caller,
                            struct vfs_message *m, int waits);
uint32_t inet_stream_poll(struct vfs_socket *s);
int64_t inet_stream_available(struct vfs_socket *s);
int64_t inet_stream_unsent(struct vfs_socket *s);
int inet_stream_at_mark(struct vfs_socket *s);

/* Take all that is to be read off the queue; the socket's lock is held.  And free it. */
void inet_bytes_take_locked(struct inet_socket *i, struct core_list *out);
void inet_bytes_free(struct core_list *chunks);

/* ---- Options (inet_option.c) ---- */

void inet_options_init(struct inet_socket *i);

/* What an accepted connection has from its listener. */
void inet_options_inherit(struct inet_socket *to, const struct inet_socket *from);
int inet_get_option(struct vfs_socket *s, int32_t level, int32_t name,
                    struct vfs_socket_option *out);
int inet_set_option(struct vfs_socket *s, int32_t level, int32_t name,
                    const struct vfs_socket_option *value);

#endif
