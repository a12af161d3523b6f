/* SPDX-License-Identifier: MIT */
/* What socket calls refuse, and in which order; options. */

#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/time.h>

#include "unix_sockets.h"

static void making(void)
{
    int fds[2];
    CHECK_ERROR(socket(AF_UNIX, SOCK_STREAM | 0x100, 0), EINVAL);
    CHECK_ERROR(socket(-1, SOCK_STREAM, 0), EAFNOSUPPORT);
    CHECK_ERROR(socket(46, SOCK_STREAM, 0), EAFNOSUPPORT);
    CHECK_ERROR(socket(AF_UNIX, 11, 0), EINVAL);
    CHECK_ERROR(socket(AF_UNIX, SOCK_RDM, 0), ESOCKTNOSUPPORT);
    CHECK_ERROR(socket(AF_UNIX, SOCK_STREAM, 2), EPROTONOSUPPORT);
    CHECK_ERROR(socket(AF_UNIX, SOCK_RDM, 2), EPROTONOSUPPORT);
    CHECK_ERROR(socketpair(AF_UNIX, SOCK_STREAM, 0, (int *)8), EFAULT);
    CHECK_ERROR(socketpair(AF_UNIX, SOCK_STREAM, 7, fds), EPROTONOSUPPORT);
    fds[0] = socket(AF_UNIX, SOCK_RAW, 0);
    int type;
    socklen_t size = sizeof type;
    CHECK(getsockopt(fds[0], SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_DGRAM);
    close(fds[0]);
    fds[0] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, AF_UNIX);
    CHECK(fcntl(fds[0], F_GETFL) == (O_RDWR | O_NONBLOCK) && fcntl(fds[0], F_GETFD) == FD_CLOEXEC);
    close(fds[0]);
}

static void naming(int type)
{
    struct sockaddr_un name;
    char bytes[256] = {AF_UNIX};
    int fd = socket_of(type);
    socklen_t size = name_set(&name, "@x");
    CHECK_ERROR(bind(fd, (struct sockaddr *)&name, (socklen_t)-1), EINVAL);
    CHECK_ERROR(bind(fd, (struct sockaddr *)bytes, 129), EINVAL);
    CHECK_ERROR(bind(fd, (struct sockaddr *)bytes, 111), EINVAL);
    CHECK_ERROR(bind(fd, (struct sockaddr *)8, size), EFAULT);
    CHECK_ERROR(bind(fd, (struct sockaddr *)bytes, 1), EINVAL);
    name.sun_family = AF_INET;
    CHECK_ERROR(bind(fd, (struct sockaddr *)&name, size), EINVAL);
    CHECK_ERROR(connect(fd, (struct sockaddr *)&name, size), EINVAL);
    name.sun_family = AF_UNIX;
    CHECK_ERROR(connect(fd, (struct sockaddr *)&name, 2), EINVAL);
    CHECK_ERROR(connect(fd, (struct sockaddr *)&name, 0), EINVAL);
    CHECK_ERROR(connect_to(fd, "missing"), ENOENT);
    CHECK_ERROR(connect_to(fd, "missing/more"), ENOENT);
    int file = open("file", O_CREAT | O_RDWR, 0600);
    CHECK_ERROR(connect_to(fd, "file"), ECONNREFUSED);
    CHECK_ERROR(connect_to(fd, "file/x"), ENOTDIR);
    CHECK_ERROR(bind_to(fd, "file"), EADDRINUSE);
    CHECK_ERROR(bind_to(fd, "file/x"), ENOTDIR);
    CHECK_ERROR(connect_to(fd, "."), ECONNREFUSED);
    close(file);
    unlink("file");
    CHECK(mknod("node", S_IFSOCK | 0600, 0) == 0);
    CHECK_ERROR(connect_to(fd, "node"), ECONNREFUSED);
    unlink("node");
    /* The longest path: without a zero at its end. */
    memset(&name, 0, sizeof name);
    name.sun_family = AF_UNIX;
    memset(name.sun_path, 'p', sizeof name.sun_path);
    CHECK(bind(fd, (struct sockaddr *)&name, sizeof name) == 0);
    size = sizeof bytes;
    CHECK(getsockname(fd, (struct sockaddr *)bytes, &size) == 0 && size == 111);
    CHECK(bytes[109] == 'p' && bytes[110] == 0);
    CHECK_ERROR(bind_to(fd, "@again"), EINVAL);
    close(fd);
    bytes[110] = 0;
    CHECK(unlink(bytes + 2) == 0);
}

