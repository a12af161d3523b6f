/* SPDX-License-Identifier: MIT */
/* AF_UNIX streams and packets: connecting, transfers, ends, names. */

#include <pthread.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/time.h>
#include <sys/uio.h>

#include "unix_sockets.h"

static volatile sig_atomic_t pipe_signals;

static void on_pipe(int sig)
{
    (void)sig;
    pipe_signals++;
}

static int broken_pipes(void)
{
    int n = pipe_signals;
    pipe_signals = 0;
    return n;
}

static void transfers(void)
{
    int fds[2], value;
    char buf[64];
    pair_of(SOCK_STREAM, fds);
    CHECK(write(fds[0], "hello", 5) == 5);
    CHECK(write(fds[0], " world", 6) == 6);
    CHECK(ioctl(fds[1], FIONREAD, &value) == 0 && value == 11);
    CHECK(recv(fds[1], buf, 4, MSG_PEEK) == 4 && memcmp(buf, "hell", 4) == 0);
    CHECK(recv(fds[1], buf, sizeof buf, MSG_PEEK) == 11 && memcmp(buf, "hello world", 11) == 0);
    CHECK(read(fds[1], buf, 3) == 3 && memcmp(buf, "hel", 3) == 0);
    CHECK(read(fds[1], buf, sizeof buf) == 8 && memcmp(buf, "lo world", 8) == 0);
    CHECK_ERROR(recv(fds[1], buf, sizeof buf, MSG_DONTWAIT), EAGAIN);
    struct iovec out[3] = {{"ab", 2}, {"", 0}, {"cdef", 4}};
    char a[3], b[8];
    struct iovec in[2] = {{a, 3}, {b, 8}};
    CHECK(writev(fds[1], out, 3) == 6);
    CHECK(readv(fds[0], in, 2) == 6 && memcmp(a, "abc", 3) == 0 && memcmp(b, "def", 3) == 0);
    CHECK(write(fds[0], "", 0) == 0);
    CHECK_ERROR(recv(fds[1], buf, sizeof buf, MSG_DONTWAIT), EAGAIN);
    CHECK(read(fds[1], buf, 0) == 0);
    CHECK_ERROR(recv(fds[1], buf, 0, MSG_DONTWAIT), EAGAIN);
    CHECK(send(fds[0], "x", 1, MSG_NOSIGNAL | MSG_EOR) == 1);
    CHECK(recv(fds[1], buf, 0, 0) == 0);
    CHECK(recv(fds[1], buf, sizeof buf, MSG_TRUNC) == 1);
    CHECK_ERROR(lseek(fds[0], 0, SEEK_SET), ESPIPE);
    CHECK_ERROR(pread(fds[0], buf, 1, 0), ESPIPE);
    CHECK(ioctl(fds[0], TIOCOUTQ, &value) == 0 && value == 0);
    value = 1;
    CHECK(ioctl(fds[0], FIONBIO, &value) == 0);
    CHECK(fcntl(fds[0], F_GETFL) == (O_RDWR | O_NONBLOCK));
    CHECK_ERROR(read(fds[0], buf, 1), EAGAIN);
    close_both(fds);
}

/* How much fits, and that room comes back. */
static void limits(void)
{
    static const int sizes[] = {1, 100, 200, 1000, 3776, 4096, 10000, 50000};
    static char buf[300000];
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        int fds[2], cost;
        long total = 0, n, got = 0;
        pair_of(SOCK_STREAM | SOCK_NONBLOCK, fds);
        CHECK(write(fds[0], buf, (size_t)sizes[i]) == sizes[i]);
        CHECK(ioctl(fds[0], TIOCOUTQ, &cost) == 0);
        total = sizes[i];
        while ((n = write(fds[0], buf, (size_t)sizes[i])) > 0)
            total += n;
        CHECK(n == -1 && errno == EAGAIN);
        printf("%d bytes cost %d, %ld fit\n", sizes[i], cost, total);
        CHECK(polled(fds[0]) == 0);
        while ((n = read(fds[1], buf, sizeof buf)) > 0)
            got += n;
        CHECK(got == total);
        CHECK(polled(fds[0]) == POLLOUT);
        close_both(fds);
    }
    int fds[2], size = 10000;
    socklen_t length = sizeof size;
    pair_of(SOCK_STREAM | SOCK_NONBLOCK, fds);
    CHECK(setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof size) == 0);
    CHECK(getsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &size, &length) == 0 && size == 20000);
    printf("%zd of 300000 fit into 20000\n", write(fds[0], buf, sizeof buf));
    close_both(fds);
}

