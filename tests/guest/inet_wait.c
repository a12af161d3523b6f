/* SPDX-License-Identifier: MIT */
/* TIME_WAIT: who may have the port of a connection that has ended, and who not. */

#include "inet_sockets.h"

/* A connection whose ends have ports that are known; the listener is closed. */
struct connection {
    int client, server; /* -1: closed */
    int client_port, server_port;
};

static void reuse(int fd, int on)
{
    CHECK(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0);
}

/* reuses: SO_REUSEADDR of both ends, which the accepted one has from its listener. */
static struct connection connection(const char *text, int reuses)
{
    struct connection c;
    int listener = listen_at(text, 1);
    reuse(listener, reuses);
    c.client = socket_at(SOCK_STREAM, text);
    reuse(c.client, reuses);
    c.client_port = port_of(c.client);
    c.server_port = port_of(listener);
    CHECK(connect_to(c.client, text, c.server_port) == 0);
    c.server = accept(listener, NULL, NULL);
    CHECK(c.server >= 0);
    close(listener);
    return c;
}

static void end(int *fd)
{
    close(*fd);
    *fd = -1;
    settle();
}

/* Try to bind, and to listen: with SO_REUSEADDR or without. */
static void try_bind(const char *what, const char *text, int port, int reuses)
{
    int fd = socket(family_of(text), SOCK_STREAM, 0);
    reuse(fd, reuses);
    printf("%s, %s%s: ", what, text, reuses ? ", reusing" : "");
    if (SHOW(bind_to(fd, text, port)) == 0)
        CHECK(listen(fd, 1) == 0);
    close(fd);
}

static void try_both(const struct connection *c, const char *text)
{
    try_bind("client's", text, c->client_port, 0);
    try_bind("client's", text, c->client_port, 1);
    try_bind("server's", text, c->server_port, 0);
    try_bind("server's", text, c->server_port, 1);
}

/* The lines of a port in /proc/net: state, owner and timer. */
static void show_lines(const char *file, int port)
{
    char line[512], want[16];
    FILE *f = fopen(file, "r");
    snprintf(want, sizeof want, ":%04X", (unsigned)port);
    while (f && fgets(line, sizeof line, f)) {
        char local[64], remote[64];
        unsigned state, timer, uid, left;
        unsigned long inode;
        if (sscanf(line, " %*d: %63s %63s %x %*x:%*x %x:%x %*x %u %*u %lu", local, remote, &state,
                   &timer, &left, &uid, &inode) == 7 &&
            strcmp(strchr(local, ':'), want) == 0) {
            printf("%s: state %02X timer %02X %s uid %u inode %lu\n", file, state, timer,
                   left > 5500 && left <= 6000 ? "60 s"
                   : left                      ? "other"
                                               : "0",
                   uid, inode);
        }
    }
    if (f)
        fclose(f);
}

static void in_turn(const char *text, int reuses)
{
    printf("client first, %s, reuses %d\n", text, reuses);
    struct connection c = connection(text, reuses);
    end(&c.client);
    printf("half closed\n");
    usleep(300000); /* Linux takes its time to say that it has got the FIN */
    try_both(&c, text);
    show_lines(strchr(text, ':') ? "/proc/net/tcp6" : "/proc/net/tcp", c.client_port);
    end(&c.server);
    printf("closed\n");
    try_both(&c, text);
    show_lines(strchr(text, ':') ? "/proc/net/tcp6" : "/proc/net/tcp", c.client_port);
    show_lines(strchr(text, ':') ? "/proc/net/tcp6" : "/proc/net/tcp", c.server_port);
    printf("server first\n");
    c = connection(text, reuses);
    end(&c.server);
    try_both(&c, text);
    end(&c.client);
    try_both(&c, text);
}

/* Ends by shutdown(2), of which close(2) is told later. */
static void shut_down(void)
{
    struct connection c = connection("127.0.0.1", 0);
    printf("shutdown(2), client first\n");
    shutdown(c.client, SHUT_WR);
    shutdown(c.server, SHUT_WR);
    settle();
    try_both(&c, "127.0.0.1");
    show_lines("/proc/net/tcp", c.client_port);
    show_lines("/proc/net/tcp", c.server_port);
    end(&c.server);
    end(&c.client);
    try_both(&c, "127.0.0.1");
    show_lines("/proc/net/tcp", c.client_port);
    int fd = socket_at(SOCK_STREAM, "127.0.0.1"); /* has a port, and is not to be seen */
    show_lines("/proc/net/tcp", port_of(fd));
    try_bind("bound", "127.0.0.1", port_of(fd), 0);
    close(fd);
    printf("closed, then shutdown(2)\n");
    c = connection("127.0.0.1", 0);
    end(&c.client);
    shutdown(c.server, SHUT_WR);
    settle();
    show_lines("/proc/net/tcp", c.client_port);
    end(&c.server);
    try_both(&c, "127.0.0.1");
}

