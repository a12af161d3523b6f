/* SPDX-License-Identifier: MIT */
/* splice(2), tee(2), vmsplice(2), and sendfile(2) and copy_file_range(2) with pipes. */

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/sendfile.h>
#include <sys/uio.h>

#include "guest.h"

#define PAGE 4096
#define NONBLOCK SPLICE_F_NONBLOCK

static char out[200000], in[200000];

static void drain(int fd)
{
    char buf[10000];
    int flags = fcntl(fd, F_GETFL);
    CHECK(fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0);
    while (read(fd, buf, sizeof buf) > 0)
        ;
    CHECK(fcntl(fd, F_SETFL, flags) == 0);
}

static long get(int fd, size_t size)
{
    memset(in, 0, sizeof in);
    return read(fd, in, size);
}

static void errors(void)
{
    int p[2], q[2], file = open("data", O_RDWR | O_CREAT | O_TRUNC, 0600), event = eventfd(0, 0);
    off_t at = 0;
    CHECK(pipe(p) == 0 && pipe(q) == 0 && write(file, out, 1000) == 1000);
    CHECK_ERROR(splice(file, NULL, file, NULL, 10, 0), EINVAL); /* neither is a pipe */
    CHECK_ERROR(splice(p[0], NULL, p[1], NULL, 10, 0), EINVAL); /* both are the same */
    CHECK_ERROR(splice(p[1], NULL, q[1], NULL, 10, 0), EBADF);
    CHECK_ERROR(splice(p[0], NULL, q[0], NULL, 10, 0), EBADF);
    CHECK_ERROR(splice(900, NULL, q[1], NULL, 10, 0), EBADF);
    CHECK_ERROR(splice(p[0], NULL, 900, NULL, 10, 0), EBADF);
    CHECK(splice(900, NULL, 900, NULL, 0, 77) == 0);
    CHECK_ERROR(splice(900, NULL, 900, NULL, 1, 16), EINVAL);
    CHECK_ERROR(splice(p[0], &at, q[1], NULL, 10, 0), ESPIPE);
    CHECK_ERROR(splice(p[0], NULL, q[1], &at, 10, 0), ESPIPE);
    CHECK_ERROR(splice(file, (off_t *)8, p[1], NULL, 10, 0), EFAULT);
    CHECK_ERROR(splice(p[0], NULL, q[1], NULL, 10, NONBLOCK), EAGAIN);
    CHECK_ERROR(splice(p[0], NULL, file, NULL, 10, NONBLOCK), EAGAIN);
    CHECK_ERROR(splice(event, NULL, p[1], NULL, 10, 0), EINVAL);
    int append = open("data", O_WRONLY | O_APPEND);
    CHECK(write(p[1], "x", 1) == 1);
    CHECK_ERROR(splice(p[0], NULL, append, NULL, 1, 0), EINVAL);
    int reader = open("data", O_RDONLY), writer = open("data", O_WRONLY);
    CHECK_ERROR(splice(p[0], NULL, reader, NULL, 1, 0), EBADF);
    CHECK_ERROR(splice(writer, NULL, p[1], NULL, 1, 0), EBADF);

    CHECK_ERROR(tee(p[0], q[1], 1, 16), EINVAL);
    CHECK(tee(900, 900, 0, 0) == 0);
    CHECK_ERROR(tee(900, q[1], 1, 0), EBADF);
    CHECK_ERROR(tee(p[0], 900, 1, 0), EBADF);
    CHECK_ERROR(tee(p[0], p[1], 1, 0), EINVAL);
    CHECK_ERROR(tee(file, p[1], 1, 0), EINVAL);
    CHECK_ERROR(tee(p[1], q[1], 1, 0), EBADF);
    CHECK_ERROR(tee(q[0], p[1], 1, NONBLOCK), EAGAIN);

    struct iovec v = {out, 10};
    CHECK_ERROR(vmsplice(p[1], &v, 1, 16), EINVAL);
    CHECK_ERROR(vmsplice(900, &v, 1, 0), EBADF);
    CHECK_ERROR(vmsplice(file, &v, 1, 0), EBADF);
    CHECK_ERROR(vmsplice(p[1], (struct iovec *)8, 1, 0), EFAULT);
    CHECK(vmsplice(p[1], &v, 0, 0) == 0);
    CHECK_ERROR(vmsplice(q[0], &v, 1, NONBLOCK), EAGAIN);

    CHECK_ERROR(sendfile(file, p[0], NULL, 1), EINVAL);
    CHECK_ERROR(sendfile(file, p[0], &at, 1), ESPIPE);
    CHECK_ERROR(sendfile(p[0], file, NULL, 1), EBADF);
    CHECK_ERROR(copy_file_range(p[0], NULL, file, NULL, 1, 0), EINVAL);
    CHECK_ERROR(copy_file_range(file, NULL, p[1], NULL, 1, 0), EINVAL);

    CHECK(signal(SIGPIPE, SIG_IGN) != SIG_ERR);
    close(q[0]);
    CHECK_ERROR(splice(p[0], NULL, q[1], NULL, 1, 0), EPIPE);
    CHECK_ERROR(splice(file, NULL, q[1], NULL, 1, 0), EPIPE);
    CHECK_ERROR(vmsplice(q[1], &v, 1, 0), EPIPE);
    CHECK_ERROR(tee(p[0], q[1], 1, 0), EPIPE);
    close(p[1]);
    CHECK(splice(p[0], NULL, file, NULL, 100, 0) == 1);
    CHECK(splice(p[0], NULL, file, NULL, 100, 0) == 0); /* the end */
    int fds[] = {p[0], q[1], file, event, append, reader, writer};
    for (size_t i = 0; i < sizeof fds / sizeof *fds; i++)
        close(fds[i]);
}

