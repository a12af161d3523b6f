/* SPDX-License-Identifier: MIT */
/* Files of /proc/net, proc_pid_net(5): there is the loopback, and nothing else. */

#include <stddef.h>

#include "core/mem.h"
#include "lx/inet.h"
#include "proc/proc.h"
#include "vfs/socket.h"

#define IPV4_BEGIN 12u /* of an address in ::ffff:a.b.c.d */

#define TIMER_OF_WAIT 3u     /* which timer runs: that of TIME_WAIT */
#define NS_PER_TICK 10000000 /* 1 / sysconf(_SC_CLK_TCK) */

struct table {
    struct vfs_text *text;
    uint32_t family, type, count;
};

/* As Linux: words of the host's byte order, of which each is shown as a number. */
static void put_address(struct vfs_text *t, uint32_t family, const uint8_t ip[16], uint32_t port)
{
    uint32_t word;
    for (uint32_t i = family == LX_AF_INET ? IPV4_BEGIN : 0; i < 16; i += sizeof word) {
        memcpy(&word, ip + i, sizeof word);
        vfs_text_f(t, "%08X", word);
    }
    vfs_text_f(t, ":%04X", port);
}

static void put_socket(void *arg, const struct vfs_inet_row *row)
{
    struct table *table = arg;
    struct vfs_text *t = table->text;
    if (row->family != table->family || row->type != table->type)
        return;
    vfs_text_f(t, table->type == LX_SOCK_STREAM ? "%4u: " : "%5u: ", table->count++);
    put_address(t, row->family, row->local, row->local_port);
    vfs_text_f(t, " ");
    put_address(t, row->family, row->remote, row->remote_port);
    vfs_text_f(t, " %02X %08X:%08X %02X:%08llX 00000000 %5u        0 %llu ", row->state,
               row->unsent, row->unread, row->left_ns ? TIMER_OF_WAIT : 0u,
               (unsigned long long)(row->left_ns / NS_PER_TICK), row->uid,
               (unsigned long long)row->ino);
    vfs_text_f(t, "%s\n",
               row->left_ns                    ? "3 0000000000000000"
               : table->type == LX_SOCK_STREAM ? "1 0000000000000000 20 4 30 10 -1"
                                               : "1 0000000000000000 0");
}

static int sockets(struct vfs_text *t, uint32_t family, uint32_t type)
{
    struct table table = {t, family, type, 0};
    int wide = family == LX_AF_INET6 ? 38 : 14;
    vfs_text_f(t, type == LX_SOCK_STREAM ? "  sl  " : "   sl  ");
    vfs_text_f(t, "%-*s%-*sst tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode%s\n",
               wide, "local_address", wide,
               family == LX_AF_INET6 ? "remote_address" : "rem_address",
               type == LX_SOCK_STREAM ? "" : " ref pointer drops");
    vfs_inet_list(put_socket, &table);
    return 0;
}

static int tcp(const struct vfs_proc_id *id, struct vfs_text *t)
{
    (void)id;
    return sockets(t, LX_AF_INET, LX_SOCK_STREAM);
}

static int tcp6(const struct vfs_proc_id *id, struct vfs_text *t)
{
    (void)id;
    return sockets(t, LX_AF_INET6, LX_SOCK_STREAM);
}

static int udp(const struct vfs_proc_id *id, struct vfs_text *t)
{
    (void)id;
    return sockets(t, LX_AF_INET, LX_SOCK_DGRAM);
}

static int udp6(const struct vfs_proc_id *id, struct vfs_text *t)
{
    (void)id;
    return sockets(t, LX_AF_INET6, LX_SOCK_DGRAM);
}

/* As Linux writes a name: what is no path begins with '@', as does every zero in it. */
static void put_unix_name(struct vfs_text *t, const struct vfs_sockaddr *name)
{
    const char *path = name->un.sun_path;
    uint32_t size = name->size - (uint32_t)offsetof(struct lx_sockaddr_un, sun_path);
    vfs_text_f(t, " ");
    for (uint32_t i = 0; i < size - (path[0] != 0); i++)
        vfs_text_f(t, "%c", path[i] ? path[i] : '@');
}

static void put_unix(void *arg, const struct vfs_unix_row *row)
{
    struct vfs_text *t = arg;
    uint32_t state = row->accepted ? (row->connected ? LX_SS_CONNECTED : LX_SS_UNCONNECTED)
                                   : (row->connected ? LX_SS_CONNECTING : LX_SS_DISCONNECTING);
    vfs_text_f(t, "0000000000000000: %08X 00000000 %08X %04X %02X %5llu",
               row->refs + 1, /* Linux' table holds one */
               row->listens ? LX_SO_ACCEPTCON : 0, row->type, state,
               row->accepted ? (unsigned long long)row->ino : 0);
    if (row->name)
        put_unix_name(t, row->name);
    vfs_text_f(t, "\n");
}

static int unix_sockets(const struct vfs_proc_id *id, struct vfs_text *t)
{
    (void)id;
    vfs_text_f(t, "Num       RefCount Protocol Flags    Type St Inode Path\n");
    vfs_unix_list(put_unix, t);
    return 0;
}

/* Differs from Linux: nobody counts what goes through the loopback. */
static int dev(const struct vfs_proc_id *id, struct vfs_text *t)
{
    (void)id;
    vfs_text_f(t, "Inter-|   Receive                                                |  Transmit\n"
                  " face |bytes    packets errs drop fifo frame compressed multicast|bytes    "
                  "packets errs drop fifo colls carrier compressed\n"
                  "    lo:       0       0    0    0    0     0          0         0        0"
                  "       0    0    0    0     0       0          0\n");
    return 0;
}

static int if_inet6(const struct vfs_proc_id *id, struct vfs_text *t)
{
    (void)id;
    vfs_text_f(t, "00000000000000000000000000000001 01 80 10 80       lo\n");
    return 0;
}

/* The loopback's own routes are in another table, in Linux as well. */
static int route(const struct vfs_proc_id *id, struct vfs_text *t)
{
    (void)id;
    vfs_text_f(t, "%-127s\n",
               "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU"
               "\tWindow\tIRTT");
    return 0;
}

proc_render proc_net_render(enum vfs_proc_what what)
{
    switch (what) {
    case VFS_PROC_NET_DEV:
        return dev;
    case VFS_PROC_NET_IF_INET6:
        return if_inet6;
    case VFS_PROC_NET_ROUTE:
        return route;
    case VFS_PROC_NET_TCP:
        return tcp;
    case VFS_PROC_NET_TCP6:
        return tcp6;
    case VFS_PROC_NET_UDP:
        return udp;
    case VFS_PROC_NET_UDP6:
        return udp6;
    case VFS_PROC_NET_UNIX:
        return unix_sockets;
    default:
        return NULL;
    }
}
