/* SPDX-License-Identifier: MIT */
/* pipe(2), pipe2(2), mkfifo(3): amounts, PIPE_BUF, both ends' ends, sizes, waiting threads. */

#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>

#include "guest.h"

static char bytes[200000];
static volatile sig_atomic_t sigpipes;

static void count_sigpipe(int number)
{
    (void)number;
    sigpipes = sigpipes + 1;
}

static void nap(long ms)
{
    nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
}

static void amounts(void)
{
    int p[2], n;
    CHECK(pipe(p) == 0 && p[1] == p[0] + 1);
    CHECK(fcntl(p[0], F_GETFL) == O_RDONLY && fcntl(p[1], F_GETFL) == O_WRONLY);
    CHECK(fcntl(p[0], F_GETFD) == 0);
    struct stat st;
    CHECK(fstat(p[0], &st) == 0 && S_ISFIFO(st.st_mode) && (st.st_mode & 0777) == 0600);
    CHECK(write(p[1], "hello", 5) == 5);
    CHECK(ioctl(p[0], FIONREAD, &n) == 0 && n == 5);
    CHECK(read(p[0], bytes, 2) == 2 && memcmp(bytes, "he", 2) == 0);
    CHECK(read(p[0], bytes, 100) == 3 && memcmp(bytes, "llo", 3) == 0);
    CHECK(read(p[0], bytes, 0) == 0);
    CHECK_ERROR(read(p[1], bytes, 1), EBADF);
    CHECK_ERROR(write(p[0], bytes, 1), EBADF);
    CHECK_ERROR(lseek(p[0], 0, SEEK_CUR), ESPIPE);
    CHECK_ERROR(pread(p[0], bytes, 1, 0), ESPIPE);
    CHECK_ERROR(pread(p[1], bytes, 1, 0), ESPIPE);
    CHECK_ERROR(pwrite(p[1], bytes, 1, 0), ESPIPE);
    CHECK_ERROR(ftruncate(p[1], 0), EINVAL);
    CHECK_ERROR(fsync(p[0]), EINVAL);
    CHECK(write(p[1], "end", 3) == 3);
    close(p[1]);
    CHECK(read(p[0], bytes, 100) == 3);
    CHECK(read(p[0], bytes, 100) == 0);
    close(p[0]);
    CHECK_ERROR(pipe2(p, 1), EINVAL);
}

static void without_waiting(void)
{
    int p[2];
    CHECK(pipe2(p, O_NONBLOCK | O_CLOEXEC) == 0);
    CHECK(fcntl(p[0], F_GETFL) == (O_RDONLY | O_NONBLOCK) && fcntl(p[1], F_GETFD) == FD_CLOEXEC);
    CHECK_ERROR(read(p[0], bytes, 1), EAGAIN);
    CHECK(fcntl(p[0], F_GETPIPE_SZ) == 65536);
    CHECK(write(p[1], bytes, sizeof bytes) == 65536);
    CHECK_ERROR(write(p[1], bytes, 1), EAGAIN);
    CHECK(read(p[0], bytes, 4096) == 4096);
    CHECK(write(p[1], bytes, 8192) == 4096); /* larger than PIPE_BUF: what fits */
    CHECK(read(p[0], bytes, 61440) == 61440);

    CHECK(fcntl(p[1], F_SETPIPE_SZ, 5000) == 8192 && fcntl(p[0], F_GETPIPE_SZ) == 8192);
    CHECK(fcntl(p[1], F_SETPIPE_SZ, 1) == 4096);
    CHECK_ERROR(write(p[1], bytes, 1), EAGAIN);
    CHECK(fcntl(p[1], F_SETPIPE_SZ, 131072) == 131072);
    CHECK(write(p[1], bytes, sizeof bytes) == 131072 - 4096);
    CHECK_ERROR(fcntl(p[1], F_SETPIPE_SZ, 4096), EBUSY);
    int file = open("file", O_RDWR | O_CREAT, 0600);
    CHECK_ERROR(fcntl(file, F_GETPIPE_SZ), EBADF);
    close(file);
    unlink("file");
    close(p[0]);
    CHECK(signal(SIGPIPE, count_sigpipe) != SIG_ERR);
    CHECK_ERROR(write(p[1], bytes, 1), EPIPE);
    CHECK(sigpipes == 1);
    CHECK(write(p[1], bytes, 0) == 0);
    signal(SIGPIPE, SIG_IGN);
    CHECK_ERROR(write(p[1], bytes, 1), EPIPE);
    CHECK(sigpipes == 1);
    close(p[1]);
}

