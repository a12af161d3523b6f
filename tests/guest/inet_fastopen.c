/* SPDX-License-Identifier: MIT */
/* TCP Fast Open as it is at first: clients may ask for it, and no server grants it. */

#include "inet_sockets.h"

static ssize_t send_first(int fd, const char *text, int port, int flags)
{
    union address a;
    socklen_t size = address_set(&a, text, port);
    return sendto(fd, "hello", 5, flags | MSG_FASTOPEN, &a.any, size);
}

/* What has come to who accepts next. */
static void show_accepted(int server)
{
    char buf[32] = "";
    int fd = accept(server, NULL, NULL);
    settle();
    shown("accepted", recv(fd, buf, sizeof buf, MSG_DONTWAIT));
    printf("'%s'\n", buf);
    close(fd);
}

static void blocking(const char *text)
{
    int server = listen_at(text, 4), fd = socket(family_of(text), SOCK_STREAM, 0);
    printf("%s\n", text);
    SHOW(send_first(fd, text, port_of(server), 0));
    show_names("client", fd);
    show_accepted(server);
    SHOW(send_first(fd, text, port_of(server), 0));
    SHOW(send(fd, "x", 1, MSG_FASTOPEN));
    close(fd);
    fd = socket(family_of(text), SOCK_STREAM, 0);
    SHOW(sendto(fd, NULL, 0, MSG_FASTOPEN, NULL, 0));
    SHOW(send(fd, "x", 1, MSG_FASTOPEN));
    int port = port_of(server);
    SHOW(send(server, "x", 1, MSG_FASTOPEN));
    close(server);
    SHOW(send_first(fd, text, port, 0));
    show_poll("refused", fd);
    show_error("refused", fd);
    SHOW(send(fd, "x", 1, 0));
    close(fd);
}

static void not_blocking(void)
{
    int server = listen_at("127.0.0.1", 4), fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    int port = port_of(server);
    SHOW(send_first(fd, "127.0.0.1", port, 0));
    settle();
    show_poll("begun", fd);
    show_error("begun", fd);
    SHOW(send(fd, "later", 5, 0));
    show_accepted(server);
    close(fd);
    fd = socket(AF_INET, SOCK_STREAM, 0);
    SHOW(send_first(fd, "127.0.0.1", port, MSG_DONTWAIT));
    settle();
    SHOW(send_first(fd, "127.0.0.1", port, MSG_DONTWAIT)); /* the end of connect(2) */
    SHOW(send_first(fd, "127.0.0.1", port, MSG_DONTWAIT));
    show_accepted(server);
    close(server);
    close(fd);
    fd = socket(AF_INET, SOCK_STREAM, 0);
    SHOW(send_first(fd, "127.0.0.1", port, MSG_DONTWAIT));
    settle();
    show_poll("refused", fd);
    SHOW(send(fd, "x", 1, 0));
    SHOW(send(fd, "x", 1, 0));
    close(fd);
}

static void bad_names(void)
{
    union address a;
    socklen_t size = address_set(&a, "127.0.0.1", 1);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    SHOW(sendto(fd, "x", 1, MSG_FASTOPEN, &a.any, 1));
    SHOW(sendto(fd, "x", 1, MSG_FASTOPEN, &a.any, 3));
    a.any.sa_family = AF_INET6;
    SHOW(sendto(fd, "x", 1, MSG_FASTOPEN, &a.any, size));
    a.any.sa_family = AF_UNSPEC;
    SHOW(sendto(fd, "x", 1, MSG_FASTOPEN, &a.any, size));
    close(fd);
    fd = socket_at(SOCK_DGRAM, "127.0.0.1"); /* there it means nothing */
    address_set(&a, "127.0.0.1", port_of(fd));
    SHOW(sendto(fd, "x", 1, MSG_FASTOPEN, &a.any, size));
    close(fd);
}

static void set(int fd, int name, int value)
{
    socklen_t size = sizeof value;
    printf("%s %d: ", name == TCP_FASTOPEN ? "TCP_FASTOPEN" : "TCP_FASTOPEN_CONNECT", value);
    SHOW(setsockopt(fd, IPPROTO_TCP, name, &value, sizeof value));
    value = -1;
    CHECK(getsockopt(fd, IPPROTO_TCP, name, &value, &size) == 0);
    printf("now %d\n", value);
}

static void options(void)
{
    int fds[2], server = listen_at("127.0.0.1", 4), fd = socket(AF_INET, SOCK_STREAM, 0);
    for (int i = 0; i < 2; i++) {
        set(server, i ? TCP_FASTOPEN_CONNECT : TCP_FASTOPEN, 5);
        set(server, i ? TCP_FASTOPEN_CONNECT : TCP_FASTOPEN, 1);
        set(server, i ? TCP_FASTOPEN_CONNECT : TCP_FASTOPEN, 100000);
        set(server, i ? TCP_FASTOPEN_CONNECT : TCP_FASTOPEN, -1);
    }
    set(fd, TCP_FASTOPEN_CONNECT, 2);
    set(fd, TCP_FASTOPEN_CONNECT, -1);
    set(fd, TCP_FASTOPEN_CONNECT, 1);
    set(fd, TCP_FASTOPEN, 7);
    SHOW(connect_to(fd, "127.0.0.1", port_of(server)));
    SHOW(send(fd, "hello", 5, 0));
    show_accepted(server);
    set(fd, TCP_FASTOPEN_CONNECT, 0);
    set(fd, TCP_FASTOPEN, 1);
    close(fd);
    fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    set(fd, TCP_FASTOPEN_CONNECT, 1);
    SHOW(connect_to(fd, "127.0.0.1", port_of(server)));
    settle();
    SHOW(connect_to(fd, "127.0.0.1", port_of(server)));
    SHOW(write(fd, "again", 5));
    show_accepted(server);
    close(fd);
    close(server);
    connected_pair("::1", fds);
    set(fds[1], TCP_FASTOPEN, 1);
    close_both(fds);
}

int main(void)
{
    char value = 0;
    FILE *f = fopen("/proc/sys/net/ipv4/tcp_fastopen", "r");
    CHECK(f && fread(&value, 1, 1, f) == 1);
    printf("tcp_fastopen %c\n", value);
    signal(SIGPIPE, on_pipe);
    blocking("127.0.0.1");
    blocking("::1");
    not_blocking();
    bad_names();
    options();
    return guest_result();
}
