/* SPDX-License-Identifier: MIT */
/* Internet sockets between processes: servers, ends that are passed on, inherited, and die. */

#include <sys/un.h>

#include "guest_process.h"
#include "inet_sockets.h"

struct server {
    int fd, count;
};

/* Answer so many connections with what they send. */
static int serve(void *arg)
{
    const struct server *s = arg;
    char buf[64];
    for (int i = 0; i < s->count; i++) {
        int fd = accept(s->fd, NULL, NULL);
        CHECK(fd >= 0);
        ssize_t n;
        while ((n = read(fd, buf, sizeof buf)) > 0)
            CHECK(write(fd, buf, (size_t)n) == n);
        CHECK(n == 0);
        close(fd);
    }
    return 0;
}

static void ask(const char *text, int port, int number)
{
    char out[32], in[32];
    int fd = socket(family_of(text), SOCK_STREAM, 0),
        n = snprintf(out, sizeof out, "number %d", number);
    CHECK(connect_to(fd, text, port) == 0);
    for (int i = 0; i < 10; i++) {
        CHECK(write(fd, out, (size_t)n) == n);
        CHECK(recv(fd, in, (size_t)n, MSG_WAITALL) == n && memcmp(in, out, (size_t)n) == 0);
    }
    CHECK(shutdown(fd, SHUT_WR) == 0 && read(fd, in, sizeof in) == 0);
    close(fd);
}

static void echo(const char *text)
{
    struct server s = {listen_at(text, 4), 10};
    int port = port_of(s.fd);
    pid_t pid = start(serve, &s);
    close(s.fd);
    for (int i = 0; i < s.count; i++)
        ask(text, port, i);
    CHECK_EXIT(status_of(pid), 0);
    int fd = socket(family_of(text), SOCK_STREAM, 0);
    CHECK_ERROR(connect_to(fd, text, port), ECONNREFUSED); /* the last who listened is gone */
    close(fd);
}

/* Several processes accept at one socket. */
static void preforked(void)
{
    struct server s = {listen_at("127.0.0.1", 16), 5};
    pid_t pids[4];
    int port = port_of(s.fd);
    for (int i = 0; i < 4; i++)
        pids[i] = start(serve, &s);
    close(s.fd);
    for (int i = 0; i < 4 * s.count; i++)
        ask("127.0.0.1", port, i);
    for (int i = 0; i < 4; i++)
        CHECK_EXIT(status_of(pids[i]), 0);
}

/* Several listen at one port: each gets a part of what comes. */
static void reuse_port(void)
{
    int servers[3], clients[60], port = 0, on = 1, total = 0, fd;
    for (int i = 0; i < 3; i++) {
        servers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        CHECK(setsockopt(servers[i], SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) == 0);
        CHECK(bind_to(servers[i], "127.0.0.1", port) == 0 && listen(servers[i], 100) == 0);
        port = port_of(servers[0]);
    }
    for (int i = 0; i < 60; i++) {
        clients[i] = socket(AF_INET, SOCK_STREAM, 0);
        CHECK(connect_to(clients[i], "127.0.0.1", port) == 0);
    }
    for (int i = 0; i < 3; i++) {
        int n = 0;
        for (; (fd = accept(servers[i], NULL, NULL)) >= 0; n++)
            close(fd);
        CHECK(n > 0);
        total += n;
        close(servers[i]);
    }
    CHECK(total == 60);
    for (int i = 0; i < 60; i++)
        close(clients[i]);
}

static int die(void *arg)
{
    const int *fds = arg;
    char buf[8];
    close(fds[0]);
    CHECK(write(fds[1], "ready", 5) == 5);
    if (fds[2])
        (void)!read(fds[1], buf, 8);
    return 7;
}

/* A process that dies closes its end. */
static void deaths(int killed)
{
    int fds[3] = {0, 0, killed};
    char buf[8];
    connected_pair("127.0.0.1", fds);
    pid_t pid = start(die, fds);
    close(fds[1]);
    CHECK(recv(fds[0], buf, 5, MSG_WAITALL) == 5);
    if (killed)
        kill(pid, SIGKILL);
    int status = status_of(pid);
    printf("status %#x\n", status);
    SHOW(read(fds[0], buf, 8));
    show_poll("left", fds[0]);
    close(fds[0]);
}

