/* SPDX-License-Identifier: MIT */
/* Descriptors and credentials on AF_UNIX sockets. */

#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "unix_sockets.h"

/* Send bytes with descriptors. */
static ssize_t send_fds(int fd, const char *text, const int *fds, int count, int flags)
{
    char control[CMSG_SPACE(300 * sizeof(int))] = {0};
    struct iovec iov = {(void *)(uintptr_t)text, strlen(text)};
    struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
    m.msg_control = control;
    m.msg_controllen = CMSG_SPACE((size_t)count * sizeof(int));
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN((size_t)count * sizeof(int));
    memcpy(CMSG_DATA(c), fds, (size_t)count * sizeof(int));
    return sendmsg(fd, &m, flags);
}

/* Receive bytes with room for so many descriptors; how many came. */
static int receive_fds(int fd, char *buf, size_t size, int *fds, int room, int flags, ssize_t *n,
                       int *out_flags)
{
    char control[CMSG_SPACE(300 * sizeof(int))];
    struct iovec iov = {buf, size};
    struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
    m.msg_control = room ? control : NULL;
    m.msg_controllen = room ? CMSG_LEN((size_t)room * sizeof(int)) : 0;
    *n = recvmsg(fd, &m, flags);
    *out_flags = m.msg_flags;
    struct cmsghdr *c = *n >= 0 ? CMSG_FIRSTHDR(&m) : NULL;
    if (!c || c->cmsg_type != SCM_RIGHTS)
        return 0;
    int count = (int)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
    memcpy(fds, CMSG_DATA(c), (size_t)count * sizeof(int));
    return count;
}

static int lowest(void)
{
    int fd = dup(0);
    close(fd);
    return fd;
}

static void rights(int type)
{
    int pair[2], ends[2], fds[4], flags;
    char buf[64];
    ssize_t n;
    pair_of(type, pair);
    CHECK(pipe(ends) == 0);
    int before = lowest();
    CHECK(send_fds(pair[0], "with", ends, 2, 0) == 4);
    CHECK(receive_fds(pair[1], buf, 64, fds, 2, MSG_CMSG_CLOEXEC, &n, &flags) == 2);
    CHECK(n == 4 && flags == MSG_CMSG_CLOEXEC);
    CHECK(fcntl(fds[0], F_GETFD) == FD_CLOEXEC);
    CHECK(write(fds[1], "through", 7) == 7 && read(ends[0], buf, 64) == 7);
    close_both(fds);
    CHECK(lowest() == before);

    CHECK(send_fds(pair[0], "cut", ends, 2, 0) == 3); /* room for one */
    CHECK(receive_fds(pair[1], buf, 64, fds, 1, 0, &n, &flags) == 1 && flags == MSG_CTRUNC);
    CHECK(fcntl(fds[0], F_GETFD) == 0);
    close(fds[0]);
    CHECK(send_fds(pair[0], "none", ends, 2, 0) == 4); /* room for none */
    CHECK(receive_fds(pair[1], buf, 64, fds, 0, 0, &n, &flags) == 0 && flags == MSG_CTRUNC);
    CHECK(send_fds(pair[0], "read", ends, 2, 0) == 4); /* not asked for */
    CHECK(read(pair[1], buf, 64) == 4);
    CHECK(lowest() == before);

    CHECK(send_fds(pair[0], "peek", ends, 1, 0) == 4); /* a peek gives them, too */
    CHECK(receive_fds(pair[1], buf, 64, fds, 2, MSG_PEEK, &n, &flags) == 1 && n == 4);
    close(fds[0]);
    CHECK(receive_fds(pair[1], buf, 64, fds, 2, 0, &n, &flags) == 1 && n == 4);
    close(fds[0]);

    /* The file lives on while it is on its way. */
    CHECK(send_fds(pair[0], "last", ends, 2, 0) == 4);
    close_both(ends);
    CHECK(receive_fds(pair[1], buf, 64, ends, 2, 0, &n, &flags) == 2);
    CHECK(write(ends[1], "x", 1) == 1 && read(ends[0], buf, 1) == 1);

    /* Closed with the message unread, its files are closed. */
    CHECK(send_fds(pair[0], "lost", &ends[1], 1, 0) == 4);
    close(ends[1]);
    CHECK(fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0);
    CHECK_ERROR(read(ends[0], buf, 1), EAGAIN);
    close_both(pair);
    CHECK(read(ends[0], buf, 1) == 0);
    close(ends[0]);
}

