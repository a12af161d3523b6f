/* SPDX-License-Identifier: MIT */
/* Options of IP, IPv6 and TCP: most are a row of inet_option.def. */

#include <stdatomic.h>

#include "core/mem.h"
#include "inet.h"
#include "lx/errno.h"

#define MTU_MAX_IPV4 65535
#define SEGMENT_SIZE 65483 /* of the loopback */
#define SEGMENT_UNCONNECTED 536
#define CLAMP_MIN 1152
#define CLASS_OF_TCP 3 /* bits of a traffic class that are TCP's own */

enum row_kind { FLAG, RANGE, RESET, CLASS };

struct row {
    uint8_t level, name, kind;
    int32_t first, least, most;
};

static const struct row *row_of(uint32_t k)
{
    static const struct row rows[INET_VALUE_COUNT] = {
#define X(name, level, first, least, most, kind) {level, LX_##name, kind, first, least, most},
#include "inet_option.def"
#undef X
    };
    return &rows[k];
}

void inet_options_init(struct inet_socket *i)
{
    for (uint32_t k = 0; k < INET_VALUE_COUNT; k++)
        i->values[k] = row_of(k)->first;
}

void inet_options_inherit(struct inet_socket *to, const struct inet_socket *from)
{
    const struct vfs_socket *f = &from->base;
    struct vfs_socket *t = &to->base;
    for (uint32_t k = 0; k < INET_VALUE_COUNT; k++)
        to->values[k] = from->values[k];
    to->reno = from->reno;
    t->options = f->options;
    t->send_limit = f->send_limit;
    t->send_limit_is_set = f->send_limit_is_set;
    t->receive_size = f->receive_size;
    t->low_water = f->low_water;
    t->priority = f->priority;
    t->linger = f->linger;
    t->lingers = f->lingers;
    t->receive_ns = f->receive_ns;
    t->send_ns = f->send_ns;
}

/* The option's place among the values; INET_VALUE_COUNT: it is none of those. */
static uint32_t find(int32_t level, int32_t name)
{
    uint32_t k = 0;
    while (k < INET_VALUE_COUNT && (row_of(k)->level != level || row_of(k)->name != name))
        k++;
    return k;
}

/* 1 if a socket has options of this level. */
static int has_level(const struct inet_socket *i, int32_t level)
{
    return level == LX_IPPROTO_IP || (level == LX_IPPROTO_IPV6 && i->base.family == LX_AF_INET6) ||
           level == (inet_is_stream(i) ? LX_IPPROTO_TCP : LX_IPPROTO_UDP);
}

/* ---- Reading ---- */

static void get_info(const struct inet_socket *i, struct vfs_socket_option *out)
{
    struct lx_tcp_info *info = &out->tcp;
    out->size = sizeof *info;
    memset(info, 0, sizeof *info);
    info->tcpi_state = inet_stream_state(i);
    info->tcpi_rto = 200000;
    info->tcpi_snd_mss = info->tcpi_advmss = SEGMENT_SIZE;
    info->tcpi_rcv_mss = SEGMENT_UNCONNECTED;
    info->tcpi_pmtu = VFS_LOOPBACK_MTU;
    info->tcpi_rcv_ssthresh = i->base.receive_size / 2;
    info->tcpi_snd_ssthresh = INT32_MAX;
    info->tcpi_snd_cwnd = 10;
    info->tcpi_reordering = 3;
    if (info->tcpi_state == LX_TCP_LISTEN) { /* its line, and how long that may be */
        info->tcpi_unacked = i->base.queued;
        info->tcpi_sacked = i->base.backlog;
    }
}

static void get_text(const char *text, uint32_t size, struct vfs_socket_option *out)
{
    memset(out->bytes, 0, size);
    core_str_copy((char *)out->bytes, size, text);
    out->size = size;
}

/* Those that are no row. */
static int get_other(struct inet_socket *i, int32_t level, int32_t name,
                     struct vfs_socket_option *out)
{
    int connected = i->base.state == SOCKET_CONNECTED;
    out->size = sizeof out->number;
    out->number = 0;
    if (level == LX_IPPROTO_TCP) {
        switch (name) {
        case LX_TCP_INFO:
            get_info(i, out);
            return 0;
        case LX_TCP_CONGESTION:
            get_text(i->reno ? "reno" : "cubic", LX_TCP_CA_NAME_MAX, out);
            return 0;
        default:
            return -LX_ENOPROTOOPT;
        }
    }
    if ((level == LX_IPPROTO_IP && name == LX_IP_MTU) ||
        (level == LX_IPPROTO_IPV6 && name == LX_IPV6_MTU)) {
        out->number = level == LX_IPPROTO_IP ? MTU_MAX_IPV4 : VFS_LOOPBACK_MTU;
        return connected ? 0 : -LX_ENOTCONN;
    }
    if (level == LX_IPPROTO_IP && name == LX_IP_OPTIONS) {
        out->size = 0;
        return 0;
    }
    if ((level == LX_IPPROTO_IP && name == LX_IP_MULTICAST_IF) ||
        (level == LX_IPPROTO_IPV6 && name == LX_IPV6_MULTICAST_IF))
        return 0;
    return -LX_ENOPROTOOPT;
}

