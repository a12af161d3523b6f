/* SPDX-License-Identifier: MIT */
/* Datagrams of internet sockets: names, transfers, limits, errors, what comes with them. */

#include <netinet/ip.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>

#include "inet_sockets.h"

static void transfers(const char *text)
{
    char buf[64];
    int value, a = socket_at(SOCK_DGRAM, text), b = socket(family_of(text), SOCK_DGRAM, 0);
    union address to, from;
    socklen_t size = address_set(&to, text, port_of(a)), from_size = sizeof from;
    show_poll("new", b);
    show_names("new", b);
    SHOW(send(b, "x", 1, 0));
    SHOW(write(b, "x", 1));
    SHOW(recv(b, buf, 8, MSG_DONTWAIT));
    SHOW(sendto(b, "hello", 5, 0, &to.any, size));
    show_names("sent", b);
    show_poll("sent", b);
    show_poll("came", a);
    SHOW(ioctl(a, FIONREAD, &value));
    printf("%d\n", value);
    SHOW(recvfrom(a, buf, sizeof buf, MSG_PEEK, &from.any, &from_size));
    show_address("from", &from, from_size);
    CHECK(ntohs(from.in.sin_port) == port_of(b));
    SHOW(recv(a, buf, 2, MSG_PEEK | MSG_TRUNC));
    SHOW(recv(a, buf, 2, 0));
    SHOW(recv(a, buf, 2, MSG_DONTWAIT));
    SHOW(sendto(b, "", 0, 0, &to.any, size));
    show_poll("empty", a);
    SHOW(ioctl(a, FIONREAD, &value));
    printf("%d\n", value);
    SHOW(recv(a, buf, 2, 0));
    SHOW(sendto(b, "1", 1, 0, &to.any, size));
    SHOW(sendto(b, "22", 2, 0, &to.any, size));
    SHOW(read(a, buf, 0)); /* stays */
    SHOW(read(a, buf, sizeof buf));
    SHOW(recv(a, buf, 0, 0)); /* goes */
    SHOW(recv(a, buf, 2, MSG_DONTWAIT));
    SHOW(sendto(b, "bad", 3, 0, &to.any, size));
    void *none = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    SHOW(recv(a, none, 3, 0)); /* and it is gone */
    SHOW(ioctl(b, TIOCOUTQ, &value));
    printf("%d\n", value);
    struct iovec iov = {buf, 4};
    struct msghdr m = {&from, sizeof from, &iov, 1, NULL, 0, 0};
    SHOW(sendto(b, "too long", 8, 0, &to.any, size));
    SHOW(recvmsg(a, &m, 0));
    printf("flags %#x name %d\n", m.msg_flags, (int)m.msg_namelen);
    SHOW(sendto(b, "too long", 8, MSG_OOB, &to.any, size));
    SHOW(recv(a, buf, 8, MSG_OOB | MSG_DONTWAIT));
    SHOW(recv(a, buf, 8, MSG_ERRQUEUE));
    SHOW(listen(a, 1));
    SHOW(accept(a, NULL, NULL));
    close(a);
    close(b);
}

static void connected(const char *text)
{
    char buf[16];
    int a = socket_at(SOCK_DGRAM, text), b = socket(family_of(text), SOCK_DGRAM, 0);
    int c = socket_at(SOCK_DGRAM, text);
    struct sockaddr none = {.sa_family = AF_UNSPEC};
    union address to;
    SHOW(connect_to(b, text, port_of(a)));
    show_names("connected", b);
    show_poll("connected", b);
    SHOW(write(b, "hello", 5));
    SHOW(read(a, buf, sizeof buf));
    socklen_t size = address_set(&to, text, port_of(b));
    SHOW(sendto(c, "other", 5, 0, &to.any, size)); /* not from its peer */
    SHOW(recv(b, buf, sizeof buf, MSG_DONTWAIT));
    SHOW(sendto(a, "peer", 4, 0, &to.any, size));
    SHOW(recv(b, buf, sizeof buf, MSG_DONTWAIT));
    address_set(&to, text, port_of(c));
    SHOW(sendto(b, "elsewhere", 9, 0, &to.any, size));
    SHOW(recv(c, buf, sizeof buf, MSG_DONTWAIT));
    SHOW(connect_to(b, text, port_of(c))); /* again */
    SHOW(send(b, "now", 3, 0));
    SHOW(recv(c, buf, sizeof buf, MSG_DONTWAIT));
    close(c);
    SHOW(send(b, "gone", 4, 0));
    settle();
    show_poll("refused", b);
    SHOW(recv(b, buf, sizeof buf, MSG_DONTWAIT));
    SHOW(recv(b, buf, sizeof buf, MSG_DONTWAIT));
    SHOW(send(b, "gone", 4, 0));
    settle();
    SHOW(send(b, "gone", 4, 0));
    SHOW(send(b, "gone", 4, 0));
    settle();
    show_error("refused", b);
    show_error("refused", b);
    SHOW(connect(b, &none, sizeof none));
    show_names("dissolved", b);
    SHOW(send(b, "gone", 4, 0));
    SHOW(connect_to(b, text, 0));
    show_names("connected to none", b);
    SHOW(send(b, "gone", 4, 0));
    address_set(&to, text, 1); /* unconnected: nobody tells */
    int d = socket(family_of(text), SOCK_DGRAM, 0);
    SHOW(sendto(d, "x", 1, 0, &to.any, size));
    settle();
    SHOW(sendto(d, "x", 1, 0, &to.any, size));
    int on = 1;
    if (family_of(text) == AF_INET)
        CHECK(setsockopt(d, IPPROTO_IP, IP_RECVERR, &on, sizeof on) == 0);
    else
        CHECK(setsockopt(d, IPPROTO_IPV6, IPV6_RECVERR, &on, sizeof on) == 0);
    SHOW(sendto(d, "x", 1, 0, &to.any, size));
    settle();
    SHOW(recv(d, buf, sizeof buf, MSG_DONTWAIT));
    close(a);
    close(b);
    close(d);
}

