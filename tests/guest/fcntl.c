/* SPDX-License-Identifier: MIT */
/* fcntl(2), dup(2), dup2(2), dup3(2), close_range(2), flock(2), ioctl(2) on what is no terminal. */

#include <fcntl.h>
#include <linux/close_range.h>
#include <pthread.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <termios.h>

#include "guest.h"

static int is_open(int fd)
{
    return fcntl(fd, F_GETFD) >= 0;
}

static void duplicates(void)
{
    int fd = open("file", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    CHECK(fd >= 0 && fcntl(fd, F_GETFD) == FD_CLOEXEC);
    int copy = dup(fd);
    CHECK(copy == fd + 1 && fcntl(copy, F_GETFD) == 0);
    CHECK(dup2(fd, 50) == 50 && fcntl(50, F_GETFD) == 0);
    CHECK(dup2(fd, fd) == fd && fcntl(fd, F_GETFD) == FD_CLOEXEC);
    CHECK(dup3(fd, 51, O_CLOEXEC) == 51 && fcntl(51, F_GETFD) == FD_CLOEXEC);
    CHECK_ERROR(dup3(fd, fd, 0), EINVAL);
    CHECK_ERROR(dup3(fd, 52, 1), EINVAL);
    CHECK_ERROR(dup3(-1, -1, 0), EINVAL);
    CHECK_ERROR(dup2(-1, -1), EBADF);
    CHECK_ERROR(dup2(900, 901), EBADF);
    CHECK_ERROR(dup2(fd, -1), EBADF);
    CHECK_ERROR(dup2(fd, 1 << 30), EBADF);
    CHECK_ERROR(dup(-1), EBADF);
    CHECK(fcntl(fd, F_DUPFD, 60) == 60 && fcntl(fd, F_DUPFD, 60) == 61);
    CHECK(fcntl(fd, F_DUPFD_CLOEXEC, 60) == 62 && fcntl(62, F_GETFD) == FD_CLOEXEC);
    CHECK_ERROR(fcntl(fd, F_DUPFD, 1 << 30), EINVAL);
    CHECK_ERROR(fcntl(900, F_GETFD), EBADF);
    CHECK_ERROR(fcntl(fd, 9999), EINVAL);
    CHECK(fcntl(copy, F_SETFD, FD_CLOEXEC) == 0 && fcntl(copy, F_GETFD) == FD_CLOEXEC);

    /* Status flags belong to the open file, not to the descriptor. */
    CHECK(fcntl(fd, F_SETFL, O_APPEND | O_NONBLOCK) == 0);
    CHECK((fcntl(copy, F_GETFL) & (O_ACCMODE | O_APPEND | O_NONBLOCK)) ==
          (O_RDWR | O_APPEND | O_NONBLOCK));
    CHECK(fcntl(copy, F_SETFL, O_WRONLY | O_CREAT) == 0); /* the access mode cannot change */
    CHECK((fcntl(fd, F_GETFL) & (O_ACCMODE | O_APPEND | O_NONBLOCK | O_CREAT)) == O_RDWR);

    CHECK(syscall(SYS_close_range, 60, 61, CLOSE_RANGE_CLOEXEC) == 0);
    CHECK(fcntl(60, F_GETFD) == FD_CLOEXEC && fcntl(61, F_GETFD) == FD_CLOEXEC);
    CHECK(syscall(SYS_close_range, 60, 61, 0) == 0);
    CHECK(!is_open(60) && !is_open(61) && is_open(62));
    CHECK_ERROR(syscall(SYS_close_range, 61, 60, 0), EINVAL);
    CHECK_ERROR(syscall(SYS_close_range, 60, 61, 64), EINVAL);
    CHECK(syscall(SYS_close_range, 50, ~0u, 0) == 0);
    CHECK(!is_open(50) && !is_open(51) && !is_open(62) && is_open(fd) && is_open(copy));
    close(copy);
    close(fd);
}

static void limit(void)
{
    struct rlimit old, small;
    int fd[64], n = 0;
    CHECK(getrlimit(RLIMIT_NOFILE, &old) == 0);
    small = (struct rlimit){10, old.rlim_max};
    CHECK(setrlimit(RLIMIT_NOFILE, &small) == 0);
    while (n < 64 && (fd[n] = dup(0)) >= 0)
        n++;
    CHECK(n < 64 && errno == EMFILE && fd[n - 1] == 9);
    CHECK_ERROR(open("file", O_RDONLY), EMFILE);
    CHECK_ERROR(dup2(0, 10), EBADF);
    CHECK_ERROR(fcntl(0, F_DUPFD, 10), EINVAL);
    CHECK_ERROR(fcntl(0, F_DUPFD, 5), EMFILE);
    int p[2];
    CHECK_ERROR(pipe(p), EMFILE);
    close(5);
    CHECK_ERROR(pipe(p), EMFILE); /* one is not enough, and is given back */
    CHECK(dup(0) == 5);
    while (n--)
        close(fd[n]);
    CHECK(setrlimit(RLIMIT_NOFILE, &old) == 0);
}

static void locks(void)
{
    int fd = open("file", O_RDWR), readonly = open("file", O_RDONLY);
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 10};
    CHECK(fcntl(fd, F_SETLK, &lock) == 0);
    CHECK(fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type == F_UNLCK); /* one's own do not count */
    lock = (struct flock){.l_type = F_RDLCK, .l_whence = SEEK_SET};
    CHECK(fcntl(readonly, F_SETLKW, &lock) == 0);
    lock.l_type = F_WRLCK;
    CHECK_ERROR(fcntl(readonly, F_SETLK, &lock), EBADF);
    lock.l_type = 9;
    CHECK_ERROR(fcntl(fd, F_SETLK, &lock), EINVAL);
    CHECK(flock(fd, LOCK_EX) == 0 && flock(fd, LOCK_UN) == 0);
    CHECK_ERROR(flock(fd, LOCK_NB), EINVAL);
    CHECK_ERROR(flock(900, LOCK_SH), EBADF);
    close(fd);
    close(readonly);
}

