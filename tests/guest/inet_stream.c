/* SPDX-License-Identifier: MIT */
/* Streams of internet sockets: connecting, transfers, and all the ways in which they end. */

#include <pthread.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/time.h>
#include <sys/uio.h>

#include "inet_sockets.h"

static void transfers(const char *text)
{
    int fds[2], value;
    char buf[64], a[3], b[8];
    connected_pair(text, fds);
    SHOW(write(fds[0], "hello", 5));
    SHOW(send(fds[0], " world", 6, MSG_MORE));
    SOON(ioctl(fds[1], FIONREAD, &value) == 0 && value == 11);
    SHOW(recv(fds[1], buf, 4, MSG_PEEK));
    SHOW(recv(fds[1], buf, sizeof buf, MSG_PEEK));
    printf("%.11s\n", buf);
    SHOW(read(fds[1], buf, 3));
    SHOW(recv(fds[1], buf, 2, MSG_TRUNC)); /* thrown away */
    SHOW(read(fds[1], buf, sizeof buf));
    printf("%.6s\n", buf);
    SHOW(recv(fds[1], buf, sizeof buf, MSG_DONTWAIT));
    struct iovec out[3] = {{"ab", 2}, {"", 0}, {"cdef", 4}}, in[2] = {{a, 3}, {b, 8}};
    SHOW(writev(fds[1], out, 3));
    SHOW(readv(fds[0], in, 2));
    printf("%.3s %.3s\n", a, b);
    SHOW(write(fds[0], "", 0));
    SHOW(send(fds[0], "", 0, 0));
    SHOW(recv(fds[1], buf, sizeof buf, MSG_DONTWAIT));
    SHOW(read(fds[1], buf, 0));
    SHOW(recv(fds[1], buf, 0, MSG_DONTWAIT));
    SHOW(send(fds[0], "x", 1, MSG_NOSIGNAL | MSG_EOR));
    SHOW(recv(fds[1], buf, 0, 0));
    SHOW(recv(fds[1], buf, sizeof buf, MSG_ERRQUEUE));
    SHOW(recv(fds[1], buf, sizeof buf, 0));
    SHOW(lseek(fds[0], 0, SEEK_SET));
    SHOW(pread(fds[0], buf, 1, 0));
    union address to;
    socklen_t size = address_set(&to, "127.0.0.1", 9);
    SHOW(sendto(fds[0], "named", 5, 0, &to.any, size)); /* the name does not matter */
    size = sizeof to;
    to.any.sa_family = 77;
    SHOW(recvfrom(fds[1], buf, sizeof buf, 0, &to.any, &size));
    printf("size %d family %d\n", (int)size, to.any.sa_family);
    SHOW(write(fds[0], (void *)1, 5));
    SHOW(write(fds[0], "abc", 3));
    SHOW(read(fds[1], (void *)1, 5));
    SHOW(read(fds[1], buf, 5)); /* nothing was lost */
    close_both(fds);
}

static void names(const char *listens, const char *connects)
{
    union address peer;
    socklen_t size = sizeof peer;
    printf("%s at %s\n", connects, listens);
    int server = listen_at(listens, 2), client = socket(family_of(connects), SOCK_STREAM, 0);
    show_names("new", client);
    show_names("server", server);
    if (SHOW(connect_to(client, connects, port_of(server))) == 0) {
        int end = accept(server, &peer.any, &size);
        show_address("accept", &peer, size);
        show_names("client", client);
        show_names("end", end);
        CHECK(port_of(end) == port_of(server));
        CHECK(ntohs(peer.in.sin_port) == port_of(client));
        close(end);
    }
    close(client);
    close(server);
}

