/* SPDX-License-Identifier: MIT */
/* fcntl(2), dup(2), dup2(2), dup3(2), close_range(2), and descriptors used by threads. */

#include <fcntl.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "guest.h"

static int flags_of(int fd)
{
    return fcntl(fd, F_GETFD);
}

static void duplicates(void)
{
    int fd = open("fcntl.tmp", O_RDWR | O_CREAT, 0600);
    CHECK(fd == 3);
    CHECK(dup(fd) == 4 && dup(fd) == 5);
    CHECK(close(4) == 0 && dup(fd) == 4); /* always the lowest free */
    CHECK(dup2(fd, 50) == 50 && dup2(fd, fd) == fd);
    CHECK(dup2(0, 50) == 50); /* closes what was there */
    CHECK(dup3(fd, 51, O_CLOEXEC) == 51 && flags_of(51) == FD_CLOEXEC && flags_of(fd) == 0);
    CHECK(dup2(51, 52) == 52 && flags_of(52) == 0);
    CHECK_ERROR(dup3(fd, fd, 0), EINVAL);
    CHECK_ERROR(dup3(fd, 53, 0x1), EINVAL);
    CHECK_ERROR(dup(-1), EBADF);
    CHECK_ERROR(dup2(999, 5), EBADF);
    CHECK_ERROR(dup2(fd, -1), EBADF);
    struct rlimit limit;
    CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    CHECK_ERROR(dup2(fd, (int)limit.rlim_cur), EBADF);
    CHECK_ERROR(fcntl(fd, F_DUPFD, (int)limit.rlim_cur), EINVAL);
    CHECK_ERROR(fcntl(fd, F_DUPFD, -1), EINVAL);
    CHECK(fcntl(fd, F_DUPFD, 20) == 20 && fcntl(fd, F_DUPFD_CLOEXEC, 20) == 21);
    CHECK(flags_of(20) == 0 && flags_of(21) == FD_CLOEXEC);
    CHECK(syscall(SYS_close_range, 20, 21, 0) == 0);
    CHECK_ERROR(fcntl(20, F_GETFD), EBADF);
    CHECK_ERROR(syscall(SYS_close_range, 21, 20, 0), EINVAL);
    CHECK_ERROR(syscall(SYS_close_range, 20, 21, 0x100), EINVAL);
    CHECK(syscall(SYS_close_range, 50, ~0u, 4 /* CLOSE_RANGE_CLOEXEC */) == 0);
    CHECK(flags_of(52) == FD_CLOEXEC);
    CHECK(syscall(SYS_close_range, 4, ~0u, 0) == 0);
    CHECK_ERROR(fcntl(52, F_GETFD), EBADF);
    CHECK(flags_of(fd) == 0);
}

static void status_flags(void)
{
    int fd = 3, copy = dup(fd);
    CHECK((fcntl(fd, F_GETFL) & (O_ACCMODE | O_APPEND | O_NONBLOCK)) == O_RDWR);
    CHECK(fcntl(fd, F_SETFL, O_APPEND | O_NONBLOCK | O_WRONLY | O_CREAT) == 0);
    CHECK((fcntl(copy, F_GETFL) & (O_ACCMODE | O_APPEND | O_NONBLOCK)) ==
          (O_RDWR | O_APPEND | O_NONBLOCK)); /* of the open file, not of the descriptor */
    CHECK(fcntl(fd, F_SETFD, FD_CLOEXEC) == 0 && flags_of(fd) == FD_CLOEXEC && flags_of(copy) == 0);
    CHECK(fcntl(fd, F_SETFD, 0) == 0 && flags_of(fd) == 0);
    CHECK_ERROR(fcntl(fd, 9999), EINVAL);
    CHECK_ERROR(fcntl(999, F_GETFL), EBADF);
    CHECK_ERROR(fcntl(fd, F_GETPIPE_SZ), EBADF);
    close(copy);
    int path = open(".", O_PATH);
    CHECK(fcntl(path, F_GETFL) & O_PATH);
    CHECK_ERROR(fcntl(path, F_SETFL, 0), EBADF);
    close(path);
}

static void locks(void)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 10};
    CHECK(fcntl(3, F_SETLK, &lock) == 0);
    CHECK(fcntl(3, F_GETLK, &lock) == 0 && lock.l_type == F_UNLCK); /* one's own is no conflict */
    CHECK(fcntl(3, F_SETLK, &lock) == 0);
}

/* Threads that open and close: the table never mixes them up. */
#define THREADS 4

static void *churn(void *arg)
{
    long wrong = 0;
    char mine = (char)('a' + (int)(uintptr_t)arg), got = 0;
    for (long i = guest_count(2000, 50000); i > 0; i--) {
        int fds[2];
        if (pipe(fds) < 0) {
            wrong++;
            continue;
        }
        int copy = dup(fds[1]);
        wrong += write(copy, &mine, 1) != 1;
        wrong += close(copy) != 0;
        wrong += read(fds[0], &got, 1) != 1 || got != mine;
        wrong += close(fds[0]) != 0;
        wrong += close(fds[1]) != 0;
    }
    CHECK(wrong == 0);
    return NULL;
}

int main(void)
{
    duplicates();
    status_flags();
    locks();
    close(3);
    CHECK(unlink("fcntl.tmp") == 0);
    pthread_t threads[THREADS];
    for (uintptr_t i = 0; i < THREADS; i++)
        CHECK(pthread_create(&threads[i], NULL, churn, (void *)i) == 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    CHECK(dup(0) == 3); /* nothing was left open */
    return guest_result();
}