static void *reader(void *arg)
{
    static char buf[7000];
    long sum = 0, n;
    while ((n = read(*(int *)arg, buf, sizeof buf)) > 0) {
        for (long i = 0; i < n; i++)
            sum += (unsigned char)buf[i];
    }
    return (void *)sum;
}

/* More than fits, from thread to thread. */
static void large(void)
{
    static unsigned char buf[1000000];
    long sum = 0;
    int fds[2];
    pthread_t thread;
    void *result;
    for (size_t i = 0; i < sizeof buf; i++) {
        buf[i] = (unsigned char)(i * 7 + i / 251);
        sum += buf[i];
    }
    pair_of(SOCK_STREAM, fds);
    CHECK(pthread_create(&thread, NULL, reader, &fds[1]) == 0);
    CHECK(write(fds[0], buf, sizeof buf) == (ssize_t)sizeof buf);
    CHECK(shutdown(fds[0], SHUT_WR) == 0);
    CHECK(pthread_join(thread, &result) == 0 && (long)result == sum);
    close_both(fds);
}

static void *late_writer(void *arg)
{
    int fd = *(int *)arg;
    for (int i = 0; i < 3; i++) {
        usleep(20000);
        CHECK(write(fd, "abcd", 4) == 4);
    }
    return NULL;
}

static void waits_for_all(void)
{
    int fds[2], low = 6;
    char buf[16];
    pthread_t thread;
    pair_of(SOCK_STREAM, fds);
    CHECK(pthread_create(&thread, NULL, late_writer, &fds[0]) == 0);
    CHECK(recv(fds[1], buf, 12, MSG_WAITALL) == 12);
    pthread_join(thread, NULL);
    CHECK(setsockopt(fds[1], SOL_SOCKET, SO_RCVLOWAT, &low, sizeof low) == 0);
    CHECK(pthread_create(&thread, NULL, late_writer, &fds[0]) == 0);
    CHECK(recv(fds[1], buf, 16, 0) == 8);
    pthread_join(thread, NULL);
    CHECK(write(fds[0], "ab", 2) == 2);
    CHECK(shutdown(fds[0], SHUT_WR) == 0);
    CHECK(recv(fds[1], buf, 16, MSG_WAITALL) == 6);
    CHECK(recv(fds[1], buf, 16, MSG_WAITALL) == 0);
    close_both(fds);
}

static void ends(int type)
{
    int fds[2], value;
    char buf[8];
    socklen_t length = sizeof value;
    int is_stream = type == SOCK_STREAM;
    pair_of(type, fds);
    CHECK(send(fds[0], "abc", 3, 0) == 3);
    CHECK(shutdown(fds[0], SHUT_WR) == 0);
    CHECK(read(fds[1], buf, 8) == 3);
    CHECK(read(fds[1], buf, 8) == 0);
    CHECK(recv(fds[1], buf, 8, MSG_DONTWAIT) == 0);
    CHECK_ERROR(send(fds[0], "x", 1, 0), EPIPE);
    CHECK(broken_pipes() == is_stream);
    CHECK_ERROR(send(fds[0], "x", 1, MSG_NOSIGNAL), EPIPE);
    CHECK(broken_pipes() == 0);
    CHECK_ERROR(write(fds[0], "x", 1), EPIPE);
    CHECK(broken_pipes() == is_stream);
    CHECK(send(fds[1], "back", 4, 0) == 4);
    CHECK(read(fds[0], buf, 8) == 4);
    CHECK(shutdown(fds[0], SHUT_RD) == 0);
    CHECK_ERROR(send(fds[1], "x", 1, MSG_NOSIGNAL), EPIPE);
    close_both(fds);

    pair_of(type, fds); /* closed with nothing unread */
    CHECK(send(fds[1], "rest", 4, 0) == 4);
    close(fds[1]);
    CHECK(read(fds[0], buf, 8) == 4);
    CHECK(read(fds[0], buf, 8) == 0);
    CHECK_ERROR(send(fds[0], "x", 1, 0), EPIPE);
    CHECK(broken_pipes() == is_stream);
    close(fds[0]);

    pair_of(type, fds); /* closed with something unread */
    CHECK(send(fds[0], "lost", 4, 0) == 4);
    CHECK(send(fds[1], "rest", 4, 0) == 4);
    close(fds[1]);
    if (is_stream) {
        CHECK(read(fds[0], buf, 8) == 4);
        CHECK_ERROR(read(fds[0], buf, 8), ECONNRESET);
        CHECK(read(fds[0], buf, 8) == 0);
    } else {
        CHECK(getsockopt(fds[0], SOL_SOCKET, SO_ERROR, &value, &length) == 0);
        CHECK(value == ECONNRESET);
        CHECK(getsockopt(fds[0], SOL_SOCKET, SO_ERROR, &value, &length) == 0 && value == 0);
        CHECK(read(fds[0], buf, 8) == 4);
    }
    close(fds[0]);
}

