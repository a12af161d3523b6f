/* SPDX-License-Identifier: MIT */
/* Datagrams of internet sockets. */

#include <stdatomic.h>

#include "core/arena.h"
#include "core/mem.h"
#include "inet.h"
#include "internal.h"
#include "lx/errno.h"
#include "lx/signal.h"
#include "plat/plat.h"

#define PACKET_MAX 65535u /* with the heads; that of IPv6 itself does not count */
#define HEAD_IPV4 28u
#define HEAD_IPV6 8u

struct inet_datagram {
    struct core_list node;
    struct inet_address from, to;
    uint32_t size, cost; /* bytes; what it takes of the receiver's buffer, as Linux counts it */
    uint8_t ttl, tos;
    int64_t time_ns; /* when it came; of the wall clock */
    uint8_t data[];
};

static struct inet_datagram *datagram_of(struct core_list *node)
{
    return CORE_LIST_ENTRY(node, struct inet_datagram, node);
}

static void datagram_free(struct inet_datagram *d)
{
    core_arena_free(d, sizeof *d + d->size);
}

/* ---- Connecting ---- */

static int disconnect(struct inet_socket *i)
{
    struct vfs_state *state = vfs_state();
    core_lock_acquire(&state->socket_lock);
    i->base.state = SOCKET_CLOSED;
    inet_port_disconnect_locked(i);
    core_lock_release(&state->socket_lock);
    return 0;
}

static int connect_locked(struct inet_socket *i, struct inet_address *remote)
{
    struct inet_address local = i->local;
    int err = inet_port_auto_locked(i);
    if (err == 0)
        err = inet_route(i, remote, &local);
    if (err < 0)
        return err;
    local.port = i->local.port;
    core_lock_acquire(&i->base.lock);
    i->local = local;
    i->remote = *remote;
    i->base.state = SOCKET_CONNECTED;
    core_lock_release(&i->base.lock);
    return 0;
}

static int dgram_connect(struct vfs_socket *s, const struct vfs_socket_caller *caller,
                         const struct vfs_sockaddr *name, int waits)
{
    struct inet_socket *i = inet_of(s);
    struct vfs_state *state = vfs_state();
    struct inet_address remote;
    (void)caller, (void)waits;
    if (name->size < sizeof name->family)
        return -LX_EINVAL;
    if (name->family == LX_AF_UNSPEC)
        return disconnect(i);
    int err = name->family == LX_AF_INET ? inet_destination_in(s, name, &remote)
                                         : inet_address_in(s, name, &remote);
    if (err < 0)
        return err;
    core_lock_acquire(&state->socket_lock);
    err = connect_locked(i, &remote);
    core_lock_release(&state->socket_lock);
    return err;
}

/* As Linux: the bits are kept even where it is an error. */
static int dgram_shutdown(struct vfs_socket *s, uint32_t how)
{
    atomic_fetch_or(&s->shut, how);
    socket_tell_all(s);
    return s->state == SOCKET_CONNECTED ? 0 : -LX_ENOTCONN;
}

static void dgram_close(struct vfs_socket *s, struct core_list *rest)
{
    struct vfs_state *state = vfs_state();
    (void)rest;
    core_lock_acquire(&state->socket_lock);
    inet_port_drop_locked(inet_of(s));
    core_lock_release(&state->socket_lock);
    core_lock_acquire(&s->lock);
    s->dead = 1;
    CORE_LIST_FOR_EACH_SAFE(node, &s->queue)
    {
        core_list_remove(node);
        datagram_free(datagram_of(node));
    }
    core_lock_release(&s->lock);
}

/* ---- Sending ---- */

/* From where to where it goes, which is checked. */
static int destination(struct inet_socket *i, const struct vfs_message *m, struct inet_address *to,
                       struct inet_address *from)
{
    struct vfs_state *state = vfs_state();
    int by_name = m->name.size != 0, err = 0;
    if (by_name && i->base.family == LX_AF_INET6 && m->name.size >= sizeof m->name.family &&
        m->name.family == LX_AF_UNSPEC)
        by_name = 0;
    if (by_name)
        err = inet_destination_in(&i->base, &m->name, to);
    if (err < 0)
        return err;
    core_lock_acquire(&state->socket_lock);
    err = inet_port_auto_locked(i);
    *from = i->local;
    if (!by_name)
        *to = i->remote;
    if (!by_name && i->base.state != SOCKET_CONNECTED)
        err = -LX_EDESTADDRREQ;
    core_lock_release(&state->socket_lock);
    if (err == 0 && by_name && !to->port)
        err = -LX_EINVAL;
    return err == 0 ? inet_route(i, to, from) : err;
}

