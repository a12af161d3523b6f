/* SPDX-License-Identifier: MIT */
/* pipe2(2) with O_DIRECT, and what fills a pipe: pipe(7), F_SETPIPE_SZ of fcntl(2), poll(2). */

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "guest.h"

#define PAGE 4096

static char bytes[1 << 20];

static int events(int fd)
{
    struct pollfd p = {fd, POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM | POLLPRI, 0};
    CHECK(poll(&p, 1, 0) >= 0);
    return p.revents;
}

static int available(int fd)
{
    int n = -1;
    CHECK(ioctl(fd, FIONREAD, &n) == 0);
    return n;
}

static void packets(void)
{
    int p[2];
    void *gone = mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(pipe2(p, O_DIRECT | O_NONBLOCK) == 0);
    CHECK(!(fcntl(p[0], F_GETFL) & O_DIRECT) && fcntl(p[1], F_GETFL) & O_DIRECT);
    CHECK(write(p[1], "first", 5) == 5 && write(p[1], "second", 6) == 6);
    CHECK(write(p[1], bytes, PAGE + 100) == PAGE + 100);
    CHECK(available(p[0]) == 11 + PAGE + 100);
    CHECK(read(p[0], bytes, sizeof bytes) == 5 && !memcmp(bytes, "first", 5));
    CHECK(read(p[0], bytes, 3) == 3 && !memcmp(bytes, "sec", 3)); /* the rest is lost */
    CHECK(available(p[0]) == PAGE + 100);
    CHECK(read(p[0], bytes, sizeof bytes) == PAGE && read(p[0], bytes, sizeof bytes) == 100);
    CHECK_ERROR(read(p[0], bytes, 1), EAGAIN);

    /* Several buffers are one packet, and take one. */
    struct iovec v[3] = {{bytes, 2}, {bytes + 2, 3}, {bytes + 5, 100}};
    CHECK(write(p[1], "abcdefgh", 8) == 8 && write(p[1], "ijk", 3) == 3);
    CHECK(readv(p[0], v, 3) == 8 && !memcmp(bytes, "abcdefgh", 8));
    CHECK(readv(p[0], v, 1) == 2 && !memcmp(bytes, "ij", 2));
    CHECK_ERROR(readv(p[0], v, 3), EAGAIN);
    v[2].iov_len = 3;
    CHECK(writev(p[1], v, 3) == 8);
    CHECK(read(p[0], bytes, 100) == 8);

    struct iovec many[100];
    for (int i = 0; i < 100; i++)
        many[i] = (struct iovec){bytes + 10 * i, 10};
    CHECK(writev(p[1], many, 100) == 1000 && read(p[0], bytes, 9999) == 1000);
    for (int i = 0; i < 3; i++)
        many[i].iov_len = 3000;
    CHECK(writev(p[1], many, 3) == 9000);
    CHECK(read(p[0], bytes, 9999) == PAGE && read(p[0], bytes, 9999) == PAGE);
    CHECK(read(p[0], bytes, 9999) == 9000 - 2 * PAGE);
    many[1].iov_base = gone;
    CHECK_ERROR(writev(p[1], many, 3), EFAULT);
    CHECK_ERROR(read(p[0], bytes, 9999), EAGAIN);

    for (int i = 0; i < 16; i++)
        CHECK(write(p[1], "x", 1) == 1);
    CHECK_ERROR(write(p[1], "x", 1), EAGAIN); /* a packet each */
    CHECK(available(p[0]) == 16 && events(p[1]) == 0);
    CHECK(read(p[0], bytes, 100) == 1 && write(p[1], "x", 1) == 1);

    /* The mode is the writer's, and can change. */
    CHECK(fcntl(p[1], F_SETFL, O_NONBLOCK) == 0);
    while (read(p[0], bytes, 100) == 1)
        ;
    CHECK(write(p[1], "ab", 2) == 2 && write(p[1], "cd", 2) == 2);
    CHECK(read(p[0], bytes, 100) == 4);
    CHECK(fcntl(p[1], F_SETFL, O_NONBLOCK | O_DIRECT) == 0);
    CHECK(write(p[1], "ab", 2) == 2 && write(p[1], "cd", 2) == 2);
    CHECK(read(p[0], bytes, 100) == 2);
    close(p[0]);
    close(p[1]);
}

static void fullness(void)
{
    int p[2];
    CHECK(pipe2(p, O_NONBLOCK) == 0);
    CHECK(write(p[1], bytes, 100000) == 65536);
    CHECK(read(p[0], bytes, PAGE - 1) == PAGE - 1);
    CHECK(events(p[1]) == 0);
    CHECK_ERROR(write(p[1], bytes, 1), EAGAIN); /* its page is in use still */
    CHECK(read(p[0], bytes, 1) == 1 && events(p[1]) == (POLLOUT | POLLWRNORM));
    CHECK(write(p[1], bytes, 3000) == 3000);
    CHECK(write(p[1], bytes, 1000) == 1000); /* into what is left of the last page */
    CHECK_ERROR(write(p[1], bytes, 97), EAGAIN);
    CHECK(write(p[1], bytes, 96) == 96);
    CHECK_ERROR(write(p[1], bytes, 1), EAGAIN);
    while (read(p[0], bytes, 7777) > 0)
        ;
    CHECK(events(p[0]) == 0);

    /* Part of a large write may fill up the last page. */
    CHECK(write(p[1], bytes, 100) == 100 && write(p[1], bytes, PAGE + 50) == PAGE + 50);
    CHECK(fcntl(p[0], F_SETPIPE_SZ, PAGE) == -1 && errno == EBUSY);
    CHECK(fcntl(p[0], F_SETPIPE_SZ, 2 * PAGE) == 2 * PAGE);
    CHECK_ERROR(write(p[1], bytes, PAGE), EAGAIN);
    CHECK(available(p[0]) == PAGE + 150);
    CHECK(read(p[0], bytes, 150) == 150 && write(p[1], bytes, PAGE) == PAGE);
    close(p[0]);
    close(p[1]);
}