/* In a stream, bytes with descriptors are a border. */
static void borders(void)
{
    int pair[2], fds[4], flags;
    char buf[64];
    ssize_t n;
    pair_of(SOCK_STREAM, pair);
    CHECK(write(pair[0], "ab", 2) == 2);
    CHECK(send_fds(pair[0], "cd", &pair[0], 1, 0) == 2);
    CHECK(write(pair[0], "ef", 2) == 2);
    CHECK(receive_fds(pair[1], buf, 64, fds, 4, 0, &n, &flags) == 1 && n == 4);
    close(fds[0]);
    CHECK(receive_fds(pair[1], buf, 64, fds, 4, 0, &n, &flags) == 0 && n == 2);
    CHECK(send_fds(pair[0], "gh", &pair[0], 1, 0) == 2); /* they come with the first byte */
    CHECK(receive_fds(pair[1], buf, 1, fds, 4, 0, &n, &flags) == 1 && n == 1);
    close(fds[0]);
    CHECK(receive_fds(pair[1], buf, 64, fds, 4, 0, &n, &flags) == 0 && n == 1);
    CHECK(send_fds(pair[0], "", &pair[0], 1, 0) == 0); /* without a byte they are not sent */
    CHECK_ERROR(recv(pair[1], buf, 1, MSG_DONTWAIT), EAGAIN);
    close_both(pair);
}

static void refused(void)
{
    int pair[2], bad[2] = {0, 999}, many[260] = {0};
    char control[CMSG_SPACE(8)];
    struct iovec iov = {"x", 1};
    struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control};
    struct cmsghdr *c = (struct cmsghdr *)control;
    pair_of(SOCK_STREAM, pair);
    CHECK_ERROR(send_fds(pair[0], "x", bad, 2, 0), EBADF);
    CHECK_ERROR(send_fds(pair[0], "x", many, 254, 0), EINVAL);
    CHECK(send_fds(pair[0], "x", many, 253, 0) == 1);
    CHECK(send_fds(pair[0], "x", many, 0, 0) == 1);
    m.msg_controllen = sizeof control;
    *c = (struct cmsghdr){1, SOL_SOCKET, SCM_RIGHTS};
    CHECK_ERROR(sendmsg(pair[0], &m, 0), EINVAL);
    *c = (struct cmsghdr){sizeof control + 1, SOL_SOCKET, SCM_RIGHTS};
    CHECK_ERROR(sendmsg(pair[0], &m, 0), EINVAL);
    *c = (struct cmsghdr){CMSG_LEN(4), SOL_SOCKET, 77};
    CHECK_ERROR(sendmsg(pair[0], &m, 0), EINVAL);
    *c = (struct cmsghdr){CMSG_LEN(4), SOL_SOCKET + 1, 77}; /* of another level: not looked at */
    CHECK(sendmsg(pair[0], &m, 0) == 1);
    m.msg_control = (void *)8;
    CHECK_ERROR(sendmsg(pair[0], &m, 0), EFAULT);
    close_both(pair);
}

/* A table of descriptors that is full: what fits comes. */
static void table_full(void)
{
    int pair[2], fds[3], got[4], flags;
    char buf[8];
    ssize_t n;
    struct rlimit old, few;
    pair_of(SOCK_DGRAM, pair);
    fds[0] = fds[1] = fds[2] = 0;
    CHECK(send_fds(pair[0], "x", fds, 3, 0) == 1);
    CHECK(getrlimit(RLIMIT_NOFILE, &old) == 0);
    few = (struct rlimit){(rlim_t)lowest() + 1, old.rlim_max};
    CHECK(setrlimit(RLIMIT_NOFILE, &few) == 0);
    CHECK(receive_fds(pair[1], buf, 8, got, 4, 0, &n, &flags) == 1 && flags == MSG_CTRUNC);
    CHECK(setrlimit(RLIMIT_NOFILE, &old) == 0);
    close(got[0]);
    close_both(pair);
}

struct received {
    ssize_t n;
    int flags, has_cred;
    struct ucred cred;
};

static struct received receive_cred(int fd, int flags)
{
    struct received r = {0};
    char control[256], buf[64];
    struct iovec iov = {buf, sizeof buf};
    struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
    m.msg_control = control;
    m.msg_controllen = sizeof control;
    r.n = recvmsg(fd, &m, flags);
    r.flags = m.msg_flags;
    struct cmsghdr *c = r.n >= 0 ? CMSG_FIRSTHDR(&m) : NULL;
    r.has_cred = c && c->cmsg_type == SCM_CREDENTIALS && c->cmsg_len == CMSG_LEN(sizeof r.cred);
    if (r.has_cred)
        memcpy(&r.cred, CMSG_DATA(c), sizeof r.cred);
    return r;
}

static ssize_t send_cred(int fd, struct ucred cred)
{
    char control[CMSG_SPACE(sizeof cred)] = {0};
    struct iovec iov = {"cred", 4};
    struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control};
    m.msg_controllen = sizeof control;
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    *c = (struct cmsghdr){CMSG_LEN(sizeof cred), SOL_SOCKET, SCM_CREDENTIALS};
    memcpy(CMSG_DATA(c), &cred, sizeof cred);
    return sendmsg(fd, &m, 0);
}

