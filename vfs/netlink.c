/* SPDX-License-Identifier: MIT */
/*
 * AF_NETLINK: what rtnetlink(7) says of interfaces and addresses to those who ask for a dump,
 * as getifaddrs(3) does.  There is the loopback.  Nothing can be changed, and nothing ever does,
 * so that who joins a group hears nothing.
 *
 * Source  netlink(7), rtnetlink(7).
 */

#include "netlink.h"

#include "core/arena.h"
#include "core/mem.h"
#include "lx/errno.h"
#include "lx/inet.h"
#include "lx/netlink.h"
#include "socket_ops.h"
#include "vfs/file.h"

#define REQUEST_MAX 1024u /* bytes that are looked at */
#define ANSWER_MAX 512u
#define OWN_ID 0x80000000u /* no process has such a number */
#define QUEUE_MAX 64u      /* answers that nobody has read; more are lost */

struct netlink_socket {
    struct vfs_socket base;
    uint32_t id, groups; /* guarded by `base.lock`: its name */
};

/* Answers to one request: a datagram. */
struct answer {
    struct core_list node;
    uint32_t size;
    uint8_t data[ANSWER_MAX];
};

static struct netlink_socket *netlink_of(struct vfs_socket *s)
{
    return (struct netlink_socket *)s;
}

int netlink_kind_of(int32_t type, int32_t protocol, enum socket_kind *kind)
{
    if (type != LX_SOCK_RAW && type != LX_SOCK_DGRAM)
        return -LX_ESOCKTNOSUPPORT;
    if (protocol < 0 || protocol >= LX_MAX_LINKS || protocol != LX_NETLINK_ROUTE)
        return -LX_EPROTONOSUPPORT;
    *kind = SOCKET_NETLINK;
    return 0;
}

/* ---- Answers ---- */

static uint32_t aligned(uint32_t size)
{
    return (size + 3) & ~3u;
}

static void add(struct answer *a, const void *data, uint32_t size)
{
    memcpy(a->data + a->size, data, size);
    memset(a->data + a->size + size, 0, aligned(size) - size);
    a->size += aligned(size);
}

/* Begin a message; returns its place, for end(). */
static uint32_t begin(struct answer *a, const struct lx_nlmsghdr *request, uint16_t type,
                      uint16_t flags, uint32_t id)
{
    const struct lx_nlmsghdr h = {0, type, flags, request->nlmsg_seq, id};
    uint32_t at = a->size;
    add(a, &h, sizeof h);
    return at;
}

static void end(struct answer *a, uint32_t at)
{
    uint32_t size = a->size - at;
    memcpy(a->data + at, &size, sizeof size);
}

static void attribute(struct answer *a, uint16_t type, const void *data, uint32_t size)
{
    const struct lx_rtattr head = {(uint16_t)(sizeof head + size), type};
    add(a, &head, sizeof head);
    add(a, data, size);
}

static void number(struct answer *a, uint16_t type, uint32_t value)
{
    attribute(a, type, &value, sizeof value);
}

static void add_link(struct answer *a, const struct lx_nlmsghdr *request, uint16_t flags,
                     uint32_t id)
{
    static const uint8_t hardware[6], state;
    const uint32_t up = LX_IFF_UP | LX_IFF_LOOPBACK | LX_IFF_RUNNING | LX_IFF_LOWER_UP;
    const struct lx_ifinfomsg info = {0, 0, LX_ARPHRD_LOOPBACK, VFS_LOOPBACK_INDEX, up, 0};
    uint32_t at = begin(a, request, LX_RTM_NEWLINK, flags, id);
    add(a, &info, sizeof info);
    attribute(a, LX_IFLA_IFNAME, VFS_LOOPBACK_NAME, sizeof VFS_LOOPBACK_NAME);
    number(a, LX_IFLA_TXQLEN, VFS_LOOPBACK_QUEUE);
    attribute(a, LX_IFLA_OPERSTATE, &state, sizeof state);
    number(a, LX_IFLA_MTU, VFS_LOOPBACK_MTU);
    attribute(a, LX_IFLA_ADDRESS, hardware, sizeof hardware);
    attribute(a, LX_IFLA_BROADCAST, hardware, sizeof hardware);
    end(a, at);
}

