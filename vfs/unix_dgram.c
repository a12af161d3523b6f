/* SPDX-License-Identifier: MIT */
/* AF_UNIX datagrams, and packets in sequence: messages that stay whole. */

#include <stdatomic.h>

#include "core/mem.h"
#include "lx/errno.h"
#include "lx/signal.h"
#include "plat/plat.h"
#include "unix.h"

#define DATAGRAM_EXTRA 32u /* the largest is by so much less than SO_SNDBUF */

/* ---- Connecting ---- */

/*
 * What `s` received from its former peer is lost, and that one is told if it was connected to
 * `s`: unix_dgram_disconnected() in Linux.
 */
static void disconnected(struct vfs_socket *s, struct vfs_socket *old)
{
    struct core_list lost, rest;
    core_list_init(&lost);
    core_list_init(&rest);
    core_lock_acquire(&s->lock);
    unix_queue_take_locked(s, &lost);
    core_lock_release(&s->lock);
    if (core_list_is_empty(&lost))
        return;
    core_waitq_wake(&s->room, ~0u, UINT32_MAX);
    core_lock_acquire(&old->lock);
    int tell = !old->dead && old->peer == s;
    if (tell)
        old->error = LX_ECONNRESET;
    core_lock_release(&old->lock);
    if (tell) {
        socket_tell_all(old);
        socket_async(old, LX_POLL_ERR);
    }
    unix_messages_free(&lost, &rest);
    file_put_rest(&rest);
}

/*
 * Let `s` have another peer, or (NULL) none; returns the old one, whose reference is the
 * caller's.  Who polls `s` learns of room with its peer.
 */
static struct vfs_socket *set_peer_locked(struct vfs_socket *s, struct vfs_socket *peer)
{
    struct vfs_socket *old = s->peer;
    core_waitq_remove(&s->room_waiter);
    s->peer = peer ? socket_get(peer) : NULL;
    s->state = peer ? SOCKET_CONNECTED : SOCKET_CLOSED; /* only /proc/net/unix asks */
    if (peer && peer != s)
        core_waitq_forward(&peer->room, &s->room_waiter, &s->waitq);
    return old;
}

static void end_peer(struct vfs_socket *s, struct vfs_socket *old, const struct vfs_socket *peer)
{
    if (old && old != peer)
        disconnected(s, old);
    socket_put(old);
}

/* AF_UNSPEC dissolves the connection: connect(2). */
static int disconnect(struct vfs_socket *s)
{
    core_lock_acquire(&s->lock);
    struct vfs_socket *old = set_peer_locked(s, NULL);
    core_lock_release(&s->lock);
    socket_tell_all(s); /* it may be writable now */
    end_peer(s, old, NULL);
    return 0;
}

static int dgram_connect(struct vfs_socket *s, const struct vfs_socket_caller *caller,
                         const struct vfs_sockaddr *name, int waits)
{
    struct vfs_socket *peer, *old = NULL;
    (void)waits;
    if (name->size < sizeof name->family)
        return -LX_EINVAL;
    if (name->family == LX_AF_UNSPEC)
        return disconnect(s);
    int err = unix_name_check(name);
    if (err == 0)
        err = unix_autobind_if_passing(s);
    if (err == 0)
        err = unix_name_find(caller, name, s->type, &peer);
    if (err < 0)
        return err;
    socket_lock_both(s, peer);
    if (peer->dead)
        err = -LX_ECONNREFUSED;
    else if (peer->peer && peer->peer != s)
        err = -LX_EPERM;
    else
        old = set_peer_locked(s, peer);
    if (err == 0)
        peer->state = SOCKET_CONNECTED; /* as Linux, though it may have no peer */
    socket_unlock_both(s, peer);
    if (err == 0)
        end_peer(s, old, peer);
    socket_put(peer);
    return err;
}

/* ---- Sending ---- */

#define GONE (-LX_ECONNREFUSED)

/* One try: -LX_EAGAIN: it is full; GONE; -LX_EPERM: it is connected to another. */
static int deliver(struct vfs_socket *s, struct vfs_socket *to, struct unix_message *msg,
                   const struct vfs_message *m, const struct vfs_socket_caller *caller)
{
    int err = 0;
    core_lock_acquire(&to->lock);
    const struct vfs_socket *its_peer = to->peer;
    if (its_peer && its_peer != s)
        err = -LX_EPERM;
    else if (to->dead)
        err = GONE;
    else if (to->shut & SOCKET_NO_RECEIVE)
        err = -LX_EPIPE;
    else if (to != s && its_peer != s && unix_is_full(to))
        err = -LX_EAGAIN;
    else
        unix_message_queue_locked(to, s, msg, m, caller);
    core_lock_release(&to->lock);
    if (err == 0)
        socket_tell_receiver(to);
    return err;
}