static void credentials(int type)
{
    int pair[2], one = 1;
    struct ucred me = {getpid(), getuid(), getgid()}, cred;
    socklen_t size = sizeof cred;
    pair_of(type, pair);
    CHECK(getsockopt(pair[0], SOL_SOCKET, SO_PEERCRED, &cred, &size) == 0 && size == sizeof cred);
    CHECK(cred.pid == me.pid && cred.uid == me.uid && cred.gid == me.gid);
    CHECK(write(pair[0], "early", 5) == 5);
    CHECK(setsockopt(pair[1], SOL_SOCKET, SO_PASSCRED, &one, sizeof one) == 0);
    struct received r = receive_cred(pair[1], 0); /* nobody had asked then */
    CHECK(r.has_cred && r.cred.pid == 0 && r.cred.uid == 65534 && r.cred.gid == 65534);
    CHECK(write(pair[0], "now", 3) == 3);
    r = receive_cred(pair[1], 0);
    CHECK(r.n == 3 && r.has_cred && r.cred.pid == me.pid && r.cred.uid == me.uid);
    CHECK(send_cred(pair[0], me) == 4);
    r = receive_cred(pair[1], 0);
    CHECK(r.n == 4 && r.has_cred && memcmp(&r.cred, &me, sizeof me) == 0);
    cred.uid = (uid_t)-1;
    CHECK_ERROR(send_cred(pair[0], cred), EINVAL);
    CHECK(write(pair[0], "now", 3) == 3);
    char buf[8];
    struct iovec iov = {buf, 8};
    struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
    CHECK(recvmsg(pair[1], &m, 0) == 3 && m.msg_flags == MSG_CTRUNC);
    /* Bytes of different processes do not come together. */
    if (type == SOCK_STREAM) {
        CHECK(write(pair[0], "mine", 4) == 4);
        pid_t pid = fork();
        if (pid == 0)
            _exit(write(pair[0], "child's", 7) != 7);
        int status;
        CHECK(waitpid(pid, &status, 0) == pid && status == 0);
        r = receive_cred(pair[1], 0);
        CHECK(r.n == 4 && r.cred.pid == me.pid);
        r = receive_cred(pair[1], 0);
        CHECK(r.n == 7 && r.cred.pid == pid);
    }
    close_both(pair);
}

/* The other end of a pipe is gone; Linux looks for lost sockets when others are closed. */
static int is_at_end(int fd)
{
    char c;
    int pair[2];
    pair_of(SOCK_STREAM, pair);
    close_both(pair);
    return read(fd, &c, 1) == 0;
}

/* Sockets that only messages in each other's queues hold are closed. */
static void circles(void)
{
    int a[2], b[2], ends[2];
    for (int i = 0; i < 20; i++) {
        pair_of(SOCK_STREAM, a);
        pair_of(SOCK_DGRAM, b);
        CHECK(pipe2(ends, O_NONBLOCK) == 0);
        CHECK(send_fds(a[0], "x", &a[1], 1, 0) == 1); /* a socket in its own queue */
        CHECK(send_fds(a[0], "x", &b[1], 1, 0) == 1);
        CHECK(send_fds(b[0], "x", &a[1], 1, 0) == 1);
        CHECK(send_fds(b[0], "x", &ends[1], 1, 0) == 1);
        close_both(a);
        close_both(b);
        close(ends[1]);
        SOON(is_at_end(ends[0]));
        close(ends[0]);
    }
    /* One that somebody still has is not. */
    int got[2], flags;
    char buf[8];
    ssize_t n;
    pair_of(SOCK_DGRAM, a);
    pair_of(SOCK_DGRAM, b);
    CHECK(send_fds(a[0], "1", &b[1], 1, 0) == 1);
    CHECK(send_fds(b[0], "2", &b[1], 1, 0) == 1);
    close(b[1]);
    close(b[0]);
    CHECK(receive_fds(a[1], buf, 8, got, 1, 0, &n, &flags) == 1);
    CHECK(receive_fds(got[0], buf, 8, &got[1], 1, 0, &n, &flags) == 1 && buf[0] == '2');
    close_both(got);
    close_both(a);
}

/* A long chain of sockets, each in the queue of the next. */
static void chain(void)
{
    int last[2], next[2];
    pair_of(SOCK_STREAM, last);
    for (int i = 0; i < 3000; i++) {
        pair_of(SOCK_STREAM, next);
        if (send_fds(next[0], "x", last, 2, 0) != 1) {
            CHECK(errno == ETOOMANYREFS);
            close_both(next);
            break;
        }
        close_both(last);
        last[0] = next[0];
        last[1] = next[1];
    }
    close_both(last);
}

int main(void)
{
    rights(SOCK_STREAM);
    rights(SOCK_DGRAM);
    rights(SOCK_SEQPACKET);
    borders();
    refused();
    table_full();
    credentials(SOCK_STREAM);
    credentials(SOCK_DGRAM);
    circles();
    chain();
    return guest_result();
}