static void not_connected(int type)
{
    char buf[8];
    struct sockaddr_un name;
    socklen_t size = sizeof name;
    int fd = socket_of(type), packet = type == SOCK_SEQPACKET;
    CHECK_ERROR(send(fd, "x", 1, MSG_NOSIGNAL), ENOTCONN);
    CHECK_ERROR(recv(fd, buf, 8, 0), packet ? ENOTCONN : EINVAL);
    CHECK_ERROR(read(fd, buf, 8), packet ? ENOTCONN : EINVAL);
    CHECK_ERROR(getpeername(fd, (struct sockaddr *)&name, &size), ENOTCONN);
    CHECK_ERROR(accept(fd, NULL, NULL), EINVAL);
    CHECK_ERROR(listen(fd, 1), EINVAL);
    CHECK_ERROR(shutdown(fd, 3), EINVAL);
    CHECK(shutdown(fd, SHUT_RDWR) == 0);
    close(fd);

    fd = socket_of(type);
    socklen_t length = name_set(&name, "@nobody");
    CHECK_ERROR(sendto(fd, "x", 1, 0, (struct sockaddr *)&name, length),
                packet ? ENOTCONN : EOPNOTSUPP);
    CHECK(bind_to(fd, "@me") == 0 && listen(fd, 1) == 0 && listen(fd, -1) == 0);
    CHECK_ERROR(connect_to(fd, "@me"), EINVAL);
    CHECK_ERROR(recv(fd, buf, 8, 0), packet ? ENOTCONN : EINVAL);
    CHECK_ERROR(accept4(fd, NULL, NULL, 1), EINVAL);
    CHECK_ERROR(accept4(0, NULL, NULL, 1), EINVAL);
    CHECK_ERROR(accept4(-1, NULL, NULL, 1), EBADF);
    int value;
    CHECK_ERROR(ioctl(fd, FIONREAD, &value), EINVAL);
    CHECK(ioctl(fd, TIOCOUTQ, &value) == 0 && value == 0);
    int client = socket_of(type);
    CHECK(connect_to(client, "@me") == 0);
    CHECK_ERROR(listen(client, 1), EINVAL);
    CHECK_ERROR(connect_to(client, "@nobody"), ECONNREFUSED); /* the name comes first */
    CHECK_ERROR(connect_to(client, "@me"), EISCONN);
    if (packet)
        CHECK(sendto(client, "x", 1, 0, (struct sockaddr *)&name, length) == 1);
    else
        CHECK_ERROR(sendto(client, "x", 1, 0, (struct sockaddr *)&name, length), EISCONN);
    CHECK_ERROR(accept(fd, (struct sockaddr *)&name, (socklen_t *)8), EFAULT);
    close(client);

    /* Without a free descriptor a connection stays where it is. */
    struct rlimit old, few;
    client = socket_of(type);
    CHECK(connect_to(client, "@me") == 0);
    CHECK(getrlimit(RLIMIT_NOFILE, &old) == 0);
    few = (struct rlimit){(rlim_t)client + 1, old.rlim_max};
    CHECK(setrlimit(RLIMIT_NOFILE, &few) == 0);
    CHECK_ERROR(accept(fd, NULL, NULL), EMFILE);
    CHECK_ERROR(socketpair(AF_UNIX, type, 0, (int[2]){0, 0}), EMFILE);
    CHECK(setrlimit(RLIMIT_NOFILE, &old) == 0);
    int end = accept(fd, NULL, NULL);
    CHECK(end >= 0);
    close(end);
    close(client);
    close(fd);
}

