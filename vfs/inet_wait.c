/* SPDX-License-Identifier: MIT */
/*
 * What connections leave behind: the end that was closed first keeps its port, so that nothing of
 * the old connection can be taken for a new one's.  There is nothing of that kind here; programs
 * see it by bind(2), which fails without SO_REUSEADDR.  As in Linux it is FIN_WAIT2 until the other
 * end has closed as well, then TIME_WAIT.
 *
 * All is guarded by LOCK_SOCKET_NAMES.
 */

#include "core/arena.h"
#include "core/mem.h"
#include "inet.h"
#include "internal.h"
#include "plat/plat.h"

#define NS_PER_S 1000000000ll
#define WAIT_NS (60 * NS_PER_S) /* TCP_TIMEWAIT_LEN, and tcp_fin_timeout */

/* Beyond, the oldest go: tcp_max_tw_buckets, as it is where there is little memory. */
#define WAITS_MAX 4096u

struct inet_wait {
    struct core_list node;        /* in `inet_waits_by_time`, the oldest first */
    struct inet_wait *next, **at; /* in a bucket of local ports */
    struct inet_address local, remote;
    int64_t since_ns;                               /* on PLAT_CLOCK_MONOTONIC */
    uint16_t family;                                /* LX_AF_* */
    uint8_t has_ended;                              /* 0: FIN_WAIT2 */
    uint8_t ipv6_only, reuses_address, reuses_port; /* options of the socket */
};

static int64_t now(void)
{
    return (int64_t)plat_clock_now(PLAT_CLOCK_MONOTONIC);
}

static struct inet_wait **bucket_of(uint16_t port)
{
    return &vfs_state()->inet_waits[port % INET_WAIT_BUCKETS];
}

static void drop_locked(struct inet_wait *w)
{
    *w->at = w->next;
    if (w->next)
        w->next->at = w->at;
    core_list_remove(&w->node);
    vfs_state()->inet_wait_count--;
    core_arena_free(w, sizeof *w);
}

static struct inet_wait *oldest_locked(struct vfs_state *state)
{
    return CORE_LIST_ENTRY(state->inet_waits_by_time.next, struct inet_wait, node);
}

/* Those whose time is over go; nobody else wakes them. */
static void expire_locked(void)
{
    struct vfs_state *state = vfs_state();
    int64_t since = state->inet_wait_count ? now() - WAIT_NS : 0;
    while (state->inet_wait_count && oldest_locked(state)->since_ns <= since)
        drop_locked(oldest_locked(state));
}

static struct inet_wait *find_locked(const struct inet_address *local,
                                     const struct inet_address *remote)
{
    struct inet_wait *w = *bucket_of(local->port);
    while (w && !(inet_is_same(&w->local, local) && inet_is_same(&w->remote, remote)))
        w = w->next;
    return w;
}

/* Its time begins, perhaps again. */
static void begin_locked(struct inet_wait *w, int has_ended)
{
    w->has_ended = (uint8_t)has_ended;
    w->since_ns = now();
    core_list_remove(&w->node);
    core_list_add(&vfs_state()->inet_waits_by_time, &w->node);
}

/* Without memory it is as if nothing had to be waited for. */
static void add_locked(const struct inet_socket *i, int has_ended)
{
    struct vfs_state *state = vfs_state();
    struct inet_wait **bucket = bucket_of(i->local.port);
    expire_locked();
    inet_wait_forget_locked(&i->local, &i->remote); /* both may have been closed at once */
    if (state->inet_wait_count == WAITS_MAX)
        drop_locked(oldest_locked(state));
    struct inet_wait *w = core_arena_alloc(sizeof *w);
    if (!w)
        return;
    w->local = i->local;
    w->remote = i->remote;
    w->family = i->base.family;
    w->ipv6_only = inet_is_ipv6_only(i);
    w->reuses_address = (uint8_t)socket_option_is_on(&i->base, LX_SO_REUSEADDR);
    w->reuses_port = (uint8_t)socket_option_is_on(&i->base, LX_SO_REUSEPORT);
    w->next = *bucket;
    w->at = bucket;
    if (*bucket)
        (*bucket)->at = &w->next;
    *bucket = w;
    state->inet_wait_count++;
    core_list_init(&w->node);
    begin_locked(w, has_ended);
}