static int check_send(struct vfs_socket *s, const struct vfs_message *m,
                      const struct inet_address *to)
{
    int err = socket_take_error(s);
    if (err < 0)
        return err;
    if (s->shut & SOCKET_NO_SEND)
        return -LX_EPIPE;
    return m->size > PACKET_MAX - (inet_is_ipv4(to) ? HEAD_IPV4 : HEAD_IPV6) ? -LX_EMSGSIZE : 0;
}

static int datagram_new(const struct vfs_message *m, struct inet_datagram **out)
{
    struct socket_cursor at = {m->iov, m->iov_count, 0};
    struct inet_datagram *d = core_arena_alloc_dirty(sizeof *d + m->size);
    *out = NULL;
    if (!d)
        return -LX_ENOBUFS;
    core_list_init(&d->node);
    d->size = (uint32_t)m->size;
    d->cost = socket_dgram_cost(m->size);
    d->time_ns = (int64_t)plat_clock_now(PLAT_CLOCK_REALTIME);
    if (socket_copy_in(&at, d->data, m->size) < 0) {
        datagram_free(d);
        return -LX_EFAULT;
    }
    *out = d;
    return 0;
}

/* A number in [least, 255], or (-1) what it is already. */
static int set_byte(const struct vfs_control *c, int32_t least, uint8_t *out)
{
    int32_t value;
    if (c->size != sizeof value)
        return -LX_EINVAL;
    memcpy(&value, c->bytes, sizeof value);
    if (value != -1 && (value < least || value > UINT8_MAX))
        return -LX_EINVAL;
    if (value != -1)
        *out = (uint8_t)value;
    return 0;
}

/* From which of its addresses it comes; zeros: it does not matter. */
static int set_source(const uint8_t *ip, uint32_t size, struct inet_datagram *d)
{
    struct inet_address from = d->from;
    memcpy(from.ip + sizeof from.ip - size, ip, size);
    if (inet_is_any(&from))
        return 0;
    if (!inet_is_loopback(&from))
        return -LX_EINVAL;
    d->from = from;
    return 0;
}

/* What sendmsg(2) says of this one datagram: ip(7), ipv6(7). */
static int obey(const struct vfs_control *c, struct inet_datagram *d)
{
    const struct lx_in_pktinfo *info4 = (const void *)c->bytes;
    const struct lx_in6_pktinfo *info6 = (const void *)c->bytes;
    int ipv4 = inet_is_ipv4(&d->to);
    if (c->level != LX_IPPROTO_IP && c->level != LX_IPPROTO_IPV6)
        return 0;
    switch (c->level << 8 | c->type) {
    case LX_IPPROTO_IP << 8 | LX_IP_TTL:
        return set_byte(c, 1, &d->ttl);
    case LX_IPPROTO_IP << 8 | LX_IP_TOS:
        if (c->size == 1) {
            d->tos = c->bytes[0];
            return 0;
        }
        return set_byte(c, 0, &d->tos);
    case LX_IPPROTO_IP << 8 | LX_IP_PKTINFO:
        return c->size == sizeof *info4 && ipv4
                   ? set_source(info4->ipi_spec_dst, sizeof info4->ipi_spec_dst, d)
                   : -LX_EINVAL;
    case LX_IPPROTO_IPV6 << 8 | LX_IPV6_HOPLIMIT:
        return set_byte(c, 0, &d->ttl);
    case LX_IPPROTO_IPV6 << 8 | LX_IPV6_TCLASS:
        return set_byte(c, 0, &d->tos);
    case LX_IPPROTO_IPV6 << 8 | LX_IPV6_PKTINFO:
        return c->size == sizeof *info6 && !ipv4
                   ? set_source(info6->ipi6_addr, sizeof info6->ipi6_addr, d)
                   : -LX_EINVAL;
    default:
        return -LX_EINVAL;
    }
}

static int obey_all(const struct vfs_message *m, struct inet_datagram *d)
{
    int err = 0;
    for (uint32_t k = 0; k < m->control_count && err == 0; k++)
        err = obey(&m->controls[k], d);
    return err;
}

/* 0: it was dropped: udp(7), there was no room. */
static int queue(struct inet_socket *to, struct inet_datagram *d)
{
    struct vfs_socket *s = &to->base;
    core_lock_acquire(&s->lock);
    int fits = !s->dead && to->held <= s->receive_size;
    if (fits) {
        core_list_add(&s->queue, &d->node);
        to->held += d->cost;
        s->queued++;
    }
    core_lock_release(&s->lock);
    if (fits)
        socket_tell_receiver(s);
    return fits;
}

