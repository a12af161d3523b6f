/* SPDX-License-Identifier: MIT */
/* AF_UNIX datagrams: names, connections, full queues, several messages at once. */

#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>

#include "unix_sockets.h"

static ssize_t send_to(int fd, const char *text, const char *to, int flags)
{
    struct sockaddr_un name;
    socklen_t size = name_set(&name, to);
    return sendto(fd, text, strlen(text), flags, (struct sockaddr *)&name, size);
}

static void names(void)
{
    struct sockaddr_un name, expected;
    socklen_t size;
    char buf[32];
    struct stat st;
    umask(027);
    int a = socket_of(SOCK_DGRAM), b = socket_of(SOCK_DGRAM);
    CHECK(bind_to(a, "a.sock") == 0);
    CHECK(stat("a.sock", &st) == 0);
    printf("mode %o\n", (unsigned)st.st_mode);
    CHECK_ERROR(bind_to(a, "a2.sock"), EINVAL);
    CHECK_ERROR(stat("a2.sock", &st), ENOENT);
    CHECK_ERROR(bind_to(b, "a.sock"), EADDRINUSE);
    CHECK_ERROR(bind_to(b, "none/x"), ENOENT);
    CHECK(bind_to(b, "@abstract") == 0);
    CHECK(send_to(b, "one", "a.sock", 0) == 3);
    size = sizeof name;
    CHECK(recvfrom(a, buf, 32, 0, (struct sockaddr *)&name, &size) == 3);
    CHECK(size == name_set(&expected, "@abstract") && memcmp(&name, &expected, size) == 0);
    CHECK(sendto(a, "two", 3, 0, (struct sockaddr *)&name, size) == 3);
    size = 5; /* cut, and told how long it is */
    CHECK(recvfrom(b, buf, 32, 0, (struct sockaddr *)&name, &size) == 3);
    CHECK(size == name_set(&expected, "a.sock") && memcmp(&name, &expected, 5) == 0);
    int c = socket_of(SOCK_DGRAM); /* without a name */
    CHECK(send_to(c, "three", "@abstract", 0) == 5);
    size = sizeof name;
    CHECK(recvfrom(b, buf, 32, 0, (struct sockaddr *)&name, &size) == 5 && size == 0);
    CHECK_ERROR(send_to(c, "x", "@nobody", 0), ECONNREFUSED);
    CHECK_ERROR(send_to(c, "x", "none.sock", 0), ENOENT);
    CHECK_ERROR(send(c, "x", 1, 0), ENOTCONN);
    CHECK_ERROR(write(c, "x", 1), ENOTCONN);
    int stream = socket_of(SOCK_STREAM);
    CHECK_ERROR(connect_to(stream, "a.sock"), EPROTOTYPE);
    CHECK_ERROR(connect_to(stream, "@abstract"), ECONNREFUSED);
    CHECK(bind_to(stream, "@abstract") == 0); /* of another type */
    close(b);
    b = socket_of(SOCK_DGRAM);
    CHECK(bind_to(b, "@abstract") == 0);
    name.sun_family = AF_UNIX; /* a name of the kernel's choice */
    CHECK(bind(c, (struct sockaddr *)&name, 2) == 0);
    size = sizeof name;
    CHECK(getsockname(c, (struct sockaddr *)&name, &size) == 0 && size == 8 && !name.sun_path[0]);
    CHECK(strspn(name.sun_path + 1, "0123456789abcdef") >= 5);
    CHECK(bind(c, (struct sockaddr *)&name, 2) == 0);
    CHECK(fchmod(stream, 0600) == 0);
    close(a);
    CHECK_ERROR(send_to(b, "x", "a.sock", 0), ECONNREFUSED);
    CHECK(unlink("a.sock") == 0);
    a = socket_of(SOCK_DGRAM);
    CHECK(fchmod(a, 0640) == 0 && bind_to(a, "a.sock") == 0);
    CHECK(stat("a.sock", &st) == 0);
    printf("mode %o\n", (unsigned)st.st_mode);
    CHECK(rename("a.sock", "b.sock") == 0);
    CHECK(send_to(b, "moved", "b.sock", 0) == 5 && read(a, buf, 32) == 5);
    CHECK(symlink("b.sock", "link") == 0);
    CHECK(send_to(b, "linked", "link", 0) == 6 && read(a, buf, 32) == 6);
    close(a);
    close(b);
    close(c);
    close(stream);
    unlink("b.sock");
    unlink("link");
}

