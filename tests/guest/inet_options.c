/* SPDX-License-Identifier: MIT */
/* Options of internet sockets: what they are at first, what can be set, what is passed on. */

#include <netinet/udp.h>
#include <sys/time.h>

#include "inet_sockets.h"

struct option {
    const char *name;
    int level, option;
};
#define O(level, name)     \
    {                      \
#name, level, name \
    }

static const struct option options[] = {
    O(SOL_SOCKET, SO_TYPE),
    O(SOL_SOCKET, SO_DOMAIN),
    O(SOL_SOCKET, SO_PROTOCOL),
    O(SOL_SOCKET, SO_ACCEPTCONN),
    O(SOL_SOCKET, SO_REUSEADDR),
    O(SOL_SOCKET, SO_REUSEPORT),
    O(SOL_SOCKET, SO_KEEPALIVE),
    O(SOL_SOCKET, SO_BROADCAST),
    O(SOL_SOCKET, SO_OOBINLINE),
    O(SOL_SOCKET, SO_DONTROUTE),
    O(SOL_SOCKET, SO_NO_CHECK),
    O(SOL_SOCKET, SO_RCVLOWAT),
    O(SOL_SOCKET, SO_SNDLOWAT),
    O(SOL_SOCKET, SO_TIMESTAMP),
    O(SOL_SOCKET, SO_TIMESTAMPNS),
    O(SOL_SOCKET, SO_SNDBUF),
    O(SOL_SOCKET, SO_RCVBUF),
    O(SOL_SOCKET, 9999),
    O(IPPROTO_IP, IP_TOS),
    O(IPPROTO_IP, IP_TTL),
    O(IPPROTO_IP, IP_RECVOPTS),
    O(IPPROTO_IP, IP_RETOPTS),
    O(IPPROTO_IP, IP_PKTINFO),
    O(IPPROTO_IP, IP_MTU_DISCOVER),
    O(IPPROTO_IP, IP_RECVERR),
    O(IPPROTO_IP, IP_RECVTTL),
    O(IPPROTO_IP, IP_RECVTOS),
    O(IPPROTO_IP, IP_FREEBIND),
    O(IPPROTO_IP, IP_MINTTL),
    O(IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT),
    O(IPPROTO_IP, IP_MULTICAST_TTL),
    O(IPPROTO_IP, IP_MULTICAST_LOOP),
    O(IPPROTO_IP, IP_RECVORIGDSTADDR),
    O(IPPROTO_IP, IP_MTU),
    O(IPPROTO_IPV6, IPV6_V6ONLY),
    O(IPPROTO_IPV6, IPV6_UNICAST_HOPS),
    O(IPPROTO_IPV6, IPV6_MULTICAST_HOPS),
    O(IPPROTO_IPV6, IPV6_MULTICAST_LOOP),
    O(IPPROTO_IPV6, IPV6_MTU_DISCOVER),
    O(IPPROTO_IPV6, IPV6_RECVERR),
    O(IPPROTO_IPV6, IPV6_RECVPKTINFO),
    O(IPPROTO_IPV6, IPV6_RECVHOPLIMIT),
    O(IPPROTO_IPV6, IPV6_RECVTCLASS),
    O(IPPROTO_IPV6, IPV6_TCLASS),
    O(IPPROTO_IPV6, IPV6_FREEBIND),
    O(IPPROTO_TCP, TCP_NODELAY),
    O(IPPROTO_TCP, TCP_MAXSEG),
    O(IPPROTO_TCP, TCP_CORK),
    O(IPPROTO_TCP, TCP_KEEPIDLE),
    O(IPPROTO_TCP, TCP_KEEPINTVL),
    O(IPPROTO_TCP, TCP_KEEPCNT),
    O(IPPROTO_TCP, TCP_SYNCNT),
    O(IPPROTO_TCP, TCP_LINGER2),
    O(IPPROTO_TCP, TCP_WINDOW_CLAMP),
    O(IPPROTO_TCP, TCP_QUICKACK),
    O(IPPROTO_TCP, TCP_USER_TIMEOUT),
    O(IPPROTO_TCP, TCP_FASTOPEN_CONNECT),
    O(IPPROTO_TCP, 200),
    O(IPPROTO_UDP, 200),
    O(4711, 1),
};