static void sizes(void)
{
    static const struct {
        unsigned size;
        int want;
    } rows[] = {{0, PAGE},
                {1, PAGE},
                {PAGE, PAGE},
                {PAGE + 1, 2 * PAGE},
                {3 * PAGE, 4 * PAGE},
                {65537, 131072},
                {1 << 20, 1 << 20},
                {65536, 65536}};
    int p[2], file = open("plain", O_RDWR | O_CREAT, 0600);
    CHECK(pipe(p) == 0);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        CHECK(fcntl(p[0], F_SETPIPE_SZ, rows[i].size) == rows[i].want);
        CHECK(fcntl(p[1], F_GETPIPE_SZ) == rows[i].want);
    }
    CHECK_ERROR(fcntl(p[0], F_SETPIPE_SZ, 0x80000001u), EINVAL);
    CHECK_ERROR(fcntl(file, F_GETPIPE_SZ), EBADF);
    CHECK_ERROR(fcntl(file, F_SETPIPE_SZ, PAGE), EBADF);
    CHECK(fcntl(p[0], F_SETPIPE_SZ, 1 << 20) == 1 << 20);
    CHECK(write(p[1], bytes, 1 << 20) == 1 << 20);
    CHECK(available(p[1]) == 1 << 20);
    CHECK_ERROR(fcntl(p[0], F_SETPIPE_SZ, 1 << 19), EBUSY);
    long sum = 0, n;
    while (sum < 1 << 20 && (n = read(p[0], bytes, 100000)) > 0)
        sum += n;
    CHECK(sum == 1 << 20 && fcntl(p[0], F_SETPIPE_SZ, PAGE) == PAGE);
    close(file);
    CHECK(unlink("plain") == 0);
    close(p[0]);
    close(p[1]);
}

/* A fifo says that nobody writes only once somebody did. */
static void fifo_events(void)
{
    char c;
    CHECK(mkfifo("fifo", 0600) == 0);
    int r = open("fifo", O_RDONLY | O_NONBLOCK);
    CHECK(r >= 0 && events(r) == 0);
    int w = open("fifo", O_WRONLY);
    CHECK(w >= 0 && events(r) == 0 && events(w) == (POLLOUT | POLLWRNORM));
    CHECK(write(w, "x", 1) == 1 && events(r) == (POLLIN | POLLRDNORM));
    close(w);
    CHECK(events(r) == (POLLIN | POLLRDNORM | POLLHUP));
    CHECK(read(r, &c, 1) == 1 && events(r) == POLLHUP && read(r, &c, 1) == 0);
    int other = open("fifo", O_RDONLY | O_NONBLOCK);
    CHECK(events(other) == 0 && events(r) == POLLHUP); /* it came later */
    w = open("fifo", O_WRONLY);
    CHECK(events(r) == 0);
    close(r);
    close(other);
    CHECK(events(w) == (POLLOUT | POLLWRNORM | POLLERR));
    close(w);
    int both = open("fifo", O_RDWR);
    CHECK(events(both) == (POLLOUT | POLLWRNORM));
    CHECK(write(both, "xy", 2) == 2);
    CHECK(events(both) == (POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM));
    CHECK(read(both, bytes, 9) == 2);
    CHECK(fcntl(both, F_GETPIPE_SZ) == 65536);
    close(both);
    CHECK(unlink("fifo") == 0);
}

static volatile sig_atomic_t broken;

static void count_broken(int sig)
{
    (void)sig;
    broken++;
}

static void *read_some_and_close(void *arg)
{
    int fd = *(int *)arg;
    char buf[10000];
    long sum = 0, n;
    while (sum < 10000 && (n = read(fd, buf, sizeof buf)) > 0)
        sum += n;
    usleep(50000);
    close(fd);
    return NULL;
}

/* The reader goes while a writer waits: what was written counts, and the signal comes. */
static void broken_while_waiting(void)
{
    int p[2];
    pthread_t t;
    CHECK(signal(SIGPIPE, count_broken) != SIG_ERR);
    CHECK(pipe(p) == 0 && pthread_create(&t, NULL, read_some_and_close, &p[0]) == 0);
    long n = write(p[1], bytes, sizeof bytes);
    CHECK(n >= 65536 && n < (long)sizeof bytes && n % PAGE == 0);
    pthread_join(t, NULL);
    CHECK(broken == 1);
    CHECK_ERROR(write(p[1], bytes, 1), EPIPE);
    CHECK(broken == 2);
    struct iovec v = {bytes, 10};
    CHECK_ERROR(writev(p[1], &v, 1), EPIPE);
    CHECK(broken == 3 && write(p[1], bytes, 0) == 0);
    close(p[1]);
}

int main(void)
{
    packets();
    fullness();
    sizes();
    fifo_events();
    broken_while_waiting();
    return guest_result();
}
