/* SPDX-License-Identifier: MIT */
/* pipe(2), pipe(7) and fifo(7). */

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>

#include "guest.h"

#define CAPACITY 65536

static volatile sig_atomic_t broken;

static void count_broken(int sig)
{
    (void)sig;
    broken++;
}

static int events(int fd)
{
    struct pollfd p = {fd, POLLIN | POLLOUT, 0};
    CHECK(poll(&p, 1, 0) >= 0);
    return p.revents;
}

static void basics(void)
{
    static char big[CAPACITY * 2];
    int fds[2], available = -1;
    struct stat st;
    CHECK_ERROR(pipe2(fds, 0x1), EINVAL);
    CHECK(pipe2(fds, O_CLOEXEC | O_NONBLOCK) == 0);
    CHECK((fcntl(fds[0], F_GETFD) & FD_CLOEXEC) && (fcntl(fds[1], F_GETFL) & O_NONBLOCK));
    CHECK(fstat(fds[0], &st) == 0 && S_ISFIFO(st.st_mode) && st.st_nlink == 1);
    CHECK_ERROR(read(fds[0], big, 1), EAGAIN);
    CHECK_ERROR(write(fds[0], big, 1), EBADF);
    CHECK_ERROR(read(fds[1], big, 1), EBADF);
    CHECK(events(fds[0]) == 0 && events(fds[1]) == POLLOUT);
    CHECK(write(fds[1], "hello", 5) == 5 && events(fds[0]) == POLLIN);
    CHECK(ioctl(fds[0], FIONREAD, &available) == 0 && available == 5);
    CHECK(read(fds[0], big, 2) == 2 && memcmp(big, "he", 2) == 0);
    CHECK(read(fds[0], big, 100) == 3 && memcmp(big, "llo", 3) == 0);
    CHECK(read(fds[0], big, 0) == 0 && write(fds[1], big, 0) == 0);

    /* Full: a part of a large write goes in, a small one goes in whole or not at all. */
    CHECK(fcntl(fds[1], F_GETPIPE_SZ) == CAPACITY);
    CHECK(write(fds[1], big, sizeof big) == CAPACITY);
    CHECK_ERROR(write(fds[1], big, 1), EAGAIN);
    CHECK(events(fds[1]) == 0);
    CHECK(read(fds[0], big, 4096) == 4096);
    CHECK(events(fds[1]) == POLLOUT);
    CHECK(write(fds[1], big, 4096) == 4096);
    CHECK_ERROR(write(fds[1], big, 4096), EAGAIN);
    CHECK(fcntl(fds[1], F_SETPIPE_SZ, 2 * CAPACITY) == 2 * CAPACITY);
    CHECK(write(fds[1], big, sizeof big) == CAPACITY);
    long total = 0, n;
    while ((n = read(fds[0], big, 10000)) > 0)
        total += n;
    CHECK(total == 2 * CAPACITY);
    close(fds[0]);
    close(fds[1]);
}

static void ends(void)
{
    char buf[8];
    int fds[2];
    CHECK(signal(SIGPIPE, count_broken) != SIG_ERR);
    CHECK(pipe(fds) == 0);
    CHECK(write(fds[1], "last", 4) == 4 && close(fds[1]) == 0);
    CHECK(events(fds[0]) == (POLLIN | POLLHUP));
    CHECK(read(fds[0], buf, 8) == 4 && read(fds[0], buf, 8) == 0);
    CHECK(events(fds[0]) == POLLHUP);
    close(fds[0]);

    CHECK(pipe(fds) == 0);
    int copy = dup(fds[0]);
    close(fds[0]);
    CHECK(write(fds[1], "x", 1) == 1); /* the copy still reads */
    close(copy);
    CHECK_ERROR(write(fds[1], "x", 1), EPIPE);
    CHECK(broken == 1);
    CHECK(events(fds[1]) & POLLERR);
    CHECK(signal(SIGPIPE, SIG_IGN) != SIG_ERR);
    CHECK_ERROR(write(fds[1], "x", 1), EPIPE);
    close(fds[1]);
}

/* Writers of PIPE_BUF bytes each, whose writes must not mix; one reader. */
#define WRITERS 4
#define RECORD 4096

static int stream[2];

static void *write_records(void *arg)
{
    char record[RECORD];
    memset(record, 'a' + (int)(uintptr_t)arg, sizeof record);
    for (long i = guest_count(200, 5000); i > 0; i--)
        CHECK(write(stream[1], record, sizeof record) == RECORD);
    return NULL;
}

static void atomic_writes(void)
{
    pthread_t threads[WRITERS];
    char record[RECORD];
    long mixed = 0, rounds = guest_count(200, 5000) * WRITERS;
    CHECK(pipe(stream) == 0);
    for (uintptr_t i = 0; i < WRITERS; i++)
        CHECK(pthread_create(&threads[i], NULL, write_records, (void *)i) == 0);
    for (long i = 0; i < rounds; i++) {
        size_t got = 0;
        while (got < RECORD) {
            long n = read(stream[0], record + got, RECORD - got);
            if (n <= 0)
                break;
            got += (size_t)n;
        }
        CHECK(got == RECORD);
        mixed += memcmp(record, record + 1, RECORD - 1) != 0;
    }
    CHECK(mixed == 0);
    for (int i = 0; i < WRITERS; i++)
        pthread_join(threads[i], NULL);
    close(stream[0]);
    close(stream[1]);
}

static void *close_later(void *arg)
{
    nanosleep(&(struct timespec){0, 20000000}, NULL);
    close(*(int *)arg);
    return NULL;
}

static void waiting_for_the_end(void)
{
    char c;
    pthread_t thread;
    CHECK(pipe(stream) == 0);
    CHECK(pthread_create(&thread, NULL, close_later, &stream[1]) == 0);
    CHECK(read(stream[0], &c, 1) == 0);
    pthread_join(thread, NULL);
    close(stream[0]);
}

static void *open_writer(void *arg)
{
    nanosleep(&(struct timespec){0, 20000000}, NULL);
    int fd = open(arg, O_WRONLY);
    CHECK(fd >= 0 && write(fd, "via", 3) == 3);
    close(fd);
    return NULL;
}

static void fifos(void)
{
    char buf[8], *name = "fifo";
    pthread_t thread;
    CHECK(mkfifo(name, 0600) == 0);
    CHECK_ERROR(mkfifo(name, 0600), EEXIST);
    CHECK_ERROR(open(name, O_WRONLY | O_NONBLOCK), ENXIO); /* nobody reads */
    int fd = open(name, O_RDONLY | O_NONBLOCK);
    CHECK(fd >= 0 && read(fd, buf, 8) == 0);
    close(fd);
    CHECK(pthread_create(&thread, NULL, open_writer, name) == 0);
    fd = open(name, O_RDONLY); /* waits for the writer */
    CHECK(fd >= 0 && read(fd, buf, 8) == 3 && memcmp(buf, "via", 3) == 0);
    CHECK(read(fd, buf, 8) == 0);
    pthread_join(thread, NULL);
    close(fd);
    CHECK(unlink(name) == 0);
}

int main(void)
{
    basics();
    ends();
    atomic_writes();
    waiting_for_the_end();
    fifos();
    return guest_result();
}
