/* SPDX-License-Identifier: MIT */
/*
 * The standard streams: descriptors 0 to 2, which a guest host shares with its
 * launcher by inheritance.
 *
 * Source  read(2), write(2), fstat(2), poll(2), ioctl_tty(2).
 */

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "internal.h"
#include "lx/errno.h"

static enum plat_stream_kind kind_of(int fd, const struct stat *st)
{
    if (S_ISREG(st->st_mode))
        return PLAT_STREAM_FILE;
    if (S_ISCHR(st->st_mode) && st->st_rdev == makedev(1, 3))
        return PLAT_STREAM_NULL;
    if (S_ISCHR(st->st_mode) && isatty(fd))
        return PLAT_STREAM_CONSOLE;
    return PLAT_STREAM_PIPE; /* also sockets and other devices: bytes in order */
}

static uint32_t access_of(int flags)
{
    switch (flags & O_ACCMODE) {
    case O_RDONLY:
        return PLAT_READ;
    case O_WRONLY:
        return PLAT_WRITE;
    default:
        return PLAT_READ | PLAT_WRITE;
    }
}

int plat_host_stream_info(uint32_t stream, struct plat_stream_info *out)
{
    *out = (struct plat_stream_info){.kind = PLAT_STREAM_CLOSED};
    int flags = fcntl((int)stream, F_GETFL);
    if (flags < 0 || flags & O_PATH) /* O_PATH: was closed at start, see fill_streams() */
        return 0;
    struct stat st;
    if (fstat((int)stream, &st) < 0)
        return linux_error();
    out->kind = kind_of((int)stream, &st);
    out->access = access_of(flags);
    out->size = S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0;
    out->id = st.st_ino ^ (uint64_t)st.st_dev << 40;
    return 0;
}

/* After EINTR, or EAGAIN from a descriptor that its owner made non-blocking: 1 to try again. */
static int try_again(uint32_t stream, short events)
{
    if (errno == EAGAIN) {
        struct pollfd ready = {.fd = (int)stream, .events = events};
        poll(&ready, 1, -1);
        return 1;
    }
    return errno == EINTR;
}

int64_t plat_host_stream_read(uint32_t stream, void *buf, uint64_t size)
{
    ssize_t n;
    do
        n = read((int)stream, buf, size);
    while (n < 0 && try_again(stream, POLLIN));
    return linux_result(n);
}

int64_t plat_host_stream_write(uint32_t stream, const void *buf, uint64_t size)
{
    ssize_t n;
    do
        n = write((int)stream, buf, size);
    while (n < 0 && try_again(stream, POLLOUT));
    return linux_result(n);
}

int64_t plat_host_stream_pread(uint32_t stream, void *buf, uint64_t size, uint64_t offset)
{
    return linux_result(pread((int)stream, buf, size, (off_t)offset));
}

int64_t plat_host_stream_pwrite(uint32_t stream, const void *buf, uint64_t size, uint64_t offset)
{
    return linux_result(pwrite((int)stream, buf, size, (off_t)offset));
}

int64_t plat_host_stream_seek(uint32_t stream, int64_t offset, int32_t whence)
{
    return linux_result(lseek((int)stream, offset, whence));
}

int plat_host_stream_truncate(uint32_t stream, uint64_t size)
{
    return ftruncate((int)stream, (off_t)size) < 0 ? linux_error() : 0;
}

/* An end that the other side closed is ready: the next call says so without blocking. */
uint32_t plat_host_stream_ready(uint32_t streams)
{
    struct pollfd fds[3];
    for (int i = 0; i < 3; i++) {
        uint32_t want = streams >> 2 * i & 3;
        fds[i] = (struct pollfd){
            .fd = want ? i : -1,
            .events = (short)((want & 1 ? POLLIN : 0) | (want & 2 ? POLLOUT : 0)),
        };
    }
    int n;
    do
        n = poll(fds, 3, 0);
    while (n < 0 && errno == EINTR);

    uint32_t ready = 0;
    for (int i = 0; i < 3; i++) {
        short ended = fds[i].revents & (POLLERR | POLLHUP | POLLNVAL);
        if (fds[i].revents & POLLIN || ended)
            ready |= 1u << 2 * i;
        if (fds[i].revents & POLLOUT || ended)
            ready |= 2u << 2 * i;
    }
    return ready & streams;
}

int plat_host_stream_winsize(uint32_t stream, struct plat_winsize *out)
{
    *out = (struct plat_winsize){0};
    struct winsize size;
    if (ioctl((int)stream, TIOCGWINSZ, &size) < 0)
        return -LX_ENOTTY;
    *out = (struct plat_winsize){.rows = size.ws_row, .columns = size.ws_col};
    return 0;
}