/* After a reset nothing is left. */
static void resets(void)
{
    const struct linger none = {1, 0};
    struct connection c = connection("127.0.0.1", 0);
    printf("linger\n");
    CHECK(setsockopt(c.client, SOL_SOCKET, SO_LINGER, &none, sizeof none) == 0);
    end(&c.client);
    try_bind("client's", "127.0.0.1", c.client_port, 0);
    end(&c.server);
    try_both(&c, "127.0.0.1");
    printf("unread\n");
    c = connection("127.0.0.1", 0);
    CHECK(write(c.server, "x", 1) == 1);
    settle();
    end(&c.client);
    end(&c.server);
    try_both(&c, "127.0.0.1");
    printf("unread by the second\n");
    c = connection("127.0.0.1", 0);
    CHECK(write(c.client, "x", 1) == 1);
    settle();
    end(&c.client);
    try_bind("client's", "127.0.0.1", c.client_port, 0);
    end(&c.server);
    try_both(&c, "127.0.0.1");
    printf("sent too late\n");
    c = connection("127.0.0.1", 0);
    end(&c.client);
    CHECK(write(c.server, "x", 1) == 1);
    settle();
    try_bind("client's", "127.0.0.1", c.client_port, 0);
    end(&c.server);
    printf("disconnected\n");
    c = connection("127.0.0.1", 0);
    const struct sockaddr unspec = {.sa_family = AF_UNSPEC};
    CHECK(connect(c.client, &unspec, sizeof unspec) == 0);
    end(&c.client);
    end(&c.server);
    try_both(&c, "127.0.0.1");
}

/* Which addresses stand for which. */
static void addresses(void)
{
    static const char *const others[] = {"0.0.0.0", "127.0.0.2", "::", "::1", "::ffff:127.0.0.1"};
    printf("addresses\n");
    struct connection c = connection("127.0.0.1", 0);
    end(&c.client);
    end(&c.server);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        try_bind("client's", others[i], c.client_port, 0);
    c = connection("::1", 0);
    end(&c.client);
    end(&c.server);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        try_bind("client's", others[i], c.client_port, 0);
    int udp = socket(AF_INET, SOCK_DGRAM, 0);
    SHOW(bind_to(udp, "127.0.0.1", c.client_port));
    close(udp);
}

/* The same connection again: who closed first opens it, then who closed second. */
static void again(void)
{
    printf("again\n");
    struct connection c = connection("127.0.0.1", 1);
    end(&c.client);
    end(&c.server);
    int listener = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0);
    reuse(listener, 1);
    reuse(client, 1);
    SHOW(bind_to(listener, "127.0.0.1", c.server_port));
    SHOW(listen(listener, 4));
    SHOW(bind_to(client, "127.0.0.1", c.client_port));
    SHOW(connect_to(client, "127.0.0.1", c.server_port));
    int fd = accept(listener, NULL, NULL);
    CHECK(fd >= 0);
    end(&fd); /* the server's end is first */
    end(&client);
    client = socket(AF_INET, SOCK_STREAM, 0);
    SHOW(bind_to(client, "127.0.0.1", c.client_port));
    SHOW(connect_to(client, "127.0.0.1", c.server_port));
    SHOW(connect_to(client, "127.0.0.1", c.server_port));
    end(&client);
    close(listener);
}

/* Many short connections take no port from those that follow. */
static void many(void)
{
    int listener = listen_at("127.0.0.1", 4), port = port_of(listener);
    for (long i = 0; i < guest_count(3000, 40000); i++) {
        int client = socket(AF_INET, SOCK_STREAM, 0);
        CHECK(connect_to(client, "127.0.0.1", port) == 0);
        close(client);
        int fd = accept(listener, NULL, NULL);
        CHECK(fd >= 0);
        close(fd);
    }
    close(listener);
}

/* A minute later it is over: in the long tier. */
static void expires(void)
{
    if (!guest_count(0, 1))
        return;
    struct connection c = connection("127.0.0.1", 0), half = connection("127.0.0.1", 0);
    end(&c.client);
    end(&c.server);
    end(&half.client);
    sleep(63);
    try_both(&c, "127.0.0.1");
    try_both(&half, "127.0.0.1");
    end(&half.server);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    in_turn("127.0.0.1", 0);
    in_turn("127.0.0.1", 1);
    in_turn("::1", 0);
    shut_down();
    resets();
    addresses();
    again();
    many();
    expires();
    return guest_result();
}
