/* SPDX-License-Identifier: MIT */
/* Internet sockets: addresses, names, and what streams and datagrams have in common. */

#include "inet.h"

#include "core/mem.h"
#include "internal.h"
#include "lx/errno.h"

int inet_kind_of(int32_t type, int32_t protocol, enum socket_kind *kind)
{
    if (protocol < 0 || protocol >= LX_IPPROTO_MAX)
        return -LX_EINVAL;
    switch (type) {
    case LX_SOCK_STREAM:
        *kind = SOCKET_INET_STREAM;
        return !protocol || protocol == LX_IPPROTO_TCP ? 0 : -LX_EPROTONOSUPPORT;
    case LX_SOCK_DGRAM:
        *kind = SOCKET_INET_DGRAM;
        return !protocol || protocol == LX_IPPROTO_UDP ? 0 : -LX_EPROTONOSUPPORT;
    case LX_SOCK_RAW:
        return protocol ? -LX_EPERM : -LX_EPROTONOSUPPORT; /* as without CAP_NET_RAW */
    default:
        return -LX_ESOCKTNOSUPPORT;
    }
}

/* ---- Addresses ---- */

#define MAPPED_SIZE 12u /* of what is before an address of IPv4 */

/* The address that is none; of IPv4 or of IPv6. */
static void set_any(struct inet_address *a, int ipv4)
{
    memset(a->ip, 0, sizeof a->ip);
    if (ipv4)
        a->ip[10] = a->ip[11] = 0xff;
}

void inet_forget(const struct inet_socket *i, struct inet_address *a)
{
    set_any(a, i->base.family == LX_AF_INET);
    a->port = 0;
}

int inet_is_ipv4(const struct inet_address *a)
{
    static const uint8_t mapped[MAPPED_SIZE] = {[10] = 0xff, 0xff};
    return memcmp(a->ip, mapped, MAPPED_SIZE) == 0;
}

int inet_is_any(const struct inet_address *a)
{
    static const uint8_t zeros[16];
    uint32_t begin = inet_is_ipv4(a) ? MAPPED_SIZE : 0;
    return memcmp(a->ip + begin, zeros, sizeof zeros - begin) == 0;
}

int inet_is_same_ip(const struct inet_address *a, const struct inet_address *b)
{
    return memcmp(a->ip, b->ip, sizeof a->ip) == 0;
}

int inet_is_same(const struct inet_address *a, const struct inet_address *b)
{
    return a->port == b->port && inet_is_same_ip(a, b);
}

static void set_loopback(struct inet_address *a, int ipv4)
{
    set_any(a, ipv4);
    a->ip[15] = 1;
    if (ipv4)
        a->ip[MAPPED_SIZE] = 127;
}

int inet_is_loopback(const struct inet_address *a)
{
    struct inet_address one;
    set_loopback(&one, 0);
    return inet_is_ipv4(a) ? a->ip[MAPPED_SIZE] == 127 : inet_is_same_ip(a, &one);
}

static uint16_t swapped(uint16_t port)
{
    return __builtin_bswap16(port);
}

static void in_ipv4(const struct vfs_sockaddr *name, struct inet_address *out)
{
    set_any(out, 1);
    memcpy(out->ip + MAPPED_SIZE, name->in.sin_addr, sizeof name->in.sin_addr);
    out->port = swapped(name->in.sin_port);
}

int inet_address_in(const struct vfs_socket *s, const struct vfs_sockaddr *name,
                    struct inet_address *out)
{
    int is_ipv4 = s->family == LX_AF_INET;
    if (name->size < (is_ipv4 ? sizeof name->in : LX_SIN6_LEN_OLD))
        return -LX_EINVAL;
    if (name->family != s->family)
        return -LX_EAFNOSUPPORT;
    if (is_ipv4) {
        in_ipv4(name, out);
    } else {
        memcpy(out->ip, name->in6.sin6_addr, sizeof out->ip);
        out->port = swapped(name->in6.sin6_port);
    }
    return 0;
}

int inet_destination_in(const struct vfs_socket *s, const struct vfs_sockaddr *name,
                        struct inet_address *out)
{
    if (name->size >= sizeof name->family && s->family == LX_AF_INET6 &&
        name->family == LX_AF_INET) {
        if (name->size < sizeof name->in)
            return -LX_EINVAL;
        in_ipv4(name, out);
        return 0;
    }
    struct vfs_sockaddr same = *name;
    if (s->family == LX_AF_INET && name->family == LX_AF_UNSPEC)
        same.family = LX_AF_INET;
    int err = inet_address_in(s, &same, out);
    return err == -LX_EAFNOSUPPORT && s->family == LX_AF_INET6 ? -LX_EINVAL : err;
}