static int same(const struct option *o, int level, int option)
{
    return o->level == level && o->option == option;
}

static void show_value(int fd, const struct option *o)
{
    int value = 0;
    socklen_t size = sizeof value;
    if (getsockopt(fd, o->level, o->option, &value, &size) < 0)
        printf(" %s", strerrorname_np(errno));
    else
        printf(" %d", value);
    if (size != sizeof value)
        printf("(%d)", (int)size);
}

static void show_set(int fd, const struct option *o, const void *value, socklen_t size)
{
    if (setsockopt(fd, o->level, o->option, value, size) < 0)
        printf(" %s", strerrorname_np(errno));
    else
        show_value(fd, o);
}

/* Each option at first, and after each of some values. */
static void all(int family, int type)
{
    static const int values[] = {-2, -1, 0, 1, 2, 7, 64, 255, 256, 5000, 40000};
    printf("family %d type %d\n", family, type);
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        int fd = socket(family, type, 0), sized;
        const struct option *o = &options[i];
        char byte = 1;
        sized = same(o, SOL_SOCKET, SO_SNDBUF) || same(o, SOL_SOCKET, SO_RCVBUF) ||
                same(o, SOL_SOCKET, SO_RCVLOWAT);
        printf("%s/%d:", o->name, o->option);
        show_value(fd, o);
        for (size_t k = 0; k < sizeof values / sizeof *values; k++)
            if (!sized || values[k] >= 0) /* else the most, which the machine decides */
                show_set(fd, o, &values[k], sizeof values[k]);
        printf(", a byte:");
        show_set(fd, o, &byte, 1);
        if (o->level != IPPROTO_IP) {
            printf(", nothing:");
            show_set(fd, o, &byte, 0);
        }
        printf("\n");
        close(fd);
    }
}

static void congestion(void)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    char name[32] = "?";
    socklen_t size = sizeof name;
    SHOW(getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, &size));
    printf("%d\n", (int)size);
    SHOW(setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "reno", 4));
    SHOW(setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "none such", 9));
    SHOW(setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "", 0));
    size = 3;
    SHOW(getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, &size));
    printf("%.3s %d\n", name, (int)size);
    close(fd);
}

static void device(void)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    char name[32] = "?";
    socklen_t size = sizeof name;
    SHOW(getsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, &size));
    printf("%d\n", (int)size);
    SHOW(setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "none such", 9));
    SHOW(setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "lo", 3));
    size = sizeof name;
    SHOW(getsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, &size));
    printf("%s %d\n", name, (int)size);
    SHOW(setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, "", 0));
    close(fd);
}

static void show_linger(int fd)
{
    struct linger linger = {7, 7};
    socklen_t size = sizeof linger;
    SHOW(getsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, &size));
    printf("linger %d %d size %d\n", linger.l_onoff, linger.l_linger, (int)size);
}

static void lingering(void)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct linger linger = {1, 3};
    show_linger(fd);
    SHOW(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger));
    show_linger(fd);
    linger.l_linger = 0;
    SHOW(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger));
    show_linger(fd);
    linger.l_onoff = 0;
    SHOW(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger));
    show_linger(fd);
    SHOW(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, 4));
    close(fd);
}

static int number(int fd, int level, int option)
{
    int value = -77;
    socklen_t size = sizeof value;
    CHECK(getsockopt(fd, level, option, &value, &size) == 0);
    return value;
}

static void set_number(int fd, int level, int option, int value)
{
    CHECK(setsockopt(fd, level, option, &value, sizeof value) == 0);
}