static void messages(void)
{
    int fds[2];
    char buf[8];
    struct iovec many[1025];
    struct msghdr m = {.msg_iov = many, .msg_iovlen = 1025};
    for (int i = 0; i < 1025; i++)
        many[i] = (struct iovec){buf, 0};
    pair_of(SOCK_STREAM, fds);
    CHECK_ERROR(sendmsg(fds[0], &m, 0), EMSGSIZE);
    CHECK_ERROR(recvmsg(fds[0], &m, 0), EMSGSIZE);
    m.msg_iovlen = 1024;
    many[1000] = (struct iovec){"x", 1};
    many[1023] = (struct iovec){"yz", 2};
    CHECK(sendmsg(fds[0], &m, 0) == 3);
    CHECK(read(fds[1], buf, 8) == 3 && memcmp(buf, "xyz", 3) == 0);
    CHECK_ERROR(sendmsg(fds[0], (struct msghdr *)8, 0), EFAULT);
    m.msg_iov = (struct iovec *)8;
    CHECK_ERROR(sendmsg(fds[0], &m, 0), EFAULT);
    CHECK_ERROR(sendmsg(-1, &m, 0), EBADF);
    CHECK_ERROR(send(fds[0], (char *)8, 2, 0), EFAULT);
    CHECK_ERROR(write(fds[0], (char *)8, 2), EFAULT);
    CHECK(write(fds[0], "kept", 4) == 4);
    CHECK_ERROR(read(fds[1], (char *)8, 2), EFAULT);
    CHECK(read(fds[1], buf, 8) == 4); /* a stream keeps what could not be copied */
    int closed = open("/", O_PATH);
    CHECK_ERROR(send(closed, "x", 1, 0), EBADF);
    CHECK_ERROR(listen(closed, 1), EBADF);
    close(closed);
    close_both(fds);
}

static int number_of(int fd, int option)
{
    int value = -1;
    socklen_t size = sizeof value;
    CHECK(getsockopt(fd, SOL_SOCKET, option, &value, &size) == 0 && size == sizeof value);
    return value;
}

static int set_number(int fd, int option, int value)
{
    return setsockopt(fd, SOL_SOCKET, option, &value, sizeof value);
}