struct ends {
    int from, to;
    size_t size;
    uint64_t sum;
};

static void *produce(void *arg)
{
    struct ends *e = arg;
    static unsigned char out[10007];
    for (size_t done = 0; done < e->size;) {
        size_t part = e->size - done < sizeof out ? e->size - done : sizeof out;
        for (size_t i = 0; i < part; i++) {
            out[i] = (unsigned char)((done + i) * 7 + (done + i) / 253);
            e->sum = e->sum * 31 + out[i];
        }
        CHECK(write(e->to, out, part) == (ssize_t)part);
        done += part;
    }
    close(e->to);
    return NULL;
}

static void two_threads(void)
{
    int p[2];
    CHECK(pipe(p) == 0);
    struct ends e = {.to = p[1], .size = (size_t)guest_count(3000000, 100000000)};
    pthread_t t;
    CHECK(pthread_create(&t, NULL, produce, &e) == 0);
    uint64_t sum = 0;
    size_t total = 0;
    ssize_t n;
    unsigned char in[4099];
    while ((n = read(p[0], in, sizeof in)) > 0) {
        total += (size_t)n;
        for (ssize_t i = 0; i < n; i++)
            sum = sum * 31 + in[i];
    }
    pthread_join(t, NULL);
    CHECK(n == 0 && total == e.size && sum == e.sum);
    close(p[0]);
}

#define WRITERS 4
#define RECORDS 500

static int shared[2];

static void *write_records(void *arg)
{
    char record[PIPE_BUF];
    memset(record, 'a' + (int)(intptr_t)arg, sizeof record);
    for (int i = 0; i < RECORDS; i++)
        CHECK(write(shared[1], record, 1000) == 1000);
    return NULL;
}

/* pipe(7): up to PIPE_BUF bytes are not mixed with others'. */
static void records_stay_whole(void)
{
    pthread_t t[WRITERS];
    CHECK(pipe(shared) == 0);
    for (int i = 0; i < WRITERS; i++)
        CHECK(pthread_create(&t[i], NULL, write_records, (void *)(intptr_t)i) == 0);
    int whole = 1;
    for (int i = 0; i < WRITERS * RECORDS; i++) {
        char record[1000];
        size_t have = 0;
        while (have < sizeof record) {
            ssize_t n = read(shared[0], record + have, sizeof record - have);
            if (n <= 0)
                break;
            have += (size_t)n;
        }
        for (size_t k = 1; k < sizeof record; k++)
            whole &= record[k] == record[0];
    }
    CHECK(whole);
    for (int i = 0; i < WRITERS; i++)
        pthread_join(t[i], NULL);
    close(shared[0]);
    close(shared[1]);
}

static void *close_later(void *arg)
{
    nap(50);
    close((int)(intptr_t)arg);
    return NULL;
}

static void *read_later(void *arg)
{
    nap(50);
    return (void *)(intptr_t)read((int)(intptr_t)arg, bytes, 70000);
}