static void between_pipes(void)
{
    int p[2], q[2];
    CHECK(pipe(p) == 0 && pipe(q) == 0);
    CHECK(write(p[1], out, 10000) == 10000);
    CHECK(tee(p[0], q[1], 3000, 0) == 3000);
    CHECK(get(q[0], 10000) == 3000 && !memcmp(in, out, 3000));
    CHECK(tee(p[0], q[1], 100000, 0) == 10000);
    CHECK(get(q[0], 100000) == 10000 && !memcmp(in, out, 10000));
    CHECK(splice(p[0], NULL, q[1], NULL, 5000, 0) == 5000);
    CHECK(splice(p[0], NULL, q[1], NULL, 100000, SPLICE_F_MOVE | SPLICE_F_MORE) == 5000);
    CHECK(get(q[0], 100000) == 10000 && !memcmp(in, out, 10000));

    /* What is full are pages: sixteen short ones are enough. */
    for (int i = 0; i < 16; i++)
        CHECK(write(p[1], out + i, 1) == 1 && splice(p[0], NULL, q[1], NULL, 1, 0) == 1);
    CHECK(write(p[1], "x", 1) == 1);
    CHECK_ERROR(splice(p[0], NULL, q[1], NULL, 1, NONBLOCK), EAGAIN);
    CHECK_ERROR(tee(p[0], q[1], 1, NONBLOCK), EAGAIN);
    CHECK(get(q[0], 100) == 16 && !memcmp(in, out, 16));
    int fds[] = {p[0], p[1], q[0], q[1]};
    for (size_t i = 0; i < 4; i++)
        close(fds[i]);
}

