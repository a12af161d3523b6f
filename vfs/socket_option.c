/* SPDX-License-Identifier: MIT */
/* Options of SOL_SOCKET; many are only kept. */

#include <stdatomic.h>

#include "core/mem.h"
#include "lx/errno.h"
#include "socket_ops.h"
#include "vfs/file.h"

#define BUFFER_MAX 212992       /* /proc/sys/net/core/wmem_max, rmem_max */
#define SEND_BUFFER_MIN 4608    /* SOCK_MIN_SNDBUF */
#define RECEIVE_BUFFER_MIN 2304 /* SOCK_MIN_RCVBUF */
#define PRIORITY_MAX 6          /* beyond takes CAP_NET_ADMIN */
#define NS_PER_S 1000000000ll
#define NS_PER_US 1000ll
#define US_PER_S 1000000ll

#define BIT(name) (1ull << (name))
#define BOOLEANS                                                                                \
    (BIT(LX_SO_DEBUG) | BIT(LX_SO_REUSEADDR) | BIT(LX_SO_DONTROUTE) | BIT(LX_SO_BROADCAST) |    \
     BIT(LX_SO_KEEPALIVE) | BIT(LX_SO_OOBINLINE) | BIT(LX_SO_NO_CHECK) | BIT(LX_SO_REUSEPORT) | \
     BIT(LX_SO_PASSCRED) | BIT(LX_SO_TIMESTAMP) | BIT(LX_SO_TIMESTAMPNS) | BIT(LX_SO_PASSSEC) | \
     BIT(LX_SO_RXQ_OVFL))

static int is_boolean(int32_t name)
{
    return name >= 0 && name < 64 && BOOLEANS & BIT(name);
}

static struct lx_timeval time_of(int64_t ns)
{
    return (struct lx_timeval){ns / NS_PER_S, ns % NS_PER_S / NS_PER_US};
}

/* Of options whose value is a number. */
static int get_number(struct vfs_socket *s, int32_t name, int32_t *value)
{
    switch (name) {
    case LX_SO_TYPE:
        *value = s->type;
        return 0;
    case LX_SO_DOMAIN:
        *value = s->family;
        return 0;
    case LX_SO_PROTOCOL:
        *value = s->kind == SOCKET_INET_STREAM  ? LX_IPPROTO_TCP
                 : s->kind == SOCKET_INET_DGRAM ? LX_IPPROTO_UDP
                                                : 0;
        return 0;
    case LX_SO_BSDCOMPAT:
    case LX_SO_MARK:
    case LX_SO_BUSY_POLL:
    case LX_SO_ZEROCOPY:
        *value = 0;
        return 0;
    case LX_SO_INCOMING_CPU:
    case LX_SO_MAX_PACING_RATE:
        *value = -1;
        return 0;
    case LX_SO_ERROR:
        *value = -socket_take_error(s);
        return 0;
    case LX_SO_SNDBUF:
        *value = (int32_t)s->send_limit;
        return 0;
    case LX_SO_RCVBUF:
        *value = (int32_t)s->receive_size;
        return 0;
    case LX_SO_PRIORITY:
        *value = s->priority;
        return 0;
    case LX_SO_RCVLOWAT:
        *value = (int32_t)s->low_water;
        return 0;
    case LX_SO_SNDLOWAT:
        *value = 1;
        return 0;
    case LX_SO_ACCEPTCONN:
        *value = s->state == SOCKET_LISTENS;
        return 0;
    case LX_SO_PEEK_OFF:
        *value = -1;
        return 0;
    default:
        return -LX_ENOPROTOOPT;
    }
}

int vfs_socket_get_option(struct vfs_file *file, int32_t level, int32_t name,
                          struct vfs_socket_option *out)
{
    struct vfs_socket *s = file->socket;
    if (level != LX_SOL_SOCKET)
        return socket_ops_of(s)->get_option ? socket_ops_of(s)->get_option(s, level, name, out)
                                            : -LX_EOPNOTSUPP;
    *out = (struct vfs_socket_option){.size = sizeof out->number};
    if (is_boolean(name)) {
        out->number = socket_option_is_on(s, (uint32_t)name);
        return 0;
    }
    switch (name) {
    case LX_SO_LINGER:
        out->size = sizeof out->linger;
        out->linger = (struct lx_linger){(int32_t)s->lingers, s->linger};
        return 0;
    case LX_SO_RCVTIMEO:
    case LX_SO_RCVTIMEO_NEW:
    case LX_SO_SNDTIMEO:
    case LX_SO_SNDTIMEO_NEW:
        out->size = sizeof out->time;
        out->time = time_of(name == LX_SO_RCVTIMEO || name == LX_SO_RCVTIMEO_NEW ? s->receive_ns
                                                                                 : s->send_ns);
        return 0;
    case LX_SO_BINDTODEVICE:
        out->size = socket_option_is_on(s, LX_SO_BINDTODEVICE) ? sizeof VFS_LOOPBACK_NAME : 0;
        core_str_copy((char *)out->bytes, sizeof VFS_LOOPBACK_NAME, VFS_LOOPBACK_NAME);
        return 0;
    case LX_SO_COOKIE:
        out->size = sizeof out->cookie;
        out->cookie = s->ino;
        return 0;
    case LX_SO_PEERCRED:
        out->size = sizeof out->cred;
        core_lock_acquire(&s->lock);
        out->cred = s->cred;
        core_lock_release(&s->lock);
        return 0;
    default:
        return get_number(s, name, &out->number);
    }
}