static void shut(void)
{
    char buf[16];
    int a = socket_at(SOCK_DGRAM, "127.0.0.1"), b = socket(AF_INET, SOCK_DGRAM, 0);
    SHOW(shutdown(a, SHUT_RD)); /* an error, and done */
    show_poll("shut", a);
    SHOW(recv(a, buf, 8, 0));
    SHOW(recv(a, buf, 8, MSG_DONTWAIT));
    CHECK(connect_to(b, "127.0.0.1", port_of(a)) == 0);
    SHOW(shutdown(b, SHUT_WR));
    show_poll("shut", b);
    SHOW(send(b, "x", 1, 0));
    SHOW(shutdown(b, SHUT_RD));
    show_poll("shut", b);
    SHOW(read(b, buf, 8));
    close(a);
    close(b);
}

static void sizes(const char *text, int most)
{
    static char out[70000], in[70000];
    int a = socket_at(SOCK_DGRAM, text), b = socket(family_of(text), SOCK_DGRAM, 0);
    CHECK(connect_to(b, text, port_of(a)) == 0);
    memset(out, 'x', sizeof out);
    printf("%d\n", most);
    SHOW(send(b, out, (size_t)most, 0));
    SHOW(recv(a, in, sizeof in, MSG_DONTWAIT));
    CHECK(memcmp(in, out, (size_t)most) == 0);
    SHOW(send(b, out, (size_t)most + 1, 0));
    SHOW(send(b, out, 65536, 0));
    SHOW(recv(a, in, sizeof in, MSG_DONTWAIT));
    close(a);
    close(b);
}

/* What does not fit is lost, without a word. */
static void limits(void)
{
    static char buf[10000];
    int a = socket_at(SOCK_DGRAM, "127.0.0.1"), b = socket(AF_INET, SOCK_DGRAM, 0), n = 0;
    int size = 10000;
    CHECK(setsockopt(a, SOL_SOCKET, SO_RCVBUF, &size, sizeof size) == 0);
    CHECK(connect_to(b, "127.0.0.1", port_of(a)) == 0);
    for (int i = 0; i < 1000; i++)
        CHECK(send(b, buf, 1000, 0) == 1000);
    show_poll("full", a);
    show_poll("sender", b);
    while (recv(a, buf, sizeof buf, MSG_DONTWAIT) > 0)
        n++;
    CHECK(n > 4 && n < 30);
    SHOW(send(b, "fits", 4, 0));
    SHOW(recv(a, buf, sizeof buf, MSG_DONTWAIT));
    close(a);
    close(b);
}

