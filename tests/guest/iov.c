/* SPDX-License-Identifier: MIT */
/* readv(2), writev(2), preadv(2), pwritev(2) and their second versions. */

#include <fcntl.h>
#include <limits.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "guest.h"

int main(void)
{
    char a[8], b[8], big[10000];
    int p[2], fd = open("file", O_RDWR | O_CREAT, 0600);
    struct iovec out[] = {{"one", 3}, {NULL, 0}, {"three", 5}};
    struct iovec in[] = {{a, 4}, {b, 8}};
    struct iovec many[IOV_MAX + 1];
    CHECK(writev(fd, out, 3) == 8 && lseek(fd, 0, SEEK_CUR) == 8);
    CHECK(lseek(fd, 0, SEEK_SET) == 0 && readv(fd, in, 2) == 8);
    CHECK(memcmp(a, "onet", 4) == 0 && memcmp(b, "hree", 4) == 0);
    CHECK(readv(fd, in, 2) == 0);
    CHECK(preadv(fd, in, 2, 3) == 5 && memcmp(a, "thre", 4) == 0 && b[0] == 'e');
    CHECK(pwritev(fd, out, 3, 5) == 8 && lseek(fd, 0, SEEK_CUR) == 8);
    CHECK(preadv2(fd, in, 1, 5, 0) == 4 && memcmp(a, "onet", 4) == 0);
    CHECK(lseek(fd, 1, SEEK_SET) == 1 && preadv2(fd, in, 1, -1, 0) == 4);
    CHECK(lseek(fd, 0, SEEK_CUR) == 5);
    CHECK(pwritev2(fd, out, 1, -1, 0) == 3 && lseek(fd, 0, SEEK_CUR) == 8);
    CHECK_ERROR(preadv2(fd, in, 1, 0, 1 << 20), EOPNOTSUPP);
    CHECK_ERROR(syscall(SYS_preadv, fd, in, 1, -2L, 0), EINVAL);
    CHECK(readv(fd, in, 0) == 0 && writev(fd, out, 0) == 0);
    CHECK_ERROR(syscall(SYS_readv, fd, in, -1), EINVAL);
    CHECK_ERROR(readv(900, in, 1), EBADF);

    for (int i = 0; i <= IOV_MAX; i++)
        many[i] = (struct iovec){big + 9 * (i % 1000), 9};
    memset(big, 'm', sizeof big);
    CHECK_ERROR(writev(fd, many, IOV_MAX + 1), EINVAL);
    CHECK(pwritev(fd, many, IOV_MAX, 0) == 9 * IOV_MAX);
    CHECK(preadv(fd, many, IOV_MAX, 0) == 9 * IOV_MAX);
    many[1].iov_len = (size_t)SSIZE_MAX + 1;
    CHECK_ERROR(readv(fd, many, 2), EINVAL);

    /* A bad buffer after a good one: what was moved counts. */
    char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(page != MAP_FAILED && munmap(page + 4096, 4096) == 0);
    struct iovec half[] = {{a, 8}, {page + 4096, 8}};
    CHECK(preadv(fd, half, 2, 0) == 8);
    half[0] = (struct iovec){page + 4096, 8};
    CHECK_ERROR(preadv(fd, half, 2, 0), EFAULT);
    CHECK_ERROR(pwritev(fd, half, 2, 0), EFAULT);

    /* Pipes: what is there is not held back for the buffers that stay empty. */
    CHECK(pipe(p) == 0 && writev(p[1], out, 3) == 8);
    CHECK(readv(p[0], in, 2) == 8 && memcmp(b, "hree", 4) == 0);
    CHECK(writev(p[1], out, 1) == 3 && readv(p[0], in, 2) == 3);
    CHECK(write(p[1], "1234", 4) == 4 && readv(p[0], in, 2) == 4);
    CHECK_ERROR(preadv(p[0], in, 2, 0), ESPIPE);
    CHECK_ERROR(readv(p[1], in, 2), EBADF);
    CHECK_ERROR(writev(p[0], out, 2), EBADF);
    CHECK(fcntl(p[1], F_SETFL, O_NONBLOCK) == 0);
    while (write(p[1], big, 4096) == 4096)
        continue;
    struct iovec two[] = {{big, 2000}, {big, 2000}};
    CHECK_ERROR(writev(p[1], two, 2), EAGAIN);
    CHECK(read(p[0], big, 3000) == 3000);
    CHECK_ERROR(writev(p[1], two, 2), EAGAIN); /* all of it or nothing, up to PIPE_BUF */
    close(p[0]);
    close(p[1]);
    close(fd);
    CHECK(unlink("file") == 0);
    return guest_result();
}