static void all_names(void)
{
    static const char *const addresses[] = {"127.0.0.1", "127.0.0.2", "0.0.0.0",
                                            "::1",       "::",        "::ffff:127.0.0.1"};
    for (size_t i = 0; i < 6; i++)
        for (size_t k = 0; k < 6; k++)
            names(addresses[i], addresses[k]);
    /* A bound client. */
    int server = listen_at("127.0.0.1", 1), client = socket_at(SOCK_STREAM, "127.0.0.3");
    int port = port_of(client);
    SHOW(connect_to(client, "127.0.0.1", port_of(server)));
    show_names("bound", client);
    CHECK(port == port_of(client));
    close(client);
    close(server);
    int on = 1; /* an IPv6 socket that is only that */
    server = socket(AF_INET6, SOCK_STREAM, 0);
    CHECK(setsockopt(server, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) == 0);
    CHECK(bind_to(server, "::", 0) == 0 && listen(server, 1) == 0);
    client = socket(AF_INET, SOCK_STREAM, 0);
    SHOW(connect_to(client, "127.0.0.1", port_of(server)));
    close(client);
    client = socket(AF_INET6, SOCK_STREAM, 0);
    CHECK(setsockopt(client, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) == 0);
    SHOW(connect_to(client, "::ffff:127.0.0.1", port_of(server)));
    SHOW(connect_to(client, "::1", port_of(server)));
    close(client);
    close(server);
}

static void show_end(const char *what, int fd)
{
    char buf[64];
    printf("%s:\n", what);
    show_poll("it", fd);
    shown("recv", recv(fd, buf, 2, MSG_DONTWAIT));
    shown("recv", recv(fd, buf, sizeof buf, MSG_DONTWAIT));
    shown("recv", recv(fd, buf, sizeof buf, MSG_DONTWAIT));
    shown("send", send(fd, "a", 1, MSG_DONTWAIT));
    settle();
    show_poll("then", fd);
    show_names("then", fd);
    shown("recv", recv(fd, buf, sizeof buf, MSG_DONTWAIT));
    shown("send", send(fd, "b", 1, MSG_DONTWAIT));
    shown("send", send(fd, "c", 1, MSG_DONTWAIT));
    shown("recv", recv(fd, buf, sizeof buf, MSG_DONTWAIT));
    shown("shutdown", shutdown(fd, SHUT_WR));
    shown("shutdown", shutdown(fd, SHUT_RDWR));
    shown("connect", connect_to(fd, "127.0.0.1", 1));
    show_error("last", fd);
}

/* What one end sees after the other has done something. */
static void ends(const char *text)
{
    static const struct linger reset = {1, 0};
    static const char *const names[] = {"open",        "closed",       "closed with unread",
                                        "reset",       "shut RD",      "shut WR",
                                        "shut RDWR",   "both shut WR", "data, closed",
                                        "data, reset", "data, shut",   "dissolved"};
    for (int i = 0; i < 12; i++) {
        int fds[2];
        connected_pair(text, fds);
        if (i == 2)
            CHECK(write(fds[0], "unread", 6) == 6);
        if (i >= 8 && i <= 10)
            CHECK(write(fds[1], "data", 4) == 4);
        settle();
        if (i == 3 || i == 9)
            CHECK(setsockopt(fds[1], SOL_SOCKET, SO_LINGER, &reset, sizeof reset) == 0);
        if (i == 4)
            SHOW(shutdown(fds[1], SHUT_RD));
        if (i == 5 || i == 10)
            SHOW(shutdown(fds[1], SHUT_WR));
        if (i == 6)
            SHOW(shutdown(fds[1], SHUT_RDWR));
        if (i == 7) {
            SHOW(shutdown(fds[1], SHUT_WR));
            settle();
            SHOW(shutdown(fds[0], SHUT_WR));
        }
        if (i == 11) {
            struct sockaddr none = {.sa_family = AF_UNSPEC};
            SHOW(connect(fds[1], &none, sizeof none));
            show_poll("dissolved", fds[1]);
            show_error("dissolved", fds[1]);
        }
        if (i == 1 || i == 2 || i == 3 || i == 8 || i == 9)
            close(fds[1]);
        settle();
        show_end(names[i], fds[0]);
        if (i == 0 || (i >= 4 && i <= 7) || i == 10)
            show_end("the other", fds[1]);
        close_both(fds);
    }
}

