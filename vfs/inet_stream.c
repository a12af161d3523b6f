/* SPDX-License-Identifier: MIT */
/* Streams of internet sockets: how their connections end. */

#include "vfs/socket.h"

#include <stdatomic.h>

#include "inet.h"
#include "internal.h"
#include "lx/errno.h"
#include "lx/signal.h"

struct inet_socket *inet_peer(struct inet_socket *i)
{
    core_lock_acquire(&i->base.lock);
    struct vfs_socket *peer = i->base.peer ? socket_get(i->base.peer) : NULL;
    core_lock_release(&i->base.lock);
    return peer ? inet_of(peer) : NULL;
}

uint8_t inet_stream_state(const struct inet_socket *i)
{
    uint32_t state = i->base.state;
    switch (state) {
    case SOCKET_LISTENS:
        return LX_TCP_LISTEN;
    case SOCKET_CONNECTING:
        return LX_TCP_SYN_SENT;
    case SOCKET_CONNECTED:
        return i->fin_in ? LX_TCP_CLOSE_WAIT : i->fin_out ? LX_TCP_FIN_WAIT2 : LX_TCP_ESTABLISHED;
    default:
        return LX_TCP_CLOSE;
    }
}

/* ---- What one end does to the other: both locks are held ---- */

static void end_locked(struct inet_socket *i)
{
    i->base.state = SOCKET_CLOSED;
    i->base.shut = SOCKET_SHUT;
}

/* tcp_reset() in Linux. */
void inet_reset_locked(struct inet_socket *i)
{
    if (i->base.state != SOCKET_CONNECTED)
        return;
    i->base.error = i->fin_in ? LX_EPIPE : LX_ECONNRESET;
    i->fin_first = 0;
    end_locked(i);
    socket_async(&i->base, LX_POLL_ERR);
}

/* This direction ends; with the other one that is the connection's end. */
static void fin_locked(struct inet_socket *i, struct inet_socket *peer)
{
    i->fin_out = 1;
    i->fin_first = !i->fin_in;
    peer->fin_in = 1;
    atomic_fetch_or(&peer->base.shut, SOCKET_NO_RECEIVE);
    if (i->fin_in)
        end_locked(i);
    if (peer->fin_out && peer->base.state == SOCKET_CONNECTED)
        end_locked(peer);
    socket_async(&peer->base, peer->base.shut == SOCKET_SHUT ? LX_POLL_HUP : LX_POLL_IN);
    socket_async(&peer->base, LX_POLL_IN); /* as Linux, where the FIN counts as bytes, too */
}

/* ---- shutdown(2) ---- */

/* Who listens is as before listen(2), and whoever waits there is told. */
static void stop_listening(struct inet_socket *i)
{
    struct vfs_state *state = vfs_state();
    struct vfs_socket *s = &i->base;
    struct core_list pending, rest;
    core_list_init(&pending);
    core_list_init(&rest);
    core_lock_acquire(&state->socket_lock);
    core_lock_acquire(&s->lock);
    if (s->state == SOCKET_LISTENS) {
        s->state = SOCKET_CLOSED;
        s->queued = 0;
        core_list_move(&s->queue, &pending);
    }
    core_lock_release(&s->lock);
    inet_line_end_locked(i);
    core_lock_release(&state->socket_lock);
    CORE_LIST_FOR_EACH_SAFE(node, &pending)
    {
        struct vfs_socket *end = CORE_LIST_ENTRY(node, struct vfs_socket, pending);
        core_list_remove(node);
        inet_stream_close(end, &rest);
        socket_put(end);
    }
}

/*
 * Lock a socket and its peer, which is a reference; without one only the socket.  Afterwards
 * unlock_with_peer().
 */
static struct inet_socket *lock_with_peer(struct inet_socket *i)
{
    struct vfs_socket *s = &i->base;
    for (;;) {
        struct inet_socket *peer = inet_peer(i);
        struct vfs_socket *other = peer ? &peer->base : NULL;
        socket_lock_both(s, other ? other : s);
        if (s->peer == other)
            return peer;
        socket_unlock_both(s, other ? other : s);
        socket_put(other);
    }
}

static void unlock_with_peer(struct inet_socket *i, struct inet_socket *peer)
{
    socket_unlock_both(&i->base, peer ? &peer->base : &i->base);
    socket_tell_all(&i->base);
    if (!peer)
        return;
    socket_tell_all(&peer->base);
    socket_put(&peer->base);
}