/* An accepted connection has what its listener had. */
static void inherited(void)
{
    int server = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0);
    struct timeval time = {3, 0};
    struct linger linger = {1, 3};
    socklen_t size = sizeof time;
    set_number(server, SOL_SOCKET, SO_REUSEADDR, 1);
    set_number(server, SOL_SOCKET, SO_KEEPALIVE, 1);
    set_number(server, SOL_SOCKET, SO_RCVBUF, 40000);
    set_number(server, SOL_SOCKET, SO_RCVLOWAT, 5);
    set_number(server, IPPROTO_TCP, TCP_NODELAY, 1);
    set_number(server, IPPROTO_TCP, TCP_KEEPIDLE, 33);
    set_number(server, IPPROTO_IP, IP_TTL, 33);
    CHECK(setsockopt(server, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time) == 0);
    CHECK(setsockopt(server, SOL_SOCKET, SO_LINGER, &linger, sizeof linger) == 0);
    CHECK(fcntl(server, F_SETFL, O_NONBLOCK) == 0);
    CHECK(bind_to(server, "127.0.0.1", 0) == 0 && listen(server, 3) == 0);
    CHECK(connect_to(client, "127.0.0.1", port_of(server)) == 0);
    int end = accept(server, NULL, NULL);
    printf("inherited: %d %d %d %d %d %d %d", number(end, SOL_SOCKET, SO_REUSEADDR),
           number(end, SOL_SOCKET, SO_KEEPALIVE), number(end, SOL_SOCKET, SO_RCVBUF),
           number(end, SOL_SOCKET, SO_RCVLOWAT), number(end, IPPROTO_TCP, TCP_NODELAY),
           number(end, IPPROTO_TCP, TCP_KEEPIDLE), number(end, IPPROTO_IP, IP_TTL));
    memset(&time, 0, sizeof time);
    CHECK(getsockopt(end, SOL_SOCKET, SO_RCVTIMEO, &time, &size) == 0);
    printf(" %d flags %#x\n", (int)time.tv_sec, fcntl(end, F_GETFL));
    show_linger(end);
    printf("accepting: %d %d %d\n", number(server, SOL_SOCKET, SO_ACCEPTCONN),
           number(client, SOL_SOCKET, SO_ACCEPTCONN), number(end, SOL_SOCKET, SO_ACCEPTCONN));
    printf("mtu %d\n", number(client, IPPROTO_IP, IP_MTU));
    close(client);
    close(end);
    close(server);
}

static void show_state(const char *what, int fd)
{
    struct tcp_info info;
    socklen_t size = sizeof info;
    CHECK(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) == 0 && size >= 104);
    printf("%s state %d\n", what, info.tcpi_state);
}

static void states(void)
{
    int fds[2], fd = socket(AF_INET, SOCK_STREAM, 0);
    show_state("new", fd);
    CHECK(bind_to(fd, "127.0.0.1", 0) == 0);
    show_state("bound", fd);
    CHECK(listen(fd, 1) == 0);
    show_state("listening", fd);
    close(fd);
    connected_pair("127.0.0.1", fds);
    show_state("connected", fds[0]);
    show_state("accepted", fds[1]);
    CHECK(shutdown(fds[0], SHUT_WR) == 0);
    settle();
    show_state("its peer is shut", fds[1]);
    CHECK(shutdown(fds[1], SHUT_WR) == 0);
    settle();
    show_state("first to shut", fds[0]);
    show_state("last", fds[1]);
    close_both(fds);
}

static void late(void)
{
    int fd = socket(AF_INET6, SOCK_STREAM, 0), on = 1;
    CHECK(bind_to(fd, "::1", 0) == 0);
    SHOW(setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on));
    SHOW(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on));
    close(fd);
}

int main(void)
{
    all(AF_INET, SOCK_STREAM);
    all(AF_INET, SOCK_DGRAM);
    all(AF_INET6, SOCK_STREAM);
    all(AF_INET6, SOCK_DGRAM);
    congestion();
    device();
    lingering();
    inherited();
    states();
    late();
    return guest_result();
}
