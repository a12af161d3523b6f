/* SPDX-License-Identifier: MIT */
/* ioctl(2): terminal requests on what is no terminal; the requests that all files know. */

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <termios.h>

#include "guest.h"

int main(void)
{
    int fds[2], value = -1;
    struct termios t;
    struct winsize w;
    int file = open("ioctl.tmp", O_RDWR | O_CREAT, 0600);
    CHECK(pipe(fds) == 0);
    const int all[] = {
        file, fds[0], fds[1], open(".", O_RDONLY), eventfd(0, 0), open("/dev/null", O_RDWR)};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (all[i] < 0)
            continue; /* an empty root has no /dev/null */
        CHECK_ERROR(ioctl(all[i], TCGETS, &t), ENOTTY);
        CHECK_ERROR(ioctl(all[i], TCSETS, &t), ENOTTY);
        CHECK_ERROR(ioctl(all[i], TIOCGWINSZ, &w), ENOTTY);
        CHECK_ERROR(ioctl(all[i], TIOCGPGRP, &value), ENOTTY);
        CHECK_ERROR(ioctl(all[i], 0xdeadbeef, &value), ENOTTY);
        CHECK(!isatty(all[i]) && errno == ENOTTY);

        CHECK(ioctl(all[i], FIOCLEX) == 0 && fcntl(all[i], F_GETFD) == FD_CLOEXEC);
        CHECK(ioctl(all[i], FIONCLEX) == 0 && fcntl(all[i], F_GETFD) == 0);
        CHECK(ioctl(all[i], FIONBIO, &(int){1}) == 0 && (fcntl(all[i], F_GETFL) & O_NONBLOCK));
        CHECK(ioctl(all[i], FIONBIO, &(int){0}) == 0 && !(fcntl(all[i], F_GETFL) & O_NONBLOCK));
        CHECK_ERROR(ioctl(all[i], FIONBIO, 8), EFAULT);
    }
    CHECK(write(file, "12345", 5) == 5 && lseek(file, 2, SEEK_SET) == 2);
    CHECK(ioctl(file, FIONREAD, &value) == 0 && value == 3);
    CHECK(write(fds[1], "1234", 4) == 4);
    CHECK(ioctl(fds[0], FIONREAD, &value) == 0 && value == 4);
    CHECK_ERROR(ioctl(fds[0], FIONREAD, 8), EFAULT);
    CHECK_ERROR(ioctl(999, FIONREAD, &value), EBADF);
    CHECK_ERROR(ioctl(open(".", O_PATH), FIONREAD, &value), EBADF);
    CHECK(unlink("ioctl.tmp") == 0);
    return guest_result();
}