/* Nobody was there: ip(7), who has a peer is told. */
static void bounce(struct vfs_socket *s)
{
    struct inet_socket *i = inet_of(s);
    if (s->state != SOCKET_CONNECTED && !i->values[INET_IP_RECVERR] &&
        !i->values[INET_IPV6_RECVERR])
        return;
    s->error = LX_ECONNREFUSED;
    socket_tell_all(s);
    socket_async(s, LX_POLL_ERR);
}

static int64_t dgram_send(struct vfs_socket *s, const struct vfs_socket_caller *caller,
                          struct vfs_message *m, int waits)
{
    struct inet_socket *i = inet_of(s);
    struct vfs_state *state = vfs_state();
    struct inet_address to, from;
    struct inet_datagram *d = NULL;
    (void)caller, (void)waits;
    if (m->size > PACKET_MAX)
        return -LX_EMSGSIZE;
    if (m->flags & LX_MSG_OOB && s->family == LX_AF_INET)
        return -LX_EOPNOTSUPP;
    int err = destination(i, m, &to, &from);
    if (err == 0)
        err = check_send(s, m, &to);
    if (err == 0)
        err = datagram_new(m, &d);
    if (err < 0)
        return err;
    int ipv4 = inet_is_ipv4(&to);
    d->from = from;
    d->to = to;
    d->ttl = (uint8_t)i->values[ipv4 ? INET_IP_TTL : INET_IPV6_UNICAST_HOPS];
    d->tos = (uint8_t)i->values[ipv4 ? INET_IP_TOS : INET_IPV6_TCLASS];
    err = obey_all(m, d);
    if (err < 0) {
        datagram_free(d);
        return err;
    }
    core_lock_acquire(&state->socket_lock);
    struct inet_socket *receiver = inet_port_find_locked(SOCKET_INET_DGRAM, &d->to, &d->from);
    if (receiver)
        socket_get(&receiver->base);
    core_lock_release(&state->socket_lock);
    if (!receiver)
        bounce(s);
    if (!receiver || !queue(receiver, d))
        datagram_free(d);
    socket_put(receiver ? &receiver->base : NULL);
    return (int64_t)m->size;
}

/* ---- Receiving ---- */

static void tell(struct vfs_message *m, int32_t level, int32_t type, const void *data,
                 uint32_t size)
{
    struct vfs_control *c = &m->controls[m->control_count];
    if (m->control_count == VFS_CONTROLS_MAX)
        return;
    c->level = level;
    c->type = type;
    c->size = size;
    memcpy(c->bytes, data, size);
    m->control_count++;
}

static void tell_ipv4(const struct inet_socket *i, const struct inet_datagram *d,
                      struct vfs_message *m)
{
    int32_t ttl = d->ttl;
    struct lx_in_pktinfo info = {.ipi_ifindex = VFS_LOOPBACK_INDEX};
    memcpy(info.ipi_addr, d->to.ip + 12, sizeof info.ipi_addr);
    memcpy(info.ipi_spec_dst, info.ipi_addr, sizeof info.ipi_addr);
    if (i->values[INET_IP_PKTINFO])
        tell(m, LX_IPPROTO_IP, LX_IP_PKTINFO, &info, sizeof info);
    if (i->values[INET_IP_RECVTTL])
        tell(m, LX_IPPROTO_IP, LX_IP_TTL, &ttl, sizeof ttl);
    if (i->values[INET_IP_RECVTOS])
        tell(m, LX_IPPROTO_IP, LX_IP_TOS, &d->tos, sizeof d->tos);
}

static void tell_ipv6(const struct inet_socket *i, const struct inet_datagram *d,
                      struct vfs_message *m)
{
    int32_t hops = d->ttl, class = d->tos;
    struct lx_in6_pktinfo info = {.ipi6_ifindex = VFS_LOOPBACK_INDEX};
    memcpy(info.ipi6_addr, d->to.ip, sizeof info.ipi6_addr);
    if (i->values[INET_IPV6_RECVPKTINFO])
        tell(m, LX_IPPROTO_IPV6, LX_IPV6_PKTINFO, &info, sizeof info);
    if (i->values[INET_IPV6_RECVHOPLIMIT] && !inet_is_ipv4(&d->to))
        tell(m, LX_IPPROTO_IPV6, LX_IPV6_HOPLIMIT, &hops, sizeof hops);
    if (i->values[INET_IPV6_RECVTCLASS] && !inet_is_ipv4(&d->to))
        tell(m, LX_IPPROTO_IPV6, LX_IPV6_TCLASS, &class, sizeof class);
}

