/* SPDX-License-Identifier: MIT */
/* AF_UNIX sockets between processes: servers, shared ends, ends that die, permissions. */

#include <signal.h>
#include <sys/wait.h>

#include "unix_sockets.h"

#define PEERPIDFD 77 /* SO_PEERPIDFD, which older headers lack */

static int exit_of(pid_t pid)
{
    int status = -1;
    CHECK(waitpid(pid, &status, 0) == pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 256 + WTERMSIG(status);
}

/* In a child: a failed check is its exit code. */
#define MUST(condition)                \
    do {                               \
        if (!(condition))              \
            _exit(__LINE__ % 250 + 1); \
    } while (0)

static void serve(int server, int count)
{
    char buf[64];
    for (int i = 0; i < count; i++) {
        int fd = accept(server, NULL, NULL);
        MUST(fd >= 0);
        ssize_t n;
        while ((n = read(fd, buf, sizeof buf)) > 0)
            MUST(write(fd, buf, (size_t)n) == n);
        close(fd);
    }
    _exit(0);
}

static void echo(int type)
{
    char buf[64], text[64];
    int server = listen_at(type, "echo", 4);
    pid_t pid = fork();
    if (pid == 0)
        serve(server, 10);
    close(server);
    for (int i = 0; i < 10; i++) {
        int fd = socket_of(type), n = snprintf(text, sizeof text, "message %d", i);
        CHECK(connect_to(fd, "echo") == 0);
        struct ucred cred;
        socklen_t size = sizeof cred;
        CHECK(getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &size) == 0 && cred.pid == getpid());
        int pidfd;
        size = sizeof pidfd;
        if (getsockopt(fd, SOL_SOCKET, PEERPIDFD, &pidfd, &size) ==
            0) { /* Linux has it since 6.5 */
            CHECK(fcntl(pidfd, F_GETFD) == FD_CLOEXEC);
            close(pidfd);
        } else {
            CHECK(errno == ENOPROTOOPT);
        }
        for (int k = 0; k < 20; k++) {
            CHECK(write(fd, text, (size_t)n) == n);
            CHECK(read(fd, buf, sizeof buf) == n && memcmp(buf, text, (size_t)n) == 0);
        }
        close(fd);
    }
    CHECK(exit_of(pid) == 0);
    int fd = socket_of(type);
    CHECK_ERROR(connect_to(fd, "echo"), ECONNREFUSED); /* the last who listened is gone */
    close(fd);
    unlink("echo");
}

/* A child that dies closes its end. */
static void deaths(int sig)
{
    int fds[2];
    char buf[8];
    pair_of(SOCK_STREAM, fds);
    pid_t pid = fork();
    if (pid == 0) {
        close(fds[0]);
        MUST(write(fds[1], "ready", 5) == 5);
        if (!sig)
            _exit(7);
        for (;;)
            (void)!read(fds[1], buf, 8);
    }
    close(fds[1]);
    CHECK(read(fds[0], buf, 8) == 5);
    if (sig)
        CHECK(kill(pid, sig) == 0);
    CHECK(read(fds[0], buf, 8) == 0);
    CHECK(polled(fds[0]) == (POLLIN | POLLOUT | POLLRDHUP | POLLHUP));
    CHECK_ERROR(send(fds[0], "x", 1, MSG_NOSIGNAL), EPIPE);
    CHECK(exit_of(pid) == (sig ? 256 + sig : 7));
    close(fds[0]);
}

/* SIGPIPE ends who does not handle it. */
static void killed_by_pipe(void)
{
    int fds[2];
    pair_of(SOCK_STREAM, fds);
    pid_t pid = fork();
    if (pid == 0) {
        close(fds[0]);
        MUST(shutdown(fds[1], SHUT_WR) == 0);
        (void)!write(fds[1], "x", 1);
        _exit(1);
    }
    CHECK(exit_of(pid) == 256 + SIGPIPE);
    close_both(fds);
}