/* Of one that is not connected yet, or listens. */
static int shutdown_early(struct vfs_socket *s, uint32_t how)
{
    if (s->state == SOCKET_CONNECTING || how & SOCKET_NO_RECEIVE)
        inet_stream_disconnect(s);
    return 0;
}

int inet_stream_shutdown(struct vfs_socket *s, uint32_t how)
{
    struct inet_socket *i = inet_of(s);
    if (s->state == SOCKET_LISTENS || s->state == SOCKET_CONNECTING)
        return shutdown_early(s, how);
    struct inet_socket *peer = lock_with_peer(i);
    int err = s->state == SOCKET_CONNECTED ? 0 : -LX_ENOTCONN, ends = 0;
    atomic_fetch_or(&s->shut, how);
    if (err == 0 && peer && how & SOCKET_NO_SEND && !i->fin_out) {
        fin_locked(i, peer);
        ends = i->fin_in;
    }
    unlock_with_peer(i, peer);
    if (ends) {
        struct vfs_state *state = vfs_state();
        core_lock_acquire(&state->socket_lock);
        inet_wait_end_locked(i);
        core_lock_release(&state->socket_lock);
    }
    return err;
}

/* ---- The end ---- */

/* connect(2), AF_UNSPEC: it may be connected again; who has sent or received is told. */
static void renew_locked(struct inet_socket *i, int was_connected)
{
    i->base.shut = 0;
    i->base.error = was_connected ? LX_ECONNRESET : 0;
    i->phase = INET_UNCONNECTED;
    i->fin_in = i->fin_out = i->fin_first = 0;
}

/*
 * Part from the peer, and lose what had come and was not read.
 *   resets  1: the peer learns of that as of an error, as it does if something is lost.
 *   renews  1: the socket is as new.
 *   returns 1: the peer was told of an error.
 */
static int part(struct inet_socket *i, int resets, int renews)
{
    struct vfs_socket *s = &i->base;
    struct core_list chunks;
    core_list_init(&chunks);
    struct inet_socket *peer = lock_with_peer(i);
    int was_there = s->state != SOCKET_CLOSED;
    int connected = peer && s->state == SOCKET_CONNECTED;
    resets = connected && (resets || !core_list_is_empty(&s->queue));
    if (resets)
        inet_reset_locked(peer);
    else if (connected && !i->fin_out)
        fin_locked(i, peer);
    inet_bytes_take_locked(i, &chunks);
    end_locked(i);
    if (renews)
        renew_locked(i, was_there);
    s->peer = NULL;
    unlock_with_peer(i, peer);
    socket_put(peer ? &peer->base : NULL); /* `s->peer` was a reference */
    inet_bytes_free(&chunks);
    return resets;
}

static int is_abortive(const struct vfs_socket *s)
{
    return !s->accepted || (s->lingers && s->linger == 0);
}

void inet_stream_close(struct vfs_socket *s, struct core_list *rest)
{
    struct inet_socket *i = inet_of(s);
    struct vfs_state *state = vfs_state();
    (void)rest;
    if (s->state == SOCKET_LISTENS)
        stop_listening(i);
    core_lock_acquire(&state->socket_lock);
    inet_line_leave_locked(i);
    int resets = is_abortive(s), waits = inet_wait_close_locked(i, resets);
    inet_port_drop_locked(i);
    core_lock_release(&state->socket_lock);
    if (part(i, resets, 0) && waits) /* something has come meanwhile */
        inet_wait_reset(i);
}

void inet_stream_disconnect(struct vfs_socket *s)
{
    struct inet_socket *i = inet_of(s);
    struct vfs_state *state = vfs_state();
    if (s->state == SOCKET_LISTENS)
        stop_listening(i);
    core_lock_acquire(&state->socket_lock);
    inet_line_leave_locked(i);
    inet_wait_close_locked(i, 1);
    inet_port_disconnect_locked(i);
    core_lock_release(&state->socket_lock);
    part(i, 1, 1);
}

const struct socket_ops inet_stream_ops = {
    .size = sizeof(struct inet_socket),
    .init = inet_init,
    .pair = socket_no_pair,
    .bind = inet_bind,
    .connect = inet_connect,
    .listen = inet_listen,
    .accept = inet_accept,
    .shutdown = inet_stream_shutdown,
    .name = inet_name,
    .send = inet_stream_send,
    .receive = inet_stream_receive,
    .poll = inet_stream_poll,
    .available = inet_stream_available,
    .unsent = inet_stream_unsent,
    .at_mark = inet_stream_at_mark,
    .close = inet_stream_close,
    .get_option = inet_get_option,
    .set_option = inet_set_option,
};