static void whole(void)
{
    int fds[2], value;
    char buf[16];
    pair_of(SOCK_DGRAM, fds);
    CHECK(write(fds[0], "", 0) == 0);
    CHECK(send(fds[0], "abcdef", 6, 0) == 6);
    CHECK(recv(fds[1], buf, 16, 0) == 0);
    CHECK(ioctl(fds[1], FIONREAD, &value) == 0 && value == 6);
    CHECK(recv(fds[1], buf, 3, MSG_PEEK) == 3 && memcmp(buf, "abc", 3) == 0);
    CHECK(recv(fds[1], buf, 3, MSG_PEEK | MSG_TRUNC) == 6);
    CHECK(recv(fds[1], buf, 3, 0) == 3);
    CHECK_ERROR(recv(fds[1], buf, 3, MSG_DONTWAIT), EAGAIN);
    CHECK_ERROR(send(fds[0], buf, 1, MSG_OOB), EOPNOTSUPP);
    static char large[300000];
    CHECK_ERROR(send(fds[0], large, 212961, 0), EMSGSIZE);
    CHECK(send(fds[0], large, 212960, 0) == 212960);
    CHECK(recv(fds[1], large, sizeof large, 0) == 212960);
    CHECK_ERROR(send(fds[0], (char *)8, 4, 0), EFAULT);
    CHECK(send(fds[0], "lost", 4, 0) == 4);
    char *gone = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(munmap(gone, 4096) == 0);
    CHECK_ERROR(recv(fds[1], gone, 4, 0), EFAULT);
    CHECK_ERROR(recv(fds[1], buf, 3, MSG_DONTWAIT), EAGAIN);
    close_both(fds);
    static const int sizes[] = {1, 100, 1000, 3777, 10000, 50000};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        int count = 1, cost;
        pair_of(SOCK_DGRAM | SOCK_NONBLOCK, fds);
        CHECK(send(fds[0], large, (size_t)sizes[i], 0) == sizes[i]);
        CHECK(ioctl(fds[0], TIOCOUTQ, &cost) == 0);
        while (send(fds[0], large, (size_t)sizes[i], 0) > 0)
            count++;
        CHECK(errno == EAGAIN);
        printf("%d bytes cost %d, %d fit\n", sizes[i], cost, count);
        close_both(fds);
    }
}

static void *take_late(void *arg)
{
    char buf[16];
    usleep(30000);
    CHECK(recv(*(int *)arg, buf, 16, 0) > 0);
    return NULL;
}

/* A receiver whose queue is full of what others sent. */
static void full(void)
{
    char buf[16];
    int count = 0;
    pthread_t thread;
    struct timeval tv = {0, 20000};
    int to = socket_of(SOCK_DGRAM), a = socket_of(SOCK_DGRAM | SOCK_NONBLOCK);
    int b = socket_of(SOCK_DGRAM);
    CHECK(bind_to(to, "@full") == 0);
    CHECK(connect_to(a, "@full") == 0 && connect_to(b, "@full") == 0);
    CHECK(polled(a) == POLLOUT);
    while (send(a, "x", 1, 0) == 1)
        count++;
    CHECK(errno == EAGAIN);
    printf("%d fit\n", count);
    CHECK(polled(a) == 0 && polled(b) == 0);
    CHECK_ERROR(send(b, "y", 1, MSG_DONTWAIT), EAGAIN);
    CHECK(setsockopt(b, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof tv) == 0);
    CHECK_ERROR(send(b, "y", 1, 0), EAGAIN);
    tv = (struct timeval){0, 0};
    CHECK(setsockopt(b, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof tv) == 0);
    CHECK(pthread_create(&thread, NULL, take_late, &to) == 0);
    struct pollfd p = {a, POLLOUT, 0};
    CHECK(poll(&p, 1, 5000) == 1 && p.revents == POLLOUT);
    pthread_join(thread, NULL);
    CHECK(send(a, "x", 1, 0) == 1);
    CHECK(pthread_create(&thread, NULL, take_late, &to) == 0);
    CHECK(send(b, "y", 1, 0) == 1);
    pthread_join(thread, NULL);
    while (count-- > 0)
        CHECK(recv(to, buf, 16, 0) == 1);
    CHECK(buf[0] == 'y');
    CHECK(polled(b) == POLLOUT);
    close(a);
    close(b);
    close(to);
}