void inet_address_out(const struct vfs_socket *s, const struct inet_address *a,
                      struct vfs_sockaddr *out)
{
    memset(out, 0, sizeof *out);
    out->family = s->family;
    if (s->family == LX_AF_INET) {
        out->size = sizeof out->in;
        out->in.sin_port = swapped(a->port);
        memcpy(out->in.sin_addr, a->ip + MAPPED_SIZE, sizeof out->in.sin_addr);
    } else {
        out->size = sizeof out->in6;
        out->in6.sin6_port = swapped(a->port);
        memcpy(out->in6.sin6_addr, a->ip, sizeof a->ip);
    }
}

int inet_route(const struct inet_socket *i, struct inet_address *to, struct inet_address *from)
{
    int is_ipv6 = i->base.family == LX_AF_INET6;
    if (inet_is_any(to))
        set_loopback(to, inet_is_ipv4(to) || (inet_is_ipv4(from) && !inet_is_any(from)));
    int to_ipv4 = inet_is_ipv4(to);
    if (!inet_is_loopback(to) || (to_ipv4 && is_ipv6 && i->values[INET_IPV6_V6ONLY]))
        return -LX_ENETUNREACH;
    if (inet_is_any(from) && (to_ipv4 || !inet_is_ipv4(from)))
        set_loopback(from, to_ipv4);
    return inet_is_ipv4(from) == to_ipv4 ? 0 : -LX_ENETUNREACH;
}

void inet_init(struct vfs_socket *s)
{
    struct inet_socket *i = inet_of(s);
    core_list_init(&i->syns);
    core_list_init(&i->syn);
    inet_forget(i, &i->local);
    inet_forget(i, &i->remote);
    if (inet_is_stream(i)) {
        s->send_limit = INET_STREAM_SEND;
        s->receive_size = INET_STREAM_RECEIVE;
        s->backlog = 0;
    }
    inet_options_init(i);
}

/* ---- Names ---- */

/* bind(2) takes what it can be sent to, and anything that says it does not mind. */
static int may_bind(const struct inet_socket *i, const struct inet_address *a)
{
    if (inet_is_any(a))
        return 0;
    if (inet_is_ipv4(a) && i->base.family == LX_AF_INET6 && i->values[INET_IPV6_V6ONLY])
        return -LX_EINVAL;
    return inet_is_loopback(a) || i->values[INET_IP_FREEBIND] || i->values[INET_IPV6_FREEBIND]
               ? 0
               : -LX_EADDRNOTAVAIL;
}

int inet_bind(struct vfs_socket *s, const struct vfs_socket_caller *caller,
              const struct vfs_sockaddr *name)
{
    struct inet_socket *i = inet_of(s);
    struct vfs_state *state = vfs_state();
    struct vfs_sockaddr same = *name;
    struct inet_address local;
    (void)caller;
    if (s->family == LX_AF_INET && name->size >= sizeof name->in && name->family == LX_AF_UNSPEC) {
        in_ipv4(name, &local); /* Linux lets this pass for the address that is none */
        same.family = inet_is_any(&local) ? LX_AF_INET : LX_AF_UNSPEC;
    }
    int err = inet_address_in(s, &same, &local);
    if (err == 0)
        err = may_bind(i, &local);
    if (err < 0)
        return err;
    core_lock_acquire(&state->socket_lock);
    err =
        s->state != SOCKET_CLOSED || i->local.port ? -LX_EINVAL : inet_port_take_locked(i, &local);
    if (err == 0) {
        i->fixed |= inet_is_any(&local) ? 0 : INET_FIXED_ADDRESS;
        i->fixed |= local.port ? INET_FIXED_PORT : 0;
    }
    core_lock_release(&state->socket_lock);
    return err;
}

int inet_name(struct vfs_socket *s, int peer, struct vfs_sockaddr *out)
{
    struct inet_socket *i = inet_of(s);
    core_lock_acquire(&s->lock);
    int gone = peer == 1 && s->state != SOCKET_CONNECTED;
    int err = peer && (gone || !i->remote.port) ? -LX_ENOTCONN : 0;
    if (err == 0)
        inet_address_out(s, peer ? &i->remote : &i->local, out);
    core_lock_release(&s->lock);
    return err;
}
