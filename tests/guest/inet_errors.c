/* SPDX-License-Identifier: MIT */
/* Calls on internet sockets that fail, and who may have which address and port. */

#include "inet_sockets.h"

static void making(void)
{
    static const int protocols[] = {0, IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP + 100, -1, 9999};
    int fds[2];
    for (int family = AF_INET; family <= AF_INET6; family += AF_INET6 - AF_INET)
        for (int type = SOCK_STREAM; type <= SOCK_DGRAM; type++)
            for (size_t i = 0; i < sizeof protocols / sizeof *protocols; i++) {
                int fd = socket(family, type, protocols[i]);
                printf("socket %d %d %d: %s\n", family, type, protocols[i],
                       fd < 0 ? strerrorname_np(errno) : "made");
                close(fd);
            }
    SHOW(socket(AF_INET, SOCK_RDM, 0));
    SHOW(socket(AF_INET, SOCK_RAW, 0));
    SHOW(socket(AF_INET, 0, 0));
    SHOW(socket(AF_INET, 99, 0));
    SHOW(socket(AF_INET6, SOCK_RDM, IPPROTO_TCP));
    SHOW(socketpair(AF_INET, SOCK_STREAM, 0, fds));
    SHOW(socketpair(AF_INET6, SOCK_DGRAM, 0, fds));
}

/* Addresses that are too short, or of another family. */
static void bad_names(int family, int type)
{
    union address a;
    int fd = socket(family, type, 0);
    socklen_t size = address_set(&a, family == AF_INET ? "127.0.0.1" : "::1", 0);
    printf("family %d type %d\n", family, type);
    SHOW(bind(fd, &a.any, 0));
    SHOW(bind(fd, &a.any, 1));
    SHOW(bind(fd, &a.any, 15));
    SHOW(bind(fd, &a.any, 23));
    SHOW(bind(fd, &a.any, 129));
    SHOW(connect(fd, &a.any, 0));
    SHOW(connect(fd, &a.any, 1));
    SHOW(connect(fd, &a.any, 15));
    SHOW(sendto(fd, "x", 1, MSG_NOSIGNAL, &a.any, 1) < 0 ? -1 : 0);
    SHOW(sendto(fd, "x", 1, MSG_NOSIGNAL, &a.any, 15) < 0 ? -1 : 0);
    SHOW(sendto(fd, "x", 1, MSG_NOSIGNAL, &a.any, size) < 0 ? -1 : 0); /* port 0 */
    a.any.sa_family = AF_UNIX;
    SHOW(bind(fd, &a.any, size));
    SHOW(connect(fd, &a.any, size));
    SHOW(sendto(fd, "x", 1, MSG_NOSIGNAL, &a.any, size) < 0 ? -1 : 0);
    a.any.sa_family = family == AF_INET ? AF_INET6 : AF_INET;
    SHOW(bind(fd, &a.any, sizeof a));
    SHOW(connect(fd, &a.any, sizeof a));
    close(fd);
    fd = socket(family, type, 0);
    a.any.sa_family = AF_UNSPEC;
    SHOW(bind(fd, &a.any, size));
    memset(&a, 0, sizeof a);
    SHOW(bind(fd, &a.any, size));
    close(fd);
    fd = socket(family, type, 0);
    SHOW(bind_to(fd, family == AF_INET ? "192.0.2.7" : "2001:db8::7", 0));
    SHOW(bind_to(fd, family == AF_INET ? "127.255.255.254" : "::ffff:127.8.9.10", 0));
    SHOW(bind_to(fd, family == AF_INET ? "127.0.0.1" : "::1", 0)); /* again */
    close(fd);
    SHOW(bind_to(fd, "127.0.0.1", 0));
    SHOW(bind_to(0, "127.0.0.1", 0));
}

struct holder {
    const char *address;
    int reuse, port, v6only, listens; /* options; reuse: SO_REUSEADDR, port: SO_REUSEPORT */
};

static int hold(const struct holder *h, int type, int port)
{
    int fd = socket(family_of(h->address), type, 0);
    CHECK(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &h->reuse, sizeof h->reuse) == 0);
    CHECK(setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &h->port, sizeof h->port) == 0);
    if (family_of(h->address) == AF_INET6)
        CHECK(setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &h->v6only, sizeof h->v6only) == 0);
    int err = bind_to(fd, h->address, port) < 0 ? errno : 0;
    if (port)
        printf(" bind %s", err ? strerrorname_np(err) : "0");
    if (h->listens && !err) {
        err = listen(fd, 1) < 0 ? errno : 0;
        if (port)
            printf(" listen %s", err ? strerrorname_np(err) : "0");
    }
    return fd;
}