static void connected(void)
{
    char buf[16];
    struct sockaddr_un name;
    socklen_t size = sizeof name;
    int a = socket_of(SOCK_DGRAM), b = socket_of(SOCK_DGRAM), c = socket_of(SOCK_DGRAM);
    CHECK(bind_to(a, "@a") == 0 && bind_to(b, "@b") == 0 && bind_to(c, "@c") == 0);
    CHECK_ERROR(getpeername(a, (struct sockaddr *)&name, &size), ENOTCONN);
    CHECK(connect_to(a, "@b") == 0);
    CHECK(getpeername(a, (struct sockaddr *)&name, &size) == 0 && size == 4);
    CHECK(send(a, "1", 1, 0) == 1 && recv(b, buf, 16, 0) == 1);
    CHECK(send_to(a, "2", "@c", 0) == 1 && recv(c, buf, 16, 0) == 1);
    CHECK_ERROR(send_to(c, "3", "@a", 0), EPERM); /* it is connected to another */
    CHECK_ERROR(connect_to(c, "@a"), EPERM);
    CHECK(connect_to(a, "@c") == 0);
    CHECK(send(a, "4", 1, 0) == 1 && recv(c, buf, 16, 0) == 1);
    struct sockaddr none = {.sa_family = AF_UNSPEC};
    CHECK(connect(a, &none, sizeof none) == 0);
    CHECK_ERROR(send(a, "5", 1, 0), ENOTCONN);
    CHECK(connect_to(a, "@a") == 0); /* to itself */
    CHECK(send(a, "6", 1, 0) == 1 && recv(a, buf, 16, 0) == 1);
    CHECK(connect_to(a, "@b") == 0);
    close(b);
    CHECK_ERROR(send(a, "7", 1, 0), ECONNREFUSED);
    CHECK_ERROR(send(a, "8", 1, 0), ENOTCONN);
    CHECK(polled(a) == POLLOUT);
    CHECK(shutdown(c, SHUT_RD) == 0);
    CHECK_ERROR(send_to(a, "9", "@c", MSG_NOSIGNAL), EPIPE);
    CHECK(recv(c, buf, 16, 0) == 0);
    CHECK_ERROR(recv(c, buf, 16, MSG_DONTWAIT), EAGAIN);
    CHECK(polled(c) == (POLLIN | POLLOUT | POLLRDHUP));
    CHECK(shutdown(a, SHUT_WR) == 0);
    CHECK_ERROR(send_to(a, "9", "@c", MSG_NOSIGNAL), EPIPE);
    CHECK_ERROR(listen(a, 1), EOPNOTSUPP);
    CHECK_ERROR(accept(a, NULL, NULL), EOPNOTSUPP);
    close(a);
    close(c);
}

static void several(void)
{
    int fds[2];
    char bufs[4][8];
    struct iovec iov[4];
    struct mmsghdr m[4];
    memset(m, 0, sizeof m);
    pair_of(SOCK_DGRAM, fds);
    static char *const texts[4] = {"a", "bc", "def", "ghij"};
    for (int i = 0; i < 4; i++) {
        iov[i] = (struct iovec){texts[i], (size_t)i + 1};
        m[i].msg_hdr.msg_iov = &iov[i];
        m[i].msg_hdr.msg_iovlen = 1;
    }
    CHECK(sendmmsg(fds[0], m, 4, 0) == 4);
    for (int i = 0; i < 4; i++) {
        CHECK(m[i].msg_len == (unsigned)i + 1);
        iov[i] = (struct iovec){bufs[i], 3};
        m[i].msg_len = 99;
    }
    CHECK(recvmmsg(fds[1], m, 2, 0, NULL) == 2);
    CHECK(m[0].msg_len == 1 && m[1].msg_len == 2 && m[2].msg_len == 99);
    CHECK(recvmmsg(fds[1], m, 4, MSG_WAITFORONE, NULL) == 2);
    CHECK(m[0].msg_len == 3 && m[1].msg_len == 3 && m[1].msg_hdr.msg_flags == MSG_TRUNC);
    CHECK_ERROR(recvmmsg(fds[1], m, 4, MSG_DONTWAIT, NULL), EAGAIN);
    struct timespec ts = {5, 0};
    CHECK(send(fds[0], "x", 1, 0) == 1);
    CHECK(recvmmsg(fds[1], m, 1, 0, &ts) == 1 && ts.tv_sec < 5);
    ts.tv_nsec = -1;
    CHECK_ERROR(recvmmsg(fds[1], m, 1, 0, &ts), EINVAL);
    CHECK(sendmmsg(fds[0], m, 0, 0) == 0);
    close_both(fds);
}

int main(void)
{
    names();
    whole();
    full();
    connected();
    several();
    return guest_result();
}
