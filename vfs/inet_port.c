/* SPDX-License-Identifier: MIT */
/*
 * Ports of internet sockets: two hash tables of sockets by their local port, one of those that
 * others can send or connect to, and one of connections.  Neither holds a reference: who closes
 * takes himself out.
 */

#include "inet.h"

#include "core/hash.h"
#include "core/mem.h"
#include "internal.h"
#include "lx/errno.h"
#include "plat/plat.h"

#define FIRST_AUTO 32768u /* /proc/sys/net/ipv4/ip_local_port_range */
#define AUTO_COUNT 28232u

/* ---- The tables ---- */

static struct inet_socket **bucket_of(uint16_t port, int connected)
{
    struct vfs_state *state = vfs_state();
    uint32_t at = port % INET_PORT_BUCKETS;
    return connected ? &state->inet_connections[at] : &state->inet_ports[at];
}

static void remove_locked(struct inet_socket *i)
{
    if (!i->at)
        return;
    *i->at = i->next;
    if (i->next)
        i->next->at = i->at;
    i->at = NULL;
}

static void add_locked(struct inet_socket *i, int connected)
{
    struct inet_socket **bucket = bucket_of(i->local.port, connected);
    remove_locked(i);
    i->next = *bucket;
    i->at = bucket;
    if (*bucket)
        (*bucket)->at = &i->next;
    *bucket = i;
}

static void set_local_locked(struct inet_socket *i, const struct inet_address *local)
{
    core_lock_acquire(&i->base.lock);
    i->local = *local;
    core_lock_release(&i->base.lock);
}

/* ---- Conflicts ---- */

int inet_is_ipv6_only(const struct inet_socket *i)
{
    return i->base.family == LX_AF_INET6 && i->values[INET_IPV6_V6ONLY];
}

int inet_covers(const struct inet_address *own, int ipv6_only, const struct inet_address *ip)
{
    if (inet_is_same_ip(own, ip))
        return 1;
    return inet_is_any(own) &&
           (inet_is_ipv4(own) ? inet_is_ipv4(ip) : !(ipv6_only && inet_is_ipv4(ip)));
}

/* 1 if its connection has ended, and it has its port by that alone: tcp_set_state() in Linux. */
static int is_over(const struct inet_socket *i)
{
    return inet_is_stream(i) && i->base.state == SOCKET_CLOSED && i->phase == INET_CONNECTED &&
           !(i->fixed & INET_FIXED_PORT);
}

/*
 * Do two sockets exclude each other at one port?  inet_bind_conflict() in Linux.
 *   listens  1: `i` is about to listen, at the address it has.
 */
static int conflicts(const struct inet_socket *i, const struct inet_address *local,
                     const struct inet_socket *other)
{
    if (other == i || other->local.port != local->port || other->base.kind != i->base.kind ||
        is_over(other) ||
        (!inet_covers(local, inet_is_ipv6_only(i), &other->local) &&
         !inet_covers(&other->local, inet_is_ipv6_only(other), local)))
        return 0;
    const struct vfs_socket *a = &i->base, *b = &other->base;
    if (socket_option_is_on(a, LX_SO_REUSEADDR) && socket_option_is_on(b, LX_SO_REUSEADDR) &&
        b->state != SOCKET_LISTENS)
        return 0;
    return !(socket_option_is_on(a, LX_SO_REUSEPORT) && socket_option_is_on(b, LX_SO_REUSEPORT) &&
             a->uid == b->uid);
}

static int is_taken_locked(const struct inet_socket *i, const struct inet_address *local)
{
    for (int connected = 0; connected < 2; connected++) {
        struct inet_socket *other = *bucket_of(local->port, connected);
        while (other && !conflicts(i, local, other))
            other = other->next;
        if (other)
            return 1;
    }
    return inet_is_stream(i) && inet_wait_conflicts_locked(i, local);
}

/* 1 if nobody has the port, whatever his address and options. */
static int is_free_locked(const struct inet_socket *i, uint16_t port)
{
    for (int connected = 0; connected < 2; connected++) {
        struct inet_socket *other = *bucket_of(port, connected);
        while (other && (other->local.port != port || other->base.kind != i->base.kind))
            other = other->next;
        if (other)
            return 0;
    }
    return !(inet_is_stream(i) && inet_wait_has_port_locked(port));
}

static int find_free_locked(const struct inet_socket *i, uint16_t *port)
{
    uint32_t number = 0;
    plat_random(&number, sizeof number);
    for (uint32_t k = 0; k < AUTO_COUNT; k++) {
        *port = (uint16_t)(FIRST_AUTO + (number + k) % AUTO_COUNT);
        if (is_free_locked(i, *port))
            return 0;
    }
    return -LX_EADDRINUSE;
}

int inet_port_take_locked(struct inet_socket *i, const struct inet_address *local)
{
    struct inet_address whole = *local;
    int err = whole.port ? (is_taken_locked(i, &whole) ? -LX_EADDRINUSE : 0)
                         : find_free_locked(i, &whole.port);
    if (err < 0)
        return err;
    set_local_locked(i, &whole);
    add_locked(i, 0);
    return 0;
}