int inet_get_option(struct vfs_socket *s, int32_t level, int32_t name,
                    struct vfs_socket_option *out)
{
    struct inet_socket *i = inet_of(s);
    if (!has_level(i, level))
        return s->family == LX_AF_INET6 ? -LX_ENOPROTOOPT : -LX_EOPNOTSUPP;
    uint32_t k = find(level, name);
    if (k == INET_VALUE_COUNT)
        return get_other(i, level, name, out);
    out->size = sizeof out->number;
    out->number = i->values[k];
    if (k == INET_TCP_MAXSEG && s->state == SOCKET_CONNECTED)
        out->number = SEGMENT_SIZE;
    else if (k == INET_TCP_MAXSEG && !out->number)
        out->number = SEGMENT_UNCONNECTED;
    return 0;
}

/* ---- Setting ---- */

static int set_congestion(struct inet_socket *i, const struct vfs_socket_option *value)
{
    char name[LX_TCP_CA_NAME_MAX] = "";
    if (value->size < 1)
        return -LX_EINVAL;
    memcpy(name, value->bytes, value->size < sizeof name ? value->size : sizeof name - 1);
    int reno = core_str_equal(name, "reno");
    if (!reno && !core_str_equal(name, "cubic"))
        return -LX_ENOENT;
    i->reno = (uint32_t)reno;
    return 0;
}

static int set_other(struct inet_socket *i, int32_t level, int32_t name,
                     const struct vfs_socket_option *value)
{
    if (level == LX_IPPROTO_TCP && name == LX_TCP_CONGESTION)
        return set_congestion(i, value);
    if ((level == LX_IPPROTO_TCP || level == LX_IPPROTO_UDP) && value->size < sizeof value->number)
        return -LX_EINVAL;
    if (level == LX_IPPROTO_TCP || level == LX_IPPROTO_UDP)
        return -LX_ENOPROTOOPT;
    switch (name) { /* the numbers of both levels differ, but for those of groups */
    case LX_IP_MULTICAST_IF:
    case LX_IPV6_MULTICAST_IF:
        return inet_is_stream(i) ? -LX_EINVAL : 0;
    case LX_IP_ADD_MEMBERSHIP:
    case LX_IPV6_ADD_MEMBERSHIP:
    case LX_MCAST_JOIN_GROUP:
        return -LX_ENODEV; /* there is no interface that has groups */
    case LX_IP_DROP_MEMBERSHIP:
    case LX_IPV6_DROP_MEMBERSHIP:
    case LX_MCAST_LEAVE_GROUP:
        return -LX_EADDRNOTAVAIL;
    default:
        return -LX_ENOPROTOOPT;
    }
}

/* What a row makes of a value: 0 or -LX_EINVAL. */
static int check(const struct inet_socket *i, uint32_t k, int32_t *value)
{
    const struct row *row = row_of(k);
    uint8_t state = inet_stream_state(i);
    switch (row->kind) {
    case FLAG:
        *value = *value != 0;
        return 0;
    case CLASS:
        if (row->level == LX_IPPROTO_IPV6 && *value == -1)
            *value = row->first;
        if (row->level == LX_IPPROTO_IPV6 && (*value < row->least || *value > row->most))
            return -LX_EINVAL;
        *value &= inet_is_stream(i) ? row->most & ~CLASS_OF_TCP : row->most;
        return 0;
    case RESET:
        if (*value == -1)
            *value = row->first;
        break;
    default:
        break;
    }
    switch (k) {
    case INET_TCP_LINGER2: /* more or less counts as the limit; 0 as at first */
        *value = *value < 0 ? -1 : !*value ? row->first : *value < row->most ? *value : row->most;
        return 0;
    case INET_TCP_WINDOW_CLAMP:
        *value = *value && *value < CLAMP_MIN ? CLAMP_MIN : *value;
        return 0;
    case INET_IP_MULTICAST_TTL:
        if (inet_is_stream(i))
            return -LX_EINVAL;
        break;
    case INET_IPV6_MULTICAST_HOPS:
        if (inet_is_stream(i))
            return -LX_ENOPROTOOPT;
        break;
    case INET_TCP_MAXSEG:
        if (!*value)
            return 0;
        break;
    case INET_TCP_FASTOPEN: /* how many may wait for it, of which there are none */
        if (*value > LX_SOMAXCONN)
            *value = LX_SOMAXCONN;
        if (state != LX_TCP_CLOSE && state != LX_TCP_LISTEN)
            return -LX_EINVAL;
        break;
    case INET_TCP_FASTOPEN_CONNECT: /* nobody has a cookie: connect(2) is as without it */
        if (state != LX_TCP_CLOSE)
            return -LX_EINVAL;
        break;
    default:
        break;
    }
    return *value < row->least || *value > row->most ? -LX_EINVAL : 0;
}

int inet_set_option(struct vfs_socket *s, int32_t level, int32_t name,
                    const struct vfs_socket_option *value)
{
    struct inet_socket *i = inet_of(s);
    if (!has_level(i, level))
        return -LX_ENOPROTOOPT;
    uint32_t k = find(level, name);
    if (k == INET_VALUE_COUNT)
        return set_other(i, level, name, value);
    int32_t number = value->number;
    if (value->size < sizeof number) { /* of IP, one byte is enough */
        if (level != LX_IPPROTO_IP)
            return k == INET_IPV6_MULTICAST_HOPS && inet_is_stream(i) ? -LX_ENOPROTOOPT
                                                                      : -LX_EINVAL;
        number = value->size ? value->bytes[0] : 0;
    }
    if (k == INET_IPV6_V6ONLY && i->local.port)
        return -LX_EINVAL;
    int err = check(i, k, &number);
    if (err == 0)
        i->values[k] = number;
    return err;
}