/* ---- How connections end ---- */

int inet_wait_close_locked(struct inet_socket *i, int resets)
{
    struct vfs_socket *s = &i->base;
    core_lock_acquire(&s->lock);
    int connected = s->state == SOCKET_CONNECTED, ended = i->fin_in;
    int is_first = i->fin_first || (connected && !ended);
    resets = connected && (resets || !core_list_is_empty(&s->queue));
    core_lock_release(&s->lock);
    if (resets)
        inet_wait_forget_locked(&i->remote, &i->local);
    else if (ended && !is_first)
        inet_wait_end_locked(i);
    if (resets || !is_first)
        return 0;
    add_locked(i, ended);
    return 1;
}

/* 1 if the peer is still open, and was the first: from now on its port is taken by this. */
static int takes_first_locked(struct inet_socket *peer, const struct inet_socket *i)
{
    core_lock_acquire(&peer->base.lock);
    int is_first = peer->fin_first && peer->base.peer == &i->base;
    peer->fin_first = 0;
    core_lock_release(&peer->base.lock);
    return is_first;
}

void inet_wait_end_locked(struct inet_socket *i)
{
    struct inet_wait *w = find_locked(&i->remote, &i->local);
    struct inet_socket *peer = w ? NULL : inet_peer(i);
    if (w && !w->has_ended)
        begin_locked(w, 1);
    if (!peer)
        return;
    if (takes_first_locked(peer, i))
        add_locked(peer, 1);
    socket_put(&peer->base);
}

void inet_wait_forget_locked(const struct inet_address *local, const struct inet_address *remote)
{
    struct inet_wait *w = find_locked(local, remote);
    if (w)
        drop_locked(w);
}

void inet_wait_reset(const struct inet_socket *i)
{
    struct vfs_state *state = vfs_state();
    core_lock_acquire(&state->socket_lock);
    inet_wait_forget_locked(&i->local, &i->remote);
    inet_wait_forget_locked(&i->remote, &i->local);
    core_lock_release(&state->socket_lock);
}

/* ---- Whom it keeps from what ---- */

static int is_in_the_way(const struct inet_wait *w, const struct inet_socket *i,
                         const struct inet_address *local)
{
    const struct vfs_socket *s = &i->base;
    int ipv6_only = inet_is_ipv6_only(i);
    if (w->local.port != local->port ||
        (!inet_covers(local, ipv6_only, &w->local) && !inet_covers(&w->local, w->ipv6_only, local)))
        return 0;
    return !(w->reuses_address && socket_option_is_on(s, LX_SO_REUSEADDR)) &&
           !(w->reuses_port && socket_option_is_on(s, LX_SO_REUSEPORT));
}

int inet_wait_conflicts_locked(const struct inet_socket *i, const struct inet_address *local)
{
    expire_locked();
    const struct inet_wait *w = *bucket_of(local->port);
    while (w && !is_in_the_way(w, i, local))
        w = w->next;
    return w != NULL;
}

int inet_wait_has_port_locked(uint16_t port)
{
    const struct inet_wait *w = *bucket_of(port);
    while (w && w->local.port != port)
        w = w->next;
    return w != NULL;
}

/* ---- Listing ---- */

void inet_wait_list_locked(void (*each)(void *arg, const struct vfs_inet_row *row), void *arg)
{
    expire_locked();
    CORE_LIST_FOR_EACH(node, &vfs_state()->inet_waits_by_time)
    {
        const struct inet_wait *w = CORE_LIST_ENTRY(node, struct inet_wait, node);
        struct vfs_inet_row row = {.family = w->family,
                                   .type = LX_SOCK_STREAM,
                                   .local_port = w->local.port,
                                   .remote_port = w->remote.port,
                                   .state = w->has_ended ? LX_TCP_TIME_WAIT : LX_TCP_FIN_WAIT2,
                                   .left_ns = w->since_ns + WAIT_NS - now()};
        memcpy(row.local, w->local.ip, sizeof row.local);
        memcpy(row.remote, w->remote.ip, sizeof row.remote);
        each(arg, &row);
    }
}