static void add_address(struct answer *a, const struct lx_nlmsghdr *request, uint8_t family,
                        uint32_t id)
{
    static const uint8_t ipv4[4] = {127, 0, 0, 1}, ipv6[16] = {[15] = 1};
    int is_ipv4 = family == LX_AF_INET;
    const struct lx_ifaddrmsg info = {family, is_ipv4 ? 8 : 128, LX_IFA_F_PERMANENT,
                                      LX_RT_SCOPE_HOST, VFS_LOOPBACK_INDEX};
    uint32_t at = begin(a, request, LX_RTM_NEWADDR, LX_NLM_F_MULTI, id);
    add(a, &info, sizeof info);
    attribute(a, LX_IFA_ADDRESS, is_ipv4 ? ipv4 : ipv6, is_ipv4 ? sizeof ipv4 : sizeof ipv6);
    if (is_ipv4) {
        attribute(a, LX_IFA_LOCAL, ipv4, sizeof ipv4);
        attribute(a, LX_IFA_LABEL, VFS_LOOPBACK_NAME, sizeof VFS_LOOPBACK_NAME);
    }
    number(a, LX_IFA_FLAGS, LX_IFA_F_PERMANENT);
    end(a, at);
}

static void add_error(struct answer *a, const struct lx_nlmsghdr *request, int32_t error,
                      uint32_t id)
{
    uint32_t at = begin(a, request, LX_NLMSG_ERROR, 0, id);
    add(a, &error, sizeof error);
    add(a, request, sizeof *request);
    end(a, at);
}

static void add_done(struct answer *a, const struct lx_nlmsghdr *request, uint32_t id)
{
    static const int32_t result;
    uint32_t at = begin(a, request, LX_NLMSG_DONE, LX_NLM_F_MULTI, id);
    add(a, &result, sizeof result);
    end(a, at);
}

/*
 * What is said to a request; nothing if it wants nothing to be said.
 *   family  the first byte behind its header: of which family addresses are wanted.
 */
static void answer_to(struct answer *a, const struct lx_nlmsghdr *request, uint8_t family,
                      uint32_t id)
{
    int dumps = (request->nlmsg_flags & LX_NLM_F_DUMP) == LX_NLM_F_DUMP;
    uint16_t type = request->nlmsg_type;
    if (type == LX_RTM_GETLINK && !dumps) {
        add_link(a, request, 0, id);
    } else if (dumps && type > LX_RTM_NEWLINK && type <= LX_RTM_LAST &&
               type % 4 == LX_RTM_GETLINK % 4) {
        /* Of other things there are none to be shown. */
        if (type == LX_RTM_GETLINK)
            add_link(a, request, LX_NLM_F_MULTI, id);
        if (type == LX_RTM_GETADDR && family != LX_AF_INET6)
            add_address(a, request, LX_AF_INET, id);
        if (type == LX_RTM_GETADDR && family != LX_AF_INET)
            add_address(a, request, LX_AF_INET6, id);
        add_done(a, request, id);
    } else if (type >= LX_RTM_NEWLINK) {
        int gets = type % 4 == LX_RTM_GETLINK % 4;
        add_error(a, request, gets || type > LX_RTM_LAST ? -LX_EOPNOTSUPP : -LX_EPERM, id);
    } else if (request->nlmsg_flags & LX_NLM_F_ACK) {
        add_error(a, request, 0, id);
    }
}

/* ---- Names ---- */

/* The kernel's own name for one that has none.  Linux takes the process's id for the first. */
static uint32_t id_locked(struct netlink_socket *n)
{
    if (!n->id)
        n->id = OWN_ID | (uint32_t)n->base.ino;
    return n->id;
}

static int netlink_bind(struct vfs_socket *s, const struct vfs_socket_caller *caller,
                        const struct vfs_sockaddr *name)
{
    struct netlink_socket *n = netlink_of(s);
    int err = 0;
    (void)caller;
    if (name->size < sizeof name->nl || name->family != LX_AF_NETLINK)
        return -LX_EINVAL;
    core_lock_acquire(&s->lock);
    if (n->id && name->nl.nl_pid && name->nl.nl_pid != n->id)
        err = -LX_EINVAL;
    else if (name->nl.nl_pid)
        n->id = name->nl.nl_pid;
    else
        id_locked(n);
    if (err == 0)
        n->groups = name->nl.nl_groups;
    core_lock_release(&s->lock);
    return err;
}