static void options(void)
{
    int fd = socket_of(SOCK_SEQPACKET), value = 0;
    socklen_t size = sizeof value;
    CHECK(number_of(fd, SO_TYPE) == SOCK_SEQPACKET && number_of(fd, SO_DOMAIN) == AF_UNIX);
    CHECK(number_of(fd, SO_PROTOCOL) == 0 && number_of(fd, SO_ERROR) == 0);
    CHECK(number_of(fd, SO_ACCEPTCONN) == 0);
    CHECK(bind_to(fd, "@options") == 0 && listen(fd, 5) == 0);
    CHECK(number_of(fd, SO_ACCEPTCONN) == 1);
    printf("buffers %d %d\n", number_of(fd, SO_SNDBUF), number_of(fd, SO_RCVBUF));
    CHECK(set_number(fd, SO_SNDBUF, 1) == 0 && set_number(fd, SO_RCVBUF, 1) == 0);
    printf("buffers %d %d\n", number_of(fd, SO_SNDBUF), number_of(fd, SO_RCVBUF));
    CHECK(set_number(fd, SO_SNDBUF, 1 << 30) == 0 && set_number(fd, SO_RCVBUF, -1) == 0);
    CHECK(number_of(fd, SO_SNDBUF) >= 425984 && number_of(fd, SO_RCVBUF) >= 425984);
    static const int booleans[] = {SO_REUSEADDR, SO_KEEPALIVE, SO_BROADCAST,
                                   SO_PASSCRED,  SO_OOBINLINE, SO_DONTROUTE};
    for (size_t i = 0; i < sizeof booleans / sizeof *booleans; i++) {
        CHECK(number_of(fd, booleans[i]) == 0);
        CHECK(set_number(fd, booleans[i], 5) == 0 && number_of(fd, booleans[i]) == 1);
        CHECK(set_number(fd, booleans[i], 0) == 0 && number_of(fd, booleans[i]) == 0);
    }
    struct timeval tv = {2, 500000};
    CHECK(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv) == 0);
    tv = (struct timeval){0, 0};
    size = sizeof tv;
    CHECK(getsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, &size) == 0 && size == sizeof tv);
    CHECK(tv.tv_sec == 2 && tv.tv_usec == 500000);
    CHECK(getsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, &size) == 0);
    CHECK(tv.tv_sec == 0 && tv.tv_usec == 0);
    tv.tv_usec = 1000000;
    CHECK_ERROR(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof tv), EDOM);
    CHECK_ERROR(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, 8), EINVAL);
    struct linger linger = {1, 7};
    CHECK(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger) == 0);
    size = sizeof linger;
    CHECK(getsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, &size) == 0 && linger.l_linger == 7);
    CHECK_ERROR(set_number(fd, SO_TYPE, 1), ENOPROTOOPT);
    CHECK_ERROR(set_number(fd, SO_ERROR, 1), ENOPROTOOPT);
    CHECK_ERROR(set_number(fd, 4711, 1), ENOPROTOOPT);
    CHECK_ERROR(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &value, 3), EINVAL);
    CHECK_ERROR(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, (void *)8, 4), EFAULT);
    CHECK_ERROR(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &value, (socklen_t)-1), EINVAL);
    CHECK_ERROR(setsockopt(fd, 6, 1, &value, sizeof value), EOPNOTSUPP);
    size = sizeof value;
    CHECK_ERROR(getsockopt(fd, 6, 1, &value, &size), EOPNOTSUPP);
    CHECK_ERROR(getsockopt(fd, SOL_SOCKET, 4711, &value, &size), ENOPROTOOPT);
    CHECK_ERROR(getsockopt(fd, SOL_SOCKET, SO_TYPE, &value, (socklen_t *)8), EFAULT);
    size = 2;
    value = -1;
    CHECK(getsockopt(fd, SOL_SOCKET, SO_TYPE, &value, &size) == 0 && size == 2);
    CHECK((value & 0xffff) == SOCK_SEQPACKET && value >> 16 == -1);
    close(fd);
    struct ucred cred;
    size = sizeof cred;
    fd = socket_of(SOCK_STREAM);
    CHECK(getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &size) == 0);
    CHECK(cred.pid == 0 && cred.uid == (uid_t)-1 && cred.gid == (gid_t)-1);
    CHECK_ERROR(ioctl(fd, TCGETS, &cred), ENOTTY);
    CHECK_ERROR(ftruncate(fd, 0), EINVAL);
    CHECK_ERROR(fsync(fd), EINVAL);
    close(fd);
}

/* /proc/self/fd shows what it is. */
static void shown(void)
{
    char path[64], text[64] = {0}, expected[64];
    struct stat st, linked;
    int fd = socket_of(SOCK_STREAM);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    CHECK(fstat(fd, &st) == 0 && st.st_mode == (S_IFSOCK | 0777) && st.st_nlink == 1);
    CHECK(readlink(path, text, sizeof text - 1) > 0);
    snprintf(expected, sizeof expected, "socket:[%lu]", (unsigned long)st.st_ino);
    CHECK(strcmp(text, expected) == 0);
    CHECK(stat(path, &linked) == 0 && linked.st_ino == st.st_ino && S_ISSOCK(linked.st_mode));
    CHECK_ERROR(open(path, O_RDWR), ENXIO);
    close(fd);
}

int main(void)
{
    making();
    naming(SOCK_STREAM);
    naming(SOCK_SEQPACKET);
    naming(SOCK_DGRAM);
    not_connected(SOCK_STREAM);
    not_connected(SOCK_SEQPACKET);
    messages();
    options();
    shown();
    return guest_result();
}