/* Two that want the same port. */
static void conflicts(int type)
{
    static const char *const addresses[] = {"127.0.0.1", "127.0.0.2", "0.0.0.0",
                                            "::1",       "::",        "::ffff:127.0.0.1"};
    for (int i = 0; i < 6; i++)
        for (int k = 0; k < 6; k++)
            for (int bits = 0; bits < (type == SOCK_STREAM ? 32 : 16); bits++) {
                struct holder a = {addresses[i], bits & 1, bits >> 1 & 1, bits >> 2 & 1,
                                   bits >> 4 & 1};
                struct holder b = {addresses[k], bits & 1, bits >> 1 & 1, bits >> 3 & 1,
                                   type == SOCK_STREAM};
                if ((bits & 4 && i != 4) || (bits & 8 && k != 4))
                    continue;
                int first = hold(&a, type, 0);
                printf("%d %s, %s %d:", type, a.address, b.address, bits);
                int second = hold(&b, type, port_of(first));
                printf("\n");
                close(first);
                close(second);
            }
}

/* A port whose connections are still there. */
static void busy(void)
{
    int fds[2], on = 1, server = listen_at("127.0.0.1", 1), port = port_of(server);
    fds[0] = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(connect_to(fds[0], "127.0.0.1", port) == 0);
    fds[1] = accept(server, NULL, NULL);
    close(server);
    server = socket(AF_INET, SOCK_STREAM, 0);
    SHOW(bind_to(server, "127.0.0.1", port));
    SHOW(bind_to(server, "127.0.0.9", port));
    close(server);
    server = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(setsockopt(server, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0);
    SHOW(bind_to(server, "127.0.0.1", port));
    CHECK(setsockopt(fds[1], SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0);
    SHOW(bind_to(server, "127.0.0.1", port));
    SHOW(listen(server, 1));
    close_both(fds);
    close(server);
    /* A client's port is one like others. */
    connected_pair("127.0.0.1", fds);
    server = socket(AF_INET, SOCK_STREAM, 0);
    SHOW(bind_to(server, "127.0.0.1", port_of(fds[0])));
    close(server);
    close_both(fds);
    /* Two connections from one port to two servers, and to the same. */
    int a = listen_at("127.0.0.1", 4), b = listen_at("127.0.0.1", 4);
    for (int i = 0; i < 2; i++) {
        fds[i] = socket(AF_INET, SOCK_STREAM, 0);
        CHECK(setsockopt(fds[i], SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0);
        SHOW(bind_to(fds[i], "127.0.0.1", i ? port_of(fds[0]) : 0));
    }
    SHOW(connect_to(fds[0], "127.0.0.1", port_of(a)));
    SHOW(connect_to(fds[1], "127.0.0.1", port_of(a)));
    SHOW(connect_to(fds[1], "127.0.0.1", port_of(b)));
    close_both(fds);
    close(a);
    close(b);
}

static void small_ports(void)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0), i;
    for (i = 1; i < 1024 && bind_to(fd, "127.0.0.77", i) < 0 && errno == EADDRINUSE; i++)
        ;
    CHECK(i < 1024 && port_of(fd) == i);
    close(fd);
}

static void bad_pointers(void)
{
    union address a;
    socklen_t size = sizeof a;
    int fds[2];
    connected_pair("127.0.0.1", fds);
    SHOW(getsockname(fds[0], NULL, &size));
    SHOW(getsockname(fds[0], &a.any, NULL));
    size = (socklen_t)-1;
    SHOW(getsockname(fds[0], &a.any, &size));
    size = 5;
    SHOW(getpeername(fds[0], &a.any, &size));
    printf("%d\n", (int)size);
    SHOW(setsockopt(fds[0], IPPROTO_TCP, TCP_NODELAY, NULL, 4));
    SHOW(getsockopt(fds[0], IPPROTO_TCP, TCP_NODELAY, NULL, &size));
    SHOW(setsockopt(fds[0], IPPROTO_TCP, TCP_NODELAY, &size, (socklen_t)-1));
    SHOW(shutdown(fds[0], 3));
    SHOW(ioctl(fds[0], FIONREAD, NULL));
    int mark = -1;
    SHOW(ioctl(fds[0], SIOCATMARK, &mark));
    printf("%d\n", mark);
    close_both(fds);
}

int main(void)
{
    signal(SIGPIPE, on_pipe);
    making();
    bad_names(AF_INET, SOCK_STREAM);
    bad_names(AF_INET, SOCK_DGRAM);
    bad_names(AF_INET6, SOCK_STREAM);
    bad_names(AF_INET6, SOCK_DGRAM);
    conflicts(SOCK_STREAM);
    conflicts(SOCK_DGRAM);
    busy();
    small_ports();
    bad_pointers();
    return guest_result();
}
