/* SPDX-License-Identifier: MIT */
/*
 * How streams come to be connected: listen(2), connect(2), accept(2).  Who connects stands in a
 * line before the listener until its backlog has room, and mostly that is at once.
 */

#include <stdatomic.h>

#include "inet.h"
#include "internal.h"
#include "lx/errno.h"
#include "lx/signal.h"

/* ---- Lines before listeners ---- */

/* Out of the line, with its reference; all is guarded by LOCK_SOCKET_NAMES. */
static void leave_line_locked(struct inet_socket *i)
{
    core_list_remove(&i->syn);
    i->listener->syn_count--;
    socket_put(&i->listener->base);
    i->listener = NULL;
}

/* The connection will not be: its lock is not held. */
static void refuse_locked(struct inet_socket *i)
{
    leave_line_locked(i);
    core_lock_acquire(&i->base.lock);
    i->base.state = SOCKET_CLOSED;
    i->base.shut = SOCKET_SHUT;
    i->base.error = LX_ECONNREFUSED;
    core_lock_release(&i->base.lock);
    socket_tell_all(&i->base);
    socket_async(&i->base, LX_POLL_ERR);
}

void inet_line_end_locked(struct inet_socket *listener)
{
    while (!core_list_is_empty(&listener->syns))
        refuse_locked(CORE_LIST_ENTRY(listener->syns.next, struct inet_socket, syn));
}

void inet_line_leave_locked(struct inet_socket *i)
{
    if (i->listener)
        leave_line_locked(i);
}

static void establish_locked(struct inet_socket *i, struct inet_socket *peer)
{
    i->base.peer = socket_get(&peer->base);
    i->base.state = SOCKET_CONNECTED;
    i->base.shut = 0;
    i->fin_in = i->fin_out = i->fin_first = 0;
    i->window = peer->base.receive_size;
    i->base.sent = 0;
    i->urgent = INET_URGENT_NONE;
    if (!i->base.send_limit_is_set)
        i->base.send_limit = INET_STREAM_SEND_CONNECTED;
}

/* The end that accept(2) will give. */
static void make_end(struct inet_socket *end, const struct inet_socket *i,
                     const struct inet_socket *listener)
{
    end->local = i->remote;
    end->remote = i->local;
    end->phase = INET_CONNECTED;
    end->fixed = listener->fixed & ~INET_FIXED_PORT;
    inet_options_inherit(end, listener);
    inet_wait_forget_locked(&end->local, &end->remote);
    inet_port_connect_locked(end);
}

/* Let the first in the line in; 0: there is no room. */
static int admit_locked(struct inet_socket *listener, struct inet_socket *i)
{
    const struct vfs_socket_caller owner = {.euid = listener->base.uid, .egid = listener->base.gid};
    struct vfs_socket *l = &listener->base;
    struct vfs_socket *end = socket_alloc(SOCKET_INET_STREAM, l->family, l->type, &owner);
    if (!end)
        return 0;
    socket_lock_both(l, &i->base);
    int fits = l->state == SOCKET_LISTENS && l->queued <= l->backlog;
    if (fits) {
        make_end(inet_of(end), i, listener);
        establish_locked(inet_of(end), i);
        establish_locked(i, inet_of(end));
        core_list_add(&l->queue, &end->pending);
        l->queued++;
    }
    socket_unlock_both(l, &i->base);
    if (!fits)
        socket_put(end);
    return fits;
}

/* All whom there is room for. */
static void admit_all_locked(struct inet_socket *listener)
{
    while (!core_list_is_empty(&listener->syns)) {
        struct inet_socket *i = CORE_LIST_ENTRY(listener->syns.next, struct inet_socket, syn);
        if (!admit_locked(listener, i))
            return;
        socket_tell_all(&i->base);
        socket_async(&i->base, LX_POLL_OUT);
        socket_tell_receiver(&listener->base);
        leave_line_locked(i);
    }
}

/* ---- listen(2) ---- */

int inet_listen(struct vfs_socket *s, const struct vfs_socket_caller *caller, uint32_t backlog)
{
    struct inet_socket *i = inet_of(s);
    struct vfs_state *state = vfs_state();
    (void)caller;
    core_lock_acquire(&state->socket_lock);
    int err = s->state == SOCKET_LISTENS ? 0
              : s->state != SOCKET_CLOSED || i->phase != INET_UNCONNECTED
                  ? -LX_EINVAL
                  : inet_port_auto_locked(i);
    if (err == 0 && s->state != SOCKET_LISTENS)
        err = inet_port_may_listen_locked(i);
    if (err == 0) {
        core_lock_acquire(&s->lock);
        s->backlog = backlog;
        s->state = SOCKET_LISTENS;
        s->shut = 0;
        core_lock_release(&s->lock);
        admit_all_locked(i);
    }
    core_lock_release(&state->socket_lock);
    return err == -LX_EAGAIN ? -LX_EADDRINUSE : err;
}

/* ---- connect(2) ---- */