/* socket(7): twice of what is asked for, for what describes the bytes. */
static uint32_t buffer_size(int32_t asked, uint32_t least)
{
    uint32_t most = (uint32_t)asked > BUFFER_MAX ? BUFFER_MAX : (uint32_t)asked;
    return 2 * most < least ? least : 2 * most;
}

static void set_send_buffer(struct vfs_socket *s, int32_t value)
{
    s->send_limit = buffer_size(value, SEND_BUFFER_MIN);
    s->send_limit_is_set = 1;
    socket_tell_writable(s);
}

/* Zero: for ever; negative: at once, as Linux takes it. */
static int set_timeout(_Atomic int64_t *timeout_ns, const struct vfs_socket_option *value)
{
    const struct lx_timeval *t = &value->time;
    if (value->size < sizeof *t)
        return -LX_EINVAL;
    if (t->tv_usec < 0 || t->tv_usec >= US_PER_S)
        return -LX_EDOM;
    if (t->tv_sec < 0)
        *timeout_ns = 1;
    else if (t->tv_sec > INT64_MAX / NS_PER_S / 4)
        *timeout_ns = 0;
    else
        *timeout_ns = t->tv_sec * NS_PER_S + t->tv_usec * NS_PER_US;
    return 0;
}

static int set_linger(struct vfs_socket *s, const struct vfs_socket_option *value)
{
    if (value->size < sizeof value->linger)
        return -LX_EINVAL;
    s->lingers = value->linger.l_onoff != 0;
    if (s->lingers)
        s->linger = value->linger.l_linger;
    return 0;
}

static void set_boolean(struct vfs_socket *s, int32_t name, int on)
{
    if (on)
        atomic_fetch_or(&s->options, BIT(name));
    else
        atomic_fetch_and(&s->options, ~BIT(name));
}

/* socket(7): the one device there is, or none. */
static int set_device(struct vfs_socket *s, const struct vfs_socket_option *value)
{
    char name[LX_IFNAMSIZ] = "";
    memcpy(name, value->bytes, value->size < sizeof name ? value->size : sizeof name - 1);
    if (name[0] && !core_str_equal(name, VFS_LOOPBACK_NAME))
        return -LX_ENODEV;
    set_boolean(s, LX_SO_BINDTODEVICE, name[0] != 0);
    return 0;
}

int vfs_socket_set_option(struct vfs_file *file, int32_t level, int32_t name,
                          const struct vfs_socket_option *value)
{
    struct vfs_socket *s = file->socket;
    if (level != LX_SOL_SOCKET)
        return socket_ops_of(s)->set_option ? socket_ops_of(s)->set_option(s, level, name, value)
                                            : -LX_EOPNOTSUPP;
    if (name == LX_SO_BINDTODEVICE)
        return set_device(s, value);
    int32_t number = value->number;
    if (value->size < sizeof number)
        return -LX_EINVAL;
    if (is_boolean(name)) {
        if (name == LX_SO_DEBUG && number)
            return -LX_EACCES; /* CAP_NET_ADMIN is not a container's */
        set_boolean(s, name, number != 0);
        return 0;
    }
    switch (name) {
    case LX_SO_SNDBUF:
        set_send_buffer(s, number);
        return 0;
    case LX_SO_RCVBUF:
        s->receive_size = buffer_size(number, RECEIVE_BUFFER_MIN);
        return 0;
    case LX_SO_RCVLOWAT:
        s->low_water = number < 0 ? INT32_MAX : number ? (uint32_t)number : 1;
        return 0;
    case LX_SO_PRIORITY:
        if (number < 0 || number > PRIORITY_MAX)
            return -LX_EPERM;
        s->priority = number;
        return 0;
    case LX_SO_LINGER:
        return set_linger(s, value);
    case LX_SO_BSDCOMPAT:
    case LX_SO_INCOMING_CPU:
    case LX_SO_MAX_PACING_RATE:
        return 0;
    case LX_SO_RCVTIMEO:
    case LX_SO_RCVTIMEO_NEW:
        return set_timeout(&s->receive_ns, value);
    case LX_SO_SNDTIMEO:
    case LX_SO_SNDTIMEO_NEW:
        return set_timeout(&s->send_ns, value);
    case LX_SO_MARK:
        return -LX_EPERM;
    case LX_SO_PEEK_OFF:
        return -LX_EOPNOTSUPP; /* Differs from Linux: a peek begins with the first byte */
    default:
        return -LX_ENOPROTOOPT; /* also those that are only read */
    }
}