static void with_files(void)
{
    int p[2], file = open("data", O_RDWR | O_CREAT | O_TRUNC, 0600);
    int copy = open("copy", O_RDWR | O_CREAT | O_TRUNC, 0600);
    off_t at = 100, to = 10;
    CHECK(pipe(p) == 0 && write(file, out, sizeof out) == (long)sizeof out);
    CHECK(splice(file, &at, p[1], NULL, 5000, 0) == 5000 && at == 5100);
    CHECK(lseek(file, 0, SEEK_CUR) == (off_t)sizeof out); /* the position stays */
    CHECK(splice(p[0], NULL, copy, &to, 4000, 0) == 4000 && to == 4010);
    CHECK(lseek(copy, 0, SEEK_CUR) == 0 && lseek(copy, 0, SEEK_END) == 4010);
    CHECK(pread(copy, in, 4000, 10) == 4000 && !memcmp(in, out + 100, 4000));
    CHECK(get(p[0], 5000) == 1000 && !memcmp(in, out + 4100, 1000));

    CHECK(lseek(file, 0, SEEK_SET) == 0);
    CHECK(splice(file, NULL, p[1], NULL, sizeof out, 0) == 65536); /* what there is room for */
    CHECK(lseek(file, 0, SEEK_CUR) == 65536);
    CHECK_ERROR(splice(file, NULL, p[1], NULL, 1, NONBLOCK), EAGAIN);
    CHECK(get(p[0], 65536) == 65536 && !memcmp(in, out, 65536));
    at = 100; /* the first page is not filled: it ends where the file's does */
    CHECK(splice(file, &at, p[1], NULL, sizeof out, 0) == 65536 - 100);
    drain(p[0]);
    at = sizeof out;
    CHECK(splice(file, &at, p[1], NULL, 10, 0) == 0);
    at = sizeof out - 10;
    CHECK(splice(file, &at, p[1], NULL, 100, 0) == 10);
    at = -1;
    CHECK_ERROR(splice(file, &at, p[1], NULL, 100, 0), EINVAL);
    CHECK(lseek(copy, 0, SEEK_SET) == 0 && splice(p[0], NULL, copy, NULL, 100, 0) == 10);
    CHECK(lseek(copy, 0, SEEK_CUR) == 10);

    CHECK(lseek(file, 0, SEEK_SET) == 0);
    CHECK(sendfile(p[1], file, NULL, 10000) == 10000 && lseek(file, 0, SEEK_CUR) == 10000);
    at = 5;
    CHECK(sendfile(p[1], file, &at, 1000) == 1000 && at == 1005);
    CHECK(lseek(file, 0, SEEK_CUR) == 10000);
    CHECK(get(p[0], 20000) == 11000 && !memcmp(in, out, 10000) &&
          !memcmp(in + 10000, out + 5, 1000));
    CHECK(fcntl(p[1], F_SETFL, O_NONBLOCK) == 0);
    at = 0;
    CHECK(sendfile(p[1], file, &at, sizeof out) == 65536 && at == 65536);
    CHECK_ERROR(sendfile(p[1], file, &at, 1), EAGAIN);
    close(copy);
    close(file);
    close(p[0]);
    close(p[1]);
    CHECK(unlink("data") == 0 && unlink("copy") == 0);
}

static void with_memory(void)
{
    static char page[3 * PAGE] __attribute__((aligned(PAGE)));
    int p[2];
    CHECK(pipe(p) == 0);
    memcpy(page, out, sizeof page);
    struct iovec v[3] = {{page, 10}, {page + 100, 200}, {page + PAGE - 5, 10}};
    CHECK(vmsplice(p[1], v, 3, 0) == 220);
    CHECK(get(p[0], 300) == 220 && !memcmp(in, out, 10) && !memcmp(in + 10, out + 100, 200) &&
          !memcmp(in + 210, out + PAGE - 5, 10));
    CHECK(fcntl(p[1], F_SETPIPE_SZ, 2 * PAGE) == 2 * PAGE);
    v[0] = (struct iovec){page + 1, 3 * PAGE - 1};
    CHECK(vmsplice(p[1], v, 1, NONBLOCK) == 2 * PAGE - 1); /* two pages of the three */
    CHECK_ERROR(vmsplice(p[1], v, 1, NONBLOCK), EAGAIN);
    v[0] = (struct iovec){in, 100};
    v[1] = (struct iovec){in + 100, 2 * PAGE - 101};
    CHECK(vmsplice(p[0], v, 2, 0) == 2 * PAGE - 1 && !memcmp(in, out + 1, 2 * PAGE - 1));
    v[0] = (struct iovec){(void *)8, 100};
    CHECK_ERROR(vmsplice(p[1], v, 1, 0), EFAULT);
    close(p[1]);
    v[0] = (struct iovec){in, 100};
    CHECK(vmsplice(p[0], v, 1, 0) == 0);
    close(p[0]);
}