static void half_closed(void)
{
    int fds[2];
    char buf[8];
    connected_pair("127.0.0.1", fds);
    SHOW(shutdown(fds[0], SHUT_WR));
    SHOW(write(fds[0], "x", 1));
    SHOW(read(fds[1], buf, 8));
    SHOW(write(fds[1], "answer", 6));
    SHOW(read(fds[0], buf, 8));
    show_poll("shut", fds[0]);
    show_poll("peer", fds[1]);
    SHOW(shutdown(fds[0], SHUT_WR));
    close(fds[1]);
    SHOW(read(fds[0], buf, 8));
    show_poll("both", fds[0]);
    close(fds[0]);
    connected_pair("127.0.0.1", fds); /* what comes after SHUT_RD can be read */
    SHOW(shutdown(fds[0], SHUT_RD));
    SHOW(read(fds[0], buf, 8));
    SHOW(write(fds[1], "late", 4));
    settle();
    show_poll("late", fds[0]);
    SHOW(read(fds[0], buf, 8));
    SHOW(read(fds[0], buf, 8));
    close_both(fds);
}

static void early(void)
{
    char buf[8];
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    show_end("new", fd);
    close(fd);
    fd = socket_at(SOCK_STREAM, "127.0.0.1");
    show_end("bound", fd);
    close(fd);
    fd = listen_at("127.0.0.1", 1);
    show_poll("listening", fd);
    SHOW(read(fd, buf, 8));
    SHOW(write(fd, buf, 8));
    SHOW(connect_to(fd, "127.0.0.1", 1));
    SHOW(listen(fd, 5));
    SHOW(shutdown(fd, SHUT_WR));
    CHECK(fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
    SHOW(accept(fd, NULL, NULL));
    close(fd);
}

/* Data of all sizes, in both directions at once, arrives as it was sent. */
struct pump {
    int fd;
    uint32_t seed;
    size_t total;
    uint64_t hash;
};

static uint32_t next(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

static void *send_all(void *arg)
{
    struct pump *p = arg;
    static _Thread_local unsigned char buf[200000];
    uint32_t sizes = p->seed, bytes = p->seed;
    uint64_t hash = 0;
    for (size_t done = 0; done < p->total;) {
        size_t size = next(&sizes) % (sizes % 7 ? 3000 : sizeof buf) + 1;
        size = size < p->total - done ? size : p->total - done;
        for (size_t i = 0; i < size; i++) {
            buf[i] = (unsigned char)next(&bytes);
            hash = hash * 31 + buf[i];
        }
        CHECK(write(p->fd, buf, size) == (ssize_t)size);
        done += size;
    }
    CHECK(shutdown(p->fd, SHUT_WR) == 0);
    p->hash = hash;
    return NULL;
}

static void *receive_all(void *arg)
{
    struct pump *p = arg;
    static _Thread_local unsigned char buf[100000];
    uint32_t sizes = p->seed;
    uint64_t hash = 0;
    size_t total = 0;
    ssize_t n;
    while ((n = read(p->fd, buf, next(&sizes) % (sizes % 5 ? 5000 : sizeof buf) + 1)) > 0) {
        for (ssize_t i = 0; i < n; i++)
            hash = hash * 31 + buf[i];
        total += (size_t)n;
    }
    CHECK(n == 0 && total == p->total);
    p->hash = hash;
    return NULL;
}

static void pumps(void)
{
    int fds[2];
    pthread_t threads[4];
    struct pump p[4];
    connected_pair("::1", fds);
    for (int i = 0; i < 4; i++) {
        p[i] =
            (struct pump){fds[i / 2], (uint32_t)(7 + i), (size_t)guest_count(3000000, 50000000), 0};
        CHECK(pthread_create(&threads[i], NULL, i % 2 ? receive_all : send_all, &p[i]) == 0);
    }
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    CHECK(p[0].hash == p[3].hash && p[2].hash == p[1].hash);
    close_both(fds);
}

static void files(void)
{
    int fds[2], pipes[2];
    char buf[16];
    connected_pair("127.0.0.1", fds);
    int file = memfd_create("file", 0);
    CHECK(write(file, "of a file", 9) == 9 && pipe(pipes) == 0);
    off_t offset = 3;
    SHOW(sendfile(fds[0], file, &offset, 100));
    SHOW(splice(fds[1], NULL, pipes[1], NULL, 100, 0));
    SHOW(read(pipes[0], buf, sizeof buf));
    SHOW(write(pipes[1], "piped", 5));
    SHOW(splice(pipes[0], NULL, fds[0], NULL, 100, 0));
    SHOW(recv(fds[1], buf, 5, MSG_WAITALL));
    close(fds[1]);
    SHOW(sendfile(fds[0], file, NULL, 100) < 0 ? -1 : 0);
    close(fds[0]);
    close(file);
    close(pipes[0]);
    close(pipes[1]);
}

static void messages(void)
{
    int fds[2];
    char a[4], b[4], c[16];
    connected_pair("127.0.0.1", fds);
    struct iovec out[2] = {{"mess", 4}, {"age", 3}}, in[2] = {{a, 4}, {b, 4}};
    struct msghdr m = {.msg_iov = out, .msg_iovlen = 2};
    SHOW(sendmsg(fds[0], &m, 0));
    union address from;
    m = (struct msghdr){&from, sizeof from, in, 2, c, sizeof c, 0};
    SHOW(recvmsg(fds[1], &m, 0));
    printf("name %d control %d flags %#x\n", (int)m.msg_namelen, (int)m.msg_controllen,
           m.msg_flags);
    struct mmsghdr many[2] = {{.msg_hdr = {.msg_iov = out, .msg_iovlen = 1}},
                              {.msg_hdr = {.msg_iov = out + 1, .msg_iovlen = 1}}};
    SHOW(sendmmsg(fds[0], many, 2, 0));
    printf("%u %u\n", many[0].msg_len, many[1].msg_len);
    many[0].msg_hdr.msg_iov = in;
    many[1].msg_hdr.msg_iov = in + 1;
    SOON(ioctl(fds[1], FIONREAD, &(int){0}) == 0);
    SHOW(recvmmsg(fds[1], many, 2, MSG_DONTWAIT, NULL));
    printf("%u %u\n", many[0].msg_len, many[1].msg_len);
    close_both(fds);
}

/* Peers that are gone before anybody accepted them. */
static void unaccepted(void)
{
    static const struct linger reset = {1, 0};
    char buf[8];
    for (int i = 0; i < 3; i++) {
        union address peer;
        socklen_t size = sizeof peer;
        int server = listen_at("127.0.0.1", 4), client = socket(AF_INET, SOCK_STREAM, 0);
        CHECK(connect_to(client, "127.0.0.1", port_of(server)) == 0);
        if (i < 2)
            CHECK(write(client, "early", 5) == 5);
        if (i == 1)
            CHECK(setsockopt(client, SOL_SOCKET, SO_LINGER, &reset, sizeof reset) == 0);
        if (i < 2) {
            close(client);
            settle();
            int end = accept(server, &peer.any, &size);
            shown("accept", end < 0 ? -1 : 0);
            show_address("gone", &peer, size);
            SHOW(read(end, buf, 8));
            SHOW(read(end, buf, 8));
            close(end);
            close(server);
        } else {
            close(server);
            settle();
            show_end("the listener is gone", client);
            close(client);
        }
    }
}

static void again(void)
{
    struct sockaddr none = {.sa_family = AF_UNSPEC};
    int server = listen_at("127.0.0.1", 4), fd = socket(AF_INET, SOCK_STREAM, 0);
    int port = port_of(server), other = socket_at(SOCK_STREAM, "127.0.0.1");
    SHOW(connect(fd, &none, sizeof none));
    SHOW(connect_to(fd, "127.0.0.1", port_of(other))); /* bound, and nobody listens */
    show_poll("refused", fd);
    show_error("refused", fd);
    SHOW(connect_to(fd, "127.0.0.1", port));
    SHOW(connect_to(fd, "127.0.0.1", port));
    SHOW(connect(fd, &none, sizeof none));
    show_poll("dissolved", fd);
    show_error("dissolved", fd);
    SHOW(connect_to(fd, "127.0.0.1", port));
    SHOW(connect(server, &none, sizeof none));
    settle();
    show_end("refused later", fd);
    show_poll("not listening", server);
    CHECK(port_of(server) == port || port_of(server) == 0);
    SHOW(listen(server, 1));
    close(fd);
    close(other);
    close(server);
}

int main(void)
{
    signal(SIGPIPE, on_pipe);
    transfers("127.0.0.1");
    transfers("::1");
    all_names();
    ends("127.0.0.1");
    ends("::1");
    half_closed();
    early();
    pumps();
    files();
    messages();
    unaccepted();
    again();
    return guest_result();
}