/* A descriptor goes to a process that was there before the file. */
static void passed(void)
{
    int fds[2], ends[2];
    char buf[16], control[CMSG_SPACE(sizeof(int))] = {0};
    struct iovec iov = {buf, 1};
    struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control};
    m.msg_controllen = sizeof control;
    pair_of(SOCK_STREAM, fds);
    pid_t pid = fork();
    if (pid == 0) {
        MUST(recvmsg(fds[1], &m, 0) == 1);
        int fd;
        memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof fd);
        MUST(write(fd, "from the child", 14) == 14);
        _exit(0);
    }
    CHECK(pipe(ends) == 0);
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    *c = (struct cmsghdr){CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS};
    memcpy(CMSG_DATA(c), &ends[1], sizeof(int));
    CHECK(sendmsg(fds[0], &m, 0) == 1);
    close(ends[1]);
    CHECK(read(ends[0], buf, 16) == 14);
    CHECK(exit_of(pid) == 0);
    CHECK(read(ends[0], buf, 16) == 0);
    close(ends[0]);
    close_both(fds);
}

/* A connection goes through execve(2). */
static void after_exec(const char *self)
{
    int fds[2];
    char text[16], buf[16];
    pair_of(SOCK_STREAM, fds);
    pid_t pid = fork();
    if (pid == 0) {
        close(fds[0]);
        snprintf(text, sizeof text, "%d", fds[1]);
        execl(self, self, text, (char *)NULL);
        _exit(1);
    }
    close(fds[1]);
    CHECK(write(fds[0], "ping", 4) == 4);
    CHECK(read(fds[0], buf, 16) == 4 && memcmp(buf, "pong", 4) == 0);
    CHECK(read(fds[0], buf, 16) == 0);
    CHECK(exit_of(pid) == 0);
    close(fds[0]);
}

static int executed(int fd)
{
    char buf[16];
    struct stat st;
    MUST(fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode));
    MUST(read(fd, buf, 16) == 4);
    MUST(write(fd, "pong", 4) == 4);
    return 0;
}

/* Who may not write to the file may not connect. */
static void permissions(void)
{
    int server = listen_at(SOCK_STREAM, "private", 1);
    CHECK(chmod(".", 0755) == 0 && chmod("private", 0600) == 0);
    pid_t pid = fork();
    if (pid == 0) {
        int fd = socket_of(SOCK_STREAM);
        if (getuid() == 0)
            MUST(setgid(1000) == 0 && setuid(1000) == 0);
        else
            MUST(chmod("private", 0) == 0);
        MUST(connect_to(fd, "private") == -1 && errno == EACCES);
        MUST(getuid() != 1000 || (bind_to(fd, "mine") == -1 && errno == EACCES));
        _exit(0);
    }
    CHECK(exit_of(pid) == 0);
    close(server);
    unlink("private");
}

/* Several processes read packets from one end: each comes once. */
static void shared(void)
{
    int fds[2], results[2];
    pid_t pids[3];
    pair_of(SOCK_SEQPACKET, fds);
    CHECK(pipe(results) == 0);
    for (int i = 0; i < 3; i++) {
        pids[i] = fork();
        if (pids[i] == 0) {
            char c;
            close(fds[0]);
            while (read(fds[1], &c, 1) == 1)
                MUST(write(results[1], &c, 1) == 1);
            _exit(0);
        }
    }
    close(fds[1]);
    close(results[1]);
    int sum = 0, expected = 0, count = 0;
    for (int i = 0; i < 200; i++) {
        unsigned char c = (unsigned char)i;
        CHECK(write(fds[0], &c, 1) == 1);
        expected += c;
    }
    close(fds[0]);
    unsigned char c;
    while (read(results[0], &c, 1) == 1) {
        sum += c;
        count++;
    }
    CHECK(count == 200 && sum == expected);
    for (int i = 0; i < 3; i++)
        CHECK(exit_of(pids[i]) == 0);
    close(results[0]);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        return executed(atoi(argv[1]));
    echo(SOCK_STREAM);
    echo(SOCK_SEQPACKET);
    deaths(0);
    deaths(SIGKILL);
    deaths(SIGTERM);
    killed_by_pipe();
    passed();
    after_exec(argv[0]);
    permissions();
    shared();
    return guest_result();
}