/* Who was to receive is closed; 0: the name may mean another one now. */
static int after_gone(struct vfs_socket *s, struct vfs_socket *gone)
{
    if (s->kind == SOCKET_UNIX_SEQPACKET)
        return -LX_EPIPE;
    core_lock_acquire(&s->lock);
    struct vfs_socket *old = s->peer == gone ? set_peer_locked(s, NULL) : NULL;
    core_lock_release(&s->lock);
    if (!old)
        return 0;
    socket_tell_all(s);
    end_peer(s, old, NULL);
    return -LX_ECONNREFUSED;
}

/*
 * Deliver to the peer or to a name.
 *   to   the peer: a reference, which is put here; NULL: to the name.
 */
static int send_message(struct vfs_socket *s, const struct vfs_socket_caller *caller,
                        struct vfs_message *m, struct unix_message *msg, struct vfs_socket *to,
                        int waits)
{
    for (;;) {
        int err = to ? 0 : unix_name_find(caller, &m->name, s->type, &to);
        if (err == 0)
            err = deliver(s, to, msg, m, caller);
        else
            return err;
        if (err == -LX_EAGAIN && waits) {
            err = unix_wait_for_room(s, to, caller, &waits);
            if (err == 0)
                continue;
        } else if (err == GONE) {
            err = after_gone(s, to);
            if (err == 0 && m->name.size) {
                socket_put(to);
                to = NULL;
                continue;
            }
            err = err ? err : -LX_ECONNRESET;
        }
        socket_put(to);
        return err;
    }
}

static int check_send(struct vfs_socket *s, const struct vfs_message *m)
{
    int err = m->flags & LX_MSG_OOB ? -LX_EOPNOTSUPP
              : m->name.size        ? unix_name_check(&m->name)
              : !s->peer            ? -LX_ENOTCONN
                                    : 0;
    if (err == 0)
        err = unix_autobind_if_passing(s);
    if (err == 0 && m->size > (uint64_t)s->send_limit - DATAGRAM_EXTRA)
        err = -LX_EMSGSIZE;
    return err;
}

static int64_t dgram_send(struct vfs_socket *s, const struct vfs_socket_caller *caller,
                          struct vfs_message *m, int waits)
{
    struct socket_cursor at = {m->iov, m->iov_count, 0};
    struct unix_message *msg;
    int err = check_send(s, m);
    if (err < 0)
        return err;
    struct vfs_socket *to = m->name.size ? NULL : unix_peer(s);
    if (!m->name.size && !to)
        return -LX_ENOTCONN;
    err = unix_message_new(s, caller, &at, m->size, socket_dgram_cost(m->size), waits, &msg);
    if (err < 0) {
        socket_put(to);
        return err;
    }
    unix_message_attach(msg, m);
    err = send_message(s, caller, m, msg, to, waits);
    if (err < 0)
        unix_message_drop(msg, m);
    return err < 0 ? err : (int64_t)m->size;
}

static int64_t seqpacket_send(struct vfs_socket *s, const struct vfs_socket_caller *caller,
                              struct vfs_message *m, int waits)
{
    int err = socket_take_error(s);
    if (err < 0)
        return err;
    if (s->state != SOCKET_CONNECTED)
        return -LX_ENOTCONN;
    m->name.size = 0; /* a connection has its end: the name does not matter */
    return dgram_send(s, caller, m, waits);
}

/* ---- Receiving ---- */

/* Give a message's bytes and what comes with them to the caller. */
static int64_t give(struct unix_message *msg, struct vfs_message *m, int peek)
{
    struct socket_cursor at = {m->iov, m->iov_count, 0};
    uint64_t part = msg->size < m->size ? msg->size : m->size;
    if (msg->sender->has_name)
        m->name = msg->sender->name;
    if (socket_copy_out(&at, msg->data, part) < 0)
        return -LX_EFAULT;
    if (part < msg->size)
        m->out_flags |= LX_MSG_TRUNC;
    unix_message_tell_locked(msg, m, peek);
    return m->flags & LX_MSG_TRUNC ? (int64_t)msg->size : (int64_t)part;
}