static void show_controls(struct msghdr *m)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
        char text[64] = "";
        printf("level %d type %d size %d:", c->cmsg_level, c->cmsg_type, (int)c->cmsg_len);
        if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
            struct in_pktinfo *p = (struct in_pktinfo *)CMSG_DATA(c);
            inet_ntop(AF_INET, &p->ipi_addr, text, sizeof text);
            printf(" %d %s", p->ipi_ifindex, text);
            inet_ntop(AF_INET, &p->ipi_spec_dst, text, sizeof text);
            printf(" %s\n", text);
        } else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
            struct in6_pktinfo *p = (struct in6_pktinfo *)CMSG_DATA(c);
            inet_ntop(AF_INET6, &p->ipi6_addr, text, sizeof text);
            printf(" %d %s\n", (int)p->ipi6_ifindex, text);
        } else if (c->cmsg_level == SOL_SOCKET) {
            time_t t = *(time_t *)CMSG_DATA(c), now = time(NULL);
            printf(" %s\n", t > now - 10 && t <= now ? "now" : "another time");
        } else {
            printf(" %d\n", c->cmsg_len == CMSG_LEN(1) ? *CMSG_DATA(c) : *(int *)CMSG_DATA(c));
        }
    }
}

static void controls(const char *binds, const char *sends)
{
    static const int options[][2] = {
        {IPPROTO_IP, IP_PKTINFO},        {IPPROTO_IP, IP_RECVTTL},
        {IPPROTO_IP, IP_RECVTOS},        {IPPROTO_IPV6, IPV6_RECVPKTINFO},
        {IPPROTO_IPV6, IPV6_RECVTCLASS}, {IPPROTO_IPV6, IPV6_RECVHOPLIMIT},
        {SOL_SOCKET, SO_TIMESTAMP},      {SOL_SOCKET, SO_TIMESTAMPNS},
    };
    int a = socket_at(SOCK_DGRAM, binds), b = socket(family_of(sends), SOCK_DGRAM, 0), on = 1;
    int ttl = 33, tos = 8;
    printf("from %s to %s\n", sends, binds);
    CHECK(connect_to(b, sends, port_of(a)) == 0);
    setsockopt(b, IPPROTO_IP, IP_TTL, &ttl, sizeof ttl);
    setsockopt(b, IPPROTO_IP, IP_TOS, &tos, sizeof tos);
    setsockopt(b, IPPROTO_IPV6, IPV6_UNICAST_HOPS, &ttl, sizeof ttl);
    setsockopt(b, IPPROTO_IPV6, IPV6_TCLASS, &tos, sizeof tos);
    for (int i = 0; i < 9; i++) {
        char buf[8], control[256];
        struct iovec iov = {buf, 8};
        struct msghdr m = {NULL, 0, &iov, 1, control, sizeof control, 0};
        CHECK(send(b, "x", 1, 0) == 1);
        printf("%d: ", i);
        SHOW(recvmsg(a, &m, 0));
        show_controls(&m);
        if (i < 8)
            setsockopt(a, options[i][0], options[i][1], &on, sizeof on);
    }
    char buf[8], control[30];
    struct iovec iov = {buf, 8};
    struct msghdr m = {NULL, 0, &iov, 1, control, sizeof control, 0};
    CHECK(send(b, "x", 1, 0) == 1);
    SHOW(recvmsg(a, &m, 0));
    printf("flags %#x size %d\n", m.msg_flags, (int)m.msg_controllen);
    close(a);
    close(b);
}

static void show_sent(int from, int to, int level, int type, const void *data, size_t size)
{
    char buf[8], control[256] = {0};
    struct iovec iov = {buf, 1};
    union address name;
    struct msghdr m = {NULL, 0, &iov, 1, control, CMSG_SPACE(size), 0};
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    c->cmsg_level = level;
    c->cmsg_type = type;
    c->cmsg_len = CMSG_LEN(size);
    memcpy(CMSG_DATA(c), data, size);
    printf("%d %d: ", level, type);
    if (SHOW(sendmsg(from, &m, 0)) < 0)
        return;
    m = (struct msghdr){&name, sizeof name, &iov, 1, control, sizeof control, 0};
    SHOW(recvmsg(to, &m, 0));
    show_address("from", &name, m.msg_namelen);
    show_controls(&m);
}