/* To the kernel, which it is connected to anyway. */
static int netlink_connect(struct vfs_socket *s, const struct vfs_socket_caller *caller,
                           const struct vfs_sockaddr *name, int waits)
{
    (void)caller, (void)waits;
    if (name->size >= sizeof name->family && name->family == LX_AF_UNSPEC)
        return 0;
    if (name->size < sizeof name->nl || name->family != LX_AF_NETLINK)
        return -LX_EINVAL;
    if (name->nl.nl_pid)
        return -LX_ECONNREFUSED;
    core_lock_acquire(&s->lock);
    id_locked(netlink_of(s));
    core_lock_release(&s->lock);
    return 0;
}

static int netlink_name(struct vfs_socket *s, int peer, struct vfs_sockaddr *out)
{
    struct netlink_socket *n = netlink_of(s);
    memset(out, 0, sizeof *out);
    out->size = sizeof out->nl;
    out->family = LX_AF_NETLINK;
    if (peer)
        return 0;
    core_lock_acquire(&s->lock);
    out->nl.nl_pid = n->id;
    out->nl.nl_groups = n->groups;
    core_lock_release(&s->lock);
    return 0;
}

/* ---- Transfers ---- */

static void put_answer(struct netlink_socket *n, struct answer *a)
{
    struct vfs_socket *s = &n->base;
    core_lock_acquire(&s->lock);
    int fits = a->size && s->file && s->queued < QUEUE_MAX;
    if (fits) {
        core_list_add(&s->queue, &a->node);
        s->queued++;
    }
    core_lock_release(&s->lock);
    if (fits)
        socket_tell_receiver(s);
    else
        core_arena_free(a, sizeof *a);
}

struct netlink_notice {
    struct netlink_socket *socket; /* a reference */
    struct answer *answer;
};

_Static_assert(NETLINK_NOTICE_MAX <= ANSWER_MAX, "it is an answer that nobody has asked for");

int netlink_notice_new(struct vfs_file *socket, const void *data, uint32_t size,
                       struct netlink_notice **out)
{
    *out = NULL;
    if (socket->kind != VFS_FILE_SOCKET)
        return -LX_ENOTSOCK;
    if (socket->socket->family != LX_AF_NETLINK)
        return -LX_EINVAL;
    struct netlink_notice *n = core_arena_alloc(sizeof *n);
    struct answer *a = n ? core_arena_alloc(sizeof *a) : NULL;
    if (!a) {
        core_arena_free(n, sizeof *n);
        return -LX_ENOMEM;
    }
    memcpy(a->data, data, size);
    a->size = size;
    n->socket = netlink_of(socket_get(socket->socket));
    n->answer = a;
    *out = n;
    return 0;
}

void netlink_notice_send(struct netlink_notice *n, uint8_t last)
{
    n->answer->data[n->answer->size - 1] = last;
    put_answer(n->socket, n->answer);
    n->answer = NULL;
    netlink_notice_free(n);
}

void netlink_notice_free(struct netlink_notice *n)
{
    if (!n)
        return;
    socket_put(&n->socket->base);
    core_arena_free(n->answer, sizeof *n->answer);
    core_arena_free(n, sizeof *n);
}

/* Each message of a datagram is a request. */
static int serve(struct netlink_socket *n, const uint8_t *data, uint32_t size, uint32_t id)
{
    uint32_t at = 0;
    while (at < size && size - at >= sizeof(struct lx_nlmsghdr)) {
        struct lx_nlmsghdr h;
        memcpy(&h, data + at, sizeof h);
        if (h.nlmsg_len < sizeof h || h.nlmsg_len > size - at)
            break;
        struct answer *a = core_arena_alloc(sizeof *a);
        if (!a)
            return -LX_ENOBUFS;
        if (h.nlmsg_flags & LX_NLM_F_REQUEST)
            answer_to(a, &h, h.nlmsg_len > sizeof h ? data[at + sizeof h] : 0, id);
        put_answer(n, a);
        at += aligned(h.nlmsg_len);
    }
    return 0;
}

