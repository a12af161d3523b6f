/* SPDX-License-Identifier: MIT */
#ifndef TESTS_GUEST_TTY_H
#define TESTS_GUEST_TTY_H

/* For guest tests: a pseudo-terminal, and what its ends say. */

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>

#include "guest.h"

struct pair {
    int master, slave;
    char name[32];
};

/* A new one; nobody's controlling terminal. */
static inline struct pair tty_pair(int flags)
{
    struct pair p;
    int number = -1, zero = 0;
    p.master = open("/dev/ptmx", O_RDWR | O_NOCTTY | flags);
    CHECK(p.master >= 0);
    CHECK(ioctl(p.master, TIOCSPTLCK, &zero) == 0);
    CHECK(ioctl(p.master, TIOCGPTN, &number) == 0);
    snprintf(p.name, sizeof p.name, "/dev/pts/%d", number);
    p.slave = open(p.name, O_RDWR | O_NOCTTY | flags);
    CHECK(p.slave >= 0);
    return p;
}

static inline void tty_close(struct pair p)
{
    close(p.slave);
    close(p.master);
}

/* Raw mode: reads wait for `least` bytes, and so many tenths of a second. */
static inline void tty_raw(int fd, int least, int tenths)
{
    struct termios t;
    CHECK(tcgetattr(fd, &t) == 0);
    cfmakeraw(&t);
    t.c_cc[VMIN] = (cc_t)least;
    t.c_cc[VTIME] = (cc_t)tenths;
    CHECK(tcsetattr(fd, TCSANOW, &t) == 0);
}

/* What becomes ready within 2 s, of what is asked for. */
static inline int tty_ready(int fd, int events)
{
    struct pollfd p = {fd, (short)events, 0};
    return poll(&p, 1, 2000) == 1 ? p.revents : 0;
}

/* What is ready now. */
static inline int tty_now(int fd)
{
    struct pollfd p = {fd, POLLIN | POLLOUT | POLLPRI, 0};
    return poll(&p, 1, 0) >= 0 ? p.revents : -1;
}

/* All of a text is read, however it comes in parts. */
static inline int tty_reads(int fd, const char *text)
{
    char bytes[256];
    size_t done = 0, size = strlen(text);
    while (done < size && tty_ready(fd, POLLIN) & POLLIN) {
        ssize_t n = read(fd, bytes + done, size - done);
        if (n <= 0)
            break;
        done += (size_t)n;
    }
    if (done == size && memcmp(bytes, text, size) == 0)
        return 1;
    printf("read \"%.*s\", not \"%s\"\n", (int)done, bytes, text);
    return 0;
}

static inline int tty_types(int fd, const char *text)
{
    return write(fd, text, strlen(text)) == (ssize_t)strlen(text);
}

#endif