int inet_port_auto_locked(struct inet_socket *i)
{
    if (i->local.port)
        return 0;
    return inet_port_take_locked(i, &i->local) < 0 ? -LX_EAGAIN : 0;
}

int inet_port_may_listen_locked(const struct inet_socket *i)
{
    return is_taken_locked(i, &i->local) ? -LX_EADDRINUSE : 0;
}

void inet_port_connect_locked(struct inet_socket *i)
{
    add_locked(i, 1);
}

int inet_port_is_connected_locked(const struct inet_address *local,
                                  const struct inet_address *remote)
{
    const struct inet_socket *i = *bucket_of(local->port, 1);
    while (i && !(inet_is_same(&i->local, local) && inet_is_same(&i->remote, remote)))
        i = i->next;
    return i != NULL;
}

void inet_port_drop_locked(struct inet_socket *i)
{
    remove_locked(i);
}

void inet_port_disconnect_locked(struct inet_socket *i)
{
    uint16_t port = i->fixed & INET_FIXED_PORT ? i->local.port : 0;
    remove_locked(i);
    core_lock_acquire(&i->base.lock);
    if (!(i->fixed & INET_FIXED_ADDRESS))
        inet_forget(i, &i->local);
    i->local.port = port;
    inet_forget(i, &i->remote);
    core_lock_release(&i->base.lock);
    if (port)
        add_locked(i, 0);
}

/* ---- Finding ---- */

/* How well a socket fits; 0: not at all.  compute_score() in Linux. */
static uint32_t score(const struct inet_socket *i, const struct inet_address *to,
                      const struct inet_address *from)
{
    if (i->local.port != to->port || !inet_covers(&i->local, inet_is_ipv6_only(i), to))
        return 0;
    if (inet_is_stream(i) && i->base.state != SOCKET_LISTENS)
        return 0;
    int connected = i->base.state == SOCKET_CONNECTED;
    if (connected && !inet_is_same(&i->remote, from))
        return 0;
    return 1 + (uint32_t)(i->base.family == LX_AF_INET) + (connected ? 4 : 0) +
           (inet_is_any(&i->local) ? 0 : 8);
}

/* Of several with SO_REUSEPORT each sender has his own. */
static struct inet_socket *choose_locked(struct inet_socket *best, uint32_t points,
                                         const struct inet_address *to,
                                         const struct inet_address *from)
{
    uint32_t count = 0;
    for (const struct inet_socket *i = best; i; i = i->next)
        count += i->base.kind == best->base.kind && score(i, to, from) == points;
    uint32_t skip = (uint32_t)(core_hash_bytes(from, sizeof *from, 0) % count);
    struct inet_socket *i = best;
    for (; skip; skip--) {
        do
            i = i->next;
        while (i->base.kind != best->base.kind || score(i, to, from) != points);
    }
    return i;
}

struct inet_socket *inet_port_find_locked(enum socket_kind kind, const struct inet_address *to,
                                          const struct inet_address *from)
{
    struct inet_socket *best = NULL;
    uint32_t most = 0;
    for (struct inet_socket *i = *bucket_of(to->port, 0); i; i = i->next) {
        uint32_t points = i->base.kind == kind ? score(i, to, from) : 0;
        if (points > most) {
            most = points;
            best = i;
        }
    }
    return best && socket_option_is_on(&best->base, LX_SO_REUSEPORT)
               ? choose_locked(best, most, to, from)
               : best;
}

/* ---- Listing ---- */

static void show(const struct inet_socket *i, struct vfs_inet_row *row)
{
    const struct vfs_socket *s = &i->base;
    *row =
        (struct vfs_inet_row){.family = s->family, .type = s->type, .uid = s->uid, .ino = s->ino};
    memcpy(row->local, i->local.ip, sizeof row->local);
    memcpy(row->remote, i->remote.ip, sizeof row->remote);
    row->local_port = i->local.port;
    row->remote_port = i->remote.port;
    if (s->state == SOCKET_LISTENS) {
        row->unread = s->queued;
        row->state = LX_TCP_LISTEN;
    } else if (inet_is_stream(i)) {
        row->unread = (uint32_t)s->bytes;
        row->state = inet_stream_state(i);
    } else {
        row->unread = (uint32_t)i->held;
        row->state = s->state == SOCKET_CONNECTED ? LX_TCP_ESTABLISHED : LX_TCP_CLOSE;
    }
}

void vfs_inet_list(void (*each)(void *arg, const struct vfs_inet_row *row), void *arg)
{
    struct vfs_state *state = vfs_state();
    struct vfs_inet_row row;
    core_lock_acquire(&state->socket_lock);
    for (uint32_t k = 0; k < 2 * INET_PORT_BUCKETS; k++) {
        const struct inet_socket *i = *bucket_of((uint16_t)k, k >= INET_PORT_BUCKETS);
        for (; i; i = i->next) {
            show(i, &row);
            if (!inet_is_stream(i) || row.state != LX_TCP_CLOSE) /* those nobody sees */
                each(arg, &row);
        }
    }
    inet_wait_list_locked(each, arg);
    core_lock_release(&state->socket_lock);
}
