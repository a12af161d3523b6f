/* SPDX-License-Identifier: MIT */
/* /proc/net/unix: what it shows of AF_UNIX sockets of every kind and state. */

#include <signal.h>
#include <sys/wait.h>

#include "unix_sockets.h"

#define FILE_NAME "/proc/net/unix"

static unsigned long inode_of(int fd)
{
    struct stat st;
    CHECK(fstat(fd, &st) == 0);
    return st.st_ino;
}

/* The lines of an inode, or (0) of those that have none, with a name that ends so; how many. */
static int show(const char *what, unsigned long inode, const char *end)
{
    char line[512];
    int found = 0;
    FILE *f = fopen(FILE_NAME, "r");
    CHECK(f != NULL);
    while (f && fgets(line, sizeof line, f)) {
        unsigned refs, protocol, flags, type, state;
        unsigned long its;
        int rest = 0;
        if (sscanf(line, "%*x: %8X %8X %8X %4X %2X %lu%n", &refs, &protocol, &flags, &type, &state,
                   &its, &rest) != 6 ||
            its != inode)
            continue;
        line[strcspn(line, "\n")] = 0;
        if (end && (strlen(line) < strlen(end) || strcmp(line + strlen(line) - strlen(end), end)))
            continue;
        found++;
        printf("%s: %u references, protocol %u flags %08x type %u state %u name '%s'\n", what, refs,
               protocol, flags, type, state, line + rest);
    }
    if (f)
        fclose(f);
    return found;
}

static void show_fd(const char *what, int fd)
{
    CHECK(show(what, inode_of(fd), NULL) == 1);
}

static void head(void)
{
    char line[256] = "";
    FILE *f = fopen("/proc/self/net/unix", "r");
    CHECK(f && fgets(line, sizeof line, f));
    printf("%s", line);
    if (f)
        fclose(f);
}

static void connections(int type, const char *name)
{
    int fd = socket_of(type), client = socket_of(type);
    show_fd("new", fd);
    CHECK(bind_to(fd, name) == 0);
    show_fd("bound", fd);
    CHECK(listen(fd, 4) == 0);
    show_fd("listens", fd);
    CHECK(connect_to(client, name) == 0);
    show_fd("client", client);
    CHECK(show("to be accepted", 0, name) == 1);
    int end = accept(fd, NULL, NULL);
    CHECK(show("to be accepted", 0, name) == 0);
    show_fd("accepted", end);
    shutdown(client, SHUT_RDWR);
    show_fd("shut down", client);
    unsigned long inode = inode_of(end);
    close(end);
    CHECK(show("closed", inode, NULL) == 0);
    show_fd("alone", client);
    unlink(name);
    show_fd("unlinked", fd);
    CHECK(connect_to(end = socket_of(type), "none") < 0);
    show_fd("not connected", end);
    close(end);
    close(client);
    close(fd);
}

static void datagrams(void)
{
    int fds[2], fd = socket_of(SOCK_DGRAM), to = socket_of(SOCK_RAW);
    CHECK(bind_to(to, "@list\n of \xc3\xa4") == 0);
    show_fd("bound", to);
    close(to);
    to = socket_of(SOCK_RAW);
    CHECK(bind_to(to, "@list") == 0);
    show_fd("bound", to);
    CHECK(connect_to(fd, "@list") == 0);
    show_fd("connected", fd);
    show_fd("its peer", to);
    CHECK(send(fd, "x", 1, 0) == 1);
    close(fd);
    show_fd("its peer", to);
    close(to);
    pair_of(SOCK_DGRAM, fds);
    show_fd("pair", fds[0]);
    close_both(fds);
}

/* What others have, and what is on its way. */
static void others(void)
{
    int fds[2];
    char byte;
    pair_of(SOCK_STREAM, fds);
    pid_t pid = fork();
    if (!pid) {
        close(fds[0]);
        int fd = socket_of(SOCK_STREAM);
        CHECK(bind_to(fd, "@other's") == 0 && listen(fd, 1) == 0);
        unsigned long inode = inode_of(fd);
        CHECK(write(fds[1], &inode, sizeof inode) == sizeof inode);
        CHECK(read(fds[1], &byte, 1) == 0);
        _exit(0);
    }
    close(fds[1]);
    unsigned long inode = 0;
    CHECK(read(fds[0], &inode, sizeof inode) == sizeof inode);
    CHECK(show("another's", inode, NULL) == 1);
    close(fds[0]);
    CHECK(waitpid(pid, NULL, 0) == pid);
    CHECK(show("another's", inode, NULL) == 0);
}

int main(void)
{
    head();
    connections(SOCK_STREAM, "stream.sock");
    connections(SOCK_SEQPACKET, "packet.sock");
    datagrams();
    others();
    return guest_result();
}