static void send_fd(int via, int fd)
{
    char control[CMSG_SPACE(sizeof fd)] = {0};
    struct iovec iov = {"x", 1};
    struct msghdr m = {NULL, 0, &iov, 1, control, sizeof control, 0};
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(c), &fd, sizeof fd);
    CHECK(sendmsg(via, &m, 0) == 1);
}

static int receive_fd(int via)
{
    char control[CMSG_SPACE(sizeof(int))], byte;
    struct iovec iov = {&byte, 1};
    struct msghdr m = {NULL, 0, &iov, 1, control, sizeof control, 0};
    int fd = -1;
    CHECK(recvmsg(via, &m, 0) == 1);
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    CHECK(c && c->cmsg_type == SCM_RIGHTS);
    if (c)
        memcpy(&fd, CMSG_DATA(c), sizeof fd);
    return fd;
}

static int accept_passed(void *arg)
{
    int via = *(int *)arg, server = receive_fd(via);
    int fd = accept(server, NULL, NULL);
    send_fd(via, fd);
    close(fd);
    close(server);
    return 0;
}

/* A listener goes to another process, and what that accepts comes back. */
static void passed(void)
{
    int pair[2], server = listen_at("::1", 4), port = port_of(server);
    char buf[8];
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    pid_t pid = start(accept_passed, &pair[1]);
    close(pair[1]);
    send_fd(pair[0], server);
    close(server);
    int client = socket(AF_INET6, SOCK_STREAM, 0);
    int connected = 0;
    for (int i = 0; i < 100 && !connected; i++) { /* the message alone holds it for a while */
        connected = connect_to(client, "::1", port) == 0;
        usleep(1000);
    }
    CHECK(connected);
    int end = receive_fd(pair[0]);
    CHECK_EXIT(status_of(pid), 0);
    show_names("passed", end);
    SHOW(write(client, "hello", 5));
    SHOW(read(end, buf, 8));
    close(client);
    SHOW(read(end, buf, 8));
    close(end);
    close(pair[0]);
}

/* A descriptor that is inherited by what is executed. */
static int execute(void *arg)
{
    char number[16];
    snprintf(number, sizeof number, "%d", *(int *)arg);
    execl("/proc/self/exe", "inet_processes", "serve", number, NULL);
    return 1;
}

static void inherited(void)
{
    int server = listen_at("127.0.0.1", 4), port = port_of(server);
    pid_t pid = start(execute, &server);
    close(server);
    ask("127.0.0.1", port, 77);
    CHECK_EXIT(status_of(pid), 0);
}

static int send_datagrams(void *arg)
{
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    CHECK(connect_to(fd, "127.0.0.1", *(int *)arg) == 0);
    for (int i = 0; i < 50; i++)
        CHECK(write(fd, &i, sizeof i) == sizeof i);
    return 0;
}

static void datagrams(void)
{
    int fd = socket_at(SOCK_DGRAM, "127.0.0.1"), port = port_of(fd), value, sum = 0;
    pid_t pids[3];
    for (int i = 0; i < 3; i++)
        pids[i] = start(send_datagrams, &port);
    for (int i = 0; i < 150; i++) {
        CHECK(read(fd, &value, sizeof value) == sizeof value);
        sum += value;
    }
    printf("sum %d\n", sum);
    for (int i = 0; i < 3; i++)
        CHECK_EXIT(status_of(pids[i]), 0);
    close(fd);
}

int main(int argc, char **argv)
{
    signal(SIGPIPE, on_pipe);
    if (argc == 3) { /* executed */
        struct server s = {atoi(argv[2]), 1};
        return serve(&s);
    }
    echo("127.0.0.1");
    echo("::1");
    preforked();
    reuse_port();
    deaths(0);
    deaths(1);
    passed();
    inherited();
    datagrams();
    return guest_result();
}