static int64_t netlink_send(struct vfs_socket *s, const struct vfs_socket_caller *caller,
                            struct vfs_message *m, int waits)
{
    struct socket_cursor at = {m->iov, m->iov_count, 0};
    uint8_t data[REQUEST_MAX];
    (void)caller, (void)waits;
    if (m->flags & LX_MSG_OOB)
        return -LX_EOPNOTSUPP;
    if (m->name.size && (m->name.size < sizeof m->name.nl || m->name.family != LX_AF_NETLINK))
        return -LX_EINVAL;
    if (m->name.size && m->name.nl.nl_pid)
        return -LX_ECONNREFUSED; /* processes do not talk to each other here */
    if (m->size > sizeof data)
        return -LX_EMSGSIZE;
    int err = socket_copy_in(&at, data, m->size);
    core_lock_acquire(&s->lock);
    uint32_t id = id_locked(netlink_of(s));
    core_lock_release(&s->lock);
    if (err == 0)
        err = serve(netlink_of(s), data, (uint32_t)m->size, id);
    return err < 0 ? err : (int64_t)m->size;
}

/* One look: -LX_EAGAIN: there is no answer. */
static int64_t look(struct vfs_socket *s, void *arg)
{
    struct vfs_message *m = arg;
    struct socket_cursor at = {m->iov, m->iov_count, 0};
    struct answer *a = NULL;
    int peek = (m->flags & LX_MSG_PEEK) != 0;
    int64_t n = -LX_EAGAIN;
    core_lock_acquire(&s->lock);
    if (!core_list_is_empty(&s->queue)) {
        a = CORE_LIST_ENTRY(s->queue.next, struct answer, node);
        uint64_t part = a->size < m->size ? a->size : m->size;
        n = socket_copy_out(&at, a->data, part) < 0 ? -LX_EFAULT : (int64_t)part;
        m->out_flags |= part < a->size ? LX_MSG_TRUNC : 0;
        if (n >= 0 && m->flags & LX_MSG_TRUNC)
            n = a->size;
        if (!peek) {
            core_list_remove(&a->node);
            s->queued--;
        }
    }
    core_lock_release(&s->lock);
    if (a && !peek)
        core_arena_free(a, sizeof *a);
    return n;
}

static int64_t netlink_receive(struct vfs_socket *s, const struct vfs_socket_caller *caller,
                               struct vfs_message *m, int waits)
{
    if (m->flags & LX_MSG_OOB)
        return -LX_EOPNOTSUPP;
    int64_t n = socket_wait_for(s, caller, waits, SOCKET_IN, look, m);
    if (n >= 0 && netlink_name(s, 1, &m->name) < 0)
        m->name.size = 0;
    return n;
}

static uint32_t netlink_poll(struct vfs_socket *s)
{
    return SOCKET_OUT | (s->queued ? LX_POLLIN | LX_POLLRDNORM : 0u);
}

static int64_t netlink_available(struct vfs_socket *s)
{
    core_lock_acquire(&s->lock);
    int64_t size = core_list_is_empty(&s->queue)
                       ? 0
                       : CORE_LIST_ENTRY(s->queue.next, struct answer, node)->size;
    core_lock_release(&s->lock);
    return size;
}

static int64_t netlink_unsent(struct vfs_socket *s)
{
    (void)s;
    return 0;
}

static int netlink_shutdown(struct vfs_socket *s, uint32_t how)
{
    (void)s, (void)how;
    return -LX_EOPNOTSUPP;
}

static void netlink_close(struct vfs_socket *s, struct core_list *rest)
{
    (void)rest;
    core_lock_acquire(&s->lock);
    CORE_LIST_FOR_EACH_SAFE(node, &s->queue)
    {
        core_list_remove(node);
        core_arena_free(CORE_LIST_ENTRY(node, struct answer, node), sizeof(struct answer));
    }
    core_lock_release(&s->lock);
}

/* Groups can be joined, and nothing is sent to them; the rest is about messages' details. */
static int netlink_set_option(struct vfs_socket *s, int32_t level, int32_t name,
                              const struct vfs_socket_option *value)
{
    (void)s;
    if (level != LX_SOL_NETLINK || name < 1 || name > LX_NETLINK_GET_STRICT_CHK)
        return -LX_ENOPROTOOPT;
    return value->size < sizeof value->number ? -LX_EINVAL : 0;
}

const struct socket_ops netlink_ops = {
    .size = sizeof(struct netlink_socket),
    .pair = socket_no_pair,
    .bind = netlink_bind,
    .connect = netlink_connect,
    .listen = socket_no_listen,
    .accept = socket_no_accept,
    .shutdown = netlink_shutdown,
    .name = netlink_name,
    .send = netlink_send,
    .receive = netlink_receive,
    .poll = netlink_poll,
    .available = netlink_available,
    .unsent = netlink_unsent,
    .close = netlink_close,
    .set_option = netlink_set_option,
};