/* A chain of threads: writer, splice, tee, reader; all of it arrives. */
struct chain {
    int from, to;
};

static long total;

static void *feed(void *arg)
{
    struct chain *c = arg;
    for (long done = 0, part = 1; done < total; done += part, part = part % 9973 + 17) {
        if (part > total - done)
            part = total - done;
        for (long i = 0; i < part; i++)
            ((char *)out)[i] = (char)((done + i) * 31 + (done + i) / 251);
        CHECK(write(c->to, out, (size_t)part) == part);
    }
    close(c->to);
    return NULL;
}

static void *move(void *arg)
{
    struct chain *c = arg;
    long n, sum = 0;
    while ((n = splice(c->from, NULL, c->to, NULL, 10007, SPLICE_F_MOVE)) > 0)
        sum += n;
    CHECK(n == 0 && sum == total);
    close(c->to);
    return NULL;
}

static void chains(void)
{
    int p[2], q[2];
    pthread_t t[2];
    total = guest_count(1000000, 50000000);
    CHECK(pipe(p) == 0 && pipe(q) == 0);
    struct chain first = {0, p[1]}, second = {p[0], q[1]};
    CHECK(pthread_create(&t[0], NULL, feed, &first) == 0);
    CHECK(pthread_create(&t[1], NULL, move, &second) == 0);
    long n, sum = 0, wrong = 0;
    while ((n = read(q[0], in, 7001)) > 0) {
        for (long i = 0; i < n; i++)
            wrong += in[i] != (char)((sum + i) * 31 + (sum + i) / 251);
        sum += n;
    }
    CHECK(sum == total && wrong == 0);
    pthread_join(t[0], NULL);
    pthread_join(t[1], NULL);
    close(p[0]);
    close(q[0]);
}

/* Two threads splice one pipe into a file each: all of it arrives, and only at the end is 0. */
static void *to_file(void *arg)
{
    struct chain *c = arg;
    long n;
    while ((n = splice(c->from, NULL, c->to, NULL, 5003, 0)) > 0)
        ;
    CHECK(n == 0);
    return NULL;
}

static void two_splicers(void)
{
    int p[2];
    pthread_t t[3];
    total = guest_count(500000, 20000000);
    CHECK(pipe(p) == 0);
    struct chain first = {0, p[1]};
    struct chain each[2] = {{p[0], open("one", O_RDWR | O_CREAT | O_TRUNC, 0600)},
                            {p[0], open("two", O_RDWR | O_CREAT | O_TRUNC, 0600)}};
    CHECK(pthread_create(&t[0], NULL, feed, &first) == 0);
    for (int i = 0; i < 2; i++)
        CHECK(pthread_create(&t[1 + i], NULL, to_file, &each[i]) == 0);
    for (int i = 0; i < 3; i++)
        pthread_join(t[i], NULL);
    CHECK(lseek(each[0].to, 0, SEEK_CUR) + lseek(each[1].to, 0, SEEK_CUR) == total);
    CHECK(read(p[0], in, 1) == 0);
    close(p[0]);
    close(each[0].to);
    close(each[1].to);
    CHECK(unlink("one") == 0 && unlink("two") == 0);
}

int main(void)
{
    for (size_t i = 0; i < sizeof out; i++)
        out[i] = (char)(i * 7 + i / 253);
    errors();
    between_pipes();
    with_files();
    with_memory();
    chains();
    two_splicers();
    return guest_result();
}