static void controls(void)
{
    int fd = open("file", O_RDWR | O_TRUNC), n;
    struct winsize size;
    struct termios t;
    CHECK_ERROR(tcgetattr(fd, &t), ENOTTY);
    CHECK_ERROR(ioctl(fd, TIOCGWINSZ, &size), ENOTTY);
    CHECK_ERROR(ioctl(fd, TIOCGPGRP, &n), ENOTTY);
    CHECK(isatty(fd) == 0);
    CHECK_ERROR(ioctl(900, TCGETS, &t), EBADF);
    CHECK(write(fd, "12345", 5) == 5 && lseek(fd, 2, SEEK_SET) == 2);
    CHECK(ioctl(fd, FIONREAD, &n) == 0 && n == 3);
    CHECK(ioctl(fd, FIOCLEX) == 0 && fcntl(fd, F_GETFD) == FD_CLOEXEC);
    CHECK(ioctl(fd, FIONCLEX) == 0 && fcntl(fd, F_GETFD) == 0);
    n = 1;
    CHECK(ioctl(fd, FIONBIO, &n) == 0 && fcntl(fd, F_GETFL) & O_NONBLOCK);
    n = 0;
    CHECK(ioctl(fd, FIONBIO, &n) == 0 && !(fcntl(fd, F_GETFL) & O_NONBLOCK));
    int place = open("file", O_PATH);
    CHECK_ERROR(ioctl(place, FIONREAD, &n), EBADF);
    CHECK_ERROR(fcntl(place, F_SETFL, 0), EBADF);
    CHECK(fcntl(place, F_DUPFD, 70) == 70 && close(70) == 0);
    close(place);
    close(fd);
}

static void *open_and_close(void *arg)
{
    (void)arg;
    for (long i = 0; i < guest_count(2000, 100000); i++) {
        int fd = open("file", O_RDONLY), copy = dup(fd);
        CHECK(fd >= 0 && copy >= 0 && fd != copy);
        CHECK(close(fd) == 0 && close(copy) == 0);
    }
    return NULL;
}

/* No thread gets another's descriptor. */
static void threads(void)
{
    pthread_t t[4];
    for (int i = 0; i < 4; i++)
        CHECK(pthread_create(&t[i], NULL, open_and_close, NULL) == 0);
    for (int i = 0; i < 4; i++)
        pthread_join(t[i], NULL);
}

int main(void)
{
    duplicates();
    limit();
    locks();
    controls();
    threads();
    CHECK(unlink("file") == 0);
    return guest_result();
}