static void connections(int type)
{
    char buf[8];
    struct stat st;
    struct sockaddr_un name, expected;
    socklen_t size, expected_size = name_set(&expected, "served");
    int server = listen_at(type, "served", 1);
    CHECK(stat("served", &st) == 0 && S_ISSOCK(st.st_mode));
    printf("mode %o\n", (unsigned)st.st_mode);
    CHECK_ERROR(open("served", O_RDWR), ENXIO);
    CHECK(fstat(server, &st) == 0 && S_ISSOCK(st.st_mode) && st.st_size == 0);
    int client = socket_of(type);
    CHECK(connect_to(client, "served") == 0);
    CHECK_ERROR(connect_to(client, "served"), EISCONN);
    CHECK(send(client, "early", 5, 0) == 5);
    size = sizeof name;
    CHECK(getpeername(client, (struct sockaddr *)&name, &size) == 0);
    CHECK(size == expected_size && memcmp(&name, &expected, size) == 0);
    size = sizeof name;
    CHECK(getsockname(client, (struct sockaddr *)&name, &size) == 0);
    CHECK(size == 2 && name.sun_family == AF_UNIX);
    size = sizeof name;
    int end = accept(server, (struct sockaddr *)&name, &size);
    CHECK(end >= 0 && size == 2 && name.sun_family == AF_UNIX);
    size = sizeof name;
    CHECK(getsockname(end, (struct sockaddr *)&name, &size) == 0);
    CHECK(size == expected_size && memcmp(&name, &expected, size) == 0);
    CHECK(recv(end, buf, 8, 0) == 5 && memcmp(buf, "early", 5) == 0);
    CHECK(unlink("served") == 0);
    CHECK(send(end, "after", 5, 0) == 5 && recv(client, buf, 8, 0) == 5);
    int other = socket_of(type);
    CHECK_ERROR(connect_to(other, "served"), ENOENT);
    close(end);
    close(client);
    close(server);
    close(other);

    /* Nobody there any more; and a backlog that is full. */
    server = listen_at(type, "served", 0);
    client = socket_of(type | SOCK_NONBLOCK);
    other = socket_of(type | SOCK_NONBLOCK);
    CHECK(connect_to(client, "served") == 0);
    CHECK_ERROR(connect_to(other, "served"), EAGAIN);
    struct timeval tv = {0, 30000};
    CHECK(fcntl(other, F_SETFL, 0) == 0);
    CHECK(setsockopt(other, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof tv) == 0);
    CHECK_ERROR(connect_to(other, "served"), EAGAIN);
    end = accept4(server, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    CHECK(fcntl(end, F_GETFL) == (O_RDWR | O_NONBLOCK) && fcntl(end, F_GETFD) == FD_CLOEXEC);
    CHECK(connect_to(other, "served") == 0);
    close(server); /* `other` has not been accepted */
    if (type == SOCK_STREAM)
        CHECK_ERROR(read(other, buf, 8), ECONNRESET);
    close(other);
    other = socket_of(type);
    CHECK_ERROR(connect_to(other, "served"), ECONNREFUSED);
    CHECK_ERROR(bind_to(other, "served"), EADDRINUSE);
    CHECK(unlink("served") == 0);
    close(other);
    close(end);
    close(client);
}

static void *connect_late(void *arg)
{
    usleep(20000);
    CHECK(connect_to(*(int *)arg, "@late") == 0);
    return NULL;
}

/* Both sides wait for each other. */
static void waiting(void)
{
    int server = listen_at(SOCK_STREAM, "@late", 0), clients[3];
    pthread_t threads[3];
    struct timeval tv = {0, 20000};
    CHECK(setsockopt(server, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv) == 0);
    CHECK_ERROR(accept(server, NULL, NULL), EAGAIN);
    tv = (struct timeval){0, 0};
    CHECK(setsockopt(server, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof tv) == 0);
    for (int i = 0; i < 3; i++) {
        clients[i] = socket_of(SOCK_STREAM);
        CHECK(pthread_create(&threads[i], NULL, connect_late, &clients[i]) == 0);
    }
    for (int i = 0; i < 3; i++) {
        int end = accept(server, NULL, NULL);
        CHECK(end >= 0);
        close(end);
        usleep(30000);
    }
    for (int i = 0; i < 3; i++) {
        pthread_join(threads[i], NULL);
        close(clients[i]);
    }
    CHECK(shutdown(server, SHUT_RD) == 0);
    CHECK_ERROR(accept(server, NULL, NULL), EINVAL);
    int client = socket_of(SOCK_STREAM);
    CHECK_ERROR(connect_to(client, "@late"), ECONNREFUSED);
    close(client);
    close(server);
}

/* Packets stay whole. */
static void packets(void)
{
    int fds[2], value;
    char buf[16];
    struct iovec in = {buf, 4};
    struct msghdr m = {.msg_iov = &in, .msg_iovlen = 1};
    pair_of(SOCK_SEQPACKET, fds);
    CHECK(send(fds[0], "first", 5, 0) == 5);
    CHECK(send(fds[0], "", 0, 0) == 0);
    CHECK(send(fds[0], "third one", 9, MSG_EOR) == 9);
    CHECK(ioctl(fds[1], FIONREAD, &value) == 0 && value == 14);
    CHECK(recvmsg(fds[1], &m, 0) == 4 && m.msg_flags == MSG_TRUNC);
    CHECK(recv(fds[1], buf, 16, 0) == 0);
    CHECK(recv(fds[1], buf, 2, MSG_TRUNC | MSG_PEEK) == 9);
    CHECK(recv(fds[1], buf, 16, 0) == 9);
    CHECK_ERROR(recv(fds[1], buf, 16, MSG_DONTWAIT), EAGAIN);
    close_both(fds);
}

/* sendfile(2) and splice(2), there and back. */
static void files(void)
{
    int fds[2], ends[2];
    char buf[32];
    off_t at = 2;
    pair_of(SOCK_STREAM, fds);
    CHECK(pipe(ends) == 0);
    int file = open("content", O_CREAT | O_RDWR, 0600);
    CHECK(write(file, "the content", 11) == 11);
    CHECK(sendfile(fds[0], file, &at, 5) == 5 && at == 7);
    CHECK(read(fds[1], buf, sizeof buf) == 5 && memcmp(buf, "e con", 5) == 0);
    CHECK(write(ends[1], "piped", 5) == 5);
    CHECK(splice(ends[0], NULL, fds[0], NULL, 32, 0) == 5);
    CHECK(splice(fds[1], NULL, ends[1], NULL, 32, 0) == 5);
    CHECK(read(ends[0], buf, sizeof buf) == 5 && memcmp(buf, "piped", 5) == 0);
    CHECK(shutdown(fds[0], SHUT_WR) == 0);
    CHECK(splice(fds[1], NULL, ends[1], NULL, 32, 0) == 0);
    CHECK_ERROR(sendfile(fds[0], file, &at, 2), EPIPE);
    CHECK(mmap(NULL, 4096, PROT_READ, MAP_SHARED, fds[0], 0) == MAP_FAILED && errno == ENODEV);
    broken_pipes();
    close(file);
    unlink("content");
    close_both(ends);
    close_both(fds);
}

int main(void)
{
    struct sigaction action = {.sa_handler = on_pipe};
    sigaction(SIGPIPE, &action, NULL);
    transfers();
    limits();
    large();
    waits_for_all();
    ends(SOCK_STREAM);
    ends(SOCK_SEQPACKET);
    connections(SOCK_STREAM);
    connections(SOCK_SEQPACKET);
    waiting();
    packets();
    files();
    return guest_result();
}