/* What was asked for by options, besides the bytes. */
static void tell_all(struct vfs_socket *s, const struct inet_datagram *d, struct vfs_message *m)
{
    const struct lx_timespec ts = {d->time_ns / 1000000000, d->time_ns % 1000000000};
    const struct lx_timeval tv = {ts.tv_sec, ts.tv_nsec / 1000};
    m->control_count = 0;
    if (socket_option_is_on(s, LX_SO_TIMESTAMPNS))
        tell(m, LX_SOL_SOCKET, LX_SO_TIMESTAMPNS, &ts, sizeof ts);
    else if (socket_option_is_on(s, LX_SO_TIMESTAMP))
        tell(m, LX_SOL_SOCKET, LX_SO_TIMESTAMP, &tv, sizeof tv);
    if (s->family == LX_AF_INET6)
        tell_ipv6(inet_of(s), d, m);
    if (inet_is_ipv4(&d->to))
        tell_ipv4(inet_of(s), d, m);
}

static int64_t give(struct vfs_socket *s, struct inet_datagram *d, struct vfs_message *m)
{
    struct socket_cursor at = {m->iov, m->iov_count, 0};
    uint64_t part = d->size < m->size ? d->size : m->size;
    if (socket_copy_out(&at, d->data, part) < 0)
        return -LX_EFAULT;
    inet_address_out(s, &d->from, &m->name);
    if (part < d->size)
        m->out_flags |= LX_MSG_TRUNC;
    tell_all(s, d, m);
    return m->flags & LX_MSG_TRUNC ? (int64_t)d->size : (int64_t)part;
}

struct looking {
    struct vfs_message *m;
    int waits;
};

/* One look: -LX_EAGAIN: nothing has come; 0 also if nothing will, and it would wait for it. */
static int64_t look(struct vfs_socket *s, void *arg)
{
    const struct looking *l = arg;
    struct vfs_message *m = l->m;
    struct inet_datagram *d = NULL;
    int64_t n = socket_take_error(s);
    int peek = (m->flags & LX_MSG_PEEK) != 0;
    if (n < 0)
        return n;
    core_lock_acquire(&s->lock);
    if (!core_list_is_empty(&s->queue)) {
        d = datagram_of(s->queue.next);
        if (peek) {
            n = give(s, d, m);
        } else {
            core_list_remove(&d->node);
            inet_of(s)->held -= d->cost;
            s->queued--;
        }
    }
    core_lock_release(&s->lock);
    if (!d)
        return s->shut & SOCKET_NO_RECEIVE && l->waits ? 0 : -LX_EAGAIN;
    if (!peek) {
        n = give(s, d, m);
        datagram_free(d);
    }
    return n;
}

static int64_t dgram_receive(struct vfs_socket *s, const struct vfs_socket_caller *caller,
                             struct vfs_message *m, int waits)
{
    if (m->flags & LX_MSG_ERRQUEUE)
        return -LX_EAGAIN; /* Differs from Linux: errors are not kept there */
    struct looking l = {m, waits};
    return socket_wait_for(s, caller, waits, SOCKET_IN, look, &l);
}

/* ---- poll(2), ioctl(2) ---- */

static uint32_t dgram_poll(struct vfs_socket *s)
{
    uint32_t ready = SOCKET_OUT, shut = s->shut;
    if (s->error)
        ready |= LX_POLLERR;
    if (shut & SOCKET_NO_RECEIVE)
        ready |= LX_POLLRDHUP | LX_POLLIN | LX_POLLRDNORM;
    if (shut == SOCKET_SHUT)
        ready |= LX_POLLHUP;
    if (s->queued)
        ready |= LX_POLLIN | LX_POLLRDNORM;
    return ready;
}

static int64_t dgram_available(struct vfs_socket *s)
{
    core_lock_acquire(&s->lock);
    uint64_t size = core_list_is_empty(&s->queue) ? 0 : datagram_of(s->queue.next)->size;
    core_lock_release(&s->lock);
    return (int64_t)size;
}

static int64_t dgram_unsent(struct vfs_socket *s)
{
    (void)s;
    return 0;
}

const struct socket_ops inet_dgram_ops = {
    .size = sizeof(struct inet_socket),
    .init = inet_init,
    .pair = socket_no_pair,
    .bind = inet_bind,
    .connect = dgram_connect,
    .listen = socket_no_listen,
    .accept = socket_no_accept,
    .shutdown = dgram_shutdown,
    .name = inet_name,
    .send = dgram_send,
    .receive = dgram_receive,
    .poll = dgram_poll,
    .available = dgram_available,
    .unsent = dgram_unsent,
    .close = dgram_close,
    .get_option = inet_get_option,
    .set_option = inet_set_option,
};