/* The other end's close, or its read, ends a wait. */
static void waits_end(void)
{
    int p[2];
    pthread_t t;
    char c;
    void *result;
    CHECK(pipe(p) == 0);
    CHECK(pthread_create(&t, NULL, close_later, (void *)(intptr_t)p[1]) == 0);
    CHECK(read(p[0], &c, 1) == 0);
    pthread_join(t, NULL);
    close(p[0]);

    CHECK(pipe(p) == 0 && write(p[1], bytes, 65536) == 65536);
    CHECK(pthread_create(&t, NULL, read_later, (void *)(intptr_t)p[0]) == 0);
    CHECK(write(p[1], bytes, 100) == 100);
    pthread_join(t, &result);
    CHECK((intptr_t)result >= 65536);
    CHECK(fcntl(p[1], F_SETFL, O_NONBLOCK) == 0);
    while (write(p[1], bytes, 1) > 0)
        continue;
    CHECK(fcntl(p[1], F_SETFL, 0) == 0);
    CHECK(pthread_create(&t, NULL, close_later, (void *)(intptr_t)p[0]) == 0);
    CHECK_ERROR(write(p[1], bytes, 100), EPIPE);
    pthread_join(t, NULL);
    close(p[1]);
}

static volatile sig_atomic_t alarms;

static void count_alarm(int number)
{
    (void)number;
    alarms = alarms + 1;
}

static void *wake_after_alarm(void *arg)
{
    while (!alarms)
        nap(10);
    nap(50);
    CHECK(write((int)(intptr_t)arg, "x", 1) == 1);
    return NULL;
}

/* A signal interrupts, or with SA_RESTART the read begins again. */
static void interrupted(void)
{
    int p[2];
    char c;
    pthread_t t;
    struct sigaction action = {.sa_handler = count_alarm};
    CHECK(pipe(p) == 0 && sigaction(SIGALRM, &action, NULL) == 0);
    alarm(1);
    CHECK_ERROR(read(p[0], &c, 1), EINTR);
    CHECK(alarms == 1);
    alarms = 0;
    action.sa_flags = SA_RESTART;
    CHECK(sigaction(SIGALRM, &action, NULL) == 0);
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGALRM);
    pthread_sigmask(SIG_BLOCK, &set, NULL); /* the other thread does not take it */
    CHECK(pthread_create(&t, NULL, wake_after_alarm, (void *)(intptr_t)p[1]) == 0);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
    alarm(1);
    CHECK(read(p[0], &c, 1) == 1 && alarms == 1);
    pthread_join(t, NULL);
    close(p[0]);
    close(p[1]);
}

static void *open_writer(void *arg)
{
    (void)arg;
    nap(50);
    int fd = open("fifo", O_WRONLY);
    CHECK(fd >= 0 && write(fd, "fifo", 4) == 4);
    close(fd);
    return NULL;
}

static void fifos(void)
{
    pthread_t t;
    CHECK(mkfifo("fifo", 0600) == 0);
    CHECK_ERROR(open("fifo", O_WRONLY | O_NONBLOCK), ENXIO);
    int reader = open("fifo", O_RDONLY | O_NONBLOCK);
    CHECK(reader >= 0 && read(reader, bytes, 1) == 0);
    int writer = open("fifo", O_WRONLY | O_NONBLOCK);
    CHECK(writer >= 0);
    CHECK_ERROR(read(reader, bytes, 1), EAGAIN);
    CHECK(write(writer, "abc", 3) == 3 && read(reader, bytes, 10) == 3);
    close(writer);
    CHECK(read(reader, bytes, 1) == 0);
    close(reader);

    int both = open("fifo", O_RDWR);
    CHECK(both >= 0 && write(both, "xyz", 3) == 3 && read(both, bytes, 10) == 3);
    close(both);

    CHECK(pthread_create(&t, NULL, open_writer, NULL) == 0);
    reader = open("fifo", O_RDONLY); /* waits for the writer */
    CHECK(reader >= 0 && read(reader, bytes, 10) == 4 && read(reader, bytes, 10) == 0);
    pthread_join(t, NULL);
    close(reader);
    struct stat st;
    CHECK(stat("fifo", &st) == 0 && st.st_size == 0);
    CHECK(unlink("fifo") == 0);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    amounts();
    without_waiting();
    two_threads();
    records_stay_whole();
    waits_end();
    interrupted();
    fifos();
    return guest_result();
}