/* Look at the first message, which stays. */
static int64_t peek_first(struct vfs_socket *s, struct vfs_message *m)
{
    int64_t n = socket_take_error(s);
    core_lock_acquire(&s->lock);
    if (n == 0)
        n = core_list_is_empty(&s->queue)
                ? -LX_EAGAIN
                : give(CORE_LIST_ENTRY(s->queue.next, struct unix_message, node), m, 1);
    core_lock_release(&s->lock);
    return n;
}

/* Take the first message; one that cannot be copied is lost. */
static int64_t take_first(struct vfs_socket *s, struct vfs_message *m)
{
    struct unix_message *msg = NULL;
    struct core_list rest;
    int64_t n = socket_take_error(s);
    if (n < 0)
        return n;
    core_lock_acquire(&s->lock);
    int was_full = unix_is_full(s);
    if (!core_list_is_empty(&s->queue)) {
        msg = CORE_LIST_ENTRY(s->queue.next, struct unix_message, node);
        core_list_remove(&msg->node);
        s->queued--;
        s->bytes -= msg->size;
    }
    core_lock_release(&s->lock);
    if (!msg)
        return -LX_EAGAIN;
    unix_tell_room(s, was_full);
    n = give(msg, m, 0);
    if (m->rights)
        unix_flight_end(m->rights);
    core_list_init(&rest);
    unix_message_free(msg, &rest);
    file_put_rest(&rest);
    return n;
}

struct looking {
    struct vfs_message *m;
    int waits;
};

/* One look: -LX_EAGAIN: nothing has come; 0 also if nothing will, and it would wait for it. */
static int64_t look(struct vfs_socket *s, void *arg)
{
    const struct looking *l = arg;
    int64_t n = l->m->flags & LX_MSG_PEEK ? peek_first(s, l->m) : take_first(s, l->m);
    if (n != -LX_EAGAIN)
        return n;
    return s->shut & SOCKET_NO_RECEIVE && (l->waits || s->kind == SOCKET_UNIX_SEQPACKET) ? 0 : n;
}

static int64_t dgram_receive(struct vfs_socket *s, const struct vfs_socket_caller *caller,
                             struct vfs_message *m, int waits)
{
    struct looking l = {m, waits};
    if (m->flags & LX_MSG_OOB)
        return -LX_EOPNOTSUPP;
    return socket_wait_for(s, caller, waits, SOCKET_IN, look, &l);
}

static int64_t seqpacket_receive(struct vfs_socket *s, const struct vfs_socket_caller *caller,
                                 struct vfs_message *m, int waits)
{
    return s->state == SOCKET_CONNECTED ? dgram_receive(s, caller, m, waits) : -LX_ENOTCONN;
}

/* What it writes goes to its peer, which may be full of what others sent. */
static int peer_has_room(struct vfs_socket *s)
{
    core_lock_acquire(&s->lock);
    const struct vfs_socket *peer = s->peer;
    int room = !peer || peer->peer == s || !unix_is_full(peer);
    core_lock_release(&s->lock);
    return room;
}

static uint32_t dgram_poll(struct vfs_socket *s)
{
    int writable = unix_is_writable(s) && peer_has_room(s);
    if (!writable)
        unix_want_room(s);
    return unix_poll_common(s) | (writable ? SOCKET_OUT : 0);
}

const struct socket_ops unix_dgram_ops = {
    .size = sizeof(struct vfs_socket),
    .init = unix_init,
    .pair = unix_pair,
    .bind = unix_bind,
    .connect = dgram_connect,
    .listen = socket_no_listen,
    .accept = socket_no_accept,
    .shutdown = unix_shutdown,
    .name = unix_getname,
    .send = dgram_send,
    .receive = dgram_receive,
    .poll = dgram_poll,
    .available = unix_available,
    .unsent = unix_unsent,
    .close = unix_close,
};

const struct socket_ops unix_seqpacket_ops = {
    .size = sizeof(struct vfs_socket),
    .init = unix_init,
    .pair = unix_pair,
    .bind = unix_bind,
    .connect = unix_connection_connect,
    .listen = unix_connection_listen,
    .accept = unix_connection_accept,
    .shutdown = unix_shutdown,
    .name = unix_getname,
    .send = seqpacket_send,
    .receive = seqpacket_receive,
    .poll = dgram_poll,
    .available = unix_available,
    .unsent = unix_unsent,
    .close = unix_close,
};