/* What is said of one datagram. */
static void sent_controls(void)
{
    static const int numbers[] = {-2, -1, 0, 1, 255, 256};
    int a = socket_at(SOCK_DGRAM, "127.0.0.1"), b = socket(AF_INET, SOCK_DGRAM, 0), on = 1;
    CHECK(connect_to(b, "127.0.0.1", port_of(a)) == 0);
    setsockopt(a, IPPROTO_IP, IP_RECVTTL, &on, sizeof on);
    setsockopt(a, IPPROTO_IP, IP_RECVTOS, &on, sizeof on);
    for (int i = 2; i < 6; i++)
        show_sent(b, a, IPPROTO_IP, IP_TTL, &numbers[i], sizeof(int));
    for (int i = 3; i < 5; i++)
        show_sent(b, a, IPPROTO_IP, IP_TOS, &numbers[i], sizeof(int));
    show_sent(b, a, IPPROTO_IP, IP_TTL, "x", 1);
    show_sent(b, a, IPPROTO_IP, 99, "x", 1);
    show_sent(b, a, IPPROTO_TCP, 99, "x", 1);
    struct in_pktinfo info = {.ipi_spec_dst.s_addr = htonl(0x7f000009)};
    show_sent(b, a, IPPROTO_IP, IP_PKTINFO, &info, sizeof info);
    close(a);
    close(b);
    a = socket_at(SOCK_DGRAM, "::1");
    b = socket(AF_INET6, SOCK_DGRAM, 0);
    CHECK(connect_to(b, "::1", port_of(a)) == 0);
    setsockopt(a, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, &on, sizeof on);
    setsockopt(a, IPPROTO_IPV6, IPV6_RECVTCLASS, &on, sizeof on);
    for (int i = 0; i < 6; i++) {
        show_sent(b, a, IPPROTO_IPV6, IPV6_HOPLIMIT, &numbers[i], sizeof(int));
        if (i != 1) /* which kernels take for different things */
            show_sent(b, a, IPPROTO_IPV6, IPV6_TCLASS, &numbers[i], sizeof(int));
    }
    show_sent(b, a, IPPROTO_IPV6, IPV6_TCLASS, "x", 1);
    show_sent(b, a, IPPROTO_IPV6, 99, "x", 1);
    close(a);
    close(b);
}

/* Who gets it: the most particular. */
static void choices(void)
{
    static const char *const binds[] = {"::", "0.0.0.0", "127.0.0.1", "127.0.0.2"};
    static const char *const sends[] = {"::1", "127.0.0.1", "127.0.0.2", "127.0.0.3"};
    int fds[4], on = 1, port = 0;
    char buf[8];
    for (int i = 0; i < 4; i++) {
        fds[i] = socket(family_of(binds[i]), SOCK_DGRAM, 0);
        CHECK(setsockopt(fds[i], SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0);
        CHECK(bind_to(fds[i], binds[i], port) == 0);
        port = port_of(fds[0]);
    }
    for (int i = 0; i < 4; i++) {
        union address to;
        int fd = socket(family_of(sends[i]), SOCK_DGRAM, 0);
        socklen_t size = address_set(&to, sends[i], port);
        CHECK(sendto(fd, "x", 1, 0, &to.any, size) == 1);
        for (int k = 0; k < 4; k++)
            if (recv(fds[k], buf, 8, MSG_DONTWAIT) == 1)
                printf("%s goes to %s\n", sends[i], binds[k]);
        close(fd);
    }
    for (int i = 0; i < 4; i++)
        close(fds[i]);
}

static void *send_later(void *arg)
{
    usleep(20000);
    CHECK(send(*(int *)arg, "later", 5, 0) == 5);
    return NULL;
}

static void waits(void)
{
    char buf[8];
    int a = socket_at(SOCK_DGRAM, "127.0.0.1"), b = socket(AF_INET, SOCK_DGRAM, 0);
    pthread_t thread;
    struct timeval tv = {0, 20000};
    CHECK(connect_to(b, "127.0.0.1", port_of(a)) == 0);
    CHECK(pthread_create(&thread, NULL, send_later, &b) == 0);
    SHOW(recv(a, buf, 8, 0));
    pthread_join(thread, NULL);
    CHECK(setsockopt(a, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv) == 0);
    SHOW(recv(a, buf, 8, 0));
    struct mmsghdr many[3];
    struct iovec iov[3] = {{buf, 2}, {buf + 2, 2}, {buf + 4, 2}};
    memset(many, 0, sizeof many);
    for (int i = 0; i < 3; i++)
        many[i].msg_hdr = (struct msghdr){.msg_iov = &iov[i], .msg_iovlen = 1};
    SHOW(sendmmsg(b, many, 2, 0));
    SHOW(recvmmsg(a, many, 3, MSG_WAITFORONE, NULL));
    close(a);
    close(b);
}

int main(void)
{
    signal(SIGPIPE, on_pipe);
    transfers("127.0.0.1");
    transfers("::1");
    connected("127.0.0.1");
    connected("::1");
    shut();
    sizes("127.0.0.1", 65507);
    sizes("::1", 65527);
    limits();
    controls("127.0.0.1", "127.0.0.1");
    controls("0.0.0.0", "127.0.0.5");
    controls("::1", "::1");
    controls("::", "127.0.0.1");
    sent_controls();
    choices();
    waits();
    return guest_result();
}