/* Who is to be connected to gets a packet, so to speak. */
static int start_locked(struct inet_socket *i, struct inet_address *remote)
{
    struct inet_address local = i->local;
    int err = inet_route(i, remote, &local);
    if (err == 0)
        err = inet_port_auto_locked(i);
    if (err < 0)
        return err == -LX_EAGAIN ? -LX_EADDRNOTAVAIL : err;
    local.port = i->local.port;
    if (inet_port_is_connected_locked(&local, remote))
        return -LX_EADDRNOTAVAIL;
    inet_wait_forget_locked(&local, remote); /* who asks for the same connection gets it */
    struct inet_socket *listener = inet_port_find_locked(SOCKET_INET_STREAM, remote, &local);
    core_lock_acquire(&i->base.lock);
    i->local = local;
    i->remote = *remote;
    i->phase = INET_CONNECTING;
    i->base.shut = listener ? 0 : SOCKET_SHUT;
    if (listener)
        i->base.state = SOCKET_CONNECTING;
    else
        i->base.error = LX_ECONNREFUSED;
    core_lock_release(&i->base.lock);
    inet_port_connect_locked(i);
    if (!listener) {
        socket_tell_all(&i->base);
        socket_async(&i->base, LX_POLL_ERR);
        return 0;
    }
    i->listener = inet_of(socket_get(&listener->base));
    core_list_add(&listener->syns, &i->syn);
    listener->syn_count++;
    admit_all_locked(listener);
    return 0;
}

/* Begin, or see how far it is: 0: it goes on; -LX_EISCONN, -LX_EALREADY, those of a beginning. */
static int begin(struct inet_socket *i, struct inet_address *remote, int *was_begun)
{
    struct vfs_state *state = vfs_state();
    int err = 0;
    core_lock_acquire(&state->socket_lock);
    *was_begun = i->phase == INET_CONNECTING;
    if (i->phase == INET_UNCONNECTED && i->base.state == SOCKET_CLOSED)
        err = start_locked(i, remote);
    else if (!*was_begun)
        err = -LX_EISCONN;
    core_lock_release(&state->socket_lock);
    return err;
}

/* The end of connect(2), once there is an answer: 0, or why it failed. */
static int finish(struct inet_socket *i)
{
    struct vfs_socket *s = &i->base;
    core_lock_acquire(&s->lock);
    int connected = s->state == SOCKET_CONNECTED;
    if (connected)
        i->phase = INET_CONNECTED;
    core_lock_release(&s->lock);
    if (connected)
        return 0;
    int err = socket_take_error(s);
    inet_stream_disconnect(s);
    return err ? err : -LX_ECONNABORTED;
}

int inet_connect(struct vfs_socket *s, const struct vfs_socket_caller *caller,
                 const struct vfs_sockaddr *name, int waits)
{
    struct inet_socket *i = inet_of(s);
    struct socket_wait w = {
        .queue = &s->waitq, .self = caller->self, .events = SOCKET_OUT, .timeout_ns = s->send_ns};
    struct inet_address remote = {.port = 0};
    int was_begun = 0;
    if (name->size < sizeof name->family)
        return -LX_EINVAL;
    if (name->family == LX_AF_UNSPEC) {
        inet_stream_disconnect(s);
        return 0;
    }
    int err = i->phase == INET_UNCONNECTED && s->state == SOCKET_CLOSED
                  ? inet_address_in(s, name, &remote)
                  : 0;
    if (err == 0)
        err = begin(i, &remote, &was_begun);
    if (err < 0)
        return err;
    if (!waits && (!was_begun || s->state == SOCKET_CONNECTING))
        return was_begun ? -LX_EALREADY : -LX_EINPROGRESS;
    while (s->state == SOCKET_CONNECTING && err == 0)
        err = socket_wait(&w);
    socket_wait_end(&w, 0);
    if (s->state == SOCKET_CONNECTING)
        return err == -LX_ETIMEDOUT ? was_begun ? -LX_EALREADY : -LX_EINPROGRESS : err;
    return finish(i);
}

/* ---- accept(2) ---- */

/* One look; -LX_EAGAIN: nobody has come. */
static int64_t try_accept(struct vfs_socket *s, void *arg)
{
    struct vfs_socket **out = arg;
    struct vfs_state *state = vfs_state();
    int err = 0;
    core_lock_acquire(&s->lock);
    if (s->state != SOCKET_LISTENS) {
        err = -LX_EINVAL;
    } else if (core_list_is_empty(&s->queue)) {
        err = -LX_EAGAIN;
    } else {
        *out = CORE_LIST_ENTRY(s->queue.next, struct vfs_socket, pending);
        core_list_remove(&(*out)->pending);
        s->queued--;
    }
    core_lock_release(&s->lock);
    if (err == 0 && inet_of(s)->syn_count) {
        core_lock_acquire(&state->socket_lock);
        admit_all_locked(inet_of(s));
        core_lock_release(&state->socket_lock);
    }
    return err;
}

int inet_accept(struct vfs_socket *s, const struct vfs_socket_caller *caller, int waits,
                struct vfs_socket **out)
{
    *out = NULL;
    return (int)socket_wait_for(s, caller, waits, SOCKET_IN, try_accept, out);
}
